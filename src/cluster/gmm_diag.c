/* A mixture of Gaussians with diagonal covariances, fitted by expectation and maximisation (EM).
 *
 * Objective: minus the log-likelihood of the rows, each row's term rounded to 2^-24.
 *
 * Params: weight (k), mean (k, d) in grid integers, variance (k, d) in squared grid units, the
 * floor of each column's variance (d), and what follows from them: the constant of the log-density
 * (k) and the precision (k, d).
 *
 * Sums: the log-likelihood's terms, and the same again; count (k) of rows by label, mass (k) = sum of R,
 * sum (k, d) of R t, square (k, d) of R t^2, where R is a responsibility in units of 2^-24 and
 * t = x - mean under the params of the pass.  A row with the case weight w counts w times in each of them.
 *
 * Conservation: as a row's R are 2^24 in all, moments about the means tell those about 0, in integers:
 * over the segments, sum + mean mass is 2^24 times the column's total, square + 2 mean sum + mean^2 mass that
 * of its squares.  Nothing else tells the log-likelihood, so it is summed twice.
 *
 * Update: weight = mass / n; mean += s = round(sum / mass); the variance about the new mean is
 * (square - 2 s sum + s^2 mass) / mass, its numerator an exact integer; then the floor.
 *
 * Floor: a variance is at least 2^-13 of its column's variance over all rows, and at least one grid
 * unit squared.
 *
 * Numerics: a row's densities are the same sequence of operations on every path, columns in order,
 * one lane a row.  R is rounded to the nearest for all segments but the row's own (the largest,
 * lowest index on ties), whose R is the remainder: so they sum to 2^24 exactly, and the remainder,
 * at least 2^14 - 512, is never negative.
 *
 * Bits: R <= 2^24 and |t| <= 2^25, so R t <= 2^49.  t^2 <= 2^50 is split at bit 25 into two halves
 * of at most 25 bits, so R times a half is at most 2^49 too.  LANES = 16 rows sum to at most 2^53,
 * exactly held by a double; then they go to 128 bits, where R t^2 <= 2^74 leaves room for 2^52
 * rows.  A row's log-likelihood is above -2^60: its term is below 2^84, room for 2^43 rows.
 * With weights, w <= 2^20 and at most 2^39 in all: w R <= 2^44 is an int64, w R t^2 <= 2^94 is added in
 * 128 bits row by row and stays below 2^113 in all, the log-likelihood below 2^123, a mass below 2^63.
 *
 * Descent: the log-likelihood can fall by the rounding of R only, at most k 2^-24 a row.
 *
 * Cost: O(n k d) and k exponentials a row for each pass.
 *
 * Sources: (Dempster, Laird & Rubin, 1977; Fraley & Raftery, 2002) in README.md. */
#include <math.h>
#include <string.h>

#include "strata/estimator.h"
#include "strata/math_sums.h"

#include "strata/lanes.h"

#define LOG_2_PI 1.8378770664093453
#define SUM_LIMIT 0x1p62  /* of the integers that are added up */
#define STEP_LIMIT 0x1p31 /* of those that are squared */
#define UNIT 0x1p24       /* responsibilities and log-likelihoods are multiples of 1 / UNIT */
#define VARIANCE_FLOOR \
    0x1p-13               /* of the column's variance: a standard deviation of about a ninetieth */
#define SPLIT 0x1p25      /* where t^2 is cut in two */
#define ROUNDING 0x1.8p52 /* adding and subtracting it rounds to the nearest integer */

struct mixture {
    double *weight;    /* (k) */
    double *constant;  /* (k) log weight minus half the log of the density's norm */
    double *mean;      /* (k, d) */
    double *variance;  /* (k, d) */
    double *precision; /* (k, d) */
    double *floor;     /* (d) */
};

struct moments {
    struct strata_sum *objective;
    struct strata_sum *twin;   /* the same, so that a change of either shows */
    struct strata_sum *count;  /* (k) */
    struct strata_sum *mass;   /* (k) */
    struct strata_sum *sum;    /* (k, d) */
    struct strata_sum *square; /* (k, d) */
};

