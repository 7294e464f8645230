/* Warm starts up and down the numbers of segments: what is good for k is nearly good for its
 * neighbours.
 *
 * Up: the segment with the largest SSE is split along the column in which its rows vary most, at one
 * standard deviation to either side of its centre.  Down: the two nearest centres become the mean of
 * their rows.  Both are exact, so the same on all ranks; ties go to the lowest index. */
#include <math.h>
#include <string.h>

#include "cluster/cluster_impl.h"

#define STRIP_ROWS 256

/* What a split is decided by; centre (k, d). */
struct split {
    struct strata_dims dims;
    const double *centre;
    const struct strata_centres *centres;
    uint16_t *label;          /* (rows->n) */
    struct strata_sum *sse;   /* (k) */
    struct strata_sum *along; /* (d) of the worst segment, squares about its centre */
    int64_t *limbs;           /* max(k, d) sums */
};

static int64_t weight_of(const struct strata_rows *rows, size_t row)
{
    return rows->weight ? rows->weight[row] : 1;
}

/* Which segment has the largest SSE.  Collective. */
static size_t worst_segment(const struct strata_fit *heat, struct split *split)
{
    const struct strata_rows *rows = heat->rows;
    const size_t d = rows->d;
    memset(split->sse, 0, split->dims.k * sizeof *split->sse);
    for (size_t first = 0; first < rows->n; first += STRIP_ROWS) {
        const size_t left = rows->n - first, n = left < STRIP_ROWS ? left : STRIP_ROWS;
        (void)strata_centres_look(split->centres, rows->x + first * d, n,
                                  (struct strata_look){.label = split->label + first});
        for (size_t row = first; row < first + n; row++) {
            const size_t c = split->label[row];
            split->sse[c].value += (strata_int128)weight_of(rows, row) *
                                   strata_distance(split->centre + c * d, rows->x + row * d, d);
        }
    }
    strata_sums_reduce(heat->comm, split->sse, split->dims.k, split->limbs);
    size_t worst = 0;
    for (size_t c = 1; c < split->dims.k; c++)
        if (split->sse[c].value > split->sse[worst].value) worst = c;
    return worst;
}

/* The column in which a segment's rows vary most, and their squares along it.  Collective. */
static size_t widest_column(const struct strata_fit *heat, struct split *split, size_t segment)
{
    const struct strata_rows *rows = heat->rows;
    const size_t d = rows->d;
    const double *centre = split->centre + segment * d;
    memset(split->along, 0, d * sizeof *split->along);
    for (size_t row = 0; row < rows->n; row++) {
        if (split->label[row] != segment) continue;
        for (size_t j = 0; j < d; j++) {
            const int64_t step = (int64_t)rows->x[row * d + j] - (int64_t)centre[j];
            split->along[j].value += (strata_int128)weight_of(rows, row) * (step * step);
        }
    }
    strata_sums_reduce(heat->comm, split->along, d, split->limbs);
    size_t widest = 0;
    for (size_t j = 1; j < d; j++)
        if (split->along[j].value > split->along[widest].value) widest = j;
    return widest;
}

/* The k + 1 centres in place of k.  Collective. */
static void split_worst(const struct strata_fit *heat, struct split *split, const double *mass,
                        double *out)
{
    const size_t k = split->dims.k, d = split->dims.d;
    const size_t worst = worst_segment(heat, split), column = widest_column(heat, split, worst);
    const double variance =
        mass[worst] > 0 ? strata_sum_value(split->along[column]) / mass[worst] : 0;
    const double step = floor(sqrt(variance));
    memcpy(out, split->centre, k * d * sizeof *out);
    memcpy(out + k * d, split->centre + worst * d, d * sizeof *out);
    double *one = out + worst * d + column, *other = out + k * d + column;
    *one = fmax(*one - step, -(double)(1 << STRATA_GRID_BITS));
    *other = fmin(*other + step, (double)(1 << STRATA_GRID_BITS));
}

/* The k - 1 centres in place of k: the two nearest joined, the last one moved to the free place. */
static void join_nearest(struct strata_dims dims, const double *centre, const double *mass,
                         double *out)
{
    const size_t k = dims.k, d = dims.d;
    size_t a = 0, b = 1;
    double nearest = HUGE_VAL;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = i + 1; j < k; j++) {
            double square = 0;
            for (size_t l = 0; l < d; l++) {
                const double step = centre[i * d + l] - centre[j * d + l];
                square += step * step;
            }
            if (square < nearest) {
                nearest = square;
                a = i;
                b = j;
            }
        }
    }
    memcpy(out, centre, (k - 1) * d * sizeof *out);
    const strata_int128 n_a = (strata_int128)mass[a], n_b = (strata_int128)mass[b];
    for (size_t l = 0; l < d; l++) {
        const struct strata_sum both = {n_a * (int64_t)centre[a * d + l] +
                                        n_b * (int64_t)centre[b * d + l]};
        if (b < k - 1) out[b * d + l] = centre[(k - 1) * d + l];
        if (n_a + n_b > 0) out[a * d + l] = (double)strata_sum_divide(both, (uint64_t)(n_a + n_b));
    }
}

