/* What the channel takes of `assign` and `explain`: how large, how often, from whom; and what of other kinds it does not
 * even unpack. */
#include "control/requests.h"

#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "fake_record.h"
#include "fake_run.h"
#include "strata/clock.h"
#include "strata/log.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"
#include "strata/score.h"

enum { MANY = 4096 };

static struct strata_board board;
static struct strata_desk desk;
static struct strata_arena arena, scratch; /* scratch: what the server has for one request */
static char folder[64];

static void setup(void)
{
    size_t n_bytes = 0;
    struct strata_snapshot now = {.state = STRATA_JOB_DONE, .k = FAKE_SEGMENTS};
    cr_assert(strata_arena_init(&arena, (size_t)1 << 30));
    cr_assert(strata_arena_init(&scratch, STRATA_REQUEST_MEMORY_BYTES));
    strata_board_init(&board);
    (void)snprintf(folder, sizeof folder, "/tmp/strata-assign-XXXXXX");
    cr_assert(mkdtemp(folder));
    desk = (struct strata_desk){.board = &board, .directory = folder, .incarnation = "i"};
    desk.caller = (struct strata_caller){.name = "local", .role = STRATA_CLIENT_OPERATOR};
    fake_run(folder, fake_keys(&arena), false, false, &arena);
    const unsigned char *bytes = fake_record(&arena, FAKE_SEGMENTS, &n_bytes);
    strata_board_publish_result(&board, bytes, n_bytes);
    strata_board_publish(&board, &now);
}

static void teardown(void)
{
    struct strata_err err = {0};
    strata_log_close();
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_desk_finish(&desk);
    strata_board_finish(&board);
    strata_arena_finish(&scratch);
    strata_arena_finish(&arena);
}

TestSuite(assign, .init = setup, .fini = teardown);

static const Strata__V1__Reply *answer_bytes(const void *bytes, size_t n_bytes)
{
    struct strata_arena room = scratch; /* as the server does it */
    strata_desk_look(&desk);
    const Strata__V1__Reply *reply = strata_request_answer(&desk, bytes, n_bytes, &room);
    cr_assert_not_null(reply);
    const size_t n_packed = strata__v1__reply__get_packed_size(reply);
    unsigned char *packed = STRATA_NEW(&arena, unsigned char, n_packed + 1);
    (void)strata__v1__reply__pack(reply, packed);
    return strata_unpack(&strata__v1__reply__descriptor, packed, n_packed, &arena);
}

/* An assign of n customers: spends i % 40, region by turns, every tenth without. */
static const Strata__V1__Reply *ask(uint32_t n, bool details, size_t *n_bytes)
{
    Strata__V1__Request request;
    Strata__V1__Assign assign = STRATA__V1__ASSIGN__INIT;
    Strata__V1__Column spend, region, *columns[] = {&spend, &region};
    strata__v1__request__init(&request);
    strata__v1__column__init(&spend);
    strata__v1__column__init(&region);
    spend.feature = (char *)(uintptr_t) "spend";
    region.feature = (char *)(uintptr_t) "region";
    spend.numbers = STRATA_NEW(&arena, double, n);
    region.texts = STRATA_NEW(&arena, char *, n);
    region.missing = STRATA_NEW(&arena, uint32_t, n);
    for (uint32_t i = 0; i < n; i++) {
        spend.numbers[i] = i % 40;
        region.texts[i] = (char *)(uintptr_t)(i % 3 ? (i % 2 ? "north" : "south") : "elsewhere");
        if (i % 10 == 0) region.missing[region.n_missing++] = i;
    }
    spend.n_numbers = region.n_texts = n;
    request.id = 77;
    request.body_case = STRATA__V1__REQUEST__BODY_ASSIGN;
    request.assign = &assign;
    assign.columns = columns;
    assign.n_columns = 2;
    assign.customers = n;
    assign.details = details;
    *n_bytes = strata__v1__request__get_packed_size(&request);
    unsigned char *bytes = STRATA_NEW(&arena, unsigned char, *n_bytes);
    (void)strata__v1__request__pack(&request, bytes);
    return answer_bytes(bytes, *n_bytes);
}

