/* One decision tree for all segments, grown level by level from counts alone: a branch is split where the
 * sum of squared shares of the segments on both sides rises most (Gini; Breiman et al., 1984).  Those with the most
 * customers outside their segment are split first, so that a level has a bounded number of them.  Who has no value
 * goes where the condition is not fulfilled. */
#include <string.h>

#include "persona/rules_impl.h"

bool strata_growth_make(struct strata_search *search, struct strata_arena *arena)
{
    const size_t k = search->axes.plan->k;
    struct strata_growth *growth = &search->growth;
    growth->most = 1 + 2 * strata_frontier_max(k) * strata_tree_depth(k);
    growth->branch = STRATA_NEW(arena, struct strata_branch, growth->most);
    growth->slot = STRATA_NEW(arena, uint32_t, growth->most);
    growth->frontier = STRATA_NEW(arena, uint32_t, strata_frontier_max(k));
    growth->at = STRATA_NEW(arena, uint32_t, search->axes.plan->table->n_rows);
    if (!growth->branch || !growth->slot || !growth->frontier || !growth->at) return false;
    growth->n = 1;
    growth->n_frontier = k > 1 && search->axes.n > 0 ? 1 : 0;
    growth->slot[0] = growth->n_frontier ? 0 : STRATA_NO_SLOT;
    return true;
}

void strata_growth_count(struct strata_search *search, size_t row, int64_t *count, int64_t *weight)
{
    const struct strata_axes *axes = &search->axes;
    const struct strata_plan *plan = axes->plan;
    struct strata_growth *growth = &search->growth;
    const uint16_t *bin = axes->bin + row * axes->n;
    const struct strata_branch *branch = &growth->branch[growth->at[row]];
    if (branch->split)
        growth->at[row] = strata_range_holds(&branch->range, bin) ? branch->yes : branch->no;
    const uint32_t slot = growth->slot[growth->at[row]];
    if (slot == STRATA_NO_SLOT) return;
    const size_t block = slot * axes->n_tree_cells;
    for (size_t a = 0; a < axes->n; a++) {
        const size_t cell = block + strata_tree_cell(axes, &axes->axis[a], bin[a]);
        count[cell * plan->k + plan->label[row]]++;
        if (weight != count) weight[cell * plan->k + plan->label[row]] += plan->weight[row];
    }
}

/* --- one branch ------------------------------------------------------------------------------ */

/* Segments of one side: (k) counts and weights. */
struct side {
    uint64_t count[STRATA_MAX_SEGMENTS], weight[STRATA_MAX_SEGMENTS];
};

/* The cut of a branch that has been found best; its range is of bins, not of the tree's. */
struct cut {
    double gain;
    struct strata_range range;
    struct strata_hits yes, no;
    uint32_t yes_segment, no_segment;
};

struct splitting {
    const struct strata_axes *axes;
    struct strata_planes cell; /* (n_tree_cells, k) of the branch */
    struct side all, yes;
    struct cut *best;
};

static void side_clear(struct side *side, size_t k)
{
    memset(side->count, 0, k * sizeof *side->count);
    memset(side->weight, 0, k * sizeof *side->weight);
}

static void side_add(struct side *side, struct strata_planes cell, size_t at, size_t k)
{
    for (size_t s = 0; s < k; s++) {
        side->count[s] += (uint64_t)cell.count[at * k + s];
        side->weight[s] += (uint64_t)cell.weight[at * k + s];
    }
}

/* Who is on a side, and in its most frequent segment; returns the sum of squares over the sum. */
static double side_tell(const struct side *all, const struct side *less, size_t k,
                        struct strata_hits *hits, uint32_t *segment)
{
    double squares = 0.0;
    *hits = (struct strata_hits){0};
    *segment = 0;
    for (size_t s = 0; s < k; s++) {
        const uint64_t count = all->count[s] - (less ? less->count[s] : 0);
        const uint64_t weight = all->weight[s] - (less ? less->weight[s] : 0);
        hits->count += count;
        hits->weight += weight;
        squares += (double)weight * (double)weight;
        if (weight <= hits->weight_hits) continue;
        hits->weight_hits = weight;
        hits->hits = count;
        *segment = (uint32_t)s;
    }
    return hits->weight ? squares / (double)hits->weight : 0.0;
}

static void consider(struct splitting *splitting, const struct strata_range *range)
{
    const size_t k = splitting->axes->plan->k;
    struct cut cut = {.range = *range};
    const double purity = side_tell(&splitting->yes, NULL, k, &cut.yes, &cut.yes_segment) +
                          side_tell(&splitting->all, &splitting->yes, k, &cut.no, &cut.no_segment);
    if (cut.yes.count < STRATA_MIN_CELL || cut.no.count < STRATA_MIN_CELL) return;
    if (purity <= splitting->best->gain) return;
    if (!strata_range_is_open_to_all(splitting->axes, range)) return;
    cut.gain = purity;
    *splitting->best = cut;
}

