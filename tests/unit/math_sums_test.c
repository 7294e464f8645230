#include "strata/math_sums.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math_sums_cases.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* A counter-based generator (splitmix64), so that term i is the same in every split and order. */
static uint64_t random_bits(uint64_t i)
{
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double random_unit(uint64_t i)
{
    return (double)(random_bits(i) >> 11) * 0x1p-53;
}

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static strata_int128 wide(int64_t high, uint64_t low)
{
    return (strata_int128)((strata_uint128)(strata_int128)high << 64 | low);
}

/* Any finite double, all exponents equally likely. */
static double random_finite(uint64_t i)
{
    const uint64_t bits = random_bits(i);
    const uint64_t exponent = (bits >> 52) & 0x7ff;
    return double_of(exponent == 0x7ff ? bits & ~(UINT64_C(1) << 62) : bits);
}

/* --- 128-bit sums ---------------------------------------------------------------------------- */

Test(sum, value_is_the_nearest_double_half_to_even)
{
    for (size_t i = 0; i < COUNT_OF(value_cases); i++) {
        const struct value_case *c = &value_cases[i];
        const double got = strata_sum_value((struct strata_sum){wide(c->high, c->low)});
        cr_expect_eq(bits_of(got), bits_of(c->value), "case %zu: %a, not %a", i, got, c->value);
    }
}

Test(sum, value_agrees_with_the_compilers_conversion)
{
    for (uint64_t i = 0; i < 100000; i++) {
        const strata_int128 value =
            wide((int64_t)random_bits(2 * i), random_bits(2 * i + 1)) >> (random_bits(i) % 127);
        const double got = strata_sum_value((struct strata_sum){value});
        cr_assert_eq(bits_of(got), bits_of((double)value), "%a, not %a", got, (double)value);
    }
}

Test(sum, quotient_is_the_nearest_integer_half_to_even)
{
    for (size_t i = 0; i < COUNT_OF(quotient_cases); i++) {
        const struct quotient_case *c = &quotient_cases[i];
        const struct strata_sum sum = {wide(c->high, c->low)};
        const int64_t got = strata_sum_divide(sum, c->divisor);
        cr_expect_eq(got, c->quotient, "case %zu: %lld, not %lld", i, (long long)got,
                     (long long)c->quotient);
    }
}

Test(sum, limbs_added_over_ranks_give_the_sum)
{
    enum { RANKS = 7, N = 50 };
    int64_t total[N * STRATA_SUM_LIMBS] = {0};
    strata_int128 expected[N] = {0};
    for (uint64_t rank = 0; rank < RANKS; rank++) {
        struct strata_sum mine[N];
        int64_t limbs[N * STRATA_SUM_LIMBS];
        for (uint64_t i = 0; i < N; i++) {
            const uint64_t seed = 2 * (rank * N + i);
            mine[i].value = wide((int64_t)random_bits(seed), random_bits(seed + 1)) >> (3 + i);
            expected[i] += mine[i].value;
        }
        strata_sum_to_limbs(mine, N, limbs);
        for (size_t l = 0; l < N * STRATA_SUM_LIMBS; l++) {
            cr_assert(limbs[l] < INT64_C(1) << 32 && limbs[l] >= -(INT64_C(1) << 31));
            total[l] += limbs[l];
        }
    }
    struct strata_sum sum[N];
    strata_sum_from_limbs(total, N, sum);
    for (size_t i = 0; i < N; i++) cr_assert(sum[i].value == expected[i], "sum %zu", i);
}

Test(sum, extreme_values_survive_the_wire)
{
    const struct strata_sum sum[] = {{0},
                                     {1},
                                     {-1},
                                     {wide(INT64_MAX, UINT64_MAX)},
                                     {wide(INT64_MIN, 0)},
                                     {wide(0, UINT64_C(1) << 63)},
                                     {wide(-1, 0)}};
    int64_t limbs[COUNT_OF(sum) * STRATA_SUM_LIMBS];
    struct strata_sum back[COUNT_OF(sum)];
    strata_sum_to_limbs(sum, COUNT_OF(sum), limbs);
    strata_sum_from_limbs(limbs, COUNT_OF(sum), back);
    for (size_t i = 0; i < COUNT_OF(sum); i++) cr_expect(sum[i].value == back[i].value, "%zu", i);
}

/* --- superaccumulators ------------------------------------------------------------------------ */

static bool exact_equal(struct strata_exact a, struct strata_exact b)
{
    strata_exact_normalise(&a);
    strata_exact_normalise(&b);
    return !memcmp(a.limb, b.limb, sizeof a.limb);
}

Test(exact, value_is_correctly_rounded)
{
    for (size_t i = 0; i < COUNT_OF(sum_cases); i++) {
        const struct sum_case *c = &sum_cases[i];
        struct strata_exact sum = {0};
        for (size_t t = 0; t < c->n; t++) strata_exact_add(&sum, c->term[t]);
        const double got = strata_exact_value(&sum);
        cr_expect_eq(bits_of(got), bits_of(c->value), "case %zu: %a, not %a", i, got, c->value);
    }
}

Test(exact, one_term_is_itself)
{
    for (uint64_t i = 0; i < 20000; i++) {
        const double term = random_finite(i);
        struct strata_exact sum = {0};
        strata_exact_add(&sum, term);
        cr_assert_eq(bits_of(strata_exact_value(&sum)), bits_of(term), "%a", term);
    }
    struct strata_exact zero = {0};
    strata_exact_add(&zero, -0.0);
    cr_assert_eq(bits_of(strata_exact_value(&zero)), 0u, "minus zero is made canonical");
}

Test(exact, agrees_with_128_bit_integers)
{
    for (uint64_t trial = 0; trial < 2000; trial++) {
        struct strata_exact sum = {0};
        strata_int128 expected = 0; /* in units of 2^-30 */
        for (uint64_t i = 0; i < 20; i++) {
            const int64_t mantissa = (int64_t)random_bits(20 * trial + i) >> 11;
            const int shift = (int)(random_bits(~i) % 60);
            strata_exact_add(&sum, ldexp((double)mantissa, shift - 30));
            expected += mantissa * ((strata_int128)1 << shift);
        }
        const double want = ldexp((double)expected, -30);
        cr_assert_eq(bits_of(strata_exact_value(&sum)), bits_of(want), "trial %d", (int)trial);
    }
}

Test(exact, order_and_partition_do_not_change_a_bit)
{
    enum { N = 5000, RANKS = 5 };
    struct strata_exact forward = {0}, backward = {0}, total = {0}, part[RANKS] = {0};
    for (uint64_t i = 0; i < N; i++) {
        strata_exact_add(&forward, random_finite(i));
        strata_exact_add(&backward, random_finite(N - 1 - i));
        strata_exact_add(&part[random_bits(i + N) % RANKS], random_finite(i));
    }
    for (size_t r = 0; r < RANKS; r++) {
        if (r % 2) strata_exact_normalise(&part[r]);
        strata_exact_add_exact(&total, &part[r]);
    }
    cr_assert(exact_equal(forward, backward));
    cr_assert(exact_equal(forward, total));
}

Test(exact, limbs_added_over_ranks_give_the_sum)
{
    enum { N = 3000, RANKS = 3 };
    struct strata_exact all = {0}, part[RANKS] = {0}, wire = {0};
    for (uint64_t i = 0; i < N; i++) {
        strata_exact_add(&all, random_finite(i));
        strata_exact_add(&part[i % RANKS], random_finite(i));
    }
    for (size_t r = 0; r < RANKS; r++) {
        strata_exact_normalise(&part[r]);
        for (size_t l = 0; l < STRATA_EXACT_LIMBS; l++) {
            cr_assert(l + 1 == STRATA_EXACT_LIMBS || (part[r].limb[l] >> 32) == 0);
            wire.limb[l] += part[r].limb[l];
        }
    }
    cr_assert(exact_equal(all, wire));
}

Test(exact, subtraction_takes_a_term_back_exactly)
{
    enum { N = 2000 };
    struct strata_exact kept = {0}, sum = {0};
    for (uint64_t i = 0; i < N; i++) {
        strata_exact_add(&sum, random_finite(i));
        if (i % 3) strata_exact_add(&kept, random_finite(i));
    }
    for (uint64_t i = 0; i < N; i += 3) strata_exact_add(&sum, -random_finite(i));
    cr_assert(exact_equal(kept, sum));
    for (uint64_t i = 0; i < N; i++) {
        if (i % 3) strata_exact_add(&sum, -random_finite(i));
    }
    cr_assert_eq(bits_of(strata_exact_value(&sum)), 0u);
}

/* Doubling an accumulator n times adds 2^n terms: far more than a rank may add before carries. */
Test(exact, carries_are_propagated_before_limbs_overflow)
{
    const double terms[] = {1.7976931348623157e308 * 0x1p-52, -0x1.fffffffffffffp-1, 0x1.8p-1060};
    for (size_t t = 0; t < COUNT_OF(terms); t++) {
        struct strata_exact sum = {0};
        strata_exact_add(&sum, terms[t]);
        for (int doubling = 0; doubling < 50; doubling++) {
            const struct strata_exact again = sum;
            strata_exact_add_exact(&sum, &again);
        }
        const double want = terms[t] * 0x1p50;
        cr_expect_eq(bits_of(strata_exact_value(&sum)), bits_of(want), "term %zu", t);
    }
}

/* --- exponentials ----------------------------------------------------------------------------- */

static double spacing(double x)
{
    x = fabs(x);
    return x < 0x1p-1022 ? 0x1p-1074 : ldexp(1.0, ilogb(x) - 52);
}

static double ulps(double got, long double want)
{
    return (double)(fabsl((long double)got - want) / (long double)spacing((double)want));
}

Test(exponentials, exp_is_within_one_ulp)
{
    double worst = 0;
    for (uint64_t i = 0; i < 300000; i++) {
        const double scale = i % 3 == 0 ? 1.0 : i % 3 == 1 ? 40.0 : 745.0;
        const double x = fmin((2 * random_unit(i) - 1) * scale, 709.7);
        const double error = ulps(strata_exp(x), expl((long double)x));
        cr_assert_lt(error, 1.0, "exp(%a) is wrong by %.3f ulp", x, error);
        worst = fmax(worst, error);
    }
    cr_assert_gt(worst, 0.5, "an oracle this close does not measure anything");
}

Test(exponentials, log_is_within_one_ulp)
{
    for (uint64_t i = 0; i < 300000; i++) {
        double x = fabs(random_finite(i));
        if (i % 3 == 0) x = 0.4 + 2 * random_unit(i);
        if (x == 0) continue;
        const double error = ulps(strata_log(x), logl((long double)x));
        cr_assert_lt(error, 1.0, "log(%a) is wrong by %.3f ulp", x, error);
    }
}

Test(exponentials, log1p_is_within_one_ulp)
{
    for (uint64_t i = 0; i < 300000; i++) {
        double x = fabs(random_finite(i));
        if (i % 3 == 0) x = 3 * random_unit(i) - 0.999999;
        if (i % 3 == 1) x = ldexp(random_unit(i), (int)(random_bits(i) % 120) - 70);
        const double error = ulps(strata_log1p(x), log1pl((long double)x));
        cr_assert_lt(error, 1.0, "log1p(%a) is wrong by %.3f ulp", x, error);
    }
}

Test(exponentials, reduction_borders_are_within_one_ulp)
{
    const double borders[] = {0.34657359027997264,
                              0.5,
                              0.7071067811865476,
                              1.4142135623730951,
                              1.0,
                              -0.2928932188134524,
                              0.41421356237309515,
                              -0.5,
                              -0.9999999999999999,
                              0x1p-1022,
                              0x1p-53,
                              -0x1p-53,
                              0x1p-54,
                              9007199254740992.0,
                              2.0};
    for (size_t b = 0; b < COUNT_OF(borders); b++) {
        double x = borders[b];
        for (int step = 0; step < 200; step++) x = nextafter(x, -HUGE_VAL);
        for (int step = 0; step < 400; step++) {
            x = nextafter(x, HUGE_VAL);
            if (x < 700) cr_expect_lt(ulps(strata_exp(x), expl((long double)x)), 1.0, "%a", x);
            if (x > 0) cr_expect_lt(ulps(strata_log(x), logl((long double)x)), 1.0, "%a", x);
            if (x > -1) cr_expect_lt(ulps(strata_log1p(x), log1pl((long double)x)), 1.0, "%a", x);
        }
    }
}

Test(exponentials, special_values_are_canonical)
{
    const uint64_t nan_bits = UINT64_C(0x7ff8000000000000);
    const double minus_nan = -double_of(nan_bits);
    cr_expect_eq(bits_of(strata_exp(minus_nan)), nan_bits);
    cr_expect_eq(bits_of(strata_log(minus_nan)), nan_bits);
    cr_expect_eq(bits_of(strata_log1p(minus_nan)), nan_bits);
    cr_expect_eq(bits_of(strata_log(-1)), nan_bits);
    cr_expect_eq(bits_of(strata_log1p(-1.5)), nan_bits);
    cr_expect_eq(bits_of(strata_log1p(-HUGE_VAL)), nan_bits);
    cr_expect_eq(strata_exp(HUGE_VAL), HUGE_VAL);
    cr_expect_eq(strata_exp(709.79), HUGE_VAL);
    cr_expect_lt(strata_exp(709.78), HUGE_VAL);
    cr_expect_eq(bits_of(strata_exp(-HUGE_VAL)), 0u);
    cr_expect_eq(bits_of(strata_exp(-745.14)), 0u);
    cr_expect_eq(strata_exp(-745.13), 0x1p-1074);
    cr_expect_eq(strata_exp(0), 1.0);
    cr_expect_eq(strata_exp(-0.0), 1.0);
    cr_expect_eq(strata_log(0), -HUGE_VAL);
    cr_expect_eq(strata_log(-0.0), -HUGE_VAL);
    cr_expect_eq(strata_log(HUGE_VAL), HUGE_VAL);
    cr_expect_eq(bits_of(strata_log(1)), 0u);
    cr_expect_eq(strata_log1p(-1), -HUGE_VAL);
    cr_expect_eq(strata_log1p(HUGE_VAL), HUGE_VAL);
    cr_expect_eq(bits_of(strata_log1p(-0.0)), 0u);
    cr_expect_eq(strata_log1p(-0x1p-1074), -0x1p-1074);
}

static uint64_t mixed(uint64_t hash, double x)
{
    return random_bits(hash ^ bits_of(x));
}

/* Within an ulp is not enough: every compiler and machine must give these bits. */
Test(exponentials, bits_are_the_same_on_every_machine)
{
    uint64_t exp_hash = 0, log_hash = 0, log1p_hash = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        exp_hash = mixed(exp_hash, strata_exp((2 * random_unit(i) - 1) * 750));
        log_hash = mixed(log_hash, strata_log(fabs(random_finite(i))));
        log1p_hash = mixed(log1p_hash, strata_log1p(ldexp(random_unit(i), (int)(i % 100) - 60)));
    }
    cr_expect_eq(exp_hash, UINT64_C(0xb347dff816f69bb8), "%#llx", (unsigned long long)exp_hash);
    cr_expect_eq(log_hash, UINT64_C(0x1dabbf61429e36db), "%#llx", (unsigned long long)log_hash);
    cr_expect_eq(log1p_hash, UINT64_C(0x5293eb8a4e92b4f5), "%#llx", (unsigned long long)log1p_hash);
}
