/* What the files of the client library share. */
#ifndef STRATA_CLIENT_IMPL_H
#define STRATA_CLIENT_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "strata/channel.h"
#include "strata/client.h"
#include "strata/keys.h"
#include "strata/v1/control.pb-c.h"

struct strata_client {
    struct strata_arena memory; /* of this struct, the endpoints and the record */
    void *context;              /* ZeroMQ's; NULL when offline */
    void *requests, *events;    /* sockets; events only once it is wanted */
    void *monitor;              /* of requests' handshakes; NULL: nobody tells */
    int n_failures;             /* of handshakes, one after the other */
    bool is_denied;
    struct strata_key_file key; /* when keyed */
    bool keyed;
    struct strata_channel channel;
    int timeout_ms;
    uint64_t next_id;
    Strata__V1__Result *record; /* offline: answers by itself */
    const char *directory;      /* of the record */
    strata_client_look *look;
};

/* Read result.pb of a finished run into the client.  STRATA_E_UNAVAILABLE when directory is no finished run. */
STRATA_MUST_CHECK strata_status strata_client_open_record(struct strata_client *client,
                                                          const char *directory,
                                                          struct strata_err *err);

/* Follow the handshakes of the requests socket; STRATA_E_PERMISSION with what to do once the server refuses them. */
void strata_handshake_watch(struct strata_client *client);
STRATA_MUST_CHECK strata_status strata_handshake_check(struct strata_client *client,
                                                       struct strata_err *err);

/* Plain views of messages; false when memory ends.  The texts stay where the message has them. */
void strata_view_job(const Strata__V1__JobStatus *status, struct strata_job_view *job);
bool strata_view_segments(const Strata__V1__SegmentsReply *reply, struct strata_arena *keep,
                          struct strata_segments_view *view);
bool strata_view_persona(const Strata__V1__Segment *segment, struct strata_arena *keep,
                         struct strata_segment_view *view);
void strata_view_customer(const Strata__V1__CustomerReply *reply, struct strata_customer_view *view);
bool strata_view_personas(Strata__V1__Segment *const *segments, size_t n, struct strata_arena *keep,
                          struct strata_segments_view *view);

#endif
