/* The commands of stratactl.  Each returns a status; main prints the sentence and turns it into the exit code. */
#ifndef STRATA_STRATACTL_H
#define STRATA_STRATACTL_H

#include <stdbool.h>

#include "strata/arena.h"
#include "strata/client.h"
#include "strata/status.h"

/* What was typed, and the connection that it asked for. */
struct strata_session {
    struct strata_client_options target;
    struct strata_client *client;
    struct strata_arena memory; /* commands take copies of it */
    bool json;
    int wait_s; /* for a job that is gone to be started again */
    const char *operand; /* of persona (NULL: all) and set; of customer the key; of assign and explain the file */
};

STRATA_MUST_CHECK strata_status strata_ctl_status(struct strata_session *session,
                                                  struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_watch(struct strata_session *session,
                                                 struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_segments(struct strata_session *session,
                                                    struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_persona(struct strata_session *session,
                                                   struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_customer(struct strata_session *session,
                                                    struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_checkpoint(struct strata_session *session,
                                                      struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_stop(struct strata_session *session,
                                                struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_pause(struct strata_session *session,
                                                 struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_resume(struct strata_session *session,
                                                  struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_cancel(struct strata_session *session,
                                                  struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_set(struct strata_session *session,
                                               struct strata_err *err);

STRATA_MUST_CHECK strata_status strata_ctl_events(struct strata_session *session,
                                                  struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_health(struct strata_session *session,
                                                  struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_evaluation(struct strata_session *session,
                                                      struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_quality(struct strata_session *session,
                                                   struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_manifest(struct strata_session *session,
                                                    struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_metrics(struct strata_session *session,
                                                   struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_assign(struct strata_session *session,
                                                  struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_ctl_explain(struct strata_session *session,
                                                   struct strata_err *err);

/* A message as one line of JSON on stdout. */
STRATA_MUST_CHECK strata_status strata_ctl_json(const struct ProtobufCMessage *message,
                                                struct strata_arena scratch, struct strata_err *err);

#endif
