/* What exact kernels and mixtures look at: rows in lanes, two to a vector
 * register, which every 64-bit processor has.  Each row's own sequence of
 * operations is as written, so its bits are those of plain doubles. */
#ifndef STRATA_LANES_H
#define STRATA_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "strata/nearest.h"

#define LANES 16          /* rows that go through a kernel side by side */
#define PAIRS (LANES / 2) /* registers they take */

typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_mask __attribute__((vector_size(16))); /* all ones where a comparison holds */

static inline pair pair_of(double value)
{
    return (pair){value, value};
}

static inline pair pair_pick(pair_mask where, pair yes, pair no)
{
    return (pair)((where & (pair_mask)yes) | (~where & (pair_mask)no));
}

/* A tile of up to LANES rows, transposed: column j of all lanes stands
 * together. */
union lanes {
    double x[STRATA_MAX_DIMENSIONS][LANES]; /* lanes beyond n are 0 */
    pair pair[STRATA_MAX_DIMENSIONS][PAIRS];
};

static inline void lanes_load(union lanes *tile, const float *x, size_t n, size_t d)
{
    for (size_t j = 0; j < d; j++) {
        for (size_t lane = 0; lane < n; lane++) tile->x[j][lane] = (double)x[lane * d + j];
        for (size_t lane = n; lane < LANES; lane++) tile->x[j][lane] = 0.0;
    }
}

#endif
