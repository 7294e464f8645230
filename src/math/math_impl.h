/* What the files of this folder share: doubles as bits, and the rounding of a long integer to a
 * double. */
#ifndef STRATA_MATH_IMPL_H
#define STRATA_MATH_IMPL_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 16: as 0, with half precision beside it */
_Static_assert(FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 16, "doubles must be computed as doubles");

#define DOUBLE_FRACTION_BITS 52
#define DOUBLE_EXPONENT_MASK UINT64_C(0x7ff)
#define DOUBLE_HIDDEN_BIT (UINT64_C(1) << DOUBLE_FRACTION_BITS)
#define DOUBLE_INFINITY_BITS (DOUBLE_EXPONENT_MASK << DOUBLE_FRACTION_BITS)

static inline uint64_t bits_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The double nearest to the unsigned integer of n limbs of 32 bits (lowest first) times unit,
 * half to even; infinity when it is too large.  unit is 1 or 2^-1074, so that what fits 53 bits
 * is exact.  O(n). */
double strata_limbs_value(const uint32_t *limb, size_t n, double unit);

#endif
