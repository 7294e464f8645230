/* From raw values to grid integers, by the recipe.  The one place where this is written: the
 * matrix and the scoring of new customers both come here. */
#include <math.h>

#include "features/features_impl.h"

#define GRID_MAX 0x1p24 /* 2^STRATA_GRID_BITS */

double strata_feature_transform(const struct strata_feature *feature, double raw)
{
    if (feature->type != STRATA_NUMERIC && feature->type != STRATA_COUNT) return raw;
    switch (feature->transform) {
    case STRATA_TRANSFORM_LOG1P:
        return raw > -1 ? strata_log1p(raw) : (double)NAN;
    case STRATA_TRANSFORM_SQRT:
        return raw >= 0 ? sqrt(raw) : (double)NAN;
    case STRATA_TRANSFORM_NONE:
        break;
    }
    return raw;
}

static double encoded(const struct strata_encoding *column, double transformed)
{
    if (isnan(transformed)) return column->fill;
    double raw = 0;
    if (column->level == STRATA_LEVEL_NUMBER)
        raw = transformed;
    else if (column->level >= 0)
        raw = transformed == column->level;
    return (raw - column->offset) * column->scale;
}

/* The nearest integer, half to even: adding 1.5 * 2^52 leaves no room for a fraction. */
static double nearest_integer(double value)
{
    const double shift = 0x1.8p52;
    return (value + shift) - shift;
}

void strata_recipe_encode(const struct strata_recipe *recipe, const double *raw, float *x,
                          uint64_t *clamped)
{
    const double per_unit = ldexp(1.0, -recipe->grid_exponent);
    size_t feature = SIZE_MAX;
    double transformed = 0;
    for (size_t j = 0; j < recipe->d; j++) {
        const struct strata_encoding *column = &recipe->column[j];
        if (column->feature != feature) {
            feature = column->feature;
            transformed = strata_feature_transform(&recipe->feature[feature], raw[feature]);
        }
        double q = encoded(column, transformed) * per_unit;
        if (fabs(q) > GRID_MAX) {
            q = q < 0 ? -GRID_MAX : GRID_MAX;
            if (clamped) clamped[feature]++;
        }
        x[j] = (float)nearest_integer(q);
    }
}
