/* How stable the segments are: across solutions with fewer and more segments, and by the room between them
 * (Dolnicar, Gruen & Leisch, Market Segmentation Analysis, 2018, sections 7.5.2 to 7.5.4; Dolnicar & Leisch, 2017).
 *
 * Segment level stability across solutions: p_j being the share of a segment's customers that come from segment j of
 * the next smaller solution, which has k segments, SLSA = 1 + sum p_j log p_j / log k.  1: all come from one
 * segment; 0: from all alike.  `onward` is the same of where they go in the next larger one.
 *
 * Gorge: the similarity of each sampled customer i to segment h, s_ih = exp(-d_ih) / sum_j exp(-d_ij), d being the
 * Euclidean distance from the centre in encoded units; for mixtures the responsibility.  Segments that exist by nature
 * have a histogram with a gorge: customers are near or far, hardly any in between.  Above one half they are more like
 * it than like all others together; the share of the segment's customers for whom that is so is `clear`.
 *
 * Disclosure: what is published of a count is how many tens it is, rounded, and nothing of fewer than ten; all
 * other figures are functions of those. */
#include <math.h>
#include <string.h>

#include "strata/math_sums.h"

#include "persona/persona_impl.h"
#include "persona/sampled_impl.h"

#define STRIP_ROWS 256

static uint16_t tens_of(uint32_t count)
{
    return count < STRATA_MIN_CELL ? 0 : (uint16_t)((count + 5) / 10);
}

double strata_concentration(const uint16_t *tens, size_t n, size_t step)
{
    double total = 0, sum = 0;
    for (size_t i = 0; i < n; i++) total += tens[i * step];
    if (n < 2 || !(total > 0)) return (double)NAN;
    for (size_t i = 0; i < n; i++) {
        const double p = tens[i * step] / total;
        if (p > 0) sum += p * strata_log(p);
    }
    return 1.0 + sum / strata_log((double)n);
}

void strata_sample_label(const struct strata_customer_sample *sample,
                         const struct strata_estimator *estimator, struct strata_dims dims,
                         const double *params, uint16_t *label)
{
    struct strata_assignment row[STRIP_ROWS];
    for (size_t first = 0; first < sample->n; first += STRIP_ROWS) {
        const size_t n = sample->n - first < STRIP_ROWS ? sample->n - first : STRIP_ROWS;
        estimator->assign(dims, params, sample->x + first * sample->d, n, row);
        for (size_t i = 0; i < n; i++) label[first + i] = (uint16_t)row[i].label;
    }
}

/* --- across solutions ------------------------------------------------------------------ */

static bool count_flow(const uint16_t *from, const uint16_t *to, size_t n, struct strata_flow *flow,
                       struct strata_arena scratch, struct strata_arena *keep)
{
    const size_t n_cells = flow->n_from * flow->n_to;
    uint32_t *count = STRATA_NEW(&scratch, uint32_t, n_cells);
    uint16_t *tens = STRATA_NEW(keep, uint16_t, n_cells);
    if (!count || !tens) return false;
    for (size_t i = 0; i < n; i++) count[from[i] * flow->n_to + to[i]]++;
    for (size_t cell = 0; cell < n_cells; cell++) tens[cell] = tens_of(count[cell]);
    flow->tens = tens;
    return true;
}

static bool solution_make(const struct strata_solution *in, struct strata_arena *keep,
                          struct strata_sampled_solution *out)
{
    *out = (struct strata_sampled_solution){.k = in->k,
                                            .n = in->dims.k,
                                            .chosen = in->chosen,
                                            .slsa = STRATA_NEW(keep, double, in->dims.k),
                                            .onward = STRATA_NEW(keep, double, in->dims.k)};
    if (!out->slsa || !out->onward) return false;
    for (size_t s = 0; s < out->n; s++) out->slsa[s] = out->onward[s] = (double)NAN;
    return true;
}

