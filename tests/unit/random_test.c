#include <criterion/criterion.h>

#include "strata/random.h"

Test(random, every_part_of_the_question_changes_the_answer)
{
    const uint64_t bits = strata_random_bits(1, STRATA_PURPOSE_TEST, 2, 3);
    cr_assert_eq(bits, strata_random_bits(1, STRATA_PURPOSE_TEST, 2, 3));
    cr_assert_neq(bits, strata_random_bits(2, STRATA_PURPOSE_TEST, 2, 3));
    cr_assert_neq(bits, strata_random_bits(1, STRATA_PURPOSE_SAMPLE, 2, 3));
    cr_assert_neq(bits, strata_random_bits(1, STRATA_PURPOSE_TEST, 3, 3));
    cr_assert_neq(bits, strata_random_bits(1, STRATA_PURPOSE_TEST, 2, 4));
    cr_assert_neq(bits, strata_random_bits(1ULL << 40, STRATA_PURPOSE_TEST, 2, 3));
}

/* 100,000 draws in 10 cells: chi-square with 9 degrees of freedom stays below its 99.99 % point. */
Test(random, draws_below_a_bound_are_even)
{
    double count[10] = {0};
    for (uint64_t i = 0; i < 100000; i++)
        count[strata_random_below(7, STRATA_PURPOSE_TEST, i, 0, 10)]++;
    double chi_square = 0;
    for (int cell = 0; cell < 10; cell++)
        chi_square += (count[cell] - 1e4) * (count[cell] - 1e4) / 1e4;
    cr_assert_lt(chi_square, 33.72);
}

Test(random, units_are_in_the_half_open_interval_with_mean_one_half)
{
    double sum = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        const double u = strata_random_unit(7, STRATA_PURPOSE_TEST, i, 1);
        cr_assert(u >= 0 && u < 1);
        sum += u;
    }
    cr_assert_float_eq(sum / 1e5, 0.5, 0.005);
}

Test(random, many_at_once_are_the_same_numbers)
{
    uint64_t a[37], out[37];
    for (uint64_t i = 0; i < 37; i++) a[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    strata_random_fill(UINT64_C(1) << 40, STRATA_PURPOSE_TEST, a, 37, 5, out);
    for (size_t i = 0; i < 37; i++)
        cr_assert_eq(out[i], strata_random_bits(UINT64_C(1) << 40, STRATA_PURPOSE_TEST, a[i], 5));
}
