/* A small finished segmentation made by formulas, split over any number of ranks: what tests of the
 * run directory write. */
#ifndef STRATA_TESTS_RESULTS_WORLD_H
#define STRATA_TESTS_RESULTS_WORLD_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/hash.h"
#include "strata/results.h"

enum { WORLD_K = 3, WORLD_FEATURES = 3, WORLD_COLUMNS = 4 };

struct world {
    struct strata_config config;
    struct strata_feature feature[WORLD_FEATURES];
    struct strata_column column[WORLD_FEATURES];
    struct strata_table table;
    struct strata_encoding encoding[WORLD_COLUMNS];
    struct strata_features features;
    struct strata_clustering clustering;
    struct strata_candidate_result candidate[2];
    struct strata_k_result by_k[2];
    struct strata_evaluation evaluation;
    struct strata_profile_cell cell[WORLD_K + 1][WORLD_FEATURES];
    struct strata_marker marker[2];
    struct strata_statement statement[2];
    struct strata_persona persona[WORLD_K];
    struct strata_portrait portrait;
    struct strata_preference channel;
    struct strata_trait trait[2];
    struct strata_advice advice;
    struct strata_personas personas;
    struct strata_source_quality source;
    struct strata_feature_quality feature_quality[WORLD_FEATURES];
    struct strata_reject reject[2];
    const char *note[1];
    struct strata_quality quality;
    struct strata_outcome outcome;
};

static const char *const world_region[] = {"north", "south & <east>"};
static const char *const world_age_declared[] = {"young", "old"}; /* not in the order of bytes */
static const char *const world_age_column[] = {"ancient", "old", "young"};
static double world_age_share[] = {0.0, 0.75, 0.25};
static double world_region_share[] = {0.5, (double)NAN};
static double world_params[] = {-3, 5, 0, 7, 65536, 2, 1, 9, 16777216, 0, 4, -16777216};
static double world_mass[] = {5, 3, 2};
static double world_trace[] = {9.5, 4.25, 4};
static double world_silhouette[] = {0.5, 0.25, (double)NAN};
static double world_sse[] = {1, 2, 3};
static double world_dimension[STRATA_DIMENSION_COUNT] = {0.25, 0, 0, 0.75, 0, 0};

struct world_row {
    char key[24];
    uint64_t hash;
    size_t number;
};

static inline int world_order(const void *left, const void *right)
{
    const struct world_row *a = left, *b = right;
    const uint32_t pa = strata_partition_of(a->hash), pb = strata_partition_of(b->hash);
    if (pa != pb) return pa < pb ? -1 : 1;
    return strcmp(a->key, b->key);
}

/* The rows of this rank among n customers, their features and their segments. */
static inline void world_rows(struct world *world, int rank, int size, size_t n,
                              struct strata_arena *keep)
{
    struct world_row *row = STRATA_NEW(keep, struct world_row, n + 1);
    const char **key = STRATA_NEW(keep, const char *, n + 1);
    uint64_t *hash = STRATA_NEW(keep, uint64_t, n + 1);
    float *x = STRATA_NEW(keep, float, n *WORLD_COLUMNS + 1);
    double *spend = STRATA_NEW(keep, double, n + 1);
    uint32_t *age = STRATA_NEW(keep, uint32_t, n + 1), *region = STRATA_NEW(keep, uint32_t, n + 1);
    uint8_t *present = STRATA_NEW(keep, uint8_t, WORLD_FEATURES * (n + 1));
    uint16_t *label = STRATA_NEW(keep, uint16_t, n + 1);
    size_t mine = 0;
    for (size_t i = 0; i < n; i++) {
        struct world_row one = {.number = i};
        (void)snprintf(one.key, sizeof one.key, "customer'%zu", i * 7919 % 100003);
        one.hash = strata_hash(one.key, strlen(one.key));
        if (strata_partition_rank(strata_partition_of(one.hash), size) == rank) row[mine++] = one;
    }
    qsort(row, mine, sizeof *row, world_order);
    for (size_t i = 0; i < mine; i++) {
        const size_t number = row[i].number;
        key[i] = row[i].key;
        hash[i] = row[i].hash;
        for (size_t j = 0; j < WORLD_COLUMNS; j++)
            x[i * WORLD_COLUMNS + j] = (float)((int)(number * 31 + j) % 2001 - 1000);
        label[i] = (uint16_t)(number % WORLD_K);
        spend[i] = (double)number / 7;
        age[i] = (uint32_t)(number % 3);
        region[i] = (uint32_t)(number % 2);
        for (size_t f = 0; f < WORLD_FEATURES; f++)
            present[f * (n + 1) + i] = number % (11 + f) != 0; /* every so many have no value */
    }
    for (size_t f = 0; f < WORLD_FEATURES; f++) world->column[f].present = present + f * (n + 1);
    world->column[0].number = spend;
    world->column[1].code = age;
    world->column[2].code = region;
    world->table = (struct strata_table){.n_rows = mine,
                                         .n_rows_global = n,
                                         .key = key,
                                         .key_hash = hash,
                                         .column = world->column,
                                         .n_columns = WORLD_FEATURES};
    world->features.rows = (struct strata_rows){.n = mine,
                                                .d = WORLD_COLUMNS,
                                                .x = x,
                                                .key_hash = hash,
                                                .key = key,
                                                .n_global = n,
                                                .weight_global = n};
    world->clustering.label = label;
}

