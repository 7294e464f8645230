/* Memory that ends at any request: what loads a job or a record, answers requests, keeps checkpoints or writes results
 * says so or does without; nothing crashes, leaks, or is left half written; and the next time it works. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/requests.h"
#include "results/results_impl.h"
#include "strata/board.h"
#include "strata/checkpoint.h"
#include "strata/config.h"
#include "strata/file.h"
#include "strata/protocol_limits.h"

#include "failing_memory.h"
#include "fake_manifest.h"
#include "fake_record.h"
#include "results_world.h"

static struct strata_arena arena; /* of the test itself */
static char folder[64];

static void begin(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 30));
    /* Thousands of files are written: not to a disk, where that can be had. */
    (void)snprintf(folder, sizeof folder, "%s/strata-memory-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_arena_finish(&arena);
}

TestSuite(no_memory, .init = begin, .fini = end);

enum { EACH_REQUEST = 1000000, SOME_REQUESTS = 8 };

/* What is tried: before and after may be NULL and have all memory; after is told whether it succeeded. */
struct task {
    void (*before)(void);
    strata_status (*run)(struct strata_err *err);
    void (*after)(bool is_good);
};

/* The task once, with its nth request of this kind refused; whether one was. */
static bool try_once(struct task task, enum memory_kind kind, size_t nth)
{
    struct strata_err err = {0};
    if (task.before) task.before();
    memory_arm(kind, nth);
    const strata_status status = task.run(&err);
    const bool refused = memory_disarm();
    if (status != STRATA_OK)
        cr_assert(refused && status == err.code && err.text[0], "kind %d, request %zu: %d %s", kind,
                  nth, status, err.text);
    cr_assert(nth == 0 || memory_failing.n_live == 0, "kind %d, request %zu: %zu pieces leaked",
              kind, nth, memory_failing.n_live);
    if (task.after) task.after(status == STRATA_OK);
    return refused;
}

/* The task with each request refused in turn, until none is left, and then it has succeeded; of many requests one in
 * each `density`th part of their number. */
static void starve(struct task task, size_t density)
{
    (void)try_once(task, MEMORY_MALLOC, 0); /* what the libraries keep for good they have now */
    for (size_t nth = 1; try_once(task, MEMORY_ARENA, nth);) nth += 1 + nth / density;
    for (size_t nth = 1; FAILING_MALLOC && try_once(task, MEMORY_MALLOC, nth);)
        nth += 1 + nth / density;
}

/* --- loading ----------------------------------------------------------------------------- */

static strata_status load_job(struct strata_err *err)
{
    struct strata_arena keep = arena;
    struct strata_config *config = NULL;
    struct strata_problems *problems = calloc(1, sizeof *problems);
    if (!problems) return STRATA_FAIL(err, STRATA_E_MEMORY, "the list of problems");
    strata_status status = strata_config_read(STRATA_SOURCE_DIR "/configs/full.yaml", NULL, 0,
                                              &keep, &config, problems, err);
    if (status == STRATA_OK) status = strata_problems_status(problems, err);
    free(problems);
    return status;
}

Test(no_memory, a_job_file_is_loaded_or_refused)
{
    starve((struct task){.run = load_job}, EACH_REQUEST);
}

/* --- control ----------------------------------------------------------------------------- */

static struct strata_board board;
static struct strata_history history;
static unsigned char request_bytes[256];
static size_t n_request_bytes;

static strata_status answer(struct strata_err *err)
{
    struct strata_arena scratch = arena;
    struct strata_desk desk = {.board = &board,
                               .directory = folder,
                               .history = &history,
                               .incarnation = "0123",
                               .events = "ipc:///e",
                               .caller = {.name = "local", .role = STRATA_CLIENT_OPERATOR}};
    struct strata_command command;
    strata_desk_look(&desk);
    const Strata__V1__Reply *reply =
        strata_request_answer(&desk, request_bytes, n_request_bytes, &scratch);
    const bool good = reply && reply->code == STRATA__V1__CODE__CODE_OK;
    if (!good) (void)STRATA_FAIL(err, STRATA_E_MEMORY, "%s", reply ? reply->text : "no reply");
    if (reply) {
        cr_assert_neq(reply->code, STRATA__V1__CODE__CODE_UNSPECIFIED);
        cr_assert_eq(reply->body_case != STRATA__V1__REPLY__BODY__NOT_SET, good);
        cr_assert_leq(strata__v1__reply__get_packed_size(reply), STRATA_REPLY_BYTES_MAX);
    }
    while (strata_board_take(&board, &command)) cr_assert(good);
    strata_desk_finish(&desk);
    return err->code;
}

