/* The wrapper of DuckDB: exact sums in any order, errors without values, what was appended is
 * what is read. */
#include "strata/duck.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ingest_impl.h"

static struct strata_arena arena;
static struct strata_duck *duck;
static struct strata_err err;

static void open_duck(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 28));
    const struct strata_duck_options options = {
        .exact = &ingest_exact_sum, .as_of = "2020-02-29", .threads = 2};
    cr_assert_eq(strata_duck_open(&options, &duck, &err), STRATA_OK, "%s", err.text);
}

static void close_duck(void)
{
    strata_duck_close(&duck);
    cr_assert_null(duck);
    strata_arena_finish(&arena);
}

TestSuite(duck, .init = open_duck, .fini = close_duck);

#define OK(call) cr_assert_eq((call), STRATA_OK, "%s", err.text)

static double number(const char *sql)
{
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    OK(strata_duck_query(duck, &cursor, &err, "%s", sql));
    OK(strata_duck_next(&cursor, &more, &err));
    cr_assert(more);
    const double value =
        strata_duck_is_valid(&cursor, 0, 0) ? strata_duck_number(&cursor, 0, 0) : -12345;
    strata_duck_cursor_finish(&cursor);
    return value;
}

Test(duck, exact_sum_does_not_depend_on_order_threads_or_size_of_terms)
{
    OK(strata_duck_run(
        duck, &err,
        "CREATE TABLE v AS SELECT i, CASE i %% 5 WHEN 0 THEN 1e300 WHEN 1 THEN -1e300 WHEN 2 THEN 1e-300 "
        "WHEN 3 THEN 0.1 ELSE (hash(i) %% 1000003)::DOUBLE / 7 END AS x FROM range(200000) t(i)"));
    const double forward = number("SELECT strata_exact_sum(x) FROM (SELECT x FROM v ORDER BY i)");
    cr_assert_eq(forward,
                 number("SELECT strata_exact_sum(x) FROM (SELECT x FROM v ORDER BY hash(i))"));
    cr_assert_eq(forward, number("SELECT strata_exact_sum(x) FROM (SELECT x FROM v ORDER BY x)"));
    cr_assert_eq(number("SELECT strata_exact_sum(x) FROM v WHERE i % 5 < 2"), 0);
    OK(strata_duck_run(duck, &err, "SET threads = 1"));
    cr_assert_eq(forward, number("SELECT strata_exact_sum(x) FROM v"));
}

Test(duck, exact_sum_is_the_sum_of_integers)
{
    cr_assert_eq(number("SELECT strata_exact_sum(i::DOUBLE) FROM range(100001) t(i)"), 5000050000.0);
    cr_assert_eq(
        number(
            "SELECT strata_exact_sum(x) FROM (VALUES (9007199254740992.0::DOUBLE), (1), (1)) t(x)"),
        9007199254740994.0);
    cr_assert_eq(
        number("SELECT max(s) FROM (SELECT strata_exact_sum(i::DOUBLE) OVER (ORDER BY i) AS s FROM range(5000) "
               "t(i))"),
        12497500.0);
}

Test(duck, exact_sum_of_nothing_is_null_and_of_infinities_is_defined)
{
    cr_assert_eq(number("SELECT strata_exact_sum(x) FROM (SELECT 1.0::DOUBLE AS x) WHERE x > 2"),
                 -12345);
    cr_assert_eq(number("SELECT strata_exact_sum(x) FROM (VALUES (NULL::DOUBLE)) t(x)"), -12345);
    cr_assert_eq(number("SELECT strata_exact_sum(x) FROM (VALUES ('inf'::DOUBLE), (1)) t(x)"),
                 HUGE_VAL);
    cr_assert_eq(number("SELECT strata_exact_sum(x) FROM (VALUES ('-inf'::DOUBLE), (1)) t(x)"),
                 -HUGE_VAL);
    cr_assert(
        isnan(number("SELECT strata_exact_sum(x) FROM (VALUES ('inf'::DOUBLE), ('-inf')) t(x)")));
    cr_assert(isnan(number("SELECT strata_exact_sum(x) FROM (VALUES ('nan'::DOUBLE), (1)) t(x)")));
}

