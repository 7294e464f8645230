/* A kept table comes back as it was on any number of ranks, or not at all, with the reason. */
#include "checkpoint_world.h"

#include "results/checkpoint_format.h"
#include "strata/hash.h"
#include "strata/kept.h"
#include "strata/versions.h"

enum { CUSTOMERS = 60, COLUMNS = 3, REJECTS = 2, FINGERPRINT = 4711 };

static const char *const level[] = {"", "north", "south & west"};

/* The table of one rank among size, by formulas. */
struct world {
    struct strata_table table;
    struct strata_column column[COLUMNS];
    const char *key[CUSTOMERS];
    uint64_t key_hash[CUSTOMERS];
    char text[CUSTOMERS][16];
    uint8_t present[COLUMNS][CUSTOMERS];
    double number[COLUMNS][CUSTOMERS];
    uint32_t code[CUSTOMERS];
    struct strata_source_quality source[2];
    struct strata_feature_quality feature[COLUMNS];
    struct strata_reject reject[REJECTS];
    struct strata_quality quality;
};

static int by_partition(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    const uint32_t p = strata_partition_of(strata_hash(x, strlen(x)));
    const uint32_t q = strata_partition_of(strata_hash(y, strlen(y)));
    return p != q ? (p < q ? -1 : 1) : strcmp(x, y);
}

static void fill_rows(struct world *world, int rank, int size)
{
    size_t n = 0;
    for (size_t i = 0; i < CUSTOMERS; i++) {
        char *key = world->text[i];
        (void)snprintf(key, sizeof world->text[i], i % 2 ? "c%zu" : "customer %zu", i);
        const uint32_t partition = strata_partition_of(strata_hash(key, strlen(key)));
        if (strata_partition_rank(partition, size) == rank) world->key[n++] = key;
    }
    qsort(world->key, n, sizeof *world->key, by_partition);
    for (size_t i = 0; i < n; i++) {
        const uint64_t hash = world->key_hash[i] = strata_hash(world->key[i], strlen(world->key[i]));
        for (size_t c = 0; c < COLUMNS; c++) world->present[c][i] = (hash >> c & 3) != 0;
        for (size_t c = 0; c < 2; c++)
            world->number[c][i] = world->present[c][i] ? (double)(hash >> 40) / 7 + (double)c : 0;
        world->code[i] = world->present[2][i] ? (uint32_t)(hash % 3) : 0;
    }
    world->table.n_rows = n;
}

static void world_make(struct world *world, int rank, int size)
{
    static const char *const name[] = {"spend", "visits", "region"};
    memset(world, 0, sizeof *world);
    fill_rows(world, rank, size);
    for (size_t c = 0; c < COLUMNS; c++) {
        const bool text = c == 2;
        world->column[c] =
            (struct strata_column){.name = name[c],
                                   .kind = text ? STRATA_COLUMN_TEXT : STRATA_COLUMN_NUMBER,
                                   .present = world->present[c],
                                   .number = text ? NULL : world->number[c],
                                   .code = text ? world->code : NULL,
                                   .level = text ? level : NULL,
                                   .n_levels = text ? 3 : 0};
        world->feature[c] = (struct strata_feature_quality){
            .name = name[c], .not_finite = c * 5, .distinct = text ? 3 : 0};
    }
    world->table.n_rows_global = CUSTOMERS;
    world->table.key = world->key;
    world->table.key_hash = world->key_hash;
    world->table.column = world->column;
    world->table.n_columns = COLUMNS;
    world->source[0] = (struct strata_source_quality){"baskets", 1, 2, 3, 4, 5, 6, 7};
    world->source[1] = (struct strata_source_quality){"people", 11, 12, 13, 14, 15, 16, 17};
    world->reject[0] = (struct strata_reject){"baskets", "a.csv", 17, "", "too few values"};
    world->reject[1] = (struct strata_reject){"people", "b.csv", 3, "age", "no number"};
    world->quality = (struct strata_quality){.customers = CUSTOMERS,
                                             .source = world->source,
                                             .n_sources = 2,
                                             .feature = world->feature,
                                             .n_features = COLUMNS,
                                             .reject = world->reject,
                                             .n_rejects = REJECTS};
}

TestSuite(kept, .init = begin, .fini = end);

