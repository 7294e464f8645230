/* What is hidden of the a-priori segments.
 *
 * One rule: more is hidden, levels, columns of the cross table, in the end whole a-priori segments, until customers
 * could change places, and nothing that is published would be another, so that any hidden count of 1 to 9 would be
 * nobody, or ten.  Of each feature by itself, they can in these ways:
 *
 *   - Segments may change as they may without a-priori segments, which disclosure_flow.c has seen to: where a
 *     segment's hidden levels are hidden of all a-priori segments too, and no condition is about the feature, because
 *     each stays in his combination of a-priori segments and has another value; or where the cross table is hidden of
 *     all segments that hide anything, because each keeps combination and value and is in another segment.
 *   - Two of one segment, of different combinations, exchange their values, both hidden of all a-priori segments: no
 *     segment changes.  Where the cross table is hidden of their segments these may be two.  (takers)
 *   - One has another value, both hidden of everybody, of his segment and so of all a-priori segments.  (changers)
 *   - Two exchange their segments, where the cross table is hidden of both, and have the same value, or both values
 *     are hidden of both segments: no a-priori segment changes.  (movers)
 *
 * Nobody is put where the data have nobody of that combination and value, if a condition is about the feature: perhaps
 * it cannot be.
 *
 * And no sum of published figures, added or subtracted, is of 1 to 9 customers.  Such a sum counts each combination c
 * of a segment f(c) + g times, which has to be 0 or 1, where g depends on the segment only, and f adds up something
 * for each a-priori segment that c is of.  If it takes c of a segment and leaves d, then f(c) - f(d) is 1, and it
 * takes all who differ in the same way from others of their segment.  These have to be nobody or enough. */
#include <string.h>
#include <strings.h>

#include "persona/disclosure_impl.h"

#define NONE SIZE_MAX

/* The customers by segment, combination of the a-priori segments that are told, and value: a column for each level,
 * or for all of a number, and the last for who has none. */
