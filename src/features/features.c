/* From the customer table to the feature matrix: plan, weights, moments, recipe, rows. */
#include "strata/features.h"

#include <string.h>

#include "strata/fault.h"

#include "features/features_impl.h"

#define TEXT_ALLOWANCE 512 /* bytes for the label and notes of a column or feature */

/* Everything that one call works with, taken before its first collective. */
struct work {
    struct strata_features *features;     /* kept */
    const struct strata_binding *binding; /* kept: (n_features) */
    float *x;                             /* kept: (n, d), or NULL when it goes to a file */
    uint32_t *weight;                     /* kept: (n), or NULL without case weights */
    size_t weight_feature;                /* SIZE_MAX without */
    struct moments moments;               /* scratch, as all below */
    uint64_t *clamped;                    /* (n_features) */
};

uint64_t strata_features_bytes(size_t n_features, uint64_t n_rows, size_t d, int n_ranks)
{
    const uint64_t feature = sizeof(struct strata_feature) + sizeof(struct strata_binding) +
                             sizeof(uint64_t) + TEXT_ALLOWANCE;
    const uint64_t column = sizeof(struct strata_encoding) + sizeof(double) + TEXT_ALLOWANCE;
    return n_rows * (d * sizeof(float) + sizeof(uint32_t)) + n_features * feature + d * column +
           strata_moments_bytes(n_features, d, n_ranks) + 65536;
}

/* All memory and all that is known without the rows.  Not collective. */
static strata_status prepare(const struct strata_config *config, const struct strata_table *table,
                             const struct strata_matrix_room *matrix, int size,
                             struct strata_arena *keep, struct work *work, struct strata_err *err)
{
    *work = (struct work){.features = STRATA_NEW(keep, struct strata_features, 1),
                          .weight_feature = strata_config_weight(config)};
    if (!work->features) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the features");
    struct strata_recipe *recipe = &work->features->recipe;
    STRATA_TRY(strata_recipe_plan(config, table, keep, recipe, err));
    STRATA_TRY(strata_recipe_bind(recipe, table, keep, &work->binding, err));

    const size_t n = config->n_features;
    const bool in_file = strata_matrix_goes_to_file(matrix, table->n_rows, recipe->d);
    if (in_file)
        STRATA_TRY(
            strata_matrix_reserve(matrix, table->n_rows, recipe->d, &work->features->mapping, err));
    else
        work->x = strata_arena_take(keep, recipe->d * sizeof(float), 64, table->n_rows);
    if (work->weight_feature != SIZE_MAX) work->weight = STRATA_NEW(keep, uint32_t, table->n_rows);
    const bool weighed = work->weight || work->weight_feature == SIZE_MAX;
    struct strata_arena scratch = *keep;
    work->clamped = STRATA_NEW(&scratch, uint64_t, n);
    if ((!work->x && !in_file) || !weighed || !work->clamped ||
        !strata_moments_take(&work->moments, recipe, size, &scratch))
        return STRATA_FAIL(
            err, STRATA_E_MEMORY,
            "the matrix of %zu customers by %zu columns needs %llu bytes on this rank: "
            "use more ranks, or give each more memory",
            table->n_rows, recipe->d,
            (unsigned long long)strata_features_bytes(n, table->n_rows, recipe->d, size));
    return STRATA_OK;
}

/* Collective: one sum, of what was clamped. */
static void fill_quality(struct strata_comm *comm, const struct strata_table *table,
                         const struct work *work, struct strata_feature_quality *quality)
{
    const size_t n = work->features->recipe.n_features;
    int64_t *clamped = work->moments.wire;
    for (size_t f = 0; f < n; f++) clamped[f] = (int64_t)work->clamped[f];
    strata_comm_sum(comm, clamped, n);
    for (size_t f = 0; f < n; f++) {
        const struct tally *tally = &work->moments.tally[f];
        quality[f].name = work->features->recipe.feature[f].name;
        quality[f].present = tally->present;
        quality[f].missing = table->n_rows_global - tally->present;
        quality[f].invalid = tally->invalid;
        quality[f].clamped = (uint64_t)clamped[f];
        quality[f].distinct = table->column[f].n_levels;
        quality[f].constant = tally->present == 0 ? 2 : tally->min == tally->max;
    }
}

