/* Case weights: a customer of whole weight N is described as N copies would be, but for what counts people; and
 * as many segments as there may be. */

#include "persona_world.h"

static const char *const colours[] = {"amber", "blue", "cyan", "dun"};
static const char *const sizes[] = {"large", "medium", "small"};
static const char *const size_order[] = {"small", "medium", "large"};

/* Every kind of feature, with gaps; enough of everything that nothing is hidden. */
static void make_world(struct world *world, size_t n, size_t k, uint64_t seed)
{
    world_init(world, n, k);
    double *spend = world_number(world, "spend", "spend");
    double *visits = world_number(world, "visits", "frequency");
    double *member = world_binary(world, "member", NULL);
    uint32_t *colour = world_text(world, "colour", NULL, colours, NULL, 4);
    uint32_t *size = world_text(world, "size", NULL, sizes, size_order, 3);
    uint8_t *has_visits = world_present(world, 1);
    world->weight = STRATA_NEW(&world->arena, uint32_t, n);
    for (size_t i = 0; i < n; i++) {
        const size_t s = i % k;
        world->label[i] = (uint16_t)s;
        spend[i] = 100.0 * (double)s + 30.0 * world_normal(seed, i);
        visits[i] = (double)(world_bits(seed + 1, i) % (10 + 7 * s)) - 3.0;
        has_visits[i] = i % 9 != 0;
        member[i] = (double)(world_bits(seed + 2, i) % (s + 2) == 0);
        colour[i] = (uint32_t)(world_bits(seed + 3, i) % 4);
        size[i] = (uint32_t)(world_bits(seed + 4, i) % 3);
        world->weight[i] = 1 + (uint32_t)(world_bits(seed + 5, i) % 6);
    }
}

/* Each customer as often as the weight says, side by side. */
static void make_copies(const struct world *world, struct world *copies)
{
    size_t n = 0, row = 0;
    for (size_t i = 0; i < world->n; i++) n += world->weight[i];
    size_t *from = calloc(n, sizeof *from);
    cr_assert_not_null(from);
    for (size_t i = 0; i < world->n; i++)
        for (uint32_t t = 0; t < world->weight[i]; t++) from[row++] = i;
    world_init(copies, n, world->k);
    copies->config.n_features = world->config.n_features;
    memcpy(copies->feature, world->feature, sizeof world->feature);
    for (size_t f = 0; f < world->config.n_features; f++)
        copies->column[f] = world_cut(world, &world->column[f], from, 0, n, &copies->arena);
    for (size_t i = 0; i < n; i++) copies->label[i] = world->label[from[i]];
    free(from);
}

static void assert_same_bits(double a, double b, const char *what, size_t s, size_t f)
{
    cr_assert(memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)),
              "%s of feature %zu in segment %zu: %a and %a", what, f, s, a, b);
}

static void assert_same_cell(const struct world *world, const struct strata_profile_cell *a,
                             const struct strata_profile_cell *b, size_t s, size_t f)
{
    cr_assert_not(a->hidden || b->hidden);
    assert_same_bits(a->mean, b->mean, "mean", s, f);
    assert_same_bits(a->sd, b->sd, "sd", s, f);
    assert_same_bits(a->low, b->low, "lower quartile", s, f);
    assert_same_bits(a->median, b->median, "median", s, f);
    assert_same_bits(a->high, b->high, "upper quartile", s, f);
    assert_same_bits(a->index, b->index, "index", s, f);
    assert_same_bits(a->effect, b->effect, "effect", s, f);
    cr_assert_eq(a->level, b->level);
    for (size_t l = 0; a->share && l < world->column[f].n_levels; l++)
        assert_same_bits(a->share[l], b->share[l], "share", s, f);
}

static void assert_same_persona(const struct world *world, const struct strata_persona *a,
                                const struct strata_persona *b, size_t s)
{
    cr_assert_str_eq(a->name, b->name);
    assert_same_bits(a->share, b->share, "share", s, 0);
    cr_assert(a->weight == (double)b->size && b->weight == (double)b->size);
    for (size_t f = 0; f < world->config.n_features; f++)
        assert_same_cell(world, &a->cell[f], &b->cell[f], s, f);
    cr_assert_eq(a->n_markers, b->n_markers);
    for (size_t m = 0; m < a->n_markers; m++) {
        cr_assert_eq(a->marker[m].feature, b->marker[m].feature);
        assert_same_bits(a->marker[m].effect, b->marker[m].effect, "marker", s, m);
    }
    cr_assert_eq(a->n_statements, b->n_statements);
    for (size_t i = 1; i < a->n_statements; i++) {
        cr_assert_str_eq(a->statement[i].text, b->statement[i].text);
        assert_same_bits(a->statement[i].value, b->statement[i].value, "value", s, i);
        cr_assert_lt(a->statement[i].count, b->statement[i].count, "the evidence is customers");
    }
}

Test(persona_weights, a_whole_weight_is_told_as_so_many_copies)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct world world, copies;
        struct world_run one, many;
        make_world(&world, 900 + 37 * seed, 2 + seed % 3, 50 * seed);
        make_copies(&world, &copies);
        world_describe(&world, 1 + (int)(seed % 4), NULL, &one);
        world_describe(&copies, 1 + (int)(seed % 3), NULL, &many);
        cr_assert(one.out[0]->weighted && !many.out[0]->weighted);
        for (size_t f = 0; f < world.config.n_features; f++)
            assert_same_cell(&world, &one.out[0]->everybody[f], &many.out[0]->everybody[f], 99, f);
        for (size_t s = 0; s < world.k; s++)
            assert_same_persona(&world, &one.out[0]->segment[s], &many.out[0]->segment[s], s);
        world_run_finish(&one);
        world_run_finish(&many);
        strata_arena_finish(&world.arena);
        strata_arena_finish(&copies.arena);
    }
}

