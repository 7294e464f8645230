/* Look at rows: scores, the error that they may have, what is certain, and bounds.
 *
 * A strip of rows goes through a few steps, each a loop of its own.  Beyond the scores (scores_kernel.h):
 * without bounds 2 d operations and about 15 a row, with bounds 3 d and about 30; 4 d bytes read
 * again from cache. */
#ifndef STRATA_NEAREST_LOOK_KERNEL_H
#define STRATA_NEAREST_LOOK_KERNEL_H

#include "math/nearest/scores_kernel.h"

/* e (X^2 + 8 (1 + 2^-6) (X^2 + best)) and more: see centres.h. */
INLINE vec error_of(const struct strata_doubt *doubt, vec square, vec best)
{
    return v_set(doubt->error) * v_fma(v_set(8.25F), square + best, square);
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
        const vec common = v_fma(room, square, two * error_of(doubt, square, best));
        const vec near =
            v_fma(v_fma(blur, v_abs(best), common), v_set(SLACK), v_fma(two, best, square));
        const vec far =
            v_fma(v_fma(blur, v_abs(second), common), v_set(-SLACK), v_fma(two, second, square));
        v_store(upper + first, v_sqrt(v_max(near, zero)) * v_set(1 + 0x1p-20F));
        v_store(lower + first, v_sqrt(v_max(far, zero)) * v_set(1 - 0x1p-20F));
    }
}

/* Rows that are not certain. */
static __attribute__((noinline)) size_t strip_settle(const struct strata_doubt *doubt,
                                                     const struct strata_strip *strip, size_t n,
                                                     uint32_t row, uint32_t *unsure)
{
    size_t n_unsure = 0;
    const vec blur = v_set(doubt->blur);
    for (size_t first = 0; first < n; first += LANES) {
        const vec best = v_load(strip->best + first), second = v_load(strip->second + first),
                  square = v_load(strip->square + first);
        const vec around =
            v_fma(v_fma(blur, v_abs(best) + v_abs(second), error_of(doubt, square, best)),
                  v_set(SLACK), v_set(0.125F));
        uint32_t mask = v_not_above(second - best, around);
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
    struct strata_strip strip __attribute__((aligned(64)));
    size_t n_unsure = 0;
    for (size_t first = 0; first < n; first += STRIP) {
        const size_t rows = n - first < STRIP ? n - first : STRIP;
        const float *at = x + first * d;
        if (narrow)
            centres->kernels->narrow(centres, at, rows, &strip);
        else
            strip_scores(centres, at, rows, &strip);
        strip_labels(&strip, rows, centres->keep, out.label + first);
        if (out.upper) strip_bounds(doubt, &strip, rows, out.upper + first, out.lower + first);
        n_unsure += strip_settle(doubt, &strip, rows, (uint32_t)first, unsure + n_unsure);
    }
    return n_unsure;
}

#endif
