#include "terminal_figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"

#include "terminal_watch.h"

#define NAME_COLUMNS 12
#define UNCUT 1000 /* columns where no terminal cuts */

static int room_of(const struct strata_terminal *terminal)
{
    return terminal->drawn ? terminal->columns : UNCUT;
}

static void print_line(FILE *stream, const struct strata_line *line)
{
    size_t n = line->n_bytes; /* without the spaces that fill the last column */
    while (n > 0 && line->text[n - 1] == ' ') n--;
    (void)fprintf(stream, "%.*s\n", (int)n, line->text);
}

static void print_strong(FILE *stream, const struct strata_terminal *terminal, const char *text)
{
    struct strata_line line = {.width = 0};
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_STRONG));
    strata_line_text(&line, text, room_of(terminal), terminal->utf8);
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_NONE));
    (void)fprintf(stream, "%s\n", line.text);
}

static void print_title(FILE *stream, const struct strata_terminal *terminal, const char *text)
{
    (void)fputc('\n', stream);
    print_strong(stream, terminal, text);
}

void strata_print_fact(FILE *stream, const struct strata_terminal *terminal, const char *name,
                       const char *text)
{
    struct strata_line line = {.width = 0};
    strata_line_repeat(&line, " ", 2);
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_DIM));
    strata_line_left(&line, name, NAME_COLUMNS, true);
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_NONE));
    strata_line_text(&line, text, room_of(terminal) - line.width, terminal->utf8);
    (void)fprintf(stream, "%s\n", line.text);
}

static void print_count(FILE *stream, const struct strata_terminal *terminal, const char *name,
                        uint64_t count)
{
    char text[32];
    strata_count_text(count, text);
    strata_print_fact(stream, terminal, name, text);
}

/* --- tables ------------------------------------------------------------------------------------- */

/* A table of a name and a few columns to its right; as many of them are shown as the terminal is wide. */
struct table {
    FILE *stream;
    const struct strata_terminal *terminal;
    int name; /* columns of the first one */
    int cell; /* and of each other */
};

static struct table table_of(FILE *stream, const struct strata_terminal *terminal, int widest_name,
                             int cell)
{
    const int most = room_of(terminal) / 2 < 12 ? 12 : room_of(terminal) / 2;
    return (struct table){.stream = stream,
                          .terminal = terminal,
                          .name = widest_name < most ? widest_name : most,
                          .cell = cell};
}

static void print_cells(const struct table *table, enum strata_tint tint, const char *name,
                        const char *const *cell, size_t n)
{
    struct strata_line line = {.width = 0};
    strata_line_repeat(&line, " ", 2);
    strata_line_code(&line, strata_tint(table->terminal, tint));
    strata_line_left(&line, name, table->name, table->terminal->utf8);
    for (size_t i = 0; i < n; i++)
        if (line.width + table->cell <= room_of(table->terminal))
            strata_line_right(&line, cell[i], table->cell, table->terminal->utf8);
    strata_line_code(&line, strata_tint(table->terminal, STRATA_TINT_NONE));
    print_line(table->stream, &line);
}

static void print_counts(const struct table *table, const char *name, const uint64_t *count,
                         size_t n, const char *last)
{
    char text[8][32];
    const char *cell[9];
    for (size_t i = 0; i < n && i < 8; i++) {
        strata_count_text(count[i], text[i]);
        cell[i] = text[i];
    }
    cell[n] = last;
    print_cells(table, STRATA_TINT_NONE, name, cell, n + (last[0] != '\0'));
}

/* --- health ------------------------------------------------------------------------------------- */

void strata_print_health(FILE *stream, const struct strata_terminal *terminal,
                         const struct strata_health_view *health)
{
    char text[160], part[32];
    print_strong(stream, terminal, health->word);
    if (health->text[0]) strata_print_wrapped(stream, terminal, health->text, 2, room_of(terminal));
    strata_duration_text(health->uptime_s, part);
    strata_print_fact(stream, terminal, "Server up", part);
    strata_duration_text(health->quiet_s, part);
    if (health->quiet_s > 0) strata_print_fact(stream, terminal, "Job's last", part);
    strata_count_text(health->requests, part);
    (void)snprintf(text, sizeof text, "%s, %" PRIu64 " of them refused", part, health->refused);
    strata_print_fact(stream, terminal, "Requests", text);
    if (health->clients > 0) print_count(stream, terminal, "Clients", health->clients);
    strata_bytes_text(health->memory_bytes, part);
    strata_print_fact(stream, terminal, "Memory", part);
}

