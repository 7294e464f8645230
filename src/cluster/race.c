/* The race: with many customers, all candidates are first fitted to a part of them, and only the best
 * of each k to all.
 *
 * The part is a function of the customers' keys: those whose hash falls below race rows / n, about a
 * quarter, but between 65,536 (and 256 k) and 196,608 of them.  Each rank keeps its own in a compact copy; nothing is gathered.  All
 * candidates run there to their end; those that meet are merged; a ladder between neighbouring numbers
 * of segments adds what one more split or join makes of the best.  Of each k the STRATA_FINALISTS best
 * different ones go on, eligible before not, then by their objective in the race, then by their number.
 * Among all rows, after FEWEST_PASSES passes, one that is behind by more than HOPELESS of its last gains
 * is dropped too.
 *
 * Cost: about race rows / n of fitting all candidates to all rows, then STRATA_FINALISTS fits a k that
 * begin near their end. */
#include <math.h>
#include <string.h>

#include "strata/log.h"
#include "strata/random.h"

#include "cluster/cluster_impl.h"

#define RACE_SHARE 4 /* one row in so many takes part, */
#define RACE_ROWS_LEAST UINT64_C(65536)
#define RACE_ROWS_MOST UINT64_C(196608)
#define RACE_ROWS_A_SEGMENT \
    UINT64_C(256) /* but at least so many; where that is more than the share, none */
#define SHARE_OF_PROGRESS 0.3
#define FEWEST_PASSES 4 /* of a finalist over all rows before it may be dropped */
#define HOPELESS 16     /* times its last gain: farther behind, a finalist is dropped */
#define STRIP_ROWS 512

static uint64_t fewest_rows(const struct strata_fit *fit)
{
    const uint64_t by_segments = RACE_ROWS_A_SEGMENT * fit->k_to;
    return by_segments > RACE_ROWS_LEAST ? by_segments : RACE_ROWS_LEAST;
}

static uint64_t race_rows(const struct strata_fit *fit)
{
    const uint64_t share = fit->rows->n_global / RACE_SHARE, least = fewest_rows(fit);
    const uint64_t most = least > RACE_ROWS_MOST ? least : RACE_ROWS_MOST;
    return share < most ? share : most;
}

bool strata_race_is_on(const struct strata_fit *fit)
{
    return fit->config->model.race == STRATA_RACE_AUTO && !fit->from_file && !fit->race &&
           fit->rows->n_global / RACE_SHARE >= fewest_rows(fit);
}

/* --- the part of the rows -------------------------------------------------------------- */

/* This rank's rows that take part, ascending, into row (n) if that is not NULL; their number. */
static size_t rows_of_part(const struct strata_fit *fit, size_t *row)
{
    const struct strata_rows *rows = fit->rows;
    const uint64_t limit = UINT64_MAX / rows->n_global * race_rows(fit);
    uint64_t bits[STRIP_ROWS];
    size_t n = 0;
    for (size_t first = 0; first < rows->n; first += STRIP_ROWS) {
        const size_t left = rows->n - first, size = left < STRIP_ROWS ? left : STRIP_ROWS;
        strata_random_fill(fit->config->model.seed, STRATA_PURPOSE_RACE, rows->key_hash + first,
                           size, 0, bits);
        for (size_t i = 0; i < size; i++) {
            if (bits[i] >= limit) continue;
            if (row) row[n] = first + i;
            n++;
        }
    }
    return n;
}

static bool copy_part(const struct strata_fit *fit, struct strata_arena *room,
                      struct strata_rows *part)
{
    const struct strata_rows *rows = fit->rows;
    part->n = rows_of_part(fit, NULL);
    part->d = rows->d;
    part->weight_exponent = rows->weight_exponent;
    float *x = STRATA_NEW(room, float, part->n * part->d);
    uint64_t *key_hash = STRATA_NEW(room, uint64_t, part->n);
    const char **key = STRATA_NEW(room, const char *, part->n);
    uint32_t *weight = STRATA_NEW(room, uint32_t, part->n);
    size_t *row = STRATA_NEW(room, size_t, part->n);
    if (!x || !key_hash || !key || !weight || !row) return false;
    (void)rows_of_part(fit, row);
    for (size_t i = 0; i < part->n; i++) {
        memcpy(x + i * part->d, rows->x + row[i] * rows->d, rows->d * sizeof *x);
        strata_rows_jump(rows, row[i], i + 1 < part->n ? row[i + 1] : rows->n);
        key_hash[i] = rows->key_hash[row[i]];
        if (rows->key) key[i] = rows->key[row[i]];
        weight[i] = rows->weight ? rows->weight[row[i]] : 1;
        part->weight_global += weight[i];
    }
    part->x = x;
    part->key_hash = key_hash;
    part->key = rows->key ? key : NULL;
    part->weight = rows->weight ? weight : NULL;
    part->n_global = part->n;
    return true;
}

