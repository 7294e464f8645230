/* Files that appear whole or not at all: write to a temporary name beside the target, fsync, rename, fsync of the
 * directory (invariant I4). */
#ifndef STRATA_FILE_H
#define STRATA_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "strata/arena.h"
#include "strata/status.h"

/* Write bytes to path, whole.  Not collective.  Mode 0644 unless private, then 0600.
 * Fails with STRATA_E_CREATE or STRATA_E_IO; then the old file, if any, is untouched and no temporary remains. */
STRATA_MUST_CHECK strata_status strata_file_write(const char *path, const void *bytes,
                                                  size_t n_bytes, bool private_mode,
                                                  struct strata_err *err);

/* Some bytes of a file. */
struct strata_piece {
    const void *bytes;
    size_t n_bytes;
};

/* A new file at path itself, the pieces one after the other, durable on return but for its name.  For files that are
 * put in place with strata_file_place.  Mode as above; no memory, any thread.  Fails as above, and then no file is there. */
STRATA_MUST_CHECK strata_status strata_file_make(const char *path, const struct strata_piece *piece,
                                                 size_t n_pieces, bool private_mode,
                                                 struct strata_err *err);

/* Give a durable file another name, which must be free: one call that never replaces.  The name is durable after
 * strata_directory_sync of its folder.  STRATA_E_CREATE when the name is taken, else STRATA_E_IO; nothing is done then. */
STRATA_MUST_CHECK strata_status strata_file_place(const char *from, const char *to,
                                                  struct strata_err *err);

/* The same for a name that may be taken: what had it is gone.  STRATA_E_IO. */
STRATA_MUST_CHECK strata_status strata_file_move(const char *from, const char *to,
                                                 struct strata_err *err);

/* Make the names in a directory durable.  STRATA_E_IO. */
STRATA_MUST_CHECK strata_status strata_directory_sync(const char *path, struct strata_err *err);

/* For writers that want a path of their own (DuckDB): the temporary name to write to, then commit or drop it.
 * The name is a function of path and process, in the same directory. */
char *strata_file_temporary(const char *path, struct strata_arena *keep);
STRATA_MUST_CHECK strata_status strata_file_commit(const char *temporary, const char *path,
                                                   struct strata_err *err);
void strata_file_drop(const char *temporary);

/* The whole file in keep, NUL-terminated, at most limit_bytes.  STRATA_E_NO_INPUT when it is not there. */
STRATA_MUST_CHECK strata_status strata_file_read(const char *path, size_t limit_bytes,
                                                 struct strata_arena *keep, char **bytes,
                                                 size_t *n_bytes, struct strata_err *err);

/* Make a directory and its missing parents; fine when it is there already. */
STRATA_MUST_CHECK strata_status strata_directory_make(const char *path, struct strata_err *err);

/* Make one directory of mode 0700 in one that is there; *made: it was not there yet.  STRATA_E_CREATE. */
STRATA_MUST_CHECK strata_status strata_directory_make_private(const char *path, bool *made,
                                                              struct strata_err *err);

/* Remove a directory and everything in it; fine when it is not there.  Follows no symbolic links. */
STRATA_MUST_CHECK strata_status strata_directory_remove(const char *path, struct strata_err *err);

/* directory + "/" + name, or name itself when it is absolute or directory is empty. */
char *strata_path_join(const char *directory, const char *name, struct strata_arena *keep);

#endif
