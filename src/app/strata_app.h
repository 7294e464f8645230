/* The subcommands of `strata`.  Each returns a status; main prints the sentence and turns it into the exit code. */
#ifndef STRATA_APP_H
#define STRATA_APP_H

#include <stdbool.h>
#include <stddef.h>

#include "strata/arena.h"
#include "strata/comm.h"
#include "strata/status.h"

#define STRATA_SET_MAX 256
#define STRATA_CLIENT_MAX 64

/* What was typed after the subcommand. */
struct strata_arguments {
    const char *operand;             /* JOB or RUN */
    const char *set[STRATA_SET_MAX]; /* (n_set) */
    size_t n_set;
    const char *output;
    const char *endpoint;
    const char *keys;                      /* of serve */
    const char *client[STRATA_CLIENT_MAX]; /* (n_clients) of keygen: NAME:ROLE */
    size_t n_clients;
    bool quiet;
    double stall_limit_s;
    bool fresh;
    const char *replay;   /* of run: a manifest; NULL: none */
    double max_runtime_s; /* 0: none */
    double deadline_s;    /* since 1970; 0: none */
    int ranks;            /* of check: how many to plan for */
    bool markdown;        /* of report: on standard output, instead of the page */
};

strata_status strata_app_run(struct strata_comm *comm, const struct strata_arguments *arguments,
                             struct strata_arena *keep, struct strata_err *err);
strata_status strata_app_check(struct strata_comm *comm, const struct strata_arguments *arguments,
                               struct strata_arena *keep, struct strata_err *err);
strata_status strata_app_report(struct strata_comm *comm, const struct strata_arguments *arguments,
                                struct strata_arena *keep, struct strata_err *err);
strata_status strata_app_keygen(struct strata_comm *comm, const struct strata_arguments *arguments,
                                struct strata_arena *keep, struct strata_err *err);

#endif
