/* Look at rows: the shapes, written once for all widths of registers.
 *
 * Shape: centres in lanes, one register for LANES / fold of them; each float of a row is broadcast from
 * memory to all lanes.  ROWS rows by `registers` registers of scores stay in registers over all
 * columns.  Then scores are marked with the index of their centre in the lowest bits, so that the
 * smallest and second smallest of all lanes are found by minima and maxima alone: down the registers
 * of a row; then, through memory (stores of quads cost no shuffles), four rows' quads to a register;
 * the last four lanes by two shuffles each.
 *
 * Per row: k d multiply-adds (k rounded up to lanes), about 4 k / LANES + 5 operations of minima and
 * shuffles per LANES-th part, 4 d bytes read, 2 written (10 with bounds).
 *
 * A file that includes this one provides the lanes (lanes_*.h). */
#ifndef STRATA_NEAREST_LOOK_KERNEL_H
#define STRATA_NEAREST_LOOK_KERNEL_H

#include <math.h>
#include <string.h>

#include "math/nearest/centres.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

#define QUADS (LANES / 4)
#define ROWS_MOST 8 /* rows by registers */
#define SCORES_MOST 16
#define AHEAD_BYTES 4096
#define SLACK (1 + 0x1p-10F)

/* The smallest and second smallest of some scores. */
struct duel {
    vec best, second;
};

/* The scores of LANES rows, in quads: row r stands at place_of(r) of each. */
struct quads {
    float at[QUADS][4 * LANES];
};

struct tile {
    struct quads best, second, norm;
};

INLINE struct duel duel_of(vec a, vec b)
{
    return (struct duel){v_min(a, b), v_max(a, b)};
}

INLINE struct duel duel_join(struct duel a, vec b)
{
    return (struct duel){v_min(a.best, b), v_min(a.second, v_max(a.best, b))};
}

INLINE struct duel duel_meet(struct duel a, struct duel b)
{
    return (struct duel){v_min(a.best, b.best),
                         v_min(v_max(a.best, b.best), v_min(a.second, b.second))};
}

/* Halve the lanes of each quad: those of a, then those of b. */
INLINE struct duel duel_fold(struct duel a, struct duel b)
{
    return duel_meet((struct duel){v_evens(a.best, b.best), v_evens(a.second, b.second)},
                     (struct duel){v_odds(a.best, b.best), v_odds(a.second, b.second)});
}

INLINE vec sum_fold(vec a, vec b)
{
    return v_evens(a, b) + v_odds(a, b);
}

/* --- scores ---------------------------------------------------------------------------- */

/* The scores of a few rows x (rows, d) with one group of centres. */
INLINE void scores_fill(const struct strata_centres *centres, size_t group, const float *x,
                        size_t rows, size_t registers, size_t fold, size_t d, vec *score)
{
    const size_t first = group * GROUP;
    const float *packed = centres->packed + first * centres->steps * LANES;
    UNROLL for (size_t v = 0; v < registers; v++)
    {
        const vec start = v_load(centres->start + (first + v) * LANES);
        UNROLL for (size_t r = 0; r < rows; r++) score[r * registers + v] = start;
    }
    const size_t steps = (d + fold - 1) / fold;
    for (size_t step = 0; step < steps; step++) {
        vec centre[GROUP];
        UNROLL for (size_t v = 0; v < registers; v++) centre[v] =
            v_load(packed + (step * registers + v) * LANES);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            const vec at = v_repeat(x + r * d + step * fold, fold);
            UNROLL for (size_t v = 0; v < registers; v++) score[r * registers + v] =
                v_fma(at, centre[v], score[r * registers + v]);
        }
    }
}

/* Mark the scores of a row and add them to its duel. */
INLINE void scores_mark(const struct strata_centres *centres, size_t group, size_t registers,
                        vec *score)
{
    UNROLL for (size_t v = 0; v < registers; v++) score[v] =
        v_mark(score[v], centres->keep, v_load_int(centres->index + (group * GROUP + v) * LANES));
}

