/* The cells of a profile from the tally: plain arithmetic on figures that are the same on all
 * ranks. */
#include <math.h>

#include "persona/persona_impl.h"

static void fill_shares(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                        size_t g, size_t f, struct strata_profile_cell *cell)
{
    const uint64_t *level = tally->weight.level + g * plan->n_all_levels + plan->slot[f];
    uint64_t n = 0; /* also of undeclared levels */
    for (size_t l = 0; l < plan->n_levels[f]; l++) n += level[l];
    for (size_t l = 0; l < plan->n_levels[f]; l++)
        cell->share[l] = n ? (double)level[l] / (double)n : STRATA_UNKNOWN;
}

/* What a sum of squares is divided by: n less what was estimated from it.  Weights that hardly make one
 * customer lose nothing. */
static double freedom(double n, double lost)
{
    return n - lost >= 1.0 ? n - lost : fmin(n, 1.0);
}

void strata_profile_fill(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                         size_t g, struct strata_profile_cell *cell)
{
    for (size_t f = 0; f < plan->n_features; f++, cell++) {
        const size_t at = g * plan->n_features + f;
        cell->count = tally->count.value[at];
        cell->missing = tally->count.size[g] - cell->count;
        cell->mean = tally->mean[at];
        cell->sd = STRATA_UNKNOWN;
        if (cell->count > 0 && plan->as[f] != STRATA_AS_NOMINAL) {
            const double weight = strata_plan_weight(plan, tally->weight.value[at]);
            cell->sd = sqrt(tally->square[at] / freedom(weight, 1));
        }
        cell->low = cell->median = cell->high = cell->index = cell->effect = STRATA_UNKNOWN;
        cell->effect_low = cell->effect_high = cell->p = STRATA_UNKNOWN;
        cell->odds_ratio = cell->odds_low = cell->odds_high = STRATA_UNKNOWN;
        cell->cramers_v = cell->explained = STRATA_UNKNOWN;
        cell->level = -1;
        if (plan->as[f] == STRATA_AS_NUMBER) {
            const double *quartile = tally->order +
                                     (g * plan->n_numbers + plan->slot[f]) * plan->orders.n +
                                     plan->orders.quartile;
            cell->low = quartile[0];
            cell->median = quartile[1];
            cell->high = quartile[2];
        } else if (cell->share) {
            fill_shares(plan, tally, g, f, cell);
        }
    }
}

/* difference / sd, cut at +-STRATA_EFFECT_MAX; square is the pooled sum of squares over n values. */
static double standardised(double difference, double square, double n)
{
    if (difference == 0.0) return 0.0;
    const double sd = sqrt(square / freedom(n, 2));
    return fmax(-STRATA_EFFECT_MAX, fmin(STRATA_EFFECT_MAX, difference / sd));
}

/* Of the mean of a number, binary or ordinal feature. */
static double mean_effect(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                          size_t s, size_t f)
{
    const size_t own = s * plan->n_features + f;
    const uint64_t *weight = tally->weight.value;
    const uint64_t n_all = weight[plan->k * plan->n_features + f];
    if (weight[own] == 0 || weight[own] == n_all) return STRATA_UNKNOWN;
    double square = tally->square[own];
    for (size_t t = 0; t < plan->k; t++) {
        const size_t other = t * plan->n_features + f;
        if (t == s || weight[other] == 0) continue;
        const double deviation = tally->mean[other] - tally->rest[own];
        square += tally->square[other] +
                  strata_plan_weight(plan, weight[other]) * (deviation * deviation);
    }
    return standardised(tally->mean[own] - tally->rest[own], square,
                        strata_plan_weight(plan, n_all));
}

double strata_profile_level_effect(const struct strata_plan *plan,
                                   const struct strata_profile_tally *tally, size_t g,
                                   size_t feature, size_t level)
{
    const size_t own = g * plan->n_features + feature;
    const uint64_t n_all = tally->weight.value[plan->k * plan->n_features + feature];
    const uint64_t n = tally->weight.value[own];
    if (n == 0 || n == n_all) return STRATA_UNKNOWN;
    const size_t at = plan->slot[feature] + level;
    const uint64_t *weight = tally->weight.level;
    const uint64_t here = weight[g * plan->n_all_levels + at];
    const uint64_t there = weight[plan->k * plan->n_all_levels + at] - here;
    const double share = (double)here / (double)n;
    const double rest = (double)there / (double)(n_all - n);
    const double square = strata_plan_weight(plan, here) * (1.0 - share) +
                          strata_plan_weight(plan, there) * (1.0 - rest);
    return standardised(share - rest, square, strata_plan_weight(plan, n_all));
}

/* The visible level that marks the segment most; of equals, one that is frequent here rather
 * than rare. */
