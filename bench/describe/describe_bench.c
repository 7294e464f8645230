/* Describing beside the fit: seconds of strata_describe for made-up customers in memory, its passes over the rows as it
 * counts them itself, and the processor's seconds in one full pass of k-means and of a mixture over a matrix of as many rows and columns.
 *
 *   bench_describe [--rows N] [--features F] [--segments K] [--threads T] [--kinds mixed|numbers] [--missing SHARE]
 *
 * Default 1000000 60 12 1 mixed 0.02.  Prints one JSON line; `of_ten_kmeans` is the processor's time in describing over that in ten
 * full passes of k-means, which the criterion wants below 1, and `of_ten_mixture` the same for the mixture.  Of ten mixed
 * features four are continuous, one of them skewed and one an amount in cents, two are counts, one of them
 * mostly zero, two yes or no, one nominal and one ordinal. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "strata/arena.h"
#include "strata/clock.h"
#include "strata/estimator.h"
#include "strata/host.h"
#include "strata/persona.h"
#include "strata/pool.h"

/* Seconds of the processor, of all threads of this process: what a busy machine disturbs least. */
static double processor_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

enum { RUNS = 3, FEATURES_MAX = 512, SEED = 7 };

struct shape {
    size_t n, d, k;
    int threads;
    bool mixed;
    double missing;
};

struct world {
    struct strata_config config;
    struct strata_feature feature[FEATURES_MAX];
    struct strata_column column[FEATURES_MAX];
    char name[FEATURES_MAX][16];
    uint16_t *label;
    uint8_t *all;
};

/* --- the customers ----------------------------------------------------------------------------- */

static const char *const levels[] = {"Ayr",  "Bath",  "Cork",  "Deal",
                                     "Eton", "Frome", "Goole", "Hull"};
static const char *const steps[] = {"1 never", "2 seldom", "3 often", "4 always"};

