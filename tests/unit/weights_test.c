/* A row of whole weight N against N copies of it, from the same starting centres: the same model, objective and
 * figures to the bit, for every estimator. */
#include <criterion/criterion.h>
#include <math.h>
#include <unistd.h>

#include "fit_cases.h"
#include "hand_pass.h"

static struct crowd weighted_crowd(size_t n, size_t d, uint32_t largest, uint64_t seed)
{
    struct crowd crowd = crowd_blobs(n, d, 4, 2.0, seed);
    crowd.weight = crowd_room(n, sizeof *crowd.weight);
    for (size_t i = 0; i < n; i++)
        crowd.weight[i] =
            1 + (uint32_t)strata_random_below(seed, STRATA_PURPOSE_TEST, i, 77, largest);
    return crowd;
}

/* Each row in segment i % k; a copy in that of its original. */
static const char *start_file(const struct crowd *crowd, const struct crowd *original, size_t k)
{
    static char path[2][64];
    char *name = path[crowd != original];
    (void)snprintf(name, sizeof path[0], "/tmp/strata-weights-%ld-%d.csv", (long)getpid(),
                   crowd != original);
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    size_t row = 0;
    for (size_t i = 0; i < original->n; i++)
        for (uint32_t t = 0; t < (crowd == original ? 1 : original->weight[i]); t++)
            (void)fprintf(file, "%s,%zu\n", crowd->key[row++], i % k);
    cr_assert_eq(row, crowd->n);
    cr_assert_eq(fclose(file), 0);
    return name;
}

static void assert_same_model(const struct fitted *a, const struct fitted *b)
{
    const struct strata_dims dims = a->result.dims;
    cr_assert_eq(a->status, STRATA_OK, "%s", a->err.text);
    cr_assert_eq(b->status, STRATA_OK, "%s", b->err.text);
    cr_assert_eq(dims.k, b->result.dims.k);
    cr_assert_eq(a->result.state_hash, b->result.state_hash);
    cr_assert_eq(
        memcmp(a->params, b->params, a->result.estimator->param_count(dims) * sizeof(double)), 0);
    cr_assert_eq(memcmp(a->mass, b->mass, dims.k * sizeof(double)), 0);
    cr_assert(a->result.objective == b->result.objective);
    cr_assert(a->result.total_sse == b->result.total_sse);
    cr_assert_eq(a->candidate[0].iterations, b->candidate[0].iterations);
    cr_assert(a->candidate[0].smallest_share == b->candidate[0].smallest_share);
    cr_assert_eq(a->result.n_trace, b->result.n_trace);
    cr_assert_eq(memcmp(a->trace, b->trace, a->result.n_trace * sizeof(double)), 0);
}

static void assert_same_figures(const struct fitted *a, const struct fitted *b)
{
    struct strata_evaluation of_a = a->evaluation, of_b = b->evaluation;
    const size_t k = a->result.dims.k;
    of_a.segment_silhouette = of_a.segment_sse = of_a.dimension_share = NULL;
    of_b.segment_silhouette = of_b.segment_sse = of_b.dimension_share = NULL;
    cr_assert_eq(memcmp(&of_a, &of_b, sizeof of_a), 0);
    cr_assert_eq(memcmp(a->segment_silhouette, b->segment_silhouette, k * sizeof(double)), 0);
    cr_assert_eq(memcmp(a->segment_sse, b->segment_sse, k * sizeof(double)), 0);
    cr_assert_eq(memcmp(a->dimension_share, b->dimension_share, sizeof a->dimension_share), 0);
}

Test(weights, whole_weights_are_copies_through_fit_and_figures, .timeout = 120)
{
    for (const struct strata_estimator *const *each = strata_estimators; *each; each++) {
        for (uint64_t seed = 0; seed < 24; seed++) {
            const size_t k = 1 + seed % 6;
            struct crowd crowd = weighted_crowd(80 + 11 * seed, 1 + seed % 7, 7, seed);
            struct crowd copies = crowd_copies(&crowd);
            struct strata_config config = fit_config((*each)->name, 2, 8, 1);
            config.model.max_iter = 40;
            config.model.start_file = start_file(&crowd, &crowd, k);
            struct fitted *a = fit_run(&crowd, &config, 1 + (int)(seed % 3), NULL);
            config.model.start_file = start_file(&copies, &crowd, k);
            struct fitted *b = fit_run(&copies, &config, 1 + (int)(seed % 4), NULL);
            assert_same_model(a, b);
            assert_same_figures(a, b);
            fit_free(a);
            fit_free(b);
            crowd_free(&crowd);
            crowd_free(&copies);
        }
    }
    struct crowd none = crowd_new(0, 1);
    (void)unlink(start_file(&none, &none, 1));
    crowd_free(&none);
}

