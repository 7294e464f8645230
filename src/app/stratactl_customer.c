/* One customer of a finished run: which segment, how sure, and why not the runner-up. */
#include "stratactl.h"
#include "terminal.h"

strata_status strata_ctl_customer(struct strata_session *session, struct strata_err *err)
{
    struct strata_arena memory = session->memory;
    struct strata_answer answer;
    if (!session->operand)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "usage: stratactl (--run DIR | --endpoint E) customer KEY");
    STRATA_TRY(strata_client_question(session->client, STRATA_ASK_CUSTOMER, session->operand,
                                      &memory, &answer, err));
    if (session->json) return strata_ctl_json(answer.message, memory, err);
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    strata_print_customer(stdout, &terminal, answer.customer);
    return STRATA_OK;
}
