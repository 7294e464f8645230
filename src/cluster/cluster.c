/* From the feature matrix to segments: fit all candidates, choose one, put its segments in their
 * lasting order, and assign every row. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/clock.h"
#include "strata/fault.h"
#include "strata/hash.h"
#include "strata/log.h"

#include "cluster/cluster_impl.h"

#define LN_2 0.6931471805599453
#define SETTLE_ROUNDS 32 /* reorderings of the chosen model; one is enough but for ties */
#define SPARE_BYTES (UINT64_C(1) << 32) /* of addresses, for what travels: keys and gathered rows */

double strata_fit_encoded(const struct strata_fit *fit, double objective)
{
    const double weighted = ldexp(objective, fit->rows->weight_exponent);
    if (!fit->estimator->soft) return ldexp(weighted, 2 * fit->grid_exponent);
    /* A density of encoded values is the density of grid integers times 2^-exponent for each column. */
    return weighted +
           strata_rows_weight(fit->rows) * (double)fit->rows->d * (fit->grid_exponent * LN_2);
}

void strata_fit_note(struct strata_fit *fit, const char *format, ...)
{
    struct strata_quality *quality = fit->quality;
    if (!quality) return;
    if (!quality->note) quality->note = STRATA_NEW(fit->keep, const char *, STRATA_MAX_NOTES);
    if (!quality->note || quality->n_notes >= STRATA_MAX_NOTES) return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *note = strata_arena_copy(fit->keep, text, strlen(text));
    if (note) quality->note[quality->n_notes++] = note;
}

const char *strata_stop_reason_sentence(enum strata_stop_reason reason)
{
    switch (reason) {
    case STRATA_STOP_NONE:
        return "It has not ended yet.";
    case STRATA_STOP_NO_LABEL_MOVED:
        return "No customer changed segments any more.";
    case STRATA_STOP_TOLERANCE:
        return "The objective changed by less than the tolerance.";
    case STRATA_STOP_CENTRE_SHIFT:
        return "No centre moved farther than the limit.";
    case STRATA_STOP_MERGED:
        return "It came to a state where another start had been before.";
    case STRATA_STOP_MAX_ITER:
        return "It reached the highest number of iterations.";
    case STRATA_STOP_ASKED:
        return "It was asked to stop.";
    case STRATA_STOP_DROPPED:
        return "Other starts with as many segments were better in the race, or a client dropped it.";
    }
    return "It ended for an unknown reason.";
}

/* --- the plan -------------------------------------------------------------------------- */

static strata_status refuse(struct strata_place place, struct strata_err *err, const char *text)
{
    struct strata_problems problems = {0};
    strata_problems_add(&problems, place, STRATA_E_CONFIG, "%s", text);
    return strata_problems_status(&problems, err);
}

/* What the job file asks for must be possible with these customers.  The same on all ranks. */
static strata_status check(const struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_model_options *model = &fit->config->model;
    char text[256];
    if (fit->k_from < 1 || fit->k_to < fit->k_from || fit->k_to > STRATA_MAX_SEGMENTS ||
        fit->starts < 1 ||
        (uint64_t)(fit->k_to - fit->k_from + 1) * fit->starts > STRATA_MAX_CANDIDATES) {
        (void)snprintf(text, sizeof text,
                       "%u to %u segments with %u starts each: at most %d segments and %d fits",
                       fit->k_from, fit->k_to, fit->starts, STRATA_MAX_SEGMENTS,
                       STRATA_MAX_CANDIDATES);
        return refuse(model->segments_place, err, text);
    }
    if (fit->k_to > fit->rows->n_global) {
        (void)snprintf(
            text, sizeof text,
            "%u segments asked for, but there %s only %llu customer%s: set model.segments to fewer",
            fit->k_to, fit->rows->n_global == 1 ? "is" : "are",
            (unsigned long long)fit->rows->n_global, fit->rows->n_global == 1 ? "" : "s");
        return refuse(model->segments_place, err, text);
    }
    if (fit->rows->d > STRATA_MAX_DIMENSIONS) {
        (void)snprintf(text, sizeof text,
                       "the basis features make %zu columns; at most %d are possible", fit->rows->d,
                       STRATA_MAX_DIMENSIONS);
        return refuse(model->place, err, text);
    }
    if (model->choose == STRATA_CHOOSE_BIC && !fit->estimator->soft)
        return refuse(model->place, err,
                      "model.choose: bic needs a mixture such as gmm-diag; for this estimator use "
                      "elbow, calinski_harabasz or silhouette");
    return STRATA_OK;
}

