#include "serve.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "strata/channel.h"
#include "strata/control.h"
#include "strata/file.h"
#include "strata/log.h"
#include "strata/record.h"
#include "strata/results.h"

#define MEMORY_BYTES ((size_t)4 << 30) /* addresses only */

/* The snapshot of a run that is over. */
static strata_status publish_record(struct strata_board *board, const struct strata_blob *record,
                                    struct strata_arena *keep, struct strata_err *err)
{
    struct strata_job_view job;
    STRATA_TRY(strata_record_status(record->bytes, record->n_bytes, keep, &job, err));
    struct strata_snapshot now = {
        .state = STRATA_JOB_DONE,
        .fraction = 1,
        .customers = job.customers,
        .features = job.features,
        .iteration = job.iteration,
        .candidates_total = job.candidates_total,
        .k = job.k <= STRATA_MAX_SEGMENTS ? job.k : 0,
        .objective = job.objective,
    };
    (void)snprintf(now.job, sizeof now.job, "%s", job.job); /* a longer name is cut */
    (void)snprintf(now.ending, sizeof now.ending, "%s", job.ending);
    strata_board_publish_result(board, record->bytes, record->n_bytes);
    strata_board_publish(board, &now);
    return STRATA_OK;
}

static void tell_endpoint(const char *directory, struct strata_arena scratch)
{
    struct strata_channel channel;
    struct strata_err none = {0};
    if (strata_channel_read(directory, &scratch, &channel, &none) != STRATA_OK) return;
    (void)fprintf(stderr, "serving %s at %s\nask with: stratactl --run %s %ssegments\n", directory,
                  channel.requests, directory, channel.server_key ? "--keys DIR " : "");
}

/* Serve until one of the signals in `leave` comes; they are blocked, so that none is lost before the wait. */
static strata_status serve_until(const sigset_t *leave, const char *directory, const char *endpoint,
                                 const char *keys, struct strata_board *board,
                                 struct strata_arena scratch, struct strata_err *err)
{
    const struct strata_control_options options = {.directory = directory,
                                                   .endpoint = endpoint ? endpoint : "ipc",
                                                   .keys = keys,
                                                   .board = board,
                                                   .serving = true};
    struct strata_control *control = NULL;
    STRATA_TRY(strata_control_start(&options, &control, err));
    tell_endpoint(directory, scratch);
    int signal_number = 0;
    const int problem = sigwait(leave, &signal_number);
    strata_control_stop(&control);
    if (problem != 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "cannot wait for signals: %s", strerror(problem));
    return STRATA_OK;
}

static strata_status serve_record(const char *directory, const char *endpoint, const char *keys,
                                  struct strata_board *board, struct strata_arena *memory,
                                  struct strata_err *err)
{
    struct strata_blob record;
    STRATA_TRY(strata_results_read(directory, memory, &record, err));
    STRATA_TRY(publish_record(board, &record, memory, err));
    const char *log = strata_path_join(directory, "log.jsonl", memory);
    if (!log) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    STRATA_TRY(strata_log_open(log, err)); /* for who looks at customers */
    sigset_t leave, before;
    (void)sigemptyset(&leave); /* cannot fail */
    (void)sigaddset(&leave, SIGINT);
    (void)sigaddset(&leave, SIGTERM);
    (void)sigaddset(&leave, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &leave, &before) != 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "signals cannot be blocked");
    const strata_status status = serve_until(&leave, directory, endpoint, keys, board, *memory, err);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* it was valid a moment ago */
    return status;
}

strata_status strata_app_serve(const char *run_directory, const char *endpoint, const char *keys,
                               struct strata_err *err)
{
    struct strata_arena memory;
    if (!strata_arena_init(&memory, MEMORY_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the run's record");
    struct strata_board board;
    strata_board_init(&board);
    const strata_status status = serve_record(run_directory, endpoint, keys, &board, &memory, err);
    strata_board_finish(&board);
    strata_arena_finish(&memory);
    return status;
}
