/* What a segment brings, what it could bring, and what makes it attractive. */
#include <math.h>
#include <string.h>

#include "persona/portrait_impl.h"

#define MOST_VALUE 8
#define MOST_POTENTIAL 4

const struct strata_attractiveness_weights strata_attractiveness_weights = {
    .size = 1.0, .value = 2.0, .growth = 1.0, .reach = 1.0};

static const char later_period[] = "recent_spend", earlier_period[] = "earlier_spend";

bool strata_is_of_period(const struct strata_feature *feature)
{
    return feature->meaning && feature->role != STRATA_ROLE_BASIS &&
           (strcmp(feature->meaning, later_period) == 0 ||
            strcmp(feature->meaning, earlier_period) == 0);
}

/* Whether values add up to a sum that means something. */
static bool adds_up(const struct strata_plan *plan, size_t f)
{
    const struct strata_feature *feature = &plan->config->feature[f];
    const bool audited =
        feature->role == STRATA_ROLE_SENSITIVE || feature->role == STRATA_ROLE_WEIGHT;
    const bool share = feature->unit &&
                       (strncmp(feature->unit, "share", 5) == 0 || strcmp(feature->unit, "%") == 0);
    return plan->as[f] == STRATA_AS_NUMBER && !audited && !share;
}

/* The first visible number of a meaning whose values add up; SIZE_MAX: none. */
static size_t find_sum(const struct strata_plan *plan, const struct strata_personas *personas,
                       const char *of)
{
    for (size_t f = 0; f < plan->n_features; f++) {
        const char *meaning = plan->config->feature[f].meaning;
        if (!meaning || strcmp(meaning, of) != 0 || !adds_up(plan, f)) continue;
        if (!personas->everybody[f].hidden && personas->everybody[f].mean > 0.0) return f;
    }
    return SIZE_MAX;
}

size_t strata_value_feature(const struct strata_plan *plan, const struct strata_personas *personas)
{
    const size_t spend = find_sum(plan, personas, "spend");
    return spend != SIZE_MAX ? spend : find_sum(plan, personas, "revenue");
}

/* Sums of the value feature: mean times customers, by weight. */
struct sums {
    double here, all;       /* how many they stand for */
    double sum, everything; /* of the feature */
};

static bool find_sums(const struct strata_teller *teller, size_t f, struct sums *sums)
{
    const struct strata_plan *plan = teller->plan;
    const struct strata_profile_cell *cell = &teller->personas->segment[teller->s].cell[f];
    const struct strata_profile_cell *all = &teller->personas->everybody[f];
    const uint64_t *weight = teller->tally->weight.value;
    if (cell->hidden || all->hidden || cell->count == 0 || !(all->mean > 0.0)) return false;
    sums->here = strata_plan_weight(plan, weight[teller->s * plan->n_features + f]);
    sums->all = strata_plan_weight(plan, weight[plan->k * plan->n_features + f]);
    sums->sum = cell->mean * sums->here;
    sums->everything = all->mean * sums->all;
    return sums->here > 0.0;
}

/* "They are 12% of customers and bring 38% of all yearly spend." */
static void tell_part(struct strata_teller *teller, const struct strata_fact *of,
                      const struct sums *sums, struct strata_portrait *portrait)
{
    const double scale = sums->here / sums->everything;
    const double part = sums->sum / sums->everything;
    if (!(part >= 0.0 && part <= 1.0)) return;
    struct strata_fact fact = *of;
    fact.statistic = "share";
    fact.value = part;
    fact.reference = sums->here / sums->all;
    fact.low = fmin(part, fmax(0.0, of->low * scale));
    fact.high = fmax(part, fmin(1.0, of->high * scale));
    struct strata_statement *statement =
        strata_teller_say(teller, &fact, strata_message("value.part"));
    if (statement) statement->statistic = "part";
    strata_teller_add(teller, &portrait->value, MOST_VALUE, statement);
    portrait->attractiveness.value_share = part;
}

