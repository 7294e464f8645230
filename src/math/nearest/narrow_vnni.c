/* A first pass on int16: half the products of the float pass, exact in int32.
 *
 * Rows are scaled to int16 on the way (16 bits of cache, 4 d bytes of memory as ever); then the shapes are
 * those of scores_kernel.h with a pair of columns where a float was.  What the rounding to int16 may
 * do is in the bound (head of narrow.c).
 *
 * Per row: k d / 2 products of pairs, 3 operations a 16 columns to scale. */
#include "math/nearest/lanes_vnni.h"

#include "math/nearest/scores_kernel.h"

/* count floats, a multiple of 32, to int16, saturated. */
static void scale_rows(const float *x, size_t count, float scale, int16_t *to)
{
    const __m512 factor = _mm512_set1_ps(scale);
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    for (size_t i = 0; i < count; i += 2 * LANES) {
        const __m512i low = _mm512_cvtps_epi32(_mm512_mul_ps(v_load(x + i), factor));
        const __m512i high = _mm512_cvtps_epi32(_mm512_mul_ps(v_load(x + i + LANES), factor));
        _mm512_storeu_si512(to + i, _mm512_permutexvar_epi64(order, _mm512_packs_epi32(low, high)));
        __builtin_prefetch((const char *)(x + i) + AHEAD_BYTES, 0, 2);
        __builtin_prefetch((const char *)(x + i + LANES) + AHEAD_BYTES, 0, 2);
    }
}

void strata_narrow_vnni(const struct strata_narrow *narrow, const float *x, size_t n,
                        struct strata_strip *strip, uint16_t *label)
{
    const struct strata_centres *pairs = &narrow->pairs;
    int16_t row[STRATA_STRIP * STRATA_NARROW_COLUMNS + LANES] __attribute__((aligned(64)));
    scale_rows(x, n * 2 * pairs->dims.d, narrow->scale, row);
    shape_of(pairs)(pairs, (const float *)(const void *)row, n, strip);
    const vec back = _mm512_set1_ps(narrow->back);
    const ivec zero = _mm512_set1_epi32(STRATA_NARROW_ZERO);
    for (size_t first = 0; first < n; first += LANES) {
        const vec best = v_load(strip->best + first), second = v_load(strip->second + first);
        const ivec near = _mm512_sub_epi32(v_bits(best), zero),
                   next = _mm512_sub_epi32(v_bits(second), zero);
        v_store_labels(label + first, best, pairs->keep);
        v_store(strip->best + first, _mm512_mul_ps(_mm512_cvtepi32_ps(near), back));
        v_store(strip->second + first, _mm512_mul_ps(_mm512_cvtepi32_ps(next), back));
    }
}
