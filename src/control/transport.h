/* The two sockets of the channel: where they may listen, how they are bound, how messages come and go. */
#ifndef STRATA_CONTROL_TRANSPORT_H
#define STRATA_CONTROL_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/attempt.h"
#include "strata/keyring.h"
#include "strata/status.h"

#include "address.h"
#include "zap.h"

/* What an operator has said about where to listen, and for whom. */
struct strata_listening {
    const char *directory;                /* the run's */
    const struct strata_attempt *attempt; /* or NULL */
    const char *endpoint;
    const char *interface;                /* instead of the endpoint; NULL: none */
    uint32_t port_from, port_to;          /* of an interface, or an endpoint with `*`; 0: any */
    const struct strata_keyring *keyring; /* NULL: no keys */
};

struct strata_transport {
    void *context, *requests, *events; /* ZeroMQ's */
    struct strata_zap zap;             /* with keys only */
    const struct strata_keyring *keyring;
    struct strata_addresses where; /* of tcp: all of them */
    char *requests_endpoint;       /* as bound: with the real port or path, of the first address */
    char *events_endpoint;
    char *private_directory; /* of the ipc sockets when the run directory cannot have them, else NULL */
};

/* Bind both sockets.  endpoint is "ipc" (in the attempt's tray, without one in directory; where that does not go in a
 * private folder of mode 0700, which the next attempt finds when this one dies), "ipc:///path" (events at
 * "ipc:///path.events") or "tcp://ADDRESS:PORT" with a port or `*` (events one port higher, or at any port).  ipc sockets
 * have mode 0600.  STRATA_E_CONFIG for an address beyond this host without keys, STRATA_E_UNAVAILABLE or STRATA_E_CREATE
 * when it cannot be bound.  With keys, whoever does not prove one of the allow-list gets no message in or out. */
STRATA_MUST_CHECK strata_status strata_transport_open(const struct strata_listening *listening,
                                                      struct strata_arena *keep,
                                                      struct strata_transport *out,
                                                      struct strata_err *err);

/* Remove the private folder that a server which was killed has left at its requests endpoint; nothing listens there any
 * more.  Other places are left as they are. */
void strata_transport_sweep(const char *endpoint);

/* Close, giving what is queued STRATA_LINGER_MS, and remove the sockets' files.  Accepts a zeroed transport. */
void strata_transport_close(struct strata_transport *transport);

/* A client's address and one request; finish with strata_letter_finish. */
struct strata_letter {
    unsigned char address[256]; /* ZeroMQ's routing id */
    size_t n_address;
    size_t client; /* index in the allow-list; 0 without keys */
    const char *peer; /* who sent it, as far as the system knows: an address, or "localhost:uid:gid:pid"; in message */
    bool delimited; /* a REQ socket's empty frame came along: it goes back too */
    void *body;     /* (n_body) in message */
    size_t n_body;
    _Alignas(16) unsigned char message[64]; /* a zmq_msg_t */
};

enum strata_mail { STRATA_MAIL_NONE, STRATA_MAIL_REQUEST, STRATA_MAIL_JUNK };

/* Take the next message, if there is one; JUNK has not the shape of a request and is gone already. */
enum strata_mail strata_transport_receive(struct strata_transport *transport,
                                          struct strata_letter *letter);
void strata_letter_finish(struct strata_letter *letter);

/* Room for an outgoing message of n_bytes (NULL: no memory), to be filled and sent to the letter's sender, or to all
 * subscribers when letter is NULL.  Never waits: a queue that is full drops it. */
struct strata_parcel {
    void *bytes;
    _Alignas(16) unsigned char message[64];
};
bool strata_parcel_init(struct strata_parcel *parcel, size_t n_bytes);
void strata_transport_send(struct strata_transport *transport, const struct strata_letter *letter,
                           struct strata_parcel *parcel);

/* Wait at most timeout_ms for a request, and meanwhile let clients in; true when one is there. */
bool strata_transport_wait(struct strata_transport *transport, long timeout_ms);

#endif
