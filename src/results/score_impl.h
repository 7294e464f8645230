/* What the files of the scorer share. */
#ifndef STRATA_SCORE_IMPL_H
#define STRATA_SCORE_IMPL_H

#include "strata/reasons.h"
#include "strata/score.h"

#include "results_impl.h"

/* A level and its place in the feature's list, which is its raw value. */
struct score_level {
    const char *text;
    size_t place;
};

/* How a feature of the basis is read. */
struct score_feature {
    bool is_basis;
    bool takes_numbers;
    struct strata_binding number;    /* of numbers; its column is set for each value */
    const struct score_level *level; /* (n_levels) sorted by text, then place */
    size_t n_levels;
};

struct strata_scorer {
    struct strata_clustering model; /* estimator, dims, params, grid and hash are set */
    struct strata_recipe recipe;
    struct score_feature *feature; /* (recipe.n_features) */
    const struct strata_reasoning *reasoning;
};

/* A batch whose columns fit the model. */
struct score_bound {
    const struct strata_scorer *scorer;
    const struct strata_score_batch *batch;
    const struct strata_score_column **of; /* (n_features) the feature's column; NULL: there is none */
    size_t *missing_at;                    /* (n_features) the column's next missing row */
};

/* Check a batch against the model; the result lies in scratch. */
STRATA_MUST_CHECK strata_status strata_score_bind(const struct strata_scorer *scorer,
                                                  const struct strata_score_batch *batch,
                                                  struct strata_arena *scratch,
                                                  struct score_bound *out, struct strata_err *err);

/* Encode n rows from `first` on; strips come in order.  raw is (n, n_features) and x is (n, d); adds to *invalid. */
STRATA_MUST_CHECK strata_status strata_score_encode(struct score_bound *bound, size_t first,
                                                    size_t n, double *raw, float *x,
                                                    uint64_t *invalid, struct strata_err *err);

#endif
