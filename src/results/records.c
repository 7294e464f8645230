/* From what the stages returned to the messages of proto/: one small function for each message. */
#include <math.h>
#include <string.h>

#include "results_impl.h"

/* --- quality --------------------------------------------------------------------------------- */

static Strata__V1__Constancy constancy(int constant)
{
    switch (constant) {
    case 1:
        return STRATA__V1__CONSTANCY__CONSTANCY_CONSTANT;
    case 2:
        return STRATA__V1__CONSTANCY__CONSTANCY_ALL_MISSING;
    default:
        return STRATA__V1__CONSTANCY__CONSTANCY_VARIES;
    }
}

static void fill_source_quality(struct strata_maker *maker, const struct strata_source_quality *in,
                                Strata__V1__SourceQuality *out)
{
    out->name = strata_maker_text(maker, in->name);
    out->rows = in->rows;
    out->rejected_rows = in->rejected_rows;
    out->null_key_rows = in->null_key_rows;
    out->invalid_key_rows = in->invalid_key_rows;
    out->keys = in->keys;
    out->orphan_keys = in->orphan_keys;
    out->matched_keys = in->matched_keys;
}

static void fill_feature_quality(struct strata_maker *maker, const struct strata_feature_quality *in,
                                 Strata__V1__FeatureQuality *out)
{
    out->name = strata_maker_text(maker, in->name);
    out->present = in->present;
    out->missing = in->missing;
    out->not_finite = in->not_finite;
    out->clamped = in->clamped;
    out->invalid = in->invalid;
    out->distinct = in->distinct;
    out->constancy = constancy(in->constant);
}

static Strata__V1__WeightQuality *make_weight_quality(struct strata_maker *maker,
                                                      const struct strata_weight_quality *in)
{
    Strata__V1__WeightQuality *out =
        strata_maker_message(maker, &strata__v1__weight_quality__descriptor);
    if (!out) return NULL;
    out->name = strata_maker_text(maker, in->name);
    out->total = in->total;
    out->unit = in->unit;
    out->rounded = in->rounded;
    return out;
}

static Strata__V1__Quality *make_quality(struct strata_maker *maker,
                                         const struct strata_quality *quality)
{
    Strata__V1__Quality *out = strata_maker_message(maker, &strata__v1__quality__descriptor);
    if (!out) return NULL;
    out->format_version = STRATA_FORMAT_VERSION;
    out->customers = quality->customers;
    out->sources = strata_maker_list(maker, &strata__v1__source_quality__descriptor,
                                     quality->n_sources, &out->n_sources);
    for (size_t i = 0; i < out->n_sources; i++)
        fill_source_quality(maker, &quality->source[i], out->sources[i]);
    out->features = strata_maker_list(maker, &strata__v1__feature_quality__descriptor,
                                      quality->n_features, &out->n_features);
    for (size_t i = 0; i < out->n_features; i++)
        fill_feature_quality(maker, &quality->feature[i], out->features[i]);
    out->notes = quality->n_notes ? STRATA_NEW(maker->keep, char *, quality->n_notes) : NULL;
    out->n_notes = out->notes ? quality->n_notes : 0;
    for (size_t i = 0; i < out->n_notes; i++)
        out->notes[i] = strata_maker_text(maker, quality->note[i]);
    if (quality->n_notes && !out->notes) maker->full = true;
    if (quality->weight.name) out->weight = make_weight_quality(maker, &quality->weight);
    return out;
}

Strata__V1__Quality *strata_quality_record(const struct strata_quality *quality,
                                           struct strata_arena *keep)
{
    struct strata_maker maker = {.keep = keep};
    Strata__V1__Quality *out = make_quality(&maker, quality);
    return maker.full ? NULL : out;
}

/* --- features -------------------------------------------------------------------------------- */

