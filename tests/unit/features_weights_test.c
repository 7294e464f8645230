#include "features_fixture.h"

#include <criterion/criterion.h>

#include "strata/math_sums.h"

/* Large: not on the stack of a test. */
static struct fixture job, copies;
static struct fixture_result weighted, copied;

static const char *const colours[] = {"amber", "blue", "cyan"};

/* Numbers with and without values, levels, a transform; the weight comes last. */
static void make(size_t n, enum strata_standardise standardise)
{
    fixture_init(&job, n);
    job.standardise = standardise;
    struct fixture_column *spend = fixture_add(&job, "spend");
    spend->feature.transform = STRATA_TRANSFORM_LOG1P;
    struct fixture_column *age = fixture_add(&job, "age");
    age->feature.missing = STRATA_MISSING_LEVEL;
    struct fixture_column *colour = fixture_add_text(&job, "colour", STRATA_NOMINAL, colours, 3);
    struct fixture_column *tall = fixture_add(&job, "tall");
    struct fixture_column *weight = fixture_add(&job, "weight");
    weight->feature.role = STRATA_ROLE_WEIGHT;
    for (size_t i = 0; i < n; i++) {
        const double u = fixture_unit(i);
        spend->number[i] = 9000 * u * u * u;
        age->number[i] = 18 + 60 * fixture_unit(i + 2000);
        age->absent[i] = i % 3 == 0;
        colour->code[i] = (uint32_t)(fixture_random(i + 3000) % 3);
        colour->absent[i] = i % 7 == 0;
        tall->number[i] = 1e9 * fixture_unit(i + 5000);
        tall->absent[i] = i % 5 == 0;
        weight->number[i] = (double)(1 + fixture_random(i + 4000) % 5);
    }
}

static struct fixture_column *weights(void)
{
    return &job.column[job.n_features - 1];
}

/* Each customer as often as the weight says, and weight 1. */
static void copy_rows(const double *times)
{
    copies = job;
    copies.n = 0;
    for (size_t i = 0; i < job.n; i++) {
        for (size_t t = 0; t < (size_t)times[i]; t++, copies.n++) {
            cr_assert_lt(copies.n, FIXTURE_ROWS);
            for (size_t f = 0; f < job.n_features; f++) {
                copies.column[f].absent[copies.n] = job.column[f].absent[i];
                copies.column[f].number[copies.n] = job.column[f].number[i];
                copies.column[f].code[copies.n] = job.column[f].code[i];
            }
        }
    }
    copies.column[job.n_features - 1].feature.role = STRATA_ROLE_DESCRIPTOR;
}

static const struct strata_rows *rows_of(const struct fixture_result *result, int rank)
{
    cr_assert_eq(result->status[rank], STRATA_OK, "%s", result->err[rank].text);
    return &result->features[rank]->rows;
}

static bool same(const void *a, const void *b, size_t n_bytes)
{
    return memcmp(a, b, n_bytes) == 0;
}

static void assert_same_recipe(const struct strata_recipe *a, const struct strata_recipe *b)
{
    cr_assert(a->d == b->d && a->grid_exponent == b->grid_exponent);
    for (size_t j = 0; j < a->d; j++) {
        cr_assert(same(&a->column[j].offset, &b->column[j].offset, sizeof(double)), "offset %zu", j);
        cr_assert(same(&a->column[j].scale, &b->column[j].scale, sizeof(double)), "scale %zu", j);
        cr_assert(same(&a->column[j].fill, &b->column[j].fill, sizeof(double)), "fill %zu", j);
    }
}

static void finish(void)
{
    fixture_finish(&weighted);
    fixture_finish(&copied);
}

Test(features_weights, a_whole_weight_is_so_many_copies_to_the_bit)
{
    static const enum strata_standardise all[] = {STRATA_ZSCORE, STRATA_RANGE, STRATA_RAW};
    for (size_t s = 0; s < 3; s++) {
        for (int size = 1; size <= 5; size += 2) {
            make(100, all[s]);
            copy_rows(weights()->number);
            fixture_run(&job, size, &weighted);
            fixture_run(&copies, 6 - size, &copied);
            const struct strata_rows *rows = rows_of(&weighted, 0);
            cr_assert(rows->weight_exponent == 0 && rows->weight_global == copies.n);
            cr_assert_eq(rows->n_global, job.n);
            assert_same_recipe(&weighted.features[0]->recipe, &copied.features[0]->recipe);
            for (size_t i = 0, copy = 0; i < job.n; copy += (size_t)weights()->number[i], i++)
                cr_assert(same(weighted.x[i], copied.x[copy], rows->d * sizeof(float)));
            finish();
        }
    }
}

Test(features_weights, without_the_role_nobody_has_a_weight)
{
    make(50, STRATA_ZSCORE);
    weights()->feature.role = STRATA_ROLE_DESCRIPTOR;
    fixture_run(&job, 3, &weighted);
    for (int rank = 0; rank < 3; rank++) {
        const struct strata_rows *rows = rows_of(&weighted, rank);
        cr_assert_null(rows->weight);
        cr_assert(rows->weight_global == 50 && rows->weight_exponent == 0);
        cr_assert_null(weighted.quality[rank].weight.name);
        cr_assert(weighted.quality[rank].weight.total == 50);
    }
    fixture_finish(&weighted);
}