/* "At everybody's average their yearly spend would come to $1,200 more in sum." */
static void tell_gap(struct strata_teller *teller, const struct strata_fact *of,
                     const struct sums *sums, struct strata_portrait *portrait)
{
    if (of->effect > -STRATA_NOTICEABLE) return;
    struct strata_fact fact = *of;
    fact.value = (of->reference - of->value) * sums->here;
    fact.reference = sums->sum;
    fact.low = fmin(fact.value, (of->reference - of->high) * sums->here);
    fact.high = fmax(fact.value, (of->reference - of->low) * sums->here);
    struct strata_statement *statement =
        strata_teller_say(teller, &fact, strata_message("value.gap"));
    if (statement) statement->statistic = "gap";
    strata_teller_add(teller, &portrait->potential, MOST_POTENTIAL, statement);
}

/* --- growth --------------------------------------------------------- */

/* What the later of two periods brought for each unit of the earlier. */
struct growth {
    size_t later, earlier; /* features */
    double here, all;      /* of the segment, of everybody */
    double low, high; /* an interval of `here` that holds whatever the two periods have in common */
    uint64_t count;
};

/* The 95 % interval of a mean. */
static void mean_interval(const struct strata_profile_cell *cell, double *low, double *high)
{
    strata_interval_mean(cell->mean, cell->sd, cell->count, low, high);
}

/* Both periods of the same customers, and what is divided by clearly above 0. */
static bool is_ratio(const struct strata_profile_cell *later,
                     const struct strata_profile_cell *earlier)
{
    double low = 0.0, high = 0.0;
    if (later->hidden || earlier->hidden || later->count != earlier->count) return false;
    if (later->count == 0 || !(later->mean >= 0.0)) return false;
    mean_interval(earlier, &low, &high);
    return low > 0.0;
}

static bool find_growth(const struct strata_plan *plan, const struct strata_personas *personas,
                        size_t s, struct growth *growth)
{
    const size_t later = find_sum(plan, personas, later_period);
    const size_t earlier = find_sum(plan, personas, earlier_period);
    if (later == SIZE_MAX || earlier == SIZE_MAX) return false;
    const struct strata_profile_cell *own = personas->segment[s].cell, *all = personas->everybody;
    if (!is_ratio(&own[later], &own[earlier]) || !is_ratio(&all[later], &all[earlier]))
        return false;
    double low[2], high[2];
    mean_interval(&own[later], &low[0], &high[0]);
    mean_interval(&own[earlier], &low[1], &high[1]);
    *growth = (struct growth){.later = later,
                              .earlier = earlier,
                              .here = own[later].mean / own[earlier].mean,
                              .all = all[later].mean / all[earlier].mean,
                              .low = fmax(0.0, low[0]) / high[1],
                              .high = high[0] / low[1],
                              .count = own[later].count};
    return true;
}

/* "Their spend from July to December comes to 112% of their spend from January to June, against 98% of everybody's." */
static void tell_growth(struct strata_teller *teller, struct strata_portrait *portrait)
{
    struct growth growth;
    if (!find_growth(teller->plan, teller->personas, teller->s, &growth)) return;
    const struct strata_fact fact = {.feature = growth.later,
                                     .level = -1,
                                     .stem = "do",
                                     .section = "value",
                                     .direction = STRATA_MIDDLE,
                                     .statistic = "growth",
                                     .value = growth.here,
                                     .reference = growth.all,
                                     .low = growth.low,
                                     .high = growth.high,
                                     .count = growth.count};
    const struct strata_slot slot = {"second", teller->plan->config->feature[growth.earlier].label};
    const char *pattern =
        strata_message_fill(strata_message("value.growth"), &slot, 1, teller->scratch);
    if (!pattern) teller->starved = true;
    struct strata_statement *statement = pattern ? strata_teller_say(teller, &fact, pattern) : NULL;
    strata_teller_add(teller, &portrait->value, MOST_VALUE, statement);
}

/* 100 = everybody's growth. */
static double growth_index(const struct strata_plan *plan, const struct strata_personas *personas,
                           size_t s)
{
    struct growth growth;
    if (!find_growth(plan, personas, s, &growth) || growth.all == 0.0) return STRATA_UNKNOWN;
    return 100.0 * (growth.here / growth.all);
}

/* --- what they bring --------------------------------------------------------- */

