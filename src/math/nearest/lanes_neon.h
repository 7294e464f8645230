/* A register of 4 floats: NEON. */
#ifndef STRATA_NEAREST_LANES_H
#define STRATA_NEAREST_LANES_H

#include <arm_neon.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 4
#define GROUP 4
#define ROWS_OF_GROUP(registers) 4

typedef float32x4_t vec;
typedef int32x4_t ivec;

static inline vec v_set(float value)
{
    return vdupq_n_f32(value);
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
    return vld1q_f32(at);
}

static inline vec v_load_first(const float *at, size_t n)
{
    vec v = {0};
    for (size_t i = 0; i < n; i++) v[i] = at[i];
    return v;
}

static inline void v_store(float *at, vec v)
{
    vst1q_f32(at, v);
}

/* fold neighbouring floats, over and over */
static inline vec v_repeat(const float *at, size_t fold)
{
    if (fold == 2) return vcombine_f32(vld1_f32(at), vld1_f32(at));
    return vld1q_dup_f32(at);
}

static inline vec v_fma(vec a, vec b, vec c)
{
    return vfmaq_f32(c, a, b);
}

static inline vec v_min(vec a, vec b)
{
    return vminq_f32(a, b);
}

static inline vec v_max(vec a, vec b)
{
    return vmaxq_f32(a, b);
}

static inline vec v_abs(vec a)
{
    return vabsq_f32(a);
}

static inline float v_sum(vec a)
{
    return vaddvq_f32(a);
}

static inline vec v_sqrt(vec a)
{
    return vsqrtq_f32(a);
}

/* In each quad, the lanes 0 and 2 (1 and 3) of a, then of b. */
static inline vec v_evens(vec a, vec b)
{
    return vuzp1q_f32(a, b);
}

static inline vec v_odds(vec a, vec b)
{
    return vuzp2q_f32(a, b);
}

static inline ivec v_load_int(const int32_t *at)
{
    return vld1q_s32(at);
}

static inline void v_store_int(int32_t *at, ivec v)
{
    vst1q_s32(at, v);
}

static inline ivec v_add_int(ivec a, ivec b)
{
    return vaddq_s32(a, b);
}

static inline ivec v_integer(vec v)
{
    return vcvtq_s32_f32(v);
}

/* table[label] for LANES labels */
static inline vec v_look_up(const float *table, const uint16_t *label)
{
    return (vec){table[label[0]], table[label[1]], table[label[2]], table[label[3]]};
}

/* The same from a table of LANES. */
static inline vec v_of_few(vec table, const uint16_t *label)
{
    float of[LANES] __attribute__((aligned(64)));
    v_store(of, table);
    return v_look_up(of, label);
}

static inline vec v_mark(vec score, int32_t keep, ivec index)
{
    return vreinterpretq_f32_s32(
        vorrq_s32(vandq_s32(vreinterpretq_s32_f32(score), vdupq_n_s32(keep)), index));
}

/* The quads of v, the q-th to at + q * pitch. */
static inline void v_store_quads(float *at, size_t pitch, vec v)
{
    (void)pitch;
    vst1q_f32(at, v);
}

static inline void v_store_labels(uint16_t *at, vec marked, int32_t keep)
{
    const uint32x4_t label =
        vreinterpretq_u32_s32(vbicq_s32(vreinterpretq_s32_f32(marked), vdupq_n_s32(keep)));
    vst1_u16(at, vmovn_u32(label));
}

/* One bit a lane: not a > b. */
static inline uint32_t v_not_above(vec a, vec b)
{
    const uint32x4_t bit = {1, 2, 4, 8};
    return vaddvq_u32(vbicq_u32(bit, vcgtq_f32(a, b)));
}

#endif
