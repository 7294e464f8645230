/* Which rows of the SQL belong to which customer.
 *
 * A relation is keyed when its rows belong to customers, and has the columns that hold their key.
 * Keyed relations may meet only by equal keys, and aggregates over them must group by the key; then
 * every row is made of one customer's rows (and of lookups, which all ranks have), and the result
 * cannot depend on who else lives on the rank. */
#include <string.h>
#include <strings.h>

#include "sql_impl.h"

struct sql_cte {
    const char *name;
    struct sql_relation relation;
    const struct sql_cte *next;
};

/* What a query yields: a relation, and what its users need to know. */
struct output {
    struct sql_relation relation;
    bool by_customer; /* correlated: it sees the rows of the outer row's customer only */
    bool first_is_key;
};

static void analyse_node(struct sql_state *state, const json_t *node, const struct sql_cte *ctes,
                         const struct sql_scope *outer, struct output *out);

/* --- FROM --- */

static struct sql_relation *add_relation(struct sql_state *state, struct sql_scope *scope,
                                         const json_t *ref)
{
    if (scope->n == SQL_MAX_RELATIONS) {
        sql_refuse(state, sql_location(ref), "customers SQL: more than %d tables in one FROM",
                   SQL_MAX_RELATIONS);
        return &state->spare;
    }
    return &scope->relation[scope->n++];
}

/* The column's place in a source's table; SIZE_MAX when it has none. */
static size_t column_index(struct sql_state *state, const char *table, const char *column)
{
    int64_t index = 0;
    struct strata_err ignored = {0};
    const char *name = strata_duck_literal(table, state->keep);
    const char *wanted = strata_duck_literal(column, state->keep);
    if (!name || !wanted) return SIZE_MAX;
    const strata_status rc =
        strata_duck_scalar(state->duck, &index, &ignored,
                           "SELECT coalesce(max(column_index), 0) FROM duckdb_columns() WHERE "
                           "lower(table_name) = lower(%s) AND lower(column_name) = lower(%s)",
                           name, wanted);
    return rc == STRATA_OK && index > 0 ? (size_t)index - 1 : SIZE_MAX;
}

static void add_source(struct sql_state *state, const json_t *ref, const struct sql_cte *ctes,
                       struct sql_scope *scope)
{
    const char *name = sql_string(ref, "table_name");
    struct sql_relation *relation = add_relation(state, scope, ref);
    const char *alias = sql_string(ref, "alias")[0] ? sql_string(ref, "alias") : name;
    *relation = (struct sql_relation){.alias = alias};
    for (const struct sql_cte *cte = ctes; cte; cte = cte->next) {
        if (strcasecmp(cte->name, name) != 0) continue;
        *relation = cte->relation;
        relation->alias = alias;
        sql_rename_keys(relation, json_object_get(ref, "column_name_alias"));
        return;
    }
    for (size_t i = 0; i < state->job->n_sources; i++) {
        const struct sql_source *source = &state->job->source[i];
        if (strcasecmp(source->name, name) != 0 || sql_string(ref, "schema_name")[0]) continue;
        relation->keyed = source->key != NULL;
        relation->source = source->name;
        if (source->key)
            sql_add_key(relation, (struct sql_key){.name = source->key,
                                                   .index = column_index(state, name, source->key)});
        sql_rename_keys(relation, json_object_get(ref, "column_name_alias"));
        return;
    }
    const char *known[STRATA_PROBLEMS_MAX];
    size_t n = 0;
    state->reaches_out = true;
    for (; n < state->job->n_sources && n < STRATA_PROBLEMS_MAX; n++)
        known[n] = state->job->source[n].name;
    const char *near = strata_nearest_word(name, known, n);
    sql_refuse(state, sql_location(ref), "customers SQL: \"%s\" is not a source of the job%s%s%s",
               name, near ? "; is it \"" : "", near ? near : "",
               near ? "\"?" : "; files are named under `sources:` only");
}

