/* Names of segments: those that the user gives stay with their segments; the others are short, plain and each
 * its own, whatever the features are. */
#include <ctype.h>
#include <strings.h>

#include "persona/persona_impl.h"
#include "persona_world.h"

/* --- names that the user has given -------------------------------------------------- */

/* Four segments, each marked by one number of its own. */
static void make_four(struct world *world)
{
    static const char *const labels[] = {"spend", "days away", "visits", "coupons used"};
    static const char *const meanings[] = {"spend", "recency", "frequency", "coupon"};
    world_init(world, 2000, 4);
    for (size_t j = 0; j < 4; j++) {
        double *x = world_number(world, labels[j], meanings[j]);
        for (size_t i = 0; i < world->n; i++) {
            world->label[i] = (uint16_t)(i % 4);
            x[i] = world_normal(j, i) + (i % 4 == j ? 4.0 : 0.0);
        }
    }
}

static struct world world;
static struct world_run run;

static const struct strata_personas *described(const struct strata_earlier_name *earlier,
                                               const struct strata_segment_setting *given,
                                               size_t n_given)
{
    world_run_finish(&run);
    world.earlier = earlier;
    world.config.given_name = given;
    world.config.n_given_names = n_given;
    world_describe(&world, 2, NULL, &run);
    return run.out[0];
}

static void expect_name(const struct strata_personas *personas, size_t s, const char *name,
                        const char *origin)
{
    const struct strata_persona *persona = &personas->segment[s];
    cr_expect_str_eq(persona->name, name);
    cr_expect_eq(persona->name_given, origin != NULL, "%s", name);
    if (!origin) cr_expect_null(persona->name_origin);
    if (origin)
        cr_expect_not_null(strstr(persona->name_origin, origin), "%s", persona->name_origin);
    if (origin) cr_expect_not_null(strstr(persona->name_origin, persona->automatic_name));
}

Test(persona_names, a_given_name_goes_on_with_its_segment_and_an_automatic_one_does_not)
{
    static const struct strata_earlier_name earlier[4] = {{"Giants", true, "last year"},
                                                          {"Quiet ones", false, "last year"},
                                                          {NULL, false, NULL},
                                                          {"Clippers", true, "last year"}};
    make_four(&world);
    const struct strata_personas *personas = described(NULL, NULL, 0);
    char automatic[4][100];
    for (size_t s = 0; s < 4; s++)
        (void)snprintf(automatic[s], sizeof automatic[s], "%s", personas->segment[s].name);
    personas = described(earlier, NULL, 0);
    expect_name(personas, 0, "Giants", "\"last year\"");
    expect_name(personas, 1, automatic[1], NULL);
    expect_name(personas, 2, automatic[2], NULL);
    expect_name(personas, 3, "Clippers", "\"last year\"");
    cr_expect_str_eq(personas->segment[0].automatic_name, automatic[0]);
    cr_expect(strata_persona_is_called(&personas->segment[0], "GIANTS"));
    cr_expect(strata_persona_is_called(&personas->segment[0], automatic[0]));
    cr_expect_not(strata_persona_is_called(&personas->segment[1], "Giants"));
}

Test(persona_names, the_job_file_wins_over_the_earlier_run)
{
    static const struct strata_earlier_name earlier[4] = {{"Giants", true, "a"},
                                                          {"Sleepers", true, "a"},
                                                          {"Regulars", false, "a"},
                                                          {NULL, false, NULL}};
    make_four(&world);
    const struct strata_personas *personas = described(NULL, NULL, 0);
    char first[100];
    (void)snprintf(first, sizeof first, "%s", personas->segment[0].name);
    const struct strata_segment_setting given[] = {
        {.segment = first, .value = "Titans"},          /* by the name that it would have */
        {.segment = "sleepers", .value = "Dreamers"},   /* by the name that it had */
        {.segment = "Regulars", .value = "Every week"}, /* which nobody had given */
        {.segment = "Nobody", .value = "No one"}};
    personas = described(earlier, given, 4);
    expect_name(personas, 0, "Titans", "job file");
    expect_name(personas, 1, "Dreamers", "job file");
    expect_name(personas, 2, "Every week", "job file");
    cr_expect_not(personas->segment[3].name_given);
}

Test(persona_names, an_entry_that_would_move_a_name_to_another_segment_does_not)
{
    /* The name of the first was once given by the second's markers: the data have changed places since. */
    static const struct strata_earlier_name earlier[4] = {{"Giants", true, "a"}};
    make_four(&world);
    const struct strata_personas *personas = described(NULL, NULL, 0);
    char second[100];
    (void)snprintf(second, sizeof second, "%s", personas->segment[1].name);
    const struct strata_segment_setting stays[] = {{.segment = second, .value = "giants"}};
    personas = described(earlier, stays, 1);
    expect_name(personas, 0, "Giants", "earlier run");
    expect_name(personas, 1, second, NULL);
    const struct strata_segment_setting moves[] = {{.segment = second, .value = "Giants"},
                                                   {.segment = "Giants", .value = "Others"}};
    personas = described(earlier, moves, 2);
    expect_name(personas, 0, "Others", "job file");
    expect_name(personas, 1, "Giants", "job file");
}

