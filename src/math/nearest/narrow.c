/* Centres for a first pass on pieces of bfloat16.
 *
 * A float is split into x = x1 + x2 + r: two pieces of 8 significant bits, each the nearest to what is left
 * (halves away from zero), so |r| <= 2^-16 |x|; the same for centres.  A score is then
 *     s' = |c|^2 / 2 - sum of (x1 + x2) (c1 + c2),
 * of which all four products are exact in float32.  By Cauchy-Schwarz the pieces that are left out come to
 * at most 2^-15 (1 + 2^-16) X C.  The rest are roundings: a tile product adds 32 products with at most two
 * roundings each, two more bring them to the score, and so once for each 16 columns and piece of a
 * centre; with u = 2^-24, N = 2 (32 + 2) + 2 (2 ceil(d / 16)) covers them.  So in the words of centres.h
 *     e = (2^-15 + N u) (1 + 2^-7).
 * Numbers are whole, so none is subnormal: that the tile product flushes those cannot matter. */
#include <string.h>

#include "math/nearest/centres.h"

static size_t rounded(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static size_t tile_count(struct strata_dims dims)
{
    return (dims.k + STRATA_TILE - 1) / STRATA_TILE;
}

static size_t chunk_count(struct strata_dims dims)
{
    return (dims.d + STRATA_TILE - 1) / STRATA_TILE;
}

static size_t start_bytes(struct strata_dims dims)
{
    return tile_count(dims) * STRATA_TILE_BYTES;
}

static size_t header_bytes(void)
{
    return rounded(sizeof(struct strata_narrow), 64);
}

static bool is_quicker(struct strata_dims dims)
{
    return dims.d <= STRATA_NARROW_COLUMNS && dims.k >= STRATA_NARROW_SEGMENTS &&
           dims.k * dims.d >= STRATA_NARROW_WORK;
}

size_t strata_narrow_bytes(struct strata_dims dims)
{
    if (!is_quicker(dims)) return 0;
    return header_bytes() + start_bytes(dims) * (1 + 2 * chunk_count(dims));
}

/* The nearest bfloat16, as a float. */
static float piece_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x8000U) & 0xffff0000U;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* A piece twice: once for each piece of a row's number. */
static uint32_t twice(float piece)
{
    uint32_t bits;
    memcpy(&bits, &piece, sizeof bits);
    return bits | bits >> 16;
}

/* Tile t's pieces p of chunk q: centres down, columns across. */
static uint32_t *tile_at(const struct strata_narrow *to, size_t t, size_t q, size_t p)
{
    const size_t words = STRATA_TILE * STRATA_TILE;
    return (uint32_t *)(uintptr_t)to->piece + ((t * to->chunks + q) * 2 + p) * words;
}

static void fill_centre(const struct strata_centres *centres, size_t c, double error, float *start,
                        const struct strata_narrow *to)
{
    const size_t t = c / STRATA_TILE, row = c % STRATA_TILE * STRATA_TILE, d = centres->dims.d;
    double square = 0;
    for (size_t j = 0; j < d; j++) {
        const float minus = -centres->plain[c * d + j], first = piece_of(minus);
        const size_t at = row + j % STRATA_TILE, q = j / STRATA_TILE;
        tile_at(to, t, q, 0)[at] = twice(first);
        tile_at(to, t, q, 1)[at] = twice(piece_of(minus - first));
        square += (double)minus * (double)minus;
    }
    for (size_t lane = 0; lane < STRATA_TILE; lane++)
        start[c * STRATA_TILE + lane] = (float)(square * (0.5 - error));
}

static void fill_nobody(const struct strata_centres *centres, size_t c, float *start)
{
    for (size_t lane = 0; lane < STRATA_TILE; lane++)
        start[c * STRATA_TILE + lane] = centres->start[c];
}

static double error_of(size_t chunks)
{
    return (0x1p-15 + (2 * 34 + 4 * (double)chunks) * 0x1p-24) * (1 + 0x1p-7);
}

const struct strata_narrow *strata_narrow_make(const struct strata_centres *centres, void *room)
{
    const struct strata_dims dims = centres->dims;
    if (!centres->kernels->narrow || !is_quicker(dims)) return NULL;
    struct strata_narrow *to = room;
    float *start = (float *)(void *)((unsigned char *)room + header_bytes());
    to->start = start;
    to->piece =
        (const uint32_t *)(const void *)((unsigned char *)room + header_bytes() + start_bytes(dims));
    to->chunks = chunk_count(dims);
    const double error = error_of(to->chunks);
    to->doubt = centres->doubt;
    to->doubt.error = (float)(error * (1 + 0x1p-10));
    for (size_t c = 0; c < dims.k; c++) fill_centre(centres, c, error, start, to);
    for (size_t c = dims.k; c < centres->padded; c++) fill_nobody(centres, c, start);
    return to;
}
