/* A pass of k-means over the rows of a block: labels, bounds, and sums that follow what moved.
 *
 * A strip of rows is looked at as a whole in a first pass.  Later, bounds tell which of its rows may
 * have moved; these are brought together, measured against their own centre (many segments), and looked
 * at side by side: against all centres, or against the list of those near their own one. */
#include <string.h>

#include "cluster/kmeans_impl.h"

#define STRIP_ROWS 256    /* rows between kernel and sums */
#define FEW_ROWS 32       /* whose labels are compared at once */
#define LINE_FLOATS 16    /* of a line of the cache */
#define ROWS_AHEAD 64     /* on their way from memory */
#define COPY_FLOATS 16384 /* of rows that are looked at again, side by side: 64 KiB */
#define FULL_LOOK_SHARE \
    3 / 4 /* of a block's rows: then all of them are looked at, without copies */
#define OWN_FIRST_SEGMENTS 24 /* from here on a look at the own centre alone may save the others */

/* One thread's sums. */
struct means {
    int64_t *count; /* (k) */
    int64_t *sum;   /* (k, d) */
};

/* Rows that are looked at again, side by side. */
struct copies {
    float x[COPY_FLOATS];
    uint32_t row[STRIP_ROWS]; /* of the block */
    uint16_t label[STRIP_ROWS];
    float upper[STRIP_ROWS], lower[STRIP_ROWS];
    size_t n;
};

/* One thread's room; the label sums' own follows it. */
struct room {
    struct copies copies;
    uint32_t row[STRATA_KMEANS_LIST_ROWS];    /* of a block, that must be looked at again, */
    uint32_t sorted[STRATA_KMEANS_LIST_ROWS]; /* by their labels */
    uint32_t first[STRATA_NO_LABEL + 2];      /* of each label's; then of the rows beyond lists */
};

static struct means means_view(struct strata_dims dims, void *sums)
{
    int64_t *count = sums;
    return (struct means){.count = count, .sum = count + dims.k};
}

static void *label_sums_room(struct strata_tally *tally)
{
    return (unsigned char *)tally->scratch + strata_aligned(sizeof(struct room));
}

size_t strata_kmeans_scratch(struct strata_dims dims)
{
    return strata_aligned(sizeof(struct room)) + strata_label_sums_scratch(dims);
}

static struct strata_block strip_of(const struct strata_block *block, size_t d, size_t first,
                                    size_t n)
{
    return (struct strata_block){.x = block->x + first * d,
                                 .weight = block->weight ? block->weight + first : NULL,
                                 .n = n,
                                 .label = block->label + first,
                                 .upper = block->upper ? block->upper + first : NULL,
                                 .lower = block->lower ? block->lower + first : NULL};
}

static void move_row(struct strata_dims dims, const struct strata_block *block, size_t row,
                     uint16_t from, struct strata_tally *tally)
{
    const struct means to = means_view(dims, tally->sums);
    strata_label_sums_move(dims, block->x + row * dims.d, block->weight ? block->weight[row] : 1,
                           from, block->label[row], to.count, to.sum);
    tally->moved++;
}

/* Look at all rows of a strip, and move those whose labels changed. */
static void look_at_all(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                        const struct strata_block *strip, struct strata_tally *tally)
{
    uint16_t before[STRIP_ROWS];
    memcpy(before, strip->label, strip->n * sizeof *before);
    (void)strata_centres_look(pass->centres, strip->x, strip->n,
                              (struct strata_look){strip->label, strip->upper, strip->lower});
    if (strip->upper)
        strata_bounds_keep(&pass->drift, strip->label, strip->upper, strip->lower, strip->n);
    tally->looked += strip->n;
    if (before[0] == STRATA_NO_LABEL) { /* then all of them are new */
        const struct means to = means_view(dims, tally->sums);
        strata_label_sums_hold(dims, pass->isa, strip->x, strip->weight, strip->n, strip->label,
                               label_sums_room(tally), to.count, to.sum);
        tally->moved += strip->n;
        return;
    }
    for (size_t first = 0; first < strip->n; first += FEW_ROWS) {
        const size_t n = strip->n - first < FEW_ROWS ? strip->n - first : FEW_ROWS;
        if (memcmp(before + first, strip->label + first, n * sizeof *before) == 0) continue;
        for (size_t row = first; row < first + n; row++)
            if (before[row] != strip->label[row]) move_row(dims, strip, row, before[row], tally);
    }
}

/* Rows that lie apart come from memory one by one: the next ones are asked for in time. */
static inline void fetch_row(const float *x, size_t d)
{
    for (size_t j = 0; j < d; j += LINE_FLOATS) __builtin_prefetch(x + j);
}