static Strata__V1__FeatureType feature_type(enum strata_feature_type type)
{
    switch (type) {
    case STRATA_NUMERIC:
        return STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_NUMERIC;
    case STRATA_COUNT:
        return STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_COUNT;
    case STRATA_ORDINAL:
        return STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_ORDINAL;
    case STRATA_NOMINAL:
        return STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_NOMINAL;
    case STRATA_BINARY:
        return STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_BINARY;
    }
    return STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_UNSPECIFIED;
}

static Strata__V1__Dimension dimension(enum strata_dimension dimension_)
{
    switch (dimension_) {
    case STRATA_DEMOGRAPHIC:
        return STRATA__V1__DIMENSION__DIMENSION_DEMOGRAPHIC;
    case STRATA_GEOGRAPHIC:
        return STRATA__V1__DIMENSION__DIMENSION_GEOGRAPHIC;
    case STRATA_PSYCHOGRAPHIC:
        return STRATA__V1__DIMENSION__DIMENSION_PSYCHOGRAPHIC;
    case STRATA_BEHAVIOURAL:
        return STRATA__V1__DIMENSION__DIMENSION_BEHAVIOURAL;
    case STRATA_FIRMOGRAPHIC:
        return STRATA__V1__DIMENSION__DIMENSION_FIRMOGRAPHIC;
    case STRATA_TECHNOGRAPHIC:
        return STRATA__V1__DIMENSION__DIMENSION_TECHNOGRAPHIC;
    case STRATA_DIMENSION_COUNT:
        break;
    }
    return STRATA__V1__DIMENSION__DIMENSION_UNSPECIFIED;
}

static Strata__V1__Role role(enum strata_role role_)
{
    switch (role_) {
    case STRATA_ROLE_BASIS:
        return STRATA__V1__ROLE__ROLE_BASIS;
    case STRATA_ROLE_DESCRIPTOR:
        return STRATA__V1__ROLE__ROLE_DESCRIPTOR;
    case STRATA_ROLE_OUTCOME:
        return STRATA__V1__ROLE__ROLE_OUTCOME;
    case STRATA_ROLE_SENSITIVE:
        return STRATA__V1__ROLE__ROLE_SENSITIVE;
    case STRATA_ROLE_WEIGHT:
        return STRATA__V1__ROLE__ROLE_WEIGHT;
    }
    return STRATA__V1__ROLE__ROLE_UNSPECIFIED;
}

static Strata__V1__Transform transform(enum strata_transform transform_)
{
    switch (transform_) {
    case STRATA_TRANSFORM_NONE:
        return STRATA__V1__TRANSFORM__TRANSFORM_NONE;
    case STRATA_TRANSFORM_LOG1P:
        return STRATA__V1__TRANSFORM__TRANSFORM_LOG1P;
    case STRATA_TRANSFORM_SQRT:
        return STRATA__V1__TRANSFORM__TRANSFORM_SQRT;
    }
    return STRATA__V1__TRANSFORM__TRANSFORM_UNSPECIFIED;
}

static Strata__V1__Missing missing(enum strata_missing missing_)
{
    switch (missing_) {
    case STRATA_MISSING_MEAN:
        return STRATA__V1__MISSING__MISSING_MEAN;
    case STRATA_MISSING_LEVEL:
        return STRATA__V1__MISSING__MISSING_LEVEL;
    case STRATA_MISSING_FAIL:
        return STRATA__V1__MISSING__MISSING_FAIL;
    }
    return STRATA__V1__MISSING__MISSING_UNSPECIFIED;
}

/* Levels in their declared order, or as the table has them where none are declared. */
struct levels {
    const char *const *text;
    size_t n;
};

static struct levels levels_of(const struct strata_outcome *outcome, size_t feature)
{
    const struct strata_feature *in = &outcome->features->recipe.feature[feature];
    if (in->n_levels) return (struct levels){in->level, in->n_levels};
    const struct strata_column *column = &outcome->personas->column[feature];
    return (struct levels){column->level, column->kind == STRATA_COLUMN_TEXT ? column->n_levels : 0};
}

