/* Replies to Assign and Explain, made from a model: the same from a server and without one. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "strata/v1/control.pb-c.h"

#include "score_impl.h"
#include "strata/file.h"
#include "strata/log.h"

#define COLUMNS_MAX 512
#define MODEL_BYTES ((size_t)4 << 30) /* addresses only */

static void refuse(Strata__V1__Reply *reply, const struct strata_err *err,
                   struct strata_arena *arena)
{
    const char *text = strata_arena_copy(arena, err->text, strlen(err->text));
    reply->code = STRATA__V1__CODE__CODE_INTERNAL;
    if (err->code == STRATA_E_USAGE) reply->code = STRATA__V1__CODE__CODE_BAD_REQUEST;
    if (err->code == STRATA_E_DATA) reply->code = STRATA__V1__CODE__CODE_UNAVAILABLE;
    reply->text = (char *)(uintptr_t)(text ? text : "no room for the reply"); /* only packed */
    reply->body_case = STRATA__V1__REPLY__BODY__NOT_SET;
}

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the reply");
}

/* What a request asks about. */
struct asked {
    Strata__V1__Column **column;
    size_t n_columns;
    uint32_t n; /* customers */
};

static struct asked asked_of(const Strata__V1__Request *request)
{
    const Strata__V1__Assign *assign = request->assign; /* in one union with explain */
    const Strata__V1__Explain *explain = request->explain;
    if (request->body_case == STRATA__V1__REQUEST__BODY_ASSIGN)
        return (struct asked){assign->columns, assign->n_columns, assign->customers};
    return (struct asked){explain->columns, explain->n_columns, explain->customers};
}

static strata_status read_batch(const struct asked *asked, struct strata_arena *arena,
                                struct strata_score_batch *out, struct strata_err *err)
{
    if (asked->n_columns > COLUMNS_MAX)
        return STRATA_FAIL(err, STRATA_E_USAGE, "a batch has at most %d columns", COLUMNS_MAX);
    struct strata_score_column *list =
        STRATA_NEW(arena, struct strata_score_column, asked->n_columns + 1);
    if (!list) return no_room(err);
    for (size_t i = 0; i < asked->n_columns; i++) {
        const Strata__V1__Column *column = asked->column[i];
        list[i] = (struct strata_score_column){.feature = column->feature,
                                               .number = column->numbers,
                                               .text = (const char *const *)column->texts,
                                               .missing = column->missing,
                                               .n_numbers = column->n_numbers,
                                               .n_texts = column->n_texts,
                                               .n_missing = column->n_missing};
    }
    *out = (struct strata_score_batch){list, asked->n_columns, asked->n};
    return STRATA_OK;
}

/* --- assign -------------------------------------------------------------------------------------- */

static bool fill_details(const struct strata_assignment *told, size_t n, struct strata_arena *arena,
                         Strata__V1__AssignReply *out)
{
    out->runners_up = STRATA_NEW(arena, uint32_t, n);
    out->distances = STRATA_NEW(arena, double, n);
    out->posteriors = STRATA_NEW(arena, double, n);
    out->margins = STRATA_NEW(arena, double, n);
    if (!out->runners_up || !out->distances || !out->posteriors || !out->margins) return false;
    for (size_t i = 0; i < n; i++) {
        out->runners_up[i] = (uint32_t)(told[i].runner_up + 1);
        out->distances[i] = told[i].distance;
        out->posteriors[i] = told[i].posterior;
        out->margins[i] = told[i].margin;
    }
    out->n_runners_up = out->n_distances = out->n_posteriors = out->n_margins = n;
    return true;
}

static strata_status assign(const struct strata_scorer *scorer, bool details,
                            const struct strata_score_batch *batch, struct strata_arena *arena,
                            Strata__V1__Reply *reply, uint64_t *invalid, struct strata_err *err)
{
    const size_t n = batch->n < STRATA_SCORE_ROWS_MAX ? batch->n : STRATA_SCORE_ROWS_MAX;
    struct strata_assignment *told = STRATA_NEW(arena, struct strata_assignment, n + 1);
    Strata__V1__AssignReply *out = STRATA_NEW(arena, Strata__V1__AssignReply, 1);
    if (!told || !out) return no_room(err);
    STRATA_TRY(strata_score(scorer, batch, *arena, told, invalid, err));
    strata__v1__assign_reply__init(out);
    out->segments = STRATA_NEW(arena, uint32_t, n);
    if (!out->segments || (details && !fill_details(told, n, arena, out))) return no_room(err);
    for (size_t i = 0; i < n; i++) out->segments[i] = (uint32_t)(told[i].label + 1);
    out->n_segments = n;
    out->model_hash = strata_scorer_hash(scorer);
    out->invalid = *invalid;
    reply->body_case = STRATA__V1__REPLY__BODY_ASSIGN;
    reply->assign = out;
    return STRATA_OK;
}