static void ask(enum strata_job_state state, Strata__V1__Request request)
{
    const struct strata_snapshot now = {.state = state, .k = 3, .customers = 30};
    strata_board_publish(&board, &now);
    request.id = 7;
    n_request_bytes = strata__v1__request__pack(&request, request_bytes);
    cr_assert_leq(n_request_bytes, sizeof request_bytes);
    starve((struct task){.run = answer}, EACH_REQUEST);
}

Test(no_memory, requests_are_answered_or_refused)
{
    size_t n_bytes = 0;
    strata_board_init(&board);
    const unsigned char *record = fake_record(&arena, 5, &n_bytes);
    strata_board_publish_result(&board, record, n_bytes);
    Strata__V1__Hello hello;
    strata__v1__hello__init(&hello);
    Strata__V1__GetStatus status;
    strata__v1__get_status__init(&status);
    Strata__V1__GetSegments segments;
    strata__v1__get_segments__init(&segments);
    Strata__V1__GetSegment segment;
    strata__v1__get_segment__init(&segment);
    Strata__V1__GetPersonas personas;
    strata__v1__get_personas__init(&personas);
    Strata__V1__Stop stop;
    strata__v1__stop__init(&stop);
    segment.id = 2;
    Strata__V1__Request request;
    strata__v1__request__init(&request);
    request.body_case = STRATA__V1__REQUEST__BODY_HELLO, request.hello = &hello;
    ask(STRATA_JOB_DONE, request);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_STATUS, request.get_status = &status;
    ask(STRATA_JOB_DONE, request);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_SEGMENTS, request.get_segments = &segments;
    ask(STRATA_JOB_DONE, request);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_SEGMENT, request.get_segment = &segment;
    ask(STRATA_JOB_DONE, request);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_PERSONAS, request.get_personas = &personas;
    ask(STRATA_JOB_DONE, request);
    request.body_case = STRATA__V1__REQUEST__BODY_STOP, request.stop = &stop;
    ask(STRATA_JOB_FITTING, request);
    strata_board_finish(&board);
}

static void keep_events(void)
{
    struct strata_event_room room;
    struct strata_notice notice = {.kind = STRATA_NOTICE_WARNING, .text = "careful"};
    Strata__V1__Event event;
    for (int i = 0; i < 10; i++) {
        strata_event_of_notice(&notice, &room, &event);
        (void)strata_history_add(&history, &event);
    }
}

Test(no_memory, reads_are_answered_or_refused)
{
    size_t n_bytes = 0;
    strata_board_init(&board);
    const unsigned char *record = fake_record(&arena, 5, &n_bytes);
    strata_board_publish_result(&board, record, n_bytes);
    fake_manifest(folder, &arena);
    keep_events();
    Strata__V1__Request request;
    strata__v1__request__init(&request);
#define ASK(KIND, Type, field)                                \
    Strata__V1__Get##Type field;                              \
    strata__v1__get_##field##__init(&(field));                \
    request.body_case = STRATA__V1__REQUEST__BODY_GET_##KIND; \
    request.get_##field = &(field);                           \
    ask(STRATA_JOB_DONE, request)
    ASK(HEALTH, Health, health);
    ASK(EVALUATION, Evaluation, evaluation);
    ASK(QUALITY, Quality, quality);
    ASK(MANIFEST, Manifest, manifest);
    ASK(METRICS, Metrics, metrics);
    ASK(SNAPSHOT, Snapshot, snapshot);
    ASK(EVENTS, Events, events);
#undef ASK
    strata_board_finish(&board);
}

/* --- checkpoints ------------------------------------------------------------------------- */

static struct strata_attempt attempt;

