/* Which channels they use, against everybody's average, and which goods, motives and interests they like. */
#include <math.h>
#include <string.h>

#include "persona/portrait_impl.h"

#define MOST_CHANNELS 16
#define MOST_AFFINITIES 12

static const char *label_of(struct strata_teller *teller, const struct strata_fact *fact)
{
    const char *label = teller->plan->config->feature[fact->feature].label;
    if (fact->level < 0) return strata_teller_text(teller, label);
    const struct strata_slot slot[2] = {
        {"label", label}, {"level", teller->plan->table->column[fact->feature].level[fact->level]}};
    char *text = strata_message_fill(strata_message("amount.level"), slot, 2, teller->keep);
    if (!text) teller->starved = true;
    return text ? text : "";
}

static double index_of(const struct strata_teller *teller, const struct strata_fact *fact)
{
    if (fact->level >= 0)
        return fact->reference > 0.0 ? 100.0 * fact->value / fact->reference : STRATA_UNKNOWN;
    return teller->personas->segment[teller->s].cell[fact->feature].index;
}

static void add_preference(struct strata_teller *teller, const struct strata_fact *fact,
                           size_t most, struct strata_preferences *list)
{
    if (list->n >= most) return;
    if (!list->item) list->item = STRATA_NEW(teller->keep, struct strata_preference, most);
    struct strata_statement *statement = strata_teller_say(teller, fact, NULL);
    if (!list->item || !statement) {
        teller->starved = true;
        return;
    }
    list->item[list->n++] = (struct strata_preference){.feature = fact->feature,
                                                       .level = fact->level,
                                                       .label = label_of(teller, fact),
                                                       .index = index_of(teller, fact),
                                                       .preferred = fact->direction == STRATA_HIGH,
                                                       .statement = statement};
}

/* Unknown ones last; equal ones stay as they are. */
static void sort_by_index(struct strata_preferences *list)
{
    for (size_t i = 1; i < list->n; i++) {
        const struct strata_preference moved = list->item[i];
        size_t at = i;
        for (; at > 0 && (moved.index > list->item[at - 1].index ||
                          (!isnan(moved.index) && isnan(list->item[at - 1].index)));
             at--)
            list->item[at] = list->item[at - 1];
        list->item[at] = moved;
    }
}

bool strata_is_liking(const char *meaning)
{
    static const char *const liking[] = {"category", "motive",   "interest",
                                         "device",   "software", "private_label"};
    for (size_t i = 0; i < sizeof liking / sizeof liking[0]; i++) {
        if (strcmp(meaning, liking[i]) == 0) return true;
    }
    return false;
}

void strata_portrait_preferences(struct strata_teller *teller, struct strata_portrait *portrait)
{
    for (size_t i = 0; i < teller->n_facts; i++) {
        const struct strata_fact *fact = &teller->fact[i];
        if (strcmp(fact->section, "channel") == 0)
            add_preference(teller, fact, MOST_CHANNELS, &portrait->channels);
        if (fact->direction == STRATA_HIGH && strata_is_liking(strata_teller_meaning(teller, fact)))
            add_preference(teller, fact, MOST_AFFINITIES, &portrait->affinities);
    }
    sort_by_index(&portrait->channels);
}
