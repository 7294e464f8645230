/* Rows on disk, by virtual partition: the parts of a kept table. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY /* the state on the stack */
#include <xxhash.h>

#include "kept_impl.h"
#include "strata/config.h"
#include "strata/fault.h"
#include "strata/file.h"
#include "strata/hash.h"

#define MAGIC "StrataTb"
#define VERSION 1u
#define READ_PIECE ((size_t)1 << 30) /* one read call, below the kernel's limit */
#define INTERRUPTIONS_MAX 100

void kept_part_name(uint32_t attempt, uint32_t first, char name[KEPT_NAME_BYTES])
{
    (void)snprintf(name, KEPT_NAME_BYTES, KEPT_FOLDER "/%06u-%04u.part", attempt, first);
}

/* The arrays of a table in the order of the file: present and values of each column. */
struct arrays {
    const unsigned char *bytes[2 * STRATA_MAX_FEATURES];
    size_t width[2 * STRATA_MAX_FEATURES];
    size_t n;
};

static size_t value_width(const struct strata_column *column)
{
    return column->kind == STRATA_COLUMN_TEXT ? sizeof *column->code : sizeof *column->number;
}

static void list_arrays(const struct strata_table *table, struct arrays *out)
{
    STRATA_REQUIRE(table->n_columns <= STRATA_MAX_FEATURES);
    out->n = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct strata_column *column = &table->column[i];
        out->bytes[out->n] = column->present;
        out->width[out->n++] = 1;
        out->bytes[out->n] = column->kind == STRATA_COLUMN_TEXT
                                 ? (const unsigned char *)column->code
                                 : (const unsigned char *)column->number;
        out->width[out->n++] = value_width(column);
    }
}

/* Of rows [row, row + n), whose keys are key_bytes long together. */
static uint64_t checksum_of(const struct arrays *arrays, const char *keys, size_t key_bytes,
                            size_t row, size_t n)
{
    XXH3_state_t state;
    (void)XXH3_64bits_reset(&state); /* these fail for no state only */
    if (key_bytes) (void)XXH3_64bits_update(&state, keys, key_bytes);
    for (size_t i = 0; n && i < arrays->n; i++)
        (void)XXH3_64bits_update(&state, arrays->bytes[i] + row * arrays->width[i],
                                 n * arrays->width[i]);
    return XXH3_64bits_digest(&state);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The keys in a row, and what each partition has of them. */
static bool gather_keys(const struct strata_table *table, uint32_t first,
                        struct kept_partition *partition, struct strata_arena *scratch, char **keys,
                        size_t *key_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n_rows; i++) {
        const size_t length = strlen(table->key[i]) + 1;
        struct kept_partition *own = &partition[strata_partition_of(table->key_hash[i]) - first];
        own->n_rows++;
        own->key_bytes += length;
        n += length;
    }
    *keys = STRATA_NEW(scratch, char, n + 1);
    *key_bytes = n;
    if (!*keys) return false;
    char *to = *keys;
    for (size_t i = 0; i < table->n_rows; i++) {
        const size_t length = strlen(table->key[i]) + 1;
        memcpy(to, table->key[i], length);
        to += length;
    }
    return true;
}

static void sum_partitions(const struct arrays *arrays, const char *keys, size_t n_partitions,
                           struct kept_partition *partition)
{
    size_t row = 0;
    for (size_t p = 0; p < n_partitions; p++) {
        struct kept_partition *own = &partition[p];
        own->checksum = checksum_of(arrays, keys, own->key_bytes, row, own->n_rows);
        keys += own->key_bytes;
        row += own->n_rows;
    }
}

static strata_status place_part(const struct strata_attempt *attempt, const struct kept_head *head,
                                const struct strata_piece *piece, size_t n_pieces,
                                struct strata_err *err)
{
    char name[KEPT_NAME_BYTES], path[STRATA_ATTEMPT_PATH_MAX];
    kept_part_name(attempt->number, head->first, name);
    const char *made = strchr(name, '/') + 1;
    const int length = snprintf(path, sizeof path, "%s/%s", attempt->tray, made);
    if (length < 0 || (size_t)length >= sizeof path)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", attempt->tray);
    STRATA_TRY(strata_file_make(path, piece, n_pieces, true, err));
    STRATA_FAULT("kept.place.before");
    const strata_status status = strata_attempt_place(attempt, made, name, err);
    if (status != STRATA_OK) strata_file_drop(path);
    return status;
}

