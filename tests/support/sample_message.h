/* Messages of proto/ made up from their descriptors, so that no type and no field can be forgotten: golden bytes, and what
 * the fuzzers begin with. */
#ifndef STRATA_TESTS_SAMPLE_MESSAGE_H
#define STRATA_TESTS_SAMPLE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "strata/arena.h"

#define SAMPLE_TYPES_MAX 256

struct sample_types {
    const ProtobufCMessageDescriptor *type[SAMPLE_TYPES_MAX];
    size_t n;
};

/* The type and all that its fields can hold, each once. */
static inline void sample_reach(struct sample_types *types, const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; i < types->n; i++)
        if (types->type[i] == type) return;
    if (types->n == SAMPLE_TYPES_MAX) abort();
    types->type[types->n++] = type;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            sample_reach(types, type->fields[i].descriptor);
}

static inline bool sample_is_one_of(const ProtobufCFieldDescriptor *field)
{
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* A field's place among those of its oneof, and how many these are. */
static inline unsigned sample_rivals(const ProtobufCMessageDescriptor *type,
                                     const ProtobufCFieldDescriptor *field, unsigned *place)
{
    unsigned n = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &type->fields[i];
        if (!sample_is_one_of(other) || other->quantifier_offset != field->quantifier_offset)
            continue;
        if (other == field) *place = n;
        n++;
    }
    return n;
}

/* How many samples a type has: one for each member of its largest oneof. */
static inline unsigned sample_count(const ProtobufCMessageDescriptor *type)
{
    unsigned most = 1, place = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const unsigned n =
            sample_is_one_of(&type->fields[i]) ? sample_rivals(type, &type->fields[i], &place) : 0;
        if (n > most) most = n;
    }
    return most;
}

static inline bool sample_has(const ProtobufCMessageDescriptor *type,
                              const ProtobufCFieldDescriptor *field, unsigned which)
{
    unsigned place = 0;
    return !sample_is_one_of(field) || which % sample_rivals(type, field, &place) == place;
}

/* What tells sample `which` from the others of its type: a member of the oneof; "" when there is one sample only. */
static inline const char *sample_name(const ProtobufCMessageDescriptor *type, unsigned which)
{
    unsigned place = 0;
    for (unsigned i = 0; sample_count(type) > 1 && i < type->n_fields; i++)
        if (sample_is_one_of(&type->fields[i]) && sample_has(type, &type->fields[i], which) &&
            sample_rivals(type, &type->fields[i], &place) == sample_count(type))
            return type->fields[i].name;
    return "";
}

static inline void *sample_room(struct strata_arena *arena, size_t n_bytes)
{
    unsigned char *room = STRATA_NEW(arena, unsigned char, (n_bytes + 15) / 16 * 16 + 16);
    if (!room) abort();
    return room + (16 - (uintptr_t)room % 16) % 16;
}

static inline ProtobufCMessage *sample_message(const ProtobufCMessageDescriptor *type,
                                               unsigned which, bool whole,
                                               struct strata_arena *arena);

/* A value of one field, which its number decides, written to `at`; the bytes it takes. */
static inline size_t sample_value(const ProtobufCFieldDescriptor *field, unsigned turn, void *at,
                                  struct strata_arena *arena)
{
    const uint32_t number = 3 * field->id + turn;
    const ProtobufCEnumDescriptor *words = field->descriptor;
    const uint64_t large = ((uint64_t)number << 33) + 7;
    const double fraction = number + 0.25;
    const float narrow = (float)number + 0.5f;
    const int32_t word = field->type == PROTOBUF_C_TYPE_ENUM
                             ? words->values[(words->n_values - 1) - turn % words->n_values].value
                             : 0;
    const protobuf_c_boolean yes = true;
    char *text = (char *)(uintptr_t)field->name; /* only packed */
    const ProtobufCBinaryData data = {.len = strlen(text), .data = (uint8_t *)text};
    ProtobufCMessage *inner = NULL;
#define SAMPLE_PUT(value) (memcpy(at, &(value), sizeof(value)), sizeof(value))
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return SAMPLE_PUT(number);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return SAMPLE_PUT(large);
    case PROTOBUF_C_TYPE_FLOAT:
        return SAMPLE_PUT(narrow);
    case PROTOBUF_C_TYPE_DOUBLE:
        return SAMPLE_PUT(fraction);
    case PROTOBUF_C_TYPE_BOOL:
        return SAMPLE_PUT(yes);
    case PROTOBUF_C_TYPE_ENUM:
        return SAMPLE_PUT(word);
    case PROTOBUF_C_TYPE_STRING:
        return SAMPLE_PUT(text);
    case PROTOBUF_C_TYPE_BYTES:
        return SAMPLE_PUT(data);
    case PROTOBUF_C_TYPE_MESSAGE:
        inner = sample_message(field->descriptor, turn, false, arena);
        return SAMPLE_PUT(inner);
    }
#undef SAMPLE_PUT
    abort();
}

/* A message with all its fields (of a oneof the one that `which` says), lists with two entries; messages in it have no
 * messages in them unless they are whole. */
static inline ProtobufCMessage *sample_message(const ProtobufCMessageDescriptor *type,
                                               unsigned which, bool whole,
                                               struct strata_arena *arena)
{
    enum { ENTRIES = 2, VALUE_BYTES = 16 };
    unsigned char *bytes = sample_room(arena, type->sizeof_message);
    type->message_init((ProtobufCMessage *)(void *)bytes);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (!whole && field->type == PROTOBUF_C_TYPE_MESSAGE) continue;
        if (!sample_has(type, field, which)) continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            const size_t n = ENTRIES;
            unsigned char *list = sample_room(arena, (size_t)ENTRIES * VALUE_BYTES);
            size_t at = 0;
            for (unsigned turn = 0; turn < ENTRIES; turn++)
                at += sample_value(field, turn, list + at, arena);
            memcpy(bytes + field->quantifier_offset, &n, sizeof n);
            memcpy(bytes + field->offset, &list, sizeof(void *));
            continue;
        }
        (void)sample_value(field, 0, bytes + field->offset, arena);
        if (sample_is_one_of(field))
            memcpy(bytes + field->quantifier_offset, &field->id, sizeof field->id);
    }
    return (ProtobufCMessage *)(void *)bytes;
}

#endif
