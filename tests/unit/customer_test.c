/* One customer of a finished run: found by the key alone, told what may be told, and never without a line in the log. */
#include "strata/customer.h"

#include <criterion/criterion.h>
#include <unistd.h>

#include "fake_record.h"
#include "fake_run.h"
#include "results/results_impl.h"
#include "strata/log.h"
#include "strata/v1/control.pb-c.h"

static struct strata_arena arena;
static char folder[64];

static void begin(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 30));
    (void)snprintf(folder, sizeof folder, "/tmp/strata-customer-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    struct strata_err err = {0};
    strata_log_close();
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_arena_finish(&arena);
}

TestSuite(customer, .init = begin, .fini = end);

static Strata__V1__Result *record(void)
{
    size_t n_bytes = 0;
    unsigned char *bytes = fake_record(&arena, 3, &n_bytes);
    const struct strata_blob blob = {bytes, n_bytes};
    Strata__V1__Result *made =
        (Strata__V1__Result *)strata_record_unpack(&strata__v1__result__descriptor, &blob, &arena);
    cr_assert_not_null(made);
    made->features[0]->label = (char *)(uintptr_t) "yearly spend";
    return made;
}

static void set_mean(Strata__V1__Result *made, size_t segment, double mean)
{
    Strata__V1__ProfileCell *cell = made->segments[segment]->cells[0];
    PUT_REAL(cell, mean, STRATA__V1__PROFILE_CELL__HAS_MEAN_MEAN, mean);
}

static Strata__V1__Reply ask(const Strata__V1__Result *made, const char *key)
{
    struct strata_err err = {0};
    struct strata_customers *customers = NULL;
    Strata__V1__Reply reply;
    strata__v1__reply__init(&reply);
    cr_assert_eq(strata_customers_open(folder, made, &customers, &err), STRATA_OK, "%s", err.text);
    strata_customers_answer(customers, key, ":0:0:7", &arena, &reply);
    strata_customers_close(&customers);
    cr_assert_neq(reply.code, STRATA__V1__CODE__CODE_UNSPECIFIED);
    return reply;
}

Test(customer, every_key_finds_its_own_row)
{
    const char *const *key = fake_keys(&arena);
    Strata__V1__Result *made = record();
    fake_run(folder, key, false, false, &arena);
    set_mean(made, 0, 28.4);
    set_mean(made, 1, 3.1);
    for (uint32_t i = 0; i < FAKE_ROWS; i++) {
        const Strata__V1__Reply reply = ask(made, key[i]);
        cr_assert_eq(reply.code, STRATA__V1__CODE__CODE_OK, "%s", reply.text);
        cr_assert_eq(reply.customer->segment, 1 + i % 2);
        cr_assert_eq(reply.customer->runner_up, 2 - i % 2);
        cr_assert_str_eq(reply.customer->name, made->segments[i % 2]->name);
        cr_assert_eq(reply.customer->n_reasons, 1, "one that the record does not know is left out");
        cr_assert_eq(reply.customer->reasons[0]->share, 0.75);
        cr_assert_eq(strtoul(reply.customer->reasons[0]->value, NULL, 10), i);
    }
    cr_assert_str_eq(
        ask(made, "1030").customer->reasons[0]->text,
        "yearly spend: 30; Young discount hunters 28 on average, High-income loyalists 3");
}

Test(customer, no_key_is_sql_and_unknown_ones_are_not_found)
{
    static const char *const others[] = {
        "",  "1", "01000", "1000 ",    "' or 1=1 --", "1000' or 'a'='a",
        "%", "*", "$1",    "\xc3\xa9", "1000\n"};
    fake_run(folder, fake_keys(&arena), false, false, &arena);
    Strata__V1__Result *made = record();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect_eq(ask(made, others[i]).code, STRATA__V1__CODE__CODE_NOT_FOUND, "%s", others[i]);
    const Strata__V1__Reply broken = ask(made, "\xff\xfe");
    cr_expect_eq(broken.code, STRATA__V1__CODE__CODE_BAD_REQUEST, "no UTF-8");
    cr_expect_null(broken.customer);
}

Test(customer, keys_are_brought_into_the_form_of_the_ingest)
{
    const char **key = (const char **)(uintptr_t)fake_keys(&arena);
    Strata__V1__Result *made = record();
    fake_run(folder, key, true, false, &arena);
    cr_expect_eq(ask(made, "01000").code, STRATA__V1__CODE__CODE_OK);
    cr_expect_eq(ask(made, "+1000").code, STRATA__V1__CODE__CODE_OK);
    cr_expect_eq(ask(made, "1000x").code, STRATA__V1__CODE__CODE_NOT_FOUND);
    cr_expect_eq(ask(made, "99999999999999999999").code, STRATA__V1__CODE__CODE_NOT_FOUND);
    key[3] = "Caf\xc3\xa9 o'Neill";
    fake_run(folder, key, false, false, &arena);
    cr_expect_eq(ask(made, "Caf\xc3\xa9 o'Neill").code, STRATA__V1__CODE__CODE_OK);
    cr_expect_eq(ask(made, "Cafe\xcc\x81 o'Neill").code, STRATA__V1__CODE__CODE_OK, "in NFC");
}

