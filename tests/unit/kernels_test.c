/* Every instruction set's kernels that this processor can run, against the integer definition. */
#include <criterion/criterion.h>

#include "kernels_cases.h"

#define EACH_ISA(call)                                                               \
    do {                                                                             \
        size_t failures = 0;                                                         \
        for (enum strata_isa isa = STRATA_ISA_SCALAR; isa < STRATA_ISA_COUNT; isa++) \
            if (strata_isa_available(isa)) call;                                     \
        cr_assert_eq(failures, 0);                                                   \
    } while (0)

Test(kernels, small_shapes)
{
    EACH_ISA(try_small_shapes(isa, 5, &failures));
}

Test(kernels, all_kinds_of_rows)
{
    EACH_ISA(try_all_kinds(isa, &failures));
}

Test(kernels, shapes_of_the_narrow_pass)
{
    EACH_ISA(try_narrow_shapes(isa, &failures));
}

Test(kernels, all_remainders)
{
    EACH_ISA(try_all_remainders(isa, &failures));
}

Test(kernels, large_shapes)
{
    EACH_ISA(try_large_shapes(isa, &failures));
}

Test(kernels, bounds)
{
    EACH_ISA(try_bounds(isa, &failures));
}

Test(kernels, room_for_sums_is_enough_for_fewer_segments)
{
    static const size_t ds[] = {1, 6, 16, 17, 100, 512};
    for (size_t i = 0; i < sizeof ds / sizeof *ds; i++) {
        size_t most = 0;
        for (size_t k = 1; k <= 1024; k++) {
            const size_t bytes = strata_label_sums_scratch((struct strata_dims){k, ds[i]});
            cr_assert_geq(bytes, most, "k %zu, d %zu", k, ds[i]);
            most = bytes;
        }
    }
}

Test(kernels, the_one_in_force_is_available)
{
    cr_assert(strata_isa_available(strata_isa()));
    cr_assert(strata_isa_available(STRATA_ISA_SCALAR));
    cr_assert_str_eq(strata_isa_word(STRATA_ISA_AVX512), "avx512");
}
