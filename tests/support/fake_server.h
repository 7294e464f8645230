/* A server of the control channel that does what a test tells it: events that are never sent, forgotten or sent twice,
 * another incarnation, replies in pieces, silence.  One thread answers; the test's thread publishes. */
#ifndef STRATA_TESTS_FAKE_SERVER_H
#define STRATA_TESTS_FAKE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "strata/channel.h"
#include "strata/v1/control.pb-c.h"

#define FAKE_EVENTS 4096
#define FAKE_PIECE 700

struct fake_server {
    const char *directory;
    char incarnation[32], requests[160], events[160];
    void *context, *router, *pub;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below, and of pub */
    uint64_t first, last; /* numbers of the events that are kept; the snapshot has all up to last */
    bool mute;            /* takes requests and answers none */
    bool in_pieces;       /* personas come in pieces of FAKE_PIECE bytes */
    int n_changes; /* of the state while the pieces are asked for: so often they do not fit */
    uint64_t seq;
    int n_asked[64];          /* by the number of the kind in Request.body */
    uint64_t last_command;    /* id of the last command */
    int n_effects;            /* commands that were not repeated */
    bool commands_unanswered; /* the reply to the first sending of a command is lost */
    atomic_bool stopping;
};

static inline void fake_pack_event(const struct fake_server *server, uint64_t number,
                                   bool heartbeat, Strata__V1__Event *event,
                                   Strata__V1__WarningEvent *warning, Strata__V1__Heartbeat *heart)
{
    strata__v1__event__init(event);
    strata__v1__warning_event__init(warning);
    strata__v1__heartbeat__init(heart);
    event->number = number;
    event->incarnation = (char *)(uintptr_t)server->incarnation;
    event->body_case =
        heartbeat ? STRATA__V1__EVENT__BODY_HEARTBEAT : STRATA__V1__EVENT__BODY_WARNING;
    if (heartbeat) event->heartbeat = heart;
    if (!heartbeat) event->warning = warning;
}

/* Send an event of that number, whatever is kept. */
static inline void fake_send(struct fake_server *server, uint64_t number, bool heartbeat)
{
    Strata__V1__Event event;
    Strata__V1__WarningEvent warning;
    Strata__V1__Heartbeat heart;
    unsigned char bytes[512];
    fake_pack_event(server, number, heartbeat, &event, &warning, &heart);
    if (pthread_mutex_lock(&server->lock) != 0) abort();
    const size_t n = strata__v1__event__pack(&event, bytes);
    (void)zmq_send(server->pub, bytes, n, 0);
    (void)pthread_mutex_unlock(&server->lock);
}

/* The next event happens; a subscriber gets it, or not. */
static inline uint64_t fake_happen(struct fake_server *server, bool sent)
{
    if (pthread_mutex_lock(&server->lock) != 0) abort();
    const uint64_t number = ++server->last;
    (void)pthread_mutex_unlock(&server->lock);
    if (sent) fake_send(server, number, false);
    return number;
}

static inline void fake_forget_up_to(struct fake_server *server, uint64_t number)
{
    if (pthread_mutex_lock(&server->lock) != 0) abort();
    server->first = number + 1;
    (void)pthread_mutex_unlock(&server->lock);
}

static inline void fake_send_reply(struct fake_server *server, zmq_msg_t *who,
                                   const Strata__V1__Reply *reply)
{
    const size_t n = strata__v1__reply__get_packed_size(reply);
    unsigned char *bytes = malloc(n ? n : 1);
    if (!bytes) abort();
    (void)strata__v1__reply__pack(reply, bytes);
    (void)zmq_send(server->router, zmq_msg_data(who), zmq_msg_size(who), ZMQ_SNDMORE);
    (void)zmq_send(server->router, bytes, n, 0);
    free(bytes);
}

