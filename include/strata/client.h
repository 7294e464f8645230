/* The control client library: find a run's channel, ask, steer, follow events without a gap.  A finished run needs no
 * server: its record answers.  No MPI, nothing of the engine.  Messages are those of proto/strata/v1/control.proto;
 * src/client/README.md has a whole program and what is promised when a job dies and comes back.
 *
 * One thread at a time uses a client.  Results lie in the caller's arena (strata/arena.h) until that is reset.  Failures
 * are a status and one sentence in err (strata/status.h). */
#ifndef STRATA_CLIENT_H
#define STRATA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/client_views.h"
#include "strata/status.h"

struct ProtobufCMessage; /* of protobuf-c */
struct strata_client;
struct Strata__V1__Result;
struct Strata__V1__Request;
struct Strata__V1__Reply;

/* Answers GetCustomer from the finished run in directory: fills the reply's code, text and body.  strata_customer_look of
 * strata/customer.h does; a pointer, so that only who wants it links DuckDB. */
typedef strata_status strata_client_look(const char *directory,
                                         const struct Strata__V1__Result *record, const char *key,
                                         struct strata_arena *arena,
                                         struct Strata__V1__Reply *reply, struct strata_err *err);

/* The same for Assign and Explain: strata_score_look of strata/score.h. */
typedef strata_status strata_client_score_look(const char *directory,
                                               const struct Strata__V1__Result *record,
                                               const struct Strata__V1__Request *request,
                                               struct strata_arena *arena,
                                               struct Strata__V1__Reply *reply,
                                               struct strata_err *err);

struct strata_client_options {
    const char *run;          /* run directory: endpoints from its control.json; or NULL */
    const char *endpoint;     /* requests endpoint; or NULL */
    const char *keys;         /* folder of the client's key, as strata keygen made it; or NULL */
    int timeout_ms;           /* for each request; 0: 5000 */
    strata_client_look *look; /* for customers of a finished run without a server; NULL: not then */
    strata_client_score_look *score; /* the same for new customers */
};

/* Find the server, or a finished run's record when nothing listens there.  The texts of options are copied.  At most a
 * quarter of a second, for a host that does not answer.  STRATA_E_UNAVAILABLE when there is neither server nor record (no
 * control.json, or one that a dead process left), STRATA_E_PERMISSION when the server wants keys and there are none,
 * STRATA_E_CONFIG when they are no good, STRATA_E_USAGE for an endpoint that is none. */
STRATA_MUST_CHECK strata_status strata_client_open(const struct strata_client_options *options,
                                                   struct strata_client **out,
                                                   struct strata_err *err);
void strata_client_close(struct strata_client **client); /* accepts a NULL client; leaves NULL */

/* True when the answers come from a finished run's record and not from a server: no events, no commands. */
bool strata_client_is_offline(const struct strata_client *client);

/* --- questions and answers --------------------------------------------------------------------- */

enum strata_question { /* what it is answered with: a field of struct strata_answer, or only its message */
                       STRATA_ASK_HELLO,
                       STRATA_ASK_STATUS,   /* job */
                       STRATA_ASK_SEGMENTS, /* segments */
                       STRATA_ASK_SEGMENT,  /* segments: one, and the features */
                       STRATA_ASK_PERSONAS, /* segments */
                       STRATA_ASK_PERSONA,  /* segments: one */
                       STRATA_ASK_STOP,     /* iteration, as of all commands */
                       STRATA_ASK_CHECKPOINT,
                       STRATA_ASK_PAUSE,
                       STRATA_ASK_RESUME,
                       STRATA_ASK_CANCEL,
                       STRATA_ASK_SET,
                       STRATA_ASK_CUSTOMER,   /* customer, n_customers 1 */
                       STRATA_ASK_HEALTH,     /* health */
                       STRATA_ASK_EVALUATION, /* evaluation */
                       STRATA_ASK_QUALITY,    /* quality */
                       STRATA_ASK_MANIFEST,   /* manifest */
                       STRATA_ASK_METRICS,    /* metrics */
                       STRATA_ASK_SNAPSHOT,   /* job; strata_client_next_event asks by itself */
                       STRATA_ASK_EVENTS,     /* the message; as above */
                       STRATA_ASK_ASSIGN,     /* assignment: by strata_client_score */
                       STRATA_ASK_EXPLAIN,    /* customer: by strata_client_score */
                       STRATA_QUESTION_COUNT
};

struct strata_answer {
    uint64_t seq;                           /* of the snapshot that it was made from */
    const char *incarnation;                /* of the server; empty when offline */
    const char *text;                       /* the server's sentence, or empty */
    const struct ProtobufCMessage *message; /* the strata.v1.Reply */
    struct strata_job_view job;
    struct strata_segments_view segments;
    uint64_t iteration;                    /* of commands: in which it took effect on all ranks */
    struct strata_customer_view *customer; /* (n_customers) */
    size_t n_customers;
    struct strata_assignment_view assignment;
    struct strata_health_view health;
    struct strata_evaluation_view evaluation;
    struct strata_quality_view quality;
    struct strata_manifest_view manifest;
    const char *metrics; /* OpenMetrics text */
};

