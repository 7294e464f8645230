/* What is told of the candidates to who watches the fit: those that move, and those that have ended. */
#include <math.h>

#include "cluster/cluster_impl.h"

/* How far behind the best live one of its k a candidate is, for numbers of segments cannot be compared otherwise. */
struct place {
    const struct strata_candidate *candidate;
    double behind;
};

static void note_best(const struct strata_candidate *candidate, size_t n,
                      double best[STRATA_MAX_SEGMENTS + 1])
{
    for (size_t k = 0; k <= STRATA_MAX_SEGMENTS; k++) best[k] = HUGE_VAL;
    for (size_t i = 0; i < n; i++)
        if (candidate[i].live)
            best[candidate[i].dims.k] = fmin(best[candidate[i].dims.k], candidate[i].objective);
}

/* Into its place among at most STRATA_FIT_STANDINGS, the nearest first; the farthest falls out. */
static size_t put(struct place *place, size_t n, struct place one)
{
    if (n == STRATA_FIT_STANDINGS && !(one.behind < place[n - 1].behind)) return n;
    if (n < STRATA_FIT_STANDINGS) n++;
    size_t at = n - 1;
    for (; at > 0 && one.behind < place[at - 1].behind; at--) place[at] = place[at - 1];
    place[at] = one;
    return n;
}

static bool comes_before(const struct strata_fit_standing *a, const struct strata_fit_standing *b)
{
    return a->k != b->k ? a->k < b->k : a->start < b->start;
}

/* Into its place by k, then start. */
static void insert(struct strata_fit_progress *progress, struct strata_fit_standing one)
{
    size_t at = progress->n_standings++;
    for (; at > 0 && comes_before(&one, &progress->standing[at - 1]); at--)
        progress->standing[at] = progress->standing[at - 1];
    progress->standing[at] = one;
}

void strata_fit_standings(const struct strata_fit *fit, const struct strata_candidate *candidate,
                          size_t n, struct strata_fit_progress *progress)
{
    struct place place[STRATA_FIT_STANDINGS];
    double best[STRATA_MAX_SEGMENTS + 1];
    size_t n_places = 0;
    if (!fit->watch || !fit->watch->progress) return;
    note_best(candidate, n, best);
    for (size_t i = 0; i < n; i++) {
        const struct strata_candidate *c = &candidate[i];
        if (!c->live) continue;
        const double scale = fmax(fabs(best[c->dims.k]), 1e-300);
        n_places = put(place, n_places, (struct place){c, (c->objective - best[c->dims.k]) / scale});
    }
    for (size_t i = 0; i < n_places; i++) {
        const struct strata_candidate *c = place[i].candidate;
        insert(progress,
               (struct strata_fit_standing){.k = c->result->k,
                                            .start = c->result->start,
                                            .iterations = c->result->iterations,
                                            .objective = strata_fit_encoded(fit, c->objective)});
    }
}

void strata_fit_tell_over(const struct strata_fit *fit, const struct strata_candidate_result *result)
{
    if (fit->comm->rank == 0 && fit->watch && fit->watch->candidate)
        fit->watch->candidate(fit->watch->context, result);
}

void strata_fit_tell_ended(const struct strata_fit *fit, struct strata_candidate *candidate,
                           size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct strata_candidate *c = &candidate[i];
        if (c->live || c->told) continue;
        c->told = true;
        strata_fit_tell_over(fit, c->result);
    }
}
