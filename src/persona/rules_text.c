/* Conditions as people and as DuckDB read them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persona/rules_impl.h"
#include "strata/duck.h"

/* --- conditions ------------------------------------------------------------------------------ */

static void condition_of(const struct strata_axes *axes, const struct strata_range *range,
                         struct strata_condition *out)
{
    const struct strata_axis *axis = &axes->axis[range->axis];
    *out = (struct strata_condition){
        .feature = axis->feature, .low = STRATA_UNKNOWN, .high = STRATA_UNKNOWN};
    if (range->n_levels == 0 && range->from > 0) out->low = axis->edge[range->from - 1];
    if (range->n_levels == 0 && range->to + 1 < axis->n) out->high = axis->edge[range->to];
    for (size_t i = 0; i < range->n_levels; i++) { /* rising */
        size_t at = out->n_levels++;
        for (; at > 0 && out->level[at - 1] > range->level[i]; at--)
            out->level[at] = out->level[at - 1];
        out->level[at] = range->level[i];
    }
}

/* --- sentences ------------------------------------------------------------------------------- */

struct telling {
    const struct strata_plan *plan;
    struct strata_arena *arena;
};

static const char *tell(struct telling telling, const char *key, const char *label,
                        const char *first, const char *second)
{
    const struct strata_slot slot[3] = {{"label", label}, {"first", first}, {"second", second}};
    return strata_message_fill(strata_message(key), slot, 3, telling.arena);
}

/* Texts one after the other: "a, b and c". */
static const char *tell_list(struct telling telling, const char *const *text, size_t n,
                             const char *last_key)
{
    const char *all = n ? text[0] : "";
    for (size_t i = 1; i < n && all && text[i]; i++)
        all = tell(telling, i + 1 < n ? "rule.list" : last_key, "", all, text[i]);
    return all;
}

static const char *tell_number(struct telling telling, const struct strata_condition *condition)
{
    const struct strata_feature *feature = &telling.plan->config->feature[condition->feature];
    const char *low = "", *high = "";
    if (!isnan(condition->low)) low = strata_exact_tell(feature, condition->low, telling.arena);
    if (!isnan(condition->high)) high = strata_exact_tell(feature, condition->high, telling.arena);
    if (!low || !high) return NULL;
    if (isnan(condition->high)) return tell(telling, "rule.at_least", feature->label, low, "");
    if (isnan(condition->low)) return tell(telling, "rule.under", feature->label, high, "");
    return tell(telling, "rule.between", feature->label, low, high);
}

/* First and last position of an ordinal condition. */
static void positions(const struct strata_plan *plan, const struct strata_condition *condition,
                      size_t *first, size_t *last)
{
    *first = isnan(condition->low) ? 0 : (size_t)condition->low;
    *last = isnan(condition->high) ? plan->config->feature[condition->feature].n_levels - 1
                                   : (size_t)condition->high - 1;
}

static const char *tell_position(struct telling telling, const struct strata_condition *condition)
{
    const struct strata_feature *feature = &telling.plan->config->feature[condition->feature];
    size_t first = 0, last = 0;
    positions(telling.plan, condition, &first, &last);
    const char *low = feature->level[first], *high = feature->level[last];
    if (first == last) return tell(telling, "rule.level", feature->label, low, "");
    if (isnan(condition->high)) return tell(telling, "rule.level_up", feature->label, low, "");
    if (isnan(condition->low)) return tell(telling, "rule.level_down", feature->label, high, "");
    return tell(telling, "rule.levels", feature->label, low, high);
}

static const char *tell_levels(struct telling telling, const struct strata_condition *condition)
{
    const struct strata_feature *feature = &telling.plan->config->feature[condition->feature];
    const struct strata_column *column = &telling.plan->table->column[condition->feature];
    const char *text[STRATA_RULE_LEVELS];
    for (size_t i = 0; i < condition->n_levels; i++) text[i] = column->level[condition->level[i]];
    const char *all = tell_list(telling, text, condition->n_levels, "rule.or");
    return all ? tell(telling, "rule.level", feature->label, all, "") : NULL;
}

/* "caring about culture", "with a loan", "not retired", "have redeemed". */
static const char *tell_answer(struct telling telling, const struct strata_feature *feature,
                               bool yes)
{
    const struct strata_slot slot = {"label", feature->label};
    const char *how = yes ? "high" : "low";
    const char *text = feature->meaning ? strata_message_at("rule", feature->meaning, how) : NULL;
    if (!text) text = strata_message_at("rule", strata_yes_kind(feature->label), how);
    return strata_message_fill(text, &slot, 1, telling.arena);
}

static const char *tell_condition(struct telling telling, const struct strata_condition *condition)
{
    const struct strata_feature *feature = &telling.plan->config->feature[condition->feature];
    switch (telling.plan->as[condition->feature]) {
    case STRATA_AS_NUMBER:
        return tell_number(telling, condition);
    case STRATA_AS_BINARY:
        return tell_answer(telling, feature, isnan(condition->high));
    case STRATA_AS_ORDINAL:
        return tell_position(telling, condition);
    case STRATA_AS_NOMINAL:
        break;
    }
    return tell_levels(telling, condition);
}

