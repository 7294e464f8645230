/* Server and client together, over real sockets. */
#include "strata/control.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <zmq.h>

#include "control_world.h"
#include "strata/channel.h"
#include "strata/clock.h"
#include "strata/protocol_limits.h"
#include "strata/v1/control.pb-c.h"

static struct world world;
static struct strata_client *client;
static struct strata_answer answer;

static void setup(void)
{
    world_init(&world);
}

static void teardown(void)
{
    strata_client_close(&client);
    world_finish(&world);
}

TestSuite(control, .init = setup, .fini = teardown, .timeout = 30);

#define START(endpoint) \
    cr_assert_eq(world_start(&world, (endpoint)), STRATA_OK, "%s: %s", (endpoint), world.err.text)
#define OPEN() cr_assert_eq(world_open(&world, &client, 2000), STRATA_OK, "%s", world.err.text)

static strata_status question(enum strata_question kind, const char *which)
{
    world.err = (struct strata_err){.text = ""};
    return strata_client_question(client, kind, which, &world.memory, &answer, &world.err);
}

static struct strata_channel channel(void)
{
    struct strata_channel found = {.requests = ""};
    cr_assert_eq(strata_channel_read(world.directory, &world.memory, &found, &world.err), STRATA_OK);
    return found;
}

static bool exists(const char *name)
{
    char path[128];
    struct stat facts;
    (void)snprintf(path, sizeof path, "%s/%s", world.directory, name);
    return lstat(path, &facts) == 0;
}

static unsigned mode_of(const char *path)
{
    struct stat facts;
    cr_assert_eq(lstat(path, &facts), 0, "%s", path);
    return facts.st_mode & 0777;
}

Test(control, answers_from_the_snapshot_of_the_board)
{
    world_publish(&world, STRATA_JOB_FITTING, 41);
    START("ipc");
    OPEN();
    cr_assert_eq(question(STRATA_ASK_STATUS, NULL), STRATA_OK, "%s", world.err.text);
    cr_assert_str_eq(answer.job.job, FAKE_JOB);
    cr_assert_str_eq(answer.job.state, "FITTING");
    cr_assert_eq(answer.job.iteration, 41);
    cr_assert_eq(answer.job.remaining_s, -1);
    cr_assert_eq(answer.seq, 1);
    cr_assert_str_eq(answer.incarnation, channel().incarnation);
    cr_assert_eq(question(STRATA_ASK_SEGMENTS, NULL), STRATA_OK);
    cr_assert(answer.segments.interim);
    cr_assert_eq(answer.segments.n_segments, 5);
    cr_assert_eq(question(STRATA_ASK_PERSONA, "1"), STRATA_E_UNAVAILABLE);
    cr_assert(strstr(world.err.text, "FITTING"), "%s", world.err.text);
}

Test(control, answers_from_the_result_once_there_is_one)
{
    world_publish(&world, STRATA_JOB_WRITING, 99);
    START("tcp://127.0.0.1:*");
    OPEN();
    cr_assert_eq(question(STRATA_ASK_SEGMENTS, NULL), STRATA_OK);
    cr_assert(answer.segments.interim);
    world_publish_record(&world);
    world_publish(&world, STRATA_JOB_DONE, 100);
    /* The channel may just have looked at the board. */
    for (int i = 0; i < 100 && answer.segments.interim; i++)
        cr_assert_eq(question(STRATA_ASK_SEGMENTS, NULL), STRATA_OK);
    cr_assert_not(answer.segments.interim);
    cr_assert_str_eq(answer.segments.segment[0].name, "Young discount hunters");
    cr_assert_eq(question(STRATA_ASK_PERSONA, "High-income loyalists"), STRATA_OK);
    cr_assert_eq(answer.segments.segment[0].id, 2);
    cr_assert_gt(answer.segments.segment[0].n_parts, 0);
    cr_assert_eq(question(STRATA_ASK_PERSONA, "9"), STRATA_E_NO_INPUT);
    cr_assert_eq(question(STRATA_ASK_PERSONAS, NULL), STRATA_OK);
    cr_assert_eq(answer.segments.n_segments, 5);
}

