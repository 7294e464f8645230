/* Rules and the tree: planted ones are found to the customer, on any number of ranks; what DuckDB counts with their
 * SQL is what counting rows gives; few customers are never told of. */
#include "persona_world.h"

#include "persona/rules_impl.h"

static bool holds(const struct world *world, const struct strata_condition *condition, size_t row)
{
    const size_t f = condition->feature;
    const struct strata_column *column = &world->column[f];
    double x = 0.0;
    if (!column->present[row]) return false;
    if (column->kind == STRATA_COLUMN_TEXT && world->feature[f].type == STRATA_NOMINAL) {
        for (size_t l = 0; l < condition->n_levels; l++) {
            if (condition->level[l] == column->code[row]) return true;
        }
        return false;
    }
    if (column->kind == STRATA_COLUMN_TEXT) {
        size_t position = 0;
        while (strcmp(world->feature[f].level[position], column->level[column->code[row]]) != 0)
            position++;
        x = (double)position;
    } else {
        x = column->number[row];
    }
    return (isnan(condition->low) || x >= condition->low) &&
           (isnan(condition->high) || x < condition->high);
}

static bool rule_holds(const struct world *world, const struct strata_rule *rule, size_t row)
{
    for (size_t c = 0; c < rule->n_conditions; c++) {
        if (!holds(world, &rule->condition[c], row)) return false;
    }
    return true;
}

static size_t leaf_segment(const struct world *world, const struct strata_tree *tree, size_t row)
{
    size_t at = 0;
    while (tree->node[at].yes)
        at = holds(world, &tree->node[at].condition, row) ? tree->node[at].yes : tree->node[at].no;
    return tree->node[at].segment;
}

/* Every figure of rules and tree is what going through the rows gives. */
static void assert_counts(const struct world *world, const struct strata_personas *personas)
{
    uint64_t tree_hits = 0;
    for (size_t s = 0; s < personas->k; s++) {
        const struct strata_rule *rule = &personas->segment[s].rule;
        uint64_t count = 0, hits = 0;
        if (rule->n_conditions == 0) continue;
        for (size_t row = 0; row < world->n; row++) {
            const bool here = rule_holds(world, rule, row);
            count += here;
            hits += here && world->label[row] == s;
        }
        cr_assert_eq(rule->count, count, "%s: %llu", rule->sql, (unsigned long long)rule->count);
        cr_assert_eq(rule->hits, hits, "%s", rule->sql);
        cr_assert(hits >= STRATA_MIN_CELL && strata_is_tellable(count - hits) &&
                  strata_is_tellable(personas->segment[s].size - hits));
        if (personas->weighted) continue;
        cr_assert_eq(rule->coverage, (double)hits / (double)personas->segment[s].size);
        cr_assert_eq(rule->precision, (double)hits / (double)count);
    }
    if (personas->tree.n_nodes == 0) return;
    for (size_t row = 0; row < world->n; row++)
        tree_hits += leaf_segment(world, &personas->tree, row) == world->label[row];
    cr_assert_eq(personas->tree.hits, tree_hits);
    cr_assert(strata_is_tellable(world->n - tree_hits));
    cr_assert_leq(personas->tree.n_leaves, 2 * personas->k);
}

/* Boxes in three of six numbers, and one that a level and a yes tell apart. */
static void plant(struct world *world, size_t n)
{
    static const char *const towns[] = {"Ayr", "Bath", "Cork", "Deal"};
    static const char *const ages[] = {"19-", "20s", "30s", "40+"};
    world_init(world, n, 4);
    double *number[6];
    static const char *const name[] = {"spend", "visits", "age in years",
                                       "noise", "basket", "order"};
    for (size_t f = 0; f < 6; f++) number[f] = world_number(world, name[f], NULL);
    uint32_t *town = world_text(world, "town", NULL, towns, NULL, 4);
    uint32_t *age = world_text(world, "age band", NULL, ages, ages, 4);
    double *member = world_binary(world, "member", NULL);
    for (size_t i = 0; i < n; i++) {
        for (size_t f = 0; f < 6; f++) number[f][i] = world_uniform(f + 1, i) * 1000.0;
        number[1][i] = floor(number[1][i] / 20.0); /* whole numbers, 0 to 49 */
        town[i] = (uint32_t)(world_bits(11, i) % 4);
        age[i] = (uint32_t)(world_bits(12, i) % 4);
        member[i] = (double)(world_bits(13, i) % 2);
        world->label[i] = 3;
        if (number[0][i] < 137.5 && number[1][i] >= 12)
            world->label[i] = 0;
        else if (number[0][i] >= 500.0 && number[0][i] < 700.0 && number[2][i] >= 250.0)
            world->label[i] = 1;
        else if (number[0][i] >= 700.0 && (town[i] == 1 || town[i] == 3) && age[i] >= 2 &&
                 member[i] == 1)
            world->label[i] = 2;
    }
}

