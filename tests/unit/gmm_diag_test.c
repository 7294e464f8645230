/* The mixture against a textbook EM in plain doubles with the C library's exp and log. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "strata/estimator.h"

#include "fit_cases.h"
#include "hand_pass.h"

enum { K = 3, D = 2, N = 1500 };

struct textbook {
    double weight[K], mean[K][D], variance[K][D], floor[D];
};

/* One iteration; returns the log-likelihood under the params before it. */
static double textbook_step(struct textbook *m, const float *x, size_t n)
{
    double mass[K] = {0}, sum[K][D] = {{0}}, square[K][D] = {{0}}, total = 0;
    for (size_t i = 0; i < n; i++) {
        double density[K], all = 0;
        for (int c = 0; c < K; c++) {
            double log_density = log(m->weight[c]);
            for (int j = 0; j < D; j++) {
                const double t = (double)x[i * D + (size_t)j] - m->mean[c][j];
                log_density -= 0.5 * (log(2 * 3.14159265358979323846 * m->variance[c][j]) +
                                      t * t / m->variance[c][j]);
            }
            density[c] = exp(log_density);
            all += density[c];
        }
        total += log(all);
        for (int c = 0; c < K; c++) {
            const double r = density[c] / all;
            mass[c] += r;
            for (int j = 0; j < D; j++) sum[c][j] += r * (double)x[i * D + (size_t)j];
            for (int j = 0; j < D; j++)
                square[c][j] += r * (double)x[i * D + (size_t)j] * (double)x[i * D + (size_t)j];
        }
    }
    for (int c = 0; c < K; c++) {
        m->weight[c] = mass[c] / (double)n;
        for (int j = 0; j < D; j++) {
            m->mean[c][j] = sum[c][j] / mass[c];
            m->variance[c][j] =
                fmax(square[c][j] / mass[c] - m->mean[c][j] * m->mean[c][j], m->floor[j]);
        }
    }
    return total;
}

static const size_t seeds[K] = {0, 1, 2};

Test(gmm_diag, follows_the_textbook_iteration_by_iteration)
{
    struct crowd crowd = crowd_blobs(N, D, K, 1.6, 21);
    const struct strata_dims dims = {K, D};
    const struct strata_estimator *e = &strata_gmm_diag;
    double spread[D] = {0}, centre[K * D], params[2 * K + 3 * K * D + D], mass[K];
    struct textbook book = {0};
    for (int j = 0; j < D; j++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < N; i++) sum += (double)crowd.x[i * D + (size_t)j];
        for (size_t i = 0; i < N; i++)
            square += pow((double)crowd.x[i * D + (size_t)j] - sum / N, 2);
        spread[j] = square / N;
        book.floor[j] = spread[j] * 0x1p-13;
        for (int c = 0; c < K; c++) {
            centre[c * D + j] = book.mean[c][j] = (double)crowd.x[seeds[c] * D + (size_t)j];
            book.variance[c][j] = spread[j] / (K * K);
            book.weight[c] = 1.0 / K;
        }
    }
    e->start(dims, centre, spread, params);
    struct hand_pass hand = hand_pass_new(e, dims, crowd.x, NULL, N, 0);
    for (int i = 0; i < 60; i++) {
        hand_run(&hand, params, NULL);
        const double ours = -hand_objective(&hand, params),
                     theirs = textbook_step(&book, crowd.x, N);
        /* means are rounded to grid units, responsibilities to 2^-24 */
        cr_assert_float_eq(ours, theirs, 2e-8 * fabs(theirs), "iteration %d: %.12g %.12g", i, ours,
                           theirs);
        e->maximise(dims, hand.sums, &hand.totals, params, mass);
    }
    double means[K * D];
    e->centres(dims, params, means);
    for (int c = 0; c < K; c++)
        for (int j = 0; j < D; j++) cr_assert_float_eq(means[c * D + j], book.mean[c][j], 8.0);
    hand_pass_free(&hand);
    crowd_free(&crowd);
}

Test(gmm_diag, responsibilities_of_a_row_sum_to_one_on_the_grid)
{
    struct crowd crowd = crowd_blobs(4001, 5, 3, 0.5, 2);
    const struct strata_dims dims = {64, 5};
    const struct strata_estimator *e = &strata_gmm_diag;
    double *centre = crowd_room(64 * 5, sizeof *centre), spread[5] = {1e10, 1e10, 1e10, 1e10, 1e10};
    for (size_t i = 0; i < 64 * 5; i++) centre[i] = (double)crowd.x[i];
    double *params = crowd_room(e->param_count(dims), sizeof *params);
    struct hand_pass hand = hand_pass_new(e, dims, crowd.x, NULL, crowd.n, 0);
    e->start(dims, centre, spread, params);
    hand_run(&hand, params, NULL);
    const struct strata_sum *tail = hand.sums + 2; /* behind the log-likelihood and its twin */
    strata_int128 count = 0, mass = 0;
    for (size_t c = 0; c < 64; c++) {
        count += tail[c].value;
        mass += tail[64 + c].value;
        cr_assert(tail[64 + c].value >= 0);
    }
    cr_assert(count == (strata_int128)crowd.n);
    cr_assert(mass == (strata_int128)crowd.n << 24);
    free(centre);
    free(params);
    hand_pass_free(&hand);
    crowd_free(&crowd);
}

Test(gmm_diag, one_segment_has_the_moments_of_all_rows)
{
    struct crowd crowd = crowd_blobs(1001, 3, 2, 2.0, 7);
    const struct strata_dims dims = {1, 3};
    const struct strata_estimator *e = &strata_gmm_diag;
    double centre[3] = {5, -7, 11}, spread[3] = {1e9, 1e9, 1e9}, params[2 + 9 + 3], mass[1],
           middle[3];
    struct hand_pass hand = hand_pass_new(e, dims, crowd.x, NULL, crowd.n, 0);
    e->start(dims, centre, spread, params);
    hand_run(&hand, params, NULL);
    e->maximise(dims, hand.sums, &hand.totals, params, mass);
    e->centres(dims, params, middle);
    const double *variance = params + 2 + 3;
    for (size_t j = 0; j < 3; j++) {
        struct strata_sum sum = {0}, square = {0};
        for (size_t i = 0; i < crowd.n; i++) sum.value += (int64_t)crowd.x[i * 3 + j];
        const int64_t mean = strata_sum_divide(sum, crowd.n);
        for (size_t i = 0; i < crowd.n; i++) {
            const strata_int128 t = (int64_t)crowd.x[i * 3 + j] - mean;
            square.value += t * t;
        }
        cr_assert_eq(middle[j], (double)mean);
        const double exact =
            strata_sum_value(square) / (double)crowd.n; /* ours has both scaled by 2^24 */
        cr_assert_eq(variance[j], exact);
    }
    hand_pass_free(&hand);
    crowd_free(&crowd);
}
