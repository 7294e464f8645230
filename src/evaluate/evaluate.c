/* Quality of a clustering from one pass of exact sums.
 *
 * Notation: n rows, k segments with centres c (k, d) in grid integers; own is a row's squared
 * distance to its own centre, other to the nearest other one, both integers.  Each row counts as
 * often as its case weight says; counts are sums of weights.
 *
 * Bits: own < 2^59 and sqrt(own) 2^20 < 2^50; silhouettes and posteriors times 2^40 are at most
 * 2^40, a weight 2^20; the products are below 2^79 and are summed in 128 bits.
 *
 * Cost: O(n k d) time, O(k d) memory, two reductions (agreement, sums).
 *
 * Sources: (Calinski & Harabasz, 1974; Davies & Bouldin, 1979; Hruschka et al., 2004) in
 * src/cluster/README.md. */
#include "strata/evaluate.h"

#include <math.h>

#include "strata/fault.h"
#include "strata/math_sums.h"
#include "strata/nearest.h"

#define STRIP_ROWS 256
#define SHARE_UNIT 0x1p40    /* silhouettes and posteriors are rounded to its inverse */
#define DISTANCE_UNIT 0x1p20 /* distances are, in grid units */

/* One array of sums, seen by names. */
struct tally {
    struct strata_sum *count;      /* (k) weight */
    struct strata_sum *sse;        /* (k) own */
    struct strata_sum *distance;   /* (k) sqrt(own) */
    struct strata_sum *silhouette; /* (k) */
    struct strata_sum *posterior;  /* (1) */
    struct strata_sum *sum;        /* (k, d) of x */
};

static size_t tally_count(struct strata_dims dims)
{
    return 4 * dims.k + 1 + dims.k * dims.d;
}

static struct tally tally_view(struct strata_dims dims, struct strata_sum *sums)
{
    struct tally t = {.count = sums};
    t.sse = t.count + dims.k;
    t.distance = t.sse + dims.k;
    t.silhouette = t.distance + dims.k;
    t.posterior = t.silhouette + dims.k;
    t.sum = t.posterior + 1;
    return t;
}

static strata_int128 rounded(double value, double unit)
{
    return (int64_t)rint(value * unit);
}

static strata_int128 weight_of(const struct strata_rows *rows, size_t row)
{
    return rows->weight ? rows->weight[row] : 1;
}

/* Of n <= STRIP_ROWS rows from `first` on; 1 for hard estimators, so their rows are not looked at again. */
static void add_posteriors(const struct strata_clustering *clustering,
                           const struct strata_rows *rows, size_t first, size_t n, struct tally to)
{
    struct strata_assignment row[STRIP_ROWS];
    if (clustering->estimator->soft) strata_clustering_assign(clustering, rows, first, n, row);
    for (size_t i = 0; i < n; i++)
        to.posterior->value +=
            rounded(clustering->estimator->soft ? row[i].posterior : 1.0, SHARE_UNIT) *
            weight_of(rows, first + i);
}

static void add_rows(struct strata_dims dims, const double *centre, const uint16_t *label,
                     const struct strata_rows *rows, size_t first, size_t n, struct tally to)
{
    struct strata_nearest near[STRIP_ROWS];
    const float *x = rows->x + first * dims.d;
    strata_rows_ahead(rows, first, n);
    strata_nearest_fill(dims, centre, x, n, near);
    for (size_t i = 0; i < n; i++) {
        const size_t c = label[first + i];
        const strata_int128 w = weight_of(rows, first + i);
        const struct strata_between between =
            strata_nearest_between(dims, centre, x + i * dims.d, near[i], c);
        to.count[c].value += w;
        to.sse[c].value += w * between.own;
        to.distance[c].value += w * rounded(sqrt((double)between.own), DISTANCE_UNIT);
        to.silhouette[c].value += w * rounded(strata_silhouette(between), SHARE_UNIT);
        for (size_t j = 0; j < dims.d; j++)
            to.sum[c * dims.d + j].value += w * (int64_t)x[i * dims.d + j];
    }
}

