/* The best model of each number of segments around the chosen one, which outlive the fit: by them segments are
 * followed from one solution to the next. */
#include <string.h>

#include "cluster/cluster_impl.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Models that may be kept, and doubles of the largest of them. */
static size_t most_kept(size_t n_k)
{
    return smaller(n_k, STRATA_SOLUTIONS);
}

static size_t largest_params(const struct strata_estimator *estimator, struct strata_dims dims)
{
    dims.k = smaller(dims.k, STRATA_SOLUTION_SEGMENTS);
    return estimator->param_count(dims);
}

uint64_t strata_solutions_bytes(const struct strata_estimator *estimator, uint64_t n_k,
                                struct strata_dims largest)
{
    return most_kept((size_t)n_k) * largest_params(estimator, largest) * sizeof(double);
}

bool strata_solutions_make(struct strata_fit *fit)
{
    const struct strata_dims largest = {.k = fit->k_to, .d = fit->rows->d};
    const size_t n = most_kept(fit->out->n_k);
    fit->out->solution = STRATA_NEW(fit->keep, struct strata_solution, n);
    for (size_t i = 0; fit->out->solution && i < n; i++) {
        double *params = STRATA_NEW(fit->keep, double, largest_params(fit->estimator, largest));
        if (!params) return false;
        fit->out->solution[i].params = params;
    }
    return fit->out->solution != NULL;
}

/* As many smaller as larger ones, and more of one side where the other has not enough. */
void strata_solutions_keep(struct strata_fit *fit)
{
    struct strata_clustering *out = fit->out;
    size_t n_small = out->n_k; /* the ks that are few enough */
    while (n_small > 0 && out->by_k[n_small - 1].k > STRATA_SOLUTION_SEGMENTS) n_small--;
    if (out->chosen_k >= n_small) return;
    const size_t n = most_kept(n_small), before = smaller(out->chosen_k, n / 2);
    const size_t first = smaller(out->chosen_k - before, n_small - n);
    for (size_t i = 0; i < n; i++) {
        struct strata_solution *solution = &out->solution[i];
        const bool chosen = first + i == out->chosen_k;
        const uint32_t k = out->by_k[first + i].k;
        const struct strata_dims dims = {.k = chosen ? out->dims.k : k, .d = out->dims.d};
        double *params = solution->params;
        memcpy(params, chosen ? out->params : fit->leader[first + i].params,
               fit->estimator->param_count(dims) * sizeof *params);
        solution->k = k;
        solution->dims = dims;
        solution->chosen = chosen;
    }
    out->n_solutions = n;
}
