/* Profiles against plain oracles, and the same bits for any cut of the rows over ranks. */
#include "strata/persona.h"

#include <float.h>

#include "persona_world.h"

static const char *const departments[] = {"BAKERY", "GROCERY", "MEAT", "PRODUCE"};
static const char *const ages_by_bytes[] = {"19-24", "25-34", "35-44", "45-54", "65+", "under 19"};
static const char *const ages[] = {"under 19", "19-24", "25-34", "35-44", "45-54", "65+"};

static int order_of_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Customers of k segments with every kind of feature. */
static void make_world(struct world *world, size_t n, size_t k)
{
    world_init(world, n, k);
    double *spend = world_number(world, "spend", "spend");
    double *wild = world_number(world, "wild values", NULL);
    double *visits = world_number(world, "visits", "frequency");
    double *garden = world_binary(world, "garden", NULL);
    uint32_t *age = world_text(world, "age", "age", ages_by_bytes, ages, 6);
    uint32_t *department = world_text(world, "favourite department", NULL, departments, NULL, 4);
    world->feature[0].unit = "EUR";
    world->feature[4].dimension = STRATA_DEMOGRAPHIC;
    uint8_t *known = world_present(world, 4);
    uint8_t *spent = world_present(world, 0);
    for (size_t i = 0; i < n; i++) {
        const size_t s = (size_t)(world_uniform(1, i) * world_uniform(2, i) * (double)k);
        world->label[i] = (uint16_t)s;
        spend[i] = 100.0 * (double)(s + 1) + 40.0 * world_normal(3, i);
        wild[i] = ldexp(world_uniform(4, i) - 0.5, (int)(world_bits(5, i) % 400) - 200);
        visits[i] = floor(20.0 * world_uniform(6, i) * (double)(k - s));
        garden[i] = world_uniform(7, i) < 0.2 + 0.6 * (double)s / (double)k;
        age[i] = (uint32_t)(world_bits(8, i) % 6);
        department[i] =
            world_uniform(9, i) < 0.5 ? (uint32_t)(s % 4) : (uint32_t)(world_bits(10, i) % 4);
        known[i] = world_uniform(11, i) < 0.4;
        spent[i] = world_uniform(12, i) < 0.9;
    }
}

Test(persona, any_number_of_ranks_and_any_order_of_rows_give_the_same_bits)
{
    struct world world;
    make_world(&world, 3001, 5);
    size_t *backwards = STRATA_NEW(&world.arena, size_t, world.n);
    for (size_t i = 0; i < world.n; i++) backwards[i] = world.n - 1 - i;
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    char *expected = world_text_of(&world, run.out[0]);
    world_run_finish(&run);
    const int ranks[] = {1, 2, 3, 5};
    for (size_t i = 0; i < 4; i++) {
        world_describe(&world, ranks[i], i % 2 ? NULL : backwards, &run);
        for (int r = 0; r < ranks[i]; r++) {
            char *text = world_text_of(&world, run.out[r]);
            cr_assert_str_eq(text, expected, "%d ranks, rank %d", ranks[i], r);
            free(text);
        }
        world_run_finish(&run);
    }
    free(expected);
}

Test(persona, more_ranks_than_customers_is_fine)
{
    struct world world;
    make_world(&world, 3, 1);
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    char *expected = world_text_of(&world, run.out[0]);
    world_run_finish(&run);
    world_describe(&world, 7, NULL, &run);
    char *text = world_text_of(&world, run.out[6]);
    cr_assert_str_eq(text, expected);
    free(text);
    free(expected);
}

/* The values of a number feature in segment s, or in everybody for s == k, sorted. */
static size_t values_of(const struct world *world, size_t f, size_t s, double *value)
{
    size_t n = 0;
    for (size_t i = 0; i < world->n; i++) {
        const bool inside = s == world->k || (size_t)world->label[i] == s;
        if (inside && world->column[f].present[i]) value[n++] = world->column[f].number[i];
    }
    qsort(value, n, sizeof *value, order_of_doubles);
    return n;
}