Test(duck, errors_about_data_quote_no_value)
{
    static const char *const failing[] = {
        "SELECT CAST(x AS INTEGER) FROM (VALUES ('secret')) t(x)",
        "SELECT CAST(x AS DATE) FROM (VALUES ('secret')) t(x)",
        "SELECT x::TINYINT FROM (VALUES (31337)) t(x)",
        "SELECT x * x * x FROM (VALUES (31337::INTEGER)) t(x)",
        "SELECT strptime(x, '%Y') FROM (VALUES ('secret')) t(x)",
        "SELECT x::STRUCT(a INTEGER) FROM (VALUES ('secret')) t(x)",
        "INSERT INTO u VALUES ('secret'), ('secret')",
        "SELECT error(x) FROM (VALUES ('secret')) t(x)",
        "SELECT x::DECIMAL(3,1) FROM (VALUES (31337)) t(x)",
        "SELECT regexp_matches(x, x) FROM (VALUES ('secret(')) t(x)",
    };
    OK(strata_duck_run(duck, &err, "CREATE TABLE u (x VARCHAR PRIMARY KEY)"));
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        struct strata_err fault = {0};
        cr_expect_neq(strata_duck_run(duck, &fault, "%s", failing[i]), STRATA_OK, "%s", failing[i]);
        cr_expect(fault.text[0], "%s", failing[i]);
        cr_expect_null(strstr(fault.text, "secret"), "%s: %s", failing[i], fault.text);
        cr_expect_null(strstr(fault.text, "31337"), "%s: %s", failing[i], fault.text);
    }
}

Test(duck, errors_about_the_statement_are_kept)
{
    struct strata_err fault = {0};
    cr_assert_eq(strata_duck_run(duck, &fault, "SELECT nobody FROM (SELECT 1 AS somebody)"),
                 STRATA_E_CONFIG);
    cr_assert(strstr(fault.text, "nobody"), "%s", fault.text);
    cr_assert_null(strchr(fault.text, '\n'));
    fault = (struct strata_err){0};
    cr_assert_neq(strata_duck_run(duck, &fault, "SELECT * FROM read_parquet('/no/such/file')"),
                  STRATA_OK);
    cr_assert(strstr(fault.text, "/no/such/file"), "%s", fault.text);
}

Test(duck, a_sealed_database_reads_and_writes_no_files)
{
    struct strata_duck *sealed = NULL;
    const struct strata_duck_options options = {.sealed = true};
    OK(strata_duck_open(&options, &sealed, &err));
    static const char *const outside[] = {"SELECT * FROM read_csv('/etc/passwd')",
                                          "COPY (SELECT 1) TO '/tmp/strata-out.csv'",
                                          "ATTACH '/tmp/strata-x.db'"};
    for (size_t i = 0; i < 3; i++) {
        struct strata_err fault = {0};
        cr_expect_eq(strata_duck_run(sealed, &fault, "%s", outside[i]), STRATA_E_PERMISSION, "%s",
                     fault.text);
    }
    strata_duck_close(&sealed);
}

Test(duck, binding_reports_the_place_and_runs_nothing)
{
    char *report = NULL;
    OK(strata_duck_run(duck, &err, "CREATE TABLE t (k VARCHAR, f FLOAT, m DECIMAL(12,2))"));
    OK(strata_duck_bind(duck, "SELECT k, nobody FROM t", &arena, &report, &err));
    cr_assert_not_null(report);
    cr_assert(strstr(report, "\"position\":\"10\""), "%s", report);
    OK(strata_duck_bind(
        duck,
        "SELECT k, sum(CASE WHEN strata_seen(7, f * 2) THEN f END), strata_seen(8, m) FROM t GROUP BY ALL",
        &arena, &report, &err));
    cr_assert_null(report);
    cr_assert_str_eq(strata_duck_seen(duck, 7), "FLOAT");
    cr_assert_str_eq(strata_duck_seen(duck, 8), "DECIMAL(12,2)");
    cr_assert_str_eq(strata_duck_seen(duck, 9), "");
    OK(strata_duck_bind(duck, "DROP TABLE t", &arena, &report, &err));
    OK(strata_duck_run(duck, &err, "SELECT * FROM t"));
}

Test(duck, time_is_utc_and_as_of_is_the_jobs_day)
{
    char *text = NULL;
    OK(strata_duck_scalar_text(duck, &arena, &text, &err, "SELECT current_setting('TimeZone')"));
    cr_assert_str_eq(text, "UTC");
    OK(strata_duck_scalar_text(duck, &arena, &text, &err,
                               "SELECT typeof(as_of()) || as_of() || getvariable('as_of')"));
    cr_assert_str_eq(text, "DATE2020-02-292020-02-29");
}