Test(rules, planted_segments_with_straight_sides_are_recovered_exactly)
{
    struct world world;
    struct world_run run;
    plant(&world, 20000);
    world_describe(&world, 3, NULL, &run);
    assert_counts(&world, run.out[0]);
    for (size_t s = 0; s < 3; s++) {
        const struct strata_rule *rule = &run.out[0]->segment[s].rule;
        cr_log_info("%s | %s", rule->sentence, rule->sql);
        cr_expect_eq(rule->coverage, 1.0, "segment %zu: %s", s, rule->sql);
        cr_expect_eq(rule->precision, 1.0, "segment %zu: %s", s, rule->sql);
    }
    cr_expect_eq(run.out[0]->segment[0].rule.n_conditions, 2u);
    cr_expect_str_eq(run.out[0]->segment[0].rule.sql,
                     "\"spend\" < 137.38 AND isfinite(\"visits\") AND \"visits\" >= 12");
    cr_expect_str_eq(run.out[0]->segment[2].rule.sentence,
                     "spend at least 699.9, member, town Bath or Deal and age band 30s or above");
    cr_expect_gt(run.out[0]->tree.fidelity, 0.95);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

static char *text_of(const struct strata_personas *personas)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    for (size_t s = 0; s < personas->k; s++) {
        const struct strata_rule *rule = &personas->segment[s].rule;
        if (rule->n_conditions == 0) continue;
        (void)fprintf(out, "%s|%s|%llu %llu %a %a %a\n", rule->sentence, rule->sql,
                      (unsigned long long)rule->count, (unsigned long long)rule->hits,
                      rule->coverage, rule->precision, rule->lift);
    }
    const struct strata_tree *tree = &personas->tree;
    (void)fprintf(out, "%s %llu %a\n", tree->sql ? tree->sql : "", (unsigned long long)tree->hits,
                  tree->fidelity);
    for (size_t i = 0; i < tree->n_nodes; i++)
        (void)fprintf(out, "%zu %zu %zu %llu %llu %d\n", tree->node[i].yes, tree->node[i].no,
                      tree->node[i].segment, (unsigned long long)tree->node[i].count,
                      (unsigned long long)tree->node[i].hits, tree->node[i].hits_shown);
    (void)fclose(out);
    return text;
}

/* Segments of centres in numbers, some of them missing; levels and steps that go with them. */
static void scatter(struct world *world, size_t n, size_t k, uint64_t seed)
{
    static const char *const towns[] = {"Ayr", "Bath", "Cork", "Deal"};
    static const char *const ages[] = {"19-", "20s", "30s", "40+"};
    world_init(world, n, k);
    double *number[5];
    static const char *const name[] = {"spend", "visits", "recency", "noise", "health"};
    for (size_t f = 0; f < 5; f++) number[f] = world_number(world, name[f], NULL);
    world->feature[4].role = STRATA_ROLE_SENSITIVE;
    uint8_t *present = world_present(world, 2);
    uint32_t *town = world_text(world, "town", NULL, towns, NULL, 4);
    uint32_t *age = world_text(world, "age band", NULL, ages, ages, 4);
    double *member = world_binary(world, "member", NULL);
    for (size_t i = 0; i < n; i++) {
        const size_t s = world_bits(seed, i) % k;
        world->label[i] = (uint16_t)s;
        for (uint64_t f = 0; f < 5; f++) {
            const double centre = (double)(world_bits(seed + f + 1, s) % 100);
            number[f][i] = f < 3 ? centre + 20.0 * world_normal(seed + 10 + f, i)
                                 : (f == 4 ? (double)s : world_normal(seed + 30, i));
        }
        number[1][i] = rint(number[1][i] / 10.0);
        present[i] = world_bits(seed + 40, i) % 10 > 0;
        town[i] = (uint32_t)((world_bits(seed + 50, i) % 3 ? s : world_bits(seed + 51, i)) % 4);
        age[i] = (uint32_t)((world_bits(seed + 52, i) % 3 ? s / 2 : world_bits(seed + 53, i)) % 4);
        member[i] = (double)((world_bits(seed + 54, i) % 5 ? s : world_bits(seed + 55, i)) % 2);
    }
}

