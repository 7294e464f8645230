/* The job's face to the outside: state changes, figures and time left go to the board and the screen. */

#include <math.h>

#include "job/job_impl.h"
#include "strata/clock.h"
#include "strata/log.h"
#include "strata/watch.h"

#define BAND 0.25          /* of a forecast: what is left may take so much longer at least, */
#define BAND_BEFORE_FIT 4  /* and so much as long as nothing is known of the seeding and the fit */
#define NEXT_ITERATION 1.5 /* times as long as the last one, for safety */

/* Rough share of a run that is done when a state begins; the fit fills its own stretch. */
static const double fraction_at[STRATA_JOB_STATE_COUNT] = {
    [STRATA_JOB_PENDING] = 0.0,     [STRATA_JOB_INGESTING] = 0.02,  [STRATA_JOB_ENCODING] = 0.40,
    [STRATA_JOB_SEEDING] = 0.45,    [STRATA_JOB_FITTING] = 0.45,    [STRATA_JOB_STOPPING] = 0.45,
    [STRATA_JOB_EVALUATING] = 0.85, [STRATA_JOB_DESCRIBING] = 0.88, [STRATA_JOB_WRITING] = 0.92,
    [STRATA_JOB_DONE] = 1.0,        [STRATA_JOB_PAUSED] = 0.45,
};

/* Forecasts move.  Of those made since three quarters of what is done now was done: the highest, or as much above the
 * last one as the lowest is below; and a part more. */
static double high_end(struct strata_job *job, double worked_s)
{
    const struct strata_snapshot *now = &job->snapshot;
    const size_t at = (size_t)(now->fraction * (STRATA_JOB_FORECASTS - 1));
    const double last_s = worked_s / now->fraction;
    const double part = now->state < STRATA_JOB_FITTING ? BAND_BEFORE_FIT : BAND;
    STRATA_REQUIRE(at < STRATA_JOB_FORECASTS);
    job->forecast_s[at] = last_s;
    double highest_s = last_s, lowest_s = last_s;
    for (size_t i = at * 3 / 4; i <= at; i++) {
        if (!(job->forecast_s[i] > 0)) continue;
        highest_s = fmax(highest_s, job->forecast_s[i]);
        lowest_s = fmin(lowest_s, job->forecast_s[i]);
    }
    if (now->fraction >= 1) return 0;
    return fmax(fmax(highest_s, 2 * last_s - lowest_s) - worked_s, now->remaining_s * (1 + part));
}

static void set_fraction(struct strata_job *job, double fraction)
{
    struct strata_snapshot *now = &job->snapshot;
    if (fraction > now->fraction) now->fraction = fraction;
    now->elapsed_s = strata_clock_s() - job->started_s;
    const bool known = now->fraction > 0.05;
    const double worked_s = now->elapsed_s - job->paused_s;
    now->remaining_s = known ? worked_s * (1 - now->fraction) / now->fraction : -1;
    if (known) now->remaining_high_s = high_end(job, worked_s);
    now->is_limited = isfinite(job->end_s);
    now->limit_s = now->is_limited ? fmax(job->end_s - strata_clock_s(), 0) : 0;
}

void strata_job_publish(struct strata_job *job)
{
    if (!job->host) return;
    set_fraction(job, job->snapshot.fraction);
    if (job->host->board) strata_board_publish(job->host->board, &job->snapshot);
    if (job->host->progress) job->host->progress(job->host->context, &job->snapshot);
    strata_job_limit_forecast(job);
}

