/* The time that a job has: --max-runtime and the deadline that a batch file passes.  It stops a margin before, with
 * its state on disk, and tells early when the time will not suffice. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "strata/clock.h"
#include "strata/log.h"

#include "job/job_impl.h"

#define MARGIN_SHARE 0.05 /* of the time that there is */
#define MARGIN_MIN_S 0.5
#define MARGIN_MAX_S 30.0
#define FORECAST_FRACTION 0.1 /* of the job; before it a forecast is worth little */

void strata_job_warn(const struct strata_job *job, const char *sentence)
{
    strata_job_tell_warning(job, sentence);
    if (job->host && job->host->warn) job->host->warn(job->host->context, sentence);
}

void strata_job_limit_start(struct strata_job *job)
{
    const struct strata_job_request *request = job->request;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    const double now_s = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    job->end_s = HUGE_VAL;
    if (request->max_runtime_s > 0) job->end_s = job->started_s + request->max_runtime_s;
    if (request->deadline_s > 0)
        job->end_s = fmin(job->end_s, strata_clock_s() + request->deadline_s - now_s);
    job->margin_s =
        fmin(fmax(MARGIN_SHARE * (job->end_s - job->started_s), MARGIN_MIN_S), MARGIN_MAX_S);
    if (isfinite(job->end_s))
        STRATA_LOG(INFO, "limit", "seconds=%.1f margin_s=%.1f", job->end_s - job->started_s,
                   job->margin_s);
}

void strata_job_limit_share(struct strata_job *job)
{
    double limit[] = {job->end_s - strata_clock_s(), job->margin_s};
    strata_comm_broadcast(job->comm, limit, sizeof limit, 0);
    job->end_s = strata_clock_s() + limit[0];
    job->margin_s = limit[1];
}

bool strata_job_limit_reached(const struct strata_job *job, double step_s)
{
    return strata_clock_s() + step_s + job->margin_s >= job->end_s;
}

void strata_job_limit_forecast(struct strata_job *job)
{
    const struct strata_snapshot *now = &job->snapshot;
    const double left_s = job->end_s - strata_clock_s();
    if (job->is_warned || !isfinite(left_s) || now->fraction < FORECAST_FRACTION ||
        now->remaining_s < left_s || strata_job_state_is_final(now->state))
        return;
    job->is_warned = true;
    char needed[32], left[32], sentence[256];
    strata_duration_text(now->remaining_s, needed);
    strata_duration_text(fmax(left_s, 0), left);
    (void)snprintf(sentence, sizeof sentence,
                   "the job needs about %s more and has %s: it will stop in time with exit code 75; "
                   "run the same command again to go on",
                   needed, left);
    STRATA_LOG(WARN, "limit.forecast", "needed_s=%.0f left_s=%.0f", now->remaining_s, left_s);
    strata_job_warn(job, sentence);
}
