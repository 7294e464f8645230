/* The potential of k-means++.
 *
 * Layout: tiles of LANES rows, column j of a tile's rows side by side, in float (each value is an
 * integer of at most 2^24).  Rows are summed in blocks of BLOCK_ROWS, whose totals are kept, so that
 * a draw looks at n / BLOCK_ROWS blocks and the rows of one.
 *
 * Exact: a squared distance is |x|^2 + |t|^2 - 2 x t in doubles.  When 4 max|x|^2 d < 2^52, each partial
 * sum in any order, fused or not, is an integer that double holds, and adding 2^52 leaves the integer
 * in the low bits.  Else all distances are taken in int64, below 2^59.  Blocks of unit weights sum
 * to less than 2^60; all others in 128 bits.
 *
 * Cost: for each row and trial d fused operations; a group of 4 trials shares the loads. */
#include "strata/potential.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define LANES 8
#define BLOCK_ROWS 256
#define WHOLE 0x1p52 /* doubles from here to twice as much are the integers */
#define WHOLE_BITS INT64_C(0x4330000000000000)

typedef float narrow __attribute__((vector_size(LANES * sizeof(float))));
typedef double wide __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t whole __attribute__((vector_size(LANES * sizeof(int64_t))));

struct strata_points {
    size_t n, d, n_tiles;
    const float *x; /* (n, d) */
    const uint64_t *weight;
    narrow *tile; /* (n_tiles, d) */
    wide *norm;   /* (n_tiles) squared, of each row */
    enum strata_isa isa;
    bool fits_double;
};

struct strata_potential {
    const struct strata_points *points;
    size_t n;
    bool is_empty;         /* no centre yet: each row counts 1 */
    whole *closest;        /* (tiles) squared distance from the nearest centre; 0 beyond n */
    strata_uint128 *block; /* (blocks) weighted sums of closest */
    strata_uint128 total;
};

static size_t tiles_of(size_t n)
{
    return (n + LANES - 1) / LANES;
}

