#include <criterion/criterion.h>
#include <string.h>

#include "strata/hash.h"

Test(hash, every_partition_has_the_rank_whose_range_holds_it)
{
    for (int size = 1; size <= 4096; size = size < 20 ? size + 1 : size * 3 - 1) {
        cr_assert_eq(strata_partition_first(0, size), 0);
        cr_assert_eq(strata_partition_first(size, size), STRATA_PARTITION_COUNT);
        for (uint32_t partition = 0; partition < STRATA_PARTITION_COUNT; partition++) {
            const int rank = strata_partition_rank(partition, size);
            cr_assert(strata_partition_first(rank, size) <= partition);
            cr_assert(partition < strata_partition_first(rank + 1, size));
        }
    }
}

/* Published: XXH3_64bits("", seed 0) of the xxHash specification, SHA-256("abc") of FIPS 180-4. */
Test(hash, published_values_are_met)
{
    cr_assert_eq(strata_hash("", 0), 0x2d06800538d394c2ULL);
    char hex[65];
    strata_sha256_hex("abc", 3, hex);
    cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
