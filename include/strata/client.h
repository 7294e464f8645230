/* The control client library: find a run's channel, ask, get a reply in time.  No MPI, nothing of the engine.
 * Messages are those of proto/strata/v1/control.proto, packed. */
#ifndef STRATA_CLIENT_H
#define STRATA_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/status.h"

struct strata_client;

struct strata_client_options {
    const char *run;      /* run directory: endpoint from its control.json; or NULL */
    const char *endpoint; /* requests endpoint; or NULL */
    int timeout_ms;       /* for each request; 0: 5000 */
};

/* STRATA_E_UNAVAILABLE when nothing listens there (no control.json). */
STRATA_MUST_CHECK strata_status strata_client_open(const struct strata_client_options *options,
                                                   struct strata_client **out, struct strata_err *err);
void strata_client_close(struct strata_client **client);

/* Send a packed strata.v1.Request body kind and get the packed strata.v1.Reply with the same id in keep.
 * STRATA_E_UNAVAILABLE after the timeout. */
STRATA_MUST_CHECK strata_status strata_client_ask(struct strata_client *client, const void *request, size_t n_bytes,
                                                  uint64_t id, struct strata_arena *keep, unsigned char **reply,
                                                  size_t *n_reply, struct strata_err *err);

/* The next event (packed strata.v1.Event), waiting at most timeout_ms; *n_event 0 when none came. */
STRATA_MUST_CHECK strata_status strata_client_event(struct strata_client *client, int timeout_ms,
                                                    struct strata_arena *keep, unsigned char **event,
                                                    size_t *n_event, struct strata_err *err);

#endif
