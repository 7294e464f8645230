/* What columns a source has.  All files of a source must agree; a file that does not is named. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema_impl.h"

static void report(const struct schema_task *task, strata_status code, const char *path,
                   const char *text)
{
    strata_problems_add(task->problems, task->source->config->files_place, code,
                        "source \"%s\": %s: %s", task->source->config->name, path, text);
}

struct ingest_column *schema_columns(const struct schema_task *task, size_t n)
{
    task->source->n_columns = n;
    return task->source->column = STRATA_NEW(task->keep, struct ingest_column, n + 1);
}

/* Compare a described column list with the source's; say which file differs, and where. */
static void compare_columns(const struct schema_task *task, const char *path,
                            const struct ingest_column *other, size_t n)
{
    const struct ingest_source *source = task->source;
    char text[320];
    size_t i = 0;
    while (i < n && i < source->n_columns && strcmp(other[i].name, source->column[i].name) == 0 &&
           strcmp(other[i].file_type, source->column[i].file_type) == 0)
        i++;
    if (i == n && i == source->n_columns) return;
    if (i < n && i < source->n_columns)
        (void)snprintf(text, sizeof text,
                       "column %zu is \"%.60s\" %.40s, but \"%.60s\" %.40s in the first file",
                       i + 1, other[i].name, other[i].file_type, source->column[i].name,
                       source->column[i].file_type);
    else
        (void)snprintf(text, sizeof text,
                       "it has %zu columns, but the first file has %zu; make the files agree", n,
                       source->n_columns);
    report(task, STRATA_E_DATA, path, text);
}

STRATA_MUST_CHECK static strata_status copy_columns(const struct schema_task *task,
                                                    struct strata_duck_cursor *cursor,
                                                    bool all_text, struct ingest_column *column,
                                                    size_t *n, struct strata_err *err)
{
    bool more = true;
    STRATA_TRY(strata_duck_next(cursor, &more, err));
    while (more) {
        for (size_t row = 0; row < cursor->n_rows; row++) {
            size_t name_bytes = 0;
            size_t type_bytes = 0;
            const char *name = strata_duck_text(cursor, 0, row, &name_bytes);
            const char *type = strata_duck_text(cursor, 1, row, &type_bytes);
            if (*n == STRATA_MAX_COLUMNS)
                return STRATA_FAIL(err, STRATA_E_DATA, "more than %d columns", STRATA_MAX_COLUMNS);
            struct ingest_column *into = &column[(*n)++];
            into->name = strata_arena_copy(task->keep, name, name_bytes);
            into->file_type = all_text ? "VARCHAR" : strata_arena_copy(task->keep, type, type_bytes);
            into->type = into->file_type;
            if (!into->name || !into->type)
                return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the schema");
        }
        STRATA_TRY(strata_duck_next(cursor, &more, err));
    }
    return STRATA_OK;
}