Test(persona_weights, counts_are_of_customers_and_shares_of_weight)
{
    struct world world;
    struct world_run run;
    make_world(&world, 600, 2, 3);
    for (size_t i = 0; i < world.n; i++) world.weight[i] = i % 2 ? 3 : 1;
    world_describe(&world, 3, NULL, &run);
    const struct strata_persona *first = &run.out[0]->segment[0], *second = &run.out[0]->segment[1];
    cr_assert(first->size == 300 && second->size == 300);
    cr_assert(first->share == 0.25 && second->share == 0.75);
    cr_assert(first->weight == 300 && second->weight == 900);
    cr_assert_eq(first->cell[0].count, 300);
    cr_assert_str_eq(second->statement[0].text, "300 customers, 75% of all by weight.");
    cr_assert_eq(second->statement[0].count, 300);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

/* Weights of 2^-7 in units of 2^-7 are weights of 1 but for the scale of the weights themselves. */
Test(persona_weights, the_unit_does_not_matter)
{
    struct world world;
    struct world_run one, other;
    make_world(&world, 700, 3, 9);
    world_describe(&world, 2, NULL, &one);
    for (size_t i = 0; i < world.n; i++) world.weight[i] *= 128;
    world.weight_exponent = -7;
    world_describe(&world, 3, NULL, &other);
    char *a = world_text_of(&world, one.out[0]), *b = world_text_of(&world, other.out[0]);
    cr_assert_str_eq(a, b);
    free(a);
    free(b);
    world_run_finish(&one);
    world_run_finish(&other);
    strata_arena_finish(&world.arena);
}

Test(persona_weights, any_split_and_order_gives_the_same_bytes)
{
    struct world world;
    make_world(&world, 800, 4, 21);
    size_t *order = STRATA_NEW(&world.arena, size_t, world.n);
    for (size_t i = 0; i < world.n; i++) order[i] = (i * 331) % world.n;
    char *first = NULL;
    for (int ranks = 1; ranks <= 5; ranks++) {
        struct world_run run;
        world_describe(&world, ranks, ranks % 2 ? NULL : order, &run);
        char *text = world_text_of(&world, run.out[0]);
        if (first) cr_assert_str_eq(first, text);
        if (!first) first = strdup(text);
        free(text);
        world_run_finish(&run);
    }
    free(first);
    strata_arena_finish(&world.arena);
}

Test(persona_weights, the_weight_itself_makes_neither_marker_nor_sentence)
{
    struct world world;
    struct world_run run;
    make_world(&world, 600, 2, 5);
    double *weight = world_number(&world, "weight of the survey", NULL);
    const size_t f = world.config.n_features - 1;
    world.feature[f].role = STRATA_ROLE_WEIGHT;
    for (size_t i = 0; i < world.n; i++) weight[i] = world.weight[i] = i % 2 ? 9 : 1;
    world_describe(&world, 2, NULL, &run);
    for (size_t s = 0; s < 2; s++) {
        const struct strata_persona *persona = &run.out[0]->segment[s];
        cr_assert_not(isnan(persona->cell[f].mean), "it is profiled");
        for (size_t m = 0; m < persona->n_markers; m++)
            cr_assert_neq(persona->marker[m].feature, f);
        for (size_t i = 0; i < persona->n_statements; i++)
            cr_assert_neq(persona->statement[i].feature, f);
    }
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of all segments differ, and are the same however the customers are split. */
static void check_most_segments(struct world *world)
{
    struct world_run one, other;
    world_describe(world, 1, NULL, &one);
    world_describe(world, 3, NULL, &other);
    const char *name[STRATA_MAX_SEGMENTS];
    for (size_t s = 0; s < STRATA_MAX_SEGMENTS; s++) {
        name[s] = one.out[0]->segment[s].name;
        cr_assert_str_eq(name[s], other.out[0]->segment[s].name);
        cr_assert_not_null(one.out[0]->segment[s].definition);
    }
    qsort(name, STRATA_MAX_SEGMENTS, sizeof *name, by_text);
    for (size_t s = 1; s < STRATA_MAX_SEGMENTS; s++) cr_assert_str_neq(name[s - 1], name[s]);
    world_run_finish(&one);
    world_run_finish(&other);
    strata_arena_finish(&world->arena);
}

Test(persona_weights, a_thousand_segments_have_a_thousand_names)
{
    struct world world;
    world_init(&world, 20 * STRATA_MAX_SEGMENTS, STRATA_MAX_SEGMENTS);
    static const char *const labels[] = {"spend", "visits", "age", "discount share", "bread"};
    static const char *const meanings[] = {"spend", "frequency", "age", "discount", "category"};
    for (size_t i = 0; i < world.n; i++) world.label[i] = (uint16_t)(i % STRATA_MAX_SEGMENTS);
    for (size_t f = 0; f < 5; f++) {
        double *x = world_number(&world, labels[f], meanings[f]);
        for (size_t i = 0; i < world.n; i++)
            x[i] = world_normal(f, i) + 3.0 * world_normal(f + 10, i % STRATA_MAX_SEGMENTS);
    }
    check_most_segments(&world);
}

Test(persona_weights, even_where_nothing_tells_them_apart)
{
    struct world world;
    world_init(&world, 5 * STRATA_MAX_SEGMENTS, STRATA_MAX_SEGMENTS);
    (void)world_number(&world, "constant", NULL);
    for (size_t i = 0; i < world.n; i++) world.label[i] = (uint16_t)(i % STRATA_MAX_SEGMENTS);
    check_most_segments(&world);
}
