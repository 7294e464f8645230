/* Greedy k-means++ against a naive version of it: the same rows, whatever the kernel; weights; ends. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "cluster/cluster_impl.h"
#include "fit_asserts.h"

static const enum strata_isa isas[] = {STRATA_ISA_SCALAR, STRATA_ISA_AVX2, STRATA_ISA_AVX512};
#define N_ISAS (sizeof isas / sizeof *isas)

static bool is_here(enum strata_isa isa)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (isa == STRATA_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == STRATA_ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
    return isa == STRATA_ISA_SCALAR;
}

struct rows {
    size_t n, d;
    float *x;
    uint64_t *weight; /* or NULL */
};

/* Rows of magnitude 2^bits at most, some of them equal. */
static struct rows rows_new(size_t n, size_t d, int bits, bool weighted, uint64_t seed)
{
    struct rows rows = {.n = n, .d = d, .x = crowd_room(n * d, sizeof *rows.x)};
    for (size_t i = 0; i < n * d; i++) {
        const size_t row = i / d % 7 == 3 ? i / d - 1 : i / d;
        const double unit = strata_random_unit(seed, STRATA_PURPOSE_TEST, row, i % d);
        rows.x[i] = (float)crowd_round((2 * unit - 1) * ldexp(1.0, bits));
    }
    if (weighted) rows.weight = crowd_room(n, sizeof *rows.weight);
    for (size_t i = 0; i < n && weighted; i++)
        rows.weight[i] = 1 + strata_random_below(seed, STRATA_PURPOSE_TEST, i, 1 << 20, 1 << 20);
    return rows;
}

static void rows_free(struct rows *rows)
{
    free(rows->x);
    free(rows->weight);
}

/* A potential in a room of its own; *room is to be freed. */
static struct strata_potential *potential_new(const struct rows *rows, size_t n_used,
                                              enum strata_isa isa, void **room)
{
    const size_t points = (strata_points_bytes(rows->n, rows->d) + 63) & ~(size_t)63;
    const size_t bytes = (points + strata_potential_bytes(n_used) + 127) & ~(size_t)63;
    unsigned char *at = *room = aligned_alloc(64, bytes);
    if (!at) abort();
    memset(at, 0xee, bytes);
    return strata_potential_make(strata_points_make(rows->n, rows->d, rows->x, isa, at), n_used,
                                 rows->weight, at + points);
}

/* --- the naive version ----------------------------------------------------------------- */

static uint64_t naive_between(const struct rows *rows, size_t a, size_t b)
{
    int64_t sum = 0;
    for (size_t j = 0; j < rows->d; j++) {
        const int64_t t = (int64_t)rows->x[a * rows->d + j] - (int64_t)rows->x[b * rows->d + j];
        sum += t * t;
    }
    return (uint64_t)sum;
}

/* The total over n rows with centres at the rows of index (k), and one more row. */
static strata_uint128 naive_total(const struct rows *rows, size_t n, const int64_t *index, size_t k,
                                  size_t more)
{
    strata_uint128 total = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t closest = naive_between(rows, i, more);
        for (size_t c = 0; c < k; c++) {
            const uint64_t distance = naive_between(rows, i, (size_t)index[c]);
            if (distance < closest) closest = distance;
        }
        total += (strata_uint128)(rows->weight ? rows->weight[i] : 1) * closest;
    }
    return total;
}

