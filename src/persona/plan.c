/* What is counted how: each feature's treatment and its place in the tallies, and the memory
 * that this takes. */
#include <string.h>

#include "persona/persona_impl.h"
#include "persona/rules_impl.h"
#include "strata/features.h"
#include "strata/math_sums.h"

/* Values sorted at a time, a rank: more features a batch, fewer reductions. */
#define SORT_BYTES (UINT64_C(128) << 20)
#define SEARCH_BYTES (UINT64_C(64) << 20) /* and of what is searched for together */

static enum strata_treatment treatment_of(const struct strata_feature *feature,
                                          enum strata_column_kind kind)
{
    if (kind == STRATA_COLUMN_NUMBER) {
        return feature->type == STRATA_BINARY ? STRATA_AS_BINARY : STRATA_AS_NUMBER;
    }
    return feature->type == STRATA_ORDINAL ? STRATA_AS_ORDINAL : STRATA_AS_NOMINAL;
}

static int declared_position(const struct strata_feature *feature, const char *level)
{
    for (size_t i = 0; i < feature->n_levels; i++) {
        if (strcmp(feature->level[i], level) == 0) return (int)i;
    }
    return -1;
}

/* One quartile of one feature in one group that is searched for. */
#define QUERY_BYTES ((2 + 16) * sizeof(uint64_t))

static size_t batch_of(size_t n_numbers, uint64_t n_rows, uint64_t groups)
{
    const uint64_t by_rows = SORT_BYTES / sizeof(uint64_t) / (n_rows + 1);
    const uint64_t by_groups =
        SEARCH_BYTES / (strata_orders_of((size_t)groups - 1).n * QUERY_BYTES * groups);
    const uint64_t fits = by_rows < by_groups ? by_rows : by_groups;
    if (fits < 1) return n_numbers ? 1 : 0;
    return fits < n_numbers ? (size_t)fits : n_numbers;
}

static void place_feature(struct strata_plan *plan, size_t f, const struct strata_column *column)
{
    plan->as[f] = treatment_of(&plan->config->feature[f], column->kind);
    if (plan->as[f] == STRATA_AS_NUMBER) {
        plan->slot[f] = plan->n_numbers++;
        return;
    }
    strata_binary_numbers(&plan->config->feature[f], plan->binary[f]);
    plan->slot[f] = plan->n_all_levels;
    plan->n_levels[f] = plan->as[f] == STRATA_AS_BINARY ? 2 : column->n_levels;
    plan->n_all_levels += plan->n_levels[f];
}

bool strata_plan_make(struct strata_plan *plan, const struct strata_config *config,
                      const struct strata_table *table, const struct strata_rows *rows,
                      const struct strata_clustering *clustering, int n_ranks,
                      struct strata_arena *scratch)
{
    STRATA_REQUIRE(config->n_features == table->n_columns);
    STRATA_REQUIRE(clustering->dims.k >= 1 && clustering->dims.k <= STRATA_MAX_SEGMENTS);
    const size_t n_features = config->n_features;
    *plan = (struct strata_plan){.config = config,
                                 .table = table,
                                 .label = clustering->label,
                                 .weight = rows->weight,
                                 .weight_exponent = rows->weight_exponent,
                                 .k = clustering->dims.k,
                                 .n_features = n_features,
                                 .orders = strata_orders_of(clustering->dims.k),
                                 .as = STRATA_NEW(scratch, enum strata_treatment, n_features),
                                 .slot = STRATA_NEW(scratch, size_t, n_features),
                                 .n_levels = STRATA_NEW(scratch, size_t, n_features)};
    plan->binary = (double(*)[2])STRATA_NEW(scratch, double, 2 * n_features);
    if (!plan->as || !plan->slot || !plan->n_levels || !plan->binary) return false;
    for (size_t f = 0; f < n_features; f++) place_feature(plan, f, &table->column[f]);
    plan->batch = batch_of(plan->n_numbers, table->n_rows_global / (uint64_t)n_ranks, plan->k + 1);
    plan->position = STRATA_NEW(scratch, int, plan->n_all_levels);
    if (!plan->position) return false;
    for (size_t f = 0; f < n_features; f++) {
        for (size_t l = 0; l < plan->n_levels[f]; l++) {
            plan->position[plan->slot[f] + l] =
                plan->as[f] == STRATA_AS_ORDINAL
                    ? declared_position(&config->feature[f], table->column[f].level[l])
                    : (int)l;
        }
    }
    return true;
}

