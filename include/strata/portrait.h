/* A segment as if it were a person: what a persona's card shows beyond profile and statements.  Every word
 * rests on statements, and every statement on a figure of the profile; topics that the data know
 * nothing about have no entries. */
#ifndef STRATA_PORTRAIT_H
#define STRATA_PORTRAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strata_statement;

struct strata_statements {
    struct strata_statement *item; /* (n) */
    size_t n;
};

enum strata_topic {
    STRATA_TOPIC_WHO,
    STRATA_TOPIC_WHERE,
    STRATA_TOPIC_VALUES,
    STRATA_TOPIC_BUYS,
    STRATA_TOPIC_USES,
    STRATA_TOPIC_COUNT
};

/* A channel that they use, or goods or a theme that they like. */
struct strata_preference {
    size_t feature;
    int level;                          /* text features: which level; else -1 */
    const char *label;                  /* the feature's, or with its level */
    double index;                       /* 100 = everybody's average; NaN: unknown */
    bool preferred;                     /* noticeably above average */
    struct strata_statement *statement; /* the evidence */
};

struct strata_preferences {
    struct strata_preference *item; /* (n) */
    size_t n;
};

/* Words without a figure, and the statements that they rest on. */
struct strata_advice {
    const char *text; /* NULL: none */
    struct strata_statements because;
};

enum strata_offer_kind {
    STRATA_OFFER_DISCOUNT,
    STRATA_OFFER_LOYALTY,
    STRATA_OFFER_FULL_PRICE,
    STRATA_OFFER_BUNDLE,
    STRATA_OFFER_WIN_BACK,
    STRATA_OFFER_COUNT
};

struct strata_offer {
    enum strata_offer_kind kind;
    const char *title;
    struct strata_advice reason;
    double fit; /* mean of the effects that speak for it less those against, each cut at 3 */
};

/* One feature of a typical customer: of the segment's distribution, never of a row. */
struct strata_trait {
    size_t feature;
    const char *label, *text; /* the value as people read it */
    double number;            /* numbers: the median; binary: 0 or 1; else NaN */
    int level;                /* text features: the most frequent visible level; else -1 */
    uint64_t count;           /* customers behind it */
    double share;             /* of those who have the level or that answer; NaN for numbers */
};

enum strata_department {
    STRATA_MARKETING,
    STRATA_PRODUCT,
    STRATA_SERVICE,
    STRATA_SALES,
    STRATA_DEPARTMENT_COUNT
};

struct strata_brief {
    const char *title;
    struct strata_advice *line; /* (n_lines) */
    size_t n_lines;
};

/* An index i (100 = average) counts as i / (i + 100); what is not known is NaN. */
struct strata_attractiveness {
    double size;        /* index: 100 = all segments of equal size */
    double value;       /* index of the value feature */
    double growth;      /* index of later over earlier spend; NaN: no two periods are given */
    double reach;       /* mean index of channels and responses */
    double score;       /* 0 to 1 */
    double value_share; /* of the whole of the value feature */
    uint32_t rank;      /* from 1 */
};

struct strata_attractiveness_weights {
    double size, value, growth, reach;
};
extern const struct strata_attractiveness_weights strata_attractiveness_weights;

struct strata_portrait {
    const char *name; /* one word or two to call it by, unique in the run; says nothing about a customer */
    struct strata_statement *age; /* NULL: no such feature, or sensitive */
    struct strata_statements household;
    const char *topic_title[STRATA_TOPIC_COUNT];
    struct strata_statements topic[STRATA_TOPIC_COUNT];
    struct strata_statements needs, pains;
    struct strata_preferences channels, affinities;
    struct strata_offer offer[STRATA_OFFER_COUNT]; /* best first */
    size_t n_offers;
    struct strata_advice tone;
    struct strata_statements value, potential;
    struct strata_trait *typical; /* (n_typical) in the job's order */
    size_t n_typical;
    const char *avatar;      /* SVG */
    const char *avatar_text; /* what it shows */
    struct strata_brief brief[STRATA_DEPARTMENT_COUNT];
    struct strata_attractiveness attractiveness;
};

#endif