static void fill_feature(struct strata_maker *maker, const struct strata_outcome *outcome,
                         size_t feature, Strata__V1__Feature *out)
{
    const struct strata_feature *in = &outcome->features->recipe.feature[feature];
    const struct levels levels = levels_of(outcome, feature);
    out->name = strata_maker_text(maker, in->name);
    out->label = strata_maker_text(maker, in->label ? in->label : in->name);
    out->type = feature_type(in->type);
    out->dimension = dimension(in->dimension);
    out->role = role(in->role);
    out->transform = transform(in->transform);
    out->missing = missing(in->missing);
    out->weight = in->weight;
    out->meaning = strata_maker_text(maker, in->meaning);
    out->unit = strata_maker_text(maker, in->unit);
    out->levels = levels.n ? STRATA_NEW(maker->keep, char *, levels.n) : NULL;
    if (levels.n && !out->levels) maker->full = true;
    out->n_levels = out->levels ? levels.n : 0;
    for (size_t i = 0; i < out->n_levels; i++)
        out->levels[i] = strata_maker_text(maker, levels.text[i]);
}

Strata__V1__Feature **strata_feature_records(struct strata_maker *maker,
                                             const struct strata_outcome *outcome, size_t *count)
{
    Strata__V1__Feature **list = strata_maker_list(maker, &strata__v1__feature__descriptor,
                                                   outcome->features->recipe.n_features, count);
    for (size_t i = 0; i < *count; i++) fill_feature(maker, outcome, i, list[i]);
    return list;
}

/* --- segments -------------------------------------------------------------------------------- */

/* Where a level of the table's column stands in the record's list; SIZE_MAX: not there. */
static size_t level_place(const struct strata_outcome *outcome, size_t feature, size_t level)
{
    const struct strata_column *column = &outcome->personas->column[feature];
    const struct levels levels = levels_of(outcome, feature);
    if (column->kind != STRATA_COLUMN_TEXT || level >= column->n_levels)
        return level < levels.n ? level : SIZE_MAX;
    for (size_t i = 0; i < levels.n; i++)
        if (strcmp(levels.text[i], column->level[level]) == 0) return i;
    return SIZE_MAX;
}

/* By the record's order of levels; hidden shares are NaN and are left out. */
static void fill_shares(struct strata_maker *maker, const struct strata_outcome *outcome,
                        size_t feature, const double *share, Strata__V1__ProfileCell *out)
{
    const size_t n = levels_of(outcome, feature).n;
    const size_t n_column = outcome->personas->column[feature].n_levels;
    size_t *at = n ? STRATA_NEW(maker->keep, size_t, n) : NULL; /* 1 + level of the column */
    size_t n_shown = 0, count = 0;
    if (n && !at) maker->full = true;
    for (size_t level = 0; at && level < n_column; level++) {
        const size_t place = level_place(outcome, feature, level);
        if (place < n && isfinite(share[level])) at[place] = level + 1;
        n_shown += place < n && isfinite(share[level]);
    }
    out->shares = strata_maker_list(maker, &strata__v1__level_share__descriptor, n_shown, &count);
    for (size_t place = 0; at && place < n && out->n_shares < count; place++) {
        if (at[place] == 0) continue;
        out->shares[out->n_shares]->level = (uint32_t)place;
        out->shares[out->n_shares++]->share = share[at[place] - 1];
    }
}

