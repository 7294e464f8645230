/* Why this segment and not the runner-up: what each feature adds to the difference of the two.
 *
 * A row's standing with a segment is a sum over columns (terms of the estimator), so the difference of two standings
 * is one too; a feature's contribution is the sum over its columns.  What contributes most, and says so for this
 * segment, is a reason.  A feature whose value is missing or invalid contributes what was put in its place, which is
 * the job's doing and not the customer's: it counts in the sum that shares are of, but is never named.  Only basis
 * features are encoded, so sensitive ones, descriptors and outcomes cannot be reasons. */
#include "strata/reasons.h"

#include <string.h>

const struct strata_reasoning *strata_reasoning_make(const struct strata_clustering *clustering,
                                                     const struct strata_recipe *recipe,
                                                     struct strata_arena *keep)
{
    const struct strata_estimator *estimator = clustering->estimator;
    const struct strata_dims dims = clustering->dims;
    struct strata_reasoning *reasoning = STRATA_NEW(keep, struct strata_reasoning, 1);
    double *terms = STRATA_NEW(keep, double, 3 * dims.k * dims.d);
    if (!reasoning || !terms) return NULL;
    double *scale = terms + dims.k * dims.d, *offset = scale + dims.k * dims.d;
    STRATA_REQUIRE(recipe->d == dims.d);
    estimator->centres(dims, clustering->params, terms);
    estimator->terms(dims, clustering->params, scale, offset);
    *reasoning = (struct strata_reasoning){.dims = dims,
                                           .n_features = recipe->n_features,
                                           .centre = terms,
                                           .scale = scale,
                                           .offset = offset,
                                           .encoding = recipe->column};
    return reasoning;
}

void strata_reasons_contribute(const struct strata_reasoning *reasoning, const float *x, size_t own,
                               size_t rival, double *contribution)
{
    const size_t d = reasoning->dims.d, a = own * d, b = rival * d;
    const double *centre = reasoning->centre, *scale = reasoning->scale;
    memset(contribution, 0, reasoning->n_features * sizeof *contribution);
    for (size_t j = 0; j < d; j++) {
        const double from_own = (double)x[j] - centre[a + j];
        const double from_rival = (double)x[j] - centre[b + j];
        const double nearer =
            scale[b + j] * (from_rival * from_rival) - scale[a + j] * (from_own * from_own);
        const double denser = reasoning->offset[a + j] - reasoning->offset[b + j];
        contribution[reasoning->encoding[j].feature] += nearer + denser;
    }
}

#define CANDIDATES 20 /* at most so many have STRATA_REASON_SHARE_MIN, a twentieth */

struct strata_reasons strata_reasons_pick(const double *contribution, size_t n_features,
                                          strata_has_value *has_value, const void *context)
{
    struct strata_reasons reasons = {.n = 0};
    size_t candidate[CANDIDATES], n = 0;
    double sum = 0;
    for (size_t f = 0; f < n_features; f++) sum += contribution[f] > 0 ? contribution[f] : 0;
    const double least = STRATA_REASON_SHARE_MIN * sum;
    for (size_t f = 0; f < n_features && n < CANDIDATES; f++)
        if (contribution[f] > 0 && contribution[f] >= least) candidate[n++] = f;
    while (n > 0 && reasons.n < STRATA_REASONS_MAX) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++)
            if (contribution[candidate[i]] > contribution[candidate[best]]) best = i;
        const size_t f = candidate[best];
        if (has_value(context, f))
            reasons.reason[reasons.n++] = (struct strata_reason){f, contribution[f] / sum};
        n--;
        for (size_t i = best; i < n; i++)
            candidate[i] = candidate[i + 1]; /* ties: the job's order */
    }
    return reasons;
}
