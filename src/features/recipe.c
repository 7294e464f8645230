/* The recipe: which columns the matrix has, and, once the moments are known, their numbers. */
#include <math.h>

#include "features/features_impl.h"

#define MULTIPLIER_MIN 0x1p-100
#define MULTIPLIER_MAX 0x1p100
#define STANDARD_EXPONENT (-16)

/* Its weight times its dimension's. */
static double multiplier_of(const struct strata_config *config, const struct strata_feature *feature)
{
    return feature->weight * config->model.dimension_weight[feature->dimension];
}

bool strata_feature_is_scaled(const struct strata_feature *feature)
{
    return feature->role == STRATA_ROLE_BASIS && feature->type != STRATA_NOMINAL;
}

static strata_status refuse(const struct strata_place *place, const char *name, const char *why,
                            struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_CONFIG, "%s:%d:%d: feature \"%s\" %s",
                       place->file ? place->file : "job", place->line, place->column, name, why);
}

/* --- columns ---------------------------------------------------------------------------------- */

/* Levels that are not declared are those of the text column, sorted. */
static strata_status resolve_levels(const struct strata_column *column,
                                    struct strata_feature *feature, struct strata_err *err)
{
    const bool text = column->kind == STRATA_COLUMN_TEXT;
    if (feature->type == STRATA_ORDINAL && feature->n_levels == 0)
        return refuse(&feature->place, feature->name, "is ordinal: declare its levels, in order",
                      err);
    if ((feature->type == STRATA_NOMINAL || feature->type == STRATA_BINARY) && text &&
        feature->n_levels == 0) {
        feature->level = column->level;
        feature->n_levels = column->n_levels;
    }
    if (feature->type == STRATA_BINARY && feature->n_levels > 2)
        return refuse(&feature->place, feature->name,
                      "is binary but has more than two levels: make it nominal, or declare two",
                      err);
    return STRATA_OK;
}

/* A nominal feature without any level keeps one column, of zeros. */
static size_t column_count(const struct strata_feature *feature)
{
    if (feature->role != STRATA_ROLE_BASIS) return 0;
    const size_t levels = feature->type == STRATA_NOMINAL ? feature->n_levels : 1;
    const size_t missing = feature->missing == STRATA_MISSING_LEVEL || levels == 0;
    return levels + missing;
}

static const char *column_label(const struct strata_feature *feature, int level,
                                struct strata_arena *keep)
{
    const char *name = feature->label ? feature->label : feature->name;
    if (level == STRATA_LEVEL_NUMBER) return strata_arena_print(keep, "%s", name);
    if (level == STRATA_LEVEL_MISSING) return strata_arena_print(keep, "%s: (missing)", name);
    return strata_arena_print(keep, "%s: %s", name, feature->level[level]);
}

/* The columns of one feature; the next free one, or NULL without memory. */
static struct strata_encoding *plan_columns(const struct strata_feature *feature, size_t f,
                                            struct strata_encoding *column,
                                            struct strata_arena *keep)
{
    const size_t n = column_count(feature);
    for (size_t c = 0; c < n; c++, column++) {
        column->feature = f;
        column->level = feature->type == STRATA_NOMINAL ? (int)c : STRATA_LEVEL_NUMBER;
        const size_t levels = feature->type == STRATA_NOMINAL ? feature->n_levels : 1;
        if (c == levels) column->level = STRATA_LEVEL_MISSING;
        column->label = column_label(feature, column->level, keep);
        if (!column->label) return NULL;
    }
    return column;
}

static strata_status check_dimensions(const struct strata_config *config,
                                      const struct strata_recipe *recipe, struct strata_err *err)
{
    const struct strata_place *place = &config->features_place;
    const char *file = place->file ? place->file : "job";
    if (recipe->d == 0)
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "%s:%d:%d: no feature has the role basis: give at least one that "
                           "segments are to be found by",
                           file, place->line, place->column);
    if (recipe->d <= STRATA_MAX_DIMENSIONS) return STRATA_OK;
    const struct strata_feature *largest = recipe->feature;
    for (size_t f = 1; f < recipe->n_features; f++) {
        if (column_count(&recipe->feature[f]) > column_count(largest))
            largest = &recipe->feature[f];
    }
    return STRATA_FAIL(
        err, STRATA_E_CONFIG,
        "%s:%d:%d: the basis features make %zu columns, more than %d: \"%s\" alone makes "
        "%zu; group its levels, or make it a descriptor",
        file, place->line, place->column, recipe->d, STRATA_MAX_DIMENSIONS, largest->name,
        column_count(largest));
}

strata_status strata_recipe_plan(const struct strata_config *config,
                                 const struct strata_table *table, struct strata_arena *keep,
                                 struct strata_recipe *recipe, struct strata_err *err)
{
    const size_t n = config->n_features;
    *recipe = (struct strata_recipe){.n_features = n, .grid_exponent = STANDARD_EXPONENT};
    struct strata_feature *feature = STRATA_NEW(keep, struct strata_feature, n);
    if (!feature) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %zu features", n);
    recipe->feature = feature;
    for (size_t f = 0; f < n; f++) {
        feature[f] = config->feature[f];
        STRATA_TRY(resolve_levels(&table->column[f], &feature[f], err));
        recipe->d += column_count(&feature[f]);
    }
    STRATA_TRY(check_dimensions(config, recipe, err));

    struct strata_encoding *column = STRATA_NEW(keep, struct strata_encoding, recipe->d);
    recipe->column = column;
    for (size_t f = 0; f < n && column; f++) column = plan_columns(&feature[f], f, column, keep);
    if (!column)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the %zu columns of the matrix",
                           recipe->d);
    return STRATA_OK;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* What can only be refused once all rows have been seen; all such features at once. */
