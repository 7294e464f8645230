/* Stall watch: while a job runs, the ranks of different processes tell their neighbours that they are alive, beside MPI.
 * A rank that falls silent (stopped, its host gone, its network cut) is named, and the job ends with 75, so that it can
 * be run again, instead of waiting in a collective for ever. */
#ifndef STRATA_WATCH_H
#define STRATA_WATCH_H

#include <stdint.h>

#include "strata/comm.h"
#include "strata/status.h"

#define STRATA_STALL_LIMIT_S 60.0 /* unless told otherwise */

/* Before there is a watch: the ranks are to come together (to start MPI, to agree for the first time).  When that takes
 * more than limit_s seconds in which this process runs, it says so and leaves with 75.  0: they have come, or whoever is
 * missing is waited for.  Not collective. */
void strata_watch_await(double limit_s);

/* Begin to watch ranks r - 1 and r + 1 from a thread of its own, by datagrams; a neighbour silent for longer
 * than limit_s ends this process and, by the launcher, the job.  limit_s 0, or one rank: nothing is watched.
 * Collective.  Silence counts only while this process itself is running, and only of a neighbour that was heard before:
 * a host that was suspended, or a network that lets no datagrams through, raises no alarm.  All ranks have sent before
 * any goes on, so that one is not heard because of the network alone; strata_watch_deaf tells.
 * Cost: up to 2.5 s where datagrams do not pass; two datagrams of 16 bytes a tenth of the limit (at most each second).  Fails alike on all ranks. */
STRATA_MUST_CHECK strata_status strata_watch_start(struct strata_comm *comm, double limit_s,
                                                   struct strata_err *err);

/* The limit in force: on several hosts at least what mpirun takes to notice a lost host (40 s under deploy/mpirun), as it
 * would hang if it were to end a job before; 0 when nobody watches.  Not collective. */
double strata_watch_limit(const struct strata_comm *comm);

/* How many ranks did not hear a neighbour when the watch began: should that one fall silent, nobody names it.  The same
 * on all ranks; 0 when nobody watches.  Not collective. */
int strata_watch_deaf(const struct strata_comm *comm);

/* What this rank is doing, for who may have to name it: stage lives as long as the
 * program.  Not collective, any thread; nothing when nobody watches. */
void strata_watch_tell(struct strata_comm *comm, const char *stage, uint64_t iteration);

/* All ranks have come to the end: stop watching.  Collective. */
void strata_watch_stop(struct strata_comm *comm);

#endif
