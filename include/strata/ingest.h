/* From silos to one row per customer: plan read units, read them on all ranks, bring every
 * customer's rows to the owner, run the job's SQL there. */
#ifndef STRATA_INGEST_H
#define STRATA_INGEST_H

#include "strata/arena.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/problems.h"
#include "strata/quality.h"
#include "strata/status.h"
#include "strata/table.h"

/* What `strata check` tells about a source. */
struct strata_source_plan {
    const char *name;
    uint64_t n_files, n_bytes;
    uint64_t n_rows;                /* exact for Parquet; 0 = unknown before reading (CSV, JSON) */
    size_t n_units;                 /* read units */
    const char *const *column_name; /* (n_columns) */
    const char *const *column_type; /* (n_columns) SQL types as the customers SQL sees them */
    size_t n_columns;
};

struct strata_ingest_plan {
    struct strata_source_plan *source; /* (n_sources) */
    size_t n_sources;
    uint64_t bytes_total;
    uint64_t memory_bytes; /* estimated peak per rank for `size` ranks */
    uint64_t fingerprint; /* of the sources' names, sizes and schemas; independent of the order of files */
    const void *detail; /* ingest's own: the units, dialects and schemas */
};

/* What surrounds an ingest; any function may be NULL. */
struct strata_ingest_watch {
    void *context;
    /* Rank 0 only. */
    void (*progress)(void *context, const char *source, uint64_t bytes_done, uint64_t bytes_total);
    /* Asked every 20 ms, on each rank, by a thread of its own: true ends the ingest with STRATA_E_CANCELLED, in the
     * middle of a statement.  A rank that is not asked comes to its next agreement first. */
    bool (*must_end)(void *context);
};

/* Everything about sources and SQL that can be known before a row is shuffled: files exist and
 * can be read, schemas, keys present, the SQL binds against the schemas, is a function of its
 * rows (section 4 of the design: refusals by line and column), yields the key and every
 * feature's column with a fitting type.  Problems are collected. Rank 0 only; not collective. */
STRATA_MUST_CHECK strata_status strata_ingest_plan(const struct strata_config *config, int n_ranks,
                                                   struct strata_arena *keep,
                                                   struct strata_ingest_plan **out,
                                                   struct strata_problems *problems,
                                                   struct strata_err *err);

/* The files that the plan reads, a line each in the order of the plan: source, path, bytes, time of the last
 * change, between tabs.  A file that has changed has another line.  Rank 0 only. */
STRATA_MUST_CHECK strata_status strata_ingest_inputs(const struct strata_ingest_plan *plan,
                                                     struct strata_arena *keep, char **text,
                                                     struct strata_err *err);
/* The same line of one more file that a job reads. */
STRATA_MUST_CHECK strata_status strata_input_line(const char *source, const char *path,
                                                  struct strata_arena *keep, char **line,
                                                  struct strata_err *err);

/* Read, shuffle, derive.  Collective; plan is rank 0's (NULL elsewhere), ingest sends the others
 * what they need. On success *table holds this rank's customers and quality->source is filled,
 * the same on all ranks. temporary_dir is a local directory of this job for spills and pipes.
 * Fails alike on all ranks: unreadable or malformed data, a key twice in the customers view, no
 * customers, SQL errors at run time, I/O, STRATA_E_CANCELLED.  Same table for any number of ranks and any order or
 * partition of the input rows. */
STRATA_MUST_CHECK strata_status
strata_ingest(struct strata_comm *comm, const struct strata_config *config,
              const struct strata_ingest_plan *plan, const char *temporary_dir,
              const struct strata_ingest_watch *watch, struct strata_arena *keep,
              struct strata_table **table, struct strata_quality *quality, struct strata_err *err);

#endif
