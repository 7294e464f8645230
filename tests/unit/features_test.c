#include "strata/features.h"

#include <criterion/criterion.h>

#include "features_fixture.h"

static const char *const colours[] = {"amber", "blue", "cyan", "dun"};
static const char *const incomes[] = {"high", "low", "middle"}; /* sorted, as a column has them */
static const char *const income_order[] = {"low", "middle", "high"};
static const char *const no_yes[] = {"no", "yes"};

/* Large: not on the stack of a test. */
static struct fixture job;
static struct fixture_result one, many;

/* Every type, transform and policy on skewed, partly missing data. */
static void make_everything(enum strata_standardise standardise)
{
    fixture_init(&job, 300);
    job.standardise = standardise;
    job.dimension_weight[STRATA_DEMOGRAPHIC] = 0.5;
    struct fixture_column *spend = fixture_add(&job, "spend");
    spend->feature.transform = STRATA_TRANSFORM_LOG1P;
    struct fixture_column *visits = fixture_add(&job, "visits");
    visits->feature.type = STRATA_COUNT;
    visits->feature.transform = STRATA_TRANSFORM_SQRT;
    visits->feature.weight = 1.75;
    struct fixture_column *age = fixture_add(&job, "age");
    age->feature.missing = STRATA_MISSING_LEVEL;
    age->feature.dimension = STRATA_DEMOGRAPHIC;
    struct fixture_column *colour = fixture_add_text(&job, "colour", STRATA_NOMINAL, colours, 4);
    struct fixture_column *town = fixture_add_text(&job, "town", STRATA_NOMINAL, colours, 4);
    town->feature.missing = STRATA_MISSING_LEVEL;
    struct fixture_column *income = fixture_add_text(&job, "income", STRATA_ORDINAL, incomes, 3);
    income->feature.level = income_order;
    income->feature.n_levels = 3;
    struct fixture_column *member = fixture_add(&job, "member");
    member->feature.type = STRATA_BINARY;
    struct fixture_column *outcome = fixture_add(&job, "outcome");
    outcome->feature.role = STRATA_ROLE_OUTCOME;
    for (size_t i = 0; i < job.n; i++) {
        const double u = fixture_unit(i);
        spend->number[i] = 20000 * u * u * u * u - 0.5;
        visits->number[i] = (double)(fixture_random(i + 1000) % 90);
        age->number[i] = 18 + 60 * fixture_unit(i + 2000);
        age->absent[i] = i % 3 == 0;
        colour->code[i] = (uint32_t)(fixture_random(i + 3000) % 4);
        colour->absent[i] = i % 7 == 0;
        town->code[i] = (uint32_t)(fixture_random(i + 4000) % 3);
        town->absent[i] = i % 5 == 0;
        income->code[i] = (uint32_t)(fixture_random(i + 5000) % 3);
        income->absent[i] = i % 11 == 0;
        member->number[i] = (double)(fixture_random(i + 6000) % 2);
        outcome->number[i] = (double)(i % 4);
        outcome->absent[i] = i % 13 == 0;
    }
}

/* Floats are compared as bits: nearly equal is not good enough. */
static bool same_bits(const void *a, const void *b, size_t n_bytes)
{
    return !memcmp(a, b, n_bytes);
}

static const struct strata_recipe *recipe_of(const struct fixture_result *result)
{
    cr_assert_eq(result->status[0], STRATA_OK, "%s", result->err[0].text);
    return &result->features[0]->recipe;
}

static const struct strata_encoding *column_of(const struct fixture_result *result,
                                               const char *label)
{
    const struct strata_recipe *recipe = recipe_of(result);
    for (size_t j = 0; j < recipe->d; j++) {
        if (!strcmp(recipe->column[j].label, label)) return &recipe->column[j];
    }
    cr_assert(false, "no column \"%s\"", label);
    return NULL;
}

static size_t index_of(const struct fixture_result *result, const char *label)
{
    return (size_t)(column_of(result, label) - recipe_of(result)->column);
}

/* The encoded value of a customer, in encoded units. */
static double value_of(const struct fixture_result *result, size_t row, const char *label)
{
    return ldexp((double)result->x[row][index_of(result, label)], recipe_of(result)->grid_exponent);
}

