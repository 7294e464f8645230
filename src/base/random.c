#include "strata/random.h"

#include <Random123/philox.h>

__extension__ typedef unsigned __int128 uint128;

/* 192 bits of question, 128 of counter and 64 of key: purpose and seed share the key by a block of their own. */
static philox4x32_key_t key_of(uint64_t seed, enum strata_purpose purpose)
{
    const philox4x32_key_t outer = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    const philox4x32_ctr_t who = {{(uint32_t)purpose, 0, 0, 0}};
    const philox4x32_ctr_t derived = philox4x32(who, outer);
    return (philox4x32_key_t){{derived.v[0], derived.v[1]}};
}

static uint64_t bits_of(philox4x32_key_t key, uint64_t a, uint64_t b)
{
    const philox4x32_ctr_t counter = {
        {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)}};
    const philox4x32_ctr_t bits = philox4x32(counter, key);
    return ((uint64_t)bits.v[1] << 32) | bits.v[0];
}

uint64_t strata_random_bits(uint64_t seed, enum strata_purpose purpose, uint64_t a, uint64_t b)
{
    return bits_of(key_of(seed, purpose), a, b);
}

void strata_random_fill(uint64_t seed, enum strata_purpose purpose, const uint64_t *a, size_t n,
                        uint64_t b, uint64_t *out)
{
    const philox4x32_key_t key = key_of(seed, purpose);
    for (size_t i = 0; i < n; i++) out[i] = bits_of(key, a[i], b);
}

uint64_t strata_random_below(uint64_t seed, enum strata_purpose purpose, uint64_t a, uint64_t b,
                             uint64_t bound)
{
    return (uint64_t)(((uint128)strata_random_bits(seed, purpose, a, b) * bound) >> 64);
}

double strata_random_unit(uint64_t seed, enum strata_purpose purpose, uint64_t a, uint64_t b)
{
    return (double)(strata_random_bits(seed, purpose, a, b) >> 11) * 0x1p-53;
}
