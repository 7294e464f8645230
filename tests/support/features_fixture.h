/* Small jobs on customers held in one place, split over ranks that are threads: what tests of
 * features are made of. */
#ifndef STRATA_TESTS_FEATURES_FIXTURE_H
#define STRATA_TESTS_FEATURES_FIXTURE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "strata/arena.h"
#include "strata/comm.h"
#include "strata/features.h"

enum { FIXTURE_ROWS = 400, FIXTURE_FEATURES = 12, FIXTURE_COLUMNS = 40, FIXTURE_RANKS = 5 };

static inline uint64_t fixture_random(uint64_t i)
{
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline double fixture_unit(uint64_t i)
{
    return (double)(fixture_random(i) >> 11) * 0x1p-53;
}

/* All customers' values of one feature, and the feature. */
struct fixture_column {
    struct strata_feature feature;
    enum strata_column_kind kind;
    bool absent[FIXTURE_ROWS];
    double number[FIXTURE_ROWS];
    uint32_t code[FIXTURE_ROWS];
    const char *const *level;
    size_t n_levels;
};

struct fixture {
    size_t n;
    size_t n_features;
    enum strata_standardise standardise;
    double dimension_weight[STRATA_DIMENSION_COUNT];
    struct fixture_column column[FIXTURE_FEATURES];
    /* how the rows are dealt */
    int empty_rank;    /* that gets no rows; -1 for none */
    bool backwards;    /* rows of a rank in falling order */
    int starving_rank; /* that has so many bytes of memory; -1 for none */
    size_t starving_bytes;
    size_t arena_bytes;
    const struct strata_matrix_room *matrix; /* where it may lie; NULL: in memory */
};

/* What came out, put together again by customer. */
struct fixture_result {
    strata_status status[FIXTURE_RANKS];
    struct strata_err err[FIXTURE_RANKS];
    struct strata_features *features[FIXTURE_RANKS]; /* in the arenas */
    struct strata_quality quality[FIXTURE_RANKS];
    float x[FIXTURE_ROWS][FIXTURE_COLUMNS];
    int size;
    struct strata_arena arena[FIXTURE_RANKS];
};

static inline void fixture_init(struct fixture *job, size_t n)
{
    *job = (struct fixture){
        .n = n, .empty_rank = -1, .starving_rank = -1, .arena_bytes = (size_t)16 << 20};
    for (size_t i = 0; i < STRATA_DIMENSION_COUNT; i++) job->dimension_weight[i] = 1;
}

/* The next feature, numeric unless the caller changes it. */
static inline struct fixture_column *fixture_add(struct fixture *job, const char *name)
{
    struct fixture_column *column = &job->column[job->n_features++];
    *column = (struct fixture_column){.kind = STRATA_COLUMN_NUMBER};
    column->feature = (struct strata_feature){.name = name,
                                              .label = name,
                                              .place = {"job.yaml", 10 + (int)job->n_features, 5},
                                              .dimension = STRATA_BEHAVIOURAL,
                                              .weight = 1};
    return column;
}

static inline struct fixture_column *fixture_add_text(struct fixture *job, const char *name,
                                                      enum strata_feature_type type,
                                                      const char *const *level, size_t n_levels)
{
    struct fixture_column *column = fixture_add(job, name);
    column->kind = STRATA_COLUMN_TEXT;
    column->feature.type = type;
    column->level = level;
    column->n_levels = n_levels;
    return column;
}

struct fixture_run {
    const struct fixture *job;
    struct fixture_result *result;
};

static inline int fixture_owner(const struct fixture *job, size_t row, int size)
{
    const int owner = (int)(fixture_random(row + 7919) % (uint64_t)size);
    return owner == job->empty_rank ? (owner + 1) % size : owner;
}

static inline size_t fixture_rows_of(const struct fixture *job, int rank, int size, size_t *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < job->n; i++) {
        const size_t row = job->backwards ? job->n - 1 - i : i;
        if (fixture_owner(job, row, size) == rank) rows[n++] = row;
    }
    return n;
}