static bool split_init(const struct strata_fit *heat, struct strata_arena *room, struct split *split)
{
    const size_t k = heat->k_to, d = heat->rows->d;
    split->label = STRATA_NEW(room, uint16_t, heat->rows->n);
    split->sse = STRATA_NEW(room, struct strata_sum, k);
    split->along = STRATA_NEW(room, struct strata_sum, d);
    split->limbs = STRATA_NEW(room, int64_t, (k > d ? k : d) * STRATA_SUM_LIMBS);
    return split->label && split->sse && split->along && split->limbs;
}

/* The candidate of the ladder for the i-th k, made from the best of its lower or upper neighbour. */
static size_t ladder_index(const struct strata_fit *heat, size_t i, enum strata_origin origin)
{
    const size_t seeded = heat->out->n_k * heat->starts, steps = heat->out->n_k - 1;
    return origin == STRATA_ORIGIN_SPLIT ? seeded + i - 1 : seeded + steps + i;
}

struct rung {
    double *centre, *changed; /* (k_to, d) */
    void *room;               /* of the kernels' centres */
    struct split split;
};

static bool rung_init(const struct strata_fit *heat, struct strata_arena *scratch, struct rung *rung)
{
    const struct strata_dims largest = {.k = heat->k_to, .d = heat->rows->d};
    rung->centre = STRATA_NEW(scratch, double, largest.k *largest.d);
    rung->changed = STRATA_NEW(scratch, double, largest.k *largest.d);
    rung->room = strata_arena_take(scratch, strata_centres_bytes(largest), 64, 1);
    return rung->centre && rung->changed && rung->room && split_init(heat, scratch, &rung->split);
}

/* From the best of the i-th k to an entrant of its neighbour.  Collective for a split. */
static void step_to(const struct strata_fit *heat, size_t i, enum strata_origin origin,
                    struct rung *rung, double *params)
{
    const struct strata_finalist *from = &heat->race->finalist[i * STRATA_FINALISTS];
    const struct strata_dims dims = {.k = heat->k_from + i, .d = heat->rows->d};
    heat->estimator->centres(dims, from->params, rung->centre);
    struct strata_dims to = dims;
    if (origin == STRATA_ORIGIN_SPLIT) {
        to.k++;
        rung->split.dims = dims;
        rung->split.centre = rung->centre;
        rung->split.centres = strata_centres_make(dims, rung->centre, heat->isa, rung->room);
        split_worst(heat, &rung->split, from->mass, rung->changed);
    } else {
        to.k--;
        join_nearest(dims, rung->centre, from->mass, rung->changed);
    }
    heat->estimator->start(to, rung->changed, heat->spread, params);
}

strata_status strata_fit_ladder(struct strata_fit *heat, struct strata_entrant *out, size_t *n_out,
                                struct strata_err *err)
{
    const size_t n_k = heat->out->n_k, d = heat->rows->d;
    *n_out = 0;
    if (n_k < 2 || heat->asked_to_stop) return STRATA_OK;
    double **params = STRATA_NEW(&heat->room, double *, 2 * n_k);
    bool room = params != NULL;
    for (size_t i = 0; i < 2 * n_k && room; i++) {
        const struct strata_dims dims = {.k = heat->k_from + i / 2, .d = d};
        params[i] = STRATA_NEW(&heat->room, double, heat->estimator->param_count(dims));
        room = params[i] != NULL;
    }
    struct strata_arena scratch = heat->room;
    struct rung rung = {0};
    strata_status status = STRATA_OK;
    if (!room || !rung_init(heat, &scratch, &rung))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for warm starts of %zu models", n_k);
    STRATA_TRY(strata_comm_agree(heat->comm, status, err));
    STRATA_REQUIRE(params != NULL); /* all ranks have agreed */

    for (size_t i = 0; i < n_k; i++) {
        const enum strata_origin origin[] = {STRATA_ORIGIN_SPLIT, STRATA_ORIGIN_JOINED};
        for (size_t o = 0; o < 2; o++) {
            const size_t from = origin[o] == STRATA_ORIGIN_SPLIT ? i - 1 : i + 1;
            if (from >= n_k || !heat->race->finalist[from * STRATA_FINALISTS].filled) continue;
            step_to(heat, from, origin[o], &rung, params[2 * i + o]);
            out[(*n_out)++] = (struct strata_entrant){.index = ladder_index(heat, i, origin[o]),
                                                      .params = params[2 * i + o]};
        }
    }
    return STRATA_OK;
}
