/* Why a connection does not come about: ZeroMQ tries for ever and says nothing but through a monitor. */
#include "client_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <zmq.h>

#define MONITOR "inproc://strata-handshake"
#define EVENTS                                                               \
    (ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED)
#define FAILURES_ENOUGH 2 /* one alone may be a server that was just leaving */

void strata_handshake_watch(struct strata_client *client)
{
    const int none = 0;
    if (zmq_socket_monitor(client->requests, MONITOR, EVENTS) != 0) return;
    client->monitor = zmq_socket(client->context, ZMQ_PAIR);
    if (!client->monitor) return;
    (void)zmq_setsockopt(client->monitor, ZMQ_LINGER, &none, sizeof none); /* a known option */
    if (zmq_connect(client->monitor, MONITOR) == 0) return;
    (void)zmq_close(client->monitor);
    client->monitor = NULL;
}

/* The next event, 0 when there is none; *value is what ZeroMQ says with it. */
static int next_event(void *monitor, uint32_t *value)
{
    unsigned char bytes[6], address[256];
    uint16_t event = 0;
    if (zmq_recv(monitor, bytes, sizeof bytes, ZMQ_DONTWAIT) != (int)sizeof bytes) return 0;
    (void)zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT); /* comes with the event */
    memcpy(&event, bytes, sizeof event);
    memcpy(value, bytes + sizeof event, sizeof *value);
    return event;
}

/* A server that does not want this client closes the connection; one that stands still lets the time pass. */
static bool was_closed(uint32_t problem)
{
    return problem == EPIPE || problem == ECONNRESET;
}

static const char *advice(const struct strata_client *client, bool is_denied)
{
    if (is_denied)
        return "the job does not let this key in: its operator must put it into the allow-list, "
               "before the job starts";
    if (client->keyed)
        return "the job has another key than the one of the server in the keys' folder, or none at "
               "all; is it the right folder?";
    return "the job lets only clients with keys in: give --keys DIR, or set STRATA_KEYS";
}

strata_status strata_handshake_check(struct strata_client *client, struct strata_err *err)
{
    int event = 0;
    uint32_t value = 0;
    while (client->monitor && (event = next_event(client->monitor, &value)) != 0) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) client->n_failures = 0;
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && was_closed(value))
            client->n_failures++;
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) /* ZeroMQ does not try again */
            client->n_failures = FAILURES_ENOUGH;
        client->was_cut |= event == ZMQ_EVENT_DISCONNECTED;
        client->is_denied |= event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    }
    if (!client->is_denied && client->n_failures < FAILURES_ENOUGH) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_PERMISSION, "%s: %s", client->channel.requests,
                       advice(client, client->is_denied));
}
