/* The one statistic that is told of a feature in a segment, with its reference and interval. */
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"

#define NORMAL_975 1.959963984540054 /* 97.5 % point of the normal distribution */

void strata_interval_mean(double mean, double sd, uint64_t n, double *low, double *high)
{
    const double half = NORMAL_975 * (sd / sqrt((double)n));
    *low = mean - half;
    *high = mean + half;
}

void strata_interval_share(double share, uint64_t n, double *low, double *high)
{
    const double count = (double)n;
    const double z2 = NORMAL_975 * NORMAL_975;
    const double middle = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
    const double half = NORMAL_975 / (1.0 + z2 / count) *
                        sqrt(share * (1.0 - share) / count + z2 / (4.0 * count * count));
    *low =
        fmin(share, fmax(0.0, middle - half)); /* the bounds hold the share in spite of rounding */
    *high = fmax(share, fmin(1.0, middle + half));
}

/* Where a feature is told of: by its meaning, else by its role and dimension. */
static const struct {
    const char *meaning;
    const char *section;
} meaning_sections[] = {
    {"spend", "value"},    {"revenue", "value"},     {"tenure", "value"},
    {"loyalty", "value"},  {"churn", "value"},       {"discount", "offer"},
    {"coupon", "offer"},   {"full_price", "offer"},  {"private_label", "offer"},
    {"campaign", "offer"}, {"response", "offer"},    {"price_sensitivity", "offer"},
    {"store", "channel"},  {"web", "channel"},       {"app", "channel"},
    {"email", "channel"},  {"mail", "channel"},      {"phone", "channel"},
    {"social", "channel"}, {"satisfaction", "need"}, {"complaints", "need"},
    {"returns", "need"},
};

bool strata_is_contact(const char *meaning)
{
    static const char *const contacts[] = {"campaign", "mail", "email", "phone"};
    for (size_t i = 0; meaning && i < sizeof contacts / sizeof contacts[0]; i++) {
        if (strcmp(meaning, contacts[i]) == 0) return true;
    }
    return false;
}

static const char *section_of(const struct strata_feature *feature)
{
    const size_t n = sizeof meaning_sections / sizeof meaning_sections[0];
    for (size_t i = 0; feature->meaning && i < n; i++) {
        if (strcmp(meaning_sections[i].meaning, feature->meaning) == 0)
            return meaning_sections[i].section;
    }
    if (feature->role == STRATA_ROLE_OUTCOME) return "outcome";
    switch (feature->dimension) {
    case STRATA_DEMOGRAPHIC:
        return "demographic";
    case STRATA_GEOGRAPHIC:
        return "geographic";
    case STRATA_PSYCHOGRAPHIC:
        return "psychographic";
    case STRATA_FIRMOGRAPHIC:
        return "firmographic";
    case STRATA_TECHNOGRAPHIC:
        return "technographic";
    case STRATA_BEHAVIOURAL:
    case STRATA_DIMENSION_COUNT:
        break;
    }
    return "behavioural";
}

/* Use of a channel is told as an index, where there is one. */
static void tell_index(const struct strata_profile_cell *cell, struct strata_fact *fact)
{
    if (strcmp(fact->section, "channel") != 0 || isnan(cell->index)) return;
    const double scale = 100.0 / fact->reference;
    fact->statistic = "index";
    fact->value = cell->index;
    fact->reference = 100.0;
    fact->low = fmin(cell->index, fact->low * scale);
    fact->high = fmax(cell->index, fact->high * scale);
}

static bool tell_mean(const struct strata_plan *plan, const struct strata_profile_cell *cell,
                      const struct strata_profile_cell *all, struct strata_fact *fact)
{
    if (isnan(cell->mean) || isnan(all->mean)) return false;
    fact->value = cell->mean;
    fact->reference = all->mean;
    fact->count = cell->count;
    if (plan->as[fact->feature] == STRATA_AS_BINARY) {
        fact->statistic = "share";
        strata_interval_share(cell->mean, cell->count, &fact->low, &fact->high);
    } else {
        fact->statistic = "mean";
        strata_interval_mean(cell->mean, cell->sd, cell->count, &fact->low, &fact->high);
    }
    tell_index(cell, fact);
    return true;
}

