/* What is wrong with the data or the job is told once, by file, line and column, never by value;
 * no rank waits. */
#include <criterion/criterion.h>

#include "ingest_world.h"

static struct world world;

static void open_world(void)
{
    world_open(&world);
}
static void close_world(void)
{
    world_close(&world);
}

TestSuite(ingest_refusals, .init = open_world, .fini = close_world);

/* A flat job over one CSV; `rest` goes between the source and the features. */
static void flat_job(const char *source, const char *rest)
{
    world_job(&world,
              strata_arena_print(&world.arena,
                                 "job: flat\n%ssources: [{name: s, files: in.csv, key: k, %s}]\n"
                                 "customers: select k, sum(x) as x, max(t) as t from s group by k\n"
                                 "features: [{name: x, type: numeric}, {name: t, type: nominal}]\n",
                                 rest, source));
}

/* The ingest fails alike on all ranks; err says all of `says`, and never "secret". */
static void expect_failure(int n_ranks, strata_status status, const char *const *says)
{
    cr_assert_null(world_run(&world, n_ranks));
    cr_assert_eq(world.problems->total, 0, "%s", world.problems->item[0].text);
    for (int rank = 0; rank < n_ranks; rank++) {
        cr_expect_eq(world.status[rank], status, "%s", world.err[rank].text);
        cr_expect_str_eq(world.err[rank].text, world.err[0].text);
        cr_expect_eq(world.err[rank].rank, world.err[0].rank);
    }
    for (; *says; says++)
        cr_expect(strstr(world.err[0].text, *says), "%s not in: %s", *says, world.err[0].text);
    cr_expect_null(strstr(world.err[0].text, "secret"), "%s", world.err[0].text);
}

/* Rows whose notes have line ends, so that rows and lines differ; row `bad` has a text where a
 * number should be. */
static void write_rows(int n, int bad, const char *bad_value)
{
    struct ingest_text text = ingest_text_begin(&world.arena, (size_t)1 << 20);
    ingest_text_add(&text, "k,x,t\n");
    for (int i = 0; i < n; i++) {
        if (i == bad)
            ingest_text_add(&text, "c%d,%s,\"two\nlines\"\n", i % 7, bad_value);
        else
            ingest_text_add(&text, "c%d,%d,\"two\nlines\"\n", i % 7, i);
    }
    world_write(&world, "in.csv", text.bytes);
}

Test(ingest_refusals, a_text_in_a_number_fails_by_file_line_and_column)
{
    write_rows(100, 70, "secret");
    flat_job("columns: {x: integer}", "");
    const char *const says[] = {"in.csv:142:", "column \"x\"", "on_bad_rows", NULL};
    for (int n = 1; n <= 3; n++) expect_failure(n, STRATA_E_DATA, says);
    world.limits.unit_bytes = 1 << 20;
    expect_failure(2, STRATA_E_DATA, says);
}

Test(ingest_refusals, bad_rows_are_rejected_counted_and_listed_when_the_job_says_so)
{
    struct ingest_text text = ingest_text_begin(&world.arena, (size_t)1 << 20);
    ingest_text_add(&text, "k,x,t\r\n");
    for (int i = 0; i < 200; i++) {
        if (i % 20 == 3)
            ingest_text_add(&text, "c%d,secret,\"a\nb\"\r\n", i % 7);
        else if (i % 20 == 7)
            ingest_text_add(&text, "c%d,1\r\n", i % 7);
        else if (i % 20 == 11)
            ingest_text_add(&text, "c%d,1,t,secret\r\n", i % 7);
        else if (i % 20 == 13)
            ingest_text_add(&text, "c%d,1,\"\xff\xfe\"\r\n", i % 7);
        else
            ingest_text_add(&text, "c%d,1,\"a\nb\"\r\n", i % 7);
    }
    world_write(&world, "in.csv", text.bytes);
    flat_job("columns: {x: integer}", "on_bad_rows: reject\n");
    char *expected = NULL;
    for (int n = 1; n <= 5; n += 2) {
        const char *got = world_run(&world, n);
        cr_assert_not_null(got, "%s", world.err[0].text);
        if (!expected) expected = strata_arena_copy(&world.arena, got, strlen(got));
        cr_expect_str_eq(got, expected);
        const struct strata_quality *quality = &world.quality[n - 1];
        cr_expect_eq(quality->source[0].rows, 200);
        cr_expect_eq(quality->source[0].rejected_rows, 40);
        cr_assert_eq(quality->n_rejects, 40);
        /* Rows 0 to 2 have two lines each: row 3 starts on line 8; row 7, after four more of
         * them, on line 16. */
        cr_expect_eq(quality->reject[0].line, 8);
        cr_expect_str_eq(quality->reject[0].column, "x");
        cr_expect_eq(quality->reject[1].line, 16);
        cr_expect(strstr(quality->reject[1].reason, "too few"), "%s", quality->reject[1].reason);
        cr_expect(strstr(quality->reject[2].reason, "too many"), "%s", quality->reject[2].reason);
        cr_expect(strstr(quality->reject[3].reason, "UTF-8"), "%s", quality->reject[3].reason);
        for (size_t i = 1; i < quality->n_rejects; i++)
            cr_expect_lt(quality->reject[i - 1].line, quality->reject[i].line);
    }
}

