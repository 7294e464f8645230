/* The request parser and every handler, on any bytes: there is always a reply, it packs within the limit and reads back,
 * nobody gets what the table does not allow, and the board gets a command only when the desk says so.
 * The first byte of an input is the job's state and who asks, the rest is the request. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/requests.h"
#include "fake_model.h"
#include "fake_record.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"
#include "strata/results.h"
#include "strata/score.h"
#include "wire_mutate.h"

enum { SEGMENTS = 3, EVENTS = 300 };
#define CODES ((size_t)32)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);
void strata_fuzz_tell(void);

static struct strata_board board;
static struct strata_desk desk;
static struct strata_arena memory;
static uint64_t n_answered[CODES];
static uint64_t n_good[128]; /* by kind */

/* Who asks: one of these, by the input's first byte. */
static const struct asker {
    enum strata_client_role role;
    bool keyed, serving, is_full, has_result;
} askers[] = {
    {STRATA_CLIENT_OPERATOR, false, false, false, true}, /* through a socket without keys */
    {STRATA_CLIENT_OPERATOR, true, false, false, true},
    {STRATA_CLIENT_ANALYST, true, false, false, true},
    {STRATA_CLIENT_VIEWER, true, false, false, true},
    {STRATA_CLIENT_NOBODY, false, false, false, true},
    {STRATA_CLIENT_OPERATOR, false, true, false, true},
    {STRATA_CLIENT_OPERATOR, false, false, true, true},
    {STRATA_CLIENT_OPERATOR, false, false, false, false},
};

static Strata__V1__Result *result; /* of the desk, which does not always have it */

/* More events than are kept. */
static void fill_history(void)
{
    desk.history = STRATA_NEW(&memory, struct strata_history, 1);
    if (!desk.history) abort();
    for (uint64_t i = 0; i < EVENTS; i++) {
        Strata__V1__Event event;
        struct strata_event_room room;
        strata__v1__event__init(&event);
        strata_event_of_status(&desk.now, &room, &event);
        (void)strata_history_add(desk.history, &event);
        if (i == EVENTS / 2) strata_history_skip(desk.history, 3);
    }
}

