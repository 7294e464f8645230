/* Exact quartiles, and the other order statistics that rules are cut at, of values that are spread over ranks, without sketches.
 *
 * The first pass has counted each segment's values by the cells of a ruler, so the cell of each wanted one is known, and
 * its rank there; the second pass puts the values of these cells aside.  A double's bits, with the sign folded in, order
 * as the doubles do.  Each rank sorts these images.  Then all wanted order statistics (features of the
 * batch x groups x orders) are found together, four bits at a time from the top: each rank counts its
 * values in the 16 parts of what is still possible, the counts are summed, and the part that
 * holds the wanted rank is kept.  16 reductions, whatever the data.
 *
 * With case weights, the images carry their weights along, and a value stands at as many ranks as its
 * weight has units: counts are then differences of running sums of the weights. */
#include <string.h>

#include "persona/persona_impl.h"

#define FEW 24   /* values that are sorted as they are */
#define CROWD 48 /* values in one drawer of the sort that are too many for its way */
#define STEP_BITS 4
#define PARTS (1 << STEP_BITS)

struct strata_orders strata_orders_of(size_t k)
{
    static const unsigned many[] = {0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100};
    static const unsigned some[] = {0, 5, 25, 50, 75, 95, 100};
    static const unsigned few[] = {0, 25, 50, 75, 100};
    if (k <= 96) return (struct strata_orders){many, sizeof many / sizeof many[0], 4};
    if (k <= 160) return (struct strata_orders){some, sizeof some / sizeof some[0], 2};
    return (struct strata_orders){few, sizeof few / sizeof few[0], 1};
}

struct strata_quartile_room *strata_quartile_room_make(const struct strata_plan *plan,
                                                       struct strata_arena *scratch)
{
    const size_t batch = plan->batch, k = plan->k, n_rows = plan->table->n_rows;
    const size_t queries = batch * (k + 1) * plan->orders.n;
    size_t most = 0;
    struct strata_quartile_room *room = STRATA_NEW(scratch, struct strata_quartile_room, 1);
    if (!room || __builtin_mul_overflow(n_rows, plan->n_numbers, &most)) return NULL;
    *room = (struct strata_quartile_room){
        .value = STRATA_NEW(scratch, uint64_t, most),
        .spare = STRATA_NEW(scratch, uint64_t, most),
        .slot = STRATA_NEW(scratch, uint8_t, batch * k * plan->n_cells),
        .begin = STRATA_NEW(scratch, size_t, batch * k * (STRATA_ORDER_SLOTS + 1)),
        .end = STRATA_NEW(scratch, size_t, batch * k * STRATA_ORDER_SLOTS),
        .low = STRATA_NEW(scratch, uint64_t, queries),
        .rank = STRATA_NEW(scratch, uint64_t, queries),
        .cell = STRATA_NEW(scratch, uint32_t, queries),
        .bucket = STRATA_NEW(scratch, int64_t, queries * PARTS)};
    if (plan->weight) {
        room->before = STRATA_NEW(scratch, uint64_t, most + 1);
        room->weight = STRATA_NEW(scratch, uint32_t, most);
        room->spare_weight = STRATA_NEW(scratch, uint32_t, most);
        if (!room->before || !room->weight || !room->spare_weight) return NULL;
    }
    return room->value && room->spare && room->slot && room->begin && room->end && room->low &&
                   room->rank && room->cell && room->bucket
               ? room
               : NULL;
}

