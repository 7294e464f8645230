/* What k-means++ reads again and again: a few thousand rows, how far each is from the nearest centre
 * so far, and what would be left of the total with one row more as a centre.  All of it in exact
 * integers, so that no width of vectors can change a draw. */
#ifndef STRATA_POTENTIAL_H
#define STRATA_POTENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/math_sums.h"
#include "strata/nearest.h"

#define STRATA_POTENTIAL_TRIALS 16 /* rows tried in one call, at most */

/* Rows in the form in which kernels read them: tiles of 8 rows, transposed, with squared norms. */
struct strata_points;
size_t strata_points_bytes(size_t n, size_t d); /* of room, 64-byte aligned */

/* Ready n rows x (n, d, grid integers), which are borrowed until the last use; the result lies in room.
 * O(n d). */
const struct strata_points *strata_points_make(size_t n, size_t d, const float *x,
                                               enum strata_isa isa, void *room);

/* The potential of the first n rows under the centres accepted so far: the sum of weight times
 * squared distance from the nearest one; before the first, the sum of the weights.  The weights (n), each below 2^40 and copied, may be NULL: all
 * 1. */
struct strata_potential;
size_t strata_potential_bytes(size_t n); /* of room, 64-byte aligned */
struct strata_potential *strata_potential_make(const struct strata_points *points, size_t n,
                                               const uint64_t *weight, void *room);
strata_uint128 strata_potential_total(const struct strata_potential *potential);

/* The row into whose share of the total a number falls: the first one whose own and all earlier
 * shares sum to more than at, which is below the total.  O(n / 256 + 256). */
size_t strata_potential_find(const struct strata_potential *potential, strata_uint128 at);

/* What the total would be with each of n_trials rows as one more centre.  Not before the first accepted
 * one.  O(n d n_trials): 2 n d n_trials flops, 4 n d bytes. */
void strata_potential_try(const struct strata_potential *potential, const size_t *row,
                          size_t n_trials, strata_uint128 *total);

/* Make a row a centre.  O(n d). */
void strata_potential_accept(struct strata_potential *potential, size_t row);

/* The squared distances of all n rows from one of them, into room for
 * strata_potential_room.  O(n d). */
size_t strata_potential_room(size_t n); /* n rounded up to a whole tile */
void strata_potential_distances(const struct strata_potential *potential, size_t row,
                                int64_t *distance);

/* Whether strata_nearest_double is exact for these rows, with any of them as centres. */
bool strata_potential_is_near(const struct strata_potential *potential);

/* Put other squared distances (n) in the place of those from the nearest centres.  O(n). */
void strata_potential_set(struct strata_potential *potential, const int64_t *closest);

/* The weight of a row, and its squared distance from the nearest centre. */
uint64_t strata_potential_weight(const struct strata_potential *potential, size_t row);
int64_t strata_potential_closest(const struct strata_potential *potential, size_t row);

#endif
