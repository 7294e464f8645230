#include "handlers.h"

#include <string.h>

#include "strata/clock.h"
#include "strata/customer.h"
#include "strata/log.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"
#include "strata/score.h"

#define STATE(name) (1u << STRATA_JOB_##name)
#define ANY_STATE ((1u << STRATA_JOB_STATE_COUNT) - 1u)
/* From the first reduction on there is a candidate to show; after the end there is the result, or the last one. */
#define HAS_SEGMENTS                                                                         \
    (STATE(FITTING) | STATE(EVALUATING) | STATE(DESCRIBING) | STATE(WRITING) | STATE(DONE) | \
     STATE(STOPPING) | STATE(PAUSED))
#define HAS_RESULT (STATE(WRITING) | STATE(DONE) | STATE(STOPPING))
#define BEFORE_FIT (STATE(PENDING) | STATE(INGESTING) | STATE(ENCODING) | STATE(SEEDING))
#define CAN_STEER (BEFORE_FIT | STATE(FITTING) | STATE(PAUSED)) /* early ones wait for the fit */
#define CAN_STOP (CAN_STEER | STATE(STOPPING))
#define CAN_CANCEL (CAN_STOP | STATE(EVALUATING) | STATE(DESCRIBING))
#define CAN_KEEP (STATE(FITTING) | STATE(PAUSED) | STATE(STOPPING))
#define HAS_CUSTOMERS STATE(DONE) /* assignments are in place from then on */

/* KIND, name, handler, states in which it is answered, changes the job, the smallest role that may ask, personal */
#define REQUEST_ROWS(X)                                                                          \
    X(HELLO, "hello", strata_handle_hello, ANY_STATE, false, VIEWER, false)                      \
    X(GET_STATUS, "get_status", strata_handle_status, ANY_STATE, false, VIEWER, false)           \
    X(GET_SEGMENTS, "get_segments", strata_handle_segments, HAS_SEGMENTS, false, VIEWER, false)  \
    X(GET_SEGMENT, "get_segment", strata_handle_segment, HAS_SEGMENTS, false, VIEWER, false)     \
    X(GET_PERSONAS, "get_personas", strata_handle_record, HAS_RESULT, false, VIEWER, false)      \
    X(GET_PERSONA, "get_persona", strata_handle_record, HAS_RESULT, false, VIEWER, false)        \
    X(STOP, "stop", handle_command, CAN_STOP, true, OPERATOR, false)                             \
    X(CHECKPOINT, "checkpoint", handle_command, CAN_KEEP, true, OPERATOR, false)                 \
    X(GET_CUSTOMER, "get_customer", strata_handle_customer, HAS_CUSTOMERS, false, ANALYST, true) \
    X(GET_HEALTH, "get_health", strata_handle_health, ANY_STATE, false, VIEWER, false)           \
    X(GET_EVALUATION, "get_evaluation", strata_handle_record, HAS_RESULT, false, VIEWER, false)  \
    X(GET_QUALITY, "get_quality", strata_handle_record, HAS_RESULT, false, VIEWER, false)        \
    X(GET_MANIFEST, "get_manifest", strata_handle_manifest, HAS_CUSTOMERS, false, VIEWER, false) \
    X(GET_METRICS, "get_metrics", strata_handle_metrics, ANY_STATE, false, VIEWER, false)        \
    X(GET_SNAPSHOT, "get_snapshot", strata_handle_snapshot, ANY_STATE, false, VIEWER, false)     \
    X(GET_EVENTS, "get_events", strata_handle_events, ANY_STATE, false, VIEWER, false)           \
    X(ASSIGN, "assign", strata_handle_score, HAS_CUSTOMERS, false, ANALYST, false)               \
    X(EXPLAIN, "explain", strata_handle_score, HAS_CUSTOMERS, false, ANALYST, true)              \
    X(PAUSE, "pause", handle_command, CAN_STEER, true, OPERATOR, false)                          \
    X(RESUME, "resume", handle_command, CAN_STEER, true, OPERATOR, false)                        \
    X(CANCEL, "cancel", handle_command, CAN_CANCEL, true, OPERATOR, false)                       \
    X(SET, "set", handle_command, CAN_STEER, true, OPERATOR, false)

/* --- commands ----------------------------------------------------------------------------------- */

static void refuse_full(Strata__V1__Reply *reply)
{
    strata_refuse(reply, STRATA__V1__CODE__CODE_BUSY,
                  "too many commands wait for the job: ask again in a second");
}