/* One tile under the params: index [segment][lane]. */
struct densities {
    double square[STRATA_MAX_SEGMENTS][LANES]; /* Mahalanobis distance, squared */
    double log[STRATA_MAX_SEGMENTS][LANES];    /* log of weight times density */
    double share[STRATA_MAX_SEGMENTS][LANES];  /* responsibility in units of 2^-24, an integer */
    size_t label[LANES];
    double log_likelihood[LANES];
};

/* A thread's tile and what is known of it. */
struct workplace {
    union lanes tile;
    struct densities of;
};

static size_t param_count(struct strata_dims dims)
{
    return 2 * dims.k + 3 * dims.k * dims.d + dims.d;
}

static size_t stat_count(struct strata_dims dims)
{
    return 2 + 2 * dims.k + 2 * dims.k * dims.d;
}

static size_t pass_bytes(struct strata_dims dims)
{
    (void)dims;
    return sizeof(const double *); /* the params are all that a pass needs */
}

static size_t sums_bytes(struct strata_dims dims)
{
    return stat_count(dims) * sizeof(struct strata_sum);
}

static size_t block_rows(struct strata_dims dims)
{
    (void)dims;
    return 4096;
}

static size_t scratch_bytes(struct strata_dims dims)
{
    (void)dims;
    return sizeof(struct workplace);
}

static struct mixture mixture_view(struct strata_dims dims, double *params)
{
    const size_t kd = dims.k * dims.d;
    struct mixture m = {.weight = params};
    m.constant = m.weight + dims.k;
    m.mean = m.constant + dims.k;
    m.variance = m.mean + kd;
    m.precision = m.variance + kd;
    m.floor = m.precision + kd;
    return m;
}

/* For readers: nothing is written through the view. */
static struct mixture mixture_read(struct strata_dims dims, const double *params)
{
    union {
        const double *read;
        double *write;
    } same = {.read = params};
    return mixture_view(dims, same.write);
}

static struct moments moments_view(struct strata_dims dims, struct strata_sum *sums)
{
    struct moments m = {.objective = sums, .twin = sums + 1, .count = sums + 2};
    m.mass = m.count + dims.k;
    m.sum = m.mass + dims.k;
    m.square = m.sum + dims.k * dims.d;
    return m;
}

static struct moments moments_read(struct strata_dims dims, const struct strata_sum *sums)
{
    union {
        const struct strata_sum *read;
        struct strata_sum *write;
    } same = {.read = sums};
    return moments_view(dims, same.write);
}

/* What follows from weights and variances; variances below the floor are raised to it. */
static void complete(struct strata_dims dims, struct mixture m)
{
    for (size_t c = 0; c < dims.k; c++) {
        double log_norm = 0;
        for (size_t j = 0; j < dims.d; j++) {
            const size_t cj = c * dims.d + j;
            if (!(m.variance[cj] > m.floor[j])) m.variance[cj] = m.floor[j];
            m.precision[cj] = 1.0 / m.variance[cj];
            log_norm += LOG_2_PI + strata_log(m.variance[cj]);
        }
        m.constant[c] = strata_log(m.weight[c]) - 0.5 * log_norm;
    }
}

static void weights_normalise(struct strata_dims dims, struct mixture m)
{
    double total = 0;
    for (size_t c = 0; c < dims.k; c++) total += m.weight[c];
    for (size_t c = 0; c < dims.k; c++) m.weight[c] /= total;
}

/* Small variances at first make the first pass nearly a hard one, which sets them right. */
static void start(struct strata_dims dims, const double *centre, const double *spread,
                  double *params)
{
    const struct mixture m = mixture_view(dims, params);
    const double narrow = 1.0 / (double)(dims.k * dims.k);
    for (size_t j = 0; j < dims.d; j++) {
        const double floor_of_column = spread[j] * VARIANCE_FLOOR;
        m.floor[j] = floor_of_column > 1.0 ? floor_of_column : 1.0;
    }
    for (size_t c = 0; c < dims.k; c++) {
        m.weight[c] = 1.0 / (double)dims.k;
        for (size_t j = 0; j < dims.d; j++) {
            m.mean[c * dims.d + j] = centre[c * dims.d + j];
            m.variance[c * dims.d + j] = spread[j] * narrow;
        }
    }
    complete(dims, m);
}

