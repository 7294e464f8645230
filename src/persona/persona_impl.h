/* What the files of persona share: the plan (what is counted how), the tally (what was counted,
 * the same on all ranks), and the words.  In the order of the work: plan, tally, quartiles,
 * profile, disclosure, markers, facts, names, statements. */
#ifndef STRATA_PERSONA_IMPL_H
#define STRATA_PERSONA_IMPL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/persona.h"

#define STRATA_UNKNOWN ((double)NAN)

/* How a feature is summarised. */
enum strata_treatment { STRATA_AS_NUMBER, STRATA_AS_BINARY, STRATA_AS_ORDINAL, STRATA_AS_NOMINAL };

/* Which order statistics of a number are found in each segment: the smallest value that at least so
 * many percent of the values do not exceed; of 0 the least value.  Rising; the quartiles are among them. */
struct strata_orders {
    const unsigned *percent; /* (n) */
    size_t n;
    size_t quartile; /* where 25 stands; 50 and 75 follow */
};
struct strata_orders strata_orders_of(size_t k); /* fewer of many segments */

/* Group g of k + 1: the segments in order, then everybody. */
struct strata_plan {
    const struct strata_config *config;
    const struct strata_table *table;
    const uint16_t *label; /* (n) the segment of each row */
    const uint32_t *weight; /* (n) of each row in units of 2^weight_exponent, or NULL: each counts once */
    int weight_exponent;
    size_t k;
    size_t n_features;
    enum strata_treatment *as; /* (n_features) */
    size_t *slot; /* (n_features) place among the numbers; others: of their first level among all */
    double (*binary)[2]; /* (n_features) the numbers of a binary feature's zero and one */
    size_t *n_levels;    /* (n_features) 0 for numbers, 2 for binary: zeros and ones */
    int *position; /* (n_all_levels) ordinal: in the declared order, -1 if undeclared; others: from 0 */
    size_t n_numbers, n_all_levels;
    size_t batch; /* numbers whose order statistics are searched together */
    struct strata_orders orders;
};

/* What is counted of each group: customers, or their weight in units. */
struct strata_counts {
    uint64_t *size;  /* (k + 1) */
    uint64_t *value; /* (k + 1, n_features) with a value */
    uint64_t *level; /* (k + 1, n_all_levels) */
};

/* Customers decide what may be shown and stand as evidence; shares, means and the rest are weighted.
 * Without case weights the two counts are the same arrays. */
struct strata_profile_tally {
    struct strata_counts count, weight;
    double *mean;   /* (k + 1, n_features) NaN without values and for nominal features */
    double *rest;   /* (k, n_features) mean of everybody else */
    double *square; /* (k + 1, n_features) weighted sum of squared deviations from the mean */
    double *order;  /* (k + 1, n_numbers, orders.n); of everybody quartiles only, others are NaN */
};

/* How many customers a weight in units stands for. */
static inline double strata_plan_weight(const struct strata_plan *plan, uint64_t units)
{
    return ldexp((double)units, plan->weight_exponent);
}

/* Sensitive features are only audited, and a weight tells nothing about people. */
static inline bool strata_is_silent(const struct strata_feature *feature)
{
    return feature->role == STRATA_ROLE_SENSITIVE || feature->role == STRATA_ROLE_WEIGHT;
}

/* plan.c: what is counted how.  NULL-safe sizes; false when memory ends. */
bool strata_plan_make(struct strata_plan *plan, const struct strata_config *config,
                      const struct strata_table *table, const struct strata_rows *rows,
                      const struct strata_clustering *clustering, int n_ranks,
                      struct strata_arena *scratch);
bool strata_tally_make(struct strata_profile_tally *tally, const struct strata_plan *plan,
                       struct strata_arena *scratch);
/* What decides how much scratch strata_describe takes. */
struct strata_describe_extent {
    uint64_t n_rows; /* of this rank */
    uint64_t rows_a_rank;
    uint64_t groups;
    uint64_t n_features, n_numbers, n_levels;
    bool weighted;
};
/* Bytes of scratch for all stages of strata_describe; UINT64_MAX when beyond counting. */
uint64_t strata_describe_room(const struct strata_describe_extent *extent);

/* tally.c: counts, means and squares.  Collective: two reductions. */
struct strata_moments_room {
    struct strata_exact *sum; /* (k + 1, n_numbers) */
    int64_t *wire;            /* (strata_tally_wire_count) */
};
size_t strata_tally_wire_count(const struct strata_plan *plan);
bool strata_moments_room_make(struct strata_moments_room *room, const struct strata_plan *plan,
                              struct strata_arena *scratch);
void strata_tally_moments(struct strata_comm *comm, const struct strata_plan *plan,
                          struct strata_moments_room *room, struct strata_profile_tally *tally);

