/* strata run: a job with its control channel and its progress line. */
#include <stdio.h>

#include "strata/clock.h"
#include "strata/control.h"
#include "strata/job.h"
#include "strata/log.h"
#include "strata/watch.h"
#include "strata_app.h"
#include "terminal.h"

#define DRAW_EVERY_S 0.1

/* What surrounds the job on rank 0. */
struct screen {
    struct strata_board board;
    struct strata_control *control;
    bool quiet;
    double drawn_s;
    enum strata_job_state drawn_state;
};

static void warn(void *context, const char *sentence)
{
    (void)context;
    strata_progress_end(stderr); /* a line of its own */
    (void)fprintf(stderr, "strata: %s\n", sentence);
}

/* As opposed to: must not. */
static bool cannot_listen(strata_status status)
{
    return status == STRATA_E_UNAVAILABLE || status == STRATA_E_CREATE || status == STRATA_E_SYSTEM;
}

static strata_status open_channel(void *context, const struct strata_config *config,
                                  const struct strata_attempt *attempt, struct strata_err *err)
{
    struct screen *screen = context;
    if (!config->control_on) return STRATA_OK;
    const struct strata_control_options options = {
        .directory = attempt->directory,
        .attempt = attempt,
        .endpoint = config->control_endpoint,
        .interface = config->control_interface,
        .port_from = config->control_port_from,
        .port_to = config->control_port_to,
        .keys = config->control_keys,
        .board = &screen->board,
    };
    struct strata_err seen = {0};
    const strata_status status = strata_control_start(&options, &screen->control, &seen);
    if (status == STRATA_OK) return STRATA_OK;
    if (config->control_required || !cannot_listen(status))
        return STRATA_FAIL(err, status, "%s", seen.text);
    char sentence[1024];
    (void)snprintf(sentence, sizeof sentence, "%.900s: the job runs without a control channel",
                   seen.text);
    warn(screen, sentence);
    STRATA_LOG(WARN, "control.missing", "required=no");
    return STRATA_OK;
}

static void draw(void *context, const struct strata_snapshot *snapshot)
{
    struct screen *screen = context;
    const double now_s = strata_clock_s();
    const bool new_state = snapshot->state != screen->drawn_state;
    if (screen->quiet || (!new_state && now_s - screen->drawn_s < DRAW_EVERY_S)) return;
    screen->drawn_s = now_s;
    screen->drawn_state = snapshot->state;
    strata_progress_draw(stderr, snapshot);
}

/* A limit that the launcher does not bear is raised. */
static void tell_limit(struct strata_comm *comm, double asked_s)
{
    char sentence[256];
    const double limit_s = strata_watch_limit(comm);
    if (comm->rank != 0 || !(limit_s > asked_s)) return;
    (void)snprintf(
        sentence, sizeof sentence,
        "--stall-limit is %.0f s, not %.0f s: on several hosts mpirun must have noticed a lost "
        "one itself before",
        limit_s, asked_s);
    warn(NULL, sentence);
}

static void close_channel(void *context)
{
    struct screen *screen = context;
    strata_control_stop(&screen->control);
    strata_progress_end(stderr);
}

static strata_status print_summary(const struct strata_job_summary *summary, struct strata_err *err)
{
    char took[32];
    strata_duration_text(summary->elapsed_s, took);
    STRATA_TRY(strata_print_segments(stdout, summary->result, summary->result_bytes, err));
    (void)printf("\nReport  %s/report.html\nTook    %s\n", summary->directory, took);
    return STRATA_OK;
}

strata_status strata_app_run(struct strata_comm *comm, const struct strata_arguments *arguments,
                             struct strata_arena *keep, struct strata_err *err)
{
    static struct screen screen;
    screen.quiet = arguments->quiet;
    screen.drawn_state = STRATA_JOB_STATE_COUNT;
    strata_board_init(&screen.board);
    const struct strata_job_host host = {.context = &screen,
                                         .board = &screen.board,
                                         .open = open_channel,
                                         .progress = draw,
                                         .warn = warn,
                                         .close = close_channel};
    const struct strata_job_request request = {
        .path = arguments->operand,
        .set = arguments->set,
        .n_set = arguments->n_set,
        .output = arguments->output,
        .host = &host,
        .replay = arguments->replay,
        .fresh = arguments->fresh,
        .max_runtime_s = arguments->max_runtime_s,
        .deadline_s = arguments->deadline_s,
    };
    struct strata_job_summary summary = {0};
    strata_status status = strata_watch_start(comm, arguments->stall_limit_s, err);
    tell_limit(comm, arguments->stall_limit_s);
    if (status == STRATA_OK) status = strata_job_run(comm, &request, keep, &summary, err);
    strata_watch_stop(comm);
    if (status == STRATA_OK && comm->rank == 0 && !arguments->quiet)
        status = print_summary(&summary, err);
    strata_board_finish(&screen.board);
    return status;
}
