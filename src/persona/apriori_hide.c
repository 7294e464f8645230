/* What is hidden of the a-priori segments.
 *
 * They overlap with the segments and with each other, so a figure of one may be the difference of two others'.
 * Hence one rule for all: what is hidden of one is hidden of all, and so is what would leave 1 to 9 customers
 * between two groups of which one holds the other, or outside two that share nobody.  What is hidden of a segment is
 * hidden of them too, unless its small cells could be nobody or enough without changing any figure of theirs:
 * customers of two segments change places who are of the same a-priori segments.  A cell of the cross table that
 * would tell of hidden levels, because the condition is about these, is hidden. */
#include "persona/disclosure_impl.h"

/* What is counted of a group: its customers, those with a value of a feature, or those of a level. */
struct figure {
    enum { CUSTOMERS, VALUES, LEVEL } kind;
    size_t at; /* the feature, or the level among all */
};

static uint64_t count_of(const struct strata_plan *plan, const struct strata_counts *counts,
                         size_t g, struct figure figure)
{
    switch (figure.kind) {
    case CUSTOMERS:
        break;
    case VALUES:
        return counts->value[g * plan->n_features + figure.at];
    case LEVEL:
        return counts->level[g * plan->n_all_levels + figure.at];
    }
    return counts->size[g];
}

static uint64_t inside(const struct strata_picks *picks, size_t i, struct figure figure)
{
    return count_of(picks->plan, &picks->pick[i].tally.count, 0, figure);
}

static uint64_t outside(const struct strata_picks *picks, size_t i, struct figure figure)
{
    return count_of(picks->plan, &picks->pick[i].tally.count, 1, figure);
}

static uint64_t in_segment(const struct strata_picks *picks, size_t i, size_t s)
{
    return (uint64_t)picks->cross[2 * (i * picks->plan->k + s)];
}

/* --- between two groups ----------------------------------------------------------------------- */

/* Two groups: their customers, those in both, and what is counted of each and of everybody. */
struct pair {
    uint64_t size_a, size_b, both;
    uint64_t a, b, all;
};

static bool is_difference_safe(const struct pair *pair)
{
    if (pair->both == pair->size_a && pair->a <= pair->b)
        return strata_is_tellable(pair->b - pair->a);
    if (pair->both == pair->size_b && pair->b <= pair->a)
        return strata_is_tellable(pair->a - pair->b);
    return pair->both > 0 || strata_is_tellable(pair->all - pair->a - pair->b);
}

static bool is_safe_beside_pick(const struct strata_picks *picks, size_t i, size_t j,
                                struct figure figure)
{
    const struct figure customers = {.kind = CUSTOMERS};
    const struct pair pair = {.size_a = inside(picks, i, customers),
                              .size_b = inside(picks, j, customers),
                              .both = (uint64_t)picks->both[i * picks->n + j],
                              .a = inside(picks, i, figure),
                              .b = inside(picks, j, figure),
                              .all = inside(picks, i, figure) + outside(picks, i, figure)};
    return is_difference_safe(&pair);
}

static bool is_safe_beside_segment(const struct strata_picks *picks, size_t i, size_t s,
                                   struct figure figure)
{
    const struct strata_counts *counts = &picks->tally->count;
    const struct figure customers = {.kind = CUSTOMERS};
    const struct pair pair = {.size_a = inside(picks, i, customers),
                              .size_b = counts->size[s],
                              .both = in_segment(picks, i, s),
                              .a = inside(picks, i, figure),
                              .b = count_of(picks->plan, counts, s, figure),
                              .all = inside(picks, i, figure) + outside(picks, i, figure)};
    return is_difference_safe(&pair);
}

