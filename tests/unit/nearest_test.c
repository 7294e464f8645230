/* The two paths of the nearest-centre kernel against a plain search, on random and on spiteful data. */
#include "strata/nearest.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "strata/random.h"

#include "naive_kmeans.h"

enum { MOST_ROWS = 67, MOST_K = 64, MOST_D = 512 };

static float x[MOST_ROWS * MOST_D];
static double centre[MOST_K * MOST_D];

static int64_t some_integer(uint64_t seed, uint64_t i, int64_t reach)
{
    return (int64_t)strata_random_below(seed, STRATA_PURPOSE_TEST, i, 0, (uint64_t)(2 * reach + 1)) -
           reach;
}

static void fill(struct strata_dims dims, size_t n, int64_t reach, uint64_t seed)
{
    for (size_t i = 0; i < n * dims.d; i++) x[i] = (float)some_integer(seed, i, reach);
    for (size_t i = 0; i < dims.k * dims.d; i++)
        centre[i] = (double)some_integer(seed + 1, i, reach);
}

static void check_against_search(struct strata_dims dims, size_t n,
                                 const struct strata_nearest *near)
{
    static int64_t whole[MOST_K * MOST_D];
    for (size_t i = 0; i < dims.k * dims.d; i++) whole[i] = (int64_t)centre[i];
    for (size_t row = 0; row < n; row++) {
        const float *at = x + row * dims.d;
        const size_t best = naive_label(at, whole, dims.k, dims.d);
        cr_assert_eq((size_t)near[row].label, best);
        cr_assert_eq(near[row].distance, naive_distance(at, whole + best * dims.d, dims.d));
        int64_t second = INT64_MAX;
        int32_t runner_up = -1;
        for (size_t c = 0; c < dims.k; c++) {
            const int64_t distance = naive_distance(at, whole + c * dims.d, dims.d);
            if (c == best || distance >= second) continue;
            second = distance;
            runner_up = (int32_t)c;
        }
        cr_assert_eq(near[row].runner_up, runner_up);
        cr_assert_eq(near[row].second, second);
    }
}

static void check_both_paths(struct strata_dims dims, size_t n)
{
    struct strata_nearest near[MOST_ROWS];
    strata_nearest_int64(dims, centre, x, n, near);
    check_against_search(dims, n, near);
    if (strata_nearest_double_fits(dims, centre, x, n)) {
        strata_nearest_double(dims, centre, x, n, near);
        check_against_search(dims, n, near);
    }
    strata_nearest_fill(dims, centre, x, n, near);
    check_against_search(dims, n, near);
}

Test(nearest, both_paths_equal_a_plain_search_on_random_rows)
{
    static const size_t ks[] = {1, 2, 3, 7, 64}, ds[] = {1, 2, 3, 5, 17, 512},
                        ns[] = {1, 15, 16, 17, 67};
    for (size_t a = 0; a < 5; a++)
        for (size_t b = 0; b < 6; b++)
            for (size_t c = 0; c < 5; c++) {
                const struct strata_dims dims = {ks[a], ds[b]};
                fill(dims, ns[c], 1 << 20, a * 100 + b * 10 + c);
                check_both_paths(dims, ns[c]);
            }
}

Test(nearest, ties_go_to_the_lowest_index)
{
    for (uint64_t seed = 0; seed < 200; seed++) { /* few different values: ties everywhere */
        const struct strata_dims dims = {1 + seed % 9, 1 + seed % 4};
        fill(dims, MOST_ROWS, 1, seed);
        check_both_paths(dims, MOST_ROWS);
    }
}

Test(nearest, extremes_of_the_grid_are_exact)
{
    const struct strata_dims dims = {4, 512};
    const double far = 16777216.0;
    for (size_t i = 0; i < 17 * dims.d; i++) x[i] = (float)((i / dims.d) % 2 ? far : -far);
    for (size_t i = 0; i < dims.k * dims.d; i++) centre[i] = (i / dims.d) % 2 ? -far : far;
    centre[dims.d] += 1; /* one unit of one column decides */
    centre[3 * dims.d + 511] += 2;
    cr_assert_not(strata_nearest_double_fits(dims, centre, x, 17));
    check_both_paths(dims, 17);
}

Test(nearest, the_double_path_is_taken_up_to_its_limit_and_not_beyond)
{
    const struct strata_dims dims = {2, 2};
    const double limit = 33554431.0; /* (2^25 - 1)^2 * 2 < 2^51: always fits with two columns */
    x[0] = 16777215.0F, x[1] = -16777216.0F;
    centre[0] = -16777216.0, centre[1] = 16777215.0, centre[2] = limit - 16777215.0, centre[3] = 0;
    cr_assert(strata_nearest_double_fits(dims, centre, x, 1));
    check_both_paths(dims, 1);
    static const struct {
        size_t d;
        double reach; /* of rows and of centres together: reach^2 * d against 2^53 */
        bool fits;
    } cases[] = {{8, 33554432.0, false},
                 {8, 33554431.0, true},
                 {512, 4194304.0, false},
                 {512, 4194303.0, true}};
    for (size_t i = 0; i < 4; i++) {
        const struct strata_dims wide = {1, cases[i].d};
        const double half = (double)(int64_t)(cases[i].reach / 2);
        for (size_t j = 0; j < wide.d; j++) {
            x[j] = (float)half;
            centre[j] = half - cases[i].reach;
        }
        cr_assert_eq(strata_nearest_double_fits(wide, centre, x, 1), cases[i].fits, "case %zu", i);
        check_both_paths(wide, 1);
    }
}

Test(nearest, near_ties_of_one_unit_are_decided)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        const struct strata_dims dims = {5, 9};
        fill(dims, 31, 1 << 23, seed);
        for (size_t c = 1; c < dims.k; c++) { /* all centres one or two units from the first */
            for (size_t j = 0; j < dims.d; j++) centre[c * dims.d + j] = centre[j];
            centre[c * dims.d + (seed + c) % dims.d] += c % 2 ? 1 : -1;
        }
        check_both_paths(dims, 31);
    }
}

Test(nearest, silhouette_lies_between_minus_one_and_one)
{
    cr_assert_eq(strata_silhouette((struct strata_between){0, 0}), 0.0);
    cr_assert_eq(strata_silhouette((struct strata_between){0, 9}), 1.0);
    cr_assert_eq(strata_silhouette((struct strata_between){9, 0}), -1.0);
    cr_assert_eq(strata_silhouette((struct strata_between){4, 16}), 0.5);
    cr_assert_eq(strata_silhouette((struct strata_between){5, INT64_MAX}), 0.0); /* k = 1 */
}

Test(nearest, a_row_with_another_label_knows_its_own_and_the_nearest_other)
{
    const struct strata_dims dims = {3, 1};
    struct strata_nearest near;
    centre[0] = 0, centre[1] = 10, centre[2] = 30;
    x[0] = 12;
    strata_nearest_fill(dims, centre, x, 1, &near);
    const struct strata_between at_home = strata_nearest_between(dims, centre, x, near, 1);
    const struct strata_between away = strata_nearest_between(dims, centre, x, near, 2);
    cr_assert_eq(at_home.own, 4);
    cr_assert_eq(at_home.other, 144);
    cr_assert_eq(away.own, 324);
    cr_assert_eq(away.other, 4);
}
