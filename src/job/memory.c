/* What a rank has, what its stages need, and where its matrix lies: in memory, or in a file when the rank
 * has not enough for it. */
#include <stdlib.h>
#include <string.h>

#include "job/job_impl.h"
#include "strata/features.h"
#include "strata/host.h"
#include "strata/persona.h"
#include "strata/sampled.h"

#define CELL_BYTES \
    (sizeof(double) + 1) /* of the customer table: a value and whether there is one */
#define KEY_BYTES 64     /* of the customer table: key, its pointer, its hash */

/* Nine tenths of the host: the rest is the system's and the launcher's. */
static uint64_t share_of_host(int n_ranks_here)
{
    return strata_host_memory_bytes() / 10 * 9 / (uint64_t)n_ranks_here;
}

static uint64_t memory_given(const struct strata_config *config, int n_ranks_here)
{
    return config->memory_bytes ? config->memory_bytes : share_of_host(n_ranks_here);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t rest(uint64_t given, uint64_t taken)
{
    return given > taken ? given - taken : 0;
}

/* What stands beside the matrix: the largest of the stages that look at it or come after. */
static uint64_t beside_matrix(const struct strata_config *config, uint64_t n_rows, size_t d)
{
    const uint64_t drafts = STRATA_KEEPER_DRAFTS * strata_fit_state_most(config, n_rows, d);
    const uint64_t describe = larger(strata_describe_bytes(config, n_rows, config->model.k_to),
                                     strata_sampled_bytes(config->model.k_to, d));
    return larger(strata_cluster_bytes(config, n_rows, d) + drafts, describe);
}

struct strata_matrix_room strata_job_matrix_room(const struct strata_job *job,
                                                 const struct strata_table *table)
{
    const struct strata_config *config = job->plan.config;
    const size_t d = strata_features_columns(config, table, *job->keep);
    const uint64_t held = larger(strata_host_resident_bytes(), strata_arena_used(job->keep));
    const uint64_t taken = held + beside_matrix(config, table->n_rows, d ? d : 1);
    return (struct strata_matrix_room){.memory_bytes =
                                           rest(memory_given(config, job->comm->n_here), taken),
                                       .cache_bytes = rest(share_of_host(job->comm->n_here), taken),
                                       .directory = {job->directory, job->temporary_dir}};
}

/* --- before a row is read -------------------------------------------------------------- */

/* Customers are at most the rows of a keyed source; 0 where no source tells before reading. */
static uint64_t rows_at_most(const struct strata_config *config,
                             const struct strata_ingest_plan *ingest)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < ingest->n_sources; i++)
        if (!config->source[i].lookup && ingest->source[i].n_rows > rows)
            rows = ingest->source[i].n_rows;
    return rows;
}

/* Columns of the matrix, as far as the job file tells: a text column without declared levels counts once. */
static size_t columns_expected(const struct strata_config *config)
{
    size_t d = 0;
    for (size_t i = 0; i < config->n_features; i++) {
        const struct strata_feature *feature = &config->feature[i];
        if (feature->role != STRATA_ROLE_BASIS) continue;
        d += feature->type == STRATA_NOMINAL && feature->n_levels ? feature->n_levels : 1;
        d += feature->missing == STRATA_MISSING_LEVEL;
    }
    return d ? d : 1;
}

/* Room on the disk where path will be: of the first of its parents that is there. */
static uint64_t room_for(const char *path)
{
    char parent[4096];
    uint64_t n_bytes = 0;
    const size_t length = strlen(path);
    if (length >= sizeof parent) return 0;
    memcpy(parent, path, length + 1);
    while (!strata_mapping_room(parent, &n_bytes)) {
        char *slash = strrchr(parent, '/');
        if (!slash || slash == parent) return 0;
        *slash = '\0';
    }
    return n_bytes;
}

/* The directory that a run would put its matrices in, or NULL. */
static const char *matrix_directory(const struct strata_config *config, uint64_t n_bytes)
{
    const char *base = getenv("TMPDIR");
    const char *temporary = base && *base ? base : "/tmp";
    uint64_t room = 0;
    if (room_for(config->output) >= n_bytes) return config->output;
    return strata_mapping_room(temporary, &room) && room >= n_bytes ? temporary : NULL;
}

static void refuse(const struct strata_job_plan *plan, struct strata_problems *problems)
{
    strata_problems_add(
        problems, (struct strata_place){.file = plan->config->path}, STRATA_E_CONFIG,
        "a rank may need up to %llu MiB of memory and has %llu MiB; use more ranks or hosts, or "
        "raise `memory`",
        (unsigned long long)(plan->memory_needed_bytes >> 20),
        (unsigned long long)(plan->memory_given_bytes >> 20));
}

void strata_job_memory_plan(int n_ranks, struct strata_job_plan *plan,
                            struct strata_problems *problems)
{
    const struct strata_config *config = plan->config;
    const uint64_t rows = rows_at_most(config, plan->ingest);
    const uint64_t share = rows ? rows / (uint64_t)n_ranks + 1 : 0;
    const size_t d = columns_expected(config);
    const uint64_t table = share * (KEY_BYTES + config->n_features * CELL_BYTES);
    const uint64_t besides = table + beside_matrix(config, share, d) +
                             strata_features_bytes(config->n_features, 0, d, n_ranks);
    plan->matrix_bytes = share * d * sizeof(float);
    plan->memory_given_bytes = memory_given(config, n_ranks);
    const bool fits = plan->matrix_bytes <= rest(plan->memory_given_bytes, besides);
    plan->memory_needed_bytes =
        larger(plan->ingest->memory_bytes, besides + (fits ? plan->matrix_bytes : 0));
    if (plan->memory_needed_bytes > plan->memory_given_bytes) {
        refuse(plan, problems);
        return;
    }
    plan->matrix_directory = NULL;
    if (fits) return;
    plan->matrix_directory = matrix_directory(config, plan->matrix_bytes * (uint64_t)n_ranks);
    if (!plan->matrix_directory)
        strata_problems_add(
            problems, (struct strata_place){.file = config->path}, STRATA_E_CONFIG,
            "the matrix of %llu MiB a rank does not fit the memory, and neither the output's disk nor "
            "TMPDIR has room for it; use more ranks or hosts, or raise `memory`",
            (unsigned long long)(plan->matrix_bytes >> 20));
}
