/* The control thread: it owns all sockets, looks at the board each period, answers requests, publishes events. */
#include "strata/control.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "strata/channel.h"
#include "strata/clock.h"
#include "strata/file.h"
#include "strata/hash.h"
#include "strata/log.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"

#include "history.h"
#include "requests.h"
#include "transport.h"
#include "waiting.h"

#define MEMORY_BYTES ((size_t)16 << 20) /* addresses; pages as they are used */
#define FILES_MAX ((rlim_t)1 << 20)
#define LARGE_BYTES \
    ((size_t)256 << 10) /* of a request; after a larger one its memory is given back */
#define NOTICES_A_TURN 16 /* well below what is queued for a subscriber, */
#define BURST_MS 1        /* and then it has time to take them */

_Static_assert(STRATA_BUCKETS >= STRATA_CLIENTS_MAX, "each client of the list has its own");

struct strata_control {
    struct strata_arena memory;  /* of this struct and its texts */
    struct strata_arena scratch; /* of one request */
    struct strata_transport transport;
    struct strata_desk desk;
    struct strata_waiting waiting; /* commands whose effect is not known yet */
    struct strata_channel channel;
    struct strata_keyring keyring; /* with keys only */
    struct strata_bucket bucket[STRATA_BUCKETS];
    const char *directory;
    const struct strata_attempt *attempt;
    pthread_t thread;
    atomic_bool stopping;
    _Atomic(struct strata_served *) offered; /* to be served next; NULL: nothing new */
    /* the thread's own */
    uint64_t seq_told,
        iteration_told;     /* of the last status, and the last iteration, that was an event */
    bool hears_more;        /* notices are left on the board */
    double told_s, heart_s; /* when the last status, and the last event or heartbeat, was sent */
};

/* --- a turn of the thread ----------------------------------------------------------------------- */

/* Who may reach a socket of mode 0600, or one of this host when the job file says so, may do all. */
static struct strata_caller caller_of(struct strata_control *control,
                                      const struct strata_letter *letter)
{
    if (!control->transport.keyring) {
        const uint64_t hash = strata_hash(letter->address, letter->n_address);
        return (struct strata_caller){.name = "local",
                                      .role = STRATA_CLIENT_OPERATOR,
                                      .peer = letter->peer,
                                      .bucket = &control->bucket[hash % STRATA_BUCKETS]};
    }
    const struct strata_allowed_client *client = &control->keyring.client[letter->client];
    return (struct strata_caller){.name = client->name,
                                  .role = client->role,
                                  .number = letter->client,
                                  .keyed = true,
                                  .peer = letter->peer,
                                  .bucket = &control->bucket[letter->client]};
}

static void send_reply(struct strata_control *control, const Strata__V1__Reply *reply,
                       const struct strata_letter *to)
{
    struct strata_parcel parcel;
    if (!reply || !strata_parcel_init(&parcel, strata__v1__reply__get_packed_size(reply))) return;
    (void)strata__v1__reply__pack(reply, parcel.bytes); /* its size is known */
    strata_transport_send(&control->transport, to, &parcel);
}

static void answer(struct strata_control *control, const struct strata_letter *letter)
{
    struct strata_arena scratch = control->scratch;
    control->desk.caller = caller_of(control, letter);
    control->desk.n_waiting = strata_waiting_count(&control->waiting);
    control->desk.is_full = control->desk.n_waiting == STRATA_WAITING_MAX;
    const Strata__V1__Reply *reply =
        strata_request_answer(&control->desk, letter->body, letter->n_body, &scratch);
    if (reply && control->desk.asked.number)
        strata_waiting_add(&control->waiting, letter, &control->desk.asked);
    else
        send_reply(control, reply, letter);
    if (letter->n_body > LARGE_BYTES) strata_arena_reset(&control->scratch);
}

/* Commands that have taken effect, or whose deadline has passed. */
static void answer_waiting(struct strata_control *control)
{
    struct strata_wait *wait;
    struct strata_outcome_of_command outcome;
    const double now_s = strata_clock_s();
    for (size_t i = 0; (wait = strata_waiting_next(&control->waiting, &i)) != NULL;) {
        const bool known = strata_board_outcome(control->desk.board, wait->asked.number, &outcome);
        if (!known && now_s < wait->until_s) continue;
        struct strata_arena scratch = control->scratch;
        send_reply(
            control,
            strata_command_answer(&control->desk, &wait->asked, known ? &outcome : NULL, &scratch),
            &wait->letter);
        strata_waiting_remove(wait);
    }
}

