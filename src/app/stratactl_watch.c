/* stratactl watch: a live picture on a terminal, one line a stage elsewhere, one line an event as JSON; goes on when the
 * job is started again. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"

#include "stratactl.h"
#include "stratactl_view.h"
#include "terminal.h"
#include "terminal_screen.h"
#include "terminal_watch.h"

#define TURN_MS 250
#define DRAW_S 0.1 /* at least between two pictures */

/* A watch in progress. */
struct watching {
    struct strata_session *session;
    struct strata_watch *watch; /* what the picture shows */
    double lost_s;              /* strata_clock_s since when the job is lost */
    double drawn_s;
    bool over;
};

/* What the end of the job means for the exit code, with its last words. */
static strata_status conclude(const struct strata_session *session,
                              const struct strata_job_view *job, struct strata_err *err)
{
    strata_screen_leave();
    if (strcmp(job->state, "FAILED") == 0)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "the job failed: %s",
                           job->message[0] ? job->message : "it did not say why");
    if (strcmp(job->state, "CANCELLED") == 0)
        return STRATA_FAIL(err, STRATA_E_CANCELLED, "the job was cancelled");
    if (session->json) return STRATA_OK;
    char customers[32], took[32];
    strata_count_text(job->customers, customers);
    strata_duration_text(job->elapsed_s, took);
    if (job->elapsed_s > 0)
        (void)printf("Done in %s: %u segments of %s customers\n", took, job->k, customers);
    else
        (void)printf("Done: %u segments of %s customers\n", job->k, customers);
    return STRATA_OK;
}

/* --- telling ------------------------------------------------------------------------------------ */

/* Something about the connection, or the job's own warning, in a line of its own where there is no picture. */
static void tell(const struct watching *watching, const char *lead, const char *text)
{
    if (watching->session->json || strata_terminal_of(stdout).drawn) return;
    struct strata_line line = {.width = 0};
    strata_line_text(&line, lead, 100, true);
    strata_line_text(&line, text, 1000, true);
    (void)printf("%s\n", line.text);
    (void)fflush(stdout);
}

static void draw(struct watching *watching, bool at_once)
{
    static struct strata_line line[STRATA_WATCH_LINES];
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    const double now_s = strata_clock_s();
    if (watching->session->json || !terminal.drawn || watching->over) return;
    if (!at_once && now_s - watching->drawn_s < DRAW_S) return;
    watching->drawn_s = now_s;
    const size_t n =
        strata_watch_picture(watching->watch, &terminal, strata_screen_rows(), now_s, line);
    strata_screen_draw(line, n);
}

/* --- events ------------------------------------------------------------------------------------- */

static strata_status note_loss(struct watching *watching, const struct strata_event *event,
                               struct strata_err *err)
{
    const int wait_s = watching->session->wait_s;
    if (wait_s == 0) return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "%s", event->text);
    watching->lost_s = strata_clock_s();
    tell(watching, "", event->text);
    tell(watching, "", "Waiting for the job to be started again.");
    return STRATA_OK;
}

/* Too long without a job: its last known words are the error. */
static strata_status give_up(const struct watching *watching, struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                       "%s; it was not started again within %d s (--wait)", watching->watch->note,
                       watching->session->wait_s);
}

static strata_status show(struct watching *watching, const struct strata_event *event,
                          struct strata_arena scratch, struct strata_err *err)
{
    const struct strata_session *session = watching->session;
    const bool has_job = event->kind == STRATA_TOLD_SNAPSHOT || event->kind == STRATA_TOLD_STATUS;
    if (event->kind == STRATA_TOLD_NONE) return STRATA_OK;
    strata_watch_take(watching->watch, event, strata_clock_s());
    if (event->kind == STRATA_TOLD_LOST) return note_loss(watching, event, err);
    watching->lost_s = (double)NAN;
    if (event->restarted) tell(watching, "", "The job was started again.");
    if (event->kind == STRATA_TOLD_WARNING) tell(watching, "Warning: ", event->text);
    if (session->json && event->message && event->kind != STRATA_TOLD_HEARTBEAT)
        STRATA_TRY(strata_ctl_json(event->message, scratch, err));
    if (!has_job) return STRATA_OK;
    if (event->job.final) {
        watching->over = true;
        return conclude(session, &event->job, err);
    }
    if (!session->json && !strata_terminal_of(stdout).drawn)
        strata_progress_draw(stdout, &watching->watch->now);
    return STRATA_OK;
}

/* What signals ask for; false: to leave. */
static bool obey_signals(struct watching *watching)
{
    if (strata_screen_take_signal(STRATA_SIGNAL_LEAVE)) return false;
    if (strata_screen_take_signal(STRATA_SIGNAL_STOP)) strata_screen_suspend();
    if (strata_screen_take_signal(STRATA_SIGNAL_RESIZE)) draw(watching, true);
    return true;
}

static strata_status follow(struct watching *watching, struct strata_err *err)
{
    struct strata_session *session = watching->session;
    while (!watching->over) {
        struct strata_arena memory = session->memory;
        struct strata_event event;
        const strata_status status =
            strata_client_next_event(session->client, TURN_MS, &memory, &event, err);
        if (!obey_signals(watching)) return STRATA_FAIL(err, STRATA_E_CANCELLED, "interrupted");
        if (status == STRATA_E_CANCELLED) *err = (struct strata_err){0};
        if (status == STRATA_E_CANCELLED) continue; /* a signal that is dealt with */
        STRATA_TRY(status);
        STRATA_TRY(show(watching, &event, memory, err));
        draw(watching, false);
        if (strata_clock_s() - watching->lost_s > session->wait_s) return give_up(watching, err);
    }
    return STRATA_OK;
}

/* A finished run has no events: its status is all. */
static strata_status look_offline(struct watching *watching, struct strata_err *err)
{
    struct strata_session *session = watching->session;
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    STRATA_TRY(
        strata_client_question(session->client, STRATA_ASK_STATUS, NULL, &memory, &answer, err));
    if (session->json) STRATA_TRY(strata_ctl_json(answer.message, memory, err));
    return conclude(session, &answer.job, err);
}

strata_status strata_ctl_watch(struct strata_session *session, struct strata_err *err)
{
    static struct strata_watch watch;
    struct watching watching = {.session = session, .watch = &watch, .lost_s = (double)NAN};
    if (strata_client_is_offline(session->client)) return look_offline(&watching, err);
    strata_watch_init(&watch);
    strata_screen_catch_signals();
    if (!session->json && strata_terminal_of(stdout).drawn) strata_screen_enter(stdout);
    const strata_status status = follow(&watching, err);
    strata_screen_leave();
    return status;
}
