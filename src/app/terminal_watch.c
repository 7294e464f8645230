/* The picture of a watched job: state and bar, time left, objective, candidates, ranks, checkpoint, warnings. */
#include "terminal_watch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"

#define NAME_COLUMNS 12
#define NARROW 36                               /* columns */
#define LINES_BELOW (2 + STRATA_WATCH_WARNINGS) /* that candidates leave to the others */

struct strata_snapshot strata_snapshot_of(const struct strata_job_view *job)
{
    struct strata_snapshot now = {
        .state = STRATA_JOB_PENDING,
        .elapsed_s = job->elapsed_s,
        .fraction = job->fraction,
        .remaining_s = job->remaining_s,
        .ranks = (int)job->ranks,
        .bytes_done = job->bytes_done,
        .bytes_total = job->bytes_total,
        .customers = job->customers,
        .features = job->features,
        .iteration = job->iteration,
        .candidates_live = job->candidates_live,
        .candidates_total = job->candidates_total,
        .k = job->k,
        .objective = job->objective,
    };
    for (int state = 0; state < STRATA_JOB_STATE_COUNT; state++)
        if (strcmp(strata_job_state_word((enum strata_job_state)state), job->state) == 0)
            now.state = (enum strata_job_state)state;
    (void)snprintf(now.job, sizeof now.job, "%s", job->job); /* longer texts are cut */
    (void)snprintf(now.message, sizeof now.message, "%s", job->message);
    (void)snprintf(now.ending, sizeof now.ending, "%s", job->ending ? job->ending : "");
    return now;
}

/* --- taking events ------------------------------------------------------------------------------ */

void strata_watch_init(struct strata_watch *watch)
{
    *watch = (struct strata_watch){.remaining_high_s = -1,
                                   .limit_s = -1,
                                   .stride = 1,
                                   .balance = (double)NAN,
                                   .now = {.remaining_s = -1, .objective = (double)NAN}};
}

/* One more value; when there is no room, every second one goes. */
static void add_to_trace(struct strata_watch *watch, double objective)
{
    if (!isfinite(objective)) return;
    if (watch->n_trace > 0 && ++watch->skipped < watch->stride) return;
    watch->skipped = 0;
    if (watch->n_trace == STRATA_WATCH_TRACE) {
        for (size_t i = 0; i < STRATA_WATCH_TRACE / 2; i++) watch->trace[i] = watch->trace[2 * i];
        watch->n_trace = STRATA_WATCH_TRACE / 2;
        watch->stride *= 2;
    }
    watch->trace[watch->n_trace++] = objective;
}

static void take_job(struct strata_watch *watch, const struct strata_job_view *job, double now_s)
{
    const uint64_t before = watch->now.iteration;
    watch->now = strata_snapshot_of(job);
    watch->remaining_high_s = job->remaining_high_s;
    watch->limit_s = job->limit_s;
    watch->suffices_known = job->suffices_known;
    watch->suffices = job->suffices;
    watch->heard_s = now_s;
    if (job->iteration > before) add_to_trace(watch, job->objective);
}

/* The candidate's place by k, then start; a new one when there is none yet and there is room. */
static struct strata_watch_candidate *candidate_at(struct strata_watch *watch, uint32_t k,
                                                   uint32_t start)
{
    size_t i = 0;
    while (i < watch->n_candidates &&
           (watch->candidate[i].k < k ||
            (watch->candidate[i].k == k && watch->candidate[i].start < start)))
        i++;
    struct strata_watch_candidate *at = &watch->candidate[i];
    if (i < watch->n_candidates && at->k == k && at->start == start) return at;
    if (watch->n_candidates == STRATA_WATCH_CANDIDATES) return NULL;
    memmove(at + 1, at, (watch->n_candidates - i) * sizeof *at);
    watch->n_candidates++;
    *at = (struct strata_watch_candidate){.k = k, .start = start, .objective = (double)NAN};
    return at;
}

static void forget_dropped(struct strata_watch *watch)
{
    size_t n = 0;
    for (size_t i = 0; i < watch->n_candidates; i++)
        if (strcmp(watch->candidate[i].fate, "dropped") != 0)
            watch->candidate[n++] = watch->candidate[i];
    watch->n_candidates = n;
}

static void take_candidates(struct strata_watch *watch, const struct strata_event *event)
{
    for (size_t i = 0; i < event->n_candidates; i++) {
        const struct strata_candidate_view *told = &event->candidate[i];
        struct strata_watch_candidate *at = candidate_at(watch, told->k, told->start);
        if (!at) continue;
        at->objective = told->objective;
        at->iterations = told->iterations;
        at->fate[0] = '\0';
    }
}

