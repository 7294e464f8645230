/* The fit loop.  A pass over this rank's rows feeds all live candidates of a wave, block by block;
 * one strata_comm_sum carries their exact sums and everything else that ranks must agree on; then
 * each candidate moves on or stops.
 *
 * A candidate stops with the params of its last pass, so its objective, its masses and its labels
 * belong together. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"
#include "strata/fault.h"
#include "strata/hash.h"
#include "strata/log.h"
#include "strata/watch.h"

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
    HEAD_DAMAGED, /* blocks of rows that are no longer what they were */
    HEAD_CHECK,   /* the sum of all other numbers of the message, modulo 2^64 */
    HEAD_ORDER,   /* the numbers of a client's order */
    HEAD_HASHES =
        HEAD_ORDER +
        STRATA_ORDER_NUMBERS, /* of each lane of the hash of a rank's params: itself and its square */
    HEAD_COUNT = HEAD_HASHES + 6
};

/* Lanes of 20 bits: their squares, summed over 4,096 ranks and times them, are below 2^64. */
#define LANES 3
#define LANE_BITS 20

struct wave {
    struct strata_candidate *candidate; /* (n) */
    size_t n;
    int64_t *message; /* head, the ranks' times, then of each live candidate: moved, looked, limbs of its sums */
    uint64_t hash; /* of this rank's params in this pass */
    uint64_t iteration;
};

static size_t count_live(const struct wave *wave)
{
    size_t live = 0;
    for (size_t i = 0; i < wave->n; i++) live += wave->candidate[i].live;
    return live;
}

static size_t head_size(const struct strata_fit *fit)
{
    return HEAD_COUNT + strata_balance_numbers(fit->comm->size);
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

/* Of the n numbers of a message, all but the check itself. */
static int64_t check_of(const int64_t *message, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) total += (uint64_t)message[i];
    return (int64_t)(total - (uint64_t)message[HEAD_CHECK]);
}

