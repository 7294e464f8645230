/* Stall watch.  Neighbours in the ring of ranks hear each other's datagrams; a rank that hears nothing for the limit
 * names its neighbour and leaves, and the launcher ends the others.  Of any silent ranks at least one has a neighbour
 * that is not, so that nobody has to hear all. */
#include "strata/watch.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "strata/clock.h"
#include "strata/fault.h"
#include "strata/log.h"

#define PLACES_MAX 6     /* addresses of a host */
#define LEAVE_WITHIN_S 1 /* MPI may be what is stuck */
#define NEIGHBOURS 2
#define HELLO_S 2.5   /* for the first beats to arrive: they may be lost once or twice */
#define TURN_MAX 1000 /* datagrams, whoever sends them */
/* The rank before a silent one waits longer than the one after it: one voice. */
#define SECOND_LOOK_S 0.5
#define MARGIN_S 10 /* between mpirun's own notice of a lost host and the watch's */

/* Where a rank listens.  Travels as it is: a job's hosts are alike. */
struct place {
    char host[64];
    in_port_t port;
    uint32_t n;
    struct in6_addr address[PLACES_MAX]; /* those of IPv4 mapped */
};

union endpoint {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct beat {
    uint64_t token; /* of this job */
    int64_t rank;
};

struct neighbour {
    int rank;
    struct place place;
    bool heard;
    double silent_s, patience_s;
};

struct strata_watch {
    struct strata_comm *comm;
    struct neighbour neighbour[NEIGHBOURS];
    int n_neighbours;
    int socket, wake; /* an event ends the thread */
    bool only_v4;
    uint64_t token;
    double limit_s, beat_s;
    pthread_t thread;
    bool runs;
    atomic_int n_heard; /* neighbours, so far */
    int n_deaf;         /* ranks that heard fewer than they have when the watch began */
    _Atomic(const char *) stage;
    atomic_uint_fast64_t iteration;
};

static struct in6_addr mapped(in_addr_t v4)
{
    struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&address.s6_addr[12], &v4, sizeof v4);
    return address;
}

/* --- before there is a watch ----------------------------------------------------------------- */

static volatile sig_atomic_t seconds_left;
static char missing[160];

/* A look a second, so that time in which the process was suspended counts as one. */
static void look_at_clock(int number)
{
    (void)number;
    if (--seconds_left > 0) {
        (void)alarm(1);
        return;
    }
    (void)!write(STDERR_FILENO, missing, strlen(missing));
    _exit(75);
}

void strata_watch_await(double limit_s)
{
    const struct sigaction look = {.sa_handler = look_at_clock, .sa_flags = SA_RESTART};
    const struct sigaction none = {.sa_handler = SIG_DFL};
    (void)alarm(0);
    (void)sigaction(SIGALRM, limit_s > 0 ? &look : &none, NULL);
    if (!(limit_s > 0)) return;
    seconds_left = (sig_atomic_t)limit_s + 1;
    (void)snprintf(missing, sizeof missing,
                   "strata: the ranks have not come together within %.0f s: one of them, or its host, "
                   "does not answer; run the same command again\n",
                   limit_s);
    (void)alarm(1);
}

void strata_watch_tell(struct strata_comm *comm, const char *stage, uint64_t iteration)
{
    if (!comm->watch) return;
    atomic_store(&comm->watch->stage, stage);
    atomic_store(&comm->watch->iteration, iteration);
}

/* --- the thread ------------------------------------------------------------------------------ */

/* Lost: the next one will do. */
static void send_beat(const struct strata_watch *watch, const struct in6_addr *address,
                      in_port_t port)
{
    const struct beat beat = {watch->token, watch->comm->rank};
    union endpoint to = {.v6 = {.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = *address}};
    socklen_t n_bytes = sizeof to.v6;
    if (watch->only_v4) {
        if (!IN6_IS_ADDR_V4MAPPED(address)) return;
        to = (union endpoint){.v4 = {.sin_family = AF_INET, .sin_port = port}};
        memcpy(&to.v4.sin_addr, &address->s6_addr[12], sizeof to.v4.sin_addr);
        n_bytes = sizeof to.v4;
    }
    if (STRATA_FAULT_CALL("watch.send")) return;
    (void)sendto(watch->socket, &beat, sizeof beat, MSG_DONTWAIT, &to.any, n_bytes);
}

