/* The thinnest wrapper of DuckDB: open, run, next chunk, append, error text without values.
 * Every handle is finished by the function that made it; texts of errors never quote data. */
#ifndef STRATA_DUCK_H
#define STRATA_DUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/status.h"

struct strata_duck; /* an in-memory database with one connection */

/* How sums of doubles are held exactly: state_bytes of zeroes at first; terms are finite. */
struct strata_duck_exact {
    size_t state_bytes;
    void (*add)(void *state, double term);
    void (*combine)(void *state, const void *other);
    double (*value)(void *state);
};

struct strata_duck_options {
    uint64_t memory_bytes;     /* 0: DuckDB's default */
    const char *temporary_dir; /* spills; NULL: none */
    bool sealed;               /* SQL can neither read nor write files, spills apart */
    int threads;               /* 0: 1 */
    const char *as_of;         /* value of the variable as_of and the macro as_of(); NULL: none */
    const struct strata_duck_exact *exact; /* makes strata_exact_sum(DOUBLE); NULL: none */
};

/* Open, set UTC and the options.  DuckDB lets nobody replace its own `sum` of doubles, so the
 * exact one has the name strata_exact_sum and the job's SQL is sent to it
 * (src/ingest/sql_sums.c).  NULL of no rows; NaN of a NaN or of both infinities; else the
 * correctly rounded sum, in any order.  Not collective.  About 20 ms. */
STRATA_MUST_CHECK strata_status strata_duck_open(const struct strata_duck_options *options,
                                                 struct strata_duck **out, struct strata_err *err);
void strata_duck_close(struct strata_duck **duck); /* accepts a NULL handle; leaves NULL */

/* Make the statement that runs now fail soon; one that begins later runs as ever, but whatever fails from now on fails
 * with STRATA_E_CANCELLED.  Any thread, while the handle is open. */
void strata_duck_interrupt(struct strata_duck *duck);

/* The pinned version, and the one loaded. */
const char *strata_duck_version(void);

/* DuckDB's own report of what keeps a statement from being bound, as JSON in keep
 * ("exception_type", "exception_message", "position" in bytes, "name", "candidates"); *report is
 * NULL when it binds.  Nothing is run. For statements over empty tables only: reports over data
 * could quote it. */
STRATA_MUST_CHECK strata_status strata_duck_bind(struct strata_duck *duck, const char *sql,
                                                 struct strata_arena *keep, char **report,
                                                 struct strata_err *err);

/* Binding a statement with strata_seen(id, value) notes value's SQL type under id: this reads
 * it, "" when the statement bound last did not show it.  value must hold no subquery. */
#define STRATA_DUCK_SEEN_MAX 1024
const char *strata_duck_seen(const struct strata_duck *duck, size_t id);