static bool make_room(struct strata_fit *fit)
{
    struct strata_clustering *out = fit->out;
    const struct strata_dims dims = {.k = fit->k_to, .d = fit->rows->d};
    const size_t n_params = fit->estimator->param_count(dims);
    out->n_k = fit->k_to - fit->k_from + 1;
    out->n_candidates = out->n_k * fit->starts;
    if (strata_race_is_on(fit)) out->n_candidates += 2 * (out->n_k - 1);
    out->candidate = STRATA_NEW(fit->keep, struct strata_candidate_result, out->n_candidates);
    out->by_k = STRATA_NEW(fit->keep, struct strata_k_result, out->n_k);
    out->params = STRATA_NEW(fit->keep, double, n_params);
    out->mass = STRATA_NEW(fit->keep, double, dims.k);
    out->trace = STRATA_NEW(fit->keep, double, STRATA_TRACE_MAX);
    fit->label = STRATA_NEW(fit->keep, uint16_t, fit->rows->n);
    fit->leader = STRATA_NEW(&fit->room, struct strata_leader, out->n_k);
    bool room = out->candidate && out->by_k && out->params && out->mass && out->trace &&
                fit->label && fit->leader && strata_solutions_make(fit);
    for (size_t i = 0; i < out->n_k && room; i++) {
        struct strata_leader *leader = &fit->leader[i];
        leader->params = STRATA_NEW(&fit->room, double, n_params);
        leader->mass = STRATA_NEW(&fit->room, double, dims.k);
        leader->trace = STRATA_NEW(&fit->room, double, STRATA_TRACE_MAX);
        room = leader->params && leader->mass && leader->trace;
    }
    return room;
}

/* The i-th candidate of the ladder: splits of all k but the smallest, then joins of all but the largest. */
static void plan_rung(const struct strata_fit *fit, size_t i, struct strata_candidate_result *result)
{
    const size_t n_steps = fit->out->n_k - 1;
    result->origin = i < n_steps ? STRATA_ORIGIN_SPLIT : STRATA_ORIGIN_JOINED;
    result->k = fit->k_from + (uint32_t)(i < n_steps ? i + 1 : i - n_steps);
    result->start = fit->starts + (i >= n_steps);
}

/* Which candidates there are, by k then start. */
static strata_status plan(struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_model_options *model = &fit->config->model;
    fit->k_from = model->k_from;
    fit->k_to = model->k_to;
    fit->starts = model->starts;
    if (fit->start)
        STRATA_TRY(strata_start_given(fit, fit->start, err));
    else if (model->start_file)
        STRATA_TRY(strata_start_file_read(fit, err));
    STRATA_TRY(check(fit, err));
    strata_status status = STRATA_OK;
    if (!make_room(fit))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu customers' segments",
                             fit->rows->n);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    const size_t n_seeded = fit->out->n_k * fit->starts;
    for (size_t i = 0; i < fit->out->n_candidates; i++) {
        struct strata_candidate_result *result = &fit->out->candidate[i];
        result->raced = (double)NAN;
        result->origin = fit->from_file ? STRATA_ORIGIN_GIVEN : STRATA_ORIGIN_SEEDED;
        if (i >= n_seeded) {
            plan_rung(fit, i - n_seeded, result);
            continue;
        }
        result->k = fit->k_from + (uint32_t)(i / fit->starts);
        result->start = (uint32_t)(i % fit->starts);
    }
    return STRATA_OK;
}

/* The most that any candidate of a job needs. */
static struct strata_dims largest_dims(const struct strata_config *config, size_t d)
{
    const struct strata_model_options *model = &config->model;
    return (struct strata_dims){.k = model->start_file ? STRATA_MAX_SEGMENTS : model->k_to, .d = d};
}

