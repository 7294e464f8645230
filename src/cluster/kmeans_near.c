/* Lists of near centres, for many segments.
 *
 * Let u be a row's distance from its own centre c, and r(c) such that every centre outside of c's list
 * is at least r(c) away from c.  Then such a centre is at least r(c) - u away from the row; so when
 * 2 u < r(c) the nearest one is in the list, and the second nearest is not nearer than the smaller of
 * the list's second and r(c) - u.  (Newling & Fleuret, 2016, after Elkan, 2003)
 *
 * Cost: k^2 d operations a pass, 2 m d instead of 2 k d for a row that is looked at. */
#include <math.h>
#include <string.h>

#include "strata/config.h"

#include "cluster/kmeans_impl.h"

#define FEWEST_SEGMENTS 96              /* below, a look at all of them is as quick */
#define SHARE_OF_SEGMENTS 8             /* a list holds one of so many of them, */
#define SHORTEST 32                     /* but not fewer than this */
#define LARGEST_BYTES ((size_t)1 << 26) /* of all lists */

static size_t list_size(struct strata_dims dims)
{
    if (dims.k < FEWEST_SEGMENTS) return 0;
    const size_t share = dims.k / SHARE_OF_SEGMENTS;
    return share > SHORTEST ? share : SHORTEST;
}

static size_t list_bytes(struct strata_dims dims)
{
    return strata_aligned(
        strata_centres_bytes((struct strata_dims){.k = list_size(dims), .d = dims.d}));
}

/* One list's centres in double, and one row of distances: room that is used again for each list. */
static size_t work_bytes(struct strata_dims dims)
{
    return strata_aligned(list_size(dims) * dims.d * sizeof(double)) * dims.k +
           2 * strata_aligned(dims.k * sizeof(double)) +
           strata_aligned(dims.k * dims.d * sizeof(double));
}

size_t strata_near_bytes(struct strata_dims dims)
{
    const size_t m = list_size(dims);
    if (m == 0) return 0;
    const size_t n_bytes = dims.k * list_bytes(dims) + work_bytes(dims) +
                           strata_aligned(dims.k * m * sizeof(uint16_t)) +
                           strata_aligned(dims.k * sizeof(float)) +
                           strata_aligned(dims.k * sizeof(void *));
    return n_bytes <= LARGEST_BYTES ? n_bytes : 0;
}

static void *take(unsigned char **next, size_t n_bytes)
{
    void *piece = *next;
    *next += strata_aligned(n_bytes);
    return piece;
}

/* Squared distances from one centre to all; columns stand together so that compilers take several. */
static void fill_squares(struct strata_dims dims, const double *by_column, size_t from,
                         double *square)
{
    memset(square, 0, dims.k * sizeof *square);
    for (size_t j = 0; j < dims.d; j++) {
        const double *column = by_column + j * dims.k, own = column[from];
        for (size_t c = 0; c < dims.k; c++) square[c] += (column[c] - own) * (column[c] - own);
    }
}

/* The m-th smallest of n values, counted from 0; reorders them. */
static double nth_smallest(double *value, size_t n, size_t m)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        const double pivot = value[low + (high - low) / 2];
        size_t i = low, j = high;
        while (i <= j) {
            while (value[i] < pivot) i++;
            while (value[j] > pivot) j--;
            if (i > j) break;
            const double held = value[i];
            value[i++] = value[j];
            value[j] = held;
            if (j == 0) break;
            j--;
        }
        if (m <= j)
            high = j;
        else if (m >= i)
            low = i;
        else
            return value[m];
    }
    return value[m];
}

/* The m centres nearest to one, itself among them, ascending; returns the square of the radius. */
static double fill_list(size_t k, size_t m, size_t own, const double *square, double *work,
                        uint16_t *index)
{
    memcpy(work, square, k * sizeof *work);
    const double limit = nth_smallest(work, k, m);
    size_t n = 0, n_nearer = 0;
    for (size_t c = 0; c < k; c++) n_nearer += square[c] < limit;
    size_t n_at_limit = m - n_nearer; /* at least 0: at most m values are below the m-th */
    bool has_own = false;
    for (size_t c = 0; c < k && n < m; c++) {
        if (square[c] > limit) continue;
        if (!(square[c] < limit)) {
            if (n_at_limit == 0) continue;
            n_at_limit--;
        }
        has_own |= c == own;
        index[n++] = (uint16_t)c;
    }
    return has_own ? limit : 0; /* 0: all of them stand at one place; the list is of no use */
}

static double nearest_other(size_t k, size_t own, const double *square)
{
    double nearest = HUGE_VAL;
    for (size_t c = 0; c < k; c++)
        if (c != own && square[c] < nearest) nearest = square[c];
    return nearest;
}

void strata_near_make(struct strata_dims dims, const double *centre, enum strata_isa isa,
                      void *room, float *half_gap, struct strata_near *near)
{
    const size_t k = dims.k, d = dims.d, m = list_size(dims);
    unsigned char *next = room;
    near->m = m;
    near->index = take(&next, k * m * sizeof *near->index);
    near->radius = take(&next, k * sizeof *near->radius);
    near->centres = take(&next, k * sizeof *near->centres);
    double *square = take(&next, k * sizeof *square), *work = take(&next, k * sizeof *work);
    double *by_column = take(&next, k * d * sizeof *by_column);
    for (size_t c = 0; c < k; c++)
        for (size_t j = 0; j < d; j++) by_column[j * k + c] = centre[c * d + j];
    for (size_t c = 0; c < k; c++) {
        uint16_t *index = near->index + c * m;
        fill_squares(dims, by_column, c, square);
        near->radius[c] = (float)(sqrt(fill_list(k, m, c, square, work, index)) * ROUND_DOWN);
        half_gap[c] = (float)(sqrt(nearest_other(k, c, square)) * 0.5 * ROUND_DOWN);
        double *own = take(&next, m * d * sizeof *own);
        for (size_t i = 0; i < m; i++) memcpy(own + i * d, centre + index[i] * d, d * sizeof *own);
        near->centres[c] = strata_centres_make((struct strata_dims){.k = m, .d = d}, own, isa,
                                               take(&next, list_bytes(dims)));
    }
}
