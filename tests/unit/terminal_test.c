/* What is drawn never passes the terminal's edge, is aligned, and carries nothing that a terminal would obey. */
#include "app/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

static char output[65536];
static int read_end;

/* Everything that a function prints, as a pipe or file sees it, or as a terminal of columns. */
static FILE *catch_begin(const char *columns)
{
    FILE *stream = NULL;
    int ends[2];
    (void)setenv("LC_ALL", "C.UTF-8", 1);
    (void)unsetenv("OMPI_COMM_WORLD_SIZE");
    (void)unsetenv("PMIX_RANK");
    (void)unsetenv("TERM");
    if (columns)
        (void)setenv("STRATA_PROGRESS", columns, 1);
    else
        (void)unsetenv("STRATA_PROGRESS");
    cr_assert_eq(pipe(ends), 0);
    stream = fdopen(ends[1], "w");
    read_end = ends[0];
    return stream;
}

static void catch_end(FILE *stream)
{
    (void)fclose(stream);
    size_t n_bytes = 0;
    for (ssize_t n; (n = read(read_end, output + n_bytes, sizeof output - 1 - n_bytes)) > 0;)
        n_bytes += (size_t)n;
    output[n_bytes] = '\0';
    (void)close(read_end);
}

/* Take colours and cursor movements out of text. */
static void strip_codes(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        if (from[0] == '\033' && from[1] == '[') {
            from += 2;
            while (*from && strchr("0123456789;", *from)) from++;
            if (*from) from++;
            continue;
        }
        *to++ = *from++;
    }
    *to = '\0';
}

static struct strata_segments_view view_of(struct strata_segment_view *segment, size_t n)
{
    static const char *const names[] = {
        "Young discount hunters", "K\u00F6rbe \u8CB4\u8CB4", "A\033[31mred\nname",
        "A name that goes on and on until no terminal of usual width can hold it"};
    for (size_t i = 0; i < n; i++)
        segment[i] = (struct strata_segment_view){
            .id = (uint32_t)i + 1,
            .name = names[i % 4],
            .definition =
                "They buy often, in small baskets, mostly with coupons, and live near the store.",
            .size = 742 + 1000000 * i,
            .share = 1.0 / (double)(i + 2)};
    return (struct strata_segments_view){
        .job = "j", .customers = 2377, .segment = segment, .n_segments = n};
}

Test(terminal, tables_fit_every_width)
{
    struct strata_segment_view segment[8];
    const struct strata_segments_view view = view_of(segment, 8);
    for (int columns = 40; columns <= 240; columns += 7) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", columns);
        FILE *stream = catch_begin(text);
        strata_print_segment_table(stream, &view);
        catch_end(stream);
        strip_codes(output);
        char *rest = output;
        for (char *line; (line = strsep(&rest, "\n")) && *line;)
            cr_expect_leq(strata_text_width(line), columns, "%d columns: %s", columns, line);
    }
}

Test(terminal, numbers_of_a_thousand_segments_are_whole_and_weights_are_told)
{
    static struct strata_segment_view segment[1024];
    struct strata_segments_view view = view_of(segment, 8);
    for (size_t i = 0; i < 1024; i++) {
        segment[i] = segment[i % 8];
        segment[i].id = (uint32_t)i + 1;
        segment[i].definition = "";
    }
    view.n_segments = 1024;
    view.weight = "people";
    FILE *stream = tmpfile();
    cr_assert_not_null(stream);
    strata_print_segment_table(stream, &view);
    rewind(stream);
    size_t n_lines = 0;
    char line[512];
    while (fgets(line, sizeof line, stream)) {
        if (n_lines >= 1 && n_lines <= 1024) cr_assert_eq(strtoul(line, NULL, 10), n_lines);
        n_lines++;
    }
    cr_assert_str_eq(line, "Shares are weighted by \"people\".\n");
    cr_assert_eq(n_lines, 1026);
    (void)fclose(stream);
}

Test(terminal, columns_of_a_table_stand_under_each_other)
{
    struct strata_segment_view segment[4];
    const struct strata_segments_view view = view_of(segment, 4);
    FILE *stream = catch_begin("100");
    strata_print_segment_table(stream, &view);
    catch_end(stream);
    strip_codes(output);
    int where = -1;
    char *rest = output;
    (void)strsep(&rest, "\n");
    size_t n_rows = 0;
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        char *percent = strchr(line, '%');
        if (!percent) { /* who they are, below */
            cr_expect_eq(strspn(line, " "), 4, "%s", line);
            continue;
        }
        n_rows++;
        *percent = '\0';
        if (where < 0) where = strata_text_width(line);
        cr_expect_eq(strata_text_width(line), where, "%s", line);
    }
    cr_expect_eq(n_rows, 4);
}

