#include "derive.h"

#include <stdlib.h>
#include <string.h>

#include "strata/hash.h"

STRATA_MUST_CHECK static strata_status run_sql(const struct ingest_detail *detail,
                                               struct strata_duck *duck, struct strata_err *err)
{
    struct strata_err fault = {0};
    const strata_status rc =
        strata_duck_run(duck, &fault, "CREATE TABLE " DERIVE_TABLE " AS %s", detail->sql);
    if (rc == STRATA_OK) return rc;
    return STRATA_FAIL(err, rc == STRATA_E_CONFIG ? STRATA_E_DATA : rc,
                       "the customers SQL failed: %s", fault.text);
}

/* Rows, rows without a key, keys that occur more than once, rows whose customer lives on another
 * rank. */
enum { COUNT_ROWS, COUNT_NULL, COUNT_TWICE, COUNT_FOREIGN, N_COUNTS };

STRATA_MUST_CHECK static strata_status count_foreign(struct strata_comm *comm,
                                                     struct strata_duck *duck, const char *key,
                                                     int64_t *count, struct strata_err *err)
{
    struct strata_duck_cursor cursor;
    bool more = true;
    STRATA_TRY(strata_duck_query(duck, &cursor, err,
                                 "SELECT CAST(%s AS VARCHAR) FROM " DERIVE_TABLE, key));
    strata_status rc = strata_duck_next(&cursor, &more, err);
    for (; rc == STRATA_OK && more; rc = strata_duck_next(&cursor, &more, err)) {
        for (size_t row = 0; row < cursor.n_rows; row++) {
            size_t length = 0;
            if (!strata_duck_is_valid(&cursor, 0, row)) continue;
            const char *text = strata_duck_text(&cursor, 0, row, &length);
            const uint32_t partition = strata_partition_of(strata_hash(text, length));
            *count += strata_partition_rank(partition, comm->size) != comm->rank;
        }
    }
    strata_duck_cursor_finish(&cursor);
    return rc;
}

STRATA_MUST_CHECK static strata_status count_rows(struct strata_comm *comm,
                                                  struct strata_duck *duck, const char *key,
                                                  int64_t count[N_COUNTS], struct strata_err *err)
{
    STRATA_TRY(
        strata_duck_scalar(duck, &count[COUNT_ROWS], err, "SELECT count(*) FROM " DERIVE_TABLE));
    STRATA_TRY(strata_duck_scalar(duck, &count[COUNT_NULL], err,
                                  "SELECT count(*) FROM " DERIVE_TABLE " WHERE %s IS NULL", key));
    STRATA_TRY(strata_duck_scalar(duck, &count[COUNT_TWICE], err,
                                  "SELECT count(*) FROM (SELECT 1 FROM " DERIVE_TABLE
                                  " WHERE %s IS NOT NULL GROUP BY %s HAVING count(*) > 1)",
                                  key, key));
    return count_foreign(comm, duck, key, &count[COUNT_FOREIGN], err);
}

static strata_status judge(const struct strata_config *config, const int64_t count[N_COUNTS],
                           struct strata_err *err)
{
    const bool sql = config->customers_sql != NULL;
    const char *what = sql ? "the customers SQL" : config->source[0].name;
    if (count[COUNT_TWICE] > 0)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s gives %lld customer keys more than one row; %s",
                           what, (long long)count[COUNT_TWICE],
                           sql ? "group by the key"
                               : "write a `customers:` SQL that groups by the key");
    if (count[COUNT_NULL] > 0)
        return STRATA_FAIL(
            err, STRATA_E_DATA,
            "%s gives %lld rows without a customer key; a join may have lost it: take the key from the "
            "side that always has it, or join with `using`",
            what, (long long)count[COUNT_NULL]);
    if (count[COUNT_FOREIGN] > 0)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s gives %lld rows whose key \"%s\" is not the key of a source unchanged",
                           what, (long long)count[COUNT_FOREIGN], config->key);
    if (count[COUNT_ROWS] == 0)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s gives no customers; there is nothing to segment",
                           what);
    return STRATA_OK;
}

