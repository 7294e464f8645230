/* What ranks say to each other: exact sums, agreement, broadcast and exchange.  Two makers: in-process (one rank,
 * or several as threads, so that a whole fit is a unit test) and MPI.  Counts are 64-bit everywhere; large
 * exchanges go in rounds. */
#ifndef STRATA_COMM_H
#define STRATA_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/status.h"

struct strata_comm;
struct strata_watch;

/* What a maker provides; each is collective, infallible (a broken launcher kills the job), and called in the same
 * order on all ranks. */
struct strata_comm_ops {
    void (*sum)(struct strata_comm *comm, int64_t *values, size_t n); /* element-wise, in place */
    void (*broadcast)(struct strata_comm *comm, void *bytes, size_t n_bytes, int root);
    void (*gather_all)(struct strata_comm *comm, const void *mine, size_t n_bytes,
                       void *all); /* equal sizes */
    void (*exchange)(struct strata_comm *comm, const unsigned char *send,
                     const uint64_t *send_bytes, unsigned char *receive,
                     const uint64_t *receive_bytes); /* all to all, by rank */
    void (*barrier)(struct strata_comm *comm);
    bool (*muster)(struct strata_comm *comm, double limit_s); /* not collective */
    void (*abort)(struct strata_comm *comm, int exit_code);
};

struct strata_comm {
    int rank;
    int size;
    int n_here; /* ranks on this rank's host */
    const struct strata_comm_ops *ops;
    void *state;                /* the maker's own */
    struct strata_watch *watch; /* strata/watch.h; NULL: nobody watches */
    uint64_t n_sums; /* counters for the log and the tests: calls of strata_comm_sum, ... */
    uint64_t n_exchanges;
    uint64_t sum_bytes;
    double wait_s; /* seconds inside collectives */
};

/* The one-rank communicator.  Nothing to destroy. */
struct strata_comm strata_comm_single(void);

/* Run body(comm, context) on size threads that are ranks of one in-process communicator; return when all have.
 * Not collective. */
STRATA_MUST_CHECK strata_status strata_comm_run_threads(int size,
                                                        void (*body)(struct strata_comm *comm,
                                                                     void *context),
                                                        void *context, struct strata_err *err);

/* True when this process was started by mpirun or srun, so that MPI is wanted. */
bool strata_comm_launched(void);

/* Start MPI (FUNNELED) and make the world's communicator; finish ends MPI. */
STRATA_MUST_CHECK strata_status strata_comm_mpi_init(struct strata_comm *comm, int *argc,
                                                     char ***argv, struct strata_err *err);
void strata_comm_mpi_finish(struct strata_comm *comm);

/* Replace values by their sums over all ranks.  Collective.  Integer addition: same bits in any order.
 * values is (n); the caller keeps each |sum| below 2^63. */
void strata_comm_sum(struct strata_comm *comm, int64_t *values, size_t n);

/* All go on, or all return the same status with the same sentence: that of the lowest failing rank, whose number is
 * put in err->rank.  Collective.  One 8-byte sum when all is well. */
STRATA_MUST_CHECK strata_status strata_comm_agree(struct strata_comm *comm, strata_status mine,
                                                  struct strata_err *err);

/* Whether all ranks come to a muster within limit_s, while who does not come may be inside any collective: not
 * collective, and free of cost for those who never call.  Once false, the caller must end the job (ops->abort). */
bool strata_comm_muster(struct strata_comm *comm, double limit_s);

/* Rank root's bytes on all ranks.  Collective. */
void strata_comm_broadcast(struct strata_comm *comm, void *bytes, size_t n_bytes, int root);

/* Rank root's text (any length below 2^32) on all ranks, in keep.  Collective.  Fails only for lack of memory, on
 * all ranks alike. */
STRATA_MUST_CHECK strata_status strata_comm_broadcast_blob(struct strata_comm *comm,
                                                           const void *bytes, size_t n_bytes,
                                                           int root, struct strata_arena *keep,
                                                           char **out, size_t *n_out,
                                                           struct strata_err *err);

/* Every rank's n_bytes, in rank order, in all (size * n_bytes).  Collective. */
void strata_comm_gather_all(struct strata_comm *comm, const void *mine, size_t n_bytes, void *all);

/* Every rank's blob (own length each), concatenated in rank order, in keep; offset is (size + 1).  Collective.
 * Fails for lack of memory on all ranks alike. */
STRATA_MUST_CHECK strata_status strata_comm_gather_blobs(struct strata_comm *comm, const void *mine,
                                                         size_t n_bytes, struct strata_arena *keep,
                                                         unsigned char **all, uint64_t **offset,
                                                         struct strata_err *err);

/* Send send_bytes[r] bytes to each rank r (blocks in rank order in send), receive likewise.  Collective.
 * strata_comm_exchange_sizes first tells each rank what it will receive.  In rounds of at most 1 GiB a pair. */
void strata_comm_exchange_sizes(struct strata_comm *comm, const uint64_t *send_bytes,
                                uint64_t *receive_bytes);
void strata_comm_exchange(struct strata_comm *comm, const unsigned char *send,
                          const uint64_t *send_bytes, unsigned char *receive,
                          const uint64_t *receive_bytes);

void strata_comm_barrier(struct strata_comm *comm);

#endif
