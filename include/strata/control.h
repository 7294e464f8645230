/* The control channel: one thread that owns all sockets, answers requests from snapshots and posts commands. */
#ifndef STRATA_CONTROL_H
#define STRATA_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "strata/attempt.h"
#include "strata/board.h"
#include "strata/status.h"

struct strata_control; /* the thread */

struct strata_control_options {
    const char *directory; /* run directory: control.json goes here */
    /* The job's, which must outlive the thread: ipc sockets are in its tray, and only it can change control.json.  NULL
     * for who serves a finished run: sockets in the run directory. */
    const struct strata_attempt *attempt;
    const char *endpoint;  /* "ipc", "tcp://127.0.0.1:*", "tcp://127.0.0.1:7001", "ipc:///path" */
    const char *interface; /* a network interface or an address, instead; NULL: none */
    uint32_t port_from, port_to; /* of an interface, or an endpoint with `*`; 0: any */
    const char *keys;            /* folder made by strata keygen; NULL: none, and this host only */
    struct strata_board *board;
    bool serving; /* a finished run is served: stop is refused */
};

/* Bind ROUTER (requests) and PUB (events), write control.json, start the thread.  Rank 0 only.  Refuses with
 * STRATA_E_CONFIG any address but loopback and ipc without keys, and keys with a problem; STRATA_E_UNAVAILABLE or
 * STRATA_E_CREATE when it cannot listen there. */
STRATA_MUST_CHECK strata_status strata_control_start(const struct strata_control_options *options,
                                                     struct strata_control **out,
                                                     struct strata_err *err);

/* Publish the last event, answer what is queued, remove control.json, join the thread.  Accepts NULL. */
void strata_control_stop(struct strata_control **control);

#endif
