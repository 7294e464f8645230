/* Four floats in plain C, for any processor: compilers turn this into what the
 * processor surely has (SSE2 on x86-64).  No fused multiply-add. */
#ifndef STRATA_NEAREST_LANES_H
#define STRATA_NEAREST_LANES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
#define GROUP 4 /* centres whose scores with two tiles stay in registers */

typedef float vec __attribute__((vector_size(16)));
typedef int32_t ivec __attribute__((vector_size(16)));

static inline vec v_set(float value)
{
    return (vec){value, value, value, value};
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
    vec v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline vec v_load_first(const float *at, size_t n)
{
    vec v = {0};
    for (size_t i = 0; i < n; i++) v[i] = at[i];
    return v;
}

static inline void v_store(float *at, vec v)
{
    memcpy(at, &v, sizeof v);
}

static inline vec v_fma(vec a, vec b, vec c)
{
    return a * b + c;
}

static inline vec v_pick(ivec where, vec yes, vec no)
{
    return (vec)((where & (ivec)yes) | (~where & (ivec)no));
}

static inline vec v_min(vec a, vec b)
{
    return v_pick(a < b, a, b);
}

static inline vec v_max(vec a, vec b)
{
    return v_pick(a > b, a, b);
}

static inline vec v_abs(vec a)
{
    return (vec)((ivec)a & INT32_MAX);
}

static inline vec v_sqrt(vec a)
{
    return (vec){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}

static inline ivec v_load_int(const int32_t *at)
{
    ivec v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline void v_store_int(int32_t *at, ivec v)
{
    memcpy(at, &v, sizeof v);
}

static inline ivec v_add_int(ivec a, ivec b)
{
    return a + b;
}

static inline ivec v_integer(vec v)
{
    return __builtin_convertvector(v, ivec);
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
    const ivec label = (ivec)marked & ~keep;
    for (size_t i = 0; i < LANES; i++) at[i] = (uint16_t)label[i];
}

/* One bit a lane: not a > b. */
static inline uint32_t v_not_above(vec a, vec b)
{
    const ivec above = a > b;
    uint32_t mask = 0;
    for (uint32_t i = 0; i < LANES; i++) mask |= (above[i] ? 0U : 1U) << i;
    return mask;
}

/* The score with an index in its lowest bits. */
static inline vec v_mark(vec score, int32_t keep, int32_t index)
{
    return (vec)(((ivec)score & keep) | index);
}

/* Four neighbouring numbers of LANES rows, d apart, as four columns. */
static inline void v_turn(const float *x, size_t d, vec *to)
{
    for (size_t j = 0; j < 4; j++) to[j] = (vec){x[j], x[d + j], x[2 * d + j], x[3 * d + j]};
}

#endif