struct crowd {
    const struct strata_picks *picks;
    uint64_t told; /* picks, as bits */
    size_t f;      /* NONE: all customers in one column */
    size_t k, n, n_columns;
    uint64_t *mask;  /* (n) which of the told picks a combination is of, as bits, rising */
    bool named;      /* a condition is about the feature */
    bool *hidden;    /* (n_columns) of all picks; the last: the whole cell */
    bool *apart;     /* (k) hidden of the cross table */
    uint64_t *count; /* (k, n, n_columns) */
    uint64_t *kind;  /* (n, n_columns) of all segments */
    uint64_t *rest;  /* (max(k + 1, n), n_columns) for counting down */
    bool *starved;   /* when memory ends */
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t count_of(const struct crowd *crowd, size_t g, size_t c, size_t l)
{
    const uint64_t *count =
        g < crowd->k ? crowd->count + g * crowd->n * crowd->n_columns : crowd->kind;
    return count[c * crowd->n_columns + l];
}

/* Whether there could be customers of the combination with the value. */
static bool can_be(const struct crowd *crowd, size_t c, size_t l)
{
    return !crowd->named || crowd->kind[c * crowd->n_columns + l] > 0;
}

static bool is_told(const struct crowd *crowd, size_t i)
{
    return crowd->told >> i & 1;
}

/* One side of a pick: who belong, or all others. */
struct side {
    size_t pick; /* NONE: everybody is on this side */
    bool in;
};

static bool is_on(const struct crowd *crowd, struct side side, size_t c)
{
    return side.pick == NONE || (crowd->mask[c] >> side.pick & 1) == side.in;
}

static struct side other(struct side side)
{
    return (struct side){side.pick, !side.in};
}

static uint64_t side_count(const struct crowd *crowd, size_t g, struct side side, size_t l)
{
    uint64_t sum = 0;
    for (size_t c = 0; c < crowd->n; c++)
        sum += is_on(crowd, side, c) ? count_of(crowd, g, c, l) : 0;
    return sum;
}

static uint64_t side_size(const struct crowd *crowd, size_t g, struct side side)
{
    uint64_t sum = 0;
    for (size_t l = 0; l < crowd->n_columns; l++) sum += side_count(crowd, g, side, l);
    return sum;
}

/* Whether a figure of a segment, or of everybody, is hidden; how many of everybody have no value never is. */
static bool is_shut(const struct crowd *crowd, size_t g, size_t l)
{
    if (crowd->f == NONE) return false;
    const struct strata_personas *personas = crowd->picks->personas;
    const struct strata_profile_cell *cell =
        g < crowd->k ? &personas->segment[g].cell[crowd->f] : &personas->everybody[crowd->f];
    if (l + 1 == crowd->n_columns) return g < crowd->k && cell->hidden;
    return cell->hidden || (cell->share && isnan(cell->share[l]));
}

/* --- who there is ----------------------------------------------------------------------------- */

static bool is_named(const struct crowd *crowd, size_t f)
{
    const struct strata_config *config = crowd->picks->plan->config;
    const char *name = config->feature[f].name;
    const size_t n = strlen(name);
    for (size_t i = 0; i < crowd->picks->n; i++) {
        for (const char *at = config->apriori[i].condition; is_told(crowd, i) && *at; at++)
            if (strncasecmp(at, name, n) == 0) return true;
    }
    return strchr(name, '"') != NULL; /* is written otherwise */
}

static uint64_t raw_count(const struct strata_picks *picks, size_t g, size_t f, size_t l,
                          size_t n_levels)
{
    const struct strata_plan *plan = picks->plan;
    if (f == NONE) return picks->joint->size[g];
    const uint64_t value = picks->joint->value[g * plan->n_features + f];
    if (l == n_levels) return picks->joint->size[g] - value;
    if (plan->n_levels[f] == 0) return value;
    if (plan->position[plan->slot[f] + l] < 0) return 0;
    return picks->joint->level[g * plan->n_all_levels + plan->slot[f] + l];
}

/* Where a mask stands, or n. */
static size_t find_mask(const struct crowd *crowd, uint64_t mask)
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

/* Combinations that differ in what is not told are one. */
static void crowd_tell(struct crowd *crowd, uint64_t told)
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

/* Hidden of all picks, at first, is what is hidden of everybody. */
static void crowd_fill(struct crowd *crowd, size_t f)
{
    const struct strata_plan *plan = crowd->picks->plan;
    const size_t n_levels = f == NONE ? 1 : plan->n_levels[f] ? plan->n_levels[f] : 1;
    crowd->f = f;
    crowd->named = f != NONE && is_named(crowd, f);
    crowd->n_columns = f == NONE ? 1 : n_levels + 1;
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
    for (size_t l = 0; l < crowd->n_columns; l++) crowd->hidden[l] = is_shut(crowd, crowd->k, l);
}

/* --- segments --------------------------------------------------------------------------------- */

/* Whether a combination that has one of the values that are hidden of everybody has all of them. */
static bool are_shut_together(const struct crowd *crowd)
{
    for (size_t c = 0; c < crowd->n; c++) {
        bool some = false, all = true;
        for (size_t l = 0; l < crowd->n_columns; l++) {
            if (!is_shut(crowd, crowd->k, l)) continue;
            some |= crowd->kind[c * crowd->n_columns + l] > 0;
            all &= can_be(crowd, c, l);
        }
        if (some && !all) return false;
    }
    return true;
}

static bool are_segments_free(const struct crowd *crowd)
{
    bool apart = are_shut_together(crowd), within = !crowd->named;
    for (size_t g = 0; g <= crowd->k; g++) {
        for (size_t l = 0; l < crowd->n_columns; l++) {
            if (!is_shut(crowd, g, l)) continue;
            apart &= g == crowd->k || crowd->apart[g];
            within &= crowd->hidden[l];
        }
    }
    return apart || within || crowd->n == 1;
}

/* --- a-priori segments ------------------------------------------------------------------------ */

/* Customers of a side who could take value l from others of their segment on the other side.  Those of which the
 * cross table is hidden are together segment k: they can exchange their combinations as well. */
static uint64_t takers(const struct crowd *crowd, struct side side, size_t l)
{
    const size_t n_columns = crowd->n_columns;
    uint64_t sum = 0;
    for (size_t s = 0; s <= crowd->k; s++) {
        memset(crowd->rest, 0, crowd->n * n_columns * sizeof *crowd->rest);
        for (size_t t = 0; t < crowd->k; t++) {
            if (crowd->apart[t] ? s < crowd->k : s != t) continue;
            for (size_t i = 0; i < crowd->n * n_columns; i++)
                crowd->rest[i] += count_of(crowd, t, 0, i);
        }
        for (size_t i = 0; i < crowd->n * crowd->n; i++) {
            const size_t to = i / crowd->n, from = i % crowd->n;
            uint64_t *given = crowd->rest + from * n_columns + l;
            if (!is_on(crowd, side, to) || is_on(crowd, side, from) || !can_be(crowd, to, l))
                continue;
            for (size_t m = 0; m<n_columns && * given> 0; m++) {
                if (m == l || !crowd->hidden[m] || !can_be(crowd, from, m)) continue;
                const uint64_t step = smaller(*given, crowd->rest[to * n_columns + m]);
                crowd->rest[to * n_columns + m] -= step;
                *given -= step;
                sum += step;
            }
        }
    }
    return sum;
}

/* Customers of a side with value l who could have another one that is hidden of everybody and of their segment; or
 * with such ones, who could have l. */
static uint64_t changers(const struct crowd *crowd, struct side side, size_t l, bool to)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < crowd->k * crowd->n; i++) {
        const size_t s = i / crowd->n, c = i % crowd->n;
        uint64_t others = 0;
        bool other = false;
        if (!is_on(crowd, side, c) || !is_shut(crowd, crowd->k, l) || !is_shut(crowd, s, l))
            continue;
        for (size_t m = 0; m < crowd->n_columns; m++) {
            if (m == l || !is_shut(crowd, crowd->k, m) || !is_shut(crowd, s, m)) continue;
            others += count_of(crowd, s, c, m);
            other |= can_be(crowd, c, m);
        }
        if (to && can_be(crowd, c, l)) sum += others;
        if (!to && other) sum += count_of(crowd, s, c, l);
    }
    return sum;
}

