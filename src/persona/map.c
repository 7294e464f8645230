/* The map: sampled customers on the two directions in which segments are furthest apart (discriminant.c).
 *
 * No point is a customer.  The customers of a segment are halved again and again across the axis on which they
 * lie further apart, until ten to nineteen are together (microaggregation: Domingo-Ferrer & Mateo-Sanz, 2002); a
 * point is the mean place of such a group, in whole units of the map.  Segments with fewer than ten customers in
 * the sample are left out.
 *
 * Ends: the 1 % and 99 % points of the groups on each axis, or up to a quarter of the way between them further out
 * where there are groups; those beyond lie on the edge.
 *
 * An axis is named after the columns whose values go with the places on it: at most three features, by their
 * correlations in the sample. */
#include <math.h>
#include <stdlib.h>

#include "persona/persona_impl.h"
#include "persona/sampled_impl.h"

#define LOADING_MIN 0.3 /* correlations below that are told of the strongest only */
#define REACH 0.25      /* beyond the 1 % and 99 % points, of what lies between them */

/* A sampled customer, or the mean of a group. */
struct place {
    double at[2];
    size_t number; /* of the row */
};

struct map_work {
    const struct strata_labelled *rows;
    struct strata_directions axes;
    struct place *place; /* (n) of the rows, by segment; */
    size_t *begin;       /* (k + 1) where each begins */
    struct place *group; /* (n / 10) */
    size_t n_groups;
    double *ends; /* (n / 10) */
    double low[2], high[2];
};

static int by_first(const void *a, const void *b)
{
    const struct place *one = a, *two = b;
    for (int axis = 0; axis < 2; axis++)
        if (one->at[axis] < two->at[axis] || one->at[axis] > two->at[axis])
            return one->at[axis] < two->at[axis] ? -1 : 1;
    return (one->number > two->number) - (one->number < two->number);
}

static int by_second(const void *a, const void *b)
{
    const struct place *one = a, *two = b;
    if (one->at[1] < two->at[1] || one->at[1] > two->at[1]) return one->at[1] < two->at[1] ? -1 : 1;
    return by_first(a, b);
}

