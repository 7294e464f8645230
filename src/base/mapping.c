#define _GNU_SOURCE /* O_TMPFILE, sync_file_range, MADV_POPULATE_READ */
#include "strata/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#define TMPFS_MAGIC 0x01021994
#define RAMFS_MAGIC 0x858458f6
#define PAGE_BYTES ((size_t)4096) /* hints are for whole pages */

/* --- making the file ------------------------------------------------------------------- */

static bool is_memory(const char *directory)
{
    struct statfs facts;
    if (statfs(directory, &facts) != 0) return false;
    const unsigned long type = (unsigned long)facts.f_type & 0xffffffffUL;
    return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

bool strata_mapping_room(const char *directory, uint64_t *n_bytes)
{
    struct statvfs facts;
    *n_bytes = 0;
    if (statvfs(directory, &facts) != 0 || is_memory(directory)) return false;
    *n_bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
    return true;
}

/* A file that has no name, or loses it at once. */
static int open_nameless(const char *directory)
{
    int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0) return file;
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/.matrix.%ld.tmp", directory, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0) (void)unlink(path); /* at worst a hidden .tmp stays, which the next run sweeps */
    return file;
}

/* Blocks for all of it, so that no write finds the disk full. */
static int reserve(int file, size_t n_bytes)
{
    int failure = 0;
    do {
        failure = posix_fallocate(file, 0, (off_t)n_bytes);
    } while (failure == EINTR);
    return failure;
}

/* The file, or -1 and in reason (room) why not there. */
static int make_in(const char *directory, size_t n_bytes, char *reason, size_t room)
{
    if (is_memory(directory)) {
        (void)snprintf(reason, room, "%s is in memory itself", directory);
        return -1;
    }
    const int file = open_nameless(directory);
    if (file < 0) {
        (void)snprintf(reason, room, "%s: %s", directory, strerror(errno));
        return -1;
    }
    const int failure = reserve(file, n_bytes);
    if (failure == 0) return file;
    (void)close(file);
    uint64_t free_bytes = 0;
    (void)strata_mapping_room(directory, &free_bytes);
    (void)snprintf(reason, room, "%s: %s, %llu MiB are free", directory, strerror(failure),
                   (unsigned long long)(free_bytes >> 20));
    return -1;
}

strata_status strata_mapping_make(const char *const *directory, size_t n_directories,
                                  size_t n_bytes, struct strata_mapping *out, const char **where,
                                  struct strata_err *err)
{
    char reasons[1024] = "";
    size_t used = 0;
    *out = (struct strata_mapping){.file = -1, .n_bytes = n_bytes};
    out->n_chunks = n_bytes / STRATA_MAPPING_CHUNK + (n_bytes % STRATA_MAPPING_CHUNK != 0);
    for (size_t i = 0; i < n_directories && out->file < 0; i++) {
        char reason[480];
        if (!directory[i]) continue;
        out->file = make_in(directory[i], n_bytes, reason, sizeof reason);
        *where = directory[i];
        if (out->file < 0 && used < sizeof reasons)
            used += (size_t)snprintf(reasons + used, sizeof reasons - used, "%s%s",
                                     used ? "; " : "", reason);
    }
    if (out->file >= 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_CREATE,
                       "the matrix does not fit the memory and no disk has room for its %llu MiB "
                       "(%s): use more ranks, or give more `memory` or disk",
                       (unsigned long long)((n_bytes >> 20) + 1), reasons);
}

strata_status strata_mapping_write(const struct strata_mapping *mapping, size_t offset,
                                   const void *bytes, size_t n, struct strata_err *err)
{
    const unsigned char *from = bytes;
    size_t done = 0;
    STRATA_REQUIRE(offset <= mapping->n_bytes && n <= mapping->n_bytes - offset);
    while (done < n) {
        const ssize_t now = pwrite(mapping->file, from + done, n - done, (off_t)(offset + done));
        if (now > 0) done += (size_t)now;
        if (now == 0 || (now < 0 && errno != EINTR))
            return STRATA_FAIL(err, STRATA_E_IO, "writing the matrix to its file: %s",
                               now == 0 ? "nothing is taken" : strerror(errno));
    }
    /* On its way to the disk at once, so that the pages can be taken back later; only a hint. */
    (void)sync_file_range(mapping->file, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
    return STRATA_OK;
}

/* --- a disk that fails while it is read ------------------------------------------------- */

/* A plain pointer cannot return an error: the system sends SIGBUS instead.  What can be said and done in
 * a signal handler is one sentence and to leave; what was computed is in the last checkpoint. */
static void say_and_leave(int number, siginfo_t *info, void *context)
{
    static const char sentence[] =
        "strata: the disk with the matrix's file (in the output directory or TMPDIR) fails; once it is "
        "sound, run the same command again: it goes on from the last checkpoint\n";
    (void)number, (void)context;
    if (info->si_code == BUS_ADRERR) {
        (void)!write(STDERR_FILENO, sentence, sizeof sentence - 1);
        _exit(EX_IOERR);
    }
    (void)signal(SIGBUS, SIG_DFL); /* not of a file: happens again, and ends as ever */
}

static void watch_disk(void)
{
    struct sigaction action = {.sa_sigaction = say_and_leave, .sa_flags = SA_SIGINFO | SA_NODEFER};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, NULL); /* cannot fail: the number is right */
}

