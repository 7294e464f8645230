#define _GNU_SOURCE /* pipe2, F_SETPIPE_SZ */
#include "csv_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES ((size_t)1 << 16)

/* False when nobody reads any more. */
static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t one = write(fd, bytes, n);
        if (one < 0 && errno == EINTR) continue;
        if (one <= 0) return false;
        bytes += one;
        n -= (size_t)one;
    }
    return true;
}

static void *run(void *context)
{
    struct csv_feed *feed = context;
    sigset_t broken_pipe; /* a reader that goes away is no reason to die */
    (void)sigemptyset(&broken_pipe);
    (void)sigaddset(&broken_pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL); /* cannot fail with these arguments */
    char block[BLOCK_BYTES];
    char out[BLOCK_BYTES + 1];
    while (feed->at < feed->end) {
        const uint64_t left = feed->end - feed->at;
        const size_t want = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
        const ssize_t got = pread(feed->file, block, want, (off_t)feed->at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            feed->fault = got < 0 ? errno : -1;
            break;
        }
        const size_t n = csv_lines_convert(&feed->lines, block, (size_t)got, out);
        if (!write_all(feed->pipe_write, out, n)) break;
        feed->at += (uint64_t)got;
    }
    if (feed->at == feed->end)
        (void)write_all(feed->pipe_write, out, csv_lines_end(&feed->lines, out)); /* if read */
    (void)close(feed->pipe_write); /* the end, for the reader */
    return NULL;
}

strata_status csv_feed_start(struct csv_feed *feed, const char *path, uint64_t first, uint64_t end,
                             struct csv_lines lines, struct strata_err *err)
{
    *feed = (struct csv_feed){.at = first, .end = end, .lines = lines};
    int ends[2];
    feed->file = open(path, O_RDONLY | O_CLOEXEC);
    if (feed->file < 0)
        return STRATA_FAIL(err, STRATA_E_IO, "cannot open %s: %s", path, strerror(errno));
    if (pipe2(ends, O_CLOEXEC) != 0) {
        (void)close(feed->file); /* only read from */
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "cannot make a pipe: %s", strerror(errno));
    }
    feed->pipe_read = ends[0];
    feed->pipe_write = ends[1];
    (void)fcntl(feed->pipe_write, F_SETPIPE_SZ, 1 << 20); /* only faster */
    (void)snprintf(feed->path, sizeof feed->path, "/dev/fd/%d", feed->pipe_read);
    const int fault = pthread_create(&feed->thread, NULL, run, feed);
    feed->running = fault == 0;
    if (fault == 0) return STRATA_OK;
    (void)close(feed->pipe_read);
    (void)close(feed->pipe_write);
    (void)close(feed->file);
    return STRATA_FAIL(err, STRATA_E_SYSTEM, "cannot start a thread: %s", strerror(fault));
}

strata_status csv_feed_finish(struct csv_feed *feed, const char *path, struct strata_err *err)
{
    if (!feed->running) return STRATA_OK;
    (void)close(feed->pipe_read); /* a writer that still waits is told */
    (void)pthread_join(feed->thread, NULL);
    (void)close(feed->file);
    feed->running = false;
    if (feed->fault == 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_IO, "cannot read %s: %s", path,
                       feed->fault < 0 ? "it became shorter while it was read"
                                       : strerror(feed->fault));
}
