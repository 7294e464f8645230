/* New customers in their segments: the same bits as the run's own, however they are cut and ordered; and every batch that
 * does not fit the model refused in a sentence without a value. */
#include "strata/score.h"

#include <criterion/criterion.h>

#include "features_fixture.h"
#include "results/results_impl.h"
#include "strata/hash.h"
#include "strata/v1/control.pb-c.h"

enum { K = 5, ROWS = FIXTURE_ROWS, N_COLUMNS = 10 };

static const char *const region[] = {"east", "north", "south", "west"};
static const char *const plan[] = {"basic", "plus", "pro"};
static const char *const grade[] = {"high", "low", "middle"};          /* as the table sorts them */
static const char *const declared_grade[] = {"low", "middle", "high"}; /* and as the job does */
static const char *const answer[] = {"no", "yes"};

static struct strata_arena arena;
static struct fixture job;
static struct fixture_result made;
static struct strata_clustering clustering;
static struct strata_assignment own[ROWS]; /* of the run */
static struct strata_score_column column[N_COLUMNS];
static uint64_t invalid;
static struct strata_err err;

/* --- a run ---------------------------------------------------------------------------------------- */

static void fill(struct fixture_column *of, uint64_t seed, double low, double high)
{
    for (size_t i = 0; i < ROWS; i++) {
        of->absent[i] = fixture_unit(seed + 13 * i) < 0.1;
        of->number[i] = low + (high - low) * fixture_unit(seed * 7919 + i);
        if (of->n_levels)
            of->code[i] = (uint32_t)(fixture_random(seed * 31 + i) % of->n_levels);
        else if (of->feature.type == STRATA_BINARY || of->feature.type == STRATA_COUNT)
            of->number[i] = floor(of->number[i]);
    }
}

/* A feature of each type, with and without transforms, levels and missing values. */
static void make_job(void)
{
    static const struct strata_feature_changes {
        const char *name;
        enum strata_feature_type type;
        enum strata_transform transform;
        enum strata_missing missing;
        double low, high; /* log1p of less than -1 is invalid, as is a binary 2 */
    } all[] = {{"spend", STRATA_NUMERIC, STRATA_TRANSFORM_LOG1P, STRATA_MISSING_MEAN, -1.5, 90},
               {"visits", STRATA_COUNT, STRATA_TRANSFORM_SQRT, STRATA_MISSING_MEAN, -1, 30},
               {"age", STRATA_NUMERIC, STRATA_TRANSFORM_NONE, STRATA_MISSING_LEVEL, 18, 80},
               {"member", STRATA_BINARY, STRATA_TRANSFORM_NONE, STRATA_MISSING_MEAN, 0, 2.2}};
    fixture_init(&job, ROWS);
    for (size_t f = 0; f < sizeof all / sizeof *all; f++) {
        struct fixture_column *of = fixture_add(&job, all[f].name);
        of->feature.type = all[f].type;
        of->feature.transform = all[f].transform;
        of->feature.missing = all[f].missing;
        fill(of, f + 1, all[f].low, all[f].high);
    }
    fill(fixture_add_text(&job, "region", STRATA_NOMINAL, region, 4), 11, 0, 0);
    struct fixture_column *of = fixture_add_text(&job, "plan", STRATA_NOMINAL, plan, 3);
    of->feature.missing = STRATA_MISSING_LEVEL;
    fill(of, 12, 0, 0);
    of = fixture_add_text(&job, "grade", STRATA_ORDINAL, grade, 3);
    of->feature.level = declared_grade;
    of->feature.n_levels = 2; /* "high" is none */
    fill(of, 13, 0, 0);
    fill(fixture_add_text(&job, "smokes", STRATA_BINARY, answer, 2), 14, 0, 0);
    of = fixture_add(&job, "told");
    of->feature.role = STRATA_ROLE_DESCRIPTOR;
    fill(of, 15, 0, 9);
    of = fixture_add(&job, "sure");
    of->feature.missing = STRATA_MISSING_FAIL;
    fill(of, 16, 0, 1);
    memset(of->absent, 0, sizeof of->absent);
}

/* Any params will do: some customers as centres. */
static void make_clustering(const struct strata_estimator *estimator)
{
    const struct strata_features *features = made.features[0];
    const struct strata_dims dims = {.k = K, .d = features->recipe.d};
    double *centre = STRATA_NEW(&arena, double, dims.k *dims.d);
    double *spread = STRATA_NEW(&arena, double, dims.d);
    for (size_t i = 0; i < dims.k * dims.d; i++) {
        centre[i] = (double)features->rows.x[i / dims.d * 70 * dims.d + i % dims.d];
        spread[i % dims.d] = 4e9;
    }
    const size_t n_params = estimator->param_count(dims);
    clustering = (struct strata_clustering){.estimator = estimator,
                                            .dims = dims,
                                            .params = STRATA_NEW(&arena, double, n_params),
                                            .grid_exponent = features->recipe.grid_exponent};
    estimator->start(dims, centre, spread, clustering.params);
    clustering.state_hash = strata_hash(clustering.params, n_params * sizeof *clustering.params);
    strata_clustering_assign(&clustering, &features->rows, 0, ROWS, own);
}