/* Whether a figure of pick i tells about nobody or enough, alone and beside the others. */
static bool is_figure_safe(const struct strata_picks *picks, const struct strata_apriori *out,
                           size_t i, struct figure figure)
{
    if (!strata_is_tellable(inside(picks, i, figure))) return false;
    if (!strata_is_tellable(outside(picks, i, figure))) return false;
    for (size_t s = 0; s < picks->plan->k; s++) {
        if (!is_safe_beside_segment(picks, i, s, figure)) return false;
    }
    for (size_t j = 0; j < i; j++) {
        if (!out[j].hidden && !is_safe_beside_pick(picks, i, j, figure)) return false;
    }
    return true;
}

/* The same of all that are told. */
static bool is_safe_of_all(const struct strata_picks *picks, const struct strata_apriori *out,
                           struct figure figure)
{
    for (size_t i = 0; i < picks->n; i++) {
        if (!out[i].hidden && !is_figure_safe(picks, out, i, figure)) return false;
    }
    return true;
}

/* --- conditions about hidden levels ----------------------------------------------------------- */

/* Where one side of a pick, who belong (0) or all others (1), can be in a group's published profile of a feature:
 * in levels that somebody of that side has. */
struct levels {
    uint64_t room; /* customers of the group in published ones, and without a value */
    bool cut;      /* not in all of the hidden ones */
};

static struct levels levels_of(const struct strata_picks *picks, size_t i, size_t side, size_t g,
                               size_t f)
{
    const struct strata_plan *plan = picks->plan;
    const struct strata_profile_cell *cell =
        g < plan->k ? &picks->personas->segment[g].cell[f] : &picks->personas->everybody[f];
    const struct strata_counts *own = &picks->pick[i].tally.count;
    struct levels levels = {0};
    for (size_t l = 0; l < plan->n_levels[f]; l++) {
        const struct figure level = {.kind = LEVEL, .at = plan->slot[f] + l};
        const bool have = count_of(plan, own, side, level) > 0;
        const bool shown = !cell->hidden && (!cell->share || !isnan(cell->share[l]));
        if (shown && have) levels.room += count_of(plan, &picks->tally->count, g, level);
        levels.cut |= !shown && !have && count_of(plan, own, 2, level) > 0;
    }
    if (own->value[side * plan->n_features + f] < own->size[side] && !cell->hidden)
        levels.room += cell->missing;
    return levels;
}

/* Whether how many of a group are on each side tells nothing of its hidden levels: they may all be in other ones,
 * or in any of these. */
static bool is_blind(const struct strata_picks *picks, size_t i, size_t g)
{
    const struct strata_plan *plan = picks->plan;
    const uint64_t size = picks->tally->count.size[g];
    const uint64_t here = g < plan->k ? in_segment(picks, i, g)
                                      : inside(picks, i, (struct figure){.kind = CUSTOMERS});
    for (size_t f = 0; f < plan->n_features; f++) {
        const struct levels in = levels_of(picks, i, 0, g, f);
        const struct levels out = levels_of(picks, i, 1, g, f);
        if ((in.cut && here > in.room) || (out.cut && size - here > out.room)) return false;
    }
    return true;
}

/* --- whole segments --------------------------------------------------------------------------- */

/* Customers outside the pick and outside the earlier ones that share nobody with it nor with each other. */
static bool is_rest_safe(const struct strata_picks *picks, const struct strata_apriori *out,
                         size_t i)
{
    const struct figure customers = {.kind = CUSTOMERS};
    uint64_t rest = outside(picks, i, customers);
    for (size_t j = 0; j < i; j++) {
        bool apart = !out[j].hidden && picks->both[i * picks->n + j] == 0;
        for (size_t h = 0; h < j && apart; h++) /* those before it that were apart from i */
            apart = out[h].hidden || picks->both[i * picks->n + h] > 0 ||
                    picks->both[j * picks->n + h] == 0;
        if (!apart || inside(picks, j, customers) > rest) continue;
        rest -= inside(picks, j, customers);
        if (!strata_is_tellable(rest)) return false;
    }
    return true;
}

