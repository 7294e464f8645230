/* Portraits: every word rests on a statement, every number on its record, nobody's secrets are told, and the
 * picture is a small sound SVG. */
#include "persona/portrait_impl.h"

#include "persona_sentences.h"

static const char *const ages_by_bytes[] = {"19-24", "25-34", "35-44", "45+"};
static const char *const contacts[] = {"e-mail <b>&\"x\"", "letter", "telephone"};

/* k segments that differ in everything that a portrait has a place for. */
static void make_world(struct world *world, size_t n, size_t k, uint64_t seed)
{
    static const char *const meanings[] = {
        "spend",      "frequency", "recency", "discount", "full_price",        "basket_size",
        "complaints", "motive",    "web",     "category", "price_sensitivity", "tenure"};
    static const char *const labels[] = {"yearly spend", "visits",       "days away",  "discounts",
                                         "full price",   "basket",       "complaints", "nature",
                                         "web <visits>", "fish & chips", "price care", "years"};
    world_init(world, n, k);
    for (size_t i = 0; i < n; i++) world->label[i] = (uint16_t)(world_bits(seed, i) % k);
    for (size_t j = 0; j < 12; j++) {
        double *x = world_number(world, labels[j], meanings[j]);
        for (size_t i = 0; i < n; i++)
            x[i] = 50.0 + 5.0 * world_normal(seed + 1, world->label[i] * 100u + j) +
                   4.0 * world_normal(seed + 2 + j, i);
    }
    double *married = world_binary(world, "married", "married");
    uint32_t *age = world_text(world, "age", "age", ages_by_bytes, ages_by_bytes, 4);
    uint32_t *contact = world_text(world, "contact by", "phone", contacts, NULL, 3);
    world->feature[0].unit = "EUR";
    world->feature[13].dimension = STRATA_DEMOGRAPHIC;
    for (size_t i = 0; i < n; i++) {
        const size_t s = (size_t)world->label[i];
        married[i] = world_uniform(seed + 20, i) < world_uniform(seed + 21, s);
        age[i] = (uint32_t)((world_bits(seed + 22, i) % 2 + world_bits(seed + 23, s) % 3) % 4);
        contact[i] =
            (uint32_t)(world_uniform(seed + 24, i) < 0.7 ? s % 3 : world_bits(seed + 25, i) % 3);
    }
}

typedef void see_statement(void *context, const struct strata_statement *statement);

static void see_list(const struct strata_statements *list, see_statement *see, void *context)
{
    for (size_t i = 0; i < list->n; i++) see(context, &list->item[i]);
}

static void see_advice(const struct strata_advice *advice, see_statement *see, void *context)
{
    cr_assert_gt(advice->because.n, 0, "%s", advice->text);
    cr_assert_leq(advice->because.n, 4);
    cr_assert_eq(strcspn(advice->text, "{0123456789"), strlen(advice->text), "%s", advice->text);
    see_list(&advice->because, see, context);
}

/* Every statement of a portrait. */
static void see_all(const struct strata_portrait *p, see_statement *see, void *context)
{
    if (p->age) see(context, p->age);
    see_list(&p->household, see, context);
    for (size_t t = 0; t < STRATA_TOPIC_COUNT; t++) see_list(&p->topic[t], see, context);
    see_list(&p->needs, see, context);
    see_list(&p->pains, see, context);
    see_list(&p->value, see, context);
    see_list(&p->potential, see, context);
    for (size_t i = 0; i < p->channels.n; i++) see(context, p->channels.item[i].statement);
    for (size_t i = 0; i < p->affinities.n; i++) see(context, p->affinities.item[i].statement);
    for (size_t i = 0; i < p->n_offers; i++) see_advice(&p->offer[i].reason, see, context);
    if (p->tone.text) see_advice(&p->tone, see, context);
    for (size_t d = 0; d < STRATA_DEPARTMENT_COUNT; d++)
        for (size_t i = 0; i < p->brief[d].n_lines; i++)
            see_advice(&p->brief[d].line[i], see, context);
}

static void check_one(void *context, const struct strata_statement *statement)
{
    check_statement(context, statement);
}