static void check_number(const struct world *world, const struct strata_personas *personas,
                         size_t f, size_t s, double *value)
{
    const struct strata_profile_cell *cell =
        s < world->k ? &personas->segment[s].cell[f] : &personas->everybody[f];
    const size_t n = values_of(world, f, s, value);
    long double sum = 0.0L;
    long double square = 0.0L;
    for (size_t i = 0; i < n; i++) sum += (long double)value[i];
    const long double mean = sum / (long double)n;
    for (size_t i = 0; i < n; i++)
        square += ((long double)value[i] - mean) * ((long double)value[i] - mean);
    const double sd = (double)sqrtl(square / (long double)(n - 1));
    cr_assert_eq(cell->count, n);
    cr_assert_float_eq(cell->mean, (double)mean,
                       1e-14 * (fabs((double)mean) + sd)); /* one rounding of sum and quotient */
    cr_assert_float_eq(cell->sd, sd, 1e-13 * sd);
    cr_assert_eq(cell->low, value[(n + 3) / 4 - 1]);
    cr_assert_eq(cell->median, value[(n + 1) / 2 - 1]);
    cr_assert_eq(cell->high, value[(3 * n + 3) / 4 - 1]);
}

Test(persona, moments_and_quartiles_agree_with_sorted_arrays)
{
    struct world world;
    make_world(&world, 2503, 4);
    struct world_run run;
    world_describe(&world, 3, NULL, &run);
    double *value = STRATA_NEW(&world.arena, double, world.n);
    for (size_t s = 0; s <= world.k; s++) {
        for (size_t f = 0; f < 3; f++) check_number(&world, run.out[0], f, s, value);
    }
}

Test(persona, quartiles_are_the_smallest_values_with_enough_below)
{
    for (size_t n = 10; n < 30; n++) {
        struct world world;
        world_init(&world, n, 1);
        double *x = world_number(&world, "x", NULL);
        for (size_t i = 0; i < n; i++)
            x[i] = i == 3 ? -0.0 : (double)((i * 7) % n) - 4.5 * (double)(i % 2);
        struct world_run run;
        world_describe(&world, 2, NULL, &run);
        double *value = STRATA_NEW(&world.arena, double, n);
        check_number(&world, run.out[0], 0, 0, value);
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(persona, a_negative_zero_is_a_zero)
{
    struct world world;
    world_init(&world, 20, 1);
    double *x = world_number(&world, "x", NULL);
    for (size_t i = 0; i < world.n; i++) x[i] = i % 2 ? -0.0 : 0.0;
    struct world_run run;
    world_describe(&world, 2, NULL, &run);
    cr_assert_eq(run.out[0]->everybody[0].low, 0.0);
    cr_assert_not(signbit(run.out[0]->everybody[0].low));
    cr_assert_not(signbit(run.out[0]->everybody[0].mean));
}

Test(persona, extreme_magnitudes_keep_their_quartiles_and_stay_finite)
{
    struct world world;
    world_init(&world, 40, 2);
    double *x = world_number(&world, "x", NULL);
    for (size_t i = 0; i < 40; i++) {
        world.label[i] = (uint16_t)(i % 2);
        x[i] = i % 4 == 0   ? DBL_MAX
               : i % 4 == 1 ? -DBL_MAX
               : i % 4 == 2 ? DBL_TRUE_MIN
                            : -DBL_TRUE_MIN;
    }
    struct world_run run;
    world_describe(&world, 2, NULL, &run);
    const struct strata_profile_cell *all = &run.out[0]->everybody[0];
    cr_assert_eq(all->low, -DBL_MAX);
    cr_assert_eq(all->median, -DBL_TRUE_MIN);
    cr_assert_eq(all->high, DBL_TRUE_MIN);
    cr_assert_eq(all->mean, 0.0);
    for (size_t s = 0; s < 2; s++) {
        cr_assert(isfinite(run.out[0]->segment[s].cell[0].mean));
        cr_assert(isfinite(run.out[0]->segment[s].cell[0].sd));
        cr_assert(isfinite(run.out[0]->segment[s].cell[0].effect));
    }
}

/* (mean - rest's mean) / pooled sd, from the rows. */
static double effect_oracle(const struct world *world, size_t f, size_t s)
{
    long double sum[2] = {0.0L, 0.0L};
    long double square[2] = {0.0L, 0.0L};
    size_t n[2] = {0, 0};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < world->n; i++) {
            if (!world->column[f].present[i]) continue;
            const size_t in = (size_t)world->label[i] == s;
            const long double x = (long double)world->column[f].number[i];
            if (pass == 0) {
                sum[in] += x;
                n[in]++;
            } else {
                const long double mean = sum[in] / (long double)n[in];
                square[in] += (x - mean) * (x - mean);
            }
        }
    }
    const long double pooled = sqrtl((square[0] + square[1]) / (long double)(n[0] + n[1] - 2));
    return (double)((sum[1] / (long double)n[1] - sum[0] / (long double)n[0]) / pooled);
}