INLINE struct duel duel_of_scores(size_t registers, const vec *score)
{
    if (registers == 1) return (struct duel){score[0], v_set(HUGE_VALF)};
    struct duel duel = duel_of(score[0], score[1]);
    if (registers == 4) return duel_meet(duel, duel_of(score[2], score[3]));
    return registers == 3 ? duel_join(duel, score[2]) : duel;
}

/* The duels of a few rows with one group of centres; more is true when duel holds earlier groups'. */
INLINE void duels_fill(const struct strata_centres *centres, size_t group, const float *x,
                       size_t rows, size_t registers, size_t d, bool more, struct duel *duel)
{
    vec score[SCORES_MOST];
    scores_fill(centres, group, x, rows, registers, 1, d, score);
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        scores_mark(centres, group, registers, score + r * registers);
        if (more && registers == 1)
            duel[r] = duel_join(duel[r], score[r]);
        else if (more)
            duel[r] = duel_meet(duel[r], duel_of_scores(registers, score + r * registers));
        else
            duel[r] = duel_of_scores(registers, score + r * registers);
    }
}

/* --- tiles of LANES rows --------------------------------------------------------------- */

/* Quads of row r go where, after all quads are joined, a quad of four rows' register holds row
 * 4 b + i: so that the last two folds leave the rows in order. */
INLINE size_t place_of(size_t row)
{
    return ((row % 4) * QUADS + row / 4) * 4;
}

INLINE void quads_put(struct quads *quads, size_t place, vec v)
{
    v_store_quads(quads->at[0] + place, 4 * LANES, v);
}

/* The quads of the i-th register joined. */
INLINE struct duel quads_duel(const struct tile *tile, size_t i, bool single)
{
    const float *best = tile->best.at[0] + i * LANES, *second = tile->second.at[0] + i * LANES;
    const size_t pitch = 4 * LANES;
    struct duel quad[QUADS];
    UNROLL for (size_t q = 0; q < QUADS; q++) quad[q] = (struct duel){
        v_load(best + q * pitch), single ? v_set(HUGE_VALF) : v_load(second + q * pitch)};
    if (QUADS == 1) return quad[0];
    UNROLL for (size_t q = 0; q < QUADS; q += 2) quad[q] =
        single ? duel_of(quad[q].best, quad[(q + 1) % QUADS].best)
               : duel_meet(quad[q], quad[(q + 1) % QUADS]);
    return QUADS == 2 ? quad[0] : duel_meet(quad[0], quad[2 % QUADS]);
}

/* The duels of LANES rows, in order. */
INLINE struct duel tile_duel(const struct tile *tile, size_t fold, bool single)
{
    const struct duel first = quads_duel(tile, 0, single);
    if (fold == 4) return first;
    const struct duel low = duel_fold(first, quads_duel(tile, 1, single));
    if (fold == 2) return low;
    return duel_fold(low, duel_fold(quads_duel(tile, 2, single), quads_duel(tile, 3, single)));
}

/* Few centres, folded: columns of the same centre in neighbouring lanes are added up first. */
INLINE void tile_fill_folded(const struct strata_centres *centres, const float *x, size_t fold,
                             size_t d, struct tile *tile)
{
    const size_t rows = ROWS_OF_GROUP(1);
    UNROLL for (size_t first = 0; first < LANES; first += rows)
    {
        vec score[SCORES_MOST];
        scores_fill(centres, 0, x + first * d, rows, 1, fold, d, score);
        UNROLL for (size_t r = 0; r < rows; r += fold)
        {
            vec sum = sum_fold(score[r], score[r + 1]);
            if (fold == 4) sum = sum_fold(sum, sum_fold(score[r + 2], score[r + 3]));
            scores_mark(centres, 0, 1, &sum);
            const size_t at = (first + r) / fold;
            quads_put(&tile->best, fold == 4 ? at * 4 : ((at % 2) * QUADS + at / 2) * 4, sum);
        }
    }
}

