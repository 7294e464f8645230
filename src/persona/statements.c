/* Sentences about a segment, each with the record that it rests on; and the definition, one line
 * of the strongest facts. A number stands in a sentence only if it stands in its record. */
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"

#define PER_SECTION 6 /* sentences of a section, strongest first */
#define DEFINITION_FACTS 3

static const char *const sections[] = {
    "definition",  "demographic", "geographic", "psychographic", "firmographic", "technographic",
    "behavioural", "value",       "channel",    "offer",         "need",         "outcome"};
enum { SECTION_COUNT = sizeof sections / sizeof sections[0] };

/* Who they are is told even where it does not set them apart. */
static bool always_told(const char *section)
{
    return strcmp(section, "demographic") == 0 || strcmp(section, "geographic") == 0 ||
           strcmp(section, "firmographic") == 0;
}

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY,
                       "no room for the segments' descriptions; give the job more memory");
}

/* A number with its unit. */
static const char *with_unit(const char *number, const char *unit, struct strata_arena *arena)
{
    static const char *const before[] = {"$", "\xe2\x82\xac", "\xc2\xa3",
                                         "\xc2\xa5"}; /* dollar, euro, pound, yen */
    if (!unit || !unit[0]) return strata_arena_copy(arena, number, strlen(number));
    const char *key = strcmp(unit, "%") == 0 ? "unit.close" : "unit.after";
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        if (strcmp(unit, before[i]) == 0) key = "unit.before";
    }
    const struct strata_slot slot[2] = {{"number", number}, {"unit", unit}};
    return strata_message_fill(strata_message(key), slot, 2, arena);
}

/* The texts of a fact's slots. */
struct told {
    const char *label, *level, *value, *reference;
};

static bool tell(const struct strata_plan *plan, const struct strata_fact *fact,
                 struct strata_arena *arena, struct told *told)
{
    const struct strata_feature *feature = &plan->config->feature[fact->feature];
    char value[STRATA_NUMBER_TEXT];
    char reference[STRATA_NUMBER_TEXT];
    const enum strata_number_form form = strcmp(fact->statistic, "share") == 0 ? STRATA_FORM_PERCENT
                                         : strcmp(fact->statistic, "index") == 0
                                             ? STRATA_FORM_INDEX
                                             : STRATA_FORM_NUMBER;
    strata_number_pair(fact->value, fact->reference, form, value, reference);
    const char *unit = strcmp(fact->statistic, "mean") == 0 ? feature->unit : NULL;
    told->label = feature->label;
    told->level = fact->level >= 0 ? plan->table->column[fact->feature].level[fact->level] : "";
    told->value = with_unit(value, unit, arena);
    told->reference = with_unit(reference, unit, arena);
    return told->value && told->reference;
}

static char *fill_told(const char *text, const struct told *told, struct strata_arena *arena)
{
    const struct strata_slot slot[4] = {{"label", told->label},
                                        {"level", told->level},
                                        {"value", told->value},
                                        {"reference", told->reference}};
    return strata_message_fill(text, slot, 4, arena);
}

/* The sentence for a fact: of the feature's meaning if the catalogue has one, else of the
 * statistic. */
static const char *pattern_of(const struct strata_plan *plan, const struct strata_fact *fact)
{
    static const char *const words[] = {
        [STRATA_LOW] = "low", [STRATA_MIDDLE] = "middle", [STRATA_HIGH] = "high"};
    const char *stem = strcmp(fact->statistic, "index") == 0  ? "say.index"
                       : strcmp(fact->statistic, "mean") == 0 ? "say.mean"
                       : fact->level >= 0                     ? "say.level"
                                                              : "say.share";
    if (plan->k == 1) return strata_message_at(stem, "alone", NULL);
    const char *direction = words[fact->direction];
    const char *meaning = plan->config->feature[fact->feature].meaning;
    const char *special = meaning ? strata_message_at(stem, direction, meaning) : NULL;
    return special ? special : strata_message_at(stem, direction, NULL);
}

static strata_status write_statement(const struct strata_plan *plan, const struct strata_fact *fact,
                                     struct strata_arena scratch, struct strata_arena *keep,
                                     struct strata_statement *statement, struct strata_err *err)
{
    struct told told;
    if (!tell(plan, fact, &scratch, &told)) return no_room(err);
    char *text = fill_told(pattern_of(plan, fact), &told, keep);
    if (!text) return no_room(err);
    strata_sentence_case(text);
    *statement = (struct strata_statement){.text = text,
                                           .section = fact->section,
                                           .statistic = fact->statistic,
                                           .feature = fact->feature,
                                           .level = fact->level,
                                           .value = fact->value,
                                           .reference = fact->reference,
                                           .count = fact->count,
                                           .low = fact->low,
                                           .high = fact->high};
    return STRATA_OK;
}

static const char *count_text(uint64_t count, struct strata_arena *arena)
{
    char text[STRATA_NUMBER_TEXT];
    strata_number_text((double)count, 0, text);
    return strata_arena_copy(arena, text, strlen(text));
}

