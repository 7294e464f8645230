/* A whole fit has the same bytes on any number of threads and ranks, with bounds and without, at every
 * width of vectors.  Runs under the thread sanitizer too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit_cases.h"

static int failures;

static void expect_same(const struct fitted *one, const struct fitted *two,
                        const struct crowd *crowd, const char *what, int ranks, unsigned threads)
{
    bool same = one->status == STRATA_OK && two->status == STRATA_OK &&
                one->result.state_hash == two->result.state_hash &&
                one->result.iterations_total == two->result.iterations_total &&
                memcmp(&one->result.objective, &two->result.objective, sizeof(double)) == 0;
    for (size_t i = 0; i < crowd->n && same; i++)
        same = memcmp(&one->row[i], &two->row[i], sizeof one->row[i]) == 0;
    if (same) return;
    printf("failed: %s on %d ranks of %u threads: %s%s\n", what, ranks, threads, one->err.text,
           two->err.text);
    failures++;
}

static void same_on_any_machine(const char *estimator, const struct crowd *crowd, uint32_t k_to)
{
    static const struct {
        int ranks;
        unsigned threads;
        const char *pruning;
    } shape[] = {{1, 2, "on"}, {1, 3, "off"}, {2, 2, "on"}, {3, 1, "off"}, {5, 3, "on"}};
    struct strata_config config = fit_config(estimator, 2, k_to, 2);
    config.threads = 1;
    struct fitted *alone = fit_run(crowd, &config, 1, NULL);
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        (void)setenv("STRATA_PRUNING", shape[i].pruning, 1);
        config.threads = shape[i].threads;
        struct fitted *other = fit_run(crowd, &config, shape[i].ranks, NULL);
        expect_same(alone, other, crowd, estimator, shape[i].ranks, shape[i].threads);
        fit_free(other);
    }
    (void)unsetenv("STRATA_PRUNING");
    fit_free(alone);
}

int main(void)
{
    struct crowd crowd = crowd_blobs(13000, 5, 6, 1.2, 3);
    same_on_any_machine("kmeans", &crowd, 6);
    crowd_free(&crowd);
    crowd = crowd_blobs(5000, 3, 3, 1.2, 4);
    same_on_any_machine("gmm-diag", &crowd, 3);
    crowd_free(&crowd);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
