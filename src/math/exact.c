/* The superaccumulator: a fixed-point number wide enough for any sum of doubles (after Kulisch,
 * 1976, and the small accumulator of Neal, 2015).  Limb l counts units of 2^(32 l - 1074).  An
 * addition touches three limbs (four when a term counts up to 2^32 times) by less than 2^32 each, so
 * 2^30 of them cannot overflow an int64; carries wait until then, or until the value is asked for. */
#include "strata/math_sums.h"

#include <assert.h>
#include <stdbool.h>

#include "math/math_impl.h"

#define LIMB_BITS 32
#define PENDING_MAX (UINT32_C(1) << 30)

void strata_exact_normalise(struct strata_exact *sum)
{
    int64_t carry = 0;
    for (size_t l = 0; l + 1 < STRATA_EXACT_LIMBS; l++) {
        const int64_t value = sum->limb[l] + carry;
        sum->limb[l] = (int64_t)((uint64_t)value & UINT32_MAX);
        carry = (value - sum->limb[l]) / (INT64_C(1) << LIMB_BITS); /* exact */
    }
    sum->limb[STRATA_EXACT_LIMBS - 1] += carry;
    sum->pending = 0;
}

void strata_exact_add(struct strata_exact *sum, double term)
{
    strata_exact_add_times(sum, term, 1);
}

void strata_exact_add_times(struct strata_exact *sum, double term, uint32_t times)
{
    const uint64_t bits = bits_of_double(term);
    const uint64_t exponent = (bits >> DOUBLE_FRACTION_BITS) & DOUBLE_EXPONENT_MASK;
    assert(exponent != DOUBLE_EXPONENT_MASK);
    uint64_t mantissa = bits & (DOUBLE_HIDDEN_BIT - 1);
    size_t shift = 0; /* of the mantissa, in units of 2^-1074 */
    if (exponent > 0) {
        mantissa |= DOUBLE_HIDDEN_BIT;
        shift = (size_t)exponent - 1;
    }
    if (sum->pending >= PENDING_MAX) strata_exact_normalise(sum);
    sum->pending++;

    const strata_uint128 placed = (strata_uint128)mantissa * times << (shift % LIMB_BITS);
    const int64_t sign = bits >> 63 ? -1 : 1;
    int64_t *limb = sum->limb + shift / LIMB_BITS;
    limb[0] += sign * (int64_t)(uint32_t)placed;
    limb[1] += sign * (int64_t)(uint32_t)(placed >> LIMB_BITS);
    limb[2] += sign * (int64_t)(uint32_t)(placed >> (2 * LIMB_BITS));
    limb[3] += sign * (int64_t)(uint32_t)(placed >> (3 * LIMB_BITS));
}

void strata_exact_add_exact(struct strata_exact *sum, const struct strata_exact *term)
{
    if (sum->pending + term->pending >= PENDING_MAX) strata_exact_normalise(sum);
    for (size_t l = 0; l < STRATA_EXACT_LIMBS; l++) sum->limb[l] += term->limb[l];
    sum->pending += term->pending + 1; /* a normalised term weighs as one addition */
}

double strata_exact_value(struct strata_exact *sum)
{
    strata_exact_normalise(sum);
    const bool negative = sum->limb[STRATA_EXACT_LIMBS - 1] < 0;
    struct strata_exact magnitude = *sum;
    if (negative) {
        for (size_t l = 0; l < STRATA_EXACT_LIMBS; l++) magnitude.limb[l] = -magnitude.limb[l];
        strata_exact_normalise(&magnitude);
    }
    uint32_t limb[STRATA_EXACT_LIMBS];
    for (size_t l = 0; l < STRATA_EXACT_LIMBS; l++) limb[l] = (uint32_t)magnitude.limb[l];
    const double rounded = strata_limbs_value(limb, STRATA_EXACT_LIMBS, 0x1p-1074);
    return negative ? -rounded : rounded;
}
