/* One segment in words, as wide as is good to read. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"

#define READING_COLUMNS 88 /* of sentences: longer lines are hard to read */
#define INDEX_COLUMNS 16   /* of a bar that ends at an index of 200 */
#define INDENT 2

static int reading_columns(const struct strata_terminal *terminal)
{
    return terminal->columns < READING_COLUMNS ? terminal->columns : READING_COLUMNS;
}

static void print_tinted(FILE *stream, const struct strata_terminal *terminal,
                         enum strata_tint tint, const char *text)
{
    struct strata_line line = {.width = 0};
    strata_line_code(&line, strata_tint(terminal, tint));
    strata_line_text(&line, text, reading_columns(terminal), terminal->utf8);
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_NONE));
    (void)fprintf(stream, "%s\n", line.text);
}

/* A sentence; behind it how many customers it rests on, where that is not the whole segment. */
static void print_sentence(FILE *stream, const struct strata_terminal *terminal,
                           const struct strata_entry_view *entry, uint64_t size)
{
    char text[2048];
    char count[32];
    const char *colon = entry->lead[0] && entry->text[0] ? ": " : "";
    strata_count_text(entry->count, count);
    if (entry->count == 0 || entry->count == size)
        (void)snprintf(text, sizeof text, "%s%s%s", entry->lead, colon,
                       entry->text); /* cut is fine */
    else
        (void)snprintf(text, sizeof text, "%s%s%s (%s customers)", entry->lead, colon, entry->text,
                       count);
    strata_print_wrapped(stream, terminal, text, INDENT, reading_columns(terminal));
}

/* "mailings   ########      151" */
static void print_measured(FILE *stream, const struct strata_terminal *terminal,
                           const struct strata_entry_view *entry, int lead_columns)
{
    char text[32];
    struct strata_line line = {.width = 0};
    strata_line_repeat(&line, " ", INDENT);
    strata_line_left(&line, entry->lead, lead_columns, terminal->utf8);
    strata_line_repeat(&line, " ", INDENT);
    if (!isnan(entry->index)) {
        (void)snprintf(text, sizeof text, "%.0f", entry->index);
        if (terminal->drawn) strata_line_bar(&line, terminal, entry->index / 200, INDEX_COLUMNS);
        strata_line_right(&line, text, 6, true);
    } else {
        strata_line_text(&line, entry->text, reading_columns(terminal) - line.width, terminal->utf8);
    }
    (void)fprintf(stream, "%s\n", line.text);
}

static bool is_sentence(const char *text)
{
    const size_t n = strlen(text);
    return n > 0 && text[n - 1] == '.';
}

/* A part whose entries are names with a figure or a word stands in columns; columns of the names, or 0. */
static int lead_columns(const struct strata_part_view *part)
{
    int most = 0;
    bool is_table = true;
    for (size_t i = 0; i < part->n_entries; i++) {
        const int width = strata_text_width(part->entry[i].lead);
        is_table = is_table && width > 0 &&
                   (!isnan(part->entry[i].index) || !is_sentence(part->entry[i].text));
        if (width > most) most = width;
    }
    return is_table ? (most < 40 ? most : 40) : 0;
}

static void print_part(FILE *stream, const struct strata_terminal *terminal,
                       const struct strata_part_view *part, uint64_t size)
{
    const int columns = lead_columns(part);
    (void)fprintf(stream, "\n");
    print_tinted(stream, terminal, STRATA_TINT_DIM, part->title);
    for (size_t i = 0; i < part->n_entries; i++) {
        if (columns > 0)
            print_measured(stream, terminal, &part->entry[i], columns);
        else
            print_sentence(stream, terminal, &part->entry[i], size);
    }
}

void strata_print_persona(FILE *stream, const struct strata_terminal *terminal,
                          const struct strata_segment_view *persona)
{
    char count[32], text[2048];
    strata_count_text(persona->size, count);
    print_tinted(stream, terminal, STRATA_TINT_STRONG, persona->name);
    (void)fprintf(stream, "Segment %u, %s customers, %.1f%% of all%s", persona->id, count,
                  100 * persona->share, persona->weighted ? " by weight" : "");
    if (persona->alias[0]) (void)fprintf(stream, "; call it %s", persona->alias);
    (void)fprintf(stream, "\n\n");
    const int columns = reading_columns(terminal);
    if (persona->definition[0])
        strata_print_wrapped(stream, terminal, persona->definition, 0, columns);
    if (persona->name_origin)
        strata_print_wrapped(stream, terminal, persona->name_origin, 0, columns);
    if (persona->rule) {
        (void)snprintf(text, sizeof text,
                       "Recognised by: %s (finds %.0f%% of them, right in %.0f%%).", persona->rule,
                       100 * persona->coverage, 100 * persona->precision);
        strata_print_wrapped(stream, terminal, text, 0, columns);
    }
    for (size_t i = 0; i < persona->n_parts; i++)
        print_part(stream, terminal, &persona->part[i], persona->size);
}