static inline void world_job(struct world *world)
{
    world->feature[0] = (struct strata_feature){.name = "spend",
                                                .label = "yearly spend",
                                                .type = STRATA_NUMERIC,
                                                .weight = 2,
                                                .dimension = STRATA_BEHAVIOURAL,
                                                .transform = STRATA_TRANSFORM_LOG1P,
                                                .unit = "EUR"};
    world->feature[1] = (struct strata_feature){.name = "age",
                                                .label = "age",
                                                .type = STRATA_ORDINAL,
                                                .weight = 1,
                                                .meaning = "age",
                                                .missing = STRATA_MISSING_LEVEL,
                                                .level = world_age_declared,
                                                .n_levels = 2};
    world->feature[2] = (struct strata_feature){.name = "region",
                                                .label = "region",
                                                .type = STRATA_NOMINAL,
                                                .weight = 1,
                                                .dimension = STRATA_GEOGRAPHIC,
                                                .role = STRATA_ROLE_DESCRIPTOR};
    world->column[0] = (struct strata_column){.name = "spend", .kind = STRATA_COLUMN_NUMBER};
    world->column[1] = (struct strata_column){
        .name = "age", .kind = STRATA_COLUMN_TEXT, .level = world_age_column, .n_levels = 3};
    world->column[2] = (struct strata_column){
        .name = "region", .kind = STRATA_COLUMN_TEXT, .level = world_region, .n_levels = 2};
    world->config = (struct strata_config){.job = "small </script> job",
                                           .as_of = "2020-02-29",
                                           .key = "id",
                                           .keep_features = true,
                                           .keep_reasons = true};
    world->config.model.seed = UINT64_MAX;
    world->config.model.estimator = "kmeans";
    world->config.model.min_share = 0.02;
    world->encoding[0] = (struct strata_encoding){0, -1, "spend", 2.5, 0.1, 0};
    world->encoding[1] = (struct strata_encoding){1, -1, "age", 0.5, 2, 0.25};
    world->encoding[2] = (struct strata_encoding){1, -2, "age: (missing)", 0, 1, 0};
    world->encoding[3] = (struct strata_encoding){1, 1, "SPEND", 0, 1, 0}; /* as column 0 to SQL */
    world->features.recipe = (struct strata_recipe){.feature = world->feature,
                                                    .n_features = WORLD_FEATURES,
                                                    .column = world->encoding,
                                                    .d = WORLD_COLUMNS,
                                                    .grid_exponent = -16};
}

static size_t world_param_count(struct strata_dims dims)
{
    return dims.k * dims.d;
}
/* The number of a row, below 2,001, from its first column: 31 * 1291 = 1 modulo 2,001. */
static inline void world_assign(struct strata_dims dims, const double *params, const float *x,
                                size_t n, struct strata_assignment *out)
{
    (void)params;
    for (size_t i = 0; i < n; i++) {
        const int number = ((int)x[i * dims.d] + 1000) * 1291 % 2001;
        out[i] = (struct strata_assignment){.label = number % WORLD_K,
                                            .runner_up = number == 5 ? -1 : (number + 1) % WORLD_K,
                                            .distance = number / 3.0,
                                            .posterior = 1,
                                            .margin = 1 / (1.0 + number)};
    }
}