/* Answer what is queued, but leave events their turn. */
static size_t answer_queued(struct strata_control *control)
{
    size_t n_taken = 0;
    while (n_taken < STRATA_REQUESTS_PER_TURN) {
        struct strata_letter letter;
        const enum strata_mail mail = strata_transport_receive(&control->transport, &letter);
        if (mail == STRATA_MAIL_NONE) break;
        n_taken++;
        if (mail == STRATA_MAIL_JUNK) continue;
        answer(control, &letter);
        strata_letter_finish(&letter);
    }
    return n_taken;
}

static void send_event(struct strata_control *control, const void *bytes, size_t n_bytes)
{
    struct strata_parcel parcel;
    control->heart_s = strata_clock_s();
    if (!strata_parcel_init(&parcel, n_bytes)) return; /* kept for who asks */
    memcpy(parcel.bytes, bytes, n_bytes);
    strata_transport_send(&control->transport, NULL, &parcel);
}

static void sign(const struct strata_control *control, Strata__V1__Event *event)
{
    event->seq = control->desk.now.seq;
    event->incarnation = (char *)(uintptr_t)control->channel.incarnation; /* only packed */
}

/* Give the event its number, keep it, and send it to all. */
static void publish(struct strata_control *control, Strata__V1__Event *event)
{
    sign(control, event);
    const struct strata_kept_event *kept = strata_history_add(control->desk.history, event);
    send_event(control, kept->bytes, kept->n_bytes);
}

static void publish_status(struct strata_control *control, bool last)
{
    Strata__V1__Event event;
    struct strata_event_room room;
    strata_event_of_status(&control->desk.now, &room, &event);
    event.last = last;
    publish(control, &event);
    control->seq_told = control->desk.now.seq;
    control->told_s = control->heart_s;
}

static void publish_iteration(struct strata_control *control)
{
    Strata__V1__Event event;
    struct strata_event_room room;
    if (control->desk.now.iteration == control->iteration_told) return;
    strata_event_of_iteration(&control->desk.now, &room, &event);
    publish(control, &event);
    control->iteration_told = control->desk.now.iteration;
}

/* It repeats the last number, and is not kept. */
static void publish_heartbeat(struct strata_control *control)
{
    Strata__V1__Event event;
    struct strata_event_room room;
    unsigned char bytes[STRATA_EVENT_BYTES_MAX];
    strata_event_of_silence(&room, &event);
    sign(control, &event);
    event.number = control->desk.history->last;
    const size_t n_bytes = strata__v1__event__get_packed_size(&event);
    STRATA_REQUIRE(n_bytes <= sizeof bytes);
    (void)strata__v1__event__pack(&event, bytes);
    send_event(control, bytes, n_bytes);
}

/* Take what has happened, then look: the snapshot shows all that was taken.  Then tell it.  What is left has its turn
 * soon: a client that reads must not lose a part of a burst. */
static void listen_to_job(struct strata_control *control)
{
    struct strata_notice notice[NOTICES_A_TURN];
    struct strata_event_room room;
    Strata__V1__Event event;
    uint64_t n_lost = 0;
    const size_t n = strata_board_notices(control->desk.board, notice, NOTICES_A_TURN, &n_lost);
    strata_desk_look(&control->desk);
    strata_history_skip(control->desk.history, n_lost);
    for (size_t i = 0; i < n; i++) {
        strata_event_of_notice(&notice[i], &room, &event);
        publish(control, &event);
    }
    control->hears_more = n == NOTICES_A_TURN;
}

/* Events when the snapshot is a new one, not too often; else a heartbeat when it is time. */
static void publish_due(struct strata_control *control)
{
    const double now = strata_clock_s();
    const bool changed = control->desk.now.seq != control->seq_told;
    if (changed && now - control->told_s >= STRATA_CONTROL_PERIOD_MS / 1000.0) {
        publish_iteration(control);
        publish_status(control, false);
    } else if (now - control->heart_s >= STRATA_HEARTBEAT_MS / 1000.0) {
        publish_heartbeat(control);
    }
}