static void make_columns(void)
{
    for (size_t f = 0; f < N_COLUMNS; f++) {
        const struct fixture_column *of = &job.column[f];
        uint32_t *missing = STRATA_NEW(&arena, uint32_t, ROWS);
        const char **text = STRATA_NEW(&arena, const char *, ROWS);
        column[f] = (struct strata_score_column){.feature = of->feature.name, .missing = missing};
        for (uint32_t i = 0; i < ROWS; i++) {
            if (of->n_levels) text[i] = of->level[of->code[i]];
            if (of->absent[i]) missing[column[f].n_missing++] = i;
        }
        if (of->n_levels)
            column[f].text = text, column[f].n_texts = ROWS;
        else
            column[f].number = of->number, column[f].n_numbers = ROWS;
    }
}

static struct strata_blob pack_model(void)
{
    static struct strata_persona persona[K];
    static struct strata_column table_column[N_COLUMNS];
    const struct strata_config config = {.job = "score", .key = "id", .as_of = ""};
    for (size_t s = 0; s < K; s++) persona[s].name = "segment";
    for (size_t f = 0; f < N_COLUMNS; f++)
        table_column[f] = (struct strata_column){.kind = job.column[f].kind,
                                                 .level = job.column[f].level,
                                                 .n_levels = job.column[f].n_levels};
    const struct strata_personas personas = {.segment = persona, .k = K, .column = table_column};
    const struct strata_outcome outcome = {.config = &config,
                                           .features = made.features[0],
                                           .clustering = &clustering,
                                           .personas = &personas};
    struct strata_blob blob = {0};
    const Strata__V1__Model *model = strata_model_record(&outcome, &arena);
    cr_assert_not_null(model);
    cr_assert_eq(strata_record_pack(&model->base, &arena, &blob, &err), STRATA_OK);
    return blob;
}

static struct strata_scorer *open_model(const struct strata_blob *blob)
{
    struct strata_scorer *scorer = NULL;
    cr_assert_eq(strata_scorer_open("model.pb", blob, &arena, &scorer, &err), STRATA_OK, "%s",
                 err.text);
    cr_assert_eq(strata_scorer_hash(scorer), clustering.state_hash);
    return scorer;
}

static struct strata_scorer *make_run(const struct strata_estimator *estimator)
{
    fixture_run(&job, 1, &made);
    cr_assert_eq(made.status[0], STRATA_OK, "%s", made.err[0].text);
    make_clustering(estimator);
    make_columns();
    const struct strata_blob blob = pack_model();
    return open_model(&blob);
}

static void begin(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)1 << 30));
    make_job();
}

static void end(void)
{
    fixture_finish(&made);
    strata_arena_finish(&arena);
}

TestSuite(score, .init = begin, .fini = end);

/* --- the same bits -------------------------------------------------------------------------------- */

/* A batch of the rows order[0], order[1], ...; room for all that a column can have. */
static struct strata_score_batch batch_of(const size_t *order, size_t n)
{
    struct strata_score_column *list = STRATA_NEW(&arena, struct strata_score_column, N_COLUMNS);
    for (size_t f = 0; f < N_COLUMNS; f++) {
        double *number = STRATA_NEW(&arena, double, n);
        const char **text = STRATA_NEW(&arena, const char *, n);
        uint32_t *missing = STRATA_NEW(&arena, uint32_t, n);
        list[f] = (struct strata_score_column){.feature = column[f].feature, .missing = missing};
        for (uint32_t i = 0; i < n; i++) {
            if (column[f].number) number[i] = column[f].number[order[i]];
            if (column[f].text) text[i] = column[f].text[order[i]];
            if (!job.column[f].absent[order[i]]) continue;
            if (column[f].number && i % 2)
                number[i] = (double)NAN; /* which says the same */
            else
                missing[list[f].n_missing++] = i;
        }
        if (column[f].number) list[f].number = number, list[f].n_numbers = n;
        if (column[f].text) list[f].text = text, list[f].n_texts = n;
    }
    return (struct strata_score_batch){list, N_COLUMNS, n};
}

static bool is_same(const struct strata_assignment *a, const struct strata_assignment *b)
{
    return a->label == b->label && a->runner_up == b->runner_up &&
           memcmp(&a->distance, &b->distance, sizeof a->distance) == 0 &&
           memcmp(&a->posterior, &b->posterior, sizeof a->posterior) == 0 &&
           memcmp(&a->margin, &b->margin, sizeof a->margin) == 0;
}

