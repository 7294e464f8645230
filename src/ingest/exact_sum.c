/* Lends the superaccumulators of math to DuckDB's strata_exact_sum. */
#include "ingest_impl.h"

#include "strata/math_sums.h"

static void add(void *state, double term)
{
    strata_exact_add(state, term);
}
static void combine(void *state, const void *other)
{
    strata_exact_add_exact(state, other);
}
static double value(void *state)
{
    return strata_exact_value(state);
}

const struct strata_duck_exact ingest_exact_sum = {
    .state_bytes = sizeof(struct strata_exact), .add = add, .combine = combine, .value = value};
