/* How evenly the ranks share the work: each rank's time of the pass rides in the iteration's reduction.  A rank has 16 bits
 * of its own there, and zeros in the others', so that the sum over ranks is the list of their times.  Nothing is decided by
 * them. */
#include <math.h>
#include <string.h>

#include "cluster/cluster_impl.h"

#define RANKS_A_NUMBER 4
#define STEPS \
    1024 /* from a time to one that is twice as long: its exponent, and so many parts between */
#define CODE_MAX 65535
#define UNIT_S 1e-6

static uint64_t code_of(double seconds)
{
    int exponent = 0;
    const double fraction = frexp(fmax(seconds / UNIT_S, 1), &exponent); /* in [0.5, 1) */
    const double code = STEPS * exponent + floor(STEPS * (2 * fraction - 1));
    return (uint64_t)fmin(code, CODE_MAX);
}

static double seconds_of(uint64_t code)
{
    return UNIT_S * ldexp(1 + (double)(code % STEPS) / STEPS, (int)(code / STEPS) - 1);
}

size_t strata_balance_numbers(int n_ranks)
{
    return ((size_t)n_ranks + RANKS_A_NUMBER - 1) / RANKS_A_NUMBER;
}

void strata_balance_pack(const struct strata_comm *comm, double pass_s, int64_t *numbers)
{
    const size_t rank = (size_t)comm->rank;
    const unsigned shift = 16u * (unsigned)(rank % RANKS_A_NUMBER);
    memset(numbers, 0, strata_balance_numbers(comm->size) * sizeof *numbers);
    numbers[rank / RANKS_A_NUMBER] = (int64_t)(code_of(pass_s) << shift);
}

double strata_balance_read(const struct strata_comm *comm, const int64_t *numbers)
{
    double total_s = 0, slowest_s = 0;
    for (size_t rank = 0; rank < (size_t)comm->size; rank++) {
        const unsigned shift = 16u * (unsigned)(rank % RANKS_A_NUMBER);
        const uint64_t code = (uint64_t)numbers[rank / RANKS_A_NUMBER] >> shift & 0xFFFF;
        const double seconds = seconds_of(code);
        total_s += seconds;
        slowest_s = fmax(slowest_s, seconds);
    }
    return slowest_s * comm->size / total_s;
}
