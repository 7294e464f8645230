/* What must stay the same when the input changes in a way that should not matter: thousands of small
 * random fits each, with ties, duplicates, empty segments and rows at the grid's edge among them.
 *
 * Equality is to the bit, but where a comment says why arithmetic does not allow it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "naive_kmeans.h"
#include "small_fits.h"

enum { CASES = 2000 };

/* --- comparisons ----------------------------------------------------------------------- */

static void assert_same_model(const struct outcome *a, const struct outcome *b, uint64_t seed)
{
    cr_assert_eq(a->dims.k, b->dims.k, "case %zu", (size_t)seed);
    cr_assert_eq(a->n_trace, b->n_trace, "case %zu", (size_t)seed);
    cr_assert_eq(memcmp(a->trace, b->trace, a->n_trace * sizeof *a->trace), 0, "case %zu",
                 (size_t)seed);
    cr_assert_eq(memcmp(a->params, b->params, a->n_params * sizeof *a->params), 0, "case %zu",
                 (size_t)seed);
    cr_assert_eq(memcmp(a->mass, b->mass, a->dims.k * sizeof *a->mass), 0, "case %zu", (size_t)seed);
    cr_assert_eq(a->objective, b->objective, "case %zu", (size_t)seed);
    cr_assert_eq(a->state_hash, b->state_hash, "case %zu", (size_t)seed);
    cr_assert_eq(a->candidate.iterations, b->candidate.iterations, "case %zu", (size_t)seed);
    cr_assert_eq(a->candidate.repairs, b->candidate.repairs, "case %zu", (size_t)seed);
}

static bool masses_differ(const struct outcome *a)
{
    for (size_t c = 1; c < a->dims.k; c++)
        if (a->mass[c] == a->mass[c - 1]) return false;
    return true;
}

static enum kind kind_of(uint64_t seed)
{
    static const enum kind often[] = {BLOBS,   BLOBS,        BLOBS,  FEW_INTEGERS,
                                      CORNERS, FEW_DISTINCT, ONE_FAR};
    return often[seed % (sizeof often / sizeof *often)];
}

/* --- properties ------------------------------------------------------------------------ */

static struct world *rows_permuted(const struct world *world, struct dice *dice, size_t *to)
{
    struct world *other = calloc(1, sizeof *other);
    if (!other) abort();
    *other = *world;
    for (size_t i = 0; i < world->n; i++) to[i] = i;
    for (size_t i = world->n; i > 1; i--) {
        const size_t at = below(dice, i), last = to[i - 1];
        to[i - 1] = to[at];
        to[at] = last;
    }
    for (size_t i = 0; i < world->n; i++) row_copy(other, to[i], world, i);
    for (size_t c = 0; c < world->k; c++) other->start[c] = to[world->start[c]];
    return other;
}

/* All estimators, all seedings, threads: to the bit. */
Test(metamorphic, order_of_rows_does_not_matter, .timeout = 120)
{
    static const enum given ways[] = {SEEDED, START_ROWS, START_LABELS};
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct dice dice = {seed, 0};
        struct world *world = world_new(&dice, kind_of(seed), 60);
        size_t to[MAX_N];
        struct world *other = rows_permuted(world, &dice, to);
        const bool soft = seed % 4 == 3;
        struct way way = {.estimator = soft ? "gmm-diag" : "kmeans",
                          .given = ways[seed % 3],
                          .max_iter = soft ? 12 : 300,
                          .seed = seed};
        struct outcome *a = fit(world, way);
        way.threads = 1 + (uint32_t)(seed % 16 == 0) * 2;
        struct outcome *b = fit(other, way);
        assert_same_model(a, b, seed);
        for (size_t i = 0; i < world->n; i++)
            cr_assert_eq(a->label[i], b->label[to[i]], "case %zu row %zu", (size_t)seed, i);
        free(a);
        free(b);
        free(world);
        free(other);
    }
    finish_start_files();
}

