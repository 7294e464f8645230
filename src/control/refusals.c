/* Replies without a body. */
#include "handlers.h"

/* Texts of fixed sentences are not copied; protobuf-c's fields are not const, and replies are only packed. */
void strata_refuse(Strata__V1__Reply *reply, Strata__V1__Code code, const char *sentence)
{
    reply->code = code;
    reply->text = (char *)(uintptr_t)sentence;
    reply->body_case = STRATA__V1__REPLY__BODY__NOT_SET;
}

void strata_refuse_state(const struct strata_desk *desk, const char *what,
                         struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const char *text = strata_arena_print(arena, "%s: not while the job is %s", what,
                                          strata_job_state_word(desk->now.state));
    strata_refuse(reply, STRATA__V1__CODE__CODE_UNAVAILABLE,
                  text ? text : "not in this state of the job");
}

void strata_refuse_role(const struct strata_request_row *row, struct strata_arena *arena,
                        Strata__V1__Reply *reply)
{
    const char *text = strata_arena_print(arena, "%s needs the role of %s", row->name,
                                          strata_client_role_word(row->role));
    strata_refuse(reply, STRATA__V1__CODE__CODE_FORBIDDEN, text ? text : "your role is too small");
}

void strata_refuse_memory(Strata__V1__Reply *reply)
{
    strata_refuse(reply, STRATA__V1__CODE__CODE_INTERNAL, "no room for the reply");
}
