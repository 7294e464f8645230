/* Counts, means, sums of squares and order statistics of each feature in each segment, exact.  The first pass over the
 * rows counts, adds the values, and counts them by the cells of a ruler; the second adds the rounded squared deviations
 * from the rounded means, and puts the values of the cells aside in which an order statistic is.  A row counts as often as its case weight says; customers are
 * counted beside the weights, because what may be shown depends on people. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"
#include "strata/math_sums.h"

#define STRETCH 32 /* blocks that stay in the cache while their features are looked at */

static size_t cells_of(const struct strata_plan *plan)
{
    return plan->n_numbers * plan->k * plan->n_cells;
}

size_t strata_tally_wire_count(const struct strata_plan *plan)
{
    const size_t counts = 1 + plan->n_all_levels + plan->n_numbers;
    return plan->k * (counts * (plan->weight ? 2 : 1) + plan->n_numbers * STRATA_EXACT_LIMBS) +
           cells_of(plan);
}

bool strata_tally_room_make(struct strata_tally_room *room, const struct strata_plan *plan,
                            int n_ranks, struct strata_arena *scratch)
{
    room->sum = STRATA_NEW(scratch, struct strata_exact, (plan->k + 1) * plan->n_numbers);
    room->wire = STRATA_NEW(scratch, int64_t, strata_tally_wire_count(plan));
    room->cell = STRATA_NEW(scratch, uint32_t, cells_of(plan));
    room->quartiles = strata_quartile_room_make(plan, scratch);
    return room->sum && room->wire && room->cell && room->quartiles &&
           strata_rulers_make(&room->rulers, plan, n_ranks, scratch);
}

/* The parts of what goes over the wire. */
struct wire_counts {
    int64_t *size;   /* (k) */
    int64_t *level;  /* (k, n_all_levels) */
    int64_t *number; /* (k, n_numbers) */
};

struct wire {
    struct wire_counts count, weight; /* the same without case weights */
    int64_t *limb;                    /* (k, n_numbers, STRATA_EXACT_LIMBS) */
    int64_t *cell;                    /* (n_numbers, k, n_cells) weights */
};

static struct wire_counts counts_view(const struct strata_plan *plan, int64_t *values)
{
    struct wire_counts counts = {.size = values};
    counts.level = counts.size + plan->k;
    counts.number = counts.level + plan->k * plan->n_all_levels;
    return counts;
}

static struct wire wire_view(const struct strata_plan *plan, int64_t *values)
{
    struct wire wire = {.count = counts_view(plan, values)};
    wire.limb = wire.count.number + plan->k * plan->n_numbers;
    wire.weight = wire.count;
    if (plan->weight) {
        wire.weight = counts_view(plan, wire.limb);
        wire.limb = wire.weight.number + plan->k * plan->n_numbers;
    }
    wire.cell = wire.limb + plan->k * plan->n_numbers * STRATA_EXACT_LIMBS;
    return wire;
}

static void sums_to_limbs(struct strata_exact *sum, size_t n, int64_t *limb)
{
    for (size_t i = 0; i < n; i++) {
        strata_exact_normalise(&sum[i]);
        memcpy(limb + i * STRATA_EXACT_LIMBS, sum[i].limb, sizeof sum[i].limb);
    }
}

static void sums_from_limbs(const int64_t *limb, size_t n, struct strata_exact *sum)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(sum[i].limb, limb + i * STRATA_EXACT_LIMBS, sizeof sum[i].limb);
        strata_exact_normalise(&sum[i]);
    }
}

/* --- the passes ------------------------------------------------------------------------------- */

/* What the threads share of a pass. */
struct passing {
    struct strata_plan *plan;
    struct strata_tally_room *room;
    const struct strata_profile_tally *tally;
    struct wire wire;
    size_t first, n; /* blocks; in the second pass numbers of a batch */
};

static void sort_share(void *context, int thread)
{
    const struct passing *passing = context;
    struct strata_plan *plan = passing->plan;
    const size_t n_threads = (size_t)strata_pool_threads(plan->pool);
    for (size_t b = (size_t)thread; b < passing->n; b += n_threads)
        strata_groups_sort(&plan->groups, plan->label, passing->first + b);
}

