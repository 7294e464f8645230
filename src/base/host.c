#include "strata/host.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define MEMORY_GUESS (UINT64_C(1) << 32)

/* The limit in bytes; 0 when there is none. */
static uint64_t limit_in(const char *path)
{
    unsigned long long bytes = 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    const int found = fscanf(file, "%llu", &bytes); /* "max" is not a number */
    (void)fclose(file);                             /* only read from */
    return found == 1 ? bytes : 0;
}

uint64_t strata_host_memory_bytes(void)
{
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t bytes =
        pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : MEMORY_GUESS;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const uint64_t limit = limit_in(limits[i]);
        if (limit > 0 && limit < bytes) bytes = limit;
    }
    return bytes;
}

uint64_t strata_host_resident_bytes(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    const int found = fscanf(file, "%llu %llu", &size, &resident);
    (void)fclose(file); /* only read from */
    const long page_bytes = sysconf(_SC_PAGESIZE);
    return found == 2 && page_bytes > 0 ? resident * (uint64_t)page_bytes : 0;
}
