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

/* The sums of LANES registers' lanes, in order. */
INLINE vec sums_of_lanes(const vec *v)
{
    float row[LANES * LANES] __attribute__((aligned(64)));
    UNROLL for (size_t i = 0; i < LANES; i++) v_store(row + i * LANES, v[i]);
    vec sum = v_set(0);
    for (size_t j = 0; j < LANES; j += 4) {
        vec column[4];
        v_turn(row + j, LANES, column);
        UNROLL for (size_t i = 0; i < 4; i++) sum = v_add(sum, column[i]);
    }
    return sum;
}

/* Differences of grid integers are off by one rounding, squares and their sum
 * by d + LANES more. */
static void own(const struct strata_centres *centres, const float *x, size_t n,
                const uint16_t *label, float *upper)
{
    const size_t d = centres->dims.d;
    const vec room = v_set(1 + centres->doubt.room), up = v_set(1 + 0x1p-20F);
    for (size_t first = 0; first < n; first += LANES) {
        vec square[LANES];
        for (size_t i = 0; i < LANES; i++)
            square[i] =
                differences_of(x + (first + i) * d, centres->plain + label[first + i] * d, d);
        v_store(upper + first, v_sqrt(sums_of_lanes(square) * room) * up);
    }
}

#ifndef V_APPEND
/* Append first + i for each bit i of a mask; returns how many. */
INLINE size_t v_append(uint32_t mask, uint32_t first, uint32_t *to)
{
    size_t n = 0;
    for (; mask; mask &= mask - 1) to[n++] = first + (uint32_t)__builtin_ctz(mask);
    return n;
}
#endif

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
        const uint32_t mask = v_not_above(v_load(lower + first), far) & v_not_above(slack, high);
        n_rows += v_append(mask, (uint32_t)first, row + n_rows);
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