static void fill_cell(struct strata_maker *maker, const struct strata_outcome *outcome,
                      size_t feature, const struct strata_profile_cell *in,
                      Strata__V1__ProfileCell *out)
{
    out->hidden = in->hidden;
    if (in->hidden) return; /* not even its counts are published */
    out->count = in->count;
    out->missing = in->missing;
    PUT_REAL(out, mean, STRATA__V1__PROFILE_CELL__HAS_MEAN_MEAN, in->mean);
    PUT_REAL(out, sd, STRATA__V1__PROFILE_CELL__HAS_SD_SD, in->sd);
    PUT_REAL(out, low, STRATA__V1__PROFILE_CELL__HAS_LOW_LOW, in->low);
    PUT_REAL(out, median, STRATA__V1__PROFILE_CELL__HAS_MEDIAN_MEDIAN, in->median);
    PUT_REAL(out, high, STRATA__V1__PROFILE_CELL__HAS_HIGH_HIGH, in->high);
    PUT_REAL(out, index, STRATA__V1__PROFILE_CELL__HAS_INDEX_INDEX, in->index);
    PUT_REAL(out, effect, STRATA__V1__PROFILE_CELL__HAS_EFFECT_EFFECT, in->effect);
    const size_t level =
        in->level >= 0 ? level_place(outcome, feature, (size_t)in->level) : SIZE_MAX;
    if (level != SIZE_MAX) PUT_INDEX(out, level, STRATA__V1__PROFILE_CELL__HAS_LEVEL_LEVEL, level);
    strata_effect_fill(in, out);
    if (in->share) fill_shares(maker, outcome, feature, in->share, out);
}

Strata__V1__ProfileCell **strata_cell_records(struct strata_maker *maker,
                                              const struct strata_outcome *outcome,
                                              const struct strata_profile_cell *cell, size_t *count)
{
    Strata__V1__ProfileCell **list = strata_maker_list(maker, &strata__v1__profile_cell__descriptor,
                                                       outcome->personas->n_features, count);
    for (size_t i = 0; i < *count; i++) fill_cell(maker, outcome, i, &cell[i], list[i]);
    return list;
}

static void fill_marker(const struct strata_outcome *outcome, const struct strata_marker *in,
                        const struct strata_profile_cell *cell, Strata__V1__Marker *out)
{
    const size_t level =
        in->level >= 0 ? level_place(outcome, in->feature, (size_t)in->level) : SIZE_MAX;
    out->feature = (uint32_t)in->feature;
    if (level != SIZE_MAX) PUT_INDEX(out, level, STRATA__V1__MARKER__HAS_LEVEL_LEVEL, level);
    out->effect = in->effect;
    PUT_REAL(out, effect_low, STRATA__V1__MARKER__HAS_EFFECT_LOW_EFFECT_LOW, cell->effect_low);
    PUT_REAL(out, effect_high, STRATA__V1__MARKER__HAS_EFFECT_HIGH_EFFECT_HIGH, cell->effect_high);
    PUT_REAL(out, p, STRATA__V1__MARKER__HAS_P_P, cell->p);
}

Strata__V1__Marker **strata_marker_records(struct strata_maker *maker,
                                           const struct strata_outcome *outcome,
                                           const struct strata_marker *marker, size_t n,
                                           const struct strata_profile_cell *cell, size_t *count)
{
    Strata__V1__Marker **list = strata_maker_list(maker, &strata__v1__marker__descriptor, n, count);
    for (size_t i = 0; i < *count; i++)
        fill_marker(outcome, &marker[i], &cell[marker[i].feature], list[i]);
    return list;
}

size_t strata_level_place(const struct strata_outcome *outcome, size_t feature, int level)
{
    return level >= 0 ? level_place(outcome, feature, (size_t)level) : SIZE_MAX;
}

void strata_statement_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                           const struct strata_statement *in, Strata__V1__Statement *out)
{
    out->text = strata_maker_text(maker, in->text);
    out->section = strata_maker_text(maker, in->section);
    out->statistic = strata_maker_text(maker, in->statistic);
    out->count = in->count;
    PUT_REAL(out, value, STRATA__V1__STATEMENT__HAS_VALUE_VALUE, in->value);
    PUT_REAL(out, reference, STRATA__V1__STATEMENT__HAS_REFERENCE_REFERENCE, in->reference);
    PUT_REAL(out, low, STRATA__V1__STATEMENT__HAS_LOW_LOW, in->low);
    PUT_REAL(out, high, STRATA__V1__STATEMENT__HAS_HIGH_HIGH, in->high);
    if (in->feature == SIZE_MAX) return;
    PUT_INDEX(out, feature, STRATA__V1__STATEMENT__HAS_FEATURE_FEATURE, in->feature);
    const size_t level = strata_level_place(outcome, in->feature, in->level);
    if (level != SIZE_MAX) PUT_INDEX(out, level, STRATA__V1__STATEMENT__HAS_LEVEL_LEVEL, level);
}

