/* The kernels of strata/nearest.h beside the limits of the machine, on one core.
 *
 *   bench_kernels [ROWS [COLUMNS [SEGMENTS [ISA]]]]     a number of 0 is as good as none
 *
 * Without COLUMNS: 8, 16, 32; without SEGMENTS: 8, 16, 64; without ISA: all that this processor has.
 *
 * Prints one JSON line for each shape: median nanoseconds a row of a look (labels), a look with bounds,
 * a look with exact sums by label (the full pass), and the same with sums in double; strip by strip, all
 * in turn, in time of the processor.  The limit is max(4 d / read bandwidth, 2 k d / peak of multiply-adds), both measured in this
 * run (8 streams; the widest registers of this processor, whatever the ISA of the line).  Besides: the
 * full pass over the limit, the price of exact sums, the share of rows that int64 decided.
 *
 * Rows are skewed, correlated and overlapping; centres come from 5 rounds of Lloyd's algorithm.  This
 * file itself is compiled for this processor. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "strata/arena.h"
#include "strata/nearest.h"
#include "strata/random.h"

enum { STRIP = 256, RUNS = 7, LLOYD_ROUNDS = 5, FACTORS = 4, STREAMS = 8, CHAINS = 16 };

#if defined(__AVX512F__)
typedef float wide __attribute__((vector_size(64)));
#else
typedef float wide __attribute__((vector_size(32)));
#endif
#define WIDE (sizeof(wide) / sizeof(float))

/* Of this thread alone: other programs then disturb less. */
static double cpu_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* --- limits ---------------------------------------------------------------------------- */

static volatile float kept; /* so that nothing is optimised away */

/* Bytes a second. */
static double read_bandwidth(const float *x, size_t count)
{
    const size_t length = count / WIDE / STREAMS;
    const wide *at = (const wide *)(const void *)x;
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        wide sum[STREAMS] = {0};
        const double start = cpu_s();
        for (size_t i = 0; i < length; i++) {
#pragma GCC unroll 8
            for (size_t s = 0; s < STREAMS; s++) sum[s] += at[s * length + i];
        }
        const double rate = (double)(length * STREAMS * sizeof(wide)) / (cpu_s() - start);
        for (size_t s = 1; s < STREAMS; s++) sum[0] += sum[s];
        kept = sum[0][0];
        best = rate > best ? rate : best;
    }
    return best;
}

/* Operations a second, of which a multiply-add is two. */
static double peak(void)
{
    const int rounds = 4000000;
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        wide sum[CHAINS] = {0}, factor = {0};
        factor += 0.999F;
        const wide term = factor;
        for (int c = 0; c < CHAINS; c++) sum[c] += (float)c;
        const double start = cpu_s();
        for (int i = 0; i < rounds; i++) {
#pragma GCC unroll 16
            for (int c = 0; c < CHAINS; c++) sum[c] = sum[c] * factor + term;
            __asm__ volatile("" : "+r"(i)); /* each round is done */
        }
        const double rate = 2.0 * CHAINS * (double)WIDE * rounds / (cpu_s() - start);
        for (int c = 1; c < CHAINS; c++) sum[0] += sum[c];
        kept = sum[0][0];
        best = rate > best ? rate : best;
    }
    return best;
}

/* --- data ------------------------------------------------------------------------------ */

struct bench {
    size_t n;
    struct strata_dims dims;
    enum strata_isa isa;
    float *x;
    double *centre;
    uint16_t *label;
    float *upper, *lower;
    int64_t *count, *sum;
    double *plain_sum; /* (k, d) */
    void *room, *scratch;
    const struct strata_centres *centres;
    uint64_t rechecked;
};

static double bell(uint64_t row, uint64_t column)
{
    double sum = -6;
    for (uint64_t i = 0; i < 12; i++)
        sum += strata_random_unit(7, STRATA_PURPOSE_TEST, row * 64 + i, column);
    return sum;
}

