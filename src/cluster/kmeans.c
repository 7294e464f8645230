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
 * move of the others; half the gap to the nearest other centre will do as well.  Bounds are rounded
 * outward, so the labels are those of the full evaluation.
 *
 * Bits: |x| <= 2^24 and weights below 2^39 in all, so sums fit int64.
 *
 * Cost: 2 n k d operations for a full pass, O(n) plus 2 k d for each row that is looked at with
 * bounds; k^2 d once a pass for the gaps between centres.
 *
 * Source: (Lloyd, 1982; Hamerly, 2010) in README.md. */
#include <math.h>
#include <string.h>

#include "strata/estimator.h"

#define STRIP_ROWS 256    /* rows between kernel and sums */
#define COPY_FLOATS 16384 /* of rows that are looked at again, side by side: 64 KiB */
#define FULL_LOOK_SHARE \
    3 / 4 /* of a strip's rows: then all of them are looked at, without copies */
#define OWN_FIRST_SEGMENTS 24 /* from here on a look at the own centre alone may save the others */
#define ROUND_UP (1 + 0x1p-22)
#define ROUND_DOWN (1 - 0x1p-22)

/* What a pass needs of its params. */
struct pass {
    const struct strata_centres *centres;
    struct strata_ageing ageing;
    enum strata_isa isa;
    bool has_bounds; /* those of the last pass hold */
};

/* One thread's sums. */
struct means {
    int64_t *count; /* (k) */
    int64_t *sum;   /* (k, d) */
};

/* One thread's room for rows that are looked at again. */
struct copies {
    float x[COPY_FLOATS];
    uint32_t row[STRIP_ROWS]; /* of the strip */
    uint16_t label[STRIP_ROWS];
    float upper[STRIP_ROWS], lower[STRIP_ROWS];
    size_t n;
};

static size_t aligned(size_t n_bytes)
{
    return (n_bytes + 63) & ~(size_t)63;
}

static struct means means_view(struct strata_dims dims, void *sums)
{
    int64_t *count = sums;
    return (struct means){.count = count, .sum = count + dims.k};
}

static void *label_sums_room(struct strata_tally *tally)
{
    return (unsigned char *)tally->scratch + aligned(sizeof(struct copies));
}

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
    return aligned(sizeof(struct pass)) + 3 * aligned(dims.k * sizeof(float)) +
           strata_centres_bytes(dims);
}

static size_t sums_bytes(struct strata_dims dims)
{
    return stat_count(dims) * sizeof(int64_t);
}

static size_t scratch_bytes(struct strata_dims dims)
{
    return aligned(sizeof(struct copies)) + strata_label_sums_scratch(dims);
}

static void start(struct strata_dims dims, const double *centre, const double *spread,
                  double *params)
{
    (void)spread;
    for (size_t i = 0; i < dims.k * dims.d; i++) params[i] = centre[i];
}

/* --- how bounds age -------------------------------------------------------------------- */

/* Grid integers: each difference is exact, the sum of squares is off by d roundings at most. */
static double distance_of_centres(const double *a, const double *b, size_t d)
{
    double square = 0;
    for (size_t j = 0; j < d; j++) square += (a[j] - b[j]) * (a[j] - b[j]);
    return sqrt(square);
}

static void fill_moves(struct strata_dims dims, const double *params, const double *before,
                       float *own, float *other)
{
    float farthest = 0, second = 0;
    size_t which = 0;
    for (size_t c = 0; c < dims.k; c++) {
        const size_t at = c * dims.d;
        own[c] = (float)(distance_of_centres(params + at, before + at, dims.d) * ROUND_UP);
        if (own[c] > farthest) {
            second = farthest;
            farthest = own[c];
            which = c;
        } else if (own[c] > second) {
            second = own[c];
        }
    }
    for (size_t c = 0; c < dims.k; c++) other[c] = c == which ? second : farthest;
}

