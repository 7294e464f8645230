/* Requests to a control channel at a steady rate, and how long each answer took.
 *     bench_control_load endpoint=E request=FILE [rate=10000] [seconds=2] [connections=8] [open=1] [keys=DIR]
 * FILE is a packed strata.v1.Request without an id.  A rate of 0 asks the next question when one is answered, `open` at a
 * time on each connection.  The times begin when a request is due, not when it was sent, so that a server that stalls does
 * not hide it.  One JSON line: when it began and ended (seconds of the wall clock), what came back, microseconds. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "strata/keys.h"

#include "../peers/peer.h"

#define CONNECTIONS_MAX 64
#define REQUEST_BYTES_MAX ((size_t)32 << 20)
#define ID_BYTES 11 /* its tag, and a varint */
#define PATIENCE_S 2.0
#define CODE_OK 1

struct load {
    void *context, *socket[CONNECTIONS_MAX];
    size_t n_connections, n_open, burst, limit;
    double rate, seconds;
    unsigned char *request; /* room for an id, then what the file says */
    size_t n_request;
    double *due_s; /* (limit) of each request, by id - 1 */
    uint32_t *took_us;
    size_t n_sent, n_answered, n_refused;
    double latest_send_s; /* the longest that one was sent after it was due */
    size_t bytes;         /* of replies */
};

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) peer_fail("no memory");
    return memory;
}

static void read_request(struct load *load, const char *path)
{
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) peer_fail("request=FILE: a packed request is wanted");
    load->request = room(REQUEST_BYTES_MAX, 1);
    load->n_request = fread(load->request + ID_BYTES, 1, REQUEST_BYTES_MAX - ID_BYTES, file);
    (void)fclose(file);
}

static void use_key(void *socket, const struct strata_key_file *key)
{
    const size_t n = STRATA_KEY_TEXT;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, key->server_key, n) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, key->public_key, n) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key->secret_key, n) != 0)
        peer_fail("the key is refused");
}

static void open_sockets(struct load *load, const char *endpoint, const char *keys)
{
    struct strata_key_file key = {.name = ""};
    struct strata_err err = {0};
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", keys ? keys : "", STRATA_CLIENT_KEY_FILE);
    if (keys && strata_key_file_read(path, &key, &err) != STRATA_OK) peer_fail(err.text);
    load->context = zmq_ctx_new();
    for (size_t i = 0; i < load->n_connections; i++) {
        const int none = 0;
        load->socket[i] = zmq_socket(load->context, ZMQ_DEALER);
        if (keys) use_key(load->socket[i], &key);
        if (!load->socket[i] ||
            zmq_setsockopt(load->socket[i], ZMQ_LINGER, &none, sizeof none) != 0 ||
            zmq_connect(load->socket[i], endpoint) != 0)
            peer_fail("endpoint=E: cannot connect");
    }
}

/* The id stands before all else of the message. */
static void send_one(struct load *load, size_t connection, double due_s)
{
    if (load->n_sent == load->limit) return;
    uint64_t id = load->n_sent + 1;
    unsigned char tag[ID_BYTES] = {0x08};
    size_t n = 1;
    for (; id > 127; id >>= 7) tag[n++] = (unsigned char)(id | 128);
    tag[n++] = (unsigned char)id;
    unsigned char *begin = load->request + ID_BYTES - n;
    memcpy(begin, tag, n);
    load->due_s[load->n_sent++] = due_s;
    if (zmq_send(load->socket[connection], begin, n + load->n_request, ZMQ_DONTWAIT) < 0 &&
        errno != EAGAIN) /* a queue that is full: the request counts as not answered */
        peer_fail("a request cannot be sent");
    const double late_s = peer_now() - due_s;
    if (late_s > load->latest_send_s) load->latest_send_s = late_s;
}

static size_t varint(const unsigned char *at, size_t n, uint64_t *value)
{
    size_t i = 0;
    *value = 0;
    while (i < n && i < 10) {
        *value |= (uint64_t)(at[i] & 127) << (7 * i);
        if (!(at[i++] & 128)) return i;
    }
    return n;
}

/* A reply begins with its id and its code. */
static void take_reply(struct load *load, const unsigned char *bytes, size_t n)
{
    uint64_t id = 0, code = 0;
    if (n < 4 || bytes[0] != 0x08) return;
    const size_t at = 1 + varint(bytes + 1, n - 1, &id);
    if (at + 1 < n && bytes[at] == 0x10) (void)varint(bytes + at + 1, n - at - 1, &code);
    if (id == 0 || id > load->n_sent) return;
    load->took_us[load->n_answered++] = (uint32_t)((peer_now() - load->due_s[id - 1]) * 1e6);
    load->bytes += n;
    if (code != CODE_OK) load->n_refused++;
}

static size_t take_replies(struct load *load, size_t connection)
{
    size_t n_taken = 0;
    zmq_msg_t message;
    for (;; n_taken++) {
        (void)zmq_msg_init(&message); /* cannot fail */
        if (zmq_msg_recv(&message, load->socket[connection], ZMQ_DONTWAIT) < 0) break;
        take_reply(load, zmq_msg_data(&message), zmq_msg_size(&message));
        (void)zmq_msg_close(&message);
    }
    (void)zmq_msg_close(&message);
    return n_taken;
}

