/* The kernels for avx2. */
#include "math/nearest/lanes_avx2.h"

#include "math/nearest/bounds_kernel.h"
#include "math/nearest/sums_kernel.h"

const struct strata_kernels strata_kernels_avx2 = {
    .lanes = LANES, .group = GROUP, .look = look, .own = own, .check = check, .keep = keep, .sum = sum};
