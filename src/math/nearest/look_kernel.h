/* Look at rows: scores, the error that they may have, what is certain, and bounds.
 *
 * A strip of rows goes through a few steps, each a loop of its own.  Beyond the scores (scores_kernel.h):
 * without bounds 2 d operations and about 15 a row, with bounds 3 d and about 30; 4 d bytes read
 * again from cache. */
#ifndef STRATA_NEAREST_LOOK_KERNEL_H
#define STRATA_NEAREST_LOOK_KERNEL_H

#include "math/nearest/scores_kernel.h"

/* --- lengths ---------------------------------------------------------------------------- */

/* The squares of a row, in lanes. */
INLINE vec squares_of(const float *x, size_t d)
{
    vec sum = v_set(0);
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        const vec at = v_load(x + j);
        sum = v_fma(at, at, sum);
    }
    if (j == d) return sum;
    const vec at = v_load_first(x + j, d - j);
    return v_fma(at, at, sum);
}

/* Sums of rows' lanes: four rows are folded to a quad each, and the quads of a
 * strip wait in memory until all are there, as the wider loads that add them up
 * must not follow the stores at once. */
struct lengths {
    float at[STRIP / LANES][QUADS][LANES];
};

INLINE void lengths_put(struct lengths *lengths, size_t row, vec a, vec b, vec c, vec d)
{
    v_store_quads(&lengths->at[row / LANES][0][row % LANES], LANES,
                  sum_fold(sum_fold(a, b), sum_fold(c, d)));
}

/* The sums of the tile from row on; off by d + 3 roundings. */
INLINE vec lengths_of(const struct lengths *lengths, size_t row)
{
    vec sum = v_load(lengths->at[row / LANES][0]);
    UNROLL for (size_t q = 1; q < QUADS; q++) sum += v_load(lengths->at[row / LANES][q]);
    return sum;
}

static __attribute__((noinline)) void strip_norms(const float *x, size_t n, size_t d,
                                                  struct strata_strip *strip)
{
    struct lengths lengths __attribute__((aligned(64)));
    for (size_t row = 0; row < n; row += 4) {
        const float *at = x + row * d;
        lengths_put(&lengths, row, squares_of(at, d), squares_of(at + d, d),
                    squares_of(at + 2 * d, d), squares_of(at + 3 * d, d));
    }
    for (size_t row = 0; row < n; row += LANES)
        v_store(strip->square + row, lengths_of(&lengths, row));
}

/* One number for all LANES rows: the sum of their squares, d registers as they
 * lie. */
static __attribute__((noinline)) void strip_reach(const float *x, size_t n, size_t d,
                                                  struct strata_strip *strip)
{
    for (size_t first = 0; first < n; first += LANES) {
        const float *at = x + first * d;
        vec even = v_set(0), odd = even;
        size_t i = 0;
        for (; i + 2 <= d; i += 2) {
            const vec a = v_load(at + i * LANES), b = v_load(at + (i + 1) * LANES);
            even = v_fma(a, a, even);
            odd = v_fma(b, b, odd);
        }
        if (i < d) {
            const vec a = v_load(at + i * LANES);
            even = v_fma(a, a, even);
        }
        v_store(strip->square + first, v_set(v_sum(even + odd)));
    }
}

/* 2 E of the head of centres.h. */
INLINE vec error_of(const struct strata_doubt *doubt, vec square)
{
    return v_fma(v_sqrt(square), v_set(doubt->slope), v_set(doubt->base));
}

/* |x|^2 + 2 score, with room for every rounding on the way, under a root. */
static __attribute__((noinline)) void strip_bounds(const struct strata_doubt *doubt,
                                                   const struct strata_strip *strip, size_t n,
                                                   float *upper, float *lower)
{
    const vec two = v_set(2), room = v_set(doubt->room), zero = v_set(0),
              blur = v_set(2 * doubt->blur + 0x1p-20F);
    for (size_t first = 0; first < n; first += LANES) {
        const vec square = v_load(strip->square + first), best = v_load(strip->best + first),
                  second = v_load(strip->second + first);
        const vec common = v_fma(room, square, error_of(doubt, square));
        const vec near =
            v_fma(v_fma(blur, v_abs(best), common), v_set(SLACK), v_fma(two, best, square));
        const vec far =
            v_fma(v_fma(blur, v_abs(second), common), v_set(-SLACK), v_fma(two, second, square));
        v_store(upper + first, v_sqrt(v_max(near, zero)) * v_set(1 + 0x1p-20F));
        v_store(lower + first, v_sqrt(v_max(far, zero)) * v_set(1 - 0x1p-20F));
    }
}

/* Rows that are not certain, or longer than most. */
static __attribute__((noinline)) size_t strip_settle(const struct strata_doubt *doubt,
                                                     const struct strata_strip *strip, size_t n,
                                                     uint32_t row, uint32_t *unsure)
{
    size_t n_unsure = 0;
    const vec blur = v_set(doubt->blur), most = v_set(doubt->most);
    for (size_t first = 0; first < n; first += LANES) {
        const vec best = v_load(strip->best + first), second = v_load(strip->second + first),
                  square = v_load(strip->square + first);
        const vec around = v_fma(v_fma(blur, v_abs(best) + v_abs(second), error_of(doubt, square)),
                                 v_set(SLACK), v_set(0.125F));
        uint32_t mask = v_not_above(second - best, around) | v_not_above(most, square);
        for (; mask; mask &= mask - 1)
            unsure[n_unsure++] = row + (uint32_t)first + (uint32_t)__builtin_ctz(mask);
    }
    return n_unsure;
}

static void strip_labels(const struct strata_strip *strip, size_t n, int32_t keep, uint16_t *label)
{
    for (size_t first = 0; first < n; first += LANES)
        v_store_labels(label + first, v_load(strip->best + first), keep);
}

static size_t look(const struct strata_centres *centres, const float *x, size_t n,
                   struct strata_look out, bool narrow, uint32_t *unsure)
{
    const size_t d = centres->dims.d;
    const struct strata_doubt *doubt = narrow ? &centres->narrow->doubt : &centres->doubt;
    strip_shape *const fill_scores = shape_of(centres);
    struct strata_strip strip __attribute__((aligned(64)));
    size_t n_unsure = 0;
    for (size_t first = 0; first < n; first += STRIP) {
        const size_t rows = n - first < STRIP ? n - first : STRIP;
        const float *at = x + first * d;
        if (narrow) {
            centres->kernels->narrow(centres->narrow, at, rows, &strip, out.label + first);
        } else {
            fill_scores(centres, at, rows, &strip);
            strip_labels(&strip, rows, centres->keep, out.label + first);
        }
        if (narrow || out.upper)
            strip_norms(at, rows, d, &strip);
        else
            strip_reach(at, rows, d, &strip);
        if (out.upper) strip_bounds(doubt, &strip, rows, out.upper + first, out.lower + first);
        n_unsure += strip_settle(doubt, &strip, rows, (uint32_t)first, unsure + n_unsure);
    }
    return n_unsure;
}

#endif
