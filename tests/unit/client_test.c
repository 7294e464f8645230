/* What a client promises, against a server that misbehaves: every event once and in order, replies in pieces, no command
 * twice, and going on when the job was started again. */
#include "strata/client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "control_world.h"
#include "fake_server.h"
#include "strata/clock.h"

static struct strata_arena memory;
static char directory[64];
static struct fake_server server, second;
static struct strata_client *client;
static struct strata_err err;

static void setup(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/strata-test-XXXXXX");
    cr_assert(strata_arena_init(&memory, (size_t)1 << 30) && mkdtemp(directory));
    fake_start(&server, directory, "a", &memory);
}

static void teardown(void)
{
    strata_client_close(&client);
    fake_stop(&server);
    fake_stop(&second);
    cr_assert_eq(strata_directory_remove(directory, &err), STRATA_OK);
    strata_arena_finish(&memory);
}

TestSuite(client, .init = setup, .fini = teardown, .timeout = 60);

static void open_client(int timeout_ms)
{
    const struct strata_client_options options = {.run = directory, .timeout_ms = timeout_ms};
    cr_assert_eq(strata_client_open(&options, &client, &err), STRATA_OK, "%s", err.text);
}

/* The next event that is neither nothing nor a heartbeat, within seconds. */
static struct strata_event next(double seconds)
{
    struct strata_event event;
    const double until = strata_clock_s() + seconds;
    do
        cr_assert_eq(strata_client_next_event(client, 50, &memory, &event, &err), STRATA_OK, "%s",
                     err.text);
    while ((event.kind == STRATA_TOLD_NONE || event.kind == STRATA_TOLD_HEARTBEAT) &&
           strata_clock_s() < until);
    return event;
}

/* Subscribe, and wait until events come through. */
static void follow(void)
{
    open_client(2000);
    cr_assert_eq(next(5).kind, STRATA_TOLD_SNAPSHOT);
    const uint64_t number = fake_happen(&server, false);
    struct strata_event event = {.number = 0};
    const double until = strata_clock_s() + 5;
    while (event.number < number && strata_clock_s() < until) {
        fake_send(&server, number, false);
        cr_assert_eq(strata_client_next_event(client, 20, &memory, &event, &err), STRATA_OK);
    }
    cr_assert_eq(event.number, number);
}

Test(client, the_first_event_is_a_snapshot_and_what_it_contains_is_not_told_again)
{
    for (int i = 0; i < 5; i++) (void)fake_happen(&server, false);
    open_client(2000);
    const struct strata_event event = next(5);
    cr_assert_eq(event.kind, STRATA_TOLD_SNAPSHOT);
    cr_assert_eq(event.number, 5);
    cr_assert_not(event.resynced || event.restarted);
    cr_assert_str_eq(event.job.state, "FITTING");
    for (int i = 0; i < 20; i++) { /* until the subscription has taken effect */
        for (uint64_t number = 1; number <= 5; number++) fake_send(&server, number, false);
        cr_assert_eq(next(0.02).kind, STRATA_TOLD_NONE);
    }
    cr_assert_eq(server.n_asked[STRATA__V1__REQUEST__BODY_GET_EVENTS], 0);
}

Test(client, events_that_are_lost_repeated_or_out_of_order_come_once_and_in_order)
{
    uint64_t random = 12345, expected = 0;
    follow();
    expected = server.last;
    for (int round = 0; round < 300; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const unsigned what = (unsigned)(random >> 60);
        const uint64_t number = fake_happen(&server, what < 9);
        if (what >= 13) fake_send(&server, number, false);      /* late */
        if (what == 3) fake_send(&server, number, false);       /* twice */
        if (what == 4) fake_send(&server, number - 1, false);   /* an old one again */
        if (round % 50 == 49) fake_send(&server, number, true); /* a heartbeat tells of lost ones */
    }
    while (expected < server.last) {
        const struct strata_event event = next(5);
        cr_assert_eq(event.kind, STRATA_TOLD_WARNING, "after %lu of %lu", (unsigned long)expected,
                     (unsigned long)server.last);
        cr_assert_eq(event.number, expected + 1);
        expected = event.number;
    }
    cr_assert_gt(server.n_asked[STRATA__V1__REQUEST__BODY_GET_EVENTS], 0);
    cr_assert_eq(server.n_asked[STRATA__V1__REQUEST__BODY_GET_SNAPSHOT], 1);
}