strata_status derive_run(struct strata_comm *comm, const struct strata_config *config,
                         const struct ingest_detail *detail, struct strata_duck *duck,
                         struct strata_arena scratch, struct strata_err *err)
{
    int64_t count[N_COUNTS] = {0};
    const char *key = strata_duck_identifier(config->key, &scratch);
    strata_status rc = key ? run_sql(detail, duck, err)
                           : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the key");
    if (rc == STRATA_OK) rc = count_rows(comm, duck, key, count, err);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    strata_comm_sum(comm, count, N_COUNTS);
    return judge(config, count, err); /* the same counts on all ranks */
}

struct key_row {
    uint32_t partition;
    const char *key;
    uint64_t hash;
    size_t scan_row; /* where the scan meets it */
};

/* Keys are distinct, so this order is total. */
static int by_partition_and_key(const void *a, const void *b)
{
    const struct key_row *x = a;
    const struct key_row *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return strcmp(x->key, y->key);
}

STRATA_MUST_CHECK static strata_status fetch_keys(struct strata_duck *duck, const char *key,
                                                  struct strata_arena *keep, struct key_row *rows,
                                                  size_t n, struct strata_err *err)
{
    struct strata_duck_cursor cursor;
    bool more = true;
    size_t at = 0;
    STRATA_TRY(strata_duck_query(duck, &cursor, err,
                                 "SELECT CAST(%s AS VARCHAR) FROM " DERIVE_TABLE, key));
    strata_status rc = strata_duck_next(&cursor, &more, err);
    for (; rc == STRATA_OK && more; rc = strata_duck_next(&cursor, &more, err)) {
        for (size_t row = 0; row < cursor.n_rows && rc == STRATA_OK; row++, at++) {
            size_t length = 0;
            const char *text = strata_duck_text(&cursor, 0, row, &length);
            STRATA_REQUIRE(at < n);
            rows[at] =
                (struct key_row){.key = strata_arena_copy(keep, text, length), .scan_row = at};
            if (!rows[at].key)
                rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu customer keys", n);
            rows[at].hash = strata_hash(text, length);
            rows[at].partition = strata_partition_of(rows[at].hash);
        }
        if (rc != STRATA_OK) break;
    }
    strata_duck_cursor_finish(&cursor);
    return rc;
}

/* Where in the table each scanned row goes. */
struct placement {
    uint32_t *position; /* (n) by scan row */
    size_t n;
};

STRATA_MUST_CHECK static strata_status place_rows(struct strata_duck *duck, const char *key,
                                                  struct strata_arena *keep,
                                                  struct strata_arena *scratch,
                                                  struct strata_table *table,
                                                  struct placement *placement,
                                                  struct strata_err *err)
{
    const size_t n = table->n_rows;
    struct key_row *rows = STRATA_NEW(scratch, struct key_row, n + 1);
    const char **keys = STRATA_NEW(keep, const char *, n + 1);
    uint64_t *hashes = STRATA_NEW(keep, uint64_t, n + 1);
    placement->position = STRATA_NEW(scratch, uint32_t, n + 1);
    placement->n = n;
    if (!rows || !keys || !hashes || !placement->position || n > UINT32_MAX)
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "no memory for %zu customers on one rank; use more ranks", n);
    STRATA_TRY(fetch_keys(duck, key, keep, rows, n, err));
    qsort(rows, n, sizeof *rows, by_partition_and_key);
    for (size_t i = 0; i < n; i++) {
        keys[i] = rows[i].key;
        hashes[i] = rows[i].hash;
        placement->position[rows[i].scan_row] = (uint32_t)i;
    }
    table->key = keys;
    table->key_hash = hashes;
    return STRATA_OK;
}

static uint32_t find_level(const struct strata_column *column, const char *text, size_t length)
{
    size_t low = 0;
    size_t high = column->n_levels;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const size_t n = strlen(column->level[middle]);
        const int order = memcmp(text, column->level[middle], length < n ? length : n);
        if (order == 0 && length == n) return (uint32_t)middle;
        if (order < 0 || (order == 0 && length < n))
            high = middle;
        else
            low = middle + 1;
    }
    STRATA_REQUIRE(false && "a text is not among its levels");
    return 0;
}

