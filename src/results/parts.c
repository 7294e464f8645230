/* assignments/part-*.parquet and features/part-*.parquet.
 *
 * The virtual partitions are cut into parts, a function of the number of customers alone, so
 * the same customers are in the same part whatever the number of ranks.  A part has one writer:
 * the rank that owns its first partition (rank 0 when only the coordinator sees the disk).  In
 * round r every writer gets the rows of its r-th part from whoever holds them, sorts them by key
 * and writes them; so memory is bounded by two parts, and writers work side by side.
 *
 * Who holds a row finds its reasons, for its values lie there: they travel as a feature's index with a number or a
 * level's code, which mean the same on all ranks. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "strata/duck.h"
#include "strata/fault.h"
#include "strata/file.h"
#include "strata/hash.h"
#include "strata/pool.h"
#include "strata/reasons.h"

#include "results_impl.h"

#define STRIP_ROWS 256 /* told of at a time: 8 KiB */

/* No struct that travels has padding. */
struct row_reason {
    double value;    /* the customer's own; of text its code */
    uint32_t share;  /* in thousandths */
    int32_t feature; /* -1: there is no such reason */
};

/* One row as it travels; the key's bytes and, for features, d floats follow. */
struct row_head {
    uint32_t key_bytes;
    int32_t label, runner_up;
    uint32_t unused;
    double distance, posterior, margin;
    struct row_reason reason[STRATA_REASONS_MAX];
};

struct writing {
    struct strata_comm *comm;
    const struct strata_outcome *outcome;
    const char *directory, *temporary_dir;
    uint32_t n_parts, n_rounds;
    uint32_t *first_part; /* (size + 1) writer w has parts first_part[w] to first_part[w + 1] - 1 */
    size_t *first_row;    /* (n_parts + 1) this rank's rows of each part */
    size_t row_floats;    /* d when features are kept, else 0 */
    char *assignment_table; /* SQL that makes the table of assignments */
    char *feature_table;    /* SQL that makes the table of features; NULL when they are not kept */
    const struct strata_reasoning *reasoning;
    const struct strata_binding *binding; /* (n_features) */
    struct strata_pool *pool;             /* tells and packs rows */
    double *contribution;                 /* (threads of the pool, n_features) of one row each */
    struct strata_duck *duck;             /* open once this rank has written a part */
};

/* --- the plan -------------------------------------------------------------------------------- */

static int writer_of(const struct writing *writing, uint32_t part)
{
    const uint32_t first = part * (STRATA_PARTITION_COUNT / writing->n_parts);
    if (writing->outcome->config->reader == STRATA_READER_COORDINATOR) return 0;
    return strata_partition_rank(first, writing->comm->size);
}

static void plan_writers(struct writing *writing)
{
    uint32_t part = 0;
    for (int rank = 0; rank < writing->comm->size; rank++) {
        writing->first_part[rank] = part;
        while (part < writing->n_parts && writer_of(writing, part) == rank) part++;
        const uint32_t mine = part - writing->first_part[rank];
        if (mine > writing->n_rounds) writing->n_rounds = mine;
    }
    writing->first_part[writing->comm->size] = part;
    STRATA_REQUIRE(part == writing->n_parts); /* owners rise with partitions */
}

/* The table is sorted by partition, so the rows of a part lie together. */
static void plan_rows(struct writing *writing)
{
    const struct strata_table *table = writing->outcome->table;
    const uint32_t width = STRATA_PARTITION_COUNT / writing->n_parts;
    size_t row = 0;
    for (uint32_t part = 0; part < writing->n_parts; part++) {
        writing->first_row[part] = row;
        while (row < table->n_rows && strata_partition_of(table->key_hash[row]) / width == part)
            row++;
    }
    writing->first_row[writing->n_parts] = row;
    STRATA_REQUIRE(row == table->n_rows);
}

/* Whether an earlier column has this name for DuckDB, to which the case of ASCII letters is all
 * one. */
