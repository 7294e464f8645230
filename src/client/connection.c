/* Sockets of a client: a DEALER for requests, a SUB for events; finding the server, and finding it again. */
#include "client_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <zmq.h>

#include "strata/clock.h"
#include "strata/file.h"
#include "strata/record.h"

#define CLIENT_BYTES ((size_t)4 << 30) /* addresses only: a whole record fits */
#define TIMEOUT_MS 5000
#define GLANCE_S 0.5 /* of silence before looking whether anybody still listens */

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool use_key(const struct strata_client *client, void *socket)
{
    const struct strata_key_file *key = &client->key;
    const size_t n = STRATA_KEY_TEXT;
    return !client->keyed ||
           (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, key->server_key, n) == 0 &&
            zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, key->public_key, n) == 0 &&
            zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key->secret_key, n) == 0);
}

strata_status strata_client_connect(struct strata_client *client, int kind, const char *endpoint,
                                    void **out, struct strata_err *err)
{
    const int64_t largest = STRATA_REPLY_BYTES_MAX;
    void *socket = zmq_socket(client->context, kind);
    *out = socket; /* closed with the client, whatever happens */
    const bool ready = socket && set_int(socket, ZMQ_LINGER, 0) &&
                       set_int(socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL) &&
                       set_int(socket, ZMQ_SNDHWM, STRATA_REQUESTS_HWM) &&
                       set_int(socket, ZMQ_RCVHWM, STRATA_EVENTS_HWM) &&
                       set_int(socket, ZMQ_HANDSHAKE_IVL, STRATA_HANDSHAKE_MS) &&
                       set_int(socket, ZMQ_RECONNECT_IVL, 50) &&
                       set_int(socket, ZMQ_RECONNECT_IVL_MAX, 1000) &&
                       zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0 &&
                       (kind != ZMQ_SUB || zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) == 0);
    const bool keyed = ready && use_key(client, socket);
    if (!keyed)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "no socket for %s: %s", endpoint,
                           zmq_strerror(errno));
    if (zmq_connect(socket, endpoint) != 0)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "%s: not an endpoint (%s); give one like tcp://127.0.0.1:7001", endpoint,
                           zmq_strerror(errno));
    return STRATA_OK;
}

/* --- finding ------------------------------------------------------------------------------------ */

static bool is_here(const char *host)
{
    char name[256];
    if (gethostname(name, sizeof name) != 0) return true;
    name[sizeof name - 1] = '\0';
    return host[0] == '\0' || strcmp(host, name) == 0;
}

/* The channel of a run directory, or its record when no server is left. */
static strata_status locate(struct strata_client *client, const char *run, struct strata_err *err)
{
    struct strata_err missing = {0};
    const strata_status found =
        strata_channel_read(run, &client->memory, &client->channel, &missing);
    const bool here = found == STRATA_OK && is_here(client->channel.host);
    if (found == STRATA_OK && strata_channel_probe(client->channel.requests) != STRATA_LISTENER_NONE)
        return STRATA_OK;
    struct strata_err unfinished = {0};
    const strata_status recorded = strata_client_open_record(client, run, &unfinished);
    if (recorded != STRATA_E_UNAVAILABLE) {
        *err = unfinished;
        return recorded;
    }
    if (found != STRATA_OK) return STRATA_FAIL(err, found, "%s", missing.text);
    if (!here)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "%s: the job listens on host %s only, at %s: ask from there", run,
                           client->channel.host, client->channel.requests);
    return STRATA_FAIL(
        err, STRATA_E_UNAVAILABLE,
        "%s: the job is gone: process %ld left its control.json and no longer listens at %s", run,
        client->channel.pid, client->channel.requests);
}

/* An endpoint given by the caller; where its events are, the server will say. */
static strata_status use_endpoint(struct strata_client *client, const char *endpoint,
                                  struct strata_err *err)
{
    client->channel =
        (struct strata_channel){.incarnation = "", .requests = endpoint, .host = "", .started = ""};
    if (strncmp(endpoint, "ipc://", 6) != 0 && strncmp(endpoint, "tcp://", 6) != 0)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "%s: not an endpoint; give one like tcp://127.0.0.1:7001 or ipc:///path",
                           endpoint);
    if (strata_channel_probe(endpoint) == STRATA_LISTENER_NONE)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "%s: nothing listens there", endpoint);
    return STRATA_OK;
}

