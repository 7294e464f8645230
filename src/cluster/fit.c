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

#define LABELS_BYTES \
    (UINT64_C(1) << 30) /* of one wave, over all ranks; more when the matrix itself is larger */
#define SUMS_BYTES (UINT64_C(1) << 28) /* of one wave: sums and their limbs */

/* What every reduction begins with. */
enum head {
    HEAD_ROWS, /* must be the number of customers */
    HEAD_STOP, /* ranks that ask for it */
    HEAD_CANCEL,
    HEAD_LIMIT,
    HEAD_DIFFERS, /* ranks whose params were not rank 0's in the last pass */
    HEAD_HASH,    /* of rank 0's params, others add 0 */
    HEAD_COUNT
};

struct wave {
    struct strata_candidate *candidate; /* (n) */
    size_t n;
    int64_t *message; /* head, then of each live candidate: moved, limbs of its sums */
    uint64_t hash;    /* of this rank's params in this pass */
    uint64_t iteration;
};

static size_t count_live(const struct wave *wave)
{
    size_t live = 0;
    for (size_t i = 0; i < wave->n; i++) live += wave->candidate[i].live;
    return live;
}

static size_t message_size(const struct strata_candidate *candidate)
{
    return 1 + (1 + candidate->n_stats) * STRATA_SUM_LIMBS;
}

/* --- one iteration --------------------------------------------------------------------- */

void strata_fit_pass(const struct strata_fit *fit, struct strata_candidate *candidate, size_t n)
{
    const struct strata_rows *rows = fit->rows;
    for (size_t i = 0; i < n; i++) {
        candidate[i].moved = 0;
        memset(candidate[i].sums, 0, (1 + candidate[i].n_stats) * sizeof *candidate[i].sums);
    }
    for (size_t first = 0; first < rows->n; first += STRATA_FIT_BLOCK_ROWS) {
        const size_t left = rows->n - first,
                     size = left < STRATA_FIT_BLOCK_ROWS ? left : STRATA_FIT_BLOCK_ROWS;
        for (size_t i = 0; i < n; i++) {
            struct strata_candidate *c = &candidate[i];
            if (!c->live) continue;
            fit->estimator->accumulate(c->dims, c->params, rows->x + first * rows->d, size,
                                       c->label + first, &c->moved, c->sums, c->sums + 1);
        }
    }
}

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
        wave->message[at] = (int64_t)c->moved;
        strata_sum_to_limbs(c->sums, 1 + c->n_stats, wave->message + at + 1);
        at += message_size(c);
    }
    wave->message[HEAD_ROWS] = (int64_t)fit->rows->n;
    wave->message[HEAD_STOP] = (command & STRATA_FIT_STOP) != 0;
    wave->message[HEAD_CANCEL] = (command & STRATA_FIT_CANCEL) != 0;
    wave->message[HEAD_LIMIT] = (command & STRATA_FIT_LIMIT) != 0;
    wave->message[HEAD_DIFFERS] = fit->differs;
    wave->message[HEAD_HASH] = fit->comm->rank == 0 ? (int64_t)wave->hash : 0;
    return at;
}

static void unpack(struct strata_fit *fit, struct wave *wave)
{
    size_t at = HEAD_COUNT;
    for (size_t i = 0; i < wave->n; i++) {
        struct strata_candidate *c = &wave->candidate[i];
        if (!c->live) continue;
        c->moved = (uint64_t)wave->message[at];
        strata_sum_from_limbs(wave->message + at + 1, 1 + c->n_stats, c->sums);
        at += message_size(c);
    }
    fit->differs = (uint64_t)wave->message[HEAD_HASH] != wave->hash;
    fit->asked_to_stop |= wave->message[HEAD_STOP] > 0;
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
    if (head[HEAD_DIFFERS] > 0 || (uint64_t)head[HEAD_ROWS] != fit->rows->n_global)
        return STRATA_FAIL(err, STRATA_E_BUG,
                           "ranks do not hold the same model after %llu reductions: a rank's memory "
                           "or arithmetic is faulty; run again on other hosts",
                           (unsigned long long)fit->out->iterations_total);
    if (head[HEAD_CANCEL] > 0) return STRATA_FAIL(err, STRATA_E_CANCELLED, "the fit was cancelled");
    if (head[HEAD_LIMIT] > 0)
        return STRATA_FAIL(err, STRATA_E_AGAIN,
                           "the fit was interrupted; run the same command again");
    return STRATA_OK;
}