/* A few factors that many columns share, noise, and a long tail in every third column. */
static void fill_rows(struct bench *bench)
{
    const size_t d = bench->dims.d, period = 1 << 17; /* rows differ by noise from then on */
    for (size_t i = 0; i < bench->n; i++) {
        double factor[FACTORS] = {0};
        for (size_t f = 0; f < FACTORS; f++) factor[f] = i < period ? bell(i, 100 + f) : 0;
        for (size_t j = 0; j < d; j++) {
            if (i >= period) {
                const float noise = (float)((i * 2654435761U + j * 40503U) % 8192) - 4096;
                bench->x[i * d + j] = bench->x[(i % period) * d + j] + noise;
                continue;
            }
            double value = 0.8 * factor[j % FACTORS] + 0.4 * factor[(j / 2) % FACTORS] +
                           0.6 * (strata_random_unit(8, STRATA_PURPOSE_TEST, i, j) - 0.5);
            if (j % 3 == 0) value = exp(0.7 * value) - 1.3;
            bench->x[i * d + j] = (float)(int64_t)(fmin(value, 12) * 65536.0);
        }
    }
}

static void fill_centres(struct bench *bench)
{
    const size_t k = bench->dims.k, d = bench->dims.d;
    for (size_t c = 0; c < k; c++)
        for (size_t j = 0; j < d; j++)
            bench->centre[c * d + j] = (double)bench->x[(c * 1777 % bench->n) * d + j];
    const size_t n = bench->n < 100000 ? bench->n : 100000;
    for (int round = 0; round < LLOYD_ROUNDS; round++) {
        memset(bench->count, 0, k * sizeof *bench->count);
        memset(bench->sum, 0, k * d * sizeof *bench->sum);
        (void)strata_centres_look(
            strata_centres_make(bench->dims, bench->centre, bench->isa, bench->room), bench->x, n,
            (struct strata_look){.label = bench->label});
        strata_label_sums_add(bench->dims, bench->isa, bench->x, NULL, n, bench->label,
                              bench->scratch, bench->count, bench->sum);
        for (size_t i = 0; i < k * d; i++)
            if (bench->count[i / d] > 0)
                bench->centre[i] = rint((double)bench->sum[i] / (double)bench->count[i / d]);
    }
}

/* --- passes ---------------------------------------------------------------------------- */

enum variant { LOOK, BOUNDS, SUMS, DOUBLE_SUMS, VARIANTS };

static void add_in_double(struct bench *bench, const float *x, size_t n, const uint16_t *label)
{
    const size_t d = bench->dims.d;
    for (size_t i = 0; i < n; i++) {
        double *sum = bench->plain_sum + label[i] * d;
        for (size_t j = 0; j < d; j++) sum[j] += (double)x[i * d + j];
        bench->count[label[i]]++;
    }
}

static void pass(struct bench *bench, enum variant variant)
{
    const size_t d = bench->dims.d;
    for (size_t first = 0; first < bench->n; first += STRIP) {
        const size_t n = bench->n - first < STRIP ? bench->n - first : STRIP;
        const float *x = bench->x + first * d;
        uint16_t *label = bench->label + first;
        const struct strata_look out = {label, variant == BOUNDS ? bench->upper + first : NULL,
                                        variant == BOUNDS ? bench->lower + first : NULL};
        bench->rechecked += strata_centres_look(bench->centres, x, n, out);
        if (variant == SUMS)
            strata_label_sums_hold(bench->dims, bench->isa, x, NULL, n, label, bench->scratch,
                                   bench->count, bench->sum);
        if (variant == DOUBLE_SUMS) add_in_double(bench, x, n, label);
    }
    if (variant == SUMS)
        strata_label_sums_spill(bench->dims, bench->scratch, bench->count, bench->sum);
}

