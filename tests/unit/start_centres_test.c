/* Starts from centres in the features' own units: a CSV file, and an earlier model's columns. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "strata/cluster.h"
#include "strata/hash.h"
#include "strata/random.h"

enum { N = 600, D = 6 };

static const char *const levels[] = {"GROCERY", "TOYS"};
static const char *const sizes[] = {"small", "middle", "large"};

/* Spend under log1p, visits, a nominal department with a level for missing, and an ordinal size. */
static const struct strata_feature features_made[] = {
    {.name = "spend",
     .type = STRATA_NUMERIC,
     .role = STRATA_ROLE_BASIS,
     .transform = STRATA_TRANSFORM_LOG1P},
    {.name = "age", .type = STRATA_NUMERIC, .role = STRATA_ROLE_DESCRIPTOR},
    {.name = "visits", .type = STRATA_COUNT, .role = STRATA_ROLE_BASIS},
    {.name = "dept",
     .type = STRATA_NOMINAL,
     .role = STRATA_ROLE_BASIS,
     .missing = STRATA_MISSING_LEVEL,
     .level = levels,
     .n_levels = 2},
    {.name = "size", .type = STRATA_ORDINAL, .role = STRATA_ROLE_BASIS, .level = sizes, .n_levels = 3},
};

static struct strata_encoding columns[D] = {
    {.feature = 0,
     .level = STRATA_LEVEL_NUMBER,
     .label = "spend",
     .offset = 3.5,
     .scale = 1.25,
     .fill = 0.125},
    {.feature = 2,
     .level = STRATA_LEVEL_NUMBER,
     .label = "visits",
     .offset = 10,
     .scale = 0.2,
     .fill = 0.5},
    {.feature = 3, .level = 0, .label = "dept: GROCERY", .scale = 0.7},
    {.feature = 3, .level = 1, .label = "dept: TOYS", .scale = 0.7},
    {.feature = 3, .level = STRATA_LEVEL_MISSING, .label = "dept: (missing)", .scale = 0.7, .fill = 0.7},
    {.feature = 4, .level = STRATA_LEVEL_NUMBER, .label = "size", .offset = 1, .scale = 0.8},
};

struct world {
    struct strata_features features;
    float x[N * D];
    uint64_t hash[N];
    const char *key[N];
    char text[N][16];
    struct strata_arena keep;
    struct strata_config config;
    struct strata_clustering *out;
    struct strata_quality quality;
    struct strata_err err;
};

static struct world *world_new(const char *start)
{
    struct world *w = calloc(1, sizeof *w);
    cr_assert(w && strata_arena_init(&w->keep, (size_t)1 << 32));
    const struct strata_recipe recipe = {
        .feature = features_made, .n_features = 5, .column = columns, .d = D, .grid_exponent = -16};
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(w->text[i], sizeof w->text[i], "c%zu", i);
        w->key[i] = w->text[i];
        w->hash[i] = strata_hash(w->text[i], strlen(w->text[i]));
        double raw[5];
        for (size_t f = 0; f < 5; f++) raw[f] = strata_random_unit(1, STRATA_PURPOSE_TEST, i, f);
        raw[0] *= 1000;
        raw[2] = floor(raw[2] * 30);
        raw[3] = raw[3] < 0.1 ? (double)NAN : floor(raw[3] * 2);
        raw[4] = floor(raw[4] * 3);
        strata_recipe_encode(&recipe, raw, w->x + i * D, NULL);
    }
    w->features = (struct strata_features){.recipe = recipe,
                                           .rows = {.n = N,
                                                    .d = D,
                                                    .x = w->x,
                                                    .key_hash = w->hash,
                                                    .key = w->key,
                                                    .n_global = N,
                                                    .weight_global = N}};
    w->config = (struct strata_config){.path = "job.yaml",
                                       .directory = "/tmp",
                                       .model = {.estimator = "kmeans",
                                                 .k_from = 2,
                                                 .k_to = 8,
                                                 .starts = 3,
                                                 .seed = 1,
                                                 .max_iter = 1,
                                                 .tolerance = -1,
                                                 .start_file = start}};
    return w;
}

static void world_free(struct world *w)
{
    strata_arena_finish(&w->keep);
    free(w);
}

static const char *file_of(const char *text)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/strata-centres-%ld.csv", (long)getpid());
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
    return path;
}

static strata_status world_fit(struct world *w, const struct strata_start *start)
{
    struct strata_comm comm = strata_comm_single();
    return strata_cluster_from(&comm, &w->config, &w->features, start, NULL, &w->keep, &w->out,
                               &w->quality, &w->err);
}

/* With one iteration the params are the start: find each of k rows of grid integers among them. */
static void assert_starts(const struct world *w, const float *expected, size_t k)
{
    cr_assert_eq(w->out->dims.k, k);
    for (size_t c = 0; c < k; c++) {
        size_t n_same = 0;
        for (size_t s = 0; s < k; s++) {
            bool same = true;
            for (size_t j = 0; j < D; j++)
                same &= w->out->params[s * D + j] == (double)expected[c * D + j];
            n_same += same;
        }
        cr_assert_eq(n_same, 1, "centre %zu", c);
    }
}

static const double raw_centres[3][5] = {
    {30.5, 0, 4, 0, 2}, {800, 0, 25, (double)NAN, 1}, {(double)NAN, 0, 12, 1, 0}};