static void densities_fill(struct strata_dims dims, struct mixture m, const union lanes *tile,
                           struct densities *out)
{
    for (size_t c = 0; c < dims.k; c++) {
        pair square[PAIRS] = {0};
        for (size_t j = 0; j < dims.d; j++) {
            const pair mean = pair_of(m.mean[c * dims.d + j]);
            const pair precision = pair_of(m.precision[c * dims.d + j]);
            for (size_t p = 0; p < PAIRS; p++) {
                const pair t = tile->pair[j][p] - mean;
                square[p] += t * t * precision;
            }
        }
        for (size_t lane = 0; lane < LANES; lane++) {
            out->square[c][lane] = square[lane / 2][lane % 2];
            out->log[c][lane] = m.constant[c] - 0.5 * out->square[c][lane];
        }
    }
}

/* The row's own segment, log-likelihood and responsibilities: share is left in [0, 1], not yet on the grid. */
static void shares_of_lane(size_t k, size_t lane, struct densities *of)
{
    size_t best = 0;
    for (size_t c = 1; c < k; c++)
        if (of->log[c][lane] > of->log[best][lane]) best = c;
    const double top = of->log[best][lane];
    double total = 0;
    for (size_t c = 0; c < k; c++) {
        of->share[c][lane] = c == best ? 1.0 : strata_exp(of->log[c][lane] - top);
        total += of->share[c][lane];
    }
    for (size_t c = 0; c < k; c++) of->share[c][lane] /= total;
    of->label[lane] = best;
    of->log_likelihood[lane] = top + strata_log(total);
}

static void shares_to_grid(size_t k, size_t lane, struct densities *of)
{
    double rest = UNIT;
    for (size_t c = 0; c < k; c++) {
        if (c == of->label[lane]) continue;
        of->share[c][lane] = rint(of->share[c][lane] * UNIT);
        rest -= of->share[c][lane];
    }
    of->share[of->label[lane]][lane] = rest;
}

/* As an integer.  What is as large as the limit, as only a fault of the memory makes it, counts as 0: the sums tell. */
static int64_t whole(double value, double limit)
{
    return fabs(value) < limit ? (int64_t)value : 0;
}

/* Add one segment's moments over the lanes of a tile.  Lanes without a share add nothing. */
static void moments_add(struct strata_dims dims, size_t c, const double *mean,
                        const union lanes *tile, const double *share, struct moments to)
{
    double mass = 0;
    for (size_t lane = 0; lane < LANES; lane++) mass += share[lane];
    if (!(mass > 0)) return;
    to.mass[c].value += whole(mass, SUM_LIMIT);
    for (size_t j = 0; j < dims.d; j++) {
        pair sum = {0}, high = {0}, low = {0};
        for (size_t p = 0; p < PAIRS; p++) {
            const pair r = {share[2 * p], share[2 * p + 1]};
            const pair t = tile->pair[j][p] - mean[j];
            const pair upper = (t * t * (1.0 / SPLIT) + ROUNDING) - ROUNDING;
            sum += r * t;
            high += r * upper;
            low += r * (t * t - upper * SPLIT);
        }
        to.sum[c * dims.d + j].value += whole(sum[0] + sum[1], SUM_LIMIT);
        to.square[c * dims.d + j].value +=
            (strata_int128)whole(high[0] + high[1], SUM_LIMIT) * (int64_t)SPLIT +
            whole(low[0] + low[1], SUM_LIMIT);
    }
}