static void strongest_level(const struct strata_plan *plan,
                            const struct strata_profile_tally *tally, size_t s, size_t f,
                            const struct strata_profile_cell *all, struct strata_profile_cell *cell)
{
    const double favour = 1.0 + 1e-9; /* the two levels of a pair differ by rounding only */
    double best = -1.0;
    for (size_t l = 0; l < plan->n_levels[f]; l++) {
        if (isnan(cell->share[l]) || isnan(all->share[l])) continue;
        const double effect = strata_profile_level_effect(plan, tally, s, f, l);
        if (isnan(effect)) continue;
        const double strength = effect > 0.0 ? effect * favour : -effect;
        if (strength <= best) continue;
        best = strength;
        cell->level = (int)l;
        cell->effect = effect;
    }
    if (cell->level < 0) return;
    const double reference = all->share[cell->level];
    if (reference > 0.0) cell->index = 100.0 * cell->share[cell->level] / reference;
}

/* Sums over a group's positions. */
struct positions {
    double n, sum, squares;
};

/* From what is published: hidden levels are taken to be as frequent, against each other, as everybody's are, or
 * alike where those are hidden too. */
static struct positions published_positions(const struct strata_plan *plan,
                                            const struct strata_profile_tally *tally, size_t g,
                                            size_t f, const struct strata_profile_cell *cell,
                                            const struct strata_profile_cell *all)
{
    const uint64_t *own = tally->weight.level + g * plan->n_all_levels + plan->slot[f];
    const uint64_t *each = tally->weight.level + plan->k * plan->n_all_levels + plan->slot[f];
    struct positions shown = {0}, hidden = {0};
    for (size_t l = 0; l < plan->n_levels[f]; l++) {
        const double x = plan->position[plan->slot[f] + l];
        if (x < 0.0) continue;
        struct positions *to = isnan(cell->share[l]) ? &hidden : &shown;
        const double n = to == &shown           ? (double)own[l]
                         : isnan(all->share[l]) ? 1.0
                                                : (double)each[l];
        to->n += n;
        to->sum += n * x;
        to->squares += n * x * x;
    }
    if (hidden.n == 0.0) return shown;
    const double n = (double)tally->weight.value[g * plan->n_features + f] - shown.n;
    shown.sum += n * (hidden.sum / hidden.n);
    shown.squares += n * (hidden.squares / hidden.n);
    shown.n += n;
    return shown;
}

static double square_of(struct positions group)
{
    return fmax(0.0, group.squares - group.sum * group.sum / group.n);
}

/* Of an ordinal feature with hidden levels: nothing but what can be computed from the record. */
static double published_effect(const struct strata_plan *plan,
                               const struct strata_profile_tally *tally, size_t s, size_t f,
                               const struct strata_profile_cell *cell,
                               const struct strata_profile_cell *all)
{
    const struct positions own = published_positions(plan, tally, s, f, cell, all);
    const struct positions each = published_positions(plan, tally, plan->k, f, all, all);
    const struct positions rest = {each.n - own.n, each.sum - own.sum, each.squares - own.squares};
    if (!(own.n > 0.0 && rest.n > 0.0)) return STRATA_UNKNOWN;
    const double scale = ldexp(1.0, plan->weight_exponent);
    return standardised(own.sum / own.n - rest.sum / rest.n,
                        scale * (square_of(own) + square_of(rest)), scale * each.n);
}

static void compare_cell(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                         size_t s, size_t f, const struct strata_profile_cell *all,
                         struct strata_profile_cell *cell)
{
    if (cell->hidden || all->hidden || cell->count == 0) return;
    switch (plan->as[f]) {
    case STRATA_AS_NOMINAL:
        strongest_level(plan, tally, s, f, all, cell);
        return;
    case STRATA_AS_ORDINAL: /* a hidden mean must not come back through the effect */
        if (isnan(cell->mean) || isnan(all->mean))
            cell->effect = published_effect(plan, tally, s, f, cell, all);
        else
            cell->effect = mean_effect(plan, tally, s, f);
        return;
    case STRATA_AS_NUMBER:
    case STRATA_AS_BINARY:
        break;
    }
    cell->effect = mean_effect(plan, tally, s, f);
    if (all->mean > 0.0) cell->index = 100.0 * (cell->mean / all->mean);
}

void strata_profile_compare(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                            struct strata_personas *personas)
{
    for (size_t f = 0; f < plan->n_features; f++) {
        struct strata_profile_cell *all = &personas->everybody[f];
        if (all->mean > 0.0 && plan->as[f] != STRATA_AS_ORDINAL) all->index = 100.0;
        for (size_t s = 0; s < plan->k; s++) {
            compare_cell(plan, tally, s, f, all, &personas->segment[s].cell[f]);
        }
    }
}
