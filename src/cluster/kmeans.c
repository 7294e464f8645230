/* k-means: segments are the rows nearest to a centre, centres are the means of their rows.
 *
 * Objective: the sum of squared distances (SSE) of rows from their centres, an exact integer in
 * squared grid units.  It needs no look at the rows: with Q = sum of w |x|^2, n_c and S_c a segment's
 * weight and sum, SSE = Q - sum over c of (2 c S_c - n_c |c|^2), all of them integers.
 *
 * Params: centre (k, d), integers of the grid.  Sums: count (k), sum (k, d), kept from pass to pass:
 * a row that moves is subtracted here and added there, which is exact.
 *
 * Update: centre = sum / count, rounded to the nearest integer, half to even.  It is the best
 * centre on the grid, because SSE(c) = SSE(mean) + count (c - mean)^2; so the objective never
 * rises, to the bit.
 *
 * Ties: the lowest index.  Each step lowers (SSE, sum of labels), so no state comes twice.
 *
 * Pruning: a row whose own centre is certainly nearer than any other keeps its label without a look
 * (Hamerly, 2010).  Its upper bound grows by its centre's move, its lower bound falls by the farthest
 * move of the others; half the gap to the nearest other centre will do as well.  Bounds are kept less
 * what their centres had moved by then, so that a pass only reads those of rows that stay; they are
 * rounded outward, so the labels are those of the full evaluation.
 *
 * Bits: |x| <= 2^24 and weights below 2^39 in all, so sums fit int64.
 *
 * Cost: 2 n k d operations for a full pass, O(n) plus 2 k d for each row that is looked at with
 * bounds; k^2 d once a pass for the gaps between centres.
 *
 * Source: (Lloyd, 1982; Hamerly, 2010) in README.md. */
#include <math.h>
#include <string.h>

#include "cluster/kmeans_impl.h"

#define N_TABLES 5
#define STRIP_ROWS 256 /* rows that are assigned at once */
#define LIST_ROWS_A_SEGMENT \
    32 /* of a rank: with fewer, lists of near centres cost more than they save */

/* --- sizes ----------------------------------------------------------------------------- */

static size_t param_count(struct strata_dims dims)
{
    return dims.k * dims.d;
}

static size_t stat_count(struct strata_dims dims)
{
    return dims.k + dims.k * dims.d;
}

static size_t pass_bytes(struct strata_dims dims)
{
    return strata_aligned(sizeof(struct strata_kmeans_pass)) +
           N_TABLES * strata_aligned(dims.k * sizeof(float)) +
           strata_aligned(strata_centres_bytes(dims)) + strata_near_bytes(dims);
}

static size_t block_rows(struct strata_dims dims)
{
    return strata_near_bytes(dims) > 0 ? STRATA_KMEANS_LIST_ROWS : 4096;
}

static size_t sums_bytes(struct strata_dims dims)
{
    return stat_count(dims) * sizeof(int64_t);
}

static void start(struct strata_dims dims, const double *centre, const double *spread,
                  double *params)
{
    (void)spread;
    for (size_t i = 0; i < dims.k * dims.d; i++) params[i] = centre[i];
}

/* --- how bounds age -------------------------------------------------------------------- */

double strata_centre_distance(const double *a, const double *b, size_t d)
{
    double square = 0;
    for (size_t j = 0; j < d; j++) square += (a[j] - b[j]) * (a[j] - b[j]);
    return sqrt(square);
}

/* What bounds age by: tables of a pass, which stay from one pass to the next. */
struct tables {
    float *own, *other, *both, *slack, *half_gap; /* (k) */
};

static struct tables tables_view(struct strata_dims dims, void *room)
{
    const size_t each = strata_aligned(dims.k * sizeof(float)) / sizeof(float);
    float *first = room;
    return (struct tables){first, first + each, first + 2 * each, first + 3 * each,
                           first + 4 * each};
}

