/* The rules of the customers SQL: what is refused, and where; what is accepted; what is run. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "ingest/ingest_impl.h"
#include "ingest/sql_rules.h"

static const struct sql_source sources[] = {{"orders", "k"}, {"people", "k"}, {"products", NULL}};

struct fixture {
    struct strata_arena arena;
    struct strata_duck *duck;
    struct strata_problems *problems;
    struct sql_result result;
};

static void open_fixture(struct fixture *fixture)
{
    struct strata_err err = {0};
    cr_assert(strata_arena_init(&fixture->arena, (size_t)1 << 30));
    const struct strata_duck_options options = {.exact = &ingest_exact_sum, .as_of = "2020-01-01"};
    cr_assert_eq(strata_duck_open(&options, &fixture->duck, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(strata_duck_run(
                     fixture->duck, &err,
                     "CREATE TABLE orders (k VARCHAR, d DOUBLE, f FLOAT, m DECIMAL(12,2), i INTEGER, "
                     "t TIMESTAMP, p INTEGER, s VARCHAR);"
                     "CREATE TABLE people (k VARCHAR, age INTEGER, d DOUBLE);"
                     "CREATE TABLE products (p INTEGER, department VARCHAR, w DOUBLE)"),
                 STRATA_OK, "%s", err.text);
}

static void close_fixture(struct fixture *fixture)
{
    strata_duck_close(&fixture->duck);
    strata_arena_finish(&fixture->arena);
}

static void check_sql(struct fixture *fixture, const char *text, bool has_as_of)
{
    struct strata_err err = {0};
    fixture->problems = STRATA_NEW(&fixture->arena, struct strata_problems, 1);
    const struct sql_job job = {.text = text,
                                .place = {"job.yaml", 10, 5},
                                .indent = 4,
                                .source = sources,
                                .n_sources = 3,
                                .key = "k",
                                .has_as_of = has_as_of};
    const strata_status rc =
        sql_check(fixture->duck, &job, &fixture->arena, fixture->problems, &fixture->result, &err);
    cr_assert_eq(rc, STRATA_OK, "%s: %s", text, err.text);
}

/* Statements that are a function of their rows. */
static const char *const accepted[] = {
    "select k, sum(d) as x from orders group by k",
    "select k, sum(m) x, sum(i), count(*), avg(i), avg(m), min(d), max(f), median(d) from orders group by k;",
    "select k, sum(d) filter (where i > 1), sum(distinct d), sum(d) / count(d) from orders group by k -- the end",
    "select k, sum(d) as x from orders group by all",
    "select k, sum(d) from orders group by 1",
    "select k as k, sum(d) from orders group by rollup(i), k",
    "select k, age from people",
    "select * from people",
    "with o as (select k, sum(d) as d from orders group by k) select k, o.d, age from o join people using (k)",
    "with o as materialized (select k, sum(d) as d from orders group by k) select k, o.d from o",
    "with o(k, total) as (select k, sum(d) from orders group by k) select o.k, total from o left join people p on p.k = o.k",
    "select coalesce(o.k, p.k) as k, count(o.i) from orders o full join people p on o.k = p.k group by coalesce(o.k, p.k)",
    "select o.k, sum(w) from orders o left join products using (p) group by o.k",
    "select o.k, sum(m) from orders o, people h where o.k = h.k group by o.k",
    "select k, sum(m) from orders where p in (select p from products where department = 'A') group by k",
    "select k, age from people where k in (select k from orders)",
    "select k, age from people h where exists (select 1 from orders o where o.k = h.k and o.i > 3)",
    "select k, (select max(m) from orders o where o.k = people.k) as most from people",
    "select k, sum(m) over (partition by k order by t) as x from orders",
    "select k, rank() over (partition by k order by t) as x from orders",
    "select k, lag(t) over (partition by k order by t) as x from orders",
    "select k, max(g) from (select k, t - lag(t) over (partition by k order by t) as g from orders) group by k",
    "select k, string_agg(s, ',' order by s) as x, list(i order by t, i) from orders group by k",
    "select k, first(s order by t desc, s) as x from orders group by k",
    "select k, sqrt(sum(d)), round(sum(d), 2), floor(max(d)) from orders group by k",
    "select k, date_diff('day', max(t), as_of()) as recency from orders group by k",
    "select k, age(as_of(), max(t)) from orders group by k",
    "select k, max(i) from orders group by k union all select k, age from people",
    "select k, sum(m) as x from orders group by k having sum(m) > 3 order by x",
    "select k, count(*) filter (where department = 'A') from orders join products using (p) group by k",
    "select k, sum((select max(q.p) from products q)::integer) from orders group by k",
    "select k, sum(case when i > 3 then m end), bool_or(i > 2), count(distinct s) from orders group by k",
    "select k, len(list(i order by i)), list_sum(list(d order by d)) from orders group by k",
    "select k, histogram(i) from orders group by k",
    "select k, sum(x.column0) from orders, (values (1), (2)) x(column0) group by k",
    "with a as (select k, sum(d) s from orders group by k) select k, (select max(s) from a b where b.k = a.k) as m from a",
    "select k, sum(d) from (select * from people union all by name select d, k from orders) group by k",
    "select k, sum(d) from (select k, d from people union all select k, d from orders) group by k",
    "select o.k, count(h.d) from orders o left join people p on o.k = p.k left join people h on p.k = h.k group by o.k",
    "select k, count(o.i) from orders o full join people p using (k) group by k",
    "with t as (select * from products join orders using (p)) select k, sum(w) from t group by k",
    "select k, sum(m) from orders anti join people using (k) group by k",
    "select k, max(g) from (select k, sum(d) as d, t - lag(t) over (partition by k order by t) as g from orders group by k, t) group by k",
    "select k, last_value(i) over (partition by k order by i) as x from orders",
};