/* --- evaluation --------------------------------------------------------------------------------- */

static const char *figure_text(double value, const char *format, char text[32])
{
    if (!isfinite(value)) return "-";
    (void)snprintf(text, 32, "%.5g", value);
    if (format[0] == '%') (void)snprintf(text, 32, "%.1f%%", 100 * value);
    return text;
}

static void print_choice(const struct table *table, const struct strata_choice_view *choice)
{
    char k[16], text[4][32];
    const char *const cell[] = {
        figure_text(choice->objective, "", text[0]),
        figure_text(choice->score, "", text[1]),
        figure_text(choice->smallest_share, "%", text[2]),
        figure_text(choice->agreement, "%", text[3]),
        choice->chosen     ? "chosen"
        : choice->eligible ? ""
                           : "too small",
    };
    (void)snprintf(k, sizeof k, "%u", choice->k);
    print_cells(table, choice->chosen ? STRATA_TINT_STRONG : STRATA_TINT_NONE, k, cell, 5);
}

void strata_print_evaluation(FILE *stream, const struct strata_terminal *terminal,
                             const struct strata_evaluation_view *evaluation)
{
    static const char *const head[] = {"Objective", "Score", "Smallest", "Agreement", ""};
    char text[32];
    int widest = 0;
    strata_print_wrapped(stream, terminal, evaluation->choice, 0, room_of(terminal));
    if (evaluation->ending[0])
        strata_print_wrapped(stream, terminal, evaluation->ending, 0, room_of(terminal));
    for (size_t i = 0; i < evaluation->n_figures; i++) {
        const int width = strata_text_width(evaluation->figure[i].label);
        widest = width > widest ? width : widest;
    }
    if (evaluation->n_figures > 0) print_title(stream, terminal, "How good the segments are");
    const struct table figures = table_of(stream, terminal, widest, 13);
    for (size_t i = 0; i < evaluation->n_figures; i++)
        print_cells(&figures, STRATA_TINT_NONE, evaluation->figure[i].label,
                    (const char *const[]){figure_text(evaluation->figure[i].value, "", text)}, 1);
    if (evaluation->n_by_k == 0) return;
    print_title(stream, terminal, "Numbers of segments that were tried");
    const struct table by_k = table_of(stream, terminal, 4, 12);
    print_cells(&by_k, STRATA_TINT_DIM, "k", head, 4);
    for (size_t i = 0; i < evaluation->n_by_k; i++) print_choice(&by_k, &evaluation->by_k[i]);
    if (!terminal->drawn || evaluation->n_trace < 2) return;
    print_title(stream, terminal, "Objective by iteration");
    struct strata_line line = {.width = 0};
    strata_line_repeat(&line, " ", 2);
    const int spark = terminal->columns - 4;
    strata_line_spark(&line, terminal, evaluation->trace, evaluation->n_trace,
                      spark < 80 ? spark : 80);
    (void)fprintf(stream, "%s\n", line.text);
}

/* --- quality ------------------------------------------------------------------------------------ */

static int wider(int widest, const char *name)
{
    const int width = strata_text_width(name);
    return width > widest ? width : widest;
}

/* Title and head of a table of counts. */
static struct table begin_counts(FILE *stream, const struct strata_terminal *terminal,
                                 const char *title, const char *const head[], size_t n, int widest)
{
    const struct table table = table_of(stream, terminal, widest, 13);
    print_title(stream, terminal, title);
    print_cells(&table, STRATA_TINT_DIM, "", head, n);
    return table;
}

static void print_sources(FILE *stream, const struct strata_terminal *terminal,
                          const struct strata_quality_view *quality)
{
    static const char *const head[] = {"Rows",    "Rejected", "No key",
                                       "Bad key", "Matched",  "Orphans"};
    int widest = 6;
    for (size_t i = 0; i < quality->n_sources; i++) widest = wider(widest, quality->source[i].name);
    const struct table table = begin_counts(stream, terminal, "Sources", head, 6, widest);
    for (size_t i = 0; i < quality->n_sources; i++) {
        const struct strata_source_quality_view *source = &quality->source[i];
        const uint64_t counts[] = {source->rows,          source->rejected_rows,
                                   source->null_key_rows, source->invalid_key_rows,
                                   source->matched_keys,  source->orphan_keys};
        print_counts(&table, source->name, counts, 6, "");
    }
}

