/* Who is in which a-priori segments, with what; and whether sums of their figures are of few.
 *
 * A sum of published figures, added or subtracted, counts each combination c of a segment f(c) + g times, which has to
 * be 0 or 1, where g depends on the segment only, and f adds up something for each a-priori segment that c is of.  If
 * it takes c of a segment and leaves d, then f(c) - f(d) is 1, and it takes all who differ in the same way from others
 * of their segment.  These have to be nobody or enough.  Of d that is next to c only: if it takes one and leaves the
 * other, it does so with two that are next to each other. */
#include <string.h>
#include <strings.h>

#include "persona/apriori_impl.h"

/* --- who there is ----------------------------------------------------------------------------- */

static bool is_named(const struct strata_crowd *crowd, size_t f)
{
    const struct strata_config *config = crowd->picks->plan->config;
    const char *name = config->feature[f].name;
    const size_t n = strlen(name);
    for (size_t i = 0; i < crowd->picks->n; i++) {
        for (const char *at = config->apriori[i].condition; strata_crowd_tells(crowd, i) && *at;
             at++)
            if (strncasecmp(at, name, n) == 0) return true;
    }
    return strchr(name, '"') != NULL; /* is written otherwise */
}

static uint64_t raw_count(const struct strata_picks *picks, size_t g, size_t f, size_t l,
                          size_t n_levels)
{
    const struct strata_plan *plan = picks->plan;
    if (f == STRATA_NONE) return picks->joint->size[g];
    const uint64_t value = picks->joint->value[g * plan->n_features + f];
    if (l == n_levels) return picks->joint->size[g] - value;
    if (plan->n_levels[f] == 0) return value;
    if (plan->position[plan->slot[f] + l] < 0) return 0;
    return picks->joint->level[g * plan->n_all_levels + plan->slot[f] + l];
}

/* Where a mask stands, or n. */
static size_t find_mask(const struct strata_crowd *crowd, uint64_t mask)
{
    size_t low = 0, high = crowd->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (crowd->mask[middle] < mask)
            low = middle + 1;
        else
            high = middle;
    }
    return low < crowd->n && crowd->mask[low] == mask ? low : crowd->n;
}

void strata_crowd_tell(struct strata_crowd *crowd, uint64_t told)
{
    crowd->told = told;
    crowd->n = 0;
    for (size_t r = 0; r < crowd->picks->n_combinations; r++) {
        const uint64_t mask = crowd->picks->mask[r] & told;
        size_t to = crowd->n;
        if (find_mask(crowd, mask) < crowd->n) continue;
        for (; to > 0 && crowd->mask[to - 1] > mask; to--) crowd->mask[to] = crowd->mask[to - 1];
        crowd->mask[to] = mask;
        crowd->n++;
    }
}

void strata_crowd_fill(struct strata_crowd *crowd, size_t f)
{
    const struct strata_plan *plan = crowd->picks->plan;
    const size_t n_levels = f == STRATA_NONE ? 1 : plan->n_levels[f] ? plan->n_levels[f] : 1;
    crowd->f = f;
    crowd->named = f != STRATA_NONE && is_named(crowd, f);
    crowd->n_columns = f == STRATA_NONE ? 1 : n_levels + 1;
    memset(crowd->count, 0, crowd->k * crowd->n * crowd->n_columns * sizeof *crowd->count);
    memset(crowd->kind, 0, crowd->n * crowd->n_columns * sizeof *crowd->kind);
    for (size_t g = 0; g < crowd->k * crowd->picks->n_combinations; g++) {
        const size_t s = g / crowd->picks->n_combinations, r = g % crowd->picks->n_combinations;
        const size_t c = find_mask(crowd, crowd->picks->mask[r] & crowd->told);
        for (size_t l = 0; l < crowd->n_columns; l++) {
            const uint64_t count = raw_count(crowd->picks, g, f, l, n_levels);
            crowd->count[(s * crowd->n + c) * crowd->n_columns + l] += count;
            crowd->kind[c * crowd->n_columns + l] += count;
        }
    }
    for (size_t l = 0; l < crowd->n_columns; l++)
        crowd->hidden[l] = strata_crowd_is_shut(crowd, crowd->k, l);
}

/* --- sums of figures -------------------------------------------------------------------------- */