/* A job that takes one command and answers it after a while. */
static void *take_one(void *context)
{
    struct strata_command *command = context;
    while (!strata_board_take(&world.board, command)) (void)usleep(1000);
    (void)usleep(100000);
    strata_board_answer(&world.board,
                        (struct strata_outcome_of_command){.number = command->number,
                                                           .effect = STRATA_EFFECT_TAKEN,
                                                           .iteration = 77,
                                                           .is_kept = true});
    return NULL;
}

Test(control, a_command_is_answered_when_it_has_taken_effect)
{
    struct strata_command command = {.request_id = 0};
    pthread_t job;
    world_publish(&world, STRATA_JOB_FITTING, 5);
    START("ipc");
    OPEN();
    cr_assert_eq(pthread_create(&job, NULL, take_one, &command), 0);
    cr_assert_eq(question(STRATA_ASK_SET, "drop=5/2"), STRATA_OK, "%s", world.err.text);
    cr_assert_eq(pthread_join(job, NULL), 0);
    cr_assert_eq(answer.iteration, 77);
    cr_assert_eq(command.kind, STRATA_COMMAND_DROP);
    cr_assert_eq(command.k, 5);
    cr_assert_eq(command.start, 2);
    cr_assert_neq(command.request_id, 0);
    cr_assert_not(strata_board_take(&world.board, &command));
}

Test(control, a_command_whose_deadline_passes_is_said_to_be_accepted)
{
    struct strata_command command = {.request_id = 0};
    world_publish(&world, STRATA_JOB_FITTING, 5);
    START("ipc");
    cr_assert_eq(world_open(&world, &client, 1000), STRATA_OK);
    cr_assert_eq(question(STRATA_ASK_STOP, NULL), STRATA_E_AGAIN);
    cr_assert(strstr(world.err.text, "accepted"), "%s", world.err.text);
    cr_assert_eq(question(STRATA_ASK_STATUS, NULL), STRATA_OK);
    cr_assert(strata_board_take(&world.board, &command));
    cr_assert_eq(command.kind, STRATA_COMMAND_STOP);
}

Test(control, who_waits_when_the_job_ends_is_answered)
{
    struct strata_command command;
    world_publish(&world, STRATA_JOB_FITTING, 5);
    START("ipc");
    OPEN();
    cr_assert_eq(question(STRATA_ASK_SET, "nothing"), STRATA_E_USAGE);
    cr_assert_not(strata_board_take(&world.board, &command), "nothing was sent");
    strata_board_close(&world.board, false);
    cr_assert_eq(question(STRATA_ASK_PAUSE, NULL), STRATA_E_UNAVAILABLE);
    cr_assert(strstr(world.err.text, "too late"), "%s", world.err.text);
}

Test(control, events_follow_the_board_and_heartbeats_repeat_the_last_number)
{
    struct strata_event event;
    uint64_t last_number = 0, last_iteration = 0;
    bool heartbeat = false;
    world_publish(&world, STRATA_JOB_FITTING, 1);
    START("ipc");
    OPEN();
    cr_assert_eq(strata_client_next_event(client, 300, &world.memory, &event, &world.err),
                 STRATA_OK);
    const double until = strata_clock_s() + 5;
    for (uint64_t i = 2; strata_clock_s() < until && !(heartbeat && last_iteration > 0); i++) {
        if (i < 10) world_publish(&world, STRATA_JOB_FITTING, i);
        cr_assert_eq(strata_client_next_event(client, 200, &world.memory, &event, &world.err),
                     STRATA_OK);
        if (!event.any) continue;
        heartbeat |= event.heartbeat;
        if (event.heartbeat) cr_assert_eq(event.number, last_number);
        if (event.heartbeat) continue;
        cr_assert_gt(event.number, last_number);
        last_number = event.number;
        if (!event.job.state) continue; /* of something else */
        cr_assert_geq(event.job.iteration, last_iteration);
        last_iteration = event.job.iteration;
    }
    cr_assert(heartbeat, "a heartbeat comes within two seconds of silence");
    cr_assert_eq(last_iteration, 9, "the last publication is seen");
}

