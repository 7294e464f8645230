/* Rulers: the scale of each number's values, cut into cells, so that order statistics are searched for in one cell and
 * not among all values, and a value's bin is found in a table.  A cell is a monotone function of the value and nothing
 * else, so the choice of the ruler is a matter of time alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "persona/persona_impl.h"

#define SAMPLE 512 /* values of a number, of all ranks */
#define OCTAVES 8  /* on each side of the middle */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t sample_of_rank(int n_ranks)
{
    const size_t n = SAMPLE / (size_t)n_ranks;
    return n > 0 ? n : 1;
}

uint64_t strata_rulers_bytes(uint64_t n_numbers, int n_ranks)
{
    const uint64_t mine = sample_of_rank(n_ranks) * sizeof(double);
    return n_numbers * (sizeof(struct strata_ruler) + mine * ((uint64_t)n_ranks + 1)) + mine;
}

bool strata_rulers_make(struct strata_rulers *rulers, const struct strata_plan *plan, int n_ranks,
                        struct strata_arena *scratch)
{
    const size_t n = sample_of_rank(n_ranks);
    rulers->n_sample = n;
    rulers->of = STRATA_NEW(scratch, struct strata_ruler, plan->n_numbers + 1);
    rulers->mine = STRATA_NEW(scratch, double, n * plan->n_numbers + 1);
    rulers->all = STRATA_NEW(scratch, double, n * plan->n_numbers * (size_t)n_ranks + 1);
    return rulers->of && rulers->mine && rulers->all;
}

/* The first values of a column; NaN where there are no more. */
static void take_sample(const struct strata_plan *plan, size_t f, size_t n, double *sample)
{
    const struct strata_column *column = &plan->table->column[f];
    size_t kept = 0;
    for (size_t row = 0; row < plan->table->n_rows && row < 4 * n && kept < n; row++) {
        if (column->present[row]) sample[kept++] = column->number[row];
    }
    while (kept < n) sample[kept++] = STRATA_UNKNOWN;
}

/* Half of what lies between two order statistics of the sample that are as far from its ends. */
static double spread_of(const double *sample, size_t n, size_t share)
{
    return (sample[n - 1 - n / share] - sample[n / share]) / 2.0;
}

static struct strata_ruler ruler_of(double *sample, size_t n, unsigned bits)
{
    static const size_t share[] = {4, 10, 50, SIZE_MAX};
    struct strata_ruler ruler = {.shift = 23 - bits, .half = (uint32_t)OCTAVES << bits};
    double unit = 0.0;
    qsort(sample, n, sizeof *sample, by_value);
    for (size_t i = 0; n > 0 && !(unit > 0.0) && i < sizeof share / sizeof share[0]; i++)
        unit = spread_of(sample, n, share[i]);
    if (!(unit > 0x1p-900 && unit < 0x1p900)) unit = 1.0;
    ruler.middle = n > 0 ? sample[n / 2] : 0.0;
    ruler.scale = 1.0 / unit;
    return ruler;
}

void strata_rulers_agree(struct strata_comm *comm, const struct strata_plan *plan,
                         struct strata_rulers *rulers)
{
    const size_t n = rulers->n_sample, each = n * plan->n_numbers;
    double here[2 * SAMPLE];
    for (size_t f = 0; f < plan->n_features; f++) {
        if (plan->as[f] == STRATA_AS_NUMBER)
            take_sample(plan, f, n, rulers->mine + plan->slot[f] * n);
    }
    strata_comm_gather_all(comm, rulers->mine, each * sizeof(double), rulers->all);
    for (size_t slot = 0; slot < plan->n_numbers; slot++) {
        size_t kept = 0;
        for (size_t r = 0; r < (size_t)comm->size; r++) {
            const double *from = rulers->all + r * each + slot * n;
            for (size_t i = 0; i < n && kept < 2 * SAMPLE; i++) {
                if (!isnan(from[i])) here[kept++] = from[i];
            }
        }
        rulers->of[slot] = ruler_of(here, kept, plan->cell_bits);
    }
}

size_t strata_ruler_cells(unsigned bits)
{
    return (size_t)2 * OCTAVES << bits;
}
