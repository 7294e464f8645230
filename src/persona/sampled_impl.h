/* What sampled.c, map.c, discriminant.c and stability.c share. */
#ifndef STRATA_SAMPLED_IMPL_H
#define STRATA_SAMPLED_IMPL_H

#include "strata/customer_sample.h"
#include "strata/sampled.h"

#define STRATA_MAP_RIDGE 0.5 /* of the mean variance: see discriminant.c */

/* The sample with the segment of each customer in the chosen solution. */
struct strata_labelled {
    struct strata_customer_sample sample;
    const uint16_t *label; /* (n) */
    size_t k;              /* segments that take part: those from k on are left out */
    double unit;           /* of the grid */
};

/* Two directions in which the customers are seen; the rows' places are their products with x, less those of
 * the mean. */
struct strata_directions {
    double *direction; /* (2, d), per encoded unit */
    double *mean;      /* (d) of the sample, in encoded units */
    bool discriminant[2];
    double share[2];
    size_t n; /* 0 to 2 */
};

/* discriminant.c.  False when memory ends.  O(s d^2 + d^3). */
bool strata_discriminant_find(const struct strata_labelled *rows, double ridge,
                              struct strata_arena *room, struct strata_directions *out);

/* Eigenvalues (n), falling, and eigenvectors (n, n), one a row, of a symmetric matrix (n, n), which is
 * destroyed; cyclic Jacobi, each step in one order. */
void strata_jacobi(size_t n, double *matrix, double *value, double *vector);

/* map.c.  *out stays NULL when the customers do not differ in two directions.  False when memory ends. */
bool strata_map_draw(const struct strata_labelled *rows, const struct strata_recipe *recipe,
                     struct strata_arena scratch, struct strata_arena *keep,
                     struct strata_customer_map **out);

/* stability.c; label (n) is the chosen solution's.  False when memory ends. */
bool strata_stability_measure(const struct strata_customer_sample *sample,
                              const struct strata_clustering *clustering, const uint16_t *label,
                              struct strata_arena scratch, struct strata_arena *keep,
                              struct strata_stability **out);

/* 1 - entropy of the counts (n, `step` apart) over log n: NaN without counts, or with n = 1. */
double strata_concentration(const uint16_t *tens, size_t n, size_t step);

/* The label of each sampled customer in one solution. */
void strata_sample_label(const struct strata_customer_sample *sample,
                         const struct strata_estimator *estimator, struct strata_dims dims,
                         const double *params, uint16_t *label);

#endif
