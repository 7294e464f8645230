/* The types of sums and means, and the text that is run.
 *
 * DuckDB adds doubles in the order of rows, so `sum` of a double is sent to strata_exact_sum.
 * The type of an argument is known only to DuckDB: a copy of the statement, in which each
 * argument x became CASE WHEN strata_seen(i, x) THEN x END, is bound (not run), and strata_seen
 * notes what it was given. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sql_impl.h"

/* CASE WHEN strata_seen(id, x) THEN x END */
static json_t *seen_case(size_t id, json_t *x)
{
    return json_pack(
        "{s:s,s:s,s:s,s:i,s:[{s:{s:s,s:s,s:s,s:i,s:s,s:s,s:[{s:s,s:s,s:s,s:i,s:{s:{s:s,s:n},s:b,s:i}},O],s:n,"
        "s:{s:s,s:[]},s:b,s:b,s:b,s:s},s:O}],s:{s:s,s:s,s:s,s:i,s:{s:{s:s,s:n},s:b}}}",
        "class", "CASE", "type", "CASE_EXPR", "alias", "", "query_location", 0, "case_checks",
        /* when */ "when_expr", "class", "FUNCTION", "type", "FUNCTION", "alias", "",
        "query_location", 0, "function_name", "strata_seen", "schema", "", "children", "class",
        "CONSTANT", "type", "VALUE_CONSTANT", "alias", "", "query_location", 0, "value", "type",
        "id", "INTEGER", "type_info", "is_null", 0, "value", (int)id, x, "filter", "order_bys",
        "type", "ORDER_MODIFIER", "orders", "distinct", 0, "is_operator", 0, "export_state", 0,
        "catalog", "",
        /* then */ "then_expr", x,
        /* else */ "else_expr", "class", "CONSTANT", "type", "VALUE_CONSTANT", "alias", "",
        "query_location", 0, "value", "type", "id", "NULL", "type_info", "is_null", 1);
}

static bool has_subquery(const json_t *node)
{
    const char *member = NULL;
    json_t *value = NULL;
    size_t i = 0;
    if (sql_is(node, "class", "SUBQUERY")) return true;
    json_object_foreach((json_t *)(uintptr_t)node, member, value)
    {
        if (has_subquery(value)) return true;
    }
    json_array_foreach(node, i, value)
    {
        if (has_subquery(value)) return true;
    }
    return false;
}

/* Bind the statement with its arguments watched.  What cannot be bound so stays unseen. */
STRATA_MUST_CHECK static strata_status watch(struct sql_state *state, struct strata_err *err)
{
    for (size_t i = 0; i < state->n_calls; i++) {
        json_t *children = json_object_get(state->call[i].node, "children");
        json_t *argument = json_array_get(children, 0);
        if (!argument || has_subquery(argument)) continue; /* DuckDB shows no subqueries */
        json_t *watched = seen_case(i, argument);
        if (watched && json_array_set_new(children, 0, watched) != 0)
            return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to check the customers SQL");
    }
    char *json = json_dumps(state->tree, JSON_COMPACT);
    const char *literal = json ? strata_duck_literal(json, state->keep) : NULL;
    free(json);
    if (!literal) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to check the customers SQL");
    char *sql = NULL;
    char *report = NULL;
    struct strata_err fault = {0};
    const strata_status rc = strata_duck_scalar_text(state->duck, state->keep, &sql, &fault,
                                                     "SELECT json_deserialize_sql(%s)", literal);
    if (rc != STRATA_OK || !sql) return STRATA_OK; /* unseen */
    return strata_duck_bind(state->duck, sql, state->keep, &report, err);
}

enum kind { KIND_UNKNOWN, KIND_EXACT, KIND_DOUBLE };

