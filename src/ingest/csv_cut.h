/* Where a CSV file may be cut: only at a line end that is outside quotes.  Stripes of a file are
 * scanned in any order by any rank; the counts of each are summed, and then every rank knows
 * whether each stripe begins inside a quoted field. */
#ifndef STRATA_CSV_CUT_H
#define STRATA_CSV_CUT_H

#include "csv_lines.h"
#include "ingest_impl.h"

/* Counts of one stripe, summed over ranks as they are. */
enum { CSV_QUOTES, CSV_LINES, CSV_ODD_OUTSIDE, CSV_ODD_INSIDE, CSV_COUNTS };

/* Count quotes and line ends in bytes [first, end) of an open file, and the quotes that stand where
 * no quote may if the stripe begins outside or inside quotes: an opening one not after a delimiter
 * or line end, a closing one not before. */
STRATA_MUST_CHECK strata_status csv_cut_scan(int fd, const char *path,
                                             const struct ingest_dialect *dialect,
                                             uint64_t data_begin, uint64_t first, uint64_t end,
                                             int64_t count[CSV_COUNTS], struct strata_err *err);

/* The first byte at or after `at` where a record begins, given whether `at` is inside quotes, and
 * the line ends passed. `at` itself when it is data_begin. */
STRATA_MUST_CHECK strata_status csv_cut_find(int fd, const char *path,
                                             const struct ingest_dialect *dialect,
                                             uint64_t data_begin, uint64_t size, uint64_t at,
                                             bool inside, uint64_t *record, uint64_t *lines,
                                             struct strata_err *err);

/* A place in a file and in what the pipe was given of it. */
struct csv_count {
    struct csv_lines lines;
    uint64_t byte;    /* of the file */
    uint64_t written; /* to the pipe */
    uint64_t line;    /* of the file, from 1 */
};

/* Go on to byte `written` of the pipe. */
STRATA_MUST_CHECK strata_status csv_cut_count(int fd, const char *path, uint64_t written,
                                              struct csv_count *count, struct strata_err *err);

#endif