/* Below each edge; then, for the sake of those without a value, above it. */
static void try_edges(struct splitting *splitting, size_t a)
{
    const struct strata_axes *axes = splitting->axes;
    const struct strata_axis *axis = &axes->axis[a];
    side_clear(&splitting->yes, axes->plan->k);
    for (size_t b = 0; b + 1 < axis->n_tree; b++) {
        side_add(&splitting->yes, splitting->cell, axis->first_tree + b, axes->plan->k);
        const struct strata_range below = {.axis = a, .to = (b + 1) * axes->coarse - 1};
        consider(splitting, &below);
    }
    side_clear(&splitting->yes, axes->plan->k);
    for (size_t b = axis->n_tree; b-- > 1;) {
        side_add(&splitting->yes, splitting->cell, axis->first_tree + b, axes->plan->k);
        const struct strata_range above = {.axis = a, .from = b * axes->coarse, .to = axis->n - 1};
        consider(splitting, &above);
    }
}

static void try_levels(struct splitting *splitting, size_t a)
{
    const size_t k = splitting->axes->plan->k;
    const struct strata_axis *axis = &splitting->axes->axis[a];
    for (size_t l = 0; l < axis->n; l++) {
        if (!axis->shown[l]) continue;
        side_clear(&splitting->yes, k);
        side_add(&splitting->yes, splitting->cell, axis->first_tree + l, k);
        const struct strata_range range = {.axis = a, .level = {(uint16_t)l}, .n_levels = 1};
        consider(splitting, &range);
    }
}

/* Add the two children of a branch. */
static void put_children(struct strata_growth *growth, size_t parent, const struct cut *cut)
{
    struct strata_branch *branch = &growth->branch[parent];
    STRATA_REQUIRE(growth->n + 2 <= growth->most);
    branch->split = true;
    branch->range = cut->range;
    branch->yes = (uint32_t)growth->n++;
    branch->no = (uint32_t)growth->n++;
    growth->branch[branch->yes] = (struct strata_branch){
        .segment = cut->yes_segment, .depth = branch->depth + 1, .hits = cut->yes};
    growth->branch[branch->no] = (struct strata_branch){
        .segment = cut->no_segment, .depth = branch->depth + 1, .hits = cut->no};
    growth->slot[branch->yes] = growth->slot[branch->no] = STRATA_NO_SLOT;
}

static void split_branch(struct strata_search *search, size_t parent, struct strata_planes cell)
{
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k;
    struct strata_branch *branch = &search->growth.branch[parent];
    struct cut best = {0};
    struct splitting splitting = {.axes = axes, .cell = cell, .best = &best};
    const struct strata_axis *any = &axes->axis[0];
    for (size_t b = 0; b <= any->n_tree; b++)
        side_add(&splitting.all, cell, any->first_tree + b, k);
    const double before = side_tell(&splitting.all, NULL, k, &branch->hits, &branch->segment);
    best.gain = before * (1.0 + 1e-12);
    for (size_t a = 0; a < axes->n; a++) {
        if (axes->axis[a].ordered)
            try_edges(&splitting, a);
        else
            try_levels(&splitting, a);
    }
    if (best.yes.count > 0) put_children(&search->growth, parent, &best);
}

/* --- a level --------------------------------------------------------------------------------- */

static uint64_t misses_of(const struct strata_branch *branch)
{
    return branch->hits.weight - branch->hits.weight_hits;
}

/* Put a branch in its place among those that may be split next, most misses first; the last goes when there are
 * too many. */
static void offer(struct strata_growth *growth, uint32_t child, size_t most)
{
    const struct strata_branch *branch = &growth->branch[child];
    if (branch->hits.count < 2 * STRATA_MIN_CELL || misses_of(branch) == 0) return;
    if (growth->n_frontier == most) {
        if (misses_of(&growth->branch[growth->frontier[most - 1]]) >= misses_of(branch)) return;
        growth->n_frontier--;
    }
    size_t at = growth->n_frontier++;
    for (; at > 0 && misses_of(&growth->branch[growth->frontier[at - 1]]) < misses_of(branch); at--)
        growth->frontier[at] = growth->frontier[at - 1];
    growth->frontier[at] = child;
}

void strata_growth_split(struct strata_search *search, struct strata_planes counts)
{
    struct strata_growth *growth = &search->growth;
    const size_t k = search->axes.plan->k, block = search->axes.n_tree_cells * k;
    const size_t n_before = growth->n, n_frontier = growth->n_frontier;
    for (size_t i = 0; i < n_frontier; i++) {
        const uint32_t parent = growth->frontier[i];
        growth->slot[parent] = STRATA_NO_SLOT;
        split_branch(search, parent,
                     (struct strata_planes){counts.count + i * block, counts.weight + i * block});
    }
    growth->n_frontier = 0;
    for (size_t child = n_before; child < growth->n; child++) {
        if (growth->branch[child].depth < strata_tree_depth(k))
            offer(growth, (uint32_t)child, strata_frontier_max(k));
    }
    for (size_t i = 0; i < growth->n_frontier; i++) growth->slot[growth->frontier[i]] = (uint32_t)i;
}
