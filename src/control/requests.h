/* What a request is answered: one table of kinds, and a function of bytes and a snapshot.  No sockets here, so that
 * every kind in every state is a unit test and every byte string a fuzz case. */
#ifndef STRATA_CONTROL_REQUESTS_H
#define STRATA_CONTROL_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/board.h"
#include "strata/v1/control.pb-c.h"

/* What answers are made from; the control thread's own. */
struct strata_desk {
    struct strata_board *board;
    const char *directory; /* the run's */
    const char *peer;      /* who asks, as far as known; NULL or "": not */
    bool serving;          /* a finished run: nothing can be changed */
    const char *incarnation;
    const char *events;                 /* endpoint, for Hello */
    struct strata_snapshot now;         /* read once a turn */
    Strata__V1__Result *result;         /* unpacked once; NULL until there is one */
    struct strata_arena record;         /* of result */
    struct strata_customers *customers; /* opened when one is first asked for */
};

struct strata_request_row {
    const char *name; /* the field of Request.body */
    Strata__V1__Request__BodyCase kind;
    /* Fill code, text and body of the reply; borrows from desk, request and arena. */
    void (*handle)(struct strata_desk *desk, const Strata__V1__Request *request,
                   struct strata_arena *arena, Strata__V1__Reply *reply);
    unsigned states; /* bit (1 << state) for each state of the job in which it is answered */
    bool changes;    /* the job: refused when serving */
};

/* All kinds, in the order of their field numbers. */
extern const struct strata_request_row strata_request_rows[];
extern const size_t strata_n_request_rows;

/* The row of a kind, NULL for none.  Does not compile while a kind of the message has no row. */
const struct strata_request_row *strata_request_row(Strata__V1__Request__BodyCase kind);

/* Read the board; unpack the result when it has appeared. */
void strata_desk_look(struct strata_desk *desk);

/* Give back what looks and answers have taken. */
void strata_desk_finish(struct strata_desk *desk);

/* Parse, bound, check the state, act, answer.  The reply is in arena and borrows from desk: pack it before the next
 * look.  Never fails: whatever the bytes are, there is a reply, and it packs into STRATA_REPLY_BYTES_MAX.  NULL only when
 * arena has no room for a struct. */
Strata__V1__Reply *strata_request_answer(struct strata_desk *desk, const void *bytes,
                                         size_t n_bytes, struct strata_arena *arena);

/* The snapshot as a message; borrows from it. */
void strata_status_fill(const struct strata_snapshot *now, Strata__V1__JobStatus *status);

#endif
