/* What was wrong, missing or odd in the data: counted in each stage, summed over ranks, written
 * as quality.json. */
#ifndef STRATA_QUALITY_H
#define STRATA_QUALITY_H

#include <stddef.h>
#include <stdint.h>

struct strata_source_quality {
    const char *name;
    uint64_t rows;             /* read, over all ranks */
    uint64_t rejected_rows;    /* did not parse */
    uint64_t null_key_rows;    /* rows without a customer key: counted and left out */
    uint64_t invalid_key_rows; /* keys that are not of the declared type: counted and left out */
    uint64_t keys;             /* distinct customer keys; 0 for lookup sources */
    uint64_t orphan_keys;      /* keys that no row of the customers view has */
    uint64_t matched_keys;     /* customers of the view that have rows here */
};

/* A row that was left out under `on_bad_rows: reject`: where and why, never what. */
struct strata_reject {
    const char *source, *file;
    uint64_t line;      /* from 1; for Parquet and JSON the row's number in the file */
    const char *column; /* "" when the whole row is at fault */
    const char *reason;
};

struct strata_feature_quality {
    const char *name;
    uint64_t present, missing; /* all customers: missing includes not_finite and invalid */
    uint64_t not_finite;       /* NaN or infinity: missing.  Counted by ingest, over all ranks */
    uint64_t clamped;          /* beyond the grid's range */
    uint64_t invalid;  /* no declared level, a binary not 0 or 1, outside the transform: missing */
    uint64_t distinct; /* levels of a text column; 0 for numbers */
    int constant;      /* 1: all present values equal; 2: all missing.  Adds nothing to a basis */
};

/* Case weights; name is NULL when every customer counts once, and then total is `customers`. */
struct strata_weight_quality {
    const char *name; /* of the feature with the role weight */
    double total;     /* of the weights in use: how many the customers stand for */
    double unit;      /* weights are whole multiples of it: 1, or another power of two */
    uint64_t rounded; /* customers whose weight is another one for that, by less than one unit */
};

struct strata_quality {
    uint64_t customers;
    struct strata_weight_quality weight;
    struct strata_source_quality *source; /* (n_sources) */
    size_t n_sources;
    struct strata_feature_quality *feature; /* (n_features) in the job's order */
    size_t n_features;
    struct strata_reject
        *reject; /* (n_rejects <= 100000) by source, file, line, column; the same on all ranks */
    size_t n_rejects;  /* listed; all are counted in source[].rejected_rows */
    const char **note; /* (n_notes <= 64) sentences: degenerate input, and what was done */
    size_t n_notes;
};

#define STRATA_MAX_NOTES 64

#endif