Test(terminal, who_they_are_stands_beside_where_there_is_room_and_below_where_there_is_not)
{
    struct strata_segment_view segment[2];
    const struct strata_segments_view view = view_of(segment, 2);
    FILE *stream = catch_begin("160");
    strata_print_segment_table(stream, &view);
    catch_end(stream);
    strip_codes(output);
    cr_expect_not_null(strstr(output, "  They buy often, in small baskets, mostly with coupons, and "
                                      "live near the store.\n"));
    stream = catch_begin("60");
    strata_print_segment_table(stream, &view);
    catch_end(stream);
    strip_codes(output);
    cr_expect_not_null(
        strstr(output, "\n    They buy often, in small baskets, mostly with coupons \u2026\n"),
        "%s", output);
}

Test(terminal, reasons_of_a_customer_stand_beside_their_shares_at_every_width)
{
    const struct strata_customer_view customer = {
        .segment = 2,
        .runner_up = 5,
        .name = "Loyal big\tbaskets \u8CB4",
        .runner_up_name = "Lapsed shoppers",
        .sureness = "62% nearer to their centre than to that of Lapsed shoppers",
        .reason = {{"visits", "visits a year: 31; Loyal 28 on average, Lapsed 3.1", 0.62},
                   {"spend", "spend: $1,204; Loyal $1,100 on average, Lapsed $310", 0.08}},
        .n_reasons = 2};
    char columns_text[8];
    for (int columns = 30; columns <= 200; columns += 7) {
        (void)snprintf(columns_text, sizeof columns_text, "%d", columns);
        FILE *stream = catch_begin(columns_text);
        const struct strata_terminal terminal = strata_terminal_of(stream);
        strata_print_customer(stream, &terminal, &customer);
        catch_end(stream);
        strip_codes(output);
        cr_expect(strstr(output, "\n   62%  visits") && strstr(output, "\n    8%  spend"), "%s",
                  output);
        cr_expect_null(strchr(output, '\t'));
        char *rest = output;
        for (char *line; (line = strsep(&rest, "\n"));)
            cr_expect_leq(strata_text_width(line), columns, "%d columns: %s", columns, line);
    }
}

Test(terminal, a_pipe_gets_no_codes_and_no_cuts)
{
    struct strata_segment_view segment[4];
    const struct strata_segments_view view = view_of(segment, 4);
    FILE *stream = catch_begin(NULL);
    strata_print_segment_table(stream, &view);
    catch_end(stream);
    cr_expect_null(strchr(output, '\033'), "not even one from a name");
    cr_expect_not_null(strstr(output, "until no terminal of usual width can hold it"));
    cr_expect_not_null(strstr(output, "and live near the store."));
}

Test(terminal, no_colour_is_honoured)
{
    struct strata_segment_view segment[2];
    const struct strata_segments_view view = view_of(segment, 2);
    (void)setenv("NO_COLOR", "1", 1);
    FILE *stream = catch_begin("100");
    strata_print_segment_table(stream, &view);
    catch_end(stream);
    (void)unsetenv("NO_COLOR");
    cr_expect_null(strchr(output, '\033'));
}

Test(terminal, under_a_launcher_only_its_word_counts)
{
    FILE *stream = catch_begin(NULL);
    (void)setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    cr_expect_not(strata_terminal_of(stream).drawn);
    (void)setenv("STRATA_PROGRESS", "77", 1);
    cr_expect(strata_terminal_of(stream).drawn);
    cr_expect_eq(strata_terminal_of(stream).columns, 77);
    (void)setenv("STRATA_PROGRESS", "nonsense", 1);
    cr_expect_not(strata_terminal_of(stream).drawn);
    (void)unsetenv("OMPI_COMM_WORLD_SIZE");
    catch_end(stream);
}

Test(terminal, progress_lines_fit_every_width_and_state)
{
    for (int columns = 20; columns <= 200; columns += 3) {
        for (int state = 0; state < STRATA_JOB_STATE_COUNT; state++) {
            const struct strata_terminal terminal = {
                .drawn = true, .utf8 = columns % 2, .columns = columns};
            const struct strata_snapshot now = {.state = (enum strata_job_state)state,
                                                .fraction = 0.37,
                                                .remaining_s = 5000,
                                                .bytes_done = 1234567,
                                                .bytes_total = 987654321,
                                                .iteration = 123456,
                                                .objective = 1.23456e7,
                                                .candidates_live = 70,
                                                .candidates_total = 4096,
                                                .k = 64};
            struct strata_line line = {.width = 0};
            strata_progress_line(&line, &terminal, &now);
            cr_expect_lt(line.width, columns, "%d: %s", columns, line.text);
            cr_expect_eq(line.width, strata_text_width(line.text), "%s", line.text);
        }
    }
}

