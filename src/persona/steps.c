/* The best next step of a rule: another condition more, another one in the place of one that it has, or one
 * less.
 *
 * With S customers in the segment, a rule for C of them of whom H are the segment's has the error
 * (C + S - 2 H) / (C + S), which is 1 - F1.  Its cost is that error, 1 / 0.9 times for each condition and
 * 1 / 0.98 times for what makes one longer: so a condition has to take away a tenth of the error that is
 * left, and a rule whose error can be 0 gets there.  Costs fall with each step, so steps end. */
#include <math.h>
#include <string.h>

#include "persona/rules_impl.h"

#define CONDITION_COST (1.0 / 0.9)
#define DETAIL_COST (1.0 / 0.98)
#define NO_ERROR \
    1e-9 /* counts as this much, so that of rules without error the shorter one is better */

/* A step that has been looked at. */
struct step {
    double cost;
    struct strata_hits hits;
    struct strata_range range;
    size_t place; /* of the condition that it is about; draft->n: one more */
    bool drops;
};

static double error_of(const struct strata_search *search, size_t s, struct strata_hits hits)
{
    const uint64_t size = search->weight[s];
    const uint64_t wrong = hits.weight + size - 2 * hits.weight_hits;
    return (double)wrong / (double)(hits.weight + size) + NO_ERROR;
}

/* All four cells of rule and segment can be told, and the rule is about somebody in it. */
static bool is_tellable(const struct strata_search *search, size_t s, struct strata_hits hits)
{
    const uint64_t size = search->size[s], all = search->size[search->axes.plan->k];
    const uint64_t wrong = hits.count - hits.hits, missed = size - hits.hits;
    return hits.hits >= STRATA_MIN_CELL && strata_is_tellable(wrong) &&
           strata_is_tellable(missed) && strata_is_tellable(all - hits.count - missed);
}

static void hits_add(struct strata_hits *to, struct strata_planes cell, size_t at)
{
    to->count += (uint64_t)(cell.count[2 * at] + cell.count[2 * at + 1]);
    to->hits += (uint64_t)cell.count[2 * at + 1];
    to->weight += (uint64_t)(cell.weight[2 * at] + cell.weight[2 * at + 1]);
    to->weight_hits += (uint64_t)cell.weight[2 * at + 1];
}

/* --- looking at steps ------------------------------------------------------------------------ */

/* What is being looked for. */
struct looking {
    const struct strata_search *search;
    size_t s;
    struct strata_planes cell;
    size_t place;
    double factor; /* of all conditions but this one's length */
    struct step *best;
};

static void consider(const struct looking *looking, struct strata_hits hits, double length,
                     const struct strata_range *range)
{
    const double cost = error_of(looking->search, looking->s, hits) * looking->factor * length;
    if (cost >= looking->best->cost || !is_tellable(looking->search, looking->s, hits)) return;
    if (range && !strata_range_is_open(&looking->search->axes, range, looking->s)) return;
    *looking->best = (struct step){.cost = cost, .hits = hits, .place = looking->place};
    if (range)
        looking->best->range = *range;
    else
        looking->best->drops = true;
}

static double length_of(const struct strata_axes *axes, const struct strata_range *range)
{
    double length = 1.0;
    if (range->n_levels == 0)
        return range->from > 0 && range->to + 1 < axes->axis[range->axis].n ? DETAIL_COST : 1.0;
    for (size_t l = 1; l < range->n_levels; l++) length *= DETAIL_COST;
    return length;
}

/* Whether an interval can be better than the best step.  With an error of e at most, twice its hits less (1 - e) times
 * its customers would have to be (1 - e) times the segment's, so the greatest such sum of any interval decides
 * (Kadane's); where rounding might, the answer is yes. */
static bool may_be_better(const struct looking *looking, const struct strata_axis *axis)
{
    const struct strata_planes cell = looking->cell;
    const double error = (looking->best->cost / looking->factor) * (1.0 + 1e-9);
    const double size = (double)looking->search->weight[looking->s];
    double most = 0.0, here = 0.0, all = size;
    for (size_t b = 0; b < axis->n; b++) {
        const size_t at = 2 * (axis->first + b);
        const double others = (double)cell.weight[at], hits = (double)cell.weight[at + 1];
        here = fmax(here, 0.0) + 2.0 * hits - (1.0 - error) * (others + hits);
        most = fmax(most, here);
        all += others + hits;
    }
    return most >= (1.0 - error) * size - 1e-9 * all;
}

/* All intervals of bins but the one that only asks for a value. */
static void look_at_intervals(const struct looking *looking, size_t a)
{
    const struct strata_axis *axis = &looking->search->axes.axis[a];
    if (!may_be_better(looking, axis)) return;
    for (size_t from = 0; from < axis->n; from++) {
        struct strata_hits hits = {0};
        for (size_t to = from; to < axis->n; to++) {
            hits_add(&hits, looking->cell, axis->first + to);
            if (from == 0 && to + 1 == axis->n) continue;
            const struct strata_range range = {.axis = a, .from = from, .to = to};
            consider(looking, hits, length_of(&looking->search->axes, &range), &range);
        }
    }
}

static bool has_level(const struct strata_range *range, size_t level)
{
    for (size_t l = 0; l < range->n_levels; l++) {
        if (range->level[l] == level) return true;
    }
    return false;
}

