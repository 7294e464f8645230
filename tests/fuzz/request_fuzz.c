/* The request parser and every handler, on any bytes: there is always a reply, it packs within the limit and reads back,
 * and the board gets a command only when the desk says so. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/requests.h"
#include "fake_record.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct strata_board board;
static struct strata_desk desk;
static struct strata_arena memory;

static void prepare(void)
{
    size_t n_bytes = 0;
    if (!strata_arena_init(&memory, (size_t)1 << 28)) abort();
    strata_board_init(&board);
    desk = (struct strata_desk){.board = &board,
                                .directory = "/nonexistent",
                                .incarnation = "0123456789abcdef",
                                .events = "ipc:///e"};
    desk.caller = (struct strata_caller){.name = "local", .role = STRATA_CLIENT_OPERATOR};
    const unsigned char *record = fake_record(&memory, 5, &n_bytes);
    strata_board_publish_result(&board, record, n_bytes);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!memory.start) prepare();
    /* the first byte chooses the state, so that all handlers are reached */
    const struct strata_snapshot now = {
        .state = (enum strata_job_state)(size > 0 ? data[0] % STRATA_JOB_STATE_COUNT : 0),
        .k = 3,
        .customers = 30};
    strata_board_publish(&board, &now);
    strata_desk_look(&desk);
    desk.recent.command[desk.recent.next = 0].id = 0; /* each input is a command's first time */
    struct strata_arena scratch = memory;
    const Strata__V1__Reply *reply =
        strata_request_answer(&desk, size ? data + 1 : data, size ? size - 1 : 0, &scratch);
    check(reply, scratch);
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
