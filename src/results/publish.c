/* From the tray of an attempt to the run directory, a file a rename; the seal goes first and comes last. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results_impl.h"
#include "strata/fault.h"
#include "strata/file.h"

#define NAME_BYTES 320 /* of a part with its folder */

static strata_status place(const struct strata_attempt *attempt, const char *name,
                           struct strata_err *err)
{
    STRATA_FAULT("results.publish");
    return strata_attempt_place(attempt, name, name, err);
}

/* Parts, whole and half written; what else somebody put there stays. */
static bool is_part(const char *name)
{
    return strncmp(name, "part-", 5) == 0 || strncmp(name, ".part-", 6) == 0;
}

strata_status strata_each_file(const struct strata_attempt *attempt, const char *directory,
                               const char *folder, strata_is_meant *is_meant, strata_file_act *act,
                               struct strata_err *err)
{
    char path[STRATA_ATTEMPT_PATH_MAX], name[NAME_BYTES];
    STRATA_TRY(strata_attempt_path(directory, folder, path, err));
    DIR *entries = opendir(path);
    if (!entries && errno == ENOENT) return STRATA_OK;
    if (!entries)
        return STRATA_FAIL(err, STRATA_E_IO, "%s: cannot list: %s", path, strerror(errno));
    strata_status status = STRATA_OK;
    for (struct dirent *entry; status == STRATA_OK && (entry = readdir(entries));) {
        if (!is_meant(entry->d_name)) continue;
        (void)snprintf(name, sizeof name, "%s%s", folder, entry->d_name);
        status = act(attempt, name, err);
    }
    (void)closedir(entries);
    return status;
}

static bool is_folder(const char *name)
{
    return name[strlen(name) - 1] == '/';
}

/* Everything of an earlier run but the seal. */
static strata_status withdraw_all(const struct strata_attempt *attempt, struct strata_err *err)
{
    for (size_t i = 0; strata_sealed_file[i]; i++) {
        const char *name = strata_sealed_file[i];
        char path[STRATA_ATTEMPT_PATH_MAX];
        if (!is_folder(name)) {
            STRATA_TRY(strata_attempt_withdraw(attempt, name, err));
            continue;
        }
        STRATA_TRY(strata_each_file(attempt, attempt->directory, name, is_part,
                                    strata_attempt_withdraw, err));
        STRATA_TRY(strata_attempt_path(attempt->directory, name, path, err));
        (void)rmdir(path); /* not empty: not ours */
    }
    return STRATA_OK;
}

/* The parts of one folder, where the tray has it. */
static strata_status place_parts(const struct strata_attempt *attempt, const char *folder,
                                 struct strata_err *err)
{
    char path[STRATA_ATTEMPT_PATH_MAX];
    bool made = false;
    STRATA_TRY(strata_attempt_path(attempt->tray, folder, path, err));
    if (access(path, F_OK) != 0) return STRATA_OK;
    STRATA_TRY(strata_attempt_path(attempt->directory, folder, path, err));
    STRATA_TRY(strata_directory_make_private(path, &made, err));
    STRATA_TRY(strata_each_file(attempt, attempt->tray, folder, is_part, place, err));
    return strata_directory_sync(path, err);
}

static strata_status place_all(const struct strata_attempt *attempt, struct strata_err *err)
{
    for (size_t i = 0; strata_sealed_file[i]; i++) {
        const char *name = strata_sealed_file[i];
        char path[STRATA_ATTEMPT_PATH_MAX];
        STRATA_TRY(strata_attempt_path(attempt->tray, name, path, err));
        if (is_folder(name))
            STRATA_TRY(place_parts(attempt, name, err));
        else if (access(path, F_OK) == 0)
            STRATA_TRY(place(attempt, name, err));
    }
    return STRATA_OK;
}

/* A name is durable before the next step begins: a crash in between leaves no seal. */
static strata_status publish(const struct strata_attempt *attempt, struct strata_err *err)
{
    const char *directory = attempt->directory;
    STRATA_TRY(strata_attempt_withdraw(attempt, "manifest.json", err));
    STRATA_TRY(strata_directory_sync(directory, err));
    STRATA_TRY(withdraw_all(attempt, err));
    STRATA_TRY(place_all(attempt, err));
    STRATA_TRY(strata_directory_sync(directory, err));
    STRATA_TRY(place(attempt, "manifest.json", err));
    return strata_directory_sync(directory, err);
}

strata_status strata_results_publish(const struct strata_attempt *attempt, struct strata_err *err)
{
    struct strata_err seen = {0};
    const strata_status status = publish(attempt, &seen);
    return status == STRATA_OK ? STRATA_OK : strata_attempt_failed(attempt, status, &seen, err);
}
