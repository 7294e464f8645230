/* A register of 16 floats: AVX-512. */
#ifndef STRATA_NEAREST_LANES_H
#define STRATA_NEAREST_LANES_H

#include <math.h>

#include "math/nearest/registers_avx512.h"

/* Beyond all scores. */
static inline vec v_last(void)
{
    return v_set(INFINITY);
}

static inline vec v_add(vec a, vec b)
{
    return a + b;
}

static inline vec v_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline vec v_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}

static inline vec v_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

static inline vec v_abs(vec a)
{
    return _mm512_abs_ps(a);
}

static inline float v_sum(vec a)
{
    return _mm512_reduce_add_ps(a);
}

static inline vec v_sqrt(vec a)
{
    return _mm512_sqrt_ps(a);
}

static inline ivec v_add_int(ivec a, ivec b)
{
    return _mm512_add_epi32(a, b);
}

static inline ivec v_integer(vec v)
{
    return _mm512_cvtps_epi32(v);
}

/* table[label] for LANES labels */
static inline vec v_look_up(const float *table, const uint16_t *label)
{
    const __m256i narrow = _mm256_loadu_si256((const __m256i *)(const void *)label);
    return _mm512_i32gather_ps(_mm512_cvtepu16_epi32(narrow), table, 4);
}

/* The same from a table of LANES. */
static inline vec v_of_few(vec table, const uint16_t *label)
{
    const __m256i narrow = _mm256_loadu_si256((const __m256i *)(const void *)label);
    return _mm512_permutexvar_ps(_mm512_cvtepu16_epi32(narrow), table);
}

/* One bit a lane: not a > b. */
static inline uint32_t v_not_above(vec a, vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_NGT_UQ);
}

#endif