static strata_status keep_and_go_on(struct strata_err *err)
{
    static uint64_t generation;
    static const unsigned char bytes[300] = {1, 2, 3};
    struct strata_arena keep = arena;
    const struct strata_section section[] = {{"settings", "x", 1}, {"fit", bytes, sizeof bytes}};
    struct strata_checkpoint checkpoint = {0};
    STRATA_TRY(strata_checkpoint_write(&attempt, ++generation, section, 2, err));
    STRATA_TRY(strata_checkpoint_read(folder, &keep, &checkpoint, err));
    cr_assert_eq(checkpoint.generation, generation);
    cr_assert_eq(checkpoint.n_damage, 0);
    cr_assert_eq(checkpoint.n_sections, 2);
    cr_assert_eq(memcmp(checkpoint.section[1].bytes, bytes, sizeof bytes), 0);
    return STRATA_OK;
}

Test(no_memory, checkpoints_are_written_and_read_or_neither)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_attempt_begin(folder, &attempt, &err), STRATA_OK, "%s", err.text);
    starve((struct task){.run = keep_and_go_on}, EACH_REQUEST);
}

/* --- results ----------------------------------------------------------------------------- */

static struct world *world;
static char first_hash[65];

/* What is in the folder; temporary files are none of it. */
static size_t count_files(void)
{
    size_t n = 0;
    DIR *entries = opendir(folder);
    cr_assert_not_null(entries);
    for (const struct dirent *entry; (entry = readdir(entries));) {
        n += entry->d_type == DT_REG;
        cr_assert_null(strstr(entry->d_name, ".tmp"), "%s is left", entry->d_name);
    }
    (void)closedir(entries);
    return n;
}

/* Whoever sees a seal sees all of it. */
static void check_folder(bool is_good)
{
    struct strata_arena scratch = arena;
    struct strata_blob result = {0};
    struct strata_err err = {0};
    char hash[65];
    const strata_status read = strata_results_read(folder, &scratch, &result, &err);
    cr_assert_eq(read == STRATA_OK, is_good, "%s", err.text);
    (void)count_files();
    if (!is_good) return;
    strata_sha256_hex(result.bytes, result.n_bytes, hash);
    if (!first_hash[0]) memcpy(first_hash, hash, sizeof hash);
    cr_assert_str_eq(hash, first_hash);
}

static strata_status write_and_seal(struct strata_err *err)
{
    struct strata_arena keep = arena;
    struct strata_comm comm = strata_comm_single();
    struct strata_blob result = {0};
    struct strata_stage_time stage = {"FITTING", 1.5};
    const struct strata_run_facts facts = {
        .ranks = 1, .started = "then", .ended = "now", .stage = &stage, .n_stages = 1};
    STRATA_TRY(strata_results_write(&comm, folder, &world->outcome, folder, &keep, &result, err));
    return strata_results_seal(folder, &world->config, &facts, keep, err);
}

static void empty_folder(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    cr_assert_eq(strata_directory_make(folder, &err), STRATA_OK);
}

Test(no_memory, results_are_written_whole_or_without_a_seal)
{
    world = STRATA_NEW(&arena, struct world, 1);
    cr_assert_not_null(world);
    world_make(world, 0, 1, 50, &arena);
    starve((struct task){empty_folder, write_and_seal, check_folder}, SOME_REQUESTS);
}

static strata_status read_record_again(struct strata_err *err)
{
    struct strata_arena scratch = arena;
    struct strata_blob result = {0}, model = {0};
    struct strata_start *start = NULL;
    char path[96], *bytes = NULL;
    STRATA_TRY(strata_results_read(folder, &scratch, &result, err));
    (void)snprintf(path, sizeof path, "%s/report.html", folder);
    STRATA_TRY(strata_report_write(path, &result, scratch, err));
    (void)snprintf(path, sizeof path, "%s/model.pb", folder);
    STRATA_TRY(strata_file_read(path, 1 << 20, &scratch, &bytes, &model.n_bytes, err));
    model.bytes = (unsigned char *)bytes;
    return strata_model_start(path, "model.start", &model, &scratch, &start, err);
}

Test(no_memory, records_and_models_are_loaded_or_refused)
{
    struct strata_err err = {0};
    world = STRATA_NEW(&arena, struct world, 1);
    cr_assert_not_null(world);
    world_make(world, 0, 1, 50, &arena);
    cr_assert_eq(write_and_seal(&err), STRATA_OK, "%s", err.text);
    starve((struct task){.run = read_record_again}, SOME_REQUESTS);
}
