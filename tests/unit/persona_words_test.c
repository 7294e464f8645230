/* Names and sentences: unique, short, without a number that is not in the record, and never a
 * NaN. */
#include "persona_sentences.h"

static size_t count_words(const char *text)
{
    size_t n = 0;
    for (size_t i = 0; text[i]; i++) n += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
    return n;
}

static void strip_digits(const char *text, char *out)
{
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text)) *out++ = (char)tolower((unsigned char)*text);
    }
    *out = '\0';
}

/* Short, distinct also without digits and case, in sentence case. */
static void check_names(const struct strata_personas *personas)
{
    for (size_t s = 0; s < personas->k; s++) {
        const char *name = personas->segment[s].name;
        cr_assert_gt(count_words(name), 0);
        cr_assert_leq(count_words(name), 4, "%s", name);
        cr_assert_not(islower((unsigned char)name[0]), "%s", name);
        for (size_t t = 0; t < s; t++) {
            char a[400];
            char b[400];
            strip_digits(name, a);
            strip_digits(personas->segment[t].name, b);
            cr_assert_str_neq(a, b, "%s / %s", name, personas->segment[t].name);
        }
    }
}

static void check_texts(const struct world *world, const struct strata_personas *personas)
{
    for (size_t s = 0; s < personas->k; s++) {
        const struct strata_persona *persona = &personas->segment[s];
        double shown = 0.0;
        double unit = 0.0;
        for (size_t i = 0; i < persona->n_statements; i++) {
            check_statement(world, &persona->statement[i]);
        }
        cr_assert_null(strstr(persona->definition, "nan"), "%s", persona->definition);
        cr_assert_null(strchr(persona->definition, '{'), "%s", persona->definition);
        char *copy = without_names(world, persona->definition);
        for (char *at = copy; next_number(&at, &shown, &unit);) {
            bool found = false;
            for (size_t i = 0; i < persona->n_statements && !found; i++) {
                found = is_in_record(&persona->statement[i], shown, unit);
            }
            cr_assert(found, "%g in: %s", shown, persona->definition);
        }
        free(copy);
    }
}

/* --- worlds --------------------------------------------------------- */

static const char *const departments[] = {"BAKERY", "GROCERY", "MEAT", "PRODUCE", "route 66"};
static const char *const ages_by_bytes[] = {"19-24", "25-34", "35-44", "45-54", "65+", "under 19"};
static const char *const ages[] = {"under 19", "19-24", "25-34", "35-44", "45-54", "65+"};

/* k segments of random character: every number's mean, every share and every favourite level is
 * drawn. */
static void make_random(struct world *world, size_t n, size_t k, uint64_t seed, size_t n_numbers)
{
    static const char *const meanings[] = {"spend",    "recency", "frequency", NULL,
                                           "discount", NULL,      "tenure",    "basket_size",
                                           "web",      NULL,      "income",    "variety"};
    static const char *const labels[] = {"spend",          "days since last purchase",
                                         "visits",         "produce share",
                                         "discount share", "dairy",
                                         "years",          "basket size",
                                         "web visits",     "organic share of all spend",
                                         "income",         "products"};
    world_init(world, n, k);
    for (size_t i = 0; i < n; i++) world->label[i] = (uint16_t)(world_bits(seed, i) % k);
    for (size_t j = 0; j < n_numbers; j++) {
        double *x = world_number(world, labels[j % 12], j < 12 ? meanings[j % 12] : NULL);
        const double scale = pow(10.0, 5.0 * world_uniform(seed + 1, j) - 2.0);
        for (size_t i = 0; i < n; i++) {
            const size_t s = (size_t)world->label[i];
            x[i] =
                scale * (5.0 + world_normal(seed + 2, s * 100 + j) + world_normal(seed + 3 + j, i));
        }
    }
    if (n_numbers < 4) return;
    double *garden = world_binary(world, "garden", NULL);
    uint32_t *age = world_text(world, "age", "age", ages_by_bytes, ages, 6);
    uint32_t *department = world_text(world, "department", NULL, departments, NULL, 5);
    for (size_t i = 0; i < n; i++) {
        const size_t s = (size_t)world->label[i];
        garden[i] = world_uniform(seed + 40, i) < world_uniform(seed + 41, s);
        age[i] = (uint32_t)((world_bits(seed + 42, i) % 3 + world_bits(seed + 43, s) % 4) % 6);
        department[i] =
            (uint32_t)((world_uniform(seed + 44, i) < 0.7 ? s : world_bits(seed + 45, i)) % 5);
    }
}

