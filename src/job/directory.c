/* The run directory from first to last: taken by one run at a time, whole at any moment, gone when the run that made it
 * failed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/job_impl.h"
#include "strata/file.h"
#include "strata/log.h"

#define LOG_KEPT_BYTES ((size_t)64 << 20) /* of what earlier attempts have logged */

/* Files by which a directory is known as a run's. */
static const char *const signs[] = {"manifest.json", "log.jsonl", ".attempts"};

static bool has(const char *directory, const char *name)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

static bool is_empty(const char *directory)
{
    DIR *entries = opendir(directory);
    if (!entries) return false;
    size_t n = 0;
    for (struct dirent *entry; n == 0 && (entry = readdir(entries));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
             strcmp(entry->d_name, ".lock") != 0; /* of a run that came no further */
    (void)closedir(entries);
    return n == 0;
}

static bool is_a_run(const char *directory)
{
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (has(directory, signs[i])) return true;
    return false;
}

/* Could a run be put there?  Makes nothing. */
strata_status strata_job_directory_check(const char *directory, struct strata_err *err)
{
    struct stat facts;
    if (stat(directory, &facts) != 0) return STRATA_OK; /* making it will tell */
    if (!S_ISDIR(facts.st_mode))
        return STRATA_FAIL(err, STRATA_E_CREATE, "the output %s exists and is not a directory",
                           directory);
    if (access(directory, W_OK | X_OK) != 0)
        return STRATA_FAIL(err, STRATA_E_PERMISSION, "the output directory %s cannot be written to",
                           directory);
    if (!is_a_run(directory) && !is_empty(directory))
        return STRATA_FAIL(
            err, STRATA_E_CREATE,
            "the output directory %s holds other files; give a new one, or that of a run",
            directory);
    return STRATA_OK;
}

static strata_status busy(const struct strata_job *job, struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_CREATE,
                       "another run is writing to %s; wait for it or give another output",
                       job->directory);
}

/* Whether the path still names the file that is open: who held the lock before may have removed it. */
static bool names(const char *path, int file)
{
    struct stat open_facts, path_facts;
    return fstat(file, &open_facts) == 0 && stat(path, &path_facts) == 0 &&
           open_facts.st_dev == path_facts.st_dev && open_facts.st_ino == path_facts.st_ino;
}

/* lock_file is set only once the lock is ours: who has not got it must leave the directory alone. */
static strata_status take_lock(struct strata_job *job, struct strata_err *err)
{
    const char *path = strata_path_join(job->directory, ".lock", job->keep);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "a path");
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: cannot create: %s", path, strerror(errno));
    if (flock(file, LOCK_EX | LOCK_NB) != 0 || !names(path, file)) {
        (void)close(file);
        return busy(job, err);
    }
    job->lock_file = file;
    return STRATA_OK;
}

/* Files half written by a run that was killed; nobody else writes while we have the lock. */
static void sweep(const char *directory)
{
    DIR *entries = opendir(directory);
    if (!entries) return;
    for (struct dirent *entry; (entry = readdir(entries));) {
        const size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' && length > 4 && strcmp(entry->d_name + length - 4, ".tmp") == 0)
            (void)unlinkat(dirfd(entries), entry->d_name, 0); /* what stays does no harm */
    }
    (void)closedir(entries);
}

/* The last lines of the log so far, in keep: whole ones, at most LOG_KEPT_BYTES of them. */
static strata_status read_log(const char *path, struct strata_arena *keep, char **bytes, size_t *n,
                              struct strata_err *err)
{
    struct stat facts;
    *n = 0;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) return STRATA_OK;
    if (file < 0 || fstat(file, &facts) != 0) {
        const int problem = errno;
        if (file >= 0) (void)close(file);
        return STRATA_FAIL(err, STRATA_E_IO, "%s: cannot read: %s", path, strerror(problem));
    }
    const size_t size = (size_t)facts.st_size;
    const size_t first = size > LOG_KEPT_BYTES ? size - LOG_KEPT_BYTES : 0;
    ssize_t got = 1;
    *bytes = STRATA_NEW(keep, char, size - first + 1);
    while (*bytes && got > 0 && *n < size - first) {
        got = pread(file, *bytes + *n, size - first - *n, (off_t)(first + *n));
        if (got > 0) *n += (size_t)got;
        if (got < 0 && errno == EINTR) got = 1;
    }
    (void)close(file); /* only read from */
    if (!*bytes) return STRATA_FAIL(err, STRATA_E_MEMORY, "the log");
    while (*n > 0 && (*bytes)[*n - 1] != '\n') --*n;
    const char *line = first ? memchr(*bytes, '\n', *n) : NULL;
    if (line) {
        *n -= (size_t)(line + 1 - *bytes);
        *bytes += line + 1 - *bytes;
    }
    return STRATA_OK;
}

/* A log of our own, with what there is in it, in the place of the one that an earlier attempt may still write to:
 * what that adds is nowhere to be seen. */
static strata_status take_log(struct strata_job *job, struct strata_err *err)
{
    char mine[STRATA_ATTEMPT_PATH_MAX], old[STRATA_ATTEMPT_PATH_MAX], *bytes = NULL;
    struct strata_arena scratch = *job->keep;
    struct strata_err seen = {0};
    struct strata_piece lines = {0};
    STRATA_TRY(strata_attempt_path(job->attempt.tray, "log.jsonl", mine, err));
    STRATA_TRY(strata_attempt_path(job->directory, "log.jsonl", old, err));
    STRATA_TRY(read_log(old, &scratch, &bytes, &lines.n_bytes, err));
    lines.bytes = bytes;
    strata_status status = strata_file_make(mine, &lines, 1, false, &seen);
    if (status == STRATA_OK) status = strata_log_open(mine, &seen);
    if (status != STRATA_OK) return strata_attempt_failed(&job->attempt, status, &seen, err);
    return strata_attempt_replace(&job->attempt, "log.jsonl", "log.jsonl", err);
}

strata_status strata_job_directory_open(struct strata_job *job, struct strata_err *err)
{
    STRATA_TRY(strata_job_directory_check(job->directory, err));
    const bool existed = access(job->directory, F_OK) == 0 && is_a_run(job->directory);
    STRATA_TRY(strata_directory_make(job->directory, err));
    STRATA_TRY(take_lock(job, err));
    job->made_directory = !existed;
    sweep(job->directory);
    STRATA_TRY(strata_attempt_begin(job->directory, &job->attempt, err));
    return take_log(job, err);
}

/* What cannot be removed stays: the job has ended, and its own error is the one to tell. */
static void remove_quietly(const char *directory)
{
    struct strata_err err = {0};
    if (strata_directory_remove(directory, &err) != STRATA_OK)
        STRATA_LOG(WARN, "directory.left", "reason=%s", strata_status_word(err.code));
}

void strata_job_directory_close(struct strata_job *job, bool keep_directory)
{
    if (job->temporary_dir[0]) remove_quietly(job->temporary_dir);
    if (job->comm->rank != 0 || !job->directory) return;
    strata_log_close();
    if (job->lock_file < 0) return; /* never ours */
    const char *path = strata_path_join(job->directory, ".lock", job->keep);
    const bool is_ours = strata_attempt_end(&job->attempt);
    if (is_ours && !keep_directory && job->made_directory)
        remove_quietly(job->directory);
    else if (is_ours && path)
        (void)unlink(path);
    (void)close(job->lock_file); /* last: until then nobody else takes the directory */
    job->lock_file = -1;
}
