/* Jobs on several hosts: where the run directory is, and what is lost with its host. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/log.h"
#include "strata/watch.h"

#include "job/job_impl.h"

/* The attempt's tray is new, so a rank that sees it under the number that rank 0 sees has the same disk. */
static uint64_t number_of_tray(const struct strata_job *job)
{
    struct stat facts;
    return stat(job->attempt.tray, &facts) == 0 ? (uint64_t)facts.st_ino : 0;
}

static void tell(const struct strata_job *job, long long n_without)
{
    char host[256] = "", sentence[1024];
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(sentence, sizeof sentence,
                   "the run directory %s is on %s alone: should that host be lost, the run is lost; "
                   "put it on a file system that all hosts share to be safe",
                   job->directory, host);
    STRATA_LOG(WARN, "directory.unshared", "host=%s ranks_without=%lld", host, n_without);
    strata_job_warn(job, sentence);
}

/* The stall watch is worth what it hears. */
static void tell_deaf(const struct strata_job *job, int n_deaf)
{
    char sentence[256];
    (void)snprintf(sentence, sizeof sentence,
                   "%d of %d ranks hear no datagram of a neighbour: a rank that stops there is not "
                   "noticed; let UDP through between the hosts",
                   n_deaf, job->comm->size);
    STRATA_LOG(WARN, "watch.deaf", "ranks=%d", n_deaf);
    strata_job_warn(job, sentence);
}

void strata_job_note_hosts(struct strata_job *job)
{
    struct strata_comm *comm = job->comm;
    const int n_deaf = strata_watch_deaf(comm);
    if (comm->rank == 0 && n_deaf > 0) tell_deaf(job, n_deaf);
    if (comm->n_here == comm->size) return;
    const uint64_t mine = number_of_tray(job);
    uint64_t first = mine;
    strata_comm_broadcast(comm, &first, sizeof first, 0);
    int64_t n_without = mine != first;
    strata_comm_sum(comm, &n_without, 1);
    if (comm->rank == 0 && n_without > 0) tell(job, n_without);
}
