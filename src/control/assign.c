/* Which segments new customers are in, and why: the answers of the model to values that a client brings. */
#include "requests.h"

#include <inttypes.h>
#include <string.h>

#include "strata/file.h"
#include "strata/log.h"
#include "strata/results.h"
#include "strata/score.h"

#define MODEL_BYTES ((size_t)4 << 30) /* addresses only: the largest model, packed and unpacked */
#define RECORD_BYTES ((size_t)256 << 20)
#define COLUMNS_MAX 512

static void refuse(Strata__V1__Reply *reply, Strata__V1__Code code, const char *sentence)
{
    reply->code = code;
    reply->text =
        (char *)(uintptr_t)(sentence ? sentence : "no room for the reply"); /* only packed */
    reply->body_case = STRATA__V1__REPLY__BODY__NOT_SET;
}

static void refuse_err(Strata__V1__Reply *reply, const struct strata_err *err,
                       struct strata_arena *arena)
{
    Strata__V1__Code code = STRATA__V1__CODE__CODE_INTERNAL;
    if (err->code == STRATA_E_USAGE) code = STRATA__V1__CODE__CODE_BAD_REQUEST;
    if (err->code == STRATA_E_DATA || err->code == STRATA_E_NO_INPUT)
        code = STRATA__V1__CODE__CODE_UNAVAILABLE;
    refuse(reply, code, strata_arena_copy(arena, err->text, strlen(err->text)));
}

/* --- the model ----------------------------------------------------------------------------------- */

static strata_status open_scorer(struct strata_desk *desk, struct strata_arena scratch,
                                 struct strata_err *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    struct strata_arena file = {0};
    const char *path = strata_path_join(desk->directory, "model.pb", &scratch);
    if (!path || !strata_arena_init(&file, RECORD_BYTES + 4096))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the model");
    strata_status status = strata_file_read(path, RECORD_BYTES, &file, &bytes, &n_bytes, err);
    if (status == STRATA_OK && !strata_arena_init(&desk->model, MODEL_BYTES))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no addresses for the model");
    const struct strata_blob model = {(unsigned char *)bytes, n_bytes};
    if (status == STRATA_OK)
        status = strata_scorer_open(path, &model, &desk->model, &desk->scorer, err);
    if (status != STRATA_OK) strata_arena_finish(&desk->model);
    strata_arena_finish(&file);
    return status;
}

/* The model of a run that is served came with it; that of a job is on the disk once the job is done. */
static bool has_scorer(struct strata_desk *desk, const char *what, struct strata_arena *arena,
                       Strata__V1__Reply *reply)
{
    struct strata_err err = {0};
    if (desk->scorer) return true;
    if (!desk->result)
        refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE,
               strata_arena_print(arena, "%s: not while the job is %s", what,
                                  strata_job_state_word(desk->now.state)));
    else if (open_scorer(desk, *arena, &err) != STRATA_OK)
        refuse_err(reply, &err, arena);
    return desk->scorer;
}

/* --- the batch ----------------------------------------------------------------------------------- */

static strata_status read_batch(Strata__V1__Column *const *column, size_t n_columns, uint32_t n,
                                struct strata_arena *arena, struct strata_score_batch *out,
                                struct strata_err *err)
{
    if (n_columns > COLUMNS_MAX)
        return STRATA_FAIL(err, STRATA_E_USAGE, "a batch has at most %d columns", COLUMNS_MAX);
    struct strata_score_column *list = STRATA_NEW(arena, struct strata_score_column, n_columns + 1);
    if (!list) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the columns");
    for (size_t i = 0; i < n_columns; i++)
        list[i] = (struct strata_score_column){.feature = column[i]->feature,
                                               .number = column[i]->numbers,
                                               .text = (const char *const *)column[i]->texts,
                                               .missing = column[i]->missing,
                                               .n_numbers = column[i]->n_numbers,
                                               .n_texts = column[i]->n_texts,
                                               .n_missing = column[i]->n_missing};
    *out = (struct strata_score_batch){.column = list, .n_columns = n_columns, .n = n};
    return STRATA_OK;
}

