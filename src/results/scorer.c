/* From a kept model to what scores with it: the recipe, the estimator's params, and tables of levels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score_impl.h"
#include "strata/hash.h"

#define GRID_MAX 0x1p24 /* 2^STRATA_GRID_BITS */
#define EXPONENT_MAX 1000

static strata_status refuse(const char *path, const char *why, struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_DATA, "%s %s", path, why);
}

static strata_status no_room(const char *path, struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no room for the model", path);
}

/* --- the recipe ---------------------------------------------------------------------------------- */

static enum strata_missing missing_of(const Strata__V1__Feature *feature)
{
    if (feature->missing == STRATA__V1__MISSING__MISSING_LEVEL) return STRATA_MISSING_LEVEL;
    if (feature->missing == STRATA__V1__MISSING__MISSING_FAIL) return STRATA_MISSING_FAIL;
    return STRATA_MISSING_MEAN;
}

static struct strata_feature feature_of(const Strata__V1__Feature *in)
{
    const bool is_basis = in->role == STRATA__V1__ROLE__ROLE_BASIS;
    return (struct strata_feature){.name = in->name,
                                   .label = in->label,
                                   .type = strata_feature_type_of(in),
                                   .role = is_basis ? STRATA_ROLE_BASIS : STRATA_ROLE_DESCRIPTOR,
                                   .transform = strata_feature_transform_of(in),
                                   .missing = missing_of(in),
                                   .unit = in->unit,
                                   .level = (const char *const *)in->levels,
                                   .n_levels = in->n_levels};
}

static struct strata_encoding encoding_of(const Strata__V1__EncodedColumn *in)
{
    int level = STRATA_LEVEL_NUMBER;
    if (in->indicator == STRATA__V1__INDICATOR__INDICATOR_LEVEL) level = (int)in->level;
    if (in->indicator == STRATA__V1__INDICATOR__INDICATOR_MISSING) level = STRATA_LEVEL_MISSING;
    return (struct strata_encoding){.feature = in->feature,
                                    .level = level,
                                    .label = in->label,
                                    .offset = in->offset,
                                    .scale = in->scale,
                                    .fill = in->fill};
}

static bool is_sound(const struct strata_encoding *column)
{
    return isfinite(column->offset) && isfinite(column->scale) && isfinite(column->fill);
}

static strata_status make_recipe(const char *path, const Strata__V1__Model *model,
                                 struct strata_arena *keep, struct strata_recipe *out,
                                 struct strata_err *err)
{
    struct strata_feature *feature = STRATA_NEW(keep, struct strata_feature, model->n_features);
    out->column = STRATA_NEW(keep, struct strata_encoding, model->d);
    if (!feature || !out->column) return no_room(path, err);
    for (size_t f = 0; f < model->n_features; f++) feature[f] = feature_of(model->features[f]);
    for (size_t j = 0; j < model->d; j++) {
        out->column[j] = encoding_of(model->columns[j]);
        if (!is_sound(&out->column[j])) return refuse(path, "is damaged", err);
    }
    out->feature = feature;
    out->n_features = model->n_features;
    out->d = model->d;
    out->grid_exponent = model->grid_exponent;
    return STRATA_OK;
}

/* --- levels -------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    const struct score_level *one = a, *other = b;
    const int order = strcmp(one->text, other->text);
    if (order != 0) return order;
    return one->place < other->place ? -1 : 1;
}

static bool sort_levels(const struct strata_feature *feature, struct strata_arena *keep,
                        struct score_feature *out)
{
    if (feature->n_levels == 0 || feature->type == STRATA_NUMERIC || feature->type == STRATA_COUNT)
        return true;
    struct score_level *level = STRATA_NEW(keep, struct score_level, feature->n_levels);
    if (!level) return false;
    for (size_t l = 0; l < feature->n_levels; l++)
        level[l] = (struct score_level){feature->level[l], l};
    qsort(level, feature->n_levels, sizeof *level, by_text);
    out->level = level;
    out->n_levels = feature->n_levels;
    return true;
}

/* As the encoding would read a column of numbers, if it would. */
static bool bind_numbers(const struct strata_feature *feature, struct strata_arena *keep,
                         struct score_feature *out)
{
    struct strata_column column = {.name = feature->name, .kind = STRATA_COLUMN_NUMBER};
    const struct strata_recipe alone = {.feature = feature, .n_features = 1};
    const struct strata_table table = {.column = &column, .n_columns = 1};
    const struct strata_binding *binding = NULL;
    struct strata_err misfit = {0};
    const strata_status status = strata_recipe_bind(&alone, &table, keep, &binding, &misfit);
    const bool has_levels = feature->type == STRATA_ORDINAL || feature->type == STRATA_NOMINAL;
    out->takes_numbers = status == STRATA_OK && !(has_levels && feature->n_levels == 0);
    if (status == STRATA_OK) out->number = *binding;
    return status != STRATA_E_MEMORY;
}

