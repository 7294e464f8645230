/* Centres that somebody gives in the features' own units, carried to the columns of this job: from a
 * CSV file, or from an earlier model (struct strata_start, which the job reads).
 *
 * The CSV file has a header and a line for each centre.  The header names each basis feature once; a
 * field below is a number, or a level of an ordinal, binary or nominal feature, or empty: missing.  In
 * the place of a feature its columns may be named, "department: GROCERY", with numbers such as shares
 * of customers. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/start_impl.h"

#define GRID_MAX 0x1p24

/* --- onto this job's columns ------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What a column of the matrix is made from, in words that another job can have too. */
static struct strata_start_column identity(const struct strata_recipe *recipe, size_t j)
{
    const struct strata_encoding *column = &recipe->column[j];
    const struct strata_feature *feature = &recipe->feature[column->feature];
    return (struct strata_start_column){
        .feature = feature->name,
        .level = column->level >= 0 ? feature->level[column->level] : NULL,
        .is_missing = column->level == STRATA_LEVEL_MISSING,
        .transform = column->level == STRATA_LEVEL_NUMBER &&
                             (feature->type == STRATA_NUMERIC || feature->type == STRATA_COUNT)
                         ? feature->transform
                         : STRATA_TRANSFORM_NONE};
}

static bool is_same(const struct strata_start_column *a, const struct strata_start_column *b)
{
    return same_text(a->feature, b->feature) && same_text(a->level, b->level) &&
           a->is_missing == b->is_missing;
}

/* A value under one transform under another; NaN where there is none. */
static double transformed(double value, enum strata_transform from, enum strata_transform to)
{
    if (from == to || isnan(value)) return value;
    double raw = value;
    if (from == STRATA_TRANSFORM_LOG1P) raw = strata_exp(value) - 1.0;
    if (from == STRATA_TRANSFORM_SQRT) raw = value * value;
    const struct strata_feature feature = {.type = STRATA_NUMERIC, .transform = to};
    return strata_feature_transform(&feature, raw);
}

static double on_grid(const struct strata_recipe *recipe, size_t j, double value)
{
    const struct strata_encoding *column = &recipe->column[j];
    const double encoded = isnan(value) ? column->fill : (value - column->offset) * column->scale;
    const double q = rint(ldexp(encoded, -recipe->grid_exponent));
    return q > GRID_MAX ? GRID_MAX : q < -GRID_MAX ? -GRID_MAX : q;
}

static bool knows_feature(const struct strata_start *start, const char *feature)
{
    for (size_t i = 0; i < start->d; i++)
        if (same_text(start->column[i].feature, feature)) return true;
    return false;
}

bool strata_start_knows(const struct strata_recipe *recipe, const struct strata_start *start,
                        size_t j)
{
    return knows_feature(start, identity(recipe, j).feature);
}

void strata_start_fill(const struct strata_recipe *recipe, const struct strata_start *start,
                       size_t j, double *centre)
{
    const struct strata_start_column wanted = identity(recipe, j);
    size_t at = 0;
    while (at < start->d && !is_same(&start->column[at], &wanted)) at++;
    const bool is_indicator = recipe->column[j].level != STRATA_LEVEL_NUMBER;
    const double otherwise =
        is_indicator && knows_feature(start, wanted.feature) ? 0.0 : (double)NAN;
    for (size_t c = 0; c < start->k; c++) {
        const double value = at < start->d
                                 ? transformed(start->value[c * start->d + at],
                                               start->column[at].transform, wanted.transform)
                                 : otherwise;
        centre[c * recipe->d + j] = on_grid(recipe, j, value);
    }
}

double *strata_start_centres(struct strata_fit *fit, const struct strata_start *start)
{
    double *centre = STRATA_NEW(&fit->room, double, start->k * fit->recipe->d);
    if (!centre) return NULL;
    size_t n_unknown = 0;
    for (size_t j = 0; j < fit->recipe->d; j++) {
        strata_start_fill(fit->recipe, start, j, centre);
        n_unknown += !strata_start_knows(fit->recipe, start, j);
    }
    if (n_unknown > 0)
        strata_fit_note(fit,
                        "The model that the fit starts from does not know the features of %zu of %zu "
                        "columns: its segments start there at the mean.",
                        n_unknown, fit->recipe->d);
    return centre;
}

/* --- the CSV file ------------------------------------------------------------------------ */

