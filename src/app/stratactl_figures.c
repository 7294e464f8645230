/* stratactl health, evaluation, quality, manifest, metrics. */
#include <stdio.h>

#include "stratactl.h"
#include "stratactl_view.h"
#include "terminal_figures.h"

strata_status strata_ctl_health(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    bool shown = false;
    STRATA_TRY(strata_ctl_ask(session, STRATA_ASK_HEALTH, &memory, &answer, &shown, err));
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    if (!shown) strata_print_health(stdout, &terminal, &answer.health);
    return STRATA_OK;
}

strata_status strata_ctl_evaluation(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    bool shown = false;
    STRATA_TRY(strata_ctl_ask(session, STRATA_ASK_EVALUATION, &memory, &answer, &shown, err));
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    if (!shown) strata_print_evaluation(stdout, &terminal, &answer.evaluation);
    return STRATA_OK;
}

strata_status strata_ctl_quality(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    bool shown = false;
    STRATA_TRY(strata_ctl_ask(session, STRATA_ASK_QUALITY, &memory, &answer, &shown, err));
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    if (!shown) strata_print_quality(stdout, &terminal, &answer.quality);
    return STRATA_OK;
}

strata_status strata_ctl_manifest(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    bool shown = false;
    STRATA_TRY(strata_ctl_ask(session, STRATA_ASK_MANIFEST, &memory, &answer, &shown, err));
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    if (!shown) strata_print_manifest(stdout, &terminal, &answer.manifest);
    return STRATA_OK;
}

strata_status strata_ctl_metrics(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    bool shown = false;
    STRATA_TRY(strata_ctl_ask(session, STRATA_ASK_METRICS, &memory, &answer, &shown, err));
    if (!shown) (void)fputs(answer.metrics, stdout); /* seen at the end, with everything */
    return STRATA_OK;
}
