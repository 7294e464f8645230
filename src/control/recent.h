/* The commands that were left on the board last: one that comes again gets the first one's answer and has no second
 * effect. */
#ifndef STRATA_CONTROL_RECENT_H
#define STRATA_CONTROL_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "strata/protocol_limits.h"

struct strata_recent_command {
    uint64_t client, id; /* id 0: none that could be repeated */
    uint64_t number;     /* on the board */
    int kind;            /* of Request.body */
};

struct strata_recent {
    struct strata_recent_command command[STRATA_RECENT_COMMANDS];
    size_t next; /* to be forgotten */
    uint64_t last_number;
};

/* The command of a client with this id, NULL when it is new, or too long ago. */
const struct strata_recent_command *strata_recent_find(const struct strata_recent *recent,
                                                       uint64_t client, uint64_t id);

/* Remember one, in place of the oldest. */
void strata_recent_add(struct strata_recent *recent, struct strata_recent_command command);

#endif
