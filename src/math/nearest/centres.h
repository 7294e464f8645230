/* What the kernels of this folder share: centres as kernels read them, and the
 * table of functions that one instruction set provides.
 *
 * A kernel looks for the smallest score s_c = |c|^2 / 2 - x.c, which is (|x -
 * c|^2 - |x|^2) / 2, by fused multiply-adds in float32.  How it certifies what
 * it finds:
 *
 *   u = 2^-24.  Rows and centres are integers of at most 2^24, so floats hold them.  A score starts as
 * |c|^2 / 2, rounded; each term x_j c_j then goes through at most d + 3 roundings.  So (Higham, 2002,
 * lemma 3.1, and Cauchy-Schwarz) a computed score v is off by
 *     |v - s| <= e (C^2 / 2 + X C) <= e (C^2 + X^2 / 2),   e = (d + 4) u (1 + 2^-10),
 * with C = |c| and X = |x|: long centres are less certain.  So that they harm no row that is far from them,
 * scores start lower, at |c|^2 / 2 - e |c|^2; then for the score w that comes out
 *     w - e X^2 / 2 <= s <= w + 2 e C^2 + e X^2 / 2,
 * where only the nearest centre's own C matters, and that one is not long: C <= X + |x - c| and
 * |x - c|^2 = X^2 + 2 s give C^2 <= 4 (1 + 2^-6) (X^2 + w), as e <= 2^-14.
 *   The index of its centre replaces the lowest m bits of w, which moves it by less than 2^m ulp(w), here
 * written D |w| with D = 2^(m - 23).  w -> w - D |w| is increasing, so with best and second as found (of
 * which the second is at most every other):
 *     s_other - s_best >= (second - best) - D (|second| + |best|) (1 + 2 D)
 *                         - e (X^2 + 8 (1 + 2^-6) (X^2 + best)).
 * When that is above 0, the label is certain.  All that is computed of the right side in float32 is
 * inflated by (1 + 2^-10), far more than its few roundings; and since scores that differ do so by at
 * least a half, 1/8 is added, which covers scores near 0, whose index is a subnormal number.
 *
 * Everything else (ties always) is decided by strata_nearest_fill. */
#ifndef STRATA_NEAREST_CENTRES_H
#define STRATA_NEAREST_CENTRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/nearest.h"

#include "math/nearest/held.h"

#define STRATA_LANES_MOST 16 /* numbers in the widest register */
#define STRATA_STRIP 256     /* rows from one step of a look to the next */
#define STRATA_TILE 16       /* rows, columns, centres of a tile */
#define STRATA_TILE_BYTES 1024
#define STRATA_NARROW_COLUMNS 128 /* of a narrow pass, at most */
#define STRATA_NARROW_SEGMENTS 40 /* from which on a narrow pass is quicker, */
#define STRATA_NARROW_WORK 640    /* with so many columns times segments */

/* How far a score may be off: e and D of above. */
struct strata_doubt {
    float error, blur;
    float room; /* relative to |x|^2: what its sum's roundings may come to */
};

/* packed: for each group of centres, for each column, the group's -c.  Groups are the kernels' own, and of
 * four when fewer are left. */
struct strata_centres {
    struct strata_dims dims;
    const double *centre; /* (k, d), borrowed */
    const struct strata_kernels *kernels;
    const struct strata_narrow *narrow; /* NULL when there is no narrow pass */
    size_t padded;                      /* k rounded up to 4 */
    float norm;                         /* of the longest centre, rounded up */
    struct strata_doubt doubt;
    int32_t keep;        /* mask of a score's bits that the index does not take */
    const float *start;  /* (padded) |c|^2 (1 / 2 - e); very large beyond k */
    const float *packed; /* (padded, d) in the order above */
    const float *plain;  /* (k, d) */
};

/* Centres for a first pass on pieces of bfloat16, in tiles of 16 centres; see narrow.c. */
struct strata_narrow {
    const float *start; /* (tiles, 16, 16) each centre's start, over and over */
    const uint32_t *piece; /* (tiles, chunks, 2, 16, 16) of -c: its first and second pieces, twice each */
    size_t chunks;         /* of 16 columns */
    struct strata_doubt doubt;
};

/* What is known of a strip's rows. */
struct strata_strip {
    float best[STRATA_STRIP], second[STRATA_STRIP]; /* scores */
    float square[STRATA_STRIP];                     /* |x|^2 or more, but for d + 4 roundings */
};

struct strata_kernels {
    size_t lanes;
    size_t group; /* centres in a group */
    /* Best and second marked score of n rows by pieces, and their lengths; NULL when there is none. */
    void (*narrow)(const struct strata_centres *centres, const float *x, size_t n,
                   struct strata_strip *strip);
    /* Looks at n rows, a multiple of lanes, of which 3 floats beyond the last can be read; into
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
extern const struct strata_kernels strata_kernels_amx;

const struct strata_kernels *strata_kernels_of(enum strata_isa isa);

void strata_narrow_amx(const struct strata_centres *centres, const float *x, size_t n,
                       struct strata_strip *strip);
bool strata_amx_available(void);

/* Bytes of room, and the making; NULL when these centres have no narrow pass. */
size_t strata_narrow_bytes(struct strata_dims dims);
const struct strata_narrow *strata_narrow_make(const struct strata_centres *centres, void *room);

/* Where column j of centre c stands in packed. */
size_t strata_packed_at(const struct strata_centres *centres, size_t c, size_t j);

#endif
