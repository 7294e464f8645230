#define _GNU_SOURCE /* sched_getaffinity */
#include "place.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "strata/log.h"

static cpu_set_t rank_processors; /* one channel a process */

/* Whoever binds processes without being a launcher means all of their threads. */
static bool has_launcher(void)
{
    return getenv("PMIX_RANK") || getenv("PMI_RANK") || getenv("OMPI_COMM_WORLD_RANK");
}

bool strata_place_begin(void)
{
    cpu_set_t all;
    if (!has_launcher() || sched_getaffinity(getppid(), sizeof all, &all) != 0 ||
        sched_getaffinity(0, sizeof rank_processors, &rank_processors) != 0 ||
        CPU_EQUAL(&all, &rank_processors) || sched_setaffinity(0, sizeof all, &all) != 0)
        return false;
    STRATA_LOG(DEBUG, "control.place", "processors=%d rank=%d", CPU_COUNT(&all),
               CPU_COUNT(&rank_processors));
    return true;
}

void strata_place_end(void)
{
    if (sched_setaffinity(0, sizeof rank_processors, &rank_processors) != 0)
        STRATA_LOG(WARN, "control.place", "restored=no");
}