/* An integer that orders as the double does; -0 is 0. */
static uint64_t image_of(double x)
{
    uint64_t bits = 0;
    if (x != 0.0) memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double double_of(uint64_t image)
{
    const uint64_t bits = image >> 63 ? image ^ UINT64_C(1) << 63 : ~image;
    double x = 0.0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Values, each with its weight; weight is NULL when there are none. */
struct items {
    uint64_t *value;
    uint32_t *weight;
};

static void put(struct items to, size_t at, struct items from, size_t i)
{
    to.value[at] = from.value[i];
    if (to.weight) to.weight[at] = from.weight[i];
}

static void insertion_sort(struct items items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const uint64_t x = items.value[i];
        const uint32_t weight = items.weight ? items.weight[i] : 1;
        size_t j = i;
        for (; j > 0 && items.value[j - 1] > x; j--) put(items, j, items, j - 1);
        items.value[j] = x;
        if (items.weight) items.weight[j] = weight;
    }
}

/* Least significant byte first; bytes that are the same in all values cost nothing. */
static void radix_sort(struct items items, struct items spare, size_t n)
{
    if (n < 64) {
        insertion_sort(items, n);
        return;
    }
    size_t count[8][256] = {{0}};
    for (size_t i = 0; i < n; i++) {
        for (unsigned b = 0; b < 8; b++) count[b][items.value[i] >> (8 * b) & 255]++;
    }
    struct items from = items, to = spare;
    for (unsigned b = 0; b < 8; b++) {
        if (count[b][from.value[0] >> (8 * b) & 255] == n) continue;
        size_t next = 0;
        for (size_t digit = 0; digit < 256; digit++) {
            const size_t here = count[b][digit];
            count[b][digit] = next;
            next += here;
        }
        for (size_t i = 0; i < n; i++) put(to, count[b][from.value[i] >> (8 * b) & 255]++, from, i);
        const struct items swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; from.value != items.value && i < n; i++) put(items, i, from, i);
}

/* Drawers by the leading bits in which values differ, each sorted by insertion; where many are in one, all by radix. */
static void sort(struct items items, struct items spare, size_t n)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (size_t i = 0; i < n; i++) {
        least = items.value[i] < least ? items.value[i] : least;
        most = items.value[i] > most ? items.value[i] : most;
    }
    if (n < 2 || least == most) return;
    if (n <= FEW) {
        insertion_sort(items, n);
        return;
    }
    const int bits = 64 - __builtin_clzll(most - least);
    const unsigned shift = bits > 8 ? (unsigned)bits - 8 : 0;
    size_t next[257] = {0}, crowd = 0;
    for (size_t i = 0; i < n; i++) next[((items.value[i] - least) >> shift) + 1]++;
    for (size_t drawer = 0; drawer < 256; drawer++) {
        crowd = next[drawer + 1] > crowd ? next[drawer + 1] : crowd;
        next[drawer + 1] += next[drawer];
    }
    if (crowd > CROWD && shift > 0) {
        radix_sort(items, spare, n);
        return;
    }
    for (size_t i = 0; i < n; i++) put(spare, next[(items.value[i] - least) >> shift]++, items, i);
    memcpy(items.value, spare.value, n * sizeof *items.value);
    if (items.weight) memcpy(items.weight, spare.weight, n * sizeof *items.weight);
    insertion_sort(items, n);
}

/* --- what is put aside ------------------------------------------------------------------------ */

/* The smallest rank of at least so many percent of n; 0 of none. */
static uint64_t rank_of(uint64_t n, uint64_t percent)
{
    const uint64_t rank = n / 100 * percent + (n % 100 * percent + 99) / 100;
    return rank == 0 && n > 0 ? 1 : rank;
}

static bool is_wanted(const struct strata_plan *plan, size_t g, size_t w)
{
    return g < plan->k || (w >= plan->orders.quartile && w < plan->orders.quartile + 3);
}

/* Number i of the batch, all counts of it. */
struct cells {
    const struct strata_plan *plan;
    struct strata_quartile_room *room;
    size_t i;
    const uint32_t *mine; /* (k, n_cells) */
    const int64_t *all;   /* (k, n_cells) */
};

static int64_t weight_in(const struct cells *cells, size_t g, size_t cell)
{
    const struct strata_plan *plan = cells->plan;
    int64_t sum = 0;
    if (g < plan->k) return cells->all[g * plan->n_cells + cell];
    for (size_t s = 0; s < plan->k; s++) sum += cells->all[s * plan->n_cells + cell];
    return sum;
}

/* A slot for the cell, in one segment. */
static void want(const struct cells *cells, size_t s, size_t cell, uint8_t *n_slots)
{
    const struct strata_plan *plan = cells->plan;
    uint8_t *slot = cells->room->slot + (cells->i * plan->k + s) * plan->n_cells + cell;
    if (*slot == 0) *slot = ++n_slots[s];
}

/* The cells of one group's order statistics, and the rank of each there. */
static void find_cells(const struct cells *cells, size_t g, uint64_t n, uint8_t *n_slots)
{
    const struct strata_plan *plan = cells->plan;
    const size_t first = (cells->i * (plan->k + 1) + g) * plan->orders.n;
    uint64_t below = 0;
    size_t cell = 0;
    for (size_t w = 0; w < plan->orders.n; w++) { /* percents rise */
        uint64_t *rank = &cells->room->rank[first + w];
        *rank = is_wanted(plan, g, w) ? rank_of(n, plan->orders.percent[w]) : 0;
        if (*rank == 0) continue;
        uint64_t here = (uint64_t)weight_in(cells, g, cell);
        while (below + here < *rank) {
            below += here;
            here = (uint64_t)weight_in(cells, g, ++cell);
        }
        *rank -= below;
        cells->room->cell[first + w] = (uint32_t)cell;
        for (size_t s = g < plan->k ? g : 0; s < (g < plan->k ? g + 1 : plan->k); s++)
            want(cells, s, cell, n_slots);
    }
}