static void describe_and_check(struct world *world, struct world_run *run)
{
    world_describe(world, 2, NULL, run);
    check_names(run->out[0]);
    check_texts(world, run->out[0]);
}

static bool is_tagged(const char *name)
{
    const char *comma = strrchr(name, ',');
    return comma && strstr(strata_message("name.tags"), comma + 2);
}

Test(persona_words, sixty_four_random_segments_have_sixty_four_names)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world world;
        make_random(&world, 6400, 64, 100 * seed, 12);
        struct world_run run;
        describe_and_check(&world, &run);
        for (size_t s = 0; s < 64; s++)
            cr_assert_not(is_tagged(run.out[0]->segment[s].name), "no tag is needed");
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(persona_words, names_stay_unique_when_features_are_few_or_none_differ)
{
    for (size_t n_features = 1; n_features <= 5; n_features++) {
        struct world world;
        make_random(&world, 6400, 64, 7, n_features);
        struct world_run run;
        describe_and_check(&world, &run);
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
    struct world world;
    world_init(&world, 6400, 64);
    (void)world_number(&world, "constant", NULL);
    for (size_t i = 0; i < world.n; i++) world.label[i] = (uint16_t)(i % 64);
    struct world_run run;
    describe_and_check(&world, &run);
}

Test(persona_words, labels_that_differ_in_a_numeral_do_not_tell_names_apart)
{
    struct world world;
    world_init(&world, 800, 8);
    static const char *const labels[] = {"x1", "x2", "x3", "x4"};
    for (size_t i = 0; i < world.n; i++) world.label[i] = (uint16_t)(i % 8);
    for (size_t j = 0; j < 4; j++) {
        double *x = world_number(&world, labels[j], NULL);
        for (size_t i = 0; i < world.n; i++) x[i] = world_normal(j, i) + (i % 4 == j ? 4.0 : 0.0);
    }
    struct world_run run;
    describe_and_check(&world, &run);
}

Test(persona_words, every_number_in_a_sentence_is_in_its_record)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct world world;
        make_random(&world, 300 + 200 * seed, 2 + seed, 31 * seed, 12);
        world.feature[0].unit = "EUR";
        world.feature[1].unit = "$";
        world.feature[2].unit = "%";
        struct world_run run;
        describe_and_check(&world, &run);
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(persona_words, the_strongest_markers_make_the_name)
{
    struct world world;
    world_init(&world, 3000, 3);
    double *spend = world_number(&world, "spend", "spend");
    double *recency = world_number(&world, "days since last purchase", "recency");
    double *produce = world_number(&world, "produce share", NULL);
    for (size_t i = 0; i < world.n; i++) {
        const size_t s = i % 3;
        world.label[i] = (uint16_t)s;
        spend[i] = world_normal(1, i) + (s == 0 ? 103.0 : 100.0);
        recency[i] = world_normal(2, i) + (s == 0 ? 102.0 : 100.0);
        produce[i] = world_normal(3, i) + (s == 1 ? 103.0 : 100.0);
    }
    struct world_run run;
    describe_and_check(&world, &run);
    cr_assert_str_eq(run.out[0]->segment[0].name, "Lapsed big spenders");
    cr_assert_not_null(strstr(run.out[0]->segment[1].name, "high produce share"), "%s",
                       run.out[0]->segment[1].name);
}

Test(persona_words, a_name_that_the_user_gives_sticks_to_its_segment_and_to_no_other)
{
    static const struct strata_segment_setting given[] = {
        {.segment = "Lapsed big spenders", .value = "Sleeping giants"},
        {.segment = "Not in this run", .value = "Small spenders"}};
    struct world world;
    world_init(&world, 2000, 2);
    double *spend = world_number(&world, "spend", "spend");
    double *recency = world_number(&world, "days since last purchase", "recency");
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = (uint16_t)(i % 2);
        spend[i] = world_normal(1, i) + (i % 2 ? 0.0 : 3.0);
        recency[i] = world_normal(2, i) + (i % 2 ? 0.0 : 2.0);
    }
    struct world_run run;
    describe_and_check(&world, &run);
    cr_assert_str_eq(run.out[0]->segment[0].name, "Lapsed big spenders");
    world_run_finish(&run);
    world.config.given_name = given;
    world.config.n_given_names = 2;
    describe_and_check(&world, &run);
    cr_assert_str_eq(run.out[0]->segment[0].name, "Sleeping giants");
    cr_assert_str_neq(run.out[0]->segment[1].name, "Small spenders");
}

