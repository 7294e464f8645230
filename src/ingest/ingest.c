/* From silos to one row per customer.
 *
 * Rank 0's plan goes to all ranks; each reads its units with its own in-memory DuckDB and sends
 * every row to the rank that owns the customer's partition; there the job's SQL runs in a second
 * DuckDB over just these customers.  Which rank read a row, and in which order rows came, is gone
 * once the customers are sorted by (partition, key bytes). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cuts.h"
#include "derive.h"
#include "halt.h"
#include "ingest_impl.h"
#include "memory_share.h"
#include "rejects.h"
#include "shuffle.h"
#include "strata/fault.h"
#include "strata/file.h"
#include "strata/log.h"

#define LEAST_READER_BYTES ((uint64_t)256 << 20)
#define LEAST_OWNER_BYTES ((uint64_t)256 << 20)

/* What lives as long as the stage. */
struct stage {
    struct strata_arena arena;   /* buffers, the plan, names */
    struct strata_arena scratch; /* of one step */
    char *spill_dir;             /* of this rank */
    struct ingest_detail *detail;
    struct shuffle shuffle;
    struct strata_source_quality *local; /* (n_sources) this rank's counts */
    struct halt halt;
};

STRATA_MUST_CHECK static strata_status stage_init(struct stage *stage, struct strata_comm *comm,
                                                  const char *temporary_dir, struct strata_err *err)
{
    if (!strata_arena_init(&stage->arena, (size_t)1 << 36) ||
        !strata_arena_init(&stage->scratch, (size_t)1 << 36))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "the system refuses addresses for the ingest");
    stage->spill_dir = strata_arena_print(&stage->arena, "%s/spill.%d", temporary_dir, comm->rank);
    return stage->spill_dir ? STRATA_OK
                            : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a folder's name");
}

STRATA_MUST_CHECK static strata_status stage_finish(struct stage *stage, struct strata_err *err)
{
    halt_finish(&stage->halt);
    strata_status rc = STRATA_OK;
    strata_duck_close(&stage->shuffle.reader);
    strata_duck_close(&stage->shuffle.owner);
    if (stage->spill_dir) rc = strata_directory_remove(stage->spill_dir, err);
    strata_arena_finish(&stage->scratch);
    strata_arena_finish(&stage->arena);
    return rc;
}

/* Rank 0's plan on all ranks, with the reader of each unit. */
STRATA_MUST_CHECK static strata_status share_plan(struct stage *stage, struct strata_comm *comm,
                                                  const struct strata_config *config,
                                                  const struct strata_ingest_plan *plan,
                                                  struct strata_err *err)
{
    unsigned char *bytes = NULL;
    char *received = NULL;
    size_t n = 0;
    strata_status rc = STRATA_OK;
    if (comm->rank == 0) rc = ingest_detail_pack(plan->detail, &stage->arena, &bytes, &n, err);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    STRATA_TRY(strata_comm_broadcast_blob(comm, bytes, n, 0, &stage->arena, &received, &n, err));
    rc = ingest_detail_unpack((const unsigned char *)received, n, config, &stage->arena,
                              &stage->detail, err);
    if (rc == STRATA_OK && !ingest_units_assign(stage->detail->unit, stage->detail->n_units,
                                                stage->detail, config, comm->size, stage->scratch))
        rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to deal %zu read units to ranks",
                         stage->detail->n_units);
    return strata_comm_agree(comm, rc, err);
}

/* Threads can change no result (the SQL rules see to that); ranks share the cores. */
static int owner_threads(const struct strata_comm *comm)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const long share = cores / comm->size;
    return share < 1 ? 1 : share > 8 ? 8 : (int)share;
}

STRATA_MUST_CHECK static strata_status open_databases(struct stage *stage,
                                                      const struct strata_comm *comm,
                                                      const struct strata_config *config,
                                                      struct strata_err *err)
{
    const uint64_t share = memory_share(config->memory_bytes, comm->size);
    const struct strata_duck_options reader = {
        .memory_bytes = share / 4 > LEAST_READER_BYTES ? share / 4 : LEAST_READER_BYTES,
        .temporary_dir = stage->spill_dir,
    };
    const struct strata_duck_options owner = {
        .memory_bytes = share / 2 > LEAST_OWNER_BYTES ? share / 2 : LEAST_OWNER_BYTES,
        .temporary_dir = stage->spill_dir,
        .threads = owner_threads(comm),
        .as_of = config->as_of,
        .sealed = true,
        .exact = &ingest_exact_sum,
    };
    STRATA_TRY(strata_duck_open(&reader, &stage->shuffle.reader, err));
    STRATA_TRY(strata_duck_open(&owner, &stage->shuffle.owner, err));
    halt_watch(&stage->halt, stage->shuffle.reader);
    halt_watch(&stage->halt, stage->shuffle.owner);
    return STRATA_OK;
}

/* Everything of this rank that may fail before rows move. */
STRATA_MUST_CHECK static strata_status prepare(struct stage *stage, struct strata_comm *comm,
                                               const struct strata_config *config,
                                               const struct strata_ingest_watch *watch,
                                               struct strata_arena *keep,
                                               struct strata_quality *quality,
                                               struct strata_err *err)
{
    stage->shuffle.comm = comm;
    stage->shuffle.config = config;
    stage->shuffle.detail = stage->detail;
    stage->shuffle.watch = watch;
    stage->shuffle.keep = &stage->scratch;
    stage->local = STRATA_NEW(&stage->arena, struct strata_source_quality, config->n_sources + 1);
    quality->source = STRATA_NEW(keep, struct strata_source_quality, config->n_sources + 1);
    quality->feature = STRATA_NEW(keep, struct strata_feature_quality, config->n_features + 1);
    quality->note = STRATA_NEW(keep, const char *, STRATA_MAX_NOTES);
    if (!stage->local || !quality->source || !quality->feature || !quality->note)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the quality counts");
    quality->n_sources = config->n_sources;
    quality->n_features = config->n_features;
    for (size_t i = 0; i < config->n_features; i++)
        quality->feature[i].name = config->feature[i].name;
    STRATA_TRY(shuffle_init(&stage->shuffle, &stage->arena, err));
    return open_databases(stage, comm, config, err);
}

