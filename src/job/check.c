/* All that can be known of a job before a row is read. */
#include <string.h>
#include <unistd.h>

#include "job/job_impl.h"
#include "strata/estimator.h"
#include "strata/features.h"
#include "strata/file.h"
#include "strata/host.h"
#include "strata/persona.h"

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

/* What a rank may need at most, all stages together.  Customers are at most the rows of a keyed source, where that is
 * known before reading. */
static uint64_t memory_needed(const struct strata_config *config,
                              const struct strata_ingest_plan *ingest, int n_ranks)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < ingest->n_sources; i++)
        if (!config->source[i].lookup && ingest->source[i].n_rows > rows)
            rows = ingest->source[i].n_rows;
    const uint64_t share = rows / (uint64_t)n_ranks + 1;
    return ingest->memory_bytes +
           strata_features_bytes(config->n_features, share, config->n_features, n_ranks) +
           strata_cluster_bytes(config, share, config->n_features) +
           strata_describe_bytes(config, share, config->model.k_to);
}

static void check_memory(int n_ranks, struct strata_job_plan *plan, struct strata_problems *problems)
{
    const struct strata_config *config = plan->config;
    plan->memory_given_bytes = config->memory_bytes
                                   ? config->memory_bytes
                                   : strata_host_memory_bytes() / 10 * 9 / (uint64_t)n_ranks;
    plan->memory_needed_bytes = memory_needed(config, plan->ingest, n_ranks);
    if (plan->memory_needed_bytes > plan->memory_given_bytes)
        strata_problems_add(
            problems, (struct strata_place){.file = config->path}, STRATA_E_CONFIG,
            "a rank may need up to %llu MiB of memory and has %llu MiB; use more ranks or hosts, or "
            "raise `memory`",
            (unsigned long long)(plan->memory_needed_bytes >> 20),
            (unsigned long long)(plan->memory_given_bytes >> 20));
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
    STRATA_TRY(strata_ingest_plan(out->config, n_ranks, keep, &out->ingest, problems, err));
    if (problems->total == 0) check_memory(n_ranks, out, problems);
    return STRATA_OK;
}
