/* Values that are lists of texts, and the declared columns of a source. */
#include <string.h>
#include <strings.h>

#include "config_impl.h"

static const char *keep_item(struct reader *reader, const struct option *option,
                             const struct node *item)
{
    if (option->kind == KIND_PATHS) return strata_keep_path(reader, item->text);
    return strata_keep_text(reader, item->text, item->length);
}

static bool is_usable_item(const struct option *option, const struct node *item)
{
    if (!strata_node_is_given(item) || strata_node_has_controls(item) ||
        item->length > PATH_MAX_BYTES)
        return false;
    return item->length > 0 || option->min < 1; /* an empty level or path is a mistake */
}

static void complain_twice(struct reader *reader, const struct option *option,
                           const struct node *item)
{
    const struct shown shown = strata_shown(item->text, item->length);
    strata_complain(reader, item->place, "\"%s\" is in `%s` twice", shown.text, option->key);
}

void strata_read_texts(struct reader *reader, const struct option *option, const struct node *node,
                       void *base)
{
    const bool list = node->kind == NODE_LIST;
    const size_t n = list ? node->n_items : 1;
    if (node->kind == NODE_MAP || (!list && !is_usable_item(option, node)) ||
        (double)n < option->min || (double)n > option->max) {
        strata_complain_kind(reader, option, node);
        return;
    }
    const char **text = STRATA_NEW(reader->keep, const char *, n);
    if (!text) {
        reader->starved = true;
        return;
    }
    size_t i = 0;
    for (const struct node *item = list ? node->item : node; i < n; item = item->next, i++) {
        if (!is_usable_item(option, item)) {
            strata_complain(reader, item->place, "an item of `%s` must be a text of one line%s",
                            option->key, option->min < 1 ? "" : " that is not empty");
            continue;
        }
        text[i] = keep_item(reader, option, item);
        for (size_t j = 0; j < i && !reader->starved && option->kind == KIND_TEXTS; j++) {
            if (text[j] && strcmp(text[j], text[i]) == 0) complain_twice(reader, option, item);
        }
    }
    *AT(const char *const *, base, option->at) = text;
    *AT(size_t, base, option->at_count) = n;
}

/* The SQL types that a column of a file can be declared to have. */
static const char *const sql_types[] = {
    "bigint",    "bool",     "boolean", "char",   "date",    "decimal",   "double",      "float",
    "float4",    "float8",   "hugeint", "int",    "int1",    "int128",    "int16",       "int2",
    "int32",     "int4",     "int64",   "int8",   "integer", "long",      "numeric",     "real",
    "short",     "smallint", "string",  "text",   "time",    "timestamp", "timestamptz", "tinyint",
    "ubigint",   "uhugeint", "uint128", "uint16", "uint32",  "uint64",    "uint8",       "uinteger",
    "usmallint", "utinyint", "uuid",    "varchar"};

static bool is_known_type(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof sql_types / sizeof *sql_types; i++) {
        if (strlen(sql_types[i]) == length && strncasecmp(sql_types[i], text, length) == 0)
            return true;
    }
    return false;
}

/* A known word, then nothing or one or two numbers in parentheses. */
static bool is_sql_type(const struct node *node)
{
    const char *text = node->text;
    const size_t word =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    if (node->length > 40 || !is_known_type(text, word)) return false;
    text += word + strspn(text + word, " ");
    if (*text == '\0') return true;
    if (*text++ != '(') return false;
    for (int numbers = 0; numbers < 2; numbers++) {
        text += strspn(text, " ");
        const size_t digits = strspn(text, "0123456789");
        if (digits < 1 || digits > 3) return false;
        text += digits;
        text += strspn(text, " ");
        if (*text == ')') return text[1] == '\0';
        if (*text++ != ',') return false;
    }
    return false;
}

static void complain_type(struct reader *reader, const struct node *key)
{
    const struct shown name = strata_shown(key->text, key->length);
    const struct node *value = key->value;
    if (value->kind != NODE_TEXT) {
        strata_complain(reader, value->place, "the type of column \"%s\" must be an SQL type",
                        name.text);
        return;
    }
    const struct shown shown = strata_shown(value->text, value->length);
    const char *near = strata_near(value->text, sql_types, sizeof sql_types / sizeof *sql_types,
                                   sizeof *sql_types);
    if (near) {
        strata_complain(reader, value->place,
                        "\"%s\" is not an SQL type for column \"%s\"; did you mean \"%s\"?",
                        shown.text, name.text, near);
    } else {
        strata_complain(reader, value->place,
                        "\"%s\" is not an SQL type for column \"%s\": write for example date, "
                        "integer, double or decimal(12,2)",
                        shown.text, name.text);
    }
}

