/* How good the chosen segmentation is, in figures that do not depend on ranks or order. */
#ifndef STRATA_EVALUATE_H
#define STRATA_EVALUATE_H

#include "strata/arena.h"
#include "strata/cluster.h"
#include "strata/comm.h"
#include "strata/features.h"
#include "strata/status.h"

/* Customers count by their case weights everywhere: whole weights give the bits that so many copies of
 * the customers would. */
struct strata_evaluation {
    double within_sse, total_sse; /* squared encoded units; total about the grand mean */
    double explained;             /* 1 - within/total, in [0, 1]; 0 when nothing varies */
    double calinski_harabasz;     /* NaN for k = 1, and when nothing is left within segments */
    double davies_bouldin;        /* NaN for k = 1 */
    double silhouette; /* mean simplified silhouette (Hruschka et al., 2004); NaN for k = 1 */
    double log_likelihood,
        bic; /* NaN for estimators without a likelihood; higher BIC is better (mclust's sign) */
    double mean_posterior;      /* mean posterior of the own segment; 1 for hard estimators */
    double agreement;           /* of starts at the chosen k */
    double *segment_silhouette; /* (k); NaN for k = 1 */
    double *segment_sse;        /* (k) about the model's centre */
    double *dimension_share; /* (STRATA_DIMENSION_COUNT) share of the between-segment sum of squares */
};

/* Collective, one pass over the rows, two reductions.  Same bits for any number of ranks: every sum
 * is an exact integer (silhouettes and posteriors rounded to 2^-40, distances to 2^-20 grid units).
 * Distances are Euclidean from the model's centres, for mixtures too.  Fails only for lack of
 * memory, alike on all ranks. */
STRATA_MUST_CHECK strata_status strata_evaluate(struct strata_comm *comm,
                                                const struct strata_features *features,
                                                const struct strata_clustering *clustering,
                                                struct strata_arena *keep,
                                                struct strata_evaluation **out,
                                                struct strata_err *err);

#endif
