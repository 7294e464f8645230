/* What a request is answered: one table of kinds, and a function of bytes and a snapshot.  No sockets here, so that
 * every kind in every state is a unit test and every byte string a fuzz case. */
#ifndef STRATA_CONTROL_REQUESTS_H
#define STRATA_CONTROL_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/board.h"
#include "strata/control.h"
#include "strata/keyring.h"
#include "strata/v1/control.pb-c.h"

#include "health.h"
#include "history.h"
#include "pieces.h"
#include "rate.h"
#include "recent.h"

/* Who asks.  Zeroed: nobody, who is refused everything. */
struct strata_caller {
    const char *name; /* of the allow-list, or "local" */
    enum strata_client_role role;
    uint64_t number;  /* tells clients apart */
    bool keyed;       /* it has proved a key */
    const char *peer; /* where the request came from, as far as known; NULL or "": not */
    struct strata_bucket *bucket; /* NULL: it may ask as much as it likes */
};

/* A command that was left on the board, and who is to be answered. */
struct strata_asked {
    uint64_t number; /* on the board; 0: there is none */
    uint64_t id;     /* of the request */
    Strata__V1__Request__BodyCase kind;
    uint32_t deadline_ms; /* 0: no limit */
};

/* What answers are made from; the control thread's own. */
struct strata_desk {
    struct strata_board *board;
    const char *directory; /* the run's */
    bool serving;          /* a finished run: nothing can be changed */
    const char *incarnation;
    const char *events;          /* endpoint, for Hello */
    struct strata_caller caller; /* of the request at hand */
    struct strata_recent recent;
    struct strata_snapshot now;         /* read once a turn */
    Strata__V1__Result *result;         /* unpacked once; NULL until there is one */
    struct strata_arena record;         /* of result */
    struct strata_customers *customers; /* opened when one is first asked for */
    struct strata_scorer *scorer;       /* so too, unless it came with a run that is served */
    struct strata_arena model;          /* of scorer */
    uint64_t mark;                      /* of the run that is served; 0: a job's own */
    struct strata_history *history;     /* NULL: no events are kept */
    struct strata_pieces pieces;        /* a large reply that is being handed out */
    struct strata_counts counts;        /* of all replies */
    struct strata_hearing hearing;
    size_t n_waiting;          /* commands that wait for an answer */
    bool is_full;              /* no more can */
    struct strata_asked asked; /* by the last request; with number 0 the reply is final */
};

struct strata_request_row {
    const char *name; /* the field of Request.body */
    Strata__V1__Request__BodyCase kind;
    /* Fill code, text and body of the reply; borrows from desk, request and arena. */
    void (*handle)(struct strata_desk *desk, const Strata__V1__Request *request,
                   struct strata_arena *arena, Strata__V1__Reply *reply);
    unsigned states; /* bit (1 << state) for each state of the job in which it is answered */
    bool changes;    /* the job: refused when serving */
    enum strata_client_role role; /* the smallest that may ask */
    bool personal;                /* about a single customer: each look is written down */
};

/* All kinds, in the order of their field numbers. */
extern const struct strata_request_row strata_request_rows[];
extern const size_t strata_n_request_rows;

/* The row of a kind, NULL for none.  Does not compile while a kind of the message has no row. */
const struct strata_request_row *strata_request_row(Strata__V1__Request__BodyCase kind);

/* Read the board; unpack the result when it has appeared. */
void strata_desk_look(struct strata_desk *desk);

/* Answer from a finished run from now on: record and model change at once, and the board gets the run's snapshot, so that
 * what is answered from them has a seq of its own.  Takes served; what the desk had before goes. */
void strata_desk_serve(struct strata_desk *desk, struct strata_served **served);

/* Give back what looks and answers have taken. */
void strata_desk_finish(struct strata_desk *desk);

/* Parse, bound, check the state, act, answer.  A command is left on the board: then desk->asked has its number, and the
 * reply only says that it was accepted; strata_command_answer makes the one to send.  The reply is in arena and borrows
 * from desk: pack it before the next look.  Never fails: whatever the bytes are, there is a reply, and it packs into
 * STRATA_REPLY_BYTES_MAX.  NULL only when arena has no room for a struct. */
Strata__V1__Reply *strata_request_answer(struct strata_desk *desk, const void *bytes,
                                         size_t n_bytes, struct strata_arena *arena);

/* The reply to a command that was asked, now that its outcome is there, or (NULL) its deadline has passed.  As
 * strata_request_answer. */
Strata__V1__Reply *strata_command_answer(struct strata_desk *desk, const struct strata_asked *asked,
                                         const struct strata_outcome_of_command *outcome,
                                         struct strata_arena *arena);

/* command.c: what a command asks of the job; NULL, or what is wrong with it.  And the body of its reply: each kind has a
 * message of its own, so that each may grow by itself; false when there is no room. */
const char *strata_command_read(const Strata__V1__Request *request, struct strata_command *command);
bool strata_command_fill(Strata__V1__Request__BodyCase kind, uint64_t iteration,
                         struct strata_arena *arena, Strata__V1__Reply *reply);

/* large.c: what a request is, seen from its fields without unpacking it; false when they are none.  Fields are counted
 * with those of the columns of an assign or explain, up to one more than STRATA_REQUEST_FIELDS_MAX. */
struct strata_peek {
    uint64_t id;
    Strata__V1__Request__BodyCase kind;
    size_t n_fields;
};
bool strata_request_peek(const void *bytes, size_t n_bytes, struct strata_peek *out);

/* The client's name, or where an unnamed one's request came from. */
const char *strata_who_asks(const struct strata_caller *caller);

/* A line in the log for each command and each look at a single customer: who, what, with which effect; never a value. */
void strata_audit(const struct strata_desk *desk, const struct strata_request_row *row,
                  const Strata__V1__Request *request, const char *effect);

/* A text that was cut to its room ends with a whole character again: no reader of proto3 would take it else. */
void strata_text_mend(char *text, size_t room);
void strata_snapshot_mend(struct strata_snapshot *now);
/* The snapshot as a message; borrows from it. */
void strata_status_fill(const struct strata_snapshot *now, Strata__V1__JobStatus *status);

#endif