Test(seeding, what_would_be_left_is_the_naive_sum_for_every_kernel, .timeout = 50)
{
    static const struct {
        size_t n, d, used;
        int bits;
    } cases[] = {{300, 3, 300, 16}, {300, 3, 300, 24}, {64, 1, 64, 24},    {9, 17, 9, 20},
                 {7, 2, 7, 10},     {1, 1, 1, 5},      {530, 16, 512, 18}, {300, 512, 265, 19},
                 {520, 5, 257, 24}, {40, 512, 40, 24}, {16, 4, 16, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t e = 0; e < 2 * N_ISAS; e++) {
            const size_t used = cases[i].used;
            if (!is_here(isas[e / 2])) continue;
            struct rows rows = rows_new(cases[i].n, cases[i].d, cases[i].bits, e % 2, i);
            void *room = NULL;
            struct strata_potential *p = potential_new(&rows, used, isas[e / 2], &room);
            strata_uint128 weights = 0, left[11];
            for (size_t row = 0; row < used; row++) weights += rows.weight ? rows.weight[row] : 1;
            cr_assert(strata_potential_total(p) == weights);
            int64_t index[3];
            for (size_t k = 0; k < 3; k++) {
                index[k] = (int64_t)(k * 31 % used);
                strata_potential_accept(p, (size_t)index[k]);
                const strata_uint128 total = strata_potential_total(p);
                cr_assert(total == naive_total(&rows, used, index, k, (size_t)index[k]));
                size_t row[11];
                for (size_t t = 0; t < 11; t++) row[t] = (t * 97 + k) % used;
                strata_potential_try(p, row, 11, left);
                for (size_t t = 0; t < 11; t++)
                    cr_assert(left[t] == naive_total(&rows, used, index, k + 1, row[t]),
                              "case %zu kernel %zu trial %zu", i, e, t);
            }
            free(room);
            rows_free(&rows);
        }
}

Test(seeding, a_number_below_the_total_finds_the_row_whose_share_it_is)
{
    struct rows rows = rows_new(700, 2, 12, true, 3);
    void *room = NULL;
    struct strata_potential *p = potential_new(&rows, rows.n, STRATA_ISA_SCALAR, &room);
    for (size_t k = 0; k < 3; k++) {
        strata_uint128 at = 0;
        for (size_t row = 0; row < rows.n; row++) {
            const strata_uint128 share =
                (strata_uint128)rows.weight[row] * (uint64_t)strata_potential_closest(p, row);
            if (share == 0) continue;
            cr_assert_eq(strata_potential_find(p, at), row);
            cr_assert_eq(strata_potential_find(p, at + share - 1), row);
            at += share;
        }
        cr_assert(at == strata_potential_total(p));
        strata_potential_accept(p, k * 300);
    }
    free(room);
    rows_free(&rows);
}

/* Greedy k-means++ as it would be written without care: O(n k^2 d). */
static void naive_seed(const struct rows *rows, size_t n, size_t k, uint64_t seed, uint32_t start,
                       int64_t *index)
{
    uint64_t n_draws = 0;
    const uint64_t what = (uint64_t)k << 32 | start;
    for (size_t c = 0; c < k; c++) {
        strata_uint128 share[600], total = 0, lowest = ~(strata_uint128)0;
        for (size_t i = 0; i < n; i++) {
            uint64_t closest = c == 0;
            if (c > 0) closest = naive_between(rows, i, (size_t)index[0]);
            for (size_t b = 1; b < c; b++) {
                const uint64_t distance = naive_between(rows, i, (size_t)index[b]);
                if (distance < closest) closest = distance;
            }
            share[i] = (strata_uint128)(rows->weight ? rows->weight[i] : 1) * closest;
            total += share[i];
        }
        const int n_trials = c == 0 ? 1 : 2 + (int)log((double)k);
        for (int t = 0; t < n_trials; t++) {
            const uint64_t high = strata_random_bits(seed, STRATA_PURPOSE_SEEDING, what, n_draws++);
            const uint64_t low = strata_random_bits(seed, STRATA_PURPOSE_SEEDING, what, n_draws++);
            /* (high 2^64 + low) total / 2^128 for totals below 2^96, whose product with low's upper
             * half decides but for one case in 2^32. */
            cr_assert(total < (strata_uint128)1 << 96);
            const strata_uint128 t1 = total >> 64, t0 = (uint64_t)total;
            const strata_uint128 middle =
                ((t0 * low) >> 64) + (uint64_t)(t0 * high) + (uint64_t)(t1 * low);
            strata_uint128 at =
                t1 * high + ((t0 * high) >> 64) + ((t1 * low) >> 64) + (middle >> 64);
            size_t row = 0;
            while (at >= share[row]) at -= share[row++];
            const strata_uint128 left = c == 0 ? 0 : naive_total(rows, n, index, c, row);
            if (left >= lowest) continue;
            lowest = left;
            index[c] = (int64_t)row;
        }
    }
}

Test(seeding, rows_chosen_are_those_of_the_naive_version, .timeout = 50)
{
    bool chosen[600];
    int64_t index[20], naive[20];
    for (uint64_t seed = 0; seed < 6; seed++)
        for (size_t e = 0; e < N_ISAS; e++) {
            struct rows rows =
                rows_new(200 + 50 * seed, 1 + seed % 4, seed % 2 ? 24 : 12, seed % 3 == 1, seed);
            void *room = NULL;
            if (!is_here(isas[e])) continue;
            for (size_t k = 1; k <= 20; k += 5) {
                struct strata_draws draws = {.seed = seed, .what = (uint64_t)k << 32 | 3};
                memset(chosen, 0, sizeof chosen);
                strata_seed_indices(potential_new(&rows, rows.n, isas[e], &room), rows.n, k, &draws,
                                    chosen, index);
                naive_seed(&rows, rows.n, k, seed, 3, naive);
                cr_assert_eq(memcmp(index, naive, k * sizeof *index), 0);
                free(room);
            }
            rows_free(&rows);
        }
}

Test(seeding, too_few_distinct_rows_give_the_lowest_ones_not_chosen_yet)
{
    enum { N = 1500, K = 1024 };
    struct rows rows = {.n = N, .d = 2, .x = crowd_room(N * 2, sizeof(float))};
    for (size_t i = 0; i < N; i++) rows.x[i * 2] = (float)(i % 3);
    void *room = NULL;
    bool *chosen = crowd_room(N, sizeof *chosen);
    int64_t *index = crowd_room(K, sizeof *index);
    struct strata_draws draws = {.seed = 1};
    strata_seed_indices(potential_new(&rows, N, strata_isa(), &room), N, K, &draws, chosen, index);
    uint64_t places = 0;
    for (size_t c = 0; c < 3; c++) places |= UINT64_C(1) << (index[c] % 3);
    cr_assert_eq(places, 7, "the three places come first");
    for (size_t c = 4; c < K; c++) cr_assert_gt(index[c], index[c - 1]);
    cr_assert_leq(index[K - 1], K + 2);
    free(room);
    free(chosen);
    free(index);
    rows_free(&rows);
}

Test(seeding, weights_are_copies_to_the_potential)
{
    struct rows rows = rows_new(120, 3, 18, true, 5), copies = {.d = 3};
    for (size_t i = 0; i < rows.n; i++) copies.n += rows.weight[i] %= 9;
    copies.x = crowd_room(copies.n * 3, sizeof(float));
    size_t at = 0, first[120];
    for (size_t i = 0; i < rows.n; i++) {
        first[i] = at;
        for (uint64_t c = 0; c < rows.weight[i]; c++, at++)
            memcpy(copies.x + at * 3, rows.x + i * 3, 3 * sizeof(float));
    }
    void *room[2];
    struct strata_potential *one = potential_new(&rows, rows.n, strata_isa(), &room[0]);
    struct strata_potential *many = potential_new(&copies, copies.n, strata_isa(), &room[1]);
    for (size_t i = 0; i < 6; i++) {
        const strata_uint128 total = strata_potential_total(one);
        cr_assert(total == strata_potential_total(many));
        const strata_uint128 number = total / 7 * i;
        const size_t row = strata_potential_find(one, number);
        const size_t copy = strata_potential_find(many, number);
        cr_assert(copy >= first[row] && copy < first[row] + rows.weight[row]);
        strata_potential_accept(one, row);
        strata_potential_accept(many, copy);
    }
    free(room[0]);
    free(room[1]);
    rows_free(&rows);
    rows_free(&copies);
}

Test(seeding, samples_grow_with_the_segments_and_never_beyond_the_rows)
{
    cr_assert_eq(strata_sample_rows(1000000, 2), 8192);
    cr_assert_eq(strata_sample_rows(1000000, 128), 8192);
    cr_assert_eq(strata_sample_rows(1000000, 1024), 65536);
    cr_assert_eq(strata_sample_rows(5000, 1024), 5000);
}

/* --- local search ---------------------------------------------------------------------- */

Test(seeding, local_search_lowers_the_total_to_what_its_rows_have, .timeout = 50)
{
    struct strata_arena room;
    cr_assert(strata_arena_init(&room, (size_t)1 << 28));
    size_t n_lower = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        const size_t n = 100 + 40 * seed, k = 2 + seed;
        struct rows rows = rows_new(n, 1 + seed % 3, seed % 4 == 3 ? 24 : 14, seed % 2, seed);
        void *place = NULL;
        struct strata_potential *p = potential_new(&rows, n, strata_isa(), &place);
        struct strata_draws draws = {.seed = seed};
        int64_t index[16];
        bool chosen[600] = {false};
        strata_seed_indices(p, n, k, &draws, chosen, index);
        const strata_uint128 before = strata_potential_total(p);
        const struct strata_dims dims = {.k = k, .d = rows.d};
        struct strata_local_search search;
        cr_assert(strata_local_search_init(&room, n, dims, &search));
        search.potential = p;
        search.x = rows.x;
        search.n = n;
        search.dims = dims;
        strata_local_search_run(&search, &draws, index);
        const strata_uint128 after = strata_potential_total(p);
        cr_assert(after == naive_total(&rows, n, index, k - 1, (size_t)index[k - 1]));
        cr_assert(after <= before);
        n_lower += after < before;
        free(place);
        rows_free(&rows);
    }
    cr_assert_geq(n_lower, 6);
    strata_arena_finish(&room);
}

