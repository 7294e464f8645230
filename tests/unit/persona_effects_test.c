/* Intervals, odds, Cramer's V and p values against other ways to have them. */
#include "persona_world.h"

#include "persona/persona_impl.h"

static void near(double found, double expected, double relative)
{
    cr_expect(fabs(found - expected) <= relative * fabs(expected) + 1e-300, "%.17g is not %.17g",
              found, expected);
}

Test(effects, tails_are_those_of_the_distributions)
{
    for (double z = 0.0; z < 8.0; z += 0.01)
        near(strata_normal_two_tails(z), erfc(z * M_SQRT1_2), 1e-11);
    near(strata_normal_two_tails(30.0), erfc(30.0 * M_SQRT1_2), 1e-9);
    cr_expect_eq(strata_normal_two_tails(1e6), 0.0);
    cr_expect_eq(strata_normal_two_tails(0.0), 1.0);
    for (double x = 0.01; x < 60.0; x += 0.37) {
        near(strata_chi_square_tail(x, 2), exp(-x / 2), 1e-11);
        near(strata_chi_square_tail(x, 4), exp(-x / 2) * (1 + x / 2), 1e-11);
        near(strata_chi_square_tail(x, 1), erfc(sqrt(x / 2)), 1e-11);
    }
    near(strata_chi_square_tail(124.342, 100), 0.05, 1e-4); /* the tables' 5 % points */
    near(strata_chi_square_tail(1074.679, 1000), 0.05, 1e-4);
}

/* Two segments, of 200 and 300: a yes, a colour, a step, a number and a number to make segments of. */
static void make_world(struct world *world, bool weighted)
{
    static const char *const colour[] = {"blue", "green", "red"};
    world_init(world, 500, 2);
    double *yes = world_binary(world, "yes", NULL);
    uint32_t *code = world_text(world, "colour", NULL, colour, NULL, 3);
    double *spend = world_number(world, "spend", NULL);
    double *basis = world_number(world, "basis", NULL);
    double *none = world_number(world, "none", NULL);
    for (size_t f = 0; f < 5; f++)
        world->feature[f].role = f == 3 ? STRATA_ROLE_BASIS : STRATA_ROLE_DESCRIPTOR;
    for (size_t i = 0; i < 500; i++) {
        const bool first = i < 200;
        world->label[i] = first ? 0 : 1;
        yes[i] = first ? i < 120 : i < 200 + 60;                   /* 120 of 200, 60 of 300 */
        code[i] = first ? (i < 100 ? 0 : i < 160 ? 1 : 2) : i % 3; /* 100 60 40, 100 each */
        spend[i] = (first ? 10.0 : 12.0) + world_normal(1, i);
        basis[i] = first ? 1.0 : 0.0;
        none[i] = world_normal(2, i);
    }
    if (!weighted) return;
    world->weight = STRATA_NEW(&world->arena, uint32_t, 500);
    for (size_t i = 0; i < 500; i++) world->weight[i] = 3;
}

static double chi_square(const double (*table)[3])
{
    double sum = 0.0, n = 0.0, column[3] = {0}, row[2] = {0};
    for (size_t s = 0; s < 2; s++) {
        for (size_t l = 0; l < 3; l++) {
            row[s] += table[s][l];
            column[l] += table[s][l];
            n += table[s][l];
        }
    }
    for (size_t s = 0; s < 2; s++) {
        for (size_t l = 0; l < 3; l++) {
            const double expected = row[s] * column[l] / n;
            sum += (table[s][l] - expected) * (table[s][l] - expected) / expected;
        }
    }
    return sum;
}

Test(effects, figures_are_those_of_the_formulas)
{
    static const double colours[2][3] = {{100, 60, 40}, {100, 100, 100}};
    for (int weighted = 0; weighted < 2; weighted++) {
        struct world world;
        struct world_run run;
        make_world(&world, weighted);
        world_describe(&world, 2, NULL, &run);
        const struct strata_profile_cell *cell = run.out[0]->segment[0].cell;
        const double half = 1.959963984540054 * sqrt(1 / 120.0 + 1 / 80.0 + 1 / 60.0 + 1 / 240.0);
        near(cell[0].odds_ratio, (120.0 / 80.0) / (60.0 / 240.0), 1e-12);
        near(cell[0].odds_low, 6.0 * exp(-half), 1e-12);
        near(cell[0].odds_high, 6.0 * exp(half), 1e-12);
        near(cell[1].cramers_v, sqrt(chi_square(colours) / 500.0), 1e-12);
        near(run.out[0]->everybody[1].cramers_v, cell[1].cramers_v, 1e-12);
        const double d = cell[2].effect;
        const double reach = 1.959963984540054 * sqrt(500.0 / (200.0 * 300.0) + d * d / 1000.0);
        near(cell[2].effect_low, d - reach, 1e-12);
        near(cell[2].effect_high, d + reach, 1e-12);
        cr_expect_eq(run.out[0]->everybody[3].explained, 1.0);
        cr_expect_lt(run.out[0]->everybody[4].explained, 0.05);
        cr_expect(isnan(cell[3].p), "segments were made of it");
        cr_expect(isnan(cell[2].odds_ratio) && isnan(cell[2].cramers_v));
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(effects, p_values_are_adjusted_one_after_the_other)
{
    static const double colours[2][3] = {{100, 60, 40}, {100, 100, 100}};
    struct world world;
    struct world_run run;
    make_world(&world, false);
    world_describe(&world, 3, NULL, &run);
    const struct strata_profile_cell *cell = run.out[0]->segment[0].cell;
    /* Four features in two segments, each pair the same but for its sign: eight values. */
    const double raw = strata_chi_square_tail(chi_square(colours), 2);
    const double none = strata_normal_two_tails(cell[4].effect * sqrt(200.0 * 300.0 / 500.0));
    cr_expect_lt(raw, none);
    near(cell[1].p, raw * 4, 1e-9); /* after spend and yes: four are not smaller */
    near(cell[4].p, fmin(1.0, none * 2), 1e-9);
    cr_expect_eq(cell[1].p, run.out[0]->segment[1].cell[1].p);
    cr_expect_lt(cell[2].p, cell[1].p);
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

Test(effects, nothing_tells_about_hidden_levels)
{
    struct world world;
    struct world_run run;
    make_world(&world, false);
    uint32_t *code = (uint32_t *)(uintptr_t)world.column[1].code;
    for (size_t i = 0; i < 200; i++) code[i] = i < 100 ? 0 : i < 195 ? 1 : 2; /* five are red */
    world_describe(&world, 1, NULL, &run);
    for (size_t s = 0; s < 2; s++) {
        cr_expect(isnan(run.out[0]->segment[s].cell[1].cramers_v));
        cr_expect(isnan(run.out[0]->segment[s].cell[1].p));
    }
    cr_expect(isnan(run.out[0]->everybody[1].cramers_v));
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}
