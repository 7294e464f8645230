/* The snapshot as a message. */
#include "requests.h"

#include <math.h>

_Static_assert((int)STRATA__V1__JOB_STATE__JOB_STATE_PENDING == (int)STRATA_JOB_PENDING + 1 &&
                   (int)STRATA__V1__JOB_STATE__JOB_STATE_DONE == (int)STRATA_JOB_DONE + 1 &&
                   (int)STRATA__V1__JOB_STATE__JOB_STATE_FAILED == (int)STRATA_JOB_FAILED + 1 &&
                   (int)STRATA__V1__JOB_STATE__JOB_STATE_PAUSED == (int)STRATA_JOB_PAUSED + 1 &&
                   (int)STRATA__V1__JOB_STATE__JOB_STATE_PAUSED == (int)STRATA_JOB_STATE_COUNT,
               "the wire's states are the board's, one higher");

void strata_status_fill(const struct strata_snapshot *now, Strata__V1__JobStatus *status)
{
    strata__v1__job_status__init(status);
    status->job = (char *)(uintptr_t)now->job; /* only packed, never changed */
    status->state = (Strata__V1__JobState)((int)now->state + 1);
    status->elapsed_s = now->elapsed_s;
    status->fraction = now->fraction;
    if (now->remaining_s >= 0) {
        status->has_remaining_s_case = STRATA__V1__JOB_STATUS__HAS_REMAINING_S_REMAINING_S;
        status->remaining_s = now->remaining_s;
    }
    status->ranks = now->ranks > 0 ? (uint32_t)now->ranks : 0;
    status->bytes_done = now->bytes_done;
    status->bytes_total = now->bytes_total;
    status->customers = now->customers;
    status->features = now->features;
    status->iteration = now->iteration;
    status->candidates_live = now->candidates_live;
    status->candidates_total = now->candidates_total;
    status->k = now->k;
    if (now->k > 0 && isfinite(now->objective)) {
        status->has_objective_case = STRATA__V1__JOB_STATUS__HAS_OBJECTIVE_OBJECTIVE;
        status->objective = now->objective;
    }
    status->message = (char *)(uintptr_t)now->message;
    status->ending = (char *)(uintptr_t)now->ending;
}
