/* Made-up customers and whole fits on several in-process ranks, for the tests of cluster and
 * evaluate.  Row i is a function of (seed, i), so it is the same for any split. */
#ifndef STRATA_TESTS_FIT_CASES_H
#define STRATA_TESTS_FIT_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/cluster.h"
#include "strata/comm.h"
#include "strata/evaluate.h"
#include "strata/hash.h"
#include "strata/random.h"

struct crowd {
    size_t n, d;
    float *x;        /* (n, d) grid integers */
    char (*key)[24]; /* (n) */
    uint64_t *hash;  /* (n) */
    int exponent;
    uint32_t *weight; /* (n) case weights, or NULL; crowd_free frees them */
    int weight_exponent;
};

static inline void *crowd_room(size_t count, size_t size)
{
    void *room = calloc(count ? count : 1, size);
    if (!room) abort();
    return room;
}

/* Zeroed rows with keys "c0", "c1", ... */
static inline struct crowd crowd_new(size_t n, size_t d)
{
    struct crowd crowd = {.n = n, .d = d, .exponent = -16};
    crowd.x = crowd_room(n * d, sizeof *crowd.x);
    crowd.key = crowd_room(n, sizeof *crowd.key);
    crowd.hash = crowd_room(n, sizeof *crowd.hash);
    for (size_t i = 0; i < n; i++) {
        const int length = snprintf(crowd.key[i], sizeof crowd.key[i], "c%zu", i);
        crowd.hash[i] = strata_hash(crowd.key[i], (size_t)length);
    }
    return crowd;
}

static inline void crowd_free(struct crowd *crowd)
{
    free(crowd->x);
    free(crowd->key);
    free(crowd->hash);
    free(crowd->weight);
    *crowd = (struct crowd){0};
}

/* Roughly normal: the sum of 12 uniforms. */
static inline double crowd_normal(uint64_t seed, uint64_t i, uint64_t j)
{
    double total = -6.0;
    for (uint64_t u = 0; u < 12; u++)
        total += strata_random_unit(seed, STRATA_PURPOSE_TEST, i, j * 12 + u);
    return total;
}

static inline double crowd_round(double x)
{
    return (double)(int64_t)(x < 0 ? x - 0.5 : x + 0.5);
}

/* k blobs of spread 1 (2^16 grid units) around places of spread `apart`; row i belongs to blob i % k. */
static inline struct crowd crowd_blobs(size_t n, size_t d, size_t k, double apart, uint64_t seed)
{
    struct crowd crowd = crowd_new(n, d);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double place = apart * crowd_normal(seed + 1, i % k, j);
            crowd.x[i * d + j] = (float)crowd_round((place + crowd_normal(seed, i, j)) * 65536.0);
        }
    return crowd;
}

/* The bits of the chosen model of crowd_blobs(3000, 5, 4, 4.0, 9) with fit_golden_config: the same on
 * every machine, compiler, number of ranks.  A change of these is a change of every result there is. */
static const struct {
    const char *estimator;
    uint64_t state_hash;
} fit_golden[] = {{"kmeans", UINT64_C(0x730df33990f7ea1f)},
                  {"gmm-diag", UINT64_C(0xd215d1d1c1b12419)}};

static inline uint64_t crowd_weight(const struct crowd *crowd)
{
    uint64_t total = 0;
    for (size_t i = 0; i < crowd->n; i++) total += crowd->weight ? crowd->weight[i] : 1;
    return total;
}

/* Each row as often as its weight says, next to each other, without weights. */
static inline struct crowd crowd_copies(const struct crowd *crowd)
{
    struct crowd copies = crowd_new((size_t)crowd_weight(crowd), crowd->d);
    copies.exponent = crowd->exponent;
    float *to = copies.x;
    for (size_t i = 0; i < crowd->n; i++)
        for (uint32_t t = 0; t < crowd->weight[i]; t++, to += crowd->d)
            memcpy(to, crowd->x + i * crowd->d, crowd->d * sizeof *to);
    return copies;
}

/* --- one fit --------------------------------------------------------------------------- */

struct fitted {
    strata_status status;
    struct strata_err err;
    struct strata_clustering result; /* of rank 0; arrays below are copies */
    double params[131072], mass[STRATA_MAX_SEGMENTS], trace[STRATA_TRACE_MAX];
    struct strata_candidate_result candidate[256];
    struct strata_k_result by_k[STRATA_MAX_SEGMENTS];
    struct strata_assignment *row; /* (n) by row of the crowd */
    struct strata_evaluation evaluation;
    double segment_silhouette[STRATA_MAX_SEGMENTS], segment_sse[STRATA_MAX_SEGMENTS];
    double dimension_share[STRATA_DIMENSION_COUNT];
    char choice[1024];
    char note[4096];
    uint64_t n_sums, n_exchanges;
};

struct fit_case {
    const struct crowd *crowd;
    const struct strata_config *config;
    const struct strata_fit_watch *watch;
    struct fitted *out;
};

static inline struct strata_config fit_config(const char *estimator, uint32_t k_from, uint32_t k_to,
                                              uint32_t starts)
{
    return (struct strata_config){.path = "job.yaml",
                                  .directory = "/tmp",
                                  .model = {.estimator = estimator,
                                            .k_from = k_from,
                                            .k_to = k_to,
                                            .segments_place = {"job.yaml", 7, 13},
                                            .starts = starts,
                                            .seed = 42,
                                            .min_share = 0.0,
                                            .max_iter = 300,
                                            .tolerance = -1}};
}

static inline struct strata_config fit_golden_config(const char *estimator)
{
    struct strata_config config = fit_config(estimator, 2, 7, 3);
    config.model.min_share = 0.02;
    return config;
}

