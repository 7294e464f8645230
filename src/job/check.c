/* All that can be known of a job before a row is read. */
#include <string.h>
#include <unistd.h>

#include "job/job_impl.h"
#include "strata/estimator.h"
#include "strata/file.h"

static void check_estimator(const struct strata_config *config, struct strata_problems *problems)
{
    if (strata_estimator_find(config->model.estimator)) return;
    const char *known[16];
    size_t n_known = 0;
    for (const struct strata_estimator *const *each = strata_estimators; *each && n_known < 16;
         each++)
        known[n_known++] = (*each)->name;
    const char *nearest = strata_nearest_word(config->model.estimator, known, n_known);
    strata_problems_add(problems, config->model.estimator_place, STRATA_E_CONFIG,
                        "unknown estimator \"%s\"; did you mean \"%s\"?", config->model.estimator,
                        nearest ? nearest : known[0]);
}

static void check_output(const struct strata_config *config, struct strata_problems *problems)
{
    struct strata_err err = {0};
    const strata_status status = strata_job_directory_check(config->output, &err);
    if (status != STRATA_OK)
        strata_problems_add(problems, (struct strata_place){0}, status, "%s", err.text);
}

strata_status strata_job_check(const struct strata_job_request *request, int n_ranks,
                               struct strata_arena *keep, struct strata_job_plan *out,
                               struct strata_problems *problems, struct strata_err *err)
{
    STRATA_TRY(strata_config_read(request->path, request->set, request->n_set, keep, &out->config,
                                  problems, err));
    if (!out->config) return STRATA_OK; /* the problems say why */
    if (request->output) {
        char here[4096];
        if (!getcwd(here, sizeof here)) here[0] = '\0';
        out->config->output = strata_path_join(here, request->output, keep);
        if (!out->config->output) return STRATA_FAIL(err, STRATA_E_MEMORY, "the output's path");
    }
    if (problems->total) return STRATA_OK; /* what follows needs a sound config */
    check_estimator(out->config, problems);
    check_output(out->config, problems);
    STRATA_TRY(strata_job_files_read(out->config, keep, &out->files, problems, err));
    STRATA_TRY(strata_ingest_plan(out->config, n_ranks, keep, &out->ingest, problems, err));
    if (problems->total == 0) strata_job_memory_plan(n_ranks, out, problems);
    return STRATA_OK;
}
