/* What a pass over a matrix in a file costs beside one in memory, and beside what the page cache and the
 * disk can give: the pass adds up all floats, block by block, as fast as memory allows.
 *
 *   bench_streaming [MIB [DIRECTORY]]      default 1024 .
 *
 * Prints one JSON line of medians in GB/s (bytes of the matrix over seconds) of interleaved runs:
 *   memory        the pass over an arena
 *   cache_mapped  the pass over the file, cached and mapped as a whole: what the page cache can give
 *   cache         the pass over the cached file of which nothing may stay mapped
 *   disk_read     direct reads of the file in pieces of 4 MiB, past the page cache: what the disk can give
 *   disk          the pass over the file that the system cannot cache
 * and the ratios that the project holds itself to, at most 1.3 each: cache_mapped / cache, disk_read / disk. */
#define _GNU_SOURCE /* O_DIRECT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "strata/arena.h"
#include "strata/clock.h"
#include "strata/mapping.h"

enum { RUNS = 5, BLOCK = 65536 };

/* Sixteen sums side by side, so that adding is not what takes the time. */
static double block_sum(const float *x, size_t n)
{
    float sum[64] = {0};
    double total = 0;
    for (size_t i = 0; i + 64 <= n; i += 64)
        for (size_t j = 0; j < 64; j++) sum[j] += x[i + j];
    for (size_t j = 0; j < 64; j++) total += (double)sum[j];
    return total;
}

static volatile double sink;

/* Seconds of a pass over n floats; mapping is NULL for memory. */
static double pass(const float *x, size_t n, const struct strata_mapping *mapping)
{
    const double start = strata_clock_s();
    double total = 0;
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t size = n - first < BLOCK ? n - first : BLOCK;
        if (mapping) strata_mapping_ahead(mapping, first * sizeof *x, size * sizeof *x);
        total += block_sum(x + first, size);
    }
    sink = total;
    return strata_clock_s() - start;
}

/* Seconds of reading the whole file past the cache, or through it where the file system knows no other way. */
static double read_all(const struct strata_mapping *mapping, unsigned char *buffer)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", mapping->file);
    (void)fdatasync(mapping->file);
    (void)posix_fadvise(mapping->file, 0, 0, POSIX_FADV_DONTNEED);
    int file = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (file < 0) file = dup(mapping->file);
    const double start = strata_clock_s();
    double seconds = -1;
    size_t at = 0;
    while (at < mapping->n_bytes && pread(file, buffer, STRATA_MAPPING_CHUNK, (off_t)at) > 0)
        at += STRATA_MAPPING_CHUNK;
    if (at >= mapping->n_bytes) seconds = strata_clock_s() - start;
    (void)close(file);
    (void)posix_fadvise(mapping->file, 0, 0, POSIX_FADV_DONTNEED);
    return seconds;
}

static int compare(const void *a, const void *b)
{
    const double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

enum what { MEMORY, CACHE_MAPPED, CACHE, DISK_READ, DISK, WHAT_COUNT };

static void measure(const float *memory, struct strata_mapping *mapping, unsigned char *buffer,
                    double seconds[WHAT_COUNT][RUNS])
{
    const size_t n = mapping->n_bytes / sizeof(float);
    const float *file = (const float *)(const void *)mapping->bytes;
    for (int run = -1; run < RUNS; run++) { /* the first is to warm up */
        double now[WHAT_COUNT];
        now[MEMORY] = pass(memory, n, NULL);
        mapping->kept_chunks = mapping->n_chunks;
        mapping->drops_cache = false;
        (void)pass(file, n, mapping);
        now[CACHE_MAPPED] = pass(file, n, mapping);
        mapping->kept_chunks = 0;
        (void)pass(file, n, mapping);
        now[CACHE] = pass(file, n, mapping);
        mapping->drops_cache = true;
        (void)pass(file, n, mapping);
        now[DISK_READ] = read_all(mapping, buffer);
        now[DISK] = pass(file, n, mapping);
        for (int what = 0; what < WHAT_COUNT && run >= 0; what++) seconds[what][run] = now[what];
    }
    for (int what = 0; what < WHAT_COUNT; what++)
        qsort(seconds[what], RUNS, sizeof *seconds[what], compare);
}

static void print_line(size_t mib, double seconds[WHAT_COUNT][RUNS])
{
    static const char *const name[] = {"memory", "cache_mapped", "cache", "disk_read", "disk"};
    (void)printf("{\"name\": \"streaming\", \"mib\": %zu, \"runs\": %d", mib, RUNS);
    for (int what = 0; what < WHAT_COUNT; what++)
        (void)printf(", \"%s_gb_per_s\": %.3f", name[what],
                     (double)(mib << 20) / seconds[what][RUNS / 2] * 1e-9);
    (void)printf(", \"cache_ratio\": %.3f, \"disk_ratio\": %.3f, \"compiler\": \"%s\"}\n",
                 seconds[CACHE][RUNS / 2] / seconds[CACHE_MAPPED][RUNS / 2],
                 seconds[DISK][RUNS / 2] / seconds[DISK_READ][RUNS / 2], __VERSION__);
}

/* The array in memory and the same in the file. */
static strata_status fill(float *memory, struct strata_mapping *mapping, struct strata_err *err)
{
    const size_t n = mapping->n_bytes / sizeof(float);
    for (size_t i = 0; i < n; i++) memory[i] = (float)(i % 8191);
    for (size_t at = 0; at < mapping->n_bytes; at += STRATA_MAPPING_CHUNK)
        STRATA_TRY(strata_mapping_write(mapping, at, memory + at / sizeof(float),
                                        STRATA_MAPPING_CHUNK, err));
    return strata_mapping_open(mapping, 0, UINT64_MAX, err);
}

int main(int argc, char **argv)
{
    const size_t mib = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) & ~(size_t)3 : 1024;
    const char *const directory[] = {argc > 2 ? argv[2] : "."};
    const char *where = NULL;
    struct strata_err err = {0};
    struct strata_mapping mapping = {0};
    struct strata_arena arena = {0};
    double seconds[WHAT_COUNT][RUNS];
    if (mib == 0 || mib > (size_t)1 << 20 || !strata_arena_init(&arena, (mib + 8) << 20)) {
        (void)fprintf(stderr, "usage: bench_streaming [MIB [DIRECTORY]]\n");
        return 64;
    }
    unsigned char *buffer = strata_arena_take(&arena, STRATA_MAPPING_CHUNK, 4096, 1);
    float *memory = STRATA_NEW(&arena, float, (mib << 20) / sizeof(float));
    strata_status status = STRATA_E_MEMORY;
    if (buffer && memory)
        status = strata_mapping_make(directory, 1, mib << 20, &mapping, &where, &err);
    if (status == STRATA_OK) status = fill(memory, &mapping, &err);
    if (status == STRATA_OK) {
        measure(memory, &mapping, buffer, seconds);
        print_line(mib, seconds);
    } else {
        (void)fprintf(stderr, "bench_streaming: %s\n", err.text);
    }
    strata_mapping_close(&mapping);
    strata_arena_finish(&arena);
    return strata_status_exit_code(status);
}