static void add_values(const struct strata_values *values, bool weighted, size_t s,
                       struct strata_exact *sum)
{
    const size_t begin = values->begin[s], end = values->begin[s + 1];
    if (!weighted) strata_values_add(values->x + begin, end - begin, sum);
    for (size_t i = begin; weighted && i < end; i++)
        strata_exact_add_times(sum, values->x[i], values->weight[i]);
}

static void count_number(const struct passing *passing, size_t f, size_t block,
                         struct strata_values *values)
{
    const struct strata_plan *plan = passing->plan;
    const struct strata_tally_room *room = passing->room;
    strata_values_take(plan, f, block, values);
    for (size_t s = 0; s < plan->k; s++) {
        const size_t begin = values->begin[s], end = values->begin[s + 1];
        const size_t at = s * plan->n_numbers + plan->slot[f];
        const size_t first = (plan->slot[f] * plan->k + s) * plan->n_cells;
        uint32_t *cell = room->cell + first;
        if (begin == end) continue;
        add_values(values, plan->weight != NULL, s, &room->sum[at]);
        passing->wire.count.number[at] += (int64_t)(end - begin);
        for (size_t i = begin; i < end; i++) cell[values->cell[i]]++;
        for (size_t i = begin; plan->weight && i < end; i++) {
            passing->wire.weight.number[at] += values->weight[i];
            passing->wire.cell[first + values->cell[i]] += values->weight[i];
        }
    }
}

/* What is neither number of a binary feature is as good as missing. */
static void count_binary(const struct passing *passing, size_t f, size_t block)
{
    const struct strata_plan *plan = passing->plan;
    const struct strata_groups *groups = &plan->groups;
    const size_t first = block * STRATA_GROUP_ROWS;
    const uint16_t *order = groups->order + first, *begin = groups->begin + block * (plan->k + 1);
    const double *number = plan->table->column[f].number + first;
    const uint8_t *present = plan->table->column[f].present + first;
    for (size_t level = 0; level < 2; level++) {
        const double wanted = plan->binary[f][level];
        for (size_t s = 0; s < plan->k; s++) {
            const size_t at = s * plan->n_all_levels + plan->slot[f] + level;
            int64_t count = 0, weight = 0;
            for (size_t i = begin[s]; i < begin[s + 1]; i++)
                count += present[order[i]] & (number[order[i]] == wanted);
            for (size_t i = begin[s]; plan->weight && i < begin[s + 1]; i++)
                weight += present[order[i]] && number[order[i]] == wanted
                              ? plan->weight[first + order[i]]
                              : 0;
            passing->wire.count.level[at] += count;
            if (plan->weight) passing->wire.weight.level[at] += weight;
        }
    }
}

static void count_levels(const struct passing *passing, size_t f, size_t block)
{
    const struct strata_plan *plan = passing->plan;
    const struct strata_column *column = &plan->table->column[f];
    const size_t first = block * STRATA_GROUP_ROWS;
    const size_t end = first + strata_groups_block(&plan->groups, block);
    for (size_t row = first; row < end; row++) {
        if (!column->present[row]) continue;
        const size_t at = plan->label[row] * plan->n_all_levels + plan->slot[f] + column->code[row];
        passing->wire.count.level[at]++;
        if (plan->weight) passing->wire.weight.level[at] += plan->weight[row];
    }
}

static void count_feature(const struct passing *passing, size_t f, size_t block,
                          struct strata_values *values)
{
    switch (passing->plan->as[f]) {
    case STRATA_AS_NUMBER:
        count_number(passing, f, block, values);
        return;
    case STRATA_AS_BINARY:
        count_binary(passing, f, block);
        return;
    case STRATA_AS_ORDINAL:
    case STRATA_AS_NOMINAL:
        break;
    }
    count_levels(passing, f, block);
}

static void count_share(void *context, int thread)
{
    const struct passing *passing = context;
    const struct strata_plan *plan = passing->plan;
    const size_t n_threads = (size_t)strata_pool_threads(plan->pool);
    struct strata_values values;
    for (size_t f = (size_t)thread; f < plan->n_features; f += n_threads) {
        for (size_t block = passing->first; block < passing->first + passing->n; block++)
            count_feature(passing, f, block, &values);
    }
}

