/* The same customers whatever the ranks, the formats, the files and the order of rows. */
#include "strata/ingest.h"

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

TestSuite(ingest, .init = open_world, .fini = close_world);

static const int rank_counts[] = {1, 2, 3, 5};

/* Purchases with notes full of quotes, commas and line ends; households; products. */
static void write_shop(void)
{
    world_sql(
        &world,
        "CREATE TABLE purchases AS SELECT 'c' || lpad((i * 37 % 90)::VARCHAR, 3, '0') AS customer, i AS id, "
        "((hash(i * 7) % 100000) / 100)::DECIMAL(10,2) AS amount, (hash(i * 3) % 5)::INTEGER AS product, "
        "((hash(i * 11) % 1000003)::DOUBLE / 97) * (CASE i % 4 WHEN 0 THEN 1e12 ELSE 1e-9 END) AS weight, "
        "CASE i % 6 WHEN 0 THEN 'say \"hi\", please' WHEN 1 THEN E'two\\nlines, \"and\"\\n\"more\"' WHEN 2 THEN NULL WHEN 3 "
        "THEN '\"' WHEN 4 THEN E'\\r\\n' ELSE 'plain' END AS note, "
        "DATE '2020-01-01' + (hash(i) % 300)::INTEGER AS day FROM range(700) t(i);"
        "CREATE TABLE households AS SELECT 'c' || lpad(i::VARCHAR, 3, '0') AS customer, (20 + i % 50) AS age, "
        "CASE i % 3 WHEN 0 THEN 'town' WHEN 1 THEN 'land' END AS area FROM range(0, 110, 2) t(i);"
        "CREATE TABLE products AS SELECT i AS product, 'group ' || (i % 2) AS kind FROM range(5) t(i);"
        "COPY purchases TO '$/purchases.parquet' (ROW_GROUP_SIZE 2048);"
        "COPY purchases TO '$/purchases.csv' (FORCE_QUOTE (note));"
        "COPY (FROM purchases ORDER BY hash(id)) TO '$/shuffled.csv' (FORCE_QUOTE (note));"
        "COPY (FROM purchases ORDER BY hash(id + 1)) TO '$/shuffled.parquet';"
        "COPY (FROM purchases WHERE id % 3 = 0 ORDER BY id DESC) TO '$/part-1.csv' (FORCE_QUOTE (note));"
        "COPY (FROM purchases WHERE id % 3 = 1) TO '$/part-2.csv' (FORCE_QUOTE (note));"
        "COPY (FROM purchases WHERE id % 3 = 2) TO '$/part-3.csv' (FORCE_QUOTE (note));"
        "COPY purchases TO '$/purchases.csv.gz' (FORCE_QUOTE (note));"
        "COPY purchases TO '$/purchases.jsonl' (FORMAT json);"
        "COPY households TO '$/households.csv'; COPY households TO '$/households.parquet';"
        "COPY products TO '$/products.csv'; COPY products TO '$/products.parquet';");
}

static const char *shop_job(const char *files, const char *suffix, const char *reader)
{
    return strata_arena_print(
        &world.arena,
        "job: shop\n"
        "readers: %s\n"
        "as_of: 2021-01-01\n"
        "sources:\n"
        "  - name: purchases\n"
        "    files: %s\n"
        "    key: customer\n"
        "    columns: {id: integer, amount: \"decimal(10,2)\", product: integer, weight: double, day: "
        "date}\n"
        "  - {name: households, files: households.%s, key: customer, columns: {age: integer}}\n"
        "  - {name: products, files: products.%s, lookup: yes, columns: {product: integer}}\n"
        "customers: |\n"
        "  with p as (select customer, sum(amount) as spend, sum(weight) as weight, count(*) as n,\n"
        "      count(distinct note) as notes, sum(length(note)) as letters, max(day) as last,\n"
        "      count(*) filter (where kind = 'group 1') as odd\n"
        "    from purchases left join products using (product) group by customer)\n"
        "  select customer, spend, weight, n, notes, letters, odd, area,\n"
        "    date_diff('day', last, as_of()) as recency, age, area = 'town' as urban\n"
        "  from p left join households using (customer)\n"
        "features:\n"
        "  - {name: spend, type: numeric}\n"
        "  - {name: weight, type: numeric}\n"
        "  - {name: n, type: count}\n"
        "  - {name: notes, type: count}\n"
        "  - {name: letters, type: count}\n"
        "  - {name: odd, type: count}\n"
        "  - {name: recency, type: numeric}\n"
        "  - {name: age, type: numeric}\n"
        "  - {name: area, type: nominal}\n"
        "  - {name: urban, type: binary}\n",
        reader, files, suffix, suffix);
}

