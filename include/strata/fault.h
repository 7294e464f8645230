/* Faults on request: a named point of the code dies, stands still, waits, fails a call of the system or flips a bit, so
 * that tests can show what survives.  Only bin/faults/strata and unit tests that ask for it are built with them
 * (STRATA_FAULTS); everywhere else the macros are nothing, arguments included.
 *
 * STRATA_FAULT lists what is to happen, divided by ';' (at most 8): ACTION@POINT, then any of
 *     ,rank=R        on rank R only (each rank)
 *     ,count=N       at the Nth visit of the point by a rank (1), once; with ,ever=1 from then on
 *     ,iteration=I   only at visits in iteration I of a fit
 *     ,bit=B         of the bytes shown at the point, modulo their number (0)
 *     ,error=NAME    what a failing call says: EIO (default), ENOSPC, EDQUOT, EINTR, ENOMEM, EACCES
 *     ,ms=T          how long to wait (1000)
 * ACTION is die (SIGKILL), stop (SIGSTOP), wait, fail or flip; a POINT that ends in '*' is all that begin so.  For example
 *     STRATA_FAULT='die@fit.reduce.after,rank=2,count=3'
 * STRATA_FAULT_TRACE names a file to which each visit adds a line "RANK POINT".
 */
#ifndef STRATA_FAULT_H
#define STRATA_FAULT_H

#ifdef STRATA_FAULTS

#    include <stdbool.h>
#    include <stddef.h>
#    include <stdint.h>

#    define STRATA_FAULT(point) strata_fault_visit((point), 0)
#    define STRATA_FAULT_AT(point, iteration) strata_fault_visit((point), (iteration))
#    define STRATA_FAULT_BYTES(point, bytes, n_bytes) \
        strata_fault_bytes((point), (bytes), (n_bytes))
#    define STRATA_FAULT_CALL(point) strata_fault_call((point))
#    define STRATA_FAULT_RANK(rank) strata_fault_rank((rank))

/* A point is reached; iteration 0: outside a fit.  Not collective; any thread. */
void strata_fault_visit(const char *point, uint64_t iteration);
/* The same, with bytes that may get a bit flipped, although they are const to everybody else. */
void strata_fault_bytes(const char *point, const void *bytes, size_t n_bytes);
/* The same before a call of the system: true when it is to fail, errno says how. */
bool strata_fault_call(const char *point);
/* Which rank this thread is, and this process while no other thread has said. */
void strata_fault_rank(int rank);
/* Put another list in the place of the environment's, counts from 0; false: it is not one.  No other thread visits. */
bool strata_fault_arm(const char *list);
/* Faults that have happened since. */
uint64_t strata_fault_happened(void);

#else

#    define STRATA_FAULT(point) ((void)0)
#    define STRATA_FAULT_AT(point, iteration) ((void)0)
#    define STRATA_FAULT_BYTES(point, bytes, n_bytes) ((void)0)
#    define STRATA_FAULT_CALL(point) false
#    define STRATA_FAULT_RANK(rank) ((void)0)

#endif

#endif
