/* Everything that can be known before a row moves: files, schemas, the SQL, the features'
 * columns, read units. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest_impl.h"
#include "sql_rules.h"
#include "strata/hash.h"

const struct ingest_limits ingest_limits_default = {.unit_bytes = (uint64_t)64 << 20,
                                                    .round_bytes = (uint64_t)64 << 20};

struct planner {
    const struct strata_config *config;
    struct strata_duck *duck;      /* looks into files */
    struct strata_duck *view_duck; /* has the sources' tables, empty, and sees no files */
    struct ingest_detail *detail;
    struct strata_arena *keep;
    struct strata_problems *problems;
    struct ingest_column *view; /* (n_view) columns of the customers view */
    size_t n_view;
};

/* --- sources --- */

STRATA_MUST_CHECK static strata_status read_sources(struct planner *planner, struct strata_err *err)
{
    const struct strata_config *config = planner->config;
    struct ingest_detail *detail = planner->detail;
    detail->n_sources = config->n_sources;
    detail->source = STRATA_NEW(planner->keep, struct ingest_source, config->n_sources + 1);
    if (!detail->source) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the plan");
    for (size_t i = 0; i < config->n_sources; i++) {
        struct ingest_source *source = &detail->source[i];
        source->config = &config->source[i];
        source->dialect = (struct ingest_dialect){.delimiter = "", .quote = "", .escape = ""};
        STRATA_TRY(ingest_files(planner->duck, source, planner->keep, planner->problems, err));
        STRATA_TRY(
            ingest_schema(planner->duck, config, source, planner->keep, planner->problems, err));
    }
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status create_tables(struct planner *planner, struct strata_err *err)
{
    for (size_t i = 0; i < planner->detail->n_sources; i++)
        STRATA_TRY(ingest_table_create(planner->view_duck, planner->config,
                                       &planner->detail->source[i], true, *planner->keep, err));
    return STRATA_OK;
}

/* --- the customers view --- */

static bool is_named(const struct sql_result *result, const char *column)
{
    for (size_t i = 0; i < result->n_names; i++)
        if (strcasecmp(result->name[i], column) == 0) return true;
    return false;
}

/* Types that rows on the wire can have. */
static bool can_travel(const char *type)
{
    static const char *const plain[] = {"BOOLEAN",
                                        "TINYINT",
                                        "SMALLINT",
                                        "INTEGER",
                                        "BIGINT",
                                        "HUGEINT",
                                        "UTINYINT",
                                        "USMALLINT",
                                        "UINTEGER",
                                        "UBIGINT",
                                        "FLOAT",
                                        "DOUBLE",
                                        "DATE",
                                        "TIME",
                                        "TIMESTAMP",
                                        "TIMESTAMP_S",
                                        "TIMESTAMP_MS",
                                        "TIMESTAMP_NS",
                                        "TIMESTAMP WITH TIME ZONE",
                                        "VARCHAR",
                                        "BLOB"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(plain[i], type) == 0) return true;
    return strncmp(type, "DECIMAL(", 8) == 0 && strchr(type, ']') == NULL;
}

static void mark_used(struct planner *planner, const struct sql_result *result)
{
    for (size_t i = 0; i < planner->detail->n_sources; i++) {
        struct ingest_source *source = &planner->detail->source[i];
        for (size_t j = 0; j < source->n_columns; j++) {
            struct ingest_column *column = &source->column[j];
            column->used = column->is_key || result->all_columns || is_named(result, column->name);
            if (column->used && !can_travel(column->type))
                strata_problems_add(
                    planner->problems, source->config->place, STRATA_E_CONFIG,
                    "source \"%s\": column \"%s\" has type %.60s, which cannot be used; declare it as text "
                    "or a plain type under `columns:`, or leave it out of the SQL",
                    source->config->name, column->name, column->type);
        }
    }
}

STRATA_MUST_CHECK static strata_status check_sql(struct planner *planner, bool *key_is_source_key,
                                                 struct strata_err *err)
{
    const struct strata_config *config = planner->config;
    struct sql_source *source = STRATA_NEW(planner->keep, struct sql_source, config->n_sources);
    if (!source) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the plan");
    for (size_t i = 0; i < config->n_sources; i++)
        source[i] = (struct sql_source){config->source[i].name,
                                        config->source[i].lookup ? NULL : config->source[i].key};
    const struct sql_job job = {.text = config->customers_sql,
                                .place = config->sql_place,
                                .indent = config->sql_indent,
                                .source = source,
                                .n_sources = config->n_sources,
                                .key = config->key,
                                .has_as_of = config->as_of != NULL};
    struct sql_result result;
    STRATA_TRY(sql_check(planner->view_duck, &job, planner->keep, planner->problems, &result, err));
    planner->detail->sql = result.sql;
    *key_is_source_key = result.key_is_source_key;
    mark_used(planner, &result);
    return STRATA_OK;
}

/* Without SQL the only source is the view: its key and the features' columns, those that it has. */
STRATA_MUST_CHECK static strata_status make_sql(struct planner *planner, struct strata_err *err)
{
    const struct strata_config *config = planner->config;
    const struct ingest_source *source = &planner->detail->source[0];
    struct sql_result result = {
        .name = STRATA_NEW(planner->keep, const char *, config->n_features + 1)};
    struct ingest_text sql = ingest_text_begin(planner->keep, (size_t)1 << 18);
    if (!result.name) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the plan");
    for (size_t i = 0; i < config->n_features; i++)
        result.name[result.n_names++] = config->feature[i].name;
    mark_used(planner, &result);
    for (size_t i = 0, n = 0; i < source->n_columns; i++) {
        if (!source->column[i].used) continue;
        const char *name = strata_duck_identifier(source->column[i].name, planner->keep);
        ingest_text_add(&sql, "%s %s", n++ ? "," : "SELECT", name ? name : "");
    }
    const char *table = strata_duck_identifier(source->config->name, planner->keep);
    ingest_text_add(&sql, " FROM %s", table ? table : "");
    planner->detail->sql = sql.bytes;
    return sql.full ? STRATA_FAIL(err, STRATA_E_MEMORY, "too many columns") : STRATA_OK;
}

STRATA_MUST_CHECK static strata_status describe_view(struct planner *planner, struct strata_err *err)
{
    struct strata_duck_cursor cursor;
    bool more = true;
    planner->view = STRATA_NEW(planner->keep, struct ingest_column, STRATA_MAX_COLUMNS);
    if (!planner->view) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the plan");
    STRATA_TRY(
        strata_duck_query(planner->view_duck, &cursor, err, "DESCRIBE %s", planner->detail->sql));
    strata_status rc = strata_duck_next(&cursor, &more, err);
    for (; rc == STRATA_OK && more; rc = strata_duck_next(&cursor, &more, err)) {
        for (size_t row = 0; row < cursor.n_rows && planner->n_view < STRATA_MAX_COLUMNS; row++) {
            size_t name_bytes = 0;
            size_t type_bytes = 0;
            const char *name = strata_duck_text(&cursor, 0, row, &name_bytes);
            const char *type = strata_duck_text(&cursor, 1, row, &type_bytes);
            struct ingest_column *column = &planner->view[planner->n_view++];
            column->name = strata_arena_copy(planner->keep, name, name_bytes);
            column->type = strata_arena_copy(planner->keep, type, type_bytes);
            if (!column->name || !column->type)
                rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the plan");
        }
        if (rc != STRATA_OK) break;
    }
    strata_duck_cursor_finish(&cursor);
    return rc;
}

/* The view's column, or NULL after telling which one may be meant. */
static const struct ingest_column *find_column(const struct planner *planner, const char *name,
                                               const char *what, struct strata_place place)
{
    for (size_t i = 0; i < planner->n_view; i++)
        if (strcasecmp(planner->view[i].name, name) == 0) return &planner->view[i];
    const bool sql = planner->config->customers_sql != NULL;
    const struct ingest_source *source = &planner->detail->source[0];
    const struct ingest_column *all =
        sql ? planner->view : source->column; /* without SQL the view has used columns only */
    const size_t n = sql ? planner->n_view : source->n_columns;
    const char **known = STRATA_NEW(planner->keep, const char *, n + 1);
    for (size_t i = 0; known && i < n; i++) known[i] = all[i].name;
    const char *near = known ? strata_nearest_word(name, known, n) : NULL;
    strata_problems_add(planner->problems, place, STRATA_E_CONFIG,
                        "%s \"%s\": %s has no such column%s%s%s", what, name,
                        sql ? "the customers SQL" : planner->config->source[0].name,
                        near ? "; is it \"" : "", near ? near : "", near ? "\"?" : "");
    return NULL;
}

enum type_class { CLASS_BOOLEAN, CLASS_INTEGER, CLASS_FRACTION, CLASS_TEXT, CLASS_OTHER };

static enum type_class class_of(const char *type)
{
    static const char *const integers[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                           "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                           "UBIGINT", "UHUGEINT"};
    if (strchr(type, '[')) return CLASS_OTHER; /* a list */
    if (strcmp(type, "BOOLEAN") == 0) return CLASS_BOOLEAN;
    if (strcmp(type, "VARCHAR") == 0 || strncmp(type, "ENUM(", 5) == 0) return CLASS_TEXT;
    if (strcmp(type, "FLOAT") == 0 || strcmp(type, "DOUBLE") == 0 ||
        strncmp(type, "DECIMAL(", 8) == 0)
        return CLASS_FRACTION;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        if (strcmp(integers[i], type) == 0) return CLASS_INTEGER;
    return CLASS_OTHER;
}

/* What a feature of each type may be made of. */
static const struct {
    bool fits[CLASS_OTHER + 1];
    const char *needs;
} fittings[] = {
    [STRATA_NUMERIC] = {{[CLASS_INTEGER] = true, [CLASS_FRACTION] = true}, "a number"},
    [STRATA_COUNT] = {{[CLASS_INTEGER] = true, [CLASS_FRACTION] = true}, "a number"},
    [STRATA_ORDINAL] = {{[CLASS_TEXT] = true, [CLASS_INTEGER] = true, [CLASS_BOOLEAN] = true},
                        "text, integer or boolean"},
    [STRATA_NOMINAL] = {{[CLASS_TEXT] = true, [CLASS_INTEGER] = true, [CLASS_BOOLEAN] = true},
                        "text, integer or boolean"},
    [STRATA_BINARY] = {{true, true, true, true, false}, "boolean, a number or text of two levels"},
};

static void check_features(const struct planner *planner)
{
    for (size_t i = 0; i < planner->config->n_features; i++) {
        const struct strata_feature *feature = &planner->config->feature[i];
        const struct ingest_column *column =
            find_column(planner, feature->name, "feature", feature->place);
        if (!column || fittings[feature->type].fits[class_of(column->type)]) continue;
        strata_problems_add(
            planner->problems, feature->place, STRATA_E_CONFIG,
            "feature \"%s\": its column is %.60s, but a %s feature needs %s; %s", feature->name,
            column->type, strata_feature_type_word(feature->type), fittings[feature->type].needs,
            planner->config->customers_sql ? "cast it in the SQL"
                                           : "declare its type under `columns:` of the source");
    }
}

static void check_key(const struct planner *planner, bool key_is_source_key)
{
    const struct strata_config *config = planner->config;
    const struct strata_place place = config->key_place.line ? config->key_place : config->sql_place;
    if (!find_column(planner, config->key, "customer key", place) || key_is_source_key) return;
    strata_problems_add(
        planner->problems, place, STRATA_E_CONFIG,
        "the customers SQL must give \"%s\" as it stands in a source: select a source's key column, or "
        "coalesce() of such columns, without changing it",
        config->key);
}

STRATA_MUST_CHECK static strata_status plan_view(struct planner *planner, struct strata_err *err)
{
    const size_t before = planner->problems->total;
    bool key_is_source_key = true;
    STRATA_TRY(create_tables(planner, err));
    if (planner->config->customers_sql)
        STRATA_TRY(check_sql(planner, &key_is_source_key, err));
    else
        STRATA_TRY(make_sql(planner, err));
    if (planner->problems->total > before || !planner->detail->sql) return STRATA_OK;
    STRATA_TRY(describe_view(planner, err));
    check_key(planner, key_is_source_key);
    check_features(planner);
    const struct where_view view = {planner->view, planner->n_view};
    return where_check(planner->config, &view, *planner->keep, planner->problems, err);
}

/* --- the plan --- */

static uint64_t unit_count(const struct ingest_detail *detail, size_t source)
{
    uint64_t n = 0;
    for (size_t i = 0; i < detail->n_units; i++) n += detail->unit[i].source == source;
    return n;
}

/* Rows in DuckDB's memory are larger than in a compressed file, and smaller than as text. */
static uint64_t bytes_in_memory(const struct ingest_source *source, uint64_t file_bytes)
{
    switch (source->config->format) {
    case STRATA_FORMAT_PARQUET:
        return file_bytes * 4;
    case STRATA_FORMAT_CSV:
        return source->direct ? file_bytes * 8 : file_bytes * 3 / 2;
    case STRATA_FORMAT_JSON:
        return file_bytes * 3 / 2;
    }
    return file_bytes;
}

/* Tables, half as much again for the SQL, exchange buffers, and the reader's and the library's
 * own needs. */
static uint64_t memory_estimate(const struct ingest_detail *detail,
                                const struct strata_ingest_plan *plan, int n_ranks)
{
    uint64_t bytes = 2 * detail->limits.round_bytes + ((uint64_t)192 << 20);
    for (size_t i = 0; i < detail->n_sources; i++) {
        const uint64_t share = detail->source[i].config->lookup ? 1 : (uint64_t)n_ranks;
        bytes += bytes_in_memory(&detail->source[i], plan->source[i].n_bytes) / share * 3 / 2;
    }
    return bytes;
}

/* Of names, schemas and sizes; files add up in any order. */
static uint64_t fingerprint_of(const struct ingest_detail *detail)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < detail->n_sources; i++) {
        const struct ingest_source *source = &detail->source[i];
        uint64_t part[4] = {strata_hash(source->config->name, strlen(source->config->name)),
                            source->n_files, 0, 0};
        for (size_t j = 0; j < source->n_columns; j++) {
            const struct ingest_column *column = &source->column[j];
            part[2] = part[2] * 31 + strata_hash(column->name, strlen(column->name));
            part[2] = part[2] * 31 + strata_hash(column->type, strlen(column->type));
        }
        for (size_t j = 0; j < source->n_files; j++)
            part[3] += strata_hash(&source->file[j].bytes, sizeof source->file[j].bytes);
        sum = sum * 31 + strata_hash(part, sizeof part);
    }
    return sum;
}

