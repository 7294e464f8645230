#include "strata/json_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "strata/status.h"

/* Our messages nest four deep and are never recursive. */
#define MAX_DEPTH 16

/* Counts bytes while out is NULL, writes them the second time. */
struct writer {
    char *out;
    size_t at;
    enum strata_json_style style;
    int depth;
};

static void put_bytes(struct writer *writer, const char *bytes, size_t n_bytes)
{
    if (writer->out) memcpy(writer->out + writer->at, bytes, n_bytes);
    writer->at += n_bytes;
}

static void put(struct writer *writer, const char *text)
{
    put_bytes(writer, text, strlen(text));
}

static void put_break(struct writer *writer)
{
    if (writer->style == STRATA_JSON_LINE) return;
    put(writer, "\n");
    for (int level = 0; level < writer->depth; level++) put(writer, "  ");
}

/* --- scalars --------------------------------------------------------------------------------- */

void strata_json_double(double value, char text[STRATA_JSON_DOUBLE_BYTES])
{
    /* 15 digits are enough for most values, 17 for all; subnormal ones may need fewer. */
    const int first = value != 0 && fabs(value) < 0x1p-1022 ? 1 : 15;
    for (int digits = first; digits <= 17; digits++) {
        (void)snprintf(text, STRATA_JSON_DOUBLE_BYTES, "%.*g", digits, value);
        if (strtod(text, NULL) == value) return;
    }
}

static void put_double(struct writer *writer, double value)
{
    char text[STRATA_JSON_DOUBLE_BYTES];
    if (isnan(value)) {
        put(writer, "\"NaN\"");
    } else if (isinf(value)) {
        put(writer, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        strata_json_double(value, text);
        put(writer, text);
    }
}

static void put_float(struct writer *writer, float value)
{
    char text[STRATA_JSON_DOUBLE_BYTES];
    const double wide = (double)value;
    for (int digits = 1; digits <= 9 && isfinite(value); digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, wide);
        if (strtof(text, NULL) == value) {
            put(writer, text);
            return;
        }
    }
    put_double(writer, wide);
}

/* The length of the valid UTF-8 sequence at text, 0 if there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t length;
    } form[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof form / sizeof form[0]; i++) {
        if (text[0] < form[i].first || text[0] > form[i].last) continue;
        if (form[i].length > 1 && (text[1] < form[i].second_first || text[1] > form[i].second_last))
            return 0;
        for (size_t j = 2; j < form[i].length; j++)
            if ((text[j] & 0xc0u) != 0x80u) return 0;
        return form[i].length;
    }
    return 0;
}

static void put_escaped(struct writer *writer, unsigned char byte)
{
    char escape[8];
    switch (byte) {
    case '"':
        put(writer, "\\\"");
        break;
    case '\\':
        put(writer, "\\\\");
        break;
    case '\n':
        put(writer, "\\n");
        break;
    case '\r':
        put(writer, "\\r");
        break;
    case '\t':
        put(writer, "\\t");
        break;
    default:
        (void)snprintf(escape, sizeof escape, "\\u%04x", byte);
        put(writer, escape);
    }
}

static void put_text(struct writer *writer, const char *text)
{
    const unsigned char *at = (const unsigned char *)(text ? text : "");
    put(writer, "\"");
    while (*at) {
        const size_t length = utf8_length(at);
        if (length == 0)
            put(writer, "\\ufffd");
        else if (length == 1 &&
                 (*at < 0x20 || *at == '"' || *at == '\\' || *at == '<' || *at == 0x7f))
            put_escaped(writer, *at);
        else
            put_bytes(writer, (const char *)at, length);
        at += length ? length : 1;
    }
    put(writer, "\"");
}

static void put_base64(struct writer *writer, const ProtobufCBinaryData *bytes)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    put(writer, "\"");
    for (size_t i = 0; i < bytes->len; i += 3) {
        const size_t n = bytes->len - i < 3 ? bytes->len - i : 3;
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++) group = group << 8 | (j < n ? bytes->data[i + j] : 0u);
        char quad[4] = {'=', '=', '=', '='};
        for (size_t j = 0; j <= n; j++) quad[j] = digit[group >> (18 - 6 * j) & 63];
        put_bytes(writer, quad, sizeof quad);
    }
    put(writer, "\"");
}

static void put_enum(struct writer *writer, const ProtobufCEnumDescriptor *descriptor, int value)
{
    char number[16];
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(descriptor, value);
    if (known) {
        put_text(writer, known->name);
        return;
    }
    (void)snprintf(number, sizeof number, "%d", value);
    put(writer, number);
}

/* --- fields ---------------------------------------------------------------------------------- */