/* What draws them away. */
static bool is_at_stake(const char *meaning, const struct strata_fact *fact)
{
    return fact->effect > 0.0 && (strcmp(meaning, "churn") == 0 || strcmp(meaning, "recency") == 0);
}

void strata_portrait_value(struct strata_teller *teller, struct strata_portrait *portrait)
{
    const size_t value_feature = teller->personas->value_feature;
    struct sums sums;
    portrait->attractiveness.value_share = STRATA_UNKNOWN;
    for (size_t i = 0; i < teller->n_facts && teller->plan->k > 1; i++) {
        const struct strata_fact *fact = &teller->fact[i];
        if (fact->feature != value_feature || !find_sums(teller, value_feature, &sums)) continue;
        tell_part(teller, fact, &sums, portrait);
        tell_gap(teller, fact, &sums, portrait);
    }
    if (teller->plan->k > 1) tell_growth(teller, portrait);
    for (size_t i = 0; i < teller->n_facts; i++) {
        const struct strata_fact *fact = &teller->fact[i];
        if (strcmp(fact->section, "value") == 0 &&
            (strata_fact_marks(fact) || fact->feature == value_feature))
            strata_teller_add(teller, &portrait->value, MOST_VALUE,
                              strata_teller_say(teller, fact, NULL));
        if (strata_fact_marks(fact) && is_at_stake(strata_teller_meaning(teller, fact), fact))
            strata_teller_add(teller, &portrait->potential, MOST_POTENTIAL,
                              strata_teller_say(teller, fact, NULL));
    }
}

/* --- attractiveness --------------------------------------------------------- */

/* Whether use of it says that a customer can be reached. */
static bool is_reach(const char *meaning)
{
    static const char *const reach[] = {"web",   "app",   "email",  "mail",
                                        "phone", "store", "social", "response"};
    for (size_t i = 0; meaning && i < sizeof reach / sizeof reach[0]; i++) {
        if (strcmp(meaning, reach[i]) == 0) return true;
    }
    return false;
}

static double mean_reach(const struct strata_plan *plan, const struct strata_profile_cell *cell)
{
    double sum = 0.0;
    size_t n = 0;
    for (size_t f = 0; f < plan->n_features; f++) {
        const struct strata_feature *feature = &plan->config->feature[f];
        if (strata_is_silent(feature) || !is_reach(feature->meaning)) continue;
        if (plan->as[f] == STRATA_AS_NOMINAL || cell[f].hidden || isnan(cell[f].index)) continue;
        sum += cell[f].index;
        n++;
    }
    return n ? sum / (double)n : STRATA_UNKNOWN;
}

static void weigh(double index, double weight, double *sum, double *total)
{
    if (isnan(index)) return;
    const double i = fmax(0.0, index);
    *sum += weight * (i / (i + 100.0));
    *total += weight;
}

static double score_of(const struct strata_attractiveness *a)
{
    const struct strata_attractiveness_weights *w = &strata_attractiveness_weights;
    double sum = 0.0;
    double total = 0.0;
    weigh(a->size, w->size, &sum, &total);
    weigh(a->value, w->value, &sum, &total);
    weigh(a->growth, w->growth, &sum, &total);
    weigh(a->reach, w->reach, &sum, &total);
    return sum / total; /* the size is always known */
}

void strata_attractiveness_rank(const struct strata_plan *plan, struct strata_personas *personas)
{
    const size_t value_feature = personas->value_feature;
    for (size_t s = 0; s < plan->k; s++) {
        const struct strata_persona *persona = &personas->segment[s];
        struct strata_attractiveness *a = &persona->portrait->attractiveness;
        a->size = 100.0 * persona->share * (double)plan->k;
        a->value = value_feature == SIZE_MAX ? STRATA_UNKNOWN : persona->cell[value_feature].index;
        a->growth = growth_index(plan, personas, s);
        a->reach = mean_reach(plan, persona->cell);
        a->score = score_of(a);
    }
    for (size_t s = 0; s < plan->k; s++) {
        struct strata_attractiveness *a = &personas->segment[s].portrait->attractiveness;
        a->rank = 1;
        for (size_t t = 0; t < plan->k; t++) {
            const double other = personas->segment[t].portrait->attractiveness.score;
            a->rank += other > a->score || (t < s && other == a->score);
        }
    }
}
