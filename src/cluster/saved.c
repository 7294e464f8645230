/* A fit in bytes: its state at the end of an iteration, and a fit that goes on from there.
 *
 * Only the model's state is kept: params, what has ended and how, standings, traces, counters.  Labels and
 * kept sums are what a full pass with the params of the last pass finds, so any number of ranks can go on.
 *
 * Layout, all numbers little-endian, 8 bytes each but for flags (1 byte): magic and version; what the state
 * belongs to; the leg; results of all candidates; the leaders; in a race its standings; the entrants of the
 * leg that wait; the candidates of the wave.  One walk counts, writes and reads them, in the same order, and
 * whatever is read is checked before it is used. */
#include <math.h>
#include <string.h>

#include "strata/hash.h"

#include "cluster/cluster_impl.h"

#define MAGIC UINT64_C(0x5441545346415254) /* "TRAFSTAT" */
#define VERSION 2

enum direction { COUNTING, WRITING, READING };

struct strata_saved {
    enum direction direction;
    unsigned char *to;         /* WRITING */
    const unsigned char *from; /* READING (n_bytes) */
    size_t at, n_bytes;
    bool broken; /* READING: what was read cannot be */
};

/* --- one value ------------------------------------------------------------------------- */

static void walk_bytes(struct strata_saved *saved, void *value, size_t n_bytes)
{
    if (saved->direction == READING) {
        saved->broken |= saved->n_bytes - saved->at < n_bytes;
        if (saved->broken) return;
        memcpy(value, saved->from + saved->at, n_bytes);
    } else if (saved->direction == WRITING) {
        memcpy(saved->to + saved->at, value, n_bytes);
    }
    saved->at += n_bytes;
}

static void walk_doubles(struct strata_saved *saved, double *value, size_t n)
{
    walk_bytes(saved, value, n * sizeof *value);
}

static void walk_double(struct strata_saved *saved, double *value)
{
    walk_doubles(saved, value, 1);
}

/* Params, of which none is ever infinite or not a number. */
static void walk_params(struct strata_saved *saved, double *value, size_t n)
{
    walk_doubles(saved, value, n);
    for (size_t i = 0; i < n && saved->direction == READING && !saved->broken; i++)
        saved->broken = !isfinite(value[i]);
}

static void walk_uint64(struct strata_saved *saved, uint64_t *value)
{
    walk_bytes(saved, value, sizeof *value);
}

static void walk_flag(struct strata_saved *saved, bool *value)
{
    unsigned char byte = *value;
    walk_bytes(saved, &byte, 1);
    saved->broken |= byte > 1;
    if (!saved->broken) *value = byte;
}

/* A number of at most `most`; stays as it is when what was read is more. */
static void walk_size(struct strata_saved *saved, size_t *value, size_t most)
{
    uint64_t number = *value;
    walk_uint64(saved, &number);
    saved->broken |= number > most;
    if (!saved->broken) *value = (size_t)number;
}

static void walk_uint32(struct strata_saved *saved, uint32_t *value)
{
    size_t number = *value;
    walk_size(saved, &number, UINT32_MAX);
    *value = (uint32_t)number;
}

/* What must be as it is in this fit. */
static void walk_same(struct strata_saved *saved, uint64_t mine)
{
    uint64_t number = mine;
    walk_uint64(saved, &number);
    saved->broken |= number != mine;
}

/* --- its parts, in their order --------------------------------------------------------- */

static void walk_head(struct strata_saved *saved, struct strata_fit *fit)
{
    uint64_t total_sse = 0; /* of all customers, in a race too: a fingerprint of their rows */
    memcpy(&total_sse, &fit->total_sse, sizeof total_sse);
    walk_same(saved, MAGIC);
    walk_same(saved, VERSION);
    walk_same(saved, strata_hash(fit->estimator->name, strlen(fit->estimator->name)));
    walk_same(saved, fit->config->model.seed);
    walk_same(saved, total_sse);
    walk_same(saved, fit->rows->d);
    walk_same(saved, fit->k_from);
    walk_same(saved, fit->k_to);
    walk_same(saved, fit->starts);
    walk_same(saved, fit->out->n_candidates);
    size_t leg = fit->leg;
    walk_size(saved, &leg, STRATA_LEG_ALL);
    fit->leg = (enum strata_leg)leg;
    walk_uint64(saved, &fit->out->iterations_total);
    walk_flag(saved, &fit->asked_to_stop);
    walk_params(saved, &fit->steering->tolerance, 1);
    walk_uint32(saved, &fit->steering->max_iter);
    walk_uint64(saved, &fit->steering->n_obeyed);
    walk_uint64(saved, &fit->steering->n_replayed);
}

