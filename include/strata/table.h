/* The customer table: one row per customer, the rows of this rank, sorted by (partition, key
 * bytes).  Immutable once ingest has returned it. */
#ifndef STRATA_TABLE_H
#define STRATA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum strata_column_kind { STRATA_COLUMN_NUMBER, STRATA_COLUMN_TEXT };

struct strata_column {
    const char *name;
    enum strata_column_kind kind;
    const uint8_t *present;   /* (n_rows) 1 = has a value; NULL, NaN and infinity have none */
    const double *number;     /* (n_rows) for numbers (booleans are 0 and 1); 0 where missing */
    const uint32_t *code;     /* (n_rows) for text: index into level; 0 where missing */
    const char *const *level; /* (n_levels) for text: sorted by bytes, the same list on all ranks */
    size_t n_levels;
};

struct strata_table {
    size_t n_rows; /* of this rank; may be 0 */
    uint64_t n_rows_global;
    const char *const *key;       /* (n_rows) canonical keys */
    const uint64_t *key_hash;     /* (n_rows) strata_hash of the canonical key */
    struct strata_column *column; /* (n_columns) one per feature of the job, in the job's order */
    size_t n_columns;
};

#endif