/* The first statement: how many they are. */
static strata_status write_size(const struct strata_plan *plan, const struct strata_persona *persona,
                                struct strata_arena scratch, struct strata_arena *keep,
                                struct strata_statement *statement, struct strata_err *err)
{
    char share[STRATA_NUMBER_TEXT];
    char all[STRATA_NUMBER_TEXT];
    strata_number_pair(persona->share, 1.0, STRATA_FORM_PERCENT, share, all);
    const struct strata_slot slot[2] = {{"value", share},
                                        {"count", count_text(persona->size, &scratch)}};
    if (!slot[1].text) return no_room(err);
    char *text = strata_message_fill(strata_message(plan->k == 1 ? "say.size.alone" : "say.size"),
                                     slot, 2, keep);
    if (!text) return no_room(err);
    strata_sentence_case(text);
    *statement = (struct strata_statement){.text = text,
                                           .section = sections[0],
                                           .statistic = "size",
                                           .feature = SIZE_MAX,
                                           .level = -1,
                                           .value = persona->share,
                                           .reference = 1.0,
                                           .count = persona->size};
    const uint64_t n_all = plan->table->n_rows_global;
    strata_interval_share(persona->share, n_all ? n_all : 1, &statement->low, &statement->high);
    return STRATA_OK;
}

/* One line: the segment's share and its strongest facts, each of which is also told in a
 * statement. */
static strata_status write_definition(const struct strata_plan *plan,
                                      const struct strata_fact *fact, size_t n_facts,
                                      struct strata_arena scratch, struct strata_arena *keep,
                                      struct strata_persona *persona, struct strata_err *err)
{
    static const char *const ordinal[] = {"first", "second", "third"};
    static const char *const how_many[] = {"zero", "one", "two", "three"};
    struct strata_slot slot[DEFINITION_FACTS + 2];
    char share[STRATA_NUMBER_TEXT];
    char all[STRATA_NUMBER_TEXT];
    size_t n = 0;
    while (n < n_facts && n < DEFINITION_FACTS && fabs(fact[n].effect) >= STRATA_NOTICEABLE) {
        struct told told;
        if (!tell(plan, &fact[n], &scratch, &told)) return no_room(err);
        const char *form = fact[n].level >= 0 ? "level" : fact[n].statistic;
        slot[n] = (struct strata_slot){
            ordinal[n], fill_told(strata_message_at("fact", form, NULL), &told, &scratch)};
        if (!slot[n].text) return no_room(err);
        n++;
    }
    strata_number_pair(persona->share, 1.0, STRATA_FORM_PERCENT, share, all);
    slot[n] = (struct strata_slot){"share", share};
    slot[n + 1] = (struct strata_slot){"count", count_text(persona->size, &scratch)};
    if (!slot[n + 1].text) return no_room(err);
    const char *text = strata_message_at("definition", plan->k == 1 ? "alone" : how_many[n], NULL);
    char *definition = strata_message_fill(text, slot, n + 2, keep);
    if (!definition) return no_room(err);
    strata_sentence_case(definition);
    persona->definition = definition;
    return STRATA_OK;
}

/* All facts of a segment, strongest first, in the job's order among equals. */
static size_t gather_facts(const struct strata_plan *plan, const struct strata_tally *tally,
                           const struct strata_personas *personas, size_t s,
                           struct strata_fact *fact)
{
    size_t n = 0;
    for (size_t f = 0; f < plan->n_features; f++) {
        struct strata_fact found;
        if (!strata_fact_find(plan, tally, personas, s, f, &found)) continue;
        size_t at = n++;
        for (; at > 0 && fabs(fact[at - 1].effect) < fabs(found.effect); at--)
            fact[at] = fact[at - 1];
        fact[at] = found;
    }
    return n;
}

static bool is_told(const struct strata_plan *plan, const struct strata_fact *fact)
{
    return plan->k == 1 || fabs(fact->effect) >= STRATA_NOTICEABLE || always_told(fact->section);
}

strata_status strata_statements_write(const struct strata_plan *plan,
                                      const struct strata_tally *tally,
                                      struct strata_personas *personas, size_t s,
                                      struct strata_arena scratch, struct strata_arena *keep,
                                      struct strata_err *err)
{
    struct strata_persona *persona = &personas->segment[s];
    const size_t most = plan->n_features < SECTION_COUNT * PER_SECTION ? plan->n_features
                                                                       : SECTION_COUNT * PER_SECTION;
    struct strata_fact *fact = STRATA_NEW(&scratch, struct strata_fact, plan->n_features);
    persona->statement = STRATA_NEW(keep, struct strata_statement, most + 1);
    if (!fact || !persona->statement) return no_room(err);
    const size_t n_facts = gather_facts(plan, tally, personas, s, fact);
    STRATA_TRY(write_definition(plan, fact, n_facts, scratch, keep, persona, err));
    STRATA_TRY(write_size(plan, persona, scratch, keep, &persona->statement[0], err));
    persona->n_statements = 1;
    for (size_t section = 1; section < SECTION_COUNT; section++) {
        size_t in_section = 0;
        for (size_t i = 0; i < n_facts && in_section < PER_SECTION; i++) {
            if (strcmp(fact[i].section, sections[section]) != 0 || !is_told(plan, &fact[i]))
                continue;
            STRATA_TRY(write_statement(plan, &fact[i], scratch, keep,
                                       &persona->statement[persona->n_statements], err));
            persona->n_statements++;
            in_section++;
        }
    }
    return STRATA_OK;
}