static int by_value(const void *a, const void *b)
{
    const double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

/* --- places ---------------------------------------------------------------------------- */

static double place_on(const struct map_work *work, size_t row, size_t axis)
{
    const size_t d = work->rows->sample.d;
    const float *x = work->rows->sample.x + row * d;
    const double *direction = work->axes.direction + axis * d;
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += direction[j] * ((double)x[j] * work->rows->unit - work->axes.mean[j]);
    return sum;
}

/* All customers by segment, those of one in the order of the sample. */
static void find_places(struct map_work *work)
{
    const struct strata_labelled *rows = work->rows;
    size_t n = 0;
    for (size_t s = 0; s < rows->k; s++) {
        work->begin[s] = n;
        for (size_t i = 0; i < rows->sample.n; i++)
            if (rows->label[i] == s)
                work->place[n++] = (struct place){{place_on(work, i, 0), place_on(work, i, 1)}, i};
    }
    work->begin[rows->k] = n;
}

/* --- names of the axes ----------------------------------------------------------------- */

/* How a column goes with the places on an axis; 0 when it does not vary. */
static double correlation(const struct map_work *work, size_t column, size_t axis)
{
    const struct strata_labelled *rows = work->rows;
    const size_t d = rows->sample.d, n = work->begin[rows->k];
    double xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        const double value = (double)rows->sample.x[work->place[i].number * d + column];
        const double x = value * rows->unit - work->axes.mean[column], y = work->place[i].at[axis];
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0.0;
}

static bool has_feature(const struct strata_map_axis *axis, size_t feature)
{
    for (size_t i = 0; i < axis->n_loadings; i++)
        if (axis->loading[i].feature == feature) return true;
    return false;
}

/* The strongest column of each feature, strongest first; the axis points to where the first is higher. */
static void find_loadings(struct map_work *work, const struct strata_recipe *recipe,
                          const double *r, size_t axis, struct strata_map_axis *out)
{
    while (out->n_loadings < STRATA_MAP_LOADINGS) {
        size_t best = recipe->d;
        for (size_t j = 0; j < recipe->d; j++)
            if (!has_feature(out, recipe->column[j].feature) &&
                (best == recipe->d || fabs(r[j]) > fabs(r[best])))
                best = j;
        const double least = out->n_loadings ? LOADING_MIN : 0.0;
        if (best == recipe->d || !(fabs(r[best]) > least)) break;
        out->loading[out->n_loadings++] = (struct strata_map_loading){
            recipe->column[best].feature, recipe->column[best].level, r[best]};
    }
    if (!out->n_loadings || out->loading[0].correlation > 0) return;
    for (size_t i = 0; i < out->n_loadings; i++)
        out->loading[i].correlation = -out->loading[i].correlation;
    for (size_t i = 0; i < work->begin[work->rows->k]; i++)
        work->place[i].at[axis] = -work->place[i].at[axis];
}

static const char *loading_words(const struct strata_recipe *recipe,
                                 const struct strata_map_loading *loading,
                                 struct strata_arena *arena)
{
    const struct strata_feature *feature = &recipe->feature[loading->feature];
    const char *of = loading->level == STRATA_LEVEL_MISSING ? "unknown"
                     : loading->level >= 0                  ? "level"
                     : feature->type == STRATA_BINARY       ? "yes"
                     : feature->type == STRATA_COUNT        ? "count"
                                                            : "number";
    const bool has_level = loading->level >= 0 && (size_t)loading->level < feature->n_levels;
    const struct strata_slot slot[] = {
        {"label", feature->label ? feature->label : feature->name},
        {"level", has_level ? feature->level[loading->level] : ""},
    };
    const char *text = strata_message_at("map", of, loading->correlation > 0 ? "high" : "low");
    return strata_message_fill(text, slot, 2, arena);
}

static const char *axis_name(const struct strata_recipe *recipe, const struct strata_map_axis *axis,
                             struct strata_arena scratch, struct strata_arena *keep)
{
    static const char *const join[] = {"one", "two", "three"};
    struct strata_slot slot[STRATA_MAP_LOADINGS] = {{"first", ""}, {"second", ""}, {"third", ""}};
    if (axis->n_loadings == 0) return "";
    for (size_t i = 0; i < axis->n_loadings; i++) {
        slot[i].text = loading_words(recipe, &axis->loading[i], &scratch);
        if (!slot[i].text) return NULL;
    }
    const char *pattern = strata_message_at("map", "axis", join[axis->n_loadings - 1]);
    char *name = strata_message_fill(pattern, slot, axis->n_loadings, keep);
    if (name) strata_sentence_case(name);
    return name;
}

/* --- groups ---------------------------------------------------------------------------- */

static double width_on(const struct place *place, size_t n, int axis)
{
    double low = place[0].at[axis], high = low;
    for (size_t i = 1; i < n; i++) {
        low = fmin(low, place[i].at[axis]);
        high = fmax(high, place[i].at[axis]);
    }
    return high - low;
}

static struct place mean_of(const struct place *place, size_t n)
{
    struct place mean = {0};
    for (size_t i = 0; i < n; i++) {
        mean.at[0] += place[i].at[0];
        mean.at[1] += place[i].at[1];
    }
    mean.at[0] /= (double)n;
    mean.at[1] /= (double)n;
    return mean;
}

/* Halve n customers, at multiples of the least number, until they cannot be halved.  At most 9 deep. */
static void group(struct map_work *work, struct place *place, size_t n)
{
    if (n < 2 * STRATA_MIN_CELL) {
        work->group[work->n_groups++] = mean_of(place, n);
        return;
    }
    const size_t half = n / (2 * STRATA_MIN_CELL) * STRATA_MIN_CELL;
    qsort(place, n, sizeof *place,
          width_on(place, n, 0) >= width_on(place, n, 1) ? by_first : by_second);
    group(work, place, half);
    group(work, place + half, n - half);
}

/* --- the map --------------------------------------------------------------------------- */

static void find_ends(struct map_work *work, int axis)
{
    const size_t n = work->n_groups;
    for (size_t i = 0; i < n; i++) work->ends[i] = work->group[i].at[axis];
    qsort(work->ends, n, sizeof *work->ends, by_value);
    const double low = work->ends[n / 100], high = work->ends[n - 1 - n / 100];
    const double further = REACH * (high - low);
    work->low[axis] = fmax(work->ends[0], low - further);
    work->high[axis] = fmin(work->ends[n - 1], high + further);
}

static uint16_t on_map(const struct map_work *work, double at, int axis)
{
    const double width = work->high[axis] - work->low[axis];
    const double place =
        width > 0 ? (at - work->low[axis]) / width * STRATA_MAP_UNITS : STRATA_MAP_UNITS / 2.0;
    return (uint16_t)rint(fmin(fmax(place, 0), STRATA_MAP_UNITS));
}

static struct strata_map_point point_of(const struct map_work *work, const struct place *place)
{
    return (struct strata_map_point){on_map(work, place->at[0], 0), on_map(work, place->at[1], 1)};
}

static int by_x_then_y(const void *a, const void *b)
{
    const struct strata_map_point *one = a, *two = b;
    return one->x != two->x ? one->x - two->x : one->y - two->y;
}

/* Groups of all segments first, because they decide where the map ends. */
static bool draw_segments(struct map_work *work, struct strata_arena *keep,
                          struct strata_customer_map *map)
{
    const size_t k = work->rows->k;
    size_t first[STRATA_SAMPLED_SEGMENTS + 1] = {0};
    for (size_t s = 0; s < k; s++) {
        const size_t n = work->begin[s + 1] - work->begin[s];
        if (n >= STRATA_MIN_CELL) group(work, work->place + work->begin[s], n);
        first[s + 1] = work->n_groups;
    }
    if (work->n_groups == 0) return true;
    for (int axis = 0; axis < 2; axis++) find_ends(work, axis);
    for (size_t s = 0; s < k; s++) {
        const size_t n = first[s + 1] - first[s];
        if (n == 0) continue;
        struct strata_map_segment *segment = &map->segment[map->n++];
        *segment = (struct strata_map_segment){
            .segment = s, .point = STRATA_NEW(keep, struct strata_map_point, n), .n = n};
        if (!segment->point) return false;
        for (size_t i = 0; i < n; i++)
            segment->point[i] = point_of(work, &work->group[first[s] + i]);
        qsort(segment->point, n, sizeof *segment->point, by_x_then_y);
        const struct place centre =
            mean_of(work->place + work->begin[s], work->begin[s + 1] - work->begin[s]);
        segment->centre = point_of(work, &centre);
    }
    return true;
}

static bool work_init(struct map_work *work, struct strata_arena *scratch)
{
    const size_t n = work->rows->sample.n;
    work->place = STRATA_NEW(scratch, struct place, n);
    work->begin = STRATA_NEW(scratch, size_t, work->rows->k + 1);
    work->group = STRATA_NEW(scratch, struct place, n / STRATA_MIN_CELL + 1);
    work->ends = STRATA_NEW(scratch, double, n / STRATA_MIN_CELL + 1);
    return work->place && work->begin && work->group && work->ends;
}

static bool name_axes(struct map_work *work, const struct strata_recipe *recipe,
                      struct strata_arena scratch, struct strata_arena *keep,
                      struct strata_customer_map *map)
{
    double *r = STRATA_NEW(&scratch, double, recipe->d);
    if (!r) return false;
    for (size_t axis = 0; axis < 2; axis++) {
        struct strata_map_axis *out = &map->axis[axis];
        out->discriminant = work->axes.discriminant[axis];
        out->share = work->axes.share[axis];
        for (size_t j = 0; j < recipe->d; j++) r[j] = correlation(work, j, axis);
        find_loadings(work, recipe, r, axis, out);
        out->name = axis_name(recipe, out, scratch, keep);
        if (!out->name) return false;
    }
    return true;
}

bool strata_map_draw(const struct strata_labelled *rows, const struct strata_recipe *recipe,
                     struct strata_arena scratch, struct strata_arena *keep,
                     struct strata_customer_map **out)
{
    struct map_work work = {.rows = rows};
    struct strata_arena room = scratch;
    if (!work_init(&work, &room) ||
        !strata_discriminant_find(rows, STRATA_MAP_RIDGE, &room, &work.axes))
        return false;
    if (work.axes.n < 2) return true;
    struct strata_customer_map *map = STRATA_NEW(keep, struct strata_customer_map, 1);
    if (!map) return false;
    map->customers = rows->sample.n;
    map->segment = STRATA_NEW(keep, struct strata_map_segment, rows->k);
    if (!map->segment) return false;
    find_places(&work);
    if (!name_axes(&work, recipe, room, keep, map) || !draw_segments(&work, keep, map))
        return false;
    for (int axis = 0; axis < 2; axis++) {
        map->axis[axis].low = work.low[axis];
        map->axis[axis].high = work.high[axis];
    }
    if (map->n > 0) *out = map;
    return true;
}