static inline void fake_answer_events(struct fake_server *server, zmq_msg_t *who, uint64_t after,
                                      Strata__V1__Reply *reply)
{
    static Strata__V1__Event event[256], *list[256];
    static Strata__V1__WarningEvent warning[256];
    Strata__V1__Heartbeat none;
    Strata__V1__EventsReply body;
    strata__v1__events_reply__init(&body);
    const uint64_t from = after + 1 > server->first ? after + 1 : server->first;
    body.gap = after + 1 < server->first || after > server->last;
    body.last = server->last;
    body.events = list;
    for (uint64_t number = from; number <= server->last && body.n_events < 256; number++) {
        fake_pack_event(server, number, false, &event[body.n_events], &warning[body.n_events],
                        &none);
        list[body.n_events] = &event[body.n_events];
        body.n_events++;
    }
    reply->body_case = STRATA__V1__REPLY__BODY_EVENTS;
    reply->events = &body;
    fake_send_reply(server, who, reply);
}

static inline void fake_answer_snapshot(struct fake_server *server, zmq_msg_t *who,
                                        Strata__V1__Reply *reply)
{
    Strata__V1__SnapshotReply body;
    strata__v1__snapshot_reply__init(&body);
    Strata__V1__JobStatus status;
    strata__v1__job_status__init(&status);
    status.state = STRATA__V1__JOB_STATE__JOB_STATE_FITTING;
    body.event = server->last;
    body.status = &status;
    reply->body_case = STRATA__V1__REPLY__BODY_SNAPSHOT;
    reply->snapshot = &body;
    fake_send_reply(server, who, reply);
}

/* Ten personas, whole or in the pieces of their reply. */
static inline void fake_answer_personas(struct fake_server *server, zmq_msg_t *who, uint32_t piece,
                                        Strata__V1__Reply *reply)
{
    static Strata__V1__Segment segment[10], *list[10];
    Strata__V1__PersonasReply body;
    strata__v1__personas_reply__init(&body);
    static unsigned char bytes[16384];
    static char definition[400];
    memset(definition, 'd', sizeof definition - 1);
    for (uint32_t i = 0; i < 10; i++) {
        strata__v1__segment__init(&segment[i]);
        segment[i].id = i + 1;
        segment[i].definition = definition;
        list[i] = &segment[i];
    }
    body.personas = list;
    body.n_personas = 10;
    reply->body_case = STRATA__V1__REPLY__BODY_PERSONAS;
    reply->personas = &body;
    if (server->in_pieces) {
        const size_t n = strata__v1__reply__pack(reply, bytes);
        const size_t from = (size_t)(piece - 1) * FAKE_PIECE;
        reply->body_case = STRATA__V1__REPLY__BODY__NOT_SET;
        reply->pieces = (uint32_t)((n + FAKE_PIECE - 1) / FAKE_PIECE);
        if (piece == 0 || piece > reply->pieces) abort();
        reply->piece.data = bytes + from;
        reply->piece.len = n - from < FAKE_PIECE ? n - from : FAKE_PIECE;
        if (piece == 3 && server->n_changes > 0) {
            server->n_changes--;
            server->seq++;
            reply->seq = server->seq;
        }
    }
    fake_send_reply(server, who, reply);
}

static inline void fake_answer_stop(struct fake_server *server, zmq_msg_t *who,
                                    const Strata__V1__Request *request, Strata__V1__Reply *reply)
{
    Strata__V1__StopReply body;
    strata__v1__stop_reply__init(&body);
    const bool repeated = request->id == server->last_command;
    if (strcmp(request->incarnation, server->incarnation) != 0) {
        reply->code = STRATA__V1__CODE__CODE_UNAVAILABLE;
        reply->text = (char *)(uintptr_t) "the command is not for this start of the job";
        fake_send_reply(server, who, reply);
        return;
    }
    server->last_command = request->id;
    server->n_effects += !repeated;
    body.iteration = 7;
    reply->body_case = STRATA__V1__REPLY__BODY_STOP;
    reply->stop = &body;
    if (repeated || !server->commands_unanswered) fake_send_reply(server, who, reply);
}

