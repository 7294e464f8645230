/* The Clone pattern over real sockets: whoever subscribes, takes a snapshot and asks for what it lost has every event,
 * or sees that some are gone. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <zmq.h>

#include "control_world.h"
#include "strata/channel.h"
#include "strata/clock.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"
#include "strata/v1/control.pb-c.h"

#define LOG_MAX 16384

static struct world world;
static struct strata_client *client;
static void *context, *subscriber;

/* What a follower knows: where its snapshot was, the last event it has, and the warnings that came after the snapshot. */
static struct {
    uint64_t from, last;
    int warning[LOG_MAX];
    size_t n_warnings;
    size_t n_asked, n_gaps;
} seen;

static void setup(void)
{
    world_init(&world);
    memset(&seen, 0, sizeof seen);
}

static void teardown(void)
{
    if (subscriber) (void)zmq_close(subscriber);
    if (context) (void)zmq_ctx_term(context);
    strata_client_close(&client);
    world_finish(&world);
}

TestSuite(events, .init = setup, .fini = teardown, .timeout = 60);

/* --- the job ------------------------------------------------------------------------------------ */

static void warn(int number)
{
    struct strata_notice notice = {.kind = STRATA_NOTICE_WARNING};
    (void)snprintf(notice.text, sizeof notice.text, "%d", number);
    world_publish(&world, STRATA_JOB_FITTING, (uint64_t)number);
    strata_board_post(&world.board, &notice);
}

/* So that the board's ring does not run over. */
static void warn_slowly(int from, int to)
{
    for (int i = from; i < to; i++) {
        warn(i);
        if (i % 100 == 99) (void)zmq_poll(NULL, 0, 60);
    }
}

/* --- a follower --------------------------------------------------------------------------------- */

static const Strata__V1__Reply *ask(Strata__V1__Request *request)
{
    static uint64_t id;
    unsigned char bytes[64], *reply = NULL;
    size_t n_reply = 0;
    request->id = ++id;
    const size_t n_bytes = strata__v1__request__pack(request, bytes);
    cr_assert_eq(
        strata_client_ask(client, bytes, n_bytes, id, &world.memory, &reply, &n_reply, &world.err),
        STRATA_OK, "%s", world.err.text);
    const Strata__V1__Reply *answer =
        strata_unpack(&strata__v1__reply__descriptor, reply, n_reply, &world.memory);
    cr_assert_not_null(answer);
    cr_assert_eq(answer->code, STRATA__V1__CODE__CODE_OK, "%s", answer->text);
    return answer;
}

static const Strata__V1__EventsReply *ask_events(uint64_t after)
{
    Strata__V1__Request request;
    strata__v1__request__init(&request);
    Strata__V1__GetEvents body;
    strata__v1__get_events__init(&body);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_EVENTS;
    request.get_events = &body;
    body.after = after;
    seen.n_asked++;
    return ask(&request)->events;
}

static const Strata__V1__SnapshotReply *ask_snapshot(void)
{
    Strata__V1__Request request;
    strata__v1__request__init(&request);
    Strata__V1__GetSnapshot body;
    strata__v1__get_snapshot__init(&body);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_SNAPSHOT;
    request.get_snapshot = &body;
    return ask(&request)->snapshot;
}

static void take_snapshot(void)
{
    seen.from = seen.last = ask_snapshot()->event;
    seen.n_warnings = 0;
}

