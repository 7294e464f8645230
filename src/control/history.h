/* The events of the channel: made as messages, numbered, and kept packed for a while, so that a client that came late or
 * lost some asks for them (the Clone pattern of ZeroMQ's guide).  No sockets here. */
#ifndef STRATA_CONTROL_HISTORY_H
#define STRATA_CONTROL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/board.h"
#include "strata/protocol_limits.h"
#include "strata/v1/control.pb-c.h"

struct strata_kept_event {
    uint64_t number; /* 0: none */
    size_t n_bytes;
    unsigned char bytes[STRATA_EVENT_BYTES_MAX]; /* a packed strata.v1.Event */
};

struct strata_history {
    uint64_t last; /* number of the last event; 0: there was none */
    struct strata_kept_event kept[STRATA_EVENTS_KEPT];
};

/* Give the event the next number and keep it, in place of the oldest.  What was kept, for who sends it. */
const struct strata_kept_event *strata_history_add(struct strata_history *history,
                                                   Strata__V1__Event *event);

/* So many were lost before they could be numbered: no event gets their numbers, so that everybody sees a gap. */
void strata_history_skip(struct strata_history *history, uint64_t n_lost);

/* The events after a number, from the oldest, unpacked into the arena: at most STRATA_EVENTS_A_REPLY, and none after
 * the first that is missing.  A NULL history has none.  False when there is no room. */
bool strata_history_answer(const struct strata_history *history, uint64_t after,
                           struct strata_arena *arena, Strata__V1__EventsReply *reply);

/* Room for the body of any event. */
struct strata_event_room {
    Strata__V1__StageEvent stage;
    Strata__V1__CandidateEvent candidate;
    Strata__V1__CheckpointEvent checkpoint;
    Strata__V1__WarningEvent warning;
    Strata__V1__DoneEvent done;
    Strata__V1__JobStatus status;
    Strata__V1__Heartbeat heartbeat;
    Strata__V1__IterationEvent iteration;
    Strata__V1__LiveCandidate live[STRATA_BOARD_LIVE], *list[STRATA_BOARD_LIVE];
};

/* Make an event, without number, seq and incarnation; it borrows from both arguments. */
void strata_event_of_notice(struct strata_notice *notice, struct strata_event_room *room,
                            Strata__V1__Event *event);
void strata_event_of_status(const struct strata_snapshot *now, struct strata_event_room *room,
                            Strata__V1__Event *event);
void strata_event_of_iteration(const struct strata_snapshot *now, struct strata_event_room *room,
                               Strata__V1__Event *event);
void strata_event_of_silence(struct strata_event_room *room, Strata__V1__Event *event);

/* The live candidates of a snapshot as messages: list is (n_live). */
void strata_live_fill(const struct strata_snapshot *now, Strata__V1__LiveCandidate *live,
                      Strata__V1__LiveCandidate **list);

#endif
