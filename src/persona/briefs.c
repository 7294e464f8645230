/* What each department should know: words of advice, each with the statements that it rests on. */
#include <string.h>

#include "persona/portrait_impl.h"

#define MOST_LINES 5
#define MOST_BECAUSE 4
#define FULL_SHARE \
    1.2 /* parts of the value per part of the customers that are more than their share */

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

/* One line speaks of all features that its words name. */
static bool is_joint(const char *words)
{
    return strstr(words, "{label}") && !strstr(words, "{level}");
}

static const char *label_of(const struct strata_teller *teller, size_t i)
{
    return teller->plan->config->feature[teller->fact[i].feature].label;
}

/* The labels of fact i and of those after it with the same words, as many as a line has evidence. */
static const char *labels_from(struct strata_teller *teller, const char *const *words, size_t i)
{
    const char *labels = label_of(teller, i);
    size_t n = 1;
    for (size_t j = i + 1; j < teller->n_facts && n < MOST_BECAUSE && is_joint(words[i]); j++) {
        if (words[j] != words[i]) continue;
        const struct strata_slot slot[2] = {{"first", labels}, {"second", label_of(teller, j)}};
        labels = strata_message_fill(strata_message("rule.list"), slot, 2, teller->scratch);
        if (!labels) {
            teller->starved = true;
            return "";
        }
        n++;
    }
    return labels;
}

static bool is_told(const char *const *words, size_t i)
{
    for (size_t j = 0; j < i && is_joint(words[i]); j++)
        if (words[j] == words[i]) return true;
    return false;
}

static void advise_by_facts(struct strata_teller *teller, const char *stem,
                            struct strata_brief *brief)
{
    const size_t n = teller->n_facts;
    const char **words = STRATA_NEW(teller->scratch, const char *, n); /* of each fact, or NULL */
    if (!words) teller->starved = true;
    for (size_t i = 0; words && i < n; i++) words[i] = words_for(teller, stem, &teller->fact[i]);
    for (size_t i = 0; words && i < n; i++) {
        if (!words[i] || is_told(words, i)) continue;
        const struct strata_fact *fact = &teller->fact[i];
        const char *level =
            fact->level >= 0 ? teller->plan->table->column[fact->feature].level[fact->level] : "";
        const char *text = fill_text(teller, words[i], labels_from(teller, words, i), level);
        for (size_t j = i; j < n; j++)
            if (j == i || (words[j] == words[i] && is_joint(words[i])))
                advise(teller, brief, text, strata_teller_say(teller, &teller->fact[j], NULL));
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

/* What they bring, where nothing more is to be won; else what is, and what is at stake. */
static void advise_value(struct strata_teller *teller, const struct strata_portrait *portrait,
                         struct strata_brief *brief)
{
    const struct strata_statements *value = &portrait->value, *potential = &portrait->potential;
    if (value->n > 0 && potential->n == 0 && strcmp(value->item[0].statistic, "part") == 0) {
        const double share = value->item[0].value / value->item[0].reference;
        const char *how = share >= FULL_SHARE         ? "high"
                          : share <= 1.0 / FULL_SHARE ? "low"
                                                      : "middle";
        advise(teller, brief, strata_message_at("brief.sales.part", how, NULL), &value->item[0]);
    }
    for (size_t i = 0; i < potential->n; i++) {
        const struct strata_statement *one = &potential->item[i];
        const char *key =
            strcmp(one->statistic, "gap") == 0 ? "brief.sales.gap" : "brief.sales.stake";
        const char *label = teller->plan->config->feature[one->feature].label;
        advise(teller, brief, fill_text(teller, strata_message(key), label, ""), one);
    }
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
    advise_value(teller, portrait, &brief[STRATA_SALES]);
    advise_offers(teller, portrait, &brief[STRATA_SALES]);
    for (size_t d = 0; d < STRATA_DEPARTMENT_COUNT; d++)
        advise_by_facts(teller, brief_keys[d], &brief[d]);
}
