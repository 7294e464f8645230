#include "requests.h"

#include <string.h>

#include "strata/clock.h"
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

/* KIND, name, handler, states in which it is answered, changes the job, the smallest role that may ask, personal */
#define REQUEST_ROWS(X)                                                                  \
    X(HELLO, "hello", handle_hello, ANY_STATE, false, VIEWER, false)                     \
    X(GET_STATUS, "get_status", handle_status, ANY_STATE, false, VIEWER, false)          \
    X(GET_SEGMENTS, "get_segments", handle_segments, HAS_SEGMENTS, false, VIEWER, false) \
    X(GET_SEGMENT, "get_segment", handle_segment, HAS_SEGMENTS, false, VIEWER, false)    \
    X(GET_PERSONAS, "get_personas", handle_record, HAS_RESULT, false, VIEWER, false)     \
    X(GET_PERSONA, "get_persona", handle_record, HAS_RESULT, false, VIEWER, false)       \
    X(STOP, "stop", handle_stop, CAN_STOP, true, OPERATOR, false)                        \
    X(CHECKPOINT, "checkpoint", handle_checkpoint, CAN_KEEP, true, OPERATOR, false)

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

static void refuse_role(const struct strata_request_row *row, struct strata_arena *arena,
                        Strata__V1__Reply *reply)
{
    const char *text = strata_arena_print(arena, "%s needs the role of %s", row->name,
                                          strata_client_role_word(row->role));
    refuse(reply, STRATA__V1__CODE__CODE_FORBIDDEN, text ? text : "your role is too small");
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
    body->role = (char *)(uintptr_t)strata_client_role_word(desk->caller.role);
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
#define ROW(KIND, name, handler, states, changes, role, personal) ROW_##KIND,
       REQUEST_ROWS(ROW)
#undef ROW
           ROW_COUNT
};

const struct strata_request_row strata_request_rows[] = {
#define ROW(KIND, name, handler, states, changes, role, personal)                                  \
    [ROW_##KIND] = {                                                                               \
        name,    STRATA__V1__REQUEST__BODY_##KIND, handler, states, changes, STRATA_CLIENT_##role, \
        personal},
    REQUEST_ROWS(ROW)
#undef ROW
};
const size_t strata_n_request_rows = ROW_COUNT;

#define ROW(KIND, name, handler, states, changes, role, personal)                \
    _Static_assert((changes) ? STRATA_CLIENT_##role == STRATA_CLIENT_OPERATOR    \
                             : STRATA_CLIENT_##role > STRATA_CLIENT_NOBODY,      \
                   "commands are for operators, and nothing is for nobody");     \
    _Static_assert(!(personal) || STRATA_CLIENT_##role >= STRATA_CLIENT_ANALYST, \
                   "single customers are not for viewers");
