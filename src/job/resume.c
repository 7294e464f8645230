/* What a run directory holds of an unfinished run, and whether it is this job's. */
#include <string.h>
#include <unistd.h>

#include "strata/file.h"
#include "strata/log.h"
#include "strata/versions.h"

#include "job/job_impl.h"

static strata_status describe(struct strata_job *job, struct strata_err *err)
{
    char *settings = NULL, *inputs = NULL;
    STRATA_TRY(strata_config_print(job->plan.config, job->keep, &settings, err));
    STRATA_TRY(strata_ingest_inputs(job->plan.ingest, job->keep, &inputs, err));
    job->settings = settings;
    job->inputs = inputs;
    job->data_fingerprint = strata_job_data_fingerprint(settings, inputs);
    job->settings_fingerprint = strata_job_settings_fingerprint(settings);
    STRATA_TRY(strata_job_files_list(job, &job->inputs, err));
    return strata_job_replay_read(job, err);
}

/* A section's text, which ends with a NUL in keep; NULL when it is not there or there is no memory. */
static const char *text_of(const struct strata_checkpoint *checkpoint, const char *name,
                           struct strata_arena *keep)
{
    const struct strata_section *section = strata_checkpoint_section(checkpoint, name);
    return section && section->n_bytes
               ? strata_arena_copy(keep, (const char *)section->bytes, section->n_bytes)
               : NULL;
}

/* What earlier attempts were told belongs to the run. */
static void take_commands(struct strata_job *job, const struct strata_checkpoint *checkpoint)
{
    const char *text = text_of(checkpoint, "commands", job->keep);
    while (text && *text) {
        const size_t length = strcspn(text, "\n");
        strata_job_add_command(job, strata_arena_copy(job->keep, text, length));
        text += length + (text[length] == '\n');
    }
}

/* A run goes on only with the settings and the files that it began with. */
static strata_status compare(const struct strata_job *job,
                             const struct strata_checkpoint *checkpoint, struct strata_err *err)
{
    static const char *const advice =
        "run it as it was, or with --fresh to start anew, or give another output";
    char what[1024];
    const char *settings = text_of(checkpoint, "settings", job->keep);
    const char *inputs = text_of(checkpoint, "inputs", job->keep);
    if (!settings || !inputs)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s does not tell which job it is of; run with --fresh to start anew",
                           checkpoint->path);
    if (strata_job_settings_differ(settings, job->settings, what, sizeof what))
        return STRATA_FAIL(err, STRATA_E_CONFIG, "%s holds an unfinished run in which %s: %s",
                           job->directory, what, advice);
    if (strata_job_inputs_differ(inputs, job->inputs, what, sizeof what))
        return STRATA_FAIL(err, STRATA_E_DATA, "%s holds an unfinished run, and %s: %s",
                           job->directory, what, advice);
    return STRATA_OK;
}

/* A checkpoint that cannot be used costs time, not the result: what was there begins anew. */
static void tell_damage(const struct strata_job *job, const struct strata_checkpoint *checkpoint,
                        const char *consequence)
{
    for (size_t i = 0; i < checkpoint->n_damage; i++) {
        const char *sentence =
            strata_arena_print(job->keep, "%s; %s", checkpoint->damage[i], consequence);
        STRATA_LOG(WARN, "checkpoint.damaged", "number=%zu", i + 1);
        if (sentence) strata_job_warn(job, sentence);
    }
}

/* Whether other versions have written it: their state may mean, and their sums may be, something else. */
static bool is_of_others(const struct strata_job *job, const struct strata_checkpoint *checkpoint)
{
    char now[STRATA_VERSIONS_BYTES];
    strata_versions(now);
    const char *before = text_of(checkpoint, "versions", job->keep);
    if (before && strcmp(before, now) == 0) return false;
    const char *sentence =
        strata_arena_print(job->keep, "%s was written by %s, and this is %s; the fit begins anew",
                           checkpoint->path, before ? before : "an earlier strata", now);
    STRATA_LOG(WARN, "checkpoint.other_version", "generation=%llu",
               (unsigned long long)checkpoint->generation);
    if (sentence) strata_job_warn(job, sentence);
    return true;
}

strata_status strata_job_resume(struct strata_job *job, struct strata_err *err)
{
    STRATA_TRY(describe(job, err));
    job->generation = 1;
    if (job->request->fresh) return strata_checkpoint_remove(&job->attempt, err);
    struct strata_checkpoint checkpoint = {0};
    struct strata_err why = {0};
    const strata_status status =
        strata_checkpoint_read(job->directory, job->keep, &checkpoint, &why);
    if (status == STRATA_E_NO_INPUT || status == STRATA_E_DATA) {
        tell_damage(job, &checkpoint, "the fit begins anew");
        return STRATA_OK;
    }
    if (status != STRATA_OK) return STRATA_FAIL(err, status, "%s", why.text);
    const bool begins_anew = is_of_others(job, &checkpoint);
    tell_damage(job, &checkpoint, begins_anew ? "the fit begins anew" : "the one before it is used");
    if (begins_anew) return STRATA_OK;
    STRATA_TRY(compare(job, &checkpoint, err));
    const struct strata_section *fit = strata_checkpoint_section(&checkpoint, "fit");
    if (fit) {
        job->state = fit->bytes;
        job->state_bytes = fit->n_bytes;
    }
    job->generation = checkpoint.generation + 1;
    job->resumed = true;
    take_commands(job, &checkpoint);
    uint64_t iteration = 0;
    const struct strata_section *section = strata_checkpoint_section(&checkpoint, "iteration");
    if (section && section->n_bytes == sizeof iteration)
        memcpy(&iteration, section->bytes, sizeof iteration);
    STRATA_LOG(INFO, "run.resume", "attempt=%u generation=%llu resumed_after=%llu bytes=%zu",
               job->attempt.number, (unsigned long long)checkpoint.generation,
               (unsigned long long)iteration, job->state_bytes);
    return STRATA_OK;
}

void strata_job_forget_checkpoints(struct strata_job *job)
{
    struct strata_err err = {0};
    (void)strata_keeper_stop(&job->keeper, false, &job->n_checkpoints, &err); /* all is done */
    err = (struct strata_err){0};
    const strata_status status = strata_checkpoint_remove(&job->attempt, &err);
    const char *folder = strata_path_join(job->directory, "checkpoints", job->keep);
    if (folder) (void)rmdir(folder); /* empty now, or it stays */
    if (status != STRATA_OK)
        STRATA_LOG(WARN, "checkpoint.left", "reason=%s", strata_status_word(status));
}
