/* Sums by label that are held in int32 until they might overflow. */
#ifndef STRATA_NEAREST_HELD_H
#define STRATA_NEAREST_HELD_H

#include <stddef.h>
#include <stdint.h>

#define STRATA_HELD_ROWS 64  /* a slot is spilled when it has so many; 67 * 2^24 < 2^31 */
#define STRATA_HELD_COPIES 4 /* at most: neighbouring rows go to different ones */

/* Slot copy * k + label: rows[slot] rows, their sum at value + slot * pitch. */
struct strata_held {
    size_t k, d;
    size_t pitch;  /* floats from one slot to the next: d rounded up to the widest
                    register */
    size_t copies; /* a power of two */
    int32_t *rows;
    int32_t *value;
};

/* Where a slot's rows go to when it is full. */
struct strata_label_sums {
    int64_t *count; /* (k) */
    int64_t *sum;   /* (k, d) */
};

void strata_held_spill(const struct strata_held *held, size_t slot, struct strata_label_sums to);

#endif
