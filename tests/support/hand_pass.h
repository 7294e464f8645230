/* An estimator's pass made by hand, without a fit: for tests and benches of one estimator. */
#ifndef STRATA_TESTS_HAND_PASS_H
#define STRATA_TESTS_HAND_PASS_H

#include <stdlib.h>
#include <string.h>

#include "strata/estimator.h"

struct hand_pass {
    const struct strata_estimator *e;
    struct strata_dims dims;
    size_t n, n_stats;
    const float *x;
    const uint32_t *weight;
    struct strata_totals totals;
    uint16_t *label;
    float *upper, *lower; /* NULL: no bounds */
    void *pass;
    struct strata_tally tally;
    struct strata_sum *sums;
    uint64_t moved, looked; /* of the last pass */
};

static inline void *hand_room(size_t n_bytes)
{
    void *room = aligned_alloc(64, (n_bytes + 127) / 64 * 64);
    if (!room) abort();
    memset(room, 0, (n_bytes + 127) / 64 * 64);
    return room;
}

static inline void hand_forget(struct hand_pass *hand)
{
    for (size_t i = 0; i < hand->n; i++) hand->label[i] = STRATA_NO_LABEL;
    memset(hand->sums, 0, hand->n_stats * sizeof *hand->sums);
}

static inline struct hand_pass hand_pass_new(const struct strata_estimator *e,
                                             struct strata_dims dims, const float *x,
                                             const uint32_t *weight, size_t n, int bounds)
{
    struct hand_pass hand = {.e = e, .dims = dims, .n = n, .x = x, .weight = weight};
    hand.n_stats = e->stat_count(dims);
    hand.label = hand_room(n * sizeof *hand.label);
    hand.pass = hand_room(e->pass_bytes(dims));
    hand.tally.sums = hand_room(e->sums_bytes(dims));
    hand.tally.scratch = hand_room(e->scratch_bytes(dims));
    hand.sums = hand_room(hand.n_stats * sizeof *hand.sums);
    if (bounds && e->keeps_bounds) {
        hand.upper = hand_room(n * sizeof *hand.upper);
        hand.lower = hand_room(n * sizeof *hand.lower);
    }
    struct strata_sum *total = hand_room(2 * dims.d * sizeof *total);
    for (size_t i = 0; i < n; i++) {
        const int64_t w = weight ? weight[i] : 1;
        hand.totals.weight += (uint64_t)w;
        for (size_t j = 0; j < dims.d; j++) {
            const int64_t value = (int64_t)x[i * dims.d + j];
            total[j].value += (strata_int128)w * value;
            total[dims.d + j].value += (strata_int128)w * value * value;
        }
    }
    hand.totals.sum = total;
    hand.totals.square = total + dims.d;
    hand_forget(&hand);
    return hand;
}

static inline void hand_pass_free(struct hand_pass *hand)
{
    union {
        const struct strata_sum *read;
        struct strata_sum *write;
    } total = {.read = hand->totals.sum};
    free(total.write);
    free(hand->label);
    free(hand->pass);
    free(hand->tally.sums);
    free(hand->tally.scratch);
    free(hand->sums);
    free(hand->upper);
    free(hand->lower);
}

/* Begin a pass; before is what the last one was made with, or NULL. */
static inline void hand_begin(struct hand_pass *hand, const double *params, const double *before)
{
    hand->e->prepare(hand->dims, params, hand->upper ? before : NULL, strata_isa(), hand->n,
                     hand->pass);
    if (!hand->e->keeps_sums) memset(hand->sums, 0, hand->n_stats * sizeof *hand->sums);
}

static inline void hand_rows(struct hand_pass *hand, size_t first, size_t n)
{
    const struct strata_block block = {.x = hand->x + first * hand->dims.d,
                                       .weight = hand->weight ? hand->weight + first : NULL,
                                       .n = n,
                                       .label = hand->label + first,
                                       .upper = hand->upper ? hand->upper + first : NULL,
                                       .lower = hand->lower ? hand->lower + first : NULL};
    hand->e->accumulate(hand->dims, hand->pass, &block, &hand->tally);
}

static inline void hand_end(struct hand_pass *hand)
{
    hand->e->collect(hand->dims, &hand->tally, hand->sums);
    hand->moved = hand->tally.moved;
    hand->looked = hand->tally.looked;
    hand->tally.moved = hand->tally.looked = 0;
}

static inline void hand_run(struct hand_pass *hand, const double *params, const double *before)
{
    hand_begin(hand, params, before);
    hand_rows(hand, 0, hand->n);
    hand_end(hand);
}

static inline double hand_objective(const struct hand_pass *hand, const double *params)
{
    return hand->e->objective(hand->dims, params, hand->sums, &hand->totals);
}

#endif