/* The level with the largest share of hits that is not in the range yet; SIZE_MAX: none. */
static size_t next_level(const struct looking *looking, const struct strata_axis *axis,
                         const struct strata_range *range)
{
    size_t best = SIZE_MAX;
    double most = 0.0;
    for (size_t l = 0; l < axis->n; l++) {
        if (!axis->shown[l] || has_level(range, l)) continue;
        struct strata_hits hits = {0};
        hits_add(&hits, looking->cell, axis->first + l);
        if (hits.hits == 0) continue;
        const double share = (double)hits.weight_hits / (double)hits.weight;
        if (share <= most) continue;
        most = share;
        best = l;
    }
    return best;
}

/* Sets of up to four levels, those with the largest shares of hits first. */
static void look_at_levels(const struct looking *looking, size_t a)
{
    const struct strata_axis *axis = &looking->search->axes.axis[a];
    struct strata_range range = {.axis = a};
    struct strata_hits hits = {0};
    while (range.n_levels < STRATA_RULE_LEVELS && range.n_levels + 1 < axis->n) {
        const size_t level = next_level(looking, axis, &range);
        if (level == SIZE_MAX) return;
        range.level[range.n_levels++] = (uint16_t)level;
        hits_add(&hits, looking->cell, axis->first + level);
        consider(looking, hits, length_of(&looking->search->axes, &range), &range);
    }
}

static void look_at_axis(const struct looking *looking, size_t a)
{
    if (looking->search->axes.axis[a].ordered)
        look_at_intervals(looking, a);
    else
        look_at_levels(looking, a);
}

/* The rule without the condition: all cells of its axis, whatever the value. */
static void look_without(const struct looking *looking, size_t a)
{
    const struct strata_axis *axis = &looking->search->axes.axis[a];
    struct strata_hits hits = {0};
    for (size_t b = 0; b <= axis->n; b++) hits_add(&hits, looking->cell, axis->first + b);
    consider(looking, hits, 1.0, NULL);
}

static size_t place_of(const struct strata_draft *draft, size_t axis)
{
    size_t c = 0;
    while (c < draft->n && draft->range[c].axis != axis) c++;
    return c;
}

/* The cost of the conditions but the one at `without`. */
static double factor_of(const struct strata_search *search, const struct strata_draft *draft,
                        size_t without)
{
    double factor = 1.0;
    for (size_t c = 0; c < draft->n; c++) {
        if (c == without) continue;
        factor *= CONDITION_COST * length_of(&search->axes, &draft->range[c]);
    }
    return factor;
}

/* --- taking one ------------------------------------------------------------------------------ */

static bool is_within(const struct strata_range *inner, const struct strata_range *outer)
{
    if (inner->n_levels == 0) return inner->from >= outer->from && inner->to <= outer->to;
    for (size_t l = 0; l < inner->n_levels; l++) {
        if (!has_level(outer, inner->level[l])) return false;
    }
    return true;
}

/* How a step changes what has been counted, and which way of counting it again looks at fewer rows. */
static struct strata_change change_of(const struct strata_draft *draft, const struct step *step)
{
    struct strata_change change = {.place = step->place, .had = step->place < draft->n};
    if (change.had) change.before = draft->range[step->place];
    change.axis = change.had ? change.before.axis : step->range.axis;
    if (step->drops) {
        change.place = STRATA_RULE_CONDITIONS;
        return change;
    }
    if (change.had && !is_within(&step->range, &change.before)) return change;
    const uint64_t others = step->hits.count - step->hits.hits;
    change.leaving[0] = draft->hits.count - draft->hits.hits - others < others;
    change.leaving[1] = draft->hits.hits - step->hits.hits < step->hits.hits;
    return change;
}

static void take(struct strata_draft *draft, const struct step *step)
{
    draft->change = change_of(draft, step);
    draft->cost = step->cost;
    draft->hits = step->hits;
    if (!step->drops) {
        draft->range[step->place] = step->range;
        if (step->place == draft->n) draft->n++;
        return;
    }
    draft->n--;
    for (size_t c = step->place; c < draft->n; c++) draft->range[c] = draft->range[c + 1];
}

void strata_draft_start(const struct strata_search *search, size_t s)
{
    const size_t k = search->axes.plan->k;
    struct strata_draft *draft = &search->draft[s];
    *draft = (struct strata_draft){.hits = {.count = search->size[k],
                                            .hits = search->size[s],
                                            .weight = search->weight[k],
                                            .weight_hits = search->weight[s]}};
    draft->settled = search->size[s] < STRATA_MIN_CELL || k < 2;
    if (!draft->settled) draft->cost = error_of(search, s, draft->hits);
}

void strata_draft_step(const struct strata_search *search, size_t s, struct strata_planes cell)
{
    struct strata_draft *draft = &search->draft[s];
    struct step best = {.cost = draft->cost * (1.0 - 1e-12)};
    const double before = best.cost;
    for (size_t a = 0; a < search->axes.n; a++) {
        const size_t place = place_of(draft, a);
        if (place == STRATA_RULE_CONDITIONS) continue;
        const double factor = factor_of(search, draft, place);
        struct looking looking = {search, s, cell, place, factor * CONDITION_COST, &best};
        look_at_axis(&looking, a);
        looking.factor = factor;
        if (place < draft->n && draft->n > 1) look_without(&looking, a);
    }
    if (best.cost < before)
        take(draft, &best);
    else
        draft->settled = true;
}
