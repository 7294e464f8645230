/* Which columns hold the customer's key, and which relations are joined by it. */
#include <string.h>
#include <strings.h>

#include "sql_impl.h"

const struct sql_key *sql_key_named(const struct sql_relation *relation, const char *name)
{
    for (size_t i = 0; i < relation->n_keys; i++)
        if (strcasecmp(relation->key[i].name, name) == 0) return &relation->key[i];
    return NULL;
}

void sql_add_key(struct sql_relation *relation, struct sql_key key)
{
    if (relation->n_keys == SQL_MAX_KEYS || sql_key_named(relation, key.name)) return;
    relation->key[relation->n_keys++] = key;
}

const char *sql_last_name(const json_t *column)
{
    const json_t *names = json_object_get(column, "column_names");
    const char *name = json_string_value(json_array_get(names, json_array_size(names) - 1));
    return name ? name : "";
}

/* What a column is among the keys of a scope. */
struct key_match {
    size_t relation; /* the first one whose key it is */
    size_t n;        /* several after USING, which made them one column */
    bool never_null;
};

static struct key_match match_key(const struct sql_scope *scope, const json_t *expression)
{
    struct key_match match = {0};
    bool nullable = false;
    const json_t *names = json_object_get(expression, "column_names");
    const size_t n = json_array_size(names);
    if (!sql_is(expression, "class", "COLUMN_REF") || n == 0) return match;
    const char *table = n > 1 ? json_string_value(json_array_get(names, n - 2)) : NULL;
    for (size_t i = 0; i < scope->n; i++) {
        const struct sql_relation *relation = &scope->relation[i];
        const struct sql_key *key =
            relation->keyed ? sql_key_named(relation, sql_last_name(expression)) : NULL;
        if (!key || (table && strcasecmp(relation->alias, table) != 0)) continue;
        if (match.n++ == 0) match.relation = i;
        match.never_null = match.never_null || (!key->nullable && !relation->optional);
        nullable = nullable || key->nullable;
    }
    match.never_null =
        match.never_null || (match.n > 1 && !nullable); /* the side that has a row gives it */
    return match;
}

/* The relation of this scope whose key the column is; SQL_MAX_RELATIONS when it is none. */
static size_t find_key(const struct sql_scope *scope, const json_t *expression)
{
    const struct key_match match = match_key(scope, expression);
    return match.n > 0 ? match.relation : SQL_MAX_RELATIONS;
}

static size_t count_keyed(const struct sql_scope *scope)
{
    size_t n = 0;
    for (size_t i = 0; i < scope->n; i++) n += scope->relation[i].keyed;
    return n;
}

/* A key, or coalesce() of keys; *never_null when each row has one. */
bool sql_is_key_or_null(const struct sql_scope *scope, const json_t *expression, bool *never_null)
{
    if (!sql_is(expression, "type", "OPERATOR_COALESCE")) {
        const struct key_match match = match_key(scope, expression);
        *never_null = match.never_null;
        return match.n > 0;
    }
    bool seen[SQL_MAX_RELATIONS] = {false};
    size_t n_seen = 0;
    bool nullable = false;
    const json_t *children = json_object_get(expression, "children");
    *never_null = false;
    for (size_t i = 0; i < json_array_size(children); i++) {
        const struct key_match match = match_key(scope, json_array_get(children, i));
        if (match.n == 0) return false;
        *never_null = *never_null || match.never_null;
        nullable = nullable || (!match.never_null && !scope->relation[match.relation].optional);
        if (!seen[match.relation]) n_seen++;
        seen[match.relation] = true;
    }
    *never_null = *never_null ||
                  (!nullable && n_seen > 0 && n_seen == count_keyed(scope)); /* of a full join */
    return n_seen > 0;
}

bool sql_is_key(const struct sql_scope *scope, const json_t *expression)
{
    bool never_null = false;
    return sql_is_key_or_null(scope, expression, &never_null) && never_null;
}

bool sql_is_keyed(const struct sql_scope *scope)
{
    for (size_t i = 0; scope && i < scope->n; i++)
        if (scope->relation[i].keyed) return true;
    return false;
}

size_t sql_group_of(const struct sql_scope *scope, size_t i)
{
    return scope->group[i];
}

static void unite(struct sql_scope *scope, size_t a, size_t b)
{
    const size_t from = sql_group_of(scope, a);
    const size_t into = sql_group_of(scope, b);
    for (size_t i = 0; i <= SQL_MAX_RELATIONS; i++)
        if (scope->group[i] == from) scope->group[i] = into;
}

/* The relation, or SQL_OUTER, whose key an expression is; one more than SQL_OUTER when it is no key. */
static size_t find_side(const struct sql_scope *scope, const json_t *expression)
{
    const size_t inner = find_key(scope, expression);
    if (inner < SQL_MAX_RELATIONS) return inner;
    for (const struct sql_scope *at = scope->outer; at; at = at->outer)
        if (find_key(at, expression) < SQL_MAX_RELATIONS) return SQL_OUTER;
    return SQL_OUTER + 1;
}

static bool has_kept(const struct sql_scope *scope, size_t group, struct sql_kept kept)
{
    if (kept.first == kept.end) return false;
    for (size_t i = kept.first; i < kept.end; i++)
        if (sql_group_of(scope, i) == group) return true;
    return sql_group_of(scope, SQL_OUTER) == group;
}

/* Every equality of two keys that must hold; it does not bring together what is kept without it. */
void sql_unite_equal(struct sql_scope *scope, const json_t *condition, struct sql_kept left,
                     struct sql_kept right)
{
    if (sql_is(condition, "type", "CONJUNCTION_AND")) {
        const json_t *children = json_object_get(condition, "children");
        for (size_t i = 0; i < json_array_size(children); i++)
            sql_unite_equal(scope, json_array_get(children, i), left, right);
    } else if (sql_is(condition, "type", "COMPARE_EQUAL")) {
        const size_t a = find_side(scope, json_object_get(condition, "left"));
        const size_t b = find_side(scope, json_object_get(condition, "right"));
        if (a > SQL_OUTER || b > SQL_OUTER) return;
        const size_t x = sql_group_of(scope, a);
        const size_t y = sql_group_of(scope, b);
        if (has_kept(scope, x, left) && has_kept(scope, y, left)) return;
        if (has_kept(scope, x, right) && has_kept(scope, y, right)) return;
        unite(scope, a, b);
    }
}

void sql_unite_using(struct sql_scope *scope, size_t first, const json_t *columns)
{
    for (size_t c = 0; c < json_array_size(columns); c++) {
        const char *name = json_string_value(json_array_get(columns, c));
        size_t seen = SQL_MAX_RELATIONS;
        for (size_t i = first; name && i < scope->n; i++) {
            if (!scope->relation[i].keyed || !sql_key_named(&scope->relation[i], name)) continue;
            if (seen < SQL_MAX_RELATIONS) unite(scope, seen, i);
            seen = i;
        }
    }
}

/* Names given to a relation's columns take the place of its own. */
void sql_rename_keys(struct sql_relation *relation, const json_t *names)
{
    const struct sql_relation old = *relation;
    if (json_array_size(names) == 0) return;
    relation->n_keys = 0;
    for (size_t i = 0; i < old.n_keys; i++) {
        struct sql_key key = old.key[i];
        if (key.index >= json_array_size(names)) continue;
        key.name = json_string_value(json_array_get(names, key.index));
        if (key.name) sql_add_key(relation, key);
    }
}