/* quartiles.c: exact order statistics.  Collective: 16 reductions a batch. */
struct strata_quartile_room {
    uint64_t *value; /* (batch, n_rows) ordered images, by segment, each sorted */
    uint64_t *spare; /* (n_rows) */
    uint64_t *before; /* (batch, n_rows + 1) weight of the values before each, or NULL: their number */
    uint32_t *weight, *spare_weight; /* (n_rows) of one column while it is sorted, or NULL */
    size_t *begin;  /* (batch, k + 1) first of each segment in value; one past the last at k */
    uint64_t *low;  /* (batch, k + 1, orders.n) lowest value still possible */
    uint64_t *rank; /* (batch, k + 1, orders.n) wanted among those still possible, from 1; 0: none */
    int64_t *bucket; /* (batch, k + 1, orders.n, 16) */
};
bool strata_quartile_room_make(struct strata_quartile_room *room, const struct strata_plan *plan,
                               struct strata_arena *scratch);
void strata_tally_quartiles(struct strata_comm *comm, const struct strata_plan *plan,
                            struct strata_quartile_room *room, struct strata_profile_tally *tally);

/* profile.c: cells of a segment (or of everybody, g == k) from the tally, before anything is
 * hidden. */
void strata_profile_fill(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                         size_t g, struct strata_profile_cell *cell);
/* Index and effect from what is visible; after strata_disclosure_protect. */
void strata_profile_compare(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                            struct strata_personas *personas);
/* Standardised difference of the share of one level from everybody else's. */
double strata_profile_level_effect(const struct strata_plan *plan,
                                   const struct strata_profile_tally *tally, size_t g,
                                   size_t feature, size_t level);

/* effects.c: intervals, odds, Cramer's V, p values; after strata_profile_compare.  False when memory ends. */
bool strata_effects_fill(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                         struct strata_personas *personas, struct strata_arena scratch);
/* The part of a chi-square distribution beyond a value, and of a normal one beyond z on both sides. */
double strata_chi_square_tail(double chi_square, unsigned freedom);
double strata_normal_two_tails(double z);

/* disclosure.c: hide cells below the minimum count, and what would give them away.  hidden is (k
 * + 1, levels).  False when memory ends. */
bool strata_disclosure_protect(const struct strata_plan *plan,
                               const struct strata_profile_tally *tally, bool *hidden,
                               struct strata_arena scratch, struct strata_personas *personas);
void strata_cell_hide(struct strata_profile_cell *cell, size_t n_levels);

/* markers.c: rank what marks segment s; marker has room for n_features. */
void strata_markers_rank(const struct strata_plan *plan, struct strata_persona *persona);

/* facts.c: the one statistic that is told of a feature in a segment. */
enum strata_direction { STRATA_LOW, STRATA_MIDDLE, STRATA_HIGH };
struct strata_fact {
    const char *statistic; /* "mean", "share", "index" */
    const char *section;
    const char *stem; /* of its verb phrase: "do", "need", "pain" */
    size_t feature;
    int level; /* text features: which level; else -1 */
    double value, reference, low, high;
    uint64_t count;
    double effect;                   /* of the feature, 0 when there is nobody else */
    bool contact;                    /* what the firm did to them, not what they did: comes last */
    enum strata_direction direction; /* of what is told: of the feature, or of the level */
};
#define STRATA_NOTICEABLE \
    0.2 /* |effect| from which a difference is spoken of (Cohen's small effect) */
/* False when nothing may or can be told. */
bool strata_fact_find(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                      const struct strata_personas *personas, size_t s, size_t feature,
                      struct strata_fact *fact);
/* The most frequent visible level; -1 when none has customers. */
int strata_commonest_level(const struct strata_plan *plan, const struct strata_profile_cell *cell,
                           const struct strata_profile_cell *all, size_t f);
/* Whether a meaning tells how the firm reaches customers rather than what they do. */
bool strata_is_contact(const char *meaning);
void strata_interval_mean(double mean, double sd, uint64_t n, double *low, double *high);
void strata_interval_share(double share, uint64_t n, double *low, double *high); /* (Wilson, 1927) */

/* pieces.c: what a marker gives to a name; unused forms are NULL. */
struct strata_piece {
    uint64_t code; /* feature, level, direction and degree: what is said, whatever the words */
    const char *meaning; /* or NULL; also where the words hold the feature's label */
    double effect;
    const char *adjective, *noun, *phrase, *tail;
    bool gradable; /* bears "very" */
    bool is_level; /* the adjective is a level's text, which does not stand without a noun */
};
bool strata_piece_make(const struct strata_plan *plan, const struct strata_persona *persona,
                       const struct strata_marker *marker, struct strata_arena *arena,
                       struct strata_piece *piece);
