/* k-means||: a list of rows that covers all customers, drawn in a few passes over all of them
 * (Bahmani et al., 2012).  It takes the place of the sample: each listed row weighs as much as the
 * rows nearest to it, and greedy k-means++ on the list gives each candidate its centres.
 *
 * Notation: phi is the sum over all rows of weight times squared distance from the nearest listed row;
 * l = max(2 k, 64) rows are expected of a round.
 *
 * A round takes each row with probability min(1, l w d^2 / phi): u phi < l w d^2 2^64, with u the
 * row's 64 random bits of (seed, round, key), in integers of 128 bits, phi cut to its 64 highest
 * bits.  A round keeps at most 2 l rows, those with the smallest u; to come near that is
 * about as likely as that a key is guessed.  There are ROUNDS rounds, and more while the list is shorter
 * than 2 k (few rows far out hold nearly all of phi).  If the list is still too short for k centres,
 * because few rows differ, the first rows of the sample fill it.
 *
 * The list is a function of the job and of the customers alone; it is one for all candidates.
 *
 * Cost: 10 bytes a row of scratch; a round looks at all rows with the listed ones that are new, about
 * as much as 2 iterations of k segments. */
#include <string.h>

#include "strata/random.h"

#include "cluster/cluster_impl.h"

#define ROUNDS 5
#define MOST_ROUNDS 12
#define LEAST_A_ROUND 64
#define STRIP_ROWS 256

struct listed {
    struct strata_fit *fit;
    size_t a_round, room;     /* rows expected of a round, and at most in the list */
    float *x;                 /* (room, d) the list */
    size_t n, n_seen;         /* of the list, and of it compared with all rows */
    int64_t *closest;         /* (rows) squared distance from the nearest listed row seen */
    uint16_t *near;           /* (rows) its index */
    double *centre;           /* (STRATA_MAX_SEGMENTS, d) listed rows being compared */
    void *centres;            /* ready for kernels */
    strata_uint128 *part;     /* (threads) of phi */
    struct strata_pick *pick; /* (2 a_round) of this rank in a round */
    size_t n_picks;
};

static size_t rows_a_round(size_t k)
{
    return 2 * k > LEAST_A_ROUND ? 2 * k : LEAST_A_ROUND;
}

static size_t list_room(size_t k)
{
    return 1 + MOST_ROUNDS * 2 * rows_a_round(k) + k; /* below 2^16 */
}

uint64_t strata_oversample_bytes(uint64_t n_rows, size_t k, size_t d)
{
    return n_rows * (sizeof(int64_t) + sizeof(uint16_t)) +
           list_room(k) * (d * sizeof(float) + 2 * sizeof(int64_t)) +
           8 * rows_a_round(k) * (d * sizeof(float) + 256);
}

/* --- how far rows are from the list ------------------------------------------------------ */

struct comparison {
    const struct listed *list;
    const struct strata_centres *centres;
    size_t first; /* of the list */
};

static void compare_strip(const struct comparison *now, size_t first, size_t n)
{
    const struct listed *list = now->list;
    const struct strata_rows *rows = list->fit->rows;
    const float *x = rows->x + first * rows->d;
    strata_rows_ahead(rows, first, n);
    uint16_t label[STRIP_ROWS];
    (void)strata_centres_look(now->centres, x, n, (struct strata_look){.label = label});
    for (size_t i = 0; i < n; i++) {
        const int64_t distance =
            strata_distance(list->centre + label[i] * rows->d, x + i * rows->d, rows->d);
        if (distance >= list->closest[first + i]) continue;
        list->closest[first + i] = distance;
        list->near[first + i] = (uint16_t)(now->first + label[i]);
    }
}

static void compare_share(void *context, int thread)
{
    const struct comparison *now = context;
    const struct strata_fit *fit = now->list->fit;
    const struct strata_share share =
        strata_share_of(fit->rows->n, STRIP_ROWS, thread, strata_pool_threads(fit->pool));
    for (size_t done = 0; done < share.n; done += STRIP_ROWS)
        compare_strip(now, share.first + done,
                      share.n - done < STRIP_ROWS ? share.n - done : STRIP_ROWS);
}

