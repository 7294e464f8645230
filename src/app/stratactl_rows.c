#include "stratactl_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool ends_in(const char *text, const char *end)
{
    const size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* DuckDB reads a file twice, which a pipe cannot be: what comes from it goes to a file without a name first. */
static strata_status spool(int *file, struct strata_err *err)
{
    char name[4096], bytes[65536];
    const char *folder = getenv("TMPDIR");
    const int n_name =
        snprintf(name, sizeof name, "%s/strata-rows-XXXXXX", folder && *folder ? folder : "/tmp");
    *file = n_name < (int)sizeof name ? mkstemp(name) : -1;
    if (*file < 0)
        return STRATA_FAIL(err, STRATA_E_CREATE, "no temporary file for standard input: %s",
                           strerror(errno));
    (void)unlink(name); /* it lives as long as it is open */
    ssize_t n = 0;
    while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
        for (ssize_t written = 0, more = 0; written < n; written += more) {
            more = write(*file, bytes + written, (size_t)(n - written));
            if (more <= 0)
                return STRATA_FAIL(err, STRATA_E_IO, "standard input cannot be kept in %s: %s",
                                   folder && *folder ? folder : "/tmp", strerror(errno));
        }
    }
    if (n == 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_IO, "standard input cannot be read: %s", strerror(errno));
}

/* Where the rows are for DuckDB. */
static strata_status find_file(struct strata_rows *rows, bool is_input, struct strata_arena *keep,
                               const char **path, struct strata_err *err)
{
    *path = rows->path;
    if (!is_input && access(rows->path, R_OK) != 0)
        return STRATA_FAIL(err, STRATA_E_NO_INPUT, "%s: cannot be read", rows->path);
    if (!is_input) return STRATA_OK;
    const bool is_file = lseek(STDIN_FILENO, 0, SEEK_CUR) >= 0;
    if (!is_file) STRATA_TRY(spool(&rows->spooled, err));
    *path = is_file ? "/dev/stdin" : strata_arena_print(keep, "/dev/fd/%d", rows->spooled);
    return *path ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
}

strata_status strata_rows_open(const char *path, struct strata_arena *keep,
                               struct strata_rows *rows, struct strata_err *err)
{
    const bool is_input = strcmp(path, "-") == 0;
    const char *file = NULL;
    *rows = (struct strata_rows){.path = is_input ? "standard input" : path,
                                 .is_parquet = ends_in(path, ".parquet"),
                                 .spooled = -1};
    STRATA_TRY(find_file(rows, is_input, keep, &file, err));
    const char *name = strata_duck_literal(file, keep);
    if (!name) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    const struct strata_duck_options options = {.threads = 1}; /* rows stay in order */
    STRATA_TRY(strata_duck_open(&options, &rows->duck, err));
    struct strata_err why = {0};
    const char *sql = strata_arena_print(
        keep,
        rows->is_parquet ? "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet(%s)"
                         : "SELECT * FROM read_csv(%s, all_varchar = true, header = true)",
        name);
    if (!sql) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a statement");
    const strata_status status = strata_duck_query(rows->duck, &rows->cursor, &why, "%s", sql);
    if (status == STRATA_OK) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA, "%s: cannot be read as %s: %s", rows->path,
                       rows->is_parquet ? "Parquet" : "CSV with a head line", why.text);
}

void strata_rows_close(struct strata_rows *rows)
{
    strata_duck_cursor_finish(&rows->cursor);
    strata_duck_close(&rows->duck);
    if (rows->path && rows->spooled >= 0)
        (void)close(rows->spooled); /* nothing is written any more */
}

/* Lines that the texts of this row span beyond its first. */
static uint64_t breaks_of(const struct strata_rows *rows)
{
    uint64_t n_breaks = 0;
    for (size_t i = 0; i < rows->cursor.n_columns && !rows->is_parquet; i++) {
        size_t n = 0;
        if (!strata_duck_is_valid(&rows->cursor, i, rows->row)) continue;
        const char *text = strata_duck_text(&rows->cursor, i, rows->row, &n);
        for (size_t at = 0; at < n; at++) n_breaks += text[at] == '\n';
    }
    return n_breaks;
}

strata_status strata_rows_next(struct strata_rows *rows, bool *any, struct strata_err *err)
{
    struct strata_err why = {0};
    *any = true;
    if (rows->cursor.n_rows > 0) {
        rows->n_breaks += breaks_of(rows);
        rows->n_before++;
        rows->row++;
    }
    if (rows->row < rows->cursor.n_rows) return STRATA_OK;
    rows->row = 0;
    const strata_status status = strata_duck_next(&rows->cursor, any, &why);
    if (status == STRATA_OK) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA, "%s, after %" PRIu64 " rows: %s", rows->path,
                       rows->n_before, why.text);
}

const char *strata_rows_text(const struct strata_rows *rows, size_t column,
                             struct strata_arena *keep, bool *room)
{
    size_t n = 0;
    if (!strata_duck_is_valid(&rows->cursor, column, rows->row)) return NULL;
    const char *text = strata_duck_text(&rows->cursor, column, rows->row, &n);
    const char *copy = strata_arena_copy(keep, text, n);
    *room = *room && copy;
    return copy;
}

const char *strata_rows_place(const struct strata_rows *rows, struct strata_arena *keep)
{
    const char *place = rows->is_parquet ? strata_arena_print(keep, "%s, row %" PRIu64, rows->path,
                                                              rows->n_before + 1)
                                         : strata_arena_print(keep, "%s:%" PRIu64, rows->path,
                                                              rows->n_before + rows->n_breaks + 2);
    return place ? place : rows->path;
}
