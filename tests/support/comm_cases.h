/* Properties of any communicator, run by ranks that are threads (unit.comm) and processes (mpi.comm).
 * Failures are counted and returned: a rank that left early would leave the others waiting. */
#ifndef COMM_CASES_H
#define COMM_CASES_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "strata/comm.h"

#define CHECK(condition) \
    ((condition)         \
         ? 0             \
         : (fprintf(stderr, "rank %d: %s:%d: %s\n", comm->rank, __FILE__, __LINE__, #condition), 1))

static int sums_are_exact(struct strata_comm *comm)
{
    static _Thread_local int64_t values[20000]; /* several rounds when a round is small */
    int wrong = 0;
    for (int64_t i = 0; i < 20000; i++) values[i] = (comm->rank + 1) * ((INT64_C(1) << 40) + i);
    strata_comm_sum(comm, values, 20000);
    const int64_t ranks = (int64_t)comm->size * (comm->size + 1) / 2;
    for (int64_t i = 0; i < 20000; i++) wrong += values[i] != ranks * ((INT64_C(1) << 40) + i);
    return CHECK(wrong == 0);
}

static int the_lowest_failing_rank_speaks_for_all(struct strata_comm *comm)
{
    int failures = 0;
    struct strata_err err = {0};
    failures += CHECK(strata_comm_agree(comm, STRATA_OK, &err) == STRATA_OK);
    const int first = comm->size > 2 ? 1 : 0;
    strata_status mine = STRATA_OK;
    if (comm->rank >= first)
        mine = STRATA_FAIL(&err, STRATA_E_DATA, "rank %d has a bad row", comm->rank);
    failures += CHECK(strata_comm_agree(comm, mine, &err) == STRATA_E_DATA);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "rank %d has a bad row", first);
    failures += CHECK(strcmp(err.text, expected) == 0);
    failures += CHECK(err.rank == first);
    return failures;
}

static unsigned char pattern(int from, int to, uint64_t i)
{
    return (unsigned char)((uint64_t)from * 31 + (uint64_t)to * 7 + i * 13 + i / 251);
}

/* Rank a sends b a length that depends on both, 0 for some; unit is the length's scale. */
static uint64_t length_of(int from, int to, uint64_t unit)
{
    return (uint64_t)((from * 5 + to * 3) % 4) * unit;
}

static int exchange_brings_each_block_to_its_rank(struct strata_comm *comm,
                                                  struct strata_arena scratch, uint64_t unit)
{
    uint64_t send_bytes[64], receive_bytes[64], sent = 0, received = 0;
    for (int rank = 0; rank < comm->size; rank++)
        sent += send_bytes[rank] = length_of(comm->rank, rank, unit);
    strata_comm_exchange_sizes(comm, send_bytes, receive_bytes);
    int wrong_sizes = 0;
    for (int rank = 0; rank < comm->size; rank++) {
        wrong_sizes += receive_bytes[rank] != length_of(rank, comm->rank, unit);
        received += receive_bytes[rank];
    }
    unsigned char *send = STRATA_NEW(&scratch, unsigned char, sent + 1);
    unsigned char *receive = STRATA_NEW(&scratch, unsigned char, received + 1);
    uint64_t at = 0, wrong = 0;
    for (int rank = 0; rank < comm->size; rank++)
        for (uint64_t i = 0; i < send_bytes[rank]; i++) send[at++] = pattern(comm->rank, rank, i);
    strata_comm_exchange(comm, send, send_bytes, receive, receive_bytes);
    at = 0;
    for (int rank = 0; rank < comm->size; rank++)
        for (uint64_t i = 0; i < receive_bytes[rank]; i++)
            wrong += receive[at++] != pattern(rank, comm->rank, i);
    return CHECK(wrong_sizes == 0) + CHECK(wrong == 0);
}

static int blobs_arrive_whole(struct strata_comm *comm, struct strata_arena scratch)
{
    int failures = 0;
    struct strata_err err = {0};
    char mine[64], *out = NULL;
    size_t n_out = 0;
    const int n = comm->rank == 1 ? 0 : snprintf(mine, sizeof mine, "from rank %d", comm->rank);
    unsigned char *all = NULL;
    uint64_t *offset = NULL;
    failures += CHECK(strata_comm_gather_blobs(comm, mine, (size_t)n, &scratch, &all, &offset,
                                               &err) == STRATA_OK);
    for (int rank = 0; rank < comm->size; rank++) {
        char expected[64];
        const int length = rank == 1 ? 0 : snprintf(expected, sizeof expected, "from rank %d", rank);
        failures += CHECK(offset[rank + 1] - offset[rank] == (uint64_t)length);
        failures += CHECK(memcmp(all + offset[rank], expected, (size_t)length) == 0);
    }
    const int root = comm->size - 1;
    failures += CHECK(strata_comm_broadcast_blob(comm, mine, (size_t)n, root, &scratch, &out,
                                                 &n_out, &err) == STRATA_OK);
    failures += CHECK(n_out == offset[root + 1] - offset[root] &&
                      memcmp(out, all + offset[root], n_out) == 0);
    return failures;
}

static int comm_cases(struct strata_comm *comm)
{
    struct strata_arena scratch;
    if (!strata_arena_init(&scratch, (size_t)64 << 20)) return 1;
    int failures = sums_are_exact(comm);
    failures += the_lowest_failing_rank_speaks_for_all(comm);
    failures += exchange_brings_each_block_to_its_rank(comm, scratch, 10);
    failures += exchange_brings_each_block_to_its_rank(comm, scratch, 100000);
    failures += exchange_brings_each_block_to_its_rank(comm, scratch, 0);
    failures += blobs_arrive_whole(comm, scratch);
    strata_comm_barrier(comm);
    failures += CHECK(comm->n_sums == 1);
    strata_arena_finish(&scratch);
    return failures;
}

#endif
