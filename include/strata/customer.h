/* One customer of a finished run, from the assignments that it keeps: the segment, the runner-up, how sure it is, and
 * why.  Whoever looks at a customer leaves a line in the log. */
#ifndef STRATA_CUSTOMER_H
#define STRATA_CUSTOMER_H

#include "strata/arena.h"
#include "strata/status.h"

struct Strata__V1__Result;
struct Strata__V1__Reply;
struct strata_customers; /* the assignments of a finished run; one thread at a time */

/* Ready the run in directory, whose record is borrowed, to be asked.  About 30 ms and some megabytes, for DuckDB;
 * customers are looked up on the disk.  STRATA_E_UNAVAILABLE when the run keeps no assignments. */
STRATA_MUST_CHECK strata_status strata_customers_open(const char *directory,
                                                      const struct Strata__V1__Result *record,
                                                      struct strata_customers **out,
                                                      struct strata_err *err);
void strata_customers_close(struct strata_customers **customers); /* accepts a NULL handle */

/* Fill code, text and body of the reply to strata.v1.GetCustomer; memory is in arena.  Keys are brought into the form
 * that the ingest gives them (integers without leading zeros, text in NFC) and are parameters of the statement, so
 * that no key can be SQL.  Reads the row groups of one part that may hold the key.
 * The log gets `audit.customer` with who asks ("" when that is not known; no spaces), whether the customer was found,
 * and a hash of the key that only who has the run directory can make again: never the key or a value. */
void strata_customers_answer(struct strata_customers *customers, const char *key, const char *who,
                             struct strata_arena *arena, struct Strata__V1__Reply *reply);

/* The three together, for this process's user, and the line goes to log.jsonl in the directory: for
 * strata_client_options.look.  STRATA_E_CREATE when there can be no line. */
STRATA_MUST_CHECK strata_status strata_customer_look(const char *directory,
                                                     const struct Strata__V1__Result *record,
                                                     const char *key, struct strata_arena *arena,
                                                     struct Strata__V1__Reply *reply,
                                                     struct strata_err *err);

#endif
