/* The run directory: the same bytes for any number of ranks, sealed, read back. */
#include "results/results_impl.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/duck.h"
#include "strata/file.h"

#include "results_world.h"

static struct strata_arena arena;
static char folder[64];

static void begin(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 30));
    (void)snprintf(folder, sizeof folder, "/tmp/strata-results-XXXXXX");
    cr_assert(mkdtemp(folder));
    (void)umask(022);
}

static void end(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_arena_finish(&arena);
}

TestSuite(results, .init = begin, .fini = end);

struct write {
    const char *directory;
    size_t n;
    enum strata_reader reader;
    bool no_rejects, no_reasons;
    bool break_part; /* a folder stands where a part should be */
    atomic_int failed;
    struct strata_err err;
};

static void write_body(struct strata_comm *comm, void *context)
{
    struct write *write = context;
    struct strata_arena own;
    struct strata_err err = {0};
    struct strata_blob result = {0};
    struct world *world = NULL;
    if (!strata_arena_init(&own, (size_t)1 << 28)) abort();
    world = STRATA_NEW(&own, struct world, 1);
    world_make(world, comm->rank, comm->size, write->n, &own);
    world->config.reader = write->reader;
    if (write->no_rejects) world->quality.n_rejects = 0;
    if (write->no_reasons) world->config.keep_reasons = false;
    if (strata_results_write(comm, write->directory, &world->outcome, write->directory, &own,
                             &result, &err) != STRATA_OK)
        write->failed++;
    if (comm->rank == 0) write->err = err;
    strata_arena_finish(&own);
}

/* Write a run of n customers on so many ranks into folder/name. */
static const char *write_run(const char *name, int ranks, struct write write)
{
    struct strata_err err = {0};
    const char *directory = strata_path_join(folder, name, &arena);
    cr_assert_eq(strata_directory_make(directory, &err), STRATA_OK);
    if (write.break_part) {
        const char *path = strata_path_join(directory, "assignments/part-003.parquet/x", &arena);
        cr_assert_eq(strata_directory_make(path, &err), STRATA_OK);
    }
    write.directory = directory;
    cr_assert_eq(strata_comm_run_threads(ranks, write_body, &write, &err), STRATA_OK, "%s",
                 err.text);
    cr_assert_eq(write.failed, write.break_part ? ranks : 0, "%s", write.err.text);
    return directory;
}

static struct strata_blob read_file(const char *directory, const char *name)
{
    struct strata_err err = {0};
    char *bytes = NULL;
    size_t n_bytes = 0;
    const char *path = strata_path_join(directory, name, &arena);
    cr_assert_eq(strata_file_read(path, (size_t)1 << 28, &arena, &bytes, &n_bytes, &err), STRATA_OK,
                 "%s", err.text);
    return (struct strata_blob){(unsigned char *)bytes, n_bytes};
}

static void expect_same(const char *left, const char *right, const char *name)
{
    const struct strata_blob a = read_file(left, name), b = read_file(right, name);
    cr_expect_eq(a.n_bytes, b.n_bytes, "%s", name);
    cr_expect(a.n_bytes == b.n_bytes && memcmp(a.bytes, b.bytes, a.n_bytes) == 0, "%s", name);
}

static const char *const run_file[] = {"model.pb",
                                       "result.pb",
                                       "result.json",
                                       "quality.json",
                                       "report.html",
                                       "assignments/part-000.parquet",
                                       "assignments/part-001.parquet",
                                       "assignments/part-002.parquet",
                                       "assignments/part-003.parquet",
                                       "features/part-000.parquet",
                                       "features/part-001.parquet",
                                       "features/part-002.parquet",
                                       "features/part-003.parquet"};

