/* How a value of each kind is read from the tree, and what it must be in a sentence. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_impl.h"

void strata_complain(struct reader *reader, struct strata_place place, const char *format, ...)
{
    char sentence[320];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    strata_problems_add(reader->problems, place, STRATA_E_CONFIG, "%s", sentence);
}

char *strata_keep_text(struct reader *reader, const char *text, size_t length)
{
    char *copy = strata_arena_copy(reader->keep, text, length);
    if (!copy) reader->starved = true;
    return copy;
}

/* Absolute, with leading ./ and ../ resolved by name. */
char *strata_keep_path(struct reader *reader, const char *path)
{
    if (path[0] == '/') return strata_keep_text(reader, path, strlen(path));
    size_t length = strlen(reader->directory);
    while (path[0] == '.' && (path[1] == '/' || (path[1] == '.' && path[2] == '/'))) {
        const bool up = path[1] == '.';
        path += up ? 3 : 2;
        while (*path == '/') path++;
        if (up) {
            while (length > 0 && reader->directory[length - 1] != '/') length--;
            if (length > 0) length--;
        }
    }
    const char *between = length > 0 && reader->directory[length - 1] == '/' ? "" : "/";
    char *joined =
        strata_arena_print(reader->keep, "%.*s%s%s", (int)length, reader->directory, between, path);
    if (!joined) reader->starved = true;
    return joined;
}

/* --- what a value must be ------------------------------------------------------------------- */

static void append_words(struct expectation *expected, const struct words *words)
{
    (void)snprintf(expected->text, sizeof expected->text, "one of");
    for (size_t i = 0; i < words->n; i++) {
        const struct word *word = &words->word[i];
        if (strata_word_of(words, word->value) != word->text) continue; /* another spelling */
        const size_t used = strlen(expected->text);
        (void)snprintf(expected->text + used, sizeof expected->text - used, "%s %s",
                       i == 0 ? "" : ",", word->text);
    }
}

static void describe_list(struct expectation *expected, const struct option *option,
                          const char *what)
{
    if (option->min >= 1) {
        (void)snprintf(expected->text, sizeof expected->text, "%s or a list of 1 to %.0f", what,
                       option->max);
    } else {
        (void)snprintf(expected->text, sizeof expected->text, "%s or a list of at most %.0f", what,
                       option->max);
    }
}

struct expectation strata_expected(const struct option *option)
{
    struct expectation expected = {{0}};
    char *text = expected.text;
    const size_t room = sizeof expected.text;
    switch (option->kind) {
    case KIND_TEXT:
        (void)snprintf(text, room, "a text of at most %.0f bytes in one line", option->max);
        break;
    case KIND_IDENTIFIER:
        (void)snprintf(text, room, "a name of letters, digits and _ that begins with a letter");
        break;
    case KIND_MARK:
        if (option->min > 0) {
            (void)snprintf(text, room, "%.0f to %.0f bytes such as \",\" or \"\\t\"", option->min,
                           option->max);
        } else {
            (void)snprintf(text, room, "one character of ASCII, or \"\" for none");
        }
        break;
    case KIND_DATE:
        (void)snprintf(text, room, "a day as YYYY-MM-DD");
        break;
    case KIND_MEANING:
        (void)snprintf(text, room, "a word of the list of meanings");
        break;
    case KIND_PATH:
        (void)snprintf(text, room, "a path");
        break;
    case KIND_SQL:
        (void)snprintf(text, room, "SQL, best as a block after |");
        break;
    case KIND_WORD:
        append_words(&expected, option->words);
        break;
    case KIND_FLAG:
        (void)snprintf(text, room, "yes or no");
        break;
    case KIND_COUNT:
        (void)snprintf(text, room, "%sa whole number from %.0f to %.0f",
                       option->has_auto ? "auto, or " : "", option->min, option->max);
        break;
    case KIND_SEED:
        (void)snprintf(text, room, "a whole number from 0 to 18446744073709551615");
        break;
    case KIND_SIZE:
        (void)snprintf(text, room, "auto, or a size such as 512MiB or 4GiB, from 64MiB to 1024TiB");
        break;
    case KIND_REAL:
        (void)snprintf(text, room, "%sa number from %g to %g", option->has_auto ? "auto, or " : "",
                       option->min, option->max);
        break;
    case KIND_TEXTS:
        describe_list(&expected, option, "a text");
        break;
    case KIND_PATHS:
        describe_list(&expected, option, "a path");
        break;
    case KIND_COLUMNS:
        (void)snprintf(text, room, "a map of column names to SQL types");
        break;
    case KIND_NAMES:
        (void)snprintf(text, room, "a map of at most %.0f segment names to your own", option->max);
        break;
    case KIND_PICTURES:
        (void)snprintf(text, room, "a map of at most %.0f segment names to files", option->max);
        break;
    case KIND_SECTION:
        (void)snprintf(text, room, "a map of options%s%s", option->section->shortcut ? " or " : "",
                       option->section->shortcut ? option->section->shortcut : "");
        break;
    case KIND_ITEMS:
        (void)snprintf(text, room, "a list of 1 to %.0f maps, each after \"- \"", option->max);
        break;
    case KIND_COUNT_OF_KINDS:
        break;
    }
    return expected;
}

