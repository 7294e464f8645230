/* Segments of new customers, by the model's own encoder and the estimator's own arithmetic.
 *
 * A batch is checked once, column by column; then 256 rows at a time raw values are laid out as the recipe wants them,
 * encoded, and assigned.  Raw values come from the functions that the encoding of a run uses, so there is no second
 * definition of what counts as a value. */
#include <math.h>
#include <string.h>

#include "score_impl.h"

#define STRIP_ROWS 256

/* --- does the batch fit the model? ---------------------------------------------------------------- */

static size_t find_feature(const struct strata_recipe *recipe, const char *name)
{
    size_t f = 0;
    while (f < recipe->n_features && strcmp(recipe->feature[f].name, name) != 0) f++;
    return f;
}

/* Texts for numbers, or numbers for words. */
static strata_status check_kind(const struct strata_scorer *scorer, size_t f,
                                const struct strata_score_column *column, struct strata_err *err)
{
    const struct strata_feature *feature = &scorer->recipe.feature[f];
    const struct score_feature *of = &scorer->feature[f];
    if (!of->is_basis) return STRATA_OK;
    if (column->n_texts && of->n_levels == 0)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "feature \"%s\" is %s and has no levels: give numbers, not texts",
                           feature->name, strata_feature_type_word(feature->type));
    if (column->n_numbers && !of->takes_numbers)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "feature \"%s\" is %s and its levels are words: give texts, not numbers",
                           feature->name, strata_feature_type_word(feature->type));
    return STRATA_OK;
}

static strata_status check_column(const struct strata_scorer *scorer, size_t f,
                                  const struct strata_score_column *column, size_t n,
                                  struct strata_err *err)
{
    const char *name = scorer->recipe.feature[f].name;
    const size_t n_values = column->n_numbers ? column->n_numbers : column->n_texts;
    if (column->n_numbers && column->n_texts)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "feature \"%s\" has both numbers and texts: give one of them", name);
    if (n_values != n)
        return STRATA_FAIL(err, STRATA_E_USAGE, "feature \"%s\" has %zu values of %zu customers",
                           name, n_values, n);
    for (size_t i = 0; i < column->n_missing; i++)
        if (column->missing[i] >= n || (i > 0 && column->missing[i] <= column->missing[i - 1]))
            return STRATA_FAIL(err, STRATA_E_USAGE,
                               "feature \"%s\": its missing rows must be from 0 to %zu, rising",
                               name, n - 1);
    return check_kind(scorer, f, column, err);
}

/* Each column's feature.  A name that the model does not know is not repeated: it may be anything. */
static strata_status bind_columns(struct score_bound *bound, struct strata_err *err)
{
    const struct strata_recipe *recipe = &bound->scorer->recipe;
    const struct strata_score_batch *batch = bound->batch;
    for (size_t i = 0; i < batch->n_columns; i++) {
        const struct strata_score_column *column = &batch->column[i];
        const size_t f = find_feature(recipe, column->feature);
        if (f == recipe->n_features)
            return STRATA_FAIL(err, STRATA_E_USAGE,
                               "column %zu of %zu is of no feature that the model knows", i + 1,
                               batch->n_columns);
        if (bound->of[f])
            return STRATA_FAIL(err, STRATA_E_USAGE, "feature \"%s\" has two columns, %td and %zu",
                               recipe->feature[f].name, bound->of[f] - batch->column + 1, i + 1);
        STRATA_TRY(check_column(bound->scorer, f, column, batch->n, err));
        bound->of[f] = column;
    }
    return STRATA_OK;
}

strata_status strata_score_bind(const struct strata_scorer *scorer,
                                const struct strata_score_batch *batch, struct strata_arena *scratch,
                                struct score_bound *out, struct strata_err *err)
{
    const size_t n_features = scorer->recipe.n_features;
    if (batch->n == 0 || batch->n > STRATA_SCORE_ROWS_MAX)
        return STRATA_FAIL(err, STRATA_E_USAGE, "a batch has 1 to %d customers, this one %zu",
                           STRATA_SCORE_ROWS_MAX, batch->n);
    *out = (struct score_bound){
        .scorer = scorer,
        .batch = batch,
        .of = STRATA_NEW(scratch, const struct strata_score_column *, n_features),
        .missing_at = STRATA_NEW(scratch, size_t, n_features)};
    if (!out->of || !out->missing_at)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %zu customers", batch->n);
    return bind_columns(out, err);
}

/* --- encoding -------------------------------------------------------------------------------------- */

