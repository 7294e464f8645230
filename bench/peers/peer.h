/* What the C programs of bench/peers share: arguments of the form name=value, the matrix and the
 * rows to start from.  A matrix file is (n, d) float32, row-major, grid integers in multiples of 2^-16;
 * a start file is text, one row number a line; a centres file is (k, d) float64 in encoded units. */
#ifndef STRATA_BENCH_PEER_H
#define STRATA_BENCH_PEER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PEER_GRID 65536.0

static inline double peer_clock(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline double peer_now(void)
{
    return peer_clock(CLOCK_MONOTONIC);
}

static inline void peer_fail(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(64);
}

/* The text after "name=" among the arguments, or otherwise. */
static inline const char *peer_text(int argc, char **argv, const char *name, const char *otherwise)
{
    const size_t length = strlen(name);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return argv[i] + length + 1;
    return otherwise;
}

static inline size_t peer_number(int argc, char **argv, const char *name, size_t otherwise)
{
    const char *text = peer_text(argc, argv, name, NULL);
    char *end = NULL;
    const unsigned long long value = text ? strtoull(text, &end, 10) : otherwise;
    if (text && (end == text || *end)) peer_fail(name);
    return (size_t)value;
}

/* Room in huge pages where the system has them: nobody's pass is to wait for page tables. */
static inline void *peer_room(size_t count, size_t size)
{
    const size_t page = (size_t)1 << 21, bytes = count * size + 64;
    const size_t alignment = bytes < page ? 64 : page;
    void *room = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (!room) peer_fail("no memory");
    if (alignment == page) (void)madvise(room, bytes, MADV_HUGEPAGE); /* advice may be ignored */
    return room;
}

/* Rows first to first + n of the file into x (n, d). */
static inline void peer_read_rows(const char *path, size_t first, size_t n, size_t d, float *x)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, (long)(first * d * sizeof *x), SEEK_SET) != 0 ||
        fread(x, sizeof *x * d, n, file) != n)
        peer_fail("the matrix file cannot be read, or is shorter than rows and columns say");
    (void)fclose(file);
}

/* The k row numbers of a start file. */
static inline void peer_read_start(const char *path, size_t k, size_t *row)
{
    FILE *file = fopen(path, "r");
    char line[32];
    for (size_t c = 0; c < k; c++) {
        if (!file || !fgets(line, sizeof line, file)) peer_fail("the start file is too short");
        row[c] = (size_t)strtoull(line, NULL, 10);
    }
    (void)fclose(file);
}

static inline void peer_write_centres(const char *path, const double *centre, size_t n)
{
    FILE *file = path ? fopen(path, "wb") : NULL;
    if (!path) return;
    if (!file || fwrite(centre, sizeof *centre, n, file) != n || fclose(file) != 0)
        peer_fail("the centres file cannot be written");
}

#endif
