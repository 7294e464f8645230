#define _GNU_SOURCE /* sem_clockwait */
#include "halt.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PERIOD_NS 20000000L

static void lock(struct halt *halt)
{
    STRATA_REQUIRE(pthread_mutex_lock(&halt->lock) == 0);
}

static void unlock(struct halt *halt)
{
    STRATA_REQUIRE(pthread_mutex_unlock(&halt->lock) == 0);
}

/* A period has passed; false: the stage has ended. */
static bool goes_on(struct halt *halt)
{
    struct timespec until;
    int result = -1;
    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
    until.tv_nsec += PERIOD_NS;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    do result = sem_clockwait(&halt->leave, CLOCK_MONOTONIC, &until);
    while (result != 0 && errno == EINTR);
    return result != 0;
}

/* A statement that begins after an interruption knows nothing of it: hence again and again. */
static void *look(void *context)
{
    struct halt *halt = context;
    const struct strata_ingest_watch *watch = halt->watch;
    while (goes_on(halt)) {
        if (!atomic_load(&halt->asked) && !watch->must_end(watch->context)) continue;
        atomic_store(&halt->asked, true);
        lock(halt);
        for (size_t i = 0; i < HALT_DUCKS; i++)
            if (halt->duck[i]) strata_duck_interrupt(halt->duck[i]);
        unlock(halt);
    }
    return NULL;
}

strata_status halt_start(struct halt *halt, const struct strata_ingest_watch *watch,
                         struct strata_err *err)
{
    if (!watch || !watch->must_end) return STRATA_OK;
    halt->watch = watch;
    atomic_init(&halt->asked, false);
    STRATA_REQUIRE(pthread_mutex_init(&halt->lock, NULL) == 0);
    STRATA_REQUIRE(sem_init(&halt->leave, 0, 0) == 0);
    const int fault = pthread_create(&halt->thread, NULL, look, halt);
    halt->running = fault == 0;
    return fault == 0
               ? STRATA_OK
               : STRATA_FAIL(err, STRATA_E_SYSTEM, "cannot start a thread: %s", strerror(fault));
}

static void replace(struct halt *halt, const struct strata_duck *old, struct strata_duck *new)
{
    if (!halt->running) return;
    size_t i = 0;
    lock(halt);
    while (i < HALT_DUCKS && halt->duck[i] != old) i++;
    STRATA_REQUIRE(i < HALT_DUCKS);
    halt->duck[i] = new;
    unlock(halt);
}

void halt_watch(struct halt *halt, struct strata_duck *duck)
{
    replace(halt, NULL, duck);
}

void halt_forget(struct halt *halt, struct strata_duck *duck)
{
    replace(halt, duck, NULL);
}

strata_status halt_check(struct halt *halt, struct strata_err *err)
{
    if (!halt->running || !atomic_load(&halt->asked)) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_CANCELLED, "the ingest was asked to end");
}

void halt_finish(struct halt *halt)
{
    if (!halt->running) return;
    STRATA_REQUIRE(sem_post(&halt->leave) == 0);
    STRATA_REQUIRE(pthread_join(halt->thread, NULL) == 0);
    STRATA_REQUIRE(sem_destroy(&halt->leave) == 0);
    STRATA_REQUIRE(pthread_mutex_destroy(&halt->lock) == 0);
    halt->running = false;
}