/* A subquery in FROM; one that is correlated by the key belongs to its neighbour's customer. */
static void add_subquery(struct sql_state *state, const json_t *ref, const struct sql_cte *ctes,
                         struct sql_scope *scope)
{
    struct output out = {0};
    analyse_node(state, json_object_get(json_object_get(ref, "subquery"), "node"), ctes, scope,
                 &out);
    struct sql_relation *relation = add_relation(state, scope, ref);
    *relation = out.relation;
    relation->alias = sql_string(ref, "alias");
    if (out.by_customer) relation->keyed = false; /* it brings no rows of others */
    sql_rename_keys(relation, json_object_get(ref, "column_name_alias"));
}

static void add_function(struct sql_state *state, const json_t *ref, struct sql_scope *scope)
{
    static const char *const allowed[] = {"range", "generate_series", "unnest"};
    const json_t *function = json_object_get(ref, "function");
    const char *name = sql_string(function, "function_name");
    bool fine = false;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        fine = fine || strcasecmp(allowed[i], name) == 0;
    state->reaches_out = state->reaches_out || !fine;
    if (!fine)
        sql_refuse(
            state, sql_location(ref),
            "customers SQL: the table function `%s` is refused; the SQL reads the job's sources only",
            name);
    sql_walk(state, json_object_get(function, "children"), scope);
    add_relation(state, scope, ref)->alias = sql_string(ref, "alias");
}

static void add_values(struct sql_state *state, const json_t *ref, struct sql_scope *scope)
{
    sql_walk(state, json_object_get(ref, "values"), scope);
    add_relation(state, scope, ref)->alias = sql_string(ref, "alias");
}

static bool add_ref(struct sql_state *state, const json_t *ref, const struct sql_cte *ctes,
                    struct sql_scope *scope);

/* Rows of a lookup that no customer of this rank has would appear on some ranks and not on others. */
static void judge_sides(struct sql_state *state, const json_t *ref, bool left_keyed,
                        bool right_keyed)
{
    const char *type = sql_string(ref, "join_type");
    const bool keeps_left = strcmp(type, "INNER") != 0 && strcmp(type, "RIGHT") != 0;
    const bool keeps_right =
        strcmp(type, "RIGHT") == 0 || strcmp(type, "FULL") == 0 || strcmp(type, "OUTER") == 0;
    if ((keeps_left && !left_keyed && right_keyed) || (keeps_right && !right_keyed && left_keyed))
        sql_refuse(
            state, sql_location(ref),
            "customers SQL: this join keeps rows of a lookup that no customer has; put the source with the "
            "customer key on the side that is kept");
}

static void judge_join(struct sql_state *state, const json_t *ref)
{
    const char *type = sql_string(ref, "ref_type");
    if (strcmp(type, "POSITIONAL") == 0)
        sql_refuse(state, sql_location(ref),
                   "customers SQL: a POSITIONAL join depends on the order of rows; join on columns");
    if (strcmp(type, "ASOF") == 0)
        sql_refuse(state, sql_location(ref),
                   "customers SQL: an ASOF join takes any of the rows that tie; join on a "
                   "max() or min() instead");
    if (strcmp(type, "NATURAL") == 0)
        sql_refuse(state, sql_location(ref),
                   "customers SQL: a NATURAL join hides its columns; write USING (...)");
}

/* The condition's equalities, then which side may be without a row, or is not seen any more. */
static void judge_condition(struct sql_scope *scope, const json_t *ref, size_t first, size_t middle)
{
    const char *type = sql_string(ref, "join_type");
    const bool full = strcmp(type, "FULL") == 0 || strcmp(type, "OUTER") == 0;
    const bool inner = strcmp(type, "INNER") == 0 || strcmp(type, "SEMI") == 0;
    const bool right = strcmp(type, "RIGHT") == 0;
    const struct sql_kept left_kept = {first, inner || right ? first : middle};
    const struct sql_kept right_kept = {middle, full || right ? scope->n : middle};
    sql_unite_equal(scope, json_object_get(ref, "condition"), left_kept, right_kept);
    for (size_t i = first; i < scope->n; i++) {
        struct sql_relation *relation = &scope->relation[i];
        relation->optional = relation->optional || full || (i < middle ? right : !inner && !right);
        if (i >= middle && (strcmp(type, "SEMI") == 0 || strcmp(type, "ANTI") == 0))
            relation->n_keys = 0;
    }
}

