/* Attempts at a run directory, and what keeps dead ones from changing it.
 *
 * DIRECTORY/.attempts/NNNNNN        the number is taken: created once, never removed
 * DIRECTORY/.attempts/NNNNNN.tray  what that attempt writes, until it is put in place
 *
 * A later attempt first takes its number, then moves the trays of all numbers below away.  An attempt makes
 * its tray, then looks whether its number is still the highest.  So of two that start together the later
 * sees the earlier's tray, or the earlier sees the later's number.  Everything that changes the run directory is one
 * rename from or to the tray: it is done before the tray goes, or it fails. */
#include "strata/attempt.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/fault.h"
#include "strata/file.h"

#define NUMBER_MAX 999999u
#define DIGITS 6
#define TRIES_MAX 64 /* attempts that may begin while this one does */

/* "DIRECTORY/.attempts/NNNNNN" and an ending. */
static strata_status number_path(const char *directory, uint32_t number, const char *ending,
                                 char path[STRATA_ATTEMPT_PATH_MAX], struct strata_err *err)
{
    const int length =
        snprintf(path, STRATA_ATTEMPT_PATH_MAX, "%s/.attempts/%06u%s", directory, number, ending);
    if (length < 0 || length >= STRATA_ATTEMPT_PATH_MAX - 64) /* room for names in the tray */
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", directory);
    return STRATA_OK;
}

strata_status strata_attempt_path(const char *folder, const char *name,
                                  char path[STRATA_ATTEMPT_PATH_MAX], struct strata_err *err)
{
    const int length = snprintf(path, STRATA_ATTEMPT_PATH_MAX, "%s/%s", folder, name);
    if (length < 0 || length >= STRATA_ATTEMPT_PATH_MAX)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", folder);
    return STRATA_OK;
}

/* The number that a name begins with; 0: none. */
static uint32_t number_of(const char *name)
{
    for (size_t i = 0; i < DIGITS; i++)
        if (!isdigit((unsigned char)name[i])) return 0;
    return (uint32_t)strtoul(name, NULL, 10); /* a '.' or the end follows */
}

static bool is_number(const char *name)
{
    return number_of(name) && name[DIGITS] == '\0';
}

static strata_status list(const char *folder, DIR **out, struct strata_err *err)
{
    *out = opendir(folder);
    if (*out) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_IO, "%s: cannot list: %s", folder, strerror(errno));
}

static strata_status highest(const char *folder, uint32_t *number, struct strata_err *err)
{
    DIR *entries = NULL;
    STRATA_TRY(list(folder, &entries, err));
    *number = 0;
    for (struct dirent *entry; (entry = readdir(entries));)
        if (is_number(entry->d_name) && number_of(entry->d_name) > *number)
            *number = number_of(entry->d_name);
    (void)closedir(entries);
    return STRATA_OK;
}

static strata_status overtaken(const char *directory, struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                       "a later attempt has taken %s over; this one ends and changes nothing more",
                       directory);
}

/* The next number: whoever makes the file has it. */
static strata_status take_number(const char *directory, const char *folder, uint32_t *number,
                                 struct strata_err *err)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        char path[STRATA_ATTEMPT_PATH_MAX];
        STRATA_TRY(highest(folder, number, err));
        if (++*number > NUMBER_MAX) break;
        STRATA_TRY(number_path(directory, *number, "", path, err));
        const int file = STRATA_FAULT_CALL("attempt.take")
                             ? -1
                             : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file >= 0) {
            (void)close(file); /* it is empty */
            return strata_directory_sync(folder, err);
        }
        if (errno != EEXIST && errno != EINTR)
            return STRATA_FAIL(err, STRATA_E_CREATE, "%s: cannot create: %s", path, strerror(errno));
    }
    return STRATA_FAIL(err, STRATA_E_CREATE,
                       "%s: no number for another attempt; give a new output directory", folder);
}

/* What stays does no harm and is removed at the next start. */
static void remove_quietly(const char *path)
{
    struct strata_err ignored = {0};
    const strata_status status = strata_directory_remove(path, &ignored);
    (void)status;
}

/* One tray or what is left of one: out of the way at once, then removed. */
static strata_status remove_tray(const char *folder, const char *name, struct strata_err *err)
{
    char from[STRATA_ATTEMPT_PATH_MAX], to[STRATA_ATTEMPT_PATH_MAX];
    const int length = snprintf(to, sizeof to, "%s/%.*s.dead", folder, DIGITS, name);
    if (length < 0 || (size_t)length >= sizeof to)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", folder);
    STRATA_TRY(strata_attempt_path(folder, name, from, err));
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        remove_quietly(to); /* of a removal that was interrupted, or goes on beside this one */
        if (strcmp(from, to) == 0) return STRATA_OK;
        if (rename(from, to) == 0 || errno == ENOENT) {
            remove_quietly(to); /* nobody knows this name */
            return STRATA_OK;
        }
        if (errno != ENOTEMPTY && errno != EEXIST) break;
    }
    return STRATA_FAIL(err, STRATA_E_IO, "%s: cannot be moved away: %s", from, strerror(errno));
}