Test(ingest_refusals, an_unclosed_quote_is_told)
{
    world_write(&world, "in.csv", "k,x,t\na,1,b\nb,2,\"secret\nc,3,d\n");
    flat_job("columns: {x: integer}, delimiter: \",\", quote: '\"'", "");
    const char *const says[] = {"in.csv:3:", "quote", NULL};
    expect_failure(2, STRATA_E_DATA, says);
    world.limits.unit_bytes = 8;
    expect_failure(3, STRATA_E_DATA, says);
}

Test(ingest_refusals, values_of_parquet_and_json_that_do_not_parse_are_told_by_row)
{
    world_sql(
        &world,
        "CREATE TABLE t AS SELECT 'c' || (i % 5) AS k, CASE i WHEN 33 THEN 'secret' ELSE i::VARCHAR END AS x "
        "FROM range(50) t(i); COPY t TO '$/in.parquet'; COPY t TO '$/in.jsonl' (FORMAT json)");
    static const char *const files[] = {"in.parquet", "in.jsonl"};
    for (size_t i = 0; i < 2; i++) {
        const char *job = strata_arena_print(
            &world.arena,
            "job: p\non_bad_rows: %%s\nsources: [{name: s, files: %s, key: k, columns: {x: "
            "integer}}]\ncustomers: select k, sum(x) as x from s group by k\n"
            "features: [{name: x, type: numeric}]\n",
            files[i]);
        char yaml[512];
        (void)snprintf(yaml, sizeof yaml, "%.*s%s%s", (int)(strstr(job, "%s") - job), job, "fail",
                       strstr(job, "%s") + 2);
        world_job(&world, yaml);
        const char *const says[] = {files[i], ":34:", "column \"x\"", NULL};
        expect_failure(2, STRATA_E_DATA, says);
        (void)snprintf(yaml, sizeof yaml, "%.*s%s%s", (int)(strstr(job, "%s") - job), job, "reject",
                       strstr(job, "%s") + 2);
        world_job(&world, yaml);
        cr_assert_not_null(world_run(&world, 2), "%s", world.err[0].text);
        cr_expect_eq(world.quality[0].source[0].rejected_rows, 1);
        cr_expect_eq(world.quality[0].reject[0].line, 34);
    }
}

Test(ingest_refusals, a_key_twice_in_the_view_names_the_count)
{
    world_write(&world, "in.csv", "k,x\nsecret,1\nsecret,2\nb,3\nb,4\nc,5\n");
    world_job(&world, "job: d\nsources: [{name: s, files: in.csv, key: k, columns: {x: integer}}]\n"
                      "features: [{name: x, type: numeric}]\n");
    const char *const says[] = {"2 customer keys", "groups by the key", NULL};
    for (int n = 1; n <= 3; n++) expect_failure(n, STRATA_E_DATA, says);
}

Test(ingest_refusals, no_customers_are_an_error)
{
    world_write(&world, "in.csv", "k,x,t\n,1,a\n");
    flat_job("columns: {x: integer}", "");
    const char *const says[] = {"no customers", NULL};
    for (int n = 1; n <= 3; n++) expect_failure(n, STRATA_E_DATA, says);
}

Test(ingest_refusals, a_key_that_a_join_lost_is_an_error)
{
    world_write(&world, "a.csv", "k,x\n1,1\n2,2\n3,3\n");
    world_write(&world, "b.csv", "k,y\n1,1\n");
    world_job(&world, "job: n\nsources:\n  - {name: a, files: a.csv, key: k, columns: {x: integer}}\n"
                      "  - {name: b, files: b.csv, key: k, columns: {y: integer}}\n"
                      "customers: select b.k, x from a left join b on a.k = b.k\n"
                      "features: [{name: x, type: numeric}]\n");
    const char *const says[] = {"2 rows without a customer key", NULL};
    for (int n = 1; n <= 3; n++) expect_failure(n, STRATA_E_DATA, says);
}

Test(ingest_refusals, a_fault_of_the_sql_at_run_time_quotes_nothing)
{
    world_write(&world, "in.csv", "k,x,t\na,1,secret\nb,2,3\n");
    world_job(
        &world,
        "job: r\nsources: [{name: s, files: in.csv, key: k}]\n"
        "customers: select k, max(t::integer) as x from s group by k\nfeatures: [{name: x, type: numeric}]\n");
    const char *const says[] = {"the customers SQL failed", "INT32", NULL};
    for (int n = 1; n <= 3; n++) expect_failure(n, STRATA_E_DATA, says);
}