Test(sql_rules, a_function_of_the_rows_is_accepted)
{
    struct fixture fixture = {0};
    open_fixture(&fixture);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        check_sql(&fixture, accepted[i], true);
        cr_expect_eq(fixture.problems->total, 0, "%s: %s", accepted[i],
                     fixture.problems->item[0].text);
        cr_expect(fixture.result.key_is_source_key, "%s", accepted[i]);
    }
    close_fixture(&fixture);
}

/* The refused part starts where `at` starts in the text; `says` is in the sentence. */
static const struct {
    const char *text, *at, *says;
} refused[] = {
    /* a key that an outer join leaves out is shared by customers */
    {"select o.k, count(*) over (partition by h.k) as n from orders o left join people h using (k)",
     "count", "PARTITION BY"},
    {"select max(o.k) as k, count(*) from orders o left join people h using (k) group by h.k",
     "h.k", "several customers"},
    {"select k, k not in (select h.k from orders o left join people h using (k)) as n from people",
     "not in", "sees other"},
    /* an outer join's condition does not bring together what it keeps */
    {"select a.k, count(*) from orders a cross join people b left join people c on a.k = c.k and b.k = c.k group by a.k",
     "a.k", "not joined"},
    {"select k, (select count(*) from orders o left join people h on o.k = z.k and h.k = o.k) as n from people z",
     "(select c", "sees other"},
    /* a name that is a key's, and another column */
    {"select o.k, max(c) from orders o join (select k, count(*) as c from people h(x, k) group by k) using (k) group by o.k",
     "k) using", "several customers"},
    {"select o.k, max(c) from orders o join (select k, count(*) as c from (select * replace (s as k) from orders) group by k) "
     "using (k) group by o.k",
     "k) using", "several customers"},
    {"select o.k, max(c) from orders o join (select k, count(*) as c from (select s as k, k from orders) group by k) "
     "using (k) group by o.k",
     "k) using", "several customers"},
    {"select k, count(*) from (select k, s as x from orders union all by name select k as x, s as k from orders) u group by u.k",
     "u.k", "several customers"},
    /* rows that tie */
    {"select k, i, lag(t) over (partition by k order by t) as l from orders", "lag", "tie"},
    {"select k, last_value(i) over (partition by k order by i rows between 1 preceding and 1 following) as x from orders",
     "last_value", "RANGE"},
    {"select k, max(s collate nocase) from orders group by k", "max", "COLLATE"},
    {"select k, bitstring_agg(i) from orders group by k", "bitstring_agg", "other customers"},
    {"select k, count(*) from orders, (values (random())) v(z) where z < 0.5 group by k", "random",
     "run to run"},
    {"select k, avg(d) from orders group by k", "avg", "sum(x) / count(x)"},
    {"select k, avg(f * 2) from orders group by k", "avg", "floating-point"},
    {"select k, stddev(m) from orders group by k", "stddev", "floating point"},
    {"select k, corr(i, p) from orders group by k", "corr", "floating point"},
    {"select k, first(s) from orders group by k", "first", "tie"},
    {"select k, first(s order by t) from orders group by k", "first", "tie"},
    {"select k, any_value(s) from orders group by k", "any_value", "tie"},
    {"select k, mode(s) from orders group by k", "mode", "frequent"},
    {"select k, arg_max(s, t) from orders group by k", "arg_max", "tie"},
    {"select k, max_by(s, t) from orders group by k", "max_by", "tie"},
    {"select k, list(s) from orders group by k", "list", "ORDER BY"},
    {"select k, string_agg(s, ',' order by t) from orders group by k", "string_agg", "ORDER BY"},
    {"select k, approx_count_distinct(s) from orders group by k", "approx", "count(distinct"},
    {"select k, max(t) - now() from orders group by k", "now", "as_of"},
    {"select k, current_date from people", "current_date", "as_of"},
    {"select k, today() from people", "today", "as_of"},
    {"select k, age(max(t)) from orders group by k", "age", "as_of"},
    {"select k, random() from people", "random", "run to run"},
    {"select k, uuid() from people", "uuid", "run to run"},
    {"select k, ln(age) from people", "ln", "transform"},
    {"select k, age ** 2 from people", "**", "transform"},
    {"select k, exp(age) from people", "exp", "transform"},
    {"select k, sin(age) from people", "sin", "transform"},
    {"select k, rowid from people", "rowid", "order"},
    {"select k, current_setting('TimeZone') from people", "current_setting", "machine"},
    {"select k, age from people limit 10", "10", "LIMIT"},
    {"select k, age from people offset 1", "1", "LIMIT"},
    {"select distinct on (k) k, age from people", "k) k", "DISTINCT ON"},
    {"select k, age from people using sample 10", NULL, "sample"},
    {"select k, row_number() over (partition by k order by t) from orders", "row_number", "rank()"},
    {"select k, lag(i) over (partition by k order by t) from orders", "lag", "tie"},
    {"select k, sum(i) over (order by t) from orders", "sum", "PARTITION BY"},
    {"select k, rank() over (order by age) from people", "rank", "PARTITION BY"},
    {"select k, sum(i) over (partition by k order by t rows between 1 preceding and current row) from orders",
     "sum", "RANGE"},
    {"select k, age / (select max(age) from people) from people", "max", "GROUP BY"},
    {"select k, age from people where age > (select age from people)", "(select", "other customers"},
    {"select k, sum(i) from orders where p in (select p from orders where i > 3) group by k", NULL,
     "other customers"},
    {"with m as (select p, sum(i) as n from orders group by p) select o.k, sum(m.n) from orders o join m using (p) group "
     "by o.k",
     "p) select", "customer key"},
    {"select a.k, count(*) from orders a join orders b on a.p = b.p group by a.k", "a.k",
     "joined on the customer key"},
    {"select a.k, count(*) from orders a, people b group by a.k", "a.k",
     "joined on the customer key"},
    {"select k, count(*) from orders group by grouping sets ((k), ())", "k), ()", "customer key"},
    {"select k, count(i) from products left join orders using (p) group by k", NULL, "lookup"},
    {"select k, age from people natural join orders", NULL, "NATURAL"},
    {"select o.k from orders o positional join people", NULL, "POSITIONAL"},
    {"select o.k, age from orders o asof join people h on o.k = h.k and o.i >= h.age", NULL, "ASOF"},
    {"select k from read_csv('/etc/passwd')", "read_csv", "sources only"},
    {"select k, age from '/tmp/x.parquet'", "'/tmp", "not a source"},
    {"select k, age from peple", "peple", "people"},
    {"select k, ages from people", "ages", "age"},
    {"select k, age from people; select 1", NULL, "one SELECT"},
    {"drop table people", NULL, "SELECT"},
    {"attach 'x.db'", NULL, "SELECT"},
    {"selec k from people", "selec", "syntax"},
    {"select k, age from", NULL, "syntax"},
    {"", NULL, "empty"},
    {"select #1 from people", "#1", "position"},
    {"with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select k, n from people, r",
     NULL, "recursive"},
    {"from people pivot (sum(d) for age in (1, 2))", NULL, "PIVOT"},
    {"select k, list_aggr(list(i order by i), 'stddev') from orders group by k", "list_aggr",
     "by name"},
    {"select k, main.sum(d) from orders group by k", "main", "plain sum"},
    {"select k, sum((select max(q.w) from products q)) from orders group by k", "sum", "cast it"},
    {"select k, nosuch(age) from people", "nosuch", "nosuch"},
};

