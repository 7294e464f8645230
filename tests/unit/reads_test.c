/* Requests that only look: what they say, and that a large reply comes whole in pieces. */
#include "control/requests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fake_manifest.h"
#include "fake_record.h"
#include "strata/clock.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"

static struct strata_board board;
static struct strata_desk desk;
static struct strata_arena arena;
static struct strata_history history;
static char folder[64];

static void setup(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 30));
    strata_board_init(&board);
    (void)snprintf(folder, sizeof folder, "/tmp/strata-reads-XXXXXX");
    cr_assert(mkdtemp(folder));
    memset(&history, 0, sizeof history);
    desk = (struct strata_desk){.board = &board,
                                .directory = folder,
                                .incarnation = "0123456789abcdef",
                                .events = "ipc:///e",
                                .history = &history};
    desk.caller = (struct strata_caller){.name = "local", .role = STRATA_CLIENT_VIEWER};
}

static void teardown(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_desk_finish(&desk);
    strata_board_finish(&board);
    strata_arena_finish(&arena);
}

TestSuite(reads, .init = setup, .fini = teardown);

static struct strata_snapshot now; /* what the job tells */

static void publish(enum strata_job_state state)
{
    now.state = state;
    strata_board_publish(&board, &now);
    strata_desk_look(&desk);
}

static const Strata__V1__Reply *answer(Strata__V1__Request *request)
{
    unsigned char bytes[512];
    request->id = 5;
    const size_t n_bytes = strata__v1__request__pack(request, bytes);
    const Strata__V1__Reply *reply = strata_request_answer(&desk, bytes, n_bytes, &arena);
    cr_assert_not_null(reply);
    const size_t n_packed = strata__v1__reply__get_packed_size(reply);
    cr_assert_leq(n_packed, STRATA_REPLY_BYTES_MAX);
    unsigned char *packed = STRATA_NEW(&arena, unsigned char, n_packed);
    (void)strata__v1__reply__pack(reply, packed);
    return strata_unpack(&strata__v1__reply__descriptor, packed, n_packed, &arena);
}

#define ASK(KIND, Type, field)                                \
    static const Strata__V1__Reply *ask_##field(void)         \
    {                                                         \
        Strata__V1__Request request;                          \
        strata__v1__request__init(&request);                  \
        Strata__V1__##Type body;                              \
        strata__v1__##field##__init(&body);                   \
        request.body_case = STRATA__V1__REQUEST__BODY_##KIND; \
        request.field = &body;                                \
        return answer(&request);                              \
    }
ASK(GET_STATUS, GetStatus, get_status)
ASK(GET_HEALTH, GetHealth, get_health)
ASK(GET_METRICS, GetMetrics, get_metrics)
ASK(GET_MANIFEST, GetManifest, get_manifest)
ASK(GET_SNAPSHOT, GetSnapshot, get_snapshot)
ASK(GET_EVALUATION, GetEvaluation, get_evaluation)
ASK(GET_QUALITY, GetQuality, get_quality)

/* --- what it says ------------------------------------------------------------------------------- */

Test(reads, the_band_of_the_time_left_and_whether_the_allocation_suffices)
{
    now = (struct strata_snapshot){.remaining_s = -1};
    publish(STRATA_JOB_FITTING);
    const Strata__V1__JobStatus *status = ask_get_status()->status;
    cr_assert_eq(status->has_remaining_high_s_case, 0);
    cr_assert_eq(status->has_limit_s_case, 0);
    cr_assert_eq(status->has_allocation_suffices_case, 0);
    now.remaining_s = 100;
    now.remaining_high_s = 130;
    publish(STRATA_JOB_FITTING);
    status = ask_get_status()->status;
    cr_assert_eq(status->remaining_high_s, 130);
    cr_assert_eq(status->has_allocation_suffices_case, 0, "there is no limit");
    now.is_limited = true;
    for (now.limit_s = 90; now.limit_s < 150; now.limit_s += 20) {
        publish(STRATA_JOB_FITTING);
        status = ask_get_status()->status;
        cr_assert_neq(status->has_allocation_suffices_case, 0);
        cr_assert_eq(status->allocation_suffices, now.limit_s >= 130);
        cr_assert_eq(status->limit_s, now.limit_s);
    }
}

