/* The MPI communicator.  Open MPI 4 counts in int: what is larger goes in rounds.  Errors of MPI itself end the job
 * (MPI_ERRORS_ARE_FATAL): there is no way to go on without a peer. */
#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "strata/clock.h"
#include "strata/comm.h"
#include "strata/fault.h"
#include "strata/watch.h"

/* MPI starts in a second, or in a minute on many hosts; but when a rank dies in it, the others may wait for ever. */
#define INIT_LIMIT_S 300

/* Elements of one MPI call; STRATA_COMM_ROUND lowers it in tests. */
static size_t round_max = (size_t)1 << 30;

/* For musters; made and freed with the world's. */
static MPI_Comm apart;

static MPI_Comm *world(struct strata_comm *comm)
{
    return comm->state;
}

static void sum(struct strata_comm *comm, int64_t *values, size_t n)
{
    for (size_t done = 0; done < n;) {
        const size_t piece = n - done < round_max ? n - done : round_max;
        (void)MPI_Allreduce(MPI_IN_PLACE, values + done, (int)piece, MPI_INT64_T, MPI_SUM,
                            *world(comm));
        done += piece;
    }
}

static void broadcast(struct strata_comm *comm, void *bytes, size_t n_bytes, int root)
{
    for (size_t done = 0; done < n_bytes;) {
        const size_t piece = n_bytes - done < round_max ? n_bytes - done : round_max;
        (void)MPI_Bcast((unsigned char *)bytes + done, (int)piece, MPI_BYTE, root, *world(comm));
        done += piece;
    }
}

static void gather_all(struct strata_comm *comm, const void *mine, size_t n_bytes, void *all)
{
    if (n_bytes * (size_t)comm->size <= round_max) {
        (void)MPI_Allgather(mine, (int)n_bytes, MPI_BYTE, all, (int)n_bytes, MPI_BYTE, *world(comm));
        return;
    }
    for (int rank = 0; rank < comm->size; rank++) { /* too large for one call: a broadcast a rank */
        unsigned char *theirs = (unsigned char *)all + (size_t)rank * n_bytes;
        if (rank == comm->rank) memcpy(theirs, mine, n_bytes);
        broadcast(comm, theirs, n_bytes, rank);
    }
}

/* The exchange goes round by round: in round r each pair sends its bytes [r * limit, (r + 1) * limit).  Displacements of
 * a call are ints, so a round moves at most round_max bytes a rank; a buffer of that size holds what is sent, and
 * another what is received. */
struct round {
    int *count, *start;
    unsigned char *bytes;
};

static size_t piece_of_round(uint64_t n_bytes, uint64_t done, size_t limit)
{
    if (done >= n_bytes) return 0;
    return n_bytes - done < limit ? (size_t)(n_bytes - done) : limit;
}

static size_t plan_round(struct round *round, int size, const uint64_t *n_bytes, uint64_t done,
                         size_t limit)
{
    size_t total = 0;
    for (int rank = 0; rank < size; rank++) {
        const size_t piece = piece_of_round(n_bytes[rank], done, limit);
        round->count[rank] = (int)piece;
        round->start[rank] = (int)total;
        total += piece;
    }
    return total;
}

static void exchange_rounds(struct strata_comm *comm, const unsigned char *send,
                            const uint64_t *send_bytes, unsigned char *receive,
                            const uint64_t *receive_bytes, uint64_t longest)
{
    const int size = comm->size;
    const size_t limit = round_max / (size_t)size ? round_max / (size_t)size : 1;
    struct round out = {malloc((size_t)size * sizeof(int)), malloc((size_t)size * sizeof(int)),
                        malloc(round_max)};
    struct round in = {malloc((size_t)size * sizeof(int)), malloc((size_t)size * sizeof(int)),
                       malloc(round_max)};
    if (!out.count || !out.start || !out.bytes || !in.count || !in.start || !in.bytes)
        comm->ops->abort(comm, strata_status_exit_code(STRATA_E_MEMORY));
    for (uint64_t done = 0; done < longest; done += limit) {
        (void)plan_round(&out, size, send_bytes, done, limit);
        (void)plan_round(&in, size, receive_bytes, done, limit);
        uint64_t before = 0;
        for (int rank = 0; rank < size; before += send_bytes[rank++])
            if (out.count[rank])
                memcpy(out.bytes + out.start[rank], send + before + done, (size_t)out.count[rank]);
        (void)MPI_Alltoallv(out.bytes, out.count, out.start, MPI_BYTE, in.bytes, in.count, in.start,
                            MPI_BYTE, *world(comm));
        before = 0;
        for (int rank = 0; rank < size; before += receive_bytes[rank++])
            if (in.count[rank])
                memcpy(receive + before + done, in.bytes + in.start[rank], (size_t)in.count[rank]);
    }
    free(out.count), free(out.start), free(out.bytes);
    free(in.count), free(in.start), free(in.bytes);
}