struct sink {
    uint8_t *present;
    double *number;
    uint32_t *code;
    uint64_t not_finite;
};

static void store(const struct strata_duck_cursor *cursor, size_t row, size_t at,
                  const struct strata_column *column, struct sink *sink)
{
    if (!strata_duck_is_valid(cursor, 0, row)) return;
    if (column->kind == STRATA_COLUMN_TEXT) {
        size_t length = 0;
        const char *text = strata_duck_text(cursor, 0, row, &length);
        sink->code[at] = find_level(column, text, length);
        sink->present[at] = 1;
        return;
    }
    const double value = strata_duck_number(cursor, 0, row);
    const bool finite = value - value == 0;
    sink->not_finite += !finite;
    sink->present[at] = finite;
    sink->number[at] = finite ? value + 0.0 : 0.0; /* -0 becomes 0 */
}

/* One column; the scan meets rows in the same order each time. */
STRATA_MUST_CHECK static strata_status fetch_column(struct strata_duck *duck,
                                                    const struct placement *placement,
                                                    struct strata_arena *keep,
                                                    struct strata_arena scratch,
                                                    struct strata_column *column,
                                                    uint64_t *not_finite, struct strata_err *err)
{
    struct sink sink = {.present = STRATA_NEW(keep, uint8_t, placement->n + 1)};
    const bool text = column->kind == STRATA_COLUMN_TEXT;
    if (text)
        sink.code = STRATA_NEW(keep, uint32_t, placement->n + 1);
    else
        sink.number = STRATA_NEW(keep, double, placement->n + 1);
    const char *name = strata_duck_identifier(column->name, &scratch);
    if (!sink.present || (!sink.code && !sink.number) || !name)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for column \"%s\" of %zu customers",
                           column->name, placement->n);
    struct strata_duck_cursor cursor;
    bool more = true;
    size_t at = 0;
    strata_status rc =
        text ? strata_duck_query(duck, &cursor, err, "SELECT " DERIVE_TEXT " FROM " DERIVE_TABLE,
                                 name)
             : strata_duck_query(duck, &cursor, err, "SELECT CAST(%s AS DOUBLE) FROM " DERIVE_TABLE,
                                 name);
    STRATA_TRY(rc);
    rc = strata_duck_next(&cursor, &more, err);
    for (; rc == STRATA_OK && more; rc = strata_duck_next(&cursor, &more, err))
        for (size_t row = 0; row < cursor.n_rows; row++)
            store(&cursor, row, placement->position[at++], column, &sink);
    strata_duck_cursor_finish(&cursor);
    column->present = sink.present;
    column->number = sink.number;
    column->code = sink.code;
    *not_finite = sink.not_finite;
    return rc;
}