Test(results, ranks_and_readers_do_not_change_a_byte)
{
    static const int ranks[] = {2, 3, 5};
    const char *one = write_run("1", 1, (struct write){.n = 1000});
    for (size_t i = 0; i < 6; i++) {
        const enum strata_reader reader = i < 3 ? STRATA_READER_ALL : STRATA_READER_COORDINATOR;
        const char *name = strata_arena_print(&arena, "%d-%d", ranks[i % 3], (int)reader);
        const char *many =
            write_run(name, ranks[i % 3], (struct write){.n = 1000, .reader = reader});
        for (size_t f = 0; f < sizeof run_file / sizeof run_file[0]; f++)
            expect_same(one, many, run_file[f]);
    }
}

Test(results, few_customers_and_none_still_make_whole_parts)
{
    const char *one = write_run("one", 1, (struct write){.n = 1});
    const char *same = write_run("same", 5, (struct write){.n = 1});
    for (size_t f = 0; f < sizeof run_file / sizeof run_file[0]; f++)
        expect_same(one, same, run_file[f]);
}

Test(results, rejected_rows_are_listed_where_there_are_any)
{
    struct strata_err err = {0};
    struct strata_duck *duck = NULL;
    int64_t count = 0;
    const char *directory = write_run("run", 2, (struct write){.n = 5});
    cr_assert_eq(strata_duck_open(&(struct strata_duck_options){0}, &duck, &err), STRATA_OK);
    cr_assert_eq(
        strata_duck_scalar(
            duck, &count, &err,
            "select count(*) from '%s/rejects.parquet' where source = 'orders' and file = "
            "'o''rders.csv' and (line = 7 and \"column\" is null and reason = 'too many columns' "
            "or line = 9 and \"column\" = 'age')",
            directory),
        STRATA_OK, "%s", err.text);
    cr_expect_eq(count, 2);
    strata_duck_close(&duck);
    const char *none = write_run("none", 1, (struct write){.n = 5, .no_rejects = true});
    cr_expect_neq(access(strata_path_join(none, "rejects.parquet", &arena), F_OK), 0);
}

static int64_t ask(struct strata_duck *duck, const char *directory, const char *what)
{
    struct strata_err err = {0};
    int64_t value = -1;
    cr_assert_eq(strata_duck_scalar(duck, &value, &err,
                                    "select %s from read_parquet('%s/*.parquet', "
                                    "filename=true, file_row_number=true)",
                                    what, directory),
                 STRATA_OK, "%s", err.text);
    return value;
}

Test(results, parts_hold_each_customer_once_sorted_by_key)
{
    struct strata_err err = {0};
    struct strata_duck *duck = NULL;
    const char *directory = write_run("run", 3, (struct write){.n = 1000});
    const char *parts = strata_path_join(directory, "assignments", &arena);
    const char *features = strata_path_join(directory, "features", &arena);
    cr_assert_eq(strata_duck_open(&(struct strata_duck_options){0}, &duck, &err), STRATA_OK);
    cr_expect_eq(ask(duck, parts, "count(distinct key)"), 1000);
    cr_expect_eq(ask(duck, parts, "count(*)"), 1000);
    cr_expect_eq(ask(duck, parts, "count(distinct filename)"), 4);
    cr_expect_eq(
        ask(duck, parts, "count(*) filter (segment = 1 and segment_name = 'Old spenders')"), 334);
    cr_expect_eq(ask(duck, parts, "count(*) filter (runner_up is null)"), 1);
    cr_expect_eq(ask(duck, parts, "count(*) filter (distance = 999 / 3.0 and margin = 1 / 1000.0)"),
                 1);
    cr_expect_eq(ask(duck, features, "count(*) filter (spend = -1000 / 65536.0)"), 1);
    cr_expect_eq(ask(duck, features, "count(\"SPEND (4)\")"), 1000, "a taken name gets a number");
    int64_t unsorted = -1;
    cr_assert_eq(
        strata_duck_scalar(duck, &unsorted, &err,
                           "select count(*) from (select key, lag(key) over (partition by filename "
                           "order by file_row_number) as before from read_parquet('%s/*.parquet', "
                           "filename=true, file_row_number=true)) where key <= before",
                           parts),
        STRATA_OK, "%s", err.text);
    cr_expect_eq(unsorted, 0);
    strata_duck_close(&duck);
}