static bool counts_make(struct strata_counts *counts, const struct strata_plan *plan,
                        struct strata_arena *scratch)
{
    const size_t groups = plan->k + 1;
    *counts =
        (struct strata_counts){.size = STRATA_NEW(scratch, uint64_t, groups),
                               .value = STRATA_NEW(scratch, uint64_t, groups * plan->n_features),
                               .level = STRATA_NEW(scratch, uint64_t, groups * plan->n_all_levels)};
    return counts->size && counts->value && counts->level;
}

bool strata_tally_make(struct strata_profile_tally *tally, const struct strata_plan *plan,
                       struct strata_arena *scratch)
{
    const size_t groups = plan->k + 1;
    const size_t cells = groups * plan->n_features;
    *tally = (struct strata_profile_tally){
        .mean = STRATA_NEW(scratch, double, cells),
        .rest = STRATA_NEW(scratch, double, cells),
        .square = STRATA_NEW(scratch, double, cells),
        .order = STRATA_NEW(scratch, double, groups * plan->n_numbers * plan->orders.n)};
    if (!counts_make(&tally->count, plan, scratch)) return false;
    tally->weight = tally->count;
    if (plan->weight && !counts_make(&tally->weight, plan, scratch)) return false;
    return tally->mean && tally->rest && tally->square && tally->order;
}

/* Adds count * size, staying at UINT64_MAX once beyond it. */
static uint64_t add_bytes(uint64_t sum, uint64_t count, uint64_t size)
{
    uint64_t product = 0;
    uint64_t total = 0;
    if (__builtin_mul_overflow(count, size, &product)) return UINT64_MAX;
    if (__builtin_add_overflow(sum, product, &total)) return UINT64_MAX;
    return total;
}

static uint64_t levels_expected(const struct strata_feature *feature)
{
    switch (feature->type) {
    case STRATA_BINARY:
        return 2;
    case STRATA_ORDINAL:
        return feature->n_levels;
    case STRATA_NOMINAL:
        return feature->n_levels ? feature->n_levels : STRATA_MAX_LEVELS;
    case STRATA_NUMERIC:
    case STRATA_COUNT:
        break;
    }
    return 0;
}

/* Of all that strata_describe takes in its scratch arena; words are small beside it. */
uint64_t strata_describe_room(const struct strata_describe_extent *extent)
{
    const uint64_t groups = extent->groups, times = extent->weighted ? 2 : 1;
    const uint64_t batch = batch_of((size_t)extent->n_numbers, extent->rows_a_rank, groups);
    const uint64_t words = UINT64_C(16) << 20; /* names, sentences, alignment */
    uint64_t bytes = add_bytes(words, extent->n_features, 64);
    bytes = add_bytes(bytes, groups, 128); /* what names are compared by */
    bytes = add_bytes(bytes, extent->n_levels, sizeof(int));
    bytes = add_bytes(bytes, groups * extent->n_features, 4 * sizeof(double) * times + 64);
    bytes = add_bytes(bytes, groups * extent->n_levels,
                      times * (sizeof(uint64_t) + sizeof(int64_t)) + sizeof(bool));
    const uint64_t orders = strata_orders_of((size_t)groups - 1).n;
    bytes = add_bytes(bytes, groups * extent->n_numbers,
                      orders * sizeof(double) + sizeof(struct strata_exact) +
                          (STRATA_EXACT_LIMBS + times) * sizeof(int64_t));
    bytes = add_bytes(bytes, groups * batch, sizeof(size_t) + orders * QUERY_BYTES);
    if (extent->weighted)
        bytes = add_bytes(bytes, extent->n_rows + 1, (batch + 1) * sizeof(uint64_t));
    return add_bytes(bytes, extent->n_rows, (batch + 1) * sizeof(uint64_t));
}

uint64_t strata_describe_bytes(const struct strata_config *config, uint64_t n_rows, size_t segments)
{
    uint64_t n_numbers = 0;
    uint64_t n_levels = 0;
    for (size_t f = 0; f < config->n_features; f++) {
        const uint64_t levels = levels_expected(&config->feature[f]);
        n_levels += levels;
        if (levels == 0) n_numbers++;
    }
    const struct strata_describe_extent extent = {.n_rows = n_rows,
                                                  .rows_a_rank = n_rows,
                                                  .groups = segments + 1,
                                                  .n_features = config->n_features,
                                                  .n_numbers = n_numbers,
                                                  .n_levels = n_levels,
                                                  .weighted =
                                                      strata_config_weight(config) != SIZE_MAX};
    return add_bytes(strata_describe_room(&extent), 1,
                     strata_rules_bytes(n_rows, config->n_features, segments, extent.weighted));
}
