/* Sentences about a segment, each with the record that it rests on; and the definition, one line
 * of the strongest facts. A number stands in a sentence only if it stands in its record. */
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"

#define PER_SECTION 6 /* sentences of a section, strongest first */
#define TYPICAL 2     /* sentences that tell who they are although others are too */
#define DEFINITION_FACTS 3

/* What they do, then how to reach them, then who they are. */
static const char *const sections[] = {"definition", "behavioural",  "value",         "need",
                                       "offer",      "channel",      "psychographic", "demographic",
                                       "geographic", "firmographic", "technographic", "outcome"};
enum { SECTION_COUNT = sizeof sections / sizeof sections[0] };

bool strata_always_told(const char *section)
{
    return strcmp(section, "demographic") == 0 || strcmp(section, "geographic") == 0 ||
           strcmp(section, "firmographic") == 0;
}

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY,
                       "no room for the segments' descriptions; give the job more memory");
}

/* Whether the value reads as the reference does, its unit apart. */
static bool shows_the_same(const struct strata_told *told)
{
    const size_t n = strlen(told->reference);
    return strncmp(told->value, told->reference, n) == 0 &&
           strspn(told->value + n, "0123456789.,") == 0;
}

/* A plain sentence for what has no words of its own. */
static const char *plain_pattern(const struct strata_plan *plan, const struct strata_fact *fact,
                                 const struct strata_told *told)
{
    static const char *const words[] = {
        [STRATA_LOW] = "low", [STRATA_MIDDLE] = "middle", [STRATA_HIGH] = "high"};
    const char *stem = strcmp(fact->statistic, "index") == 0  ? "say.index"
                       : strcmp(fact->statistic, "mean") == 0 ? "say.mean"
                       : fact->level >= 0                     ? "say.level"
                                                              : "say.share";
    const bool mean = fact->direction == STRATA_MIDDLE && strcmp(stem, "say.mean") == 0;
    const char *how = plan->k == 1                   ? "alone"
                      : mean && shows_the_same(told) ? "same"
                                                     : words[fact->direction];
    return strata_message_at(stem, how, NULL);
}

/* Whether what they do names the feature already: "they spend less" of spend. */
static bool says_label(const struct strata_told *told)
{
    return told->label[0] && strstr(told->deed, told->label);
}

/* The sentence for a fact: of what its meaning makes them do if the catalogue knows, else of the
 * statistic. */
static const char *pattern_of(const struct strata_plan *plan, const struct strata_fact *fact,
                              const struct strata_told *told)
{
    if (fact->level >= 0 || !told->deed[0]) return plain_pattern(plan, fact, told);
    return strata_message_at("say.do", says_label(told) ? "labelled" : "unlabelled",
                             fact->statistic);
}

strata_status strata_statement_write(const struct strata_plan *plan, const struct strata_fact *fact,
                                     const char *pattern, struct strata_arena scratch,
                                     struct strata_arena *keep, struct strata_statement *statement,
                                     struct strata_err *err)
{
    struct strata_told told;
    if (!strata_fact_tell(plan, fact, &scratch, &told)) return no_room(err);
    char *text = strata_told_fill(pattern ? pattern : pattern_of(plan, fact, &told), &told, keep);
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
    return strata_number_said(text, arena);
}