/* --- the sample ------------------------------------------------------------------------ */

/* A fit that is ready to draw its sample. */
static struct strata_fit *sampling(const struct crowd *crowd, struct strata_config *config,
                                   struct strata_rows *rows, struct strata_comm *comm)
{
    struct strata_fit *fit = crowd_room(1, sizeof *fit);
    const char **key = crowd_room(crowd->n, sizeof *key);
    for (size_t i = 0; i < crowd->n; i++) key[i] = crowd->key[i];
    *rows = (struct strata_rows){.n = crowd->n,
                                 .d = crowd->d,
                                 .x = crowd->x,
                                 .key_hash = crowd->hash,
                                 .key = key,
                                 .n_global = crowd->n,
                                 .weight_global = crowd->n};
    *comm = strata_comm_single();
    *fit = (struct strata_fit){
        .comm = comm, .config = config, .rows = rows, .k_to = config->model.k_to};
    struct strata_err err = {0};
    cr_assert(strata_arena_init(&fit->room, (size_t)1 << 32));
    cr_assert_eq(strata_fit_totals(fit, &err), STRATA_OK);
    cr_assert_eq(strata_fit_sample(fit, &err), STRATA_OK, "%s", err.text);
    return fit;
}

static void sampling_free(struct strata_fit *fit, const struct strata_rows *rows)
{
    strata_arena_finish(&fit->room);
    free((void *)(uintptr_t)rows->key);
    free(fit);
}

