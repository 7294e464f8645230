/* The in-process communicator: ranks are threads that meet at a barrier and read each other's arguments.  Made for
 * tests of whole fits, and for the one rank that was started without a launcher. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "strata/clock.h"
#include "strata/comm.h"
#include "strata/fault.h"

#define THREAD_RANKS_MAX 64

/* What a rank shows the others during one collective. */
struct show {
    const void *in;
    void *out;
    const uint64_t *sizes;
};

struct meeting {
    pthread_barrier_t barrier;
    int size;
    _Atomic int n_mustered;
    struct show show[THREAD_RANKS_MAX];
    int64_t *total; /* of a sum, made by rank 0 between two barriers */
    size_t total_room;
};

static struct meeting *meet(struct strata_comm *comm)
{
    struct meeting *meeting = comm->state;
    if (meeting->size > 1)
        (void)pthread_barrier_wait(&meeting->barrier); /* either 0 or the serial thread's mark */
    return meeting;
}

static struct meeting *show_and_meet(struct strata_comm *comm, struct show mine)
{
    struct meeting *meeting = comm->state;
    meeting->show[comm->rank] = mine;
    return meet(comm);
}

static void sum(struct strata_comm *comm, int64_t *values, size_t n)
{
    if (comm->size == 1) return;
    struct meeting *meeting = show_and_meet(comm, (struct show){.in = values});
    if (comm->rank == 0) {
        if (meeting->total_room < n) {
            free(meeting->total);
            meeting->total = malloc(n * sizeof *values);
            STRATA_REQUIRE(meeting->total);
            meeting->total_room = n;
        }
        for (size_t i = 0; i < n; i++) {
            uint64_t total = 0; /* wraps like the wire does */
            for (int rank = 0; rank < comm->size; rank++)
                total += (uint64_t)((const int64_t *)meeting->show[rank].in)[i];
            meeting->total[i] = (int64_t)total;
        }
    }
    (void)meet(comm);
    if (n) memcpy(values, meeting->total, n * sizeof *values);
    (void)meet(comm);
}

static void broadcast(struct strata_comm *comm, void *bytes, size_t n_bytes, int root)
{
    if (comm->size == 1) return;
    struct meeting *meeting = show_and_meet(comm, (struct show){.in = bytes});
    if (comm->rank != root && n_bytes) memcpy(bytes, meeting->show[root].in, n_bytes);
    (void)meet(comm);
}

static void gather_all(struct strata_comm *comm, const void *mine, size_t n_bytes, void *all)
{
    struct meeting *meeting = show_and_meet(comm, (struct show){.in = mine});
    for (int rank = 0; rank < comm->size && n_bytes; rank++)
        memcpy((unsigned char *)all + (size_t)rank * n_bytes, meeting->show[rank].in, n_bytes);
    (void)meet(comm);
}

static void exchange(struct strata_comm *comm, const unsigned char *send, const uint64_t *send_bytes,
                     unsigned char *receive, const uint64_t *receive_bytes)
{
    struct meeting *meeting = show_and_meet(comm, (struct show){.in = send, .sizes = send_bytes});
    for (int from = 0; from < comm->size; from++) {
        const struct show *theirs = &meeting->show[from];
        uint64_t before = 0;
        for (int rank = 0; rank < comm->rank; rank++) before += theirs->sizes[rank];
        STRATA_REQUIRE(theirs->sizes[comm->rank] == receive_bytes[from]);
        if (receive_bytes[from])
            memcpy(receive, (const unsigned char *)theirs->in + before, (size_t)receive_bytes[from]);
        receive += receive_bytes[from];
    }
    (void)meet(comm);
}

static void barrier(struct strata_comm *comm)
{
    (void)meet(comm);
}

static bool muster(struct strata_comm *comm, double limit_s)
{
    struct meeting *meeting = comm->state;
    meeting->n_mustered++;
    const double end_s = strata_clock_s() + limit_s;
    while (meeting->n_mustered < meeting->size && strata_clock_s() < end_s) (void)sched_yield();
    return meeting->n_mustered == meeting->size;
}

static void leave(struct strata_comm *comm, int exit_code)
{
    (void)comm;
    _Exit(exit_code);
}

static const struct strata_comm_ops thread_ops = {
    .sum = sum,
    .broadcast = broadcast,
    .gather_all = gather_all,
    .exchange = exchange,
    .barrier = barrier,
    .muster = muster,
    .abort = leave,
};

struct strata_comm strata_comm_single(void)
{
    static struct meeting alone = {.size = 1};
    return (struct strata_comm){
        .rank = 0, .size = 1, .n_here = 1, .ops = &thread_ops, .state = &alone};
}

struct thread {
    struct strata_comm comm;
    void (*body)(struct strata_comm *comm, void *context);
    void *context;
};

static void *run_thread(void *argument)
{
    struct thread *thread = argument;
    STRATA_FAULT_RANK(thread->comm.rank);
    thread->body(&thread->comm, thread->context);
    return NULL;
}

strata_status strata_comm_run_threads(int size,
                                      void (*body)(struct strata_comm *comm, void *context),
                                      void *context, struct strata_err *err)
{
    STRATA_REQUIRE(size > 0 && size <= THREAD_RANKS_MAX);
    struct meeting meeting = {.size = size};
    struct thread threads[THREAD_RANKS_MAX];
    pthread_t handles[THREAD_RANKS_MAX];
    if (pthread_barrier_init(&meeting.barrier, NULL, (unsigned)size) != 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "cannot make a barrier for %d threads", size);
    for (int rank = 0; rank < size; rank++) {
        threads[rank] = (struct thread){
            .comm = {.rank = rank, .size = size, .n_here = size, .ops = &thread_ops, .state = &meeting},
            .body = body,
            .context = context,
        };
        /* The threads already started wait for the missing one for ever: nothing to be saved here. */
        STRATA_REQUIRE(pthread_create(&handles[rank], NULL, run_thread, &threads[rank]) == 0);
    }
    for (int rank = 0; rank < size; rank++) (void)pthread_join(handles[rank], NULL);
    (void)pthread_barrier_destroy(&meeting.barrier);
    free(meeting.total);
    return STRATA_OK;
}
