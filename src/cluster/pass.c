/* One pass of a rank over its rows: every thread takes a contiguous share, block by block, and each
 * block feeds every live candidate before the next one is fetched.  Sums are exact, so who adds what
 * never shows. */
#include <string.h>

#include "strata/hash.h"

#include "cluster/cluster_impl.h"

#define LOOKS_A_BOUND 4     /* bounds pay when at most one row in so many is looked at */
#define REST_PASSES 20      /* without bounds after they did not pay */
#define MOVERS_A_BOUND 64   /* bounds pay when fewer than one row in so many has moved, */
#define MOVERS_OF_MANY 1024 /* and of many rows one in so many */
#define MOVERS_OF_FEW 512
#define SCRUB_PARTS 256 /* a pass checks one of so many parts of the rows */

struct pass_task {
    const struct strata_fit *fit;
    struct strata_candidate *candidate; /* (n) */
    size_t n;
    size_t block_rows;
};

static struct strata_block block_of(const struct strata_rows *rows,
                                    const struct strata_candidate *candidate, size_t first, size_t n)
{
    return (struct strata_block){.x = rows->x + first * rows->d,
                                 .weight = rows->weight ? rows->weight + first : NULL,
                                 .n = n,
                                 .label = candidate->label + first,
                                 .upper = candidate->has_bounds ? candidate->upper + first : NULL,
                                 .lower = candidate->has_bounds ? candidate->lower + first : NULL};
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
        strata_rows_ahead(fit->rows, share.first + done, n);
        for (size_t i = 0; i < task->n; i++) {
            struct strata_candidate *c = &task->candidate[i];
            if (!c->live) continue;
            const struct strata_block block = block_of(fit->rows, c, share.first + done, n);
            fit->estimator->accumulate(c->dims, c->pass, &block, &c->tally[thread]);
        }
    }
}

/* Whether to keep bounds in this pass: while many rows move, and for some passes after too many had to be
 * looked at in spite of them, they cost more than they save.  A matter of time only. */
static bool bounds_pay(const struct strata_fit *fit, struct strata_candidate *candidate)
{
    if (!candidate->upper || !candidate->started) return false;
    if (candidate->used_bounds && candidate->looked > fit->rows->n_global / LOOKS_A_BOUND)
        candidate->rest = REST_PASSES;
    if (candidate->rest > 0) {
        candidate->rest--;
        return false;
    }
    const uint64_t n = fit->rows->n_global;
    return candidate->moved < n / MOVERS_A_BOUND &&
           candidate->moved < MOVERS_OF_FEW + n / MOVERS_OF_MANY;
}

static void prepare(const struct strata_fit *fit, struct strata_candidate *candidate)
{
    const struct strata_estimator *estimator = fit->estimator;
    const bool had_bounds = candidate->has_bounds;
    candidate->has_bounds = bounds_pay(fit, candidate);
    const double *before = had_bounds && candidate->has_bounds ? candidate->next : NULL;
    candidate->used_bounds = before != NULL;
    estimator->prepare(candidate->dims, candidate->params, before, fit->isa, fit->rows->n,
                       candidate->pass);
    if (!estimator->keeps_sums)
        memset(candidate->mine, 0, candidate->n_stats * sizeof *candidate->mine);
    candidate->moved = candidate->looked = 0;
    candidate->started = true;
}

static void collect(const struct strata_fit *fit, struct strata_candidate *candidate)
{
    for (int thread = 0; thread < strata_pool_threads(fit->pool); thread++) {
        struct strata_tally *tally = &candidate->tally[thread];
        fit->estimator->collect(candidate->dims, tally, candidate->mine);
        candidate->moved += tally->moved;
        candidate->looked += tally->looked;
        tally->moved = tally->looked = 0;
    }
}

void strata_fit_pass(const struct strata_fit *fit, struct strata_candidate *candidate, size_t n)
{
    struct pass_task task = {fit, candidate, n, STRATA_FIT_BLOCK_ROWS};
    for (size_t i = 0; i < n; i++) {
        if (!candidate[i].live) continue;
        const size_t suits = fit->estimator->block_rows(candidate[i].dims);
        if (suits > task.block_rows) task.block_rows = suits;
        prepare(fit, &candidate[i]);
    }
    strata_pool_run(fit->pool, pass_of_thread, &task);
    for (size_t i = 0; i < n; i++)
        if (candidate[i].live) collect(fit, &candidate[i]);
}

void strata_candidate_forget(const struct strata_fit *fit, struct strata_candidate *candidate)
{
    for (size_t row = 0; row < fit->rows->n; row++) candidate->label[row] = STRATA_NO_LABEL;
    memset(candidate->mine, 0, candidate->n_stats * sizeof *candidate->mine);
    candidate->started = candidate->has_bounds = false;
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
