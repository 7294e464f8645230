/* What the files of disclosure share. */
#ifndef STRATA_DISCLOSURE_IMPL_H
#define STRATA_DISCLOSURE_IMPL_H

#include "persona/rules_impl.h"

/* The customers of one feature: a row for each group, the segments in order and then everybody, who are
 * their sum; a column for each level, and the last for those without a value. */
struct strata_cells {
    size_t n_groups, n_columns;
    uint64_t *count;  /* (n_groups, n_columns) customers */
    uint64_t *weight; /* the same by weight, or NULL: each counts once */
    bool *hidden;     /* (n_groups, n_columns) */
    bool together;    /* all cells of a group are hidden, or none */
};

/* Tables beyond are protected level by level. */
#define STRATA_CELLS_MAX ((size_t)1 << 12)

/* disclosure_flow.c: hide more cells, until what is visible does not tell a small one from nobody nor from
 * the minimum count.  Hidden at first: the small ones and what is hidden with them.  False where that
 * cannot be reached, and everything has to be hidden; *starved when memory ends. */
bool strata_cells_protect(const struct strata_cells *cells, struct strata_arena scratch,
                          bool *starved);

/* disclosure.c: next of n counts to be hidden, `stride` apart: the smallest of those with customers, the
 * first of equals; SIZE_MAX: none. */
size_t strata_next_hidden(const uint64_t *count, size_t stride, const bool *hidden, size_t n);

/* The a-priori segments before they are told.  Groups of a pick: those who belong, all others, everybody. */
struct strata_pick {
    struct strata_plan plan;
    struct strata_profile_tally tally;
    struct strata_personas *personas;
};
struct strata_picks {
    const struct strata_plan *plan; /* of the segments, with what is published of them */
    const struct strata_profile_tally *tally;
    const struct strata_personas *personas;
    struct strata_pick *pick; /* (n) */
    size_t n;
    const int64_t *cross; /* (n, k, 2) customers and weight of each segment that belong */
    const uint64_t *mask; /* (n_combinations) of which a customer is, as bits; rising */
    size_t n_combinations;
    size_t n_counted;                  /* the first of them are; the others cannot be told */
    const struct strata_counts *joint; /* (k, n_combinations) customers */
};

/* apriori_hide.c: what of them would tell about few, alone, by sums or by the segments: into out's `hidden`
 * and its cross table's, and into the cells of the picks.  False when memory ends. */
bool strata_picks_hide(const struct strata_picks *picks, struct strata_arena scratch,
                       struct strata_apriori *out);

#endif