Test(control, the_last_event_says_that_the_server_leaves)
{
    struct strata_event event = {.any = false};
    world_publish(&world, STRATA_JOB_FITTING, 1);
    START("ipc");
    OPEN();
    cr_assert_eq(strata_client_next_event(client, 300, &world.memory, &event, &world.err),
                 STRATA_OK);
    world_publish(&world, STRATA_JOB_DONE, 2);
    const double begin = strata_clock_s();
    strata_control_stop(&world.control);
    cr_assert_lt(strata_clock_s() - begin, 2.0, "stopping is bounded");
    bool leaving = false;
    for (int i = 0; i < 10 && !leaving; i++) {
        cr_assert_eq(strata_client_next_event(client, 200, &world.memory, &event, &world.err),
                     STRATA_OK);
        leaving = event.any && event.job.leaving && event.job.final;
    }
    cr_assert(leaving);
}

Test(control, files_are_private_and_gone_at_the_end)
{
    char path[128];
    const mode_t before = umask(0);
    START("ipc");
    cr_assert_eq(umask(before), 0, "the process's umask is as it was");
    const struct strata_channel found = channel();
    (void)snprintf(path, sizeof path, "%s/control.json", world.directory);
    cr_assert_eq(mode_of(path), 0600);
    cr_assert_eq(mode_of(found.requests + 6), 0600);
    cr_assert_eq(mode_of(found.events + 6), 0600);
    cr_assert_eq(found.pid, getpid());
    strata_control_stop(&world.control);
    cr_assert_not(exists("control.json"));
    cr_assert_not(exists("control.sock"));
    cr_assert_not(exists("control.sock.events"));
}

Test(control, a_path_that_is_too_long_for_a_socket_gets_a_private_folder)
{
    char deep[256], folder[256];
    (void)snprintf(deep, sizeof deep, "%s/%0100d", world.directory, 0);
    cr_assert_eq(strata_directory_make(deep, &world.err), STRATA_OK);
    const struct strata_control_options options = {
        .directory = deep, .endpoint = "ipc", .board = &world.board};
    cr_assert_eq(strata_control_start(&options, &world.control, &world.err), STRATA_OK, "%s",
                 world.err.text);
    struct strata_channel found;
    cr_assert_eq(strata_channel_read(deep, &world.memory, &found, &world.err), STRATA_OK);
    (void)snprintf(folder, sizeof folder, "%.*s",
                   (int)(strrchr(found.requests, '/') - found.requests - 6), found.requests + 6);
    cr_assert_eq(mode_of(folder), 0700, "%s", folder);
    const struct strata_client_options open = {.run = deep};
    cr_assert_eq(strata_client_open(&open, &client, &world.err), STRATA_OK);
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK, "%s", world.err.text);
    strata_control_stop(&world.control);
    cr_assert_neq(access(folder, F_OK), 0, "%s is removed", folder);
}

Test(control, nothing_listens_beyond_this_host_without_keys)
{
    static const char *const refused[] = {"tcp://0.0.0.0:*",
                                          "tcp://*:7001",
                                          "tcp://10.0.0.1:7001",
                                          "tcp://192.168.1.1:*",
                                          "tcp://[::]:*",
                                          "tcp://example.com:7001",
                                          "tcp://128.0.0.1:*",
                                          "tcp://[::ffff:10.0.0.1]:*",
                                          "tcp://eth0:7001",
                                          "udp://127.0.0.1:7001",
                                          "ipc://relative",
                                          "ipc://@abstract",
                                          "ipc://*",
                                          "tcp://127.0.0.1",
                                          "tcp://127.0.0.1:",
                                          "tcp://127.0.0.1:0",
                                          "tcp://127.0.0.1:99999",
                                          "tcp://127.1:*",
                                          "inproc://x",
                                          "",
                                          "pgm://eth0;239.192.1.1:5555"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        world.err = (struct strata_err){.text = ""};
        cr_expect_eq(world_start(&world, refused[i]), STRATA_E_CONFIG, "%s: %s", refused[i],
                     world.err.text);
        cr_expect_str_not_empty(world.err.text);
        cr_expect_null(world.control);
        cr_expect_not(exists("control.json"));
        strata_control_stop(&world.control);
    }
}

