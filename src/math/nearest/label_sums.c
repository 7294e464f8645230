/* Sums of rows by label in int64.
 *
 * Bits: a row's columns are at most 2^24, so 127 of them fit int32; a slot of the held sums spills before
 * it has 68 rows, so nothing needs to be known of the rows.  With weights of at most 2^20 a term is
 * at most 2^44, and the caller keeps all weights together below 2^39: sums stay below 2^63. */
#include <string.h>

#include "math/nearest/centres.h"
#include "math/nearest/held.h"

#define LINE 64
#define COPIES_BYTES 16384 /* copies are made while all of them fit this */

static size_t rounded(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static struct strata_held held_view(struct strata_dims dims, void *scratch)
{
    const size_t pitch = rounded(dims.d, STRATA_LANES_MOST),
                 bytes = dims.k * pitch * sizeof(int32_t);
    size_t copies = STRATA_HELD_COPIES;
    while (copies > 1 && copies * bytes > COPIES_BYTES) copies /= 2;
    int32_t *value = scratch;
    return (struct strata_held){.k = dims.k,
                                .d = dims.d,
                                .pitch = pitch,
                                .copies = copies,
                                .value = value,
                                .rows = value + copies * dims.k * pitch};
}

/* Enough for fewer segments too, of which there may be more copies. */
size_t strata_label_sums_scratch(struct strata_dims dims)
{
    const size_t pitch = rounded(dims.d, STRATA_LANES_MOST),
                 slots = COPIES_BYTES / sizeof(int32_t) / pitch;
    const size_t most = slots > dims.k ? slots : dims.k;
    return rounded(most * (pitch + 1) * sizeof(int32_t), LINE);
}

void strata_held_spill(const struct strata_held *held, size_t slot, struct strata_label_sums to)
{
    const size_t label = slot % held->k;
    int32_t *value = held->value + slot * held->pitch;
    int64_t *sum = to.sum + label * held->d;
    for (size_t j = 0; j < held->d; j++) sum[j] += value[j];
    memset(value, 0, held->pitch * sizeof *value);
    to.count[label] += held->rows[slot];
    held->rows[slot] = 0;
}

void strata_label_sums_hold(struct strata_dims dims, enum strata_isa isa, const float *x,
                            const uint32_t *weight, size_t n, const uint16_t *label, void *scratch,
                            int64_t *count, int64_t *sum)
{
    if (!weight) {
        const struct strata_held held = held_view(dims, scratch);
        strata_kernels_of(isa)->sum(&held, x, n, label, (struct strata_label_sums){count, sum});
        return;
    }
    for (size_t i = 0; i < n; i++)
        strata_label_sums_move(dims, x + i * dims.d, weight[i], STRATA_NO_LABEL, label[i], count,
                               sum);
}

void strata_label_sums_spill(struct strata_dims dims, void *scratch, int64_t *count, int64_t *sum)
{
    const struct strata_held held = held_view(dims, scratch);
    for (size_t slot = 0; slot < held.copies * held.k; slot++)
        if (held.rows[slot] > 0)
            strata_held_spill(&held, slot, (struct strata_label_sums){count, sum});
}

void strata_label_sums_add(struct strata_dims dims, enum strata_isa isa, const float *x,
                           const uint32_t *weight, size_t n, const uint16_t *label, void *scratch,
                           int64_t *count, int64_t *sum)
{
    strata_label_sums_hold(dims, isa, x, weight, n, label, scratch, count, sum);
    if (!weight) strata_label_sums_spill(dims, scratch, count, sum);
}

void strata_label_sums_move(struct strata_dims dims, const float *x, uint32_t weight, uint16_t from,
                            uint16_t to, int64_t *count, int64_t *sum)
{
    int64_t *gain = sum + to * dims.d;
    count[to] += weight;
    if (from == STRATA_NO_LABEL) {
        for (size_t j = 0; j < dims.d; j++) gain[j] += (int64_t)x[j] * (int64_t)weight;
        return;
    }
    int64_t *loss = sum + from * dims.d;
    count[from] -= weight;
    for (size_t j = 0; j < dims.d; j++) {
        const int64_t term = (int64_t)x[j] * (int64_t)weight;
        gain[j] += term;
        loss[j] -= term;
    }
}
