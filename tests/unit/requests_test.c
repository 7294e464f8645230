/* The request table: every kind in every state gets the documented code, whatever the bytes are there is a reply. */
#include "control/requests.h"

#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fake_manifest.h"
#include "fake_record.h"
#include "fake_run.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"

#define N_STATES STRATA_JOB_STATE_COUNT

static struct strata_board board;
static struct strata_desk desk;
static struct strata_arena arena;
static char folder[64];

static void setup(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 30));
    strata_board_init(&board);
    (void)snprintf(folder, sizeof folder, "/tmp/strata-requests-XXXXXX");
    cr_assert(mkdtemp(folder));
    desk = (struct strata_desk){.board = &board,
                                .directory = folder,
                                .incarnation = "0123456789abcdef",
                                .events = "ipc:///e"};
    desk.caller = (struct strata_caller){.name = "local", .role = STRATA_CLIENT_OPERATOR};
}

static void teardown(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_desk_finish(&desk);
    strata_board_finish(&board);
    strata_arena_finish(&arena);
}

TestSuite(requests, .init = setup, .fini = teardown);

static Strata__V1__Set set; /* of the request last made */

static size_t row_of(Strata__V1__Request__BodyCase kind)
{
    size_t row = 0;
    while (strata_request_rows[row].kind != kind) row++;
    return row;
}
#define CUSTOMER row_of(STRATA__V1__REQUEST__BODY_GET_CUSTOMER)
#define SET row_of(STRATA__V1__REQUEST__BODY_SET)

/* One request of each kind, in the table's order. */
static Strata__V1__Request *request_of(size_t row)
{
    static Strata__V1__Request request;
    static Strata__V1__Hello hello;
    static Strata__V1__GetStatus status;
    static Strata__V1__GetSegments segments;
    static Strata__V1__GetSegment segment;
    static Strata__V1__GetPersonas personas;
    static Strata__V1__GetPersona persona;
    static Strata__V1__Stop stop;
    static Strata__V1__Checkpoint checkpoint;
    static Strata__V1__GetCustomer customer;
    static Strata__V1__GetHealth health;
    static Strata__V1__GetEvaluation evaluation;
    static Strata__V1__GetQuality quality;
    static Strata__V1__GetManifest manifest;
    static Strata__V1__GetMetrics metrics;
    static Strata__V1__GetSnapshot snapshot;
    static Strata__V1__GetEvents events;
    static Strata__V1__Assign assign;
    static Strata__V1__Explain explain;
    static Strata__V1__Pause pause;
    static Strata__V1__Resume resume;
    static Strata__V1__Cancel cancel;
    strata__v1__get_health__init(&health);
    strata__v1__get_evaluation__init(&evaluation);
    strata__v1__get_quality__init(&quality);
    strata__v1__get_manifest__init(&manifest);
    strata__v1__get_metrics__init(&metrics);
    strata__v1__get_snapshot__init(&snapshot);
    strata__v1__get_events__init(&events);
    strata__v1__assign__init(&assign);
    strata__v1__explain__init(&explain);
    assign.customers = explain.customers = 2; /* who have no values */
    strata__v1__pause__init(&pause);
    strata__v1__resume__init(&resume);
    strata__v1__cancel__init(&cancel);
    strata__v1__set__init(&set);
    set.what_case = STRATA__V1__SET__WHAT_TOLERANCE;
    set.tolerance = 0.01;
    strata__v1__request__init(&request);
    strata__v1__hello__init(&hello);
    strata__v1__get_status__init(&status);
    strata__v1__get_segments__init(&segments);
    strata__v1__get_segment__init(&segment);
    strata__v1__get_personas__init(&personas);
    strata__v1__get_persona__init(&persona);
    strata__v1__stop__init(&stop);
    strata__v1__checkpoint__init(&checkpoint);
    strata__v1__get_customer__init(&customer);
    customer.key = (char *)(uintptr_t) "1001";
    segment.id = 2;
    persona.id = 2;
    request.id = 1000 + row;
    request.body_case = strata_request_rows[row].kind;
    switch (request.body_case) {
    case STRATA__V1__REQUEST__BODY_HELLO:
        request.hello = &hello;
        break;
    case STRATA__V1__REQUEST__BODY_GET_STATUS:
        request.get_status = &status;
        break;
    case STRATA__V1__REQUEST__BODY_GET_SEGMENTS:
        request.get_segments = &segments;
        break;
    case STRATA__V1__REQUEST__BODY_GET_SEGMENT:
        request.get_segment = &segment;
        break;
    case STRATA__V1__REQUEST__BODY_GET_PERSONAS:
        request.get_personas = &personas;
        break;
    case STRATA__V1__REQUEST__BODY_GET_PERSONA:
        request.get_persona = &persona;
        break;
    case STRATA__V1__REQUEST__BODY_STOP:
        request.stop = &stop;
        break;
    case STRATA__V1__REQUEST__BODY_CHECKPOINT:
        request.checkpoint = &checkpoint;
        break;
    case STRATA__V1__REQUEST__BODY_GET_CUSTOMER:
        request.get_customer = &customer;
        break;
    case STRATA__V1__REQUEST__BODY_GET_HEALTH:
        request.get_health = &health;
        break;
    case STRATA__V1__REQUEST__BODY_GET_EVALUATION:
        request.get_evaluation = &evaluation;
        break;
    case STRATA__V1__REQUEST__BODY_GET_QUALITY:
        request.get_quality = &quality;
        break;
    case STRATA__V1__REQUEST__BODY_GET_MANIFEST:
        request.get_manifest = &manifest;
        break;
    case STRATA__V1__REQUEST__BODY_GET_METRICS:
        request.get_metrics = &metrics;
        break;
    case STRATA__V1__REQUEST__BODY_GET_SNAPSHOT:
        request.get_snapshot = &snapshot;
        break;
    case STRATA__V1__REQUEST__BODY_GET_EVENTS:
        request.get_events = &events;
        break;
    case STRATA__V1__REQUEST__BODY_ASSIGN:
        request.assign = &assign;
        break;
    case STRATA__V1__REQUEST__BODY_EXPLAIN:
        request.explain = &explain;
        break;
    case STRATA__V1__REQUEST__BODY_PAUSE:
        request.pause = &pause;
        break;
    case STRATA__V1__REQUEST__BODY_RESUME:
        request.resume = &resume;
        break;
    case STRATA__V1__REQUEST__BODY_CANCEL:
        request.cancel = &cancel;
        break;
    case STRATA__V1__REQUEST__BODY_SET:
        request.set = &set;
        break;
    case STRATA__V1__REQUEST__BODY__NOT_SET:
    case _STRATA__V1__REQUEST__BODY__CASE_IS_INT_SIZE:
    default:
        cr_assert_fail("a kind without a request");
    }
    return &request;
}

