/* A bounded list of what is wrong with a user's input, each with its place, so that all of it is told at once. */
#ifndef STRATA_PROBLEMS_H
#define STRATA_PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

#include "strata/status.h"

#define STRATA_PROBLEMS_MAX 50

/* Where in a text file; line and column count from 1, 0 when unknown. */
struct strata_place {
    const char *file; /* borrowed; NULL when unknown */
    int line;
    int column;
};

struct strata_problem {
    struct strata_place place;
    strata_status code; /* STRATA_E_CONFIG, STRATA_E_NO_INPUT, ... */
    char text[320];     /* what is wrong and what to do; never a customer's value */
};

struct strata_problems {
    size_t count; /* stored */
    size_t total; /* seen, stored or not */
    struct strata_problem item[STRATA_PROBLEMS_MAX];
};

void strata_problems_add(struct strata_problems *problems, struct strata_place place,
                         strata_status code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* STRATA_OK when the list is empty; otherwise the first problem's code, with all problems in err->text as
 * `file:line:column: text` lines in order of place (as many as fit, then how many more). */
STRATA_MUST_CHECK strata_status strata_problems_status(const struct strata_problems *problems,
                                                       struct strata_err *err);

/* Print all of them to a stream, one a line, in order of place.  Used by `strata check` and `strata run`. */
void strata_problems_print(const struct strata_problems *problems, FILE *stream);

/* The known word nearest to word by edit distance, or NULL if none is near.  O(n * length^2). */
const char *strata_nearest_word(const char *word, const char *const *known, size_t n_known);

#endif
