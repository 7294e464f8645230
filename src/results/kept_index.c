/* What a kept table is: names, kinds and levels of its columns, its parts, and what ingest counted. */
#include <stdio.h>
#include <string.h>

#include "checkpoint_format.h"
#include "kept_impl.h"
#include "strata/config.h"
#include "strata/hash.h"
#include "strata/versions.h"

#define REJECTS_MAX 100000
#define SOURCE_COUNTS 7

/* Numbers of the index, in a section each. */
struct facts {
    uint64_t fingerprint;
    uint64_t n_rows_global;
    uint64_t n_columns, n_sources, n_rejects;
};
struct column_facts {
    uint64_t kind, n_levels, not_finite;
};
struct source_facts {
    uint64_t count[SOURCE_COUNTS];
};

/* --- writing --------------------------------------------------------------------------------- */

/* Texts one after the other, each ended by NUL.  Without room they are only counted. */
struct texts {
    char *bytes;
    size_t n_bytes;
};

static void put_text(struct texts *texts, const char *text)
{
    const size_t length = strlen(text) + 1;
    if (texts->bytes) memcpy(texts->bytes + texts->n_bytes, text, length);
    texts->n_bytes += length;
}

static void put_texts(struct texts *texts, const struct strata_table *table,
                      const struct strata_quality *quality)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct strata_column *column = &table->column[i];
        put_text(texts, column->name);
        for (size_t level = 0; level < column->n_levels; level++)
            put_text(texts, column->level[level]);
    }
    for (size_t i = 0; i < quality->n_sources; i++) put_text(texts, quality->source[i].name);
    for (size_t i = 0; i < quality->n_rejects; i++) {
        put_text(texts, quality->reject[i].source);
        put_text(texts, quality->reject[i].file);
        put_text(texts, quality->reject[i].column);
        put_text(texts, quality->reject[i].reason);
    }
}

static bool take_texts(const struct strata_table *table, const struct strata_quality *quality,
                       struct strata_arena *scratch, struct texts *out)
{
    *out = (struct texts){0};
    put_texts(out, table, quality);
    *out = (struct texts){.bytes = STRATA_NEW(scratch, char, out->n_bytes + 1)};
    if (out->bytes) put_texts(out, table, quality);
    return out->bytes;
}

static void fill_source(const struct strata_source_quality *from, struct source_facts *out)
{
    *out = (struct source_facts){{from->rows, from->rejected_rows, from->null_key_rows,
                                  from->invalid_key_rows, from->keys, from->orphan_keys,
                                  from->matched_keys}};
}

/* The file in the tray. */
static strata_status make_index(const char *path, uint32_t attempt, uint64_t fingerprint,
                                const struct kept_part *part, size_t n_parts,
                                const struct strata_table *table,
                                const struct strata_quality *quality, struct strata_arena scratch,
                                struct strata_err *err)
{
    const struct facts facts = {fingerprint, table->n_rows_global, table->n_columns,
                                quality->n_sources, quality->n_rejects};
    struct column_facts *column = STRATA_NEW(&scratch, struct column_facts, table->n_columns + 1);
    struct source_facts *source = STRATA_NEW(&scratch, struct source_facts, quality->n_sources + 1);
    uint64_t *line = STRATA_NEW(&scratch, uint64_t, quality->n_rejects + 1);
    struct texts texts = {0};
    char versions[STRATA_VERSIONS_BYTES];
    if (!column || !source || !line || !take_texts(table, quality, &scratch, &texts))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for keeping the table");
    for (size_t i = 0; i < table->n_columns; i++)
        column[i] = (struct column_facts){table->column[i].kind, table->column[i].n_levels,
                                          quality->feature[i].not_finite};
    for (size_t i = 0; i < quality->n_sources; i++) fill_source(&quality->source[i], &source[i]);
    for (size_t i = 0; i < quality->n_rejects; i++) line[i] = quality->reject[i].line;
    strata_versions(versions);
    const struct strata_section section[] = {
        {"versions", versions, strlen(versions)},
        {"facts", &facts, sizeof facts},
        {"parts", part, n_parts * sizeof *part},
        {"columns", column, table->n_columns * sizeof *column},
        {"sources", source, quality->n_sources * sizeof *source},
        {"rejects", line, quality->n_rejects * sizeof *line},
        {"texts", texts.bytes, texts.n_bytes},
    };
    return checkpoint_file_make(path, attempt, 1, section, sizeof section / sizeof *section, err);
}

