/* Whole fits with in-process ranks: the same bits for any of them, and what degenerate input gives. */
#include "strata/cluster.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "fit_asserts.h"

Test(cluster, any_number_of_ranks_gives_the_same_bits, .timeout = 50)
{
    static const int sizes[] = {2, 3, 5, 7};
    struct crowd crowd = crowd_blobs(1800, 4, 4, 1.8, 9);
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++) {
        struct strata_config config = fit_config((*e)->name, 2, 6, 3);
        config.model.min_share = 0.05;
        struct fitted *one = fit_run(&crowd, &config, 1, NULL);
        assert_whole(one, &crowd);
        for (size_t i = 0; i < 4; i++) {
            struct fitted *many = fit_run(&crowd, &config, sizes[i], NULL);
            assert_same(one, many, crowd.n);
            fit_free(many);
        }
        fit_free(one);
    }
    crowd_free(&crowd);
}

Test(cluster, bits_are_those_of_every_other_machine)
{
    struct crowd crowd = crowd_blobs(3000, 5, 4, 4.0, 9);
    for (size_t i = 0; i < sizeof fit_golden / sizeof *fit_golden; i++) {
        const struct strata_config config = fit_golden_config(fit_golden[i].estimator);
        struct fitted *f = fit_run(&crowd, &config, 2, NULL);
        assert_whole(f, &crowd);
        cr_assert_eq(f->result.state_hash, fit_golden[i].state_hash, "%s: %016llx",
                     config.model.estimator, (unsigned long long)f->result.state_hash);
        fit_free(f);
    }
    crowd_free(&crowd);
}

Test(cluster, order_of_customers_does_not_matter)
{
    struct crowd crowd = crowd_blobs(901, 3, 4, 1.5, 4), other = crowd_new(901, 3);
    for (size_t i = 0; i < crowd.n; i++) {
        const size_t to = i * 5 % crowd.n;
        memcpy(other.x + to * 3, crowd.x + i * 3, 3 * sizeof(float));
        memcpy(other.key[to], crowd.key[i], sizeof other.key[to]);
        other.hash[to] = crowd.hash[i];
    }
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++) {
        const struct strata_config config = fit_config((*e)->name, 3, 5, 2);
        struct fitted *a = fit_run(&crowd, &config, 1, NULL), *b = fit_run(&other, &config, 2, NULL);
        cr_assert_eq(a->result.state_hash, b->result.state_hash);
        for (size_t i = 0; i < crowd.n; i++)
            cr_assert_eq(memcmp(&a->row[i], &b->row[i * 5 % crowd.n], sizeof a->row[i]), 0);
        fit_free(a);
        fit_free(b);
    }
    crowd_free(&crowd);
    crowd_free(&other);
}

Test(cluster, another_seed_finds_the_same_blobs)
{
    struct crowd crowd = crowd_blobs(2000, 3, 4, 12.0, 3);
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct strata_config config = fit_config((*e)->name, 4, 4, 4);
            config.model.seed = seed;
            struct fitted *f = fit_run(&crowd, &config, 1, NULL);
            assert_whole(f, &crowd);
            for (size_t i = 4; i < crowd.n; i++) cr_assert_eq(f->row[i].label, f->row[i % 4].label);
            for (size_t c = 0; c < 4; c++) cr_assert_eq(f->mass[c], 500.0);
            fit_free(f);
        }
    crowd_free(&crowd);
}

Test(cluster, one_reduction_an_iteration_carries_all_candidates)
{
    struct crowd crowd = crowd_blobs(1000, 3, 3, 2.0, 5);
    const struct strata_config config = fit_config("kmeans", 2, 6, 4);
    struct fitted *f = fit_run(&crowd, &config, 3, NULL);
    uint64_t longest = 0, repairs = 0;
    for (size_t i = 0; i < f->result.n_candidates; i++) {
        longest = f->candidate[i].iterations > longest ? f->candidate[i].iterations : longest;
        repairs += f->candidate[i].repairs;
    }
    cr_assert_eq(repairs, 0);
    /* besides the candidates' iterations: at least one look at the chosen model, in its lasting order */
    cr_assert_geq(f->result.iterations_total, longest + 1);
    cr_assert_leq(f->result.iterations_total, longest + 4);
    /* besides the fit: moments, sample, seeds, evaluation */
    cr_assert_eq(f->n_sums, f->result.iterations_total + 4);
    fit_free(f);
    crowd_free(&crowd);
}

