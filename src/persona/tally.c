/* Counts, means and sums of squares of each feature in each segment, exact: sums of the values,
 * then of their rounded squared deviations from the rounded mean, in superaccumulators.  Two
 * passes over the rows, two reductions.  A row counts as often as its case weight says; customers are
 * counted beside the weights, because what may be shown depends on people. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"
#include "strata/math_sums.h"

size_t strata_tally_wire_count(const struct strata_plan *plan)
{
    const size_t counts = 1 + plan->n_all_levels + plan->n_numbers;
    return plan->k * (counts * (plan->weight ? 2 : 1) + plan->n_numbers * STRATA_EXACT_LIMBS);
}

bool strata_moments_room_make(struct strata_moments_room *room, const struct strata_plan *plan,
                              struct strata_arena *scratch)
{
    room->sum = STRATA_NEW(scratch, struct strata_exact, (plan->k + 1) * plan->n_numbers);
    room->wire = STRATA_NEW(scratch, int64_t, strata_tally_wire_count(plan));
    return room->sum && room->wire;
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
    if (!plan->weight) return wire;
    wire.weight = counts_view(plan, wire.limb);
    wire.limb = wire.weight.number + plan->k * plan->n_numbers;
    return wire;
}

static uint32_t weight_of(const struct strata_plan *plan, size_t row)
{
    return plan->weight ? plan->weight[row] : 1;
}

/* One customer more, and its weight beside it. */
static void count_row(const struct strata_plan *plan, size_t row, int64_t *count, int64_t *weight)
{
    (*count)++;
    if (plan->weight) *weight += plan->weight[row];
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

/* The row's level; one that is neither number of a binary feature is as good as missing: n_levels. */
static size_t level_of(const struct strata_plan *plan, size_t f, const struct strata_column *column,
                       size_t row)
{
    if (plan->as[f] != STRATA_AS_BINARY) return column->code[row];
    size_t level = 0;
    while (level < 2 && column->number[row] != plan->binary[f][level]) level++;
    return level;
}

static void add_column(const struct strata_plan *plan, size_t f, struct wire wire,
                       struct strata_exact *sum)
{
    const struct strata_column *column = &plan->table->column[f];
    for (size_t row = 0; row < plan->table->n_rows; row++) {
        if (!column->present[row]) continue;
        const size_t s = plan->label[row];
        if (plan->as[f] == STRATA_AS_NUMBER) {
            const size_t at = s * plan->n_numbers + plan->slot[f];
            count_row(plan, row, &wire.count.number[at], &wire.weight.number[at]);
            strata_exact_add_times(&sum[at], column->number[row], weight_of(plan, row));
            continue;
        }
        const size_t level = level_of(plan, f, column, row);
        const size_t at = s * plan->n_all_levels + plan->slot[f] + level;
        if (level < plan->n_levels[f])
            count_row(plan, row, &wire.count.level[at], &wire.weight.level[at]);
    }
}

static double squared(double x, double mean)
{
    const double deviation = x - mean;
    const double square = deviation * deviation;
    return square <= DBL_MAX ? square : DBL_MAX;
}

static void add_squares(const struct strata_plan *plan, size_t f, const double *mean,
                        struct strata_exact *sum)
{
    const struct strata_column *column = &plan->table->column[f];
    for (size_t row = 0; row < plan->table->n_rows; row++) {
        if (!column->present[row]) continue;
        const size_t s = plan->label[row];
        strata_exact_add_times(&sum[s * plan->n_numbers + plan->slot[f]],
                               squared(column->number[row], mean[s * plan->n_features + f]),
                               weight_of(plan, row));
    }
}

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

void strata_tally_moments(struct strata_comm *comm, const struct strata_plan *plan,
                          struct strata_moments_room *room, struct strata_profile_tally *tally)
{
    const size_t n_sums = plan->k * plan->n_numbers;
    const struct wire wire = wire_view(plan, room->wire);
    for (size_t row = 0; row < plan->table->n_rows; row++) {
        const size_t s = plan->label[row];
        count_row(plan, row, &wire.count.size[s], &wire.weight.size[s]);
    }
    for (size_t f = 0; f < plan->n_features; f++) add_column(plan, f, wire, room->sum);
    sums_to_limbs(room->sum, n_sums, wire.limb);
    strata_comm_sum(comm, room->wire, strata_tally_wire_count(plan));
    sums_from_limbs(wire.limb, n_sums, room->sum);

    counts_read(plan, wire.count, tally->count);
    if (plan->weight) counts_read(plan, wire.weight, tally->weight);
    for (size_t f = 0; f < plan->n_features; f++) {
        if (plan->as[f] == STRATA_AS_NUMBER)
            number_means(plan, f, room->sum, tally);
        else
            level_moments(plan, f, tally);
    }

    memset(room->sum, 0, (n_sums + plan->n_numbers) * sizeof *room->sum);
    for (size_t f = 0; f < plan->n_features; f++) {
        if (plan->as[f] == STRATA_AS_NUMBER) add_squares(plan, f, tally->mean, room->sum);
    }
    sums_to_limbs(room->sum, n_sums, wire.limb);
    strata_comm_sum(comm, wire.limb, n_sums * STRATA_EXACT_LIMBS);
    sums_from_limbs(wire.limb, n_sums, room->sum);
    for (size_t f = 0; f < plan->n_features; f++) {
        if (plan->as[f] != STRATA_AS_NUMBER) continue;
        for (size_t s = 0; s < plan->k; s++) {
            const double total = strata_exact_value(&room->sum[s * plan->n_numbers + plan->slot[f]]);
            tally->square[s * plan->n_features + f] =
                fmin(ldexp(total, plan->weight_exponent), DBL_MAX);
        }
        combine_squares(plan, f, tally);
    }
}
