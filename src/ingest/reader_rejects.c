/* Rows that could not be read: listed by place and reason, never by value, or the end of the
 * job. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "csv_cut.h"
#include "reader.h"

static const struct {
    const char *duckdb, *reason;
} reasons[] = {
    {"CAST", "cannot be read as its declared type"},
    {"MISSING COLUMNS", "the row has too few columns"},
    {"TOO MANY COLUMNS", "the row has too many columns"},
    {"UNQUOTED VALUE", "a quote is not closed"},
    {"LINE SIZE OVER MAXIMUM", "the row is too long"},
    {"INVALID ENCODING", "the text is not UTF-8"},
    {"INVALID STATE", "the row's quotes or escapes are not of this CSV dialect"},
};

static const char *reason_of(const char *duckdb, size_t length)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strlen(reasons[i].duckdb) == length && memcmp(reasons[i].duckdb, duckdb, length) == 0)
            return reasons[i].reason;
    return "the row cannot be read";
}

strata_status reader_reject(struct reader *reader, uint64_t line, const char *column,
                            const char *reason, struct strata_err *err)
{
    const struct ingest_source *source = &reader->detail->source[reader->source];
    const char *path = source->file[reader->unit->file].path;
    if (reader->config->bad_rows == STRATA_BAD_ROWS_FAIL)
        return STRATA_FAIL(
            err, STRATA_E_DATA,
            "%s:%llu: %s%s%s%s; correct it, declare another type, or set `on_bad_rows: reject`",
            path, (unsigned long long)line, column[0] ? "column \"" : "", column,
            column[0] ? "\": " : "", reason);
    reader->quality->rejected_rows++;
    struct reader_rejects *rejects = reader->rejects;
    if (rejects->n == INGEST_REJECTS_MAX) return STRATA_OK;
    struct strata_reject *item = &rejects->item[rejects->n];
    *item =
        (struct strata_reject){.source = source->config->name,
                               .file = path,
                               .line = line,
                               .column = strata_arena_copy(reader->keep, column, strlen(column)),
                               .reason = strata_arena_copy(reader->keep, reason, strlen(reason))};
    if (!item->column || !item->reason)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of rejects");
    rejects->n++;
    return STRATA_OK;
}

/* Where the last line number was counted: rejects come in the order of the file. */
struct counted {
    struct csv_count count;
    int fd;
};

/* The line in the file: DuckDB counts records of the pipe, and knows the record's first byte
 * there. */
STRATA_MUST_CHECK static strata_status line_of(const struct reader *reader, int64_t record,
                                               int64_t byte, struct counted *counted,
                                               uint64_t *line, struct strata_err *err)
{
    *line = (uint64_t)record;
    if (counted->fd < 0 || byte < 1) return STRATA_OK;
    const struct ingest_source *source = &reader->detail->source[reader->source];
    STRATA_TRY(csv_cut_count(counted->fd, source->file[reader->unit->file].path, (uint64_t)byte - 1,
                             &counted->count, err));
    *line = counted->count.line;
    return STRATA_OK;
}

/* One reject a record, for its first fault. */
STRATA_MUST_CHECK static strata_status take_rejects(struct reader *reader,
                                                    struct strata_duck_cursor *cursor,
                                                    struct counted *counted, struct strata_err *err)
{
    bool more = true;
    STRATA_TRY(strata_duck_next(cursor, &more, err));
    while (more) {
        for (size_t row = 0; row < cursor->n_rows; row++) {
            uint64_t line = 0;
            size_t type_bytes = 0;
            size_t name_bytes = 0;
            char column[128] = "";
            STRATA_TRY(line_of(reader, ((const int64_t *)strata_duck_values(cursor, 0))[row],
                               ((const int64_t *)strata_duck_values(cursor, 1))[row], counted,
                               &line, err));
            const char *type = strata_duck_text(cursor, 2, row, &type_bytes);
            const char *name = strata_duck_text(cursor, 3, row, &name_bytes);
            memcpy(column, name, name_bytes < sizeof column ? name_bytes : sizeof column - 1);
            reader->quality->rows++;
            STRATA_TRY(reader_reject(reader, line, column, reason_of(type, type_bytes), err));
        }
        STRATA_TRY(strata_duck_next(cursor, &more, err));
    }
    return STRATA_OK;
}

strata_status reader_csv_rejects(struct reader *reader, struct strata_err *err)
{
    struct strata_duck_cursor cursor = {0};
    STRATA_TRY(strata_duck_query(
        reader->duck, &cursor, err,
        "SELECT line::BIGINT, coalesce(line_byte_position, 0)::BIGINT, "
        "arg_min(error_type::VARCHAR, column_idx), arg_min(coalesce(column_name, ''), column_idx) "
        "FROM reject_errors GROUP BY ALL ORDER BY 2, 1"));
    struct counted counted = {
        {.lines = reader_lines(reader), .byte = reader->unit->first, .line = reader->unit->line},
        .fd = -1};
    if (!reader->unit->whole)
        counted.fd = open(reader->detail->source[reader->source].file[reader->unit->file].path,
                          O_RDONLY | O_CLOEXEC);
    const strata_status rc = take_rejects(reader, &cursor, &counted, err);
    if (counted.fd >= 0) (void)close(counted.fd); /* only read from */
    strata_duck_cursor_finish(&cursor);
    STRATA_TRY(rc);
    return strata_duck_run(reader->duck, err, "DROP TABLE reject_errors; DROP TABLE reject_scans");
}
