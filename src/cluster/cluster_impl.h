/* What the files of this folder share: the fit as a whole, one candidate of it, and the steps in
 * their order. */
#ifndef STRATA_CLUSTER_IMPL_H
#define STRATA_CLUSTER_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/cluster.h"
#include "strata/math_sums.h"
#include "strata/nearest.h"
#include "strata/pool.h"
#include "strata/potential.h"

#define STRATA_FIT_BLOCK_ROWS \
    4096 /* rows that all live candidates look at before the next ones are fetched */

/* Which rows have bounds: some tell whether they would pay for all. */
enum strata_bounds { STRATA_BOUNDS_NONE, STRATA_BOUNDS_PROBE, STRATA_BOUNDS_ALL };

/* One model being fitted: params, what is known of each row, and the sums of a pass. */
struct strata_candidate {
    struct strata_candidate_result *result;
    size_t index; /* into strata_clustering.candidate */
    struct strata_dims dims;
    size_t n_params, n_stats;
    bool live;
    bool told;      /* rank 0: that it has ended */
    bool started;   /* a pass has been made; next still holds its params when the next one begins */
    bool exhausted; /* an empty segment found no row to be refilled with */
    bool repaired;  /* in this iteration */
    double *params; /* (n_params) what the last pass was made with */
    double *next;   /* (n_params) what the next one will be */
    double *mass;   /* (k) weight by label of the last pass */
    double objective;           /* of the last pass, per grid */
    double gain;                /* by how much it was lower than that of the pass before */
    uint64_t moved, looked;     /* rows of the last pass, over all ranks */
    uint16_t *label;            /* (n) of this rank's rows */
    float *upper, *lower;       /* (n) bounds of each row, or NULL */
    enum strata_bounds bounds;  /* those that hold after the last pass */
    size_t block_rows;          /* of the last pass */
    uint64_t checked;           /* rows of this rank whose bounds the last pass checked, */
    uint64_t unsettled;         /* and those of them that it looked at nevertheless */
    void *pass;                 /* what the pass needs of params */
    struct strata_tally *tally; /* (threads) */
    struct strata_sum *mine;    /* (n_stats) of this rank's rows */
    struct strata_sum *sums;    /* (n_stats) of all rows */
    double *trace;              /* (STRATA_TRACE_MAX) objective of each iteration */
    size_t n_trace;
    uint64_t *state; /* (STRATA_TRACE_MAX) of each iteration, see strata_fit_merge */
    size_t n_states;
};

/* The best start of one k, kept when its wave is over. */
struct strata_leader {
    bool filled;
    size_t index;     /* into strata_clustering.candidate */
    double objective; /* per grid */
    double *params, *mass, *trace;
    size_t n_trace;
};

/* A candidate that is to be fitted, from params or (NULL) from the seeding. */
struct strata_entrant {
    size_t index; /* into strata_clustering.candidate */
    const double *params;
};

/* The end of an iteration: the candidates (n) are those of the wave. */
struct strata_fit_moment {
    struct strata_fit *fit;
    struct strata_candidate *candidate;
    size_t n;
};

/* One that came through the race. */
struct strata_finalist {
    bool filled, eligible;
    size_t index;
    double objective; /* in the race, per grid */
    uint64_t state;
    double *params, *mass;
};

#define STRATA_FINALISTS 8 /* of each k, at most: small and far segments decide between them */

/* Which entrants are being fitted. */
enum strata_leg {
    STRATA_LEG_RACE,   /* the seeded ones to a part of the rows */
    STRATA_LEG_LADDER, /* warm starts between them to the same part */
    STRATA_LEG_ALL     /* to all rows: finalists, or the seeded ones where there is no race */
};

/* The race on a part of the customers: who is good enough to be fitted to all of them. */
struct strata_race {
    struct strata_finalist *finalist; /* (n_k, STRATA_FINALISTS), the best first */
    double scale;                     /* from an objective of the race to one of all customers */
};

