/* An array that is too large for memory lives in a file without a name: written once, piece by piece,
 * then read in order through a plain pointer while the system reads ahead.  Nothing is left
 * of it when the process ends, however it ends. */
#ifndef STRATA_MAPPING_H
#define STRATA_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/status.h"

#define STRATA_MAPPING_CHUNK ((size_t)4 << 20) /* bytes kept or let go as one */

struct strata_mapping {
    const unsigned char *bytes; /* (n_bytes), read-only; NULL until strata_mapping_open */
    size_t n_bytes;
    size_t kept_chunks; /* chunks that stay in memory between passes, spread evenly over the file */
    size_t n_chunks;
    bool drops_cache; /* the system cannot cache the file either: what is behind is forgotten at once */
    int file;         /* -1 when there is none */
};

/* How much a file system has for us: false when directory is not there, or is memory itself (tmpfs). */
bool strata_mapping_room(const char *directory, uint64_t *n_bytes);

/* Make the file, of mode 0600, in the first of the directories (NULL ones are passed over) that is on a
 * disk with room for n_bytes, and reserve them, so that writing cannot run out of room.  *where receives
 * the directory.  Not collective.  STRATA_E_CREATE with each directory's trouble when none will do. */
STRATA_MUST_CHECK strata_status strata_mapping_make(const char *const *directory,
                                                    size_t n_directories, size_t n_bytes,
                                                    struct strata_mapping *out, const char **where,
                                                    struct strata_err *err);

/* Put n bytes at offset; different threads may write different places.  STRATA_E_IO. */
STRATA_MUST_CHECK strata_status strata_mapping_write(const struct strata_mapping *mapping,
                                                     size_t offset, const void *bytes, size_t n,
                                                     struct strata_err *err);

/* The whole file for reading.  memory_bytes of it may stay in this process's memory between passes;
 * cache_bytes is what the system can cache of it.  When the disk fails later, one sentence on standard error
 * ends the process with 74 (the only use of SIGBUS in it). */
STRATA_MUST_CHECK strata_status strata_mapping_open(struct strata_mapping *mapping,
                                                    uint64_t memory_bytes, uint64_t cache_bytes,
                                                    struct strata_err *err);

/* The caller is about to read n bytes at offset and goes on upwards from there in blocks of n: they come
 * to memory at once while the system reads on, and chunks that are behind are let go unless they are kept.
 * Threads may read different places.  Cannot fail; reading without asking is right, only slow.  A system
 * call a block. */
void strata_mapping_ahead(const struct strata_mapping *mapping, size_t offset, size_t n);

/* For who picks places here and there: after the one at `from` comes the one at `to`, which may be beyond
 * the end.  A chunk that is left is let go unless it is kept. */
void strata_mapping_jump(const struct strata_mapping *mapping, size_t from, size_t to);

/* Give everything back.  Accepts a zeroed mapping. */
void strata_mapping_close(struct strata_mapping *mapping);

#endif
