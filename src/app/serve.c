#include "serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "strata/channel.h"
#include "strata/control.h"
#include "strata/file.h"
#include "strata/log.h"

#define MEMORY_BYTES ((size_t)16 << 20)
#define LOOK_S 1 /* how often the run directory is looked at */

/* What is served, and what of the run directory has been seen. */
struct serving {
    const char *directory, *log;
    struct strata_control *control;
    uint64_t mark; /* of the run that is served, or that could not be */
    dev_t log_device;
    ino_t log_number;
    bool log_lost; /* which has been told */
};

static void tell_endpoint(const char *directory, struct strata_arena scratch)
{
    struct strata_channel channel;
    struct strata_err none = {0};
    if (strata_channel_read(directory, &scratch, &channel, &none) != STRATA_OK) return;
    (void)fprintf(stderr, "serving %s at %s\nask with: stratactl --run %s %ssegments\n", directory,
                  channel.requests, directory, channel.server_key ? "--keys DIR " : "");
}

/* --- the log ------------------------------------------------------------------------------------- */

/* A run in the same directory puts a log of its own in place, which begins with what there was: lines about who looked at
 * customers belong there from then on. */
static strata_status follow_log(struct serving *serving, struct strata_err *err)
{
    struct stat seen;
    if (stat(serving->log, &seen) == 0 && seen.st_dev == serving->log_device &&
        seen.st_ino == serving->log_number)
        return STRATA_OK;
    STRATA_TRY(strata_log_open(serving->log, err));
    if (stat(serving->log, &seen) != 0)
        return STRATA_OK; /* replaced again: the next look finds it */
    serving->log_device = seen.st_dev;
    serving->log_number = seen.st_ino;
    return STRATA_OK;
}

/* Once, for it may stay so. */
static void tell_log(struct serving *serving, strata_status status, const struct strata_err *err)
{
    if (status != STRATA_OK && !serving->log_lost)
        (void)fprintf(stderr, "strata: %s: who asks is not written down there\n", err->text);
    serving->log_lost = status != STRATA_OK;
}

/* --- another run --------------------------------------------------------------------------------- */

/* A new run is read beside the old one; one that is no good is told once, and the old one stays. */
static void look(struct serving *serving, bool again)
{
    struct strata_err err = {0}, log_err = {0};
    struct strata_served *served = NULL;
    const uint64_t mark = strata_served_mark(serving->directory);
    tell_log(serving, follow_log(serving, &log_err), &log_err);
    if (mark == 0 || (mark == serving->mark && !again)) return; /* being replaced, or the same */
    serving->mark = mark;
    const strata_status status = strata_served_open(serving->directory, &served, &err);
    if (status == STRATA_OK) {
        strata_control_serve(serving->control, &served);
        STRATA_LOG(INFO, "serve.reload", "mark=%016llx", (unsigned long long)mark);
    } else if (status == STRATA_E_AGAIN) {
        serving->mark = 0; /* at the next look */
    } else {
        STRATA_LOG(WARN, "serve.kept", "reason=%s", strata_status_word(status));
        (void)fprintf(stderr, "strata: %s: the run before goes on being served\n", err.text);
    }
}

/* Serve until one of the signals comes that end it; SIGHUP looks at once. */
static strata_status watch(struct serving *serving, const sigset_t *signals, struct strata_err *err)
{
    const struct timespec period = {.tv_sec = LOOK_S};
    for (;;) {
        const int number = sigtimedwait(signals, NULL, &period);
        if (number > 0 && number != SIGHUP) return STRATA_OK;
        if (number < 0 && errno != EAGAIN && errno != EINTR)
            return STRATA_FAIL(err, STRATA_E_SYSTEM, "cannot wait for signals: %s", strerror(errno));
        look(serving, number == SIGHUP);
    }
}

static strata_status serve(struct serving *serving, const char *endpoint, const char *keys,
                           struct strata_board *board, const sigset_t *signals,
                           struct strata_arena scratch, struct strata_err *err)
{
    struct strata_served *served = NULL;
    serving->mark = strata_served_mark(serving->directory);
    STRATA_TRY(strata_served_open(serving->directory, &served, err));
    const struct strata_control_options options = {.directory = serving->directory,
                                                   .endpoint = endpoint ? endpoint : "ipc",
                                                   .keys = keys,
                                                   .board = board,
                                                   .serving = true,
                                                   .served = &served};
    strata_status status = follow_log(serving, err); /* for who looks at customers */
    if (status == STRATA_OK) status = strata_control_start(&options, &serving->control, err);
    strata_served_close(&served); /* unless it was taken */
    if (status != STRATA_OK) return status;
    tell_endpoint(serving->directory, scratch);
    status = watch(serving, signals, err);
    strata_control_stop(&serving->control);
    return status;
}

strata_status strata_app_serve(const char *run_directory, const char *endpoint, const char *keys,
                               struct strata_err *err)
{
    struct strata_arena memory;
    struct strata_board board;
    sigset_t signals, before;
    if (!strata_arena_init(&memory, MEMORY_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to serve a run");
    struct serving serving = {.directory = run_directory,
                              .log = strata_path_join(run_directory, "log.jsonl", &memory)};
    if (!serving.log) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    (void)sigemptyset(&signals); /* cannot fail */
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &signals, &before) != 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "signals cannot be blocked");
    strata_board_init(&board);
    const strata_status status = serve(&serving, endpoint, keys, &board, &signals, memory, err);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* it was valid a moment ago */
    strata_board_finish(&board);
    strata_arena_finish(&memory);
    return status;
}