/* Bring closest and near up to the list as it is now.  Not collective. */
static void compare_with_list(struct listed *list)
{
    const size_t d = list->fit->rows->d;
    while (list->n_seen < list->n) {
        const size_t left = list->n - list->n_seen;
        const struct strata_dims dims = {
            .k = left < STRATA_MAX_SEGMENTS ? left : STRATA_MAX_SEGMENTS, .d = d};
        for (size_t i = 0; i < dims.k * d; i++)
            list->centre[i] = (double)list->x[list->n_seen * d + i];
        struct comparison now = {.list = list, .first = list->n_seen};
        now.centres = strata_centres_make(dims, list->centre, list->fit->isa, list->centres);
        strata_pool_run(list->fit->pool, compare_share, &now);
        list->n_seen += dims.k;
    }
}

static uint64_t weight_of(const struct strata_rows *rows, size_t row)
{
    return rows->weight ? rows->weight[row] : 1;
}

static void add_share(void *context, int thread)
{
    const struct listed *list = context;
    const struct strata_rows *rows = list->fit->rows;
    const struct strata_share share =
        strata_share_of(rows->n, STRIP_ROWS, thread, strata_pool_threads(list->fit->pool));
    strata_uint128 sum = 0;
    for (size_t row = share.first; row < share.first + share.n; row++)
        sum += (strata_uint128)weight_of(rows, row) * (uint64_t)list->closest[row];
    list->part[thread] = sum;
}

/* Of all rows, compared with the list as it is now.  Collective. */
static strata_uint128 sum_phi(struct listed *list)
{
    compare_with_list(list);
    strata_pool_run(list->fit->pool, add_share, list);
    struct strata_sum phi = {0};
    int64_t limbs[STRATA_SUM_LIMBS];
    for (int t = 0; t < strata_pool_threads(list->fit->pool); t++)
        phi.value += (strata_int128)list->part[t];
    strata_sums_reduce(list->fit->comm, &phi, 1, limbs);
    return (strata_uint128)phi.value;
}

/* --- a round ----------------------------------------------------------------------------- */

static bool comes_before(const struct strata_rows *rows, struct strata_pick a, struct strata_pick b)
{
    if (a.order != b.order) return a.order < b.order;
    if (rows->key_hash[a.row] != rows->key_hash[b.row])
        return rows->key_hash[a.row] < rows->key_hash[b.row];
    return strcmp(rows->key[a.row], rows->key[b.row]) < 0;
}

/* Keep a row, in place of the last one if there is no room. */
static void keep(struct listed *list, struct strata_pick pick)
{
    const struct strata_rows *rows = list->fit->rows;
    if (list->n_picks < 2 * list->a_round) {
        list->pick[list->n_picks++] = pick;
        return;
    }
    size_t last = 0;
    for (size_t i = 1; i < list->n_picks; i++)
        if (comes_before(rows, list->pick[last], list->pick[i])) last = i;
    if (comes_before(rows, pick, list->pick[last])) list->pick[last] = pick;
}

static unsigned bits_beyond_64(strata_uint128 value)
{
    unsigned bits = 0;
    for (uint64_t high = (uint64_t)(value >> 64); high; high >>= 1) bits++;
    return bits;
}

/* This rank's rows of a round. */
static void pick_rows(struct listed *list, uint64_t round, strata_uint128 phi)
{
    const struct strata_rows *rows = list->fit->rows;
    const unsigned cut = bits_beyond_64(phi);
    const uint64_t phi_cut = (uint64_t)(phi >> cut);
    uint64_t u[STRIP_ROWS];
    list->n_picks = 0;
    for (size_t first = 0; first < rows->n; first += STRIP_ROWS) {
        const size_t left = rows->n - first, n = left < STRIP_ROWS ? left : STRIP_ROWS;
        strata_random_fill(list->fit->config->model.seed, STRATA_PURPOSE_OVERSAMPLE,
                           rows->key_hash + first, n, round, u);
        for (size_t i = 0; i < n; i++) {
            const strata_uint128 share = (strata_uint128)list->a_round * weight_of(rows, first + i) *
                                         (uint64_t)list->closest[first + i];
            const bool taken = share >= phi || (strata_uint128)u[i] * phi_cut < (share >> cut) << 64;
            if (taken && share > 0) keep(list, (struct strata_pick){u[i], first + i});
        }
    }
}