static void assert_same_recipe(const struct strata_recipe *a, const struct strata_recipe *b)
{
    cr_assert_eq(a->d, b->d);
    cr_assert_eq(a->grid_exponent, b->grid_exponent);
    for (size_t j = 0; j < a->d; j++) {
        cr_assert_eq(a->column[j].feature, b->column[j].feature);
        cr_assert_eq(a->column[j].level, b->column[j].level);
        cr_assert_str_eq(a->column[j].label, b->column[j].label);
        cr_assert(same_bits(&a->column[j].offset, &b->column[j].offset, sizeof(double)), "offset");
        cr_assert(same_bits(&a->column[j].scale, &b->column[j].scale, sizeof(double)), "scale");
        cr_assert(same_bits(&a->column[j].fill, &b->column[j].fill, sizeof(double)), "fill");
    }
}

static void assert_same_quality(const struct strata_quality *a, const struct strata_quality *b)
{
    cr_assert_eq(a->n_notes, b->n_notes);
    for (size_t i = 0; i < a->n_notes; i++) cr_assert_str_eq(a->note[i], b->note[i]);
    for (size_t f = 0; f < a->n_features; f++) {
        const struct strata_feature_quality *p = &a->feature[f], *q = &b->feature[f];
        cr_assert_eq(p->present, q->present);
        cr_assert_eq(p->missing, q->missing);
        cr_assert_eq(p->invalid, q->invalid);
        cr_assert_eq(p->clamped, q->clamped);
        cr_assert_eq(p->distinct, q->distinct);
        cr_assert_eq(p->constant, q->constant);
    }
}

/* Run on size ranks and compare everything with the one-rank result. */
static void assert_same_as_one(int size)
{
    fixture_run(&job, size, &many);
    for (int rank = 0; rank < size; rank++) {
        cr_assert_eq(many.status[rank], STRATA_OK, "%s", many.err[rank].text);
        assert_same_recipe(&one.features[0]->recipe, &many.features[rank]->recipe);
        assert_same_quality(&one.quality[0], &many.quality[rank]);
    }
    cr_assert(same_bits(one.x, many.x, sizeof one.x), "the matrix differs on %d ranks", size);
    fixture_finish(&many);
}

Test(features, ranks_and_row_order_do_not_change_a_bit)
{
    const enum strata_standardise all[] = {STRATA_ZSCORE, STRATA_RANGE, STRATA_RAW};
    const int sizes[] = {1, 2, 3, 5};
    for (size_t s = 0; s < 3; s++) {
        make_everything(all[s]);
        fixture_run(&job, 1, &one);
        cr_assert_eq(recipe_of(&one)->d, 15u);
        for (size_t i = 0; i < 4; i++) {
            job.backwards = i % 2 == 0;
            assert_same_as_one(sizes[i]);
        }
        fixture_finish(&one);
    }
}

/* Every compiler and machine must make these bits. */
Test(features, bits_are_the_same_on_every_machine)
{
    const enum strata_standardise all[] = {STRATA_ZSCORE, STRATA_RANGE, STRATA_RAW};
    uint64_t hash = 0;
    for (size_t s = 0; s < 3; s++) {
        make_everything(all[s]);
        fixture_run(&job, 2, &many);
        const struct strata_recipe *recipe = recipe_of(&many);
        for (size_t j = 0; j < recipe->d; j++) {
            const double numbers[] = {recipe->column[j].offset, recipe->column[j].scale,
                                      recipe->column[j].fill};
            for (size_t i = 0; i < 3; i++) {
                uint64_t bits;
                memcpy(&bits, &numbers[i], sizeof bits);
                hash = fixture_random(hash ^ bits);
            }
            for (size_t i = 0; i < job.n; i++)
                hash = fixture_random(hash ^ (uint64_t)(int64_t)many.x[i][j]);
        }
        fixture_finish(&many);
    }
    cr_assert_eq(hash, UINT64_C(0x8ee5cf4ca19622ec), "%#llx", (unsigned long long)hash);
}

Test(features, a_rank_without_rows_takes_part)
{
    make_everything(STRATA_ZSCORE);
    fixture_run(&job, 1, &one);
    for (job.empty_rank = 0; job.empty_rank < 3; job.empty_rank++) assert_same_as_one(3);
    fixture_finish(&one);
}