/* Of the world's rows the number is 3 times the distance; spend is a seventh of it. */
Test(results, assignments_tell_reasons_with_the_customers_own_values)
{
    struct strata_err err = {0};
    struct strata_duck *duck = NULL;
    const char *directory = write_run("run", 3, (struct write){.n = 1000});
    const char *parts = strata_path_join(directory, "assignments", &arena);
    cr_assert_eq(strata_duck_open(&(struct strata_duck_options){0}, &duck, &err), STRATA_OK);
    cr_expect_gt(ask(duck, parts, "count(*) filter (reason_1 = 'age' and reason_2 = 'spend')"), 0);
    cr_expect_gt(ask(duck, parts, "count(*) filter (reason_1 = 'spend' and reason_2 is null)"), 0);
    cr_expect_eq(ask(duck, parts, "count(reason_3)"), 0, "region is not in the basis");
    cr_expect_eq(ask(duck, parts,
                     "count(*) filter (reason_1 = 'spend' and value_1 <> round(3 * distance) "
                     "/ 7 or reason_2 = 'spend' and value_2 <> round(3 * distance) / 7)"),
                 0);
    cr_expect_eq(ask(duck, parts,
                     "count(*) filter (reason_1 = 'age' and level_1 <> ['ancient', 'old', "
                     "'young'][1 + round(3 * distance)::int % 3])"),
                 0);
    cr_expect_eq(ask(duck, parts,
                     "count(*) filter (level_1 = 'ancient' or level_2 = 'ancient' or "
                     "round(3 * distance)::int % 11 = 0 and 'spend' in (reason_1, reason_2) or "
                     "round(3 * distance)::int % 12 = 0 and 'age' in (reason_1, reason_2))"),
                 0, "no reason without a value that counts");
    cr_expect_eq(
        ask(duck, parts,
            "count(*) filter (share_1 <= 0 or share_2 > share_1 or share_1 + share_2 > "
            "1.0001 or (reason_1 is null) <> (share_1 is null) or (reason_1 is null) <> "
            "(value_1 is null and level_1 is null) or value_1 is not null and level_1 is not null)"),
        0);
    cr_expect_eq(ask(duck, parts, "count(*) filter (runner_up is null and reason_1 is not null)"),
                 0);
    strata_duck_close(&duck);
}

Test(results, a_job_that_wants_no_reasons_writes_no_values_of_customers)
{
    struct strata_err err = {0};
    struct strata_duck *duck = NULL;
    const char *directory = write_run("run", 2, (struct write){.n = 1000, .no_reasons = true});
    const char *parts = strata_path_join(directory, "assignments", &arena);
    cr_assert_eq(strata_duck_open(&(struct strata_duck_options){0}, &duck, &err), STRATA_OK);
    cr_expect_eq(ask(duck, parts, "count(segment) + count(runner_up)"), 1999);
    cr_expect_eq(ask(duck, parts,
                     "count(reason_1) + count(value_1) + count(level_1) + count(share_1) + "
                     "count(reason_2) + count(value_2) + count(level_2) + count(share_2) + "
                     "count(reason_3) + count(value_3) + count(level_3) + count(share_3)"),
                 0);
    strata_duck_close(&duck);
}

static unsigned mode_of(const char *directory, const char *name)
{
    struct stat facts = {0};
    cr_assert_eq(stat(strata_path_join(directory, name, &arena), &facts), 0, "%s", name);
    return (unsigned)(facts.st_mode & 07777);
}

Test(results, what_tells_of_single_customers_is_for_its_owner_only)
{
    static const char *const open[] = {"result.pb", "result.json", "quality.json", "report.html"};
    static const char *const private[] = {"model.pb", "assignments/part-000.parquet",
                                          "features/part-003.parquet", "rejects.parquet"};
    const char *directory = write_run("run", 2, (struct write){.n = 1000});
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        cr_expect_eq(mode_of(directory, open[i]), 0644, "%s", open[i]);
    for (size_t i = 0; i < sizeof private / sizeof *private; i++)
        cr_expect_eq(mode_of(directory, private[i]), 0600, "%s", private[i]);
    cr_expect_eq(mode_of(directory, "assignments"), 0700);
    cr_expect_eq(mode_of(directory, "features"), 0700);
}

