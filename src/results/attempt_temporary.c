/* Each rank's folder for temporary files, and what dead attempts have left on its host.  The folder's name says
 * whose it is: strata-DIRECTORY-ATTEMPT-RANK-XXXXXX, DIRECTORY a hash of the run directory's path.  In it lies
 * a list of the segments of shared memory (of the MPI library) that its process had mapped. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/attempt.h"
#include "strata/file.h"
#include "strata/hash.h"

#define EVERYWHERE "/tmp"
#define SEGMENTS "/dev/shm/"
#define SEGMENTS_MAX 65536 /* looked at in one list */

/* The path in a line of a list or of /proc/self/maps that is of a segment, or NULL. */
static const char *segment_in(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *path = strstr(line, SEGMENTS);
    if (!path || strstr(path, "..") || strstr(path, " (deleted)")) return NULL;
    return path;
}

static bool is_ours(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == geteuid();
}

/* Cannot fail: a segment that is not listed stays until the host's next start. */
static void list_segments(const char *folder)
{
    char name[STRATA_ATTEMPT_PATH_MAX], line[STRATA_ATTEMPT_PATH_MAX];
    const int length = snprintf(name, sizeof name, "%s/segments", folder);
    FILE *maps = fopen("/proc/self/maps", "re");
    FILE *out = length > 0 && (size_t)length < sizeof name ? fopen(name, "wxe") : NULL;
    for (int i = 0; maps && out && i < SEGMENTS_MAX && fgets(line, sizeof line, maps); i++) {
        const char *path = segment_in(line);
        if (path) (void)fprintf(out, "%s\n", path);
    }
    if (out) (void)fclose(out);
    if (maps) (void)fclose(maps);
}

static void remove_segments(const char *folder)
{
    char name[STRATA_ATTEMPT_PATH_MAX], line[STRATA_ATTEMPT_PATH_MAX];
    const int length = snprintf(name, sizeof name, "%s/segments", folder);
    const bool fits = length > 0 && (size_t)length < sizeof name;
    FILE *in = fits && is_ours(name) ? fopen(name, "re") : NULL;
    if (!in) return;
    for (int i = 0; i < SEGMENTS_MAX && fgets(line, sizeof line, in); i++) {
        const char *path = segment_in(line);
        if (path && is_ours(path)) (void)unlink(path);
    }
    (void)fclose(in);
}

static void remove_folder(const char *path)
{
    struct stat facts;
    struct strata_err ignored = {0}; /* another rank of this host may remove it too */
    if (lstat(path, &facts) != 0 || !S_ISDIR(facts.st_mode) || facts.st_uid != geteuid()) return;
    remove_segments(path);
    const strata_status status = strata_directory_remove(path, &ignored);
    (void)status;
}

/* Folders of attempts before `number`. */
static void sweep(const char *base, const char *prefix, uint32_t number)
{
    DIR *entries = opendir(base);
    if (!entries) return; /* making our own will tell */
    for (struct dirent *entry; (entry = readdir(entries));) {
        char path[STRATA_ATTEMPT_PATH_MAX];
        const size_t length = strlen(prefix);
        if (strncmp(entry->d_name, prefix, length) != 0) continue;
        const unsigned long other = strtoul(entry->d_name + length, NULL, 10);
        if (other == 0 || other >= number) continue;
        const int n = snprintf(path, sizeof path, "%s/%s", base, entry->d_name);
        if (n > 0 && (size_t)n < sizeof path) remove_folder(path);
    }
    (void)closedir(entries);
}

strata_status strata_attempt_temporary(const struct strata_attempt *attempt, const char *base,
                                       int rank, char *path, size_t path_bytes,
                                       struct strata_err *err)
{
    char prefix[64];
    const char *said = getenv("TMPDIR");
    if (!base) base = said && *said ? said : EVERYWHERE;
    (void)snprintf(prefix, sizeof prefix, "strata-%016" PRIx64 "-",
                   strata_hash(attempt->directory, strlen(attempt->directory)));
    sweep(base, prefix, attempt->number);
    if (strcmp(base, EVERYWHERE) != 0) sweep(EVERYWHERE, prefix, attempt->number);
    const int length =
        snprintf(path, path_bytes, "%s/%s%06u-%d-XXXXXX", base, prefix, attempt->number, rank);
    if (length < 0 || (size_t)length >= path_bytes || !mkdtemp(path)) {
        path[0] = '\0';
        return STRATA_FAIL(err, STRATA_E_CREATE, "cannot make a temporary directory under %s: %s",
                           base, strerror(errno));
    }
    list_segments(path);
    return STRATA_OK;
}