Test(customer, of_hidden_cells_no_figure_is_told)
{
    fake_run(folder, fake_keys(&arena), false, false, &arena);
    Strata__V1__Result *made = record();
    set_mean(made, 0, 28.4);
    set_mean(made, 1, 3.1);
    for (size_t hidden = 0; hidden < 2; hidden++) {
        made->segments[hidden]->cells[0]->hidden = true;
        const Strata__V1__Reason *reason = ask(made, "1030").customer->reasons[0];
        cr_expect_str_eq(reason->text, "yearly spend: 30");
        cr_expect_eq((int)reason->has_segment_figure_case, 0);
        cr_expect_eq((int)reason->has_rival_figure_case, 0);
        made->segments[hidden]->cells[0]->hidden = false;
    }
}

Test(customer, a_run_of_an_older_strata_has_a_segment_and_no_reasons)
{
    fake_run(folder, fake_keys(&arena), false, true, &arena);
    const Strata__V1__Reply reply = ask(record(), "1001");
    cr_assert_eq(reply.code, STRATA__V1__CODE__CODE_OK);
    cr_expect_eq(reply.customer->segment, 2);
    cr_expect_eq(reply.customer->n_reasons, 0);
}

Test(customer, assignments_of_another_run_are_not_told)
{
    fake_run(folder, fake_keys(&arena), false, false, &arena);
    Strata__V1__Result *made = record();
    made->n_segments = 1;
    cr_expect_eq(ask(made, "1001").code, STRATA__V1__CODE__CODE_INTERNAL);
}

Test(customer, a_run_without_assignments_says_how_to_have_them)
{
    struct strata_err err = {0};
    struct strata_customers *customers = NULL;
    cr_expect_eq(strata_customers_open(folder, record(), &customers, &err), STRATA_E_UNAVAILABLE);
    cr_expect_null(customers);
    cr_expect(strstr(err.text, "run the job again"), "%s", err.text);
    strata_customers_close(&customers);
}

/* The hash in the n-th line of the log. */
static void hash_of_line(const char *log, int n, char hash[33])
{
    for (; n > 0; n--) log = strchr(log, '\n') + 1;
    const char *at = strstr(log, "\"key_hash\":\"");
    cr_assert(at);
    memcpy(hash, at + strlen("\"key_hash\":\""), 32);
    hash[32] = '\0';
}

Test(customer, each_look_leaves_a_line_without_key_or_value)
{
    struct strata_err err = {0};
    char *log = NULL, first[33], again[33], other[33];
    size_t n_bytes = 0;
    const char *path = strata_path_join(folder, "log.jsonl", &arena);
    Strata__V1__Result *made = record();
    fake_run(folder, fake_keys(&arena), false, false, &arena);
    cr_assert_eq(strata_log_open(path, &err), STRATA_OK, "%s", err.text);
    (void)ask(made, "1017");
    (void)ask(made, "1017");
    (void)ask(made, "nobody");
    cr_assert_eq(strata_file_read(path, 1 << 20, &arena, &log, &n_bytes, &err), STRATA_OK);
    hash_of_line(log, 0, first);
    hash_of_line(log, 1, again);
    hash_of_line(log, 2, other);
    cr_expect_str_eq(first, again);
    cr_expect_str_neq(first, other);
    cr_expect(strstr(log, "\"event\":\"audit.customer\",\"who\":\":0:0:7\""), "%s", log);
    cr_expect(strstr(log, "\"found\":\"yes\"") && strstr(log, "\"found\":\"no\""), "%s", log);
    cr_expect_null(strstr(log, "1017"));
    cr_expect_null(strstr(log, "nobody"));
}

Test(customer, a_look_without_a_server_is_logged_or_refused)
{
    struct strata_err err = {0};
    Strata__V1__Reply reply;
    Strata__V1__Result *made = record();
    fake_run(folder, fake_keys(&arena), false, false, &arena);
    strata__v1__reply__init(&reply);
    cr_assert_eq(strata_customer_look(folder, made, "1001", &arena, &reply, &err), STRATA_OK);
    cr_expect_eq(reply.code, STRATA__V1__CODE__CODE_OK);
    const char *path = strata_path_join(folder, "log.jsonl", &arena);
    cr_assert_eq(access(path, F_OK), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(strata_directory_make(path, &err), STRATA_OK);
    strata__v1__reply__init(&reply);
    cr_expect_eq(strata_customer_look(folder, made, "1001", &arena, &reply, &err), STRATA_E_CREATE);
    cr_expect_eq((int)reply.body_case, 0);
}
