#include "shuffle.h"

strata_status shuffle_init(struct shuffle *shuffle, struct strata_arena *stage,
                           struct strata_err *err)
{
    const size_t n = (size_t)shuffle->comm->size;
    const uint64_t round = shuffle->detail->limits.round_bytes;
    const uint64_t least = round < INGEST_ROW_BYTES_MIN ? round : INGEST_ROW_BYTES_MIN;
    struct row_buckets *buckets = &shuffle->buckets;
    buckets->n_buckets = n;
    buckets->capacity = round / n > least ? round / n : least;
    buckets->bytes = STRATA_NEW(stage, unsigned char, n * buckets->capacity);
    buckets->used = STRATA_NEW(stage, uint64_t, n);
    shuffle->received = STRATA_NEW(stage, unsigned char, n * buckets->capacity);
    shuffle->send_bytes = STRATA_NEW(stage, uint64_t, n);
    shuffle->receive_bytes = STRATA_NEW(stage, uint64_t, n);
    shuffle->rejects.item = STRATA_NEW(stage, struct strata_reject, INGEST_REJECTS_MAX);
    if (!buckets->bytes || !buckets->used || !shuffle->received || !shuffle->send_bytes ||
        !shuffle->receive_bytes || !shuffle->rejects.item)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for exchange buffers of %llu bytes",
                           (unsigned long long)(2 * n * buckets->capacity));
    return STRATA_OK;
}

/* The layout of the source's table, from DuckDB's own description. */
STRATA_MUST_CHECK static strata_status find_layout(struct shuffle *shuffle,
                                                   const struct ingest_source *source,
                                                   struct strata_arena *scratch,
                                                   struct row_layout *layout, struct strata_err *err)
{
    const char *table = strata_duck_identifier(source->config->name, scratch);
    struct strata_duck_cursor cursor;
    STRATA_TRY(strata_duck_query(shuffle->owner, &cursor, err, "SELECT * FROM %s LIMIT 0",
                                 table ? table : ""));
    struct strata_duck_column *field =
        STRATA_NEW(scratch, struct strata_duck_column, cursor.n_columns + 1);
    layout->n_fields = cursor.n_columns;
    layout->key = cursor.n_columns;
    layout->key_integer = shuffle->config->key_type == STRATA_KEY_INTEGER;
    for (size_t i = 0; field && i < cursor.n_columns; i++)
        field[i] = cursor.column[i]; /* names are not used */
    strata_duck_cursor_finish(&cursor);
    layout->field = field;
    for (size_t i = 0, at = 0; i < source->n_columns; i++) {
        if (source->column[i].is_key) layout->key = at;
        at += source->column[i].used;
    }
    return field ? STRATA_OK
                 : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the layout of a row");
}

/* Each rank's buckets to their owners; returns how many bytes came.  Infallible. */
static uint64_t exchange(struct shuffle *shuffle)
{
    uint64_t n_bytes = 0;
    rows_pack(&shuffle->buckets, shuffle->send_bytes);
    strata_comm_exchange_sizes(shuffle->comm, shuffle->send_bytes, shuffle->receive_bytes);
    strata_comm_exchange(shuffle->comm, shuffle->buckets.bytes, shuffle->send_bytes,
                         shuffle->received, shuffle->receive_bytes);
    for (int rank = 0; rank < shuffle->comm->size; rank++) n_bytes += shuffle->receive_bytes[rank];
    return n_bytes;
}

/* Rank 0's only bucket to all.  Infallible. */
static uint64_t broadcast(struct shuffle *shuffle)
{
    struct row_buckets one = shuffle->buckets;
    one.n_buckets = 1;
    uint64_t n_bytes = 0;
    rows_pack(&one, &n_bytes);
    strata_comm_broadcast(shuffle->comm, &n_bytes, sizeof n_bytes, 0);
    strata_comm_broadcast(shuffle->comm, one.bytes, (size_t)n_bytes, 0);
    return n_bytes;
}

static bool progress(struct shuffle *shuffle, const struct reader *reader, uint64_t *told)
{
    int64_t state[2] = {!reader->done, (int64_t)(reader->bytes_done - *told)};
    *told = reader->bytes_done;
    strata_comm_sum(shuffle->comm, state, 2);
    shuffle->bytes_done += (uint64_t)state[1];
    if (shuffle->watch && shuffle->watch->progress && shuffle->comm->rank == 0)
        shuffle->watch->progress(shuffle->watch->context,
                                 shuffle->detail->source[reader->source].config->name,
                                 shuffle->bytes_done, shuffle->detail->data_bytes);
    return state[0] > 0;
}

/* Read, exchange, append, until all ranks have read everything. */
STRATA_MUST_CHECK static strata_status run_rounds(struct shuffle *shuffle, struct reader *reader,
                                                  struct strata_duck_appender *appender,
                                                  bool lookup, struct strata_err *err)
{
    strata_status rc = STRATA_OK;
    uint64_t told = 0;
    for (bool more = true; more;) {
        if (rc == STRATA_OK) rc = reader_fill(reader, &shuffle->buckets, err);
        STRATA_TRY(strata_comm_agree(shuffle->comm, rc, err));
        const uint64_t n_bytes = lookup ? broadcast(shuffle) : exchange(shuffle);
        const unsigned char *bytes = lookup ? shuffle->buckets.bytes : shuffle->received;
        rc = rows_append(reader->layout, bytes, n_bytes, appender, err);
        more = progress(shuffle, reader, &told);
    }
    return strata_comm_agree(shuffle->comm, rc, err);
}

strata_status shuffle_source(struct shuffle *shuffle, uint32_t index,
                             struct strata_source_quality *quality, struct strata_arena scratch,
                             struct strata_err *err)
{
    const struct ingest_source *source = &shuffle->detail->source[index];
    struct row_layout layout = {0};
    struct strata_duck_appender *appender = NULL;
    struct strata_err late = {0};
    strata_status rc =
        ingest_table_create(shuffle->owner, shuffle->config, source, false, scratch, err);
    if (rc == STRATA_OK) rc = find_layout(shuffle, source, &scratch, &layout, err);
    if (rc == STRATA_OK)
        rc = strata_duck_append_begin(shuffle->owner, source->config->name, &appender, err);
    rc = strata_comm_agree(shuffle->comm, rc, err);
    struct reader reader = {.duck = shuffle->reader,
                            .config = shuffle->config,
                            .detail = shuffle->detail,
                            .layout = &layout,
                            .source = index,
                            .rank = shuffle->comm->rank,
                            .n_ranks = shuffle->comm->size,
                            .keep = shuffle->keep,
                            .rejects = &shuffle->rejects,
                            .quality = quality};
    if (rc == STRATA_OK) rc = run_rounds(shuffle, &reader, appender, source->config->lookup, err);
    reader_finish(&reader);
    const strata_status ended = strata_duck_append_end(&appender, &late);
    if (rc != STRATA_OK) return rc; /* agreed */
    if (ended != STRATA_OK) *err = late;
    return strata_comm_agree(shuffle->comm, ended, err);
}
