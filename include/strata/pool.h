/* A few threads of one rank that share the rows of a pass.  Which thread does what never shows in a
 * result: sums are exact. */
#ifndef STRATA_POOL_H
#define STRATA_POOL_H

#include <stddef.h>

#include "strata/arena.h"
#include "strata/status.h"

#define STRATA_MAX_THREADS 256

struct strata_pool;

/* Threads that this process may use when `wanted` is 0: the processors that the system gives it,
 * shared among the n_ranks_here ranks of this host that may use the same ones; at least 1, at most
 * STRATA_MAX_THREADS.  Not collective. */
int strata_pool_size(int wanted, int n_ranks_here);

/* Start a pool of n_threads, of which the caller is number 0; it lives in keep until it is stopped.
 * Not collective.  Fails when the system refuses a thread. */
STRATA_MUST_CHECK strata_status strata_pool_start(int n_threads, struct strata_arena *keep,
                                                  struct strata_pool **out, struct strata_err *err);

/* End the pool's threads.  Accepts NULL. */
void strata_pool_stop(struct strata_pool *pool);

/* 1 for NULL: a pool of the caller alone. */
int strata_pool_threads(const struct strata_pool *pool);

/* Run task(context, thread) once on each thread, the caller included; return when all have. */
void strata_pool_run(struct strata_pool *pool, void (*task)(void *context, int thread),
                     void *context);

/* The thread's share of n items: contiguous, whole blocks but for the last. */
struct strata_share {
    size_t first, n;
};
struct strata_share strata_share_of(size_t n, size_t block, int thread, int n_threads);

#endif