Test(assign, the_largest_batch_is_answered_and_unknown_levels_are_counted)
{
    size_t n_bytes = 0;
    const Strata__V1__Reply *reply = ask(MANY, true, &n_bytes);
    cr_assert_gt(n_bytes, STRATA_SMALL_REQUEST_BYTES_MAX);
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_OK, "%s", reply->text);
    cr_assert_eq(reply->id, 77);
    const Strata__V1__AssignReply *told = reply->assign;
    cr_assert_eq(told->n_segments, MANY);
    cr_assert_eq(told->n_margins, MANY);
    uint64_t unknown = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        const uint32_t spend = i % 40, nearest = spend < 30 ? spend / 10 : 2;
        unknown += i % 3 == 0 && i % 10 != 0;
        if (spend % 10 == 0 && spend > 0 && spend < 30) continue; /* on the border: the first */
        cr_assert_eq(told->segments[i], nearest + 1, "%u", i);
    }
    cr_expect_eq(told->invalid, unknown);
    cr_expect_eq(told->model_hash, strata_scorer_hash(desk.scorer));
    const Strata__V1__Reply *bare = ask(MANY, false, &n_bytes);
    cr_expect_eq(bare->assign->n_margins, 0);
    cr_expect_eq(memcmp(bare->assign->segments, told->segments, MANY * sizeof(uint32_t)), 0);
    cr_expect_eq(ask(MANY + 1, false, &n_bytes)->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
}

Test(assign, large_requests_of_other_kinds_are_refused_unread_and_keep_their_id)
{
    static unsigned char bytes[STRATA_SMALL_REQUEST_BYTES_MAX + 64];
    /* id 5, get_status, and an unknown field 999 of bytes */
    static const unsigned char head[] = {8, 5, 0x8a, 1, 0, 0xba, 0x3e, 0x80, 0x80, 4};
    memcpy(bytes, head, sizeof head);
    const Strata__V1__Reply *reply = answer_bytes(bytes, sizeof head + 65536);
    cr_expect_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
    cr_expect_eq(reply->id, 5);
    cr_expect(strstr(reply->text, "64 KiB"), "%s", reply->text);
    reply = answer_bytes(bytes, sizeof bytes); /* the rest is no field */
    cr_expect_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
    cr_expect_eq(reply->id, 0);
}

Test(assign, what_would_unpack_to_more_than_its_room_is_refused)
{
    /* id 5, and an assign of a megabyte of empty columns, or of texts, or of unknown fields */
    static const unsigned char inner[] = {0x0a, 0x1a, 0x78};
    static unsigned char bytes[STRATA_REQUEST_BYTES_MAX];
    const size_t n = sizeof bytes - 8;
    for (size_t kind = 0; kind < sizeof inner; kind++) {
        const unsigned char head[] = {8,
                                      5,
                                      0x82,
                                      2,
                                      (unsigned char)(n & 0x7f) | 0x80,
                                      (unsigned char)(n >> 7 & 0x7f) | 0x80,
                                      (unsigned char)(n >> 14)};
        for (size_t i = sizeof head; i < sizeof bytes; i += 2)
            bytes[i] = inner[kind], bytes[i + 1 < sizeof bytes ? i + 1 : i] = 0;
        memcpy(bytes, head, sizeof head);
        const Strata__V1__Reply *reply = answer_bytes(bytes, sizeof head + n);
        cr_expect_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST, "%zu", kind);
        cr_expect_leq(*scratch.touched - scratch.start, STRATA_REQUEST_MEMORY_BYTES);
        size_t n_bytes = 0;
        cr_expect_eq(ask(10, false, &n_bytes)->code, STRATA__V1__CODE__CODE_OK,
                     "the next is served");
    }
}

Test(assign, as_many_texts_as_a_batch_may_have_are_unpacked_in_their_room)
{
    enum { TEXTS = 4096, COLUMNS = 32 };
    static char *text[TEXTS];
    Strata__V1__Request request;
    Strata__V1__Assign assign = STRATA__V1__ASSIGN__INIT;
    Strata__V1__Column column, *columns[COLUMNS + 1];
    strata__v1__request__init(&request);
    strata__v1__column__init(&column);
    for (size_t i = 0; i < TEXTS; i++) text[i] = (char *)(uintptr_t) "abcde";
    for (size_t i = 0; i <= COLUMNS; i++) columns[i] = &column;
    column.texts = text;
    column.n_texts = TEXTS;
    request.id = 5;
    request.body_case = STRATA__V1__REQUEST__BODY_ASSIGN;
    request.assign = &assign;
    assign.columns = columns;
    assign.customers = TEXTS;
    for (assign.n_columns = COLUMNS; assign.n_columns <= COLUMNS + 1; assign.n_columns++) {
        const size_t n_bytes = strata__v1__request__get_packed_size(&request);
        unsigned char *bytes = STRATA_NEW(&arena, unsigned char, n_bytes);
        (void)strata__v1__request__pack(&request, bytes);
        const Strata__V1__Reply *reply = answer_bytes(bytes, n_bytes);
        const char *words = assign.n_columns == COLUMNS ? "column 1 of 32 is of no feature"
                                                        : "at most 131,072 texts";
        cr_expect_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
        cr_expect(strstr(reply->text, words), "%s", reply->text);
    }
}