static void fill_half_gaps(struct strata_dims dims, const double *params, float *half_gap)
{
    for (size_t c = 0; c < dims.k; c++) half_gap[c] = HUGE_VALF;
    for (size_t a = 0; a < dims.k; a++) {
        for (size_t b = a + 1; b < dims.k; b++) {
            const double gap = distance_of_centres(params + a * dims.d, params + b * dims.d, dims.d);
            const float half = (float)(gap * 0.5 * ROUND_DOWN);
            if (half < half_gap[a]) half_gap[a] = half;
            if (half < half_gap[b]) half_gap[b] = half;
        }
    }
}

static void prepare(struct strata_dims dims, const double *params, const double *before,
                    enum strata_isa isa, void *room)
{
    struct pass *pass = room;
    unsigned char *next = (unsigned char *)room + aligned(sizeof *pass);
    float *table[3];
    for (size_t i = 0; i < 3; i++) {
        table[i] = (float *)(void *)next;
        next += aligned(dims.k * sizeof(float));
    }
    pass->isa = isa;
    pass->has_bounds = before != NULL;
    pass->centres = strata_centres_make(dims, params, isa, next);
    if (!before) return;
    fill_moves(dims, params, before, table[0], table[1]);
    fill_half_gaps(dims, params, table[2]);
    pass->ageing = (struct strata_ageing){table[0], table[1], table[2]};
}

/* --- rows ------------------------------------------------------------------------------ */

static struct strata_block strip_of(const struct strata_block *block, size_t d, size_t first,
                                    size_t n)
{
    return (struct strata_block){.x = block->x + first * d,
                                 .weight = block->weight ? block->weight + first : NULL,
                                 .n = n,
                                 .label = block->label + first,
                                 .upper = block->upper ? block->upper + first : NULL,
                                 .lower = block->lower ? block->lower + first : NULL};
}

static void move_row(struct strata_dims dims, const struct strata_block *strip, size_t row,
                     uint16_t from, struct strata_tally *tally)
{
    const struct means to = means_view(dims, tally->sums);
    strata_label_sums_move(dims, strip->x + row * dims.d, strip->weight ? strip->weight[row] : 1,
                           from, strip->label[row], to.count, to.sum);
    tally->moved++;
}

/* Look at all rows of a strip, and move those whose labels changed. */
static void look_at_all(struct strata_dims dims, const struct pass *pass,
                        const struct strata_block *strip, struct strata_tally *tally)
{
    uint16_t before[STRIP_ROWS];
    memcpy(before, strip->label, strip->n * sizeof *before);
    (void)strata_centres_look(pass->centres, strip->x, strip->n,
                              (struct strata_look){strip->label, strip->upper, strip->lower});
    tally->looked += strip->n;
    if (before[0] == STRATA_NO_LABEL) { /* then all of them are new */
        const struct means to = means_view(dims, tally->sums);
        strata_label_sums_add(dims, pass->isa, strip->x, strip->weight, strip->n, strip->label,
                              label_sums_room(tally), to.count, to.sum);
        tally->moved += strip->n;
        return;
    }
    for (size_t row = 0; row < strip->n; row++)
        if (before[row] != strip->label[row]) move_row(dims, strip, row, before[row], tally);
}

/* Bring the rows of a strip together, so that kernels see them as neighbours. */
static void copy_rows(size_t d, const struct strata_block *strip, const uint32_t *row, size_t n,
                      struct copies *to)
{
    for (size_t i = 0; i < n; i++) {
        const size_t from = row[i];
        memcpy(to->x + i * d, strip->x + from * d, d * sizeof(float));
        to->row[i] = row[i];
        to->label[i] = strip->label[from];
        to->lower[i] = strip->lower[from];
    }
    to->n = n;
}