static const char *text_of(const struct strata_persona *persona, size_t feature)
{
    for (size_t i = 0; i < persona->n_statements; i++) {
        if (persona->statement[i].feature == feature) return persona->statement[i].text;
    }
    return "";
}

Test(persona_words, units_and_kinds_decide_how_numbers_are_said)
{
    struct world world;
    world_init(&world, 2000, 2);
    double *visits = world_number(&world, "visits a year", "frequency");
    double *recency = world_number(&world, "days since the last visit", "recency");
    double *spend = world_number(&world, "yearly spend", "spend");
    double *fuel = world_number(&world, "fuel", "category");
    double *mail = world_number(&world, "campaigns received", "mail");
    world.feature[0].type = STRATA_COUNT;
    world.feature[1].unit = "days";
    world.feature[2].unit = "USD";
    world.feature[3].unit = "share of spend";
    for (size_t i = 0; i < world.n; i++) {
        const bool first = i % 2 == 0;
        world.label[i] = (uint16_t)(i % 2);
        const double jitter = i / 2 % 2 ? 0.125 : -0.125; /* exact, and 0 on average */
        visits[i] = (first ? 30.0 : 10.0) + jitter;
        recency[i] = (first ? 5.0 : 25.0) + jitter;
        spend[i] = (first ? 1500.0 : 500.0) + jitter;
        fuel[i] = (first ? 0.75 : 0.25) + jitter / 64.0;
        mail[i] = (first ? 3.0 : 1.0) + jitter;
    }
    struct world_run run;
    describe_and_check(&world, &run);
    const struct strata_persona *p = &run.out[0]->segment[0];
    const struct strata_persona *q = &run.out[0]->segment[1];
    cr_expect_str_eq(text_of(p, 0),
                     "They come more often: 30 visits a year, against 20 for everybody.");
    cr_expect_str_eq(text_of(p, 1), "They were here more recently: 5 days since the last visit, "
                                    "against 15 for everybody.");
    cr_expect_str_eq(text_of(p, 2),
                     "They spend more: yearly spend of $1,500, against $1,000 for everybody.");
    cr_expect_str_eq(text_of(p, 3), "They buy more fuel: 75% of spend, against 50% for everybody.");
    cr_expect_str_eq(text_of(p, 4),
                     "They are mailed more often: campaigns received 1.5 times the average.");
    cr_expect_str_eq(text_of(q, 4),
                     "They are mailed less often: campaigns received 50% of the average.");
    cr_expect_str_eq(p->statement[0].text, "1,000 customers, 50% of all.");
}

Test(persona_words, customers_who_buy_little_of_everything_are_named_by_that)
{
    static const char *const labels[] = {"grocery", "milk", "paper", "fish"};
    struct world world;
    world_init(&world, 2000, 2);
    double *x[4];
    for (size_t j = 0; j < 4; j++) {
        x[j] = world_number(&world, labels[j], "category");
    }
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = (uint16_t)(i % 4 == 3);
        for (size_t j = 0; j < 4; j++)
            x[j][i] = world_normal(j, i) + (i % 4 == 3 ? 9.0 - (double)j : 0.0);
    }
    struct world_run run;
    describe_and_check(&world, &run);
    cr_expect_str_eq(run.out[0]->segment[0].name, "Small general buyers");
    cr_expect_str_eq(run.out[0]->segment[1].name, "Bulk grocery buyers");
    cr_expect_not_null(strstr(run.out[0]->segment[1].definition, "), milk, and paper."), "%s",
                       run.out[0]->segment[1].definition);
}

