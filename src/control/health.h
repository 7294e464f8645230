/* What the server knows of itself: what it has answered, and how long the job has been silent. */
#ifndef STRATA_CONTROL_HEALTH_H
#define STRATA_CONTROL_HEALTH_H

#include <stdint.h>

#include "strata/board.h"
#include "strata/v1/control.pb-c.h"

#define STRATA_KINDS_MAX 64 /* of requests */
#define STRATA_CODES_MAX 16 /* of replies, by their place in the enum */

/* Replies by kind of request (its row; the last: none that is known) and code. */
struct strata_counts {
    uint64_t replies[STRATA_KINDS_MAX + 1][STRATA_CODES_MAX];
};
void strata_count_reply(struct strata_counts *counts, Strata__V1__Request__BodyCase kind,
                        Strata__V1__Code code);

/* When the job was last heard of.  Zeroed: not yet. */
struct strata_hearing {
    double started_s; /* of the server */
    double heard_s;   /* the snapshot has changed */
    double usual_s;   /* the longest silence of late */
};
void strata_hear(struct strata_hearing *hearing, bool is_news, double now_s);

/* How long the job is silent, 0 once it is over; and whether that is longer than it should be. */
double strata_silence_s(const struct strata_hearing *hearing, const struct strata_snapshot *now,
                        double now_s);
bool strata_is_slow(const struct strata_hearing *hearing, const struct strata_snapshot *now,
                    double now_s);

#endif