static size_t blocks_of(size_t n)
{
    return (n + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

/* --- rows ------------------------------------------------------------------------------ */

static size_t aligned(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

size_t strata_points_bytes(size_t n, size_t d)
{
    return aligned(sizeof(struct strata_points)) + aligned(tiles_of(n) * d * sizeof(narrow)) +
           tiles_of(n) * sizeof(wide);
}

static void load_tile(struct strata_points *points, size_t t)
{
    narrow *to = points->tile + t * points->d;
    for (size_t j = 0; j < points->d; j++)
        for (size_t lane = 0; lane < LANES; lane++) {
            const size_t row = t * LANES + lane;
            to[j][lane] = row < points->n ? points->x[row * points->d + j] : 0.0F;
        }
    wide norm = {0};
    for (size_t j = 0; j < points->d; j++) {
        const wide x = __builtin_convertvector(to[j], wide);
        norm += x * x;
    }
    points->norm[t] = norm;
}

const struct strata_points *strata_points_make(size_t n, size_t d, const float *x,
                                               const uint64_t *weight, enum strata_isa isa,
                                               void *room)
{
    unsigned char *at = room;
    struct strata_points *points = (struct strata_points *)(void *)at;
    at += aligned(sizeof *points);
    *points = (struct strata_points){
        .n = n, .d = d, .n_tiles = tiles_of(n), .x = x, .weight = weight, .isa = isa};
    points->tile = (narrow *)(void *)at;
    at += aligned(points->n_tiles * d * sizeof(narrow));
    points->norm = (wide *)(void *)at;
    double largest = 0;
    for (size_t i = 0; i < n * d; i++) {
        const double magnitude = fabs((double)x[i]);
        if (magnitude > largest) largest = magnitude;
    }
    points->fits_double = 4.0 * largest * largest * (double)d < WHOLE;
    for (size_t t = 0; t < points->n_tiles; t++) load_tile(points, t);
    return points;
}

/* --- kernels --------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline))

/* Whole doubles below 2^52 as integers, and back. */
INLINE whole to_whole(wide value)
{
    return (whole)(value + WHOLE) - WHOLE_BITS;
}

INLINE wide to_wide(whole value)
{
    return (wide)(value + WHOLE_BITS) - WHOLE;
}

/* Squared distances of a tile's rows from n trial rows (d, n). */
INLINE void tile_distances(const struct strata_points *points, size_t t, const double *trial,
                           const double *trial_norm, size_t n, wide *distance)
{
    const narrow *x = points->tile + t * points->d;
    for (size_t i = 0; i < n; i++) distance[i] = (wide){0};
    for (size_t j = 0; j < points->d; j++) {
        const wide column = __builtin_convertvector(x[j], wide);
        for (size_t i = 0; i < n; i++) distance[i] += column * trial[j * n + i];
    }
    for (size_t i = 0; i < n; i++)
        distance[i] = points->norm[t] + trial_norm[i] - 2.0 * distance[i];
}

INLINE whole lower_of(whole a, wide distance)
{
    const wide b = to_wide(a);
    wide low;
    for (size_t lane = 0; lane < LANES; lane++)
        low[lane] = distance[lane] < b[lane] ? distance[lane] : b[lane];
    return to_whole(low);
}

INLINE strata_uint128 weigh(const struct strata_points *points, size_t t, whole value)
{
    strata_uint128 sum = 0;
    for (size_t lane = 0; lane < LANES && t * LANES + lane < points->n; lane++)
        sum += (strata_uint128)points->weight[t * LANES + lane] * (uint64_t)value[lane];
    return sum;
}

INLINE strata_uint128 sum_of(whole value)
{
    int64_t sum = 0;
    for (size_t lane = 0; lane < LANES; lane++) sum += value[lane];
    return (strata_uint128)(uint64_t)sum;
}

INLINE void load_trials(const struct strata_points *points, const size_t *row, size_t n,
                        double *trial, double *norm)
{
    for (size_t i = 0; i < n; i++) {
        norm[i] = points->norm[row[i] / LANES][row[i] % LANES];
        for (size_t j = 0; j < points->d; j++)
            trial[j * n + i] = (double)points->x[row[i] * points->d + j];
    }
}

/* Add to total (n) what would be left with each of n trials. */
INLINE void try_group(const struct strata_potential *p, const size_t *row, size_t n,
                      strata_uint128 *total)
{
    const struct strata_points *points = p->points;
    double trial[4 * STRATA_MAX_DIMENSIONS], norm[4];
    load_trials(points, row, n, trial, norm);
    const size_t n_tiles = tiles_of(p->n), per_block = BLOCK_ROWS / LANES;
    for (size_t first = 0; first < n_tiles; first += per_block) {
        const size_t last = first + per_block < n_tiles ? first + per_block : n_tiles;
        whole sum[4] = {{0}};
        for (size_t t = first; t < last; t++) {
            wide distance[4];
            tile_distances(points, t, trial, norm, n, distance);
            for (size_t i = 0; i < n; i++) {
                const whole left = lower_of(p->closest[t], distance[i]);
                if (points->weight)
                    total[i] += weigh(points, t, left);
                else
                    sum[i] += left;
            }
        }
        for (size_t i = 0; i < n; i++) total[i] += sum_of(sum[i]);
    }
}

INLINE void try_all(const struct strata_potential *p, const size_t *row, size_t n,
                    strata_uint128 *total)
{
    for (; n >= 4; n -= 4, row += 4, total += 4) try_group(p, row, 4, total);
    if (n >= 2) try_group(p, row, 2, total), n -= 2, row += 2, total += 2;
    if (n == 1) try_group(p, row, 1, total);
}

INLINE void accept_tiles(struct strata_potential *p, size_t row)
{
    double trial[STRATA_MAX_DIMENSIONS], norm;
    load_trials(p->points, &row, 1, trial, &norm);
    for (size_t t = 0; t < tiles_of(p->n); t++) {
        wide distance;
        tile_distances(p->points, t, trial, &norm, 1, &distance);
        p->closest[t] = p->is_empty ? to_whole(distance) : lower_of(p->closest[t], distance);
    }
}

struct kernels {
    void (*try_all)(const struct strata_potential *p, const size_t *row, size_t n,
                    strata_uint128 *total);
    void (*accept)(struct strata_potential *p, size_t row);
};

/* The same few lines for each instruction set. */
#define KERNELS(name, attributes)                                                          \
    attributes static void try_##name(const struct strata_potential *p, const size_t *row, \
                                      size_t n, strata_uint128 *total)                     \
    {                                                                                      \
        try_all(p, row, n, total);                                                         \
    }                                                                                      \
    attributes static void accept_##name(struct strata_potential *p, size_t row)           \
    {                                                                                      \
        accept_tiles(p, row);                                                              \
    }                                                                                      \
    static const struct kernels kernels_##name = {try_##name, accept_##name};

KERNELS(plain, )
#ifdef __x86_64__
KERNELS(avx2, __attribute__((target("avx2,fma"))))
KERNELS(avx512, __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))))
#endif

static const struct kernels *kernels_of(enum strata_isa isa)
{
#ifdef __x86_64__
    if (isa == STRATA_ISA_AVX512) return &kernels_avx512;
    if (isa == STRATA_ISA_AVX2) return &kernels_avx2;
#endif
    (void)isa;
    return &kernels_plain;
}

/* --- the same in int64, for rows too far apart for doubles ------------------------------ */

