/* The kernels of a processor with NEON against the integer definition; runs under qemu-aarch64. */
#include "kernels_cases.h"

int main(void)
{
    size_t failures = 0;
    if (!strata_isa_available(STRATA_ISA_NEON) || strata_isa() != STRATA_ISA_NEON) {
        (void)printf("FAILED: NEON is not in force\n");
        return 1;
    }
    const enum strata_isa isas[] = {STRATA_ISA_SCALAR, STRATA_ISA_NEON};
    for (size_t i = 0; i < 2; i++) {
        try_all_kinds(isas[i], &failures);
        try_all_remainders(isas[i], &failures);
        try_large_shapes(isas[i], &failures);
        try_narrow_shapes(isas[i], &failures);
        try_small_shapes(isas[i], 37, &failures);
    }
    try_bounds(STRATA_ISA_NEON, &failures);
    (void)printf("%zu failures\n", failures);
    return failures > 0;
}
