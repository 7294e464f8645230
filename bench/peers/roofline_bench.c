/* What the machine can do at most, the two numbers that limit a pass: bytes read a second, from memory,
 * in 1, 4 or 8 streams a thread, and float32 fused multiply-adds a second.
 *
 *   roofline [threads=T] [megabytes=512]
 *
 * Prints one JSON line: bandwidth in bytes a second by streams, peak in operations a second (an fma
 * is two), each the best of several runs, all threads together. */
#include <pthread.h>

#include "peer.h"

#define MAX_THREADS 64
#define RUNS 7
#define CHAINS 16 /* independent fmas in flight: latency times width of two ports */
#define FMA_ROUNDS 4000000UL

#if defined(__AVX512F__)
#    define LANES 16
#else
#    define LANES 8
#endif
typedef float lanes __attribute__((vector_size(4 * LANES)));

struct work {
    const lanes *x; /* (n) of this thread */
    size_t n;
    int streams; /* 0: fmas */
    float found; /* so that nothing is optimised away */
    pthread_barrier_t *barrier;
    double seconds;
    pthread_t thread;
};

static float fold(lanes v)
{
    float total = 0;
    for (int i = 0; i < LANES; i++) total += v[i];
    return total;
}

/* Read n vectors as several streams side by side. */
static float read_streams(const lanes *x, size_t n, int streams)
{
    lanes sum[8] = {0};
    const size_t length = n / (size_t)streams;
    if (streams == 1)
        for (size_t i = 0; i + 4 <= length; i += 4)
            for (size_t u = 0; u < 4; u++) sum[u] += x[i + u];
    else if (streams == 4)
        for (size_t i = 0; i + 2 <= length; i += 2)
            for (size_t s = 0; s < 4; s++) {
                sum[s] += x[s * length + i];
                sum[s + 4] += x[s * length + i + 1];
            }
    else
        for (size_t i = 0; i < length; i++)
            for (size_t s = 0; s < 8; s++) sum[s] += x[s * length + i];
    lanes all = sum[0];
    for (int s = 1; s < 8; s++) all += sum[s];
    return fold(all);
}

static float multiply_add(void)
{
    lanes sum[CHAINS], factor, term;
    for (int l = 0; l < LANES; l++) {
        factor[l] = 0.999F;
        term[l] = 0.001F;
    }
    for (int c = 0; c < CHAINS; c++) sum[c] = term * (float)c;
    for (size_t i = 0; i < FMA_ROUNDS; i++) {
#pragma GCC unroll 16
        for (int c = 0; c < CHAINS; c++) sum[c] = sum[c] * factor + term;
        __asm__ volatile("" : "+r"(i)); /* each round is done */
    }
    for (int c = 1; c < CHAINS; c++) sum[0] += sum[c];
    return fold(sum[0]);
}

static void *work(void *context)
{
    struct work *mine = context;
    (void)pthread_barrier_wait(mine->barrier);
    const double start = peer_now();
    mine->found += mine->streams ? read_streams(mine->x, mine->n, mine->streams) : multiply_add();
    mine->seconds = peer_now() - start;
    return NULL;
}

/* Seconds of the slowest thread, in the best of several runs. */
static double best_of(struct work *all, size_t n_threads, int streams)
{
    double best = 1e30;
    for (int run = 0; run < RUNS; run++) {
        double slowest = 0;
        for (size_t t = 0; t < n_threads; t++) {
            all[t].streams = streams;
            if (t && pthread_create(&all[t].thread, NULL, work, &all[t]) != 0)
                peer_fail("no thread");
        }
        (void)work(&all[0]);
        for (size_t t = 0; t < n_threads; t++) {
            if (t) (void)pthread_join(all[t].thread, NULL);
            slowest = all[t].seconds > slowest ? all[t].seconds : slowest;
        }
        best = slowest < best ? slowest : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    const size_t n_threads = peer_number(argc, argv, "threads", 1),
                 bytes = peer_number(argc, argv, "megabytes", 512) << 20;
    if (!n_threads || n_threads > MAX_THREADS)
        peer_fail("usage: roofline [threads=T] [megabytes=M]");
    static struct work all[MAX_THREADS];
    pthread_barrier_t barrier;
    if (pthread_barrier_init(&barrier, NULL, (unsigned)n_threads) != 0) peer_fail("no barrier");
    float found = 0;
    for (size_t t = 0; t < n_threads; t++) {
        float *x = peer_room(bytes / n_threads, 1);
        for (size_t i = 0; i < bytes / n_threads / sizeof *x; i++) x[i] = 1e-9F;
        all[t] = (struct work){.x = (const lanes *)(const void *)x,
                               .n = bytes / n_threads / sizeof(lanes),
                               .barrier = &barrier};
    }
    static const int streams[] = {1, 4, 8};
    (void)printf("{\"threads\": %zu, \"lanes\": %d", n_threads, LANES);
    for (int s = 0; s < 3; s++)
        (void)printf(", \"read_%d\": %.4g", streams[s],
                     (double)bytes / best_of(all, n_threads, streams[s]));
    const double operations = 2.0 * CHAINS * LANES * (double)FMA_ROUNDS * (double)n_threads;
    (void)printf(", \"flop\": %.4g", operations / best_of(all, n_threads, 0));
    for (size_t t = 0; t < n_threads; t++) found += all[t].found;
    (void)printf(", \"check\": %d}\n", found > 0);
    return 0;
}