Test(reads, a_snapshot_has_the_live_candidates)
{
    now = (struct strata_snapshot){.remaining_s = -1, .iteration = 9, .n_live = 2};
    now.live[0] = (struct strata_live_candidate){4, 1, 9, 12.5};
    now.live[1] = (struct strata_live_candidate){5, 3, 9, (double)INFINITY};
    history.last = 77;
    publish(STRATA_JOB_FITTING);
    const Strata__V1__SnapshotReply *snapshot = ask_get_snapshot()->snapshot;
    cr_assert_eq(snapshot->event, 77);
    cr_assert_eq(snapshot->status->iteration, 9);
    cr_assert_eq(snapshot->n_candidates, 2);
    cr_assert_eq(snapshot->candidates[0]->objective, 12.5);
    cr_assert_eq(snapshot->candidates[1]->start, 3);
    cr_assert_eq(snapshot->candidates[1]->has_objective_case, 0, "infinity is no figure");
}

Test(reads, an_event_of_the_most_candidates_is_within_its_bound)
{
    struct strata_event_room room;
    struct strata_notice notice = {.kind = STRATA_NOTICE_WARNING};
    Strata__V1__Event event;
    now = (struct strata_snapshot){.n_live = STRATA_BOARD_LIVE, .iteration = UINT64_MAX};
    for (uint32_t i = 0; i < STRATA_BOARD_LIVE; i++)
        now.live[i] = (struct strata_live_candidate){STRATA_MAX_SEGMENTS, 4096, 1000000, 1e300};
    strata_event_of_iteration(&now, &room, &event);
    event.incarnation = (char *)(uintptr_t)desk.incarnation;
    event.seq = UINT64_MAX;
    cr_assert_leq(strata_history_add(&history, &event)->n_bytes, STRATA_EVENT_BYTES_MAX);
    memset(notice.text, 'x', sizeof notice.text - 1);
    strata_event_of_notice(&notice, &room, &event);
    cr_assert_leq(strata_history_add(&history, &event)->n_bytes, STRATA_EVENT_BYTES_MAX);
}

Test(reads, a_text_that_was_cut_ends_with_a_whole_character)
{
    char text[8];
    static const struct {
        const char *given, *mended;
    } cases[] = {{"abc", "abc"},
                 {"abcdefg", "abcdefg"},
                 {"abcde\xc3\xbc", "abcde"}, /* whole, but who can tell */
                 {"abcdef\xc3", "abcdef"},
                 {"abcd\xe8\xb2\xb4", "abcd"},
                 {"abcde\xe8\xb2", "abcde"},
                 {"abcd\xc3\xbc", "abcd\xc3\xbc"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(text, sizeof text, "%s", cases[i].given);
        strata_text_mend(text, sizeof text);
        cr_expect_str_eq(text, cases[i].mended);
    }
}

Test(reads, health_is_slow_after_a_silence_that_is_unusual)
{
    struct strata_hearing hearing = {.started_s = 0};
    now = (struct strata_snapshot){.state = STRATA_JOB_FITTING};
    strata_hear(&hearing, true, 100);
    for (int i = 1; i <= 50; i++) strata_hear(&hearing, true, 100 + 5 * i); /* iterations of 5 s */
    strata_hear(&hearing, false, 360);
    cr_expect_eq(strata_silence_s(&hearing, &now, 360), 10);
    cr_expect_not(strata_is_slow(&hearing, &now, 350 + 29), "four times 5 s, and 10 s");
    cr_expect(strata_is_slow(&hearing, &now, 350 + 31));
    now.state = STRATA_JOB_PAUSED;
    cr_expect_not(strata_is_slow(&hearing, &now, 5000), "it waits, as it was told");
    now.state = STRATA_JOB_DONE;
    cr_expect_not(strata_is_slow(&hearing, &now, 5000));
    cr_expect_eq(strata_silence_s(&hearing, &now, 5000), 0);
    now.state = STRATA_JOB_INGESTING;
    cr_expect_not(strata_is_slow(&hearing, &now, 350 + 79), "a statement may be long");
}

Test(reads, health_counts_what_was_answered)
{
    now = (struct strata_snapshot){.remaining_s = -1};
    publish(STRATA_JOB_FITTING);
    for (int i = 0; i < 3; i++) (void)ask_get_status();
    (void)ask_get_quality(); /* there is no result yet */
    const Strata__V1__HealthReply *health = ask_get_health()->health;
    cr_assert_eq(health->health, STRATA__V1__HEALTH__HEALTH_WELL);
    cr_assert_eq(health->requests, 4);
    cr_assert_eq(health->refused, 1);
    cr_assert_gt(health->memory_bytes, 1 << 20);
    (void)snprintf(now.message, sizeof now.message, "the disk is full");
    publish(STRATA_JOB_FAILED);
    health = ask_get_health()->health;
    cr_assert_eq(health->health, STRATA__V1__HEALTH__HEALTH_FAILED);
    cr_assert_str_eq(health->text, "the disk is full");
}

Test(reads, the_manifest_reads_back_as_it_was_written)
{
    size_t n_bytes = 0;
    const unsigned char *record = fake_record(&arena, 2, &n_bytes);
    fake_manifest(folder, &arena);
    strata_board_publish_result(&board, record, n_bytes);
    publish(STRATA_JOB_DONE);
    const Strata__V1__Reply *reply = ask_get_manifest();
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_OK, "%s", reply->text);
    const Strata__V1__Manifest *meant = fake_manifest_message(&arena);
    const size_t n_meant = strata__v1__manifest__get_packed_size(meant);
    unsigned char *one = STRATA_NEW(&arena, unsigned char, n_meant), *two = NULL;
    cr_assert_eq(strata__v1__manifest__get_packed_size(reply->manifest), n_meant);
    two = STRATA_NEW(&arena, unsigned char, n_meant);
    (void)strata__v1__manifest__pack(meant, one);
    (void)strata__v1__manifest__pack(reply->manifest, two);
    cr_assert_eq(memcmp(one, two, n_meant), 0);
}

