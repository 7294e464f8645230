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

#define EDGES_MAX 254 /* of one axis, so that the code of a bin is a byte */
#define LEVELS_MAX 255
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
    const size_t limit = most < EDGES_MAX ? most : EDGES_MAX;
    const size_t n = n_edges < limit ? n_edges : limit;
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
    axis->edge[n] = (double)INFINITY;
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

/* Merging makes cells fewer, and so may make the tree's finer. */
static size_t tree_cells_at_most(const struct strata_axes *axes)
{
    const uint64_t k = axes->plan->k;
    const uint64_t room = TREE_COUNTS_MAX / (axes->planes * k * strata_frontier_max(k));
    const size_t finer = axes->n_cells < room ? axes->n_cells : (size_t)room;
    return finer > axes->n_tree_cells ? finer : axes->n_tree_cells;
}

/* What a thread finds codes by. */
static size_t table_bytes(const struct strata_plan *plan)
{
    size_t most = plan->n_cells;
    for (size_t f = 0; f < plan->n_features; f++)
        most = plan->n_levels[f] + 1 > most ? plan->n_levels[f] + 1 : most;
    return most;
}

bool strata_axes_make(struct strata_axes *axes, const struct strata_plan *plan,
                      const struct strata_profile_tally *tally,
                      const struct strata_personas *personas, struct strata_arena *arena)
{
    *axes = (struct strata_axes){.plan = plan, .personas = personas, .planes = plan->weight ? 2 : 1};
    const uint64_t each = COUNTS_MAX / (2 * axes->planes * plan->k * (plan->n_features + 1));
    const size_t most = each > LEVELS_MAX ? LEVELS_MAX : each < 3 ? 3 : (size_t)each;
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
    axes->n_tree_cells_max = tree_cells_at_most(axes);
    const size_t n_rows = plan->table->n_rows;
    if (n_rows > SIZE_MAX / (axes->n + 1)) return false;
    axes->code = STRATA_NEW(arena, uint8_t, n_rows * axes->n);
    if (plan->weight) axes->weight = STRATA_NEW(arena, uint32_t, n_rows);
    axes->table =
        STRATA_NEW(arena, uint8_t, table_bytes(plan) * (size_t)strata_pool_threads(plan->pool));
    return axes->code && axes->table && (axes->weight || !plan->weight);
}

/* --- rows ------------------------------------------------------------------------------------ */

/* Bins of an axis before any are merged. */
static void bins_start(struct strata_axis *axis)
{
    axis->n_codes = axis->n;
    for (size_t b = 0; b < axis->n; b++) axis->bin[b] = (uint8_t)b;
    axis->bin[STRATA_NO_CODE] = (uint8_t)axis->n;
}

static uint8_t bin_of(const struct strata_axis *axis, double x)
{
    size_t bin = 0; /* edges at or below x */
    while (bin + 1 < axis->n && axis->edge[bin] <= x) bin++;
    return (uint8_t)bin;
}

/* Edges in cells below each: they are at or below its values, and only those in its own have to be looked at. */
static void find_first(const struct strata_plan *plan, const struct strata_axis *axis,
                       uint8_t *first_of_cell)
{
    const struct strata_ruler *ruler = &plan->ruler[plan->slot[axis->feature]];
    size_t edge = 0;
    for (size_t cell = 0; cell < plan->n_cells; cell++) {
        while (edge + 1 < axis->n && strata_ruler_cell(ruler, axis->edge[edge]) < cell) edge++;
        first_of_cell[cell] = (uint8_t)edge;
    }
}

/* One segment's rows of a block. */
struct run {
    const uint16_t *order; /* (n) from first */
    size_t first, n;
};

/* The codes of numbers; the values next to each bin's edges are noted.  The last edge is infinite. */
static void code_numbers(struct strata_axis *axis, const uint8_t *first_of_cell, const double *x,
                         const uint16_t *cell, size_t n, uint8_t *code)
{
    const double *edge = axis->edge;
    double *low = axis->low, *high = axis->high;
    for (size_t i = 0; i < n; i++) {
        size_t bin = first_of_cell[cell[i]];
        bin += edge[bin] <= x[i];
        bin += edge[bin] <= x[i];
        while (edge[bin] <= x[i]) bin++;
        if (x[i] < low[bin]) low[bin] = x[i];
        if (x[i] > high[bin]) high[bin] = x[i];
        code[i] = (uint8_t)bin;
    }
}

/* Some of them are missing. */
static void code_present(struct strata_axis *axis, const uint8_t *first_of_cell,
                         const struct strata_values *values, size_t begin, const uint8_t *present,
                         struct run run, uint8_t *code)
{
    for (size_t i = 0; i < run.n; i++) {
        code[i] = STRATA_NO_CODE;
        if (present[run.order[i]])
            code_numbers(axis, first_of_cell, values->x + begin + i, values->cell + begin + i, 1,
                         code + i);
    }
}

/* The codes of levels, and of anything else; (n_levels + 1). */
static void find_level_codes(const struct strata_plan *plan, const struct strata_axis *axis,
                             uint8_t *level_code)
{
    const size_t f = axis->feature, n_levels = plan->n_levels[f];
    for (size_t l = 0; l < n_levels; l++) {
        const int position = plan->position[plan->slot[f] + l];
        level_code[l] = STRATA_NO_CODE;
        if (position >= 0)
            level_code[l] = axis->ordered ? bin_of(axis, (double)position) : (uint8_t)position;
    }
    level_code[n_levels] = STRATA_NO_CODE;
}