/* --- explain ------------------------------------------------------------------------------------- */

static strata_status explain(const struct strata_scorer *scorer, const Strata__V1__Result *record,
                             const struct strata_score_batch *batch, struct strata_arena *arena,
                             Strata__V1__Reply *reply, uint64_t *invalid, struct strata_err *err)
{
    Strata__V1__ExplainReply *out = STRATA_NEW(arena, Strata__V1__ExplainReply, 1);
    if (!out) return no_room(err);
    strata__v1__explain_reply__init(out);
    STRATA_TRY(strata_explain(scorer, record, batch, arena, &out->customers, invalid, err));
    out->n_customers = batch->n;
    out->model_hash = strata_scorer_hash(scorer);
    out->invalid = *invalid;
    reply->body_case = STRATA__V1__REPLY__BODY_EXPLAIN;
    reply->explain = out;
    return STRATA_OK;
}

/* --- either -------------------------------------------------------------------------------------- */

/* One line a batch: who, how many, with which effect; never a value. */
static void audit(bool is_assign, const char *who, const struct asked *asked, uint64_t invalid,
                  strata_status status)
{
    STRATA_LOG(INFO, is_assign ? "audit.assign" : "audit.explain",
               "who=%s customers=%" PRIu32 " columns=%zu invalid=%" PRIu64 " effect=%s",
               who[0] ? who : "unknown", asked->n, asked->n_columns, invalid,
               status == STRATA_OK ? "told" : "refused");
}

void strata_score_answer(const struct strata_scorer *scorer, const Strata__V1__Result *record,
                         const Strata__V1__Request *request, const char *who,
                         struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const bool is_assign = request->body_case == STRATA__V1__REQUEST__BODY_ASSIGN;
    const struct asked asked = asked_of(request);
    struct strata_score_batch batch = {.n = 0};
    struct strata_err err = {0};
    uint64_t invalid = 0;
    reply->code = STRATA__V1__CODE__CODE_OK;
    strata_status status = read_batch(&asked, arena, &batch, &err);
    if (status == STRATA_OK && is_assign)
        status = assign(scorer, request->assign->details, &batch, arena, reply, &invalid, &err);
    else if (status == STRATA_OK)
        status = explain(scorer, record, &batch, arena, reply, &invalid, &err);
    audit(is_assign, who, &asked, invalid, status);
    if (status != STRATA_OK) refuse(reply, &err, arena);
}

strata_status strata_scorer_read(const char *directory, struct strata_arena *keep,
                                 struct strata_scorer **out, struct strata_err *err)
{
    char *bytes = NULL;
    struct strata_blob model = {0};
    struct strata_arena file = {0};
    const char *path = strata_path_join(directory, "model.pb", keep);
    if (!path || !strata_arena_init(&file, STRATA_RECORD_BYTES_MAX + 4096))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the model");
    strata_status status =
        strata_file_read(path, STRATA_RECORD_BYTES_MAX, &file, &bytes, &model.n_bytes, err);
    model.bytes = (unsigned char *)bytes;
    if (status == STRATA_OK) status = strata_scorer_open(path, &model, keep, out, err);
    strata_arena_finish(&file);
    return status;
}

strata_status strata_score_look(const char *directory, const Strata__V1__Result *record,
                                const Strata__V1__Request *request, struct strata_arena *arena,
                                Strata__V1__Reply *reply, struct strata_err *err)
{
    char who[32];
    struct strata_arena model = {0};
    struct strata_scorer *scorer = NULL;
    const char *log = strata_path_join(directory, "log.jsonl", arena);
    if (!log || !strata_arena_init(&model, MODEL_BYTES)) return no_room(err);
    (void)snprintf(who, sizeof who, "uid:%ld", (long)getuid());
    strata_status status = strata_scorer_read(directory, &model, &scorer, err);
    if (status == STRATA_OK) status = strata_log_open(log, err);
    if (status == STRATA_OK) strata_score_answer(scorer, record, request, who, arena, reply);
    strata_log_close();
    strata_arena_finish(&model);
    return status;
}