/* What a small count must be able to rise by: to ten, or as far as there are customers. */
static uint64_t rise_of(uint64_t count, uint64_t size)
{
    return smaller(STRATA_MIN_CELL - count, size - count);
}

static bool is_side_free(const struct crowd *crowd, struct side side)
{
    const uint64_t size = side_size(crowd, crowd->k, side);
    for (size_t l = 0; l + 1 < crowd->n_columns; l++) {
        const uint64_t count = side_count(crowd, crowd->k, side, l), rise = rise_of(count, size);
        if (strata_is_tellable(count)) continue;
        if (takers(crowd, side, l) < rise && changers(crowd, side, l, true) < rise) return false;
        if (takers(crowd, other(side), l) < count && changers(crowd, side, l, false) < count)
            return false;
    }
    return true;
}

static bool are_picks_free(const struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->picks->n; i++) {
        const struct side side = {i, true};
        if (!is_told(crowd, i)) continue;
        if (!is_side_free(crowd, side) || !is_side_free(crowd, other(side))) return false;
    }
    return true;
}

/* --- the cross table -------------------------------------------------------------------------- */

static bool can_exchange(const struct crowd *crowd, size_t s, size_t t, size_t l, size_t m)
{
    return l == m || (is_shut(crowd, s, l) && is_shut(crowd, s, m) && is_shut(crowd, t, l) &&
                      is_shut(crowd, t, m));
}

/* Customers of segment s who could exchange it with some of a side, and are not of that side. */
static uint64_t movers(const struct crowd *crowd, size_t s, struct side side)
{
    const size_t n_columns = crowd->n_columns;
    uint64_t *rest = crowd->rest, sum = 0;
    for (size_t t = 0; t < crowd->k; t++) {
        for (size_t l = 0; l < n_columns; l++)
            rest[t * n_columns + l] = side_count(crowd, t, t == s ? other(side) : side, l);
    }
    for (size_t same = 2; same-- > 0;) { /* first with the same value */
        for (size_t t = 0; t < crowd->k; t++) {
            if (t == s || !crowd->apart[t]) continue;
            for (size_t l = 0; l < n_columns; l++) {
                for (size_t m = 0; m < n_columns; m++) {
                    if ((l == m) != same || !can_exchange(crowd, s, t, l, m)) continue;
                    uint64_t *mine = &rest[s * n_columns + l], *theirs = &rest[t * n_columns + m];
                    const uint64_t step = smaller(*mine, *theirs);
                    *mine -= step;
                    *theirs -= step;
                    sum += step;
                }
            }
        }
    }
    return sum;
}

