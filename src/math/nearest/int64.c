/* The nearest centre by int64 arithmetic: the definition, right for every grid integer.
 *
 * Bits: |x|, |c| <= 2^24, so (x - c)^2 <= 2^50 and a sum of 512 of them <= 2^59.
 *
 * Cost: 2 additions and a multiplication a row, centre and column. */
#include "strata/nearest.h"

/* An integer of the grid.  What is beyond it, as only a fault of the memory makes it, becomes its end. */
static int64_t on_grid(double value)
{
    static const double end = 1 << 24;
    if (!(value >= -end)) return -(1 << 24);
    return value <= end ? (int64_t)value : 1 << 24;
}

int64_t strata_distance(const double *centre, const float *x, size_t d)
{
    int64_t distance = 0;
    for (size_t j = 0; j < d; j++) {
        const int64_t step = on_grid((double)x[j]) - on_grid(centre[j]);
        distance += step * step;
    }
    return distance;
}

void strata_nearest_int64(struct strata_dims dims, const double *centre, const float *x, size_t n,
                          struct strata_nearest *out)
{
    for (size_t row = 0; row < n; row++) {
        struct strata_nearest near = {
            .distance = INT64_MAX, .second = INT64_MAX, .label = -1, .runner_up = -1};
        for (size_t c = 0; c < dims.k; c++) {
            const int64_t distance = strata_distance(centre + c * dims.d, x + row * dims.d, dims.d);
            if (distance < near.distance) {
                near.second = near.distance;
                near.runner_up = near.label;
                near.distance = distance;
                near.label = (int32_t)c;
            } else if (distance < near.second) {
                near.second = distance;
                near.runner_up = (int32_t)c;
            }
        }
        out[row] = near;
    }
}
