/* The customer table kept on disk: what ranks do together. */
#include "strata/kept.h"

#include <stdio.h>
#include <string.h>

#include "kept_impl.h"
#include "results_impl.h"
#include "strata/checkpoint.h"
#include "strata/fault.h"
#include "strata/file.h"
#include "strata/hash.h"

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the kept table");
}

/* --- keeping --------------------------------------------------------------------------------- */

static bool is_part(const char *name)
{
    const size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".part") == 0;
}

/* The index goes first: without it parts are nobody's. */
strata_status strata_table_forget(const struct strata_attempt *attempt, struct strata_err *err)
{
    STRATA_TRY(strata_attempt_withdraw(attempt, KEPT_INDEX, err));
    return strata_each_file(attempt, attempt->directory, KEPT_FOLDER "/", is_part,
                            strata_attempt_withdraw, err);
}

static strata_status begin(const struct strata_attempt *attempt, struct strata_err *err)
{
    char folder[STRATA_ATTEMPT_PATH_MAX];
    bool made = false;
    STRATA_TRY(strata_table_forget(attempt, err));
    STRATA_TRY(strata_attempt_path(attempt->directory, KEPT_FOLDER, folder, err));
    return strata_directory_make_private(folder, &made, err);
}

/* Names of parts are durable before that of the index. */
static strata_status finish(const struct strata_attempt *attempt, uint64_t fingerprint,
                            const struct kept_part *part, size_t n_parts,
                            const struct strata_table *table, const struct strata_quality *quality,
                            struct strata_err *err)
{
    char folder[STRATA_ATTEMPT_PATH_MAX];
    STRATA_TRY(strata_attempt_path(attempt->directory, KEPT_FOLDER, folder, err));
    STRATA_TRY(strata_directory_sync(folder, err));
    STRATA_FAULT("kept.index.before");
    STRATA_TRY(kept_index_write(attempt, fingerprint, part, n_parts, table, quality, err));
    STRATA_FAULT("kept.index.after");
    STRATA_TRY(strata_directory_sync(folder, err));
    return strata_directory_sync(attempt->directory, err);
}

static strata_status keep_table(struct strata_comm *comm, const struct strata_attempt *attempt,
                                uint64_t fingerprint, const struct strata_table *table,
                                const struct strata_quality *quality, struct strata_arena *scratch,
                                strata_status mine, struct strata_err *err)
{
    struct kept_part part = {0}, *all = NULL;
    if (mine == STRATA_OK) {
        all = STRATA_NEW(scratch, struct kept_part, (size_t)comm->size);
        if (!all) mine = no_room(err);
    }
    if (mine == STRATA_OK && comm->rank == 0) mine = begin(attempt, err);
    STRATA_TRY(strata_comm_agree(comm, mine, err));
    mine = kept_part_write(attempt, fingerprint, strata_partition_first(comm->rank, comm->size),
                           strata_partition_first(comm->rank + 1, comm->size), table, &part, err);
    STRATA_TRY(strata_comm_agree(comm, mine, err));
    strata_comm_gather_all(comm, &part, sizeof part, all);
    if (comm->rank == 0)
        mine = finish(attempt, fingerprint, all, (size_t)comm->size, table, quality, err);
    return strata_comm_agree(comm, mine, err);
}

strata_status strata_table_keep(struct strata_comm *comm, const struct strata_attempt *attempt,
                                uint64_t fingerprint, const struct strata_table *table,
                                const struct strata_quality *quality, struct strata_err *err)
{
    struct strata_arena scratch = {0};
    strata_status status = STRATA_OK;
    if (!strata_arena_init(&scratch, KEPT_SCRATCH_BYTES)) status = no_room(err);
    status = keep_table(comm, attempt, fingerprint, table, quality, &scratch, status, err);
    strata_arena_finish(&scratch);
    if (status == STRATA_OK || status == STRATA_E_UNAVAILABLE || comm->rank != 0) return status;
    struct strata_err ignored = {0}; /* the trouble that there was is the one to tell */
    const strata_status forgotten = strata_table_forget(attempt, &ignored);
    (void)forgotten;
    return status;
}

/* --- recalling ------------------------------------------------------------------------------- */

/* Room of which the next piece is aligned as the index' sections are. */
static bool align(struct strata_arena *keep)
{
    return strata_arena_take(keep, 64, 64, 1);
}

