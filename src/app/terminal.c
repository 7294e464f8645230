#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/record.h"

#define COLUMNS_WITHOUT_TERMINAL 100
#define COLUMNS_LEAST 20
#define COLUMNS_MOST 400

/* --- what the stream ends in -------------------------------------------------------------------- */

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] != '\0';
}

/* The locale's own order: LC_ALL, LC_CTYPE, LANG; the first that is set decides. */
static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!is_set(names[i])) continue;
        const char *value = getenv(names[i]);
        return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8") ||
               strstr(value, "utf-8");
    }
    return false;
}

static bool launched_by_mpi(void)
{
    return is_set("OMPI_COMM_WORLD_SIZE") || is_set("PMIX_RANK") || is_set("PMI_RANK");
}

static int columns_from(const char *text)
{
    char *end = NULL;
    const long columns = text ? strtol(text, &end, 10) : 0;
    return text && end != text && *end == '\0' && columns > 0 && columns <= 10000 ? (int)columns : 0;
}

/* Columns of the terminal behind stream, 0 when there is none. */
static int columns_behind(FILE *stream)
{
    const int file = fileno(stream);
    struct stat facts;
    if (file < 0 || fstat(file, &facts) != 0 || S_ISREG(facts.st_mode)) return 0;
    const int told = columns_from(getenv("STRATA_PROGRESS"));
    if (told > 0 && (launched_by_mpi() || !isatty(file))) return told;
    if (launched_by_mpi() || !isatty(file)) return 0;
    struct winsize size = {0};
    if (ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const int wished = columns_from(getenv("COLUMNS"));
    return wished > 0 ? wished : 80;
}

struct strata_terminal strata_terminal_of(FILE *stream)
{
    const int columns = columns_behind(stream);
    const char *kind = getenv("TERM");
    const bool dumb = kind && strcmp(kind, "dumb") == 0;
    struct strata_terminal terminal = {.drawn = columns > 0 && !dumb, .utf8 = false};
    terminal.utf8 = !terminal.drawn || locale_is_utf8(); /* files and pipes keep what is written */
    terminal.columns = terminal.drawn ? columns : COLUMNS_WITHOUT_TERMINAL;
    if (terminal.columns < COLUMNS_LEAST) terminal.columns = COLUMNS_LEAST;
    if (terminal.columns > COLUMNS_MOST) terminal.columns = COLUMNS_MOST;
    terminal.colour = terminal.drawn && !is_set("NO_COLOR");
    return terminal;
}

const char *strata_tint(const struct strata_terminal *terminal, enum strata_tint tint)
{
    static const char *const code[] = {[STRATA_TINT_NONE] = "\033[0m",
                                       [STRATA_TINT_STRONG] = "\033[1m",
                                       [STRATA_TINT_DIM] = "\033[2m",
                                       [STRATA_TINT_BAR] = "\033[36m",
                                       [STRATA_TINT_BAD] = "\033[31m"};
    return terminal->colour ? code[tint] : "";
}

/* --- bars --------------------------------------------------------------------------------------- */

void strata_line_bar(struct strata_line *line, const struct strata_terminal *terminal,
                     double fraction, int columns)
{
    static const char *const eighth[] = {"",       "\u258F", "\u258E", "\u258D",
                                         "\u258C", "\u258B", "\u258A", "\u2589"};
    const double share = fraction > 0 ? (fraction < 1 ? fraction : 1) : 0; /* NaN is empty */
    const int steps = terminal->utf8 ? 8 : 1;
    const int filled = (int)(share * columns * steps + 0.5);
    const int whole = filled / steps;
    const int part = filled % steps;
    strata_line_code(line, strata_tint(terminal, STRATA_TINT_BAR));
    strata_line_repeat(line, terminal->utf8 ? "\u2588" : "#", whole);
    if (part > 0) strata_line_repeat(line, eighth[part], 1);
    strata_line_code(line, strata_tint(terminal, STRATA_TINT_NONE));
    strata_line_repeat(line, " ", columns - whole - (part > 0));
}

void strata_print_wrapped(FILE *stream, const struct strata_terminal *terminal, const char *text,
                          int indent, int columns)
{
    strata_print_hanging(stream, terminal, "", text, indent, columns);
}

void strata_print_hanging(FILE *stream, const struct strata_terminal *terminal, const char *lead,
                          const char *text, int indent, int columns)
{
    struct strata_line line = {.width = 0};
    while (*text) {
        const size_t n = strcspn(text, " ");
        char word[256];
        (void)snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1),
                       text); /* cut is fine */
        if (line.width > 0 && line.width + 1 + strata_text_width(word) > columns - indent) {
            (void)fprintf(stream, "%-*s%s\n", indent, lead, line.text);
            line = (struct strata_line){.width = 0};
            lead = "";
        }
        if (line.width > 0) strata_line_repeat(&line, " ", 1);
        strata_line_text(&line, word, columns - indent, terminal->utf8);
        text += n;
        while (*text == ' ') text++;
    }
    if (line.width > 0) (void)fprintf(stream, "%-*s%s\n", indent, lead, line.text);
}

/* --- the table of segments ---------------------------------------------------------------------- */

struct layout {
    int number, name, bar, size, definition; /* columns; 0: left out */
    bool below;                              /* the definition has a line of its own */
};

#define GAP 2
#define SHARE_COLUMNS 6 /* "100.0%" */

static int at_most(int value, int limit)
{
    return value < limit ? value : limit;
}

/* The name of a segment, or what stands in for it. */
static const char *shown_name(const struct strata_segment_view *segment, char text[32])
{
    if (segment->name && segment->name[0]) return segment->name;
    (void)snprintf(text, 32, "Segment %u", segment->id);
    return text;
}