static bool add_join(struct sql_state *state, const json_t *ref, const struct sql_cte *ctes,
                     struct sql_scope *scope)
{
    const size_t first = scope->n;
    judge_join(state, ref);
    const bool left = add_ref(state, json_object_get(ref, "left"), ctes, scope);
    const size_t middle = scope->n;
    const bool right = add_ref(state, json_object_get(ref, "right"), ctes, scope);
    judge_sides(state, ref, left, right);
    const json_t *columns = json_object_get(ref, "using_columns");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        if (state->n_names == SQL_MAX_NAMES)
            state->all_columns = true;
        else
            state->name[state->n_names++] = json_string_value(json_array_get(columns, i));
    }
    sql_unite_using(scope, first, columns);
    judge_condition(scope, ref, first, middle);
    sql_walk(state, json_object_get(ref, "condition"), scope);
    return left || right;
}

/* Add what a FROM item brings; true when some of its rows belong to customers. */
static bool add_ref(struct sql_state *state, const json_t *ref, const struct sql_cte *ctes,
                    struct sql_scope *scope)
{
    const size_t first = scope->n;
    if (json_is_object(json_object_get(ref, "sample")))
        sql_refuse(state, sql_location(ref),
                   "customers SQL: a sample changes from run to run; leave it out");
    if (sql_is(ref, "type", "BASE_TABLE"))
        add_source(state, ref, ctes, scope);
    else if (sql_is(ref, "type", "SUBQUERY"))
        add_subquery(state, ref, ctes, scope);
    else if (sql_is(ref, "type", "JOIN"))
        return add_join(state, ref, ctes, scope);
    else if (sql_is(ref, "type", "TABLE_FUNCTION"))
        add_function(state, ref, scope);
    else if (sql_is(ref, "type", "EXPRESSION_LIST"))
        add_values(state, ref, scope);
    else if (!sql_is(ref, "type", "EMPTY"))
        sql_refuse(
            state, sql_location(ref),
            "customers SQL: PIVOT, UNPIVOT and SHOW are refused; write sum(...) FILTER (WHERE ...) for each column");
    return first < scope->n && scope->relation[first].keyed;
}

/* All customers' relations must have met by their keys. */
static void judge_groups(struct sql_state *state, const json_t *node, const struct sql_scope *scope)
{
    size_t seen = SQL_MAX_RELATIONS;
    for (size_t i = 0; i < scope->n; i++) {
        if (!scope->relation[i].keyed) continue;
        if (seen < SQL_MAX_RELATIONS && sql_group_of(scope, seen) != sql_group_of(scope, i))
            sql_refuse(
                state, sql_location(json_array_get(json_object_get(node, "select_list"), 0)),
                "customers SQL: \"%s\" and \"%s\" are not joined on the customer key, so customers would meet each "
                "other; add USING or ON with the key",
                scope->relation[seen].alias, scope->relation[i].alias);
        seen = i;
    }
}

/* --- SELECT --- */

static bool is_key_item(const json_t *node, const struct sql_scope *scope, const json_t *group)
{
    const json_t *items = json_object_get(node, "select_list");
    if (sql_is_key(scope, group)) return true;
    const json_t *value = json_object_get(json_object_get(group, "value"), "value");
    if (sql_is(group, "class", "CONSTANT") && json_is_integer(value) && json_integer_value(value) > 0)
        return sql_is_key(scope, json_array_get(items, (size_t)json_integer_value(value) - 1));
    for (size_t i = 0; sql_is(group, "class", "COLUMN_REF") && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (strcasecmp(sql_string(item, "alias"), sql_last_name(group)) == 0 &&
            sql_is_key(scope, item))
            return true;
    }
    return false;
}

static bool set_has_key(const json_t *node, const struct sql_scope *scope, const json_t *set)
{
    const json_t *groups = json_object_get(node, "group_expressions");
    for (size_t i = 0; i < json_array_size(set); i++) {
        const json_int_t index = json_integer_value(json_array_get(set, i));
        if (is_key_item(node, scope, json_array_get(groups, (size_t)index))) return true;
    }
    return false;
}

