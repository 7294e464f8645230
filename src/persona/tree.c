/* One decision tree for all segments, grown level by level from counts alone: a branch is split where the
 * sum of squared shares of the segments on both sides rises most (Gini; Breiman et al., 1984).  Those with the most
 * customers outside their segment are split first, so that a level has a bounded number of them.  Who has no value
 * goes where the condition is not fulfilled. */
#include <string.h>

#include "persona/rules_impl.h"

/* A branch that is not split: its rows stay. */
static struct strata_turn stay(const struct strata_axes *axes, size_t branch)
{
    return (struct strata_turn){.code = axes->code, .yes = (uint16_t)branch, .no = (uint16_t)branch};
}

bool strata_growth_make(struct strata_search *search, struct strata_arena *arena)
{
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k, frontier = strata_frontier_max(k);
    struct strata_growth *growth = &search->growth;
    growth->most = 1 + 2 * frontier * strata_tree_depth(k);
    STRATA_REQUIRE(growth->most <= UINT16_MAX);
    growth->branch = STRATA_NEW(arena, struct strata_branch, growth->most);
    growth->turn = STRATA_NEW(arena, struct strata_turn, growth->most);
    growth->slot = STRATA_NEW(arena, uint32_t, growth->most);
    growth->frontier = STRATA_NEW(arena, uint32_t, frontier);
    growth->cut = STRATA_NEW(arena, struct strata_cut, frontier);
    growth->counted = STRATA_NEW(arena, struct strata_counted, frontier);
    growth->at = STRATA_NEW(arena, uint16_t, axes->plan->table->n_rows);
    growth->cell = STRATA_NEW(arena, int64_t, axes->planes * frontier * axes->n_tree_cells_max * k);
    if (!growth->branch || !growth->turn || !growth->slot || !growth->frontier || !growth->cut ||
        !growth->counted || !growth->at || !growth->cell)
        return false;
    growth->n = 1;
    growth->n_frontier = k > 1 && axes->n > 0 ? 1 : 0;
    growth->slot[0] = STRATA_NO_SLOT;
    growth->turn[0] = stay(axes, 0);
    return true;
}

/* --- one branch ------------------------------------------------------------------------------ */

/* Segments of one side: (k) counts and weights. */
struct side {
    uint64_t count[STRATA_MAX_SEGMENTS], weight[STRATA_MAX_SEGMENTS];
};