static bool compare_solutions(const struct strata_customer_sample *sample,
                              const struct strata_clustering *clustering,
                              struct strata_arena scratch, struct strata_arena *keep,
                              struct strata_stability *out)
{
    const size_t n = clustering->n_solutions;
    uint16_t *before = STRATA_NEW(&scratch, uint16_t, sample->n);
    uint16_t *label = STRATA_NEW(&scratch, uint16_t, sample->n);
    out->solution = STRATA_NEW(keep, struct strata_sampled_solution, n);
    out->flow = STRATA_NEW(keep, struct strata_flow, n);
    if (!before || !label || !out->solution || !out->flow) return false;
    for (size_t i = 0; i < n; i++) {
        const struct strata_solution *in = &clustering->solution[i];
        struct strata_sampled_solution *to = &out->solution[i];
        if (!solution_make(in, keep, to)) return false;
        strata_sample_label(sample, clustering->estimator, in->dims, in->params, label);
        if (i > 0) {
            struct strata_sampled_solution *from = to - 1;
            struct strata_flow *flow = &out->flow[i - 1];
            *flow = (struct strata_flow){.n_from = from->n, .n_to = to->n};
            if (!count_flow(before, label, sample->n, flow, scratch, keep)) return false;
            for (size_t s = 0; s < to->n; s++)
                to->slsa[s] = strata_concentration(flow->tens + s, from->n, to->n);
            for (size_t s = 0; s < from->n; s++)
                from->onward[s] = strata_concentration(flow->tens + s * to->n, to->n, 1);
        }
        uint16_t *last = before;
        before = label;
        label = last;
    }
    out->n_solutions = n;
    return true;
}

/* --- the gorge ------------------------------------------------------------------------- */

/* Similarities (n, k) of n rows to all centres. */
static void compare_with_centres(struct strata_dims dims, const double *centre, double unit,
                                 const float *x, size_t n, double *similarity)
{
    for (size_t i = 0; i < n; i++) {
        double *s = similarity + i * dims.k;
        double nearest = HUGE_VAL, total = 0;
        for (size_t h = 0; h < dims.k; h++) {
            const int64_t square = strata_distance(centre + h * dims.d, x + i * dims.d, dims.d);
            s[h] = sqrt((double)square) * unit;
            nearest = fmin(nearest, s[h]);
        }
        for (size_t h = 0; h < dims.k; h++) {
            s[h] = strata_exp(nearest - s[h]);
            total += s[h];
        }
        for (size_t h = 0; h < dims.k; h++) s[h] /= total;
    }
}

/* What is counted of one segment. */
struct gorge_counts {
    uint32_t bin[STRATA_GORGE_BINS];
    uint32_t members, clear;
};

static void count_row(struct gorge_counts *count, size_t shown, const double *similarity,
                      size_t label)
{
    for (size_t h = 0; h < shown; h++) {
        const double place = similarity[h] * STRATA_GORGE_BINS;
        count[h].bin[place < STRATA_GORGE_BINS ? (size_t)place : STRATA_GORGE_BINS - 1]++;
    }
    if (label >= shown) return;
    count[label].members++;
    count[label].clear += similarity[label] > 0.5;
}

static void fill_gorge(const struct gorge_counts *count, struct strata_gorge *gorge)
{
    for (size_t b = 0; b < STRATA_GORGE_BINS; b++) gorge->tens[b] = tens_of(count->bin[b]);
    gorge->members = tens_of(count->members);
    gorge->clear = gorge->members ? tens_of(count->clear) / (double)gorge->members : (double)NAN;
}

