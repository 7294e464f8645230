/* A job that computes nothing: it walks through the states with the real board and control thread.
 *     control_fake_job DIRECTORY ENDPOINT TICK_MS TICKS ENDING [KEYS]
 * Fits for TICKS ticks, or until it is told to stop; ENDING is done, failed, cancelled or killed (exits without a word).
 * Leaves a finished run in DIRECTORY when done, and with a folder of KEYS a log. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "control_world.h"
#include "strata/log.h"

static void tick(long ms)
{
    const struct timespec length = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&length, NULL); /* a signal ends the program */
}

static void answer(struct world *world, const struct strata_command *command, uint64_t iteration)
{
    const struct strata_outcome_of_command outcome = {.number = command->number,
                                                      .effect = STRATA_EFFECT_TAKEN,
                                                      .iteration = iteration,
                                                      .is_kept = true};
    strata_board_answer(&world->board, outcome);
}

/* Wait for what ends a pause; true when it is a stop. */
static bool pause_until(struct world *world, uint64_t iteration, long tick_ms)
{
    struct strata_command command;
    world_publish(world, STRATA_JOB_PAUSED, iteration);
    for (;;) {
        tick(tick_ms);
        if (!strata_board_take(&world->board, &command)) continue;
        answer(world, &command, iteration);
        if (command.kind == STRATA_COMMAND_STOP) return true;
        if (command.kind == STRATA_COMMAND_RESUME) return false;
    }
}

static void fit(struct world *world, long tick_ms, long n_ticks)
{
    struct strata_command command;
    for (long i = 1; i <= n_ticks; i++) {
        world_publish(world, STRATA_JOB_FITTING, (uint64_t)i);
        tick(tick_ms);
        if (!strata_board_take(&world->board, &command)) continue;
        answer(world, &command, (uint64_t)i);
        bool stops = command.kind == STRATA_COMMAND_STOP;
        if (command.kind == STRATA_COMMAND_PAUSE) stops = pause_until(world, (uint64_t)i, tick_ms);
        if (!stops) continue;
        (void)printf("stopped at iteration %ld by request %llu\n", i,
                     (unsigned long long)command.request_id);
        world_publish(world, STRATA_JOB_STOPPING, (uint64_t)i);
        tick(tick_ms);
        return;
    }
}

static void end(struct world *world, const char *ending, long tick_ms)
{
    if (strcmp(ending, "killed") == 0) _exit(EXIT_FAILURE);
    if (strcmp(ending, "failed") == 0 || strcmp(ending, "cancelled") == 0) {
        struct strata_snapshot now = strata_board_read(&world->board, NULL, NULL);
        now.state = ending[0] == 'f' ? STRATA_JOB_FAILED : STRATA_JOB_CANCELLED;
        if (ending[0] == 'f')
            (void)snprintf(now.message, sizeof now.message, "orders.csv:7: not a number");
        strata_board_publish(&world->board, &now);
        return;
    }
    static const enum strata_job_state states[] = {STRATA_JOB_EVALUATING, STRATA_JOB_DESCRIBING,
                                                   STRATA_JOB_WRITING};
    for (size_t i = 0; i < 3; i++) {
        world_publish(world, states[i], 98 + i);
        tick(tick_ms);
    }
    world_publish_record(world);
    world_write_record(world);
    world_publish(world, STRATA_JOB_DONE, 101);
}

static strata_status start(struct world *world, const char *endpoint, const char *keys)
{
    char path[128];
    if (!keys) return world_start(world, endpoint);
    (void)snprintf(path, sizeof path, "%s/log.jsonl", world->directory);
    STRATA_TRY(strata_log_open(path, &world->err));
    const struct strata_control_options options = {
        .directory = world->directory, .endpoint = endpoint, .keys = keys, .board = &world->board};
    return strata_control_start(&options, &world->control, &world->err);
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 7) return EXIT_FAILURE;
    static struct world world;
    const long tick_ms = strtol(argv[3], NULL, 10);
    if (!strata_arena_init(&world.memory, (size_t)1 << 30)) return EXIT_FAILURE;
    (void)snprintf(world.directory, sizeof world.directory, "%s", argv[1]);
    strata_board_init(&world.board);
    if (start(&world, argv[2], argc == 7 ? argv[6] : NULL) != STRATA_OK) {
        (void)fprintf(stderr, "%s\n", world.err.text);
        return strata_status_exit_code(world.err.code);
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    world_publish(&world, STRATA_JOB_INGESTING, 0);
    tick(tick_ms);
    fit(&world, tick_ms, strtol(argv[4], NULL, 10));
    strata_board_close(&world.board, false);
    end(&world, argv[5], tick_ms);
    strata_board_close(&world.board, true);
    strata_control_stop(&world.control);
    return EXIT_SUCCESS;
}