static void send_beats(struct strata_watch *watch)
{
    for (int i = 0; i < watch->n_neighbours; i++) {
        const struct place *place = &watch->neighbour[i].place;
        for (uint32_t j = 0; j < place->n && j < PLACES_MAX; j++)
            send_beat(watch, &place->address[j], place->port);
    }
}

static void hear(struct strata_watch *watch)
{
    struct beat beat;
    for (int i = 0; i < TURN_MAX; i++) {
        const ssize_t n = recv(watch->socket, &beat, sizeof beat, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno != EINTR && errno != ECONNREFUSED) return;
        if (n != (ssize_t)sizeof beat || beat.token != watch->token) continue;
        for (int j = 0; j < watch->n_neighbours; j++) {
            struct neighbour *neighbour = &watch->neighbour[j];
            if (neighbour->rank != beat.rank) continue;
            if (!neighbour->heard) atomic_fetch_add(&watch->n_heard, 1);
            neighbour->heard = true;
            neighbour->silent_s = 0;
        }
    }
}

static void leave_now(int number)
{
    (void)number;
    _exit(75);
}

/* Name the silent rank, and end the job.  This rank is where the silent one is, as each waits for the other.  MPI is
 * asked first, as its launcher is quicker then. */
static _Noreturn void accuse(struct strata_watch *watch, const struct neighbour *neighbour)
{
    const struct sigaction action = {.sa_handler = leave_now};
    (void)sigaction(SIGALRM, &action, NULL);
    (void)alarm(LEAVE_WITHIN_S); /* the screen or the log may be stuck as well */
    const char *stage = atomic_load(&watch->stage);
    const unsigned long long iteration = atomic_load(&watch->iteration);
    char in_iteration[48] = "";
    if (iteration)
        (void)snprintf(in_iteration, sizeof in_iteration, " in iteration %llu", iteration);
    (void)fprintf(stderr,
                  "strata: rank %d on %s has not answered for %.1f s while %s%s: run the same command "
                  "again\n",
                  neighbour->rank, neighbour->place.host, neighbour->silent_s, stage, in_iteration);
    STRATA_LOG(WARN, "rank.silent", "rank=%d host=%s seconds=%.1f stage=%s iteration=%llu",
               neighbour->rank, neighbour->place.host, neighbour->silent_s, stage, iteration);
    watch->comm->ops->abort(watch->comm, strata_status_exit_code(STRATA_E_AGAIN));
    _exit(75);
}

/* Time that this process did not run is nobody's silence. */
static void age(struct strata_watch *watch, double passed_s)
{
    const double step_s = passed_s < 2 * watch->beat_s ? passed_s : 2 * watch->beat_s;
    for (int i = 0; i < watch->n_neighbours; i++) {
        struct neighbour *neighbour = &watch->neighbour[i];
        neighbour->silent_s += step_s;
        if (neighbour->heard && neighbour->silent_s > neighbour->patience_s)
            accuse(watch, neighbour);
    }
}

static void *watch_neighbours(void *argument)
{
    struct strata_watch *watch = argument;
    double looked_s = strata_clock_s(), next_s = looked_s;
    for (;;) {
        const double now_s = strata_clock_s();
        hear(watch);
        age(watch, now_s - looked_s);
        looked_s = now_s;
        if (now_s >= next_s) {
            send_beats(watch);
            next_s = now_s + watch->beat_s;
        }
        struct pollfd ready[] = {{.fd = watch->wake, .events = POLLIN},
                                 {.fd = watch->socket, .events = POLLIN}};
        (void)poll(ready, 2, 1 + (int)((next_s - now_s) * 1000)); /* interrupted: a look too soon */
        if (ready[0].revents) return NULL;
    }
}

/* --- the limit ------------------------------------------------------------------------------- */

static double setting_s(const char *name, double otherwise)
{
    const char *text = getenv(name);
    char *end = NULL;
    const double value = text ? strtod(text, &end) : otherwise;
    return text && end != text && value >= 0 ? value : otherwise;
}

/* On several hosts mpirun itself must have noticed a lost one before it is told to end the job: it would wait for ever
 * for that host to confirm.  It does by the keepalive of its connections; unset, as deploy/mpirun sets it. */
