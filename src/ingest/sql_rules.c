/* Parse the customers SQL, walk its tree, bind it, and find the types of its sums. */
#include "sql_rules.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sql_impl.h"

/* Line and column of a byte: columns count characters, later lines are indented. */
struct strata_place sql_place(const struct sql_job *job, json_int_t location)
{
    struct strata_place place = job->place;
    const size_t length = strlen(job->text);
    if (location < 0 || (size_t)location > length) return place;
    int column = 0;
    int line = 0;
    for (json_int_t i = 0; i < location; i++) {
        const unsigned char byte = (unsigned char)job->text[i];
        if (byte == '\n') {
            line++;
            column = 0;
        } else if ((byte & 0xC0) != 0x80) {
            column++;
        }
    }
    place.column = line == 0 ? place.column + column : job->indent + column + 1;
    place.line += line;
    return place;
}

void sql_refuse(struct sql_state *state, json_int_t location, const char *format, ...)
{
    char text[300];
    va_list arguments;
    if (location == SQL_NOWHERE) location = state->near;
    for (size_t i = 0; i < state->n_refused; i++)
        if (state->refused[i] == location) return;
    if (state->n_refused < STRATA_PROBLEMS_MAX) state->refused[state->n_refused++] = location;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* cut texts are fine */
    va_end(arguments);
    strata_problems_add(state->problems, sql_place(state->job, location), STRATA_E_CONFIG, "%s",
                        text);
}

json_int_t sql_location(const json_t *node)
{
    const json_t *location = json_object_get(node, "query_location");
    return json_is_integer(location) ? json_integer_value(location) : SQL_NOWHERE;
}

const char *sql_string(const json_t *node, const char *member)
{
    const char *text = json_string_value(json_object_get(node, member));
    return text ? text : "";
}

bool sql_is(const json_t *node, const char *member, const char *text)
{
    return strcmp(sql_string(node, member), text) == 0;
}

/* Forget places and aliases, everywhere below. */
static void strip(json_t *node)
{
    const char *member = NULL;
    json_t *value = NULL;
    size_t i = 0;
    (void)json_object_del(node, "query_location"); /* may not be there */
    (void)json_object_del(node, "alias");
    json_object_foreach(node, member, value) strip(value);
    json_array_foreach(node, i, value) strip(value);
}

bool sql_same_expression(const json_t *a, const json_t *b)
{
    json_t *x = json_deep_copy(a);
    json_t *y = json_deep_copy(b);
    strip(x);
    strip(y);
    const bool same = json_equal(x, y) == 1;
    json_decref(x);
    json_decref(y);
    return same;
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct sql_known *)a)->name, ((const struct sql_known *)b)->name);
}

const struct sql_known *sql_find_known(const struct sql_state *state, const char *name)
{
    const struct sql_known wanted = {.name = name};
    return bsearch(&wanted, state->known, state->n_known, sizeof wanted, by_name);
}

/* Every function that DuckDB has: aggregate or not, and whether equal arguments always give
 * equal results. */
STRATA_MUST_CHECK static strata_status read_known(struct sql_state *state, struct strata_err *err)
{
    enum { MOST = 4096 };
    struct strata_duck_cursor cursor;
    bool more = true;
    state->known = STRATA_NEW(state->keep, struct sql_known, MOST);
    if (!state->known)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of functions");
    STRATA_TRY(strata_duck_query(
        state->duck, &cursor, err,
        "SELECT lower(function_name), bool_or(function_type = 'aggregate'), "
        "bool_and(coalesce(stability = 'CONSISTENT', false)), bool_or(function_type = 'macro') "
        "FROM duckdb_functions() WHERE function_type IN ('aggregate', 'scalar', 'macro') GROUP BY 1"));
    strata_status rc = strata_duck_next(&cursor, &more, err);
    for (; rc == STRATA_OK && more; rc = strata_duck_next(&cursor, &more, err)) {
        for (size_t row = 0; row < cursor.n_rows && state->n_known < MOST; row++) {
            size_t length = 0;
            const char *name = strata_duck_text(&cursor, 0, row, &length);
            struct sql_known *known = &state->known[state->n_known++];
            known->name = strata_arena_copy(state->keep, name, length);
            known->aggregate = strata_duck_number(&cursor, 1, row) > 0;
            known->consistent = strata_duck_number(&cursor, 2, row) > 0;
            known->macro = strata_duck_number(&cursor, 3, row) > 0;
            if (!known->name)
                rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of functions");
        }
        if (rc != STRATA_OK) break;
    }
    strata_duck_cursor_finish(&cursor);
    qsort(state->known, state->n_known, sizeof *state->known, by_name);
    return rc;
}