/* The last event, and answers to what was asked before it; bounded. */
static void say_goodbye(struct strata_control *control)
{
    listen_to_job(control);
    for (size_t i = 0; control->hears_more && i < STRATA_BOARD_NOTICES / NOTICES_A_TURN; i++) {
        (void)strata_transport_wait(&control->transport, BURST_MS);
        listen_to_job(control);
    }
    answer_waiting(control);
    publish_iteration(control);
    publish_status(control, true);
    const double until = strata_clock_s() + STRATA_DRAIN_MS / 1000.0;
    while (strata_transport_wait(&control->transport, 10) && strata_clock_s() < until)
        (void)answer_queued(control);
    answer_waiting(control);
}

/* A period, or less when notices are left or a client's deadline comes before. */
static long patience_ms(const struct strata_control *control)
{
    const double left_ms = (strata_waiting_until(&control->waiting) - strata_clock_s()) * 1000;
    const long most_ms = control->hears_more ? BURST_MS : STRATA_CONTROL_PERIOD_MS;
    if (left_ms >= (double)most_ms) return most_ms;
    return left_ms > 0 ? (long)left_ms + 1 : 0;
}

/* Between two requests. */
static void take_offer(struct strata_control *control)
{
    struct strata_served *served = atomic_exchange(&control->offered, NULL);
    if (served) strata_desk_serve(&control->desk, &served);
}

static void *serve(void *context)
{
    struct strata_control *control = context;
    while (!atomic_load(&control->stopping)) {
        (void)strata_transport_wait(&control->transport, patience_ms(control));
        take_offer(control);
        listen_to_job(control);
        answer_waiting(control);
        (void)answer_queued(control); /* the rest in the next turn */
        publish_due(control);
    }
    say_goodbye(control);
    return NULL;
}

/* --- starting and stopping ---------------------------------------------------------------------- */

/* Two servers of one run directory would take each other's files. */
static strata_status check_alone(const char *directory, struct strata_arena scratch,
                                 struct strata_err *err)
{
    struct strata_channel other;
    struct strata_err none = {0};
    if (strata_channel_read(directory, &scratch, &other, &none) != STRATA_OK) return STRATA_OK;
    if (strata_channel_probe(other.requests) != STRATA_LISTENER_ALIVE) {
        strata_transport_sweep(other.requests); /* left by a dead process */
        return STRATA_OK;
    }
    return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                       "%s: process %ld already listens for this run at %s", directory, other.pid,
                       other.requests);
}

static strata_status fill_channel(struct strata_control *control, struct strata_err *err)
{
    struct strata_arena *memory = &control->memory;
    uint64_t random = 0;
    char host[256] = "";
    char started[32];
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "the system gives no random bytes: %s",
                           strerror(errno));
    if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
    strata_clock_utc(started);
    control->channel = (struct strata_channel){
        .incarnation = strata_arena_print(memory, "%016" PRIx64, random),
        .requests = control->transport.requests_endpoint,
        .events = control->transport.events_endpoint,
        .host = strata_arena_print(memory, "%s", host),
        .pid = (long)getpid(),
        .started = strata_arena_print(memory, "%s", started),
    };
    if (control->transport.keyring)
        control->channel.server_key = control->keyring.server.public_key;
    for (size_t i = 0; i < control->transport.where.n; i++)
        control->channel.address[control->channel.n_addresses++] = control->transport.where.text[i];
    if (!control->channel.incarnation || !control->channel.host || !control->channel.started)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the control channel");
    return STRATA_OK;
}

/* The thread gets no signals: they are for the main thread. */
static strata_status start_thread(struct strata_control *control, struct strata_err *err)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* cannot fail */
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "signals cannot be blocked");
    const int problem = pthread_create(&control->thread, NULL, serve, control);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* it was valid a moment ago */
    if (problem != 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "no control thread: %s", strerror(problem));
    return STRATA_OK;
}

/* Remove control.json unless another server has put its own there. */
static void remove_channel(const struct strata_control *control, struct strata_arena scratch)
{
    struct strata_channel found;
    struct strata_err none = {0};
    if (!control->channel.incarnation) return;
    if (strata_channel_read(control->directory, &scratch, &found, &none) != STRATA_OK) return;
    if (strcmp(found.incarnation, control->channel.incarnation) != 0) return;
    if (control->attempt &&
        strata_attempt_withdraw(control->attempt, "control.json", &none) != STRATA_OK)
        return; /* it is a later attempt's */
    const char *path = strata_path_join(control->directory, "control.json", &scratch);
    if (!control->attempt && path) (void)unlink(path);
}

