/* A job from file to run directory: the pipeline, its states, signals and limits. */
#ifndef STRATA_JOB_H
#define STRATA_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/attempt.h"
#include "strata/board.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/ingest.h"
#include "strata/problems.h"
#include "strata/status.h"

/* What surrounds a job on rank 0: the control channel and the screen.  Any function may be NULL. */
struct strata_job_host {
    void *context;
    struct strata_board *board;
    /* The attempt has the run directory: open the control channel.  May refuse the job. */
    strata_status (*open)(void *context, const struct strata_config *config,
                          const struct strata_attempt *attempt, struct strata_err *err);
    /* Something was published on the board; called by the compute thread, so it must be quick. */
    void (*progress)(void *context, const struct strata_snapshot *snapshot);
    /* A sentence that the user should see at once. */
    void (*warn)(void *context, const char *sentence);
    /* The job has ended in its last state; the directory is still there: close the channel. */
    void (*close)(void *context);
};

struct strata_job_request {
    const char *path;       /* of the job file */
    const char *const *set; /* (n_set) overrides, "model.seed=7" */
    size_t n_set;
    const char *output;                 /* replaces the job's output; NULL: none */
    const struct strata_job_host *host; /* NULL: nobody watches */
    const char *replay; /* manifest of a steered run, whose commands are given again; NULL: none */
    bool fresh;         /* begin anew, whatever the run directory holds */
    double max_runtime_s; /* end in time with STRATA_E_AGAIN; 0: no limit */
    double deadline_s;    /* the same, in seconds since 1970; 0: none */
};

/* What a finished run leaves for the terminal (rank 0). */
struct strata_job_summary {
    const char *directory;
    unsigned char *result; /* packed strata.v1.Result */
    size_t result_bytes;
    double elapsed_s;
};

/* Read, check, ingest, encode, fit, evaluate, describe, write, seal.  Collective: every rank gives the same request.
 * Fails alike on all ranks with one sentence, or all problems of the job file; a run directory that this call made
 * or found empty is then removed, another one keeps its old results unless the new ones were being written. */
STRATA_MUST_CHECK strata_status strata_job_run(struct strata_comm *comm,
                                               const struct strata_job_request *request,
                                               struct strata_arena *keep,
                                               struct strata_job_summary *summary,
                                               struct strata_err *err);

struct strata_job_files;

/* A job file that has been read and checked, with what its run would take. */
struct strata_job_plan {
    struct strata_config *config;
    struct strata_ingest_plan *ingest;
    uint64_t memory_needed_bytes; /* per rank; of customers only where their number is known before reading */
    uint64_t memory_given_bytes;    /* per rank */
    uint64_t matrix_bytes;          /* per rank, at most; 0 when not known before reading */
    const char *matrix_directory;   /* where it goes to a file; NULL: into memory */
    struct strata_job_files *files; /* models and pictures that the job file names */
};

/* All problems of a job at once, before a row is read: file, sources, SQL, features, estimator, control, output, memory.
 * Used by run and check alike.  Rank 0 only.  *out is complete only when problems->total is 0. */
STRATA_MUST_CHECK strata_status strata_job_check(const struct strata_job_request *request,
                                                 int n_ranks, struct strata_arena *keep,
                                                 struct strata_job_plan *out,
                                                 struct strata_problems *problems,
                                                 struct strata_err *err);

/* Install the handlers: USR1 and TERM ask for an end with STRATA_E_AGAIN, INT for STRATA_E_CANCELLED, a second TERM or
 * INT leaves at once; USR2 asks for a checkpoint; PIPE is ignored. */
void strata_job_signals_install(void);

/* The state machine as a table of states x events.  STRATA_JOB_STATE_COUNT when the event is refused in that state. */
enum strata_job_event {
    STRATA_EVENT_NEXT,
    STRATA_EVENT_STOP,
    STRATA_EVENT_CANCEL,
    STRATA_EVENT_FAIL,
    STRATA_EVENT_PAUSE,
    STRATA_EVENT_RESUME,
    STRATA_EVENT_COUNT
};
enum strata_job_state strata_job_next(enum strata_job_state state, enum strata_job_event event);

#endif
