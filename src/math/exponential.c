/* exp, log and log1p with the same bits on every machine.
 *
 * Method and coefficients are those of fdlibm (e_exp.c, e_log.c, s_log1p.c):
 *   Copyright (C) 1993, 2004 by Sun Microsystems, Inc.  All rights reserved.  Permission to use,
 *   copy, modify, and distribute this software is freely granted, provided that this notice is
 *   preserved.
 *
 * exp:  x = k ln 2 + r with |r| <= ln 2 / 2, ln 2 in two parts; a rational function of degree 5 in
 *       r^2 (Remez) gives exp(r); then 2^k by the exponent field.
 * log:  x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)]; s = f / (2 + f);
 *       log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)) with R of degree 14 in s (Remez).
 *
 * Only + - * / on doubles in the order written, and integer operations on their bits: no fma
 * (contraction is off), no library function.  Error below 1 ulp.  NaN is one canonical NaN, zero
 * is +0. */
#include "strata/math_sums.h"

#include <math.h>

#include "math/math_impl.h"

#define LN2_HIGH 0x1.62e42fee00000p-1 /* 32 bits, so that k * LN2_HIGH is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define CANONICAL_NAN UINT64_C(0x7ff8000000000000)
#define HIGH_OF_ONE UINT32_C(0x3ff00000)       /* upper half of the bits of 1.0 */
#define HIGH_OF_SQRT_HALF UINT32_C(0x3fe6a09e) /* upper half of the bits of sqrt(1/2) */

static double canonical_nan(void)
{
    return double_of_bits(CANONICAL_NAN);
}

static uint32_t high_half(double x)
{
    return (uint32_t)(bits_of_double(x) >> 32);
}

/* y * 2^k for y in [1/2, 2], with one rounding where the result is subnormal. */
static double scaled(double y, int k)
{
    if (k > 1023) return y * 2.0 * 0x1p1023; /* k is 1024 at most */
    if (k >= -1021) return y * double_of_bits((uint64_t)(k + 1023) << DOUBLE_FRACTION_BITS);
    return y * double_of_bits((uint64_t)(k + 1000 + 1023) << DOUBLE_FRACTION_BITS) * 0x1p-1000;
}

double strata_exp(double x)
{
    static const double p[] = {0x1.555555555553ep-3, -0x1.6c16c16bebd93p-9, 0x1.1566aaf25de2cp-14,
                               -0x1.bbd41c5d26bf1p-20, 0x1.6376972bea4d0p-25};
    if (x != x) return canonical_nan();
    if (x > 0x1.62e42fefa39efp+9) return HUGE_VAL;
    if (x < -0x1.74910d52d3051p+9) return 0;
    if (x < 0x1p-54 && x > -0x1p-54) return 1;

    const int k = (int)(0x1.71547652b82fep+0 * x + (x < 0 ? -0.5 : 0.5));
    const double high = x - (double)k * LN2_HIGH;
    const double low = (double)k * LN2_LOW;
    const double r = high - low;
    const double t = r * r;
    const double c = r - t * (p[0] + t * (p[1] + t * (p[2] + t * (p[3] + t * p[4]))));
    return scaled(1.0 - ((low - (r * c) / (2.0 - c)) - high), k);
}

/* k ln 2 + log(1 + f) + correction, with 1 + f in [sqrt(1/2), sqrt(2)]. */
static double log_reduced(int k, double f, double correction)
{
    static const double l[] = {0x1.5555555555593p-1, 0x1.999999997fa04p-2, 0x1.2492494229359p-2,
                               0x1.c71c51d8e78afp-3, 0x1.7466496cb03dep-3, 0x1.39a09d078c69fp-3,
                               0x1.2f112df3e5244p-3};
    const double half_square = 0.5 * f * f;
    const double s = f / (2.0 + f);
    const double z = s * s;
    const double w = z * z;
    const double even = w * (l[1] + w * (l[3] + w * l[5]));
    const double odd = z * (l[0] + w * (l[2] + w * (l[4] + w * l[6])));
    const double r = odd + even;
    return s * (half_square + r) + ((double)k * LN2_LOW + correction) - half_square + f +
           (double)k * LN2_HIGH;
}

/* Split a positive normal x into 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt(2)]; returns f, adds to
 * *k. */
static double split(double x, int *k)
{
    const uint32_t moved = high_half(x) + (HIGH_OF_ONE - HIGH_OF_SQRT_HALF);
    *k += (int)(moved >> 20) - 1023;
    const uint64_t high = (moved & UINT32_C(0xfffff)) + HIGH_OF_SQRT_HALF;
    return double_of_bits(high << 32 | (bits_of_double(x) & UINT32_MAX)) - 1.0;
}

double strata_log(double x)
{
    int k = 0;
    if (x == 0) return -HUGE_VAL;
    if (!(x > 0)) return canonical_nan();
    if (bits_of_double(x) == DOUBLE_INFINITY_BITS) return HUGE_VAL;
    if (x < 0x1p-1022) { /* subnormal */
        k = -54;
        x *= 0x1p54;
    }
    const double f = split(x, &k);
    return log_reduced(k, f, 0.0);
}

double strata_log1p(double x)
{
    if (x == -1) return -HUGE_VAL;
    if (!(x > -1)) return canonical_nan();
    if (bits_of_double(x) == DOUBLE_INFINITY_BITS) return HUGE_VAL;
    if (x < 0x1p-53 && x > -0x1p-53) return x + 0.0;
    /* 1 + x in [sqrt(1/2), sqrt(2)]: f = x exactly.  The bounds are those of fdlibm's high
     * words. */
    if (x >= -0x1.2bec4p-2 && x < 0x1.a827ap-2) return log_reduced(0, x, 0.0);

    const double sum = 1.0 + x; /* rounded: the correction gives back what was lost */
    int k = 0;
    const double f = split(sum, &k);
    double correction = 0;
    if (k < 54) correction = (k >= 2 ? 1.0 - (sum - x) : x - (sum - 1.0)) / sum;
    return log_reduced(k, f, correction);
}
