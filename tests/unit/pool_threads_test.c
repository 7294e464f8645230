/* The pool's threads each run a task once, see what was written before it, and shares cover all rows. */
#include <stdio.h>
#include <stdlib.h>

#include "strata/pool.h"

#define ROUNDS 2000

static int failures;

static void expect(int holds, const char *what)
{
    if (holds) return;
    printf("failed: %s\n", what);
    failures++;
}

struct work {
    long before;                   /* written by the caller before each round */
    long seen[STRATA_MAX_THREADS]; /* written by the threads */
    int n_threads;
};

static void task(void *context, int thread)
{
    struct work *work = context;
    work->seen[thread] += work->before;
}

static void every_thread_runs_each_task_once(struct strata_arena *arena, int n_threads)
{
    struct strata_err err = {0};
    struct strata_pool *pool = NULL;
    expect(strata_pool_start(n_threads, arena, &pool, &err) == STRATA_OK, err.text);
    if (!pool) return;
    struct work work = {.n_threads = n_threads};
    long total = 0;
    for (long round = 1; round <= ROUNDS; round++) {
        work.before = round;
        total += round;
        strata_pool_run(pool, task, &work);
        for (int t = 0; t < n_threads; t++) expect(work.seen[t] == total, "a thread ran once");
    }
    strata_pool_stop(pool);
}

static void shares_cover_all_rows_once_in_whole_blocks(void)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 4096, 4097, 100003};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int n_threads = 1; n_threads <= 9; n_threads++) {
            size_t next = 0;
            for (int t = 0; t < n_threads; t++) {
                const struct strata_share share = strata_share_of(sizes[s], 16, t, n_threads);
                expect(share.first == next, "shares are contiguous");
                expect(share.first % 16 == 0 || share.n == 0, "shares begin with a block");
                next = share.first + share.n;
            }
            expect(next == sizes[s], "shares cover all rows");
        }
    }
}

static void the_size_is_bounded(void)
{
    expect(strata_pool_size(7, 1) == 7, "what is wanted");
    expect(strata_pool_size(100000, 1) == STRATA_MAX_THREADS, "the largest");
    expect(strata_pool_size(0, 1) >= 1, "at least one");
    expect(strata_pool_size(0, 1000000) == 1, "one for each of many ranks");
}

int main(void)
{
    struct strata_arena arena;
    if (!strata_arena_init(&arena, 1 << 24)) return EXIT_FAILURE;
    for (int n_threads = 1; n_threads <= 5; n_threads++)
        every_thread_runs_each_task_once(&arena, n_threads);
    shares_cover_all_rows_once_in_whole_blocks();
    the_size_is_bounded();
    strata_arena_finish(&arena);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