static void exchange(struct strata_comm *comm, const unsigned char *send, const uint64_t *send_bytes,
                     unsigned char *receive, const uint64_t *receive_bytes)
{
    enum { SMALL_RANKS = 4096 };
    STRATA_REQUIRE(comm->size <= SMALL_RANKS);
    uint64_t sent = 0, received = 0, longest = 0;
    for (int rank = 0; rank < comm->size; rank++) {
        sent += send_bytes[rank];
        received += receive_bytes[rank];
        if (send_bytes[rank] > longest) longest = send_bytes[rank];
        if (receive_bytes[rank] > longest) longest = receive_bytes[rank];
    }
    /* All ranks must choose the same way, so the choice is a maximum over ranks. */
    uint64_t mine[2] = {sent > received ? sent : received, longest}, most[2];
    (void)MPI_Allreduce(mine, most, 2, MPI_UINT64_T, MPI_MAX, *world(comm));
    if (most[0] > round_max) {
        exchange_rounds(comm, send, send_bytes, receive, receive_bytes, most[1]);
        return;
    }
    int send_count[SMALL_RANKS], send_start[SMALL_RANKS], receive_count[SMALL_RANKS],
        receive_start[SMALL_RANKS];
    struct round out = {send_count, send_start, NULL}, in = {receive_count, receive_start, NULL};
    (void)plan_round(&out, comm->size, send_bytes, 0, round_max);
    (void)plan_round(&in, comm->size, receive_bytes, 0, round_max);
    (void)MPI_Alltoallv(send, send_count, send_start, MPI_BYTE, receive, receive_count,
                        receive_start, MPI_BYTE, *world(comm));
}

static void barrier(struct strata_comm *comm)
{
    (void)MPI_Barrier(*world(comm));
}

/* On a communicator of its own, as others may be inside a collective of the world. */
static bool muster(struct strata_comm *comm, double limit_s)
{
    (void)comm;
    MPI_Request request;
    int all_here = 0;
    (void)MPI_Ibarrier(apart, &request);
    for (const double end_s = strata_clock_s() + limit_s; !all_here && strata_clock_s() < end_s;) {
        (void)MPI_Test(&request, &all_here, MPI_STATUS_IGNORE);
        (void)sched_yield();
    }
    return all_here;
}

static void leave(struct strata_comm *comm, int exit_code)
{
    (void)MPI_Abort(*world(comm), exit_code);
    _Exit(exit_code);
}

static const struct strata_comm_ops mpi_ops = {
    .sum = sum,
    .broadcast = broadcast,
    .gather_all = gather_all,
    .exchange = exchange,
    .barrier = barrier,
    .muster = muster,
    .abort = leave,
};

strata_status strata_comm_mpi_init(struct strata_comm *comm, int *argc, char ***argv,
                                   struct strata_err *err)
{
    static MPI_Comm everybody;
    int provided = 0;
    STRATA_FAULT_RANK(getenv("PMIX_RANK") ? (int)strtol(getenv("PMIX_RANK"), NULL, 10) : 0);
    STRATA_FAULT("mpi.init.before");
    strata_watch_await(INIT_LIMIT_S);
    if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS ||
        provided < MPI_THREAD_FUNNELED)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "MPI does not start with thread level FUNNELED");
    (void)MPI_Comm_dup(MPI_COMM_WORLD, &everybody);
    (void)MPI_Comm_dup(MPI_COMM_WORLD, &apart);
    *comm = (struct strata_comm){.ops = &mpi_ops, .state = &everybody};
    (void)MPI_Comm_rank(everybody, &comm->rank);
    (void)MPI_Comm_size(everybody, &comm->size);
    STRATA_FAULT_RANK(comm->rank);
    MPI_Comm here;
    (void)MPI_Comm_split_type(everybody, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    (void)MPI_Comm_size(here, &comm->n_here);
    (void)MPI_Comm_free(&here);
    const char *round = getenv("STRATA_COMM_ROUND");
    if (round && strtoull(round, NULL, 10) >= 1024) round_max = (size_t)strtoull(round, NULL, 10);
    if (round_max > INT_MAX) round_max = INT_MAX;
    strata_watch_await(0);
    STRATA_FAULT("mpi.init.after");
    return STRATA_OK;
}

void strata_comm_mpi_finish(struct strata_comm *comm)
{
    (void)MPI_Comm_free(world(comm));
    (void)MPI_Comm_free(&apart);
    (void)MPI_Finalize();
}