Test(results, number_of_parts_depends_on_customers_alone)
{
    cr_expect_eq(strata_part_count(0), 4);
    cr_expect_eq(strata_part_count(1000000), 4);
    cr_expect_eq(strata_part_count(4 * 262144 + 4), 8);
    cr_expect_eq(strata_part_count(UINT64_C(50000000)), 256);
    cr_expect_eq(strata_part_count(UINT64_MAX), 256);
}

Test(results, a_part_that_cannot_be_written_fails_on_all_ranks_alike)
{
    write_run("broken", 3, (struct write){.n = 50, .break_part = true});
}

static struct strata_run_facts facts(void)
{
    static struct strata_stage_time stage[] = {{"ingest", 0.5}, {"fit", 2}};
    static const char *const command[] = {"stop at iteration 7"};
    return (struct strata_run_facts){.ranks = 3,
                                     .input_fingerprint = 7,
                                     .started = "2025-01-01T00:00:00Z",
                                     .ended = "2025-01-01T00:00:09Z",
                                     .stage = stage,
                                     .n_stages = 2,
                                     .n_sums = 11,
                                     .sum_bytes = 88,
                                     .command = command,
                                     .n_commands = 1};
}

Test(results, a_run_is_finished_when_it_is_sealed_and_not_before)
{
    struct strata_err err = {0};
    struct strata_blob result = {0};
    const char *directory = write_run("run", 1, (struct write){.n = 20});
    cr_expect_eq(strata_results_read(directory, &arena, &result, &err), STRATA_E_NO_INPUT);
    struct world *world = STRATA_NEW(&arena, struct world, 1);
    world_make(world, 0, 1, 20, &arena);
    const struct strata_run_facts run = facts();
    err = (struct strata_err){0};
    cr_assert_eq(strata_results_seal(directory, &world->config, &run, arena, &err), STRATA_OK, "%s",
                 err.text);
    cr_assert_eq(strata_results_read(directory, &arena, &result, &err), STRATA_OK, "%s", err.text);
    const struct strata_blob file = read_file(directory, "result.pb");
    cr_assert_eq(result.n_bytes, file.n_bytes);
    cr_assert(memcmp(result.bytes, file.bytes, file.n_bytes) == 0);
}

Test(results, the_seal_names_every_file_with_its_hash)
{
    struct strata_err err = {0};
    const char *directory = write_run("run", 2, (struct write){.n = 20});
    struct world *world = STRATA_NEW(&arena, struct world, 1);
    world_make(world, 0, 1, 20, &arena);
    const struct strata_run_facts run = facts();
    cr_assert_eq(strata_results_seal(directory, &world->config, &run, arena, &err), STRATA_OK, "%s",
                 err.text);
    const char *manifest = (const char *)read_file(directory, "manifest.json").bytes;
    for (size_t f = 0; f < sizeof run_file / sizeof run_file[0]; f++) {
        char hex[65];
        const struct strata_blob file = read_file(directory, run_file[f]);
        strata_sha256_hex(file.bytes, file.n_bytes, hex);
        cr_expect(strstr(manifest, hex), "%s", run_file[f]);
        cr_expect(strstr(manifest, run_file[f]), "%s", run_file[f]);
    }
    cr_expect(strstr(manifest, "\"seed\": \"18446744073709551615\""));
    cr_expect(strstr(manifest, "stop at iteration 7"));
}