/* Run statements and drop their result. */
STRATA_MUST_CHECK strata_status strata_duck_run(struct strata_duck *duck, struct strata_err *err,
                                                const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How a column's values lie in a chunk. */
enum strata_duck_type {
    STRATA_DUCK_BOOL,
    STRATA_DUCK_INT8,
    STRATA_DUCK_INT16,
    STRATA_DUCK_INT32,
    STRATA_DUCK_INT64,
    STRATA_DUCK_INT128,
    STRATA_DUCK_UINT8,
    STRATA_DUCK_UINT16,
    STRATA_DUCK_UINT32,
    STRATA_DUCK_UINT64,
    STRATA_DUCK_FLOAT,
    STRATA_DUCK_DOUBLE,
    STRATA_DUCK_DECIMAL, /* stored as INT16/32/64/128 by width */
    STRATA_DUCK_DATE,
    STRATA_DUCK_TIME,
    STRATA_DUCK_TIMESTAMP, /* int32 days; int64 microseconds; any TIMESTAMP kind */
    STRATA_DUCK_TEXT,
    STRATA_DUCK_BLOB,
    STRATA_DUCK_OTHER /* lists, structs, ...: cannot be read */
};

struct strata_duck_column {
    const char *name;     /* valid while the cursor is */
    const char *sql_type; /* e.g. "DECIMAL(12,2)" */
    enum strata_duck_type type;
    size_t width_bytes; /* of a fixed-width value; 16 for text (duckdb_string_t) */
    int decimal_scale;
};

/* A streaming result. */
struct strata_duck_cursor {
    struct strata_duck_column *column;
    size_t n_columns;
    size_t n_rows; /* of the current chunk */
    void *handle;
};

STRATA_MUST_CHECK strata_status strata_duck_query(struct strata_duck *duck,
                                                  struct strata_duck_cursor *cursor,
                                                  struct strata_err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same with values for the statement's parameters $1, $2, ...: (n) texts in UTF-8, no part of the SQL whatever they
 * hold. */
STRATA_MUST_CHECK strata_status strata_duck_query_with(struct strata_duck *duck,
                                                       struct strata_duck_cursor *cursor,
                                                       const char *const *text, size_t n,
                                                       struct strata_err *err, const char *format,
                                                       ...) __attribute__((format(printf, 6, 7)));
/* The next chunk; *more false at the end. */
STRATA_MUST_CHECK strata_status strata_duck_next(struct strata_duck_cursor *cursor, bool *more,
                                                 struct strata_err *err);
void strata_duck_cursor_finish(struct strata_duck_cursor *cursor); /* accepts a zeroed cursor */

/* Views into the current chunk. */
const void *strata_duck_values(const struct strata_duck_cursor *cursor, size_t column);
bool strata_duck_is_valid(const struct strata_duck_cursor *cursor, size_t column, size_t row);
const char *strata_duck_text(const struct strata_duck_cursor *cursor, size_t column, size_t row,
                             size_t *length);
double strata_duck_number(const struct strata_duck_cursor *cursor, size_t column,
                          size_t row); /* numbers, bools, decimals */

/* One value, for counts and settings. */
STRATA_MUST_CHECK strata_status strata_duck_scalar(struct strata_duck *duck, int64_t *out,
                                                   struct strata_err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* One text in keep; NULL value gives NULL. */
STRATA_MUST_CHECK strata_status strata_duck_scalar_text(struct strata_duck *duck,
                                                        struct strata_arena *keep, char **out,
                                                        struct strata_err *err, const char *format,
                                                        ...) __attribute__((format(printf, 5, 6)));

/* Fill an existing table: values are appended row by row into chunks. */
struct strata_duck_appender;
STRATA_MUST_CHECK strata_status strata_duck_append_begin(struct strata_duck *duck, const char *table,
                                                         struct strata_duck_appender **out,
                                                         struct strata_err *err);
/* Put one value of the current row; value has the column's own layout (text: bytes and length);
 * NULL value is NULL. Infallible until the chunk is full. */
void strata_duck_append_value(struct strata_duck_appender *appender, size_t column,
                              const void *value, size_t n_bytes);
/* The same for a column of an ENUM type: the word at that place in it. */
void strata_duck_append_word(struct strata_duck_appender *appender, size_t column, uint32_t place);
STRATA_MUST_CHECK strata_status strata_duck_append_row_end(struct strata_duck_appender *appender,
                                                           struct strata_err *err);
/* Flush and destroy; also after a failure (then keep the first error). */
STRATA_MUST_CHECK strata_status strata_duck_append_end(struct strata_duck_appender **appender,
                                                       struct strata_err *err);

/* Rows in the caller's arrays as a table of SQL: `FROM name()`.  Nothing is copied but the chunk that is looked at, on any
 * of the handle's threads, so rows come in any order.  Everything pointed to outlives the handle. */
struct strata_duck_view_column {
    const char *name;
    enum strata_duck_type type; /* DOUBLE, UINT16, UINT32, TEXT; or INT64 */
    const void *value; /* (n_rows) double, uint16_t, uint32_t; TEXT: uint32_t, which level; INT64: NULL, the row's number */
    const uint8_t *present;   /* (n_rows) 1: has a value; NULL: all have one */
    const char *const *level; /* TEXT: (n_levels) */
    size_t n_levels;
};
struct strata_duck_view {
    const char *name;
    const struct strata_duck_view_column *column; /* (n_columns) */
    size_t n_columns, n_rows;
};
STRATA_MUST_CHECK strata_status strata_duck_show(struct strata_duck *duck,
                                                 const struct strata_duck_view *view,
                                                 struct strata_err *err);

/* A text quoted as an SQL literal or identifier, in keep. */
char *strata_duck_literal(const char *text, struct strata_arena *keep);
char *strata_duck_identifier(const char *text, struct strata_arena *keep);

#endif