static strata_status write_part(const struct strata_attempt *attempt, uint64_t fingerprint,
                                uint32_t first, uint32_t end, const struct strata_table *table,
                                struct strata_arena *scratch, struct kept_part *out,
                                struct strata_err *err)
{
    const size_t n_partitions = end - first;
    struct arrays *arrays = STRATA_NEW(scratch, struct arrays, 1);
    struct kept_partition *partition = STRATA_NEW(scratch, struct kept_partition, n_partitions);
    struct strata_piece *piece = STRATA_NEW(scratch, struct strata_piece, 3 + 2 * table->n_columns);
    char *keys = NULL;
    size_t key_bytes = 0, n = 0;
    if (!arrays || !partition || !piece ||
        !gather_keys(table, first, partition, scratch, &keys, &key_bytes))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for keeping the table");
    list_arrays(table, arrays);
    sum_partitions(arrays, keys, n_partitions, partition);
    struct kept_head head = {.magic = MAGIC,
                             .version = VERSION,
                             .attempt = attempt->number,
                             .fingerprint = fingerprint,
                             .n_rows = table->n_rows,
                             .first = first,
                             .end = end,
                             .key_bytes = key_bytes,
                             .partitions_checksum =
                                 strata_hash(partition, n_partitions * sizeof *partition)};
    head.checksum = strata_hash(&head, offsetof(struct kept_head, checksum));
    piece[n++] = (struct strata_piece){&head, sizeof head};
    piece[n++] = (struct strata_piece){partition, n_partitions * sizeof *partition};
    piece[n++] = (struct strata_piece){keys, key_bytes};
    for (size_t i = 0; i < arrays->n; i++)
        piece[n++] = (struct strata_piece){arrays->bytes[i], table->n_rows * arrays->width[i]};
    *out = (struct kept_part){first, end, head.checksum};
    return place_part(attempt, &head, piece, n, err);
}