static void take_fate(struct strata_watch *watch, const struct strata_event *event)
{
    if (strcmp(event->fate, "dropped") == 0) watch->n_dropped++;
    if (watch->n_candidates == STRATA_WATCH_CANDIDATES) forget_dropped(watch);
    struct strata_watch_candidate *at = candidate_at(watch, event->k, event->start);
    if (at) (void)snprintf(at->fate, sizeof at->fate, "%s", event->fate); /* the words are short */
}

static void take_warning(struct strata_watch *watch, const char *text)
{
    memmove(watch->warning[1], watch->warning[0],
            (STRATA_WATCH_WARNINGS - 1) * sizeof watch->warning[0]);
    (void)snprintf(watch->warning[0], sizeof watch->warning[0], "%s", text); /* a cut is fine */
    if (watch->n_warnings < STRATA_WATCH_WARNINGS) watch->n_warnings++;
}

static void begin_anew(struct strata_watch *watch, const struct strata_event *event)
{
    watch->n_candidates = watch->n_dropped = 0;
    if (event->restarted) {
        watch->n_trace = watch->skipped = 0;
        watch->stride = 1;
        watch->balance = (double)NAN;
        watch->now.iteration = 0;
        (void)snprintf(watch->note, sizeof watch->note, "the job was started again");
    }
}

void strata_watch_take(struct strata_watch *watch, const struct strata_event *event, double now_s)
{
    const enum strata_event_kind kind = event->kind;
    if (kind == STRATA_TOLD_LOST) {
        watch->is_lost = true;
        (void)snprintf(watch->note, sizeof watch->note, "%s", event->text); /* a cut is fine */
        return;
    }
    if (kind == STRATA_TOLD_NONE) return;
    if (watch->is_lost) watch->note[0] = '\0';
    watch->is_lost = false;
    if (kind == STRATA_TOLD_SNAPSHOT) begin_anew(watch, event);
    if (kind == STRATA_TOLD_SNAPSHOT || kind == STRATA_TOLD_STATUS)
        take_job(watch, &event->job, now_s);
    if (kind == STRATA_TOLD_SNAPSHOT || kind == STRATA_TOLD_ITERATION)
        take_candidates(watch, event);
    if (kind == STRATA_TOLD_ITERATION && isfinite(event->balance)) watch->balance = event->balance;
    if (kind == STRATA_TOLD_CANDIDATE) take_fate(watch, event);
    if (kind == STRATA_TOLD_WARNING) take_warning(watch, event->text);
    if (kind != STRATA_TOLD_CHECKPOINT) return;
    watch->has_checkpoint = true;
    watch->checkpoint_iteration = event->iteration;
    watch->checkpoint_bytes = event->bytes;
    watch->checkpoint_s = now_s;
}

/* --- drawing ------------------------------------------------------------------------------------ */

void strata_line_spark(struct strata_line *line, const struct strata_terminal *terminal,
                       const double *value, size_t n, int columns)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const ascii[] = {"_", ".", ",", "-", "=", "+", "*", "#"};
    const size_t shown = n < (size_t)(columns > 0 ? columns : 0) ? n : (size_t)columns;
    if (columns <= 0 || n == 0) return;
    double low = value[0], high = value[0];
    for (size_t i = 0; i < n; i++) {
        low = value[i] < low ? value[i] : low;
        high = value[i] > high ? value[i] : high;
    }
    strata_line_code(line, strata_tint(terminal, STRATA_TINT_BAR));
    for (size_t i = 0; i < shown; i++) {
        const double at = value[shown < 2 ? n - 1 : i * (n - 1) / (shown - 1)];
        const double height = high > low ? (at - low) / (high - low) : 0;
        const size_t step = (size_t)(height * 7 + 0.5);
        strata_line_repeat(line, terminal->utf8 ? blocks[step] : ascii[step], 1);
    }
    strata_line_code(line, strata_tint(terminal, STRATA_TINT_NONE));
}

/* Lines under construction. */
struct picture {
    const struct strata_terminal *terminal;
    struct strata_line *line;
    size_t n, most;
    int room; /* columns of a line */
};

static struct strata_line *line_new(struct picture *picture)
{
    if (picture->n >= picture->most) return NULL;
    struct strata_line *line = &picture->line[picture->n++];
    line->width = 0;
    line->n_bytes = 0;
    line->text[0] = '\0';
    return line;
}

static void add_text(const struct picture *picture, struct strata_line *line, const char *text)
{
    strata_line_text(line, text, picture->room - line->width, picture->terminal->utf8);
}

