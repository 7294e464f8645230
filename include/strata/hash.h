/* Hashes that decide where a customer lives, and fingerprints of what was written. */
#ifndef STRATA_HASH_H
#define STRATA_HASH_H

#include <stddef.h>
#include <stdint.h>

#define STRATA_PARTITION_COUNT \
    4096u /* virtual partitions; a rank owns a contiguous range of them */

/* XXH3 with seed 0, the same on every machine. */
uint64_t strata_hash(const void *bytes, size_t n_bytes);

/* The virtual partition of a canonical key's hash. */
static inline uint32_t strata_partition_of(uint64_t key_hash)
{
    return (uint32_t)(key_hash % STRATA_PARTITION_COUNT);
}

/* First partition that rank owns among size ranks; the rank's range ends where rank + 1's begins.
 * Requires 0 < size <= STRATA_PARTITION_COUNT. */
uint32_t strata_partition_first(int rank, int size);

/* The rank that owns a partition. */
int strata_partition_rank(uint32_t partition, int size);

/* SHA-256 as 64 hexadecimal digits and a NUL. */
void strata_sha256_hex(const void *bytes, size_t n_bytes, char hex[65]);

#endif
