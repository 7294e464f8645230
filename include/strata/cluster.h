/* Fit all candidates (numbers of segments x starts), choose one by a stated rule, and assign every row. */
#ifndef STRATA_CLUSTER_H
#define STRATA_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/estimator.h"
#include "strata/features.h"
#include "strata/quality.h"
#include "strata/status.h"

/* Why a candidate ended.  Positive: it converged; negative: it ended before; 0: it still goes. */
enum strata_stop_reason {
    STRATA_STOP_NONE = 0,
    STRATA_STOP_NO_LABEL_MOVED = 1,
    STRATA_STOP_TOLERANCE = 2,
    STRATA_STOP_CENTRE_SHIFT = 3,
    STRATA_STOP_MERGED = 4, /* it came to a state where another candidate had been before */
    STRATA_STOP_MAX_ITER = -1,
    STRATA_STOP_ASKED = -2,   /* a control client or a signal asked for the best model so far */
    STRATA_STOP_DROPPED = -3, /* others of its k were better in the race, or a client dropped it */
};

/* One sentence that tells the reason to people. */
const char *strata_stop_reason_sentence(enum strata_stop_reason reason);

/* Where a candidate's first centres came from. */
enum strata_origin {
    STRATA_ORIGIN_SEEDED, /* k-means++ or k-means|| */
    STRATA_ORIGIN_GIVEN,  /* the user's, or a previous model's */
    STRATA_ORIGIN_SPLIT,  /* the best of k - 1 with its worst segment split */
    STRATA_ORIGIN_JOINED  /* the best of k + 1 with its two nearest segments joined */
};

/* One fitted model of the sweep. */
struct strata_candidate_result {
    uint32_t k, start; /* start counts from 0 */
    enum strata_origin origin;
    uint32_t iterations;
    enum strata_stop_reason reason;
    double objective; /* to be minimised; in squared encoded units for k-means (grid scaled away) */
    double smallest_share; /* of customers, in [0, 1] */
    bool eligible;         /* smallest_share >= min_share and no empty segment */
    uint32_t repairs;      /* empty segments refilled on the way */
    double raced; /* objective of the race, scaled to all customers; NaN when there was none */
    size_t merged_into; /* the candidate that goes on for this one, when the reason is MERGED */
    bool dropped;       /* a client wants it not to be chosen */
};

/* What the choice rule saw for each k: the best start. */
struct strata_k_result {
    uint32_t k;
    size_t candidate; /* index of the best start */
    double objective;
    double score; /* of the choice rule; higher is better; NaN when the rule gives none */
    double smallest_share;
    bool eligible;
    double agreement; /* share of this k's starts whose objective is within 1e-6 relative of the best */
};

#define STRATA_TRACE_MAX 1000 /* iterations kept of the chosen candidate's trace */

/* The best model of each k around the chosen one, so that segments can be followed from one to the next. */
#define STRATA_SOLUTIONS 12 /* kept at most; as many smaller as larger ones where there are */
#define STRATA_SOLUTION_SEGMENTS 64 /* none with more is kept */
struct strata_solution {
    uint32_t k;              /* as asked for */
    struct strata_dims dims; /* of params: the chosen model's segments are those of the clustering */
    bool chosen;
    double *params;
};

struct strata_clustering {
    const struct strata_estimator *estimator;
    struct strata_dims dims;
    double *params; /* chosen model; segments by falling size, ties by centre, lexicographically */
    double *mass; /* (k) weight of the rows that each segment has as label, in units of rows.weight */
    double objective; /* of the chosen model; in encoded units */
    double total_sse; /* of all rows about their grand mean, in squared encoded units */
    struct strata_candidate_result *candidate; /* (n_candidates), by k then start; then the ladder's */
    size_t n_candidates;
    struct strata_k_result *by_k; /* (n_k) */
    size_t n_k;
    size_t chosen_k;         /* index into by_k */
    enum strata_choice rule; /* the rule in force, never AUTO */
    const char *choice;      /* one sentence: the rule, what it chose and why */
    double *trace;           /* (n_trace) objective by iteration of the chosen candidate */
    size_t n_trace;
    uint64_t iterations_total;        /* reductions of the fit */
    uint64_t state_hash;              /* of params, the same on all ranks */
    int grid_exponent;                /* of the features: what turns grid units into encoded ones */
    const uint16_t *label;            /* (n) of this rank's rows, in [0, k) */
    struct strata_solution *solution; /* (n_solutions) by k, one after another */
    size_t n_solutions;
};