static inline void fixture_deal(const struct fixture *job, const size_t *rows, size_t n,
                                struct strata_arena *arena, struct strata_table *table)
{
    *table =
        (struct strata_table){.n_rows = n,
                              .n_rows_global = job->n,
                              .column = STRATA_NEW(arena, struct strata_column, FIXTURE_FEATURES),
                              .n_columns = job->n_features};
    for (size_t f = 0; f < job->n_features; f++) {
        const struct fixture_column *all = &job->column[f];
        uint8_t *present = STRATA_NEW(arena, uint8_t, n);
        double *number = STRATA_NEW(arena, double, n);
        uint32_t *code = STRATA_NEW(arena, uint32_t, n);
        for (size_t i = 0; i < n; i++) {
            present[i] = !all->absent[rows[i]];
            if (!present[i]) continue;
            number[i] = all->number[rows[i]];
            code[i] = all->code[rows[i]];
        }
        table->column[f] = (struct strata_column){
            all->feature.name, all->kind, present, number, code, all->level, all->n_levels};
    }
}

static inline void fixture_config(const struct fixture *job, struct strata_arena *arena,
                                  struct strata_config *config)
{
    *config = (struct strata_config){.n_features = job->n_features,
                                     .features_place = {"job.yaml", 10, 1},
                                     .model = {.standardise = job->standardise}};
    config->feature = STRATA_NEW(arena, struct strata_feature, FIXTURE_FEATURES);
    memcpy(config->model.dimension_weight, job->dimension_weight, sizeof job->dimension_weight);
    for (size_t f = 0; f < job->n_features; f++) config->feature[f] = job->column[f].feature;
}

static inline void fixture_body(struct strata_comm *comm, void *context)
{
    const struct fixture_run *run = context;
    struct fixture_result *result = run->result;
    struct strata_arena *arena = &result->arena[comm->rank];
    struct strata_arena input = {0};
    STRATA_REQUIRE(strata_arena_init(arena, run->job->arena_bytes));
    STRATA_REQUIRE(strata_arena_init(&input, (size_t)4 << 20));
    size_t rows[FIXTURE_ROWS];
    const size_t n = fixture_rows_of(run->job, comm->rank, comm->size, rows);
    struct strata_table table;
    struct strata_config config;
    fixture_deal(run->job, rows, n, &input, &table);
    fixture_config(run->job, &input, &config);
    struct strata_quality *quality = &result->quality[comm->rank];
    quality->n_features = config.n_features;
    quality->feature = STRATA_NEW(arena, struct strata_feature_quality, FIXTURE_FEATURES);
    quality->note = STRATA_NEW(arena, const char *, STRATA_MAX_NOTES);
    struct strata_arena keep = *arena;
    if (comm->rank == run->job->starving_rank) keep.end = keep.next + run->job->starving_bytes;

    struct strata_features *features = NULL;
    result->status[comm->rank] = strata_features_make(comm, &config, &table, run->job->matrix, &keep,
                                                      &features, quality, &result->err[comm->rank]);
    result->features[comm->rank] = features;
    if (features) {
        for (size_t i = 0; i < n; i++)
            memcpy(result->x[rows[i]], features->rows.x + i * features->rows.d,
                   features->rows.d * sizeof(float));
    }
    strata_arena_finish(&input);
}

static inline void fixture_run(const struct fixture *job, int size, struct fixture_result *result)
{
    memset(result, 0, sizeof *result);
    result->size = size;
    struct strata_err err = {0};
    struct fixture_run run = {job, result};
    STRATA_REQUIRE(strata_comm_run_threads(size, fixture_body, &run, &err) == STRATA_OK);
}

static inline void fixture_finish(struct fixture_result *result)
{
    for (int rank = 0; rank < result->size; rank++) {
        strata_features_finish(result->features[rank]);
        strata_arena_finish(&result->arena[rank]);
    }
}

/* How often a note contains a text. */
static inline size_t fixture_notes(const struct strata_quality *quality, const char *text)
{
    size_t count = 0;
    for (size_t i = 0; i < quality->n_notes; i++) count += strstr(quality->note[i], text) != NULL;
    return count;
}

#endif