/* DuckDB writes "no location" as 2^64 - 1, which JSON integers of the parser cannot hold. */
static void tame_locations(char *json)
{
    static const char huge[] = "\"query_location\":18446744073709551615";
    static const char tame[] = "\"query_location\":9007199254740991    ";
    _Static_assert(sizeof huge == sizeof tame, "replaced in place");
    for (char *at = strstr(json, huge); at; at = strstr(at + 1, huge))
        memcpy(at, tame, sizeof tame - 1);
}

/* One sentence of DuckDB's report: its first line, and the candidates it offers. */
static void report_duckdb(struct sql_state *state, const json_t *report, const char *message_member)
{
    const char *message = sql_string(report, message_member);
    const char *position = sql_string(report, "position");
    char *end = NULL;
    const json_int_t location = position[0] ? (json_int_t)strtoll(position, &end, 10) : SQL_NOWHERE;
    const char *candidates = sql_string(report, "candidates");
    const int length = (int)strcspn(message, "\n!");
    sql_refuse(state, location, "customers SQL: %.*s%s%.100s%s", length, message,
               candidates[0] ? "; is it " : "", candidates, candidates[0] ? "?" : "");
}

static const char *after_semicolon(const char *text)
{
    const char *end = text + strlen(text);
    while (end > text && (isspace((unsigned char)end[-1]) || end[-1] == ';')) end--;
    return end;
}

/* The tree of the only SELECT; NULL after a problem was told. */
STRATA_MUST_CHECK static strata_status parse(struct sql_state *state, json_t **query,
                                             struct strata_err *err)
{
    char *literal = strata_duck_literal(state->job->text, state->keep);
    char *json = NULL;
    json_error_t fault;
    *query = NULL;
    if (!literal) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the customers SQL");
    STRATA_TRY(strata_duck_scalar_text(state->duck, state->keep, &json, err,
                                       "SELECT CAST(json_serialize_sql(%s) AS VARCHAR)", literal));
    if (json) tame_locations(json);
    state->tree = json ? json_loads(json, 0, &fault) : NULL;
    if (!state->tree) {
        sql_refuse(
            state, 0,
            "customers SQL: it holds a number too large to be checked; write it as a text and cast it");
        return STRATA_OK;
    }
    const json_t *statements = json_object_get(state->tree, "statements");
    if (json_is_true(json_object_get(state->tree, "error"))) {
        if (sql_is(state->tree, "error_type", "not implemented"))
            sql_refuse(
                state, 0,
                "customers SQL: only one SELECT is allowed; say what the sources are under `sources:`");
        else
            report_duckdb(state, state->tree, "error_message");
    } else if (json_array_size(statements) != 1) {
        sql_refuse(
            state, 0,
            "customers SQL: %zu statements, but it must be one SELECT; use WITH for steps on the way",
            json_array_size(statements));
    } else {
        *query = json_object_get(json_array_get(statements, 0), "node");
    }
    return STRATA_OK;
}

/* What DuckDB itself has against the text, with the tables' schemas. */
STRATA_MUST_CHECK static strata_status bind(struct sql_state *state, struct strata_err *err)
{
    char *report = NULL;
    STRATA_TRY(strata_duck_bind(state->duck, state->job->text, state->keep, &report, err));
    if (!report) return STRATA_OK;
    json_error_t fault;
    json_t *tree = json_loads(report, 0, &fault);
    if (tree)
        report_duckdb(state, tree, "exception_message");
    else
        sql_refuse(state, 0, "customers SQL: DuckDB cannot bind it");
    json_decref(tree);
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status check(struct sql_state *state, struct sql_result *result,
                                             struct strata_err *err)
{
    json_t *query = NULL;
    STRATA_TRY(read_known(state, err));
    STRATA_TRY(parse(state, &query, err));
    if (!query) return STRATA_OK;
    sql_grain(state, query, &result->key_is_source_key);
    if (!state->reaches_out) STRATA_TRY(bind(state, err));
    if (state->n_refused > 0) return STRATA_OK;
    return sql_sums(state, &result->sql, err);
}

strata_status sql_check(struct strata_duck *duck, const struct sql_job *job,
                        struct strata_arena *keep, struct strata_problems *problems,
                        struct sql_result *result, struct strata_err *err)
{
    *result = (struct sql_result){0};
    struct sql_state *state = STRATA_NEW(keep, struct sql_state, 1);
    if (!state) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to check the customers SQL");
    state->duck = duck;
    state->job = job;
    state->keep = keep;
    state->problems = problems;
    if (after_semicolon(job->text) == job->text) {
        sql_refuse(state, 0, "customers SQL: it is empty");
        return STRATA_OK;
    }
    const strata_status rc = check(state, result, err);
    result->all_columns = state->all_columns;
    result->n_names = state->n_names;
    result->name = STRATA_NEW(keep, const char *, state->n_names + 1);
    for (size_t i = 0; result->name && i < state->n_names; i++)
        result->name[i] = strata_arena_copy(keep, state->name[i], strlen(state->name[i]));
    json_decref(state->tree);
    return result->name ? rc
                        : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to check the customers SQL");
}