static void code_levels(const struct strata_plan *plan, const struct strata_axis *axis,
                        const uint8_t *level_code, struct run run, uint8_t *code)
{
    const size_t f = axis->feature, n_levels = plan->n_levels[f];
    const struct strata_column *column = &plan->table->column[f];
    const uint8_t *present = column->present + run.first;
    if (plan->as[f] == STRATA_AS_BINARY) {
        const double *number = column->number + run.first;
        const double no = plan->binary[f][0], yes = plan->binary[f][1];
        for (size_t i = 0; i < run.n; i++) {
            const double x = number[run.order[i]];
            const size_t level = (size_t)(x == yes) + 2 * (size_t)(x != yes && x != no);
            code[i] = level_code[present[run.order[i]] ? level : n_levels];
        }
        return;
    }
    const uint32_t *level = column->code + run.first;
    for (size_t i = 0; i < run.n; i++)
        code[i] = level_code[present[run.order[i]] ? level[run.order[i]] : n_levels];
}

struct filling {
    struct strata_axes *axes;
    int64_t *count;
};

static void count_run(const struct filling *filling, const struct strata_axis *axis, size_t s,
                      struct run run, const uint8_t *code)
{
    const struct strata_plan *plan = filling->axes->plan;
    int64_t *count = filling->count + axis->first * plan->k + s;
    int64_t *weight = count + filling->axes->n_cells * plan->k;
    for (size_t i = 0; i < run.n; i++) count[axis->bin[code[i]] * plan->k]++;
    for (size_t i = 0; plan->weight && i < run.n; i++)
        weight[axis->bin[code[i]] * plan->k] += plan->weight[run.first + run.order[i]];
}

/* table: of numbers the first edge of each cell, else the code of each level. */
static void fill_block(const struct filling *filling, size_t a, size_t block, const uint8_t *table,
                       struct strata_values *values)
{
    struct strata_axes *axes = filling->axes;
    const struct strata_plan *plan = axes->plan;
    const struct strata_groups *groups = &plan->groups;
    struct strata_axis *axis = &axes->axis[a];
    const bool number = plan->as[axis->feature] == STRATA_AS_NUMBER;
    const uint16_t *begin = groups->begin + block * (plan->k + 1);
    const size_t first = block * STRATA_GROUP_ROWS;
    const uint8_t *present = plan->table->column[axis->feature].present + first;
    const bool missing = number && strata_values_take_all(plan, axis->feature, block, values);
    for (size_t s = 0; s < plan->k; s++) {
        const struct run run = {groups->order + first + begin[s], first,
                                (size_t)(begin[s + 1] - begin[s])};
        uint8_t *code = axes->code + a * groups->n_rows + groups->to[block * (plan->k + 1) + s];
        if (!number)
            code_levels(plan, axis, table, run, code);
        else if (missing)
            code_present(axis, table, values, begin[s], present, run, code);
        else
            code_numbers(axis, table, values->x + begin[s], values->cell + begin[s], run.n, code);
        count_run(filling, axis, s, run, code);
    }
}

static void fill_axis(const struct filling *filling, size_t a, uint8_t *table)
{
    const struct strata_plan *plan = filling->axes->plan;
    struct strata_axis *axis = &filling->axes->axis[a];
    struct strata_values values;
    bins_start(axis);
    if (plan->as[axis->feature] == STRATA_AS_NUMBER)
        find_first(plan, axis, table);
    else
        find_level_codes(plan, axis, table);
    for (size_t block = 0; block < plan->groups.n_blocks; block++)
        fill_block(filling, a, block, table, &values);
}

static void fill_share(void *context, int thread)
{
    const struct filling *filling = context;
    const struct strata_plan *plan = filling->axes->plan;
    const size_t n_threads = (size_t)strata_pool_threads(plan->pool);
    uint8_t *table = filling->axes->table + (size_t)thread * table_bytes(plan);
    for (size_t a = (size_t)thread; a < filling->axes->n; a += n_threads)
        fill_axis(filling, a, table);
}

static void place_weights(struct strata_axes *axes)
{
    const struct strata_plan *plan = axes->plan;
    const struct strata_groups *groups = &plan->groups;
    for (size_t block = 0; block < groups->n_blocks; block++) {
        const uint16_t *begin = groups->begin + block * (plan->k + 1);
        const uint16_t *order = groups->order + block * STRATA_GROUP_ROWS;
        for (size_t s = 0; s < plan->k; s++) {
            uint32_t *to = axes->weight + groups->to[block * (plan->k + 1) + s];
            for (size_t i = begin[s]; i < begin[s + 1]; i++)
                *to++ = plan->weight[block * STRATA_GROUP_ROWS + order[i]];
        }
    }
}

void strata_axes_fill(struct strata_axes *axes, int64_t *count)
{
    struct filling filling = {axes, count};
    if (axes->weight) place_weights(axes);
    strata_pool_run(axes->plan->pool, fill_share, &filling);
}

void strata_axes_codes(const struct strata_axis *axis, const struct strata_range *range,
                       uint8_t *from, uint8_t *width)
{
    if (range->n_levels > 0) {
        *from = (uint8_t)range->level[0]; /* levels are never merged */
        *width = 0;
        return;
    }
    size_t first = 0, end = axis->n_codes;
    while (axis->bin[first] < range->from) first++;
    while (axis->bin[end - 1] > range->to) end--;
    *from = (uint8_t)first;
    *width = (uint8_t)(end - 1 - first);
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

/* Where the merged cells of each axis go, and what bins the rows' codes are. */
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
    if (axis->ordered) merge_bins(axis, map);
    for (size_t b = 0; b < axis->n; b++) axis->bin[b] = (uint8_t)map[b];
    axis->n = map[axis->n];
    axis->bin[STRATA_NO_CODE] = (uint8_t)axis->n;
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