Test(features, more_ranks_than_customers_is_the_same)
{
    make_everything(STRATA_ZSCORE);
    job.n = 2;
    fixture_run(&job, 1, &one);
    assert_same_as_one(5);
    fixture_finish(&one);
}

Test(features, duplicating_every_customer_changes_no_value)
{
    make_everything(STRATA_ZSCORE);
    job.n = 150;
    fixture_run(&job, 1, &one);
    for (size_t f = 0; f < job.n_features; f++) {
        struct fixture_column *c = &job.column[f];
        memcpy(c->absent + 150, c->absent, 150 * sizeof *c->absent);
        memcpy(c->number + 150, c->number, 150 * sizeof *c->number);
        memcpy(c->code + 150, c->code, 150 * sizeof *c->code);
    }
    job.n = 300;
    fixture_run(&job, 2, &many);
    assert_same_recipe(recipe_of(&one), recipe_of(&many));
    cr_assert(same_bits(one.x, many.x, 150 * sizeof one.x[0]));
    cr_assert(same_bits(one.x, many.x + 150, 150 * sizeof one.x[0]));
}

Test(features, permuting_features_permutes_the_columns)
{
    make_everything(STRATA_ZSCORE);
    fixture_run(&job, 1, &one);
    static struct fixture_column turned[FIXTURE_FEATURES];
    for (size_t f = 0; f < job.n_features; f++) turned[f] = job.column[job.n_features - 1 - f];
    memcpy(job.column, turned, job.n_features * sizeof *turned);
    fixture_run(&job, 3, &many);
    cr_assert_eq(recipe_of(&one)->d, recipe_of(&many)->d);
    for (size_t j = 0; j < recipe_of(&one)->d; j++) {
        const size_t there = index_of(&many, recipe_of(&one)->column[j].label);
        for (size_t i = 0; i < job.n; i++) cr_assert_eq(one.x[i][j], many.x[i][there]);
    }
}

Test(features, matrix_holds_integers_of_24_bits)
{
    make_everything(STRATA_RAW);
    fixture_run(&job, 2, &many);
    for (size_t i = 0; i < job.n; i++) {
        for (size_t j = 0; j < recipe_of(&many)->d; j++) {
            const float q = many.x[i][j];
            cr_assert(fabsf(q) <= 0x1p24f && q == truncf(q));
            cr_assert(q != 0 || !signbit(q), "minus zero");
        }
    }
}

/* --- against a naive computation in long double
 * ------------------------------------------------- */

static long double naive(enum strata_standardise how, enum strata_transform transform,
                         const double *x, size_t n, size_t row)
{
    long double sum = 0, squares = 0, min = 1e4900L, max = -1e4900L, own = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            long double t = (long double)x[i];
            if (transform == STRATA_TRANSFORM_LOG1P) t = log1pl(t);
            if (transform == STRATA_TRANSFORM_SQRT) t = sqrtl(t);
            if (pass == 0)
                sum += t;
            else
                squares += (t - sum / n) * (t - sum / n);
            if (t < min) min = t;
            if (t > max) max = t;
            if (i == row) own = t;
        }
    }
    if (how == STRATA_ZSCORE) return (own - sum / n) / sqrtl(squares / n);
    if (how == STRATA_RANGE) return (own - min) / (max - min);
    return own;
}

Test(features, numbers_agree_with_long_double)
{
    const enum strata_standardise standardise[] = {STRATA_ZSCORE, STRATA_RANGE, STRATA_RAW};
    const enum strata_transform transform[] = {STRATA_TRANSFORM_NONE, STRATA_TRANSFORM_LOG1P,
                                               STRATA_TRANSFORM_SQRT};
    for (size_t s = 0; s < 9; s++) {
        fixture_init(&job, 200);
        job.standardise = standardise[s / 3];
        struct fixture_column *c = fixture_add(&job, "c");
        c->feature.transform = transform[s % 3];
        c->feature.weight = 1.25;
        for (size_t i = 0; i < job.n; i++) c->number[i] = 1.7e9 + 100 * fixture_unit(i);
        fixture_run(&job, 3, &many);
        const double unit = ldexp(1.0, recipe_of(&many)->grid_exponent);
        for (size_t i = 0; i < job.n; i++) {
            const long double want =
                1.25L * naive(standardise[s / 3], transform[s % 3], c->number, job.n, i);
            const long double error = fabsl((long double)value_of(&many, i, "c") - want);
            /* log1p of 1.7e9 has 2^-49 of error, and the spread is 2^-24 of it: no more digits
             * are there. */
            const double slack = transform[s % 3] == STRATA_TRANSFORM_LOG1P ? 2e-6 : 1e-9;
            cr_assert_leq((double)error, 0.5 * unit * (1 + slack) + slack, "%zu, row %zu", s, i);
        }
        fixture_finish(&many);
    }
}

