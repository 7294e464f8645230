/* Reasons: what features contribute adds up to the margin, to the bit where it is integers; the strongest are named; what
 * has no value is not. */
#include "strata/reasons.h"

#include <criterion/criterion.h>
#include <math.h>

#include "fit_cases.h"
#include "hand_pass.h"

enum { N = 600, D = 7, FEATURES = 5, K = 4 };

/* Columns of feature 1 and 3 lie together as levels of one feature do; feature 2 is not in the basis. */
static const size_t feature_of[D] = {0, 1, 1, 1, 3, 3, 4};

static struct strata_arena arena;

struct model {
    struct crowd crowd;
    double *params;
    struct strata_encoding encoding[D];
    struct strata_recipe recipe;
    struct strata_clustering clustering;
    const struct strata_reasoning *reasoning;
};

/* A few passes, so that variances and weights of mixtures differ. */
static void fit(struct model *model, const struct strata_estimator *e, struct strata_dims dims)
{
    double spread[D], mass[K], centre[K * D];
    for (size_t j = 0; j < dims.d; j++) spread[j] = 0x1p34;
    for (size_t i = 0; i < dims.k * dims.d; i++) centre[i] = (double)model->crowd.x[i];
    e->start(dims, centre, spread, model->params);
    struct hand_pass hand = hand_pass_new(e, dims, model->crowd.x, NULL, model->crowd.n, 0);
    for (int pass = 0; pass < 5; pass++) {
        hand_run(&hand, model->params, NULL);
        e->maximise(dims, hand.sums, &hand.totals, model->params, mass);
    }
    hand_pass_free(&hand);
}

static void make(struct model *model, const struct strata_estimator *e, struct strata_dims dims)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 26));
    model->crowd = crowd_blobs(N, dims.d, dims.k, 1.5, 11);
    model->params = STRATA_NEW(&arena, double, e->param_count(dims));
    fit(model, e, dims);
    for (size_t j = 0; j < dims.d; j++)
        model->encoding[j] = (struct strata_encoding){.feature = feature_of[j]};
    model->recipe =
        (struct strata_recipe){.n_features = FEATURES, .column = model->encoding, .d = dims.d};
    model->clustering =
        (struct strata_clustering){.estimator = e, .dims = dims, .params = model->params};
    model->reasoning = strata_reasoning_make(&model->clustering, &model->recipe, &arena);
    cr_assert_not_null(model->reasoning);
}

static void forget(struct model *model)
{
    crowd_free(&model->crowd);
    strata_arena_finish(&arena);
}

static double total_of(const double *contribution)
{
    double total = 0;
    for (size_t f = 0; f < FEATURES; f++) total += contribution[f];
    return total;
}

static bool has_all(const void *context, size_t feature)
{
    (void)context, (void)feature;
    return true;
}

Test(reasons, contributions_are_the_difference_of_squared_distances_to_the_bit)
{
    struct model model;
    const struct strata_dims dims = {K, D};
    make(&model, &strata_kmeans, dims);
    for (size_t i = 0; i < N; i++) {
        const float *x = model.crowd.x + i * D;
        struct strata_nearest near;
        double contribution[FEATURES];
        strata_nearest_int64(dims, model.params, x, 1, &near);
        strata_reasons_contribute(model.reasoning, x, (size_t)near.label, (size_t)near.runner_up,
                                  contribution);
        int64_t total = 0;
        for (size_t f = 0; f < FEATURES; f++) {
            cr_assert_eq(contribution[f], rint(contribution[f]));
            total += (int64_t)contribution[f];
        }
        cr_assert_eq(total, near.second - near.distance, "row %zu", i);
        cr_assert_eq(contribution[2], 0, "a feature outside the basis");
    }
    forget(&model);
}

/* One column at a time, as the density is written in a textbook. */
static long double log_density(const struct model *model, const float *x, size_t s, size_t feature)
{
    const double *mean = model->params + 2 * K, *variance = mean + K * D;
    long double sum = 0;
    for (size_t j = 0; j < D; j++) {
        if (feature_of[j] != feature) continue;
        const long double v = (long double)variance[s * D + j];
        const long double t = (long double)x[j] - (long double)mean[s * D + j];
        sum -= (logl(2 * 3.14159265358979323846264338327950288L * v) + t * t / v) / 2;
    }
    return sum;
}

