#include "recent.h"

const struct strata_recent_command *strata_recent_find(const struct strata_recent *recent,
                                                       uint64_t client, uint64_t id)
{
    for (size_t i = 0; i < STRATA_RECENT_COMMANDS; i++) {
        const struct strata_recent_command *command = &recent->command[i];
        if (command->id != 0 && command->id == id && command->client == client) return command;
    }
    return NULL;
}

void strata_recent_add(struct strata_recent *recent, struct strata_recent_command command)
{
    recent->command[recent->next] = command;
    recent->next = (recent->next + 1) % STRATA_RECENT_COMMANDS;
    if (command.number > recent->last_number)
        recent->last_number = command.number; /* cancel has one */
}
