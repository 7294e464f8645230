/* k-means: segments are the rows nearest to a centre, centres are the means of their rows.
 *
 * Objective: the sum of squared distances (SSE) of rows from their centres, an exact integer in
 * squared grid units.
 *
 * Params: centre (k, d), integers of the grid.  Tail: count (k), sum (k, d).
 *
 * Update: centre = sum / count, rounded to the nearest integer, half to even.  It is the best
 * centre on the grid, because SSE(c) = SSE(mean) + count (c - mean)^2; so the objective never
 * rises, to the bit.
 *
 * Ties: the lowest index.  Each step lowers (SSE, sum of labels), so no state comes twice.
 *
 * Bits: |x| <= 2^24, so 4,096 rows sum to at most 2^36 in int64; blocks go to 128 bits.  A row's
 * squared distance is below 2^59 and goes to 128 bits at once.
 *
 * Cost: O(n k d) for each pass.
 *
 * Source: (Lloyd, 1982) in README.md. */
#include <math.h>

#include "strata/estimator.h"
#include "strata/nearest.h"

#define BLOCK_ROWS 4096  /* rows whose sums fit int64 with ease */
#define CHUNK_COLUMNS 32 /* columns summed at a time: the block's sums stay in the first cache */
#define STRIP_ROWS 256   /* rows between kernel and labels: 6 KiB */

struct means {
    struct strata_sum *count; /* (k) */
    struct strata_sum *sum;   /* (k, d) */
};

static struct means means_view(struct strata_dims dims, struct strata_sum *tail)
{
    return (struct means){.count = tail, .sum = tail + dims.k};
}

static size_t param_count(struct strata_dims dims)
{
    return dims.k * dims.d;
}

static size_t stat_count(struct strata_dims dims)
{
    return dims.k + dims.k * dims.d;
}

static void start(struct strata_dims dims, const double *centre, const double *spread,
                  double *params)
{
    (void)spread;
    for (size_t i = 0; i < dims.k * dims.d; i++) params[i] = centre[i];
}

static void label_rows(struct strata_dims dims, const double *centre, const float *x, size_t n,
                       uint16_t *label, uint64_t *moved, struct strata_sum *objective)
{
    struct strata_nearest near[STRIP_ROWS];
    for (size_t first = 0; first < n; first += STRIP_ROWS) {
        const size_t rows = n - first < STRIP_ROWS ? n - first : STRIP_ROWS;
        strata_nearest_fill(dims, centre, x + first * dims.d, rows, near);
        for (size_t row = 0; row < rows; row++) {
            const uint16_t now = (uint16_t)near[row].label;
            *moved += label[first + row] != now;
            label[first + row] = now;
            objective->value += near[row].distance;
        }
    }
}

static void sum_rows(struct strata_dims dims, const float *x, size_t n, const uint16_t *label,
                     struct means tail)
{
    for (size_t row = 0; row < n; row++) tail.count[label[row]].value++;
    for (size_t first = 0; first < dims.d; first += CHUNK_COLUMNS) {
        const size_t columns = dims.d - first < CHUNK_COLUMNS ? dims.d - first : CHUNK_COLUMNS;
        int64_t sum[STRATA_MAX_SEGMENTS][CHUNK_COLUMNS] = {0};
        for (size_t row = 0; row < n; row++) {
            const float *from = x + row * dims.d + first;
            int64_t *to = sum[label[row]];
            for (size_t j = 0; j < columns; j++) to[j] += (int64_t)from[j];
        }
        for (size_t c = 0; c < dims.k; c++)
            for (size_t j = 0; j < columns; j++)
                tail.sum[c * dims.d + first + j].value += sum[c][j];
    }
}

static void accumulate(struct strata_dims dims, const double *params, const float *x, size_t n,
                       uint16_t *label, uint64_t *moved, struct strata_sum *objective,
                       struct strata_sum *tail)
{
    for (size_t first = 0; first < n; first += BLOCK_ROWS) {
        const size_t rows = n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS;
        label_rows(dims, params, x + first * dims.d, rows, label + first, moved, objective);
        sum_rows(dims, x + first * dims.d, rows, label + first, means_view(dims, tail));
    }
}

static void maximise(struct strata_dims dims, uint64_t n_rows, const struct strata_sum *tail,
                     double *params, double *mass)
{
    (void)n_rows;
    const struct strata_sum *count = tail, *sum = tail + dims.k;
    for (size_t c = 0; c < dims.k; c++) {
        mass[c] = strata_sum_value(count[c]);
        if (count[c].value == 0) continue;
        for (size_t j = 0; j < dims.d; j++) {
            const size_t cj = c * dims.d + j;
            params[cj] = (double)strata_sum_divide(sum[cj], (uint64_t)count[c].value);
        }
    }
}

static double objective(struct strata_dims dims, struct strata_sum sum)
{
    (void)dims;
    return strata_sum_value(sum);
}

static size_t freedom(struct strata_dims dims)
{
    return dims.k * dims.d;
}

static void centres(struct strata_dims dims, const double *params, double *centre)
{
    for (size_t i = 0; i < dims.k * dims.d; i++) centre[i] = params[i];
}

static void place(struct strata_dims dims, size_t segment, const double *centre, double *params)
{
    for (size_t j = 0; j < dims.d; j++) params[segment * dims.d + j] = centre[j];
}

static void select_segments(struct strata_dims dims, const double *params, const size_t *order,
                            size_t n_kept, double *out)
{
    for (size_t s = 0; s < n_kept; s++)
        for (size_t j = 0; j < dims.d; j++) out[s * dims.d + j] = params[order[s] * dims.d + j];
}

static struct strata_assignment assignment_of(struct strata_nearest near)
{
    const double distance = sqrt((double)near.distance);
    const double second = sqrt((double)near.second);
    double margin = 1.0;
    if (near.runner_up >= 0) margin = near.second > 0 ? 1.0 - distance / second : 0.0;
    return (struct strata_assignment){.label = near.label,
                                      .runner_up = near.runner_up,
                                      .distance = distance,
                                      .posterior = 1.0,
                                      .margin = margin};
}

static void assign(struct strata_dims dims, const double *params, const float *x, size_t n,
                   struct strata_assignment *out)
{
    struct strata_nearest near[STRIP_ROWS];
    for (size_t first = 0; first < n; first += STRIP_ROWS) {
        const size_t rows = n - first < STRIP_ROWS ? n - first : STRIP_ROWS;
        strata_nearest_fill(dims, params, x + first * dims.d, rows, near);
        for (size_t row = 0; row < rows; row++) out[first + row] = assignment_of(near[row]);
    }
}

const struct strata_estimator strata_kmeans = {
    .name = "kmeans",
    .summary = "k-means: compact segments around their means, each customer in one",
    .soft = false,
    .param_count = param_count,
    .stat_count = stat_count,
    .start = start,
    .accumulate = accumulate,
    .maximise = maximise,
    .objective = objective,
    .freedom = freedom,
    .centres = centres,
    .place = place,
    .select = select_segments,
    .assign = assign,
};