static bool is_pick_told(const struct strata_picks *picks, const struct strata_apriori *out,
                         size_t i)
{
    const struct figure customers = {.kind = CUSTOMERS};
    if (!strata_is_tellable(inside(picks, i, customers))) return false;
    if (!strata_is_tellable(outside(picks, i, customers))) return false;
    for (size_t j = 0; j < i; j++) {
        if (!out[j].hidden && !is_safe_beside_pick(picks, i, j, customers)) return false;
    }
    return is_rest_safe(picks, out, i) && is_blind(picks, i, picks->plan->k);
}

/* --- the cross table -------------------------------------------------------------------------- */

static bool is_cross_safe(const struct strata_picks *picks, const struct strata_apriori *out,
                          size_t i, size_t s)
{
    const uint64_t here = in_segment(picks, i, s), size = picks->tally->count.size[s];
    if (!strata_is_tellable(here) || !strata_is_tellable(size - here)) return false;
    for (size_t j = 0; j < i; j++) {
        if (out[j].hidden) continue;
        struct pair pair = {.size_a = inside(picks, i, (struct figure){.kind = CUSTOMERS}),
                            .size_b = inside(picks, j, (struct figure){.kind = CUSTOMERS}),
                            .both = (uint64_t)picks->both[i * picks->n + j],
                            .a = here,
                            .b = in_segment(picks, j, s),
                            .all = size};
        if (!is_difference_safe(&pair)) return false;
    }
    return is_blind(picks, i, s);
}

/* Hide more of one pick's row, as a table of who is inside and outside; false when memory ends. */
static bool protect_row(const struct strata_picks *picks, size_t i, struct strata_arena scratch,
                        bool *hidden)
{
    const size_t k = picks->plan->k;
    struct strata_cells cells = {.n_groups = k + 1, .n_columns = 3, .together = true, .known = true};
    bool starved = false;
    cells.count = STRATA_NEW(&scratch, uint64_t, 3 * (k + 1));
    cells.hidden = STRATA_NEW(&scratch, bool, 3 * (k + 1));
    if (!cells.count || !cells.hidden) return false;
    for (size_t s = 0; s < k; s++) {
        const uint64_t in = in_segment(picks, i, s), out = picks->tally->count.size[s] - in;
        cells.count[3 * s] = in;
        cells.count[3 * s + 1] = out;
        cells.count[3 * k] += in;
        cells.count[3 * k + 1] += out;
        for (size_t c = 0; c < 3; c++) cells.hidden[3 * s + c] = hidden[s];
    }
    const bool safe = strata_cells_protect(&cells, scratch, &starved);
    for (size_t s = 0; s < k; s++) hidden[s] = !safe || cells.hidden[3 * s];
    return !starved;
}

static bool hide_cross(const struct strata_picks *picks, struct strata_arena scratch,
                       struct strata_apriori *out)
{
    const size_t k = picks->plan->k;
    bool hidden[STRATA_MAX_SEGMENTS] = {false};
    for (size_t i = 0; i < picks->n; i++) {
        for (size_t s = 0; s < k && !out[i].hidden; s++)
            hidden[s] |= !is_cross_safe(picks, out, i, s);
    }
    for (size_t i = 0; i < picks->n; i++) { /* hiding more for one leaves the others safe */
        if (!out[i].hidden && !protect_row(picks, i, scratch, hidden)) return false;
    }
    for (size_t i = 0; i < picks->n; i++) {
        for (size_t s = 0; s < k; s++) out[i].cross[s].hidden = hidden[s];
    }
    return true;
}

/* --- profiles --------------------------------------------------------------------------------- */

static bool is_segment_hidden(const struct strata_picks *picks, size_t f)
{
    bool hidden = picks->personas->everybody[f].hidden;
    for (size_t s = 0; s < picks->plan->k; s++)
        hidden |= picks->personas->segment[s].cell[f].hidden;
    return hidden;
}

