/* What is hidden of the a-priori segments.
 *
 * One rule: more is hidden, levels, columns of the cross table, in the end whole a-priori segments, until customers
 * could change places, and nothing that is published would be another, so that any hidden count of 1 to 9 would be
 * nobody, or ten.  A combination is of which a-priori segments somebody is.  Of each feature by itself:
 *
 *   - Segments change as they may without a-priori segments, which disclosure_flow.c has seen to, where no condition
 *     is about the feature and what any segment hides is hidden of all a-priori segments: each stays in his combination
 *     and has another value.  Or where the cross table is hidden of all segments that hide anything: each keeps
 *     combination and value and is in another segment.  (are_segments_free)
 *   - Or two exchange their segments, both values hidden of both segments, who are of one combination, or of segments
 *     of which the cross table is hidden: combinations keep their values.  (swaps)
 *   - A-priori segments change where two of one segment exchange their values, both hidden of all a-priori segments:
 *     segments keep theirs.  Where the cross table is hidden of their segments these may be two, since they can
 *     exchange their combinations.  Or one has another value, both hidden of everybody and his segment.  (changes)
 *   - The cross table changes where two exchange their segments, of both of which it is hidden, who have the same
 *     value, or values hidden of both segments; or else their combinations, where both values are hidden of all
 *     a-priori segments and no condition is about the feature.  (movers)
 *
 * Nobody is put where the data have nobody of that combination and value, if a condition is about the feature: perhaps
 * it cannot be.  Hiding more leaves all of these as they are, so each count is looked at until it is free.
 *
 * And no sum of published figures is of 1 to 9 customers (apriori_crowd.c). */
#include <string.h>

#include "persona/apriori_impl.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t side_count(const struct strata_crowd *crowd, size_t g, struct strata_side side,
                           size_t l)
{
    uint64_t sum = 0;
    for (size_t c = 0; c < crowd->n; c++)
        sum += strata_crowd_is_on(crowd, side, c) ? strata_crowd_count(crowd, g, c, l) : 0;
    return sum;
}

static uint64_t side_size(const struct strata_crowd *crowd, size_t g, struct strata_side side)
{
    uint64_t sum = 0;
    for (size_t l = 0; l < crowd->n_columns; l++) sum += side_count(crowd, g, side, l);
    return sum;
}

/* --- segments --------------------------------------------------------------------------------- */

/* Whether a combination that has one of the values that are hidden of everybody has all of them. */
static bool are_shut_together(const struct strata_crowd *crowd)
{
    for (size_t c = 0; c < crowd->n; c++) {
        bool some = false, all = true;
        for (size_t l = 0; l < crowd->n_columns; l++) {
            if (!strata_crowd_is_shut(crowd, crowd->k, l)) continue;
            some |= crowd->kind[c * crowd->n_columns + l] > 0;
            all &= strata_crowd_can_be(crowd, c, l);
        }
        if (some && !all) return false;
    }
    return true;
}

/* What a small count must be able to rise by: to ten, or as far as there are customers. */
static uint64_t rise_of(uint64_t count, uint64_t size)
{
    return smaller(STRATA_MIN_CELL - count, size - count);
}

/* By how much segment s could have more, or fewer, of value l, because customers exchange their segments: of one
 * combination, or of any where the cross table is hidden of both. */
static uint64_t swaps(const struct strata_crowd *crowd, size_t s, size_t l, bool rise)
{
    const size_t n = crowd->n, n_columns = crowd->n_columns;
    uint64_t *mine = crowd->rest, *theirs = mine + n * n_columns, sum = 0;
    memcpy(mine, crowd->count + s * n * n_columns, n * n_columns * sizeof *mine);
    for (size_t t = 0; t < crowd->k; t++) {
        if (t == s || !strata_crowd_is_shut(crowd, t, l)) continue;
        memcpy(theirs, crowd->count + t * n * n_columns, n * n_columns * sizeof *theirs);
        for (size_t i = 0; i < n * n * n_columns; i++) {
            const size_t c = i / n_columns / n, d = i / n_columns % n, m = i % n_columns;
            if (c != d && !(crowd->apart[s] && crowd->apart[t])) continue;
            if (m == l || !strata_crowd_is_shut(crowd, s, m) || !strata_crowd_is_shut(crowd, t, m))
                continue;
            uint64_t *give = &mine[c * n_columns + (rise ? m : l)];
            uint64_t *take = &theirs[d * n_columns + (rise ? l : m)];
            const uint64_t step = smaller(*give, *take);
            *give -= step;
            *take -= step;
            sum += step;
        }
    }
    return sum;
}

