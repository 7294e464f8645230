/* How many segments: the best start of each k is scored by one rule, and the highest score among
 * the eligible ones wins, the smaller k on ties.
 *
 * elbow: Kneedle on the objective over k, both scaled to [0, 1]: 1 - x - y, the distance below the
 * chord (Satopaa et al., 2011).  It needs three k; with fewer, calinski_harabasz decides.
 *
 * calinski_harabasz: ((T - W) / (k - 1)) / (W / (n - k)) (Calinski & Harabasz, 1974).
 *
 * silhouette: the mean simplified silhouette (Hruschka et al., 2004); one pass more.
 *
 * bic: 2 log-likelihood - freedom log n, the sign of mclust (Schwarz, 1978); mixtures only.
 *
 * n is the number of customers, or with case weights how many they stand for: every row counts as often
 * as its weight says.
 *
 * Eligible: no empty segment, and each holds at least min_share of the customers (of their weight).
 * If no k is, all take part; but never one that a client has dropped while there is another. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cluster/cluster_impl.h"

#define SILHOUETTE_UNIT 0x1p40 /* a row's silhouette is rounded to its inverse */
#define STRIP_ROWS 256
#define CENTRES_BYTES ((size_t)16 << 20) /* of models that share a pass */

struct rule {
    enum strata_choice choice;
    const char *words; /* completes "N segments by ..." */
};

static const struct rule rules[] = {
    {STRATA_CHOOSE_ELBOW,
     "the elbow of the objective: adding segments helps much up to here and little beyond"},
    {STRATA_CHOOSE_CALINSKI_HARABASZ,
     "the highest Calinski-Harabasz index: segments far apart for their spread"},
    {STRATA_CHOOSE_SILHOUETTE,
     "the highest mean silhouette: customers close to their own segment, far from others"},
    {STRATA_CHOOSE_BIC, "the highest BIC: the likelihood weighed against the number of parameters"},
};

static const char *rule_words(enum strata_choice choice)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].choice == choice) return rules[i].words;
    return "";
}

/* Sums of each leader's rows: hard-label SSE and rounded silhouettes.  Collective. */
struct quality_sums {
    struct strata_sum sse, silhouette;
};

static void add_strip(const struct strata_fit *fit, struct strata_dims dims,
                      const struct strata_leader *leader, const double *centre, size_t first,
                      size_t n, struct quality_sums *to)
{
    const float *x = fit->rows->x + first * dims.d;
    const uint32_t *weight = fit->rows->weight ? fit->rows->weight + first : NULL;
    struct strata_nearest near[STRIP_ROWS];
    struct strata_assignment row[STRIP_ROWS];
    strata_nearest_fill(dims, centre, x, n, near);
    fit->estimator->assign(dims, leader->params, x, n, row);
    for (size_t i = 0; i < n; i++) {
        const struct strata_between between =
            strata_nearest_between(dims, centre, x + i * dims.d, near[i], (size_t)row[i].label);
        const strata_int128 w = weight ? weight[i] : 1;
        to->sse.value += w * between.own;
        to->silhouette.value += w * (int64_t)rint(strata_silhouette(between) * SILHOUETTE_UNIT);
    }
}

/* The models from `from` on, n of them, look at all rows together. */
static void look_at_rows(const struct strata_fit *fit, size_t from, size_t n, double *centre,
                         struct quality_sums *sums)
{
    const struct strata_rows *rows = fit->rows;
    const size_t largest = (size_t)fit->k_to * rows->d;
    for (size_t i = 0; i < n; i++) {
        const struct strata_dims dims = {.k = fit->k_from + from + i, .d = rows->d};
        fit->estimator->centres(dims, fit->leader[from + i].params, centre + i * largest);
    }
    for (size_t first = 0; first < rows->n; first += STRIP_ROWS) {
        const size_t strip = rows->n - first < STRIP_ROWS ? rows->n - first : STRIP_ROWS;
        strata_rows_ahead(rows, first, strip);
        for (size_t i = 0; i < n; i++) {
            const struct strata_dims dims = {.k = fit->k_from + from + i, .d = rows->d};
            add_strip(fit, dims, &fit->leader[from + i], centre + i * largest, first, strip,
                      &sums[from + i]);
        }
    }
}

