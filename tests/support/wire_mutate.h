/* Mutations of packed messages that know the wire format: most of what they make is still a message, with fields that are
 * missing, twice, moved, of another number or kind, or at the edge of what they can hold, at any depth. */
#ifndef STRATA_TESTS_WIRE_MUTATE_H
#define STRATA_TESTS_WIRE_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIRE_FIELDS_MAX 64
#define WIRE_DEPTH_MAX 6

struct wire_random {
    uint64_t state;
};

/* Steele and others (2014), SplitMix64. */
static inline uint64_t wire_draw(struct wire_random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline size_t wire_below(struct wire_random *random, size_t n)
{
    return n ? (size_t)(wire_draw(random) % n) : 0;
}

struct wire_field {
    size_t begin, value,
        end; /* the tag, what it says, and what follows; of a text the value is its length */
    uint64_t tag;
    size_t inner; /* of a text: where its bytes begin; else `end` */
};

static inline size_t wire_put(uint8_t *at, uint64_t value)
{
    size_t n = 0;
    for (; value > 127; value >>= 7) at[n++] = (uint8_t)(value | 128);
    at[n++] = (uint8_t)value;
    return n;
}

/* Past the varint at `at`; 0 when there is none. */
static inline size_t wire_take(const uint8_t *data, size_t size, size_t at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; at < size && shift < 70; shift += 7) {
        if (shift < 64) *value |= (uint64_t)(data[at] & 127) << shift;
        if (!(data[at++] & 128)) return at;
    }
    return 0;
}

/* The fields of a message, as far as its bytes are one. */
static inline size_t wire_fields(const uint8_t *data, size_t size, struct wire_field *field)
{
    size_t n = 0, at = 0;
    while (at < size && n < WIRE_FIELDS_MAX) {
        struct wire_field *one = &field[n];
        uint64_t number = 0;
        one->begin = at;
        one->value = wire_take(data, size, at, &one->tag);
        if (one->value == 0) break;
        const unsigned kind = (unsigned)(one->tag & 7);
        if (kind == 0 || kind == 2) at = wire_take(data, size, one->value, &number);
        if (kind == 1) at = one->value + 8;
        if (kind == 5) at = one->value + 4;
        if (kind == 3 || kind == 4 || kind > 5 || at == 0) break;
        one->inner = at;
        if (kind == 2 && number > size - at) break;
        if (kind == 2) at += (size_t)number;
        if (at > size) break;
        one->end = at;
        if (kind != 2) one->inner = at;
        n++;
    }
    return n;
}

/* Put n_new bytes in the place of those from `from` to `to`; the new size, or the old one when there is no room. */
static inline size_t wire_replace(uint8_t *data, size_t size, size_t room, size_t from, size_t to,
                                  const uint8_t *new, size_t n_new)
{
    if (size - (to - from) + n_new > room) return size;
    memmove(data + from + n_new, data + to, size - to);
    if (n_new) memcpy(data + from, new, n_new);
    return size - (to - from) + n_new;
}

static inline uint64_t wire_edge(struct wire_random *random)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     15,
                                     63,
                                     64,
                                     127,
                                     128,
                                     255,
                                     256,
                                     257,
                                     1023,
                                     1024,
                                     1025,
                                     4095,
                                     4096,
                                     4097,
                                     65535,
                                     65536,
                                     100000,
                                     100001,
                                     0x7fffffff,
                                     0x80000000u,
                                     0xffffffffu,
                                     0x100000000u,
                                     (uint64_t)1 << 62,
                                     (uint64_t)INT64_MAX,
                                     (uint64_t)1 << 63,
                                     UINT64_MAX - 1,
                                     UINT64_MAX};
    const size_t n = sizeof edges / sizeof *edges, i = wire_below(random, n + 4);
    return i < n ? edges[i] : wire_draw(random) >> wire_below(random, 64);
}

/* Eight bytes of a double that is an edge of some kind. */
static inline uint64_t wire_edge_double(struct wire_random *random)
{
    static const double edges[] = {0.0,       -0.0,     0.1,       1.0,     -1.0,
                                   0x1p-1074, 0x1p1023, -0x1p1023, 65536.0, 1e-300};
    const size_t n = sizeof edges / sizeof *edges, i = wire_below(random, n + 4);
    uint64_t bits = wire_draw(random);
    if (i < n) memcpy(&bits, &edges[i], sizeof bits);
    if (i == n) bits = 0x7ff0000000000000u;     /* infinite */
    if (i == n + 1) bits = 0x7ff8000000000000u; /* no number */
    return bits;
}

