/* Names that the user gives: which segment each belongs to. */
#include <strings.h>

#include "persona/persona_impl.h"

bool strata_persona_is_called(const struct strata_persona *persona, const char *name)
{
    return strcasecmp(persona->name, name) == 0 || strcasecmp(persona->automatic_name, name) == 0;
}

/* The unused entry of `names` for a segment of that name; SIZE_MAX when there is none. */
static size_t entry_for(const struct strata_own_names *own, const char *segment)
{
    for (size_t i = 0; i < own->config->n_given_names; i++) {
        if (!own->used[i] && strcasecmp(own->config->given_name[i].segment, segment) == 0) return i;
    }
    return SIZE_MAX;
}

static bool is_settled(const struct strata_own_names *own, const char *name, size_t but)
{
    for (size_t s = 0; s < own->k; s++) {
        if (s != but && own->name[s] && strcasecmp(own->name[s], name) == 0) return true;
    }
    return false;
}

static void take_entry(struct strata_own_names *own, size_t s, size_t entry)
{
    own->used[entry] = true;
    own->name[s] = own->config->given_name[entry].value;
    own->inherited[s] = false;
}

bool strata_own_names_make(struct strata_own_names *own, const struct strata_config *config,
                           const struct strata_earlier_name *earlier, size_t k,
                           struct strata_arena *scratch)
{
    *own = (struct strata_own_names){.config = config,
                                     .earlier = earlier,
                                     .k = k,
                                     .name = STRATA_NEW(scratch, const char *, k),
                                     .inherited = STRATA_NEW(scratch, bool, k),
                                     .used = STRATA_NEW(scratch, bool, config->n_given_names)};
    if (!own->name || !own->inherited || !own->used) return false;
    for (size_t s = 0; s < k && earlier; s++) {
        const size_t entry = earlier[s].name ? entry_for(own, earlier[s].name) : SIZE_MAX;
        if (entry != SIZE_MAX) take_entry(own, s, entry);
    }
    for (size_t s = 0; s < k && earlier; s++) {
        if (own->name[s] || !earlier[s].name || !earlier[s].given) continue;
        if (is_settled(own, earlier[s].name, s)) continue;
        own->name[s] = earlier[s].name;
        own->inherited[s] = true;
    }
    return true;
}

const char *strata_own_name(struct strata_own_names *own, size_t s, const char *automatic)
{
    const size_t entry = entry_for(own, automatic);
    const bool may = !own->name[s] || own->inherited[s];
    if (may && entry != SIZE_MAX && !is_settled(own, own->config->given_name[entry].value, s))
        take_entry(own, s, entry);
    return own->name[s];
}

const char *strata_own_name_origin(const struct strata_own_names *own, size_t s,
                                   const char *automatic, struct strata_arena *keep)
{
    const bool inherited = own->inherited[s];
    const struct strata_slot slot[2] = {{"first", automatic},
                                        {"second", inherited ? own->earlier[s].job : ""}};
    return strata_message_fill(strata_message_at("origin", inherited ? "earlier" : "job", NULL),
                               slot, 2, keep);
}
