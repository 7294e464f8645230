/* What the files of persona share: the plan (what is counted how), the tally (what was counted,
 * the same on all ranks), and the words.  In the order of the work: plan, tally, quartiles,
 * profile, disclosure, markers, facts, names, statements. */
#ifndef STRATA_PERSONA_IMPL_H
#define STRATA_PERSONA_IMPL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "strata/math_sums.h"
#include "strata/persona.h"
#include "strata/pool.h"

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

/* Rows by segment: in blocks, for passes over the table, and all of them, for what passes make. */
#define STRATA_GROUP_ROWS 2048
struct strata_groups {
    size_t n_rows, n_blocks, k;
    uint16_t *order; /* (n_rows) rows of a block, from its first, by segment */
    uint16_t *begin; /* (n_blocks, k + 1) of each segment in its block's order */
    size_t *to;      /* (n_blocks, k + 1) place of its first row among all rows by segment */
    size_t *first;   /* (k + 1) of each segment among all rows by segment */
};

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
    struct strata_pool *pool; /* who shares the passes; NULL: the caller alone */
    struct strata_groups groups;
    size_t *number;                   /* (n_numbers) their features */
    unsigned cell_bits;               /* cells of a ruler's octave, as a power of two */
    size_t n_cells;                   /* of a ruler */
    const struct strata_ruler *ruler; /* (n_numbers) once the tally is filled */
    size_t batch; /* numbers whose order statistics are searched together, at most */
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

/* value.c: the spend of one of two periods, of which only growth is told. */
bool strata_is_of_period(const struct strata_feature *feature);

/* Sensitive features are only audited, a weight tells nothing about people, and two periods tell of growth together. */
static inline bool strata_is_silent(const struct strata_feature *feature)
{
    return feature->role == STRATA_ROLE_SENSITIVE || feature->role == STRATA_ROLE_WEIGHT ||
           strata_is_of_period(feature);
}

/* plan.c: what is counted how.  NULL-safe sizes; false when memory ends. */
bool strata_plan_make(struct strata_plan *plan, const struct strata_config *config,
                      const struct strata_table *table, const struct strata_rows *rows,
                      const struct strata_clustering *clustering, struct strata_pool *pool,
                      struct strata_arena *scratch);
bool strata_tally_make(struct strata_profile_tally *tally, const struct strata_plan *plan,
                       struct strata_arena *scratch);
/* What decides how much scratch strata_describe takes. */
struct strata_describe_extent {
    uint64_t n_rows; /* of this rank */
    uint64_t groups;
    uint64_t n_features, n_numbers, n_levels;
    int n_ranks;
    bool weighted;
};
/* Bytes of scratch that profiling takes, but for the values that are put aside; and addresses for it with the most of
 * these that there can be.  UINT64_MAX when beyond counting. */
uint64_t strata_describe_room(const struct strata_describe_extent *extent);
uint64_t strata_describe_addresses(const struct strata_describe_extent *extent);

/* groups.c: sort a block's labels, any block at any time; once all are, place them. */
uint64_t strata_groups_bytes(uint64_t n_rows, uint64_t k);
bool strata_groups_make(struct strata_groups *groups, size_t n_rows, size_t k,
                        struct strata_arena *scratch);
size_t strata_groups_block(const struct strata_groups *groups, size_t block); /* its rows */
void strata_groups_sort(struct strata_groups *groups, const uint16_t *label, size_t block);
void strata_groups_place(struct strata_groups *groups);

/* ruler.c: cells of a number's values, many where they are dense.  Collective: one gather. */
struct strata_ruler {
    double middle;
    double scale;   /* one over a unit, so far from the middle that cells begin to grow */
    unsigned shift; /* of the bits of a float */
    uint32_t half;  /* cells on each side of the middle */
};
struct strata_rulers {
    struct strata_ruler *of; /* (n_numbers) */
    size_t n_sample;         /* of a rank, of a number */
    double *mine, *all;
};
uint64_t strata_rulers_bytes(uint64_t n_numbers, int n_ranks);
bool strata_rulers_make(struct strata_rulers *rulers, const struct strata_plan *plan, int n_ranks,
                        struct strata_arena *scratch);
