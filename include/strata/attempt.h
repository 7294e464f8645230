/* Every start of a run on a run directory is an attempt with a number of its own.  What goes into the run
 * directory comes from the attempt's tray, and what goes away goes there, each by one rename: the next
 * attempt removes the tray first of all, so that an older one that still lives can change nothing any more. */
#ifndef STRATA_ATTEMPT_H
#define STRATA_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/status.h"

#define STRATA_ATTEMPT_PATH_MAX 4096

struct strata_attempt {
    uint32_t number;                         /* from 1; never given twice in one run directory */
    char directory[STRATA_ATTEMPT_PATH_MAX]; /* the run directory */
    char tray[STRATA_ATTEMPT_PATH_MAX];      /* DIRECTORY/.attempts/NNNNNN.tray: ours to write to */
};

/* Take the next number of the run directory (exists) by creating a file that must not be there yet, and
 * remove the trays of all attempts before.  Rank 0 only.  STRATA_E_UNAVAILABLE when a later attempt has
 * begun meanwhile; STRATA_E_CREATE, STRATA_E_IO. */
STRATA_MUST_CHECK strata_status strata_attempt_begin(const char *directory,
                                                     struct strata_attempt *out,
                                                     struct strata_err *err);

/* The attempt of that number as other ranks see it: makes and reads nothing.  STRATA_E_CREATE when the path
 * is too long. */
STRATA_MUST_CHECK strata_status strata_attempt_join(const char *directory, uint32_t number,
                                                    struct strata_attempt *out,
                                                    struct strata_err *err);

/* Put TRAY/made in place as DIRECTORY/name, which must not be there: one rename that never replaces.
 * The file's bytes must be durable already (strata_file_make, strata_file_write); its name is after
 * strata_directory_sync of its folder.  STRATA_E_CREATE when the name is taken.
 * Not collective; any thread.  STRATA_E_UNAVAILABLE when a later attempt has taken the run directory
 * over: end the run, and do not try again. */
STRATA_MUST_CHECK strata_status strata_attempt_place(const struct strata_attempt *attempt,
                                                     const char *made, const char *name,
                                                     struct strata_err *err);

/* The same for a name that may be taken: what had it is gone.  For files that say how things are now. */
STRATA_MUST_CHECK strata_status strata_attempt_replace(const struct strata_attempt *attempt,
                                                       const char *made, const char *name,
                                                       struct strata_err *err);

/* Take DIRECTORY/name away: one rename into the tray, where it is removed.  What is not there is no
 * error.
 * Not collective; any thread.  STRATA_E_UNAVAILABLE as above. */
STRATA_MUST_CHECK strata_status strata_attempt_withdraw(const struct strata_attempt *attempt,
                                                        const char *name, struct strata_err *err);

/* FOLDER/name into path.  STRATA_E_CREATE when it is too long. */
STRATA_MUST_CHECK strata_status strata_attempt_path(const char *folder, const char *name,
                                                    char path[STRATA_ATTEMPT_PATH_MAX],
                                                    struct strata_err *err);

/* What a failure to write to the tray really was: err receives `status` with the sentence of `seen`, or
 * STRATA_E_UNAVAILABLE when the tray is gone.  Returns it.  For after a failure, never to ask before acting. */
strata_status strata_attempt_failed(const struct strata_attempt *attempt, strata_status status,
                                    const struct strata_err *seen, struct strata_err *err);

/* Remove the tray and what is left in it, so that no late rank of this attempt can change the directory
 * either.  The number stays taken.  Rank 0 only, at the end of the run, however it ends.  False when a later
 * attempt has removed it: the directory is that one's, and nothing in it may be touched. */
bool strata_attempt_end(const struct strata_attempt *attempt);

/* This rank's own folder for temporary files, of mode 0700, under `base` (NULL: $TMPDIR or /tmp); those that earlier
 * attempts at this run directory left there, and in /tmp, on this host are removed.  Not collective. */
STRATA_MUST_CHECK strata_status strata_attempt_temporary(const struct strata_attempt *attempt,
                                                         const char *base, int rank, char *path,
                                                         size_t path_bytes, struct strata_err *err);

#endif