/* Whether each small count of a segment could change so; everybody's cannot, nor is anything said of weights. */
static bool can_swap(const struct strata_crowd *crowd)
{
    const struct strata_side all = {.pick = STRATA_NONE};
    const size_t n_levels = crowd->n_columns - 1;
    if (crowd->picks->plan->weight || (crowd->k + 1) * crowd->n_columns > STRATA_CELLS_MAX)
        return false;
    for (size_t i = 0; i < (crowd->k + 1) * n_levels; i++) {
        const size_t g = crowd->k - i / n_levels, l = i % n_levels;
        const uint64_t count = side_count(crowd, g, all, l);
        if (strata_is_tellable(count)) continue;
        if (g == crowd->k || !strata_crowd_is_shut(crowd, g, l)) return false;
        if (swaps(crowd, g, l, true) < rise_of(count, side_size(crowd, g, all))) return false;
        if (swaps(crowd, g, l, false) < count) return false;
    }
    return true;
}

static bool are_segments_free(const struct strata_crowd *crowd)
{
    bool apart = are_shut_together(crowd), within = !crowd->named;
    for (size_t g = 0; g <= crowd->k; g++) {
        for (size_t l = 0; l < crowd->n_columns; l++) {
            if (!strata_crowd_is_shut(crowd, g, l)) continue;
            apart &= g == crowd->k || crowd->apart[g];
            within &= crowd->hidden[l];
        }
    }
    return apart || within || crowd->n == 1 || can_swap(crowd);
}

/* --- a-priori segments ------------------------------------------------------------------------ */

/* Whether a customer could have value m instead of l, both hidden of everybody and of his segment. */
static bool can_change(const struct strata_crowd *crowd, size_t s, size_t c, size_t l, size_t m)
{
    const size_t all = crowd->k;
    return l != m && strata_crowd_can_be(crowd, c, m) && strata_crowd_is_shut(crowd, all, l) &&
           strata_crowd_is_shut(crowd, all, m) && strata_crowd_is_shut(crowd, s, l) &&
           strata_crowd_is_shut(crowd, s, m);
}

static bool can_leave(const struct strata_crowd *crowd, size_t s, size_t c, size_t l)
{
    for (size_t m = 0; m < crowd->n_columns; m++)
        if (can_change(crowd, s, c, l, m)) return true;
    return false;
}

/* The customers of segment s into rest, who may exchange values; those of a side who could have value l, or another
 * than l, without, are counted.  Others who could have l are put there, to give it. */
static uint64_t put_changed(const struct strata_crowd *crowd, size_t s, struct strata_side side,
                            size_t l, bool rise)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < crowd->n * crowd->n_columns; i++) {
        const size_t c = i / crowd->n_columns, m = i % crowd->n_columns;
        const uint64_t count = strata_crowd_count(crowd, s, c, m);
        const bool on = strata_crowd_is_on(crowd, side, c),
                   turns = rise && can_change(crowd, s, c, m, l);
        if (on && (turns || (!rise && m == l && can_leave(crowd, s, c, l))))
            sum += count;
        else
            crowd->rest[turns ? c * crowd->n_columns + l : i] += count;
    }
    return sum;
}

/* By how much a side's customers with value l could be more, or fewer, because some have another value or exchange it
 * with others of their segment on the other side.  Those of which the cross table is hidden are together segment k:
 * they can exchange their combinations as well. */
static uint64_t changes(const struct strata_crowd *crowd, struct strata_side side, size_t l,
                        bool rise)
{
    const size_t n_columns = crowd->n_columns;
    const struct strata_side taking = rise ? side : other(side);
    uint64_t sum = 0;
    for (size_t s = 0; s <= crowd->k; s++) {
        memset(crowd->rest, 0, crowd->n * n_columns * sizeof *crowd->rest);
        for (size_t t = 0; t < crowd->k; t++) {
            if (crowd->apart[t] ? s == crowd->k : s == t)
                sum += put_changed(crowd, t, side, l, rise);
        }
        for (size_t i = 0; i < crowd->n * crowd->n; i++) {
            const size_t to = i / crowd->n, from = i % crowd->n;
            uint64_t *given = crowd->rest + from * n_columns + l;
            if (!strata_crowd_is_on(crowd, taking, to) || strata_crowd_is_on(crowd, taking, from) ||
                !strata_crowd_can_be(crowd, to, l))
                continue;
            for (size_t m = 0; m<n_columns && * given> 0; m++) {
                if (m == l || !crowd->hidden[m] || !strata_crowd_can_be(crowd, from, m)) continue;
                const uint64_t step = smaller(*given, crowd->rest[to * n_columns + m]);
                crowd->rest[to * n_columns + m] -= step;
                *given -= step;
                sum += step;
            }
        }
    }
    return sum;
}