static void start(void)
{
    struct strata_channel found = {.events = ""};
    const int wait_ms = 50;
    cr_assert_eq(world_start(&world, "ipc"), STRATA_OK, "%s", world.err.text);
    cr_assert_eq(world_open(&world, &client, 5000), STRATA_OK, "%s", world.err.text);
    cr_assert_eq(strata_channel_read(world.directory, &world.memory, &found, &world.err), STRATA_OK);
    context = zmq_ctx_new();
    subscriber = zmq_socket(context, ZMQ_SUB);
    (void)zmq_setsockopt(subscriber, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    cr_assert_eq(zmq_connect(subscriber, found.events), 0);
    cr_assert_eq(zmq_setsockopt(subscriber, ZMQ_SUBSCRIBE, "", 0), 0);
}

/* The next event in order. */
static void take(const Strata__V1__Event *event)
{
    cr_assert_eq(event->number, seen.last + 1);
    seen.last = event->number;
    if (event->body_case != STRATA__V1__EVENT__BODY_WARNING) return;
    cr_assert_lt(seen.n_warnings, LOG_MAX);
    seen.warning[seen.n_warnings++] = (int)strtol(event->warning->text, NULL, 10);
}

/* Ask for all up to a number; where some are gone, begin anew with a snapshot. */
static void catch_up(uint64_t number)
{
    while (seen.last < number) {
        const Strata__V1__EventsReply *reply = ask_events(seen.last);
        cr_assert_leq(reply->n_events, STRATA_EVENTS_A_REPLY);
        if (reply->gap) {
            seen.n_gaps++;
            take_snapshot();
            continue;
        }
        cr_assert_gt(reply->n_events, 0);
        for (size_t i = 0; i < reply->n_events; i++) take(reply->events[i]);
    }
}

/* Read what comes, for a while or until there are so many warnings, and lose some of it. */
static void follow(double seconds, size_t wanted, unsigned lose_percent, unsigned *draws)
{
    const double until_s = strata_clock_s() + seconds;
    while (strata_clock_s() < until_s && seen.n_warnings < wanted) {
        unsigned char bytes[STRATA_EVENT_BYTES_MAX];
        const int n = zmq_recv(subscriber, bytes, sizeof bytes, 0);
        if (n < 0) continue;
        *draws = *draws * 1664525u + 1013904223u;
        if ((*draws >> 16) % 100 < lose_percent) continue;
        const struct strata_arena mark = world.memory;
        const Strata__V1__Event *event =
            strata_unpack(&strata__v1__event__descriptor, bytes, (size_t)n, &world.memory);
        cr_assert_not_null(event);
        const bool beats = event->body_case == STRATA__V1__EVENT__BODY_HEARTBEAT;
        if (event->number > seen.last + 1 || (beats && event->number > seen.last))
            catch_up(event->number); /* what was lost, and this one */
        else if (event->number == seen.last + 1 && !beats)
            take(event);
        world.memory = mark;
    }
}

static void check_warnings(int from, int to)
{
    cr_assert_eq(seen.n_warnings, (size_t)(to - from), "%zu", seen.n_warnings);
    for (int i = from; i < to; i++) cr_assert_eq(seen.warning[i - from], i);
}

/* --- what is promised --------------------------------------------------------------------------- */

Test(events, a_late_client_has_a_snapshot_and_every_event_after_it)
{
    unsigned draws = 1;
    start();
    warn_slowly(0, 100);
    follow(0.2, 1, 100, &draws); /* it was not there */
    take_snapshot();
    cr_assert_geq(seen.from, 100);
    warn_slowly(100, 150);
    follow(5, 50, 0, &draws);
    check_warnings(100, 150);
    cr_assert_eq(seen.n_gaps, 0);
}

Test(events, a_client_that_loses_some_asks_for_them_and_has_all)
{
    unsigned draws = 7;
    start();
    take_snapshot();
    for (int i = 0; i < 400; i += 40) {
        warn_slowly(i, i + 40);
        follow(0.05, 400, 30 + (unsigned)i / 8, &draws);
    }
    follow(5, 400, 0, &draws); /* the heartbeat tells of a lost last one */
    check_warnings(0, 400);
    cr_assert_gt(seen.n_asked, 3);
    cr_assert_eq(seen.n_gaps, 0);
}

Test(events, a_heartbeat_shows_that_the_last_event_was_lost)
{
    unsigned draws = 1;
    start();
    take_snapshot();
    warn(0);
    follow(0.2, 1, 100, &draws);
    cr_assert_eq(seen.last, seen.from);
    follow(5, 1, 0, &draws); /* nothing happens any more */
    check_warnings(0, 1);
}

Test(events, who_was_away_for_too_long_sees_a_gap_and_begins_with_a_snapshot)
{
    unsigned draws = 1;
    start();
    take_snapshot();
    warn_slowly(0,
                STRATA_EVENTS_KEPT + 200); /* nobody reads: the socket's queue is full long since */
    const Strata__V1__EventsReply *reply = ask_events(seen.last);
    cr_assert(reply->gap);
    cr_assert_eq(reply->n_events, STRATA_EVENTS_A_REPLY);
    cr_assert_eq(reply->events[0]->number, reply->last - STRATA_EVENTS_KEPT + 1);
    follow(0.5, SIZE_MAX, 100, &draws); /* nor what is still there */
    follow(1.2, SIZE_MAX, 0, &draws);
    cr_assert_geq(seen.n_gaps, 1);
    const size_t n_gaps = seen.n_gaps;
    const int next = STRATA_EVENTS_KEPT + 200;
    take_snapshot();
    warn_slowly(next, next + 60);
    follow(0.1, 60, 10, &draws);
    follow(5, 60, 0, &draws);
    check_warnings(next, next + 60);
    cr_assert_eq(seen.n_gaps, n_gaps);
}

/* From the beginning, once there are so many. */
static const Strata__V1__EventsReply *ask_all(uint64_t n)
{
    for (int i = 0; i < 200; i++) {
        const Strata__V1__EventsReply *reply = ask_events(0);
        if (reply->last >= n) return reply;
        (void)zmq_poll(NULL, 0, 10);
    }
    cr_assert_fail("there are fewer events");
    return NULL;
}

Test(events, notices_that_the_board_could_not_hold_are_a_gap)
{
    const int n_lost = 44, n_all = STRATA_BOARD_NOTICES + n_lost;
    for (int i = 0; i < n_all; i++) warn(i);
    start();
    const Strata__V1__EventsReply *reply = ask_all((uint64_t)n_all);
    cr_assert(reply->gap, "their numbers are nobody's");
    cr_assert_eq(reply->events[0]->number, (uint64_t)n_lost + 1);
    cr_assert_str_eq(reply->events[0]->warning->text, "44");
    take_snapshot();
    cr_assert_geq(seen.from, (uint64_t)n_all);
    const Strata__V1__EventsReply *rest = ask_events((uint64_t)n_lost);
    cr_assert_not(rest->gap);
    cr_assert_eq(rest->n_events, STRATA_EVENTS_A_REPLY);
}

Test(events, a_number_of_another_server_is_a_gap)
{
    start();
    const Strata__V1__EventsReply *reply = ask_events(1u << 30);
    cr_assert(reply->gap);
    cr_assert_eq(reply->n_events, 0);
}

static atomic_bool over;

static void *work(void *unused)
{
    (void)unused;
    for (int i = 1; !atomic_load(&over); i++) {
        warn(i);
        if (i % 20 == 0) (void)zmq_poll(NULL, 0, 1);
    }
    return NULL;
}

/* Of a job that does not wait for anybody: what an event has told is in the snapshot whose `event` is not before it. */
Test(events, a_snapshot_has_what_was_told_up_to_its_event)
{
    pthread_t job;
    uint64_t event[200], iteration[200];
    start();
    cr_assert_eq(pthread_create(&job, NULL, work, NULL), 0);
    for (size_t i = 0; i < 200; i++) {
        const struct strata_arena mark = world.memory;
        const Strata__V1__SnapshotReply *snapshot = ask_snapshot();
        event[i] = snapshot->event;
        iteration[i] = snapshot->status->iteration;
        const Strata__V1__EventsReply *before = event[i] ? ask_events(event[i] - 1) : NULL;
        if (before && !before->gap && before->n_events &&
            before->events[0]->body_case == STRATA__V1__EVENT__BODY_WARNING)
            cr_assert_geq(iteration[i], strtoull(before->events[0]->warning->text, NULL, 10));
        cr_assert(i == 0 || (event[i] >= event[i - 1] && iteration[i] >= iteration[i - 1]));
        world.memory = mark;
    }
    atomic_store(&over, true);
    cr_assert_eq(pthread_join(job, NULL), 0);
    cr_assert_gt(event[199], event[0]);
}

Test(events, every_kind_of_notice_is_an_event)
{
    static const struct strata_notice notice[] = {
        {.kind = STRATA_NOTICE_STAGE, .state = STRATA_JOB_FITTING, .elapsed_s = 1.5},
        {.kind = STRATA_NOTICE_CANDIDATE,
         .k = 5,
         .start = 2,
         .fate = STRATA_FATE_DROPPED,
         .iteration = 7,
         .text = "A client dropped it."},
        {.kind = STRATA_NOTICE_CHECKPOINT, .iteration = 7, .generation = 3, .bytes = 1000},
        {.kind = STRATA_NOTICE_WARNING, .text = "careful"},
        {.kind = STRATA_NOTICE_DONE, .state = STRATA_JOB_DONE, .text = "It took 8 s."}};
    for (size_t i = 0; i < 5; i++) strata_board_post(&world.board, &notice[i]);
    start();
    const Strata__V1__EventsReply *reply = ask_all(5);
    cr_assert_geq(reply->n_events, 5);
    Strata__V1__Event **e = reply->events;
    cr_assert_eq(e[0]->stage->state, STRATA__V1__JOB_STATE__JOB_STATE_FITTING);
    cr_assert_eq(e[0]->stage->elapsed_s, 1.5);
    cr_assert_eq(e[1]->candidate->fate, STRATA__V1__CANDIDATE_FATE__CANDIDATE_FATE_DROPPED);
    cr_assert(e[1]->candidate->k == 5 && e[1]->candidate->start == 2);
    cr_assert_eq(e[1]->candidate->iteration, 7);
    cr_assert_str_eq(e[1]->candidate->reason, "A client dropped it.");
    cr_assert_eq(e[2]->checkpoint->generation, 3);
    cr_assert_eq(e[2]->checkpoint->bytes, 1000);
    cr_assert_str_eq(e[3]->warning->text, "careful");
    cr_assert_eq(e[4]->done->state, STRATA__V1__JOB_STATE__JOB_STATE_DONE);
    cr_assert_str_eq(e[4]->done->text, "It took 8 s.");
    for (size_t i = 0; i < 5; i++) cr_assert_eq(e[i]->number, i + 1);
}
