/* The numbers of a block by segment, and their exact sum. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"

static void find_cells(const struct strata_ruler *ruler, const double *x, size_t n, uint16_t *cell)
{
    const struct strata_ruler here = *ruler;
    for (size_t i = 0; i < n; i++) cell[i] = (uint16_t)strata_ruler_cell(&here, x[i]);
}

/* The values of a block that is whole, or of which none is wanted to be left out. */
static void take_block(const struct strata_plan *plan, size_t f, size_t block,
                       struct strata_values *values)
{
    const struct strata_groups *groups = &plan->groups;
    const size_t first = block * STRATA_GROUP_ROWS, n = strata_groups_block(groups, block);
    const uint16_t *order = groups->order + first;
    const double *number = plan->table->column[f].number + first;
    memcpy(values->begin, groups->begin + block * (plan->k + 1),
           (plan->k + 1) * sizeof *values->begin);
    for (size_t i = 0; i < n; i++) values->x[i] = number[order[i]];
    find_cells(&plan->ruler[plan->slot[f]], values->x, n, values->cell);
}

void strata_values_take(const struct strata_plan *plan, size_t f, size_t block,
                        struct strata_values *values)
{
    const struct strata_groups *groups = &plan->groups;
    const size_t first = block * STRATA_GROUP_ROWS, n = strata_groups_block(groups, block);
    const uint16_t *order = groups->order + first, *begin = groups->begin + block * (plan->k + 1);
    const double *number = plan->table->column[f].number + first;
    const uint8_t *present = plan->table->column[f].present + first;
    const uint32_t *weight = plan->weight ? plan->weight + first : NULL;
    if (!memchr(present, 0, n)) {
        take_block(plan, f, block, values);
        for (size_t i = 0; weight && i < n; i++) values->weight[i] = weight[order[i]];
        return;
    }
    size_t kept = 0;
    for (size_t s = 0; s < plan->k; s++) {
        values->begin[s] = (uint16_t)kept;
        for (size_t i = begin[s]; i < begin[s + 1]; i++) {
            values->x[kept] = number[order[i]];
            if (weight) values->weight[kept] = weight[order[i]];
            kept += present[order[i]];
        }
    }
    values->begin[plan->k] = (uint16_t)kept;
    find_cells(&plan->ruler[plan->slot[f]], values->x, kept, values->cell);
}

bool strata_values_take_all(const struct strata_plan *plan, size_t f, size_t block,
                            struct strata_values *values)
{
    const uint8_t *present = plan->table->column[f].present + block * STRATA_GROUP_ROWS;
    take_block(plan, f, block, values);
    return memchr(present, 0, strata_groups_block(&plan->groups, block)) != NULL;
}

/* --- exact sums ------------------------------------------------------------------------------- */

#define LANES_OF_SUM 8
#define PART_BITS 41 /* of each part of a value: sums of 2,048 of them are exact in a double */

static double greatest(const double *x, size_t n)
{
    double lane[LANES_OF_SUM] = {0.0}, most = 0.0;
    size_t i = 0;
    for (; i + LANES_OF_SUM <= n; i += LANES_OF_SUM) {
        for (size_t j = 0; j < LANES_OF_SUM; j++) {
            const double size = fabs(x[i + j]);
            lane[j] = size > lane[j] ? size : lane[j];
        }
    }
    for (; i < n; i++) most = fmax(most, fabs(x[i]));
    for (size_t j = 0; j < LANES_OF_SUM; j++) most = fmax(most, lane[j]);
    return most;
}

/* Adding and taking away a number so large that only multiples of one unit lie beside it rounds a value to these; what
 * is left is exact. */
struct parts {
    double large, small;       /* what rounds to the units of both parts */
    double of_large, of_small; /* sums */
    bool more;                 /* of some value there is something left */
};

static void add_parts(const double *x, size_t n, struct parts *parts)
{
    const double large = parts->large, small = parts->small;
    double sum[LANES_OF_SUM] = {0.0}, rest[LANES_OF_SUM] = {0.0}, left[LANES_OF_SUM] = {0.0};
    size_t i = 0;
    for (; i + LANES_OF_SUM <= n; i += LANES_OF_SUM) {
        for (size_t j = 0; j < LANES_OF_SUM; j++) {
            const double first = (x[i + j] + large) - large, after = x[i + j] - first;
            const double second = (after + small) - small;
            sum[j] += first;
            rest[j] += second;
            left[j] += fabs(after - second);
        }
    }
    for (; i < n; i++) {
        const double first = (x[i] + large) - large, after = x[i] - first;
        const double second = (after + small) - small;
        sum[0] += first;
        rest[0] += second;
        left[0] += fabs(after - second);
    }
    for (size_t j = 0; j < LANES_OF_SUM; j++) {
        parts->of_large += sum[j];
        parts->of_small += rest[j];
        parts->more |= left[j] > 0.0;
    }
}

void strata_values_add(const double *x, size_t n, struct strata_exact *sum)
{
    int exponent = 0;
    const double most = greatest(x, n);
    if (most == 0.0) return;
    (void)frexp(most, &exponent); /* most < 2^exponent */
    bool plain = exponent < -900 || exponent > 900 || n > STRATA_GROUP_ROWS;
    if (!plain) {
        struct parts parts = {.large = ldexp(1.5, exponent - PART_BITS + 52),
                              .small = ldexp(1.5, exponent - 2 * PART_BITS + 52)};
        add_parts(x, n, &parts);
        plain = parts.more;
        if (!plain) {
            strata_exact_add(sum, parts.of_large);
            strata_exact_add(sum, parts.of_small);
        }
    }
    for (size_t i = 0; plain && i < n; i++) strata_exact_add(sum, x[i]);
}
