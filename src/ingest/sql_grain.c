/* Which rows of the SQL belong to which customer.
 *
 * A relation is keyed when its rows belong to customers, and has the columns that hold their
 * key.  Keyed relations may meet only by equal keys, and aggregates over them must group by the
 * key; then every row is made of one customer's rows (and of lookups, which all ranks have), and
 * the result cannot depend on who else lives on the rank. */
#include <string.h>
#include <strings.h>

#include "sql_impl.h"

struct cte {
    const char *name;
    struct sql_relation relation;
    const struct cte *next;
};

/* What a query yields: a relation, and what its users need to know. */
struct output {
    struct sql_relation relation;
    size_t index[SQL_MAX_KEYS]; /* of each key among the columns; SIZE_MAX after a star */
    bool by_customer;           /* correlated: it sees the rows of the outer row's customer only */
    bool first_is_key;
};

#define OUTER SQL_MAX_RELATIONS /* the outer query's place among the groups */

static void analyse_node(struct sql_state *state, const json_t *node, const struct cte *ctes,
                         const struct sql_scope *outer, struct output *out);

static bool has_key(const struct sql_relation *relation, const char *name)
{
    for (size_t i = 0; i < relation->n_keys; i++)
        if (strcasecmp(relation->key[i], name) == 0) return true;
    return false;
}

static void add_key(struct output *out, const char *name, size_t index)
{
    struct sql_relation *relation = &out->relation;
    if (relation->n_keys == SQL_MAX_KEYS || has_key(relation, name)) return;
    out->index[relation->n_keys] = index;
    relation->key[relation->n_keys++] = name;
}

static const char *last_name(const json_t *column)
{
    const json_t *names = json_object_get(column, "column_names");
    const char *name = json_string_value(json_array_get(names, json_array_size(names) - 1));
    return name ? name : "";
}

/* The relation of this scope whose key the column is; SQL_MAX_RELATIONS when it is none. */
static size_t find_key(const struct sql_scope *scope, const json_t *expression)
{
    const json_t *names = json_object_get(expression, "column_names");
    const size_t n = json_array_size(names);
    if (!sql_is(expression, "class", "COLUMN_REF") || n == 0) return SQL_MAX_RELATIONS;
    const char *table = n > 1 ? json_string_value(json_array_get(names, n - 2)) : NULL;
    for (size_t i = 0; i < scope->n; i++) {
        if (table && strcasecmp(scope->relation[i].alias, table) != 0) continue;
        if (scope->relation[i].keyed && has_key(&scope->relation[i], last_name(expression)))
            return i;
    }
    return SQL_MAX_RELATIONS;
}

bool sql_is_key(const struct sql_scope *scope, const json_t *expression)
{
    if (sql_is(expression, "type", "OPERATOR_COALESCE")) {
        const json_t *children = json_object_get(expression, "children");
        bool all = json_array_size(children) > 0;
        for (size_t i = 0; i < json_array_size(children); i++)
            all = all && sql_is_key(scope, json_array_get(children, i));
        return all;
    }
    return find_key(scope, expression) < SQL_MAX_RELATIONS;
}

bool sql_is_keyed(const struct sql_scope *scope)
{
    for (size_t i = 0; scope && i < scope->n; i++)
        if (scope->relation[i].keyed) return true;
    return false;
}

/* --- groups of relations that are joined by their keys --- */

static size_t group_of(const struct sql_scope *scope, size_t i)
{
    return scope->group[i];
}

static void unite(struct sql_scope *scope, size_t a, size_t b)
{
    const size_t from = group_of(scope, a);
    const size_t into = group_of(scope, b);
    for (size_t i = 0; i <= SQL_MAX_RELATIONS; i++)
        if (scope->group[i] == from) scope->group[i] = into;
}

/* The relation, or OUTER, whose key an expression is; one more than OUTER when it is no key. */
static size_t find_side(const struct sql_scope *scope, const json_t *expression)
{
    const size_t inner = find_key(scope, expression);
    if (inner < SQL_MAX_RELATIONS) return inner;
    for (const struct sql_scope *at = scope->outer; at; at = at->outer)
        if (find_key(at, expression) < SQL_MAX_RELATIONS) return OUTER;
    return OUTER + 1;
}

