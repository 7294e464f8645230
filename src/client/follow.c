/* Events without a gap: subscribe, take a snapshot, then give every number once and in order.
 *
 * PUB drops what a subscriber does not take, and a subscription takes effect some time after it is asked for; so a number
 * that is not the next one, or a heartbeat that names one which never came, makes the client ask for those in between
 * (GetEvents).  What the server has forgotten is replaced by a new snapshot.  A server that falls silent or leaves is
 * looked for again, ever more seldom. */
#include "client_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <zmq.h>

#include "strata/clock.h"
#include "strata/record.h"

#define SILENCE_S (3.5 * STRATA_HEARTBEAT_MS / 1000)
#define GLANCE_S \
    (1.5 * STRATA_HEARTBEAT_MS / 1000) /* before looking whether anybody still listens */
#define TURN_S 0.25
#define FIRST_WAIT_S 0.1
#define LONGEST_WAIT_S 5.0
#define AGAIN_TIMEOUT_MS 1500 /* of the first question to a server that was found again */

/* --- subscribing ---------------------------------------------------------------------------------- */

/* The events' port at the address by which the requests came through: a server knows only one of its own. */
static const char *reachable(struct strata_client *client, const char *events)
{
    const char *requests = client->channel.requests;
    const char *host_end = strrchr(requests, ':'), *port = strrchr(events, ':');
    if (strncmp(requests, "tcp://", 6) != 0 || strncmp(events, "tcp://", 6) != 0)
        return strata_arena_copy(&client->memory, events, strlen(events));
    return strata_arena_print(&client->memory, "%.*s%s", (int)(host_end - requests), requests, port);
}

/* Connect to where the events are: control.json has said it, or the server will. */
static strata_status subscribe(struct strata_client *client, struct strata_arena scratch,
                               struct strata_err *err)
{
    if (client->events) return STRATA_OK; /* an earlier call was interrupted after this */
    if (!client->channel.events) {
        struct strata_answer answer;
        STRATA_TRY(strata_client_question(client, STRATA_ASK_HELLO, NULL, &scratch, &answer, err));
        const char *events = ((const Strata__V1__Reply *)answer.message)->hello->events;
        client->channel.events = reachable(client, events);
        if (!client->channel.events)
            return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for an endpoint");
    }
    return strata_client_connect(client, ZMQ_SUB, client->channel.events, &client->events, err);
}

/* --- snapshots and what was missed ---------------------------------------------------------------- */

/* Where the job stands, as an event; all that it contains is not given again. */
static strata_status take_snapshot(struct strata_client *client, struct strata_arena *keep,
                                   struct strata_event *event, struct strata_err *err)
{
    struct strata_answer answer;
    STRATA_TRY(strata_client_question(client, STRATA_ASK_SNAPSHOT, NULL, keep, &answer, err));
    const Strata__V1__SnapshotReply *body = ((const Strata__V1__Reply *)answer.message)->snapshot;
    if (!body->status)
        return STRATA_FAIL(err, STRATA_E_DATA, "the server sent a snapshot without a status");
    *event = (struct strata_event){.kind = STRATA_TOLD_SNAPSHOT,
                                   .number = body->event,
                                   .seq = answer.seq,
                                   .incarnation = answer.incarnation,
                                   .balance = (double)NAN,
                                   .job = answer.job,
                                   .n_candidates = body->n_candidates,
                                   .live = answer.job.candidates_live,
                                   .state = answer.job.state,
                                   .elapsed_s = answer.job.elapsed_s,
                                   .iteration = answer.job.iteration,
                                   .text = "",
                                   .fate = "",
                                   .message = answer.message};
    if (!strata_view_candidates(body->candidates, body->n_candidates, keep, &event->candidate))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a snapshot");
    client->follow.last = body->event;
    client->follow.missed = NULL;
    client->follow.heard_s = strata_clock_s();
    return STRATA_OK;
}

/* The last snapshot of all, from the record of a run that has finished meanwhile. */
static strata_status snapshot_of_record(struct strata_client *client, struct strata_arena *keep,
                                        struct strata_event *event, struct strata_err *err)
{
    struct strata_answer answer;
    STRATA_TRY(strata_client_question(client, STRATA_ASK_STATUS, NULL, keep, &answer, err));
    *event = (struct strata_event){.kind = STRATA_TOLD_SNAPSHOT,
                                   .incarnation = "",
                                   .leaving = true,
                                   .balance = (double)NAN,
                                   .job = answer.job,
                                   .state = answer.job.state,
                                   .text = "",
                                   .fate = "",
                                   .message = answer.message};
    return STRATA_OK;
}

static void lose(struct strata_client *client)
{
    struct strata_follow *follow = &client->follow;
    follow->lost = true;
    follow->told = false;
    follow->n_tries = 0;
    follow->again_s = strata_clock_s();
}