strata_status schema_describe(const struct schema_task *task, const char *path, bool all_text,
                              struct strata_err *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *sql = STRATA_NEW(task->keep, char, (size_t)1 << 20);
    const int length = sql ? vsnprintf(sql, (size_t)1 << 20, format, arguments) : -1;
    va_end(arguments);
    struct ingest_column *column = STRATA_NEW(task->keep, struct ingest_column, STRATA_MAX_COLUMNS);
    if (length < 0 || !column)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the schema of %s", path);
    struct strata_duck_cursor cursor = {0};
    struct strata_err fault = {0};
    size_t n = 0;
    strata_status rc = length >= 1 << 20
                           ? STRATA_FAIL(&fault, STRATA_E_DATA, "too many files")
                           : strata_duck_query(task->duck, &cursor, &fault, "DESCRIBE %s", sql);
    if (rc == STRATA_OK) rc = copy_columns(task, &cursor, all_text, column, &n, &fault);
    strata_duck_cursor_finish(&cursor);
    if (rc == STRATA_E_MEMORY) return STRATA_FAIL(err, rc, "%s", fault.text);
    if (rc != STRATA_OK) {
        report(task, rc == STRATA_E_CONFIG ? STRATA_E_DATA : rc, path, fault.text);
    } else if (!task->source->column) {
        task->source->column = column;
        task->source->n_columns = n;
    } else {
        compare_columns(task, path, column, n);
    }
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status schema_parquet(const struct schema_task *task,
                                                      struct strata_err *err)
{
    struct ingest_source *source = task->source;
    for (size_t i = 0; i < source->n_files; i++) {
        struct strata_arena before = *task->keep;
        const bool first = source->column == NULL;
        const char *path = strata_duck_literal(source->file[i].path, task->keep);
        if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a file name");
        const size_t seen = task->problems->total;
        STRATA_TRY(schema_describe(task, source->file[i].path, false, err,
                                   "SELECT * FROM read_parquet(%s, hive_partitioning = false)",
                                   path));
        if (task->problems->total == seen) {
            int64_t rows = 0;
            STRATA_TRY(strata_duck_scalar(
                task->duck, &rows, err,
                "SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata(%s)", path));
            source->file[i].n_rows = (uint64_t)rows;
        }
        if (!first) *task->keep = before; /* only the first file's names are kept */
    }
    return STRATA_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ingest_column *)a)->name, ((const struct ingest_column *)b)->name);
}

/* The job lists all columns when the key is among them. */
static bool lists_all_columns(const struct strata_source *config)
{
    for (size_t i = 0; config->key && i < config->n_columns; i++)
        if (strcasecmp(config->column[i].name, config->key) == 0) return true;
    return false;
}

/* Every name that occurs in any file, as text, in order of name; the files are not looked
 * through for names when the job lists all columns. */
STRATA_MUST_CHECK static strata_status schema_json(const struct schema_task *task,
                                                   struct strata_err *err)
{
    struct ingest_source *source = task->source;
    const struct strata_source *config = source->config;
    if (lists_all_columns(config)) {
        struct ingest_column *column = schema_columns(task, config->n_columns);
        if (!column) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the schema");
        for (size_t i = 0; i < config->n_columns; i++)
            column[i] = (struct ingest_column){
                .name = config->column[i].name, .file_type = "VARCHAR", .type = "VARCHAR"};
        return STRATA_OK;
    }
    struct ingest_text list = ingest_text_begin(task->keep, (size_t)1 << 20);
    for (size_t i = 0; i < source->n_files; i++) {
        const char *path = strata_duck_literal(source->file[i].path, task->keep);
        ingest_text_add(&list, "%s%s", i ? ", " : "", path ? path : "");
    }
    STRATA_TRY(schema_describe(task, source->file[0].path, true, err,
                               "SELECT * FROM read_json([%s], sample_size = -1, union_by_name = true, "
                               "map_inference_threshold = -1, field_appearance_threshold = 0)",
                               list.full ? "" : list.bytes));
    if (source->column) qsort(source->column, source->n_columns, sizeof *source->column, by_name);
    return STRATA_OK;
}

static struct ingest_column *find(const struct ingest_source *source, const char *name)
{
    for (size_t i = 0; i < source->n_columns; i++)
        if (strcasecmp(source->column[i].name, name) == 0) return &source->column[i];
    return NULL;
}

/* Say that a column is not there, and which one may be meant. */
static void report_missing(const struct schema_task *task, struct strata_place place,
                           const char *what, const char *name)
{
    const struct ingest_source *source = task->source;
    const char *near = NULL;
    const char **known = STRATA_NEW(task->keep, const char *, source->n_columns + 1);
    for (size_t i = 0; known && i < source->n_columns; i++) known[i] = source->column[i].name;
    if (known) near = strata_nearest_word(name, known, source->n_columns);
    strata_problems_add(task->problems, place, STRATA_E_DATA,
                        "source \"%s\" has no %s \"%s\"%s%s%s", source->config->name, what, name,
                        near ? "; is it \"" : "", near ? near : "", near ? "\"?" : "");
}