/* k-means: to the bit.  Segments of equal mass are put in order by their centres, whose first column
 * is another one then; rows at equal distance go to the first segment in that order, so where there are
 * such ties only the fit is compared, not what the order makes of it.
 * Mixtures: not exact, a density's terms are added in another order. */
Test(metamorphic, order_of_columns_does_not_matter, .timeout = 120)
{
    size_t compared = 0;
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct dice dice = {seed, 1000};
        struct world *world = world_new(&dice, kind_of(seed), 60), *other = calloc(1, sizeof *other);
        if (!other) abort();
        *other = *world;
        const size_t d = world->d, shift = below(&dice, d);
        const bool mirrored = below(&dice, 2);
        size_t from[MAX_D];
        for (size_t j = 0; j < d; j++) from[j] = mirrored ? (shift + d - j) % d : (shift + j) % d;
        for (size_t i = 0; i < world->n; i++)
            for (size_t j = 0; j < d; j++) other->x[i * d + j] = world->x[i * d + from[j]];
        const struct way way = {.given = seed % 2 ? SEEDED : START_ROWS, .seed = seed};
        struct outcome *a = fit(world, way), *b = fit(other, way);
        cr_assert_eq(a->n_trace, b->n_trace, "case %zu", (size_t)seed);
        cr_assert_eq(memcmp(a->trace, b->trace, a->n_trace * sizeof *a->trace), 0, "case %zu",
                     (size_t)seed);
        cr_assert_eq(a->candidate.iterations, b->candidate.iterations);
        if (kind_of(seed) == BLOBS && masses_differ(a)) {
            compared++;
            cr_assert_eq(a->objective, b->objective, "case %zu", (size_t)seed);
            cr_assert_eq(memcmp(a->mass, b->mass, a->dims.k * sizeof *a->mass), 0);
            cr_assert_eq(memcmp(a->label, b->label, world->n * sizeof *a->label), 0);
            for (size_t c = 0; c < a->dims.k; c++)
                for (size_t j = 0; j < d; j++)
                    cr_assert_eq(b->centre[c * d + j], a->centre[c * d + from[j]], "case %zu",
                                 (size_t)seed);
        }
        free(a);
        free(b);
        free(world);
        free(other);
    }
    cr_assert_gt(compared, CASES / 8);
    finish_start_files();
}

/* Row i of the world `copies[i]` times, with keys of their own. */
static struct world *copies_made(const struct world *world, const uint32_t *copies)
{
    struct world *other = calloc(1, sizeof *other);
    if (!other) abort();
    *other = *world;
    other->n = world->n;
    for (size_t i = 0; i < world->n; i++)
        for (uint32_t copy = 1; copy < copies[i]; copy++) {
            row_copy(other, other->n, world, i);
            (void)snprintf(other->key[other->n], KEY_ROOM, "c%zu.%u", i, copy);
            cr_assert_lt(other->n, (size_t)MAX_N);
            other->n++;
        }
    other->weighted = false;
    return other;
}

/* Fits from the same centres, whose masses and objectives are `times` as large in b. */
static void assert_scaled_model(const struct outcome *a, const struct outcome *b, double times,
                                uint64_t seed)
{
    cr_assert_eq(a->dims.k, b->dims.k, "case %zu", (size_t)seed);
    cr_assert_eq(a->n_trace, b->n_trace, "case %zu", (size_t)seed);
    cr_assert_eq(a->candidate.iterations, b->candidate.iterations, "case %zu", (size_t)seed);
    for (size_t i = 0; i < a->n_trace; i++)
        cr_assert_eq(b->trace[i], times * a->trace[i], "case %zu", (size_t)seed);
    for (size_t c = 0; c < a->dims.k; c++)
        cr_assert_eq(b->mass[c], times * a->mass[c], "case %zu", (size_t)seed);
    for (size_t i = 0; i < a->dims.k * a->dims.d; i++)
        cr_assert_eq(a->centre[i], b->centre[i], "case %zu", (size_t)seed);
    cr_assert_eq(b->objective, times * a->objective, "case %zu", (size_t)seed);
}

