/* How sure a difference is: intervals of effects, odds ratios, Cramer's V, and p values that are adjusted for how
 * many of them there are.
 *
 * Intervals and p values are those of so many customers; case weights weigh the figures only.  What would tell
 * about hidden levels is not told. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "persona/persona_impl.h"
#include "strata/math_sums.h"

#define NORMAL_975 1.959963984540054 /* 97.5 % point of the normal distribution */
#define LOG_SQRT_PI 0.5723649429247001
#define TERMS_MAX 100000

/* --- tails ------------------------------------------------------------------------------------ */

/* log Gamma(twice / 2). */
static double log_gamma_half(unsigned twice)
{
    double sum = twice % 2 ? LOG_SQRT_PI : 0.0;
    for (unsigned a = twice % 2 ? 1 : 2; a < twice; a += 2) sum += strata_log(0.5 * a);
    return sum;
}

/* The part of a gamma distribution of shape a = twice / 2 beyond x: a series below a + 1, a continued fraction
 * above (Press et al., 1992). */
static double gamma_tail(unsigned twice, double x)
{
    const double a = 0.5 * twice;
    if (!(x > 0.0)) return 1.0;
    const double front = strata_exp(a * strata_log(x) - x - log_gamma_half(twice));
    if (x < a + 1.0) {
        double term = 1.0 / a, sum = term;
        for (int n = 1; n < TERMS_MAX && term > sum * 1e-17; n++) {
            term *= x / (a + n);
            sum += term;
        }
        return fmax(0.0, 1.0 - sum * front);
    }
    double b = x + 1.0 - a, c = 1e300, d = 1.0 / b, h = d;
    for (int n = 1; n < TERMS_MAX; n++) { /* Lentz's way; its terms tend to 1 */
        const double an = -n * (n - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (fabs(d * c - 1.0) < 1e-16) break;
    }
    return fmin(1.0, front * h);
}

double strata_chi_square_tail(double chi_square, unsigned freedom)
{
    return gamma_tail(freedom, 0.5 * chi_square);
}

double strata_normal_two_tails(double z)
{
    return gamma_tail(1, 0.5 * z * z);
}

/* --- one cell --------------------------------------------------------------------------------- */

/* Of a standardised difference between so many and so many (Hedges and Olkin, 1985). */
static void effect_interval(double n, double rest, struct strata_profile_cell *cell)
{
    if (isnan(cell->effect) || n < 1.0 || rest < 1.0) return;
    const double half =
        NORMAL_975 * sqrt((n + rest) / n / rest + cell->effect * cell->effect / (2.0 * (n + rest)));
    cell->effect_low = cell->effect - half;
    cell->effect_high = cell->effect + half;
}

/* Those who have it and those who do not, here and elsewhere. */
struct fourfold {
    uint64_t here, not_here, there, not_there;
};

static struct fourfold fourfold_of(const struct strata_plan *plan,
                                   const struct strata_counts *counts, size_t s, size_t f, size_t l)
{
    const uint64_t *own = counts->level + s * plan->n_all_levels + plan->slot[f];
    const uint64_t *all = counts->level + plan->k * plan->n_all_levels + plan->slot[f];
    uint64_t n_own = 0, n_all = 0;
    for (size_t i = 0; i < plan->n_levels[f]; i++) {
        n_own += own[i];
        n_all += all[i];
    }
    return (struct fourfold){own[l], n_own - own[l], all[l] - own[l],
                             n_all - n_own - (all[l] - own[l])};
}

/* Nothing is told where a side is empty: the ratio would be 0 or infinite. */
static void odds(const struct strata_plan *plan, const struct strata_profile_tally *tally, size_t s,
                 size_t f, size_t level, struct strata_profile_cell *cell)
{
    const struct fourfold n = fourfold_of(plan, &tally->count, s, f, level);
    const struct fourfold w = fourfold_of(plan, &tally->weight, s, f, level);
    if (!n.here || !n.not_here || !n.there || !n.not_there) return;
    const double ratio =
        (double)w.here / (double)w.not_here / ((double)w.there / (double)w.not_there);
    const double half =
        NORMAL_975 * sqrt(1.0 / (double)n.here + 1.0 / (double)n.not_here + 1.0 / (double)n.there +
                          1.0 / (double)n.not_there); /* Woolf, 1955 */
    cell->odds_ratio = ratio;
    cell->odds_low = ratio * strata_exp(-half);
    cell->odds_high = ratio * strata_exp(half);
}

/* --- levels ----------------------------------------------------------------------------------- */

static bool is_shown(const struct strata_plan *plan, const struct strata_profile_cell *cell,
                     size_t f)
{
    if (cell->hidden || !cell->share) return false;
    for (size_t l = 0; l < plan->n_levels[f]; l++) {
        if (isnan(cell->share[l])) return false;
    }
    return true;
}

/* A table of groups by levels: chi square over n, and how many groups and levels there are. */
struct table {
    double ratio, n;
    unsigned groups, levels;
};

/* Adds a group's sum of o * o / (row * column). */
static void table_add(struct table *table, const uint64_t *own, const uint64_t *less,
                      const uint64_t *all, size_t n_levels)
{
    double row = 0.0, sum = 0.0;
    for (size_t l = 0; l < n_levels; l++) row += (double)(own[l] - (less ? less[l] : 0));
    if (row == 0.0) return;
    for (size_t l = 0; l < n_levels; l++) {
        const double here = (double)(own[l] - (less ? less[l] : 0));
        if (here > 0.0) sum += here / row * (here / (double)all[l]);
    }
    table->ratio += sum;
    table->groups++;
}

static void table_finish(struct table *table, const uint64_t *all, size_t n_levels)
{
    for (size_t l = 0; l < n_levels; l++) {
        table->n += (double)all[l];
        table->levels += all[l] > 0;
    }
    table->ratio = fmax(0.0, table->ratio - 1.0);
}

/* The segment against everybody else. */
static struct table table_of(const struct strata_plan *plan, const struct strata_counts *counts,
                             size_t s, size_t f)
{
    const uint64_t *own = counts->level + s * plan->n_all_levels + plan->slot[f];
    const uint64_t *all = counts->level + plan->k * plan->n_all_levels + plan->slot[f];
    struct table table = {0};
    table_add(&table, own, NULL, all, plan->n_levels[f]);
    table_add(&table, all, own, all, plan->n_levels[f]);
    table_finish(&table, all, plan->n_levels[f]);
    return table;
}

static double cramers_v(struct table table)
{
    const unsigned smaller = table.groups < table.levels ? table.groups : table.levels;
    if (smaller < 2) return STRATA_UNKNOWN;
    return fmin(1.0, sqrt(table.ratio / (smaller - 1)));
}

/* --- p values --------------------------------------------------------------------------------- */

/* Basis features made the segments: that they differ in them is no finding. */
static bool is_tested(const struct strata_feature *feature)
{
    return feature->role != STRATA_ROLE_BASIS && feature->role != STRATA_ROLE_WEIGHT;
}

static double p_of(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                   size_t s, size_t f, const struct strata_profile_cell *cell, bool all_shown)
{
    const double n = (double)tally->count.value[s * plan->n_features + f];
    const double rest = (double)tally->count.value[plan->k * plan->n_features + f] - n;
    if (isnan(cell->effect) || n < 1.0 || rest < 1.0) return STRATA_UNKNOWN;
    if (plan->as[f] != STRATA_AS_NOMINAL)
        return strata_normal_two_tails(cell->effect * sqrt(n / (n + rest) * rest));
    const struct table table = table_of(plan, &tally->count, s, f);
    if (!all_shown || table.levels < 2 || table.groups < 2) return STRATA_UNKNOWN;
    return strata_chi_square_tail(table.ratio * table.n, table.levels - 1);
}

static int by_p(const void *a, const void *b)
{
    double *const *x = a, *const *y = b;
    return (**x > **y) - (**x < **y); /* equal ones are adjusted alike */
}

/* p (n), sorted: each is multiplied by how many are not below it, and is no less than those before
 * (Holm, 1979). */
static void adjust(double **p, size_t n)
{
    double least = 0.0;
    qsort(p, n, sizeof *p, by_p);
    for (size_t i = 0; i < n; i++) {
        least = fmax(least, fmin(1.0, *p[i] * (double)(n - i)));
        *p[i] = least;
    }
}

/* --- all cells -------------------------------------------------------------------------------- */

static void fill_cell(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                      size_t s, size_t f, const struct strata_profile_cell *all,
                      struct strata_profile_cell *cell)
{
    const size_t at = s * plan->n_features + f;
    if (cell->hidden || all->hidden) return;
    const bool all_shown = is_shown(plan, cell, f) && is_shown(plan, all, f);
    const double n = (double)tally->count.value[at];
    effect_interval(n, (double)tally->count.value[plan->k * plan->n_features + f] - n, cell);
    if (plan->as[f] == STRATA_AS_BINARY) odds(plan, tally, s, f, 1, cell);
    if (plan->as[f] == STRATA_AS_NOMINAL && cell->level >= 0)
        odds(plan, tally, s, f, (size_t)cell->level, cell);
    if (all_shown) cell->cramers_v = cramers_v(table_of(plan, &tally->weight, s, f));
    if (is_tested(&plan->config->feature[f])) cell->p = p_of(plan, tally, s, f, cell, all_shown);
}

/* Of all segments together. */
static void fill_everybody(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                           size_t f, struct strata_personas *personas)
{
    struct strata_profile_cell *all = &personas->everybody[f];
    const bool levels = all->share != NULL;
    double within = 0.0;
    struct table table = {0};
    const uint64_t *everybody = tally->weight.level + plan->k * plan->n_all_levels + plan->slot[f];
    if (all->hidden || plan->as[f] == STRATA_AS_BINARY || (levels && !is_shown(plan, all, f)))
        return;
    for (size_t s = 0; s < plan->k; s++) {
        const struct strata_profile_cell *cell = &personas->segment[s].cell[f];
        if (cell->hidden || (levels && !is_shown(plan, cell, f))) return;
        within += tally->square[s * plan->n_features + f];
        if (levels)
            table_add(&table, tally->weight.level + s * plan->n_all_levels + plan->slot[f], NULL,
                      everybody, plan->n_levels[f]);
    }
    const double total = tally->square[plan->k * plan->n_features + f];
    if (!levels && total > 0.0) all->explained = fmax(0.0, 1.0 - within / total);
    if (!levels) return;
    table_finish(&table, everybody, plan->n_levels[f]);
    all->cramers_v = cramers_v(table);
}

bool strata_effects_fill(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                         struct strata_personas *personas, struct strata_arena scratch)
{
    double **p = STRATA_NEW(&scratch, double *, plan->k * plan->n_features + 1);
    size_t n = 0;
    if (!p) return false;
    for (size_t f = 0; f < plan->n_features; f++) {
        fill_everybody(plan, tally, f, personas);
        for (size_t s = 0; s < plan->k; s++) {
            struct strata_profile_cell *cell = &personas->segment[s].cell[f];
            fill_cell(plan, tally, s, f, &personas->everybody[f], cell);
        }
    }
    for (size_t s = 0; s < plan->k; s++) {
        for (size_t f = 0; f < plan->n_features; f++) {
            struct strata_profile_cell *cell = &personas->segment[s].cell[f];
            if (!isnan(cell->p)) p[n++] = &cell->p;
        }
    }
    adjust(p, n);
    return true;
}