/* --- figures from the sums ------------------------------------------------------------- */

static double distance_between(const double *a, const double *b, size_t d)
{
    double square = 0;
    for (size_t j = 0; j < d; j++) square += (a[j] - b[j]) * (a[j] - b[j]);
    return sqrt(square);
}

/* The mean over segments of the worst ratio of two segments' spreads to the distance of their centres. */
static double davies_bouldin(struct strata_dims dims, const double *centre, const double *spread)
{
    if (dims.k < 2) return (double)NAN;
    double total = 0;
    for (size_t c = 0; c < dims.k; c++) {
        double worst = 0;
        for (size_t other = 0; other < dims.k; other++) {
            if (other == c) continue;
            const double apart =
                distance_between(centre + c * dims.d, centre + other * dims.d, dims.d);
            const double ratio = apart > 0 ? (spread[c] + spread[other]) / apart : HUGE_VAL;
            if (ratio > worst) worst = ratio;
        }
        total += worst;
    }
    return total / (double)dims.k;
}

/* The between-segment sum of squares of one column, in squared grid units: segment means about the
 * grand mean, both taken from the integer nearest to the grand mean so that nothing cancels. */
static double between_of_column(struct strata_dims dims, struct tally of, uint64_t n, size_t j)
{
    struct strata_sum total = {0};
    for (size_t c = 0; c < dims.k; c++) total.value += of.sum[c * dims.d + j].value;
    const strata_int128 near = strata_sum_divide(total, n);
    const struct strata_sum left = {total.value - near * (strata_int128)n};
    const double grand = strata_sum_value(left) / (double)n;
    double between = 0;
    for (size_t c = 0; c < dims.k; c++) {
        const double count = strata_sum_value(of.count[c]);
        if (!(count > 0)) continue;
        const struct strata_sum shifted = {of.sum[c * dims.d + j].value - near * of.count[c].value};
        const double step = strata_sum_value(shifted) / count - grand;
        between += count * step * step;
    }
    return between;
}

static void dimension_shares(const struct strata_features *features, struct strata_dims dims,
                             struct tally of, double *share)
{
    const struct strata_recipe *recipe = &features->recipe;
    double total = 0;
    for (size_t j = 0; j < dims.d; j++) {
        const double between = between_of_column(dims, of, features->rows.weight_global, j);
        share[recipe->feature[recipe->column[j].feature].dimension] += between;
        total += between;
    }
    for (size_t i = 0; i < STRATA_DIMENSION_COUNT && total > 0; i++) share[i] /= total;
}

/* exponent: of the unit of a weighted squared distance. */
static void segment_figures(struct strata_dims dims, struct tally of, int exponent,
                            struct strata_evaluation *out, double *spread)
{
    for (size_t c = 0; c < dims.k; c++) {
        const double count = strata_sum_value(of.count[c]);
        out->segment_sse[c] = ldexp(strata_sum_value(of.sse[c]), exponent);
        out->segment_silhouette[c] = dims.k > 1 && count > 0
                                         ? strata_sum_value(of.silhouette[c]) / SHARE_UNIT / count
                                         : (double)NAN;
        spread[c] = count > 0 ? strata_sum_value(of.distance[c]) / DISTANCE_UNIT / count : 0.0;
    }
}

static struct strata_sum total_of(const struct strata_sum *sum, size_t k)
{
    struct strata_sum total = {0};
    for (size_t c = 0; c < k; c++) total.value += sum[c].value;
    return total;
}

