/* Plain views of events. */
#include "client_impl.h"

#include <math.h>

static const char *fate_word(Strata__V1__CandidateFate fate)
{
    switch ((int)fate) {
    case STRATA__V1__CANDIDATE_FATE__CANDIDATE_FATE_ENDED:
        return "ended";
    case STRATA__V1__CANDIDATE_FATE__CANDIDATE_FATE_DROPPED:
        return "dropped";
    case STRATA__V1__CANDIDATE_FATE__CANDIDATE_FATE_CHOSEN:
        return "chosen";
    default:
        return "changed"; /* a newer server's */
    }
}

bool strata_view_candidates(Strata__V1__LiveCandidate *const *candidates, size_t n,
                            struct strata_arena *keep, const struct strata_candidate_view **out)
{
    struct strata_candidate_view *view = STRATA_NEW(keep, struct strata_candidate_view, n);
    *out = view;
    for (size_t i = 0; view && i < n; i++)
        view[i] = (struct strata_candidate_view){
            .k = candidates[i]->k,
            .start = candidates[i]->start,
            .objective = candidates[i]->has_objective_case ==
                                 STRATA__V1__LIVE_CANDIDATE__HAS_OBJECTIVE_OBJECTIVE
                             ? candidates[i]->objective
                             : (double)NAN,
            .iterations = candidates[i]->iterations,
        };
    return view != NULL;
}

static bool view_iteration(const Strata__V1__IterationEvent *body, struct strata_arena *keep,
                           struct strata_event *event)
{
    event->kind = STRATA_TOLD_ITERATION;
    event->iteration = body->iteration;
    event->live = body->live;
    event->n_candidates = body->n_candidates;
    if (body->has_rank_balance_case == STRATA__V1__ITERATION_EVENT__HAS_RANK_BALANCE_RANK_BALANCE)
        event->balance = body->rank_balance;
    return strata_view_candidates(body->candidates, body->n_candidates, keep, &event->candidate);
}

static void view_candidate(const Strata__V1__CandidateEvent *body, struct strata_event *event)
{
    event->kind = STRATA_TOLD_CANDIDATE;
    event->k = body->k;
    event->start = body->start;
    event->fate = fate_word(body->fate);
    event->text = body->reason;
    event->iteration = body->iteration;
}

static void view_checkpoint(const Strata__V1__CheckpointEvent *body, struct strata_event *event)
{
    event->kind = STRATA_TOLD_CHECKPOINT;
    event->iteration = body->iteration;
    event->generation = body->generation;
    event->bytes = body->bytes;
}

static bool view_body(const Strata__V1__Event *message, struct strata_arena *keep,
                      struct strata_event *event)
{
    bool final = false;
    switch ((int)message->body_case) {
    case STRATA__V1__EVENT__BODY_STATUS:
        event->kind = STRATA_TOLD_STATUS;
        strata_view_job(message->status, &event->job);
        return true;
    case STRATA__V1__EVENT__BODY_HEARTBEAT:
        event->kind = STRATA_TOLD_HEARTBEAT;
        return true;
    case STRATA__V1__EVENT__BODY_STAGE:
        event->kind = STRATA_TOLD_STAGE;
        event->state = strata_view_state(message->stage->state, &final);
        event->elapsed_s = message->stage->elapsed_s;
        return true;
    case STRATA__V1__EVENT__BODY_ITERATION:
        return view_iteration(message->iteration, keep, event);
    case STRATA__V1__EVENT__BODY_CANDIDATE:
        view_candidate(message->candidate, event);
        return true;
    case STRATA__V1__EVENT__BODY_CHECKPOINT:
        view_checkpoint(message->checkpoint, event);
        return true;
    case STRATA__V1__EVENT__BODY_WARNING:
        event->kind = STRATA_TOLD_WARNING;
        event->text = message->warning->text;
        return true;
    case STRATA__V1__EVENT__BODY_DONE:
        event->kind = STRATA_TOLD_DONE;
        event->state = strata_view_state(message->done->state, &final);
        event->text = message->done->text;
        return true;
    default:
        event->kind = STRATA_TOLD_OTHER;
        return true;
    }
}

bool strata_view_event(const Strata__V1__Event *message, struct strata_arena *keep,
                       struct strata_event *event)
{
    *event = (struct strata_event){.number = message->number,
                                   .seq = message->seq,
                                   .incarnation = message->incarnation,
                                   .leaving = message->last,
                                   .balance = (double)NAN,
                                   .state = "",
                                   .fate = "",
                                   .text = "",
                                   .message = &message->base};
    return view_body(message, keep, event);
}
