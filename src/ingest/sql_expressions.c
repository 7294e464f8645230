/* Judge every function, window and name of an expression. */
#include <string.h>
#include <strings.h>

#include "sql_impl.h"

static bool is_no_case(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* DuckDB writes list(x order by x) as list_sort(list(x)): then the order of rows does not matter. */
static void note_sorted(struct sql_state *state, const json_t *node)
{
    static const char *const sorts[] = {"list_sort", "list_reverse_sort", "array_sort",
                                        "array_reverse_sort"};
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
        if (is_no_case(sql_string(node, "function_name"), sorts[i]))
            state->sorted = json_array_get(json_object_get(node, "children"), 0);
}

/* Is the call's first argument among the expressions that order its rows? */
static bool is_ordered_by_itself(const json_t *node, const json_t *orders)
{
    const json_t *argument = json_array_get(json_object_get(node, "children"), 0);
    for (size_t i = 0; argument && i < json_array_size(orders); i++)
        if (sql_same_expression(argument, json_object_get(json_array_get(orders, i), "expression")))
            return true;
    return false;
}

static void note_call(struct sql_state *state, json_t *node, const char *name,
                      enum sql_verdict verdict)
{
    if (state->n_calls == SQL_MAX_CALLS) {
        sql_refuse(state, sql_location(node), "customers SQL: more than %d sums and means",
                   SQL_MAX_CALLS);
        return;
    }
    state->call[state->n_calls++] = (struct sql_call){node, name, verdict};
}

/* What is not in our table: DuckDB says whether it is consistent. */
static void judge_unknown(struct sql_state *state, const json_t *node, const char *name)
{
    const struct sql_known *known = sql_find_known(state, name);
    if (!known) return; /* DuckDB tells, with the nearest name */
    if (known->aggregate || known->macro)
        sql_refuse(
            state, sql_location(node),
            "customers SQL: `%s` is not on the list of functions that are known to depend on the rows only",
            name);
    else if (!known->consistent)
        sql_refuse(state, sql_location(node),
                   "customers SQL: `%s` is refused: its result changes from call to call", name);
}

static void judge_name(struct sql_state *state, const json_t *node, const char *name,
                       const json_t *orders)
{
    const struct sql_rule rule = sql_function_rule(name);
    switch (rule.verdict) {
    case SQL_FINE:
        break;
    case SQL_SUM:
    case SQL_MEAN:
        note_call(state, (json_t *)(uintptr_t)node, rule.name, rule.verdict);
        break;
    case SQL_ORDERED:
        if (node != state->sorted && !is_ordered_by_itself(node, orders))
            sql_refuse(state, sql_location(node), "customers SQL: `%s` is refused: %s", name,
                       rule.advice);
        break;
    case SQL_AS_OF:
        if (!state->job->has_as_of)
            sql_refuse(state, sql_location(node),
                       "customers SQL: as_of() is used, but the job file has no `as_of:`");
        break;
    case SQL_REFUSED:
        sql_refuse(state, sql_location(node), "customers SQL: `%s` is refused: %s", name,
                   rule.advice);
        break;
    case SQL_UNKNOWN:
        judge_unknown(state, node, name);
        break;
    }
}

static void judge_function(struct sql_state *state, const json_t *node)
{
    const char *name = sql_string(node, "function_name");
    if (is_no_case(name, "age") && json_array_size(json_object_get(node, "children")) == 1)
        sql_refuse(state, sql_location(node),
                   "customers SQL: age() with one argument counts from today; write age(as_of(), x)");
    if (json_is_true(json_object_get(node, "export_state")))
        sql_refuse(state, sql_location(node),
                   "customers SQL: EXPORT_STATE is refused; write the aggregate itself");
    judge_name(state, node, name, json_object_get(json_object_get(node, "order_bys"), "orders"));
    note_sorted(state, node);
}

/* A frame counted in rows cuts through ties; the whole partition does not. */
static bool cuts_ties(const json_t *node)
{
    const char *start = sql_string(node, "start");
    const char *end = sql_string(node, "end");
    return strstr(start, "_ROWS") || strstr(end, "_ROWS") ||
           !sql_is(node, "exclude_clause", "NO_OTHER");
}

/* Is an expression made of those that order or part the window's rows, and of the customer's key, alone? */
static bool is_settled(const json_t *node, const json_t *window, const struct sql_scope *scope)
{
    const json_t *partitions = json_object_get(window, "partitions");
    const json_t *orders = json_object_get(window, "orders");
    const char *member = NULL;
    json_t *value = NULL;
    size_t i = 0;
    if (sql_is(node, "class", "STAR")) return false;
    if (json_is_string(json_object_get(node, "class"))) {
        if (sql_is_key(scope, node)) return true;
        json_array_foreach(partitions, i, value) if (sql_same_expression(node, value)) return true;
        json_array_foreach(
            orders, i,
            value) if (sql_same_expression(node, json_object_get(value, "expression"))) return true;
        if (sql_is(node, "class", "COLUMN_REF")) return false;
    }
    json_object_foreach((json_t *)(uintptr_t)node, member,
                        value) if (!is_settled(value, window, scope)) return false;
    json_array_foreach(node, i, value) if (!is_settled(value, window, scope)) return false;
    return true;
}

/* Which of the rows that tie comes first is not defined; it does not matter where they are the same
 * to this SELECT. */
static bool sees_order_of_ties(const json_t *window, const struct sql_scope *scope)
{
    const json_t *groups = json_object_get(scope->node, "group_expressions");
    if (json_array_size(groups) > 0 &&
        json_array_size(json_object_get(scope->node, "group_sets")) == 1 &&
        is_settled(groups, window, scope))
        return false;
    return !is_settled(json_object_get(scope->node, "select_list"), window, scope) ||
           !is_settled(json_object_get(scope->node, "qualify"), window, scope);
}

static bool takes_a_neighbour(const json_t *node)
{
    return sql_is(node, "type", "WINDOW_LAG") || sql_is(node, "type", "WINDOW_LEAD");
}

/* Does every row of a partition belong to one customer? */
static bool stays_with_customer(const json_t *node, const struct sql_scope *scope)
{
    const json_t *partitions = json_object_get(node, "partitions");
    for (size_t i = 0; i < json_array_size(partitions); i++)
        if (sql_is_key(scope, json_array_get(partitions, i))) return true;
    return !sql_is_keyed(scope);
}

static void judge_window(struct sql_state *state, const json_t *node, const struct sql_scope *scope)
{
    const char *name = sql_string(node, "function_name");
    judge_name(state, node, name, json_object_get(node, "orders"));
    if (!stays_with_customer(node, scope))
        sql_refuse(
            state, sql_location(node),
            "customers SQL: this window sees other customers; add the customer key to PARTITION BY");
    if (takes_a_neighbour(node) && sees_order_of_ties(node, scope))
        sql_refuse(
            state, sql_location(node),
            "customers SQL: `%s` takes any of the rows that tie; its ORDER BY must have every column that this "
            "SELECT uses (select fewer columns, or add them to ORDER BY)",
            name);
    if (cuts_ties(node))
        sql_refuse(
            state, sql_location(node),
            "customers SQL: a ROWS frame or EXCLUDE cuts through rows that tie; use RANGE, or leave the frame out");
}

/* Remember the names, so that columns that nobody mentions are not read. */
static void judge_column(struct sql_state *state, const json_t *node, const struct sql_scope *scope)
{
    const json_t *names = json_object_get(node, "column_names");
    const size_t n = json_array_size(names);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (state->n_names == SQL_MAX_NAMES)
            state->all_columns = true;
        else
            state->name[state->n_names++] = name;
    }
    const char *last = n ? json_string_value(json_array_get(names, n - 1)) : "";
    const char *advice = n == 1 || is_no_case(last, "rowid") ? sql_word_advice(last) : NULL;
    if (advice)
        sql_refuse(state, sql_location(node), "customers SQL: `%s` is refused: %s", last, advice);
    for (size_t i = 0; n == 1 && scope && i < scope->n; i++)
        if (is_no_case(scope->relation[i].alias, last))
            state->all_columns = true; /* a whole row as a value */
}

