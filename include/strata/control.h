/* The control channel: one thread that owns all sockets, answers requests from snapshots and posts commands. */
#ifndef STRATA_CONTROL_H
#define STRATA_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "strata/attempt.h"
#include "strata/board.h"
#include "strata/status.h"

struct strata_control; /* the thread */
struct strata_served;  /* a finished run, ready to be served */

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
    bool serving;                  /* a finished run is served: stop is refused */
    struct strata_served **served; /* that run, which is taken; NULL: what the board has */
};

/* Read record and model of the finished run in directory, and unpack them.  Seconds when they are large.
 * STRATA_E_NO_INPUT when it is none; STRATA_E_DATA when they are not sound, or not those that its manifest has sealed;
 * STRATA_E_AGAIN when they change meanwhile. */
STRATA_MUST_CHECK strata_status strata_served_open(const char *directory, struct strata_served **out,
                                                   struct strata_err *err);
void strata_served_close(struct strata_served **served); /* accepts a NULL handle */

/* Which files those would be: another number when another run is sealed there; 0 when none is.  Opens nothing. */
uint64_t strata_served_mark(const char *directory);

/* Answer from another run, which is taken, from the next request on.  Any thread; waits for nothing. */
void strata_control_serve(struct strata_control *control, struct strata_served **served);

/* Bind ROUTER (requests) and PUB (events), write control.json, start the thread.  Rank 0 only.  Refuses with
 * STRATA_E_CONFIG any address but loopback and ipc without keys, and keys with a problem; STRATA_E_UNAVAILABLE or
 * STRATA_E_CREATE when it cannot listen there. */
STRATA_MUST_CHECK strata_status strata_control_start(const struct strata_control_options *options,
                                                     struct strata_control **out,
                                                     struct strata_err *err);

/* Publish the last event, answer what is queued, remove control.json, join the thread.  Accepts NULL. */
void strata_control_stop(struct strata_control **control);

#endif
