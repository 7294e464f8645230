/* The feature matrix and the recipe that made it: every basis value transformed, standardised,
 * weighted, and rounded once onto one common power-of-two grid (section 4 of the design). */
#ifndef STRATA_FEATURES_H
#define STRATA_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/mapping.h"
#include "strata/nearest.h"
#include "strata/quality.h"
#include "strata/status.h"
#include "strata/table.h"

#define STRATA_GRID_BITS 24 /* a grid integer is at most 2^24 in magnitude: float32 holds it */

/* What a column of the matrix is made from, when it is not an indicator of level 0, 1, ... */
#define STRATA_LEVEL_NUMBER (-1)  /* the number, or the position of an ordinal or binary level */
#define STRATA_LEVEL_MISSING (-2) /* the indicator of "missing" */

/* One column of the matrix and how it comes from a feature:
 * value = (transform(raw) - offset) * scale, raw = 1 or 0 for an indicator, missing gives `fill`;
 * q = round-half-even(value * 2^-grid_exponent), clamped to +-2^24. */
struct strata_encoding {
    size_t feature;       /* index into the job's features */
    int level;            /* >= 0: indicator of that level; or STRATA_LEVEL_NUMBER, _MISSING */
    const char *label;    /* "spend", "department: GROCERY", "income: (missing)" */
    double offset, scale; /* scale is 0 when the feature does not vary */
    double fill;          /* encoded value of a missing raw value */
};

/* feature is (n_features), the job's features with the levels of text columns resolved:
 * declared, else the column's own, sorted.  Names and levels are borrowed from the config and
 * the table. */
struct strata_recipe {
    const struct strata_feature *feature;
    size_t n_features;
    struct strata_encoding *column; /* (d), by feature, then level; "missing" last */
    size_t d;
    int grid_exponent; /* the grid is the multiples of 2^grid_exponent; -16 when standardised */
};

/* The rows of this rank, in the table's order. */
struct strata_rows {
    size_t n;
    size_t d;
    const float *x;           /* (n, d) grid integers q, each exactly held */
    const uint64_t *key_hash; /* (n) */
    const char *const *key;   /* (n) */
    uint64_t n_global;
    const uint32_t *weight; /* (n) case weights in units of 2^weight_exponent, 1 to 2^20 each; or NULL:
                               every row counts once */
    int weight_exponent;    /* 0 when all weights are whole numbers */
    uint64_t weight_global; /* their sum over all ranks, below 2^39; n_global when there are none */
    const struct strata_mapping *mapping; /* the file that x lies in; NULL: x is in memory */
};

/* To be called by whoever reads rows in order, before it reads n of them from `first` on: rows in a
 * file are fetched ahead and let go behind.  Threads may read different places.  Free for rows in memory. */
static inline void strata_rows_ahead(const struct strata_rows *rows, size_t first, size_t n)
{
    const size_t row_bytes = rows->d * sizeof(float);
    if (rows->mapping) strata_mapping_ahead(rows->mapping, first * row_bytes, n * row_bytes);
}

/* To be called by whoever reads single rows, between one and the next; after the last one, with n. */
static inline void strata_rows_jump(const struct strata_rows *rows, size_t from, size_t to)
{
    const size_t row_bytes = rows->d * sizeof(float);
    if (rows->mapping) strata_mapping_jump(rows->mapping, from * row_bytes, to * row_bytes);
}

/* How many customers the rows of all ranks stand for: weight_global in units of 1.  Pure. */
double strata_rows_weight(const struct strata_rows *rows);

struct strata_features {
    struct strata_recipe recipe; /* the same on all ranks */
    struct strata_rows rows;
    struct strata_mapping mapping; /* of the matrix when it is in a file */
};

/* Where the matrix may lie.  A rank's own: it changes no byte of any result. */
struct strata_matrix_room {
    uint64_t memory_bytes;    /* of this rank for the matrix; a larger one goes to a file */
    uint64_t cache_bytes;     /* what the system can cache of such a file */
    const char *directory[2]; /* where the file may be, in order of preference; NULL: no directory */
};

