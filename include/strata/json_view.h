/* The JSON view of any message of proto/: one function over its descriptor, so that result.json,
 * control replies and `--json` cannot differ.  It follows proto3's JSON mapping: lowerCamelCase
 * names, 64-bit integers as strings, enums by name, bytes in base64, doubles as the shortest text
 * that reads back the same. */
#ifndef STRATA_JSON_VIEW_H
#define STRATA_JSON_VIEW_H

#include <stddef.h>

#include "strata/arena.h"

struct ProtobufCMessage; /* of protobuf-c: pass &message.base */

enum strata_json_style {
    STRATA_JSON_PRETTY, /* two spaces a level, one field a line, a newline at the end */
    STRATA_JSON_LINE,   /* no white space, no newline at the end */
};

/* The message as JSON text in keep, NUL-terminated; NULL when there is no room.  n_bytes (may be
 * NULL) is without the NUL.  Not collective.  Two passes over the message, no other memory.
 * Fields stand in the order of their numbers.  A field with presence (in a oneof, or a message)
 * stands only when it is set; every other field always stands, zeros and empty lists too, so that
 * a reader finds one shape.  Texts are made valid UTF-8, and `<` is written as an escape, so that
 * the text may stand in a page's script element. */
char *strata_json_view(const struct ProtobufCMessage *message, enum strata_json_style style,
                       struct strata_arena *keep, size_t *n_bytes);

/* A finite double as the shortest decimal that reads back the same: 0.1, 1e+16, 5e-324.  Same
 * text on any machine. */
#define STRATA_JSON_DOUBLE_BYTES 32
void strata_json_double(double value, char text[STRATA_JSON_DOUBLE_BYTES]);

#endif
