/* Bounds: the distance from a row's own centre, and how bounds age.
 *
 * own, per row: 3 d operations, 8 d bytes read (half of them centres, in
 * cache), 4 written. age, per row: 3 table look-ups, about 8 operations, 10
 * bytes read, 8 written. */
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
                    v_sqrt(lengths_of(&lengths, row) * v_set(1 + centres->room)) *
                        v_set(1 + 0x1p-20F));
    }
}

/* Sums and differences of two floats are off by 2^-24 of themselves; no
 * distance is below 0. */
static size_t age(const struct strata_ageing *ageing, const uint16_t *label, float *upper,
                  float *lower, size_t n, uint32_t *row)
{
    size_t n_rows = 0;
    const vec up = v_set(1 + 0x1p-22F), down = v_set(1 - 0x1p-22F), zero = v_set(0);
    for (size_t first = 0; first < n; first += LANES) {
        const vec own_move = v_look_up(ageing->own_move, label + first),
                  other_move = v_look_up(ageing->other_move, label + first),
                  half_gap = v_look_up(ageing->half_gap, label + first);
        const vec high = (v_load(upper + first) + own_move) * up;
        const vec low = v_max((v_load(lower + first) - other_move) * down, zero);
        v_store(upper + first, high);
        v_store(lower + first, low);
        uint32_t mask = v_not_above(v_max(low, half_gap), high);
        for (; mask; mask &= mask - 1)
            row[n_rows++] = (uint32_t)first + (uint32_t)__builtin_ctz(mask);
    }
    return n_rows;
}

#endif
