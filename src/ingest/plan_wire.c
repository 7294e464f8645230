/* The plan's detail as bytes, from rank 0 to the others: fields in order, texts with their
 * length. */
#include <string.h>

#include "ingest_impl.h"

/* One walk serves both directions: `to` is written, `from` is read. */
struct wire {
    unsigned char *to;         /* NULL: only count */
    const unsigned char *from; /* NULL: writing */
    size_t at, size;
    struct strata_arena *keep; /* of texts that are read */
    bool failed;
};

static void wire_bytes(struct wire *wire, void *bytes, size_t n)
{
    if (wire->from && n > wire->size - wire->at) wire->failed = true;
    if (wire->failed || n == 0) return;
    if (wire->from)
        memcpy(bytes, wire->from + wire->at, n);
    else if (wire->to)
        memcpy(wire->to + wire->at, bytes, n);
    wire->at += n;
}

static void wire_u64(struct wire *wire, uint64_t *value)
{
    wire_bytes(wire, value, sizeof *value);
}
static void wire_u32(struct wire *wire, uint32_t *value)
{
    wire_bytes(wire, value, sizeof *value);
}

static void wire_bool(struct wire *wire, bool *value)
{
    uint8_t byte = *value;
    wire_bytes(wire, &byte, 1);
    *value = byte != 0;
}

static void wire_text(struct wire *wire, const char **text)
{
    uint64_t n = wire->from || !*text ? 0 : strlen(*text);
    wire_u64(wire, &n);
    if (wire->from && n > wire->size - wire->at) wire->failed = true;
    if (wire->failed) return;
    if (wire->from) {
        *text = strata_arena_copy(wire->keep, (const char *)wire->from + wire->at, (size_t)n);
        wire->failed = *text == NULL;
    } else if (wire->to && n > 0) {
        memcpy(wire->to + wire->at, *text, (size_t)n);
    }
    wire->at += (size_t)n;
}

/* A count, and when reading room for that many items of size bytes. */
static void *wire_count(struct wire *wire, size_t *count, void *items, size_t size)
{
    uint64_t n = *count;
    wire_u64(wire, &n);
    if (!wire->from) return items;
    if (wire->failed || n > wire->size) {
        wire->failed = true;
        n = 0;
    }
    *count = (size_t)n;
    void *room = strata_arena_take(wire->keep, size, _Alignof(max_align_t), (size_t)n + 1);
    if (!room) *count = 0;
    wire->failed = wire->failed || !room;
    return room;
}

static void wire_column(struct wire *wire, struct ingest_column *column)
{
    wire_text(wire, &column->name);
    wire_text(wire, &column->file_type);
    wire_text(wire, &column->type);
    wire_bool(wire, &column->declared);
    wire_bool(wire, &column->used);
    wire_bool(wire, &column->is_key);
}

static void wire_source(struct wire *wire, struct ingest_source *source)
{
    wire_text(wire, &source->dialect.delimiter);
    wire_text(wire, &source->dialect.quote);
    wire_text(wire, &source->dialect.escape);
    wire_bool(wire, &source->dialect.header);
    wire_bool(wire, &source->direct);
    source->column = wire_count(wire, &source->n_columns, source->column, sizeof *source->column);
    for (size_t i = 0; i < source->n_columns; i++) wire_column(wire, &source->column[i]);
    source->file = wire_count(wire, &source->n_files, source->file, sizeof *source->file);
    for (size_t i = 0; i < source->n_files; i++) {
        struct ingest_file *file = &source->file[i];
        wire_text(wire, &file->path);
        wire_u64(wire, &file->bytes);
        wire_u64(wire, &file->n_rows);
        wire_u64(wire, &file->data_begin);
        wire_u64(wire, &file->header_lines);
    }
}

static void wire_unit(struct wire *wire, struct ingest_unit *unit)
{
    wire_u32(wire, &unit->source);
    wire_u32(wire, &unit->file);
    wire_u64(wire, &unit->first);
    wire_u64(wire, &unit->end);
    wire_u64(wire, &unit->bytes);
    wire_u64(wire, &unit->line);
    wire_bool(wire, &unit->whole);
    wire_bool(wire, &unit->stripe);
}

static void wire_detail(struct wire *wire, struct ingest_detail *detail)
{
    wire_u64(wire, &detail->limits.unit_bytes);
    wire_u64(wire, &detail->limits.round_bytes);
    wire_u64(wire, &detail->data_bytes);
    wire_text(wire, &detail->sql);
    detail->source = wire_count(wire, &detail->n_sources, detail->source, sizeof *detail->source);
    for (size_t i = 0; i < detail->n_sources; i++) wire_source(wire, &detail->source[i]);
    detail->unit = wire_count(wire, &detail->n_units, detail->unit, sizeof *detail->unit);
    for (size_t i = 0; i < detail->n_units; i++) wire_unit(wire, &detail->unit[i]);
}

strata_status ingest_detail_pack(const struct ingest_detail *detail, struct strata_arena *keep,
                                 unsigned char **bytes, size_t *n_bytes, struct strata_err *err)
{
    struct ingest_detail copy = *detail; /* writing changes nothing of it */
    struct wire wire = {0};
    wire_detail(&wire, &copy);
    *n_bytes = wire.at;
    *bytes = STRATA_NEW(keep, unsigned char, wire.at + 1);
    if (!*bytes)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a plan of %zu bytes", wire.at);
    wire = (struct wire){.to = *bytes};
    wire_detail(&wire, &copy);
    return STRATA_OK;
}

strata_status ingest_detail_unpack(const unsigned char *bytes, size_t n_bytes,
                                   const struct strata_config *config, struct strata_arena *keep,
                                   struct ingest_detail **out, struct strata_err *err)
{
    struct ingest_detail *detail = STRATA_NEW(keep, struct ingest_detail, 1);
    struct wire wire = {.from = bytes, .size = n_bytes, .keep = keep};
    if (detail) wire_detail(&wire, detail);
    if (!detail || wire.failed || detail->n_sources != config->n_sources)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a plan of %zu bytes", n_bytes);
    for (size_t i = 0; i < detail->n_sources; i++) detail->source[i].config = &config->source[i];
    *out = detail;
    return STRATA_OK;
}