Test(cluster, more_segments_than_customers_is_a_configuration_error_at_its_place)
{
    struct crowd crowd = crowd_blobs(5, 2, 2, 1.0, 1);
    for (int size = 1; size <= 3; size++) {
        const struct strata_config config = fit_config("kmeans", 2, 6, 2);
        struct fitted *f = fit_run(&crowd, &config, size, NULL);
        cr_assert_eq(f->status, STRATA_E_CONFIG);
        cr_assert_not_null(strstr(f->err.text, "job.yaml:7:13: 6 segments asked for"), "%s",
                           f->err.text);
        cr_assert_eq(strata_status_exit_code(f->status), 78);
        fit_free(f);
    }
    crowd_free(&crowd);
}

Test(cluster, bic_needs_a_likelihood)
{
    struct crowd crowd = crowd_blobs(50, 2, 2, 1.0, 1);
    struct strata_config config = fit_config("kmeans", 2, 4, 2);
    config.model.choose = STRATA_CHOOSE_BIC;
    struct fitted *f = fit_run(&crowd, &config, 2, NULL);
    cr_assert_eq(f->status, STRATA_E_CONFIG);
    fit_free(f);
    crowd_free(&crowd);
}

Test(cluster, all_rows_equal_are_one_segment)
{
    struct crowd crowd = crowd_new(50, 3);
    for (size_t i = 0; i < 150; i++) crowd.x[i] = 77;
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++) {
        const struct strata_config config = fit_config((*e)->name, 2, 5, 2);
        struct fitted *one = fit_run(&crowd, &config, 1, NULL),
                      *many = fit_run(&crowd, &config, 3, NULL);
        assert_whole(one, &crowd);
        assert_same(one, many, crowd.n);
        cr_assert_eq(one->result.dims.k, 1);
        cr_assert_not_null(strstr(one->note, "differ too little"), "%s", one->note);
        cr_assert_not_null(strstr(one->choice, "waived"), "%s", one->choice);
        if (!(*e)->soft) cr_assert_eq(one->result.objective, 0.0);
        fit_free(one);
        fit_free(many);
    }
    crowd_free(&crowd);
}

Test(cluster, fewer_distinct_rows_than_k_leaves_that_k_out)
{
    struct crowd crowd = crowd_new(60, 2);
    for (size_t i = 0; i < 60; i++)
        crowd.x[2 * i] = (float)(1000 * (i % 3)); /* three distinct rows */
    const struct strata_config config = fit_config("kmeans", 2, 5, 3);
    struct fitted *one = fit_run(&crowd, &config, 1, NULL),
                  *many = fit_run(&crowd, &config, 5, NULL);
    assert_whole(one, &crowd);
    assert_same(one, many, crowd.n);
    cr_assert(one->by_k[0].eligible && one->by_k[1].eligible);
    cr_assert(!one->by_k[2].eligible && !one->by_k[3].eligible);
    cr_assert_eq(one->result.dims.k, 3);
    cr_assert_eq(one->result.objective, 0.0);
    cr_assert_eq(one->result.rule, STRATA_CHOOSE_CALINSKI_HARABASZ); /* two ks have no elbow */
    fit_free(one);
    fit_free(many);
    crowd_free(&crowd);
}

Test(cluster, one_customer_one_segment_and_as_many_segments_as_customers_are_legal)
{
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++) {
        struct crowd crowd = crowd_blobs(7, 2, 7, 5.0, 3), single = crowd_blobs(1, 2, 1, 1.0, 3);
        const struct strata_config config_one = fit_config((*e)->name, 1, 1, 2),
                                   config_all = fit_config((*e)->name, 7, 7, 2);
        struct fitted *f = fit_run(&crowd, &config_one, 2, NULL);
        assert_whole(f, &crowd);
        cr_assert_eq(f->result.dims.k, 1);
        cr_assert_eq(f->row[0].runner_up, -1);
        cr_assert_eq(f->row[0].margin, 1.0);
        cr_assert(isnan(f->evaluation.silhouette));
        fit_free(f);
        f = fit_run(&crowd, &config_all, 3, NULL);
        assert_whole(f, &crowd);
        if (!(*e)->soft) cr_assert_eq(f->result.dims.k, 7);
        fit_free(f);
        f = fit_run(&single, &config_one, 3, NULL); /* more ranks than rows */
        assert_whole(f, &single);
        cr_assert_eq(f->mass[0], 1.0);
        fit_free(f);
        crowd_free(&crowd);
        crowd_free(&single);
    }
}