/* Powers of two change the unit and nothing else. */
Test(features_weights, scaling_by_a_power_of_two_changes_no_bit_of_the_recipe)
{
    make(90, STRATA_ZSCORE);
    for (size_t i = 0; i < job.n; i++) weights()->number[i] = 0.25 + fixture_unit(i + 8000);
    fixture_run(&job, 2, &weighted);
    for (size_t i = 0; i < job.n; i++) weights()->number[i] = ldexp(weights()->number[i], -9);
    fixture_run(&job, 3, &copied);
    const struct strata_rows *a = rows_of(&weighted, 0), *b = rows_of(&copied, 0);
    cr_assert_eq(a->weight_exponent - 9, b->weight_exponent);
    cr_assert_eq(a->weight_global, b->weight_global);
    assert_same_recipe(&weighted.features[0]->recipe, &copied.features[0]->recipe);
    cr_assert_eq(weighted.quality[0].weight.rounded, copied.quality[0].weight.rounded);
    cr_assert_gt(a->weight_global, 0);
    finish();
}

/* Units of a weight, the exponent and the number that was rounded, for three customers. */
static void check_units(const double weight[3], int exponent, const uint32_t units[3],
                        uint64_t rounded)
{
    make(3, STRATA_ZSCORE);
    memcpy(weights()->number, weight, 3 * sizeof *weight);
    fixture_run(&job, 1, &weighted);
    const struct strata_rows *rows = rows_of(&weighted, 0);
    cr_assert_eq(rows->weight_exponent, exponent, "%d", rows->weight_exponent);
    uint64_t total = 0;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(rows->weight[i], units[i], "%g: %u", weight[i], rows->weight[i]);
        total += units[i];
    }
    const struct strata_weight_quality *quality = &weighted.quality[0].weight;
    cr_assert_eq(rows->weight_global, total);
    cr_assert(quality->total == ldexp((double)total, exponent));
    cr_assert(quality->unit == ldexp(1.0, exponent));
    cr_assert_eq(quality->rounded, rounded);
    cr_assert_str_eq(quality->name, "weight");
    cr_assert_eq(fixture_notes(&weighted.quality[0], "Figures are weighted by \"weight\""), 1);
    cr_assert_eq(fixture_notes(&weighted.quality[0], "were rounded"), rounded > 0);
    fixture_finish(&weighted);
}

Test(features_weights, the_unit_is_one_for_whole_numbers_and_gives_the_largest_20_bits_otherwise)
{
    check_units((double[]){1, 2, 3}, 0, (uint32_t[]){1, 2, 3}, 0);
    check_units((double[]){1048576, 1, 7}, 0, (uint32_t[]){1048576, 1, 7}, 0);
    check_units((double[]){1.5, 1, 0.5}, -19, (uint32_t[]){786432, 524288, 262144}, 0);
    check_units((double[]){0.1, 0.1, 0.1}, -23, (uint32_t[]){838861, 838861, 838861}, 3);
    check_units((double[]){3000000, 4, 6}, 2, (uint32_t[]){750000, 1, 2}, 1);
    check_units((double[]){1e12, 1e-12, 1e12}, 20, (uint32_t[]){953674, 1, 953674}, 3);
    check_units((double[]){0x1.fffffp0, 1, 1}, -19, (uint32_t[]){1048576, 524288, 524288}, 1);
}

Test(features_weights, customers_without_a_weight_are_counted_and_refused)
{
    for (int size = 1; size <= 3; size++) {
        make(60, STRATA_ZSCORE);
        weights()->absent[7] = true;
        weights()->number[8] = 0;
        weights()->number[59] = -4711;
        fixture_run(&job, size, &weighted);
        for (int rank = 0; rank < size; rank++) {
            const char *text = weighted.err[rank].text;
            cr_assert_eq(weighted.status[rank], STRATA_E_DATA);
            cr_assert(strstr(text, "3 of 60 customers have no weight above 0"), "%s", text);
            cr_assert(strstr(text, "1 without a number, 2 with 0 or below"), "%s", text);
            cr_assert(!strstr(text, "4711"), "a customer's value is told");
        }
        fixture_finish(&weighted);
    }
}

/* The oracle is the plain loop. */
Test(features_weights, adding_so_many_times_is_one_addition)
{
    for (uint64_t trial = 0; trial < 2000; trial++) {
        struct strata_exact once = {0}, often = {0};
        for (uint64_t t = 0; t < 8; t++) {
            const uint64_t i = 100 * trial + 10 * t;
            const double term =
                ldexp(fixture_unit(i) - 0.5, (int)(fixture_random(i + 1) % 1900) - 950);
            const uint32_t times = (uint32_t)(fixture_random(i + 2) % 40);
            strata_exact_add_times(&once, term, times);
            for (uint32_t n = 0; n < times; n++) strata_exact_add(&often, term);
        }
        strata_exact_normalise(&once);
        strata_exact_normalise(&often);
        cr_assert(same(once.limb, often.limb, sizeof once.limb));
    }
    struct strata_exact large = {0};
    strata_exact_add_times(&large, 0x1.fffffffffffffp1000, UINT32_MAX);
    strata_exact_add_times(&large, -0x1.fffffffffffffp1000, UINT32_MAX - 1);
    cr_assert(strata_exact_value(&large) == 0x1.fffffffffffffp1000);
}
