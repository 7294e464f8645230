/* Checkpoints, off the compute path.  After an iteration the compute thread copies the fit's state into a
 * draft, which costs a copy of so many bytes; a thread of rank 0 writes drafts to disk: when one is due, and at
 * once when a signal asks for it, whatever the pass is doing.  The lock covers changes of pointers only.
 *
 * There are three drafts: one is being filled, one is ready, one is being written. */
#define _GNU_SOURCE /* sem_clockwait */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "strata/clock.h"
#include "strata/fault.h"
#include "strata/log.h"
#include "strata/versions.h"

#include "job/job_impl.h"

#define WRITES_SHARE 100 /* of the time, at most one part in so many goes to writing */
#define DRAFTS_SHARE 200 /* and to copying */

struct draft {
    struct strata_arena room; /* addresses of STRATA_CHECKPOINT_BYTES_MAX; pages as they are used */
    unsigned char *bytes;
    size_t n_bytes, room_bytes;
    uint64_t iteration;
    const char *commands;
    uint64_t last_command; /* of the board's */
};

struct strata_keeper {
    const struct strata_attempt *attempt;
    const char *settings, *inputs;
    char versions[STRATA_VERSIONS_BYTES];
    struct strata_board *board; /* NULL: nobody asks */
    const char *commands;       /* the compute side's, */
    uint64_t last_command;      /* and the number of the last of them on the board */
    double interval_s;
    uint64_t generation; /* of the next checkpoint */
    struct draft draft[STRATA_KEEPER_DRAFTS];
    struct draft *filling, *ready, *writing;
    double drafted_s, draft_cost_s; /* the last one was made then, and took so much of a processor */
    double drafts_s, writes_s;      /* all of them took */
    uint64_t n_drafts;
    bool hurries; /* the next draft is to be written at once */
    atomic_bool taken_over;
    pthread_mutex_t lock;
    sem_t wake;
    bool is_ready, leave; /* under the lock */
    pthread_t thread;
    /* The writer's own; everybody's once it has ended. */
    double due_s;
    uint64_t n_written;
    strata_status status; /* of the last write */
    struct strata_err err;
};

/* --- the writer ------------------------------------------------------------------------ */

static bool take_draft(struct strata_keeper *keeper)
{
    STRATA_REQUIRE(pthread_mutex_lock(&keeper->lock) == 0);
    const bool taken = keeper->is_ready;
    if (taken) {
        struct draft *old = keeper->writing;
        keeper->writing = keeper->ready;
        keeper->ready = old;
        keeper->is_ready = false;
    }
    STRATA_REQUIRE(pthread_mutex_unlock(&keeper->lock) == 0);
    return taken;
}

static void tell_written(const struct strata_keeper *keeper, const struct draft *draft)
{
    const struct strata_notice notice = {.kind = STRATA_NOTICE_CHECKPOINT,
                                         .iteration = draft->iteration,
                                         .generation = keeper->generation,
                                         .bytes = draft->n_bytes};
    if (keeper->board) strata_board_post(keeper->board, &notice);
}