Test(reasons, contributions_of_a_mixture_are_log_ratios_of_its_densities)
{
    struct model model;
    make(&model, &strata_gmm_diag, (struct strata_dims){K, D});
    for (size_t i = 0; i < N; i++) {
        const float *x = model.crowd.x + i * D;
        struct strata_assignment row;
        double contribution[FEATURES];
        strata_gmm_diag.assign((struct strata_dims){K, D}, model.params, x, 1, &row);
        const size_t own = (size_t)row.label, rival = (size_t)row.runner_up;
        strata_reasons_contribute(model.reasoning, x, own, rival, contribution);
        for (size_t f = 0; f < FEATURES; f++) {
            const long double naive =
                log_density(&model, x, own, f) - log_density(&model, x, rival, f);
            cr_assert_lt(fabsl(naive - (long double)contribution[f]), 1e-9L * (1 + fabsl(naive)),
                         "row %zu", i);
        }
        const double other = row.posterior - row.margin; /* the runner-up's responsibility */
        const double odds = total_of(contribution) + log(model.params[own] / model.params[rival]);
        if (other > 1e-8) cr_assert_float_eq(odds, log(row.posterior / other), 1e-6, "row %zu", i);
    }
    forget(&model);
}

static struct strata_reasons reasons_of(const struct model *model, const float *x,
                                        const struct strata_assignment *row, double *contribution)
{
    strata_reasons_contribute(model->reasoning, x, (size_t)row->label, (size_t)row->runner_up,
                              contribution);
    return strata_reasons_pick(contribution, FEATURES, has_all, NULL);
}

/* Without the columns of the strongest reason, what is left speaks less for the segment. */
static void check_without(const struct model *model, const float *x,
                          const struct strata_assignment *row, size_t dropped, double before)
{
    struct strata_encoding without[D];
    double contribution[FEATURES + 1];
    for (size_t j = 0; j < D; j++)
        without[j].feature = feature_of[j] == dropped ? FEATURES : feature_of[j];
    struct strata_reasoning reasoning = *model->reasoning;
    reasoning.encoding = without;
    reasoning.n_features = FEATURES + 1;
    strata_reasons_contribute(&reasoning, x, (size_t)row->label, (size_t)row->runner_up,
                              contribution);
    cr_assert_lt(total_of(contribution), before);
}

Test(reasons, the_strongest_contributions_are_named_and_without_them_the_margin_falls)
{
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++) {
        struct model model;
        make(&model, *e, (struct strata_dims){K, D});
        for (size_t i = 0; i < N; i++) {
            const float *x = model.crowd.x + i * D;
            struct strata_assignment row;
            double contribution[FEATURES], sum = 0, shares = 0;
            (*e)->assign((struct strata_dims){K, D}, model.params, x, 1, &row);
            const struct strata_reasons reasons = reasons_of(&model, x, &row, contribution);
            for (size_t f = 0; f < FEATURES; f++) sum += fmax(contribution[f], 0);
            for (size_t r = 0; r < reasons.n; r++) {
                const struct strata_reason *reason = &reasons.reason[r];
                cr_assert_eq(reason->share, contribution[reason->feature] / sum);
                cr_assert(r == 0 || reason->share <= reasons.reason[r - 1].share);
                shares += reason->share;
            }
            for (size_t f = 0; f < FEATURES; f++)
                cr_assert(contribution[f] / sum <= reasons.reason[0].share);
            cr_assert(reasons.n > 0 && shares <= 1 + 1e-12, "row %zu", i);
            check_without(&model, x, &row, reasons.reason[0].feature, total_of(contribution));
        }
        forget(&model);
    }
}

/* The mixture of two segments in one of its two columns: weight, constant, mean, variance, precision, floor. */
static void one_column(const double *p, size_t column, double out[11])
{
    out[10] = 1;
    for (size_t s = 0; s < 2; s++) {
        const double variance = p[8 + 2 * s + column];
        out[s] = p[s];
        out[2 + s] = log(p[s]) - 0.5 * log(variance);
        out[4 + s] = p[4 + 2 * s + column];
        out[6 + s] = variance;
        out[8 + s] = 1 / variance;
    }
}

Test(reasons, a_mixture_without_the_column_of_the_strongest_reason_is_less_sure)
{
    struct model model;
    make(&model, &strata_gmm_diag, (struct strata_dims){2, 2});
    for (size_t i = 0; i < N; i++) {
        const float *x = model.crowd.x + i * 2;
        struct strata_assignment row, without;
        double contribution[FEATURES], params[11];
        strata_gmm_diag.assign((struct strata_dims){2, 2}, model.params, x, 1, &row);
        const struct strata_reasons reasons = reasons_of(&model, x, &row, contribution);
        if (reasons.n == 0) continue;                               /* the weights alone decide */
        const size_t kept = reasons.reason[0].feature == 0 ? 1 : 0; /* column and feature are one */
        one_column(model.params, kept, params);
        strata_gmm_diag.assign((struct strata_dims){2, 1}, params, x + kept, 1, &without);
        const double margin = without.label == row.label ? without.margin : -without.margin;
        cr_assert_leq(margin, row.margin + 1e-12, "row %zu", i);
    }
    forget(&model);
}

static bool has_not(const void *context, size_t feature)
{
    return feature != *(const size_t *)context;
}

