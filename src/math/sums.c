/* 128-bit integer sums: their form on the wire, and their way to doubles and rounded quotients. */
#include "strata/math_sums.h"

#include <assert.h>
#include <stdbool.h>

#include "math/math_impl.h"

static strata_uint128 magnitude_of(strata_int128 value)
{
    return value < 0 ? -(strata_uint128)value : (strata_uint128)value;
}

void strata_sum_to_limbs(const struct strata_sum *sum, size_t n, int64_t *limbs)
{
    for (size_t i = 0; i < n; i++) {
        const strata_uint128 value = (strata_uint128)sum[i].value;
        int64_t *limb = limbs + i * STRATA_SUM_LIMBS;
        for (int l = 0; l < STRATA_SUM_LIMBS - 1; l++)
            limb[l] = (int64_t)(uint32_t)(value >> (32 * l));
        limb[STRATA_SUM_LIMBS - 1] = (int32_t)(uint32_t)(value >> (32 * (STRATA_SUM_LIMBS - 1)));
    }
}

void strata_sum_from_limbs(const int64_t *limbs, size_t n, struct strata_sum *sum)
{
    for (size_t i = 0; i < n; i++) {
        strata_uint128 value = 0;
        for (int l = 0; l < STRATA_SUM_LIMBS; l++) {
            value += (strata_uint128)(strata_int128)limbs[i * STRATA_SUM_LIMBS + (size_t)l]
                     << (32 * l);
        }
        sum[i].value = (strata_int128)value;
    }
}

/* Bits [low, low + 64) of the integer; bits above its end are 0. */
static uint64_t limbs_window(const uint32_t *limb, size_t n, size_t low)
{
    const size_t first = low / 32;
    strata_uint128 window = 0;
    for (size_t l = 0; l < 3 && first + l < n; l++)
        window |= (strata_uint128)limb[first + l] << (32 * l);
    return (uint64_t)(window >> (low % 32));
}

static bool limbs_any_below(const uint32_t *limb, size_t bit)
{
    for (size_t l = 0; l < bit / 32; l++) {
        if (limb[l]) return true;
    }
    return limb[bit / 32] & ((UINT32_C(1) << (bit % 32)) - 1);
}

double strata_limbs_value(const uint32_t *limb, size_t n, double unit)
{
    while (n > 0 && limb[n - 1] == 0) n--;
    if (n == 0) return 0;
    const size_t length = 32 * n - (size_t)__builtin_clz(limb[n - 1]);
    if (length <= DOUBLE_FRACTION_BITS + 1) return (double)limbs_window(limb, n, 0) * unit;

    const size_t dropped = length - (DOUBLE_FRACTION_BITS + 1);
    uint64_t mantissa = limbs_window(limb, n, dropped);
    const bool half = limbs_window(limb, n, dropped - 1) & 1;
    if (half && ((mantissa & 1) || limbs_any_below(limb, dropped - 1))) mantissa++;
    const uint64_t bits =
        bits_of_double((double)mantissa * unit) + ((uint64_t)dropped << DOUBLE_FRACTION_BITS);
    return double_of_bits(bits < DOUBLE_INFINITY_BITS ? bits : DOUBLE_INFINITY_BITS);
}

double strata_sum_value(struct strata_sum sum)
{
    const strata_uint128 value = magnitude_of(sum.value);
    uint32_t limb[STRATA_SUM_LIMBS];
    for (int l = 0; l < STRATA_SUM_LIMBS; l++) limb[l] = (uint32_t)(value >> (32 * l));
    const double rounded = strata_limbs_value(limb, STRATA_SUM_LIMBS, 1.0);
    return sum.value < 0 ? -rounded : rounded;
}

int64_t strata_sum_divide(struct strata_sum sum, uint64_t divisor)
{
    assert(divisor > 0);
    const strata_uint128 value = magnitude_of(sum.value);
    strata_uint128 quotient = value / divisor;
    const strata_uint128 twice = 2 * (value % divisor);
    if (twice > divisor || (twice == divisor && (quotient & 1))) quotient++;
    assert(quotient <= (strata_uint128)INT64_MAX);
    return sum.value < 0 ? -(int64_t)quotient : (int64_t)quotient;
}
