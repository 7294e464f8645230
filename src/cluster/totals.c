/* Exact sums of all rows, and each column's spread: what the objective and the choice refer to.
 *
 * Bits: x^2 <= 2^48, so a double holds the sums of RUN = 32 rows exactly; then they go to 128 bits.
 * With weights every term goes to 128 bits by itself: w x^2 <= 2^68. */
#include <string.h>

#include "cluster/cluster_impl.h"

#define RUN 32 /* rows summed in double */

/* One thread's sums. */
struct share_sums {
    struct strata_sum *sum, *square; /* (d) */
};

struct totals_task {
    const struct strata_fit *fit;
    struct share_sums *of; /* (threads) */
};

static void add_run(const float *x, size_t n, size_t d, struct share_sums to)
{
    double sum[STRATA_MAX_DIMENSIONS] = {0}, square[STRATA_MAX_DIMENSIONS] = {0};
    for (size_t row = 0; row < n; row++) {
        for (size_t j = 0; j < d; j++) {
            const double value = (double)x[row * d + j];
            sum[j] += value;
            square[j] += value * value;
        }
    }
    for (size_t j = 0; j < d; j++) {
        to.sum[j].value += (int64_t)sum[j];
        to.square[j].value += (int64_t)square[j];
    }
}

static void add_weighted(const float *x, int64_t weight, size_t d, struct share_sums to)
{
    for (size_t j = 0; j < d; j++) {
        const int64_t value = (int64_t)x[j];
        to.sum[j].value += weight * value;
        to.square[j].value += (strata_int128)weight * (value * value);
    }
}

static void add_share(void *context, int thread)
{
    const struct totals_task *task = context;
    const struct strata_rows *rows = task->fit->rows;
    const struct strata_share share = strata_share_of(rows->n, STRATA_FIT_BLOCK_ROWS, thread,
                                                      strata_pool_threads(task->fit->pool));
    for (size_t done = 0; done < share.n; done += RUN) {
        const size_t first = share.first + done;
        const size_t left = share.n - done, n = left < RUN ? left : RUN;
        if (done % STRATA_FIT_BLOCK_ROWS == 0)
            strata_rows_ahead(rows, first,
                              left < STRATA_FIT_BLOCK_ROWS ? left : STRATA_FIT_BLOCK_ROWS);
        if (!rows->weight) add_run(rows->x + first * rows->d, n, rows->d, task->of[thread]);
        for (size_t row = first; rows->weight && row < first + n; row++)
            add_weighted(rows->x + row * rows->d, rows->weight[row], rows->d, task->of[thread]);
    }
}

/* The SSE of a column about its mean, from its exact sums: first about the nearest integer to the
 * mean, which is an exact integer, then corrected by the little that is left. */
static double column_sse(struct strata_sum sum, struct strata_sum square, uint64_t weight)
{
    const strata_int128 near = strata_sum_divide(sum, weight);
    const strata_int128 rest = sum.value - near * (strata_int128)weight;
    const struct strata_sum about_near = {square.value - 2 * near * sum.value +
                                          near * near * (strata_int128)weight};
    const double left = strata_sum_value((struct strata_sum){rest});
    const double sse = strata_sum_value(about_near) - left * (left / (double)weight);
    return sse > 0 ? sse : 0;
}

strata_status strata_fit_totals(struct strata_fit *fit, struct strata_err *err)
{
    const size_t d = fit->rows->d, n_threads = (size_t)strata_pool_threads(fit->pool);
    fit->spread = STRATA_NEW(&fit->room, double, d);
    struct strata_sum *sums = STRATA_NEW(&fit->room, struct strata_sum, 2 * d);
    struct strata_arena scratch = fit->room;
    struct totals_task task = {.fit = fit, .of = STRATA_NEW(&scratch, struct share_sums, n_threads)};
    struct strata_sum *shares = STRATA_NEW(&scratch, struct strata_sum, 2 * d * n_threads);
    int64_t *limbs = STRATA_NEW(&scratch, int64_t, 2 * d * STRATA_SUM_LIMBS);
    strata_status status = STRATA_OK;
    if (!fit->spread || !sums || !task.of || !shares || !limbs)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu columns", d);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    for (size_t t = 0; t < n_threads; t++)
        task.of[t] = (struct share_sums){shares + 2 * d * t, shares + 2 * d * t + d};
    strata_pool_run(fit->pool, add_share, &task);
    for (size_t i = 0; i < 2 * d * n_threads; i++) sums[i % (2 * d)].value += shares[i].value;
    strata_sums_reduce(fit->comm, sums, 2 * d, limbs);
    fit->totals =
        (struct strata_totals){.sum = sums, .square = sums + d, .weight = fit->rows->weight_global};
    fit->total_sse = 0;
    for (size_t j = 0; j < d; j++) {
        const double sse = column_sse(sums[j], sums[d + j], fit->totals.weight);
        fit->spread[j] = sse / (double)fit->totals.weight;
        fit->total_sse += sse;
    }
    return STRATA_OK;
}
