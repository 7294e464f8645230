#define _GNU_SOURCE /* renameat2 */
#include "strata/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/fault.h"

#define WRITE_PIECE ((size_t)1 << 30) /* one write call, below the kernel's limit */
#define DEPTH_MAX 64                  /* folders inside folders that a removal follows */
#define INTERRUPTIONS_MAX 100         /* of one call by signals, before that is an error */

static strata_status io_error(struct strata_err *err, strata_status code, const char *path,
                              const char *doing)
{
    return STRATA_FAIL(err, code, "%s: cannot %s: %s", path, doing, strerror(errno));
}

/* The folder of a path, for fsync. */
static void parent_of(const char *path, char parent[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;
    (void)snprintf(parent, PATH_MAX, "%.*s", slash ? (int)(length ? length : 1) : 1,
                   slash ? path : ".");
}

/* A call that a signal interrupts is made again, not for ever. */
static bool again(int *tries)
{
    return errno == EINTR && (*tries)++ < INTERRUPTIONS_MAX;
}

static int open_file(const char *path, int flags, mode_t mode)
{
    int file = -1, tries = 0;
    do
        file = STRATA_FAULT_CALL(flags & O_CREAT ? "file.create" : "file.open")
                   ? -1
                   : open(path, flags | O_CLOEXEC, mode);
    while (file < 0 && again(&tries));
    return file;
}

/* A failed fsync is not tried again: the system may have forgotten the pages that it could not write. */
static int sync_file(int file)
{
    int result = -1, tries = 0;
    do result = STRATA_FAULT_CALL("file.fsync") ? -1 : fsync(file);
    while (result != 0 && again(&tries));
    return result;
}

static int replace(const char *from, const char *to)
{
    int result = -1, tries = 0;
    do result = STRATA_FAULT_CALL("file.rename") ? -1 : rename(from, to);
    while (result != 0 && again(&tries));
    return result;
}

/* A hard link is what file systems without RENAME_NOREPLACE (NFS) have instead. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return -1;
    if (link(from, to) != 0) return -1;
    (void)unlink(from); /* a second name of a file that is in place */
    return 0;
}

static int put_new(const char *from, const char *to)
{
    int result = -1, tries = 0;
    do result = STRATA_FAULT_CALL("file.rename") ? -1 : rename_new(from, to);
    while (result != 0 && again(&tries));
    return result;
}

static strata_status sync_path(const char *path, int flags, struct strata_err *err)
{
    const int file = open_file(path, flags, 0);
    if (file < 0) return io_error(err, STRATA_E_IO, path, "open for fsync");
    strata_status status = STRATA_OK;
    if (sync_file(file) != 0) status = io_error(err, STRATA_E_IO, path, "fsync");
    (void)close(file);
    return status;
}

strata_status strata_directory_sync(const char *path, struct strata_err *err)
{
    return sync_path(path, O_RDONLY | O_DIRECTORY, err);
}

static strata_status sync_parent(const char *path, struct strata_err *err)
{
    char parent[PATH_MAX];
    parent_of(path, parent);
    return strata_directory_sync(parent, err);
}

static strata_status temporary_name(const char *path, char temporary[PATH_MAX],
                                    struct strata_err *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const int length = snprintf(temporary, PATH_MAX, "%.*s.%s.%ld.tmp", (int)(name - path), path,
                                name, (long)getpid());
    if (length < 0 || length >= PATH_MAX)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", path);
    return STRATA_OK;
}

char *strata_file_temporary(const char *path, struct strata_arena *keep)
{
    char temporary[PATH_MAX];
    struct strata_err err = {0};
    if (temporary_name(path, temporary, &err) != STRATA_OK) return NULL;
    return strata_arena_copy(keep, temporary, strlen(temporary));
}

/* Its bytes are durable. */
static strata_status put_in_place(const char *temporary, const char *path, struct strata_err *err)
{
    if (replace(temporary, path) != 0) {
        const strata_status status = io_error(err, STRATA_E_IO, path, "put the file in place");
        strata_file_drop(temporary);
        return status;
    }
    STRATA_FAULT("file.placed");
    return sync_parent(path, err);
}