static inline void fake_answer(struct fake_server *server, zmq_msg_t *who,
                               const Strata__V1__Request *request)
{
    Strata__V1__Reply reply;
    strata__v1__reply__init(&reply);
    Strata__V1__HelloReply hello;
    strata__v1__hello_reply__init(&hello);
    reply.id = request->id;
    reply.code = STRATA__V1__CODE__CODE_OK;
    reply.seq = server->seq;
    reply.incarnation = server->incarnation;
    server->n_asked[request->body_case]++;
    if (server->mute) return;
    switch ((int)request->body_case) {
    case STRATA__V1__REQUEST__BODY_GET_EVENTS:
        fake_answer_events(server, who, request->get_events->after, &reply);
        return;
    case STRATA__V1__REQUEST__BODY_GET_SNAPSHOT:
        fake_answer_snapshot(server, who, &reply);
        return;
    case STRATA__V1__REQUEST__BODY_GET_PERSONAS:
        fake_answer_personas(server, who, request->piece, &reply);
        return;
    case STRATA__V1__REQUEST__BODY_STOP:
        fake_answer_stop(server, who, request, &reply);
        return;
    default:
        hello.events = server->events;
        reply.body_case = STRATA__V1__REPLY__BODY_HELLO;
        reply.hello = &hello;
        fake_send_reply(server, who, &reply);
        return;
    }
}

static inline void fake_take(struct fake_server *server)
{
    zmq_msg_t who, body;
    (void)zmq_msg_init(&who);
    (void)zmq_msg_init(&body);
    if (zmq_msg_recv(&who, server->router, 0) >= 0 && zmq_msg_recv(&body, server->router, 0) >= 0) {
        Strata__V1__Request *request =
            strata__v1__request__unpack(NULL, zmq_msg_size(&body), zmq_msg_data(&body));
        if (!request) abort();
        if (pthread_mutex_lock(&server->lock) != 0) abort();
        fake_answer(server, &who, request);
        (void)pthread_mutex_unlock(&server->lock);
        strata__v1__request__free_unpacked(request, NULL);
    }
    (void)zmq_msg_close(&who);
    (void)zmq_msg_close(&body);
}

static inline void *fake_serve(void *context)
{
    struct fake_server *server = context;
    while (!atomic_load(&server->stopping)) {
        zmq_pollitem_t item = {.socket = server->router, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 5) > 0) fake_take(server);
    }
    return NULL;
}

/* Listen in directory at sockets whose names end in `name`, with control.json. */
static inline void fake_start(struct fake_server *server, const char *directory, const char *name,
                              struct strata_arena *memory)
{
    struct strata_err err = {0};
    const int none = 0;
    *server = (struct fake_server){.directory = directory, .first = 1, .seq = 1};
    (void)snprintf(server->incarnation, sizeof server->incarnation, "life-%s", name);
    (void)snprintf(server->requests, sizeof server->requests, "ipc://%s/r-%s", directory, name);
    (void)snprintf(server->events, sizeof server->events, "ipc://%s/e-%s", directory, name);
    server->context = zmq_ctx_new();
    server->router = zmq_socket(server->context, ZMQ_ROUTER);
    server->pub = zmq_socket(server->context, ZMQ_PUB);
    (void)zmq_setsockopt(server->router, ZMQ_LINGER, &none, sizeof none);
    (void)zmq_setsockopt(server->pub, ZMQ_LINGER, &none, sizeof none);
    if (zmq_bind(server->router, server->requests) != 0 ||
        zmq_bind(server->pub, server->events) != 0 || pthread_mutex_init(&server->lock, NULL) != 0 ||
        pthread_create(&server->thread, NULL, fake_serve, server) != 0)
        abort();
    const struct strata_channel channel = {.incarnation = server->incarnation,
                                           .requests = server->requests,
                                           .events = server->events,
                                           .host = "",
                                           .started = "",
                                           .pid = (long)getpid()};
    if (strata_channel_write(directory, &channel, *memory, &err) != STRATA_OK) abort();
}

/* As if it were killed: control.json stays. */
static inline void fake_stop(struct fake_server *server)
{
    if (!server->context) return;
    atomic_store(&server->stopping, true);
    (void)pthread_join(server->thread, NULL);
    (void)zmq_close(server->router);
    (void)zmq_close(server->pub);
    (void)zmq_ctx_term(server->context);
    (void)pthread_mutex_destroy(&server->lock);
    server->context = NULL;
}

#endif