Test(client, a_heartbeat_shows_that_the_last_event_was_lost)
{
    follow();
    const uint64_t number = fake_happen(&server, false);
    cr_assert_eq(next(0.1).kind, STRATA_TOLD_NONE);
    fake_send(&server, number, true);
    cr_assert_eq(next(5).number, number);
}

Test(client, more_missed_events_than_a_reply_holds_are_all_asked_for)
{
    follow();
    const uint64_t before = server.last;
    for (int i = 0; i < 1000; i++) (void)fake_happen(&server, false);
    for (uint64_t number = before + 1; number <= server.last; number++) {
        if ((number - before) % 256 == 1) fake_send(&server, server.last, true);
        cr_assert_eq(next(5).number, number);
    }
}

Test(client, what_the_server_has_forgotten_becomes_a_new_snapshot_and_is_said)
{
    follow();
    for (int i = 0; i < 100; i++) (void)fake_happen(&server, false);
    fake_forget_up_to(&server, server.last - 10);
    const uint64_t number = fake_happen(&server, true);
    const struct strata_event event = next(5);
    cr_assert_eq(event.kind, STRATA_TOLD_SNAPSHOT);
    cr_assert(event.resynced);
    cr_assert_eq(event.number, number);
    cr_assert_eq(next(0.1).kind, STRATA_TOLD_NONE);
    (void)fake_happen(&server, true);
    cr_assert_eq(next(5).number, number + 1);
}

Test(client, a_job_that_was_killed_and_started_again_elsewhere_is_followed)
{
    follow();
    fake_stop(&server);
    const double begin = strata_clock_s();
    struct strata_event event = next(10);
    cr_assert_eq(event.kind, STRATA_TOLD_LOST);
    cr_assert(strstr(event.text, "gone"), "%s", event.text);
    cr_assert_lt(strata_clock_s() - begin, 6);
    cr_assert_eq(next(0.5).kind, STRATA_TOLD_NONE, "told once");
    fake_start(&second, directory, "b", &memory);
    (void)fake_happen(&second, false);
    event = next(10);
    cr_assert_eq(event.kind, STRATA_TOLD_SNAPSHOT);
    cr_assert(event.restarted);
    cr_assert_eq(event.number, 1);
    cr_assert_str_eq(event.incarnation, "life-b");
    const uint64_t number = fake_happen(&second, false);
    fake_send(&second, number, true);
    for (int i = 0; i < 50 && event.number < number; i++) {
        fake_send(&second, number, true);
        event = next(0.1);
    }
    cr_assert_eq(event.number, number);
}

Test(client, a_server_that_only_paused_is_followed_without_a_gap)
{
    follow();
    const uint64_t before = server.last;
    server.mute = true;
    for (int i = 0; i < 3; i++) (void)fake_happen(&server, false);
    cr_assert_eq(next(12).kind, STRATA_TOLD_LOST);
    server.mute = false;
    for (uint64_t number = before + 1; number <= server.last; number++) {
        const struct strata_event event = next(10);
        cr_assert_eq(event.kind, STRATA_TOLD_WARNING);
        cr_assert_eq(event.number, number);
    }
}

Test(client, a_run_that_finished_meanwhile_ends_with_its_record)
{
    struct world world = {.memory = memory};
    follow();
    fake_stop(&server);
    (void)snprintf(world.directory, sizeof world.directory, "%s", directory);
    world_write_record(&world);
    const struct strata_event event = next(10);
    cr_assert_eq(event.kind, STRATA_TOLD_SNAPSHOT);
    cr_assert(event.leaving && event.job.final);
    cr_assert_str_eq(event.job.state, "DONE");
    cr_assert(strata_client_is_offline(client));
}

/* --- questions ---------------------------------------------------------------------------------- */

Test(client, a_reply_in_pieces_is_put_together)
{
    struct strata_answer answer;
    server.in_pieces = true;
    server.n_changes = 2;
    open_client(2000);
    cr_assert_eq(strata_client_question(client, STRATA_ASK_PERSONAS, NULL, &memory, &answer, &err),
                 STRATA_OK, "%s", err.text);
    cr_assert_eq(answer.segments.n_segments, 10);
    cr_assert_eq(answer.segments.segment[9].id, 10);
    cr_assert_eq(strlen(answer.segments.segment[9].definition), 399);
    cr_assert_eq(server.n_changes, 0, "begun anew while the state changed");
    server.n_changes = 100;
    cr_assert_eq(strata_client_question(client, STRATA_ASK_PERSONAS, NULL, &memory, &answer, &err),
                 STRATA_E_AGAIN);
}

