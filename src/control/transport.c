#include "transport.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <zmq.h>

#include "strata/channel.h"
#include "strata/file.h"
#include "strata/protocol_limits.h"

#define PATH_BYTES_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1) /* 107 on Linux */
#define EVENTS_SUFFIX ".events"
#define ANY_PORT_TRIES 16 /* one that is free at the first address may not be at the others */
#define CURVE_BYTES 64    /* more than encryption adds to a message */

_Static_assert(sizeof(zmq_msg_t) <= sizeof(((struct strata_letter *)0)->message),
               "a zmq_msg_t fits");
_Static_assert(_Alignof(zmq_msg_t) <= 16, "and is aligned");

/* --- sockets ------------------------------------------------------------------------------------ */

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

/* From now on only clients of the allow-list get through the handshake. */
static bool require_keys(void *socket, const struct strata_keyring *keyring)
{
    return !keyring || (set_int(socket, ZMQ_CURVE_SERVER, 1) &&
                        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keyring->server.secret_key,
                                       STRATA_KEY_TEXT) == 0 &&
                        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, STRATA_ZAP_DOMAIN,
                                       strlen(STRATA_ZAP_DOMAIN)) == 0);
}

static void *new_socket(void *context, int kind, int queued_out, int queued_in, int64_t largest,
                        const struct strata_keyring *keyring)
{
    void *socket = zmq_socket(context, kind);
    if (!socket) return NULL;
    const bool ready =
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0 &&
        set_int(socket, ZMQ_SNDHWM, queued_out) && set_int(socket, ZMQ_RCVHWM, queued_in) &&
        set_int(socket, ZMQ_LINGER, STRATA_LINGER_MS) &&
        set_int(socket, ZMQ_HANDSHAKE_IVL, STRATA_HANDSHAKE_MS) &&
        set_int(socket, ZMQ_BACKLOG, STRATA_CONNECTION_BACKLOG) && require_keys(socket, keyring);
    if (ready) return socket;
    (void)zmq_close(socket); /* cannot fail for a socket */
    return NULL;
}

/* Bind at endpoint and write there what was really bound; false with errno when it cannot be bound. */
static bool bind_endpoint(void *socket, char *endpoint, size_t room)
{
    const int v6 = strchr(endpoint, '[') != NULL;
    if (!set_int(socket, ZMQ_IPV6, v6)) return false;
    const mode_t before = umask(0177); /* ipc files: owner only, from their first moment */
    const int failed = zmq_bind(socket, endpoint);
    const int problem = errno;
    (void)umask(before);
    errno = problem;
    return !failed && zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &room) == 0;
}

static char *bind_path_of(void *socket, const char *endpoint, struct strata_arena *keep)
{
    char bound[512];
    (void)snprintf(bound, sizeof bound, "%s", endpoint); /* a path is shorter */
    return bind_endpoint(socket, bound, sizeof bound) ? strata_arena_copy(keep, bound, strlen(bound))
                                                      : NULL;
}

static bool bind_both(struct strata_transport *transport, const char *requests, const char *events,
                      struct strata_arena *keep)
{
    transport->requests_endpoint = bind_path_of(transport->requests, requests, keep);
    if (!transport->requests_endpoint) return false;
    transport->events_endpoint = bind_path_of(transport->events, events, keep);
    if (transport->events_endpoint) return true;
    const int problem = errno;
    (void)zmq_unbind(transport->requests, transport->requests_endpoint); /* bound just now */
    errno = problem;
    return false;
}

/* --- ipc ---------------------------------------------------------------------------------------- */

/* ZeroMQ removes whatever stands at the path: that must be nothing, or a socket where nobody listens. */
static strata_status check_free(const char *path, struct strata_arena scratch,
                                struct strata_err *err)
{
    struct stat facts;
    if (lstat(path, &facts) != 0) return STRATA_OK;
    if (!S_ISSOCK(facts.st_mode))
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "%s: exists and is not a socket; choose another control endpoint", path);
    const char *endpoint = strata_arena_print(&scratch, "ipc://%s", path);
    if (endpoint && strata_channel_probe(endpoint) == STRATA_LISTENER_ALIVE)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "%s: another process listens there", path);
    return STRATA_OK;
}