static bool is_side_free(const struct strata_crowd *crowd, struct strata_side side)
{
    const uint64_t size = side_size(crowd, crowd->k, side);
    for (size_t l = 0; l + 1 < crowd->n_columns; l++) {
        const uint64_t count = side_count(crowd, crowd->k, side, l);
        if (strata_is_tellable(count)) continue;
        if (changes(crowd, side, l, true) < rise_of(count, size)) return false;
        if (changes(crowd, side, l, false) < count) return false;
    }
    return true;
}

static bool are_picks_free(const struct strata_crowd *crowd)
{
    for (size_t i = 0; i < crowd->picks->n; i++) {
        const struct strata_side side = {i, true};
        if (!strata_crowd_tells(crowd, i)) continue;
        if (!is_side_free(crowd, side) || !is_side_free(crowd, other(side))) return false;
    }
    return true;
}

/* --- the cross table -------------------------------------------------------------------------- */

/* Segments, or else combinations: figures of the one or the other stay. */
static bool can_exchange(const struct strata_crowd *crowd, size_t s, size_t t, size_t l, size_t m)
{
    if (l == m || (!crowd->named && crowd->hidden[l] && crowd->hidden[m])) return true;
    return strata_crowd_is_shut(crowd, s, l) && strata_crowd_is_shut(crowd, s, m) &&
           strata_crowd_is_shut(crowd, t, l) && strata_crowd_is_shut(crowd, t, m);
}