/* --- standings ------------------------------------------------------------------------- */

static bool is_better(const struct strata_finalist *a, const struct strata_finalist *b)
{
    if (a->eligible != b->eligible) return a->eligible;
    if (a->objective < b->objective || a->objective > b->objective)
        return a->objective < b->objective;
    return a->index < b->index;
}

void strata_race_note(struct strata_fit *heat, const struct strata_candidate *candidate)
{
    struct strata_candidate_result *result = candidate->result;
    result->raced = strata_fit_encoded(heat, candidate->objective) * heat->race->scale;
    result->objective = result->raced;
    if (result->reason == STRATA_STOP_MERGED) return;
    struct strata_finalist *place =
        heat->race->finalist + (result->k - heat->k_from) * STRATA_FINALISTS;
    struct strata_finalist mine = {.filled = true,
                                   .eligible = result->eligible,
                                   .index = candidate->index,
                                   .objective = candidate->objective};
    size_t at = 0;
    while (at < STRATA_FINALISTS && place[at].filled && !is_better(&mine, &place[at])) {
        /* The same end in another wave: one of them is enough. */
        if (!(mine.objective < place[at].objective) && !(mine.objective > place[at].objective))
            return;
        at++;
    }
    if (at == STRATA_FINALISTS) return;
    const struct strata_finalist last = place[STRATA_FINALISTS - 1];
    for (size_t i = STRATA_FINALISTS - 1; i > at; i--) place[i] = place[i - 1];
    mine.params = last.params;
    mine.mass = last.mass;
    memcpy(mine.params, candidate->params, candidate->n_params * sizeof *mine.params);
    memcpy(mine.mass, candidate->mass, candidate->dims.k * sizeof *mine.mass);
    place[at] = mine;
    for (size_t i = at + 1; i < STRATA_FINALISTS; i++) /* and not twice */
        if (place[i].filled && !(place[i].objective < mine.objective) &&
            !(place[i].objective > mine.objective))
            place[i].filled = false;
}

static struct strata_race *race_new(struct strata_fit *fit)
{
    struct strata_race *race = STRATA_NEW(&fit->room, struct strata_race, 1);
    const size_t n = fit->out->n_k * STRATA_FINALISTS;
    if (!race) return NULL;
    race->finalist = STRATA_NEW(&fit->room, struct strata_finalist, n);
    bool room = race->finalist != NULL;
    for (size_t i = 0; i < n && room; i++) {
        const struct strata_dims dims = {.k = fit->k_from + i / STRATA_FINALISTS, .d = fit->rows->d};
        race->finalist[i].params = STRATA_NEW(&fit->room, double, fit->estimator->param_count(dims));
        race->finalist[i].mass = STRATA_NEW(&fit->room, double, dims.k);
        room = race->finalist[i].params && race->finalist[i].mass;
    }
    return room ? race : NULL;
}

/* Who goes on; the others of the race are over. */
static size_t pick_finalists(const struct strata_fit *fit, const struct strata_race *race,
                             struct strata_entrant *out)
{
    for (size_t i = 0; i < fit->out->n_candidates; i++)
        if (fit->out->candidate[i].reason != STRATA_STOP_MERGED)
            fit->out->candidate[i].reason = STRATA_STOP_DROPPED;
    size_t n = 0;
    for (size_t i = 0; i < fit->out->n_k * STRATA_FINALISTS; i++) {
        const struct strata_finalist *finalist = &race->finalist[i];
        if (!finalist->filled) continue;
        struct strata_candidate_result *result = &fit->out->candidate[finalist->index];
        result->reason = STRATA_STOP_NONE;
        result->iterations = 0;
        out[n++] = (struct strata_entrant){finalist->index, finalist->params};
    }
    for (size_t i = 0; i < fit->out->n_candidates; i++)
        if (fit->out->candidate[i].reason == STRATA_STOP_DROPPED)
            strata_fit_tell_over(fit, &fit->out->candidate[i]);
    return n;
}

static bool may_be_chosen(const struct strata_fit *fit, const struct strata_candidate *candidate)
{
    const double least = fit->config->model.min_share * (double)fit->totals.weight;
    for (size_t c = 0; c < candidate->dims.k; c++)
        if (!(candidate->mass[c] > 0) || candidate->mass[c] < least) return false;
    return true;
}