strata_status strata_file_commit(const char *temporary, const char *path, struct strata_err *err)
{
    const strata_status status = sync_path(temporary, O_RDWR, err);
    if (status == STRATA_OK) return put_in_place(temporary, path, err);
    strata_file_drop(temporary);
    return status;
}

strata_status strata_file_place(const char *from, const char *to, struct strata_err *err)
{
    if (put_new(from, to) != 0)
        return io_error(err, errno == EEXIST ? STRATA_E_CREATE : STRATA_E_IO, to,
                        "put the file in place");
    STRATA_FAULT("file.placed");
    return STRATA_OK;
}

strata_status strata_file_move(const char *from, const char *to, struct strata_err *err)
{
    if (replace(from, to) != 0) return io_error(err, STRATA_E_IO, from, "move away");
    return STRATA_OK;
}

void strata_file_drop(const char *temporary)
{
    (void)unlink(temporary); /* it may never have been made */
}

static strata_status write_all(int file, const char *path, const unsigned char *bytes,
                               size_t n_bytes, struct strata_err *err)
{
    int tries = 0;
    while (n_bytes > 0) {
        const size_t piece = n_bytes < WRITE_PIECE ? n_bytes : WRITE_PIECE;
        const ssize_t wrote = STRATA_FAULT_CALL("file.write") ? -1 : write(file, bytes, piece);
        if (wrote < 0 && again(&tries)) continue;
        if (wrote < 0) return io_error(err, STRATA_E_IO, path, "write");
        bytes += wrote;
        n_bytes -= (size_t)wrote;
    }
    return STRATA_OK;
}

/* The pieces and their fsync; `path` is for messages. */
static strata_status write_pieces(int file, const char *path, const struct strata_piece *piece,
                                  size_t n_pieces, struct strata_err *err)
{
    for (size_t i = 0; i < n_pieces; i++)
        STRATA_TRY(write_all(file, path, piece[i].bytes, piece[i].n_bytes, err));
    if (sync_file(file) != 0) return io_error(err, STRATA_E_IO, path, "fsync");
    return STRATA_OK;
}

/* A new file at `at`, which messages call `path`. */
static strata_status make_file(const char *at, const char *path, const struct strata_piece *piece,
                               size_t n_pieces, bool private_mode, struct strata_err *err)
{
    strata_file_drop(at); /* of a process that had our number before */
    const int file =
        open_file(at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, private_mode ? 0600 : 0644);
    if (file < 0) return io_error(err, STRATA_E_CREATE, path, "create");
    strata_status status = write_pieces(file, path, piece, n_pieces, err);
    if ((close(file) != 0 || STRATA_FAULT_CALL("file.close")) && status == STRATA_OK)
        status = io_error(err, STRATA_E_IO, path, "close");
    if (status != STRATA_OK) strata_file_drop(at);
    return status;
}

strata_status strata_file_make(const char *path, const struct strata_piece *piece, size_t n_pieces,
                               bool private_mode, struct strata_err *err)
{
    return make_file(path, path, piece, n_pieces, private_mode, err);
}

strata_status strata_file_write(const char *path, const void *bytes, size_t n_bytes,
                                bool private_mode, struct strata_err *err)
{
    char temporary[PATH_MAX];
    const struct strata_piece piece = {bytes, n_bytes};
    STRATA_TRY(temporary_name(path, temporary, err));
    STRATA_TRY(make_file(temporary, path, &piece, 1, private_mode, err));
    return put_in_place(temporary, path, err);
}

