/* The feature matrix and the recipe that made it: every basis value transformed, standardised, weighted, and rounded
 * once onto one common power-of-two grid (section 4 of the design). */
#ifndef STRATA_FEATURES_H
#define STRATA_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/quality.h"
#include "strata/status.h"
#include "strata/table.h"

#define STRATA_GRID_BITS 24 /* a grid integer is at most 2^24 in magnitude, so float32 holds it exactly */
#define STRATA_MAX_DIMENSIONS 512

/* One column of the matrix and how it comes from a feature:
 * value = (transform(raw) - offset) * scale, raw = 1 or 0 for an indicator of `level`, missing gives `fill`;
 * q = round-half-even(value * 2^-grid_exponent), clamped to +-2^24. */
struct strata_encoding {
    size_t feature;    /* index into the job's features */
    int level;         /* >= 0: indicator of that level; -1: the number itself; -2: indicator of "missing" */
    const char *label; /* "spend", "department: GROCERY", "income: (missing)" */
    double offset, scale;
    double fill;       /* encoded value of a missing raw value */
};

struct strata_recipe {
    const struct strata_feature *feature; /* (n_features) with levels resolved, borrowed from keep */
    size_t n_features;
    struct strata_encoding *column; /* (d) */
    size_t d;
    int grid_exponent;              /* the grid is the multiples of 2^grid_exponent; -16 when standardised */
};

/* The rows of this rank, in the table's order. */
struct strata_rows {
    size_t n;
    size_t d;
    const float *x;           /* (n, d) grid integers q, each exactly held */
    const uint64_t *key_hash; /* (n) */
    const char *const *key;   /* (n) */
    uint64_t n_global;
};

struct strata_features {
    struct strata_recipe recipe; /* the same on all ranks */
    struct strata_rows rows;
};

/* Encode the basis features.  Collective.  Exact moments in two reductions, so the recipe and each value have the same
 * bits for any number of ranks.  Fills quality->feature and adds notes (constant, all missing, clamped).
 * Fails alike on all ranks when no basis feature varies, or a value is missing where `missing: fail`. */
STRATA_MUST_CHECK strata_status strata_features_make(struct strata_comm *comm, const struct strata_config *config,
                                                     const struct strata_table *table, struct strata_arena *keep,
                                                     struct strata_features **out,
                                                     struct strata_quality *quality, struct strata_err *err);

#endif
