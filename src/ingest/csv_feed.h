/* Hands a byte range of a file to DuckDB through a pipe, without copying the file: a thread writes
 * while DuckDB reads. Every record then ends with '\n'. */
#ifndef STRATA_CSV_FEED_H
#define STRATA_CSV_FEED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "csv_lines.h"
#include "strata/status.h"

struct csv_feed {
    bool running;
    pthread_t thread;
    int file, pipe_read, pipe_write;
    uint64_t at, end;
    struct csv_lines lines;
    int fault;     /* errno of a failed read, 0 if none; -1: the file became shorter */
    char path[32]; /* what DuckDB opens: the pipe's end, by its number */
};

/* The range begins a record; `lines` is at the start of one. */
STRATA_MUST_CHECK strata_status csv_feed_start(struct csv_feed *feed, const char *path,
                                               uint64_t first, uint64_t end, struct csv_lines lines,
                                               struct strata_err *err);

/* End the thread, whether or not DuckDB read everything, and say if the file could not be read.
 * Call after DuckDB has let go of the pipe.  Accepts a zeroed feed. */
STRATA_MUST_CHECK strata_status csv_feed_finish(struct csv_feed *feed, const char *path,
                                                struct strata_err *err);

#endif