/* The event is the caller's; a server whose last one it is, of a job that is not over, is looked for again. */
static bool give(struct strata_client *client, const Strata__V1__Event *message,
                 struct strata_arena *keep, struct strata_event *event)
{
    if (!strata_view_event(message, keep, event)) return false;
    client->follow.last = message->number;
    if (message->last && !event->job.final && event->kind != STRATA_TOLD_DONE) lose(client);
    return true;
}

/* Ask for the events after the last one; *gap: the server has forgotten some, or is another one. */
static strata_status ask_missed(struct strata_client *client, bool *gap, struct strata_err *err)
{
    struct strata_follow *follow = &client->follow;
    struct strata_answer answer;
    char after[32];
    if (!follow->memory.start &&
        !strata_arena_init(&follow->memory, strata_unpack_bytes(STRATA_REPLY_BYTES_MAX)))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for events");
    (void)snprintf(after, sizeof after, "%" PRIu64, follow->last);
    strata_arena_reset(&follow->memory);
    follow->missed = NULL;
    STRATA_TRY(
        strata_client_question(client, STRATA_ASK_EVENTS, after, &follow->memory, &answer, err));
    follow->missed = ((const Strata__V1__Reply *)answer.message)->events;
    follow->next = 0;
    const char *ours = client->channel.incarnation;
    *gap = follow->missed->gap || follow->missed->last < follow->last ||
           (ours && ours[0] && strcmp(answer.incarnation, ours) != 0);
    if (*gap) follow->missed = NULL;
    return STRATA_OK;
}

/* The next of the events that were asked for, copied into keep; false when there is none. */
static bool next_missed(struct strata_client *client, struct strata_arena *keep,
                        struct strata_event *event)
{
    struct strata_follow *follow = &client->follow;
    while (follow->missed && follow->next < follow->missed->n_events) {
        const Strata__V1__Event *missed = follow->missed->events[follow->next++];
        if (missed->number <= follow->last) continue; /* the socket has had it */
        const size_t n_bytes = strata__v1__event__get_packed_size(missed);
        unsigned char *bytes = STRATA_NEW(keep, unsigned char, n_bytes);
        if (!bytes) return false;
        (void)strata__v1__event__pack(missed, bytes); /* its size is known */
        const Strata__V1__Event *copy =
            strata_unpack(&strata__v1__event__descriptor, bytes, n_bytes, keep);
        return copy && give(client, copy, keep, event);
    }
    follow->missed = NULL;
    return false;
}

/* Close a gap: what was missed comes with the next calls, or a snapshot as *event. */
static strata_status catch_up(struct strata_client *client, struct strata_arena *keep,
                              struct strata_event *event, struct strata_err *err)
{
    bool gap = false;
    STRATA_TRY(ask_missed(client, &gap, err));
    if (!gap) return STRATA_OK;
    STRATA_TRY(take_snapshot(client, keep, event, err));
    event->resynced = true;
    return STRATA_OK;
}

/* --- losing and finding again --------------------------------------------------------------------- */

/* In [1/2, 3/2): clients that lost the same server do not come back at the same moment. */
static double jitter(struct strata_client *client)
{
    client->random = client->random * 6364136223846793005u + 1442695040888963407u;
    return 0.5 + (double)(client->random >> 40) / (double)(1u << 24);
}

static void postpone(struct strata_client *client)
{
    struct strata_follow *follow = &client->follow;
    double wait_s = FIRST_WAIT_S * (double)(1u << follow->n_tries);
    if (wait_s < LONGEST_WAIT_S) follow->n_tries++;
    if (wait_s > LONGEST_WAIT_S) wait_s = LONGEST_WAIT_S;
    follow->again_s = strata_clock_s() + wait_s * jitter(client);
}

/* Go on with the server that was found: where the last event left off, or with a snapshot of another server. */
static strata_status go_on(struct strata_client *client, struct strata_arena *keep,
                           struct strata_event *event, struct strata_err *err)
{
    if (client->record) return snapshot_of_record(client, keep, event, err);
    STRATA_TRY(subscribe(client, *keep, err));
    if (!client->follow.is_other) return catch_up(client, keep, event, err);
    STRATA_TRY(take_snapshot(client, keep, event, err));
    event->restarted = true;
    return STRATA_OK;
}

static bool may_come_back(strata_status status)
{
    return status == STRATA_E_UNAVAILABLE || status == STRATA_E_AGAIN || status == STRATA_E_DATA ||
           status == STRATA_E_IO;
}