static void open_model(void)
{
    struct strata_err err = {0};
    size_t n_bytes = 0;
    unsigned char *bytes = fake_model_bytes(&memory, SEGMENTS, false, &n_bytes);
    const struct strata_blob blob = {.bytes = bytes, .n_bytes = n_bytes};
    if (strata_scorer_open("model.pb", &blob, &memory, &desk.scorer, &err) != STRATA_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

static void prepare(void)
{
    size_t n_bytes = 0;
    if (!strata_arena_init(&memory, (size_t)1 << 28)) abort();
    strata_board_init(&board);
    desk = (struct strata_desk){.board = &board,
                                .directory = "/nonexistent",
                                .incarnation = "0123456789abcdef",
                                .events = "ipc:///e"};
    const unsigned char *record = fake_record(&memory, SEGMENTS, &n_bytes);
    strata_board_publish_result(&board, record, n_bytes);
    strata_desk_look(&desk);
    result = desk.result;
    fill_history();
    open_model();
}

static void check(const Strata__V1__Reply *reply, struct strata_arena scratch)
{
    if (!reply || reply->code == STRATA__V1__CODE__CODE_UNSPECIFIED) abort();
    const size_t n_packed = strata__v1__reply__get_packed_size(reply);
    unsigned char *packed = STRATA_NEW(&scratch, unsigned char, n_packed);
    if (!packed || n_packed > STRATA_REPLY_BYTES_MAX ||
        strata__v1__reply__pack(reply, packed) != n_packed)
        abort();
    if (!strata_unpack(&strata__v1__reply__descriptor, packed, n_packed, &scratch)) abort();
    if ((reply->body_case != STRATA__V1__REPLY__BODY__NOT_SET) !=
        (reply->code == STRATA__V1__CODE__CODE_OK))
        abort();
}

/* What was answered is what the table allows. */
static void check_allowed(const Strata__V1__Reply *reply)
{
    if ((size_t)reply->code < CODES) n_answered[reply->code]++;
    if (reply->code != STRATA__V1__CODE__CODE_OK) return;
    const struct strata_request_row *row = /* replies have the numbers of their requests */
        strata_request_row((Strata__V1__Request__BodyCase)reply->body_case);
    if (!row || desk.caller.role < row->role || !(row->states & (1u << desk.now.state)) ||
        (row->changes && desk.serving) || (row->changes && !desk.asked.number))
        abort();
    n_good[row->kind]++;
}

static void set_scene(uint8_t scene)
{
    const struct strata_snapshot now = {.state =
                                            (enum strata_job_state)(scene % STRATA_JOB_STATE_COUNT),
                                        .k = SEGMENTS,
                                        .customers = 30};
    const struct asker *asker =
        &askers[scene / STRATA_JOB_STATE_COUNT % (sizeof askers / sizeof *askers)];
    strata_board_publish(&board, &now);
    strata_desk_look(&desk);
    desk.result = asker->has_result ? result : NULL;
    desk.serving = asker->serving;
    desk.is_full = asker->is_full;
    desk.caller = (struct strata_caller){.name = "anna", .role = asker->role, .keyed = asker->keyed};
    desk.recent.command[desk.recent.next = 0].id = 0; /* each input is a command's first time */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!memory.start) prepare();
    set_scene(size > 0 ? data[0] : 0);
    struct strata_arena scratch = memory;
    const Strata__V1__Reply *reply =
        strata_request_answer(&desk, size ? data + 1 : data, size ? size - 1 : 0, &scratch);
    check(reply, scratch);
    check_allowed(reply);
    struct strata_command command;
    size_t n_commands = 0;
    while (strata_board_take(&board, &command)) n_commands++;
    const bool asked = desk.asked.number != 0;
    const bool to_cancel = desk.asked.kind == STRATA__V1__REQUEST__BODY_CANCEL;
    if (n_commands != (asked && !to_cancel ? 1u : 0u)) abort();
    if (asked && reply->code != STRATA__V1__CODE__CODE_OK) abort();
    if (!asked) return 0;
    /* whatever comes of it, there is an answer */
    for (int effect = STRATA_EFFECT_TAKEN; effect <= STRATA_EFFECT_LATE; effect++) {
        const struct strata_outcome_of_command outcome = {.effect = (enum strata_effect)effect};
        check(strata_command_answer(&desk, &desk.asked, &outcome, &scratch), scratch);
    }
    return 0;
}

/* Make a request larger than one of its kind may be: with a field that nobody knows, in front or behind. */
static size_t swell(uint8_t *data, size_t size, size_t room, struct wire_random *random)
{
    const size_t more =
        STRATA_SMALL_REQUEST_BYTES_MAX / 2 + wire_below(random, STRATA_SMALL_REQUEST_BYTES_MAX);
    const size_t at = wire_below(random, 2) ? 1 : size;
    uint8_t head[12];
    size_t n_head = wire_put(head, wire_below(random, 64) << 3 | 2);
    n_head += wire_put(head + n_head, more);
    if (size + n_head + more > room) return size;
    memmove(data + at + n_head + more, data + at, size - at);
    memcpy(data + at, head, n_head);
    memset(data + at + n_head, (int)wire_below(random, 256), more);
    return size + n_head + more;
}

/* Another scene now and then; some changes of the request that leave it one. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    struct wire_random random = {seed};
    if (size == 0) return 0;
    if (wire_below(&random, 2) == 0) data[0] = (uint8_t)wire_draw(&random);
    if (wire_below(&random, 1024) == 0) size = swell(data, size, room, &random);
    for (size_t n = wire_below(&random, 4); n > 0; n--)
        size = 1 + wire_mutate(data + 1, size - 1, room - 1, 0, &random);
    return size;
}

/* How far the inputs came: codes, and the kinds that were answered with more than a refusal. */
void strata_fuzz_tell(void)
{
    for (int code = 0; code < (int)CODES; code++) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&strata__v1__code__descriptor, code);
        if (n_answered[code] && value) printf("%s %" PRIu64 "\n", value->name, n_answered[code]);
    }
    for (size_t i = 0; i < strata_n_request_rows; i++)
        printf("%s %" PRIu64 "\n", strata_request_rows[i].name, n_good[strata_request_rows[i].kind]);
}