/* The first statement: how many they are. */
static strata_status write_size(const struct strata_plan *plan, const struct strata_persona *persona,
                                struct strata_arena scratch, struct strata_arena *keep,
                                struct strata_statement *statement, struct strata_err *err)
{
    char share[STRATA_NUMBER_TEXT];
    char same[STRATA_NUMBER_TEXT];
    strata_number_pair(persona->share, persona->share, STRATA_FORM_PERCENT, share, same);
    const struct strata_slot slot[2] = {{"value", strata_number_said(share, &scratch)},
                                        {"count", count_text(persona->size, &scratch)}};
    if (!slot[0].text || !slot[1].text) return no_room(err);
    const char *how = plan->k == 1 ? "alone" : plan->weight ? "weighted" : NULL;
    const char *one = persona->size == 1 ? "one" : NULL;
    char *text = strata_message_fill(strata_message_at("say.size", how, one), slot, 2, keep);
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

const char *strata_yes_kind(const char *label)
{
    const char *did = strata_message("label.did");
    const size_t n = strcspn(label, " ");
    const size_t n_did = strlen(did);
    if (strata_list_has(strata_message("label.are"), label, n)) return "are";
    return n > n_did && strncmp(label + n - n_did, did, n_did) == 0 ? "did" : "yes";
}

const char *strata_clause_pattern(const struct strata_plan *plan, const struct strata_fact *fact)
{
    const char *deed = strata_deed_pattern(plan, fact);
    if (deed) return deed;
    const bool level = fact->level >= 0 && fact->direction != STRATA_MIDDLE;
    const bool high = level ? fact->direction == STRATA_HIGH : fact->effect > 0.0;
    const bool yes = plan->as[fact->feature] == STRATA_AS_BINARY;
    const char *kind = level ? "level"
                       : yes ? strata_yes_kind(plan->config->feature[fact->feature].label)
                             : "number";
    return strata_message_at("do", kind, high ? "high" : "low");
}

bool strata_clause_again(const struct strata_plan *plan, const struct strata_fact *before,
                         const struct strata_fact *fact)
{
    const char *pattern = strata_clause_pattern(plan, fact);
    return strstr(pattern, "{label}") && fact->level < 0 &&
           pattern == strata_clause_pattern(plan, before);
}

const char *strata_clause_join(const char *stem, size_t n, const bool again[3])
{
    static const char *const how_many[] = {"zero", "one", "two", "three"};
    const char *joined = n < 3 || again[1] == again[2] ? NULL : again[1] ? "first" : "last";
    return strata_message_at(stem, how_many[n], joined);
}

/* The strongest with its figures, the others without; where two follow each other that differ in
 * the label only, the label is enough. */
static const char *clause_of(const struct strata_plan *plan, const struct strata_fact *fact,
                             size_t i, struct strata_arena *arena)
{
    struct strata_told told;
    if (!strata_fact_tell(plan, &fact[i], arena, &told)) return NULL;
    const char *pattern = strata_clause_pattern(plan, &fact[i]);
    const bool labelled = strstr(pattern, "{label}") != NULL;
    if (i > 0) {
        const bool again = strata_clause_again(plan, &fact[i - 1], &fact[i]);
        return strata_told_fill(again ? strata_message("clause.again") : pattern, &told, arena);
    }
    const bool ordinal = fact[i].level >= 0 && told.deed[0];
    told.deed = strata_told_fill(pattern, &told, arena);
    if (!told.deed) return NULL;
    const char *key = ordinal                                   ? "clause.level"
                      : strcmp(fact[i].statistic, "index") == 0 ? "clause.index"
                      : labelled || says_label(&told)           ? "clause.labelled"
                      : strcmp(fact[i].statistic, "share") == 0 ? "clause.share"
                                                                : "clause.unlabelled";
    return strata_told_fill(strata_message(key), &told, arena);
}

bool strata_is_untold(const struct strata_plan *plan, const struct strata_persona *persona)
{
    bool hidden = false;
    for (size_t f = 0; f < plan->n_features && !hidden; f++) {
        const struct strata_profile_cell *cell = &persona->cell[f];
        hidden = cell->hidden;
        for (size_t l = 0; cell->share && l < plan->n_levels[f]; l++)
            hidden |= isnan(cell->share[l]);
    }
    return hidden && persona->n_markers == 0;
}

/* One line of the strongest facts, each of which is also told in a statement. */
static strata_status write_definition(const struct strata_plan *plan,
                                      const struct strata_fact *fact, size_t n_facts,
                                      struct strata_arena scratch, struct strata_arena *keep,
                                      struct strata_persona *persona, struct strata_err *err)
{
    static const char *const ordinal[] = {"first", "second", "third"};
    struct strata_slot slot[DEFINITION_FACTS + 1];
    bool again[DEFINITION_FACTS] = {false};
    size_t n = 0;
    while (n < n_facts && n < DEFINITION_FACTS && fabs(fact[n].effect) >= STRATA_NOTICEABLE) {
        slot[n] = (struct strata_slot){ordinal[n], clause_of(plan, fact, n, &scratch)};
        if (!slot[n].text) return no_room(err);
        again[n] = n > 0 && strata_clause_again(plan, &fact[n - 1], &fact[n]);
        n++;
    }
    slot[n] = (struct strata_slot){"count", count_text(persona->size, &scratch)};
    if (!slot[n].text) return no_room(err);
    const char *one = persona->size == 1 ? "one" : NULL;
    const char *text = plan->k == 1 ? strata_message_at("definition.alone", one, NULL)
                       : n == 0 && strata_is_untold(plan, persona)
                           ? strata_message("definition.untold")
                           : strata_clause_join("definition", n, again);
    char *definition = strata_message_fill(text, slot, n + 1, keep);
    if (!definition) return no_room(err);
    strata_sentence_case(definition);
    persona->definition = definition;
    return STRATA_OK;
}

/* Noticeable before others, what they do before what is done to them, then strongest first. */
static bool goes_before(const struct strata_fact *a, const struct strata_fact *b)
{
    const bool a_marks = fabs(a->effect) >= STRATA_NOTICEABLE;
    const bool b_marks = fabs(b->effect) >= STRATA_NOTICEABLE;
    if (a_marks != b_marks) return a_marks;
    if (a->contact != b->contact) return b->contact;
    return fabs(a->effect) > fabs(b->effect);
}

size_t strata_facts_gather(const struct strata_plan *plan, const struct strata_profile_tally *tally,
                           const struct strata_personas *personas, size_t s,
                           struct strata_fact *fact)
{
    size_t n = 0;
    for (size_t f = 0; f < plan->n_features; f++) {
        struct strata_fact found;
        if (!strata_fact_find(plan, tally, personas, s, f, &found)) continue;
        size_t at = n++;
        for (; at > 0 && goes_before(&found, &fact[at - 1]); at--) fact[at] = fact[at - 1];
        fact[at] = found;
    }
    return n;
}

/* What sets them apart, and of who they are a little also where it does not. */
static bool is_told(const struct strata_plan *plan, const struct strata_fact *fact, size_t told)
{
    return plan->k == 1 || fabs(fact->effect) >= STRATA_NOTICEABLE ||
           (told < TYPICAL && strata_always_told(fact->section));
}

strata_status strata_statements_write(const struct strata_plan *plan,
                                      const struct strata_profile_tally *tally,
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
    const size_t n_facts = strata_facts_gather(plan, tally, personas, s, fact);
    STRATA_TRY(write_definition(plan, fact, n_facts, scratch, keep, persona, err));
    STRATA_TRY(write_size(plan, persona, scratch, keep, &persona->statement[0], err));
    persona->n_statements = 1;
    for (size_t section = 1; section < SECTION_COUNT; section++) {
        size_t in_section = 0;
        for (size_t i = 0; i < n_facts && in_section < PER_SECTION; i++) {
            if (strcmp(fact[i].section, sections[section]) != 0 ||
                !is_told(plan, &fact[i], in_section))
                continue;
            STRATA_TRY(strata_statement_write(plan, &fact[i], NULL, scratch, keep,
                                              &persona->statement[persona->n_statements], err));
            persona->n_statements++;
            in_section++;
        }
    }
    return STRATA_OK;
}
