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
    cpu_set_t others;
    if (!has_launcher() || sched_getaffinity(getppid(), sizeof others, &others) != 0 ||
        sched_getaffinity(0, sizeof rank_processors, &rank_processors) != 0)
        return false;
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &rank_processors)) CPU_CLR(i, &others);
    if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return false;
    STRATA_LOG(DEBUG, "control.place", "rank=%d others=%d", CPU_COUNT(&rank_processors),
               CPU_COUNT(&others));
    return true;
}

void strata_place_end(void)
{
    if (sched_setaffinity(0, sizeof rank_processors, &rank_processors) != 0)
        STRATA_LOG(WARN, "control.place", "restored=no");
}
