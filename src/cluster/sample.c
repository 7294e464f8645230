/* A sample of the customers that stands for all of them: a function of their keys, their values and
 * the seed alone.
 *
 * Notation: for a row, w is its weight, W that of all rows, d^2 its squared distance from the grand mean
 * (on the grid), S = sum w d^2, and u in (0, 1] its random number of (seed, key).
 *
 * A row's share is q = w (1 + W d^2 / S): half of a sample falls on rows by their weight, half by what
 * they hold of the spread, so that the few that lie far out are there (Bachem, Lucic & Krause, 2018).
 * The sample is the m rows with the smallest u / q, in that order, so that a smaller sample is a
 * prefix of a larger one; tau is that of the next row.  Each row of the sample stands for
 * w / min(1, q tau) rows (priority sampling: Duffield, Lund & Thorup, 2007), rounded to 2^-10.
 * When the sample is all rows, each stands for itself.
 *
 * A histogram of u / q, summed over ranks, tells below which value the m smallest lie; only those rows
 * and about 1 in 1,000 more travel.  It covers u / q < 2 m / W, where 2 m to 4 m rows are expected.
 *
 * Bits: u / q is one fixed sequence of IEEE operations on integers that double holds; d^2 is exact.
 *
 * Cost: one pass over all rows: 4 d + 8 bytes, 3 d + 100 operations a row. */
#include <math.h>
#include <string.h>

#include "strata/random.h"

#include "cluster/cluster_impl.h"

#define BINS 4096u
#define STRIP_ROWS 512
#define WEIGHT_UNIT 0x1p10 /* weights of a sample are rounded to its inverse */
#define ROOM_FACTOR 16     /* rows kept on the way for each of the sample */

size_t strata_sample_rows(uint64_t n_rows, size_t k)
{
    const size_t wanted = k * STRATA_SAMPLE_ROWS_A_SEGMENT;
    const size_t m = wanted > STRATA_SAMPLE_ROWS ? wanted : STRATA_SAMPLE_ROWS;
    return n_rows < m ? (size_t)n_rows : m;
}

uint64_t strata_seeding_bytes(const struct strata_config *config, uint64_t n_rows, size_t k,
                              size_t d)
{
    const uint64_t m = strata_sample_rows(n_rows, k);
    const uint64_t a_row = d * sizeof(float), travelling = 3 * (2 * a_row + 256);
    const uint64_t picks = (uint64_t)ROOM_FACTOR * sizeof(struct strata_pick);
    const uint64_t sample = m * (2 * a_row + travelling + picks + 256) + 2 * BINS * sizeof(int64_t);
    if (config->model.seeding != STRATA_SEEDING_PARALLEL) return sample;
    return sample + strata_oversample_bytes(n_rows, k, d);
}

/* A look at all rows of this rank. */
struct search {
    const struct strata_fit *fit;
    const double *mean;       /* (d) */
    double spread_share;      /* W / S */
    double limit;             /* of u / q */
    int64_t *bin;             /* (BINS) rows found, by u / q */
    struct strata_pick *pick; /* (room) */
    size_t room, n;           /* n found, the first of them kept */
};

/* One for each thread; the first one's bins and picks become those of the rank. */
struct search_task {
    struct search *search;
    int n_threads;
};

/* Exact: squares of whole numbers, of which no sum reaches 2^52, are added in any order. */
static double squared_distance(const double *mean, const float *x, size_t d)
{
    double part[4] = {0};
    size_t j = 0;
    for (; j + 4 <= d; j += 4)
        for (size_t lane = 0; lane < 4; lane++) {
            const double t = (double)x[j + lane] - mean[j + lane];
            part[lane] += t * t;
        }
    for (; j < d; j++) part[0] += ((double)x[j] - mean[j]) * ((double)x[j] - mean[j]);
    const double sum = part[0] + part[1] + (part[2] + part[3]);
    return sum < 0x1p52 ? sum : (double)strata_distance(mean, x, d);
}

static double share_of(const struct search *search, double weight, const float *x)
{
    const double square = squared_distance(search->mean, x, search->fit->rows->d);
    return weight * (1.0 + square * search->spread_share);
}

