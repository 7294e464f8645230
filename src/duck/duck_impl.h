/* What the files of this folder share. */
#ifndef STRATA_DUCK_IMPL_H
#define STRATA_DUCK_IMPL_H

#include <stdarg.h>
#include <stdatomic.h>

#include <duckdb.h>

#include "strata/duck.h"

#define SEEN_TEXT_BYTES 64

struct strata_duck {
    duckdb_database database;
    duckdb_connection connection;
    struct strata_duck_exact exact;
    int n_threads;
    atomic_bool interrupted;
    char seen[STRATA_DUCK_SEEN_MAX][SEEN_TEXT_BYTES];
};

/* Write what DuckDB reported, without any value of the data, and return the status that fits. */
strata_status duck_fail(const struct strata_duck *duck, struct strata_err *err, const char *report);

/* The printed text on the heap, or NULL when memory ends. */
__attribute__((format(printf, 1, 0))) char *duck_print(const char *format, va_list arguments);

/* strata_exact_sum and strata_seen. */
bool duck_register_sum(struct strata_duck *duck);
bool duck_register_seen(struct strata_duck *duck);

/* A logical type in our words. */
void duck_describe(duckdb_logical_type logical, struct strata_duck_column *column);
void duck_type_text(duckdb_logical_type logical, char text[SEEN_TEXT_BYTES]);

#endif