/* Whether copies cannot have changed a refilled segment: among rows that are equally far the one with
 * the lowest hash of its key is taken, and copies have keys of their own; and as many farthest rows are
 * offered as segments are empty, copies among them. */
static bool may_be_compared(const struct outcome *f, enum kind kind)
{
    return f->candidate.repairs == 0 || (f->candidate.repairs == 1 && kind == BLOBS);
}

/* From given centres; each fourth time a mixture. */
static struct way way_of(uint64_t seed)
{
    const bool soft = seed % 4 == 3;
    return (struct way){.estimator = soft ? "gmm-diag" : "kmeans",
                        .given = seed % 8 < 4 ? START_ROWS : START_LABELS,
                        .max_iter = soft ? 12 : 300};
}

/* Exact from given centres, but for segments that ran empty, see above. */
Test(metamorphic, all_rows_twice_are_the_same_model, .timeout = 120)
{
    size_t compared = 0;
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct dice dice = {seed, 2000};
        struct world *world = world_new(&dice, kind_of(seed), 60);
        uint32_t two[MAX_N];
        for (size_t i = 0; i < world->n; i++) two[i] = 2;
        struct world *twice = copies_made(world, two);
        const struct way way = way_of(seed);
        struct outcome *a = fit(world, way), *b = fit(twice, way);
        if (may_be_compared(a, kind_of(seed)) && may_be_compared(b, kind_of(seed))) {
            compared++;
            assert_scaled_model(a, b, 2.0, seed);
            for (size_t i = 0; i < world->n; i++) {
                cr_assert_eq(a->label[i], b->label[i]);
                cr_assert_eq(a->label[i], b->label[world->n + i]);
            }
        }
        free(a);
        free(b);
        free(world);
        free(twice);
    }
    cr_assert_gt(compared, CASES / 2);
    finish_start_files();
}

/* Exact from given centres, with the same exception. */
Test(metamorphic, a_weight_is_as_many_copies, .timeout = 120)
{
    size_t compared = 0;
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct dice dice = {seed, 3000};
        struct world *world = world_new(&dice, kind_of(seed), MAX_N / 4);
        world->weighted = true;
        for (size_t i = 0; i < world->n; i++) world->weight[i] = 1 + (uint32_t)below(&dice, 4);
        struct world *copies = copies_made(world, world->weight);
        const struct way way = way_of(seed);
        struct outcome *a = fit(world, way), *b = fit(copies, way);
        if (may_be_compared(a, kind_of(seed)) && may_be_compared(b, kind_of(seed))) {
            compared++;
            assert_scaled_model(a, b, 1.0, seed);
            cr_assert_eq(a->candidate.smallest_share, b->candidate.smallest_share);
            for (size_t i = 0; i < world->n; i++) cr_assert_eq(a->label[i], b->label[i]);
        }
        free(a);
        free(b);
        free(world);
        free(copies);
    }
    cr_assert_gt(compared, CASES / 2);
    finish_start_files();
}

/* Integers times 2^s: exact where means lie on the grid, as here, where at most ten rows are multiples
 * of 2520; otherwise a mean's last bit may be rounded at another place.  Another grid: always exact. */
