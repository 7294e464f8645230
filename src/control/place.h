/* Where the threads of the channel run. */
#ifndef STRATA_CONTROL_PLACE_H
#define STRATA_CONTROL_PLACE_H

#include <stdbool.h>

/* A launcher binds each rank to processors of its own, and the thread that computes wants them whole.  Between these two
 * calls this thread, and for good the threads that it starts, run on the others that the launcher itself may use.
 * Without a launcher, or others, or where the system does not tell, nothing happens; false then. */
bool strata_place_begin(void);
void strata_place_end(void); /* after a begin that was true, by the same thread */

#endif