/* All customers in a new order, n at a time. */
static uint64_t check_order(const struct strata_scorer *scorer, uint64_t seed, size_t n)
{
    size_t order[ROWS];
    uint64_t sum = 0;
    for (size_t i = 0; i < ROWS; i++) order[i] = i;
    for (size_t i = ROWS - 1; i > 0 && seed; i--) {
        const size_t other = fixture_random(seed * ROWS + i) % (i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (size_t first = 0; first < ROWS; first += n) {
        struct strata_assignment told[ROWS];
        const size_t left = ROWS - first;
        const struct strata_score_batch batch = batch_of(order + first, left < n ? left : n);
        cr_assert_eq(strata_score(scorer, &batch, arena, told, &invalid, &err), STRATA_OK, "%s",
                     err.text);
        sum += invalid;
        for (size_t i = 0; i < batch.n; i++)
            cr_assert(is_same(&told[i], &own[order[first + i]]), "customer %zu", order[first + i]);
    }
    return sum;
}

static void check_estimator(const struct strata_estimator *estimator)
{
    const struct strata_scorer *scorer = make_run(estimator);
    static const size_t cuts[] = {ROWS, 1, 7, 256, 257};
    uint64_t expected = 0;
    for (size_t f = 0; f < N_COLUMNS; f++)
        if (job.column[f].feature.role == STRATA_ROLE_BASIS)
            expected += made.quality[0].feature[f].invalid;
    cr_assert_gt(expected, ROWS / 10);
    for (uint64_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
        cr_expect_eq(check_order(scorer, i, cuts[i]), expected, "invalid values are counted alike");
}

Test(score, customers_get_the_bits_of_the_run_in_any_order_and_cut_kmeans)
{
    check_estimator(&strata_kmeans);
}

Test(score, customers_get_the_bits_of_the_run_in_any_order_and_cut_gmm)
{
    check_estimator(&strata_gmm_diag);
}

Test(score, ranges_and_raw_scales_are_encoded_alike)
{
    job.standardise = STRATA_RANGE;
    (void)check_order(make_run(&strata_kmeans), 0, ROWS);
    fixture_finish(&made);
    job.standardise = STRATA_RAW;
    (void)check_order(make_run(&strata_kmeans), 0, ROWS);
}

Test(score, a_feature_left_out_is_missing_for_all_and_others_make_no_difference)
{
    const struct strata_scorer *scorer = make_run(&strata_kmeans);
    struct strata_assignment without[ROWS], missing[ROWS];
    struct strata_score_column part[N_COLUMNS];
    size_t order[ROWS];
    for (size_t i = 0; i < ROWS; i++) order[i] = i;
    memset(job.column[0].absent, 1, sizeof job.column[0].absent);
    struct strata_score_batch batch = batch_of(order, ROWS);
    cr_assert_eq(strata_score(scorer, &batch, arena, missing, &invalid, &err), STRATA_OK);
    size_t n = 0;
    for (size_t f = 1; f < N_COLUMNS; f++)
        if (strcmp(batch.column[f].feature, "told") != 0) part[n++] = batch.column[f];
    batch.column = part;
    batch.n_columns = n;
    cr_assert_eq(strata_score(scorer, &batch, arena, without, &invalid, &err), STRATA_OK);
    for (size_t i = 0; i < ROWS; i++) cr_assert(is_same(&without[i], &missing[i]));
}

/* --- refusals -------------------------------------------------------------------------------------- */

static const struct strata_scorer *refusing;

static void check_refused(struct strata_score_column *changed, size_t n, const char *words)
{
    struct strata_assignment told[ROWS];
    const struct strata_score_batch batch = {changed, N_COLUMNS, n};
    err = (struct strata_err){0};
    cr_expect_eq(strata_score(refusing, &batch, arena, told, &invalid, &err), STRATA_E_USAGE, "%s",
                 words);
    cr_expect(strstr(err.text, words), "\"%s\" should say %s", err.text, words);
    cr_expect_null(strstr(err.text, "4711"), "a value: %s", err.text);
    cr_expect_null(strchr(err.text, '\n'));
}

Test(score, what_does_not_fit_the_model_is_refused_by_name_and_without_a_value)
{
    static const uint32_t beyond[] = {3, ROWS}, falling[] = {5, 5};
    static double number[ROWS];
    static const char *text[ROWS];
    struct strata_score_column changed[N_COLUMNS];
    refusing = make_run(&strata_kmeans);
    for (size_t i = 0; i < ROWS; i++) number[i] = 4711, text[i] = "4711";
    for (int which = 0; which < 12; which++) {
        memcpy(changed, column, sizeof changed);
        const char *words = "";
        size_t n = ROWS;
        switch (which) {
        case 0:
            changed[2].feature = "\xff\xfe";
            words = "column 3 of 10 is of no feature that the model knows";
            break;
        case 1:
            changed[2] = changed[0];
            words = "feature \"spend\" has two columns, 1 and 3";
            break;
        case 2:
            changed[0].text = text, changed[0].n_texts = ROWS;
            words = "feature \"spend\" has both numbers and texts";
            break;
        case 3:
            changed[4].n_texts = ROWS - 1;
            words = "feature \"region\" has 399 values of 400 customers";
            break;
        case 4:
            changed[8].n_numbers = 0; /* a descriptor's too */
            words = "feature \"told\" has 0 values of 400 customers";
            break;
        case 5:
            changed[2].missing = beyond, changed[2].n_missing = 2;
            words = "feature \"age\": its missing rows must be from 0 to 399, rising";
            break;
        case 6:
            changed[2].missing = falling, changed[2].n_missing = 2;
            words = "feature \"age\": its missing rows must be from 0 to 399, rising";
            break;
        case 7:
            changed[0].number = NULL, changed[0].n_numbers = 0;
            changed[0].text = text, changed[0].n_texts = ROWS;
            words = "feature \"spend\" is numeric and has no levels: give numbers";
            break;
        case 8:
            changed[4].text = NULL, changed[4].n_texts = 0;
            changed[4].number = number, changed[4].n_numbers = ROWS;
            words = "feature \"region\" is nominal and its levels are words: give texts";
            break;
        case 9:
            changed[9].missing = beyond, changed[9].n_missing = 1;
            words = "feature \"sure\" has no usable value in row 3 (rows count from 0)";
            break;
        case 10:
            changed[9].feature = "told";
            changed[8].feature = "told";
            words = "feature \"told\" has two columns, 9 and 10";
            break;
        default:
            n = 0;
            words = "a batch has 1 to 4096 customers, this one 0";
        }
        check_refused(changed, n, words);
    }
    check_refused(column, STRATA_SCORE_ROWS_MAX + 1, "a batch has 1 to 4096 customers");
    const struct strata_score_batch empty = {.n = 3};
    struct strata_assignment told[3];
    err = (struct strata_err){0};
    cr_expect_eq(strata_score(refusing, &empty, arena, told, &invalid, &err), STRATA_E_USAGE);
    cr_expect(strstr(err.text, "\"sure\" has no usable value in row 0"), "%s", err.text);
}

Test(score, without_memory_a_batch_is_refused_and_nothing_breaks)
{
    struct strata_assignment told[ROWS];
    const struct strata_scorer *scorer = make_run(&strata_gmm_diag);
    const struct strata_score_batch batch = {column, N_COLUMNS, ROWS};
    strata_status status = STRATA_E_MEMORY;
    for (size_t room = 0; status == STRATA_E_MEMORY && room < (size_t)1 << 20; room += 64) {
        struct strata_arena little = arena;
        little.end = little.next + room;
        status = strata_score(scorer, &batch, little, told, &invalid, &err);
        cr_assert_eq(room == 0 && status == STRATA_OK, false);
    }
    cr_assert_eq(status, STRATA_OK);
}

/* --- models --------------------------------------------------------------------------------------- */

Test(score, a_model_that_was_cut_or_changed_is_refused_or_scores_within_bounds)
{
    struct strata_assignment told[ROWS];
    (void)make_run(&strata_kmeans);
    const struct strata_blob blob = pack_model();
    const struct strata_score_batch batch = {column, N_COLUMNS, ROWS};
    size_t n_refused = 0;
    for (size_t i = 0; i < blob.n_bytes; i++) {
        for (int flip = 0; flip < 2; flip++) {
            struct strata_arena memory = arena;
            struct strata_scorer *scorer = NULL;
            unsigned char *bytes = STRATA_NEW(&memory, unsigned char, blob.n_bytes);
            memcpy(bytes, blob.bytes, blob.n_bytes);
            bytes[i] ^= (unsigned char)(1u << (i % 8));
            const struct strata_blob broken = {bytes, flip ? blob.n_bytes : i};
            const strata_status status =
                strata_scorer_open("model.pb", &broken, &memory, &scorer, &err);
            n_refused += status != STRATA_OK;
            if (status != STRATA_OK) cr_assert_eq(status, STRATA_E_DATA, "byte %zu", i);
            if (status != STRATA_OK) continue;
            if (strata_score(scorer, &batch, memory, told, &invalid, &err) != STRATA_OK) continue;
            for (size_t row = 0; row < ROWS; row++)
                cr_assert(told[row].label >= 0 && told[row].label < K && told[row].runner_up < K);
        }
    }
    cr_expect_gt(n_refused, blob.n_bytes);
}
