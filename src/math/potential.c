/* The potential of k-means++.
 *
 * Layout: tiles of 8 rows, column j of a tile's rows side by side, in float (each value is an integer
 * of at most 2^24).  Rows are summed in blocks of 256, whose totals are kept, so that a draw looks at
 * n / 256 blocks and the rows of one.
 *
 * Exact: when 4 |x|^2 < 2^52 for each row x, a squared distance |x|^2 + |t|^2 - 2 x t is an integer
 * that double holds, and so is each partial sum in any order, fused or not; adding 2^52 leaves it in
 * the low bits.  Else the squares of differences are added in int64, below 2^59.  Totals are of 128
 * bits; blocks are added in halves of 32 bits. */
#include "strata/potential.h"

#include <stdbool.h>
#include <string.h>

#define TILE_ROWS 8
#define BLOCK_TILES 32
#define BLOCK_ROWS ((size_t)TILE_ROWS * BLOCK_TILES)
#define MAX_GROUP 4  /* trials that share the loads of a tile */
#define WHOLE 0x1p52 /* doubles from here to twice as much are the integers */
#define WHOLE_BITS INT64_C(0x4330000000000000)
#define LOW_BITS INT64_C(0xffffffff)

struct strata_points {
    size_t n, d, n_tiles;
    const float *x; /* (n, d) */
    float *tile;    /* (n_tiles, d, TILE_ROWS), 0 beyond n */
    double *norm;   /* (n_tiles, TILE_ROWS) squared, of each row */
    enum strata_isa isa;
    bool is_near; /* no row is too far from the origin for doubles */
};

struct strata_potential {
    const struct strata_points *points;
    size_t n;
    bool is_empty;     /* no centre yet: each row counts 1 */
    int64_t *closest;  /* (tiles, TILE_ROWS) squared distance from the nearest centre; 0 beyond n */
    int64_t *distance; /* (tiles, TILE_ROWS) scratch */
    uint64_t *weight;  /* (tiles, TILE_ROWS) 0 beyond n; or NULL */
    strata_uint128 *block; /* (blocks) weighted sums of closest */
    strata_uint128 total;
};

/* Rows being tried, column by column. */
struct trials {
    double x[MAX_GROUP * STRATA_MAX_DIMENSIONS]; /* (d, n) */
    double norm[MAX_GROUP];
};

static size_t tiles_of(size_t n)
{
    return (n + TILE_ROWS - 1) / TILE_ROWS;
}

