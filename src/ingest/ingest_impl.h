/* What the files of this folder share: the plan in detail.  Rank 0 makes it, every rank gets a
 * copy. */
#ifndef STRATA_INGEST_IMPL_H
#define STRATA_INGEST_IMPL_H

#include "strata/duck.h"
#include "strata/ingest.h"

/* Sizes that tests make small. */
struct ingest_limits {
    uint64_t unit_bytes;  /* aim for one read unit */
    uint64_t round_bytes; /* buffered per rank in one round of the exchange */
};

#define INGEST_KEY_BYTES_MAX 1024
#define INGEST_REJECTS_MAX 100000
#define INGEST_ROW_BYTES_MIN 262144 /* a row of at most this many bytes always fits */

struct ingest_column {
    const char *name;
    const char *file_type; /* SQL type in the file; VARCHAR for CSV and JSON */
    const char *type;      /* SQL type in the customers SQL */
    bool declared;         /* under `columns:`: values that do not parse are bad */
    bool used;             /* the SQL or a feature names it; the others stay in the file */
    bool is_key;
};

struct ingest_dialect {
    const char *delimiter, *quote, *escape; /* "" = none */
    bool header;
};

struct ingest_file {
    const char *path;
    uint64_t bytes;
    uint64_t n_rows;     /* Parquet */
    uint64_t data_begin; /* CSV: first byte after byte-order mark and header */
    uint64_t header_lines;
};

struct ingest_source {
    const struct strata_source *config;
    struct ingest_dialect dialect;
    struct ingest_column *column; /* (n_columns) in the order of the files */
    size_t n_columns;
    struct ingest_file *file; /* (n_files) sorted by path */
    size_t n_files;
    bool direct; /* CSV: a file is compressed, so DuckDB opens the files itself */
};

/* What one rank reads in one go: rows [first, end) of a Parquet file, bytes [first, end) of a CSV
 * file, or all of it. */
struct ingest_unit {
    uint32_t source, file;
    uint64_t first, end;
    uint64_t bytes; /* for balance and progress */
    bool whole;     /* first and end do not matter */
    bool stripe;    /* part of a CSV file: first and end are tentative until the cuts are known */
    uint64_t line;  /* CSV: the line on which `first` lies, from 1 */
    int rank;
};

struct ingest_detail {
    struct ingest_limits limits;
    struct ingest_source *source; /* (n_sources) */
    size_t n_sources;
    struct ingest_unit *unit; /* (n_units) ordered by source, file, first */
    size_t n_units;
    const char *sql;     /* the customers SQL as it is run: sums of doubles are exact */
    uint64_t data_bytes; /* of all files */
};

/* strata_ingest_plan with other sizes. */
STRATA_MUST_CHECK strata_status ingest_plan_with(const struct strata_config *config, int n_ranks,
                                                 struct ingest_limits limits,
                                                 struct strata_arena *keep,
                                                 struct strata_ingest_plan **out,
                                                 struct strata_problems *problems,
                                                 struct strata_err *err);
extern const struct ingest_limits ingest_limits_default;

/* files.c: the source's files, sorted; problems when there are none. */
STRATA_MUST_CHECK strata_status ingest_files(struct strata_duck *duck, struct ingest_source *source,
                                             struct strata_arena *keep,
                                             struct strata_problems *problems,
                                             struct strata_err *err);

/* schema.c: dialect, columns and row counts of the source's files; problems when they do not
 * agree. */
STRATA_MUST_CHECK strata_status ingest_schema(
    struct strata_duck *duck, const struct strata_config *config, struct ingest_source *source,
    struct strata_arena *keep, struct strata_problems *problems, struct strata_err *err);

/* units.c: read units of all sources; then who reads which. */
STRATA_MUST_CHECK strata_status ingest_units(struct strata_duck *duck, struct ingest_detail *detail,
                                             struct strata_arena *keep, struct strata_err *err);
/* By size; everything to rank 0 when it alone reads.  The same on all ranks; false when scratch is
 * short, and then no rank may go on. */
bool ingest_units_assign(struct ingest_unit *unit, size_t n_units,
                         const struct ingest_detail *detail, const struct strata_config *config,
                         int n_ranks, struct strata_arena scratch);

/* The source's table with its used columns (all: every column), empty, in duck. */
STRATA_MUST_CHECK strata_status ingest_table_create(struct strata_duck *duck,
                                                    const struct strata_config *config,
                                                    const struct ingest_source *source, bool all,
                                                    struct strata_arena scratch,
                                                    struct strata_err *err);

/* plan_wire.c: the detail as bytes and back. */
STRATA_MUST_CHECK strata_status ingest_detail_pack(const struct ingest_detail *detail,
                                                   struct strata_arena *keep, unsigned char **bytes,
                                                   size_t *n_bytes, struct strata_err *err);
STRATA_MUST_CHECK strata_status ingest_detail_unpack(const unsigned char *bytes, size_t n_bytes,
                                                     const struct strata_config *config,
                                                     struct strata_arena *keep,
                                                     struct ingest_detail **out,
                                                     struct strata_err *err);

/* exact_sum.c */
extern const struct strata_duck_exact ingest_exact_sum;

/* A list of SQL pieces that grows in an arena-backed buffer. */
struct ingest_text {
    char *bytes;
    size_t n, room;
    bool full; /* something did not fit */
};
struct ingest_text ingest_text_begin(struct strata_arena *keep, size_t room);
void ingest_text_add(struct ingest_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* where_check.c: the conditions of a-priori segments; problems are told at their places. */
struct where_view {
    const struct ingest_column *column; /* (n) of the customers view */
    size_t n;
};
STRATA_MUST_CHECK strata_status where_check(const struct strata_config *config,
                                            const struct where_view *view,
                                            struct strata_arena scratch,
                                            struct strata_problems *problems,
                                            struct strata_err *err);

#endif