Test(features, grid_of_standardised_values_is_two_to_the_minus_16)
{
    make_everything(STRATA_ZSCORE);
    fixture_run(&job, 1, &one);
    cr_assert_eq(recipe_of(&one)->grid_exponent, -16);
    make_everything(STRATA_RANGE);
    fixture_run(&job, 1, &one);
    cr_assert_eq(recipe_of(&one)->grid_exponent, -16);
}

static int raw_exponent_of(double largest)
{
    fixture_init(&job, 3);
    job.standardise = STRATA_RAW;
    struct fixture_column *c = fixture_add(&job, "c");
    c->number[0] = -largest;
    c->number[1] = 1;
    fixture_run(&job, 2, &many);
    const int exponent = recipe_of(&many)->grid_exponent;
    cr_assert_eq(value_of(&many, 0, "c"), -ldexp(rint(ldexp(largest, -exponent)), exponent));
    fixture_finish(&many);
    return exponent;
}

Test(features, raw_grid_fits_the_largest_magnitude)
{
    cr_expect_eq(raw_exponent_of(7.9), -21, "iris: 7.9 is below 2^3");
    cr_expect_eq(raw_exponent_of(112151), -7, "wholesale: exact integers");
    cr_expect_eq(raw_exponent_of(8), -21, "a power of two fits itself");
    cr_expect_eq(raw_exponent_of(8.0000001), -20);
    cr_expect_eq(raw_exponent_of(0x1p24), 0);
    cr_expect_eq(raw_exponent_of(0x1p24 + 1), 1);
    cr_expect_eq(raw_exponent_of(0x1p400), 376);
}

Test(features, raw_grid_is_common_to_all_columns)
{
    fixture_init(&job, 4);
    job.standardise = STRATA_RAW;
    struct fixture_column *large = fixture_add(&job, "large"), *small = fixture_add(&job, "small");
    large->feature.weight = 2;
    for (size_t i = 0; i < job.n; i++) {
        large->number[i] = 56075.5 * (double)i / 3;
        small->number[i] = 0.5 * (double)i;
    }
    fixture_run(&job, 2, &many);
    cr_assert_eq(recipe_of(&many)->grid_exponent, -7);
    cr_assert_eq(value_of(&many, 3, "large"), 112151.0);
    cr_assert_eq(value_of(&many, 3, "small"), 1.5);
}

/* --- levels
 * -------------------------------------------------------------------------------------- */

Test(features, two_customers_who_differ_in_a_level_are_a_weight_apart)
{
    fixture_init(&job, 30);
    job.dimension_weight[STRATA_BEHAVIOURAL] = 2;
    struct fixture_column *c = fixture_add_text(&job, "c", STRATA_NOMINAL, colours, 4);
    c->feature.weight = 1.5;
    for (size_t i = 0; i < job.n; i++) c->code[i] = (uint32_t)(i % 3);
    fixture_run(&job, 2, &many);
    cr_assert_eq(recipe_of(&many)->d, 4u);
    cr_assert_str_eq(recipe_of(&many)->column[1].label, "c: blue");
    double square = 0;
    for (size_t j = 0; j < 4; j++) {
        const double difference = (double)(many.x[0][j] - many.x[1][j]) * 0x1p-16;
        square += difference * difference;
    }
    cr_assert_float_eq(square, 9.0, 1e-4, "%g", square);
    cr_assert_eq(many.quality[0].feature[0].distinct, 4u);
}