static bool groups_by_key(const json_t *node, const struct sql_scope *scope)
{
    if (sql_is(node, "aggregate_handling", "FORCE_AGGREGATES")) {
        const json_t *items = json_object_get(node, "select_list");
        for (size_t i = 0; i < json_array_size(items); i++)
            if (sql_is_key(scope, json_array_get(items, i))) return true;
        return false;
    }
    const json_t *sets = json_object_get(node, "group_sets");
    bool all = json_array_size(sets) > 0;
    for (size_t i = 0; i < json_array_size(sets); i++)
        all = all && set_has_key(node, scope, json_array_get(sets, i));
    return all;
}

static void judge_grouping(struct sql_state *state, const json_t *node,
                           const struct sql_scope *scope, bool by_customer)
{
    json_int_t location = SQL_NOWHERE;
    const json_t *groups = json_object_get(node, "group_expressions");
    const bool aggregates =
        sql_has_aggregate(state, json_object_get(node, "select_list"), &location) ||
        sql_has_aggregate(state, json_object_get(node, "having"), &location) ||
        json_array_size(groups) > 0 || sql_is(node, "aggregate_handling", "FORCE_AGGREGATES");
    if (!aggregates || !sql_is_keyed(scope) || by_customer || groups_by_key(node, scope)) return;
    if (json_array_size(groups) > 0) location = sql_location(json_array_get(groups, 0));
    sql_refuse(
        state, location,
        "customers SQL: this aggregate adds up several customers; every GROUP BY (and each grouping set) must have "
        "the customer key");
}

/* Does any text in the tree say the name? */
static bool mentions(const json_t *node, const char *name)
{
    const char *member = NULL;
    json_t *value = NULL;
    size_t i = 0;
    if (json_is_string(node)) return strcasecmp(json_string_value(node), name) == 0;
    json_object_foreach((json_t *)(uintptr_t)node, member,
                        value) if (mentions(value, name)) return true;
    json_array_foreach(node, i, value) if (mentions(value, name)) return true;
    return false;
}

/* The item's name, or "" when DuckDB makes one. */
static const char *item_name(const json_t *item)
{
    const char *alias = sql_string(item, "alias");
    return alias[0] ? alias : sql_last_name(item);
}

/* DuckDB gives a name to the first column that has it; may one before this item be it? */
static bool is_taken(const json_t *items, size_t end, const char *name)
{
    for (size_t i = 0; i < end; i++)
        if (!sql_is(json_array_get(items, i), "class", "STAR") &&
            strcasecmp(item_name(json_array_get(items, i)), name) == 0)
            return true;
    return false;
}

/* May a relation before this one have a column of that name, which a star then shows first? */
static bool is_hidden(struct sql_state *state, const struct sql_scope *scope, size_t end,
                      const char *table, const char *name)
{
    for (size_t i = 0; i < end; i++) {
        const struct sql_relation *relation = &scope->relation[i];
        if (table[0] && strcasecmp(table, relation->alias) != 0) continue;
        if (!relation->source || column_index(state, relation->source, name) != SIZE_MAX)
            return true;
    }
    return false;
}

/* The keys of a star, but for those that EXCLUDE, REPLACE, RENAME or COLUMNS may have changed. */
static void take_star(struct sql_state *state, const json_t *items, size_t at,
                      const struct sql_scope *scope, struct output *out)
{
    const json_t *item = json_array_get(items, at);
    const char *table = sql_string(item, "relation_name");
    const bool listed = json_array_size(json_object_get(item, "exclude_list")) > 0 ||
                        json_array_size(json_object_get(item, "qualified_exclude_list")) > 0 ||
                        json_array_size(json_object_get(item, "replace_list")) > 0 ||
                        json_array_size(json_object_get(item, "rename_list")) > 0;
    if (json_is_object(json_object_get(item, "expr"))) return;
    for (size_t i = 0; i < scope->n; i++) {
        const struct sql_relation *relation = &scope->relation[i];
        if (!relation->keyed || (table[0] && strcasecmp(table, relation->alias) != 0)) continue;
        for (size_t j = 0; j < relation->n_keys; j++) {
            struct sql_key key = relation->key[j];
            const bool placed = i == 0 && at == 0 && !listed;
            if (is_taken(items, at, key.name) || (listed && mentions(item, key.name)) ||
                is_hidden(state, scope, i, table, key.name))
                continue;
            key.index = placed ? key.index : SIZE_MAX;
            key.nullable = key.nullable || relation->optional;
            sql_add_key(&out->relation, key);
        }
    }
}