/* The same for rows that have a case weight: term by term in integers. */
static void moments_add_weighted(struct strata_dims dims, size_t c, const double *mean,
                                 const union lanes *tile, const double *share,
                                 const uint32_t *weight, size_t rows, struct moments to)
{
    for (size_t lane = 0; lane < rows; lane++) {
        const strata_int128 r = whole(share[lane], STEP_LIMIT) * (int64_t)weight[lane];
        if (r == 0) continue;
        to.mass[c].value += r;
        for (size_t j = 0; j < dims.d; j++) {
            const int64_t t = whole(tile->x[j][lane] - mean[j], STEP_LIMIT);
            to.sum[c * dims.d + j].value += r * t;
            to.square[c * dims.d + j].value += r * (t * t);
        }
    }
}

static void prepare(struct strata_dims dims, const double *params, const double *before,
                    enum strata_isa isa, size_t n_rows, void *pass)
{
    (void)dims, (void)before, (void)isa, (void)n_rows;
    memcpy(pass, &params, sizeof params);
}

static void accumulate_tile(struct strata_dims dims, struct mixture m,
                            const struct strata_block *block, size_t first, size_t rows,
                            struct workplace *work, struct strata_tally *tally)
{
    const struct moments to = moments_view(dims, tally->sums);
    struct densities *of = &work->of;
    const uint32_t *weight = block->weight ? block->weight + first : NULL;
    lanes_load(&work->tile, block->x + first * dims.d, rows, dims.d);
    densities_fill(dims, m, &work->tile, of);
    for (size_t lane = 0; lane < rows; lane++) {
        shares_of_lane(dims.k, lane, of);
        shares_to_grid(dims.k, lane, of);
        const uint16_t now = (uint16_t)of->label[lane];
        tally->moved += block->label[first + lane] != now;
        block->label[first + lane] = now;
        const strata_int128 w = weight ? weight[lane] : 1;
        to.count[now].value += w;
        const strata_int128 term = w * whole(rint(of->log_likelihood[lane] * UNIT), SUM_LIMIT);
        to.objective->value += term;
        to.twin->value += term;
    }
    for (size_t c = 0; c < dims.k; c++) {
        const double *mean = m.mean + c * dims.d;
        if (weight) {
            moments_add_weighted(dims, c, mean, &work->tile, of->share[c], weight, rows, to);
            continue;
        }
        for (size_t lane = rows; lane < LANES; lane++) of->share[c][lane] = 0;
        moments_add(dims, c, mean, &work->tile, of->share[c], to);
    }
}

static void accumulate(struct strata_dims dims, const void *pass, const struct strata_block *block,
                       struct strata_tally *tally)
{
    const double *params = NULL;
    memcpy(&params, pass, sizeof params);
    const struct mixture m = mixture_read(dims, params);
    for (size_t first = 0; first < block->n; first += LANES) {
        const size_t left = block->n - first;
        accumulate_tile(dims, m, block, first, left < LANES ? left : LANES, tally->scratch, tally);
    }
    tally->looked += block->n;
}

static void collect(struct strata_dims dims, struct strata_tally *tally, struct strata_sum *sums)
{
    struct strata_sum *mine = tally->sums;
    for (size_t i = 0; i < stat_count(dims); i++) {
        sums[i].value += mine[i].value;
        mine[i].value = 0;
    }
}

/* A column's moments about 0, in units of 2^-24, by those about the means; sums that were damaged may
 * overflow, but not without being told. */
static bool column_conserved(struct strata_dims dims, struct mixture m, struct moments from,
                             size_t j, const struct strata_totals *totals)
{
    strata_uint128 sum = 0, square = 0;
    for (size_t c = 0; c < dims.k; c++) {
        const size_t cj = c * dims.d + j;
        const strata_uint128 mean = (strata_uint128)whole(m.mean[cj], SUM_LIMIT),
                             mass = (strata_uint128)from.mass[c].value;
        const strata_uint128 of_sum = (strata_uint128)from.sum[cj].value;
        sum += of_sum + mean * mass;
        square += (strata_uint128)from.square[cj].value + mean * (2 * of_sum + mean * mass);
    }
    return sum == (strata_uint128)totals->sum[j].value * (strata_uint128)(int64_t)UNIT &&
           square == (strata_uint128)totals->square[j].value * (strata_uint128)(int64_t)UNIT;
}

