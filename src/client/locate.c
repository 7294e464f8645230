/* control.json: written by the server, read by clients. */
#include "strata/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "strata/file.h"
#include "strata/protocol_limits.h"

#define PROBE_MS 250 /* for another host to answer */

static const char *copy(struct strata_arena *keep, const char *text, bool *room)
{
    const char *kept = text ? strata_arena_copy(keep, text, strlen(text)) : NULL;
    *room = *room && (kept || !text);
    return kept;
}

static strata_status fill_channel(json_t *root, struct strata_arena *keep,
                                  struct strata_channel *channel)
{
    const char *incarnation = NULL, *requests = NULL, *events = NULL, *host = "", *started = "";
    const char *server_key = NULL;
    json_t *addresses = NULL;
    json_int_t pid = 0;
    if (json_unpack(root, "{s:s, s:s, s:s, s?s, s?I, s?s, s?s, s?o}", "incarnation", &incarnation,
                    "requests", &requests, "events", &events, "host", &host, "pid", &pid, "started",
                    &started, "server_key", &server_key, "addresses", &addresses) != 0)
        return STRATA_E_DATA;
    bool room = true;
    *channel = (struct strata_channel){
        .incarnation = copy(keep, incarnation, &room),
        .requests = copy(keep, requests, &room),
        .events = copy(keep, events, &room),
        .host = copy(keep, host, &room),
        .started = copy(keep, started, &room),
        .server_key = copy(keep, server_key, &room),
        .pid = (long)pid,
    };
    for (size_t i = 0; i < json_array_size(addresses) && i < STRATA_CHANNEL_ADDRESSES_MAX; i++) {
        const char *address = json_string_value(json_array_get(addresses, i));
        if (address) channel->address[channel->n_addresses++] = copy(keep, address, &room);
    }
    return room ? STRATA_OK : STRATA_E_MEMORY;
}

strata_status strata_channel_read(const char *directory, struct strata_arena *keep,
                                  struct strata_channel *channel, struct strata_err *err)
{
    const char *path = strata_path_join(directory, "control.json", keep);
    char *text = NULL;
    size_t n_bytes = 0;
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for control.json");
    struct strata_err reading = {0};
    const strata_status status =
        strata_file_read(path, STRATA_CONTROL_JSON_BYTES_MAX, keep, &text, &n_bytes, &reading);
    if (status == STRATA_E_NO_INPUT)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "%s: no job listens here (there is no control.json)", directory);
    if (status != STRATA_OK) return STRATA_FAIL(err, status, "%s", reading.text);
    json_t *root = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, NULL);
    const strata_status filled = root ? fill_channel(root, keep, channel) : STRATA_E_DATA;
    json_decref(root);
    if (filled == STRATA_OK) return STRATA_OK;
    return STRATA_FAIL(err, filled,
                       "%s: not a control.json of strata; start the job again or remove the file",
                       path);
}

static bool add_addresses(json_t *root, const struct strata_channel *channel)
{
    json_t *list = json_array();
    bool whole = json_object_set_new(root, "addresses", list) == 0;
    for (size_t i = 0; i < channel->n_addresses && whole; i++)
        whole = json_array_append_new(list, json_string(channel->address[i])) == 0;
    return whole;
}

strata_status strata_channel_write(const char *directory, const struct strata_channel *channel,
                                   struct strata_arena scratch, struct strata_err *err)
{
    const char *path = strata_path_join(directory, "control.json", &scratch);
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:i, s:I, s:s, s:s}", "incarnation", channel->incarnation, "requests",
        channel->requests, "events", channel->events, "protocol", (int)STRATA_PROTOCOL_VERSION,
        "pid", (json_int_t)channel->pid, "host", channel->host, "started", channel->started);
    bool whole = root != NULL;
    if (whole && channel->server_key)
        whole = json_object_set_new(root, "server_key", json_string(channel->server_key)) == 0;
    if (whole && channel->n_addresses > 0) whole = add_addresses(root, channel);
    char *text = whole ? json_dumps(root, JSON_INDENT(2)) : NULL;
    strata_status status = STRATA_OK;
    if (!path || !text)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no room for control.json");
    else
        status = strata_file_write(path, text, strlen(text), true, err);
    free(text);
    json_decref(root);
    return status;
}

/* --- is anybody there? -------------------------------------------------------------------------- */

/* What came of a connection to another host. */
static int wait_for(int file)
{
    struct pollfd item = {.fd = file, .events = POLLOUT};
    int problem = EINPROGRESS;
    socklen_t length = sizeof problem;
    if (poll(&item, 1, PROBE_MS) <= 0 ||
        getsockopt(file, SOL_SOCKET, SO_ERROR, &problem, &length) != 0)
        return ETIMEDOUT;
    return problem;
}

static enum strata_listener probe(int family, const struct sockaddr *address, socklen_t length)
{
    const int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0) return STRATA_LISTENER_UNKNOWN;
    int problem = connect(file, address, length) == 0 ? 0 : errno;
    if (problem == EINPROGRESS) problem = wait_for(file);
    (void)close(file);
    switch (problem) {
    case 0:
    case EAGAIN: /* the backlog is full: somebody listens */
        return STRATA_LISTENER_ALIVE;
    case ECONNREFUSED:
    case ENOENT:
        return STRATA_LISTENER_NONE;
    default:
        return STRATA_LISTENER_UNKNOWN;
    }
}

static enum strata_listener probe_ipc(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path) return STRATA_LISTENER_UNKNOWN;
    memcpy(address.sun_path, path, length);
    return probe(AF_UNIX, (const struct sockaddr *)&address, sizeof address);
}

static enum strata_listener probe_tcp(const char *host_and_port)
{
    char host[64];
    const char *colon = strrchr(host_and_port, ':');
    if (!colon || (size_t)(colon - host_and_port) >= sizeof host) return STRATA_LISTENER_UNKNOWN;
    const bool v6 = host_and_port[0] == '[' && colon[-1] == ']';
    const size_t length = (size_t)(colon - host_and_port) - (v6 ? 2 : 0);
    memcpy(host, host_and_port + (v6 ? 1 : 0), length);
    host[length] = '\0';
    const unsigned long port = strtoul(colon + 1, NULL, 10);
    struct sockaddr_in v4_address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6_address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (port == 0 || port > 65535) return STRATA_LISTENER_UNKNOWN;
    if (v6 && inet_pton(AF_INET6, host, &v6_address.sin6_addr) == 1)
        return probe(AF_INET6, (const struct sockaddr *)&v6_address, sizeof v6_address);
    if (!v6 && inet_pton(AF_INET, host, &v4_address.sin_addr) == 1)
        return probe(AF_INET, (const struct sockaddr *)&v4_address, sizeof v4_address);
    return STRATA_LISTENER_UNKNOWN;
}

enum strata_listener strata_channel_probe(const char *endpoint)
{
    if (strncmp(endpoint, "ipc://", 6) == 0) return probe_ipc(endpoint + 6);
    if (strncmp(endpoint, "tcp://", 6) == 0) return probe_tcp(endpoint + 6);
    return STRATA_LISTENER_UNKNOWN;
}
