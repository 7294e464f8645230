/* The search for rules and for the tree, together: each level is one pass over the rows and one
 * reduction, which carries what all rules and all branches have to know for their next step.
 *
 * The first level counts the segments in every cell.  From then on a row is counted for a rule when it
 * fulfils all its conditions, or all but one: then only on that one's axis, which so knows the counts for
 * any other condition in its place. */
#include <string.h>

#include "persona/rules_impl.h"

/* Numbers of one plane. */
static size_t draft_numbers(const struct strata_search *search)
{
    return search->axes.plan->k * search->axes.n_cells * 2;
}

static size_t branch_numbers(const struct strata_search *search)
{
    return search->growth.n_frontier * search->axes.n_tree_cells * search->axes.plan->k;
}

bool strata_search_make(struct strata_search *search, const struct strata_plan *plan,
                        const struct strata_profile_tally *tally,
                        const struct strata_personas *personas, struct strata_arena *arena)
{
    *search = (struct strata_search){.size = tally->count.size, .weight = tally->weight.size};
    if (!strata_axes_make(&search->axes, plan, tally, personas, arena)) return false;
    if (!strata_growth_make(search, arena)) return false;
    search->draft = STRATA_NEW(arena, struct strata_draft, plan->k);
    const size_t numbers =
        draft_numbers(search) + strata_frontier_max(plan->k) * search->axes.n_tree_cells * plan->k;
    search->wire = STRATA_NEW(arena, int64_t, search->axes.planes * numbers);
    search->first = STRATA_NEW(arena, int64_t, search->axes.planes * search->axes.n_cells * plan->k);
    return search->draft && search->wire && search->first;
}

/* --- counting -------------------------------------------------------------------------------- */

/* One row more, in both planes. */
struct adding {
    int64_t *count, *weight;
    int64_t units;
};

static void add(struct adding to, size_t at)
{
    to.count[at]++;
    if (to.weight != to.count) to.weight[at] += to.units;
}

static struct adding adding_at(const struct strata_search *search, size_t first, size_t plane)
{
    int64_t *count = search->wire + first;
    return (struct adding){count, search->axes.planes == 2 ? count + plane : count, 1};
}

static void count_cell(struct adding to, size_t cell, bool hit)
{
    add(to, 2 * cell);
    if (hit) add(to, 2 * cell + 1);
}

static void count_draft(const struct strata_axes *axes, const struct strata_draft *draft,
                        const uint16_t *bin, bool hit, struct adding to)
{
    size_t n_missed = 0, missed = 0;
    for (size_t c = 0; c < draft->n && n_missed < 2; c++) {
        if (strata_range_holds(&draft->range[c], bin)) continue;
        n_missed++;
        missed = draft->range[c].axis;
    }
    if (n_missed == 1) count_cell(to, axes->axis[missed].first + bin[missed], hit);
    if (n_missed > 0) return;
    for (size_t a = 0; a < axes->n; a++) count_cell(to, axes->axis[a].first + bin[a], hit);
}

static void count_rows(struct strata_search *search)
{
    const struct strata_axes *axes = &search->axes;
    const struct strata_plan *plan = axes->plan;
    const size_t plane = draft_numbers(search) + branch_numbers(search);
    const size_t block = axes->n_cells * 2;
    struct adding drafts = adding_at(search, 0, plane);
    struct adding branches = adding_at(search, draft_numbers(search), plane);
    memset(search->wire, 0, axes->planes * plane * sizeof *search->wire);
    for (size_t row = 0; row < plan->table->n_rows; row++) {
        const uint16_t *bin = axes->bin + row * axes->n;
        drafts.units = branches.units = plan->weight ? plan->weight[row] : 1;
        for (size_t s = 0; s < plan->k; s++) {
            if (search->draft[s].settled) continue;
            const struct adding to = {drafts.count + s * block, drafts.weight + s * block,
                                      drafts.units};
            count_draft(axes, &search->draft[s], bin, plan->label[row] == s, to);
        }
        strata_growth_count(search, row, branches.count, branches.weight);
    }
}

/* --- levels ---------------------------------------------------------------------------------- */

static bool is_done(const struct strata_search *search)
{
    for (size_t s = 0; s < search->axes.plan->k; s++) {
        if (!search->draft[s].settled) return false;
    }
    return search->growth.n_frontier == 0;
}

static void steps(struct strata_search *search)
{
    const size_t plane = draft_numbers(search) + branch_numbers(search);
    const size_t block = search->axes.n_cells * 2;
    const int64_t *count = search->wire;
    const int64_t *weight = search->axes.planes == 2 ? count + plane : count;
    for (size_t s = 0; s < search->axes.plan->k; s++) {
        if (search->draft[s].settled) continue;
        strata_draft_step(search, s, (struct strata_planes){count + s * block, weight + s * block});
    }
    const size_t drafts = draft_numbers(search);
    strata_growth_split(search, (struct strata_planes){count + drafts, weight + drafts});
}

/* Everybody's cells by segment. */
static void count_first(struct strata_search *search)
{
    const struct strata_axes *axes = &search->axes;
    const struct strata_plan *plan = axes->plan;
    int64_t *first = search->first;
    struct adding to = {first, axes->planes == 2 ? first + axes->n_cells * plan->k : first, 1};
    for (size_t row = 0; row < plan->table->n_rows; row++) {
        const uint16_t *bin = axes->bin + row * axes->n;
        to.units = plan->weight ? plan->weight[row] : 1;
        for (size_t a = 0; a < axes->n; a++)
            add(to, (axes->axis[a].first + bin[a]) * plan->k + plan->label[row]);
    }
}

/* What count_rows would count while there are no conditions yet. */
static void spread_first(struct strata_search *search)
{
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k, drafts = draft_numbers(search);
    const size_t plane = drafts + branch_numbers(search);
    memset(search->wire, 0, axes->planes * plane * sizeof *search->wire);
    for (size_t p = 0; p < axes->planes; p++) {
        const int64_t *first = search->first + p * axes->n_cells * k;
        int64_t *draft = search->wire + p * plane;
        for (size_t cell = 0; cell < axes->n_cells; cell++) {
            int64_t all = 0;
            for (size_t s = 0; s < k; s++) all += first[cell * k + s];
            for (size_t s = 0; s < k; s++) {
                draft[(s * axes->n_cells + cell) * 2] = all;
                draft[(s * axes->n_cells + cell) * 2 + 1] = first[cell * k + s];
            }
        }
        for (size_t a = 0; a < axes->n; a++) {
            const struct strata_axis *axis = &axes->axis[a];
            for (size_t b = 0; b <= axis->n; b++) {
                int64_t *node = draft + drafts + strata_tree_cell(axes, axis, b) * k;
                for (size_t s = 0; s < k; s++) node[s] += first[(axis->first + b) * k + s];
            }
        }
    }
}

void strata_search_run(struct strata_comm *comm, struct strata_search *search)
{
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k;
    strata_axes_fill(&search->axes);
    count_first(search);
    strata_comm_sum(comm, search->first, axes->planes * axes->n_cells * k);
    strata_axes_merge(&search->axes, search->first);
    for (size_t s = 0; s < k; s++) strata_draft_start(search, s);
    spread_first(search);
    steps(search);
    for (unsigned level = 1; level < STRATA_RULE_LEVELS_MAX && !is_done(search); level++) {
        count_rows(search);
        strata_comm_sum(comm, search->wire,
                        axes->planes * (draft_numbers(search) + branch_numbers(search)));
        steps(search);
    }
}