Test(ingest_refusals, too_many_levels_name_the_feature)
{
    world_sql(&world, "COPY (SELECT i AS k, 'v' || i AS t FROM range(600) t(i)) TO '$/in.parquet'");
    world_job(
        &world,
        "job: l\nsources: [{name: s, files: in.parquet, key: k}]\nfeatures: [{name: t, type: nominal}]\n");
    const char *const says[] = {"job.yaml:3:", "\"t\"", "256", NULL};
    for (int n = 1; n <= 3; n++) expect_failure(n, STRATA_E_DATA, says);
}

Test(ingest_refusals, a_file_that_goes_away_ends_all_ranks)
{
    write_rows(100, -1, "");
    flat_job("columns: {x: integer}", "");
    world.remove_after_plan = "in.csv";
    cr_assert_null(world_run(&world, 3));
    for (int rank = 0; rank < 3; rank++) {
        cr_expect_eq(world.status[rank], STRATA_E_IO);
        cr_expect(strstr(world.err[rank].text, "in.csv"), "%s", world.err[rank].text);
    }
}

/* --- what the plan says, with its place
 * -------------------------------------------------------------------------- */

static void expect_problem(strata_status code, int line, const char *says)
{
    cr_expect_not(world_plan(&world, 2), "no problem: %s", says);
    bool found = false;
    for (size_t i = 0; i < world.problems->count; i++) {
        const struct strata_problem *problem = &world.problems->item[i];
        found = found || (problem->code == code && problem->place.line == line &&
                          strstr(problem->text, says));
    }
    cr_expect(found, "%s; but line %d: %s", says, world.problems->item[0].place.line,
              world.problems->item[0].text);
}

Test(ingest_refusals, files_columns_and_keys_that_are_not_there_are_told_with_the_nearest)
{
    world_write(&world, "in.csv", "customer,spend\na,1\n");
    world_job(
        &world,
        "job: p\nsources:\n- name: s\n  files: nowhere-*.csv\n  key: customer\nfeatures: [{name: spend, type: "
        "numeric}]\n");
    expect_problem(STRATA_E_NO_INPUT, 4, "no file matches");
    world_job(
        &world,
        "job: p\nsources:\n- name: s\n  files: in.csv\n  key: custmer\nfeatures: [{name: spend, type: numeric}]\n");
    expect_problem(STRATA_E_DATA, 5, "is it \"customer\"");
    world_job(
        &world,
        "job: p\nsources:\n- name: s\n  files: in.csv\n  key: customer\n  columns: {spand: integer}\nfeatures: "
        "[{name: spend, type: numeric}]\n");
    expect_problem(STRATA_E_DATA, 6, "is it \"spend\"");
    world_job(
        &world,
        "job: p\nsources:\n- name: s\n  files: in.csv\n  key: customer\nfeatures:\n- {name: spent, type: nominal}\n");
    expect_problem(STRATA_E_CONFIG, 7, "is it \"spend\"");
    world_job(
        &world,
        "job: p\nsources:\n- name: s\n  files: in.csv\n  key: customer\nfeatures:\n- {name: spend, type: numeric}\n");
    expect_problem(STRATA_E_CONFIG, 7, "needs a number");
}

Test(ingest_refusals, conditions_of_apriori_segments_see_one_customer_and_are_true_or_false)
{
    static const struct {
        const char *where, *says;
    } refused[] = {{"x + 1", "must be one condition"},
                   {"y > 1", "\"y\" not found"},
                   {"x > (select avg(x) from customers)", "other customers"},
                   {"avg(x) > 1", "several customers"},
                   {"random() < 0.5", "`random` is refused"},
                   {"x > 1) as y, (x", "must be one condition"}};
    world_write(&world, "in.csv", "k,x,t\na,1,b\n");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        flat_job("columns: {x: double}",
                 strata_arena_print(&world.arena, "apriori:\n- {name: some, where: \"%s\"}\n",
                                    refused[i].where));
        expect_problem(STRATA_E_CONFIG, 3, refused[i].says);
    }
}

Test(ingest_refusals, files_of_a_source_must_agree)
{
    world_sql(
        &world,
        "COPY (SELECT 1 AS k, 2 AS x) TO '$/a-1.parquet'; COPY (SELECT 1 AS k, 2.5 AS x) TO '$/a-2.parquet'");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: a-*.parquet, key: k}\nfeatures: [{name: x, type: numeric}]\n");
    expect_problem(STRATA_E_DATA, 3, "a-2.parquet");
    world_write(&world, "b-1.csv", "k,x\n1,1\n");
    world_write(&world, "b-2.csv", "k,y\n1,1\n");
    world_write(&world, "b-3.csv", "k,x,y\n1,1,2\n");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: b-*.csv, key: k}\nfeatures: [{name: x, type: nominal}]\n");
    expect_problem(STRATA_E_DATA, 3, "b-2.csv:1: column 2");
    expect_problem(STRATA_E_DATA, 3, "b-3.csv:1: 3 columns");
}

