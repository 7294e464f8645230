/* Random numbers that are functions of what they are for: (seed, purpose, a, b), never of a rank, a thread or an
 * order.  Philox4x32-10 (Salmon et al., 2011) from Random123. */
#ifndef STRATA_RANDOM_H
#define STRATA_RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum strata_purpose { /* a new use gets a new number; numbers are never reused */
                      STRATA_PURPOSE_SAMPLE = 1,
                      STRATA_PURPOSE_SEEDING = 2,
                      STRATA_PURPOSE_TEST = 3,
                      STRATA_PURPOSE_OVERSAMPLE = 4,
                      STRATA_PURPOSE_RACE = 5,
};

/* 64 uniform random bits.  Pure. */
uint64_t strata_random_bits(uint64_t seed, enum strata_purpose purpose, uint64_t a, uint64_t b);

/* out (n): strata_random_bits of each a (n), with one b.  Pure; less than half the time. */
void strata_random_fill(uint64_t seed, enum strata_purpose purpose, const uint64_t *a, size_t n,
                        uint64_t b, uint64_t *out);

/* Uniform in [0, bound), bound > 0, by 128-bit multiplication: bias below 2^-64 * bound.  Pure. */
uint64_t strata_random_below(uint64_t seed, enum strata_purpose purpose, uint64_t a, uint64_t b,
                             uint64_t bound);

/* Uniform on the multiples of 2^-53 in [0, 1).  Pure. */
double strata_random_unit(uint64_t seed, enum strata_purpose purpose, uint64_t a, uint64_t b);

#endif
