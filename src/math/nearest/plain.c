/* The kernels' contract in plain C: every row by strata_nearest_fill. */
#include <math.h>
#include <string.h>

#include "strata/math_sums.h"
#include "strata/nearest.h"

#define STRIP 256

struct strata_centres {
    struct strata_dims dims;
    const double *centre;
};

enum strata_isa strata_isa(void)
{
    return STRATA_ISA_SCALAR;
}

const char *strata_isa_word(enum strata_isa isa)
{
    static const char *const word[] = {"scalar", "neon", "avx2", "avx512"};
    return word[isa];
}

bool strata_isa_available(enum strata_isa isa)
{
    return isa == STRATA_ISA_SCALAR;
}

size_t strata_centres_bytes(struct strata_dims dims)
{
    (void)dims;
    return sizeof(struct strata_centres);
}

const struct strata_centres *strata_centres_make(struct strata_dims dims, const double *centre,
                                                 enum strata_isa isa, void *room)
{
    (void)isa;
    struct strata_centres *out = room;
    *out = (struct strata_centres){dims, centre};
    return out;
}

static float up(double distance)
{
    return (float)(distance * (1 + 0x1p-22));
}

static float down(double distance)
{
    return (float)(distance * (1 - 0x1p-22));
}

uint64_t strata_centres_look(const struct strata_centres *centres, const float *x, size_t n,
                             struct strata_look out)
{
    struct strata_nearest near[STRIP];
    for (size_t first = 0; first < n; first += STRIP) {
        const size_t rows = n - first < STRIP ? n - first : STRIP;
        strata_nearest_fill(centres->dims, centres->centre, x + first * centres->dims.d, rows, near);
        for (size_t i = 0; i < rows; i++) {
            out.label[first + i] = (uint16_t)near[i].label;
            if (!out.upper) continue;
            out.upper[first + i] = up(sqrt((double)near[i].distance));
            out.lower[first + i] =
                near[i].runner_up < 0 ? HUGE_VALF : down(sqrt((double)near[i].second));
        }
    }
    return n;
}

void strata_centres_own(const struct strata_centres *centres, const float *x, size_t n,
                        const uint16_t *label, float *upper)
{
    const size_t d = centres->dims.d;
    for (size_t i = 0; i < n; i++)
        upper[i] = up(sqrt((double)strata_distance(centres->centre + label[i] * d, x + i * d, d)));
}

size_t strata_bounds_age(const struct strata_ageing *ageing, const uint16_t *label, float *upper,
                         float *lower, size_t n, uint32_t *row)
{
    size_t n_rows = 0;
    for (size_t i = 0; i < n; i++) {
        const uint16_t own = label[i];
        upper[i] = up((double)upper[i] + (double)ageing->own_move[own]);
        lower[i] = down((double)lower[i] - (double)ageing->other_move[own]);
        const float reach = lower[i] > ageing->half_gap[own] ? lower[i] : ageing->half_gap[own];
        if (!(upper[i] < reach)) row[n_rows++] = (uint32_t)i;
    }
    return n_rows;
}

size_t strata_label_sums_scratch(struct strata_dims dims)
{
    (void)dims;
    return 64;
}

void strata_label_sums_add(struct strata_dims dims, enum strata_isa isa, const float *x,
                           const uint32_t *weight, size_t n, const uint16_t *label, void *scratch,
                           int64_t *count, int64_t *sum)
{
    (void)isa, (void)scratch;
    for (size_t i = 0; i < n; i++)
        strata_label_sums_move(dims, x + i * dims.d, weight ? weight[i] : 1, STRATA_NO_LABEL,
                               label[i], count, sum);
}

void strata_label_sums_move(struct strata_dims dims, const float *x, uint32_t weight, uint16_t from,
                            uint16_t to, int64_t *count, int64_t *sum)
{
    for (size_t j = 0; j < dims.d; j++) {
        const int64_t term = (int64_t)x[j] * (int64_t)weight;
        sum[to * dims.d + j] += term;
        if (from != STRATA_NO_LABEL) sum[from * dims.d + j] -= term;
    }
    count[to] += weight;
    if (from != STRATA_NO_LABEL) count[from] -= weight;
}
