#include "strata/board.h"

#include <string.h>

#include <criterion/criterion.h>

static struct strata_board board;

static void setup(void)
{
    strata_board_init(&board);
}

static void teardown(void)
{
    strata_board_finish(&board);
}

TestSuite(board, .init = setup, .fini = teardown);

Test(board, each_publication_raises_the_sequence_by_one)
{
    struct strata_snapshot mine = {.state = STRATA_JOB_FITTING, .seq = 77, .iteration = 1};
    for (uint64_t i = 1; i <= 5; i++) {
        strata_board_publish(&board, &mine);
        cr_assert_eq(strata_board_read(&board, NULL, NULL).seq, i);
    }
    strata_board_publish_result(&board, (const unsigned char *)"result", 6);
    cr_assert_eq(strata_board_read(&board, NULL, NULL).seq, 6);
}

Test(board, fraction_never_falls)
{
    static const double told[] = {0.1, 0.5, 0.3, 0.5, 0.9, 0.0};
    static const double seen[] = {0.1, 0.5, 0.5, 0.5, 0.9, 0.9};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        const struct strata_snapshot mine = {.fraction = told[i]};
        strata_board_publish(&board, &mine);
        cr_assert_eq(strata_board_read(&board, NULL, NULL).fraction, seen[i]);
    }
}

Test(board, result_appears_once_and_stays)
{
    const unsigned char *bytes = (const unsigned char *)"x";
    size_t n_bytes = 9;
    (void)strata_board_read(&board, &bytes, &n_bytes);
    cr_assert_null(bytes);
    strata_board_publish_result(&board, (const unsigned char *)"result", 6);
    (void)strata_board_read(&board, &bytes, &n_bytes);
    cr_assert_eq(n_bytes, 6);
    cr_assert_eq(memcmp(bytes, "result", 6), 0);
}

Test(board, commands_come_out_in_the_order_they_were_asked)
{
    struct strata_command command;
    cr_assert_not(strata_board_take(&board, &command));
    for (uint64_t id = 1; id <= STRATA_BOARD_COMMANDS; id++)
        cr_assert(strata_board_ask(
            &board, (struct strata_command){.kind = STRATA_COMMAND_STOP, .request_id = id}));
    cr_assert_not(strata_board_ask(&board, (struct strata_command){.kind = STRATA_COMMAND_STOP,
                                                                   .request_id = 99}),
                  "a full queue refuses");
    for (uint64_t id = 1; id <= STRATA_BOARD_COMMANDS; id++) {
        cr_assert(strata_board_take(&board, &command));
        cr_assert_eq(command.request_id, id);
    }
    cr_assert_not(strata_board_take(&board, &command));
}

static void post(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        const struct strata_notice notice = {.kind = STRATA_NOTICE_CHECKPOINT, .iteration = i};
        strata_board_post(&board, &notice);
    }
}

Test(board, notices_come_out_in_order_and_the_oldest_of_too_many_are_lost)
{
    struct strata_notice notice[STRATA_BOARD_NOTICES];
    uint64_t n_lost = 9;
    cr_assert_eq(strata_board_notices(&board, notice, 8, &n_lost), 0);
    cr_assert_eq(n_lost, 0);
    post(0, 10);
    cr_assert_eq(strata_board_notices(&board, notice, 8, &n_lost), 8);
    cr_assert_eq(strata_board_notices(&board, notice, 8, &n_lost), 2);
    cr_assert_eq(notice[1].iteration, 9);
    cr_assert_eq(n_lost, 0);
    post(10, 10 + STRATA_BOARD_NOTICES);
    cr_assert_eq(strata_board_notices(&board, notice, 1, &n_lost), 1);
    cr_assert(notice[0].iteration == 10 && n_lost == 0, "just as many as there is room for");
    post(0, 5);
    cr_assert_eq(strata_board_notices(&board, notice, STRATA_BOARD_NOTICES, &n_lost),
                 STRATA_BOARD_NOTICES);
    cr_assert_eq(n_lost, 4);
    cr_assert_eq(notice[0].iteration, 15);
    cr_assert_eq(notice[STRATA_BOARD_NOTICES - 1].iteration, 4);
}