static void walk_result(struct strata_saved *saved, size_t n_candidates,
                        struct strata_candidate_result *result)
{
    uint64_t reason = (uint64_t)((int)result->reason - STRATA_STOP_DROPPED);
    walk_uint64(saved, &reason);
    saved->broken |= reason > STRATA_STOP_MERGED - STRATA_STOP_DROPPED;
    if (!saved->broken)
        result->reason = (enum strata_stop_reason)((int)reason + STRATA_STOP_DROPPED);
    walk_uint32(saved, &result->iterations);
    walk_uint32(saved, &result->repairs);
    walk_flag(saved, &result->eligible);
    walk_flag(saved, &result->dropped);
    walk_double(saved, &result->objective);
    walk_double(saved, &result->smallest_share);
    walk_double(saved, &result->raced);
    walk_size(saved, &result->merged_into, n_candidates - 1);
}

static void walk_leader(struct strata_saved *saved, const struct strata_fit *fit, size_t i)
{
    struct strata_leader *leader = &fit->leader[i];
    const struct strata_dims dims = {.k = fit->k_from + i, .d = fit->rows->d};
    walk_flag(saved, &leader->filled);
    if (!leader->filled || saved->broken) return;
    walk_size(saved, &leader->index, fit->out->n_candidates - 1);
    walk_double(saved, &leader->objective);
    walk_params(saved, leader->params, fit->estimator->param_count(dims));
    walk_params(saved, leader->mass, dims.k);
    walk_size(saved, &leader->n_trace, STRATA_TRACE_MAX);
    walk_doubles(saved, leader->trace, leader->n_trace);
}

static void walk_finalist(struct strata_saved *saved, const struct strata_fit *heat, size_t i)
{
    struct strata_finalist *finalist = &heat->race->finalist[i];
    const struct strata_dims dims = {.k = heat->k_from + i / STRATA_FINALISTS, .d = heat->rows->d};
    walk_flag(saved, &finalist->filled);
    if (!finalist->filled || saved->broken) return;
    walk_flag(saved, &finalist->eligible);
    walk_size(saved, &finalist->index, heat->out->n_candidates - 1);
    walk_double(saved, &finalist->objective);
    walk_params(saved, finalist->params, heat->estimator->param_count(dims));
    walk_params(saved, finalist->mass, dims.k);
}

static void walk_candidate(struct strata_saved *saved, struct strata_candidate *candidate)
{
    walk_flag(saved, &candidate->live);
    walk_flag(saved, &candidate->exhausted);
    walk_flag(saved, &candidate->repaired);
    walk_params(saved, candidate->params, candidate->n_params);
    if (candidate->live) walk_params(saved, candidate->next, candidate->n_params);
    walk_params(saved, candidate->mass, candidate->dims.k);
    walk_double(saved, &candidate->objective);
    walk_double(saved, &candidate->gain);
    walk_uint64(saved, &candidate->moved);
    walk_uint64(saved, &candidate->looked);
    walk_size(saved, &candidate->n_trace, STRATA_TRACE_MAX);
    walk_doubles(saved, candidate->trace, candidate->n_trace);
    walk_size(saved, &candidate->n_states, STRATA_TRACE_MAX);
    walk_bytes(saved, candidate->state, candidate->n_states * sizeof *candidate->state);
}

static void walk_standings(struct strata_saved *saved, struct strata_fit *fit)
{
    walk_head(saved, fit);
    for (size_t i = 0; i < fit->out->n_candidates && !saved->broken; i++)
        walk_result(saved, fit->out->n_candidates, &fit->out->candidate[i]);
    for (size_t i = 0; i < fit->out->n_k && !saved->broken; i++) walk_leader(saved, fit, i);
}

static void walk_race(struct strata_saved *saved, const struct strata_fit *heat)
{
    for (size_t i = 0; i < heat->out->n_k * STRATA_FINALISTS && !saved->broken; i++)
        walk_finalist(saved, heat, i);
}

/* How many entrants the leg has, and how many of them are of waves that are over. */
static void walk_counts(struct strata_saved *saved, struct strata_fit *fit, size_t most)
{
    walk_size(saved, &fit->n_entrants, most);
    walk_size(saved, &fit->n_done, fit->n_entrants);
    saved->broken |= fit->n_done == fit->n_entrants; /* the wave of the state is one of them */
}

static size_t entrant_params(const struct strata_fit *fit, const struct strata_entrant *entrant)
{
    const struct strata_dims dims = {.k = fit->out->candidate[entrant->index].k, .d = fit->rows->d};
    return fit->estimator->param_count(dims);
}

/* --- writing --------------------------------------------------------------------------- */

/* Params of an entrant whose turn has not come are its only copy. */
static void walk_waiting(struct strata_saved *saved, const struct strata_fit_moment *moment)
{
    const struct strata_fit *fit = moment->fit;
    for (size_t i = fit->n_done; i < fit->n_entrants; i++) {
        struct strata_entrant entrant = fit->entrant[i];
        bool has_params = i >= fit->n_done + moment->n && entrant.params;
        walk_size(saved, &entrant.index, SIZE_MAX);
        walk_flag(saved, &has_params);
        if (!has_params) continue;
        const size_t n_bytes = entrant_params(fit, &entrant) * sizeof *entrant.params;
        if (saved->direction == WRITING) memcpy(saved->to + saved->at, entrant.params, n_bytes);
        saved->at += n_bytes;
    }
}

