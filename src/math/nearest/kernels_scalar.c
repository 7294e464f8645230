/* The kernels for scalar. */
#include "math/nearest/lanes_scalar.h"

#include "math/nearest/bounds_kernel.h"
#include "math/nearest/sums_kernel.h"

const struct strata_kernels strata_kernels_scalar = {
    .lanes = LANES, .group = GROUP, .look = look, .own = own, .check = check, .keep = keep, .sum = sum};
