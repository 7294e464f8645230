/* The fit loop.  A pass over this rank's rows feeds all live candidates of a wave, block by block;
 * one strata_comm_sum carries their exact sums and everything else that ranks must agree on; then
 * each candidate moves on or stops.
 *
 * A candidate stops with the params of its last pass, so its objective, its masses and its labels
 * belong together. */
#include <math.h>
#include <string.h>

#include "strata/hash.h"
#include "strata/log.h"

#include "cluster/cluster_impl.h"

#define ROWS_BYTES \
    (UINT64_C(1) << 28) /* labels and bounds of one wave, over all ranks; more for a large matrix */
#define SUMS_BYTES (UINT64_C(1) << 28) /* of one wave: sums, params and their limbs */

/* What every reduction begins with. */
enum head {
    HEAD_ROWS, /* must be the number of customers */
    HEAD_STOP, /* ranks that ask for it */
    HEAD_CANCEL,
    HEAD_LIMIT,
    HEAD_DIFFERS, /* ranks whose params were not rank 0's in the last pass */
    HEAD_DAMAGED, /* blocks of rows that are no longer what they were */
    HEAD_HASH,    /* of rank 0's params, others add 0 */
    HEAD_COUNT
};

struct wave {
    struct strata_candidate *candidate; /* (n) */
    size_t n;
    int64_t *message; /* head, then of each live candidate: moved, looked, limbs of its sums */
    uint64_t hash;    /* of this rank's params in this pass */
    uint64_t iteration;
};

static size_t count_live(const struct wave *wave)
{
    size_t live = 0;
    for (size_t i = 0; i < wave->n; i++) live += wave->candidate[i].live;
    return live;
}

/* What is said of a live candidate before its sums. */
enum line { LINE_MOVED, LINE_LOOKED, LINE_SUMS };

static size_t message_size(const struct strata_fit *fit, const struct strata_candidate *candidate)
{
    return LINE_SUMS + candidate->n_stats * fit->estimator->limbs;
}

static void sums_to_wire(const struct strata_sum *sums, size_t n, size_t limbs, int64_t *wire)
{
    if (limbs == STRATA_SUM_LIMBS)
        strata_sum_to_limbs(sums, n, wire);
    else
        for (size_t i = 0; i < n; i++) wire[i] = (int64_t)sums[i].value;
}

static void sums_from_wire(const int64_t *wire, size_t n, size_t limbs, struct strata_sum *sums)
{
    if (limbs == STRATA_SUM_LIMBS)
        strata_sum_from_limbs(wire, n, sums);
    else
        for (size_t i = 0; i < n; i++) sums[i].value = wire[i];
}

/* --- one iteration --------------------------------------------------------------------- */

static size_t pack(const struct strata_fit *fit, struct wave *wave)
{
    const unsigned command =
        fit->watch && fit->watch->command ? fit->watch->command(fit->watch->context) : 0;
    wave->hash = 0;
    size_t at = HEAD_COUNT;
    for (size_t i = 0; i < wave->n; i++) {
        const struct strata_candidate *c = &wave->candidate[i];
        if (!c->live) continue;
        wave->hash = wave->hash * 31 + strata_hash(c->params, c->n_params * sizeof *c->params);
        int64_t *line = wave->message + at;
        line[LINE_MOVED] = (int64_t)c->moved;
        line[LINE_LOOKED] = (int64_t)c->looked;
        sums_to_wire(c->mine, c->n_stats, fit->estimator->limbs, line + LINE_SUMS);
        at += message_size(fit, c);
    }
    wave->message[HEAD_ROWS] = (int64_t)fit->rows->n;
    wave->message[HEAD_STOP] = (command & STRATA_FIT_STOP) != 0;
    wave->message[HEAD_CANCEL] = (command & STRATA_FIT_CANCEL) != 0;
    wave->message[HEAD_LIMIT] = (command & STRATA_FIT_LIMIT) != 0;
    wave->message[HEAD_DIFFERS] = fit->differs;
    wave->message[HEAD_DAMAGED] = (int64_t)fit->scrub->n_damaged;
    wave->message[HEAD_HASH] = fit->comm->rank == 0 ? (int64_t)wave->hash : 0;
    return at;
}

static void unpack(struct strata_fit *fit, struct wave *wave)
{
    size_t at = HEAD_COUNT;
    for (size_t i = 0; i < wave->n; i++) {
        struct strata_candidate *c = &wave->candidate[i];
        if (!c->live) continue;
        const int64_t *line = wave->message + at;
        c->moved = (uint64_t)line[LINE_MOVED];
        c->looked = (uint64_t)line[LINE_LOOKED];
        sums_from_wire(line + LINE_SUMS, c->n_stats, fit->estimator->limbs, c->sums);
        at += message_size(fit, c);
    }
    fit->differs = (uint64_t)wave->message[HEAD_HASH] != wave->hash;
    fit->asked_to_stop |= wave->message[HEAD_STOP] > 0;
}

