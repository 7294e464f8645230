/* A register of 16 int32, each a sum of products of pairs of int16: AVX-512 with VNNI.  They are positive
 * and below the bits of infinity, so as floats they have the same order, and minima and maxima of
 * floats run on two ports, those of integers on one. */
#ifndef STRATA_NEAREST_LANES_H
#define STRATA_NEAREST_LANES_H

#include <math.h>

#include "math/nearest/registers_avx512.h"

static inline ivec v_bits(vec v)
{
    return _mm512_castps_si512(v);
}

static inline vec v_of(ivec bits)
{
    return _mm512_castsi512_ps(bits);
}

/* Beyond all scores. */
static inline vec v_last(void)
{
    return _mm512_set1_ps(INFINITY);
}

static inline vec v_add(vec a, vec b)
{
    return v_of(_mm512_add_epi32(v_bits(a), v_bits(b)));
}

/* c + the sum of a's pair times b's pair */
static inline vec v_fma(vec a, vec b, vec c)
{
    return v_of(_mm512_dpwssd_epi32(v_bits(c), v_bits(a), v_bits(b)));
}

static inline vec v_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}

static inline vec v_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

#endif
