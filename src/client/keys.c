/* Files of CURVE keys. */
#include "strata/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zmq.h>

#include "strata/file.h"

#define FILE_BYTES_MAX 4096

strata_status strata_key_pair_make(struct strata_key_file *key, struct strata_err *err)
{
    if (zmq_curve_keypair(key->public_key, key->secret_key) == 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_SYSTEM, "no CURVE keys can be made: %s", zmq_strerror(errno));
}

bool strata_client_name_is_good(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const size_t length = strlen(name);
    if (length < 1 || length > STRATA_CLIENT_NAME_MAX || name[0] == '-') return false;
    if (strcmp(name, "clients") == 0 || strcmp(name, "local") == 0) return false;
    return strspn(name, letters) == length;
}

/* --- writing ------------------------------------------------------------------------------------ */

strata_status strata_key_file_write(const char *path, const struct strata_key_file *key,
                                    struct strata_err *err)
{
    char text[FILE_BYTES_MAX], temporary[4096];
    int n = snprintf(text, sizeof text,
                     "# Strata: a CURVE key pair. Keep it secret, with mode 0600.\n"
                     "metadata\n    name = \"%s\"\ncurve\n    public-key = \"%s\"\n"
                     "    secret-key = \"%s\"\n",
                     key->name, key->public_key, key->secret_key);
    if (key->server_key[0])
        n += snprintf(text + n, sizeof text - (size_t)n, "    server-key = \"%s\"\n",
                      key->server_key);
    const int length = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof temporary)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", path);
    const struct strata_piece piece = {text, (size_t)n};
    STRATA_TRY(strata_file_make(temporary, &piece, 1, true, err));
    const strata_status status = strata_file_place(temporary, path, err);
    if (status != STRATA_OK) (void)unlink(temporary);
    return status;
}

/* --- reading ------------------------------------------------------------------------------------ */

static strata_status check_owner(const char *path, const struct stat *facts, struct strata_err *err)
{
    if (!S_ISREG(facts->st_mode))
        return STRATA_FAIL(err, STRATA_E_CONFIG, "%s: not a file of keys", path);
    if (facts->st_uid != geteuid() && facts->st_uid != 0)
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "%s: the key belongs to another user; use one of your own", path);
    if (facts->st_mode & 077)
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "%s: others can read the key (mode %04o); make new keys if they may have, "
                           "then: chmod 600 %s",
                           path, (unsigned)(facts->st_mode & 07777), path);
    return STRATA_OK;
}

static strata_status read_private(const char *path, char text[FILE_BYTES_MAX],
                                  struct strata_err *err)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return STRATA_FAIL(err, errno == ENOENT ? STRATA_E_NO_INPUT : STRATA_E_PERMISSION,
                           "%s: cannot read the key: %s; strata keygen makes keys", path,
                           strerror(errno));
    struct stat facts;
    strata_status status = STRATA_OK;
    ssize_t n_bytes = 0;
    if (fstat(file, &facts) != 0)
        status = STRATA_FAIL(err, STRATA_E_IO, "%s: %s", path, strerror(errno));
    else
        status = check_owner(path, &facts, err);
    if (status == STRATA_OK) n_bytes = read(file, text, FILE_BYTES_MAX - 1);
    (void)close(file);
    if (status == STRATA_OK && n_bytes < 0)
        status = STRATA_FAIL(err, STRATA_E_IO, "%s: %s", path, strerror(errno));
    text[n_bytes > 0 ? n_bytes : 0] = '\0';
    return status;
}

/* Copy the value of `word = "value"` when line is one; a value that does not fit counts as none. */
static void take_value(const char *line, const char *word, char *value, size_t room)
{
    line += strspn(line, " \t");
    const size_t n_word = strlen(word);
    if (strncmp(line, word, n_word) != 0) return;
    line += n_word + strspn(line + n_word, " \t");
    if (*line != '=') return;
    const char *begin = strchr(line, '"');
    const char *end = begin ? strrchr(begin + 1, '"') : NULL;
    if (!end || (size_t)(end - begin - 1) >= room) return;
    memcpy(value, begin + 1, (size_t)(end - begin - 1));
    value[end - begin - 1] = '\0';
}

static bool is_key(const char *text)
{
    unsigned char bytes[32];
    return strlen(text) == STRATA_KEY_TEXT - 1 && zmq_z85_decode(bytes, text) != NULL;
}

strata_status strata_key_file_read(const char *path, struct strata_key_file *key,
                                   struct strata_err *err)
{
    char text[FILE_BYTES_MAX], expected[STRATA_KEY_TEXT];
    *key = (struct strata_key_file){.name = ""};
    STRATA_TRY(read_private(path, text, err));
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        take_value(line, "name", key->name, sizeof key->name);
        take_value(line, "public-key", key->public_key, sizeof key->public_key);
        take_value(line, "secret-key", key->secret_key, sizeof key->secret_key);
        take_value(line, "server-key", key->server_key, sizeof key->server_key);
    }
    if (!is_key(key->public_key) || !is_key(key->secret_key) ||
        (key->server_key[0] && !is_key(key->server_key)))
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "%s: not a file of keys as strata keygen writes them", path);
    if (zmq_curve_public(expected, key->secret_key) != 0 || strcmp(expected, key->public_key) != 0)
        return STRATA_FAIL(err, STRATA_E_CONFIG, "%s: the secret key is not that of the public key",
                           path);
    return STRATA_OK;
}
