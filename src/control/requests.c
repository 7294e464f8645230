#include "requests.h"

#include <string.h>

#include "strata/customer.h"
#include "strata/log.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"

#define STATE(name) (1u << STRATA_JOB_##name)
#define ANY_STATE ((1u << STRATA_JOB_STATE_COUNT) - 1u)
/* From the first reduction on there is a candidate to show; after the end there is the result, or the last one. */
#define HAS_SEGMENTS                                                                         \
    (STATE(FITTING) | STATE(EVALUATING) | STATE(DESCRIBING) | STATE(WRITING) | STATE(DONE) | \
     STATE(STOPPING))
#define HAS_RESULT (STATE(WRITING) | STATE(DONE) | STATE(STOPPING))
#define CAN_STOP                                                                             \
    (STATE(PENDING) | STATE(INGESTING) | STATE(ENCODING) | STATE(SEEDING) | STATE(FITTING) | \
     STATE(STOPPING))

#define CAN_KEEP (STATE(FITTING) | STATE(STOPPING))
#define HAS_CUSTOMERS STATE(DONE) /* assignments are in place from then on */

/* KIND, name, handler, states in which it is answered, changes the job */
#define REQUEST_ROWS(X)                                                   \
    X(HELLO, "hello", handle_hello, ANY_STATE, false)                     \
    X(GET_STATUS, "get_status", handle_status, ANY_STATE, false)          \
    X(GET_SEGMENTS, "get_segments", handle_segments, HAS_SEGMENTS, false) \
    X(GET_SEGMENT, "get_segment", handle_segment, HAS_SEGMENTS, false)    \
    X(GET_PERSONAS, "get_personas", handle_record, HAS_RESULT, false)     \
    X(GET_PERSONA, "get_persona", handle_record, HAS_RESULT, false)       \
    X(STOP, "stop", handle_stop, CAN_STOP, true)                          \
    X(CHECKPOINT, "checkpoint", handle_checkpoint, CAN_KEEP, true)        \
    X(GET_CUSTOMER, "get_customer", handle_customer, HAS_CUSTOMERS, false)

#define HANDLER(name)                                                              \
    static void name(struct strata_desk *desk, const Strata__V1__Request *request, \
                     struct strata_arena *arena, Strata__V1__Reply *reply)

/* --- refusals ----------------------------------------------------------------------------------- */

/* Texts of fixed sentences are not copied; protobuf-c's fields are not const, and replies are only packed. */
static void refuse(Strata__V1__Reply *reply, Strata__V1__Code code, const char *sentence)
{
    reply->code = code;
    reply->text = (char *)(uintptr_t)sentence;
    reply->body_case = STRATA__V1__REPLY__BODY__NOT_SET;
}

static void refuse_state(const struct strata_desk *desk, const char *what,
                         struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const char *text = strata_arena_print(arena, "%s: not while the job is %s", what,
                                          strata_job_state_word(desk->now.state));
    refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE, text ? text : "not in this state of the job");
}

static void refuse_memory(Strata__V1__Reply *reply)
{
    refuse(reply, STRATA__V1__CODE__CODE_INTERNAL, "no room for the reply");
}

/* --- handlers ----------------------------------------------------------------------------------- */

HANDLER(handle_hello)
{
    if (strlen(request->hello->client) > STRATA_REQUEST_CLIENT_BYTES_MAX) {
        refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "hello.client is longer than 64 bytes");
        return;
    }
    Strata__V1__HelloReply *body = STRATA_NEW(arena, Strata__V1__HelloReply, 1);
    char **names = STRATA_NEW(arena, char *, strata_n_request_rows);
    if (!body || !names) {
        refuse_memory(reply);
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
    reply->body_case = STRATA__V1__REPLY__BODY_HELLO;
    reply->hello = body;
}

HANDLER(handle_status)
{
    (void)request;
    Strata__V1__JobStatus *body = STRATA_NEW(arena, Strata__V1__JobStatus, 1);
    if (!body) {
        refuse_memory(reply);
        return;
    }
    strata_status_fill(&desk->now, body);
    reply->body_case = STRATA__V1__REPLY__BODY_STATUS;
    reply->status = body;
}