/* The reference: one rank, Parquet. */
static const char *shop_reference(void)
{
    write_shop();
    world_job(&world, shop_job("purchases.parquet", "parquet", "all"));
    const char *text = world_run(&world, 1);
    cr_assert_not_null(text, "%s", world.err[0].text);
    return strata_arena_copy(&world.arena, text, strlen(text));
}

Test(ingest, table_is_the_same_for_any_ranks_formats_files_and_order)
{
    static const struct {
        const char *files, *suffix, *reader;
    } cases[] = {
        {"purchases.parquet", "parquet", "all"},
        {"purchases.csv", "csv", "all"},
        {"shuffled.csv", "parquet", "all"},
        {"shuffled.parquet", "csv", "all"},
        {"part-*.csv", "csv", "all"},
        {"[part-3.csv, part-2.csv, part-1.csv]", "csv", "all"},
        {"purchases.csv.gz", "csv", "all"},
        {"purchases.jsonl", "csv", "all"},
        {"part-*.csv", "csv", "coordinator"},
        {"purchases.parquet", "parquet", "coordinator"},
    };
    const char *expected = shop_reference();
    cr_assert_eq(world.table[0]->n_rows, 90);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world_job(&world, shop_job(cases[i].files, cases[i].suffix, cases[i].reader));
        for (size_t r = 0; r < 4; r++) {
            if (r != i % 4 && i > 1) continue; /* each files with one number of ranks */
            const char *text = world_run(&world, rank_counts[r]);
            cr_assert_not_null(text, "%s: %s", cases[i].files, world.err[0].text);
            cr_expect_str_eq(text, expected, "%s on %d ranks", cases[i].files, rank_counts[r]);
        }
    }
}

Test(ingest, table_equals_what_plain_sql_says)
{
    struct strata_err err = {0};
    struct strata_duck *duck = NULL;
    const char *text = shop_reference();
    cr_assert_eq(strata_duck_open(&(struct strata_duck_options){0}, &duck, &err), STRATA_OK);
    for (size_t i = 0; i < world.table[0]->n_rows; i++) {
        int64_t cents = 0;
        cr_assert_eq(
            strata_duck_scalar(
                duck, &cents, &err,
                "SELECT (sum(amount) * 100)::BIGINT FROM '%s/purchases.parquet' WHERE customer = '%s'",
                world.folder, world.table[0]->key[i]),
            STRATA_OK, "%s", err.text);
        cr_assert_eq((double)cents / 100, world.table[0]->column[0].number[i]);
    }
    cr_assert(strstr(text, "c000|"));
    strata_duck_close(&duck);
}

Test(ingest, rows_are_sorted_and_on_the_rank_that_owns_them)
{
    (void)shop_reference();
    cr_assert_not_null(world_run(&world, 3));
    uint64_t global = 0;
    for (int rank = 0; rank < 3; rank++) {
        const struct strata_table *table = world.table[rank];
        global += table->n_rows;
        cr_assert_eq(table->n_rows_global, 90);
        for (size_t i = 0; i < table->n_rows; i++) {
            const uint32_t partition = strata_partition_of(table->key_hash[i]);
            cr_assert_eq(table->key_hash[i], strata_hash(table->key[i], strlen(table->key[i])));
            cr_assert_eq(strata_partition_rank(partition, 3), rank);
            if (i == 0) continue;
            const uint32_t before = strata_partition_of(table->key_hash[i - 1]);
            cr_assert(before < partition ||
                      (before == partition && strcmp(table->key[i - 1], table->key[i]) < 0));
        }
    }
    cr_assert_eq(global, 90);
}

Test(ingest, levels_are_the_same_sorted_list_on_all_ranks)
{
    (void)shop_reference();
    cr_assert_not_null(world_run(&world, 5));
    for (int rank = 0; rank < 5; rank++) {
        const struct strata_column *area = &world.table[rank]->column[8];
        cr_assert_eq(area->kind, STRATA_COLUMN_TEXT);
        cr_assert_eq(area->n_levels, 2);
        cr_assert_str_eq(area->level[0], "land");
        cr_assert_str_eq(area->level[1], "town");
    }
}

Test(ingest, an_exchange_in_many_rounds_gives_the_same)
{
    const char *expected = shop_reference();
    world_job(&world, shop_job("purchases.csv", "csv", "all"));
    world.limits.round_bytes = 100000;
    cr_assert_str_eq(world_run(&world, 3), expected);
    const uint64_t few = world.n_exchanges;
    world.limits.round_bytes = 600;
    cr_assert_str_eq(world_run(&world, 3), expected);
    cr_assert_gt(world.n_exchanges, 3 * few);
}

