/* Which segments new customers are in, and why: the answers of the model to values that a client brings. */
#include "requests.h"

#include <string.h>

#include "strata/score.h"

#define MODEL_BYTES ((size_t)4 << 30) /* addresses only: the largest model, packed and unpacked */

static void refuse(Strata__V1__Reply *reply, const char *sentence)
{
    reply->code = STRATA__V1__CODE__CODE_UNAVAILABLE;
    reply->text =
        (char *)(uintptr_t)(sentence ? sentence : "no room for the reply"); /* only packed */
}

static strata_status open_scorer(struct strata_desk *desk, struct strata_err *err)
{
    if (!strata_arena_init(&desk->model, MODEL_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no addresses for the model");
    const strata_status status =
        strata_scorer_read(desk->directory, &desk->model, &desk->scorer, err);
    if (status != STRATA_OK) strata_arena_finish(&desk->model);
    return status;
}

/* The model of a run that is served came with it; that of a job is on the disk once the job is done. */
void strata_handle_score(struct strata_desk *desk, const Strata__V1__Request *request,
                         struct strata_arena *arena, Strata__V1__Reply *reply)
{
    struct strata_err err = {0};
    if (!desk->result)
        refuse(reply, strata_arena_print(arena, "%s: not while the job is %s",
                                         strata_request_row(request->body_case)->name,
                                         strata_job_state_word(desk->now.state)));
    else if (!desk->scorer && open_scorer(desk, &err) != STRATA_OK)
        refuse(reply, strata_arena_copy(arena, err.text, strlen(err.text)));
    else
        strata_score_answer(desk->scorer, desk->result, request, strata_who_asks(&desk->caller),
                            arena, reply);
}
