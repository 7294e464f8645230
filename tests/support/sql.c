/* Runs SQL in DuckDB and prints results as CSV, for tests and for making the shipped data:
 *   strata-sql "SQL"...    runs each argument     strata-sql < FILE    runs what it reads
 * Statements are separated by semicolons; what each query finds is printed below a line of column
 * names.  One thread and UTC, so that what is written is the same every time.  Errors go to standard
 * error with exit code 1. */
#include <duckdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { INPUT_MAX = 4 << 20 };

static void print_field(const char *text)
{
    if (!strpbrk(text, ",\"\r\n") && text[0] != '\0') {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (const char *c = text; *c; c++) {
        if (*c == '"') putchar('"');
        putchar(*c);
    }
    putchar('"');
}

static void print_result(duckdb_result *result)
{
    const idx_t n_columns = duckdb_column_count(result);
    const idx_t n_rows = duckdb_row_count(result);
    for (idx_t j = 0; j < n_columns; j++) {
        if (j > 0) putchar(',');
        print_field(duckdb_column_name(result, j));
    }
    putchar('\n');
    for (idx_t i = 0; i < n_rows; i++) {
        for (idx_t j = 0; j < n_columns; j++) {
            if (j > 0) putchar(',');
            char *text = duckdb_value_varchar(result, j, i); /* NULL for a missing value */
            if (text) print_field(text);
            duckdb_free(text);
        }
        putchar('\n');
    }
}

static bool run_statement(duckdb_connection connection, duckdb_extracted_statements statements,
                          idx_t index)
{
    duckdb_prepared_statement prepared = NULL;
    duckdb_result result = {0};
    bool worked = duckdb_prepare_extracted_statement(connection, statements, index, &prepared) ==
                  DuckDBSuccess;
    if (!worked) {
        fprintf(stderr, "strata-sql: %s\n", duckdb_prepare_error(prepared));
    } else {
        worked = duckdb_execute_prepared(prepared, &result) == DuckDBSuccess;
        if (!worked) fprintf(stderr, "strata-sql: %s\n", duckdb_result_error(&result));
    }
    if (worked && duckdb_prepared_statement_type(prepared) == DUCKDB_STATEMENT_TYPE_SELECT) {
        print_result(&result);
    }
    duckdb_destroy_result(&result);
    duckdb_destroy_prepare(&prepared);
    return worked;
}

static bool run(duckdb_connection connection, const char *sql)
{
    duckdb_extracted_statements statements = NULL;
    const idx_t n = duckdb_extract_statements(connection, sql, &statements);
    const char *problem = n == 0 ? duckdb_extract_statements_error(statements) : NULL;
    if (problem) fprintf(stderr, "strata-sql: %s\n", problem);
    bool worked = !problem;
    for (idx_t i = 0; i < n && worked; i++) worked = run_statement(connection, statements, i);
    duckdb_destroy_extracted(&statements);
    return worked;
}

int main(int argc, char **argv)
{
    static char input[INPUT_MAX + 1];
    duckdb_database database;
    duckdb_connection connection;
    if (duckdb_open(NULL, &database) != DuckDBSuccess) return 1;
    if (duckdb_connect(database, &connection) != DuckDBSuccess) return 1;
    bool fine = run(connection, "set threads = 1; set TimeZone = 'UTC'");
    if (argc < 2) {
        const size_t n = fread(input, 1, INPUT_MAX, stdin);
        input[n] = '\0';
        fine = fine && run(connection, input);
    }
    for (int i = 1; i < argc && fine; i++) fine = run(connection, argv[i]);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return fine && fflush(stdout) == 0 ? 0 : 1;
}
