/* A packed strata.v1.Model made up for tests: `spend`, a number, and `region`, north or south, in k segments by spend: 0 to
 * 10 is the first, and so on. */
#ifndef STRATA_TESTS_FAKE_MODEL_H
#define STRATA_TESTS_FAKE_MODEL_H

#include <stdlib.h>

#include "strata/arena.h"
#include "strata/hash.h"
#include "strata/v1/model.pb-c.h"

enum { FAKE_COLUMNS = 3 };

static inline void fake_features(Strata__V1__Feature *feature, Strata__V1__EncodedColumn *column)
{
    static char *levels[] = {(char *)(uintptr_t) "north", (char *)(uintptr_t) "south"};
    for (size_t f = 0; f < 2; f++) {
        strata__v1__feature__init(&feature[f]);
        feature[f].role = STRATA__V1__ROLE__ROLE_BASIS;
        feature[f].missing = STRATA__V1__MISSING__MISSING_MEAN;
    }
    feature[0].name = feature[0].label = (char *)(uintptr_t) "spend";
    feature[0].type = STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_NUMERIC;
    feature[1].name = feature[1].label = (char *)(uintptr_t) "region";
    feature[1].type = STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_NOMINAL;
    feature[1].levels = levels;
    feature[1].n_levels = 2;
    for (uint32_t j = 0; j < FAKE_COLUMNS; j++) {
        strata__v1__encoded_column__init(&column[j]);
        column[j].feature = j > 0;
        column[j].indicator =
            j > 0 ? STRATA__V1__INDICATOR__INDICATOR_LEVEL : STRATA__V1__INDICATOR__INDICATOR_VALUE;
        column[j].level = j > 0 ? j - 1 : 0;
        column[j].scale = j > 0 ? 0.5 : 1;
    }
}

static inline unsigned char *fake_model_bytes(struct strata_arena *arena, uint32_t k,
                                              bool integer_keys, size_t *n_bytes)
{
    Strata__V1__Model model;
    Strata__V1__Feature feature[2], *features[] = {&feature[0], &feature[1]};
    Strata__V1__EncodedColumn column[FAKE_COLUMNS],
        *columns[] = {&column[0], &column[1], &column[2]};
    int32_t *centre = STRATA_NEW(arena, int32_t, k * FAKE_COLUMNS);
    double *params = STRATA_NEW(arena, double, k *FAKE_COLUMNS);
    char **name = STRATA_NEW(arena, char *, k);
    if (!centre || !params || !name) abort();
    strata__v1__model__init(&model);
    fake_features(feature, column);
    for (uint32_t i = 0; i < k * FAKE_COLUMNS; i++) {
        if (i % FAKE_COLUMNS == 0) centre[i] = (int32_t)(i / FAKE_COLUMNS * 10 + 5) * 65536;
        params[i] = centre[i];
        name[i / FAKE_COLUMNS] = (char *)(uintptr_t) "segment";
    }
    model.format_version = 1;
    model.key_type =
        integer_keys ? STRATA__V1__KEY_TYPE__KEY_TYPE_INTEGER : STRATA__V1__KEY_TYPE__KEY_TYPE_TEXT;
    model.estimator = (char *)(uintptr_t) "kmeans";
    model.k = k;
    model.d = FAKE_COLUMNS;
    model.grid_exponent = -16;
    model.features = features;
    model.n_features = 2;
    model.columns = columns;
    model.n_columns = FAKE_COLUMNS;
    model.centres = centre;
    model.n_centres = k * FAKE_COLUMNS;
    model.segment_names = name;
    model.n_segment_names = k;
    model.state_hash = strata_hash(params, k * FAKE_COLUMNS * sizeof *params);
    unsigned char *bytes =
        STRATA_NEW(arena, unsigned char, strata__v1__model__get_packed_size(&model));
    if (!bytes) abort();
    *n_bytes = strata__v1__model__pack(&model, bytes);
    return bytes;
}

#endif
