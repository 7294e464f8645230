/* Where conditions may cut: at order statistics of the segments, which are exact and the same for any
 * number of ranks.  An edge below the least value of a segment, or above its greatest, is where the side
 * of a segment with straight sides lies.
 *
 * Sensitive features, outcomes and the weight have no axis.  Two edges of an axis never have fewer than
 * the minimum count of customers between them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "persona/rules_impl.h"

#define EDGES_MAX 255                       /* of one axis */
#define COUNTS_MAX ((uint64_t)1 << 23)      /* numbers that a level counts for the drafts */
#define TREE_COUNTS_MAX ((uint64_t)1 << 23) /* and for the tree */

/* --- edges ----------------------------------------------------------------------------------- */

struct edge {
    double at;
    uint8_t grade;
};

static int by_place(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return (x->grade > y->grade) - (x->grade < y->grade);
}

/* Least and greatest values first, then what is near the ends. */
static uint8_t grade_of(unsigned percent)
{
    if (percent == 0 || percent == 100) return 0;
    return percent <= 10 || percent >= 90 ? 1 : 2;
}

/* A place for an edge at an order statistic.  Only least and greatest values are kept to the customer: others may
 * move by a fiftieth of the distance between everybody's quartiles, to a rounder number. */
static double place_edge(double value, unsigned percent, double quartiles)
{
    const double reach = quartiles / 50.0;
    if (percent > 0 && percent < 100 && reach > 0.0 && value - reach < value + reach)
        return strata_round_between(value - reach, value + reach);
    return percent < 50 ? value : nextafter(value, (double)INFINITY);
}

/* Rising and distinct edges of a number; room for (k + 1) orders. */
static size_t gather_edges(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                           size_t f, struct edge *edge)
{
    size_t n = 0, kept = 0;
    const double *all = tally->order + (plan->k * plan->n_numbers + plan->slot[f]) * plan->orders.n;
    const double quartiles = all[plan->orders.quartile + 2] - all[plan->orders.quartile];
    for (size_t g = 0; g <= plan->k; g++) {
        const double *order = tally->order + (g * plan->n_numbers + plan->slot[f]) * plan->orders.n;
        for (size_t w = 0; w < plan->orders.n; w++) {
            const unsigned percent = plan->orders.percent[w];
            if (isnan(order[w])) continue;
            edge[n++] = (struct edge){place_edge(order[w], percent, quartiles), grade_of(percent)};
        }
    }
    qsort(edge, n, sizeof *edge, by_place);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || edge[kept - 1].at != edge[i].at) edge[kept++] = edge[i];
    }
    return kept;
}

/* --- axes ------------------------------------------------------------------------------------ */

static bool ordered_make(struct strata_axis *axis, const struct edge *edge, size_t n_edges,
                         size_t most, struct strata_arena *arena)
{
    const size_t n = n_edges < most ? n_edges : most;
    axis->ordered = true;
    axis->n = n + 1;
    axis->edge = STRATA_NEW(arena, double, n + 1);
    axis->grade = STRATA_NEW(arena, uint8_t, n + 1);
    axis->low = STRATA_NEW(arena, double, n + 1);
    axis->high = STRATA_NEW(arena, double, n + 1);
    if (!axis->edge || !axis->grade || !axis->low || !axis->high) return false;
    for (size_t i = 0; i < n; i++) {
        const struct edge *from = &edge[i * n_edges / n];
        axis->edge[i] = from->at;
        axis->grade[i] = from->grade;
    }
    for (size_t b = 0; b <= n; b++) {
        axis->low[b] = (double)INFINITY;
        axis->high[b] = -(double)INFINITY;
    }
    return true;
}

/* Between the declared levels, or between no and yes. */
static size_t step_edges(size_t n_levels, struct edge *edge)
{
    for (size_t l = 1; l < n_levels; l++) edge[l - 1] = (struct edge){(double)l, 2};
    return n_levels - 1;
}

static bool levels_make(struct strata_axis *axis, const struct strata_plan *plan,
                        const struct strata_personas *personas, struct strata_arena *arena)
{
    bool *shown = STRATA_NEW(arena, bool, plan->n_levels[axis->feature]);
    if (!shown) return false;
    axis->n = plan->n_levels[axis->feature];
    for (size_t l = 0; l < axis->n; l++)
        shown[l] = !isnan(personas->everybody[axis->feature].share[l]);
    axis->shown = shown;
    return true;
}