strata_status kept_index_write(const struct strata_attempt *attempt, uint64_t fingerprint,
                               const struct kept_part *part, size_t n_parts,
                               const struct strata_table *table,
                               const struct strata_quality *quality, struct strata_err *err)
{
    struct strata_arena scratch;
    char path[STRATA_ATTEMPT_PATH_MAX];
    STRATA_REQUIRE(quality->n_features == table->n_columns && quality->n_rejects <= REJECTS_MAX);
    const int length = snprintf(path, sizeof path, "%s/index", attempt->tray);
    if (length < 0 || (size_t)length >= sizeof path)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", attempt->tray);
    if (!strata_arena_init(&scratch, KEPT_SCRATCH_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no addresses for keeping the table");
    const strata_status status =
        make_index(path, attempt->number, fingerprint, part, n_parts, table, quality, scratch, err);
    strata_arena_finish(&scratch);
    STRATA_TRY(status);
    return strata_attempt_place(attempt, "index", KEPT_INDEX, err);
}

/* --- reading --------------------------------------------------------------------------------- */

/* The index' sections on their way to what they mean. */
struct parsing {
    const char *path;
    struct strata_checkpoint file;
    struct facts facts;
    const struct column_facts *column; /* (n_columns) */
    const struct source_facts *source; /* (n_sources) */
    const uint64_t *line;              /* (n_rejects) */
    const char *text, *text_end;       /* what is left of the texts */
};

static strata_status unfit(const struct parsing *parsing, struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_DATA, "%s does not hold together", parsing->path);
}

/* n records of `size` bytes that a section must be; NULL when it is not. */
static const void *records(const struct parsing *parsing, const char *name, uint64_t n, size_t size)
{
    static const uint64_t none[1];
    const struct strata_section *section = strata_checkpoint_section(&parsing->file, name);
    if (!section || section->n_bytes / size != n || section->n_bytes % size != 0) return NULL;
    return n ? section->bytes : none;
}

static const char *next_text(struct parsing *parsing)
{
    const char *text = parsing->text;
    const char *nul = memchr(text, '\0', (size_t)(parsing->text_end - text));
    if (!nul) return NULL;
    parsing->text = nul + 1;
    return text;
}

static strata_status find_records(struct parsing *parsing, struct strata_err *err)
{
    const struct facts *facts = records(parsing, "facts", 1, sizeof *facts);
    const struct strata_section *texts = strata_checkpoint_section(&parsing->file, "texts");
    if (!facts || !texts) return unfit(parsing, err);
    parsing->facts = *facts;
    parsing->text = texts->n_bytes ? texts->bytes : "";
    parsing->text_end = parsing->text + texts->n_bytes;
    parsing->column = records(parsing, "columns", facts->n_columns, sizeof *parsing->column);
    parsing->source = records(parsing, "sources", facts->n_sources, sizeof *parsing->source);
    parsing->line = records(parsing, "rejects", facts->n_rejects, sizeof *parsing->line);
    if (!parsing->column || !parsing->source || !parsing->line ||
        facts->n_columns > STRATA_MAX_FEATURES || facts->n_sources > STRATA_MAX_SOURCES ||
        facts->n_rejects > REJECTS_MAX)
        return unfit(parsing, err);
    return STRATA_OK;
}

/* Another version may read the sources, or keep a table, otherwise. */
static strata_status check_versions(const struct parsing *parsing, struct strata_err *err)
{
    static const char nobody[] = "an earlier strata";
    char now[STRATA_VERSIONS_BYTES];
    strata_versions(now);
    const struct strata_section *section = strata_checkpoint_section(&parsing->file, "versions");
    const bool tells = section && section->n_bytes > 0 && section->n_bytes < sizeof now;
    const size_t n = tells ? section->n_bytes : strlen(nobody);
    const char *before = tells ? section->bytes : nobody;
    if (n == strlen(now) && memcmp(before, now, n) == 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA, "%s was kept by %.*s, and this is %s", parsing->path,
                       (int)n, before, now);
}

/* Parts follow each other from the first partition to the last. */
static strata_status read_parts(const struct parsing *parsing, struct kept_index *out,
                                struct strata_err *err)
{
    const struct strata_section *section = strata_checkpoint_section(&parsing->file, "parts");
    uint32_t at = 0;
    if (!section || section->n_bytes % sizeof *out->part != 0) return unfit(parsing, err);
    out->part = section->bytes;
    out->n_parts = section->n_bytes / sizeof *out->part;
    for (size_t i = 0; i < out->n_parts; i++) {
        if (out->part[i].first != at || out->part[i].end <= at) return unfit(parsing, err);
        at = out->part[i].end;
    }
    return at == STRATA_PARTITION_COUNT ? STRATA_OK : unfit(parsing, err);
}

static strata_status read_columns(struct parsing *parsing, struct strata_arena *keep,
                                  struct kept_index *out, struct strata_err *err)
{
    const size_t n = parsing->facts.n_columns;
    struct strata_column *column = STRATA_NEW(keep, struct strata_column, n + 1);
    if (!column) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the table's columns");
    for (size_t i = 0; i < n; i++) {
        const struct column_facts *facts = &parsing->column[i];
        const uint64_t left = (uint64_t)(parsing->text_end - parsing->text);
        const char *name = next_text(parsing);
        if (!name || facts->kind > STRATA_COLUMN_TEXT || facts->n_levels > left)
            return unfit(parsing, err);
        const char **level = STRATA_NEW(keep, const char *, facts->n_levels + 1);
        if (!level) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the table's levels");
        for (size_t j = 0; j < facts->n_levels; j++)
            if (!(level[j] = next_text(parsing))) return unfit(parsing, err);
        column[i] = (struct strata_column){.name = name,
                                           .kind = (enum strata_column_kind)facts->kind,
                                           .level = level,
                                           .n_levels = facts->n_levels};
    }
    out->table =
        (struct strata_table){.n_rows_global = out->n_rows_global, .column = column, .n_columns = n};
    return STRATA_OK;
}

/* The caller's sources must be those that were counted. */
static strata_status read_sources(struct parsing *parsing, struct strata_quality *quality,
                                  struct strata_err *err)
{
    if (quality->n_sources != parsing->facts.n_sources ||
        quality->n_features != parsing->facts.n_columns)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is of a job with other sources or features",
                           parsing->path);
    for (size_t i = 0; i < quality->n_sources; i++) {
        struct strata_source_quality *out = &quality->source[i];
        const uint64_t *count = parsing->source[i].count;
        const char *name = next_text(parsing);
        if (!name) return unfit(parsing, err);
        if (strcmp(name, out->name) != 0)
            return STRATA_FAIL(err, STRATA_E_DATA, "%s is of a job with other sources",
                               parsing->path);
        *out = (struct strata_source_quality){.name = out->name,
                                              .rows = count[0],
                                              .rejected_rows = count[1],
                                              .null_key_rows = count[2],
                                              .invalid_key_rows = count[3],
                                              .keys = count[4],
                                              .orphan_keys = count[5],
                                              .matched_keys = count[6]};
    }
    return STRATA_OK;
}

