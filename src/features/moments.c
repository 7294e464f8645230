/* Counts, extremes, means and standard deviations over all ranks: sums are exact and extremes are
 * compared, so neither ranks nor order can matter. */
#include <math.h>
#include <string.h>

#include "features/features_impl.h"

/* The wire of the first reduction: counts of features, exact sums of features, weights of
 * columns. */
enum { COUNT_PRESENT, COUNT_INVALID, COUNT_WEIGHT, N_COUNTS };

static size_t wire_length(size_t n_features, size_t d)
{
    return n_features * (N_COUNTS + STRATA_EXACT_LIMBS) + d;
}

bool strata_moments_take(struct moments *moments, const struct strata_recipe *recipe, int size,
                         struct strata_arena *scratch)
{
    const size_t n = recipe->n_features;
    moments->tally = STRATA_NEW(scratch, struct tally, n);
    moments->level_weight = STRATA_NEW(scratch, uint64_t, recipe->d);
    moments->exact = STRATA_NEW(scratch, struct strata_exact, n);
    moments->wire = STRATA_NEW(scratch, int64_t, wire_length(n, recipe->d));
    moments->extreme = STRATA_NEW(scratch, double, 2 * n);
    moments->extremes = STRATA_NEW(scratch, double, 2 * n * (size_t)size);
    return moments->tally && moments->level_weight && moments->exact && moments->wire &&
           moments->extreme && moments->extremes;
}

size_t strata_moments_bytes(size_t n_features, size_t d, int size)
{
    return n_features * (sizeof(struct tally) + sizeof(struct strata_exact)) +
           d * sizeof(uint64_t) + wire_length(n_features, d) * sizeof(int64_t) +
           2 * n_features * (1 + (size_t)size) * sizeof(double);
}

static bool is_basis(const struct strata_feature *feature)
{
    return feature->role == STRATA_ROLE_BASIS;
}

/* A basis value is looked at as it is clustered on, any other as it is. */
static double value_of(const struct strata_feature *feature, const struct strata_binding *binding,
                       size_t row, bool *invalid)
{
    const double raw = strata_binding_value(binding, row, invalid);
    if (!is_basis(feature) || isnan(raw)) return raw;
    const double value = strata_feature_transform(feature, raw);
    *invalid = isnan(value);
    return value;
}

/* First column of a nominal feature of the basis, (n_levels) of them; NULL for others. */
static uint64_t *levels_of(const struct strata_recipe *recipe, size_t f, uint64_t *level_weight)
{
    for (size_t j = 0; j < recipe->d; j++) {
        if (recipe->column[j].feature == f)
            return recipe->column[j].level >= 0 ? level_weight + j : NULL;
    }
    return NULL;
}

static uint32_t weight_of(const struct strata_rows *rows, size_t row)
{
    return rows->weight ? rows->weight[row] : 1;
}

/* The feature's values on this rank. */
static void tally_rows(const struct strata_feature *feature, const struct strata_binding *binding,
                       const struct strata_rows *rows, struct tally *tally,
                       struct strata_exact *sum, uint64_t *level_weight)
{
    const bool scaled = strata_feature_is_scaled(feature);
    *tally = (struct tally){.min = HUGE_VAL, .max = -HUGE_VAL};
    for (size_t row = 0; row < rows->n; row++) {
        bool invalid = false;
        const double value = value_of(feature, binding, row, &invalid);
        tally->invalid += invalid;
        if (isnan(value)) continue;
        tally->present++;
        if (value < tally->min) tally->min = value;
        if (value > tally->max) tally->max = value;
        tally->weight += weight_of(rows, row);
        if (scaled) strata_exact_add_times(sum, value, weight_of(rows, row));
        if (level_weight) level_weight[(size_t)value] += weight_of(rows, row);
    }
}

static void write_exact(struct strata_exact *exact, size_t n, int64_t *wire)
{
    for (size_t f = 0; f < n; f++) {
        strata_exact_normalise(&exact[f]);
        memcpy(wire + f * STRATA_EXACT_LIMBS, exact[f].limb, sizeof exact[f].limb);
    }
}

static double read_exact(const int64_t *wire, size_t f)
{
    struct strata_exact sum = {0};
    memcpy(sum.limb, wire + f * STRATA_EXACT_LIMBS, sizeof sum.limb);
    return strata_exact_value(&sum);
}