/* The rows but for their weights. */
static void view_rows(const struct strata_table *table, const struct work *work)
{
    work->features->rows = (struct strata_rows){.n = table->n_rows,
                                                .d = work->features->recipe.d,
                                                .x = work->x,
                                                .key_hash = table->key_hash,
                                                .key = table->key,
                                                .n_global = table->n_rows_global,
                                                .weight_global = table->n_rows_global};
}

void strata_features_finish(struct strata_features *features)
{
    if (features) strata_mapping_close(&features->mapping);
}

size_t strata_features_columns(const struct strata_config *config, const struct strata_table *table,
                               struct strata_arena scratch)
{
    struct strata_recipe recipe = {0};
    struct strata_err unsaid = {0}; /* strata_features_make will say it */
    if (strata_recipe_plan(config, table, &scratch, &recipe, &unsaid) != STRATA_OK) return 0;
    return recipe.d;
}

/* The matrix into its place.  Not collective: a rank's trouble is told in the next agreement. */
static strata_status encode(struct strata_comm *comm, const struct strata_config *config,
                            const struct strata_table *table,
                            const struct strata_matrix_room *matrix, struct work *work,
                            struct strata_err *err)
{
    struct strata_features *features = work->features;
    const struct encoding encoding = {.recipe = &features->recipe,
                                      .binding = work->binding,
                                      .n_rows = table->n_rows,
                                      .x = work->x,
                                      .mapping = &features->mapping};
    const int n_threads = strata_pool_size((int)config->threads, comm->n_here);
    STRATA_TRY(strata_matrix_encode(&encoding, n_threads, work->clamped, err));
    if (work->x || table->n_rows == 0) return STRATA_OK;
    STRATA_TRY(
        strata_mapping_open(&features->mapping, matrix->memory_bytes, matrix->cache_bytes, err));
    features->rows.x = (const float *)(const void *)features->mapping.bytes; /* starts a page */
    features->rows.mapping = &features->mapping;
    return STRATA_OK;
}

/* All of it; what is in work is the caller's to finish. */
static strata_status make(struct strata_comm *comm, const struct strata_config *config,
                          const struct strata_table *table, const struct strata_matrix_room *matrix,
                          struct strata_arena *keep, struct work *work,
                          struct strata_quality *quality, struct strata_err *err)
{
    const strata_status prepared = prepare(config, table, matrix, comm->size, keep, work, err);
    STRATA_TRY(strata_comm_agree(comm, prepared, err)); /* from here on no rank can leave alone */

    struct strata_recipe *recipe = &work->features->recipe;
    struct strata_rows *rows = &work->features->rows;
    view_rows(table, work);
    quality->weight = (struct strata_weight_quality){.total = (double)rows->n_global, .unit = 1};
    if (work->weight_feature != SIZE_MAX)
        STRATA_TRY(strata_weights_make(comm, &recipe->feature[work->weight_feature],
                                       &work->binding[work->weight_feature], work->moments.extremes,
                                       work->weight, rows, &quality->weight, err));
    strata_moments_first(comm, recipe, work->binding, rows, &work->moments);
    strata_moments_second(comm, recipe, work->binding, rows, &work->moments);
    STRATA_TRY(strata_recipe_complete(config, &work->moments, table->n_rows_global, recipe, err));
    STRATA_FAULT("encode.before");
    strata_status status = encode(comm, config, table, matrix, work, err);
    STRATA_FAULT("encode.after");
    fill_quality(comm, table, work, quality->feature);

    if (status == STRATA_OK)
        status = strata_features_note(recipe, keep, quality, err); /* over the scratch */
    return strata_comm_agree(comm, status, err);
}

strata_status strata_features_make(struct strata_comm *comm, const struct strata_config *config,
                                   const struct strata_table *table,
                                   const struct strata_matrix_room *matrix,
                                   struct strata_arena *keep, struct strata_features **out,
                                   struct strata_quality *quality, struct strata_err *err)
{
    STRATA_REQUIRE(table->n_columns == config->n_features);
    STRATA_REQUIRE(quality->feature && quality->note && quality->n_features == config->n_features);
    struct work work = {0};
    const strata_status status = make(comm, config, table, matrix, keep, &work, quality, err);
    if (status == STRATA_OK)
        *out = work.features;
    else
        strata_features_finish(work.features);
    return status;
}
