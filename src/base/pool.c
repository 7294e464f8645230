#define _GNU_SOURCE /* sched_getaffinity */
#include "strata/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct strata_pool {
    pthread_mutex_t lock;
    pthread_cond_t start, done; /* a new task is there; the last thread is ready with it */
    int n_threads, n_busy;
    unsigned long round; /* of the task that is there */
    bool ends;
    void (*task)(void *context, int thread);
    void *context;
    pthread_t thread[STRATA_MAX_THREADS];
    struct member {
        struct strata_pool *pool;
        int number;
    } member[STRATA_MAX_THREADS];
};

int strata_pool_size(int wanted, int n_ranks_here)
{
    if (wanted > 0) return wanted < STRATA_MAX_THREADS ? wanted : STRATA_MAX_THREADS;
    cpu_set_t mine;
    CPU_ZERO(&mine);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int all = online > 0 ? (int)online : 1;
    int given = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : all;
    const int share = all / (n_ranks_here > 0 ? n_ranks_here : 1); /* bound ranks have less */
    if (given > share) given = share;
    if (given > STRATA_MAX_THREADS) given = STRATA_MAX_THREADS;
    return given > 0 ? given : 1;
}

static void *work(void *argument)
{
    const struct member *member = argument;
    struct strata_pool *pool = member->pool;
    unsigned long round = 0;
    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == round && !pool->ends)
            (void)pthread_cond_wait(&pool->start, &pool->lock);
        if (pool->ends) break;
        round = pool->round;
        (void)pthread_mutex_unlock(&pool->lock);
        pool->task(pool->context, member->number);
        (void)pthread_mutex_lock(&pool->lock);
        if (--pool->n_busy == 0) (void)pthread_cond_signal(&pool->done);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

strata_status strata_pool_start(int n_threads, struct strata_arena *keep, struct strata_pool **out,
                                struct strata_err *err)
{
    STRATA_REQUIRE(n_threads >= 1 && n_threads <= STRATA_MAX_THREADS);
    struct strata_pool *pool = STRATA_NEW(keep, struct strata_pool, 1);
    if (!pool) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %d threads", n_threads);
    (void)pthread_mutex_init(&pool->lock, NULL); /* default attributes: cannot fail here */
    (void)pthread_cond_init(&pool->start, NULL);
    (void)pthread_cond_init(&pool->done, NULL);
    pool->n_threads = 1;
    for (int i = 1; i < n_threads; i++) {
        pool->member[i] = (struct member){pool, i};
        const int failure = pthread_create(&pool->thread[i], NULL, work, &pool->member[i]);
        if (failure != 0) {
            strata_pool_stop(pool);
            return STRATA_FAIL(err, STRATA_E_SYSTEM,
                               "cannot start thread %d of %d: %s; set threads to fewer", i + 1,
                               n_threads, strerror(failure));
        }
        pool->n_threads++;
    }
    *out = pool;
    return STRATA_OK;
}

void strata_pool_stop(struct strata_pool *pool)
{
    if (!pool) return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->ends = true;
    (void)pthread_cond_broadcast(&pool->start);
    (void)pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->n_threads; i++) (void)pthread_join(pool->thread[i], NULL);
    (void)pthread_cond_destroy(&pool->done);
    (void)pthread_cond_destroy(&pool->start);
    (void)pthread_mutex_destroy(&pool->lock);
}

int strata_pool_threads(const struct strata_pool *pool)
{
    return pool ? pool->n_threads : 1;
}

void strata_pool_run(struct strata_pool *pool, void (*task)(void *context, int thread),
                     void *context)
{
    if (strata_pool_threads(pool) == 1) {
        task(context, 0);
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->task = task;
    pool->context = context;
    pool->n_busy = pool->n_threads - 1;
    pool->round++;
    (void)pthread_cond_broadcast(&pool->start);
    (void)pthread_mutex_unlock(&pool->lock);
    task(context, 0);
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->n_busy > 0) (void)pthread_cond_wait(&pool->done, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}

struct strata_share strata_share_of(size_t n, size_t block, int thread, int n_threads)
{
    const size_t blocks = n / block + (n % block != 0);
    const size_t from = blocks / (size_t)n_threads * (size_t)thread +
                        blocks % (size_t)n_threads * (size_t)thread / (size_t)n_threads;
    const size_t to = blocks / (size_t)n_threads * ((size_t)thread + 1) +
                      blocks % (size_t)n_threads * ((size_t)thread + 1) / (size_t)n_threads;
    const size_t first = from * block < n ? from * block : n;
    const size_t last = to * block < n ? to * block : n;
    return (struct strata_share){first, last - first};
}
