/* A segment's persona as plain parts with titles: what stratactl and the Markdown view print. */
#include "client_impl.h"

#include <math.h>
#include <string.h>

#define MOST_PARTS \
    64 /* sections, the parts below, four briefs; sections of a record without personas */

/* Parts under construction; `full` when memory or parts end. */
struct parts {
    struct strata_segment_view *view;
    struct strata_arena *keep;
    bool full;
};

/* A new part for at most n entries. */
static struct strata_part_view *part_new(struct parts *parts, const char *title, size_t n)
{
    if (n == 0) return NULL;
    struct strata_entry_view *entry = parts->view->n_parts < MOST_PARTS
                                          ? STRATA_NEW(parts->keep, struct strata_entry_view, n)
                                          : NULL;
    parts->full = parts->full || !entry;
    if (!entry) return NULL;
    struct strata_part_view *part = &parts->view->part[parts->view->n_parts++];
    *part = (struct strata_part_view){.title = title, .entry = entry};
    return part;
}

static void tell(struct strata_part_view *part, const char *lead, const char *text, uint64_t count)
{
    part->entry[part->n_entries++] =
        (struct strata_entry_view){.lead = lead, .text = text, .index = (double)NAN, .count = count};
}

static bool is_told(const struct strata_part_view *part, const char *text)
{
    for (size_t i = 0; i < part->n_entries; i++)
        if (!part->entry[i].lead[0] && strcmp(part->entry[i].text, text) == 0) return true;
    return false;
}

/* What is told once is not told again. */
static bool is_new(const struct parts *parts, const char *text)
{
    for (size_t i = 0; i < parts->view->n_parts; i++)
        if (is_told(&parts->view->part[i], text)) return false;
    return true;
}

static void tell_anew(const struct parts *parts, struct strata_part_view *part,
                      Strata__V1__Statement *const *statement, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_new(parts, statement[i]->text))
            tell(part, "", statement[i]->text, statement[i]->count);
}

static void tell_statements(struct parts *parts, const char *title,
                            Strata__V1__Statement *const *statement, size_t n)
{
    struct strata_part_view *part = part_new(parts, title, n);
    if (part) tell_anew(parts, part, statement, n);
    if (part && part->n_entries == 0) parts->view->n_parts--;
}

static void tell_preferences(struct parts *parts, const char *title,
                             Strata__V1__Preference *const *liked, size_t n)
{
    struct strata_part_view *part = part_new(parts, title, n);
    for (size_t i = 0; part && i < n; i++) {
        const Strata__V1__Statement *evidence = liked[i]->evidence;
        tell(part, liked[i]->label, evidence ? evidence->text : "", evidence ? evidence->count : 0);
        if (liked[i]->has_index_case == STRATA__V1__PREFERENCE__HAS_INDEX_INDEX)
            part->entry[i].index = liked[i]->index;
    }
}

static uint64_t count_of(const Strata__V1__Advice *advice)
{
    return advice->n_because == 1 ? advice->because[0]->count : 0;
}

static void tell_offers(struct parts *parts, Strata__V1__Offer *const *offer, size_t n)
{
    struct strata_part_view *part = part_new(parts, "Offers that fit", n);
    for (size_t i = 0; part && i < n; i++) {
        const Strata__V1__Advice *reason = offer[i]->reason;
        tell(part, offer[i]->title, reason ? reason->text : "", reason ? count_of(reason) : 0);
    }
}

/* Age and household first; the section about who they are may tell them again. */
static void tell_who(struct parts *parts, const Strata__V1__Persona *persona)
{
    const Strata__V1__PersonaSection *who = NULL;
    for (size_t i = 0; i < persona->n_sections; i++)
        if (persona->sections[i]->topic == STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_WHO)
            who = persona->sections[i];
    const size_t most =
        (persona->age != NULL) + persona->n_household + (who ? who->n_statements : 0);
    struct strata_part_view *part = part_new(parts, who ? who->title : "Who they are", most);
    if (!part) return;
    if (persona->age) tell(part, "", persona->age->text, persona->age->count);
    tell_anew(parts, part, persona->household, persona->n_household);
    if (who) tell_anew(parts, part, who->statements, who->n_statements);
}

static void tell_typical(struct parts *parts, const Strata__V1__Persona *persona)
{
    struct strata_part_view *part = part_new(parts, "A typical customer", persona->n_typical);
    for (size_t i = 0; part && i < persona->n_typical; i++)
        tell(part, persona->typical[i]->label, persona->typical[i]->text,
             persona->typical[i]->count);
}