Test(features, declared_levels_decide_the_columns)
{
    const char *const declared[] = {"blue", "amber", "green"};
    fixture_init(&job, 20);
    struct fixture_column *c = fixture_add_text(&job, "c", STRATA_NOMINAL, colours, 4);
    c->feature.level = declared;
    c->feature.n_levels = 3;
    for (size_t i = 0; i < job.n; i++) c->code[i] = (uint32_t)(i % 4);
    fixture_run(&job, 2, &many);
    cr_assert_eq(recipe_of(&many)->d, 3u);
    cr_assert_str_eq(recipe_of(&many)->column[0].label, "c: blue");
    cr_assert_eq(many.quality[1].feature[0].invalid, 10u, "cyan and dun are not declared");
    cr_assert_eq(many.quality[1].feature[0].present, 10u);
    cr_assert_eq(many.quality[1].feature[0].missing, 10u);
    cr_assert_eq(fixture_notes(&many.quality[1], "10 values"), 1u);
    cr_assert_eq(many.x[1][0], 46341.0f, "blue: 2^16 / sqrt(2)");
    cr_assert_eq(many.x[2][0], 23170.0f, "invalid: the share of blue, half of it");
    cr_assert_eq(many.x[2][2], 0.0f);
}

Test(features, ordinal_positions_follow_the_declaration)
{
    fixture_init(&job, 30);
    job.standardise = STRATA_RAW;
    struct fixture_column *c = fixture_add_text(&job, "c", STRATA_ORDINAL, incomes, 3);
    c->feature.level = income_order;
    c->feature.n_levels = 3;
    for (size_t i = 0; i < job.n; i++) c->code[i] = (uint32_t)(i % 3);
    fixture_run(&job, 2, &many);
    cr_assert_eq(value_of(&many, 0, "c"), 2.0, "high");
    cr_assert_eq(value_of(&many, 1, "c"), 0.0, "low");
    cr_assert_eq(value_of(&many, 2, "c"), 1.0, "middle");
}

Test(features, numbers_can_stand_for_levels)
{
    const char *const answers[] = {"1", "2", "3.0", "10"};
    fixture_init(&job, 5);
    job.standardise = STRATA_RAW;
    struct fixture_column *c = fixture_add(&job, "c");
    c->feature.type = STRATA_ORDINAL;
    c->feature.level = answers;
    c->feature.n_levels = 4;
    const double given[] = {10, 1, 3, 2, 4};
    memcpy(c->number, given, sizeof given);
    fixture_run(&job, 1, &one);
    const double position[] = {3, 0, 2, 1, 1.5};
    for (size_t i = 0; i < 5; i++) cr_expect_eq(value_of(&one, i, "c"), position[i], "row %zu", i);
    cr_assert_eq(one.quality[0].feature[0].invalid, 1u);
}

Test(features, binaries_are_numbers_or_two_texts)
{
    const char *const swapped[] = {"yes", "no"};
    fixture_init(&job, 6);
    job.standardise = STRATA_RAW;
    struct fixture_column *number = fixture_add(&job, "number");
    struct fixture_column *text = fixture_add_text(&job, "text", STRATA_BINARY, no_yes, 2);
    struct fixture_column *turned = fixture_add_text(&job, "turned", STRATA_BINARY, no_yes, 2);
    number->feature.type = STRATA_BINARY;
    turned->feature.level = swapped;
    turned->feature.n_levels = 2;
    for (size_t i = 0; i < 6; i++) {
        number->number[i] = (double)(i % 3);
        text->code[i] = turned->code[i] = (uint32_t)(i % 2);
    }
    fixture_run(&job, 2, &many);
    cr_assert_eq(recipe_of(&many)->d, 3u);
    cr_assert_eq(value_of(&many, 1, "number"), 1.0);
    cr_assert_eq(value_of(&many, 2, "number"), 0.5, "2 is invalid: the mean of the others");
    cr_assert_eq(value_of(&many, 1, "text"), 1.0, "yes comes after no");
    cr_assert_eq(value_of(&many, 1, "turned"), 0.0);
    cr_assert_eq(many.quality[0].feature[0].invalid, 2u);
}

/* --- missing and invalid values
 * ------------------------------------------------------------------ */

