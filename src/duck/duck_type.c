/* DuckDB's types in our words, and strata_seen, which tells the type of any expression inside a
 * statement. */
#include <stdio.h>
#include <string.h>

#include "duck_impl.h"

static const struct {
    duckdb_type duckdb;
    enum strata_duck_type type;
    size_t width_bytes;
    const char *word;
} types[] = {
    {DUCKDB_TYPE_BOOLEAN, STRATA_DUCK_BOOL, 1, "BOOLEAN"},
    {DUCKDB_TYPE_TINYINT, STRATA_DUCK_INT8, 1, "TINYINT"},
    {DUCKDB_TYPE_SMALLINT, STRATA_DUCK_INT16, 2, "SMALLINT"},
    {DUCKDB_TYPE_INTEGER, STRATA_DUCK_INT32, 4, "INTEGER"},
    {DUCKDB_TYPE_BIGINT, STRATA_DUCK_INT64, 8, "BIGINT"},
    {DUCKDB_TYPE_HUGEINT, STRATA_DUCK_INT128, 16, "HUGEINT"},
    {DUCKDB_TYPE_UTINYINT, STRATA_DUCK_UINT8, 1, "UTINYINT"},
    {DUCKDB_TYPE_USMALLINT, STRATA_DUCK_UINT16, 2, "USMALLINT"},
    {DUCKDB_TYPE_UINTEGER, STRATA_DUCK_UINT32, 4, "UINTEGER"},
    {DUCKDB_TYPE_UBIGINT, STRATA_DUCK_UINT64, 8, "UBIGINT"},
    {DUCKDB_TYPE_FLOAT, STRATA_DUCK_FLOAT, 4, "FLOAT"},
    {DUCKDB_TYPE_DOUBLE, STRATA_DUCK_DOUBLE, 8, "DOUBLE"},
    {DUCKDB_TYPE_DATE, STRATA_DUCK_DATE, 4, "DATE"},
    {DUCKDB_TYPE_TIME, STRATA_DUCK_TIME, 8, "TIME"},
    {DUCKDB_TYPE_TIMESTAMP, STRATA_DUCK_TIMESTAMP, 8, "TIMESTAMP"},
    {DUCKDB_TYPE_TIMESTAMP_S, STRATA_DUCK_TIMESTAMP, 8, "TIMESTAMP_S"},
    {DUCKDB_TYPE_TIMESTAMP_MS, STRATA_DUCK_TIMESTAMP, 8, "TIMESTAMP_MS"},
    {DUCKDB_TYPE_TIMESTAMP_NS, STRATA_DUCK_TIMESTAMP, 8, "TIMESTAMP_NS"},
    {DUCKDB_TYPE_TIMESTAMP_TZ, STRATA_DUCK_TIMESTAMP, 8, "TIMESTAMP WITH TIME ZONE"},
    {DUCKDB_TYPE_VARCHAR, STRATA_DUCK_TEXT, sizeof(duckdb_string_t), "VARCHAR"},
    {DUCKDB_TYPE_BLOB, STRATA_DUCK_BLOB, sizeof(duckdb_string_t), "BLOB"},
    {DUCKDB_TYPE_UHUGEINT, STRATA_DUCK_OTHER, 16, "UHUGEINT"},
    {DUCKDB_TYPE_ENUM, STRATA_DUCK_OTHER, 0, "ENUM"},
    {DUCKDB_TYPE_UUID, STRATA_DUCK_OTHER, 16, "UUID"},
    {DUCKDB_TYPE_INTERVAL, STRATA_DUCK_OTHER, 16, "INTERVAL"},
    {DUCKDB_TYPE_LIST, STRATA_DUCK_OTHER, 0, "LIST"},
    {DUCKDB_TYPE_STRUCT, STRATA_DUCK_OTHER, 0, "STRUCT"},
    {DUCKDB_TYPE_MAP, STRATA_DUCK_OTHER, 0, "MAP"},
    {DUCKDB_TYPE_SQLNULL, STRATA_DUCK_OTHER, 0, "NULL"},
};

