/* Which segments new customers are in, and why: the answers of the model to values that a client brings. */
#include "handlers.h"

#include <string.h>

#include "strata/score.h"

#define MODEL_BYTES ((size_t)4 << 30) /* addresses only: the largest model, packed and unpacked */

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
STRATA_HANDLER(strata_handle_score)
{
    struct strata_err err = {0};
    if (!desk->result) {
        strata_refuse_state(desk, strata_request_row(request->body_case)->name, arena, reply);
        return;
    }
    if (!desk->scorer && open_scorer(desk, &err) != STRATA_OK) {
        const char *text = strata_arena_copy(arena, err.text, strlen(err.text));
        strata_refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE,
                      text ? text : "no room for the reply");
        return;
    }
    strata_score_answer(desk->scorer, desk->result, request, strata_who_asks(&desk->caller), arena,
                        reply);
}
