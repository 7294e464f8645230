/* The commands that were obeyed last, and what was answered: one that comes again gets the first answer and has no second
 * effect. */
#ifndef STRATA_CONTROL_RECENT_H
#define STRATA_CONTROL_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "strata/protocol_limits.h"

struct strata_recent_command {
    uint64_t client, id; /* id 0: none */
    size_t n_reply;
    unsigned char reply[STRATA_RECENT_REPLY_BYTES]; /* packed strata.v1.Reply */
};

struct strata_recent {
    struct strata_recent_command command[STRATA_RECENT_COMMANDS];
    size_t next; /* to be forgotten */
};

/* The command of a client with this id, NULL when it is new, or too long ago. */
const struct strata_recent_command *strata_recent_find(const struct strata_recent *recent,
                                                       uint64_t client, uint64_t id);

/* Room for the reply to a new one, in place of the oldest. */
struct strata_recent_command *strata_recent_add(struct strata_recent *recent, uint64_t client,
                                                uint64_t id);

#endif
