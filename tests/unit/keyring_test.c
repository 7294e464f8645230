/* Keys and allow-lists: made once, never replaced, refused when others could have them, every problem with its line. */
#include "strata/keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "strata/file.h"

static struct strata_arena arena;
static struct strata_err err;
static struct strata_problems problems;
static struct strata_keyring ring;
static char parent[64], keys[96], path[160];
static bool made_server;

static void setup(void)
{
    (void)snprintf(parent, sizeof parent, "/tmp/strata-keys-XXXXXX");
    cr_assert(strata_arena_init(&arena, (size_t)1 << 28));
    cr_assert_not_null(mkdtemp(parent));
    (void)snprintf(keys, sizeof keys, "%s/keys", parent);
}

static void teardown(void)
{
    cr_assert_eq(strata_directory_remove(parent, &err), STRATA_OK);
    strata_arena_finish(&arena);
}

TestSuite(keyring, .init = setup, .fini = teardown);

static const char *in_keys(const char *name)
{
    (void)snprintf(path, sizeof path, "%s/%s", keys, name);
    return path;
}

static strata_status make(size_t n, const char *first, const char *second)
{
    const char *const client[] = {first, second};
    err = (struct strata_err){.text = ""};
    return strata_keyring_make(keys, client, n, &made_server, &err);
}

static strata_status read_all(void)
{
    problems = (struct strata_problems){.count = 0};
    err = (struct strata_err){.text = ""};
    cr_assert_eq(strata_keyring_read(keys, &arena, &ring, &problems, &err), STRATA_OK);
    return strata_problems_status(&problems, &err);
}

static unsigned mode_of(const char *name)
{
    struct stat facts;
    cr_assert_eq(stat(in_keys(name), &facts), 0, "%s", path);
    return facts.st_mode & 07777;
}

static char *bytes_of(const char *name)
{
    char *bytes = NULL;
    size_t n = 0;
    cr_assert_eq(strata_file_read(in_keys(name), 1 << 20, &arena, &bytes, &n, &err), STRATA_OK);
    return bytes;
}

static void write_list(const char *text)
{
    cr_assert_eq(strata_file_write(in_keys("clients"), text, strlen(text), true, &err), STRATA_OK);
}

Test(keyring, what_is_made_is_read_again_and_nobody_else_can_read_it)
{
    cr_assert_eq(make(2, "anna:operator", "wall_2:viewer"), STRATA_OK, "%s", err.text);
    cr_assert(made_server);
    cr_expect_eq(mode_of("."), 0700);
    cr_expect_eq(mode_of("anna"), 0700);
    cr_expect_eq(mode_of("server.key"), 0600);
    cr_expect_eq(mode_of("clients"), 0600);
    cr_expect_eq(mode_of("anna/client.key"), 0600);
    cr_assert_eq(read_all(), STRATA_OK, "%s", err.text);
    cr_assert_eq(ring.n_clients, 2);
    cr_expect_str_eq(ring.client[0].name, "anna");
    cr_expect_eq(ring.client[0].role, STRATA_CLIENT_OPERATOR);
    cr_expect_eq(ring.client[1].role, STRATA_CLIENT_VIEWER);
    struct strata_key_file anna;
    cr_assert_eq(strata_key_file_read(in_keys("anna/client.key"), &anna, &err), STRATA_OK, "%s",
                 err.text);
    cr_expect_str_eq(anna.name, "anna");
    cr_expect_str_eq(anna.server_key, ring.server.public_key);
    cr_expect_not_null(strstr(bytes_of("clients"), anna.public_key));
    cr_expect_null(strstr(bytes_of("clients"), anna.secret_key));
    cr_expect_null(strstr(bytes_of("anna/client.key"), ring.server.secret_key));
}

Test(keyring, keys_are_added_and_never_replaced)
{
    cr_assert_eq(make(1, "anna:operator", NULL), STRATA_OK);
    const char *server = bytes_of("server.key"), *anna = bytes_of("anna/client.key");
    cr_expect_eq(make(0, NULL, NULL), STRATA_E_CREATE);
    cr_expect_eq(make(1, "anna:viewer", NULL), STRATA_E_CREATE);
    cr_expect(strstr(err.text, "never replaced"), "%s", err.text);
    cr_assert_eq(make(1, "ben:viewer", NULL), STRATA_OK, "%s", err.text);
    cr_expect_not(made_server);
    cr_expect_str_eq(bytes_of("server.key"), server);
    cr_expect_str_eq(bytes_of("anna/client.key"), anna);
    cr_assert_eq(read_all(), STRATA_OK, "%s", err.text);
    cr_expect_eq(ring.n_clients, 2);
}

Test(keyring, parents_are_made_and_a_slash_at_the_end_means_nothing)
{
    (void)snprintf(keys, sizeof keys, "%s/a/b/keys//", parent);
    cr_assert_eq(make(1, "anna:operator", NULL), STRATA_OK, "%s", err.text);
    cr_expect_eq(mode_of("."), 0700);
    cr_expect_eq(read_all(), STRATA_OK, "%s", err.text);
}

Test(keyring, a_server_alone_is_made_but_lets_nobody_in)
{
    cr_assert_eq(make(0, NULL, NULL), STRATA_OK, "%s", err.text);
    cr_expect_eq(read_all(), STRATA_E_CONFIG);
    cr_expect(strstr(err.text, "no client is allowed"), "%s", err.text);
    cr_assert_eq(make(1, "anna:analyst", NULL), STRATA_OK, "%s", err.text);
    cr_expect_eq(read_all(), STRATA_OK, "%s", err.text);
}