/* Look for the job once.  *event stays NONE when there is nothing to tell. */
static strata_status look_again(struct strata_client *client, struct strata_arena *keep,
                                struct strata_event *event, struct strata_err *err)
{
    struct strata_follow *follow = &client->follow;
    struct strata_err why = {0};
    bool is_other = false;
    const int timeout_ms = client->timeout_ms;
    strata_status status = strata_client_find(client, &is_other, &why);
    if (status == STRATA_OK) follow->is_other |= is_other; /* until its snapshot is there */
    if (timeout_ms > AGAIN_TIMEOUT_MS) client->timeout_ms = AGAIN_TIMEOUT_MS;
    if (status == STRATA_OK) status = go_on(client, keep, event, &why);
    client->timeout_ms = timeout_ms;
    if (status == STRATA_OK) {
        follow->lost = follow->is_other = false;
        follow->heard_s = strata_clock_s();
        return STRATA_OK;
    }
    if (!may_come_back(status)) {
        *err = why;
        return status;
    }
    postpone(client);
    *event = (struct strata_event){.kind = STRATA_TOLD_NONE};
    if (follow->told) return STRATA_OK;
    follow->told = true;
    event->kind = STRATA_TOLD_LOST;
    event->balance = (double)NAN;
    event->incarnation = event->state = event->fate = "";
    event->text = strata_arena_copy(keep, why.text, strlen(why.text));
    if (!event->text) event->text = "";
    return STRATA_OK;
}

static strata_status sleep_until(double until, struct strata_err *err)
{
    const double left_s = until - strata_clock_s();
    if (left_s <= 0) return STRATA_OK;
    const struct timespec length = {.tv_sec = (time_t)left_s,
                                    .tv_nsec = (long)((left_s - (double)(time_t)left_s) * 1e9)};
    if (nanosleep(&length, NULL) != 0 && errno == EINTR)
        return STRATA_FAIL(err, STRATA_E_CANCELLED, "interrupted");
    return STRATA_OK;
}

/* --- following ------------------------------------------------------------------------------------ */

/* What the socket brought: the next event, one that is known already, or one after a gap. */
static strata_status take(struct strata_client *client, const unsigned char *bytes, size_t n_bytes,
                          struct strata_arena *keep, struct strata_event *event,
                          struct strata_err *err)
{
    struct strata_follow *follow = &client->follow;
    const Strata__V1__Event *message =
        strata_unpack(&strata__v1__event__descriptor, bytes, n_bytes, keep);
    if (!message) return STRATA_OK; /* nothing that this client understands */
    const char *ours = client->channel.incarnation;
    if (ours && ours[0] && strcmp(message->incarnation, ours) != 0) {
        lose(client); /* another server at the same place: found again at once */
        return STRATA_OK;
    }
    follow->heard_s = strata_clock_s();
    const bool is_heartbeat = message->body_case == STRATA__V1__EVENT__BODY_HEARTBEAT;
    const uint64_t expected = is_heartbeat ? follow->last : follow->last + 1;
    if (message->number < expected) return STRATA_OK; /* it has been given */
    if (message->number > expected) return catch_up(client, keep, event, err);
    if (!give(client, message, keep, event))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for an event");
    return STRATA_OK;
}

static bool is_silent(const struct strata_client *client)
{
    const double quiet_s = strata_clock_s() - client->follow.heard_s;
    return quiet_s >= SILENCE_S ||
           (quiet_s >= GLANCE_S &&
            strata_channel_probe(client->channel.requests) == STRATA_LISTENER_NONE);
}

/* One step: an event that waits, a look for a job that is lost, or what the socket brings until then. */
static strata_status step(struct strata_client *client, double until, struct strata_arena *keep,
                          struct strata_event *event, struct strata_err *err)
{
    struct strata_follow *follow = &client->follow;
    unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    if (next_missed(client, keep, event)) return STRATA_OK;
    if (follow->lost && strata_clock_s() >= follow->again_s)
        return look_again(client, keep, event, err);
    if (follow->lost) return sleep_until(follow->again_s < until ? follow->again_s : until, err);
    STRATA_TRY(strata_client_receive(client->events, until, keep, &bytes, &n_bytes, err));
    if (n_bytes > 0) {
        struct strata_err why = {0};
        const strata_status status = take(client, bytes, n_bytes, keep, event, &why);
        if (!may_come_back(status)) {
            if (status != STRATA_OK) *err = why;
            return status;
        }
        lose(client); /* the server went away while it was asked */
    } else if (is_silent(client)) {
        lose(client);
    }
    return STRATA_OK;
}

static strata_status begin(struct strata_client *client, struct strata_arena *keep,
                           struct strata_event *event, struct strata_err *err)
{
    STRATA_TRY(subscribe(client, *keep, err));
    STRATA_TRY(take_snapshot(client, keep, event, err));
    client->follow.begun = true;
    return STRATA_OK;
}

strata_status strata_client_next_event(struct strata_client *client, int timeout_ms,
                                       struct strata_arena *keep, struct strata_event *event,
                                       struct strata_err *err)
{
    *event = (struct strata_event){.kind = STRATA_TOLD_NONE};
    if (client->record)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "the job is over (DONE): there are no events");
    if (!client->follow.begun) return begin(client, keep, event, err);
    const double until = strata_clock_s() + timeout_ms / 1000.0;
    do {
        const struct strata_arena before = *keep;
        const double turn = strata_clock_s() + TURN_S;
        STRATA_TRY(step(client, turn < until ? turn : until, keep, event, err));
        if (event->kind == STRATA_TOLD_NONE) *keep = before;
    } while (event->kind == STRATA_TOLD_NONE && strata_clock_s() < until);
    return STRATA_OK;
}