static bool is_taken(const struct strata_recipe *recipe, size_t column)
{
    if (strcasecmp(recipe->column[column].label, "key") == 0) return true;
    for (size_t i = 0; i < column; i++)
        if (strcasecmp(recipe->column[i].label, recipe->column[column].label) == 0) return true;
    return false;
}

/* Column names are the labels; one that is taken gets its column's number. */
static char *feature_table_sql(const struct strata_recipe *recipe, struct strata_arena *keep)
{
    char **item = STRATA_NEW(keep, char *, recipe->d + 1);
    size_t n_bytes = 64;
    for (size_t i = 0; item && i < recipe->d; i++) {
        const char *label = recipe->column[i].label;
        if (is_taken(recipe, i)) label = strata_arena_print(keep, "%s (%zu)", label, i + 1);
        item[i] = label ? strata_duck_identifier(label, keep) : NULL;
        if (!item[i]) return NULL;
        n_bytes += strlen(item[i]) + sizeof ", double";
    }
    char *sql = item ? STRATA_NEW(keep, char, n_bytes) : NULL;
    if (!sql) return NULL;
    size_t at = (size_t)snprintf(sql, n_bytes, "create or replace table part (key varchar");
    for (size_t i = 0; i < recipe->d; i++)
        at += (size_t)snprintf(sql + at, n_bytes - at, ", %s double", item[i]);
    (void)snprintf(sql + at, n_bytes - at, ")");
    return sql;
}

static const char *segment_name(const struct strata_outcome *outcome, size_t i)
{
    return outcome->personas->segment[i].name;
}

static const char *feature_name(const struct strata_outcome *outcome, size_t i)
{
    return outcome->table->column[i].name;
}

/* An SQL type whose values are n names, which are told by their places; NULL when there is no room. */
static char *enum_sql(const struct strata_outcome *outcome, size_t n,
                      const char *(*name)(const struct strata_outcome *, size_t),
                      struct strata_arena *keep)
{
    size_t n_bytes = sizeof "enum()";
    for (size_t i = 0; i < n; i++) n_bytes += 2 * strlen(name(outcome, i)) + sizeof "'', ";
    char *sql = STRATA_NEW(keep, char, n_bytes);
    if (!sql) return NULL;
    size_t at = (size_t)snprintf(sql, n_bytes, "enum(");
    for (size_t i = 0; i < n; i++) {
        struct strata_arena scratch = *keep;
        const char *quoted = strata_duck_literal(name(outcome, i), &scratch);
        if (!quoted) return NULL;
        at += (size_t)snprintf(sql + at, n_bytes - at, "%s%s", i > 0 ? ", " : "", quoted);
    }
    (void)snprintf(sql + at, n_bytes - at, ")"); /* there is room for all of it */
    return sql;
}

static char *assignment_table_sql(const struct strata_outcome *outcome, struct strata_arena *keep)
{
    const char *segment = enum_sql(outcome, outcome->personas->k, segment_name, keep);
    const char *feature = enum_sql(outcome, outcome->table->n_columns, feature_name, keep);
    if (!segment || !feature) return NULL;
    return strata_arena_print(
        keep,
        "create or replace table part (key varchar, segment integer, segment_name %s, "
        "distance double, posterior double, runner_up integer, margin double, "
        "reason_1 %s, value_1 double, level_1 varchar, share_1 double, "
        "reason_2 %s, value_2 double, level_2 varchar, share_2 double, "
        "reason_3 %s, value_3 double, level_3 varchar, share_3 double)",
        segment, feature, feature, feature);
}

static strata_status plan_reasons(struct writing *writing, struct strata_arena *keep,
                                  struct strata_err *err)
{
    const struct strata_outcome *outcome = writing->outcome;
    const struct strata_recipe *recipe = &outcome->features->recipe;
    writing->reasoning = strata_reasoning_make(outcome->clustering, recipe, keep);
    const int n_threads = strata_pool_size((int)outcome->config->threads, writing->comm->n_here);
    writing->contribution = STRATA_NEW(keep, double, (size_t)n_threads * recipe->n_features);
    if (!writing->reasoning || !writing->contribution)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the reasons of the assignments");
    STRATA_TRY(strata_pool_start(n_threads, keep, &writing->pool, err));
    return strata_recipe_bind(recipe, outcome->table, keep, &writing->binding, err);
}

