#include <criterion/criterion.h>

#include "../support/comm_cases.h"

static void run(struct strata_comm *comm, void *context)
{
    int *failures = context;
    failures[comm->rank] = comm_cases(comm);
}

Test(comm, ranks_as_threads_keep_the_contract)
{
    for (int size = 1; size <= 7; size++) {
        int failures[7] = {0};
        struct strata_err err = {0};
        cr_assert_eq(strata_comm_run_threads(size, run, failures, &err), STRATA_OK);
        for (int rank = 0; rank < size; rank++)
            cr_expect_eq(failures[rank], 0, "size %d rank %d", size, rank);
    }
}

Test(comm, one_rank_needs_no_others)
{
    struct strata_comm alone = strata_comm_single();
    cr_assert_eq(comm_cases(&alone), 0);
}
