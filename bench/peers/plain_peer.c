/* k-means as one writes it in C: Lloyd's loop over rows, centres and columns, float32 distances and
 * double sums.  Built twice: with -O3, and with -O3 -ffast-math for this processor.
 *
 *   plain matrix=FILE n=N d=D k=K start=FILE iterations=I [threads=T] [centres=FILE]
 *
 * Stops when no label moves or after I iterations; prints one JSON line with all its times. */
#include <pthread.h>
#include <stdbool.h>

#include "peer.h"

#define MAX_THREADS 64
#define MAX_ITERATIONS 4096

/* One thread's rows and what a pass over them gives. */
struct share {
    const float *x, *centre;
    size_t n, d, k, moved;
    int *label;    /* (n) */
    double *sum;   /* (k, d) */
    size_t *count; /* (k) */
    pthread_t thread;
};

static int nearest(const float *row, const float *centre, size_t k, size_t d)
{
    int best = 0;
    float least = 0;
    for (size_t c = 0; c < k; c++) {
        float distance = 0;
        for (size_t j = 0; j < d; j++) {
            const float t = row[j] - centre[c * d + j];
            distance += t * t;
        }
        if (c == 0 || distance < least) {
            least = distance;
            best = (int)c;
        }
    }
    return best;
}

static void *pass(void *context)
{
    struct share *share = context;
    const size_t d = share->d, k = share->k;
    memset(share->sum, 0, k * d * sizeof *share->sum);
    memset(share->count, 0, k * sizeof *share->count);
    share->moved = 0;
    for (size_t i = 0; i < share->n; i++) {
        const float *row = share->x + i * d;
        const int label = nearest(row, share->centre, k, d);
        share->moved += label != share->label[i];
        share->label[i] = label;
        share->count[label]++;
        for (size_t j = 0; j < d; j++) share->sum[(size_t)label * d + j] += (double)row[j];
    }
    return NULL;
}

static size_t pass_of_all(struct share *share, size_t n_threads)
{
    size_t moved = 0;
    for (size_t t = 1; t < n_threads; t++)
        if (pthread_create(&share[t].thread, NULL, pass, &share[t]) != 0) peer_fail("no thread");
    (void)pass(&share[0]);
    for (size_t t = 1; t < n_threads; t++) (void)pthread_join(share[t].thread, NULL);
    for (size_t t = 0; t < n_threads; t++) moved += share[t].moved;
    return moved;
}

/* Each centre to the mean of its rows. */
static void move_centres(const struct share *share, size_t n_threads, float *centre)
{
    const size_t d = share->d, k = share->k;
    for (size_t c = 0; c < k; c++) {
        size_t count = 0;
        for (size_t t = 0; t < n_threads; t++) count += share[t].count[c];
        for (size_t j = 0; j < d && count > 0; j++) {
            double sum = 0;
            for (size_t t = 0; t < n_threads; t++) sum += share[t].sum[c * d + j];
            centre[c * d + j] = (float)(sum / (double)count);
        }
    }
}

static void share_out(struct share *share, size_t n_threads, const float *x, const float *centre,
                      size_t n, size_t d, size_t k)
{
    for (size_t t = 0; t < n_threads; t++) {
        const size_t first = n * t / n_threads, end = n * (t + 1) / n_threads;
        share[t] = (struct share){.x = x + first * d,
                                  .centre = centre,
                                  .n = end - first,
                                  .d = d,
                                  .k = k,
                                  .label = peer_room(end - first, sizeof(int)),
                                  .sum = peer_room(k * d, sizeof(double)),
                                  .count = peer_room(k, sizeof(size_t))};
        for (size_t i = 0; i < end - first; i++) share[t].label[i] = -1;
    }
}

/* Times after each iteration, since the start, into time; returns their number. */
static size_t fit(struct share *share, size_t n_threads, size_t iterations, float *centre,
                  double *time)
{
    const double start = peer_now();
    size_t n = 0;
    for (bool going = true; going && n < iterations;) {
        going = pass_of_all(share, n_threads) > 0;
        if (going) move_centres(share, n_threads, centre);
        time[n++] = peer_now() - start;
    }
    return n;
}

int main(int argc, char **argv)
{
    const size_t n = peer_number(argc, argv, "n", 0), d = peer_number(argc, argv, "d", 0),
                 k = peer_number(argc, argv, "k", 0),
                 iterations = peer_number(argc, argv, "iterations", 14),
                 n_threads = peer_number(argc, argv, "threads", 1);
    if (!n || !d || !k || k > n || !iterations || iterations > MAX_ITERATIONS || !n_threads ||
        n_threads > MAX_THREADS)
        peer_fail("usage: plain matrix=FILE n=N d=D k=K start=FILE iterations=I [threads=T]");
    static struct share share[MAX_THREADS];
    static double time[MAX_ITERATIONS];
    float *x = peer_room(n * d, sizeof *x), *centre = peer_room(k * d, sizeof *centre);
    double *out = peer_room(k * d, sizeof *out);
    size_t *row = peer_room(k, sizeof *row);
    peer_read_rows(peer_text(argc, argv, "matrix", ""), 0, n, d, x);
    for (size_t i = 0; i < n * d; i++) x[i] = (float)((double)x[i] / PEER_GRID);
    peer_read_start(peer_text(argc, argv, "start", ""), k, row);
    for (size_t c = 0; c < k; c++)
        for (size_t j = 0; j < d; j++) centre[c * d + j] = x[(row[c] < n ? row[c] : 0) * d + j];
    share_out(share, n_threads, x, centre, n, d, k);
    const size_t done = fit(share, n_threads, iterations, centre, time);
    for (size_t i = 0; i < k * d; i++) out[i] = (double)centre[i];
    peer_write_centres(peer_text(argc, argv, "centres", NULL), out, k * d);
    (void)printf("{\"iterations\": %zu, \"fit_s\": %.9f, \"pass_s\": %.9f}\n", done, time[done - 1],
                 done > 2 ? (time[done - 1] - time[1]) / (double)(done - 2) : time[0]);
    return 0;
}