static strata_status plan(struct writing *writing, struct strata_arena *keep, struct strata_err *err)
{
    const struct strata_outcome *outcome = writing->outcome;
    writing->n_parts = strata_part_count(outcome->table->n_rows_global);
    writing->first_part = STRATA_NEW(keep, uint32_t, (size_t)writing->comm->size + 1);
    writing->first_row = STRATA_NEW(keep, size_t, (size_t)writing->n_parts + 1);
    if (!writing->first_part || !writing->first_row)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to plan the parts of the assignments");
    writing->assignment_table = assignment_table_sql(outcome, keep);
    if (!writing->assignment_table)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to plan the parts of the assignments");
    if (outcome->config->keep_features) {
        writing->row_floats = outcome->features->recipe.d;
        writing->feature_table = feature_table_sql(&outcome->features->recipe, keep);
        if (!writing->feature_table)
            return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to plan the parts of the features");
    }
    plan_writers(writing);
    plan_rows(writing);
    return plan_reasons(writing, keep, err);
}

/* --- rows on their way ----------------------------------------------------------------------- */

/* The part that writer writes in this round; n_parts: none. */
static uint32_t part_in_round(const struct writing *writing, int writer, uint32_t round)
{
    const uint32_t part = writing->first_part[writer] + round;
    return part < writing->first_part[writer + 1] ? part : writing->n_parts;
}

/* Of n packed rows of this rank. */
static uint64_t rows_bytes(const struct writing *writing, size_t first, size_t n)
{
    uint64_t n_bytes = 0;
    for (size_t row = first; row < first + n; row++)
        n_bytes += sizeof(struct row_head) + strlen(writing->outcome->table->key[row]) +
                   writing->row_floats * sizeof(float);
    return n_bytes;
}

static uint64_t part_bytes(const struct writing *writing, uint32_t part)
{
    if (part == writing->n_parts) return 0;
    const size_t first = writing->first_row[part];
    return rows_bytes(writing, first, writing->first_row[part + 1] - first);
}

/* A row of this rank. */
struct place {
    const struct writing *writing;
    size_t row;
};

/* As the encoding sees it. */
static bool has_value(const void *context, size_t feature)
{
    const struct place *place = context;
    const struct strata_recipe *recipe = &place->writing->outcome->features->recipe;
    bool invalid = false;
    const double raw = strata_binding_value(&place->writing->binding[feature], place->row, &invalid);
    return !isnan(strata_feature_transform(&recipe->feature[feature], raw));
}

static void fill_reasons(const struct writing *writing, size_t row,
                         const struct strata_assignment *from, double *contribution,
                         struct row_reason *out)
{
    const struct strata_outcome *outcome = writing->outcome;
    const struct strata_rows *rows = &outcome->features->rows;
    const size_t n_features = outcome->features->recipe.n_features;
    const struct place place = {writing, row};
    struct strata_reasons reasons = {.n = 0};
    if (from->runner_up >= 0 && outcome->config->keep_reasons) {
        strata_reasons_contribute(writing->reasoning, rows->x + row * rows->d, (size_t)from->label,
                                  (size_t)from->runner_up, contribution);
        reasons = strata_reasons_pick(contribution, n_features, has_value, &place);
    }
    for (size_t i = 0; i < STRATA_REASONS_MAX; i++) out[i] = (struct row_reason){.feature = -1};
    for (size_t i = 0; i < reasons.n; i++) {
        const struct strata_reason *reason = &reasons.reason[i];
        const struct strata_column *column = &outcome->table->column[reason->feature];
        const bool is_text = column->kind == STRATA_COLUMN_TEXT;
        out[i] = (struct row_reason){.value = is_text ? column->code[row] : column->number[row],
                                     .share = (uint32_t)rint(1000 * reason->share),
                                     .feature = (int32_t)reason->feature};
    }
}

