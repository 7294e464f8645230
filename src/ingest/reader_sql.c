/* The query of one read unit. */
#include <string.h>

#include "reader.h"

#define SQL_BYTES ((size_t)4 << 20)

struct writer {
    const struct reader *reader;
    const struct ingest_source *source;
    struct ingest_text text;
    struct strata_arena *scratch;
};

static const char *identifier(struct writer *writer, const char *name)
{
    const char *quoted = strata_duck_identifier(name, writer->scratch);
    if (!quoted) writer->text.full = true;
    return quoted ? quoted : "";
}

static const char *literal(struct writer *writer, const char *text)
{
    const char *quoted = strata_duck_literal(text, writer->scratch);
    if (!quoted) writer->text.full = true;
    return quoted ? quoted : "";
}

static bool is_one_of(const char *type, const char *const *words)
{
    for (; *words; words++)
        if (strncmp(type, *words, strlen(*words)) == 0) return true;
    return false;
}

/* The canonical key as text, NULL when there is none. */
static void write_key(struct writer *writer, const struct ingest_column *column)
{
    static const char *const integers[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                           "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                           "UBIGINT", "UHUGEINT", NULL};
    static const char *const fractions[] = {"FLOAT", "DOUBLE", "DECIMAL", NULL};
    const char *name = identifier(writer, column->name);
    if (writer->reader->config->key_type == STRATA_KEY_TEXT)
        ingest_text_add(&writer->text, "nullif(nfc_normalize(CAST(%s AS VARCHAR)), '')", name);
    else if (is_one_of(column->file_type, integers))
        ingest_text_add(&writer->text, "CAST(TRY_CAST(%s AS BIGINT) AS VARCHAR)", name);
    else if (is_one_of(column->file_type, fractions))
        ingest_text_add(&writer->text,
                        "CAST(CASE WHEN %s = trunc(%s) THEN TRY_CAST(%s AS BIGINT) END AS VARCHAR)",
                        name, name, name);
    else
        ingest_text_add(
            &writer->text,
            "CAST(CASE WHEN regexp_full_match(trim(CAST(%s AS VARCHAR)), '[+-]?[0-9]+(\\.0*)?') "
            "THEN TRY_CAST(trim(CAST(%s AS VARCHAR)) AS BIGINT) END AS VARCHAR)",
            name, name);
}

static void write_key_state(struct writer *writer)
{
    for (size_t i = 0; i < writer->source->n_columns; i++) {
        const struct ingest_column *column = &writer->source->column[i];
        if (!column->is_key) continue;
        const char *name = identifier(writer, column->name);
        ingest_text_add(&writer->text,
                        "CASE WHEN %s IS NULL OR trim(CAST(%s AS VARCHAR)) = '' THEN 1 WHEN ", name,
                        name);
        write_key(writer, column);
        ingest_text_add(&writer->text, " IS NULL THEN 2 ELSE 0 END");
        return;
    }
    ingest_text_add(&writer->text, "0");
}

/* CSV values are read as their declared types; in other formats a cast decides. */
static bool is_cast(const struct writer *writer, const struct ingest_column *column)
{
    return column->declared && writer->source->config->format != STRATA_FORMAT_CSV;
}

static void write_bad_field(struct writer *writer)
{
    ingest_text_add(&writer->text, "CASE");
    size_t field = 0;
    for (size_t i = 0; i < writer->source->n_columns; i++) {
        const struct ingest_column *column = &writer->source->column[i];
        if (!column->used) continue;
        field++;
        if (!is_cast(writer, column)) continue;
        const char *name = identifier(writer, column->name);
        ingest_text_add(&writer->text,
                        " WHEN %s IS NOT NULL AND TRY_CAST(%s AS %s) IS NULL THEN %zu", name, name,
                        column->type, field);
    }
    ingest_text_add(&writer->text, " WHEN false THEN 0 ELSE 0 END");
}

static void write_fields(struct writer *writer)
{
    size_t n = 0;
    for (size_t i = 0; i < writer->source->n_columns; i++) {
        const struct ingest_column *column = &writer->source->column[i];
        if (!column->used) continue;
        n++;
        ingest_text_add(&writer->text, ", ");
        if (column->is_key)
            write_key(writer, column);
        else if (is_cast(writer, column))
            ingest_text_add(&writer->text, "TRY_CAST(%s AS %s)", identifier(writer, column->name),
                            column->type);
        else
            ingest_text_add(&writer->text, "%s", identifier(writer, column->name));
    }
    if (n == 0) ingest_text_add(&writer->text, ", CAST(NULL AS BOOLEAN)");
}

static void write_column_types(struct writer *writer)
{
    const bool csv = writer->source->config->format == STRATA_FORMAT_CSV;
    ingest_text_add(&writer->text, "columns = {");
    for (size_t i = 0; i < writer->source->n_columns; i++) {
        const struct ingest_column *column = &writer->source->column[i];
        const bool typed = csv && column->used && column->declared;
        ingest_text_add(&writer->text, "%s%s: '%s'", i ? ", " : "", literal(writer, column->name),
                        typed ? column->type : "VARCHAR");
    }
    ingest_text_add(&writer->text, "}");
}

static void write_csv(struct writer *writer)
{
    const struct reader *reader = writer->reader;
    const struct ingest_dialect *dialect = &writer->source->dialect;
    const struct strata_source *config = writer->source->config;
    const bool whole = reader->unit->whole;
    const char *path = whole ? writer->source->file[reader->unit->file].path : reader->feed.path;
    ingest_text_add(
        &writer->text,
        "read_csv(%s, auto_detect = false, header = %s, delim = %s, quote = %s, escape = %s, ",
        literal(writer, path), whole && dialect->header ? "true" : "false",
        literal(writer, dialect->delimiter), literal(writer, dialect->quote),
        literal(writer, dialect->escape));
    write_column_types(writer);
    ingest_text_add(&writer->text, ", nullstr = [''");
    for (size_t i = 0; i < config->n_null_texts; i++)
        if (config->null_text[i][0])
            ingest_text_add(&writer->text, ", %s", literal(writer, config->null_text[i]));
    ingest_text_add(&writer->text, "]%s", whole ? "" : ", new_line = '\\n'");
    ingest_text_add(
        &writer->text,
        ", store_rejects = true, rejects_limit = 0, null_padding = false, strict_mode = true)");
}

static void write_from(struct writer *writer)
{
    const struct ingest_unit *unit = writer->reader->unit;
    const char *path = literal(writer, writer->source->file[unit->file].path);
    switch (writer->source->config->format) {
    case STRATA_FORMAT_CSV:
        write_csv(writer);
        break;
    case STRATA_FORMAT_JSON:
        ingest_text_add(&writer->text, "read_json(%s, format = 'auto', ", path);
        write_column_types(writer);
        ingest_text_add(&writer->text, ")");
        break;
    case STRATA_FORMAT_PARQUET:
        ingest_text_add(&writer->text,
                        "read_parquet(%s, file_row_number = true, hive_partitioning = false) "
                        "WHERE file_row_number >= %llu AND file_row_number < %llu",
                        path, (unsigned long long)unit->first, (unsigned long long)unit->end);
        break;
    }
}

strata_status reader_sql(const struct reader *reader, struct strata_arena *scratch, char **sql,
                         struct strata_err *err)
{
    struct writer writer = {
        .reader = reader, .source = &reader->detail->source[reader->source], .scratch = scratch};
    writer.text = ingest_text_begin(scratch, SQL_BYTES);
    const bool parquet = writer.source->config->format == STRATA_FORMAT_PARQUET;
    ingest_text_add(&writer.text, "SELECT CAST(");
    write_key_state(&writer);
    ingest_text_add(&writer.text, " AS INTEGER), CAST(");
    write_bad_field(&writer);
    ingest_text_add(&writer.text, " AS INTEGER), CAST(%s AS BIGINT)",
                    parquet ? "file_row_number + 1" : "0");
    write_fields(&writer);
    ingest_text_add(&writer.text, " FROM ");
    write_from(&writer);
    *sql = writer.text.bytes;
    if (writer.text.full)
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "source \"%s\" has too many columns to be read in one statement",
                           writer.source->config->name);
    return STRATA_OK;
}