strata_status kept_part_write(const struct strata_attempt *attempt, uint64_t fingerprint,
                              uint32_t first, uint32_t end, const struct strata_table *table,
                              struct kept_part *out, struct strata_err *err)
{
    struct strata_arena scratch;
    if (!strata_arena_init(&scratch, KEPT_SCRATCH_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no addresses for keeping the table");
    const strata_status status =
        write_part(attempt, fingerprint, first, end, table, &scratch, out, err);
    strata_arena_finish(&scratch);
    return status;
}

/* --- reading --------------------------------------------------------------------------------- */

/* A part and the piece of it that is wanted. */
struct source {
    char path[STRATA_ATTEMPT_PATH_MAX];
    int file; /* -1: not open */
    struct kept_head head;
    struct kept_partition *partition; /* (end - first) of the whole part */
    uint32_t from, to;                /* partitions that are wanted */
    size_t row_skip, row_take;        /* the rows of those */
    size_t key_skip, key_take;        /* and the bytes of their keys */
};

static strata_status damaged(const struct source *source, struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged in its head", source->path);
}

static strata_status read_at(const struct source *source, uint64_t offset, void *bytes,
                             size_t n_bytes, struct strata_err *err)
{
    int tries = 0;
    unsigned char *to = bytes;
    while (n_bytes > 0) {
        const size_t piece = n_bytes < READ_PIECE ? n_bytes : READ_PIECE;
        const ssize_t got =
            STRATA_FAULT_CALL("file.read") ? -1 : pread(source->file, to, piece, (off_t)offset);
        if (got < 0 && errno == EINTR && tries++ < INTERRUPTIONS_MAX) continue;
        if (got < 0)
            return STRATA_FAIL(err, STRATA_E_IO, "%s: cannot read: %s", source->path,
                               strerror(errno));
        if (got == 0)
            return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged: it is cut off", source->path);
        to += got;
        offset += (uint64_t)got;
        n_bytes -= (size_t)got;
    }
    return STRATA_OK;
}

/* Where the wanted piece lies: rows and key bytes before it, and in it. */
static strata_status find_piece(struct source *source, struct strata_err *err)
{
    uint64_t n_rows = 0, key_bytes = 0;
    for (uint32_t p = source->head.first; p < source->head.end; p++) {
        const struct kept_partition *own = &source->partition[p - source->head.first];
        if (own->n_rows > UINT32_MAX || own->key_bytes > UINT32_MAX * (uint64_t)UINT16_MAX)
            return damaged(source, err);
        if (p == source->from) source->row_skip = n_rows, source->key_skip = key_bytes;
        n_rows += own->n_rows;
        key_bytes += own->key_bytes;
        if (p + 1 != source->to) continue;
        source->row_take = n_rows - source->row_skip;
        source->key_take = key_bytes - source->key_skip;
    }
    if (n_rows != source->head.n_rows || key_bytes != source->head.key_bytes)
        return damaged(source, err);
    return STRATA_OK;
}

static strata_status read_head(struct source *source, const struct kept_index *index,
                               const struct kept_part *part, struct strata_arena *scratch,
                               struct strata_err *err)
{
    struct kept_head *head = &source->head;
    const size_t n_partitions = part->end - part->first;
    STRATA_TRY(read_at(source, 0, head, sizeof *head, err));
    if (memcmp(head->magic, MAGIC, sizeof head->magic) != 0 || head->version != VERSION ||
        head->checksum != strata_hash(head, offsetof(struct kept_head, checksum)) ||
        head->checksum != part->checksum || head->attempt != index->attempt ||
        head->fingerprint != index->fingerprint || head->first != part->first ||
        head->end != part->end)
        return damaged(source, err);
    source->partition = STRATA_NEW(scratch, struct kept_partition, n_partitions);
    if (!source->partition) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for partitions");
    STRATA_TRY(read_at(source, sizeof *head, source->partition,
                       n_partitions * sizeof *source->partition, err));
    if (head->partitions_checksum !=
        strata_hash(source->partition, n_partitions * sizeof *source->partition))
        return damaged(source, err);
    return find_piece(source, err);
}

static strata_status open_source(struct source *source, struct strata_err *err)
{
    source->file = STRATA_FAULT_CALL("file.open") ? -1 : open(source->path, O_RDONLY | O_CLOEXEC);
    if (source->file >= 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_NO_INPUT, "%s: cannot open: %s", source->path, strerror(errno));
}

static void close_source(struct source *source)
{
    (void)close(source->file);
    source->file = -1;
}

/* One file is open at a time: a table may have more parts than a process may open. */
static strata_status look_at_part(const char *directory, const struct kept_index *index,
                                  const struct kept_part *part, struct strata_arena *scratch,
                                  struct source *source, struct strata_err *err)
{
    char name[KEPT_NAME_BYTES];
    kept_part_name(index->attempt, part->first, name);
    const int length = snprintf(source->path, sizeof source->path, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof source->path)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", directory);
    STRATA_TRY(open_source(source, err));
    const strata_status status = read_head(source, index, part, scratch, err);
    close_source(source);
    return status;
}

/* Arrays of n rows for the index' columns, and room for the keys. */
static bool take_table(const struct kept_index *index, size_t n, struct strata_arena *keep,
                       struct strata_table *out)
{
    struct strata_column *column =
        STRATA_NEW(keep, struct strata_column, index->table.n_columns + 1);
    if (!column) return false;
    for (size_t i = 0; i < index->table.n_columns; i++) {
        column[i] = index->table.column[i];
        const bool text = column[i].kind == STRATA_COLUMN_TEXT;
        column[i].present = STRATA_NEW(keep, uint8_t, n + 1);
        column[i].code = text ? STRATA_NEW(keep, uint32_t, n + 1) : NULL;
        column[i].number = text ? NULL : STRATA_NEW(keep, double, n + 1);
        if (!column[i].present || (!column[i].code && !column[i].number)) return false;
    }
    *out = (struct strata_table){.n_rows = n,
                                 .n_rows_global = index->n_rows_global,
                                 .key = STRATA_NEW(keep, const char *, n + 1),
                                 .key_hash = STRATA_NEW(keep, uint64_t, n + 1),
                                 .column = column,
                                 .n_columns = index->table.n_columns};
    return out->key && out->key_hash;
}

/* The piece's bytes into rows [row, ...) of the arrays, and its keys. */
static strata_status read_arrays(const struct source *source, const struct arrays *arrays,
                                 size_t row, char *keys, struct strata_err *err)
{
    const struct kept_head *head = &source->head;
    uint64_t at = sizeof *head + (head->end - head->first) * sizeof *source->partition;
    STRATA_TRY(read_at(source, at + source->key_skip, keys, source->key_take, err));
    at += head->key_bytes;
    for (size_t i = 0; i < arrays->n; i++) {
        const size_t width = arrays->width[i];
        unsigned char *to = (unsigned char *)(uintptr_t)arrays->bytes[i]; /* ours, see take_table */
        STRATA_TRY(read_at(source, at + source->row_skip * width, to + row * width,
                           source->row_take * width, err));
        at += head->n_rows * width;
    }
    return STRATA_OK;
}

/* The keys of one partition: as many as rows, and of this partition. */
static bool set_keys(const struct kept_partition *own, uint32_t partition, const char *keys,
                     size_t row, struct strata_table *table)
{
    const char *end = keys + own->key_bytes;
    const char **key = (const char **)(uintptr_t)table->key;
    uint64_t *hash = (uint64_t *)(uintptr_t)table->key_hash;
    for (size_t i = 0; i < own->n_rows; i++) {
        const char *nul = memchr(keys, '\0', (size_t)(end - keys));
        if (!nul) return false;
        key[row + i] = keys;
        hash[row + i] = strata_hash(keys, (size_t)(nul - keys));
        if (strata_partition_of(hash[row + i]) != partition) return false;
        keys = nul + 1;
    }
    return keys == end;
}

static bool has_its_levels(const struct strata_table *table, size_t row, size_t n)
{
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct strata_column *column = &table->column[c];
        for (size_t i = row; column->kind == STRATA_COLUMN_TEXT && i < row + n; i++)
            if (column->present[i] && column->code[i] >= column->n_levels) return false;
    }
    return true;
}

static strata_status check_rows(const struct source *source, const struct arrays *arrays, size_t row,
                                const char *keys, struct strata_table *table, struct strata_err *err)
{
    for (uint32_t p = source->from; p < source->to; p++) {
        const struct kept_partition *own = &source->partition[p - source->head.first];
        if (own->checksum != checksum_of(arrays, keys, own->key_bytes, row, own->n_rows) ||
            !set_keys(own, p, keys, row, table) || !has_its_levels(table, row, own->n_rows))
            return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged in partition %u", source->path, p);
        keys += own->key_bytes;
        row += own->n_rows;
    }
    return STRATA_OK;
}

static strata_status read_rows(const struct kept_index *index, struct source *source,
                               size_t n_sources, struct strata_arena *keep,
                               struct strata_arena *scratch, struct strata_table *out,
                               struct strata_err *err)
{
    size_t n = 0, key_bytes = 0, row = 0;
    for (size_t i = 0; i < n_sources; i++) {
        n += source[i].row_take;
        key_bytes += source[i].key_take;
    }
    char *keys = STRATA_NEW(keep, char, key_bytes + 1);
    struct arrays *arrays = STRATA_NEW(scratch, struct arrays, 1);
    if (!keys || !arrays || !take_table(index, n, keep, out))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu customers on one rank", n);
    list_arrays(out, arrays);
    for (size_t i = 0; i < n_sources; i++) {
        STRATA_TRY(open_source(&source[i], err));
        const strata_status status = read_arrays(&source[i], arrays, row, keys, err);
        close_source(&source[i]);
        STRATA_TRY(status);
        STRATA_TRY(check_rows(&source[i], arrays, row, keys, out, err));
        row += source[i].row_take;
        keys += source[i].key_take;
    }
    return STRATA_OK;
}

/* The parts that have some of the partitions. */
static strata_status find_parts(const char *directory, const struct kept_index *index,
                                uint32_t first, uint32_t end, struct strata_arena *scratch,
                                struct source *source, size_t *n_sources, struct strata_err *err)
{
    for (size_t i = 0; i < index->n_parts; i++) {
        const struct kept_part *part = &index->part[i];
        if (part->end <= first || part->first >= end) continue;
        struct source *next = &source[(*n_sources)++];
        *next = (struct source){.file = -1,
                                .from = part->first > first ? part->first : first,
                                .to = part->end < end ? part->end : end};
        STRATA_TRY(look_at_part(directory, index, part, scratch, next, err));
    }
    return STRATA_OK;
}

strata_status kept_parts_read(const char *directory, const struct kept_index *index, uint32_t first,
                              uint32_t end, struct strata_arena *keep, struct strata_table *out,
                              struct strata_err *err)
{
    struct strata_arena scratch = {0};
    size_t n = 0;
    if (!strata_arena_init(&scratch, KEPT_SCRATCH_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no addresses for reading the table");
    struct source *source = STRATA_NEW(&scratch, struct source, index->n_parts + 1);
    strata_status status =
        source ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "no room for reading the table");
    if (status == STRATA_OK)
        status = find_parts(directory, index, first, end, &scratch, source, &n, err);
    if (status == STRATA_OK) status = read_rows(index, source, n, keep, &scratch, out, err);
    strata_arena_finish(&scratch);
    return status;
}
