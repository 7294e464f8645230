/* What the files that draw a portrait share: a teller, who writes statements of one segment's facts.  Once
 * memory has ended `starved` is set and every further piece is empty, so that a portrait is drawn straight
 * on and checked once at its end. */
#ifndef STRATA_PORTRAIT_IMPL_H
#define STRATA_PORTRAIT_IMPL_H

#include "persona/persona_impl.h"

struct strata_teller {
    const struct strata_plan *plan;
    const struct strata_profile_tally *tally;
    struct strata_personas *personas;
    size_t s;                       /* the segment */
    const struct strata_fact *fact; /* (n_facts) in the order of telling */
    size_t n_facts;
    struct strata_arena *scratch, *keep;
    bool starved;
};

/* --- teller.c: pieces of a portrait --- */
const char *strata_teller_text(struct strata_teller *teller, const char *text); /* a copy in keep */
/* The sentence of a fact, by a pattern unless that is NULL; NULL without memory. */
struct strata_statement *strata_teller_say(struct strata_teller *teller,
                                           const struct strata_fact *fact, const char *pattern);
/* Add a statement while there are fewer than most; the list has room for most. */
void strata_teller_add(struct strata_teller *teller, struct strata_statements *list, size_t most,
                       const struct strata_statement *statement);
/* The text of "STEM.MEANING.DIRECTION" for a noticeable fact of a number, a yes or no or an order; else NULL. */
const char *strata_teller_words(const struct strata_teller *teller, const char *stem,
                                const struct strata_fact *fact);
const char *strata_teller_meaning(const struct strata_teller *teller,
                                  const struct strata_fact *fact); /* "" without one */
bool strata_is_liking(const char *meaning);             /* whether much of it makes an affinity */
bool strata_fact_marks(const struct strata_fact *fact); /* whether it sets the segment apart */
/* "They spend more, come more often and fill larger baskets." of at most three facts. */
const char *strata_teller_deeds(struct strata_teller *teller, const struct strata_fact *const *fact,
                                size_t n);

/* --- the parts --- */
void strata_portrait_topics(struct strata_teller *teller, struct strata_portrait *portrait);
void strata_portrait_needs(struct strata_teller *teller, struct strata_portrait *portrait);
void strata_portrait_preferences(struct strata_teller *teller, struct strata_portrait *portrait);
void strata_portrait_offers(struct strata_teller *teller, struct strata_portrait *portrait);
void strata_portrait_tone(struct strata_teller *teller, struct strata_portrait *portrait);
void strata_portrait_value(struct strata_teller *teller, struct strata_portrait *portrait);
void strata_portrait_typical(struct strata_teller *teller, struct strata_portrait *portrait);
/* After offers, channels and value, of which they make use. */
void strata_portrait_briefs(struct strata_teller *teller, struct strata_portrait *portrait);
/* hue is an index below STRATA_HUES: the colour that the page gives the segment. */
#define STRATA_HUES 12
void strata_portrait_avatar(struct strata_teller *teller, size_t hue,
                            struct strata_portrait *portrait);

/* --- of all segments --- */
/* What a segment's value is measured by: the first visible number that means spend, else revenue. */
size_t strata_value_feature(const struct strata_plan *plan, const struct strata_personas *personas);
void strata_attractiveness_rank(const struct strata_plan *plan, struct strata_personas *personas);
/* A word to call each by; false without memory. */
bool strata_portraits_call(struct strata_personas *personas, struct strata_arena scratch,
                           struct strata_arena *keep);

/* portrait.c: the portraits of all segments, once they have names and statements. */
strata_status strata_portraits_draw(const struct strata_plan *plan,
                                    const struct strata_profile_tally *tally,
                                    struct strata_personas *personas, struct strata_arena scratch,
                                    struct strata_arena *keep, struct strata_err *err);

/* icons.c: a pictogram in a box of 24 by 24, of lines; never NULL.  meaning and level may be NULL. */
struct strata_icon {
    const char *name;
    const char *path; /* of an SVG path */
};
const struct strata_icon *strata_icon_find(const char *meaning, const char *level,
                                           const char *label, const char *section);

#endif
