/* The keys of a server: reading its folder, making one. */
#include "strata/keyring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zmq.h>

#include "strata/file.h"

#define LIST_BYTES_MAX ((size_t)1 << 20)
#define MEMORY_BYTES ((size_t)8 << 20)

#define HEAD                                                                   \
    "# Who may use the control channel, one a line: name, role, public key.\n" \
    "# Roles: viewer, analyst, operator. A line that is removed counts from the next start on.\n"

static const char *const role_word[] = {
#define STRATA_X(role, word, may) [role] = (word),
    STRATA_CLIENT_ROLES(STRATA_X)
#undef STRATA_X
};

const char *strata_client_role_word(enum strata_client_role role)
{
    return role_word[role];
}

static enum strata_client_role role_of(const char *word)
{
    for (int role = STRATA_CLIENT_VIEWER; role < STRATA_CLIENT_ROLE_COUNT; role++)
        if (strcmp(role_word[role], word) == 0) return (enum strata_client_role)role;
    return STRATA_CLIENT_NOBODY;
}

/* What is wrong with the place of keys, or NULL: others could put in theirs. */
static const char *others_can_change(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0) return strerror(errno);
    if (facts.st_uid != geteuid() && facts.st_uid != 0) return "it belongs to another user";
    if (facts.st_mode & 022) return "others can change it";
    return NULL;
}

/* --- the allow-list ----------------------------------------------------------------------------- */

struct list {
    const char *path;
    struct strata_allowed_client *client; /* (n) of at most STRATA_CLIENTS_MAX */
    int *line;                            /* (n) where it stands */
    size_t n;
    struct strata_problems *problems;
};

#define COMPLAIN(list, number, ...)                                                         \
    strata_problems_add((list)->problems, (struct strata_place){(list)->path, (number), 1}, \
                        STRATA_E_CONFIG, __VA_ARGS__)

/* Whether name and key are those of no earlier line. */
static bool is_new(struct list *list, int number, const struct strata_allowed_client *client)
{
    for (size_t i = 0; i < list->n; i++) {
        const bool same_name = strcmp(list->client[i].name, client->name) == 0;
        if (!same_name && memcmp(list->client[i].key, client->key, sizeof client->key) != 0)
            continue;
        COMPLAIN(list, number, "the same %s as in line %d: each client has its own",
                 same_name ? "name" : "key", list->line[i]);
        return false;
    }
    return true;
}

static void take_client(struct list *list, int number, char *line)
{
    char *rest = NULL, *word[4];
    size_t n_words = 0;
    for (char *at = strtok_r(line, " \t\r", &rest); at && n_words < 4;
         at = strtok_r(NULL, " \t\r", &rest))
        word[n_words++] = at;
    if (n_words == 0 || word[0][0] == '#') return;
    struct strata_allowed_client client = {.name = ""};
    if (n_words != 3) {
        COMPLAIN(list, number, "a client has a name, a role and a public key");
        return;
    }
    client.role = role_of(word[1]);
    const bool good_name = strata_client_name_is_good(word[0]);
    const bool good_key =
        strlen(word[2]) == STRATA_KEY_TEXT - 1 && zmq_z85_decode(client.key, word[2]);
    if (!good_name)
        COMPLAIN(list, number, "a name has 1 to 32 letters, digits, - or _, and is not local");
    if (client.role == STRATA_CLIENT_NOBODY)
        COMPLAIN(list, number, "the role is none of viewer, analyst and operator");
    if (!good_key) COMPLAIN(list, number, "the public key is not 40 characters of Z85");
    if (!good_name || !good_key || client.role == STRATA_CLIENT_NOBODY) return;
    memcpy(client.name, word[0], strlen(word[0]) + 1);
    if (!is_new(list, number, &client)) return;
    if (list->n == STRATA_CLIENTS_MAX) {
        COMPLAIN(list, number, "more than %d clients", STRATA_CLIENTS_MAX);
        return;
    }
    list->line[list->n] = number;
    list->client[list->n++] = client;
}

static void take_lines(struct list *list, char *text)
{
    int number = 1;
    for (char *line = text; line; number++) {
        char *end = strchr(line, '\n');
        if (end) *end++ = '\0';
        take_client(list, number, line);
        line = end;
    }
    if (list->n == 0 && list->problems->total == 0)
        COMPLAIN(list, 0, "no client is allowed; strata keygen DIR --client NAME:ROLE adds one");
}