static unsigned char *pack_row(const struct writing *writing, size_t row,
                               const struct strata_assignment *from, double *contribution,
                               unsigned char *at)
{
    const struct strata_outcome *outcome = writing->outcome;
    const char *key = outcome->table->key[row];
    struct row_head head = {.key_bytes = (uint32_t)strlen(key),
                            .label = from->label,
                            .runner_up = from->runner_up,
                            .distance = from->distance,
                            .posterior = from->posterior,
                            .margin = from->margin};
    fill_reasons(writing, row, from, contribution, head.reason);
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    memcpy(at, key, head.key_bytes);
    at += head.key_bytes;
    const size_t n_bytes = writing->row_floats * sizeof(float);
    if (n_bytes) memcpy(at, outcome->features->rows.x + row * writing->row_floats, n_bytes);
    return at + n_bytes;
}

/* Rows of one part, and where they go. */
struct packing {
    const struct writing *writing;
    size_t first, n;
    unsigned char *at;
};

/* A thread's share of them, behind those of the threads before it. */
static void pack_share(void *context, int thread)
{
    const struct packing *packing = context;
    const struct writing *writing = packing->writing;
    const struct strata_rows *rows = &writing->outcome->features->rows;
    const size_t n_features = writing->outcome->features->recipe.n_features;
    const struct strata_share share =
        strata_share_of(packing->n, STRIP_ROWS, thread, strata_pool_threads(writing->pool));
    double *contribution = writing->contribution + (size_t)thread * n_features;
    unsigned char *at = packing->at + rows_bytes(writing, packing->first, share.first);
    const size_t end = packing->first + share.first + share.n;
    for (size_t first = packing->first + share.first; first < end; first += STRIP_ROWS) {
        struct strata_assignment told[STRIP_ROWS];
        const size_t n = end - first < STRIP_ROWS ? end - first : STRIP_ROWS;
        strata_rows_ahead(rows, first, n);
        strata_clustering_assign(writing->outcome->clustering, rows, first, n, told);
        for (size_t i = 0; i < n; i++)
            at = pack_row(writing, first + i, &told[i], contribution, at);
    }
}

static void pack_part(const struct writing *writing, uint32_t part, unsigned char *at)
{
    if (part == writing->n_parts) return;
    const size_t first = writing->first_row[part];
    struct packing packing = {writing, first, writing->first_row[part + 1] - first, at};
    strata_pool_run(writing->pool, pack_share, &packing);
}

/* --- one part on the disk -------------------------------------------------------------------- */

/* A received row: its head, its key and its floats. */
struct row_view {
    struct row_head head;
    const char *key;
    const unsigned char *floats;
    const unsigned char *next;
};

static struct row_view view_row(const struct writing *writing, const unsigned char *at)
{
    struct row_view row;
    memcpy(&row.head, at, sizeof row.head);
    row.key = (const char *)at + sizeof row.head;
    row.floats = at + sizeof row.head + row.head.key_bytes;
    row.next = row.floats + writing->row_floats * sizeof(float);
    return row;
}

#define COLUMNS_BEFORE_REASONS 7
#define COLUMNS_OF_REASON 4

/* A NULL where there is nothing to put. */
static void put_reason(const struct writing *writing, struct strata_duck_appender *appender,
                       size_t column, const struct row_reason *reason)
{
    if (reason->feature < 0) {
        for (size_t i = 0; i < COLUMNS_OF_REASON; i++)
            strata_duck_append_value(appender, column + i, NULL, 0);
        return;
    }
    const struct strata_column *of = &writing->outcome->table->column[reason->feature];
    const bool is_text = of->kind == STRATA_COLUMN_TEXT;
    const char *level = is_text ? of->level[(size_t)reason->value] : NULL;
    const double share = reason->share / 1000.0;
    strata_duck_append_word(appender, column, (uint32_t)reason->feature);
    strata_duck_append_value(appender, column + 1, is_text ? NULL : &reason->value,
                             sizeof reason->value);
    strata_duck_append_value(appender, column + 2, level, level ? strlen(level) : 0);
    strata_duck_append_value(appender, column + 3, &share, sizeof share);
}

