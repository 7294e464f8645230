#include "strata/hash.h"

#include <sodium.h>
#include <xxhash.h>

#include "strata/status.h"

uint64_t strata_hash(const void *bytes, size_t n_bytes)
{
    return XXH3_64bits(bytes, n_bytes);
}

uint32_t strata_partition_first(int rank, int size)
{
    STRATA_REQUIRE(size > 0 && (uint32_t)size <= STRATA_PARTITION_COUNT && rank >= 0 && rank <= size);
    return (uint32_t)((uint64_t)rank * STRATA_PARTITION_COUNT / (uint64_t)size);
}

int strata_partition_rank(uint32_t partition, int size)
{
    STRATA_REQUIRE(partition < STRATA_PARTITION_COUNT);
    int rank = (int)((uint64_t)partition * (uint64_t)size / STRATA_PARTITION_COUNT);
    while (rank + 1 < size && strata_partition_first(rank + 1, size) <= partition) rank++;
    while (rank > 0 && strata_partition_first(rank, size) > partition) rank--;
    return rank;
}

void strata_sha256_hex(const void *bytes, size_t n_bytes, char hex[65])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, bytes, n_bytes); /* always 0 */
    (void)sodium_bin2hex(hex, 65, digest, sizeof digest);
}
