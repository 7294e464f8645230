/* A first pass on pieces of bfloat16, by AMX: a tile product multiplies 16 centres by 16 rows.
 *
 * Shape: rows are split into pieces and turned on the way, so that the two pieces of one number stand side
 * by side, and meet each piece of a centre's twice (narrow.c).  Two tiles of rows by two of centres give
 * four tiles of scores, centres down, rows across: the smallest and second smallest are found as in
 * scores_kernel.h, while the next tiles are multiplied.
 *
 * Per 16 rows: k / 16 (rounded up) times 2 d / 16 (rounded up) tile products, 4 k + 8 d operations. */
#include "math/nearest/lanes_avx512.h"

#include "math/nearest/duels.h"

#include <cpuid.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TILE STRATA_TILE
#define TILES 2
#define PAIR (TILES * TILE)
#define WORDS (TILE * TILE)
#define CHUNKS (STRATA_NARROW_COLUMNS / TILE)

/* --- leave to use tiles ------------------------------------------------------------------ */

#define ASK_FOR_STATE 0x1023 /* ARCH_REQ_XCOMP_PERM */
#define TILE_DATA 18

static bool is_available;

static void ask(void)
{
    const unsigned bf16 = 1U << 22, tile = 1U << 24;
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & bf16) || !(d & tile)) return;
    is_available = syscall(SYS_arch_prctl, ASK_FOR_STATE, TILE_DATA) == 0;
}

bool strata_amx_available(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, ask);
    return is_available;
}

static void set_shapes(void)
{
    struct {
        uint8_t palette, start_row, zero[14];
        uint16_t bytes_a_row[16];
        uint8_t rows[16];
    } shape __attribute__((aligned(64))) = {.palette = 1};
    for (size_t i = 0; i < 8; i++) {
        shape.bytes_a_row[i] = 64;
        shape.rows[i] = TILE;
    }
    _tile_loadconfig(&shape);
}

/* --- rows to pieces ---------------------------------------------------------------------- */

/* Two tiles of rows: columns down, rows across. */
struct pieces {
    uint32_t at[TILES][CHUNKS][WORDS];
};

/* Two pieces: the first in the upper half, the second in the lower. */
INLINE __m512i split(__m512 x)
{
    const __m512i half = _mm512_set1_epi32(0x8000), upper = _mm512_set1_epi32((int)0xffff0000);
    const __m512i first = _mm512_and_si512(_mm512_add_epi32(_mm512_castps_si512(x), half), upper);
    const __m512 left = x - _mm512_castsi512_ps(first);
    const __m512i second = _mm512_add_epi32(_mm512_castps_si512(left), half);
    return _mm512_or_si512(first, _mm512_srli_epi32(second, 16));
}

/* The transpose of 4 x 4 words in each quarter of four registers. */
INLINE void turn_quarters(__m512i *v)
{
    const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]),
                  c = _mm512_unpacklo_epi32(v[2], v[3]), d = _mm512_unpackhi_epi32(v[2], v[3]);
    v[0] = _mm512_unpacklo_epi64(a, c);
    v[1] = _mm512_unpackhi_epi64(a, c);
    v[2] = _mm512_unpacklo_epi64(b, d);
    v[3] = _mm512_unpackhi_epi64(b, d);
}

/* Four columns of 16 rows to pieces; their squares are added to square, in the same quarters. */
INLINE void split_four(const float *x, size_t d, __mmask16 there, uint32_t *to, __m512 *square)
{
    __m512i piece[4];
    UNROLL for (size_t i = 0; i < 4; i++)
    {
        const float *at = x + i * d;
        __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(at));
        v = _mm512_mask_broadcast_f32x4(v, 0x00f0, _mm_loadu_ps(at + 4 * d));
        v = _mm512_mask_broadcast_f32x4(v, 0x0f00, _mm_loadu_ps(at + 8 * d));
        v = _mm512_mask_broadcast_f32x4(v, 0xf000, _mm_loadu_ps(at + 12 * d));
        if (there != 0xffff) v = _mm512_maskz_mov_ps(there, v);
        square[i] = v_fma(v, v, square[i]);
        piece[i] = split(v);
    }
    turn_quarters(piece);
    UNROLL for (size_t i = 0; i < 4; i++) _mm512_storeu_si512(to + i * TILE, piece[i]);
}

INLINE vec square_of(__m512 *square)
{
    __m512i bits[4];
    UNROLL for (size_t i = 0; i < 4; i++) bits[i] = _mm512_castps_si512(square[i]);
    turn_quarters(bits);
    return (_mm512_castsi512_ps(bits[0]) + _mm512_castsi512_ps(bits[1])) +
           (_mm512_castsi512_ps(bits[2]) + _mm512_castsi512_ps(bits[3]));
}