/* All weights alike: labels and centres of the unweighted fit, whatever the unit. */
Test(weights, equal_weights_change_nothing_but_the_scale)
{
    for (const struct strata_estimator *const *each = strata_estimators; *each; each++) {
        struct crowd crowd = weighted_crowd(300, 3, 1, 5);
        struct strata_config config = fit_config((*each)->name, 2, 5, 1);
        config.model.max_iter = 40;
        config.model.start_file = start_file(&crowd, &crowd, 3);
        struct fitted *one = fit_run(&crowd, &config, 2, NULL);
        crowd.weight_exponent = -3;
        for (size_t i = 0; i < crowd.n; i++) crowd.weight[i] = 8;
        struct fitted *eight = fit_run(&crowd, &config, 3, NULL);
        assert_same_model(one, one);
        cr_assert_eq(one->result.state_hash, eight->result.state_hash, "%s", (*each)->name);
        cr_assert(one->result.objective == eight->result.objective);
        cr_assert(one->result.total_sse == eight->result.total_sse);
        assert_same_figures(one, eight);
        fit_free(one);
        fit_free(eight);
        crowd_free(&crowd);
    }
}

/* The largest weights and farthest values there can be stay exact. */
Test(weights, the_largest_weights_are_summed_exactly)
{
    enum { N = 40, D = 2 };
    static float x[N * D];
    static uint32_t heavy[N], light[N];
    double centre[2 * D] = {-0x1p24, -0x1p24, 0x1p24, 0x1p24}, spread[D] = {0x1p48, 0x1p48};
    for (size_t i = 0; i < N * D; i++) x[i] = i / D % 2 ? 0x1p24F : -0x1p24F;
    for (size_t i = 0; i < N; i++) heavy[i] = UINT32_C(1) << 20, light[i] = 1;
    for (const struct strata_estimator *const *each = strata_estimators; *each; each++) {
        const struct strata_dims dims = {2, D};
        double *params = crowd_room((*each)->param_count(dims), sizeof *params);
        (*each)->start(dims, centre, spread, params);
        struct hand_pass a = hand_pass_new(*each, dims, x, heavy, N, 0);
        struct hand_pass b = hand_pass_new(*each, dims, x, light, N, 0);
        hand_run(&a, params, NULL);
        hand_run(&b, params, NULL);
        for (size_t s = 0; s < a.n_stats; s++)
            cr_assert(a.sums[s].value == b.sums[s].value << 20, "%s %zu", (*each)->name, s);
        cr_assert((*each)->conserved(dims, params, a.sums, &a.totals));
        hand_pass_free(&a);
        hand_pass_free(&b);
        free(params);
    }
}

/* By every rule, weights choose the k that copies do when the starts are the same: one start, one k. */
Test(weights, criteria_of_the_choice_count_weights)
{
    static const enum strata_choice rules[] = {STRATA_CHOOSE_CALINSKI_HARABASZ,
                                               STRATA_CHOOSE_SILHOUETTE, STRATA_CHOOSE_BIC};
    for (size_t r = 0; r < 3; r++) {
        const char *name = rules[r] == STRATA_CHOOSE_BIC ? "gmm-diag" : "kmeans";
        struct crowd crowd = weighted_crowd(200, 3, 5, 11 + r);
        struct crowd copies = crowd_copies(&crowd);
        struct strata_config config = fit_config(name, 2, 8, 1);
        config.model.choose = rules[r];
        config.model.max_iter = 30;
        config.model.start_file = start_file(&crowd, &crowd, 4);
        struct fitted *a = fit_run(&crowd, &config, 2, NULL);
        config.model.start_file = start_file(&copies, &crowd, 4);
        struct fitted *b = fit_run(&copies, &config, 3, NULL);
        cr_assert(isfinite(a->by_k[0].score));
        cr_assert(a->by_k[0].score == b->by_k[0].score, "%a %a", a->by_k[0].score, b->by_k[0].score);
        cr_assert_str_eq(a->choice, b->choice);
        fit_free(a);
        fit_free(b);
        crowd_free(&crowd);
        crowd_free(&copies);
    }
}
