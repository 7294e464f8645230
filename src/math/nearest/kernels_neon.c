/* The kernels for neon. */
#include "math/nearest/lanes_neon.h"

#include "math/nearest/bounds_kernel.h"
#include "math/nearest/sums_kernel.h"

const struct strata_kernels strata_kernels_neon = {
    .lanes = LANES, .group = GROUP, .look = look, .own = own, .check = check, .keep = keep, .sum = sum};
