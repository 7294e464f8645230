/* The whole surface between compute and control: one snapshot and a ring of notices out (plain data, copied), one command
 * queue in (invariant I3).  The lock covers struct copies only. */
#ifndef STRATA_BOARD_H
#define STRATA_BOARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/config.h"

/* state, word, what a person reads, nothing follows it */
#define STRATA_JOB_STATES(X)                                             \
    X(STRATA_JOB_PENDING, "PENDING", "Waiting to start", false)          \
    X(STRATA_JOB_INGESTING, "INGESTING", "Reading customers", false)     \
    X(STRATA_JOB_ENCODING, "ENCODING", "Encoding features", false)       \
    X(STRATA_JOB_SEEDING, "SEEDING", "Placing centres", false)           \
    X(STRATA_JOB_FITTING, "FITTING", "Finding segments", false)          \
    X(STRATA_JOB_EVALUATING, "EVALUATING", "Measuring quality", false)   \
    X(STRATA_JOB_DESCRIBING, "DESCRIBING", "Describing segments", false) \
    X(STRATA_JOB_WRITING, "WRITING", "Writing results", false)           \
    X(STRATA_JOB_DONE, "DONE", "Done", true)                             \
    X(STRATA_JOB_STOPPING, "STOPPING", "Stopping", false)                \
    X(STRATA_JOB_CANCELLED, "CANCELLED", "Cancelled", true)              \
    X(STRATA_JOB_FAILED, "FAILED", "Failed", true)                       \
    X(STRATA_JOB_PAUSED, "PAUSED", "Paused", false)

enum strata_job_state {
#define STRATA_X(state, word, phrase, final) state,
    STRATA_JOB_STATES(STRATA_X)
#undef STRATA_X
        STRATA_JOB_STATE_COUNT
};

/* "PENDING", ... */
static inline const char *strata_job_state_word(enum strata_job_state state)
{
#define STRATA_X(name, word, phrase, final) \
    if (state == (name)) return (word);
    STRATA_JOB_STATES(STRATA_X)
#undef STRATA_X
    return "UNKNOWN";
}

/* What a person reads: "Finding segments". */
static inline const char *strata_job_state_phrase(enum strata_job_state state)
{
#define STRATA_X(name, word, phrase, final) \
    if (state == (name)) return (phrase);
    STRATA_JOB_STATES(STRATA_X)
#undef STRATA_X
    return "Working";
}

static inline bool strata_job_state_is_final(enum strata_job_state state)
{
#define STRATA_X(name, word, phrase, final) \
    if (state == (name)) return (final);
    STRATA_JOB_STATES(STRATA_X)
#undef STRATA_X
    return false;
}

/* A candidate that still moves. */
struct strata_live_candidate {
    uint32_t k, start; /* start from 1 */
    uint64_t iterations;
    double objective;
};
#define STRATA_BOARD_LIVE 64 /* that a snapshot has at most */

struct strata_snapshot {
    uint64_t seq; /* grows by one with each publication */
    char job[128];
    enum strata_job_state state;
    double elapsed_s;
    double fraction;         /* of the whole job, rough, never falling */
    double remaining_s;      /* negative: unknown */
    double remaining_high_s; /* upper end of the band that it is in; no less than remaining_s */
    bool is_limited;         /* the job has a limit of time, and */
    double limit_s;          /* so long until then */
    int ranks;
    uint64_t bytes_done, bytes_total; /* ingest */
    uint64_t customers;               /* 0 until known */
    uint32_t features;                /* columns of the matrix */
    uint64_t iteration;
    uint32_t candidates_live, candidates_total;
    uint32_t k; /* of the leading candidate; at most STRATA_MAX_SEGMENTS */
    double objective;
    double segment_size[STRATA_MAX_SEGMENTS]; /* (k) interim sizes of the leading candidate, by weight */
    char weight[64];     /* feature that weighs the customers, or empty: each counts once */
    double weight_total; /* how many the customers stand for; 0: as many as they are */
    char ending[96];     /* why the chosen candidate ended, in a sentence; empty before */
    char message[256];   /* the failure's first line, or empty */
    struct strata_live_candidate live[STRATA_BOARD_LIVE]; /* (n_live) by k, then start; of more, the best */
    uint32_t n_live;
    double rank_balance; /* slowest rank's time of the last iteration over the ranks' mean; 0: unknown */
};

/* Something that has happened: what becomes an event of the channel.  Which fields belong to which kind is said beside
 * them. */
enum strata_notice_kind {
    STRATA_NOTICE_STAGE = 1,  /* a state was entered */
    STRATA_NOTICE_CANDIDATE,  /* one has ended, is out, or was chosen */
    STRATA_NOTICE_CHECKPOINT, /* one is on disk */
    STRATA_NOTICE_WARNING,
    STRATA_NOTICE_DONE /* the job is over */
};
enum strata_fate { STRATA_FATE_ENDED = 1, STRATA_FATE_DROPPED, STRATA_FATE_CHOSEN };
struct strata_notice {
    enum strata_notice_kind kind;
    enum strata_job_state state; /* STAGE, DONE */
    double elapsed_s;            /* STAGE */
    enum strata_fate fate;       /* CANDIDATE */
    uint32_t k, start;           /* CANDIDATE; start from 1 */
    uint64_t iteration;          /* CANDIDATE, CHECKPOINT */
    uint64_t generation, bytes;  /* CHECKPOINT */
    char text[512]; /* CANDIDATE: why, WARNING, DONE: why, or how long it took; one sentence */
};
#define STRATA_BOARD_NOTICES 1024 /* that have not been taken; of more, the oldest are lost */