/* Every row's responsibilities are one in all, and so is what they are shares of. */
static bool conserved(struct strata_dims dims, const double *params, const struct strata_sum *sums,
                      const struct strata_totals *totals)
{
    const struct mixture m = mixture_read(dims, params);
    const struct moments from = moments_read(dims, sums);
    strata_uint128 rows = 0, mass = 0;
    for (size_t c = 0; c < dims.k; c++) {
        rows += (strata_uint128)from.count[c].value;
        mass += (strata_uint128)from.mass[c].value;
    }
    bool holds = rows == totals->weight && mass == (strata_uint128)totals->weight * (int64_t)UNIT &&
                 from.objective->value == from.twin->value;
    for (size_t j = 0; j < dims.d; j++) holds &= column_conserved(dims, m, from, j, totals);
    return holds;
}

static void maximise_segment(struct strata_dims dims, size_t c, struct moments from,
                             struct mixture m)
{
    const strata_int128 mass = from.mass[c].value;
    for (size_t j = 0; j < dims.d; j++) {
        const size_t cj = c * dims.d + j;
        const strata_int128 step = strata_sum_divide(from.sum[cj], (uint64_t)mass);
        const struct strata_sum about_new_mean = {
            from.square[cj].value - 2 * step * from.sum[cj].value + step * step * mass};
        m.mean[cj] += (double)(int64_t)step;
        m.variance[cj] = strata_sum_value(about_new_mean) / (double)(uint64_t)mass;
    }
}

static void maximise(struct strata_dims dims, const struct strata_sum *sums,
                     const struct strata_totals *totals, double *params, double *mass)
{
    const struct mixture m = mixture_view(dims, params);
    const struct moments from = moments_read(dims, sums);
    for (size_t c = 0; c < dims.k; c++) {
        mass[c] = strata_sum_value(from.count[c]);
        const int64_t weight =
            from.mass[c].value > 0 ? (int64_t)from.mass[c].value : 1; /* never log 0 */
        m.weight[c] = (double)weight / ((double)totals->weight * UNIT);
        if (from.mass[c].value > 0) maximise_segment(dims, c, from, m);
    }
    complete(dims, m);
}

static double objective(struct strata_dims dims, const double *params,
                        const struct strata_sum *sums, const struct strata_totals *totals)
{
    (void)params, (void)totals;
    return -(strata_sum_value(*moments_read(dims, sums).objective) / UNIT);
}

static size_t freedom(struct strata_dims dims)
{
    return dims.k - 1 + 2 * dims.k * dims.d;
}

static void centres(struct strata_dims dims, const double *params, double *centre)
{
    const struct mixture m = mixture_read(dims, params);
    for (size_t i = 0; i < dims.k * dims.d; i++) centre[i] = m.mean[i];
}

static void terms(struct strata_dims dims, const double *params, double *scale, double *offset)
{
    const struct mixture m = mixture_read(dims, params);
    for (size_t i = 0; i < dims.k * dims.d; i++) {
        scale[i] = 0.5 * m.precision[i];
        offset[i] = -0.5 * (LOG_2_PI + strata_log(m.variance[i]));
    }
}

static double shift(struct strata_dims dims, const double *params, const double *next)
{
    const struct mixture from = mixture_read(dims, params), to = mixture_read(dims, next);
    double farthest = 0;
    for (size_t c = 0; c < dims.k; c++) {
        double square = 0;
        for (size_t j = 0; j < dims.d; j++) {
            const double step = to.mean[c * dims.d + j] - from.mean[c * dims.d + j];
            square += step * step;
        }
        farthest = fmax(farthest, sqrt(square));
    }
    return farthest;
}

/* The placed segment gets the mean variance of all and the weight of an average one. */
static void place(struct strata_dims dims, size_t segment, const double *centre, double *params)
{
    const struct mixture m = mixture_view(dims, params);
    for (size_t j = 0; j < dims.d; j++) {
        double total = 0;
        for (size_t c = 0; c < dims.k; c++) total += m.variance[c * dims.d + j];
        m.variance[segment * dims.d + j] = total / (double)dims.k;
        m.mean[segment * dims.d + j] = centre[j];
    }
    m.weight[segment] = 1.0 / (double)dims.k;
    weights_normalise(dims, m);
    complete(dims, m);
}