static strata_status check_tallies(const struct strata_recipe *recipe, const struct tally *tally,
                                   uint64_t n_rows_global, struct strata_err *err)
{
    struct strata_problems problems = {0};
    for (size_t f = 0; f < recipe->n_features; f++) {
        const struct strata_feature *feature = &recipe->feature[f];
        const uint64_t missing = n_rows_global - tally[f].present;
        if (feature->type == STRATA_NOMINAL && feature->n_levels == 0 && tally[f].invalid > 0)
            strata_problems_add(&problems, feature->place, STRATA_E_CONFIG,
                                "feature \"%s\" is nominal, but its column holds numbers: cast it "
                                "to text in the customers SQL, or declare its levels",
                                feature->name);
        else if (feature->role == STRATA_ROLE_BASIS && feature->missing == STRATA_MISSING_FAIL &&
                 missing > 0)
            strata_problems_add(
                &problems, feature->place, STRATA_E_DATA,
                "feature \"%s\" has no usable value for %llu of %llu customers (%llu of "
                "them invalid), and is declared `missing: fail`: repair the data, or "
                "use `missing: mean` or `missing: level`",
                feature->name, (unsigned long long)missing, (unsigned long long)n_rows_global,
                (unsigned long long)tally[f].invalid);
    }
    return strata_problems_status(&problems, err);
}

static strata_status check_multipliers(const struct strata_config *config,
                                       const struct strata_recipe *recipe, struct strata_err *err)
{
    for (size_t j = 0; j < recipe->d; j++) {
        const struct strata_feature *feature = &recipe->feature[recipe->column[j].feature];
        const double multiplier = multiplier_of(config, feature);
        if (multiplier == 0 || (multiplier >= MULTIPLIER_MIN && multiplier <= MULTIPLIER_MAX))
            continue;
        return refuse(
            &feature->place, feature->name,
            "has a weight that, times its dimension's weight, is not between 1e-30 and 1e30", err);
    }
    return STRATA_OK;
}

/* The number itself, or the position of its level. */
static void complete_number(enum strata_standardise standardise, double multiplier,
                            const struct tally *tally, struct strata_encoding *column)
{
    if (!(tally->min < tally->max)) return; /* does not vary: zeros */
    switch (standardise) {
    case STRATA_ZSCORE:
        column->offset = tally->mean;
        column->scale = multiplier / tally->sd;
        break;
    case STRATA_RANGE:
        column->offset = tally->min;
        column->scale = multiplier / (tally->max - tally->min);
        break;
    case STRATA_RAW:
        column->scale = multiplier;
        break;
    }
    column->fill = (tally->mean - column->offset) * column->scale;
}

/* A feature varies when present values differ, or when missing is a level beside them. */
static bool varies(const struct strata_feature *feature, const struct tally *tally, uint64_t n_rows)
{
    return tally->min < tally->max || (feature->missing == STRATA_MISSING_LEVEL &&
                                       tally->present > 0 && tally->present < n_rows);
}

static void complete_indicator(const struct strata_feature *feature, double multiplier,
                               const struct tally *tally, uint64_t level_weight,
                               struct strata_encoding *column)
{
    const bool nominal = feature->type == STRATA_NOMINAL;
    column->scale = nominal ? multiplier / sqrt(2.0) : multiplier;
    if (column->level == STRATA_LEVEL_MISSING)
        column->fill = column->scale;
    else if (feature->missing != STRATA_MISSING_LEVEL)
        column->fill = (double)level_weight / (double)tally->weight * column->scale;
}

static double largest_magnitude(const struct strata_recipe *recipe, const struct tally *tally)
{
    double largest = 0;
    for (size_t j = 0; j < recipe->d; j++) {
        const struct strata_encoding *column = &recipe->column[j];
        const struct tally *t = &tally[column->feature];
        if (column->scale == 0) continue;
        double magnitude = 1;
        if (column->level == STRATA_LEVEL_NUMBER) magnitude = fmax(fabs(t->min), fabs(t->max));
        largest = fmax(largest, magnitude * column->scale);
    }
    return largest;
}

/* The finest grid on which the largest magnitude is at most 2^24. */
static int raw_exponent(double largest)
{
    if (largest == 0) return STANDARD_EXPONENT;
    int exponent = 0;
    const double fraction = frexp(largest, &exponent); /* in [1/2, 1) */
    return (fraction == 0.5 ? exponent - 1 : exponent) - STRATA_GRID_BITS;
}

strata_status strata_recipe_complete(const struct strata_config *config,
                                     const struct moments *moments, uint64_t n_rows_global,
                                     struct strata_recipe *recipe, struct strata_err *err)
{
    STRATA_TRY(check_tallies(recipe, moments->tally, n_rows_global, err));
    STRATA_TRY(check_multipliers(config, recipe, err));
    for (size_t j = 0; j < recipe->d; j++) {
        struct strata_encoding *column = &recipe->column[j];
        const struct strata_feature *feature = &recipe->feature[column->feature];
        const struct tally *tally = &moments->tally[column->feature];
        const double multiplier = multiplier_of(config, feature);
        if (!varies(feature, tally, n_rows_global)) continue;
        if (column->level == STRATA_LEVEL_NUMBER)
            complete_number(config->model.standardise, multiplier, tally, column);
        else
            complete_indicator(feature, multiplier, tally, moments->level_weight[j], column);
    }
    if (config->model.standardise == STRATA_RAW)
        recipe->grid_exponent = raw_exponent(largest_magnitude(recipe, moments->tally));
    return STRATA_OK;
}
