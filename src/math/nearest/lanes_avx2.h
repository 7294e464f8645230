/* A register of 8 floats: AVX2 and FMA. */
#ifndef STRATA_NEAREST_LANES_H
#define STRATA_NEAREST_LANES_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 8
#define GROUP 4 /* centres whose scores with two tiles stay in registers */

typedef __m256 vec;
typedef __m256i ivec;

static inline vec v_set(float value)
{
    return _mm256_set1_ps(value);
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

static inline vec v_load(const float *at)
{
    return _mm256_loadu_ps(at);
}

static inline vec v_load_first(const float *at, size_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(at, _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n), lane));
}

static inline void v_store(float *at, vec v)
{
    _mm256_storeu_ps(at, v);
}

static inline vec v_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline vec v_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}

static inline vec v_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

static inline vec v_abs(vec a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
}

static inline vec v_sqrt(vec a)
{
    return _mm256_sqrt_ps(a);
}

static inline ivec v_load_int(const int32_t *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

static inline void v_store_int(int32_t *at, ivec v)
{
    _mm256_storeu_si256((__m256i *)(void *)at, v);
}

static inline ivec v_add_int(ivec a, ivec b)
{
    return _mm256_add_epi32(a, b);
}

static inline ivec v_integer(vec v)
{
    return _mm256_cvtps_epi32(v);
}

/* table[label] for LANES labels */
static inline vec v_look_up(const float *table, const uint16_t *label)
{
    const __m128i narrow = _mm_loadu_si128((const __m128i *)(const void *)label);
    return _mm256_i32gather_ps(table, _mm256_cvtepu16_epi32(narrow), 4);
}

/* The same from a table of LANES. */
static inline vec v_of_few(vec table, const uint16_t *label)
{
    const __m128i narrow = _mm_loadu_si128((const __m128i *)(const void *)label);
    return _mm256_permutevar8x32_ps(table, _mm256_cvtepu16_epi32(narrow));
}

/* The quads of v, the q-th to at + q * pitch. */
static inline void v_store_labels(uint16_t *at, vec marked, int32_t keep)
{
    const __m256i label = _mm256_andnot_si256(_mm256_set1_epi32(keep), _mm256_castps_si256(marked));
    _mm_storeu_si128((__m128i *)(void *)at, _mm_packus_epi32(_mm256_castsi256_si128(label),
                                                             _mm256_extracti128_si256(label, 1)));
}

/* One bit a lane: not a > b. */
static inline uint32_t v_not_above(vec a, vec b)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_NGT_UQ));
}

/* The score with an index in its lowest bits. */
static inline vec v_mark(vec score, int32_t keep, int32_t index)
{
    const vec kept = _mm256_and_ps(score, _mm256_castsi256_ps(_mm256_set1_epi32(keep)));
    return _mm256_or_ps(kept, _mm256_castsi256_ps(_mm256_set1_epi32(index)));
}

/* Four neighbouring numbers of LANES rows, d apart, as four columns. */
static inline void v_turn(const float *x, size_t d, vec *to)
{
    __m256 four[4]; /* register i: rows i and i + 4 */
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        four[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + i * d)),
                                       _mm_loadu_ps(x + (i + 4) * d), 1);
    const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(four[0], four[1])),
                  b = _mm256_castps_pd(_mm256_unpackhi_ps(four[0], four[1])),
                  c = _mm256_castps_pd(_mm256_unpacklo_ps(four[2], four[3])),
                  e = _mm256_castps_pd(_mm256_unpackhi_ps(four[2], four[3]));
    to[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, c));
    to[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, c));
    to[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(b, e));
    to[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(b, e));
}

#endif
