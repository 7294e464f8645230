/* The map of the customers, and how stable the segments are, as messages. */
#include "strata/sampled.h"

#include "results_impl.h"

/* --- the map --------------------------------------------------------------------------- */

static void fill_loading(const struct strata_map_loading *in, Strata__V1__MapLoading *out)
{
    out->feature = (uint32_t)in->feature;
    if (in->level >= 0) PUT_INDEX(out, level, STRATA__V1__MAP_LOADING__HAS_LEVEL_LEVEL, in->level);
    out->missing = in->level == STRATA_LEVEL_MISSING;
    out->correlation = in->correlation;
}

static void fill_axis(struct strata_maker *maker, const struct strata_map_axis *in,
                      Strata__V1__MapAxis *out)
{
    out->discriminant = in->discriminant;
    out->share = in->share;
    out->name = strata_maker_text(maker, in->name);
    out->loadings = strata_maker_list(maker, &strata__v1__map_loading__descriptor, in->n_loadings,
                                      &out->n_loadings);
    for (size_t i = 0; i < out->n_loadings; i++) fill_loading(&in->loading[i], out->loadings[i]);
    out->low = in->low;
    out->high = in->high;
}

static void fill_map_segment(struct strata_maker *maker, const struct strata_map_segment *in,
                             Strata__V1__MapSegment *out)
{
    out->segment = (uint32_t)in->segment + 1;
    out->x = in->centre.x;
    out->y = in->centre.y;
    out->xs = STRATA_NEW(maker->keep, uint32_t, in->n);
    out->ys = STRATA_NEW(maker->keep, uint32_t, in->n);
    if (!out->xs || !out->ys) {
        maker->full = true;
        return;
    }
    out->n_xs = out->n_ys = in->n;
    for (size_t i = 0; i < in->n; i++) {
        out->xs[i] = in->point[i].x;
        out->ys[i] = in->point[i].y;
    }
}

static Strata__V1__CustomerMap *make_map(struct strata_maker *maker,
                                         const struct strata_customer_map *in)
{
    Strata__V1__CustomerMap *out =
        strata_maker_message(maker, &strata__v1__customer_map__descriptor);
    if (!out) return NULL;
    out->customers = in->customers;
    out->left_out = (uint32_t)in->n_left_out;
    out->axes = strata_maker_list(maker, &strata__v1__map_axis__descriptor, 2, &out->n_axes);
    for (size_t i = 0; i < out->n_axes; i++) fill_axis(maker, &in->axis[i], out->axes[i]);
    out->segments =
        strata_maker_list(maker, &strata__v1__map_segment__descriptor, in->n, &out->n_segments);
    for (size_t i = 0; i < out->n_segments; i++)
        fill_map_segment(maker, &in->segment[i], out->segments[i]);
    return out;
}

/* --- stability ------------------------------------------------------------------------- */

/* What is shown of a segment: the larger of what comes and what goes, which differ by what is hidden. */
static uint64_t customers_shown(const struct strata_stability *in, size_t solution, size_t segment)
{
    uint64_t come = 0, go = 0;
    if (solution > 0) {
        const struct strata_flow *flow = &in->flow[solution - 1];
        for (size_t i = 0; i < flow->n_from; i++) come += flow->tens[i * flow->n_to + segment];
    }
    if (solution + 1 < in->n_solutions) {
        const struct strata_flow *flow = &in->flow[solution];
        for (size_t i = 0; i < flow->n_to; i++) go += flow->tens[segment * flow->n_to + i];
    }
    return 10 * (come > go ? come : go);
}

static void fill_solution(struct strata_maker *maker, const struct strata_stability *in,
                          size_t index, Strata__V1__Solution *out)
{
    const struct strata_sampled_solution *solution = &in->solution[index];
    out->k = solution->k;
    out->chosen = solution->chosen;
    out->segments = strata_maker_list(maker, &strata__v1__solution_segment__descriptor, solution->n,
                                      &out->n_segments);
    for (size_t s = 0; s < out->n_segments; s++) {
        Strata__V1__SolutionSegment *to = out->segments[s];
        to->customers = customers_shown(in, index, s);
        PUT_REAL(to, slsa, STRATA__V1__SOLUTION_SEGMENT__HAS_SLSA_SLSA, solution->slsa[s]);
        PUT_REAL(to, onward, STRATA__V1__SOLUTION_SEGMENT__HAS_ONWARD_ONWARD, solution->onward[s]);
    }
}

static size_t count_flows(const struct strata_stability *in)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < in->n_solutions; i++)
        for (size_t cell = 0; cell < in->flow[i].n_from * in->flow[i].n_to; cell++)
            n += in->flow[i].tens[cell] > 0;
    return n;
}

static void fill_flows(struct strata_maker *maker, const struct strata_stability *in,
                       Strata__V1__Stability *out)
{
    size_t n = 0;
    out->flows =
        strata_maker_list(maker, &strata__v1__solution_flow__descriptor, count_flows(in), &n);
    for (size_t i = 0; i + 1 < in->n_solutions; i++) {
        const struct strata_flow *flow = &in->flow[i];
        for (size_t cell = 0; cell < flow->n_from * flow->n_to && out->n_flows < n; cell++) {
            if (flow->tens[cell] == 0) continue;
            Strata__V1__SolutionFlow *to = out->flows[out->n_flows++];
            to->solution = (uint32_t)i;
            to->from = (uint32_t)(cell / flow->n_to) + 1;
            to->to = (uint32_t)(cell % flow->n_to) + 1;
            to->customers = UINT64_C(10) * flow->tens[cell];
        }
    }
}

static void fill_gorge(struct strata_maker *maker, const struct strata_gorge *in, size_t segment,
                       Strata__V1__Gorge *out)
{
    out->segment = (uint32_t)segment + 1;
    out->sentence = strata_maker_text(maker, in->sentence);
    out->customers = UINT64_C(10) * in->members;
    PUT_REAL(out, clear, STRATA__V1__GORGE__HAS_CLEAR_CLEAR, in->clear);
    out->counts = STRATA_NEW(maker->keep, uint64_t, STRATA_GORGE_BINS);
    if (!out->counts) {
        maker->full = true;
        return;
    }
    out->n_counts = STRATA_GORGE_BINS;
    for (size_t b = 0; b < STRATA_GORGE_BINS; b++) out->counts[b] = UINT64_C(10) * in->tens[b];
}

static Strata__V1__Stability *make_stability(struct strata_maker *maker,
                                             const struct strata_stability *in)
{
    Strata__V1__Stability *out = strata_maker_message(maker, &strata__v1__stability__descriptor);
    if (!out) return NULL;
    out->customers = in->customers;
    out->solutions = strata_maker_list(maker, &strata__v1__solution__descriptor, in->n_solutions,
                                       &out->n_solutions);
    for (size_t i = 0; i < out->n_solutions; i++) fill_solution(maker, in, i, out->solutions[i]);
    fill_flows(maker, in, out);
    out->gorges =
        strata_maker_list(maker, &strata__v1__gorge__descriptor, in->n_gorges, &out->n_gorges);
    for (size_t i = 0; i < out->n_gorges; i++) fill_gorge(maker, &in->gorge[i], i, out->gorges[i]);
    return out;
}

void strata_sampled_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                         Strata__V1__Result *out)
{
    const struct strata_sampled *sampled = outcome->sampled;
    if (!sampled) return;
    if (sampled->map) out->map = make_map(maker, sampled->map);
    if (sampled->stability) out->stability = make_stability(maker, sampled->stability);
}
