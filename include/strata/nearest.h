/* Which of a few centres is nearest to each row: the definition of a label, in integers.  Squared
 * distances of grid integers are integers below 2^59, the smallest wins, ties go to the lowest
 * index; so no order of operations, vector width or compiler can change a label. */
#ifndef STRATA_NEAREST_H
#define STRATA_NEAREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/estimator.h"

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