/* The true distance to the own centre may be enough after all; what is left stays in copies. */
static void settle_by_own(size_t d, const struct pass *pass, const struct strata_block *strip,
                          struct copies *copies)
{
    strata_centres_own(pass->centres, copies->x, copies->n, copies->label, copies->upper);
    size_t n = 0;
    for (size_t i = 0; i < copies->n; i++) {
        const uint16_t own = copies->label[i];
        const float gap = pass->ageing.half_gap[own];
        const float reach = copies->lower[i] > gap ? copies->lower[i] : gap;
        strip->upper[copies->row[i]] = copies->upper[i];
        if (copies->upper[i] < reach) continue;
        if (n != i) {
            memcpy(copies->x + n * d, copies->x + i * d, d * sizeof(float));
            copies->row[n] = copies->row[i];
            copies->label[n] = own;
        }
        n++;
    }
    copies->n = n;
}

static void look_at_copies(struct strata_dims dims, const struct pass *pass,
                           const struct strata_block *strip, struct copies *copies,
                           struct strata_tally *tally)
{
    (void)strata_centres_look(pass->centres, copies->x, copies->n,
                              (struct strata_look){copies->label, copies->upper, copies->lower});
    tally->looked += copies->n;
    for (size_t i = 0; i < copies->n; i++) {
        const size_t row = copies->row[i];
        const uint16_t before = strip->label[row];
        strip->upper[row] = copies->upper[i];
        strip->lower[row] = copies->lower[i];
        strip->label[row] = copies->label[i];
        if (before != copies->label[i]) move_row(dims, strip, row, before, tally);
    }
}

/* Look only at the rows that may have moved. */
static void look_again(struct strata_dims dims, const struct pass *pass,
                       const struct strata_block *strip, struct strata_tally *tally)
{
    struct copies *copies = tally->scratch;
    uint32_t row[STRIP_ROWS];
    const size_t n =
        strata_bounds_age(&pass->ageing, strip->label, strip->upper, strip->lower, strip->n, row);
    if (n > strip->n * FULL_LOOK_SHARE) {
        look_at_all(dims, pass, strip, tally);
        return;
    }
    const size_t at_once = COPY_FLOATS / dims.d < STRIP_ROWS ? COPY_FLOATS / dims.d : STRIP_ROWS;
    for (size_t first = 0; first < n; first += at_once) {
        copy_rows(dims.d, strip, row + first, n - first < at_once ? n - first : at_once, copies);
        if (dims.k >= OWN_FIRST_SEGMENTS) settle_by_own(dims.d, pass, strip, copies);
        if (copies->n > 0) look_at_copies(dims, pass, strip, copies, tally);
    }
}

static void accumulate(struct strata_dims dims, const void *prepared,
                       const struct strata_block *block, struct strata_tally *tally)
{
    const struct pass *pass = prepared;
    for (size_t first = 0; first < block->n; first += STRIP_ROWS) {
        const size_t left = block->n - first;
        const struct strata_block strip =
            strip_of(block, dims.d, first, left < STRIP_ROWS ? left : STRIP_ROWS);
        if (pass->has_bounds && strip.upper)
            look_again(dims, pass, &strip, tally);
        else
            look_at_all(dims, pass, &strip, tally);
    }
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

static bool conserved(struct strata_dims dims, const struct strata_sum *sums,
                      const struct strata_totals *totals)
{
    strata_int128 weight = 0;
    for (size_t c = 0; c < dims.k; c++) weight += sums[c].value;
    bool holds = weight == (strata_int128)totals->weight;
    for (size_t j = 0; j < dims.d; j++) {
        strata_int128 column = 0;
        for (size_t c = 0; c < dims.k; c++) column += sums[dims.k + c * dims.d + j].value;
        holds &= column == totals->sum[j].value;
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

static double shift(struct strata_dims dims, const double *params, const double *next)
{
    double farthest = 0;
    for (size_t c = 0; c < dims.k; c++)
        farthest =
            fmax(farthest, distance_of_centres(params + c * dims.d, next + c * dims.d, dims.d));
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
    .scratch_bytes = scratch_bytes,
    .start = start,
    .prepare = prepare,
    .accumulate = accumulate,
    .collect = collect,
    .conserved = conserved,
    .objective = objective,
    .maximise = maximise,
    .freedom = freedom,
    .centres = centres,
    .shift = shift,
    .place = place,
    .select = select_segments,
    .assign = assign,
};