STRATA_MUST_CHECK static strata_status tell_source(const struct planner *planner, size_t index,
                                                   struct strata_source_plan *out,
                                                   struct strata_err *err)
{
    const struct ingest_source *source = &planner->detail->source[index];
    const char **name = STRATA_NEW(planner->keep, const char *, source->n_columns + 1);
    const char **type = STRATA_NEW(planner->keep, const char *, source->n_columns + 1);
    if (!name || !type) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the plan");
    for (size_t i = 0; i < source->n_columns; i++) {
        name[i] = source->column[i].name;
        type[i] = source->column[i].type;
    }
    *out = (struct strata_source_plan){.name = source->config->name,
                                       .n_files = source->n_files,
                                       .n_units = unit_count(planner->detail, index),
                                       .column_name = name,
                                       .column_type = type,
                                       .n_columns = source->n_columns};
    for (size_t i = 0; i < source->n_files; i++) {
        out->n_bytes += source->file[i].bytes;
        out->n_rows += source->file[i].n_rows;
    }
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status tell_plan(const struct planner *planner, int n_ranks,
                                                 struct strata_ingest_plan *plan,
                                                 struct strata_err *err)
{
    plan->n_sources = planner->detail->n_sources;
    plan->source = STRATA_NEW(planner->keep, struct strata_source_plan, plan->n_sources + 1);
    if (!plan->source) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the plan");
    for (size_t i = 0; i < plan->n_sources; i++) {
        STRATA_TRY(tell_source(planner, i, &plan->source[i], err));
        plan->bytes_total += plan->source[i].n_bytes;
    }
    plan->memory_bytes = memory_estimate(planner->detail, plan, n_ranks);
    plan->fingerprint = fingerprint_of(planner->detail);
    plan->detail = planner->detail;
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status make_plan(struct planner *planner, int n_ranks,
                                                 struct strata_ingest_plan *plan,
                                                 struct strata_err *err)
{
    const size_t before = planner->problems->total;
    STRATA_TRY(read_sources(planner, err));
    if (planner->problems->total == before) STRATA_TRY(plan_view(planner, err));
    if (planner->problems->total == before)
        STRATA_TRY(ingest_units(planner->duck, planner->detail, planner->keep, err));
    return tell_plan(planner, n_ranks, plan, err);
}

strata_status ingest_plan_with(const struct strata_config *config, int n_ranks,
                               struct ingest_limits limits, struct strata_arena *keep,
                               struct strata_ingest_plan **out, struct strata_problems *problems,
                               struct strata_err *err)
{
    STRATA_REQUIRE(config->n_sources > 0 && n_ranks > 0);
    struct planner planner = {.config = config, .keep = keep, .problems = problems};
    struct strata_ingest_plan *plan = STRATA_NEW(keep, struct strata_ingest_plan, 1);
    planner.detail = STRATA_NEW(keep, struct ingest_detail, 1);
    if (!plan || !planner.detail)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the plan");
    planner.detail->limits = limits;
    const struct strata_duck_options files = {.memory_bytes = (uint64_t)1 << 30};
    const struct strata_duck_options tables = {
        .as_of = config->as_of, .sealed = true, .exact = &ingest_exact_sum};
    strata_status rc = strata_duck_open(&files, &planner.duck, err);
    if (rc == STRATA_OK) rc = strata_duck_open(&tables, &planner.view_duck, err);
    if (rc == STRATA_OK) rc = make_plan(&planner, n_ranks, plan, err);
    strata_duck_close(&planner.view_duck);
    strata_duck_close(&planner.duck);
    *out = plan;
    return rc;
}

strata_status strata_ingest_plan(const struct strata_config *config, int n_ranks,
                                 struct strata_arena *keep, struct strata_ingest_plan **out,
                                 struct strata_problems *problems, struct strata_err *err)
{
    return ingest_plan_with(config, n_ranks, ingest_limits_default, keep, out, problems, err);
}