/* Values in the wanted cells, of all ranks; by weight, which is at least as many. */
static uint64_t wanted_of(const struct cells *cells)
{
    const struct strata_plan *plan = cells->plan;
    const uint8_t *slot = cells->room->slot + cells->i * plan->k * plan->n_cells;
    uint64_t sum = 0;
    for (size_t c = 0; c < plan->k * plan->n_cells; c++)
        sum += slot[c] ? (uint64_t)cells->all[c] : 0;
    return sum;
}

/* Where this rank's values of each slot go, from `at` on; returns one past the last. */
static size_t place_slots(const struct cells *cells, size_t at)
{
    const struct strata_plan *plan = cells->plan;
    struct strata_quartile_room *room = cells->room;
    for (size_t s = 0; s < plan->k; s++) {
        const uint8_t *slot = room->slot + (cells->i * plan->k + s) * plan->n_cells;
        size_t *begin = room->begin + (cells->i * plan->k + s) * (STRATA_ORDER_SLOTS + 1);
        size_t *end = room->end + (cells->i * plan->k + s) * STRATA_ORDER_SLOTS;
        size_t n[STRATA_ORDER_SLOTS] = {0};
        for (size_t c = 0; c < plan->n_cells; c++) {
            if (slot[c]) n[slot[c] - 1] = cells->mine[s * plan->n_cells + c];
        }
        for (size_t j = 0; j < STRATA_ORDER_SLOTS; j++) {
            begin[j] = end[j] = at;
            at += n[j];
        }
        begin[STRATA_ORDER_SLOTS] = at;
    }
    return at;
}

size_t strata_quartiles_begin(const struct strata_comm *comm, const struct strata_plan *plan,
                              struct strata_quartile_room *room,
                              const struct strata_profile_tally *tally, const uint32_t *mine,
                              const int64_t *all, size_t first)
{
    const size_t each = plan->k * plan->n_cells, left = plan->n_numbers - first;
    const uint64_t most = STRATA_VALUES_ASIDE * (uint64_t)comm->size;
    uint64_t wanted = 0;
    size_t at = 0, n = 0;
    memset(room->slot, 0, plan->batch * each * sizeof *room->slot);
    for (; n < plan->batch && n < left; n++) {
        const struct cells cells = {plan, room, n, mine + (first + n) * each,
                                    all + (first + n) * each};
        uint8_t n_slots[STRATA_MAX_SEGMENTS] = {0};
        for (size_t g = 0; g <= plan->k; g++)
            find_cells(&cells, g,
                       tally->weight.value[g * plan->n_features + plan->number[first + n]], n_slots);
        wanted += wanted_of(&cells);
        if (n > 0 && wanted > most) break;
        at = place_slots(&cells, at);
    }
    memset(room->low, 0, n * (plan->k + 1) * plan->orders.n * sizeof *room->low);
    return n;
}

void strata_quartiles_put(const struct strata_plan *plan, struct strata_quartile_room *room,
                          size_t i, size_t s, const struct strata_values *values)
{
    const uint8_t *slot = room->slot + (i * plan->k + s) * plan->n_cells;
    size_t *end = room->end + (i * plan->k + s) * STRATA_ORDER_SLOTS;
    for (size_t j = values->begin[s]; j < values->begin[s + 1]; j++) {
        const uint8_t wanted = slot[values->cell[j]];
        if (wanted == 0) continue;
        const size_t at = end[wanted - 1]++;
        room->value[at] = image_of(values->x[j]);
        if (room->weight) room->weight[at] = values->weight[j];
    }
}

void strata_quartiles_sort(const struct strata_plan *plan, struct strata_quartile_room *room,
                           size_t i)
{
    for (size_t s = 0; s < plan->k; s++) {
        const size_t *begin = room->begin + (i * plan->k + s) * (STRATA_ORDER_SLOTS + 1);
        for (size_t j = 0; j < STRATA_ORDER_SLOTS; j++) {
            const struct items own = {room->value + begin[j],
                                      room->weight ? room->weight + begin[j] : NULL};
            const struct items spare = {room->spare + begin[j],
                                        room->weight ? room->spare_weight + begin[j] : NULL};
            sort(own, spare, begin[j + 1] - begin[j]);
        }
    }
}