/* Each centre's move, and the farthest of all others', are added up. */
static void drift_on(struct strata_dims dims, const double *params, const double *before,
                     struct tables to)
{
    double farthest = 0, second = 0;
    size_t which = 0;
    for (size_t c = 0; c < dims.k; c++) {
        const size_t at = c * dims.d;
        const double move = strata_centre_distance(params + at, before + at, dims.d) * ROUND_UP;
        to.own[c] = strata_float_above((double)to.own[c] + move);
        if (move > farthest) {
            second = farthest;
            farthest = move;
            which = c;
        } else if (move > second) {
            second = move;
        }
    }
    for (size_t c = 0; c < dims.k; c++)
        to.other[c] = strata_float_above((double)to.other[c] + (c == which ? second : farthest));
}

static void drift_finish(struct strata_dims dims, struct tables to)
{
    for (size_t c = 0; c < dims.k; c++) {
        to.both[c] = strata_float_above((double)to.own[c] + (double)to.other[c]);
        to.slack[c] = -strata_float_above((double)to.own[c] - (double)to.half_gap[c]);
    }
}

static void fill_half_gaps(struct strata_dims dims, const double *params, float *half_gap)
{
    for (size_t c = 0; c < dims.k; c++) half_gap[c] = HUGE_VALF;
    for (size_t a = 0; a < dims.k; a++) {
        for (size_t b = a + 1; b < dims.k; b++) {
            const double gap =
                strata_centre_distance(params + a * dims.d, params + b * dims.d, dims.d);
            const float half = (float)(gap * 0.5 * ROUND_DOWN);
            if (half < half_gap[a]) half_gap[a] = half;
            if (half < half_gap[b]) half_gap[b] = half;
        }
    }
}

static void prepare(struct strata_dims dims, const double *params, const double *before,
                    enum strata_isa isa, size_t n_rows, void *room)
{
    struct strata_kmeans_pass *pass = room;
    unsigned char *next = (unsigned char *)room + strata_aligned(sizeof *pass);
    const size_t tables_bytes = N_TABLES * strata_aligned(dims.k * sizeof(float));
    const struct tables tables = tables_view(dims, next);
    if (!before) memset(next, 0, tables_bytes);
    next += tables_bytes;
    *pass = (struct strata_kmeans_pass){.isa = isa, .has_bounds = before != NULL};
    pass->drift = (struct strata_drift){dims.k, tables.own, tables.other, tables.both, tables.slack};
    pass->half_gap = tables.half_gap;
    pass->centres = strata_centres_make(dims, params, isa, next);
    if (!before) return;
    next += strata_aligned(strata_centres_bytes(dims));
    drift_on(dims, params, before, tables);
    if (strata_near_bytes(dims) > 0 && n_rows >= LIST_ROWS_A_SEGMENT * dims.k)
        strata_near_make(dims, params, isa, next, tables.half_gap, &pass->near);
    else
        fill_half_gaps(dims, params, tables.half_gap);
    drift_finish(dims, tables);
}

static void accumulate(struct strata_dims dims, const void *pass, const struct strata_block *block,
                       struct strata_tally *tally)
{
    strata_kmeans_rows(dims, pass, block, tally);
}

static void collect(struct strata_dims dims, struct strata_tally *tally, struct strata_sum *sums)
{
    int64_t *mine = tally->sums;
    for (size_t i = 0; i < stat_count(dims); i++) {
        sums[i].value += mine[i];
        mine[i] = 0;
    }
}

/* --- what the sums tell ---------------------------------------------------------------- */

static bool conserved(struct strata_dims dims, const double *params, const struct strata_sum *sums,
                      const struct strata_totals *totals)
{
    (void)params;
    strata_uint128 weight = 0; /* damaged sums may overflow */
    for (size_t c = 0; c < dims.k; c++) weight += (strata_uint128)sums[c].value;
    bool holds = weight == totals->weight;
    for (size_t j = 0; j < dims.d; j++) {
        strata_uint128 column = 0;
        for (size_t c = 0; c < dims.k; c++)
            column += (strata_uint128)sums[dims.k + c * dims.d + j].value;
        holds &= column == (strata_uint128)totals->sum[j].value;
    }
    return holds;
}

