/* Made-up customers for the tests of persona: a table, a job and an assignment, cut over ranks
 * as one likes. */
#ifndef PERSONA_WORLD_H
#define PERSONA_WORLD_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/persona.h"

#define WORLD_FEATURES 64
#define WORLD_RANKS 8

struct world {
    size_t n, k;
    struct strata_config config;
    struct strata_feature feature[WORLD_FEATURES];
    struct strata_column column[WORLD_FEATURES];
    uint16_t *label;  /* (n) the segment of each */
    uint32_t *weight; /* (n) case weights, or NULL */
    int weight_exponent;
    const struct strata_earlier_name *earlier; /* (k) or NULL */
    struct strata_arena arena;
};

/* Row i is the same number on every rank and every split (SplitMix64). */
static inline uint64_t world_bits(uint64_t seed, uint64_t i)
{
    uint64_t z = seed * UINT64_C(0x9E3779B97F4A7C15) + (i + 1) * UINT64_C(0xD1B54A32D192ED03);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline double world_uniform(uint64_t seed, uint64_t i)
{
    return (double)(world_bits(seed, i) >> 11) * 0x1p-53;
}

/* Nearly normal, mean 0, sd 1. */
static inline double world_normal(uint64_t seed, uint64_t i)
{
    double sum = -6.0;
    for (uint64_t j = 0; j < 12; j++) sum += world_uniform(seed, 12 * i + j);
    return sum;
}

static inline void world_init(struct world *world, size_t n, size_t k)
{
    *world = (struct world){.n = n, .k = k};
    cr_assert(strata_arena_init(&world->arena, (size_t)1 << 30));
    world->label = STRATA_NEW(&world->arena, uint16_t, n);
    world->config.feature = world->feature;
}

static inline size_t world_add(struct world *world, const char *label,
                               enum strata_feature_type type, const char *meaning)
{
    const size_t f = world->config.n_features++;
    cr_assert_lt(f, WORLD_FEATURES);
    uint8_t *present = STRATA_NEW(&world->arena, uint8_t, world->n);
    memset(present, 1, world->n);
    world->feature[f] = (struct strata_feature){.name = label,
                                                .label = label,
                                                .type = type,
                                                .meaning = meaning,
                                                .dimension = STRATA_BEHAVIOURAL,
                                                .weight = 1.0};
    world->column[f] = (struct strata_column){.name = label, .present = present};
    return f;
}

/* A column of zeros to be filled. */
static inline double *world_number(struct world *world, const char *label, const char *meaning)
{
    const size_t f = world_add(world, label, STRATA_NUMERIC, meaning);
    double *number = STRATA_NEW(&world->arena, double, world->n);
    world->column[f].number = number;
    return number;
}

static inline double *world_binary(struct world *world, const char *label, const char *meaning)
{
    double *number = world_number(world, label, meaning);
    world->feature[world->config.n_features - 1].type = STRATA_BINARY;
    return number;
}

/* level is sorted by bytes; declared is the order of an ordinal feature, NULL for a nominal one. */
static inline uint32_t *world_text(struct world *world, const char *label, const char *meaning,
                                   const char *const *level, const char *const *declared,
                                   size_t n_levels)
{
    const size_t f = world_add(world, label, declared ? STRATA_ORDINAL : STRATA_NOMINAL, meaning);
    uint32_t *code = STRATA_NEW(&world->arena, uint32_t, world->n);
    world->feature[f].level = declared;
    world->feature[f].n_levels = declared ? n_levels : 0;
    world->column[f].kind = STRATA_COLUMN_TEXT;
    world->column[f].code = code;
    world->column[f].level = level;
    world->column[f].n_levels = n_levels;
    return code;
}

static inline uint8_t *world_present(struct world *world, size_t f)
{
    uint8_t *present = STRATA_NEW(&world->arena, uint8_t, world->n);
    memcpy(present, world->column[f].present, world->n);
    world->column[f].present = present;
    return present;
}

struct world_run {
    const struct world *world;
    const size_t *order; /* (n) or NULL */
    size_t begin[WORLD_RANKS + 1];
    struct strata_arena keep[WORLD_RANKS];
    struct strata_personas *out[WORLD_RANKS];
    strata_status status[WORLD_RANKS];
    uint64_t n_sums;
};

static inline struct strata_column world_cut(const struct world *world,
                                             const struct strata_column *column, const size_t *order,
                                             size_t begin, size_t n, struct strata_arena *arena)
{
    struct strata_column cut = *column;
    uint8_t *present = STRATA_NEW(arena, uint8_t, n);
    double *number = STRATA_NEW(arena, double, n);
    uint32_t *code = STRATA_NEW(arena, uint32_t, n);
    for (size_t i = 0; i < n; i++) {
        const size_t row = order ? order[begin + i] : begin + i;
        cr_assert_lt(row, world->n);
        present[i] = column->present[row];
        if (column->number) number[i] = column->number[row];
        if (column->code) code[i] = column->code[row];
    }
    cut.present = present;
    if (column->number) cut.number = number;
    if (column->code) cut.code = code;
    return cut;
}

static inline void world_rank(struct strata_comm *comm, void *context)
{
    struct world_run *run = context;
    const struct world *world = run->world;
    const size_t r = (size_t)comm->rank;
    const size_t n = run->begin[r + 1] - run->begin[r];
    struct strata_arena *keep = &run->keep[r];
    struct strata_column *column = STRATA_NEW(keep, struct strata_column, world->config.n_features);
    for (size_t f = 0; f < world->config.n_features; f++) {
        column[f] = world_cut(world, &world->column[f], run->order, run->begin[r], n, keep);
    }
    uint16_t *label = STRATA_NEW(keep, uint16_t, n);
    for (size_t i = 0; i < n; i++) {
        label[i] = world->label[run->order ? run->order[run->begin[r] + i] : run->begin[r] + i];
    }
    const struct strata_table table = {.n_rows = n,
                                       .n_rows_global = world->n,
                                       .column = column,
                                       .n_columns = world->config.n_features};
    const struct strata_clustering clustering = {.dims = {.k = world->k, .d = 1}, .label = label};
    uint32_t *weight = world->weight ? STRATA_NEW(keep, uint32_t, n) : NULL;
    for (size_t i = 0; weight && i < n; i++)
        weight[i] = world->weight[run->order ? run->order[run->begin[r] + i] : run->begin[r] + i];
    const struct strata_rows rows = {
        .n = n, .n_global = world->n, .weight = weight, .weight_exponent = world->weight_exponent};
    struct strata_err err = {0};
    run->status[r] = strata_describe(comm, &world->config, &table, &rows, &clustering,
                                     world->earlier, keep, &run->out[r], &err);
    if (r == 0) run->n_sums = comm->n_sums;
}

/* Describe on ranks with uneven shares; the caller gives back run->keep. */
static inline void world_describe(const struct world *world, int ranks, const size_t *order,
                                  struct world_run *run)
{
    *run = (struct world_run){.world = world, .order = order};
    for (int r = 0; r < ranks; r++) {
        cr_assert(strata_arena_init(&run->keep[r], (size_t)1 << 30));
        const size_t uneven = world->n * (size_t)(r * r + r) / (size_t)(ranks * ranks + ranks);
        run->begin[r] =
            ranks > 1 && r == 1 ? 0 : uneven; /* rank 0 has no rows when there are others */
    }
    run->begin[ranks] = world->n;
    struct strata_err err = {0};
    cr_assert_eq(strata_comm_run_threads(ranks, world_rank, run, &err), STRATA_OK, "%s", err.text);
    for (int r = 0; r < ranks; r++) cr_assert_eq(run->status[r], STRATA_OK, "rank %d", r);
}

static inline void world_run_finish(struct world_run *run)
{
    for (size_t r = 0; r < WORLD_RANKS; r++) strata_arena_finish(&run->keep[r]);
}

/* Every field, doubles to the last bit. */
static inline void world_print_cells(FILE *out, const struct world *world,
                                     const struct strata_profile_cell *cell)
{
    for (size_t f = 0; f < world->config.n_features; f++, cell++) {
        (void)fprintf(out, "f%zu %llu %llu %a %a %a %a %a %a %a %d %d", f,
                      (unsigned long long)cell->count, (unsigned long long)cell->missing,
                      cell->mean, cell->sd, cell->low, cell->median, cell->high, cell->index,
                      cell->effect, cell->level, cell->hidden);
        for (size_t l = 0; cell->share && l < world->column[f].n_levels; l++) {
            (void)fprintf(out, " %a", cell->share[l]);
        }
        (void)fputc('\n', out);
    }
}

static inline void world_print_statements(FILE *out, const struct strata_statement *st, size_t n)
{
    for (size_t i = 0; i < n; i++, st++)
        (void)fprintf(out, "%s|%s|%s|%zu %d %a %a %llu %a %a\n", st->text, st->section,
                      st->statistic, st->feature, st->level, st->value, st->reference,
                      (unsigned long long)st->count, st->low, st->high);
}

static inline void world_print_list(FILE *out, const struct strata_statements *list)
{
    world_print_statements(out, list->item, list->n);
}

static inline void world_print_portrait(FILE *out, const struct strata_portrait *p)
{
    const struct strata_attractiveness *a = &p->attractiveness;
    (void)fprintf(out, "%s|%s|%s\n", p->name, p->avatar, p->avatar_text);
    if (p->age) world_print_statements(out, p->age, 1);
    world_print_list(out, &p->household);
    for (size_t t = 0; t < STRATA_TOPIC_COUNT; t++) world_print_list(out, &p->topic[t]);
    world_print_list(out, &p->needs);
    world_print_list(out, &p->pains);
    world_print_list(out, &p->value);
    world_print_list(out, &p->potential);
    const struct strata_preferences *both[] = {&p->channels, &p->affinities};
    for (size_t i = 0; i < 2 * (p->channels.n + p->affinities.n); i++) {
        const struct strata_preferences *list = both[i % 2];
        if (i / 2 >= list->n) continue;
        (void)fprintf(out, "%s %a %d\n", list->item[i / 2].label, list->item[i / 2].index,
                      list->item[i / 2].preferred);
        world_print_statements(out, list->item[i / 2].statement, 1);
    }
    for (size_t i = 0; i < p->n_offers; i++) {
        (void)fprintf(out, "%s %a %s\n", p->offer[i].title, p->offer[i].fit,
                      p->offer[i].reason.text);
        world_print_list(out, &p->offer[i].reason.because);
    }
    (void)fprintf(out, "%s\n", p->tone.text ? p->tone.text : "");
    for (size_t i = 0; i < p->n_typical; i++)
        (void)fprintf(out, "%s %s %a %d %llu %a\n", p->typical[i].label, p->typical[i].text,
                      p->typical[i].number, p->typical[i].level,
                      (unsigned long long)p->typical[i].count, p->typical[i].share);
    for (size_t d = 0; d < STRATA_DEPARTMENT_COUNT; d++)
        for (size_t i = 0; i < p->brief[d].n_lines; i++) {
            (void)fprintf(out, "%s: %s\n", p->brief[d].title, p->brief[d].line[i].text);
            world_print_list(out, &p->brief[d].line[i].because);
        }
    (void)fprintf(out, "%a %a %a %a %a %u\n", a->size, a->value, a->reach, a->score, a->value_share,
                  a->rank);
}

static inline char *world_text_of(const struct world *world, const struct strata_personas *personas)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    world_print_cells(out, world, personas->everybody);
    for (size_t s = 0; s < personas->k; s++) {
        const struct strata_persona *persona = &personas->segment[s];
        (void)fprintf(out, "%s|%s|%llu %a\n", persona->name, persona->definition,
                      (unsigned long long)persona->size, persona->share);
        world_print_cells(out, world, persona->cell);
        for (size_t m = 0; m < persona->n_markers; m++) {
            (void)fprintf(out, "m %zu %d %a\n", persona->marker[m].feature,
                          persona->marker[m].level, persona->marker[m].effect);
        }
        world_print_statements(out, persona->statement, persona->n_statements);
        world_print_portrait(out, persona->portrait);
    }
    (void)fclose(out);
    return text;
}

#endif
