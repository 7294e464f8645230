/* What the commands of stratactl share in showing a job. */
#ifndef STRATA_STRATACTL_VIEW_H
#define STRATA_STRATACTL_VIEW_H

#include "strata/board.h"
#include "strata/client.h"

/* The snapshot that a status was made from, for the progress line. */
struct strata_snapshot strata_snapshot_of(const struct strata_job_view *job);

struct strata_session;

/* Ask about the session's operand, and print the answer as JSON when that is wanted; *shown tells whether it was. */
STRATA_MUST_CHECK strata_status strata_ctl_ask(struct strata_session *session,
                                               enum strata_question question,
                                               struct strata_arena *memory,
                                               struct strata_answer *answer, bool *shown,
                                               struct strata_err *err);

#endif