/* Rows from which centres are drawn, the same on all ranks: a sample, or the list of k-means||. */
struct strata_sample {
    size_t n;
    const float *x;         /* (n, d) */
    const uint64_t *weight; /* (n) their own; of a list: of the rows nearest to each */
    const double *value;    /* (n + 1) of a sample: u / q, rising, so that a smaller sample is a
                               prefix; NULL for a list */
    bool is_all;            /* the sample is all customers */
    const double *mean;     /* (d) what the shares q are made with */
    double spread_share;
};

/* What clients have changed of the fit, the same on all ranks; a race has that of its fit. */
struct strata_steering {
    double tolerance;  /* in the place of the job's */
    uint32_t max_iter; /* likewise */
    uint64_t n_obeyed;
    bool paused;
    bool cancelled;      /* while paused */
    uint64_t n_replayed; /* orders of the watch's replay that are over */
};

struct strata_fit {
    struct strata_comm *comm;
    struct strata_comm before; /* its counters when the fit began */
    double started_s;
    const struct strata_config *config;
    const struct strata_recipe *recipe;
    const struct strata_start *start; /* given centres, or NULL */
    const struct strata_rows *rows;
    struct strata_totals totals; /* of these rows */
    int grid_exponent;
    const struct strata_estimator *estimator;
    enum strata_isa isa;
    bool prunes; /* keep bounds of rows, so that most need no look */
    struct strata_pool *pool;
    void **scratch;             /* (threads) */
    struct strata_scrub *scrub; /* of these rows */
    const struct strata_fit_watch *watch;
    struct strata_steering *steering;
    struct strata_quality *quality;
    struct strata_arena *keep; /* for the result */
    struct strata_arena room;  /* for the fit; pieces of it are lent by copying the arena */
    struct strata_clustering *out;
    uint16_t *label;           /* (n) of the chosen model, in keep */
    bool from_file;            /* the start comes from model.start */
    const double *file_centre; /* (k, d) then */
    uint32_t k_from, k_to, starts;
    struct strata_sample sample;
    double *spread;               /* (d) variance of each column in squared grid units */
    double total_sse;             /* about the grand mean, in squared grid units */
    double *criterion;            /* (n_k) what the pass for the choice found, or NULL */
    struct strata_leader *leader; /* (n_k) */
    struct strata_race *race;     /* this fit is one; or NULL */
    bool is_final;                /* this fit is between those that came through a race */
    enum strata_leg leg;
    const struct strata_entrant *entrant; /* (n_entrants) of this leg */
    size_t n_entrants, n_done;            /* n_done are of waves that are over */
    struct strata_saved *saved; /* what the fit goes on from, until its wave has been read; or NULL */
    double stage_from, stage_share; /* of the whole fit, for progress */
    double fraction;                /* told last */
    double pass_s;                  /* this rank's time of the last pass */
    bool asked_to_stop;
    bool out_of_time; /* the iteration is finished, then all leave */
};

/* A row as it travels to all ranks. */
struct strata_picked {
    uint64_t order; /* ascending; then key_hash, then key */
    uint64_t key_hash;
    uint64_t weight;
    const char *key;
    const float *x; /* (d) */
};
struct strata_pick {
    uint64_t order;
    size_t row;
};

/* All ranks' picks, sorted by (order, key_hash, key), in keep.  Collective; fails alike on all ranks. */
STRATA_MUST_CHECK strata_status strata_picked_gather(struct strata_comm *comm,
                                                     const struct strata_rows *rows,
                                                     const struct strata_pick *pick, size_t n_picks,
                                                     struct strata_arena *keep,
                                                     struct strata_picked **out, size_t *n_out,
                                                     struct strata_err *err);

/* Totals, variance of each column and the total SSE of the fit's rows, exactly.  Collective. */
STRATA_MUST_CHECK strata_status strata_fit_totals(struct strata_fit *fit, struct strata_err *err);

/* Rows of the sample for k segments, out of n_rows: a function of the job alone. */
#define STRATA_SAMPLE_ROWS 8192
#define STRATA_SAMPLE_ROWS_A_SEGMENT 64
size_t strata_sample_rows(uint64_t n_rows, size_t k);