Test(cluster, segments_below_the_minimum_share_are_left_out_of_the_choice)
{
    struct crowd crowd = crowd_blobs(1000, 2, 2, 3.0, 6);
    crowd.x[0] = crowd.x[1] = 16000000.0F; /* one far customer takes a segment from k = 3 on */
    struct strata_config config = fit_config("kmeans", 2, 4, 3);
    config.model.min_share = 0.05;
    struct fitted *f = fit_run(&crowd, &config, 1, NULL);
    assert_whole(f, &crowd);
    for (size_t i = 0; i < f->result.n_k; i++)
        cr_assert_eq(f->by_k[i].eligible, f->by_k[i].smallest_share >= 0.05);
    cr_assert_not_null(strstr(f->choice, "waived"), "%s", f->choice);
    cr_assert_not_null(strstr(f->note, "waived"), "%s", f->note);
    fit_free(f);
    crowd_free(&crowd);
}

Test(cluster, each_rule_chooses_the_planted_number)
{
    static const enum strata_choice rules[] = {STRATA_CHOOSE_CALINSKI_HARABASZ,
                                               STRATA_CHOOSE_SILHOUETTE};
    struct crowd crowd = crowd_blobs(1500, 4, 5, 8.0, 17);
    struct strata_config config = fit_config("kmeans", 2, 8, 6);
    for (size_t i = 0; i < 2; i++) {
        config.model.choose = rules[i];
        struct fitted *one = fit_run(&crowd, &config, 1, NULL),
                      *many = fit_run(&crowd, &config, 3, NULL);
        cr_assert_eq(one->result.dims.k, 5, "%s", one->choice);
        cr_assert_eq(one->result.rule, rules[i]);
        assert_same(one, many, crowd.n);
        fit_free(one);
        fit_free(many);
    }
    config = fit_config("gmm-diag", 2, 8, 6);
    struct fitted *soft = fit_run(&crowd, &config, 1, NULL);
    cr_assert_eq(soft->result.rule, STRATA_CHOOSE_BIC);
    cr_assert_eq(soft->result.dims.k, 5, "%s", soft->choice);
    fit_free(soft);
    crowd_free(&crowd);
}

Test(cluster, elbow_is_where_the_curve_bends)
{
    struct crowd crowd = crowd_new(1200, 2); /* three groups at the corners of a triangle */
    static const double place[3][2] = {{0, 0}, {10, 0}, {5, 9}};
    for (size_t i = 0; i < crowd.n; i++)
        for (size_t j = 0; j < 2; j++)
            crowd.x[i * 2 + j] =
                (float)crowd_round(65536.0 * (place[i % 3][j] + crowd_normal(3, i, j)));
    struct strata_config config = fit_config("kmeans", 1, 8, 5);
    struct fitted *f = fit_run(&crowd, &config, 1, NULL);
    cr_assert_eq(f->result.rule, STRATA_CHOOSE_ELBOW);
    cr_assert_eq(f->result.dims.k, 3, "%s", f->choice);
    cr_assert_float_eq(f->by_k[0].score, 0.0, 1e-15);
    cr_assert_float_eq(f->by_k[7].score, 0.0, 1e-15);
    fit_free(f);
    crowd_free(&crowd);
}

static size_t count_distinct(const struct crowd *crowd)
{
    size_t distinct = 0;
    for (size_t i = 0; i < crowd->n; i++) {
        bool seen = false;
        for (size_t other = 0; other < i && !seen; other++)
            seen = memcmp(crowd->x + i * crowd->d, crowd->x + other * crowd->d,
                          crowd->d * sizeof(float)) == 0;
        distinct += !seen;
    }
    return distinct;
}

Test(cluster, few_distinct_integer_rows_fill_all_segments_they_can, .timeout = 100)
{
    for (uint64_t seed = 0; seed < 60; seed++) { /* ties, duplicates and empty segments everywhere */
        const size_t n = 4 + seed % 23, d = 1 + seed % 2;
        struct crowd crowd = crowd_new(n, d);
        for (size_t i = 0; i < n * d; i++)
            crowd.x[i] = (float)strata_random_below(seed, STRATA_PURPOSE_TEST, i, 7, 4);
        const size_t distinct = count_distinct(&crowd), k = n < 12 ? n : 12;
        const struct strata_config config = fit_config("kmeans", (uint32_t)k, (uint32_t)k, 3);
        struct fitted *one = fit_run(&crowd, &config, 1, NULL),
                      *many = fit_run(&crowd, &config, 3, NULL);
        assert_whole(one, &crowd);
        assert_same(one, many, n);
        cr_assert_eq(one->result.dims.k, k < distinct ? k : distinct, "seed %zu", (size_t)seed);
        if (k >= distinct) cr_assert_eq(one->result.objective, 0.0);
        for (size_t i = 1; i < one->result.n_trace; i++)
            cr_assert_leq(one->trace[i], one->trace[i - 1]);
        fit_free(one);
        fit_free(many);
        crowd_free(&crowd);
    }
}

