/* Exact sums of rows by label.
 *
 * Shape: a row is turned into int32 and added to its label's sum in memory, a
 * register at a time; four copies of the sums break the chain of a store and
 * the load behind it where few labels follow each other.  2 operations, a load
 * and a store per register of columns, 4 d bytes read. */
#ifndef STRATA_NEAREST_SUMS_KERNEL_H
#define STRATA_NEAREST_SUMS_KERNEL_H

#include "math/nearest/look_kernel.h"

INLINE void held_add(const struct strata_held *held, const float *x, size_t slot, size_t d,
                     struct strata_label_sums to)
{
    int32_t *at = held->value + slot * held->pitch;
    size_t j = 0;
    for (; j + LANES <= d; j += LANES)
        v_store_int(at + j, v_add_int(v_load_int(at + j), v_integer(v_load(x + j))));
    if (j < d)
        v_store_int(at + j, v_add_int(v_load_int(at + j), v_integer(v_load_first(x + j, d - j))));
    if (++held->rows[slot] == STRATA_HELD_ROWS) strata_held_spill(held, slot, to);
}

INLINE void sum_columns(const struct strata_held *held, const float *x, size_t n,
                        const uint16_t *label, struct strata_label_sums to, size_t d)
{
    const size_t last = held->copies - 1; /* copies are a power of two */
    size_t copy[STRATA_HELD_COPIES];
    for (size_t c = 0; c < STRATA_HELD_COPIES; c++) copy[c] = (c & last) * held->k;
    size_t i = 0;
    for (; i + STRATA_HELD_COPIES <= n; i += STRATA_HELD_COPIES) {
        UNROLL for (size_t c = 0; c < STRATA_HELD_COPIES; c++)
            held_add(held, x + (i + c) * d, copy[c] + label[i + c], d, to);
    }
    for (; i < n; i++) held_add(held, x + i * d, label[i], d, to);
}

static void sum(const struct strata_held *held, const float *x, size_t n, const uint16_t *label,
                struct strata_label_sums to)
{
    if (held->d == 8)
        sum_columns(held, x, n, label, to, 8);
    else if (held->d == 16)
        sum_columns(held, x, n, label, to, 16);
    else if (held->d == 32)
        sum_columns(held, x, n, label, to, 32);
    else
        sum_columns(held, x, n, label, to, held->d);
}

#endif