Test(ingest, a_csv_that_cannot_be_cut_is_read_whole_and_gives_the_same)
{
    struct ingest_text text = ingest_text_begin(&world.arena, 1 << 20);
    ingest_text_add(&text, "k,x,note\n");
    for (int i = 0; i < 200; i++)
        ingest_text_add(&text, "c%d,%d,%s\n", i % 17, i, i % 50 == 7 ? "12\" pipe" : "plain");
    world_write(&world, "odd.csv", text.bytes);
    world_job(
        &world,
        "job: odd\n"
        "sources:\n  - {name: s, files: odd.csv, key: k, columns: {x: integer}, delimiter: \",\", quote: '\"'}\n"
        "customers: select k, sum(x) as x, max(note) as note from s group by k\n"
        "features: [{name: x, type: numeric}, {name: note, type: nominal}]\n");
    world.limits.unit_bytes = 1 << 20;
    const char *whole = world_run(&world, 1);
    cr_assert_not_null(whole, "%s", world.err[0].text);
    const char *expected = strata_arena_copy(&world.arena, whole, strlen(whole));
    world.limits.unit_bytes = 64;
    for (size_t r = 0; r < 4; r++) {
        const char *cut = world_run(&world, rank_counts[r]);
        cr_assert_not_null(cut, "%s", world.err[0].text);
        cr_expect_str_eq(cut, expected);
    }
}

Test(ingest, a_single_source_without_sql_is_the_view)
{
    world_write(&world, "flat.csv", "name,spend,town\nb,2.5,x\na,1,y\nc,,x\n");
    world_job(&world,
              "job: flat\n"
              "sources: [{name: flat, files: flat.csv, key: name, columns: {spend: double}}]\n"
              "features: [{name: spend, type: numeric}, {name: town, type: nominal}]\n");
    for (size_t r = 0; r < 4; r++) {
        const char *text = world_run(&world, rank_counts[r]);
        cr_assert_not_null(text, "%s", world.err[0].text);
        cr_expect(strstr(text, "a|1|y\n") && strstr(text, "b|2.5|x\n") && strstr(text, "c||x\n"),
                  "%s", text);
    }
}

Test(ingest, keys_are_canonical)
{
    /* e with an accent, as one code point and as two; 7 and 007; spaces. */
    world_write(&world, "k.csv", "k,x\n\xC3\xA9,1\ne\xCC\x81,2\n7,3\n007,4\n");
    world_job(
        &world,
        "job: keys\nsources: [{name: s, files: k.csv, key: k, columns: {x: integer}}]\n"
        "customers: select k, sum(x) as x from s group by k\nfeatures: [{name: x, type: numeric}]\n");
    const char *text = world_run(&world, 2);
    cr_assert_not_null(text, "%s", world.err[0].text);
    cr_assert(strstr(text, "\xC3\xA9|3\n") && strstr(text, "007|4\n") && strstr(text, "7|3\n"),
              "%s", text);
    cr_assert_eq(world.table[0]->n_rows_global, 3);

    world_write(&world, "i.csv",
                "k,x\n7,3\n007,4\n+7,5\n7.0,6\n 7 ,7\n-1,8\nseven,9\n7.5,10\n,11\n");
    world_job(
        &world,
        "job: keys\nkey_type: integer\nsources: [{name: s, files: i.csv, key: k, columns: {x: integer}}]\n"
        "customers: select k, sum(x) as x from s group by k\nfeatures: [{name: x, type: numeric}]\n");
    text = world_run(&world, 2);
    cr_assert_not_null(text, "%s", world.err[0].text);
    cr_assert(strstr(text, "7|25\n") && strstr(text, "-1|8\n"), "%s", text);
    cr_assert_eq(world.quality[1].source[0].invalid_key_rows, 2);
    cr_assert_eq(world.quality[1].source[0].null_key_rows, 1);
    cr_assert_eq(world.quality[1].source[0].rows, 9);
}

Test(ingest, integer_keys_are_the_same_in_any_column_type)
{
    world_sql(
        &world,
        "COPY (SELECT i::DOUBLE AS k, 1 AS x FROM range(9) t(i) UNION ALL SELECT 2.5, 1) TO '$/d.parquet';"
        "COPY (SELECT i::BIGINT AS k, 1 AS x FROM range(9) t(i)) TO '$/i.parquet';"
        "COPY (SELECT i::VARCHAR AS k, 1 AS x FROM range(9) t(i)) TO '$/s.parquet'");
    world_job(&world,
              "job: keys\nkey_type: integer\nsources:\n  - {name: d, files: d.parquet, key: k}\n"
              "  - {name: i, files: i.parquet, key: k}\n  - {name: s, files: s.parquet, key: k}\n"
              "customers: select k, d.x + i.x + s.x as x from d join i using (k) join s using (k)\n"
              "features: [{name: x, type: numeric}]\n");
    const char *text = world_run(&world, 3);
    cr_assert_not_null(text, "%s", world.err[0].text);
    cr_assert_eq(world.table[0]->n_rows_global, 9);
    cr_assert_eq(world.quality[0].source[0].invalid_key_rows, 1);
}

