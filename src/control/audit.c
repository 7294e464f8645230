/* Who did what, for those who must answer for it later. */
#include "requests.h"

#include <inttypes.h>

#include "strata/log.h"

const char *strata_who_asks(const struct strata_caller *caller)
{
    if (caller->keyed) return caller->name;
    return caller->peer ? caller->peer : "";
}

void strata_audit(const struct strata_desk *desk, const struct strata_request_row *row,
                  const Strata__V1__Request *request, const char *effect)
{
    const struct strata_caller *caller = &desk->caller;
    STRATA_LOG(INFO, "control.audit",
               "client=%s role=%s request=%s id=%" PRIu64 " effect=%s state=%s iteration=%" PRIu64,
               caller->name ? caller->name : "nobody", strata_client_role_word(caller->role),
               row->name, request->id, effect, strata_job_state_word(desk->now.state),
               desk->now.iteration);
}
