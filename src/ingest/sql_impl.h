/* What the sql_*.c files share.  The statement is DuckDB's own syntax tree, as JSON. */
#ifndef STRATA_SQL_IMPL_H
#define STRATA_SQL_IMPL_H

#include <jansson.h>

#include "sql_rules.h"

#define SQL_NOWHERE \
    9007199254740991 /* DuckDB's "no location", as a number that JSON integers hold */
#define SQL_MAX_CALLS STRATA_DUCK_SEEN_MAX
#define SQL_MAX_NAMES 8192
#define SQL_MAX_RELATIONS 64
#define SQL_MAX_KEYS 16
#define SQL_MAX_DEPTH 200

/* How a function is judged. */
enum sql_verdict {
    SQL_FINE,
    SQL_SUM,     /* exact when its argument is: sums of doubles are sent to strata_exact_sum */
    SQL_MEAN,    /* fine for integers and decimals, refused for doubles */
    SQL_ORDERED, /* needs ORDER BY its own argument, or the result depends on the order of rows */
    SQL_AS_OF,   /* fine when the job file has as_of */
    SQL_REFUSED,
    SQL_UNKNOWN /* not in the table: DuckDB says what it is */
};

struct sql_rule {
    const char *name;
    enum sql_verdict verdict;
    const char *advice;
};

/* sql_functions.c: the rule for a function; SQL_UNKNOWN when the table has none. */
struct sql_rule sql_function_rule(const char *name);
/* Words that stand without parentheses and change from run to run (current_date, ...); NULL: none of them. */
const char *sql_word_advice(const char *name);

/* What DuckDB knows of a function. */
struct sql_known {
    const char *name;
    bool aggregate, consistent, macro;
};

struct sql_call {
    json_t *node; /* borrowed from the tree */
    const char *name;
    enum sql_verdict verdict;
};

/* One table, subquery or CTE in a FROM clause. */
struct sql_relation {
    const char *alias;
    const char *source; /* NULL when it is derived */
    bool keyed;         /* its rows belong to customers */
    bool optional;      /* an outer join fills its columns with NULL where it has no row */
    struct sql_key {
        const char *name;
        size_t index;    /* among the columns; SIZE_MAX when it is not known */
        bool nullable;   /* rows of several customers may have no key here */
    } key[SQL_MAX_KEYS]; /* columns that hold the customer key */
    size_t n_keys;
};

struct sql_state {
    struct strata_duck *duck;
    const struct sql_job *job;
    struct strata_arena *keep;
    struct strata_problems *problems;
    json_t *tree;
    struct sql_known *known; /* (n_known) sorted by name */
    size_t n_known;
    struct sql_call call[SQL_MAX_CALLS]; /* sums and means, whose types are asked later */
    size_t n_calls;
    const char *name[SQL_MAX_NAMES];
    size_t n_names;
    bool all_columns;
    json_int_t refused[STRATA_PROBLEMS_MAX]; /* places already told: DuckDB's tree repeats some parts */
    size_t n_refused;
    int depth;
    json_int_t near;           /* the last place walked: for what has none of its own */
    const json_t *sorted;      /* a list that is sorted at once */
    bool reaches_out;          /* it names files or unknown tables: DuckDB must not bind it */
    struct sql_relation spare; /* stands for those beyond the limit, which is told */
};

/* A problem at a byte of the text; once for each byte. */
void sql_refuse(struct sql_state *state, json_int_t location, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
json_int_t sql_location(const json_t *node);
struct strata_place sql_place(const struct sql_job *job, json_int_t location);
const char *sql_string(const json_t *node, const char *member); /* "" when it is not there */
bool sql_is(const json_t *node, const char *member, const char *text);
const struct sql_known *sql_find_known(const struct sql_state *state, const char *name);
bool sql_same_expression(const json_t *a, const json_t *b); /* but for places and aliases */

struct sql_cte;

/* The FROM clause of one SELECT; relations joined by their keys are in one group. */
struct sql_scope {
    const json_t *node; /* the SELECT */
    const struct sql_cte *ctes;
    struct sql_relation relation[SQL_MAX_RELATIONS];
    size_t n;
    size_t group[SQL_MAX_RELATIONS + 1]; /* the last one is the outer query */
    const struct sql_scope *outer;
};

#define SQL_OUTER SQL_MAX_RELATIONS /* the outer query's place among the groups */

/* The rows of relations first to end, and of the outer query, stay whatever an outer join's condition says. */
struct sql_kept {
    size_t first, end;
};

/* sql_keys.c */
/* The expression is the customer's key, and is never NULL. */
bool sql_is_key(const struct sql_scope *scope, const json_t *expression);
/* The same, and *never_null tells the second part. */
bool sql_is_key_or_null(const struct sql_scope *scope, const json_t *expression, bool *never_null);
bool sql_is_keyed(const struct sql_scope *scope);
const struct sql_key *sql_key_named(const struct sql_relation *relation,
                                    const char *name); /* NULL: it has none */
void sql_add_key(struct sql_relation *relation, struct sql_key key);
void sql_rename_keys(struct sql_relation *relation, const json_t *names);
const char *sql_last_name(const json_t *column); /* "c" of a.b.c */
size_t sql_group_of(const struct sql_scope *scope, size_t i);
void sql_unite_equal(struct sql_scope *scope, const json_t *condition, struct sql_kept left,
                     struct sql_kept right);
void sql_unite_using(struct sql_scope *scope, size_t first, const json_t *columns);

/* sql_grain.c */
/* Analyse a whole query; says in *key_is_source_key if column `key` of its result is a source's key. */
void sql_grain(struct sql_state *state, json_t *query, bool *key_is_source_key);
void sql_grain_subquery(struct sql_state *state, const json_t *node, const struct sql_scope *outer);

/* sql_expressions.c: walk an expression, judge functions, windows and names. */
void sql_walk(struct sql_state *state, const json_t *node, const struct sql_scope *scope);
bool sql_has_aggregate(const struct sql_state *state, const json_t *node, json_int_t *location);

/* sql_sums.c: ask for the types of sums and means; write the text that is run. */
STRATA_MUST_CHECK strata_status sql_sums(struct sql_state *state, const char **sql,
                                         struct strata_err *err);

#endif