static void put_assignment(const struct writing *writing, struct strata_duck_appender *appender,
                           const struct row_view *row)
{
    const int32_t id = row->head.label + 1, runner_up = row->head.runner_up + 1;
    const bool rival = row->head.runner_up >= 0;
    strata_duck_append_value(appender, 0, row->key, row->head.key_bytes);
    strata_duck_append_value(appender, 1, &id, sizeof id);
    strata_duck_append_word(appender, 2, (uint32_t)row->head.label);
    strata_duck_append_value(appender, 3, &row->head.distance, sizeof row->head.distance);
    strata_duck_append_value(appender, 4, &row->head.posterior, sizeof row->head.posterior);
    strata_duck_append_value(appender, 5, rival ? &runner_up : NULL, sizeof runner_up);
    strata_duck_append_value(appender, 6, &row->head.margin, sizeof row->head.margin);
    for (size_t i = 0; i < STRATA_REASONS_MAX; i++)
        put_reason(writing, appender, COLUMNS_BEFORE_REASONS + i * COLUMNS_OF_REASON,
                   &row->head.reason[i]);
}

static void put_features(const struct writing *writing, struct strata_duck_appender *appender,
                         const struct row_view *row)
{
    const int exponent = writing->outcome->features->recipe.grid_exponent;
    strata_duck_append_value(appender, 0, row->key, row->head.key_bytes);
    for (size_t i = 0; i < writing->row_floats; i++) {
        float grid;
        memcpy(&grid, row->floats + i * sizeof grid, sizeof grid);
        const double value = ldexp((double)grid, exponent);
        strata_duck_append_value(appender, i + 1, &value, sizeof value);
    }
}

typedef void put_row(const struct writing *writing, struct strata_duck_appender *appender,
                     const struct row_view *row);

static strata_status append_rows(const struct writing *writing, put_row *put_one,
                                 const unsigned char *bytes, size_t n_bytes, struct strata_err *err)
{
    struct strata_duck_appender *appender = NULL;
    STRATA_TRY(strata_duck_append_begin(writing->duck, "part", &appender, err));
    strata_status status = STRATA_OK;
    const unsigned char *at = bytes, *end = bytes + n_bytes;
    while (at < end && status == STRATA_OK) {
        const struct row_view row = view_row(writing, at);
        put_one(writing, appender, &row);
        status = strata_duck_append_row_end(appender, err);
        at = row.next;
    }
    const strata_status ended = strata_duck_append_end(&appender, err);
    return status == STRATA_OK ? ended : status;
}

/* The table `part` as folder/part-NNN.parquet, sorted by the keys' bytes. */
static strata_status copy_part(const struct writing *writing, const char *folder, uint32_t part,
                               struct strata_arena scratch, struct strata_err *err)
{
    const char *path =
        strata_arena_print(&scratch, "%s/%s/part-%03u.parquet", writing->directory, folder, part);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the name of a part");
    return strata_parquet_write(writing->duck, path, "key", scratch, err);
}

static strata_status open_duck(struct writing *writing, struct strata_err *err)
{
    const struct strata_duck_options options = {
        .memory_bytes = writing->outcome->config->memory_bytes,
        .temporary_dir = writing->temporary_dir,
        .threads = 1,
    };
    return writing->duck ? STRATA_OK : strata_duck_open(&options, &writing->duck, err);
}