/* Rows are too short for a call of memcpy. */
static inline void copy_floats(float *to, const float *from, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4) memcpy(to + i, from + i, 4 * sizeof *to);
    for (; i < n; i++) to[i] = from[i];
}

/* Bring the first n of rows together, so that kernels see them as neighbours; n_known of them are known. */
static void copy_rows(size_t d, const struct strata_kmeans_pass *pass,
                      const struct strata_block *block, const uint32_t *row, size_t n,
                      size_t n_known, struct copies *to)
{
    const float *x = block->x, *lower = block->lower, *other = pass->drift.other;
    const uint16_t *label = block->label;
    const size_t last = n_known - 1;
    for (size_t i = 0; i < n; i++) {
        const size_t ahead = i + ROWS_AHEAD < last ? i + ROWS_AHEAD : last;
        fetch_row(x + row[ahead] * d, d);
        copy_floats(to->x + i * d, x + row[i] * d, d);
    }
    for (size_t i = 0; i < n; i++) {
        to->row[i] = row[i];
        to->label[i] = label[row[i]];
        to->lower[i] = strata_lower_now(lower[row[i]], other[to->label[i]]);
    }
    to->n = n;
}

/* What a look at copies has found becomes what is known of their rows. */
static void put_back(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                     const struct strata_block *block, const struct copies *copies,
                     struct strata_tally *tally)
{
    tally->looked += copies->n;
    for (size_t i = 0; i < copies->n; i++) {
        const size_t row = copies->row[i];
        const uint16_t before = block->label[row];
        const uint16_t now = copies->label[i];
        block->upper[row] = strata_upper_kept(copies->upper[i], pass->drift.own[now]);
        block->lower[row] = strata_lower_kept(copies->lower[i], pass->drift.other[now]);
        block->label[row] = now;
        if (before != now) move_row(dims, block, row, before, tally);
    }
}

static void look_at_copies(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                           const struct strata_block *block, struct copies *copies,
                           struct strata_tally *tally)
{
    (void)strata_centres_look(pass->centres, copies->x, copies->n,
                              (struct strata_look){copies->label, copies->upper, copies->lower});
    put_back(dims, pass, block, copies, tally);
}

static void look_at_strips(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                           const struct strata_block *block, struct strata_tally *tally)
{
    for (size_t first = 0; first < block->n; first += STRIP_ROWS) {
        const size_t left = block->n - first;
        const struct strata_block strip =
            strip_of(block, dims.d, first, left < STRIP_ROWS ? left : STRIP_ROWS);
        look_at_all(dims, pass, &strip, tally);
    }
}

static size_t rows_at_once(size_t d)
{
    return COPY_FLOATS / d < STRIP_ROWS ? COPY_FLOATS / d : STRIP_ROWS;
}

/* The true distance to the own centre may be enough after all.  Writes the rows for which it is not, and
 * returns their number. */
static size_t settle_by_own(const struct strata_kmeans_pass *pass, const struct strata_block *block,
                            struct copies *copies, uint32_t *row)
{
    strata_centres_own(pass->centres, copies->x, copies->n, copies->label, copies->upper);
    size_t n = 0;
    for (size_t i = 0; i < copies->n; i++) {
        const uint16_t own = copies->label[i];
        const float gap = pass->half_gap[own];
        const float reach = copies->lower[i] > gap ? copies->lower[i] : gap;
        block->upper[copies->row[i]] = strata_upper_kept(copies->upper[i], pass->drift.own[own]);
        row[n] = copies->row[i];
        n += !(copies->upper[i] < reach);
    }
    return n;
}

/* The rows of a block that must be looked at, into room->row; their upper bounds are as good as can be. */
static size_t settle_rows(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                          const struct strata_block *block, struct room *room)
{
    const size_t n = strata_bounds_check(&pass->drift, block->label, block->upper, block->lower,
                                         block->n, room->row);
    if (dims.k < OWN_FIRST_SEGMENTS) return n;
    const size_t at_once = rows_at_once(dims.d);
    size_t n_rows = 0;
    for (size_t first = 0; first < n; first += at_once) {
        const size_t left = n - first;
        copy_rows(dims.d, pass, block, room->row + first, left < at_once ? left : at_once, left,
                  &room->copies);
        n_rows += settle_by_own(pass, block, &room->copies, room->row + n_rows);
    }
    return n_rows;
}

