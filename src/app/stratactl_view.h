/* What the commands of stratactl share in showing a job. */
#ifndef STRATA_STRATACTL_VIEW_H
#define STRATA_STRATACTL_VIEW_H

#include "strata/client.h"

struct strata_session;

/* Ask about the session's operand, and print the answer as JSON when that is wanted; *shown tells whether it was. */
STRATA_MUST_CHECK strata_status strata_ctl_ask(struct strata_session *session,
                                               enum strata_question question,
                                               struct strata_arena *memory,
                                               struct strata_answer *answer, bool *shown,
                                               struct strata_err *err);

#endif