static bool axis_make(struct strata_axis *axis, const struct strata_plan *plan,
                      const struct strata_profile_tally *tally,
                      const struct strata_personas *personas, size_t most, struct edge *edge,
                      struct strata_arena *arena)
{
    const size_t f = axis->feature;
    switch (plan->as[f]) {
    case STRATA_AS_NUMBER:
        return ordered_make(axis, edge, gather_edges(plan, tally, f, edge), most, arena);
    case STRATA_AS_BINARY:
        return ordered_make(axis, edge, step_edges(2, edge), most, arena);
    case STRATA_AS_ORDINAL:
        return ordered_make(axis, edge, step_edges(plan->config->feature[f].n_levels, edge), most,
                            arena);
    case STRATA_AS_NOMINAL:
        break;
    }
    return levels_make(axis, plan, personas, arena);
}

/* What can be cut without telling about few: a feature that varies and is not hidden. */
static bool has_axis(const struct strata_plan *plan, const struct strata_personas *personas,
                     size_t f, size_t most)
{
    const struct strata_feature *feature = &plan->config->feature[f];
    if (strata_is_silent(feature) || feature->role == STRATA_ROLE_OUTCOME) return false;
    if (personas->everybody[f].hidden) return false;
    if (plan->as[f] == STRATA_AS_NUMBER) return true;
    if (plan->as[f] == STRATA_AS_ORDINAL) return feature->n_levels >= 2;
    return plan->n_levels[f] >= 2 && plan->n_levels[f] <= most;
}

/* Where each axis' cells stand; the tree's bins are as fine as the room for its counts allows. */
static void place_cells(struct strata_axes *axes)
{
    const uint64_t k = axes->plan->k;
    const uint64_t room = TREE_COUNTS_MAX / (axes->planes * k * strata_frontier_max(k));
    axes->n_cells = 0;
    for (size_t a = 0; a < axes->n; a++) {
        axes->axis[a].first = axes->n_cells;
        axes->n_cells += axes->axis[a].n + 1;
    }
    axes->coarse = 0;
    do { /* ends: bins get fewer until each axis has two cells */
        axes->coarse++;
        axes->n_tree_cells = 0;
        for (size_t a = 0; a < axes->n; a++) {
            struct strata_axis *axis = &axes->axis[a];
            axis->first_tree = axes->n_tree_cells;
            axis->n_tree = axis->ordered ? (axis->n + axes->coarse - 1) / axes->coarse : axis->n;
            axes->n_tree_cells += axis->n_tree + 1;
        }
    } while (axes->n_tree_cells > room && axes->coarse <= EDGES_MAX);
}

bool strata_axes_make(struct strata_axes *axes, const struct strata_plan *plan,
                      const struct strata_profile_tally *tally,
                      const struct strata_personas *personas, struct strata_arena *arena)
{
    *axes = (struct strata_axes){.plan = plan, .personas = personas, .planes = plan->weight ? 2 : 1};
    const uint64_t each = COUNTS_MAX / (2 * axes->planes * plan->k * (plan->n_features + 1));
    const size_t most = each > EDGES_MAX ? EDGES_MAX : each < 3 ? 3 : (size_t)each;
    const size_t n_edges = (plan->k + 1) * plan->orders.n;
    struct edge *edge =
        STRATA_NEW(arena, struct edge, n_edges > STRATA_MAX_LEVELS ? n_edges : STRATA_MAX_LEVELS);
    axes->axis = STRATA_NEW(arena, struct strata_axis, plan->n_features);
    if (!edge || !axes->axis) return false;
    for (size_t f = 0; f < plan->n_features; f++) {
        if (!has_axis(plan, personas, f, most)) continue;
        axes->axis[axes->n].feature = f;
        if (!axis_make(&axes->axis[axes->n++], plan, tally, personas, most, edge, arena))
            return false;
    }
    place_cells(axes);
    if (plan->table->n_rows > SIZE_MAX / sizeof(uint16_t) / (axes->n + 1)) return false;
    axes->bin = STRATA_NEW(arena, uint16_t, plan->table->n_rows * axes->n);
    return axes->bin != NULL;
}

