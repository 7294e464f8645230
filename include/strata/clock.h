/* Time, for logs, progress and limits only: no result depends on it. */
#ifndef STRATA_CLOCK_H
#define STRATA_CLOCK_H

#include <stddef.h>

double strata_clock_s(void);          /* monotonic, seconds */
double strata_clock_thread_s(void);   /* of a processor that this thread has had, seconds */
void strata_clock_utc(char text[32]); /* now, as 2025-01-14T09:31:02.113Z */
void strata_duration_text(double seconds, char text[32]); /* "8 s", "2 min 5 s", "3 h 20 min" */

#endif