static strata_status write_part(struct writing *writing, uint32_t part, const unsigned char *bytes,
                                size_t n_bytes, struct strata_arena scratch, struct strata_err *err)
{
    STRATA_TRY(open_duck(writing, err));
    STRATA_TRY(strata_duck_run(writing->duck, err, "%s", writing->assignment_table));
    STRATA_TRY(append_rows(writing, put_assignment, bytes, n_bytes, err));
    STRATA_TRY(copy_part(writing, "assignments", part, scratch, err));
    if (!writing->feature_table) return STRATA_OK;
    STRATA_TRY(strata_duck_run(writing->duck, err, "%s", writing->feature_table));
    STRATA_TRY(append_rows(writing, put_features, bytes, n_bytes, err));
    return copy_part(writing, "features", part, scratch, err);
}

/* --- rounds ---------------------------------------------------------------------------------- */

static uint64_t total(const uint64_t *sizes, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) sum += sizes[i];
    return sum;
}

/* Collective.  `mine` carries this rank's trouble from one round to the agreement of the next. */
static strata_status run_round(struct writing *writing, uint32_t round, struct strata_arena scratch,
                               strata_status *mine, struct strata_err *err)
{
    struct strata_comm *comm = writing->comm;
    uint64_t send_bytes[STRATA_PARTITION_COUNT] = {0};
    uint64_t receive_bytes[STRATA_PARTITION_COUNT] = {0};
    for (int rank = 0; rank < comm->size; rank++)
        send_bytes[rank] = part_bytes(writing, part_in_round(writing, rank, round));
    strata_comm_exchange_sizes(comm, send_bytes, receive_bytes);
    const uint64_t received = total(receive_bytes, comm->size);
    unsigned char *send = STRATA_NEW(&scratch, unsigned char, total(send_bytes, comm->size) + 1);
    unsigned char *receive = STRATA_NEW(&scratch, unsigned char, received + 1);
    if ((!send || !receive) && *mine == STRATA_OK)
        *mine = STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %llu bytes of assignments",
                            (unsigned long long)received);
    STRATA_TRY(strata_comm_agree(comm, *mine, err));

    unsigned char *at = send;
    for (int rank = 0; rank < comm->size; rank++) {
        pack_part(writing, part_in_round(writing, rank, round), at);
        at += send_bytes[rank];
    }
    strata_comm_exchange(comm, send, send_bytes, receive, receive_bytes);
    const uint32_t part = part_in_round(writing, comm->rank, round);
    STRATA_FAULT("results.part.before");
    if (part < writing->n_parts) *mine = write_part(writing, part, receive, received, scratch, err);
    STRATA_FAULT("results.part.after");
    return STRATA_OK;
}

static strata_status make_folders(const struct writing *writing, struct strata_arena scratch,
                                  struct strata_err *err)
{
    static const char *const folder[] = {"assignments", "features"};
    for (size_t i = 0; i < (writing->feature_table ? 2 : 1); i++) {
        const char *path = strata_path_join(writing->directory, folder[i], &scratch);
        bool made = false;
        if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
        STRATA_TRY(strata_directory_make_private(path, &made, err));
    }
    return STRATA_OK;
}

strata_status strata_parts_write(struct strata_comm *comm, const char *directory,
                                 const struct strata_outcome *outcome, const char *temporary_dir,
                                 struct strata_err *err)
{
    struct writing writing = {
        .comm = comm, .outcome = outcome, .directory = directory, .temporary_dir = temporary_dir};
    struct strata_arena scratch = {0};
    strata_status mine = STRATA_OK;
    if (!strata_arena_init(&scratch, STRATA_SCRATCH_BYTES))
        mine = STRATA_FAIL(err, STRATA_E_MEMORY, "no addresses for writing the assignments");
    if (mine == STRATA_OK) mine = plan(&writing, &scratch, err);
    if (mine == STRATA_OK && comm->rank == 0) mine = make_folders(&writing, scratch, err);
    strata_status status = strata_comm_agree(comm, mine, err);
    for (uint32_t round = 0; status == STRATA_OK && round < writing.n_rounds; round++)
        status = run_round(&writing, round, scratch, &mine, err);
    if (status == STRATA_OK) status = strata_comm_agree(comm, mine, err);
    strata_pool_stop(writing.pool);
    strata_duck_close(&writing.duck);
    strata_arena_finish(&scratch);
    return status;
}
