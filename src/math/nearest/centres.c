/* Centres made ready for kernels, and the looks at rows that combine the kernels with the exact
 * recheck. */
#include "math/nearest/centres.h"

#include <math.h>
#include <string.h>

#include "strata/lanes.h"

#define AT_ONCE 1024 /* rows between kernel and recheck */
#define FEW 4        /* rows that are decided sooner than looked at again */
#define LINE 64      /* bytes of a cache line */
#define FAR 0x1p100  /* a score beyond all others; its double and its root are floats */

/* --- making ---------------------------------------------------------------------------- */

static size_t rounded(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static float up(double value)
{
    return (float)(value * (1 + 0x1p-10));
}

size_t strata_packed_at(const struct strata_centres *to, size_t c, size_t j)
{
    const size_t first = c / to->kernels->group * to->kernels->group;
    if (to->padded - first >= to->kernels->group)
        return first * to->dims.d + j * to->kernels->group + (c - first);
    const size_t four = c / 4 * 4;
    return four * to->dims.d + j * 4 + (c - four);
}

static void fill_rows(struct strata_centres *to, float *start, float *packed, float *plain)
{
    const size_t k = to->dims.k, d = to->dims.d;
    const double error = ((double)d + 4) * 0x1p-24 * (1 + 0x1p-10);
    double longest = 0;
    for (size_t c = 0; c < k; c++) {
        double square = 0;
        for (size_t j = 0; j < d; j++) {
            const double at = to->centre[c * d + j];
            square += at * at;
            packed[strata_packed_at(to, c, j)] = (float)-at;
            plain[c * d + j] = (float)at;
        }
        start[c] = (float)(square * (0.5 - error));
        longest = square > longest ? square : longest;
    }
    to->norm = up(sqrt(longest));
    to->doubt.error = up(error);
}

/* What centres beyond k score, and how much of a score its index takes. */
static void fill_marks(struct strata_centres *to, float *start)
{
    for (size_t c = to->dims.k; c < to->padded; c++) start[c] = (float)FAR;
    unsigned bits = 0;
    while ((size_t)1 << bits < to->padded) bits++;
    to->keep = (int32_t)(-(INT64_C(1) << bits));
    to->doubt.blur = (float)(ldexp(1, (int)bits - 23) * 1.05);
}

static size_t padded(size_t k)
{
    return rounded(k, 4);
}

static size_t header_bytes(void)
{
    return rounded(sizeof(struct strata_centres), LINE);
}

size_t strata_centres_bytes(struct strata_dims dims)
{
    const size_t plain = rounded(dims.k * dims.d, STRATA_LANES_MOST);
    return rounded(header_bytes() + (padded(dims.k) * (dims.d + 1) + plain) * sizeof(float), LINE) +
           strata_narrow_bytes(dims);
}

const struct strata_centres *strata_centres_make(struct strata_dims dims, const double *centre,
                                                 enum strata_isa isa, void *room)
{
    struct strata_centres *to = room;
    const struct strata_kernels *kernels = strata_kernels_of(isa);
    float *packed = (float *)(void *)((unsigned char *)room + header_bytes());
    float *start = packed + padded(dims.k) * dims.d, *plain = start + padded(dims.k);
    memset(room, 0, strata_centres_bytes(dims));
    to->dims = dims;
    to->centre = centre;
    to->kernels = kernels;
    to->padded = padded(dims.k);
    to->doubt.room = up(((double)dims.d + 16) * 0x1p-24);
    to->start = start;
    to->packed = packed;
    to->plain = plain;
    fill_marks(to, start);
    fill_rows(to, start, packed, plain);
    to->narrow = strata_narrow_make(to, (unsigned char *)room + strata_centres_bytes(dims) -
                                            strata_narrow_bytes(dims));
    return to;
}

/* --- looking --------------------------------------------------------------------------- */

static float bound_above(int64_t square)
{
    return (float)(sqrt((double)square) * (1 + 0x1p-22));
}

static float bound_below(int64_t square)
{
    return square == INT64_MAX ? HUGE_VALF : (float)(sqrt((double)square) * (1 - 0x1p-22));
}

/* Squared distances of one row from all centres, where doubles hold them. */
static struct strata_nearest nearest_by_double(const struct strata_centres *centres, const float *x)
{
    const size_t k = centres->dims.k, d = centres->dims.d, pairs = d / 2;
    pair row[STRATA_MAX_DIMENSIONS / 2];
    struct strata_nearest near = {INT64_MAX, INT64_MAX, -1, -1};
    double best = 0x1p60, second = 0x1p60; /* beyond any distance */
    for (size_t p = 0; p < pairs; p++) row[p] = (pair){(double)x[2 * p], (double)x[2 * p + 1]};
    for (size_t c = 0; c < k; c++) {
        const double *centre = centres->centre + c * d;
        pair even = {0}, odd = {0};
        for (size_t p = 0; p < pairs; p++) {
            pair at;
            memcpy(&at, centre + 2 * p, sizeof at);
            at -= row[p];
            if (p % 2)
                odd += at * at;
            else
                even += at * at;
        }
        const double rest = d % 2 ? (double)x[d - 1] - centre[d - 1] : 0;
        const pair sum = even + odd;
        const double distance = sum[0] + sum[1] + rest * rest;
        if (distance < best) {
            second = best;
            near.runner_up = near.label;
            best = distance;
            near.label = (int32_t)c;
        } else if (distance < second) {
            second = distance;
            near.runner_up = (int32_t)c;
        }
    }
    near.distance = (int64_t)best;
    near.second = near.runner_up < 0 ? INT64_MAX : (int64_t)second;
    return near;
}

/* Every partial sum of squares is an integer below 2^53 then. */
static bool double_holds(const struct strata_centres *centres, const float *x)
{
    double square = 0;
    for (size_t j = 0; j < centres->dims.d; j++) square += (double)x[j] * (double)x[j];
    const double reach = sqrt(square) + (double)centres->norm;
    return reach * reach < 0x1p52;
}

/* Decide a row exactly. */
static void recheck(const struct strata_centres *centres, const float *x, struct strata_look out)
{
    struct strata_nearest near;
    if (double_holds(centres, x))
        near = nearest_by_double(centres, x);
    else
        strata_nearest_int64(centres->dims, centres->centre, x, 1, &near);
    *out.label = (uint16_t)near.label;
    if (!out.upper) return;
    *out.upper = bound_above(near.distance);
    *out.lower = bound_below(near.second);
}

static struct strata_look look_from(struct strata_look out, size_t first)
{
    return (struct strata_look){out.label + first, out.upper ? out.upper + first : NULL,
                                out.lower ? out.lower + first : NULL};
}

/* Look at up to lanes rows, wherever they are, by float among rows of zeros; then decide what is left. */
static uint64_t look_at_rows(const struct strata_centres *centres, const float *x,
                             const uint32_t *row, size_t n, struct strata_look out)
{
    const size_t d = centres->dims.d, lanes = centres->kernels->lanes;
    float copy[STRATA_LANES_MOST * STRATA_MAX_DIMENSIONS + STRATA_LANES_MOST];
    uint16_t label[STRATA_LANES_MOST];
    float upper[STRATA_LANES_MOST], lower[STRATA_LANES_MOST];
    uint32_t unsure[STRATA_LANES_MOST];
    for (size_t i = 0; i < n; i++) memcpy(copy + i * d, x + row[i] * d, d * sizeof *copy);
    memset(copy + n * d, 0, ((lanes - n) * d + STRATA_LANES_MOST) * sizeof *copy);
    const struct strata_look mine = {label, out.upper ? upper : NULL, out.upper ? lower : NULL};
    size_t n_unsure = centres->kernels->look(centres, copy, lanes, mine, false, unsure);
    for (size_t i = 0; i < n; i++) {
        out.label[row[i]] = label[i];
        if (out.upper) out.upper[row[i]] = upper[i];
        if (out.upper) out.lower[row[i]] = lower[i];
    }
    while (n_unsure > 0 && unsure[n_unsure - 1] >= n) n_unsure--; /* the zeros */
    for (size_t i = 0; i < n_unsure; i++)
        recheck(centres, copy + unsure[i] * d, look_from(out, row[unsure[i]]));
    return n_unsure;
}

/* Look at a multiple of lanes rows, at most AT_ONCE, of which 3 floats beyond can be read. */
static uint64_t look_at_strip(const struct strata_centres *centres, const float *x, size_t n,
                              struct strata_look out)
{
    uint32_t unsure[AT_ONCE];
    const size_t lanes = centres->kernels->lanes;
    const bool narrow = centres->narrow != NULL;
    const size_t n_unsure = centres->kernels->look(centres, x, n, out, narrow, unsure);
    uint64_t n_rechecked = 0;
    size_t i = 0;
    for (; narrow && i + FEW <= n_unsure; i += lanes)
        n_rechecked +=
            look_at_rows(centres, x, unsure + i, n_unsure - i < lanes ? n_unsure - i : lanes, out);
    for (; i < n_unsure; i++, n_rechecked++)
        recheck(centres, x + unsure[i] * centres->dims.d, look_from(out, unsure[i]));
    return n_rechecked;
}

/* Look at the last few rows. */
static uint64_t look_at_rest(const struct strata_centres *centres, const float *x, size_t n,
                             struct strata_look out)
{
    static const uint32_t all[STRATA_LANES_MOST] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                    8, 9, 10, 11, 12, 13, 14, 15};
    return look_at_rows(centres, x, all, n, out);
}

