/* What the kernels of this folder share: centres as kernels read them, and the
 * table of functions that one instruction set provides.
 *
 * A kernel looks for the smallest score s_c = |c|^2 / 2 - x.c, which is (|x -
 * c|^2 - |x|^2) / 2, by fused multiply-adds in float32.  How it certifies what
 * it finds:
 *
 *   u = 2^-24.  Rows and centres are integers of at most 2^24, so floats hold
 * them.  A score starts as |c|^2 / 2, rounded; each term x_j c_j then goes
 * through at most d + 3 roundings (its product where there is no fused
 * multiply-add, d additions, two to add up interleaved lanes).  So (Higham,
 * 2002, lemma 3.1, and Cauchy-Schwarz) a computed score v is off by at most E =
 * (d + 4) u (1 + 2^-10) (C^2 / 2 + X C),   C >= any |c|, X >= |x|. The index of
 * its centre replaces the lowest m bits of v, which moves it by less than 2^m
 * ulp(v) <= 2^(m - 22) u' |v|, here written  D |v|  with D = 2^(m - 23). w -> w
 * - D |w| is increasing, so with best and second as found (of which the second
 * is at most every other): s_other - s_best >= (second - best) - D (|second| +
 * |best|) (1 + 2D) - 2 E. When that is above 0, the label is certain.  All that
 * is computed of the right side in float32 is inflated by (1 + 2^-10), far more
 * than its few roundings; and since scores that differ do so by at least a
 * half, 1/8 is added, which covers scores near 0, whose index is a subnormal
 * number.
 *
 * Everything else (ties always) is decided by strata_nearest_fill. */
#ifndef STRATA_NEAREST_CENTRES_H
#define STRATA_NEAREST_CENTRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/nearest.h"

#include "math/nearest/held.h"

#define STRATA_LANES_MOST 16                  /* numbers in the widest register */
#define STRATA_STRIP 256                      /* rows from one step of a look to the next */
#define STRATA_NARROW_ZERO (INT32_C(1) << 30) /* the narrow score 0 */
#define STRATA_NARROW_COLUMNS 64              /* of a narrow pass, at most */

/* How far a score may be off: (slope |x| + base) / 2 + blur |score|, the first two for two scores
 * together.  Rows with |x|^2 not below most are never certain. */
struct strata_doubt {
    float slope, base, blur;
    float room; /* relative to |x|^2: what its sum's roundings may come to */
    float most;
};

/* Registers of lanes.  packed: for each group of registers of centres, for each step (one column, or
 * `fold` neighbouring ones), the group's registers with -c.  With fold > 1 a lane holds one of fold
 * neighbouring columns of one centre: few centres fill a register all the same. */
struct strata_centres {
    struct strata_dims dims;
    const double *centre; /* (k, d), borrowed */
    const struct strata_kernels *kernels;
    const struct strata_narrow *narrow; /* NULL when there is no narrow pass */
    size_t fold;                        /* columns of one centre side by side in lanes: 1, 2 or 4 */
    size_t steps;                       /* ceil(d / fold) */
    size_t registers;                   /* ceil(k fold / lanes) */
    float norm;                         /* of the longest centre, rounded up */
    struct strata_doubt doubt;
    int32_t keep;         /* mask of a score's bits that the index does not take */
    const float *start;   /* (registers, lanes) |c|^2 / 2; very large in lanes without a centre */
    const int32_t *index; /* (registers, lanes) the centre of each lane after folding */
    const float *packed;  /* (registers, steps, lanes) in the order above */
    const float *plain;   /* (k, d) */
};

/* Centres for a first pass on int16; see narrow.c. */
struct strata_narrow {
    struct strata_centres pairs; /* a pair of int16 for each float, an int32 for each score */
    float scale;                 /* rows are multiplied by it, */
    float back;                  /* and scores by this */
    struct strata_doubt doubt;
};

/* What is known of a strip's rows. */
struct strata_strip {
    float best[STRATA_STRIP], second[STRATA_STRIP]; /* scores */
    float square[STRATA_STRIP];                     /* |x|^2 or more, but for d + 4 roundings */
};

struct strata_kernels {
    size_t lanes;
    size_t group; /* registers of centres in a group, at most */
    /* Best and second score of n rows by int16, and their labels; NULL when there is none. */
    void (*narrow)(const struct strata_narrow *narrow, const float *x, size_t n,
                   struct strata_strip *strip, uint16_t *label);
    /* Looks at n rows, a multiple of lanes, of which fold - 1 floats beyond the last can be read; into
     * unsure (n) the indices of those that are not certified (labels, upper and lower of which are
     * not to be used).  Returns their number. */
    size_t (*look)(const struct strata_centres *centres, const float *x, size_t n,
                   struct strata_look out, bool narrow, uint32_t *unsure);
    void (*own)(const struct strata_centres *centres, const float *x, size_t n,
                const uint16_t *label, float *upper);
    size_t (*check)(const struct strata_drift *drift, const uint16_t *label, const float *upper,
                    const float *lower, size_t n, uint32_t *row);
    void (*keep)(const struct strata_drift *drift, const uint16_t *label, float *upper,
                 float *lower, size_t n);
    /* Adds n rows to the held sums of their labels. */
    void (*sum)(const struct strata_held *held, const float *x, size_t n, const uint16_t *label,
                struct strata_label_sums to);
};

extern const struct strata_kernels strata_kernels_scalar;
extern const struct strata_kernels strata_kernels_neon;
extern const struct strata_kernels strata_kernels_avx2;
extern const struct strata_kernels strata_kernels_avx512;
extern const struct strata_kernels strata_kernels_vnni;

const struct strata_kernels *strata_kernels_of(enum strata_isa isa);

void strata_narrow_vnni(const struct strata_narrow *narrow, const float *x, size_t n,
                        struct strata_strip *strip, uint16_t *label);

/* Bytes of room, and the making; NULL when these centres have no narrow pass. */
size_t strata_narrow_bytes(struct strata_dims dims);
const struct strata_narrow *strata_narrow_make(const struct strata_centres *centres, void *room);

/* Where column j of centre c stands in packed. */
size_t strata_packed_at(const struct strata_centres *centres, size_t c, size_t j);

#endif
