/* What a finished run keeps of its customers, made up, to go with fake_record.h: model.pb and assignments.
 * Customer i of 40 is in segment 1 + i % 2, the other one of the two is the runner-up, and `spend` is i. */
#ifndef STRATA_TESTS_FAKE_RUN_H
#define STRATA_TESTS_FAKE_RUN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/arena.h"
#include "strata/duck.h"
#include "strata/file.h"
#include "strata/hash.h"

#include "fake_model.h"

enum { FAKE_ROWS = 40, FAKE_PARTS = 4, FAKE_SEGMENTS = 3 };

static inline void fake_check(strata_status status, const struct strata_err *err)
{
    if (status == STRATA_OK) return;
    (void)fprintf(stderr, "fake_run: %s\n", err->text);
    abort();
}

static inline void fake_model(const char *directory, bool integer_keys, struct strata_arena *arena)
{
    struct strata_err err = {0};
    size_t n_bytes = 0;
    const unsigned char *bytes = fake_model_bytes(arena, FAKE_SEGMENTS, integer_keys, &n_bytes);
    fake_check(strata_file_write(strata_path_join(directory, "model.pb", arena), bytes, n_bytes,
                                 false, &err),
               &err);
}

static inline void fake_row(struct strata_duck *duck, int i, const char *key,
                            struct strata_arena *arena)
{
    struct strata_err err = {0};
    const uint32_t partition = strata_partition_of(strata_hash(key, strlen(key)));
    fake_check(
        strata_duck_run(duck, &err,
                        "insert into rows values (%u, %s, %d, '', 1.5, 1, %d, 0.25, 'spend', "
                        "%d, null, 0.75, 'unheard of', 1, null, 0.25, null, null, null, null)",
                        partition / (STRATA_PARTITION_COUNT / FAKE_PARTS),
                        strata_duck_literal(key, arena), 1 + i % 2, 2 - i % 2, i),
        &err);
}

/* old: as an earlier strata wrote them, without reasons. */
static inline void fake_run(const char *directory, const char *const *key, bool integer_keys,
                            bool old, struct strata_arena *arena)
{
    struct strata_err err = {0};
    struct strata_duck *duck = NULL;
    const char *folder = strata_path_join(directory, "assignments", arena);
    fake_model(directory, integer_keys, arena);
    fake_check(strata_directory_make(folder, &err), &err);
    fake_check(strata_duck_open(&(struct strata_duck_options){0}, &duck, &err), &err);
    fake_check(strata_duck_run(duck, &err,
                               "create table rows (part integer, key varchar, segment integer, "
                               "segment_name varchar, distance double, posterior double, runner_up "
                               "integer, margin double, reason_1 varchar, value_1 double, level_1 "
                               "varchar, share_1 double, reason_2 varchar, value_2 double, level_2 "
                               "varchar, share_2 double, reason_3 varchar, value_3 double, level_3 "
                               "varchar, share_3 double)"),
               &err);
    for (int i = 0; i < FAKE_ROWS; i++) fake_row(duck, i, key[i], arena);
    for (int part = 0; part < FAKE_PARTS; part++)
        fake_check(strata_duck_run(duck, &err,
                                   "copy (select %s from rows where part = %d order by key) to "
                                   "'%s/part-%03d.parquet'",
                                   old ? "key, segment, runner_up, margin" : "* exclude (part)",
                                   part, folder, part),
                   &err);
    strata_duck_close(&duck);
}

/* The keys "1000", "1001", ... */
static inline const char *const *fake_keys(struct strata_arena *arena)
{
    const char **key = STRATA_NEW(arena, const char *, FAKE_ROWS);
    for (int i = 0; key && i < FAKE_ROWS; i++) key[i] = strata_arena_print(arena, "%d", 1000 + i);
    if (!key) abort();
    return key;
}

#endif