/* A line that begins with what it is about; NULL when there is no room. */
static struct strata_line *fact_new(struct picture *picture, const char *name)
{
    struct strata_line *line = line_new(picture);
    if (!line) return NULL;
    strata_line_code(line, strata_tint(picture->terminal, STRATA_TINT_DIM));
    strata_line_left(line, name, picture->room < 60 ? NAME_COLUMNS - 1 : NAME_COLUMNS, true);
    strata_line_code(line, strata_tint(picture->terminal, STRATA_TINT_NONE));
    return line;
}

static void add_fact(struct picture *picture, const char *name, const char *text)
{
    struct strata_line *line = fact_new(picture, name);
    if (line) add_text(picture, line, text);
}

static void draw_head(struct picture *picture, const struct strata_watch *watch, double elapsed_s)
{
    struct strata_line *line = line_new(picture);
    char elapsed[32];
    strata_duration_text(elapsed_s, elapsed);
    const int width = strata_text_width(elapsed);
    const char *phrase = strata_job_state_phrase(watch->now.state);
    if (!line) return;
    strata_line_code(line, strata_tint(picture->terminal, STRATA_TINT_STRONG));
    strata_line_text(line, watch->now.job, picture->room - width - strata_text_width(phrase) - 4,
                     picture->terminal->utf8);
    strata_line_code(line, strata_tint(picture->terminal, STRATA_TINT_NONE));
    strata_line_repeat(line, " ", 2);
    add_text(picture, line, phrase);
    strata_line_repeat(line, " ", picture->room - line->width - width);
    add_text(picture, line, elapsed);
}

static void draw_bar(struct picture *picture, const struct strata_watch *watch)
{
    struct strata_line *line = line_new(picture);
    const double fraction = watch->now.fraction;
    char percent[16];
    (void)snprintf(percent, sizeof percent, " %3.0f%%",
                   100 * (fraction > 0 ? (fraction < 1 ? fraction : 1) : 0));
    if (!line) return;
    strata_line_repeat(line, picture->terminal->utf8 ? "\u2595" : "[", 1);
    strata_line_bar(line, picture->terminal, fraction, picture->room - 7);
    strata_line_repeat(line, picture->terminal->utf8 ? "\u258F" : "]", 1);
    add_text(picture, line, percent);
}

/* "about 2 min 10 s, at most 3 min; 12 min until the limit, which suffices" */
static void draw_time(struct picture *picture, const struct strata_watch *watch, double passed_s)
{
    char text[256], part[32], most[32], limit[32];
    const double left_s = watch->now.remaining_s - passed_s;
    const double most_s = watch->remaining_high_s - passed_s;
    size_t n = 0;
    if (watch->now.remaining_s < 0) {
        n += (size_t)snprintf(text, sizeof text, "not yet known");
    } else if (left_s <= 0) {
        n += (size_t)snprintf(text, sizeof text, "longer than it seemed");
    } else {
        strata_duration_text(left_s, part);
        n += (size_t)snprintf(text, sizeof text, "about %s", part);
        strata_duration_text(most_s, most);
        if (watch->remaining_high_s > watch->now.remaining_s)
            n += (size_t)snprintf(text + n, sizeof text - n, ", at most %s", most);
    }
    if (watch->limit_s >= 0) {
        const double until_s = watch->limit_s - passed_s;
        strata_duration_text(until_s > 0 ? until_s : 0, limit);
        (void)snprintf(text + n, sizeof text - n, "; limit in %s%s", limit,
                       !watch->suffices_known ? ""
                       : watch->suffices      ? ", enough"
                                              : ", NOT enough");
    }
    struct strata_line *line = fact_new(picture, "Time left");
    if (!line) return;
    const bool is_bad = watch->suffices_known && !watch->suffices;
    if (is_bad) strata_line_code(line, strata_tint(picture->terminal, STRATA_TINT_BAD));
    add_text(picture, line, text);
    strata_line_code(line, strata_tint(picture->terminal, STRATA_TINT_NONE));
}

static void draw_reading(struct picture *picture, const struct strata_watch *watch)
{
    char text[128], part[32], whole[32];
    if (watch->now.state == STRATA_JOB_INGESTING && watch->now.bytes_total > 0) {
        strata_bytes_text(watch->now.bytes_done, part);
        strata_bytes_text(watch->now.bytes_total, whole);
        (void)snprintf(text, sizeof text, "%s of %s", part, whole);
        add_fact(picture, "Read", text);
    }
    if (watch->now.customers == 0) return;
    strata_count_text(watch->now.customers, part);
    (void)snprintf(text, sizeof text, "%s in %u columns", part, watch->now.features);
    add_fact(picture, "Customers", text);
}