Test(reasons, what_has_no_value_is_not_named_and_takes_no_share_from_the_others)
{
    static const double contribution[FEATURES] = {3, 8, 0, 8, 1};
    const size_t missing = 1;
    const struct strata_reasons all = strata_reasons_pick(contribution, FEATURES, has_all, NULL);
    const struct strata_reasons some =
        strata_reasons_pick(contribution, FEATURES, has_not, &missing);
    cr_assert_eq(all.n, 3);
    cr_assert_eq(all.reason[0].feature, 1, "the first of equals");
    cr_assert_eq(all.reason[1].feature, 3);
    cr_assert_eq(all.reason[2].feature, 0);
    cr_assert_eq(all.reason[2].share, 0.15);
    cr_assert_eq(some.n, 3);
    cr_assert_eq(some.reason[0].feature, 3);
    cr_assert_eq(some.reason[0].share, 0.4);
    cr_assert_eq(some.reason[2].feature, 4, "a twentieth is enough");
}

Test(reasons, what_adds_next_to_nothing_is_no_reason)
{
    static const double contribution[FEATURES] = {0.5, 10, -100, 0, 0.1};
    cr_assert_eq(strata_reasons_pick(contribution, FEATURES, has_all, NULL).n, 1);
}

Test(reasons, nothing_that_speaks_for_the_segment_is_no_reason)
{
    static const double contribution[FEATURES] = {0, -8, 0, -0.0, -1};
    cr_assert_eq(strata_reasons_pick(contribution, FEATURES, has_all, NULL).n, 0);
}

static void expect_sentence(struct strata_reason_facts facts, const char *wanted)
{
    facts.segment = "Loyal big baskets";
    facts.rival = "Lapsed shoppers";
    cr_assert(strata_arena_init(&arena, (size_t)1 << 20));
    cr_expect_str_eq(strata_reason_sentence(&facts, &arena), wanted);
    strata_arena_finish(&arena);
}

Test(reasons, sentences_compare_the_value_with_both_segments)
{
    const struct strata_feature visits = {.label = "visits a year", .type = STRATA_COUNT};
    const struct strata_feature spend = {.label = "spend", .type = STRATA_NUMERIC, .unit = "USD"};
    const struct strata_feature rest = {
        .label = "days since the last visit", .type = STRATA_NUMERIC, .unit = "days"};
    const struct strata_feature email = {.label = "e-mail", .type = STRATA_BINARY};
    const struct strata_feature age = {.label = "age", .type = STRATA_ORDINAL};
    expect_sentence((struct strata_reason_facts){&visits, NULL, 31, NULL, NULL, 28.4, 3.1},
                    "visits a year: 31; Loyal big baskets 28 on average, Lapsed shoppers 3");
    expect_sentence((struct strata_reason_facts){&spend, NULL, 1204.75, NULL, NULL, 1100, 310.25},
                    "spend: $1,205; Loyal big baskets $1,100 on average, Lapsed shoppers $310");
    expect_sentence(
        (struct strata_reason_facts){&rest, NULL, 3, NULL, NULL, 4.5, 60},
        "days since the last visit: 3; Loyal big baskets 4.5 on average, Lapsed shoppers 60");
    expect_sentence((struct strata_reason_facts){&email, NULL, 1, NULL, NULL, 0.92, 0.13},
                    "e-mail: yes; 92% of Loyal big baskets, 13% of Lapsed shoppers");
    expect_sentence((struct strata_reason_facts){&age, "35-44", 0, NULL, NULL, 0.45, 0.13},
                    "age: 35-44; 45% of Loyal big baskets, 13% of Lapsed shoppers");
}

Test(reasons, where_a_figure_is_hidden_none_is_told)
{
    const struct strata_feature visits = {.label = "visits", .type = STRATA_COUNT};
    const struct strata_feature age = {.label = "age", .type = STRATA_NOMINAL};
    const double none = (double)NAN;
    expect_sentence((struct strata_reason_facts){&visits, NULL, 31, NULL, NULL, none, 3.1},
                    "visits: 31");
    expect_sentence((struct strata_reason_facts){&visits, NULL, 31, NULL, NULL, 28, none},
                    "visits: 31");
    expect_sentence((struct strata_reason_facts){&age, "old", 0, NULL, NULL, none, none},
                    "age: old");
}

Test(reasons, sureness_is_the_margin_or_both_responsibilities)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 20));
    cr_expect_str_eq(strata_sureness_sentence(false, 1, 0.63, "Lapsed", &arena),
                     "63% nearer to their centre than to that of Lapsed");
    cr_expect_str_eq(strata_sureness_sentence(true, 0.93, 0.88, "Lapsed", &arena),
                     "93% theirs, 5% of Lapsed");
    cr_expect_str_eq(strata_sureness_sentence(true, 0.9999, 0.9998, "Lapsed", &arena),
                     "as good as certain");
    cr_expect_str_eq(strata_sureness_sentence(true, 1, 1, NULL, &arena),
                     "there is no other segment");
    strata_arena_finish(&arena);
}
