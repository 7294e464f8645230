/* How much one client may ask: a bucket of tokens each, so that one that runs wild is refused at once and the others are
 * served. */
#ifndef STRATA_CONTROL_RATE_H
#define STRATA_CONTROL_RATE_H

#include <stdbool.h>

struct strata_bucket {
    double spent;  /* tokens that have not come back yet */
    double seen_s; /* when */
};

/* Take n tokens of a bucket, zeroed at first, at now_s (strata_clock_s); false, and nothing is taken, when there are
 * fewer.  STRATA_CLIENT_TOKENS_S come back each second, up to as many. */
bool strata_bucket_take(struct strata_bucket *bucket, double n, double now_s);

#endif