static struct layout table_layout(const struct strata_terminal *terminal,
                                  const struct strata_segments_view *view)
{
    struct layout fit = {.number = 2, .name = 7, .size = 9};
    for (size_t most = 100; view->n_segments >= most; most *= 10) fit.number++;
    int definition = 0;
    char text[32];
    for (size_t i = 0; i < view->n_segments; i++) {
        const int name = strata_text_width(shown_name(&view->segment[i], text));
        const int words =
            view->segment[i].definition ? strata_text_width(view->segment[i].definition) : 0;
        if (name > fit.name) fit.name = name;
        if (words > definition) definition = words;
        strata_count_text(view->segment[i].size, text);
        if (strata_text_width(text) > fit.size) fit.size = strata_text_width(text);
    }
    if (!terminal->drawn) { /* a file or a pipe: nothing is cut, nothing is drawn */
        fit.definition = definition;
        return fit;
    }
    const int fixed = fit.number + GAP + GAP + SHARE_COLUMNS + GAP + fit.size;
    fit.name = at_most(fit.name, 36);
    if (fixed + fit.name > terminal->columns)
        fit.name = at_most(fit.name, terminal->columns - fixed);
    if (fit.name < 4) fit.name = 4;
    int room = terminal->columns - fixed - fit.name;
    fit.bar = room >= 10 + GAP ? at_most(room - GAP, terminal->columns >= 120 ? 20 : 12) : 0;
    if (fit.bar > 0) room -= fit.bar + GAP;
    fit.below = definition > room - GAP;
    fit.definition = fit.below ? terminal->columns - fit.number - GAP : definition;
    return fit;
}

static void gap(struct strata_line *line)
{
    strata_line_repeat(line, " ", GAP);
}

static void print_head(FILE *stream, const struct strata_terminal *terminal,
                       const struct layout *fit)
{
    struct strata_line line = {.width = 0};
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_DIM));
    strata_line_right(&line, "#", fit->number, true);
    gap(&line);
    strata_line_left(&line, "Segment", fit->name, true);
    if (fit->bar > 0) strata_line_repeat(&line, " ", GAP + fit->bar);
    gap(&line);
    strata_line_right(&line, "Share", SHARE_COLUMNS, true);
    gap(&line);
    strata_line_right(&line, "Customers", fit->size, true);
    if (fit->definition > 0 && !fit->below) {
        gap(&line);
        strata_line_text(&line, "Who they are", fit->definition, terminal->utf8);
    }
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_NONE));
    (void)fprintf(stream, "%s\n", line.text);
}

/* Who they are, beside the row or below it. */
static void print_definition(FILE *stream, const struct strata_terminal *terminal,
                             const struct layout *fit, const char *definition,
                             struct strata_line *line)
{
    if (fit->below) {
        (void)fprintf(stream, "%s\n", line->text);
        *line = (struct strata_line){.width = 0};
        strata_line_repeat(line, " ", fit->number);
    }
    gap(line);
    strata_line_code(line, strata_tint(terminal, fit->below ? STRATA_TINT_DIM : STRATA_TINT_NONE));
    strata_line_words(line, definition, fit->definition, terminal->utf8);
    strata_line_code(line, strata_tint(terminal, STRATA_TINT_NONE));
}

static void print_row(FILE *stream, const struct strata_terminal *terminal, const struct layout *fit,
                      const struct strata_segment_view *segment, double largest_share)
{
    struct strata_line line = {.width = 0};
    char text[32];
    (void)snprintf(text, sizeof text, "%u", segment->id);
    strata_line_right(&line, text, fit->number, true);
    gap(&line);
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_STRONG));
    strata_line_left(&line, shown_name(segment, text), fit->name, terminal->utf8);
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_NONE));
    if (fit->bar > 0) {
        gap(&line);
        strata_line_bar(&line, terminal, largest_share > 0 ? segment->share / largest_share : 0,
                        fit->bar);
    }
    gap(&line);
    (void)snprintf(text, sizeof text, "%.1f%%", 100 * segment->share);
    strata_line_right(&line, text, SHARE_COLUMNS, true);
    gap(&line);
    strata_count_text(segment->size, text);
    strata_line_right(&line, text, fit->size, true);
    if (fit->definition > 0 && segment->definition && segment->definition[0])
        print_definition(stream, terminal, fit, segment->definition, &line);
    (void)fprintf(stream, "%s\n", line.text);
}

void strata_print_segment_table(FILE *stream, const struct strata_segments_view *view)
{
    const struct strata_terminal terminal = strata_terminal_of(stream);
    const struct layout fit = table_layout(&terminal, view);
    double largest_share = 0;
    for (size_t i = 0; i < view->n_segments; i++)
        if (view->segment[i].share > largest_share) largest_share = view->segment[i].share;
    print_head(stream, &terminal, &fit);
    for (size_t i = 0; i < view->n_segments; i++)
        print_row(stream, &terminal, &fit, &view->segment[i], largest_share);
    if (view->weight && view->weight[0])
        (void)fprintf(stream, "Shares are weighted by \"%s\".\n", view->weight);
}

strata_status strata_print_segments(FILE *stream, const unsigned char *result, size_t n_bytes,
                                    struct strata_err *err)
{
    struct strata_arena room;
    if (!strata_arena_init(&room, ((size_t)64 << 20) + 64 * n_bytes))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the table of segments");
    struct strata_segments_view view;
    const strata_status status = strata_record_segments(result, n_bytes, &room, &view, err);
    if (status == STRATA_OK) strata_print_segment_table(stream, &view);
    strata_arena_finish(&room);
    return status;
}
