/* The kernels for AVX-512, and those with a first pass on VNNI. */
#include "math/nearest/lanes_avx512.h"

#include "math/nearest/bounds_kernel.h"
#include "math/nearest/sums_kernel.h"

const struct strata_kernels strata_kernels_avx512 = {
    .lanes = LANES, .group = GROUP, .look = look, .own = own, .check = check, .keep = keep, .sum = sum};

const struct strata_kernels strata_kernels_vnni = {.lanes = LANES,
                                                   .group = GROUP,
                                                   .narrow = strata_narrow_vnni,
                                                   .look = look,
                                                   .own = own,
                                                   .check = check,
                                                   .keep = keep,
                                                   .sum = sum};
