/* One suite for all estimators: what the fit loop, the ranks and the threads may rely on. */
#include "strata/estimator.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "strata/random.h"

#include "fit_cases.h"
#include "hand_pass.h"

#define FOR_EACH_ESTIMATOR(e) \
    for (const struct strata_estimator *const *at_ = strata_estimators, *e = *at_; e; e = *++at_)

/* Params and sums of one estimator on one crowd. */
struct bench_top {
    const struct strata_estimator *e;
    struct strata_dims dims;
    size_t n, n_params, n_stats;
    double *params, *used, *spread, *mass; /* used: by the last pass */
    struct hand_pass hand;
    struct strata_sum *sums;
    uint16_t *label;
};

static struct bench_top set_up(const struct strata_estimator *e, const struct crowd *crowd, size_t k)
{
    struct bench_top top = {.e = e, .dims = {k, crowd->d}, .n = crowd->n};
    top.n_params = e->param_count(top.dims);
    top.n_stats = e->stat_count(top.dims);
    top.params = crowd_room(top.n_params, sizeof(double));
    top.spread = crowd_room(crowd->d, sizeof(double));
    top.mass = crowd_room(k, sizeof(double));
    top.used = crowd_room(top.n_params, sizeof(double));
    top.hand = hand_pass_new(e, top.dims, crowd->x, NULL, crowd->n, 0);
    top.sums = top.hand.sums;
    top.label = top.hand.label;
    double *centre = crowd_room(k * crowd->d, sizeof(double));
    for (size_t j = 0; j < crowd->d; j++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < crowd->n; i++) sum += (double)crowd->x[i * crowd->d + j];
        for (size_t i = 0; i < crowd->n; i++) {
            const double t = (double)crowd->x[i * crowd->d + j] - sum / (double)crowd->n;
            square += t * t;
        }
        top.spread[j] = square / (double)crowd->n;
    }
    for (size_t c = 0; c < k; c++)
        for (size_t j = 0; j < crowd->d; j++)
            centre[c * crowd->d + j] = (double)crowd->x[(c * 7 % crowd->n) * crowd->d + j];
    e->start(top.dims, centre, top.spread, top.params);
    free(centre);
    return top;
}

static void tear_down(struct bench_top *top)
{
    free(top->params);
    free(top->used);
    free(top->spread);
    free(top->mass);
    hand_pass_free(&top->hand);
}

static void begin(struct bench_top *top)
{
    hand_begin(&top->hand, top->params, NULL);
    memcpy(top->used, top->params, top->n_params * sizeof *top->used);
}

static void pass(struct bench_top *top, const struct crowd *crowd)
{
    begin(top);
    top->hand.x = crowd->x;
    hand_rows(&top->hand, 0, crowd->n);
    hand_end(&top->hand);
}

static void step(struct bench_top *top, const struct crowd *crowd)
{
    pass(top, crowd);
    cr_assert(top->e->conserved(top->dims, top->used, top->sums, &top->hand.totals));
    top->e->maximise(top->dims, top->sums, &top->hand.totals, top->params, top->mass);
}

static double value(const struct bench_top *top)
{
    return hand_objective(&top->hand, top->used);
}

static void assert_same_sums(const struct bench_top *a, const struct bench_top *b)
{
    cr_assert_eq(memcmp(a->sums, b->sums, a->n_stats * sizeof *a->sums), 0);
}

static void assert_finite(const struct bench_top *top)
{
    for (size_t i = 0; i < top->n_params; i++)
        cr_assert(isfinite(top->params[i]), "%s: param %zu", top->e->name, i);
    cr_assert(isfinite(value(top)));
}

static struct crowd rows_reordered(const struct crowd *crowd)
{
    struct crowd other = crowd_new(crowd->n, crowd->d);
    for (size_t i = 0; i < crowd->n; i++) /* n is odd or no multiple of 7: a permutation */
        memcpy(other.x + (i * 7 % crowd->n) * crowd->d, crowd->x + i * crowd->d,
               crowd->d * sizeof(float));
    return other;
}

Test(estimator, is_found_by_its_name)
{
    FOR_EACH_ESTIMATOR(e)
    {
        cr_assert_eq(strata_estimator_find(e->name), e);
        cr_assert_gt(strlen(e->summary), 10);
    }
    cr_assert_null(strata_estimator_find("kmean"));
    cr_assert_null(strata_estimator_find(""));
}

