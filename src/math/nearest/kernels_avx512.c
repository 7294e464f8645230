/* The kernels for AVX-512, and those with a first pass in AMX tiles. */
#include "math/nearest/lanes_avx512.h"

#include "math/nearest/bounds_kernel.h"
#include "math/nearest/sums_kernel.h"

const struct strata_kernels strata_kernels_avx512 = {
    .lanes = LANES, .group = GROUP, .look = look, .own = own, .check = check, .keep = keep, .sum = sum};

const struct strata_kernels strata_kernels_amx = {.lanes = LANES,
                                                  .group = GROUP,
                                                  .narrow = strata_narrow_amx,
                                                  .look = look,
                                                  .own = own,
                                                  .check = check,
                                                  .keep = keep,
                                                  .sum = sum};
