/* A thread that looks, while an ingest runs, whether it is to end, and then interrupts this rank's DuckDB again and
 * again until the stage has failed: a statement may take longer than there is time. */
#ifndef STRATA_HALT_H
#define STRATA_HALT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "strata/duck.h"
#include "strata/ingest.h"

#define HALT_DUCKS 2

struct halt {
    const struct strata_ingest_watch *watch;
    pthread_mutex_t lock;
    struct strata_duck *duck[HALT_DUCKS]; /* under the lock */
    sem_t leave;
    pthread_t thread;
    bool running;
    atomic_bool asked;
};

/* Begin to look; nothing when nobody can ask. */
STRATA_MUST_CHECK strata_status halt_start(struct halt *halt,
                                           const struct strata_ingest_watch *watch,
                                           struct strata_err *err);
/* This database may be interrupted from now on; no longer. */
void halt_watch(struct halt *halt, struct strata_duck *duck);
void halt_forget(struct halt *halt, struct strata_duck *duck);
/* STRATA_E_CANCELLED when the ingest is to end, for loops that ask no database. */
STRATA_MUST_CHECK strata_status halt_check(struct halt *halt, struct strata_err *err);
/* End the thread; fine when there is none. */
void halt_finish(struct halt *halt);

#endif
