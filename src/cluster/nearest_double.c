/* The nearest centre by double arithmetic, where that is exact.
 *
 * Bits: strata_nearest_double_fits has made sure that every sum of squares is an integer below
 * 2^53; then each operation is exact, and any order, width or fusing gives what nearest_int64.c
 * gives.
 *
 * Cost: 3 floating-point operations a row, centre and column, LANES rows at a time; LANES d 8 bytes
 * of stack. */
#include "strata/nearest.h"

#include "cluster/nearest_impl.h"

/* Labels are kept as doubles, so that the choice below is one kind of select. */
struct winners {
    double distance[LANES], second[LANES];
    double label[LANES], runner_up[LANES];
};

static void offer_centre(struct winners *won, const double *distance, double c)
{
    for (size_t lane = 0; lane < LANES; lane++) {
        const bool first = distance[lane] < won->distance[lane];
        const bool next = !first && distance[lane] < won->second[lane];
        won->second[lane] = first ? won->distance[lane] : next ? distance[lane] : won->second[lane];
        won->runner_up[lane] = first ? won->label[lane] : next ? c : won->runner_up[lane];
        won->distance[lane] = first ? distance[lane] : won->distance[lane];
        won->label[lane] = first ? c : won->label[lane];
    }
}

static void nearest_of_tile(struct strata_dims dims, const double *centre, const struct lanes *tile,
                            struct winners *won)
{
    for (size_t lane = 0; lane < LANES; lane++) {
        won->distance[lane] = won->second[lane] = 0x1p60; /* beyond any distance */
        won->label[lane] = won->runner_up[lane] = -1;
    }
    for (size_t c = 0; c < dims.k; c++) {
        double distance[LANES] = {0};
        for (size_t j = 0; j < dims.d; j++) {
            const double at = centre[c * dims.d + j];
            for (size_t lane = 0; lane < LANES; lane++) {
                const double step = tile->x[j][lane] - at;
                distance[lane] += step * step;
            }
        }
        offer_centre(won, distance, (double)c);
    }
}

void strata_nearest_double(struct strata_dims dims, const double *centre, const float *x, size_t n,
                           struct strata_nearest *out)
{
    struct lanes tile;
    struct winners won;
    for (size_t first = 0; first < n; first += LANES) {
        const size_t rows = n - first < LANES ? n - first : LANES;
        lanes_load(&tile, x + first * dims.d, rows, dims.d);
        nearest_of_tile(dims, centre, &tile, &won);
        for (size_t lane = 0; lane < rows; lane++)
            out[first + lane] = (struct strata_nearest){
                .distance = (int64_t)won.distance[lane],
                .second = won.runner_up[lane] < 0 ? INT64_MAX : (int64_t)won.second[lane],
                .label = (int32_t)won.label[lane],
                .runner_up = (int32_t)won.runner_up[lane],
            };
    }
}
