/* Requests that only look: from the snapshot, the result, the run directory and the history of events. */
#include "handlers.h"

#include <string.h>

#include "strata/customer.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"

#include "history.h"

STRATA_HANDLER(strata_handle_hello)
{
    if (strlen(request->hello->client) > STRATA_REQUEST_CLIENT_BYTES_MAX) {
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST,
                      "hello.client is longer than 64 bytes");
        return;
    }
    Strata__V1__HelloReply *body = STRATA_NEW(arena, Strata__V1__HelloReply, 1);
    char **names = STRATA_NEW(arena, char *, strata_n_request_rows);
    if (!body || !names) {
        strata_refuse_memory(reply);
        return;
    }
    strata__v1__hello_reply__init(body);
    for (size_t i = 0; i < strata_n_request_rows; i++)
        names[i] = (char *)(uintptr_t)strata_request_rows[i].name;
    body->protocol = STRATA_PROTOCOL_VERSION;
    body->version = (char *)(uintptr_t)STRATA_VERSION;
    body->requests = names;
    body->n_requests = strata_n_request_rows;
    body->serving = desk->serving;
    body->events = (char *)(uintptr_t)desk->events;
    body->role = (char *)(uintptr_t)strata_client_role_word(desk->caller.role);
    reply->body_case = STRATA__V1__REPLY__BODY_HELLO;
    reply->hello = body;
}

STRATA_HANDLER(strata_handle_status)
{
    (void)request;
    Strata__V1__JobStatus *body = STRATA_NEW(arena, Strata__V1__JobStatus, 1);
    if (!body) {
        strata_refuse_memory(reply);
        return;
    }
    strata_status_fill(&desk->now, body);
    reply->body_case = STRATA__V1__REPLY__BODY_STATUS;
    reply->status = body;
}

/* Segments, personas: from the result, which alone has them. */
STRATA_HANDLER(strata_handle_record)
{
    const struct strata_request_row *row = strata_request_row(request->body_case);
    if (!desk->result) {
        strata_refuse_state(desk, row->name, arena, reply);
        return;
    }
    if (!strata_record_answer(desk->result, request, arena, reply))
        strata_refuse(reply, STRATA__V1__CODE__CODE_INTERNAL,
                      "the record has no answer to this kind");
}

static uint64_t whole_size(double size)
{
    return size > 0 && size < 1e18 ? (uint64_t)(size + 0.5) : 0;
}

/* Sizes of the leading candidate: no names, for they are made from the final segments. */
STRATA_HANDLER(strata_handle_segments)
{
    if (desk->result) {
        strata_handle_record(desk, request, arena, reply);
        return;
    }
    const struct strata_snapshot *now = &desk->now;
    if (now->k == 0) {
        strata_refuse_state(desk, "get_segments (there is no candidate yet)", arena, reply);
        return;
    }
    Strata__V1__SegmentsReply *body = STRATA_NEW(arena, Strata__V1__SegmentsReply, 1);
    Strata__V1__SegmentSummary *summary = STRATA_NEW(arena, Strata__V1__SegmentSummary, now->k);
    Strata__V1__SegmentSummary **list = STRATA_NEW(arena, Strata__V1__SegmentSummary *, now->k);
    if (!body || !summary || !list) {
        strata_refuse_memory(reply);
        return;
    }
    strata__v1__segments_reply__init(body);
    const double total = now->weight_total > 0 ? now->weight_total : (double)now->customers;
    for (uint32_t i = 0; i < now->k; i++) {
        strata__v1__segment_summary__init(&summary[i]);
        summary[i].id = i + 1;
        summary[i].size = whole_size(now->segment_size[i]);
        summary[i].share = total > 0 ? now->segment_size[i] / total : 0;
        list[i] = &summary[i];
    }
    body->interim = true;
    body->weight = (char *)(uintptr_t)now->weight; /* only packed, never changed */
    body->customers = now->customers;
    body->segments = list;
    body->n_segments = now->k;
    reply->body_case = STRATA__V1__REPLY__BODY_SEGMENTS;
    reply->segments = body;
}

STRATA_HANDLER(strata_handle_segment)
{
    if (desk->result) {
        strata_handle_record(desk, request, arena, reply);
        return;
    }
    strata_refuse_state(
        desk, "get_segment (profiles are made at the end; ask get_segments for interim sizes)",
        arena, reply);
}

STRATA_HANDLER(strata_handle_customer)
{
    struct strata_err err = {0};
    if (!desk->result) {
        strata_refuse_state(desk, "get_customer", arena, reply);
        return;
    }
    if (!desk->customers &&
        strata_customers_open(desk->directory, desk->result, &desk->customers, &err) != STRATA_OK) {
        const char *text = strata_arena_copy(arena, err.text, strlen(err.text));
        strata_refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE,
                      text ? text : "no room for the reply");
        return;
    }
    strata_customers_answer(desk->customers, request->get_customer->key,
                            strata_who_asks(&desk->caller), arena, reply);
}

STRATA_HANDLER(strata_handle_manifest)
{
    (void)request;
    struct strata_err err = {0};
    Strata__V1__Manifest *body = NULL;
    if (!desk->result) {
        strata_refuse_state(desk, "get_manifest", arena, reply);
        return;
    }
    if (strata_manifest_read(desk->directory, arena, &body, &err) != STRATA_OK) {
        const char *text = strata_arena_copy(arena, err.text, strlen(err.text));
        strata_refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE,
                      text ? text : "no room for the reply");
        return;
    }
    reply->body_case = STRATA__V1__REPLY__BODY_MANIFEST;
    reply->manifest = body;
}

/* What has been told up to the last event shows in the snapshot: notices are taken before it is read. */
STRATA_HANDLER(strata_handle_snapshot)
{
    (void)request;
    const struct strata_snapshot *now = &desk->now;
    Strata__V1__SnapshotReply *body = STRATA_NEW(arena, Strata__V1__SnapshotReply, 1);
    Strata__V1__JobStatus *status = STRATA_NEW(arena, Strata__V1__JobStatus, 1);
    Strata__V1__LiveCandidate *live = STRATA_NEW(arena, Strata__V1__LiveCandidate, now->n_live);
    Strata__V1__LiveCandidate **list = STRATA_NEW(arena, Strata__V1__LiveCandidate *, now->n_live);
    if (!body || !status || !live || !list) {
        strata_refuse_memory(reply);
        return;
    }
    strata__v1__snapshot_reply__init(body);
    strata_status_fill(now, status);
    strata_live_fill(now, live, list);
    body->event = desk->history ? desk->history->last : 0;
    body->status = status;
    body->candidates = list;
    body->n_candidates = now->n_live;
    reply->body_case = STRATA__V1__REPLY__BODY_SNAPSHOT;
    reply->snapshot = body;
}

STRATA_HANDLER(strata_handle_events)
{
    Strata__V1__EventsReply *body = STRATA_NEW(arena, Strata__V1__EventsReply, 1);
    if (body) strata__v1__events_reply__init(body);
    if (!body || !strata_history_answer(desk->history, request->get_events->after, arena, body)) {
        strata_refuse_memory(reply);
        return;
    }
    reply->body_case = STRATA__V1__REPLY__BODY_EVENTS;
    reply->events = body;
}