Test(rules, counts_are_those_of_the_rows_whatever_the_data)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world world;
        struct world_run run;
        scatter(&world, seed % 3 == 0 ? 60 : 400 * seed, 1 + seed, 100 * seed);
        world_describe(&world, 2, NULL, &run);
        assert_counts(&world, run.out[0]);
        for (size_t s = 0; s < run.out[0]->k; s++) {
            const struct strata_rule *rule = &run.out[0]->segment[s].rule;
            for (size_t c = 0; c < rule->n_conditions; c++)
                cr_assert_neq(rule->condition[c].feature, 4u, "a sensitive feature");
        }
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(rules, ranks_and_the_order_of_rows_change_nothing)
{
    struct world world;
    struct world_run one;
    scatter(&world, 3000, 6, 7);
    size_t *order = STRATA_NEW(&world.arena, size_t, world.n);
    for (size_t i = 0; i < world.n; i++) order[i] = (i * 1009 + 17) % world.n;
    world_describe(&world, 1, NULL, &one);
    char *expected = text_of(one.out[0]);
    cr_log_info("%s", expected);
    for (int ranks = 1; ranks <= 7; ranks += 2) {
        struct world_run run;
        world_describe(&world, ranks, order, &run);
        for (int r = 0; r < ranks; r++) {
            char *text = text_of(run.out[r]);
            cr_assert_str_eq(text, expected);
            free(text);
        }
        world_run_finish(&run);
    }
    free(expected);
    world_run_finish(&one);
    strata_arena_finish(&world.arena);
}

Test(rules, whole_weights_are_so_many_copies)
{
    struct world world, copies;
    struct world_run run, more;
    scatter(&world, 1500, 4, 21);
    world.weight = STRATA_NEW(&world.arena, uint32_t, world.n);
    for (size_t i = 0; i < world.n; i++) world.weight[i] = 2;
    scatter(&copies, 1500, 4, 21);
    world_describe(&world, 2, NULL, &run);
    world_describe(&copies, 1, NULL, &more);
    assert_counts(&world, run.out[0]);
    char *text = text_of(run.out[0]), *expected = text_of(more.out[0]);
    cr_assert_str_eq(text, expected, "that everybody counts twice changes no share");
    free(text);
    free(expected);
    world_run_finish(&run);
    world_run_finish(&more);
    strata_arena_finish(&world.arena);
    strata_arena_finish(&copies.arena);
}

Test(rules, thresholds_are_as_round_as_they_can_be)
{
    cr_expect_eq(strata_round_between(24.87, 25.02), 25.0);
    cr_expect_eq(strata_round_between(24.0, 25.0), 25.0);
    cr_expect_eq(strata_round_between(-3.0, 2.0), 0.0);
    cr_expect_eq(strata_round_between(137.31, 137.52), 137.5);
    cr_expect_eq(strata_round_between(-2.7, -2.4), -2.4);
    cr_expect_eq(strata_round_between(1e300, 2e300), 2e300);
    cr_expect_eq(strata_round_between(0.1, nextafter(0.1, 1.0)), nextafter(0.1, 1.0));
    for (uint64_t i = 0; i < 10000; i++) {
        const double low =
            (world_uniform(1, i) - 0.5) * ldexp(1.0, (int)(world_bits(2, i) % 80) - 40);
        const double high =
            low + world_uniform(3, i) * ldexp(1.0, (int)(world_bits(4, i) % 60) - 40);
        if (!(low < high)) continue;
        const double round = strata_round_between(low, high);
        cr_assert(round > low && round <= high);
    }
}

/* Segments 1 and 2 differ in who is a member only; of segment 0 seven are. */
Test(rules, a_tree_that_misses_nobody_does_not_cut_at_what_is_hidden)
{
    struct world world;
    struct world_run run;
    world_init(&world, 230, 3);
    double *spend = world_number(&world, "spend", NULL);
    double *member = world_binary(&world, "member", NULL);
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = i < 150 ? 0 : i < 190 ? 1 : 2;
        spend[i] = (i < 150 ? 10.0 : 90.0) + world_uniform(3, i);
        member[i] = i < 7 || i >= 190;
    }
    world_describe(&world, 1, NULL, &run);
    const struct strata_personas *personas = run.out[0];
    cr_assert(personas->segment[0].cell[1].hidden);
    cr_assert_gt(personas->tree.n_nodes, 0);
    for (size_t i = 0; i < personas->tree.n_nodes; i++)
        cr_assert(personas->tree.node[i].yes == 0 || personas->tree.node[i].condition.feature == 0);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

