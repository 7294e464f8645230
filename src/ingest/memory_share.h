/* How much memory one rank may use. */
#ifndef STRATA_MEMORY_SHARE_H
#define STRATA_MEMORY_SHARE_H

#include <stdint.h>

/* The job's `memory:`, or 60 % of the host's or its cgroup's memory shared among n_ranks. */
uint64_t memory_share(uint64_t wanted, int n_ranks);

#endif
