/* What strata_features_make refuses: alike on all ranks, by name and place, without a hang. */
#include <criterion/criterion.h>

#include "features_fixture.h"
#include "strata/features.h"

static const char *const words[] = {"amber", "blue", "cyan"};

static struct fixture job;
static struct fixture_result result;

/* Run on three ranks, all of which must fail with the code and a sentence that has all parts. */
static void assert_refused(strata_status code, const char *part, const char *other)
{
    fixture_run(&job, 3, &result);
    for (int rank = 0; rank < 3; rank++) {
        cr_expect_eq(result.status[rank], code, "rank %d: %d", rank, (int)result.status[rank]);
        cr_expect(strstr(result.err[rank].text, part) && strstr(result.err[rank].text, other),
                  "rank %d says: %s", rank, result.err[rank].text);
        cr_expect_null(result.features[rank]);
    }
    fixture_finish(&result);
}

static struct fixture_column *make_varied(const char *name)
{
    struct fixture_column *c = fixture_add(&job, name);
    for (size_t i = 0; i < job.n; i++) c->number[i] = (double)(i % 5);
    return c;
}

Test(refusals, a_job_without_basis)
{
    fixture_init(&job, 20);
    make_varied("a")->feature.role = STRATA_ROLE_DESCRIPTOR;
    assert_refused(STRATA_E_CONFIG, "job.yaml:10:1: ", "role basis");
}

Test(refusals, more_columns_than_the_matrix_may_have)
{
    static char text[520][8];
    static const char *level[520];
    for (int l = 0; l < 520; l++) {
        (void)snprintf(text[l], sizeof text[l], "v%03d", l);
        level[l] = text[l];
    }
    fixture_init(&job, 20);
    make_varied("a");
    fixture_add_text(&job, "wide", STRATA_NOMINAL, level, 520);
    assert_refused(STRATA_E_CONFIG, "521 columns, more than 512", "\"wide\" alone makes 520");
}

Test(refusals, missing_values_where_none_may_be)
{
    fixture_init(&job, 20);
    make_varied("a");
    struct fixture_column *b = make_varied("b"), *c = make_varied("c");
    b->feature.missing = c->feature.missing = STRATA_MISSING_FAIL;
    b->absent[4] = b->absent[17] = true;
    assert_refused(STRATA_E_DATA, "job.yaml:12:5: feature \"b\"", "2 of 20 customers");
    c->number[3] = 1e300;
    assert_refused(STRATA_E_DATA, "job.yaml:13:5: feature \"c\"",
                   "1 of 20 customers (1 of them invalid)");
}

Test(refusals, missing_values_of_a_descriptor_are_no_matter)
{
    fixture_init(&job, 20);
    make_varied("a");
    struct fixture_column *b = make_varied("b");
    b->feature.missing = STRATA_MISSING_FAIL;
    b->feature.role = STRATA_ROLE_SENSITIVE;
    b->absent[4] = true;
    fixture_run(&job, 2, &result);
    cr_assert_eq(result.status[1], STRATA_OK);
    cr_assert_eq(result.quality[1].feature[1].missing, 1u);
}

Test(refusals, columns_that_do_not_fit_their_type)
{
    fixture_init(&job, 20);
    fixture_add_text(&job, "a", STRATA_NUMERIC, words, 3);
    assert_refused(STRATA_E_CONFIG, "feature \"a\" is numeric", "its column is text");

    fixture_init(&job, 20);
    make_varied("a")->feature.type = STRATA_NOMINAL;
    assert_refused(STRATA_E_CONFIG, "feature \"a\" is nominal", "cast it to text");

    fixture_init(&job, 20);
    struct fixture_column *a = make_varied("a");
    a->feature.type = STRATA_ORDINAL;
    assert_refused(STRATA_E_CONFIG, "feature \"a\" is ordinal", "declare its levels");
    a->feature.level = words;
    a->feature.n_levels = 3;
    assert_refused(STRATA_E_CONFIG, "feature \"a\" is ordinal", "its levels are words");

    fixture_init(&job, 20);
    fixture_add_text(&job, "a", STRATA_BINARY, words, 3);
    assert_refused(STRATA_E_CONFIG, "feature \"a\" is binary", "more than two levels");
}

Test(refusals, no_customers_value_is_told)
{
    fixture_init(&job, 20);
    struct fixture_column *a = fixture_add_text(&job, "a", STRATA_NUMERIC, words, 3);
    for (size_t i = 0; i < job.n; i++) a->code[i] = (uint32_t)(i % 3);
    fixture_run(&job, 2, &result);
    for (size_t w = 0; w < 3; w++) cr_assert_null(strstr(result.err[0].text, words[w]));
}

Test(refusals, weights_without_measure)
{
    fixture_init(&job, 20);
    struct fixture_column *a = make_varied("a");
    a->feature.weight = 1e200;
    assert_refused(STRATA_E_CONFIG, "feature \"a\"", "not between 1e-30 and 1e30");
}

Test(refusals, memory_that_ends_on_one_rank_ends_all)
{
    size_t refused = 0, done = 0;
    for (size_t bytes = 0; bytes < 100000; bytes += 1499) {
        fixture_init(&job, 300);
        for (int c = 0; c < 10; c++) make_varied("a")->feature.weight = 1e6; /* clamped: notes */
        job.starving_rank = (int)(bytes % 3);
        job.starving_bytes = bytes;
        fixture_run(&job, 3, &result);
        for (int rank = 0; rank < 3; rank++) {
            cr_assert_eq(result.status[rank], result.status[0], "rank %d, %zu bytes", rank, bytes);
            cr_assert_str_eq(result.err[rank].text, result.err[0].text);
        }
        done += result.status[0] == STRATA_OK;
        refused += result.status[0] == STRATA_E_MEMORY;
        if (result.status[0]) cr_assert_eq(result.err[0].rank, job.starving_rank);
        fixture_finish(&result);
    }
    cr_assert_eq(done + refused, 67u);
    cr_assert(done > 10 && refused > 10, "%zu done, %zu refused", done, refused);
}

Test(memory, what_is_asked_for_suffices)
{
    fixture_init(&job, 400);
    for (int c = 0; c < 11; c++) {
        struct fixture_column *column = make_varied("some feature with a name");
        column->feature.missing = STRATA_MISSING_LEVEL;
        column->feature.weight = 1000; /* a note for each */
        column->absent[c] = true;
    }
    job.arena_bytes = (size_t)strata_features_bytes(job.n_features, job.n, 22, 1) + 4096;
    fixture_run(&job, 1, &result);
    cr_assert_eq(result.status[0], STRATA_OK, "%s", result.err[0].text);
    cr_assert_eq(result.features[0]->recipe.d, 22u);
    const uint64_t matrix = 400 * 22 * sizeof(float);
    cr_assert_lt(strata_features_bytes(11, 400, 22, 1), matrix + 200000, "nor is it wasteful");
}