REQUEST_ROWS(ROW)
#undef ROW

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch-enum"
const struct strata_request_row *strata_request_row(Strata__V1__Request__BodyCase kind)
{
    switch (kind) { /* no default: a kind without a row is an error of the compiler */
#define ROW(KIND, name, handler, states, changes, role, personal) \
    case STRATA__V1__REQUEST__BODY_##KIND:                        \
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

/* --- looking ------------------------------------------------------------------------------------ */

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

/* Whether fields of the request are within the bounds of control.proto. */
static bool is_bounded(const Strata__V1__Request *request)
{
    const char *name = "";
    if (request->body_case == STRATA__V1__REQUEST__BODY_GET_SEGMENT)
        name = request->get_segment->name;
    if (request->body_case == STRATA__V1__REQUEST__BODY_GET_PERSONA)
        name = request->get_persona->name;
    return strlen(name) <= STRATA_REQUEST_NAME_BYTES_MAX;
}

/* --- commands that come again ------------------------------------------------------------------- */

/* Whether a command is for this server; without keys it need not say so. */
static bool is_addressed(const struct strata_desk *desk, const Strata__V1__Request *request)
{
    if (!request->incarnation[0]) return !desk->caller.keyed;
    return strcmp(request->incarnation, desk->incarnation) == 0;
}

/* The answer that the command got the first time; false when it is new. */
static bool answer_again(const struct strata_desk *desk, const Strata__V1__Request *request,
                         struct strata_arena *arena, Strata__V1__Reply *reply)
{
    if (!request->incarnation[0]) return false; /* from a client that may use a number twice */
    const struct strata_recent_command *first =
        strata_recent_find(&desk->recent, desk->caller.number, request->id);
    const Strata__V1__Reply *answer =
        first ? strata_unpack(&strata__v1__reply__descriptor, first->reply, first->n_reply, arena)
              : NULL;
    if (answer) *reply = *answer;
    return answer != NULL;
}

static void remember(struct strata_desk *desk, const Strata__V1__Request *request,
                     const Strata__V1__Reply *reply)
{
    const size_t n_reply = strata__v1__reply__get_packed_size(reply);
    STRATA_REQUIRE(n_reply <= STRATA_RECENT_REPLY_BYTES); /* commands have short answers */
    struct strata_recent_command *command =
        strata_recent_add(&desk->recent, desk->caller.number, request->id);
    command->n_reply = strata__v1__reply__pack(reply, command->reply);
}

static bool is_in_place(const struct strata_desk *desk, const struct strata_request_row *row)
{
    return (row->states & (1u << desk->now.state)) && !(row->changes && desk->serving);
}

static void obey(struct strata_desk *desk, const struct strata_request_row *row,
                 const Strata__V1__Request *request, struct strata_arena *arena,
                 Strata__V1__Reply *reply)
{
    const char *effect = "refused";
    if (!is_addressed(desk, request))
        refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE,
               "the command is not for this start of the job: say hello, and give its incarnation");
    else if (answer_again(desk, request, arena, reply)) /* whatever has become of the job since */
        effect = "repeated";
    else if (!is_in_place(desk, row))
        refuse_state(desk, row->name, arena, reply);
    else
        row->handle(desk, request, arena, reply);
    const bool is_new = reply->code == STRATA__V1__CODE__CODE_OK && strcmp(effect, "refused") == 0;
    if (is_new && request->incarnation[0]) remember(desk, request, reply);
    strata_audit(desk, row, request, is_new ? "accepted" : effect);
}

/* --- answering ---------------------------------------------------------------------------------- */

/* Whether the client has asked too much; a request that is none costs as much as one. */
static bool is_too_fast(const struct strata_desk *desk, const struct strata_request_row *row)
{
    const double cost = row && (row->changes || row->personal) ? STRATA_AUDITED_TOKENS : 1;
    struct strata_bucket *bucket = desk->caller.bucket;
    return bucket && !strata_bucket_take(bucket, cost, strata_clock_s());
}

static void forbid(const struct strata_desk *desk, const struct strata_request_row *row,
                   const Strata__V1__Request *request, struct strata_arena *arena,
                   Strata__V1__Reply *reply)
{
    refuse_role(row, arena, reply);
    if (row->changes || row->personal) strata_audit(desk, row, request, "forbidden");
}

static void look(struct strata_desk *desk, const struct strata_request_row *row,
                 const Strata__V1__Request *request, struct strata_arena *arena,
                 Strata__V1__Reply *reply)
{
    row->handle(desk, request, arena, reply);
    const bool seen = reply->code == STRATA__V1__CODE__CODE_OK;
    if (row->personal) strata_audit(desk, row, request, seen ? "seen" : "refused");
}

static void dispatch(struct strata_desk *desk, const Strata__V1__Request *request,
                     struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const struct strata_request_row *row = strata_request_row(request->body_case);
    if (is_too_fast(desk, row))
        refuse(reply, STRATA__V1__CODE__CODE_BUSY,
               "requests come too fast: ask again, at most 20,000 a second or 1,000 commands");
    else if (request->id == 0)
        refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "a request needs an id that is not 0");
    else if (!row && request->base.n_unknown_fields > 0)
        refuse(reply, STRATA__V1__CODE__CODE_UNKNOWN_REQUEST,
               "this server does not know this kind of request");
    else if (!row)
        refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "a request needs a body");
    else if (desk->caller.role < row->role)
        forbid(desk, row, request, arena, reply);
    else if (!is_bounded(request))
        refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "a segment's name has at most 256 bytes");
    else if (row->changes)
        obey(desk, row, request, arena, reply);
    else if (!is_in_place(desk, row))
        refuse_state(desk, row->name, arena, reply);
    else
        look(desk, row, request, arena, reply);
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