/* What must hold whatever the data are: the same model on all ranks, rows that stay as they were, and
 * sums that add up to all rows. */
static strata_status check_soundness(const struct strata_fit *fit, const struct wave *wave,
                                     struct strata_err *err)
{
    const char *broken = NULL;
    if (wave->message[HEAD_DIFFERS] > 0) broken = "ranks do not hold the same model";
    if ((uint64_t)wave->message[HEAD_ROWS] != fit->rows->n_global) broken = "rows were lost";
    if (wave->message[HEAD_DAMAGED] > 0) broken = "the feature matrix changed in memory";
    for (size_t i = 0; i < wave->n && !broken; i++) {
        const struct strata_candidate *c = &wave->candidate[i];
        if (c->live && !fit->estimator->conserved(c->dims, c->sums, &fit->totals))
            broken = "the segments' sums do not add up to those of all customers";
    }
    if (!broken) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_BUG,
                       "%s after %llu reductions: a rank's memory or arithmetic is faulty; run again "
                       "on other hosts",
                       broken, (unsigned long long)fit->out->iterations_total);
}

/* Everything that ranks must agree on, in one message; each decision is of the sums alone, so all
 * ranks take it. */
static strata_status reduce(struct strata_fit *fit, struct wave *wave, struct strata_err *err)
{
    const size_t n = pack(fit, wave);
    strata_comm_sum(fit->comm, wave->message, n);
    unpack(fit, wave);
    wave->iteration++;
    fit->out->iterations_total++;
    const int64_t *head = wave->message;
    STRATA_TRY(check_soundness(fit, wave, err));
    if (head[HEAD_CANCEL] > 0) return STRATA_FAIL(err, STRATA_E_CANCELLED, "the fit was cancelled");
    if (head[HEAD_LIMIT] > 0)
        return STRATA_FAIL(err, STRATA_E_AGAIN,
                           "the fit was interrupted; run the same command again");
    return STRATA_OK;
}

/* --- one candidate's step -------------------------------------------------------------- */

static bool has_converged_by_objective(const struct strata_fit *fit,
                                       const struct strata_candidate *candidate, double before)
{
    const double tolerance = strata_model_tolerance(&fit->config->model, fit->estimator->soft);
    if (!(tolerance > 0)) return false;
    const double now = strata_fit_encoded(fit, candidate->objective);
    /* A mixture's objective may be near 0: one unit for each customer then. */
    const double scale = fabs(now) + (fit->estimator->soft ? strata_rows_weight(fit->rows) : 0);
    return strata_fit_encoded(fit, before) - now <= tolerance * scale;
}

/* No centre is farther from where it was than model.centre_shift. */
static bool has_converged_by_shift(const struct strata_fit *fit,
                                   const struct strata_candidate *candidate)
{
    const double limit = fit->config->model.centre_shift;
    if (!(limit > 0)) return false;
    return ldexp(fit->estimator->shift(candidate->dims, candidate->params, candidate->next),
                 fit->grid_exponent) <= limit;
}

static enum strata_stop_reason stop_reason(const struct strata_fit *fit,
                                           const struct strata_candidate *candidate, double before)
{
    if (fit->asked_to_stop) return STRATA_STOP_ASKED;
    if (!candidate->repaired) {
        if (!fit->estimator->soft && candidate->moved == 0) return STRATA_STOP_NO_LABEL_MOVED;
        if (has_converged_by_objective(fit, candidate, before)) return STRATA_STOP_TOLERANCE;
        if (has_converged_by_shift(fit, candidate)) return STRATA_STOP_CENTRE_SHIFT;
    }
    if (candidate->result->iterations >= fit->config->model.max_iter) return STRATA_STOP_MAX_ITER;
    return STRATA_STOP_NONE;
}

static bool needs_repair(const struct strata_fit *fit, const struct strata_candidate *candidate)
{
    const struct strata_candidate_result *result = candidate->result;
    if (candidate->exhausted || fit->asked_to_stop ||
        result->iterations >= fit->config->model.max_iter)
        return false;
    if (fit->estimator->soft && result->repairs >= 2 * result->k)
        return false; /* it will not hold */
    for (size_t c = 0; c < candidate->dims.k; c++)
        if (!(candidate->mass[c] > 0)) return true;
    return false;
}