static uint64_t order_of(double value)
{
    uint64_t bits; /* those of positive doubles rise with their values */
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double value_of(uint64_t order)
{
    double value;
    memcpy(&value, &order, sizeof value);
    return value;
}

static size_t bin_of(const struct search *search, double value)
{
    const double bin = value / search->limit * BINS;
    return bin < BINS - 1 ? (size_t)bin : BINS - 1;
}

static void search_strip(struct search *search, size_t first, size_t n)
{
    const struct strata_rows *rows = search->fit->rows;
    uint64_t bits[STRIP_ROWS];
    strata_rows_ahead(rows, first, n);
    strata_random_fill(search->fit->config->model.seed, STRATA_PURPOSE_SAMPLE,
                       rows->key_hash + first, n, 0, bits);
    for (size_t i = 0; i < n; i++) {
        const size_t row = first + i;
        const double u = (double)((bits[i] >> 11) + 1) * 0x1p-53;
        const double weight = rows->weight ? rows->weight[row] : 1.0;
        const double share = share_of(search, weight, rows->x + row * rows->d);
        if (u >= share * search->limit) continue;
        const double value = u / share;
        search->bin[bin_of(search, value)]++;
        if (search->n < search->room)
            search->pick[search->n] = (struct strata_pick){order_of(value), row};
        search->n++;
    }
}

static void search_share(void *context, int thread)
{
    const struct search_task *task = context;
    struct search *search = &task->search[thread];
    const struct strata_share share =
        strata_share_of(search->fit->rows->n, STRIP_ROWS, thread, task->n_threads);
    memset(search->bin, 0, BINS * sizeof *search->bin);
    search->n = 0;
    for (size_t done = 0; done < share.n; done += STRIP_ROWS)
        search_strip(search, share.first + done,
                     share.n - done < STRIP_ROWS ? share.n - done : STRIP_ROWS);
}

/* Find the rows below a limit that is raised until there are m, on all ranks.  bin (BINS) receives
 * their number.  Collective: one sum, hardly ever another. */
static void find_rows(struct search_task *task, size_t m, int64_t *bin)
{
    const struct strata_fit *fit = task->search->fit;
    uint64_t found = 0;
    for (double limit = 2.0 * (double)m / (double)fit->totals.weight; found < m; limit *= 4) {
        for (int t = 0; t < task->n_threads; t++) task->search[t].limit = limit;
        strata_pool_run(fit->pool, search_share, task);
        for (size_t b = 0; b < BINS; b++) bin[b] = 0;
        for (size_t i = 0; i < BINS * (size_t)task->n_threads; i++)
            bin[i % BINS] += task->search[i / BINS].bin[i % BINS];
        strata_comm_sum(fit->comm, bin, BINS);
        found = 0;
        for (size_t b = 0; b < BINS; b++) found += (uint64_t)bin[b];
    }
}

/* Bring the threads' picks up to the last bin that m rows need together, in pick; returns their
 * number. */
static size_t keep_smallest(const struct search_task *task, const int64_t *bin, size_t m,
                            struct strata_pick *pick)
{
    size_t last = 0, n = 0;
    for (uint64_t seen = (uint64_t)bin[0]; seen < m;) seen += (uint64_t)bin[++last];
    for (int t = 0; t < task->n_threads; t++) {
        const struct search *search = &task->search[t];
        for (size_t i = 0; i < search->n; i++)
            if (bin_of(search, value_of(search->pick[i].order)) <= last)
                pick[n++] = search->pick[i];
    }
    return n;
}

/* What each row of the sample is, from the rows that all ranks have: n of them, m or m + 1. */
static void take_rows(const struct strata_picked *picked, size_t n, size_t d,
                      struct strata_sample *sample, float *x, uint64_t *weight, double *value)
{
    for (size_t i = 0; i < n; i++) value[i] = value_of(picked[i].order);
    for (size_t i = 0; i < sample->n; i++) {
        memcpy(x + i * d, picked[i].x, d * sizeof *x);
        weight[i] = picked[i].weight;
    }
    sample->x = x;
    sample->weight = weight;
    sample->value = value;
}

static bool stands_for_itself(const struct strata_sample *sample, size_t n)
{
    return !sample->value || (n == sample->n && sample->is_all);
}

const uint64_t *strata_sample_weights(const struct strata_fit *fit, size_t n, uint64_t *room)
{
    const struct strata_sample *sample = &fit->sample;
    if (stands_for_itself(sample, n))
        return sample->value && !fit->rows->weight ? NULL : sample->weight;
    struct search search = {.fit = fit, .mean = sample->mean, .spread_share = sample->spread_share};
    for (size_t i = 0; i < n; i++) {
        const double weight = (double)sample->weight[i];
        const double share = share_of(&search, weight, sample->x + i * fit->rows->d);
        const double chance = share * sample->value[n];
        room[i] = (uint64_t)rint(weight / (chance < 1 ? chance : 1) * WEIGHT_UNIT);
    }
    return room;
}

/* Room for the threads' searches and for the picks of all of them. */
static bool task_init(const struct strata_fit *fit, size_t m, struct strata_arena *room,
                      struct search_task *task, struct strata_pick **pick)
{
    task->n_threads = strata_pool_threads(fit->pool);
    task->search = STRATA_NEW(room, struct search, (size_t)task->n_threads);
    *pick = NULL;
    if (!task->search) return false;
    size_t n_picks = 0;
    for (int t = 0; t < task->n_threads; t++) {
        const size_t n = strata_share_of(fit->rows->n, STRIP_ROWS, t, task->n_threads).n;
        struct search *search = &task->search[t];
        *search = (struct search){.fit = fit,
                                  .mean = fit->sample.mean,
                                  .spread_share = fit->sample.spread_share,
                                  .room = ROOM_FACTOR * m < n ? ROOM_FACTOR * m : n};
        search->bin = STRATA_NEW(room, int64_t, BINS);
        search->pick = STRATA_NEW(room, struct strata_pick, search->room);
        if (!search->bin || !search->pick) return false;
        n_picks += search->room;
    }
    *pick = STRATA_NEW(room, struct strata_pick, n_picks);
    return *pick != NULL;
}

static strata_status check_task(const struct search_task *task, struct strata_err *err)
{
    for (int t = 0; t < task->n_threads; t++)
        if (task->search[t].n > task->search[t].room)
            return STRATA_FAIL(err, STRATA_E_DATA,
                               "%zu customers cannot be told apart by the hashes of their keys",
                               task->search[t].n);
    return STRATA_OK;
}

/* What shares are made with. */
static bool find_mean(struct strata_fit *fit)
{
    const size_t d = fit->rows->d;
    double *mean = STRATA_NEW(&fit->room, double, d);
    for (size_t j = 0; mean && j < d; j++)
        mean[j] = (double)strata_sum_divide(fit->totals.sum[j], fit->totals.weight);
    fit->sample.mean = mean;
    fit->sample.spread_share =
        fit->total_sse > 0 ? (double)fit->totals.weight / fit->total_sse : 0.0;
    return mean != NULL;
}

static strata_status draw_sample(struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_rows *rows = fit->rows;
    const size_t m = strata_sample_rows(rows->n_global, fit->k_to), d = rows->d;
    const size_t needed = m < rows->n_global ? m + 1 : m; /* the next row's value is tau */
    fit->sample = (struct strata_sample){.n = m, .is_all = m == rows->n_global};
    float *x = STRATA_NEW(&fit->room, float, m *d);
    uint64_t *weight = STRATA_NEW(&fit->room, uint64_t, m);
    double *value = STRATA_NEW(&fit->room, double, m + 1);
    const bool has_mean = find_mean(fit);
    struct strata_arena scratch = fit->room;
    struct search_task task = {0};
    struct strata_pick *pick = NULL;
    int64_t *bin = STRATA_NEW(&scratch, int64_t, BINS);
    strata_status status = STRATA_OK;
    if (!x || !weight || !value || !has_mean || !bin || !task_init(fit, m, &scratch, &task, &pick))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a sample of %zu rows", m);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    find_rows(&task, needed, bin);
    STRATA_TRY(strata_comm_agree(fit->comm, check_task(&task, err), err));
    const size_t n_picks = keep_smallest(&task, bin, needed, pick);
    struct strata_picked *picked = NULL;
    size_t n = 0;
    STRATA_TRY(strata_picked_gather(fit->comm, rows, pick, n_picks, &scratch, &picked, &n, err));
    STRATA_REQUIRE(n >= needed);
    take_rows(picked, needed, d, &fit->sample, x, weight, value);
    return STRATA_OK;
}

strata_status strata_fit_sample(struct strata_fit *fit, struct strata_err *err)
{
    STRATA_TRY(draw_sample(fit, err));
    if (fit->config->model.seeding == STRATA_SEEDING_PARALLEL)
        return strata_fit_oversample(fit, err);
    return STRATA_OK;
}

void strata_sums_reduce(struct strata_comm *comm, struct strata_sum *sums, size_t n, int64_t *limbs)
{
    strata_sum_to_limbs(sums, n, limbs);
    strata_comm_sum(comm, limbs, n * STRATA_SUM_LIMBS);
    strata_sum_from_limbs(limbs, n, sums);
}