Test(sql_rules, what_is_no_function_of_the_rows_is_refused_at_its_place)
{
    struct fixture fixture = {0};
    open_fixture(&fixture);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        check_sql(&fixture, refused[i].text, true);
        cr_expect_gt(fixture.problems->total, 0, "accepted: %s", refused[i].text);
        if (fixture.problems->total == 0) continue;
        const char *at = refused[i].at ? strstr(refused[i].text, refused[i].at) : NULL;
        bool found = false;
        bool said = false;
        for (size_t j = 0; j < fixture.problems->count; j++) {
            const struct strata_problem *problem = &fixture.problems->item[j];
            const bool here = !at || problem->place.column == 5 + (int)(at - refused[i].text);
            found = found || here;
            said = said || (here && strstr(problem->text, refused[i].says));
        }
        const struct strata_problem *first = &fixture.problems->item[0];
        cr_expect(found, "%s: at column %d: %s", refused[i].text, first->place.column - 5,
                  first->text);
        cr_expect(said, "%s: %s", refused[i].text, first->text);
    }
    close_fixture(&fixture);
}

Test(sql_rules, files_that_the_sql_names_are_not_read)
{
    struct fixture fixture = {0};
    open_fixture(&fixture);
    check_sql(&fixture, "select nobody from read_csv('/etc/passwd')", true);
    for (size_t i = 0; i < fixture.problems->count; i++)
        cr_assert_not(strstr(fixture.problems->item[i].text, "root"));
    close_fixture(&fixture);
}

