/* The life of a job: which event leads from which state to which.  An event that has no row is refused. */
#include "strata/job.h"

#define REFUSED STRATA_JOB_STATE_COUNT

static const struct row {
    enum strata_job_state from;
    enum strata_job_state next, stop, cancel, fail;
} rows[STRATA_JOB_STATE_COUNT] = {
    /* from                   NEXT                   STOP                 CANCEL                FAIL */
    {STRATA_JOB_PENDING, STRATA_JOB_INGESTING, REFUSED, STRATA_JOB_CANCELLED, STRATA_JOB_FAILED},
    {STRATA_JOB_INGESTING, STRATA_JOB_ENCODING, REFUSED, STRATA_JOB_CANCELLED, STRATA_JOB_FAILED},
    {STRATA_JOB_ENCODING, STRATA_JOB_SEEDING, REFUSED, STRATA_JOB_CANCELLED, STRATA_JOB_FAILED},
    {STRATA_JOB_SEEDING, STRATA_JOB_FITTING, STRATA_JOB_STOPPING, STRATA_JOB_CANCELLED,
     STRATA_JOB_FAILED},
    {STRATA_JOB_FITTING, STRATA_JOB_EVALUATING, STRATA_JOB_STOPPING, STRATA_JOB_CANCELLED,
     STRATA_JOB_FAILED},
    {STRATA_JOB_EVALUATING, STRATA_JOB_DESCRIBING, REFUSED, STRATA_JOB_CANCELLED, STRATA_JOB_FAILED},
    {STRATA_JOB_DESCRIBING, STRATA_JOB_WRITING, REFUSED, STRATA_JOB_CANCELLED, STRATA_JOB_FAILED},
    {STRATA_JOB_WRITING, STRATA_JOB_DONE, REFUSED, REFUSED, STRATA_JOB_FAILED},
    {STRATA_JOB_DONE, REFUSED, REFUSED, REFUSED, REFUSED},
    {STRATA_JOB_STOPPING, STRATA_JOB_EVALUATING, REFUSED, STRATA_JOB_CANCELLED, STRATA_JOB_FAILED},
    {STRATA_JOB_CANCELLED, REFUSED, REFUSED, REFUSED, REFUSED},
    {STRATA_JOB_FAILED, REFUSED, REFUSED, REFUSED, REFUSED},
};

enum strata_job_state strata_job_next(enum strata_job_state state, enum strata_job_event event)
{
    STRATA_REQUIRE(state < STRATA_JOB_STATE_COUNT && rows[state].from == state);
    switch (event) {
    case STRATA_EVENT_NEXT:
        return rows[state].next;
    case STRATA_EVENT_STOP:
        return rows[state].stop;
    case STRATA_EVENT_CANCEL:
        return rows[state].cancel;
    case STRATA_EVENT_FAIL:
        return rows[state].fail;
    case STRATA_EVENT_COUNT:
        break;
    }
    return REFUSED;
}