static void walk_children(struct sql_state *state, const json_t *node, const struct sql_scope *scope)
{
    const char *member = NULL;
    json_t *value = NULL;
    size_t i = 0;
    json_object_foreach((json_t *)(uintptr_t)node, member,
                        value) if (strcmp(member, "subquery") != 0) sql_walk(state, value, scope);
    json_array_foreach(node, i, value) sql_walk(state, value, scope);
}

void sql_walk(struct sql_state *state, const json_t *node, const struct sql_scope *scope)
{
    if (!json_is_object(node) && !json_is_array(node)) return;
    if (++state->depth > SQL_MAX_DEPTH) {
        sql_refuse(state, SQL_NOWHERE, "customers SQL: it is nested too deeply");
        state->depth--;
        return;
    }
    if (sql_location(node) != SQL_NOWHERE) state->near = sql_location(node);
    if (sql_is(node, "class", "FUNCTION"))
        judge_function(state, node);
    else if (sql_is(node, "class", "WINDOW"))
        judge_window(state, node, scope);
    else if (sql_is(node, "class", "COLUMN_REF"))
        judge_column(state, node, scope);
    else if (sql_is(node, "class", "SUBQUERY"))
        sql_grain_subquery(state, node, scope);
    else if (sql_is(node, "class", "STAR"))
        state->all_columns = true;
    else if (sql_is(node, "class", "POSITIONAL_REFERENCE"))
        sql_refuse(state, sql_location(node),
                   "customers SQL: columns by position (#1) are refused; name the column");
    else if (sql_string(node, "collation")[0])
        sql_refuse(
            state, sql_location(node),
            "customers SQL: COLLATE makes different texts equal, and which of them is kept is not defined; use lower() "
            "or strip_accents()");
    else if (sql_is(node, "class", "PARAMETER"))
        sql_refuse(state, sql_location(node), "customers SQL: there are no parameters ($1, ?) here");
    walk_children(state, node, scope);
    state->depth--;
}

bool sql_has_aggregate(const struct sql_state *state, const json_t *node, json_int_t *location)
{
    const char *member = NULL;
    json_t *value = NULL;
    size_t i = 0;
    if (sql_is(node, "class", "SUBQUERY")) return false; /* has its own rows */
    if (sql_is(node, "class", "FUNCTION")) {
        const struct sql_known *known = sql_find_known(state, sql_string(node, "function_name"));
        *location = sql_location(node);
        if (known && known->aggregate) return true;
    }
    json_object_foreach((json_t *)(uintptr_t)node, member,
                        value) if (sql_has_aggregate(state, value, location)) return true;
    json_array_foreach(node, i, value) if (sql_has_aggregate(state, value, location)) return true;
    return false;
}
