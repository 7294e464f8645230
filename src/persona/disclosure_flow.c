/* Which cells of a table have to be hidden beside the small ones, so that solving for what is hidden does
 * not find them.
 *
 * Everybody is the sum of the segments in each column, and the sum of each row is known.  Whoever solves the
 * equations of the visible cells, by linear programming or by hand, learns of each hidden cell an interval.
 * That of a small one has to reach from nobody to the minimum count, or as far as the group has customers.
 *
 * Rows and columns are the nodes of a graph, and hidden cells its edges.  A change of hidden cells that
 * leaves all sums as they are is a circulation: from row to column an edge raises its cell, on the way back
 * it lowers it, to nobody at most; in everybody's row, whose cells are sums, the other way round.  So the end
 * of an interval is the largest flow through its cell.  For each small cell the flow that is wanted is
 * put together from shortest paths: over cells that are hidden anyway, then over visible ones, at a price;
 * those that it takes are hidden (Kelly, Golden and Assad, 1992; Castro, 2012, has an overview).  Hiding more
 * leaves the flows of earlier cells as they are, so each is looked at once, and the intervals hold.  The
 * smallest come first: they need most, and what is hidden for them serves the others.
 *
 * Cost: O(groups x columns) for a path; most small cells need two. */
#include <inttypes.h>
#include <string.h>

#include "persona/disclosure_impl.h"

#define FAR UINT64_MAX
#define EVERYBODY_COSTS 8 /* times a segment's cell: all segments are compared with it */

struct graph {
    const struct strata_cells *cells;
    const uint64_t *x;  /* customers, or their weight */
    int64_t *change;    /* (groups, columns) by the flow so far */
    uint64_t *distance; /* (groups + columns) of each row and column from where the path starts */
    size_t *before;     /* (groups + columns) the node before it */
    size_t skipped;     /* the cell that the flow is for */
};

static bool is_everybody(const struct strata_cells *cells, size_t g)
{
    return g + 1 == cells->n_groups;
}

/* How many have no value is told where the group's cell is, and of everybody always. */
static bool can_hide(const struct strata_cells *cells, size_t g, size_t c)
{
    return c + 1 < cells->n_columns || (cells->together && !is_everybody(cells, g));
}

static void hide(const struct strata_cells *cells, size_t g, size_t c)
{
    cells->hidden[g * cells->n_columns + c] = true;
    for (size_t i = 0; cells->together && i < cells->n_columns; i++)
        cells->hidden[g * cells->n_columns + i] |= can_hide(cells, g, i);
}

static uint64_t price_of(const struct graph *graph, size_t g, size_t i)
{
    if (graph->cells->hidden[i]) return 0;
    const uint64_t count = graph->cells->count[i];
    uint64_t price = 2; /* nobody: nothing of use is hidden */
    if (count > 0) price = 16 + (uint64_t)(64 - __builtin_clzll(count));
    return is_everybody(graph->cells, g) ? EVERYBODY_COSTS * price : price;
}

/* Whether the cell can change by so much in one direction. */
static bool can_move(const struct graph *graph, size_t g, size_t i, bool to_column, uint64_t step)
{
    if (to_column != is_everybody(graph->cells, g)) return true; /* rises */
    return graph->x[i] + (uint64_t)graph->change[i] >= step;
}

static bool reach(const struct graph *graph, size_t from, size_t to, uint64_t price)
{
    if (graph->distance[from] == FAR || graph->distance[from] + price >= graph->distance[to])
        return false;
    graph->distance[to] = graph->distance[from] + price;
    graph->before[to] = from;
    return true;
}

/* The cheapest way on which every cell can change by the step. */
static bool find_path(const struct graph *graph, size_t from, size_t to, uint64_t step,
                      bool may_hide)
{
    const struct strata_cells *cells = graph->cells;
    for (size_t i = 0; i < cells->n_groups + cells->n_columns; i++) graph->distance[i] = FAR;
    graph->distance[from] = 0;
    bool nearer = true;
    while (nearer) { /* distances fall, at most as often as there are nodes on the way */
        nearer = false;
        for (size_t i = 0; i < cells->n_groups * cells->n_columns; i++) {
            const size_t g = i / cells->n_columns, c = i % cells->n_columns;
            if (i == graph->skipped) continue;
            if (!cells->hidden[i] && !(may_hide && can_hide(cells, g, c))) continue;
            const uint64_t price = price_of(graph, g, i);
            const size_t column = cells->n_groups + c;
            if (can_move(graph, g, i, true, step)) nearer |= reach(graph, g, column, price);
            if (can_move(graph, g, i, false, step)) nearer |= reach(graph, column, g, price);
        }
    }
    return graph->distance[to] != FAR;
}