static size_t pack(const struct strata_fit *fit, struct wave *wave)
{
    const unsigned command =
        fit->watch && fit->watch->command ? fit->watch->command(fit->watch->context) : 0;
    wave->hash = strata_steering_hash(fit->steering);
    size_t at = head_size(fit);
    for (size_t i = 0; i < wave->n; i++) {
        const struct strata_candidate *c = &wave->candidate[i];
        if (!c->live) continue;
        if (!fit->watch || !fit->watch->unhashed)
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
    wave->message[HEAD_DAMAGED] = (int64_t)fit->scrub->n_damaged;
    strata_order_pack(fit, wave->message + HEAD_ORDER);
    strata_balance_pack(fit->comm, fit->pass_s, wave->message + HEAD_COUNT);
    for (int lane = 0; lane < LANES; lane++) {
        const int64_t part = wave->hash >> (lane * LANE_BITS) & ((1 << LANE_BITS) - 1);
        wave->message[HEAD_HASHES + 2 * lane] = part;
        wave->message[HEAD_HASHES + 2 * lane + 1] = part * part;
    }
    wave->message[HEAD_CHECK] = check_of(wave->message, at);
    return at;
}

static void unpack(struct strata_fit *fit, struct wave *wave)
{
    size_t at = head_size(fit);
    for (size_t i = 0; i < wave->n; i++) {
        struct strata_candidate *c = &wave->candidate[i];
        if (!c->live) continue;
        const int64_t *line = wave->message + at;
        c->moved = (uint64_t)line[LINE_MOVED];
        c->looked = (uint64_t)line[LINE_LOOKED];
        sums_from_wire(line + LINE_SUMS, c->n_stats, fit->estimator->limbs, c->sums);
        at += message_size(fit, c);
    }
    fit->asked_to_stop |= wave->message[HEAD_STOP] > 0;
}

/* Numbers are all the same exactly when the square of their sum is their count times the sum of
 * their squares: a function of the sums, so all ranks find the same. */
static bool is_same_model(const int64_t *head, int n_ranks)
{
    for (int lane = 0; lane < LANES; lane++) {
        const uint64_t sum = (uint64_t)head[HEAD_HASHES + 2 * lane];
        const uint64_t squares = (uint64_t)head[HEAD_HASHES + 2 * lane + 1];
        if (sum * sum != squares * (uint64_t)n_ranks) return false;
    }
    return true;
}

/* What must hold whatever the data are: the same model on all ranks, rows that stay as they were, and
 * sums that add up to all rows.  NULL when it does, by this rank's copy of the message. */
static const char *find_broken(const struct strata_fit *fit, const struct wave *wave,
                               size_t n_numbers)
{
    if (wave->message[HEAD_CHECK] != check_of(wave->message, n_numbers))
        return "the ranks' sums changed on their way";
    if (!is_same_model(wave->message, fit->comm->size)) return "ranks do not hold the same model";
    if ((uint64_t)wave->message[HEAD_ROWS] != fit->rows->n_global) return "rows were lost";
    if (wave->message[HEAD_DAMAGED] > 0) return "the feature matrix changed in memory";
    for (size_t i = 0; i < wave->n; i++) {
        const struct strata_candidate *c = &wave->candidate[i];
        if (c->live && !fit->estimator->conserved(c->dims, c->params, c->sums, &fit->totals))
            return "the segments' sums do not add up to those of all customers";
    }
    return NULL;
}

/* Everything that ranks must agree on, in one message; each decision is of the sums alone, so all
 * ranks take it.  Each rank decides by its own copy of them: one that finds its copy broken ends the job. */
static strata_status reduce(struct strata_fit *fit, struct wave *wave, struct strata_err *err)
{
    const size_t n = pack(fit, wave);
    STRATA_FAULT_BYTES("fit.message", wave->message, n * sizeof(int64_t));
    strata_comm_sum(fit->comm, wave->message, n);
    STRATA_FAULT_AT("fit.reduce.after", fit->out->iterations_total + 1);
    STRATA_FAULT_BYTES("fit.received", wave->message, n * sizeof(int64_t));
    unpack(fit, wave);
    STRATA_FAULT_BYTES("fit.unpacked", wave->candidate->sums,
                       wave->candidate->n_stats * sizeof(struct strata_sum));
    wave->iteration++;
    fit->out->iterations_total++;
    const int64_t *head = wave->message;
    const char *broken = find_broken(fit, wave, n);
    if (broken) return strata_fit_leave(fit, broken, wave->hash, err);
    if (head[HEAD_CANCEL] > 0) return STRATA_FAIL(err, STRATA_E_CANCELLED, "the fit was cancelled");
    fit->out_of_time = head[HEAD_LIMIT] > 0;
    strata_steer(fit, head + HEAD_ORDER);
    return STRATA_OK;
}

/* --- one candidate's step -------------------------------------------------------------- */

static bool has_converged_by_objective(const struct strata_fit *fit,
                                       const struct strata_candidate *candidate, double before)
{
    const double tolerance = fit->steering->tolerance;
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
    if (candidate->result->dropped) return STRATA_STOP_DROPPED;
    if (fit->asked_to_stop) return STRATA_STOP_ASKED;
    if (!candidate->repaired) {
        if (!fit->estimator->soft && candidate->moved == 0) return STRATA_STOP_NO_LABEL_MOVED;
        if (has_converged_by_objective(fit, candidate, before)) return STRATA_STOP_TOLERANCE;
        if (has_converged_by_shift(fit, candidate)) return STRATA_STOP_CENTRE_SHIFT;
    }
    if (candidate->result->iterations >= fit->steering->max_iter) return STRATA_STOP_MAX_ITER;
    return STRATA_STOP_NONE;
}

static bool needs_repair(const struct strata_fit *fit, const struct strata_candidate *candidate)
{
    const struct strata_candidate_result *result = candidate->result;
    if (candidate->exhausted || fit->asked_to_stop || result->dropped ||
        result->iterations >= fit->steering->max_iter)
        return false;
    if (fit->estimator->soft && result->repairs >= 2 * result->k)
        return false; /* it will not hold */
    for (size_t c = 0; c < candidate->dims.k; c++)
        if (!(candidate->mass[c] > 0)) return true;
    return false;
}

void strata_candidate_swap(struct strata_candidate *candidate)
{
    double *params = candidate->params;
    candidate->params = candidate->next;
    candidate->next = params;
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
    if (candidate->live) strata_candidate_swap(candidate);
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
    struct strata_fit_progress progress = {
        .iteration = fit->out->iterations_total,
        .live = (uint32_t)live,
        .total = (uint32_t)fit->n_entrants,
        .best_k = best->result->k,
        .best_objective = strata_fit_encoded(fit, best->objective),
        .best_mass = best->mass,
        .rank_balance = strata_balance_read(fit->comm, wave->message + HEAD_COUNT),
        .fraction = fit->fraction};
    STRATA_LOG(INFO, "fit.iter", "iter=%llu live=%u k=%u objective=%.17g moved=%llu looked=%llu",
               (unsigned long long)progress.iteration, progress.live, progress.best_k,
               progress.best_objective, (unsigned long long)best->moved,
               (unsigned long long)best->looked);
    strata_fit_standings(fit, wave->candidate, wave->n, &progress);
    if (fit->watch && fit->watch->progress) fit->watch->progress(fit->watch->context, &progress);
    strata_fit_tell_ended(fit, wave->candidate, wave->n);
}

/* Who watches may keep the state as it is now. */
static void show(struct strata_fit *fit, const struct wave *wave)
{
    if (fit->comm->rank != 0 || !fit->watch || !fit->watch->moment) return;
    const struct strata_fit_moment moment = {fit, wave->candidate, wave->n};
    fit->watch->moment(fit->watch->context, &moment);
}

/* --- waves ----------------------------------------------------------------------------- */

static strata_status check_time(const struct strata_fit *fit, struct strata_err *err)
{
    if (!fit->out_of_time) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_AGAIN, "the fit was interrupted; run the same command again");
}

