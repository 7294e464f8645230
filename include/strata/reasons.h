/* Why a customer is in a segment and not in the runner-up, in the customer's own features: for those who look
 * at one customer, and for the assignments of all of them. */
#ifndef STRATA_REASONS_H
#define STRATA_REASONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/cluster.h"
#include "strata/config.h"
#include "strata/features.h"

#define STRATA_REASONS_MAX 3
#define STRATA_REASON_SHARE_MIN 0.05 /* what adds less is no reason */

/* What the reasons of all rows follow from. */
struct strata_reasoning {
    struct strata_dims dims;
    size_t n_features;                      /* of the job */
    const double *centre, *scale, *offset;  /* (k, d) terms of the estimator */
    const struct strata_encoding *encoding; /* (d) */
};

/* Ready a model for its reasons; of clustering, estimator, dims and params are looked at.  The result lies in keep and
 * borrows from recipe; NULL when there is no room.
 * Not collective; the same on all ranks.  O(k d) time and 24 k d bytes. */
const struct strata_reasoning *strata_reasoning_make(const struct strata_clustering *clustering,
                                                     const struct strata_recipe *recipe,
                                                     struct strata_arena *keep);

/* What each feature adds to a row's nearness to segment `own` over segment `rival`: contribution is
 * (n_features), 0 for features outside the basis, x is (d) grid integers.
 * Hard estimators: the squared distance to rival less that to own, in squared grid units, so all together are
 * their difference; mixtures: the log of the densities' ratio, so all together are that of the responsibilities
 * less that of the segments' weights.  An encoded column counts for the feature that it was made from.
 * The same sequence of operations for every row, columns in order: the same bits on every rank, thread and
 * machine; for hard estimators integers, exact as long as a feature's part is below 2^53 (columns have at most
 * 2^50).  O(d) time, no memory. */
void strata_reasons_contribute(const struct strata_reasoning *reasoning, const float *x, size_t own,
                               size_t rival, double *contribution);

struct strata_reason {
    size_t feature;
    double share; /* of the sum of all contributions above 0, in [STRATA_REASON_SHARE_MIN, 1] */
};
struct strata_reasons { /* strongest first, ties in the job's order */
    struct strata_reason reason[STRATA_REASONS_MAX];
    size_t n;
};

/* The features that contribute most, of those that are at least STRATA_REASON_SHARE_MIN of all above 0 and that the customer has a value for:
 * what was put in the place of a value is no reason.  has_value is asked of few features.  Pure. */
typedef bool strata_has_value(const void *context, size_t feature);
struct strata_reasons strata_reasons_pick(const double *contribution, size_t n_features,
                                          strata_has_value *has_value, const void *context);

/* --- in words ---------------------------------------------------------------------------------- */

/* One reason, and what is typical of the two segments. */
struct strata_reason_facts {
    const struct strata_feature *feature; /* label, type and unit */
    const char *level;                    /* the customer's, of features with levels; NULL: */
    double number;                        /* the customer's own value; of a binary feature 0 or 1 */
    const char *segment, *rival;          /* names */
    /* Numbers: the segments' means; features with levels: the shares of those with the same value.  NaN in
     * either: neither is told. */
    double segment_figure, rival_figure;
};

/* "visits a year: 31; Loyal big baskets 28 on average, Lapsed shoppers 3.1", from the message catalogue, in
 * arena; NULL when there is no room.  Figures are rounded for people. */
char *strata_reason_sentence(const struct strata_reason_facts *facts, struct strata_arena *arena);

/* How sure it is, in half a sentence: of hard estimators by the margin, of mixtures by both responsibilities (the
 * margin is their difference).  rival is NULL when there is one segment.  NULL when there is no room. */
char *strata_sureness_sentence(bool soft, double posterior, double margin, const char *rival,
                               struct strata_arena *arena);

#endif
