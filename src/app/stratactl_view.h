/* What the commands of stratactl share in showing a job. */
#ifndef STRATA_STRATACTL_VIEW_H
#define STRATA_STRATACTL_VIEW_H

#include "strata/board.h"
#include "strata/client.h"

/* The snapshot that a status was made from, for the progress line. */
struct strata_snapshot strata_snapshot_of(const struct strata_job_view *job);

#endif