strata_status strata_file_read(const char *path, size_t limit_bytes, struct strata_arena *keep,
                               char **bytes, size_t *n_bytes, struct strata_err *err)
{
    const int file = open_file(path, O_RDONLY, 0);
    if (file < 0)
        return io_error(err, errno == EACCES ? STRATA_E_PERMISSION : STRATA_E_NO_INPUT, path,
                        "open");
    strata_status status = STRATA_OK;
    struct stat facts;
    if (fstat(file, &facts) != 0)
        status = io_error(err, STRATA_E_IO, path, "stat");
    else if (!S_ISREG(facts.st_mode))
        status = STRATA_FAIL(err, STRATA_E_NO_INPUT, "%s: not a regular file", path);
    else if ((uint64_t)facts.st_size > limit_bytes)
        status = STRATA_FAIL(err, STRATA_E_DATA, "%s: larger than the limit of %zu bytes", path,
                             limit_bytes);
    const size_t size = status == STRATA_OK ? (size_t)facts.st_size : 0;
    char *text = status == STRATA_OK ? STRATA_NEW(keep, char, size + 1) : NULL;
    if (status == STRATA_OK && !text)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "%s: %zu bytes", path, size);
    size_t done = 0;
    int tries = 0;
    while (status == STRATA_OK && done < size) {
        const ssize_t got =
            STRATA_FAULT_CALL("file.read") ? -1 : read(file, text + done, size - done);
        if (got < 0 && again(&tries)) continue;
        if (got < 0) status = io_error(err, STRATA_E_IO, path, "read");
        if (got == 0) status = STRATA_FAIL(err, STRATA_E_IO, "%s: shrank while it was read", path);
        if (got > 0) done += (size_t)got;
    }
    (void)close(file);
    if (status != STRATA_OK) return status;
    *bytes = text;
    *n_bytes = size;
    return STRATA_OK;
}

strata_status strata_directory_make(const char *path, struct strata_err *err)
{
    char part[PATH_MAX];
    const size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: not a usable path for a directory", path);
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0') continue;
        part[i] = '\0';
        struct stat facts;
        if (mkdir(part, 0755) != 0 &&
            (errno != EEXIST || stat(part, &facts) != 0 || !S_ISDIR(facts.st_mode)))
            return errno == EEXIST
                       ? STRATA_FAIL(err, STRATA_E_CREATE, "%s: exists and is not a directory", part)
                       : io_error(err, errno == EACCES ? STRATA_E_PERMISSION : STRATA_E_CREATE,
                                  part, "make the directory");
        if (i < length) part[i] = '/';
    }
    return STRATA_OK;
}

strata_status strata_directory_make_private(const char *path, bool *made, struct strata_err *err)
{
    int result = -1, tries = 0;
    do result = STRATA_FAULT_CALL("file.mkdir") ? -1 : mkdir(path, 0700);
    while (result != 0 && again(&tries));
    *made = result == 0;
    if (result == 0 || errno == EEXIST)
        return STRATA_OK; /* what else it is will show when it is used */
    return io_error(err, STRATA_E_CREATE, path, "make the directory");
}

static strata_status remove_tree(int parent, const char *name, const char *path, int depth,
                                 struct strata_err *err)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return STRATA_OK;
    if (errno != EISDIR && errno != EPERM) return io_error(err, STRATA_E_IO, path, "remove");
    if (depth == DEPTH_MAX)
        return STRATA_FAIL(err, STRATA_E_IO, "%s: folders lie too deep to be removed", path);
    const int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) return io_error(err, STRATA_E_IO, path, "open");
    DIR *entries = fdopendir(folder);
    if (!entries) {
        (void)close(folder);
        return io_error(err, STRATA_E_IO, path, "list");
    }
    strata_status status = STRATA_OK;
    for (struct dirent *entry; status == STRATA_OK && (entry = readdir(entries));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = remove_tree(folder, entry->d_name, path, depth + 1, err);
    }
    (void)closedir(entries);
    if (status == STRATA_OK && unlinkat(parent, name, AT_REMOVEDIR) != 0)
        status = io_error(err, STRATA_E_IO, path, "remove");
    return status;
}

strata_status strata_directory_remove(const char *path, struct strata_err *err)
{
    return remove_tree(AT_FDCWD, path, path, 0, err);
}

char *strata_path_join(const char *directory, const char *name, struct strata_arena *keep)
{
    if (name[0] == '/' || directory[0] == '\0') return strata_arena_copy(keep, name, strlen(name));
    const size_t length = strlen(directory);
    return strata_arena_print(keep, "%s%s%s", directory, directory[length - 1] == '/' ? "" : "/",
                              name);
}
