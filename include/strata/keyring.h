/* Whom a server lets in: its own key, and the allow-list of its clients with what each may do. */
#ifndef STRATA_KEYRING_H
#define STRATA_KEYRING_H

#include <stddef.h>

#include "strata/arena.h"
#include "strata/keys.h"
#include "strata/problems.h"

#define STRATA_ALLOW_LIST_FILE "clients"
#define STRATA_CLIENTS_MAX 1024

/* role, word, what it may do: all of those before it, and */
#define STRATA_CLIENT_ROLES(X)                                         \
    X(STRATA_CLIENT_NOBODY, "nobody", "nothing")                       \
    X(STRATA_CLIENT_VIEWER, "viewer", "watch, and ask about segments") \
    X(STRATA_CLIENT_ANALYST, "analyst", "ask about single customers")  \
    X(STRATA_CLIENT_OPERATOR, "operator", "change what the job does")

enum strata_client_role {
#define STRATA_X(role, word, may) role,
    STRATA_CLIENT_ROLES(STRATA_X)
#undef STRATA_X
        STRATA_CLIENT_ROLE_COUNT
};

const char *strata_client_role_word(enum strata_client_role role);

struct strata_allowed_client {
    char name[STRATA_CLIENT_NAME_MAX + 1];
    enum strata_client_role role;
    unsigned char key[32]; /* public */
};

struct strata_keyring {
    struct strata_key_file server;
    const struct strata_allowed_client *client; /* (n_clients) */
    size_t n_clients;
};

/* Read directory/server.key and directory/clients.  All problems go to `problems`, each with file and line; the keyring
 * is usable when there are none.  Fails when memory ends. */
STRATA_MUST_CHECK strata_status strata_keyring_read(const char *directory, struct strata_arena *keep,
                                                    struct strata_keyring *keyring,
                                                    struct strata_problems *problems,
                                                    struct strata_err *err);

/* strata keygen: make the directory (0700) and the server's pair where there is none yet, and for each of (n) texts
 * "NAME:ROLE" a folder NAME with the client's key and its line of the allow-list.  Nothing that is there is replaced:
 * STRATA_E_CREATE.  *made_server: the pair is new. */
STRATA_MUST_CHECK strata_status strata_keyring_make(const char *directory,
                                                    const char *const *client, size_t n,
                                                    bool *made_server, struct strata_err *err);

#endif