/* A type is letters, digits and ( ) , _ only: nothing else reaches the SQL. */
static bool is_plain_type(const char *type)
{
    for (const char *at = type; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("(),_ ", *at)) return false;
    return type[0] != '\0';
}

STRATA_MUST_CHECK static strata_status declare(const struct schema_task *task,
                                               const struct strata_source_column *wish,
                                               struct ingest_column *column, struct strata_err *err)
{
    struct strata_err fault = {0};
    char *type = NULL;
    strata_status rc = STRATA_E_CONFIG;
    if (is_plain_type(wish->type))
        rc = strata_duck_scalar_text(task->duck, task->keep, &type, &fault,
                                     "SELECT typeof(CAST(NULL AS %s))", wish->type);
    if (rc == STRATA_E_MEMORY) return STRATA_FAIL(err, rc, "%s", fault.text);
    if (rc != STRATA_OK || !type) {
        strata_problems_add(
            task->problems, wish->place, STRATA_E_CONFIG,
            "column \"%s\": \"%s\" is not an SQL type; use one such as integer, double, decimal(12,2), "
            "date, timestamp, boolean or text",
            wish->name, wish->type);
        return STRATA_OK;
    }
    column->type = type;
    column->declared = strcmp(type, column->file_type) != 0;
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status apply_job(const struct schema_task *task,
                                                 struct strata_err *err)
{
    struct ingest_source *source = task->source;
    const struct strata_source *config = source->config;
    for (size_t i = 0; i < config->n_columns; i++) {
        struct ingest_column *column = find(source, config->column[i].name);
        if (column)
            STRATA_TRY(declare(task, &config->column[i], column, err));
        else
            report_missing(task, config->column[i].place, "column", config->column[i].name);
    }
    if (config->lookup || !config->key) return STRATA_OK;
    struct ingest_column *key = find(source, config->key);
    if (!key) {
        report_missing(task, config->key_place, "key column", config->key);
        return STRATA_OK;
    }
    key->is_key = true;
    key->declared = false;
    key->type = task->config->key_type == STRATA_KEY_INTEGER ? "BIGINT" : "VARCHAR";
    return STRATA_OK;
}

strata_status ingest_schema(struct strata_duck *duck, const struct strata_config *config,
                            struct ingest_source *source, struct strata_arena *keep,
                            struct strata_problems *problems, struct strata_err *err)
{
    const struct schema_task task = {duck, config, source, keep, problems};
    if (source->n_files == 0) return STRATA_OK; /* told already */
    switch (source->config->format) {
    case STRATA_FORMAT_PARQUET:
        STRATA_TRY(schema_parquet(&task, err));
        break;
    case STRATA_FORMAT_CSV:
        STRATA_TRY(schema_csv(&task, err));
        break;
    case STRATA_FORMAT_JSON:
        STRATA_TRY(schema_json(&task, err));
        break;
    }
    return source->column ? apply_job(&task, err) : STRATA_OK;
}

strata_status ingest_table_create(struct strata_duck *duck, const struct strata_config *config,
                                  const struct ingest_source *source, bool all,
                                  struct strata_arena scratch, struct strata_err *err)
{
    (void)config;
    struct ingest_text sql = ingest_text_begin(&scratch, (size_t)1 << 20);
    const char *table = strata_duck_identifier(source->config->name, &scratch);
    size_t n = 0;
    for (size_t i = 0; i < source->n_columns; i++) {
        if (!all && !source->column[i].used) continue;
        const char *name = strata_duck_identifier(source->column[i].name, &scratch);
        ingest_text_add(&sql, "%s%s %s", n++ ? ", " : "", name ? name : "", source->column[i].type);
    }
    if (n == 0) ingest_text_add(&sql, "strata_nothing BOOLEAN");
    if (sql.full || !table)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "the schema of \"%s\" is too long",
                           source->config->name);
    return strata_duck_run(duck, err, "CREATE TABLE %s (%s)", table, sql.bytes);
}