void strata_rulers_agree(struct strata_comm *comm, const struct strata_plan *plan,
                         struct strata_rulers *rulers);
size_t strata_ruler_cells(unsigned bits); /* of a ruler with 2^bits of them an octave */

/* Never falls as x rises. */
static inline uint32_t strata_ruler_cell(const struct strata_ruler *ruler, double x)
{
    const double y = x - ruler->middle;
    const float size = (float)(fabs(y) * ruler->scale + 1.0);
    uint32_t bits = 0;
    memcpy(&bits, &size, sizeof bits);
    const uint32_t step = (bits - UINT32_C(0x3f800000)) >> ruler->shift; /* less the bits of 1 */
    const uint32_t cell = step < ruler->half ? step : ruler->half - 1;
    return y < 0.0 ? ruler->half - 1 - cell : ruler->half + cell;
}

/* values.c: the numbers of one column in a block, by segment, and their cells. */
struct strata_values {
    double x[STRATA_GROUP_ROWS];
    uint16_t cell[STRATA_GROUP_ROWS];
    uint32_t weight[STRATA_GROUP_ROWS]; /* where the plan has weights */
    uint16_t begin[STRATA_MAX_SEGMENTS + 1];
};
/* Without the missing. */
void strata_values_take(const struct strata_plan *plan, size_t f, size_t block,
                        struct strata_values *values);
/* All rows, 0 where missing; no weights.  False when none is missing. */
bool strata_values_take_all(const struct strata_plan *plan, size_t f, size_t block,
                            struct strata_values *values);
/* Add n values exactly, each as strata_exact_add does. */
void strata_values_add(const double *x, size_t n, struct strata_exact *sum);

/* tally.c: everything of the tally in two passes over the rows.  Collective: one gather, two reductions and those of
 * the order statistics. */
struct strata_tally_room {
    struct strata_rulers rulers;
    struct strata_exact *sum; /* (k + 1, n_numbers) */
    uint32_t *cell;           /* (n_numbers, k, n_cells) values of this rank */
    int64_t *wire;            /* (strata_tally_wire_count) */
    struct strata_quartile_room *quartiles;
};
size_t strata_tally_wire_count(const struct strata_plan *plan);
bool strata_tally_room_make(struct strata_tally_room *room, const struct strata_plan *plan,
                            int n_ranks, struct strata_arena *scratch);
/* Sets the plan's groups; returns the passes over the rows. */
unsigned strata_tally_fill(struct strata_comm *comm, struct strata_plan *plan,
                           struct strata_tally_room *room, struct strata_profile_tally *tally);

/* The counts of customers alone, row by row; wire is (strata_counts_wire_count), zero.  Collective: one reduction. */
size_t strata_counts_wire_count(const struct strata_plan *plan);
void strata_tally_count(struct strata_comm *comm, const struct strata_plan *plan, int64_t *wire,
                        struct strata_profile_tally *tally);

/* quartiles.c: how many of the sorted values are below x. */
size_t strata_below(const uint64_t *value, size_t n, uint64_t x);

/* quartiles.c: exact order statistics, of values that the second pass puts aside: those of the cells where they
 * are. */
struct strata_quartile_room {
    uint64_t *value, *spare;         /* (n_rows of a number, n_numbers) at most; ordered images */
    uint32_t *weight, *spare_weight; /* the same, or NULL */
    uint64_t *before; /* (one more) weight of the values before each, or NULL: their number */
    uint8_t *slot;    /* (batch, k, n_cells) 1 + the cell's among those wanted of a segment, or 0 */
    size_t *begin;    /* (batch, k, slots + 1) of the values of each slot */
    size_t *end;      /* (batch, k, slots) so far */
    uint64_t *low;    /* (batch, k + 1, orders.n) lowest value still possible */
    uint64_t *rank; /* (batch, k + 1, orders.n) wanted among those still possible, from 1; 0: none */
    uint32_t *cell;  /* (batch, k + 1, orders.n) that it is in */
    int64_t *bucket; /* (batch, k + 1, orders.n, 16) */
};
/* Put aside at a time, a rank, about: more features a batch, fewer reductions. */
#define STRATA_VALUES_ASIDE ((uint64_t)1 << 23)
#define STRATA_ORDER_SLOTS 16 /* more than the orders of a segment and everybody's quartiles */
struct strata_quartile_room *strata_quartile_room_make(const struct strata_plan *plan,
                                                       struct strata_arena *scratch);