Test(control, loopback_addresses_are_fine)
{
    static const char *const fine[] = {"tcp://127.0.0.1:*", "tcp://127.1.2.3:*",
                                       "tcp://localhost:*"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        START(fine[i]);
        OPEN();
        cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK, "%s: %s", fine[i], world.err.text);
        strata_client_close(&client);
        const struct strata_channel found = channel();
        cr_expect_eq(strncmp(found.requests, "tcp://127.", 10), 0, "%s", found.requests);
        const struct strata_client_options open = {.endpoint = found.requests};
        cr_assert_eq(strata_client_open(&open, &client, &world.err), STRATA_OK);
        struct strata_event event;
        cr_assert_eq(strata_client_next_event(client, 1500, &world.memory, &event, &world.err),
                     STRATA_OK, "%s", world.err.text);
        cr_assert(event.any, "the server says where its events are");
        strata_client_close(&client);
        strata_control_stop(&world.control);
    }
}

Test(control, a_file_that_is_no_socket_is_not_removed)
{
    char path[96], endpoint[128];
    (void)snprintf(path, sizeof path, "%s/precious", world.directory);
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    cr_assert_eq(strata_file_write(path, "data", 4, false, &world.err), STRATA_OK);
    cr_assert_eq(world_start(&world, endpoint), STRATA_E_CONFIG);
    cr_assert(exists("precious"));
}

Test(control, a_second_server_of_the_same_run_is_refused)
{
    struct strata_control *second = NULL;
    START("ipc");
    const struct strata_control_options options = {
        .directory = world.directory, .endpoint = "tcp://127.0.0.1:*", .board = &world.board};
    cr_assert_eq(strata_control_start(&options, &second, &world.err), STRATA_E_UNAVAILABLE);
    cr_assert_null(second);
    OPEN();
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK, "the first is not disturbed");
}

static struct strata_attempt attempt_of(uint32_t number)
{
    struct strata_attempt attempt = {0};
    cr_assert_eq(strata_attempt_begin(world.directory, &attempt, &world.err), STRATA_OK, "%s",
                 world.err.text);
    cr_assert_eq(attempt.number, number);
    return attempt;
}

static struct strata_control *start_as(const struct strata_attempt *attempt)
{
    struct strata_control *control = NULL;
    const struct strata_control_options options = {
        .directory = world.directory, .attempt = attempt, .endpoint = "ipc", .board = &world.board};
    world.err = (struct strata_err){0};
    cr_assert_eq(strata_control_start(&options, &control, &world.err), STRATA_OK, "%s",
                 world.err.text);
    return control;
}

Test(control, an_attempt_that_was_overtaken_neither_replaces_nor_removes_the_later_ones_channel)
{
    const struct strata_attempt first = attempt_of(1);
    struct strata_control *old = start_as(&first);
    const struct strata_attempt second = attempt_of(2);
    struct strata_control *new = start_as(&second);
    const char *incarnation = channel().incarnation;
    struct strata_control *late = NULL;
    const struct strata_control_options options = {.directory = world.directory,
                                                   .attempt = &first,
                                                   .endpoint = "tcp://127.0.0.1:*",
                                                   .board = &world.board};
    cr_assert_eq(unlink(strata_path_join(world.directory, "control.json", &world.memory)), 0);
    cr_assert_eq(strata_control_start(&options, &late, &world.err), STRATA_E_UNAVAILABLE);
    cr_assert_not(exists("control.json"));
    strata_control_stop(&new);
    new = start_as(&second);
    incarnation = channel().incarnation;
    strata_control_stop(&old);
    cr_assert_str_eq(channel().incarnation, incarnation);
    OPEN();
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK, "the later one is not disturbed");
    strata_control_stop(&new);
    cr_assert_not(exists("control.json"));
}