Test(persona_words, what_the_firm_does_to_customers_names_them_last)
{
    struct world world;
    world_init(&world, 1500, 3);
    double *mail = world_number(&world, "mailings", "mail");
    double *spend = world_number(&world, "spend", "spend");
    double *recency = world_number(&world, "days away", "recency");
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = (uint16_t)(i % 3);
        mail[i] = world_normal(1, i) + (i % 3 == 0 ? 9.0 : 5.0);
        spend[i] = world_normal(2, i) + (i % 3 == 0 ? 7.0 : 5.0);
        recency[i] = world_normal(3, i) + (i % 3 == 0 ? 6.0 : 5.0);
    }
    struct world_run run;
    describe_and_check(&world, &run);
    cr_expect_str_eq(run.out[0]->segment[0].name, "Lapsed big spenders");
    cr_expect_not_null(strstr(run.out[0]->segment[0].definition, "and are mailed more often."),
                       "%s", run.out[0]->segment[0].definition);
}

Test(persona_words, a_changed_statistic_changes_its_sentence_and_no_other)
{
    struct world world;
    make_random(&world, 3000, 4, 5, 8);
    struct world_run before;
    world_describe(&world, 1, NULL, &before);
    double *spend = STRATA_NEW(&world.arena, double, world.n);
    for (size_t i = 0; i < world.n; i++) {
        spend[i] = world.column[0].number[i] * (world.label[i] == 2 ? 1.5 : 1.0);
    }
    world.column[0].number = spend;
    struct world_run after;
    world_describe(&world, 1, NULL, &after);
    const struct strata_persona *a = &before.out[0]->segment[2];
    const struct strata_persona *b = &after.out[0]->segment[2];
    size_t n_compared = 0;
    for (size_t i = 0; i < a->n_statements; i++) {
        for (size_t j = 0; j < b->n_statements; j++) {
            if (a->statement[i].feature != b->statement[j].feature) continue;
            n_compared++;
            const bool same = strcmp(a->statement[i].text, b->statement[j].text) == 0;
            cr_assert_eq(same, a->statement[i].feature != 0, "%s", b->statement[j].text);
        }
    }
    cr_assert_gt(n_compared, 3);
    cr_assert_str_neq(a->definition, b->definition);
}

Test(persona_words, a_level_is_told_as_rare_only_where_it_is)
{
    struct world world;
    make_random(&world, 6000, 4, 11, 4);
    struct world_run run;
    describe_and_check(&world, &run);
    size_t n_levels = 0;
    for (size_t s = 0; s < 4; s++) {
        for (size_t i = 0; i < run.out[0]->segment[s].n_statements; i++) {
            const struct strata_statement *st = &run.out[0]->segment[s].statement[i];
            if (st->level < 0) continue;
            n_levels++;
            const bool rare = strstr(st->text, " only ") != NULL;
            cr_assert(!rare || st->value < st->reference, "%s", st->text);
        }
    }
    cr_assert_gt(n_levels, 4);
}

/* --- degenerate --------------------------------------------------------- */

Test(persona_words, one_segment_is_all_customers)
{
    struct world world;
    make_random(&world, 500, 1, 3, 12);
    struct world_run run;
    describe_and_check(&world, &run);
    cr_assert_str_eq(run.out[0]->segment[0].name, "All customers");
    cr_assert_eq(run.out[0]->segment[0].n_markers, 0);
    cr_assert_gt(run.out[0]->segment[0].n_statements, 5);
}

