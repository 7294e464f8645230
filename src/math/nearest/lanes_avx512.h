/* A register of 16 floats: AVX-512 (F, BW, DQ, VL). */
#ifndef STRATA_NEAREST_LANES_H
#define STRATA_NEAREST_LANES_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 16
#define GROUP 8 /* centres whose scores with two tiles stay in registers */

typedef __m512 vec;
typedef __m512i ivec;

static inline vec v_set(float value)
{
    return _mm512_set1_ps(value);
}

static inline vec v_load(const float *at)
{
    return _mm512_loadu_ps(at);
}

static inline vec v_load_first(const float *at, size_t n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1U << n) - 1U), at);
}

static inline void v_store(float *at, vec v)
{
    _mm512_storeu_ps(at, v);
}

static inline ivec v_load_int(const int32_t *at)
{
    return _mm512_loadu_si512(at);
}

static inline void v_store_int(int32_t *at, ivec v)
{
    _mm512_storeu_si512(at, v);
}

/* The quads of v, the q-th to at + q * pitch. */
static inline void v_store_labels(uint16_t *at, vec marked, int32_t keep)
{
    const ivec label = _mm512_andnot_si512(_mm512_set1_epi32(keep), _mm512_castps_si512(marked));
    _mm256_storeu_si256((__m256i *)(void *)at, _mm512_cvtepi32_epi16(label));
}

/* The score with an index in its lowest bits. */
static inline vec v_mark(vec score, int32_t keep, int32_t index)
{
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(_mm512_castps_si512(score), _mm512_set1_epi32(keep),
                                  _mm512_set1_epi32(index), 0xea)); /* score & keep | index */
}

/* Four neighbouring numbers of LANES rows, d apart, as four columns. */
static inline void v_turn(const float *x, size_t d, vec *to)
{
    __m512 four[4]; /* register i: rows i, i + 4, i + 8, i + 12 */
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        const float *at = x + i * d;
        four[i] = _mm512_castps128_ps512(_mm_loadu_ps(at));
        four[i] = _mm512_mask_broadcast_f32x4(four[i], 0x00f0, _mm_loadu_ps(at + 4 * d));
        four[i] = _mm512_mask_broadcast_f32x4(four[i], 0x0f00, _mm_loadu_ps(at + 8 * d));
        four[i] = _mm512_mask_broadcast_f32x4(four[i], 0xf000, _mm_loadu_ps(at + 12 * d));
    }
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(four[0], four[1])),
                  b = _mm512_castps_pd(_mm512_unpackhi_ps(four[0], four[1])),
                  c = _mm512_castps_pd(_mm512_unpacklo_ps(four[2], four[3])),
                  e = _mm512_castps_pd(_mm512_unpackhi_ps(four[2], four[3]));
    to[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    to[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    to[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, e));
    to[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, e));
}

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

/* Append first + i for each bit i of a mask; returns how many. */
#define V_APPEND
static inline size_t v_append(uint32_t mask, uint32_t first, uint32_t *to)
{
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i index = _mm512_add_epi32(lane, _mm512_set1_epi32((int32_t)first));
    const uint32_t n = (uint32_t)__builtin_popcount(mask);
    _mm512_mask_storeu_epi32(to, (__mmask16)((1U << n) - 1U),
                             _mm512_maskz_compress_epi32((__mmask16)mask, index));
    return n;
}

#endif
