/* A CSV source: one dialect, declared or sniffed once from its first file; columns from the
 * first line of each file. No type is ever guessed from a sample: a column is text unless the
 * job file declares it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "csv_head.h"
#include "schema_impl.h"

static bool is_compressed(const char *path)
{
    const char *suffix = strrchr(path, '.');
    return suffix && (strcasecmp(suffix, ".gz") == 0 || strcasecmp(suffix, ".zst") == 0);
}

/* Only a single character is taken from the sniffer; it writes "(empty)" for none. */
STRATA_MUST_CHECK static strata_status sniff(const struct schema_task *task, const char *what,
                                             const char *otherwise, const char **out,
                                             struct strata_err *err)
{
    const char *path = strata_duck_literal(task->source->file[0].path, task->keep);
    char *found = NULL;
    struct strata_err fault = {0}; /* a file that cannot be sniffed has the usual dialect */
    const strata_status rc = strata_duck_scalar_text(task->duck, task->keep, &found, &fault,
                                                     "SELECT %s FROM sniff_csv(%s)", what, path);
    if (!path || rc == STRATA_E_MEMORY)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to look into a CSV file");
    *out = rc == STRATA_OK && found && strlen(found) == 1 ? found : otherwise;
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status find_dialect(const struct schema_task *task,
                                                    struct strata_err *err)
{
    const struct strata_source *config = task->source->config;
    struct ingest_dialect *dialect = &task->source->dialect;
    *dialect = (struct ingest_dialect){
        .delimiter = config->delimiter, .quote = config->quote, .escape = config->escape};
    if (!dialect->delimiter) STRATA_TRY(sniff(task, "Delimiter", ",", &dialect->delimiter, err));
    if (!dialect->quote) STRATA_TRY(sniff(task, "Quote", "\"", &dialect->quote, err));
    if (!dialect->escape) dialect->escape = dialect->quote;
    if (dialect->delimiter[0] == '\0') dialect->delimiter = ",";
    return STRATA_OK;
}

static bool has_field(const struct csv_head *head, const char *name)
{
    for (size_t i = 0; i < head->n_fields; i++)
        if (strcasecmp(head->field[i], name) == 0) return true;
    return false;
}

/* A header names the key, or a declared column; failing both, the sniffer says. */
STRATA_MUST_CHECK static strata_status find_header(const struct schema_task *task,
                                                   const struct csv_head *head,
                                                   struct strata_err *err)
{
    const struct strata_source *config = task->source->config;
    bool *header = &task->source->dialect.header;
    *header = config->header == 1;
    if (config->header >= 0) return STRATA_OK;
    if (config->key) *header = has_field(head, config->key);
    for (size_t i = 0; i < config->n_columns; i++)
        *header = *header || has_field(head, config->column[i].name);
    if (*header) return STRATA_OK;
    const char *yes = "1";
    STRATA_TRY(sniff(task, "CASE WHEN HasHeader THEN '1' ELSE '0' END", "1", &yes, err));
    *header = yes[0] == '1';
    return STRATA_OK;
}

/* The name of column i: from the header, else declared ones in order, else column0, column1, ... */
static const char *column_name(const struct schema_task *task, const struct csv_head *head, size_t i)
{
    const struct strata_source *config = task->source->config;
    if (task->source->dialect.header && head->field[i][0])
        return strata_arena_copy(task->keep, head->field[i], strlen(head->field[i]));
    if (!task->source->dialect.header && config->n_columns == head->n_fields)
        return config->column[i].name;
    return strata_arena_print(task->keep, "column%zu", i);
}

/* A name that was there before gets a number, as DuckDB does. */
static const char *unique_name(const struct schema_task *task, const struct ingest_column *column,
                               size_t n, const char *name)
{
    const char *unique = name;
    for (size_t i = 0, number = 1; unique && i < n;) {
        if (strcasecmp(column[i].name, unique) == 0) {
            unique = strata_arena_print(task->keep, "%s_%zu", name, number++);
            i = 0;
        } else {
            i++;
        }
    }
    return unique;
}

STRATA_MUST_CHECK static strata_status take_columns(const struct schema_task *task,
                                                    const struct csv_head *head,
                                                    struct strata_err *err)
{
    struct ingest_column *column = schema_columns(task, head->n_fields);
    for (size_t i = 0; column && i < head->n_fields; i++) {
        const char *name = column_name(task, head, i);
        if (name) name = unique_name(task, column, i, name);
        if (!name) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the schema");
        column[i] = (struct ingest_column){.name = name, .file_type = "VARCHAR", .type = "VARCHAR"};
    }
    return column ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the schema");
}

static void compare_head(const struct schema_task *task, const struct ingest_file *file,
                         const struct csv_head *head, const struct csv_head *first)
{
    const char *name = task->source->config->name;
    size_t i = 0;
    while (i < head->n_fields && i < first->n_fields &&
           (!task->source->dialect.header || strcmp(head->field[i], first->field[i]) == 0))
        i++;
    if (i == head->n_fields && i == first->n_fields) return;
    if (i < head->n_fields && i < first->n_fields)
        strata_problems_add(
            task->problems, task->source->config->files_place, STRATA_E_DATA,
            "source \"%s\": %s:1: column %zu has another name than in the first file; all files of a "
            "source must have the same columns in the same order",
            name, file->path, i + 1);
    else
        strata_problems_add(task->problems, task->source->config->files_place, STRATA_E_DATA,
                            "source \"%s\": %s:1: %zu columns, but the first file has %zu", name,
                            file->path, head->n_fields, first->n_fields);
}

STRATA_MUST_CHECK static strata_status plain_files(const struct schema_task *task,
                                                   struct strata_err *err)
{
    struct ingest_source *source = task->source;
    struct csv_head first = {0};
    for (size_t i = 0; i < source->n_files; i++) {
        struct ingest_file *file = &source->file[i];
        struct strata_arena before = *task->keep;
        struct csv_head head;
        struct strata_err fault = {0};
        const strata_status rc =
            csv_head_read(file->path, &source->dialect, task->keep, &head, &fault);
        if (rc == STRATA_E_MEMORY) return STRATA_FAIL(err, rc, "%s", fault.text);
        if (rc != STRATA_OK) {
            strata_problems_add(task->problems, source->config->files_place, rc,
                                "source \"%s\": %s", source->config->name, fault.text);
            continue;
        }
        if (first.field) {
            compare_head(task, file, &head, &first);
            *task->keep = before; /* only the first file's names are kept */
        } else {
            first = head;
            STRATA_TRY(find_header(task, &first, err));
            STRATA_TRY(take_columns(task, &first, err));
        }
        file->data_begin = source->dialect.header ? head.end : head.start;
        file->header_lines = source->dialect.header ? head.lines : 0;
    }
    return STRATA_OK;
}

/* Compressed files are read whole by DuckDB, which also finds their header. */
STRATA_MUST_CHECK static strata_status compressed_files(const struct schema_task *task,
                                                        struct strata_err *err)
{
    struct ingest_source *source = task->source;
    source->dialect.header = source->config->header != 0;
    for (size_t i = 0; i < source->n_files; i++) {
        const char *path = strata_duck_literal(source->file[i].path, task->keep);
        const char *delimiter = strata_duck_literal(source->dialect.delimiter, task->keep);
        const char *quote = strata_duck_literal(source->dialect.quote, task->keep);
        const char *escape = strata_duck_literal(source->dialect.escape, task->keep);
        if (!path || !delimiter || !quote || !escape)
            return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a file name");
        STRATA_TRY(schema_describe(
            task, source->file[i].path, true, err,
            "SELECT * FROM read_csv(%s, all_varchar = true, delim = %s, quote = %s, escape = %s, header = %s)",
            path, delimiter, quote, escape, source->dialect.header ? "true" : "false"));
    }
    return STRATA_OK;
}

strata_status schema_csv(const struct schema_task *task, struct strata_err *err)
{
    struct ingest_source *source = task->source;
    for (size_t i = 0; i < source->n_files; i++)
        source->direct = source->direct || is_compressed(source->file[i].path);
    if (!source->direct && source->file[0].bytes == 0) {
        strata_problems_add(task->problems, source->config->files_place, STRATA_E_DATA,
                            "source \"%s\": %s is empty; it needs at least its header line",
                            source->config->name, source->file[0].path);
        return STRATA_OK;
    }
    STRATA_TRY(find_dialect(task, err));
    return source->direct ? compressed_files(task, err) : plain_files(task, err);
}
