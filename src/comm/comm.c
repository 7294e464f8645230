/* What all communicators share: counting, agreement, and collectives built from the maker's few. */
#include "strata/comm.h"

#include <stdlib.h>
#include <string.h>

#include "strata/clock.h"
#include "strata/fault.h"

void strata_comm_sum(struct strata_comm *comm, int64_t *values, size_t n)
{
    const double start = strata_clock_s();
    STRATA_FAULT("comm.sum.before");
    comm->ops->sum(comm, values, n);
    STRATA_FAULT("comm.sum.after");
    comm->wait_s += strata_clock_s() - start;
    comm->n_sums++;
    comm->sum_bytes += n * sizeof *values;
}

void strata_comm_broadcast(struct strata_comm *comm, void *bytes, size_t n_bytes, int root)
{
    STRATA_FAULT("comm.broadcast.before");
    comm->ops->broadcast(comm, bytes, n_bytes, root);
    STRATA_FAULT("comm.broadcast.after");
}

void strata_comm_gather_all(struct strata_comm *comm, const void *mine, size_t n_bytes, void *all)
{
    STRATA_FAULT("comm.gather.before");
    comm->ops->gather_all(comm, mine, n_bytes, all);
    STRATA_FAULT("comm.gather.after");
}

void strata_comm_barrier(struct strata_comm *comm)
{
    STRATA_FAULT("comm.barrier.before");
    comm->ops->barrier(comm);
    STRATA_FAULT("comm.barrier.after");
}

bool strata_comm_muster(struct strata_comm *comm, double limit_s)
{
    return comm->size == 1 || comm->ops->muster(comm, limit_s);
}

/* All well costs one sum of one integer; only when somebody failed is the lowest failing rank looked for. */
strata_status strata_comm_agree(struct strata_comm *comm, strata_status mine, struct strata_err *err)
{
    int64_t failures = mine != STRATA_OK;
    STRATA_FAULT("comm.agree.before");
    comm->ops->sum(comm, &failures, 1);
    STRATA_FAULT("comm.agree.after");
    if (failures == 0) return STRATA_OK;
    struct strata_err unused = {0};
    if (!err) err = &unused;
    if (mine != STRATA_OK && err->code == STRATA_OK)
        (void)STRATA_FAIL(err, mine, "%s", strata_status_word(mine));
    int lowest = comm->size;
    for (int first = 0; first < comm->size && lowest == comm->size; first += 1024) {
        int64_t failed[1024] = {0};
        const int n = comm->size - first < 1024 ? comm->size - first : 1024;
        if (mine != STRATA_OK && comm->rank >= first && comm->rank < first + n)
            failed[comm->rank - first] = 1;
        comm->ops->sum(comm, failed, (size_t)n);
        for (int i = n - 1; i >= 0; i--)
            if (failed[i]) lowest = first + i;
    }
    struct strata_err told = *err;
    told.rank = comm->rank;
    comm->ops->broadcast(comm, &told, sizeof told, lowest);
    *err = told;
    return told.code;
}

strata_status strata_comm_broadcast_blob(struct strata_comm *comm, const void *bytes,
                                         size_t n_bytes, int root, struct strata_arena *keep,
                                         char **out, size_t *n_out, struct strata_err *err)
{
    uint64_t length = n_bytes;
    STRATA_FAULT("comm.blob.before");
    comm->ops->broadcast(comm, &length, sizeof length, root);
    strata_status status = STRATA_OK;
    char *room = STRATA_NEW(keep, char, (size_t)length + 1);
    if (!room)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "%llu bytes of broadcast",
                             (unsigned long long)length);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    if (comm->rank == root && n_bytes) memcpy(room, bytes, n_bytes);
    comm->ops->broadcast(comm, room, (size_t)length, root);
    STRATA_FAULT("comm.blob.after");
    *out = room;
    *n_out = (size_t)length;
    return STRATA_OK;
}

void strata_comm_exchange_sizes(struct strata_comm *comm, const uint64_t *send_bytes,
                                uint64_t *receive_bytes)
{
    /* One 8-byte message a pair, by the exchange itself. */
    enum { BATCH = 4096 };
    static const uint64_t eight = sizeof(uint64_t);
    uint64_t sizes[BATCH];
    STRATA_REQUIRE(comm->size <= BATCH);
    for (int rank = 0; rank < comm->size; rank++) sizes[rank] = eight;
    comm->ops->exchange(comm, (const unsigned char *)send_bytes, sizes,
                        (unsigned char *)receive_bytes, sizes);
}

void strata_comm_exchange(struct strata_comm *comm, const unsigned char *send,
                          const uint64_t *send_bytes, unsigned char *receive,
                          const uint64_t *receive_bytes)
{
    const double start = strata_clock_s();
    STRATA_FAULT("comm.exchange.before");
    comm->ops->exchange(comm, send, send_bytes, receive, receive_bytes);
    STRATA_FAULT("comm.exchange.after");
    comm->wait_s += strata_clock_s() - start;
    comm->n_exchanges++;
}

strata_status strata_comm_gather_blobs(struct strata_comm *comm, const void *mine, size_t n_bytes,
                                       struct strata_arena *keep, unsigned char **all,
                                       uint64_t **offset, struct strata_err *err)
{
    const size_t size = (size_t)comm->size;
    uint64_t *starts = STRATA_NEW(keep, uint64_t, size + 1);
    uint64_t *lengths = STRATA_NEW(keep, uint64_t, size);
    strata_status status = STRATA_OK;
    if (!starts || !lengths) status = STRATA_FAIL(err, STRATA_E_MEMORY, "sizes of %zu ranks", size);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    const uint64_t my_length = n_bytes;
    STRATA_FAULT("comm.blobs.before");
    comm->ops->gather_all(comm, &my_length, sizeof my_length, lengths);
    for (size_t rank = 0; rank < size; rank++) starts[rank + 1] = starts[rank] + lengths[rank];
    unsigned char *room = STRATA_NEW(keep, unsigned char, (size_t)starts[size] + 1);
    if (!room)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "%llu gathered bytes",
                             (unsigned long long)starts[size]);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    for (int rank = 0; rank < comm->size; rank++) { /* own lengths: one broadcast a rank */
        if (rank == comm->rank && n_bytes) memcpy(room + starts[rank], mine, n_bytes);
        if (lengths[rank])
            comm->ops->broadcast(comm, room + starts[rank], (size_t)lengths[rank], rank);
    }
    STRATA_FAULT("comm.blobs.after");
    *all = room;
    *offset = starts;
    return STRATA_OK;
}

bool strata_comm_launched(void)
{
    static const char *const signs[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (getenv(signs[i])) return true;
    return false;
}