/* A candidate that still moves. */
struct strata_fit_standing {
    uint32_t k, start; /* start from 0 */
    uint32_t iterations;
    double objective; /* in encoded units */
};
#define STRATA_FIT_STANDINGS 64 /* that progress tells of at most */

/* Progress after each reduction, and what is asked of the fit; on rank 0 only. */
struct strata_fit_progress {
    uint64_t iteration;   /* reductions so far */
    uint32_t live, total; /* candidates still moving, and all */
    uint32_t best_k; /* of the leading candidate of the k that would be chosen now (largest live k) */
    double best_objective;
    const double *best_mass; /* (best_k) in units of rows.weight */
    double fraction;         /* rough share of the fit done, in [0, 1], never falling */
    struct strata_fit_standing
        standing[STRATA_FIT_STANDINGS]; /* (n_standings) live ones of the wave, by k, then
                                                       start; of more, those that are nearest to the best of their k */
    size_t n_standings;
    double rank_balance; /* slowest rank's time of the pass over the ranks' mean; 0: not known */
};

enum strata_fit_command {
    STRATA_FIT_GO = 0,
    STRATA_FIT_STOP = 1,
    STRATA_FIT_CANCEL = 2,
    STRATA_FIT_LIMIT = 4
};

/* A fit at the end of an iteration.  Its state is a function of the job and of the customers, the same for
 * any number of ranks: params, what has ended, standings, counters.  Both are quick: a copy of as many bytes.
 * Rank 0 only, and only while strata_fit_watch.moment runs. */
struct strata_fit_moment;
size_t strata_fit_state_bytes(const struct strata_fit_moment *moment);
void strata_fit_state_write(const struct strata_fit_moment *moment, unsigned char *out);
/* No state of a job of so many rows has more bytes. */
uint64_t strata_fit_state_most(const struct strata_config *config, uint64_t n_rows, size_t d);
/* There will be no later moment: LIMIT was asked, or nothing moves any more. */
bool strata_fit_is_last(const struct strata_fit_moment *moment);

/* What a client asks of a fit that goes on.  An order takes effect in one iteration, the same on all ranks: it is
 * known before that iteration's decisions are taken. */
enum strata_order_kind {
    STRATA_ORDER_NONE,
    STRATA_ORDER_STOP,       /* finish with the best so far */
    STRATA_ORDER_PAUSE,      /* all ranks wait at the end of the iteration */
    STRATA_ORDER_RESUME,     /* and go on */
    STRATA_ORDER_CHECKPOINT, /* nothing for the fit to do */
    STRATA_ORDER_TOLERANCE,  /* value */
    STRATA_ORDER_MAX_ITER,   /* value */
    STRATA_ORDER_DROP,       /* the candidate of k and start (from 1), or all of k with start 0 */
    STRATA_ORDER_FREEZE,     /* all but those of k are dropped */
    STRATA_ORDER_LOG_LEVEL,  /* value; nothing for the fit to do */
    STRATA_ORDER_COUNT
};
struct strata_order {
    enum strata_order_kind kind;
    uint32_t k, start;
    double value;
    uint64_t number;    /* who gave it knows it by this; 0 of one that is replayed */
    uint64_t iteration; /* in which it takes effect, */
    bool after;         /* or at its end, while paused */
};