void strata_complain_kind(struct reader *reader, const struct option *option,
                          const struct node *node)
{
    static const char *const what[] = {"a text", "a list", "a map"};
    const struct expectation expected = strata_expected(option);
    if (node->kind != NODE_TEXT) {
        strata_complain(reader, node->place, "`%s` must be %s, not %s", option->key, expected.text,
                        what[node->kind]);
    } else if (node->length == 0) {
        strata_complain(reader, node->place, "`%s` has no value: it must be %s, or be left out",
                        option->key, expected.text);
    } else {
        const struct shown shown = strata_shown(node->text, node->length);
        strata_complain(reader, node->place, "`%s` must be %s, not \"%s\"", option->key,
                        expected.text, shown.text);
    }
}

bool strata_node_is_auto(const struct option *option, const struct node *node)
{
    return option->has_auto && node->kind == NODE_TEXT && strcmp(node->text, "auto") == 0;
}

bool strata_node_is_given(const struct node *node)
{
    if (node->kind != NODE_TEXT) return false;
    if (node->style != STYLE_PLAIN) return true;
    return node->length > 0 && strcmp(node->text, "~") != 0;
}

bool strata_node_has_controls(const struct node *node)
{
    for (size_t i = 0; i < node->length; i++) {
        const unsigned char c = (unsigned char)node->text[i];
        if (c < 0x20 || c == 0x7F) return true;
    }
    return false;
}

/* --- texts ------------------------------------------------------------------------------------ */

static void keep_text_at(struct reader *reader, const struct option *option,
                         const struct node *node, void *base)
{
    *AT(const char *, base, option->at) = strata_keep_text(reader, node->text, node->length);
}

static void read_text(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    if (!strata_node_is_given(node) || strata_node_has_controls(node) ||
        (double)node->length < option->min || (double)node->length > option->max) {
        strata_complain_kind(reader, option, node);
        return;
    }
    keep_text_at(reader, option, node, base);
}

static void read_mark(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    const bool fits = strata_node_is_given(node) && (double)node->length >= option->min &&
                      (double)node->length <= option->max && !strpbrk(node->text, "\r\n") &&
                      (node->length != 1 || (unsigned char)node->text[0] < 0x80);
    if (fits)
        keep_text_at(reader, option, node, base);
    else
        strata_complain_kind(reader, option, node);
}

/* Words that SQL keeps for itself, so that a table cannot have them as a bare name. */
static const char *const reserved[] = {
    "all",          "analyse",     "analyze", "and",       "any",        "array",      "as",
    "asc",          "asymmetric",  "both",    "case",      "cast",       "check",      "collate",
    "column",       "constraint",  "create",  "default",   "deferrable", "desc",       "describe",
    "distinct",     "do",          "else",    "end",       "except",     "false",      "fetch",
    "for",          "foreign",     "from",    "group",     "having",     "in",         "initially",
    "intersect",    "into",        "lambda",  "lateral",   "leading",    "limit",      "not",
    "null",         "offset",      "on",      "only",      "or",         "order",      "pivot",
    "pivot_longer", "pivot_wider", "placing", "primary",   "qualify",    "references", "returning",
    "select",       "show",        "some",    "summarize", "symmetric",  "table",      "then",
    "to",           "trailing",    "true",    "union",     "unique",     "unpivot",    "using",
    "variadic",     "when",        "where",   "window",    "with"};

static bool is_identifier(const struct node *node)
{
    for (size_t i = 0; i < node->length; i++) {
        const unsigned char c = (unsigned char)node->text[i];
        const bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
    }
    return node->length > 0 && node->length <= 63;
}

