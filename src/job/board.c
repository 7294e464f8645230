#include "strata/board.h"

#include <string.h>

#include "strata/status.h"

static void lock(struct strata_board *board)
{
    STRATA_REQUIRE(pthread_mutex_lock(&board->lock) == 0);
}

static void unlock(struct strata_board *board)
{
    STRATA_REQUIRE(pthread_mutex_unlock(&board->lock) == 0);
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
    lock(board);
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

bool strata_board_take(struct strata_board *board, struct strata_command *command)
{
    lock(board);
    const bool any = board->n_commands > 0;
    if (any) {
        *command = board->command[0];
        board->n_commands--;
        memmove(board->command, board->command + 1, board->n_commands * sizeof board->command[0]);
    }
    unlock(board);
    return any;
}

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

bool strata_board_ask(struct strata_board *board, struct strata_command command)
{
    lock(board);
    const bool room = board->n_commands < STRATA_BOARD_COMMANDS;
    if (room) board->command[board->n_commands++] = command;
    unlock(board);
    return room;
}
