/* What happens in a job, as notices on the board: they become the events of the control channel. */
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"

#include "job/job_impl.h"

void strata_job_post(const struct strata_job *job, const struct strata_notice *notice)
{
    if (job->host && job->host->board) strata_board_post(job->host->board, notice);
}

static void put_text(struct strata_notice *notice, const char *text)
{
    (void)snprintf(notice->text, sizeof notice->text, "%s", text); /* a longer one is cut */
}

void strata_job_tell_stage(const struct strata_job *job)
{
    const struct strata_notice notice = {.kind = STRATA_NOTICE_STAGE,
                                         .state = job->snapshot.state,
                                         .elapsed_s = job->snapshot.elapsed_s};
    strata_job_post(job, &notice);
}

void strata_job_tell_over(const struct strata_job *job)
{
    const struct strata_snapshot *now = &job->snapshot;
    struct strata_notice notice = {.kind = STRATA_NOTICE_DONE, .state = now->state};
    char took[32];
    strata_duration_text(now->elapsed_s, took);
    if (now->state == STRATA_JOB_DONE)
        (void)snprintf(notice.text, sizeof notice.text, "It took %s.", took);
    else
        put_text(&notice, now->message);
    strata_job_post(job, &notice);
}

void strata_job_tell_warning(const struct strata_job *job, const char *sentence)
{
    struct strata_notice notice = {.kind = STRATA_NOTICE_WARNING};
    put_text(&notice, sentence);
    strata_job_post(job, &notice);
}

void strata_job_tell_notes(struct strata_job *job, const struct strata_quality *quality)
{
    for (; job->n_notes_told < quality->n_notes; job->n_notes_told++)
        strata_job_tell_warning(job, quality->note[job->n_notes_told]);
}

/* Why a candidate is out; the others' reasons are those of the result. */
static const char *reason_of(const struct strata_candidate_result *result)
{
    if (result->dropped) return "A client dropped it.";
    if (result->reason == STRATA_STOP_DROPPED)
        return "Others with as many segments were better in the race.";
    return strata_stop_reason_sentence(result->reason);
}

static void tell_candidate(const struct strata_job *job,
                           const struct strata_candidate_result *result, enum strata_fate fate,
                           const char *why)
{
    struct strata_notice notice = {.kind = STRATA_NOTICE_CANDIDATE,
                                   .fate = fate,
                                   .k = result->k,
                                   .start = result->start + 1,
                                   .iteration = job->snapshot.iteration};
    put_text(&notice, why);
    strata_job_post(job, &notice);
}

void strata_job_candidate_over(void *context, const struct strata_candidate_result *result)
{
    const bool is_out = result->dropped || result->reason == STRATA_STOP_DROPPED ||
                        result->reason == STRATA_STOP_MERGED;
    tell_candidate(context, result, is_out ? STRATA_FATE_DROPPED : STRATA_FATE_ENDED,
                   reason_of(result));
}

void strata_job_tell_chosen(const struct strata_job *job, const struct strata_clustering *clustering)
{
    const size_t chosen = clustering->by_k[clustering->chosen_k].candidate;
    tell_candidate(job, &clustering->candidate[chosen], STRATA_FATE_CHOSEN, clustering->choice);
}
