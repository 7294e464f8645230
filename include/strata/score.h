/* Which segment is a new customer in?  A kept model's own recipe and estimator on raw values that come as columns: for
 * the same values the same bits as in the assignments of the run that made the model. */
#ifndef STRATA_SCORE_H
#define STRATA_SCORE_H

#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/estimator.h"
#include "strata/status.h"

#define STRATA_SCORE_ROWS_MAX 4096 /* customers of a batch */
#define STRATA_EXPLAIN_ROWS_MAX 64

struct strata_blob; /* of strata/results.h */
struct Strata__V1__CustomerReply;
struct Strata__V1__Reply;
struct Strata__V1__Request;
struct Strata__V1__Result;
struct strata_scorer; /* a model, ready; not changed by anybody, so any thread may use it */

/* One feature of a batch of n customers: n numbers or n texts, and who has no value. */
struct strata_score_column {
    const char *feature;     /* its name in the model */
    const double *number;    /* (n_numbers); one that is not finite is no value */
    const char *const *text; /* (n_texts) of features with levels */
    const uint32_t *missing; /* (n_missing) rows without a value, from 0, rising */
    size_t n_numbers, n_texts, n_missing;
};

/* Customers who are asked about.  Features of the basis without a column are missing for all; columns of features
 * outside the basis are allowed, and make no difference. */
struct strata_score_batch {
    const struct strata_score_column *column; /* (n_columns) each feature once */
    size_t n_columns;
    size_t n; /* customers: 1 to STRATA_SCORE_ROWS_MAX */
};

/* Ready a model: model_file are the bytes of its model.pb, path is for messages.  The result lies in keep and does not
 * borrow from the bytes.  STRATA_E_DATA when they are no sound model, or its params are not those that its hash is of. */
STRATA_MUST_CHECK strata_status strata_scorer_open(const char *path,
                                                   const struct strata_blob *model_file,
                                                   struct strata_arena *keep,
                                                   struct strata_scorer **out,
                                                   struct strata_err *err);

/* The same of the finished run in directory.  STRATA_E_NO_INPUT when it has no model. */
STRATA_MUST_CHECK strata_status strata_scorer_read(const char *directory, struct strata_arena *keep,
                                                   struct strata_scorer **out,
                                                   struct strata_err *err);

/* Model.state_hash. */
uint64_t strata_scorer_hash(const struct strata_scorer *scorer);

/* Assign a batch: out is (n), labels from 0, as strata_clustering_assign gives them, so with the bits of the run's
 * assignments.  *invalid counts values of the basis that do not count and are taken for missing, as the encoding counts
 * them: a text that is no level, a binary neither 0 nor 1, what the transform is not defined for.
 * Not collective.  O(n (k d + columns)) time; scratch for 256 rows at a time, nothing is allocated for a row.
 * STRATA_E_USAGE with a sentence that names feature, and row where there is one (from 0), and no value: a column of no
 * feature, two of one, numbers and texts, or the wrong of them, not n of them, rows that are not there, a missing
 * value that the model refuses (`missing: fail`). */
STRATA_MUST_CHECK strata_status strata_score(const struct strata_scorer *scorer,
                                             const struct strata_score_batch *batch,
                                             struct strata_arena scratch,
                                             struct strata_assignment *out, uint64_t *invalid,
                                             struct strata_err *err);

/* The same with reasons, in words, as strata_customers_answer gives them of the run's own customers: (n) replies in
 * keep, which borrow from record, the model's own.  Figures that the record hides are absent.  At most
 * STRATA_EXPLAIN_ROWS_MAX customers.  STRATA_E_DATA when record and model are not of one run. */
STRATA_MUST_CHECK strata_status strata_explain(const struct strata_scorer *scorer,
                                               const struct Strata__V1__Result *record,
                                               const struct strata_score_batch *batch,
                                               struct strata_arena *keep,
                                               struct Strata__V1__CustomerReply ***out,
                                               uint64_t *invalid, struct strata_err *err);

/* Fill code, text and body of the reply to a request that has a strata.v1.Assign or Explain; memory is in arena, and
 * explanations borrow from record.  The log gets one line a batch, `audit.assign` or `audit.explain`: who
 * asks ("" when that is not known; no spaces), how many customers, never a value. */
void strata_score_answer(const struct strata_scorer *scorer, const struct Strata__V1__Result *record,
                         const struct Strata__V1__Request *request, const char *who,
                         struct strata_arena *arena, struct Strata__V1__Reply *reply);

/* The same from the finished run in directory, without a server, for this process's user; the line goes to log.jsonl in
 * the directory.  Each call reads the model anew.  STRATA_E_CREATE when there can be no line. */
STRATA_MUST_CHECK strata_status strata_score_look(const char *directory,
                                                  const struct Strata__V1__Result *record,
                                                  const struct Strata__V1__Request *request,
                                                  struct strata_arena *arena,
                                                  struct Strata__V1__Reply *reply,
                                                  struct strata_err *err);

#endif