/* Gains fall from pass to pass, so what is many of them behind stays behind. */
static bool is_hopeless(const struct strata_fit *fit, const struct strata_candidate *behind,
                        const struct strata_candidate *ahead)
{
    if (behind->dims.k != ahead->dims.k || behind->result->iterations < FEWEST_PASSES ||
        ahead->result->iterations < FEWEST_PASSES || ahead->result->reason == STRATA_STOP_DROPPED)
        return false;
    if (may_be_chosen(fit, behind) && !may_be_chosen(fit, ahead)) return false;
    return behind->objective - ahead->objective > HOPELESS * behind->gain;
}

void strata_fit_drop(const struct strata_fit *fit, struct strata_candidate *candidate, size_t n)
{
    if (!fit->is_final) return;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n && candidate[i].live; j++) {
            if (j == i || !is_hopeless(fit, &candidate[i], &candidate[j])) continue;
            candidate[i].live = false;
            candidate[i].result->reason = STRATA_STOP_DROPPED;
        }
    }
}

/* --- the race -------------------------------------------------------------------------- */

/* A fit like this one, on a part of its rows.  Collective. */
static strata_status heat_make(struct strata_fit *fit, struct strata_race *race,
                               struct strata_rows *part, struct strata_scrub *scrub,
                               struct strata_fit *heat, struct strata_err *err)
{
    *heat = *fit;
    strata_status status = STRATA_OK;
    if (!race || !copy_part(fit, &heat->room, part) || !strata_scrub_start(part, &heat->room, scrub))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a race of the candidates");
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    int64_t global[2] = {(int64_t)part->n, (int64_t)part->weight_global};
    strata_comm_sum(fit->comm, global, 2);
    part->n_global = (uint64_t)global[0];
    part->weight_global = (uint64_t)global[1];
    heat->rows = part;
    heat->scrub = scrub;
    heat->race = race;
    heat->stage_share = SHARE_OF_PROGRESS;
    race->scale = (double)fit->totals.weight / (double)part->weight_global;
    STRATA_TRY(strata_fit_totals(heat, err));
    heat->spread = fit->spread; /* floors and first variances are those of all customers */
    heat->total_sse = fit->total_sse;
    return STRATA_OK;
}

void strata_race_is_over(struct strata_fit *fit)
{
    fit->is_final = true;
    fit->leg = STRATA_LEG_ALL;
    fit->stage_from = SHARE_OF_PROGRESS;
    fit->stage_share = 1 - SHARE_OF_PROGRESS;
}

/* What the heat has found out about the fit as a whole. */
static void heat_end(const struct strata_fit *heat, struct strata_fit *fit)
{
    fit->asked_to_stop = heat->asked_to_stop;
    fit->fraction = heat->fraction;
    fit->saved = heat->saved;
    strata_race_is_over(fit);
}

static strata_status run_heat(struct strata_fit *heat, struct strata_err *err)
{
    struct strata_arena mark = heat->room;
    const size_t n_seeded = heat->out->n_k * heat->starts, n_ladder = 2 * (heat->out->n_k - 1);
    const size_t room = n_seeded > n_ladder ? n_seeded : n_ladder;
    struct strata_entrant *entrant = STRATA_NEW(&heat->room, struct strata_entrant, room);
    strata_status status = STRATA_OK;
    if (!entrant) status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu starts", room);
    STRATA_TRY(strata_comm_agree(heat->comm, status, err));
    size_t n = n_ladder;
    if (heat->saved) STRATA_TRY(strata_saved_race(heat, err));
    if (heat->leg == STRATA_LEG_RACE) {
        for (size_t i = 0; i < n_seeded; i++) entrant[i] = (struct strata_entrant){.index = i};
        STRATA_TRY(strata_fit_entrants(heat, entrant, n_seeded, err));
        STRATA_TRY(strata_fit_ladder(heat, entrant, &n, err));
        heat->leg = STRATA_LEG_LADDER;
    }
    STRATA_TRY(strata_fit_entrants(heat, entrant, n, err));
    heat->room = mark;
    return STRATA_OK;
}

strata_status strata_fit_race(struct strata_fit *fit, struct strata_entrant *out, size_t *n_out,
                              struct strata_err *err)
{
    struct strata_rows part = {0};
    struct strata_scrub scrub = {0};
    struct strata_fit heat;
    struct strata_race *race = race_new(fit);
    STRATA_TRY(heat_make(fit, race, &part, &scrub, &heat, err));
    STRATA_TRY(run_heat(&heat, err));
    heat_end(&heat, fit);
    *n_out = pick_finalists(fit, race, out);
    if (fit->comm->rank == 0)
        STRATA_LOG(INFO, "fit.race", "rows=%llu candidates=%zu finalists=%zu reductions=%llu",
                   (unsigned long long)part.n_global, fit->out->n_candidates, *n_out,
                   (unsigned long long)fit->out->iterations_total);
    return STRATA_OK;
}
