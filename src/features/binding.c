/* From a table's column to a feature's raw values: numbers, or positions of levels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "features/features_impl.h"

/* The position of a level's text in the feature's resolved list, or -1. */
static int level_of_text(const struct strata_feature *feature, const char *text)
{
    for (size_t l = 0; l < feature->n_levels; l++) {
        if (!strcmp(feature->level[l], text)) return (int)l;
    }
    return -1;
}

/* The finite number that a whole text is, or NaN. */
static double number_of_text(const char *text)
{
    char *end = NULL;
    const double number = strtod(text, &end);
    return end == text || *end != '\0' || !isfinite(number) ? (double)NAN : number;
}

void strata_binary_numbers(const struct strata_feature *feature, double number[2])
{
    for (size_t l = 0; l < 2; l++)
        number[l] = feature->n_levels == 2 ? number_of_text(feature->level[l]) : (double)NAN;
    if (isfinite(number[0]) && isfinite(number[1])) return;
    number[0] = 0; /* named by the levels, if there are any */
    number[1] = 1;
}

static bool has_levels(const struct strata_feature *feature)
{
    return feature->type == STRATA_ORDINAL || feature->type == STRATA_NOMINAL ||
           feature->type == STRATA_BINARY;
}

static strata_status misfit(const struct strata_feature *feature, const char *why,
                            struct strata_err *err)
{
    const struct strata_place *place = &feature->place;
    return STRATA_FAIL(err, STRATA_E_CONFIG, "%s:%d:%d: feature \"%s\" is %s, but %s",
                       place->file ? place->file : "job", place->line, place->column, feature->name,
                       strata_feature_type_word(feature->type), why);
}

static strata_status bind_text(const struct strata_feature *feature, struct strata_arena *keep,
                               struct strata_binding *binding, struct strata_err *err)
{
    const struct strata_column *column = binding->column;
    if (column->n_levels == 0) return STRATA_OK; /* nothing but missing values */
    if (!has_levels(feature))
        return misfit(feature, "its column is text: cast it to a number in the customers SQL", err);
    double *code_value = STRATA_NEW(keep, double, column->n_levels);
    if (!code_value)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the %zu levels of feature \"%s\"",
                           column->n_levels, feature->name);
    for (size_t code = 0; code < column->n_levels; code++) {
        const int level = level_of_text(feature, column->level[code]);
        code_value[code] = level < 0 ? (double)NAN : level;
    }
    binding->code_value = code_value;
    return STRATA_OK;
}

/* Numbers that stand for levels: all declared levels are numbers, such as the answers 1 to 5. */
static strata_status bind_number(const struct strata_feature *feature, struct strata_arena *keep,
                                 struct strata_binding *binding, struct strata_err *err)
{
    if (!has_levels(feature) || feature->n_levels == 0) return STRATA_OK;
    double *level_value = STRATA_NEW(keep, double, feature->n_levels);
    if (!level_value)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the %zu levels of feature \"%s\"",
                           feature->n_levels, feature->name);
    for (size_t l = 0; l < feature->n_levels; l++) {
        level_value[l] = number_of_text(feature->level[l]);
        if (isfinite(level_value[l])) continue;
        if (feature->type == STRATA_BINARY) return STRATA_OK; /* 0 and 1, named by the levels */
        return misfit(feature, "its column holds numbers and its levels are words: make both alike",
                      err);
    }
    binding->level_value = level_value;
    binding->n_levels = feature->n_levels;
    return STRATA_OK;
}

strata_status strata_recipe_bind(const struct strata_recipe *recipe,
                                 const struct strata_table *table, struct strata_arena *keep,
                                 const struct strata_binding **bindings, struct strata_err *err)
{
    STRATA_REQUIRE(table->n_columns == recipe->n_features);
    struct strata_binding *binding = STRATA_NEW(keep, struct strata_binding, recipe->n_features);
    if (!binding)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %zu features", recipe->n_features);
    for (size_t f = 0; f < recipe->n_features; f++) {
        const struct strata_feature *feature = &recipe->feature[f];
        binding[f].column = &table->column[f];
        binding[f].type = feature->type;
        STRATA_TRY(table->column[f].kind == STRATA_COLUMN_TEXT
                       ? bind_text(feature, keep, &binding[f], err)
                       : bind_number(feature, keep, &binding[f], err));
    }
    *bindings = binding;
    return STRATA_OK;
}

static double level_of_number(const struct strata_binding *binding, double number)
{
    for (size_t l = 0; l < binding->n_levels; l++) {
        if (binding->level_value[l] == number) return (double)l;
    }
    return (double)NAN;
}

static double value_of_number(const struct strata_binding *binding, double number)
{
    if (binding->level_value) return level_of_number(binding, number);
    switch (binding->type) {
    case STRATA_BINARY:
        return number == 0 || number == 1 ? number + 0.0 : (double)NAN;
    case STRATA_ORDINAL:
    case STRATA_NOMINAL:
        return (double)NAN; /* no level is known */
    case STRATA_NUMERIC:
    case STRATA_COUNT:
        break;
    }
    const double magnitude = fabs(number);
    if (!(magnitude <= MAGNITUDE_MAX)) return (double)NAN;
    return magnitude < 1 / MAGNITUDE_MAX ? 0.0 : number;
}

double strata_binding_value(const struct strata_binding *binding, size_t row, bool *invalid)
{
    const struct strata_column *column = binding->column;
    *invalid = false;
    if (!column->present[row]) return (double)NAN;
    double value = (double)NAN;
    if (column->kind == STRATA_COLUMN_NUMBER)
        value = value_of_number(binding, column->number[row]);
    else if (binding->code_value)
        value = binding->code_value[column->code[row]];
    *invalid = isnan(value);
    return value;
}