/* Small, without scripts, links and ids, and every mark-up begun is ended. */
static void check_avatar(const char *svg)
{
    size_t open = 0, closed = 0;
    cr_assert_lt(strlen(svg), 6000);
    cr_assert_eq(strncmp(svg, "<svg ", 5), 0);
    cr_assert_str_eq(svg + strlen(svg) - 6, "</svg>");
    for (const char *at = svg; *at; at++) {
        open += at[0] == '<' && at[1] != '/';
        closed += (at[0] == '/' && at[1] == '>') || (at[0] == '<' && at[1] == '/');
    }
    cr_assert_eq(open, closed, "%s", svg);
    cr_assert_null(strstr(svg, "<b>"));
    cr_assert_null(strstr(svg, " id="));
    cr_assert_null(strstr(svg, "href"));
    cr_assert_null(strstr(svg, "nan"));
}

static void check_portrait(struct world *world, const struct strata_persona *persona)
{
    const struct strata_portrait *p = persona->portrait;
    see_all(p, check_one, world);
    check_avatar(p->avatar);
    for (size_t i = 0; i < p->n_typical; i++) {
        const struct strata_trait *trait = &p->typical[i];
        const struct strata_profile_cell *cell = &persona->cell[trait->feature];
        cr_assert_geq(trait->count, STRATA_MIN_CELL);
        if (trait->level >= 0)
            cr_assert_eq(trait->share, cell->share[trait->level]);
        else if (world->feature[trait->feature].type == STRATA_BINARY)
            cr_assert_eq(trait->number, cell->mean >= 0.5);
        else
            cr_assert_eq(trait->number, cell->median);
    }
    cr_assert(p->attractiveness.score > 0.0 && p->attractiveness.score < 1.0);
}

Test(persona_portrait, every_sentence_rests_on_its_record_and_enough_customers)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct world world;
        make_world(&world, 200 + 300 * seed, 2 + 2 * seed, 17 * seed);
        struct world_run run;
        world_describe(&world, 1, NULL, &run);
        for (size_t s = 0; s < world.k; s++) check_portrait(&world, &run.out[0]->segment[s]);
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(persona_portrait, sixty_four_segments_have_sixty_four_names_and_pictures)
{
    struct world world;
    make_world(&world, 6400, 64, 3);
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    for (size_t s = 0; s < world.k; s++) {
        const struct strata_portrait *p = run.out[0]->segment[s].portrait;
        cr_assert_eq(strcspn(p->name, "0123456789"), strlen(p->name));
        for (size_t t = 0; t < s; t++) {
            cr_assert_str_neq(p->name, run.out[0]->segment[t].portrait->name);
            cr_assert_str_neq(p->avatar, run.out[0]->segment[t].portrait->avatar);
        }
    }
}

Test(persona_portrait, more_segments_than_names_still_have_each_their_own)
{
    static struct strata_persona persona[STRATA_MAX_SEGMENTS];
    static struct strata_portrait portrait[STRATA_MAX_SEGMENTS];
    struct strata_personas personas = {.segment = persona, .k = STRATA_MAX_SEGMENTS};
    struct strata_arena keep, scratch;
    cr_assert(strata_arena_init(&keep, 1 << 20) && strata_arena_init(&scratch, 1 << 20));
    for (size_t s = 0; s < personas.k; s++)
        persona[s] = (struct strata_persona){.name = "Any", .portrait = &portrait[s]};
    cr_assert(strata_portraits_call(&personas, scratch, &keep));
    for (size_t s = 0; s < personas.k; s++)
        for (size_t t = 0; t < s; t++) cr_assert_str_neq(portrait[s].name, portrait[t].name);
}

struct seen {
    size_t feature, times;
};

static void count_feature(void *context, const struct strata_statement *statement)
{
    struct seen *seen = context;
    seen->times += statement->feature == seen->feature;
}