static void keep_body(struct strata_comm *comm, void *context)
{
    struct strata_err err = {0}, *out = context;
    struct world *world = calloc(1, sizeof *world);
    world_make(world, comm->rank, comm->size);
    const strata_status status =
        strata_table_keep(comm, &attempt, FINGERPRINT, &world->table, &world->quality, &err);
    if (comm->rank == 0) *out = err;
    if (status != err.code) abort();
    free(world);
}

static strata_status keep(int ranks, struct strata_err *err)
{
    struct strata_err threads = {0};
    cr_assert_eq(strata_comm_run_threads(ranks, keep_body, err, &threads), STRATA_OK);
    return err->code;
}

static void keep_well(int ranks)
{
    struct strata_err err = {0};
    cr_assert_eq(keep(ranks, &err), STRATA_OK, "%s", err.text);
}

/* --- recalling ------------------------------------------------------------------------------- */

struct recalled {
    uint64_t fingerprint;
    bool there, wrong;
    struct strata_err why;
};

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool same_rows(const struct strata_table *a, const struct strata_table *b)
{
    if (a->n_rows != b->n_rows || a->n_rows_global != b->n_rows_global) return false;
    for (size_t i = 0; i < a->n_rows; i++) {
        if (!same_text(a->key[i], b->key[i]) || a->key_hash[i] != b->key_hash[i]) return false;
        for (size_t c = 0; c < COLUMNS; c++) {
            const struct strata_column *x = &a->column[c], *y = &b->column[c];
            if (x->present[i] != y->present[i]) return false;
            if (c < 2 && memcmp(&x->number[i], &y->number[i], sizeof(double)) != 0) return false;
            if (c == 2 && x->code[i] != y->code[i]) return false;
        }
    }
    return true;
}

static bool same_columns(const struct strata_table *a, const struct strata_table *b)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        const struct strata_column *x = &a->column[c], *y = &b->column[c];
        if (!same_text(x->name, y->name) || x->kind != y->kind || x->n_levels != y->n_levels)
            return false;
        for (size_t i = 0; i < x->n_levels; i++)
            if (!same_text(x->level[i], y->level[i])) return false;
    }
    return a->n_columns == COLUMNS;
}

static bool same_quality(const struct strata_quality *a, const struct strata_quality *b)
{
    bool same = a->customers == b->customers && a->n_rejects == b->n_rejects;
    for (size_t i = 0; i < 2; i++) /* names are the same pointers */
        same = same && memcmp(&a->source[i], &b->source[i], sizeof *a->source) == 0;
    for (size_t i = 0; i < COLUMNS; i++)
        same = same && a->feature[i].not_finite == b->feature[i].not_finite &&
               a->feature[i].distinct == b->feature[i].distinct;
    for (size_t i = 0; same && i < REJECTS; i++) {
        const struct strata_reject *x = &a->reject[i], *y = &b->reject[i];
        same = same_text(x->source, y->source) && same_text(x->file, y->file) &&
               same_text(x->column, y->column) && same_text(x->reason, y->reason) &&
               x->line == y->line;
    }
    return same;
}

static void recall_body(struct strata_comm *comm, void *context)
{
    struct recalled *recalled = context;
    struct strata_arena own;
    struct strata_err why = {0}, err = {0};
    struct world *world = calloc(2, sizeof *world);
    struct strata_table *table = NULL;
    if (!strata_arena_init(&own, (size_t)1 << 26)) abort();
    world_make(&world[0], comm->rank, comm->size);
    world_make(&world[1], comm->rank, comm->size);
    struct strata_quality *quality = &world[1].quality;
    for (size_t i = 0; i < 2; i++)
        world[1].source[i] = (struct strata_source_quality){.name = world[1].source[i].name};
    for (size_t i = 0; i < COLUMNS; i++) world[1].feature[i].not_finite = 99;
    quality->customers = quality->n_rejects = 0;
    const size_t used = strata_arena_used(&own);
    if (strata_table_recall(comm, folder, recalled->fingerprint, &own, &table, quality, &why,
                            &err) != STRATA_OK)
        abort();
    const bool right =
        table ? same_rows(table, &world[0].table) && same_columns(table, &world[0].table) &&
                    same_quality(quality, &world[0].quality)
              : quality->customers == 0 && quality->source[0].rows == 0 &&
                    world[1].feature[1].not_finite == 99 && strata_arena_used(&own) == used;
    int64_t wrong = !right || (table == NULL) != (why.code != STRATA_OK);
    strata_comm_sum(comm, &wrong, 1);
    if (comm->rank == 0) {
        recalled->there = table != NULL;
        recalled->why = why;
        recalled->wrong = wrong != 0;
    }
    strata_arena_finish(&own);
    free(world);
}

