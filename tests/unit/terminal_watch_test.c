/* The picture of a watched job fits every terminal, and tells what events told. */
#include "app/terminal_watch.h"

#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

static struct strata_watch watch;
static struct strata_line line[STRATA_WATCH_LINES];

static struct strata_event event_of(enum strata_event_kind kind)
{
    return (struct strata_event){.kind = kind,
                                 .balance = (double)NAN,
                                 .state = "",
                                 .fate = "",
                                 .text = "",
                                 .incarnation = "",
                                 .job = {.job = "a job with a rather long name \u8CB4\u8CB4",
                                         .state = "FITTING",
                                         .message = "",
                                         .ending = "",
                                         .fraction = 0.4,
                                         .elapsed_s = 100,
                                         .remaining_s = 50,
                                         .remaining_high_s = 80,
                                         .limit_s = 60,
                                         .suffices_known = true,
                                         .ranks = 8,
                                         .customers = 1234567,
                                         .features = 40,
                                         .iteration = 7,
                                         .candidates_live = 60,
                                         .candidates_total = 80,
                                         .k = 5,
                                         .objective = 123.4}};
}

static void tell(struct strata_event event)
{
    strata_watch_take(&watch, &event, 1000);
}

/* A job of which everything is known. */
static void fill(void)
{
    struct strata_candidate_view candidate[64];
    for (uint32_t i = 0; i < 64; i++)
        candidate[i] = (struct strata_candidate_view){
            .k = 2 + i / 8, .start = 1 + i % 8, .objective = 1e6 / (2 + i), .iterations = i};
    strata_watch_init(&watch);
    struct strata_event event = event_of(STRATA_TOLD_SNAPSHOT);
    event.candidate = candidate;
    event.n_candidates = 64;
    event.job.objective = 1e6 / 7;
    tell(event);
    for (uint64_t i = 8; i < 3000; i++) {
        event = event_of(STRATA_TOLD_STATUS);
        event.job.iteration = i;
        event.job.objective = 1e6 / (double)i;
        tell(event);
    }
    event = event_of(STRATA_TOLD_CANDIDATE);
    event.k = 3;
    event.start = 2;
    event.fate = "dropped";
    tell(event);
    event = event_of(STRATA_TOLD_ITERATION);
    event.balance = 1.25;
    tell(event);
    event = event_of(STRATA_TOLD_CHECKPOINT);
    event.iteration = 2990;
    event.bytes = 1234567;
    tell(event);
    for (int i = 0; i < 5; i++) {
        event = event_of(STRATA_TOLD_WARNING);
        event.text = i == 4 ? "the \033[31mlast\nwarning" : "an earlier warning";
        tell(event);
    }
}

static size_t draw(int columns, int rows, bool utf8)
{
    const struct strata_terminal terminal = {.drawn = true, .utf8 = utf8, .columns = columns};
    return strata_watch_picture(&watch, &terminal, rows, 1010, line);
}

static const char *line_with(size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(line[i].text, text)) return line[i].text;
    return "";
}

Test(terminal_watch, pictures_fit_every_terminal)
{
    fill();
    for (int columns = 20; columns <= 220; columns += 3) {
        for (int rows = 5; rows <= 120; rows += 5) {
            const size_t n = draw(columns, rows, columns % 2);
            cr_assert_leq(n, (size_t)rows);
            cr_assert_gt(n, 2);
            for (size_t i = 0; i < n; i++) {
                cr_assert_lt(line[i].width, columns, "%d columns: %s", columns, line[i].text);
                cr_assert_eq(line[i].width, strata_text_width(line[i].text), "%s", line[i].text);
                cr_assert_null(strpbrk(line[i].text, "\033\n"), "not even from a warning");
            }
        }
    }
}

Test(terminal_watch, everything_that_was_told_is_shown)
{
    fill();
    const size_t n = draw(120, 40, true);
    cr_expect(strstr(line_with(n, "Time left"),
                     "about 40 s, at most 1 min 10 s; limit in 50 s, NOT enough"),
              "%s", line_with(n, "Time left"));
    cr_expect(strstr(line_with(n, "Customers"), "1,234,567 in 40 columns"));
    cr_expect(strstr(line_with(n, "Objective"), "iteration 2,999"));
    cr_expect(strstr(line_with(n, "Objective"), "\u2588"), "%s", line_with(n, "Objective"));
    cr_expect(strstr(line_with(n, "Candidates"), "60 of 80 live, 5 segments lead, 1 dropped"));
    cr_expect(strstr(line_with(n, "Ranks"), "8, the slowest takes 1.25 times the mean"));
    cr_expect(strstr(line_with(n, "Checkpoint"), "iteration 2,990, 10 s ago, 1.2 MiB"));
    cr_expect(strstr(line_with(n, "Warning"), "last?warning"), "the newest first");
    cr_expect_str_eq(line_with(n, "     3      2 "), "", "the dropped one makes room for others");
    for (uint32_t k = 2; k < 10; k++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%6u      8", k);
        cr_expect_str_not_empty(line_with(n, text), "the best of k %u", k);
    }
}

Test(terminal_watch, time_that_is_used_up_without_news_is_not_counted_below_zero)
{
    fill();
    watch.heard_s = 900;
    const size_t n = draw(120, 40, true);
    cr_expect(strstr(line_with(n, "Time left"), "longer than it seemed; limit in 0.0 s"), "%s",
              line_with(n, "Time left"));
}

Test(terminal_watch, a_restart_begins_a_new_trace_and_leaves_a_note)
{
    fill();
    struct strata_event event = event_of(STRATA_TOLD_LOST);
    event.text = "the job is gone: it no longer listens";
    tell(event);
    cr_expect_str_not_empty(line_with(draw(100, 30, true), "the job is gone"));
    event = event_of(STRATA_TOLD_SNAPSHOT);
    event.restarted = true;
    tell(event);
    const size_t n = draw(100, 30, true);
    cr_expect_str_empty(line_with(n, "the job is gone"));
    cr_expect_str_not_empty(line_with(n, "the job was started again"));
    cr_expect_leq(watch.n_trace, 1);
    cr_expect_eq(watch.n_candidates, 0);
}

Test(terminal_watch, sparklines_have_the_shape_of_their_values)
{
    const struct strata_terminal utf8 = {.drawn = true, .utf8 = true, .columns = 80};
    const struct strata_terminal ascii = {.drawn = true, .columns = 80};
    const double falling[] = {8, 7, 6, 5, 4, 3, 2, 1}, same[] = {3, 3, 3};
    struct strata_line one = {.width = 0};
    strata_line_spark(&one, &utf8, falling, 8, 8);
    cr_expect_str_eq(one.text, "\u2588\u2587\u2586\u2585\u2584\u2583\u2582\u2581");
    one = (struct strata_line){.width = 0};
    strata_line_spark(&one, &ascii, falling, 8, 4);
    cr_expect_str_eq(one.text, "#+-_", "%s", one.text);
    one = (struct strata_line){.width = 0};
    strata_line_spark(&one, &utf8, same, 3, 20);
    cr_expect_str_eq(one.text, "\u2581\u2581\u2581");
    one = (struct strata_line){.width = 0};
    strata_line_spark(&one, &utf8, same, 0, 20);
    strata_line_spark(&one, &utf8, same, 3, 0);
    cr_expect_eq(one.width, 0);
}
