/* A register of 16 floats: AVX-512 (F, BW, DQ, VL). */
#ifndef STRATA_NEAREST_LANES_H
#define STRATA_NEAREST_LANES_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
#define GROUP 4
#define ROWS_OF_GROUP(registers) ((registers) <= 2 ? 8 : 4)

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

/* fold neighbouring floats, over and over */
static inline vec v_repeat(const float *at, size_t fold)
{
    if (fold == 4) return _mm512_broadcast_f32x4(_mm_loadu_ps(at));
    if (fold == 2) {
        double both;
        memcpy(&both, at, sizeof both);
        return _mm512_castpd_ps(_mm512_set1_pd(both));
    }
    return _mm512_set1_ps(*at);
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

/* In each quad, the lanes 0 and 2 (1 and 3) of a, then of b. */
static inline vec v_evens(vec a, vec b)
{
    return _mm512_shuffle_ps(a, b, 0x88);
}

static inline vec v_odds(vec a, vec b)
{
    return _mm512_shuffle_ps(a, b, 0xdd);
}

static inline ivec v_load_int(const int32_t *at)
{
    return _mm512_loadu_si512(at);
}

static inline void v_store_int(int32_t *at, ivec v)
{
    _mm512_storeu_si512(at, v);
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

static inline vec v_mark(vec score, int32_t keep, ivec index)
{
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(
        _mm512_castps_si512(score), _mm512_set1_epi32(keep), index, 0xea)); /* score & keep | index */
}

/* The quads of v, the q-th to at + q * pitch. */
static inline void v_store_quads(float *at, size_t pitch, vec v)
{
    _mm_store_ps(at, _mm512_castps512_ps128(v));
    _mm_store_ps(at + pitch, _mm512_extractf32x4_ps(v, 1));
    _mm_store_ps(at + 2 * pitch, _mm512_extractf32x4_ps(v, 2));
    _mm_store_ps(at + 3 * pitch, _mm512_extractf32x4_ps(v, 3));
}

static inline void v_store_labels(uint16_t *at, vec marked, int32_t keep)
{
    const ivec label = _mm512_andnot_si512(_mm512_set1_epi32(keep), _mm512_castps_si512(marked));
    _mm256_storeu_si256((__m256i *)(void *)at, _mm512_cvtepi32_epi16(label));
}

/* One bit a lane: not a > b. */
static inline uint32_t v_not_above(vec a, vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_NGT_UQ);
}

#endif
