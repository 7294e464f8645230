/* One pass of an estimator over rows in memory: labels, exact sums and objective, as the fit loop does it.
 *
 *   bench_kmeans [ROWS [COLUMNS [SEGMENTS [ESTIMATOR]]]]      default 200000 16 8 kmeans
 *
 * Prints one JSON line.  The model: a pass reads each row once (4 d bytes) and its label (2 bytes, written back), and
 * k-means does 3 floating-point operations a row, centre and column; gb_per_s and gflop_per_s are these counts over the
 * median time. */
#include <stdio.h>
#include <stdlib.h>

#include "strata/arena.h"
#include "strata/clock.h"
#include "strata/estimator.h"
#include "strata/random.h"

enum { RUNS = 7 };

struct shape {
    size_t n;
    struct strata_dims dims;
    const struct strata_estimator *estimator;
};

static size_t argument(int argc, char **argv, int at, size_t otherwise)
{
    return argc > at ? (size_t)strtoull(argv[at], NULL, 10) : otherwise;
}

/* Overlapping groups, standardised: multiples of 2^-16 of about one unit. */
static void fill_rows(const struct shape *shape, float *x)
{
    const size_t d = shape->dims.d;
    for (size_t i = 0; i < shape->n; i++)
        for (size_t j = 0; j < d; j++) {
            const double group = strata_random_unit(1, STRATA_PURPOSE_TEST, i % 12, j);
            const double own = strata_random_unit(2, STRATA_PURPOSE_TEST, i, j);
            x[i * d + j] = (float)(int64_t)((2.5 * group + own - 1.75) * 65536.0);
        }
}

static int compare(const void *a, const void *b)
{
    const double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

static void print_line(const struct shape *shape, double seconds)
{
    const struct strata_dims dims = shape->dims;
    const double rows = (double)shape->n, bytes = 4.0 * (double)dims.d + 4.0,
                 flops = 3.0 * (double)(dims.k * dims.d);
    (void)printf(
        "{\"name\": \"%s.pass\", \"rows\": %zu, \"columns\": %zu, \"segments\": %zu, \"runs\": %d, "
        "\"ns_per_row\": %.2f, \"bytes_per_row\": %.0f, \"gb_per_s\": %.3f, \"flops_per_row\": %.0f, "
        "\"gflop_per_s\": %.3f, \"compiler\": \"%s\"}\n",
        shape->estimator->name, shape->n, dims.d, dims.k, RUNS, seconds / rows * 1e9, bytes,
        bytes * rows / seconds * 1e-9, flops, flops * rows / seconds * 1e-9, __VERSION__);
}

static double median_pass(const struct shape *shape, struct strata_arena *arena)
{
    const struct strata_estimator *estimator = shape->estimator;
    const struct strata_dims dims = shape->dims;
    const size_t n_stats = estimator->stat_count(dims);
    float *x = STRATA_NEW(arena, float, shape->n *dims.d);
    uint16_t *label = STRATA_NEW(arena, uint16_t, shape->n);
    double *params = STRATA_NEW(arena, double, estimator->param_count(dims));
    double *centre = STRATA_NEW(arena, double, dims.k *dims.d);
    double *spread = STRATA_NEW(arena, double, dims.d);
    struct strata_sum *sums = STRATA_NEW(arena, struct strata_sum, n_stats);
    void *pass = strata_arena_take(arena, estimator->pass_bytes(dims), 64, 1);
    struct strata_tally tally = {
        .sums = strata_arena_take(arena, estimator->sums_bytes(dims), 64, 1),
        .scratch = strata_arena_take(arena, estimator->scratch_bytes(dims), 64, 1)};
    if (!pass || !tally.sums || !tally.scratch) return -1;
    if (!x || !label || !params || !centre || !spread || !sums) return -1;
    fill_rows(shape, x);
    for (size_t i = 0; i < dims.k * dims.d; i++) centre[i] = (double)x[i];
    for (size_t j = 0; j < dims.d; j++) spread[j] = 0x1p32;
    estimator->start(dims, centre, spread, params);
    double time[RUNS];
    for (int run = -1; run < RUNS; run++) { /* the first is to warm up */
        for (size_t i = 0; i < shape->n; i++)
            label[i] = STRATA_NO_LABEL; /* so that all are summed */
        const struct strata_block rows = {.x = x, .n = shape->n, .label = label};
        const double start = strata_clock_s();
        estimator->prepare(dims, params, NULL, strata_isa(), shape->n, pass);
        estimator->accumulate(dims, pass, &rows, &tally);
        estimator->collect(dims, &tally, sums);
        if (run >= 0) time[run] = strata_clock_s() - start;
    }
    qsort(time, RUNS, sizeof *time, compare);
    return time[RUNS / 2];
}

int main(int argc, char **argv)
{
    const struct shape shape = {
        .n = argument(argc, argv, 1, 200000),
        .dims = {.k = argument(argc, argv, 3, 8), .d = argument(argc, argv, 2, 16)},
        .estimator = strata_estimator_find(argc > 4 ? argv[4] : "kmeans")};
    struct strata_arena arena;
    if (!shape.estimator || shape.dims.k < 1 || shape.dims.k > STRATA_MAX_SEGMENTS ||
        shape.dims.d < 1 || shape.dims.d > STRATA_MAX_DIMENSIONS || shape.n < shape.dims.k ||
        shape.n > (size_t)1 << 32 ||
        !strata_arena_init(&arena, shape.n * (shape.dims.d * 4 + 2) + ((size_t)1 << 28))) {
        (void)fprintf(stderr, "usage: bench_kmeans [ROWS [COLUMNS [SEGMENTS [ESTIMATOR]]]]\n");
        return 64;
    }
    const double seconds = median_pass(&shape, &arena);
    if (seconds > 0) print_line(&shape, seconds);
    strata_arena_finish(&arena);
    return seconds > 0 ? 0 : 71;
}
