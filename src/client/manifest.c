/* manifest.json read back into its message, whose fields are known by their descriptor: proto3's JSON, as
 * strata_json_view wrote it.  What a newer strata has added is left out. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "strata/file.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"
#include "strata/v1/control.pb-c.h"

#define NAME_BYTES 64

/* "started" of "started", "inputFingerprint" of "input_fingerprint". */
static const json_t *value_of(const json_t *object, const char *name)
{
    char key[NAME_BYTES];
    size_t n = 0;
    for (; *name && n + 1 < sizeof key; name++) {
        if (*name == '_' && name[1] >= 'a' && name[1] <= 'z')
            key[n++] = (char)(*++name - 'a' + 'A');
        else
            key[n++] = *name;
    }
    key[n] = '\0';
    return json_object_get(object, key);
}

static bool read_message(const json_t *object, const ProtobufCMessageDescriptor *type,
                         void *message, struct strata_arena *keep);

static bool read_count(const json_t *value, uint64_t most, uint64_t *count)
{
    char *end = NULL;
    const char *text = json_string_value(value); /* 64-bit integers are strings */
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        *count = (uint64_t)json_integer_value(value);
    else if (text && text[0] >= '0' && text[0] <= '9')
        *count = strtoull(text, &end, 10);
    else
        return false;
    return *count <= most && (!end || *end == '\0');
}

static bool read_single(const json_t *value, const ProtobufCFieldDescriptor *field, void *out,
                        struct strata_arena *keep)
{
    uint64_t count = 0;
    switch ((int)field->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (!json_is_string(value)) return false;
        *(char **)out = strata_arena_copy(keep, json_string_value(value), json_string_length(value));
        return *(char **)out != NULL;
    case PROTOBUF_C_TYPE_UINT32:
        if (!read_count(value, UINT32_MAX, &count)) return false;
        *(uint32_t *)out = (uint32_t)count;
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_count(value, UINT64_MAX, out);
    case PROTOBUF_C_TYPE_DOUBLE:
        if (!json_is_number(value)) return false;
        *(double *)out = json_number_value(value);
        return true;
    default:
        return false;
    }
}

static bool read_list(const json_t *list, const ProtobufCFieldDescriptor *field, void *out,
                      size_t *n_out, struct strata_arena *keep)
{
    const size_t n = json_array_size(list);
    void **items = STRATA_NEW(keep, void *, n);
    const bool of_messages = field->type == PROTOBUF_C_TYPE_MESSAGE;
    if (!items || !json_is_array(list)) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        const ProtobufCMessageDescriptor *type = field->descriptor;
        if (of_messages) {
            items[i] = strata_arena_take(keep, type->sizeof_message, 16, 1);
            if (!items[i] || !read_message(item, type, items[i], keep)) return false;
        } else if (field->type != PROTOBUF_C_TYPE_STRING ||
                   !read_single(item, field, &items[i], keep)) {
            return false;
        }
    }
    *(void ***)out = items;
    *n_out = n;
    return true;
}

/* The depth is that of the message's type, which contains no message of its own type. */
static bool read_message(const json_t *object, const ProtobufCMessageDescriptor *type,
                         void *message, struct strata_arena *keep)
{
    if (!json_is_object(object)) return false;
    protobuf_c_message_init(type, message);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        const json_t *value = value_of(object, field->name);
        unsigned char *at = (unsigned char *)message + field->offset;
        size_t *n = (size_t *)(void *)((unsigned char *)message + field->quantifier_offset);
        if (!value) continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED ? !read_list(value, field, at, n, keep)
                                                      : !read_single(value, field, at, keep))
            return false;
    }
    return true;
}

strata_status strata_manifest_read(const char *directory, struct strata_arena *keep,
                                   Strata__V1__Manifest **out, struct strata_err *err)
{
    char *text = NULL;
    size_t n_bytes = 0;
    const char *path = strata_path_join(directory, "manifest.json", keep);
    Strata__V1__Manifest *manifest = STRATA_NEW(keep, Strata__V1__Manifest, 1);
    if (!path || !manifest) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the manifest");
    STRATA_TRY(strata_file_read(path, STRATA_MANIFEST_BYTES_MAX, keep, &text, &n_bytes, err));
    json_t *root = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, NULL);
    const bool is_read = read_message(root, &strata__v1__manifest__descriptor, manifest, keep);
    json_decref(root);
    if (!is_read)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s: not a manifest of strata, or no room for it",
                           path);
    *out = manifest;
    return STRATA_OK;
}
