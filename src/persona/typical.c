/* A typical customer: of each feature the median, or the most frequent level, of the whole segment.  No row of
 * the data is looked at. */
#include <math.h>
#include <string.h>

#include "persona/portrait_impl.h"

/* A number with its unit, as a statement of it would have it. */
static const char *number_text(struct strata_teller *teller, size_t f, double number)
{
    const struct strata_fact fact = {.statistic = "mean",
                                     .stem = "do",
                                     .feature = f,
                                     .level = -1,
                                     .value = number,
                                     .reference = number};
    struct strata_arena scratch = *teller->scratch;
    struct strata_told told;
    if (!strata_fact_tell(teller->plan, &fact, &scratch, &told)) {
        teller->starved = true;
        return "";
    }
    return strata_teller_text(teller, told.value);
}

static bool make_trait(struct strata_teller *teller, size_t f, struct strata_trait *trait)
{
    const struct strata_plan *plan = teller->plan;
    const struct strata_profile_cell *cell = &teller->personas->segment[teller->s].cell[f];
    const struct strata_profile_cell *all = &teller->personas->everybody[f];
    if (strata_is_silent(&plan->config->feature[f]) || cell->hidden || all->hidden) return false;
    if (cell->count < STRATA_MIN_CELL) return false;
    *trait = (struct strata_trait){.feature = f,
                                   .label = plan->config->feature[f].label,
                                   .number = STRATA_UNKNOWN,
                                   .level = -1,
                                   .count = cell->count,
                                   .share = STRATA_UNKNOWN};
    if (plan->as[f] == STRATA_AS_NUMBER) {
        trait->number = cell->median;
        trait->text = number_text(teller, f, cell->median);
        return true;
    }
    if (plan->as[f] == STRATA_AS_BINARY) {
        trait->number = cell->mean >= 0.5 ? 1.0 : 0.0;
        trait->share = cell->mean >= 0.5 ? cell->mean : 1.0 - cell->mean;
        trait->text = strata_message(cell->mean >= 0.5 ? "typical.yes" : "typical.no");
        return true;
    }
    trait->level = strata_commonest_level(plan, cell, all, f);
    if (trait->level < 0) return false;
    trait->share = cell->share[trait->level];
    trait->text = plan->table->column[f].level[trait->level];
    return true;
}

void strata_portrait_typical(struct strata_teller *teller, struct strata_portrait *portrait)
{
    const size_t n_features = teller->plan->n_features;
    portrait->typical = STRATA_NEW(teller->keep, struct strata_trait, n_features);
    if (!portrait->typical) {
        teller->starved = true;
        return;
    }
    for (size_t f = 0; f < n_features; f++)
        portrait->n_typical += make_trait(teller, f, &portrait->typical[portrait->n_typical]);
}