/* Segments, personas: from the result, which alone has them. */
HANDLER(handle_record)
{
    const struct strata_request_row *row = strata_request_row(request->body_case);
    if (!desk->result) {
        refuse_state(desk, row->name, arena, reply);
        return;
    }
    if (!strata_record_answer(desk->result, request, arena, reply))
        refuse(reply, STRATA__V1__CODE__CODE_INTERNAL, "the record has no answer to this kind");
}

static uint64_t whole_size(double size)
{
    return size > 0 && size < 1e18 ? (uint64_t)(size + 0.5) : 0;
}

/* Sizes of the leading candidate: no names, for they are made from the final segments. */
HANDLER(handle_segments)
{
    if (desk->result) {
        handle_record(desk, request, arena, reply);
        return;
    }
    const struct strata_snapshot *now = &desk->now;
    if (now->k == 0) {
        refuse_state(desk, "get_segments (there is no candidate yet)", arena, reply);
        return;
    }
    Strata__V1__SegmentsReply *body = STRATA_NEW(arena, Strata__V1__SegmentsReply, 1);
    Strata__V1__SegmentSummary *summary = STRATA_NEW(arena, Strata__V1__SegmentSummary, now->k);
    Strata__V1__SegmentSummary **list = STRATA_NEW(arena, Strata__V1__SegmentSummary *, now->k);
    if (!body || !summary || !list) {
        refuse_memory(reply);
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

HANDLER(handle_segment)
{
    if (desk->result) {
        handle_record(desk, request, arena, reply);
        return;
    }
    refuse_state(desk,
                 "get_segment (profiles are made at the end; ask get_segments for interim sizes)",
                 arena, reply);
}

HANDLER(handle_customer)
{
    struct strata_err err = {0};
    if (!desk->result) {
        refuse_state(desk, "get_customer", arena, reply);
        return;
    }
    if (!desk->customers &&
        strata_customers_open(desk->directory, desk->result, &desk->customers, &err) != STRATA_OK) {
        const char *text = strata_arena_copy(arena, err.text, strlen(err.text));
        refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE, text ? text : "no room for the reply");
        return;
    }
    strata_customers_answer(desk->customers, request->get_customer->key,
                            desk->peer ? desk->peer : "", arena, reply);
}

/* Leave a command for the job; false, and refused, when too many wait. */
static bool command(struct strata_desk *desk, enum strata_command_kind kind, uint64_t request_id,
                    Strata__V1__Reply *reply)
{
    const struct strata_command left = {.kind = kind, .request_id = request_id};
    if (strata_board_ask(desk->board, left)) return true;
    refuse(reply, STRATA__V1__CODE__CODE_BUSY,
           "too many commands wait for the job: ask again in a second");
    return false;
}

HANDLER(handle_checkpoint)
{
    Strata__V1__CheckpointReply *body = STRATA_NEW(arena, Strata__V1__CheckpointReply, 1);
    if (!body) {
        refuse_memory(reply);
        return;
    }
    if (!command(desk, STRATA_COMMAND_CHECKPOINT, request->id, reply)) return;
    strata__v1__checkpoint_reply__init(body);
    body->iteration = desk->now.iteration;
    reply->body_case = STRATA__V1__REPLY__BODY_CHECKPOINT;
    reply->checkpoint = body;
}

HANDLER(handle_stop)
{
    Strata__V1__StopReply *body = STRATA_NEW(arena, Strata__V1__StopReply, 1);
    if (!body) {
        refuse_memory(reply);
        return;
    }
    if (!command(desk, STRATA_COMMAND_STOP, request->id, reply)) return;
    strata__v1__stop_reply__init(body);
    body->iteration = desk->now.iteration;
    reply->body_case = STRATA__V1__REPLY__BODY_STOP;
    reply->stop = body;
}

/* --- the table ---------------------------------------------------------------------------------- */

enum { /* a row's place in the table */
#define ROW(KIND, name, handler, states, changes) ROW_##KIND,
       REQUEST_ROWS(ROW)
#undef ROW
           ROW_COUNT
};

const struct strata_request_row strata_request_rows[] = {
#define ROW(KIND, name, handler, states, changes) \
    [ROW_##KIND] = {name, STRATA__V1__REQUEST__BODY_##KIND, handler, states, changes},
    REQUEST_ROWS(ROW)
#undef ROW
};
const size_t strata_n_request_rows = ROW_COUNT;

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch-enum"
const struct strata_request_row *strata_request_row(Strata__V1__Request__BodyCase kind)
{
    switch (kind) { /* no default: a kind without a row is an error of the compiler */
#define ROW(KIND, name, handler, states, changes) \
    case STRATA__V1__REQUEST__BODY_##KIND:        \
        return &strata_request_rows[ROW_##KIND];
        REQUEST_ROWS(ROW)
#undef ROW
    case STRATA__V1__REQUEST__BODY__NOT_SET:
    case _STRATA__V1__REQUEST__BODY__CASE_IS_INT_SIZE:
        return NULL;
    }
    return NULL;
}
#pragma GCC diagnostic pop

/* --- answering ---------------------------------------------------------------------------------- */

void strata_desk_look(struct strata_desk *desk)
{
    const unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    desk->now = strata_board_read(desk->board, &bytes, &n_bytes);
    if (!bytes || desk->record.start) return;
    if (strata_arena_init(&desk->record, strata_unpack_bytes(n_bytes)))
        desk->result = strata_unpack(&strata__v1__result__descriptor, bytes, n_bytes, &desk->record);
    if (!desk->result) STRATA_LOG(WARN, "control.result", "bytes=%zu readable=no", n_bytes);
}

void strata_desk_finish(struct strata_desk *desk)
{
    strata_customers_close(&desk->customers);
    strata_arena_finish(&desk->record);
}

/* What is out of the bounds of control.proto; NULL: nothing. */
static const char *out_of_bounds(const Strata__V1__Request *request)
{
    const char *name = "", *key = "";
    if (request->body_case == STRATA__V1__REQUEST__BODY_GET_SEGMENT)
        name = request->get_segment->name;
    if (request->body_case == STRATA__V1__REQUEST__BODY_GET_PERSONA)
        name = request->get_persona->name;
    if (request->body_case == STRATA__V1__REQUEST__BODY_GET_CUSTOMER)
        key = request->get_customer->key;
    if (strlen(name) > STRATA_REQUEST_NAME_BYTES_MAX)
        return "a segment's name has at most 256 bytes";
    if (strlen(key) > STRATA_REQUEST_KEY_BYTES_MAX)
        return "a customer's key has at most 1024 bytes";
    return NULL;
}

static void dispatch(struct strata_desk *desk, const Strata__V1__Request *request,
                     struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const struct strata_request_row *row = strata_request_row(request->body_case);
    if (request->id == 0)
        refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "a request needs an id that is not 0");
    else if (!row && request->base.n_unknown_fields > 0)
        refuse(reply, STRATA__V1__CODE__CODE_UNKNOWN_REQUEST,
               "this server does not know this kind of request");
    else if (!row)
        refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "a request needs a body");
    else if (out_of_bounds(request))
        refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, out_of_bounds(request));
    else if ((row->changes && desk->serving) || !(row->states & (1u << desk->now.state)))
        refuse_state(desk, row->name, arena, reply);
    else
        row->handle(desk, request, arena, reply);
}

Strata__V1__Reply *strata_request_answer(struct strata_desk *desk, const void *bytes,
                                         size_t n_bytes, struct strata_arena *arena)
{
    Strata__V1__Reply *reply = STRATA_NEW(arena, Strata__V1__Reply, 1);
    if (!reply) return NULL;
    strata__v1__reply__init(reply);
    reply->code = STRATA__V1__CODE__CODE_OK;
    reply->seq = desk->now.seq;
    reply->incarnation = (char *)(uintptr_t)desk->incarnation;
    const Strata__V1__Request *request =
        n_bytes <= STRATA_REQUEST_BYTES_MAX
            ? strata_unpack(&strata__v1__request__descriptor, bytes, n_bytes, arena)
            : NULL;
    if (!request) {
        refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "not a strata.v1.Request");
        return reply;
    }
    reply->id = request->id;
    dispatch(desk, request, arena, reply);
    if (strata__v1__reply__get_packed_size(reply) > STRATA_REPLY_BYTES_MAX)
        refuse(reply, STRATA__V1__CODE__CODE_TOO_LARGE,
               "the reply would be too large: ask for single segments");
    return reply;
}