Test(metamorphic, scaling_by_powers_of_two_scales_the_model, .timeout = 120)
{
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct dice dice = {seed, 4000};
        struct world *world = world_new(&dice, BLOBS, 10);
        for (size_t i = 0; i < world->n * world->d; i++)
            world->x[i] = (float)(2520.0 * ((double)below(&dice, seed % 2 ? 800 : 5) - 400.0));
        struct world *larger = calloc(1, sizeof *larger), *coarser = calloc(1, sizeof *coarser);
        if (!larger || !coarser) abort();
        *larger = *coarser = *world;
        const int s = 1 + (int)below(&dice, 3);
        for (size_t i = 0; i < world->n * world->d; i++)
            larger->x[i] = (float)ldexp((double)world->x[i], s);
        coarser->exponent += s;
        const struct way way = {.given = seed % 3 ? SEEDED : START_ROWS, .seed = seed};
        struct outcome *a = fit(world, way), *b = fit(larger, way), *c = fit(coarser, way);
        cr_assert_eq(memcmp(a->label, b->label, sizeof a->label), 0, "case %zu", (size_t)seed);
        cr_assert_eq(memcmp(a->label, c->label, sizeof a->label), 0, "case %zu", (size_t)seed);
        cr_assert_eq(memcmp(a->centre, c->centre, sizeof a->centre), 0, "case %zu", (size_t)seed);
        for (size_t i = 0; i < a->dims.k * a->dims.d; i++)
            cr_assert_eq(b->centre[i], ldexp(a->centre[i], s), "case %zu", (size_t)seed);
        cr_assert_eq(b->objective, ldexp(a->objective, 2 * s), "case %zu", (size_t)seed);
        cr_assert_eq(c->objective, b->objective, "case %zu", (size_t)seed);
        cr_assert_eq(a->n_trace, b->n_trace, "case %zu", (size_t)seed);
        for (size_t i = 0; i < a->n_trace; i++)
            cr_assert_eq(b->trace[i], ldexp(a->trace[i], 2 * s), "case %zu", (size_t)seed);
        free(a);
        free(b);
        free(c);
        free(world);
        free(larger);
        free(coarser);
    }
    finish_start_files();
}

/* k-means: to the bit. */
Test(metamorphic, a_fit_from_the_result_is_the_result, .timeout = 120)
{
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct dice dice = {seed, 5000};
        struct world *world = world_new(&dice, kind_of(seed), 80);
        struct outcome *first =
            fit(world, (struct way){.given = seed % 2 ? SEEDED : START_LABELS, .seed = seed});
        cr_assert_eq(first->candidate.reason, STRATA_STOP_NO_LABEL_MOVED, "case %zu", (size_t)seed);
        memcpy(world->label, first->label, sizeof world->label);
        world->k = first->dims.k;
        struct outcome *again = fit(world, (struct way){.given = START_LABELS});
        cr_assert_eq(first->state_hash, again->state_hash, "case %zu", (size_t)seed);
        cr_assert_eq(first->objective, again->objective, "case %zu", (size_t)seed);
        cr_assert_eq(memcmp(first->label, again->label, sizeof first->label), 0, "case %zu",
                     (size_t)seed);
        cr_assert_leq(again->candidate.iterations, 2u, "case %zu", (size_t)seed);
        cr_assert_eq(again->candidate.repairs, 0u, "case %zu", (size_t)seed);
        free(first);
        free(again);
        free(world);
    }
    finish_start_files();
}

/* k-means: exact, also where empty segments are refilled.  Mixtures: but for the rounding of
 * responsibilities to 2^-24. */
Test(metamorphic, the_objective_never_rises, .timeout = 120)
{
    for (uint64_t seed = 0; seed < 2 * CASES; seed++) {
        struct dice dice = {seed, 6000};
        struct world *world = world_new(&dice, kind_of(seed), 80);
        const bool soft = seed % 8 == 7;
        struct outcome *f = fit(world, (struct way){.estimator = soft ? "gmm-diag" : "kmeans",
                                                    .given = seed % 2 ? START_LABELS : START_ROWS,
                                                    .max_iter = soft ? 20 : 300});
        const double slack = soft ? (double)(world->n * world->k) * 0x1p-24 : 0.0;
        for (size_t i = 1; i < f->n_trace && (!soft || f->candidate.repairs == 0); i++)
            cr_assert_leq(f->trace[i], f->trace[i - 1] + slack, "case %zu iteration %zu",
                          (size_t)seed, i);
        if (!soft) cr_assert_leq(f->objective, f->trace[f->n_trace - 1], "case %zu", (size_t)seed);
        free(f);
        free(world);
    }
    finish_start_files();
}

