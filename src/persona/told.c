/* How a fact is said: its number with the unit, beside its reference, and the verb phrase that a
 * meaning and a direction have. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "persona/persona_impl.h"
#include "persona/rules_impl.h"

/* What a unit asks for. */
enum unit_kind { UNIT_NONE, UNIT_MONEY, UNIT_PERCENT, UNIT_SHARE, UNIT_AFTER };

struct unit {
    enum unit_kind kind;
    const char *text; /* money: the sign; share: what it is a share of, or ""; after: the unit */
};

static const struct {
    const char *unit, *sign;
} money[] = {{"USD", "$"},
             {"EUR", "\xe2\x82\xac"},
             {"GBP", "\xc2\xa3"},
             {"JPY", "\xc2\xa5"},
             {"$", "$"},
             {"\xe2\x82\xac", "\xe2\x82\xac"},
             {"\xc2\xa3", "\xc2\xa3"},
             {"\xc2\xa5", "\xc2\xa5"}};

static struct unit unit_of(const char *unit)
{
    static const char share_of[] = "share of ";
    if (!unit || !unit[0]) return (struct unit){UNIT_NONE, ""};
    if (strcmp(unit, "%") == 0) return (struct unit){UNIT_PERCENT, unit};
    if (strcmp(unit, "share") == 0) return (struct unit){UNIT_SHARE, ""};
    if (strncmp(unit, share_of, strlen(share_of)) == 0)
        return (struct unit){UNIT_SHARE, unit + strlen(share_of)};
    for (size_t i = 0; i < sizeof money / sizeof money[0]; i++) {
        if (strcmp(unit, money[i].unit) == 0) return (struct unit){UNIT_MONEY, money[i].sign};
    }
    return (struct unit){UNIT_AFTER, unit};
}

static enum strata_number_form form_of(const struct strata_fact *fact, struct unit unit)
{
    if (strcmp(fact->statistic, "share") == 0 || strcmp(fact->statistic, "growth") == 0)
        return STRATA_FORM_PERCENT;
    if (strcmp(fact->statistic, "index") == 0) return STRATA_FORM_INDEX;
    if (unit.kind == UNIT_SHARE) return STRATA_FORM_PERCENT;
    return unit.kind == UNIT_MONEY ? STRATA_FORM_MONEY : STRATA_FORM_NUMBER;
}

/* "1 day", where the catalogue knows the unit. */
static const char *fill_number(const char *key, const char *number, const char *unit,
                               struct strata_arena *arena)
{
    const char *one = strcmp(number, "1") == 0 ? strata_message_at("unit.one", unit, NULL) : NULL;
    const struct strata_slot slot[2] = {{"number", strata_number_said(number, arena)},
                                        {"unit", one ? one : unit}};
    return slot[0].text ? strata_message_fill(strata_message(key), slot, 2, arena) : NULL;
}

/* The value with its unit, and the reference with as much of it as a comparison needs. */
static bool tell_numbers(const struct strata_fact *fact, struct unit unit,
                         struct strata_arena *arena, struct strata_told *told)
{
    char value[STRATA_NUMBER_TEXT];
    char reference[STRATA_NUMBER_TEXT];
    const char *both = "unit.none";
    const char *first = NULL;
    char same[STRATA_NUMBER_TEXT];
    const enum strata_number_form form = form_of(fact, unit);
    strata_number_pair(fact->value, fact->reference, form, value, reference);
    if (fact->direction == STRATA_MIDDLE &&
        (strcmp(fact->statistic, "mean") == 0 || strcmp(fact->statistic, "growth") == 0)) {
        /* what is about average need not be told apart from it */
        strata_number_pair(fact->value, fact->value, form, value, same);
        strata_number_pair(fact->reference, fact->reference, form, reference, same);
    }
    if (strcmp(fact->statistic, "mean") == 0) {
        if (unit.kind == UNIT_MONEY) both = "unit.before";
        if (unit.kind == UNIT_PERCENT) both = "unit.close";
        if (unit.kind == UNIT_SHARE && unit.text[0]) first = "unit.share_of";
        if (unit.kind == UNIT_AFTER) first = "unit.after";
    } else if (strcmp(fact->statistic, "index") == 0) {
        first = fact->value < STRATA_INDEX_TIMES ? "unit.index.percent" : "unit.index.times";
    }
    told->value = fill_number(first ? first : both, value, unit.text, arena);
    told->reference = fill_number(both, reference, unit.text, arena);
    told->number = strata_number_said(value, arena);
    return told->value && told->reference && told->number;
}

/* "days since the last visit" in days: the label goes on from the number. */
static bool label_starts_with(const char *label, const char *unit)
{
    const size_t n = strlen(unit);
    return n > 0 && strncmp(label, unit, n) == 0 && label[n] == ' ';
}

