/* Small random customers and fits of them on one rank, made in thousands by the metamorphic tests. */
#ifndef STRATA_TESTS_SMALL_FITS_H
#define STRATA_TESTS_SMALL_FITS_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strata/cluster.h"
#include "strata/comm.h"
#include "strata/hash.h"
#include "strata/random.h"

enum { MAX_N = 160, MAX_D = 6, MAX_K = 8, MAX_TRACE = 400, KEY_ROOM = 32 };

/* Customers, and which of them the segments start at. */
struct world {
    size_t n, d, k;
    float x[MAX_N * MAX_D];
    uint32_t weight[MAX_N];
    bool weighted;
    char key[MAX_N][KEY_ROOM];
    size_t start[MAX_K]; /* rows; with_labels: label (n) instead */
    uint16_t label[MAX_N];
    int exponent;
};

enum given { SEEDED, START_ROWS, START_LABELS };

/* How a fit is to be done; no result may depend on threads. */
struct way {
    const char *estimator;
    enum given given;
    uint32_t max_iter, threads;
    uint64_t seed;
};

struct outcome {
    strata_status status;
    struct strata_dims dims;
    double objective, mass[MAX_K], centre[MAX_K * MAX_D], trace[MAX_TRACE];
    double params[MAX_K * (4 * MAX_D + 4)];
    size_t n_params;
    struct strata_candidate_result candidate;
    uint64_t state_hash;
    uint16_t label[MAX_N]; /* by row of the world */
    size_t n_trace;
    bool is_finite;
};

/* --- random worlds --------------------------------------------------------------------- */

struct dice {
    uint64_t seed, thrown;
};

static inline uint64_t below(struct dice *dice, uint64_t bound)
{
    return strata_random_below(dice->seed, STRATA_PURPOSE_TEST, dice->thrown++, 77, bound);
}

enum kind { BLOBS, FEW_INTEGERS, CORNERS, FEW_DISTINCT, ONE_FAR, ALL_EQUAL, KINDS };

static inline double value(struct dice *dice, enum kind kind, size_t row)
{
    switch (kind) {
    case FEW_INTEGERS:
        return (double)below(dice, 4);
    case CORNERS:
        return below(dice, 2) ? 16777216.0 : -16777216.0;
    case FEW_DISTINCT:
        return 65536.0 * (double)(row % 3);
    case ONE_FAR:
        return row == 0 ? 16777216.0 : (double)below(dice, 65536);
    case ALL_EQUAL:
        return -12345.0;
    case BLOBS:
    case KINDS:
        break;
    }
    return (double)(row % 4) * 100000.0 + (double)below(dice, 200000) - 250000.0;
}

static inline void name_row(struct world *world, size_t row, unsigned copy)
{
    (void)snprintf(world->key[row], KEY_ROOM, "c%zu.%u", row, copy);
}

/* k rows that are all different: a draw without replacement. */
static inline void draw_start(struct world *world, struct dice *dice)
{
    size_t row[MAX_N];
    for (size_t i = 0; i < world->n; i++) row[i] = i;
    for (size_t c = 0; c < world->k; c++) {
        const size_t at = c + below(dice, world->n - c), taken = row[at];
        row[at] = row[c];
        row[c] = world->start[c] = taken;
    }
    for (size_t i = 0; i < world->n; i++) world->label[i] = (uint16_t)below(dice, world->k);
    for (size_t c = 0; c < world->k; c++) world->label[row[c]] = (uint16_t)c;
}

static inline struct world *world_new(struct dice *dice, enum kind kind, size_t n_max)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world) abort();
    world->n = 1 + below(dice, n_max);
    world->d = 1 + below(dice, MAX_D);
    world->k = 1 + below(dice, world->n < MAX_K ? world->n : MAX_K);
    world->exponent = -16;
    for (size_t i = 0; i < world->n; i++) {
        name_row(world, i, 0);
        for (size_t j = 0; j < world->d; j++)
            world->x[i * world->d + j] = (float)value(dice, kind, i);
    }
    draw_start(world, dice);
    return world;
}

static inline void row_copy(struct world *to, size_t row, const struct world *from, size_t from_row)
{
    memcpy(to->x + row * to->d, from->x + from_row * from->d, from->d * sizeof *to->x);
    memcpy(to->key[row], from->key[from_row], KEY_ROOM);
    to->label[row] = from->label[from_row];
    to->weight[row] = from->weight[from_row];
}

/* --- a fit ----------------------------------------------------------------------------- */

