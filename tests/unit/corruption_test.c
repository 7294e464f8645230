/* A bit that flips in the memory of one rank ends the fit on all ranks alike, in the iteration in which it is used. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fit_cases.h"
#include "strata/fault.h"

enum { RANKS = 3, ITERATION = 3 };

/* What a fit says when the fault has happened; it must fail as a fault of the machine. */
static void expect(const struct crowd *crowd, const char *estimator, const char *fault,
                   const char *sentence)
{
    struct strata_config config = fit_config(estimator, 4, 4, 1);
    config.threads = 1;
    cr_assert(strata_fault_arm(fault));
    struct fitted *fitted = fit_run(crowd, &config, RANKS, NULL);
    cr_assert_eq(strata_fault_happened(), 1, "%s: did not happen", fault);
    cr_assert_eq(fitted->status, STRATA_E_BUG, "%s with %s: not noticed", fault, estimator);
    cr_assert(strstr(fitted->err.text, sentence), "%s: %s", fault, fitted->err.text);
    char when[32];
    (void)snprintf(when, sizeof when, "after %d reductions", ITERATION);
    cr_assert(strstr(fitted->err.text, when), "%s: %s", fault, fitted->err.text);
    fit_free(fitted);
}

/* One bit in each of 40 words of stride bits, on each rank in turn. */
static void flip_each(const char *estimator, const char *point, unsigned stride,
                      const char *sentence)
{
    struct crowd crowd = crowd_blobs(400, 3, 4, 1.0, 11);
    for (unsigned rank = 0; rank < RANKS; rank++)
        for (unsigned word = 0; word < 40; word++) {
            char fault[96], named[96];
            (void)snprintf(fault, sizeof fault, "flip@%s,rank=%u,count=%d,bit=%u", point, rank,
                           ITERATION,
                           word * stride + (word * 7 + rank) % (stride < 64 ? stride : 64));
            (void)snprintf(named, sizeof named, "rank %u holds another model than the others", rank);
            expect(&crowd, estimator, fault, sentence ? sentence : named);
        }
    crowd_free(&crowd);
}

/* A fit in a process of its own, as it ends the process.  Returns its exit code, and what it said. */
static int fit_apart(const struct crowd *crowd, const char *estimator, int n_ranks,
                     const char *fault, char said[512])
{
    int pipe_ends[2], ended = 0;
    cr_assert_eq(pipe(pipe_ends), 0);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct strata_config config = fit_config(estimator, 4, 4, 1);
        config.threads = 1;
        (void)dup2(pipe_ends[1], STDERR_FILENO);
        if (strata_fault_arm(fault)) (void)fit_run(crowd, &config, n_ranks, NULL);
        _exit(0);
    }
    (void)close(pipe_ends[1]);
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n<511; n += got> 0 ? (size_t)got : 0)
        got = read(pipe_ends[0], said + n, 511 - n);
    said[n] = '\0';
    (void)close(pipe_ends[0]);
    cr_assert_eq(waitpid(child, &ended, 0), child);
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}

/* Each rank has a copy of the sums: who has another one ends the job, as the others cannot know. */
static void expect_alone(const char *estimator, const char *point, unsigned stride, int n_ranks)
{
    struct crowd crowd = crowd_blobs(400, 3, 4, 1.0, 11);
    for (unsigned i = 0; i < 3; i++) { /* a second each */
        const unsigned rank = i % (unsigned)n_ranks, word = i * 13;
        char fault[96], named[96], said[512];
        (void)snprintf(fault, sizeof fault, "flip@%s,rank=%u,count=%d,bit=%u", point, rank,
                       ITERATION, word * stride + word % 64);
        (void)snprintf(named, sizeof named,
                       "rank %u holds other sums than the others after %d reductions", rank,
                       ITERATION);
        cr_assert_eq(fit_apart(&crowd, estimator, n_ranks, fault, said), 70, "%s: %s", fault, said);
        cr_assert(strstr(said, named), "%s: %s", fault, said);
    }
    crowd_free(&crowd);
}

Test(corruption, a_flipped_bit_of_the_params_names_the_rank_in_that_iteration)
{
    flip_each("kmeans", "fit.params", 64, NULL);
    flip_each("gmm-diag", "fit.params", 64, NULL);
}

/* Of 128 bits of a sum in memory, k-means uses 64. */
Test(corruption, a_flipped_bit_of_kept_sums_is_noticed_in_that_iteration)
{
    flip_each("kmeans", "fit.kept", 128, "the segments' sums do not add up");
    flip_each("gmm-diag", "fit.kept", 128, "the segments' sums do not add up");
    flip_each("gmm-diag", "fit.kept", 127, "the segments' sums do not add up");
}

Test(corruption, a_flipped_bit_of_the_message_is_noticed_in_that_iteration)
{
    flip_each("kmeans", "fit.message", 64, "the ranks' sums changed on their way");
    flip_each("gmm-diag", "fit.message", 64, "the ranks' sums changed on their way");
}

Test(corruption, a_flipped_bit_of_the_rows_is_noticed_in_that_iteration)
{
    flip_each("kmeans", "fit.matrix", 32, "the feature matrix changed in memory");
    flip_each("gmm-diag", "fit.matrix", 32, "the feature matrix changed in memory");
}

Test(corruption, a_rank_that_received_other_sums_ends_the_job_in_that_iteration)
{
    expect_alone("kmeans", "fit.received", 64, RANKS);
    expect_alone("gmm-diag", "fit.received", 64, RANKS);
    expect_alone("kmeans", "fit.unpacked", 128, RANKS);
    expect_alone("gmm-diag", "fit.unpacked", 127, 2);
}