/* Sort rows into their groups, count them, add their numbers. */
static void pass_first(struct passing *passing)
{
    const struct strata_plan *plan = passing->plan;
    const struct wire *wire = &passing->wire;
    for (size_t first = 0; first < plan->groups.n_blocks; first += STRETCH) {
        const size_t left = plan->groups.n_blocks - first;
        passing->first = first;
        passing->n = left < STRETCH ? left : STRETCH;
        strata_pool_run(plan->pool, sort_share, passing);
        strata_pool_run(plan->pool, count_share, passing);
    }
    strata_groups_place(&passing->plan->groups);
    for (size_t s = 0; s < plan->k; s++)
        wire->count.size[s] = (int64_t)(plan->groups.first[s + 1] - plan->groups.first[s]);
    for (size_t row = 0; plan->weight && row < plan->table->n_rows; row++)
        wire->weight.size[plan->label[row]] += plan->weight[row];
    for (size_t i = 0; !plan->weight && i < cells_of(plan); i++)
        wire->cell[i] = (int64_t)passing->room->cell[i];
}

static double squared(double x, double mean)
{
    const double deviation = x - mean;
    const double square = deviation * deviation;
    return square <= DBL_MAX ? square : DBL_MAX;
}

/* The second look at number i of a batch. */
static void look_again(const struct passing *passing, size_t i, struct strata_values *values)
{
    const struct strata_plan *plan = passing->plan;
    const struct strata_tally_room *room = passing->room;
    const size_t slot = passing->first + i, f = plan->number[slot];
    for (size_t block = 0; block < plan->groups.n_blocks; block++) {
        strata_values_take(plan, f, block, values);
        for (size_t s = 0; s < plan->k; s++) {
            const size_t begin = values->begin[s], end = values->begin[s + 1];
            const double mean = passing->tally->mean[s * plan->n_features + f];
            if (begin == end) continue;
            strata_quartiles_put(plan, room->quartiles, i, s, values);
            for (size_t j = begin; j < end; j++) values->x[j] = squared(values->x[j], mean);
            add_values(values, plan->weight != NULL, s, &room->sum[s * plan->n_numbers + slot]);
        }
    }
    strata_quartiles_sort(plan, room->quartiles, i);
}

static void look_again_share(void *context, int thread)
{
    const struct passing *passing = context;
    const size_t n_threads = (size_t)strata_pool_threads(passing->plan->pool);
    struct strata_values values;
    for (size_t i = (size_t)thread; i < passing->n; i += n_threads) look_again(passing, i, &values);
}

/* --- reading ---------------------------------------------------------------------------------- */

static double quotient(struct strata_exact *sum, uint64_t n)
{
    if (n == 0) return STRATA_UNKNOWN;
    const double total = strata_exact_value(sum);
    return fmax(-DBL_MAX, fmin(DBL_MAX, total)) / (double)n;
}

/* Sizes and counts of the segments, then of everybody: the last group. */
static void counts_read(const struct strata_plan *plan, struct wire_counts wire,
                        struct strata_counts to)
{
    const size_t k = plan->k;
    for (size_t s = 0; s < k; s++) {
        to.size[s] = (uint64_t)wire.size[s];
        to.size[k] += to.size[s];
        for (size_t l = 0; l < plan->n_all_levels; l++) {
            const uint64_t n = (uint64_t)wire.level[s * plan->n_all_levels + l];
            to.level[s * plan->n_all_levels + l] = n;
            to.level[k * plan->n_all_levels + l] += n;
        }
        for (size_t f = 0; f < plan->n_features; f++) {
            uint64_t n = 0;
            if (plan->as[f] == STRATA_AS_NUMBER)
                n = (uint64_t)wire.number[s * plan->n_numbers + plan->slot[f]];
            for (size_t l = 0; l < plan->n_levels[f]; l++) {
                if (plan->position[plan->slot[f] + l] < 0) continue;
                n += (uint64_t)wire.level[s * plan->n_all_levels + plan->slot[f] + l];
            }
            to.value[s * plan->n_features + f] = n;
            to.value[k * plan->n_features + f] += n;
        }
    }
}