static double objective(struct strata_dims dims, const double *params,
                        const struct strata_sum *sums, const struct strata_totals *totals)
{
    const struct strata_sum *count = sums, *sum = sums + dims.k;
    struct strata_sum sse = {0};
    for (size_t j = 0; j < dims.d; j++) sse.value += totals->square[j].value;
    for (size_t c = 0; c < dims.k; c++) {
        for (size_t j = 0; j < dims.d; j++) {
            const strata_int128 centre = (strata_int128)params[c * dims.d + j];
            sse.value -= centre * (2 * sum[c * dims.d + j].value - centre * count[c].value);
        }
    }
    return strata_sum_value(sse);
}

static void maximise(struct strata_dims dims, const struct strata_sum *sums,
                     const struct strata_totals *totals, double *params, double *mass)
{
    (void)totals;
    const struct strata_sum *count = sums, *sum = sums + dims.k;
    for (size_t c = 0; c < dims.k; c++) {
        mass[c] = strata_sum_value(count[c]);
        if (count[c].value == 0) continue;
        for (size_t j = 0; j < dims.d; j++) {
            const size_t cj = c * dims.d + j;
            params[cj] = (double)strata_sum_divide(sum[cj], (uint64_t)count[c].value);
        }
    }
}

static size_t freedom(struct strata_dims dims)
{
    return dims.k * dims.d;
}

static void centres(struct strata_dims dims, const double *params, double *centre)
{
    for (size_t i = 0; i < dims.k * dims.d; i++) centre[i] = params[i];
}

static void terms(struct strata_dims dims, const double *params, double *scale, double *offset)
{
    (void)params;
    for (size_t i = 0; i < dims.k * dims.d; i++) {
        scale[i] = 1.0;
        offset[i] = 0.0;
    }
}

static double shift(struct strata_dims dims, const double *params, const double *next)
{
    double farthest = 0;
    for (size_t c = 0; c < dims.k; c++)
        farthest =
            fmax(farthest, strata_centre_distance(params + c * dims.d, next + c * dims.d, dims.d));
    return farthest;
}

static void place(struct strata_dims dims, size_t segment, const double *centre, double *params)
{
    for (size_t j = 0; j < dims.d; j++) params[segment * dims.d + j] = centre[j];
}

static void select_segments(struct strata_dims dims, const double *params, const size_t *order,
                            size_t n_kept, double *out)
{
    for (size_t s = 0; s < n_kept; s++)
        for (size_t j = 0; j < dims.d; j++) out[s * dims.d + j] = params[order[s] * dims.d + j];
}

/* --- one row --------------------------------------------------------------------------- */

static struct strata_assignment assignment_of(struct strata_nearest near)
{
    const double distance = sqrt((double)near.distance);
    const double second = sqrt((double)near.second);
    double margin = 1.0;
    if (near.runner_up >= 0) margin = near.second > 0 ? 1.0 - distance / second : 0.0;
    return (struct strata_assignment){.label = near.label,
                                      .runner_up = near.runner_up,
                                      .distance = distance,
                                      .posterior = 1.0,
                                      .margin = margin};
}

static void assign(struct strata_dims dims, const double *params, const float *x, size_t n,
                   struct strata_assignment *out)
{
    struct strata_nearest near[STRIP_ROWS];
    for (size_t first = 0; first < n; first += STRIP_ROWS) {
        const size_t rows = n - first < STRIP_ROWS ? n - first : STRIP_ROWS;
        strata_nearest_fill(dims, params, x + first * dims.d, rows, near);
        for (size_t row = 0; row < rows; row++) out[first + row] = assignment_of(near[row]);
    }
}

const struct strata_estimator strata_kmeans = {
    .name = "kmeans",
    .summary = "k-means: compact segments around their means, each customer in one",
    .soft = false,
    .keeps_sums = true,
    .keeps_bounds = true,
    .limbs = 1,
    .param_count = param_count,
    .stat_count = stat_count,
    .pass_bytes = pass_bytes,
    .sums_bytes = sums_bytes,
    .scratch_bytes = strata_kmeans_scratch,
    .block_rows = block_rows,
    .start = start,
    .prepare = prepare,
    .accumulate = accumulate,
    .collect = collect,
    .conserved = conserved,
    .objective = objective,
    .maximise = maximise,
    .freedom = freedom,
    .centres = centres,
    .terms = terms,
    .shift = shift,
    .place = place,
    .select = select_segments,
    .assign = assign,
};