/* --- SQL ------------------------------------------------------------------------------------- */

/* The shortest text that reads back as the number; DuckDB takes one with an exponent as a double. */
static const char *number_sql(struct telling telling, double number)
{
    char text[64];
    const double magnitude = fabs(number);
    if (magnitude < 1e15 && (magnitude >= 1e-6 || magnitude == 0.0)) {
        for (int decimals = 0; decimals <= 12; decimals++) {
            (void)snprintf(text, sizeof text, "%.*f", decimals, number);
            if (strtod(text, NULL) == number) return strata_arena_print(telling.arena, "%s", text);
        }
    }
    return strata_arena_print(telling.arena, "%.16e", number);
}

/* Levels as literals between commas. */
static const char *levels_sql(struct telling telling, const char *const *level, size_t n)
{
    const char *all = NULL;
    for (size_t i = 0; i < n; i++) {
        const char *literal = strata_duck_literal(level[i], telling.arena);
        if (!literal || (i > 0 && !all)) return NULL;
        all = i > 0 ? strata_arena_print(telling.arena, "%s, %s", all, literal) : literal;
    }
    return all;
}

/* To DuckDB NaN is greater than any number, and to Strata no value.  Counts are taken to have none. */
static const char *number_condition(struct telling telling, const char *name,
                                    const struct strata_condition *condition)
{
    const bool counted = telling.plan->config->feature[condition->feature].type == STRATA_COUNT;
    const char *low = "", *high = "";
    if (!isnan(condition->low)) low = number_sql(telling, condition->low);
    if (!isnan(condition->high)) high = number_sql(telling, condition->high);
    if (!low || !high) return NULL;
    if (isnan(condition->high) && counted)
        return strata_arena_print(telling.arena, "%s >= %s", name, low);
    if (isnan(condition->high))
        return strata_arena_print(telling.arena, "isfinite(%s) AND %s >= %s", name, name, low);
    if (isnan(condition->low)) return strata_arena_print(telling.arena, "%s < %s", name, high);
    return strata_arena_print(telling.arena, "%s >= %s AND %s < %s", name, low, name, high);
}

static const char *condition_sql(struct telling telling, const struct strata_condition *condition)
{
    const size_t f = condition->feature;
    const struct strata_feature *feature = &telling.plan->config->feature[f];
    const char *name = strata_duck_identifier(feature->name, telling.arena);
    const char *text[STRATA_RULE_LEVELS], *levels = NULL;
    size_t first = 0, last = 0;
    if (!name) return NULL;
    switch (telling.plan->as[f]) {
    case STRATA_AS_NUMBER:
        return number_condition(telling, name, condition);
    case STRATA_AS_BINARY:
        levels = number_sql(telling, telling.plan->binary[f][isnan(condition->high)]);
        return levels ? strata_arena_print(telling.arena, "%s = %s", name, levels) : NULL;
    case STRATA_AS_ORDINAL:
        positions(telling.plan, condition, &first, &last);
        levels = levels_sql(telling, feature->level + first, last - first + 1);
        break;
    case STRATA_AS_NOMINAL:
        for (size_t i = 0; i < condition->n_levels; i++)
            text[i] = telling.plan->table->column[f].level[condition->level[i]];
        levels = levels_sql(telling, text, condition->n_levels);
        break;
    }
    return levels ? strata_arena_print(telling.arena, "%s IN (%s)", name, levels) : NULL;
}

/* --- all together ---------------------------------------------------------------------------- */

bool strata_condition_write(const struct strata_axes *axes, const struct strata_range *range,
                            struct strata_arena *keep, struct strata_condition *out,
                            const char **sql)
{
    const struct telling telling = {axes->plan, keep};
    condition_of(axes, range, out);
    out->sentence = tell_condition(telling, out);
    *sql = condition_sql(telling, out);
    return out->sentence && *sql;
}

bool strata_rule_write(const struct strata_axes *axes, const struct strata_draft *draft,
                       struct strata_arena *keep, struct strata_rule *out)
{
    const struct telling telling = {axes->plan, keep};
    const char *sentence[STRATA_RULE_CONDITIONS];
    *out = (struct strata_rule){.n_conditions = draft->n};
    for (size_t c = 0; c < draft->n; c++) {
        const char *sql = NULL;
        if (!strata_condition_write(axes, &draft->range[c], keep, &out->condition[c], &sql))
            return false;
        sentence[c] = out->condition[c].sentence;
        out->sql = c > 0 ? strata_arena_print(keep, "%s AND %s", out->sql, sql) : sql;
        if (!out->sql) return false;
    }
    if (draft->n == 0) return true;
    out->sentence = tell_list(telling, sentence, draft->n, "rule.and");
    return out->sentence != NULL;
}