static strata_status advance(struct strata_fit *fit, struct strata_candidate *candidate,
                             struct strata_err *err)
{
    const struct strata_estimator *estimator = fit->estimator;
    const bool comparable = candidate->result->iterations > 0 && !candidate->repaired;
    const double before = comparable ? candidate->objective : HUGE_VAL;
    candidate->repaired = false;
    candidate->objective =
        estimator->objective(candidate->dims, candidate->params, candidate->sums, &fit->totals);
    candidate->gain = before - candidate->objective;
    candidate->result->iterations++;
    if (candidate->n_trace < STRATA_TRACE_MAX)
        candidate->trace[candidate->n_trace++] = strata_fit_encoded(fit, candidate->objective);
    memcpy(candidate->next, candidate->params, candidate->n_params * sizeof *candidate->next);
    estimator->maximise(candidate->dims, candidate->sums, &fit->totals, candidate->next,
                        candidate->mass);
    if (needs_repair(fit, candidate)) STRATA_TRY(strata_fit_repair(fit, candidate, err));

    candidate->result->reason = stop_reason(fit, candidate, before);
    candidate->live = candidate->result->reason == STRATA_STOP_NONE;
    if (candidate->live) {
        double *params = candidate->params;
        candidate->params = candidate->next;
        candidate->next = params;
    }
    return STRATA_OK;
}

/* --- telling --------------------------------------------------------------------------- */

/* The largest k that still moves, and of it the lowest objective. */
static const struct strata_candidate *leading(const struct wave *wave)
{
    const bool any_live = count_live(wave) > 0;
    const struct strata_candidate *best = NULL;
    uint32_t k = 0;
    for (size_t i = 0; i < wave->n; i++)
        if ((wave->candidate[i].live || !any_live) && wave->candidate[i].result->k > k)
            k = wave->candidate[i].result->k;
    for (size_t i = 0; i < wave->n; i++) {
        const struct strata_candidate *c = &wave->candidate[i];
        if (c->result->k == k && (!best || c->objective < best->objective)) best = c;
    }
    return best;
}

static double fraction_done(const struct strata_fit *fit, const struct wave *wave)
{
    double done = (double)fit->n_done;
    for (size_t i = 0; i < wave->n; i++) {
        const double iterations = wave->candidate[i].result->iterations;
        done += wave->candidate[i].live ? iterations / (iterations + 30.0) : 1.0;
    }
    return fit->stage_from + fit->stage_share * done / (double)fit->n_entrants;
}

static void tell(struct strata_fit *fit, const struct wave *wave)
{
    if (fit->comm->rank != 0) return;
    const struct strata_candidate *best = leading(wave);
    const double fraction = fraction_done(fit, wave);
    if (fraction > fit->fraction) fit->fraction = fraction;
    const size_t live = count_live(wave) + (fit->n_entrants - fit->n_done - wave->n);
    const struct strata_fit_progress progress = {.iteration = fit->out->iterations_total,
                                                 .live = (uint32_t)live,
                                                 .total = (uint32_t)fit->n_entrants,
                                                 .best_k = best->result->k,
                                                 .best_objective =
                                                     strata_fit_encoded(fit, best->objective),
                                                 .best_mass = best->mass,
                                                 .fraction = fit->fraction};
    STRATA_LOG(INFO, "fit.iter", "iter=%llu live=%u k=%u objective=%.17g moved=%llu looked=%llu",
               (unsigned long long)progress.iteration, progress.live, progress.best_k,
               progress.best_objective, (unsigned long long)best->moved,
               (unsigned long long)best->looked);
    if (fit->watch && fit->watch->progress) fit->watch->progress(fit->watch->context, &progress);
}

/* --- waves ----------------------------------------------------------------------------- */

static strata_status iterate(struct strata_fit *fit, struct wave *wave, struct strata_err *err)
{
    while (count_live(wave) > 0) {
        strata_fit_pass(fit, wave->candidate, wave->n);
        strata_scrub_step(fit->rows, fit->scrub);
        STRATA_TRY(reduce(fit, wave, err));
        for (size_t i = 0; i < wave->n; i++)
            if (wave->candidate[i].live) STRATA_TRY(advance(fit, &wave->candidate[i], err));
        strata_fit_merge(fit, wave->candidate, wave->n);
        strata_fit_drop(fit, wave->candidate, wave->n);
        tell(fit, wave);
    }
    return STRATA_OK;
}

/* Keep a candidate if it leads its k: eligible before not, then the lower objective, then the lower
 * number. */