static double limit_in_force(const struct strata_comm *comm, double limit_s)
{
    if (comm->n_here == comm->size) return limit_s;
    const double notices_s = setting_s("OMPI_MCA_oob_tcp_keepalive_time", 10) +
                             setting_s("OMPI_MCA_oob_tcp_keepalive_intvl", 5) *
                                 setting_s("OMPI_MCA_oob_tcp_keepalive_probes", 4);
    return limit_s > notices_s + MARGIN_S ? limit_s : notices_s + MARGIN_S;
}

double strata_watch_limit(const struct strata_comm *comm)
{
    return comm->watch ? comm->watch->limit_s : 0;
}

/* --- beginning and end ----------------------------------------------------------------------- */

/* An address of either family in the form of IPv6; false: others cannot use it. */
static bool take_address(const struct ifaddrs *of, sa_family_t family, struct in6_addr *address)
{
    if (!of->ifa_addr || of->ifa_addr->sa_family != family) return false;
    if (!(of->ifa_flags & IFF_UP) || (of->ifa_flags & IFF_LOOPBACK)) return false;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (family == AF_INET) {
        memcpy(&v4, of->ifa_addr, sizeof v4);
        *address = mapped(v4.sin_addr.s_addr);
        return true;
    }
    memcpy(&v6, of->ifa_addr, sizeof v6);
    *address = v6.sin6_addr;
    return !IN6_IS_ADDR_LINKLOCAL(address); /* it is of one device */
}

/* Every address by which another host may reach this one; the loopback's when there is no other host. */
static uint32_t find_addresses(bool one_host, struct in6_addr *address)
{
    static const sa_family_t families[] = {AF_INET, AF_INET6};
    if (one_host) {
        address[0] = mapped(htonl(INADDR_LOOPBACK));
        return 1;
    }
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) != 0) return 0;
    uint32_t n = 0;
    for (int i = 0; i < 2; i++)
        for (const struct ifaddrs *each = list; each && n < PLACES_MAX; each = each->ifa_next)
            n += take_address(each, families[i], &address[n]);
    freeifaddrs(list);
    return n;
}

/* A socket of both families, or where there is no IPv6 one of IPv4; on a port of the system's choice. */
static bool bind_socket(struct strata_watch *watch, bool one_host, in_port_t *port)
{
    static const int no = 0;
    union endpoint any = {.v6 = {.sin6_family = AF_INET6}};
    socklen_t n_bytes = sizeof any.v6;
    if (one_host) any.v6.sin6_addr = mapped(htonl(INADDR_LOOPBACK));
    watch->socket = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (watch->socket >= 0 &&
        setsockopt(watch->socket, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0 &&
        bind(watch->socket, &any.any, n_bytes) == 0 &&
        getsockname(watch->socket, &any.any, &n_bytes) == 0) {
        *port = any.v6.sin6_port;
        return true;
    }
    if (watch->socket >= 0) (void)close(watch->socket);
    any = (union endpoint){.v4 = {.sin_family = AF_INET}};
    any.v4.sin_addr.s_addr = htonl(one_host ? INADDR_LOOPBACK : INADDR_ANY);
    n_bytes = sizeof any.v4;
    watch->only_v4 = true;
    watch->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (watch->socket < 0 || bind(watch->socket, &any.any, n_bytes) != 0 ||
        getsockname(watch->socket, &any.any, &n_bytes) != 0)
        return false;
    *port = any.v4.sin_port;
    return true;
}

/* What this rank listens on, and where others find it. */
static strata_status open_socket(struct strata_watch *watch, bool one_host, struct place *mine,
                                 struct strata_err *err)
{
    if (!bind_socket(watch, one_host, &mine->port) || (watch->wake = eventfd(0, EFD_CLOEXEC)) < 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM,
                           "the stall watch gets no socket: %s; --stall-limit 0 does without",
                           strerror(errno));
    mine->n = find_addresses(one_host, mine->address);
    (void)gethostname(mine->host, sizeof mine->host - 1); /* it stays empty */
    return STRATA_OK;
}

static void take_neighbour(struct strata_watch *watch, const struct place *all, int rank,
                           double patience_s)
{
    struct neighbour *neighbour = &watch->neighbour[watch->n_neighbours++];
    *neighbour = (struct neighbour){.rank = rank, .place = all[rank], .patience_s = patience_s};
    neighbour->place.host[sizeof neighbour->place.host - 1] = '\0';
}

/* Signals are for the compute thread. */
static strata_status start_thread(struct strata_watch *watch, struct strata_err *err)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int problem = pthread_create(&watch->thread, NULL, watch_neighbours, watch);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    watch->runs = problem == 0;
    if (watch->runs) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_SYSTEM, "the stall watch gets no thread: %s",
                       strerror(problem));
}