/* Every equality of two keys that must hold. */
static void unite_equal(struct sql_scope *scope, const json_t *condition)
{
    if (sql_is(condition, "type", "CONJUNCTION_AND")) {
        const json_t *children = json_object_get(condition, "children");
        for (size_t i = 0; i < json_array_size(children); i++)
            unite_equal(scope, json_array_get(children, i));
    } else if (sql_is(condition, "type", "COMPARE_EQUAL")) {
        const size_t left = find_side(scope, json_object_get(condition, "left"));
        const size_t right = find_side(scope, json_object_get(condition, "right"));
        if (left <= OUTER && right <= OUTER) unite(scope, left, right);
    }
}

static void unite_using(struct sql_scope *scope, size_t first, const json_t *columns)
{
    for (size_t c = 0; c < json_array_size(columns); c++) {
        const char *name = json_string_value(json_array_get(columns, c));
        size_t seen = SQL_MAX_RELATIONS;
        for (size_t i = first; name && i < scope->n; i++) {
            if (!scope->relation[i].keyed || !has_key(&scope->relation[i], name)) continue;
            if (seen < SQL_MAX_RELATIONS) unite(scope, seen, i);
            seen = i;
        }
    }
}

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

static void add_source(struct sql_state *state, const json_t *ref, const struct cte *ctes,
                       struct sql_scope *scope)
{
    const char *name = sql_string(ref, "table_name");
    struct sql_relation *relation = add_relation(state, scope, ref);
    const char *alias = sql_string(ref, "alias")[0] ? sql_string(ref, "alias") : name;
    *relation = (struct sql_relation){.alias = alias};
    for (const struct cte *cte = ctes; cte; cte = cte->next) {
        if (strcasecmp(cte->name, name) != 0) continue;
        *relation = cte->relation;
        relation->alias = alias;
        return;
    }
    for (size_t i = 0; i < state->job->n_sources; i++) {
        const struct sql_source *source = &state->job->source[i];
        if (strcasecmp(source->name, name) != 0 || sql_string(ref, "schema_name")[0]) continue;
        relation->keyed = source->key != NULL;
        if (source->key) relation->key[relation->n_keys++] = source->key;
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
static void add_subquery(struct sql_state *state, const json_t *ref, const struct cte *ctes,
                         struct sql_scope *scope)
{
    struct output out = {0};
    analyse_node(state, json_object_get(json_object_get(ref, "subquery"), "node"), ctes, scope,
                 &out);
    struct sql_relation *relation = add_relation(state, scope, ref);
    *relation = out.relation;
    relation->alias = sql_string(ref, "alias");
    if (out.by_customer) relation->keyed = false; /* it brings no rows of others */
    if (json_array_size(json_object_get(ref, "column_name_alias")) > 0)
        relation->n_keys = 0; /* renamed */
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

static bool add_ref(struct sql_state *state, const json_t *ref, const struct cte *ctes,
                    struct sql_scope *scope);

/* Rows of a lookup that no customer of this rank has would appear on some ranks and not on
 * others. */
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

static bool add_join(struct sql_state *state, const json_t *ref, const struct cte *ctes,
                     struct sql_scope *scope)
{
    const size_t first = scope->n;
    judge_join(state, ref);
    const bool left = add_ref(state, json_object_get(ref, "left"), ctes, scope);
    const bool right = add_ref(state, json_object_get(ref, "right"), ctes, scope);
    judge_sides(state, ref, left, right);
    const json_t *columns = json_object_get(ref, "using_columns");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        if (state->n_names == SQL_MAX_NAMES)
            state->all_columns = true;
        else
            state->name[state->n_names++] = json_string_value(json_array_get(columns, i));
    }
    unite_using(scope, first, columns);
    unite_equal(scope, json_object_get(ref, "condition"));
    sql_walk(state, json_object_get(ref, "condition"), scope);
    return left || right;
}

/* Add what a FROM item brings; true when some of its rows belong to customers. */
static bool add_ref(struct sql_state *state, const json_t *ref, const struct cte *ctes,
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
        add_relation(state, scope, ref)->alias = sql_string(ref, "alias");
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
        if (seen < SQL_MAX_RELATIONS && group_of(scope, seen) != group_of(scope, i))
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
        if (strcasecmp(sql_string(item, "alias"), last_name(group)) == 0 && sql_is_key(scope, item))
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

static void take_star(const json_t *item, const struct sql_scope *scope, struct output *out)
{
    const char *table = sql_string(item, "relation_name");
    for (size_t i = 0; i < scope->n; i++) {
        const struct sql_relation *relation = &scope->relation[i];
        if (!relation->keyed || (table[0] && strcasecmp(table, relation->alias) != 0)) continue;
        for (size_t j = 0; j < relation->n_keys; j++) add_key(out, relation->key[j], SIZE_MAX);
    }
}

static void take_output(const json_t *node, const struct sql_scope *scope, struct output *out)
{
    const json_t *items = json_object_get(node, "select_list");
    bool star = false;
    out->relation.keyed = sql_is_keyed(scope);
    out->first_is_key = sql_is_key(scope, json_array_get(items, 0));
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (sql_is(item, "class", "STAR")) {
            take_star(item, scope, out);
            star = true;
        } else if (sql_is_key(scope, item)) {
            const char *alias = sql_string(item, "alias");
            add_key(out, alias[0] ? alias : last_name(item), star ? SIZE_MAX : i);
        }
    }
}

static void analyse_select(struct sql_state *state, const json_t *node, const struct cte *ctes,
                           const struct sql_scope *outer, struct output *out)
{
    struct sql_scope *scope = STRATA_NEW(state->keep, struct sql_scope, 1);
    if (!scope) {
        sql_refuse(state, SQL_NOWHERE, "customers SQL: no memory to check it");
        return;
    }
    scope->outer = outer;
    for (size_t i = 0; i <= SQL_MAX_RELATIONS; i++) scope->group[i] = i;
    (void)add_ref(state, json_object_get(node, "from_table"), ctes, scope);
    unite_equal(scope, json_object_get(node, "where_clause"));
    judge_groups(state, node, scope);
    bool by_customer = sql_is_keyed(scope);
    for (size_t i = 0; i < scope->n; i++)
        by_customer = by_customer &&
                      (!scope->relation[i].keyed || group_of(scope, i) == group_of(scope, OUTER));
    judge_grouping(state, node, scope, by_customer);
    static const char *const clauses[] = {"select_list", "where_clause", "group_expressions",
                                          "having",      "qualify",      "modifiers"};
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        sql_walk(state, json_object_get(node, clauses[i]), scope);
    if (json_is_object(json_object_get(node, "sample")))
        sql_refuse(state, SQL_NOWHERE,
                   "customers SQL: a sample changes from run to run; leave it out");
    take_output(node, scope, out);
    out->by_customer = by_customer;
}

/* A set operation has a key where both sides have it at the same column; its names are the left
 * side's. */
static void analyse_set(struct sql_state *state, const json_t *node, const struct cte *ctes,
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
    for (size_t i = 0; i < left.relation.n_keys; i++)
        for (size_t j = 0; j < right.relation.n_keys; j++)
            if (left.index[i] == right.index[j] &&
                (left.index[i] != SIZE_MAX ||
                 strcasecmp(left.relation.key[i], right.relation.key[j]) == 0))
                add_key(out, left.relation.key[i], left.index[i]);
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

/* Names given to a CTE's columns take the place of its own. */
static void rename_keys(struct output *out, const json_t *names)
{
    if (json_array_size(names) == 0) return;
    for (size_t i = 0; i < out->relation.n_keys; i++) {
        const char *name = json_string_value(json_array_get(names, out->index[i]));
        if (out->index[i] < json_array_size(names) && name) out->relation.key[i] = name;
    }
}

/* DuckDB repeats a materialised CTE in the tree; each copy is walked, so that all its sums are
 * seen. */
static void analyse_materialised(struct sql_state *state, const json_t *node, const struct cte *ctes,
                                 const struct sql_scope *outer, struct output *out)
{
    struct output inner = {0};
    analyse_node(state, json_object_get(node, "query"), ctes, outer, &inner);
    analyse_node(state, json_object_get(node, "child"), ctes, outer, out);
}

static void analyse_node(struct sql_state *state, const json_t *node, const struct cte *ctes,
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
        struct cte *cte = STRATA_NEW(state->keep, struct cte, 1);
        if (!cte) break; /* the names are then unknown, which is told */
        analyse_node(state, json_object_get(json_object_get(value, "query"), "node"), ctes, outer,
                     &inner);
        rename_keys(&inner, json_object_get(value, "aliases"));
        *cte =
            (struct cte){.name = sql_string(entry, "key"), .relation = inner.relation, .next = ctes};
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
    analyse_node(state, json_object_get(json_object_get(node, "subquery"), "node"), NULL, outer,
                 &out);
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
    *key_is_source_key = out.relation.keyed && has_key(&out.relation, state->job->key);
}
