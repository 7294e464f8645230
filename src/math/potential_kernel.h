/* The kernels of the potential for vectors of one width: included by potential.c once for each
 * instruction set, with
 *
 *   WIDTH   doubles in a vector: a divisor of TILE_ROWS
 *   TARGET  the attribute that names the instruction set, or nothing
 *   NAME(x) x with a suffix of its own
 *
 * For each row and trial: d fused operations where doubles hold the distances, else 4 d.  A group of
 * trials shares the loads of a tile: 4 d bytes a row. */

#define INLINE TARGET static inline __attribute__((always_inline))

typedef float NAME(narrow) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef double NAME(wide) __attribute__((vector_size(WIDTH * sizeof(double))));
typedef int64_t NAME(whole) __attribute__((vector_size(WIDTH * sizeof(int64_t))));
#define narrow NAME(narrow)
#define wide NAME(wide)
#define whole NAME(whole)

/* WIDTH rows of a tile: part s of TILE_ROWS / WIDTH. */
INLINE wide NAME(column)(const float *tile, size_t j, size_t s)
{
    narrow x;
    __builtin_memcpy(&x, tile + j * TILE_ROWS + s * WIDTH, sizeof x);
    return __builtin_convertvector(x, wide);
}

/* Squared distances from n trial rows (d, n): |x|^2 + |t|^2 - 2 x t. */
INLINE void NAME(near)(const struct strata_points *points, size_t tile, size_t s,
                       const struct trials *trials, size_t n, whole *distance)
{
    const float *x = points->tile + tile * points->d * TILE_ROWS;
    wide product[MAX_GROUP];
    for (size_t i = 0; i < n; i++) product[i] = (wide){0};
    for (size_t j = 0; j < points->d; j++) {
        const wide column = NAME(column)(x, j, s);
        for (size_t i = 0; i < n; i++) product[i] += column * trials->x[j * n + i];
    }
    wide norm;
    __builtin_memcpy(&norm, points->norm + tile * TILE_ROWS + s * WIDTH, sizeof norm);
    for (size_t i = 0; i < n; i++)
        distance[i] = (whole)(norm + trials->norm[i] - 2.0 * product[i] + WHOLE) - WHOLE_BITS;
}

/* The same from differences below 2^26, whose squares are added as integers. */
INLINE void NAME(far)(const struct strata_points *points, size_t tile, size_t s,
                      const struct trials *trials, size_t n, whole *distance)
{
    const float *x = points->tile + tile * points->d * TILE_ROWS;
    for (size_t i = 0; i < n; i++) distance[i] = (whole){0};
    for (size_t j = 0; j < points->d; j++) {
        const wide column = NAME(column)(x, j, s);
        for (size_t i = 0; i < n; i++) {
            const wide t = column - trials->x[j * n + i];
            distance[i] += (whole)(t * t + WHOLE) - WHOLE_BITS;
        }
    }
}

INLINE whole NAME(lower)(whole a, whole b)
{
    const whole mask = a < b;
    return (mask & a) | (~mask & b);
}

INLINE void NAME(distances)(const struct strata_points *points, size_t tile, size_t s,
                            const struct trials *trials, size_t n, bool is_near, whole *distance)
{
    if (is_near)
        NAME(near)(points, tile, s, trials, n, distance);
    else
        NAME(far)(points, tile, s, trials, n, distance);
}

/* Add to total (n) what would be left of a block's tiles with each of n trials. */
INLINE void NAME(try_block)(const struct strata_potential *p, size_t first, size_t last,
                            const struct trials *trials, size_t n, bool is_near,
                            strata_uint128 *total)
{
    whole low[MAX_GROUP], high[MAX_GROUP];
    for (size_t i = 0; i < n; i++) low[i] = high[i] = (whole){0};
    for (size_t tile = first; tile < last; tile++)
        for (size_t s = 0; s < TILE_ROWS / WIDTH; s++) {
            const size_t row = tile * TILE_ROWS + s * WIDTH;
            whole distance[MAX_GROUP], closest;
            NAME(distances)(p->points, tile, s, trials, n, is_near, distance);
            __builtin_memcpy(&closest, p->closest + row, sizeof closest);
            for (size_t i = 0; i < n; i++) {
                const whole left = NAME(lower)(distance[i], closest);
                if (p->weight) {
                    for (size_t lane = 0; lane < WIDTH; lane++)
                        total[i] += (strata_uint128)p->weight[row + lane] * (uint64_t)left[lane];
                } else {
                    low[i] += left & LOW_BITS;
                    high[i] += left >> 32;
                }
            }
        }
    for (size_t i = 0; i < n; i++)
        for (size_t lane = 0; lane < WIDTH; lane++)
            total[i] += ((strata_uint128)(uint64_t)high[i][lane] << 32) + (uint64_t)low[i][lane];
}

INLINE void NAME(try_group)(const struct strata_potential *p, const size_t *row, size_t n,
                            bool is_near, strata_uint128 *total)
{
    struct trials trials;
    trials_load(p->points, row, n, &trials);
    const size_t n_tiles = tiles_of(p->n);
    for (size_t first = 0; first < n_tiles; first += BLOCK_TILES) {
        const size_t last = first + BLOCK_TILES < n_tiles ? first + BLOCK_TILES : n_tiles;
        NAME(try_block)(p, first, last, &trials, n, is_near, total);
    }
}

TARGET static void NAME(try_rows)(const struct strata_potential *p, const size_t *row, size_t n,
                                  strata_uint128 *total)
{
    for (; n > 0 && !p->points->is_near; n--) NAME(try_group)(p, row++, 1, false, total++);
    for (; n >= 4; n -= 4, row += 4, total += 4) NAME(try_group)(p, row, 4, true, total);
    if (n >= 2) NAME(try_group)(p, row, 2, true, total), n -= 2, row += 2, total += 2;
    if (n == 1) NAME(try_group)(p, row, 1, true, total);
}

/* Squared distances of all rows up to p's last tile from one of them. */
INLINE void NAME(fill_tiles)(const struct strata_potential *p, size_t row, bool is_near, int64_t *to)
{
    struct trials trials;
    trials_load(p->points, &row, 1, &trials);
    for (size_t tile = 0; tile < tiles_of(p->n); tile++)
        for (size_t s = 0; s < TILE_ROWS / WIDTH; s++) {
            whole distance;
            NAME(distances)(p->points, tile, s, &trials, 1, is_near, &distance);
            __builtin_memcpy(to + tile * TILE_ROWS + s * WIDTH, &distance, sizeof distance);
        }
}

TARGET static void NAME(fill)(const struct strata_potential *p, size_t row, int64_t *to)
{
    if (p->points->is_near)
        NAME(fill_tiles)(p, row, true, to);
    else
        NAME(fill_tiles)(p, row, false, to);
}

#undef narrow
#undef wide
#undef whole
#undef INLINE
#undef WIDTH
#undef TARGET
#undef NAME