static strata_status make_features(const char *path, struct strata_arena *keep,
                                   struct strata_scorer *out, struct strata_err *err)
{
    const struct strata_recipe *recipe = &out->recipe;
    out->feature = STRATA_NEW(keep, struct score_feature, recipe->n_features);
    if (!out->feature) return no_room(path, err);
    for (size_t f = 0; f < recipe->n_features; f++) {
        const struct strata_feature *feature = &recipe->feature[f];
        out->feature[f].is_basis = feature->role == STRATA_ROLE_BASIS;
        if (!out->feature[f].is_basis) continue;
        if (!sort_levels(feature, keep, &out->feature[f]) ||
            !bind_numbers(feature, keep, &out->feature[f]))
            return no_room(path, err);
    }
    return STRATA_OK;
}

/* --- params -------------------------------------------------------------------------------------- */

/* What the kernels count on, of params that anybody may have written. */
static bool are_params_sound(const struct strata_clustering *model, size_t n_params)
{
    for (size_t i = 0; i < n_params; i++) {
        const double value = model->params[i];
        if (isnan(value)) return false;
        if (!model->estimator->soft && (fabs(value) > GRID_MAX || value != rint(value)))
            return false;
    }
    return strata_hash(model->params, n_params * sizeof *model->params) == model->state_hash;
}

static strata_status make_model(const char *path, const Strata__V1__Model *model,
                                struct strata_arena *keep, struct strata_clustering *out,
                                struct strata_err *err)
{
    const struct strata_dims dims = {.k = model->k, .d = model->d};
    *out = (struct strata_clustering){.estimator = strata_estimator_find(model->estimator),
                                      .dims = dims,
                                      .state_hash = model->state_hash,
                                      .grid_exponent = model->grid_exponent};
    const size_t n_params = out->estimator->param_count(dims);
    out->params = STRATA_NEW(keep, double, n_params);
    if (!out->params) return no_room(path, err);
    if (model->n_centres && model->n_centres != n_params) return refuse(path, "is damaged", err);
    for (size_t i = 0; i < n_params; i++)
        out->params[i] = model->n_centres ? model->centres[i] : model->params[i];
    if (abs(model->grid_exponent) > EXPONENT_MAX || !are_params_sound(out, n_params))
        return refuse(path, "is damaged", err);
    return STRATA_OK;
}

strata_status strata_scorer_open(const char *path, const struct strata_blob *model_file,
                                 struct strata_arena *keep, struct strata_scorer **out,
                                 struct strata_err *err)
{
    const ProtobufCMessage *message =
        strata_record_unpack(&strata__v1__model__descriptor, model_file, keep);
    if (!message) return refuse(path, "is no model, or a damaged one", err);
    const Strata__V1__Model *model = (const Strata__V1__Model *)message;
    const char *fault = strata_model_fault(model);
    if (fault) return refuse(path, fault, err);
    struct strata_scorer *scorer = STRATA_NEW(keep, struct strata_scorer, 1);
    if (!scorer) return no_room(path, err);
    STRATA_TRY(make_model(path, model, keep, &scorer->model, err));
    STRATA_TRY(make_recipe(path, model, keep, &scorer->recipe, err));
    STRATA_TRY(make_features(path, keep, scorer, err));
    scorer->reasoning = strata_reasoning_make(&scorer->model, &scorer->recipe, keep);
    if (!scorer->reasoning) return no_room(path, err);
    *out = scorer;
    return STRATA_OK;
}

uint64_t strata_scorer_hash(const struct strata_scorer *scorer)
{
    return scorer->model.state_hash;
}