Test(features, missing_mean_is_the_mean_of_the_present)
{
    const enum strata_standardise all[] = {STRATA_ZSCORE, STRATA_RANGE, STRATA_RAW};
    const double want[] = {0, 0.4, 4};
    for (size_t s = 0; s < 3; s++) {
        fixture_init(&job, 6);
        job.standardise = all[s];
        struct fixture_column *c = fixture_add(&job, "c");
        const double given[] = {2, 3, 4, 4, 7, 0};
        memcpy(c->number, given, sizeof given);
        c->absent[5] = true;
        fixture_run(&job, 2, &many);
        cr_assert_float_eq(value_of(&many, 5, "c"), want[s], 1e-5);
        cr_assert_eq(many.quality[0].feature[0].missing, 1u);
        fixture_finish(&many);
    }
}

Test(features, missing_level_is_an_indicator_beside_the_mean)
{
    fixture_init(&job, 5);
    struct fixture_column *c = fixture_add(&job, "c");
    c->feature.missing = STRATA_MISSING_LEVEL;
    c->feature.weight = 3;
    for (size_t i = 0; i < 5; i++) c->number[i] = (double)i;
    c->absent[2] = true;
    fixture_run(&job, 2, &many);
    cr_assert_eq(recipe_of(&many)->d, 2u);
    cr_assert_eq(value_of(&many, 2, "c"), 0.0);
    cr_assert_eq(value_of(&many, 2, "c: (missing)"), 3.0);
    cr_assert_eq(value_of(&many, 1, "c: (missing)"), 0.0);
}

Test(features, missing_level_of_a_nominal_is_a_level)
{
    fixture_init(&job, 8);
    struct fixture_column *c = fixture_add_text(&job, "c", STRATA_NOMINAL, colours, 2);
    c->feature.missing = STRATA_MISSING_LEVEL;
    for (size_t i = 0; i < 8; i++) c->code[i] = (uint32_t)(i % 2);
    c->absent[7] = true;
    fixture_run(&job, 2, &many);
    cr_assert_eq(recipe_of(&many)->d, 3u);
    const float blue[] = {0, 46341, 0}, missing[] = {0, 0, 46341};
    cr_assert(same_bits(many.x[1], blue, sizeof blue));
    cr_assert(same_bits(many.x[7], missing, sizeof missing));
}

Test(features, values_outside_a_transform_count_as_missing)
{
    fixture_init(&job, 6);
    struct fixture_column *root = fixture_add(&job, "root"), *log = fixture_add(&job, "log"),
                          *size = fixture_add(&job, "size"), *aside = fixture_add(&job, "aside");
    root->feature.transform = aside->feature.transform = STRATA_TRANSFORM_SQRT;
    log->feature.transform = STRATA_TRANSFORM_LOG1P;
    aside->feature.role = STRATA_ROLE_DESCRIPTOR;
    const double roots[] = {-1, 4, 9, -0.0, 16, -1e-300}, logs[] = {-1, -2, -0.5, 3, 0, 8},
                 sizes[] = {1e200, -1e300, 1, 2, 1e-200, 4};
    memcpy(root->number, roots, sizeof roots);
    memcpy(aside->number, roots, sizeof roots);
    memcpy(log->number, logs, sizeof logs);
    memcpy(size->number, sizes, sizeof sizes);
    fixture_run(&job, 3, &many);
    const struct strata_feature_quality *quality = many.quality[2].feature;
    cr_assert_eq(quality[0].invalid, 1u, "-1; minus 1e-300 reads as 0");
    cr_assert_eq(quality[1].invalid, 2u);
    cr_assert_eq(quality[2].invalid, 2u);
    cr_assert_eq(quality[2].present, 4u);
    cr_assert_eq(quality[3].invalid, 0u, "a descriptor is not transformed");
    cr_assert_eq(many.x[0][0], 0.0f);
    cr_assert_eq(many.x[1][1], 0.0f);
}

Test(features, values_beyond_the_grid_are_clamped_and_counted)
{
    fixture_init(&job, 4);
    struct fixture_column *c = fixture_add(&job, "c"), *other = fixture_add(&job, "other");
    c->feature.weight = 300;
    for (size_t i = 0; i < 4; i++) other->number[i] = c->number[i] = i % 2 ? 1 : -1;
    fixture_run(&job, 2, &many);
    cr_assert_eq(many.x[0][0], -0x1p24f);
    cr_assert_eq(many.x[1][0], 0x1p24f);
    cr_assert_eq(many.x[1][1], 0x1p16f);
    cr_assert_eq(many.quality[0].feature[0].clamped, 4u);
    cr_assert_eq(many.quality[0].feature[1].clamped, 0u);
    cr_assert_eq(fixture_notes(&many.quality[0], "4 values beyond 256"), 1u);
}

