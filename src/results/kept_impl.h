/* The kept table's files.
 *
 * RUN/table/index                sealed sections (checkpoint_format.h): what the table is, and its parts
 * RUN/table/AAAAAA-FFFF.part     the rows of the partitions from FFFF on, as a rank of attempt AAAAAA had them:
 *
 *   head        64 bytes, with a checksum of its own, which the index repeats
 *   partitions  one entry each: rows, bytes of keys, checksum of all that the part has of it
 *   keys        of all rows, each ended by NUL
 *   columns     each: whether present (1 byte a row), then numbers (8 bytes) or codes of levels (4 bytes)
 *
 * Rows are in the table's order, so that the rows of some partitions in sequence are one piece of each array. */
#ifndef STRATA_KEPT_IMPL_H
#define STRATA_KEPT_IMPL_H

#include "strata/kept.h"

#define KEPT_FOLDER "table"
#define KEPT_INDEX "table/index"
#define KEPT_NAME_BYTES 64
#define KEPT_SCRATCH_BYTES ((size_t)64 << 30) /* addresses, not memory */

struct kept_head {
    char magic[8];
    uint32_t version;
    uint32_t attempt;
    uint64_t fingerprint;
    uint64_t n_rows;
    uint32_t first, end; /* partitions */
    uint64_t key_bytes;
    uint64_t partitions_checksum;
    uint64_t checksum; /* of what is before */
};
_Static_assert(sizeof(struct kept_head) == 64, "as the format says");

struct kept_partition {
    uint64_t n_rows;
    uint64_t key_bytes;
    uint64_t checksum; /* of its keys, then of its piece of each array */
};

/* A part as the index lists it. */
struct kept_part {
    uint32_t first, end;
    uint64_t checksum; /* its head's */
};

/* The index: what is the same for all parts. */
struct kept_index {
    uint32_t attempt;
    uint64_t fingerprint;
    uint64_t n_rows_global;
    const struct kept_part *part; /* (n_parts) by partition, without gaps */
    size_t n_parts;
    struct strata_table table; /* columns with names, kinds and levels; no rows */
};

/* "table/AAAAAA-FFFF.part". */
void kept_part_name(uint32_t attempt, uint32_t first, char name[KEPT_NAME_BYTES]);

/* Write this rank's part and put it in place.  Not collective. */
STRATA_MUST_CHECK strata_status kept_part_write(const struct strata_attempt *attempt,
                                                uint64_t fingerprint, uint32_t first, uint32_t end,
                                                const struct strata_table *table,
                                                struct kept_part *out, struct strata_err *err);

/* The rows of partitions [first, end) from the parts that have them, into keep.  Not collective.
 * STRATA_E_DATA and others: file and partition are named.  STRATA_E_MEMORY. */
STRATA_MUST_CHECK strata_status kept_parts_read(const char *directory,
                                                const struct kept_index *index, uint32_t first,
                                                uint32_t end, struct strata_arena *keep,
                                                struct strata_table *out, struct strata_err *err);

/* Write the index and put it in place: the table is kept from then on.  Rank 0 only. */
STRATA_MUST_CHECK strata_status kept_index_write(const struct strata_attempt *attempt,
                                                 uint64_t fingerprint, const struct kept_part *part,
                                                 size_t n_parts, const struct strata_table *table,
                                                 const struct strata_quality *quality,
                                                 struct strata_err *err);

/* The index from a file's bytes (aligned to 64), which it points into; what else it needs is in keep.
 * quality is filled as strata_table_recall says.  STRATA_E_DATA, also when other versions have kept it;
 * STRATA_E_MEMORY. */
STRATA_MUST_CHECK strata_status kept_index_parse(const char *path, const void *bytes, size_t n_bytes,
                                                 struct strata_arena *keep, struct kept_index *out,
                                                 struct strata_quality *quality,
                                                 struct strata_err *err);

#endif
