/* Greedy k-means++ on the sample: each next centre is the best of a few rows drawn with probability
 * proportional to their squared distance from the centres so far (Arthur & Vassilvitskii, 2007).
 *
 * Notation: m rows of the sample; 2 + floor(log k) rows are drawn a step, as scikit-learn does.
 *
 * Exact: distances are integers below 2^59, totals of 8,192 of them below 2^72; a draw is a 128-bit
 * random number scaled to the total, so each row has its exact share up to 2^-55.
 *
 * Ties: the lowest index.  When all distances are zero (fewer distinct rows than k), the lowest row
 * not yet chosen.
 *
 * Cost: O(m k d log k) a candidate; candidates are dealt to the ranks, and their indices summed. */
#include <string.h>

#include "strata/random.h"

#include "cluster/cluster_impl.h"

struct seeding {
    const struct strata_sample *sample;
    struct strata_dims dims;
    uint64_t seed;
    uint64_t what;                /* (k, start): which candidate */
    struct strata_nearest *trial; /* (m) distances from the row being tried */
    int64_t *closest;             /* (m) squared distance from the nearest centre so far */
    uint64_t n_draws;
};

static strata_uint128 draw_below(struct seeding *s, strata_uint128 bound)
{
    const uint64_t high = strata_random_bits(s->seed, STRATA_PURPOSE_SEEDING, s->what, s->n_draws++);
    const uint64_t low = strata_random_bits(s->seed, STRATA_PURPOSE_SEEDING, s->what, s->n_draws++);
    /* The upper 128 bits of (high, low) * bound, by 64-bit digits. */
    const uint64_t b1 = (uint64_t)(bound >> 64), b0 = (uint64_t)bound;
    const strata_uint128 ll = (strata_uint128)low * b0, lh = (strata_uint128)low * b1;
    const strata_uint128 hl = (strata_uint128)high * b0, hh = (strata_uint128)high * b1;
    const strata_uint128 middle = (ll >> 64) + (uint64_t)lh + (uint64_t)hl;
    return hh + (lh >> 64) + (hl >> 64) + (middle >> 64);
}

static size_t draw_row(struct seeding *s, strata_uint128 total)
{
    strata_uint128 left = draw_below(s, total);
    size_t row = 0;
    while (left >= (uint64_t)s->closest[row])
        left -= (uint64_t)s->closest[row++]; /* ends: left < total */
    return row;
}

/* What would be left of the distances with row as one more centre; fills trial. */
static strata_uint128 potential_with(struct seeding *s, size_t row)
{
    double centre[STRATA_MAX_DIMENSIONS];
    const size_t d = s->dims.d;
    for (size_t j = 0; j < d; j++) centre[j] = (double)s->sample->x[row * d + j];
    strata_nearest_fill((struct strata_dims){.k = 1, .d = d}, centre, s->sample->x, s->sample->n,
                        s->trial);
    strata_uint128 total = 0;
    for (size_t i = 0; i < s->sample->n; i++) {
        const int64_t near =
            s->trial[i].distance < s->closest[i] ? s->trial[i].distance : s->closest[i];
        total += (uint64_t)near;
    }
    return total;
}

static void accept(struct seeding *s, size_t row)
{
    (void)potential_with(s, row);
    for (size_t i = 0; i < s->sample->n; i++)
        if (s->trial[i].distance < s->closest[i]) s->closest[i] = s->trial[i].distance;
}

static size_t lowest_not_chosen(const size_t *index, size_t n)
{
    for (size_t row = 0;; row++) {
        bool chosen = false;
        for (size_t c = 0; c < n; c++) chosen |= index[c] == row;
        if (!chosen) return row;
    }
}

static size_t best_of_draws(struct seeding *s, strata_uint128 total)
{
    const int n_trials = 2 + (int)strata_log((double)s->dims.k);
    size_t best = 0;
    strata_uint128 lowest = ~(strata_uint128)0;
    for (int t = 0; t < n_trials; t++) {
        const size_t row = draw_row(s, total);
        const strata_uint128 potential = potential_with(s, row);
        if (potential < lowest) {
            lowest = potential;
            best = row;
        }
    }
    return best;
}

void strata_seed_indices(const struct strata_sample *sample, struct strata_dims dims, uint64_t seed,
                         uint32_t start, struct strata_nearest *near, int64_t *closest,
                         size_t *index)
{
    struct seeding s = {.sample = sample,
                        .dims = dims,
                        .seed = seed,
                        .what = (uint64_t)dims.k << 32 | start,
                        .trial = near,
                        .closest = closest};
    for (size_t i = 0; i < sample->n; i++) closest[i] = INT64_MAX;
    for (size_t c = 0; c < dims.k; c++) {
        strata_uint128 total = 0;
        for (size_t i = 0; i < sample->n && c > 0; i++) total += (uint64_t)closest[i];
        if (c == 0)
            index[c] = (size_t)draw_below(&s, sample->n);
        else
            index[c] = total > 0 ? best_of_draws(&s, total) : lowest_not_chosen(index, c);
        accept(&s, index[c]);
    }
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
    const size_t m = fit->sample.n;
    int64_t *index = STRATA_NEW(&scratch, int64_t, n * STRATA_MAX_SEGMENTS);
    double *centre = STRATA_NEW(&scratch, double, STRATA_MAX_SEGMENTS * fit->rows->d);
    struct strata_nearest *near = STRATA_NEW(&scratch, struct strata_nearest, m);
    int64_t *closest = STRATA_NEW(&scratch, int64_t, m);
    strata_status status = STRATA_OK;
    if (!index || !centre || !near || !closest)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to seed %zu candidates", n);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    for (size_t i = (size_t)fit->comm->rank; i < n; i += (size_t)fit->comm->size) {
        size_t chosen[STRATA_MAX_SEGMENTS];
        strata_seed_indices(&fit->sample, candidate[i].dims, fit->config->model.seed,
                            candidate[i].result->start, near, closest, chosen);
        for (size_t c = 0; c < candidate[i].dims.k; c++)
            index[i * STRATA_MAX_SEGMENTS + c] = (int64_t)chosen[c];
    }
    strata_comm_sum(fit->comm, index, n * STRATA_MAX_SEGMENTS);
    for (size_t i = 0; i < n; i++)
        start_from_sample(fit, &candidate[i], index + i * STRATA_MAX_SEGMENTS, centre);
    return STRATA_OK;
}
