/* Figures of weighted rows against those of copies, under the same model. */
#include <criterion/criterion.h>
#include <math.h>

#include "fit_cases.h"

struct judged {
    struct strata_evaluation all;
    double segment_silhouette[8], segment_sse[8], dimension_share[STRATA_DIMENSION_COUNT];
};

struct trial {
    const struct crowd *crowd;
    const struct strata_estimator *estimator;
    const double *centre; /* (k, d) */
    size_t k;
    struct judged *out;
};

static struct strata_features features_of(const struct crowd *crowd, size_t first, size_t n,
                                          struct strata_arena *keep)
{
    struct strata_encoding *column = STRATA_NEW(keep, struct strata_encoding, crowd->d);
    struct strata_feature *feature = STRATA_NEW(keep, struct strata_feature, crowd->d);
    for (size_t j = 0; j < crowd->d; j++) {
        column[j].feature = j;
        feature[j].dimension = j % 2 ? STRATA_BEHAVIOURAL : STRATA_DEMOGRAPHIC;
    }
    return (struct strata_features){.recipe = {.feature = feature,
                                               .n_features = crowd->d,
                                               .column = column,
                                               .d = crowd->d,
                                               .grid_exponent = crowd->exponent},
                                    .rows = {.n = n,
                                             .d = crowd->d,
                                             .x = crowd->x + first * crowd->d,
                                             .n_global = crowd->n,
                                             .weight = crowd->weight ? crowd->weight + first : NULL,
                                             .weight_exponent = crowd->weight_exponent,
                                             .weight_global = crowd_weight(crowd)}};
}

/* Every size-th part of the crowd under the model that starts at the centres. */
static void judge_on_rank(struct strata_comm *comm, void *context)
{
    const struct trial *trial = context;
    const struct crowd *crowd = trial->crowd;
    const struct strata_dims dims = {.k = trial->k, .d = crowd->d};
    const size_t size = (size_t)comm->size, rank = (size_t)comm->rank;
    const size_t first = crowd->n * rank / size, n = crowd->n * (rank + 1) / size - first;
    struct strata_arena keep;
    cr_assert(strata_arena_init(&keep, (size_t)1 << 30));
    const struct strata_features features = features_of(crowd, first, n, &keep);
    double *params = STRATA_NEW(&keep, double, trial->estimator->param_count(dims));
    double *spread = STRATA_NEW(&keep, double, dims.d);
    for (size_t j = 0; j < dims.d; j++) spread[j] = 1e9;
    trial->estimator->start(dims, trial->centre, spread, params);
    uint16_t *label = STRATA_NEW(&keep, uint16_t, n);
    struct strata_assignment *row = STRATA_NEW(&keep, struct strata_assignment, n);
    trial->estimator->assign(dims, params, features.rows.x, n, row);
    for (size_t i = 0; i < n; i++) label[i] = (uint16_t)row[i].label;
    struct strata_k_result by_k = {.k = (uint32_t)dims.k, .agreement = 1};
    const struct strata_clustering clustering = {.estimator = trial->estimator,
                                                 .dims = dims,
                                                 .params = params,
                                                 .objective = 1234.5,
                                                 .total_sse = 1e7,
                                                 .by_k = &by_k,
                                                 .n_k = 1,
                                                 .grid_exponent = crowd->exponent,
                                                 .label = label};
    struct strata_evaluation *evaluation = NULL;
    struct strata_err err = {0};
    cr_assert_eq(strata_evaluate(comm, &features, &clustering, &keep, &evaluation, &err), STRATA_OK);
    if (comm->rank == 0) {
        struct judged *out = trial->out;
        out->all = *evaluation;
        memcpy(out->segment_silhouette, evaluation->segment_silhouette, dims.k * sizeof(double));
        memcpy(out->segment_sse, evaluation->segment_sse, dims.k * sizeof(double));
        memcpy(out->dimension_share, evaluation->dimension_share, sizeof out->dimension_share);
        out->all.segment_silhouette = out->all.segment_sse = out->all.dimension_share = NULL;
    }
    strata_comm_barrier(comm);
    strata_arena_finish(&keep);
}

static struct judged judge(const struct crowd *crowd, const struct strata_estimator *estimator,
                           const double *centre, size_t k, int size)
{
    struct judged out = {0};
    struct trial trial = {crowd, estimator, centre, k, &out};
    struct strata_err err = {0};
    cr_assert_eq(strata_comm_run_threads(size, judge_on_rank, &trial, &err), STRATA_OK);
    return out;
}

static struct crowd weighted_crowd(size_t n, size_t d, uint64_t seed)
{
    struct crowd crowd = crowd_blobs(n, d, 3, 3.0, seed);
    crowd.weight = crowd_room(n, sizeof *crowd.weight);
    for (size_t i = 0; i < n; i++)
        crowd.weight[i] = 1 + (uint32_t)strata_random_below(seed, STRATA_PURPOSE_TEST, i, 999, 6);
    return crowd;
}

static void centres_from(const struct crowd *crowd, size_t k, double *centre)
{
    for (size_t c = 0; c < k; c++)
        for (size_t j = 0; j < crowd->d; j++)
            centre[c * crowd->d + j] = (double)crowd->x[(c * 7 + 1) * crowd->d + j];
}

Test(evaluate_weights, a_whole_weight_is_so_many_copies_to_the_bit)
{
    for (const struct strata_estimator *const *each = strata_estimators; *each; each++) {
        for (uint64_t seed = 0; seed < 40; seed++) {
            const size_t k = 1 + seed % 5, d = 1 + seed % 7;
            double centre[40];
            struct crowd crowd = weighted_crowd(60 + 3 * seed, d, seed);
            struct crowd copies = crowd_copies(&crowd);
            centres_from(&crowd, k, centre);
            const struct judged a = judge(&crowd, *each, centre, k, 1 + (int)(seed % 3));
            const struct judged b = judge(&copies, *each, centre, k, 1 + (int)(seed % 2));
            cr_assert_eq(memcmp(&a, &b, sizeof a), 0, "%s, seed %d", (*each)->name, (int)seed);
            crowd_free(&crowd);
            crowd_free(&copies);
        }
    }
}

/* Half the unit is half the squares; means and shares know nothing of the unit. */
Test(evaluate_weights, the_unit_of_the_weights_scales_squares_and_nothing_else)
{
    double centre[12];
    struct crowd crowd = weighted_crowd(200, 4, 77);
    centres_from(&crowd, 3, centre);
    const struct judged one = judge(&crowd, &strata_kmeans, centre, 3, 1);
    crowd.weight_exponent = -1;
    const struct judged half = judge(&crowd, &strata_kmeans, centre, 3, 2);
    cr_assert(half.all.within_sse == one.all.within_sse / 2);
    cr_assert(half.all.silhouette == one.all.silhouette);
    cr_assert(half.all.davies_bouldin == one.all.davies_bouldin);
    cr_assert(half.all.mean_posterior == 1 && one.all.mean_posterior == 1);
    for (size_t c = 0; c < 3; c++) {
        cr_assert(half.segment_sse[c] == one.segment_sse[c] / 2);
        cr_assert(half.segment_silhouette[c] == one.segment_silhouette[c]);
    }
    cr_assert_eq(memcmp(half.dimension_share, one.dimension_share, sizeof one.dimension_share), 0);
    crowd_free(&crowd);
}