Test(cluster, waves_do_not_change_a_candidate, .timeout = 100)
{
    /* 59 candidates of this size are more than one wave holds. */
    struct crowd crowd = crowd_blobs(70, 512, 64, 4.0, 2);
    struct strata_config few = fit_config("gmm-diag", 64, 64, 2),
                         many = fit_config("gmm-diag", 64, 64, 59);
    few.model.max_iter = many.model.max_iter = 2;
    struct fitted *a = fit_run(&crowd, &few, 1, NULL), *b = fit_run(&crowd, &many, 2, NULL);
    cr_assert_eq(a->status, STRATA_OK, "%s", a->err.text);
    cr_assert_eq(b->status, STRATA_OK, "%s", b->err.text);
    cr_assert_eq(a->result.iterations_total, 2 + 1);
    cr_assert_eq(b->result.iterations_total,
                 2 + 2 + 1); /* two waves and a look at the chosen model */
    cr_assert_eq(memcmp(a->candidate, b->candidate, 2 * sizeof *a->candidate), 0);
    fit_free(a);
    fit_free(b);
    crowd_free(&crowd);
}

/* --- the watch ------------------------------------------------------------------------- */

struct watching {
    unsigned command;
    int after; /* calls of all ranks before the command is there */
    double fraction;
    uint64_t iteration;
    bool fell, wrong_mass;
    uint32_t last_live;
};

static unsigned give_command(void *context)
{
    struct watching *w = context;
    return __atomic_sub_fetch(&w->after, 1, __ATOMIC_SEQ_CST) == 0 ? w->command
                                                                   : 0; /* on one rank, once */
}

static void take_progress(void *context, const struct strata_fit_progress *progress)
{
    struct watching *w = context;
    double total = 0;
    for (uint32_t c = 0; c < progress->best_k; c++) total += progress->best_mass[c];
    w->wrong_mass |= total != 900.0;
    w->fell |= progress->fraction < w->fraction || progress->fraction > 1.0 ||
               progress->iteration <= w->iteration;
    w->fraction = progress->fraction;
    w->iteration = progress->iteration;
    w->last_live = progress->live;
}

/* Fewer segments have more copies of their sums than many. */
Test(cluster, few_and_many_segments_share_a_wave)
{
    struct crowd crowd = crowd_blobs(440, 6, 8, 1.0, 3);
    const struct strata_config config = fit_config("kmeans", 60, 70, 3);
    struct fitted *f = fit_run(&crowd, &config, 1, NULL);
    assert_whole(f, &crowd);
    fit_free(f);
    crowd_free(&crowd);
}

Test(cluster, progress_never_falls_and_ends_at_one)
{
    struct crowd crowd = crowd_blobs(900, 3, 4, 1.0, 5);
    const struct strata_config config = fit_config("kmeans", 2, 6, 3);
    struct watching w = {0};
    const struct strata_fit_watch watch = {
        .context = &w, .command = give_command, .progress = take_progress};
    struct fitted *f = fit_run(&crowd, &config, 3, &watch);
    cr_assert_eq(f->status, STRATA_OK);
    cr_assert(!w.fell && !w.wrong_mass);
    cr_assert_eq(w.fraction, 1.0);
    cr_assert_eq(w.last_live, 0);
    fit_free(f);
    crowd_free(&crowd);
}

Test(cluster, a_command_of_one_rank_is_obeyed_by_all_at_the_same_iteration)
{
    static const struct {
        unsigned command;
        strata_status status;
    } cases[] = {{STRATA_FIT_STOP, STRATA_OK},
                 {STRATA_FIT_CANCEL, STRATA_E_CANCELLED},
                 {STRATA_FIT_LIMIT, STRATA_E_AGAIN},
                 {STRATA_FIT_LIMIT | STRATA_FIT_CANCEL, STRATA_E_CANCELLED}};
    struct crowd crowd = crowd_blobs(900, 3, 4, 0.3, 5);
    const struct strata_config config = fit_config("kmeans", 2, 6, 3);
    for (size_t i = 0; i < 4; i++) {
        struct watching w = {.command = cases[i].command,
                             .after = 11}; /* the second of three ranks, 4th pass */
        const struct strata_fit_watch watch = {
            .context = &w, .command = give_command, .progress = take_progress};
        struct fitted *f = fit_run(&crowd, &config, 3, &watch);
        cr_assert_eq(f->status, cases[i].status, "case %zu: %s", i, f->err.text);
        if (f->status == STRATA_OK) {
            assert_whole(f, &crowd);
            for (size_t c = 0; c < f->result.n_candidates; c++) {
                cr_assert_leq(f->candidate[c].iterations, 4);
                if (f->candidate[c].iterations == 4)
                    cr_assert(f->candidate[c].reason == STRATA_STOP_ASKED);
            }
        }
        fit_free(f);
    }
    crowd_free(&crowd);
}

