/* Scores of rows: the shapes, written once for all widths of registers.
 *
 * Shape: centres in lanes, one register for LANES / fold of them; each float of
 * a row is broadcast from memory to all lanes.  ROWS rows by `registers`
 * registers of scores stay in registers over all columns.  Then scores are
 * marked with the index of their centre in the lowest bits, so that the
 * smallest and second smallest of all lanes are found by minima and maxima
 * alone: down the registers of a row; then, through memory (stores of quads
 * cost no shuffles), four rows' quads to a register; the last four lanes by two
 * shuffles each.
 *
 * Per row: k d multiply-adds (k rounded up to lanes), about 4 k / LANES + 5
 * operations of minima and shuffles per LANES-th part, 4 d bytes read, 2
 * written (10 with bounds).
 *
 * A file that includes this one provides the lanes (lanes_*.h). */
#ifndef STRATA_NEAREST_SCORES_KERNEL_H
#define STRATA_NEAREST_SCORES_KERNEL_H

#include <math.h>
#include <string.h>

#include "math/nearest/centres.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
#define STRIP STRATA_STRIP

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
    struct quads best, second;
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
    return v_add(v_evens(a, b), v_odds(a, b));
}

/* --- scores ----------------------------------------------------------------------------- */

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
    if (registers == 1) return (struct duel){score[0], v_last()};
    struct duel duel = duel_of(score[0], score[1]);
    if (registers == 4) return duel_meet(duel, duel_of(score[2], score[3]));
    return registers == 3 ? duel_join(duel, score[2]) : duel;
}

/* The duels of a few rows with one group of centres; more is true when duel
 * holds earlier groups'. */
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

/* --- tiles of LANES rows ---------------------------------------------------------------- */

/* Quads of row r go where, after all quads are joined, a quad of four rows'
 * register holds row 4 b + i: so that the last two folds leave the rows in
 * order. */
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
    UNROLL for (size_t q = 0; q < QUADS; q++) quad[q] =
        (struct duel){v_load(best + q * pitch), single ? v_last() : v_load(second + q * pitch)};
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

/* Few centres, folded: columns of the same centre in neighbouring lanes are
 * added up first. */
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

/* --- steps of a look at a strip --------------------------------------------------------- */

INLINE void tile_prefetch(const float *x, size_t d)
{
    const char *at = (const char *)x + AHEAD_BYTES;
    for (size_t byte = 0; byte < LANES * d * sizeof(float); byte += 64)
        __builtin_prefetch(at + byte, 0, 2);
}

/* fold 1 and registers 0: groups.  columns 0: as many as there are. */
INLINE void tile_scores(const struct strata_centres *centres, const float *x, size_t fold,
                        size_t registers, size_t columns, struct tile *tile)
{
    const size_t d = columns ? columns : centres->dims.d;
    tile_prefetch(x, d);
    if (fold > 1)
        tile_fill_folded(centres, x, fold, d, tile);
    else if (registers > 0)
        tile_fill(centres, x, registers, d, tile);
    else
        tile_fill_groups(centres, x, d, tile);
}

INLINE void tile_finish(const struct tile *tile, size_t first, struct strata_strip *strip,
                        size_t fold, size_t registers)
{
    const struct duel duel = tile_duel(tile, fold, registers == 1);
    v_store(strip->best + first, duel.best);
    v_store(strip->second + first, duel.second);
}

/* A tile is finished after the next one's scores: its stores have then left the
 * store buffer, from which a wider load cannot read. */
INLINE void strip_scores(const struct strata_centres *centres, const float *x, size_t n,
                         struct strata_strip *strip, size_t fold, size_t registers, size_t columns)
{
    struct tile tile[2] __attribute__((aligned(64)));
    size_t turn = 0;
    tile_scores(centres, x, fold, registers, columns, &tile[0]);
    for (size_t first = LANES; first < n; first += LANES) {
        tile_scores(centres, x + first * centres->dims.d, fold, registers, columns, &tile[turn ^ 1]);
        tile_finish(&tile[turn], first - LANES, strip, fold, registers);
        turn ^= 1;
    }
    tile_finish(&tile[turn], n - LANES, strip, fold, registers);
}

typedef void strip_shape(const struct strata_centres *, const float *, size_t,
                         struct strata_strip *);

/* Each shape is a function of its own: together they are more than a compiler
 * can order well.  The commonest numbers of columns have their own, too. */
#define SHAPE(name, fold, registers, columns)                                                       \
    static __attribute__((noinline)) void name(                                                     \
        const struct strata_centres *centres, const float *x, size_t n, struct strata_strip *strip) \
    {                                                                                               \
        strip_scores(centres, x, n, strip, fold, registers, columns);                               \
    }
#define SHAPES(name, fold, registers)                                         \
    SHAPE(name##_of_8, fold, registers, 8)                                    \
    SHAPE(name##_of_16, fold, registers, 16)                                  \
    SHAPE(name##_of_any, fold, registers, 0)                                  \
    static strip_shape *name(size_t d)                                        \
    {                                                                         \
        return d == 8 ? name##_of_8 : d == 16 ? name##_of_16 : name##_of_any; \
    }

SHAPES(scores_by_4, 4, 1)
SHAPES(scores_by_2, 2, 1)
SHAPES(scores_1, 1, 1)
SHAPES(scores_2, 1, 2)
#if GROUP == 4
SHAPE(scores_3, 1, 3, 0)
SHAPE(scores_4, 1, 4, 0)
#endif
SHAPE(scores_many, 1, 0, 0)

static strip_shape *shape_of(const struct strata_centres *centres)
{
    const size_t d = centres->dims.d;
    if (centres->fold > 1) return centres->fold == 4 ? scores_by_4(d) : scores_by_2(d);
    switch (centres->registers) {
    case 1:
        return scores_1(d);
    case 2:
        return scores_2(d);
#if GROUP == 4
    case 3:
        return scores_3;
    case 4:
        return scores_4;
#endif
    default:
        return scores_many;
    }
}

#endif
