/* What all ranks do when one of them finds that memory or arithmetic is faulty: they leave together, and
 * the rank is named where it can be told. */
#include <stdio.h>
#include <string.h>

#include "strata/hash.h"

#include "cluster/cluster_impl.h"

#define MUSTER_S 1 /* ranks that found the same come within their time slices */

/* Ranks of which something holds. */
struct odd {
    int64_t n;
    int rank; /* the one that is not like the others; -1 when there is not one */
};

/* Collective. */
static struct odd find_odd(struct strata_comm *comm, bool is_odd)
{
    int64_t odd[2] = {is_odd, is_odd ? comm->rank : 0}; /* how many, and the sum of their numbers */
    strata_comm_sum(comm, odd, 2);
    const int64_t all = (int64_t)comm->size * (comm->size - 1) / 2;
    int64_t rank = -1;
    if (odd[0] == 1 && comm->size > 1)
        rank = odd[1];
    else if (odd[0] == comm->size - 1 && comm->size > 2)
        rank = all - odd[1];
    return (struct odd){odd[0], (int)rank};
}

static bool differs_from_first(struct strata_comm *comm, uint64_t hash)
{
    uint64_t of_first = hash;
    strata_comm_broadcast(comm, &of_first, sizeof of_first, 0);
    return of_first != hash;
}

static strata_status blame(const struct strata_fit *fit, const char *what, struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_BUG,
                       "%s after %llu reductions: a rank's memory or arithmetic is faulty; run again "
                       "on other hosts",
                       what, (unsigned long long)fit->out->iterations_total);
}

strata_status strata_fit_judge(const struct strata_fit *fit, const char *broken, uint64_t model,
                               struct strata_err *err)
{
    struct strata_comm *comm = fit->comm;
    char what[160] = "";
    struct strata_err found = {0};
    if (broken) (void)STRATA_FAIL(&found, STRATA_E_BUG, "%s", broken);
    if (strata_comm_agree(comm, found.code, &found) == STRATA_OK) return STRATA_OK;
    const struct odd model_of = find_odd(comm, differs_from_first(comm, model));
    const struct odd finder = find_odd(comm, broken != NULL);
    if (model_of.rank >= 0 && comm->size > 2) /* of two ranks neither is the odd one */
        (void)snprintf(what, sizeof what, "rank %d holds another model than the others",
                       model_of.rank);
    else if (model_of.n > 0)
        (void)snprintf(what, sizeof what, "ranks do not hold the same model");
    else if (finder.rank >= 0)
        (void)snprintf(what, sizeof what, "rank %d holds other sums than the others", finder.rank);
    else
        (void)snprintf(what, sizeof what, "%.128s", found.text);
    return blame(fit, what, err);
}

strata_status strata_fit_leave(const struct strata_fit *fit, const char *broken, uint64_t model,
                               struct strata_err *err)
{
    if (strata_comm_muster(fit->comm, MUSTER_S)) return strata_fit_judge(fit, broken, model, err);
    char what[160];
    (void)snprintf(what, sizeof what, "rank %d holds other sums than the others", fit->comm->rank);
    const strata_status status = blame(fit, what, err);
    (void)fprintf(stderr, "strata: %s\n", err->text);
    fit->comm->ops->abort(fit->comm, strata_status_exit_code(status));
    return status;
}

strata_status strata_fit_same(const struct strata_fit *fit, uint64_t model, struct strata_err *err)
{
    const bool differs = differs_from_first(fit->comm, model);
    return strata_fit_judge(fit, differs ? "ranks do not hold the same model" : NULL, model, err);
}