static const char *const pool[] = {
    "Big spenders",       "Coupon users",     "Ash",   "Birch", "ash",
    "Frequent customers", "Lapsed customers", "Cedar", "Elm"};
enum { POOL = sizeof pool / sizeof pool[0] };

/* As earlier runs and job files may have them: entries differ in their keys, and in their values. */
static size_t draw_names(uint64_t seed, struct strata_earlier_name earlier[4],
                         struct strata_segment_setting given[4])
{
    size_t n_given = 0;
    for (size_t s = 0; s < 4; s++) {
        const uint64_t bits = world_bits(seed, s);
        earlier[s] = (struct strata_earlier_name){bits % 3 ? pool[bits / 3 % POOL] : NULL,
                                                  bits / 64 % 2 == 0, "a"};
    }
    for (size_t i = 0; i < 4; i++) {
        const uint64_t bits = world_bits(seed + 100000, i);
        const char *key = pool[bits % POOL], *value = pool[bits / 64 % POOL];
        bool twice = false;
        for (size_t j = 0; j < n_given; j++)
            twice |=
                strcasecmp(given[j].segment, key) == 0 || strcasecmp(given[j].value, value) == 0;
        if (!twice) given[n_given++] = (struct strata_segment_setting){key, value, {0}};
    }
    return n_given;
}

static bool is_entitled(const char *name, const struct strata_earlier_name *earlier,
                        const struct strata_segment_setting *given, size_t n_given)
{
    bool entitled = earlier->given && earlier->name && strcasecmp(earlier->name, name) == 0;
    for (size_t i = 0; i < n_given; i++) entitled |= strcmp(given[i].value, name) == 0;
    return entitled;
}

Test(persona_names, given_names_are_each_their_own_whatever_is_given)
{
    make_four(&world);
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct strata_earlier_name earlier[4];
        struct strata_segment_setting given[4];
        const size_t n_given = draw_names(seed, earlier, given);
        const struct strata_personas *personas = described(earlier, given, n_given);
        for (size_t s = 0; s < 4; s++) {
            const struct strata_persona *persona = &personas->segment[s];
            for (size_t t = 0; t < s; t++)
                cr_assert_neq(strcasecmp(persona->name, personas->segment[t].name), 0,
                              "seed %d: %s", (int)seed, persona->name);
            cr_assert(!persona->name_given ||
                          is_entitled(persona->name, &earlier[s], given, n_given),
                      "seed %d: %s", (int)seed, persona->name);
        }
    }
}

Test(persona_names, no_two_segments_are_given_one_name)
{
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct strata_earlier_name earlier[4];
        struct strata_segment_setting given[4];
        struct strata_own_names own;
        struct strata_arena scratch;
        const struct strata_config config = {.given_name = given,
                                             .n_given_names = draw_names(seed, earlier, given)};
        const char *name[4];
        cr_assert(strata_arena_init(&scratch, (size_t)1 << 16));
        cr_assert(strata_own_names_make(&own, &config, earlier, 4, &scratch));
        for (size_t s = 0; s < 4; s++) {
            name[s] = strata_own_name(&own, s, pool[(seed + s) % POOL]);
            for (size_t t = 0; name[s] && t < s; t++)
                cr_assert(!name[t] || strcasecmp(name[s], name[t]) != 0, "seed %d: %s", (int)seed,
                          name[s]);
            cr_assert(!name[s] || is_entitled(name[s], &earlier[s], given, config.n_given_names));
        }
        strata_arena_finish(&scratch);
    }
}

/* --- names that the data give ------------------------------------------------------ */

static bool same_word(const char *a, size_t n_a, const char *b, size_t n_b)
{
    return n_a == n_b && strncasecmp(a, b, n_a) == 0;
}

/* At most four words, none twice, one space between, a capital or a sign first, no numeral. */
static void check_name(const char *name)
{
    const char *word[8];
    size_t length[8];
    size_t n = 0;
    for (const char *at = name; *at && n < 8; n++) {
        word[n] = at;
        length[n] = strcspn(at, " ,");
        for (size_t i = 0; i < n; i++)
            cr_assert_not(same_word(word[i], length[i], at, length[n]), "%s", name);
        at += strcspn(at, " ");
        if (*at == ' ') at++;
        cr_assert_neq(*at, ' ', "%s", name);
    }
    cr_assert(n >= 1 && n <= 4, "%s", name);
    cr_assert_not(islower((unsigned char)name[0]), "%s", name);
    cr_assert_null(strpbrk(name, "0123456789{}"), "%s", name);
}