static void read_column(struct reader *reader, const struct option *option, const struct node *key,
                        struct strata_source_column *first, struct strata_source_column *column)
{
    if (key->length == 0 || key->length > COLUMN_NAME_MAX || strata_node_has_controls(key)) {
        strata_complain(reader, key->place, "a column name must have 1 to %d bytes in one line",
                        COLUMN_NAME_MAX);
        return;
    }
    if (!strata_node_is_given(key->value) || !is_sql_type(key->value)) complain_type(reader, key);
    column->name = strata_keep_text(reader, key->text, key->length);
    column->type = strata_keep_text(reader, key->value->text, key->value->length);
    column->place = key->place;
    for (; first < column && !reader->starved; first++) {
        if (!first->name || strcasecmp(first->name, column->name) != 0) continue;
        complain_twice(reader, option, key);
    }
}

void strata_read_columns(struct reader *reader, const struct option *option,
                         const struct node *node, void *base)
{
    if (node->kind != NODE_MAP || (double)node->n_items > option->max) {
        strata_complain_kind(reader, option, node);
        return;
    }
    struct strata_source_column *column =
        STRATA_NEW(reader->keep, struct strata_source_column, node->n_items);
    if (!column) {
        reader->starved = true;
        return;
    }
    size_t i = 0;
    for (const struct node *key = node->item; key && !reader->starved; key = key->next, i++) {
        read_column(reader, option, key, column, &column[i]);
    }
    *AT(const struct strata_source_column *, base, option->at) = column;
    *AT(size_t, base, option->at_count) = node->n_items;
}

/* True for a text that may stand behind a segment's name. */
static bool is_usable_value(const struct option *option, const struct node *value)
{
    const size_t most = option->kind == KIND_NAMES ? STRATA_MAX_GIVEN_NAME : PATH_MAX_BYTES;
    return strata_node_is_given(value) && value->length > 0 && value->length <= most &&
           !strata_node_has_controls(value);
}

static void complain_setting(struct reader *reader, const struct option *option,
                             const struct node *key)
{
    if (option->kind == KIND_NAMES)
        strata_complain(reader, key->place,
                        "`%s` gives a segment's name another one of 1 to %d bytes in one line",
                        option->key, STRATA_MAX_GIVEN_NAME);
    else
        strata_complain(reader, key->place, "`%s` gives a segment's name the path of an image",
                        option->key);
}

static void read_setting(struct reader *reader, const struct option *option, const struct node *key,
                         struct strata_segment_setting *first,
                         struct strata_segment_setting *setting)
{
    const struct node *value = key->value;
    const bool is_name = option->kind == KIND_NAMES;
    if (!is_usable_value(option, value) || key->length == 0 || strata_node_has_controls(key)) {
        complain_setting(reader, option, key);
        return;
    }
    setting->segment = strata_keep_text(reader, key->text, key->length);
    setting->value = is_name ? strata_keep_text(reader, value->text, value->length)
                             : strata_keep_path(reader, value->text);
    setting->place = is_name ? key->place : value->place;
    for (; first < setting && !reader->starved; first++) {
        if (!first->value) continue;
        if (strcasecmp(first->segment, setting->segment) == 0) complain_twice(reader, option, key);
        if (is_name && strcasecmp(first->value, setting->value) == 0)
            complain_twice(reader, option, value);
    }
}

void strata_read_settings(struct reader *reader, const struct option *option,
                          const struct node *node, void *base)
{
    if (node->kind != NODE_MAP || (double)node->n_items > option->max) {
        strata_complain_kind(reader, option, node);
        return;
    }
    struct strata_segment_setting *setting =
        STRATA_NEW(reader->keep, struct strata_segment_setting, node->n_items);
    if (!setting) {
        reader->starved = true;
        return;
    }
    size_t i = 0;
    for (const struct node *key = node->item; key && !reader->starved; key = key->next, i++)
        read_setting(reader, option, key, setting, &setting[i]);
    *AT(const struct strata_segment_setting *, base, option->at) = setting;
    *AT(size_t, base, option->at_count) = node->n_items;
}
