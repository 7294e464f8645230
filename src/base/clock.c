#include "strata/clock.h"

#include <stdio.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail for these clocks */
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double strata_clock_s(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double strata_clock_thread_s(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

void strata_clock_utc(char text[32])
{
    struct timespec now;
    struct tm parts;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    char second[24];
    (void)strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text, 32, "%s.%03dZ", second, (int)(now.tv_nsec / 1000000));
}

void strata_duration_text(double seconds, char text[32])
{
    if (!(seconds >= 0) || seconds > 1e9) {
        (void)snprintf(text, 32, "unknown");
        return;
    }
    const long whole = (long)(seconds + 0.5);
    if (seconds < 9.95)
        (void)snprintf(text, 32, "%.1f s", seconds);
    else if (whole < 60)
        (void)snprintf(text, 32, "%ld s", whole);
    else if (whole < 3600)
        (void)snprintf(text, 32, "%ld min %ld s", whole / 60, whole % 60);
    else
        (void)snprintf(text, 32, "%ld h %ld min", whole / 3600, whole / 60 % 60);
}
