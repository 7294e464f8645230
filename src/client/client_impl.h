/* What the files of the client library share. */
#ifndef STRATA_CLIENT_IMPL_H
#define STRATA_CLIENT_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "strata/channel.h"
#include "strata/client.h"
#include "strata/keys.h"
#include "strata/protocol_limits.h"
#include "strata/v1/control.pb-c.h"

#define STRATA_RECORD_BYTES_MAX ((size_t)256 << 20)

struct strata_client {
    struct strata_arena memory;        /* of this struct, the endpoints and the record */
    struct strata_arena first;         /* memory as it was before anything was found */
    struct strata_client_options want; /* its texts are copies */
    void *context;                     /* ZeroMQ's; NULL when offline */
    void *requests, *events;           /* sockets; events only once it is wanted */
    void *monitor;                     /* of requests' handshakes; NULL: nobody tells */
    int n_failures;                    /* of handshakes, one after the other */
    bool is_denied;
    bool was_cut;               /* the connection broke, and a request with it */
    struct strata_key_file key; /* when keyed */
    bool keyed;
    struct strata_channel channel;
    int timeout_ms;
    uint64_t next_id;
    uint64_t random;            /* for the length of waits */
    Strata__V1__Result *record; /* offline: answers by itself */
    const char *directory;      /* of the record */
    struct strata_follow {      /* of events */
        bool begun, lost;
        bool is_other;  /* the server that was found is not the one that was lost */
        bool told;      /* that it is lost */
        uint64_t last;  /* number of the last event that was given to the caller */
        double heard_s; /* when the server last said anything */
        double again_s; /* when to look for it again */
        unsigned n_tries;
        struct strata_arena memory; /* of missed, from which events are copied */
        Strata__V1__EventsReply *missed;
        size_t next; /* of missed */
    } follow;
};

/* --- finding ------------------------------------------------------------------------------------ */

/* Read result.pb of a finished run into the client.  STRATA_E_UNAVAILABLE when directory is no finished run. */
STRATA_MUST_CHECK strata_status strata_client_open_record(struct strata_client *client,
                                                          const char *directory,
                                                          struct strata_err *err);

/* Close everything and look for the server anew: control.json is read again.  *is_other tells whether it is another one
 * than before.  Fails as strata_client_open; a client that failed may try again. */
STRATA_MUST_CHECK strata_status strata_client_find(struct strata_client *client, bool *is_other,
                                                   struct strata_err *err);

/* A socket of ZeroMQ's kind, connected to endpoint. */
STRATA_MUST_CHECK strata_status strata_client_connect(struct strata_client *client, int kind,
                                                      const char *endpoint, void **out,
                                                      struct strata_err *err);

/* Wait until `until` (strata_clock_s) for a message of one frame; *n_bytes 0 when none came.  EINTR ends the wait with
 * STRATA_E_CANCELLED: the caller may have been told to leave. */
STRATA_MUST_CHECK strata_status strata_client_receive(void *socket, double until,
                                                      struct strata_arena *keep,
                                                      unsigned char **bytes, size_t *n_bytes,
                                                      struct strata_err *err);

/* Follow the handshakes of the requests socket; STRATA_E_PERMISSION with what to do once the server refuses them. */
void strata_handshake_watch(struct strata_client *client);
STRATA_MUST_CHECK strata_status strata_handshake_check(struct strata_client *client,
                                                       struct strata_err *err);

/* --- asking ------------------------------------------------------------------------------------- */

/* What is asked: question and which as of strata_client_question, batch of strata_client_score. */
struct strata_asking {
    enum strata_question question;
    const char *which;
    const struct strata_ask_batch *batch;
};

/* What a request points at. */
struct strata_request_room {
    union {
        Strata__V1__Hello hello;
        Strata__V1__GetStatus status; /* as all that have no field */
        Strata__V1__GetSegment segment;
        Strata__V1__GetPersona persona;
        Strata__V1__GetCustomer customer;
        Strata__V1__GetEvents events;
        Strata__V1__Set set;
        Strata__V1__Assign assign;
        Strata__V1__Explain explain;
    } body;
    Strata__V1__Drop drop;
    char which[STRATA_REQUEST_NAME_BYTES_MAX + 1];
};

STRATA_MUST_CHECK strata_status strata_request_make(
    struct strata_client *client, const struct strata_asking *asking, struct strata_arena *keep,
    struct strata_request_room *room, Strata__V1__Request *request, struct strata_err *err);
bool strata_question_is_command(enum strata_question question);
int strata_question_number(enum strata_question question); /* of Request.body, and of Reply.body */

/* --- plain views of messages; false when memory ends -------------------------------------------- */
/* The texts stay where the message has them. */

void strata_view_job(const Strata__V1__JobStatus *status, struct strata_job_view *job);
const char *strata_view_state(Strata__V1__JobState state, bool *final);
bool strata_view_segments(const Strata__V1__SegmentsReply *reply, struct strata_arena *keep,
                          struct strata_segments_view *view);
bool strata_view_segment(const Strata__V1__SegmentReply *reply, struct strata_arena *keep,
                         struct strata_segments_view *view);
bool strata_view_persona(const Strata__V1__Segment *segment, struct strata_arena *keep,
                         struct strata_segment_view *view);
bool strata_view_personas(Strata__V1__Segment *const *segments, size_t n, struct strata_arena *keep,
                          struct strata_segments_view *view);
bool strata_view_customers(Strata__V1__CustomerReply *const *reply, size_t n,
                           struct strata_arena *keep, struct strata_answer *answer);
bool strata_view_candidates(Strata__V1__LiveCandidate *const *candidates, size_t n,
                            struct strata_arena *keep, const struct strata_candidate_view **view);
bool strata_view_event(const Strata__V1__Event *message, struct strata_arena *keep,
                       struct strata_event *event);
void strata_view_health(const Strata__V1__HealthReply *reply, struct strata_health_view *view);
bool strata_view_assignment(const Strata__V1__AssignReply *reply,
                            struct strata_assignment_view *view); /* false: not of one length */
bool strata_view_evaluation(const Strata__V1__EvaluationReply *reply, struct strata_arena *keep,
                            struct strata_evaluation_view *view);
bool strata_view_quality(const Strata__V1__Quality *quality, struct strata_arena *keep,
                         struct strata_quality_view *view);
bool strata_view_manifest(const Strata__V1__Manifest *manifest, struct strata_arena *keep,
                          struct strata_manifest_view *view);

#endif
