/* Scores of rows: the shape, written once for all widths of registers.
 *
 * Shape: rows in lanes, centres broadcast.  LANES rows are a tile; TILES tiles are turned (rows to
 * columns, four columns at a time) into a small copy in cache; then the scores of a group of
 * centres stay in registers over all columns: each number of a centre is loaded once for all tiles,
 * each register of rows once for all centres of the group.  Scores are marked with the index of
 * their centre in the lowest bits, so that the smallest and second smallest are found by minima and
 * maxima alone, lane by lane.
 *
 * Per row: (k rounded up to 4) (d multiply-adds and 4 operations) / LANES, d multiply-adds / LANES
 * for its length, 3 d / LANES to turn it; 4 d bytes read, 12 written.
 *
 * A file that includes this one provides the lanes (lanes_*.h). */
#ifndef STRATA_NEAREST_SCORES_KERNEL_H
#define STRATA_NEAREST_SCORES_KERNEL_H

#include "math/nearest/duels.h"

#define TILES 2

/* --- a few tiles of rows ----------------------------------------------------------------- */

/* Tiles side by side, column by column: column j of tile t at (j TILES + t) LANES. */
struct turned {
    float at[STRATA_MAX_DIMENSIONS * TILES * LANES];
};

/* Turn four columns, of which the first `there` are the rows'; their squares are added to square. */
INLINE void tile_turn_four(const float *x, size_t d, size_t there, float *to, vec *square)
{
    vec column[4];
    v_turn(x, d, column);
    UNROLL for (size_t i = 0; i < there; i++)
    {
        v_store(to + i * TILES * LANES, column[i]);
        square[i % 2] = v_fma(column[i], column[i], square[i % 2]);
    }
}

/* Turn a tile.  Returns |x|^2 of its rows, off by d roundings. */
INLINE vec tile_turn(const float *x, size_t d, float *to)
{
    vec square[2] = {v_set(0), v_set(0)};
    size_t j = 0;
    for (; j + 4 <= d; j += 4) tile_turn_four(x + j, d, 4, to + j * TILES * LANES, square);
    if (d - j == 3) tile_turn_four(x + j, d, 3, to + j * TILES * LANES, square);
    if (d - j == 2) tile_turn_four(x + j, d, 2, to + j * TILES * LANES, square);
    if (d - j == 1) tile_turn_four(x + j, d, 1, to + j * TILES * LANES, square);
    return v_add(square[0], square[1]);
}

/* The marked scores of tiles with the group of centres that begins at first. */
INLINE void scores_fill(const struct strata_centres *centres, size_t first, size_t group,
                        const struct turned *rows, size_t tiles, vec *score)
{
    const size_t d = centres->dims.d;
    const float *packed = centres->packed + first * d;
    UNROLL for (size_t c = 0; c < group; c++)
    {
        const vec start = v_set(centres->start[first + c]);
        UNROLL for (size_t t = 0; t < tiles; t++) score[c * tiles + t] = start;
    }
    for (size_t j = 0; j < d; j++) {
        vec at[TILES];
        UNROLL for (size_t t = 0; t < tiles; t++) at[t] = v_load(rows->at + (j * TILES + t) * LANES);
        UNROLL for (size_t c = 0; c < group; c++)
        {
            const vec centre = v_set(packed[j * group + c]);
            UNROLL for (size_t t = 0; t < tiles; t++) score[c * tiles + t] =
                v_fma(at[t], centre, score[c * tiles + t]);
        }
    }
    UNROLL for (size_t c = 0; c < group; c++)
    {
        UNROLL for (size_t t = 0; t < tiles; t++) score[c * tiles + t] =
            v_mark(score[c * tiles + t], centres->keep, (int32_t)(first + c));
    }
}

INLINE void duels_add(const struct strata_centres *centres, size_t first, size_t group,
                      const struct turned *rows, size_t tiles, struct duel *duel)
{
    vec score[GROUP * TILES];
    scores_fill(centres, first, group, rows, tiles, score);
    UNROLL for (size_t t = 0; t < tiles; t++)
    {
        UNROLL for (size_t c = 0; c < group; c += 2) duel[t] =
            duel_meet(duel[t], duel_of(score[c * tiles + t], score[(c + 1) * tiles + t]));
    }
}

/* A function of its own, so that compilers keep its scores in registers. */
static __attribute__((noinline)) void duels_of_group(const struct strata_centres *centres,
                                                     size_t first, const struct turned *rows,
                                                     struct duel *duel)
{
    duels_add(centres, first, GROUP, rows, TILES, duel);
}

static __attribute__((noinline)) void duels_of_four(const struct strata_centres *centres,
                                                    size_t first, const struct turned *rows,
                                                    struct duel *duel)
{
    duels_add(centres, first, 4, rows, TILES, duel);
}

/* --- a strip ----------------------------------------------------------------------------- */

/* Best and second score of n rows, a multiple of LANES, and their lengths. */
static void strip_scores(const struct strata_centres *centres, const float *x, size_t n,
                         struct strata_strip *strip)
{
    const size_t d = centres->dims.d, whole = centres->padded / GROUP * GROUP;
    struct turned rows __attribute__((aligned(64)));
    for (size_t first = 0; first < n; first += TILES * LANES) {
        struct duel duel[TILES];
        strip_ahead(x, n, d, first, TILES * LANES);
        for (size_t t = 0; t < TILES; t++) {
            const size_t row = first + t * LANES < n ? first + t * LANES : first;
            v_store(strip->square + row, tile_turn(x + row * d, d, rows.at + t * LANES));
            duel[t] = (struct duel){v_last(), v_last()};
        }
        for (size_t c = 0; c < whole; c += GROUP) duels_of_group(centres, c, &rows, duel);
        for (size_t c = whole; c < centres->padded; c += 4) duels_of_four(centres, c, &rows, duel);
        for (size_t t = TILES; t-- > 0;) {
            const size_t row = first + t * LANES < n ? first + t * LANES : first;
            v_store(strip->best + row, duel[t].best);
            v_store(strip->second + row, duel[t].second);
        }
    }
}

#endif
