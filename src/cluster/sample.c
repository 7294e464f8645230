/* What must be known of all rows before seeding: each column's spread, and a sample that is a
 * function of the customers' keys and the seed alone.
 *
 * The sample is the m = min(n, 8,192) customers with the smallest hash of (seed, key).  A histogram
 * of the hashes' top 16 bits, summed over ranks, tells below which value the m smallest lie; then
 * only about m + n / 65,536 rows travel. */
#include "strata/random.h"

#include "cluster/cluster_impl.h"

#define BINS 65536u
#define BIN_SHIFT 48

static uint64_t sample_hash(const struct strata_fit *fit, size_t row)
{
    return strata_random_bits(fit->config->model.seed, STRATA_PURPOSE_SAMPLE,
                              fit->rows->key_hash[row], 0);
}

/* The last bin that is needed for m rows. */
static uint64_t last_bin(const int64_t *rows_of_bin, uint64_t m)
{
    uint64_t seen = 0;
    for (uint64_t bin = 0; bin < BINS; bin++) {
        seen += (uint64_t)rows_of_bin[bin];
        if (seen >= m) return bin;
    }
    return BINS - 1;
}

strata_status strata_fit_sample(struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_rows *rows = fit->rows;
    const uint64_t m = rows->n_global < STRATA_SAMPLE_ROWS ? rows->n_global : STRATA_SAMPLE_ROWS;
    float *x = STRATA_NEW(&fit->room, float, (size_t)m * rows->d);
    struct strata_arena scratch = fit->room;
    int64_t *bin = STRATA_NEW(&scratch, int64_t, BINS);
    struct strata_pick *pick = STRATA_NEW(&scratch, struct strata_pick, rows->n);
    strata_status status = STRATA_OK;
    if (!x || !bin || !pick)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a sample of %zu rows", rows->n);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    for (size_t row = 0; row < rows->n; row++) bin[sample_hash(fit, row) >> BIN_SHIFT]++;
    strata_comm_sum(fit->comm, bin, BINS);
    const uint64_t last = last_bin(bin, m);
    size_t n_picks = 0;
    for (size_t row = 0; row < rows->n; row++) {
        const uint64_t hash = sample_hash(fit, row);
        if (hash >> BIN_SHIFT <= last) pick[n_picks++] = (struct strata_pick){hash, row};
    }

    struct strata_picked *picked = NULL;
    size_t n = 0;
    STRATA_TRY(strata_picked_gather(fit->comm, rows, pick, n_picks, &scratch, &picked, &n, err));
    STRATA_REQUIRE(n >= m);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < rows->d; j++) x[i * rows->d + j] = picked[i].x[j];
    fit->sample = (struct strata_sample){.n = (size_t)m, .x = x};
    return STRATA_OK;
}

void strata_sums_reduce(struct strata_comm *comm, struct strata_sum *sums, size_t n, int64_t *limbs)
{
    strata_sum_to_limbs(sums, n, limbs);
    strata_comm_sum(comm, limbs, n * STRATA_SUM_LIMBS);
    strata_sum_from_limbs(limbs, n, sums);
}

/* The SSE of a column about its mean, from its exact sums: first about the nearest integer to the
 * mean, which is an exact integer, then corrected by the little that is left. */
static double column_sse(struct strata_sum sum, struct strata_sum square, uint64_t n)
{
    const strata_int128 near = strata_sum_divide(sum, n);
    const strata_int128 rest = sum.value - near * (strata_int128)n;
    const struct strata_sum about_near = {square.value - 2 * near * sum.value +
                                          near * near * (strata_int128)n};
    const double left = strata_sum_value((struct strata_sum){rest});
    const double sse = strata_sum_value(about_near) - left * (left / (double)n);
    return sse > 0 ? sse : 0;
}

strata_status strata_fit_moments(struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_rows *rows = fit->rows;
    const size_t d = rows->d;
    fit->spread = STRATA_NEW(&fit->room, double, d);
    struct strata_arena scratch = fit->room;
    struct strata_sum *sum = STRATA_NEW(&scratch, struct strata_sum, 2 * d);
    int64_t *limbs = STRATA_NEW(&scratch, int64_t, 2 * d * STRATA_SUM_LIMBS);
    strata_status status = STRATA_OK;
    if (!fit->spread || !sum || !limbs)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu columns", d);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    struct strata_sum *square = sum + d;
    for (size_t row = 0; row < rows->n; row++) {
        for (size_t j = 0; j < d; j++) {
            const int64_t x = (int64_t)rows->x[row * d + j];
            sum[j].value += x;
            square[j].value += x * x;
        }
    }
    strata_sums_reduce(fit->comm, sum, 2 * d, limbs);
    fit->total_sse = 0;
    for (size_t j = 0; j < d; j++) {
        const double sse = column_sse(sum[j], square[j], rows->n_global);
        fit->spread[j] = sse / (double)rows->n_global;
        fit->total_sse += sse;
    }
    return STRATA_OK;
}
