/* A pass of k-means that follows what moved gives what a full one gives, to the bit. */
#include "strata/estimator.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "strata/nearest.h"
#include "strata/random.h"

#include "cluster/kmeans_impl.h"
#include "fit_cases.h"
#include "hand_pass.h"

static uint64_t below(uint64_t seed, uint64_t what, uint64_t bound)
{
    return strata_random_below(seed, STRATA_PURPOSE_TEST, what, 77, bound);
}

/* Rows of few different places, so that ties abound, or spread over the grid. */
static struct crowd crowd_of_case(uint64_t seed, size_t n, size_t d)
{
    struct crowd crowd = crowd_new(n, d);
    const uint64_t spread[] = {2, 3, 9, 1000, UINT64_C(1) << 25};
    const uint64_t places = spread[below(seed, 1, 5)];
    for (size_t i = 0; i < n * d; i++)
        crowd.x[i] = (float)((double)below(seed, 100 + i, places) - (double)(places / 2));
    return crowd;
}

static void assert_bounds_hold(const struct hand_pass *hand, const double *centre)
{
    const struct strata_kmeans_pass *pass = hand->pass;
    const size_t d = hand->dims.d;
    for (size_t row = 0; row < hand->n; row++) {
        const float *x = hand->x + row * d;
        const uint16_t own = hand->label[row];
        const float upper = strata_upper_now(hand->upper[row], pass->drift.own[own]);
        const float lower = strata_lower_now(hand->lower[row], pass->drift.other[own]);
        for (size_t c = 0; c < hand->dims.k; c++) {
            const double at = sqrt((double)strata_distance(centre + c * d, x, d));
            if (c == own)
                cr_assert_geq((double)upper * (1 + 0x1p-50), at);
            else
                cr_assert_leq((double)lower * (1 - 0x1p-50), at);
        }
    }
}

static void assert_same(const struct hand_pass *a, const struct hand_pass *b, uint64_t seed)
{
    cr_assert_eq(memcmp(a->label, b->label, a->n * sizeof *a->label), 0, "case %llu",
                 (unsigned long long)seed);
    cr_assert_eq(memcmp(a->sums, b->sums, a->n_stats * sizeof *a->sums), 0, "case %llu",
                 (unsigned long long)seed);
}

/* Lloyd's iterations three ways: kept sums and bounds, kept sums, and each pass from scratch. */
static void three_ways(uint64_t seed, const struct crowd *crowd, const uint32_t *weight, size_t k)
{
    const struct strata_estimator *e = &strata_kmeans;
    const struct strata_dims dims = {k, crowd->d};
    const size_t n_params = e->param_count(dims);
    double *params = crowd_room(n_params, sizeof *params), *before = NULL;
    double *last = crowd_room(n_params, sizeof *last), *mass = crowd_room(k, sizeof *mass);
    for (size_t c = 0; c < k; c++) {
        const size_t row = below(seed, 5000 + c, crowd->n);
        for (size_t j = 0; j < crowd->d; j++)
            params[c * crowd->d + j] = (double)crowd->x[row * crowd->d + j];
    }
    struct hand_pass bounds = hand_pass_new(e, dims, crowd->x, weight, crowd->n, 1);
    struct hand_pass kept = hand_pass_new(e, dims, crowd->x, weight, crowd->n, 0);
    struct hand_pass anew = hand_pass_new(e, dims, crowd->x, weight, crowd->n, 0);
    double objective = HUGE_VAL;
    for (int i = 0; i < 40; i++) {
        hand_forget(&anew);
        hand_run(&anew, params, NULL);
        hand_run(&kept, params, NULL);
        hand_run(&bounds, params, before);
        assert_same(&anew, &kept, seed);
        assert_same(&anew, &bounds, seed);
        assert_bounds_hold(&bounds, params);
        cr_assert(e->conserved(dims, params, anew.sums, &anew.totals));
        strata_int128 sse = 0;
        for (size_t row = 0; row < crowd->n; row++)
            sse += (strata_int128)(weight ? weight[row] : 1) *
                   strata_distance(params + anew.label[row] * crowd->d, crowd->x + row * crowd->d,
                                   crowd->d);
        const double now = hand_objective(&bounds, params);
        cr_assert_eq(now, strata_sum_value((struct strata_sum){sse}));
        cr_assert_leq(now, objective);
        objective = now;
        memcpy(last, params, n_params * sizeof *last);
        before = last;
        e->maximise(dims, bounds.sums, &bounds.totals, params, mass);
        if (bounds.moved == 0) break;
    }
    free(params), free(last), free(mass);
    hand_pass_free(&bounds), hand_pass_free(&kept), hand_pass_free(&anew);
}

Test(kmeans, bounds_and_kept_sums_change_nothing)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        const size_t n = 1 + below(seed, 2, 700), d = 1 + below(seed, 3, 9);
        const size_t k = 1 + below(seed, 4, n < 60 ? n : 60);
        struct crowd crowd = crowd_of_case(seed, n, d);
        uint32_t *weight = crowd_room(n, sizeof *weight);
        for (size_t i = 0; i < n; i++) weight[i] = 1 + (uint32_t)below(seed, 9000 + i, 1 << 20);
        three_ways(seed, &crowd, seed % 3 ? NULL : weight, k);
        free(weight);
        crowd_free(&crowd);
    }
}

Test(kmeans, lists_of_near_centres_change_nothing)
{
    for (uint64_t seed = 1000; seed < 1012; seed++) {
        const size_t k = 96 + below(seed, 4, 40), n = 33 * k + below(seed, 2, 700);
        struct crowd crowd = crowd_of_case(seed, n, 1 + below(seed, 3, 5));
        three_ways(seed, &crowd, NULL, k);
        crowd_free(&crowd);
    }
    struct crowd crowd = crowd_blobs(9000, 3, 150, 0.3, 8);
    three_ways(7, &crowd, NULL, 200);
    crowd_free(&crowd);
}

Test(kmeans, bounds_spare_most_looks_when_segments_are_clear)
{
    struct crowd crowd = crowd_blobs(20000, 6, 8, 0.6, 4);
    const struct strata_estimator *e = &strata_kmeans;
    const struct strata_dims dims = {8, 6};
    double params[48], last[48], mass[8];
    for (size_t i = 0; i < 48; i++) params[i] = (double)crowd.x[i];
    struct hand_pass hand = hand_pass_new(e, dims, crowd.x, NULL, crowd.n, 1);
    uint64_t looked = 0, passes = 0;
    do {
        hand_run(&hand, params, passes ? last : NULL);
        memcpy(last, params, sizeof last);
        e->maximise(dims, hand.sums, &hand.totals, params, mass);
        looked += hand.looked;
        passes++;
    } while (hand.moved > 0 && passes < 100);
    cr_assert_lt(looked, passes * crowd.n / 2, "%llu looks in %llu passes",
                 (unsigned long long)looked, (unsigned long long)passes);
    hand_pass_free(&hand);
    crowd_free(&crowd);
}