static inline void world_centres(struct strata_dims dims, const double *params, double *centre)
{
    memcpy(centre, params, dims.k * dims.d * sizeof *centre);
}

static inline void world_terms(struct strata_dims dims, const double *params, double *scale,
                               double *offset)
{
    (void)params;
    for (size_t i = 0; i < dims.k * dims.d; i++) scale[i] = 1.0 + (double)i;
    memset(offset, 0, dims.k * dims.d * sizeof *offset);
}

static const struct strata_estimator world_estimator = {.name = "kmeans",
                                                        .param_count = world_param_count,
                                                        .assign = world_assign,
                                                        .centres = world_centres,
                                                        .terms = world_terms};

static inline void world_fit(struct world *world)
{
    world->candidate[0] = (struct strata_candidate_result){.k = 2,
                                                           .iterations = 7,
                                                           .reason = STRATA_STOP_MAX_ITER,
                                                           .objective = 9.5,
                                                           .smallest_share = 0.4,
                                                           .eligible = true,
                                                           .repairs = 1,
                                                           .raced = (double)NAN};
    world->candidate[1] = (struct strata_candidate_result){.k = 3,
                                                           .iterations = 3,
                                                           .reason = STRATA_STOP_NO_LABEL_MOVED,
                                                           .objective = 4,
                                                           .smallest_share = 0.2,
                                                           .eligible = true,
                                                           .raced = 4.125};
    world->by_k[0] = (struct strata_k_result){2, 0, 9.5, (double)NAN, 0.4, true, 1};
    world->by_k[1] = (struct strata_k_result){3, 1, 4, 0.125, 0.2, true, 1};
    const uint16_t *label = world->clustering.label;
    world->clustering = (struct strata_clustering){.estimator = &world_estimator,
                                                   .dims = {WORLD_K, WORLD_COLUMNS},
                                                   .params = world_params,
                                                   .mass = world_mass,
                                                   .objective = 4,
                                                   .candidate = world->candidate,
                                                   .n_candidates = 2,
                                                   .by_k = world->by_k,
                                                   .n_k = 2,
                                                   .chosen_k = 1,
                                                   .rule = STRATA_CHOOSE_ELBOW,
                                                   .choice = "Three segments: the elbow.",
                                                   .trace = world_trace,
                                                   .n_trace = 3,
                                                   .iterations_total = 10,
                                                   .state_hash = UINT64_C(0xfedcba9876543210),
                                                   .label = label};
    world->evaluation = (struct strata_evaluation){.within_sse = 6,
                                                   .total_sse = 24,
                                                   .explained = 0.75,
                                                   .calinski_harabasz = 3.5,
                                                   .davies_bouldin = 0.5,
                                                   .silhouette = 0.1,
                                                   .log_likelihood = (double)NAN,
                                                   .bic = (double)NAN,
                                                   .mean_posterior = 1,
                                                   .agreement = 1,
                                                   .segment_silhouette = world_silhouette,
                                                   .segment_sse = world_sse,
                                                   .dimension_share = world_dimension};
}

