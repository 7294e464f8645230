/* A register of 4 floats: NEON. */
#ifndef STRATA_NEAREST_LANES_H
#define STRATA_NEAREST_LANES_H

#include <arm_neon.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 4
#define GROUP 4 /* centres whose scores with two tiles stay in registers */

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

static inline vec v_sqrt(vec a)
{
    return vsqrtq_f32(a);
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

/* The quads of v, the q-th to at + q * pitch. */
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

/* The score with an index in its lowest bits. */
static inline vec v_mark(vec score, int32_t keep, int32_t index)
{
    return vreinterpretq_f32_s32(
        vorrq_s32(vandq_s32(vreinterpretq_s32_f32(score), vdupq_n_s32(keep)), vdupq_n_s32(index)));
}

/* Four neighbouring numbers of LANES rows, d apart, as four columns. */
static inline void v_turn(const float *x, size_t d, vec *to)
{
    const float32x4x2_t low = vtrnq_f32(vld1q_f32(x), vld1q_f32(x + d)),
                        high = vtrnq_f32(vld1q_f32(x + 2 * d), vld1q_f32(x + 3 * d));
    to[0] = vcombine_f32(vget_low_f32(low.val[0]), vget_low_f32(high.val[0]));
    to[1] = vcombine_f32(vget_low_f32(low.val[1]), vget_low_f32(high.val[1]));
    to[2] = vcombine_f32(vget_high_f32(low.val[0]), vget_high_f32(high.val[0]));
    to[3] = vcombine_f32(vget_high_f32(low.val[1]), vget_high_f32(high.val[1]));
}

#endif