/* --- rows ------------------------------------------------------------------------------------ */

static size_t bin_of(const struct strata_axis *axis, double x)
{
    size_t low = 0, high = axis->n - 1; /* edges at or below x */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (axis->edge[middle] <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The position of the row's level; SIZE_MAX where it has none. */
static size_t position_of(const struct strata_plan *plan, size_t f, size_t row)
{
    const struct strata_column *column = &plan->table->column[f];
    if (plan->as[f] == STRATA_AS_BINARY) {
        if (column->number[row] == plan->binary[f][0]) return 0;
        return column->number[row] == plan->binary[f][1] ? 1 : SIZE_MAX;
    }
    const int position = plan->position[plan->slot[f] + column->code[row]];
    return position < 0 ? SIZE_MAX : (size_t)position;
}

static void fill_axis(struct strata_axes *axes, size_t a)
{
    const struct strata_plan *plan = axes->plan;
    struct strata_axis *axis = &axes->axis[a];
    const struct strata_column *column = &plan->table->column[axis->feature];
    const bool number = plan->as[axis->feature] == STRATA_AS_NUMBER;
    uint16_t *bin = axes->bin + a;
    for (size_t row = 0; row < plan->table->n_rows; row++, bin += axes->n) {
        *bin = (uint16_t)axis->n;
        if (!column->present[row]) continue;
        if (number) {
            const double x = column->number[row];
            *bin = (uint16_t)bin_of(axis, x);
            if (x < axis->low[*bin]) axis->low[*bin] = x;
            if (x > axis->high[*bin]) axis->high[*bin] = x;
            continue;
        }
        const size_t position = position_of(plan, axis->feature, row);
        if (position == SIZE_MAX) continue;
        *bin = (uint16_t)(axis->ordered ? bin_of(axis, (double)position) : position);
    }
}

void strata_axes_fill(struct strata_axes *axes)
{
    for (size_t a = 0; a < axes->n; a++) fill_axis(axes, a);
}

/* --- merging --------------------------------------------------------------------------------- */

/* Whether an edge with so many customers below leaves enough on both sides, up to the next that stay. */
static bool leaves_enough(const uint64_t *below, const bool *stays, size_t n_edges, size_t i,
                          uint64_t all)
{
    uint64_t left = 0, right = all;
    for (size_t j = i; j-- > 0;) {
        if (!stays[j]) continue;
        left = below[j];
        break;
    }
    for (size_t j = i + 1; j < n_edges; j++) {
        if (!stays[j]) continue;
        right = below[j];
        break;
    }
    return below[i] - left >= STRATA_MIN_CELL && right - below[i] >= STRATA_MIN_CELL;
}

/* Which edges stay, lowest grade first; map (n + 1) gets the new bin of each, and of missing. */
static void choose_edges(const struct strata_axis *axis, const uint64_t *cell, uint16_t *map)
{
    const size_t n_edges = axis->n - 1;
    uint64_t below[EDGES_MAX + 1];
    bool stays[EDGES_MAX + 1] = {false};
    uint64_t all = 0;
    for (size_t b = 0; b < axis->n; b++) {
        all += cell[b];
        below[b] = all;
    }
    for (uint8_t grade = 0; grade <= 2; grade++) {
        for (size_t i = 0; i < n_edges; i++) {
            if (axis->grade[i] == grade) stays[i] = leaves_enough(below, stays, n_edges, i, all);
        }
    }
    map[0] = 0;
    for (size_t b = 1; b < axis->n; b++) map[b] = (uint16_t)(map[b - 1] + stays[b - 1]);
    map[axis->n] = (uint16_t)(map[axis->n - 1] + 1);
}

static void merge_bins(struct strata_axis *axis, const uint16_t *map)
{
    for (size_t b = 1; b < axis->n; b++) {
        const size_t to = map[b];
        if (to != map[b - 1]) {
            axis->edge[to - 1] = axis->edge[b - 1];
            axis->low[to] = axis->low[b];
            axis->high[to] = axis->high[b];
        } else {
            axis->low[to] = fmin(axis->low[to], axis->low[b]);
            axis->high[to] = fmax(axis->high[to], axis->high[b]);
        }
    }
}

/* Cells of one axis, (n + 1, k) at from, to where they go, at or before it. */
static void merge_counts(const int64_t *from, size_t n, size_t k, const uint16_t *map, int64_t *to)
{
    for (size_t b = 0; b <= n; b++) {
        const bool fresh = b == 0 || map[b] != map[b - 1];
        for (size_t s = 0; s < k; s++) {
            int64_t *at = to + map[b] * k + s;
            const int64_t more = from[b * k + s];
            *at = fresh ? more : *at + more;
        }
    }
}

/* Where the merged cells of each axis go, and what the rows' bins become. */
static void merge_axis(struct strata_axes *axes, size_t a, int64_t *count, size_t n_before,
                       size_t *first)
{
    const size_t k = axes->plan->k;
    struct strata_axis *axis = &axes->axis[a];
    uint16_t map[EDGES_MAX + 2];
    uint64_t cell[EDGES_MAX + 2] = {0};
    for (size_t b = 0; b < axis->n; b++) {
        for (size_t s = 0; s < k; s++) cell[b] += (uint64_t)count[(axis->first + b) * k + s];
        map[b] = (uint16_t)b;
    }
    map[axis->n] = (uint16_t)axis->n;
    if (axis->ordered) choose_edges(axis, cell, map);
    for (size_t p = 0; p < axes->planes; p++) {
        int64_t *plane = count + p * n_before * k;
        merge_counts(plane + axis->first * k, axis->n, k, map, plane + *first * k);
    }
    if (axis->ordered) {
        merge_bins(axis, map);
        uint16_t *bin = axes->bin + a;
        for (size_t row = 0; row < axes->plan->table->n_rows; row++, bin += axes->n)
            *bin = map[*bin];
    }
    axis->n = map[axis->n];
    *first += axis->n + 1;
}

void strata_axes_merge(struct strata_axes *axes, int64_t *count)
{
    const size_t n_before = axes->n_cells, k = axes->plan->k;
    size_t first = 0;
    for (size_t a = 0; a < axes->n; a++) merge_axis(axes, a, count, n_before, &first);
    for (size_t p = 1; p < axes->planes; p++)
        memmove(count + p * first * k, count + p * n_before * k, first * k * sizeof *count);
    place_cells(axes);
    STRATA_REQUIRE(axes->n_cells == first);
}

/* --- what a condition would tell -------------------------------------------------------------- */

static bool holds_level(const struct strata_axes *axes, const struct strata_range *range, size_t l)
{
    const struct strata_axis *axis = &axes->axis[range->axis];
    const int position = axes->plan->position[axes->plan->slot[axis->feature] + l];
    if (position < 0) return false;
    size_t bin = axis->ordered ? bin_of(axis, (double)position) : l;
    for (size_t i = 0; i < range->n_levels; i++) {
        if (range->level[i] == l) return true;
    }
    return range->n_levels == 0 && bin >= range->from && bin <= range->to;
}

static bool is_group_open(const struct strata_axes *axes, const struct strata_range *range,
                          const struct strata_profile_cell *cells)
{
    const size_t f = axes->axis[range->axis].feature;
    const struct strata_profile_cell *cell = &cells[f];
    bool inside = true, outside = true;
    if (cell->hidden) return false;
    for (size_t l = 0; cell->share && l < axes->plan->n_levels[f]; l++) {
        if (!isnan(cell->share[l])) continue;
        if (holds_level(axes, range, l))
            inside = false;
        else
            outside = false;
    }
    return inside || outside;
}

bool strata_range_is_open(const struct strata_axes *axes, const struct strata_range *range, size_t s)
{
    return is_group_open(axes, range, axes->personas->segment[s].cell) &&
           is_group_open(axes, range, axes->personas->everybody);
}

bool strata_range_is_open_to_all(const struct strata_axes *axes, const struct strata_range *range)
{
    if (axes->plan->as[axes->axis[range->axis].feature] == STRATA_AS_NUMBER) return true;
    for (size_t s = 0; s < axes->plan->k; s++) {
        if (!strata_range_is_open(axes, range, s)) return false;
    }
    return true;
}
