/* The communicator's contract over MPI; STRATA_COMM_ROUND makes exchanges go in several rounds. */
#include "../support/comm_cases.h"

int main(int argc, char **argv)
{
    struct strata_comm world;
    struct strata_err err = {0};
    if (strata_comm_mpi_init(&world, &argc, &argv, &err) != STRATA_OK) return 1;
    int64_t failures = comm_cases(&world);
    strata_comm_sum(&world, &failures, 1);
    strata_comm_mpi_finish(&world);
    return failures != 0;
}