/* Bind at path and path.events.  *out is false when the place does not allow it (too long, no sockets there). */
static strata_status bind_path(struct strata_transport *transport, const char *path,
                               struct strata_arena *keep, bool *out, struct strata_err *err)
{
    *out = false;
    errno = ENAMETOOLONG;
    if (strlen(path) + strlen(EVENTS_SUFFIX) > PATH_BYTES_MAX) return STRATA_OK;
    const char *requests = strata_arena_print(keep, "ipc://%s", path);
    const char *events = strata_arena_print(keep, "ipc://%s%s", path, EVENTS_SUFFIX);
    if (!requests || !events)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the control endpoint");
    STRATA_TRY(check_free(requests + 6, *keep, err));
    STRATA_TRY(check_free(events + 6, *keep, err));
    *out = bind_both(transport, requests, events, keep);
    return STRATA_OK;
}

/* A folder that only this user can enter, for run directories whose path is too long or that cannot hold sockets. */
static char *private_directory(const struct strata_attempt *attempt, struct strata_arena *keep)
{
    char path[PATH_BYTES_MAX];
    struct strata_err ignored = {0}; /* the caller says it */
    if (attempt &&
        strata_attempt_temporary(attempt, "/tmp", 0, path, sizeof path, &ignored) == STRATA_OK)
        return strata_arena_copy(keep, path, strlen(path));
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *const parents[] = {runtime && runtime[0] == '/' ? runtime : "/tmp", "/tmp"};
    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
        char *name = strata_arena_print(keep, "%s/strata-XXXXXX", parents[i]);
        if (name && strlen(name) + 32 <= PATH_BYTES_MAX && mkdtemp(name)) return name;
    }
    return NULL;
}

static void remove_socket_file(const char *endpoint)
{
    struct stat facts;
    if (!endpoint || strncmp(endpoint, "ipc://", 6) != 0) return;
    if (lstat(endpoint + 6, &facts) == 0 && S_ISSOCK(facts.st_mode)) (void)unlink(endpoint + 6);
}

/* The folder of private_directory in which an endpoint is; false when it is elsewhere. */
static bool folder_of(const char *endpoint, char folder[PATH_MAX])
{
    static const char name[] = "/strata-XXXXXX", socket_name[] = "/control.sock";
    const char *end = strrchr(endpoint, '/');
    if (strncmp(endpoint, "ipc:///", 7) != 0 || strcmp(end, socket_name) != 0) return false;
    const int length = snprintf(folder, PATH_MAX, "%.*s", (int)(end - endpoint - 6), endpoint + 6);
    const char *last = length > 0 && length < PATH_MAX ? strrchr(folder, '/') : NULL;
    return last && strlen(last) == strlen(name) && strncmp(last, name, strlen("/strata-")) == 0;
}

void strata_transport_sweep(const char *endpoint)
{
    char folder[PATH_MAX], events[PATH_MAX];
    struct stat facts;
    if (!folder_of(endpoint, folder) || lstat(folder, &facts) != 0) return;
    if (!S_ISDIR(facts.st_mode) || facts.st_uid != geteuid() || (facts.st_mode & 0777) != 0700)
        return;
    (void)snprintf(events, sizeof events, "%s" EVENTS_SUFFIX, endpoint);
    remove_socket_file(endpoint);
    remove_socket_file(events);
    (void)rmdir(folder); /* one that holds anything else stays */
}

