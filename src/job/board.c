#include "strata/board.h"

#include <string.h>

#include "strata/clock.h"
#include "strata/log.h"
#include "strata/status.h"

static void lock(struct strata_board *board)
{
    STRATA_REQUIRE(pthread_mutex_lock(&board->lock) == 0);
}

static void unlock(struct strata_board *board)
{
    STRATA_REQUIRE(pthread_mutex_unlock(&board->lock) == 0);
}

/* The thread that computes says how long it had to wait for the other side, if at all: the log tells the longest. */
static void enter(struct strata_board *board)
{
    if (pthread_mutex_trylock(&board->lock) != 0) {
        const double since_s = strata_clock_s();
        lock(board);
        const double waited_s = strata_clock_s() - since_s;
        if (waited_s > board->longest_wait_s) board->longest_wait_s = waited_s;
        board->n_waits++;
    }
    board->n_calls++;
}

void strata_board_init(struct strata_board *board)
{
    memset(board, 0, sizeof *board);
    board->now.remaining_s = -1;
    STRATA_REQUIRE(pthread_mutex_init(&board->lock, NULL) == 0);
}

void strata_board_finish(struct strata_board *board)
{
    STRATA_REQUIRE(pthread_mutex_destroy(&board->lock) == 0);
}

void strata_board_publish(struct strata_board *board, const struct strata_snapshot *snapshot)
{
    STRATA_REQUIRE((unsigned)snapshot->state < STRATA_JOB_STATE_COUNT);
    STRATA_REQUIRE(snapshot->k <= STRATA_MAX_SEGMENTS);
    enter(board);
    const uint64_t seq = board->now.seq;
    const double fraction = board->now.fraction;
    board->now = *snapshot;
    board->now.seq = seq + 1;
    if (!(board->now.fraction > fraction)) board->now.fraction = fraction;
    unlock(board);
}

void strata_board_publish_result(struct strata_board *board, const unsigned char *bytes,
                                 size_t n_bytes)
{
    lock(board);
    STRATA_REQUIRE(!board->result);
    board->result = bytes;
    board->result_bytes = n_bytes;
    board->now.seq++;
    unlock(board);
}

/* --- notices ------------------------------------------------------------------------------------ */

void strata_board_post(struct strata_board *board, const struct strata_notice *notice)
{
    lock(board);
    board->notice[board->n_posted++ % STRATA_BOARD_NOTICES] = *notice;
    unlock(board);
}

/* One at a time, so that whoever posts waits for one copy only. */
static bool take_notice(struct strata_board *board, struct strata_notice *notice, uint64_t *n_lost)
{
    lock(board);
    const uint64_t waiting = board->n_posted - board->n_taken;
    const uint64_t lost = waiting > STRATA_BOARD_NOTICES ? waiting - STRATA_BOARD_NOTICES : 0;
    if (waiting > 0) *notice = board->notice[(board->n_taken + lost) % STRATA_BOARD_NOTICES];
    board->n_taken += lost + (waiting > 0);
    unlock(board);
    *n_lost += lost;
    return waiting > 0;
}

size_t strata_board_notices(struct strata_board *board, struct strata_notice *notice, size_t room,
                            uint64_t *n_lost)
{
    size_t n = 0;
    *n_lost = 0;
    while (n < room && take_notice(board, &notice[n], n_lost)) n++;
    return n;
}

/* --- commands; the lock is held ---------------------------------------------------------------- */

static struct strata_outcome_of_command *outcome_of(struct strata_board *board, uint64_t number)
{
    return &board->outcome[number % STRATA_BOARD_OUTCOMES];
}

static void answer_late(struct strata_board *board, uint64_t number)
{
    *outcome_of(board, number) = (struct strata_outcome_of_command){
        .number = number, .effect = STRATA_EFFECT_LATE, .is_kept = true};
}

/* --- of the compute side -------------------------------------------------------------------- */

bool strata_board_take(struct strata_board *board, struct strata_command *command)
{
    enter(board);
    const bool any = board->n_commands > 0;
    if (any) {
        *command = board->command[0];
        board->n_commands--;
        memmove(board->command, board->command + 1, board->n_commands * sizeof board->command[0]);
    }
    unlock(board);
    return any;
}

uint64_t strata_board_cancelled(struct strata_board *board)
{
    lock(board);
    const uint64_t number = board->cancelled;
    unlock(board);
    return number;
}

void strata_board_answer(struct strata_board *board, struct strata_outcome_of_command outcome)
{
    enter(board);
    *outcome_of(board, outcome.number) = outcome;
    unlock(board);
}

void strata_board_keep(struct strata_board *board, uint64_t up_to, bool written)
{
    lock(board);
    for (size_t i = 0; i < STRATA_BOARD_OUTCOMES; i++) {
        struct strata_outcome_of_command *outcome = &board->outcome[i];
        if (outcome->number == 0 || outcome->number > up_to || outcome->is_kept) continue;
        outcome->is_kept = true;
        if (!written && outcome->is_checkpoint) outcome->effect = STRATA_EFFECT_FAILED;
    }
    unlock(board);
}

void strata_board_close(struct strata_board *board, bool job_is_over)
{
    lock(board);
    board->is_closed = true;
    board->is_over |= job_is_over;
    for (size_t i = 0; i < board->n_commands; i++) answer_late(board, board->command[i].number);
    board->n_commands = 0;
    const uint64_t cancelled = board->cancelled;
    if (job_is_over && cancelled && outcome_of(board, cancelled)->number != cancelled)
        answer_late(board, cancelled);
    for (size_t i = 0; i < STRATA_BOARD_OUTCOMES; i++) board->outcome[i].is_kept |= job_is_over;
    const double longest_us = 1e6 * board->longest_wait_s;
    const unsigned long long n_calls = board->n_calls, n_waits = board->n_waits;
    unlock(board);
    if (job_is_over)
        STRATA_LOG(INFO, "board.calls", "calls=%llu waits=%llu longest_us=%.1f", n_calls, n_waits,
                   longest_us);
}

/* --- of the control side ------------------------------------------------------------------- */

struct strata_snapshot strata_board_read(struct strata_board *board, const unsigned char **result,
                                         size_t *result_bytes)
{
    lock(board);
    const struct strata_snapshot now = board->now;
    if (result) *result = board->result;
    if (result_bytes) *result_bytes = board->result_bytes;
    unlock(board);
    return now;
}

/* Once is enough: who asks again waits for the same. */
static uint64_t ask_to_cancel(struct strata_board *board)
{
    if (board->cancelled) return board->cancelled;
    const uint64_t number = ++board->n_asked;
    if (board->is_over)
        answer_late(board, number);
    else
        board->cancelled = number;
    return number;
}

static uint64_t ask(struct strata_board *board, struct strata_command command)
{
    if (command.kind == STRATA_COMMAND_CANCEL) return ask_to_cancel(board);
    if (!board->is_closed && board->n_commands == STRATA_BOARD_COMMANDS) return 0;
    command.number = ++board->n_asked;
    if (board->is_closed)
        answer_late(board, command.number);
    else
        board->command[board->n_commands++] = command;
    return command.number;
}

uint64_t strata_board_ask(struct strata_board *board, struct strata_command command)
{
    lock(board);
    const uint64_t number = ask(board, command);
    unlock(board);
    return number;
}

bool strata_board_outcome(struct strata_board *board, uint64_t number,
                          struct strata_outcome_of_command *outcome)
{
    lock(board);
    const struct strata_outcome_of_command *of = outcome_of(board, number);
    const bool known = of->number == number && of->is_kept;
    if (known) *outcome = *of;
    unlock(board);
    return known;
}