/* One line a batch: who, how many, with which effect; never a value. */
static void audit(const struct strata_desk *desk, const char *event, uint32_t n, size_t n_columns,
                  uint64_t invalid, strata_status status)
{
    const char *who = strata_who_asks(&desk->caller);
    STRATA_LOG(INFO, event, "who=%s customers=%" PRIu32 " columns=%zu invalid=%" PRIu64 " effect=%s",
               who[0] ? who : "unknown", n, n_columns, invalid,
               status == STRATA_OK ? "told" : "refused");
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

static Strata__V1__AssignReply *make_reply(const struct strata_assignment *told, size_t n,
                                           bool details, struct strata_arena *arena)
{
    Strata__V1__AssignReply *out = STRATA_NEW(arena, Strata__V1__AssignReply, 1);
    if (!out) return NULL;
    strata__v1__assign_reply__init(out);
    out->segments = STRATA_NEW(arena, uint32_t, n);
    if (!out->segments || (details && !fill_details(told, n, arena, out))) return NULL;
    for (size_t i = 0; i < n; i++) out->segments[i] = (uint32_t)(told[i].label + 1);
    out->n_segments = n;
    return out;
}

/* As strata_score, into arena. */
static strata_status tell(const struct strata_desk *desk, const struct strata_score_batch *batch,
                          struct strata_arena *arena, struct strata_assignment **out,
                          uint64_t *invalid, struct strata_err *err)
{
    const size_t n = batch->n < STRATA_SCORE_ROWS_MAX ? batch->n : STRATA_SCORE_ROWS_MAX;
    *out = STRATA_NEW(arena, struct strata_assignment, n + 1);
    if (!*out) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the customers");
    return strata_score(desk->scorer, batch, *arena, *out, invalid, err);
}

void strata_handle_assign(struct strata_desk *desk, const Strata__V1__Request *request,
                          struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const Strata__V1__Assign *ask = request->assign;
    struct strata_score_batch batch;
    struct strata_assignment *told = NULL;
    struct strata_err err = {0};
    uint64_t invalid = 0;
    if (!has_scorer(desk, "assign", arena, reply)) return;
    strata_status status =
        read_batch(ask->columns, ask->n_columns, ask->customers, arena, &batch, &err);
    if (status == STRATA_OK) status = tell(desk, &batch, arena, &told, &invalid, &err);
    audit(desk, "audit.assign", ask->customers, ask->n_columns, invalid, status);
    if (status != STRATA_OK) {
        refuse_err(reply, &err, arena);
        return;
    }
    Strata__V1__AssignReply *body = make_reply(told, batch.n, ask->details, arena);
    if (!body) {
        refuse(reply, STRATA__V1__CODE__CODE_INTERNAL, NULL);
        return;
    }
    body->model_hash = strata_scorer_hash(desk->scorer);
    body->invalid = invalid;
    reply->body_case = STRATA__V1__REPLY__BODY_ASSIGN;
    reply->assign = body;
}

/* --- explain ------------------------------------------------------------------------------------- */

void strata_handle_explain(struct strata_desk *desk, const Strata__V1__Request *request,
                           struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const Strata__V1__Explain *ask = request->explain;
    struct strata_score_batch batch;
    struct strata_err err = {0};
    uint64_t invalid = 0;
    if (!has_scorer(desk, "explain", arena, reply)) return;
    Strata__V1__ExplainReply *body = STRATA_NEW(arena, Strata__V1__ExplainReply, 1);
    if (!body) {
        refuse(reply, STRATA__V1__CODE__CODE_INTERNAL, NULL);
        return;
    }
    strata__v1__explain_reply__init(body);
    strata_status status =
        read_batch(ask->columns, ask->n_columns, ask->customers, arena, &batch, &err);
    if (status == STRATA_OK)
        status = strata_explain(desk->scorer, desk->result, &batch, arena, &body->customers,
                                &invalid, &err);
    audit(desk, "audit.explain", ask->customers, ask->n_columns, invalid, status);
    if (status != STRATA_OK) {
        refuse_err(reply, &err, arena);
        return;
    }
    body->n_customers = batch.n;
    body->model_hash = strata_scorer_hash(desk->scorer);
    body->invalid = invalid;
    reply->body_case = STRATA__V1__REPLY__BODY_EXPLAIN;
    reply->explain = body;
}
