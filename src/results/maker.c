#include <string.h>

#include "results_impl.h"

char *strata_maker_text(struct strata_maker *maker, const char *text)
{
    char *copy = text ? strata_arena_copy(maker->keep, text, strlen(text)) : NULL;
    if (text && !copy) maker->full = true;
    return copy ? copy : (char *)(uintptr_t)protobuf_c_empty_string;
}

double *strata_maker_doubles(struct strata_maker *maker, const double *value, size_t n,
                             size_t *count)
{
    double *copy = n ? STRATA_NEW(maker->keep, double, n) : NULL;
    if (n && !copy) maker->full = true;
    *count = copy ? n : 0;
    if (copy) memcpy(copy, value, n * sizeof *copy);
    return copy;
}

void *strata_maker_message(struct strata_maker *maker, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message =
        strata_arena_take(maker->keep, type->sizeof_message, _Alignof(max_align_t), 1);
    if (!message) {
        maker->full = true;
        return NULL;
    }
    protobuf_c_message_init(type, message);
    return message;
}

void *strata_maker_list(struct strata_maker *maker, const ProtobufCMessageDescriptor *type,
                        size_t n, size_t *count)
{
    *count = 0;
    if (n == 0) return NULL;
    ProtobufCMessage **list = STRATA_NEW(maker->keep, ProtobufCMessage *, n);
    unsigned char *items =
        strata_arena_take(maker->keep, type->sizeof_message, _Alignof(max_align_t), n);
    if (!list || !items) {
        maker->full = true;
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = (ProtobufCMessage *)(void *)(items + i * type->sizeof_message);
        protobuf_c_message_init(type, list[i]);
    }
    *count = n;
    return list;
}

strata_status strata_record_pack(const ProtobufCMessage *message, struct strata_arena *keep,
                                 struct strata_blob *blob, struct strata_err *err)
{
    const size_t n_bytes = protobuf_c_message_get_packed_size(message);
    if (n_bytes > STRATA_RECORD_BYTES_MAX)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "the record %s has %zu bytes, more than the %zu that readers take: "
                           "declare fewer text levels, features or segments",
                           message->descriptor->name, n_bytes, STRATA_RECORD_BYTES_MAX);
    blob->bytes = STRATA_NEW(keep, unsigned char, n_bytes + 1);
    if (!blob->bytes)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a record of %zu bytes", n_bytes);
    blob->n_bytes = protobuf_c_message_pack(message, blob->bytes);
    return STRATA_OK;
}

static void *arena_alloc(void *arena, size_t n_bytes)
{
    return strata_arena_take(arena, 1, _Alignof(max_align_t), n_bytes ? n_bytes : 1);
}

static void arena_free(void *arena, void *piece)
{
    (void)arena; /* the arena forgets all pieces at once */
    (void)piece;
}

ProtobufCMessage *strata_record_unpack(const ProtobufCMessageDescriptor *type,
                                       const struct strata_blob *blob, struct strata_arena *keep)
{
    ProtobufCAllocator allocator = {arena_alloc, arena_free, keep};
    if (blob->n_bytes > STRATA_RECORD_BYTES_MAX) return NULL;
    return protobuf_c_message_unpack(type, &allocator, blob->n_bytes, blob->bytes);
}
