/* What is counted how: each feature's treatment and its place in the tallies, and the memory
 * that this takes. */
#include <string.h>

#include "persona/persona_impl.h"
#include "persona/rules_impl.h"
#include "strata/features.h"

#define SEARCH_BYTES (UINT64_C(64) << 20) /* of what is searched for together */
#define CELL_BITS_MAX 8u                  /* of a ruler's octave: 4,096 cells in all */
#define CELL_BITS_MIN 2u
#define CELL_BYTES (sizeof(uint32_t) + sizeof(int64_t)) /* of a ruler's cell in a segment */

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

static size_t batch_of(uint64_t n_numbers, uint64_t groups)
{
    const uint64_t each = strata_orders_of((size_t)groups - 1).n * QUERY_BYTES * groups;
    const uint64_t fits = SEARCH_BYTES / each;
    if (fits < 1) return n_numbers ? 1 : 0;
    return (size_t)(fits < n_numbers ? fits : n_numbers);
}

static unsigned cell_bits_of(uint64_t n_numbers, uint64_t groups)
{
    unsigned bits = CELL_BITS_MAX;
    while (bits > CELL_BITS_MIN &&
           strata_ruler_cells(bits) * CELL_BYTES * groups * n_numbers > SEARCH_BYTES)
        bits--;
    return bits;
}

static void place_feature(struct strata_plan *plan, size_t f, const struct strata_column *column)
{
    plan->as[f] = treatment_of(&plan->config->feature[f], column->kind);
    if (plan->as[f] == STRATA_AS_NUMBER) {
        plan->number[plan->n_numbers] = f;
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
                      const struct strata_clustering *clustering, struct strata_pool *pool,
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
                                 .pool = pool,
                                 .number = STRATA_NEW(scratch, size_t, n_features),
                                 .orders = strata_orders_of(clustering->dims.k),
                                 .as = STRATA_NEW(scratch, enum strata_treatment, n_features),
                                 .slot = STRATA_NEW(scratch, size_t, n_features),
                                 .n_levels = STRATA_NEW(scratch, size_t, n_features)};
    plan->binary = (double(*)[2])STRATA_NEW(scratch, double, 2 * n_features);
    if (!plan->as || !plan->slot || !plan->n_levels || !plan->binary || !plan->number) return false;
    for (size_t f = 0; f < n_features; f++) place_feature(plan, f, &table->column[f]);
    plan->batch = batch_of(plan->n_numbers, plan->k + 1);
    plan->cell_bits = cell_bits_of(plan->n_numbers, plan->k + 1);
    plan->n_cells = strata_ruler_cells(plan->cell_bits);
    if (!strata_groups_make(&plan->groups, table->n_rows, plan->k, scratch)) return false;
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

/* Of all that profiling takes in its scratch arena; words are small beside it. */
uint64_t strata_describe_room(const struct strata_describe_extent *extent)
{
    const uint64_t groups = extent->groups, times = extent->weighted ? 2 : 1;
    const uint64_t batch = batch_of(extent->n_numbers, groups);
    const uint64_t n_cells = strata_ruler_cells(cell_bits_of(extent->n_numbers, groups));
    const uint64_t words = UINT64_C(16) << 20; /* names, sentences, threads, alignment */
    uint64_t bytes = add_bytes(words, extent->n_features, 72);
    bytes = add_bytes(bytes, groups, 128); /* what names are compared by */
    bytes = add_bytes(bytes, extent->n_levels, sizeof(int));
    bytes = add_bytes(bytes, groups * extent->n_features, 4 * sizeof(double) * times + 64);
    bytes = add_bytes(bytes, groups * extent->n_levels,
                      times * (sizeof(uint64_t) + sizeof(int64_t)) + sizeof(bool));
    const uint64_t orders = strata_orders_of((size_t)groups - 1).n;
    bytes = add_bytes(bytes, groups * extent->n_numbers,
                      orders * sizeof(double) + sizeof(struct strata_exact) +
                          (STRATA_EXACT_LIMBS + times) * sizeof(int64_t) + n_cells * CELL_BYTES);
    bytes = add_bytes(bytes, groups * batch,
                      n_cells + (2 * STRATA_ORDER_SLOTS + 1) * sizeof(size_t) +
                          orders * (QUERY_BYTES + sizeof(uint32_t)));
    bytes = add_bytes(bytes, 1, strata_rulers_bytes(extent->n_numbers, extent->n_ranks));
    return add_bytes(bytes, 1, strata_groups_bytes(extent->n_rows, groups - 1));
}

/* Of the values that are put aside: as many as a batch expects, or all of one number. */
static uint64_t aside_bytes(const struct strata_describe_extent *extent, uint64_t n_values)
{
    const uint64_t each =
        extent->weighted ? 3 * sizeof(uint64_t) + 2 * sizeof(uint32_t) : 2 * sizeof(uint64_t);
    return add_bytes(0, n_values, each);
}

uint64_t strata_describe_addresses(const struct strata_describe_extent *extent)
{
    uint64_t n_values = 0;
    if (__builtin_mul_overflow(extent->n_rows, extent->n_numbers, &n_values)) return UINT64_MAX;
    const uint64_t alignment = 4096;
    return add_bytes(add_bytes(strata_describe_room(extent), 1, aside_bytes(extent, n_values)), 1,
                     alignment);
}

/* Profiles of two groups, for each a-priori segment after another, whose counts stay until all are known; and who
 * belongs to which. */
static uint64_t apriori_bytes(const struct strata_config *config,
                              struct strata_describe_extent extent, uint64_t aside)
{
    if (config->n_apriori == 0) return 0;
    extent.groups = 3;
    const uint64_t each = strata_groups_bytes(extent.n_rows, 2) + extent.n_rows * sizeof(uint16_t);
    const uint64_t labels = add_bytes(0, config->n_apriori + 2, each);
    const uint64_t sheet = UINT64_C(64) << 20; /* customers as a table, a part at a time */
    return add_bytes(add_bytes(add_bytes(strata_describe_room(&extent), 1, aside), 1, labels), 1,
                     sheet);
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
                                                  .groups = segments + 1,
                                                  .n_features = config->n_features,
                                                  .n_numbers = n_numbers,
                                                  .n_levels = n_levels,
                                                  .n_ranks = 1,
                                                  .weighted =
                                                      strata_config_weight(config) != SIZE_MAX};
    const uint64_t most = n_rows > STRATA_VALUES_ASIDE ? n_rows : STRATA_VALUES_ASIDE;
    const uint64_t all = add_bytes(0, n_rows, n_numbers);
    const uint64_t aside = aside_bytes(&extent, all < most ? all : most);
    const uint64_t rules =
        strata_rules_bytes(n_rows, config->n_features, segments,
                           strata_pool_size((int)config->threads, 1), extent.weighted);
    const uint64_t apriori = apriori_bytes(config, extent, aside);
    const uint64_t profile = add_bytes(strata_describe_room(&extent), 1, aside);
    return add_bytes(profile, 1, rules > apriori ? rules : apriori);
}
