/* The centres of a kept model as a start for another fit, and the names of its segments. */
#include <math.h>
#include <string.h>

#include "results_impl.h"

static strata_status refuse(const char *path, const char *option, const char *why,
                            struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_DATA, "%s: %s %s", path, option, why);
}

/* A name such as a job file can give. */
static bool is_name(const char *text)
{
    const size_t n_bytes = strlen(text);
    for (size_t i = 0; i < n_bytes; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
    return n_bytes > 0 && n_bytes <= STRATA_MAX_GIVEN_NAME;
}

static bool are_names_sound(const Strata__V1__Model *model)
{
    if (model->n_segment_names != model->k || model->n_given_names > model->k) return false;
    for (size_t i = 0; i < model->n_given_names; i++) {
        const uint32_t segment = model->given_names[i];
        if (segment < 1 || segment > model->k || !is_name(model->segment_names[segment - 1]))
            return false;
    }
    return true;
}

const char *strata_model_fault(const Strata__V1__Model *model)
{
    const struct strata_estimator *estimator = strata_estimator_find(model->estimator);
    if (model->format_version > STRATA_FORMAT_VERSION)
        return "has a newer format than this program reads: use a newer strata";
    if (!estimator) return "is a model of an estimator that this program does not know";
    if (model->k < 1 || model->k > STRATA_MAX_SEGMENTS || model->d < 1 ||
        model->d > STRATA_MAX_DIMENSIONS || model->n_columns != model->d)
        return "is damaged";
    const struct strata_dims dims = {.k = model->k, .d = model->d};
    const size_t n_params = estimator->param_count(dims);
    if (!are_names_sound(model)) return "is damaged";
    if (model->n_centres ? model->n_centres != dims.k * dims.d : model->n_params != n_params)
        return "is damaged";
    for (size_t j = 0; j < model->d; j++) {
        const Strata__V1__EncodedColumn *column = model->columns[j];
        if (column->feature >= model->n_features ||
            (column->indicator == STRATA__V1__INDICATOR__INDICATOR_LEVEL &&
             column->level >= model->features[column->feature]->n_levels))
            return "is damaged";
    }
    return NULL;
}

enum strata_transform strata_feature_transform_of(const Strata__V1__Feature *feature)
{
    if (feature->transform == STRATA__V1__TRANSFORM__TRANSFORM_LOG1P) return STRATA_TRANSFORM_LOG1P;
    if (feature->transform == STRATA__V1__TRANSFORM__TRANSFORM_SQRT) return STRATA_TRANSFORM_SQRT;
    return STRATA_TRANSFORM_NONE;
}

static struct strata_start_column column_of(const Strata__V1__Model *model, size_t j)
{
    const Strata__V1__EncodedColumn *column = model->columns[j];
    const Strata__V1__Feature *feature = model->features[column->feature];
    const bool is_level = column->indicator == STRATA__V1__INDICATOR__INDICATOR_LEVEL;
    const bool is_missing = column->indicator == STRATA__V1__INDICATOR__INDICATOR_MISSING;
    return (struct strata_start_column){.feature = feature->name,
                                        .level = is_level ? feature->levels[column->level] : NULL,
                                        .is_missing = is_missing,
                                        .transform = is_level || is_missing
                                                         ? STRATA_TRANSFORM_NONE
                                                         : strata_feature_transform_of(feature)};
}

/* A centre's value before it was standardised; NaN when its column did not vary. */
static double value_of(const Strata__V1__Model *model, size_t j, double q)
{
    const Strata__V1__EncodedColumn *column = model->columns[j];
    const double value = ldexp(q, model->grid_exponent) / column->scale + column->offset;
    return isfinite(value) ? value : (double)NAN;
}

static bool fill_centres(const Strata__V1__Model *model, double *centre, struct strata_arena scratch)
{
    const struct strata_dims dims = {.k = model->k, .d = model->d};
    const struct strata_estimator *estimator = strata_estimator_find(model->estimator);
    for (size_t i = 0; i < model->n_centres; i++) centre[i] = model->centres[i];
    if (model->n_centres) return true;
    double *params = STRATA_NEW(&scratch, double, model->n_params); /* aligned, as params are */
    if (!params) return false;
    for (size_t i = 0; i < model->n_params; i++) params[i] = model->params[i];
    estimator->centres(dims, params, centre);
    return true;
}

strata_status strata_model_start(const char *path, const char *option,
                                 const struct strata_blob *model_file, struct strata_arena *keep,
                                 struct strata_start **out, struct strata_err *err)
{
    const ProtobufCMessage *message =
        strata_record_unpack(&strata__v1__model__descriptor, model_file, keep);
    if (!message) return refuse(path, option, "is no model, or a damaged one", err);
    const Strata__V1__Model *model = (const Strata__V1__Model *)message;
    const char *fault = strata_model_fault(model);
    if (fault) return refuse(path, option, fault, err);
    const size_t k = model->k, d = model->d;
    struct strata_start *start = STRATA_NEW(keep, struct strata_start, 1);
    struct strata_start_column *column = STRATA_NEW(keep, struct strata_start_column, d);
    double *value = STRATA_NEW(keep, double, k *d);
    bool *given = STRATA_NEW(keep, bool, k);
    if (!start || !column || !value || !given || !fill_centres(model, value, *keep))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory for its centres", path);
    for (size_t i = 0; i < k * d; i++) value[i] = value_of(model, i % d, value[i]);
    for (size_t j = 0; j < d; j++) column[j] = column_of(model, j);
    for (size_t i = 0; i < model->n_given_names; i++) given[model->given_names[i] - 1] = true;
    *start = (struct strata_start){.k = k,
                                   .d = d,
                                   .column = column,
                                   .value = value,
                                   .job = model->job,
                                   .name = (const char *const *)model->segment_names,
                                   .name_given = given};
    *out = start;
    return STRATA_OK;
}