Test(cluster, the_largest_number_of_iterations_is_respected)
{
    struct crowd crowd = crowd_blobs(900, 3, 4, 0.3, 5);
    for (const struct strata_estimator *const *e = strata_estimators; *e; e++) {
        struct strata_config config = fit_config((*e)->name, 4, 4, 2);
        config.model.max_iter = 3;
        struct fitted *f = fit_run(&crowd, &config, 2, NULL);
        assert_whole(f, &crowd);
        for (size_t c = 0; c < 2; c++) {
            cr_assert_eq(f->candidate[c].iterations, 3);
            cr_assert_eq(f->candidate[c].reason, STRATA_STOP_MAX_ITER);
        }
        cr_assert_eq(f->result.n_trace, 3);
        cr_assert_float_eq(f->trace[2], f->result.objective, 1e-12 * fabs(f->trace[2]));
        fit_free(f);
    }
    crowd_free(&crowd);
}

Test(cluster, trace_of_the_chosen_candidate_falls_to_its_objective)
{
    struct crowd crowd = crowd_blobs(2000, 4, 5, 0.8, 10);
    const struct strata_config config = fit_config("kmeans", 5, 5, 3);
    struct fitted *f = fit_run(&crowd, &config, 2, NULL);
    for (size_t i = 1; i < f->result.n_trace; i++) cr_assert_leq(f->trace[i], f->trace[i - 1]);
    cr_assert_eq(f->trace[f->result.n_trace - 1], f->result.objective);
    fit_free(f);
    crowd_free(&crowd);
}

Test(cluster, memory_is_told_before_a_row_is_read)
{
    const struct strata_config config = fit_config("kmeans", 2, 8, 10);
    const uint64_t small = strata_cluster_bytes(&config, 1000, 16),
                   large = strata_cluster_bytes(&config, 1000000, 16);
    cr_assert_gt(large, small);
    /* labels and bounds of the result and of a wave of candidates */
    cr_assert_geq(large, UINT64_C(1000000) * (2 + 10 * 20));
    cr_assert_lt(large, UINT64_C(400) << 20);
    /* huge jobs go in smaller waves: a seventh of the matrix and 16 bytes a row, and the result */
    cr_assert_lt(strata_cluster_bytes(&config, 1000000000, 16),
                 UINT64_C(1000000000) * (64 * 3 / 20 + 16 + 12 + 16) + (UINT64_C(1) << 30));
}

/* --- published figures ----------------------------------------------------------------- */

#define IRIS "/usr/lib/python3/dist-packages/sklearn/datasets/data/iris.csv"

Test(cluster, iris_has_its_published_sse)
{
    FILE *file = fopen(IRIS, "r");
    cr_assert_not_null(file, "python3-sklearn is missing: deploy/install-dependencies --tests");
    struct crowd crowd = crowd_new(150, 4);
    crowd.exponent = 0; /* tenths of a centimetre, times 2^12, are exact integers of a fine grid */
    char line[256];
    cr_assert_not_null(fgets(line, sizeof line, file));
    for (size_t i = 0; i < 150; i++) {
        double v[4];
        cr_assert_not_null(fgets(line, sizeof line, file));
        cr_assert_eq(sscanf(line, "%lf,%lf,%lf,%lf", v, v + 1, v + 2, v + 3), 4);
        for (size_t j = 0; j < 4; j++)
            crowd.x[i * 4 + j] = (float)(crowd_round(v[j] * 10.0) * 4096.0);
    }
    (void)fclose(file);
    const struct strata_config config = fit_config("kmeans", 3, 3, 10);
    struct fitted *f = fit_run(&crowd, &config, 2, NULL);
    cr_assert_eq(f->status, STRATA_OK);
    cr_assert_float_eq(f->result.objective / (40960.0 * 40960.0), 78.85144, 1e-4);
    fit_free(f);
    crowd_free(&crowd);
}
