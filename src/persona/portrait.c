/* The portraits of all segments: topics, needs, channels, offers, value, a typical customer, a picture and
 * what each department should know.  The same on all ranks: a function of the profiles alone. */
#include <string.h>

#include "persona/portrait_impl.h"

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY,
                       "no room for the portraits of the segments; give the job more memory");
}

/* --- what they are called --------------------------------------------------------- */

/* The i-th word of a list; its length is 0 behind the last one. */
static const char *word_at(const char *list, size_t i, size_t *length)
{
    list += strspn(list, " ");
    for (; i > 0 && *list; i--) {
        list += strcspn(list, " ");
        list += strspn(list, " ");
    }
    *length = strcspn(list, " ");
    return list;
}

static size_t word_total(const char *list)
{
    size_t n = 0, length = 0;
    for (; (void)word_at(list, n, &length), length > 0;) n++;
    return n;
}

/* A free word with the initial of the segment's name, else the first free one. */
static size_t choose_word(const char *list, size_t n_words, const bool *taken, char initial)
{
    size_t any = SIZE_MAX;
    for (size_t i = 0; i < n_words; i++) {
        size_t length = 0;
        if (taken[i]) continue;
        if (word_at(list, i, &length)[0] == initial) return i;
        if (any == SIZE_MAX) any = i;
    }
    return any;
}

/* Two words where one is not enough: the i-th of those that are left. */
static const char *two_words(const char *list, size_t n_words, size_t i, struct strata_arena *keep)
{
    const char *tags = strata_message("name.tags");
    size_t first_length = 0, second_length = 0;
    const char *first = word_at(list, i % n_words, &first_length);
    const char *second = word_at(tags, i / n_words, &second_length);
    char *text =
        strata_arena_print(keep, "%.*s %.*s", (int)first_length, first, (int)second_length, second);
    if (text && second_length > 0) strata_sentence_case(text + first_length + 1);
    return text;
}

bool strata_portraits_call(struct strata_personas *personas, struct strata_arena scratch,
                           struct strata_arena *keep)
{
    const char *list = strata_message("persona.names");
    const size_t n_words = word_total(list);
    bool *taken = STRATA_NEW(&scratch, bool, n_words);
    if (!taken) return false;
    for (size_t s = 0; s < personas->k; s++) {
        struct strata_persona *persona = &personas->segment[s];
        const size_t i = choose_word(list, n_words, taken, persona->name[0]);
        if (i == SIZE_MAX) {
            persona->portrait->name = two_words(list, n_words, s - n_words, keep);
        } else {
            size_t length = 0;
            const char *word = word_at(list, i, &length);
            taken[i] = true;
            persona->portrait->name = strata_arena_copy(keep, word, length);
        }
        if (!persona->portrait->name) return false;
    }
    return true;
}

/* --- the whole --------------------------------------------------------- */

static strata_status draw(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                          struct strata_personas *personas, size_t s, struct strata_arena scratch,
                          struct strata_arena *keep, struct strata_err *err)
{
    struct strata_portrait *portrait = personas->segment[s].portrait;
    struct strata_fact *fact = STRATA_NEW(&scratch, struct strata_fact, plan->n_features);
    if (!fact) return no_room(err);
    struct strata_teller teller = {.plan = plan,
                                   .tally = tally,
                                   .personas = personas,
                                   .s = s,
                                   .fact = fact,
                                   .scratch = &scratch,
                                   .keep = keep};
    teller.n_facts = strata_facts_gather(plan, tally, personas, s, fact);
    strata_portrait_topics(&teller, portrait);
    strata_portrait_needs(&teller, portrait);
    strata_portrait_preferences(&teller, portrait);
    strata_portrait_offers(&teller, portrait);
    strata_portrait_tone(&teller, portrait);
    strata_portrait_value(&teller, portrait);
    strata_portrait_typical(&teller, portrait);
    strata_portrait_briefs(&teller, portrait);
    strata_portrait_avatar(&teller, s % STRATA_HUES, portrait);
    return teller.starved ? no_room(err) : STRATA_OK;
}

strata_status strata_portraits_draw(const struct strata_plan *plan,
                                    const struct strata_profile_tally *tally,
                                    struct strata_personas *personas, struct strata_arena scratch,
                                    struct strata_arena *keep, struct strata_err *err)
{
    struct strata_portrait *portrait = STRATA_NEW(keep, struct strata_portrait, plan->k);
    if (!portrait) return no_room(err);
    personas->value_feature = strata_value_feature(plan, personas);
    for (size_t s = 0; s < plan->k; s++) {
        personas->segment[s].portrait = &portrait[s];
        STRATA_TRY(draw(plan, tally, personas, s, scratch, keep, err));
    }
    strata_attractiveness_rank(plan, personas);
    return strata_portraits_call(personas, scratch, keep) ? STRATA_OK : no_room(err);
}