static void lead(struct strata_fit *fit, const struct strata_candidate *candidate)
{
    const struct strata_candidate_result *result = candidate->result;
    struct strata_leader *leader = &fit->leader[result->k - fit->k_from];
    if (leader->filled) {
        const bool other_is_eligible = fit->out->candidate[leader->index].eligible;
        if (other_is_eligible && !result->eligible) return;
        if (other_is_eligible == result->eligible && candidate->objective >= leader->objective)
            return;
    }
    leader->filled = true;
    leader->index = candidate->index;
    leader->objective = candidate->objective;
    leader->n_trace = candidate->n_trace;
    memcpy(leader->params, candidate->params, candidate->n_params * sizeof *leader->params);
    memcpy(leader->mass, candidate->mass, candidate->dims.k * sizeof *leader->mass);
    memcpy(leader->trace, candidate->trace, candidate->n_trace * sizeof *leader->trace);
}

/* Write down how a candidate ended. */
static void conclude(struct strata_fit *fit, const struct strata_candidate *candidate)
{
    struct strata_candidate_result *result = candidate->result;
    double smallest = candidate->mass[0];
    for (size_t c = 1; c < candidate->dims.k; c++)
        if (candidate->mass[c] < smallest) smallest = candidate->mass[c];
    result->smallest_share = smallest / (double)fit->totals.weight;
    result->eligible = smallest > 0 && result->smallest_share >= fit->config->model.min_share;
    result->objective = strata_fit_encoded(fit, candidate->objective);
    if (fit->race)
        strata_race_note(fit, candidate);
    else if (result->reason != STRATA_STOP_MERGED && result->reason != STRATA_STOP_DROPPED)
        lead(fit, candidate);
}

/* Room for the candidates of a wave and for their message.  Not collective. */
static bool wave_init(struct strata_fit *fit, const struct strata_entrant *entrant, size_t n,
                      struct wave *wave)
{
    *wave = (struct wave){.candidate = STRATA_NEW(&fit->room, struct strata_candidate, n), .n = n};
    bool room = wave->candidate != NULL;
    size_t message = HEAD_COUNT;
    for (size_t i = 0; i < n && room; i++) {
        struct strata_candidate *c = &wave->candidate[i];
        c->index = entrant[i].index;
        c->result = &fit->out->candidate[c->index];
        room = strata_candidate_init(fit, c->result->k, &fit->room, c);
        if (!room) break;
        message += message_size(fit, c);
        if (entrant[i].params)
            memcpy(c->params, entrant[i].params, c->n_params * sizeof *c->params);
    }
    wave->message = STRATA_NEW(&fit->room, int64_t, message);
    return room && wave->message;
}

static strata_status fit_wave(struct strata_fit *fit, const struct strata_entrant *entrant,
                              size_t n, struct strata_err *err)
{
    struct wave wave;
    strata_status status = STRATA_OK;
    if (!wave_init(fit, entrant, n, &wave))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to fit %zu candidates at once", n);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    STRATA_REQUIRE(wave.candidate != NULL); /* all ranks have agreed that there is room */
    if (!entrant[0].params) STRATA_TRY(strata_fit_seed(fit, wave.candidate, n, err));
    STRATA_TRY(iterate(fit, &wave, err));
    for (size_t i = 0; i < n; i++) conclude(fit, &wave.candidate[i]);
    fit->n_done += n;
    return STRATA_OK;
}

strata_status strata_fit_entrants(struct strata_fit *fit, const struct strata_entrant *entrant,
                                  size_t n, struct strata_err *err)
{
    const struct strata_dims largest = {.k = fit->k_to, .d = fit->rows->d};
    const size_t wave = strata_wave_size(fit->estimator, largest, fit->rows->n_global);
    fit->n_entrants = n;
    fit->n_done = 0;
    for (size_t first = 0; first < n; first += wave) {
        const struct strata_arena mark = fit->room;
        STRATA_TRY(fit_wave(fit, entrant + first, n - first < wave ? n - first : wave, err));
        fit->room = mark;
    }
    return STRATA_OK;
}

strata_status strata_fit_all(struct strata_fit *fit, struct strata_err *err)
{
    const size_t n_seeded = fit->out->n_k * fit->starts;
    const size_t n_finalists = fit->out->n_k * STRATA_FINALISTS;
    size_t n = n_seeded > n_finalists ? n_seeded : n_finalists;
    struct strata_entrant *entrant = STRATA_NEW(&fit->room, struct strata_entrant, n);
    strata_status status = STRATA_OK;
    if (!entrant) status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu starts", n);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    STRATA_REQUIRE(entrant != NULL);
    if (strata_race_is_on(fit)) {
        STRATA_TRY(strata_fit_race(fit, entrant, &n, err));
        fit->is_final = true;
    } else {
        n = n_seeded;
        for (size_t i = 0; i < n; i++) entrant[i].index = i;
    }
    STRATA_TRY(strata_fit_entrants(fit, entrant, n, err));
    strata_fit_follow_merged(fit->out);
    if (fit->differs)
        status =
            STRATA_FAIL(err, STRATA_E_BUG, "this rank's model differs from rank 0's after the fit");
    return strata_comm_agree(fit->comm, status, err);
}

