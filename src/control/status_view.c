/* The snapshot as a message. */
#include "requests.h"

#include <math.h>
#include <string.h>

_Static_assert((int)STRATA__V1__JOB_STATE__JOB_STATE_PENDING == (int)STRATA_JOB_PENDING + 1 &&
                   (int)STRATA__V1__JOB_STATE__JOB_STATE_DONE == (int)STRATA_JOB_DONE + 1 &&
                   (int)STRATA__V1__JOB_STATE__JOB_STATE_FAILED == (int)STRATA_JOB_FAILED + 1 &&
                   (int)STRATA__V1__JOB_STATE__JOB_STATE_PAUSED == (int)STRATA_JOB_PAUSED + 1 &&
                   (int)STRATA__V1__JOB_STATE__JOB_STATE_PAUSED == (int)STRATA_JOB_STATE_COUNT,
               "the wire's states are the board's, one higher");

void strata_text_mend(char *text, size_t room)
{
    const size_t n = strlen(text);
    size_t start = n;
    if (n + 1 < room) return;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) start--;
    if (start > 0 && ((unsigned char)text[start - 1] & 0x80)) text[start - 1] = '\0';
}

void strata_snapshot_mend(struct strata_snapshot *now)
{
    strata_text_mend(now->job, sizeof now->job);
    strata_text_mend(now->ending, sizeof now->ending);
    strata_text_mend(now->message, sizeof now->message);
    strata_text_mend(now->weight, sizeof now->weight);
}

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
    if (now->remaining_s >= 0) {
        status->has_remaining_high_s_case =
            STRATA__V1__JOB_STATUS__HAS_REMAINING_HIGH_S_REMAINING_HIGH_S;
        status->remaining_high_s = fmax(now->remaining_s, now->remaining_high_s);
    }
    if (now->is_limited) {
        status->has_limit_s_case = STRATA__V1__JOB_STATUS__HAS_LIMIT_S_LIMIT_S;
        status->limit_s = now->limit_s;
    }
    if (now->is_limited && now->remaining_s >= 0) {
        status->has_allocation_suffices_case =
            STRATA__V1__JOB_STATUS__HAS_ALLOCATION_SUFFICES_ALLOCATION_SUFFICES;
        status->allocation_suffices = status->remaining_high_s <= now->limit_s;
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
