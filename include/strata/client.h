/* The control client library: find a run's channel, ask, get a reply in time.  A finished run needs no server: its
 * record answers.  No MPI, nothing of the engine.  Messages are those of proto/strata/v1/control.proto. */
#ifndef STRATA_CLIENT_H
#define STRATA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/status.h"

struct ProtobufCMessage; /* of protobuf-c */
struct strata_client;    /* one thread at a time */
struct Strata__V1__Result;
struct Strata__V1__Reply;

/* Looks up a customer of the finished run in directory and fills the reply's code, text and body: strata_customer_look of
 * strata/customer.h.  A pointer, so that only who wants it links DuckDB. */
typedef strata_status strata_client_look(const char *directory,
                                         const struct Strata__V1__Result *record, const char *key,
                                         struct strata_arena *arena,
                                         struct Strata__V1__Reply *reply, struct strata_err *err);

struct strata_client_options {
    const char *run;          /* run directory: endpoints from its control.json; or NULL */
    const char *endpoint;     /* requests endpoint; or NULL */
    const char *keys;         /* folder of the client's key, as strata keygen made it; or NULL */
    int timeout_ms;           /* for each request; 0: 5000 */
    strata_client_look *look; /* for customers of a finished run without a server; NULL: not then */
};

/* Find the server, or a finished run's record when nothing listens there.  STRATA_E_UNAVAILABLE when there is neither
 * (no control.json, or one that a dead process left), STRATA_E_PERMISSION when the server wants keys and there are none,
 * STRATA_E_CONFIG when they are no good. */
STRATA_MUST_CHECK strata_status strata_client_open(const struct strata_client_options *options,
                                                   struct strata_client **out,
                                                   struct strata_err *err);
void strata_client_close(struct strata_client **client); /* accepts a NULL client */

/* True when the answers come from a finished run's record and not from a server: no events, no commands. */
bool strata_client_is_offline(const struct strata_client *client);

/* --- questions and answers --------------------------------------------------------------------- */

enum strata_question {
    STRATA_ASK_HELLO,
    STRATA_ASK_STATUS,
    STRATA_ASK_SEGMENTS,
    STRATA_ASK_SEGMENT,
    STRATA_ASK_PERSONAS,
    STRATA_ASK_PERSONA,
    STRATA_ASK_STOP,
    STRATA_ASK_CHECKPOINT,
    STRATA_ASK_PAUSE,
    STRATA_ASK_RESUME,
    STRATA_ASK_CANCEL,
    STRATA_ASK_SET,
    STRATA_ASK_CUSTOMER,
    STRATA_QUESTION_COUNT
};

struct strata_job_view { /* strata.v1.JobStatus */
    const char *job;
    const char *state; /* "FITTING", ...: the words of strata/board.h; "UNKNOWN" when the server is newer */
    bool final; /* nothing follows this state */
    double elapsed_s, fraction;
    double remaining_s; /* negative: unknown */
    uint32_t ranks, features, candidates_live, candidates_total, k;
    uint64_t bytes_done, bytes_total, customers, iteration;
    double objective;
    const char *message;
    const char *ending; /* why the chosen candidate ended; empty before */
    bool leaving;       /* the server's last event */
};

/* Something that is told of a segment. */
struct strata_entry_view {
    const char *lead; /* what it is about: "Discounts"; or empty */
    const char *text; /* the sentence; empty where the lead says it all */
    double index;     /* 100 = everybody's average; NaN: none */
    uint64_t count;   /* customers behind it; 0: behind several sentences, which have their own */
};

/* Entries under one title, in reading order. */
struct strata_part_view {
    const char *title;
    struct strata_entry_view *entry; /* (n_entries) */
    size_t n_entries;
};

/* What makes a segment worth an effort: indices, 100 is average; NaN where not known. */
struct strata_effort_view {
    double size, value, growth, reach;
    double score;  /* 0 to 1 */
    uint32_t rank; /* from 1; 0: nothing is known */
};

