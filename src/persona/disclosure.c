/* What would tell about few customers is not published: a cell is hidden when 1 to 9 customers
 * stand behind it, and so is the next smallest one wherever a single hidden cell of a line could
 * be had by subtraction.
 *
 * A line is everything that adds up: one cell over the segments and everybody, and the levels of
 * one feature in one segment.  Hiding in one line can leave a single hidden cell in another, so
 * lines are gone through until nothing changes; each change hides at least one cell, so this
 * ends.  An ordinal mean would give away two hidden levels, so it goes with them. */

#include "persona/persona_impl.h"

static bool is_small(uint64_t count)
{
    return count > 0 && count < STRATA_MIN_CELL;
}

/* Cells of one line: n counts, `stride` apart, and whether they are hidden. */
struct line {
    const uint64_t *count;
    size_t count_stride;
    bool *hidden;
    size_t hidden_stride;
    size_t n;
};

/* If exactly one cell of the line is hidden, hide the smallest other one with customers in it
 * (or, if there is none, the first empty one), lowest index on ties.  True when it did. */
static bool protect_line(struct line line)
{
    size_t n_hidden = 0;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < line.n; i++) {
        if (line.hidden[i * line.hidden_stride]) {
            n_hidden++;
            continue;
        }
        const uint64_t count = line.count[i * line.count_stride];
        const uint64_t least = best == SIZE_MAX ? 0 : line.count[best * line.count_stride];
        if (best == SIZE_MAX || (count > 0 && (least == 0 || count < least))) best = i;
    }
    if (n_hidden != 1 || best == SIZE_MAX) return false;
    line.hidden[best * line.hidden_stride] = true;
    return true;
}

static struct strata_profile_cell *cell_of(struct strata_personas *personas, size_t g, size_t f)
{
    return g < personas->k ? &personas->segment[g].cell[f] : &personas->everybody[f];
}

static void hide_cell(struct strata_profile_cell *cell, size_t n_levels)
{
    cell->hidden = true;
    cell->count = cell->missing = 0;
    cell->mean = cell->sd = cell->low = cell->median = cell->high = STRATA_UNKNOWN;
    for (size_t l = 0; cell->share && l < n_levels; l++) cell->share[l] = STRATA_UNKNOWN;
}

/* Cells that are hidden as a whole: hidden is (k + 1). */
static void whole_cells(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                        size_t f, bool *hidden)
{
    for (size_t g = 0; g <= plan->k; g++) {
        hidden[g] = is_small(tally->count.value[g * plan->n_features + f]);
        if (plan->as[f] != STRATA_AS_BINARY) continue;
        const uint64_t *level = tally->count.level + g * plan->n_all_levels + plan->slot[f];
        hidden[g] = hidden[g] || is_small(level[0]) || is_small(level[1]);
    }
    (void)protect_line((struct line){.count = tally->count.value +
                                              f, /* one change is all that a single line needs */
                                     .count_stride = plan->n_features,
                                     .hidden = hidden,
                                     .hidden_stride = 1,
                                     .n = plan->k + 1});
}

/* Levels of a text feature, (k + 1, n_levels), where whole cells count as hidden levels. */
static void hide_levels(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                        size_t f, const bool *whole, bool *hidden)
{
    const size_t n_levels = plan->n_levels[f];
    const uint64_t *count = tally->count.level + plan->slot[f];
    for (size_t g = 0; g <= plan->k; g++) {
        for (size_t l = 0; l < n_levels; l++) {
            hidden[g * n_levels + l] = whole[g] || is_small(count[g * plan->n_all_levels + l]);
        }
    }
    bool changed = true;
    while (changed) { /* at most (k + 1) n_levels times */
        changed = false;
        for (size_t g = 0; g <= plan->k; g++) {
            if (whole[g]) continue;
            changed |= protect_line((struct line){count + g * plan->n_all_levels, 1,
                                                  hidden + g * n_levels, 1, n_levels});
        }
        for (size_t l = 0; l < n_levels; l++) {
            changed |= protect_line(
                (struct line){count + l, plan->n_all_levels, hidden + l, n_levels, plan->k + 1});
        }
    }
}

/* Means of an ordinal feature go with hidden shares. */
static void hide_means(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                       size_t f, const bool *level_hidden, struct strata_personas *personas)
{
    bool hidden[STRATA_MAX_SEGMENTS + 1] = {false};
    for (size_t g = 0; g <= plan->k; g++) {
        for (size_t l = 0; l < plan->n_levels[f]; l++)
            hidden[g] |= level_hidden[g * plan->n_levels[f] + l];
    }
    (void)protect_line(
        (struct line){tally->count.value + f, plan->n_features, hidden, 1, plan->k + 1});
    for (size_t g = 0; g <= plan->k; g++) {
        struct strata_profile_cell *cell = cell_of(personas, g, f);
        if (hidden[g]) cell->mean = cell->sd = STRATA_UNKNOWN;
    }
}

static void protect_feature(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                            size_t f, bool *level_hidden, struct strata_personas *personas)
{
    bool whole[STRATA_MAX_SEGMENTS + 1] = {false};
    whole_cells(plan, tally, f, whole);
    const bool text = plan->as[f] == STRATA_AS_ORDINAL || plan->as[f] == STRATA_AS_NOMINAL;
    if (text) hide_levels(plan, tally, f, whole, level_hidden);
    for (size_t g = 0; g <= plan->k; g++) {
        struct strata_profile_cell *cell = cell_of(personas, g, f);
        for (size_t l = 0; text && l < plan->n_levels[f]; l++) {
            if (level_hidden[g * plan->n_levels[f] + l]) cell->share[l] = STRATA_UNKNOWN;
        }
        if (whole[g]) hide_cell(cell, plan->n_levels[f]);
    }
    if (plan->as[f] == STRATA_AS_ORDINAL) hide_means(plan, tally, f, level_hidden, personas);
}

void strata_disclosure_protect(const struct strata_plan *plan,
                               const struct strata_profile_tally *tally, bool *hidden,
                               struct strata_personas *personas)
{
    for (size_t f = 0; f < plan->n_features; f++) protect_feature(plan, tally, f, hidden, personas);
}
