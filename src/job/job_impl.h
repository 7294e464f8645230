/* What the files of this folder share. */
#ifndef STRATA_JOB_IMPL_H
#define STRATA_JOB_IMPL_H

#include <semaphore.h>

#include "strata/attempt.h"
#include "strata/checkpoint.h"
#include "strata/cluster.h"
#include "strata/job.h"
#include "strata/results.h"

enum { /* what signals have asked of this rank */
       STRATA_ASKED_LIMIT = 1,
       STRATA_ASKED_CANCEL = 2,
};
unsigned strata_job_asked(void);
/* What every signal but INT posts from now on; NULL: nothing. */
void strata_job_signals_wake(sem_t *wake);

#define STRATA_JOB_STAGES_MAX 12
#define STRATA_JOB_COMMANDS_MAX 256
#define STRATA_JOB_FORECASTS 101 /* one a hundredth of the job */

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
    const char *command[STRATA_JOB_COMMANDS_MAX]; /* that took effect, in all attempts: see orders.c */
    size_t n_commands;
    const struct strata_order *replay; /* (n_replay) of an earlier run's manifest (rank 0) */
    size_t n_replay;
    uint64_t settings_fingerprint;
    const char *directory;         /* the run directory, absolute */
    struct strata_attempt attempt; /* this start of the run: number 0 until it has begun */
    char temporary_dir[256];       /* this rank's own */
    bool made_directory;
    int lock_file; /* of the run directory; -1 none */
    /* What a checkpoint is of, and what this run goes on from (rank 0; no bytes: from the start). */
    const char *settings, *inputs;
    uint64_t data_fingerprint;
    const void *state;
    size_t state_bytes;
    uint64_t generation; /* of the next checkpoint */
    struct strata_keeper *keeper;
    uint64_t n_checkpoints; /* that this attempt wrote */
    bool resumed;
    /* limit.c: the same moment on all ranks, each by its own clock */
    double end_s, margin_s; /* when the time is over, and how long before it the job stops */
    /* rank 0 */
    double asked_at_s, iteration_s, paused_s;
    bool is_warned;
    size_t n_notes_told;                     /* of the quality record */
    double forecast_s[STRATA_JOB_FORECASTS]; /* work of the whole job, as it seemed at each share done; 0: not yet */
};

/* settings.c: what differs between two printed jobs, or between two lists of inputs, in words; settings that
 * show in no result may differ.  Pure. */
bool strata_job_settings_differ(const char *before, const char *now, char *what, size_t room);
bool strata_job_inputs_differ(const char *before, const char *now, char *what, size_t room);
/* Of what makes the customer table: all but the model, and names and pictures of segments.  And of all settings that
 * show in a result. */
uint64_t strata_job_data_fingerprint(const char *settings, const char *inputs);
uint64_t strata_job_settings_fingerprint(const char *settings);

/* resume.c: what the run directory holds of an unfinished run of the same job; --fresh: nothing.  Rank 0 only,
 * once the attempt has begun.  Fails, naming setting or file, when it is another job's. */
STRATA_MUST_CHECK strata_status strata_job_resume(struct strata_job *job, struct strata_err *err);

/* orders.c: commands of clients, from the board to the fit and into the record.  An order in words, which are read back
 * with what follows them: "set tolerance 0.001 in attempt 1 while FITTING at iteration 7" (or: after iteration 7). */
#define STRATA_ORDER_TEXT_BYTES 64
void strata_order_print(const struct strata_order *order, char text[STRATA_ORDER_TEXT_BYTES]);
bool strata_order_read(const char *line, struct strata_order *order);
bool strata_order_changes_result(enum strata_order_kind kind);
/* The commands as a checkpoint keeps them: a line each, in keep; "" when memory ends. */
const char *strata_job_commands(const struct strata_job *job);
/* One more of them.  When there are too many, the oldest goes that changed no result; others are never forgotten, so
 * that a manifest can be replayed.  NULL is none. */
void strata_job_add_command(struct strata_job *job, const char *command);
/* The fit's questions: the next order from the board (rank 0); what came of one; wait while paused. */
bool strata_job_next_order(void *context, struct strata_order *order);
void strata_job_obeyed(void *context, const struct strata_order *order, const char *refused);
void strata_job_rest(void *context);

