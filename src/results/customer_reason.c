/* A reason, beside it what the record publishes about the two segments. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/reasons.h"

#include "customer_impl.h"

enum strata_feature_type strata_feature_type_of(const Strata__V1__Feature *feature)
{
    switch ((int)feature->type) {
    case STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_COUNT:
        return STRATA_COUNT;
    case STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_ORDINAL:
        return STRATA_ORDINAL;
    case STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_NOMINAL:
        return STRATA_NOMINAL;
    case STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_BINARY:
        return STRATA_BINARY;
    default:
        return STRATA_NUMERIC;
    }
}

static const Strata__V1__ProfileCell *cell_of(const Strata__V1__Result *record, uint32_t segment,
                                              size_t feature)
{
    const Strata__V1__Segment *of = record->segments[segment - 1];
    return feature < of->n_cells ? of->cells[feature] : NULL;
}

static double mean_of(const Strata__V1__ProfileCell *cell)
{
    if (!cell || cell->hidden || cell->has_mean_case != STRATA__V1__PROFILE_CELL__HAS_MEAN_MEAN)
        return (double)NAN;
    return cell->mean;
}

/* NaN where the level is not listed: it is hidden. */
static double share_of(const Strata__V1__ProfileCell *cell, size_t level)
{
    for (size_t i = 0; cell && !cell->hidden && i < cell->n_shares; i++)
        if (cell->shares[i]->level == level) return cell->shares[i]->share;
    return (double)NAN;
}

static size_t find_feature(const Strata__V1__Result *record, const char *name)
{
    size_t feature = 0;
    while (feature < record->n_features && strcmp(record->features[feature]->name, name) != 0)
        feature++;
    return feature;
}

static size_t find_level(const Strata__V1__Feature *feature, const char *text)
{
    size_t level = 0;
    while (level < feature->n_levels && strcmp(feature->levels[level], text) != 0) level++;
    return level;
}

/* The shortest text that reads back as the number; NULL when there is no room. */
static char *number_text(double number, struct strata_arena *arena)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, number); /* at most 24 bytes */
        if (strtod(text, NULL) == number) break;
    }
    return strata_arena_copy(arena, text, strlen(text));
}

/* The customer's value and the figures of both segments. */
static struct strata_reason_facts facts_of(const Strata__V1__Feature *of,
                                           const struct strata_feature *feature,
                                           const struct strata_kept_reason *kept,
                                           const Strata__V1__ProfileCell *own,
                                           const Strata__V1__ProfileCell *rival)
{
    struct strata_reason_facts facts = {
        .feature = feature, .level = kept->level, .number = kept->number};
    if (kept->level) {
        const size_t level = find_level(of, kept->level);
        facts.segment_figure = share_of(own, level);
        facts.rival_figure = share_of(rival, level);
        return facts;
    }
    facts.segment_figure = mean_of(own);
    facts.rival_figure = mean_of(rival);
    if (feature->type != STRATA_BINARY) return facts;
    double numbers[2];
    strata_binary_numbers(feature, numbers);
    facts.number = facts.number == numbers[1];
    if (facts.number != 0) return facts;
    facts.segment_figure = 1.0 - facts.segment_figure;
    facts.rival_figure = 1.0 - facts.rival_figure;
    return facts;
}

bool strata_reason_fill(struct strata_maker *maker, const Strata__V1__Result *record,
                        const Strata__V1__CustomerReply *customer,
                        const struct strata_kept_reason *kept, Strata__V1__Reason *out)
{
    const size_t f = find_feature(record, kept->name);
    if (f == record->n_features) return false;
    const Strata__V1__Feature *of = record->features[f];
    const struct strata_feature feature = {.name = of->name,
                                           .label = of->label,
                                           .type = strata_feature_type_of(of),
                                           .unit = of->unit,
                                           .level = (const char *const *)of->levels,
                                           .n_levels = of->n_levels};
    struct strata_reason_facts facts =
        facts_of(of, &feature, kept, cell_of(record, customer->segment, f),
                 cell_of(record, customer->runner_up, f));
    facts.segment = customer->name;
    facts.rival = customer->runner_up_name;
    char *text = strata_reason_sentence(&facts, maker->keep);
    char *number = kept->level ? NULL : number_text(kept->number, maker->keep);
    maker->full = maker->full || !text || (!kept->level && !number);
    if (maker->full) return false;
    out->feature = (uint32_t)f;
    out->label = of->label;
    out->value = number ? number : (char *)(uintptr_t)kept->level; /* only packed */
    out->share = kept->share;
    out->text = text;
    if (isnan(facts.segment_figure) || isnan(facts.rival_figure)) return true;
    PUT_REAL(out, segment_figure, STRATA__V1__REASON__HAS_SEGMENT_FIGURE_SEGMENT_FIGURE,
             facts.segment_figure);
    PUT_REAL(out, rival_figure, STRATA__V1__REASON__HAS_RIVAL_FIGURE_RIVAL_FIGURE,
             facts.rival_figure);
    return true;
}
