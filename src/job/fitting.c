/* The fit of a job: it goes on from where the run was left, and its state is kept while it runs. */
#include "strata/clock.h"
#include "strata/log.h"

#include "job/job_impl.h"

static void note_moment(void *context, const struct strata_fit_moment *moment)
{
    struct strata_job *job = context;
    const bool is_last = strata_fit_is_last(moment);
    if (job->keeper) strata_keeper_note(job->keeper, moment, job->snapshot.iteration, is_last);
}

/* Rank 0's state of an unfinished fit, for all ranks. */
static strata_status share_state(struct strata_job *job, struct strata_fit_watch *watch,
                                 struct strata_err *err)
{
    char *bytes = NULL;
    STRATA_TRY(strata_comm_broadcast_blob(job->comm, job->state, job->state_bytes, 0, job->keep,
                                          &bytes, &watch->state_bytes, err));
    if (watch->state_bytes) watch->state = (const unsigned char *)bytes;
    return STRATA_OK;
}

static strata_status start_keeper(struct strata_job *job, struct strata_err *err)
{
    strata_status status = STRATA_OK;
    if (job->comm->rank == 0) {
        const struct strata_keeper_options options = {.attempt = &job->attempt,
                                                      .settings = job->settings,
                                                      .inputs = job->inputs,
                                                      .commands = strata_job_commands(job),
                                                      .generation = job->generation,
                                                      .interval_s =
                                                          job->plan.config->checkpoint_interval_s,
                                                      .board = job->host->board};
        status = strata_keeper_start(&options, job->keep, &job->keeper, err);
    }
    return strata_comm_agree(job->comm, status, err);
}

strata_status strata_job_fit(struct strata_job *job, struct strata_clustering **out,
                             struct strata_quality *quality, struct strata_err *err)
{
    struct strata_fit_watch watch = {.context = job,
                                     .command = strata_job_fit_command,
                                     .order = strata_job_next_order,
                                     .obeyed = strata_job_obeyed,
                                     .rest = strata_job_rest,
                                     .progress = strata_job_fit_progress,
                                     .candidate = strata_job_candidate_over,
                                     .moment = note_moment};
    const struct strata_start *start = NULL;
    STRATA_TRY(strata_job_read_start(job, &start, err));
    STRATA_TRY(share_state(job, &watch, err));
    STRATA_TRY(strata_job_replay_share(job, &watch, err));
    STRATA_TRY(start_keeper(job, err));
    return strata_cluster_from(job->comm, job->plan.config, job->features, start, &watch, job->keep,
                               out, quality, err);
}

strata_status strata_job_keep_last(struct strata_job *job, strata_status status,
                                   struct strata_err *err)
{
    if (status != STRATA_E_AGAIN) return status;
    struct strata_err why = {0};
    const strata_status kept = strata_keeper_stop(&job->keeper, true, &job->n_checkpoints, &why);
    strata_status mine = STRATA_OK;
    struct strata_err failure = {0};
    if (kept == STRATA_E_UNAVAILABLE)
        mine = STRATA_FAIL(&failure, kept, "%s", why.text);
    else if (kept != STRATA_OK)
        mine =
            STRATA_FAIL(&failure, kept,
                        "the job was asked to end, and its state could not be kept: %s", why.text);
    const strata_status agreed = strata_comm_agree(job->comm, mine, &failure);
    if (agreed == STRATA_OK) return status;
    *err = failure;
    return agreed;
}