Test(results, a_newer_format_is_refused_by_name)
{
    struct strata_err err = {0};
    struct strata_blob blob = {0}, result = {0};
    Strata__V1__Result newer;
    strata__v1__result__init(&newer);
    newer.format_version = 2;
    cr_assert_eq(strata_record_pack(&newer.base, &arena, &blob, &err), STRATA_OK);
    const char *record = strata_path_join(folder, "result.pb", &arena);
    const char *seal = strata_path_join(folder, "manifest.json", &arena);
    cr_assert_eq(strata_file_write(record, blob.bytes, blob.n_bytes, false, &err), STRATA_OK);
    cr_assert_eq(strata_file_write(seal, "{}", 2, false, &err), STRATA_OK);
    cr_expect_eq(strata_results_read(folder, &arena, &result, &err), STRATA_E_DATA);
    cr_expect(strstr(err.text, "format version 2"), "%s", err.text);
    err = (struct strata_err){0};
    cr_assert_eq(strata_file_write(record, "\xff\xff", 2, false, &err), STRATA_OK);
    cr_expect_eq(strata_results_read(folder, &arena, &result, &err), STRATA_E_DATA);
    cr_expect(strstr(err.text, "damaged"), "%s", err.text);
}

Test(results, text_of_the_record_cannot_end_an_element_of_the_page)
{
    const char *directory = write_run("run", 1, (struct write){.n = 5});
    const char *page = (const char *)read_file(directory, "report.html").bytes;
    size_t ends = 0;
    for (const char *at = page; (at = strstr(at, "</script")); at++) ends++;
    cr_expect_eq(ends, 3, "one for each script of the frame");
    cr_expect(strstr(page, "<title>Customer segments: small &lt;/script&gt; job</title>"));
    cr_expect(strstr(page, "\"job\":\"small \\u003c/script> job\""));
    cr_expect_null(strstr(page, "<!--data-->"));
}

static strata_status publish_run(const char *directory, int ranks, size_t n)
{
    struct strata_err err = {0};
    struct strata_attempt *attempt = STRATA_NEW(&arena, struct strata_attempt, 1);
    struct world *world = STRATA_NEW(&arena, struct world, 1);
    world_make(world, 0, 1, n, &arena);
    const struct strata_run_facts run = facts();
    cr_assert_eq(strata_attempt_begin(directory, attempt, &err), STRATA_OK, "%s", err.text);
    (void)write_run(attempt->tray + strlen(folder) + 1, ranks, (struct write){.n = n});
    cr_assert_eq(strata_results_seal(attempt->tray, &world->config, &run, arena, &err), STRATA_OK);
    const strata_status status = strata_results_publish(attempt, &err);
    cr_assert(strata_attempt_end(attempt));
    return status;
}

/* A directory that was used before must not pass files of the earlier run off as the later one's. */
Test(results, what_is_published_replaces_an_earlier_run_and_nothing_that_others_put_there)
{
    struct strata_err err = {0};
    struct strata_blob result = {0};
    const char *directory = write_run("run", 2, (struct write){.n = 20});
    const char *others = strata_path_join(directory, "features/notes.txt", &arena);
    const char *half = strata_path_join(directory, "assignments/.part-000.parquet.7.tmp", &arena);
    const char *stale = strata_path_join(directory, "assignments/part-200.parquet", &arena);
    cr_assert_eq(strata_file_write(others, "x", 1, false, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(strata_file_write(half, "x", 1, false, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(strata_file_write(stale, "x", 1, false, &err), STRATA_OK, "%s", err.text);

    const char *fresh = write_run("fresh", 1, (struct write){.n = 30});
    cr_assert_eq(publish_run(directory, 3, 30), STRATA_OK);
    for (size_t f = 0; f < sizeof run_file / sizeof run_file[0]; f++)
        expect_same(directory, fresh, run_file[f]);
    cr_expect_eq(access(others, F_OK), 0);
    cr_expect_neq(access(half, F_OK), 0);
    cr_expect_neq(access(stale, F_OK), 0);
    cr_assert_eq(strata_results_read(directory, &arena, &result, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(publish_run(directory, 1, 20), STRATA_OK, "once more");
}
