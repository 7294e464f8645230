/* What marks each segment, in original units and in words: profiles, markers, names, personas with evidence. */
#ifndef STRATA_PERSONA_H
#define STRATA_PERSONA_H

#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/cluster.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/evaluate.h"
#include "strata/status.h"
#include "strata/table.h"

#define STRATA_MIN_CELL 10 /* counts below are not published */

/* One feature in one segment (or in everybody, for the reference). */
struct strata_profile_cell {
    uint64_t count;    /* customers with a value */
    uint64_t missing;
    double mean, sd;   /* original units; ordinal: of the level's position from 0; binary: share of ones */
    double low, median, high; /* quartiles in original units, exact; numbers only, else NaN */
    double index;      /* 100 = the population's mean; NaN when that is 0 or below */
    double effect;     /* standardised difference from everybody else: (mean - rest's mean) / pooled sd; nominal: the
                          strongest level's difference in shares over its sd */
    int level;         /* nominal: the level of `effect`; else -1 */
    double *share;     /* (n_levels) for text features: share of each level among those with a value; else NULL */
    bool hidden;       /* below the minimum count: figures are NaN and must not be shown */
};

struct strata_marker { /* a feature that marks a segment, strongest first */
    size_t feature;
    int level;         /* nominal: which level; else -1 */
    double effect;     /* signed */
};

/* A sentence and what it rests on. */
struct strata_statement {
    const char *text;
    const char *section;   /* "definition", "demographic", "behavioural", "channel", "offer", "value", ... */
    const char *statistic; /* "mean", "share", "index", "size" */
    size_t feature;        /* SIZE_MAX: the segment's size */
    int level;
    double value;          /* of the segment */
    double reference;      /* of everybody */
    uint64_t count;        /* customers behind the statistic */
    double low, high;      /* 95 % interval of value */
};

struct strata_persona {
    const char *name;       /* descriptive, at most 4 words, unique in the run */
    const char *definition; /* one line */
    uint64_t size;
    double share;
    struct strata_profile_cell *cell; /* (n_features) in the job's order */
    struct strata_marker *marker;     /* (n_markers) */
    size_t n_markers;
    struct strata_statement *statement; /* (n_statements) */
    size_t n_statements;
};

struct strata_personas {
    struct strata_persona *segment;       /* (k) */
    size_t k;
    struct strata_profile_cell *everybody; /* (n_features) */
    size_t n_features;
    const struct strata_column *column;    /* (n_features) the table's columns: level texts */
};

/* Collective.  Profiles are exact sums of the original values; names and sentences are functions of the profiles.
 * Same bits for any number of ranks. */
STRATA_MUST_CHECK strata_status strata_describe(struct strata_comm *comm, const struct strata_config *config,
                                                const struct strata_table *table,
                                                const struct strata_clustering *clustering,
                                                struct strata_arena *keep, struct strata_personas **out,
                                                struct strata_err *err);

#endif