/* Customers of segment s who could exchange it with some of a side, and are not of that side. */
static uint64_t movers(const struct strata_crowd *crowd, size_t s, struct strata_side side)
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
static bool is_cross_free(const struct strata_crowd *crowd, size_t i, size_t s)
{
    const struct strata_side in = {i, true}, out = other(in), all = {STRATA_NONE, true};
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

static bool is_cross_safe(const struct strata_crowd *crowd)
{
    for (size_t i = 0; i < crowd->picks->n; i++) {
        for (size_t s = 0; s < crowd->k && strata_crowd_tells(crowd, i); s++)
            if (crowd->apart[s] && !is_cross_free(crowd, i, s)) return false;
    }
    return true;
}

/* Few of a segment inside or outside. */
static void hide_small_columns(const struct strata_crowd *crowd)
{
    memset(crowd->apart, 0, crowd->k * sizeof *crowd->apart);
    for (size_t s = 0; s < crowd->k; s++) {
        for (size_t i = 0; i < crowd->picks->n; i++) {
            const struct strata_side side = {i, true};
            crowd->apart[s] |= strata_crowd_tells(crowd, i) &&
                               (!strata_is_tellable(side_size(crowd, s, side)) ||
                                !strata_is_tellable(side_size(crowd, s, other(side))));
        }
    }
}

/* --- profiles --------------------------------------------------------------------------------- */

/* The next rarest level, in the end the whole cell; false when there is no more. */
static bool hide_more(const struct strata_crowd *crowd)
{
    const struct strata_plan *plan = crowd->picks->plan;
    const size_t last = crowd->n_columns - 1;
    const uint64_t *all = crowd->picks->tally->count.level + crowd->k * plan->n_all_levels;
    if (crowd->hidden[last]) return false;
    const size_t next = strata_next_hidden(all + plan->slot[crowd->f], 1, crowd->hidden, last);
    crowd->hidden[next == STRATA_NONE ? last : next] = true;
    return true;
}

/* All, where a part cannot be hidden alone. */
static void hide_rest(const struct strata_crowd *crowd)
{
    const enum strata_treatment as = crowd->picks->plan->as[crowd->f];
    const bool levels = as == STRATA_AS_ORDINAL || as == STRATA_AS_NOMINAL;
    bool all = crowd->hidden[crowd->n_columns - 1];
    for (size_t l = 0; !levels && l < crowd->n_columns; l++) all |= crowd->hidden[l];
    for (size_t l = 0; all && l < crowd->n_columns; l++) crowd->hidden[l] = true;
}

/* What is hidden of a feature, or of none, of all picks; false where hiding it all is not enough. */
static bool hide_feature(struct strata_crowd *crowd, size_t f, struct strata_arena scratch)
{
    strata_crowd_fill(crowd, f);
    if (f == STRATA_NONE) return is_cross_safe(crowd);
    const bool number = crowd->picks->plan->n_levels[f] == 0;
    const bool alike = !number && !crowd->named && !are_segments_free(crowd); /* as segments */
    for (size_t l = 0; l < crowd->n_columns; l++) {
        const bool value = l + 1 < crowd->n_columns;
        crowd->hidden[l] |= !strata_crowd_is_figure_safe(crowd, value ? l : STRATA_NONE, scratch);
        for (size_t s = 0; s < crowd->k && alike; s++)
            crowd->hidden[l] |= strata_crowd_is_shut(crowd, s, l);
    }
    hide_rest(crowd);
    if (number) return true;
    while (!are_picks_free(crowd) || !is_cross_safe(crowd)) {
        if (!hide_more(crowd)) return false;
        hide_rest(crowd);
    }
    return are_segments_free(crowd);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Of everybody what is hidden of everybody; of those who belong what was found. */
static void hide_cells(const struct strata_crowd *crowd, size_t i)
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

/* Another column of the cross table: first of a segment that hides something of the feature, then of the largest,
 * whose customers have most to exchange. */
static bool hide_column(const struct strata_crowd *crowd)
{
    const uint64_t *size = crowd->picks->tally->count.size;
    size_t next = STRATA_NONE;
    for (size_t i = 0; i < crowd->k * crowd->n_columns && next == STRATA_NONE; i++) {
        const size_t s = i / crowd->n_columns, l = i % crowd->n_columns;
        if (!crowd->apart[s] && strata_crowd_is_shut(crowd, s, l)) next = s;
    }
    const bool shut = next != STRATA_NONE;
    for (size_t s = 0; s < crowd->k && !shut; s++)
        if (!crowd->apart[s] && (next == STRATA_NONE || size[s] > size[next])) next = s;
    if (next != STRATA_NONE) crowd->apart[next] = true;
    return next != STRATA_NONE;
}

/* Whether the crowd's picks can be told; with out, what is hidden of them.  More hidden columns leave what was found
 * with fewer as it is. */
static bool hide_enough(struct strata_crowd *crowd, struct strata_apriori *out,
                        struct strata_arena scratch)
{
    const size_t n = crowd->picks->n, n_features = crowd->picks->plan->n_features;
    strata_crowd_fill(crowd, STRATA_NONE);
    if (!strata_crowd_is_figure_safe(crowd, STRATA_NONE, scratch)) return false;
    hide_small_columns(crowd);
    for (size_t f = 0; f <= n_features; f++) {
        while (!hide_feature(crowd, f < n_features ? f : STRATA_NONE, scratch)) {
            if (!hide_column(crowd)) return false;
        }
        for (size_t i = 0; i < n && out && f < n_features; i++) hide_cells(crowd, i);
    }
    for (size_t i = 0; i < n && out; i++) {
        out[i].hidden = !strata_crowd_tells(crowd, i);
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
    struct strata_crowd crowd = {.picks = picks,
                                 .k = k,
                                 .mask = STRATA_NEW(&scratch, uint64_t, n),
                                 .hidden = STRATA_NEW(&scratch, bool, n_columns),
                                 .apart = STRATA_NEW(&scratch, bool, k),
                                 .count = STRATA_NEW(&scratch, uint64_t, k * n * n_columns),
                                 .kind = STRATA_NEW(&scratch, uint64_t, n * n_columns),
                                 .rest = STRATA_NEW(&scratch, uint64_t, (k + 2 * n + 1) * n_columns),
                                 .starved = &starved};
    if (!crowd.mask || !crowd.hidden || !crowd.apart || !crowd.count || !crowd.kind || !crowd.rest)
        return false;
    uint64_t told = 0;
    for (size_t i = 0; i < picks->n_counted; i++) { /* each with those told before it */
        strata_crowd_tell(&crowd, told | UINT64_C(1) << i);
        if (hide_enough(&crowd, NULL, scratch)) told = crowd.told;
    }
    strata_crowd_tell(&crowd, told);
    return hide_enough(&crowd, out, scratch) && !starved;
}