static void fill_segment(struct strata_maker *maker, const struct strata_outcome *outcome,
                         size_t segment, Strata__V1__Segment *out)
{
    const struct strata_persona *in = &outcome->personas->segment[segment];
    const struct strata_evaluation *evaluation = outcome->evaluation;
    out->id = (uint32_t)segment + 1;
    out->name = strata_maker_text(maker, in->name);
    out->definition = strata_maker_text(maker, in->definition);
    out->size = in->size;
    out->share = in->share;
    out->cells = strata_cell_records(maker, outcome, in->cell, &out->n_cells);
    out->markers =
        strata_marker_records(maker, outcome, in->marker, in->n_markers, in->cell, &out->n_markers);
    out->statements = strata_maker_list(maker, &strata__v1__statement__descriptor, in->n_statements,
                                        &out->n_statements);
    for (size_t i = 0; i < out->n_statements; i++)
        strata_statement_fill(maker, outcome, &in->statement[i], out->statements[i]);
    if (outcome->personas->weighted)
        PUT_REAL(out, weight, STRATA__V1__SEGMENT__HAS_WEIGHT_WEIGHT, in->weight);
    if (evaluation->segment_silhouette)
        PUT_REAL(out, silhouette, STRATA__V1__SEGMENT__HAS_SILHOUETTE_SILHOUETTE,
                 evaluation->segment_silhouette[segment]);
    if (evaluation->segment_sse)
        PUT_REAL(out, sse, STRATA__V1__SEGMENT__HAS_SSE_SSE, evaluation->segment_sse[segment]);
    strata_persona_fill(maker, outcome, in, out);
    strata_rule_fill(maker, outcome, in, out);
}

/* --- the fit --------------------------------------------------------------------------------- */

static Strata__V1__StopReason stop_reason(enum strata_stop_reason reason)
{
    switch (reason) {
    case STRATA_STOP_NONE:
        break;
    case STRATA_STOP_NO_LABEL_MOVED:
        return STRATA__V1__STOP_REASON__STOP_REASON_NO_LABEL_MOVED;
    case STRATA_STOP_TOLERANCE:
        return STRATA__V1__STOP_REASON__STOP_REASON_TOLERANCE;
    case STRATA_STOP_MAX_ITER:
        return STRATA__V1__STOP_REASON__STOP_REASON_MAX_ITER;
    case STRATA_STOP_ASKED:
        return STRATA__V1__STOP_REASON__STOP_REASON_ASKED;
    case STRATA_STOP_CENTRE_SHIFT:
        return STRATA__V1__STOP_REASON__STOP_REASON_CENTRE_SHIFT;
    case STRATA_STOP_MERGED:
        return STRATA__V1__STOP_REASON__STOP_REASON_MERGED;
    case STRATA_STOP_DROPPED:
        return STRATA__V1__STOP_REASON__STOP_REASON_DROPPED;
    }
    return STRATA__V1__STOP_REASON__STOP_REASON_UNSPECIFIED;
}

static Strata__V1__ChoiceRule choice_rule(enum strata_choice rule)
{
    switch (rule) {
    case STRATA_CHOOSE_AUTO:
        break;
    case STRATA_CHOOSE_ELBOW:
        return STRATA__V1__CHOICE_RULE__CHOICE_RULE_ELBOW;
    case STRATA_CHOOSE_CALINSKI_HARABASZ:
        return STRATA__V1__CHOICE_RULE__CHOICE_RULE_CALINSKI_HARABASZ;
    case STRATA_CHOOSE_SILHOUETTE:
        return STRATA__V1__CHOICE_RULE__CHOICE_RULE_SILHOUETTE;
    case STRATA_CHOOSE_BIC:
        return STRATA__V1__CHOICE_RULE__CHOICE_RULE_BIC;
    }
    return STRATA__V1__CHOICE_RULE__CHOICE_RULE_UNSPECIFIED;
}