Test(control, sockets_of_a_dead_attempt_go_with_the_next_one)
{
    char deep[256];
    cr_assert_eq(setenv("TMPDIR", world.directory, 1), 0);
    (void)snprintf(deep, sizeof deep, "%s/a-rather-long-name-of-a-run-directory-%060d",
                   world.directory, 0);
    const char *const directory[] = {world.directory, deep};
    for (size_t i = 0; i < 2; i++) {
        struct strata_attempt dead = {0}, next = {0};
        char folder[256];
        cr_assert_eq(strata_directory_make(directory[i], &world.err), STRATA_OK);
        cr_assert_eq(strata_attempt_begin(directory[i], &dead, &world.err), STRATA_OK);
        const struct strata_control_options options = {
            .directory = directory[i], .attempt = &dead, .endpoint = "ipc", .board = &world.board};
        struct strata_control *control = NULL;
        struct strata_channel found = {0};
        cr_assert_eq(strata_control_start(&options, &control, &world.err), STRATA_OK, "%s",
                     world.err.text);
        cr_assert_eq(strata_channel_read(directory[i], &world.memory, &found, &world.err),
                     STRATA_OK);
        cr_assert_eq(access(found.requests + 6, F_OK), 0);
        cr_assert_eq(strncmp(found.requests + 6, dead.tray, strlen(dead.tray)) == 0, i == 0);
        cr_assert_eq(strata_attempt_begin(directory[i], &next, &world.err), STRATA_OK);
        cr_assert_eq(strata_attempt_temporary(&next, NULL, 1, folder, sizeof folder, &world.err),
                     STRATA_OK);
        cr_assert_neq(access(found.requests + 6, F_OK), 0, "%s", found.requests);
        *strrchr(found.requests, '/') = '\0';
        cr_assert_neq(access(found.requests + 6, F_OK), 0, "%s", found.requests);
        strata_control_stop(&control);
    }
}

/* control.json of a process that was killed: a socket file without listener. */
static void leave_stale_channel(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char requests[128];
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", world.directory);
    (void)snprintf(requests, sizeof requests, "ipc://%s/control.sock", world.directory);
    const int file = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(file, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(file);
    const struct strata_channel stale = {.incarnation = "dead",
                                         .requests = requests,
                                         .events = requests,
                                         .host = "",
                                         .started = "",
                                         .pid = 1};
    cr_assert_eq(strata_channel_write(world.directory, &stale, world.memory, &world.err), STRATA_OK);
}

Test(control, a_dead_server_is_told_at_once)
{
    leave_stale_channel();
    const double begin = strata_clock_s();
    cr_assert_eq(world_open(&world, &client, 5000), STRATA_E_UNAVAILABLE);
    cr_assert_lt(strata_clock_s() - begin, 1.0);
    cr_assert(strstr(world.err.text, "gone"), "%s", world.err.text);
}

Test(control, a_new_server_takes_over_what_a_dead_one_left)
{
    leave_stale_channel();
    START("ipc");
    OPEN();
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK, "%s", world.err.text);
}

Test(control, a_finished_run_answers_without_a_server)
{
    world_write_record(&world);
    leave_stale_channel();
    OPEN();
    cr_assert(strata_client_is_offline(client));
    cr_assert_eq(question(STRATA_ASK_STATUS, NULL), STRATA_OK);
    cr_assert_str_eq(answer.job.state, "DONE");
    cr_assert(answer.job.final);
    cr_assert_eq(question(STRATA_ASK_SEGMENTS, NULL), STRATA_OK);
    cr_assert_eq(answer.segments.n_segments, 5);
    cr_assert_eq(question(STRATA_ASK_PERSONA, "2"), STRATA_OK);
    cr_assert_eq(question(STRATA_ASK_STOP, NULL), STRATA_E_UNAVAILABLE);
}

Test(control, a_folder_without_job_is_unavailable)
{
    cr_assert_eq(world_open(&world, &client, 500), STRATA_E_UNAVAILABLE);
    cr_assert_str_not_empty(world.err.text);
    const struct strata_client_options nowhere = {.endpoint = "nonsense"};
    world.err = (struct strata_err){.text = ""};
    cr_assert_eq(strata_client_open(&nowhere, &client, &world.err), STRATA_E_USAGE);
}

Test(control, a_server_that_dies_is_noticed_before_the_timeout)
{
    START("ipc");
    cr_assert_eq(world_open(&world, &client, 20000), STRATA_OK);
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK);
    strata_control_stop(&world.control);
    const double begin = strata_clock_s();
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_E_UNAVAILABLE);
    cr_assert_lt(strata_clock_s() - begin, 3.0);
}