/* A part: a combination's customers of a segment with value l, or with any (STRATA_NONE).  Those of the segments whose
 * figure is hidden are together segment k, because no sum has some of them and not the others.  here: where sizes and
 * conditions leave room for anybody.  Both are (k + 1, n). */
static void fill_parts(const struct strata_crowd *crowd, size_t l, uint64_t *part, bool *here)
{
    const size_t last = crowd->n_columns - 1, n = crowd->n;
    for (size_t i = 0; i < crowd->k * n; i++) {
        const size_t t = i / n, c = i % n;
        const size_t to =
            (strata_crowd_is_shut(crowd, t, l == STRATA_NONE ? last : l) ? crowd->k : t) * n + c;
        for (size_t m = 0; m < crowd->n_columns; m++) {
            const uint64_t count = strata_crowd_count(crowd, t, c, m);
            here[to] |= count > 0 && (l == STRATA_NONE || strata_crowd_can_be(crowd, c, l));
            if (l == STRATA_NONE ? m < last || crowd->f == STRATA_NONE : m == l) part[to] += count;
        }
    }
}

/* Whether a segment has no combination between two of its own, which is as one or the other wherever they differ. */
static bool are_next(const struct strata_crowd *crowd, const bool *here, size_t c, size_t d)
{
    const uint64_t bits = crowd->mask[c] ^ crowd->mask[d];
    if ((bits & (bits - 1)) == 0) return true; /* one */
    for (size_t e = 0; e < crowd->n; e++) {
        if (e != c && e != d && here[e] && ((crowd->mask[e] ^ crowd->mask[c]) & ~bits) == 0)
            return false;
    }
    return true;
}

/* How a combination differs from another: in which picks, and of which of these it is. */
struct difference {
    uint64_t bits, of;
};

/* Customers of all segments who differ so from others there. */
static uint64_t sum_like(const struct strata_crowd *crowd, const uint64_t *part, const bool *here,
                         struct difference difference)
{
    uint64_t sum = 0;
    for (size_t a = 0; a < crowd->n; a++) {
        if ((crowd->mask[a] & difference.bits) != difference.of) continue;
        const size_t b = find_mask(crowd, crowd->mask[a] ^ difference.bits);
        for (size_t s = 0; s <= crowd->k && b < crowd->n; s++)
            sum += here[s * crowd->n + a] && here[s * crowd->n + b] ? part[s * crowd->n + a] : 0;
    }
    return sum;
}

static bool are_sums_safe(const struct strata_crowd *crowd, const uint64_t *part, const bool *here)
{
    struct difference seen[128]; /* most are the same again; beyond they are looked at twice */
    size_t n = crowd->n, n_seen = 0;
    for (size_t i = 0; i < (crowd->k + 1) * n * n; i++) {
        const bool *of = here + i / (n * n) * n;
        const size_t c = i / n % n, d = i % n;
        if (c == d || !of[c] || !of[d]) continue;
        const uint64_t bits = crowd->mask[c] ^ crowd->mask[d];
        const struct difference difference = {bits, bits & crowd->mask[c]};
        bool again = false;
        for (size_t j = 0; j < n_seen && !again; j++)
            again = seen[j].bits == bits && seen[j].of == difference.of;
        if (again || !are_next(crowd, of, c, d)) continue;
        if (!strata_is_tellable(sum_like(crowd, part, here, difference))) return false;
        if (n_seen < sizeof seen / sizeof *seen) seen[n_seen++] = difference;
    }
    return true;
}

bool strata_crowd_is_figure_safe(const struct strata_crowd *crowd, size_t l,
                                 struct strata_arena scratch)
{
    const size_t n = crowd->n, n_parts = (crowd->k + 1) * n;
    uint64_t *part = STRATA_NEW(&scratch, uint64_t, n_parts);
    bool *here = STRATA_NEW(&scratch, bool, n_parts);
    if (!part || !here) return !(*crowd->starved = true);
    fill_parts(crowd, l, part, here);
    for (size_t i = 0; i < 2 * crowd->picks->n; i++) {
        const struct strata_side side = {i / 2, i % 2};
        uint64_t sum = 0;
        for (size_t j = 0; j < n_parts; j++)
            sum += strata_crowd_is_on(crowd, side, j % n) ? part[j] : 0;
        if (strata_crowd_tells(crowd, side.pick) && !strata_is_tellable(sum)) return false;
    }
    return are_sums_safe(crowd, part, here);
}