static bool dig_gorges(const struct strata_customer_sample *sample,
                       const struct strata_clustering *clustering, const uint16_t *label,
                       struct strata_arena scratch, struct strata_arena *keep,
                       struct strata_stability *out)
{
    const struct strata_dims dims = clustering->dims;
    const size_t shown = dims.k < STRATA_SAMPLED_SEGMENTS ? dims.k : STRATA_SAMPLED_SEGMENTS;
    const double unit = ldexp(1.0, clustering->grid_exponent);
    double *centre = STRATA_NEW(&scratch, double, dims.k *dims.d);
    double *similarity = STRATA_NEW(&scratch, double, STRIP_ROWS *dims.k);
    struct gorge_counts *count = STRATA_NEW(&scratch, struct gorge_counts, shown);
    out->gorge = STRATA_NEW(keep, struct strata_gorge, shown);
    if (!centre || !similarity || !count || !out->gorge) return false;
    clustering->estimator->centres(dims, clustering->params, centre);
    for (size_t first = 0; first < sample->n; first += STRIP_ROWS) {
        const size_t n = sample->n - first < STRIP_ROWS ? sample->n - first : STRIP_ROWS;
        const float *x = sample->x + first * sample->d;
        if (clustering->estimator->memberships)
            clustering->estimator->memberships(dims, clustering->params, x, n, similarity);
        else
            compare_with_centres(dims, centre, unit, x, n, similarity);
        for (size_t i = 0; i < n; i++)
            count_row(count, shown, similarity + i * dims.k, label[first + i]);
    }
    for (size_t h = 0; h < shown; h++) fill_gorge(&count[h], &out->gorge[h]);
    out->n_gorges = shown;
    return true;
}

/* --- words ----------------------------------------------------------------------------- */

static const char *degree(double value, double high, double low)
{
    return value >= high ? "high" : value >= low ? "middle" : "low";
}

/* What the two figures of a segment say; by the larger solution where there is no smaller one. */
static const char *sentence_of(const struct strata_stability *stability, size_t segment,
                               struct strata_arena *keep)
{
    const struct strata_gorge *gorge = &stability->gorge[segment];
    const struct strata_sampled_solution *chosen = NULL;
    for (size_t i = 0; i < stability->n_solutions; i++)
        if (stability->solution[i].chosen) chosen = &stability->solution[i];
    const char *again = "", *apart = "";
    if (chosen && !isnan(chosen->slsa[segment]))
        again = strata_message_at("stability", "again", degree(chosen->slsa[segment], 0.9, 0.6));
    else if (chosen && !isnan(chosen->onward[segment]))
        again = strata_message_at("stability", "onward", degree(chosen->onward[segment], 0.9, 0.6));
    if (!isnan(gorge->clear))
        apart = strata_message_at("stability", "gorge", degree(gorge->clear, 0.8, 0.5));
    const char *pattern = strata_message_at("stability", *again && *apart ? "both" : "one", NULL);
    const struct strata_slot slot[] = {{"first", *again ? again : apart}, {"second", apart}};
    return strata_message_fill(pattern, slot, 2, keep);
}

static bool put_into_words(struct strata_stability *stability, struct strata_arena *keep)
{
    for (size_t s = 0; s < stability->n_gorges; s++) {
        stability->gorge[s].sentence = sentence_of(stability, s, keep);
        if (!stability->gorge[s].sentence) return false;
    }
    return true;
}

bool strata_stability_measure(const struct strata_customer_sample *sample,
                              const struct strata_clustering *clustering, const uint16_t *label,
                              struct strata_arena scratch, struct strata_arena *keep,
                              struct strata_stability **out)
{
    if (clustering->dims.k < 2 && clustering->n_solutions < 2) return true;
    struct strata_stability *stability = STRATA_NEW(keep, struct strata_stability, 1);
    if (!stability) return false;
    stability->customers = sample->n;
    if (clustering->n_solutions > 1 &&
        !compare_solutions(sample, clustering, scratch, keep, stability))
        return false;
    if (clustering->dims.k > 1 && !dig_gorges(sample, clustering, label, scratch, keep, stability))
        return false;
    if (!put_into_words(stability, keep)) return false;
    *out = stability;
    return true;
}