static void sum_counts_and_means(struct strata_comm *comm, const struct strata_recipe *recipe,
                                 struct moments *moments)
{
    const size_t n = recipe->n_features;
    int64_t *count = moments->wire;
    int64_t *limbs = count + n * N_COUNTS;
    int64_t *levels = limbs + n * STRATA_EXACT_LIMBS;
    for (size_t f = 0; f < n; f++) {
        count[f * N_COUNTS + COUNT_PRESENT] = (int64_t)moments->tally[f].present;
        count[f * N_COUNTS + COUNT_INVALID] = (int64_t)moments->tally[f].invalid;
        count[f * N_COUNTS + COUNT_WEIGHT] = (int64_t)moments->tally[f].weight;
    }
    write_exact(moments->exact, n, limbs);
    for (size_t j = 0; j < recipe->d; j++) levels[j] = (int64_t)moments->level_weight[j];

    strata_comm_sum(comm, moments->wire, wire_length(n, recipe->d));

    for (size_t f = 0; f < n; f++) {
        struct tally *tally = &moments->tally[f];
        tally->present = (uint64_t)count[f * N_COUNTS + COUNT_PRESENT];
        tally->invalid = (uint64_t)count[f * N_COUNTS + COUNT_INVALID];
        tally->weight = (uint64_t)count[f * N_COUNTS + COUNT_WEIGHT];
        if (tally->present) tally->mean = read_exact(limbs, f) / (double)tally->weight;
    }
    for (size_t j = 0; j < recipe->d; j++) moments->level_weight[j] = (uint64_t)levels[j];
}

static void gather_extremes(struct strata_comm *comm, size_t n, struct moments *moments)
{
    for (size_t f = 0; f < n; f++) {
        moments->extreme[2 * f] = moments->tally[f].min;
        moments->extreme[2 * f + 1] = moments->tally[f].max;
    }
    strata_comm_gather_all(comm, moments->extreme, 2 * n * sizeof(double), moments->extremes);
    for (size_t i = 0; i < n * (size_t)comm->size; i++) {
        struct tally *tally = &moments->tally[i % n];
        if (moments->extremes[2 * i] < tally->min) tally->min = moments->extremes[2 * i];
        if (moments->extremes[2 * i + 1] > tally->max) tally->max = moments->extremes[2 * i + 1];
    }
}

void strata_moments_first(struct strata_comm *comm, const struct strata_recipe *recipe,
                          const struct strata_binding *binding, const struct strata_rows *rows,
                          struct moments *moments)
{
    for (size_t f = 0; f < recipe->n_features; f++) {
        tally_rows(&recipe->feature[f], &binding[f], rows, &moments->tally[f], &moments->exact[f],
                   levels_of(recipe, f, moments->level_weight));
    }
    sum_counts_and_means(comm, recipe, moments);
    gather_extremes(comm, recipe->n_features, moments);
}

/* The power of two that brings every deviation into [-1, 1], so that no square overflows or
 * vanishes. */
static double deviation_unit(const struct tally *tally)
{
    int exponent = 0;
    (void)frexp(fmax(tally->max - tally->mean, tally->mean - tally->min), &exponent);
    return ldexp(1.0, exponent);
}

static void add_squares(const struct strata_feature *feature, const struct strata_binding *binding,
                        const struct strata_rows *rows, const struct tally *tally,
                        struct strata_exact *sum)
{
    const double inverse = 1 / deviation_unit(tally);
    for (size_t row = 0; row < rows->n; row++) {
        bool invalid = false;
        const double value = value_of(feature, binding, row, &invalid);
        if (isnan(value)) continue;
        const double deviation = (value - tally->mean) * inverse;
        strata_exact_add_times(sum, deviation * deviation, weight_of(rows, row));
    }
}

void strata_moments_second(struct strata_comm *comm, const struct strata_recipe *recipe,
                           const struct strata_binding *binding, const struct strata_rows *rows,
                           struct moments *moments)
{
    const size_t n = recipe->n_features;
    memset(moments->exact, 0, n * sizeof *moments->exact);
    for (size_t f = 0; f < n; f++) {
        const struct strata_feature *feature = &recipe->feature[f];
        if (!strata_feature_is_scaled(feature) || !moments->tally[f].present) continue;
        add_squares(feature, &binding[f], rows, &moments->tally[f], &moments->exact[f]);
    }
    write_exact(moments->exact, n, moments->wire);
    strata_comm_sum(comm, moments->wire, n * STRATA_EXACT_LIMBS);
    for (size_t f = 0; f < n; f++) {
        struct tally *tally = &moments->tally[f];
        if (!strata_feature_is_scaled(&recipe->feature[f]) || !tally->present) continue;
        const double variance = read_exact(moments->wire, f) / (double)tally->weight;
        tally->sd = sqrt(variance) * deviation_unit(tally);
    }
}