/* Ask and wait at most the timeout; which is a segment's number or name for SEGMENT and PERSONA, the key for CUSTOMER,
 * the number of the last event for EVENTS, and for SET one of "tolerance=X", "max_iter=N", "drop=K" or "drop=K/START",
 * "freeze=K", "log_level=LEVEL"; else NULL.  The answer is in keep.  An answer over the limit of one reply is asked for in
 * pieces, and put together, up to 256 MiB.
 * Commands are answered when they have taken effect; STRATA_E_AGAIN: accepted, but not yet in effect, or the server is
 * busy.  A refusal is a failure with the server's sentence: STRATA_E_UNAVAILABLE when the job's state does not allow it or
 * nobody answered in time, STRATA_E_NO_INPUT for an unknown segment or customer, STRATA_E_PERMISSION for a role that is
 * too small.
 * When the connection breaks meanwhile, the same request goes out again over the new one, with the same id: a server obeys
 * a command once, however often it comes.  When the job was started again meanwhile, a question is put to the new server,
 * but a command is not: STRATA_E_UNAVAILABLE says so, and whoever still wants it asks again. */
STRATA_MUST_CHECK strata_status strata_client_question(struct strata_client *client,
                                                       enum strata_question question,
                                                       const char *which, struct strata_arena *keep,
                                                       struct strata_answer *answer,
                                                       struct strata_err *err);

/* One feature of new customers: either numbers (NaN: missing) or texts (NULL: missing). */
struct strata_ask_column {
    const char *feature; /* its name in the job file */
    const double *number; /* (n_customers) of numeric and count features, and of binary ones as 0 or 1; or NULL */
    const char *const
        *text; /* (n_customers) of ordinal and nominal ones, and of binary ones in words; or NULL */
};

/* New customers, as the job's customers view would have them, by column.  At most 4,096 and 64 KiB packed; with reasons at
 * most 64 customers.  A basis feature without a column is missing for all; columns of other features are ignored. */
struct strata_ask_batch {
    const struct strata_ask_column *column; /* (n_columns) each feature once; at most 512 */
    size_t n_columns, n_customers;
    bool details; /* runner-up, distance, posterior, margin too */
};

/* Which segment is each of these in?  question is STRATA_ASK_ASSIGN, or STRATA_ASK_EXPLAIN for reasons too.  Failures as of
 * strata_client_question; STRATA_E_USAGE for a batch that is too large. */
STRATA_MUST_CHECK strata_status strata_client_score(struct strata_client *client,
                                                    enum strata_question question,
                                                    const struct strata_ask_batch *batch,
                                                    struct strata_arena *keep,
                                                    struct strata_answer *answer,
                                                    struct strata_err *err);

/* --- events ------------------------------------------------------------------------------------- */

enum strata_event_kind {
    STRATA_TOLD_NONE, /* nothing came in time */
    STRATA_TOLD_SNAPSHOT, /* job, candidates: where the job stands; the first one, and after resynced or restarted */
    STRATA_TOLD_STATUS,     /* job */
    STRATA_TOLD_STAGE,      /* state, elapsed_s */
    STRATA_TOLD_ITERATION,  /* iteration, candidates, live, balance */
    STRATA_TOLD_CANDIDATE,  /* k, start, fate, text, iteration */
    STRATA_TOLD_CHECKPOINT, /* iteration, generation, bytes */
    STRATA_TOLD_WARNING,    /* text */
    STRATA_TOLD_DONE,       /* state, text */
    STRATA_TOLD_HEARTBEAT,  /* the server lives; its number is that of the last event */
    STRATA_TOLD_LOST, /* text: why nobody is heard; the client looks for the job again, with every call */
    STRATA_TOLD_OTHER /* of a newer server: only the message */
};

struct strata_event {
    enum strata_event_kind kind;
    uint64_t number; /* of events grows by one; 0 of LOST and NONE */
    uint64_t seq;
    const char *incarnation;
    bool leaving;   /* the server's last event */
    bool resynced;  /* SNAPSHOT: events were lost for good; begin anew from this */
    bool restarted; /* SNAPSHOT: the job was started again, by another process */
    struct strata_job_view job;
    const struct strata_candidate_view *candidate; /* (n_candidates) by k, then start; the best ones */
    size_t n_candidates;
    uint32_t live;     /* candidates that are live */
    double balance;    /* slowest rank's time of an iteration over the ranks' mean; NaN: not told */
    const char *state; /* as strata_job_view.state */
    double elapsed_s;
    uint64_t iteration, generation, bytes;
    uint32_t k, start;
    const char *fate; /* "ended", "dropped", "chosen" */
    const char *text;
    const struct ProtobufCMessage
        *message; /* the strata.v1.Event, or Reply of a snapshot; NULL of LOST and NONE */
};

/* The next event, waiting at most timeout_ms (longer by a request's time when something is to be caught up with).  The
 * first call subscribes, then takes a snapshot, which is the first event; from there every number comes once and in order:
 * what the socket missed is asked for, and what the server has forgotten is replaced by another snapshot (`resynced`).
 * Silence for 3.5 s (1.5 s where nobody listens), or a server that leaves, makes the client look for the job again, after
 * 0.1 s, then ever longer, up to 5 s, each by a random part: control.json is read again, and a job that was started again
 * begins with a snapshot (`restarted`); a run that has finished meanwhile gives a last snapshot from its record.
 * How long to go on while LOST is the caller's to say.  STRATA_E_UNAVAILABLE of a client that is offline,
 * STRATA_E_CANCELLED after a signal. */
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
