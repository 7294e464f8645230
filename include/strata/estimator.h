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

/* Rows of one block, and what an estimator keeps of each of them between passes. */
struct strata_block {
    const float *x;         /* (n, d) grid integers */
    const uint32_t *weight; /* (n), or NULL: all 1 */
    size_t n;
    uint16_t *label; /* (n) STRATA_NO_LABEL before the first pass */
    float *upper;    /* (n) bounds of strata_look, for estimators that keep them; or both NULL: */
    float *lower;    /* every pass looks at every row */
};

/* One thread's share of a pass. */
struct strata_tally {
    uint64_t moved;     /* rows whose label changed */
    uint64_t looked;    /* rows that were compared with other segments than their own */
    uint64_t checked;   /* rows whose bounds were checked, */
    uint64_t unsettled; /* and those of them that were compared nevertheless */
    void *sums;         /* sums_bytes of the estimator's, zeroed by collect; 64-byte aligned */
    void *scratch;      /* scratch_bytes, zeroed at first, kept by the thread for all candidates */
    unsigned char apart[80]; /* no two threads write to one cache line */
};

/* Exact sums over all rows and ranks, each row by its weight. */
struct strata_totals {
    const struct strata_sum *sum, *square; /* (d) of x, and of x^2 */
    uint64_t weight;                       /* of all rows */
};

struct strata_estimator {
    const char *name;    /* in the job file, e.g. "kmeans" */
    const char *summary; /* one line for help */
    bool soft;           /* has posteriors and a likelihood */
    bool keeps_sums;     /* a pass adds only what changed since the last one */
    bool keeps_bounds;   /* of each row, so that most rows need no look */
    size_t limbs; /* int64 of the wire for each sum: 1 when all sums are below 2^63, else 4 */
    size_t (*param_count)(struct strata_dims dims); /* doubles of params */
    size_t (*stat_count)(struct strata_dims dims); /* exact sums, those of the objective included */
    size_t (*pass_bytes)(struct strata_dims dims); /* of what prepare makes */
    size_t (*sums_bytes)(struct strata_dims dims); /* of a thread's sums */
    size_t (*scratch_bytes)(struct strata_dims dims); /* of a thread's scratch; grows with k and d */

    size_t (*block_rows)(struct strata_dims dims); /* of a block that suits it, a multiple of 4,096 */

    /* Params from (k, d) centres in grid integers.  `spread` is (d): the variance of each column
     * over all rows in squared grid units. */
    void (*start)(struct strata_dims dims, const double *centre, const double *spread,
                  double *params);

    /* What all blocks of a pass need of its params; `before` are those of the last pass over the same
     * rows, whose bounds are to be used, or NULL.  n_rows is how many rows the pass will see.  pass is
     * pass_bytes, 64-byte aligned; params stay as they are until the pass is over. */
    void (*prepare)(struct strata_dims dims, const double *params, const double *before,
                    enum strata_isa isa, size_t n_rows, void *pass);

    /* Add the statistics of the rows of a block to the tally (exact: any split of rows gives the
     * same), refresh labels and bounds. */
    void (*accumulate)(struct strata_dims dims, const void *pass, const struct strata_block *block,
                       struct strata_tally *tally);

    /* Add a thread's sums to sums (stat_count) and zero them. */
    void (*collect)(struct strata_dims dims, struct strata_tally *tally, struct strata_sum *sums);

    /* Whether sums over all ranks, made with these params, agree with the totals, as they do unless
     * memory or arithmetic is faulty.  No single sum can change without being told. */
    bool (*conserved)(struct strata_dims dims, const double *params, const struct strata_sum *sums,
                      const struct strata_totals *totals);

    /* The objective to be minimised, of the params that the sums over all ranks were made with, per
     * grid: hard: SSE in squared grid units; mixtures: minus the log-likelihood of grid integers. */
    double (*objective)(struct strata_dims dims, const double *params,
                        const struct strata_sum *sums, const struct strata_totals *totals);

    /* Params from the sums over all ranks; deterministic, the same on every rank.  `mass` (k)
     * receives the weight of the rows that the pass labelled with each segment.  Segments without any
     * weight keep their place. */
    void (*maximise)(struct strata_dims dims, const struct strata_sum *sums,
                     const struct strata_totals *totals, double *params, double *mass);

    /* Free parameters, for BIC. */
    size_t (*freedom)(struct strata_dims dims);

    /* (k, d) centres out of params: integers of the grid. */
    void (*centres)(struct strata_dims dims, const double *params, double *centre);

    /* What a row's look at a segment is made of, column by column: scale and offset are (k, d), and a row
     * x belongs to the segment s for which a constant of s plus the sum over columns j of offset[s, j] -
     * scale[s, j] (x_j - centre[s, j])^2 is largest: hard: minus the squared distance, in squared grid
     * units; mixtures: the log of weight times density. */
    void (*terms)(struct strata_dims dims, const double *params, double *scale, double *offset);

    /* The farthest that any centre is from where it was, in grid units. */
    double (*shift)(struct strata_dims dims, const double *params, const double *next);

    /* Put one segment afresh at a centre (d): the repair of an empty one. */
    void (*place)(struct strata_dims dims, size_t segment, const double *centre, double *params);

    /* The params of n_kept <= k segments in a new order: segment s of out is segment order[s] of params. */
    void (*select)(struct strata_dims dims, const double *params, const size_t *order,
                   size_t n_kept, double *out);

    /* Assign n rows; distances of hard estimators are in grid units (strata_cluster scales them). */
    void (*assign)(struct strata_dims dims, const double *params, const float *x, size_t n,
                   struct strata_assignment *out);

    /* The posterior of each segment, out (n, k), for each of n rows; NULL for hard estimators. */
    void (*memberships)(struct strata_dims dims, const double *params, const float *x, size_t n,
                        double *out);
};

extern const struct strata_estimator strata_kmeans;
extern const struct strata_estimator strata_gmm_diag; /* "gmm-diag" */

/* All estimators, NULL-terminated: config check, help, conformance tests and benches iterate over it. */
extern const struct strata_estimator *const strata_estimators[];
const struct strata_estimator *strata_estimator_find(const char *name); /* NULL if unknown */

#endif
