/* The kernels of a processor with NEON against the integer definition; runs under qemu-aarch64. */
#include "kernels_cases.h"

int main(void)
{
    size_t failures = 0;
    if (!strata_isa_available(STRATA_ISA_NEON) || strata_isa() != STRATA_ISA_NEON) {
        (void)printf("FAILED: NEON is not in force\n");
        return 1;
    }
    /* The scalar kernels are the same code everywhere; once is enough to see it under this compiler. */
    try_all_kinds(STRATA_ISA_SCALAR, &failures);
    try_all_kinds(STRATA_ISA_NEON, &failures);
    try_all_remainders(STRATA_ISA_NEON, &failures);
    try_large_shapes(STRATA_ISA_NEON, &failures);
    try_narrow_shapes(STRATA_ISA_NEON, &failures);
    try_small_shapes(STRATA_ISA_NEON, 37, &failures);
    try_bounds(STRATA_ISA_NEON, &failures);
    (void)printf("%zu failures\n", failures);
    return failures > 0;
}