static void put_message(struct writer *writer, const ProtobufCMessage *message);

static size_t value_bytes(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM:
        return sizeof(int);
    case PROTOBUF_C_TYPE_STRING:
        return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    }
    return 0;
}

static void put_value(struct writer *writer, const ProtobufCFieldDescriptor *field, const void *at)
{
    char text[32] = "";
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        (void)snprintf(text, sizeof text, "%" PRId32, *(const int32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        (void)snprintf(text, sizeof text, "%" PRIu32, *(const uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        (void)snprintf(text, sizeof text, "\"%" PRId64 "\"", *(const int64_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        (void)snprintf(text, sizeof text, "\"%" PRIu64 "\"", *(const uint64_t *)at);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        (void)snprintf(text, sizeof text, *(const protobuf_c_boolean *)at ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        put_float(writer, *(const float *)at);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        put_double(writer, *(const double *)at);
        return;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(writer, field->descriptor, *(const int *)at);
        return;
    case PROTOBUF_C_TYPE_STRING:
        put_text(writer, *(const char *const *)at);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        put_base64(writer, at);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        put_message(writer, *(const ProtobufCMessage *const *)at);
        return;
    }
    put(writer, text);
}

/* spend_last_year -> spendLastYear */
static void put_name(struct writer *writer, const char *name)
{
    bool raise = false;
    put(writer, "\"");
    for (const char *at = name; *at; at++) {
        char letter = *at;
        if (raise && letter >= 'a' && letter <= 'z') letter = (char)(letter - 'a' + 'A');
        raise = *at == '_';
        if (!raise) put_bytes(writer, &letter, 1);
    }
    put(writer, writer->style == STRATA_JSON_LINE ? "\":" : "\": ");
}

/* Lists of numbers stand on one line; lists of messages and texts one item a line. */
static void put_list(struct writer *writer, const ProtobufCFieldDescriptor *field, size_t count,
                     const char *items)
{
    const bool tall =
        field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING;
    const char *comma = tall || writer->style == STRATA_JSON_LINE ? "," : ", ";
    const size_t step = value_bytes(field->type);
    put(writer, "[");
    writer->depth++;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) put(writer, comma);
        if (tall) put_break(writer);
        put_value(writer, field, items + i * step);
    }
    writer->depth--;
    if (tall && count > 0) put_break(writer);
    put(writer, "]");
}

/* Whether the field stands: see the header for the rule. */
static bool is_shown(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) return true;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(const void *)(base + field->quantifier_offset) == field->id;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(const ProtobufCMessage *const *)(const void *)(base + field->offset) != NULL;
    return true;
}

static void put_field(struct writer *writer, const ProtobufCMessage *message,
                      const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    const void *at = base + field->offset;
    put_break(writer);
    put_name(writer, field->name);
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        put_value(writer, field, at);
        return;
    }
    const size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    put_list(writer, field, count, *(const char *const *)at);
}

/* Descriptors list fields by number. */
static void put_message(struct writer *writer, const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    size_t shown = 0;
    STRATA_REQUIRE(writer->depth < MAX_DEPTH);
    put(writer, "{");
    writer->depth++;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        if (!is_shown(message, &descriptor->fields[i])) continue;
        if (shown++ > 0) put(writer, ",");
        put_field(writer, message, &descriptor->fields[i]);
    }
    writer->depth--;
    if (shown > 0) put_break(writer);
    put(writer, "}");
}

char *strata_json_view(const struct ProtobufCMessage *message, enum strata_json_style style,
                       struct strata_arena *keep, size_t *n_bytes)
{
    struct writer writer = {.style = style};
    char *text = NULL;
    for (int pass = 0; pass < 2; pass++) {
        writer = (struct writer){.out = text, .style = style};
        put_message(&writer, message);
        put(&writer, style == STRATA_JSON_PRETTY ? "\n" : "");
        if (pass == 0) text = STRATA_NEW(keep, char, writer.at + 1);
        if (!text) return NULL;
    }
    if (n_bytes) *n_bytes = writer.at;
    return text;
}
