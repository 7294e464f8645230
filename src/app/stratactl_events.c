/* stratactl events: every event in a line of its own, until the job is over. */
#include <math.h>
#include <stdio.h>

#include "strata/clock.h"

#include "stratactl.h"
#include "terminal.h"
#include "terminal_screen.h"

#define TURN_MS 250

/* One event in a line; false when it is not worth one. */
static bool event_line(const struct strata_event *event, char text[1024])
{
    char bytes[32];
    switch (event->kind) {
    case STRATA_TOLD_SNAPSHOT:
        (void)snprintf(text, 1024, "snapshot    %s%s%s, iteration %llu", event->job.state,
                       event->restarted ? " of another start" : "",
                       event->resynced ? " (events were lost)" : "",
                       (unsigned long long)event->job.iteration);
        return true;
    case STRATA_TOLD_STAGE:
        (void)snprintf(text, 1024, "stage       %s after %.1f s", event->state, event->elapsed_s);
        return true;
    case STRATA_TOLD_ITERATION:
        (void)snprintf(text, 1024, "iteration   %llu, %u candidates live",
                       (unsigned long long)event->iteration, event->live);
        return true;
    case STRATA_TOLD_CANDIDATE:
        (void)snprintf(text, 1024, "candidate   k %u start %u %s in iteration %llu: %s", event->k,
                       event->start, event->fate, (unsigned long long)event->iteration, event->text);
        return true;
    case STRATA_TOLD_CHECKPOINT:
        strata_bytes_text(event->bytes, bytes);
        (void)snprintf(text, 1024, "checkpoint  iteration %llu, generation %llu, %s",
                       (unsigned long long)event->iteration, (unsigned long long)event->generation,
                       bytes);
        return true;
    case STRATA_TOLD_WARNING:
        (void)snprintf(text, 1024, "warning     %s", event->text);
        return true;
    case STRATA_TOLD_DONE:
        (void)snprintf(text, 1024, "done        %s: %s", event->state, event->text);
        return true;
    case STRATA_TOLD_STATUS:
        (void)snprintf(text, 1024, "status      %s, %.0f%%, iteration %llu", event->job.state,
                       100 * event->job.fraction, (unsigned long long)event->job.iteration);
        return true;
    case STRATA_TOLD_LOST:
        (void)snprintf(text, 1024, "lost        %s", event->text);
        return true;
    case STRATA_TOLD_NONE:
    case STRATA_TOLD_HEARTBEAT:
    case STRATA_TOLD_OTHER:
        break;
    }
    return false;
}

static strata_status print_event(const struct strata_session *session,
                                 const struct strata_event *event, struct strata_arena scratch,
                                 struct strata_err *err)
{
    char text[1024], utc[32];
    if (session->json)
        return event->message && event->kind != STRATA_TOLD_HEARTBEAT
                   ? strata_ctl_json(event->message, scratch, err)
                   : STRATA_OK;
    if (!event_line(event, text)) return STRATA_OK;
    struct strata_line line = {.width = 0};
    strata_clock_utc(utc);
    strata_line_text(&line, text, 1000, strata_terminal_of(stdout).utf8);
    (void)printf("%s %8llu  %s\n", utc, (unsigned long long)event->number, line.text);
    (void)fflush(stdout);
    return STRATA_OK;
}

strata_status strata_ctl_events(struct strata_session *session, struct strata_err *err)
{
    double lost_s = (double)NAN;
    strata_screen_catch_signals();
    for (bool over = false; !over;) {
        struct strata_arena memory = session->memory;
        struct strata_event event;
        const strata_status status =
            strata_client_next_event(session->client, TURN_MS, &memory, &event, err);
        if (strata_screen_take_signal(STRATA_SIGNAL_LEAVE))
            return STRATA_FAIL(err, STRATA_E_CANCELLED, "interrupted");
        if (status == STRATA_E_CANCELLED) *err = (struct strata_err){0};
        if (status == STRATA_E_CANCELLED) continue; /* another signal */
        STRATA_TRY(status);
        STRATA_TRY(print_event(session, &event, memory, err));
        if (event.kind == STRATA_TOLD_LOST)
            lost_s = strata_clock_s();
        else if (event.kind != STRATA_TOLD_NONE)
            lost_s = (double)NAN;
        if (strata_clock_s() - lost_s >= session->wait_s)
            return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                               "the job is gone, and was not started again within %d s (--wait)",
                               session->wait_s);
        over = event.leaving && (event.job.final || event.kind == STRATA_TOLD_DONE);
    }
    return STRATA_OK;
}
