/* control.json: where a run's control channel is found, by whom it is kept, and whether anybody still listens there. */
#ifndef STRATA_CHANNEL_H
#define STRATA_CHANNEL_H

#include "strata/arena.h"
#include "strata/status.h"

#define STRATA_CHANNEL_ADDRESSES_MAX 8

struct strata_channel {
    const char *incarnation; /* random, of this server's life */
    const char *requests;    /* ZeroMQ endpoints */
    const char *events;
    const char *host; /* where the server runs */
    long pid;
    const char *started;    /* UTC */
    const char *server_key; /* public, in Z85; NULL: clients need no keys */
    const char *address[STRATA_CHANNEL_ADDRESSES_MAX]; /* (n_addresses) of tcp: all, with the same ports */
    size_t n_addresses;
};

/* Read directory/control.json into keep.  STRATA_E_UNAVAILABLE when there is none, STRATA_E_DATA when it is none of
 * ours. */
STRATA_MUST_CHECK strata_status strata_channel_read(const char *directory, struct strata_arena *keep,
                                                    struct strata_channel *channel,
                                                    struct strata_err *err);

/* Write directory/control.json, whole, mode 0600. */
STRATA_MUST_CHECK strata_status strata_channel_write(const char *directory,
                                                     const struct strata_channel *channel,
                                                     struct strata_arena scratch,
                                                     struct strata_err *err);

enum strata_listener {
    STRATA_LISTENER_NONE, /* nothing accepts connections there: a server that died left the file */
    STRATA_LISTENER_ALIVE,
    STRATA_LISTENER_UNKNOWN, /* cannot be told from here */
};

/* Whether something listens at an ipc:// or tcp:// endpoint: one connection, closed at once.  Another host has a quarter of
 * a second to answer. */
enum strata_listener strata_channel_probe(const char *endpoint);

#endif
