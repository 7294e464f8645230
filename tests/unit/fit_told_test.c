/* What a fit tells who watches it: the candidates that move, those that have ended, how evenly the ranks work. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "cluster/cluster_impl.h"

#include "fit_cases.h"

#define CANDIDATES_MAX 256

/* What was told; the fit's progress is of rank 0 alone. */
static struct told {
    uint32_t starts, k_from;
    int n_ranks;
    size_t most, n_over[CANDIDATES_MAX];
    enum strata_stop_reason reason[CANDIDATES_MAX];
    bool unsorted, unbalanced, forgot_a_best, moves_again;
} told;

static size_t number_of(uint32_t k, uint32_t start)
{
    const size_t number = (size_t)(k - told.k_from) * told.starts + start;
    cr_assert_lt(number, CANDIDATES_MAX);
    return number;
}

static void take_progress(void *context, const struct strata_fit_progress *progress)
{
    (void)context;
    bool has_best = progress->n_standings == 0;
    if (progress->n_standings > told.most) told.most = progress->n_standings;
    for (size_t i = 0; i < progress->n_standings; i++) {
        const struct strata_fit_standing *one = &progress->standing[i], *before = one - 1;
        told.unsorted |=
            i > 0 && (one->k < before->k || (one->k == before->k && one->start <= before->start));
        told.moves_again |= told.n_over[number_of(one->k, one->start)] > 0;
        has_best |= one->k == progress->best_k; /* the largest that moves */
    }
    told.forgot_a_best |= !has_best && progress->n_standings == STRATA_FIT_STANDINGS;
    told.unbalanced |=
        !(progress->rank_balance >= 0.99 && progress->rank_balance <= told.n_ranks * 1.01);
}

static void take_over(void *context, const struct strata_candidate_result *result)
{
    (void)context;
    const size_t number = number_of(result->k, result->start);
    told.n_over[number]++;
    told.reason[number] = result->reason;
}

static void check(uint32_t k_from, uint32_t k_to, uint32_t starts, int n_ranks)
{
    const struct strata_fit_watch watch = {.progress = take_progress, .candidate = take_over};
    struct crowd crowd = crowd_blobs(900, 3, 4, 0.8, 5);
    const struct strata_config config = fit_config("kmeans", k_from, k_to, starts);
    told = (struct told){.starts = starts, .k_from = k_from, .n_ranks = n_ranks};
    struct fitted *f = fit_run(&crowd, &config, n_ranks, &watch);
    cr_assert_eq(f->status, STRATA_OK, "%s", f->err.text);
    for (size_t i = 0; i < f->result.n_candidates; i++) {
        cr_assert_eq(told.n_over[i], 1, "each ends once");
        cr_assert_eq(told.reason[i], f->candidate[i].reason);
    }
    cr_assert(!told.unsorted && !told.unbalanced && !told.forgot_a_best && !told.moves_again);
    fit_free(f);
    crowd_free(&crowd);
}

Test(fit_told, each_candidate_moves_and_then_ends_once)
{
    for (int n_ranks = 1; n_ranks <= 3; n_ranks++) check(2, 6, 3, n_ranks);
    cr_assert_leq(told.most, 15);
    cr_assert_gt(told.most, 0);
}

Test(fit_told, of_many_candidates_the_best_of_each_k_are_told)
{
    check(2, 18, 8, 2);
    cr_assert_eq(told.most, STRATA_FIT_STANDINGS);
}

/* So many customers that there is a race; the ladder's candidates have starts beyond the job's, so they are left out. */
static void take_over_in_race(void *context, const struct strata_candidate_result *result)
{
    if (result->origin == STRATA_ORIGIN_SEEDED) take_over(context, result);
}

Test(fit_told, who_ended_in_the_race_is_told_again_when_it_is_dropped_or_has_gone_on)
{
    const struct strata_fit_watch watch = {.candidate = take_over_in_race};
    struct crowd crowd = crowd_blobs(263000, 2, 4, 0.8, 5);
    const struct strata_config config = fit_config("kmeans", 3, 4, 4);
    told = (struct told){.starts = 4, .k_from = 3, .n_ranks = 1};
    struct fitted *f = fit_run(&crowd, &config, 1, &watch);
    cr_assert_eq(f->status, STRATA_OK, "%s", f->err.text);
    cr_assert_gt(f->result.n_candidates, 8, "there was a race, and a ladder");
    for (size_t i = 0; i < 8; i++) {
        cr_assert_geq(told.n_over[i], 1);
        cr_assert_leq(told.n_over[i], 2);
        cr_assert_eq(told.reason[i], f->candidate[i].reason,
                     "the last that is told is how it ended");
    }
    fit_free(f);
    crowd_free(&crowd);
}

Test(fit_told, the_balance_is_the_slowest_ranks_time_over_the_mean)
{
    static const double seconds[] = {0.010, 0.010, 0.013, 0.010, 0.0095, 0, 3e-7, 0.02, 1};
    for (int size = 1; size <= 9; size++) {
        int64_t sum[3] = {0}, mine[3];
        double total = 0, slowest = 0;
        for (int rank = 0; rank < size; rank++) {
            const struct strata_comm comm = {.rank = rank, .size = size};
            strata_balance_pack(&comm, seconds[rank], mine);
            for (size_t i = 0; i < strata_balance_numbers(size); i++)
                sum[i] = (int64_t)((uint64_t)sum[i] + (uint64_t)mine[i]);
            total += seconds[rank];
            slowest = fmax(slowest, seconds[rank]);
        }
        const struct strata_comm comm = {.rank = 0, .size = size};
        const double meant = slowest * size / total, found = strata_balance_read(&comm, sum);
        cr_expect_float_eq(found, meant, 0.002 * meant, "%d ranks: %g, not %g", size, found, meant);
    }
}