Test(reads, a_manifest_that_is_none_is_refused)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "{\"seed\": -1}",
                                        "{\"seed\": \"1x\"}",
                                        "{\"job\": 5}",
                                        "{\"ranks\": 4294967296}",
                                        "{\"files\": [5]}",
                                        "{\"stages\": {}}",
                                        "{\"commands\": [5]}",
                                        "{\"job\": \"a\", \"job\": \"b\"}"};
    struct strata_err err = {0};
    Strata__V1__Manifest *manifest = NULL;
    const char *path = strata_path_join(folder, "manifest.json", &arena);
    cr_assert_eq(strata_manifest_read(folder, &arena, &manifest, &err), STRATA_E_NO_INPUT);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_assert_eq(strata_file_write(path, texts[i], strlen(texts[i]), false, &err), STRATA_OK);
        err = (struct strata_err){0};
        cr_expect_eq(strata_manifest_read(folder, &arena, &manifest, &err), STRATA_E_DATA, "%s",
                     texts[i]);
        err = (struct strata_err){0};
    }
    cr_assert_eq(strata_file_write(path, "{\"new\": [{}]}", 13, false, &err), STRATA_OK);
    cr_assert_eq(strata_manifest_read(folder, &arena, &manifest, &err), STRATA_OK,
                 "what a newer strata has added is left out");
}

/* --- metrics ------------------------------------------------------------------------------------ */

static bool starts_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* A sample belongs to the family whose TYPE stands before it: its name, and what the type adds. */
static void check_sample(const char *line, const char *family, const char *type)
{
    char wanted[160];
    const size_t n_name = strcspn(line, "{ ");
    const char *suffix = strcmp(type, "counter") == 0 ? "_total"
                         : strcmp(type, "info") == 0  ? "_info"
                                                      : "";
    (void)snprintf(wanted, sizeof wanted, "%s%s", family, suffix);
    cr_expect_eq(strlen(wanted), n_name, "%s of %s", line, family);
    cr_expect_eq(strncmp(line, wanted, n_name), 0, "%s of %s", line, family);
    char *end = NULL;
    const char *value = strrchr(line, ' ') + 1;
    cr_expect(isfinite(strtod(value, &end)) && *end == '\0', "%s", line);
}

/* The grammar, as far as it is used: TYPE begins a family, no family comes twice, a unit ends its name, EOF is last. */
static size_t check_metrics(const char *given)
{
    char family[100] = "", type[100] = "", unit[100] = "", known[64][100];
    char *text = strata_arena_copy(&arena, given, strlen(given)), *state = NULL;
    size_t n_families = 0, n_samples = 0;
    cr_assert_eq(strcmp(given + strlen(given) - 7, "\n# EOF\n"), 0);
    for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        if (starts_with(line, "# EOF")) break;
        if (starts_with(line, "# TYPE ")) {
            cr_assert_eq(sscanf(line, "# TYPE %99s %99s", family, type), 2);
            cr_assert(starts_with(family, "strata_"), "%s", family);
            for (size_t i = 0; i < n_families; i++) cr_expect_str_neq(known[i], family);
            (void)snprintf(known[n_families++], 100, "%s", family);
        } else if (starts_with(line, "# UNIT ")) {
            cr_assert_eq(sscanf(line, "# UNIT %*s %99s", unit), 1);
            cr_expect_str_eq(family + strlen(family) - strlen(unit), unit);
        } else if (!starts_with(line, "# HELP ")) {
            check_sample(line, family, type);
            n_samples++;
        } else {
            cr_expect(starts_with(line + 7, family), "%s", line);
        }
    }
    return n_samples;
}