static size_t blocks_of(size_t n)
{
    return (n + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

static size_t aligned(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* --- rows ------------------------------------------------------------------------------ */

size_t strata_points_bytes(size_t n, size_t d)
{
    return aligned(sizeof(struct strata_points)) + tiles_of(n) * d * TILE_ROWS * sizeof(float) +
           aligned(tiles_of(n) * TILE_ROWS * sizeof(double));
}

static void load_row(struct strata_points *points, size_t row)
{
    float *to = points->tile + row / TILE_ROWS * points->d * TILE_ROWS + row % TILE_ROWS;
    double norm = 0;
    for (size_t j = 0; j < points->d; j++) {
        const float x = row < points->n ? points->x[row * points->d + j] : 0.0F;
        to[j * TILE_ROWS] = x;
        norm += (double)x * (double)x;
    }
    points->norm[row] = norm;
    points->is_near &= 4 * norm < WHOLE;
}

const struct strata_points *strata_points_make(size_t n, size_t d, const float *x,
                                               enum strata_isa isa, void *room)
{
    unsigned char *at = room;
    struct strata_points *points = room;
    *points = (struct strata_points){
        .n = n, .d = d, .n_tiles = tiles_of(n), .x = x, .isa = isa, .is_near = true};
    at += aligned(sizeof *points);
    points->norm = (double *)(void *)at;
    at += aligned(points->n_tiles * TILE_ROWS * sizeof(double));
    points->tile = (float *)(void *)at;
    for (size_t row = 0; row < points->n_tiles * TILE_ROWS; row++) load_row(points, row);
    return points;
}

static void trials_load(const struct strata_points *points, const size_t *row, size_t n,
                        struct trials *trials)
{
    for (size_t i = 0; i < n; i++) {
        trials->norm[i] = points->norm[row[i]];
        for (size_t j = 0; j < points->d; j++)
            trials->x[j * n + i] = (double)points->x[row[i] * points->d + j];
    }
}

/* --- kernels --------------------------------------------------------------------------- */

#define WIDTH 2
#define TARGET
#define NAME(x) plain_##x
#include "math/potential_kernel.h"

#ifdef __x86_64__
#    define WIDTH 4
#    define TARGET __attribute__((target("avx2,fma")))
#    define NAME(x) avx2_##x
#    include "math/potential_kernel.h"

#    define WIDTH 8
#    define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma")))
#    define NAME(x) avx512_##x
#    include "math/potential_kernel.h"
#endif

struct kernels {
    void (*try_rows)(const struct strata_potential *p, const size_t *row, size_t n,
                     strata_uint128 *total);
    void (*fill)(const struct strata_potential *p, size_t row, int64_t *distance);
};

static struct kernels kernels_of(enum strata_isa isa)
{
#ifdef __x86_64__
    if (isa == STRATA_ISA_AVX512) return (struct kernels){avx512_try_rows, avx512_fill};
    if (isa == STRATA_ISA_AVX2) return (struct kernels){avx2_try_rows, avx2_fill};
#endif
    (void)isa;
    return (struct kernels){plain_try_rows, plain_fill};
}

/* --- the potential --------------------------------------------------------------------- */

size_t strata_potential_bytes(size_t n)
{
    return aligned(sizeof(struct strata_potential)) +
           3 * tiles_of(n) * TILE_ROWS * sizeof(int64_t) + blocks_of(n) * sizeof(strata_uint128);
}

static strata_uint128 block_sum(const struct strata_potential *p, size_t first, size_t last)
{
    strata_uint128 sum = 0;
    int64_t low = 0, high = 0;
    if (p->weight) {
        for (size_t row = first; row < last; row++)
            sum += (strata_uint128)p->weight[row] * (uint64_t)p->closest[row];
        return sum;
    }
    for (size_t row = first; row < last; row++) {
        low += p->closest[row] & LOW_BITS;
        high += p->closest[row] >> 32;
    }
    return ((strata_uint128)(uint64_t)high << 32) + (uint64_t)low;
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
                                               const uint64_t *weight, void *room)
{
    const size_t n_padded = tiles_of(n) * TILE_ROWS;
    unsigned char *at = room;
    struct strata_potential *p = room;
    *p = (struct strata_potential){.points = points, .n = n, .is_empty = true};
    at += aligned(sizeof *p);
    p->closest = (int64_t *)(void *)at;
    at += n_padded * sizeof(int64_t);
    p->distance = (int64_t *)(void *)at;
    at += n_padded * sizeof(int64_t);
    if (weight) p->weight = (uint64_t *)(void *)at;
    at += n_padded * sizeof(uint64_t);
    p->block = (strata_uint128 *)(void *)at;
    for (size_t row = 0; row < n_padded; row++) {
        p->closest[row] = row < n;
        if (p->weight) p->weight[row] = row < n ? weight[row] : 0;
    }
    sum_blocks(p);
    return p;
}

strata_uint128 strata_potential_total(const struct strata_potential *potential)
{
    return potential->total;
}

static strata_uint128 share_of(const struct strata_potential *p, size_t row)
{
    return (strata_uint128)(p->weight ? p->weight[row] : 1) * (uint64_t)p->closest[row];
}

size_t strata_potential_find(const struct strata_potential *potential, strata_uint128 at)
{
    size_t b = 0;
    while (at >= potential->block[b]) at -= potential->block[b++]; /* ends: at < total */
    size_t row = b * BLOCK_ROWS;
    while (at >= share_of(potential, row)) at -= share_of(potential, row++);
    return row;
}

void strata_potential_try(const struct strata_potential *potential, const size_t *row,
                          size_t n_trials, strata_uint128 *total)
{
    for (size_t i = 0; i < n_trials; i++) total[i] = 0;
    kernels_of(potential->points->isa).try_rows(potential, row, n_trials, total);
}

void strata_potential_distances(const struct strata_potential *potential, size_t row,
                                int64_t *distance)
{
    kernels_of(potential->points->isa).fill(potential, row, distance);
}

void strata_potential_set(struct strata_potential *potential, const int64_t *closest)
{
    memcpy(potential->closest, closest, potential->n * sizeof *closest);
    potential->is_empty = false;
    sum_blocks(potential);
}

void strata_potential_accept(struct strata_potential *potential, size_t row)
{
    int64_t *distance = potential->distance, *closest = potential->closest;
    kernels_of(potential->points->isa).fill(potential, row, distance);
    for (size_t at = 0; at < potential->n; at++)
        if (potential->is_empty || distance[at] < closest[at]) closest[at] = distance[at];
    for (size_t at = potential->n; at < tiles_of(potential->n) * TILE_ROWS; at++) closest[at] = 0;
    potential->is_empty = false;
    sum_blocks(potential);
}

int64_t strata_potential_closest(const struct strata_potential *potential, size_t row)
{
    return potential->closest[row];
}

uint64_t strata_potential_weight(const struct strata_potential *potential, size_t row)
{
    return potential->weight ? potential->weight[row] : 1;
}

size_t strata_potential_room(size_t n)
{
    return tiles_of(n) * TILE_ROWS;
}

bool strata_potential_is_near(const struct strata_potential *potential)
{
    return potential->points->is_near;
}
