/* Whole fits over MPI: every rank holds the model of every other machine, bit by bit. */
#include <stdio.h>

#include "../support/fit_cases.h"

/* This rank's view of one fit; wrong results are counted, so that no rank leaves alone. */
static int64_t check(struct strata_comm *world, const struct crowd *crowd, size_t which)
{
    const struct strata_config config = fit_golden_config(fit_golden[which].estimator);
    struct fitted *out = crowd_room(1, sizeof *out);
    out->row = crowd_room(crowd->n, sizeof *out->row);
    struct fit_case fit = {crowd, &config, NULL, out};
    fit_on_rank(world, &fit);
    int64_t wrong = 0;
    if (world->rank == 0) {
        wrong = out->status != STRATA_OK || out->result.state_hash != fit_golden[which].state_hash;
        if (wrong)
            (void)fprintf(stderr, "%s: status %d, %016llx: %s\n", fit_golden[which].estimator,
                          (int)out->status, (unsigned long long)out->result.state_hash,
                          out->err.text);
    }
    for (size_t row = 0; row < crowd->n; row++)
        if (fit_rank_of(crowd, row, world->size) == world->rank)
            wrong += out->row[row].distance <= 0;
    fit_free(out);
    return wrong;
}

int main(int argc, char **argv)
{
    struct strata_comm world;
    struct strata_err err = {0};
    if (strata_comm_mpi_init(&world, &argc, &argv, &err) != STRATA_OK) return 1;
    struct crowd crowd = crowd_blobs(3000, 5, 4, 4.0, 9);
    int64_t failures = 0;
    for (size_t i = 0; i < sizeof fit_golden / sizeof *fit_golden; i++)
        failures += check(&world, &crowd, i);
    crowd_free(&crowd);
    strata_comm_sum(&world, &failures, 1);
    strata_comm_mpi_finish(&world);
    return failures != 0;
}