static void number_means(const struct strata_plan *plan, size_t f, struct strata_exact *sum,
                         struct strata_profile_tally *tally)
{
    const size_t k = plan->k;
    struct strata_exact *all = &sum[k * plan->n_numbers + plan->slot[f]];
    for (size_t s = 0; s < k; s++)
        strata_exact_add_exact(all, &sum[s * plan->n_numbers + plan->slot[f]]);
    strata_exact_normalise(all);
    const uint64_t *weight = tally->weight.value;
    const uint64_t n_all = weight[k * plan->n_features + f];
    for (size_t s = 0; s < k; s++) {
        struct strata_exact *own = &sum[s * plan->n_numbers + plan->slot[f]];
        struct strata_exact rest = *all;
        for (size_t l = 0; l < STRATA_EXACT_LIMBS; l++) rest.limb[l] -= own->limb[l];
        const uint64_t n = weight[s * plan->n_features + f];
        tally->mean[s * plan->n_features + f] = quotient(own, n);
        tally->rest[s * plan->n_features + f] = quotient(&rest, n_all - n);
    }
    tally->mean[k * plan->n_features + f] = quotient(all, n_all);
}

/* Mean position among counted levels; n is their number, or their weight. */
static double level_mean(const struct strata_plan *plan, size_t f, const uint64_t *level,
                         const uint64_t *less, uint64_t n)
{
    if (n == 0 || plan->as[f] == STRATA_AS_NOMINAL) return STRATA_UNKNOWN;
    double sum = 0.0; /* of integers below 2^53: exact */
    for (size_t l = 0; l < plan->n_levels[f]; l++) {
        const int position = plan->position[plan->slot[f] + l];
        if (position > 0) sum += (double)position * (double)(level[l] - (less ? less[l] : 0));
    }
    return sum / (double)n;
}

static void level_moments(const struct strata_plan *plan, size_t f,
                          struct strata_profile_tally *tally)
{
    const size_t k = plan->k;
    const uint64_t *weight = tally->weight.value;
    const uint64_t *all = tally->weight.level + k * plan->n_all_levels + plan->slot[f];
    for (size_t g = 0; g <= k; g++) {
        const uint64_t *own = tally->weight.level + g * plan->n_all_levels + plan->slot[f];
        const size_t cell = g * plan->n_features + f;
        const uint64_t n_rest = weight[k * plan->n_features + f] - weight[cell];
        tally->mean[cell] = level_mean(plan, f, own, NULL, weight[cell]);
        tally->rest[cell] = level_mean(plan, f, all, own, n_rest);
        if (plan->as[f] == STRATA_AS_NOMINAL || weight[cell] == 0) continue;
        for (size_t l = 0; l < plan->n_levels[f]; l++) {
            const int position = plan->position[plan->slot[f] + l];
            if (position >= 0)
                tally->square[cell] +=
                    strata_plan_weight(plan, own[l]) * squared(position, tally->mean[cell]);
        }
    }
}

/* Everybody's squares from the segments': all terms are positive, nothing cancels. */
static void combine_squares(const struct strata_plan *plan, size_t f,
                            struct strata_profile_tally *tally)
{
    const size_t all = plan->k * plan->n_features + f;
    double sum = 0.0;
    for (size_t s = 0; s < plan->k; s++) {
        const size_t cell = s * plan->n_features + f;
        if (tally->weight.value[cell] == 0) continue;
        sum += tally->square[cell] + strata_plan_weight(plan, tally->weight.value[cell]) *
                                         squared(tally->mean[cell], tally->mean[all]);
    }
    tally->square[all] = sum;
}

