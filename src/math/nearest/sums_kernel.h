/* Exact sums of rows by label.
 *
 * Shape: a row is turned into int32 and added to its label's sum in memory, a
 * register at a time; four copies of the sums break the chain of a store and
 * the load behind it where few labels follow each other.  2 operations, a load
 * and a store per register of columns, 4 d bytes read. */
#ifndef STRATA_NEAREST_SUMS_KERNEL_H
#define STRATA_NEAREST_SUMS_KERNEL_H

#include "math/nearest/look_kernel.h"

/* Add a row to a slot.  Returns how many it has. */
INLINE int32_t slot_add(int32_t *value, int32_t *rows, const float *x, size_t d)
{
    size_t j = 0;
    for (; j + LANES <= d; j += LANES)
        v_store_int(value + j, v_add_int(v_load_int(value + j), v_integer(v_load(x + j))));
    if (j < d)
        v_store_int(value + j,
                    v_add_int(v_load_int(value + j), v_integer(v_load_first(x + j, d - j))));
    return *rows += 1;
}

/* Of a few slots that were added to, spill those that are full. */
static __attribute__((noinline)) void spill_full(const struct strata_held *held,
                                                 const uint16_t *label, size_t n,
                                                 struct strata_label_sums to)
{
    for (size_t c = 0; c < n; c++) {
        const size_t slot = c % held->copies * held->k + label[c];
        if (held->rows[slot] >= STRATA_HELD_ROWS) strata_held_spill(held, slot, to);
    }
}

INLINE void sum_columns(const struct strata_held *held, const float *x, size_t n,
                        const uint16_t *label, struct strata_label_sums to, size_t d)
{
    int32_t *const value = held->value, *const rows = held->rows;
    const size_t pitch = held->pitch, k = held->k, last = held->copies - 1;
    for (size_t i = 0; i < n; i += STRATA_HELD_COPIES) {
        const size_t few = n - i < STRATA_HELD_COPIES ? n - i : STRATA_HELD_COPIES;
        int32_t most = 0;
        UNROLL for (size_t c = 0; c < STRATA_HELD_COPIES; c++)
        {
            if (c >= few) break;
            const size_t slot = (c & last) * k + label[i + c]; /* copies are a power of two */
            most |= slot_add(value + slot * pitch, rows + slot, x + (i + c) * d, d);
        }
        if (__builtin_expect(most >= STRATA_HELD_ROWS, 0)) spill_full(held, label + i, few, to);
    }
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