Test(client, a_question_is_put_to_the_job_that_was_started_again)
{
    struct strata_answer answer;
    open_client(3000);
    cr_assert_eq(strata_client_question(client, STRATA_ASK_HELLO, NULL, &memory, &answer, &err),
                 STRATA_OK);
    fake_stop(&server);
    fake_start(&second, directory, "b", &memory);
    cr_assert_eq(strata_client_question(client, STRATA_ASK_PERSONAS, NULL, &memory, &answer, &err),
                 STRATA_OK, "%s", err.text);
    cr_assert_str_eq(answer.incarnation, "life-b");
}

Test(client, a_command_is_not_sent_to_the_job_that_was_started_again)
{
    struct strata_answer answer;
    open_client(3000);
    cr_assert_eq(strata_client_question(client, STRATA_ASK_STOP, NULL, &memory, &answer, &err),
                 STRATA_OK);
    cr_assert_eq(answer.iteration, 7);
    fake_stop(&server);
    fake_start(&second, directory, "b", &memory);
    cr_assert_eq(strata_client_question(client, STRATA_ASK_STOP, NULL, &memory, &answer, &err),
                 STRATA_E_UNAVAILABLE);
    cr_assert(strstr(err.text, "not sent to it again"), "%s", err.text);
    cr_assert_eq(second.n_asked[STRATA__V1__REQUEST__BODY_STOP], 0);
    cr_assert_eq(strata_client_question(client, STRATA_ASK_STOP, NULL, &memory, &answer, &err),
                 STRATA_OK, "asked anew it is: %s", err.text);
    cr_assert_eq(second.n_effects, 1);
}

Test(client, a_server_that_stands_still_is_silent_and_does_not_refuse)
{
    struct strata_answer answer;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct strata_channel channel = {
        .incarnation = "still", .events = "ipc:///nowhere", .host = "", .started = ""};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/still", directory);
    channel.requests = strata_arena_print(&memory, "ipc://%s", address.sun_path);
    const int file = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(file, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(file, 100), 0);
    cr_assert_eq(strata_channel_write(directory, &channel, memory, &err), STRATA_OK);
    open_client(4500); /* more than four handshakes */
    cr_assert_eq(strata_client_question(client, STRATA_ASK_STATUS, NULL, &memory, &answer, &err),
                 STRATA_E_UNAVAILABLE, "%s", err.text);
    cr_assert(strstr(err.text, "no reply within"), "%s", err.text);
    (void)close(file);
}

/* The router is closed and opened again while a command waits. */
static void *cut(void *context)
{
    (void)context;
    const int none = 0;
    while (server.n_effects == 0) (void)usleep(1000);
    atomic_store(&server.stopping, true);
    (void)pthread_join(server.thread, NULL);
    (void)zmq_close(server.router);
    server.router = zmq_socket(server.context, ZMQ_ROUTER);
    (void)zmq_setsockopt(server.router, ZMQ_LINGER, &none, sizeof none);
    while (zmq_bind(server.router, server.requests) != 0) (void)usleep(1000);
    atomic_store(&server.stopping, false);
    if (pthread_create(&server.thread, NULL, fake_serve, &server) != 0) abort();
    return NULL;
}

Test(client, a_command_whose_connection_broke_goes_out_again_and_has_one_effect)
{
    struct strata_answer answer;
    pthread_t other;
    server.commands_unanswered = true;
    open_client(5000);
    cr_assert_eq(pthread_create(&other, NULL, cut, NULL), 0);
    cr_assert_eq(strata_client_question(client, STRATA_ASK_STOP, NULL, &memory, &answer, &err),
                 STRATA_OK, "%s", err.text);
    cr_assert_eq(pthread_join(other, NULL), 0);
    cr_assert_eq(answer.iteration, 7);
    cr_assert_eq(server.n_effects, 1);
    cr_assert_geq(server.n_asked[STRATA__V1__REQUEST__BODY_STOP], 2);
}