Test(seeding, a_sample_stands_for_all_customers_and_holds_those_far_out, .timeout = 50)
{
    enum { N = 60000 };
    struct crowd crowd = crowd_blobs(N, 3, 4, 2.0, 7);
    for (size_t i = 0; i < 5; i++) crowd.x[i * 3] = 16000000.0F;
    struct strata_config config = fit_config("kmeans", 2, 400, 1);
    struct strata_rows rows;
    struct strata_comm comm;
    struct strata_fit *fit = sampling(&crowd, &config, &rows, &comm);
    uint64_t *room = crowd_room(fit->sample.n, sizeof *room);
    cr_assert_eq(fit->sample.n, 400 * 64);
    static const size_t sizes[] = {8192, 20000};
    for (size_t i = 0; i < 2; i++) {
        const uint64_t *weight = strata_sample_weights(fit, sizes[i], room);
        double total = 0, sum = 0, truth = 0;
        size_t n_far = 0;
        for (size_t row = 0; row < sizes[i]; row++) {
            total += (double)weight[row] / 1024;
            sum += (double)weight[row] / 1024 * (double)fit->sample.x[row * 3 + 1];
            n_far += fit->sample.x[row * 3] == 16000000.0F;
        }
        for (size_t row = 0; row < N; row++) truth += (double)crowd.x[row * 3 + 1];
        cr_assert_float_eq(total, N, 0.03 * N);
        cr_assert_float_eq(sum / total, truth / N, 0.05 * 65536 * 2);
        cr_assert_eq(n_far, 5);
    }
    free(room);
    sampling_free(fit, &rows);
    crowd_free(&crowd);
}