Test(start_centres, a_csv_of_centres_is_encoded_as_customers_are)
{
    static const char *const texts[] = {
        "spend,visits,dept,size\n30.5,4,GROCERY,large\n800,25,,middle\n,12,TOYS,0\n",
        "size,\"visits\",spend,dept\r\nlarge,4,30.5,GROCERY\r\n\r\n1,25,8e2,\r\nsmall,12,,\"TOYS\"",
        "dept: TOYS,dept: (missing),dept: GROCERY,visits,size,spend\n0,0,1,4,2,30.5\n0,1,0,25,1,800\n1,0,0,12,0,\n"};
    float expected[3 * D];
    for (size_t i = 0; i < 3; i++) {
        struct world *w = world_new(file_of(texts[i]));
        for (size_t c = 0; c < 3; c++)
            strata_recipe_encode(&w->features.recipe, raw_centres[c], expected + c * D, NULL);
        cr_assert_eq(world_fit(w, NULL), STRATA_OK, "%s", w->err.text);
        assert_starts(w, expected, 3);
        world_free(w);
    }
    (void)unlink(file_of(""));
}

Test(start_centres, files_that_cannot_be_used_are_refused_with_line_and_column)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"spend,visits,dept\n1,2,TOYS\n", ":1:1: the header does not name \"size\""},
        {"spend,visits,dept,size,age\n", ":1:24: \"age\" is no basis feature"},
        {"spend,visits,spend,dept,size\n", ":1:14: \"spend\" is named twice"},
        {"spend,visits,dept,dept: TOYS,size\n", ":1:19: \"dept: TOYS\" is named twice"},
        {"spend,visits,dept,size\n1,2,TOYS,1\n1,x,TOYS,1\n", ":3:3: \"x\" is no number"},
        {"spend,visits,dept,size\n1,2,FOOD,1\n", ":2:5: \"FOOD\" is no level"},
        {"spend,visits,dept,size\n1,2,TOYS,huge\n", ":2:10: \"huge\" is no number"},
        {"spend,visits,dept,size\n-1,2,TOYS,1\n", ":2:1: \"-1\" is outside"},
        {"spend,visits,dept,size\n1,2,TOYS\n", ":2:1: 3 fields, but the header has 4"},
        {"spend,visits,dept,size\n1,2,TOYS,1,5\n", ":2:12: \"5\" is one field more"},
        {"spend,visits,dept,size\n", "holds no centre"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_new(file_of(cases[i].text));
        cr_assert_eq(world_fit(w, NULL), STRATA_E_DATA, "case %zu", i);
        cr_assert_not_null(strstr(w->err.text, cases[i].says), "case %zu: %s", i, w->err.text);
        world_free(w);
    }
    struct world *w = world_new(file_of("spend,visits,dept,size\n1,2,TOYS,1\n"));
    w->config.model.k_from = w->config.model.k_to = 3;
    cr_assert_eq(world_fit(w, NULL), STRATA_E_CONFIG);
    world_free(w);
    (void)unlink(file_of(""));
}

Test(start_centres, an_earlier_model_is_carried_to_another_recipe)
{
    /* The other job had no transform, no size, one more department, and its columns in another order. */
    static const struct strata_start_column other[] = {{.feature = "dept", .level = "FOOD"},
                                                       {.feature = "dept", .level = "TOYS"},
                                                       {.feature = "gone"},
                                                       {.feature = "visits"},
                                                       {.feature = "spend"}};
    static const double value[] = {0.25, 0.75, 9, 4, 30.5, 1, 0, 7, 25, 800};
    const struct strata_start start = {.k = 2, .d = 5, .column = other, .value = value};
    struct world *w = world_new("elsewhere");
    cr_assert_eq(world_fit(w, &start), STRATA_OK, "%s", w->err.text);
    float expected[2 * D];
    for (size_t c = 0; c < 2; c++) {
        strata_recipe_encode(&w->features.recipe, raw_centres[c], expected + c * D, NULL);
        expected[c * D + 2] = 0;
        expected[c * D + 3] = (float)rint((c == 0 ? 0.75 : 0.0) * 0.7 * 65536);
        expected[c * D + 4] = 0;
        expected[c * D + 5] = 0; /* the fill of size */
    }
    assert_starts(w, expected, 2);
    cr_assert_eq(w->quality.n_notes, 1);
    cr_assert_not_null(strstr(w->quality.note[0], "1 of 6 columns"), "%s", w->quality.note[0]);
    world_free(w);
}

Test(start_centres, values_under_the_same_transform_come_back_to_the_bit)
{
    static const struct strata_start_column same[] = {
        {.feature = "spend", .transform = STRATA_TRANSFORM_LOG1P},
        {.feature = "visits"},
        {.feature = "dept", .level = "GROCERY"},
        {.feature = "dept", .level = "TOYS"},
        {.feature = "dept", .is_missing = true},
        {.feature = "size"}};
    struct world *w = world_new("elsewhere");
    double value[4 * D];
    float expected[4 * D];
    for (size_t i = 0; i < 4 * D; i++) {
        const double unit = strata_random_unit(3, STRATA_PURPOSE_TEST, i, 0);
        expected[i] = (float)rint((2 * unit - 1) * 200000);
        value[i] = ldexp((double)expected[i], -16) / columns[i % D].scale + columns[i % D].offset;
    }
    const struct strata_start start = {.k = 4, .d = D, .column = same, .value = value};
    w->config.model.max_iter = 1;
    cr_assert_eq(world_fit(w, &start), STRATA_OK, "%s", w->err.text);
    if (w->out->dims.k == 4) assert_starts(w, expected, 4);
    world_free(w);
}