static strata_status read_list(const char *path, struct strata_arena *keep,
                               struct strata_keyring *keyring, struct strata_problems *problems,
                               struct strata_err *err)
{
    struct list list = {.path = path,
                        .client = STRATA_NEW(keep, struct strata_allowed_client, STRATA_CLIENTS_MAX),
                        .line = STRATA_NEW(keep, int, STRATA_CLIENTS_MAX),
                        .problems = problems};
    char *text = NULL;
    size_t n_bytes = 0;
    struct strata_err reading = {.text = ""};
    if (!list.client || !list.line)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the keys");
    const strata_status status =
        strata_file_read(path, LIST_BYTES_MAX, keep, &text, &n_bytes, &reading);
    const char *problem = status == STRATA_OK ? others_can_change(path) : NULL;
    if (status != STRATA_OK)
        strata_problems_add(problems, (struct strata_place){.file = NULL}, STRATA_E_CONFIG, "%s",
                            reading.text);
    else if (problem)
        COMPLAIN(&list, 0, "%s; then: chmod go-w %s", problem, path);
    else if (strlen(text) != n_bytes)
        COMPLAIN(&list, 0, "not a text");
    else
        take_lines(&list, text);
    keyring->client = list.client;
    keyring->n_clients = list.n;
    return STRATA_OK;
}

strata_status strata_keyring_read(const char *directory, struct strata_arena *keep,
                                  struct strata_keyring *keyring, struct strata_problems *problems,
                                  struct strata_err *err)
{
    *keyring = (struct strata_keyring){.n_clients = 0};
    const char *key = strata_path_join(directory, STRATA_SERVER_KEY_FILE, keep);
    const char *list = strata_path_join(directory, STRATA_ALLOW_LIST_FILE, keep);
    if (!key || !list) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the keys");
    const struct strata_place nowhere = {.file = NULL};
    const char *problem = others_can_change(directory);
    struct strata_err reading = {.text = ""};
    if (problem) {
        strata_problems_add(problems, nowhere, STRATA_E_CONFIG,
                            "%s: %s; it holds the control channel's keys: make it with strata keygen, "
                            "or: chmod 700 %s",
                            directory, problem, directory);
        return STRATA_OK;
    }
    if (strata_key_file_read(key, &keyring->server, &reading) != STRATA_OK)
        strata_problems_add(problems, nowhere, STRATA_E_CONFIG, "%s", reading.text);
    return read_list(list, keep, keyring, problems, err);
}

/* --- strata keygen ------------------------------------------------------------------------------ */

/* "NAME:ROLE" of the command line. */
static strata_status take_wish(const char *text, struct strata_allowed_client *client,
                               struct strata_err *err)
{
    const char *colon = strchr(text, ':');
    const size_t n_name = colon ? (size_t)(colon - text) : 0;
    if (n_name <= STRATA_CLIENT_NAME_MAX) memcpy(client->name, text, n_name);
    client->role = colon ? role_of(colon + 1) : STRATA_CLIENT_NOBODY;
    if (strata_client_name_is_good(client->name) && client->role != STRATA_CLIENT_NOBODY)
        return STRATA_OK;
    return STRATA_FAIL(
        err, STRATA_E_USAGE,
        "\"%.60s\": --client takes NAME:ROLE, a name of 1 to 32 letters, digits, - or _ "
        "(not local or clients), and one of viewer, analyst and operator",
        text);
}

static strata_status make_parent(const char *directory, struct strata_err *err)
{
    char parent[4096];
    size_t length = strlen(directory);
    while (length > 0 && directory[length - 1] == '/') length--;
    while (length > 0 && directory[length - 1] != '/') length--;
    if (length == 0 || length >= sizeof parent) return STRATA_OK; /* what else it is will show */
    (void)snprintf(parent, sizeof parent, "%.*s", (int)length, directory);
    return strata_directory_make(parent, err);
}

/* The folder of keys: new, or one that nobody else can enter. */
static strata_status make_folder(const char *directory, struct strata_err *err)
{
    struct stat facts;
    bool made = false;
    STRATA_TRY(make_parent(directory, err));
    STRATA_TRY(strata_directory_make_private(directory, &made, err));
    if (made) return STRATA_OK;
    if (stat(directory, &facts) != 0 || !S_ISDIR(facts.st_mode))
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: exists and is not a folder", directory);
    if (facts.st_uid == geteuid() && (facts.st_mode & 077) == 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_CONFIG,
                       "%s: others can look into it, so it is no place for keys; chmod 700 %s, or "
                       "choose another",
                       directory, directory);
}