/* How many are outside is no secret from below, if it is not the number itself. */
static bool is_cross_free(const struct crowd *crowd, size_t i, size_t s)
{
    const struct side in = {i, true}, out = other(in), all = {NONE, true};
    const uint64_t size = side_size(crowd, s, all), here = side_size(crowd, s, in);
    const uint64_t there = size - here, room = side_size(crowd, crowd->k, out);
    const uint64_t known = size > room ? size - room : 0; /* by the sizes */
    if (!strata_is_tellable(here)) {
        if (movers(crowd, s, in) < rise_of(here, size)) return false;
        if (movers(crowd, s, out) < here - known) return false;
    }
    return strata_is_tellable(there) ||
           (movers(crowd, s, out) >= rise_of(there, size) && movers(crowd, s, in) > 0);
}

static bool is_cross_safe(const struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->picks->n; i++) {
        for (size_t s = 0; s < crowd->k && is_told(crowd, i); s++)
            if (crowd->apart[s] && !is_cross_free(crowd, i, s)) return false;
    }
    return true;
}

/* Few of a segment inside or outside. */
static void hide_small_columns(const struct crowd *crowd)
{
    memset(crowd->apart, 0, crowd->k * sizeof *crowd->apart);
    for (size_t s = 0; s < crowd->k; s++) {
        for (size_t i = 0; i < crowd->picks->n; i++) {
            const struct side side = {i, true};
            crowd->apart[s] |=
                is_told(crowd, i) && (!strata_is_tellable(side_size(crowd, s, side)) ||
                                      !strata_is_tellable(side_size(crowd, s, other(side))));
        }
    }
}

/* --- sums of figures -------------------------------------------------------------------------- */

/* A part: a combination's customers of a segment with value l, or with any (NONE).  Those of the segments whose figure
 * is hidden are together segment k, because no sum has some of them and not the others.  here: where sizes and
 * conditions leave room for anybody.  Both are (k + 1, n). */
static void fill_parts(const struct crowd *crowd, size_t l, uint64_t *part, bool *here)
{
    const size_t last = crowd->n_columns - 1, n = crowd->n;
    for (size_t i = 0; i < crowd->k * n; i++) {
        const size_t t = i / n, c = i % n;
        const size_t to = (is_shut(crowd, t, l == NONE ? last : l) ? crowd->k : t) * n + c;
        for (size_t m = 0; m < crowd->n_columns; m++) {
            const uint64_t count = count_of(crowd, t, c, m);
            here[to] |= count > 0 && (l == NONE || can_be(crowd, c, l));
            if (l == NONE ? m < last || crowd->f == NONE : m == l) part[to] += count;
        }
    }
}

/* Whether a segment has no combination between two of its own: who takes one and leaves the other need not take any
 * closer to it. */
static bool are_next(const struct crowd *crowd, const bool *here, size_t c, size_t d)
{
    const uint64_t bits = crowd->mask[c] ^ crowd->mask[d];
    for (size_t e = 0; e < crowd->n; e++) {
        if (e != c && e != d && here[e] && ((crowd->mask[e] ^ crowd->mask[c]) & ~bits) == 0)
            return false;
    }
    return true;
}

/* Customers of all segments who differ from others there as combination c differs from d. */
static uint64_t sum_like(const struct crowd *crowd, const uint64_t *part, const bool *here,
                         size_t c, size_t d)
{
    const uint64_t bits = crowd->mask[c] ^ crowd->mask[d];
    uint64_t sum = 0;
    for (size_t a = 0; a < crowd->n; a++) {
        if (((crowd->mask[a] ^ crowd->mask[c]) & bits) != 0) continue;
        const size_t b = find_mask(crowd, crowd->mask[a] ^ bits);
        for (size_t s = 0; s <= crowd->k && b < crowd->n; s++)
            sum += here[s * crowd->n + a] && here[s * crowd->n + b] ? part[s * crowd->n + a] : 0;
    }
    return sum;
}

