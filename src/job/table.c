/* Where the customers come from: the sources, or the table that this run directory has kept of them. */
#include "strata/clock.h"
#include "strata/kept.h"
#include "strata/log.h"

#include "job/job_impl.h"

/* What all ranks must know to go the same way. */
struct wish {
    uint64_t fingerprint;
    bool recalls, keeps;
};

/* Rank 0 has read what the run directory and the job file say. */
static struct wish share_wish(struct strata_job *job)
{
    struct wish wish = {0};
    if (job->comm->rank == 0) {
        wish.fingerprint = job->data_fingerprint;
        wish.keeps = job->plan.config->keep_table != STRATA_TABLE_NEVER;
        wish.recalls = wish.keeps && !job->request->fresh;
    }
    strata_comm_broadcast(job->comm, &wish, sizeof wish, 0);
    return wish;
}

static void tell_unusable(const struct strata_job *job, const struct strata_err *why)
{
    if (job->comm->rank != 0 || why->code == STRATA_E_NO_INPUT) return; /* none was kept */
    const char *sentence =
        strata_arena_print(job->keep, "%s; the sources are read again", why->text);
    STRATA_LOG(WARN, "table.unusable", "reason=%s", strata_status_word(why->code));
    if (sentence) strata_job_warn(job, sentence);
}

/* A table that cannot be kept costs a restart time, not the run its result. */
static strata_status keep(struct strata_job *job, uint64_t fingerprint,
                          const struct strata_table *table, const struct strata_quality *quality,
                          struct strata_err *err)
{
    struct strata_err why = {0};
    const double begun_s = strata_clock_s();
    const strata_status status =
        strata_table_keep(job->comm, &job->attempt, fingerprint, table, quality, &why);
    if (status == STRATA_E_UNAVAILABLE) return STRATA_FAIL(err, status, "%s", why.text);
    if (job->comm->rank != 0) return STRATA_OK;
    if (status == STRATA_OK) {
        STRATA_LOG(INFO, "table.kept", "seconds=%.3f", strata_clock_s() - begun_s);
        return STRATA_OK;
    }
    const char *sentence =
        strata_arena_print(job->keep, "%s; a restart will read the sources again", why.text);
    STRATA_LOG(WARN, "table.lost", "reason=%s", strata_status_word(status));
    if (sentence) strata_job_warn(job, sentence);
    return STRATA_OK;
}

static strata_status recall(struct strata_job *job, uint64_t fingerprint,
                            struct strata_table **table, struct strata_quality *quality,
                            struct strata_err *err)
{
    struct strata_err why = {0};
    const double begun_s = strata_clock_s();
    STRATA_TRY(strata_table_recall(job->comm, job->directory, fingerprint, job->keep, table,
                                   quality, &why, err));
    if (!*table)
        tell_unusable(job, &why);
    else if (job->comm->rank == 0)
        STRATA_LOG(INFO, "table.recalled", "seconds=%.3f", strata_clock_s() - begun_s);
    return STRATA_OK;
}

/* Asked by a thread of the ingest. */
static bool must_end(void *context)
{
    struct strata_err ignored = {0};
    return strata_job_must_end(context, &ignored) != STRATA_OK;
}

/* An ingest that was told to end says so in the job's words. */
static strata_status tell_end(struct strata_job *job, strata_status status, struct strata_err *err)
{
    struct strata_err why = {0};
    if (status != STRATA_E_CANCELLED) return status;
    const strata_status agreed = strata_comm_agree(job->comm, strata_job_must_end(job, &why), &why);
    if (agreed == STRATA_OK) return status;
    *err = why;
    return agreed;
}

strata_status strata_job_table(struct strata_job *job, struct strata_table **table,
                               struct strata_quality *quality, struct strata_err *err)
{
    const struct wish wish = share_wish(job);
    const struct strata_ingest_watch watch = {job, strata_job_ingest_progress, must_end};
    *table = NULL;
    if (wish.recalls) STRATA_TRY(recall(job, wish.fingerprint, table, quality, err));
    if (*table) return STRATA_OK;
    const strata_status status =
        strata_ingest(job->comm, job->plan.config, job->plan.ingest, job->temporary_dir, &watch,
                      job->keep, table, quality, err);
    STRATA_TRY(tell_end(job, status, err));
    return wish.keeps ? keep(job, wish.fingerprint, *table, quality, err) : STRATA_OK;
}

void strata_job_forget_table(struct strata_job *job)
{
    struct strata_err err = {0};
    if (job->plan.config->keep_table == STRATA_TABLE_ALWAYS) return;
    const strata_status status = strata_table_forget(&job->attempt, &err);
    if (status != STRATA_OK)
        STRATA_LOG(WARN, "table.left", "reason=%s", strata_status_word(status));
}