/* Every rank keeps the state; rank 0 tells it. */
void strata_job_enter(struct strata_job *job, enum strata_job_event event)
{
    const enum strata_job_state before = job->snapshot.state, state = strata_job_next(before, event);
    STRATA_REQUIRE(state != STRATA_JOB_STATE_COUNT);
    const double now_s = strata_clock_s(), stage_s = now_s - job->stage_started_s;
    STRATA_LOG(INFO, "stage.end", "state=%s seconds=%.3f", strata_job_state_word(before), stage_s);
    if (job->n_stages < STRATA_JOB_STAGES_MAX)
        job->stage[job->n_stages++] =
            (struct strata_stage_time){strata_job_state_word(before), stage_s};
    STRATA_LOG(INFO, "stage.begin", "state=%s", strata_job_state_word(state));
    job->stage_started_s = now_s;
    job->snapshot.state = state;
    strata_watch_tell(job->comm, strata_job_state_word(state), 0);
    if (!job->host) return;
    set_fraction(job, fraction_at[state]);
    strata_job_publish(job);
    strata_job_tell_stage(job);
    if (strata_job_state_is_final(state)) strata_job_tell_over(job);
}

void strata_job_ingest_progress(void *context, const char *source, uint64_t bytes_done,
                                uint64_t bytes_total)
{
    struct strata_job *job = context;
    (void)source;
    job->snapshot.bytes_done = bytes_done;
    job->snapshot.bytes_total = bytes_total;
    const double begin = fraction_at[STRATA_JOB_INGESTING], end = fraction_at[STRATA_JOB_ENCODING];
    if (bytes_total)
        set_fraction(job, begin + (end - begin) * (double)bytes_done / (double)bytes_total);
    strata_job_publish(job);
}

static void take_standings(struct strata_snapshot *now, const struct strata_fit_progress *progress)
{
    now->n_live = (uint32_t)progress->n_standings;
    for (size_t i = 0; i < progress->n_standings; i++) {
        const struct strata_fit_standing *standing = &progress->standing[i];
        now->live[i] = (struct strata_live_candidate){.k = standing->k,
                                                      .start = standing->start + 1,
                                                      .iterations = standing->iterations,
                                                      .objective = standing->objective};
    }
    now->rank_balance = progress->rank_balance;
}

void strata_job_fit_progress(void *context, const struct strata_fit_progress *progress)
{
    struct strata_job *job = context;
    struct strata_snapshot *now = &job->snapshot;
    if (now->state == STRATA_JOB_SEEDING) strata_job_enter(job, STRATA_EVENT_NEXT);
    now->iteration = progress->iteration;
    now->candidates_live = progress->live;
    now->candidates_total = progress->total;
    now->k = progress->best_k;
    now->objective = progress->best_objective;
    for (uint32_t segment = 0; segment < progress->best_k && segment < STRATA_MAX_SEGMENTS;
         segment++)
        now->segment_size[segment] = progress->best_mass[segment] * job->weight_unit;
    take_standings(now, progress);
    const double begin = fraction_at[STRATA_JOB_FITTING], end = fraction_at[STRATA_JOB_EVALUATING];
    set_fraction(job, begin + (end - begin) * progress->fraction);
    strata_job_publish(job);
}

/* Rank 0: there is no time for another iteration, or the directory is no longer ours. */
static bool must_end(struct strata_job *job)
{
    const double now_s = strata_clock_s();
    if (job->asked_at_s > 0) job->iteration_s = now_s - job->asked_at_s;
    job->asked_at_s = now_s;
    return strata_keeper_is_taken_over(job->keeper) ||
           strata_job_limit_reached(job, NEXT_ITERATION * job->iteration_s);
}

/* What this rank was asked: signals on any rank, the limit and a client's cancel on rank 0.  The bits ride in the next reduction. */
unsigned strata_job_fit_command(void *context)
{
    struct strata_job *job = context;
    unsigned command = STRATA_FIT_GO;
    if (strata_job_asked() & STRATA_ASKED_LIMIT) command |= STRATA_FIT_LIMIT;
    if (strata_job_asked() & STRATA_ASKED_CANCEL) command |= STRATA_FIT_CANCEL;
    if (job->host && must_end(job)) command |= STRATA_FIT_LIMIT;
    if (strata_job_is_cancelled(job)) command |= STRATA_FIT_CANCEL;
    return command;
}