/* Whether what is counted of each pick that is told, and of all others, is nobody or enough, and sums are. */
static bool is_figure_safe(const struct crowd *crowd, size_t l, struct strata_arena scratch)
{
    const size_t n = crowd->n, n_parts = (crowd->k + 1) * n;
    uint64_t *part = STRATA_NEW(&scratch, uint64_t, n_parts);
    bool *here = STRATA_NEW(&scratch, bool, n_parts);
    if (!part || !here) return !(*crowd->starved = true);
    fill_parts(crowd, l, part, here);
    for (size_t i = 0; i < 2 * crowd->picks->n; i++) {
        const struct side side = {i / 2, i % 2};
        uint64_t sum = 0;
        for (size_t j = 0; j < n_parts; j++) sum += is_on(crowd, side, j % n) ? part[j] : 0;
        if (is_told(crowd, side.pick) && !strata_is_tellable(sum)) return false;
    }
    for (size_t i = 0; i < n_parts * n; i++) {
        const bool *of = here + i / (n * n) * n;
        const size_t c = i / n % n, d = i % n;
        if (c == d || !of[c] || !of[d] || !are_next(crowd, of, c, d)) continue;
        if (!strata_is_tellable(sum_like(crowd, part, here, c, d))) return false;
    }
    return true;
}

/* --- profiles --------------------------------------------------------------------------------- */

static void hide_all(const struct crowd *crowd)
{
    for (size_t l = 0; l < crowd->n_columns; l++) crowd->hidden[l] = true;
}

/* What segments hide. */
static void hide_alike(const struct crowd *crowd)
{
    for (size_t s = 0; s < crowd->k; s++) {
        for (size_t l = 0; l < crowd->n_columns; l++) crowd->hidden[l] |= is_shut(crowd, s, l);
    }
}

/* The next rarest level, in the end the whole cell; false when there is no more. */
static bool hide_more(const struct crowd *crowd)
{
    const struct strata_plan *plan = crowd->picks->plan;
    const size_t last = crowd->n_columns - 1;
    const uint64_t *all = crowd->picks->tally->count.level + crowd->k * plan->n_all_levels;
    if (crowd->hidden[last]) return false;
    const size_t next = strata_next_hidden(all + plan->slot[crowd->f], 1, crowd->hidden, last);
    crowd->hidden[next == NONE ? last : next] = true;
    return true;
}

/* All of what is hidden in part and cannot be. */
static void hide_rest(const struct crowd *crowd)
{
    const bool levels = crowd->picks->plan->as[crowd->f] == STRATA_AS_ORDINAL ||
                        crowd->picks->plan->as[crowd->f] == STRATA_AS_NOMINAL;
    bool all = crowd->hidden[crowd->n_columns - 1];
    for (size_t l = 0; !levels && l < crowd->n_columns; l++) all |= crowd->hidden[l];
    for (size_t l = 0; all && l < crowd->n_columns; l++) crowd->hidden[l] = true;
}

