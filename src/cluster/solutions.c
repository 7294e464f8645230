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

/* Which of the numbers of segments may be kept: those with few enough, and none that a client has dropped. */
static size_t list_kept(const struct strata_clustering *out, size_t kept[], size_t *chosen)
{
    size_t n = 0;
    for (size_t i = 0; i < out->n_k && out->by_k[i].k <= STRATA_SOLUTION_SEGMENTS; i++) {
        if (i != out->chosen_k && strata_is_k_dropped(out, i)) continue;
        if (i == out->chosen_k) *chosen = n;
        kept[n++] = i;
    }
    return n;
}

static void keep_solution(const struct strata_fit *fit, size_t i, struct strata_solution *solution)
{
    const struct strata_clustering *out = fit->out;
    const bool chosen = i == out->chosen_k;
    const uint32_t k = out->by_k[i].k;
    solution->k = k;
    solution->dims = (struct strata_dims){.k = chosen ? out->dims.k : k, .d = out->dims.d};
    solution->chosen = chosen;
    memcpy(solution->params, chosen ? out->params : fit->leader[i].params,
           fit->estimator->param_count(solution->dims) * sizeof *solution->params);
}

/* As many smaller as larger ones, and more of one side where the other has not enough. */
void strata_solutions_keep(struct strata_fit *fit)
{
    struct strata_clustering *out = fit->out;
    size_t kept[STRATA_SOLUTION_SEGMENTS], chosen = SIZE_MAX;
    const size_t n_kept = list_kept(out, kept, &chosen);
    if (chosen == SIZE_MAX) return; /* too many segments */
    const size_t n = most_kept(n_kept), before = smaller(chosen, n / 2);
    const size_t first = smaller(chosen - before, n_kept - n);
    for (size_t i = 0; i < n; i++) keep_solution(fit, kept[first + i], &out->solution[i]);
    out->n_solutions = n;
}
