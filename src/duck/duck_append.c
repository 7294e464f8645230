/* Rows into a table, through chunks of DuckDB's own vector size. */
#include <stdlib.h>
#include <string.h>

#include "duck_impl.h"

struct strata_duck_appender {
    const struct strata_duck *duck;
    duckdb_appender handle;
    duckdb_data_chunk chunk;
    size_t n_columns, n_rows;
    struct strata_duck_column *column;
    duckdb_vector *vector;
};

/* Of the place of a word. */
static size_t enum_bytes(duckdb_logical_type type)
{
    switch ((int)duckdb_enum_internal_type(type)) {
    case DUCKDB_TYPE_UTINYINT:
        return 1;
    case DUCKDB_TYPE_USMALLINT:
        return 2;
    default:
        return 4;
    }
}

STRATA_MUST_CHECK static strata_status start(struct strata_duck_appender *appender,
                                             struct strata_err *err)
{
    const size_t n = duckdb_appender_column_count(appender->handle);
    duckdb_logical_type *type = calloc(n + 1, sizeof(duckdb_logical_type));
    appender->column = calloc(n + 1, sizeof *appender->column);
    appender->vector = calloc(n + 1, sizeof *appender->vector);
    appender->n_columns = n;
    strata_status rc = STRATA_OK;
    if (!type || !appender->column || !appender->vector) {
        rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to fill a table of %zu columns", n);
    } else {
        for (size_t i = 0; i < n; i++) {
            type[i] = duckdb_appender_column_type(appender->handle, i);
            duck_describe(type[i], &appender->column[i]);
            if (duckdb_get_type_id(type[i]) == DUCKDB_TYPE_ENUM)
                appender->column[i].width_bytes = enum_bytes(type[i]);
        }
        appender->chunk = duckdb_create_data_chunk(type, n);
        for (size_t i = 0; i < n; i++) duckdb_destroy_logical_type(&type[i]);
    }
    free(type);
    return rc;
}

static void view_vectors(struct strata_duck_appender *appender)
{
    appender->n_rows = 0;
    for (size_t i = 0; i < appender->n_columns; i++) {
        appender->vector[i] = duckdb_data_chunk_get_vector(appender->chunk, i);
        duckdb_vector_ensure_validity_writable(appender->vector[i]);
    }
}

static void destroy(struct strata_duck_appender **appender)
{
    struct strata_duck_appender *a = *appender;
    duckdb_destroy_data_chunk(&a->chunk);
    (void)duckdb_appender_destroy(&a->handle); /* closed before, or given up */
    free(a->column);
    free(a->vector);
    free(a);
    *appender = NULL;
}

strata_status strata_duck_append_begin(struct strata_duck *duck, const char *table,
                                       struct strata_duck_appender **out, struct strata_err *err)
{
    struct strata_duck_appender *appender = calloc(1, sizeof *appender);
    *out = appender;
    if (!appender) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to fill a table");
    appender->duck = duck;
    strata_status rc = STRATA_OK;
    if (duckdb_appender_create(duck->connection, NULL, table, &appender->handle) != DuckDBSuccess)
        rc = duck_fail(appender->duck, err, duckdb_appender_error(appender->handle));
    if (rc == STRATA_OK) rc = start(appender, err);
    if (rc == STRATA_OK) view_vectors(appender);
    if (rc != STRATA_OK) destroy(out);
    return rc;
}

void strata_duck_append_value(struct strata_duck_appender *appender, size_t column,
                              const void *value, size_t n_bytes)
{
    const struct strata_duck_column *kind = &appender->column[column];
    duckdb_vector vector = appender->vector[column];
    if (!value) {
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), appender->n_rows);
    } else if (kind->type == STRATA_DUCK_TEXT || kind->type == STRATA_DUCK_BLOB) {
        duckdb_vector_assign_string_element_len(vector, appender->n_rows, value, n_bytes);
    } else {
        STRATA_REQUIRE(n_bytes == kind->width_bytes);
        memcpy((char *)duckdb_vector_get_data(vector) + appender->n_rows * n_bytes, value, n_bytes);
    }
}

void strata_duck_append_word(struct strata_duck_appender *appender, size_t column, uint32_t place)
{
    const uint8_t one = (uint8_t)place;
    const uint16_t two = (uint16_t)place;
    const size_t n_bytes = appender->column[column].width_bytes;
    const void *value = n_bytes == 1   ? (const void *)&one
                        : n_bytes == 2 ? (const void *)&two
                                       : &place;
    strata_duck_append_value(appender, column, value, n_bytes);
}

STRATA_MUST_CHECK static strata_status flush(struct strata_duck_appender *appender,
                                             struct strata_err *err)
{
    duckdb_data_chunk_set_size(appender->chunk, appender->n_rows);
    if (duckdb_append_data_chunk(appender->handle, appender->chunk) != DuckDBSuccess)
        return duck_fail(appender->duck, err, duckdb_appender_error(appender->handle));
    duckdb_data_chunk_reset(appender->chunk);
    view_vectors(appender);
    return STRATA_OK;
}

strata_status strata_duck_append_row_end(struct strata_duck_appender *appender,
                                         struct strata_err *err)
{
    appender->n_rows++;
    return appender->n_rows < duckdb_vector_size() ? STRATA_OK : flush(appender, err);
}

strata_status strata_duck_append_end(struct strata_duck_appender **appender, struct strata_err *err)
{
    struct strata_duck_appender *a = *appender;
    if (!a) return STRATA_OK;
    strata_status rc = STRATA_OK;
    if (a->chunk && a->n_rows > 0) rc = flush(a, err);
    if (a->handle && duckdb_appender_close(a->handle) != DuckDBSuccess && rc == STRATA_OK)
        rc = duck_fail(a->duck, err, duckdb_appender_error(a->handle));
    destroy(appender);
    return rc;
}