static int compare(const void *a, const void *b)
{
    const double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

static void measure(struct bench *bench, double bandwidth, double flops)
{
    double seconds[VARIANTS][RUNS], ns[VARIANTS];
    const double n = (double)bench->n, d = (double)bench->dims.d, k = (double)bench->dims.k;
    fill_centres(bench);
    bench->centres = strata_centres_make(bench->dims, bench->centre, bench->isa, bench->room);
    for (int run = -1; run < RUNS; run++) /* the first is to warm up */
        for (enum variant v = 0; v < VARIANTS; v++) {
            bench->rechecked = 0;
            const double start = cpu_s();
            pass(bench, v);
            if (run >= 0) seconds[v][run] = cpu_s() - start;
        }
    for (enum variant v = 0; v < VARIANTS; v++) {
        qsort(seconds[v], RUNS, sizeof(double), compare);
        ns[v] = seconds[v][RUNS / 2] / n * 1e9;
    }
    const double limit = fmax(4 * d / bandwidth, 2 * k * d / flops) * 1e9;
    (void)printf(
        "{\"isa\": \"%s\", \"rows\": %zu, \"columns\": %zu, \"segments\": %zu, \"look_ns\": %.2f, "
        "\"bounds_ns\": %.2f, \"full_ns\": %.2f, \"double_sums_ns\": %.2f, \"limit_ns\": %.2f, "
        "\"full_over_limit\": %.2f, \"exact_over_double\": %.3f, \"rechecked\": %.2g}\n",
        strata_isa_word(bench->isa), bench->n, bench->dims.d, bench->dims.k, ns[LOOK], ns[BOUNDS],
        ns[SUMS], ns[DOUBLE_SUMS], limit, ns[SUMS] / limit, ns[SUMS] / ns[DOUBLE_SUMS],
        (double)bench->rechecked / n);
    (void)fflush(stdout);
}

/* --- arguments ------------------------------------------------------------------------- */

static size_t argument(int argc, char **argv, int at)
{
    return argc > at ? (size_t)strtoull(argv[at], NULL, 10) : 0;
}

static bool bench_init(struct bench *bench, size_t n, struct strata_dims most,
                       struct strata_arena *arena)
{
    *bench = (struct bench){.n = n, .dims = most};
    bench->x = STRATA_NEW(arena, float, n *most.d);
    bench->label = STRATA_NEW(arena, uint16_t, n);
    bench->upper = STRATA_NEW(arena, float, n);
    bench->lower = STRATA_NEW(arena, float, n);
    bench->centre = STRATA_NEW(arena, double, most.k *most.d);
    bench->count = STRATA_NEW(arena, int64_t, most.k);
    bench->sum = STRATA_NEW(arena, int64_t, most.k * most.d);
    bench->plain_sum = STRATA_NEW(arena, double, most.k *most.d);
    bench->room = STRATA_NEW(arena, unsigned char, strata_centres_bytes(most) + 64);
    bench->scratch = STRATA_NEW(arena, unsigned char, strata_label_sums_scratch(most) + 64);
    if (!bench->x || !bench->label || !bench->upper || !bench->lower || !bench->centre ||
        !bench->count || !bench->sum || !bench->plain_sum || !bench->room || !bench->scratch)
        return false;
    bench->room = (void *)(((uintptr_t)bench->room + 63) & ~(uintptr_t)63);
    bench->scratch = (void *)(((uintptr_t)bench->scratch + 63) & ~(uintptr_t)63);
    memset(bench->upper, 0, n * sizeof(float));
    memset(bench->lower, 0, n * sizeof(float));
    return true;
}

static void run_shape(size_t n, struct strata_dims dims, const char *isa)
{
    struct strata_arena arena;
    struct bench bench;
    if (!strata_arena_init(&arena, n * (dims.d * 4 + 16) + ((size_t)1 << 26))) return;
    if (bench_init(&bench, n, dims, &arena)) {
        fill_rows(&bench);
        const double bandwidth = read_bandwidth(bench.x, n * dims.d), flops = peak();
        for (enum strata_isa i = STRATA_ISA_SCALAR; i < STRATA_ISA_COUNT; i++) {
            if (!strata_isa_available(i) || (isa && strcmp(isa, strata_isa_word(i)) != 0)) continue;
            bench.isa = i;
            measure(&bench, bandwidth, flops);
        }
    }
    strata_arena_finish(&arena);
}

int main(int argc, char **argv)
{
    static const size_t columns[] = {8, 16, 32}, segments[] = {8, 16, 64};
    const size_t n = argument(argc, argv, 1) ? argument(argc, argv, 1) : 1000000;
    const size_t d = argument(argc, argv, 2), k = argument(argc, argv, 3);
    if (d > STRATA_MAX_DIMENSIONS || k >= STRATA_NO_LABEL || n > (size_t)1 << 32) {
        (void)fprintf(stderr, "usage: bench_kernels [ROWS [COLUMNS [SEGMENTS [ISA]]]]\n");
        return 64;
    }
    for (size_t a = 0; a < (d ? 1 : 3); a++)
        for (size_t b = 0; b < (k ? 1 : 3); b++)
            run_shape(n, (struct strata_dims){k ? k : segments[b], d ? d : columns[a]},
                      argc > 4 ? argv[4] : NULL);
    return 0;
}