/* All ranks wait at the end of an iteration.  What is kept meanwhile knows of the orders that come. */
static strata_status wait_while_paused(struct strata_fit *fit, const struct wave *wave,
                                       struct strata_err *err)
{
    while (fit->steering->paused) {
        strata_watch_tell(fit->comm, "PAUSED", fit->out->iterations_total);
        bool changed = false;
        STRATA_TRY(strata_steer_paused(fit, &changed, err));
        if (changed) show(fit, wave);
        if (fit->steering->cancelled)
            return STRATA_FAIL(err, STRATA_E_CANCELLED, "the fit was cancelled");
        STRATA_TRY(check_time(fit, err));
    }
    return STRATA_OK;
}

static strata_status iterate(struct strata_fit *fit, struct wave *wave, struct strata_err *err)
{
    while (count_live(wave) > 0) {
        strata_watch_tell(fit->comm, "FITTING", fit->out->iterations_total + 1);
        STRATA_FAULT_AT("fit.pass.before", fit->out->iterations_total + 1);
        STRATA_FAULT_BYTES("fit.params", wave->candidate->params,
                           wave->candidate->n_params * sizeof(double));
        STRATA_FAULT_BYTES("fit.matrix", fit->rows->x, fit->rows->n * fit->rows->d * sizeof(float));
        const double begun_s = strata_clock_s();
        strata_fit_pass(fit, wave->candidate, wave->n);
        fit->pass_s = strata_clock_s() - begun_s;
        STRATA_FAULT_AT("fit.pass.after", fit->out->iterations_total + 1);
        STRATA_FAULT_BYTES("fit.kept", wave->candidate->mine,
                           wave->candidate->n_stats * sizeof(struct strata_sum));
        strata_scrub_step(fit->rows, fit->scrub);
        STRATA_TRY(reduce(fit, wave, err));
        for (size_t i = 0; i < wave->n; i++)
            if (wave->candidate[i].live) STRATA_TRY(advance(fit, &wave->candidate[i], err));
        strata_fit_merge(fit, wave->candidate, wave->n);
        strata_fit_drop(fit, wave->candidate, wave->n);
        strata_steer_at_end(fit);
        tell(fit, wave);
        show(fit, wave);
        STRATA_FAULT_AT("fit.iteration.end", fit->out->iterations_total);
        STRATA_TRY(check_time(fit, err));
        STRATA_TRY(wait_while_paused(fit, wave, err));
    }
    return STRATA_OK;
}

