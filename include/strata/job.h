/* A job from file to run directory: the pipeline, its states, signals and limits. */
#ifndef STRATA_JOB_H
#define STRATA_JOB_H

#include <stdio.h>

#include "strata/board.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/ingest.h"
#include "strata/problems.h"
#include "strata/status.h"

struct strata_job_request {
    const char *path;          /* of the job file */
    const char *const *set;    /* (n_set) overrides */
    size_t n_set;
    const char *output;        /* overrides the job's output; NULL: none */
    struct strata_board *board; /* rank 0's; NULL elsewhere */
    void (*on_ready)(void *context, const struct strata_config *config, const char *directory, struct strata_err *err,
                     strata_status *status); /* rank 0, once the run directory exists: starts the control channel */
    void *context;
};

/* What a finished run tells the terminal (rank 0). */
struct strata_job_summary {
    const char *directory;
    unsigned char *result; /* packed strata.v1.Result */
    size_t result_bytes;
};

/* Read, check, ingest, encode, fit, evaluate, describe, write, seal.  Collective: every rank calls it with the same
 * request.  Fails alike on all ranks with one sentence; a run directory made by this attempt is then removed. */
STRATA_MUST_CHECK strata_status strata_job_run(struct strata_comm *comm, const struct strata_job_request *request,
                                               struct strata_arena *keep, struct strata_job_summary *summary,
                                               struct strata_err *err);

/* All problems of a job file at once, and the plan.  Rank 0 only.  Used by run and check alike. */
STRATA_MUST_CHECK strata_status strata_job_check(const char *path, const char *const *set, size_t n_set, int n_ranks,
                                                 struct strata_arena *keep, struct strata_config **config,
                                                 struct strata_ingest_plan **plan, struct strata_problems *problems,
                                                 struct strata_err *err);

/* Install the handlers: USR1 and TERM ask for an end with exit code 75, a second TERM leaves at once, USR2 is noted,
 * CONT is ignored. */
void strata_job_signals_install(void);

/* The state machine: states x events as a table; STRATA_JOB_STATE_COUNT when the event is refused in that state. */
enum strata_job_event {
    STRATA_EVENT_NEXT, STRATA_EVENT_STOP, STRATA_EVENT_CANCEL, STRATA_EVENT_FAIL, STRATA_EVENT_COUNT
};
enum strata_job_state strata_job_next(enum strata_job_state state, enum strata_job_event event);

#endif