/* Where the file stands. */
struct reading {
    struct strata_fit *fit;
    const char *path;
    size_t line;
    const char *line_start;
    struct strata_start start;
    const struct strata_feature **feature; /* (fields) the feature that a field names, or NULL */
    size_t *column;                        /* (fields) its first column of start */
    size_t n_fields;
};

static strata_status refuse(const struct reading *r, const char *field, struct strata_err *err,
                            const char *why, const char *what)
{
    return STRATA_FAIL(err, STRATA_E_DATA, "%s:%zu:%zu: %s%s%s%s", r->path, r->line,
                       (size_t)(field - r->line_start) + 1, what ? "\"" : "", what ? what : "",
                       what ? "\" " : "", why);
}

static bool is_basis(const struct strata_feature *feature)
{
    return feature->role == STRATA_ROLE_BASIS && feature->name;
}

/* The column of the matrix that a header's field names, or the first one of the feature that it
 * names; d if none. */
static size_t find_column(const struct strata_recipe *recipe, const char *name,
                          struct strata_arena scratch)
{
    for (size_t j = 0; j < recipe->d; j++) {
        if (!is_basis(&recipe->feature[recipe->column[j].feature])) continue;
        const struct strata_start_column column = identity(recipe, j);
        if (strcmp(column.feature, name) == 0) return j;
        const char *level = column.is_missing ? "(missing)" : column.level;
        const char *full =
            level ? strata_arena_print(&scratch, "%s: %s", column.feature, level) : NULL;
        if (full && strcmp(full, name) == 0) return j;
    }
    return recipe->d;
}

bool strata_start_is_centres(const struct strata_fit *fit, const char *text, size_t n_bytes)
{
    if (!fit->recipe || n_bytes == 0) return false;
    struct strata_arena scratch = fit->room;
    const char *end = memchr(text, '\n', n_bytes);
    char *line = strata_arena_copy(&scratch, text, end ? (size_t)(end - text) : n_bytes);
    if (!line) return false;
    line[strcspn(line, "\r")] = '\0';
    return find_column(fit->recipe, strata_start_cut_field(&line), scratch) < fit->recipe->d;
}

/* Take the columns of one field of the header. */
static strata_status add_field(struct reading *r, const char *field, const char *name,
                               struct strata_start_column *column, struct strata_err *err)
{
    const struct strata_recipe *recipe = r->fit->recipe;
    const size_t j = find_column(recipe, name, r->fit->room);
    if (j == recipe->d)
        return refuse(r, field, err, "is no basis feature of this job, nor one of its columns",
                      name);
    const struct strata_feature *feature = &recipe->feature[recipe->column[j].feature];
    const bool whole = strcmp(feature->name, name) == 0;
    size_t n = 1;
    while (whole && j + n < recipe->d && recipe->column[j + n].feature == recipe->column[j].feature)
        n++;
    r->feature[r->n_fields] = whole ? feature : NULL;
    r->column[r->n_fields++] = r->start.d;
    for (size_t i = 0; i < n; i++) {
        struct strata_start_column *mine = &column[r->start.d];
        *mine = identity(recipe, j + i);
        mine->transform = STRATA_TRANSFORM_NONE;
        for (size_t other = 0; other < r->start.d; other++)
            if (is_same(&column[other], mine)) return refuse(r, field, err, "is named twice", name);
        r->start.d++;
    }
    return STRATA_OK;
}

static strata_status read_header(struct reading *r, char *line, struct strata_err *err)
{
    const size_t room = r->fit->recipe->d;
    struct strata_start_column *column = STRATA_NEW(&r->fit->room, struct strata_start_column, room);
    r->feature = STRATA_NEW(&r->fit->room, const struct strata_feature *, room);
    r->column = STRATA_NEW(&r->fit->room, size_t, room);
    if (!column || !r->feature || !r->column)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory for its columns", r->path);
    r->start.column = column;
    bool more = true;
    for (char *at = line; more;) {
        const char *field = at;
        const char *name = strata_start_cut_next(&at, &more);
        if (r->n_fields == room)
            return refuse(r, field, err, "comes after all columns of this job", name);
        STRATA_TRY(add_field(r, field, name, column, err));
    }
    for (size_t j = 0; j < room; j++) {
        const struct strata_start_column wanted = identity(r->fit->recipe, j);
        size_t i = 0;
        while (i < r->start.d && !is_same(&column[i], &wanted)) i++;
        if (i == r->start.d)
            return STRATA_FAIL(err, STRATA_E_DATA,
                               "%s:%zu:1: the header does not name \"%s\": a centre has a value for "
                               "each basis feature",
                               r->path, r->line, r->fit->recipe->column[j].label);
    }
    return STRATA_OK;
}

