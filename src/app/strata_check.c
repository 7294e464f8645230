/* strata check: all problems of a job file at once; when there are none, what a run would read and need. */
#include <stdio.h>

#include "strata/job.h"
#include "strata/keyring.h"
#include "strata_app.h"

static void print_size(uint64_t bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    size_t i = 0;
    for (; size >= 1024 && i + 1 < sizeof unit / sizeof *unit; i++) size /= 1024;
    (void)printf(i == 0 ? "%.0f %s" : "%.1f %s", size, unit[i]);
}

static void print_source(const struct strata_source *source, const struct strata_source_plan *plan)
{
    static const char *const format[] = {"Parquet", "CSV", "JSON"};
    (void)printf("\n%s   %s, %llu %s, ", plan->name, format[source->format],
                 (unsigned long long)plan->n_files, plan->n_files == 1 ? "file" : "files");
    print_size(plan->n_bytes);
    if (plan->n_rows) (void)printf(", %llu rows", (unsigned long long)plan->n_rows);
    if (source->lookup)
        (void)printf(", lookup: on every rank\n");
    else
        (void)printf(", %zu read %s, key %s\n", plan->n_units,
                     plan->n_units == 1 ? "unit" : "units", source->key);
    for (size_t i = 0; i < plan->n_columns; i++)
        (void)printf("  %-28s %s\n", plan->column_name[i], plan->column_type[i]);
}

static void print_matrix(const struct strata_job_plan *plan)
{
    (void)printf("Matrix      ");
    if (plan->matrix_bytes == 0) {
        (void)printf("in memory, or in a file where it does not fit\n");
        return;
    }
    print_size(plan->matrix_bytes);
    if (plan->matrix_directory)
        (void)printf(" a rank, in a file in %s\n", plan->matrix_directory);
    else
        (void)printf(" a rank, in memory\n");
}

static void print_plan(const struct strata_job_plan *plan, int n_ranks)
{
    const struct strata_config *config = plan->config;
    size_t n_basis = 0;
    for (size_t i = 0; i < config->n_features; i++)
        n_basis += config->feature[i].role == STRATA_ROLE_BASIS;
    (void)printf("Job         %s\n", config->job);
    (void)printf("Sources     %zu\n", config->n_sources);
    const size_t weight = strata_config_weight(config);
    (void)printf("Features    %zu, of which %zu are clustered on", config->n_features, n_basis);
    if (weight != SIZE_MAX) (void)printf("; weighted by \"%s\"", config->feature[weight].name);
    (void)printf("\n");
    (void)printf("Model       %s, %u to %u segments, %u starts, seed %llu\n",
                 config->model.estimator, config->model.k_from, config->model.k_to,
                 config->model.starts, (unsigned long long)config->model.seed);
    (void)printf("Ranks       %d\nMemory      at most ", n_ranks);
    print_size(plan->memory_needed_bytes);
    (void)printf(" a rank needed, ");
    print_size(plan->memory_given_bytes);
    (void)printf(" given\n");
    print_matrix(plan);
    (void)printf("Output      %s\n", config->output);
    for (size_t i = 0; i < plan->ingest->n_sources; i++)
        print_source(&config->source[i], &plan->ingest->source[i]);
    (void)printf("\nNo problems found.\n");
}

/* The keys of the control channel, which the job itself reads when it begins to listen. */
static strata_status check_keys(const struct strata_config *config, struct strata_arena scratch,
                                struct strata_problems *problems, struct strata_err *err)
{
    struct strata_keyring keyring;
    if (!config || !config->control_on || !config->control_keys) return STRATA_OK;
    return strata_keyring_read(config->control_keys, &scratch, &keyring, problems, err);
}

strata_status strata_app_check(struct strata_comm *comm, const struct strata_arguments *arguments,
                               struct strata_arena *keep, struct strata_err *err)
{
    static struct strata_problems problems;
    if (comm->rank != 0) return strata_comm_agree(comm, STRATA_OK, err);
    const int n_ranks = comm->size > 1 ? comm->size : arguments->ranks;
    const struct strata_job_request request = {
        .path = arguments->operand,
        .set = arguments->set,
        .n_set = arguments->n_set,
        .output = arguments->output,
    };
    struct strata_job_plan plan = {0};
    strata_status status = strata_job_check(&request, n_ranks, keep, &plan, &problems, err);
    if (status == STRATA_OK) status = check_keys(plan.config, *keep, &problems, err);
    if (status == STRATA_OK) status = strata_problems_status(&problems, err);
    if (status == STRATA_OK) print_plan(&plan, n_ranks);
    return strata_comm_agree(comm, status, err);
}
