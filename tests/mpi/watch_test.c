/* The stall watch begins and ends many times, leaves nothing behind, and accuses no rank whose compute thread is busy for
 * longer than the limit: an accusation would end the test with 75. */
#include <time.h>

#include "strata/watch.h"

enum { TIMES = 20 };

static void be_busy(int tenths)
{
    const struct timespec time = {tenths / 10, (tenths % 10) * 100000000L};
    (void)nanosleep(&time, NULL);
}

/* This rank's count of what went wrong. */
static int64_t check(struct strata_comm *world, double limit_s, int tenths)
{
    struct strata_err err = {0};
    if (strata_watch_start(world, limit_s, &err) != STRATA_OK) return 1;
    const bool is_watched = world->size > 1 && limit_s > 0;
    const int64_t wrong = (world->watch != NULL) != is_watched;
    strata_watch_tell(world, "BUSY", 1);
    if (world->rank % 2) be_busy(tenths);
    strata_watch_stop(world);
    return wrong + (world->watch != NULL);
}

int main(int argc, char **argv)
{
    struct strata_comm world;
    struct strata_err err = {0};
    if (strata_comm_mpi_init(&world, &argc, &argv, &err) != STRATA_OK) return 1;
    int64_t failures = check(&world, 0, 0) + check(&world, 0.5, 12);
    for (int i = 0; i < TIMES; i++) failures += check(&world, 60, 0);
    strata_comm_sum(&world, &failures, 1);
    strata_comm_mpi_finish(&world);
    return failures != 0;
}
