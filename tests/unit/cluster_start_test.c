/* Fits from a partition in a file: the oracle's answer, fixed points, refusals, refilled segments. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "fit_asserts.h"
#include "naive_kmeans.h"

/* A start file in the working directory of the test; returns its path in a static buffer. */
static const char *start_file(const char *text)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/strata-start-%ld.csv", (long)getpid());
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
    return path;
}

Test(cluster_start, k_means_from_given_centres_is_the_oracle)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct crowd crowd = crowd_blobs(600, 3, 5, 1.0, seed);
        enum { K = 5, D = 3 };
        char text[20000] = "customer,segment\n";
        struct strata_sum sum[K * D] = {{0}};
        uint64_t count[K] = {0};
        for (size_t i = 0; i < crowd.n; i++) {
            const size_t c = strata_random_below(seed, STRATA_PURPOSE_TEST, i, 99, K);
            (void)snprintf(text + strlen(text), 32, "%s,%zu\n", crowd.key[i], c + 1);
            count[c]++;
            for (size_t j = 0; j < D; j++) sum[c * D + j].value += (int64_t)crowd.x[i * D + j];
        }
        int64_t centre[K * D];
        size_t *label = crowd_room(crowd.n, sizeof *label);
        for (size_t i = 0; i < K * D; i++) centre[i] = strata_sum_divide(sum[i], count[i / D]);
        const strata_int128 sse = naive_kmeans(crowd.x, crowd.n, K, D, centre, label);

        struct strata_config config = fit_config("kmeans", 2, 8, 10);
        config.model.start_file = start_file(text);
        struct fitted *f = fit_run(&crowd, &config, 3, NULL);
        assert_whole(f, &crowd);
        cr_assert_eq(f->result.dims.k, K);
        cr_assert_eq(f->result.n_candidates, 1);
        cr_assert_eq(f->result.objective, ldexp(strata_sum_value((struct strata_sum){sse}), -32));
        int32_t ours[K] = {-1, -1, -1, -1, -1}; /* our segments are in another order */
        for (size_t i = 0; i < crowd.n; i++) {
            if (ours[label[i]] < 0) ours[label[i]] = f->row[i].label;
            cr_assert_eq(ours[label[i]], f->row[i].label);
            const double distance =
                sqrt((double)naive_distance(crowd.x + i * D, centre + label[i] * D, D));
            cr_assert_eq(f->row[i].distance, ldexp(distance, -16));
        }
        fit_free(f);
        free(label);
        crowd_free(&crowd);
    }
    (void)unlink(start_file(""));
}

Test(cluster_start, a_partition_that_no_label_leaves_stays_as_it_is)
{
    struct crowd crowd = crowd_blobs(500, 2, 3, 1.0, 8);
    struct strata_config config = fit_config("kmeans", 3, 3, 5);
    struct fitted *first = fit_run(&crowd, &config, 1, NULL);
    char text[20000] = "";
    for (size_t i = 0; i < crowd.n; i++) /* quotes, other numbers, Windows line ends */
        (void)snprintf(text + strlen(text), 32, "\"%s\",%d\r\n", crowd.key[i],
                       10 * first->row[i].label - 7);
    config.model.start_file = start_file(text);
    struct fitted *again = fit_run(&crowd, &config, 2, NULL);
    assert_whole(again, &crowd);
    cr_assert_eq(again->candidate[0].iterations, 2);
    cr_assert_eq(again->candidate[0].reason, STRATA_STOP_NO_LABEL_MOVED);
    cr_assert_eq(first->result.state_hash, again->result.state_hash);
    cr_assert_eq(memcmp(first->row, again->row, crowd.n * sizeof *first->row), 0);
    fit_free(first);
    fit_free(again);
    crowd_free(&crowd);
    (void)unlink(start_file(""));
}

Test(cluster_start, start_files_that_cannot_be_used_are_refused_with_the_line)
{
    static const struct {
        const char *text, *says;
        strata_status status;
    } cases[] = {
        {"", "holds no customer", STRATA_E_DATA},
        {"key,segment\n", "holds no customer", STRATA_E_DATA},
        {"c0,1\nc1\n", ":2: the second field", STRATA_E_DATA},
        {"c0,1\nc1,two\n", ":2: the second field", STRATA_E_DATA},
        {"c0,1\nc1,2\nc0,2\n", "lines 1 and 3", STRATA_E_DATA},
        {"c0,1\nnobody,2\n", "in segment 2", STRATA_E_DATA},
        {"c0,1\nc1,2\nc2,3\nc3,4\nc4,5\n", "job.yaml:7:13", STRATA_E_CONFIG},
    };
    struct crowd crowd = crowd_blobs(30, 2, 3, 1.0, 8);
    struct strata_config config = fit_config("kmeans", 2, 4, 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config.model.start_file = start_file(cases[i].text);
        for (int size = 1; size <= 3; size += 2) {
            struct fitted *f = fit_run(&crowd, &config, size, NULL);
            cr_assert_eq(f->status, cases[i].status, "case %zu: %s", i, f->err.text);
            cr_assert_not_null(strstr(f->err.text, cases[i].says), "case %zu: %s", i, f->err.text);
            cr_assert_null(strstr(f->err.text, "nobody"));
            fit_free(f);
        }
    }
    (void)unlink(config.model.start_file);
    struct fitted *f = fit_run(&crowd, &config, 3, NULL);
    cr_assert_eq(f->status, STRATA_E_NO_INPUT);
    fit_free(f);
    crowd_free(&crowd);
}

