/* Brings every row to the rank that owns its customer, in rounds of bounded size. */
#ifndef STRATA_SHUFFLE_H
#define STRATA_SHUFFLE_H

#include "ingest_impl.h"
#include "reader.h"

struct shuffle {
    struct strata_comm *comm;
    const struct strata_config *config;
    const struct ingest_detail *detail;
    const struct strata_ingest_watch *watch; /* NULL: nobody looks */
    struct strata_duck *reader;              /* reads files */
    struct strata_duck *owner;               /* holds this rank's customers */
    struct strata_arena *keep;               /* texts of rejects */
    struct row_buckets buckets;
    unsigned char *received;              /* as large as the buckets together */
    uint64_t *send_bytes, *receive_bytes; /* (n_ranks) */
    struct reader_rejects rejects;
    uint64_t bytes_done; /* over all ranks */
};

/* Buffers for the rounds.  Not collective. */
STRATA_MUST_CHECK strata_status shuffle_init(struct shuffle *shuffle, struct strata_arena *stage,
                                             struct strata_err *err);

/* Read one source; afterwards the owner's database has its table: this rank's customers' rows,
 * or all rows of a lookup source.  Collective.  quality gets this rank's counts. */
STRATA_MUST_CHECK strata_status shuffle_source(struct shuffle *shuffle, uint32_t source,
                                               struct strata_source_quality *quality,
                                               struct strata_arena scratch, struct strata_err *err);

#endif