Test(reads, metrics_are_openmetrics_text)
{
    now = (struct strata_snapshot){.remaining_s = -1};
    publish(STRATA_JOB_PENDING);
    cr_assert_gt(check_metrics(ask_get_metrics()->metrics->text), 20);
    now = (struct strata_snapshot){.remaining_s = 12.25,
                                   .remaining_high_s = 20,
                                   .is_limited = true,
                                   .limit_s = 100,
                                   .iteration = 41,
                                   .k = 5,
                                   .objective = 0.1,
                                   .rank_balance = 1.25};
    (void)snprintf(now.job, sizeof now.job, "a \"job\"\\");
    publish(STRATA_JOB_FITTING);
    (void)ask_get_quality();
    const char *text = ask_get_metrics()->metrics->text;
    (void)check_metrics(text);
    static const char *const lines[] = {
        "\nstrata_job_info{job=\"a \\\"job\\\"\\\\\"} 1\n",
        "\nstrata_job_state{strata_job_state=\"FITTING\"} 1\n",
        "\nstrata_job_state{strata_job_state=\"PENDING\"} 0\n",
        "\nstrata_job_remaining_seconds 12.25\n",
        "\nstrata_job_limit_seconds 100\n",
        "\nstrata_job_iterations_total 41\n",
        "\nstrata_job_objective 0.1\n",
        "\nstrata_job_rank_balance_ratio 1.25\n",
        "\nstrata_control_requests_total{request=\"get_metrics\",code=\"CODE_OK\"} 1\n",
        "\nstrata_control_requests_total{request=\"get_quality\",code=\"CODE_UNAVAILABLE\"} 1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_expect(strstr(text, lines[i]), "%s is missing in\n%s", lines[i], text);
}

Test(reads, metrics_of_every_kind_with_every_code_have_room)
{
    now = (struct strata_snapshot){.remaining_s = -1};
    memset(now.job, '"', sizeof now.job - 1);
    publish(STRATA_JOB_FITTING);
    for (size_t i = 0; i < strata_n_request_rows; i++)
        for (size_t j = 0; j < STRATA_CODES_MAX; j++) desk.counts.replies[i][j] = UINT64_MAX;
    const Strata__V1__Reply *reply = ask_get_metrics();
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_OK);
    (void)check_metrics(reply->metrics->text);
}

/* --- large replies ------------------------------------------------------------------------------ */

/* 64 segments whose definition is 300 KiB each: about 19 MiB. */
static void publish_large_record(char letter)
{
    Strata__V1__Result result;
    Strata__V1__Segment segment[64], *list[64];
    char *text = STRATA_NEW(&arena, char, (size_t)300 << 10);
    memset(text, letter, ((size_t)300 << 10) - 1);
    strata__v1__result__init(&result);
    for (uint32_t i = 0; i < 64; i++) {
        strata__v1__segment__init(&segment[i]);
        segment[i].id = i + 1;
        segment[i].definition = text;
        list[i] = &segment[i];
    }
    result.segments = list;
    result.n_segments = 64;
    const size_t n_bytes = strata__v1__result__get_packed_size(&result);
    unsigned char *bytes = STRATA_NEW(&arena, unsigned char, n_bytes);
    (void)strata__v1__result__pack(&result, bytes);
    strata_board_publish_result(&board, bytes, n_bytes);
}

static const Strata__V1__Reply *ask_personas(uint32_t piece)
{
    Strata__V1__Request request;
    strata__v1__request__init(&request);
    Strata__V1__GetPersonas body;
    strata__v1__get_personas__init(&body);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_PERSONAS;
    request.get_personas = &body;
    request.piece = piece;
    return answer(&request);
}

static const Strata__V1__Reply *ask_persona(uint32_t id, uint32_t piece)
{
    Strata__V1__Request request;
    strata__v1__request__init(&request);
    Strata__V1__GetPersona body;
    strata__v1__get_persona__init(&body);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_PERSONA;
    request.get_persona = &body;
    request.piece = piece;
    body.id = id;
    return answer(&request);
}

Test(reads, a_reply_over_the_limit_is_refused_to_who_wants_no_pieces)
{
    now = (struct strata_snapshot){.remaining_s = -1};
    publish_large_record('x');
    publish(STRATA_JOB_DONE);
    cr_assert_eq(ask_personas(0)->code, STRATA__V1__CODE__CODE_TOO_LARGE);
    cr_assert_eq(ask_persona(2, 0)->code, STRATA__V1__CODE__CODE_OK, "single ones are fine");
    const Strata__V1__Reply *small = ask_persona(2, 1);
    cr_assert_eq(small->pieces, 0, "and whole, whoever can take pieces");
    cr_assert_eq(small->persona->persona->id, 2);
}