/* A file of an attempt that has been overtaken does not come in the place of the later one's. */
static strata_status write_channel(const struct strata_control *control, struct strata_err *err)
{
    const struct strata_attempt *attempt = control->attempt;
    if (!attempt)
        return strata_channel_write(control->directory, &control->channel, control->scratch, err);
    struct strata_err seen = {0};
    const strata_status status =
        strata_channel_write(attempt->tray, &control->channel, control->scratch, &seen);
    if (status != STRATA_OK) return strata_attempt_failed(attempt, status, &seen, err);
    return strata_attempt_replace(attempt, "control.json", "control.json", err);
}

static void destroy(struct strata_control *control)
{
    remove_channel(control, control->scratch);
    struct strata_served *offered = atomic_exchange(&control->offered, NULL);
    strata_served_close(&offered);
    strata_transport_close(&control->transport);
    strata_desk_finish(&control->desk);
    strata_arena_finish(&control->scratch);
    struct strata_arena memory = control->memory; /* holds the struct itself */
    strata_arena_finish(&memory);
}

/* Connections of strangers, until they are closed, take none of the files that the job needs. */
static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    const rlim_t most = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
    if (files.rlim_cur >= most) return;
    files.rlim_cur = most;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        STRATA_LOG(WARN, "control.files", "limit=%llu raised=no", (unsigned long long)most);
}

static strata_status read_keys(struct strata_control *control, const char *directory,
                               struct strata_err *err)
{
    struct strata_problems problems = {.count = 0};
    STRATA_TRY(strata_keyring_read(directory, &control->memory, &control->keyring, &problems, err));
    return strata_problems_status(&problems, err);
}

static strata_status open_channel(struct strata_control *control,
                                  const struct strata_control_options *options,
                                  struct strata_err *err)
{
    if (!control->directory || !strata_arena_init(&control->scratch, STRATA_REQUEST_MEMORY_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the control channel");
    STRATA_TRY(check_alone(control->directory, control->scratch, err));
    raise_file_limit();
    if (options->keys) STRATA_TRY(read_keys(control, options->keys, err));
    const struct strata_listening listening = {.directory = control->directory,
                                               .attempt = control->attempt,
                                               .endpoint = options->endpoint,
                                               .interface = options->interface,
                                               .port_from = options->port_from,
                                               .port_to = options->port_to,
                                               .keyring = options->keys ? &control->keyring : NULL};
    STRATA_TRY(strata_transport_open(&listening, &control->memory, &control->transport, err));
    STRATA_TRY(fill_channel(control, err));
    control->desk =
        (struct strata_desk){.board = options->board,
                             .directory = control->directory,
                             .serving = options->serving,
                             .incarnation = control->channel.incarnation,
                             .events = control->channel.events,
                             .history = STRATA_NEW(&control->memory, struct strata_history, 1)};
    if (!control->desk.history)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the control channel");
    if (options->served) strata_desk_serve(&control->desk, options->served);
    STRATA_TRY(write_channel(control, err));
    return start_thread(control, err);
}

strata_status strata_control_start(const struct strata_control_options *options,
                                   struct strata_control **out, struct strata_err *err)
{
    *out = NULL;
    struct strata_arena memory;
    if (!strata_arena_init(&memory, MEMORY_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the control channel");
    struct strata_control *control = STRATA_NEW(&memory, struct strata_control, 1);
    STRATA_REQUIRE(control);
    control->memory = memory;
    control->directory =
        strata_arena_copy(&control->memory, options->directory, strlen(options->directory));
    control->attempt = options->attempt;
    const strata_status status = open_channel(control, options, err);
    if (status != STRATA_OK) {
        destroy(control);
        return status;
    }
    STRATA_LOG(INFO, "control.listen", "requests=%s events=%s", control->channel.requests,
               control->channel.events);
    *out = control;
    return STRATA_OK;
}

void strata_control_serve(struct strata_control *control, struct strata_served **served)
{
    struct strata_served *before = atomic_exchange(&control->offered, *served);
    *served = NULL;
    strata_served_close(&before); /* it was never taken */
}

void strata_control_stop(struct strata_control **control)
{
    struct strata_control *gone = *control;
    *control = NULL;
    if (!gone) return;
    atomic_store(&gone->stopping, true);
    STRATA_REQUIRE(pthread_join(gone->thread, NULL) == 0);
    destroy(gone);
}
