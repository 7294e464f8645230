/* Segments that are still those of an earlier model.
 *
 * Two centres go together when they are less than half as far apart as either is from the nearest
 * other one of its own run.  By the triangle inequality every other centre of either run is then
 * farther from both than they are from each other.  So no two pairs share a segment, and an assignment
 * of one to one need not be searched for. */
#include <math.h>

#include "cluster/start_impl.h"

/* Centres of one run, in the columns that are compared. */
struct centres {
    const double *at; /* (k, d) */
    size_t k, d;
    double *apart; /* (k) squared distance to the nearest other; HUGE_VAL when there is none */
};

static double squared_distance(const double *a, const double *b, size_t d)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

static void find_apart(struct centres *centres)
{
    for (size_t s = 0; s < centres->k; s++) {
        centres->apart[s] = HUGE_VAL;
        for (size_t t = 0; t < s; t++) {
            const double distance = squared_distance(&centres->at[s * centres->d],
                                                     &centres->at[t * centres->d], centres->d);
            centres->apart[s] = fmin(centres->apart[s], distance);
            centres->apart[t] = fmin(centres->apart[t], distance);
        }
    }
}

/* Take the columns that are compared of (k, d) centres. */
static bool take_columns(const double *centre, size_t k, size_t d, const size_t *column,
                         size_t n_columns, struct strata_arena *scratch, struct centres *out)
{
    double *at = STRATA_NEW(scratch, double, k *n_columns);
    *out = (struct centres){at, k, n_columns, STRATA_NEW(scratch, double, k)};
    if (!at || !out->apart) return false;
    for (size_t s = 0; s < k; s++)
        for (size_t j = 0; j < n_columns; j++) at[s * n_columns + j] = centre[s * d + column[j]];
    find_apart(out);
    return true;
}

static void match(const struct centres *now, const struct centres *before, size_t *earlier)
{
    /* All customers are no part of them, wherever their centre is. */
    const bool comparable = now->d > 0 && (now->k == 1) == (before->k == 1);
    for (size_t s = 0; s < now->k; s++) {
        earlier[s] = SIZE_MAX;
        for (size_t e = 0; e < before->k && comparable; e++) {
            const double distance =
                squared_distance(&now->at[s * now->d], &before->at[e * now->d], now->d);
            if (4.0 * distance < fmin(now->apart[s], before->apart[e])) earlier[s] = e;
        }
    }
}

strata_status strata_clustering_match(const struct strata_clustering *clustering,
                                      const struct strata_recipe *recipe,
                                      const struct strata_start *start, struct strata_arena scratch,
                                      size_t *earlier, struct strata_err *err)
{
    const struct strata_dims dims = clustering->dims;
    double *mine = STRATA_NEW(&scratch, double, dims.k *dims.d);
    double *theirs = STRATA_NEW(&scratch, double, start->k *dims.d);
    size_t *column = STRATA_NEW(&scratch, size_t, dims.d);
    size_t n_columns = 0;
    struct centres now, before;
    bool fits = mine && theirs && column;
    for (size_t j = 0; j < dims.d && fits; j++) {
        strata_start_fill(recipe, start, j, theirs);
        if (strata_start_knows(recipe, start, j)) column[n_columns++] = j;
    }
    if (fits) clustering->estimator->centres(dims, clustering->params, mine);
    fits = fits && take_columns(mine, dims.k, dims.d, column, n_columns, &scratch, &now) &&
           take_columns(theirs, start->k, dims.d, column, n_columns, &scratch, &before);
    if (!fits)
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "no memory to compare %zu segments with %zu of an earlier run", dims.k,
                           start->k);
    match(&now, &before, earlier);
    return STRATA_OK;
}