static void take_output(struct sql_state *state, const json_t *node, const struct sql_scope *scope,
                        struct output *out)
{
    const json_t *items = json_object_get(node, "select_list");
    bool star = false;
    out->relation.keyed = sql_is_keyed(scope);
    out->first_is_key = sql_is_key(scope, json_array_get(items, 0));
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        bool never_null = false;
        if (sql_is(item, "class", "STAR")) {
            take_star(state, items, i, scope, out);
            star = true;
        } else if (sql_is_key_or_null(scope, item, &never_null) &&
                   !is_taken(items, i, item_name(item))) {
            sql_add_key(&out->relation,
                        (struct sql_key){item_name(item), star ? SIZE_MAX : i, !never_null});
        }
    }
}

static void analyse_select(struct sql_state *state, const json_t *node, const struct sql_cte *ctes,
                           const struct sql_scope *outer, struct output *out)
{
    struct sql_scope *scope = STRATA_NEW(state->keep, struct sql_scope, 1);
    if (!scope) {
        sql_refuse(state, SQL_NOWHERE, "customers SQL: no memory to check it");
        return;
    }
    scope->outer = outer;
    scope->node = node;
    scope->ctes = ctes;
    for (size_t i = 0; i <= SQL_MAX_RELATIONS; i++) scope->group[i] = i;
    (void)add_ref(state, json_object_get(node, "from_table"), ctes, scope);
    sql_unite_equal(scope, json_object_get(node, "where_clause"), (struct sql_kept){0},
                    (struct sql_kept){0});
    judge_groups(state, node, scope);
    bool by_customer = sql_is_keyed(scope);
    for (size_t i = 0; i < scope->n; i++)
        by_customer = by_customer && (!scope->relation[i].keyed ||
                                      sql_group_of(scope, i) == sql_group_of(scope, SQL_OUTER));
    judge_grouping(state, node, scope, by_customer);
    static const char *const clauses[] = {"select_list", "where_clause", "group_expressions",
                                          "having",      "qualify",      "modifiers"};
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        sql_walk(state, json_object_get(node, clauses[i]), scope);
    if (json_is_object(json_object_get(node, "sample")))
        sql_refuse(state, SQL_NOWHERE,
                   "customers SQL: a sample changes from run to run; leave it out");
    take_output(state, node, scope, out);
    out->by_customer = by_customer;
}

/* A set operation has a key where both sides have it at the same column; its names are the left side's. */
static void analyse_set(struct sql_state *state, const json_t *node, const struct sql_cte *ctes,
                        const struct sql_scope *outer, struct output *out)
{
    struct output left = {0};
    struct output right = {0};
    analyse_node(state, json_object_get(node, "left"), ctes, outer, &left);
    analyse_node(state, json_object_get(node, "right"), ctes, outer, &right);
    out->relation.keyed = left.relation.keyed || right.relation.keyed;
    out->first_is_key = left.first_is_key && right.first_is_key;
    out->by_customer =
        (left.by_customer || !left.relation.keyed) && (right.by_customer || !right.relation.keyed);
    const bool by_name = sql_is(node, "setop_type", "UNION_BY_NAME");
    for (size_t i = 0; i < left.relation.n_keys; i++) {
        struct sql_key key = left.relation.key[i];
        for (size_t j = 0; j < right.relation.n_keys; j++) {
            const struct sql_key *other = &right.relation.key[j];
            if (by_name ? strcasecmp(key.name, other->name) != 0
                        : key.index == SIZE_MAX || key.index != other->index)
                continue;
            key.nullable = key.nullable || other->nullable;
            sql_add_key(&out->relation, key);
        }
    }
}