Test(persona_words, one_customer_tells_nothing_about_himself)
{
    struct world world;
    make_random(&world, 1, 1, 3, 12);
    struct world_run run;
    describe_and_check(&world, &run);
    cr_assert_eq(run.out[0]->segment[0].n_statements, 1);
    for (size_t f = 0; f < world.config.n_features; f++)
        cr_assert(run.out[0]->segment[0].cell[f].hidden);
}

Test(persona_words, missing_values_are_not_put_into_words)
{
    struct world world;
    make_random(&world, 600, 3, 3, 12);
    for (size_t f = 0; f < world.config.n_features; f++)
        memset(world_present(&world, f), 0, world.n);
    struct world_run run;
    describe_and_check(&world, &run);
    for (size_t s = 0; s < 3; s++) {
        cr_assert_eq(run.out[0]->segment[s].n_statements, 1);
        cr_assert_eq(run.out[0]->segment[s].n_markers, 0);
        cr_assert(isnan(run.out[0]->segment[s].cell[0].mean));
        cr_assert_eq(run.out[0]->segment[s].cell[0].missing, run.out[0]->segment[s].size);
    }
}

Test(persona_words, odd_labels_and_levels_do_no_harm)
{
    static const char *const odd[] = {"",   "(none)", "a {label} of {value}",
                                      "no", "yes",    "\x01\x02"};
    struct world world;
    world_init(&world, 600, 3);
    static const char long_label[] = "a label of many words that goes on and on (and on) 100 %s %n";
    uint32_t *code = world_text(&world, "{value}", NULL, odd, NULL, 6);
    double *x = world_number(&world, long_label, "category");
    double *y = world_number(&world, "", NULL);
    static const char *const name[] = {"of_levels", "of_words", "select"}; /* those are checked */
    for (size_t f = 0; f < 3; f++) world.feature[f].name = name[f];
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = (uint16_t)(i % 3);
        code[i] = (uint32_t)(world_uniform(1, i) < 0.8 ? i % 3 * 2 : world_bits(2, i) % 6);
        x[i] = (double)(i % 3) + world_normal(3, i);
        y[i] = -(double)(i % 3) + world_normal(4, i);
    }
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    check_names(run.out[0]);
}

/* --- the catalogue --------------------------------------------------------- */

Test(persona_words, catalogue_has_unique_keys_known_slots_and_no_numbers)
{
    static const char *const slots[] = {"{first}", "{second}", "{third}",  "{piece}",     "{label}",
                                        "{level}", "{people}", "{value}",  "{reference}", "{count}",
                                        "{unit}",  "{number}", "{amount}", "{do}"};
    for (const struct strata_message *m = strata_messages; m->key; m++) {
        for (const struct strata_message *o = strata_messages; o != m; o++)
            cr_assert_str_neq(m->key, o->key);
        cr_assert_null(strpbrk(m->text, "0123456789"), "%s", m->key);
        char text[4000];
        (void)snprintf(text, sizeof text, "%s", m->text);
        for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) blank(text, slots[i]);
        cr_assert_null(strpbrk(text, "{}"), "%s", m->key);
    }
}

Test(persona_words, catalogue_has_one_or_two_tags_for_every_segment)
{
    char tags[4000];
    (void)snprintf(tags, sizeof tags, "%s", strata_message("name.tags"));
    const char *seen[STRATA_MAX_SEGMENTS * 2];
    size_t n = 0;
    char *rest = NULL;
    for (char *tag = strtok_r(tags, " ", &rest); tag && n < STRATA_MAX_SEGMENTS * 2;
         tag = strtok_r(NULL, " ", &rest)) {
        for (size_t i = 0; i < n; i++) cr_assert_str_neq(tag, seen[i]);
        seen[n++] = tag;
    }
    cr_assert_geq(n * n, STRATA_MAX_SEGMENTS);
}

static bool has_form(const char *meaning, const char *direction)
{
    static const char *const forms[] = {"adjective", "noun", "phrase", "tail"};
    for (size_t i = 0; i < 4; i++) {
        char key[100];
        (void)snprintf(key, sizeof key, "name.%s.%s.%s", meaning, direction, forms[i]);
        if (strata_message(key)) return true;
    }
    return false;
}

