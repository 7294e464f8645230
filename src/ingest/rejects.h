/* The rejected rows of all ranks as one list, in order of place. */
#ifndef STRATA_REJECTS_H
#define STRATA_REJECTS_H

#include "ingest_impl.h"
#include "reader.h"
#include "strata/comm.h"

/* Collective.  At most INGEST_REJECTS_MAX rows, the same on all ranks, in keep. */
STRATA_MUST_CHECK strata_status
rejects_gather(struct strata_comm *comm, const struct ingest_detail *detail,
               const struct reader_rejects *mine, struct strata_arena *keep,
               struct strata_arena scratch, struct strata_quality *quality, struct strata_err *err);

#endif