/* Counts of all ranks; files are the same on each.  Rows of lookups are read by rank 0 alone. */
static void sum_quality(struct strata_comm *comm, const struct ingest_detail *detail,
                        struct strata_source_quality *local, struct strata_source_quality *out,
                        int64_t *value)
{
    enum { ROWS, REJECTED, NULLS, INVALID, KEYS, ORPHANS, MATCHED, N };
    const size_t n = detail->n_sources;
    for (size_t i = 0; i < n; i++) {
        const struct strata_source_quality *from = &local[i];
        const uint64_t each[N] = {
            from->rows, from->rejected_rows, from->null_key_rows, from->invalid_key_rows,
            from->keys, from->orphan_keys,   from->matched_keys};
        for (size_t j = 0; j < N; j++) value[i * N + j] = (int64_t)each[j];
    }
    strata_comm_sum(comm, value, n * N);
    for (size_t i = 0; i < n; i++) {
        const int64_t *sum = value + i * N;
        out[i] = (struct strata_source_quality){.name = detail->source[i].config->name,
                                                .rows = (uint64_t)sum[ROWS],
                                                .rejected_rows = (uint64_t)sum[REJECTED],
                                                .null_key_rows = (uint64_t)sum[NULLS],
                                                .invalid_key_rows = (uint64_t)sum[INVALID],
                                                .keys = (uint64_t)sum[KEYS],
                                                .orphan_keys = (uint64_t)sum[ORPHANS],
                                                .matched_keys = (uint64_t)sum[MATCHED]};
    }
}

STRATA_MUST_CHECK static strata_status read_sources(struct stage *stage, struct strata_comm *comm,
                                                    struct strata_err *err)
{
    for (size_t i = 0; i < stage->detail->n_sources; i++) {
        STRATA_FAULT("ingest.source.before");
        STRATA_TRY(shuffle_source(&stage->shuffle, (uint32_t)i, &stage->local[i], stage->arena, err));
        STRATA_FAULT("ingest.source.after");
        if (comm->rank == 0)
            STRATA_LOG(INFO, "ingest.source", "source=%s files=%zu",
                       stage->detail->source[i].config->name, stage->detail->source[i].n_files);
    }
    halt_forget(&stage->halt, stage->shuffle.reader);
    strata_duck_close(&stage->shuffle.reader);
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status count_all(struct stage *stage, struct strata_comm *comm,
                                                 const struct strata_config *config,
                                                 struct strata_arena *keep,
                                                 struct strata_quality *quality,
                                                 struct strata_err *err)
{
    const size_t n_values = stage->detail->n_sources * 8;
    int64_t *value = STRATA_NEW(&stage->arena, int64_t, n_values + 1);
    strata_status rc =
        value ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the quality counts");
    if (rc == STRATA_OK)
        rc = derive_count_keys(config, stage->detail, stage->shuffle.owner, stage->arena,
                               stage->local, err);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    sum_quality(comm, stage->detail, stage->local, quality->source, value);
    return rejects_gather(comm, stage->detail, &stage->shuffle.rejects, keep, stage->arena, quality,
                          err);
}

STRATA_MUST_CHECK static strata_status run(struct stage *stage, struct strata_comm *comm,
                                           const struct strata_config *config,
                                           const struct strata_ingest_plan *plan,
                                           const char *temporary_dir,
                                           const struct strata_ingest_watch *watch,
                                           struct strata_arena *keep, struct strata_table **table,
                                           struct strata_quality *quality, struct strata_err *err)
{
    strata_status rc = stage_init(stage, comm, temporary_dir, err);
    if (rc == STRATA_OK) rc = halt_start(&stage->halt, watch, err);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    STRATA_TRY(share_plan(stage, comm, config, plan, err));
    STRATA_TRY(ingest_cuts(comm, stage->detail, &stage->halt, stage->scratch, err));
    rc = prepare(stage, comm, config, watch, keep, quality, err);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    STRATA_TRY(read_sources(stage, comm, err));
    struct strata_duck *owner = stage->shuffle.owner;
    STRATA_FAULT("ingest.derive.before");
    STRATA_TRY(derive_run(comm, config, stage->detail, owner, stage->arena, err));
    STRATA_FAULT("ingest.derive.after");
    STRATA_TRY(derive_fetch(comm, config, owner, keep, stage->arena, table, quality, err));
    STRATA_TRY(count_all(stage, comm, config, keep, quality, err));
    return strata_comm_agree(comm, halt_check(&stage->halt, err), err); /* nothing was left out */
}

strata_status strata_ingest(struct strata_comm *comm, const struct strata_config *config,
                            const struct strata_ingest_plan *plan, const char *temporary_dir,
                            const struct strata_ingest_watch *watch, struct strata_arena *keep,
                            struct strata_table **table, struct strata_quality *quality,
                            struct strata_err *err)
{
    struct stage stage = {0};
    struct strata_err late = {0};
    const strata_status rc =
        run(&stage, comm, config, plan, temporary_dir, watch, keep, table, quality, err);
    const strata_status ended = stage_finish(&stage, &late);
    if (rc != STRATA_OK) return rc; /* agreed */
    if (ended != STRATA_OK) *err = late;
    return strata_comm_agree(comm, ended, err);
}
