/* strata serve: a finished run answers the same requests as a running job. */
#ifndef STRATA_APP_SERVE_H
#define STRATA_APP_SERVE_H

#include "strata/status.h"

/* Serve the finished run in run_directory until SIGINT or SIGTERM, then leave in order.  A run that is sealed there
 * meanwhile is served from then on, without a request being lost; it is looked for once a second, and at SIGHUP.
 * endpoint NULL: "ipc".  Rank 0 only.
 * STRATA_E_NO_INPUT when it is no finished run, STRATA_E_UNAVAILABLE when it is served already. */
STRATA_MUST_CHECK strata_status strata_app_serve(const char *run_directory, const char *endpoint,
                                                 const char *keys, struct strata_err *err);

#endif