Test(persona_portrait, what_is_sensitive_is_not_told_anywhere)
{
    struct world world;
    make_world(&world, 2000, 4, 9);
    world.feature[13].role = STRATA_ROLE_SENSITIVE;
    world.feature[12].role = STRATA_ROLE_SENSITIVE;
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    for (size_t s = 0; s < world.k; s++) {
        const struct strata_portrait *p = run.out[0]->segment[s].portrait;
        cr_assert_null(p->age);
        cr_assert_eq(p->household.n, 0);
        for (size_t f = 12; f <= 13; f++) {
            struct seen seen = {.feature = f};
            see_all(p, count_feature, &seen);
            cr_assert_eq(seen.times, 0);
            for (size_t i = 0; i < p->n_typical; i++) cr_assert_neq(p->typical[i].feature, f);
        }
    }
}

Test(persona_portrait, topics_without_features_are_absent)
{
    struct world world;
    world_init(&world, 1000, 2);
    double *spend = world_number(&world, "spend", "spend");
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = (uint16_t)(i % 2);
        spend[i] = 10.0 + 5.0 * (double)(i % 2) + world_normal(1, i);
    }
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    const struct strata_portrait *p = run.out[0]->segment[0].portrait;
    cr_assert_null(p->age);
    cr_assert_eq(p->household.n + p->needs.n + p->pains.n + p->channels.n + p->affinities.n, 0);
    cr_assert_eq(p->topic[STRATA_TOPIC_WHO].n, 0);
    cr_assert_eq(p->topic[STRATA_TOPIC_WHERE].n, 0);
    cr_assert_eq(p->topic[STRATA_TOPIC_VALUES].n, 0);
    cr_assert_eq(p->topic[STRATA_TOPIC_USES].n, 0);
    cr_assert_eq(p->topic[STRATA_TOPIC_BUYS].n, 1);
    cr_assert(isnan(p->attractiveness.reach) && isnan(p->attractiveness.growth));
}

struct texts {
    size_t feature;
    char all[20000], of_feature[20000];
};

static void gather_texts(void *context, const struct strata_statement *statement)
{
    struct texts *texts = context;
    char *out = statement->feature == texts->feature ? texts->of_feature : texts->all;
    const size_t n = strlen(out);
    (void)snprintf(out + n, sizeof texts->all - n, "%s\n", statement->text);
}

Test(persona_portrait, a_changed_statistic_changes_its_sentences_and_no_others)
{
    static struct texts before = {.feature = 6}, after = {.feature = 6};
    struct world world;
    make_world(&world, 3000, 4, 5);
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    see_all(run.out[0]->segment[1].portrait, gather_texts, &before);
    double *complaints = STRATA_NEW(&world.arena, double, world.n);
    for (size_t i = 0; i < world.n; i++)
        complaints[i] = world.column[6].number[i] + (world.label[i] == 1 ? 0.5 : 0.0);
    world.column[6].number = complaints;
    world_run_finish(&run);
    world_describe(&world, 1, NULL, &run);
    see_all(run.out[0]->segment[1].portrait, gather_texts, &after);
    cr_assert_gt(strlen(before.of_feature), 0);
    cr_assert_str_neq(before.of_feature, after.of_feature);
    cr_assert_str_eq(before.all, after.all);
}

Test(persona_portrait, what_they_bring_adds_up_to_the_whole)
{
    struct world world;
    make_world(&world, 3000, 6, 21);
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    double sum = 0.0;
    uint64_t ranks = 0;
    for (size_t s = 0; s < world.k; s++) {
        const struct strata_portrait *p = run.out[0]->segment[s].portrait;
        sum += p->attractiveness.value_share;
        ranks |= UINT64_C(1) << p->attractiveness.rank;
        cr_assert_str_eq(p->value.item[0].statistic, "part");
        cr_assert_eq(p->value.item[0].value, p->attractiveness.value_share);
    }
    cr_assert_float_eq(sum, 1.0, 1e-12);
    cr_assert_eq(ranks, 0x7e, "each rank once");
}

