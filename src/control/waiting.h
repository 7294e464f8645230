/* Commands that have been asked and not answered yet: a bounded table of who asked, what, and until when. */
#ifndef STRATA_CONTROL_WAITING_H
#define STRATA_CONTROL_WAITING_H

#include <stdbool.h>
#include <stddef.h>

#include "requests.h"
#include "transport.h"

#define STRATA_WAITING_MAX 64

struct strata_wait {
    struct strata_asked asked;   /* number 0: the place is free */
    double until_s;              /* the client's deadline; HUGE_VAL: none */
    struct strata_letter letter; /* its address; the body is gone */
};

struct strata_waiting {
    struct strata_wait wait[STRATA_WAITING_MAX];
};

size_t strata_waiting_count(const struct strata_waiting *waiting);

/* Remember who asked a command that is on the board.  There must be room. */
void strata_waiting_add(struct strata_waiting *waiting, const struct strata_letter *letter,
                        const struct strata_asked *asked);

/* The first deadline; HUGE_VAL: none. */
double strata_waiting_until(const struct strata_waiting *waiting);

/* The next one from *from on, which moves behind it; NULL when there is none. */
struct strata_wait *strata_waiting_next(struct strata_waiting *waiting, size_t *from);
void strata_waiting_remove(struct strata_wait *wait);

#endif
