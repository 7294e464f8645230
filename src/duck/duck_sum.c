/* strata_exact_sum(DOUBLE): an aggregate whose state is a superaccumulator given by the caller,
 * so that neither the order of rows nor the number of threads can change a bit. */
#include <math.h>
#include <string.h>

#include "duck_impl.h"

/* What the accumulator cannot hold is counted beside it. */
struct state {
    uint64_t n_terms;
    uint64_t n_nan;
    uint64_t n_plus;  /* +infinity */
    uint64_t n_minus; /* -infinity */
};

static const struct strata_duck_exact *exact_of(duckdb_function_info info)
{
    return duckdb_aggregate_function_get_extra_info(info);
}

static void *accumulator(struct state *state)
{
    return state + 1;
}

static idx_t sum_state_bytes(duckdb_function_info info)
{
    return sizeof(struct state) + exact_of(info)->state_bytes;
}

static void sum_init(duckdb_function_info info, duckdb_aggregate_state state)
{
    memset(state, 0, sum_state_bytes(info));
}

static void sum_add(const struct strata_duck_exact *exact, struct state *state, double term)
{
    state->n_terms++;
    if (isnan(term))
        state->n_nan++;
    else if (isinf(term) && term > 0)
        state->n_plus++;
    else if (isinf(term))
        state->n_minus++;
    else
        exact->add(accumulator(state), term);
}

static void sum_update(duckdb_function_info info, duckdb_data_chunk input,
                       duckdb_aggregate_state *states)
{
    const struct strata_duck_exact *exact = exact_of(info);
    duckdb_vector vector = duckdb_data_chunk_get_vector(input, 0);
    const double *term = duckdb_vector_get_data(vector);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    const idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t i = 0; i < n; i++)
        if (!validity || duckdb_validity_row_is_valid(validity, i))
            sum_add(exact, (struct state *)(void *)states[i], term[i]);
}

static void sum_combine(duckdb_function_info info, duckdb_aggregate_state *sources,
                        duckdb_aggregate_state *targets, idx_t n)
{
    const struct strata_duck_exact *exact = exact_of(info);
    for (idx_t i = 0; i < n; i++) {
        struct state *from = (struct state *)(void *)sources[i];
        struct state *into = (struct state *)(void *)targets[i];
        into->n_terms += from->n_terms;
        into->n_nan += from->n_nan;
        into->n_plus += from->n_plus;
        into->n_minus += from->n_minus;
        exact->combine(accumulator(into), accumulator(from));
    }
}

static double sum_value(const struct strata_duck_exact *exact, struct state *state)
{
    if (state->n_nan || (state->n_plus && state->n_minus)) return (double)NAN;
    if (state->n_plus) return HUGE_VAL;
    if (state->n_minus) return -HUGE_VAL;
    return exact->value(accumulator(state));
}

static void sum_finalise(duckdb_function_info info, duckdb_aggregate_state *states,
                         duckdb_vector result, idx_t n, idx_t offset)
{
    double *out = duckdb_vector_get_data(result);
    for (idx_t i = 0; i < n; i++) {
        struct state *state = (struct state *)(void *)states[i];
        if (state->n_terms > 0) {
            out[offset + i] = sum_value(exact_of(info), state);
        } else {
            duckdb_vector_ensure_validity_writable(result);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(result), offset + i);
        }
    }
}

bool duck_register_sum(struct strata_duck *duck)
{
    duckdb_aggregate_function function = duckdb_create_aggregate_function();
    duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    duckdb_aggregate_function_set_name(function, "strata_exact_sum");
    duckdb_aggregate_function_add_parameter(function, type);
    duckdb_aggregate_function_set_return_type(function, type);
    duckdb_aggregate_function_set_functions(function, sum_state_bytes, sum_init, sum_update,
                                            sum_combine, sum_finalise);
    duckdb_aggregate_function_set_extra_info(function, &duck->exact, NULL);
    const bool ok = duckdb_register_aggregate_function(duck->connection, function) == DuckDBSuccess;
    duckdb_destroy_logical_type(&type);
    duckdb_destroy_aggregate_function(&function);
    return ok;
}