static strata_status quality_pass(struct strata_fit *fit, struct quality_sums *sums,
                                  struct strata_err *err)
{
    struct strata_arena scratch = fit->room;
    const size_t n_k = fit->out->n_k, largest = (size_t)fit->k_to * fit->rows->d;
    const size_t fits = CENTRES_BYTES / sizeof(double) / largest;
    const size_t batch = fits < 1 ? 1 : fits < n_k ? fits : n_k;
    double *centre = STRATA_NEW(&scratch, double, batch *largest);
    int64_t *limbs = STRATA_NEW(&scratch, int64_t, 2 * n_k * STRATA_SUM_LIMBS);
    struct strata_sum *flat = STRATA_NEW(&scratch, struct strata_sum, 2 * n_k);
    strata_status status = STRATA_OK;
    if (!centre || !limbs || !flat)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to choose among %zu models", n_k);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));

    for (size_t from = 0; from < n_k; from += batch)
        look_at_rows(fit, from, n_k - from < batch ? n_k - from : batch, centre, sums);
    memcpy(flat, sums, 2 * n_k * sizeof *flat);
    strata_sums_reduce(fit->comm, flat, 2 * n_k, limbs);
    memcpy(sums, flat, 2 * n_k * sizeof *flat);
    return STRATA_OK;
}

/* --- scores ---------------------------------------------------------------------------- */

static double calinski_harabasz(const struct strata_fit *fit, size_t k, double within)
{
    const double n = strata_rows_weight(fit->rows);
    if (k < 2) return (double)NAN;
    if (!(within > 0)) return DBL_MAX; /* nothing left within segments: the smallest such k wins */
    if (!(n > (double)k)) return (double)NAN;
    return (fit->total_sse - within) / (double)(k - 1) / (within / (n - (double)k));
}

static double bic(const struct strata_fit *fit, size_t k, double objective)
{
    const struct strata_dims dims = {.k = k, .d = fit->rows->d};
    return -2.0 * strata_fit_encoded(fit, objective) -
           (double)fit->estimator->freedom(dims) * strata_log(strata_rows_weight(fit->rows));
}

/* Over the ks that take part only, because their range sets the scale. */
static void score_elbow(const struct strata_fit *fit, const bool *takes_part,
                        struct strata_k_result *by_k)
{
    const size_t n_k = fit->out->n_k;
    size_t first = n_k, last = 0;
    double lowest = HUGE_VAL, highest = -HUGE_VAL;
    for (size_t i = 0; i < n_k; i++) {
        if (!takes_part[i]) continue;
        if (first == n_k) first = i;
        last = i;
        lowest = fmin(lowest, by_k[i].objective);
        highest = fmax(highest, by_k[i].objective);
    }
    for (size_t i = first; i <= last && i < n_k; i++) {
        if (!takes_part[i]) continue;
        const double x = last > first ? (double)(i - first) / (double)(last - first) : 0.0;
        const double y = highest > lowest ? (by_k[i].objective - lowest) / (highest - lowest) : 0.0;
        by_k[i].score = 1.0 - x - y;
    }
}

static void score_all(const struct strata_fit *fit, enum strata_choice rule, const bool *takes_part,
                      const struct quality_sums *sums, struct strata_k_result *by_k)
{
    for (size_t i = 0; i < fit->out->n_k; i++) {
        const size_t k = fit->k_from + i;
        const double within = sums ? strata_sum_value(sums[i].sse) : fit->leader[i].objective;
        by_k[i].score = (double)NAN;
        if (rule == STRATA_CHOOSE_CALINSKI_HARABASZ)
            by_k[i].score = calinski_harabasz(fit, k, within);
        if (rule == STRATA_CHOOSE_BIC) by_k[i].score = bic(fit, k, fit->leader[i].objective);
        if (rule == STRATA_CHOOSE_SILHOUETTE && k > 1)
            by_k[i].score = strata_sum_value(sums[i].silhouette) / SILHOUETTE_UNIT /
                            (double)fit->rows->weight_global;
    }
    if (rule == STRATA_CHOOSE_ELBOW) score_elbow(fit, takes_part, by_k);
}

