/* Customers in a file, as text by column: CSV with a head line, or Parquet. */
#ifndef STRATA_APP_STRATACTL_ROWS_H
#define STRATA_APP_STRATACTL_ROWS_H

#include "strata/arena.h"
#include "strata/duck.h"
#include "strata/status.h"

struct strata_rows {
    const char *path; /* as it was given; "-": standard input */
    bool is_parquet;
    int spooled; /* a file that holds what came through a pipe; -1: none */
    struct strata_duck *duck;
    struct strata_duck_cursor cursor; /* its columns are the file's */
    size_t row;                       /* in the cursor's chunk */
    uint64_t n_before;                /* rows that came before this one */
    uint64_t n_breaks;                /* lines that those have beyond one each, in quotes */
};

/* Open and read the head.  STRATA_E_NO_INPUT and STRATA_E_DATA name the file. */
STRATA_MUST_CHECK strata_status strata_rows_open(const char *path, struct strata_arena *keep,
                                                 struct strata_rows *rows, struct strata_err *err);
void strata_rows_close(struct strata_rows *rows); /* accepts a zeroed one */

/* Go to the next row; *any false at the end. */
STRATA_MUST_CHECK strata_status strata_rows_next(struct strata_rows *rows, bool *any,
                                                 struct strata_err *err);

/* The text in a column of this row, in keep; NULL when there is none.  *room false when memory ends. */
const char *strata_rows_text(const struct strata_rows *rows, size_t column,
                             struct strata_arena *keep, bool *room);

/* "customers.csv:17", or "customers.parquet, row 16": where this row is, in keep. */
const char *strata_rows_place(const struct strata_rows *rows, struct strata_arena *keep);

#endif