/* Leave a command for the job. */
static STRATA_HANDLER(handle_command)
{
    struct strata_command command = {.request_id = 0};
    const char *wrong = strata_command_read(request, &command);
    if (wrong) {
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, wrong);
        return;
    }
    if (!strata_command_fill(request->body_case, desk->now.iteration, arena, reply)) {
        strata_refuse_memory(reply);
        return;
    }
    if (!desk->is_full)
        desk->asked = (struct strata_asked){.number = strata_board_ask(desk->board, command),
                                            .id = request->id,
                                            .kind = request->body_case,
                                            .deadline_ms = request->deadline_ms};
    if (desk->asked.number == 0) refuse_full(reply);
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
_Static_assert((int)ROW_COUNT <= STRATA_KINDS_MAX, "each kind has a place among the counts");

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
    const uint64_t seq = desk->now.seq;
    desk->now = strata_board_read(desk->board, &bytes, &n_bytes);
    strata_snapshot_mend(&desk->now);
    strata_hear(&desk->hearing, desk->now.seq != seq, strata_clock_s());
    if (!bytes || desk->record.start) return;
    if (strata_arena_init(&desk->record, strata_unpack_bytes(n_bytes)))
        desk->result = strata_unpack(&strata__v1__result__descriptor, bytes, n_bytes, &desk->record);
    if (!desk->result) STRATA_LOG(WARN, "control.result", "bytes=%zu readable=no", n_bytes);
}

void strata_desk_finish(struct strata_desk *desk)
{
    strata_customers_close(&desk->customers);
    strata_pieces_finish(&desk->pieces);
    strata_arena_finish(&desk->record);
    strata_arena_finish(&desk->model);
    desk->result = NULL;
    desk->scorer = NULL;
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

/* --- commands that come again ------------------------------------------------------------------- */

/* Whether a command is for this server; without keys it need not say so. */
static bool is_addressed(const struct strata_desk *desk, const Strata__V1__Request *request)
{
    if (!request->incarnation[0]) return !desk->caller.keyed;
    return strcmp(request->incarnation, desk->incarnation) == 0;
}

/* The command that this one repeats; NULL when it is new. */
static const struct strata_recent_command *first_of(const struct strata_desk *desk,
                                                    const Strata__V1__Request *request)
{
    if (!request->incarnation[0]) return NULL; /* from a client that may use a number twice */
    return strata_recent_find(&desk->recent, desk->caller.number, request->id);
}

/* A command that comes again waits for the answer to the first, or gets it at once. */
static void answer_again(struct strata_desk *desk, const struct strata_recent_command *first,
                         const Strata__V1__Request *request, struct strata_arena *arena,
                         Strata__V1__Reply *reply)
{
    if (first->kind != (int)request->body_case)
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST,
                      "the id was that of another command");
    else if (desk->recent.last_number - first->number >= STRATA_BOARD_OUTCOMES)
        strata_refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE,
                      "the command was obeyed so long ago that its answer is forgotten");
    else if (desk->is_full)
        refuse_full(reply);
    else if (!strata_command_fill(request->body_case, desk->now.iteration, arena, reply))
        strata_refuse_memory(reply);
    else
        desk->asked = (struct strata_asked){.number = first->number,
                                            .id = request->id,
                                            .kind = request->body_case,
                                            .deadline_ms = request->deadline_ms};
}

static bool is_in_place(const struct strata_desk *desk, const struct strata_request_row *row)
{
    return (row->states & (1u << desk->now.state)) && !(row->changes && desk->serving);
}

static void obey(struct strata_desk *desk, const struct strata_request_row *row,
                 const Strata__V1__Request *request, struct strata_arena *arena,
                 Strata__V1__Reply *reply)
{
    const struct strata_recent_command *first = first_of(desk, request);
    const char *effect = "accepted";
    if (!is_addressed(desk, request))
        strata_refuse(
            reply, STRATA__V1__CODE__CODE_UNAVAILABLE,
            "the command is not for this start of the job: say hello, and give its incarnation");
    else if (first) /* whatever has become of the job since */
        answer_again(desk, first, request, arena, reply);
    else if (!is_in_place(desk, row))
        strata_refuse_state(desk, row->name, arena, reply);
    else
        row->handle(desk, request, arena, reply);
    if (desk->asked.number == 0)
        effect = "refused";
    else if (first)
        effect = "repeated";
    else
        strata_recent_add(&desk->recent,
                          (struct strata_recent_command){.client = desk->caller.number,
                                                         .id = request->incarnation[0]
                                                                   ? request->id
                                                                   : 0, /* 0 is never asked for */
                                                         .number = desk->asked.number,
                                                         .kind = (int)request->body_case});
    strata_audit(desk, row, request, effect);
}

/* --- answering ---------------------------------------------------------------------------------- */