/* --- degenerate but legal
 * ------------------------------------------------------------------------ */

static void assert_zero_column(const struct fixture_result *result, const char *label)
{
    const struct strata_encoding *column = column_of(result, label);
    cr_assert_eq(column->scale, 0.0);
    cr_assert_eq(column->fill, 0.0);
    for (size_t i = 0; i < job.n; i++)
        cr_assert_eq(result->x[i][index_of(result, label)], 0.0f, "%s, row %zu", label, i);
}

Test(features, constant_features_stay_as_zeros)
{
    const enum strata_standardise all[] = {STRATA_ZSCORE, STRATA_RANGE, STRATA_RAW};
    for (size_t s = 0; s < 3; s++) {
        fixture_init(&job, 10);
        job.standardise = all[s];
        struct fixture_column *same = fixture_add(&job, "same"),
                              *varied = fixture_add(&job, "varied"),
                              *gone = fixture_add(&job, "gone");
        struct fixture_column *word = fixture_add_text(&job, "word", STRATA_NOMINAL, colours, 2);
        struct fixture_column *none = fixture_add_text(&job, "none", STRATA_NOMINAL, NULL, 0);
        for (size_t i = 0; i < job.n; i++) {
            same->number[i] = 0.1;
            varied->number[i] = (double)i;
            gone->absent[i] = none->absent[i] = true;
            word->code[i] = 1;
        }
        same->absent[3] = true;
        fixture_run(&job, 3, &many);
        cr_assert_eq(recipe_of(&many)->d, 6u);
        assert_zero_column(&many, "same");
        assert_zero_column(&many, "gone");
        assert_zero_column(&many, "word: amber");
        assert_zero_column(&many, "word: blue");
        assert_zero_column(&many, "none: (missing)");
        const struct strata_quality *quality = &many.quality[1];
        const int want[] = {1, 0, 2, 1, 2};
        for (size_t f = 0; f < 5; f++)
            cr_expect_eq(quality->feature[f].constant, want[f], "%zu", f);
        cr_assert_eq(fixture_notes(quality, "is constant"), 2u);
        cr_assert_eq(fixture_notes(quality, "is missing for all"), 2u);
        cr_assert_eq(quality->n_notes, 4u);
        fixture_finish(&many);
    }
}

Test(features, missing_tells_customers_apart_where_it_is_a_level)
{
    fixture_init(&job, 6);
    struct fixture_column *same = fixture_add(&job, "same");
    same->feature.missing = STRATA_MISSING_LEVEL;
    for (size_t i = 0; i < job.n; i++) same->number[i] = 5;
    same->absent[1] = true;
    fixture_run(&job, 2, &many);
    cr_assert_eq(value_of(&many, 1, "same: (missing)"), 1.0);
    cr_assert_eq(value_of(&many, 0, "same: (missing)"), 0.0);
    cr_assert_eq(column_of(&many, "same")->scale, 0.0);
    cr_assert_eq(fixture_notes(&many.quality[0], "only whether it is missing"), 1u);
    cr_assert_eq(many.quality[0].n_notes, 1u);
}

Test(features, all_rows_equal_is_legal_and_noted)
{
    fixture_init(&job, 7);
    struct fixture_column *a = fixture_add(&job, "a"), *b = fixture_add(&job, "b");
    for (size_t i = 0; i < job.n; i++) {
        a->number[i] = 3;
        b->absent[i] = true;
    }
    fixture_run(&job, 3, &many);
    assert_zero_column(&many, "a");
    assert_zero_column(&many, "b");
    cr_assert_eq(fixture_notes(&many.quality[2], "No basis feature varies"), 1u);
}

Test(features, one_customer_is_legal)
{
    make_everything(STRATA_ZSCORE);
    job.n = 1;
    fixture_run(&job, 3, &many);
    for (size_t j = 0; j < recipe_of(&many)->d; j++) cr_assert_eq(many.x[0][j], 0.0f);
    make_everything(STRATA_RAW);
    job.n = 1;
    fixture_run(&job, 1, &one);
    cr_assert_eq(recipe_of(&one)->grid_exponent, -16);
}