/* Two segments with spend of two periods; the second one's later spend is `times` the earlier. */
static void make_periods(struct world *world, double times, enum strata_role role)
{
    world_init(world, 400, 2);
    double *before = world_number(world, "spend before", "earlier_spend");
    double *after = world_number(world, "spend after", "recent_spend");
    double *visits = world_number(world, "visits", "frequency");
    world->feature[0].role = world->feature[1].role = role;
    for (size_t i = 0; i < world->n; i++) {
        world->label[i] = (uint16_t)(i % 2);
        before[i] = 100.0 + 10.0 * world_normal(1, i / 2);
        after[i] = before[i] * (i % 2 ? times : 1.0);
        visits[i] = world_normal(2, i) + 4.0 * (double)(i % 2);
    }
}

static const struct strata_statement *find_growth(const struct strata_portrait *p)
{
    for (size_t i = 0; i < p->value.n; i++)
        if (strcmp(p->value.item[i].statistic, "growth") == 0) return &p->value.item[i];
    return NULL;
}

Test(persona_portrait, growth_is_one_periods_sum_over_the_others)
{
    struct world world;
    make_periods(&world, 1.5, STRATA_ROLE_DESCRIPTOR);
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    const struct strata_portrait *still = run.out[0]->segment[0].portrait;
    const struct strata_portrait *growing = run.out[0]->segment[1].portrait;
    cr_assert_float_eq(still->attractiveness.growth, 100.0 * 1.0 / 1.25, 1e-9);
    cr_assert_float_eq(growing->attractiveness.growth, 100.0 * 1.5 / 1.25, 1e-9);
    const struct strata_statement *told = find_growth(growing);
    cr_assert(told && find_growth(still));
    cr_expect_str_eq(
        told->text,
        "Their spend after comes to 150% of their spend before, against 125% of everybody's.");
    cr_expect(told->feature == 1 && told->count == 200);
    cr_expect_float_eq(told->value, 1.5, 1e-12);
    cr_expect(told->low < 1.5 && told->high > 1.5 && told->low > 1.4 && told->high < 1.6);
    for (size_t s = 0; s < 2; s++)
        for (size_t m = 0; m < run.out[0]->segment[s].n_markers; m++)
            cr_expect_eq(run.out[0]->segment[s].marker[m].feature, 2, "periods mark nobody");
}

Test(persona_portrait, growth_is_unknown_where_the_periods_are_not_of_the_same_customers)
{
    struct world world;
    struct world_run run;
    make_periods(&world, 1.5, STRATA_ROLE_DESCRIPTOR);
    world_present(&world, 0)[0] = 0;
    world_describe(&world, 1, NULL, &run);
    for (size_t s = 0; s < 2; s++) {
        cr_expect(isnan(run.out[0]->segment[s].portrait->attractiveness.growth));
        cr_expect_null(find_growth(run.out[0]->segment[s].portrait));
    }
    world_run_finish(&run);
    make_periods(&world, 1.5, STRATA_ROLE_SENSITIVE);
    world_describe(&world, 1, NULL, &run);
    cr_expect(isnan(run.out[0]->segment[1].portrait->attractiveness.growth), "only audited");
}

Test(persona_portrait, offers_follow_what_speaks_for_them)
{
    struct world world;
    world_init(&world, 1000, 2);
    double *discount = world_number(&world, "discounts", "discount");
    double *frequency = world_number(&world, "visits", "frequency");
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = (uint16_t)(i % 2);
        discount[i] = world_normal(1, i) + (i % 2 ? 3.0 : 0.0);
        frequency[i] = world_normal(2, i) + (i % 2 ? 0.0 : 4.0);
    }
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    const struct strata_portrait *loyal = run.out[0]->segment[0].portrait;
    const struct strata_portrait *hunters = run.out[0]->segment[1].portrait;
    cr_assert_eq(loyal->n_offers, 2);
    cr_assert_eq(loyal->offer[0].kind, STRATA_OFFER_LOYALTY);
    cr_assert_eq(loyal->offer[1].kind, STRATA_OFFER_FULL_PRICE);
    cr_assert_str_eq(loyal->offer[0].reason.text, "They come more often.");
    cr_assert_eq(hunters->n_offers, 1);
    cr_assert_eq(hunters->offer[0].kind, STRATA_OFFER_DISCOUNT);
}
