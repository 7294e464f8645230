/* The choice between the two paths of the nearest-centre kernel, made for each call from the values
 * themselves. */
#include "strata/nearest.h"

#include <math.h>

#include "strata/lanes.h"

/* Largest magnitudes of integers that are at most 2^24 (float32 holds them). */
static float largest_of_rows(const float *x, size_t count)
{
    float high[LANES] = {0},
          low[LANES] = {0}; /* by position, so that the compiler can take several */
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            high[lane] = high[lane] > x[i + lane] ? high[lane] : x[i + lane];
            low[lane] = low[lane] < x[i + lane] ? low[lane] : x[i + lane];
        }
    }
    for (; i < count; i++) {
        high[0] = high[0] > x[i] ? high[0] : x[i];
        low[0] = low[0] < x[i] ? low[0] : x[i];
    }
    float largest = 0;
    for (size_t lane = 0; lane < LANES; lane++) {
        largest = largest > high[lane] ? largest : high[lane];
        largest = largest > -low[lane] ? largest : -low[lane];
    }
    return largest;
}

static double largest_of_centres(const double *centre, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double magnitude = centre[i] < 0 ? -centre[i] : centre[i];
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

bool strata_nearest_double_fits(struct strata_dims dims, const double *centre, const float *x,
                                size_t n)
{
    const double reach =
        (double)largest_of_rows(x, n * dims.d) + largest_of_centres(centre, dims.k * dims.d);
    return reach * reach * (double)dims.d <
           0x1p53; /* rounding cannot carry a product of 2^53 below it */
}

void strata_nearest_fill(struct strata_dims dims, const double *centre, const float *x, size_t n,
                         struct strata_nearest *out)
{
    if (strata_nearest_double_fits(dims, centre, x, n))
        strata_nearest_double(dims, centre, x, n, out);
    else
        strata_nearest_int64(dims, centre, x, n, out);
}

struct strata_between strata_nearest_between(struct strata_dims dims, const double *centre,
                                             const float *x, struct strata_nearest near,
                                             size_t label)
{
    if ((size_t)near.label == label)
        return (struct strata_between){.own = near.distance, .other = near.second};
    return (struct strata_between){.own = strata_distance(centre + label * dims.d, x, dims.d),
                                   .other = near.distance};
}

double strata_silhouette(struct strata_between between)
{
    if (between.other == INT64_MAX || (between.own == 0 && between.other == 0)) return 0.0;
    const double own = sqrt((double)between.own), other = sqrt((double)between.other);
    return (other - own) / (other > own ? other : own);
}
