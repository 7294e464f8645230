/* How a segment can be told apart by a few conditions: one rule for each segment, and one decision tree
 * for all of them. */
#ifndef STRATA_RULES_H
#define STRATA_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRATA_RULE_CONDITIONS 4
#define STRATA_RULE_LEVELS 4

/* What a feature must be.  A customer without a value never fulfils a condition. */
struct strata_condition {
    size_t feature;
    /* low <= value < high, NaN where open.  Numbers: in original units; binary: of 0 and 1; ordinal: of
     * the level's declared position from 0. */
    double low, high;
    size_t level[STRATA_RULE_LEVELS]; /* nominal: one of these levels of the column */
    size_t n_levels;                  /* 0 for other features */
    const char *sentence;
};

/* All conditions together.  Counts are what DuckDB finds with `sql` over all customers; each of the four
 * cells that a rule and a segment make is empty or has at least STRATA_MIN_CELL customers. */
struct strata_rule {
    struct strata_condition condition[STRATA_RULE_CONDITIONS]; /* strongest first, of different features */
    size_t n_conditions;                                       /* 0: there is no rule */
    const char *sentence;
    const char *sql;            /* a condition over the customers view */
    uint64_t count, hits;       /* customers it is true for; of them, the segment's */
    double coverage, precision; /* hits / size, hits / count, by weight */
    double lift;                /* precision / the segment's share */
};

struct strata_tree_node {
    struct strata_condition condition; /* of an inner node */
    size_t yes, no;  /* nodes of those who fulfil it and of all others; 0 in a leaf */
    size_t segment;  /* the most frequent one, from 0 */
    uint64_t count;  /* customers who get here, at least STRATA_MIN_CELL; 0: not told */
    uint64_t hits;   /* of a leaf: of them, the segment's */
    bool hits_shown; /* of a leaf: they tell about nobody or about enough, alone and with others */
    unsigned depth;  /* of the root: 0 */
};

/* One tree for all segments, level by level. */
struct strata_tree {
    struct strata_tree_node *node; /* (n_nodes) the root first */
    size_t n_nodes;                /* 0: there is no tree */
    size_t n_leaves;               /* at most 2 k */
    unsigned depth;
    const char *sql; /* an expression over the customers view: the segment's number, from 1 */
    bool open;       /* its conditions tell apart what the profiles do; else nodes have no counts */
    uint64_t hits;   /* customers whose leaf's segment is theirs, as DuckDB counts them */
    double fidelity; /* their share, by weight */
};

#endif
