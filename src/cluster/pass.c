/* One pass of a rank over its rows: every thread takes a contiguous share, block by block, and each
 * block feeds every live candidate before the next one is fetched.  Sums are exact, so who adds what
 * never shows. */
#include <string.h>

#include "strata/hash.h"

#include "cluster/cluster_impl.h"

/* Bounds pay when few rows are looked at in spite of them: they are taken up below one share of the rows,
 * and given up above the other.  Until then one block in so many keeps them, to tell. */
#define TAKE_UP_SHARE 0.25
#define GIVE_UP_SHARE 0.40
#define PROBE_BLOCKS 32
#define SCRUB_PARTS 256 /* a pass checks one of so many parts of the rows */

struct pass_task {
    const struct strata_fit *fit;
    struct strata_candidate *candidate; /* (n) */
    size_t n;
    size_t block_rows;
};

static struct strata_block block_of(const struct strata_rows *rows,
                                    const struct strata_candidate *candidate, size_t first,
                                    size_t n, bool is_probe)
{
    const bool bound = candidate->bounds == STRATA_BOUNDS_ALL ||
                       (candidate->bounds == STRATA_BOUNDS_PROBE && is_probe);
    return (struct strata_block){.x = rows->x + first * rows->d,
                                 .weight = rows->weight ? rows->weight + first : NULL,
                                 .n = n,
                                 .label = candidate->label + first,
                                 .upper = bound ? candidate->upper + first : NULL,
                                 .lower = bound ? candidate->lower + first : NULL};
}

static void pass_of_thread(void *context, int thread)
{
    const struct pass_task *task = context;
    const struct strata_fit *fit = task->fit;
    const struct strata_share share = strata_share_of(fit->rows->n, STRATA_FIT_BLOCK_ROWS, thread,
                                                      strata_pool_threads(fit->pool));
    for (size_t done = 0; done < share.n; done += task->block_rows) {
        const size_t left = share.n - done;
        const size_t n = left < task->block_rows ? left : task->block_rows;
        const bool is_probe = done / task->block_rows % PROBE_BLOCKS == 0;
        strata_rows_ahead(fit->rows, share.first + done, n);
        for (size_t i = 0; i < task->n; i++) {
            struct strata_candidate *c = &task->candidate[i];
            if (!c->live) continue;
            const struct strata_block block =
                block_of(fit->rows, c, share.first + done, n, is_probe);
            fit->estimator->accumulate(c->dims, c->pass, &block, &c->tally[thread]);
        }
    }
}

/* Which rows to keep bounds of in this pass.  A matter of time only: each rank goes by its own rows. */
static enum strata_bounds bounds_that_pay(const struct strata_candidate *candidate)
{
    if (!candidate->upper || !candidate->started) return STRATA_BOUNDS_NONE;
    if (candidate->checked == 0)
        return candidate->bounds == STRATA_BOUNDS_ALL ? STRATA_BOUNDS_ALL : STRATA_BOUNDS_PROBE;
    const double share = (double)candidate->unsettled / (double)candidate->checked;
    const bool all = candidate->bounds == STRATA_BOUNDS_ALL;
    return share < (all ? GIVE_UP_SHARE : TAKE_UP_SHARE) ? STRATA_BOUNDS_ALL : STRATA_BOUNDS_PROBE;
}

static void prepare(const struct strata_fit *fit, struct strata_candidate *candidate,
                    size_t block_rows)
{
    const struct strata_estimator *estimator = fit->estimator;
    const enum strata_bounds had = candidate->bounds, now = bounds_that_pay(candidate);
    /* Bounds of some rows are none of all, nor of other blocks'. */
    const bool hold =
        now != STRATA_BOUNDS_NONE &&
        (had == STRATA_BOUNDS_ALL || (had == now && candidate->block_rows == block_rows));
    estimator->prepare(candidate->dims, candidate->params, hold ? candidate->next : NULL, fit->isa,
                       fit->rows->n, candidate->pass);
    candidate->bounds = now;
    candidate->block_rows = block_rows;
    if (!estimator->keeps_sums)
        memset(candidate->mine, 0, candidate->n_stats * sizeof *candidate->mine);
    candidate->moved = candidate->looked = 0;
    candidate->checked = candidate->unsettled = 0;
    candidate->started = true;
}

static void collect(const struct strata_fit *fit, struct strata_candidate *candidate)
{
    for (int thread = 0; thread < strata_pool_threads(fit->pool); thread++) {
        struct strata_tally *tally = &candidate->tally[thread];
        fit->estimator->collect(candidate->dims, tally, candidate->mine);
        candidate->moved += tally->moved;
        candidate->looked += tally->looked;
        candidate->checked += tally->checked;
        candidate->unsettled += tally->unsettled;
        tally->moved = tally->looked = tally->checked = tally->unsettled = 0;
    }
}

void strata_fit_pass(const struct strata_fit *fit, struct strata_candidate *candidate, size_t n)
{
    struct pass_task task = {fit, candidate, n, STRATA_FIT_BLOCK_ROWS};
    for (size_t i = 0; i < n; i++) {
        if (!candidate[i].live) continue;
        const size_t suits = fit->estimator->block_rows(candidate[i].dims);
        if (suits > task.block_rows) task.block_rows = suits;
    }
    for (size_t i = 0; i < n; i++)
        if (candidate[i].live) prepare(fit, &candidate[i], task.block_rows);
    strata_pool_run(fit->pool, pass_of_thread, &task);
    for (size_t i = 0; i < n; i++)
        if (candidate[i].live) collect(fit, &candidate[i]);
}

void strata_candidate_forget(const struct strata_fit *fit, struct strata_candidate *candidate)
{
    for (size_t row = 0; row < fit->rows->n; row++) candidate->label[row] = STRATA_NO_LABEL;
    memset(candidate->mine, 0, candidate->n_stats * sizeof *candidate->mine);
    candidate->started = false;
    candidate->bounds = STRATA_BOUNDS_NONE;
}

/* --- checksums ------------------------------------------------------------------------- */

static uint64_t block_checksum(const struct strata_rows *rows, size_t block)
{
    const size_t first = block * STRATA_FIT_BLOCK_ROWS, left = rows->n - first;
    const size_t n = left < STRATA_FIT_BLOCK_ROWS ? left : STRATA_FIT_BLOCK_ROWS;
    strata_rows_ahead(rows, first, n);
    return strata_hash(rows->x + first * rows->d, n * rows->d * sizeof *rows->x);
}

bool strata_scrub_start(const struct strata_rows *rows, struct strata_arena *room,
                        struct strata_scrub *scrub)
{
    const size_t n_blocks = (rows->n + STRATA_FIT_BLOCK_ROWS - 1) / STRATA_FIT_BLOCK_ROWS;
    *scrub = (struct strata_scrub){.checksum = STRATA_NEW(room, uint64_t, n_blocks),
                                   .n_blocks = n_blocks};
    if (!scrub->checksum) return false;
    for (size_t block = 0; block < n_blocks; block++)
        scrub->checksum[block] = block_checksum(rows, block);
    return true;
}

void strata_scrub_step(const struct strata_rows *rows, struct strata_scrub *scrub)
{
    const size_t n = (scrub->n_blocks + SCRUB_PARTS - 1) / SCRUB_PARTS;
    for (size_t i = 0; i < n; i++) {
        scrub->n_damaged += block_checksum(rows, scrub->next) != scrub->checksum[scrub->next];
        scrub->next = (scrub->next + 1) % scrub->n_blocks;
    }
}
