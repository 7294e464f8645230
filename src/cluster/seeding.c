/* Greedy k-means++ on a sample: each next centre is the best of a few rows drawn with probability
 * proportional to weight times squared distance from the centres so far (Arthur & Vassilvitskii,
 * 2007).
 *
 * Notation: m rows of the sample; 2 + floor(log k) rows are drawn a step, as scikit-learn does.
 *
 * Exact: distances are integers below 2^59, totals below 2^112; a draw is a 128-bit random number
 * scaled to the total, so each row has its exact share up to 2^-16, and without weights to 2^-50.
 *
 * Ties: the lowest index.  When all distances are zero (fewer distinct rows than k), the lowest row
 * not yet chosen.
 *
 * Cost: O(m k d log k) a candidate; candidates are dealt to ranks and their threads, and their
 * indices summed. */
#include <string.h>

#include "strata/random.h"

#include "cluster/cluster_impl.h"

static strata_uint128 draw_below(struct strata_draws *draws, strata_uint128 bound)
{
    const uint64_t high =
        strata_random_bits(draws->seed, STRATA_PURPOSE_SEEDING, draws->what, draws->n++);
    const uint64_t low =
        strata_random_bits(draws->seed, STRATA_PURPOSE_SEEDING, draws->what, draws->n++);
    /* The upper 128 bits of (high, low) * bound, by 64-bit digits. */
    const uint64_t b1 = (uint64_t)(bound >> 64), b0 = (uint64_t)bound;
    const strata_uint128 ll = (strata_uint128)low * b0, lh = (strata_uint128)low * b1;
    const strata_uint128 hl = (strata_uint128)high * b0, hh = (strata_uint128)high * b1;
    const strata_uint128 middle = (ll >> 64) + (uint64_t)lh + (uint64_t)hl;
    return hh + (lh >> 64) + (hl >> 64) + (middle >> 64);
}

size_t strata_draw_row(struct strata_draws *draws, const struct strata_potential *potential)
{
    return strata_potential_find(potential, draw_below(draws, strata_potential_total(potential)));
}

static size_t best_of_draws(struct strata_draws *draws, const struct strata_potential *potential,
                            size_t n_trials)
{
    size_t row[STRATA_POTENTIAL_TRIALS] = {0}, best = 0;
    strata_uint128 left[STRATA_POTENTIAL_TRIALS];
    for (size_t t = 0; t < n_trials; t++) row[t] = strata_draw_row(draws, potential);
    strata_potential_try(potential, row, n_trials, left);
    for (size_t t = 1; t < n_trials; t++)
        if (left[t] < left[best]) best = t;
    return row[best];
}

void strata_seed_indices(struct strata_potential *potential, size_t n, size_t k,
                         struct strata_draws *draws, bool *chosen, int64_t *index)
{
    const size_t n_trials = 2 + (size_t)strata_log((double)k);
    size_t lowest = 0; /* row not yet chosen */
    STRATA_REQUIRE(k <= n && n_trials <= STRATA_POTENTIAL_TRIALS);
    for (size_t c = 0; c < k; c++) {
        while (chosen[lowest]) lowest++;
        size_t row = lowest;
        if (c == 0)
            row = strata_draw_row(draws, potential);
        else if (strata_potential_total(potential) > 0)
            row = best_of_draws(draws, potential, n_trials);
        strata_potential_accept(potential, row);
        chosen[row] = true;
        index[c] = (int64_t)row;
    }
}

/* --- all candidates of a wave ---------------------------------------------------------- */

/* What a thread needs to seed one candidate after another. */
struct worker {
    void *potential;  /* room for one */
    bool *chosen;     /* (m) */
    uint64_t *weight; /* (m) */
    struct strata_local_search search;
};

struct seeding {
    const struct strata_fit *fit;
    const struct strata_points *points;
    struct strata_candidate *candidate; /* (n) */
    size_t n;
    struct worker *worker; /* (threads) */
    size_t *first;         /* (n + 1) where the candidate's indices begin */
    int64_t *index;        /* of this rank's candidates; 0 for those of others */
};

/* A smaller k needs a prefix of the sample only, and so does not depend on the largest one. */
static size_t rows_for(const struct strata_fit *fit, size_t k)
{
    return fit->sample.value ? strata_sample_rows(fit->sample.n, k) : fit->sample.n;
}