/* --- sizes ----------------------------------------------------------------------------- */

static uint64_t row_bytes(const struct strata_estimator *estimator)
{
    return sizeof(uint16_t) + (estimator->keeps_bounds ? 2 * sizeof(float) : 0);
}

uint64_t strata_candidate_bytes(const struct strata_estimator *estimator, struct strata_dims dims,
                                uint64_t n_rows, int n_threads)
{
    const uint64_t sums = estimator->stat_count(dims), params = estimator->param_count(dims);
    return n_rows * row_bytes(estimator) + 2 * params * sizeof(double) +
           sums * (2 * sizeof(struct strata_sum) + estimator->limbs * sizeof(int64_t)) +
           (uint64_t)n_threads * (estimator->sums_bytes(dims) + sizeof(struct strata_tally) + 64) +
           estimator->pass_bytes(dims) + (dims.k + 2 * STRATA_TRACE_MAX) * sizeof(double) + 1024;
}

size_t strata_wave_size(const struct strata_estimator *estimator, struct strata_dims dims,
                        uint64_t n_global)
{
    const uint64_t matrix_share = n_global * (dims.d * sizeof(float) * 3 / 20 + 14);
    const uint64_t of_rows = matrix_share > ROWS_BYTES ? matrix_share : ROWS_BYTES;
    const uint64_t by_rows = of_rows / (n_global * row_bytes(estimator) + 1);
    const uint64_t by_sums = SUMS_BYTES / strata_candidate_bytes(estimator, dims, 0, 1);
    const uint64_t size = by_rows < by_sums ? by_rows : by_sums;
    return size < 1 ? 1 : size > STRATA_MAX_CANDIDATES ? STRATA_MAX_CANDIDATES : (size_t)size;
}

static bool take_tallies(const struct strata_fit *fit, struct strata_arena *room,
                         struct strata_candidate *candidate)
{
    const size_t n_threads = (size_t)strata_pool_threads(fit->pool);
    candidate->tally = STRATA_NEW(room, struct strata_tally, n_threads);
    bool taken = candidate->tally != NULL;
    for (size_t t = 0; t < n_threads && taken; t++) {
        candidate->tally[t].scratch = fit->scratch[t];
        candidate->tally[t].sums =
            strata_arena_take(room, fit->estimator->sums_bytes(candidate->dims), 64, 1);
        taken = candidate->tally[t].sums != NULL;
    }
    return taken;
}

bool strata_candidate_init(const struct strata_fit *fit, uint32_t k, struct strata_arena *room,
                           struct strata_candidate *candidate)
{
    const struct strata_estimator *estimator = fit->estimator;
    candidate->dims = (struct strata_dims){.k = k, .d = fit->rows->d};
    candidate->n_params = estimator->param_count(candidate->dims);
    candidate->n_stats = estimator->stat_count(candidate->dims);
    candidate->live = true;
    candidate->params = STRATA_NEW(room, double, candidate->n_params);
    candidate->next = STRATA_NEW(room, double, candidate->n_params);
    candidate->mass = STRATA_NEW(room, double, k);
    candidate->label = STRATA_NEW(room, uint16_t, fit->rows->n);
    candidate->mine = STRATA_NEW(room, struct strata_sum, candidate->n_stats);
    candidate->sums = STRATA_NEW(room, struct strata_sum, candidate->n_stats);
    candidate->pass = strata_arena_take(room, estimator->pass_bytes(candidate->dims), 64, 1);
    candidate->trace = STRATA_NEW(room, double, STRATA_TRACE_MAX);
    candidate->state = STRATA_NEW(room, uint64_t, STRATA_TRACE_MAX);
    bool taken = candidate->params && candidate->next && candidate->mass && candidate->label &&
                 candidate->mine && candidate->sums && candidate->pass && candidate->trace &&
                 candidate->state && take_tallies(fit, room, candidate);
    if (taken && estimator->keeps_bounds && fit->prunes) {
        candidate->upper = STRATA_NEW(room, float, fit->rows->n);
        candidate->lower = STRATA_NEW(room, float, fit->rows->n);
        taken = candidate->upper && candidate->lower;
    }
    if (taken) strata_candidate_forget(fit, candidate);
    return taken;
}