static struct recalled recall_as(int ranks, uint64_t fingerprint)
{
    struct recalled recalled = {.fingerprint = fingerprint};
    struct strata_err err = {0};
    cr_assert_eq(strata_comm_run_threads(ranks, recall_body, &recalled, &err), STRATA_OK);
    cr_assert_not(recalled.wrong, "ranks %d: %s", ranks, recalled.why.text);
    return recalled;
}

Test(kept, the_table_comes_back_on_any_number_of_ranks)
{
    static const int ranks[] = {1, 2, 3, 8, 61};
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        keep_well(ranks[i]);
        for (size_t j = 0; j < sizeof ranks / sizeof *ranks; j++)
            cr_assert(recall_as(ranks[j], FINGERPRINT).there);
        cr_assert_eq(count_files(strata_path_join(folder, "table", &arena)), (size_t)ranks[i] + 1,
                     "what was kept before is gone");
    }
}

Test(kept, other_inputs_or_settings_and_nothing_kept_are_told)
{
    cr_assert_eq(recall_as(2, FINGERPRINT).why.code, STRATA_E_NO_INPUT);
    keep_well(2);
    const struct recalled other = recall_as(3, FINGERPRINT + 1);
    cr_assert_not(other.there);
    cr_assert_not_null(strstr(other.why.text, "other inputs or settings"));
    struct strata_err err = {0};
    cr_assert_eq(strata_table_forget(&attempt, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(recall_as(2, FINGERPRINT).why.code, STRATA_E_NO_INPUT);
    cr_assert_eq(count_files(strata_path_join(folder, "table", &arena)), 0);
}

Test(kept, files_are_for_their_owner_alone)
{
    struct stat facts;
    keep_well(1);
    cr_assert_eq(stat(strata_path_join(folder, "table", &arena), &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0700);
    cr_assert_eq(stat(strata_path_join(folder, "table/000001-0000.part", &arena), &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0600);
    cr_assert_eq(stat(strata_path_join(folder, "table/index", &arena), &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0600);
}

Test(kept, an_overtaken_attempt_keeps_and_forgets_nothing)
{
    struct strata_attempt later;
    struct strata_err err = {0};
    keep_well(2);
    cr_assert_eq(strata_attempt_begin(folder, &later, &err), STRATA_OK);
    cr_assert_eq(keep(2, &err), STRATA_E_UNAVAILABLE, "%s", err.text);
    err = (struct strata_err){0};
    cr_assert_eq(strata_table_forget(&attempt, &err), STRATA_E_UNAVAILABLE);
    cr_assert(recall_as(3, FINGERPRINT).there);
}

/* The index as another program would have written it; without `versions`: as one that did not tell. */
static void put_versions(const char *versions)
{
    char *bytes = NULL;
    size_t n = 0, n_sections = 0;
    struct strata_err err = {0};
    struct strata_checkpoint index = {0};
    const char *path = strata_path_join(folder, "table/index", &arena);
    cr_assert(strata_arena_take(&arena, 64, 64, 1));
    cr_assert_eq(strata_file_read(path, 1 << 20, &arena, &bytes, &n, &err), STRATA_OK);
    cr_assert_eq(strata_checkpoint_parse(path, bytes, n, &arena, &index, &err), STRATA_OK);
    for (size_t i = 0; i < index.n_sections; i++) {
        struct strata_section *section = &index.section[n_sections];
        *section = index.section[i];
        if (strcmp(section->name, "versions") != 0)
            n_sections++;
        else if (versions)
            index.section[n_sections++] =
                (struct strata_section){"versions", versions, strlen(versions)};
    }
    cr_assert_eq(checkpoint_file_make(path, 1, 1, index.section, n_sections, &err), STRATA_OK);
}

Test(kept, what_another_version_has_kept_is_not_used_and_both_are_named)
{
    char now[STRATA_VERSIONS_BYTES];
    const char *other[] = {"strata 0.0.1 with DuckDB v1.0.0", NULL};
    strata_versions(now);
    for (size_t i = 0; i < 2; i++) {
        keep_well(2);
        put_versions(other[i]);
        const struct recalled recalled = recall_as(2, FINGERPRINT);
        cr_assert_not(recalled.there);
        const char *name = other[i] ? other[i] : "an earlier strata";
        cr_assert(strstr(recalled.why.text, name) && strstr(recalled.why.text, now) &&
                      strstr(recalled.why.text, "table/index"),
                  "%s", recalled.why.text);
    }
    keep_well(2);
    put_versions(now);
    cr_assert(recall_as(2, FINGERPRINT).there, "the same version, and the same bytes");
}

/* --- damage ---------------------------------------------------------------------------------- */

/* Each byte of a file is flipped, and the file is cut off at every fifth: neither passes for the table. */
static void damage_everywhere(const char *name)
{
    char *bytes = NULL;
    size_t n = 0;
    struct strata_err err = {0};
    const char *path = strata_path_join(folder, name, &arena);
    cr_assert_eq(strata_file_read(path, 1 << 20, &arena, &bytes, &n, &err), STRATA_OK);
    for (size_t at = 0; at < n; at++)
        for (int cut = 0; cut < (at % 5 ? 1 : 2); cut++) {
            bytes[at] ^= (char)(1 << at % 8);
            FILE *file = fopen(path, "wb");
            cr_assert_eq(fwrite(bytes, 1, cut ? at : n, file), cut ? at : n);
            cr_assert_eq(fclose(file), 0);
            bytes[at] ^= (char)(1 << at % 8);
            const struct recalled recalled = recall_as(1, FINGERPRINT);
            cr_assert_not(recalled.there, "byte %zu", at);
            cr_assert_not_null(strstr(recalled.why.text, name), "%s", recalled.why.text);
        }
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, n, file), n);
    cr_assert_eq(fclose(file), 0);
    cr_assert(recall_as(1, FINGERPRINT).there);
}

Test(kept, every_byte_of_the_index_counts)
{
    keep_well(3);
    damage_everywhere("table/index");
}

Test(kept, every_byte_of_a_part_counts)
{
    keep_well(64); /* a part has a few rows of 64 partitions */
    damage_everywhere("table/000001-0640.part");
}

Test(kept, a_damaged_partition_is_named)
{
    keep_well(1);
    struct stat facts;
    const char *path = strata_path_join(folder, "table/000001-0000.part", &arena);
    cr_assert_eq(stat(path, &facts), 0);
    FILE *file = fopen(path, "r+b"); /* the last code is of the last customer */
    cr_assert_eq(fseek(file, -1, SEEK_END), 0);
    (void)fputc(0x55, file);
    cr_assert_eq(fclose(file), 0);
    const struct recalled recalled = recall_as(3, FINGERPRINT);
    cr_assert_not_null(strstr(recalled.why.text, "in partition "), "%s", recalled.why.text);
    cr_assert_eq(recalled.why.rank, 2);
}

/* --- calls that fail ------------------------------------------------------------------------- */

Test(kept, a_call_that_fails_leaves_a_whole_table_or_none_and_the_next_one_is_kept)
{
    static const int error_of[] = {ENOSPC, EIO, EDQUOT, EINTR};
    for (size_t e = 0; e < 4; e++)
        for (int ever = 0; ever < 2; ever++) {
            bool hit = true;
            for (size_t at = 1; hit; at++) {
                struct strata_err err = {0};
                io.n_calls = 0;
                io.hit = false;
                io.fail_at = at;
                io.fail_errno = error_of[e];
                io.fail_ever = ever;
                const strata_status status = keep(1, &err);
                hit = io.hit;
                io.fail_at = 0;
                cr_assert(status == STRATA_OK || status == STRATA_E_IO || status == STRATA_E_CREATE,
                          "%s", err.text);
                const bool there = recall_as(2, FINGERPRINT).there;
                cr_assert(there || status != STRATA_OK);
                keep_well(2);
                cr_assert(recall_as(1, FINGERPRINT).there);
            }
        }
}