Test(ingest_refusals, files_of_another_format_are_told)
{
    world_write(&world, "x.parquet",
                "this is no Parquet file at all, but text that is long enough\n");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: x.parquet, key: k}\nfeatures: [{name: x, type: numeric}]\n");
    expect_problem(STRATA_E_DATA, 3, "x.parquet");
    world_write(&world, "y.json", "{\"k\": 1, \"x\": \n");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: y.json, key: k}\nfeatures: [{name: x, type: nominal}]\n");
    expect_problem(STRATA_E_DATA, 3, "y.json");
    world_write(&world, "z.csv", "");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: z.csv, key: k}\nfeatures: [{name: x, type: nominal}]\n");
    expect_problem(STRATA_E_DATA, 3, "empty");
}

Test(ingest_refusals, columns_that_cannot_travel_are_told_only_when_used)
{
    world_sql(&world,
              "COPY (SELECT 1 AS k, [1, 2] AS many, {'a': 1} AS pair, 3 AS x) TO '$/in.parquet'");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: in.parquet, key: k}\ncustomers: select k, x from s\nfeatures: "
        "[{name: x, type: numeric}]\n");
    cr_expect_str_eq(world_run(&world, 2), "1|3\n");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: in.parquet, key: k}\ncustomers: select k, many[1] as x from "
        "s\nfeatures: [{name: x, type: numeric}]\n");
    expect_problem(STRATA_E_CONFIG, 3, "\"many\"");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: in.parquet, key: k, columns: {many: text}}\ncustomers: select k, "
        "length(many) as x from s\nfeatures: [{name: x, type: numeric}]\n");
    cr_expect_str_eq(world_run(&world, 2), "1|6\n");
}

Test(ingest_refusals, a_key_that_the_sql_changes_is_told)
{
    world_write(&world, "in.csv", "k,x\n1,1\n");
    world_job(
        &world,
        "job: p\nsources:\n- name: s\n  files: in.csv\n  key: k\ncustomers: select upper(k) as k, x from s\nfeatures: "
        "[{name: x, type: nominal}]\n");
    expect_problem(STRATA_E_CONFIG, 5, "without changing it");
}

Test(ingest_refusals, all_problems_are_told_at_once)
{
    world_write(&world, "in.csv", "k,x\n1,1\n");
    world_job(
        &world,
        "job: p\nsources:\n- {name: a, files: no.csv, key: k}\n- {name: b, files: in.csv, key: kk}\n- {name: c, "
        "files: in.csv, key: k, columns: {y: date}}\ncustomers: select k, x from a\nfeatures: [{name: x, type: "
        "nominal}]\n");
    cr_assert_not(world_plan(&world, 2));
    cr_assert_eq(world.problems->total, 3);
}

Test(ingest_refusals, the_plan_tells_rows_columns_memory_and_a_fingerprint)
{
    world_sql(
        &world,
        "COPY (SELECT i AS k, i * 0.5 AS x FROM range(5000) t(i)) TO '$/a.parquet' (ROW_GROUP_SIZE 2048);"
        "COPY (SELECT i AS k, i * 0.5 AS x FROM range(100) t(i)) TO '$/b.parquet'");
    world_job(
        &world,
        "job: p\nsources:\n- {name: s, files: \"*.parquet\", key: k}\nfeatures: [{name: x, type: numeric}]\n");
    world.limits.unit_bytes = 1000;
    cr_assert(world_plan(&world, 2));
    cr_assert_eq(world.plan->n_sources, 1);
    cr_assert_eq(world.plan->source[0].n_files, 2);
    cr_assert_eq(world.plan->source[0].n_rows, 5100);
    cr_assert_eq(world.plan->source[0].n_units, 4);
    cr_assert_eq(world.plan->source[0].n_columns, 2);
    cr_assert_str_eq(world.plan->source[0].column_type[0], "VARCHAR");
    cr_assert_gt(world.plan->memory_bytes, 0);
    const uint64_t fingerprint = world.plan->fingerprint;
    cr_assert(world_plan(&world, 3));
    cr_assert_eq(fingerprint, world.plan->fingerprint);
    world_sql(&world, "COPY (SELECT i AS k, i * 0.5 AS x FROM range(101) t(i)) TO '$/b.parquet'");
    cr_assert(world_plan(&world, 2));
    cr_assert_neq(fingerprint, world.plan->fingerprint);
}