/* Draw rows on all ranks and put them on the list.  Collective. */
static strata_status draw(struct listed *list, uint64_t round, strata_uint128 phi,
                          struct strata_arena scratch, struct strata_err *err)
{
    const size_t d = list->fit->rows->d;
    struct strata_picked *picked = NULL;
    size_t n = 0;
    pick_rows(list, round, phi);
    STRATA_TRY(strata_picked_gather(list->fit->comm, list->fit->rows, list->pick, list->n_picks,
                                    &scratch, &picked, &n, err));
    if (n > 2 * list->a_round) n = 2 * list->a_round;
    for (size_t i = 0; i < n; i++)
        memcpy(list->x + (list->n + i) * d, picked[i].x, d * sizeof *list->x);
    list->n += n;
    return STRATA_OK;
}

/* --- the whole --------------------------------------------------------------------------- */

/* One row of the sample, drawn by weight. */
static size_t first_row(const struct strata_fit *fit)
{
    const struct strata_sample *sample = &fit->sample;
    uint64_t total = 0;
    for (size_t i = 0; i < sample->n; i++) total += sample->weight[i];
    uint64_t at =
        strata_random_below(fit->config->model.seed, STRATA_PURPOSE_OVERSAMPLE, 0, 0, total);
    size_t row = 0;
    while (at >= sample->weight[row]) at -= sample->weight[row++];
    return row;
}

static void add_from_sample(struct listed *list, size_t first, size_t n)
{
    const size_t d = list->fit->rows->d;
    memcpy(list->x + list->n * d, list->fit->sample.x + first * d, n * d * sizeof *list->x);
    list->n += n;
}

/* The weight of the rows nearest to each listed one.  Collective. */
static void weigh(const struct listed *list, uint64_t *weight)
{
    const struct strata_rows *rows = list->fit->rows;
    for (size_t row = 0; row < rows->n; row++) weight[list->near[row]] += weight_of(rows, row);
    strata_comm_sum(list->fit->comm, (int64_t *)weight, list->n);
}

static bool take_room(struct listed *list, struct strata_arena *scratch)
{
    const struct strata_rows *rows = list->fit->rows;
    const struct strata_dims largest = {.k = STRATA_MAX_SEGMENTS, .d = rows->d};
    list->closest = STRATA_NEW(scratch, int64_t, rows->n);
    list->near = STRATA_NEW(scratch, uint16_t, rows->n);
    list->centre = STRATA_NEW(scratch, double, largest.k *largest.d);
    list->centres = strata_arena_take(scratch, 1, 64, strata_centres_bytes(largest));
    list->part = STRATA_NEW(scratch, strata_uint128, (size_t)strata_pool_threads(list->fit->pool));
    list->pick = STRATA_NEW(scratch, struct strata_pick, 2 * list->a_round);
    if (!list->closest || !list->near || !list->centre || !list->centres || !list->part ||
        !list->pick)
        return false;
    for (size_t row = 0; row < rows->n; row++) list->closest[row] = INT64_MAX;
    return true;
}

strata_status strata_fit_oversample(struct strata_fit *fit, struct strata_err *err)
{
    const size_t k = fit->k_to, d = fit->rows->d;
    struct listed list = {.fit = fit, .a_round = rows_a_round(k), .room = list_room(k)};
    list.x = STRATA_NEW(&fit->room, float, list.room *d);
    uint64_t *weight = STRATA_NEW(&fit->room, uint64_t, list.room);
    struct strata_arena scratch = fit->room;
    strata_status status = STRATA_OK;
    if (!list.x || !weight || !take_room(&list, &scratch))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to seed from %zu rows", fit->rows->n);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    add_from_sample(&list, first_row(fit), 1);
    strata_uint128 phi = sum_phi(&list);
    for (uint64_t round = 1; round <= MOST_ROUNDS && phi > 0; round++) {
        if (round > ROUNDS && list.n >= 2 * k) break;
        STRATA_TRY(draw(&list, round, phi, scratch, err));
        phi = sum_phi(&list);
    }
    if (list.n < k) add_from_sample(&list, 0, k);
    compare_with_list(&list);
    weigh(&list, weight);
    fit->sample = (struct strata_sample){.n = list.n, .x = list.x, .weight = weight};
    return STRATA_OK;
}
