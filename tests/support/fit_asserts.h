/* What holds of every fit, and of two fits that must be the same. */
#ifndef STRATA_TESTS_FIT_ASSERTS_H
#define STRATA_TESTS_FIT_ASSERTS_H

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "fit_cases.h"

static inline void assert_same(const struct fitted *a, const struct fitted *b, size_t n)
{
    cr_assert_eq(a->status, STRATA_OK, "%s", a->err.text);
    cr_assert_eq(b->status, STRATA_OK, "%s", b->err.text);
    cr_assert_eq(a->result.state_hash, b->result.state_hash);
    cr_assert_eq(a->result.iterations_total, b->result.iterations_total);
    cr_assert_eq(a->result.dims.k, b->result.dims.k);
    cr_assert_eq(a->result.n_trace, b->result.n_trace);
    cr_assert_eq(memcmp(a->params, b->params, sizeof a->params), 0);
    cr_assert_eq(memcmp(a->mass, b->mass, sizeof a->mass), 0);
    cr_assert_eq(memcmp(a->trace, b->trace, sizeof a->trace), 0);
    cr_assert_eq(memcmp(a->candidate, b->candidate, sizeof a->candidate), 0);
    cr_assert_eq(memcmp(a->by_k, b->by_k, sizeof a->by_k), 0);
    cr_assert_eq(memcmp(a->row, b->row, n * sizeof *a->row), 0);
    cr_assert_str_eq(a->choice, b->choice);
    cr_assert_str_eq(a->note, b->note);
    cr_assert_eq(memcmp(&a->evaluation, &b->evaluation,
                        offsetof(struct strata_evaluation, segment_silhouette)),
                 0);
    cr_assert_eq(memcmp(a->segment_silhouette, b->segment_silhouette, sizeof a->segment_silhouette),
                 0);
    cr_assert_eq(memcmp(a->segment_sse, b->segment_sse, sizeof a->segment_sse), 0);
    cr_assert_eq(memcmp(a->dimension_share, b->dimension_share, sizeof a->dimension_share), 0);
}

static inline void assert_whole(const struct fitted *f, const struct crowd *crowd)
{
    cr_assert_eq(f->status, STRATA_OK, "%s", f->err.text);
    double total = 0;
    double *count = crowd_room(f->result.dims.k, sizeof *count);
    for (size_t i = 0; i < crowd->n; i++) {
        cr_assert_lt((size_t)f->row[i].label, f->result.dims.k);
        count[f->row[i].label]++;
    }
    for (size_t c = 0; c < f->result.dims.k; c++) {
        cr_assert_eq(count[c], f->mass[c]);
        cr_assert_gt(f->mass[c], 0);
        if (c > 0) cr_assert_leq(f->mass[c], f->mass[c - 1]);
        total += f->mass[c];
    }
    cr_assert_eq(total, (double)crowd->n);
    cr_assert(isfinite(f->result.objective));
    free(count);
}

#endif