/* --- the lasting order ----------------------------------------------------------------- */

static bool comes_before(const double *mass, const double *centre, size_t d, size_t a, size_t b)
{
    if (mass[a] > mass[b] || mass[a] < mass[b]) return mass[a] > mass[b];
    for (size_t j = 0; j < d; j++) {
        const double one = centre[a * d + j], two = centre[b * d + j];
        if (one < two || one > two) return one < two;
    }
    return a < b;
}

/* Occupied segments by falling size, then by centre; returns how many there are. */
static size_t order_segments(struct strata_dims dims, const double *mass, const double *centre,
                             size_t *order)
{
    size_t n = 0;
    for (size_t c = 0; c < dims.k; c++) {
        if (!(mass[c] > 0)) continue;
        size_t at = n++;
        for (; at > 0 && comes_before(mass, centre, dims.d, c, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
    return n;
}

static bool is_in_order(const struct strata_fit *fit, const struct strata_candidate *model,
                        double *centre)
{
    size_t order[STRATA_MAX_SEGMENTS];
    fit->estimator->centres(model->dims, model->params, centre);
    const size_t n = order_segments(model->dims, model->mass, centre, order);
    for (size_t s = 0; s < n; s++)
        if (order[s] != s) return false;
    return n == model->dims.k;
}

/* Of all that ranks must have alike of the chosen model. */
static uint64_t hash_model(const struct strata_candidate *model)
{
    const uint64_t parts[] = {strata_hash(model->params, model->n_params * sizeof *model->params),
                              strata_hash(model->next, model->n_params * sizeof *model->next),
                              strata_hash(model->mass, model->dims.k * sizeof *model->mass),
                              strata_hash(&model->objective, sizeof model->objective)};
    return strata_hash(parts, sizeof parts);
}

/* Look at all rows with the model as it stands, from scratch: objective, mass, and in next what
 * maximise would make of it.  Collective; all ranks find the same, or all leave. */
static strata_status look(struct strata_fit *fit, struct strata_candidate *model, int64_t *limbs,
                          struct strata_err *err)
{
    strata_candidate_forget(fit, model);
    strata_fit_pass(fit, model, 1);
    memcpy(model->sums, model->mine, model->n_stats * sizeof *model->sums);
    strata_sums_reduce(fit->comm, model->sums, model->n_stats, limbs);
    STRATA_FAULT_BYTES("fit.look.sums", model->sums, model->n_stats * sizeof *model->sums);
    fit->out->iterations_total++;
    const bool sound =
        fit->estimator->conserved(model->dims, model->params, model->sums, &fit->totals);
    STRATA_TRY(strata_fit_judge(
        fit, sound ? NULL : "the segments' sums do not add up to those of all customers",
        strata_hash(model->params, model->n_params * sizeof *model->params), err));
    model->objective =
        fit->estimator->objective(model->dims, model->params, model->sums, &fit->totals);
    memcpy(model->next, model->params, model->n_params * sizeof *model->next);
    fit->estimator->maximise(model->dims, model->sums, &fit->totals, model->next, model->mass);
    STRATA_FAULT_BYTES("fit.look.model", model->params, model->n_params * sizeof *model->params);
    return strata_fit_same(fit, hash_model(model), err);
}

/* Kept sums and pruned passes must have led to what a full pass from scratch finds. */
static strata_status verify(struct strata_fit *fit, struct strata_candidate *model,
                            const struct strata_leader *leader, int64_t *limbs,
                            struct strata_err *err)
{
    STRATA_TRY(look(fit, model, limbs, err));
    bool same = !(model->objective < leader->objective || model->objective > leader->objective);
    for (size_t c = 0; c < model->dims.k; c++)
        same &= !(model->mass[c] < leader->mass[c] || model->mass[c] > leader->mass[c]);
    const char *broken = same ? NULL : "the chosen segments are not those that a full pass finds";
    return strata_fit_judge(fit, broken, hash_model(model), err);
}

static void put_in_order(struct strata_fit *fit, struct strata_candidate *model, double *centre)
{
    size_t order[STRATA_MAX_SEGMENTS];
    fit->estimator->centres(model->dims, model->params, centre);
    const size_t n_kept = order_segments(model->dims, model->mass, centre, order);
    fit->estimator->select(model->dims, model->params, order, n_kept, model->next);
    strata_candidate_swap(model);
    model->dims.k = n_kept;
    model->n_params = fit->estimator->param_count(model->dims);
    model->n_stats = fit->estimator->stat_count(model->dims);
}

/* Put the chosen model's segments in order and drop empty ones.  A row at equal distance from two
 * centres goes to the lower index, so a new order can move rows: the model is looked at again until
 * order and fixed point hold together. */
static strata_status settle(struct strata_fit *fit, struct strata_err *err)
{
    struct strata_clustering *out = fit->out;
    const struct strata_leader *leader = &fit->leader[out->chosen_k];
    const struct strata_candidate_result *chosen = &out->candidate[leader->index];
    const bool must_stay = chosen->reason == STRATA_STOP_NO_LABEL_MOVED;
    struct strata_candidate model = {0};
    bool room = strata_candidate_init(fit, chosen->k, &fit->room, &model);
    double *centre = STRATA_NEW(&fit->room, double, model.dims.k *model.dims.d);
    int64_t *limbs = STRATA_NEW(&fit->room, int64_t, model.n_stats * STRATA_SUM_LIMBS);
    strata_status status = STRATA_OK;
    if (!room || !centre || !limbs)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to look at the chosen model");
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    memcpy(model.params, leader->params, model.n_params * sizeof *model.params);
    memcpy(model.mass, leader->mass, model.dims.k * sizeof *model.mass);
    model.objective = leader->objective;
    STRATA_FAULT_BYTES("fit.chosen", model.params, model.n_params * sizeof *model.params);
    STRATA_TRY(strata_fit_same(fit, hash_model(&model), err));
    if (!fit->estimator->soft) STRATA_TRY(verify(fit, &model, leader, limbs, err));
    bool settled = false;
    for (int round = 0; round < SETTLE_ROUNDS && !settled; round++) {
        put_in_order(fit, &model, centre);
        STRATA_TRY(look(fit, &model, limbs, err));
        const bool fixed = !must_stay || memcmp(model.next, model.params,
                                                model.n_params * sizeof *model.next) == 0;
        if (!fixed) strata_candidate_swap(&model);
        settled = fixed && is_in_order(fit, &model, centre);
    }
    if (!settled)
        STRATA_TRY(look(fit, &model, limbs, err)); /* objective and mass of what is kept */
    out->dims = model.dims;
    out->objective = strata_fit_encoded(fit, model.objective);
    memcpy(out->params, model.params, model.n_params * sizeof *out->params);
    memcpy(out->mass, model.mass, model.dims.k * sizeof *out->mass);
    if (fit->rows->n) memcpy(fit->label, model.label, fit->rows->n * sizeof *fit->label);
    return STRATA_OK;
}

/* --- the result ------------------------------------------------------------------------ */

void strata_clustering_assign(const struct strata_clustering *clustering,
                              const struct strata_rows *rows, size_t first, size_t n,
                              struct strata_assignment *out)
{
    clustering->estimator->assign(clustering->dims, clustering->params, rows->x + first * rows->d,
                                  n, out);
    if (clustering->estimator->soft) return;
    for (size_t row = 0; row < n; row++)
        out[row].distance = ldexp(out[row].distance, clustering->grid_exponent);
}

/* What ranks said to each other during the fit, and what it cost. */
static void tell_traffic(const struct strata_fit *fit)
{
    const struct strata_comm *comm = fit->comm;
    const uint64_t sums = comm->n_sums - fit->before.n_sums;
    const uint64_t bytes = comm->sum_bytes - fit->before.sum_bytes;
    const double seconds = strata_clock_s() - fit->started_s;
    const double wait_s = comm->wait_s - fit->before.wait_s;
    if (comm->rank == 0)
        STRATA_LOG(INFO, "fit.sums", "sums=%llu reductions=%llu bytes=%llu wait_s=%.6f share=%.4f",
                   (unsigned long long)sums, (unsigned long long)fit->out->iterations_total,
                   (unsigned long long)bytes, wait_s, seconds > 0 ? wait_s / seconds : 0.0);
}

static void finish(struct strata_fit *fit)
{
    struct strata_clustering *out = fit->out;
    const struct strata_leader *leader = &fit->leader[out->chosen_k];
    const uint32_t k = out->by_k[out->chosen_k].k;
    out->estimator = fit->estimator;
    out->grid_exponent = fit->grid_exponent;
    out->label = fit->label;
    out->n_trace = leader->n_trace;
    memcpy(out->trace, leader->trace, leader->n_trace * sizeof *out->trace);
    const size_t n_params = fit->estimator->param_count(out->dims);
    out->state_hash = strata_hash(out->params, n_params * sizeof *out->params);
    out->total_sse = ldexp(fit->total_sse, 2 * fit->grid_exponent + fit->rows->weight_exponent);
    strata_solutions_keep(fit);
    if (out->dims.k < k)
        strata_fit_note(
            fit,
            "%u segments were fitted, but the customers differ too little to fill them: %u empty segment%s "
            "dropped.",
            k, k - (uint32_t)out->dims.k, k - out->dims.k == 1 ? " was" : "s were");
    if (fit->comm->rank == 0)
        STRATA_LOG(INFO, "fit.end", "k=%zu objective=%.17g reductions=%llu state=0x%016llx",
                   out->dims.k, out->objective, (unsigned long long)out->iterations_total,
                   (unsigned long long)out->state_hash);
    tell_traffic(fit);
}

static strata_status run(struct strata_fit *fit, struct strata_err *err)
{
    STRATA_TRY(plan(fit, err));
    STRATA_TRY(strata_fit_totals(fit, err));
    STRATA_FAULT("seed.sample.before");
    if (!fit->from_file) STRATA_TRY(strata_fit_sample(fit, err));
    STRATA_FAULT("seed.sample.after");
    STRATA_TRY(strata_fit_all(fit, err));
    STRATA_FAULT("fit.choose.before");
    STRATA_TRY(strata_fit_choose(fit, err));
    STRATA_FAULT("fit.settle.before");
    STRATA_TRY(settle(fit, err));
    STRATA_FAULT("fit.settle.after");
    finish(fit);
    return STRATA_OK;
}

/* This rank's threads, their scratch, and the checksums of its rows.  Not collective. */
static strata_status make_ready(struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_dims largest = largest_dims(fit->config, fit->rows->d);
    const int n_threads = strata_pool_size((int)fit->config->threads, fit->comm->n_here);
    STRATA_TRY(strata_pool_start(n_threads, &fit->room, &fit->pool, err));
    fit->scratch = STRATA_NEW(&fit->room, void *, (size_t)n_threads);
    fit->scrub = STRATA_NEW(&fit->room, struct strata_scrub, 1);
    bool room = fit->scratch && fit->scrub && strata_scrub_start(fit->rows, &fit->room, fit->scrub);
    for (int t = 0; t < n_threads && room; t++) {
        fit->scratch[t] =
            strata_arena_take(&fit->room, fit->estimator->scratch_bytes(largest), 64, 1);
        room = fit->scratch[t] != NULL;
    }
    if (!room) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %d threads", n_threads);
    return STRATA_OK;
}

static bool pruning_is_on(void)
{
    const char *word =
        getenv("STRATA_PRUNING"); /* for tests and measurements: the bytes are the same */
    return !word || strcmp(word, "off") != 0;
}

strata_status strata_cluster(struct strata_comm *comm, const struct strata_config *config,
                             const struct strata_features *features,
                             const struct strata_fit_watch *watch, struct strata_arena *keep,
                             struct strata_clustering **out, struct strata_quality *quality,
                             struct strata_err *err)
{
    return strata_cluster_from(comm, config, features, NULL, watch, keep, out, quality, err);
}

strata_status strata_cluster_from(struct strata_comm *comm, const struct strata_config *config,
                                  const struct strata_features *features,
                                  const struct strata_start *start,
                                  const struct strata_fit_watch *watch, struct strata_arena *keep,
                                  struct strata_clustering **out, struct strata_quality *quality,
                                  struct strata_err *err)
{
    struct strata_fit fit = {.comm = comm,
                             .before = *comm,
                             .started_s = strata_clock_s(),
                             .config = config,
                             .recipe = &features->recipe,
                             .start = start,
                             .rows = &features->rows,
                             .grid_exponent = features->recipe.grid_exponent,
                             .estimator = strata_estimator_find(config->model.estimator),
                             .isa = strata_isa(),
                             .prunes = pruning_is_on(),
                             .watch = watch,
                             .quality = quality,
                             .keep = keep,
                             .stage_share = 1};
    STRATA_REQUIRE(fit.estimator != NULL); /* the job file was checked against the same list */
    struct strata_steering steering;
    strata_steering_begin(&fit, &steering);
    fit.steering = &steering;
    fit.out = STRATA_NEW(keep, struct strata_clustering, 1);
    const uint64_t bytes =
        strata_cluster_bytes(config, features->rows.n_global, features->rows.d) + SPARE_BYTES;
    strata_status status = STRATA_OK;
    if (!fit.out || !strata_arena_init(&fit.room, (size_t)bytes))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "the system refuses %llu bytes for the fit",
                             (unsigned long long)bytes);
    if (status == STRATA_OK) status = make_ready(&fit, err);
    status = strata_comm_agree(comm, status, err);
    if (status == STRATA_OK) status = run(&fit, err);
    strata_pool_stop(fit.pool);
    strata_arena_finish(&fit.room);
    if (status == STRATA_OK) *out = fit.out;
    return status;
}

uint64_t strata_cluster_bytes(const struct strata_config *config, uint64_t n_rows, size_t d)
{
    const struct strata_model_options *model = &config->model;
    const struct strata_estimator *estimator = strata_estimator_find(model->estimator);
    const struct strata_dims dims = largest_dims(config, d);
    if (!estimator || dims.k == 0) return 0;
    const int n_threads = strata_pool_size((int)config->threads, 1);
    const uint64_t n_k = model->k_to - model->k_from + 1;
    const uint64_t wave = strata_wave_size(estimator, dims, n_rows);
    const uint64_t fitted = (n_k * model->starts < wave ? n_k * model->starts : wave) *
                            strata_candidate_bytes(estimator, dims, n_rows, n_threads);
    const uint64_t settled = strata_candidate_bytes(estimator, dims, n_rows, n_threads);
    const uint64_t leaders =
        n_k * (estimator->param_count(dims) + dims.k + STRATA_TRACE_MAX) * sizeof(double);
    const uint64_t solutions = strata_solutions_bytes(estimator, n_k, dims);
    const uint64_t threads = (uint64_t)n_threads * (estimator->scratch_bytes(dims) + 64);
    const uint64_t seeding = strata_seeding_bytes(config, n_rows, dims.k, d);
    return n_rows * sizeof(uint16_t) + fitted + settled + leaders + solutions + threads + seeding;
}

uint64_t strata_fit_state_most(const struct strata_config *config, uint64_t n_rows, size_t d)
{
    const struct strata_model_options *model = &config->model;
    const struct strata_estimator *estimator = strata_estimator_find(model->estimator);
    const struct strata_dims dims = largest_dims(config, d);
    if (!estimator || dims.k == 0) return 0;
    const uint64_t n_k = model->k_to - model->k_from + 1, params = estimator->param_count(dims);
    const uint64_t all = n_k * (model->starts + 2), wave = strata_wave_size(estimator, dims, n_rows);
    const uint64_t of_wave =
        (all < wave ? all : wave) * (2 * params + dims.k + 2 * STRATA_TRACE_MAX + 16);
    const uint64_t of_k = n_k * (params + dims.k + STRATA_TRACE_MAX + 8);
    const uint64_t of_race = n_k * STRATA_FINALISTS * (2 * params + dims.k + 8);
    return (of_wave + of_k + of_race + 10 * all + 32) * sizeof(double);
}
