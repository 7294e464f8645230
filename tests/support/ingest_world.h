/* A small world for tests of the ingest: files in a folder of its own, a job, and the customer
 * table that several ranks make of them, as one text. */
#ifndef INGEST_WORLD_H
#define INGEST_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/ingest_impl.h"
#include "strata/file.h"
#include "strata/hash.h"

#define WORLD_TEXT_BYTES ((size_t)8 << 20)
#define WORLD_MAX_RANKS 8

struct world {
    char folder[64];
    struct strata_arena arena;
    struct strata_config *config;
    struct strata_problems *problems; /* of the last plan */
    struct strata_ingest_plan *plan;
    struct ingest_limits limits;
    const struct strata_ingest_watch *watch[WORLD_MAX_RANKS]; /* of each rank */
    const char *remove_after_plan; /* a file of the folder that goes away between plan and reading; or NULL */

    /* what the last run left */
    struct strata_arena keep[WORLD_MAX_RANKS];
    struct strata_table *table[WORLD_MAX_RANKS];
    struct strata_quality quality[WORLD_MAX_RANKS];
    struct strata_err err[WORLD_MAX_RANKS];
    strata_status status[WORLD_MAX_RANKS];
    uint64_t n_exchanges;
    char *text; /* all ranks' rows: key, then the columns */
};

static inline void world_require(bool condition, const char *what)
{
    if (condition) return;
    (void)fprintf(stderr, "ingest_world: %s\n", what);
    abort();
}

static inline void world_open(struct world *world)
{
    memset(world, 0, sizeof *world);
    (void)snprintf(world->folder, sizeof world->folder, "/tmp/strata-ingest-XXXXXX");
    world_require(mkdtemp(world->folder) != NULL, "no folder");
    world_require(strata_arena_init(&world->arena, (size_t)1 << 32), "no arena");
    for (int i = 0; i < WORLD_MAX_RANKS; i++)
        world_require(strata_arena_init(&world->keep[i], (size_t)1 << 30), "no arena");
    world->problems = STRATA_NEW(&world->arena, struct strata_problems, 1);
    world->text = STRATA_NEW(&world->arena, char, WORLD_TEXT_BYTES);
    world->limits = (struct ingest_limits){.unit_bytes = 300, .round_bytes = 4096};
}

static inline void world_close(struct world *world)
{
    struct strata_err err = {0};
    world_require(strata_directory_remove(world->folder, &err) == STRATA_OK, err.text);
    for (int i = 0; i < WORLD_MAX_RANKS; i++) strata_arena_finish(&world->keep[i]);
    strata_arena_finish(&world->arena);
}

static inline char *world_path(struct world *world, const char *name)
{
    return strata_arena_print(&world->arena, "%s/%s", world->folder, name);
}

static inline void world_write(struct world *world, const char *name, const char *text)
{
    FILE *file = fopen(world_path(world, name), "w");
    world_require(file && fputs(text, file) >= 0 && fclose(file) == 0, "cannot write");
}

/* Run SQL that writes files; $ stands for the folder. */
static inline void world_sql(struct world *world, const char *sql)
{
    struct strata_err err = {0};
    struct strata_duck *duck = NULL;
    struct ingest_text text = ingest_text_begin(&world->arena, strlen(sql) + 4096);
    for (const char *at = sql; *at; at++) {
        if (*at == '$')
            ingest_text_add(&text, "%s", world->folder);
        else
            ingest_text_add(&text, "%c", *at);
    }
    world_require(!text.full, "a long statement");
    world_require(strata_duck_open(&(struct strata_duck_options){0}, &duck, &err) == STRATA_OK,
                  err.text);
    world_require(strata_duck_run(duck, &err, "%s", text.bytes) == STRATA_OK, err.text);
    strata_duck_close(&duck);
}

/* Read the job (its problems, if any, are in world->problems); files are relative to the folder. */
static inline void world_job(struct world *world, const char *yaml)
{
    struct strata_err err = {0};
    memset(world->problems, 0, sizeof *world->problems);
    world->config = NULL;
    world_require(strata_config_parse(yaml, strlen(yaml), world_path(world, "job.yaml"), NULL, 0,
                                      &world->arena, &world->config, world->problems,
                                      &err) == STRATA_OK,
                  err.text);
    if (world->problems->total) strata_problems_print(world->problems, stderr);
    world_require(world->problems->total == 0, "the job is not valid");
}

/* True when the plan has no problems. */
static inline bool world_plan(struct world *world, int n_ranks)
{
    struct strata_err err = {0};
    memset(world->problems, 0, sizeof *world->problems);
    world_require(ingest_plan_with(world->config, n_ranks, world->limits, &world->arena,
                                   &world->plan, world->problems, &err) == STRATA_OK,
                  err.text);
    return world->problems->total == 0;
}

static inline void world_rank(struct strata_comm *comm, void *context)
{
    struct world *world = context;
    const int rank = comm->rank;
    strata_arena_reset(&world->keep[rank]);
    world->table[rank] = NULL;
    memset(&world->quality[rank], 0, sizeof world->quality[rank]);
    memset(&world->err[rank], 0, sizeof world->err[rank]);
    world->status[rank] = strata_ingest(
        comm, world->config, rank == 0 ? world->plan : NULL, world->folder, world->watch[rank],
        &world->keep[rank], &world->table[rank], &world->quality[rank], &world->err[rank]);
    if (rank == 0) world->n_exchanges = comm->n_exchanges;
}

static inline void world_print(const struct strata_table *table, struct ingest_text *out)
{
    for (size_t row = 0; row < table->n_rows; row++) {
        ingest_text_add(out, "%s", table->key[row]);
        for (size_t i = 0; i < table->n_columns; i++) {
            const struct strata_column *column = &table->column[i];
            if (!column->present[row])
                ingest_text_add(out, "|");
            else if (column->kind == STRATA_COLUMN_TEXT)
                ingest_text_add(out, "|%s", column->level[column->code[row]]);
            else
                ingest_text_add(out, "|%.17g", column->number[row]);
        }
        ingest_text_add(out, "\n");
    }
}

/* The customers as text on n_ranks ranks, or NULL when the ingest failed. */
static inline const char *world_run(struct world *world, int n_ranks)
{
    struct strata_err err = {0};
    if (!world_plan(world, n_ranks)) {
        strata_problems_print(world->problems, stderr);
        return NULL;
    }
    if (world->remove_after_plan)
        world_require(unlink(world_path(world, world->remove_after_plan)) == 0, "nothing to remove");
    world_require(strata_comm_run_threads(n_ranks, world_rank, world, &err) == STRATA_OK, err.text);
    struct ingest_text out = {.bytes = world->text, .room = WORLD_TEXT_BYTES};
    out.bytes[0] = '\0';
    for (int rank = 0; rank < n_ranks; rank++) {
        if (world->status[rank] != STRATA_OK) return NULL;
        world_print(world->table[rank], &out);
    }
    world_require(!out.full, "too much text");
    return world->text;
}

#endif
