/* Rules and the tree as messages. */
#include <math.h>

#include "results_impl.h"

static void fill_condition(struct strata_maker *maker, const struct strata_outcome *outcome,
                           const struct strata_condition *in, Strata__V1__Condition *out)
{
    out->feature = (uint32_t)in->feature;
    PUT_REAL(out, low, STRATA__V1__CONDITION__HAS_LOW_LOW, in->low);
    PUT_REAL(out, high, STRATA__V1__CONDITION__HAS_HIGH_HIGH, in->high);
    out->sentence = strata_maker_text(maker, in->sentence);
    if (in->n_levels == 0) return;
    out->levels = STRATA_NEW(maker->keep, uint32_t, in->n_levels);
    if (!out->levels) {
        maker->full = true;
        return;
    }
    for (size_t i = 0; i < in->n_levels; i++) { /* rising */
        const size_t place = strata_level_place(outcome, in->feature, (int)in->level[i]);
        size_t at = out->n_levels++;
        for (; at > 0 && out->levels[at - 1] > place; at--) out->levels[at] = out->levels[at - 1];
        out->levels[at] = (uint32_t)place;
    }
}

static Strata__V1__Rule *rule_record(struct strata_maker *maker,
                                     const struct strata_outcome *outcome,
                                     const struct strata_rule *in)
{
    Strata__V1__Rule *out = strata_maker_message(maker, &strata__v1__rule__descriptor);
    if (!out) return NULL;
    out->conditions = strata_maker_list(maker, &strata__v1__condition__descriptor, in->n_conditions,
                                        &out->n_conditions);
    for (size_t i = 0; i < out->n_conditions; i++)
        fill_condition(maker, outcome, &in->condition[i], out->conditions[i]);
    out->sentence = strata_maker_text(maker, in->sentence);
    out->sql = strata_maker_text(maker, in->sql);
    out->count = in->count;
    out->hits = in->hits;
    out->coverage = in->coverage;
    out->precision = in->precision;
    out->lift = in->lift;
    return out;
}

void strata_rule_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                      const struct strata_persona *in, Strata__V1__Segment *out)
{
    if (in->rule.n_conditions > 0) out->rule = rule_record(maker, outcome, &in->rule);
}

void strata_effect_fill(const struct strata_profile_cell *in, Strata__V1__ProfileCell *out)
{
#define TAG(FIELD) STRATA__V1__PROFILE_CELL__HAS_##FIELD##_##FIELD
    PUT_REAL(out, effect_low, TAG(EFFECT_LOW), in->effect_low);
    PUT_REAL(out, effect_high, TAG(EFFECT_HIGH), in->effect_high);
    PUT_REAL(out, p, TAG(P), in->p);
    PUT_REAL(out, odds_ratio, TAG(ODDS_RATIO), in->odds_ratio);
    PUT_REAL(out, odds_low, TAG(ODDS_LOW), in->odds_low);
    PUT_REAL(out, odds_high, TAG(ODDS_HIGH), in->odds_high);
    PUT_REAL(out, cramers_v, TAG(CRAMERS_V), in->cramers_v);
    PUT_REAL(out, explained, TAG(EXPLAINED), in->explained);
#undef TAG
}

static void fill_node(struct strata_maker *maker, const struct strata_outcome *outcome,
                      const struct strata_tree_node *in, Strata__V1__TreeNode *out)
{
    out->yes = (uint32_t)in->yes;
    out->no = (uint32_t)in->no;
    out->segment = (uint32_t)in->segment + 1;
    out->count = in->count;
    out->depth = in->depth;
    if (in->hits_shown) {
        out->hits = in->hits;
        out->has_hits_case = STRATA__V1__TREE_NODE__HAS_HITS_HITS;
    }
    if (in->yes == 0) return;
    out->condition = strata_maker_message(maker, &strata__v1__condition__descriptor);
    if (out->condition) fill_condition(maker, outcome, &in->condition, out->condition);
}

void strata_tree_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                      Strata__V1__Result *out)
{
    const struct strata_tree *in = &outcome->personas->tree;
    if (in->n_nodes == 0) return;
    out->tree = strata_maker_message(maker, &strata__v1__tree__descriptor);
    if (!out->tree) return;
    out->tree->nodes = strata_maker_list(maker, &strata__v1__tree_node__descriptor, in->n_nodes,
                                         &out->tree->n_nodes);
    for (size_t i = 0; i < out->tree->n_nodes; i++)
        fill_node(maker, outcome, &in->node[i], out->tree->nodes[i]);
    out->tree->leaves = (uint32_t)in->n_leaves;
    out->tree->depth = in->depth;
    out->tree->hits = in->hits;
    out->tree->fidelity = in->fidelity;
    out->tree->sql = strata_maker_text(maker, in->sql);
}

static void fill_cross(const struct strata_cross *in, Strata__V1__CrossCell *out)
{
    out->hidden = in->hidden;
    out->count = in->count;
    PUT_REAL(out, share, STRATA__V1__CROSS_CELL__HAS_SHARE_SHARE, in->share);
    PUT_REAL(out, index, STRATA__V1__CROSS_CELL__HAS_INDEX_INDEX, in->index);
}

static void fill_apriori(struct strata_maker *maker, const struct strata_outcome *outcome,
                         const struct strata_apriori *in, Strata__V1__AprioriSegment *out)
{
    out->name = strata_maker_text(maker, in->name);
    out->sql = strata_maker_text(maker, in->condition);
    out->hidden = in->hidden;
    if (in->hidden) return;
    out->size = in->size;
    out->share = in->share;
    if (outcome->personas->weighted)
        PUT_REAL(out, weight, STRATA__V1__APRIORI_SEGMENT__HAS_WEIGHT_WEIGHT, in->weight);
    out->cells = strata_cell_records(maker, outcome, in->cell, &out->n_cells);
    out->markers =
        strata_marker_records(maker, outcome, in->marker, in->n_markers, in->cell, &out->n_markers);
    out->cross = strata_maker_list(maker, &strata__v1__cross_cell__descriptor, outcome->personas->k,
                                   &out->n_cross);
    for (size_t s = 0; s < out->n_cross; s++) fill_cross(&in->cross[s], out->cross[s]);
}

void strata_apriori_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                         Strata__V1__Result *out)
{
    const struct strata_personas *personas = outcome->personas;
    out->apriori = strata_maker_list(maker, &strata__v1__apriori_segment__descriptor,
                                     personas->n_apriori, &out->n_apriori);
    for (size_t i = 0; i < out->n_apriori; i++)
        fill_apriori(maker, outcome, &personas->apriori[i], out->apriori[i]);
}