Test(features, extreme_magnitudes_are_standardised)
{
    const double unit[] = {0x1p499, 0x1p-499, 1e100, 1e-100};
    for (size_t u = 0; u < 4; u++) {
        fixture_init(&job, 4);
        struct fixture_column *c = fixture_add(&job, "c");
        for (size_t i = 0; i < 4; i++) c->number[i] = i < 2 ? -unit[u] : unit[u];
        fixture_run(&job, 2, &many);
        for (size_t i = 0; i < 4; i++) cr_expect_eq(value_of(&many, i, "c"), i < 2 ? -1.0 : 1.0);
        fixture_finish(&many);
    }
}

Test(features, differences_in_the_last_bit_are_standardised)
{
    const double unit[] = {0x1p-500, 0x1p-400, 1, 0x1p499};
    for (size_t u = 0; u < 4; u++) {
        fixture_init(&job, 4);
        struct fixture_column *c = fixture_add(&job, "c");
        for (size_t i = 0; i < 4; i++) c->number[i] = i < 2 ? unit[u] : unit[u] * (1 + 0x1p-51);
        fixture_run(&job, 2, &many);
        for (size_t i = 0; i < 4; i++) cr_expect_eq(value_of(&many, i, "c"), i < 2 ? -1.0 : 1.0);
        fixture_finish(&many);
    }
}

/* --- scoring
 * ------------------------------------------------------------------------------------- */

Test(recipe, a_row_of_another_table_is_encoded_like_its_own)
{
    make_everything(STRATA_ZSCORE);
    fixture_run(&job, 2, &many);
    const struct strata_recipe *recipe = recipe_of(&many);
    /* The same customers, but the column of colours knows other words. */
    static const char *const more[] = {"amber", "aqua", "blue", "cyan", "dun"};
    struct strata_arena arena = {0};
    cr_assert(strata_arena_init(&arena, (size_t)4 << 20));
    size_t rows[FIXTURE_ROWS];
    const size_t n = fixture_rows_of(&job, 0, 1, rows);
    job.column[3].level = more;
    job.column[3].n_levels = 5;
    for (size_t i = 0; i < job.n; i++) job.column[3].code[i] += job.column[3].code[i] > 0;
    struct strata_table table;
    fixture_deal(&job, rows, n, &arena, &table);

    struct strata_err err = {0};
    const struct strata_binding *binding = NULL;
    cr_assert_eq(strata_recipe_bind(recipe, &table, &arena, &binding, &err), STRATA_OK, "%s",
                 err.text);
    for (size_t i = 0; i < n; i++) {
        double raw[FIXTURE_FEATURES];
        float x[FIXTURE_COLUMNS];
        bool invalid = false;
        for (size_t f = 0; f < job.n_features; f++)
            raw[f] = strata_binding_value(&binding[f], i, &invalid);
        strata_recipe_encode(recipe, raw, x, NULL);
        cr_assert(same_bits(x, many.x[rows[i]], recipe->d * sizeof *x), "row %zu", i);
    }
    bool invalid = false;
    job.column[3].code[0] = 1;
    job.column[3].absent[0] = false;
    fixture_deal(&job, rows, n, &arena, &table);
    cr_assert_eq(strata_recipe_bind(recipe, &table, &arena, &binding, &err), STRATA_OK);
    cr_assert(isnan(strata_binding_value(&binding[3], 0, &invalid)) && invalid, "aqua is unknown");
    strata_arena_finish(&arena);
}

Test(recipe, infinities_are_clamped_and_missing_is_filled)
{
    make_everything(STRATA_ZSCORE);
    fixture_run(&job, 1, &one);
    double raw[FIXTURE_FEATURES] = {HUGE_VAL, 1, 2, (double)NAN, (double)NAN, 1, 1, 0};
    float x[FIXTURE_COLUMNS];
    uint64_t clamped[FIXTURE_FEATURES] = {0};
    strata_recipe_encode(recipe_of(&one), raw, x, clamped);
    cr_assert_eq(x[0], 0x1p24f);
    cr_assert_eq(clamped[0], 1u);
    cr_assert_eq(x[index_of(&one, "town: (missing)")], 46341.0f);
    cr_assert_eq(x[index_of(&one, "town: amber")], 0.0f);
}