/* --- oracles --------------------------------------------------------------------------- */

/* Where no segment runs empty: the textbook's SSE, to the bit, with bounds and without. */
Test(metamorphic, k_means_is_the_textbooks, .timeout = 120)
{
    size_t compared = 0;
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct dice dice = {seed, 7000};
        struct world *world = world_new(&dice, kind_of(seed), 120);
        int64_t centre[MAX_K * MAX_D];
        size_t label[MAX_N];
        for (size_t c = 0; c < world->k; c++)
            for (size_t j = 0; j < world->d; j++)
                centre[c * world->d + j] = (int64_t)world->x[world->start[c] * world->d + j];
        const strata_int128 sse =
            naive_kmeans(world->x, world->n, world->k, world->d, centre, label);
        struct outcome *pruned = fit(world, (struct way){.given = START_ROWS, .threads = 2});
        cr_assert_eq(setenv("STRATA_PRUNING", "off", 1), 0);
        struct outcome *full = fit(world, (struct way){.given = START_ROWS});
        cr_assert_eq(unsetenv("STRATA_PRUNING"), 0);
        assert_same_model(pruned, full, seed);
        cr_assert_eq(memcmp(pruned->label, full->label, sizeof full->label), 0, "case %zu",
                     (size_t)seed);
        if (full->candidate.repairs == 0 && full->dims.k == world->k) {
            compared++;
            cr_assert_eq(full->trace[full->n_trace - 1],
                         ldexp(strata_sum_value((struct strata_sum){sse}), -32), "case %zu",
                         (size_t)seed);
        }
        free(pruned);
        free(full);
        free(world);
    }
    cr_assert_gt(compared, CASES / 2);
    finish_start_files();
}

/* --- degenerate input ------------------------------------------------------------------ */

/* Fewer distinct rows than segments, n = k, k = 1, one row, far outliers: always numbers. */
Test(metamorphic, degenerate_input_never_gives_a_nan, .timeout = 120)
{
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct dice dice = {seed, 8000};
        struct world *world = world_new(&dice, (enum kind)(seed % KINDS), 12);
        if (seed % 5 == 0) {
            world->k = world->n < MAX_K ? world->n : MAX_K;
            draw_start(world, &dice);
        }
        const bool soft = seed % 3 == 0;
        struct outcome *f = fit(world, (struct way){.estimator = soft ? "gmm-diag" : "kmeans",
                                                    .given = seed % 2 ? SEEDED : START_ROWS,
                                                    .max_iter = 30,
                                                    .seed = seed});
        cr_assert(f->is_finite, "case %zu", (size_t)seed);
        cr_assert(f->dims.k >= 1 && f->dims.k <= world->k, "case %zu", (size_t)seed);
        double rows = 0;
        for (size_t c = 0; c < f->dims.k; c++) rows += f->mass[c];
        cr_assert_eq(rows, (double)world->n, "case %zu", (size_t)seed);
        if (seed % KINDS == ALL_EQUAL) cr_assert_eq(f->dims.k, 1u, "case %zu", (size_t)seed);
        free(f);
        free(world);
    }
    finish_start_files();
}

/* One row at the grid's edge, all others near together: it is a segment of its own. */
Test(metamorphic, one_far_outlier_is_a_segment_of_its_own, .timeout = 120)
{
    for (uint64_t seed = 0; seed < CASES / 4; seed++) {
        struct dice dice = {seed, 9000};
        struct world *world = world_new(&dice, ONE_FAR, 60);
        if (world->n >= 2) {
            world->k = 2;
            struct outcome *f = fit(world, (struct way){.given = SEEDED, .seed = seed});
            cr_assert(f->is_finite);
            cr_assert_eq(f->dims.k, 2u, "case %zu", (size_t)seed);
            for (size_t i = 1; i < world->n; i++)
                cr_assert_neq(f->label[i], f->label[0], "case %zu", (size_t)seed);
            free(f);
        }
        free(world);
    }
}