static inline void world_profiles(struct world *world)
{
    for (size_t s = 0; s <= WORLD_K; s++) {
        const double shift = (double)s;
        world->cell[s][0] =
            (struct strata_profile_cell){.count = 9,
                                         .missing = 1,
                                         .mean = 10 + shift / 3,
                                         .sd = 0,
                                         .low = 1,
                                         .median = -0.0,
                                         .high = 5e-324,
                                         .index = 100,
                                         .effect = -0.1,
                                         .effect_low = -1.25,
                                         .effect_high = 1.05,
                                         .p = 0.875,
                                         .odds_ratio = (double)NAN,
                                         .odds_low = (double)NAN,
                                         .odds_high = (double)NAN,
                                         .cramers_v = (double)NAN,
                                         .explained = s == WORLD_K ? 0.5 : (double)NAN,
                                         .level = -1};
        world->cell[s][1] = (struct strata_profile_cell){.count = 10,
                                                         .mean = 0.25,
                                                         .sd = 1,
                                                         .low = (double)NAN,
                                                         .median = (double)NAN,
                                                         .high = (double)NAN,
                                                         .index = (double)NAN,
                                                         .effect = 1e22,
                                                         .effect_low = (double)NAN,
                                                         .effect_high = (double)NAN,
                                                         .p = (double)NAN,
                                                         .odds_ratio = 1.5,
                                                         .odds_low = 0.5,
                                                         .odds_high = 4.5,
                                                         .cramers_v = 0.125,
                                                         .explained = (double)NAN,
                                                         .level = -1,
                                                         .share = world_age_share};
        world->cell[s][2] = (struct strata_profile_cell){.count = 7,
                                                         .mean = (double)NAN,
                                                         .sd = (double)NAN,
                                                         .low = (double)NAN,
                                                         .median = (double)NAN,
                                                         .high = (double)NAN,
                                                         .index = (double)NAN,
                                                         .effect = 0.5,
                                                         .effect_low = 0.25,
                                                         .effect_high = 0.75,
                                                         .p = 0,
                                                         .odds_ratio = (double)NAN,
                                                         .odds_low = (double)NAN,
                                                         .odds_high = (double)NAN,
                                                         .cramers_v = (double)NAN,
                                                         .explained = (double)NAN,
                                                         .level = 1,
                                                         .share = world_region_share,
                                                         .hidden = s == 2};
    }
    world->marker[0] = (struct strata_marker){1, -1, 1e22};
    world->marker[1] = (struct strata_marker){2, 1, 0.5};
    world->statement[0] = (struct strata_statement){"5 customers, \"half\" of all.",
                                                    "value",
                                                    "size",
                                                    SIZE_MAX,
                                                    -1,
                                                    0.5,
                                                    1,
                                                    5,
                                                    (double)NAN,
                                                    (double)NAN};
    world->statement[1] = (struct strata_statement){
        "Three in four are old.", "demographic", "share", 1, 1, 0.75, 0.5, 10, 0.5, 0.9};
    static const char *const name[WORLD_K] = {"Old spenders", "Young\tsouth", "Caf\xc3\xa9 guests"};
    for (size_t s = 0; s < WORLD_K; s++)
        world->persona[s] = (struct strata_persona){.name = name[s],
                                                    .definition = "They are.",
                                                    .size = (uint64_t)world_mass[s],
                                                    .share = world_mass[s] / 10,
                                                    .cell = world->cell[s],
                                                    .marker = world->marker,
                                                    .n_markers = s == 0 ? 2 : 0,
                                                    .statement = world->statement,
                                                    .n_statements = s == 0 ? 2 : 1};
    world->personas = (struct strata_personas){.segment = world->persona,
                                               .k = WORLD_K,
                                               .everybody = world->cell[WORLD_K],
                                               .n_features = WORLD_FEATURES,
                                               .column = world->column};
}

/* A rule of the largest segment, a tree of one condition, an a-priori segment and one that is too small. */
static inline void world_rules(struct world *world)
{
    static struct strata_tree_node nodes[3];
    static struct strata_cross cross[WORLD_K];
    static struct strata_apriori apriori[2];
    const struct strata_condition least = {
        .feature = 0, .low = 2.5, .high = (double)NAN, .sentence = "spend at least 2.5"};
    const struct strata_condition level = {.feature = 2,
                                           .low = (double)NAN,
                                           .high = (double)NAN,
                                           .level = {1},
                                           .n_levels = 1,
                                           .sentence = "region south"};
    world->persona[0].rule = (struct strata_rule){.condition = {least, level},
                                                  .n_conditions = 2,
                                                  .sentence = "spend at least 2.5 and region south",
                                                  .sql = "\"spend\" >= 2.5",
                                                  .count = 5,
                                                  .hits = 4,
                                                  .coverage = 0.75,
                                                  .precision = 0.875,
                                                  .lift = 1.5};
    nodes[0] = (struct strata_tree_node){.condition = least, .yes = 1, .no = 2, .count = 10};
    nodes[1] = (struct strata_tree_node){.count = 4, .hits = 4, .hits_shown = true, .depth = 1};
    nodes[2] = (struct strata_tree_node){.segment = 1, .count = 6, .hits = 3, .depth = 1};
    world->personas.tree = (struct strata_tree){.node = nodes,
                                                .n_nodes = 3,
                                                .n_leaves = 2,
                                                .depth = 1,
                                                .sql = "CASE",
                                                .hits = 7,
                                                .fidelity = 0.7};
    for (size_t s = 0; s < WORLD_K; s++)
        cross[s] = s == 1 ? (struct strata_cross){true, 0, (double)NAN, (double)NAN}
                          : (struct strata_cross){false, 2, 0.25, 125};
    apriori[0] = (struct strata_apriori){.name = "rich",
                                         .condition = "spend > 1",
                                         .size = 6,
                                         .weight = 6,
                                         .share = 0.6,
                                         .cell = world->cell[0],
                                         .marker = world->marker,
                                         .n_markers = 2,
                                         .cross = cross};
    apriori[1] = (struct strata_apriori){.name = "few", .condition = "spend > 9", .hidden = true};
    world->personas.apriori = apriori;
    world->personas.n_apriori = 2;
}

