/* Plain views of figures: health, evaluation, quality, manifest. */
#include "client_impl.h"

#include <math.h>

void strata_view_health(const Strata__V1__HealthReply *reply, struct strata_health_view *view)
{
    static const char *const words[] = {
        [STRATA__V1__HEALTH__HEALTH_UNSPECIFIED] = "UNKNOWN",
        [STRATA__V1__HEALTH__HEALTH_WELL] = "WELL",
        [STRATA__V1__HEALTH__HEALTH_SLOW] = "SLOW",
        [STRATA__V1__HEALTH__HEALTH_FAILED] = "FAILED",
    };
    const size_t word = (size_t)reply->health < sizeof words / sizeof *words ? reply->health : 0;
    *view = (struct strata_health_view){.word = words[word],
                                        .text = reply->text,
                                        .uptime_s = reply->uptime_s,
                                        .quiet_s = reply->quiet_s,
                                        .clients = reply->clients,
                                        .requests = reply->requests,
                                        .refused = reply->refused,
                                        .memory_bytes = reply->memory_bytes};
}

/* --- evaluation ----------------------------------------------------------------------------------- */

/* name, NAME: of a field of strata.v1.Evaluation; what it is called; in reading order */
#define EVALUATION_FIGURES(X)                                             \
    X(explained, EXPLAINED, "Explained share of the differences")         \
    X(silhouette, SILHOUETTE, "Silhouette (-1 to 1)")                     \
    X(calinski_harabasz, CALINSKI_HARABASZ, "Calinski-Harabasz")          \
    X(davies_bouldin, DAVIES_BOULDIN, "Davies-Bouldin (lower is better)") \
    X(bic, BIC, "BIC (higher is better)")                                 \
    X(log_likelihood, LOG_LIKELIHOOD, "Log-likelihood")                   \
    X(mean_posterior, MEAN_POSTERIOR, "Mean posterior")                   \
    X(agreement, AGREEMENT, "Starts that found the same")                 \
    X(within_sse, WITHIN_SSE, "SSE within segments")                      \
    X(total_sse, TOTAL_SSE, "SSE of all")

enum {
#define COUNT(name, NAME, label) FIGURE_##NAME,
    EVALUATION_FIGURES(COUNT)
#undef COUNT
        FIGURES_MOST
};

