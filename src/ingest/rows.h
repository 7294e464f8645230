/* Rows on their way between ranks: a length, a bit for each NULL, then the values in the table's
 * own layout. */
#ifndef STRATA_ROWS_H
#define STRATA_ROWS_H

#include "ingest_impl.h"

struct row_layout {
    const struct strata_duck_column *field; /* (n_fields) of the source's table */
    size_t n_fields;
    size_t key;       /* index of the key field; n_fields for a lookup source */
    bool key_integer; /* the key's text is stored as BIGINT */
};

/* One bucket a receiving rank, each of the same capacity, side by side. */
struct row_buckets {
    unsigned char *bytes; /* (n_buckets, capacity) */
    uint64_t *used;       /* (n_buckets) */
    size_t n_buckets;
    uint64_t capacity;
};

/* Bytes that row `row` of the cursor's chunk takes; its fields start at column first. */
size_t rows_size(const struct row_layout *layout, const struct strata_duck_cursor *cursor,
                 size_t first, size_t row);

/* Append the row to a bucket that has room for it. */
void rows_put(const struct row_layout *layout, const struct strata_duck_cursor *cursor,
              size_t first, size_t row, struct row_buckets *buckets, size_t bucket);

/* Close the gaps between buckets, so that they lie in order without room between them; empties
 * them. */
void rows_pack(struct row_buckets *buckets, uint64_t *n_bytes);

/* Append n_bytes of rows to a table. */
STRATA_MUST_CHECK strata_status rows_append(const struct row_layout *layout,
                                            const unsigned char *bytes, uint64_t n_bytes,
                                            struct strata_duck_appender *appender,
                                            struct strata_err *err);

#endif