Test(persona, effects_are_differences_from_the_rest_in_pooled_deviations)
{
    struct world world;
    make_world(&world, 2000, 3);
    struct world_run run;
    world_describe(&world, 2, NULL, &run);
    for (size_t s = 0; s < world.k; s++) {
        for (size_t f = 0; f < 4; f++) {
            const struct strata_profile_cell *cell = &run.out[0]->segment[s].cell[f];
            cr_assert_float_eq(cell->effect, effect_oracle(&world, f, s), 1e-12);
            if (run.out[0]->everybody[f].mean > 0.0) {
                cr_assert_float_eq(cell->index, 100.0 * cell->mean / run.out[0]->everybody[f].mean,
                                   1e-10);
            }
        }
    }
}

Test(persona, shares_and_positions_of_levels_are_counts)
{
    struct world world;
    make_world(&world, 20000, 3);
    struct world_run run;
    world_describe(&world, 3, NULL, &run);
    const uint32_t position[] = {1, 2, 3, 4, 5, 0};
    for (size_t s = 0; s < world.k; s++) {
        double count[6] = {0.0};
        double level[4] = {0.0};
        double n = 0.0;
        double sum = 0.0;
        double size = 0.0;
        for (size_t i = 0; i < world.n; i++) {
            if ((size_t)world.label[i] != s) continue;
            level[world.column[5].code[i]] += 1.0;
            size += 1.0;
            if (!world.column[4].present[i]) continue;
            count[world.column[4].code[i]] += 1.0;
            sum += (double)position[world.column[4].code[i]];
            n += 1.0;
        }
        const struct strata_profile_cell *age = &run.out[0]->segment[s].cell[4];
        const struct strata_profile_cell *department = &run.out[0]->segment[s].cell[5];
        cr_assert_eq(age->mean, sum / n);
        cr_assert_eq(age->missing, (uint64_t)(size - n));
        for (size_t l = 0; l < 6; l++) cr_assert_eq(age->share[l], count[l] / n);
        for (size_t l = 0; l < 4; l++) cr_assert_eq(department->share[l], level[l] / size);
        cr_assert(isnan(department->mean) && isnan(department->median) && isnan(age->low));
        cr_assert_geq(department->level, 0);
        cr_assert_eq(age->level, -1);
    }
}

Test(persona, markers_are_ranked_by_strength_and_ties_by_the_jobs_order)
{
    struct world world;
    make_world(&world, 2000, 4);
    double *twin = world_number(&world, "twin of visits", NULL);
    memcpy(twin, world.column[2].number, world.n * sizeof *twin);
    double *secret = world_number(&world, "secret", NULL);
    for (size_t i = 0; i < world.n; i++) secret[i] = (double)world.label[i];
    world.feature[7].role = STRATA_ROLE_SENSITIVE;
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    for (size_t s = 0; s < world.k; s++) {
        const struct strata_persona *persona = &run.out[0]->segment[s];
        for (size_t m = 0; m < persona->n_markers; m++) {
            cr_assert_neq(persona->marker[m].feature, 7, "a sensitive feature marks nothing");
            if (m == 0) continue;
            const double before = fabs(persona->marker[m - 1].effect);
            const double here = fabs(persona->marker[m].effect);
            cr_assert(before > here || (before == here && persona->marker[m - 1].feature <
                                                              persona->marker[m].feature));
        }
        for (size_t i = 0; i < persona->n_statements; i++)
            cr_assert_neq(persona->statement[i].feature, 7);
        cr_assert_not(isnan(persona->cell[7].mean), "but it is profiled");
    }
}

Test(persona, reductions_do_not_grow_with_rows_or_features)
{
    struct world world;
    make_world(&world, 500, 4);
    struct world_run run;
    world_describe(&world, 2, NULL, &run);
    /* moments, quartiles, levels of rules and the tree with their recount, agreements */
    cr_assert_leq(run.n_sums, 2 + 16 + 12 + 1 + 5);
}

Test(persona, memory_is_stated_and_grows_with_what_needs_it)
{
    struct world world;
    make_world(&world, 50, 2);
    const uint64_t small = strata_describe_bytes(&world.config, 1000, 4);
    cr_assert_gt(strata_describe_bytes(&world.config, 100000000, 4), small);
    cr_assert_gt(strata_describe_bytes(&world.config, 1000, 64), small);
    cr_assert_eq(strata_describe_bytes(&world.config, UINT64_MAX / 4, 64), UINT64_MAX);
}