/* A level of an ordinal or binary feature by its text, else a number. */
static bool to_value(const struct strata_feature *feature, const char *text, double *value)
{
    for (size_t level = 0; level < feature->n_levels; level++)
        if (feature->type != STRATA_NOMINAL && strcmp(feature->level[level], text) == 0) {
            *value = (double)level;
            return true;
        }
    char *end = NULL;
    errno = 0;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && errno == 0 && isfinite(*value);
}

/* A field that stands for a feature: its number, or which of its columns is the one. */
static strata_status read_feature(const struct reading *r, const struct strata_feature *feature,
                                  size_t first, const char *field, const char *text, double *value,
                                  struct strata_err *err)
{
    bool found = !*text;
    for (size_t i = first; i < r->start.d; i++, value++) {
        const struct strata_start_column *column = &r->start.column[i];
        if (!same_text(column->feature, feature->name)) break;
        *value = (double)NAN; /* missing, until there is something */
        if (column->is_missing) {
            *value = !*text;
        } else if (*text && column->level) {
            *value = strcmp(column->level, text) == 0;
            found |= strcmp(column->level, text) == 0;
        } else if (*text) {
            if (!to_value(feature, text, value)) return refuse(r, field, err, "is no number", text);
            if (isnan(strata_feature_transform(feature, *value)))
                return refuse(r, field, err, "is outside of what the feature's transform takes",
                              text);
            found = true;
        }
    }
    return found ? STRATA_OK : refuse(r, field, err, "is no level of the feature", text);
}

static strata_status read_field(const struct reading *r, size_t f, const char *field,
                                const char *text, double *value, struct strata_err *err)
{
    static const struct strata_feature share = {.type = STRATA_NUMERIC};
    if (r->feature[f]) return read_feature(r, r->feature[f], r->column[f], field, text, value, err);
    *value = (double)NAN;
    if (*text && !to_value(&share, text, value)) return refuse(r, field, err, "is no number", text);
    return STRATA_OK;
}

static strata_status read_centre(struct reading *r, char *line, double *value,
                                 struct strata_err *err)
{
    bool more = true;
    size_t f = 0;
    for (char *at = line; more; f++) {
        const char *field = at;
        const char *text = strata_start_cut_next(&at, &more);
        if (f == r->n_fields)
            return refuse(r, field, err, "is one field more than the header has", text);
        STRATA_TRY(read_field(r, f, field, text, value + r->column[f], err));
    }
    if (f < r->n_fields)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s:%zu:1: %zu fields, but the header has %zu",
                           r->path, r->line, f, r->n_fields);
    return STRATA_OK;
}

strata_status strata_start_centres_parse(struct strata_fit *fit, const char *path, char *text,
                                         size_t n_bytes, struct strata_start *out,
                                         struct strata_err *err)
{
    struct reading r = {.fit = fit, .path = path};
    double *value = NULL;
    for (char *line = text; line < text + n_bytes;) {
        char *end = memchr(line, '\n', (size_t)(text + n_bytes - line));
        if (!end) end = text + n_bytes;
        *end = '\0';
        if (end > line && end[-1] == '\r') end[-1] = '\0';
        r.line++;
        r.line_start = line;
        if (!r.n_fields) {
            STRATA_TRY(read_header(&r, line, err));
            value = STRATA_NEW(&fit->room, double, STRATA_MAX_SEGMENTS *r.start.d);
            if (!value) return STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory for centres", path);
        } else if (*line) {
            if (r.start.k == STRATA_MAX_SEGMENTS)
                return STRATA_FAIL(err, STRATA_E_DATA, "%s:%zu:1: more than %d centres", path,
                                   r.line, STRATA_MAX_SEGMENTS);
            STRATA_TRY(read_centre(&r, line, value + r.start.k++ * r.start.d, err));
        }
        line = end + 1;
    }
    if (r.start.k == 0)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s: model.start holds no centre", path);
    r.start.value = value;
    *out = r.start;
    return STRATA_OK;
}