/* One group of centres. */
INLINE void tile_fill(const struct strata_centres *centres, const float *x, size_t registers,
                      size_t d, struct tile *tile)
{
    const size_t rows = ROWS_OF_GROUP(registers);
    UNROLL for (size_t first = 0; first < LANES; first += rows)
    {
        struct duel duel[ROWS_MOST];
        duels_fill(centres, 0, x + first * d, rows, registers, d, false, duel);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            quads_put(&tile->best, place_of(first + r), duel[r].best);
            if (registers > 1) quads_put(&tile->second, place_of(first + r), duel[r].second);
        }
    }
}

/* Many centres: group after group, the last may be smaller. */
INLINE void tile_fill_groups(const struct strata_centres *centres, const float *x, size_t d,
                             struct tile *tile)
{
    const size_t rows = ROWS_OF_GROUP(GROUP), whole = centres->registers / GROUP;
    for (size_t first = 0; first < LANES; first += rows) {
        const float *at = x + first * d;
        struct duel duel[ROWS_MOST];
        duels_fill(centres, 0, at, rows, GROUP, d, false, duel);
        for (size_t group = 1; group < whole; group++)
            duels_fill(centres, group, at, rows, GROUP, d, true, duel);
        const size_t left = centres->registers % GROUP;
        if (left == 1) duels_fill(centres, whole, at, rows, 1, d, true, duel);
        if (left == 2) duels_fill(centres, whole, at, rows, 2, d, true, duel);
        if (left == 3) duels_fill(centres, whole, at, rows, 3, d, true, duel);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            quads_put(&tile->best, place_of(first + r), duel[r].best);
            quads_put(&tile->second, place_of(first + r), duel[r].second);
        }
    }
}

/* --- lengths --------------------------------------------------------------------------- */

/* The squares of a row, in lanes. */
INLINE vec squares_of(const float *x, size_t d)
{
    vec sum = v_set(0);
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        const vec at = v_load(x + j);
        sum = v_fma(at, at, sum);
    }
    if (j == d) return sum;
    const vec at = v_load_first(x + j, d - j);
    return v_fma(at, at, sum);
}

INLINE vec quads_sum(const struct quads *quads, size_t i)
{
    vec sum = v_load(quads->at[0] + i * LANES);
    UNROLL for (size_t q = 1; q < QUADS; q++) sum += v_load(quads->at[q] + i * LANES);
    return sum;
}

/* The sums of each row's lanes, rows in order.  Off by d + 3 roundings. */
INLINE vec tile_sums(const struct quads *quads)
{
    return sum_fold(sum_fold(quads_sum(quads, 0), quads_sum(quads, 1)),
                    sum_fold(quads_sum(quads, 2), quads_sum(quads, 3)));
}

INLINE vec tile_norms(const float *x, size_t d, struct quads *quads)
{
    UNROLL for (size_t r = 0; r < LANES; r++)
        quads_put(quads, place_of(r), squares_of(x + r * d, d));
    return tile_sums(quads);
}

/* At least the square of the longest row's length, to d + 4 roundings: the sum of all. */
INLINE vec tile_reach(const float *x, size_t d)
{
    vec even = v_set(0), odd = even;
    size_t i = 0;
    for (; i + 2 <= d; i += 2) {
        const vec a = v_load(x + i * LANES), b = v_load(x + (i + 1) * LANES);
        even = v_fma(a, a, even);
        odd = v_fma(b, b, odd);
    }
    if (i < d) {
        const vec a = v_load(x + i * LANES);
        even = v_fma(a, a, even);
    }
    return v_set(v_sum(even + odd));
}

/* --- what is certain ------------------------------------------------------------------- */