/* replay.c: the orders of --replay MANIFEST, into the job.  Refuses the manifest of another job or other inputs.  Rank 0
 * only, once settings are known. */
STRATA_MUST_CHECK strata_status strata_job_replay_read(struct strata_job *job,
                                                       struct strata_err *err);
/* Rank 0's orders for the fit's watch on all ranks.  Collective. */
STRATA_MUST_CHECK strata_status strata_job_replay_share(struct strata_job *job,
                                                        struct strata_fit_watch *watch,
                                                        struct strata_err *err);

/* The run is done: nothing is needed of it any more. */
void strata_job_forget_checkpoints(struct strata_job *job);

/* fitting.c: the fit, from where it was left, with checkpoints.  Collective. */
STRATA_MUST_CHECK strata_status strata_job_fit(struct strata_job *job,
                                               struct strata_clustering **out,
                                               struct strata_quality *quality,
                                               struct strata_err *err);
/* A job that was asked to end, with this status: its last iteration is durable afterwards.  Collective. */
STRATA_MUST_CHECK strata_status strata_job_keep_last(struct strata_job *job, strata_status status,
                                                     struct strata_err *err);

/* keeper.c: checkpoints written by a thread of rank 0. */
#define STRATA_KEEPER_DRAFTS 3 /* states in memory: being filled, ready, being written */
struct strata_keeper_options {
    const struct strata_attempt *attempt;
    const char *settings, *inputs, *commands; /* texts; commands may be NULL */
    uint64_t generation;                      /* of the first one */
    double interval_s;
    struct strata_board *board; /* is told which commands are durable; NULL: nobody asks */
};
STRATA_MUST_CHECK strata_status strata_keeper_start(const struct strata_keeper_options *options,
                                                    struct strata_arena *arena,
                                                    struct strata_keeper **out,
                                                    struct strata_err *err);
/* The end of an iteration: keep its state, if that is cheap or the last chance.  Never waits for a disk. */
void strata_keeper_note(struct strata_keeper *keeper, const struct strata_fit_moment *moment,
                        uint64_t iteration, bool is_last);
/* What later states carry along: immutable, lives as long as the keeper; and the number of the last of these commands
 * on the board, 0 where it is not from there.  A NULL keeper is fine. */
void strata_keeper_carry(struct strata_keeper *keeper, const char *commands, uint64_t last_command);
/* Write the next state at once; a NULL keeper is fine.  From the thread that notes moments. */
void strata_keeper_hurry(struct strata_keeper *keeper);
/* A later attempt owns the run directory. */
bool strata_keeper_is_taken_over(struct strata_keeper *keeper);
/* End the thread, after the last state has been written where that is wanted; a NULL keeper is fine.  The status is
 * that of the last write. */
strata_status strata_keeper_stop(struct strata_keeper **owner, bool writes_last,
                                 uint64_t *n_written, struct strata_err *err);

/* limit.c: --max-runtime and the deadline.  Rank 0 only. */
void strata_job_limit_start(struct strata_job *job);
/* Rank 0's limit on all ranks.  Collective. */
void strata_job_limit_share(struct strata_job *job);
/* No time for another step of `step_s`.  Any rank, any thread. */
bool strata_job_limit_reached(const struct strata_job *job, double step_s);
/* Tell once, early, when the time will not suffice.  Rank 0 only. */
void strata_job_limit_forecast(struct strata_job *job);
/* One sentence to whoever started the job. */
void strata_job_warn(const struct strata_job *job, const char *sentence);

/* notices.c: what happens, on the board; where there is none, nothing.  Rank 0 has one. */
void strata_job_post(const struct strata_job *job, const struct strata_notice *notice);
void strata_job_tell_stage(const struct strata_job *job);
void strata_job_tell_over(const struct strata_job *job);
void strata_job_tell_warning(const struct strata_job *job, const char *sentence);
void strata_job_tell_notes(struct strata_job *job,
                           const struct strata_quality *quality); /* new ones */
void strata_job_tell_chosen(const struct strata_job *job,
                            const struct strata_clustering *clustering);
/* The fit's: a candidate has ended, or is out. */
void strata_job_candidate_over(void *context, const struct strata_candidate_result *result);

/* hosts.c: tells when the run directory would be lost with one of several hosts.  Collective; two messages. */
void strata_job_note_hosts(struct strata_job *job);