enum strata_command_kind {
    STRATA_COMMAND_STOP = 1,
    STRATA_COMMAND_CHECKPOINT,
    STRATA_COMMAND_PAUSE,
    STRATA_COMMAND_RESUME,
    STRATA_COMMAND_CANCEL,
    STRATA_COMMAND_TOLERANCE, /* value */
    STRATA_COMMAND_MAX_ITER,  /* value */
    STRATA_COMMAND_DROP,      /* k, and start from 1 or 0 for all */
    STRATA_COMMAND_FREEZE,    /* k */
    STRATA_COMMAND_LOG_LEVEL, /* value */
    STRATA_COMMAND_COUNT
};
struct strata_command {
    enum strata_command_kind kind;
    uint64_t request_id;
    uint32_t k, start;
    double value;
    uint64_t number; /* from 1, in the order of asking; set by the board */
};

/* What came of a command. */
enum strata_effect {
    STRATA_EFFECT_OPEN, /* nothing yet */
    STRATA_EFFECT_TAKEN,
    STRATA_EFFECT_REFUSED, /* it cannot be */
    STRATA_EFFECT_FAILED,  /* a checkpoint that could not be written */
    STRATA_EFFECT_LATE     /* the job had no use for it any more */
};
struct strata_outcome_of_command {
    uint64_t number;
    enum strata_effect effect;
    uint64_t iteration;  /* in which it took effect */
    const char *refused; /* why, as a sentence without a full stop; lives as long as the program */
    bool is_checkpoint;  /* taken only once it is written */
    bool is_kept;        /* it survives a crash of the job, or need not: may be told */
};

#define STRATA_BOARD_COMMANDS 16
#define STRATA_BOARD_OUTCOMES 64 /* the last ones; more than can be open at once */

struct strata_board {
    pthread_mutex_t lock;
    struct strata_snapshot now;
    struct strata_command command[STRATA_BOARD_COMMANDS];
    size_t n_commands;
    uint64_t n_asked, cancelled;
    bool is_closed; /* to all but cancel, or to all */
    bool is_over;
    struct strata_outcome_of_command outcome[STRATA_BOARD_OUTCOMES]; /* by number */
    const unsigned char *result; /* packed strata.v1.Result once there is one; immutable then */
    size_t result_bytes;
    struct strata_notice notice[STRATA_BOARD_NOTICES]; /* by number */
    uint64_t n_posted, n_taken;
    uint64_t n_calls,
        n_waits; /* of the compute side: publish, take, answer; those that found the lock taken */
    double longest_wait_s;
};

void strata_board_init(struct strata_board *board);
void strata_board_finish(struct strata_board *board);

/* Compute side: replace the snapshot (seq is set here, and fraction never falls), publish the result (once; the bytes
 * must live as long as the board), take the oldest command. */
void strata_board_publish(struct strata_board *board, const struct strata_snapshot *snapshot);
void strata_board_publish_result(struct strata_board *board, const unsigned char *bytes,
                                 size_t n_bytes);
bool strata_board_take(struct strata_board *board, struct strata_command *command);
/* Any thread: tell that something has happened; after the snapshot in which it shows was published.  Never waits for
 * whoever takes it. */
void strata_board_post(struct strata_board *board, const struct strata_notice *notice);
/* The number of the command to cancel, which is in no queue; 0: nobody has asked.  Any thread. */
uint64_t strata_board_cancelled(struct strata_board *board);
/* What came of a command; it may be told once all up to a number are kept (a failure makes those of CHECKPOINT fail). */
void strata_board_answer(struct strata_board *board, struct strata_outcome_of_command outcome);
void strata_board_keep(struct strata_board *board, uint64_t up_to, bool written);
/* The fit is over (all commands but cancel come too late), or the job is (all do): what waits is answered so. */
void strata_board_close(struct strata_board *board, bool job_is_over);

/* Control side: a consistent copy (result and result_bytes may be NULL); ask (the command's number, 0 when the queue is
 * full); what came of a command, false as long as it is open. */
struct strata_snapshot strata_board_read(struct strata_board *board, const unsigned char **result,
                                         size_t *result_bytes);
/* The oldest notices that were not taken yet, at most `room`; before them *n_lost were lost.  A snapshot that is read
 * afterwards shows what they tell. */
size_t strata_board_notices(struct strata_board *board, struct strata_notice *notice, size_t room,
                            uint64_t *n_lost);
uint64_t strata_board_ask(struct strata_board *board, struct strata_command command);
bool strata_board_outcome(struct strata_board *board, uint64_t number,
                          struct strata_outcome_of_command *outcome);

#endif