Test(keyring, wishes_that_cannot_be_are_refused_before_anything_is_made)
{
    static const char *const bad[] = {"anna",
                                      "anna:",
                                      "anna:boss",
                                      ":viewer",
                                      "a b:viewer",
                                      "../x:viewer",
                                      "local:viewer",
                                      "clients:viewer",
                                      "-x:viewer",
                                      "anna:nobody",
                                      "server.key:viewer",
                                      "x12345678901234567890123456789012:viewer"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(make(2, "good:viewer", bad[i]), STRATA_E_USAGE, "%s", bad[i]);
        cr_expect_neq(access(keys, F_OK), 0, "%s", bad[i]);
    }
}

Test(keyring, keys_that_others_can_read_are_refused_with_what_to_do)
{
    cr_assert_eq(make(1, "anna:operator", NULL), STRATA_OK);
    struct strata_key_file key;
    for (unsigned mode = 0604; mode <= 0660; mode += 034) { /* 0604, 0640 */
        cr_assert_eq(chmod(in_keys("server.key"), mode), 0);
        cr_expect_eq(read_all(), STRATA_E_CONFIG);
        cr_expect(strstr(err.text, "chmod 600"), "%s", err.text);
        cr_assert_eq(chmod(in_keys("server.key"), 0600), 0);
        cr_assert_eq(chmod(in_keys("anna/client.key"), mode), 0);
        err = (struct strata_err){.text = ""};
        cr_expect_eq(strata_key_file_read(path, &key, &err), STRATA_E_CONFIG);
        cr_expect(strstr(err.text, "chmod 600"), "%s", err.text);
    }
    cr_assert_eq(chmod(in_keys("clients"), 0620), 0);
    cr_expect_eq(read_all(), STRATA_E_CONFIG);
    cr_expect(strstr(err.text, "chmod go-w"), "%s", err.text);
    cr_assert_eq(chmod(in_keys("clients"), 0600), 0);
    cr_assert_eq(chmod(keys, 0770), 0);
    cr_expect_eq(read_all(), STRATA_E_CONFIG);
    cr_expect(strstr(err.text, "chmod 700"), "%s", err.text);
    cr_expect_eq(make(1, "ben:viewer", NULL), STRATA_E_CONFIG);
}

Test(keyring, every_problem_of_an_allow_list_is_told_with_its_line)
{
    static const char key[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    char text[2048];
    cr_assert_eq(make(1, "anna:operator", NULL), STRATA_OK);
    (void)snprintf(text, sizeof text,
                   "# a comment\n\n  anna  viewer  %s  \n"
                   "ben viewer\n"
                   "ben boss %s\n"
                   "ben viewer tooshort\n"
                   "a/b viewer %s\n"
                   "ben viewer %s\n"
                   "ben viewer %s extra\n",
                   key, key, key, key, key);
    write_list(text);
    cr_assert_eq(read_all(), STRATA_E_CONFIG);
    static const char *const told[] = {"clients:4:1: a client has",
                                       "clients:5:1: the role is none",
                                       "clients:6:1: the public key",
                                       "clients:7:1: a name has",
                                       "clients:8:1: the same key as in line 3",
                                       "clients:9:1: a client has"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        cr_expect(strstr(err.text, told[i]), "%s is missing in\n%s", told[i], err.text);
    cr_expect_eq(problems.total, sizeof told / sizeof *told, "%s", err.text);
    cr_expect_null(strstr(err.text, key), "no key is repeated");
}

Test(keyring, a_broken_allow_list_is_not_added_to)
{
    cr_assert_eq(make(0, NULL, NULL), STRATA_OK);
    write_list("# mine\nanna boss key key\n");
    cr_expect_eq(make(1, "ben:viewer", NULL), STRATA_E_CONFIG);
    cr_expect(strstr(err.text, "clients:2:1"), "%s", err.text);
    cr_expect_neq(access(in_keys("ben"), F_OK), 0);
}

Test(keyring, the_same_name_twice_is_refused)
{
    cr_assert_eq(make(2, "anna:operator", "ben:viewer"), STRATA_OK);
    char *list = bytes_of("clients");
    memcpy(strstr(list, "\nben") + 1, "ann", 3);
    *strstr(list, "\nann viewer") = '\n';
    char text[2048];
    (void)snprintf(text, sizeof text, "%s", list);
    char *name = strstr(text, "anna operator");
    memmove(name + 3, name + 4, strlen(name + 4) + 1); /* ann */
    write_list(text);
    cr_expect_eq(read_all(), STRATA_E_CONFIG);
    cr_expect(strstr(err.text, "the same name"), "%s", err.text);
}

Test(keyring, a_key_file_of_something_else_is_refused)
{
    static const char *const text[] = {
        "", "metadata\n", "public-key = \"x\"\nsecret-key = \"y\"\n",
        "curve\n public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n"
        " secret-key = \"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"\n",
        "curve\n public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n"
        " secret-key = \"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\"\n"};
    cr_assert_eq(strata_directory_make(keys, &err), STRATA_OK);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct strata_key_file key;
        cr_assert_eq(strata_file_write(in_keys("k"), text[i], strlen(text[i]), true, &err),
                     STRATA_OK);
        err = (struct strata_err){.text = ""};
        const strata_status wanted =
            i + 1 < sizeof text / sizeof *text ? STRATA_E_CONFIG : STRATA_OK;
        cr_expect_eq(strata_key_file_read(path, &key, &err), wanted, "%zu: %s", i, err.text);
    }
    cr_expect_eq(strata_key_file_read("/nonexistent", &(struct strata_key_file){.name = ""}, &err),
                 STRATA_E_NO_INPUT);
}