/* The highest score, the smaller k on ties; the smallest k that takes part when none has a score. */
static size_t best_score(const struct strata_k_result *by_k, const bool *takes_part, size_t n_k)
{
    size_t best = n_k;
    for (size_t i = 0; i < n_k; i++) {
        if (!takes_part[i]) continue;
        if (best == n_k || by_k[i].score > by_k[best].score ||
            (isnan(by_k[best].score) && !isnan(by_k[i].score)))
            best = i;
    }
    return best;
}

/* --- the choice ------------------------------------------------------------------------ */

/* The share of a k's seeded starts that came to the same end as its best: in the race, if there was
 * one. */
static double agreement_of(const struct strata_fit *fit, const struct strata_candidate_result *best)
{
    const bool raced = !isnan(best->raced);
    const double end = raced ? best->raced : best->objective;
    size_t n = 0, agree = 0;
    for (size_t i = 0; i < fit->out->n_k * fit->starts; i++) {
        const struct strata_candidate_result *c = &fit->out->candidate[i];
        if (c->k != best->k) continue;
        n++;
        agree += fabs((raced ? c->raced : c->objective) - end) <= 1e-6 * fabs(end);
    }
    return (double)agree / (double)n;
}

static size_t summarise(const struct strata_fit *fit, struct strata_k_result *by_k)
{
    size_t n_eligible = 0;
    for (size_t i = 0; i < fit->out->n_k; i++) {
        const struct strata_candidate_result *best = &fit->out->candidate[fit->leader[i].index];
        by_k[i] = (struct strata_k_result){.k = best->k,
                                           .candidate = fit->leader[i].index,
                                           .objective = best->objective,
                                           .score = (double)NAN,
                                           .smallest_share = best->smallest_share,
                                           .eligible = best->eligible,
                                           .agreement = agreement_of(fit, best)};
        n_eligible += best->eligible;
    }
    return n_eligible;
}

static enum strata_choice rule_in_force(const struct strata_fit *fit, size_t n_taking_part)
{
    enum strata_choice rule = fit->config->model.choose;
    if (rule == STRATA_CHOOSE_AUTO)
        rule = fit->estimator->soft ? STRATA_CHOOSE_BIC : STRATA_CHOOSE_ELBOW;
    if (rule == STRATA_CHOOSE_ELBOW && n_taking_part < 3) rule = STRATA_CHOOSE_CALINSKI_HARABASZ;
    return rule;
}

bool strata_is_k_dropped(const struct strata_clustering *out, size_t i)
{
    return out->candidate[out->by_k[i].candidate].dropped;
}

static bool is_left_out(const struct strata_clustering *out, size_t i, bool dropped)
{
    return !out->by_k[i].eligible && strata_is_k_dropped(out, i) == dropped;
}

/* The last of the k from i on, one after another, that are left out for the same reason. */
static size_t end_of_run(const struct strata_clustering *out, size_t i, bool dropped)
{
    while (i + 1 < out->n_k && is_left_out(out, i + 1, dropped)) i++;
    return i;
}

#define ROOM_OF_A_RUN 32 /* bytes of " 1023 to 1024 and more" */

/* " 7 9 to 20": those that were left out for one of two reasons; how many bytes. */
static size_t list_left_out(const struct strata_clustering *out, bool dropped, char *text,
                            size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < out->n_k && used < room; i++) {
        if (!is_left_out(out, i, dropped)) continue;
        const size_t last = end_of_run(out, i, dropped);
        if (used + ROOM_OF_A_RUN > room)
            return used + (size_t)snprintf(text + used, room - used, " and more");
        used += (size_t)snprintf(text + used, room - used, " %u", out->by_k[i].k);
        if (last > i + 1)
            used += (size_t)snprintf(text + used, room - used, " to %u", out->by_k[last].k);
        if (last > i + 1) i = last;
    }
    return used;
}