static int64_t distance_between(const struct strata_points *points, size_t a, size_t b)
{
    const float *one = points->x + a * points->d, *two = points->x + b * points->d;
    int64_t sum = 0;
    for (size_t j = 0; j < points->d; j++) {
        const int64_t t = (int64_t)one[j] - (int64_t)two[j];
        sum += t * t;
    }
    return sum;
}

static uint64_t weight_of(const struct strata_points *points, size_t row)
{
    return points->weight ? points->weight[row] : 1;
}

static void try_int64(const struct strata_potential *p, const size_t *row, size_t n,
                      strata_uint128 *total)
{
    for (size_t at = 0; at < p->n; at++)
        for (size_t i = 0; i < n; i++) {
            const int64_t distance = distance_between(p->points, at, row[i]);
            const int64_t closest = p->closest[at / LANES][at % LANES];
            total[i] += (strata_uint128)weight_of(p->points, at) *
                        (uint64_t)(distance < closest ? distance : closest);
        }
}

static void accept_int64(struct strata_potential *p, size_t row)
{
    for (size_t at = 0; at < p->n; at++) {
        const int64_t distance = distance_between(p->points, at, row);
        const int64_t closest = p->closest[at / LANES][at % LANES];
        if (p->is_empty || distance < closest) p->closest[at / LANES][at % LANES] = distance;
    }
}

/* --- the potential --------------------------------------------------------------------- */

size_t strata_potential_bytes(size_t n)
{
    return aligned(sizeof(struct strata_potential)) + tiles_of(n) * sizeof(whole) +
           blocks_of(n) * sizeof(strata_uint128);
}

static strata_uint128 block_sum(const struct strata_potential *p, size_t first, size_t last)
{
    strata_uint128 sum = 0;
    whole sums = {0};
    if (p->points->fits_double && !p->points->weight) {
        for (size_t t = first / LANES; t < tiles_of(last); t++) sums += p->closest[t];
        return sum_of(sums);
    }
    for (size_t row = first; row < last; row++)
        sum += (strata_uint128)weight_of(p->points, row) *
               (uint64_t)p->closest[row / LANES][row % LANES];
    return sum;
}

static void sum_blocks(struct strata_potential *p)
{
    p->total = 0;
    for (size_t b = 0; b < blocks_of(p->n); b++) {
        const size_t first = b * BLOCK_ROWS,
                     last = first + BLOCK_ROWS < p->n ? first + BLOCK_ROWS : p->n;
        p->block[b] = block_sum(p, first, last);
        p->total += p->block[b];
    }
}

struct strata_potential *strata_potential_make(const struct strata_points *points, size_t n,
                                               void *room)
{
    unsigned char *at = room;
    struct strata_potential *p = (struct strata_potential *)(void *)at;
    at += aligned(sizeof *p);
    *p = (struct strata_potential){.points = points, .n = n, .is_empty = true};
    p->closest = (whole *)(void *)at;
    at += tiles_of(n) * sizeof(whole);
    p->block = (strata_uint128 *)(void *)at;
    for (size_t row = 0; row < tiles_of(n) * LANES; row++)
        p->closest[row / LANES][row % LANES] = row < n;
    sum_blocks(p);
    return p;
}

strata_uint128 strata_potential_total(const struct strata_potential *potential)
{
    return potential->total;
}

size_t strata_potential_find(const struct strata_potential *potential, strata_uint128 at)
{
    size_t b = 0;
    while (at >= potential->block[b]) at -= potential->block[b++]; /* ends: at < total */
    for (size_t row = b * BLOCK_ROWS;; row++) {
        const strata_uint128 share = (strata_uint128)weight_of(potential->points, row) *
                                     (uint64_t)strata_potential_closest(potential, row);
        if (at < share) return row;
        at -= share;
    }
}

void strata_potential_try(const struct strata_potential *potential, const size_t *row,
                          size_t n_trials, strata_uint128 *total)
{
    for (size_t i = 0; i < n_trials; i++) total[i] = 0;
    if (potential->points->fits_double)
        kernels_of(potential->points->isa)->try_all(potential, row, n_trials, total);
    else
        try_int64(potential, row, n_trials, total);
}

void strata_potential_accept(struct strata_potential *potential, size_t row)
{
    if (potential->points->fits_double)
        kernels_of(potential->points->isa)->accept(potential, row);
    else
        accept_int64(potential, row);
    for (size_t at = potential->n; at < tiles_of(potential->n) * LANES; at++)
        potential->closest[at / LANES][at % LANES] = 0;
    potential->is_empty = false;
    sum_blocks(potential);
}

int64_t strata_potential_closest(const struct strata_potential *potential, size_t row)
{
    return potential->closest[row / LANES][row % LANES];
}
