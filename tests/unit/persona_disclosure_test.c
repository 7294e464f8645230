/* What is hidden beside small cells, where it can be seen directly; that solving for it finds nothing is what the
 * system test `disclosure` shows. */
#include <criterion/criterion.h>

#include "persona_world.h"

static const char *const bands[] = {"18-24", "25-34", "35-44", "45-54"};

/* Two segments of 100 and 200, and how many of each are in each band. */
static void make_bands(struct world *world, const size_t (*count)[4])
{
    world_init(world, 300, 2);
    uint32_t *band = world_text(world, "band", "age", bands, bands, 4);
    size_t i = 0;
    for (size_t s = 0; s < 2; s++) {
        for (size_t l = 0; l < 4; l++) {
            for (size_t c = 0; c < count[s][l]; c++, i++) {
                world->label[i] = (uint16_t)s;
                band[i] = (uint32_t)l;
            }
        }
    }
    cr_assert_eq(i, world->n);
}

static const struct strata_profile_cell *cell_of(const struct world_run *run, size_t s)
{
    return &run->out[0]->segment[s].cell[0];
}

Test(disclosure, hidden_levels_of_a_segment_are_at_least_ten_customers_together)
{
    static const size_t count[2][4] = {{4, 5, 41, 50}, {50, 50, 50, 50}};
    struct world world;
    struct world_run run;
    make_bands(&world, count);
    world_describe(&world, 1, NULL, &run);
    for (size_t s = 0; s < 2; s++) {
        cr_expect(isnan(cell_of(&run, s)->share[0]) && isnan(cell_of(&run, s)->share[1]));
        cr_expect(isnan(cell_of(&run, s)->share[2]), "four and five are nine");
        cr_expect_not(isnan(cell_of(&run, s)->share[3]));
        cr_expect(isnan(cell_of(&run, s)->mean));
    }
    for (size_t l = 0; l < 4; l++) cr_expect_not(isnan(run.out[0]->everybody[0].share[l]));
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}

Test(disclosure, what_is_published_does_not_change_with_what_is_hidden)
{
    static const size_t count[2][2][4] = {{{4, 30, 26, 40}, {40, 60, 40, 60}},
                                          {{7, 27, 26, 40}, {37, 63, 40, 60}}};
    struct world world[2];
    struct world_run run[2];
    for (size_t w = 0; w < 2; w++) {
        make_bands(&world[w], count[w]);
        world_describe(&world[w], 1, NULL, &run[w]);
    }
    for (size_t s = 0; s < 2; s++) {
        const struct strata_profile_cell *one = cell_of(&run[0], s), *other = cell_of(&run[1], s);
        for (size_t l = 0; l < 4; l++) {
            cr_expect_eq(isnan(one->share[l]), isnan(other->share[l]), "segment %zu level %zu", s,
                         l);
            cr_expect(isnan(one->share[l]) || one->share[l] == other->share[l]);
        }
        cr_expect_not(isnan(one->effect));
        cr_expect_eq(one->effect, other->effect);
        cr_expect_eq(one->effect_high, other->effect_high);
        cr_expect_eq(one->effect_low, other->effect_low);
    }
    for (size_t w = 0; w < 2; w++) {
        world_run_finish(&run[w]);
        strata_arena_finish(&world[w].arena);
    }
}

Test(disclosure, a_table_of_very_many_cells_hides_the_same_levels_of_all_groups)
{
    enum { SEGMENTS = 40, LEVELS = 200 };
    struct world world;
    struct world_run run;
    world_init(&world, 60000, SEGMENTS);
    const char **level = STRATA_NEW(&world.arena, const char *, LEVELS);
    for (size_t l = 0; l < LEVELS; l++)
        level[l] = strata_arena_print(&world.arena, "level %03zu", l);
    uint32_t *code = world_text(&world, "town", NULL, level, NULL, LEVELS);
    for (size_t i = 0; i < world.n; i++) {
        const double u = world_uniform(1, i);
        world.label[i] = (uint16_t)(i % SEGMENTS);
        code[i] = (uint32_t)(u * u * u * LEVELS);
    }
    world_describe(&world, 2, NULL, &run);
    const double *everybody = run.out[0]->everybody[0].share;
    size_t n_hidden = 0;
    for (size_t l = 0; l < LEVELS; l++) n_hidden += isnan(everybody[l]) ? 1 : 0;
    cr_assert(n_hidden >= 2 && n_hidden < LEVELS, "%zu", n_hidden);
    for (size_t s = 0; s < SEGMENTS; s++) {
        size_t hidden = 0, count[LEVELS] = {0};
        for (size_t i = s; i < world.n; i += SEGMENTS) {
            hidden += isnan(everybody[code[i]]) ? 1 : 0;
            count[code[i]]++;
        }
        cr_assert(hidden == 0 || hidden >= STRATA_MIN_CELL);
        for (size_t l = 0; l < LEVELS; l++) {
            const double share = cell_of(&run, s)->share[l];
            cr_assert_eq(isnan(share), isnan(everybody[l]));
            cr_assert(isnan(share) || count[l] == 0 || count[l] >= STRATA_MIN_CELL);
        }
    }
    world_run_finish(&run);
    strata_arena_finish(&world.arena);
}