static void read_first(struct passing *passing, struct strata_profile_tally *tally)
{
    const struct strata_plan *plan = passing->plan;
    struct strata_exact *sum = passing->room->sum;
    sums_from_limbs(passing->wire.limb, plan->k * plan->n_numbers, sum);
    counts_read(plan, passing->wire.count, tally->count);
    if (plan->weight) counts_read(plan, passing->wire.weight, tally->weight);
    for (size_t f = 0; f < plan->n_features; f++) {
        if (plan->as[f] == STRATA_AS_NUMBER)
            number_means(plan, f, sum, tally);
        else
            level_moments(plan, f, tally);
    }
    memset(sum, 0, (plan->k + 1) * plan->n_numbers * sizeof *sum);
}

static void read_squares(const struct passing *passing, struct strata_profile_tally *tally)
{
    const struct strata_plan *plan = passing->plan;
    struct strata_exact *sum = passing->room->sum;
    sums_from_limbs(passing->wire.limb, plan->k * plan->n_numbers, sum);
    for (size_t slot = 0; slot < plan->n_numbers; slot++) {
        const size_t f = plan->number[slot];
        for (size_t s = 0; s < plan->k; s++) {
            const double total = strata_exact_value(&sum[s * plan->n_numbers + slot]);
            tally->square[s * plan->n_features + f] =
                fmin(ldexp(total, plan->weight_exponent), DBL_MAX);
        }
        combine_squares(plan, f, tally);
    }
}

unsigned strata_tally_fill(struct strata_comm *comm, struct strata_plan *plan,
                           struct strata_tally_room *room, struct strata_profile_tally *tally)
{
    const size_t n_sums = plan->k * plan->n_numbers;
    struct passing passing = {
        .plan = plan, .room = room, .tally = tally, .wire = wire_view(plan, room->wire)};
    strata_rulers_agree(comm, plan, &room->rulers);
    plan->ruler = room->rulers.of;
    pass_first(&passing);
    sums_to_limbs(room->sum, n_sums, passing.wire.limb);
    strata_comm_sum(comm, room->wire, strata_tally_wire_count(plan));
    read_first(&passing, tally);
    if (plan->n_numbers == 0) return 1;

    for (passing.first = 0; passing.first < plan->n_numbers; passing.first += passing.n) {
        passing.n = strata_quartiles_begin(comm, plan, room->quartiles, tally, room->cell,
                                           passing.wire.cell, passing.first);
        strata_pool_run(plan->pool, look_again_share, &passing);
        strata_quartiles_find(comm, plan, room->quartiles, tally, passing.first, passing.n);
    }
    sums_to_limbs(room->sum, n_sums, passing.wire.limb);
    strata_comm_sum(comm, passing.wire.limb, n_sums * STRATA_EXACT_LIMBS);
    read_squares(&passing, tally);
    return 2;
}

/* --- counts alone ----------------------------------------------------------------------------- */

size_t strata_counts_wire_count(const struct strata_plan *plan)
{
    return plan->k * (1 + plan->n_all_levels + plan->n_numbers);
}

static void count_row(const struct strata_plan *plan, size_t f, size_t row,
                      struct wire_counts counts)
{
    const struct strata_column *column = &plan->table->column[f];
    const size_t s = plan->label[row], level = s * plan->n_all_levels + plan->slot[f];
    if (!column->present[row]) return;
    switch (plan->as[f]) {
    case STRATA_AS_NUMBER:
        counts.number[s * plan->n_numbers + plan->slot[f]]++;
        return;
    case STRATA_AS_BINARY:
        for (size_t l = 0; l < 2; l++)
            counts.level[level + l] += column->number[row] == plan->binary[f][l];
        return;
    case STRATA_AS_ORDINAL:
    case STRATA_AS_NOMINAL:
        break;
    }
    counts.level[level + column->code[row]]++;
}

void strata_tally_count(struct strata_comm *comm, const struct strata_plan *plan, int64_t *wire,
                        struct strata_profile_tally *tally)
{
    const struct wire_counts counts = counts_view(plan, wire);
    for (size_t row = 0; row < plan->table->n_rows; row++) counts.size[plan->label[row]]++;
    for (size_t f = 0; f < plan->n_features; f++) {
        for (size_t row = 0; row < plan->table->n_rows; row++) count_row(plan, f, row, counts);
    }
    strata_comm_sum(comm, wire, strata_counts_wire_count(plan));
    counts_read(plan, counts, tally->count);
}