/* --- one candidate's step -------------------------------------------------------------- */

static bool is_settled(const struct strata_fit *fit, const struct strata_candidate *candidate,
                       double before)
{
    if (!fit->estimator->soft) return candidate->moved == 0;
    const double now = strata_fit_encoded(fit, candidate->objective);
    const double scale =
        fabs(now) + (double)fit->rows->n_global; /* one unit a row where the objective is near 0 */
    return before - candidate->objective <=
           strata_model_tolerance(&fit->config->model, true) * scale;
}

static enum strata_stop_reason stop_reason(const struct strata_fit *fit,
                                           const struct strata_candidate *candidate, double before)
{
    if (fit->asked_to_stop) return STRATA_STOP_ASKED;
    if (!candidate->repaired && is_settled(fit, candidate, before))
        return fit->estimator->soft ? STRATA_STOP_TOLERANCE : STRATA_STOP_NO_LABEL_MOVED;
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
    candidate->objective = estimator->objective(candidate->dims, candidate->sums[0]);
    candidate->result->iterations++;
    if (candidate->n_trace < STRATA_TRACE_MAX)
        candidate->trace[candidate->n_trace++] = strata_fit_encoded(fit, candidate->objective);
    memcpy(candidate->next, candidate->params, candidate->n_params * sizeof *candidate->next);
    estimator->maximise(candidate->dims, fit->rows->n_global, candidate->sums + 1, candidate->next,
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
    return done / (double)fit->out->n_candidates;
}

static void tell(struct strata_fit *fit, const struct wave *wave)
{
    if (fit->comm->rank != 0) return;
    const struct strata_candidate *best = leading(wave);
    const double fraction = fraction_done(fit, wave);
    if (fraction > fit->fraction) fit->fraction = fraction;
    const size_t live = count_live(wave) + (fit->out->n_candidates - fit->n_done - wave->n);
    const struct strata_fit_progress progress = {.iteration = fit->out->iterations_total,
                                                 .live = (uint32_t)live,
                                                 .total = (uint32_t)fit->out->n_candidates,
                                                 .best_k = best->result->k,
                                                 .best_objective =
                                                     strata_fit_encoded(fit, best->objective),
                                                 .best_mass = best->mass,
                                                 .fraction = fit->fraction};
    STRATA_LOG(INFO, "fit.iter", "iter=%llu live=%u k=%u objective=%.17g moved=%llu",
               (unsigned long long)progress.iteration, progress.live, progress.best_k,
               progress.best_objective, (unsigned long long)best->moved);
    if (fit->watch && fit->watch->progress) fit->watch->progress(fit->watch->context, &progress);
}

/* --- waves ----------------------------------------------------------------------------- */

static strata_status iterate(struct strata_fit *fit, struct wave *wave, struct strata_err *err)
{
    while (count_live(wave) > 0) {
        strata_fit_pass(fit, wave->candidate, wave->n);
        STRATA_TRY(reduce(fit, wave, err));
        for (size_t i = 0; i < wave->n; i++)
            if (wave->candidate[i].live) STRATA_TRY(advance(fit, &wave->candidate[i], err));
        tell(fit, wave);
    }
    return STRATA_OK;
}

/* Write down how a candidate ended, and keep it if it leads its k: eligible before not, then the
 * lower objective, then the lower start. */
static void conclude(struct strata_fit *fit, const struct strata_candidate *candidate)
{
    struct strata_candidate_result *result = candidate->result;
    double smallest = candidate->mass[0];
    for (size_t c = 1; c < candidate->dims.k; c++)
        if (candidate->mass[c] < smallest) smallest = candidate->mass[c];
    result->smallest_share = smallest / (double)fit->rows->n_global;
    result->eligible = smallest > 0 && result->smallest_share >= fit->config->model.min_share;
    result->objective = strata_fit_encoded(fit, candidate->objective);

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

static strata_status fit_wave(struct strata_fit *fit, size_t first, size_t n, struct strata_err *err)
{
    struct wave wave = {.candidate = STRATA_NEW(&fit->room, struct strata_candidate, n), .n = n};
    bool room = wave.candidate != NULL;
    size_t message = HEAD_COUNT;
    for (size_t i = 0; i < n && room; i++) {
        struct strata_candidate *c = &wave.candidate[i];
        c->index = first + i;
        c->result = &fit->out->candidate[first + i];
        room = strata_candidate_init(fit, c->result->k, &fit->room, c);
        message += room ? message_size(c) : 0;
    }
    wave.message = STRATA_NEW(&fit->room, int64_t, message);
    strata_status status = STRATA_OK;
    if (!room || !wave.message)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to fit %zu candidates at once", n);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    STRATA_REQUIRE(wave.candidate != NULL); /* all ranks have agreed that there is room */
    STRATA_TRY(strata_fit_seed(fit, wave.candidate, n, err));
    STRATA_TRY(iterate(fit, &wave, err));
    for (size_t i = 0; i < n; i++) conclude(fit, &wave.candidate[i]);
    fit->n_done += n;
    return STRATA_OK;
}

strata_status strata_fit_all(struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_dims largest = {.k = fit->k_to, .d = fit->rows->d};
    const size_t wave = strata_wave_size(fit->estimator, largest, fit->rows->n_global);
    const size_t n = fit->out->n_candidates;
    for (size_t first = 0; first < n; first += wave) {
        const struct strata_arena mark = fit->room;
        STRATA_TRY(fit_wave(fit, first, n - first < wave ? n - first : wave, err));
        fit->room = mark;
    }
    strata_status status = STRATA_OK;
    if (fit->differs)
        status =
            STRATA_FAIL(err, STRATA_E_BUG, "this rank's model differs from rank 0's after the fit");
    return strata_comm_agree(fit->comm, status, err);
}

/* --- sizes ----------------------------------------------------------------------------- */

uint64_t strata_candidate_bytes(const struct strata_estimator *estimator, struct strata_dims dims,
                                uint64_t n_rows)
{
    const uint64_t sums = 1 + estimator->stat_count(dims), params = estimator->param_count(dims);
    return n_rows * sizeof(uint16_t) +
           sums * (sizeof(struct strata_sum) + STRATA_SUM_LIMBS * sizeof(int64_t)) +
           2 * params * sizeof(double) + (dims.k + STRATA_TRACE_MAX) * sizeof(double) + 1024;
}

size_t strata_wave_size(const struct strata_estimator *estimator, struct strata_dims dims,
                        uint64_t n_global)
{
    const uint64_t matrix_half = n_global * dims.d * sizeof(float) / 2;
    const uint64_t labels = matrix_half > LABELS_BYTES ? matrix_half : LABELS_BYTES;
    const uint64_t by_labels = labels / (n_global * sizeof(uint16_t) + 1);
    const uint64_t by_sums = SUMS_BYTES / strata_candidate_bytes(estimator, dims, 0);
    const uint64_t size = by_labels < by_sums ? by_labels : by_sums;
    return size < 1 ? 1 : size > STRATA_MAX_CANDIDATES ? STRATA_MAX_CANDIDATES : (size_t)size;
}

bool strata_candidate_init(const struct strata_fit *fit, uint32_t k, struct strata_arena *room,
                           struct strata_candidate *candidate)
{
    candidate->dims = (struct strata_dims){.k = k, .d = fit->rows->d};
    candidate->n_params = fit->estimator->param_count(candidate->dims);
    candidate->n_stats = fit->estimator->stat_count(candidate->dims);
    candidate->live = true;
    candidate->params = STRATA_NEW(room, double, candidate->n_params);
    candidate->next = STRATA_NEW(room, double, candidate->n_params);
    candidate->mass = STRATA_NEW(room, double, k);
    candidate->label = STRATA_NEW(room, uint16_t, fit->rows->n);
    candidate->sums = STRATA_NEW(room, struct strata_sum, 1 + candidate->n_stats);
    candidate->trace = STRATA_NEW(room, double, STRATA_TRACE_MAX);
    if (!candidate->params || !candidate->next || !candidate->mass || !candidate->label ||
        !candidate->sums || !candidate->trace)
        return false;
    for (size_t row = 0; row < fit->rows->n; row++) candidate->label[row] = STRATA_NO_LABEL;
    return true;
}