Test(estimator, any_split_of_rows_gives_the_same_sums_and_labels)
{
    struct crowd crowd = crowd_blobs(9001, 7, 5, 2.0, 3);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top whole = set_up(e, &crowd, 5), parts = set_up(e, &crowd, 5);
        step(&whole, &crowd);
        step(&parts, &crowd);
        pass(&whole, &crowd);
        for (uint64_t seed = 0; seed < 5; seed++) {
            hand_forget(&parts.hand);
            begin(&parts);
            for (size_t first = 0, piece = 0; first < crowd.n; piece++) {
                size_t n =
                    strata_random_below(seed, STRATA_PURPOSE_TEST, piece, 0, seed == 0 ? 2 : 6000);
                n = n < crowd.n - first ? n : crowd.n - first;
                hand_rows(&parts.hand, first, n);
                first += n;
            }
            hand_end(&parts.hand);
            assert_same_sums(&whole, &parts);
            cr_assert_eq(memcmp(whole.label, parts.label, crowd.n * sizeof *whole.label), 0);
        }
        tear_down(&whole);
        tear_down(&parts);
    }
    crowd_free(&crowd);
}

Test(estimator, order_of_rows_does_not_matter)
{
    struct crowd crowd = crowd_blobs(2003, 4, 3, 1.5, 5), other = rows_reordered(&crowd);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top a = set_up(e, &crowd, 4), b = set_up(e, &crowd, 4);
        for (int i = 0; i < 5; i++) {
            step(&a, &crowd);
            step(&b, &other);
            assert_same_sums(&a, &b);
            cr_assert_eq(memcmp(a.params, b.params, a.n_params * sizeof(double)), 0);
        }
        tear_down(&a);
        tear_down(&b);
    }
    crowd_free(&crowd);
    crowd_free(&other);
}

Test(estimator, every_row_twice_gives_the_same_params)
{
    struct crowd crowd = crowd_blobs(1001, 3, 4, 1.5, 6), twice = crowd_new(2002, 3);
    memcpy(twice.x, crowd.x, crowd.n * crowd.d * sizeof(float));
    memcpy(twice.x + crowd.n * crowd.d, crowd.x, crowd.n * crowd.d * sizeof(float));
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top a = set_up(e, &crowd, 4), b = set_up(e, &twice, 4);
        memcpy(b.params, a.params, a.n_params * sizeof(double));
        for (int i = 0; i < 8; i++) {
            step(&a, &crowd);
            step(&b, &twice);
            cr_assert_eq(memcmp(a.params, b.params, a.n_params * sizeof(double)), 0, "%s", e->name);
            cr_assert_eq(2 * value(&a), value(&b), "%s", e->name);
        }
        tear_down(&a);
        tear_down(&b);
    }
    crowd_free(&crowd);
    crowd_free(&twice);
}

Test(estimator, order_of_columns_does_not_matter)
{
    struct crowd crowd = crowd_blobs(1500, 6, 4, 1.5, 8), other = crowd_new(1500, 6);
    static const size_t from[] = {3, 0, 5, 1, 4, 2};
    for (size_t i = 0; i < crowd.n; i++)
        for (size_t j = 0; j < 6; j++) other.x[i * 6 + j] = crowd.x[i * 6 + from[j]];
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top a = set_up(e, &crowd, 4), b = set_up(e, &other, 4);
        for (int i = 0; i < 10; i++) {
            step(&a, &crowd);
            step(&b, &other);
            if (!e->soft) cr_assert_eq(value(&a), value(&b));
            cr_assert_float_eq(value(&a), value(&b), 1e-9 * fabs(value(&a)));
        }
        if (!e->soft) {
            double *one = crowd_room(24, sizeof *one), *two = crowd_room(24, sizeof *two);
            e->centres(a.dims, a.params, one);
            e->centres(b.dims, b.params, two);
            for (size_t c = 0; c < 4; c++)
                for (size_t j = 0; j < 6; j++) cr_assert_eq(two[c * 6 + j], one[c * 6 + from[j]]);
            free(one);
            free(two);
        }
        tear_down(&a);
        tear_down(&b);
    }
    crowd_free(&crowd);
    crowd_free(&other);
}

