#include "history.h"

#include <math.h>

#include "strata/record.h"
#include "strata/status.h"

#include "requests.h"

/* --- kept --------------------------------------------------------------------------------------- */

static const struct strata_kept_event *slot_of(const struct strata_history *history, uint64_t number)
{
    return &history->kept[number % STRATA_EVENTS_KEPT];
}

const struct strata_kept_event *strata_history_add(struct strata_history *history,
                                                   Strata__V1__Event *event)
{
    event->number = ++history->last;
    struct strata_kept_event *kept = &history->kept[event->number % STRATA_EVENTS_KEPT];
    kept->number = event->number;
    kept->n_bytes = strata__v1__event__get_packed_size(event);
    STRATA_REQUIRE(kept->n_bytes <= sizeof kept->bytes); /* all that is in one is bounded */
    (void)strata__v1__event__pack(event, kept->bytes);
    return kept;
}

void strata_history_skip(struct strata_history *history, uint64_t n_lost)
{
    history->last += n_lost;
}

static Strata__V1__Event *unpack(const struct strata_kept_event *kept, struct strata_arena *arena)
{
    return strata_unpack(&strata__v1__event__descriptor, kept->bytes, kept->n_bytes, arena);
}

static bool is_kept(const struct strata_history *history, uint64_t number)
{
    return number > 0 && number <= history->last && slot_of(history, number)->number == number;
}

bool strata_history_answer(const struct strata_history *history, uint64_t after,
                           struct strata_arena *arena, Strata__V1__EventsReply *reply)
{
    reply->last = history ? history->last : 0;
    reply->gap = after > reply->last; /* another server's number */
    if (after >= reply->last) return true;
    const uint64_t oldest =
        reply->last > STRATA_EVENTS_KEPT ? reply->last - STRATA_EVENTS_KEPT + 1 : 1;
    reply->gap = after + 1 < oldest;
    reply->events = STRATA_NEW(arena, Strata__V1__Event *, STRATA_EVENTS_A_REPLY);
    if (!reply->events) return false;
    for (uint64_t number = reply->gap ? oldest : after + 1;
         number <= reply->last && reply->n_events < STRATA_EVENTS_A_REPLY; number++) {
        const bool found = is_kept(history, number);
        if (!found && reply->n_events > 0)
            break; /* a gap is told to who asks for what is after it */
        reply->gap |= !found;
        if (!found) continue;
        reply->events[reply->n_events] = unpack(slot_of(history, number), arena);
        if (!reply->events[reply->n_events]) return false;
        reply->n_events++;
    }
    return true;
}

/* --- made --------------------------------------------------------------------------------------- */

static Strata__V1__JobState state_of(enum strata_job_state state)
{
    return (Strata__V1__JobState)((int)state +
                                  1); /* status_view.c has checked that they are the same */
}

static void make_candidate(struct strata_notice *notice, Strata__V1__CandidateEvent *body)
{
    strata__v1__candidate_event__init(body);
    body->k = notice->k;
    body->start = notice->start;
    body->fate = (Strata__V1__CandidateFate)notice->fate;
    body->reason = notice->text;
    body->iteration = notice->iteration;
}

static void make_checkpoint(const struct strata_notice *notice, Strata__V1__CheckpointEvent *body)
{
    strata__v1__checkpoint_event__init(body);
    body->iteration = notice->iteration;
    body->generation = notice->generation;
    body->bytes = notice->bytes;
}

void strata_event_of_notice(struct strata_notice *notice, struct strata_event_room *room,
                            Strata__V1__Event *event)
{
    strata__v1__event__init(event);
    strata_text_mend(notice->text, sizeof notice->text);
    switch (notice->kind) {
    case STRATA_NOTICE_STAGE:
        event->body_case = STRATA__V1__EVENT__BODY_STAGE;
        event->stage = &room->stage;
        strata__v1__stage_event__init(&room->stage);
        room->stage.state = state_of(notice->state);
        room->stage.elapsed_s = notice->elapsed_s;
        break;
    case STRATA_NOTICE_CANDIDATE:
        event->body_case = STRATA__V1__EVENT__BODY_CANDIDATE;
        event->candidate = &room->candidate;
        make_candidate(notice, &room->candidate);
        break;
    case STRATA_NOTICE_CHECKPOINT:
        event->body_case = STRATA__V1__EVENT__BODY_CHECKPOINT;
        event->checkpoint = &room->checkpoint;
        make_checkpoint(notice, &room->checkpoint);
        break;
    case STRATA_NOTICE_WARNING:
        event->body_case = STRATA__V1__EVENT__BODY_WARNING;
        event->warning = &room->warning;
        strata__v1__warning_event__init(&room->warning);
        room->warning.text = notice->text;
        break;
    case STRATA_NOTICE_DONE:
        event->body_case = STRATA__V1__EVENT__BODY_DONE;
        event->done = &room->done;
        strata__v1__done_event__init(&room->done);
        room->done.state = state_of(notice->state);
        room->done.text = notice->text;
        break;
    }
}

void strata_event_of_status(const struct strata_snapshot *now, struct strata_event_room *room,
                            Strata__V1__Event *event)
{
    strata__v1__event__init(event);
    event->body_case = STRATA__V1__EVENT__BODY_STATUS;
    event->status = &room->status;
    strata_status_fill(now, &room->status);
}

void strata_event_of_silence(struct strata_event_room *room, Strata__V1__Event *event)
{
    strata__v1__event__init(event);
    event->body_case = STRATA__V1__EVENT__BODY_HEARTBEAT;
    event->heartbeat = &room->heartbeat;
    strata__v1__heartbeat__init(&room->heartbeat);
}

void strata_live_fill(const struct strata_snapshot *now, Strata__V1__LiveCandidate *live,
                      Strata__V1__LiveCandidate **list)
{
    for (uint32_t i = 0; i < now->n_live; i++) {
        strata__v1__live_candidate__init(&live[i]);
        live[i].k = now->live[i].k;
        live[i].start = now->live[i].start;
        live[i].iterations = now->live[i].iterations;
        if (isfinite(now->live[i].objective)) {
            live[i].has_objective_case = STRATA__V1__LIVE_CANDIDATE__HAS_OBJECTIVE_OBJECTIVE;
            live[i].objective = now->live[i].objective;
        }
        list[i] = &live[i];
    }
}

void strata_event_of_iteration(const struct strata_snapshot *now, struct strata_event_room *room,
                               Strata__V1__Event *event)
{
    Strata__V1__IterationEvent *body = &room->iteration;
    strata__v1__event__init(event);
    event->body_case = STRATA__V1__EVENT__BODY_ITERATION;
    event->iteration = body;
    strata__v1__iteration_event__init(body);
    strata_live_fill(now, room->live, room->list);
    body->iteration = now->iteration;
    body->candidates = room->list;
    body->n_candidates = now->n_live;
    body->live = now->candidates_live;
    if (now->rank_balance > 0) {
        body->has_rank_balance_case = STRATA__V1__ITERATION_EVENT__HAS_RANK_BALANCE_RANK_BALANCE;
        body->rank_balance = now->rank_balance;
    }
}
