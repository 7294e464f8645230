/* Bounds: the distance from a row's own centre, and which rows their bounds still hold in place.
 *
 * own, per row: 3 d operations, 8 d bytes read (half of them centres, in cache), 4 written.
 * check, per row: 2 table look-ups (within a register for few centres), about 5 operations, 10 bytes
 * read.  keep, per row: 2 table look-ups, 4 operations, 10 bytes read, 8 written. */
#ifndef STRATA_NEAREST_BOUNDS_KERNEL_H
#define STRATA_NEAREST_BOUNDS_KERNEL_H

#include "math/nearest/look_kernel.h"

/* The squared differences of a row from its centre, in lanes. */
INLINE vec differences_of(const float *x, const float *centre, size_t d)
{
    vec sum = v_set(0);
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        const vec step = v_load(x + j) - v_load(centre + j);
        sum = v_fma(step, step, sum);
    }
    if (j == d) return sum;
    const vec step = v_load_first(x + j, d - j) - v_load_first(centre + j, d - j);
    return v_fma(step, step, sum);
}

/* Differences of grid integers are off by one rounding, squares and their sum
 * by d + 4 more. */
static void own(const struct strata_centres *centres, const float *x, size_t n,
                const uint16_t *label, float *upper)
{
    const size_t d = centres->dims.d;
    const float *plain = centres->plain;
    struct lengths lengths __attribute__((aligned(64)));
    for (size_t first = 0; first < n; first += STRIP) {
        const size_t rows = n - first < STRIP ? n - first : STRIP;
        for (size_t row = 0; row < rows; row += 4) {
            const float *at = x + (first + row) * d;
            const uint16_t *of = label + first + row;
            lengths_put(&lengths, row, differences_of(at, plain + of[0] * d, d),
                        differences_of(at + d, plain + of[1] * d, d),
                        differences_of(at + 2 * d, plain + of[2] * d, d),
                        differences_of(at + 3 * d, plain + of[3] * d, d));
        }
        for (size_t row = 0; row < rows; row += LANES)
            v_store(upper + first + row,
                    v_sqrt(lengths_of(&lengths, row) * v_set(1 + centres->doubt.room)) *
                        v_set(1 + 0x1p-20F));
    }
}

/* Sums and differences of two floats are off by 2^-24 of themselves. */
INLINE size_t check_shape(const struct strata_drift *drift, const uint16_t *label,
                          const float *upper, const float *lower, size_t n, uint32_t *row, bool few)
{
    size_t n_rows = 0;
    const vec up = v_set(0x1p-22F), both_few = v_load(drift->both), slack_few = v_load(drift->slack);
    for (size_t first = 0; first < n; first += LANES) {
        const uint16_t *own = label + first;
        const vec both = few ? v_of_few(both_few, own) : v_look_up(drift->both, own);
        const vec slack = few ? v_of_few(slack_few, own) : v_look_up(drift->slack, own);
        const vec high = v_load(upper + first), reach = high + both;
        const vec far = v_fma(v_abs(reach), up, reach);
        uint32_t mask = v_not_above(v_load(lower + first), far) & v_not_above(slack, high);
        for (; mask; mask &= mask - 1)
            row[n_rows++] = (uint32_t)first + (uint32_t)__builtin_ctz(mask);
    }
    return n_rows;
}

static size_t check(const struct strata_drift *drift, const uint16_t *label, const float *upper,
                    const float *lower, size_t n, uint32_t *row)
{
    return drift->k <= LANES ? check_shape(drift, label, upper, lower, n, row, true)
                             : check_shape(drift, label, upper, lower, n, row, false);
}

static void keep(const struct strata_drift *drift, const uint16_t *label, float *upper,
                 float *lower, size_t n)
{
    const vec up = v_set(0x1p-22F), down = v_set(1 - 0x1p-22F);
    for (size_t first = 0; first < n; first += LANES) {
        const vec high = v_load(upper + first) - v_look_up(drift->own, label + first);
        const vec low = v_load(lower + first) + v_look_up(drift->other, label + first);
        v_store(upper + first, v_fma(v_abs(high), up, high));
        v_store(lower + first, low * down);
    }
}

#endif