static size_t plain_names(const struct strata_personas *personas)
{
    size_t n = 0;
    for (size_t s = 0; s < personas->k; s++) {
        const char *name = personas->segment[s].name;
        check_name(name);
        for (size_t t = 0; t < s; t++)
            cr_assert_neq(strcasecmp(name, personas->segment[t].name), 0, "%s", name);
        const char *comma = strrchr(name, ',');
        n += !comma || !strstr(strata_message("name.tags"), comma + 2);
    }
    return n;
}

static const char *const trades[] = {"bakers", "dentists", "farmers", "lawyers", "pilots"};
static const char *const sizes[] = {"large", "medium", "small"};

/* Features of random meanings and kinds, k segments of random character. */
static void make_any(struct world *any, size_t k, uint64_t seed, size_t n_features)
{
    static const char *const labels[] = {"bread",  "opera tickets", "garden", "fast broadband",
                                         "trips",  "loan balance",  "pets",   "paperless billing",
                                         "school", "boat shows",    "books",  "coffee"};
    size_t n_meanings = 0;
    while (strata_meanings[n_meanings]) n_meanings++;
    world_init(any, 40 * k, k);
    for (size_t i = 0; i < any->n; i++) any->label[i] = (uint16_t)(i % k);
    for (size_t f = 0; f < n_features; f++) {
        const uint64_t kind = world_bits(seed + 7, f) % 6;
        const char *label = labels[f % 12];
        const char *meaning = world_bits(seed + 8, f) % 4
                                  ? strata_meanings[world_bits(seed + 9, f) % n_meanings]
                                  : NULL;
        const bool nominal = kind == 0, ordinal = kind == 1, binary = kind == 2;
        uint32_t *code = nominal   ? world_text(any, label, meaning, trades, NULL, 5)
                         : ordinal ? world_text(any, label, meaning, sizes, sizes, 3)
                                   : NULL;
        double *x = code     ? NULL
                    : binary ? world_binary(any, label, meaning)
                             : world_number(any, label, meaning);
        any->feature[f].dimension =
            (enum strata_dimension)(world_bits(seed + 10, f) % STRATA_DIMENSION_COUNT);
        for (size_t i = 0; i < any->n; i++) {
            const size_t s = any->label[i];
            const double mean = 3.0 * world_uniform(seed + 11 + f, s);
            const bool own = world_uniform(seed + 100, i * n_features + f) < 0.6;
            if (binary) x[i] = world_uniform(seed + 200 + f, i) < mean / 3.0;
            if (code)
                code[i] = (uint32_t)((own ? s : world_bits(seed + 300 + f, i)) % (nominal ? 5 : 3));
            if (x && !binary) x[i] = mean + 0.5 * world_normal(seed + 400 + f, i);
        }
    }
}

Test(persona_names, names_are_plain_whatever_the_features_mean)
{
    static const size_t ks[] = {64, 3, 20, 9, 64, 5};
    for (uint64_t seed = 0; seed < sizeof ks / sizeof ks[0]; seed++) {
        const size_t k = ks[seed], n_features = 8 + seed % 5;
        struct world any;
        struct world_run of_two, of_three;
        make_any(&any, k, 1000 * seed, n_features);
        world_describe(&any, 2, NULL, &of_two);
        const size_t n_plain = plain_names(of_two.out[0]);
        cr_assert(10 * n_plain >= 9 * k, "seed %d: %zu of %zu names need no tree", (int)seed,
                  n_plain, k);
        if (k < 10) {
            world_describe(&any, 3, NULL, &of_three);
            for (size_t s = 0; s < k; s++)
                cr_assert_str_eq(of_two.out[0]->segment[s].name, of_three.out[2]->segment[s].name);
            world_run_finish(&of_three);
        }
        world_run_finish(&of_two);
        strata_arena_finish(&any.arena);
    }
}

Test(persona_names, who_is_hidden_is_not_called_average)
{
    struct world any;
    struct world_run of_few;
    world_init(&any, 1000, 3);
    double *x = world_number(&any, "spend", "spend");
    uint32_t *town = world_text(&any, "town", NULL, trades, NULL, 5);
    for (size_t i = 0; i < any.n; i++) {
        any.label[i] = (uint16_t)(i < 4 ? 2 : i % 2);
        x[i] = world_normal(1, i) + (i < 4 ? 9.0 : 0.0);
        town[i] = (uint32_t)(world_bits(2, i) % 5);
    }
    world_describe(&any, 1, NULL, &of_few);
    size_t n_untold = 0;
    for (size_t s = 0; s < 3; s++) {
        const struct strata_persona *persona = &of_few.out[0]->segment[s];
        const bool untold = strncmp(persona->name, "Undescribed customers", 21) == 0;
        cr_expect_eq(untold, persona->cell[0].hidden, "%s", persona->name);
        cr_expect_eq(untold, strstr(persona->definition, "are hidden") != NULL);
        n_untold += untold;
    }
    cr_expect_eq(n_untold, 2, "the few, and those whom subtraction would tell them by");
    world_run_finish(&of_few);
    strata_arena_finish(&any.arena);
}