Test(duck, what_is_appended_is_what_is_read)
{
    struct strata_duck_appender *appender = NULL;
    OK(strata_duck_run(duck, &err,
                       "CREATE TABLE a (i INTEGER, d DECIMAL(9,2), s VARCHAR, b BOOLEAN)"));
    OK(strata_duck_append_begin(duck, "a", &appender, &err));
    for (int32_t i = 0; i < 5000; i++) {
        const int32_t cents = i * 10 + 25;
        const uint8_t even = i % 2 == 0;
        strata_duck_append_value(appender, 0, &i, sizeof i);
        strata_duck_append_value(appender, 1, &cents, sizeof cents);
        strata_duck_append_value(appender, 2, i % 3 ? "a text longer than twelve bytes" : "short",
                                 i % 3 ? 31 : 5);
        strata_duck_append_value(appender, 3, i % 7 ? &even : NULL, 1);
        OK(strata_duck_append_row_end(appender, &err));
    }
    OK(strata_duck_append_end(&appender, &err));
    int64_t value = 0;
    OK(strata_duck_scalar(
        duck, &value, &err,
        "SELECT count(*) FROM a WHERE d = i / 10.0 + 0.25 AND length(s) = CASE i %% 3 WHEN 0 THEN 5 ELSE 31 "
        "END AND (b IS NULL) = (i %% 7 = 0) AND coalesce(b, i %% 2 = 0) = (i %% 2 = 0)"));
    cr_assert_eq(value, 5000);
    cr_assert_eq(number("SELECT d FROM a WHERE i = 3"), 0.55);
}

Test(duck, appending_to_no_table_says_so)
{
    struct strata_duck_appender *appender = NULL;
    struct strata_err fault = {0};
    cr_assert_neq(strata_duck_append_begin(duck, "nowhere", &appender, &fault), STRATA_OK);
    cr_assert_null(appender);
    cr_assert(fault.text[0]);
}

Test(duck, quoted_texts_come_back_as_they_were)
{
    const char *odd = "it's \"odd\"";
    char *text = NULL;
    OK(strata_duck_scalar_text(duck, &arena, &text, &err, "SELECT max(%s) FROM (SELECT %s AS %s)",
                               strata_duck_identifier(odd, &arena), strata_duck_literal(odd, &arena),
                               strata_duck_identifier(odd, &arena)));
    cr_assert_str_eq(text, odd);
}

Test(duck, a_large_statement_of_little_memory_spills_or_says_so)
{
    struct strata_duck *small = NULL;
    const struct strata_duck_options options = {.memory_bytes = (uint64_t)30 << 20};
    OK(strata_duck_open(&options, &small, &err));
    struct strata_err fault = {0};
    const strata_status rc = strata_duck_run(
        small, &fault,
        "CREATE TABLE big AS SELECT hash(i) AS h, repeat('x', 100) || i AS s FROM range(2000000) t(i)");
    cr_expect_eq(rc, STRATA_E_MEMORY, "%s", fault.text);
    cr_expect(strstr(fault.text, "memory"), "%s", fault.text);
    strata_duck_close(&small);
}

Test(duck, a_view_shows_the_rows_that_lie_in_arrays)
{
    enum { ROWS = 10007 };
    static const char *const levels[] = {"", "short", "a text that is longer than twelve bytes"};
    static double x[ROWS];
    static uint8_t present[ROWS];
    static uint16_t label[ROWS];
    static uint32_t code[ROWS];
    double sum = 0.0, n_missing = 0.0, n_long = 0.0;
    for (size_t i = 0; i < ROWS; i++) {
        x[i] = (double)(i % 100);
        present[i] = i % 7 != 3;
        label[i] = (uint16_t)(i % 5);
        code[i] = (uint32_t)(i % 3);
        sum += present[i] && label[i] == 2 ? x[i] : 0.0;
        n_missing += !present[i];
        n_long += present[i] && code[i] == 2;
    }
    const struct strata_duck_view_column column[] = {
        {.name = "x", .type = STRATA_DUCK_DOUBLE, .value = x, .present = present},
        {.name = "row", .type = STRATA_DUCK_INT64},
        {.name = "the label", .type = STRATA_DUCK_UINT16, .value = label},
        {.name = "t",
         .type = STRATA_DUCK_TEXT,
         .value = code,
         .present = present,
         .level = levels,
         .n_levels = 3},
        {.name = "w", .type = STRATA_DUCK_UINT32, .value = code}};
    const struct strata_duck_view view = {
        .name = "shown", .column = column, .n_columns = 5, .n_rows = ROWS};
    OK(strata_duck_show(duck, &view, &err));
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(number("SELECT count(*) FROM shown()"), ROWS);
        cr_assert_eq(number("SELECT sum(x) FROM shown() WHERE \"the label\" = 2"), sum);
        cr_assert_eq(number("SELECT count(*) FROM shown() WHERE x IS NULL"), n_missing);
        cr_assert_eq(
            number(
                "SELECT count(*) FROM shown() WHERE t = 'a text that is longer than twelve bytes'"),
            n_long);
        cr_assert_eq(number("SELECT count(*) FROM shown() WHERE x = row % 100"), ROWS - n_missing);
        cr_assert_eq(number("SELECT count(DISTINCT row) FROM shown() WHERE w = row % 3"), ROWS);
    }
}