static void draw_objective(struct picture *picture, const struct strata_watch *watch)
{
    char text[96], count[32];
    if (watch->now.iteration == 0) return;
    struct strata_line *line = fact_new(picture, "Objective");
    if (!line) return;
    strata_count_text(watch->now.iteration, count);
    if (isfinite(watch->now.objective))
        (void)snprintf(text, sizeof text, "%.5g  iteration %s", watch->now.objective, count);
    else
        (void)snprintf(text, sizeof text, "iteration %s", count);
    const int spark = picture->room - line->width - strata_text_width(text) - 2;
    if (spark >= 5 && watch->n_trace > 0) {
        strata_line_spark(line, picture->terminal, watch->trace, watch->n_trace, spark);
        strata_line_repeat(line, " ", 2);
    }
    add_text(picture, line, text);
}

/* --- candidates --------------------------------------------------------------------------------- */

static bool is_live(const struct strata_watch_candidate *candidate)
{
    return candidate->fate[0] == '\0';
}

/* Whether a is to be shown rather than b: the best of its k first, then live ones, then the smaller objective. */
static bool goes_before(const struct strata_watch_candidate *a, bool a_leads,
                        const struct strata_watch_candidate *b, bool b_leads)
{
    if (a_leads != b_leads) return a_leads;
    if (is_live(a) != is_live(b)) return is_live(a);
    if (isfinite(a->objective) != isfinite(b->objective)) return isfinite(a->objective);
    return a->objective < b->objective;
}

static bool leads(const struct strata_watch *watch, size_t i)
{
    const struct strata_watch_candidate *one = &watch->candidate[i];
    if (!isfinite(one->objective) || strcmp(one->fate, "dropped") == 0) return false;
    for (size_t j = 0; j < watch->n_candidates; j++) {
        const struct strata_watch_candidate *other = &watch->candidate[j];
        if (j == i || other->k != one->k || strcmp(other->fate, "dropped") == 0) continue;
        if (other->objective < one->objective || (other->objective <= one->objective && j < i))
            return false;
    }
    return true;
}

/* Which candidates have room: is_shown (n_candidates). */
static void choose_shown(const struct strata_watch *watch, size_t room, bool *is_shown)
{
    bool lead[STRATA_WATCH_CANDIDATES];
    for (size_t i = 0; i < watch->n_candidates; i++) lead[i] = leads(watch, i);
    for (size_t i = 0; i < watch->n_candidates; i++) {
        size_t n_before = 0;
        for (size_t j = 0; j < watch->n_candidates; j++) {
            const bool before =
                goes_before(&watch->candidate[j], lead[j], &watch->candidate[i], lead[i]);
            const bool after =
                goes_before(&watch->candidate[i], lead[i], &watch->candidate[j], lead[j]);
            n_before += before || (!after && j < i);
        }
        is_shown[i] = n_before < room;
    }
}

/* How a candidate stands beside the best: 1 for the best, towards 0 for worse ones. */
static double beside_best(const struct strata_watch *watch, double objective)
{
    double best = HUGE_VAL, worst = -HUGE_VAL;
    for (size_t i = 0; i < watch->n_candidates; i++) {
        const double other = watch->candidate[i].objective;
        if (!isfinite(other)) continue;
        best = other < best ? other : best;
        worst = other > worst ? other : worst;
    }
    if (!isfinite(objective)) return 0;
    if (best > 0) return best / objective;
    return worst > best ? (worst - objective) / (worst - best) : 1;
}

static void draw_candidate(struct picture *picture, const struct strata_watch *watch,
                           const struct strata_watch_candidate *candidate)
{
    struct strata_line *line = line_new(picture);
    char text[48];
    if (!line) return;
    if (!is_live(candidate))
        strata_line_code(line, strata_tint(picture->terminal, STRATA_TINT_DIM));
    const bool narrow = picture->room < NARROW;
    (void)snprintf(text, sizeof text, "%u", candidate->k);
    strata_line_right(line, text, narrow ? 4 : 6, true);
    (void)snprintf(text, sizeof text, "%u", candidate->start);
    strata_line_right(line, text, narrow ? 4 : 7, true);
    if (isfinite(candidate->objective))
        (void)snprintf(text, sizeof text, "%.5g", candidate->objective);
    else
        (void)snprintf(text, sizeof text, "-");
    strata_line_right(line, text, narrow ? 11 : 13, true);
    const int bar = picture->room - line->width - 2 - 2 - 10;
    if (bar >= 6) {
        strata_line_repeat(line, " ", 2);
        strata_line_bar(line, picture->terminal, beside_best(watch, candidate->objective),
                        bar < 60 ? bar : 60);
    }
    if (line->width + 4 <= picture->room) strata_line_repeat(line, " ", 2);
    if (is_live(candidate) && picture->room >= 60)
        (void)snprintf(text, sizeof text, "%llu it.", (unsigned long long)candidate->iterations);
    else
        (void)snprintf(text, sizeof text, "%s", candidate->fate);
    add_text(picture, line, text);
    strata_line_code(line, strata_tint(picture->terminal, STRATA_TINT_NONE));
}