struct splitting {
    const struct strata_axes *axes;
    struct strata_planes cell; /* (n_tree_cells, k) of the branch */
    struct side all, yes;
    struct strata_cut *best;
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

/* The sum of squares over the sum. */
static double purity_of(const struct side *all, const struct side *less, size_t k)
{
    double squares = 0.0;
    uint64_t sum = 0;
    for (size_t s = 0; s < k; s++) {
        const uint64_t weight = all->weight[s] - (less ? less->weight[s] : 0);
        sum += weight;
        squares += (double)weight * (double)weight;
    }
    return sum ? squares / (double)sum : 0.0;
}

/* Who is on a side, and in its most frequent segment. */
static void side_tell(const struct side *all, const struct side *less, size_t k,
                      struct strata_hits *hits, uint32_t *segment)
{
    *hits = (struct strata_hits){0};
    *segment = 0;
    for (size_t s = 0; s < k; s++) {
        const uint64_t count = all->count[s] - (less ? less->count[s] : 0);
        const uint64_t weight = all->weight[s] - (less ? less->weight[s] : 0);
        hits->count += count;
        hits->weight += weight;
        if (weight <= hits->weight_hits) continue;
        hits->weight_hits = weight;
        hits->hits = count;
        *segment = (uint32_t)s;
    }
}

static void consider(struct splitting *splitting, const struct strata_range *range)
{
    const size_t k = splitting->axes->plan->k;
    const double purity =
        purity_of(&splitting->yes, NULL, k) + purity_of(&splitting->all, &splitting->yes, k);
    if (purity <= splitting->best->gain) return;
    struct strata_cut cut = {.range = *range, .gain = purity};
    side_tell(&splitting->yes, NULL, k, &cut.yes, &cut.yes_segment);
    side_tell(&splitting->all, &splitting->yes, k, &cut.no, &cut.no_segment);
    if (cut.yes.count < STRATA_MIN_CELL || cut.no.count < STRATA_MIN_CELL) return;
    *splitting->best = cut;
}

static bool has_missing(const struct splitting *splitting, const struct strata_axis *axis)
{
    const size_t k = splitting->axes->plan->k;
    int64_t n = 0;
    for (size_t s = 0; s < k; s++)
        n += splitting->cell.count[(axis->first_tree + axis->n_tree) * k + s];
    return n > 0;
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
    if (!has_missing(splitting, axis)) return; /* the same cuts, seen from the other side */
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
static void put_children(struct strata_search *search, size_t parent, const struct strata_cut *cut)
{
    const struct strata_axes *axes = &search->axes;
    struct strata_growth *growth = &search->growth;
    struct strata_branch *branch = &growth->branch[parent];
    STRATA_REQUIRE(growth->n + 2 <= growth->most);
    branch->split = true;
    branch->range = cut->range;
    branch->yes = (uint32_t)growth->n++;
    branch->no = (uint32_t)growth->n++;
    growth->branch[branch->yes] = (struct strata_branch){.parent = (uint32_t)parent,
                                                         .segment = cut->yes_segment,
                                                         .depth = branch->depth + 1,
                                                         .hits = cut->yes};
    growth->branch[branch->no] = (struct strata_branch){.parent = (uint32_t)parent,
                                                        .segment = cut->no_segment,
                                                        .depth = branch->depth + 1,
                                                        .hits = cut->no};
    growth->slot[branch->yes] = growth->slot[branch->no] = STRATA_NO_SLOT;
    growth->turn[branch->yes] = stay(axes, branch->yes);
    growth->turn[branch->no] = stay(axes, branch->no);
    struct strata_turn *turn = &growth->turn[parent];
    turn->code = axes->code + cut->range.axis * axes->plan->table->n_rows;
    turn->yes = (uint16_t)branch->yes;
    turn->no = (uint16_t)branch->no;
    strata_axes_codes(&axes->axis[cut->range.axis], &cut->range, &turn->from, &turn->width);
}

/* The best cut of a branch, if there is one. */
static void find_cut(struct strata_search *search, struct strata_branch *branch,
                     struct strata_planes cell, struct strata_cut *best)
{
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k;
    struct splitting splitting = {.axes = axes, .cell = cell, .best = best};
    const struct strata_axis *any = &axes->axis[0];
    for (size_t b = 0; b <= any->n_tree; b++)
        side_add(&splitting.all, cell, any->first_tree + b, k);
    side_tell(&splitting.all, NULL, k, &branch->hits, &branch->segment);
    *best = (struct strata_cut){.gain = purity_of(&splitting.all, NULL, k) * (1.0 + 1e-12)};
    for (size_t a = 0; a < axes->n; a++) {
        if (axes->axis[a].ordered)
            try_edges(&splitting, a);
        else
            try_levels(&splitting, a);
    }
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

static void cut_share(void *context, int thread)
{
    struct strata_search *search = context;
    const struct strata_axes *axes = &search->axes;
    struct strata_growth *growth = &search->growth;
    const size_t block = axes->n_tree_cells * axes->plan->k;
    const size_t plane = strata_frontier_max(axes->plan->k) * block;
    const size_t n_threads = (size_t)strata_pool_threads(axes->plan->pool);
    for (size_t i = (size_t)thread; i < growth->n_frontier; i += n_threads) {
        struct strata_branch *branch = &growth->branch[growth->frontier[i]];
        const int64_t *count = growth->cell + branch->place * block;
        find_cut(search, branch, (struct strata_planes){count, count + (axes->planes - 1) * plane},
                 &growth->cut[i]);
    }
}

/* A place that no branch of the frontier has. */
static uint32_t take_place(bool *taken)
{
    uint32_t place = 0;
    while (taken[place]) place++;
    taken[place] = true;
    return place;
}

/* Of the two children of a branch the smaller is counted, for its own sake or for its sibling's, whose cells are what
 * their parent has beside it. */
static void count_smaller(struct strata_growth *growth, const struct strata_branch *parent,
                          bool *taken)
{
    struct strata_branch *yes = &growth->branch[parent->yes], *no = &growth->branch[parent->no];
    const bool first = yes->hits.count <= no->hits.count;
    struct strata_branch *smaller = first ? yes : no, *other = first ? no : yes;
    other->place = smaller->place = parent->place;
    if (smaller->open && other->open) smaller->place = take_place(taken);
    growth->slot[first ? parent->yes : parent->no] = (uint32_t)growth->n_counted;
    growth->counted[growth->n_counted++] =
        (struct strata_counted){.into = smaller->open ? smaller->place : STRATA_NO_SLOT,
                                .from = other->open ? other->place : STRATA_NO_SLOT};
}

static void plan_counting(struct strata_growth *growth, bool *taken)
{
    for (size_t b = 0; b < growth->n; b++) {
        growth->slot[b] = STRATA_NO_SLOT;
        growth->branch[b].open = false;
    }
    growth->n_counted = 0;
    for (size_t i = 0; i < growth->n_frontier; i++) {
        struct strata_branch *branch = &growth->branch[growth->frontier[i]];
        branch->open = true;
        taken[growth->branch[branch->parent].place] = true;
    }
    for (size_t i = 0; i < growth->n_frontier; i++) {
        const struct strata_branch *parent =
            &growth->branch[growth->branch[growth->frontier[i]].parent];
        if (growth->slot[parent->yes] == STRATA_NO_SLOT && growth->slot[parent->no] == STRATA_NO_SLOT)
            count_smaller(growth, parent, taken);
    }
}

void strata_growth_split(struct strata_search *search)
{
    struct strata_growth *growth = &search->growth;
    const size_t k = search->axes.plan->k, n_before = growth->n;
    bool taken[2 * STRATA_MAX_SEGMENTS] = {false};
    strata_pool_run(search->axes.plan->pool, cut_share, search);
    for (size_t i = 0; i < growth->n_frontier; i++) {
        if (growth->cut[i].yes.count > 0)
            put_children(search, growth->frontier[i], &growth->cut[i]);
    }
    growth->n_frontier = 0;
    for (size_t child = n_before; child < growth->n; child++) {
        if (growth->branch[child].depth < strata_tree_depth(k))
            offer(growth, (uint32_t)child, strata_frontier_max(k));
    }
    plan_counting(growth, taken);
}

void strata_growth_take(struct strata_search *search, const int64_t *count, size_t plane_numbers)
{
    struct strata_growth *growth = &search->growth;
    const size_t k = search->axes.plan->k, block = search->axes.n_tree_cells * k;
    for (size_t p = 0; p < search->axes.planes; p++) {
        int64_t *cell = growth->cell + p * strata_frontier_max(k) * block;
        for (size_t j = 0; j < growth->n_counted; j++) {
            const int64_t *here = count + p * plane_numbers + j * block;
            const struct strata_counted *to = &growth->counted[j];
            for (size_t i = 0; to->from != STRATA_NO_SLOT && i < block; i++)
                cell[to->from * block + i] -= here[i];
            if (to->into != STRATA_NO_SLOT)
                memcpy(cell + to->into * block, here, block * sizeof *here);
        }
    }
}
