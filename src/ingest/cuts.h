/* From tentative stripes of CSV files to byte ranges that hold whole records. */
#ifndef STRATA_CUTS_H
#define STRATA_CUTS_H

#include "halt.h"
#include "ingest_impl.h"
#include "strata/comm.h"

/* Collective.  Each rank scans its stripes; counts are summed; a file whose quotes are all where
 * they belong is cut at record ends, any other becomes one unit.  Afterwards no unit is a stripe
 * and each has its true first line. */
STRATA_MUST_CHECK strata_status ingest_cuts(struct strata_comm *comm, struct ingest_detail *detail,
                                            struct halt *halt, struct strata_arena scratch,
                                            struct strata_err *err);

#endif
