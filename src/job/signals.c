/* Signals set a bit; the pipeline looks at it at its own pace, and all ranks agree on what they saw.  A rank that was
 * asked twice leaves at once: files are whole at any moment. */
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "job/job_impl.h"

static atomic_uint asked;

static void leave_or_ask(unsigned bit, int exit_code)
{
    if (atomic_fetch_or(&asked, bit) & bit) _exit(exit_code);
}

static void handle(int number)
{
    if (number == SIGUSR1) (void)atomic_fetch_or(&asked, STRATA_ASKED_LIMIT);
    if (number == SIGTERM) leave_or_ask(STRATA_ASKED_LIMIT, 75);
    if (number == SIGINT) leave_or_ask(STRATA_ASKED_CANCEL, 130);
}

void strata_job_signals_install(void)
{
    static const int numbers[] = {SIGUSR1, SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)sigaction(numbers[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

unsigned strata_job_asked(void)
{
    return atomic_load(&asked);
}