/* The sample for the largest k; under model.seeding: parallel, the list of k-means|| in its place.
 * Collective; after strata_fit_totals. */
STRATA_MUST_CHECK strata_status strata_fit_sample(struct strata_fit *fit, struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_fit_oversample(struct strata_fit *fit,
                                                      struct strata_err *err);

/* How much each of the first n rows of the sample stands for: NULL for 1 each, or (n), which may lie
 * in room (n).  Below 2^40 each. */
const uint64_t *strata_sample_weights(const struct strata_fit *fit, size_t n, uint64_t *room);

/* Bytes that a rank of n_rows needs to seed.  They are given back before the fit. */
uint64_t strata_seeding_bytes(const struct strata_config *config, uint64_t n_rows, size_t k,
                              size_t d);
uint64_t strata_oversample_bytes(uint64_t n_rows, size_t k, size_t d);

/* Random numbers of one candidate's seeding, in their order. */
struct strata_draws {
    uint64_t seed;
    uint64_t what; /* (k, start): which candidate */
    uint64_t n;    /* numbers drawn so far */
};

/* A row with probability proportional to its share of the potential. */
size_t strata_draw_row(struct strata_draws *draws, const struct strata_potential *potential);

/* Greedy k-means++ on the rows of a potential, which is without centres: k indices of rows.  A pure
 * function of (rows, draws).  chosen is room for as many bytes as there are rows, all 0.
 * O(m k d log k) time. */
void strata_seed_indices(struct strata_potential *potential, size_t n, size_t k,
                         struct strata_draws *draws, bool *chosen, int64_t *index);

/* Local search from these indices (k at least 2).  The arrays are scratch, for any k and n up to those
 * of init. */
struct strata_local_search {
    struct strata_potential *potential;
    const float *x; /* (n, d) */
    size_t n;
    struct strata_dims dims;
    int64_t *d1, *d2, *t;         /* (n) squared distances */
    uint16_t *c1, *c2;            /* (n) the two nearest centres */
    strata_int128 *loss, *change; /* (k) */
    double *centre;               /* (k, d) */
    float *strip;
};
#define STRATA_LOCAL_SEARCH_STEPS(k) (8 + ((k) < 128 ? 2 * (k) : 256))
bool strata_local_search_init(struct strata_arena *room, size_t n, struct strata_dims dims,
                              struct strata_local_search *search);
void strata_local_search_run(struct strata_local_search *search, struct strata_draws *draws,
                             int64_t *index);

/* Params of the candidates of a wave before their first pass.  Collective: ranks share the work. */
STRATA_MUST_CHECK strata_status strata_fit_seed(struct strata_fit *fit,
                                                struct strata_candidate *candidate, size_t n,
                                                struct strata_err *err);

/* Centres from model.start.  Collective; fails alike on all ranks. */
STRATA_MUST_CHECK strata_status strata_start_file_read(struct strata_fit *fit,
                                                       struct strata_err *err);

/* Given centres, brought to this job's columns.  Collective; fails alike on all ranks. */
STRATA_MUST_CHECK strata_status strata_start_given(struct strata_fit *fit,
                                                   const struct strata_start *start,
                                                   struct strata_err *err);

/* Refill a candidate's empty segments in its next params with the farthest rows.  Collective. */
STRATA_MUST_CHECK strata_status strata_fit_repair(struct strata_fit *fit,
                                                  struct strata_candidate *candidate,
                                                  struct strata_err *err);

/* Fit all candidates and keep the best start of each k: all of them to all rows, or, when there are
 * many rows, those that come through a race.  Collective. */
STRATA_MUST_CHECK strata_status strata_fit_all(struct strata_fit *fit, struct strata_err *err);

/* Fit these to the fit's rows, wave by wave.  A fit that goes on in this leg replaces them by those that
 * were there, at most n.  Collective. */
STRATA_MUST_CHECK strata_status strata_fit_entrants(struct strata_fit *fit,
                                                    struct strata_entrant *entrant, size_t n,
                                                    struct strata_err *err);

/* saved.c: a fit that goes on from a state.  The parts are read in this order, each when there is room for it:
 * standings (then leg is known), a race's finalists, the entrants of the leg, the candidates of the wave, whose
 * rows are then labelled anew.  Collective; fails alike on all ranks. */
STRATA_MUST_CHECK strata_status strata_saved_open(struct strata_fit *fit, struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_saved_race(struct strata_fit *heat, struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_saved_entrants(struct strata_fit *fit,
                                                      struct strata_entrant *entrant, size_t most,
                                                      struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_saved_wave(struct strata_fit *fit,
                                                  struct strata_candidate *candidate, size_t n,
                                                  struct strata_err *err);

/* steer.c: orders of clients.  The numbers of one in a message, which is the sum of rank 0's and of nothing. */
#define STRATA_ORDER_NUMBERS 5
void strata_steering_begin(const struct strata_fit *fit, struct strata_steering *steering);
/* The next order, from rank 0; zeros from the others, or when there is none.  Not collective. */
void strata_order_pack(const struct strata_fit *fit, int64_t *numbers);
/* The order of a message takes effect, and those that are replayed in this iteration; then those that are replayed at
 * its end.  All ranks do the same. */
void strata_steer(struct strata_fit *fit, const int64_t *numbers);
void strata_steer_at_end(struct strata_fit *fit);
/* While paused: wait a turn, and obey what has been ordered since; *changed tells whether the state to keep is
 * another.  Collective; one small message. */
STRATA_MUST_CHECK strata_status strata_steer_paused(struct strata_fit *fit, bool *changed,
                                                    struct strata_err *err);
/* A hash of the steering, for all ranks must have the same. */
uint64_t strata_steering_hash(const struct strata_steering *steering);

/* Params of the last pass and of the next one change places. */
void strata_candidate_swap(struct strata_candidate *candidate);

/* Whether there is a race: a function of the job and of the number of customers. */
bool strata_race_is_on(const struct strata_fit *fit);

/* Let all candidates race on a part of the rows; out is room for n_k * STRATA_FINALISTS entrants and
 * gets those that are to go on, in the order of their k.  Collective. */
STRATA_MUST_CHECK strata_status strata_fit_race(struct strata_fit *fit, struct strata_entrant *out,
                                                size_t *n_out, struct strata_err *err);

/* The fit is between finalists from now on. */
void strata_race_is_over(struct strata_fit *fit);

/* Drop finalists that will not catch up with the better one of their k. */
void strata_fit_drop(const struct strata_fit *fit, struct strata_candidate *candidate, size_t n);

/* A candidate of the race has ended. */
void strata_race_note(struct strata_fit *fit, const struct strata_candidate *candidate);

/* Entrants between neighbours: for each k but the largest its best with the worst segment split, for
 * each but the smallest its best with the two nearest segments joined.  out is room for 2 (n_k - 1).
 * Collective; heat is the race's fit. */
STRATA_MUST_CHECK strata_status strata_fit_ladder(struct strata_fit *heat,
                                                  struct strata_entrant *out, size_t *n_out,
                                                  struct strata_err *err);

/* balance.c: every rank's time of a pass, in numbers of a message.  Read: the slowest one over the mean; the numbers are
 * those that all ranks have packed. */
size_t strata_balance_numbers(int n_ranks);
void strata_balance_pack(const struct strata_comm *comm, double pass_s, int64_t *numbers);
double strata_balance_read(const struct strata_comm *comm, const int64_t *numbers);

/* Those that still move, for who watches; and who watches is told of those that have ended since.  Rank 0 only. */
void strata_fit_standings(const struct strata_fit *fit, const struct strata_candidate *candidate,
                          size_t n, struct strata_fit_progress *progress);
void strata_fit_tell_ended(const struct strata_fit *fit, struct strata_candidate *candidate,
                           size_t n);
void strata_fit_tell_over(const struct strata_fit *fit,
                          const struct strata_candidate_result *result);

/* End candidates that have come to a state where another one of their k has been. */
void strata_fit_merge(const struct strata_fit *fit, struct strata_candidate *candidate, size_t n);

/* Candidates that were merged get the results of those that went on for them. */
void strata_fit_follow_merged(struct strata_clustering *out);

/* Bring each live candidate's labels, bounds and sums of this rank's rows to its params, on all
 * threads of the rank.  Not collective. */
void strata_fit_pass(const struct strata_fit *fit, struct strata_candidate *candidate, size_t n);

/* Forget what is known of the rows: the next pass looks at all of them, and sums anew. */
void strata_candidate_forget(const struct strata_fit *fit, struct strata_candidate *candidate);

/* Checksums of this rank's rows, and a look at a few of them in every pass: memory that changed is
 * found before a result is written. */
struct strata_scrub {
    uint64_t *checksum; /* (n_blocks) */
    size_t n_blocks, next;
    uint64_t n_damaged;
};
bool strata_scrub_start(const struct strata_rows *rows, struct strata_arena *room,
                        struct strata_scrub *scrub);
void strata_scrub_step(const struct strata_rows *rows, struct strata_scrub *scrub);

/* All ranks go on, or all return STRATA_E_BUG with one sentence: when any of them found something broken
 * (what, as the beginning of a sentence; NULL: nothing).  model is a hash of this rank's params, by which a
 * rank is named.  Collective; costs an agreement when all is well. */
STRATA_MUST_CHECK strata_status strata_fit_judge(const struct strata_fit *fit, const char *broken,
                                                 uint64_t model, struct strata_err *err);

/* What a rank does that finds an iteration's sums broken.  Where all ranks find the same they meet here, and
 * leave with one sentence.  A rank that stays alone with it holds other sums than the others, which may be in
 * their next collective already: it says so and ends the job, all ranks at once, with the same exit code.
 * Never returns STRATA_OK.  Not collective: an iteration in which all is well pays nothing for it. */
STRATA_MUST_CHECK strata_status strata_fit_leave(const struct strata_fit *fit, const char *broken,
                                                 uint64_t model, struct strata_err *err);

/* The same as strata_fit_judge, of a hash that must be the same on all ranks.  Collective. */
STRATA_MUST_CHECK strata_status strata_fit_same(const struct strata_fit *fit, uint64_t model,
                                                struct strata_err *err);

/* Bytes of one candidate in a wave, and candidates in a wave: a function of the job and of the
 * number of customers, so that it is the same for any number of ranks. */
uint64_t strata_candidate_bytes(const struct strata_estimator *estimator, struct strata_dims dims,
                                uint64_t n_rows, int n_threads);
size_t strata_wave_size(const struct strata_estimator *estimator, struct strata_dims dims,
                        uint64_t n_global);

/* Fill by_k, chosen_k, rule and choice.  Collective. */
STRATA_MUST_CHECK strata_status strata_fit_choose(struct strata_fit *fit, struct strata_err *err);

/* solutions.c: room for the models around the chosen one, their bytes, and the models. */
bool strata_solutions_make(struct strata_fit *fit);
uint64_t strata_solutions_bytes(const struct strata_estimator *estimator, uint64_t n_k,
                                struct strata_dims largest);
void strata_solutions_keep(struct strata_fit *fit);

/* The sum of each rank's sums on all ranks.  limbs is room for 4 * n.  Collective. */
void strata_sums_reduce(struct strata_comm *comm, struct strata_sum *sums, size_t n, int64_t *limbs);

/* An objective per grid in encoded units: squared for hard estimators, densities of encoded values
 * for mixtures. */
double strata_fit_encoded(const struct strata_fit *fit, double objective);

/* A sentence for quality.json, the same on all ranks.  Lost when there are too many or no memory. */
void strata_fit_note(struct strata_fit *fit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for one candidate of k segments in an arena; false when there is none. */
bool strata_candidate_init(const struct strata_fit *fit, uint32_t k, struct strata_arena *room,
                           struct strata_candidate *candidate);

#endif
