/* Runs SQL in DuckDB and prints results as CSV, for tests and for making the shipped data:
 *   strata-sql "SQL"...    runs each argument     strata-sql < FILE    runs what it reads
 * Statements are separated by semicolons; of each argument the last one's result is printed, with
 * a header line when it has columns.  One thread and UTC, so that what is written is the same every
 * time.  Errors go to standard error with exit code 1. */
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

static bool run(duckdb_connection connection, const char *sql, bool silent)
{
    duckdb_result result;
    const bool worked = duckdb_query(connection, sql, &result) == DuckDBSuccess;
    if (!worked) {
        fprintf(stderr, "strata-sql: %s\n", duckdb_result_error(&result));
    } else if (!silent && duckdb_result_return_type(result) == DUCKDB_RESULT_TYPE_QUERY_RESULT) {
        print_result(&result);
    }
    duckdb_destroy_result(&result);
    return worked;
}

int main(int argc, char **argv)
{
    static char input[INPUT_MAX + 1];
    duckdb_database database;
    duckdb_connection connection;
    if (duckdb_open(NULL, &database) != DuckDBSuccess) return 1;
    if (duckdb_connect(database, &connection) != DuckDBSuccess) return 1;
    bool fine = run(connection, "set threads = 1; set TimeZone = 'UTC'", true);
    if (argc < 2) {
        const size_t n = fread(input, 1, INPUT_MAX, stdin);
        input[n] = '\0';
        fine = fine && run(connection, input, false);
    }
    for (int i = 1; i < argc && fine; i++) fine = run(connection, argv[i], false);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return fine && fflush(stdout) == 0 ? 0 : 1;
}
