/* What each department should know: words of advice, each with the statements that it rests on. */
#include <string.h>

#include "persona/portrait_impl.h"

#define MOST_LINES 5
#define MOST_BECAUSE 4

static const char *const brief_keys[STRATA_DEPARTMENT_COUNT] = {[STRATA_MARKETING] =
                                                                    "brief.marketing",
                                                                [STRATA_PRODUCT] = "brief.product",
                                                                [STRATA_SERVICE] = "brief.service",
                                                                [STRATA_SALES] = "brief.sales"};

/* The line with this text: one that is there, or a new one; NULL when there is no room. */
static struct strata_advice *line_of(struct strata_teller *teller, struct strata_brief *brief,
                                     const char *text)
{
    for (size_t i = 0; i < brief->n_lines; i++) {
        if (strcmp(brief->line[i].text, text) == 0) return &brief->line[i];
    }
    if (brief->n_lines >= MOST_LINES) return NULL;
    if (!brief->line) brief->line = STRATA_NEW(teller->keep, struct strata_advice, MOST_LINES);
    if (!brief->line) {
        teller->starved = true;
        return NULL;
    }
    brief->line[brief->n_lines] = (struct strata_advice){.text = text};
    return &brief->line[brief->n_lines++];
}

static void advise(struct strata_teller *teller, struct strata_brief *brief, const char *text,
                   const struct strata_statement *because)
{
    struct strata_advice *line = text && because ? line_of(teller, brief, text) : NULL;
    if (line) strata_teller_add(teller, &line->because, MOST_BECAUSE, because);
}

static void advise_because(struct strata_teller *teller, struct strata_brief *brief,
                           const char *text, const struct strata_statements *because)
{
    for (size_t i = 0; i < because->n; i++) advise(teller, brief, text, &because->item[i]);
}

static const char *fill_text(struct strata_teller *teller, const char *words, const char *label,
                             const char *level)
{
    const struct strata_slot slot[2] = {{"label", label}, {"level", level}};
    char *text = strata_message_fill(words, slot, 2, teller->keep);
    if (!text) teller->starved = true;
    return text;
}

/* The department's words for a fact: by its meaning, else, of levels and of answers, by its kind. */
static const char *words_for(const struct strata_teller *teller, const char *stem,
                             const struct strata_fact *fact)
{
    const char *words = strata_teller_words(teller, stem, fact);
    if (words || strata_teller_meaning(teller, fact)[0]) return words;
    if (fact->direction != STRATA_HIGH) return NULL;
    const enum strata_treatment as = teller->plan->as[fact->feature];
    const char *kind = fact->level >= 0 ? "level" : as == STRATA_AS_BINARY ? "yes" : NULL;
    return kind ? strata_message_at(stem, kind, fact->section) : NULL;
}

static void advise_by_facts(struct strata_teller *teller, const char *stem,
                            struct strata_brief *brief)
{
    for (size_t i = 0; i < teller->n_facts; i++) {
        const struct strata_fact *fact = &teller->fact[i];
        const char *words = words_for(teller, stem, fact);
        if (!words) continue;
        const char *level =
            fact->level >= 0 ? teller->plan->table->column[fact->feature].level[fact->level] : "";
        const char *label = teller->plan->config->feature[fact->feature].label;
        advise(teller, brief, fill_text(teller, words, label, level),
               strata_teller_say(teller, fact, NULL));
    }
}

/* The channel that they use most, where that is above average. */
static void advise_channel(struct strata_teller *teller, const struct strata_preferences *channels,
                           struct strata_brief *brief)
{
    if (channels->n == 0 || !channels->item[0].preferred) return;
    const struct strata_preference *best = &channels->item[0];
    const char *meaning = teller->plan->config->feature[best->feature].meaning;
    const char *words =
        strata_message_at("brief.marketing.channel", best->level < 0 ? meaning : "level", NULL);
    if (!words) words = strata_message("brief.marketing.channel");
    advise(teller, brief, fill_text(teller, words, best->label, ""), best->statement);
}

static void advise_offers(struct strata_teller *teller, const struct strata_portrait *portrait,
                          struct strata_brief *brief)
{
    for (size_t i = 0; i < portrait->n_offers && i < 2; i++) {
        const struct strata_offer *offer = &portrait->offer[i];
        advise_because(teller, brief,
                       fill_text(teller, strata_message("brief.sales.offer"), offer->title, ""),
                       &offer->reason.because);
    }
}

void strata_portrait_briefs(struct strata_teller *teller, struct strata_portrait *portrait)
{
    struct strata_brief *brief = portrait->brief;
    for (size_t d = 0; d < STRATA_DEPARTMENT_COUNT; d++)
        brief[d].title = strata_message_at(brief_keys[d], "title", NULL);
    if (portrait->tone.text)
        advise_because(teller, &brief[STRATA_MARKETING], portrait->tone.text,
                       &portrait->tone.because);
    advise_channel(teller, &portrait->channels, &brief[STRATA_MARKETING]);
    if (portrait->value.n > 0 && portrait->potential.n == 0)
        advise(teller, &brief[STRATA_SALES], strata_message("brief.sales.worth"),
               &portrait->value.item[0]);
    advise_because(teller, &brief[STRATA_SALES], strata_message("brief.sales.potential"),
                   &portrait->potential);
    advise_offers(teller, portrait, &brief[STRATA_SALES]);
    for (size_t d = 0; d < STRATA_DEPARTMENT_COUNT; d++)
        advise_by_facts(teller, brief_keys[d], &brief[d]);
}
