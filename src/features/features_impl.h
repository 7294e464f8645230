/* What the files of this folder share. */
#ifndef STRATA_FEATURES_IMPL_H
#define STRATA_FEATURES_IMPL_H

#include "strata/features.h"
#include "strata/math_sums.h"
#include "strata/pool.h"

/* Numbers beyond this do not count, those below its inverse read as 0: squares, sums and
 * quotients of what remains neither overflow nor vanish. */
#define MAGNITUDE_MAX 0x1p500

/* What is known of one feature over all ranks, of transformed values where it is of the basis. */
struct tally {
    uint64_t present, invalid; /* the other customers have no value */
    uint64_t weight;           /* of the present ones, in units; `present` without case weights */
    double min, max;           /* of present values; HUGE_VAL and -HUGE_VAL when there are none */
    double mean, sd;           /* numbers of the basis only */
};

/* Room for the moments, taken before the first collective. */
struct moments {
    struct tally *tally;        /* (n_features) */
    uint64_t *level_weight;     /* (d) weight of present rows of a column's level, over all ranks */
    struct strata_exact *exact; /* (n_features) */
    int64_t *wire;              /* what one reduction carries */
    double *extreme;            /* (n_features, 2): min and max of this rank */
    double *extremes;           /* (size, n_features, 2) */
};

/* Basis features whose column is the number or a level's position. */
bool strata_feature_is_scaled(const struct strata_feature *feature);

/* The features with resolved levels, and the columns without offset, scale and fill.  Data that
 * is the same on all ranks decides; only memory is the rank's own. */
STRATA_MUST_CHECK strata_status strata_recipe_plan(const struct strata_config *config,
                                                   const struct strata_table *table,
                                                   struct strata_arena *keep,
                                                   struct strata_recipe *recipe,
                                                   struct strata_err *err);

/* Room in scratch for n_features, d and size ranks; false when there is none. */
bool strata_moments_take(struct moments *moments, const struct strata_recipe *recipe, int size,
                         struct strata_arena *scratch);
size_t strata_moments_bytes(size_t n_features, size_t d, int size);

/* The weights of rows->n customers into weight (rows->n), and what rows tells of them.  Collective: two
 * sums and one gather, into largest_of_rank (size).  Fails alike on all ranks when a customer has no
 * weight above 0. */
STRATA_MUST_CHECK strata_status strata_weights_make(
    struct strata_comm *comm, const struct strata_feature *feature,
    const struct strata_binding *binding, double *largest_of_rank, uint32_t *weight,
    struct strata_rows *rows, struct strata_weight_quality *quality, struct strata_err *err);

/* Count, extremes, mean and level weights over all ranks; of rows, n and the weights are looked at.
 * Collective: one sum, one gather. */
void strata_moments_first(struct strata_comm *comm, const struct strata_recipe *recipe,
                          const struct strata_binding *binding, const struct strata_rows *rows,
                          struct moments *moments);

/* Standard deviations about the means.  Collective: one sum. */
void strata_moments_second(struct strata_comm *comm, const struct strata_recipe *recipe,
                           const struct strata_binding *binding, const struct strata_rows *rows,
                           struct moments *moments);

/* Offset, scale and fill of every column, and the grid, from the moments. */
STRATA_MUST_CHECK strata_status strata_recipe_complete(const struct strata_config *config,
                                                       const struct moments *moments,
                                                       uint64_t n_rows_global,
                                                       struct strata_recipe *recipe,
                                                       struct strata_err *err);

/* matrix.c: where the matrix lies.  A file is for n_rows > 0 whose bytes exceed the memory given. */
bool strata_matrix_goes_to_file(const struct strata_matrix_room *room, size_t n_rows, size_t d);
STRATA_MUST_CHECK strata_status strata_matrix_reserve(const struct strata_matrix_room *room,
                                                      size_t n_rows, size_t d,
                                                      struct strata_mapping *mapping,
                                                      struct strata_err *err);

/* What is encoded, and where to. */
struct encoding {
    const struct strata_recipe *recipe;
    const struct strata_binding *binding; /* (n_features) */
    size_t n_rows;
    float *x;                       /* (n_rows, d); NULL: into the mapping */
    struct strata_mapping *mapping; /* of n_rows * d floats then */
};

/* Every row of this rank, as strata_recipe_encode does it, on n_threads threads whose shares are those
 * of a pass, so that each page lies where it will be read.  Adds to clamped (n_features). */
STRATA_MUST_CHECK strata_status strata_matrix_encode(const struct encoding *encoding, int n_threads,
                                                     uint64_t *clamped, struct strata_err *err);

/* Sentences about what was degenerate, from quality->feature.  Same on all ranks but for memory. */
STRATA_MUST_CHECK strata_status strata_features_note(const struct strata_recipe *recipe,
                                                     struct strata_arena *keep,
                                                     struct strata_quality *quality,
                                                     struct strata_err *err);

#endif