/* The label with its number: "29 visits a year", "yearly spend of $137". */
static const char *amount_of(const struct strata_plan *plan, const struct strata_fact *fact,
                             struct unit unit, const struct strata_told *told,
                             struct strata_arena *arena)
{
    const struct strata_feature *feature = &plan->config->feature[fact->feature];
    const char *key = "amount.number";
    if (strcmp(fact->statistic, "index") == 0)
        key = "amount.index";
    else if (fact->level >= 0)
        key = "amount.level";
    else if (strcmp(fact->statistic, "share") == 0)
        key = "amount.share";
    else if (unit.kind == UNIT_SHARE)
        key = "amount.share_of";
    else if ((unit.kind == UNIT_NONE && feature->type == STRATA_COUNT) ||
             (unit.kind == UNIT_AFTER && label_starts_with(feature->label, unit.text)))
        key = "amount.count";
    struct strata_told amount = *told;
    if (strcmp(key, "amount.count") == 0 && strcmp(told->number, "1") == 0)
        amount.number = strata_number_said("1.0", arena); /* the label is of many */
    return amount.number ? strata_told_fill(strata_message(key), &amount, arena) : NULL;
}

char *strata_told_fill(const char *text, const struct strata_told *told, struct strata_arena *arena)
{
    const struct strata_slot slot[7] = {
        {"label", told->label},   {"level", told->level},         {"value", told->value},
        {"number", told->number}, {"reference", told->reference}, {"amount", told->amount},
        {"do", told->deed}};
    return strata_message_fill(text, slot, 7, arena);
}

const char *strata_deed_pattern(const struct strata_plan *plan, const struct strata_fact *fact)
{
    const struct strata_feature *feature = &plan->config->feature[fact->feature];
    if (plan->as[fact->feature] == STRATA_AS_NOMINAL || !feature->meaning) return NULL;
    if (fabs(fact->effect) < STRATA_NOTICEABLE) return NULL;
    return strata_message_at(fact->stem, feature->meaning, fact->effect > 0.0 ? "high" : "low");
}

bool strata_fact_tell(const struct strata_plan *plan, const struct strata_fact *fact,
                      struct strata_arena *arena, struct strata_told *told)
{
    const struct strata_feature *feature = &plan->config->feature[fact->feature];
    const struct unit unit = unit_of(feature->unit);
    *told = (struct strata_told){.label = feature->label, .level = "", .amount = "", .deed = ""};
    if (fact->level >= 0) told->level = plan->table->column[fact->feature].level[fact->level];
    if (!tell_numbers(fact, unit, arena, told)) return false;
    told->amount = amount_of(plan, fact, unit, told, arena);
    const char *pattern = strata_deed_pattern(plan, fact);
    if (pattern) told->deed = strata_told_fill(pattern, told, arena);
    return told->amount && told->deed;
}

bool strata_values_tell(const struct strata_feature *feature, double value, double reference,
                        struct strata_arena *arena, const char **value_text,
                        const char **reference_text)
{
    const struct unit unit = unit_of(feature->unit);
    const struct strata_fact fact = {.statistic = "mean", .value = value, .reference = reference};
    struct strata_told told = {.label = feature->label};
    if (!tell_numbers(&fact, unit, arena, &told)) return false;
    const bool in_label = unit.kind == UNIT_AFTER && label_starts_with(feature->label, unit.text);
    *value_text = in_label ? told.number : told.value;
    *reference_text = told.reference;
    return true;
}

/* The text of a number that reads back as it is; of a share as near as a percentage comes. */
static void exact_text(double number, double scale, char text[STRATA_NUMBER_TEXT])
{
    for (int more = 0; more <= 16; more++) {
        char plain[STRATA_NUMBER_TEXT];
        size_t n = 0;
        strata_number_text(number * scale, more, text);
        for (const char *c = text; *c; c++) {
            if (*c != ',') plain[n++] = *c;
        }
        plain[n] = '\0';
        const double off = fabs(strtod(plain, NULL) / scale - number);
        if (off == 0.0 || (scale != 1.0 && off < 1e-14 * fabs(number))) return;
    }
}

const char *strata_exact_tell(const struct strata_feature *feature, double value,
                              struct strata_arena *arena)
{
    const struct unit unit = unit_of(feature->unit);
    char text[STRATA_NUMBER_TEXT];
    exact_text(value, unit.kind == UNIT_SHARE ? 100.0 : 1.0, text);
    switch (unit.kind) {
    case UNIT_MONEY: {
        const size_t n = strlen(text); /* $42.80 rather than $42.8 */
        if (n > 2 && text[n - 2] == '.' && n + 1 < sizeof text) memcpy(text + n, "0", 2);
        return fill_number("unit.before", text, unit.text, arena);
    }
    case UNIT_PERCENT:
        return fill_number("unit.close", text, unit.text, arena);
    case UNIT_SHARE:
        return fill_number("unit.close", text, "%", arena);
    case UNIT_AFTER:
        if (!label_starts_with(feature->label, unit.text))
            return fill_number("unit.after", text, unit.text, arena);
        break;
    case UNIT_NONE:
        break;
    }
    return fill_number("unit.none", text, "", arena);
}