Test(cluster_start, start_files_may_name_fewer_and_other_customers)
{
    struct crowd crowd = crowd_blobs(30, 2, 3, 9.0, 8);
    struct strata_config config = fit_config("kmeans", 2, 8, 5);
    config.model.start_file = start_file("c0,7\nc1,-2\n\nc2,3\nnobody,3");
    struct fitted *f = fit_run(&crowd, &config, 2, NULL);
    assert_whole(f, &crowd);
    cr_assert_eq(f->result.dims.k, 3);
    cr_assert_not_null(strstr(f->note, "1 keys (of 4)"), "%s", f->note);
    cr_assert_not_null(strstr(f->note, "27 customers"), "%s", f->note);
    cr_assert_null(strstr(f->note, "nobody"));
    fit_free(f);
    (void)unlink(config.model.start_file);
    crowd_free(&crowd);
}

Test(cluster_start, empty_segments_are_refilled_with_the_farthest_rows)
{
    /* Two labelled segments have the same mean, so the later one gets no row in the first pass. */
    struct crowd crowd = crowd_new(40, 1);
    for (size_t i = 0; i < 40; i++) crowd.x[i] = (float)(i < 20 ? i : 1000 + i);
    crowd.x[39] = 9000;
    struct strata_config config = fit_config("kmeans", 2, 8, 1);
    config.model.start_file = start_file("c0,1\nc2,1\nc1,2\nc20,3\n");
    struct fitted *one = fit_run(&crowd, &config, 1, NULL),
                  *many = fit_run(&crowd, &config, 7, NULL);
    assert_whole(one, &crowd);
    assert_same(one, many, crowd.n);
    cr_assert_eq(one->candidate[0].repairs, 1);
    cr_assert(one->candidate[0].eligible);
    cr_assert_eq(one->result.dims.k, 3);
    cr_assert_eq(one->mass[2], 1.0); /* the outlier alone */
    cr_assert_eq(one->row[39].label, 2);
    for (size_t i = 1; i < one->result.n_trace; i++)
        cr_assert_leq(one->trace[i], one->trace[i - 1]);
    fit_free(one);
    fit_free(many);
    (void)unlink(config.model.start_file);
    crowd_free(&crowd);
}

Test(cluster_start, refills_from_crowded_places_are_the_same_on_any_number_of_ranks)
{
    /* Three labelled segments have mean 0, so two get no row in the first pass.  The two farthest rows stand at one
     * place, so one of the two segments is refilled now and the other in the next iteration: also where another rank
     * sent rows of other places. */
    static const float place[] = {300, 300, -100, -100, -100, -100, -100, -100, -50, 50, 0, 0};
    enum { N = sizeof place / sizeof *place };
    struct crowd crowd = crowd_new(N, 1);
    char text[N * 16] = "";
    for (size_t i = 0; i < N; i++) {
        crowd.x[i] = place[i];
        (void)snprintf(text + strlen(text), 16, "%s,%d\n", crowd.key[i],
                       i < 8    ? 2
                       : i < 10 ? 3
                                : 1);
    }
    struct strata_config config = fit_config("kmeans", 2, 8, 1);
    config.model.start_file = start_file(text);
    struct fitted *one = fit_run(&crowd, &config, 1, NULL);
    assert_whole(one, &crowd);
    cr_assert_geq(one->candidate[0].repairs, 2);
    for (int size = 2; size <= 7; size++) {
        struct fitted *many = fit_run(&crowd, &config, size, NULL);
        assert_same(one, many, crowd.n);
        cr_assert_eq(one->result.n_trace, many->result.n_trace, "%d ranks", size);
        cr_assert_eq(one->candidate[0].iterations, many->candidate[0].iterations, "%d ranks", size);
        fit_free(many);
    }
    fit_free(one);
    (void)unlink(config.model.start_file);
    crowd_free(&crowd);
}