static inline const char *write_start(const struct world *world, enum given given)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/strata-metamorphic-%ld.csv", (long)getpid());
    FILE *file = fopen(path, "w");
    if (!file) abort();
    if (given == START_ROWS)
        for (size_t c = 0; c < world->k; c++)
            (void)fprintf(file, "%s,%zu\n", world->key[world->start[c]], c);
    else
        for (size_t i = 0; i < world->n; i++)
            (void)fprintf(file, "%s,%u\n", world->key[i], world->label[i]);
    if (fclose(file) != 0) abort();
    return path;
}

static inline bool all_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

static inline void keep_outcome(const struct world *world, const struct strata_clustering *c,
                                struct outcome *out)
{
    const size_t kd = c->dims.k * c->dims.d;
    out->dims = c->dims;
    out->objective = c->objective;
    out->candidate = c->candidate[c->by_k[c->chosen_k].candidate];
    out->state_hash = c->state_hash;
    out->n_params = c->estimator->param_count(c->dims);
    if (out->n_params > sizeof out->params / sizeof *out->params) abort();
    out->n_trace = c->n_trace < MAX_TRACE ? c->n_trace : MAX_TRACE;
    memcpy(out->params, c->params, out->n_params * sizeof *out->params);
    memcpy(out->mass, c->mass, c->dims.k * sizeof *out->mass);
    memcpy(out->trace, c->trace, out->n_trace * sizeof *out->trace);
    memcpy(out->label, c->label, world->n * sizeof *out->label);
    c->estimator->centres(c->dims, c->params, out->centre);
    out->is_finite = all_finite(out->centre, kd) && all_finite(out->mass, c->dims.k) &&
                     all_finite(out->params, out->n_params) &&
                     all_finite(out->trace, out->n_trace) && isfinite(out->objective) &&
                     isfinite(c->total_sse) && isfinite(out->candidate.smallest_share);
}

static inline struct strata_config make_config(const struct world *world, struct way way)
{
    return (struct strata_config){
        .path = "job.yaml",
        .directory = "/tmp",
        .threads = way.threads ? way.threads : 1,
        .model = {.estimator = way.estimator ? way.estimator : "kmeans",
                  .k_from = (uint32_t)world->k,
                  .k_to = (uint32_t)world->k,
                  .starts = 1,
                  .seed = way.seed,
                  .max_iter = way.max_iter ? way.max_iter : 300,
                  .start_file = way.given == SEEDED ? NULL : write_start(world, way.given)}};
}

static inline struct outcome *fit(const struct world *world, struct way way)
{
    static struct strata_arena keep; /* one reservation for all fits of a test's process */
    if (!keep.start && !strata_arena_init(&keep, (size_t)1 << 28)) abort();
    strata_arena_reset(&keep);
    struct outcome *out = calloc(1, sizeof *out);
    uint64_t hash[MAX_N], weight_global = 0;
    const char *key[MAX_N];
    struct strata_encoding column[MAX_D] = {{0}};
    struct strata_feature feature[MAX_D] = {{0}};
    if (!out) abort();
    for (size_t i = 0; i < world->n; i++) {
        key[i] = world->key[i];
        hash[i] = strata_hash(key[i], strlen(key[i]));
        weight_global += world->weighted ? world->weight[i] : 1;
    }
    for (size_t j = 0; j < world->d; j++) column[j].feature = j;
    const struct strata_features features = {
        .recipe = {.feature = feature,
                   .n_features = world->d,
                   .column = column,
                   .d = world->d,
                   .grid_exponent = world->exponent},
        .rows = {.n = world->n,
                 .d = world->d,
                 .x = world->x,
                 .key_hash = hash,
                 .key = key,
                 .n_global = world->n,
                 .weight = world->weighted ? world->weight : NULL,
                 .weight_global = weight_global}};
    const struct strata_config config = make_config(world, way);
    struct strata_comm comm = strata_comm_single();
    struct strata_quality quality = {0};
    struct strata_clustering *clustering = NULL;
    struct strata_err err = {0};
    out->status =
        strata_cluster(&comm, &config, &features, NULL, &keep, &clustering, &quality, &err);
    cr_assert_eq(out->status, STRATA_OK, "%s", err.text);
    keep_outcome(world, clustering, out);
    return out;
}

static inline void finish_start_files(void)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/strata-metamorphic-%ld.csv", (long)getpid());
    (void)unlink(path); /* may not be there */
}

#endif