Test(seeding, a_smaller_sample_is_a_prefix_of_a_larger_one, .timeout = 50)
{
    struct crowd crowd = crowd_blobs(30000, 2, 3, 2.0, 7);
    struct strata_config small = fit_config("kmeans", 2, 8, 1),
                         large = fit_config("kmeans", 2, 300, 1);
    struct strata_rows rows[2];
    struct strata_comm comm[2];
    struct strata_fit *a = sampling(&crowd, &small, &rows[0], &comm[0]);
    struct strata_fit *b = sampling(&crowd, &large, &rows[1], &comm[1]);
    cr_assert_eq(a->sample.n, 8192);
    cr_assert_eq(b->sample.n, 19200);
    cr_assert_eq(memcmp(a->sample.x, b->sample.x, 8192 * 2 * sizeof(float)), 0);
    uint64_t *room = crowd_room(2 * 8192, sizeof *room);
    cr_assert_eq(memcmp(strata_sample_weights(a, 8192, room),
                        strata_sample_weights(b, 8192, room + 8192), 8192 * sizeof *room),
                 0);
    free(room);
    sampling_free(a, &rows[0]);
    sampling_free(b, &rows[1]);
    crowd_free(&crowd);
}

/* --- k-means|| ------------------------------------------------------------------------- */

Test(seeding, parallel_seeding_is_the_same_on_any_number_of_ranks, .timeout = 50)
{
    static const int sizes[] = {2, 3, 7};
    struct crowd crowd = crowd_blobs(2500, 4, 6, 3.0, 11);
    struct strata_config config = fit_config("kmeans", 2, 7, 3);
    config.model.seeding = STRATA_SEEDING_PARALLEL;
    struct fitted *one = fit_run(&crowd, &config, 1, NULL);
    assert_whole(one, &crowd);
    for (size_t i = 0; i < 3; i++) {
        struct fitted *many = fit_run(&crowd, &config, sizes[i], NULL);
        assert_same(one, many, crowd.n);
        fit_free(many);
    }
    fit_free(one);
    crowd_free(&crowd);
}

Test(seeding, parallel_seeding_finds_blobs_that_a_sample_would_miss, .timeout = 50)
{
    /* 30,000 customers at one place and three outliers: likely none of them is in a sample of 8,192. */
    struct crowd crowd = crowd_blobs(30003, 2, 1, 0.0, 5);
    for (size_t i = 0; i < crowd.n * 2; i++) crowd.x[i] = (float)((int)crowd.x[i] / 64);
    for (size_t i = 30000; i < crowd.n; i++)
        crowd.x[i * 2 + i % 2] = i == 30002 ? -16000000.0F : 16000000.0F;
    struct strata_config config = fit_config("kmeans", 4, 4, 1);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        config.model.seed = seed;
        config.model.seeding = STRATA_SEEDING_PARALLEL;
        struct fitted *f = fit_run(&crowd, &config, 2, NULL);
        assert_whole(f, &crowd);
        cr_assert_eq(f->mass[0], 30000.0);
        cr_assert_eq(f->mass[3], 1.0);
        fit_free(f);
    }
    crowd_free(&crowd);
}

Test(seeding, parallel_seeding_of_few_distinct_rows_has_enough_centres)
{
    struct crowd crowd = crowd_new(500, 2);
    for (size_t i = 0; i < crowd.n; i++) crowd.x[i * 2] = (float)(i % 3 * 1000);
    struct strata_config config = fit_config("kmeans", 1, 200, 1);
    config.model.seeding = STRATA_SEEDING_PARALLEL;
    for (uint32_t k = 1; k <= 400; k += 133) {
        config.model.k_from = config.model.k_to = k;
        struct fitted *f = fit_run(&crowd, &config, 3, NULL);
        assert_whole(f, &crowd);
        cr_assert_eq(f->result.dims.k, k < 3 ? k : 3);
        fit_free(f);
    }
    crowd_free(&crowd);
}
