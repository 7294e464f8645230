/* The run directory: one record, many views. */
#ifndef STRATA_RESULTS_H
#define STRATA_RESULTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "strata/arena.h"
#include "strata/attempt.h"
#include "strata/cluster.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/evaluate.h"
#include "strata/features.h"
#include "strata/persona.h"
#include "strata/picture.h"
#include "strata/quality.h"
#include "strata/sampled.h"
#include "strata/status.h"
#include "strata/table.h"

/* Everything the stages have returned. */
struct strata_outcome {
    const struct strata_config *config;
    const struct strata_table *table;
    const struct strata_features *features;
    const struct strata_clustering *clustering;
    const struct strata_evaluation *evaluation;
    const struct strata_personas *personas;
    const struct strata_quality *quality;
    const struct strata_sampled *sampled; /* NULL: nothing was looked at */
    const struct strata_picture *picture; /* (n_pictures) of the user's own; rank 0's */
    size_t n_pictures;
};

struct strata_stage_time {
    const char *stage;
    double seconds;
};

/* What may differ between identical runs; goes to manifest.json and nowhere else. */
struct strata_run_facts {
    int ranks;
    uint64_t input_fingerprint;
    const char *started, *ended;     /* UTC */
    struct strata_stage_time *stage; /* (n_stages) */
    size_t n_stages;
    uint64_t n_sums, sum_bytes; /* of the communicator */
    const char *const *command; /* (n_commands) that took effect: what, attempt, state, iteration */
    size_t n_commands;
    uint64_t settings_fingerprint; /* of all that shows in a result */
};

/* A packed strata.v1.Result, kept for the control channel. */
struct strata_blob {
    unsigned char *bytes;
    size_t n_bytes;
};

/* Write model.pb, result.pb, result.json, quality.json, assignments/, features/ (when asked),
 * report.html into directory (exists).  Collective: rows go to the writers of their parts in
 * rounds of one exchange; rank 0 writes the rest.  result (rank 0) receives the packed record in keep.  Parts are cut by
 * partition range, their number a function of the number of customers alone; each is sorted by
 * key.  Same bytes for any number of ranks. */
STRATA_MUST_CHECK strata_status strata_results_write(struct strata_comm *comm, const char *directory,
                                                     const struct strata_outcome *outcome,
                                                     const char *temporary_dir,
                                                     struct strata_arena *keep,
                                                     struct strata_blob *result,
                                                     struct strata_err *err);

/* Seal the run: manifest.json with the facts and the SHA-256 of each file, written last.  A
 * directory is a finished run if and only if its manifest is there.  Rank 0 only. */
STRATA_MUST_CHECK strata_status strata_results_seal(const char *directory,
                                                    const struct strata_config *config,
                                                    const struct strata_run_facts *facts,
                                                    struct strata_arena scratch,
                                                    struct strata_err *err);

/* Put what the two functions above have written into the attempt's tray in the place of the results of an
 * earlier run: those go, the seal first, then the new ones get their names, the seal last, so that a directory never
 * holds the files of two runs under a seal.  What others put there stays.  Rank 0 only.  STRATA_E_UNAVAILABLE when a
 * later attempt has taken the directory over; STRATA_E_IO, STRATA_E_CREATE. */
STRATA_MUST_CHECK strata_status strata_results_publish(const struct strata_attempt *attempt,
                                                       struct strata_err *err);

/* The centres of a model as a start, and the names of its segments: model_file are the bytes of its model.pb;
 * path, and the option of the job file that named it, are for messages.
 * The result, which points into the unpacked record, lives in keep.  Not collective: a function of the
 * bytes.  STRATA_E_DATA when they are no sound model. */
STRATA_MUST_CHECK strata_status strata_model_start(const char *path, const char *option,
                                                   const struct strata_blob *model_file,
                                                   struct strata_arena *keep,
                                                   struct strata_start **out,
                                                   struct strata_err *err);

/* result.pb of a finished run in keep.  STRATA_E_NO_INPUT when directory is not a finished run.
 * Not collective. */
STRATA_MUST_CHECK strata_status strata_results_read(const char *directory, struct strata_arena *keep,
                                                    struct strata_blob *result,
                                                    struct strata_err *err);

/* report.html from a packed Result.  Not collective.  A function of the record alone. */
STRATA_MUST_CHECK strata_status strata_report_write(const char *path,
                                                    const struct strata_blob *result,
                                                    struct strata_arena scratch,
                                                    struct strata_err *err);

#endif
