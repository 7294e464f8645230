/* The first record of a CSV file: its fields, and where the data begin. */
#ifndef STRATA_CSV_HEAD_H
#define STRATA_CSV_HEAD_H

#include "ingest_impl.h"

struct csv_head {
    const char **field; /* (n_fields) unquoted, in keep */
    size_t n_fields;
    uint64_t start; /* first byte after a byte-order mark */
    uint64_t end;   /* first byte after the record */
    uint64_t lines; /* line ends in it */
};

/* Fails with STRATA_E_DATA when the record does not end within 1 MiB or has more than
 * STRATA_MAX_COLUMNS fields. */
STRATA_MUST_CHECK strata_status csv_head_read(const char *path, const struct ingest_dialect *dialect,
                                              struct strata_arena *keep, struct csv_head *head,
                                              struct strata_err *err);

#endif
