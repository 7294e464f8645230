/* What the files of k-means share: what a pass needs of its params, and its rows. */
#ifndef STRATA_KMEANS_IMPL_H
#define STRATA_KMEANS_IMPL_H

#include <math.h>

#include "strata/estimator.h"

#define ROUND_UP (1 + 0x1p-22)   /* covers the roundings of a distance in double and to float */
#define ROUND_DOWN (1 - 0x1p-22) /* likewise */

/* For each centre the ones around it: a row near enough to its own centre need not be compared with
 * any other. */
struct strata_near {
    size_t m;        /* centres of a list, its own one included; 0: there are no lists */
    uint16_t *index; /* (k, m) ascending, so that ties go to the lowest index as ever */
    float *radius;   /* (k) no centre outside of the list is nearer to the list's own one */
    const struct strata_centres **centres; /* (k) each list as kernels read it */
};

/* What a pass needs of its params. */
struct strata_kmeans_pass {
    const struct strata_centres *centres;
    struct strata_drift drift;
    const float *half_gap; /* (k) half the distance to the nearest other centre, rounded down */
    struct strata_near near;
    enum strata_isa isa;
    bool has_bounds; /* those of the last pass hold */
};

/* Bytes of the lists of k centres; 0 when lists are of no use for so few, or take too much. */
size_t strata_near_bytes(struct strata_dims dims);

/* Make the lists in room (strata_near_bytes), and half_gap (k): half the distance from each centre to
 * its nearest one, rounded down.  O(k^2 d). */
void strata_near_make(struct strata_dims dims, const double *centre, enum strata_isa isa,
                      void *room, float *half_gap, struct strata_near *near);

/* A block's rows against a prepared pass; see accumulate of strata_estimator. */
void strata_kmeans_rows(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                        const struct strata_block *block, struct strata_tally *tally);
size_t strata_kmeans_scratch(struct strata_dims dims);
#define STRATA_KMEANS_LIST_ROWS 65536 /* of a block, so that many rows share a list */

/* The distance of two centres (d).  Each difference is exact, and the sum of squares is off by d
 * roundings at most. */
double strata_centre_distance(const double *a, const double *b, size_t d);

/* The nearest float that is not below value. */
static inline float strata_float_above(double value)
{
    const float near = (float)value;
    return (double)near < value ? nextafterf(near, HUGE_VALF) : near;
}

static inline size_t strata_aligned(size_t n_bytes)
{
    return (n_bytes + 63) & ~(size_t)63;
}

#endif