Test(assign, large_batches_and_explanations_are_paid_for_by_their_size)
{
    struct strata_bucket bucket = {.spent = 2.0 * STRATA_CLIENT_TOKENS_S, .seen_s = 1e18};
    size_t n_bytes = 0;
    desk.caller.bucket = &bucket;
    const Strata__V1__Reply *busy = ask(MANY, false, &n_bytes);
    cr_expect_eq(busy->code, STRATA__V1__CODE__CODE_BUSY);
    cr_expect_eq(busy->id, 77);
    bucket = (struct strata_bucket){.spent = 0};
    const double each = 1 + (double)n_bytes / STRATA_LARGE_TOKEN_BYTES + 8; /* and the reply */
    cr_expect_eq(ask(MANY, false, &n_bytes)->code, STRATA__V1__CODE__CODE_OK);
    cr_expect(bucket.spent >= 1 && bucket.spent <= each, "%g", bucket.spent);
    bucket = (struct strata_bucket){.spent = 0};
    Strata__V1__Request request;
    Strata__V1__Explain explain = STRATA__V1__EXPLAIN__INIT;
    unsigned char bytes[64];
    strata__v1__request__init(&request);
    request.id = 5;
    request.body_case = STRATA__V1__REQUEST__BODY_EXPLAIN;
    request.explain = &explain;
    explain.customers = 64;
    const Strata__V1__Reply *reply = answer_bytes(bytes, strata__v1__request__pack(&request, bytes));
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_OK, "%s", reply->text);
    cr_expect_eq(reply->explain->n_customers, 64);
    const double looks = 64 * STRATA_AUDITED_TOKENS;
    cr_expect(bucket.spent >= looks && bucket.spent <= looks + 8, "%g", bucket.spent);
    explain.customers = 65;
    reply = answer_bytes(bytes, strata__v1__request__pack(&request, bytes));
    cr_expect_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
}

Test(assign, each_batch_leaves_one_line_without_a_value)
{
    struct strata_err err = {0};
    char *log = NULL;
    size_t n_bytes = 0;
    const char *path = strata_path_join(folder, "log.jsonl", &arena);
    cr_assert_eq(strata_log_open(path, &err), STRATA_OK);
    desk.caller.peer = ":0:0:7";
    (void)ask(30, false, &n_bytes);
    (void)ask(0, false, &n_bytes);
    cr_assert_eq(strata_file_read(path, 1 << 20, &arena, &log, &n_bytes, &err), STRATA_OK);
    cr_expect(strstr(log, "\"event\":\"audit.assign\",\"who\":\":0:0:7\",\"customers\":30,"
                          "\"columns\":2,\"invalid\":9,\"effect\":\"told\"}\n"),
              "%s", log);
    cr_expect(strstr(log, "\"effect\":\"refused\""), "%s", log);
    cr_expect_null(strstr(log, "elsewhere"));
}

Test(assign, a_run_without_a_sound_model_says_so_and_answers_the_rest)
{
    size_t n_bytes = 0;
    struct strata_err err = {0};
    const char *path = strata_path_join(folder, "model.pb", &arena);
    cr_assert_eq(strata_file_write(path, "\x08\x01", 2, false, &err), STRATA_OK);
    const Strata__V1__Reply *reply = ask(3, false, &n_bytes);
    cr_expect_eq(reply->code, STRATA__V1__CODE__CODE_UNAVAILABLE);
    cr_expect(strstr(reply->text, "model.pb"), "%s", reply->text);
    cr_assert_eq(unlink(path), 0);
    cr_expect_eq(ask(3, false, &n_bytes)->code, STRATA__V1__CODE__CODE_UNAVAILABLE);
    fake_model(folder, false, &arena);
    cr_expect_eq(ask(3, false, &n_bytes)->code, STRATA__V1__CODE__CODE_OK, "once it is there");
}
