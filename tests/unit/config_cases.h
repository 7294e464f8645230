/* What the tests of config share: parsing a text, and finding a problem. */
#ifndef STRATA_CONFIG_CASES_H
#define STRATA_CONFIG_CASES_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/config.h"

/* The shortest whole job; tests add to it. */
#define SHORTEST                                    \
    "job: j\n"                                      \
    "sources: [{name: t, files: t.csv, key: id}]\n" \
    "features: [{name: x, type: numeric}]\n"

struct parsed {
    struct strata_arena keep;
    struct strata_config *config;
    struct strata_problems problems;
    struct strata_err err;
    strata_status status;
    struct parsed *next;
};

/* Problems and config point into them, so they live as long as the test's process, unless forgotten. */
static struct parsed *all_parsed;

static inline struct parsed *parse_set(const char *text, const char *const *set, size_t n_set)
{
    struct parsed *parsed = calloc(1, sizeof *parsed);
    cr_assert(parsed && strata_arena_init(&parsed->keep, (size_t)1 << 30));
    parsed->next = all_parsed;
    all_parsed = parsed;
    parsed->status =
        strata_config_parse(text, strlen(text), "/jobs/here/job.yaml", set, n_set, &parsed->keep,
                            &parsed->config, &parsed->problems, &parsed->err);
    cr_assert_eq(parsed->status, STRATA_OK, "%s", parsed->err.text);
    return parsed;
}

static inline struct parsed *parse(const char *text)
{
    return parse_set(text, NULL, 0);
}

static inline void forget(struct parsed *parsed)
{
    struct parsed **link = &all_parsed;
    while (*link != parsed) link = &(*link)->next;
    *link = parsed->next;
    strata_arena_finish(&parsed->keep);
    free(parsed);
}

/* A job that must have no problem. */
static inline struct strata_config *job(const char *text)
{
    struct parsed *parsed = parse(text);
    cr_assert_eq(parsed->problems.total, 0, "%s\n%s", text, parsed->problems.item[0].text);
    return parsed->config;
}

#endif