/* What is hidden of a feature, or of none, of all picks; false where hiding it all is not enough. */
static bool hide_feature(struct crowd *crowd, size_t f, struct strata_arena scratch)
{
    crowd_fill(crowd, f);
    if (f == NONE) return is_cross_safe(crowd);
    const bool number = crowd->picks->plan->n_levels[f] == 0;
    for (size_t l = 0; l < crowd->n_columns; l++)
        crowd->hidden[l] |= !is_figure_safe(crowd, l + 1 < crowd->n_columns ? l : NONE, scratch);
    if (!number && !crowd->named && !are_segments_free(crowd)) hide_alike(crowd);
    hide_rest(crowd);
    while (!number && !are_picks_free(crowd)) {
        if (!hide_more(crowd)) return false;
        hide_rest(crowd);
    }
    return number || (are_segments_free(crowd) && (!crowd->named || is_cross_safe(crowd)));
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Of everybody what is hidden of everybody; of those who belong what was found. */
static void hide_cells(const struct crowd *crowd, size_t i)
{
    const size_t f = crowd->f, last = crowd->n_columns - 1;
    const struct strata_profile_cell *told = &crowd->picks->personas->everybody[f];
    struct strata_profile_cell *cell = &crowd->picks->pick[i].personas->segment[0].cell[f];
    struct strata_profile_cell *all = &crowd->picks->pick[i].personas->everybody[f];
    if (crowd->hidden[last]) strata_cell_hide(cell, crowd->picks->plan->n_levels[f]);
    if (told->hidden) strata_cell_hide(all, crowd->picks->plan->n_levels[f]);
    if (isnan(told->mean)) all->mean = all->sd = STRATA_UNKNOWN;
    for (size_t l = 0; cell->share && l < last; l++) {
        if (isnan(told->share[l])) all->share[l] = STRATA_UNKNOWN;
        if (!crowd->hidden[l]) continue;
        cell->share[l] = STRATA_UNKNOWN;
        cell->mean = cell->sd = STRATA_UNKNOWN;
    }
}

/* Another column of the cross table: first those of segments that hide something of the feature. */
static bool hide_column(const struct crowd *crowd)
{
    bool more = false;
    for (size_t s = 0; s < crowd->k; s++) {
        for (size_t l = 0; l < crowd->n_columns; l++) {
            more |= is_shut(crowd, s, l) && !crowd->apart[s];
            crowd->apart[s] |= is_shut(crowd, s, l);
        }
    }
    if (more) return true;
    const size_t next =
        strata_next_hidden(crowd->picks->tally->count.size, 1, crowd->apart, crowd->k);
    if (next != NONE) crowd->apart[next] = true;
    return next != NONE;
}

/* Whether the crowd's picks can be told; with out, what is hidden of them.  More hidden columns leave what was found
 * with fewer as it is. */
static bool hide_enough(struct crowd *crowd, struct strata_apriori *out, struct strata_arena scratch)
{
    const size_t n = crowd->picks->n, n_features = crowd->picks->plan->n_features;
    crowd_fill(crowd, NONE);
    if (!is_figure_safe(crowd, NONE, scratch)) return false;
    hide_small_columns(crowd);
    for (size_t f = 0; f <= n_features; f++) {
        while (!hide_feature(crowd, f < n_features ? f : NONE, scratch)) {
            if (!hide_column(crowd)) return false;
        }
        for (size_t i = 0; i < n && out && f < n_features; i++) hide_cells(crowd, i);
    }
    for (size_t i = 0; i < n && out; i++) {
        out[i].hidden = !is_told(crowd, i);
        for (size_t s = 0; s < crowd->k; s++) out[i].cross[s].hidden = crowd->apart[s];
    }
    return true;
}

bool strata_picks_hide(const struct strata_picks *picks, struct strata_arena scratch,
                       struct strata_apriori *out)
{
    const struct strata_plan *plan = picks->plan;
    const size_t k = plan->k, n = picks->n_combinations;
    size_t n_columns = 2;
    bool starved = false;
    for (size_t f = 0; f < plan->n_features; f++)
        if (plan->n_levels[f] + 1 > n_columns) n_columns = plan->n_levels[f] + 1;
    struct crowd crowd = {.picks = picks,
                          .k = k,
                          .mask = STRATA_NEW(&scratch, uint64_t, n),
                          .hidden = STRATA_NEW(&scratch, bool, n_columns),
                          .apart = STRATA_NEW(&scratch, bool, k),
                          .count = STRATA_NEW(&scratch, uint64_t, k * n * n_columns),
                          .kind = STRATA_NEW(&scratch, uint64_t, n * n_columns),
                          .rest = STRATA_NEW(&scratch, uint64_t, (k + n + 1) * n_columns),
                          .starved = &starved};
    if (!crowd.mask || !crowd.hidden || !crowd.apart || !crowd.count || !crowd.kind || !crowd.rest)
        return false;
    uint64_t told = 0;
    for (size_t i = 0; i < picks->n_counted; i++) { /* each with those told before it */
        crowd_tell(&crowd, told | UINT64_C(1) << i);
        if (hide_enough(&crowd, NULL, scratch)) told = crowd.told;
    }
    crowd_tell(&crowd, told);
    return hide_enough(&crowd, out, scratch) && !starved;
}
