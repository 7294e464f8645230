/* Empty segments are refilled with the rows that are farthest from the centre they have: by falling
 * distance, then by key hash, then by key.
 *
 * The distance is the integer one to the row's own centre in the next params, so a refilled segment
 * lowers the SSE of k-means strictly, and repairs come to an end.  When no row is away from its
 * centre, there are fewer distinct rows than segments: the segment stays empty. */
#include <string.h>

#include "cluster/cluster_impl.h"

struct far_row {
    int64_t distance;
    size_t row;
};

static bool is_farther(const struct strata_rows *rows, struct far_row a, struct far_row b)
{
    if (a.distance != b.distance) return a.distance > b.distance;
    const uint64_t hash_a = rows->key_hash[a.row], hash_b = rows->key_hash[b.row];
    if (hash_a != hash_b) return hash_a < hash_b;
    return strcmp(rows->key[a.row], rows->key[b.row]) < 0;
}

/* This rank's n_wanted farthest rows that are not at their centre, farthest first. */
static size_t farthest_rows(const struct strata_rows *rows, const double *centre,
                            const uint16_t *label, size_t n_wanted, struct far_row *found)
{
    size_t n = 0;
    for (size_t row = 0; row < rows->n; row++) {
        const size_t left = rows->n - row;
        if (row % STRATA_FIT_BLOCK_ROWS == 0)
            strata_rows_ahead(rows, row,
                              left < STRATA_FIT_BLOCK_ROWS ? left : STRATA_FIT_BLOCK_ROWS);
        const double *own = centre + (size_t)label[row] * rows->d;
        const struct far_row now = {strata_distance(own, rows->x + row * rows->d, rows->d), row};
        if (now.distance == 0 || (n == n_wanted && !is_farther(rows, now, found[n - 1]))) continue;
        size_t at = n < n_wanted ? n++ : n - 1;
        for (; at > 0 && is_farther(rows, now, found[at - 1]); at--) found[at] = found[at - 1];
        found[at] = now;
    }
    return n;
}

static bool is_new_point(const struct strata_picked *picked, size_t at, size_t d)
{
    for (size_t i = 0; i < at; i++)
        if (memcmp(picked[i].x, picked[at].x, d * sizeof(float)) == 0) return false;
    return true;
}

/* Give each empty segment the next farthest row at a place that no other one got. */
static uint32_t refill(const struct strata_fit *fit, struct strata_candidate *candidate,
                       const struct strata_picked *picked, size_t n_picked)
{
    double at[STRATA_MAX_DIMENSIONS];
    const size_t d = candidate->dims.d;
    size_t next = 0;
    uint32_t n_refilled = 0;
    for (size_t c = 0; c < candidate->dims.k; c++) {
        if (candidate->mass[c] > 0) continue;
        while (next < n_picked && !is_new_point(picked, next, d)) next++;
        if (next == n_picked) break;
        for (size_t j = 0; j < d; j++) at[j] = (double)picked[next].x[j];
        fit->estimator->place(candidate->dims, c, at, candidate->next);
        next++;
        n_refilled++;
    }
    return n_refilled;
}

strata_status strata_fit_repair(struct strata_fit *fit, struct strata_candidate *candidate,
                                struct strata_err *err)
{
    struct strata_arena scratch = fit->room;
    const struct strata_rows *rows = fit->rows;
    size_t n_empty = 0;
    for (size_t c = 0; c < candidate->dims.k; c++) n_empty += !(candidate->mass[c] > 0);
    double *centre = STRATA_NEW(&scratch, double, candidate->dims.k * rows->d);
    struct far_row *found = STRATA_NEW(&scratch, struct far_row, n_empty);
    struct strata_pick *pick = STRATA_NEW(&scratch, struct strata_pick, n_empty);
    strata_status status = STRATA_OK;
    if (!centre || !found || !pick)
        status =
            STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to refill %zu empty segments", n_empty);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    fit->estimator->centres(candidate->dims, candidate->next, centre);
    const size_t n = farthest_rows(rows, centre, candidate->label, n_empty, found);
    for (size_t i = 0; i < n; i++)
        pick[i] = (struct strata_pick){~(uint64_t)found[i].distance, found[i].row};
    struct strata_picked *picked = NULL;
    size_t n_picked = 0;
    STRATA_TRY(strata_picked_gather(fit->comm, rows, pick, n, &scratch, &picked, &n_picked, err));
    /* Each rank sent as many as may be needed; how many came beyond depends on how many ranks there are. */
    const uint32_t n_refilled =
        refill(fit, candidate, picked, n_picked < n_empty ? n_picked : n_empty);
    candidate->repaired = n_refilled > 0;
    candidate->exhausted = n_refilled == 0;
    candidate->result->repairs += n_refilled;
    return STRATA_OK;
}