static void walk_out(struct strata_saved *saved, const struct strata_fit_moment *moment)
{
    struct strata_fit *fit = moment->fit;
    walk_standings(saved, fit);
    if (fit->race) walk_race(saved, fit);
    walk_counts(saved, fit, fit->n_entrants);
    walk_waiting(saved, moment);
    for (size_t i = 0; i < moment->n; i++) walk_candidate(saved, &moment->candidate[i]);
}

size_t strata_fit_state_bytes(const struct strata_fit_moment *moment)
{
    struct strata_saved saved = {.direction = COUNTING};
    walk_out(&saved, moment);
    return saved.at;
}

void strata_fit_state_write(const struct strata_fit_moment *moment, unsigned char *out)
{
    struct strata_saved saved = {.direction = WRITING, .to = out};
    walk_out(&saved, moment);
}

bool strata_fit_is_last(const struct strata_fit_moment *moment)
{
    const struct strata_fit *fit = moment->fit;
    bool live = fit->leg != STRATA_LEG_ALL || fit->n_done + moment->n < fit->n_entrants;
    for (size_t i = 0; i < moment->n; i++) live |= moment->candidate[i].live;
    return fit->out_of_time || !live;
}

/* --- reading --------------------------------------------------------------------------- */

static strata_status check_read(const struct strata_saved *saved, struct strata_err *err)
{
    if (!saved->broken) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA,
                       "the state of the fit in the checkpoint is damaged or belongs to other data or "
                       "settings; run with --fresh to start anew");
}

strata_status strata_saved_open(struct strata_fit *fit, struct strata_err *err)
{
    struct strata_saved *saved = STRATA_NEW(&fit->room, struct strata_saved, 1);
    strata_status status = STRATA_OK;
    if (saved) {
        *saved = (struct strata_saved){
            .direction = READING, .from = fit->watch->state, .n_bytes = fit->watch->state_bytes};
        walk_standings(saved, fit);
        saved->broken |= !strata_race_is_on(fit) && fit->leg != STRATA_LEG_ALL;
        status = check_read(saved, err);
    } else {
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to go on with a fit");
    }
    fit->saved = saved;
    return strata_comm_agree(fit->comm, status, err);
}

strata_status strata_saved_race(struct strata_fit *heat, struct strata_err *err)
{
    walk_race(heat->saved, heat);
    return strata_comm_agree(heat->comm, check_read(heat->saved, err), err);
}

static bool read_entrant(struct strata_fit *fit, struct strata_entrant *entrant)
{
    struct strata_saved *saved = fit->saved;
    bool has_params = false;
    walk_size(saved, &entrant->index, fit->out->n_candidates - 1);
    walk_flag(saved, &has_params);
    entrant->params = NULL;
    if (!has_params || saved->broken) return true;
    const size_t n_params = entrant_params(fit, entrant);
    double *params = STRATA_NEW(&fit->room, double, n_params);
    if (params) walk_params(saved, params, n_params);
    entrant->params = params;
    return params != NULL;
}

strata_status strata_saved_entrants(struct strata_fit *fit, struct strata_entrant *entrant,
                                    size_t most, struct strata_err *err)
{
    walk_counts(fit->saved, fit, most);
    bool room = true;
    for (size_t i = fit->n_done; i < fit->n_entrants && room && !fit->saved->broken; i++)
        room = read_entrant(fit, &entrant[i]);
    strata_status status = check_read(fit->saved, err);
    if (!room) status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to go on with a fit");
    return strata_comm_agree(fit->comm, status, err);
}

/* Labels and sums as they were at the end of the last pass, from the params that it was made with.  A pass
 * that sums anew needs neither. */
static void recall_rows(const struct strata_fit *fit, struct strata_candidate *candidate)
{
    if (!fit->estimator->keeps_sums || !candidate->live) return;
    const uint64_t moved = candidate->moved, looked = candidate->looked;
    strata_candidate_swap(candidate);
    strata_fit_pass(fit, candidate, 1);
    strata_candidate_swap(candidate);
    candidate->moved = moved;
    candidate->looked = looked;
}

strata_status strata_saved_wave(struct strata_fit *fit, struct strata_candidate *candidate,
                                size_t n, struct strata_err *err)
{
    struct strata_saved *saved = fit->saved;
    for (size_t i = 0; i < n && !saved->broken; i++) walk_candidate(saved, &candidate[i]);
    saved->broken |= saved->at != saved->n_bytes;
    fit->saved = NULL;
    STRATA_TRY(strata_comm_agree(fit->comm, check_read(saved, err), err));
    for (size_t i = 0; i < n; i++) recall_rows(fit, &candidate[i]);
    return STRATA_OK;
}