/* Texts are a nominal or ordinal feature's, or a binary one's when its column is text. */
STRATA_MUST_CHECK static strata_status find_kind(struct strata_duck *duck,
                                                 const struct strata_feature *feature,
                                                 struct strata_arena scratch,
                                                 struct strata_column *column,
                                                 struct strata_err *err)
{
    struct strata_duck_cursor cursor;
    const char *name = strata_duck_identifier(feature->name, &scratch);
    STRATA_TRY(strata_duck_query(duck, &cursor, err, "SELECT %s FROM " DERIVE_TABLE " LIMIT 0",
                                 name ? name : ""));
    const bool text =
        cursor.column[0].type == STRATA_DUCK_TEXT || cursor.column[0].type == STRATA_DUCK_OTHER;
    strata_duck_cursor_finish(&cursor);
    const bool levels = feature->type == STRATA_NOMINAL || feature->type == STRATA_ORDINAL;
    column->name = feature->name;
    column->kind = levels || (text && feature->type == STRATA_BINARY) ? STRATA_COLUMN_TEXT
                                                                      : STRATA_COLUMN_NUMBER;
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status fetch_local(const struct strata_config *config,
                                                   struct strata_duck *duck,
                                                   struct strata_arena *keep,
                                                   struct strata_arena scratch,
                                                   struct strata_table *table, int64_t *not_finite,
                                                   struct strata_err *err)
{
    struct placement placement;
    const char *key = strata_duck_identifier(config->key, &scratch);
    if (!key) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the key");
    STRATA_TRY(place_rows(duck, key, keep, &scratch, table, &placement, err));
    for (size_t i = 0; i < config->n_features; i++) {
        uint64_t count = 0;
        STRATA_TRY(fetch_column(duck, &placement, keep, scratch, &table->column[i], &count, err));
        not_finite[i] = (int64_t)count;
    }
    return STRATA_OK;
}

/* Kinds first, on every rank, so that the levels of text columns can be shared. */
STRATA_MUST_CHECK static strata_status start_table(const struct strata_config *config,
                                                   struct strata_duck *duck,
                                                   struct strata_arena *keep,
                                                   struct strata_arena scratch,
                                                   struct strata_table **out, struct strata_err *err)
{
    struct strata_table *table = STRATA_NEW(keep, struct strata_table, 1);
    struct strata_column *column = STRATA_NEW(keep, struct strata_column, config->n_features + 1);
    if (!table || !column)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the customer table");
    int64_t n = 0;
    STRATA_TRY(strata_duck_scalar(duck, &n, err, "SELECT count(*) FROM " DERIVE_TABLE));
    for (size_t i = 0; i < config->n_features; i++)
        STRATA_TRY(find_kind(duck, &config->feature[i], scratch, &column[i], err));
    *table = (struct strata_table){
        .n_rows = (size_t)n, .column = column, .n_columns = config->n_features};
    *out = table;
    return STRATA_OK;
}

strata_status derive_fetch(struct strata_comm *comm, const struct strata_config *config,
                           struct strata_duck *duck, struct strata_arena *keep,
                           struct strata_arena scratch, struct strata_table **out,
                           struct strata_quality *quality, struct strata_err *err)
{
    struct strata_table *table = NULL;
    int64_t *count =
        STRATA_NEW(&scratch, int64_t, config->n_features + 1); /* not finite per feature; rows */
    strata_status rc = count ? start_table(config, duck, keep, scratch, &table, err)
                             : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the customer table");
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    for (size_t i = 0; i < config->n_features; i++)
        if (table->column[i].kind == STRATA_COLUMN_TEXT)
            STRATA_TRY(levels_unify(comm, &config->feature[i], duck, keep, scratch,
                                    &table->column[i], err));
    rc = fetch_local(config, duck, keep, scratch, table, count, err);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    count[config->n_features] = (int64_t)table->n_rows;
    strata_comm_sum(comm, count, config->n_features + 1);
    for (size_t i = 0; i < config->n_features; i++) {
        quality->feature[i].not_finite = (uint64_t)count[i];
        quality->feature[i].distinct = table->column[i].n_levels;
    }
    table->n_rows_global = quality->customers = (uint64_t)count[config->n_features];
    *out = table;
    return STRATA_OK;
}

strata_status derive_count_keys(const struct strata_config *config,
                                const struct ingest_detail *detail, struct strata_duck *duck,
                                struct strata_arena scratch, struct strata_source_quality *quality,
                                struct strata_err *err)
{
    const char *view_key = strata_duck_identifier(config->key, &scratch);
    for (size_t i = 0; i < detail->n_sources; i++) {
        const struct strata_source *source = detail->source[i].config;
        if (source->lookup) continue;
        const char *table = strata_duck_identifier(source->name, &scratch);
        const char *key = strata_duck_identifier(source->key, &scratch);
        if (!view_key || !table || !key)
            return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to count keys");
        int64_t keys = 0;
        int64_t matched = 0;
        STRATA_TRY(
            strata_duck_scalar(duck, &keys, err, "SELECT count(DISTINCT %s) FROM %s", key, table));
        STRATA_TRY(
            strata_duck_scalar(duck, &matched, err,
                               "SELECT count(*) FROM " DERIVE_TABLE
                               " WHERE CAST(%s AS VARCHAR) IN (SELECT CAST(%s AS VARCHAR) FROM %s)",
                               view_key, key, table));
        quality[i].keys = (uint64_t)keys;
        quality[i].matched_keys = (uint64_t)matched;
        quality[i].orphan_keys = (uint64_t)(keys - matched);
    }
    return STRATA_OK;
}