static void print_features(FILE *stream, const struct strata_terminal *terminal,
                           const struct strata_quality_view *quality)
{
    static const char *const head[] = {"Present", "Missing", "Invalid", "Clamped"};
    int widest = 7;
    for (size_t i = 0; i < quality->n_features; i++)
        widest = wider(widest, quality->feature[i].name);
    const struct table table = begin_counts(stream, terminal, "Features", head, 4, widest);
    for (size_t i = 0; i < quality->n_features; i++) {
        const struct strata_feature_quality_view *feature = &quality->feature[i];
        const uint64_t counts[] = {feature->present, feature->missing, feature->invalid,
                                   feature->clamped};
        print_counts(&table, feature->name, counts, 4, feature->constancy);
    }
}

void strata_print_quality(FILE *stream, const struct strata_terminal *terminal,
                          const struct strata_quality_view *quality)
{
    char text[160], count[32];
    strata_count_text(quality->customers, count);
    (void)snprintf(text, sizeof text, "%s customers", count);
    print_strong(stream, terminal, text);
    if (quality->weight[0]) {
        (void)snprintf(text, sizeof text, "\"%s\", %.6g in all", quality->weight,
                       quality->weight_total);
        strata_print_fact(stream, terminal, "Weight", text);
    }
    if (quality->n_sources > 0) print_sources(stream, terminal, quality);
    if (quality->n_features > 0) print_features(stream, terminal, quality);
    if (quality->n_notes > 0) print_title(stream, terminal, "Notes");
    for (size_t i = 0; i < quality->n_notes; i++)
        strata_print_hanging(stream, terminal, "-", quality->note[i], 2, room_of(terminal));
}

/* --- manifest ----------------------------------------------------------------------------------- */

static void print_files(FILE *stream, const struct strata_terminal *terminal,
                        const struct strata_manifest_view *manifest)
{
    int widest = 4;
    char count[32];
    for (size_t i = 0; i < manifest->n_files; i++) {
        const int width = strata_text_width(manifest->file[i].path);
        widest = width > widest ? width : widest;
    }
    const struct table table = table_of(stream, terminal, widest, 16);
    print_title(stream, terminal, "Files");
    for (size_t i = 0; i < manifest->n_files; i++) {
        char sha[32];
        strata_count_text(manifest->file[i].bytes, count);
        (void)snprintf(sha, sizeof sha, "%.12s", manifest->file[i].sha256); /* --json has all of it */
        print_cells(&table, STRATA_TINT_NONE, manifest->file[i].path,
                    (const char *const[]){count, sha}, 2);
    }
}

void strata_print_manifest(FILE *stream, const struct strata_terminal *terminal,
                           const struct strata_manifest_view *manifest)
{
    char text[256], part[32];
    print_strong(stream, terminal, manifest->job);
    strata_print_fact(stream, terminal, "Started", manifest->started);
    strata_print_fact(stream, terminal, "Ended", manifest->ended);
    (void)snprintf(text, sizeof text, "%s, seed %" PRIu64, manifest->estimator, manifest->seed);
    strata_print_fact(stream, terminal, "Estimator", text);
    (void)snprintf(text, sizeof text, "strata %s, DuckDB %s, %s", manifest->strata_version,
                   manifest->duckdb_version, manifest->compiler);
    strata_print_fact(stream, terminal, "Made by", text);
    strata_bytes_text(manifest->reduced_bytes, part);
    (void)snprintf(text, sizeof text, "%u, %" PRIu64 " reductions of %s in all", manifest->ranks,
                   manifest->reductions, part);
    strata_print_fact(stream, terminal, "Ranks", text);
    if (manifest->n_stages > 0) print_title(stream, terminal, "Stages");
    for (size_t i = 0; i < manifest->n_stages; i++) {
        (void)snprintf(text, sizeof text, "%10.3f s", manifest->stage[i].seconds);
        strata_print_fact(stream, terminal, manifest->stage[i].stage, text);
    }
    if (manifest->n_commands > 0) print_title(stream, terminal, "Commands that took effect");
    for (size_t i = 0; i < manifest->n_commands; i++)
        strata_print_hanging(stream, terminal, "-", manifest->command[i], 2, room_of(terminal));
    if (manifest->n_files > 0) print_files(stream, terminal, manifest);
}
