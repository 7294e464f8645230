/* What every look at rows does with scores: the smallest and second smallest, lane by lane.  A file that
 * includes this one provides the lanes (lanes_*.h). */
#ifndef STRATA_NEAREST_DUELS_H
#define STRATA_NEAREST_DUELS_H

#include "math/nearest/centres.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
#define STRIP STRATA_STRIP

#define AHEAD_STREAMS 4
#define SLACK (1 + 0x1p-10F)

struct duel {
    vec best, second;
};

INLINE struct duel duel_of(vec a, vec b)
{
    return (struct duel){v_min(a, b), v_max(a, b)};
}

INLINE struct duel duel_meet(struct duel a, struct duel b)
{
    return (struct duel){v_min(a.best, b.best),
                         v_min(v_max(a.best, b.best), v_min(a.second, b.second))};
}

/* The next strip is fetched from several places at once: a stream of its own for each keeps more of memory
 * busy than one long one. */
INLINE void strip_ahead(const float *x, size_t n, size_t d, size_t row, size_t rows)
{
    const char *next = (const char *)(x + n * d);
    const size_t part = n * d * sizeof *x / AHEAD_STREAMS,
                 from = row * d * sizeof *x / AHEAD_STREAMS,
                 to = (row + rows) * d * sizeof *x / AHEAD_STREAMS;
    for (size_t byte = from; byte < to; byte += 64)
        UNROLL for (size_t p = 0; p < AHEAD_STREAMS; p++)
            __builtin_prefetch(next + p * part + byte, 0, 2);
}

#endif