Test(persona_words, every_meaning_that_has_a_direction_has_words_for_both)
{
    static const char *const by_level = " gender occupation language region climate industry ";
    for (size_t i = 0; strata_meanings[i]; i++) {
        char word[100];
        (void)snprintf(word, sizeof word, " %s ", strata_meanings[i]);
        if (strstr(by_level, word)) continue;
        cr_assert(has_form(strata_meanings[i], "high"), "%s", strata_meanings[i]);
        cr_assert(has_form(strata_meanings[i], "low"), "%s", strata_meanings[i]);
    }
}

/* -2 slightly, -1 fairly, 0 plain, 1 very, 2 extremely. */
static int degree_in(const char *name)
{
    static const struct {
        const char *word;
        int degree;
    } degrees[] = {{"Slightly ", -2}, {"Fairly ", -1}, {"Very ", 1}, {"Extremely ", 2}};
    for (size_t i = 0; i < 4; i++) {
        if (strncmp(name, degrees[i].word, strlen(degrees[i].word)) == 0) return degrees[i].degree;
    }
    return 0;
}

Test(persona_words, degrees_in_names_follow_the_strength_of_what_they_say)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world world;
        world_init(&world, 1400, 7);
        double *x =
            world_number(&world, seed % 2 ? "spend" : "produce share", seed % 2 ? "spend" : NULL);
        for (size_t i = 0; i < world.n; i++) {
            world.label[i] = (uint16_t)(i % 7);
            x[i] = world_normal(seed, i) + 6.0 * world_uniform(seed + 1, i % 7);
        }
        struct world_run run;
        describe_and_check(&world, &run);
        for (size_t s = 0; s < 7; s++) {
            for (size_t t = 0; t < 7; t++) {
                const struct strata_persona *a = &run.out[0]->segment[s];
                const struct strata_persona *b = &run.out[0]->segment[t];
                const double strength = fabs(b->cell[0].effect);
                if (a->cell[0].effect * b->cell[0].effect <= 0.0 || is_tagged(a->name) ||
                    is_tagged(b->name))
                    continue;
                if (fabs(a->cell[0].effect) >= strength) continue;
                if (fabs(a->cell[0].effect) < STRATA_NOTICEABLE) continue;
                cr_assert_leq(degree_in(a->name), degree_in(b->name), "%s / %s", a->name, b->name);
            }
        }
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(persona_words, a_yes_is_named_by_what_its_label_says_that_they_are_or_have)
{
    static const char *const labels[] = {"known from before", "mortgages"};
    static const char *const names[][2] = {
        {"Not known from before", "Known from before"},
        {"Customers without mortgages", "Customers with mortgages"}};
    for (size_t j = 0; j < 2; j++) {
        struct world world;
        world_init(&world, 2000, 2);
        double *yes = world_binary(&world, labels[j], NULL);
        for (size_t i = 0; i < world.n; i++) {
            world.label[i] = (uint16_t)(i % 4 == 3);
            yes[i] = i % 4 == 3;
        }
        struct world_run run;
        describe_and_check(&world, &run);
        for (size_t s = 0; s < 2; s++) cr_expect_str_eq(run.out[0]->segment[s].name, names[j][s]);
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(persona_words, customers_who_want_little_of_everything_are_named_by_that)
{
    static const char *const labels[] = {"rest", "sports", "culture", "nature"};
    struct world world;
    world_init(&world, 2000, 2);
    for (size_t j = 0; j < 4; j++) {
        double *yes = world_binary(&world, labels[j], "motive");
        for (size_t i = 0; i < world.n; i++) {
            world.label[i] = (uint16_t)(i % 4 == 3);
            yes[i] = world_uniform(j, i) < (i % 4 == 3 ? 0.8 : 0.2);
        }
    }
    struct world_run run;
    describe_and_check(&world, &run);
    cr_expect_not_null(strstr(run.out[0]->segment[0].name, "ew-motive"), "%s",
                       run.out[0]->segment[0].name);
    cr_expect_not_null(strstr(run.out[0]->segment[1].name, "any-motive"), "%s",
                       run.out[0]->segment[1].name);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}
