/* Subscribers of a control channel's events: many in one process.
 *     bench_control_subscribers events=E [requests=R] [count=500] [reads=1] [seconds=10]
 * With reads=0 nobody reads what comes.  With reads=1 each checks the numbers of its events; who sees a gap asks at R for
 * what is missing.  Prints "ready" once all are connected, and one JSON line at the end. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zmq.h>

#include "strata/arena.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"
#include "strata/v1/control.pb-c.h"

#include "../peers/peer.h"

#define COUNT_MAX 4096
#define SCRATCH_BYTES ((size_t)64 << 20)
#define TURN_S 0.01
#define ANSWER_MS 5000

struct subscribers {
    void *context, *requests, *socket[COUNT_MAX];
    uint64_t last[COUNT_MAX]; /* number of the last event that this one knows of; 0: none yet */
    size_t n;
    struct strata_arena scratch;
    size_t n_events, n_gaps, n_missed, n_recovered, n_lost;
    uint64_t next_id;
};

static void *open_socket(struct subscribers *all, int kind, const char *endpoint, int high_water)
{
    const int none = 0;
    void *socket = zmq_socket(all->context, kind);
    if (!socket || zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) != 0 ||
        zmq_setsockopt(socket, ZMQ_RCVHWM, &high_water, sizeof high_water) != 0 ||
        (kind == ZMQ_SUB && zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) != 0) ||
        zmq_connect(socket, endpoint) != 0)
        peer_fail("cannot connect, or there are too many sockets");
    return socket;
}

/* The server's answer to what came after an event; NULL: none, or a refusal. */
static Strata__V1__Reply *ask_after(struct subscribers *all, uint64_t after,
                                    struct strata_arena *scratch)
{
    Strata__V1__Request request;
    Strata__V1__GetEvents body = STRATA__V1__GET_EVENTS__INIT;
    unsigned char bytes[64];
    zmq_msg_t message;
    strata__v1__request__init(&request);
    body.after = after;
    request.id = ++all->next_id;
    request.body_case = STRATA__V1__REQUEST__BODY_GET_EVENTS;
    request.get_events = &body;
    const size_t n = strata__v1__request__pack(&request, bytes);
    if (zmq_send(all->requests, bytes, n, 0) < 0) return NULL;
    (void)zmq_msg_init(&message); /* cannot fail */
    Strata__V1__Reply *reply = NULL;
    if (zmq_msg_recv(&message, all->requests, 0) >= 0)
        reply = strata_unpack(&strata__v1__reply__descriptor, zmq_msg_data(&message),
                              zmq_msg_size(&message), scratch);
    (void)zmq_msg_close(&message);
    return reply && reply->body_case == STRATA__V1__REPLY__BODY_EVENTS ? reply : NULL;
}

/* Events after `from` up to `to`, which a subscriber did not get: how many the server still has, without a hole. */
static size_t recover(struct subscribers *all, uint64_t from, uint64_t to)
{
    size_t n_found = 0;
    while (all->requests && from < to) {
        struct strata_arena scratch = all->scratch;
        const Strata__V1__Reply *reply = ask_after(all, from, &scratch);
        if (!reply || reply->events->gap || reply->events->n_events == 0) break;
        for (size_t i = 0; i < reply->events->n_events && from < to; i++) {
            if (reply->events->events[i]->number != from + 1) return n_found;
            from++;
            n_found++;
        }
    }
    return n_found;
}

static void take_event(struct subscribers *all, size_t which, const Strata__V1__Event *event)
{
    uint64_t *last = &all->last[which];
    const bool beats = event->body_case == STRATA__V1__EVENT__BODY_HEARTBEAT;
    const uint64_t before =
        beats ? event->number : event->number - 1; /* what must be known by now */
    all->n_events += !beats;
    if (*last && before > *last) {
        const size_t n_missed = (size_t)(before - *last), n_found = recover(all, *last, before);
        all->n_gaps++;
        all->n_missed += n_missed;
        all->n_recovered += n_found;
        all->n_lost += n_missed - n_found;
    }
    if (event->number > *last) *last = event->number;
}

static void read_all(struct subscribers *all, size_t which)
{
    zmq_msg_t message;
    for (;;) {
        struct strata_arena scratch = all->scratch;
        (void)zmq_msg_init(&message); /* cannot fail */
        if (zmq_msg_recv(&message, all->socket[which], ZMQ_DONTWAIT) < 0) break;
        const Strata__V1__Event *event =
            strata_unpack(&strata__v1__event__descriptor, zmq_msg_data(&message),
                          zmq_msg_size(&message), &scratch);
        if (event)
            take_event(all, which, event);
        else
            all->n_lost++;
        (void)zmq_msg_close(&message);
    }
    (void)zmq_msg_close(&message);
}

static void rest(double seconds)
{
    const struct timespec length = {.tv_sec = (time_t)seconds,
                                    .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&length, NULL);
}

static void tell(const struct subscribers *all)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (all->last[i] < least) least = all->last[i];
        if (all->last[i] > most) most = all->last[i];
    }
    printf("{\"subscribers\": %zu, \"events\": %zu, \"gaps\": %zu, \"missed\": %zu, \"recovered\": %zu, "
           "\"lost\": %zu, \"last_least\": %llu, \"last_most\": %llu}\n",
           all->n, all->n_events, all->n_gaps, all->n_missed, all->n_recovered, all->n_lost,
           (unsigned long long)least, (unsigned long long)most);
}

int main(int argc, char **argv)
{
    static struct subscribers all;
    const char *events = peer_text(argc, argv, "events", NULL);
    const char *requests = peer_text(argc, argv, "requests", NULL);
    const bool reads = peer_number(argc, argv, "reads", 1) != 0;
    const double seconds = strtod(peer_text(argc, argv, "seconds", "10"), NULL);
    const int patience = ANSWER_MS;
    all.n = peer_number(argc, argv, "count", 500);
    if (!events || all.n < 1 || all.n > COUNT_MAX)
        peer_fail("events=E and count=1..4096 are wanted");
    if (!strata_arena_init(&all.scratch, SCRATCH_BYTES)) peer_fail("no memory");
    all.context = zmq_ctx_new();
    if (!all.context || zmq_ctx_set(all.context, ZMQ_MAX_SOCKETS, COUNT_MAX + 8) != 0)
        peer_fail("no room for sockets");
    if (reads && requests) all.requests = open_socket(&all, ZMQ_DEALER, requests, 64);
    if (all.requests) (void)zmq_setsockopt(all.requests, ZMQ_RCVTIMEO, &patience, sizeof patience);
    for (size_t i = 0; i < all.n; i++)
        all.socket[i] = open_socket(&all, ZMQ_SUB, events, reads ? STRATA_EVENTS_HWM : 1);
    printf("ready\n");
    (void)fflush(stdout);
    for (const double until_s = peer_now() + seconds; peer_now() < until_s; rest(TURN_S))
        for (size_t i = 0; reads && i < all.n; i++) read_all(&all, i);
    if (reads) tell(&all);
    for (size_t i = 0; i < all.n; i++) (void)zmq_close(all.socket[i]);
    if (all.requests) (void)zmq_close(all.requests);
    (void)zmq_ctx_term(all.context);
    strata_arena_finish(&all.scratch);
    return EXIT_SUCCESS;
}
