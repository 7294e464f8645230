/* The model as it is kept: everything needed to encode and to score a new customer. */
#include <math.h>

#include "results_impl.h"

static Strata__V1__Indicator indicator(int level)
{
    if (level >= 0) return STRATA__V1__INDICATOR__INDICATOR_LEVEL;
    return level == -1 ? STRATA__V1__INDICATOR__INDICATOR_VALUE
                       : STRATA__V1__INDICATOR__INDICATOR_MISSING;
}

static void fill_column(struct strata_maker *maker, const struct strata_encoding *in,
                        Strata__V1__EncodedColumn *out)
{
    out->feature = (uint32_t)in->feature;
    out->indicator = indicator(in->level);
    out->level = in->level >= 0 ? (uint32_t)in->level : 0;
    out->label = strata_maker_text(maker, in->label);
    out->offset = in->offset;
    out->scale = in->scale;
    out->fill = in->fill;
}

/* Centres are kept as the integers that they are; params of any other kind as doubles. */
static bool are_centres(const struct strata_clustering *clustering)
{
    const struct strata_dims dims = clustering->dims;
    if (clustering->estimator->param_count(dims) != dims.k * dims.d) return false;
    for (size_t i = 0; i < dims.k * dims.d; i++) {
        const double value = clustering->params[i];
        if (value != floor(value) || fabs(value) > INT32_MAX) return false;
    }
    return true;
}

static void fill_params(struct strata_maker *maker, const struct strata_clustering *clustering,
                        Strata__V1__Model *out)
{
    const size_t n = clustering->estimator->param_count(clustering->dims);
    if (!are_centres(clustering)) {
        out->params = strata_maker_doubles(maker, clustering->params, n, &out->n_params);
        return;
    }
    out->centres = STRATA_NEW(maker->keep, int32_t, n);
    if (!out->centres) maker->full = true;
    out->n_centres = out->centres ? n : 0;
    for (size_t i = 0; i < out->n_centres; i++) out->centres[i] = (int32_t)clustering->params[i];
}

static void fill_names(struct strata_maker *maker, const struct strata_personas *personas,
                       Strata__V1__Model *out)
{
    out->segment_names = STRATA_NEW(maker->keep, char *, personas->k);
    if (!out->segment_names) maker->full = true;
    out->n_segment_names = out->segment_names ? personas->k : 0;
    for (size_t i = 0; i < out->n_segment_names; i++)
        out->segment_names[i] = strata_maker_text(maker, personas->segment[i].name);
    size_t n_given = 0;
    for (size_t i = 0; i < personas->k; i++) n_given += personas->segment[i].name_given;
    if (n_given == 0) return;
    out->given_names = STRATA_NEW(maker->keep, uint32_t, n_given);
    if (!out->given_names) maker->full = true;
    for (size_t i = 0; i < personas->k && out->given_names; i++)
        if (personas->segment[i].name_given)
            out->given_names[out->n_given_names++] = (uint32_t)i + 1;
}

Strata__V1__Model *strata_model_record(const struct strata_outcome *outcome,
                                       struct strata_arena *keep)
{
    struct strata_maker maker = {.keep = keep};
    const struct strata_recipe *recipe = &outcome->features->recipe;
    const struct strata_config *config = outcome->config;
    Strata__V1__Model *out = strata_maker_message(&maker, &strata__v1__model__descriptor);
    if (!out) return NULL;
    out->format_version = STRATA_FORMAT_VERSION;
    out->job = strata_maker_text(&maker, config->job);
    out->as_of = strata_maker_text(&maker, config->as_of);
    out->key_type = config->key_type == STRATA_KEY_INTEGER ? STRATA__V1__KEY_TYPE__KEY_TYPE_INTEGER
                                                           : STRATA__V1__KEY_TYPE__KEY_TYPE_TEXT;
    out->key = strata_maker_text(&maker, config->key);
    out->estimator = strata_maker_text(&maker, outcome->clustering->estimator->name);
    out->k = (uint32_t)outcome->clustering->dims.k;
    out->d = (uint32_t)outcome->clustering->dims.d;
    out->grid_exponent = recipe->grid_exponent;
    out->features = strata_feature_records(&maker, outcome, &out->n_features);
    out->columns = strata_maker_list(&maker, &strata__v1__encoded_column__descriptor, recipe->d,
                                     &out->n_columns);
    for (size_t i = 0; i < out->n_columns; i++)
        fill_column(&maker, &recipe->column[i], out->columns[i]);
    fill_params(&maker, outcome->clustering, out);
    fill_names(&maker, outcome->personas, out);
    out->state_hash = outcome->clustering->state_hash;
    return maker.full ? NULL : out;
}
