/* The customers with the smallest hashes of their keys.
 *
 * A histogram of the hashes below a limit, summed over ranks, tells up to which bin the m smallest lie; only
 * those rows travel.  The limit is twice where the m-th is expected, and is raised until there are m.
 *
 * Cost: 8 bytes of each row, n at a time in order; then the rows picked. */
#include <string.h>

#include "strata/customer_sample.h"

#include "cluster/cluster_impl.h"

#define BINS 4096u
#define ROOM_FACTOR 16 /* rows kept on the way for each of the sample */

struct search {
    const struct strata_rows *rows;
    uint64_t width;           /* of a bin; hashes from BINS of them on are not looked at */
    int64_t *bin;             /* (BINS) rows found, of all ranks after the sum */
    struct strata_pick *pick; /* (room) */
    size_t room, n;           /* n found, the first of them kept */
};

/* So wide that twice the sample is expected in all bins. */
static uint64_t width_for(uint64_t n_rows, size_t most)
{
    if (n_rows <= 2 * (uint64_t)most) return UINT64_MAX / BINS + 1;
    return UINT64_MAX / n_rows * (2 * (uint64_t)most) / BINS + 1;
}

static void find_rows(struct search *search)
{
    search->n = 0;
    memset(search->bin, 0, BINS * sizeof *search->bin);
    for (size_t row = 0; row < search->rows->n; row++) {
        const uint64_t hash = search->rows->key_hash[row], bin = hash / search->width;
        if (bin >= BINS) continue;
        search->bin[bin]++;
        if (search->n < search->room) search->pick[search->n] = (struct strata_pick){hash, row};
        search->n++;
    }
}

/* Until there are m of them on all ranks.  Collective. */
static void find_enough(struct strata_comm *comm, struct search *search, size_t m)
{
    for (uint64_t found = 0; found < m;) {
        find_rows(search);
        strata_comm_sum(comm, search->bin, BINS);
        found = 0;
        for (size_t b = 0; b < BINS; b++) found += (uint64_t)search->bin[b];
        const bool widest = search->width > UINT64_MAX / BINS / 4;
        search->width =
            found < m ? (widest ? UINT64_MAX / BINS + 1 : search->width * 4) : search->width;
    }
}

/* Those up to the last bin that m rows need together move to the front; returns their number. */
static size_t keep_smallest(struct search *search, size_t m)
{
    size_t last = 0, n = 0;
    for (uint64_t seen = (uint64_t)search->bin[0]; seen < m;) seen += (uint64_t)search->bin[++last];
    for (size_t i = 0; i < search->n; i++)
        if (search->pick[i].order / search->width <= last) search->pick[n++] = search->pick[i];
    return n;
}

size_t strata_customer_sample_bytes(size_t most, size_t d)
{
    const size_t a_row = d * sizeof(float), travelling = 3 * (a_row + 256);
    return most * (a_row + travelling + ROOM_FACTOR * sizeof(struct strata_pick)) +
           BINS * sizeof(int64_t);
}

strata_status strata_customer_sample_draw(struct strata_comm *comm, const struct strata_rows *rows,
                                          size_t most, struct strata_arena *keep,
                                          struct strata_customer_sample *out, struct strata_err *err)
{
    const size_t m = rows->n_global < most ? (size_t)rows->n_global : most;
    struct search search = {.rows = rows,
                            .width = width_for(rows->n_global, most),
                            .room = rows->n < ROOM_FACTOR * m ? rows->n : ROOM_FACTOR * m};
    float *x = STRATA_NEW(keep, float, m * rows->d);
    struct strata_arena scratch = *keep;
    search.bin = STRATA_NEW(&scratch, int64_t, BINS);
    search.pick = STRATA_NEW(&scratch, struct strata_pick, search.room);
    strata_status status = STRATA_OK;
    if (!x || !search.bin || !search.pick)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a sample of %zu customers", m);
    STRATA_TRY(strata_comm_agree(comm, status, err));

    find_enough(comm, &search, m);
    if (search.n > search.room)
        status =
            STRATA_FAIL(err, STRATA_E_DATA,
                        "%zu customers cannot be told apart by the hashes of their keys", search.n);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    struct strata_picked *picked = NULL;
    size_t n_picked = 0;
    STRATA_TRY(strata_picked_gather(comm, rows, search.pick, keep_smallest(&search, m), &scratch,
                                    &picked, &n_picked, err));
    STRATA_REQUIRE(n_picked >= m);
    for (size_t i = 0; i < m; i++) memcpy(x + i * rows->d, picked[i].x, rows->d * sizeof *x);
    *out = (struct strata_customer_sample){.n = m, .d = rows->d, .x = x};
    return STRATA_OK;
}
