/* What the files that read model.start share, and what compares segments with those of an earlier model. */
#ifndef STRATA_START_IMPL_H
#define STRATA_START_IMPL_H

#include "cluster/cluster_impl.h"

/* Cut one field off *at, which ends at a comma or at the line's NUL; quotes are taken off in place. */
char *strata_start_cut_field(char **at);

/* The same; *more tells whether a comma stood behind it. */
char *strata_start_cut_next(char **at, bool *more);

/* Whether the bytes of model.start are centres: the first field of the first line names a basis
 * feature or a column of one. */
bool strata_start_is_centres(const struct strata_fit *fit, const char *text, size_t n_bytes);

/* Centres from the text of a file, in the fit's room.  Not collective; the same on all ranks. */
STRATA_MUST_CHECK strata_status strata_start_centres_parse(struct strata_fit *fit, const char *path,
                                                           char *text, size_t n_bytes,
                                                           struct strata_start *out,
                                                           struct strata_err *err);

/* Whether the start has the feature of column j of the matrix. */
bool strata_start_knows(const struct strata_recipe *recipe, const struct strata_start *start,
                        size_t j);

/* Column j of the start's centres on this job's grid, centre is (start->k, recipe->d): values of the start's
 * column of the same identity; 0 for a level that it does not know, missing for a feature that it does not. */
void strata_start_fill(const struct strata_recipe *recipe, const struct strata_start *start,
                       size_t j, double *centre);

/* Given centres as (k, d) grid integers, in the fit's room; NULL without memory. */
double *strata_start_centres(struct strata_fit *fit, const struct strata_start *start);

#endif
