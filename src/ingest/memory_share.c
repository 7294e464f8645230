#include "memory_share.h"

#include "strata/host.h"

uint64_t memory_share(uint64_t wanted, int n_ranks)
{
    return wanted > 0 ? wanted : strata_host_memory_bytes() / 10 * 6 / (uint64_t)n_ranks;
}