Test(estimator, objective_never_worsens)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct crowd crowd = crowd_blobs(700, 1 + seed % 5, 4, 0.4 * (double)seed, seed);
        FOR_EACH_ESTIMATOR(e)
        {
            struct bench_top top = set_up(e, &crowd, 2 + seed % 6);
            /* mixtures: responsibilities are rounded to 2^-24 */
            const double slack = e->soft ? (double)(crowd.n * top.dims.k) * 0x1p-24 : 0;
            double before = HUGE_VAL;
            for (int i = 0; i < 40; i++) {
                step(&top, &crowd);
                cr_assert_leq(value(&top), before + slack, "%s seed %zu iteration %d", e->name,
                              (size_t)seed, i);
                before = value(&top);
            }
            tear_down(&top);
        }
        crowd_free(&crowd);
    }
}

Test(estimator, finds_separated_blobs)
{
    struct crowd crowd = crowd_blobs(3000, 3, 3, 20.0, 1);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top top = set_up(e, &crowd, 3);
        for (int i = 0; i < 30; i++) step(&top, &crowd);
        for (size_t i = 3; i < crowd.n; i++) cr_assert_eq(top.label[i], top.label[i % 3]);
        for (size_t c = 0; c < 3; c++) cr_assert_eq(top.mass[c], 1000.0);
        tear_down(&top);
    }
    crowd_free(&crowd);
}

Test(estimator, hard_estimators_reach_a_fixed_point_of_params)
{
    struct crowd crowd = crowd_blobs(2000, 5, 6, 0.7, 2);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top top = set_up(e, &crowd, 6);
        double *before = crowd_room(top.n_params, sizeof *before);
        int i = 0;
        do {
            memcpy(before, top.params, top.n_params * sizeof *before);
            step(&top, &crowd);
        } while (top.hand.moved > 0 && ++i < 500);
        if (!e->soft) {
            cr_assert_lt(i, 500);
            cr_assert_eq(memcmp(before, top.params, top.n_params * sizeof *before), 0);
        }
        free(before);
        tear_down(&top);
    }
    crowd_free(&crowd);
}

Test(estimator, assign_agrees_with_accumulate)
{
    struct crowd crowd = crowd_blobs(777, 4, 4, 1.0, 4);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top top = set_up(e, &crowd, 5);
        for (int i = 0; i < 6; i++) step(&top, &crowd);
        pass(&top, &crowd);
        struct strata_assignment *row = crowd_room(crowd.n, sizeof *row);
        e->assign(top.dims, top.params, crowd.x, crowd.n, row);
        for (size_t i = 0; i < crowd.n; i++) {
            cr_assert_eq(row[i].label, top.label[i]);
            cr_assert_neq(row[i].runner_up, row[i].label);
            cr_assert(row[i].runner_up >= 0 && row[i].runner_up < 5);
            cr_assert(row[i].posterior >= 0 && row[i].posterior <= 1);
            cr_assert(row[i].margin >= 0 && row[i].margin <= 1);
            cr_assert(row[i].distance >= 0);
        }
        free(row);
        tear_down(&top);
    }
    crowd_free(&crowd);
}

Test(estimator, segments_in_another_order_are_the_same_model)
{
    struct crowd crowd = crowd_blobs(1000, 4, 4, 3.0, 11);
    static const size_t order[] = {2, 0, 3, 1};
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top a = set_up(e, &crowd, 4), b = set_up(e, &crowd, 4);
        for (int i = 0; i < 4; i++) step(&a, &crowd);
        e->select(a.dims, a.params, order, 4, b.params);
        pass(&a, &crowd);
        pass(&b, &crowd);
        cr_assert_float_eq(value(&a), value(&b), 1e-12 * fabs(value(&a)));
        for (size_t i = 0; i < crowd.n; i++) cr_assert_eq(order[b.label[i]], a.label[i]);
        tear_down(&a);
        tear_down(&b);
    }
    crowd_free(&crowd);
}

Test(estimator, a_selection_of_segments_is_a_whole_model)
{
    struct crowd crowd = crowd_blobs(500, 3, 3, 6.0, 12);
    static const size_t order[] = {3, 1};
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top all = set_up(e, &crowd, 4), few = set_up(e, &crowd, 2);
        for (int i = 0; i < 3; i++) step(&all, &crowd);
        e->select(all.dims, all.params, order, 2, few.params);
        double from[12], to[6];
        e->centres(all.dims, all.params, from);
        e->centres(few.dims, few.params, to);
        for (size_t j = 0; j < 3; j++) {
            cr_assert_eq(to[j], from[9 + j]);
            cr_assert_eq(to[3 + j], from[3 + j]);
        }
        step(&few, &crowd);
        assert_finite(&few);
        cr_assert_eq(few.mass[0] + few.mass[1], 500.0);
        tear_down(&all);
        tear_down(&few);
    }
    crowd_free(&crowd);
}