Test(ingest, quality_counts_keys_over_all_ranks)
{
    world_write(&world, "a.csv", "k,x\n1,1\n2,1\n3,1\n3,2\n,5\n");
    world_write(&world, "b.csv", "k,y\n2,1\n9,1\n8,1\n");
    world_job(
        &world,
        "job: q\nsources:\n  - {name: a, files: a.csv, key: k, columns: {x: integer}}\n"
        "  - {name: b, files: b.csv, key: k, columns: {y: integer}}\n"
        "customers: |\n  select k, sum(x) as x, max(y) as y from a left join b using (k) group by k\n"
        "features: [{name: x, type: numeric}, {name: y, type: numeric}]\n");
    for (size_t r = 0; r < 4; r++) {
        cr_assert_not_null(world_run(&world, rank_counts[r]), "%s", world.err[0].text);
        const struct strata_quality *quality = &world.quality[rank_counts[r] - 1];
        cr_expect_eq(quality->customers, 3);
        cr_expect_eq(quality->source[0].rows, 5);
        cr_expect_eq(quality->source[0].null_key_rows, 1);
        cr_expect_eq(quality->source[0].keys, 3);
        cr_expect_eq(quality->source[0].matched_keys, 3);
        cr_expect_eq(quality->source[1].keys, 3);
        cr_expect_eq(quality->source[1].matched_keys, 1);
        cr_expect_eq(quality->source[1].orphan_keys, 2);
    }
}

Test(ingest, what_is_not_finite_is_missing_and_counted)
{
    world_sql(
        &world,
        "COPY (SELECT * FROM (VALUES ('a', 'nan'::DOUBLE), ('b', 'inf'), ('c', '-inf'), ('d', 2), ('e', NULL), "
        "('f', -0.0)) t(k, x)) TO '$/x.parquet'");
    world_job(
        &world,
        "job: x\nsources: [{name: s, files: x.parquet, key: k}]\nfeatures: [{name: x, type: numeric}]\n");
    const char *text = world_run(&world, 3);
    cr_assert_not_null(text, "%s", world.err[0].text);
    cr_assert(strstr(text, "a|\n") && strstr(text, "b|\n") && strstr(text, "d|2\n") &&
                  strstr(text, "f|0\n"),
              "%s", text);
    cr_assert_eq(world.quality[2].feature[0].not_finite, 3);
}

Test(ingest, an_empty_source_is_legal_when_another_has_customers)
{
    world_write(&world, "a.csv", "k,x\n1,1\n2,5\n");
    world_write(&world, "b.csv", "k,y\n");
    world_sql(&world, "COPY (SELECT 1 AS k, 'x' AS z WHERE false) TO '$/c.parquet'");
    world_job(
        &world,
        "job: e\nsources:\n  - {name: a, files: a.csv, key: k, columns: {x: integer}}\n"
        "  - {name: b, files: b.csv, key: k, columns: {y: integer}}\n  - {name: c, files: c.parquet, key: k}\n"
        "customers: |\n  select k, x, y, z from a left join b using (k) left join c using (k)\n"
        "features: [{name: x, type: numeric}, {name: y, type: numeric}, {name: z, type: nominal}]\n");
    for (size_t r = 0; r < 4; r++) {
        const char *text = world_run(&world, rank_counts[r]);
        cr_assert_not_null(text, "%s", world.err[0].text);
        cr_expect(strstr(text, "1|1||\n") && strstr(text, "2|5||\n"), "%s", text);
    }
}

Test(ingest, more_ranks_than_customers_are_fine)
{
    world_write(&world, "one.csv", "k,x\nonly,1\n");
    world_job(&world,
              "job: one\nsources: [{name: s, files: one.csv, key: k, columns: {x: integer}}]\n"
              "features: [{name: x, type: numeric}]\n");
    cr_assert_str_eq(world_run(&world, 8), "only|1\n");
}

Test(ingest, nothing_of_a_run_stays_in_the_temporary_folder)
{
    world_write(&world, "one.csv", "k,x\nonly,1\n");
    world_job(&world,
              "job: one\nsources: [{name: s, files: one.csv, key: k, columns: {x: integer}}]\n"
              "features: [{name: x, type: numeric}]\n");
    cr_assert_not_null(world_run(&world, 3));
    cr_assert_eq(unlink(world_path(&world, "one.csv")), 0);
    cr_assert_eq(rmdir(world.folder), 0, "something is left");
    cr_assert_eq(mkdir(world.folder, 0700), 0);
}
