/* What the files of a-priori disclosure share: who is in which of them, with what. */
#ifndef STRATA_APRIORI_IMPL_H
#define STRATA_APRIORI_IMPL_H

#include "persona/disclosure_impl.h"

#define STRATA_NONE SIZE_MAX /* no feature; any value; no side */

/* The customers by segment, combination of the a-priori segments that are told, and value: a column for each level,
 * or for all of a number, and the last for who has none. */
struct strata_crowd {
    const struct strata_picks *picks;
    uint64_t told; /* picks, as bits */
    size_t f;      /* STRATA_NONE: all customers in one column */
    size_t k, n, n_columns;
    uint64_t *mask;  /* (n) which of the told picks a combination is of, as bits, rising */
    bool named;      /* a condition is about the feature */
    bool *hidden;    /* (n_columns) of all picks; the last: the whole cell */
    bool *apart;     /* (k) hidden of the cross table */
    uint64_t *count; /* (k, n, n_columns) */
    uint64_t *kind;  /* (n, n_columns) of all segments */
    uint64_t *rest;  /* (k + 2 n, n_columns) for counting down */
    bool *starved;   /* when memory ends */
};

static inline uint64_t strata_crowd_count(const struct strata_crowd *crowd, size_t g, size_t c,
                                          size_t l)
{
    const uint64_t *count =
        g < crowd->k ? crowd->count + g * crowd->n * crowd->n_columns : crowd->kind;
    return count[c * crowd->n_columns + l];
}

/* Whether there could be customers of the combination with the value. */
static inline bool strata_crowd_can_be(const struct strata_crowd *crowd, size_t c, size_t l)
{
    return !crowd->named || crowd->kind[c * crowd->n_columns + l] > 0;
}

static inline bool strata_crowd_tells(const struct strata_crowd *crowd, size_t i)
{
    return crowd->told >> i & 1;
}

/* One side of a pick: who belong, or all others. */
struct strata_side {
    size_t pick; /* STRATA_NONE: everybody is on this side */
    bool in;
};

static inline bool strata_crowd_is_on(const struct strata_crowd *crowd, struct strata_side side,
                                      size_t c)
{
    return side.pick == STRATA_NONE || (crowd->mask[c] >> side.pick & 1) == side.in;
}

static inline struct strata_side other(struct strata_side side)
{
    return (struct strata_side){side.pick, !side.in};
}

/* Whether a figure of a segment, or of everybody, is hidden; how many of everybody have no value never is. */
static inline bool strata_crowd_is_shut(const struct strata_crowd *crowd, size_t g, size_t l)
{
    if (crowd->f == STRATA_NONE) return false;
    const struct strata_personas *personas = crowd->picks->personas;
    const struct strata_profile_cell *cell =
        g < crowd->k ? &personas->segment[g].cell[crowd->f] : &personas->everybody[crowd->f];
    if (l + 1 == crowd->n_columns) return g < crowd->k && cell->hidden;
    return cell->hidden || (cell->share && isnan(cell->share[l]));
}

/* apriori_crowd.c: tell these picks, as bits: combinations that differ in others are one. */
void strata_crowd_tell(struct strata_crowd *crowd, uint64_t told);

/* The customers of a feature.  Hidden of all picks, at first, is what is hidden of everybody. */
void strata_crowd_fill(struct strata_crowd *crowd, size_t f);

/* Whether what is counted of each pick that is told, and of all others, is nobody or enough, and so are sums of it
 * and of the segments': customers with value l, with any (STRATA_NONE), or all of them (STRATA_NONE, of no feature). */
bool strata_crowd_is_figure_safe(const struct strata_crowd *crowd, size_t l,
                                 struct strata_arena scratch);

#endif
