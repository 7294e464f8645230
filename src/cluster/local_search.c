/* Better seeds by local search: a row is drawn as k-means++ draws it, and takes the place of the
 * centre that is missed least, if that lowers the potential (Lattanzi & Sohler, 2019).
 *
 * Notation: for a row of the sample d1 and d2 are the squared distances from the nearest and the second
 * nearest centre, t that from the drawn row, w its weight.  With the drawn row in the place of centre c
 * the potential is
 *
 *   sum w min(d1, t)  +  sum over the rows of c: w (min(d2, t) - min(d1, t)).
 *
 * Without the drawn row the second sum is loss[c] = sum w (d2 - d1), which is kept; only rows with
 * t < d2 change it, by -w (d2 - max(d1, t)).
 *
 * Exact: integers of 128 bits.  Ties: the lowest index.
 *
 * Cost of a step: m d for the distances, m for the sums; of a swap about 2 m d more. */
#include <string.h>

#include "cluster/cluster_impl.h"

#define STRIP_ROWS 256

bool strata_local_search_init(struct strata_arena *room, size_t n, struct strata_dims dims,
                              struct strata_local_search *search)
{
    *search = (struct strata_local_search){
        .d1 = STRATA_NEW(room, int64_t, n),
        .d2 = STRATA_NEW(room, int64_t, n),
        .t = STRATA_NEW(room, int64_t, strata_potential_room(n)),
        .c1 = STRATA_NEW(room, uint16_t, n),
        .c2 = STRATA_NEW(room, uint16_t, n),
        .loss = STRATA_NEW(room, strata_int128, dims.k),
        .change = STRATA_NEW(room, strata_int128, dims.k),
        .centre = STRATA_NEW(room, double, dims.k *dims.d),
        .strip = STRATA_NEW(room, float, STRIP_ROWS *dims.d),
    };
    return search->d1 && search->d2 && search->t && search->c1 && search->c2 && search->loss &&
           search->change && search->centre && search->strip;
}

static strata_int128 weigh(const struct strata_local_search *s, size_t row, int64_t distance)
{
    return (strata_int128)strata_potential_weight(s->potential, row) * distance;
}

/* --- two nearest centres of each row ----------------------------------------------------- */

static void put_centre(struct strata_local_search *s, size_t c, size_t row)
{
    for (size_t j = 0; j < s->dims.d; j++)
        s->centre[c * s->dims.d + j] = (double)s->x[row * s->dims.d + j];
}

/* Centre c, from which the distances are in t, to a row that keeps its other centres. */
static void offer(struct strata_local_search *s, size_t i, size_t c)
{
    if (s->t[i] >= s->d2[i]) return;
    if (s->t[i] < s->d1[i]) {
        s->d2[i] = s->d1[i];
        s->c2[i] = s->c1[i];
        s->d1[i] = s->t[i];
        s->c1[i] = (uint16_t)c;
    } else {
        s->d2[i] = s->t[i];
        s->c2[i] = (uint16_t)c;
    }
}

static void start_from(struct strata_local_search *s, const int64_t *index)
{
    for (size_t i = 0; i < s->n; i++) s->d1[i] = s->d2[i] = INT64_MAX;
    for (size_t c = 0; c < s->dims.k; c++) {
        put_centre(s, c, (size_t)index[c]);
        strata_potential_distances(s->potential, (size_t)index[c], s->t);
        for (size_t i = 0; i < s->n; i++) offer(s, i, c);
    }
}

/* The rows listed in `row` (n at most STRIP_ROWS), whose values stand in strip, among all centres. */
static void find_two(struct strata_local_search *s, const size_t *row, size_t n)
{
    struct strata_nearest near[STRIP_ROWS];
    if (strata_potential_is_near(s->potential))
        strata_nearest_double(s->dims, s->centre, s->strip, n, near);
    else
        strata_nearest_int64(s->dims, s->centre, s->strip, n, near);
    for (size_t i = 0; i < n; i++) {
        s->d1[row[i]] = near[i].distance;
        s->d2[row[i]] = near[i].second;
        s->c1[row[i]] = (uint16_t)near[i].label;
        s->c2[row[i]] = (uint16_t)near[i].runner_up;
    }
}

/* Centre c is where the row is from which the distances are in t, and no longer where it was. */
static void move_centre(struct strata_local_search *s, size_t c)
{
    size_t row[STRIP_ROWS], n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->c1[i] != c && s->c2[i] != c) {
            offer(s, i, c);
            continue;
        }
        memcpy(s->strip + n * s->dims.d, s->x + i * s->dims.d, s->dims.d * sizeof *s->strip);
        row[n++] = i;
        if (n == STRIP_ROWS) find_two(s, row, n), n = 0;
    }
    find_two(s, row, n);
}

static void sum_losses(struct strata_local_search *s)
{
    memset(s->loss, 0, s->dims.k * sizeof *s->loss);
    for (size_t i = 0; i < s->n; i++) s->loss[s->c1[i]] += weigh(s, i, s->d2[i] - s->d1[i]);
    strata_potential_set(s->potential, s->d1);
}

/* --- a step ------------------------------------------------------------------------------ */

/* The centre to give up for a drawn row, whose distances are in t; k when none lowers the potential. */
static size_t best_swap(struct strata_local_search *s)
{
    memset(s->change, 0, s->dims.k * sizeof *s->change);
    strata_int128 gain = 0; /* of the drawn row as one more centre */
    for (size_t i = 0; i < s->n; i++) {
        if (s->t[i] >= s->d2[i]) continue;
        const int64_t nearer = s->t[i] > s->d1[i] ? s->t[i] : s->d1[i];
        if (s->t[i] < s->d1[i]) gain += weigh(s, i, s->d1[i] - s->t[i]);
        s->change[s->c1[i]] += weigh(s, i, s->d2[i] - nearer);
    }
    size_t best = s->dims.k;
    strata_int128 least = gain;
    for (size_t c = 0; c < s->dims.k; c++)
        if (s->loss[c] - s->change[c] < least) {
            least = s->loss[c] - s->change[c];
            best = c;
        }
    return best;
}

void strata_local_search_run(struct strata_local_search *s, struct strata_draws *draws,
                             int64_t *index)
{
    start_from(s, index);
    sum_losses(s);
    const size_t n_steps = STRATA_LOCAL_SEARCH_STEPS(s->dims.k);
    for (size_t step = 0; step < n_steps && strata_potential_total(s->potential) > 0; step++) {
        const size_t row = strata_draw_row(draws, s->potential);
        strata_potential_distances(s->potential, row, s->t);
        const size_t c = best_swap(s);
        if (c == s->dims.k) continue;
        index[c] = (int64_t)row;
        put_centre(s, c, row);
        move_centre(s, c);
        sum_losses(s);
    }
}
