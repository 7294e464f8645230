/* strata report: a finished run's page again, or its personas as Markdown, to paste. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "strata/file.h"
#include "strata/record.h"
#include "strata/results.h"
#include "strata_app.h"
#include "terminal_text.h"

/* --- Markdown ----------------------------------------------------------------------------------- */

/* Text from outside, on one line and without a meaning of its own. */
static void put(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (strchr("\\`*_[]<>#|~&", *at)) (void)putchar('\\');
        (void)putchar((unsigned char)*at < 0x20 ? ' ' : *at);
    }
}

static void put_cell(const char *text)
{
    (void)fputs("| ", stdout);
    put(text);
    (void)putchar(' ');
}

static void print_table(const struct strata_segments_view *view)
{
    char count[32];
    (void)printf("| Segment | Customers | Share | Who they are |\n| --- | ---: | ---: | --- |\n");
    for (size_t i = 0; i < view->n_segments; i++) {
        const struct strata_segment_view *segment = &view->segment[i];
        strata_count_text(segment->size, count);
        put_cell(segment->name);
        (void)printf("| %s | %.1f%% ", count, 100 * segment->share);
        put_cell(segment->definition);
        (void)printf("|\n");
    }
}

/* What is weighed, in the order of the table. */
struct effort_column {
    const char *title;
    size_t at; /* offset of its index */
};
static const struct effort_column effort_columns[] = {
    {"Size", offsetof(struct strata_effort_view, size)},
    {"Value", offsetof(struct strata_effort_view, value)},
    {"Growth", offsetof(struct strata_effort_view, growth)},
    {"Reach", offsetof(struct strata_effort_view, reach)}};
enum { EFFORT_COLUMNS = sizeof effort_columns / sizeof effort_columns[0], GROWTH = 2 };

static double index_of(const struct strata_segment_view *segment, size_t column)
{
    double index = 0;
    memcpy(&index, (const char *)&segment->effort + effort_columns[column].at, sizeof index);
    return index;
}

static void print_effort(const struct strata_segment_view *segment, const bool *known)
{
    put_cell(segment->name);
    for (size_t c = 0; c < EFFORT_COLUMNS; c++) {
        const double index = index_of(segment, c);
        if (known[c] && isnan(index)) (void)printf("| \xe2\x80\x93 ");
        if (known[c] && !isnan(index)) (void)printf("| %.0f ", index);
    }
    (void)printf("| %.2f |\n", segment->effort.score);
}

/* Best first; nothing where no more than their sizes is known, which are told elsewhere. */
static void print_efforts(const struct strata_segments_view *view)
{
    bool known[EFFORT_COLUMNS] = {false};
    size_t n_known = 0;
    for (size_t i = 0; i < view->n_segments; i++)
        for (size_t c = 0; c < EFFORT_COLUMNS; c++)
            known[c] = known[c] || !isnan(index_of(&view->segment[i], c));
    for (size_t c = 0; c < EFFORT_COLUMNS; c++) n_known += known[c];
    if (view->n_segments < 2 || n_known < 2) return;
    (void)printf("\n| Segment ");
    for (size_t c = 0; c < EFFORT_COLUMNS; c++)
        if (known[c]) (void)printf("| %s ", effort_columns[c].title);
    (void)printf("| Attractiveness |\n| --- ");
    for (size_t c = 0; c < EFFORT_COLUMNS; c++)
        if (known[c]) (void)printf("| ---: ");
    (void)printf("| ---: |\n");
    for (uint32_t rank = 1; rank <= view->n_segments; rank++)
        for (size_t i = 0; i < view->n_segments; i++)
            if (view->segment[i].effort.rank == rank) print_effort(&view->segment[i], known);
    (void)printf(
        "\nAttractiveness goes from 0 to 1, a half is average; the others are indices, 100 is "
        "the average of all.%s\n",
        known[GROWTH] ? ""
                      : " Growth is not known, as the data have no periods to compare, "
                        "and counts for nothing.");
}

static void print_entry(const struct strata_entry_view *entry)
{
    (void)printf("- ");
    if (entry->lead[0]) {
        (void)printf("**");
        put(entry->lead);
        (void)printf(entry->text[0] ? "**: " : "**");
    }
    put(entry->text);
    if (!isnan(entry->index)) (void)printf(" (index %.0f)", entry->index);
    if (entry->count) {
        char count[32];
        strata_count_text(entry->count, count);
        (void)printf(" (%s customer%s)", count, entry->count == 1 ? "" : "s");
    }
    (void)printf("\n");
}

static void print_segment(const struct strata_segment_view *segment)
{
    (void)printf("\n## ");
    put(segment->name);
    (void)printf("\n\n");
    put(segment->definition);
    (void)printf("\n");
    if (segment->name_origin) {
        (void)printf("\n");
        put(segment->name_origin);
        (void)printf("\n");
    }
    if (segment->rule) {
        (void)printf("\n**Recognised by**: ");
        put(segment->rule);
        (void)printf(" (finds %.0f%% of them, right in %.0f%%).\n", 100 * segment->coverage,
                     100 * segment->precision);
    }
    for (size_t i = 0; i < segment->n_parts; i++) {
        (void)printf("\n### ");
        put(segment->part[i].title);
        (void)printf("\n\n");
        for (size_t j = 0; j < segment->part[i].n_entries; j++)
            print_entry(&segment->part[i].entry[j]);
    }
}

static strata_status print_markdown(const struct strata_blob *result, struct strata_arena keep,
                                    struct strata_err *err)
{
    struct strata_segments_view view;
    char count[32];
    STRATA_TRY(strata_record_personas(result->bytes, result->n_bytes, &keep, &view, err));
    strata_count_text(view.customers, count);
    (void)printf("# ");
    put(view.job);
    (void)printf(": %s customers, %zu segment%s\n\n", count, view.n_segments,
                 view.n_segments == 1 ? "" : "s");
    if (view.choice[0]) {
        put(view.choice);
        (void)printf("\n\n");
    }
    if (view.weight[0]) {
        (void)printf("Shares are weighted by \"");
        put(view.weight);
        (void)printf("\".\n\n");
    }
    print_table(&view);
    print_efforts(&view);
    for (size_t i = 0; i < view.n_segments; i++) print_segment(&view.segment[i]);
    return STRATA_OK;
}

/* --- the command -------------------------------------------------------------------------------- */

static strata_status report(const struct strata_arguments *arguments, struct strata_arena *keep,
                            struct strata_err *err)
{
    struct strata_blob result = {0};
    STRATA_TRY(strata_results_read(arguments->operand, keep, &result, err));
    if (arguments->markdown) return print_markdown(&result, *keep, err);
    const char *path = strata_path_join(arguments->operand, "report.html", keep);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "a path");
    STRATA_TRY(strata_report_write(path, &result, *keep, err));
    (void)printf("Report  %s\n", path);
    return STRATA_OK;
}

strata_status strata_app_report(struct strata_comm *comm, const struct strata_arguments *arguments,
                                struct strata_arena *keep, struct strata_err *err)
{
    const strata_status status = comm->rank == 0 ? report(arguments, keep, err) : STRATA_OK;
    return strata_comm_agree(comm, status, err);
}