static const Strata__V1__Reply *answer_bytes(const void *bytes, size_t n_bytes)
{
    strata_desk_look(&desk);
    const Strata__V1__Reply *reply = strata_request_answer(&desk, bytes, n_bytes, &arena);
    cr_assert_not_null(reply);
    /* what goes over the wire reads back */
    const size_t n_packed = strata__v1__reply__get_packed_size(reply);
    cr_assert_leq(n_packed, STRATA_REPLY_BYTES_MAX);
    unsigned char *packed = STRATA_NEW(&arena, unsigned char, n_packed);
    (void)strata__v1__reply__pack(reply, packed);
    const Strata__V1__Reply *seen =
        strata_unpack(&strata__v1__reply__descriptor, packed, n_packed, &arena);
    cr_assert_not_null(seen);
    return seen;
}

static const Strata__V1__Reply *answer(const Strata__V1__Request *request)
{
    unsigned char bytes[1024];
    cr_assert_leq(strata__v1__request__get_packed_size(request), sizeof bytes);
    return answer_bytes(bytes, strata__v1__request__pack(request, bytes));
}

static void publish(enum strata_job_state state, uint32_t k)
{
    struct strata_snapshot now = {
        .state = state, .k = k, .customers = 100, .iteration = 7, .remaining_s = -1};
    for (uint32_t i = 0; i < k; i++) now.segment_size[i] = 100.0 / k;
    strata_board_publish(&board, &now);
}

static void publish_record(uint32_t n_segments)
{
    size_t n_bytes = 0;
    fake_manifest(folder, &arena);
    fake_run(folder, fake_keys(&arena), false, false, &arena);
    const unsigned char *bytes = fake_record(&arena, n_segments, &n_bytes);
    strata_board_publish_result(&board, bytes, n_bytes);
}

/* The documented codes, written out by hand: O = OK, - = UNAVAILABLE.  Columns are states in the order of board.h:
 * PENDING INGESTING ENCODING SEEDING FITTING EVALUATING DESCRIBING WRITING DONE STOPPING CANCELLED FAILED PAUSED */
