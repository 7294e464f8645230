/* The state of a run on disk: named sections with checksums under one seal, in RUN/checkpoints/, a file a
 * generation.  What is written is whole or not there; what is damaged is named, and the generation before
 * it is used. */
#ifndef STRATA_CHECKPOINT_H
#define STRATA_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/attempt.h"
#include "strata/status.h"

#define STRATA_CHECKPOINT_SECTIONS_MAX 256
#define STRATA_SECTION_NAME_MAX 47 /* letters of a name: no NUL, not empty, each name once */
#define STRATA_CHECKPOINT_BYTES_MAX ((size_t)1 << 31) /* of one file */

/* Some bytes under a name; their meaning is the writer's. */
struct strata_section {
    const char *name;
    const void *bytes; /* aligned to 64 bytes after reading; NULL when n_bytes is 0 */
    size_t n_bytes;
};

/* One generation as it was read. */
struct strata_checkpoint {
    uint32_t attempt;    /* that wrote it */
    uint64_t generation; /* from 1, rising within and across attempts */
    const char *path;
    struct strata_section *section; /* (n_sections) in the order of writing */
    size_t n_sections;
    const char **damage; /* (n_damage) a sentence for each newer file that could not be used: file and section */
    size_t n_damage;
};

/* Write the sections as a new file of this generation, mode 0600: write, fsync, rename that never replaces,
 * fsync of the folder; then remove all but this and the newest whole one before it.  The generation is above
 * that of every checkpoint read or tried before by this attempt, also when writing that failed.
 * Not collective; for any one thread at a time: takes no memory from the caller, calls no MPI, and leaves no
 * file behind when it fails.  The sections must not change meanwhile.  O(bytes) time.
 * STRATA_E_IO, _CREATE: what was there before is untouched.  STRATA_E_UNAVAILABLE: a later attempt has taken over; end the run.
 * STRATA_E_DATA: too many sections or bytes, or an unfit name. */
STRATA_MUST_CHECK strata_status strata_checkpoint_write(const struct strata_attempt *attempt,
                                                        uint64_t generation,
                                                        const struct strata_section *section,
                                                        size_t n_sections, struct strata_err *err);

/* Read the newest whole checkpoint of a run directory into keep: newest by attempt, then generation.
 * Changes no file.  Not collective; rank 0 reads and hands it on.
 * STRATA_E_NO_INPUT when there is none; STRATA_E_DATA when there are some and none is whole: the sentence names
 * file and section of the newest, out->damage all.  STRATA_E_UNAVAILABLE when the newest is of a newer program. */
STRATA_MUST_CHECK strata_status strata_checkpoint_read(const char *directory,
                                                       struct strata_arena *keep,
                                                       struct strata_checkpoint *out,
                                                       struct strata_err *err);

/* The section of that name, or NULL. */
const struct strata_section *strata_checkpoint_section(const struct strata_checkpoint *checkpoint,
                                                       const char *name);

/* The sections of a checkpoint file's bytes (aligned to 64), which they point into; path is for messages.
 * Pure: any bytes are safe.  STRATA_E_DATA naming file and section. */
STRATA_MUST_CHECK strata_status strata_checkpoint_parse(const char *path, const void *bytes,
                                                        size_t n_bytes, struct strata_arena *keep,
                                                        struct strata_checkpoint *out,
                                                        struct strata_err *err);

/* Remove all checkpoints, for a run that begins anew or is done.  STRATA_E_UNAVAILABLE as above. */
STRATA_MUST_CHECK strata_status strata_checkpoint_remove(const struct strata_attempt *attempt,
                                                         struct strata_err *err);

#endif
