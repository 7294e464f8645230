/* What the kernels of this folder share: rows in lanes. */
#ifndef STRATA_NEAREST_IMPL_H
#define STRATA_NEAREST_IMPL_H

#include <stddef.h>

#include "strata/features.h"

#define LANES 16 /* rows that go through a kernel side by side */

/* A tile of up to LANES rows, transposed: column j of all lanes stands together, so that the
 * compiler can work on several rows at once while each row's own sequence of operations stays as
 * written. */
struct lanes {
    double x[STRATA_MAX_DIMENSIONS][LANES]; /* lanes beyond n are 0 */
};

static inline void lanes_load(struct lanes *tile, const float *x, size_t n, size_t d)
{
    for (size_t j = 0; j < d; j++) {
        for (size_t lane = 0; lane < LANES; lane++)
            tile->x[j][lane] = lane < n ? (double)x[lane * d + j] : 0.0;
    }
}

#endif