static size_t count_left_out(const struct strata_clustering *out, bool dropped)
{
    size_t n = 0;
    for (size_t i = 0; i < out->n_k; i++) n += is_left_out(out, i, dropped);
    return n;
}

/* "; left out for ...: 7 9 to 20", or why none was. */
static void exclusion_words(const struct strata_fit *fit, size_t n_eligible, char *text, size_t room)
{
    const struct strata_clustering *out = fit->out;
    const double percent = fit->config->model.min_share * 100.0;
    size_t used = 0;
    text[0] = '\0';
    if (n_eligible == 0)
        used = (size_t)snprintf(
            text, room,
            "; no model gave every segment at least %.4g %% of the customers, so that limit was "
            "waived",
            percent);
    else if (count_left_out(out, false) > 0) {
        used = (size_t)snprintf(
            text, room, "; left out for a segment below %.4g %% of the customers:", percent);
        used += list_left_out(out, false, text + used, room / 2 - used);
    }
    if (count_left_out(out, true) == 0 || used >= room) return;
    used += (size_t)snprintf(text + used, room - used, "; dropped by a client:");
    if (used < room) (void)list_left_out(out, true, text + used, room - used);
}

static void say_why(struct strata_fit *fit, size_t n_eligible)
{
    struct strata_clustering *out = fit->out;
    const uint32_t k = out->by_k[out->chosen_k].k;
    const char *plural = k == 1 ? "" : "s";
    char left_out[1024];
    exclusion_words(fit, n_eligible, left_out, sizeof left_out);
    if (out->n_k == 1)
        out->choice = strata_arena_print(fit->keep, "%u segment%s, as the %s says%s.", k, plural,
                                         fit->from_file ? "start file" : "job file", left_out);
    else
        out->choice =
            strata_arena_print(fit->keep, "%u segment%s out of %u to %u, by %s%s.", k, plural,
                               fit->k_from, fit->k_to, rule_words(out->rule), left_out);
    if (n_eligible == 0)
        strata_fit_note(
            fit,
            "No model gave every segment at least %.4g %% of the customers, so that limit was waived: "
            "fewer segments or a smaller model.min_share would keep it.",
            fit->config->model.min_share * 100.0);
}

/* How many of the k may be chosen, and which. */
static size_t find_taking_part(const struct strata_clustering *out, size_t n_eligible,
                               bool *takes_part)
{
    size_t n = 0;
    for (size_t i = 0; i < out->n_k; i++) {
        takes_part[i] = n_eligible ? out->by_k[i].eligible : !strata_is_k_dropped(out, i);
        n += takes_part[i];
    }
    for (size_t i = 0; i < out->n_k && n == 0; i++) takes_part[i] = true; /* all were dropped */
    return n ? n : out->n_k;
}

strata_status strata_fit_choose(struct strata_fit *fit, struct strata_err *err)
{
    struct strata_clustering *out = fit->out;
    bool takes_part[STRATA_MAX_SEGMENTS];
    struct quality_sums sums[STRATA_MAX_SEGMENTS] = {0};
    const size_t n_eligible = summarise(fit, out->by_k);
    out->rule = rule_in_force(fit, find_taking_part(out, n_eligible, takes_part));
    const bool needs_pass = out->rule == STRATA_CHOOSE_SILHOUETTE ||
                            (out->rule == STRATA_CHOOSE_CALINSKI_HARABASZ && fit->estimator->soft);
    if (needs_pass) STRATA_TRY(quality_pass(fit, sums, err));
    score_all(fit, out->rule, takes_part, needs_pass ? sums : NULL, out->by_k);
    out->chosen_k = best_score(out->by_k, takes_part, out->n_k);
    say_why(fit, n_eligible);
    strata_status status = STRATA_OK;
    if (!out->choice)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the reason of the choice");
    return strata_comm_agree(fit->comm, status, err);
}