static enum kind kind_of(const char *type)
{
    static const char *const exact[] = {"BOOLEAN",  "TINYINT",   "SMALLINT", "INTEGER",
                                        "BIGINT",   "HUGEINT",   "UTINYINT", "USMALLINT",
                                        "UINTEGER", "UBIGINT",   "DECIMAL",  "INTERVAL",
                                        "DATE",     "TIMESTAMP", "TIME",     "NULL"};
    if (strcmp(type, "FLOAT") == 0 || strcmp(type, "DOUBLE") == 0 || strcmp(type, "UHUGEINT") == 0)
        return KIND_DOUBLE;
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (strncmp(type, exact[i], strlen(exact[i])) == 0) return KIND_EXACT;
    return KIND_UNKNOWN;
}

/* What a cast says of itself. */
static enum kind kind_of_cast(const json_t *call)
{
    const json_t *argument = json_array_get(json_object_get(call, "children"), 0);
    return kind_of(sql_string(json_object_get(argument, "cast_type"), "id"));
}

/* The type of a call's argument; DuckDB's tree may hold a call twice and bind only one. */
static enum kind kind_of_call(const struct sql_state *state, size_t i)
{
    const json_int_t place = sql_location(state->call[i].node);
    enum kind kind = kind_of(strata_duck_seen(state->duck, i));
    for (size_t j = 0; j < state->n_calls && kind == KIND_UNKNOWN; j++)
        if (sql_location(state->call[j].node) == place)
            kind = kind_of(strata_duck_seen(state->duck, j));
    return kind == KIND_UNKNOWN ? kind_of_cast(state->call[i].node) : kind;
}

static int by_place(const void *a, const void *b)
{
    const json_int_t x = *(const json_int_t *)a;
    const json_int_t y = *(const json_int_t *)b;
    return x < y ? -1 : x > y;
}

/* Refuse means of doubles; list the places of sums of doubles. */
static size_t judge_types(struct sql_state *state, json_int_t *place)
{
    size_t n = 0;
    for (size_t i = 0; i < state->n_calls; i++) {
        const struct sql_call *call = &state->call[i];
        const json_int_t location = sql_location(call->node);
        const enum kind kind = kind_of_call(state, i);
        if (kind == KIND_EXACT) continue;
        if (kind == KIND_UNKNOWN)
            sql_refuse(
                state, location,
                "customers SQL: the type of %s's argument cannot be found; cast it to decimal or integer",
                call->name);
        else if (call->verdict == SQL_MEAN)
            sql_refuse(state, location,
                       "customers SQL: `%s` of floating-point values is refused: %s", call->name,
                       sql_function_rule(call->name).advice);
        else if ((size_t)location + 3 > strlen(state->job->text) ||
                 strncasecmp(state->job->text + location, "sum", 3) != 0)
            sql_refuse(
                state, location,
                "customers SQL: a sum of floating-point values must be written as plain sum(...)");
        else
            place[n++] = location;
    }
    return n;
}

/* The text with strata_exact_sum for `sum` at the places, which are in order; a place twice
 * counts once. */
static const char *rewrite(const struct sql_state *state, const json_int_t *place, size_t n)
{
    static const char exact[] = "strata_exact_sum";
    const char *text = state->job->text;
    char *out = STRATA_NEW(state->keep, char, strlen(text) + n * sizeof exact + 1);
    char *to = out;
    json_int_t from = 0;
    for (size_t i = 0; out && i < n; i++) {
        if (i > 0 && place[i] == place[i - 1]) continue;
        memcpy(to, text + from, (size_t)(place[i] - from));
        to += place[i] - from;
        memcpy(to, exact, sizeof exact - 1);
        to += sizeof exact - 1;
        from = place[i] + 3;
    }
    if (out) memcpy(to, text + from, strlen(text + from) + 1);
    return out;
}

strata_status sql_sums(struct sql_state *state, const char **sql, struct strata_err *err)
{
    json_int_t *place = STRATA_NEW(state->keep, json_int_t, SQL_MAX_CALLS);
    if (!place) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to check the customers SQL");
    if (state->n_calls > 0) STRATA_TRY(watch(state, err));
    const size_t n = judge_types(state, place);
    qsort(place, n, sizeof *place, by_place);
    *sql = rewrite(state, place, n);
    return *sql ? STRATA_OK
                : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to check the customers SQL");
}
