/* The customer table kept on disk, so that a restart, on any number of ranks, or a run with only the model
 * changed reads no source again: RUN/table/, by virtual partition, each with a checksum.  The matrix is made
 * from it anew, to the same bytes. */
#ifndef STRATA_KEPT_H
#define STRATA_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/attempt.h"
#include "strata/comm.h"
#include "strata/quality.h"
#include "strata/status.h"
#include "strata/table.h"

/* Keep the table, and what ingest has counted (quality->customers, source, feature, reject), under the
 * caller's fingerprint of inputs and settings; what was kept before goes.  Collective: each rank writes its
 * own partitions, files of mode 0600, rank 0 the seal.  Takes no memory from the caller.  O(bytes) time.
 * Fails alike on all ranks, and then nothing is kept; the run need not end for that. */
STRATA_MUST_CHECK strata_status strata_table_keep(
    struct strata_comm *comm, const struct strata_attempt *attempt, uint64_t fingerprint,
    const struct strata_table *table, const struct strata_quality *quality, struct strata_err *err);

/* What was kept of a run directory under this fingerprint, cut for this number of ranks, into keep.
 * Collective.  *table is NULL when there is none, it cannot be used, or another version of Strata or DuckDB kept
 * it: read the sources then; `why` receives one sentence, the same on all ranks, naming file and partition when something is damaged.
 * quality->source, feature and reject are the caller's arrays as strata_ingest wants them; they are filled as
 * it fills them, and only when *table is there.  Fails only for memory. */
STRATA_MUST_CHECK strata_status strata_table_recall(struct strata_comm *comm, const char *directory,
                                                    uint64_t fingerprint, struct strata_arena *keep,
                                                    struct strata_table **table,
                                                    struct strata_quality *quality,
                                                    struct strata_err *why, struct strata_err *err);

/* Remove what was kept.  Rank 0 only.  STRATA_E_UNAVAILABLE when a later attempt has taken over. */
STRATA_MUST_CHECK strata_status strata_table_forget(const struct strata_attempt *attempt,
                                                    struct strata_err *err);

#endif
