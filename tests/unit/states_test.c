#include <criterion/criterion.h>

#include "strata/job.h"

static bool is_final(enum strata_job_state state)
{
    return state == STRATA_JOB_DONE || state == STRATA_JOB_CANCELLED || state == STRATA_JOB_FAILED;
}

Test(states, next_leads_from_pending_to_done)
{
    enum strata_job_state state = STRATA_JOB_PENDING;
    for (int steps = 0; state != STRATA_JOB_DONE; steps++) {
        cr_assert_lt(steps, 10);
        state = strata_job_next(state, STRATA_EVENT_NEXT);
        cr_assert_neq(state, STRATA_JOB_STATE_COUNT);
    }
}

Test(states, a_final_state_refuses_every_event_and_others_can_fail)
{
    for (enum strata_job_state state = 0; state < STRATA_JOB_STATE_COUNT; state++)
        for (enum strata_job_event event = 0; event < STRATA_EVENT_COUNT; event++) {
            const enum strata_job_state next = strata_job_next(state, event);
            if (is_final(state)) cr_expect_eq(next, STRATA_JOB_STATE_COUNT);
            if (!is_final(state) && event == STRATA_EVENT_FAIL)
                cr_expect_eq(next, STRATA_JOB_FAILED);
        }
}

Test(states, stop_finishes_the_job_with_what_it_has)
{
    cr_assert_eq(strata_job_next(STRATA_JOB_FITTING, STRATA_EVENT_STOP), STRATA_JOB_STOPPING);
    cr_assert_eq(strata_job_next(STRATA_JOB_STOPPING, STRATA_EVENT_NEXT), STRATA_JOB_EVALUATING);
    cr_assert_eq(strata_job_next(STRATA_JOB_INGESTING, STRATA_EVENT_STOP), STRATA_JOB_STATE_COUNT);
    cr_assert_eq(strata_job_next(STRATA_JOB_WRITING, STRATA_EVENT_CANCEL), STRATA_JOB_STATE_COUNT);
}

Test(states, a_pause_is_of_the_fit_and_ends_by_resume_stop_or_cancel)
{
    for (enum strata_job_state state = 0; state < STRATA_JOB_STATE_COUNT; state++) {
        const enum strata_job_state paused = strata_job_next(state, STRATA_EVENT_PAUSE);
        const enum strata_job_state resumed = strata_job_next(state, STRATA_EVENT_RESUME);
        cr_expect_eq(paused,
                     state == STRATA_JOB_FITTING ? STRATA_JOB_PAUSED : STRATA_JOB_STATE_COUNT);
        cr_expect_eq(resumed,
                     state == STRATA_JOB_PAUSED ? STRATA_JOB_FITTING : STRATA_JOB_STATE_COUNT);
    }
    cr_expect_eq(strata_job_next(STRATA_JOB_PAUSED, STRATA_EVENT_STOP), STRATA_JOB_STOPPING);
    cr_expect_eq(strata_job_next(STRATA_JOB_PAUSED, STRATA_EVENT_CANCEL), STRATA_JOB_CANCELLED);
    cr_expect_eq(strata_job_next(STRATA_JOB_PAUSED, STRATA_EVENT_NEXT), STRATA_JOB_STATE_COUNT);
}