/* No attempt below `number` can change the run directory when this has returned. */
static strata_status fence(const char *folder, uint32_t number, struct strata_err *err)
{
    DIR *entries = NULL;
    STRATA_TRY(list(folder, &entries, err));
    strata_status status = STRATA_OK;
    for (struct dirent *entry; status == STRATA_OK && (entry = readdir(entries));) {
        const uint32_t other = number_of(entry->d_name);
        if (other && other < number && !is_number(entry->d_name))
            status = remove_tray(folder, entry->d_name, err);
    }
    (void)closedir(entries);
    return status;
}

/* Withdrawn files have a folder of their own, beside what is to be put in place. */
static strata_status make_tray(const struct strata_attempt *attempt, const char *folder,
                               struct strata_err *err)
{
    char withdrawn[STRATA_ATTEMPT_PATH_MAX];
    uint32_t last = 0;
    bool made = false;
    struct strata_err seen = {0};
    STRATA_TRY(strata_directory_make_private(attempt->tray, &made, err));
    STRATA_TRY(strata_attempt_path(attempt->tray, ".withdrawn", withdrawn, err));
    const strata_status status = strata_directory_make_private(withdrawn, &made, &seen);
    if (status != STRATA_OK) return strata_attempt_failed(attempt, status, &seen, err);
    STRATA_TRY(highest(folder, &last, err));
    if (last == attempt->number) return STRATA_OK;
    (void)strata_attempt_end(attempt); /* it is not ours any more */
    return overtaken(attempt->directory, err);
}

strata_status strata_attempt_join(const char *directory, uint32_t number,
                                  struct strata_attempt *out, struct strata_err *err)
{
    const int length = snprintf(out->directory, sizeof out->directory, "%s", directory);
    if (length < 0 || (size_t)length >= sizeof out->directory)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", directory);
    out->number = number;
    return number_path(directory, number, ".tray", out->tray, err);
}

strata_status strata_attempt_begin(const char *directory, struct strata_attempt *out,
                                   struct strata_err *err)
{
    char folder[STRATA_ATTEMPT_PATH_MAX];
    uint32_t number = 0;
    bool made = false;
    STRATA_TRY(strata_attempt_path(directory, ".attempts", folder, err));
    STRATA_TRY(strata_directory_make_private(folder, &made, err));
    STRATA_TRY(take_number(directory, folder, &number, err));
    STRATA_TRY(strata_attempt_join(directory, number, out, err));
    STRATA_FAULT("attempt.taken");
    STRATA_TRY(fence(folder, number, err));
    return make_tray(out, folder, err);
}

/* --- putting in place and taking away -------------------------------------------------------- */

strata_status strata_attempt_failed(const struct strata_attempt *attempt, strata_status status,
                                    const struct strata_err *seen, struct strata_err *err)
{
    if (access(attempt->tray, F_OK) != 0 && errno == ENOENT)
        return overtaken(attempt->directory, err);
    return STRATA_FAIL(err, status, "%s", seen->text);
}

strata_status strata_attempt_place(const struct strata_attempt *attempt, const char *made,
                                   const char *name, struct strata_err *err)
{
    char from[STRATA_ATTEMPT_PATH_MAX], to[STRATA_ATTEMPT_PATH_MAX];
    struct strata_err seen = {0};
    STRATA_TRY(strata_attempt_path(attempt->tray, made, from, err));
    STRATA_TRY(strata_attempt_path(attempt->directory, name, to, err));
    const strata_status status = strata_file_place(from, to, &seen);
    return status == STRATA_OK ? STRATA_OK : strata_attempt_failed(attempt, status, &seen, err);
}

strata_status strata_attempt_replace(const struct strata_attempt *attempt, const char *made,
                                     const char *name, struct strata_err *err)
{
    char from[STRATA_ATTEMPT_PATH_MAX], to[STRATA_ATTEMPT_PATH_MAX];
    struct strata_err seen = {0};
    STRATA_TRY(strata_attempt_path(attempt->tray, made, from, err));
    STRATA_TRY(strata_attempt_path(attempt->directory, name, to, err));
    const strata_status status = strata_file_move(from, to, &seen);
    return status == STRATA_OK ? STRATA_OK : strata_attempt_failed(attempt, status, &seen, err);
}

strata_status strata_attempt_withdraw(const struct strata_attempt *attempt, const char *name,
                                      struct strata_err *err)
{
    char from[STRATA_ATTEMPT_PATH_MAX], to[STRATA_ATTEMPT_PATH_MAX];
    struct strata_err seen = {0};
    const char *slash = strrchr(name, '/');
    STRATA_TRY(strata_attempt_path(attempt->directory, name, from, err));
    const int length =
        snprintf(to, sizeof to, "%s/.withdrawn/%s", attempt->tray, slash ? slash + 1 : name);
    if (length < 0 || (size_t)length >= sizeof to)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", name);
    if (access(from, F_OK) != 0 && errno == ENOENT) return STRATA_OK;
    const strata_status status = strata_file_move(from, to, &seen);
    strata_file_drop(to);
    return status == STRATA_OK ? STRATA_OK : strata_attempt_failed(attempt, status, &seen, err);
}

bool strata_attempt_end(const struct strata_attempt *attempt)
{
    char dead[STRATA_ATTEMPT_PATH_MAX];
    struct strata_err ignored = {0};
    if (!attempt->number) return true;
    if (number_path(attempt->directory, attempt->number, ".dead", dead, &ignored) != STRATA_OK ||
        rename(attempt->tray, dead) != 0)
        return false;
    remove_quietly(dead);
    return true;
}