static void read_identifier(struct reader *reader, const struct option *option,
                            const struct node *node, void *base)
{
    if (!strata_node_is_given(node) || !is_identifier(node)) {
        strata_complain_kind(reader, option, node);
        return;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcasecmp(node->text, reserved[i]) != 0) continue;
        strata_complain(reader, node->place,
                        "`%s` must not be \"%s\": SQL keeps that word for itself", option->key,
                        node->text);
        return;
    }
    keep_text_at(reader, option, node, base);
}

/* The number that n digits make; they are digits. */
static int digits(const char *text, size_t n)
{
    int number = 0;
    for (size_t i = 0; i < n; i++) number = 10 * number + (text[i] - '0');
    return number;
}

static bool is_date(const char *text, size_t length)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (length != 10) return false;
    for (size_t i = 0; i < length; i++) {
        const bool dash = i == 4 || i == 7;
        if (dash ? text[i] != '-' : text[i] < '0' || text[i] > '9') return false;
    }
    const int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1 || month < 1 || month > 12 || day < 1) return false;
    return day <= days[month - 1] + (month == 2 && leap);
}

static void read_date(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    if (!strata_node_is_given(node) || !is_date(node->text, node->length)) {
        strata_complain_kind(reader, option, node);
        return;
    }
    keep_text_at(reader, option, node, base);
}

static void read_meaning(struct reader *reader, const struct option *option,
                         const struct node *node, void *base)
{
    if (!strata_node_is_given(node)) {
        strata_complain_kind(reader, option, node);
        return;
    }
    size_t n = 0;
    for (; strata_meanings[n]; n++) {
        if (strcmp(strata_meanings[n], node->text) == 0) break;
    }
    if (strata_meanings[n]) {
        *AT(const char *, base, option->at) = strata_meanings[n];
        return;
    }
    const struct shown shown = strata_shown(node->text, node->length);
    const char *near = strata_near(node->text, strata_meanings, n, sizeof *strata_meanings);
    if (near) {
        strata_complain(reader, node->place, "unknown meaning \"%s\"; did you mean \"%s\"?",
                        shown.text, near);
    } else {
        strata_complain(reader, node->place, "unknown meaning \"%s\"; configs/full.yaml lists all",
                        shown.text);
    }
}

static void read_path(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    if (!strata_node_is_given(node) || node->length == 0 || node->length > PATH_MAX_BYTES ||
        strata_node_has_controls(node)) {
        strata_complain_kind(reader, option, node);
        return;
    }
    *AT(const char *, base, option->at) = strata_keep_path(reader, node->text);
}

static void read_sql(struct reader *reader, const struct option *option, const struct node *node,
                     void *base)
{
    struct strata_config *config = base;
    if (!strata_node_is_given(node) || node->length == strspn(node->text, " \t\r\n;")) {
        strata_complain_kind(reader, option, node);
        return;
    }
    config->sql_place = node->place;
    if (node->style == STYLE_LITERAL) {
        config->sql_place.line++;
        config->sql_place.column = node->indent + 1;
        config->sql_indent = node->indent;
    } else if (node->style == STYLE_FOLDED || node->last_line != node->place.line) {
        strata_complain(reader, node->place,
                        "`customers` joins its lines here: write the SQL as a "
                        "literal block, after `customers: |`");
        return;
    } else if (node->style == STYLE_QUOTED) {
        config->sql_place.column++;
    }
    keep_text_at(reader, option, node, base);
}

/* --- words and numbers ------------------------------------------------------------------------ */

static const struct word *find_word(const struct words *words, const char *text)
{
    for (size_t i = 0; i < words->n; i++) {
        if (strcmp(words->word[i].text, text) == 0) return &words->word[i];
    }
    return NULL;
}

static void read_word(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    const struct words *words = option->words;
    const struct word *word = strata_node_is_given(node) ? find_word(words, node->text) : NULL;
    if (word) {
        memcpy((char *)base + option->at, &word->value, sizeof word->value);
        return;
    }
    const char *near = node->kind == NODE_TEXT && node->length > 0
                           ? strata_near(node->text, words->word, words->n, sizeof *words->word)
                           : NULL;
    if (!near) {
        strata_complain_kind(reader, option, node);
        return;
    }
    const struct shown shown = strata_shown(node->text, node->length);
    const struct expectation expected = strata_expected(option);
    strata_complain(reader, node->place, "`%s` must be %s, not \"%s\"; did you mean \"%s\"?",
                    option->key, expected.text, shown.text, near);
}

