/* Candidates that meet go on as one.
 *
 * The state of k-means is the set of its centres: from equal states on, two candidates do the same.  A
 * state is remembered as the sum of its centres' 64-bit hashes, whatever their order; all states of a
 * candidate are remembered, so that one that comes later to a place on another's way is recognised.
 * (Ties between centres are broken by index, so candidates with the same centres in another order may
 * part again at a tie; the rule stands all the same, on all ranks alike.) */
#include "strata/hash.h"

#include "cluster/cluster_impl.h"

static uint64_t state_of(const struct strata_candidate *candidate)
{
    uint64_t state = 0;
    for (size_t c = 0; c < candidate->dims.k; c++)
        state += strata_hash(candidate->params + c * candidate->dims.d,
                             candidate->dims.d * sizeof *candidate->params);
    return state;
}

static bool has_been_at(const struct strata_candidate *candidate, uint64_t state)
{
    for (size_t i = 0; i < candidate->n_states; i++)
        if (candidate->state[i] == state) return true;
    return false;
}

void strata_fit_merge(const struct strata_fit *fit, struct strata_candidate *candidate, size_t n)
{
    if (fit->estimator->soft) return;
    for (size_t i = 0; i < n; i++) {
        struct strata_candidate *c = &candidate[i];
        if (c->live && c->n_states < STRATA_TRACE_MAX) c->state[c->n_states++] = state_of(c);
    }
    for (size_t i = n; i-- > 0;) {
        struct strata_candidate *c = &candidate[i];
        if (!c->live || c->n_states == 0) continue;
        for (size_t j = 0; j < n && c->live; j++) {
            const struct strata_candidate *other = &candidate[j];
            if (j == i || other->dims.k != c->dims.k || other->result->reason == STRATA_STOP_MERGED ||
                other->result->dropped || /* it does not go on */
                !has_been_at(other, c->state[c->n_states - 1]))
                continue;
            c->live = false;
            c->result->reason = STRATA_STOP_MERGED;
            c->result->merged_into = other->index;
        }
    }
}

void strata_fit_follow_merged(struct strata_clustering *out)
{
    for (size_t i = 0; i < out->n_candidates; i++) {
        struct strata_candidate_result *result = &out->candidate[i];
        if (result->reason != STRATA_STOP_MERGED) continue;
        const struct strata_candidate_result *end = &out->candidate[result->merged_into];
        for (size_t step = 0; step < out->n_candidates && end->reason == STRATA_STOP_MERGED; step++)
            end = &out->candidate[end->merged_into];
        result->objective = end->objective;
        result->raced = end->raced;
        result->smallest_share = end->smallest_share;
        result->eligible = end->eligible;
    }
}
