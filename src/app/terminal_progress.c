/* The progress line: stage, bar, time left, and as many details as the terminal is wide. */
#include "terminal.h"

#include <math.h>

#include "strata/clock.h"

#define PHRASE_COLUMNS 19 /* the longest phrase of a stage, so that the bar stands still */

/* Append a detail when it fits; details come in order of weight. */
static void add_detail(struct strata_line *line, const struct strata_terminal *terminal,
                       const char *text)
{
    const char *between = terminal->utf8 ? " \u00B7 " : ", ";
    const int between_width = terminal->utf8 ? 3 : 2;
    if (line->width + between_width + strata_text_width(text) > terminal->columns - 1) return;
    strata_line_text(line, between, between_width, terminal->utf8);
    strata_line_text(line, text, terminal->columns, terminal->utf8);
}

static void add_details(struct strata_line *line, const struct strata_terminal *terminal,
                        const struct strata_snapshot *now)
{
    char text[128];
    char part[32], whole[32];
    if (now->remaining_s >= 0) {
        strata_duration_text(now->remaining_s, part);
        (void)snprintf(text, sizeof text, "%s left", part);
        add_detail(line, terminal, text);
    }
    if (now->state == STRATA_JOB_INGESTING && now->bytes_total > 0) {
        strata_bytes_text(now->bytes_done, part);
        strata_bytes_text(now->bytes_total, whole);
        (void)snprintf(text, sizeof text, "%s of %s", part, whole);
        add_detail(line, terminal, text);
    }
    if (now->state != STRATA_JOB_FITTING && now->state != STRATA_JOB_STOPPING) return;
    if (now->iteration > 0) {
        strata_count_text(now->iteration, part);
        (void)snprintf(text, sizeof text, "iteration %s", part);
        add_detail(line, terminal, text);
    }
    if (now->iteration > 0 && isfinite(now->objective)) {
        (void)snprintf(text, sizeof text, "objective %.5g", now->objective);
        add_detail(line, terminal, text);
    }
    if (now->candidates_total > 0) {
        (void)snprintf(text, sizeof text, "%u of %u candidates live", now->candidates_live,
                       now->candidates_total);
        add_detail(line, terminal, text);
    }
    if (now->k > 0) {
        (void)snprintf(text, sizeof text, "%u segments lead", now->k);
        add_detail(line, terminal, text);
    }
}

void strata_progress_line(struct strata_line *line, const struct strata_terminal *terminal,
                          const struct strata_snapshot *now)
{
    const double fraction = now->fraction > 0 ? (now->fraction < 1 ? now->fraction : 1) : 0;
    const int room = terminal->columns - 1;
    const int bar = terminal->columns >= 110 ? 28 : terminal->columns / 4;
    char text[32];
    strata_line_code(line, strata_tint(terminal, STRATA_TINT_STRONG));
    strata_line_left(line, strata_job_state_phrase(now->state),
                     terminal->columns >= 60 ? PHRASE_COLUMNS : terminal->columns / 3,
                     terminal->utf8);
    strata_line_code(line, strata_tint(terminal, STRATA_TINT_NONE));
    if (line->width + bar + 8 <= room) {
        strata_line_repeat(line, terminal->utf8 ? "\u2595" : "[", 1);
        strata_line_bar(line, terminal, fraction, bar);
        strata_line_repeat(line, terminal->utf8 ? "\u258F" : "]", 1);
    }
    (void)snprintf(text, sizeof text, " %3.0f%%", 100 * fraction);
    strata_line_text(line, text, room - line->width, terminal->utf8);
    add_details(line, terminal, now);
}

/* --- drawing ------------------------------------------------------------------------------------ */

static struct {
    bool drawn;                 /* a line stands on the terminal */
    bool any;                   /* a stage was told */
    enum strata_job_state told; /* the last one told to something that is no terminal */
} progress;

/* One plain line for a stage, for files and pipes. */
static void tell_stage(FILE *stream, const struct strata_snapshot *now)
{
    if ((progress.any && progress.told == now->state) || now->state == STRATA_JOB_PENDING) return;
    progress.any = true;
    progress.told = now->state;
    char count[32];
    (void)fputs(strata_job_state_phrase(now->state), stream);
    if (now->customers > 0 && !strata_job_state_is_final(now->state)) {
        strata_count_text(now->customers, count);
        (void)fprintf(stream, ": %s customers", count);
        if (now->features > 0) (void)fprintf(stream, ", %u columns", now->features);
    }
    (void)fputc('\n', stream);
    (void)fflush(stream);
}

void strata_progress_draw(FILE *stream, const struct strata_snapshot *now)
{
    const struct strata_terminal terminal = strata_terminal_of(stream);
    if (!terminal.drawn) {
        tell_stage(stream, now);
        return;
    }
    if (strata_job_state_is_final(now->state)) {
        strata_progress_end(stream);
        return;
    }
    struct strata_line line = {.width = 0};
    strata_progress_line(&line, &terminal, now);
    (void)fprintf(stream, "\r%s\033[K", line.text); /* the rest of an earlier, longer line goes */
    (void)fflush(stream);
    progress.drawn = true;
}

void strata_progress_end(FILE *stream)
{
    if (!progress.drawn) return;
    (void)fputs("\r\033[K", stream);
    (void)fflush(stream);
    progress.drawn = false;
}