/* The largest segment's: one of each. */
static inline void world_portrait(struct world *world)
{
    const struct strata_statements all = {world->statement, 2};
    world->channel = (struct strata_preference){0, -1, "web", 250, true, world->statement};
    world->trait[0] = (struct strata_trait){0, "spend", "10 EUR", 10, -1, 9, (double)NAN};
    world->trait[1] = (struct strata_trait){1, "age", "old", (double)NAN, 1, 10, 0.75};
    world->advice = (struct strata_advice){"Do it.", all};
    world->portrait =
        (struct strata_portrait){.name = "Robin",
                                 .age = &world->statement[1],
                                 .household = all,
                                 .topic_title = {"Who", "Where", "Values", "Buys", "Uses"},
                                 .topic = {[STRATA_TOPIC_WHO] = all, [STRATA_TOPIC_BUYS] = all},
                                 .needs = all,
                                 .pains = all,
                                 .channels = {&world->channel, 1},
                                 .affinities = {&world->channel, 1},
                                 .offer = {{STRATA_OFFER_WIN_BACK, "Back", world->advice, 0.5}},
                                 .n_offers = 1,
                                 .tone = world->advice,
                                 .value = all,
                                 .potential = all,
                                 .typical = world->trait,
                                 .n_typical = 2,
                                 .avatar = "<svg/>",
                                 .avatar_text = "A <figure>.",
                                 .attractiveness = {.size = 150,
                                                    .value = (double)NAN,
                                                    .growth = (double)NAN,
                                                    .reach = 250,
                                                    .score = 0.625,
                                                    .value_share = 0.5,
                                                    .rank = 1}};
    world->portrait.brief[STRATA_SALES] = (struct strata_brief){"Sales", &world->advice, 1};
    world->persona[0].portrait = &world->portrait;
}

static inline void world_quality(struct world *world)
{
    world->source = (struct strata_source_quality){
        .name = "orders", .rows = UINT64_C(1) << 53, .keys = 10, .matched_keys = 10};
    for (size_t i = 0; i < WORLD_FEATURES; i++)
        world->feature_quality[i] = (struct strata_feature_quality){
            .name = world->feature[i].name, .present = 9, .missing = 1, .constant = (int)i};
    world->note[0] = "region is missing everywhere: it adds nothing.";
    world->reject[0] = (struct strata_reject){"orders", "o'rders.csv", 7, "", "too many columns"};
    world->reject[1] = (struct strata_reject){"orders", "o'rders.csv", 9, "age", "not a number"};
    world->quality = (struct strata_quality){.customers = 10,
                                             .source = &world->source,
                                             .n_sources = 1,
                                             .feature = world->feature_quality,
                                             .n_features = WORLD_FEATURES,
                                             .reject = world->reject,
                                             .n_rejects = 2,
                                             .note = world->note,
                                             .n_notes = 1};
}

static inline void world_make(struct world *world, int rank, int size, size_t n,
                              struct strata_arena *keep)
{
    memset(world, 0, sizeof *world);
    world_job(world);
    world_rows(world, rank, size, n, keep);
    world_fit(world);
    world_profiles(world);
    world_portrait(world);
    world_rules(world);
    world_quality(world);
    world->outcome = (struct strata_outcome){&world->config,
                                             &world->table,
                                             &world->features,
                                             &world->clustering,
                                             &world->evaluation,
                                             &world->personas,
                                             &world->quality,
                                             NULL,
                                             NULL,
                                             0};
}

#endif