static void write_draft(struct strata_keeper *keeper)
{
    const struct draft *draft = keeper->writing;
    const struct strata_section section[] = {
        {"versions", keeper->versions, strlen(keeper->versions)},
        {"settings", keeper->settings, strlen(keeper->settings)},
        {"inputs", keeper->inputs, strlen(keeper->inputs)},
        {"commands", draft->commands, strlen(draft->commands)},
        {"iteration", &draft->iteration, sizeof draft->iteration},
        {"fit", draft->bytes, draft->n_bytes},
    };
    const double begun_s = strata_clock_s();
    keeper->err = (struct strata_err){0};
    keeper->status = strata_checkpoint_write(keeper->attempt, keeper->generation, section,
                                             sizeof section / sizeof *section, &keeper->err);
    const double now_s = strata_clock_s(), seconds = now_s - begun_s;
    keeper->due_s = now_s + (keeper->interval_s > WRITES_SHARE * seconds ? keeper->interval_s
                                                                         : WRITES_SHARE * seconds);
    keeper->writes_s += seconds;
    if (keeper->status == STRATA_OK) {
        keeper->n_written++;
        tell_written(keeper, draft);
        STRATA_LOG(INFO, "checkpoint.written",
                   "generation=%llu iteration=%llu bytes=%zu seconds=%.4f",
                   (unsigned long long)keeper->generation, (unsigned long long)draft->iteration,
                   draft->n_bytes, seconds);
    } else {
        STRATA_LOG(WARN, "checkpoint.failed", "generation=%llu reason=%s",
                   (unsigned long long)keeper->generation, strata_status_word(keeper->status));
    }
    keeper->generation++;
    if (keeper->status == STRATA_E_UNAVAILABLE) atomic_store(&keeper->taken_over, true);
    if (keeper->board)
        strata_board_keep(keeper->board, draft->last_command, keeper->status == STRATA_OK);
}

/* Until a checkpoint is due, or somebody wants one at once. */
static void wait_for_work(struct strata_keeper *keeper)
{
    const double until_s = keeper->due_s;
    const struct timespec until = {.tv_sec = (time_t)until_s,
                                   .tv_nsec = (long)((until_s - (double)(time_t)until_s) * 1e9)};
    while (sem_clockwait(&keeper->wake, CLOCK_MONOTONIC, &until) != 0 && errno == EINTR) {
    }
}

static bool must_leave(struct strata_keeper *keeper)
{
    STRATA_REQUIRE(pthread_mutex_lock(&keeper->lock) == 0);
    const bool leave = keeper->leave;
    STRATA_REQUIRE(pthread_mutex_unlock(&keeper->lock) == 0);
    return leave;
}

static void *keep(void *context)
{
    struct strata_keeper *keeper = context;
    for (bool leave = false; !leave;) {
        wait_for_work(keeper);
        leave =
            must_leave(keeper); /* before the draft is taken, so that the last one is not missed */
        if (take_draft(keeper))
            write_draft(keeper);
        else if (strata_clock_s() >= keeper->due_s)
            keeper->due_s = strata_clock_s() + keeper->interval_s;
    }
    return NULL;
}

/* --- the compute side ------------------------------------------------------------------ */

/* Room for so many bytes, which seldom grows. */
static bool draft_fits(struct draft *draft, size_t n_bytes)
{
    draft->n_bytes = n_bytes;
    if (n_bytes <= draft->room_bytes) return true;
    strata_arena_reset(&draft->room);
    draft->bytes = STRATA_NEW(&draft->room, unsigned char, n_bytes);
    draft->room_bytes = draft->bytes ? n_bytes : 0;
    return draft->bytes != NULL;
}

void strata_keeper_note(struct strata_keeper *keeper, const struct strata_fit_moment *moment,
                        uint64_t iteration, bool is_last)
{
    const double begun_s = strata_clock_thread_s(); /* a busy machine's pauses are no cost */
    if (!is_last && !keeper->hurries &&
        strata_clock_s() < keeper->drafted_s + DRAFTS_SHARE * keeper->draft_cost_s)
        return;
    struct draft *draft = keeper->filling;
    if (!draft_fits(draft, strata_fit_state_bytes(moment))) {
        STRATA_LOG(WARN, "checkpoint.too_large", "bytes=%zu", draft->n_bytes);
        if (keeper->board) strata_board_keep(keeper->board, keeper->last_command, false);
        return;
    }
    strata_fit_state_write(moment, draft->bytes);
    draft->iteration = iteration;
    draft->commands = keeper->commands;
    draft->last_command = keeper->last_command;
    STRATA_REQUIRE(pthread_mutex_lock(&keeper->lock) == 0);
    keeper->filling = keeper->ready;
    keeper->ready = draft;
    keeper->is_ready = true;
    STRATA_REQUIRE(pthread_mutex_unlock(&keeper->lock) == 0);
    keeper->drafted_s = strata_clock_s();
    keeper->draft_cost_s = strata_clock_thread_s() - begun_s;
    keeper->drafts_s += keeper->draft_cost_s;
    if (keeper->hurries) STRATA_REQUIRE(sem_post(&keeper->wake) == 0);
    keeper->hurries = false;
    keeper->n_drafts++;
}