/* --- the search ------------------------------------------------------------------------------- */

size_t strata_below(const uint64_t *value, size_t n, uint64_t x)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (value[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Sorted values of a segment, and the weight before each (n + 1), or NULL: each counts once. */
struct sorted {
    const uint64_t *value, *before;
    size_t n;
};

/* Add to bucket (PARTS) the weight of the values in each part of [low, low + PARTS << shift). */
static void count_parts(struct sorted of, uint64_t low, unsigned shift, int64_t *bucket)
{
    size_t first = strata_below(of.value, of.n, low);
    while (first < of.n) {
        const uint64_t part = (of.value[first] - low) >> shift;
        if (part >= PARTS) return;
        const uint64_t last = low + (part << shift) + ((UINT64_C(1) << shift) - 1);
        const size_t rest = of.n - first;
        const size_t inside =
            of.value[of.n - 1] <= last ? rest : strata_below(of.value + first, rest, last + 1);
        bucket[part] += (int64_t)(of.before ? of.before[first + inside] - of.before[first] : inside);
        first += inside;
    }
}

static void count_query(const struct strata_plan *plan, const struct strata_quartile_room *room,
                        size_t i, size_t g, size_t query, unsigned shift)
{
    const size_t k = plan->k;
    for (size_t s = g < k ? g : 0; s < (g < k ? g + 1 : k); s++) { /* everybody: all segments */
        const size_t slot = room->slot[(i * k + s) * plan->n_cells + room->cell[query]] - (size_t)1;
        const size_t *begin = room->begin + (i * k + s) * (STRATA_ORDER_SLOTS + 1) + slot;
        const struct sorted own = {room->value + begin[0],
                                   room->before ? room->before + begin[0] : NULL,
                                   begin[1] - begin[0]};
        count_parts(own, room->low[query], shift, room->bucket + query * PARTS);
    }
}

struct searching {
    const struct strata_plan *plan;
    const struct strata_quartile_room *room;
    size_t n; /* numbers of the batch */
    unsigned shift;
};

static void count_share(void *context, int thread)
{
    const struct searching *searching = context;
    const struct strata_plan *plan = searching->plan;
    const size_t n_threads = (size_t)strata_pool_threads(plan->pool);
    for (size_t i = (size_t)thread; i < searching->n; i += n_threads) {
        for (size_t g = 0; g <= plan->k; g++) {
            for (size_t w = 0; w < plan->orders.n; w++) {
                const size_t query = (i * (plan->k + 1) + g) * plan->orders.n + w;
                if (searching->room->rank[query] > 0)
                    count_query(plan, searching->room, i, g, query, searching->shift);
            }
        }
    }
}

static void narrow(const struct strata_quartile_room *room, size_t query, unsigned shift)
{
    if (room->rank[query] == 0) return;
    const int64_t *bucket = room->bucket + query * PARTS;
    uint64_t part = 0;
    while (part < PARTS - 1 && room->rank[query] > (uint64_t)bucket[part]) {
        room->rank[query] -= (uint64_t)bucket[part++];
    }
    room->low[query] += part << shift;
}

void strata_quartiles_find(struct strata_comm *comm, const struct strata_plan *plan,
                           struct strata_quartile_room *room, struct strata_profile_tally *tally,
                           size_t first, size_t n)
{
    const size_t queries = n * (plan->k + 1) * plan->orders.n;
    const size_t n_values =
        room->begin[((n - 1) * plan->k + plan->k - 1) * (STRATA_ORDER_SLOTS + 1) + STRATA_ORDER_SLOTS];
    if (room->before) room->before[0] = 0;
    for (size_t i = 0; room->before && i < n_values; i++)
        room->before[i + 1] = room->before[i] + room->weight[i];
    struct searching searching = {plan, room, n, 64};
    while (searching.shift > 0) {
        searching.shift -= STEP_BITS;
        memset(room->bucket, 0, queries * PARTS * sizeof *room->bucket);
        strata_pool_run(plan->pool, count_share, &searching);
        strata_comm_sum(comm, room->bucket, queries * PARTS);
        for (size_t query = 0; query < queries; query++) narrow(room, query, searching.shift);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t g = 0; g <= plan->k; g++) {
            for (size_t w = 0; w < plan->orders.n; w++) {
                const size_t query = (i * (plan->k + 1) + g) * plan->orders.n + w;
                tally->order[(g * plan->n_numbers + first + i) * plan->orders.n + w] =
                    room->rank[query] ? double_of(room->low[query]) : STRATA_UNKNOWN;
            }
        }
    }
}
