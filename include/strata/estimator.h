/* A clustering algorithm is a const table of few functions; the fit loop never names one.  All of
 * them are plain functions of arrays: they cannot fail, allocate or communicate, and give the same
 * bits on every rank. */
#ifndef STRATA_ESTIMATOR_H
#define STRATA_ESTIMATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/features.h"
#include "strata/math_sums.h"
#include "strata/nearest.h"

/* What one row's look at the params tells. */
struct strata_assignment {
    int32_t label;     /* in [0, k) */
    int32_t runner_up; /* in [0, k), or -1 when k is 1 */
    double distance; /* hard estimators: to the own centre, in encoded units; mixtures: Mahalanobis */
    double posterior; /* in [0, 1]; 1 for hard estimators */
    double margin;    /* in [0, 1]: 0 = on the border, 1 = far inside (also when k is 1).
                          hard: 1 - distance / runner-up's distance; mixtures: posterior minus the
                         runner-up's */
};

struct strata_estimator {
    const char *name;                               /* in the job file, e.g. "kmeans" */
    const char *summary;                            /* one line for help */
    bool soft;                                      /* has posteriors and a likelihood */
    size_t (*param_count)(struct strata_dims dims); /* doubles of params */
    size_t (*stat_count)(struct strata_dims dims);  /* exact sums of the tail */

    /* Params from (k, d) centres in grid integers.  `spread` is (d): the variance of each column
     * over all rows in squared grid units. */
    void (*start)(struct strata_dims dims, const double *centre, const double *spread,
                  double *params);

    /* Add the statistics of n rows under params to sums (exact: any split of rows gives the same),
     * refresh label (n), count into *moved the labels that changed, and add the objective's terms.
     * x is (n, d) grid integers. */
    void (*accumulate)(struct strata_dims dims, const double *params, const float *x, size_t n,
                       uint16_t *label, uint64_t *moved, struct strata_sum *objective,
                       struct strata_sum *tail);

    /* Params from the sums over all ranks; deterministic, the same on every rank.  `mass` (k)
     * receives the number of rows that the pass labelled with each segment.  Segments without any
     * weight keep their place. */
    void (*maximise)(struct strata_dims dims, uint64_t n_rows, const struct strata_sum *tail,
                     double *params, double *mass);

    /* The objective to be minimised, from its exact sum, per grid: hard: SSE in squared grid units;
     * mixtures: minus the log-likelihood of grid integers. */
    double (*objective)(struct strata_dims dims, struct strata_sum sum);

    /* Free parameters, for BIC. */
    size_t (*freedom)(struct strata_dims dims);

    /* (k, d) centres out of params: integers of the grid. */
    void (*centres)(struct strata_dims dims, const double *params, double *centre);

    /* Put one segment afresh at a centre (d): the repair of an empty one. */
    void (*place)(struct strata_dims dims, size_t segment, const double *centre, double *params);

    /* The params of n_kept <= k segments in a new order: segment s of out is segment order[s] of params. */
    void (*select)(struct strata_dims dims, const double *params, const size_t *order,
                   size_t n_kept, double *out);

    /* Assign n rows; distances of hard estimators are in grid units (strata_cluster scales them). */
    void (*assign)(struct strata_dims dims, const double *params, const float *x, size_t n,
                   struct strata_assignment *out);
};

extern const struct strata_estimator strata_kmeans;
extern const struct strata_estimator strata_gmm_diag; /* "gmm-diag" */

/* All estimators, NULL-terminated: config check, help, conformance tests and benches iterate over it. */
extern const struct strata_estimator *const strata_estimators[];
const struct strata_estimator *strata_estimator_find(const char *name); /* NULL if unknown */

#endif
