#include "pieces.h"

#include <string.h>

#include "strata/protocol_limits.h"

#include "handlers.h"

/* What is asked, whoever asks and whichever piece: NULL when there is no room. */
static unsigned char *pack_question(const Strata__V1__Request *request, struct strata_arena *arena,
                                    size_t *n_bytes)
{
    Strata__V1__Request question = *request;
    question.id = 0;
    question.deadline_ms = 0;
    question.piece = 0;
    question.incarnation = (char *)(uintptr_t) ""; /* only packed */
    *n_bytes = strata__v1__request__get_packed_size(&question);
    unsigned char *bytes = STRATA_NEW(arena, unsigned char, *n_bytes + 1);
    if (bytes) (void)strata__v1__request__pack(&question, bytes); /* its size is known */
    return bytes;
}

static void hand_out(const struct strata_pieces *pieces, uint32_t number, Strata__V1__Reply *reply)
{
    const size_t first = (size_t)(number - 1) * STRATA_PIECE_BYTES;
    const size_t n_pieces = (pieces->n_whole + STRATA_PIECE_BYTES - 1) / STRATA_PIECE_BYTES;
    if (number > n_pieces) {
        strata_refuse(reply, STRATA__V1__CODE__CODE_BAD_REQUEST, "the reply has fewer pieces");
        return;
    }
    const size_t left = pieces->n_whole - first;
    reply->seq = pieces->seq;
    reply->pieces = (uint32_t)n_pieces;
    reply->piece.data = (uint8_t *)(uintptr_t)(pieces->whole + first); /* only packed */
    reply->piece.len = left < STRATA_PIECE_BYTES ? left : STRATA_PIECE_BYTES;
}

bool strata_pieces_hand_out(const struct strata_pieces *pieces, const Strata__V1__Request *request,
                            uint64_t seq, struct strata_arena *arena, Strata__V1__Reply *reply)
{
    size_t n_asked = 0;
    if (request->piece == 0 || !pieces->whole || pieces->seq != seq) return false;
    const unsigned char *asked = pack_question(request, arena, &n_asked);
    if (!asked || n_asked != pieces->n_asked || memcmp(asked, pieces->asked, n_asked) != 0)
        return false;
    hand_out(pieces, request->piece, reply);
    return true;
}

bool strata_pieces_keep(struct strata_pieces *pieces, const Strata__V1__Request *request,
                        Strata__V1__Reply *whole, struct strata_arena *arena)
{
    strata_pieces_finish(pieces);
    size_t n_asked = 0;
    const unsigned char *asked = pack_question(request, arena, &n_asked);
    whole->id = 0; /* each piece has the id of who asked for it */
    const size_t n_whole = strata__v1__reply__get_packed_size(whole);
    if (!asked || n_whole > STRATA_WHOLE_BYTES_MAX ||
        !strata_arena_init(&pieces->memory, n_asked + n_whole + 4096))
        return false;
    unsigned char *kept = STRATA_NEW(&pieces->memory, unsigned char, n_asked + 1);
    unsigned char *bytes = STRATA_NEW(&pieces->memory, unsigned char, n_whole);
    if (!kept || !bytes) return false;
    memcpy(kept, asked, n_asked);
    (void)strata__v1__reply__pack(whole, bytes); /* its size is known */
    pieces->asked = kept;
    pieces->n_asked = n_asked;
    pieces->whole = bytes;
    pieces->n_whole = n_whole;
    pieces->seq = whole->seq;
    return true;
}

void strata_pieces_finish(struct strata_pieces *pieces)
{
    strata_arena_finish(&pieces->memory);
    *pieces = (struct strata_pieces){.n_whole = 0};
}
