/* A checkpoint file, numbers little-endian:
 *
 *   head      64 bytes, with a checksum of its own: any program can tell a newer format from damage
 *   sections  one entry of 64 bytes each: name, length, checksum
 *   bytes     of each section, filled with zeros to a multiple of 64
 *   seal      16 bytes: the mark of a whole file, and the checksum of everything before it
 *
 * Checksums are XXH3 of 64 bits. */
#ifndef STRATA_CHECKPOINT_FORMAT_H
#define STRATA_CHECKPOINT_FORMAT_H

#include <stdint.h>

#include "strata/checkpoint.h"

#define CHECKPOINT_MAGIC "StrataCk"
#define CHECKPOINT_MARK "whole ck"
#define CHECKPOINT_VERSION 1u
#define CHECKPOINT_ALIGNMENT 64u

struct checkpoint_head {
    char magic[8];
    uint32_t version;
    uint32_t attempt;
    uint64_t generation;
    uint64_t n_bytes; /* of the whole file */
    uint32_t n_sections;
    uint32_t zero[5];
    uint64_t checksum; /* of what is before */
};
_Static_assert(sizeof(struct checkpoint_head) == 64, "as the format says");

struct checkpoint_entry {
    char name[STRATA_SECTION_NAME_MAX + 1]; /* filled with NUL */
    uint64_t n_bytes;
    uint64_t checksum; /* of the bytes, seeded with that of name and length */
};
_Static_assert(sizeof(struct checkpoint_entry) == 64, "as the format says");

struct checkpoint_seal {
    char mark[8];
    uint64_t checksum;
};
_Static_assert(sizeof(struct checkpoint_seal) == 16, "as the format says");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little-endian");

/* Zeros after n_bytes of a section. */
static inline size_t checkpoint_fill(size_t n_bytes)
{
    return (size_t)(-n_bytes & (CHECKPOINT_ALIGNMENT - 1));
}

/* Such a file of sections that strata_checkpoint_write would take, at `path`, durable but for its name.  STRATA_E_DATA
 * when it would not take them. */
STRATA_MUST_CHECK strata_status checkpoint_file_make(const char *path, uint32_t attempt,
                                                     uint64_t generation,
                                                     const struct strata_section *section,
                                                     size_t n_sections, struct strata_err *err);

/* What entry->checksum should be. */
uint64_t checkpoint_entry_checksum(const struct checkpoint_entry *entry, const void *bytes);

#endif
