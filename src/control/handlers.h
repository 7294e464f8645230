/* What handlers of requests share: each fills code, text and body of the reply, and borrows from desk, request and
 * arena.  The table in requests.c names them. */
#ifndef STRATA_CONTROL_HANDLERS_H
#define STRATA_CONTROL_HANDLERS_H

#include "requests.h"

#define STRATA_HANDLER(name)                                                \
    void name(struct strata_desk *desk, const Strata__V1__Request *request, \
              struct strata_arena *arena, Strata__V1__Reply *reply)

/* reads.c */
STRATA_HANDLER(strata_handle_hello);
STRATA_HANDLER(strata_handle_status);
STRATA_HANDLER(strata_handle_segments);
STRATA_HANDLER(strata_handle_segment);
STRATA_HANDLER(strata_handle_record); /* from the result, which alone has them */
STRATA_HANDLER(strata_handle_customer);
STRATA_HANDLER(strata_handle_manifest);
STRATA_HANDLER(strata_handle_snapshot);
STRATA_HANDLER(strata_handle_events);

/* health.c, metrics.c */
STRATA_HANDLER(strata_handle_health);
STRATA_HANDLER(strata_handle_metrics);

/* assign.c: which segments new customers are in, and why */
STRATA_HANDLER(strata_handle_score);

/* refusals.c: no body, and a sentence, which is not copied. */
void strata_refuse(Strata__V1__Reply *reply, Strata__V1__Code code, const char *sentence);
void strata_refuse_state(const struct strata_desk *desk, const char *what,
                         struct strata_arena *arena, Strata__V1__Reply *reply);
void strata_refuse_role(const struct strata_request_row *row, struct strata_arena *arena,
                        Strata__V1__Reply *reply);
void strata_refuse_memory(Strata__V1__Reply *reply);

#endif