/* Encode the basis features.  Collective: three sums and one gather; with a weight two sums and one
 * gather more.  Exact moments, so that the recipe and each value have the same bits for any number
 * of ranks and any order of rows; each customer counts as often as its weight says, so that whole
 * weights give the bits that so many copies of the customer would.
 * Weights, of the feature with the role weight, become multiples of 2^weight_exponent: 1 where all are
 * whole numbers up to 2^20 and their sum is up to 2^38; else the largest gets 20 bits, or fewer so
 * that the sum stays below 2^38; what that rounds is counted, and nothing is rounded to 0.
 * Columns, with m = weight * dimension weight:
 *   numeric, count, ordinal (position from 0), binary (0, 1), under model.standardise
 *     zscore (x - mean) * m / sd of the population; range (x - min) * m / (max - min); none x * m;
 *   nominal: an indicator of each level, 0 or m / sqrt(2) under each of the three, so that two
 *     customers who differ are at squared distance m^2.
 * Missing: `mean` gives the mean (0 under zscore), indicators their level's share; `level` adds an
 * indicator of it: a level like the others for nominal, 0 or m beside the mean for numbers; `fail`
 * is an error.  Invalid, that is counted and treated as missing: a text that is no declared level,
 * a binary neither 0 nor 1, log1p of -1 and below, sqrt below 0, magnitudes above 2^500 (those
 * below 2^-500 read as 0).
 * The columns of a feature that does not vary stay, as zeros, so that shapes do not depend on the
 * data; when none varies all rows are equal, which is legal.
 * Fills quality->weight and quality->feature (n_features; not_finite stays), also outside the
 * basis, and adds to
 * quality->note (STRATA_MAX_NOTES); both arrays are the caller's.  The result lives in keep, whose
 * free end is the scratch; but for the matrix when `matrix` (NULL: all is memory) sends it to a file.
 * The disk's room is reserved before a row is encoded.  O(n d) time, on config->threads threads.
 * Fails alike on all ranks: no basis feature, more than STRATA_MAX_DIMENSIONS columns, a column
 * that does not fit its feature's type, a value missing under `fail`, a weight without measure,
 * a customer without a weight above 0 (the sentence counts them), memory, disk. */
STRATA_MUST_CHECK strata_status strata_features_make(
    struct strata_comm *comm, const struct strata_config *config, const struct strata_table *table,
    const struct strata_matrix_room *matrix, struct strata_arena *keep,
    struct strata_features **out, struct strata_quality *quality, struct strata_err *err);

/* Give the matrix's file back.  Accepts NULL. */
void strata_features_finish(struct strata_features *features);

/* Columns that the matrix of a table will have; 0 when strata_features_make will refuse.  Not collective. */
size_t strata_features_columns(const struct strata_config *config, const struct strata_table *table,
                               struct strata_arena scratch);

/* Bytes of the arena that strata_features_make needs on one rank of n_ranks with n_rows rows; for
 * `strata check`.  Without the texts of labels and notes, for which there is an allowance. */
uint64_t strata_features_bytes(size_t n_features, uint64_t n_rows, size_t d, int n_ranks);

/* How one column of a table is read as a feature: its raw value is the number, or the position
 * of its level, or NaN where it is missing or invalid. */
struct strata_binding {
    const struct strata_column *column;
    enum strata_feature_type type;
    const double *code_value;  /* text: (column->n_levels) raw value of each code, or NaN */
    const double *level_value; /* numbers that stand for levels: (n_levels) each level's */
    size_t n_levels;
};

/* Fit bindings, (n_features) in keep, to a table whose columns are the recipe's features in
 * order; its level lists may differ from those that the recipe was made with.  Not collective:
 * all ranks with the same columns get the same answer.  Fails when a column's kind does not fit
 * the feature's type. */
STRATA_MUST_CHECK strata_status strata_recipe_bind(const struct strata_recipe *recipe,
                                                   const struct strata_table *table,
                                                   struct strata_arena *keep,
                                                   const struct strata_binding **bindings,
                                                   struct strata_err *err);

/* The two numbers that the column of a binary feature may hold, in the order of its levels: those that its two levels
 * are, else 0 and 1. */
void strata_binary_numbers(const struct strata_feature *feature, double number[2]);

/* The raw value of one row.  *invalid is set when there is a value that does not count. */
double strata_binding_value(const struct strata_binding *binding, size_t row, bool *invalid);

/* The feature's transform of a raw value (numeric and count features only): NaN stays NaN, and
 * is what a value becomes that the transform is not defined for. */
double strata_feature_transform(const struct strata_feature *feature, double raw);

/* Encode one customer, as strata_features_make does: raw is (n_features) numbers, positions of
 * levels, or NaN where missing; features outside the basis are not looked at.  x is (d),
 * receives grid integers.  clamped, (n_features) or NULL, counts values beyond the grid.  O(d);
 * no allocation.  Same bits on any machine. */
void strata_recipe_encode(const struct strata_recipe *recipe, const double *raw, float *x,
                          uint64_t *clamped);

#endif
