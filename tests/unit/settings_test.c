/* What has changed since a run began is named. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "job/job_impl.h"
#include "strata/config.h"

static const char *const job_text =
    "job: j\nsources:\n  - {name: orders, files: [a.csv, b.csv], key: id, columns: {x: double}}\n"
    "  - {name: people, files: p.parquet, key: id}\n"
    "customers: |\n  select id,\n\n    sum(x) as x: y\n  from orders group by id\n"
    "features:\n  - {name: x, type: numeric}\n  - {name: age, type: ordinal, levels: [young, old]}\n"
    "model: {segments: {from: 2, to: 8}, seed: 7}\n";

/* The printed job with these overrides, NULL-terminated. */
static char *printed(const char *const *set, struct strata_arena *keep)
{
    struct strata_problems problems = {0};
    struct strata_err err = {0};
    struct strata_config *config = NULL;
    char *text = NULL;
    size_t n_set = 0;
    while (set[n_set]) n_set++;
    cr_assert_eq(strata_config_parse(job_text, strlen(job_text), "/jobs/job.yaml", set, n_set, keep,
                                     &config, &problems, &err),
                 STRATA_OK);
    cr_assert_eq(problems.total, 0u, "%s",
                 problems.total ? (strata_problems_print(&problems, stderr), "see above") : "");
    cr_assert_eq(strata_config_print(config, keep, &text, &err), STRATA_OK);
    return text;
}

static void expect(const char *before, const char *now, const char *sentence)
{
    char what[512] = "";
    struct strata_arena keep;
    cr_assert(strata_arena_init(&keep, (size_t)1 << 28));
    const char *one = printed((const char *const[]){before, NULL}, &keep);
    const char *two = printed((const char *const[]){now, NULL}, &keep);
    const bool differ = strata_job_settings_differ(one, two, what, sizeof what);
    cr_assert_eq(differ, sentence != NULL, "%s", what);
    if (sentence) cr_assert_str_eq(what, sentence);
    strata_arena_finish(&keep);
}

Test(settings, a_change_is_named)
{
    expect(NULL, "model.seed=8", "\"model.seed\" was 7 and is 8");
    expect("model.seed=8", NULL, "\"model.seed\" was 8 and is 7");
    expect(NULL, "model.segments.to=9", "\"model.segments.to\" was 8 and is 9");
    expect(NULL, "model.start=s.csv", "\"model.start\" was not set and is /jobs/s.csv");
    expect("model.start=s.csv", NULL, "\"model.start\" was /jobs/s.csv and is not set");
    expect(NULL, "features.age.role=descriptor",
           "\"features.age.role\" was basis and is descriptor");
    expect(NULL, "sources.orders.columns.x=integer",
           "\"sources.orders.columns.x\" was double and is integer");
    expect(NULL, "customers=select 1", "\"customers\" has been changed");
}

Test(settings, what_shows_in_no_result_may_change)
{
    static const char *const may[] = {
        "threads=3", "memory=1GiB",         "control=off",         "checkpoint.interval=5",
        "output=o",  "readers=coordinator", "outputs.features=yes"};
    for (size_t i = 0; i < sizeof may / sizeof *may; i++) expect(NULL, may[i], NULL);
    expect(NULL, NULL, NULL);
}

Test(settings, the_table_does_not_depend_on_the_model)
{
    struct strata_arena keep;
    cr_assert(strata_arena_init(&keep, (size_t)1 << 28));
    const char *plain = printed((const char *const[]){NULL}, &keep);
    const char *model = printed((const char *const[]){"model.seed=8", NULL}, &keep);
    const char *data = printed((const char *const[]){"sources.orders.key=k", NULL}, &keep);
    const char *names = printed((const char *const[]){"follows=last", NULL}, &keep);
    const uint64_t of_plain = strata_job_data_fingerprint(plain, "in");
    cr_assert_eq(of_plain, strata_job_data_fingerprint(model, "in"));
    cr_assert_eq(of_plain, strata_job_data_fingerprint(names, "in"));
    cr_assert_neq(of_plain, strata_job_data_fingerprint(data, "in"));
    cr_assert_neq(of_plain, strata_job_data_fingerprint(plain, "other"));
    strata_arena_finish(&keep);
}

Test(settings, files)
{
    static const char *const before =
        "orders\t/d/a b.csv\t10\t5.000000001\norders\t/d/b.csv\t7\t5.0\n";
    char what[512] = "";
    cr_assert_not(strata_job_inputs_differ(before, before, what, sizeof what));
    static const struct {
        const char *now, *sentence;
    } each[] = {
        {"orders\t/d/a b.csv\t11\t5.000000001\norders\t/d/b.csv\t7\t5.0\n",
         "/d/a b.csv has been changed since"},
        {"orders\t/d/a b.csv\t10\t5.000000002\norders\t/d/b.csv\t7\t5.0\n",
         "/d/a b.csv has been changed since"},
        {"orders\t/d/b.csv\t7\t5.0\n", "/d/a b.csv is no longer among the inputs"},
        {"orders\t/d/a b.csv\t10\t5.000000001\norders\t/d/b.csv\t7\t5.0\norders\t/d/c.csv\t7\t5.0\n",
         "/d/c.csv has come to the inputs since"},
        {"", "/d/a b.csv is no longer among the inputs"},
    };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        cr_assert(strata_job_inputs_differ(before, each[i].now, what, sizeof what));
        cr_assert_str_eq(what, each[i].sentence);
    }
}
