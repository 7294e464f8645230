/* k-means as a textbook has it, in int64: the oracle for everything that is faster or distributed.
 * O(n k d) a pass. */
#ifndef STRATA_TESTS_NAIVE_KMEANS_H
#define STRATA_TESTS_NAIVE_KMEANS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "strata/math_sums.h"

static inline int64_t naive_distance(const float *x, const int64_t *centre, size_t d)
{
    int64_t total = 0;
    for (size_t j = 0; j < d; j++)
        total += ((int64_t)x[j] - centre[j]) * ((int64_t)x[j] - centre[j]);
    return total;
}

static inline size_t naive_label(const float *x, const int64_t *centre, size_t k, size_t d)
{
    size_t best = 0;
    for (size_t c = 1; c < k; c++)
        if (naive_distance(x, centre + c * d, d) < naive_distance(x, centre + best * d, d))
            best = c;
    return best;
}

/* Lloyd's iterations from centre (k, d) until no label moves; centres without rows stay.  Returns the SSE. */
static inline strata_int128 naive_kmeans(const float *x, size_t n, size_t k, size_t d,
                                         int64_t *centre, size_t *label)
{
    struct strata_sum *sum = calloc(k * d, sizeof *sum);
    uint64_t *count = calloc(k, sizeof *count);
    strata_int128 sse = 0;
    size_t moved = 1;
    if (!sum || !count) abort();
    for (size_t row = 0; row < n; row++) label[row] = k;
    while (moved > 0) {
        moved = 0;
        sse = 0;
        memset(sum, 0, k * d * sizeof *sum);
        memset(count, 0, k * sizeof *count);
        for (size_t row = 0; row < n; row++) {
            const size_t c = naive_label(x + row * d, centre, k, d);
            moved += label[row] != c;
            label[row] = c;
            sse += naive_distance(x + row * d, centre + c * d, d);
            count[c]++;
            for (size_t j = 0; j < d; j++) sum[c * d + j].value += (int64_t)x[row * d + j];
        }
        for (size_t c = 0; c < k && moved > 0; c++)
            for (size_t j = 0; j < d && count[c] > 0; j++)
                centre[c * d + j] = strata_sum_divide(sum[c * d + j], count[c]);
    }
    free(sum);
    free(count);
    return sse;
}

#endif