/* Whether the client has asked too much. */
static bool is_too_fast(const struct strata_desk *desk, double cost)
{
    struct strata_bucket *bucket = desk->caller.bucket;
    return bucket && !strata_bucket_take(bucket, cost, strata_clock_s());
}

/* From the run directory, at each request. */
static bool reads_files(const struct strata_request_row *row)
{
    return row->kind == STRATA__V1__REQUEST__BODY_GET_MANIFEST ||
           row->kind == STRATA__V1__REQUEST__BODY_GET_CUSTOMER;
}

/* A request that is none costs as much as one. */
static double cost_of(const struct strata_request_row *row, const Strata__V1__Request *request)
{
    if (request->body_case == STRATA__V1__REQUEST__BODY_EXPLAIN) {
        const uint32_t n = request->explain->customers;
        return STRATA_AUDITED_TOKENS * (n > 1 && n <= STRATA_EXPLAIN_ROWS_MAX ? (double)n : 1.0);
    }
    return row && (row->changes || row->personal || reads_files(row)) ? STRATA_AUDITED_TOKENS : 1;
}

static void refuse_speed(Strata__V1__Reply *reply)
{
    strata_refuse(reply, STRATA__V1__CODE__CODE_BUSY,
                  "requests come too fast: ask again, at most 20,000 a second or 1,000 commands");
}

static void forbid(const struct strata_desk *desk, const struct strata_request_row *row,
                   const Strata__V1__Request *request, struct strata_arena *arena,
                   Strata__V1__Reply *reply)
{
    strata_refuse_role(row, arena, reply);
    if (row->changes || row->personal) strata_audit(desk, row, request, "forbidden");
}

static void look(struct strata_desk *desk, const struct strata_request_row *row,
                 const Strata__V1__Request *request, struct strata_arena *arena,
                 Strata__V1__Reply *reply)
{
    if (!strata_pieces_hand_out(&desk->pieces, request, desk->now.seq, arena, reply))
        row->handle(desk, request, arena, reply);
    if (reads_files(row) && desk->mark && strata_served_mark(desk->directory) != desk->mark)
        strata_refuse(reply, STRATA__V1__CODE__CODE_BUSY,
                      "another run takes the place of the one that is served: ask again");
    const bool seen = reply->code == STRATA__V1__CODE__CODE_OK;
    if (row->personal) strata_audit(desk, row, request, seen ? "seen" : "refused");
}

static void dispatch(struct strata_desk *desk, const Strata__V1__Request *request,
                     struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const struct strata_request_row *row = strata_request_row(request->body_case);
    if (is_too_fast(desk, cost_of(row, request)))
        refuse_speed(reply);
    else if (request->id == 0)
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST,
                      "a request needs an id that is not 0");
    else if (!row && request->base.n_unknown_fields > 0)
        strata_refuse(reply, STRATA__V1__CODE__CODE_UNKNOWN_REQUEST,
                      "this server does not know this kind of request");
    else if (!row)
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "a request needs a body");
    else if (desk->caller.role < row->role)
        forbid(desk, row, request, arena, reply);
    else if (out_of_bounds(request))
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, out_of_bounds(request));
    else if (row->changes)
        obey(desk, row, request, arena, reply);
    else if (!is_in_place(desk, row))
        strata_refuse_state(desk, row->name, arena, reply);
    else
        look(desk, row, request, arena, reply);
}

static Strata__V1__Reply *new_reply(const struct strata_desk *desk, struct strata_arena *arena)
{
    Strata__V1__Reply *reply = STRATA_NEW(arena, Strata__V1__Reply, 1);
    if (!reply) return NULL;
    strata__v1__reply__init(reply);
    reply->code = STRATA__V1__CODE__CODE_OK;
    reply->seq = desk->now.seq;
    reply->incarnation = (char *)(uintptr_t)desk->incarnation;
    return reply;
}

/* A command that had no effect, with the job's reason. */
static void refuse_command(const struct strata_desk *desk, const char *name,
                           const struct strata_outcome_of_command *outcome,
                           struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const char *state = strata_job_state_word(desk->now.state), *text = NULL;
    Strata__V1__Code code = STRATA__V1__CODE__CODE_UNAVAILABLE;
    if (outcome->effect == STRATA_EFFECT_REFUSED) {
        text = strata_arena_print(arena, "%s: %s (the job is %s)", name,
                                  outcome->refused ? outcome->refused : "it cannot be", state);
    } else if (outcome->effect == STRATA_EFFECT_FAILED) {
        code = STRATA__V1__CODE__CODE_INTERNAL;
        text = strata_arena_print(
            arena, "%s: the checkpoint could not be written; the log says why", name);
    } else {
        text = strata_arena_print(arena, "%s: it came too late to have an effect (the job is %s)",
                                  name, state);
    }
    strata_refuse(reply, code, text ? text : "the command had no effect");
}

