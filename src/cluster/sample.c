/* A sample of the customers that is a function of their keys and the seed alone.
 *
 * The sample is the m customers with the smallest hash of (seed, key), in the order of the hashes, so
 * that a smaller sample is a prefix of a larger one.  A histogram of the hashes, summed over ranks,
 * tells below which value they lie; only those rows and about 1 in 1,000 more travel.  The histogram
 * covers hashes below 2^64 / 2^s, where 2 m to 4 m of the rows are expected.
 *
 * Cost: two hashes a row, 16 n bytes read. */
#include <string.h>

#include "strata/random.h"

#include "cluster/cluster_impl.h"

#define BIN_BITS 12
#define BINS (1u << BIN_BITS)
#define STRIP_ROWS 512

size_t strata_sample_rows(uint64_t n_rows, size_t k)
{
    const size_t wanted = k * STRATA_SAMPLE_ROWS_A_SEGMENT;
    const size_t m = wanted > STRATA_SAMPLE_ROWS ? wanted : STRATA_SAMPLE_ROWS;
    return n_rows < m ? (size_t)n_rows : m;
}

uint64_t strata_seeding_bytes(const struct strata_config *config, uint64_t n_rows, size_t k,
                              size_t d)
{
    const uint64_t m = strata_sample_rows(n_rows, k);
    const uint64_t a_row = d * sizeof(float), travelling = 3 * (2 * a_row + 256);
    const uint64_t sample = m * (2 * a_row + travelling + 128) + 2 * BINS * sizeof(int64_t);
    if (config->model.seeding != STRATA_SEEDING_PARALLEL) return sample;
    return sample + strata_oversample_bytes(n_rows, k, d);
}

/* A look at the hashes of all rows of this rank. */
struct search {
    const struct strata_fit *fit;
    unsigned skip;            /* leading bits that must be 0 */
    uint64_t last;            /* bin of the bits after those: later ones do not count */
    int64_t *bin;             /* (BINS) rows of each; or NULL: */
    struct strata_pick *pick; /* room for all rows up to the last bin */
    size_t n_picks;
};

static void search_rows(struct search *search)
{
    const struct strata_rows *rows = search->fit->rows;
    uint64_t hash[STRIP_ROWS];
    for (size_t first = 0; first < rows->n; first += STRIP_ROWS) {
        const size_t left = rows->n - first, n = left < STRIP_ROWS ? left : STRIP_ROWS;
        strata_random_fill(search->fit->config->model.seed, STRATA_PURPOSE_SAMPLE,
                           rows->key_hash + first, n, 0, hash);
        for (size_t i = 0; i < n; i++) {
            if (hash[i] > UINT64_MAX >> search->skip) continue;
            const uint64_t bin = hash[i] << search->skip >> (64 - BIN_BITS);
            if (bin > search->last) continue;
            if (search->bin)
                search->bin[bin]++;
            else
                search->pick[search->n_picks++] = (struct strata_pick){hash[i], first + i};
        }
    }
}

static size_t rows_up_to(const int64_t *bin, uint64_t last)
{
    uint64_t n = 0;
    for (uint64_t b = 0; b <= last; b++) n += (uint64_t)bin[b];
    return (size_t)n;
}

/* The last bin that is needed for m rows. */
static uint64_t last_bin(const int64_t *bin, uint64_t m)
{
    uint64_t last = 0, n = (uint64_t)bin[0];
    while (n < m) n += (uint64_t)bin[++last]; /* ends: all bins hold m rows */
    return last;
}

/* Which bins hold the m smallest hashes.  mine and all (BINS) receive rows by bin, of this rank and of
 * all.  Collective: one sum, hardly ever another. */
static struct search find_bins(const struct strata_fit *fit, uint64_t m, int64_t *mine, int64_t *all)
{
    struct search search = {.fit = fit, .last = BINS - 1, .bin = mine};
    while (fit->rows->n_global >> (search.skip + 1) >= 2 * m) search.skip++;
    for (;; search.skip /= 2) {
        memset(mine, 0, BINS * sizeof *mine);
        search_rows(&search);
        memcpy(all, mine, BINS * sizeof *all);
        strata_comm_sum(fit->comm, all, BINS);
        if (search.skip == 0 || rows_up_to(all, BINS - 1) >= m) break;
    }
    search.last = last_bin(all, m);
    search.bin = NULL;
    return search;
}

static void take_rows(const struct strata_picked *picked, size_t m, size_t d, float *x,
                      uint64_t *weight)
{
    for (size_t i = 0; i < m; i++) {
        memcpy(x + i * d, picked[i].x, d * sizeof *x);
        if (weight) weight[i] = picked[i].weight;
    }
}

strata_status strata_fit_sample(struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_rows *rows = fit->rows;
    const size_t m = strata_sample_rows(rows->n_global, fit->k_to);
    float *x = STRATA_NEW(&fit->room, float, m * rows->d);
    uint64_t *weight = rows->weight ? STRATA_NEW(&fit->room, uint64_t, m) : NULL;
    struct strata_arena scratch = fit->room;
    int64_t *mine = STRATA_NEW(&scratch, int64_t, BINS), *all = STRATA_NEW(&scratch, int64_t, BINS);
    strata_status status = STRATA_OK;
    if (!x || (rows->weight && !weight) || !mine || !all)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a sample of %zu rows", m);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    struct search search = find_bins(fit, m, mine, all);
    const size_t n_mine = rows_up_to(mine, search.last);
    search.pick = STRATA_NEW(&scratch, struct strata_pick, n_mine);
    if (!search.pick)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu rows of a sample", n_mine);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    search_rows(&search);

    struct strata_picked *picked = NULL;
    size_t n = 0;
    STRATA_TRY(strata_picked_gather(fit->comm, rows, search.pick, search.n_picks, &scratch, &picked,
                                    &n, err));
    STRATA_REQUIRE(n >= m);
    take_rows(picked, m, rows->d, x, weight);
    fit->sample = (struct strata_sample){.n = m, .x = x, .weight = weight, .is_prefix = true};
    if (fit->config->model.seeding == STRATA_SEEDING_PARALLEL)
        return strata_fit_oversample(fit, err);
    return STRATA_OK;
}

void strata_sums_reduce(struct strata_comm *comm, struct strata_sum *sums, size_t n, int64_t *limbs)
{
    strata_sum_to_limbs(sums, n, limbs);
    strata_comm_sum(comm, limbs, n * STRATA_SUM_LIMBS);
    strata_sum_from_limbs(limbs, n, sums);
}