/* --- minimum counts --------------------------------------------------------- */

static void check_nothing_small(const struct world *world, const struct strata_personas *personas)
{
    for (size_t s = 0; s <= world->k; s++) {
        for (size_t f = 0; f < world->config.n_features; f++) {
            const struct strata_profile_cell *cell =
                s < world->k ? &personas->segment[s].cell[f] : &personas->everybody[f];
            cr_assert(cell->count == 0 || cell->count >= STRATA_MIN_CELL);
            if (cell->hidden) {
                cr_assert(isnan(cell->mean) && isnan(cell->sd) && isnan(cell->low) &&
                          isnan(cell->median) && isnan(cell->high) && isnan(cell->index) &&
                          isnan(cell->effect));
            }
            for (size_t l = 0; cell->share && l < world->column[f].n_levels; l++) {
                const double count = rint(cell->share[l] * (double)cell->count);
                cr_assert(isnan(count) || count == 0.0 || count >= STRATA_MIN_CELL);
            }
        }
    }
}

/* How many of the cells of a line, one cell or level over the segments and everybody, are
 * hidden. */
static size_t hidden_over_groups(const struct world *world, const struct strata_personas *personas,
                                 size_t f, int l)
{
    size_t n = 0;
    for (size_t s = 0; s <= world->k; s++) {
        const struct strata_profile_cell *cell =
            s < world->k ? &personas->segment[s].cell[f] : &personas->everybody[f];
        if (cell->count == 0 && !cell->hidden) continue; /* nobody there: nothing to hide */
        n += (l < 0 ? cell->hidden : isnan(cell->share[l])) ? 1 : 0;
    }
    return n;
}