/* Rank 0's bytes of the index on all ranks.  `why` says why there are none. */
static strata_status share_index(struct strata_comm *comm, const char *path,
                                 struct strata_arena *keep, char **bytes, size_t *n_bytes,
                                 struct strata_err *why, struct strata_err *err)
{
    struct strata_arena scratch = {0};
    char *mine = NULL;
    size_t n_mine = 0;
    strata_status status = STRATA_OK;
    if (comm->rank == 0) {
        if (!strata_arena_init(&scratch, STRATA_CHECKPOINT_BYTES_MAX + ((size_t)1 << 20)))
            status = no_room(why);
        else
            status =
                strata_file_read(path, STRATA_CHECKPOINT_BYTES_MAX, &scratch, &mine, &n_mine, why);
    }
    status = strata_comm_agree(comm, status, why);
    if (status == STRATA_OK) {
        strata_status aligned = align(keep) ? STRATA_OK : no_room(err);
        aligned = strata_comm_agree(comm, aligned, err);
        if (aligned == STRATA_OK)
            aligned = strata_comm_broadcast_blob(comm, mine, n_mine, 0, keep, bytes, n_bytes, err);
        strata_arena_finish(&scratch);
        return aligned;
    }
    strata_arena_finish(&scratch);
    return STRATA_OK;
}

/* What there is of the table, or in `why` why it is of no use. */
static strata_status read_table(struct strata_comm *comm, const char *directory,
                                uint64_t fingerprint, const char *bytes, size_t n_bytes,
                                struct strata_arena *keep, struct strata_table *out,
                                struct strata_quality *quality, struct strata_err *why)
{
    char path[STRATA_ATTEMPT_PATH_MAX];
    struct kept_index index = {0};
    STRATA_TRY(strata_attempt_path(directory, KEPT_INDEX, path, why));
    STRATA_TRY(kept_index_parse(path, bytes, n_bytes, keep, &index, quality, why));
    if (index.fingerprint != fingerprint)
        return STRATA_FAIL(why, STRATA_E_DATA, "%s is of other inputs or settings", path);
    return kept_parts_read(directory, &index, strata_partition_first(comm->rank, comm->size),
                           strata_partition_first(comm->rank + 1, comm->size), keep, out, why);
}

/* All rows of all ranks are there. */
static bool is_complete(struct strata_comm *comm, const struct strata_table *table)
{
    int64_t n = (int64_t)table->n_rows;
    strata_comm_sum(comm, &n, 1);
    return (uint64_t)n == table->n_rows_global;
}

static strata_status recall(struct strata_comm *comm, const char *directory, uint64_t fingerprint,
                            struct strata_arena *keep, struct strata_table **out,
                            struct strata_quality *quality, struct strata_err *why,
                            struct strata_err *err)
{
    char *bytes = NULL, path[STRATA_ATTEMPT_PATH_MAX];
    size_t n_bytes = 0;
    struct strata_table *table = STRATA_NEW(keep, struct strata_table, 1);
    struct strata_quality read = *quality; /* the caller's arrays, and its own pointers */
    read.source = STRATA_NEW(keep, struct strata_source_quality, quality->n_sources + 1);
    read.feature = STRATA_NEW(keep, struct strata_feature_quality, quality->n_features + 1);
    strata_status status = table && read.source && read.feature ? STRATA_OK : no_room(err);
    if (status == STRATA_OK) status = strata_attempt_path(directory, KEPT_INDEX, path, err);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    memcpy(read.source, quality->source, quality->n_sources * sizeof *read.source);
    memcpy(read.feature, quality->feature, quality->n_features * sizeof *read.feature);
    STRATA_TRY(share_index(comm, path, keep, &bytes, &n_bytes, why, err));
    if (!bytes) return STRATA_OK;
    status = read_table(comm, directory, fingerprint, bytes, n_bytes, keep, table, &read, why);
    if (strata_comm_agree(comm, status, why) != STRATA_OK) return STRATA_OK;
    if (!is_complete(comm, table)) {
        (void)STRATA_FAIL(why, STRATA_E_DATA, "%s counts more customers than there are", path);
        return STRATA_OK;
    }
    memcpy(quality->source, read.source, quality->n_sources * sizeof *read.source);
    memcpy(quality->feature, read.feature, quality->n_features * sizeof *read.feature);
    quality->customers = read.customers;
    quality->reject = read.reject;
    quality->n_rejects = read.n_rejects;
    *out = table;
    return STRATA_OK;
}

strata_status strata_table_recall(struct strata_comm *comm, const char *directory,
                                  uint64_t fingerprint, struct strata_arena *keep,
                                  struct strata_table **table, struct strata_quality *quality,
                                  struct strata_err *why, struct strata_err *err)
{
    const struct strata_arena before = *keep;
    *table = NULL;
    const strata_status status =
        recall(comm, directory, fingerprint, keep, table, quality, why, err);
    if (!*table) *keep = before; /* what was read of it is forgotten */
    return status;
}
