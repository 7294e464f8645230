/* The fields of a large request, read off the wire: what it is, and of how many parts, before memory is given to it. */
#include "requests.h"

#include "strata/protocol_limits.h"

#define DEPTH 3         /* a Request, its body, and a Column */
#define COLUMNS_FIELD 1 /* of Assign and of Explain */

struct wire {
    const unsigned char *at, *end;
};

static bool take_varint(struct wire *wire, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && wire->at < wire->end; shift += 7) {
        const unsigned char byte = *wire->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

static bool skip(struct wire *wire, uint64_t n_bytes)
{
    if (n_bytes > (uint64_t)(wire->end - wire->at)) return false;
    wire->at += n_bytes;
    return true;
}

/* Behind a field's value; *number is that of a varint, or how many bytes others have. */
static bool pass_value(struct wire *wire, unsigned type, uint64_t *number)
{
    switch (type) {
    case 0:
        return take_varint(wire, number);
    case 1:
        return skip(wire, *number = 8);
    case 2:
        return take_varint(wire, number) && skip(wire, *number);
    case 5:
        return skip(wire, *number = 4);
    default:
        return false;
    }
}

static bool is_body(uint64_t field)
{
    return field == STRATA__V1__REQUEST__BODY_ASSIGN || field == STRATA__V1__REQUEST__BODY_EXPLAIN;
}

/* Whether a field of bytes holds fields that are to be counted too. */
static bool is_inner(size_t depth, uint64_t field)
{
    return depth == 0 ? is_body(field) : depth == 1 && field == COLUMNS_FIELD;
}

static void note(uint64_t tag, uint64_t number, struct strata_peek *out)
{
    const Strata__V1__Request__BodyCase kind = (Strata__V1__Request__BodyCase)(tag >> 3);
    if (tag == 1 << 3) out->id = number;
    if (strata_request_row(kind)) out->kind = kind;
}

bool strata_request_peek(const void *bytes, size_t n_bytes, struct strata_peek *out)
{
    struct wire level[DEPTH] = {{bytes, (const unsigned char *)bytes + n_bytes}};
    size_t depth = 0;
    *out = (struct strata_peek){.kind = STRATA__V1__REQUEST__BODY__NOT_SET};
    while (out->n_fields <= STRATA_REQUEST_FIELDS_MAX) {
        struct wire *wire = &level[depth];
        uint64_t tag = 0, number = 0;
        if (wire->at == wire->end && depth == 0) break;
        if (wire->at == wire->end) {
            depth--;
            continue;
        }
        if (!take_varint(wire, &tag) || tag >> 3 == 0 || tag > UINT32_MAX) return false;
        if (!pass_value(wire, tag & 7, &number)) return false;
        out->n_fields++;
        if (depth == 0) note(tag, number, out);
        if ((tag & 7) == 2 && is_inner(depth, tag >> 3)) {
            level[depth + 1] = (struct wire){wire->at - number, wire->at};
            depth++;
        }
    }
    return true;
}