/* progress.c: the job's face to the board and the screen.  Rank 0 does it, others pass through. */
void strata_job_publish(struct strata_job *job);
void strata_job_enter(struct strata_job *job, enum strata_job_event event);
void strata_job_ingest_progress(void *context, const char *source, uint64_t bytes_done,
                                uint64_t bytes_total);
void strata_job_fit_progress(void *context, const struct strata_fit_progress *progress);
unsigned strata_job_fit_command(void *context);
/* A client has cancelled the job.  Any thread; rank 0's alone can tell. */
bool strata_job_is_cancelled(const struct strata_job *job);

/* pipeline.c: what signals and the limit ask of this rank: STRATA_OK, _AGAIN or _CANCELLED, with the sentence. */
STRATA_MUST_CHECK strata_status strata_job_must_end(const struct strata_job *job,
                                                    struct strata_err *err);

/* memory.c: what a job needs, has, and where its matrix will be: fills the plan's figures, adds a problem
 * when it cannot be.  Rank 0 only. */
void strata_job_memory_plan(int n_ranks, struct strata_job_plan *plan,
                            struct strata_problems *problems);
/* Where this rank's matrix may lie, now that its customers are counted.  Not collective. */
struct strata_matrix_room strata_job_matrix_room(const struct strata_job *job,
                                                 const struct strata_table *table);

/* table.c: the customers, from the sources or as an attempt or run before has kept them in the run directory.
 * Collective; as strata_ingest. */
STRATA_MUST_CHECK strata_status strata_job_table(struct strata_job *job, struct strata_table **table,
                                                 struct strata_quality *quality,
                                                 struct strata_err *err);
/* What was kept goes, unless the job says that it stays.  Rank 0 only, when the results are in place. */
void strata_job_forget_table(struct strata_job *job);

/* files.c: files that the job file names beside its sources. */
struct strata_job_files {
    const char *start_path;      /* the file that model.start means; NULL: none */
    const char *followed_path;   /* the one that `follows` means; NULL: not given */
    struct strata_blob start;    /* the model that the fit starts from; no bytes: none */
    struct strata_blob followed; /* the one whose names are carried on: of `follows`, else the same */
    struct strata_picture *picture; /* (n_pictures) in the job's order */
    size_t n_pictures;
};
/* Read them all; what is wrong with one goes to problems.  Rank 0 only.  Fails for lack of memory. */
STRATA_MUST_CHECK strata_status strata_job_files_read(const struct strata_config *config,
                                                      struct strata_arena *keep,
                                                      struct strata_job_files **out,
                                                      struct strata_problems *problems,
                                                      struct strata_err *err);
/* Add a line for each to the list of inputs.  Rank 0 only. */
STRATA_MUST_CHECK strata_status strata_job_files_list(const struct strata_job *job,
                                                      const char **inputs, struct strata_err *err);
/* The fingerprint of the sources, and of the bytes of what shows in the results beside them. */
uint64_t strata_job_files_fingerprint(const struct strata_job_files *files, uint64_t of_sources);

/* earlier.c: an earlier run's centres, where model.start names one; else NULL.  Collective. */
STRATA_MUST_CHECK strata_status strata_job_read_start(struct strata_job *job,
                                                      const struct strata_start **out,
                                                      struct strata_err *err);
/* The earlier run that the job follows, and what was called there what the segments go on from. */
struct strata_followed {
    const struct strata_start *run; /* NULL: none */
    const size_t *earlier;          /* (k) its segment that each goes on from, or SIZE_MAX */
    const struct strata_earlier_name *name; /* (k) */
};
/* Collective; nothing is sent where the job file names no earlier run. */
STRATA_MUST_CHECK strata_status strata_job_follow(struct strata_job *job,
                                                  const struct strata_clustering *clustering,
                                                  struct strata_followed *out,
                                                  struct strata_err *err);
/* Tell which names and pictures belong to no segment. */
void strata_job_note_names(struct strata_job *job, const struct strata_followed *followed,
                           const struct strata_personas *personas, struct strata_quality *quality);

/* directory.c: the run directory from first to last. */
STRATA_MUST_CHECK strata_status strata_job_directory_check(const char *directory,
                                                           struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_job_directory_open(struct strata_job *job,
                                                          struct strata_err *err);
void strata_job_directory_close(struct strata_job *job, bool keep_directory);

#endif
