/* One block of more than 2^31 bytes and one sum of more than 2^28 integers, whole and in order. */
#include <stdio.h>
#include <string.h>

#include "strata/comm.h"

static unsigned char pattern(uint64_t i)
{
    return (unsigned char)(i * 13 + i / 65521);
}

static int64_t large_exchange(struct strata_comm *comm, struct strata_arena scratch)
{
    const uint64_t length = (UINT64_C(1) << 31) + 12345;
    uint64_t send_bytes[64] = {0}, receive_bytes[64] = {0};
    if (comm->rank == 0) send_bytes[comm->size - 1] = length;
    if (comm->rank == comm->size - 1) receive_bytes[0] = length;
    unsigned char *send = STRATA_NEW(&scratch, unsigned char, comm->rank == 0 ? length : 1);
    unsigned char *receive = STRATA_NEW(&scratch, unsigned char, receive_bytes[0] + 1);
    if (!send || !receive) return 1;
    for (uint64_t i = 0; comm->rank == 0 && i < length; i++) send[i] = pattern(i);
    strata_comm_exchange(comm, send, send_bytes, receive, receive_bytes);
    int64_t wrong = 0;
    for (uint64_t i = 0; i < receive_bytes[0]; i++) wrong += receive[i] != pattern(i);
    return wrong;
}

static int64_t large_sum(struct strata_comm *comm, struct strata_arena scratch)
{
    const size_t n = ((size_t)1 << 28) + 77;
    int64_t *values = STRATA_NEW(&scratch, int64_t, n), wrong = 0;
    if (!values) return 1;
    for (size_t i = 0; i < n; i++) values[i] = (int64_t)i * (comm->rank + 1);
    strata_comm_sum(comm, values, n);
    const int64_t ranks = (int64_t)comm->size * (comm->size + 1) / 2;
    for (size_t i = 0; i < n; i++) wrong += values[i] != (int64_t)i * ranks;
    return wrong;
}

int main(int argc, char **argv)
{
    struct strata_comm world;
    struct strata_err err = {0};
    struct strata_arena scratch;
    if (strata_comm_mpi_init(&world, &argc, &argv, &err) != STRATA_OK) return 1;
    int64_t wrong = 1;
    if (strata_arena_init(&scratch, (size_t)8 << 30))
        wrong = large_exchange(&world, scratch) + large_sum(&world, scratch);
    strata_comm_sum(&world, &wrong, 1);
    if (world.rank == 0) (void)printf("%lld wrong elements\n", (long long)wrong);
    strata_comm_mpi_finish(&world);
    return wrong != 0;
}