int strata_commonest_level(const struct strata_plan *plan, const struct strata_profile_cell *cell,
                           const struct strata_profile_cell *all, size_t f)
{
    int best = -1;
    for (size_t l = 0; l < plan->n_levels[f]; l++) {
        if (isnan(cell->share[l]) || isnan(all->share[l]) || cell->share[l] == 0.0) continue;
        if (best < 0 || cell->share[l] > cell->share[best]) best = (int)l;
    }
    return best;
}

/* The visible level of an ordinal feature that is more frequent here than elsewhere, most clearly
 * so; -1 when the difference is not noticeable for any. */
static int typical_level(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                         const struct strata_profile_cell *cell,
                         const struct strata_profile_cell *all, size_t s, size_t f)
{
    int best = -1;
    double strength = STRATA_NOTICEABLE;
    for (size_t l = 0; l < plan->n_levels[f]; l++) {
        if (isnan(cell->share[l]) || isnan(all->share[l])) continue;
        const double effect = strata_profile_level_effect(plan, tally, s, f, l);
        if (!(effect > strength)) continue;
        best = (int)l;
        strength = effect;
    }
    return best;
}

/* The level to tell of: the one that sets the segment apart, else the most frequent one. */
static int level_to_tell(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                         const struct strata_profile_cell *cell,
                         const struct strata_profile_cell *all, size_t s, size_t f)
{
    int level = -1;
    if (plan->as[f] == STRATA_AS_ORDINAL)
        level = typical_level(plan, tally, cell, all, s, f);
    else if (fabs(cell->effect) >= STRATA_NOTICEABLE)
        level = cell->level;
    return level >= 0 ? level : strata_commonest_level(plan, cell, all, f);
}

static enum strata_direction direction_of(double effect)
{
    if (effect >= STRATA_NOTICEABLE) return STRATA_HIGH;
    return effect <= -STRATA_NOTICEABLE ? STRATA_LOW : STRATA_MIDDLE;
}

static bool tell_level(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                       const struct strata_profile_cell *cell,
                       const struct strata_profile_cell *all, size_t s, struct strata_fact *fact)
{
    fact->level = level_to_tell(plan, tally, cell, all, s, fact->feature);
    if (fact->level < 0) return false;
    const size_t level = (size_t)fact->level;
    fact->statistic = "share";
    fact->value = cell->share[level];
    fact->reference = all->share[level];
    fact->count = cell->count;
    fact->direction =
        direction_of(strata_profile_level_effect(plan, tally, s, fact->feature, level));
    strata_interval_share(fact->value, fact->count, &fact->low, &fact->high);
    return true;
}

bool strata_fact_find(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                      const struct strata_personas *personas, size_t s, size_t feature,
                      struct strata_fact *fact)
{
    const struct strata_profile_cell *cell = &personas->segment[s].cell[feature];
    const struct strata_profile_cell *all = &personas->everybody[feature];
    if (strata_is_silent(&plan->config->feature[feature])) return false;
    if (cell->hidden || all->hidden || cell->count == 0) return false;
    *fact = (struct strata_fact){.feature = feature, .level = -1, .stem = "do"};
    fact->section = section_of(&plan->config->feature[feature]);
    fact->contact = strata_is_contact(plan->config->feature[feature].meaning);
    fact->effect = isnan(cell->effect) ? 0.0 : cell->effect;
    fact->direction = direction_of(fact->effect);
    if (plan->as[feature] == STRATA_AS_ORDINAL || plan->as[feature] == STRATA_AS_NOMINAL) {
        return tell_level(plan, tally, cell, all, s, fact);
    }
    return tell_mean(plan, cell, all, fact);
}
