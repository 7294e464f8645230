/* Which of a few centres is nearest to each row: the definition of a label, in integers, and the
 * kernels that find it at the speed of memory.  Squared distances of grid integers are integers
 * below 2^59, the smallest wins, ties go to the lowest index; so no order of operations, vector
 * width or compiler can change a label. */
#ifndef STRATA_NEAREST_H
#define STRATA_NEAREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRATA_MAX_DIMENSIONS 512

struct strata_dims {
    size_t k; /* segments, at most STRATA_MAX_SEGMENTS */
    size_t d; /* columns of the matrix, at most STRATA_MAX_DIMENSIONS */
};

#define STRATA_NO_LABEL UINT16_MAX /* the label of a row that no pass has seen yet */

struct strata_nearest {
    int64_t distance;  /* squared, to the nearest centre, in squared grid units */
    int64_t second;    /* squared, to the nearest other centre; INT64_MAX when k is 1 */
    int32_t label;     /* of the nearest centre, lowest index on ties */
    int32_t runner_up; /* of the nearest other centre, lowest index on ties; -1 when k is 1 */
};

/* Nearest and second nearest of k centres (k, d) for n rows x (n, d), both in grid integers. Chooses
 * the fast path for this block of rows when that is exact.  O(n k d) time, no memory.  Not collective. */
void strata_nearest_fill(struct strata_dims dims, const double *centre, const float *x, size_t n,
                         struct strata_nearest *out);

/* The two paths, for tests and benches.  The double path requires strata_nearest_double_fits. */
void strata_nearest_int64(struct strata_dims dims, const double *centre, const float *x, size_t n,
                          struct strata_nearest *out);
void strata_nearest_double(struct strata_dims dims, const double *centre, const float *x, size_t n,
                           struct strata_nearest *out);

/* True when (max|x| + max|centre|)^2 * d < 2^53: then every partial sum of squares is an integer
 * that double holds. */
bool strata_nearest_double_fits(struct strata_dims dims, const double *centre, const float *x,
                                size_t n);

/* The squared distance of one row x (d) from one centre (d). */
int64_t strata_distance(const double *centre, const float *x, size_t d);

/* --- kernels --------------------------------------------------------------------------- */

/* The instruction sets that the kernels are written for. */
enum strata_isa {
    STRATA_ISA_SCALAR,
    STRATA_ISA_NEON,
    STRATA_ISA_AVX2,
    STRATA_ISA_AVX512,
    STRATA_ISA_AMX, /* AVX-512, and a first pass on pieces of bfloat16 in AMX tiles */
    STRATA_ISA_COUNT
};

/* The one in force: the widest that this processor has, or the one that the environment variable
 * STRATA_ISA names (scalar, neon, avx2, avx512, amx; ignored when the processor lacks it).  Read once. */
enum strata_isa strata_isa(void);
const char *strata_isa_word(enum strata_isa isa);
bool strata_isa_available(enum strata_isa isa);

/* Centres in the form in which kernels read them: padded, in lanes, with norms and error bounds. */
struct strata_centres;
size_t strata_centres_bytes(struct strata_dims dims); /* of room, 64-byte aligned */

/* Ready k centres (k, d, grid integers, borrowed until the last use) for kernels of one instruction
 * set.  The result lies in room.  O(k d). */
const struct strata_centres *strata_centres_make(struct strata_dims dims, const double *centre,
                                                 enum strata_isa isa, void *room);

/* What a look at rows leaves.  The bounds are in grid units, rounded so that they hold: the row is
 * not farther than upper from its own centre, and not nearer than lower to any other (infinity when
 * k is 1).  Both may be NULL. */
struct strata_look {
    uint16_t *label; /* (n) */
    float *upper;    /* (n) */
    float *lower;    /* (n) */
};

/* Look at n rows x (n, d, grid integers): their labels, those of strata_nearest_int64 to the bit.
 * A float pass certifies a row by a rigorous error bound, or hands it to int64.  Returns the number
 * of rows that int64 decided.  O(n k d); no allocation. */
