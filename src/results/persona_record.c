/* Portraits as messages: one small function for each message of a persona. */
#include <math.h>
#include <string.h>

#include "results_impl.h"

struct writer {
    struct strata_maker *maker;
    const struct strata_outcome *outcome;
};

static Strata__V1__Statement *statement_record(struct writer *writer,
                                               const struct strata_statement *in)
{
    if (!in) return NULL;
    Strata__V1__Statement *out =
        strata_maker_message(writer->maker, &strata__v1__statement__descriptor);
    if (out) strata_statement_fill(writer->maker, writer->outcome, in, out);
    return out;
}

static Strata__V1__Statement **statement_records(struct writer *writer,
                                                 const struct strata_statements *in, size_t *count)
{
    Strata__V1__Statement **list =
        strata_maker_list(writer->maker, &strata__v1__statement__descriptor, in->n, count);
    for (size_t i = 0; i < *count; i++)
        strata_statement_fill(writer->maker, writer->outcome, &in->item[i], list[i]);
    return list;
}

static void fill_advice(struct writer *writer, const struct strata_advice *in,
                        Strata__V1__Advice *out)
{
    out->text = strata_maker_text(writer->maker, in->text);
    out->because = statement_records(writer, &in->because, &out->n_because);
}

static Strata__V1__Advice *advice_record(struct writer *writer, const struct strata_advice *in)
{
    if (!in->text) return NULL;
    Strata__V1__Advice *out = strata_maker_message(writer->maker, &strata__v1__advice__descriptor);
    if (out) fill_advice(writer, in, out);
    return out;
}

/* --- topics --------------------------------------------------------------------------------- */

static Strata__V1__PersonaTopic topic_word(size_t topic)
{
    switch ((enum strata_topic)topic) {
    case STRATA_TOPIC_WHO:
        return STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_WHO;
    case STRATA_TOPIC_WHERE:
        return STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_WHERE;
    case STRATA_TOPIC_VALUES:
        return STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_VALUES;
    case STRATA_TOPIC_BUYS:
        return STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_BUYS;
    case STRATA_TOPIC_USES:
        return STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_USES;
    case STRATA_TOPIC_COUNT:
        break;
    }
    return STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_UNSPECIFIED;
}

static void fill_sections(struct writer *writer, const struct strata_portrait *in,
                          Strata__V1__Persona *out)
{
    size_t n = 0, count = 0;
    for (size_t t = 0; t < STRATA_TOPIC_COUNT; t++) n += in->topic[t].n > 0;
    out->sections =
        strata_maker_list(writer->maker, &strata__v1__persona_section__descriptor, n, &count);
    for (size_t t = 0; t < STRATA_TOPIC_COUNT && out->n_sections < count; t++) {
        if (in->topic[t].n == 0) continue;
        Strata__V1__PersonaSection *section = out->sections[out->n_sections++];
        section->topic = topic_word(t);
        section->title = strata_maker_text(writer->maker, in->topic_title[t]);
        section->statements = statement_records(writer, &in->topic[t], &section->n_statements);
    }
}

/* --- preferences and offers ------------------------------------------------------------------ */

static Strata__V1__Preference **preference_records(struct writer *writer,
                                                   const struct strata_preferences *in,
                                                   size_t *count)
{
    Strata__V1__Preference **list =
        strata_maker_list(writer->maker, &strata__v1__preference__descriptor, in->n, count);
    for (size_t i = 0; i < *count; i++) {
        const struct strata_preference *item = &in->item[i];
        const size_t level = strata_level_place(writer->outcome, item->feature, item->level);
        list[i]->feature = (uint32_t)item->feature;
        if (level != SIZE_MAX)
            PUT_INDEX(list[i], level, STRATA__V1__PREFERENCE__HAS_LEVEL_LEVEL, level);
        list[i]->label = strata_maker_text(writer->maker, item->label);
        PUT_REAL(list[i], index, STRATA__V1__PREFERENCE__HAS_INDEX_INDEX, item->index);
        list[i]->preferred = item->preferred;
        list[i]->evidence = statement_record(writer, item->statement);
    }
    return list;
}

