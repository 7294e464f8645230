/* A register of 16 numbers of 32 bits, whatever they are: AVX-512 (F, BW, DQ, VL). */
#ifndef STRATA_NEAREST_REGISTERS_AVX512_H
#define STRATA_NEAREST_REGISTERS_AVX512_H

#include <immintrin.h>
#include <math.h>
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

#endif