Test(sql_rules, as_of_needs_a_day_in_the_job_file)
{
    struct fixture fixture = {0};
    open_fixture(&fixture);
    check_sql(&fixture, "select k, date_diff('day', max(t), as_of()) from orders group by k", false);
    cr_assert_eq(fixture.problems->total, 1);
    cr_assert(strstr(fixture.problems->item[0].text, "as_of"));
    close_fixture(&fixture);
}

Test(sql_rules, lines_of_a_block_are_counted_in_the_job_file)
{
    struct fixture fixture = {0};
    open_fixture(&fixture);
    check_sql(&fixture,
              "select k,\n  random() as r,\n  'é' || stddev(i)\nfrom orders\ngroup by k\n", true);
    cr_assert_eq(fixture.problems->total, 2);
    cr_assert_eq(fixture.problems->item[0].place.line, 11);
    cr_assert_eq(fixture.problems->item[0].place.column, 4 + 3);
    cr_assert_eq(fixture.problems->item[1].place.line, 12);
    cr_assert_eq(fixture.problems->item[1].place.column, 4 + 10);
    close_fixture(&fixture);
}

Test(sql_rules, sums_of_doubles_and_only_these_are_sent_to_the_exact_one)
{
    struct fixture fixture = {0};
    open_fixture(&fixture);
    check_sql(
        &fixture,
        "select k, sum(d), SUM(m), Sum(i + f) from (select k, d, m, i, f from orders) group by k",
        true);
    cr_assert_eq(fixture.problems->total, 0);
    cr_assert_str_eq(
        fixture.result.sql,
        "select k, strata_exact_sum(d), SUM(m), strata_exact_sum(i + f) from (select k, d, "
        "m, i, f from orders) group by k");
    close_fixture(&fixture);
}

Test(sql_rules, names_that_the_sql_mentions_are_told)
{
    struct fixture fixture = {0};
    open_fixture(&fixture);
    check_sql(&fixture, "select o.k, sum(m) from orders o join products using (p) group by o.k",
              true);
    cr_assert_not(fixture.result.all_columns);
    const char *const wanted[] = {"k", "m", "p"};
    for (size_t i = 0; i < 3; i++) {
        bool found = false;
        for (size_t j = 0; j < fixture.result.n_names; j++)
            found |= strcmp(fixture.result.name[j], wanted[i]) == 0;
        cr_assert(found, "%s", wanted[i]);
    }
    check_sql(&fixture, "select * from people", true);
    cr_assert(fixture.result.all_columns);
    check_sql(&fixture, "select k, count(distinct orders) from orders group by k", true);
    cr_assert(fixture.result.all_columns);
    close_fixture(&fixture);
}

Test(sql_rules, a_changed_key_is_seen)
{
    struct fixture fixture = {0};
    open_fixture(&fixture);
    check_sql(&fixture, "select upper(k) as k, age from people", true);
    cr_assert_eq(fixture.problems->total, 0);
    cr_assert_not(fixture.result.key_is_source_key);
    check_sql(&fixture, "select department as k, w from products", true);
    cr_assert_not(fixture.result.key_is_source_key);
    close_fixture(&fixture);
}