static void read_flag(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    const struct words *words = option->words;
    for (size_t i = 0; i < words->n && node->kind == NODE_TEXT; i++) {
        if (strcasecmp(words->word[i].text, node->text) != 0) continue;
        *AT(bool, base, option->at) = words->word[i].value != 0;
        return;
    }
    strata_complain_kind(reader, option, node);
}

/* Decimal digits only, at most 2^64 - 1. */
static bool whole_number(const char *text, size_t length, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        const uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = 10 * value + digit;
    }
    *number = value;
    return length > 0;
}

static void read_count(struct reader *reader, const struct option *option, const struct node *node,
                       void *base)
{
    uint64_t number = 0;
    if (strata_node_is_auto(option, node)) {
        *AT(uint32_t, base, option->at) = 0;
        return;
    }
    if (!strata_node_is_given(node) || !whole_number(node->text, node->length, &number) ||
        (double)number < option->min || (double)number > option->max) {
        strata_complain_kind(reader, option, node);
        return;
    }
    *AT(uint32_t, base, option->at) = (uint32_t)number;
}

static void read_seed(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    if (!strata_node_is_given(node) ||
        !whole_number(node->text, node->length, AT(uint64_t, base, option->at))) {
        strata_complain_kind(reader, option, node);
    }
}

static const struct unit {
    const char *name;
    double bytes;
} units[] = {{"B", 1},
             {"KiB", 1024.0},
             {"MiB", 1048576.0},
             {"GiB", 1073741824.0},
             {"TiB", 1099511627776.0},
             {"kB", 1e3},
             {"KB", 1e3},
             {"MB", 1e6},
             {"GB", 1e9},
             {"TB", 1e12}};

static void read_size(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    uint64_t number = 0;
    const size_t n_digits = node->kind == NODE_TEXT ? strspn(node->text, "0123456789") : 0;
    if (node->kind == NODE_TEXT && strcmp(node->text, "auto") == 0) {
        *AT(uint64_t, base, option->at) = 0;
        return;
    }
    if (strata_node_is_given(node) && whole_number(node->text, n_digits, &number)) {
        const char *unit = node->text + n_digits + strspn(node->text + n_digits, " ");
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            const double bytes = (double)number * units[i].bytes;
            if (strcmp(unit, units[i].name) != 0 || bytes < option->min || bytes > option->max) {
                continue;
            }
            *AT(uint64_t, base, option->at) = number * (uint64_t)units[i].bytes;
            return;
        }
    }
    strata_complain_kind(reader, option, node);
}

static void read_real(struct reader *reader, const struct option *option, const struct node *node,
                      void *base)
{
    if (strata_node_is_auto(option, node)) {
        *AT(double, base, option->at) = AUTO_REAL;
        return;
    }
    const bool plausible = strata_node_is_given(node) && node->length > 0 && node->length < 40 &&
                           strspn(node->text, "0123456789+-.eE") == node->length;
    char *end = NULL;
    const double number = plausible ? strtod(node->text, &end) : 0;
    if (!plausible || *end != '\0' || !(number >= option->min && number <= option->max)) {
        strata_complain_kind(reader, option, node);
        return;
    }
    *AT(double, base, option->at) = number == 0 ? 0 : number; /* no -0 */
}

strata_kind_reader *strata_kind_reader_of(enum option_kind kind)
{
    static strata_kind_reader *const readers[KIND_COUNT_OF_KINDS] = {
        [KIND_TEXT] = read_text,
        [KIND_IDENTIFIER] = read_identifier,
        [KIND_MARK] = read_mark,
        [KIND_DATE] = read_date,
        [KIND_PATH] = read_path,
        [KIND_MEANING] = read_meaning,
        [KIND_SQL] = read_sql,
        [KIND_WORD] = read_word,
        [KIND_FLAG] = read_flag,
        [KIND_COUNT] = read_count,
        [KIND_SEED] = read_seed,
        [KIND_SIZE] = read_size,
        [KIND_REAL] = read_real,
        [KIND_TEXTS] = strata_read_texts,
        [KIND_PATHS] = strata_read_texts,
        [KIND_COLUMNS] = strata_read_columns,
        [KIND_NAMES] = strata_read_settings,
        [KIND_PICTURES] = strata_read_settings,
    };
    return readers[kind];
}
