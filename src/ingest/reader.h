/* Reads one rank's units of one source, row by row, into the buckets of the ranks that own the
 * customers.  Stops when a bucket is full and goes on where it stopped. */
#ifndef STRATA_READER_H
#define STRATA_READER_H

#include "csv_feed.h"
#include "ingest_impl.h"
#include "rows.h"

/* Rows that were left out, in the order they were found. */
struct reader_rejects {
    struct strata_reject *item; /* (n), at most INGEST_REJECTS_MAX */
    size_t n;
};

struct reader {
    struct strata_duck *duck;
    const struct strata_config *config;
    const struct ingest_detail *detail;
    const struct row_layout *layout;
    uint32_t source;
    int rank, n_ranks;         /* of the reader; buckets are by owner, or one for all (lookup) */
    struct strata_arena *keep; /* texts of rejects */
    struct reader_rejects *rejects;
    struct strata_source_quality *quality; /* this rank's counts */
    uint64_t bytes_done;
    bool done;

    /* where it stands */
    size_t next_unit;
    const struct ingest_unit *unit; /* NULL between units */
    struct strata_duck_cursor cursor;
    struct csv_feed feed;
    size_t row;
    uint64_t record; /* rows seen of the unit */
};

/* Read until a bucket is full or nothing is left (done).  Not collective. */
STRATA_MUST_CHECK strata_status reader_fill(struct reader *reader, struct row_buckets *buckets,
                                            struct strata_err *err);

/* The start of a record in the source's dialect. */
struct csv_lines reader_lines(const struct reader *reader);

/* Let go of an open unit; after a failure too. */
void reader_finish(struct reader *reader);

/* reader_sql.c: the query of the current unit.  Columns: key state (0 good, 1 null, 2 not of the
 * key's type), number of the first field that does not parse (0: all do), row number or 0, then
 * the fields. */
enum { READER_KEY_STATE, READER_BAD_FIELD, READER_ROW_NUMBER, READER_FIELDS };
STRATA_MUST_CHECK strata_status reader_sql(const struct reader *reader, struct strata_arena *scratch,
                                           char **sql, struct strata_err *err);

/* reader_rejects.c: rows of a CSV unit that DuckDB could not read; a failure when bad rows fail
 * the job. */
STRATA_MUST_CHECK strata_status reader_csv_rejects(struct reader *reader, struct strata_err *err);
STRATA_MUST_CHECK strata_status reader_reject(struct reader *reader, uint64_t line,
                                              const char *column, const char *reason,
                                              struct strata_err *err);

#endif
