/* What one strata_comm_sum costs, by the bytes that it carries: run it under mpirun.
 *
 *   deploy/mpirun -n 2 bench_comm
 *
 * Rank 0 prints one JSON line: the ranks, and of each size the median, over runs, of the seconds of
 * one sum.  Each run is timed over several sums in a row, as the loop of a fit does them, after a
 * barrier. */
#include <stdio.h>
#include <stdlib.h>

#include "strata/clock.h"
#include "strata/comm.h"

enum { RUNS = 15, SUMS = 64, SIZES = 18, LARGEST = 1 << 20 };

static int compare(const void *a, const void *b)
{
    const double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

static double median_sum(struct strata_comm *comm, int64_t *values, size_t n)
{
    double time[RUNS];
    for (int run = -1; run < RUNS; run++) { /* the first is to warm up */
        strata_comm_barrier(comm);
        const double start = strata_clock_s();
        for (int i = 0; i < SUMS; i++) strata_comm_sum(comm, values, n);
        if (run >= 0) time[run] = (strata_clock_s() - start) / SUMS;
    }
    qsort(time, RUNS, sizeof *time, compare);
    return time[RUNS / 2];
}

int main(int argc, char **argv)
{
    static int64_t values[LARGEST / sizeof(int64_t)]; /* zeros: sums stay small */
    struct strata_comm comm = strata_comm_single();
    struct strata_err err = {0};
    const bool launched = strata_comm_launched();
    if (launched && strata_comm_mpi_init(&comm, &argc, &argv, &err) != STRATA_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return strata_status_exit_code(err.code);
    }
    if (comm.rank == 0) (void)printf("{\"ranks\": %d, \"sum\": [", comm.size);
    for (int size = 0; size < SIZES; size++) {
        const size_t bytes = (size_t)8 << size;
        const double seconds = median_sum(&comm, values, bytes / sizeof *values);
        if (comm.rank == 0)
            (void)printf("%s{\"bytes\": %zu, \"seconds\": %.9f}", size ? ", " : "", bytes, seconds);
    }
    if (comm.rank == 0) (void)printf("]}\n");
    if (launched) strata_comm_mpi_finish(&comm);
    return 0;
}