/* How many numbers from `first` on are searched together; finds the cells that hold their order statistics.  mine is
 * (n_numbers, k, n_cells) counts of this rank, all the same over all ranks, by weight. */
size_t strata_quartiles_begin(const struct strata_comm *comm, const struct strata_plan *plan,
                              struct strata_quartile_room *room,
                              const struct strata_profile_tally *tally, const uint32_t *mine,
                              const int64_t *all, size_t first);
/* Put aside what is wanted of a segment's values in a block; number i of the batch. */
void strata_quartiles_put(const struct strata_plan *plan, struct strata_quartile_room *room,
                          size_t i, size_t s, const struct strata_values *values);
void strata_quartiles_sort(const struct strata_plan *plan, struct strata_quartile_room *room,
                           size_t i);
/* Collective: 16 reductions. */
void strata_quartiles_find(struct strata_comm *comm, const struct strata_plan *plan,
                           struct strata_quartile_room *room, struct strata_profile_tally *tally,
                           size_t first, size_t n);

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

/* own_names.c: names that the user gives, by the job file or in the earlier run that this one follows.
 * An entry of `names` goes first to the segment that had its key as a name in the earlier run; then a name given
 * there stays with its segment; then an entry goes to the segment that would have its key as a name,
 * unless its own name stays with another. */
struct strata_own_names {
    const struct strata_config *config;
    const struct strata_earlier_name *earlier; /* (k) or NULL */
    size_t k;
    const char **name; /* (k) settled so far, or NULL */
    bool *inherited;   /* (k) settled by the earlier run */
    bool *used;        /* (n_given_names) */
};
/* What the earlier run settles; false when memory ends. */
bool strata_own_names_make(struct strata_own_names *own, const struct strata_config *config,
                           const struct strata_earlier_name *earlier, size_t k,
                           struct strata_arena *scratch);
/* The user's name of segment s, which would have the automatic one; NULL: none. */
const char *strata_own_name(struct strata_own_names *own, size_t s, const char *automatic);
/* One sentence, where it is from; NULL without memory. */
const char *strata_own_name_origin(const struct strata_own_names *own, size_t s,
                                   const char *automatic, struct strata_arena *keep);

/* names.c: earlier is (k) or NULL. */
strata_status strata_names_give(const struct strata_plan *plan,
                                const struct strata_earlier_name *earlier,
                                struct strata_personas *personas, struct strata_arena scratch,
                                struct strata_arena *keep, struct strata_err *err);

/* statements.c: definition and sentences of segment s. */
/* All facts of a segment in the order of telling: noticeable before others, what they do before what is
 * done to them, then strongest first, in the job's order among equals.  fact has room for n_features. */
size_t strata_facts_gather(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                           const struct strata_personas *personas, size_t s,
                           struct strata_fact *fact);
/* Whether a segment has no marker because figures are hidden: it is not average, nobody may know what it is. */
bool strata_is_untold(const struct strata_plan *plan, const struct strata_persona *persona);
/* Who they are is told even where it does not set them apart. */
bool strata_always_told(const char *section);
/* How a yes or no is said by its label: "in Spain" is what one is ("are"), "redeemed" what one did ("did"), "a
 * loan" what one has ("yes"). */
const char *strata_yes_kind(const char *label);
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
extern const struct strata_message strata_messages[]; /* messages_en.c; ends with a NULL key */

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
/* The text of a number with the catalogue's signs for thousands and the decimal point; NULL without memory. */
const char *strata_number_said(const char *text, struct strata_arena *arena);
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
/* A value with its unit, unless the label has it, and another one with as much of it as a comparison needs. */
bool strata_values_tell(const struct strata_feature *feature, double value, double reference,
                        struct strata_arena *arena, const char **value_text,
                        const char **reference_text);
/* The verb phrase of the feature's meaning in the fact's direction, after "they"; NULL when the
 * catalogue has none or the difference is not noticeable. */
const char *strata_deed_pattern(const struct strata_plan *plan, const struct strata_fact *fact);

#endif
