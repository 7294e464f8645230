/* The kernels for avx512. */
#include "math/nearest/lanes_avx512.h"

#include "math/nearest/bounds_kernel.h"
#include "math/nearest/sums_kernel.h"

const struct strata_kernels strata_kernels_avx512 = {
    .lanes = LANES, .group = GROUP, .look = look, .own = own, .check = check, .keep = keep, .sum = sum};
