/* Pieces of a portrait: statements of a segment's facts, and words about them. */
#include <math.h>
#include <string.h>

#include "persona/portrait_impl.h"

const char *strata_teller_text(struct strata_teller *teller, const char *text)
{
    char *copy = text ? strata_arena_copy(teller->keep, text, strlen(text)) : NULL;
    if (!copy) teller->starved = true;
    return copy ? copy : "";
}

struct strata_statement *strata_teller_say(struct strata_teller *teller,
                                           const struct strata_fact *fact, const char *pattern)
{
    struct strata_err ignored = {0};
    struct strata_statement *statement = STRATA_NEW(teller->keep, struct strata_statement, 1);
    if (statement && strata_statement_write(teller->plan, fact, pattern, *teller->scratch,
                                            teller->keep, statement, &ignored) == STRATA_OK)
        return statement;
    teller->starved = true;
    return NULL;
}

void strata_teller_add(struct strata_teller *teller, struct strata_statements *list, size_t most,
                       const struct strata_statement *statement)
{
    if (!statement || list->n >= most) return;
    if (!list->item) list->item = STRATA_NEW(teller->keep, struct strata_statement, most);
    if (list->item)
        list->item[list->n++] = *statement;
    else
        teller->starved = true;
}

const char *strata_teller_meaning(const struct strata_teller *teller, const struct strata_fact *fact)
{
    const char *meaning = teller->plan->config->feature[fact->feature].meaning;
    return meaning ? meaning : "";
}

bool strata_fact_marks(const struct strata_fact *fact)
{
    return fabs(fact->effect) >= STRATA_NOTICEABLE;
}

const char *strata_teller_words(const struct strata_teller *teller, const char *stem,
                                const struct strata_fact *fact)
{
    const char *meaning = strata_teller_meaning(teller, fact);
    const bool nominal = teller->plan->as[fact->feature] == STRATA_AS_NOMINAL;
    if (!meaning[0] || nominal || !strata_fact_marks(fact)) return NULL;
    return strata_message_at(stem, meaning, fact->effect > 0.0 ? "high" : "low");
}

const char *strata_teller_deeds(struct strata_teller *teller, const struct strata_fact *const *fact,
                                size_t n)
{
    static const char *const place[] = {"first", "second", "third"};
    struct strata_arena scratch = *teller->scratch;
    struct strata_slot slot[3] = {{"first", ""}, {"second", ""}, {"third", ""}};
    bool again[3] = {false};
    if (n > 3) n = 3;
    if (n == 0) return "";
    for (size_t i = 0; i < n; i++) {
        struct strata_told told;
        const char *text = NULL;
        again[i] = i > 0 && strata_clause_again(teller->plan, fact[i - 1], fact[i]);
        const char *pattern = again[i] ? strata_message("clause.again")
                                       : strata_clause_pattern(teller->plan, fact[i]);
        if (strata_fact_tell(teller->plan, fact[i], &scratch, &told))
            text = strata_told_fill(pattern, &told, &scratch);
        if (!text) teller->starved = true;
        slot[i] = (struct strata_slot){place[i], text ? text : ""};
    }
    char *text = strata_message_fill(strata_clause_join("deeds", n, again), slot, n, teller->keep);
    if (!text) teller->starved = true;
    return text ? text : "";
}
