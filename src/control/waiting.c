#include "waiting.h"

#include <math.h>

#include "strata/clock.h"

size_t strata_waiting_count(const struct strata_waiting *waiting)
{
    size_t n = 0;
    for (size_t i = 0; i < STRATA_WAITING_MAX; i++) n += waiting->wait[i].asked.number != 0;
    return n;
}

void strata_waiting_add(struct strata_waiting *waiting, const struct strata_letter *letter,
                        const struct strata_asked *asked)
{
    size_t i = 0;
    while (i < STRATA_WAITING_MAX && waiting->wait[i].asked.number != 0) i++;
    STRATA_REQUIRE(i < STRATA_WAITING_MAX);
    struct strata_wait *wait = &waiting->wait[i];
    wait->asked = *asked;
    wait->until_s = asked->deadline_ms ? strata_clock_s() + asked->deadline_ms / 1000.0 : HUGE_VAL;
    wait->letter = *letter;
    wait->letter.peer = NULL; /* as the body, in a message that is closed */
    wait->letter.body = NULL;
    wait->letter.n_body = 0;
}

double strata_waiting_until(const struct strata_waiting *waiting)
{
    double until_s = HUGE_VAL;
    for (size_t i = 0; i < STRATA_WAITING_MAX; i++)
        if (waiting->wait[i].asked.number != 0 && waiting->wait[i].until_s < until_s)
            until_s = waiting->wait[i].until_s;
    return until_s;
}

struct strata_wait *strata_waiting_next(struct strata_waiting *waiting, size_t *from)
{
    while (*from < STRATA_WAITING_MAX) {
        struct strata_wait *wait = &waiting->wait[(*from)++];
        if (wait->asked.number != 0) return wait;
    }
    return NULL;
}

void strata_waiting_remove(struct strata_wait *wait)
{
    wait->asked.number = 0;
}
