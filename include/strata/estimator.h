/* A clustering algorithm is a const table of few functions; the fit loop never names one. */
#ifndef STRATA_ESTIMATOR_H
#define STRATA_ESTIMATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/features.h"
#include "strata/math_sums.h"

struct strata_dims {
    size_t k; /* segments */
    size_t d; /* columns of the matrix */
};

/* What one row's look at the params tells. */
struct strata_assignment {
    int32_t label;     /* in [0, k) */
    int32_t runner_up; /* in [0, k), or -1 when k is 1 */
    double distance;   /* to the own centre, in encoded units (k-means); for mixtures: Mahalanobis */
    double posterior;  /* in [0, 1]; 1 for hard estimators */
    double margin;     /* in [0, 1]: 0 = on the border, 1 = far inside.  k-means: 1 - distance/runner-up's distance;
                          mixtures: posterior minus the runner-up's */
};

struct strata_estimator {
    const char *name;    /* in the job file, e.g. "kmeans" */
    const char *summary; /* one line for help */
    bool soft;           /* has posteriors and a likelihood */
    size_t (*param_count)(struct strata_dims dims); /* doubles of params */
    size_t (*stat_count)(struct strata_dims dims);  /* exact sums of the tail */

    /* Params from (k, d) centres in grid integers.  `spread` is (d): the variance of each column over all rows in
     * squared grid units. */
    void (*start)(struct strata_dims dims, const double *centre, const double *spread, double *params);

    /* Add the statistics of rows under params to sums (exact: any split of rows gives the same), refresh label (n),
     * count into *moved the labels that changed, and add the objective's terms.  Cannot fail, allocate or
     * communicate. */
    void (*accumulate)(struct strata_dims dims, const double *params, const float *x, size_t n, int32_t *label,
                       uint64_t *moved, struct strata_sum *objective, struct strata_sum *tail);

    /* Params from the sums over all ranks; deterministic, the same on every rank.  `mass` (k) receives each
     * segment's weight in rows.  Returns how many segments are empty (their params are kept as they were). */
    size_t (*maximise)(struct strata_dims dims, uint64_t n_rows, const struct strata_sum *tail, double *params,
                       double *mass);

    /* The objective to be minimised, from its exact sum: k-means: SSE in squared grid units; mixtures: minus the
     * log-likelihood. */
    double (*objective)(struct strata_dims dims, const struct strata_sum *objective);

    /* Free parameters, for BIC. */
    size_t (*freedom)(struct strata_dims dims);

    /* (k, d) centres in grid units out of params. */
    void (*centres)(struct strata_dims dims, const double *params, double *centre);

    /* Put the segments into a new order: new segment s is old segment order[s]. */
    void (*reorder)(struct strata_dims dims, const size_t *order, double *params, double *room);

    /* Assign n rows.  Cannot fail, allocate or communicate. */
    void (*assign)(struct strata_dims dims, const double *params, const float *x, size_t n,
                   struct strata_assignment *out);
};

extern const struct strata_estimator strata_kmeans;
extern const struct strata_estimator strata_gmm_diag; /* "gmm-diag" */

/* All estimators, NULL-terminated: config check, help, conformance tests and benches iterate over it. */
extern const struct strata_estimator *const strata_estimators[];
const struct strata_estimator *strata_estimator_find(const char *name); /* NULL if unknown */

#endif