static void describe_decimal(duckdb_logical_type logical, struct strata_duck_column *column)
{
    column->type = STRATA_DUCK_DECIMAL;
    column->decimal_scale = duckdb_decimal_scale(logical);
    const duckdb_type internal = duckdb_decimal_internal_type(logical);
    column->width_bytes = internal == DUCKDB_TYPE_SMALLINT  ? 2
                          : internal == DUCKDB_TYPE_INTEGER ? 4
                          : internal == DUCKDB_TYPE_BIGINT  ? 8
                                                            : 16;
}

void duck_describe(duckdb_logical_type logical, struct strata_duck_column *column)
{
    const duckdb_type id = duckdb_get_type_id(logical);
    column->type = STRATA_DUCK_OTHER;
    if (id == DUCKDB_TYPE_DECIMAL) describe_decimal(logical, column);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].duckdb != id) continue;
        column->type = types[i].type;
        column->width_bytes = types[i].width_bytes;
    }
}

void duck_type_text(duckdb_logical_type logical, char text[SEEN_TEXT_BYTES])
{
    const duckdb_type id = duckdb_get_type_id(logical);
    (void)snprintf(text, SEEN_TEXT_BYTES, "OTHER");
    if (id == DUCKDB_TYPE_DECIMAL)
        (void)snprintf(text, SEEN_TEXT_BYTES, "DECIMAL(%d,%d)", duckdb_decimal_width(logical),
                       duckdb_decimal_scale(logical));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].duckdb == id) (void)snprintf(text, SEEN_TEXT_BYTES, "%s", types[i].word);
}

/* The constant first argument of strata_seen, or SEEN_MAX. */
static size_t seen_id(duckdb_bind_info info)
{
    size_t id = STRATA_DUCK_SEEN_MAX;
    duckdb_client_context context = NULL;
    duckdb_scalar_function_get_client_context(info, &context);
    duckdb_expression expression = duckdb_scalar_function_bind_get_argument(info, 0);
    if (context && expression && duckdb_expression_is_foldable(expression)) {
        duckdb_value value = NULL;
        duckdb_error_data failure = duckdb_expression_fold(context, expression, &value);
        if (value && !duckdb_error_data_has_error(failure)) {
            const int64_t number = duckdb_get_int64(value);
            if (number >= 0 && number < STRATA_DUCK_SEEN_MAX) id = (size_t)number;
        }
        if (failure) duckdb_destroy_error_data(&failure);
        if (value) duckdb_destroy_value(&value);
    }
    if (expression) duckdb_destroy_expression(&expression);
    if (context) duckdb_destroy_client_context(&context);
    return id;
}

static void seen_bind(duckdb_bind_info info)
{
    struct strata_duck *duck = duckdb_scalar_function_bind_get_extra_info(info);
    const size_t id = seen_id(info);
    duckdb_expression expression = duckdb_scalar_function_bind_get_argument(info, 1);
    if (id < STRATA_DUCK_SEEN_MAX && expression) {
        duckdb_logical_type type = duckdb_expression_return_type(expression);
        duck_type_text(type, duck->seen[id]);
        duckdb_destroy_logical_type(&type);
    }
    if (expression) duckdb_destroy_expression(&expression);
}

static void seen_run(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info; /* the same for any */
    memset(duckdb_vector_get_data(output), 1, duckdb_data_chunk_get_size(input));
}

bool duck_register_seen(struct strata_duck *duck)
{
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type id = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_logical_type any = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
    duckdb_logical_type result = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    duckdb_scalar_function_set_name(function, "strata_seen");
    duckdb_scalar_function_add_parameter(function, id);
    duckdb_scalar_function_add_parameter(function, any);
    duckdb_scalar_function_set_return_type(function, result);
    duckdb_scalar_function_set_special_handling(function);
    duckdb_scalar_function_set_extra_info(function, duck, NULL);
    duckdb_scalar_function_set_bind(function, seen_bind);
    duckdb_scalar_function_set_function(function, seen_run);
    const bool ok = duckdb_register_scalar_function(duck->connection, function) == DuckDBSuccess;
    duckdb_destroy_logical_type(&result);
    duckdb_destroy_logical_type(&any);
    duckdb_destroy_logical_type(&id);
    duckdb_destroy_scalar_function(&function);
    return ok;
}

const char *strata_duck_seen(const struct strata_duck *duck, size_t id)
{
    STRATA_REQUIRE(id < STRATA_DUCK_SEEN_MAX);
    return duck->seen[id];
}
