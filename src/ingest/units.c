/* Read units: what one rank reads in one go.  Nothing may depend on how they are made or who
 * reads them. */
#include <stdlib.h>
#include <string.h>

#include "ingest_impl.h"

/* One unit of about unit_bytes a stretch of row groups. */
STRATA_MUST_CHECK static strata_status parquet_units(struct strata_duck *duck,
                                                     struct ingest_detail *detail,
                                                     struct ingest_unit like,
                                                     struct strata_arena scratch,
                                                     struct strata_err *err)
{
    const struct ingest_file *file = &detail->source[like.source].file[like.file];
    const char *path = strata_duck_literal(file->path, &scratch);
    struct strata_duck_cursor cursor;
    STRATA_TRY(strata_duck_query(
        duck, &cursor, err,
        "SELECT any_value(row_group_num_rows)::BIGINT, sum(total_compressed_size)::BIGINT "
        "FROM parquet_metadata(%s) GROUP BY row_group_id ORDER BY row_group_id",
        path ? path : "''"));
    bool more = true;
    strata_status rc = strata_duck_next(&cursor, &more, err);
    struct ingest_unit unit = like;
    for (; rc == STRATA_OK && more; rc = strata_duck_next(&cursor, &more, err)) {
        for (size_t row = 0; row < cursor.n_rows; row++) {
            unit.end += (uint64_t)((const int64_t *)strata_duck_values(&cursor, 0))[row];
            unit.bytes += (uint64_t)((const int64_t *)strata_duck_values(&cursor, 1))[row];
            if (unit.bytes < detail->limits.unit_bytes) continue;
            detail->unit[detail->n_units++] = unit;
            unit.first = unit.end;
            unit.bytes = 0;
        }
    }
    strata_duck_cursor_finish(&cursor);
    if (unit.end > unit.first) detail->unit[detail->n_units++] = unit;
    return rc;
}

/* A cut needs quotes that come in pairs: a doubled quote inside a quoted field, or no quotes at
 * all. */
static bool can_cut(const struct ingest_dialect *dialect)
{
    return strlen(dialect->delimiter) == 1 && strcmp(dialect->quote, dialect->escape) == 0;
}

static void csv_units(struct ingest_detail *detail, struct ingest_unit like)
{
    const struct ingest_source *source = &detail->source[like.source];
    const struct ingest_file *file = &source->file[like.file];
    like.first = file->data_begin;
    like.end = file->bytes;
    like.bytes = file->bytes - file->data_begin;
    like.line = 1 + file->header_lines;
    like.whole = source->direct;
    if (source->direct || !can_cut(&source->dialect) || like.bytes <= detail->limits.unit_bytes) {
        detail->unit[detail->n_units++] = like;
        return;
    }
    like.stripe = true;
    for (uint64_t at = file->data_begin; at < file->bytes; at += detail->limits.unit_bytes) {
        like.first = at;
        like.end = at + detail->limits.unit_bytes < file->bytes ? at + detail->limits.unit_bytes
                                                                : file->bytes;
        like.bytes = like.end - like.first;
        detail->unit[detail->n_units++] = like;
    }
}

static void whole_unit(struct ingest_detail *detail, struct ingest_unit like)
{
    like.whole = true;
    like.bytes = detail->source[like.source].file[like.file].bytes;
    like.line = 1;
    detail->unit[detail->n_units++] = like;
}

/* No unit is smaller than unit_bytes, but for one a file. */
static size_t most_units(const struct ingest_detail *detail)
{
    size_t n = 0;
    for (size_t s = 0; s < detail->n_sources; s++)
        for (size_t f = 0; f < detail->source[s].n_files; f++)
            n += 2 + (size_t)(detail->source[s].file[f].bytes / detail->limits.unit_bytes);
    return n;
}

strata_status ingest_units(struct strata_duck *duck, struct ingest_detail *detail,
                           struct strata_arena *keep, struct strata_err *err)
{
    detail->unit = STRATA_NEW(keep, struct ingest_unit, most_units(detail) + 1);
    if (!detail->unit) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the read units");
    for (size_t s = 0; s < detail->n_sources; s++) {
        const struct ingest_source *source = &detail->source[s];
        for (size_t f = 0; f < source->n_files; f++) {
            const struct ingest_unit like = {.source = (uint32_t)s, .file = (uint32_t)f};
            detail->data_bytes += source->file[f].bytes;
            switch (source->config->format) {
            case STRATA_FORMAT_PARQUET:
                STRATA_TRY(parquet_units(duck, detail, like, *keep, err));
                break;
            case STRATA_FORMAT_CSV:
                csv_units(detail, like);
                break;
            case STRATA_FORMAT_JSON:
                whole_unit(detail, like);
                break;
            }
        }
    }
    return STRATA_OK;
}

struct by_size {
    uint64_t bytes;
    size_t unit;
};

static int larger_first(const void *a, const void *b)
{
    const struct by_size *x = a;
    const struct by_size *y = b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* The largest unit left goes to the rank with the least to read, lowest rank on ties. */
bool ingest_units_assign(struct ingest_unit *unit, size_t n_units,
                         const struct ingest_detail *detail, const struct strata_config *config,
                         int n_ranks, struct strata_arena scratch)
{
    struct by_size *order = STRATA_NEW(&scratch, struct by_size, n_units + 1);
    uint64_t *load = STRATA_NEW(&scratch, uint64_t, (size_t)n_ranks);
    for (size_t i = 0; i < n_units; i++) unit[i].rank = 0;
    if (!order || !load) return false;
    if (config->reader == STRATA_READER_COORDINATOR) return true;
    for (size_t i = 0; i < n_units; i++) order[i] = (struct by_size){unit[i].bytes, i};
    qsort(order, n_units, sizeof *order, larger_first);
    for (size_t i = 0; i < n_units; i++) {
        struct ingest_unit *next = &unit[order[i].unit];
        if (detail->source[next->source].config->lookup)
            continue; /* rank 0 reads lookups for all */
        int least = 0;
        for (int rank = 1; rank < n_ranks; rank++)
            if (load[rank] < load[least]) least = rank;
        next->rank = least;
        load[least] += next->bytes;
    }
    return true;
}