Test(persona, small_cells_are_hidden_also_from_subtraction)
{
    for (size_t seed = 0; seed < 30; seed++) {
        struct world world;
        make_world(&world, 60 + 17 * seed, 2 + seed % 5);
        struct world_run run;
        world_describe(&world, 2, NULL, &run);
        const struct strata_personas *personas = run.out[0];
        check_nothing_small(&world, personas);
        for (size_t f = 0; f < world.config.n_features; f++) {
            cr_assert_neq(hidden_over_groups(&world, personas, f, -1), 1, "seed %zu feature %zu",
                          seed, f);
            for (size_t l = 0; l < world.column[f].n_levels; l++) {
                cr_assert_neq(hidden_over_groups(&world, personas, f, (int)l), 1);
            }
            for (size_t s = 0; s <= world.k; s++) {
                const struct strata_profile_cell *cell =
                    s < world.k ? &personas->segment[s].cell[f] : &personas->everybody[f];
                if (cell->count == 0) continue;
                size_t n = 0;
                for (size_t l = 0; l < world.column[f].n_levels; l++)
                    n += isnan(cell->share[l]) ? 1 : 0;
                cr_assert_neq(n, 1);
                if (n > 0) cr_assert(isnan(cell->mean), "an ordinal mean would tell");
            }
        }
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(persona, a_binary_cell_is_small_when_its_ones_or_its_zeros_are)
{
    struct world world;
    world_init(&world, 300, 3);
    double *rare = world_binary(&world, "rare", NULL);
    double *common = world_binary(&world, "common", NULL);
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = (uint16_t)(i % 3);
        rare[i] = i % 3 == 0 ? i < 15 : i % 2 == 0; /* 5 ones of 100 in segment 0 */
        common[i] = 1.0 - rare[i];
    }
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    for (size_t f = 0; f < 2; f++) {
        cr_assert(run.out[0]->segment[0].cell[f].hidden);
        cr_assert_eq(hidden_over_groups(&world, run.out[0], f, -1), 2);
        cr_assert_not(run.out[0]->everybody[f].hidden);
    }
}

Test(persona, a_binary_feature_counts_the_numbers_that_its_levels_are_and_no_others)
{
    static const char *const one_and_two[] = {"1", "2"};
    struct world world;
    world_init(&world, 400, 2);
    double *plain = world_binary(&world, "plain", NULL);
    double *coded = world_binary(&world, "coded", NULL);
    world.feature[1].level = one_and_two;
    world.feature[1].n_levels = 2;
    for (size_t i = 0; i < world.n; i++) {
        world.label[i] = (uint16_t)(i % 2);
        plain[i] = i % 4 == 0 ? 7 : i % 4 == 1; /* 7: neither 0 nor 1 */
        coded[i] = i % 4 == 3 ? 0 : i % 4 == 2 ? 2 : 1;
    }
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    const struct strata_persona *segment = run.out[0]->segment;
    cr_expect_eq(segment[0].cell[0].count, 100);
    cr_expect_eq(segment[0].cell[0].mean, 0.0);
    cr_expect_eq(segment[1].cell[0].mean, 0.5);
    cr_expect_eq(segment[0].cell[1].mean, 0.5);
    cr_expect_eq(segment[1].cell[1].count, 100);
    cr_expect_eq(segment[1].cell[1].mean, 0.0);
}

Test(persona, large_cells_are_not_hidden)
{
    struct world world;
    make_world(&world, 5000, 3);
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    for (size_t f = 0; f < world.config.n_features; f++) {
        cr_assert_eq(hidden_over_groups(&world, run.out[0], f, -1), 0);
        for (size_t l = 0; l < world.column[f].n_levels; l++) {
            cr_assert_eq(hidden_over_groups(&world, run.out[0], f, (int)l), 0);
        }
    }
}

/* --- shapes ------------------------------------------------------------------------------- */

Test(persona, many_levels_and_segments_fit_the_stated_memory)
{
    struct world world;
    world_init(&world, 4000, STRATA_MAX_SEGMENTS);
    const char **level = STRATA_NEW(&world.arena, const char *, STRATA_MAX_LEVELS);
    for (size_t l = 0; l < STRATA_MAX_LEVELS; l++) {
        level[l] = strata_arena_print(&world.arena, "level %03zu", l);
    }
    for (size_t i = 0; i < world.n; i++) world.label[i] = (uint16_t)(i % 64);
    for (size_t f = 0; f < 20; f++) {
        const char *label = strata_arena_print(&world.arena, "question %c", (int)('a' + f));
        uint32_t *code = world_text(&world, label, NULL, level, NULL, STRATA_MAX_LEVELS);
        for (size_t i = 0; i < world.n; i++) code[i] = (uint32_t)(world_bits(f, i) % (1 + f * 13));
    }
    struct world_run run;
    world_describe(&world, 2, NULL, &run);
    check_nothing_small(&world, run.out[0]);
    cr_assert_eq(run.out[0]->segment[0].cell[0].share[0], 1.0);
}

Test(persona, a_segment_without_customers_has_a_name_and_no_figures)
{
    struct world world;
    make_world(&world, 1000, 3);
    world.k = 4;
    struct world_run run;
    world_describe(&world, 2, NULL, &run);
    const struct strata_persona *empty = &run.out[0]->segment[3];
    cr_assert_eq(empty->size, 0);
    cr_assert_eq(empty->n_markers, 0);
    cr_assert_eq(empty->n_statements, 1);
    cr_assert_not_null(empty->name);
    cr_assert(isnan(empty->cell[0].mean) && isnan(empty->cell[0].median));
}

Test(persona, a_level_of_one_segment_only_is_told)
{
    static const char *const sexes[] = {"female", "male"};
    struct world world;
    world_init(&world, 400, 2);
    uint32_t *sex = world_text(&world, "sex", "gender", sexes, NULL, 2);
    for (size_t i = 0; i < world.n; i++) {
        sex[i] = i % 2;
        world.label[i] = (uint16_t)(i % 2);
    }
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    cr_assert_eq(run.out[0]->segment[0].cell[0].share[0], 1.0);
    cr_assert_eq(run.out[0]->segment[0].cell[0].share[1], 0.0);
    cr_assert_eq(run.out[0]->segment[0].cell[0].effect, STRATA_EFFECT_MAX);
    cr_assert_eq(run.out[0]->segment[0].cell[0].level, 0);
    cr_assert_str_eq(run.out[0]->segment[0].name, "Female shoppers");
    cr_assert_str_eq(run.out[0]->segment[1].name, "Male shoppers");
}

Test(persona, levels_that_are_not_declared_have_no_position)
{
    static const char *const levels[] = {"big", "odd", "small"};
    static const char *const declared[] = {"small", "big"};
    struct world world;
    world_init(&world, 90, 1);
    uint32_t *code = world_text(&world, "size", NULL, levels, declared, 3);
    world.feature[0].n_levels = 2;
    for (size_t i = 0; i < world.n; i++) code[i] = i % 3;
    struct world_run run;
    world_describe(&world, 1, NULL, &run);
    cr_assert_eq(run.out[0]->everybody[0].count, 60);
    cr_assert_eq(run.out[0]->everybody[0].missing, 30);
    cr_assert_eq(run.out[0]->everybody[0].mean, 0.5);
}