static Strata__V1__CandidateOrigin candidate_origin(enum strata_origin origin)
{
    switch (origin) {
    case STRATA_ORIGIN_SEEDED:
        return STRATA__V1__CANDIDATE_ORIGIN__CANDIDATE_ORIGIN_SEEDED;
    case STRATA_ORIGIN_GIVEN:
        return STRATA__V1__CANDIDATE_ORIGIN__CANDIDATE_ORIGIN_GIVEN;
    case STRATA_ORIGIN_SPLIT:
        return STRATA__V1__CANDIDATE_ORIGIN__CANDIDATE_ORIGIN_SPLIT;
    case STRATA_ORIGIN_JOINED:
        return STRATA__V1__CANDIDATE_ORIGIN__CANDIDATE_ORIGIN_JOINED;
    }
    return STRATA__V1__CANDIDATE_ORIGIN__CANDIDATE_ORIGIN_UNSPECIFIED;
}

static void fill_candidate(const struct strata_candidate_result *in, Strata__V1__Candidate *out)
{
    out->k = in->k;
    out->start = in->start;
    out->iterations = in->iterations;
    out->reason = stop_reason(in->reason);
    PUT_REAL(out, objective, STRATA__V1__CANDIDATE__HAS_OBJECTIVE_OBJECTIVE, in->objective);
    out->smallest_share = in->smallest_share;
    out->eligible = in->eligible;
    out->repairs = in->repairs;
    out->origin = candidate_origin(in->origin);
    PUT_REAL(out, raced, STRATA__V1__CANDIDATE__HAS_RACED_RACED, in->raced);
    if (in->reason == STRATA_STOP_MERGED)
        PUT_INDEX(out, merged_into, STRATA__V1__CANDIDATE__HAS_MERGED_INTO_MERGED_INTO,
                  in->merged_into);
}

static void fill_by_k(const struct strata_k_result *in, bool chosen, Strata__V1__SegmentNumber *out)
{
    out->k = in->k;
    out->candidate = (uint32_t)in->candidate;
    PUT_REAL(out, objective, STRATA__V1__SEGMENT_NUMBER__HAS_OBJECTIVE_OBJECTIVE, in->objective);
    PUT_REAL(out, score, STRATA__V1__SEGMENT_NUMBER__HAS_SCORE_SCORE, in->score);
    out->smallest_share = in->smallest_share;
    out->eligible = in->eligible;
    out->agreement = in->agreement;
    out->chosen = chosen;
}

static void fill_fit(struct strata_maker *maker, const struct strata_clustering *in,
                     Strata__V1__Result *out)
{
    out->rule = choice_rule(in->rule);
    out->choice = strata_maker_text(maker, in->choice);
    out->candidates = strata_maker_list(maker, &strata__v1__candidate__descriptor, in->n_candidates,
                                        &out->n_candidates);
    for (size_t i = 0; i < out->n_candidates; i++)
        fill_candidate(&in->candidate[i], out->candidates[i]);
    out->by_k =
        strata_maker_list(maker, &strata__v1__segment_number__descriptor, in->n_k, &out->n_by_k);
    for (size_t i = 0; i < out->n_by_k; i++)
        fill_by_k(&in->by_k[i], i == in->chosen_k, out->by_k[i]);
    PUT_REAL(out, objective, STRATA__V1__RESULT__HAS_OBJECTIVE_OBJECTIVE, in->objective);
    out->trace = strata_maker_doubles(maker, in->trace, in->n_trace, &out->n_trace);
    out->iterations = in->iterations_total;
    const struct strata_candidate_result *chosen = &in->candidate[in->by_k[in->chosen_k].candidate];
    out->ending = strata_maker_text(maker, strata_stop_reason_sentence(chosen->reason));
}

/* --- evaluation ------------------------------------------------------------------------------ */