static void seed_one(const struct seeding *s, struct worker *worker, size_t n,
                     const struct strata_candidate *candidate, int64_t *index)
{
    const size_t k = candidate->dims.k;
    struct strata_draws draws = {.seed = s->fit->config->model.seed,
                                 .what = (uint64_t)k << 32 | candidate->result->start};
    const uint64_t *weight = strata_sample_weights(s->fit, n, worker->weight);
    struct strata_potential *potential =
        strata_potential_make(s->points, n, weight, worker->potential);
    memset(worker->chosen, 0, n);
    strata_seed_indices(potential, n, k, &draws, worker->chosen, index);
    worker->search.potential = potential;
    worker->search.x = s->fit->sample.x;
    worker->search.n = n;
    worker->search.dims = candidate->dims;
    if (k > 1) strata_local_search_run(&worker->search, &draws, index);
}

/* Candidates go around the ranks, and those of a rank around its threads. */
static void seed_on_thread(void *context, int thread)
{
    const struct seeding *s = context;
    const struct strata_comm *comm = s->fit->comm;
    const size_t n_ranks = (size_t)comm->size;
    const size_t n_threads = (size_t)strata_pool_threads(s->fit->pool);
    for (size_t i = (size_t)comm->rank + (size_t)thread * n_ranks; i < s->n;
         i += n_ranks * n_threads) {
        const size_t k = s->candidate[i].dims.k, n = rows_for(s->fit, k);
        seed_one(s, &s->worker[thread], n, &s->candidate[i], s->index + s->first[i]);
    }
}

static bool worker_init(const struct strata_fit *fit, struct strata_arena *room,
                        struct worker *worker)
{
    const size_t m = fit->sample.n;
    const struct strata_dims largest = {.k = fit->k_to, .d = fit->rows->d};
    worker->potential = strata_arena_take(room, 1, 64, strata_potential_bytes(m));
    worker->chosen = STRATA_NEW(room, bool, m);
    worker->weight = STRATA_NEW(room, uint64_t, m);
    return worker->potential && worker->chosen && worker->weight &&
           strata_local_search_init(room, m, largest, &worker->search);
}

static bool seeding_init(struct seeding *s, struct strata_arena *room)
{
    const struct strata_fit *fit = s->fit;
    const struct strata_sample *sample = &fit->sample;
    const size_t n_threads = (size_t)strata_pool_threads(fit->pool);
    s->first = STRATA_NEW(room, size_t, s->n + 1);
    s->worker = STRATA_NEW(room, struct worker, n_threads);
    void *points = strata_arena_take(room, 1, 64, strata_points_bytes(sample->n, fit->rows->d));
    if (!s->first || !s->worker || !points) return false;
    for (size_t i = 0; i < s->n; i++) s->first[i + 1] = s->first[i] + s->candidate[i].dims.k;
    s->index = STRATA_NEW(room, int64_t, s->first[s->n]);
    bool is_room = s->index != NULL;
    for (size_t t = 0; t < n_threads && is_room; t++)
        is_room = worker_init(fit, room, &s->worker[t]);
    s->points = strata_points_make(sample->n, fit->rows->d, sample->x, fit->isa, points);
    return is_room;
}

static void start_from_sample(const struct strata_fit *fit, struct strata_candidate *candidate,
                              const int64_t *index, double *centre)
{
    const struct strata_dims dims = candidate->dims;
    for (size_t c = 0; c < dims.k; c++)
        for (size_t j = 0; j < dims.d; j++)
            centre[c * dims.d + j] = (double)fit->sample.x[(size_t)index[c] * dims.d + j];
    fit->estimator->start(dims, centre, fit->spread, candidate->params);
}

strata_status strata_fit_seed(struct strata_fit *fit, struct strata_candidate *candidate, size_t n,
                              struct strata_err *err)
{
    if (fit->from_file) { /* one candidate */
        fit->estimator->start(candidate->dims, fit->file_centre, fit->spread, candidate->params);
        return STRATA_OK;
    }
    struct strata_arena scratch = fit->room;
    struct seeding seeding = {.fit = fit, .candidate = candidate, .n = n};
    double *centre = STRATA_NEW(&scratch, double, fit->k_to * fit->rows->d);
    strata_status status = STRATA_OK;
    if (!centre || !seeding_init(&seeding, &scratch))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to seed %zu candidates", n);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    STRATA_REQUIRE(seeding.first != NULL && seeding.index != NULL); /* all ranks have agreed */

    strata_pool_run(fit->pool, seed_on_thread, &seeding);
    strata_comm_sum(fit->comm, seeding.index, seeding.first[n]);
    for (size_t i = 0; i < n; i++)
        start_from_sample(fit, &candidate[i], seeding.index + seeding.first[i], centre);
    return STRATA_OK;
}
