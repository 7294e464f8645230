/* Signals set a bit; the pipeline looks at it at its own pace, and all ranks agree on what they saw.  A rank that was
 * asked twice leaves at once: files are whole at any moment.  USR2, USR1 and TERM also wake the writer of checkpoints. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "job/job_impl.h"

static atomic_uint asked;
static _Atomic(sem_t *) wake; /* of who writes checkpoints */

void strata_job_signals_wake(sem_t *of_keeper)
{
    atomic_store(&wake, of_keeper);
}

/* Slurm sends TERM twice, some milliseconds apart, to a job that it preempts: that is one request. */
#define REPEATED_WITHIN_NS 500000000LL

/* Ask, and leave if the same signal has asked before. */
static void ask(unsigned bit, atomic_llong *first_ns, int exit_code)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    const long long now_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
    long long before_ns = 0;
    if (!atomic_compare_exchange_strong(first_ns, &before_ns, now_ns) &&
        now_ns - before_ns > REPEATED_WITHIN_NS)
        _exit(exit_code);
    (void)atomic_fetch_or(&asked, bit);
}

static void handle(int number)
{
    static atomic_llong terms, ints;
    if (number == SIGUSR1) (void)atomic_fetch_or(&asked, STRATA_ASKED_LIMIT);
    if (number == SIGTERM) ask(STRATA_ASKED_LIMIT, &terms, 75);
    if (number == SIGINT) ask(STRATA_ASKED_CANCEL, &ints, 130);
    sem_t *sleeper = atomic_load(&wake);
    if (sleeper && number != SIGINT) {
        const int before = errno;
        (void)sem_post(sleeper);
        errno = before;
    }
}

void strata_job_signals_install(void)
{
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)sigaction(numbers[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigaction(SIGXFSZ, &action, NULL); /* a file beyond the limit is an error of its writer */
}

unsigned strata_job_asked(void)
{
    return atomic_load(&asked);
}