static void fill_dimension_shares(struct strata_maker *maker, const double *share,
                                  Strata__V1__Evaluation *out)
{
    size_t count = 0, n = 0;
    for (int i = 0; i < STRATA_DIMENSION_COUNT; i++) n += share[i] > 0;
    out->dimension_shares =
        strata_maker_list(maker, &strata__v1__dimension_share__descriptor, n, &count);
    for (int i = 0; i < STRATA_DIMENSION_COUNT && out->n_dimension_shares < count; i++) {
        if (!(share[i] > 0)) continue;
        Strata__V1__DimensionShare *item = out->dimension_shares[out->n_dimension_shares++];
        item->dimension = dimension((enum strata_dimension)i);
        item->share = share[i];
    }
}

static Strata__V1__Evaluation *make_evaluation(struct strata_maker *maker,
                                               const struct strata_evaluation *in)
{
#define TAG(FIELD) STRATA__V1__EVALUATION__HAS_##FIELD##_##FIELD
    Strata__V1__Evaluation *out = strata_maker_message(maker, &strata__v1__evaluation__descriptor);
    if (!out) return NULL;
    PUT_REAL(out, within_sse, TAG(WITHIN_SSE), in->within_sse);
    PUT_REAL(out, total_sse, TAG(TOTAL_SSE), in->total_sse);
    PUT_REAL(out, explained, TAG(EXPLAINED), in->explained);
    PUT_REAL(out, calinski_harabasz, TAG(CALINSKI_HARABASZ), in->calinski_harabasz);
    PUT_REAL(out, davies_bouldin, TAG(DAVIES_BOULDIN), in->davies_bouldin);
    PUT_REAL(out, silhouette, TAG(SILHOUETTE), in->silhouette);
    PUT_REAL(out, log_likelihood, TAG(LOG_LIKELIHOOD), in->log_likelihood);
    PUT_REAL(out, bic, TAG(BIC), in->bic);
    PUT_REAL(out, mean_posterior, TAG(MEAN_POSTERIOR), in->mean_posterior);
    PUT_REAL(out, agreement, TAG(AGREEMENT), in->agreement);
    if (in->dimension_share) fill_dimension_shares(maker, in->dimension_share, out);
    return out;
#undef TAG
}

/* --- the whole ------------------------------------------------------------------------------- */

Strata__V1__Result *strata_result_record(const struct strata_outcome *outcome,
                                         struct strata_arena *keep)
{
    struct strata_maker maker = {.keep = keep};
    Strata__V1__Result *out = strata_maker_message(&maker, &strata__v1__result__descriptor);
    if (!out) return NULL;
    out->format_version = STRATA_FORMAT_VERSION;
    out->job = strata_maker_text(&maker, outcome->config->job);
    out->as_of = strata_maker_text(&maker, outcome->config->as_of);
    out->customers = outcome->table->n_rows_global;
    out->estimator = strata_maker_text(&maker, outcome->clustering->estimator->name);
    out->seed = outcome->config->model.seed;
    out->min_share = outcome->config->model.min_share;
    out->columns = (uint32_t)outcome->clustering->dims.d;
    out->features = strata_feature_records(&maker, outcome, &out->n_features);
    out->segments = strata_maker_list(&maker, &strata__v1__segment__descriptor,
                                      outcome->personas->k, &out->n_segments);
    for (size_t i = 0; i < out->n_segments; i++) fill_segment(&maker, outcome, i, out->segments[i]);
    out->everybody =
        strata_cell_records(&maker, outcome, outcome->personas->everybody, &out->n_everybody);
    strata_attractiveness_fill(&maker, outcome->personas, out);
    strata_tree_fill(&maker, outcome, out);
    strata_apriori_fill(&maker, outcome, out);
    strata_sampled_fill(&maker, outcome, out);
    out->correction = strata_maker_text(&maker, "holm");
    fill_fit(&maker, outcome->clustering, out);
    out->evaluation = make_evaluation(&maker, outcome->evaluation);
    out->quality = make_quality(&maker, outcome->quality);
    return maker.full ? NULL : out;
}
