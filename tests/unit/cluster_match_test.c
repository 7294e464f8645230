/* Segments that are still those of an earlier model: found whatever their order, one to one, never from afar. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "strata/cluster.h"
#include "strata/random.h"

enum { D = 4, K_MAX = 64 };

static const char *const names[D] = {"a", "b", "c", "d"};
static struct strata_feature feature[D];
static struct strata_encoding column[D];
static struct strata_recipe recipe;
static struct strata_start_column start_column[D];
static struct strata_arena arena;

static void begin(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 28));
    for (size_t j = 0; j < D; j++) {
        feature[j] = (struct strata_feature){
            .name = names[j], .type = STRATA_NUMERIC, .role = STRATA_ROLE_BASIS};
        column[j] = (struct strata_encoding){.feature = j,
                                             .level = STRATA_LEVEL_NUMBER,
                                             .label = names[j],
                                             .offset = (double)j,
                                             .scale = 1.0 / (double)(j + 1)};
        start_column[j] = (struct strata_start_column){.feature = names[j]};
    }
    recipe = (struct strata_recipe){
        .feature = feature, .n_features = D, .column = column, .d = D, .grid_exponent = -16};
}

static void end(void)
{
    strata_arena_finish(&arena);
}

TestSuite(match, .init = begin, .fini = end);

static double unit(uint64_t seed, size_t i)
{
    return strata_random_unit(seed, STRATA_PURPOSE_TEST, i, 0);
}

/* (k, D) encoded values between 0 and 8, on the grid. */
static double *random_centres(uint64_t seed, size_t k)
{
    double *centre = STRATA_NEW(&arena, double, k *D);
    for (size_t i = 0; i < k * D; i++) centre[i] = rint(ldexp(8.0 * unit(seed, i), 16));
    return centre;
}

static double distance(const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t j = 0; j < D; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sqrt(sum);
}

/* From centre s to the nearest other one. */
static double apart(const double *centre, size_t k, size_t s)
{
    double least = HUGE_VAL;
    for (size_t t = 0; t < k; t++)
        if (t != s) least = fmin(least, distance(&centre[s * D], &centre[t * D]));
    return least;
}

/* The centres of an earlier run in raw units, with its columns in the reverse order, the first n of them. */
static struct strata_start start_of(const double *centre, size_t k, size_t n)
{
    static struct strata_start_column reversed[D];
    double *value = STRATA_NEW(&arena, double, k *n);
    for (size_t i = 0; i < n; i++) {
        const size_t j = D - 1 - i;
        reversed[i] = start_column[j];
        for (size_t s = 0; s < k; s++)
            value[s * n + i] = ldexp(centre[s * D + j], -16) / column[j].scale + column[j].offset;
    }
    return (struct strata_start){.k = k, .d = n, .column = reversed, .value = value};
}

static const size_t *match(double *now, size_t k, const struct strata_start *start)
{
    struct strata_err err = {0};
    const struct strata_clustering clustering = {
        .estimator = &strata_kmeans, .dims = {.k = k, .d = D}, .params = now};
    size_t *earlier = STRATA_NEW(&arena, size_t, k);
    cr_assert_eq(strata_clustering_match(&clustering, &recipe, start, arena, earlier, &err),
                 STRATA_OK, "%s", err.text);
    return earlier;
}

Test(match, moved_and_reordered_segments_are_found)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        const size_t k = 2 + seed % (K_MAX - 1);
        double *before = random_centres(seed, k), *now = STRATA_NEW(&arena, double, k *D);
        double least = HUGE_VAL;
        for (size_t s = 0; s < k; s++) least = fmin(least, apart(before, k, s));
        for (size_t s = 0; s < k; s++)
            for (size_t j = 0; j < D; j++) /* each moves by less than a quarter of the least */
                now[s * D + j] = rint(before[(s + 1) % k * D + j] +
                                      least * 0.24 * (unit(seed + 100, s * D + j) - 0.5));
        const struct strata_start start = start_of(before, k, D);
        const size_t *earlier = match(now, k, &start);
        for (size_t s = 0; s < k; s++) cr_assert_eq(earlier[s], (s + 1) % k, "seed %d", (int)seed);
    }
}

Test(match, pairs_are_near_and_share_no_segment_whatever_the_runs)
{
    size_t n_pairs = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        const size_t k = 1 + seed % 30, k_before = 1 + seed * 7 % 30;
        double *before = random_centres(seed + 200, k_before), *now = random_centres(seed + 300, k);
        const struct strata_start start = start_of(before, k_before, D);
        const size_t *earlier = match(now, k, &start);
        bool taken[K_MAX] = {false};
        for (size_t s = 0; s < k; s++) {
            const size_t e = earlier[s];
            if (e == SIZE_MAX) continue;
            cr_assert_lt(e, k_before);
            cr_assert_not(taken[e], "seed %d", (int)seed);
            taken[e] = true;
            n_pairs++;
            const double least = fmin(apart(now, k, s), apart(before, k_before, e));
            cr_assert_lt(distance(&now[s * D], &before[e * D]), 0.5 * least + 1.0);
        }
    }
    cr_assert_gt(n_pairs, 20);
}

Test(match, the_nearer_part_of_a_split_segment_goes_on_from_it)
{
    double *before = random_centres(1, 2), *now = STRATA_NEW(&arena, double, (size_t)3 * D);
    for (size_t j = 0; j < D; j++) { /* a fifth of the customers went to the second */
        before[D + j] = before[j] + 1e6;
        now[j] = before[j] + 1000;
        now[D + j] = before[j] - 4000;
        now[2 * D + j] = before[D + j];
    }
    const struct strata_start start = start_of(before, 2, D);
    const size_t *earlier = match(now, 3, &start);
    cr_assert_eq(earlier[0], 0);
    cr_assert_eq(earlier[1], SIZE_MAX);
    cr_assert_eq(earlier[2], 1);
    for (size_t j = 0; j < D; j++) now[D + j] = before[j] - 1000; /* into halves: neither */
    earlier = match(now, 3, &start);
    cr_assert_eq(earlier[0], SIZE_MAX);
    cr_assert_eq(earlier[1], SIZE_MAX);
}

Test(match, everybody_goes_on_from_nobody_but_everybody)
{
    double *one = random_centres(1, 1), *two = random_centres(1, 2);
    const struct strata_start of_one = start_of(one, 1, D), of_two = start_of(two, 2, D);
    cr_assert_eq(match(one, 1, &of_two)[0], SIZE_MAX);
    cr_assert_eq(match(two, 2, &of_one)[0], SIZE_MAX);
    cr_assert_eq(match(one, 1, &of_one)[0], 0);
}

Test(match, only_what_both_runs_know_is_compared)
{
    double *before = random_centres(5, 6), *now = STRATA_NEW(&arena, double, (size_t)6 * D);
    memcpy(now, before, sizeof(double) * 6 * D);
    for (size_t s = 0; s < 6; s++)
        now[s * D] += 100000.0 * (double)s; /* column a, which it lacks */
    const struct strata_start start = start_of(before, 6, 3);
    const size_t *earlier = match(now, 6, &start);
    for (size_t s = 0; s < 6; s++) cr_assert_eq(earlier[s], s);
    const struct strata_start nothing = start_of(before, 6, 0);
    earlier = match(now, 6, &nothing);
    for (size_t s = 0; s < 6; s++) cr_assert_eq(earlier[s], SIZE_MAX);
}