struct strata_segment_view {
    uint32_t id;                   /* from 1 */
    const char *name, *definition; /* empty in an interim one */
    uint64_t size;
    double share;            /* by weight */
    bool weighted;           /* personas: the share is not that of `size` */
    const char *alias;       /* personas: one word to call it by, or empty */
    const char *name_origin; /* personas: where a name that the user gave is from, or NULL */
    struct strata_effort_view effort; /* personas */
    const char *rule;                 /* personas: what to recognise them by, or NULL */
    double coverage, precision;       /* of the rule */
    struct strata_part_view *part;    /* (n_parts) personas only */
    size_t n_parts;
};

struct strata_segments_view {
    const char *job;
    const char *choice; /* personas of a record: why so many segments; else NULL or empty */
    bool interim;       /* sizes of the leading candidate of a running job */
    uint64_t customers;
    const char *weight; /* feature whose case weights the shares count; empty: there are none */
    struct strata_segment_view *segment; /* (n_segments) */
    size_t n_segments;
};

/* Why a customer is in the segment and not in the runner-up. */
struct strata_reason_view {
    const char *label, *text; /* the feature; a sentence with the customer's value */
    double share;             /* of all that speaks for the segment, in (0, 1] */
};

struct strata_customer_view {    /* strata.v1.CustomerReply */
    uint32_t segment, runner_up; /* from 1; 0: there is no other segment */
    const char *name, *runner_up_name;
    double margin;        /* 0: on the border, 1: far inside */
    const char *sureness; /* the same in half a sentence */
    struct strata_reason_view reason[3];
    size_t n_reasons;
};

struct strata_answer {
    uint64_t seq;                           /* of the snapshot that it was made from */
    const char *incarnation;                /* of the server; empty when offline */
    const char *text;                       /* the server's sentence, or empty */
    struct strata_job_view job;             /* of STATUS */
    struct strata_segments_view segments;   /* of SEGMENTS, SEGMENT, PERSONAS, PERSONA */
    uint64_t iteration;                     /* of commands: in which it took effect on all ranks */
    struct strata_customer_view customer;   /* of CUSTOMER */
    const struct ProtobufCMessage *message; /* the strata.v1.Reply, for strata_json_view */
};

/* Ask and wait at most the timeout; which is a segment's number or name for SEGMENT and PERSONA, the key for CUSTOMER,
 * and for SET one of "tolerance=X", "max_iter=N", "drop=K" or "drop=K/START", "freeze=K", "log_level=LEVEL"; else NULL.
 * The answer is in keep.  Commands are answered when they have taken effect; STRATA_E_AGAIN: accepted, but not yet in
 * effect.  A refusal is a failure with the server's sentence: STRATA_E_UNAVAILABLE when the job's state does not
 * allow it or nobody answered in time, STRATA_E_NO_INPUT for an unknown segment or customer. */
STRATA_MUST_CHECK strata_status strata_client_question(struct strata_client *client,
                                                       enum strata_question question,
                                                       const char *which, struct strata_arena *keep,
                                                       struct strata_answer *answer,
                                                       struct strata_err *err);

struct strata_event {
    bool any, heartbeat;
    uint64_t number; /* grows by one with each event; a heartbeat repeats the last one */
    uint64_t seq;
    const char *incarnation;
    struct strata_job_view job;             /* unless heartbeat */
    const struct ProtobufCMessage *message; /* the strata.v1.Event, for strata_json_view */
};

/* The next event, waiting at most timeout_ms; any is false when none came.  The first call subscribes. */
STRATA_MUST_CHECK strata_status strata_client_next_event(struct strata_client *client,
                                                         int timeout_ms, struct strata_arena *keep,
                                                         struct strata_event *event,
                                                         struct strata_err *err);

/* --- below questions: packed messages ----------------------------------------------------------- */

/* Send a packed strata.v1.Request and get the packed strata.v1.Reply with the same id in keep.  STRATA_E_UNAVAILABLE
 * after the timeout. */
STRATA_MUST_CHECK strata_status strata_client_ask(struct strata_client *client, const void *request,
                                                  size_t n_bytes, uint64_t id,
                                                  struct strata_arena *keep, unsigned char **reply,
                                                  size_t *n_reply, struct strata_err *err);

#endif
