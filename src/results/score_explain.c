/* Why new customers are in their segments: the reasons of the assignments, told as those of the run's own customers. */
#include <math.h>
#include <string.h>

#include "customer_impl.h"
#include "score_impl.h"

/* A row that was encoded. */
struct place {
    const struct strata_scorer *scorer;
    const double *raw; /* (n_features) */
};

static bool has_value(const void *context, size_t feature)
{
    const struct place *place = context;
    return !isnan(
        strata_feature_transform(&place->scorer->recipe.feature[feature], place->raw[feature]));
}

/* As the run's assignments have the customer's own value: a level, or a number.  False when there is no room. */
static bool keep_reason(const struct score_bound *bound, const struct strata_reason *reason,
                        double raw, size_t row, struct strata_arena *keep,
                        struct strata_kept_reason *out)
{
    const struct strata_feature *feature = &bound->scorer->recipe.feature[reason->feature];
    const struct strata_score_column *column = bound->of[reason->feature];
    const bool has_levels = feature->type == STRATA_ORDINAL || feature->type == STRATA_NOMINAL;
    const char *level =
        has_levels || column->n_texts ? feature->level[(size_t)raw] : NULL; /* the model's */
    *out = (struct strata_kept_reason){
        .name = feature->name,
        .level = level ? strata_arena_copy(keep, level, strlen(level)) : NULL,
        .number = level ? 0.0 : column->number[row] + 0.0,
        .share = rint(1000 * reason->share) / 1000.0};
    return !level || out->level;
}

static bool find_reasons(const struct score_bound *bound, const float *x, const double *raw,
                         size_t row, const struct strata_assignment *of, double *contribution,
                         struct strata_arena *keep, struct strata_found_customer *out)
{
    const struct strata_scorer *scorer = bound->scorer;
    const struct place place = {scorer, raw};
    if (of->runner_up < 0) return true;
    strata_reasons_contribute(scorer->reasoning, x, (size_t)of->label, (size_t)of->runner_up,
                              contribution);
    const struct strata_reasons reasons =
        strata_reasons_pick(contribution, scorer->recipe.n_features, has_value, &place);
    bool has_room = true;
    for (size_t i = 0; has_room && i < reasons.n; i++)
        has_room = keep_reason(bound, &reasons.reason[i], raw[reasons.reason[i].feature], row, keep,
                               &out->reason[i]);
    return has_room;
}

/* What all rows of a batch need. */
struct room {
    double *raw, *contribution;
    float *x;
    struct strata_assignment *assignment;
};

static bool take_room(const struct strata_scorer *scorer, size_t n, struct strata_arena *keep,
                      struct room *out)
{
    const struct strata_recipe *recipe = &scorer->recipe;
    *out = (struct room){.raw = STRATA_NEW(keep, double, n * recipe->n_features),
                         .contribution = STRATA_NEW(keep, double, recipe->n_features),
                         .x = STRATA_NEW(keep, float, n * recipe->d),
                         .assignment = STRATA_NEW(keep, struct strata_assignment, n)};
    return out->raw && out->contribution && out->x && out->assignment;
}

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the reasons");
}

strata_status strata_explain(const struct strata_scorer *scorer, const Strata__V1__Result *record,
                             const struct strata_score_batch *batch, struct strata_arena *keep,
                             Strata__V1__CustomerReply ***out, uint64_t *invalid,
                             struct strata_err *err)
{
    const struct strata_recipe *recipe = &scorer->recipe;
    struct score_bound bound = {.scorer = scorer};
    struct room room;
    *invalid = 0;
    if (batch->n > STRATA_EXPLAIN_ROWS_MAX)
        return STRATA_FAIL(err, STRATA_E_USAGE, "at most %d customers are explained at once",
                           STRATA_EXPLAIN_ROWS_MAX);
    STRATA_TRY(strata_score_bind(scorer, batch, keep, &bound, err));
    Strata__V1__CustomerReply **list = STRATA_NEW(keep, Strata__V1__CustomerReply *, batch->n);
    if (!list || !take_room(scorer, batch->n, keep, &room)) return no_room(err);
    STRATA_TRY(strata_score_encode(&bound, 0, batch->n, room.raw, room.x, invalid, err));
    const struct strata_rows rows = {.n = batch->n, .d = recipe->d, .x = room.x};
    strata_clustering_assign(&scorer->model, &rows, 0, batch->n, room.assignment);
    if (scorer->model.dims.k != record->n_segments)
        return STRATA_FAIL(err, STRATA_E_DATA, "the model and the record are not of one run");
    for (size_t i = 0; i < batch->n; i++) {
        const struct strata_assignment *of = &room.assignment[i];
        struct strata_found_customer found = {.any = true,
                                              .segment = (uint32_t)(of->label + 1),
                                              .runner_up = (uint32_t)(of->runner_up + 1),
                                              .distance = of->distance,
                                              .posterior = of->posterior,
                                              .margin = of->margin};
        if (!find_reasons(&bound, room.x + i * recipe->d, room.raw + i * recipe->n_features, i, of,
                          room.contribution, keep, &found))
            return no_room(err);
        list[i] = strata_customer_reply(record, &found, keep);
        if (!list[i]) return no_room(err);
    }
    *out = list;
    return STRATA_OK;
}