static inline size_t wire_change_bytes(uint8_t *data, size_t size, size_t room,
                                       struct wire_random *random)
{
    uint8_t some[16];
    const size_t from = wire_below(random, size + 1), left = size - from;
    const size_t n_old = wire_below(random, (left < 8 ? left : 8) + 1);
    for (size_t i = 0; i < sizeof some; i++) some[i] = (uint8_t)wire_draw(random);
    switch (wire_below(random, 4)) {
    case 0:
        if (size) data[wire_below(random, size)] ^= (uint8_t)(1u << wire_below(random, 8));
        return size;
    case 1:
        return from; /* cut off */
    case 2:
        return wire_replace(data, size, room, from, from + n_old, NULL, 0);
    default:
        return wire_replace(data, size, room, from, from + n_old, some, wire_below(random, 16) + 1);
    }
}

/* Another value of the same kind. */
static inline size_t wire_change_value(uint8_t *data, size_t size, size_t room,
                                       const struct wire_field *field, struct wire_random *random)
{
    uint8_t text[1200];
    const unsigned kind = (unsigned)(field->tag & 7);
    if (kind == 0)
        return wire_replace(data, size, room, field->value, field->end, text,
                            wire_put(text, wire_edge(random)));
    if (kind != 2) {
        const uint64_t bits = wire_edge_double(random);
        memcpy(text, &bits, sizeof bits);
        return wire_replace(data, size, room, field->value, field->end, text, kind == 1 ? 8 : 4);
    }
    static const size_t lengths[] = {0, 1, 63, 64, 65, 255, 256, 257, 1024, 1025};
    static const char *const letters[] = {"a", "\xc3\xa9", "\xff", "%s%n", "<", "\xed\xa0\x80"};
    const char *letter = letters[wire_below(random, sizeof letters / sizeof *letters)];
    const size_t n = lengths[wire_below(random, sizeof lengths / sizeof *lengths)];
    const size_t begin = wire_put(text, n);
    for (size_t i = 0; i < n; i++) text[begin + i] = (uint8_t)letter[i % strlen(letter)];
    if (n && wire_below(random, 8) == 0) text[begin + wire_below(random, n)] = 0;
    return wire_replace(data, size, room, field->value, field->end, text, begin + n);
}

/* The field at another place, again, not at all, under another number, of another kind, or with a wrong length. */
static inline size_t wire_change_field(uint8_t *data, size_t size, size_t room,
                                       const struct wire_field *field, size_t n_fields,
                                       struct wire_random *random)
{
    uint8_t head[24], copy[2048];
    const struct wire_field *one = &field[wire_below(random, n_fields)];
    const struct wire_field *other = &field[wire_below(random, n_fields)];
    const size_t length = one->end - one->begin;
    const bool fits = length <= sizeof copy;
    if (fits) memcpy(copy, data + one->begin, length);
    switch (wire_below(random, 7)) {
    case 0:
        return wire_replace(data, size, room, one->begin, one->end, NULL, 0);
    case 1:
        return wire_replace(data, size, room, other->begin, other->begin, copy, fits ? length : 0);
    case 2:
        for (size_t n = wire_below(random, 40); fits && n > 0; n--)
            size = wire_replace(data, size, room, one->begin, one->begin, copy, length);
        return size;
    case 3:
        return wire_replace(data, size, room, one->begin, one->value, head,
                            wire_put(head, wire_below(random, 48) << 3 | (one->tag & 7)));
    case 4:
        return wire_replace(data, size, room, one->begin, one->value, head,
                            wire_put(head, (one->tag & ~(uint64_t)7) | wire_below(random, 8)));
    case 5:
        return one->inner == one->end ? size
                                      : wire_replace(data, size, room, one->value, one->inner, head,
                                                     wire_put(head, wire_edge(random)));
    default:
        return wire_change_value(data, size, room, one, random);
    }
}

/* Change a message of `size` bytes in data, which has room for more; its new size. */
static inline size_t wire_mutate(uint8_t *data, size_t size, size_t room, unsigned depth,
                                 struct wire_random *random)
{
    struct wire_field field[WIRE_FIELDS_MAX];
    const size_t n_fields = wire_fields(data, size, field);
    if (n_fields == 0 || wire_below(random, 8) == 0)
        return wire_change_bytes(data, size, room, random);
    const struct wire_field one = field[wire_below(random, n_fields)];
    const bool goes_in = one.inner < one.end && depth < WIRE_DEPTH_MAX && wire_below(random, 2) == 0;
    if (!goes_in) return wire_change_field(data, size, room, field, n_fields, random);
    /* the message in it, with its length made right */
    uint8_t inner[4096], head[10];
    const size_t length = one.end - one.inner;
    if (length > sizeof inner / 2)
        return wire_change_field(data, size, room, field, n_fields, random);
    memcpy(inner, data + one.inner, length);
    const size_t changed = wire_mutate(inner, length, sizeof inner, depth + 1, random);
    const size_t n_head = wire_put(head, changed);
    if (size - (one.end - one.value) + n_head + changed > room) return size;
    size = wire_replace(data, size, room, one.inner, one.end, inner, changed);
    return wire_replace(data, size, room, one.value, one.inner, head, n_head);
}

#endif
