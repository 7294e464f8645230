/* A pass of k-means over the rows of a block: labels, bounds, and sums that follow what moved.
 *
 * A strip of rows is looked at as a whole in a first pass.  Later, bounds tell which of its rows may
 * have moved; these are brought together, measured against their own centre (many segments), and looked
 * at side by side: against all centres, or against the list of those near their own one. */
#include <string.h>

#include "cluster/kmeans_impl.h"

#define STRIP_ROWS 256    /* rows between kernel and sums */
#define FEW_ROWS 32       /* whose labels are compared at once */
#define COPY_FLOATS 16384 /* of rows that are looked at again, side by side: 64 KiB */
#define FULL_LOOK_SHARE \
    3 / 4 /* of a strip's rows: then all of them are looked at, without copies */
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

/* Bring rows together, so that kernels see them as neighbours. */
static void copy_rows(size_t d, const struct strata_kmeans_pass *pass,
                      const struct strata_block *block, const uint32_t *row, size_t n,
                      struct copies *to)
{
    for (size_t i = 0; i < n; i++) {
        const size_t from = row[i];
        memcpy(to->x + i * d, block->x + from * d, d * sizeof(float));
        to->row[i] = row[i];
        to->label[i] = block->label[from];
        to->lower[i] = strata_lower_now(block->lower[from], pass->drift.other[to->label[i]]);
    }
    to->n = n;
}

/* The true distance to the own centre may be enough after all; what is left stays in copies. */
static void settle_by_own(size_t d, const struct strata_kmeans_pass *pass,
                          const struct strata_block *block, struct copies *copies)
{
    strata_centres_own(pass->centres, copies->x, copies->n, copies->label, copies->upper);
    size_t n = 0;
    for (size_t i = 0; i < copies->n; i++) {
        const uint16_t own = copies->label[i];
        const float gap = pass->half_gap[own];
        const float reach = copies->lower[i] > gap ? copies->lower[i] : gap;
        block->upper[copies->row[i]] = strata_upper_kept(copies->upper[i], pass->drift.own[own]);
        if (copies->upper[i] < reach) continue;
        if (n != i) {
            memcpy(copies->x + n * d, copies->x + i * d, d * sizeof(float));
            copies->row[n] = copies->row[i];
            copies->label[n] = own;
        }
        n++;
    }
    copies->n = n;
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

static size_t rows_at_once(size_t d)
{
    return COPY_FLOATS / d < STRIP_ROWS ? COPY_FLOATS / d : STRIP_ROWS;
}

/* Look only at the rows of a strip that may have moved. */
static void look_again(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                       const struct strata_block *strip, struct strata_tally *tally)
{
    struct room *room = tally->scratch;
    struct copies *copies = &room->copies;
    const size_t n = strata_bounds_check(&pass->drift, strip->label, strip->upper, strip->lower,
                                         strip->n, room->row);
    if (n > strip->n * FULL_LOOK_SHARE) {
        look_at_all(dims, pass, strip, tally);
        return;
    }
    const size_t at_once = rows_at_once(dims.d);
    for (size_t first = 0; first < n; first += at_once) {
        copy_rows(dims.d, pass, strip, room->row + first, n - first < at_once ? n - first : at_once,
                  copies);
        if (dims.k >= OWN_FIRST_SEGMENTS) settle_by_own(dims.d, pass, strip, copies);
        if (copies->n > 0) look_at_copies(dims, pass, strip, copies, tally);
    }
}

/* --- with lists of near centres -------------------------------------------------------- */

/* The rows of a block that must be looked at again; their upper bounds are as good as can be. */
static size_t rows_that_remain(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                               const struct strata_block *block, struct room *room)
{
    const size_t at_once = rows_at_once(dims.d);
    size_t n_rows = 0;
    for (size_t first = 0; first < block->n; first += at_once) {
        const size_t left = block->n - first, n = left < at_once ? left : at_once;
        uint32_t aged[STRIP_ROWS];
        const size_t n_aged =
            strata_bounds_check(&pass->drift, block->label + first, block->upper + first,
                                block->lower + first, n, aged);
        for (size_t i = 0; i < n_aged; i++) aged[i] += (uint32_t)first;
        copy_rows(dims.d, pass, block, aged, n_aged, &room->copies);
        settle_by_own(dims.d, pass, block, &room->copies);
        for (size_t i = 0; i < room->copies.n; i++) room->row[n_rows++] = room->copies.row[i];
    }
    return n_rows;
}

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
    sort_by_list(dims.k, pass, block, rows_that_remain(dims, pass, block, room), room);
    for (size_t list = 0; list <= dims.k; list++) {
        const size_t end = room->first[list + 1];
        for (size_t first = room->first[list]; first < end; first += at_once) {
            copy_rows(dims.d, pass, block, room->sorted + first,
                      end - first < at_once ? end - first : at_once, copies);
            if (list == dims.k) {
                look_at_copies(dims, pass, block, copies, tally);
            } else {
                look_by_list(pass, (uint16_t)list, block, copies);
                put_back(dims, pass, block, copies, tally);
            }
        }
    }
}

void strata_kmeans_rows(struct strata_dims dims, const struct strata_kmeans_pass *pass,
                        const struct strata_block *block, struct strata_tally *tally)
{
    const bool follows = pass->has_bounds && block->upper;
    const bool is_first = block->n > 0 && block->label[0] == STRATA_NO_LABEL;
    if (follows && pass->near.m > 0 && block->n <= STRATA_KMEANS_LIST_ROWS) {
        look_by_lists(dims, pass, block, tally);
        return;
    }
    for (size_t first = 0; first < block->n; first += STRIP_ROWS) {
        const size_t left = block->n - first;
        const struct strata_block strip =
            strip_of(block, dims.d, first, left < STRIP_ROWS ? left : STRIP_ROWS);
        if (follows)
            look_again(dims, pass, &strip, tally);
        else
            look_at_all(dims, pass, &strip, tally);
    }
    const struct means to = means_view(dims, tally->sums);
    if (is_first) strata_label_sums_spill(dims, label_sums_room(tally), to.count, to.sum);
}
