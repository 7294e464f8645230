/* All words come from the catalogue: with another one, whose letters are all Cyrillic (tests/support/
 * pseudo_language.c), no text of a persona has a Latin letter left, nor a number with English signs. */
#include "persona/persona_impl.h"
#include "persona_world.h"

static size_t n_seen;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void check(const char *text)
{
    if (!text) return;
    n_seen++;
    for (const char *c = text; *c; c++) {
        const bool latin = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        cr_assert_not(latin, "%s", text);
        const bool within = c > text && is_digit(c[-1]) && is_digit(c[1]);
        cr_assert_not(within && (*c == ',' || *c == '.'), "%s", text);
    }
}

static void check_statements(const struct strata_statement *statement, size_t n)
{
    for (size_t i = 0; i < n; i++) check(statement[i].text);
}

static void check_list(const struct strata_statements *list)
{
    check_statements(list->item, list->n);
}

static void check_advice(const struct strata_advice *advice)
{
    check(advice->text);
    check_list(&advice->because);
}

static void check_preferences(const struct strata_preferences *list)
{
    for (size_t i = 0; i < list->n; i++) {
        check(list->item[i].label);
        check_statements(list->item[i].statement, 1);
    }
}

static void check_title(const char *svg, struct strata_arena arena)
{
    const char *title = strstr(svg, "<title>"), *end = strstr(svg, "</title>");
    cr_assert(title && end);
    title += strlen("<title>");
    check(strata_arena_copy(&arena, title, (size_t)(end - title)));
}

static void check_portrait(const struct strata_portrait *p, struct strata_arena arena)
{
    const struct strata_statements *lists[] = {&p->household, &p->needs, &p->pains, &p->value,
                                               &p->potential};
    check(p->name);
    check(p->avatar_text);
    check_title(p->avatar, arena);
    if (p->age) check_statements(p->age, 1);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) check_list(lists[i]);
    for (size_t t = 0; t < STRATA_TOPIC_COUNT; t++) {
        check(p->topic_title[t]);
        check_list(&p->topic[t]);
    }
    check_preferences(&p->channels);
    check_preferences(&p->affinities);
    for (size_t i = 0; i < p->n_offers; i++) {
        check(p->offer[i].title);
        check_advice(&p->offer[i].reason);
    }
    check_advice(&p->tone);
    for (size_t i = 0; i < p->n_typical; i++) {
        check(p->typical[i].label);
        check(p->typical[i].text);
    }
    for (size_t d = 0; d < STRATA_DEPARTMENT_COUNT; d++) {
        check(p->brief[d].title);
        for (size_t i = 0; i < p->brief[d].n_lines; i++) check_advice(&p->brief[d].line[i]);
    }
}

static void check_personas(const struct strata_personas *personas, struct strata_arena arena)
{
    for (size_t s = 0; s < personas->k; s++) {
        const struct strata_persona *persona = &personas->segment[s];
        check(persona->name);
        check(persona->automatic_name);
        check(persona->name_origin);
        check(persona->definition);
        check_statements(persona->statement, persona->n_statements);
        check(persona->rule.sentence);
        for (size_t i = 0; i < persona->rule.n_conditions; i++)
            check(persona->rule.condition[i].sentence);
        check_portrait(persona->portrait, arena);
    }
    for (size_t i = 0; i < personas->tree.n_nodes; i++)
        check(personas->tree.node[i].condition.sentence);
}

/* --- worlds whose own words have no Latin letters --------------------------------------- */

static const char *const levels[] = {"\xce\xb1", "\xce\xb2", "\xce\xb3", "\xce\xb4"};

/* A feature of each meaning, and of none, as numbers, yes or no, orders and levels by turns. */
static void make_every_meaning(struct world *world, size_t first, size_t n, size_t k)
{
    static const char *const units[] = {NULL, "EUR", "share", "%", "share of \xce\xa9", "\xce\xa9"};
    static char label[WORLD_FEATURES][16], name[WORLD_FEATURES][32];
    world_init(world, 60 * k, k);
    for (size_t i = 0; i < world->n; i++) world->label[i] = (uint16_t)(i % k);
    for (size_t j = 0; j < n && strata_meanings[first + j]; j++) {
        const char *meaning = j % 9 == 8 ? NULL : strata_meanings[first + j];
        const size_t kind = (first + j) % 7;
        (void)snprintf(label[j], sizeof label[j], "\xce\xb5\xce\xb6 \xce%c", (char)(0x90 + (int)j));
        (void)snprintf(name[j], sizeof name[j], "f%zu", j);
        uint32_t *code = kind == 5   ? world_text(world, label[j], meaning, levels, NULL, 4)
                         : kind == 6 ? world_text(world, label[j], meaning, levels, levels, 4)
                                     : NULL;
        double *x = code        ? NULL
                    : kind == 4 ? world_binary(world, label[j], meaning)
                                : world_number(world, label[j], meaning);
        struct strata_feature *feature = &world->feature[world->config.n_features - 1];
        feature->name = name[j];
        feature->unit = x && kind < 4 ? units[(j + first / 7) % 6] : NULL;
        feature->type = kind == 3 ? STRATA_COUNT : feature->type;
        feature->dimension = (enum strata_dimension)(j % STRATA_DIMENSION_COUNT);
        for (size_t i = 0; i < world->n; i++) {
            const double high = world_uniform(first + 2 + j, i % k);
            if (code)
                code[i] =
                    (uint32_t)(world_uniform(j, i) < 0.7 ? (i % k + j) % 4 : world_bits(j, i) % 4);
            if (kind == 4) x[i] = world_uniform(first + j, i) < high;
            if (x && kind != 4)
                x[i] = (feature->unit && strncmp(feature->unit, "share", 5) == 0 ? 0.2 : 2500.5) *
                       (high + 0.05 * world_normal(first + j, i) + 1.0);
        }
    }
}

Test(persona_language, another_catalogue_changes_every_word)
{
    static const struct strata_earlier_name earlier[6] = {{"\xce\xb1", true, "\xce\xb2"}};
    size_t n_meanings = 0;
    while (strata_meanings[n_meanings]) n_meanings++;
    for (size_t first = 0; first < n_meanings; first += 7) {
        struct world world;
        struct world_run run;
        make_every_meaning(&world, first, 21, 6);
        world.earlier = earlier;
        const struct strata_segment_setting given = {.segment = "\xce\xb3", .value = "\xce\xb4"};
        world.config.given_name = &given;
        world.config.n_given_names = 1;
        world_describe(&world, 1, NULL, &run);
        check_personas(run.out[0], world.arena);
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
    struct world one;
    struct world_run run;
    make_every_meaning(&one, 0, 21, 1);
    world_describe(&one, 1, NULL, &run);
    check_personas(run.out[0], one.arena);
    cr_assert_gt(n_seen, 2000);
    world_run_finish(&run);
    strata_arena_finish(&one.arena);
}