static size_t view_figures(const Strata__V1__Evaluation *from, struct strata_figure_view *figure)
{
    size_t n = 0;
#define FIGURE(name, NAME, text)                                                \
    if (from->has_##name##_case == STRATA__V1__EVALUATION__HAS_##NAME##_##NAME) \
        figure[n++] = (struct strata_figure_view){(text), from->name};
    EVALUATION_FIGURES(FIGURE)
#undef FIGURE
    return n;
}

static void view_choice(const Strata__V1__SegmentNumber *from, struct strata_choice_view *view)
{
    *view = (struct strata_choice_view){
        .k = from->k,
        .objective = from->has_objective_case == STRATA__V1__SEGMENT_NUMBER__HAS_OBJECTIVE_OBJECTIVE
                         ? from->objective
                         : (double)NAN,
        .score = from->has_score_case == STRATA__V1__SEGMENT_NUMBER__HAS_SCORE_SCORE ? from->score
                                                                                     : (double)NAN,
        .smallest_share = from->smallest_share,
        .agreement = from->agreement,
        .eligible = from->eligible,
        .chosen = from->chosen,
    };
}

bool strata_view_evaluation(const Strata__V1__EvaluationReply *reply, struct strata_arena *keep,
                            struct strata_evaluation_view *view)
{
    *view = (struct strata_evaluation_view){
        .choice = reply->choice,
        .ending = reply->ending,
        .figure = STRATA_NEW(keep, struct strata_figure_view, FIGURES_MOST),
        .by_k = STRATA_NEW(keep, struct strata_choice_view, reply->n_by_k),
        .n_by_k = reply->n_by_k,
        .trace = reply->trace,
        .n_trace = reply->n_trace,
    };
    if (!view->figure || !view->by_k) return false;
    if (reply->evaluation) view->n_figures = view_figures(reply->evaluation, view->figure);
    for (size_t i = 0; i < reply->n_by_k; i++) view_choice(reply->by_k[i], &view->by_k[i]);
    return true;
}

/* --- quality -------------------------------------------------------------------------------------- */

static const char *constancy_words(Strata__V1__Constancy constancy)
{
    if (constancy == STRATA__V1__CONSTANCY__CONSTANCY_CONSTANT) return "constant";
    if (constancy == STRATA__V1__CONSTANCY__CONSTANCY_ALL_MISSING) return "all missing";
    return "";
}

bool strata_view_quality(const Strata__V1__Quality *quality, struct strata_arena *keep,
                         struct strata_quality_view *view)
{
    *view = (struct strata_quality_view){
        .customers = quality->customers,
        .source = STRATA_NEW(keep, struct strata_source_quality_view, quality->n_sources),
        .n_sources = quality->n_sources,
        .feature = STRATA_NEW(keep, struct strata_feature_quality_view, quality->n_features),
        .n_features = quality->n_features,
        .note = quality->notes,
        .n_notes = quality->n_notes,
        .weight = quality->weight ? quality->weight->name : "",
        .weight_total = quality->weight ? quality->weight->total : 0,
    };
    if (!view->source || !view->feature) return false;
    for (size_t i = 0; i < quality->n_sources; i++) {
        const Strata__V1__SourceQuality *from = quality->sources[i];
        view->source[i] =
            (struct strata_source_quality_view){.name = from->name,
                                                .rows = from->rows,
                                                .rejected_rows = from->rejected_rows,
                                                .null_key_rows = from->null_key_rows,
                                                .invalid_key_rows = from->invalid_key_rows,
                                                .matched_keys = from->matched_keys,
                                                .orphan_keys = from->orphan_keys};
    }
    for (size_t i = 0; i < quality->n_features; i++) {
        const Strata__V1__FeatureQuality *from = quality->features[i];
        view->feature[i] =
            (struct strata_feature_quality_view){.name = from->name,
                                                 .present = from->present,
                                                 .missing = from->missing,
                                                 .invalid = from->invalid + from->not_finite,
                                                 .clamped = from->clamped,
                                                 .constancy = constancy_words(from->constancy)};
    }
    return true;
}

/* --- manifest ------------------------------------------------------------------------------------- */

bool strata_view_manifest(const Strata__V1__Manifest *manifest, struct strata_arena *keep,
                          struct strata_manifest_view *view)
{
    *view = (struct strata_manifest_view){
        .job = manifest->job,
        .estimator = manifest->estimator,
        .strata_version = manifest->strata_version,
        .duckdb_version = manifest->duckdb_version,
        .compiler = manifest->compiler,
        .started = manifest->started,
        .ended = manifest->ended,
        .seed = manifest->seed,
        .reductions = manifest->reductions,
        .reduced_bytes = manifest->reduced_bytes,
        .ranks = manifest->ranks,
        .stage = STRATA_NEW(keep, struct strata_stage_view, manifest->n_stages),
        .n_stages = manifest->n_stages,
        .command = manifest->commands,
        .n_commands = manifest->n_commands,
        .file = STRATA_NEW(keep, struct strata_file_view, manifest->n_files),
        .n_files = manifest->n_files,
    };
    if (!view->stage || !view->file) return false;
    for (size_t i = 0; i < manifest->n_stages; i++)
        view->stage[i] = (struct strata_stage_view){.stage = manifest->stages[i]->stage,
                                                    .seconds = manifest->stages[i]->seconds};
    for (size_t i = 0; i < manifest->n_files; i++)
        view->file[i] = (struct strata_file_view){.path = manifest->files[i]->path,
                                                  .sha256 = manifest->files[i]->sha256,
                                                  .bytes = manifest->files[i]->bytes};
    return true;
}