/* The rank of a row: by virtual partition, as in a job; with more than 4 ranks, rank 1 gets nothing. */
static inline int fit_rank_of(const struct crowd *crowd, size_t row, int size)
{
    const int rank = strata_partition_rank(strata_partition_of(crowd->hash[row]), size);
    return size > 4 && rank == 1 ? 0 : rank;
}

static inline void fit_copy_rank0(struct fit_case *fit, const struct strata_comm *comm,
                                  const struct strata_clustering *c,
                                  const struct strata_evaluation *e,
                                  const struct strata_quality *quality)
{
    struct fitted *out = fit->out;
    out->result = *c;
    const size_t n_params = c->estimator->param_count(c->dims);
    if (n_params > sizeof out->params / sizeof *out->params || c->n_candidates > 256) abort();
    memcpy(out->params, c->params, n_params * sizeof *out->params);
    memcpy(out->mass, c->mass, c->dims.k * sizeof *out->mass);
    memcpy(out->trace, c->trace, c->n_trace * sizeof *out->trace);
    memcpy(out->candidate, c->candidate, c->n_candidates * sizeof *out->candidate);
    memcpy(out->by_k, c->by_k, c->n_k * sizeof *out->by_k);
    (void)snprintf(out->choice, sizeof out->choice, "%s", c->choice);
    size_t length = strlen(out->note);
    for (size_t i = 0; i < quality->n_notes && length < sizeof out->note; i++)
        length += (size_t)snprintf(out->note + length, sizeof out->note - length, "%s\n",
                                   quality->note[i]);
    out->evaluation = *e;
    memcpy(out->segment_silhouette, e->segment_silhouette, c->dims.k * sizeof(double));
    memcpy(out->segment_sse, e->segment_sse, c->dims.k * sizeof(double));
    memcpy(out->dimension_share, e->dimension_share, sizeof out->dimension_share);
    out->n_sums = comm->n_sums;
    out->n_exchanges = comm->n_exchanges;
}

static inline void fit_on_rank(struct strata_comm *comm, void *context)
{
    struct fit_case *fit = context;
    const struct crowd *crowd = fit->crowd;
    const size_t n = crowd->n, d = crowd->d;
    struct strata_arena keep;
    if (!strata_arena_init(&keep, (size_t)1 << 32)) abort();
    float *x = STRATA_NEW(&keep, float, n *d);
    uint64_t *hash = STRATA_NEW(&keep, uint64_t, n);
    const char **key = STRATA_NEW(&keep, const char *, n);
    size_t *from = STRATA_NEW(&keep, size_t, n), mine = 0;
    uint32_t *weight = crowd->weight ? STRATA_NEW(&keep, uint32_t, n) : NULL;
    struct strata_encoding *column = STRATA_NEW(&keep, struct strata_encoding, d);
    struct strata_feature *feature = STRATA_NEW(&keep, struct strata_feature, d);
    if (!x || !hash || !key || !from || !column || !feature || (crowd->weight && !weight)) abort();
    for (size_t row = 0; row < n; row++) {
        if (fit_rank_of(crowd, row, comm->size) != comm->rank) continue;
        memcpy(x + mine * d, crowd->x + row * d, d * sizeof *x);
        hash[mine] = crowd->hash[row];
        key[mine] = crowd->key[row];
        if (weight) weight[mine] = crowd->weight[row];
        from[mine++] = row;
    }
    for (size_t j = 0; j < d; j++) {
        column[j].feature = j;
        feature[j].dimension = j % 2 ? STRATA_BEHAVIOURAL : STRATA_DEMOGRAPHIC;
    }
    const struct strata_features features = {.recipe = {.feature = feature,
                                                        .n_features = d,
                                                        .column = column,
                                                        .d = d,
                                                        .grid_exponent = crowd->exponent},
                                             .rows = {.n = mine,
                                                      .d = d,
                                                      .x = x,
                                                      .key_hash = hash,
                                                      .key = key,
                                                      .n_global = n,
                                                      .weight = weight,
                                                      .weight_exponent = crowd->weight_exponent,
                                                      .weight_global = crowd_weight(crowd)}};
    struct strata_quality quality = {0};
    struct strata_clustering *clustering = NULL;
    struct strata_evaluation *evaluation = NULL;
    struct strata_err err = {0};
    strata_status status = strata_cluster(comm, fit->config, &features, fit->watch, &keep,
                                          &clustering, &quality, &err);
    if (status == STRATA_OK)
        status = strata_evaluate(comm, &features, clustering, &keep, &evaluation, &err);
    if (comm->rank == 0) {
        fit->out->status = status;
        fit->out->err = err;
        if (status == STRATA_OK) fit_copy_rank0(fit, comm, clustering, evaluation, &quality);
    }
    for (size_t i = 0; status == STRATA_OK && i < mine; i++) {
        strata_clustering_assign(clustering, &features.rows, i, 1, &fit->out->row[from[i]]);
        if (fit->out->row[from[i]].label != clustering->label[i]) abort(); /* one definition */
    }
    strata_comm_barrier(comm);
    strata_arena_finish(&keep);
}

static inline struct fitted *fit_run(const struct crowd *crowd, const struct strata_config *config,
                                     int size, const struct strata_fit_watch *watch)
{
    struct fitted *out = crowd_room(1, sizeof *out);
    out->row = crowd_room(crowd->n, sizeof *out->row);
    struct fit_case fit = {crowd, config, watch, out};
    struct strata_err err = {0};
    if (strata_comm_run_threads(size, fit_on_rank, &fit, &err) != STRATA_OK) abort();
    return out;
}

static inline void fit_free(struct fitted *fitted)
{
    free(fitted->row);
    free(fitted);
}

#endif
