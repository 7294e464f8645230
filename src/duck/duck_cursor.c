/* Streaming results, chunk by chunk, and views into the current chunk. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "duck_impl.h"

struct handle {
    const struct strata_duck *duck;
    duckdb_prepared_statement statement;
    duckdb_pending_result pending;
    duckdb_result result;
    bool has_result;
    duckdb_data_chunk chunk;
    void **data;         /* (n_columns) of the current chunk */
    uint64_t **validity; /* (n_columns), NULL: all valid */
    char *type_text;     /* (n_columns * SEEN_TEXT_BYTES) */
};

/* Values of a statement's parameters. */
struct parameters {
    const char *const *text; /* (n) */
    size_t n;
};

STRATA_MUST_CHECK static strata_status start(struct strata_duck *duck, struct handle *handle,
                                             const char *sql, struct parameters parameters,
                                             struct strata_err *err)
{
    if (duckdb_prepare(duck->connection, sql, &handle->statement) != DuckDBSuccess)
        return duck_fail(duck, err, duckdb_prepare_error(handle->statement));
    for (size_t i = 0; i < parameters.n; i++)
        if (duckdb_bind_varchar(handle->statement, i + 1, parameters.text[i]) != DuckDBSuccess)
            return STRATA_FAIL(err, STRATA_E_USAGE, "DuckDB refused a text: it must be UTF-8");
    if (duckdb_pending_prepared_streaming(handle->statement, &handle->pending) != DuckDBSuccess)
        return duck_fail(duck, err, duckdb_pending_error(handle->pending));
    handle->duck = duck;
    handle->has_result = true; /* to be destroyed also after a failure */
    if (duckdb_execute_pending(handle->pending, &handle->result) != DuckDBSuccess)
        return duck_fail(duck, err, duckdb_result_error(&handle->result));
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status describe(struct strata_duck_cursor *cursor,
                                                struct strata_err *err)
{
    struct handle *handle = cursor->handle;
    const size_t n = duckdb_column_count(&handle->result);
    cursor->column = calloc(n + 1, sizeof *cursor->column);
    handle->data = calloc(n + 1, sizeof *handle->data);
    handle->validity = calloc(n + 1, sizeof *handle->validity);
    handle->type_text = calloc(n + 1, SEEN_TEXT_BYTES);
    if (!cursor->column || !handle->data || !handle->validity || !handle->type_text)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu columns of a result", n);
    cursor->n_columns = n;
    for (size_t i = 0; i < n; i++) {
        char *text = handle->type_text + i * SEEN_TEXT_BYTES;
        duckdb_logical_type type = duckdb_column_logical_type(&handle->result, i);
        duck_describe(type, &cursor->column[i]);
        duck_type_text(type, text);
        duckdb_destroy_logical_type(&type);
        cursor->column[i].name = duckdb_column_name(&handle->result, i);
        cursor->column[i].sql_type = text;
    }
    return STRATA_OK;
}

__attribute__((format(printf, 5, 0))) STRATA_MUST_CHECK static strata_status query(
    struct strata_duck *duck, struct strata_duck_cursor *cursor, struct parameters parameters,
    struct strata_err *err, const char *format, va_list arguments)
{
    *cursor = (struct strata_duck_cursor){.handle = calloc(1, sizeof(struct handle))};
    char *sql = duck_print(format, arguments);
    strata_status rc = STRATA_OK;
    if (!sql || !cursor->handle)
        rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a statement");
    if (rc == STRATA_OK) rc = start(duck, cursor->handle, sql, parameters, err);
    if (rc == STRATA_OK) rc = describe(cursor, err);
    free(sql);
    if (rc != STRATA_OK) strata_duck_cursor_finish(cursor);
    return rc;
}

strata_status strata_duck_query(struct strata_duck *duck, struct strata_duck_cursor *cursor,
                                struct strata_err *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const strata_status rc = query(duck, cursor, (struct parameters){0}, err, format, arguments);
    va_end(arguments);
    return rc;
}

strata_status strata_duck_query_with(struct strata_duck *duck, struct strata_duck_cursor *cursor,
                                     const char *const *text, size_t n, struct strata_err *err,
                                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const strata_status rc =
        query(duck, cursor, (struct parameters){text, n}, err, format, arguments);
    va_end(arguments);
    return rc;
}

strata_status strata_duck_next(struct strata_duck_cursor *cursor, bool *more, struct strata_err *err)
{
    struct handle *handle = cursor->handle;
    *more = false;
    cursor->n_rows = 0;
    duckdb_destroy_data_chunk(&handle->chunk);
    handle->chunk = duckdb_fetch_chunk(handle->result);
    if (!handle->chunk) {
        const char *report = duckdb_result_error(&handle->result);
        return report && report[0] ? duck_fail(handle->duck, err, report) : STRATA_OK;
    }
    cursor->n_rows = duckdb_data_chunk_get_size(handle->chunk);
    *more = cursor->n_rows > 0;
    for (size_t i = 0; i < cursor->n_columns; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(handle->chunk, i);
        handle->data[i] = duckdb_vector_get_data(vector);
        handle->validity[i] = duckdb_vector_get_validity(vector);
    }
    return STRATA_OK;
}

void strata_duck_cursor_finish(struct strata_duck_cursor *cursor)
{
    struct handle *handle = cursor->handle;
    if (handle) {
        duckdb_destroy_data_chunk(&handle->chunk);
        if (handle->has_result) duckdb_destroy_result(&handle->result);
        duckdb_destroy_pending(&handle->pending);
        duckdb_destroy_prepare(&handle->statement);
        free(handle->data);
        free(handle->validity);
        free(handle->type_text);
        free(handle);
    }
    free(cursor->column);
    *cursor = (struct strata_duck_cursor){0};
}

const void *strata_duck_values(const struct strata_duck_cursor *cursor, size_t column)
{
    return ((const struct handle *)cursor->handle)->data[column];
}

bool strata_duck_is_valid(const struct strata_duck_cursor *cursor, size_t column, size_t row)
{
    const uint64_t *validity = ((const struct handle *)cursor->handle)->validity[column];
    return !validity || ((validity[row / 64] >> (row % 64)) & 1) != 0;
}

const char *strata_duck_text(const struct strata_duck_cursor *cursor, size_t column, size_t row,
                             size_t *length)
{
    duckdb_string_t *text = (duckdb_string_t *)((struct handle *)cursor->handle)->data[column] + row;
    *length = duckdb_string_t_length(*text);
    return duckdb_string_t_data(text);
}

/* 10^scale is exact up to scale 22; beyond that the nearest double, the same everywhere. */
static double power_of_ten(int scale)
{
    double power = 1;
    for (int i = 0; i < scale; i++) power *= 10;
    return power;
}

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

static double hugeint_number(duckdb_hugeint value)
{
    return (double)(wide)((unsigned_wide)(uint64_t)value.upper << 64 | value.lower);
}

static double decimal_number(const struct strata_duck_column *column, const void *data, size_t row)
{
    double whole = 0;
    switch (column->width_bytes) {
    case 2:
        whole = ((const int16_t *)data)[row];
        break;
    case 4:
        whole = ((const int32_t *)data)[row];
        break;
    case 8:
        whole = (double)((const int64_t *)data)[row];
        break;
    default:
        whole = hugeint_number(((const duckdb_hugeint *)data)[row]);
        break;
    }
    return whole / power_of_ten(column->decimal_scale);
}

double strata_duck_number(const struct strata_duck_cursor *cursor, size_t column, size_t row)
{
    const void *data = strata_duck_values(cursor, column);
    switch (cursor->column[column].type) {
    case STRATA_DUCK_BOOL:
        return ((const uint8_t *)data)[row] ? 1 : 0;
    case STRATA_DUCK_INT8:
        return ((const int8_t *)data)[row];
    case STRATA_DUCK_INT16:
        return ((const int16_t *)data)[row];
    case STRATA_DUCK_INT32:
    case STRATA_DUCK_DATE:
        return ((const int32_t *)data)[row];
    case STRATA_DUCK_INT64:
    case STRATA_DUCK_TIME:
    case STRATA_DUCK_TIMESTAMP:
        return (double)((const int64_t *)data)[row];
    case STRATA_DUCK_INT128:
        return hugeint_number(((const duckdb_hugeint *)data)[row]);
    case STRATA_DUCK_UINT8:
        return ((const uint8_t *)data)[row];
    case STRATA_DUCK_UINT16:
        return ((const uint16_t *)data)[row];
    case STRATA_DUCK_UINT32:
        return ((const uint32_t *)data)[row];
    case STRATA_DUCK_UINT64:
        return (double)((const uint64_t *)data)[row];
    case STRATA_DUCK_FLOAT:
        return (double)((const float *)data)[row];
    case STRATA_DUCK_DOUBLE:
        return ((const double *)data)[row];
    case STRATA_DUCK_DECIMAL:
        return decimal_number(&cursor->column[column], data, row);
    case STRATA_DUCK_TEXT:
    case STRATA_DUCK_BLOB:
    case STRATA_DUCK_OTHER:
        break;
    }
    STRATA_REQUIRE(false && "a number was asked of a column that is not one");
    return 0;
}

strata_status strata_duck_scalar(struct strata_duck *duck, int64_t *out, struct strata_err *err,
                                 const char *format, ...)
{
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    va_list arguments;
    va_start(arguments, format);
    strata_status rc = query(duck, &cursor, (struct parameters){0}, err, format, arguments);
    va_end(arguments);
    *out = 0;
    if (rc == STRATA_OK) rc = strata_duck_next(&cursor, &more, err);
    if (rc == STRATA_OK && more && strata_duck_is_valid(&cursor, 0, 0)) {
        const bool whole = cursor.column[0].type == STRATA_DUCK_INT64;
        *out = whole ? ((const int64_t *)strata_duck_values(&cursor, 0))[0]
                     : (int64_t)strata_duck_number(&cursor, 0, 0);
    }
    strata_duck_cursor_finish(&cursor);
    return rc;
}

strata_status strata_duck_scalar_text(struct strata_duck *duck, struct strata_arena *keep,
                                      char **out, struct strata_err *err, const char *format, ...)
{
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    va_list arguments;
    va_start(arguments, format);
    strata_status rc = query(duck, &cursor, (struct parameters){0}, err, format, arguments);
    va_end(arguments);
    *out = NULL;
    if (rc == STRATA_OK) rc = strata_duck_next(&cursor, &more, err);
    if (rc == STRATA_OK && more && strata_duck_is_valid(&cursor, 0, 0)) {
        STRATA_REQUIRE(cursor.column[0].type == STRATA_DUCK_TEXT);
        size_t length = 0;
        const char *text = strata_duck_text(&cursor, 0, 0, &length);
        *out = strata_arena_copy(keep, text, length);
        if (!*out)
            rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a text of %zu bytes", length);
    }
    strata_duck_cursor_finish(&cursor);
    return rc;
}