static void judge_modifiers(struct sql_state *state, const json_t *node)
{
    const json_t *modifiers = json_object_get(node, "modifiers");
    for (size_t i = 0; i < json_array_size(modifiers); i++) {
        const json_t *modifier = json_array_get(modifiers, i);
        const json_t *targets = json_object_get(modifier, "distinct_on_targets");
        const json_t *limit = json_object_get(modifier, "limit");
        if (strncmp(sql_string(modifier, "type"), "LIMIT", 5) == 0)
            sql_refuse(
                state,
                sql_location(json_is_object(limit) ? limit : json_object_get(modifier, "offset")),
                "customers SQL: LIMIT and OFFSET take rows by an order that ranks do not share; filter with WHERE");
        if (json_array_size(targets) > 0)
            sql_refuse(
                state, sql_location(json_array_get(targets, 0)),
                "customers SQL: DISTINCT ON keeps any of the rows that tie; use max() or min() with GROUP BY");
    }
}

/* DuckDB repeats a materialised CTE in the tree; each copy is walked, so that all its sums are seen. */
static void analyse_materialised(struct sql_state *state, const json_t *node,
                                 const struct sql_cte *ctes, const struct sql_scope *outer,
                                 struct output *out)
{
    struct output inner = {0};
    analyse_node(state, json_object_get(node, "query"), ctes, outer, &inner);
    analyse_node(state, json_object_get(node, "child"), ctes, outer, out);
}

static void analyse_node(struct sql_state *state, const json_t *node, const struct sql_cte *ctes,
                         const struct sql_scope *outer, struct output *out)
{
    const json_t *map = json_object_get(json_object_get(node, "cte_map"), "map");
    if (++state->depth > SQL_MAX_DEPTH) {
        sql_refuse(state, SQL_NOWHERE, "customers SQL: it is nested too deeply");
        state->depth--;
        return;
    }
    for (size_t i = 0; i < json_array_size(map); i++) {
        const json_t *entry = json_array_get(map, i);
        const json_t *value = json_object_get(entry, "value");
        struct output inner = {0};
        struct sql_cte *cte = STRATA_NEW(state->keep, struct sql_cte, 1);
        if (!cte) break; /* the names are then unknown, which is told */
        analyse_node(state, json_object_get(json_object_get(value, "query"), "node"), ctes, outer,
                     &inner);
        sql_rename_keys(&inner.relation, json_object_get(value, "aliases"));
        *cte = (struct sql_cte){
            .name = sql_string(entry, "key"), .relation = inner.relation, .next = ctes};
        ctes = cte;
    }
    judge_modifiers(state, node);
    if (sql_is(node, "type", "SELECT_NODE"))
        analyse_select(state, node, ctes, outer, out);
    else if (sql_is(node, "type", "SET_OPERATION_NODE"))
        analyse_set(state, node, ctes, outer, out);
    else if (sql_is(node, "type", "CTE_NODE"))
        analyse_materialised(state, node, ctes, outer, out);
    else
        sql_refuse(state, SQL_NOWHERE,
                   "customers SQL: recursive queries are refused; write the steps one by one");
    state->depth--;
}

void sql_grain_subquery(struct sql_state *state, const json_t *node, const struct sql_scope *outer)
{
    struct output out = {0};
    analyse_node(state, json_object_get(json_object_get(node, "subquery"), "node"), outer->ctes,
                 outer, &out);
    const bool in_by_key = sql_is(node, "subquery_type", "ANY") &&
                           sql_is(node, "comparison_type", "COMPARE_EQUAL") && out.first_is_key &&
                           sql_is_key(outer, json_object_get(node, "child"));
    if (out.relation.keyed && !out.by_customer && !in_by_key)
        sql_refuse(
            state, sql_location(node),
            "customers SQL: this subquery sees other customers; join it on the customer key, or compare the key "
            "with the outer query's in its WHERE");
}

void sql_grain(struct sql_state *state, json_t *query, bool *key_is_source_key)
{
    struct output out = {0};
    analyse_node(state, query, NULL, NULL, &out);
    *key_is_source_key = out.relation.keyed && sql_key_named(&out.relation, state->job->key);
}