static void overall_figures(const struct strata_clustering *clustering, struct tally of,
                            const struct strata_rows *rows, int exponent,
                            struct strata_evaluation *out)
{
    const struct strata_dims dims = clustering->dims;
    const double n = strata_rows_weight(rows), k = (double)dims.k;
    const double units = (double)rows->weight_global; /* what the sums count */
    out->within_sse = ldexp(strata_sum_value(total_of(of.sse, dims.k)), exponent);
    out->total_sse = clustering->total_sse;
    const double between = out->total_sse - out->within_sse;
    out->explained = out->total_sse > 0 ? fmin(fmax(between / out->total_sse, 0.0), 1.0) : 0.0;
    const bool has_index = dims.k > 1 && n > k && out->within_sse > 0;
    out->calinski_harabasz =
        has_index ? between / (k - 1) / (out->within_sse / (n - k)) : (double)NAN;
    out->silhouette = dims.k > 1
                          ? strata_sum_value(total_of(of.silhouette, dims.k)) / SHARE_UNIT / units
                          : (double)NAN;
    out->mean_posterior = strata_sum_value(*of.posterior) / SHARE_UNIT / units;
    out->agreement = clustering->by_k[clustering->chosen_k].agreement;
    out->log_likelihood = out->bic = (double)NAN;
    if (!clustering->estimator->soft) return;
    out->log_likelihood = -clustering->objective;
    out->bic =
        2 * out->log_likelihood - (double)clustering->estimator->freedom(dims) * strata_log(n);
}

strata_status strata_evaluate(struct strata_comm *comm, const struct strata_features *features,
                              const struct strata_clustering *clustering, struct strata_arena *keep,
                              struct strata_evaluation **out, struct strata_err *err)
{
    const struct strata_rows *rows = &features->rows;
    const struct strata_dims dims = clustering->dims;
    const size_t n_sums = tally_count(dims);
    struct strata_evaluation *evaluation = STRATA_NEW(keep, struct strata_evaluation, 1);
    double *per_segment = STRATA_NEW(keep, double, 2 * dims.k);
    double *per_dimension = STRATA_NEW(keep, double, STRATA_DIMENSION_COUNT);
    struct strata_arena scratch = *keep;
    double *centre = STRATA_NEW(&scratch, double, dims.k *dims.d);
    double *spread = STRATA_NEW(&scratch, double, dims.k);
    struct strata_sum *sums = STRATA_NEW(&scratch, struct strata_sum, n_sums);
    int64_t *limbs = STRATA_NEW(&scratch, int64_t, n_sums * STRATA_SUM_LIMBS);
    strata_status status = STRATA_OK;
    const bool room =
        evaluation && per_segment && per_dimension && centre && spread && sums && limbs;
    if (!room)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to evaluate %zu segments", dims.k);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    STRATA_REQUIRE(room); /* all ranks have agreed on it */

    const struct tally tally = tally_view(dims, sums);
    clustering->estimator->centres(dims, clustering->params, centre);
    for (size_t first = 0; first < rows->n; first += STRIP_ROWS) {
        const size_t n = rows->n - first < STRIP_ROWS ? rows->n - first : STRIP_ROWS;
        add_rows(dims, centre, clustering->label, rows, first, n, tally);
        add_posteriors(clustering, rows, first, n, tally);
    }
    strata_sum_to_limbs(sums, n_sums, limbs);
    STRATA_FAULT("evaluate.sum.before");
    strata_comm_sum(comm, limbs, n_sums * STRATA_SUM_LIMBS);
    STRATA_FAULT("evaluate.sum.after");
    strata_sum_from_limbs(limbs, n_sums, sums);

    const int exponent = 2 * features->recipe.grid_exponent + rows->weight_exponent;
    evaluation->segment_silhouette = per_segment;
    evaluation->segment_sse = per_segment + dims.k;
    evaluation->dimension_share = per_dimension;
    segment_figures(dims, tally, exponent, evaluation, spread);
    overall_figures(clustering, tally, rows, exponent, evaluation);
    evaluation->davies_bouldin = davies_bouldin(dims, centre, spread);
    dimension_shares(features, dims, tally, per_dimension);
    *out = evaluation;
    return STRATA_OK;
}