INLINE size_t tile_settle(const struct strata_centres *centres, struct duel duel, vec square,
                          size_t first, struct strata_look out, uint32_t *unsure)
{
    const vec error = v_set(2 * centres->error) *
                      v_fma(v_sqrt(square), v_set(centres->norm * SLACK), v_set(centres->half));
    const vec best = v_abs(duel.best), second = v_abs(duel.second), blur = v_set(centres->blur);
    const vec doubt = v_fma(v_fma(blur, best + second, error), v_set(SLACK), v_set(0.125F));
    v_store_labels(out.label + first, duel.best, centres->keep);
    if (out.upper) {
        /* |x|^2 + 2 score, with room for every rounding on the way */
        const vec two = v_set(2), room = v_set(centres->room), zero = v_set(0),
                  more = v_set(2 * centres->blur + 0x1p-20F);
        const vec near = v_fma(two, duel.best, square), far = v_fma(two, duel.second, square);
        const vec common = v_fma(room, square, error);
        const vec near_room = v_fma(more, best, common) * v_set(SLACK);
        const vec far_room = v_fma(more, second, common) * v_set(SLACK);
        v_store(out.upper + first, v_sqrt(v_max(near + near_room, zero)) * v_set(1 + 0x1p-20F));
        v_store(out.lower + first, v_sqrt(v_max(far - far_room, zero)) * v_set(1 - 0x1p-20F));
    }
    size_t n = 0;
    uint32_t mask = v_not_above(duel.second - duel.best, doubt);
    for (; mask; mask &= mask - 1) unsure[n++] = (uint32_t)first + (uint32_t)__builtin_ctz(mask);
    return n;
}

INLINE void tile_prefetch(const float *x, size_t d)
{
    const char *at = (const char *)x + AHEAD_BYTES;
    for (size_t byte = 0; byte < LANES * d * sizeof(float); byte += 64)
        __builtin_prefetch(at + byte, 0, 2);
}

/* fold 1 and registers 0: groups. */
INLINE size_t look_shape(const struct strata_centres *centres, const float *x, size_t n,
                         struct strata_look out, uint32_t *unsure, size_t fold, size_t registers,
                         size_t d)
{
    struct tile tile __attribute__((aligned(64)));
    size_t n_unsure = 0;
    for (size_t first = 0; first < n; first += LANES) {
        const float *rows = x + first * d;
        tile_prefetch(rows, d);
        if (fold > 1)
            tile_fill_folded(centres, rows, fold, d, &tile);
        else if (registers > 0)
            tile_fill(centres, rows, registers, d, &tile);
        else
            tile_fill_groups(centres, rows, d, &tile);
        const vec square = out.upper ? tile_norms(rows, d, &tile.norm) : tile_reach(rows, d);
        n_unsure += tile_settle(centres, tile_duel(&tile, fold, registers == 1), square, first, out,
                                unsure + n_unsure);
    }
    return n_unsure;
}

INLINE size_t look_columns(const struct strata_centres *centres, const float *x, size_t n,
                           struct strata_look out, uint32_t *unsure, size_t d)
{
    if (centres->fold == 4) return look_shape(centres, x, n, out, unsure, 4, 1, d);
    if (centres->fold == 2) return look_shape(centres, x, n, out, unsure, 2, 1, d);
    if (centres->registers == 1) return look_shape(centres, x, n, out, unsure, 1, 1, d);
    if (centres->registers == 2) return look_shape(centres, x, n, out, unsure, 1, 2, d);
#if GROUP == 4
    if (centres->registers == 3) return look_shape(centres, x, n, out, unsure, 1, 3, d);
    if (centres->registers == 4) return look_shape(centres, x, n, out, unsure, 1, 4, d);
#endif
    return look_shape(centres, x, n, out, unsure, 1, 0, d);
}

/* The commonest numbers of columns have code of their own. */
static size_t look(const struct strata_centres *centres, const float *x, size_t n,
                   struct strata_look out, uint32_t *unsure)
{
    const size_t d = centres->dims.d;
    if (d == 8) return look_columns(centres, x, n, out, unsure, 8);
    if (d == 16) return look_columns(centres, x, n, out, unsure, 16);
    return look_columns(centres, x, n, out, unsure, d);
}

#endif