static uint64_t ask(enum strata_command_kind kind)
{
    return strata_board_ask(&board, (struct strata_command){.kind = kind, .request_id = 7});
}

static bool is_told(uint64_t number, struct strata_outcome_of_command *outcome)
{
    return strata_board_outcome(&board, number, outcome);
}

Test(board, an_outcome_is_told_once_it_is_kept)
{
    struct strata_command command;
    struct strata_outcome_of_command outcome;
    const uint64_t pause = ask(STRATA_COMMAND_PAUSE), checkpoint = ask(STRATA_COMMAND_CHECKPOINT);
    cr_assert_eq(checkpoint, pause + 1);
    cr_assert(strata_board_take(&board, &command));
    cr_assert_eq(command.number, pause);
    cr_assert_not(is_told(pause, &outcome));
    strata_board_answer(&board, (struct strata_outcome_of_command){
                                    .number = pause, .effect = STRATA_EFFECT_TAKEN, .iteration = 3});
    strata_board_answer(&board, (struct strata_outcome_of_command){.number = checkpoint,
                                                                   .effect = STRATA_EFFECT_TAKEN,
                                                                   .iteration = 4,
                                                                   .is_checkpoint = true});
    cr_assert_not(is_told(pause, &outcome), "its checkpoint is not written yet");
    strata_board_keep(&board, pause, true);
    cr_assert(is_told(pause, &outcome));
    cr_assert_eq(outcome.iteration, 3);
    cr_assert_not(is_told(checkpoint, &outcome));
    strata_board_keep(&board, checkpoint, false);
    cr_assert(is_told(checkpoint, &outcome));
    cr_assert_eq(outcome.effect, STRATA_EFFECT_FAILED, "it could not be written");
}

Test(board, what_comes_after_the_fit_is_late_but_a_cancel)
{
    struct strata_command command;
    struct strata_outcome_of_command outcome;
    const uint64_t waits = ask(STRATA_COMMAND_STOP), cancel = ask(STRATA_COMMAND_CANCEL);
    cr_assert_eq(ask(STRATA_COMMAND_CANCEL), cancel, "once is enough");
    strata_board_close(&board, false);
    cr_assert_not(strata_board_take(&board, &command));
    const uint64_t late = ask(STRATA_COMMAND_PAUSE);
    cr_assert(is_told(waits, &outcome) && outcome.effect == STRATA_EFFECT_LATE);
    cr_assert(is_told(late, &outcome) && outcome.effect == STRATA_EFFECT_LATE);
    cr_assert_not(is_told(cancel, &outcome));
    cr_assert_eq(strata_board_cancelled(&board), cancel);
    strata_board_close(&board, true);
    cr_assert(is_told(cancel, &outcome) && outcome.effect == STRATA_EFFECT_LATE);
}

Test(board, nothing_waits_when_the_job_is_over)
{
    struct strata_outcome_of_command outcome;
    strata_board_close(&board, true);
    for (int kind = STRATA_COMMAND_STOP; kind < STRATA_COMMAND_COUNT; kind++) {
        const uint64_t number = ask((enum strata_command_kind)kind);
        cr_assert(is_told(number, &outcome) && outcome.effect == STRATA_EFFECT_LATE);
    }
}

Test(board, every_state_has_its_own_word_and_three_are_final)
{
    int n_final = 0;
    for (int i = 0; i < STRATA_JOB_STATE_COUNT; i++) {
        n_final += strata_job_state_is_final((enum strata_job_state)i);
        cr_assert_str_not_empty(strata_job_state_phrase((enum strata_job_state)i));
        for (int j = 0; j < i; j++)
            cr_assert_str_neq(strata_job_state_word((enum strata_job_state)i),
                              strata_job_state_word((enum strata_job_state)j));
    }
    cr_assert_eq(n_final, 3);
    cr_assert_str_eq(strata_job_state_word(STRATA_JOB_STATE_COUNT), "UNKNOWN");
}
