#include "memory_share.h"

#include <stdio.h>
#include <unistd.h>

/* The cgroup's limit in bytes; 0 when there is none. */
static uint64_t cgroup_limit(const char *path)
{
    unsigned long long bytes = 0;
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    const int found = fscanf(file, "%llu", &bytes); /* "max" is not a number */
    (void)fclose(file);                             /* only read from */
    return found == 1 ? bytes : 0;
}

uint64_t memory_share(uint64_t wanted, int n_ranks)
{
    if (wanted > 0) return wanted;
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t host =
        pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : (uint64_t)4 << 30;
    const uint64_t limits[] = {cgroup_limit("/sys/fs/cgroup/memory.max"),
                               cgroup_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes")};
    for (int i = 0; i < 2; i++)
        if (limits[i] > 0 && limits[i] < host) host = limits[i];
    return host / 10 * 6 / (uint64_t)(n_ranks > 0 ? n_ranks : 1);
}