static strata_status open_ipc(struct strata_transport *transport, const char *directory,
                              const struct strata_attempt *attempt, struct strata_arena *keep,
                              struct strata_err *err)
{
    char whole[PATH_MAX];
    bool bound = false;
    if (!realpath(attempt ? attempt->tray : directory, whole))
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: %s", directory, strerror(errno));
    const char *path = strata_arena_print(keep, "%s/control.sock", whole);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the control endpoint");
    STRATA_TRY(bind_path(transport, path, keep, &bound, err));
    if (bound) return STRATA_OK;
    transport->private_directory = private_directory(attempt, keep);
    path = transport->private_directory
               ? strata_arena_print(keep, "%s/control.sock", transport->private_directory)
               : NULL;
    if (path) STRATA_TRY(bind_path(transport, path, keep, &bound, err));
    if (bound) return STRATA_OK;
    return STRATA_FAIL(
        err, STRATA_E_CREATE,
        "no control socket can be made in %s or in a private folder: %s; set control.endpoint to "
        "tcp://127.0.0.1:*, or control: off",
        directory, strerror(errno));
}

static strata_status open_path(struct strata_transport *transport, const char *path,
                               struct strata_arena *keep, struct strata_err *err)
{
    bool bound = false;
    if (path[0] != '/')
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "ipc://%s: the path of a control socket must begin with '/'", path);
    STRATA_TRY(bind_path(transport, path, keep, &bound, err));
    if (bound) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_CREATE, "ipc://%s: cannot listen there: %s", path,
                       strerror(errno));
}

/* --- tcp ---------------------------------------------------------------------------------------- */

/* Bind a socket at one port (0: any free one) of all addresses; the port, or 0 with errno. */
static long bind_port(void *socket, const struct strata_addresses *where, long port)
{
    char endpoint[STRATA_ADDRESSES_MAX][STRATA_ADDRESS_TEXT + 32];
    for (size_t i = 0; i < where->n; i++) {
        if (port)
            (void)snprintf(endpoint[i], sizeof endpoint[i], "tcp://%s:%ld", where->text[i], port);
        else
            (void)snprintf(endpoint[i], sizeof endpoint[i], "tcp://%s:*", where->text[i]);
        if (!bind_endpoint(socket, endpoint[i], sizeof endpoint[i])) {
            const int problem = errno;
            while (i-- > 0) (void)zmq_unbind(socket, endpoint[i]); /* bound just now */
            errno = problem;
            return 0;
        }
        if (!port) port = strtol(strrchr(endpoint[i], ':') + 1, NULL, 10);
    }
    return port;
}

/* The first port from `from` to `to` that is free at all addresses; both 0: any. */
static long bind_between(void *socket, const struct strata_addresses *where, long from, long to)
{
    const long n_tries = from ? to - from + 1 : ANY_PORT_TRIES;
    errno = EADDRINUSE;
    for (long i = 0; i < n_tries && errno == EADDRINUSE; i++) {
        const long port = bind_port(socket, where, from ? from + i : 0);
        if (port) return port;
    }
    return 0;
}

static strata_status open_tcp(struct strata_transport *transport,
                              const struct strata_listening *listening, struct strata_arena *keep,
                              struct strata_err *err)
{
    const struct strata_addresses *where = &transport->where;
    const bool ranged = !where->port && listening->port_from;
    const long from = ranged ? listening->port_from : where->port;
    const long to = ranged ? listening->port_to : where->port;
    const long requests = bind_between(transport->requests, where, from, to);
    long events = 0;
    if (requests)
        events = bind_between(transport->events, where, from ? requests + 1 : 0,
                              ranged ? to : requests + 1);
    if (!events && from)
        return STRATA_FAIL(
            err, STRATA_E_UNAVAILABLE,
            "cannot listen at tcp://%s, ports %ld to %ld: %s; choose others, or '*' for "
            "any free one",
            where->text[0], from, ranged ? to : to + 1, zmq_strerror(errno));
    if (!events)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "cannot listen at tcp://%s:*: %s",
                           where->text[0], zmq_strerror(errno));
    transport->requests_endpoint =
        strata_arena_print(keep, "tcp://%s:%ld", where->text[0], requests);
    transport->events_endpoint = strata_arena_print(keep, "tcp://%s:%ld", where->text[0], events);
    if (transport->requests_endpoint && transport->events_endpoint) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the control endpoint");
}

