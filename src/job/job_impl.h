/* What the files of this folder share. */
#ifndef STRATA_JOB_IMPL_H
#define STRATA_JOB_IMPL_H

#include "strata/attempt.h"
#include "strata/cluster.h"
#include "strata/job.h"
#include "strata/results.h"

enum { /* what signals have asked of this rank */
       STRATA_ASKED_LIMIT = 1,
       STRATA_ASKED_CANCEL = 2,
};
unsigned strata_job_asked(void);

#define STRATA_JOB_STAGES_MAX 12
#define STRATA_JOB_COMMANDS_MAX 64

/* A job on its way: one a rank. */
struct strata_job {
    struct strata_comm *comm;
    const struct strata_job_request *request;
    const struct strata_job_host *host; /* rank 0's, never NULL there; NULL elsewhere */
    struct strata_arena *keep;
    struct strata_job_plan plan;      /* config on all ranks; the rest on rank 0 */
    struct strata_features *features; /* once they are made */
    struct strata_snapshot snapshot;  /* what was last published (rank 0) */
    double started_s, stage_started_s;
    double weight_unit; /* what the fit counts in: 1 without case weights */
    char started_utc[32];
    struct strata_stage_time stage[STRATA_JOB_STAGES_MAX];
    size_t n_stages;
    const char *command[STRATA_JOB_COMMANDS_MAX];
    size_t n_commands;
    const char *directory;         /* the run directory, absolute */
    struct strata_attempt attempt; /* this start of the run: number 0 until it has begun */
    char temporary_dir[256];       /* this rank's own */
    bool made_directory;
    int lock_file; /* of the run directory; -1 none */
};

/* progress.c: the job's face to the board and the screen.  Rank 0 does it, others pass through. */
void strata_job_publish(struct strata_job *job);
void strata_job_enter(struct strata_job *job, enum strata_job_event event);
void strata_job_ingest_progress(void *context, const char *source, uint64_t bytes_done,
                                uint64_t bytes_total);
void strata_job_fit_progress(void *context, const struct strata_fit_progress *progress);
unsigned strata_job_fit_command(void *context);

/* memory.c: what a job needs, has, and where its matrix will be: fills the plan's figures, adds a problem
 * when it cannot be.  Rank 0 only. */
void strata_job_memory_plan(int n_ranks, struct strata_job_plan *plan,
                            struct strata_problems *problems);
/* Where this rank's matrix may lie, now that its customers are counted.  Not collective. */
struct strata_matrix_room strata_job_matrix_room(const struct strata_job *job,
                                                 const struct strata_table *table);

/* start.c: an earlier run's centres, where model.start names one; else NULL.  Collective. */
STRATA_MUST_CHECK strata_status strata_job_read_start(struct strata_job *job,
                                                      const struct strata_start **out,
                                                      struct strata_err *err);

/* directory.c: the run directory from first to last. */
STRATA_MUST_CHECK strata_status strata_job_directory_check(const char *directory,
                                                           struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_job_directory_open(struct strata_job *job,
                                                          struct strata_err *err);
void strata_job_directory_close(struct strata_job *job, bool keep_directory);

#endif