static void take_path(const struct graph *graph, size_t from, size_t to, uint64_t step)
{
    const struct strata_cells *cells = graph->cells;
    for (size_t node = to; node != from; node = graph->before[node]) {
        const bool to_column = node >= cells->n_groups;
        const size_t g = to_column ? graph->before[node] : node;
        const size_t c = (to_column ? node : graph->before[node]) - cells->n_groups;
        const bool rises = to_column != is_everybody(cells, g);
        graph->change[g * cells->n_columns + c] += rises ? (int64_t)step : -(int64_t)step;
        hide(cells, g, c);
    }
}

/* A flow of the wanted size from node to node, beside the skipped cell: first over what is hidden.  What is missing
 * of it in the end. */
static uint64_t find_flow(const struct graph *graph, size_t from, size_t to, uint64_t wanted)
{
    const size_t n = graph->cells->n_groups * graph->cells->n_columns;
    memset(graph->change, 0, n * sizeof *graph->change);
    for (int may_hide = 0; may_hide < 2; may_hide++) {
        for (uint64_t step = wanted; step > 0;) {
            if (!find_path(graph, from, to, step, may_hide)) {
                step /= 2;
                continue;
            }
            take_path(graph, from, to, step);
            wanted -= step;
            if (step > wanted) step = wanted;
        }
    }
    return wanted;
}

/* How much a small cell of so many customers must be able to rise: to the minimum count, by their mean
 * weight, as far as its group goes. */
static uint64_t rise_of(const struct graph *graph, size_t g, size_t i)
{
    const struct strata_cells *cells = graph->cells;
    const uint64_t count = cells->count[i];
    const size_t n = cells->n_columns - (is_everybody(cells, g) ? 1 : 0);
    uint64_t all = 0;
    for (size_t c = 0; c < n; c++) all += graph->x[g * cells->n_columns + c];
    const double wanted = (double)graph->x[i] * (double)(STRATA_MIN_CELL - count) / (double)count;
    const uint64_t rise = (uint64_t)ceil(wanted);
    return rise < all - graph->x[i] ? rise : all - graph->x[i];
}

/* The flow that makes cell i rise, or fall, closes over the other cells. */
static uint64_t find_change(struct graph *graph, size_t i, bool rise, uint64_t wanted)
{
    const size_t g = i / graph->cells->n_columns;
    const size_t column = graph->cells->n_groups + i % graph->cells->n_columns;
    const bool from_group = rise == is_everybody(graph->cells, g);
    graph->skipped = i;
    return find_flow(graph, from_group ? g : column, from_group ? column : g, wanted);
}

static bool protect_cell(struct graph *graph, size_t i)
{
    return find_change(graph, i, true, rise_of(graph, i / graph->cells->n_columns, i)) == 0 &&
           find_change(graph, i, false, graph->x[i]) == 0;
}

static bool graph_make(struct graph *graph, const struct strata_cells *cells,
                       struct strata_arena *scratch)
{
    const size_t n_nodes = cells->n_groups + cells->n_columns;
    *graph =
        (struct graph){.cells = cells,
                       .x = cells->count,
                       .change = STRATA_NEW(scratch, int64_t, cells->n_groups * cells->n_columns),
                       .distance = STRATA_NEW(scratch, uint64_t, n_nodes),
                       .before = STRATA_NEW(scratch, size_t, n_nodes)};
    return graph->change && graph->distance && graph->before;
}

bool strata_cells_protect(const struct strata_cells *cells, struct strata_arena scratch,
                          bool *starved)
{
    const size_t n = cells->n_groups * cells->n_columns;
    struct graph graph;
    *starved = !graph_make(&graph, cells, &scratch);
    for (int weighted = 0; !*starved && weighted <= (cells->weight != NULL); weighted++) {
        graph.x = weighted ? cells->weight : cells->count;
        for (uint64_t count = 1; count < STRATA_MIN_CELL; count++) {
            for (size_t i = 0; i < n; i++) {
                if (i % cells->n_columns + 1 == cells->n_columns) continue; /* has no value */
                if (cells->count[i] == count && !protect_cell(&graph, i)) return false;
            }
        }
    }
    return true;
}