static bool is_level_hidden(const struct strata_picks *picks, size_t f, size_t l)
{
    bool hidden = isnan(picks->personas->everybody[f].share[l]);
    for (size_t s = 0; s < picks->plan->k; s++)
        hidden |= isnan(picks->personas->segment[s].cell[f].share[l]);
    return hidden;
}

/* Whether a pick consists of whole segments, so that its sums are sums of theirs. */
static bool is_union(const struct strata_picks *picks, size_t i)
{
    for (size_t s = 0; s < picks->plan->k; s++) {
        const uint64_t here = in_segment(picks, i, s);
        if (here > 0 && here < picks->tally->count.size[s]) return false;
    }
    return true;
}

static bool is_whole_hidden(const struct strata_picks *picks, const struct strata_apriori *out,
                            size_t f, bool segments_free)
{
    const struct strata_plan *plan = picks->plan;
    bool hidden = !is_safe_of_all(picks, out, (struct figure){.kind = VALUES, .at = f});
    if (plan->as[f] == STRATA_AS_BINARY) {
        for (size_t l = 0; l < 2; l++)
            hidden |= !is_safe_of_all(picks, out,
                                      (struct figure){.kind = LEVEL, .at = plan->slot[f] + l});
        hidden |= !segments_free && is_segment_hidden(picks, f);
    }
    if (plan->as[f] == STRATA_AS_NUMBER && is_segment_hidden(picks, f)) {
        for (size_t i = 0; i < picks->n; i++) hidden |= !out[i].hidden && is_union(picks, i);
    }
    return hidden;
}

/* --- profiles beside hidden levels of segments ------------------------------------------------- */

/* Customers of segment s in a combination with a level; a column behind the levels: without a value. */
static uint64_t joint_count(const struct strata_picks *picks, size_t s, size_t combination,
                            size_t f, size_t l)
{
    const struct strata_plan *plan = picks->plan;
    const size_t g = s * picks->n_combinations + combination;
    if (l == plan->n_levels[f])
        return picks->joint->size[g] - picks->joint->value[g * plan->n_features + f];
    if (plan->position[plan->slot[f] + l] < 0) return 0;
    return picks->joint->level[g * plan->n_all_levels + plan->slot[f] + l];
}

/* The same of all combinations with pick i, or without. */
static uint64_t side_count(const struct strata_picks *picks, size_t i, bool in, size_t s, size_t f,
                           size_t l)
{
    uint64_t count = 0;
    for (size_t c = 0; c < picks->n_combinations; c++) {
        if ((c >> i & 1) == in) count += joint_count(picks, s, c, f, l);
    }
    return count;
}

/* How far the customers of one side with level l can change places with the other side's in other hidden levels,
 * segment by segment: so many could be more (or fewer), and nothing published would be another. */
static uint64_t places(const struct strata_picks *picks, size_t i, bool in, size_t f, size_t l,
                       bool more, const bool *hidden)
{
    const struct strata_plan *plan = picks->plan;
    uint64_t sum = 0;
    for (size_t s = 0; s < plan->k; s++) {
        const uint64_t here = side_count(picks, i, more ? !in : in, s, f, l);
        uint64_t there = 0;
        for (size_t m = 0; m < plan->n_levels[f]; m++) {
            const struct figure level = {.kind = LEVEL, .at = plan->slot[f] + m};
            if (m == l || !hidden[m]) continue;
            if (inside(picks, i, level) == 0 || outside(picks, i, level) == 0) continue;
            there += side_count(picks, i, more ? in : !in, s, f, m);
        }
        sum += here < there ? here : there;
    }
    return sum;
}

/* Whether the small hidden levels of a pick, and of all others, could be nobody or enough. */
static bool are_levels_free(const struct strata_picks *picks, size_t i, size_t f, const bool *hidden)
{
    for (size_t l = 0; l < picks->plan->n_levels[f]; l++) {
        const struct figure level = {.kind = LEVEL, .at = picks->plan->slot[f] + l};
        for (int in = 0; in < 2; in++) {
            const uint64_t count = in ? inside(picks, i, level) : outside(picks, i, level);
            if (strata_is_tellable(count)) continue;
            if (places(picks, i, in, f, l, true, hidden) < STRATA_MIN_CELL - count) return false;
            if (places(picks, i, in, f, l, false, hidden) < count) return false;
        }
    }
    return true;
}

