/* The customers SQL must be a function of its rows: the same result for any order of rows, any
 * number of threads, and whatever other customers live on the same rank.  What is not is
 * refused, with its place in the job file. */
#ifndef STRATA_SQL_RULES_H
#define STRATA_SQL_RULES_H

#include "strata/arena.h"
#include "strata/duck.h"
#include "strata/problems.h"

struct sql_source {
    const char *name;
    const char *key; /* NULL: a lookup source, the same on every rank */
};

struct sql_job {
    const char *text;
    struct strata_place place; /* of the text's first character */
    int indent;                /* columns by which later lines are indented */
    const struct sql_source *source;
    size_t n_sources;
    const char *key; /* the key column of the result */
    bool has_as_of;
};

struct sql_result {
    const char *sql;   /* the text with sums of doubles made exact */
    bool all_columns;  /* it says * somewhere, or takes a table as a value */
    const char **name; /* (n_names) every column name it mentions */
    size_t n_names;
    bool key_is_source_key; /* the result's key column is a source's key, unchanged */
};

/* Check the text against the rules; duck holds the sources' tables, empty.  All refusals and
 * DuckDB's own complaints go to problems; result counts only when none was added.  Fails only
 * when memory or DuckDB does. */
STRATA_MUST_CHECK strata_status sql_check(struct strata_duck *duck, const struct sql_job *job,
                                          struct strata_arena *keep,
                                          struct strata_problems *problems,
                                          struct sql_result *result, struct strata_err *err);

#endif