static void draw_candidates(struct picture *picture, const struct strata_watch *watch)
{
    char text[160];
    bool is_shown[STRATA_WATCH_CANDIDATES];
    if (watch->now.candidates_total == 0) return;
    size_t n = (size_t)snprintf(text, sizeof text, "%u of %u live", watch->now.candidates_live,
                                watch->now.candidates_total);
    if (watch->now.k > 0)
        n += (size_t)snprintf(text + n, sizeof text - n, ", %u segments lead", watch->now.k);
    if (watch->n_dropped > 0)
        (void)snprintf(text + n, sizeof text - n, ", %zu dropped", watch->n_dropped);
    add_fact(picture, "Candidates", text);
    if (watch->n_candidates == 0 || picture->most < picture->n + LINES_BELOW + 2) return;
    const size_t room = picture->most - picture->n - LINES_BELOW - 1;
    struct strata_line *head = line_new(picture);
    if (!head) return;
    strata_line_code(head, strata_tint(picture->terminal, STRATA_TINT_DIM));
    add_text(picture, head,
             picture->room < NARROW ? "   k  st  objective"
                                    : "     k  start    objective  beside the best");
    strata_line_code(head, strata_tint(picture->terminal, STRATA_TINT_NONE));
    choose_shown(watch, room, is_shown);
    for (size_t i = 0; i < watch->n_candidates; i++)
        if (is_shown[i]) draw_candidate(picture, watch, &watch->candidate[i]);
}

/* --- the rest ----------------------------------------------------------------------------------- */

static void draw_ranks(struct picture *picture, const struct strata_watch *watch)
{
    char text[96];
    if (watch->now.ranks <= 0) return;
    if (isfinite(watch->balance) && watch->balance > 0)
        (void)snprintf(text, sizeof text, "%d, the slowest takes %.2f times the mean",
                       watch->now.ranks, watch->balance);
    else
        (void)snprintf(text, sizeof text, "%d", watch->now.ranks);
    add_fact(picture, "Ranks", text);
}

static void draw_checkpoint(struct picture *picture, const struct strata_watch *watch, double now_s)
{
    char text[160], count[32], ago[32], size[32];
    if (!watch->has_checkpoint) return;
    strata_count_text(watch->checkpoint_iteration, count);
    strata_duration_text(now_s - watch->checkpoint_s, ago);
    strata_bytes_text(watch->checkpoint_bytes, size);
    (void)snprintf(text, sizeof text, "iteration %s, %s ago, %s", count, ago, size);
    add_fact(picture, "Checkpoint", text);
}

size_t strata_watch_picture(const struct strata_watch *watch, const struct strata_terminal *terminal,
                            int rows, double now_s, struct strata_line *line)
{
    const size_t most = rows > 4 ? (size_t)rows - 1 : 4;
    struct picture picture = {.terminal = terminal,
                              .line = line,
                              .most = most < STRATA_WATCH_LINES ? most : STRATA_WATCH_LINES,
                              .room = terminal->columns - 1};
    const bool runs = !strata_job_state_is_final(watch->now.state) && !watch->is_lost;
    const double passed_s = runs && watch->heard_s > 0 ? now_s - watch->heard_s : 0;
    draw_head(&picture, watch, watch->now.elapsed_s + passed_s);
    draw_bar(&picture, watch);
    if (watch->note[0]) add_fact(&picture, watch->is_lost ? "Lost" : "Note", watch->note);
    draw_time(&picture, watch, passed_s);
    draw_reading(&picture, watch);
    draw_objective(&picture, watch);
    draw_candidates(&picture, watch);
    draw_ranks(&picture, watch);
    draw_checkpoint(&picture, watch, now_s);
    for (size_t i = 0; i < watch->n_warnings; i++)
        add_fact(&picture, i == 0 ? "Warning" : "", watch->warning[i]);
    return picture.n;
}
