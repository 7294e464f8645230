/* stratactl watch: a live line on a terminal, one line a stage elsewhere, one line an event as JSON. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"

#include "stratactl.h"
#include "stratactl_view.h"
#include "terminal.h"

#define TURN_MS 250
#define SILENCE_S 3.5 /* without event or heartbeat: the server may be gone */

static volatile sig_atomic_t interrupted; /* by a signal that may come at any moment, not only while waiting */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1; /* the line is erased on the way out */
}

static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    (void)sigemptyset(&action.sa_mask); /* cannot fail */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* What the end of the job means for the exit code, with its last words. */
static strata_status conclude(const struct strata_session *session,
                              const struct strata_job_view *job, struct strata_err *err)
{
    strata_progress_end(stdout);
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

static void show(const struct strata_session *session, const struct strata_job_view *job)
{
    if (session->json) return;
    const struct strata_snapshot now = strata_snapshot_of(job);
    if (!job->final) strata_progress_draw(stdout, &now);
}

/* Ask for the status; *over when the job is. */
static strata_status look(struct strata_session *session, bool *over, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    STRATA_TRY(
        strata_client_question(session->client, STRATA_ASK_STATUS, NULL, &memory, &answer, err));
    if (session->json) STRATA_TRY(strata_ctl_json(answer.message, memory, err));
    show(session, &answer.job);
    *over = answer.job.final;
    return answer.job.final ? conclude(session, &answer.job, err) : STRATA_OK;
}

/* The server left or is silent: find the job anew, as a server or as a finished run. */
static strata_status find_again(struct strata_session *session, bool *over, struct strata_err *err)
{
    strata_progress_end(stdout);
    strata_client_close(&session->client);
    STRATA_TRY(strata_client_open(&session->target, &session->client, err));
    return look(session, over, err);
}

static strata_status show_event(struct strata_session *session, const struct strata_event *event,
                                struct strata_arena scratch, bool *over, struct strata_err *err)
{
    if (event->heartbeat) return STRATA_OK;
    if (session->json) STRATA_TRY(strata_ctl_json(event->message, scratch, err));
    if (!event->job.state) return STRATA_OK; /* of something else than the status */
    show(session, &event->job);
    *over = event->job.final;
    return *over ? conclude(session, &event->job, err) : STRATA_OK;
}

static strata_status follow(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena first = session->memory;
    struct strata_event event;
    bool over = false;
    double heard_s = strata_clock_s();
    /* subscribe first, then ask: what happens in between comes as an event */
    if (!strata_client_is_offline(session->client))
        STRATA_TRY(strata_client_next_event(session->client, 0, &first, &event, err));
    STRATA_TRY(look(session, &over, err));
    while (!over) {
        if (interrupted) return STRATA_FAIL(err, STRATA_E_CANCELLED, "interrupted");
        struct strata_arena memory = session->memory;
        STRATA_TRY(strata_client_next_event(session->client, TURN_MS, &memory, &event, err));
        if (event.any) {
            heard_s = strata_clock_s();
            STRATA_TRY(show_event(session, &event, memory, &over, err));
        }
        const bool gone = event.any && event.job.leaving && !over;
        if (gone || strata_clock_s() - heard_s > SILENCE_S) {
            STRATA_TRY(find_again(session, &over, err));
            heard_s = strata_clock_s();
        }
    }
    return STRATA_OK;
}

strata_status strata_ctl_watch(struct strata_session *session, struct strata_err *err)
{
    catch_interrupts();
    const strata_status status = follow(session, err);
    strata_progress_end(stdout);
    return status;
}
