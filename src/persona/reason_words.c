/* Reasons as people read them. */
#include <math.h>

#include "persona/persona_impl.h"
#include "strata/reasons.h"

#define CERTAIN 0.001 /* a responsibility of the runner-up that nobody wants to read */

/* The texts of a reason's slots. */
struct texts {
    const char *value, *segment_figure, *rival_figure;
};

/* Numbers: beside each of the two means as many digits as the comparison needs. */
static bool tell_means(const struct strata_reason_facts *facts, bool compared,
                       struct strata_arena *arena, struct texts *texts)
{
    const double number = facts->number;
    const double own = compared ? facts->segment_figure : number;
    const double other = compared ? facts->rival_figure : number;
    const char *again = NULL;
    return strata_values_tell(facts->feature, number, number, arena, &texts->value, &again) &&
           strata_values_tell(facts->feature, number, own, arena, &again, &texts->segment_figure) &&
           strata_values_tell(facts->feature, number, other, arena, &again, &texts->rival_figure);
}

/* Levels: how many of either segment have the same. */
static bool tell_shares(const struct strata_reason_facts *facts, bool compared,
                        struct strata_arena *arena, struct texts *texts)
{
    char own[STRATA_NUMBER_TEXT] = "", other[STRATA_NUMBER_TEXT] = "";
    texts->value = facts->level;
    if (!texts->value)
        texts->value = strata_message(facts->number != 0 ? "typical.yes" : "typical.no");
    if (compared)
        strata_number_pair(facts->segment_figure, facts->rival_figure, STRATA_FORM_PERCENT, own,
                           other);
    texts->segment_figure = strata_arena_print(arena, "%s", own);
    texts->rival_figure = strata_arena_print(arena, "%s", other);
    return texts->segment_figure && texts->rival_figure;
}

char *strata_reason_sentence(const struct strata_reason_facts *facts, struct strata_arena *arena)
{
    const bool compared = !isnan(facts->segment_figure) && !isnan(facts->rival_figure);
    const bool by_level = facts->level || facts->feature->type == STRATA_BINARY;
    struct texts texts = {0};
    if (!(by_level ? tell_shares : tell_means)(facts, compared, arena, &texts)) return NULL;
    const struct strata_slot slot[6] = {
        {"label", facts->feature->label}, {"value", texts.value},
        {"number", texts.segment_figure}, {"reference", texts.rival_figure},
        {"first", facts->segment},        {"second", facts->rival}};
    const char *key = !compared ? "reason.alone" : by_level ? "reason.share" : "reason.mean";
    return strata_message_fill(strata_message(key), slot, 6, arena);
}

char *strata_sureness_sentence(bool soft, double posterior, double margin, const char *rival,
                               struct strata_arena *arena)
{
    char first[STRATA_NUMBER_TEXT] = "", second[STRATA_NUMBER_TEXT] = "";
    const double shown = soft ? posterior : margin, other = soft ? posterior - margin : margin;
    const bool certain = soft && other < CERTAIN;
    if (rival && !certain) strata_number_pair(shown, other, STRATA_FORM_PERCENT, first, second);
    const struct strata_slot slot[3] = {{"number", first}, {"reference", second}, {"second", rival}};
    const char *key = !rival    ? "sure.alone"
                      : certain ? "sure.certain"
                      : soft    ? "sure.soft"
                                : "sure.hard";
    return strata_message_fill(strata_message(key), slot, 3, arena);
}