Strata__V1__Reply *strata_command_answer(struct strata_desk *desk, const struct strata_asked *asked,
                                         const struct strata_outcome_of_command *outcome,
                                         struct strata_arena *arena)
{
    Strata__V1__Reply *reply = new_reply(desk, arena);
    if (!reply) return NULL;
    reply->id = asked->id;
    if (!outcome)
        strata_refuse(reply, STRATA__V1__CODE__CODE_ACCEPTED,
                      "the job has accepted it; it will take effect at the end of its iteration");
    else if (outcome->effect != STRATA_EFFECT_TAKEN)
        refuse_command(desk, strata_request_row(asked->kind)->name, outcome, arena, reply);
    else if (!strata_command_fill(asked->kind, outcome->iteration, arena, reply))
        strata_refuse_memory(reply);
    strata_count_reply(&desk->counts, asked->kind, reply->code);
    return reply;
}

/* What need not be large is not unpacked when it is, and what may be is paid for before. */
static bool refuse_large(const struct strata_desk *desk, const void *bytes, size_t n_bytes,
                         Strata__V1__Reply *reply)
{
    struct strata_peek peek = {.id = 0};
    const bool is_sound =
        n_bytes <= STRATA_REQUEST_BYTES_MAX && strata_request_peek(bytes, n_bytes, &peek);
    if (is_sound) reply->id = peek.id;
    if (is_too_fast(desk, (double)n_bytes / STRATA_LARGE_TOKEN_BYTES))
        refuse_speed(reply);
    else if (!is_sound)
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "not a strata.v1.Request");
    else if (peek.kind != STRATA__V1__REQUEST__BODY_ASSIGN &&
             peek.kind != STRATA__V1__REQUEST__BODY_EXPLAIN)
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST,
                      "only assign and explain may have more than 64 KiB");
    else if (peek.n_fields > STRATA_REQUEST_FIELDS_MAX)
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST,
                      "a batch has at most 131,072 texts");
    return reply->code != STRATA__V1__CODE__CODE_OK;
}

/* A reply over the limit goes in pieces, to who asks so. */
static void cut(struct strata_desk *desk, const Strata__V1__Request *request, size_t n_bytes,
                struct strata_arena *arena, Strata__V1__Reply *reply)
{
    if (request->piece == 0 || n_bytes > STRATA_WHOLE_BYTES_MAX) {
        strata_refuse(
            reply, STRATA__V1__CODE__CODE_TOO_LARGE,
            "the reply would be too large: ask for its first piece, or for single segments");
        return;
    }
    const bool kept = strata_pieces_keep(&desk->pieces, request, reply, arena);
    reply->id = request->id;
    reply->body_case = STRATA__V1__REPLY__BODY__NOT_SET;
    if (!kept || !strata_pieces_hand_out(&desk->pieces, request, desk->now.seq, arena, reply))
        strata_refuse_memory(reply);
}

/* What is sent costs tokens too: a client that asks for the largest replies is not served them 20,000 times a second. */
static void measure(struct strata_desk *desk, const Strata__V1__Request *request,
                    struct strata_arena *arena, Strata__V1__Reply *reply)
{
    size_t n_bytes = strata__v1__reply__get_packed_size(reply);
    if (n_bytes > STRATA_REPLY_BYTES_MAX) {
        cut(desk, request, n_bytes, arena, reply);
        n_bytes = strata__v1__reply__get_packed_size(reply);
    }
    const size_t n_tokens = n_bytes / STRATA_REPLY_TOKEN_BYTES;
    if (desk->caller.bucket) desk->caller.bucket->spent += (double)n_tokens;
}

Strata__V1__Reply *strata_request_answer(struct strata_desk *desk, const void *bytes,
                                         size_t n_bytes, struct strata_arena *arena)
{
    Strata__V1__Reply *reply = new_reply(desk, arena);
    if (!reply) return NULL;
    desk->asked = (struct strata_asked){.number = 0};
    if (n_bytes > STRATA_SMALL_REQUEST_BYTES_MAX && refuse_large(desk, bytes, n_bytes, reply))
        return reply;
    const Strata__V1__Request *request =
        strata_unpack(&strata__v1__request__descriptor, bytes, n_bytes, arena);
    if (request) {
        reply->id = request->id;
        dispatch(desk, request, arena, reply);
        measure(desk, request, arena, reply);
    } else {
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "not a strata.v1.Request");
    }
    if (desk->asked.number == 0) /* else it is counted when it is answered */
        strata_count_reply(&desk->counts,
                           request ? request->body_case : STRATA__V1__REQUEST__BODY__NOT_SET,
                           reply->code);
    return reply;
}