uint64_t strata_centres_look(const struct strata_centres *centres, const float *x, size_t n,
                             struct strata_look out);

/* Refresh upper (n) to the distance from the centre of label (n), rounded up.  O(n d). */
void strata_centres_own(const struct strata_centres *centres, const float *x, size_t n,
                        const uint16_t *label, float *upper);

/* How far centres have moved since bounds were first kept.  A bound is kept less what its label's
 * centre had moved by then, so it ages without being touched: kept upper + own[label] and kept lower -
 * other[label] hold now.  Tables have room for a whole number of 16 floats. */
struct strata_drift {
    size_t k;
    const float *own;   /* (k) each centre's moves, summed up and rounded up */
    const float *other; /* (k) each pass's farthest move of any other centre, likewise */
    const float *both;  /* (k) own + other, rounded up */
    const float *slack; /* (k) half the distance to the nearest other centre, less own, rounded down */
};

/* Into row (room for n) the ascending indices of the rows that are not certainly nearest to their own
 * centre by their kept bounds (n).  Returns their number.  O(n), 10 bytes read a row. */
size_t strata_bounds_check(const struct strata_drift *drift, const uint16_t *label,
                           const float *upper, const float *lower, size_t n, uint32_t *row);

/* Make bounds (n) that hold now into kept ones. */
void strata_bounds_keep(const struct strata_drift *drift, const uint16_t *label, float *upper,
                        float *lower, size_t n);

/* One bound between the two forms, rounded outward. */
static inline float strata_upper_kept(float upper, float own)
{
    const float kept = upper - own;
    return kept + (kept < 0 ? -kept : kept) * 0x1p-22F;
}
static inline float strata_lower_kept(float lower, float other)
{
    return (lower + other) * (1 - 0x1p-22F);
}
static inline float strata_upper_now(float kept, float own)
{
    return (kept + own) * (1 + 0x1p-22F);
}
static inline float strata_lower_now(float kept, float other)
{
    const float now = kept - other;
    return now > 0 ? now * (1 - 0x1p-22F) : 0;
}

/* Exact sums of rows by label, in int64: count (k), sum (k, d) += weight and weight times row.
 * weight (n) is NULL for all 1, else at most 2^20 each.  The caller keeps the sum of all weights
 * below 2^39, so that no sum overflows.  scratch is strata_label_sums_scratch(dims) bytes, 64-byte
 * aligned, zeroed before the first call and left zeroed; that of more segments is enough for fewer. */
size_t strata_label_sums_scratch(struct strata_dims dims);
void strata_label_sums_add(struct strata_dims dims, enum strata_isa isa, const float *x,
                           const uint32_t *weight, size_t n, const uint16_t *label, void *scratch,
                           int64_t *count, int64_t *sum);

/* The same, but some of it may stay in scratch, which is quicker; strata_label_sums_spill adds it, and
 * leaves scratch zeroed. */
void strata_label_sums_hold(struct strata_dims dims, enum strata_isa isa, const float *x,
                            const uint32_t *weight, size_t n, const uint16_t *label, void *scratch,
                            int64_t *count, int64_t *sum);
void strata_label_sums_spill(struct strata_dims dims, void *scratch, int64_t *count, int64_t *sum);

/* Move one row (d) from one label's sums to another's; from may be STRATA_NO_LABEL. */
void strata_label_sums_move(struct strata_dims dims, const float *x, uint32_t weight, uint16_t from,
                            uint16_t to, int64_t *count, int64_t *sum);

/* --- how a row lies -------------------------------------------------------------------- */

/* How a row of a given label lies between its own centre and the nearest other one: squared distances
 * in squared grid units.  near is the row's, label any of the k segments.  other is INT64_MAX when k is 1. */
struct strata_between {
    int64_t own, other;
};
struct strata_between strata_nearest_between(struct strata_dims dims, const double *centre,
                                             const float *x, struct strata_nearest near,
                                             size_t label);

/* (other - own) / max of the two distances, in [-1, 1]; 0 when both are 0 or k is 1: a row's
 * simplified silhouette (Hruschka et al., 2004). */
double strata_silhouette(struct strata_between between);

#endif
