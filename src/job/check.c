/* All that can be known of a job before a row is read. */
#include <stdio.h>
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

/* Nothing listens beyond this host without keys. */
static void check_control(const struct strata_config *config, struct strata_problems *problems)
{
    static const char *const local[] = {"ipc", "ipc://", "tcp://127.", "tcp://[::1]",
                                        "tcp://localhost:"};
    if (!config->control_on) return;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (strncmp(config->control_endpoint, local[i], strlen(local[i])) == 0) return;
    strata_problems_add(
        problems, config->control_place, STRATA_E_CONFIG,
        "the control endpoint may be reached from other hosts; without keys use \"ipc\" or "
        "\"tcp://127.0.0.1:*\"");
}

static void check_features(const struct strata_config *config, struct strata_problems *problems)
{
    for (size_t i = 0; i < config->n_features; i++)
        if (config->feature[i].role == STRATA_ROLE_BASIS) return;
    strata_problems_add(
        problems, config->features_place, STRATA_E_CONFIG,
        "no feature has role basis, so there is nothing to segment by; give at least one");
}

static void check_output(const struct strata_config *config, struct strata_problems *problems)
{
    struct strata_err err = {0};
    const strata_status status = strata_job_directory_check(config->output, &err);
    if (status != STRATA_OK)
        strata_problems_add(problems, (struct strata_place){0}, status, "%s", err.text);
}

static uint64_t host_memory_bytes(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t bytes =
        pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : UINT64_C(1) << 32;
    FILE *limit = fopen("/sys/fs/cgroup/memory.max", "re");
    unsigned long long cgroup = 0;
    if (limit && fscanf(limit, "%llu", &cgroup) == 1 && cgroup > 0 && cgroup < bytes)
        bytes = cgroup;
    if (limit) (void)fclose(limit);
    return bytes;
}

static void check_memory(int n_ranks, struct strata_job_plan *plan, struct strata_problems *problems)
{
    const struct strata_config *config = plan->config;
    plan->memory_given_bytes = config->memory_bytes
                                   ? config->memory_bytes
                                   : host_memory_bytes() / 10 * 9 / (uint64_t)n_ranks;
    uint64_t rows = 0; /* customers are at most the rows of a keyed source, where that is known */
    for (size_t i = 0; i < plan->ingest->n_sources; i++)
        if (!config->source[i].lookup && plan->ingest->source[i].n_rows > rows)
            rows = plan->ingest->source[i].n_rows;
    plan->memory_needed_bytes =
        plan->ingest->memory_bytes +
        strata_cluster_bytes(config, rows / (uint64_t)n_ranks + 1, config->n_features);
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
    check_control(out->config, problems);
    check_features(out->config, problems);
    check_output(out->config, problems);
    STRATA_TRY(strata_ingest_plan(out->config, n_ranks, keep, &out->ingest, problems, err));
    if (problems->total == 0) check_memory(n_ranks, out, problems);
    return STRATA_OK;
}