static strata_status open_sockets(struct strata_client *client, struct strata_err *err)
{
    client->context = zmq_ctx_new();
    if (!client->context)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "no ZeroMQ context: %s", zmq_strerror(errno));
    STRATA_TRY(strata_client_connect(client, ZMQ_DEALER, client->channel.requests,
                                     &client->requests, err));
    strata_handshake_watch(client);
    return STRATA_OK;
}

/* The key of the folder, when the server asks for one or may. */
static strata_status read_key(struct strata_client *client, const char *keys, struct strata_err *err)
{
    const struct strata_channel *channel = &client->channel;
    const bool found = channel->incarnation[0] != '\0'; /* control.json has told all */
    client->keyed = false;
    if (found && !channel->server_key) return STRATA_OK;
    if (!keys && !found) return STRATA_OK;
    if (!keys)
        return STRATA_FAIL(err, STRATA_E_PERMISSION,
                           "%s: the job lets only clients with keys in: give --keys DIR, or set "
                           "STRATA_KEYS",
                           channel->requests);
    const char *path = strata_path_join(keys, STRATA_CLIENT_KEY_FILE, &client->memory);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    STRATA_TRY(strata_key_file_read(path, &client->key, err));
    client->keyed = true;
    if (!client->key.server_key[0])
        return STRATA_FAIL(err, STRATA_E_CONFIG, "%s: not a client's key: it names no server", path);
    if (!found || strcmp(client->key.server_key, channel->server_key) == 0) return STRATA_OK;
    return STRATA_FAIL(
        err, STRATA_E_CONFIG,
        "%s: the key is for another server than the one at %s; is it the right folder?", path,
        channel->requests);
}

static strata_status find(struct strata_client *client, struct strata_err *err)
{
    const struct strata_client_options *want = &client->want;
    if (want->endpoint)
        STRATA_TRY(use_endpoint(client, want->endpoint, err));
    else
        STRATA_TRY(locate(client, want->run, err));
    if (client->record) return STRATA_OK;
    STRATA_TRY(read_key(client, want->keys, err));
    return open_sockets(client, err);
}

static void close_sockets(struct strata_client *client)
{
    /* libzmq leaks what it says of the end of a socket that is still monitored */
    if (client->monitor) (void)zmq_socket_monitor(client->requests, NULL, 0);
    if (client->requests) (void)zmq_close(client->requests); /* cannot fail for a socket */
    if (client->events) (void)zmq_close(client->events);
    if (client->monitor) (void)zmq_close(client->monitor);
    if (client->context) (void)zmq_ctx_term(client->context);
    client->requests = client->events = client->monitor = client->context = NULL;
}

strata_status strata_client_find(struct strata_client *client, bool *is_other,
                                 struct strata_err *err)
{
    char before[64] = "";
    const char *incarnation = client->channel.incarnation;
    if (incarnation) (void)snprintf(before, sizeof before, "%s", incarnation); /* 16 digits */
    close_sockets(client);
    client->memory = client->first;
    client->record = NULL;
    client->n_failures = 0;
    client->is_denied = client->was_cut = false;
    const strata_status status = find(client, err);
    incarnation = client->channel.incarnation;
    *is_other = status != STRATA_OK || !incarnation || strcmp(before, incarnation) != 0;
    if (status != STRATA_OK) { /* the texts may be of a file that is gone */
        close_sockets(client);
        client->channel.incarnation = strata_arena_copy(&client->memory, before, strlen(before));
    }
    return status;
}

static const char *keep_text(struct strata_arena *memory, const char *text)
{
    return text ? strata_arena_copy(memory, text, strlen(text)) : NULL;
}