/* SplitMix64 (Steele, Lea & Flood, 2014). */
static double unit(size_t i, size_t j)
{
    uint64_t z =
        SEED + (uint64_t)j * UINT64_C(0x9E3779B97F4A7C15) + i * UINT64_C(0xD1B54A32D192ED03);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Nearly normal about the segment's place, which differs in one feature of three. */
static double place(size_t row, size_t f, size_t segment)
{
    const double centre = f % 3 == 0 ? 6.0 * unit(1000000007 + segment, f) : 3.0;
    const double a = unit(row, 2 * f), b = unit(row, 2 * f + 1);
    return centre + 2.0 * (a + b - 1.0) + (a - b);
}

static double number_of(const struct shape *shape, size_t row, size_t f, size_t segment)
{
    const double x = place(row, f, segment);
    switch (shape->mixed ? f % 10 : 0) {
    case 1:
        return exp(x);
    case 2:
        return rint(100.0 * fabs(10.0 * x)) / 100.0;
    case 4:
        return floor(fabs(3.0 * x));
    case 5:
        return x > 4.0 ? floor(x * x) : 0.0;
    case 6:
    case 7:
        return x > 3.5 ? 1.0 : 0.0;
    default:
        return x;
    }
}

static bool fill_text(const struct shape *shape, struct world *world, size_t f, bool ordinal,
                      struct strata_arena *arena)
{
    uint32_t *code = STRATA_NEW(arena, uint32_t, shape->n);
    if (!code) return false;
    const size_t n_levels = ordinal ? 4 : 8;
    for (size_t row = 0; row < shape->n; row++) {
        const double x = place(row, f, world->label[row]) * (double)n_levels / 9.0;
        code[row] = (uint32_t)fmax(0.0, fmin((double)n_levels - 1.0, floor(x)));
    }
    world->column[f].kind = STRATA_COLUMN_TEXT;
    world->column[f].code = code;
    world->column[f].level = ordinal ? steps : levels;
    world->column[f].n_levels = n_levels;
    world->feature[f].type = ordinal ? STRATA_ORDINAL : STRATA_NOMINAL;
    world->feature[f].level = ordinal ? steps : NULL;
    world->feature[f].n_levels = ordinal ? n_levels : 0;
    return true;
}

static bool fill_number(const struct shape *shape, struct world *world, size_t f, bool binary,
                        struct strata_arena *arena)
{
    double *number = STRATA_NEW(arena, double, shape->n);
    if (!number) return false;
    for (size_t row = 0; row < shape->n; row++)
        number[row] = number_of(shape, row, f, world->label[row]);
    world->column[f].number = number;
    world->feature[f].type = binary ? STRATA_BINARY : STRATA_NUMERIC;
    return true;
}

static bool fill_feature(const struct shape *shape, struct world *world, size_t f,
                         struct strata_arena *arena)
{
    const size_t kind = shape->mixed ? f % 10 : 0;
    (void)snprintf(world->name[f], sizeof world->name[f], "feature %zu", f);
    world->feature[f] = (struct strata_feature){.name = world->name[f],
                                                .label = world->name[f],
                                                .dimension = STRATA_BEHAVIOURAL,
                                                .weight = 1.0};
    world->column[f] = (struct strata_column){.name = world->name[f], .present = world->all};
    const bool filled = kind >= 8 ? fill_text(shape, world, f, kind == 9, arena)
                                  : fill_number(shape, world, f, kind >= 6, arena);
    if (!filled || f % 5 != 4 || shape->missing <= 0.0) return filled;
    uint8_t *present = STRATA_NEW(arena, uint8_t, shape->n);
    for (size_t row = 0; present && row < shape->n; row++)
        present[row] = unit(row, 3000 + f) >= 5.0 * shape->missing;
    world->column[f].present = present;
    return present != NULL;
}

static bool make_world(const struct shape *shape, struct world *world, struct strata_arena *arena)
{
    world->label = STRATA_NEW(arena, uint16_t, shape->n);
    world->all = STRATA_NEW(arena, uint8_t, shape->n);
    if (!world->label || !world->all) return false;
    memset(world->all, 1, shape->n);
    for (size_t row = 0; row < shape->n; row++)
        world->label[row] = (uint16_t)(unit(row, 5000) * (double)shape->k);
    world->config = (struct strata_config){
        .feature = world->feature, .n_features = shape->d, .threads = (uint32_t)shape->threads};
    for (size_t f = 0; f < shape->d; f++) {
        if (!fill_feature(shape, world, f, arena)) return false;
    }
    return true;
}

/* --- a pass of the fit ------------------------------------------------------------------------- */

struct fitting {
    const struct shape *shape;
    const struct strata_estimator *estimator;
    struct strata_dims dims;
    struct strata_pool *pool;
    float *x;
    uint16_t *label;
    void *pass;
    struct strata_tally *tally; /* (threads) */
};

static void pass_share(void *context, int thread)
{
    const struct fitting *fitting = context;
    const struct strata_share share =
        strata_share_of(fitting->shape->n, 4096, thread, strata_pool_threads(fitting->pool));
    const struct strata_block block = {.x = fitting->x + share.first * fitting->dims.d,
                                       .n = share.n,
                                       .label = fitting->label + share.first};
    fitting->estimator->accumulate(fitting->dims, fitting->pass, &block, &fitting->tally[thread]);
}

static int compare(const void *a, const void *b)
{
    const double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

/* Median of the processor's seconds in a full pass; below 0 when memory ends. */
static double pass_seconds(struct fitting *fitting, struct strata_arena arena)
{
    const struct strata_estimator *estimator = fitting->estimator;
    const struct strata_dims dims = fitting->dims;
    const size_t n_threads = (size_t)strata_pool_threads(fitting->pool), n = fitting->shape->n;
    double *params = STRATA_NEW(&arena, double, estimator->param_count(dims));
    double *centre = STRATA_NEW(&arena, double, dims.k *dims.d);
    double *spread = STRATA_NEW(&arena, double, dims.d);
    struct strata_sum *sums = STRATA_NEW(&arena, struct strata_sum, estimator->stat_count(dims));
    double seconds[RUNS] = {0.0};
    fitting->pass = strata_arena_take(&arena, estimator->pass_bytes(dims), 64, 1);
    fitting->tally = STRATA_NEW(&arena, struct strata_tally, n_threads);
    if (!params || !centre || !spread || !sums || !fitting->pass || !fitting->tally) return -1.0;
    for (size_t t = 0; t < n_threads; t++) {
        fitting->tally[t].sums = strata_arena_take(&arena, estimator->sums_bytes(dims), 64, 1);
        fitting->tally[t].scratch = strata_arena_take(&arena, estimator->scratch_bytes(dims), 64, 1);
        if (!fitting->tally[t].sums || !fitting->tally[t].scratch) return -1.0;
    }
    for (size_t i = 0; i < dims.k * dims.d; i++) centre[i] = (double)fitting->x[i];
    for (size_t j = 0; j < dims.d; j++) spread[j] = 0x1p32;
    estimator->start(dims, centre, spread, params);
    for (int run = -1; run < RUNS; run++) { /* the first is to warm up */
        for (size_t i = 0; i < n; i++)
            fitting->label[i] = STRATA_NO_LABEL; /* so that all are summed */
        const double start_s = processor_s();
        estimator->prepare(dims, params, NULL, strata_isa(), n, fitting->pass);
        strata_pool_run(fitting->pool, pass_share, fitting);
        for (size_t t = 0; t < n_threads; t++) estimator->collect(dims, &fitting->tally[t], sums);
        if (run >= 0) seconds[run] = processor_s() - start_s;
    }
    qsort(seconds, RUNS, sizeof *seconds, compare);
    return seconds[RUNS / 2];
}

/* The matrix: multiples of 2^-16 of about one unit, in the customers' segments. */
static bool fit_passes(const struct shape *shape, const struct world *world,
                       struct strata_arena arena, double seconds[2])
{
    static const char *const names[] = {"kmeans", "gmm-diag"};
    struct strata_err err = {0};
    struct fitting fitting = {.shape = shape, .dims = {.k = shape->k, .d = shape->d}};
    fitting.x = STRATA_NEW(&arena, float, shape->n * shape->d);
    fitting.label = STRATA_NEW(&arena, uint16_t, shape->n);
    if (!fitting.x || !fitting.label ||
        strata_pool_start(shape->threads, &arena, &fitting.pool, &err) != STRATA_OK)
        return false;
    for (size_t i = 0; i < shape->n; i++)
        for (size_t j = 0; j < shape->d; j++)
            fitting.x[i * shape->d + j] =
                (float)(int64_t)((place(i, j, world->label[i]) - 3.0) * 65536.0);
    for (size_t e = 0; e < 2; e++) {
        fitting.estimator = strata_estimator_find(names[e]);
        seconds[e] = fitting.estimator ? pass_seconds(&fitting, arena) : -1.0;
    }
    strata_pool_stop(fitting.pool);
    return seconds[0] > 0.0 && seconds[1] > 0.0;
}

/* --- describing -------------------------------------------------------------------------------- */

/* What strata_describe took. */
struct taken {
    double seconds, processor_s;
    double peak_mib; /* memory */
    struct strata_describe_cost cost;
    uint64_t hits; /* of rules and the tree: that nobody saves time by finding less */
};

static double peak_mib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024.0 : 0.0;
}

static bool describe(const struct shape *shape, const struct world *world, struct strata_arena keep,
                     struct taken *taken)
{
    struct strata_comm comm = strata_comm_single();
    struct strata_err err = {0};
    struct strata_personas *personas = NULL;
    const struct strata_table table = {.n_rows = shape->n,
                                       .n_rows_global = shape->n,
                                       .column = (struct strata_column *)(uintptr_t)world->column,
                                       .n_columns = shape->d};
    const struct strata_rows rows = {.n = shape->n, .n_global = shape->n};
    const struct strata_clustering clustering = {.dims = {.k = shape->k, .d = shape->d},
                                                 .label = world->label};
    const double start_s = strata_clock_s(), busy_s = processor_s();
    const double held_mib = (double)strata_host_resident_bytes() / 0x1p20;
    if (strata_describe(&comm, &world->config, &table, &rows, &clustering, NULL, &keep, &personas,
                        &err) != STRATA_OK) {
        (void)fprintf(stderr, "bench_describe: %s\n", err.text);
        return false;
    }
    *taken = (struct taken){.seconds = strata_clock_s() - start_s,
                            .processor_s = processor_s() - busy_s,
                            .peak_mib = peak_mib() - held_mib,
                            .cost = personas->cost,
                            .hits = personas->tree.hits};
    for (size_t s = 0; s < personas->k; s++) taken->hits += personas->segment[s].rule.hits;
    return true;
}

static void print_line(const struct shape *shape, const struct world *world,
                       const struct taken *taken, const double fit[2])
{
    const struct strata_describe_cost *cost = &taken->cost;
    const double stated = (double)strata_describe_bytes(&world->config, shape->n, shape->k) / 0x1p20;
    (void)printf(
        "{\"name\": \"describe\", \"rows\": %zu, \"features\": %zu, \"segments\": %zu, "
        "\"threads\": %d, \"kinds\": \"%s\", \"seconds\": %.3f, \"processor_s\": %.3f, "
        "\"passes\": %u, \"levels\": %u, \"tally_s\": %.3f, \"profile_s\": %.3f, "
        "\"levels_s\": %.3f, \"recount_s\": %.3f, \"words_s\": %.3f, \"stated_mib\": %.0f, "
        "\"peak_mib\": %.0f, \"kmeans_pass_s\": %.4f, \"mixture_pass_s\": %.4f, "
        "\"of_ten_kmeans\": %.3f, \"of_ten_mixture\": %.3f, \"hits\": %llu, \"compiler\": \"%s\"}\n",
        shape->n, shape->d, shape->k, shape->threads, shape->mixed ? "mixed" : "numbers",
        taken->seconds, taken->processor_s, cost->passes, cost->levels, cost->tally_s,
        cost->profile_s, cost->levels_s, cost->recount_s, cost->words_s, stated, taken->peak_mib,
        fit[0], fit[1], taken->processor_s / (10.0 * fit[0]), taken->processor_s / (10.0 * fit[1]),
        (unsigned long long)taken->hits, __VERSION__);
}

/* --- arguments --------------------------------------------------------------------------------- */

static bool read_arguments(int argc, char **argv, struct shape *shape)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        const size_t number = (size_t)strtoull(value, NULL, 10);
        if (strcmp(argv[i], "--rows") == 0)
            shape->n = number;
        else if (strcmp(argv[i], "--features") == 0)
            shape->d = number;
        else if (strcmp(argv[i], "--segments") == 0)
            shape->k = number;
        else if (strcmp(argv[i], "--threads") == 0)
            shape->threads = (int)number;
        else if (strcmp(argv[i], "--kinds") == 0)
            shape->mixed = strcmp(value, "numbers") != 0;
        else if (strcmp(argv[i], "--missing") == 0)
            shape->missing = strtod(value, NULL);
        else
            return false;
    }
    return argc % 2 == 1 && shape->k >= 1 && shape->k <= STRATA_MAX_SEGMENTS && shape->d >= 1 &&
           shape->d <= FEATURES_MAX && shape->n >= shape->k && shape->n <= (size_t)1 << 32 &&
           shape->threads >= 1 && shape->threads <= STRATA_MAX_THREADS;
}

int main(int argc, char **argv)
{
    static struct world world;
    struct shape shape = {1000000, 60, 12, 1, true, 0.02};
    struct strata_arena arena = {0};
    struct taken taken = {0};
    double fit[2] = {0.0};
    if (!read_arguments(argc, argv, &shape)) {
        (void)fprintf(stderr, "usage: bench_describe [--rows N] [--features F] [--segments K] "
                              "[--threads T] [--kinds mixed|numbers] [--missing SHARE]\n");
        return 64;
    }
    if (!strata_arena_init(&arena, shape.n * (shape.d * 16 + 16) + ((size_t)1 << 32))) return 71;
    const bool done = make_world(&shape, &world, &arena) &&
                      describe(&shape, &world, arena, &taken) &&
                      fit_passes(&shape, &world, arena, fit);
    if (done) print_line(&shape, &world, &taken, fit);
    strata_arena_finish(&arena);
    return done ? 0 : 71;
}