/* The customers of one combination, with the cells that are hidden of the segments; everybody's, which are told
 * with the picks, stay as they are. */
static void fill_combination(const struct strata_picks *picks, size_t f, size_t combination,
                             const struct strata_cells *cells)
{
    for (size_t s = 0; s < picks->plan->k; s++) {
        const struct strata_profile_cell *cell = &picks->personas->segment[s].cell[f];
        for (size_t l = 0; l < cells->n_columns; l++) {
            const bool level = cell->share && l + 1 < cells->n_columns;
            cells->count[s * cells->n_columns + l] = joint_count(picks, s, combination, f, l);
            cells->hidden[s * cells->n_columns + l] =
                cell->hidden || (level && isnan(cell->share[l]));
        }
    }
}

/* Whether segment s could have nobody or enough with level l, by customers who change places within their
 * combinations. */
static bool is_level_free(const struct strata_picks *picks, size_t f, size_t s, size_t l,
                          const struct strata_cells *cells, struct strata_arena scratch)
{
    const struct strata_counts *counts = &picks->tally->count;
    const uint64_t count = counts->level[s * picks->plan->n_all_levels + picks->plan->slot[f] + l];
    const uint64_t room = counts->size[s] - count;
    uint64_t rise = STRATA_MIN_CELL - count < room ? STRATA_MIN_CELL - count : room, fall = count;
    for (size_t c = 0; c < picks->n_combinations && (rise > 0 || fall > 0); c++) {
        fill_combination(picks, f, c, cells);
        if (!strata_cells_reach(cells, s * cells->n_columns + l, true, &rise, scratch))
            return false;
        const uint64_t here = joint_count(picks, s, c, f, l), wanted = fall < here ? fall : here;
        uint64_t missing = wanted;
        if (!strata_cells_reach(cells, s * cells->n_columns + l, false, &missing, scratch))
            return false;
        fall -= wanted - missing;
    }
    return rise == 0 && fall == 0;
}

/* Whether the segments' hidden levels stay hidden beside all levels of the picks. */
static bool are_segments_free(const struct strata_picks *picks, size_t f,
                              struct strata_arena scratch)
{
    const struct strata_plan *plan = picks->plan;
    struct strata_cells cells = {.n_groups = plan->k + 1, .n_columns = plan->n_levels[f] + 1};
    const size_t n = cells.n_groups * cells.n_columns;
    if (!picks->joint || n > STRATA_CELLS_MAX) return false;
    cells.count = STRATA_NEW(&scratch, uint64_t, n);
    cells.hidden = STRATA_NEW(&scratch, bool, n);
    if (!cells.count || !cells.hidden) return false;
    for (size_t s = 0; s < plan->k; s++) {
        for (size_t l = 0; l < plan->n_levels[f]; l++) {
            const uint64_t *level = picks->tally->count.level + s * plan->n_all_levels;
            if (plan->position[plan->slot[f] + l] < 0 ||
                strata_is_tellable(level[plan->slot[f] + l]))
                continue;
            if (!is_level_free(picks, f, s, l, &cells, scratch)) return false;
        }
    }
    return true;
}

/* --- all of a profile -------------------------------------------------------------------------- */

/* Levels that are hidden together: customers inside and outside of a pick, and how many. */
struct heap {
    uint64_t in, out;
    size_t n;
};

static bool is_heap_safe(struct heap heap)
{
    return heap.n == 0 ||
           (heap.n >= 2 && strata_is_tellable(heap.in) && strata_is_tellable(heap.out));
}