strata_status strata_mapping_open(struct strata_mapping *mapping, uint64_t memory_bytes,
                                  uint64_t cache_bytes, struct strata_err *err)
{
    void *bytes = mmap(NULL, mapping->n_bytes, PROT_READ, MAP_SHARED, mapping->file, 0);
    if (bytes == MAP_FAILED)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "mapping the matrix's file: %s", strerror(errno));
    (void)madvise(bytes, mapping->n_bytes, MADV_SEQUENTIAL); /* hints: read far ahead */
    (void)posix_fadvise(mapping->file, 0, 0, POSIX_FADV_SEQUENTIAL);
    watch_disk();
    mapping->bytes = bytes;
    mapping->kept_chunks = (size_t)(memory_bytes / STRATA_MAPPING_CHUNK);
    if (mapping->kept_chunks > mapping->n_chunks) mapping->kept_chunks = mapping->n_chunks;
    mapping->drops_cache = mapping->n_bytes > cache_bytes;
    return STRATA_OK;
}

void strata_mapping_close(struct strata_mapping *mapping)
{
    union {
        const unsigned char *read;
        void *any;
    } same = {.read = mapping->bytes};
    if (mapping->n_bytes == 0) return;
    if (mapping->bytes) (void)munmap(same.any, mapping->n_bytes);
    if (mapping->file >= 0) (void)close(mapping->file); /* its last name is gone: so is it */
    *mapping = (struct strata_mapping){.file = -1};
}

/* --- reading in order ------------------------------------------------------------------ */

/* Whether a chunk stays: kept ones lie evenly among the others, so that every thread's share has as many. */
static bool is_kept(const struct strata_mapping *mapping, size_t chunk)
{
    const size_t kept = mapping->kept_chunks, n = mapping->n_chunks;
    return (chunk + 1) * kept / n != chunk * kept / n;
}

/* Addresses of [offset, end), which are the reader's alone to read. */
static void *address_of(const struct strata_mapping *mapping, size_t offset)
{
    union {
        const unsigned char *read;
        void *any;
    } same = {.read = mapping->bytes + offset};
    return same.any;
}

/* The system reads ahead by itself behind whoever goes in order, in large pieces; asking it for pieces
 * brings small pages and costs three times as much.  A hint: without it pages come one by one. */
static void bring(const struct strata_mapping *mapping, size_t offset, size_t n)
{
#ifdef MADV_POPULATE_READ
    const size_t from = offset & ~(PAGE_BYTES - 1);
    (void)madvise(address_of(mapping, from), offset + n - from, MADV_POPULATE_READ);
#else
    (void)mapping, (void)offset, (void)n;
#endif
}

static void let_go(const struct strata_mapping *mapping, size_t chunk)
{
    if (is_kept(mapping, chunk)) return;
    const size_t offset = chunk * STRATA_MAPPING_CHUNK, left = mapping->n_bytes - offset;
    const size_t n = left < STRATA_MAPPING_CHUNK ? left : STRATA_MAPPING_CHUNK;
    (void)madvise(address_of(mapping, offset), n, MADV_DONTNEED);
    if (mapping->drops_cache)
        (void)posix_fadvise(mapping->file, (off_t)offset, (off_t)n, POSIX_FADV_DONTNEED);
}

void strata_mapping_ahead(const struct strata_mapping *mapping, size_t offset, size_t n)
{
    const size_t behind = offset / STRATA_MAPPING_CHUNK; /* whole chunks before this place */
    const size_t before = offset > n ? (offset - n) / STRATA_MAPPING_CHUNK : 0; /* one block ago */
    bring(mapping, offset, n);
    for (size_t chunk = before; chunk < behind; chunk++) let_go(mapping, chunk);
}

void strata_mapping_jump(const struct strata_mapping *mapping, size_t from, size_t to)
{
    const size_t chunk = from / STRATA_MAPPING_CHUNK;
    if (to / STRATA_MAPPING_CHUNK != chunk) let_go(mapping, chunk);
}