uint64_t strata_centres_look(const struct strata_centres *centres, const float *x, size_t n,
                             struct strata_look out)
{
    const size_t d = centres->dims.d, lanes = centres->kernels->lanes;
    /* Whole tiles are read where they are, unless columns by fours would lead beyond the last row. */
    const size_t beyond = (rounded(d, 4) - d + d - 1) / d;
    const size_t whole = (n > beyond ? n - beyond : 0) / lanes * lanes;
    uint64_t n_unsure = 0;
    for (size_t first = 0; first < whole; first += AT_ONCE)
        n_unsure +=
            look_at_strip(centres, x + first * d, whole - first < AT_ONCE ? whole - first : AT_ONCE,
                          look_from(out, first));
    for (size_t first = whole; first < n; first += lanes)
        n_unsure += look_at_rest(centres, x + first * d, n - first < lanes ? n - first : lanes,
                                 look_from(out, first));
    if (centres->dims.k == 1 && out.lower)
        for (size_t i = 0; i < n; i++) out.lower[i] = HUGE_VALF;
    return n_unsure;
}

/* --- bounds ---------------------------------------------------------------------------- */

void strata_centres_own(const struct strata_centres *centres, const float *x, size_t n,
                        const uint16_t *label, float *upper)
{
    const size_t d = centres->dims.d, whole = n / centres->kernels->lanes * centres->kernels->lanes;
    centres->kernels->own(centres, x, whole, label, upper);
    for (size_t i = whole; i < n; i++)
        upper[i] = bound_above(strata_distance(centres->centre + label[i] * d, x + i * d, d));
}

