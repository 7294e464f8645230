/* The search for rules and for the tree, together: each level is one pass over the rows and one
 * reduction, which carries what all rules and all branches have to know for their next step.
 *
 * The first level puts rows into their bins and counts the segments in every cell.  From then on cells are kept, and a
 * level counts how they change. */
#include <string.h>

#include "persona/rules_impl.h"

size_t strata_draft_numbers(const struct strata_search *search)
{
    return search->axes.plan->k * search->axes.n_cells * 2;
}

size_t strata_branch_numbers(const struct strata_search *search)
{
    return search->growth.n_counted * search->axes.n_tree_cells * search->axes.plan->k;
}

bool strata_search_make(struct strata_search *search, const struct strata_plan *plan,
                        const struct strata_profile_tally *tally,
                        const struct strata_personas *personas, struct strata_arena *arena)
{
    *search = (struct strata_search){.size = tally->count.size, .weight = tally->weight.size};
    struct strata_axes *axes = &search->axes;
    if (!strata_axes_make(axes, plan, tally, personas, arena)) return false;
    if (!strata_growth_make(search, arena)) return false;
    const size_t drafts = strata_draft_numbers(search);
    const size_t branches = strata_frontier_max(plan->k) * axes->n_tree_cells_max * plan->k;
    search->draft = STRATA_NEW(arena, struct strata_draft, plan->k);
    search->lists = strata_lists_make(search, arena);
    search->cell = STRATA_NEW(arena, int64_t, axes->planes * drafts);
    search->wire = STRATA_NEW(arena, int64_t, axes->planes * (drafts + branches));
    search->first = STRATA_NEW(arena, int64_t, axes->planes * axes->n_cells * plan->k);
    return search->draft && search->lists && search->cell && search->wire && search->first;
}

/* --- the first level ------------------------------------------------------------------------- */

/* Cells of the drafts while they have no conditions: everybody's. */
static void spread_over_drafts(struct strata_search *search)
{
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k;
    for (size_t p = 0; p < axes->planes; p++) {
        const int64_t *first = search->first + p * axes->n_cells * k;
        int64_t *draft = search->cell + p * strata_draft_numbers(search);
        for (size_t cell = 0; cell < axes->n_cells; cell++) {
            int64_t all = 0;
            for (size_t s = 0; s < k; s++) all += first[cell * k + s];
            for (size_t s = 0; s < k; s++) {
                draft[(s * axes->n_cells + cell) * 2] = all - first[cell * k + s];
                draft[(s * axes->n_cells + cell) * 2 + 1] = first[cell * k + s];
            }
        }
    }
}

/* And of the tree's root. */
static void spread_over_root(struct strata_search *search)
{
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k;
    for (size_t p = 0; p < axes->planes; p++) {
        const int64_t *first = search->first + p * axes->n_cells * k;
        int64_t *root = search->growth.cell + p * strata_frontier_max(k) * axes->n_tree_cells * k;
        for (size_t a = 0; a < axes->n; a++) {
            const struct strata_axis *axis = &axes->axis[a];
            for (size_t b = 0; b <= axis->n; b++) {
                int64_t *cell = root + strata_tree_cell(axes, axis, b) * k;
                for (size_t s = 0; s < k; s++) cell[s] += first[(axis->first + b) * k + s];
            }
        }
    }
}

static void count_first(struct strata_comm *comm, struct strata_search *search)
{
    struct strata_axes *axes = &search->axes;
    strata_axes_fill(axes, search->first);
    strata_comm_sum(comm, search->first, axes->planes * axes->n_cells * axes->plan->k);
    strata_axes_merge(axes, search->first);
    for (size_t s = 0; s < axes->plan->k; s++) strata_draft_start(search, s);
    spread_over_drafts(search);
    if (search->growth.n_frontier > 0) spread_over_root(search);
}

/* --- levels ---------------------------------------------------------------------------------- */

static bool is_done(const struct strata_search *search)
{
    for (size_t s = 0; s < search->axes.plan->k; s++) {
        if (!search->draft[s].settled) return false;
    }
    return search->growth.n_frontier == 0;
}

/* The cells of one axis of a draft, as they are after a level. */
static void take_axis(const struct strata_draft *draft, size_t first, size_t n,
                      const int64_t *count, int64_t *cell)
{
    for (size_t i = first; i < first + n; i++) {
        for (size_t own = 0; own < 2; own++) {
            int64_t *to = &cell[2 * i + own];
            *to = draft->change.leaving[own] ? *to - count[2 * i + own] : count[2 * i + own];
        }
    }
}

static void take_drafts(struct strata_search *search, size_t plane_numbers)
{
    const struct strata_axes *axes = &search->axes;
    const size_t block = axes->n_cells * 2;
    for (size_t p = 0; p < axes->planes; p++) {
        for (size_t s = 0; s < axes->plan->k; s++) {
            const struct strata_draft *draft = &search->draft[s];
            if (draft->settled) continue;
            for (size_t a = 0; a < axes->n; a++) {
                if (a == draft->change.axis) continue;
                take_axis(draft, axes->axis[a].first, axes->axis[a].n + 1,
                          search->wire + p * plane_numbers + s * block,
                          search->cell + p * strata_draft_numbers(search) + s * block);
            }
        }
    }
}

static void count_level(struct strata_comm *comm, struct strata_search *search)
{
    const size_t drafts = strata_draft_numbers(search);
    const size_t plane = drafts + strata_branch_numbers(search);
    strata_lists_count(search);
    strata_comm_sum(comm, search->wire, search->axes.planes * plane);
    take_drafts(search, plane);
    strata_growth_take(search, search->wire + drafts, plane);
}

static void steps_share(void *context, int thread)
{
    struct strata_search *search = context;
    const struct strata_plan *plan = search->axes.plan;
    const size_t block = search->axes.n_cells * 2, plane = strata_draft_numbers(search);
    const size_t n_threads = (size_t)strata_pool_threads(plan->pool);
    for (size_t s = (size_t)thread; s < plan->k; s += n_threads) {
        const int64_t *count = search->cell + s * block;
        if (!search->draft[s].settled)
            strata_draft_step(search, s,
                              (struct strata_planes){count, plan->weight ? count + plane : count});
    }
}

void strata_search_run(struct strata_comm *comm, struct strata_search *search)
{
    count_first(comm, search);
    for (search->levels = 1;; search->levels++) {
        strata_pool_run(search->axes.plan->pool, steps_share, search);
        strata_growth_split(search);
        if (search->levels == STRATA_RULE_LEVELS_MAX || is_done(search)) return;
        count_level(comm, search);
    }
}