/* In each sum of a few passes one bit is wrong; with the true ones all is well (step). */
Test(estimator, a_damaged_sum_is_told)
{
    struct crowd crowd = crowd_blobs(500, 3, 3, 1.0, 9);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top top = set_up(e, &crowd, 4);
        for (unsigned i = 0; i < 5; i++) step(&top, &crowd);
        pass(&top, &crowd);
        for (size_t s = 0; s < top.n_stats; s++)
            for (unsigned bit = 0; bit < 128; bit++) {
                const strata_uint128 flip = (strata_uint128)1 << bit;
                const struct strata_sum sound = top.sums[s];
                top.sums[s].value = (strata_int128)((strata_uint128)sound.value ^ flip);
                cr_assert_not(e->conserved(top.dims, top.used, top.sums, &top.hand.totals),
                              "%s: bit %u of sum %zu", e->name, bit, s);
                top.sums[s] = sound;
            }
        cr_assert(e->conserved(top.dims, top.used, top.sums, &top.hand.totals));
        tear_down(&top);
    }
    crowd_free(&crowd);
}

Test(estimator, degenerate_rows_give_finite_params)
{
    static const struct {
        size_t n, d, k;
        double step;
    } cases[] = {{1, 1, 1, 0},  {5, 2, 5, 0},         {100, 3, 4, 0},        {100, 3, 1, 7},
                 {50, 1, 3, 1}, {40, 512, 2, 838861}, {33, 17, 8, 1048576.0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct crowd crowd = crowd_new(cases[i].n, cases[i].d);
        for (size_t row = 0; row < crowd.n; row++) /* constant but for the last column */
            for (size_t j = 0; j < crowd.d; j++)
                crowd.x[row * crowd.d + j] =
                    (float)(j + 1 < crowd.d ? -16777216.0 : cases[i].step * (double)(row % 17));
        FOR_EACH_ESTIMATOR(e)
        {
            struct bench_top top = set_up(e, &crowd, cases[i].k);
            for (int t = 0; t < 10; t++) {
                step(&top, &crowd);
                assert_finite(&top);
                double total = 0;
                for (size_t c = 0; c < cases[i].k; c++) total += top.mass[c];
                cr_assert_eq(total, (double)crowd.n);
            }
            tear_down(&top);
        }
        crowd_free(&crowd);
    }
}

Test(estimator, no_rows_add_nothing)
{
    struct crowd crowd = crowd_blobs(10, 2, 2, 1.0, 1);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top top = set_up(e, &crowd, 2);
        begin(&top);
        hand_rows(&top.hand, 0, 0);
        hand_end(&top.hand);
        cr_assert_eq(top.hand.moved, 0);
        for (size_t i = 0; i < top.n_stats; i++) cr_assert(top.sums[i].value == 0);
        tear_down(&top);
    }
    crowd_free(&crowd);
}

Test(estimator, opposite_corners_of_the_grid_are_summed_exactly)
{
    /* Two far corners, many rows: the largest terms there are. */
    struct crowd crowd = crowd_new(10000, 8);
    for (size_t i = 0; i < crowd.n; i++)
        for (size_t j = 0; j < 8; j++)
            crowd.x[i * 8 + j] = (float)(i % 2 ? 16777216.0 : -16777216.0);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top top = set_up(e, &crowd, 1);
        step(&top, &crowd); /* the centre starts in a corner and moves to the middle */
        double centre[8];
        e->centres(top.dims, top.params, centre);
        for (size_t j = 0; j < 8; j++) cr_assert_eq(centre[j], 0.0);
        pass(&top, &crowd);
        if (!e->soft) cr_assert_eq(value(&top), (double)crowd.n * 8 * 0x1p48);
        assert_finite(&top);
        tear_down(&top);
    }
    crowd_free(&crowd);
}

Test(estimator, placed_segments_stand_where_they_were_put)
{
    struct crowd crowd = crowd_blobs(300, 3, 2, 2.0, 9);
    FOR_EACH_ESTIMATOR(e)
    {
        struct bench_top top = set_up(e, &crowd, 3);
        step(&top, &crowd);
        const double at[] = {100, -200, 300};
        double centre[9];
        e->place(top.dims, 1, at, top.params);
        e->centres(top.dims, top.params, centre);
        for (size_t j = 0; j < 3; j++) cr_assert_eq(centre[3 + j], at[j]);
        assert_finite(&top);
        tear_down(&top);
    }
    crowd_free(&crowd);
}
