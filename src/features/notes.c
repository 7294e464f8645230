/* Sentences about degenerate input, for quality.json and the report. */
#include <math.h>

#include "features/features_impl.h"

/* Adds a sentence, unless there are enough.  Memory is the only way to fail. */
static bool add(struct strata_quality *quality, const char *sentence)
{
    if (!sentence) return false;
    if (quality->n_notes < STRATA_MAX_NOTES) quality->note[quality->n_notes++] = sentence;
    return true;
}

/* Does a column of the feature tell customers apart? */
static bool adds_something(const struct strata_recipe *recipe, size_t f)
{
    for (size_t j = 0; j < recipe->d; j++) {
        if (recipe->column[j].feature == f && recipe->column[j].scale != 0) return true;
    }
    return false;
}

static bool note_constant(const struct strata_recipe *recipe, size_t f, struct strata_arena *keep,
                          struct strata_quality *quality)
{
    const char *name = recipe->feature[f].name;
    if (quality->feature[f].constant == 2)
        return add(quality, strata_arena_print(keep,
                                               "Feature \"%s\" is missing for all customers: it "
                                               "adds nothing.",
                                               name));
    if (adds_something(recipe, f))
        return add(quality,
                   strata_arena_print(keep,
                                      "Feature \"%s\" has one value for all customers who have "
                                      "it: only whether it is missing tells them apart.",
                                      name));
    return add(quality,
               strata_arena_print(keep, "Feature \"%s\" is constant: it adds nothing.", name));
}

static bool note_feature(const struct strata_recipe *recipe, size_t f, struct strata_arena *keep,
                         struct strata_quality *quality)
{
    const struct strata_feature_quality *seen = &quality->feature[f];
    const char *name = recipe->feature[f].name;
    bool ok = true;
    if (recipe->feature[f].role == STRATA_ROLE_BASIS && seen->constant)
        ok = note_constant(recipe, f, keep, quality);
    if (seen->invalid)
        ok = ok &&
             add(quality, strata_arena_print(keep,
                                             "Feature \"%s\" has %llu values that its type, levels "
                                             "or transform do not allow: they count as missing.",
                                             name, (unsigned long long)seen->invalid));
    if (seen->clamped)
        ok = ok &&
             add(quality, strata_arena_print(keep,
                                             "Feature \"%s\" has %llu values beyond %g times its "
                                             "standard unit: they were set to that.",
                                             name, (unsigned long long)seen->clamped,
                                             ldexp(1.0, STRATA_GRID_BITS + recipe->grid_exponent)));
    return ok;
}

/* What the figures count, when it is not customers. */
static bool note_weights(struct strata_arena *keep, struct strata_quality *quality)
{
    const struct strata_weight_quality *weight = &quality->weight;
    if (!weight->name) return true;
    bool ok =
        add(quality, strata_arena_print(keep,
                                        "Figures are weighted by \"%s\": the %llu customers stand "
                                        "for %.15g.",
                                        weight->name, (unsigned long long)quality->customers,
                                        weight->total));
    if (weight->rounded)
        ok = ok && add(quality,
                       strata_arena_print(
                           keep, "The weights of %llu customers were rounded to multiples of %g.",
                           (unsigned long long)weight->rounded, weight->unit));
    return ok;
}

strata_status strata_features_note(const struct strata_recipe *recipe, struct strata_arena *keep,
                                   struct strata_quality *quality, struct strata_err *err)
{
    bool ok = note_weights(keep, quality), any = false;
    for (size_t f = 0; f < recipe->n_features; f++) {
        ok = ok && note_feature(recipe, f, keep, quality);
        any = any || adds_something(recipe, f);
    }
    if (!any)
        ok = ok &&
             add(quality, strata_arena_print(keep, "%s",
                                             "No basis feature varies: all customers are alike, "
                                             "and segments can only repeat each other."));
    if (!ok) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for notes on the data's quality");
    return STRATA_OK;
}