static int start_timer(double period_s)
{
    const time_t whole = (time_t)period_s;
    const struct timespec period = {.tv_sec = whole,
                                    .tv_nsec = (long)((period_s - (double)whole) * 1e9)};
    const struct itimerspec when = {.it_interval = period, .it_value = period};
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (timer < 0 || timerfd_settime(timer, 0, &when, NULL) != 0) peer_fail("no timer");
    return timer;
}

/* What is due by now, in bursts. */
static void send_due(struct load *load, double begin_s, double until_s)
{
    for (;;) {
        const double due_s = begin_s + (double)load->n_sent / load->rate;
        if (due_s > peer_now() || due_s >= until_s || load->n_sent >= load->limit) return;
        for (size_t i = 0; i < load->burst; i++)
            send_one(load, load->n_sent % load->n_connections, due_s);
    }
}

static void run(struct load *load)
{
    zmq_pollitem_t item[CONNECTIONS_MAX + 1];
    const size_t n = load->n_connections;
    const int timer = start_timer(load->rate > 0 ? (double)load->burst / load->rate : 0.1);
    for (size_t i = 0; i < n; i++)
        item[i] = (zmq_pollitem_t){.socket = load->socket[i], .events = ZMQ_POLLIN};
    item[n] = (zmq_pollitem_t){.fd = timer, .events = ZMQ_POLLIN};
    const double begin_s = peer_now(), until_s = begin_s + load->seconds;
    if (load->rate <= 0)
        for (size_t i = 0; i < n * load->n_open; i++) send_one(load, i % n, peer_now());
    for (double now_s = begin_s; now_s < until_s + PATIENCE_S; now_s = peer_now()) {
        uint64_t n_ticks = 0;
        if (now_s >= until_s && load->n_answered >= load->n_sent) break;
        (void)zmq_poll(item, (int)n + 1, 100);
        if (read(timer, &n_ticks, sizeof n_ticks) > 0 && load->rate > 0)
            send_due(load, begin_s, until_s);
        for (size_t i = 0; i < n; i++) {
            const size_t n_taken = item[i].revents ? take_replies(load, i) : 0;
            for (size_t j = 0; load->rate <= 0 && j < n_taken && peer_now() < until_s; j++)
                send_one(load, i, peer_now());
        }
    }
    (void)close(timer);
}

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double quantile(const struct load *load, double p)
{
    if (load->n_answered == 0) return -1;
    return load->took_us[(size_t)(p * (double)(load->n_answered - 1) + 0.5)];
}

static void tell(struct load *load, double begin_s, double begin)
{
    const double took_s = peer_now() - begin_s;
    qsort(load->took_us, load->n_answered, sizeof *load->took_us, compare);
    printf("{\"begin\": %.6f, \"end\": %.6f, \"sent\": %zu, \"answered\": %zu, \"refused\": %zu, "
           "\"bytes\": %zu, \"per_s\": %.1f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"p999_us\": %.0f, "
           "\"max_us\": %.0f, \"late_us\": %.0f}\n",
           begin, begin + took_s, load->n_sent, load->n_answered, load->n_refused, load->bytes,
           (double)load->n_answered / took_s, quantile(load, 0.5), quantile(load, 0.99),
           quantile(load, 0.999), quantile(load, 1), load->latest_send_s * 1e6);
}

int main(int argc, char **argv)
{
    struct load load = {.n_connections = peer_number(argc, argv, "connections", 8),
                        .n_open = peer_number(argc, argv, "open", 1),
                        .rate = (double)peer_number(argc, argv, "rate", 10000),
                        .seconds = strtod(peer_text(argc, argv, "seconds", "2"), NULL)};
    const char *endpoint = peer_text(argc, argv, "endpoint", NULL);
    if (!endpoint || load.n_connections < 1 || load.n_connections > CONNECTIONS_MAX)
        peer_fail("endpoint=E and connections=1..64 are wanted");
    read_request(&load, peer_text(argc, argv, "request", NULL));
    load.burst = load.rate > 1000 ? (size_t)(load.rate / 1000) : 1;
    load.limit = (size_t)((load.rate > 0 ? load.rate : 50000) * (load.seconds + 1)) + 64;
    load.due_s = room(load.limit, sizeof *load.due_s);
    load.took_us = room(load.limit, sizeof *load.took_us);
    open_sockets(&load, endpoint, peer_text(argc, argv, "keys", NULL));
    struct timespec wall;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    const double begin_s = peer_now();
    run(&load);
    tell(&load, begin_s, (double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec);
    for (size_t i = 0; i < load.n_connections; i++) (void)zmq_close(load.socket[i]);
    (void)zmq_ctx_term(load.context);
    free(load.due_s);
    free(load.took_us);
    free(load.request);
    return EXIT_SUCCESS;
}