Test(reads, the_pieces_of_a_large_reply_are_the_whole_of_it)
{
    now = (struct strata_snapshot){.remaining_s = -1};
    publish_large_record('x');
    publish(STRATA_JOB_DONE);
    const Strata__V1__Reply *first = ask_personas(1);
    cr_assert_eq(first->code, STRATA__V1__CODE__CODE_OK);
    cr_assert_eq(first->id, 5);
    cr_assert_gt(first->pieces, 16);
    const size_t room = (size_t)first->pieces * STRATA_PIECE_BYTES;
    unsigned char *whole = STRATA_NEW(&arena, unsigned char, room);
    size_t n = 0;
    for (uint32_t piece = 1; piece <= first->pieces; piece++) {
        const Strata__V1__Reply *reply = ask_personas(piece);
        cr_assert_eq(reply->pieces, first->pieces);
        cr_assert_eq(reply->seq, first->seq);
        cr_assert_eq(reply->body_case, STRATA__V1__REPLY__BODY__NOT_SET);
        memcpy(whole + n, reply->piece.data, reply->piece.len);
        n += reply->piece.len;
    }
    const Strata__V1__Reply *reply = strata_unpack(&strata__v1__reply__descriptor, whole, n, &arena);
    cr_assert_not_null(reply);
    cr_assert_eq(reply->code, STRATA__V1__CODE__CODE_OK);
    cr_assert_eq(reply->personas->n_personas, 64);
    cr_assert_eq(strlen(reply->personas->personas[63]->definition), ((size_t)300 << 10) - 1);
    cr_assert_eq(ask_personas(first->pieces + 1)->code, STRATA__V1__CODE__CODE_BAD_REQUEST);
}

Test(reads, what_is_sent_costs_tokens)
{
    struct strata_bucket bucket = {.spent = 0};
    now = (struct strata_snapshot){.remaining_s = -1};
    publish_large_record('x');
    publish(STRATA_JOB_DONE);
    desk.caller.bucket = &bucket;
    (void)ask_get_status();
    cr_assert_eq(bucket.spent, 1);
    cr_assert_eq(ask_personas(1)->code, STRATA__V1__CODE__CODE_OK);
    const size_t n_tokens = STRATA_PIECE_BYTES / STRATA_REPLY_TOKEN_BYTES;
    cr_assert_geq(bucket.spent, (double)n_tokens);
}

Test(reads, pieces_of_another_snapshot_say_so)
{
    now = (struct strata_snapshot){.remaining_s = -1};
    publish_large_record('x');
    publish(STRATA_JOB_DONE);
    const uint64_t seq = ask_personas(1)->seq;
    publish(STRATA_JOB_DONE);
    cr_assert_gt(ask_personas(2)->seq, seq);
}

Test(reads, evaluation_and_quality_are_the_records)
{
    Strata__V1__Result result;
    strata__v1__result__init(&result);
    Strata__V1__Quality quality;
    strata__v1__quality__init(&quality);
    Strata__V1__Evaluation evaluation;
    strata__v1__evaluation__init(&evaluation);
    Strata__V1__Candidate candidate, *list[] = {&candidate};
    strata__v1__candidate__init(&candidate);
    char choice[] = "elbow", note[] = "one customer only", *notes[] = {note};
    double trace[] = {3, 2, 1};
    now = (struct strata_snapshot){.remaining_s = -1};
    quality.notes = notes;
    quality.n_notes = 1;
    evaluation.has_explained_case = STRATA__V1__EVALUATION__HAS_EXPLAINED_EXPLAINED;
    evaluation.explained = 0.75;
    candidate.k = 7;
    result.quality = &quality;
    result.evaluation = &evaluation;
    result.choice = choice;
    result.candidates = list;
    result.n_candidates = 1;
    result.trace = trace;
    result.n_trace = 3;
    unsigned char bytes[512];
    strata_board_publish_result(&board, bytes, strata__v1__result__pack(&result, bytes));
    publish(STRATA_JOB_DONE);
    const Strata__V1__EvaluationReply *reply = ask_get_evaluation()->evaluation;
    cr_assert_eq(reply->evaluation->explained, 0.75);
    cr_assert_str_eq(reply->choice, "elbow");
    cr_assert_eq(reply->candidates[0]->k, 7);
    cr_assert_eq(reply->n_trace, 3);
    cr_assert_str_eq(ask_get_quality()->quality->notes[0], "one customer only");
}