/* The thread, if it runs, ends first. */
static void drop(struct strata_watch *watch)
{
    if (watch->runs) {
        (void)eventfd_write(watch->wake, 1); /* it counts from 0: there is room */
        (void)pthread_join(watch->thread, NULL);
    }
    if (watch->wake >= 0) (void)close(watch->wake);
    if (watch->socket >= 0) (void)close(watch->socket);
    free(watch);
}

/* Whether the first beats of all neighbours arrive in time. */
static bool hears_all(struct strata_watch *watch)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    const double end_s = strata_clock_s() + HELLO_S;
    while (atomic_load(&watch->n_heard) < watch->n_neighbours && strata_clock_s() < end_s)
        (void)nanosleep(&moment, NULL);
    return atomic_load(&watch->n_heard) == watch->n_neighbours;
}

static strata_status meet(struct strata_watch *watch, const struct place *mine, struct place *all,
                          double limit_s, struct strata_err *err)
{
    struct strata_comm *comm = watch->comm;
    const int before = (comm->rank + comm->size - 1) % comm->size;
    const int after = (comm->rank + 1) % comm->size;
    strata_comm_broadcast(comm, &watch->token, sizeof watch->token, 0);
    strata_comm_gather_all(comm, mine, sizeof *mine, all);
    watch->limit_s = limit_s;
    watch->beat_s = limit_s / 10 < 1 ? limit_s / 10 : 1;
    take_neighbour(watch, all, before, limit_s);
    if (after != before) take_neighbour(watch, all, after, limit_s + SECOND_LOOK_S);
    STRATA_FAULT("watch.meet.before");
    send_beats(watch); /* before anybody goes on: from then on each rank can fall silent */
    return strata_comm_agree(comm, start_thread(watch, err), err);
}

static void count_deaf(struct strata_watch *watch)
{
    int64_t n_deaf = !hears_all(watch);
    strata_comm_sum(watch->comm, &n_deaf, 1);
    watch->n_deaf = (int)n_deaf;
}

int strata_watch_deaf(const struct strata_comm *comm)
{
    return comm->watch ? comm->watch->n_deaf : 0;
}

strata_status strata_watch_start(struct strata_comm *comm, double limit_s, struct strata_err *err)
{
    if (comm->size < 2 || !(limit_s > 0)) return STRATA_OK;
    limit_s = limit_in_force(comm, limit_s);
    strata_watch_await(limit_s);
    struct strata_watch *watch = calloc(1, sizeof *watch);
    struct place mine = {0}, *all = calloc((size_t)comm->size, sizeof *all);
    strata_status status = STRATA_OK;
    if (!watch || !all) status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the stall watch");
    if (watch) {
        *watch = (struct strata_watch){.comm = comm, .socket = -1, .wake = -1, .stage = "STARTING"};
        if (status == STRATA_OK)
            status = open_socket(watch, comm->n_here == comm->size, &mine, err);
        if (status == STRATA_OK && getrandom(&watch->token, sizeof watch->token, 0) < 0)
            status = STRATA_FAIL(err, STRATA_E_SYSTEM, "no random number: %s", strerror(errno));
    }
    status = strata_comm_agree(comm, status, err);
    if (status == STRATA_OK) status = meet(watch, &mine, all, limit_s, err);
    strata_watch_await(0);
    free(all);
    if (status == STRATA_OK) {
        count_deaf(watch);
        comm->watch = watch;
    } else if (watch) {
        drop(watch);
    }
    return status;
}

void strata_watch_stop(struct strata_comm *comm)
{
    struct strata_watch *watch = comm->watch;
    if (!watch) return;
    strata_comm_barrier(comm); /* nobody falls silent before all are here */
    comm->watch = NULL;
    drop(watch);
}