/* Encryption alone is no authorisation, and neither is a network that is thought to be private. */
static strata_status check_keys(const struct strata_listening *listening,
                                const struct strata_addresses *where, struct strata_err *err)
{
    if (where->local || listening->keyring) return STRATA_OK;
    return STRATA_FAIL(
        err, STRATA_E_CONFIG,
        "tcp://%s: the control channel needs keys to listen beyond this host: make them "
        "with strata keygen DIR and set control.keys, or use tcp://127.0.0.1:*, "
        "tcp://[::1]:* or ipc",
        where->text[0]);
}

/* --- opening and closing ------------------------------------------------------------------------ */

static strata_status open_endpoint(struct strata_transport *transport,
                                   const struct strata_listening *listening,
                                   struct strata_arena *keep, struct strata_err *err)
{
    const char *endpoint = listening->endpoint;
    if (listening->interface) {
        STRATA_TRY(strata_addresses_of_interface(listening->interface, &transport->where, err));
    } else if (strncmp(endpoint, "tcp://", 6) == 0) {
        STRATA_TRY(strata_addresses_of_endpoint(endpoint + 6, &transport->where, err));
    } else if (strcmp(endpoint, "ipc") == 0) {
        return open_ipc(transport, listening->directory, listening->attempt, keep, err);
    } else if (strncmp(endpoint, "ipc://", 6) == 0) {
        return open_path(transport, endpoint + 6, keep, err);
    } else {
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "%s: not a control endpoint; use ipc, ipc:///path, tcp://127.0.0.1:* or "
                           "tcp://127.0.0.1:PORT",
                           endpoint);
    }
    STRATA_TRY(check_keys(listening, &transport->where, err));
    return open_tcp(transport, listening, keep, err);
}

static strata_status open_sockets(struct strata_transport *transport, struct strata_err *err)
{
    const struct strata_keyring *keyring = transport->keyring;
    transport->context = zmq_ctx_new();
    if (transport->context && keyring) /* before the others bind */
        STRATA_TRY(strata_zap_open(transport->context, keyring, &transport->zap, err));
    if (transport->context)
        transport->requests = new_socket(
            transport->context, ZMQ_ROUTER, STRATA_REQUESTS_HWM, STRATA_REQUESTS_TAKEN_HWM,
            STRATA_REQUEST_BYTES_MAX + (keyring ? CURVE_BYTES : 0), keyring);
    if (transport->requests)
        transport->events = new_socket(transport->context, ZMQ_PUB, STRATA_EVENTS_HWM,
                                       STRATA_EVENTS_HWM, STRATA_SUBSCRIPTION_BYTES_MAX, keyring);
    if (transport->events) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_SYSTEM, "no sockets for the control channel: %s",
                       zmq_strerror(errno));
}

strata_status strata_transport_open(const struct strata_listening *listening,
                                    struct strata_arena *keep, struct strata_transport *out,
                                    struct strata_err *err)
{
    *out = (struct strata_transport){.keyring = listening->keyring};
    strata_status status = open_sockets(out, err);
    if (status == STRATA_OK) status = open_endpoint(out, listening, keep, err);
    if (status != STRATA_OK) strata_transport_close(out);
    return status;
}

void strata_transport_close(struct strata_transport *transport)
{
    if (transport->requests) (void)zmq_close(transport->requests); /* cannot fail for a socket */
    if (transport->events) (void)zmq_close(transport->events);
    strata_zap_close(&transport->zap); /* as long as they were open somebody checked keys */
    if (transport->context)
        while (zmq_ctx_term(transport->context) != 0 && errno == EINTR) {
        }
    remove_socket_file(transport->requests_endpoint);
    remove_socket_file(transport->events_endpoint);
    struct strata_err ignored = {0}; /* the next attempt tries again */
    if (transport->private_directory &&
        strata_directory_remove(transport->private_directory, &ignored) != STRATA_OK)
        transport->private_directory = NULL;
    *transport = (struct strata_transport){0};
}