struct strata_fit_watch {
    void *context;
    /* Called on every rank before each reduction: the command pending on this rank (bits are or-ed
     * over ranks).  STOP: finish with the best so far; CANCEL: return STRATA_E_CANCELLED; LIMIT:
     * finish the iteration, then return STRATA_E_AGAIN. */
    unsigned (*command)(void *context);
    /* On rank 0 before each reduction: the next order, which rides in it.  False: there is none. */
    bool (*order)(void *context, struct strata_order *order);
    /* On every rank, when an order has taken effect, or (refused is a sentence) cannot. */
    void (*obeyed)(void *context, const struct strata_order *order, const char *refused);
    /* On every rank while paused: sleep until the next look at orders and commands, the same time on all. */
    void (*rest)(void *context);
    const struct strata_order *replay; /* (n_replay) in the order of taking effect, the same on all ranks */
    size_t n_replay;
    void (*progress)(void *context, const struct strata_fit_progress *progress); /* rank 0 only */
    /* A candidate has ended, or is out; after the progress in which it shows.  Rank 0 only. */
    void (*candidate)(void *context, const struct strata_candidate_result *result);
    void (*moment)(void *context, const struct strata_fit_moment *moment); /* rank 0 only */
    const unsigned char *state; /* to go on from, the same on all ranks; NULL: from the start */
    size_t state_bytes;
    bool unhashed; /* for benches: what comparing the ranks' params costs is the difference */
};

/* Centres to start from, in words that any job with the same features understands. */
struct strata_start_column {
    const char *feature;             /* its name */
    const char *level;               /* an indicator of that level; or NULL: */
    bool is_missing;                 /* an indicator of "missing", else the number or position */
    enum strata_transform transform; /* that the values have been through */
};
struct strata_start {
    size_t k, d;
    const struct strata_start_column *column; /* (d) */
    const double *value; /* (k, d) before standardising and weighting; NaN where missing */
    /* Of an earlier run's model: its job and the names of its segments, and which of them the user had given; else NULL. */
    const char *job;
    const char *const *name; /* (k) */
    const bool *name_given;  /* (k) */
};

/* strata_cluster with given centres in the place of any other start; the same on all ranks.  A feature
 * that the start does not know begins at its mean. */
STRATA_MUST_CHECK strata_status strata_cluster_from(
    struct strata_comm *comm, const struct strata_config *config,
    const struct strata_features *features, const struct strata_start *start,
    const struct strata_fit_watch *watch, struct strata_arena *keep, struct strata_clustering **out,
    struct strata_quality *quality, struct strata_err *err);

/* Collective.  One strata_comm_sum per iteration carries the sums of all live candidates; n_sums of
 * comm proves it. Same bits for any number of ranks.  Degenerate but legal input (fewer distinct
 * rows than k, k = 1, one customer) has a documented result and a note in quality.  Fails alike on
 * all ranks: k above the number of customers (STRATA_E_CONFIG, at segments_place), start file
 * problems, memory, CANCEL, LIMIT, a state that is not of this fit (STRATA_E_DATA).  A fit that goes on
 * from a state has the bytes of one that was never interrupted; it begins with one more pass. */
STRATA_MUST_CHECK strata_status
strata_cluster(struct strata_comm *comm, const struct strata_config *config,
               const struct strata_features *features, const struct strata_fit_watch *watch,
               struct strata_arena *keep, struct strata_clustering **out,
               struct strata_quality *quality, struct strata_err *err);

/* Tell all about n rows from `first` on: out (n), distances in encoded units.  Not collective.  Labels
 * are those of clustering->label.  O(n k d) time and no memory, so callers ask for a few rows at a time
 * rather than keep 32 bytes for each. */
void strata_clustering_assign(const struct strata_clustering *clustering,
                              const struct strata_rows *rows, size_t first, size_t n,
                              struct strata_assignment *out);

/* Which segment of an earlier model each segment of a clustering goes on from: earlier is (k), SIZE_MAX for none.
 * Two go together when their centres, in the columns that both runs know and in this run's encoded
 * units, are less than half as far apart as either is from the nearest other segment of its own run.
 * So each is the other's nearest by far, and no two segments can go on from one: of a segment that was split, the
 * part nearer to the old centre does; of two that were joined, the nearer one is gone on from.
 * A segment that is everybody goes on from none but such a one.
 * Not collective; the same bits on all ranks.  O((k + k')^2 d) time.  Fails for lack of memory. */
STRATA_MUST_CHECK strata_status strata_clustering_match(const struct strata_clustering *clustering,
                                                        const struct strata_recipe *recipe,
                                                        const struct strata_start *start,
                                                        struct strata_arena scratch,
                                                        size_t *earlier, struct strata_err *err);

/* Bytes a rank needs for the fit of n rows; for `strata check`. */
uint64_t strata_cluster_bytes(const struct strata_config *config, uint64_t n_rows, size_t d);

#endif