strata_status strata_client_open(const struct strata_client_options *options,
                                 struct strata_client **out, struct strata_err *err)
{
    *out = NULL;
    if (!options->run && !options->endpoint)
        return STRATA_FAIL(err, STRATA_E_USAGE, "neither a run directory nor an endpoint was given");
    struct strata_arena memory;
    if (!strata_arena_init(&memory, CLIENT_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a client");
    struct strata_client *client = STRATA_NEW(&memory, struct strata_client, 1);
    STRATA_REQUIRE(client);
    client->want = *options;
    client->want.run = keep_text(&memory, options->run);
    client->want.endpoint = keep_text(&memory, options->endpoint);
    client->want.keys = keep_text(&memory, options->keys);
    client->first = client->memory = memory;
    client->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
    /* ids of two clients of one job differ, so that a command's origin can be told */
    if (getrandom(&client->next_id, 6, 0) != 6) client->next_id = (uint64_t)getpid() << 24;
    client->random = client->next_id;
    client->next_id = (client->next_id << 8) + 1;
    const strata_status status = find(client, err);
    if (status != STRATA_OK) strata_client_close(&client);
    *out = client;
    return status;
}

void strata_client_close(struct strata_client **client)
{
    struct strata_client *gone = *client;
    *client = NULL;
    if (!gone) return;
    close_sockets(gone);
    strata_arena_finish(&gone->follow.memory);
    struct strata_arena memory = gone->memory; /* holds the struct itself */
    strata_arena_finish(&memory);
}

bool strata_client_is_offline(const struct strata_client *client)
{
    return client->record != NULL;
}

/* --- asking ------------------------------------------------------------------------------------- */

strata_status strata_client_receive(void *socket, double until, struct strata_arena *keep,
                                    unsigned char **bytes, size_t *n_bytes, struct strata_err *err)
{
    *bytes = NULL;
    *n_bytes = 0;
    const double left_ms = (until - strata_clock_s()) * 1000;
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    const int ready = zmq_poll(&item, 1, left_ms > 0 ? (long)left_ms + 1 : 0);
    if (ready < 0 && errno == EINTR) return STRATA_FAIL(err, STRATA_E_CANCELLED, "interrupted");
    if (ready < 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "cannot wait for a reply: %s", zmq_strerror(errno));
    if (ready == 0) return STRATA_OK;
    bool more = true;
    bool first = true;
    while (more) { /* a message of several frames is none of ours: its frames are taken off and dropped */
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame); /* cannot fail */
        const int size = zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
        more = size >= 0 && zmq_msg_more(&frame);
        if (size > 0 && first && !more) {
            *bytes = STRATA_NEW(keep, unsigned char, (size_t)size);
            *n_bytes = *bytes ? (size_t)size : 0;
            if (*bytes) memcpy(*bytes, zmq_msg_data(&frame), (size_t)size);
        }
        first = false;
        (void)zmq_msg_close(&frame);
    }
    return STRATA_OK;
}

static strata_status silence(const struct strata_client *client, struct strata_err *err)
{
    const char *endpoint = client->channel.requests;
    if (strata_channel_probe(endpoint) == STRATA_LISTENER_NONE)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "%s: nothing listens there; the job is over or never was", endpoint);
    return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "%s: no reply within %d ms", endpoint,
                       client->timeout_ms);
}

/* Whether a reply is to the request with this id, or says that it could not be read. */
static bool answers(const unsigned char *reply, size_t n_bytes, uint64_t id,
                    struct strata_arena scratch)
{
    const Strata__V1__Reply *seen =
        strata_unpack(&strata__v1__reply__descriptor, reply, n_bytes, &scratch);
    return seen && (seen->id == id || seen->id == 0);
}

static strata_status send(const struct strata_client *client, const void *request, size_t n_bytes,
                          struct strata_err *err)
{
    if (zmq_send(client->requests, request, n_bytes, ZMQ_DONTWAIT) >= 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "%s: cannot send: %s", client->channel.requests,
                       zmq_strerror(errno));
}

strata_status strata_client_ask(struct strata_client *client, const void *request, size_t n_bytes,
                                uint64_t id, struct strata_arena *keep, unsigned char **reply,
                                size_t *n_reply, struct strata_err *err)
{
    if (!client->requests)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "there is no connection to a job");
    const double until = strata_clock_s() + client->timeout_ms / 1000.0;
    client->was_cut = false;
    STRATA_TRY(send(client, request, n_bytes, err));
    bool gone = false;
    while (!gone && strata_clock_s() < until) {
        const struct strata_arena before = *keep;
        const double glance = strata_clock_s() + GLANCE_S;
        STRATA_TRY(strata_client_receive(client->requests, glance < until ? glance : until, keep,
                                         reply, n_reply, err));
        if (*n_reply > 0 && answers(*reply, *n_reply, id, *keep)) return STRATA_OK;
        STRATA_TRY(strata_handshake_check(client, err));
        gone =
            *n_reply == 0 && strata_channel_probe(client->channel.requests) == STRATA_LISTENER_NONE;
        *keep = before; /* a late reply to an earlier request is forgotten */
        if (!gone && client->was_cut) STRATA_TRY(send(client, request, n_bytes, err));
        client->was_cut = false;
    }
    return silence(client, err);
}
