/* Centres for a first pass on int16.
 *
 * With a power of two q, x = q (x' + e) and c = q (c' + f), where x' and c' are integers of at most 2^15
 * and |e_j|, |f_j| <= 1/2.  Products and sums of x' and c' are exact in int32: |c'| <= 2^14 (+ d / 2)
 * and |x'| < 2^15 as vectors, so |c'|^2 / 2 + |x'| |c'| < 2^30.  So a score is off by
 *     |s - q^2 s'| <= q^2 / 2 (of the rounded |c|^2 / 2) + q |x| |f| + q^2 |e| |c'|, |e| <= sqrt(d) / 2,
 * and by less than q^2 2^m for the index in its lowest m bits, and by a rounding to float.
 * Rows that are too long for int16 are never certain.
 *
 * Scores stand on top of 2^30, so that they are positive: see lanes_vnni.h. */
#include <math.h>
#include <string.h>

#include "math/nearest/centres.h"

#define LEAST_WORK 1024   /* k d from which on the narrow pass is quicker, */
#define LEAST_SEGMENTS 48 /* with at least so many centres */
#define MOST_CENTRE 0x1p14
#define MOST_ROW 32766.0
#define FAR \
    (INT32_MAX - 0xffff) /* a score beyond all others, of which the lowest bits are an index */

static size_t rounded(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static bool is_quicker(struct strata_dims dims)
{
    return dims.d % 2 == 0 && dims.d <= STRATA_NARROW_COLUMNS && dims.k >= LEAST_SEGMENTS &&
           dims.k * dims.d >= LEAST_WORK;
}

static size_t start_count(struct strata_dims dims)
{
    return rounded(dims.k, STRATA_LANES_MOST);
}

static size_t packed_count(struct strata_dims dims)
{
    return rounded(dims.k, STRATA_LANES_MOST) * rounded(dims.d / 2, 4);
}

static size_t header_bytes(void)
{
    return rounded(sizeof(struct strata_narrow), 64);
}

size_t strata_narrow_bytes(struct strata_dims dims)
{
    if (!is_quicker(dims)) return 0;
    return header_bytes() + (start_count(dims) + packed_count(dims)) * sizeof(int32_t);
}

static double unit_of(const struct strata_centres *centres)
{
    double unit = 1;
    while ((double)centres->norm > unit * MOST_CENTRE) unit *= 2;
    return unit;
}

/* What the rounding of centres comes to: the longest c', and the longest f. */
struct rounding {
    double longest, error;
};

static struct rounding fill_pairs(const struct strata_centres *centres, double unit,
                                  const struct strata_centres *pairs, int32_t *start,
                                  int16_t *packed)
{
    const size_t k = centres->dims.k, d = centres->dims.d, lanes = centres->kernels->lanes;
    struct rounding most = {0, 0};
    for (size_t c = 0; c < k; c++) {
        double square = 0, whole = 0, error = 0;
        for (size_t j = 0; j < d; j++) {
            const double at = centres->centre[c * d + j] / unit, near = rint(at);
            square += at * at;
            whole += near * near;
            error += (at - near) * (at - near);
            packed[2 * strata_packed_at(pairs, c, j / 2) + j % 2] = (int16_t)-near;
        }
        const size_t each = lanes / pairs->fold;
        start[c / each * lanes + c % each * pairs->fold] =
            STRATA_NARROW_ZERO + (int32_t)rint(square / 2);
        most.longest = fmax(most.longest, sqrt(whole));
        most.error = fmax(most.error, sqrt(error));
    }
    return most;
}

static struct strata_doubt doubt_of(const struct strata_centres *centres, double unit,
                                    struct rounding most)
{
    const double d = (double)centres->dims.d, square = unit * unit, up = 1 + 0x1p-10;
    const double index = -(double)centres->keep; /* 2^m */
    const double row = MOST_ROW * unit;
    return (struct strata_doubt){
        .slope = (float)(2 * unit * most.error * up),
        .base = (float)(2 * square * (0.5 + index + 0.5 * sqrt(d) * most.longest) * up),
        .blur = 0x1p-22F,
        .room = centres->doubt.room,
        .most = (float)(row * row * (1 - 0x1p-12)),
    };
}

const struct strata_narrow *strata_narrow_make(const struct strata_centres *centres, void *room)
{
    const struct strata_dims dims = centres->dims;
    if (!centres->kernels->narrow || !is_quicker(dims)) return NULL;
    struct strata_narrow *to = room;
    int32_t *start = (int32_t *)(void *)((unsigned char *)room + header_bytes());
    int32_t *packed = start + start_count(dims);
    const size_t lanes = centres->kernels->lanes, each = lanes / centres->fold;
    const double unit = unit_of(centres);
    memset(room, 0, strata_narrow_bytes(dims));
    to->pairs = *centres;
    to->pairs.dims.d = dims.d / 2;
    to->pairs.steps = (to->pairs.dims.d + centres->fold - 1) / centres->fold;
    to->pairs.start = (const float *)(const void *)start;
    to->pairs.packed = (const float *)(const void *)packed;
    to->scale = (float)(1 / unit);
    to->back = (float)(unit * unit);
    for (size_t v = 0; v < centres->registers; v++)
        for (size_t lane = 0; lane < lanes; lane += centres->fold)
            if (v * each + lane / centres->fold >= dims.k) start[v * lanes + lane] = FAR;
    to->doubt = doubt_of(centres, unit,
                         fill_pairs(centres, unit, &to->pairs, start, (int16_t *)(void *)packed));
    return to;
}