static bool are_levels_safe(const struct strata_picks *picks, size_t i, size_t f, const bool *hidden)
{
    struct heap heap = {0};
    for (size_t l = 0; l < picks->plan->n_levels[f]; l++) {
        const struct figure level = {.kind = LEVEL, .at = picks->plan->slot[f] + l};
        if (!hidden[l]) continue;
        heap.in += inside(picks, i, level);
        heap.out += outside(picks, i, level);
        heap.n++;
    }
    return is_heap_safe(heap);
}

/* Levels of all picks: those that tell too much alone, and those that are hidden of everybody, or, with
 * `segments`, of any segment; then the next rarest, until what is hidden is safe. */
static void find_levels(const struct strata_picks *picks, const struct strata_apriori *out,
                        size_t f, bool segments, bool *hidden)
{
    const struct strata_plan *plan = picks->plan;
    const size_t n_levels = plan->n_levels[f];
    const uint64_t *all = picks->tally->count.level + plan->k * plan->n_all_levels + plan->slot[f];
    for (size_t l = 0; l < n_levels; l++)
        hidden[l] =
            (segments ? is_level_hidden(picks, f, l)
                      : isnan(picks->personas->everybody[f].share[l])) ||
            !is_safe_of_all(picks, out, (struct figure){.kind = LEVEL, .at = plan->slot[f] + l});
    size_t next = 0;
    while (next != SIZE_MAX) { /* at most n_levels times */
        bool safe = true;
        for (size_t i = 0; i < picks->n && safe; i++)
            safe = out[i].hidden || (are_levels_safe(picks, i, f, hidden) &&
                                     (segments || are_levels_free(picks, i, f, hidden)));
        next = safe ? SIZE_MAX : strata_next_hidden(all, 1, hidden, n_levels);
        if (next != SIZE_MAX) hidden[next] = true;
    }
}

/* Of everybody what is hidden of everybody; of those who belong what was found. */
static void hide_cells(const struct strata_picks *picks, size_t i, size_t f, bool whole,
                       const bool *hidden)
{
    const struct strata_plan *plan = picks->plan;
    const struct strata_profile_cell *told = &picks->personas->everybody[f];
    struct strata_profile_cell *cell = &picks->pick[i].personas->segment[0].cell[f];
    struct strata_profile_cell *all = &picks->pick[i].personas->everybody[f];
    if (whole) strata_cell_hide(cell, plan->n_levels[f]);
    if (told->hidden) strata_cell_hide(all, plan->n_levels[f]);
    if (isnan(told->mean)) all->mean = all->sd = STRATA_UNKNOWN;
    for (size_t l = 0; cell->share && l < plan->n_levels[f]; l++) {
        if (isnan(told->share[l])) all->share[l] = STRATA_UNKNOWN;
        if (!hidden[l]) continue;
        cell->share[l] = STRATA_UNKNOWN;
        cell->mean = cell->sd = STRATA_UNKNOWN;
    }
}

bool strata_picks_hide(const struct strata_picks *picks, struct strata_arena scratch,
                       struct strata_apriori *out)
{
    const struct strata_plan *plan = picks->plan;
    bool *hidden = STRATA_NEW(&scratch, bool, plan->n_all_levels + 1);
    if (!hidden) return false;
    for (size_t i = 0; i < picks->n; i++) out[i].hidden = !is_pick_told(picks, out, i);
    if (!hide_cross(picks, scratch, out)) return false;
    for (size_t f = 0; f < plan->n_features; f++) {
        const bool text = plan->as[f] == STRATA_AS_ORDINAL || plan->as[f] == STRATA_AS_NOMINAL;
        const bool free = plan->n_levels[f] > 0 && are_segments_free(picks, f, scratch);
        const bool whole = is_whole_hidden(picks, out, f, free);
        if (text) find_levels(picks, out, f, !free, hidden);
        for (size_t i = 0; i < picks->n; i++) hide_cells(picks, i, f, whole, hidden);
    }
    return true;
}
