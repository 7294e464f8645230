/* What stratactl shows once: status, segments, personas, and the answers to commands. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"

#include "stratactl.h"
#include "stratactl_view.h"
#include "terminal_figures.h"
#include "terminal_watch.h"

strata_status strata_ctl_ask(struct strata_session *session, enum strata_question question,
                             struct strata_arena *memory, struct strata_answer *answer, bool *shown,
                             struct strata_err *err)
{
    STRATA_TRY(
        strata_client_question(session->client, question, session->operand, memory, answer, err));
    *shown = session->json;
    return session->json ? strata_ctl_json(answer->message, *memory, err) : STRATA_OK;
}

/* --- status ------------------------------------------------------------------------------------- */

static void print_facts(const struct strata_terminal *terminal, const struct strata_snapshot *now)
{
    char text[256], part[32], whole[32];
    if (now->elapsed_s > 0) {
        strata_duration_text(now->elapsed_s, part);
        strata_duration_text(now->remaining_s, whole);
        if (now->remaining_s > 0)
            (void)snprintf(text, sizeof text, "%s, about %s left", part, whole);
        else
            (void)snprintf(text, sizeof text, "%s", part);
        strata_print_fact(stdout, terminal, "Elapsed", text);
    }
    if (now->bytes_total > 0) {
        strata_bytes_text(now->bytes_done, part);
        strata_bytes_text(now->bytes_total, whole);
        (void)snprintf(text, sizeof text, "%s of %s", part, whole);
        strata_print_fact(stdout, terminal, "Read", text);
    }
    if (now->customers > 0) {
        strata_count_text(now->customers, part);
        (void)snprintf(text, sizeof text, "%s in %u columns", part, now->features);
        strata_print_fact(stdout, terminal, "Customers", text);
    }
    if (now->iteration > 0) {
        strata_count_text(now->iteration, part);
        (void)snprintf(text, sizeof text, isfinite(now->objective) ? "%s, objective %.6g" : "%s",
                       part, now->objective);
        strata_print_fact(stdout, terminal, "Iterations", text);
    }
    if (now->candidates_total > 0) {
        (void)snprintf(text, sizeof text, "%u, %u of them live", now->candidates_total,
                       now->candidates_live);
        strata_print_fact(stdout, terminal, "Candidates", text);
    }
    if (now->k > 0) {
        (void)snprintf(text, sizeof text, "%u", now->k);
        strata_print_fact(stdout, terminal, "Segments", text);
    }
    if (now->ending[0]) strata_print_fact(stdout, terminal, "Ended", now->ending);
    if (now->ranks > 0) {
        (void)snprintf(text, sizeof text, "%d", now->ranks);
        strata_print_fact(stdout, terminal, "Ranks", text);
    }
    if (now->message[0]) strata_print_fact(stdout, terminal, "Message", now->message);
}

strata_status strata_ctl_status(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    bool shown = false;
    STRATA_TRY(strata_ctl_ask(session, STRATA_ASK_STATUS, &memory, &answer, &shown, err));
    if (shown) return STRATA_OK;
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    const struct strata_snapshot now = strata_snapshot_of(&answer.job);
    struct strata_line line = {.width = 0};
    strata_line_code(&line, strata_tint(&terminal, STRATA_TINT_STRONG));
    strata_line_text(&line, now.job, 128, terminal.utf8);
    strata_line_code(&line, strata_tint(&terminal, STRATA_TINT_NONE));
    strata_line_text(&line, "  ", 2, true);
    strata_line_text(&line, answer.job.state, 16, true);
    (void)printf("%s\n", line.text);
    if (terminal.drawn && !answer.job.final) {
        struct strata_line bar = {.width = 0};
        strata_progress_line(&bar, &terminal, &now);
        (void)printf("%s\n", bar.text);
    }
    print_facts(&terminal, &now);
    return STRATA_OK;
}

/* --- segments and personas ---------------------------------------------------------------------- */

strata_status strata_ctl_segments(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    bool shown = false;
    STRATA_TRY(strata_ctl_ask(session, STRATA_ASK_SEGMENTS, &memory, &answer, &shown, err));
    if (shown) return STRATA_OK;
    if (answer.segments.interim)
        (void)printf(
            "Interim: the leading candidate so far. Sizes will change; names come at the end.\n");
    strata_print_segment_table(stdout, &answer.segments);
    return STRATA_OK;
}

strata_status strata_ctl_persona(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    bool shown = false;
    const enum strata_question question =
        session->operand ? STRATA_ASK_PERSONA : STRATA_ASK_PERSONAS;
    STRATA_TRY(strata_ctl_ask(session, question, &memory, &answer, &shown, err));
    if (shown) return STRATA_OK;
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    for (size_t i = 0; i < answer.segments.n_segments; i++) {
        if (i > 0) (void)printf("\n\n");
        strata_print_persona(stdout, &terminal, &answer.segments.segment[i]);
    }
    return STRATA_OK;
}

/* --- commands ----------------------------------------------------------------------------------- */

/* Ask, and say in which iteration it took effect. */
static strata_status command(struct strata_session *session, enum strata_question question,
                             const char *before, const char *after, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    char iteration[32];
    bool shown = false;
    STRATA_TRY(strata_ctl_ask(session, question, &memory, &answer, &shown, err));
    if (shown) return STRATA_OK;
    strata_count_text(answer.iteration, iteration);
    (void)printf("%s iteration %s%s\n", before, iteration, after);
    return STRATA_OK;
}

strata_status strata_ctl_stop(struct strata_session *session, struct strata_err *err)
{
    return command(session, STRATA_ASK_STOP, "Stopped in",
                   ": the job finishes with the best model so far.", err);
}

strata_status strata_ctl_checkpoint(struct strata_session *session, struct strata_err *err)
{
    return command(session, STRATA_ASK_CHECKPOINT, "The checkpoint of",
                   " is on disk; the job goes on.", err);
}

strata_status strata_ctl_pause(struct strata_session *session, struct strata_err *err)
{
    return command(session, STRATA_ASK_PAUSE, "Paused after",
                   ", which is on disk: go on with resume, stop or cancel.", err);
}

strata_status strata_ctl_resume(struct strata_session *session, struct strata_err *err)
{
    return command(session, STRATA_ASK_RESUME, "The job goes on after", ".", err);
}

strata_status strata_ctl_cancel(struct strata_session *session, struct strata_err *err)
{
    return command(
        session, STRATA_ASK_CANCEL, "Cancelled after",
        ": there is no result; the same command goes on from a checkpoint, if there is one.", err);
}

strata_status strata_ctl_set(struct strata_session *session, struct strata_err *err)
{
    if (!session->operand)
        return STRATA_FAIL(err, STRATA_E_USAGE, "set needs KEY=VALUE; see stratactl --help");
    return command(session, STRATA_ASK_SET, "In effect from", " on.", err);
}
