/* What the schema of one format leaves to the others. */
#ifndef STRATA_SCHEMA_IMPL_H
#define STRATA_SCHEMA_IMPL_H

#include "ingest_impl.h"

struct schema_task {
    struct strata_duck *duck;
    const struct strata_config *config;
    struct ingest_source *source;
    struct strata_arena *keep;
    struct strata_problems *problems;
};

/* Columns of a DESCRIBE-able query; all of them when source->column is NULL, else compare and
 * report the file. */
STRATA_MUST_CHECK strata_status schema_describe(const struct schema_task *task, const char *path,
                                                bool all_text, struct strata_err *err,
                                                const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Room for n columns; NULL when there is none. */
struct ingest_column *schema_columns(const struct schema_task *task, size_t n);

/* schema_csv.c */
STRATA_MUST_CHECK strata_status schema_csv(const struct schema_task *task, struct strata_err *err);

#endif
