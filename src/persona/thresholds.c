/* Round thresholds.  An edge lies between two values that occur, one on each of its sides; any number between them
 * cuts the same customers, and the one with the fewest digits is told. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persona/rules_impl.h"

/* The number with the fewest digits above low and not above high; low < high. */
double strata_round_between(double low, double high)
{
    char text[64];
    int exponent = 0;
    if (low < 0.0 && high >= 0.0) return 0.0;
    (void)snprintf(text, sizeof text, "%.0e", high - low); /* its power of ten; "inf" is 0 */
    const char *mark = strchr(text, 'e');
    if (mark) exponent = (int)strtol(mark + 1, NULL, 10) + 1;
    for (int tries = 0; tries < 4; tries++, exponent--) {
        (void)snprintf(text, sizeof text, "1e%d", exponent);
        const double step = strtod(text, NULL);
        const double steps = floor(high / step);
        if (!(step > 0.0) || !(fabs(steps) < 0x1p53)) return high;
        (void)snprintf(text, sizeof text, "%.0fe%d", steps, exponent);
        const double round = strtod(text, NULL);
        if (round > low && round <= high) return round;
    }
    return high;
}

/* Go through all edges that conditions use. */
static void use_range(struct strata_axes *axes, const struct strata_range *range,
                      struct strata_thresholds *used)
{
    const struct strata_axis *axis = &axes->axis[range->axis];
    if (range->n_levels > 0 || axes->plan->as[axis->feature] != STRATA_AS_NUMBER) return;
    const size_t edge[2] = {range->from > 0 ? range->from - 1 : SIZE_MAX,
                            range->to + 1 < axis->n ? range->to : SIZE_MAX};
    for (size_t i = 0; i < 2; i++) {
        if (edge[i] == SIZE_MAX) continue;
        double low = -(double)INFINITY, high = (double)INFINITY;
        for (size_t b = 0; b <= edge[i]; b++) low = fmax(low, axis->high[b]);
        for (size_t b = edge[i] + 1; b < axis->n; b++) high = fmin(high, axis->low[b]);
        if (used->at) {
            used->at[used->n] = &axis->edge[edge[i]];
            used->mine[2 * used->n] = low;
            used->mine[2 * used->n + 1] = high;
        }
        used->n++;
    }
}

static void use_all(struct strata_search *search, struct strata_thresholds *used)
{
    used->n = 0;
    for (size_t s = 0; s < search->axes.plan->k; s++) {
        for (size_t c = 0; c < search->draft[s].n; c++)
            use_range(&search->axes, &search->draft[s].range[c], used);
    }
    for (size_t b = 0; b < search->growth.n; b++) {
        const struct strata_branch *branch = &search->growth.branch[b];
        if (branch->kept && branch->split) use_range(&search->axes, &branch->range, used);
    }
}

bool strata_thresholds_make(struct strata_search *search, int n_ranks,
                            struct strata_thresholds *used, struct strata_arena *arena)
{
    *used = (struct strata_thresholds){0};
    use_all(search, used);
    double **at = STRATA_NEW(arena, double *, used->n + 1);
    used->mine = STRATA_NEW(arena, double, 2 * used->n + 1);
    used->all = STRATA_NEW(arena, double, 2 * used->n * (size_t)n_ranks + 1);
    used->at = at;
    return at && used->mine && used->all;
}

void strata_thresholds_round(struct strata_comm *comm, struct strata_search *search,
                             struct strata_thresholds *used)
{
    use_all(search, used);
    strata_comm_gather_all(comm, used->mine, 2 * used->n * sizeof(double), used->all);
    for (size_t i = 0; i < used->n; i++) {
        double low = -(double)INFINITY, high = (double)INFINITY;
        for (size_t r = 0; r < (size_t)comm->size; r++) {
            low = fmax(low, used->all[2 * (r * used->n + i)]);
            high = fmin(high, used->all[2 * (r * used->n + i) + 1]);
        }
        if (low < high) *used->at[i] = strata_round_between(low, high);
    }
}
