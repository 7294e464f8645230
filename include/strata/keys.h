/* Files of CURVE keys: one pair each, in the form of ZeroMQ's certificates, readable by their owner alone. */
#ifndef STRATA_KEYS_H
#define STRATA_KEYS_H

#include <stdbool.h>

#include "strata/status.h"

#define STRATA_KEY_TEXT 41 /* 40 characters of Z85 and their end */
#define STRATA_CLIENT_NAME_MAX 32

/* The folder of a server has server.key and the allow-list `clients`; the folder of a client has client.key. */
#define STRATA_SERVER_KEY_FILE "server.key"
#define STRATA_CLIENT_KEY_FILE "client.key"

struct strata_key_file {
    char name[STRATA_CLIENT_NAME_MAX + 1]; /* of the client; empty in a server's */
    char public_key[STRATA_KEY_TEXT];
    char secret_key[STRATA_KEY_TEXT];
    char server_key[STRATA_KEY_TEXT]; /* in a client's: whom it talks to */
};

/* A new pair; the other fields are left as they are.  STRATA_E_SYSTEM where libzmq has no CURVE. */
STRATA_MUST_CHECK strata_status strata_key_pair_make(struct strata_key_file *key,
                                                     struct strata_err *err);

/* Write a new file of mode 0600, whole.  STRATA_E_CREATE when there is one already: a key is never replaced. */
STRATA_MUST_CHECK strata_status strata_key_file_write(const char *path,
                                                      const struct strata_key_file *key,
                                                      struct strata_err *err);

/* Read and check: nobody but its owner may read or write it, and the owner is this user or root; the secret key belongs to
 * the public one.  STRATA_E_CONFIG with what to do, STRATA_E_NO_INPUT when it is not there. */
STRATA_MUST_CHECK strata_status strata_key_file_read(const char *path, struct strata_key_file *key,
                                                     struct strata_err *err);

/* Whether name can be a client's: 1 to 32 letters, digits, '-' or '_', and not a word that has another meaning. */
bool strata_client_name_is_good(const char *name);

#endif
