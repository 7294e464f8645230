/* Rows that lie in the caller's arrays, as a table: a function of SQL that scans them, chunk by chunk. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "duck_impl.h"

/* A view, and its texts as DuckDB holds them. */
struct view {
    struct strata_duck_view of;
    duckdb_string_t **level; /* (n_columns) of TEXT (n_levels), else NULL */
    int n_threads;
};

struct scan {
    atomic_size_t next; /* row */
    size_t *column;     /* (n_columns) which are asked for */
    size_t n_columns;
};

static void view_destroy(void *pointer)
{
    struct view *view = pointer;
    for (size_t c = 0; view->level && c < view->of.n_columns; c++) free(view->level[c]);
    free(view->level);
    free(view);
}

static void scan_destroy(void *pointer)
{
    struct scan *scan = pointer;
    free(scan->column);
    free(scan);
}

/* Short texts lie in it, of others it points to the caller's. */
static duckdb_string_t string_of(const char *text)
{
    const size_t length = strlen(text);
    duckdb_string_t string;
    memset(&string, 0, sizeof string);
    string.value.inlined.length = (uint32_t)length;
    if (length <= sizeof string.value.inlined.inlined) {
        memcpy(string.value.inlined.inlined, text, length);
    } else {
        memcpy(string.value.pointer.prefix, text, sizeof string.value.pointer.prefix);
        string.value.pointer.ptr = (char *)(uintptr_t)text;
    }
    return string;
}

static struct view *view_make(const struct strata_duck_view *of)
{
    struct view *view = calloc(1, sizeof *view);
    if (!view) return NULL;
    view->of = *of;
    view->level = calloc(of->n_columns + 1, sizeof *view->level);
    bool fits = view->level != NULL;
    for (size_t c = 0; fits && c < of->n_columns; c++) {
        const struct strata_duck_view_column *column = &of->column[c];
        if (column->type != STRATA_DUCK_TEXT) continue;
        view->level[c] = calloc(column->n_levels + 1, sizeof **view->level);
        fits = view->level[c] != NULL;
        for (size_t l = 0; fits && l < column->n_levels; l++)
            view->level[c][l] = string_of(column->level[l]);
    }
    if (fits) return view;
    view_destroy(view);
    return NULL;
}

static duckdb_type type_of(enum strata_duck_type type)
{
    if (type == STRATA_DUCK_DOUBLE) return DUCKDB_TYPE_DOUBLE;
    if (type == STRATA_DUCK_UINT16) return DUCKDB_TYPE_USMALLINT;
    if (type == STRATA_DUCK_UINT32) return DUCKDB_TYPE_UINTEGER;
    return type == STRATA_DUCK_TEXT ? DUCKDB_TYPE_VARCHAR : DUCKDB_TYPE_BIGINT;
}

static size_t width_of(enum strata_duck_type type)
{
    return type == STRATA_DUCK_UINT16 ? 2 : type == STRATA_DUCK_UINT32 ? 4 : 8;
}

static void bind(duckdb_bind_info info)
{
    const struct view *view = duckdb_bind_get_extra_info(info);
    for (size_t c = 0; c < view->of.n_columns; c++) {
        duckdb_logical_type type = duckdb_create_logical_type(type_of(view->of.column[c].type));
        duckdb_bind_add_result_column(info, view->of.column[c].name, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_bind_set_cardinality(info, view->of.n_rows, true);
}

static void init(duckdb_init_info info)
{
    const struct view *view = duckdb_init_get_extra_info(info);
    const size_t n = duckdb_init_get_column_count(info);
    struct scan *scan = calloc(1, sizeof *scan);
    if (scan) scan->column = calloc(n + 1, sizeof *scan->column);
    if (!scan || !scan->column) {
        free(scan);
        duckdb_init_set_error(info, "no memory for a scan");
        return;
    }
    scan->n_columns = n;
    for (size_t c = 0; c < n; c++) scan->column[c] = duckdb_init_get_column_index(info, c);
    duckdb_init_set_max_threads(info, (idx_t)view->n_threads);
    duckdb_init_set_init_data(info, scan, scan_destroy);
}

static void put_missing(const uint8_t *present, size_t n, duckdb_vector vector)
{
    if (!present || !memchr(present, 0, n)) return;
    duckdb_vector_ensure_validity_writable(vector);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    for (size_t i = 0; i < n; i++) {
        if (!present[i]) duckdb_validity_set_row_invalid(validity, i);
    }
}

static void put_column(const struct strata_duck_view_column *column, const duckdb_string_t *level,
                       size_t first, size_t n, duckdb_vector vector)
{
    void *to = duckdb_vector_get_data(vector);
    if (level) {
        duckdb_string_t *text = to;
        const uint32_t *code = (const uint32_t *)column->value + first;
        for (size_t i = 0; i < n; i++) text[i] = level[code[i]];
    } else if (column->value) {
        const size_t width = width_of(column->type);
        memcpy(to, (const char *)column->value + first * width, n * width);
    } else {
        int64_t *row = to;
        for (size_t i = 0; i < n; i++) row[i] = (int64_t)(first + i);
    }
    put_missing(column->present ? column->present + first : NULL, n, vector);
}

static void scan_chunk(duckdb_function_info info, duckdb_data_chunk output)
{
    const struct view *view = duckdb_function_get_extra_info(info);
    struct scan *scan = duckdb_function_get_init_data(info);
    const size_t most = duckdb_vector_size(), n_rows = view->of.n_rows;
    const size_t first = atomic_fetch_add(&scan->next, most);
    const size_t left = first < n_rows ? n_rows - first : 0, n = left < most ? left : most;
    for (size_t c = 0; n > 0 && c < scan->n_columns; c++) {
        const size_t column = scan->column[c];
        if (column < view->of.n_columns) /* not the row's own number, that count(*) may ask for */
            put_column(&view->of.column[column], view->level[column], first, n,
                       duckdb_data_chunk_get_vector(output, c));
    }
    duckdb_data_chunk_set_size(output, n);
}

strata_status strata_duck_show(struct strata_duck *duck, const struct strata_duck_view *of,
                               struct strata_err *err)
{
    struct view *view = view_make(of);
    duckdb_table_function function = view ? duckdb_create_table_function() : NULL;
    if (!function) {
        if (view) view_destroy(view);
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to show %zu columns", of->n_columns);
    }
    view->n_threads = duck->n_threads;
    duckdb_table_function_set_name(function, of->name);
    duckdb_table_function_set_extra_info(function, view, view_destroy);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, init);
    duckdb_table_function_set_function(function, scan_chunk);
    duckdb_table_function_supports_projection_pushdown(function, true);
    const bool registered =
        duckdb_register_table_function(duck->connection, function) == DuckDBSuccess;
    duckdb_destroy_table_function(&function);
    if (registered) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_BUG, "DuckDB does not take a view");
}