/* Keep a candidate if it leads its k: those that a client dropped last, eligible before not, then the lower
 * objective, then the lower number. */
static void lead(struct strata_fit *fit, const struct strata_candidate *candidate)
{
    const struct strata_candidate_result *result = candidate->result;
    struct strata_leader *leader = &fit->leader[result->k - fit->k_from];
    if (leader->filled) {
        const struct strata_candidate_result *other = &fit->out->candidate[leader->index];
        const bool other_is_eligible = other->eligible;
        if (result->dropped && !other->dropped) return;
        if (other_is_eligible && !result->eligible) return;
        if (other->dropped == result->dropped && other_is_eligible == result->eligible &&
            candidate->objective >= leader->objective)
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
    result->eligible =
        !result->dropped && smallest > 0 && result->smallest_share >= fit->config->model.min_share;
    result->objective = strata_fit_encoded(fit, candidate->objective);
    if (fit->race)
        strata_race_note(fit, candidate);
    else if (result->dropped ||
             (result->reason != STRATA_STOP_MERGED && result->reason != STRATA_STOP_DROPPED))
        lead(fit, candidate); /* a k of which all are dropped has a leader too */
}

/* Room for the candidates of a wave and for their message.  Not collective. */
static bool wave_init(struct strata_fit *fit, const struct strata_entrant *entrant, size_t n,
                      struct wave *wave)
{
    *wave = (struct wave){.candidate = STRATA_NEW(&fit->room, struct strata_candidate, n), .n = n};
    bool room = wave->candidate != NULL;
    size_t message = head_size(fit);
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
    STRATA_FAULT("seed.start.before");
    if (fit->saved)
        STRATA_TRY(strata_saved_wave(fit, wave.candidate, n, err));
    else if (!entrant[0].params)
        STRATA_TRY(strata_fit_seed(fit, wave.candidate, n, err));
    STRATA_FAULT("seed.start.after");
    STRATA_TRY(iterate(fit, &wave, err));
    for (size_t i = 0; i < n; i++) conclude(fit, &wave.candidate[i]);
    fit->n_done += n;
    return STRATA_OK;
}

strata_status strata_fit_entrants(struct strata_fit *fit, struct strata_entrant *entrant, size_t n,
                                  struct strata_err *err)
{
    const struct strata_dims largest = {.k = fit->k_to, .d = fit->rows->d};
    const size_t wave = strata_wave_size(fit->estimator, largest, fit->rows->n_global);
    fit->entrant = entrant;
    fit->n_entrants = n;
    fit->n_done = 0;
    if (fit->saved) STRATA_TRY(strata_saved_entrants(fit, entrant, n, err));
    while (fit->n_done < fit->n_entrants) {
        const size_t left = fit->n_entrants - fit->n_done;
        const struct strata_arena mark = fit->room;
        STRATA_TRY(fit_wave(fit, entrant + fit->n_done, left < wave ? left : wave, err));
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
    const bool races = strata_race_is_on(fit);
    fit->leg = races ? STRATA_LEG_RACE : STRATA_LEG_ALL;
    if (fit->watch && fit->watch->state) STRATA_TRY(strata_saved_open(fit, err));
    if (!races) {
        n = n_seeded;
        for (size_t i = 0; i < n; i++) entrant[i].index = i;
    } else if (fit->leg == STRATA_LEG_ALL) {
        strata_race_is_over(fit);
    } else {
        STRATA_TRY(strata_fit_race(fit, entrant, &n, err));
    }
    STRATA_TRY(strata_fit_entrants(fit, entrant, n, err));
    strata_fit_follow_merged(fit->out);
    return STRATA_OK;
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
