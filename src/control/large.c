/* The outermost fields of a request, read off the wire. */
#include "requests.h"

#define FIELDS_MAX 16 /* more than a request has */
#define FIRST_BODY_FIELD 16

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

/* Behind a field's value; of a varint it is *number. */
static bool pass_value(struct wire *wire, unsigned type, uint64_t *number)
{
    switch (type) {
    case 0:
        return take_varint(wire, number);
    case 1:
        return skip(wire, 8);
    case 2:
        return take_varint(wire, number) && skip(wire, *number);
    case 5:
        return skip(wire, 4);
    default:
        return false;
    }
}

bool strata_request_peek(const void *bytes, size_t n_bytes, struct strata_peek *out)
{
    struct wire wire = {bytes, (const unsigned char *)bytes + n_bytes};
    *out = (struct strata_peek){.kind = STRATA__V1__REQUEST__BODY__NOT_SET};
    for (size_t n = 0; wire.at < wire.end; n++) {
        uint64_t tag = 0, number = 0;
        if (n == FIELDS_MAX || !take_varint(&wire, &tag)) return false;
        if (!pass_value(&wire, tag & 7, &number)) return false;
        if (tag == 1 << 3) out->id = number;
        if (tag >> 3 >= FIRST_BODY_FIELD && tag >> 3 < 1000)
            out->kind = (Strata__V1__Request__BodyCase)(tag >> 3);
    }
    return true;
}