/* Look only at the rows of a block that may have moved. */
static void look_again(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                       const struct strata_block *block, struct strata_tally *tally)
{
    struct room *room = tally->scratch;
    const size_t n = settle_rows(dims, pass, block, room), at_once = rows_at_once(dims.d);
    if (n > block->n * FULL_LOOK_SHARE) {
        look_at_strips(dims, pass, block, tally);
        return;
    }
    for (size_t first = 0; first < n; first += at_once) {
        const size_t left = n - first;
        copy_rows(dims.d, pass, block, room->row + first, left < at_once ? left : at_once, left,
                  &room->copies);
        look_at_copies(dims, pass, block, &room->copies, tally);
    }
}

/* --- with lists of near centres -------------------------------------------------------- */

/* Whose list a row goes by: its label's, or k when it is too far from its centre for that. */
static size_t list_of(size_t k, const struct strata_kmeans_pass *pass,
                      const struct strata_block *block, uint32_t row)
{
    const uint16_t own = block->label[row];
    const float upper = strata_upper_now(block->upper[row], pass->drift.own[own]);
    return 2 * upper < pass->near.radius[own] ? own : k;
}

static void sort_by_list(size_t k, const struct strata_kmeans_pass *pass,
                         const struct strata_block *block, size_t n, struct room *room)
{
    memset(room->first, 0, (k + 2) * sizeof *room->first);
    for (size_t i = 0; i < n; i++) room->first[list_of(k, pass, block, room->row[i]) + 1]++;
    for (size_t c = 0; c <= k; c++) room->first[c + 1] += room->first[c];
    for (size_t i = 0; i < n; i++)
        room->sorted[room->first[list_of(k, pass, block, room->row[i])]++] = room->row[i];
    for (size_t c = k + 1; c > 0; c--) room->first[c] = room->first[c - 1];
    room->first[0] = 0;
}

/* The list's numbers become the centres'; centres outside of it are at least radius - upper away. */
static void look_by_list(const struct strata_kmeans_pass *pass, uint16_t own,
                         const struct strata_block *block, struct copies *copies)
{
    const struct strata_near *near = &pass->near;
    (void)strata_centres_look(near->centres[own], copies->x, copies->n,
                              (struct strata_look){copies->label, copies->upper, copies->lower});
    for (size_t i = 0; i < copies->n; i++) {
        const float upper = strata_upper_now(block->upper[copies->row[i]], pass->drift.own[own]);
        const double beyond = ((double)near->radius[own] - (double)upper) * ROUND_DOWN;
        if (beyond < (double)copies->lower[i]) copies->lower[i] = (float)(beyond * ROUND_DOWN);
        copies->label[i] = near->index[own * near->m + copies->label[i]];
    }
}

/* Look again at the rows of a block that may have moved, label by label. */
static void look_by_lists(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                          const struct strata_block *block, struct strata_tally *tally)
{
    struct room *room = tally->scratch;
    struct copies *copies = &room->copies;
    const size_t at_once = rows_at_once(dims.d);
    sort_by_list(dims.k, pass, block, settle_rows(dims, pass, block, room), room);
    for (size_t list = 0; list <= dims.k; list++) {
        const size_t end = room->first[list + 1];
        for (size_t first = room->first[list]; first < end; first += at_once) {
            const size_t left = end - first;
            copy_rows(dims.d, pass, block, room->sorted + first, left < at_once ? left : at_once,
                      left, copies);
            if (list == dims.k) {
                look_at_copies(dims, pass, block, copies, tally);
            } else {
                look_by_list(pass, (uint16_t)list, block, copies);
                put_back(dims, pass, block, copies, tally);
            }
        }
    }
}

static void look_at_piece(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                          const struct strata_block *piece, struct strata_tally *tally)
{
    const uint64_t looked = tally->looked;
    if (pass->near.m > 0)
        look_by_lists(dims, pass, piece, tally);
    else
        look_again(dims, pass, piece, tally);
    tally->checked += piece->n;
    tally->unsettled += tally->looked - looked;
}

void strata_kmeans_rows(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                        const struct strata_block *block, struct strata_tally *tally)
{
    if (pass->has_bounds && block->upper) {
        for (size_t first = 0; first < block->n; first += STRATA_KMEANS_LIST_ROWS) {
            const size_t left = block->n - first;
            const size_t n = left < STRATA_KMEANS_LIST_ROWS ? left : STRATA_KMEANS_LIST_ROWS;
            const struct strata_block piece = strip_of(block, dims.d, first, n);
            look_at_piece(dims, pass, &piece, tally);
        }
        return;
    }
    const bool is_first = block->n > 0 && block->label[0] == STRATA_NO_LABEL;
    look_at_strips(dims, pass, block, tally);
    const struct means to = means_view(dims, tally->sums);
    if (is_first) strata_label_sums_spill(dims, label_sums_room(tally), to.count, to.sum);
}