static const struct strata_kernels *kernels_in_force(void)
{
    return strata_kernels_of(strata_isa());
}

size_t strata_bounds_check(const struct strata_drift *drift, const uint16_t *label,
                           const float *upper, const float *lower, size_t n, uint32_t *row)
{
    const struct strata_kernels *kernels = kernels_in_force();
    const size_t whole = n / kernels->lanes * kernels->lanes;
    size_t n_rows = kernels->check(drift, label, upper, lower, whole, row);
    for (size_t i = whole; i < n; i++) {
        const float reach = upper[i] + drift->both[label[i]];
        const float far = reach + (reach < 0 ? -reach : reach) * 0x1p-22F;
        if (!(far < lower[i]) && !(upper[i] < drift->slack[label[i]])) row[n_rows++] = (uint32_t)i;
    }
    return n_rows;
}

void strata_bounds_keep(const struct strata_drift *drift, const uint16_t *label, float *upper,
                        float *lower, size_t n)
{
    const struct strata_kernels *kernels = kernels_in_force();
    const size_t whole = n / kernels->lanes * kernels->lanes;
    kernels->keep(drift, label, upper, lower, whole);
    for (size_t i = whole; i < n; i++) {
        upper[i] = strata_upper_kept(upper[i], drift->own[label[i]]);
        lower[i] = strata_lower_kept(lower[i], drift->other[label[i]]);
    }
}