/* --- a-priori segments ------------------------------------------------------------------------- */

Test(apriori, they_are_profiled_and_crossed_as_the_rows_say)
{
    struct world world;
    scatter(&world, 2000, 4, 77);
    struct strata_where where[] = {
        {.name = "rich", .condition = "spend > 60 AND town IN ('Bath', 'Cork')"},
        {.name = "unknown", .condition = "recency IS NULL -- missing"},
        {.name = "members", .condition = "member"},
        {.name = "nobody", .condition = "spend > 1e9"},
        {.name = "few", .condition = "visits > 100"}};
    double *visits = (double *)(uintptr_t)world.column[1].number;
    for (size_t i = 0; i < 5; i++) visits[i * 100] = 1000.0;
    world.config.apriori = where;
    world.config.n_apriori = 5;
    struct world_run one, run;
    world_describe(&world, 1, NULL, &one);
    world_describe(&world, 4, NULL, &run);
    uint64_t count[3] = {0}, cross[3][4] = {{0}};
    double sum = 0.0;
    for (size_t i = 0; i < world.n; i++) {
        const bool inside[3] = {world.column[0].number[i] > 60.0 &&
                                    (world.column[5].code[i] == 1 || world.column[5].code[i] == 2),
                                !world.column[2].present[i], world.column[7].number[i] == 1.0};
        for (size_t a = 0; a < 3; a++) {
            count[a] += inside[a];
            cross[a][world.label[i]] += inside[a];
        }
        if (inside[0]) sum += world.column[0].number[i];
    }
    for (size_t a = 0; a < 5; a++) {
        const struct strata_apriori *here = &run.out[3]->apriori[a],
                                    *there = &one.out[0]->apriori[a];
        cr_assert_eq(here->hidden, a == 4, "five customers are too few");
        if (here->hidden) continue;
        cr_assert_eq(here->size, a < 3 ? count[a] : 0);
        for (size_t s = 0; s < 4; s++) {
            if (a < 3 && !here->cross[s].hidden) cr_assert_eq(here->cross[s].count, cross[a][s]);
            if (a < 3) cr_assert(here->cross[s].hidden || strata_is_tellable(cross[a][s]));
            cr_assert_eq(here->cross[s].count, there->cross[s].count);
        }
        for (size_t f = 0; f < world.config.n_features; f++) {
            cr_assert(isnan(here->cell[f].p), "a condition made the difference");
            cr_assert(memcmp(&here->cell[f].mean, &there->cell[f].mean, sizeof(double)) == 0);
            cr_assert(
                memcmp(&here->cell[f].effect_low, &there->cell[f].effect_low, sizeof(double)) == 0);
        }
    }
    const struct strata_profile_cell *spend = &run.out[0]->apriori[0].cell[0];
    cr_expect_float_eq(spend->mean, sum / (double)count[0], 1e-9);
    cr_expect_gt(spend->effect, 0.5);
    world_run_finish(&one);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

/* Describe with n of them, on one rank and on four, which find the same; the caller finishes the run. */
static void describe_apriori(struct world *world, struct strata_where *where, size_t n,
                             struct world_run *run)
{
    struct world_run four;
    world->config.apriori = where;
    world->config.n_apriori = n;
    world_describe(world, 1, NULL, run);
    world_describe(world, 4, NULL, &four);
    for (size_t a = 0; a < n; a++) {
        const struct strata_apriori *here = &run->out[0]->apriori[a],
                                    *there = &four.out[3]->apriori[a];
        cr_assert_eq(here->hidden, there->hidden);
        cr_assert_eq(here->size, there->size);
        for (size_t s = 0; s < world->k; s++)
            cr_assert_eq(here->cross[s].hidden, there->cross[s].hidden);
        for (size_t f = 0; !here->hidden && f < world->config.n_features; f++)
            cr_assert_eq(here->cell[f].hidden, there->cell[f].hidden);
    }
    world_run_finish(&four);
}

Test(apriori, as_many_as_share_nobody_are_told)
{
    enum { BANDS = 24 };
    struct world world;
    struct world_run run;
    struct strata_where where[BANDS];
    scatter(&world, 6000, 3, 12);
    double *noise = (double *)(uintptr_t)world.column[3].number;
    for (size_t i = 0; i < world.n; i++) noise[i] = (double)(i % (BANDS + 1));
    for (size_t a = 0; a < BANDS; a++)
        where[a] = (struct strata_where){
            .name = "band", .condition = strata_arena_print(&world.arena, "noise = %zu", a)};
    describe_apriori(&world, where, BANDS, &run);
    for (size_t a = 0; a < BANDS; a++) cr_expect_eq(run.out[0]->apriori[a].size, 240);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

Test(apriori, of_those_with_too_many_combinations_the_first_are_told)
{
    enum { BITS = 9 };
    struct world world;
    struct world_run run;
    struct strata_where where[BITS];
    scatter(&world, 8000, 3, 12);
    double *noise = (double *)(uintptr_t)world.column[3].number;
    for (size_t i = 0; i < world.n; i++) noise[i] = (double)(world_bits(8, i) % (1 << BITS));
    for (size_t a = 0; a < BITS; a++)
        where[a] = (struct strata_where){
            .name = "bit",
            .condition = strata_arena_print(&world.arena, "floor(noise / %d) %% 2 = 1", 1 << a)};
    describe_apriori(&world, where, BITS, &run);
    for (size_t a = 0; a < BITS; a++)
        cr_expect_eq(run.out[0]->apriori[a].hidden, a >= 7, "%zu: 3 x 2^7 groups can be counted", a);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

Test(apriori, one_that_holds_another_but_for_few_is_told_alone)
{
    struct world world;
    struct world_run run;
    scatter(&world, 2000, 4, 5);
    double *sorted = STRATA_NEW(&world.arena, double, world.n);
    size_t n = 0;
    for (size_t i = 0; i < world.n; i++)
        if (world.column[7].number[i] == 1.0) sorted[n++] = world.column[0].number[i];
    qsort(sorted, n, sizeof *sorted, by_size);
    for (size_t few = 9; few <= 10; few++) {
        struct strata_where where[] = {
            {.name = "members", .condition = "member = 1"},
            {.name = "but few",
             .condition =
                 strata_arena_print(&world.arena, "member = 1 AND spend >= %.17g", sorted[few])}};
        describe_apriori(&world, where, 2, &run);
        cr_expect_eq(run.out[0]->apriori[0].size, n);
        cr_expect_eq(run.out[0]->apriori[1].hidden, few < STRATA_MIN_CELL);
        world_run_finish(&run);
    }
    strata_arena_finish(&world.arena);
}

Test(apriori, a_level_that_few_of_one_have_or_lack_is_hidden_of_all)
{
    size_t n_hidden = 0, n_shown = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world world;
        struct world_run run;
        struct strata_where where[] = {{.name = "big", .condition = "spend > 60"},
                                       {.name = "often", .condition = "visits > 4"}};
        size_t count[2][2][2][4] = {0}; /* pick, in or out, town or age, level */
        scatter(&world, 150 * seed, 3, seed);
        for (size_t i = 0; i < world.n; i++) {
            const bool in[] = {world.column[0].number[i] > 60.0, world.column[1].number[i] > 4.0};
            for (size_t j = 0; j < 4; j++)
                count[j / 2][in[j / 2]][j % 2][world.column[5 + j % 2].code[i]]++;
        }
        describe_apriori(&world, where, 2, &run);
        const struct strata_apriori *given = run.out[0]->apriori;
        for (size_t j = 0; j < 2 * 2 * 2 * 4; j++) {
            const size_t a = j % 2, in = j / 2 % 2, f = j / 4 % 2, l = j / 8;
            if (given[a].hidden) continue;
            for (size_t b = 0; b < 2; b++) {
                const bool hidden = !given[b].hidden && isnan(given[b].cell[5 + f].share[l]);
                n_hidden += hidden;
                n_shown += !given[b].hidden && !hidden;
                cr_assert(given[b].hidden || hidden || strata_is_tellable(count[a][in][f][l]));
            }
        }
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
    cr_assert(n_hidden > 0 && n_shown > 0);
}

Test(apriori, a_condition_that_duckdb_refuses_fails_on_all_ranks)
{
    struct world world;
    scatter(&world, 300, 2, 5);
    struct strata_where where[] = {{.name = "broken", .condition = "error('no')"}};
    world.config.apriori = where;
    world.config.n_apriori = 1;
    struct world_run run = {.world = &world};
    run.begin[1] = 100;
    run.begin[2] = 300;
    for (int r = 0; r < 2; r++) cr_assert(strata_arena_init(&run.keep[r], (size_t)1 << 30));
    struct strata_err err = {0};
    cr_assert_eq(strata_comm_run_threads(2, world_rank, &run, &err), STRATA_OK);
    for (int r = 0; r < 2; r++) cr_assert_neq(run.status[r], STRATA_OK);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}
