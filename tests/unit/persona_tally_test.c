/* What the passes over the rows count is what counting each value gives: sums to the bit, order statistics that occur,
 * whatever the values, their ties, the threads and the ranks; and there are no more passes than promised. */
#include "persona_world.h"

#include "persona/rules_impl.h"

enum { SHAPES = 8 };

/* Values that are hard on a scale or on a sum. */
static double value_of(size_t shape, size_t i)
{
    const double x = world_normal(3 + shape, i);
    switch (shape) {
    case 0:
        return x;
    case 1:
        return rint(3.0 * x); /* many ties */
    case 2:
        return exp(6.0 * x); /* a long tail */
    case 3:
        return (i % 2 ? 1e6 : -1e6) + 1e-6 * x; /* two narrow heaps, far from each other */
    case 4:
        return x > 1.0 ? x : 0.0; /* mostly nothing */
    case 5:
        return ldexp(x, (int)(world_bits(77, i) % 2000) - 1000); /* all that a double can be */
    case 6:
        return i % 3 ? 0x1p1000 : -0x1p1000 + x;
    default:
        return 42.0;
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest value that at least so many percent do not exceed. */
static double order_of(const double *sorted, size_t n, size_t percent)
{
    const size_t rank = (n * percent + 99) / 100;
    return sorted[rank > 0 ? rank - 1 : 0];
}

static void assert_cell(const struct world *world, const struct strata_profile_cell *cell, size_t f,
                        size_t segment)
{
    double *value = STRATA_NEW((struct strata_arena *)(uintptr_t)&world->arena, double, world->n);
    struct strata_exact sum = {0};
    size_t n = 0;
    for (size_t i = 0; i < world->n; i++) {
        if ((segment < world->k && world->label[i] != segment) || !world->column[f].present[i])
            continue;
        value[n++] = world->column[f].number[i];
        strata_exact_add(&sum, world->column[f].number[i]);
    }
    if (cell->hidden) return;
    cr_assert_eq(cell->count, n);
    if (n == 0) return;
    const double mean = strata_exact_value(&sum) / (double)n;
    cr_assert(memcmp(&cell->mean, &mean, sizeof mean) == 0, "feature %zu: %a, not %a", f,
              cell->mean, mean);
    qsort(value, n, sizeof *value, by_value);
    cr_assert_eq(cell->low, order_of(value, n, 25), "feature %zu of %zu", f, segment);
    cr_assert_eq(cell->median, order_of(value, n, 50), "feature %zu of %zu", f, segment);
    cr_assert_eq(cell->high, order_of(value, n, 75), "feature %zu of %zu", f, segment);
}

static void make(struct world *world, size_t n, size_t k)
{
    static const char *const name[SHAPES] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    world_init(world, n, k);
    for (size_t i = 0; i < n; i++) world->label[i] = (uint16_t)(world_bits(1, i) % k);
    for (size_t f = 0; f < SHAPES; f++) {
        double *number = world_number(world, name[f], NULL);
        uint8_t *present = f % 2 ? world_present(world, f) : NULL;
        for (size_t i = 0; i < n; i++) {
            if (present) present[i] = world_bits(9, i) % 7 > 0;
            number[i] = present && !present[i] ? 0.0 : value_of(f, i) + (double)world->label[i];
        }
    }
}

Test(tally, figures_are_those_of_the_values_whatever_they_are)
{
    static const size_t sizes[][2] = {{1, 1}, {300, 3}, {7000, 5}, {5000, 40}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct world world;
        struct world_run run;
        make(&world, sizes[i][0], sizes[i][1]);
        world.config.threads = i % 2 ? 3 : 1;
        world_describe(&world, i % 2 ? 3 : 1, NULL, &run);
        for (size_t f = 0; f < SHAPES; f++) {
            assert_cell(&world, &run.out[0]->everybody[f], f, world.k);
            for (size_t s = 0; s < world.k; s++)
                assert_cell(&world, &run.out[0]->segment[s].cell[f], f, s);
        }
        world_run_finish(&run);
        strata_arena_finish(&world.arena);
    }
}

Test(tally, threads_and_ranks_change_nothing_and_passes_are_few)
{
    struct world world;
    struct world_run one;
    make(&world, 6000, 6);
    world.config.threads = 1;
    world_describe(&world, 1, NULL, &one);
    char *expected = world_text_of(&world, one.out[0]);
    cr_assert_leq(one.out[0]->cost.passes, 3u);
    cr_assert_geq(one.out[0]->cost.passes, 2u);
    cr_assert_leq(one.out[0]->cost.levels, (unsigned)STRATA_RULE_LEVELS_MAX);
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct world_run run;
        world.config.threads = threads;
        world_describe(&world, (int)threads, NULL, &run);
        char *text = world_text_of(&world, run.out[0]);
        cr_assert_str_eq(text, expected);
        cr_assert_eq(run.out[0]->cost.levels, one.out[0]->cost.levels);
        free(text);
        world_run_finish(&run);
    }
    free(expected);
    world_run_finish(&one);
    strata_arena_finish(&world.arena);
}

Test(tally, runs_of_values_are_added_as_one_by_one)
{
    for (size_t shape = 0; shape < SHAPES; shape++) {
        for (size_t n = 1; n <= STRATA_GROUP_ROWS; n = 3 * n + 1) {
            double x[STRATA_GROUP_ROWS];
            struct strata_exact one = {0}, all = {0};
            for (size_t i = 0; i < n; i++) {
                x[i] = value_of(shape, 1000 * n + i);
                strata_exact_add(&one, x[i]);
            }
            strata_values_add(x, n, &all);
            strata_exact_normalise(&one);
            strata_exact_normalise(&all);
            cr_assert(memcmp(one.limb, all.limb, sizeof one.limb) == 0, "%zu of shape %zu", n,
                      shape);
        }
    }
}

Test(tally, cells_of_a_ruler_never_fall)
{
    static const double scales[] = {0x1p-899, 1e-9, 1.0, 3.7e5, 0x1p899};
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        for (unsigned bits = 2; bits <= 8; bits += 3) {
            const struct strata_ruler ruler = {.middle = i % 2 ? -17.25 : 1e4,
                                               .scale = scales[i],
                                               .shift = 23 - bits,
                                               .half = (uint32_t)(strata_ruler_cells(bits) / 2)};
            double x[500];
            for (size_t j = 0; j < 500; j++)
                x[j] = value_of(j % SHAPES, j) + ruler.middle * (double)(j % 2);
            qsort(x, 500, sizeof *x, by_value);
            for (size_t j = 0; j < 500; j++) {
                const uint32_t cell = strata_ruler_cell(&ruler, x[j]);
                cr_assert_lt(cell, strata_ruler_cells(bits));
                cr_assert(j == 0 || cell >= strata_ruler_cell(&ruler, x[j - 1]));
            }
        }
    }
}
