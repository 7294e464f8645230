/* A board with a made-up job and its control channel, in a folder of its own, for tests of server and clients. */
#ifndef STRATA_TESTS_CONTROL_WORLD_H
#define STRATA_TESTS_CONTROL_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_record.h"
#include "strata/board.h"
#include "strata/client.h"
#include "strata/control.h"
#include "strata/file.h"

struct world {
    struct strata_arena memory;
    struct strata_board board;
    struct strata_control *control;
    char directory[64];
    struct strata_err err;
};

static inline void world_publish(struct world *world, enum strata_job_state state,
                                 uint64_t iteration)
{
    struct strata_snapshot now = {.state = state,
                                  .elapsed_s = 0.1 * (double)iteration,
                                  .fraction = (double)iteration / 100,
                                  .remaining_s = -1,
                                  .ranks = 4,
                                  .customers = FAKE_CUSTOMERS,
                                  .features = 18,
                                  .iteration = iteration,
                                  .candidates_live = 3,
                                  .candidates_total = 70,
                                  .k = state >= STRATA_JOB_FITTING ? 5 : 0,
                                  .objective = 1e6 / (double)(iteration + 1)};
    (void)snprintf(now.job, sizeof now.job, "%s", FAKE_JOB);
    for (size_t i = 0; i < now.k; i++) now.segment_size[i] = (double)FAKE_CUSTOMERS / now.k;
    strata_board_publish(&world->board, &now);
}

static inline void world_publish_record(struct world *world)
{
    size_t n_bytes = 0;
    const unsigned char *bytes = fake_record(&world->memory, 5, &n_bytes);
    strata_board_publish_result(&world->board, bytes, n_bytes);
}

/* Leave what a finished run leaves, as far as clients look at it. */
static inline void world_write_record(struct world *world)
{
    char path[128];
    size_t n_bytes = 0;
    const unsigned char *bytes = fake_record(&world->memory, 5, &n_bytes);
    (void)snprintf(path, sizeof path, "%s/result.pb", world->directory);
    if (strata_file_write(path, bytes, n_bytes, false, &world->err) != STRATA_OK) abort();
    (void)snprintf(path, sizeof path, "%s/manifest.json", world->directory);
    if (strata_file_write(path, "{}\n", 3, false, &world->err) != STRATA_OK) abort();
}

static inline void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    (void)snprintf(world->directory, sizeof world->directory, "/tmp/strata-test-XXXXXX");
    if (!strata_arena_init(&world->memory, (size_t)1 << 30) || !mkdtemp(world->directory)) abort();
    strata_board_init(&world->board);
}

static inline strata_status world_start(struct world *world, const char *endpoint)
{
    const struct strata_control_options options = {
        .directory = world->directory, .endpoint = endpoint, .board = &world->board};
    return strata_control_start(&options, &world->control, &world->err);
}

static inline strata_status world_open(struct world *world, struct strata_client **client,
                                       int timeout_ms)
{
    const struct strata_client_options options = {.run = world->directory, .timeout_ms = timeout_ms};
    return strata_client_open(&options, client, &world->err);
}

static inline void world_finish(struct world *world)
{
    strata_control_stop(&world->control);
    strata_board_finish(&world->board);
    if (strata_directory_remove(world->directory, &world->err) != STRATA_OK) abort();
    strata_arena_finish(&world->memory);
}

#endif
