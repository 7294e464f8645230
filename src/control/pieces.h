/* A reply that is too large for one message: packed once, kept, and handed out piece by piece. */
#ifndef STRATA_CONTROL_PIECES_H
#define STRATA_CONTROL_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/v1/control.pb-c.h"

/* The one that is kept.  Zeroed: none. */
struct strata_pieces {
    struct strata_arena memory; /* of the rest */
    const unsigned char *
        asked; /* (n_asked) the request that it answers, packed without what differs when it is repeated */
    size_t n_asked;
    const unsigned char *whole; /* (n_whole) the packed Reply */
    size_t n_whole;
    uint64_t seq; /* of the snapshot that it was made from */
};

/* Fill a reply with the piece that a request wants, when what is kept answers it from the same snapshot; false: it does
 * not.  The piece is not copied. */
bool strata_pieces_hand_out(const struct strata_pieces *pieces, const Strata__V1__Request *request,
                            uint64_t seq, struct strata_arena *arena, Strata__V1__Reply *reply);

/* Keep the whole reply to a request in the place of the one before; false when there is no room. */
bool strata_pieces_keep(struct strata_pieces *pieces, const Strata__V1__Request *request,
                        Strata__V1__Reply *whole, struct strata_arena *arena);

void strata_pieces_finish(struct strata_pieces *pieces);

#endif