static void select_segments(struct strata_dims dims, const double *params, const size_t *order,
                            size_t n_kept, double *out)
{
    const struct strata_dims kept = {.k = n_kept, .d = dims.d};
    const struct mixture from = mixture_read(dims, params), to = mixture_view(kept, out);
    for (size_t j = 0; j < dims.d; j++) to.floor[j] = from.floor[j];
    for (size_t s = 0; s < n_kept; s++) {
        to.weight[s] = from.weight[order[s]];
        for (size_t j = 0; j < dims.d; j++) {
            to.mean[s * dims.d + j] = from.mean[order[s] * dims.d + j];
            to.variance[s * dims.d + j] = from.variance[order[s] * dims.d + j];
        }
    }
    if (n_kept < dims.k) weights_normalise(kept, to);
    complete(kept, to);
}

static struct strata_assignment assignment_of(size_t k, size_t lane, const struct densities *of)
{
    const size_t best = of->label[lane];
    struct strata_assignment row = {.label = (int32_t)best,
                                    .runner_up = -1,
                                    .distance = sqrt(of->square[best][lane]),
                                    .posterior = of->share[best][lane],
                                    .margin = 1.0};
    for (size_t c = 0; c < k; c++) {
        if (c == best) continue;
        if (row.runner_up < 0 || of->log[c][lane] > of->log[row.runner_up][lane])
            row.runner_up = (int32_t)c;
    }
    if (row.runner_up >= 0) row.margin = row.posterior - of->share[row.runner_up][lane];
    return row;
}

/* What a walk over rows makes of one of them: index in the walk, lane in the densities. */
typedef void row_taker(struct strata_dims dims, const struct densities *of, size_t lane, size_t row,
                       void *out);

static void take_assignment(struct strata_dims dims, const struct densities *of, size_t lane,
                            size_t row, void *out)
{
    struct strata_assignment *assignment = out;
    assignment[row] = assignment_of(dims.k, lane, of);
}

static void take_shares(struct strata_dims dims, const struct densities *of, size_t lane,
                        size_t row, void *out)
{
    double *share = (double *)out + row * dims.k;
    for (size_t c = 0; c < dims.k; c++) share[c] = of->share[c][lane];
}

static void walk(struct strata_dims dims, const double *params, const float *x, size_t n,
                 row_taker *take, void *out)
{
    const struct mixture m = mixture_read(dims, params);
    union lanes tile;
    struct densities of = {0};
    for (size_t first = 0; first < n; first += LANES) {
        const size_t rows = n - first < LANES ? n - first : LANES;
        lanes_load(&tile, x + first * dims.d, rows, dims.d);
        densities_fill(dims, m, &tile, &of);
        for (size_t lane = 0; lane < rows; lane++) {
            shares_of_lane(dims.k, lane, &of);
            take(dims, &of, lane, first + lane, out);
        }
    }
}

static void assign(struct strata_dims dims, const double *params, const float *x, size_t n,
                   struct strata_assignment *out)
{
    walk(dims, params, x, n, take_assignment, out);
}

static void memberships(struct strata_dims dims, const double *params, const float *x, size_t n,
                        double *out)
{
    walk(dims, params, x, n, take_shares, out);
}

const struct strata_estimator strata_gmm_diag = {
    .name = "gmm-diag",
    .summary =
        "Gaussian mixture with a variance for each segment and column; customers belong by degrees",
    .soft = true,
    .keeps_sums = false,
    .keeps_bounds = false,
    .limbs = STRATA_SUM_LIMBS,
    .param_count = param_count,
    .stat_count = stat_count,
    .pass_bytes = pass_bytes,
    .sums_bytes = sums_bytes,
    .scratch_bytes = scratch_bytes,
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
    .memberships = memberships,
};