static Strata__V1__OfferKind offer_kind(enum strata_offer_kind kind)
{
    switch (kind) {
    case STRATA_OFFER_DISCOUNT:
        return STRATA__V1__OFFER_KIND__OFFER_KIND_DISCOUNT;
    case STRATA_OFFER_LOYALTY:
        return STRATA__V1__OFFER_KIND__OFFER_KIND_LOYALTY;
    case STRATA_OFFER_FULL_PRICE:
        return STRATA__V1__OFFER_KIND__OFFER_KIND_FULL_PRICE;
    case STRATA_OFFER_BUNDLE:
        return STRATA__V1__OFFER_KIND__OFFER_KIND_BUNDLE;
    case STRATA_OFFER_WIN_BACK:
        return STRATA__V1__OFFER_KIND__OFFER_KIND_WIN_BACK;
    case STRATA_OFFER_COUNT:
        break;
    }
    return STRATA__V1__OFFER_KIND__OFFER_KIND_UNSPECIFIED;
}

static void fill_offers(struct writer *writer, const struct strata_portrait *in,
                        Strata__V1__Persona *out)
{
    out->offers = strata_maker_list(writer->maker, &strata__v1__offer__descriptor, in->n_offers,
                                    &out->n_offers);
    for (size_t i = 0; i < out->n_offers; i++) {
        out->offers[i]->kind = offer_kind(in->offer[i].kind);
        out->offers[i]->title = strata_maker_text(writer->maker, in->offer[i].title);
        out->offers[i]->reason = advice_record(writer, &in->offer[i].reason);
        out->offers[i]->fit = in->offer[i].fit;
    }
}

/* --- the typical customer ----------------------------------------------------------------------- */

static void fill_typical(struct writer *writer, const struct strata_portrait *in,
                         Strata__V1__Persona *out)
{
    out->typical = strata_maker_list(writer->maker, &strata__v1__trait__descriptor, in->n_typical,
                                     &out->n_typical);
    for (size_t i = 0; i < out->n_typical; i++) {
        const struct strata_trait *trait = &in->typical[i];
        Strata__V1__Trait *item = out->typical[i];
        const size_t level = strata_level_place(writer->outcome, trait->feature, trait->level);
        item->feature = (uint32_t)trait->feature;
        item->label = strata_maker_text(writer->maker, trait->label);
        item->text = strata_maker_text(writer->maker, trait->text);
        item->count = trait->count;
        PUT_REAL(item, number, STRATA__V1__TRAIT__HAS_NUMBER_NUMBER, trait->number);
        PUT_REAL(item, share, STRATA__V1__TRAIT__HAS_SHARE_SHARE, trait->share);
        if (level != SIZE_MAX) PUT_INDEX(item, level, STRATA__V1__TRAIT__HAS_LEVEL_LEVEL, level);
    }
}

/* --- the user's own image ------------------------------------------------------------------------ */

static void fill_picture(struct writer *writer, const struct strata_persona *in,
                         Strata__V1__Persona *out)
{
    const struct strata_picture *picture = NULL;
    for (size_t i = 0; i < writer->outcome->n_pictures && !picture; i++)
        if (strata_persona_is_called(in, writer->outcome->picture[i].segment))
            picture = &writer->outcome->picture[i];
    out->picture_type = strata_maker_text(writer->maker, picture ? picture->media_type : NULL);
    if (!picture) return;
    out->picture.data = STRATA_NEW(writer->maker->keep, uint8_t, picture->n_bytes);
    if (!out->picture.data) {
        writer->maker->full = true;
        return;
    }
    memcpy(out->picture.data, picture->bytes, picture->n_bytes);
    out->picture.len = picture->n_bytes;
}

/* --- the whole -------------------------------------------------------------------------------- */

static Strata__V1__Persona *persona_record(struct writer *writer, const struct strata_persona *in)
{
    const struct strata_portrait *portrait = in->portrait;
    Strata__V1__Persona *out = strata_maker_message(writer->maker, &strata__v1__persona__descriptor);
    if (!out) return NULL;
    out->name = strata_maker_text(writer->maker, portrait->name);
    out->title = strata_maker_text(writer->maker, in->name);
    out->definition = strata_maker_text(writer->maker, in->definition);
    out->age = statement_record(writer, portrait->age);
    out->household = statement_records(writer, &portrait->household, &out->n_household);
    fill_sections(writer, portrait, out);
    out->needs = statement_records(writer, &portrait->needs, &out->n_needs);
    out->pains = statement_records(writer, &portrait->pains, &out->n_pains);
    out->channels = preference_records(writer, &portrait->channels, &out->n_channels);
    fill_offers(writer, portrait, out);
    out->affinities = preference_records(writer, &portrait->affinities, &out->n_affinities);
    out->tone = advice_record(writer, &portrait->tone);
    out->value = statement_records(writer, &portrait->value, &out->n_value);
    out->potential = statement_records(writer, &portrait->potential, &out->n_potential);
    fill_typical(writer, portrait, out);
    out->avatar = strata_maker_text(writer->maker, portrait->avatar);
    out->avatar_text = strata_maker_text(writer->maker, portrait->avatar_text);
    fill_picture(writer, in, out);
    return out;
}