struct expectation {
    const char *name;
    const char *running;  /* no candidate and no result yet */
    const char *fitting;  /* a leading candidate, no result yet */
    const char *finished; /* a result */
    const char *serving;
};
static const struct expectation expected[] = {
    {"hello", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO"},
    {"get_status", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO"},
    {"get_segments", "-------------", "----OOOOOO--O", "----OOOOOO--O", "----OOOOOO--O"},
    {"get_segment", "-------------", "-------------", "----OOOOOO--O", "----OOOOOO--O"},
    {"get_personas", "-------------", "-------------", "-------OOO---", "-------OOO---"},
    {"get_persona", "-------------", "-------------", "-------OOO---", "-------OOO---"},
    {"stop", "OOOOO----O--O", "OOOOO----O--O", "OOOOO----O--O", "-------------"},
    {"checkpoint", "----O----O--O", "----O----O--O", "----O----O--O", "-------------"},
    {"get_customer", "-------------", "-------------", "--------O----", "--------O----"},
    {"get_health", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO"},
    {"get_evaluation", "-------------", "-------------", "-------OOO---", "-------OOO---"},
    {"get_quality", "-------------", "-------------", "-------OOO---", "-------OOO---"},
    {"get_manifest", "-------------", "-------------", "--------O----", "--------O----"},
    {"get_metrics", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO"},
    {"get_snapshot", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO"},
    {"get_events", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO", "OOOOOOOOOOOOO"},
    {"assign", "-------------", "-------------", "--------O----", "--------O----"},
    {"explain", "-------------", "-------------", "--------O----", "--------O----"},
    {"pause", "OOOOO-------O", "OOOOO-------O", "OOOOO-------O", "-------------"},
    {"resume", "OOOOO-------O", "OOOOO-------O", "OOOOO-------O", "-------------"},
    {"cancel", "OOOOOOO--O--O", "OOOOOOO--O--O", "OOOOOOO--O--O", "-------------"},
    {"set", "OOOOO-------O", "OOOOO-------O", "OOOOO-------O", "-------------"},
};

static void check_column(const char *name, size_t row, int state, char wanted)
{
    struct strata_command command;
    const Strata__V1__Reply *reply = answer(request_of(row));
    const char *word = strata_job_state_word((enum strata_job_state)state);
    const bool is_ok = reply->code == STRATA__V1__CODE__CODE_OK;
    cr_expect_eq(is_ok, wanted == 'O', "%s while %s: code %d", name, word, (int)reply->code);
    cr_expect_eq(reply->id, 1000 + row);
    cr_expect_str_eq(reply->incarnation, "0123456789abcdef");
    cr_expect_eq(reply->seq, desk.now.seq);
    cr_expect_eq(reply->body_case != STRATA__V1__REPLY__BODY__NOT_SET, is_ok);
    if (!is_ok) cr_expect_eq(reply->code, STRATA__V1__CODE__CODE_UNAVAILABLE);
    if (!is_ok)
        cr_expect(strstr(reply->text, word), "%s: \"%s\" must name the state %s", name, reply->text,
                  word);
    if (is_ok) cr_expect_str_empty(reply->text);
    const bool commanded = strata_board_take(&board, &command);
    const bool cancelled = strata_request_rows[row].kind == STRATA__V1__REQUEST__BODY_CANCEL;
    cr_expect_eq(desk.asked.number != 0, strata_request_rows[row].changes && is_ok);
    if (desk.asked.number) cr_expect_eq(desk.asked.id, 1000 + row);
    cr_expect_eq(commanded, !cancelled && strata_request_rows[row].changes && is_ok, "%s while %s",
                 name, word);
    if (commanded) cr_expect_eq(command.request_id, 1000 + row);
}

static void check_table(size_t which, uint32_t k)
{
    cr_assert_eq(strata_n_request_rows, sizeof expected / sizeof *expected,
                 "a new kind needs its line in this test");
    for (size_t row = 0; row < strata_n_request_rows; row++) {
        const struct expectation *e = &expected[row];
        const char *const columns[] = {e->running, e->fitting, e->finished, e->serving};
        cr_assert_str_eq(strata_request_rows[row].name, e->name);
        cr_assert_eq(strlen(columns[which]), N_STATES);
        for (int state = 0; state < N_STATES; state++) {
            publish((enum strata_job_state)state, k);
            check_column(e->name, row, state, columns[which][state]);
        }
    }
}

Test(requests, every_kind_in_every_state_before_there_is_a_candidate)
{
    check_table(0, 0);
}

Test(requests, every_kind_in_every_state_with_a_leading_candidate)
{
    check_table(1, 5);
}

Test(requests, every_kind_in_every_state_with_a_result)
{
    publish_record(3);
    check_table(2, 5);
}

Test(requests, nothing_can_be_changed_when_a_finished_run_is_served)
{
    desk.serving = true;
    publish_record(3);
    check_table(3, 5);
}

/* --- roles -------------------------------------------------------------------------------------- */

/* The smallest role that may ask, written out by hand in the table's order. */
static const char *const smallest_role[] = {
    "viewer",  "viewer",  "viewer",   "viewer",   "viewer",   "viewer",  "operator", "operator",
    "analyst", "viewer",  "viewer",   "viewer",   "viewer",   "viewer",  "viewer",   "viewer",
    "analyst", "analyst", "operator", "operator", "operator", "operator"};

Test(requests, every_kind_is_refused_to_smaller_roles_in_every_state)
{
    struct strata_command command;
    cr_assert_eq(strata_n_request_rows, sizeof smallest_role / sizeof *smallest_role,
                 "a new kind needs its role in this test");
    publish_record(3);
    for (size_t row = 0; row < strata_n_request_rows; row++) {
        const enum strata_client_role needed = strata_request_rows[row].role;
        cr_expect_str_eq(strata_client_role_word(needed), smallest_role[row], "%s",
                         strata_request_rows[row].name);
        for (int state = 0; state < N_STATES; state++)
            for (int role = STRATA_CLIENT_NOBODY; role < STRATA_CLIENT_ROLE_COUNT; role++) {
                publish((enum strata_job_state)state, 5);
                desk.caller.role = (enum strata_client_role)role;
                const Strata__V1__Reply *reply = answer(request_of(row));
                const bool forbidden = reply->code == STRATA__V1__CODE__CODE_FORBIDDEN;
                cr_expect_eq(forbidden, role < (int)needed, "%s as %s", smallest_role[row],
                             strata_client_role_word((enum strata_client_role)role));
                if (forbidden)
                    cr_expect(strstr(reply->text, smallest_role[row]), "%s", reply->text);
                if (forbidden) cr_expect_eq(reply->body_case, STRATA__V1__REPLY__BODY__NOT_SET);
                const bool cancels =
                    strata_request_rows[row].kind == STRATA__V1__REQUEST__BODY_CANCEL;
                cr_expect_eq(strata_board_take(&board, &command),
                             !cancels && strata_request_rows[row].changes &&
                                 reply->code == STRATA__V1__CODE__CODE_OK);
                cr_expect_eq(desk.asked.number != 0, strata_request_rows[row].changes &&
                                                         reply->code == STRATA__V1__CODE__CODE_OK);
            }
    }
}

Test(requests, hello_says_which_role_one_has)
{
    publish(STRATA_JOB_FITTING, 2);
    for (int role = STRATA_CLIENT_VIEWER; role < STRATA_CLIENT_ROLE_COUNT; role++) {
        desk.caller.role = (enum strata_client_role)role;
        cr_expect_str_eq(answer(request_of(0))->hello->role,
                         strata_client_role_word(desk.caller.role));
    }
}

/* --- commands that come again, late or too fast -------------------------------------------------- */

static const Strata__V1__Reply *ask_stop(uint64_t id, const char *incarnation)
{
    Strata__V1__Request *request = request_of(6);
    request->id = id;
    request->incarnation = (char *)(uintptr_t)incarnation;
    return answer(request);
}

static size_t n_commands_taken(void)
{
    struct strata_command command;
    size_t n = 0;
    while (strata_board_take(&board, &command)) n++;
    return n;
}

Test(requests, a_command_that_comes_again_gets_the_first_answer_and_has_no_second_effect)
{
    publish(STRATA_JOB_FITTING, 2);
    cr_assert_eq(ask_stop(77, "0123456789abcdef")->code, STRATA__V1__CODE__CODE_OK);
    const uint64_t number = desk.asked.number;
    cr_assert_neq(number, 0);
    struct strata_snapshot now = {.state = STRATA_JOB_STOPPING, .iteration = 99, .remaining_s = -1};
    strata_board_publish(&board, &now);
    const Strata__V1__Reply *again = ask_stop(77, "0123456789abcdef");
    cr_expect_eq(again->code, STRATA__V1__CODE__CODE_OK);
    cr_expect_eq(desk.asked.number, number, "it waits for the first one's outcome");
    cr_expect_eq(n_commands_taken(), 1);
    publish(STRATA_JOB_WRITING, 2);
    cr_expect_eq(ask_stop(77, "0123456789abcdef")->code, STRATA__V1__CODE__CODE_OK,
                 "whatever has become of the job");
    strata_board_publish(&board, &now);
    desk.caller.number = 5;
    cr_expect_eq(ask_stop(77, "0123456789abcdef")->code, STRATA__V1__CODE__CODE_OK);
    cr_expect_neq(desk.asked.number, number, "another client's");
    cr_expect_eq(ask_stop(78, "0123456789abcdef")->code, STRATA__V1__CODE__CODE_OK);
    cr_expect_eq(n_commands_taken(), 2);
}

Test(requests, a_refused_command_may_come_again)
{
    publish(STRATA_JOB_DONE, 2);
    cr_expect_eq(ask_stop(77, "0123456789abcdef")->code, STRATA__V1__CODE__CODE_UNAVAILABLE);
    publish(STRATA_JOB_FITTING, 2);
    cr_expect_eq(ask_stop(77, "0123456789abcdef")->code, STRATA__V1__CODE__CODE_OK);
    cr_expect_eq(n_commands_taken(), 1);
}

Test(requests, a_command_for_another_start_of_the_job_has_no_effect)
{
    publish(STRATA_JOB_FITTING, 2);
    cr_expect_eq(ask_stop(77, "fedcba9876543210")->code, STRATA__V1__CODE__CODE_UNAVAILABLE);
    cr_expect_eq(ask_stop(78, "")->code, STRATA__V1__CODE__CODE_OK,
                 "without keys it may be left out");
    cr_expect_eq(n_commands_taken(), 1);
    desk.caller.keyed = true;
    cr_expect_eq(ask_stop(79, "")->code, STRATA__V1__CODE__CODE_UNAVAILABLE);
    cr_expect_eq(n_commands_taken(), 0);
}

Test(requests, only_so_many_commands_are_remembered)
{
    publish(STRATA_JOB_FITTING, 2);
    for (uint64_t id = 1; id <= 3 * STRATA_RECENT_COMMANDS; id++) {
        cr_assert_eq(ask_stop(id, "0123456789abcdef")->code, STRATA__V1__CODE__CODE_OK);
        cr_assert_eq(n_commands_taken(), 1);
        const uint64_t answered = id > STRATA_BOARD_OUTCOMES ? id - STRATA_BOARD_OUTCOMES + 1 : 1;
        const uint64_t known = id > STRATA_RECENT_COMMANDS ? id - STRATA_RECENT_COMMANDS + 1 : 1;
        cr_assert_eq(ask_stop(answered, "0123456789abcdef")->code, STRATA__V1__CODE__CODE_OK);
        const Strata__V1__Code code = ask_stop(known, "0123456789abcdef")->code;
        cr_assert_eq(code, known < answered ? STRATA__V1__CODE__CODE_UNAVAILABLE
                                            : STRATA__V1__CODE__CODE_OK);
        cr_assert_eq(n_commands_taken(), 0);
    }
}

Test(requests, who_asks_too_fast_is_refused_at_once_and_others_are_served)
{
    struct strata_bucket wild = {.spent = 0}, calm = {.spent = 0};
    publish(STRATA_JOB_FITTING, 2);
    desk.caller.bucket = &wild;
    wild = (struct strata_bucket){.spent = STRATA_CLIENT_TOKENS_S, .seen_s = 1e12};
    const Strata__V1__Reply *reply = answer(request_of(1));
    cr_expect_eq(reply->code, STRATA__V1__CODE__CODE_BUSY);
    cr_expect_eq(reply->id, 1001);
    cr_expect_eq(ask_stop(77, "")->code, STRATA__V1__CODE__CODE_BUSY);
    cr_expect_eq(n_commands_taken(), 0);
    desk.caller.bucket = &calm;
    cr_expect_eq(answer(request_of(1))->code, STRATA__V1__CODE__CODE_OK);
}

Test(requests, tokens_come_back_and_commands_cost_more)
{
    struct strata_bucket bucket = {.spent = 0};
    int n = 0;
    while (strata_bucket_take(&bucket, STRATA_AUDITED_TOKENS, 100)) n++;
    cr_expect_eq(n, STRATA_CLIENT_TOKENS_S / STRATA_AUDITED_TOKENS);
    cr_expect_not(strata_bucket_take(&bucket, 1, 100));
    cr_expect(strata_bucket_take(&bucket, 1, 100.001), "one thousandth of a second: some tokens");
    cr_expect_not(strata_bucket_take(&bucket, 20, 100.001));
    for (n = 0; strata_bucket_take(&bucket, 1, 1000);) n++;
    cr_expect_eq(n, STRATA_CLIENT_TOKENS_S, "no more than a second's are saved");
    cr_expect(!strata_bucket_take(&bucket, 1, 999), "a clock does not go back");
}

Test(requests, interim_segments_are_the_sizes_of_the_leading_candidate)
{
    publish(STRATA_JOB_FITTING, 4);
    const Strata__V1__Reply *reply = answer(request_of(2));
    cr_assert_eq(reply->body_case, STRATA__V1__REPLY__BODY_SEGMENTS);
    cr_assert(reply->segments->interim);
    cr_assert_eq(reply->segments->customers, 100);
    cr_assert_eq(reply->segments->n_segments, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(reply->segments->segments[i]->id, i + 1);
        cr_assert_eq(reply->segments->segments[i]->size, 25);
        cr_assert_str_empty(reply->segments->segments[i]->name);
    }
}

Test(requests, interim_shares_are_of_the_weight)
{
    struct strata_snapshot now = {.state = STRATA_JOB_FITTING,
                                  .k = 2,
                                  .customers = 100,
                                  .weight = "people",
                                  .weight_total = 400,
                                  .segment_size = {300, 100},
                                  .remaining_s = -1};
    strata_board_publish(&board, &now);
    const Strata__V1__Reply *reply = answer(request_of(2));
    cr_assert_str_eq(reply->segments->weight, "people");
    cr_assert_eq(reply->segments->customers, 100);
    cr_assert_eq(reply->segments->segments[0]->share, 0.75);
    cr_assert_eq(reply->segments->segments[1]->share, 0.25);
}

Test(requests, a_thousand_segments_fit_a_reply)
{
    publish(STRATA_JOB_FITTING, STRATA_MAX_SEGMENTS);
    cr_assert_eq(answer(request_of(2))->segments->n_segments, STRATA_MAX_SEGMENTS);
    publish_record(STRATA_MAX_SEGMENTS);
    publish(STRATA_JOB_DONE, 0);
    cr_assert_eq(answer(request_of(2))->segments->n_segments, STRATA_MAX_SEGMENTS);
    for (size_t row = 3; row <= 5; row++)
        cr_assert_eq(answer(request_of(row))->code, STRATA__V1__CODE__CODE_OK);
}

Test(requests, why_the_fit_ended_is_in_the_status)
{
    struct strata_snapshot now = {.state = STRATA_JOB_EVALUATING, .remaining_s = -1};
    (void)snprintf(now.ending, sizeof now.ending, "It was asked to stop.");
    strata_board_publish(&board, &now);
    cr_assert_str_eq(answer(request_of(1))->status->ending, "It was asked to stop.");
}

Test(requests, segments_of_a_result_are_the_records)
{
    publish_record(3);
    publish(STRATA_JOB_DONE, 0);
    const Strata__V1__Reply *reply = answer(request_of(2));
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_OK);
    cr_assert_not(reply->segments->interim);
    cr_assert_eq(reply->segments->n_segments, 3);
    uint64_t total = 0;
    for (size_t i = 0; i < 3; i++) total += reply->segments->segments[i]->size;
    cr_assert_eq(total, FAKE_CUSTOMERS);
    cr_assert_str_eq(reply->segments->segments[0]->name, "Young discount hunters");
}

Test(requests, personas_have_sentences_and_no_cells_while_segments_have_both)
{
    publish_record(3);
    publish(STRATA_JOB_DONE, 0);
    cr_assert_eq(answer(request_of(3))->segment->segment->n_cells, 1);
    const Strata__V1__Reply *persona = answer(request_of(5));
    cr_assert_eq(persona->persona->persona->id, 2);
    cr_assert_eq(persona->persona->persona->n_cells, 0);
    cr_assert_eq(persona->persona->persona->n_statements, 3);
    cr_assert_eq(answer(request_of(4))->personas->n_personas, 3);
    cr_assert_eq(answer(request_of(3))->segment->segment->n_cells, 1,
                 "the record itself is not changed");
}

static const Strata__V1__Reply *ask_persona(uint32_t id, const char *name)
{
    Strata__V1__Request *request = request_of(5);
    request->get_persona->id = id;
    request->get_persona->name = (char *)(uintptr_t)name;
    return answer(request);
}

Test(requests, a_persona_is_found_by_number_or_by_name)
{
    publish_record(3);
    publish(STRATA_JOB_DONE, 0);
    cr_assert_eq(ask_persona(3, "")->persona->persona->id, 3);
    cr_assert_eq(ask_persona(0, "High-income loyalists")->persona->persona->id, 2);
    cr_assert_eq(ask_persona(4, "")->code, STRATA__V1__CODE__CODE_NOT_FOUND);
    cr_assert_eq(ask_persona(0, "high-income loyalists")->code, STRATA__V1__CODE__CODE_NOT_FOUND);
    cr_assert_eq(ask_persona(0, "")->code, STRATA__V1__CODE__CODE_NOT_FOUND);
    char name[STRATA_REQUEST_NAME_BYTES_MAX + 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(ask_persona(0, name)->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
    cr_assert_eq(ask_persona(0, name + 1)->code, STRATA__V1__CODE__CODE_NOT_FOUND);
}

static const Strata__V1__Reply *ask_customer(const char *key)
{
    Strata__V1__Request *request = request_of(CUSTOMER);
    request->get_customer->key = (char *)(uintptr_t)key;
    const size_t n_bytes = strata__v1__request__get_packed_size(request);
    unsigned char *bytes = STRATA_NEW(&arena, unsigned char, n_bytes);
    return answer_bytes(bytes, strata__v1__request__pack(request, bytes));
}

Test(requests, a_customer_is_found_by_key_with_the_reasons)
{
    char key[STRATA_REQUEST_KEY_BYTES_MAX + 2];
    publish_record(3);
    publish(STRATA_JOB_DONE, 0);
    const Strata__V1__CustomerReply *customer = ask_customer("1030")->customer;
    cr_assert_not_null(customer);
    cr_assert_eq(customer->segment, 1);
    cr_assert_str_eq(customer->name, "Young discount hunters");
    cr_assert_str_eq(customer->runner_up_name, "High-income loyalists");
    cr_assert_str_eq(customer->reasons[0]->value, "30");
    cr_assert_eq(ask_customer("nobody")->code, STRATA__V1__CODE__CODE_NOT_FOUND);
    memset(key, 'x', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    cr_assert_eq(ask_customer(key)->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
    cr_assert_eq(ask_customer(key + 1)->code, STRATA__V1__CODE__CODE_NOT_FOUND);
}

Test(requests, a_run_that_has_lost_its_assignments_says_so)
{
    struct strata_err err = {0};
    publish_record(3);
    publish(STRATA_JOB_DONE, 0);
    cr_assert_eq(strata_directory_remove(strata_path_join(folder, "assignments", &arena), &err),
                 STRATA_OK);
    const Strata__V1__Reply *reply = ask_customer("1001");
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_UNAVAILABLE);
    cr_assert(strstr(reply->text, "run the job again"), "%s", reply->text);
}

Test(requests, a_full_queue_is_busy_and_loses_nothing)
{
    publish(STRATA_JOB_FITTING, 2);
    for (int i = 0; i < STRATA_BOARD_COMMANDS; i++)
        cr_assert_eq(answer(request_of(6))->code, STRATA__V1__CODE__CODE_OK);
    cr_assert_eq(answer(request_of(6))->code, STRATA__V1__CODE__CODE_BUSY);
    struct strata_command command;
    for (int i = 0; i < STRATA_BOARD_COMMANDS; i++) cr_assert(strata_board_take(&board, &command));
    cr_assert_not(strata_board_take(&board, &command));
}

Test(requests, what_is_set_reaches_the_board_within_its_bounds)
{
    static const double refused[] = {-0.001, 0.1001, 1e300, (double)NAN, (double)INFINITY};
    struct strata_command command;
    publish(STRATA_JOB_FITTING, 2);
    cr_assert_eq(answer(request_of(SET))->code, STRATA__V1__CODE__CODE_OK);
    cr_assert(strata_board_take(&board, &command));
    cr_assert_eq(command.kind, STRATA_COMMAND_TOLERANCE);
    cr_assert_eq(command.value, 0.01);
    cr_assert_eq(command.number, desk.asked.number);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        Strata__V1__Request *request = request_of(SET);
        set.tolerance = refused[i];
        cr_expect_eq(answer(request)->code, STRATA__V1__CODE__CODE_BAD_REQUEST, "%g", refused[i]);
    }
    for (uint32_t what = 0; what < 4; what++) { /* numbers that are 0, and nothing at all */
        Strata__V1__Request *request = request_of(SET);
        Strata__V1__Drop drop = STRATA__V1__DROP__INIT;
        static const Strata__V1__Set__WhatCase cases[] = {
            STRATA__V1__SET__WHAT__NOT_SET, STRATA__V1__SET__WHAT_MAX_ITER,
            STRATA__V1__SET__WHAT_FREEZE_K, STRATA__V1__SET__WHAT_DROP};
        set.max_iter = 0;
        set.what_case = cases[what];
        if (what == 3) set.drop = &drop;
        cr_expect_eq(answer(request)->code, STRATA__V1__CODE__CODE_BAD_REQUEST, "%u", what);
    }
    for (int level = 0; level < 7; level++) {
        Strata__V1__Request *request = request_of(SET);
        set.what_case = STRATA__V1__SET__WHAT_LOG_LEVEL;
        set.log_level = (Strata__V1__LogLevel)level;
        const bool good = level >= 1 && level <= 4;
        cr_expect_eq(answer(request)->code == STRATA__V1__CODE__CODE_OK, good, "level %d", level);
        cr_expect_eq(strata_board_take(&board, &command), good);
    }
    cr_assert_not(strata_board_take(&board, &command));
}

static Strata__V1__Code code_of(enum strata_effect effect, const char *words)
{
    const struct strata_outcome_of_command outcome = {
        .effect = effect, .iteration = 12, .refused = "no candidate would be left"};
    const Strata__V1__Reply *reply = strata_command_answer(&desk, &desk.asked, &outcome, &arena);
    cr_assert_eq(reply->id, 1000 + SET);
    cr_expect(strstr(reply->text, words), "%s", reply->text);
    if (effect == STRATA_EFFECT_TAKEN) cr_expect_eq(reply->set->iteration, 12);
    return reply->code;
}

Test(requests, a_command_is_answered_with_what_came_of_it)
{
    publish(STRATA_JOB_FITTING, 2);
    (void)answer(request_of(SET));
    cr_assert_eq(code_of(STRATA_EFFECT_TAKEN, ""), STRATA__V1__CODE__CODE_OK);
    cr_assert_eq(code_of(STRATA_EFFECT_REFUSED, "no candidate would be left"),
                 STRATA__V1__CODE__CODE_UNAVAILABLE);
    cr_assert_eq(code_of(STRATA_EFFECT_LATE, "too late"), STRATA__V1__CODE__CODE_UNAVAILABLE);
    cr_assert_eq(code_of(STRATA_EFFECT_FAILED, "could not be written"),
                 STRATA__V1__CODE__CODE_INTERNAL);
    const Strata__V1__Reply *reply = strata_command_answer(&desk, &desk.asked, NULL, &arena);
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_ACCEPTED);
    cr_assert_eq(reply->body_case, STRATA__V1__REPLY__BODY__NOT_SET);
}

Test(requests, nobody_can_ask_when_no_more_can_wait)
{
    struct strata_command command;
    publish(STRATA_JOB_FITTING, 2);
    desk.is_full = true;
    cr_assert_eq(answer(request_of(SET))->code, STRATA__V1__CODE__CODE_BUSY);
    cr_assert_not(strata_board_take(&board, &command));
    cr_assert_eq(answer(request_of(1))->code, STRATA__V1__CODE__CODE_OK, "others can");
}

Test(requests, bytes_that_are_no_request_get_an_error_with_id_zero)
{
    const Strata__V1__Reply *reply = answer_bytes("\xff\xff\xff\xff garbage", 12);
    cr_assert_eq(reply->id, 0);
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
    reply = answer_bytes("", 0);
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
    static unsigned char large[STRATA_REQUEST_BYTES_MAX + 1];
    cr_assert_eq(answer_bytes(large, sizeof large)->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
}

Test(requests, a_kind_of_a_newer_client_is_refused_by_name_and_keeps_its_id)
{
    /* id 5, and field 99 with an empty message */
    const Strata__V1__Reply *reply = answer_bytes("\x08\x05\x9a\x06\x00", 5);
    cr_assert_eq(reply->id, 5);
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_UNKNOWN_REQUEST);
    reply = answer_bytes("\x08\x05", 2);
    cr_assert_eq(reply->id, 5);
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
    reply = answer_bytes("\x8a\x01\x00", 3); /* get_status without an id */
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
}

Test(requests, hello_lists_every_kind_of_the_message)
{
    publish(STRATA_JOB_PENDING, 0);
    const Strata__V1__Reply *reply = answer(request_of(0));
    const ProtobufCMessageDescriptor *request = &strata__v1__request__descriptor;
    size_t n_kinds = 0;
    for (unsigned i = 0; i < request->n_fields; i++)
        n_kinds += (request->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    cr_assert_eq(n_kinds, strata_n_request_rows);
    cr_assert_eq(reply->hello->n_requests, n_kinds);
    cr_assert_eq(reply->hello->protocol, STRATA_PROTOCOL_VERSION);
    cr_assert_str_eq(reply->hello->events, "ipc:///e");
    for (size_t i = 0; i < n_kinds; i++)
        cr_assert_not_null(
            protobuf_c_message_descriptor_get_field_by_name(request, reply->hello->requests[i]));
}

Test(requests, a_result_that_is_none_leaves_the_channel_working)
{
    strata_board_publish_result(&board, (const unsigned char *)"\xff\xff\xff", 3);
    publish(STRATA_JOB_DONE, 0);
    cr_assert_eq(answer(request_of(1))->code, STRATA__V1__CODE__CODE_OK);
    cr_assert_eq(answer(request_of(4))->code, STRATA__V1__CODE__CODE_UNAVAILABLE);
}
