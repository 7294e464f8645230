/* One in-memory database with one connection: open, run, bind, quote. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duck_impl.h"

char *duck_print(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const int n = vsnprintf(NULL, 0, format, arguments);
    char *text = n < 0 ? NULL : malloc((size_t)n + 1);
    if (text) (void)vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

static bool set_option(duckdb_config config, const char *name, const char *value)
{
    return duckdb_set_config(config, name, value) == DuckDBSuccess;
}

static bool set_options(duckdb_config config, const struct strata_duck_options *options)
{
    char threads[16];
    char memory[32];
    (void)snprintf(threads, sizeof threads, "%d", options->threads > 0 ? options->threads : 1);
    (void)snprintf(memory, sizeof memory, "%lluB", (unsigned long long)options->memory_bytes);
    return set_option(config, "threads", threads) &&
           set_option(config, "temp_directory",
                      options->temporary_dir ? options->temporary_dir : "") &&
           set_option(config, "enable_external_access", options->sealed ? "false" : "true") &&
           set_option(config, "autoinstall_known_extensions", "false") &&
           set_option(config, "autoload_known_extensions", "false") &&
           (options->memory_bytes == 0 || set_option(config, "memory_limit", memory));
}

STRATA_MUST_CHECK static strata_status open_database(struct strata_duck *duck,
                                                     const struct strata_duck_options *options,
                                                     struct strata_err *err)
{
    duckdb_config config = NULL;
    char *report = NULL;
    strata_status rc = STRATA_OK;
    if (duckdb_create_config(&config) != DuckDBSuccess || !set_options(config, options))
        rc = STRATA_FAIL(err, STRATA_E_CONFIG,
                         "DuckDB refused its memory limit, threads or folder for spills");
    else if (duckdb_open_ext(NULL, &duck->database, config, &report) != DuckDBSuccess ||
             duckdb_connect(duck->database, &duck->connection) != DuckDBSuccess)
        rc = STRATA_FAIL(err, STRATA_E_SYSTEM,
                         "DuckDB could not be started with its memory limit, threads and folder");
    duckdb_free(report);
    duckdb_destroy_config(&config);
    return rc;
}

/* as_of is a date of the job file, checked there; it is quoted here all the same. */
STRATA_MUST_CHECK static strata_status set_as_of(struct strata_duck *duck, const char *as_of,
                                                 struct strata_err *err)
{
    if (!as_of) return STRATA_OK;
    if (strchr(as_of, '\'')) return STRATA_FAIL(err, STRATA_E_CONFIG, "as_of is not a date");
    return strata_duck_run(duck, err,
                           "SET VARIABLE as_of = DATE '%s'; CREATE MACRO as_of() AS DATE '%s'",
                           as_of, as_of);
}

STRATA_MUST_CHECK static strata_status prepare(struct strata_duck *duck,
                                               const struct strata_duck_options *options,
                                               struct strata_err *err)
{
    STRATA_TRY(open_database(duck, options, err));
    STRATA_TRY(strata_duck_run(duck, err, "SET TimeZone = 'UTC'"));
    STRATA_TRY(set_as_of(duck, options->as_of, err));
    duck->n_threads = options->threads > 0 ? options->threads : 1;
    if (options->exact) duck->exact = *options->exact;
    if (!duck_register_seen(duck) || (options->exact && !duck_register_sum(duck)))
        return STRATA_FAIL(err, STRATA_E_BUG, "DuckDB did not take Strata's functions");
    return STRATA_OK;
}

strata_status strata_duck_open(const struct strata_duck_options *options, struct strata_duck **out,
                               struct strata_err *err)
{
    *out = NULL;
    struct strata_duck *duck = calloc(1, sizeof *duck);
    if (!duck) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a DuckDB handle");
    const strata_status rc = prepare(duck, options, err);
    if (rc != STRATA_OK) strata_duck_close(&duck);
    *out = duck;
    return rc;
}

void strata_duck_close(struct strata_duck **duck)
{
    if (!*duck) return;
    duckdb_disconnect(&(*duck)->connection);
    duckdb_close(&(*duck)->database);
    free(*duck);
    *duck = NULL;
}

void strata_duck_interrupt(struct strata_duck *duck)
{
    atomic_store(&duck->interrupted, true);
    duckdb_interrupt(duck->connection);
}

const char *strata_duck_version(void)
{
    return duckdb_library_version();
}

strata_status strata_duck_run(struct strata_duck *duck, struct strata_err *err, const char *format,
                              ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *sql = duck_print(format, arguments);
    va_end(arguments);
    if (!sql) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a statement");
    duckdb_result result;
    strata_status rc = STRATA_OK;
    if (duckdb_query(duck->connection, sql, &result) != DuckDBSuccess)
        rc = duck_fail(duck, err, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    free(sql);
    return rc;
}

strata_status strata_duck_bind(struct strata_duck *duck, const char *sql, struct strata_arena *keep,
                               char **report, struct strata_err *err)
{
    *report = NULL;
    memset(duck->seen, 0, sizeof duck->seen); /* what another statement showed */
    STRATA_TRY(strata_duck_run(duck, err, "SET errors_as_json = true"));
    duckdb_prepared_statement statement = NULL;
    strata_status rc = STRATA_OK;
    if (duckdb_prepare(duck->connection, sql, &statement) != DuckDBSuccess) {
        const char *text = duckdb_prepare_error(statement);
        const char *json = text ? strchr(text, '{') : NULL;
        if (json) *report = strata_arena_copy(keep, json, strlen(json));
        if (!json)
            rc = duck_fail(duck, err, text);
        else if (!*report)
            rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for DuckDB's report");
    }
    duckdb_destroy_prepare(&statement);
    STRATA_TRY(strata_duck_run(duck, err, "SET errors_as_json = false"));
    return rc;
}

static char *quote(const char *text, char mark, struct strata_arena *keep)
{
    size_t n = 2;
    for (const char *at = text; *at; at++) n += *at == mark ? 2 : 1;
    char *out = STRATA_NEW(keep, char, n + 1);
    if (!out) return NULL;
    char *to = out;
    *to++ = mark;
    for (const char *at = text; *at; at++) {
        if (*at == mark) *to++ = mark;
        *to++ = *at;
    }
    *to++ = mark;
    *to = '\0';
    return out;
}

char *strata_duck_literal(const char *text, struct strata_arena *keep)
{
    return quote(text, '\'', keep);
}
char *strata_duck_identifier(const char *text, struct strata_arena *keep)
{
    return quote(text, '"', keep);
}
