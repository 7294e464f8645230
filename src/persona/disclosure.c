/* What would tell about few customers is not published: neither figures of 1 to 9 customers, nor those that
 * would give such figures away to one who solves all that is published for them.
 *
 * First, a feature's figures of a group of which 1 to 9 customers have a value; then the groups with the next
 * fewest, until there are two and ten customers together: their sums are known.  Then, of levels, and of yes
 * and no, what disclosure_flow.c finds.  A table that is too large for that is protected level by level: one
 * that is small anywhere is hidden everywhere, and the next rarest ones with it, until those hidden of a group
 * are two and ten customers together, or nobody.
 *
 * An ordinal mean goes with any hidden level. */
#include <string.h>

#include "persona/disclosure_impl.h"

/* --- whole groups ----------------------------------------------------------------------------- */

size_t strata_next_hidden(const uint64_t *count, size_t stride, const bool *hidden, size_t n)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (hidden[i] || count[i * stride] == 0) continue;
        if (best == SIZE_MAX || count[i * stride] < count[best * stride]) best = i;
    }
    return best;
}

/* Groups whose figures of the feature are hidden: whole is (k + 1). */
static void hide_groups(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                        size_t f, bool *whole)
{
    const uint64_t *count = tally->count.value + f;
    uint64_t sum = 0;
    size_t n = 0, next = 0;
    for (size_t g = 0; g <= plan->k; g++) {
        whole[g] = !strata_is_tellable(count[g * plan->n_features]);
        if (g == plan->k || !whole[g]) continue;
        sum += count[g * plan->n_features];
        n++;
    }
    while (n > 0 && (n < 2 || sum < STRATA_MIN_CELL) && next != SIZE_MAX) {
        next = strata_next_hidden(count, plan->n_features, whole, plan->k);
        if (next == SIZE_MAX) break; /* everybody has no more */
        whole[next] = true;
        sum += count[next * plan->n_features];
        n++;
    }
}

/* --- levels, by what solves for them ---------------------------------------------------------- */

static uint64_t *gather(const struct strata_plan *plan, const struct strata_counts *counts,
                        size_t f, struct strata_arena *scratch)
{
    const size_t n_levels = plan->n_levels[f], n_columns = n_levels + 1;
    uint64_t *table = STRATA_NEW(scratch, uint64_t, (plan->k + 1) * n_columns);
    for (size_t g = 0; table && g <= plan->k; g++) {
        const uint64_t *level = counts->level + g * plan->n_all_levels + plan->slot[f];
        uint64_t *row = table + g * n_columns;
        row[n_levels] = counts->size[g] - counts->value[g * plan->n_features + f];
        for (size_t l = 0; l < n_levels; l++) /* what is no declared position is no value */
            row[l] = plan->position[plan->slot[f] + l] < 0 ? 0 : level[l];
    }
    return table;
}

/* The small levels, and what is hidden as a whole. */
static void hide_small(const bool *whole, const struct strata_cells *cells)
{
    const size_t last = cells->n_columns - 1;
    for (size_t g = 0; g < cells->n_groups; g++) {
        const uint64_t *count = cells->count + g * cells->n_columns;
        bool *hidden = cells->hidden + g * cells->n_columns;
        bool any = whole[g];
        for (size_t c = 0; c < last; c++) any |= cells->together && !strata_is_tellable(count[c]);
        for (size_t c = 0; c < last; c++) hidden[c] = any || !strata_is_tellable(count[c]);
        hidden[last] = any && g + 1 < cells->n_groups; /* everybody's is told as quality */
    }
}

/* Into level_hidden, (k + 1, n_levels), and whole.  False when memory ends. */
static bool hide_by_flow(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                         size_t f, struct strata_arena scratch, bool *whole, bool *level_hidden)
{
    const size_t n_levels = plan->n_levels[f];
    struct strata_cells cells = {.n_groups = plan->k + 1,
                                 .n_columns = n_levels + 1,
                                 .together = plan->as[f] == STRATA_AS_BINARY};
    bool starved = false;
    cells.count = gather(plan, &tally->count, f, &scratch);
    cells.hidden = STRATA_NEW(&scratch, bool, cells.n_groups *cells.n_columns);
    if (plan->weight) cells.weight = gather(plan, &tally->weight, f, &scratch);
    if (!cells.count || !cells.hidden || (plan->weight && !cells.weight)) return false;
    hide_small(whole, &cells);
    const bool all = !strata_cells_protect(&cells, scratch, &starved);
    for (size_t g = 0; g <= plan->k; g++) {
        whole[g] |= all || (cells.together && cells.hidden[g * cells.n_columns]);
        for (size_t l = 0; l < n_levels; l++)
            level_hidden[g * n_levels + l] = whole[g] || cells.hidden[g * cells.n_columns + l];
    }
    return !starved;
}

