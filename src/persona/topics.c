/* What the data say about who they are, where, what they value, how they buy and what they use; and what they
 * look for and what goes wrong for them. */
#include <math.h>
#include <string.h>

#include "persona/portrait_impl.h"

#define PER_TOPIC 8   /* sentences, strongest first */
#define ALWAYS_TOLD 2 /* of who and where they are, although others are too */
#define MOST_NEEDS 6
#define MOST_HOUSEHOLD 4

static const struct {
    const char *section;
    enum strata_topic topic;
} topics[] = {
    {"demographic", STRATA_TOPIC_WHO},  {"firmographic", STRATA_TOPIC_WHO},
    {"geographic", STRATA_TOPIC_WHERE}, {"psychographic", STRATA_TOPIC_VALUES},
    {"need", STRATA_TOPIC_VALUES},      {"behavioural", STRATA_TOPIC_BUYS},
    {"value", STRATA_TOPIC_BUYS},       {"offer", STRATA_TOPIC_BUYS},
    {"outcome", STRATA_TOPIC_BUYS},     {"technographic", STRATA_TOPIC_USES},
};

static const char *const topic_keys[STRATA_TOPIC_COUNT] = {[STRATA_TOPIC_WHO] = "topic.who",
                                                           [STRATA_TOPIC_WHERE] = "topic.where",
                                                           [STRATA_TOPIC_VALUES] = "topic.values",
                                                           [STRATA_TOPIC_BUYS] = "topic.buys",
                                                           [STRATA_TOPIC_USES] = "topic.uses"};

/* STRATA_TOPIC_COUNT: of none, as channels, which have their own place. */
static enum strata_topic topic_of(const char *section)
{
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (strcmp(topics[i].section, section) == 0) return topics[i].topic;
    }
    return STRATA_TOPIC_COUNT;
}

static bool is_household(const char *meaning)
{
    static const char *const household[] = {"household_size", "children", "married", "homeowner"};
    for (size_t i = 0; i < sizeof household / sizeof household[0]; i++) {
        if (strcmp(meaning, household[i]) == 0) return true;
    }
    return false;
}

/* Whether a fact is told under a topic: what they buy most of is told as affinities. */
static bool is_told(const struct strata_teller *teller, const struct strata_fact *fact,
                    size_t n_told)
{
    const bool liked =
        fact->direction == STRATA_HIGH && strata_is_liking(strata_teller_meaning(teller, fact));
    if (liked && topic_of(fact->section) == STRATA_TOPIC_BUYS) return false;
    return teller->plan->k == 1 || strata_fact_marks(fact) ||
           (n_told < ALWAYS_TOLD && strata_always_told(fact->section));
}

void strata_portrait_topics(struct strata_teller *teller, struct strata_portrait *portrait)
{
    for (size_t t = 0; t < STRATA_TOPIC_COUNT; t++)
        portrait->topic_title[t] = strata_message(topic_keys[t]);
    for (size_t i = 0; i < teller->n_facts; i++) {
        const struct strata_fact *fact = &teller->fact[i];
        const char *meaning = strata_teller_meaning(teller, fact);
        const enum strata_topic of = topic_of(fact->section);
        if (of == STRATA_TOPIC_COUNT) continue;
        struct strata_statements *topic = &portrait->topic[of];
        const bool is_age = strcmp(meaning, "age") == 0 && !portrait->age;
        const bool told = is_told(teller, fact, topic->n);
        if (!told && !is_age && !is_household(meaning)) continue;
        struct strata_statement *statement = strata_teller_say(teller, fact, NULL);
        if (told) strata_teller_add(teller, topic, PER_TOPIC, statement);
        if (is_age) portrait->age = statement;
        if (is_household(meaning))
            strata_teller_add(teller, &portrait->household, MOST_HOUSEHOLD, statement);
    }
}

/* What has words of need, or of pain, for its meaning and direction. */
static void say_by_stem(struct strata_teller *teller, const char *stem,
                        struct strata_statements *list)
{
    for (size_t i = 0; i < teller->n_facts && list->n < MOST_NEEDS; i++) {
        if (!strata_teller_words(teller, stem, &teller->fact[i])) continue;
        struct strata_fact fact = teller->fact[i];
        fact.stem = stem;
        strata_teller_add(teller, list, MOST_NEEDS, strata_teller_say(teller, &fact, NULL));
    }
}

void strata_portrait_needs(struct strata_teller *teller, struct strata_portrait *portrait)
{
    say_by_stem(teller, "need", &portrait->needs);
    say_by_stem(teller, "pain", &portrait->pains);
}