/* The place of a text among the levels, the first of equal ones, or NaN. */
static double value_of_text(const struct score_feature *feature, const char *text)
{
    size_t low = 0, high = feature->n_levels;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(feature->level[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const bool is_level = low < feature->n_levels && strcmp(feature->level[low].text, text) == 0;
    return is_level ? (double)feature->level[low].place : (double)NAN;
}

/* As the ingest and the encoding read a number: what is not finite is no value, -0 is 0. */
static double value_of_number(const struct score_feature *feature, double number, bool *invalid)
{
    const uint8_t present = isfinite(number) ? 1 : 0;
    const double kept = present ? number + 0.0 : 0.0;
    const struct strata_column column = {
        .kind = STRATA_COLUMN_NUMBER, .present = &present, .number = &kept};
    struct strata_binding binding = feature->number;
    binding.column = &column;
    return strata_binding_value(&binding, 0, invalid);
}

static bool is_missing(struct score_bound *bound, size_t f, size_t row)
{
    const struct strata_score_column *column = bound->of[f];
    size_t *at = &bound->missing_at[f];
    if (*at == column->n_missing || column->missing[*at] != row) return false;
    ++*at;
    return true;
}

static strata_status refuse_missing(const struct score_bound *bound, size_t f, size_t row,
                                    struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_USAGE,
                       "feature \"%s\" has no usable value in row %zu (rows count from 0), and the "
                       "model was made with `missing: fail`",
                       bound->scorer->recipe.feature[f].name, row);
}

/* n raw values of one feature, each n_features after the last. */
static strata_status fill_feature(struct score_bound *bound, size_t f, size_t first, size_t n,
                                  double *raw, uint64_t *invalid, struct strata_err *err)
{
    const struct strata_recipe *recipe = &bound->scorer->recipe;
    const struct strata_feature *feature = &recipe->feature[f];
    const struct score_feature *of = &bound->scorer->feature[f];
    const struct strata_score_column *column = bound->of[f];
    for (size_t i = 0; i < n; i++) {
        double value = (double)NAN;
        if (column && !is_missing(bound, f, first + i)) {
            bool is_invalid = false;
            if (column->n_texts)
                is_invalid = isnan(value = value_of_text(of, column->text[first + i]));
            else
                value = value_of_number(of, column->number[first + i], &is_invalid);
            if (!isnan(value)) is_invalid = isnan(strata_feature_transform(feature, value));
            *invalid += is_invalid;
            if (is_invalid) value = (double)NAN;
        }
        if (isnan(value) && feature->missing == STRATA_MISSING_FAIL)
            return refuse_missing(bound, f, first + i, err);
        raw[i * recipe->n_features + f] = value;
    }
    return STRATA_OK;
}

strata_status strata_score_encode(struct score_bound *bound, size_t first, size_t n, double *raw,
                                  float *x, uint64_t *invalid, struct strata_err *err)
{
    const struct strata_recipe *recipe = &bound->scorer->recipe;
    for (size_t f = 0; f < recipe->n_features; f++)
        if (bound->scorer->feature[f].is_basis)
            STRATA_TRY(fill_feature(bound, f, first, n, raw, invalid, err));
    for (size_t i = 0; i < n; i++)
        strata_recipe_encode(recipe, raw + i * recipe->n_features, x + i * recipe->d, NULL);
    return STRATA_OK;
}

strata_status strata_score(const struct strata_scorer *scorer,
                           const struct strata_score_batch *batch, struct strata_arena scratch,
                           struct strata_assignment *out, uint64_t *invalid, struct strata_err *err)
{
    struct score_bound bound = {.scorer = scorer};
    *invalid = 0;
    STRATA_TRY(strata_score_bind(scorer, batch, &scratch, &bound, err));
    const size_t most = batch->n < STRIP_ROWS ? batch->n : STRIP_ROWS;
    double *raw = STRATA_NEW(&scratch, double, most * scorer->recipe.n_features);
    float *x = STRATA_NEW(&scratch, float, most * scorer->recipe.d);
    if (!raw || !x) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %zu customers", batch->n);
    for (size_t first = 0; first < batch->n; first += most) {
        const size_t left = batch->n - first, n = left < most ? left : most;
        const struct strata_rows rows = {.n = n, .d = scorer->recipe.d, .x = x};
        STRATA_TRY(strata_score_encode(&bound, first, n, raw, x, invalid, err));
        strata_clustering_assign(&scorer->model, &rows, 0, n, out + first);
    }
    return STRATA_OK;
}