static strata_status read_rejects(struct parsing *parsing, struct strata_arena *keep,
                                  struct strata_quality *quality, struct strata_err *err)
{
    const size_t n = parsing->facts.n_rejects;
    struct strata_reject *reject = STRATA_NEW(keep, struct strata_reject, n + 1);
    if (!reject) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the list of rejects");
    for (size_t i = 0; i < n; i++) {
        reject[i].source = next_text(parsing);
        reject[i].file = reject[i].source ? next_text(parsing) : NULL;
        reject[i].column = reject[i].file ? next_text(parsing) : NULL;
        reject[i].reason = reject[i].column ? next_text(parsing) : NULL;
        reject[i].line = parsing->line[i];
        if (!reject[i].reason) return unfit(parsing, err);
    }
    quality->reject = reject;
    quality->n_rejects = n;
    return STRATA_OK;
}

strata_status kept_index_parse(const char *path, const void *bytes, size_t n_bytes,
                               struct strata_arena *keep, struct kept_index *out,
                               struct strata_quality *quality, struct strata_err *err)
{
    struct parsing parsing = {.path = path};
    STRATA_TRY(strata_checkpoint_parse(path, bytes, n_bytes, keep, &parsing.file, err));
    STRATA_TRY(check_versions(&parsing, err));
    STRATA_TRY(find_records(&parsing, err));
    *out = (struct kept_index){.attempt = parsing.file.attempt,
                               .fingerprint = parsing.facts.fingerprint,
                               .n_rows_global = parsing.facts.n_rows_global};
    STRATA_TRY(read_parts(&parsing, out, err));
    STRATA_TRY(read_columns(&parsing, keep, out, err));
    STRATA_TRY(read_sources(&parsing, quality, err));
    STRATA_TRY(read_rejects(&parsing, keep, quality, err));
    if (parsing.text != parsing.text_end) return unfit(&parsing, err);
    quality->customers = out->n_rows_global;
    for (size_t i = 0; i < quality->n_features; i++) {
        quality->feature[i].not_finite = parsing.column[i].not_finite;
        quality->feature[i].distinct = out->table.column[i].n_levels;
    }
    return STRATA_OK;
}
