/* The customers SQL over this rank's rows, checked, and its result as a table. */
#ifndef STRATA_DERIVE_H
#define STRATA_DERIVE_H

#include "ingest_impl.h"
#include "strata/comm.h"

/* Run the SQL into a table of this rank's database and check its keys.  Collective. */
STRATA_MUST_CHECK strata_status derive_run(struct strata_comm *comm,
                                           const struct strata_config *config,
                                           const struct ingest_detail *detail,
                                           struct strata_duck *duck, struct strata_arena scratch,
                                           struct strata_err *err);

/* Fetch it, sorted by (partition, key bytes), texts as codes of levels that all ranks share.
 * Collective. */
STRATA_MUST_CHECK strata_status derive_fetch(struct strata_comm *comm,
                                             const struct strata_config *config,
                                             struct strata_duck *duck, struct strata_arena *keep,
                                             struct strata_arena scratch, struct strata_table **out,
                                             struct strata_quality *quality, struct strata_err *err);

/* Distinct, orphan and matched keys of each source, on this rank. */
STRATA_MUST_CHECK strata_status derive_count_keys(const struct strata_config *config,
                                                  const struct ingest_detail *detail,
                                                  struct strata_duck *duck,
                                                  struct strata_arena scratch,
                                                  struct strata_source_quality *quality,
                                                  struct strata_err *err);

#define DERIVE_TABLE "\"strata customers\""
#define DERIVE_TEXT "replace(CAST(%s AS VARCHAR), chr(0), '')" /* levels are C strings */

/* levels.c: the texts of a feature over all ranks, sorted by bytes; at most STRATA_MAX_LEVELS.
 * Collective. */
STRATA_MUST_CHECK strata_status levels_unify(struct strata_comm *comm,
                                             const struct strata_feature *feature,
                                             struct strata_duck *duck, struct strata_arena *keep,
                                             struct strata_arena scratch,
                                             struct strata_column *column, struct strata_err *err);

#endif
