/* The kernels against the integer definition, on random and on spiteful rows.  Plain C with a main of the
 * caller's, so that it also runs where no test library does (under qemu-user). */
#ifndef STRATA_TESTS_KERNELS_CASES_H
#define STRATA_TESTS_KERNELS_CASES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "strata/nearest.h"

/* Rows that end where readable memory ends: a kernel that reads beyond them is killed. */
struct fenced {
    unsigned char *map;
    size_t bytes, page;
};

static struct fenced fenced_new(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t all = (bytes + page - 1) / page * page + page;
    unsigned char *map = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + all - page, page, PROT_NONE) != 0) abort();
    return (struct fenced){map, all, page};
}

static float *fenced_floats(const struct fenced *fenced, size_t count)
{
    return (float *)(void *)(fenced->map + fenced->bytes - fenced->page - count * sizeof(float));
}

/* --- data ------------------------------------------------------------------------------ */

enum kind {
    KIND_UNIFORM,  /* of 2^18 */
    KIND_SKEWED,   /* many small, few very large */
    KIND_FEW,      /* -1, 0, 1: ties everywhere */
    KIND_COPIES,   /* centres in equal pairs, rows on centres and half way between them */
    KIND_CLOSE,    /* all centres one unit from the first, rows far away */
    KIND_EXTREMES, /* +-2^24 */
    KIND_ZERO,     /* all zero */
    KIND_FAR,      /* small centres, rows of 2^23 to 2^24 in all columns */
    KIND_CONSTANT, /* a large constant in all columns but the last */
    KIND_COUNT
};

struct cases {
    enum strata_isa isa;
    struct strata_dims dims;
    size_t n;
    const float *x;       /* (n, d) */
    const double *centre; /* (k, d) */
    const char *what;
    size_t *failures;
};

static uint64_t cases_state;

