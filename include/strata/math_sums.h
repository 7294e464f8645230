/* Exact sums: integers of 128 bits for terms on a known grid, and superaccumulators for any
 * doubles.  Integer addition is associative, so order, ranks and threads cannot matter, and a
 * term can be subtracted exactly.  Also the exponential and logarithms that have the same bits
 * everywhere. */
#ifndef STRATA_MATH_SUMS_H
#define STRATA_MATH_SUMS_H

#include <stddef.h>
#include <stdint.h>

/* The compilers' 128-bit integers, named once so that -Wpedantic is content. */
__extension__ typedef __int128 strata_int128;
__extension__ typedef unsigned __int128 strata_uint128;

/* A signed 128-bit integer sum. */
struct strata_sum {
    strata_int128 value;
};

/* On the wire a sum is 4 limbs of 32 bits in int64, so that up to 2^31 ranks can be added by a
 * plain integer sum before carries are propagated. */
#define STRATA_SUM_LIMBS 4
void strata_sum_to_limbs(const struct strata_sum *sum, size_t n,
                         int64_t *limbs); /* limbs is (n, 4) */
void strata_sum_from_limbs(const int64_t *limbs, size_t n, struct strata_sum *sum); /* carries */

/* The nearest double (half to even). */
double strata_sum_value(struct strata_sum sum);

/* sum / divisor rounded to the nearest integer, half to even; divisor > 0, the quotient fits. */
int64_t strata_sum_divide(struct strata_sum sum, uint64_t divisor);

/* The exact sum of any number of finite doubles of any magnitude: 2,240 bits in 32-bit limbs.
 * Zero-initialise.  Normalised, the limbs of up to 2^20 ranks can be added by a plain integer
 * sum. */
#define STRATA_EXACT_LIMBS 70
struct strata_exact {
    int64_t limb[STRATA_EXACT_LIMBS];
    uint32_t pending; /* additions since carries were last propagated */
};
void strata_exact_add(struct strata_exact *sum, double term); /* finite terms only */
/* As often as `times` additions of the term, to the bit, in the time of one. */
void strata_exact_add_times(struct strata_exact *sum, double term, uint32_t times);
void strata_exact_add_exact(struct strata_exact *sum, const struct strata_exact *term);
/* Make every limb fit 32 bits (the top one signed): do this before limbs are summed over ranks. */
void strata_exact_normalise(struct strata_exact *sum);
/* The sum correctly rounded to double (half to even); infinity when it overflows.  Normalises. */
double strata_exact_value(struct strata_exact *sum);

/* Deterministic exp, log and log1p: plain IEEE operations in one fixed order, no fma, the same
 * bits on any machine; error below 1 ulp.  exp below -745.14 is 0 and above 709.79 infinity;
 * log of 0 and log1p of -1 are minus infinity; below that, and for NaN, the result is one
 * canonical NaN.  A zero is always +0.  (fdlibm; Sun Microsystems, 1993) */
double strata_exp(double x);
double strata_log(double x);
double strata_log1p(double x);

#endif
