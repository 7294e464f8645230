/* What marks each segment, in original units and in words: profiles, markers, names, personas
 * with evidence. */
#ifndef STRATA_PERSONA_H
#define STRATA_PERSONA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/cluster.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/features.h"
#include "strata/portrait.h"
#include "strata/rules.h"
#include "strata/status.h"
#include "strata/table.h"

#define STRATA_MIN_CELL 10 /* counts from 1 to 9 are not published; nobody (0) is */
/* Effects are cut here: groups without any spread differ without bound. */
#define STRATA_EFFECT_MAX 1000.0

/* One feature in one segment (or in everybody, for the reference).  What is not known is NaN.
 * Counts are customers; all other figures weigh each customer by the case weight, as if there were so
 * many copies. */
struct strata_profile_cell {
    uint64_t count; /* customers with a value; for ordinal features, with a declared level */
    uint64_t missing;
    /* In original units.  Ordinal: of the level's declared position from 0, NaN when a share is
     * hidden; binary: share of ones; nominal: NaN.  sd has n - 1 below,
     * n the weight. */
    double mean, sd;
    /* Quartiles of numbers, exact: the smallest value that at least 1/4, 1/2, 3/4 of the values do
     * not exceed (type 1 of Hyndman and Fan, 1996), so always one that occurs; else NaN. */
    double low, median, high;
    /* 100 = everybody's mean (nominal: everybody's share of `level`); NaN when that is 0 or below,
     * and for ordinal features. */
    double index;
    /* Standardised difference from everybody else: (mean - rest's mean) / pooled sd; nominal: of
     * the share of the level for which it is strongest.  NaN when there is nobody else. */
    double effect;
    double effect_low, effect_high; /* 95 % interval of effect, of so many customers */
    /* Of no difference from everybody else, adjusted for the number of them in the run (Holm, 1979); NaN
     * for basis features, of which the segments were made. */
    double p;
    double odds_ratio, odds_low,
        odds_high;    /* binary, nominal: of yes, or of `level`; 95 % interval */
    double cramers_v; /* of levels and being in the segment; everybody: of levels and all segments */
    double explained; /* everybody, numbers: share of the sum of squares that lies between segments */
    int level;        /* nominal: the level of `effect`; else -1 */
    /* (n_levels) for text features: share of each level among those with a value, in the order of
     * the column's levels, NaN where hidden; else NULL. */
    double *share;
    /* Below the minimum count, or another cell would tell by subtraction: figures are NaN, counts
     * are 0, and nothing must be shown. */
    bool hidden;
};

struct strata_marker { /* a feature that marks a segment, strongest first */
    size_t feature;
    int level;     /* nominal: which level; else -1 */
    double effect; /* signed */
};

/* A sentence and what it rests on. */
struct strata_statement {
    const char *text;
    const char *section;   /* "definition", "demographic", "behavioural", "channel", "value", ... */
    const char *statistic; /* "mean", "share", "index", "size"; "part": of everybody's sum of the
                              feature; "gap": the sum that they are below everybody's average; "growth": of
                              the sum of the period before */
    size_t feature;        /* SIZE_MAX: the segment's size */
    int level;
    double value;     /* of the segment */
    double reference; /* of everybody */
    uint64_t count;   /* customers behind the statistic */
    double low, high; /* 95 % interval of value, of so many customers */
};

/* What an earlier run called the segment that one goes on from. */
struct strata_earlier_name {
    const char *name; /* NULL: it goes on from none */
    bool given;       /* by the user */
    const char *job;  /* the earlier run's */
};

struct strata_persona {
    const char *name;           /* descriptive, at most 4 words, unique in the run; or the user's */
    const char *automatic_name; /* that it has, or would have without the user's */
    bool name_given;            /* by the user, in this job or in an earlier run */
    const char *name_origin;    /* one sentence: where a given name is from; else NULL */
    const char *definition;     /* one line */
    uint64_t size;              /* customers */
    double weight;              /* how many they stand for; `size` without case weights */
    double share;               /* of everybody's weight */
    struct strata_profile_cell *cell; /* (n_features) in the job's order */
    struct strata_marker *marker;     /* (n_markers) */
    size_t n_markers;
    struct strata_statement *statement; /* (n_statements) */
    size_t n_statements;
    struct strata_portrait *portrait; /* the same as if it were a person */
    struct strata_rule rule;
};

/* How many of an a-priori segment are in one segment. */
struct strata_cross {
    bool hidden; /* fewer than the minimum count belong or do not, or it could be had by subtraction */
    uint64_t count;
    double share; /* of the a-priori segment's weight */
    double index; /* 100 = everybody's share of that segment */
};

/* Customers whom the job picks by a condition. */
struct strata_apriori {
    const char *name, *condition;
    bool hidden; /* fewer than the minimum count belong, or do not: nothing else is told */
    uint64_t size;
    double weight, share;
    struct strata_profile_cell *cell; /* (n_features) against everybody else; without p */
    struct strata_marker *marker;     /* (n_markers) */
    size_t n_markers;
    struct strata_cross *cross; /* (k) */
};

/* What describing took on this rank.  Shown by benches; no part of any record. */
struct strata_describe_cost {
    unsigned passes; /* over the rows of this rank, DuckDB's recount included, levels not */
    unsigned levels; /* of rules and the tree: a pass each */
    double tally_s, profile_s, levels_s, recount_s, apriori_s, words_s;
};

struct strata_personas {
    struct strata_persona *segment; /* (k) */
    size_t k;
    bool weighted;                         /* figures but counts are by case weight */
    struct strata_profile_cell *everybody; /* (n_features) */
    size_t n_features;
    struct strata_tree tree;
    struct strata_apriori *apriori; /* (n_apriori) as the job has them */
    size_t n_apriori;
    size_t value_feature; /* what a segment's value is measured by; SIZE_MAX: nothing */
    const struct strata_column *column; /* (n_features) the table's columns: level texts */
    struct strata_describe_cost cost;
};

/* Whether a segment is called so, or would be without the user's name: letters of either case.  Pure. */
bool strata_persona_is_called(const struct strata_persona *persona, const char *name);

/* Describe the segments of a clustering.  Collective.  earlier is (k), or NULL where no earlier run is followed:
 * names that the user gave there stay, unless the job file gives others.  table, rows (of which only the weights are looked
 * at) and clustering hold the rows of this rank; the result, in keep, is the same on all ranks.  Everything is a function of exact
 * sums, counts and order statistics of the original values, so it has the same bits for any
 * number of ranks and any order of rows; names and sentences are functions of the profiles
 * alone.  Sensitive features and the weight are profiled, but neither marker nor sentence is made of them. The
 * rows are gone through twice for the profiles, once by DuckDB for the counts of the rules, and once for each level of
 * rules and the tree; on config->threads threads, in strata_describe_bytes of
 * memory that is given back; 2 reductions and 16 for each batch of features, one for each level.  Fails for lack of
 * memory, on all ranks alike. */
STRATA_MUST_CHECK strata_status strata_describe(
    struct strata_comm *comm, const struct strata_config *config, const struct strata_table *table,
    const struct strata_rows *rows, const struct strata_clustering *clustering,
    const struct strata_earlier_name *earlier, struct strata_arena *keep,
    struct strata_personas **out, struct strata_err *err);

/* Bytes a rank with n_rows rows needs for strata_describe beside its result, at k = segments:
 * for `strata check`. Nominal features without declared levels are taken to have
 * STRATA_MAX_LEVELS.  UINT64_MAX when beyond counting. */
uint64_t strata_describe_bytes(const struct strata_config *config, uint64_t n_rows, size_t segments);

#endif