static uint64_t some_bits(void) /* splitmix64 */
{
    uint64_t z = (cases_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int64_t some_below(int64_t reach)
{
    return (int64_t)(some_bits() % (uint64_t)(2 * reach + 1)) - reach;
}

static double some_value(enum kind kind, bool last)
{
    switch (kind) {
    case KIND_FEW:
        return (double)some_below(1);
    case KIND_SKEWED: {
        const int64_t value = some_below(1 << 11);
        return (double)(some_bits() % 50 == 0 ? value * 8192 : value);
    }
    case KIND_EXTREMES:
        return some_bits() & 1 ? 16777216.0 : -16777216.0;
    case KIND_ZERO:
        return 0;
    case KIND_CONSTANT:
        return last ? (double)some_below(1 << 16) : 15000000.0;
    case KIND_UNIFORM:
    case KIND_COPIES:
    case KIND_CLOSE:
    case KIND_FAR:
    case KIND_COUNT:
        break;
    }
    return (double)some_below(1 << 18);
}

static void fill_case(enum kind kind, struct strata_dims dims, size_t n, float *x, double *centre)
{
    const size_t d = dims.d;
    for (size_t i = 0; i < dims.k * d; i++) centre[i] = some_value(kind, i % d == d - 1);
    for (size_t i = 0; i < n * d; i++) x[i] = (float)some_value(kind, i % d == d - 1);
    for (size_t i = 0; kind == KIND_FAR && i < n * d; i++)
        x[i] = (float)(8388608 + some_bits() % 8388609);
    if (kind == KIND_COPIES) {
        for (size_t c = 1; c < dims.k; c += 2)
            memcpy(centre + c * d, centre + (c - 1) * d, d * sizeof *centre);
        for (size_t i = 0; i < n; i++) {
            const size_t a = some_bits() % dims.k, b = i % 3 == 0 ? a : some_bits() % dims.k;
            for (size_t j = 0; j < d; j++)
                x[i * d + j] = (float)(int64_t)((centre[a * d + j] + centre[b * d + j]) / 2);
        }
    }
    if (kind == KIND_CLOSE)
        for (size_t c = 1; c < dims.k; c++) {
            memcpy(centre + c * d, centre, d * sizeof *centre);
            centre[c * d + some_bits() % d] += (double)some_below(1);
        }
}

/* --- checks ---------------------------------------------------------------------------- */

static void complain(const struct cases *c, const char *about, size_t row)
{
    if ((*c->failures)++ < 20)
        (void)printf("FAILED: %s: %s: %s, k %zu, d %zu, n %zu, row %zu\n", strata_isa_word(c->isa),
                     c->what, about, c->dims.k, c->dims.d, c->n, row);
}

static long double squared(float bound)
{
    return (long double)bound * (long double)bound; /* exact: 48 bits */
}

static void *room_for(size_t bytes)
{
    void *room = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!room) abort();
    memset(room, 0, (bytes + 127) / 64 * 64);
    return room;
}

static void check_look(const struct cases *c, bool bounds)
{
    struct strata_nearest *truth = room_for(c->n * sizeof *truth);
    uint16_t *label = room_for(c->n * sizeof *label);
    float *upper = room_for(c->n * sizeof *upper), *lower = room_for(c->n * sizeof *lower);
    void *room = room_for(strata_centres_bytes(c->dims));
    strata_nearest_int64(c->dims, c->centre, c->x, c->n, truth);
    memset(label, 0xff, c->n * sizeof *label);
    const struct strata_centres *centres = strata_centres_make(c->dims, c->centre, c->isa, room);
    const uint64_t unsure = strata_centres_look(
        centres, c->x, c->n,
        (struct strata_look){label, bounds ? upper : NULL, bounds ? lower : NULL});
    if (unsure > c->n) complain(c, "more rows unsure than there are", 0);
    for (size_t i = 0; i < c->n; i++) {
        if (label[i] != truth[i].label) complain(c, "label", i);
        if (!bounds) continue;
        if (!(squared(upper[i]) >= (long double)truth[i].distance)) complain(c, "upper", i);
        if (c->dims.k == 1 ? !isinf(lower[i])
                           : !(lower[i] >= 0 && squared(lower[i]) <= (long double)truth[i].second))
            complain(c, "lower", i);
    }
    if (bounds) {
        for (size_t i = 0; i < c->n; i++) label[i] = (uint16_t)(i % c->dims.k);
        strata_centres_own(centres, c->x, c->n, label, upper);
        for (size_t i = 0; i < c->n; i++) {
            const int64_t square =
                strata_distance(c->centre + label[i] * c->dims.d, c->x + i * c->dims.d, c->dims.d);
            if (!(squared(upper[i]) >= (long double)square)) complain(c, "own", i);
            if (!(squared(upper[i]) <= (long double)square * 1.0001L))
                complain(c, "own is loose", i);
        }
    }
    free(truth), free(label), free(upper), free(lower), free(room);
}

static void check_sums(const struct cases *c, bool weighted)
{
    const size_t k = c->dims.k, d = c->dims.d;
    int64_t *count = room_for(2 * k * sizeof *count), *sum = room_for(2 * k * d * sizeof *sum);
    uint16_t *label = room_for(c->n * sizeof *label);
    uint32_t *weight = room_for(c->n * sizeof *weight);
    unsigned char *scratch = room_for(strata_label_sums_scratch(c->dims));
    const uint64_t few = 1 + some_bits() % k;
    for (size_t i = 0; i < c->n; i++) {
        label[i] = (uint16_t)(some_bits() % few);
        weight[i] = weighted ? (uint32_t)(some_bits() % ((1 << 20) + 1)) : 1;
        count[k + label[i]] += weight[i];
        for (size_t j = 0; j < d; j++)
            sum[k * d + label[i] * d + j] += (int64_t)c->x[i * d + j] * weight[i];
    }
    const size_t half = c->n / 2;
    strata_label_sums_hold(c->dims, c->isa, c->x, weighted ? weight : NULL, half, label, scratch,
                           count, sum);
    strata_label_sums_add(c->dims, c->isa, c->x + half * d, weighted ? weight + half : NULL,
                          c->n - half, label + half, scratch, count, sum);
    if (memcmp(count, count + k, k * sizeof *count) != 0) complain(c, "count", 0);
    if (memcmp(sum, sum + k * d, k * d * sizeof *sum) != 0) complain(c, "sum", 0);
    for (size_t i = 0; i < strata_label_sums_scratch(c->dims); i++)
        if (scratch[i]) {
            complain(c, "scratch is not left zeroed", i);
            break;
        }
    free(count), free(sum), free(label), free(weight), free(scratch);
}

/* --- cases ----------------------------------------------------------------------------- */

static void try_case(enum strata_isa isa, enum kind kind, struct strata_dims dims, size_t n,
                     size_t *failures)
{
    static const char *const word[KIND_COUNT] = {"uniform",  "skewed", "few", "copies",  "close",
                                                 "extremes", "zero",   "far", "constant"};
    struct fenced rows = fenced_new(n * dims.d * sizeof(float));
    float *x = fenced_floats(&rows, n * dims.d);
    double *centre = room_for(dims.k * dims.d * sizeof *centre);
    cases_state = (uint64_t)kind * 7919 + dims.k * 104729 + dims.d * 1299709 + n;
    fill_case(kind, dims, n, x, centre);
    const struct cases c = {isa, dims, n, x, centre, word[kind], failures};
    check_look(&c, false);
    check_look(&c, true);
    check_sums(&c, false);
    if (n % 3 == 0) check_sums(&c, true);
    free(centre);
    (void)munmap(rows.map, rows.bytes);
}

/* All d of 1 to 40 with all k of 1 to 40, thinned by step. */
static void try_small_shapes(enum strata_isa isa, size_t step, size_t *failures)
{
    size_t turn = 0;
    for (size_t k = 1; k <= 40; k++)
        for (size_t d = 1; d <= 40; d++, turn++)
            if (turn % step == 0 || k <= 9)
                try_case(isa, (enum kind)(turn / step % KIND_COUNT), (struct strata_dims){k, d},
                         33 + turn % 31, failures);
}

static void try_all_kinds(enum strata_isa isa, size_t *failures)
{
    static const size_t ks[] = {1, 2, 3, 4, 5, 8, 11, 16, 17, 33, 64, 100}, ds[] = {1, 7, 8, 16, 31};
    for (size_t a = 0; a < sizeof ks / sizeof *ks; a++)
        for (size_t b = 0; b < sizeof ds / sizeof *ds; b++)
            for (enum kind kind = 0; kind < KIND_COUNT; kind++)
                try_case(isa, kind, (struct strata_dims){ks[a], ds[b]}, 81, failures);
}

/* Those for which a first pass on int16 may be worth its while. */
static void try_narrow_shapes(enum strata_isa isa, size_t *failures)
{
    static const struct strata_dims dims[] = {{48, 22}, {49, 62},  {41, 33}, {64, 16},  {64, 19},
                                              {97, 64}, {129, 13}, {260, 4}, {40, 128}, {70, 97}};
    for (size_t a = 0; a < sizeof dims / sizeof *dims; a++)
        for (enum kind kind = 0; kind < KIND_COUNT; kind++)
            try_case(isa, kind, dims[a], 333, failures);
}

static void try_all_remainders(enum strata_isa isa, size_t *failures)
{
    static const struct strata_dims dims[] = {{3, 5}, {8, 16}, {7, 9}, {16, 8}, {40, 3}};
    for (size_t a = 0; a < sizeof dims / sizeof *dims; a++)
        for (size_t n = 0; n <= 33; n++)
            try_case(isa, n % 2 ? KIND_UNIFORM : KIND_FEW, dims[a], n, failures);
}

static void try_large_shapes(enum strata_isa isa, size_t *failures)
{
    static const struct strata_dims dims[] = {{63, 16}, {64, 16},  {65, 17},   {66, 64},
                                              {255, 8}, {1000, 5}, {1024, 16}, {4, 512},
                                              {7, 511}, {33, 300}, {2, 129},   {64, 512}};
    for (size_t a = 0; a < sizeof dims / sizeof *dims; a++) {
        try_case(isa, KIND_UNIFORM, dims[a], 69, failures);
        try_case(isa, KIND_COPIES, dims[a], 35, failures);
        try_case(isa, KIND_EXTREMES, dims[a], 18, failures);
    }
    try_case(isa, KIND_EXTREMES, (struct strata_dims){2, 3}, 5000, failures); /* sums spill */
    try_case(isa, KIND_FAR, (struct strata_dims){2, 3}, 5000, failures);
    try_case(isa, KIND_SKEWED, (struct strata_dims){12, 16}, 3001, failures);
}

/* Bounds hold however far centres have moved since they were kept; all rows that might move are named,
 * and no others by much. */
static void try_bounds_of(enum strata_isa isa, size_t k, size_t *failures)
{
    enum { K = 48, N = 1003 };
    float then[2][K], own[K] = {0}, other[K] = {0}, both[K] = {0}, slack[K] = {0};
    float upper[N], lower[N], kept_upper[N], kept_lower[N];
    double gap[K];
    uint16_t label[N];
    uint32_t row[N];
    const struct cases c = {isa, {k, 1}, N, NULL, NULL, "bounds", failures};
    cases_state = 5 + k;
    for (size_t i = 0; i < k; i++) {
        then[0][i] = own[i] = (float)(some_bits() % 1000) / 7;
        then[1][i] = other[i] = (float)(some_bits() % 1000) / 3;
        gap[i] = (double)(some_bits() % 1000);
    }
    for (size_t i = 0; i < N; i++) {
        label[i] = (uint16_t)(some_bits() % k);
        kept_upper[i] = upper[i] = (float)(some_bits() % 100000) / 100;
        kept_lower[i] = lower[i] = i % 100 == 7 ? HUGE_VALF : (float)(some_bits() % 100000) / 70;
    }
    const struct strata_drift drift = {k, own, other, both, slack};
    strata_bounds_keep(&drift, label, kept_upper, kept_lower, N);
    for (size_t i = 0; i < k; i++) { /* centres move on */
        own[i] += (float)(some_bits() % 64);
        other[i] += (float)(some_bits() % 64);
        both[i] = (own[i] + other[i]) * (1 + 0x1p-22F);
        slack[i] = (float)(gap[i] - (double)own[i]);
        slack[i] -= fabsf(slack[i]) * 0x1p-22F;
    }
    const size_t n = strata_bounds_check(&drift, label, kept_upper, kept_lower, N, row);
    size_t at = 0;
    for (size_t i = 0; i < N; i++) {
        const size_t l = label[i];
        const double high = (double)upper[i] + ((double)own[l] - (double)then[0][l]);
        const double low = (double)lower[i] - ((double)other[l] - (double)then[1][l]);
        const bool named = at < n && row[at] == i;
        at += named;
        if (!named && !(high < fmax(low, gap[l]))) complain(&c, "row that may move", i);
        if (named && high * 1.0001 + 0.01 < fmax(low * 0.9999 - 0.01, gap[l] - 0.01))
            complain(&c, "row that cannot move", i);
        if ((double)strata_upper_now(kept_upper[i], own[l]) < high) complain(&c, "upper", i);
        if ((double)strata_lower_now(kept_lower[i], other[l]) > fmax(low, 0))
            complain(&c, "lower", i);
    }
    if (at != n) complain(&c, "rows that cannot move", n);
}

static void try_bounds(enum strata_isa isa, size_t *failures)
{
    static const size_t k[] = {1, 2, 4, 8, 9, 16, 17, 48};
    for (size_t i = 0; i < sizeof k / sizeof *k; i++) try_bounds_of(isa, k[i], failures);
}

#endif
