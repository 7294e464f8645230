/* The figures against plain formulas over all rows. */
#include "strata/evaluate.h"

#include <criterion/criterion.h>
#include <math.h>

#include "fit_cases.h"

struct plain {
    double within, total, ch, db, silhouette;
    double share[STRATA_DIMENSION_COUNT], segment_silhouette[STRATA_MAX_SEGMENTS];
};

static double apart(const float *x, const double *centre, size_t d)
{
    double square = 0;
    for (size_t j = 0; j < d; j++) square += pow((double)x[j] - centre[j], 2);
    return sqrt(square) * 0x1p-16;
}

static double spread_to(const struct crowd *crowd, const struct fitted *f, const double *centre,
                        size_t c)
{
    double total = 0;
    for (size_t i = 0; i < crowd->n; i++)
        if ((size_t)f->row[i].label == c)
            total += apart(crowd->x + i * crowd->d, centre + c * crowd->d, crowd->d);
    return total / f->mass[c];
}

static struct plain compute(const struct crowd *crowd, const struct fitted *f)
{
    struct plain p = {0};
    const size_t k = f->result.dims.k, d = crowd->d;
    double centre[STRATA_MAX_SEGMENTS * 8], between_all = 0;
    f->result.estimator->centres(f->result.dims, f->params, centre);
    for (size_t i = 0; i < crowd->n; i++) {
        const size_t own = (size_t)f->row[i].label;
        const double a = apart(crowd->x + i * d, centre + own * d, d);
        double b = HUGE_VAL;
        for (size_t c = 0; c < k; c++)
            if (c != own) b = fmin(b, apart(crowd->x + i * d, centre + c * d, d));
        p.within += a * a;
        p.segment_silhouette[own] += (b - a) / fmax(a, b) / f->mass[own];
        p.silhouette += (b - a) / fmax(a, b) / (double)crowd->n;
    }
    for (size_t j = 0; j < d; j++) {
        double grand = 0, between = 0;
        for (size_t i = 0; i < crowd->n; i++)
            grand += (double)crowd->x[i * d + j] * 0x1p-16 / (double)crowd->n;
        for (size_t i = 0; i < crowd->n; i++)
            p.total += pow((double)crowd->x[i * d + j] * 0x1p-16 - grand, 2);
        for (size_t c = 0; c < k; c++) {
            double mean = 0;
            for (size_t i = 0; i < crowd->n; i++)
                if ((size_t)f->row[i].label == c)
                    mean += (double)crowd->x[i * d + j] * 0x1p-16 / f->mass[c];
            between += f->mass[c] * pow(mean - grand, 2);
        }
        p.share[j % 2 ? STRATA_BEHAVIOURAL : STRATA_DEMOGRAPHIC] += between;
        between_all += between;
    }
    for (size_t i = 0; i < STRATA_DIMENSION_COUNT; i++) p.share[i] /= between_all;
    p.ch = (p.total - p.within) / (double)(k - 1) / (p.within / (double)(crowd->n - k));
    for (size_t c = 0; c < k; c++) {
        double worst = 0;
        for (size_t other = 0; other < k; other++) {
            if (other == c) continue;
            double square = 0;
            for (size_t j = 0; j < d; j++)
                square += pow(centre[c * d + j] - centre[other * d + j], 2);
            worst =
                fmax(worst, (spread_to(crowd, f, centre, c) + spread_to(crowd, f, centre, other)) /
                                (sqrt(square) * 0x1p-16));
        }
        p.db += worst / (double)k;
    }
    return p;
}

static void assert_close(double ours, double plain)
{
    cr_assert_float_eq(ours, plain, 1e-9 * fabs(plain) + 1e-12, "%.17g is not %.17g", ours, plain);
}

Test(evaluate, figures_are_those_of_plain_formulas)
{
    struct crowd crowd = crowd_blobs(700, 5, 4, 1.2, 31);
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++) {
        const struct strata_config config = fit_config((*e)->name, 4, 4, 3);
        struct fitted *f = fit_run(&crowd, &config, 3, NULL);
        cr_assert_eq(f->status, STRATA_OK);
        const struct plain p = compute(&crowd, f);
        assert_close(f->evaluation.within_sse, p.within);
        assert_close(f->evaluation.total_sse, p.total);
        assert_close(f->evaluation.explained, 1 - p.within / p.total);
        assert_close(f->evaluation.calinski_harabasz, p.ch);
        assert_close(f->evaluation.davies_bouldin, p.db);
        assert_close(f->evaluation.silhouette, p.silhouette);
        double within = 0, shares = 0;
        for (size_t c = 0; c < 4; c++) {
            assert_close(f->segment_silhouette[c], p.segment_silhouette[c]);
            within += f->segment_sse[c];
        }
        assert_close(within, p.within);
        for (size_t i = 0; i < STRATA_DIMENSION_COUNT; i++) {
            assert_close(f->dimension_share[i], p.share[i]);
            shares += f->dimension_share[i];
        }
        assert_close(shares, 1.0);
        if ((*e)->soft) {
            assert_close(f->evaluation.log_likelihood, -f->result.objective);
            assert_close(f->evaluation.bic, -2 * f->result.objective - (3 + 2 * 4 * 5) * log(700.0));
            cr_assert(f->evaluation.mean_posterior > 0.5 && f->evaluation.mean_posterior < 1);
        } else {
            cr_assert(isnan(f->evaluation.log_likelihood) && isnan(f->evaluation.bic));
            cr_assert_eq(f->evaluation.mean_posterior, 1.0);
            assert_close(f->evaluation.within_sse, f->result.objective);
        }
        fit_free(f);
    }
    crowd_free(&crowd);
}

Test(evaluate, one_segment_has_no_comparisons)
{
    struct crowd crowd = crowd_blobs(100, 2, 2, 1.0, 3);
    const struct strata_config config = fit_config("kmeans", 1, 1, 1);
    struct fitted *f = fit_run(&crowd, &config, 2, NULL);
    cr_assert(isnan(f->evaluation.silhouette));
    cr_assert(isnan(f->evaluation.calinski_harabasz));
    cr_assert(isnan(f->evaluation.davies_bouldin));
    cr_assert_float_eq(f->evaluation.explained, 0.0, 1e-9);
    fit_free(f);
    crowd_free(&crowd);
}

Test(evaluate, nothing_varies_nothing_is_explained)
{
    struct crowd crowd = crowd_new(20, 2);
    const struct strata_config config = fit_config("kmeans", 2, 3, 1);
    struct fitted *f = fit_run(&crowd, &config, 3, NULL);
    cr_assert_eq(f->status, STRATA_OK);
    cr_assert_eq(f->evaluation.explained, 0.0);
    cr_assert_eq(f->evaluation.total_sse, 0.0);
    for (size_t i = 0; i < STRATA_DIMENSION_COUNT; i++) cr_assert_eq(f->dimension_share[i], 0.0);
    fit_free(f);
    crowd_free(&crowd);
}
