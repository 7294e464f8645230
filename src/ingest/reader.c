#include "reader.h"

#include <stdio.h>
#include <string.h>

#include "strata/hash.h"

static const struct ingest_source *source_of(const struct reader *reader)
{
    return &reader->detail->source[reader->source];
}

static const struct ingest_file *file_of(const struct reader *reader)
{
    return &source_of(reader)->file[reader->unit->file];
}

static bool uses_pipe(const struct reader *reader)
{
    return source_of(reader)->config->format == STRATA_FORMAT_CSV && !reader->unit->whole;
}

/* DuckDB's sentence with the file in front. */
static strata_status name_file(const struct reader *reader, strata_status rc,
                               const struct strata_err *fault, struct strata_err *err)
{
    if (rc == STRATA_OK) return rc;
    const strata_status code = rc == STRATA_E_CONFIG ? STRATA_E_DATA : rc;
    return STRATA_FAIL(err, code, "source \"%s\": %s: %s", source_of(reader)->config->name,
                       file_of(reader)->path, fault->text);
}

struct csv_lines reader_lines(const struct reader *reader)
{
    const struct ingest_dialect *dialect = &source_of(reader)->dialect;
    return csv_lines_begin(dialect->delimiter, dialect->quote, dialect->escape);
}

STRATA_MUST_CHECK static strata_status open_unit(struct reader *reader, struct strata_err *err)
{
    struct strata_arena scratch = *reader->keep;
    struct strata_err fault = {0};
    char *sql = NULL;
    reader->row = 0;
    reader->record = 0;
    if (uses_pipe(reader))
        STRATA_TRY(csv_feed_start(&reader->feed, file_of(reader)->path, reader->unit->first,
                                  reader->unit->end, reader_lines(reader), err));
    STRATA_TRY(reader_sql(reader, &scratch, &sql, err));
    return name_file(reader, strata_duck_query(reader->duck, &reader->cursor, &fault, "%s", sql),
                     &fault, err);
}

STRATA_MUST_CHECK static strata_status close_unit(struct reader *reader, struct strata_err *err)
{
    strata_duck_cursor_finish(&reader->cursor);
    STRATA_TRY(csv_feed_finish(&reader->feed, file_of(reader)->path, err));
    if (source_of(reader)->config->format == STRATA_FORMAT_CSV)
        STRATA_TRY(reader_csv_rejects(reader, err));
    reader->bytes_done += reader->unit->bytes;
    reader->unit = NULL;
    return STRATA_OK;
}

void reader_finish(struct reader *reader)
{
    struct strata_err ignored = {0};
    strata_duck_cursor_finish(&reader->cursor);
    if (reader->unit && csv_feed_finish(&reader->feed, "", &ignored) != STRATA_OK)
        reader->unit = NULL;
    reader->unit = NULL;
}

/* The next unit of this source that is this rank's and not empty. */
static bool find_unit(struct reader *reader)
{
    while (reader->next_unit < reader->detail->n_units) {
        const struct ingest_unit *unit = &reader->detail->unit[reader->next_unit++];
        if (unit->source != reader->source || unit->rank != reader->rank) continue;
        if (!unit->whole && unit->first >= unit->end) continue;
        reader->unit = unit;
        return true;
    }
    return false;
}

enum key_state { KEY_GOOD, KEY_NULL, KEY_INVALID };

static enum key_state key_state(const struct reader *reader, const char **key, size_t *length)
{
    const struct strata_duck_cursor *cursor = &reader->cursor;
    const size_t column = READER_FIELDS + reader->layout->key;
    const int32_t state =
        ((const int32_t *)strata_duck_values(cursor, READER_KEY_STATE))[reader->row];
    if (state != KEY_GOOD) return (enum key_state)state;
    *key = strata_duck_text(cursor, column, reader->row, length);
    const bool odd = *length > INGEST_KEY_BYTES_MAX || memchr(*key, '\0', *length);
    return odd ? KEY_INVALID : KEY_GOOD;
}

/* The bucket of the row's owner, or -1 when the row has no usable key, which is counted. */
static int find_bucket(struct reader *reader)
{
    if (reader->layout->key == reader->layout->n_fields) return 0;
    const char *key = NULL;
    size_t length = 0;
    const enum key_state state = key_state(reader, &key, &length);
    reader->quality->null_key_rows += state == KEY_NULL;
    reader->quality->invalid_key_rows += state == KEY_INVALID;
    if (state != KEY_GOOD) return -1;
    return strata_partition_rank(strata_partition_of(strata_hash(key, length)), reader->n_ranks);
}

STRATA_MUST_CHECK static strata_status reject_row(struct reader *reader, int32_t bad_field,
                                                  struct strata_err *err)
{
    const int64_t number =
        ((const int64_t *)strata_duck_values(&reader->cursor, READER_ROW_NUMBER))[reader->row];
    const uint64_t line = number > 0 ? (uint64_t)number : reader->record + 1;
    const struct ingest_source *source = source_of(reader);
    char reason[96] = "cannot be read as its declared type";
    const char *column = "";
    for (size_t i = 0, field = 0; i < source->n_columns; i++) {
        if (!source->column[i].used || ++field != (size_t)bad_field) continue;
        column = source->column[i].name;
        (void)snprintf(reason, sizeof reason, "cannot be read as %.60s", source->column[i].type);
    }
    return reader_reject(reader, line, column, reason, err);
}

/* Take the current row; *full when its bucket has no room, then the row stays current. */
STRATA_MUST_CHECK static strata_status take_row(struct reader *reader, struct row_buckets *buckets,
                                                bool *full, struct strata_err *err)
{
    const struct strata_duck_cursor *cursor = &reader->cursor;
    const int32_t bad_field =
        ((const int32_t *)strata_duck_values(cursor, READER_BAD_FIELD))[reader->row];
    const size_t n = rows_size(reader->layout, cursor, READER_FIELDS, reader->row);
    if (n > buckets->capacity)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "source \"%s\": %s: a row of %zu bytes is larger than the %llu that fit",
                           source_of(reader)->config->name, file_of(reader)->path, n,
                           (unsigned long long)buckets->capacity);
    if (bad_field == 0) {
        const struct strata_source_quality before = *reader->quality;
        const int bucket = find_bucket(reader);
        if (bucket >= 0 && buckets->used[bucket] + n > buckets->capacity) {
            *full = true;
            *reader->quality = before;
            return STRATA_OK;
        }
        if (bucket >= 0)
            rows_put(reader->layout, cursor, READER_FIELDS, reader->row, buckets, (size_t)bucket);
    } else {
        STRATA_TRY(reject_row(reader, bad_field, err));
    }
    reader->quality->rows++;
    reader->row++;
    reader->record++;
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status next_chunk(struct reader *reader, struct strata_err *err)
{
    struct strata_err fault = {0};
    bool more = false;
    const strata_status rc = strata_duck_next(&reader->cursor, &more, &fault);
    STRATA_TRY(name_file(reader, rc, &fault, err));
    reader->row = 0;
    return more ? STRATA_OK : close_unit(reader, err);
}

strata_status reader_fill(struct reader *reader, struct row_buckets *buckets, struct strata_err *err)
{
    for (bool full = false; !full && !reader->done;) {
        if (!reader->unit && !find_unit(reader)) {
            reader->done = true;
        } else if (!reader->cursor.handle) {
            STRATA_TRY(open_unit(reader, err));
        } else if (reader->row == reader->cursor.n_rows) {
            STRATA_TRY(next_chunk(reader, err));
        } else {
            STRATA_TRY(take_row(reader, buckets, &full, err));
        }
    }
    return STRATA_OK;
}
