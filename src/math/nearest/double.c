/* The nearest centre by double arithmetic, where that is exact.
 *
 * Bits: strata_nearest_double_fits has made sure that every sum of squares is an integer below
 * 2^53; then each operation is exact, and any order, width or fusing gives what nearest_int64.c
 * gives.
 *
 * Cost: 3 floating-point operations a row, centre and column, LANES rows at a time; LANES d 8 bytes
 * of stack. */
#include "strata/nearest.h"

#include "strata/lanes.h"

/* Labels are kept as doubles, so that one kind of pick serves all four. */
union winner {
    double of[LANES];
    pair pair[PAIRS];
};

struct winners {
    union winner distance, second, label, runner_up;
};

static void offer_centre(struct winners *won, const pair *distance, double c)
{
    const pair now = pair_of(c);
    for (size_t p = 0; p < PAIRS; p++) {
        const pair_mask first = distance[p] < won->distance.pair[p];
        const pair_mask next = distance[p] < won->second.pair[p];
        won->second.pair[p] = pair_pick(first, won->distance.pair[p],
                                        pair_pick(next, distance[p], won->second.pair[p]));
        won->runner_up.pair[p] =
            pair_pick(first, won->label.pair[p], pair_pick(next, now, won->runner_up.pair[p]));
        won->distance.pair[p] = pair_pick(first, distance[p], won->distance.pair[p]);
        won->label.pair[p] = pair_pick(first, now, won->label.pair[p]);
    }
}

static void nearest_of_tile(struct strata_dims dims, const double *centre, const union lanes *tile,
                            struct winners *won)
{
    for (size_t lane = 0; lane < LANES; lane++) {
        won->distance.of[lane] = won->second.of[lane] = 0x1p60; /* beyond any distance */
        won->label.of[lane] = won->runner_up.of[lane] = -1;
    }
    for (size_t c = 0; c < dims.k; c++) {
        pair distance[PAIRS] = {0};
        for (size_t j = 0; j < dims.d; j++) {
            const pair at = pair_of(centre[c * dims.d + j]);
            for (size_t p = 0; p < PAIRS; p++) {
                const pair step = tile->pair[j][p] - at;
                distance[p] += step * step;
            }
        }
        offer_centre(won, distance, (double)c);
    }
}

void strata_nearest_double(struct strata_dims dims, const double *centre, const float *x, size_t n,
                           struct strata_nearest *out)
{
    union lanes tile;
    struct winners won;
    for (size_t first = 0; first < n; first += LANES) {
        const size_t rows = n - first < LANES ? n - first : LANES;
        lanes_load(&tile, x + first * dims.d, rows, dims.d);
        nearest_of_tile(dims, centre, &tile, &won);
        for (size_t lane = 0; lane < rows; lane++)
            out[first + lane] = (struct strata_nearest){
                .distance = (int64_t)won.distance.of[lane],
                .second = won.runner_up.of[lane] < 0 ? INT64_MAX : (int64_t)won.second.of[lane],
                .label = (int32_t)won.label.of[lane],
                .runner_up = (int32_t)won.runner_up.of[lane],
            };
    }
}