/* --- levels of large tables ------------------------------------------------------------------- */

/* Customers of a group in hidden levels, and of the groups that are hidden as a whole in one level. */
static bool is_group_safe(const struct strata_plan *plan, const uint64_t *level, size_t f,
                          const bool *hidden)
{
    uint64_t sum = 0;
    size_t n = 0;
    for (size_t l = 0; l < plan->n_levels[f]; l++) {
        if (!hidden[l]) continue;
        sum += level[l];
        n++;
    }
    return n == 0 || (n >= 2 && strata_is_tellable(sum));
}

static bool is_level_small(const struct strata_plan *plan, const uint64_t *level, const bool *whole,
                           size_t l)
{
    uint64_t in_whole = 0;
    bool small = false;
    for (size_t g = 0; g <= plan->k; g++) {
        const uint64_t count = level[g * plan->n_all_levels + l];
        small |= !whole[g] && !strata_is_tellable(count);
        if (whole[g]) in_whole += count;
    }
    return small || !strata_is_tellable(in_whole);
}

/* The same levels of all groups. */
static void hide_everywhere(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                            size_t f, const bool *whole, bool *level_hidden)
{
    const size_t n_levels = plan->n_levels[f];
    const uint64_t *level = tally->count.level + plan->slot[f];
    const uint64_t *all = level + plan->k * plan->n_all_levels;
    bool *hidden = level_hidden + plan->k * n_levels;
    for (size_t l = 0; l < n_levels; l++) hidden[l] = is_level_small(plan, level, whole, l);
    bool more = true;
    while (more) { /* at most n_levels times */
        size_t next = SIZE_MAX;
        for (size_t g = 0; g <= plan->k && next == SIZE_MAX; g++) {
            if (!whole[g] && !is_group_safe(plan, level + g * plan->n_all_levels, f, hidden))
                next = strata_next_hidden(all, 1, hidden, n_levels);
        }
        more = next != SIZE_MAX;
        if (more) hidden[next] = true;
    }
    for (size_t g = 0; g <= plan->k; g++) {
        for (size_t l = 0; l < n_levels; l++)
            level_hidden[g * n_levels + l] = whole[g] || hidden[l];
    }
}

/* --- all of a feature ------------------------------------------------------------------------- */

void strata_cell_hide(struct strata_profile_cell *cell, size_t n_levels)
{
    cell->hidden = true;
    cell->count = cell->missing = 0;
    cell->mean = cell->sd = cell->low = cell->median = cell->high = STRATA_UNKNOWN;
    for (size_t l = 0; cell->share && l < n_levels; l++) cell->share[l] = STRATA_UNKNOWN;
}

static bool protect_feature(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                            size_t f, struct strata_arena scratch, bool *level_hidden,
                            struct strata_personas *personas)
{
    bool whole[STRATA_MAX_SEGMENTS + 1] = {false};
    const size_t n_levels = plan->n_levels[f];
    hide_groups(plan, tally, f, whole);
    if (n_levels > 0 && (n_levels + 1) * (plan->k + 1) <= STRATA_CELLS_MAX) {
        if (!hide_by_flow(plan, tally, f, scratch, whole, level_hidden)) return false;
    } else if (n_levels > 0) {
        hide_everywhere(plan, tally, f, whole, level_hidden);
    }
    for (size_t g = 0; g <= plan->k; g++) {
        struct strata_profile_cell *cell =
            g < plan->k ? &personas->segment[g].cell[f] : &personas->everybody[f];
        for (size_t l = 0; cell->share && l < n_levels; l++) {
            if (!level_hidden[g * n_levels + l]) continue;
            cell->share[l] = STRATA_UNKNOWN;
            if (plan->as[f] == STRATA_AS_ORDINAL) cell->mean = cell->sd = STRATA_UNKNOWN;
        }
        if (whole[g]) strata_cell_hide(cell, n_levels);
    }
    return true;
}

bool strata_disclosure_protect(const struct strata_plan *plan,
                               const struct strata_profile_tally *tally, bool *hidden,
                               struct strata_arena scratch, struct strata_personas *personas)
{
    for (size_t f = 0; f < plan->n_features; f++) {
        if (!protect_feature(plan, tally, f, scratch, hidden, personas)) return false;
    }
    return true;
}