void strata_keeper_carry(struct strata_keeper *keeper, const char *commands, uint64_t last_command)
{
    if (!keeper) return;
    keeper->commands = commands;
    if (last_command) keeper->last_command = last_command;
}

void strata_keeper_hurry(struct strata_keeper *keeper)
{
    if (keeper) keeper->hurries = true;
}

bool strata_keeper_is_taken_over(struct strata_keeper *keeper)
{
    return keeper && atomic_load(&keeper->taken_over);
}

static bool make_rooms(struct strata_keeper *keeper)
{
    for (size_t i = 0; i < STRATA_KEEPER_DRAFTS; i++)
        if (!strata_arena_init(&keeper->draft[i].room, STRATA_CHECKPOINT_BYTES_MAX)) return false;
    keeper->filling = &keeper->draft[0];
    keeper->ready = &keeper->draft[1];
    keeper->writing = &keeper->draft[2];
    return true;
}

strata_status strata_keeper_start(const struct strata_keeper_options *options,
                                  struct strata_arena *arena, struct strata_keeper **out,
                                  struct strata_err *err)
{
    struct strata_keeper *keeper = STRATA_NEW(arena, struct strata_keeper, 1);
    if (!keeper || !make_rooms(keeper))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to keep the state of the fit");
    keeper->attempt = options->attempt;
    strata_versions(keeper->versions);
    keeper->settings = options->settings;
    keeper->inputs = options->inputs;
    keeper->commands = options->commands ? options->commands : "";
    keeper->board = options->board;
    keeper->generation = options->generation;
    keeper->interval_s = options->interval_s;
    keeper->due_s = strata_clock_s() + options->interval_s;
    atomic_init(&keeper->taken_over, false);
    STRATA_REQUIRE(pthread_mutex_init(&keeper->lock, NULL) == 0);
    STRATA_REQUIRE(sem_init(&keeper->wake, 0, 0) == 0);
    if (pthread_create(&keeper->thread, NULL, keep, keeper) != 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "no thread for checkpoints");
    strata_job_signals_wake(&keeper->wake);
    *out = keeper;
    return STRATA_OK;
}

strata_status strata_keeper_stop(struct strata_keeper **owner, bool writes_last,
                                 uint64_t *n_written, struct strata_err *err)
{
    struct strata_keeper *keeper = *owner;
    *owner = NULL;
    if (!keeper) return STRATA_OK;
    STRATA_REQUIRE(pthread_mutex_lock(&keeper->lock) == 0);
    keeper->leave = true;
    keeper->is_ready &= writes_last;
    STRATA_REQUIRE(pthread_mutex_unlock(&keeper->lock) == 0);
    STRATA_REQUIRE(sem_post(&keeper->wake) == 0);
    STRATA_REQUIRE(pthread_join(keeper->thread, NULL) == 0);
    strata_job_signals_wake(NULL);
    for (size_t i = 0; i < STRATA_KEEPER_DRAFTS; i++) strata_arena_finish(&keeper->draft[i].room);
    STRATA_LOG(INFO, "checkpoint.cost", "drafts=%llu drafts_s=%.6f written=%llu writes_s=%.6f",
               (unsigned long long)keeper->n_drafts, keeper->drafts_s,
               (unsigned long long)keeper->n_written, keeper->writes_s);
    *n_written = keeper->n_written;
    *err = keeper->err;
    return keeper->status;
}