/* A tile of rows to pieces.  Returns |x|^2, off by d roundings. */
INLINE vec split_rows(const float *x, size_t d, uint32_t *to)
{
    __m512 square[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
    size_t j = 0;
    for (; j + 4 <= d; j += 4) split_four(x + j, d, 0xffff, to + j * TILE, square);
    if (j < d)
        split_four(x + j, d, (__mmask16)(0x1111 * ((1 << (d - j)) - 1)), to + j * TILE, square);
    return square_of(square);
}

/* --- scores ------------------------------------------------------------------------------ */

/* Tiles of scores: centres down, rows across. */
struct scores {
    float at[2][TILES][WORDS];
};

/* Tile registers 0 to 3 are scores, 4 and 5 centres, 6 and 7 rows. */
INLINE void multiply(const struct strata_narrow *narrow, size_t tile, bool both,
                     const struct pieces *rows)
{
    const size_t chunks = narrow->chunks;
    const float *start = narrow->start + tile * WORDS;
    const uint32_t *low = narrow->piece + tile * chunks * 2 * WORDS;
    const uint32_t *high = low + chunks * 2 * WORDS;
    _tile_loadd(0, start, 64);
    _tile_loadd(1, start, 64);
    if (both) {
        _tile_loadd(2, start + WORDS, 64);
        _tile_loadd(3, start + WORDS, 64);
    }
    for (size_t q = 0; q < chunks; q++) {
        _tile_loadd(6, rows->at[0][q], 64);
        _tile_loadd(7, rows->at[1][q], 64);
        for (size_t p = 0; p < 2; p++) {
            _tile_loadd(4, low + (2 * q + p) * WORDS, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            if (both) {
                _tile_loadd(5, high + (2 * q + p) * WORDS, 64);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
    }
}

INLINE void put(struct scores *to, bool both)
{
    _tile_stored(0, to->at[0][0], 64);
    _tile_stored(1, to->at[0][1], 64);
    if (both) {
        _tile_stored(2, to->at[1][0], 64);
        _tile_stored(3, to->at[1][1], 64);
    }
}

/* Scores that wait for being compared: of the centres from first to end. */
struct waiting {
    const struct scores *scores;
    size_t row;
    size_t first, end;
    bool is_last; /* of their rows */
};

INLINE struct duel duel_more(struct duel duel, const float *score, size_t c, int32_t keep)
{
    const vec a = v_mark(v_load(score), keep, (int32_t)c),
              b = v_mark(v_load(score + TILE), keep, (int32_t)c + 1);
    return duel_meet(duel, duel_of(a, b));
}

INLINE void compare(const struct waiting *waiting, int32_t keep, size_t n, struct duel *duel,
                    struct strata_strip *strip)
{
    if (waiting->first == 0)
        for (size_t t = 0; t < TILES; t++) duel[t] = (struct duel){v_last(), v_last()};
    struct duel a = duel[0], b = duel[1];
    for (size_t c = waiting->first; c < waiting->end; c += 4) {
        const size_t at = c - waiting->first;
        const float *low = waiting->scores->at[at / TILE][0] + at % TILE * TILE, *high = low + WORDS;
        UNROLL for (size_t i = 0; i < 4; i += 2)
        {
            a = duel_more(a, low + i * TILE, c + i, keep);
            b = duel_more(b, high + i * TILE, c + i, keep);
        }
    }
    duel[0] = a;
    duel[1] = b;
    if (!waiting->is_last) return;
    v_store(strip->best + waiting->row, a.best);
    v_store(strip->second + waiting->row, a.second);
    if (waiting->row + TILE >= n) return;
    v_store(strip->best + waiting->row + TILE, b.best);
    v_store(strip->second + waiting->row + TILE, b.second);
}

/* Two tiles of rows, from row on; the second one is the first again when there is no other. */
INLINE void split_tiles(const float *x, size_t d, size_t row, size_t n, struct pieces *to,
                        struct strata_strip *strip)
{
    for (size_t t = 0; t < TILES; t++) {
        const size_t at = row + t * TILE < n ? row + t * TILE : row;
        v_store(strip->square + at, split_rows(x + at * d, d, to->at[t][0]));
    }
}

/* While tiles are multiplied, the rows that follow are split and the scores before are compared: a tile
 * product takes 52 cycles, and a tile that was just written cannot be loaded before it is in cache. */
void strata_narrow_amx(const struct strata_centres *centres, const float *x, size_t n,
                       struct strata_strip *strip)
{
    const struct strata_narrow *narrow = centres->narrow;
    const size_t d = centres->dims.d, padded = centres->padded;
    struct pieces rows[2] __attribute__((aligned(64)));
    struct scores scores[2] __attribute__((aligned(64)));
    struct duel duel[TILES];
    struct waiting waiting = {.end = 0};
    size_t turn = 0, rows_turn = 0;
    set_shapes();
    for (size_t t = 0; d % TILE > 0 && t < 2 * TILES; t++)
        memset(rows[t / TILES].at[t % TILES][narrow->chunks - 1], 0, STRATA_TILE_BYTES);
    split_tiles(x, d, 0, n, &rows[0], strip);
    for (size_t row = 0; row < n; row += PAIR) {
        for (size_t first = 0; first < padded; first += 2 * TILE) {
            const bool both = first + TILE < padded, is_last = first + 2 * TILE >= padded;
            multiply(narrow, first / TILE, both, &rows[rows_turn]);
            if (is_last) strip_ahead(x, n, d, row, PAIR);
            if (is_last && row + PAIR < n)
                split_tiles(x, d, row + PAIR, n, &rows[rows_turn ^ 1], strip);
            if (waiting.end > 0) compare(&waiting, centres->keep, n, duel, strip);
            put(&scores[turn], both);
            waiting = (struct waiting){&scores[turn], row, first,
                                       is_last ? padded : first + 2 * TILE, is_last};
            turn ^= 1;
        }
        rows_turn ^= 1;
    }
    compare(&waiting, centres->keep, n, duel, strip);
    _tile_release();
}