Test(terminal, progress_in_a_file_is_one_line_for_each_stage)
{
    FILE *stream = catch_begin(NULL);
    struct strata_snapshot now = {.state = STRATA_JOB_INGESTING, .remaining_s = -1};
    for (int i = 0; i < 10; i++) strata_progress_draw(stream, &now);
    now.state = STRATA_JOB_FITTING;
    now.customers = 2377;
    for (int i = 0; i < 10; i++) strata_progress_draw(stream, &now);
    now.state = STRATA_JOB_DONE;
    strata_progress_draw(stream, &now);
    catch_end(stream);
    cr_expect_str_eq(output, "Reading customers\nFinding segments: 2,377 customers\nDone\n");
}

Test(terminal, progress_on_a_terminal_erases_itself)
{
    FILE *stream = catch_begin("80");
    struct strata_snapshot now = {.state = STRATA_JOB_FITTING, .remaining_s = 5};
    for (int i = 0; i < 3; i++) strata_progress_draw(stream, &now);
    now.state = STRATA_JOB_DONE;
    strata_progress_draw(stream, &now);
    strata_progress_end(stream);
    catch_end(stream);
    cr_expect_null(strchr(output, '\n'));
    const size_t n_bytes = strlen(output);
    cr_assert_gt(n_bytes, 4);
    cr_expect_str_eq(output + n_bytes - 4, "\r\033[K");
}

Test(terminal, bars_grow_with_their_share)
{
    const struct strata_terminal terminal = {.drawn = true, .utf8 = true, .columns = 80};
    for (int columns = 1; columns <= 30; columns++) {
        for (int i = -1; i <= 101; i++) {
            struct strata_line line = {.width = 0};
            strata_line_bar(&line, &terminal, i / 100.0, columns);
            cr_assert_eq(line.width, columns);
            cr_assert_eq(strata_text_width(line.text), columns);
        }
    }
    struct strata_line nothing = {.width = 0}, everything = {.width = 0};
    strata_line_bar(&nothing, &terminal, 0, 4);
    strata_line_bar(&everything, &terminal, 1, 4);
    cr_expect_str_eq(nothing.text, "    ");
    cr_expect_str_eq(everything.text, "\u2588\u2588\u2588\u2588");
}

Test(terminal, counts_and_bytes_read_well)
{
    char text[32];
    strata_count_text(0, text);
    cr_expect_str_eq(text, "0");
    strata_count_text(999, text);
    cr_expect_str_eq(text, "999");
    strata_count_text(1000, text);
    cr_expect_str_eq(text, "1,000");
    strata_count_text(UINT64_MAX, text);
    cr_expect_str_eq(text, "18,446,744,073,709,551,615");
    strata_bytes_text(1023, text);
    cr_expect_str_eq(text, "1023 B");
    strata_bytes_text(1536, text);
    cr_expect_str_eq(text, "1.5 KiB");
}

Test(terminal, text_is_cut_at_characters_and_cleaned)
{
    struct strata_line line = {.width = 0};
    strata_line_text(&line, "K\u00F6rbe", 4, true);
    cr_expect_str_eq(line.text, "K\u00F6r\u2026");
    line = (struct strata_line){.width = 0};
    strata_line_text(&line, "\u8CB4\u8CB4\u8CB4", 4, true);
    cr_expect_str_eq(line.text, "\u8CB4\u2026");
    line = (struct strata_line){.width = 0};
    strata_line_text(&line, "a\tb\x1b[0m\xff\xc2\x9b", 20, true);
    cr_expect_str_eq(line.text, "a?b?[0m??");
    line = (struct strata_line){.width = 0};
    strata_line_text(&line, "K\u00F6rbe", 10, false);
    cr_expect_str_eq(line.text, "K?rbe");
    line = (struct strata_line){.width = 0};
    strata_line_words(&line, "They come often (29), spend", 21, true);
    cr_expect_str_eq(line.text, "They come often \u2026");
    line = (struct strata_line){.width = 0};
    strata_line_words(&line, "Donaudampfschifffahrt", 6, true);
    cr_expect_str_eq(line.text, "Donau\u2026");
    line = (struct strata_line){.width = 0};
    for (int i = 0; i < 10000; i++) strata_line_text(&line, "0123456789", 10, true);
    cr_expect_lt(line.n_bytes, sizeof line.text, "a full line stays whole");
}
