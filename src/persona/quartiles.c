/* Exact quartiles, and the other order statistics that rules are cut at, of values that are spread over ranks, without sketches.
 *
 * A double's bits, with the sign folded in, order as the doubles do.  Each rank sorts these
 * images of its values within each segment.  Then all wanted order statistics (features of the
 * batch x groups x orders) are found together, four bits at a time from the top: each rank counts its
 * values in the 16 parts of what is still possible, the counts are summed, and the part that
 * holds the wanted rank is kept.  16 reductions, whatever the data.
 *
 * With case weights, the images carry their weights along, and a value stands at as many ranks as its
 * weight has units: counts are then differences of running sums of the weights.
 *
 * Cost: O(n) radix sorting a feature; O(k log n) a reduction and feature; one pass over the
 * rows. */
#include <string.h>

#include "persona/persona_impl.h"

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

bool strata_quartile_room_make(struct strata_quartile_room *room, const struct strata_plan *plan,
                               struct strata_arena *scratch)
{
    const size_t batch = plan->batch;
    const size_t n_rows = plan->table->n_rows;
    const size_t queries = batch * (plan->k + 1) * plan->orders.n;
    if (n_rows > SIZE_MAX / sizeof(uint64_t) / (batch + 1)) return false;
    *room =
        (struct strata_quartile_room){.value = STRATA_NEW(scratch, uint64_t, batch * n_rows),
                                      .spare = STRATA_NEW(scratch, uint64_t, n_rows),
                                      .begin = STRATA_NEW(scratch, size_t, batch * (plan->k + 1)),
                                      .low = STRATA_NEW(scratch, uint64_t, queries),
                                      .rank = STRATA_NEW(scratch, uint64_t, queries),
                                      .bucket = STRATA_NEW(scratch, int64_t, queries * PARTS)};
    if (plan->weight) {
        room->before = STRATA_NEW(scratch, uint64_t, batch * (n_rows + 1));
        room->weight = STRATA_NEW(scratch, uint32_t, n_rows);
        room->spare_weight = STRATA_NEW(scratch, uint32_t, n_rows);
        if (!room->before || !room->weight || !room->spare_weight) return false;
    }
    return room->value && room->spare && room->begin && room->low && room->rank && room->bucket;
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

/* This rank's values of a column by segment, sorted within each; before (n_rows + 1), or NULL, gets the
 * weight of those before each. */
static void sort_column(const struct strata_plan *plan, const struct strata_column *column,
                        const struct strata_quartile_room *room, uint64_t *value, uint64_t *before,
                        size_t *begin)
{
    const size_t k = plan->k;
    const struct items items = {value, room->weight}, spare = {room->spare, room->spare_weight};
    size_t next[STRATA_MAX_SEGMENTS] = {0};
    for (size_t row = 0; row < plan->table->n_rows; row++) {
        if (column->present[row]) next[plan->label[row]]++;
    }
    begin[0] = 0;
    for (size_t s = 0; s < k; s++) {
        begin[s + 1] = begin[s] + next[s];
        next[s] = begin[s];
    }
    for (size_t row = 0; row < plan->table->n_rows; row++) {
        if (!column->present[row]) continue;
        const size_t at = next[plan->label[row]]++;
        value[at] = image_of(column->number[row]);
        if (items.weight) items.weight[at] = plan->weight[row];
    }
    for (size_t s = 0; s < k; s++) {
        const struct items own = {value + begin[s], items.weight ? items.weight + begin[s] : NULL};
        radix_sort(own, spare, begin[s + 1] - begin[s]);
    }
    for (size_t i = 0; before && i < begin[k]; i++) before[i + 1] = before[i] + items.weight[i];
}

/* How many of the sorted values are below x. */
static size_t below(const uint64_t *value, size_t n, uint64_t x)
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
    size_t first = below(of.value, of.n, low);
    for (uint64_t part = 0; part < PARTS && first < of.n; part++) {
        const uint64_t last = low + (part << shift) + ((UINT64_C(1) << shift) - 1);
        const size_t rest = of.n - first;
        const size_t inside = last == UINT64_MAX ? rest : below(of.value + first, rest, last + 1);
        bucket[part] += (int64_t)(of.before ? of.before[first + inside] - of.before[first] : inside);
        first += inside;
    }
}

static void count_feature(const struct strata_plan *plan, const struct strata_quartile_room *room,
                          size_t i, unsigned shift)
{
    const size_t k = plan->k;
    const size_t *begin = room->begin + i * (k + 1);
    const size_t n_rows = plan->table->n_rows;
    const uint64_t *value = room->value + i * n_rows;
    const uint64_t *before = room->before ? room->before + i * (n_rows + 1) : NULL;
    for (size_t g = 0; g <= k; g++) {
        for (size_t w = 0; w < plan->orders.n; w++) {
            const size_t query = (i * (k + 1) + g) * plan->orders.n + w;
            if (room->rank[query] == 0) continue;
            for (size_t s = g < k ? g : 0; s < (g < k ? g + 1 : k);
                 s++) { /* everybody: all segments */
                const struct sorted own = {value + begin[s], before ? before + begin[s] : NULL,
                                           begin[s + 1] - begin[s]};
                count_parts(own, room->low[query], shift, room->bucket + query * PARTS);
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

static void batch_begin(const struct strata_plan *plan, struct strata_quartile_room *room,
                        const struct strata_profile_tally *tally, size_t i, size_t f)
{
    const size_t n_rows = plan->table->n_rows;
    sort_column(plan, &plan->table->column[f], room, room->value + i * n_rows,
                room->before ? room->before + i * (n_rows + 1) : NULL,
                room->begin + i * (plan->k + 1));
    for (size_t g = 0; g <= plan->k; g++) {
        const uint64_t n = tally->weight.value[g * plan->n_features + f];
        uint64_t *rank = room->rank + (i * (plan->k + 1) + g) * plan->orders.n;
        for (size_t w = 0; w < plan->orders.n; w++)
            rank[w] = is_wanted(plan, g, w) ? rank_of(n, plan->orders.percent[w]) : 0;
    }
}

static void search(struct strata_comm *comm, const struct strata_plan *plan,
                   struct strata_quartile_room *room, size_t n_features)
{
    const size_t queries = n_features * (plan->k + 1) * plan->orders.n;
    memset(room->low, 0, queries * sizeof *room->low);
    for (int shift = 64 - STEP_BITS; shift >= 0; shift -= STEP_BITS) {
        memset(room->bucket, 0, queries * PARTS * sizeof *room->bucket);
        for (size_t i = 0; i < n_features; i++) count_feature(plan, room, i, (unsigned)shift);
        strata_comm_sum(comm, room->bucket, queries * PARTS);
        for (size_t query = 0; query < queries; query++) narrow(room, query, (unsigned)shift);
    }
}

void strata_tally_quartiles(struct strata_comm *comm, const struct strata_plan *plan,
                            struct strata_quartile_room *room, struct strata_profile_tally *tally)
{
    size_t f = 0;
    for (size_t first = 0; first < plan->n_numbers; first += plan->batch) {
        const size_t left = plan->n_numbers - first;
        const size_t n = left < plan->batch ? left : plan->batch;
        for (size_t i = 0; i < n; f++) {
            if (plan->as[f] == STRATA_AS_NUMBER) batch_begin(plan, room, tally, i++, f);
        }
        search(comm, plan, room, n);
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
}
