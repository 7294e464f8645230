/* Case weights: how many customers of the whole each row stands for, as integers of one unit, so that
 * every weighted sum is exact.
 *
 * Bits: a weight is 1 to 2^20 units and all of them together are below 2^39, so a weighted sum of
 * squared distances below 2^59 stays below 2^98. */
#include <math.h>
#include <string.h>

#include "features/features_impl.h"

#define WEIGHT_BITS 20
#define TOTAL_BITS 38

/* What the ranks sum before the unit is known. */
enum { COUNT_MISSING, COUNT_NOT_POSITIVE, COUNT_NOT_WHOLE, N_COUNTS };

struct seen {
    int64_t count[N_COUNTS + STRATA_EXACT_LIMBS]; /* the sum of the weights behind the counts */
    double largest;
};

static struct seen look(const struct strata_binding *binding, size_t n_rows)
{
    struct seen seen = {.largest = 0};
    struct strata_exact total = {0};
    for (size_t row = 0; row < n_rows; row++) {
        bool invalid = false;
        const double weight = strata_binding_value(binding, row, &invalid);
        seen.count[COUNT_MISSING] += isnan(weight);
        seen.count[COUNT_NOT_POSITIVE] += weight <= 0;
        if (!(weight > 0)) continue;
        seen.count[COUNT_NOT_WHOLE] += weight != rint(weight);
        if (weight > seen.largest) seen.largest = weight;
        strata_exact_add(&total, weight);
    }
    strata_exact_normalise(&total);
    memcpy(seen.count + N_COUNTS, total.limb, sizeof total.limb);
    return seen;
}

/* Collective: one sum, one gather. */
static void share(struct strata_comm *comm, struct seen *seen, double *largest_of_rank)
{
    strata_comm_sum(comm, seen->count, N_COUNTS + STRATA_EXACT_LIMBS);
    strata_comm_gather_all(comm, &seen->largest, sizeof seen->largest, largest_of_rank);
    for (int rank = 0; rank < comm->size; rank++)
        if (largest_of_rank[rank] > seen->largest) seen->largest = largest_of_rank[rank];
}

static strata_status check(const struct strata_feature *feature, const struct seen *seen,
                           uint64_t n_rows_global, struct strata_err *err)
{
    const int64_t missing = seen->count[COUNT_MISSING],
                  not_positive = seen->count[COUNT_NOT_POSITIVE];
    if (missing + not_positive == 0) return STRATA_OK;
    const struct strata_place *place = &feature->place;
    return STRATA_FAIL(
        err, STRATA_E_DATA,
        "%s:%d:%d: feature \"%s\" has the role weight, and %lld of %llu customers have "
        "no weight above 0 (%lld without a number, %lld with 0 or below): repair the "
        "data, or leave them out in the customers SQL",
        place->file ? place->file : "job", place->line, place->column, feature->name,
        (long long)(missing + not_positive), (unsigned long long)n_rows_global, (long long)missing,
        (long long)not_positive);
}

static int exponent_of(const struct seen *seen)
{
    struct strata_exact sum = {0};
    memcpy(sum.limb, seen->count + N_COUNTS, sizeof sum.limb);
    const double total = strata_exact_value(&sum);
    if (seen->count[COUNT_NOT_WHOLE] == 0 && seen->largest <= ldexp(1.0, WEIGHT_BITS) &&
        total <= ldexp(1.0, TOTAL_BITS))
        return 0;
    int largest_bits = 0, total_bits = 0;
    (void)frexp(seen->largest, &largest_bits);
    (void)frexp(total, &total_bits);
    const int by_largest = largest_bits - WEIGHT_BITS, by_total = total_bits - TOTAL_BITS;
    return by_largest > by_total ? by_largest : by_total;
}

double strata_rows_weight(const struct strata_rows *rows)
{
    return ldexp((double)rows->weight_global, rows->weight_exponent);
}

strata_status strata_weights_make(struct strata_comm *comm, const struct strata_feature *feature,
                                  const struct strata_binding *binding, double *largest_of_rank,
                                  uint32_t *weight, struct strata_rows *rows,
                                  struct strata_weight_quality *quality, struct strata_err *err)
{
    struct seen seen = look(binding, rows->n);
    share(comm, &seen, largest_of_rank);
    STRATA_TRY(check(feature, &seen, rows->n_global, err));

    const int exponent = exponent_of(&seen);
    int64_t total_and_rounded[2] = {0};
    for (size_t row = 0; row < rows->n; row++) {
        bool invalid = false; /* counted before */
        const double units = ldexp(strata_binding_value(binding, row, &invalid), -exponent);
        weight[row] = units < 1 ? 1 : (uint32_t)rint(units);
        total_and_rounded[0] += weight[row];
        total_and_rounded[1] += (double)weight[row] != units;
    }
    strata_comm_sum(comm, total_and_rounded, 2);
    rows->weight = weight;
    rows->weight_exponent = exponent;
    rows->weight_global = (uint64_t)total_and_rounded[0];
    *quality = (struct strata_weight_quality){.name = feature->name,
                                              .total = strata_rows_weight(rows),
                                              .unit = ldexp(1.0, exponent),
                                              .rounded = (uint64_t)total_and_rounded[1]};
    return STRATA_OK;
}
