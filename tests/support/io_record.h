/* The system's calls of a test program that is linked with -Wl,--wrap: any one of them can be made to fail, and
 * all are written down, so that every state in which a crash may leave the disk can be made from the list.
 * To be included by one file of a program, which lists IO_RECORD_WRAPS in its link options. */
#ifndef STRATA_TESTS_IO_RECORD_H
#define STRATA_TESTS_IO_RECORD_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum io_call {
    IO_CREATE, /* open with O_CREAT */
    IO_WRITE,
    IO_FSYNC,
    IO_RENAME,
    IO_UNLINK,
    IO_MKDIR,
};

#define IO_PATH 512
#define IO_MAX 256
#define IO_FILES 64

/* What was done, when it succeeded. */
struct io_done {
    enum io_call call;
    char path[IO_PATH];
    char to[IO_PATH];     /* of a rename */
    unsigned char *bytes; /* of a write */
    size_t n_bytes;
};

static struct {
    struct io_done done[IO_MAX];
    size_t n;
    bool records;     /* writes down what is done */
    bool skips_fsync; /* which says that it was done */
    size_t fail_at;   /* counted from 1 over all calls; 0: none fails */
    int fail_errno;
    bool fail_ever;
    bool hit;
    size_t hook_at; /* before this call something else happens; 0: never */
    void (*hook)(void);
    size_t n_calls;
    size_t n_broken; /* files whose fsync failed and that were renamed all the same */
    char open_path[IO_FILES][IO_PATH]; /* by descriptor */
    char poison_path[IO_PATH];         /* the file whose fsync failed */
} io;

static void io_reset(void)
{
    for (size_t i = 0; i < io.n; i++) free(io.done[i].bytes);
    memset(&io, 0, sizeof io);
}

/* Whether this call is the one to fail. */
static bool io_fails(void)
{
    io.n_calls++;
    if (io.n_calls == io.hook_at) {
        io.hook_at = 0;
        io.hook();
    }
    if (io.fail_at == 0) return false;
    if (io.n_calls != io.fail_at && !(io.fail_ever && io.n_calls > io.fail_at)) return false;
    io.hit = true;
    errno = io.fail_errno;
    return true;
}

static void io_note(enum io_call call, const char *path, const char *to, const void *bytes,
                    size_t n_bytes)
{
    if (!io.records) return;
    if (io.n == IO_MAX) abort();
    struct io_done *done = &io.done[io.n++];
    done->call = call;
    (void)snprintf(done->path, sizeof done->path, "%s", path);
    (void)snprintf(done->to, sizeof done->to, "%s", to);
    done->bytes = n_bytes ? malloc(n_bytes) : NULL;
    done->n_bytes = n_bytes;
    if (n_bytes && !done->bytes) abort();
    if (n_bytes) memcpy(done->bytes, bytes, n_bytes);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_write(int file, const void *bytes, size_t n);
ssize_t __wrap_write(int file, const void *bytes, size_t n);
int __real_fsync(int file);
int __wrap_fsync(int file);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);

int __wrap_open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (io_fails()) return -1;
    const int file = __real_open(path, flags, mode);
    if (file >= 0 && file < IO_FILES) {
        (void)snprintf(io.open_path[file], IO_PATH, "%s", path);
        if (flags & O_CREAT) io_note(IO_CREATE, path, "", NULL, 0);
    }
    return file;
}

ssize_t __wrap_write(int file, const void *bytes, size_t n)
{
    if (file >= IO_FILES || !io.open_path[file][0]) return __real_write(file, bytes, n);
    if (io_fails()) return -1;
    const size_t some = n > 8 ? n / 2 : n; /* never all at once */
    const ssize_t wrote = __real_write(file, bytes, some);
    if (wrote > 0) io_note(IO_WRITE, io.open_path[file], "", bytes, (size_t)wrote);
    return wrote;
}

int __wrap_fsync(int file)
{
    if (io_fails()) {
        if (file < IO_FILES && errno != EINTR)
            (void)snprintf(io.poison_path, IO_PATH, "%s", io.open_path[file]);
        return -1;
    }
    if (file < IO_FILES) io_note(IO_FSYNC, io.open_path[file], "", NULL, 0);
    return io.skips_fsync ? 0 : __real_fsync(file);
}

static int io_renamed(int result, const char *from, const char *to)
{
    if (result == 0 && io.poison_path[0] && strcmp(from, io.poison_path) == 0) io.n_broken++;
    if (result == 0) io_note(IO_RENAME, from, to, NULL, 0);
    return result;
}

int __wrap_rename(const char *from, const char *to)
{
    return io_fails() ? -1 : io_renamed(__real_rename(from, to), from, to);
}

int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    return io_fails() ? -1 : io_renamed(__real_renameat2(a, from, b, to, flags), from, to);
}

int __wrap_unlink(const char *path)
{
    if (io_fails()) return -1;
    const int result = __real_unlink(path);
    if (result == 0) io_note(IO_UNLINK, path, "", NULL, 0);
    return result;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    if (io_fails()) return -1;
    const int result = __real_mkdir(path, mode);
    if (result == 0) io_note(IO_MKDIR, path, "", NULL, 0);
    return result;
}

#endif