/* --- clients that do not behave ----------------------------------------------------------------- */

static void *context, *raw;

static void open_raw(int kind)
{
    context = zmq_ctx_new();
    raw = zmq_socket(context, kind);
    const int none = 0, wait_ms = 1000;
    (void)zmq_setsockopt(raw, ZMQ_LINGER, &none, sizeof none);
    (void)zmq_setsockopt(raw, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    cr_assert_eq(zmq_connect(raw, channel().requests), 0);
}

static void close_raw(void)
{
    (void)zmq_close(raw);
    (void)zmq_ctx_term(context);
}

static int code_of_next_reply(uint64_t *id)
{
    unsigned char bytes[4096];
    const int n = zmq_recv(raw, bytes, sizeof bytes, 0);
    if (n < 0) return -1;
    Strata__V1__Reply *reply = strata__v1__reply__unpack(NULL, (size_t)n, bytes);
    cr_assert_not_null(reply);
    const int code = (int)reply->code;
    *id = reply->id;
    strata__v1__reply__free_unpacked(reply, NULL);
    return code;
}

Test(control, garbage_gets_an_error_and_others_are_served)
{
    uint64_t id = 99;
    START("tcp://127.0.0.1:*");
    OPEN();
    open_raw(ZMQ_DEALER);
    for (int i = 0; i < 200; i++) {
        cr_assert_geq(zmq_send(raw, "\xff\xfe garbage", 10, 0), 0);
        cr_assert_eq(code_of_next_reply(&id), STRATA__V1__CODE__CODE_BAD_REQUEST);
        cr_assert_eq(id, 0);
    }
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK);
    close_raw();
}

Test(control, messages_of_the_wrong_shape_are_dropped)
{
    uint64_t id = 99;
    START("ipc");
    OPEN();
    open_raw(ZMQ_DEALER);
    for (int i = 0; i < 5; i++) cr_assert_geq(zmq_send(raw, "x", 1, i < 4 ? ZMQ_SNDMORE : 0), 0);
    cr_assert_geq(zmq_send(raw, "a", 1, ZMQ_SNDMORE), 0);
    cr_assert_geq(zmq_send(raw, "b", 1, 0), 0);
    cr_assert_eq(code_of_next_reply(&id), -1, "no reply");
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK);
    close_raw();
}

Test(control, a_req_socket_is_served_too)
{
    uint64_t id = 0;
    START("ipc");
    open_raw(ZMQ_REQ);
    cr_assert_eq(zmq_send(raw, "\x08\x05\x8a\x01\x00", 5, 0), 5);
    cr_assert_eq(code_of_next_reply(&id), STRATA__V1__CODE__CODE_OK);
    cr_assert_eq(id, 5);
    close_raw();
}

Test(control, an_oversize_message_drops_its_connection_and_nobody_else)
{
    static unsigned char large[STRATA_REQUEST_BYTES_MAX + 1];
    uint64_t id = 99;
    START("tcp://127.0.0.1:*");
    OPEN();
    open_raw(ZMQ_DEALER);
    cr_assert_geq(zmq_send(raw, large, sizeof large, 0), 0);
    cr_assert_eq(code_of_next_reply(&id), -1, "no reply");
    cr_assert_eq(question(STRATA_ASK_HELLO, NULL), STRATA_OK);
    close_raw();
}

Test(control, two_hundred_idle_connections_do_not_delay_a_client)
{
    int idle[200];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    START("ipc");
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", channel().requests + 6);
    for (size_t i = 0; i < 200; i++) {
        idle[i] = socket(AF_UNIX, SOCK_STREAM, 0);
        cr_assert_eq(connect(idle[i], (const struct sockaddr *)&address, sizeof address), 0,
                     "connection %zu", i);
    }
    OPEN();
    const double begin = strata_clock_s();
    for (int i = 0; i < 20; i++)
        cr_assert_eq(question(STRATA_ASK_STATUS, NULL), STRATA_OK, "%s", world.err.text);
    cr_assert_lt(strata_clock_s() - begin, 1.0);
    for (size_t i = 0; i < 200; i++) (void)close(idle[i]);
}