/* That they buy much, or little, of most categories; false when they do not. */
bool strata_piece_everything(const struct strata_plan *plan, const struct strata_persona *persona,
                             struct strata_arena *arena, struct strata_piece *piece);
size_t strata_word_count(const char *text);

/* names.c */
strata_status strata_names_give(const struct strata_plan *plan, struct strata_personas *personas,
                                struct strata_arena scratch, struct strata_arena *keep,
                                struct strata_err *err);

/* statements.c: definition and sentences of segment s. */
/* All facts of a segment in the order of telling: noticeable before others, what they do before what is
 * done to them, then strongest first, in the job's order among equals.  fact has room for n_features. */
size_t strata_facts_gather(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                           const struct strata_personas *personas, size_t s,
                           struct strata_fact *fact);
/* Who they are is told even where it does not set them apart. */
bool strata_always_told(const char *section);
/* What a fact makes of them after "they": by its meaning, else by its label. */
const char *strata_clause_pattern(const struct strata_plan *plan, const struct strata_fact *fact);
/* Whether the clause of a fact differs in the label only from that of the fact before it. */
bool strata_clause_again(const struct strata_plan *plan, const struct strata_fact *before,
                         const struct strata_fact *fact);
/* The pattern by which n clauses, at most three, are joined. */
const char *strata_clause_join(const char *stem, size_t n, const bool again[3]);
/* A fact in a sentence; by what its meaning makes them do unless there is a pattern. */
strata_status strata_statement_write(const struct strata_plan *plan, const struct strata_fact *fact,
                                     const char *pattern, struct strata_arena scratch,
                                     struct strata_arena *keep, struct strata_statement *statement,
                                     struct strata_err *err);
strata_status strata_statements_write(const struct strata_plan *plan,
                                      const struct strata_profile_tally *tally,
                                      struct strata_personas *personas, size_t s,
                                      struct strata_arena scratch, struct strata_arena *keep,
                                      struct strata_err *err);

/* words.c: the message catalogue and the form of numbers. */
struct strata_message {
    const char *key;
    const char *text; /* with {slots} */
};
extern const struct strata_message strata_messages_en[]; /* ends with a NULL key */

struct strata_slot {
    const char *name;
    const char *text;
};

/* The text of a key; NULL when the catalogue has none. */
const char *strata_message(const char *key);
/* The text of "first.second.third" (NULL parts are left out). */
const char *strata_message_at(const char *first, const char *second, const char *third);
/* The text with its {slots} replaced, first letter as it is.  NULL when memory ends or text is
 * NULL. */
char *strata_message_fill(const char *text, const struct strata_slot *slot, size_t n_slots,
                          struct strata_arena *arena);
void strata_sentence_case(char *text);
/* Whether a list of words has the first n bytes of word as one of them. */
bool strata_list_has(const char *list, const char *word, size_t n);

/* A number for people: about three digits, thousands marked, no trailing zeros.  more adds
 * decimals. */
#define STRATA_NUMBER_TEXT 384
void strata_number_text(double number, int more, char text[STRATA_NUMBER_TEXT]);
/* A value and its reference in about two digits, with the same decimals, and more of them where
 * the texts would hide the difference.  Percent: of shares, with the sign; money: no decimals or
 * two; index: the value as a percentage of the reference below STRATA_INDEX_TIMES, above as its
 * multiple. */
enum strata_number_form {
    STRATA_FORM_NUMBER,
    STRATA_FORM_PERCENT,
    STRATA_FORM_MONEY,
    STRATA_FORM_INDEX
};
#define STRATA_INDEX_TIMES 110.0
void strata_number_pair(double value, double reference, enum strata_number_form form,
                        char value_text[STRATA_NUMBER_TEXT],
                        char reference_text[STRATA_NUMBER_TEXT]);

/* told.c: the texts of a fact's slots. */
struct strata_told {
    const char *label, *level;
    const char *value, *reference; /* with their units */
    const char *number;            /* the value without */
    const char *amount;            /* the label with its value: "29 visits a year" */
    const char *deed;              /* "come more often", or "" */
};
/* False when memory ends. */
bool strata_fact_tell(const struct strata_plan *plan, const struct strata_fact *fact,
                      struct strata_arena *arena, struct strata_told *told);
char *strata_told_fill(const char *text, const struct strata_told *told, struct strata_arena *arena);
/* The verb phrase of the feature's meaning in the fact's direction, after "they"; NULL when the
 * catalogue has none or the difference is not noticeable. */
const char *strata_deed_pattern(const struct strata_plan *plan, const struct strata_fact *fact);

#endif