static Strata__V1__Department department(size_t department_)
{
    switch ((enum strata_department)department_) {
    case STRATA_MARKETING:
        return STRATA__V1__DEPARTMENT__DEPARTMENT_MARKETING;
    case STRATA_PRODUCT:
        return STRATA__V1__DEPARTMENT__DEPARTMENT_PRODUCT;
    case STRATA_SERVICE:
        return STRATA__V1__DEPARTMENT__DEPARTMENT_SERVICE;
    case STRATA_SALES:
        return STRATA__V1__DEPARTMENT__DEPARTMENT_SALES;
    case STRATA_DEPARTMENT_COUNT:
        break;
    }
    return STRATA__V1__DEPARTMENT__DEPARTMENT_UNSPECIFIED;
}

static void fill_briefs(struct writer *writer, const struct strata_portrait *in,
                        Strata__V1__Segment *out)
{
    size_t n = 0, count = 0;
    for (size_t d = 0; d < STRATA_DEPARTMENT_COUNT; d++) n += in->brief[d].n_lines > 0;
    out->briefs = strata_maker_list(writer->maker, &strata__v1__brief__descriptor, n, &count);
    for (size_t d = 0; d < STRATA_DEPARTMENT_COUNT && out->n_briefs < count; d++) {
        const struct strata_brief *brief = &in->brief[d];
        if (brief->n_lines == 0) continue;
        Strata__V1__Brief *item = out->briefs[out->n_briefs++];
        item->department = department(d);
        item->title = strata_maker_text(writer->maker, brief->title);
        item->lines = strata_maker_list(writer->maker, &strata__v1__advice__descriptor,
                                        brief->n_lines, &item->n_lines);
        for (size_t i = 0; i < item->n_lines; i++)
            fill_advice(writer, &brief->line[i], item->lines[i]);
    }
}

static Strata__V1__Attractiveness *attractiveness_record(struct strata_maker *maker,
                                                         const struct strata_attractiveness *in)
{
#define TAG(FIELD) STRATA__V1__ATTRACTIVENESS__HAS_##FIELD##_##FIELD
    Strata__V1__Attractiveness *out =
        strata_maker_message(maker, &strata__v1__attractiveness__descriptor);
    if (!out) return NULL;
    PUT_REAL(out, size, TAG(SIZE), in->size);
    PUT_REAL(out, value, TAG(VALUE), in->value);
    PUT_REAL(out, growth, TAG(GROWTH), in->growth);
    PUT_REAL(out, reach, TAG(REACH), in->reach);
    PUT_REAL(out, value_share, TAG(VALUE_SHARE), in->value_share);
    out->score = in->score;
    out->rank = in->rank;
    return out;
#undef TAG
}

void strata_persona_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                         const struct strata_persona *in, Strata__V1__Segment *out)
{
    struct writer writer = {maker, outcome};
    out->name_given = in->name_given;
    out->name_origin = strata_maker_text(maker, in->name_origin);
    if (!in->portrait) return;
    out->persona = persona_record(&writer, in);
    fill_briefs(&writer, in->portrait, out);
    out->attractiveness = attractiveness_record(maker, &in->portrait->attractiveness);
}

void strata_attractiveness_fill(struct strata_maker *maker, const struct strata_personas *personas,
                                Strata__V1__Result *out)
{
    const struct strata_attractiveness_weights *in = &strata_attractiveness_weights;
    if (personas->value_feature < personas->n_features)
        PUT_INDEX(out, value_feature, STRATA__V1__RESULT__HAS_VALUE_FEATURE_VALUE_FEATURE,
                  personas->value_feature);
    out->attractiveness_weights =
        strata_maker_message(maker, &strata__v1__attractiveness_weights__descriptor);
    if (!out->attractiveness_weights) return;
    out->attractiveness_weights->size = in->size;
    out->attractiveness_weights->value = in->value;
    out->attractiveness_weights->growth = in->growth;
    out->attractiveness_weights->reach = in->reach;
}
