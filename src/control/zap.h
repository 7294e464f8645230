/* Who may connect: ZeroMQ asks at each handshake (RFC 27, ZAP), the allow-list answers.  Denies whatever it does not know. */
#ifndef STRATA_CONTROL_ZAP_H
#define STRATA_CONTROL_ZAP_H

#include <stddef.h>

#include "strata/keyring.h"

#define STRATA_ZAP_DOMAIN "strata"

struct strata_zap {
    void *socket; /* ZeroMQ's; polled with the others */
    const struct strata_keyring *keyring;
    unsigned long n_denied;
    double told_s; /* when denials were last logged */
};

/* Bind the handler of context.  Before any other socket of it binds, or that one would let everybody in. */
STRATA_MUST_CHECK strata_status strata_zap_open(void *context, const struct strata_keyring *keyring,
                                                struct strata_zap *zap, struct strata_err *err);
void strata_zap_close(struct strata_zap *zap); /* after all other sockets; accepts a zeroed one */

/* Answer what has been asked.  The user id of a client that is let in is its index in the allow-list. */
void strata_zap_answer(struct strata_zap *zap);

#endif