static bool is_same_result(const struct fitted *a, const struct fitted *b, size_t n_rows)
{
    const struct strata_estimator *estimator = b->result.estimator;
    return a->status == STRATA_OK && a->result.state_hash == b->result.state_hash &&
           a->result.iterations_total == b->result.iterations_total &&
           memcmp(a->params, b->params,
                  estimator->param_count(b->result.dims) * sizeof *b->params) == 0 &&
           memcmp(a->mass, b->mass, b->result.dims.k * sizeof *b->mass) == 0 &&
           memcmp(&a->result.objective, &b->result.objective, sizeof a->result.objective) == 0 &&
           memcmp(a->row, b->row, n_rows * sizeof *b->row) == 0;
}

/* Bits anywhere, whatever they mean: what is not noticed in that iteration has changed nothing. */
Test(corruption, a_bit_anywhere_is_noticed_in_that_iteration_or_changes_no_byte)
{
    static const char *const points[] = {"fit.params", "fit.matrix", "fit.kept", "fit.message"};
    struct crowd crowd = crowd_blobs(400, 3, 4, 1.0, 11);
    unsigned n_noticed = 0, n_harmless = 0;
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++) {
        struct strata_config config = fit_config((*e)->name, 4, 4, 1);
        config.threads = 1;
        cr_assert(strata_fault_arm(""));
        struct fitted *undisturbed = fit_run(&crowd, &config, RANKS, NULL);
        for (uint64_t i = 0; i < 4 * 24; i++) {
            char fault[96], when[32];
            const uint64_t bit = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 24;
            (void)snprintf(fault, sizeof fault, "flip@%s,rank=%d,count=%d,bit=%llu", points[i % 4],
                           (int)(i / 4 % RANKS), ITERATION, (unsigned long long)bit);
            (void)snprintf(when, sizeof when, "after %d reductions", ITERATION);
            cr_assert(strata_fault_arm(fault));
            struct fitted *fitted = fit_run(&crowd, &config, RANKS, NULL);
            cr_assert_eq(strata_fault_happened(), 1, "%s: did not happen", fault);
            const bool noticed = fitted->status == STRATA_E_BUG && strstr(fitted->err.text, when);
            n_noticed += noticed;
            n_harmless += !noticed;
            /* The upper half of the sums of k-means in memory goes nowhere. */
            cr_assert(noticed || (!(*e)->soft && strcmp(points[i % 4], "fit.kept") == 0), "%s",
                      fault);
            cr_assert(noticed || is_same_result(fitted, undisturbed, crowd.n), "%s with %s: %s",
                      fault, (*e)->name, fitted->err.text);
            fit_free(fitted);
        }
        fit_free(undisturbed);
    }
    cr_assert_gt(n_noticed, 5 * n_harmless, "%u noticed, %u harmless", n_noticed, n_harmless);
    crowd_free(&crowd);
}

/* After the last iteration nothing is compared by the next one's message. */
Test(corruption, a_bit_that_flips_after_the_last_iteration_is_noticed_and_its_rank_named)
{
    static const char *const points[] = {"fit.chosen", "fit.look.model", "fit.look.sums"};
    struct crowd crowd = crowd_blobs(400, 3, 4, 1.0, 11);
    for (unsigned i = 0; i < 2 * 3 * RANKS * 2; i++) {
        const char *point = points[i / 2 % 3];
        const unsigned rank = i / 6 % RANKS, word = i / 6 / RANKS;
        struct strata_config config = fit_config(i % 2 ? "gmm-diag" : "kmeans", 4, 4, 1);
        char fault[96], named[96];
        (void)snprintf(fault, sizeof fault, "flip@%s,rank=%u,bit=%u", point, rank,
                       word * 128 + i % 40);
        (void)snprintf(named, sizeof named, "rank %u holds", rank);
        cr_assert(strata_fault_arm(fault));
        struct fitted *fitted = fit_run(&crowd, &config, RANKS, NULL);
        cr_assert_eq(strata_fault_happened(), 1, "%s: did not happen", fault);
        cr_assert_eq(fitted->status, STRATA_E_BUG, "%s: not noticed", fault);
        cr_assert(strstr(fitted->err.text, named), "%s: %s", fault, fitted->err.text);
        fit_free(fitted);
    }
    crowd_free(&crowd);
}

/* A mixture's sums are of every row in every pass: they show a row that changed before its checksum is due. */
Test(corruption, a_mixture_notices_a_row_that_changed_in_that_iteration)
{
    struct crowd crowd = crowd_blobs(40000, 2, 4, 3.0, 5);
    for (unsigned row = 500; row < 13000; row += 4000) {
        char fault[96];
        (void)snprintf(fault, sizeof fault, "flip@fit.matrix,rank=1,count=%d,bit=%u", ITERATION,
                       row * 64 + 12);
        expect(&crowd, "gmm-diag", fault, "");
    }
    crowd_free(&crowd);
}

/* With many blocks a step looks at one in 256 of them; what it has not come to by the end, the last pass tells. */
Test(corruption, no_result_comes_out_of_rows_that_changed)
{
    struct crowd crowd = crowd_blobs(40000, 2, 6, 0.5, 5);
    struct strata_config config = fit_config("kmeans", 6, 6, 1);
    config.threads = 1;
    for (unsigned row = 500; row < 13000; row += 4000) {
        char fault[96];
        (void)snprintf(fault, sizeof fault, "flip@fit.matrix,rank=1,count=2,bit=%u", row * 64 + 22);
        cr_assert(strata_fault_arm(fault));
        struct fitted *fitted = fit_run(&crowd, &config, RANKS, NULL);
        cr_assert_eq(strata_fault_happened(), 1);
        cr_assert_eq(fitted->status, STRATA_E_BUG, "row %u: not noticed", row);
        fit_free(fitted);
    }
    crowd_free(&crowd);
}