static strata_status make_server(const char *directory, struct strata_key_file *server, bool *made,
                                 struct strata_arena scratch, struct strata_err *err)
{
    const char *path = strata_path_join(directory, STRATA_SERVER_KEY_FILE, &scratch);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the keys");
    *made = access(path, F_OK) != 0 && errno == ENOENT;
    if (!*made) return strata_key_file_read(path, server, err);
    STRATA_TRY(strata_key_pair_make(server, err));
    return strata_key_file_write(path, server, err);
}

/* The client's own folder; its line of the allow-list is added to *list. */
static strata_status make_client(const char *directory, const struct strata_allowed_client *client,
                                 const struct strata_key_file *server, char **list,
                                 struct strata_arena *keep, struct strata_err *err)
{
    struct strata_key_file key = {.name = ""};
    memcpy(key.name, client->name, sizeof key.name);
    memcpy(key.server_key, server->public_key, sizeof key.server_key);
    const char *folder = strata_path_join(directory, client->name, keep);
    const char *path = folder ? strata_path_join(folder, STRATA_CLIENT_KEY_FILE, keep) : NULL;
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the keys");
    bool made = false;
    STRATA_TRY(strata_key_pair_make(&key, err));
    STRATA_TRY(strata_directory_make_private(folder, &made, err));
    if (!made)
        return STRATA_FAIL(err, STRATA_E_CREATE,
                           "%s: is there already; keys are never replaced: choose another name, or "
                           "remove the folder and its line in %s/" STRATA_ALLOW_LIST_FILE,
                           folder, directory);
    STRATA_TRY(strata_key_file_write(path, &key, err));
    *list = strata_arena_print(keep, "%s%s %s %s\n", *list, client->name, role_word[client->role],
                               key.public_key);
    if (!*list) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the keys");
    return STRATA_OK;
}

/* The list as it is, without a problem; the head of a new one when there is none. */
static strata_status present_list(const char *path, char **text, struct strata_arena *keep,
                                  struct strata_err *err)
{
    static struct strata_problems problems;
    struct strata_keyring ring = {.n_clients = 0};
    size_t n_bytes = 0;
    problems = (struct strata_problems){.count = 0};
    *text = strata_arena_copy(keep, HEAD, strlen(HEAD));
    if (access(path, F_OK) != 0 && errno == ENOENT) return STRATA_OK;
    STRATA_TRY(strata_file_read(path, LIST_BYTES_MAX, keep, text, &n_bytes, err));
    STRATA_TRY(read_list(path, keep, &ring, &problems, err));
    if (problems.total == 1 && problems.item[0].place.line == 0) return STRATA_OK; /* none yet */
    return strata_problems_status(&problems, err);
}

static strata_status make_all(const char *directory, const struct strata_allowed_client *client,
                              size_t n, bool *made_server, struct strata_arena *memory,
                              struct strata_err *err)
{
    struct strata_key_file server = {.name = ""};
    char *list = NULL;
    const char *path = strata_path_join(directory, STRATA_ALLOW_LIST_FILE, memory);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the keys");
    STRATA_TRY(make_folder(directory, err));
    STRATA_TRY(present_list(path, &list, memory, err));
    STRATA_TRY(make_server(directory, &server, made_server, *memory, err));
    if (!*made_server && n == 0)
        return STRATA_FAIL(err, STRATA_E_CREATE,
                           "%s: has keys already, which are never replaced; --client NAME:ROLE adds a "
                           "client",
                           directory);
    for (size_t i = 0; i < n; i++)
        STRATA_TRY(make_client(directory, &client[i], &server, &list, memory, err));
    return strata_file_write(path, list, strlen(list), true, err);
}

strata_status strata_keyring_make(const char *directory, const char *const *client, size_t n,
                                  bool *made_server, struct strata_err *err)
{
    struct strata_arena memory;
    *made_server = false;
    if (!strata_arena_init(&memory, MEMORY_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the keys");
    struct strata_allowed_client *wish = STRATA_NEW(&memory, struct strata_allowed_client, n + 1);
    strata_status status =
        wish ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the keys");
    for (size_t i = 0; i < n && status == STRATA_OK; i++)
        status = take_wish(client[i], &wish[i], err);
    if (status == STRATA_OK) status = make_all(directory, wish, n, made_server, &memory, err);
    strata_arena_finish(&memory);
    return status;
}