/* --- messages ----------------------------------------------------------------------------------- */

static zmq_msg_t *message_of(unsigned char *room)
{
    return (zmq_msg_t *)(void *)room;
}

bool strata_transport_wait(struct strata_transport *transport, long timeout_ms)
{
    zmq_pollitem_t item[] = {{.socket = transport->requests, .events = ZMQ_POLLIN},
                             {.socket = transport->zap.socket, .events = ZMQ_POLLIN}};
    if (zmq_poll(item, transport->keyring ? 2 : 1, timeout_ms) <= 0) return false;
    if (transport->keyring && item[1].revents) strata_zap_answer(&transport->zap);
    return item[0].revents != 0;
}

/* Who sent a message: an index in the allow-list.  False when nobody of it did, which ZeroMQ has prevented before. */
static bool sender_of(const struct strata_transport *transport, zmq_msg_t *message, size_t *client)
{
    const char *user = transport->keyring ? zmq_msg_gets(message, "User-Id") : "0";
    char *end = NULL;
    if (!user || user[0] < '0' || user[0] > '9') return false;
    *client = strtoul(user, &end, 10);
    return *end == '\0' && (!transport->keyring || *client < transport->keyring->n_clients);
}

/* Take the next frame; *more tells whether others of the same message follow. */
static bool next_frame(void *socket, zmq_msg_t *frame, bool *more)
{
    (void)zmq_msg_init(frame); /* cannot fail */
    const bool any = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0;
    *more = any && zmq_msg_more(frame);
    return any;
}

enum strata_mail strata_transport_receive(struct strata_transport *transport,
                                          struct strata_letter *letter)
{
    zmq_msg_t *body = message_of(letter->message);
    bool more = false;
    if (!next_frame(transport->requests, body, &more)) {
        (void)zmq_msg_close(body);
        return STRATA_MAIL_NONE;
    }
    letter->n_address = zmq_msg_size(body);
    bool good = letter->n_address <= sizeof letter->address;
    if (good) memcpy(letter->address, zmq_msg_data(body), letter->n_address);
    letter->delimited = false;
    size_t n_frames = 1;
    while (more) { /* to the end, so that the next message begins at its address */
        const bool empty = zmq_msg_size(body) == 0;
        if (n_frames == 2) letter->delimited = empty;
        if (n_frames == 2 && !empty) good = false;
        (void)zmq_msg_close(body);
        if (!next_frame(transport->requests, body, &more)) break;
        n_frames++;
    }
    letter->body = zmq_msg_data(body);
    letter->n_body = zmq_msg_size(body);
    letter->peer = zmq_msg_gets(body, "Peer-Address");
    if (!letter->peer) letter->peer = "";
    if (good) good = sender_of(transport, body, &letter->client);
    if (good && (n_frames == 2 || (n_frames == 3 && letter->delimited))) return STRATA_MAIL_REQUEST;
    (void)zmq_msg_close(body);
    return STRATA_MAIL_JUNK;
}

void strata_letter_finish(struct strata_letter *letter)
{
    (void)zmq_msg_close(message_of(letter->message));
}

bool strata_parcel_init(struct strata_parcel *parcel, size_t n_bytes)
{
    zmq_msg_t *message = message_of(parcel->message);
    if (zmq_msg_init_size(message, n_bytes) != 0) return false;
    parcel->bytes = zmq_msg_data(message);
    return true;
}

void strata_transport_send(struct strata_transport *transport, const struct strata_letter *letter,
                           struct strata_parcel *parcel)
{
    void *socket = letter ? transport->requests : transport->events;
    bool sent = true;
    if (letter)
        sent = zmq_send(socket, letter->address, letter->n_address, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
    if (letter && letter->delimited && sent)
        sent = zmq_send(socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
    if (sent) sent = zmq_msg_send(message_of(parcel->message), socket, ZMQ_DONTWAIT) >= 0;
    if (!sent) (void)zmq_msg_close(message_of(parcel->message)); /* sent messages are ZeroMQ's */
}
