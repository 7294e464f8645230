#include "zap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <zmq.h>

#include "strata/clock.h"
#include "strata/log.h"

#define ENDPOINT "inproc://zeromq.zap.01"
#define ANSWERS_PER_TURN 256
#define TELL_EVERY_S 10
#define FRAME_BYTES 256 /* version, domain, address, routing id, mechanism */

strata_status strata_zap_open(void *context, const struct strata_keyring *keyring,
                              struct strata_zap *zap, struct strata_err *err)
{
    const int none = 0;
    *zap = (struct strata_zap){.socket = zmq_socket(context, ZMQ_REP), .keyring = keyring};
    if (zap->socket && zmq_setsockopt(zap->socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
        zmq_bind(zap->socket, ENDPOINT) == 0)
        return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_SYSTEM, "no check of keys: %s", zmq_strerror(errno));
}

void strata_zap_close(struct strata_zap *zap)
{
    if (zap->socket) (void)zmq_close(zap->socket); /* cannot fail for a socket */
    *zap = (struct strata_zap){.n_denied = 0};
}

/* One question, frame by frame; what is longer than its room, or missing, is told by its length. */
enum frame {
    FRAME_VERSION,
    FRAME_REQUEST_ID,
    FRAME_DOMAIN,
    FRAME_ADDRESS,
    FRAME_ROUTING_ID,
    FRAME_MECHANISM,
    FRAME_KEY,
    FRAME_COUNT
};

struct question {
    char frame[FRAME_COUNT][FRAME_BYTES];
    int length[FRAME_COUNT];
    size_t n_frames;
};

/* Take all frames of one question; false when there is none. */
static bool take(void *socket, struct question *question)
{
    int more = 1;
    size_t n_more = sizeof more;
    question->n_frames = 0;
    while (more) {
        char dropped[FRAME_BYTES];
        const size_t i = question->n_frames++;
        char *frame = i < FRAME_COUNT ? question->frame[i] : dropped;
        const int length = zmq_recv(socket, frame, FRAME_BYTES, ZMQ_DONTWAIT);
        if (length < 0) return false;
        if (i < FRAME_COUNT) question->length[i] = length;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &n_more) != 0) return false;
    }
    return true;
}

static bool says(const struct question *question, enum frame which, const char *text)
{
    const size_t length = strlen(text);
    return question->length[which] == (int)length &&
           memcmp(question->frame[which], text, length) == 0;
}

/* The client's index in the allow-list; its length when it is not there. */
static size_t client_of(const struct strata_zap *zap, const struct question *question)
{
    const struct strata_keyring *keyring = zap->keyring;
    if (question->n_frames != FRAME_COUNT || !says(question, FRAME_VERSION, "1.0") ||
        !says(question, FRAME_DOMAIN, STRATA_ZAP_DOMAIN) ||
        !says(question, FRAME_MECHANISM, "CURVE") || question->length[FRAME_KEY] != 32)
        return keyring->n_clients;
    size_t i = 0;
    while (i < keyring->n_clients && memcmp(keyring->client[i].key, question->frame[FRAME_KEY],
                                            sizeof keyring->client[i].key) != 0)
        i++;
    return i;
}

/* A flood of strangers does not fill the log. */
static void tell_denials(struct strata_zap *zap)
{
    const double now_s = strata_clock_s();
    zap->n_denied++;
    if (zap->told_s > 0 && now_s - zap->told_s < TELL_EVERY_S) return;
    STRATA_LOG(WARN, "control.denied", "times=%lu reason=not_in_the_allow_list", zap->n_denied);
    zap->n_denied = 0;
    zap->told_s = now_s;
}

static void reply(struct strata_zap *zap, const struct question *question, size_t client)
{
    const bool allowed = client < zap->keyring->n_clients;
    const char *text = allowed ? "OK" : "not allowed";
    char user[24] = "";
    const int n_user = allowed ? snprintf(user, sizeof user, "%zu", client) : 0;
    const int n_id =
        question->n_frames > FRAME_REQUEST_ID && question->length[FRAME_REQUEST_ID] < FRAME_BYTES
            ? question->length[FRAME_REQUEST_ID]
            : 0;
    (void)zmq_send(zap->socket, "1.0", 3, ZMQ_SNDMORE); /* in the process: cannot be full */
    (void)zmq_send(zap->socket, question->frame[FRAME_REQUEST_ID], (size_t)n_id, ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, allowed ? "200" : "400", 3, ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, text, strlen(text), ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, user, (size_t)n_user, ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, "", 0, 0);
}

void strata_zap_answer(struct strata_zap *zap)
{
    static const size_t most = ANSWERS_PER_TURN;
    struct question question;
    for (size_t i = 0; i < most && take(zap->socket, &question); i++) {
        const size_t client = client_of(zap, &question);
        reply(zap, &question, client);
        if (client == zap->keyring->n_clients) tell_denials(zap);
    }
}