static void tell_briefs(struct parts *parts, const Strata__V1__Segment *segment)
{
    for (size_t i = 0; i < segment->n_briefs; i++) {
        const Strata__V1__Brief *brief = segment->briefs[i];
        const char *title = strata_arena_print(parts->keep, "Brief for %s", brief->title);
        struct strata_part_view *part = part_new(parts, title ? title : "", brief->n_lines);
        for (size_t j = 0; part && j < brief->n_lines; j++)
            tell(part, "", brief->lines[j]->text, count_of(brief->lines[j]));
    }
}

static void tell_persona(struct parts *parts, const Strata__V1__Persona *persona)
{
    tell_who(parts, persona);
    for (size_t i = 0; i < persona->n_sections; i++) {
        if (persona->sections[i]->topic == STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_WHO) continue;
        tell_statements(parts, persona->sections[i]->title, persona->sections[i]->statements,
                        persona->sections[i]->n_statements);
    }
    tell_statements(parts, "What they look for", persona->needs, persona->n_needs);
    tell_statements(parts, "What goes wrong for them", persona->pains, persona->n_pains);
    tell_offers(parts, persona->offers, persona->n_offers);
    tell_preferences(parts, "How to reach them", persona->channels, persona->n_channels);
    tell_preferences(parts, "What they like", persona->affinities, persona->n_affinities);
    struct strata_part_view *tone = persona->tone ? part_new(parts, "How to address them", 1) : NULL;
    if (tone) tell(tone, "", persona->tone->text, count_of(persona->tone));
    tell_statements(parts, "What they bring", persona->value, persona->n_value);
    tell_statements(parts, "What lies in them", persona->potential, persona->n_potential);
    tell_typical(parts, persona);
}

/* What a section of a record without personas is about, in the words of the report. */
static const char *section_title(const char *section)
{
    static const struct {
        const char *section, *title;
    } titles[] = {{"behavioural", "How they buy"},
                  {"value", "What they are worth"},
                  {"need", "What they need"},
                  {"offer", "Offers"},
                  {"channel", "Channels"},
                  {"psychographic", "What they care about"},
                  {"demographic", "Who they are"},
                  {"geographic", "Where they are"},
                  {"firmographic", "What kind of firm"},
                  {"technographic", "What they use"},
                  {"outcome", "Outcomes"}};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (strcmp(titles[i].section, section) == 0) return titles[i].title;
    return section;
}

/* Runs of sentences about one thing; the size is told by itself. */
static void tell_sections(struct parts *parts, const Strata__V1__Segment *segment)
{
    Strata__V1__Statement *const *statement = segment->statements;
    for (size_t i = 0, n = 0; i < segment->n_statements; i += n) {
        const char *section = statement[i]->section;
        for (n = 1; i + n < segment->n_statements; n++)
            if (strcmp(statement[i + n]->section, section) != 0) break;
        if (strcmp(section, "definition") != 0)
            tell_statements(parts, section_title(section), statement + i, n);
    }
}

static struct strata_effort_view effort_of(const Strata__V1__Attractiveness *in)
{
    const double unknown = (double)NAN;
    if (!in) return (struct strata_effort_view){unknown, unknown, unknown, unknown, unknown, 0};
    return (struct strata_effort_view){.size = in->has_size_case ? in->size : unknown,
                                       .value = in->has_value_case ? in->value : unknown,
                                       .growth = in->has_growth_case ? in->growth : unknown,
                                       .reach = in->has_reach_case ? in->reach : unknown,
                                       .score = in->score,
                                       .rank = in->rank};
}

bool strata_view_persona(const Strata__V1__Segment *segment, struct strata_arena *keep,
                         struct strata_segment_view *view)
{
    *view = (struct strata_segment_view){
        .id = segment->id,
        .name = segment->name,
        .definition = segment->definition,
        .size = segment->size,
        .share = segment->share,
        .weighted = segment->has_weight_case == STRATA__V1__SEGMENT__HAS_WEIGHT_WEIGHT,
        .alias = segment->persona ? segment->persona->name : "",
        .name_origin = segment->name_origin[0] ? segment->name_origin : NULL,
        .effort = effort_of(segment->attractiveness),
        .part = STRATA_NEW(keep, struct strata_part_view, MOST_PARTS),
    };
    if (!view->part) return false;
    if (segment->rule) {
        view->rule = segment->rule->sentence;
        view->coverage = segment->rule->coverage;
        view->precision = segment->rule->precision;
    }
    struct parts parts = {.view = view, .keep = keep};
    if (segment->persona)
        tell_persona(&parts, segment->persona);
    else
        tell_sections(&parts, segment);
    tell_briefs(&parts, segment);
    return !parts.full;
}
