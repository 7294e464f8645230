/* What is known of a job that is watched, and its picture: a few lines as wide as the terminal. */
#ifndef STRATA_APP_TERMINAL_WATCH_H
#define STRATA_APP_TERMINAL_WATCH_H

#include "strata/board.h"
#include "strata/client.h"

#include "terminal.h"

#define STRATA_WATCH_CANDIDATES 128
#define STRATA_WATCH_TRACE 1024
#define STRATA_WATCH_WARNINGS 3
#define STRATA_WATCH_LINES 100

struct strata_watch_candidate {
    uint32_t k, start;
    double objective; /* NaN: none yet */
    uint64_t iterations;
    char fate[12]; /* empty: it is live */
};

struct strata_watch {
    struct strata_snapshot now; /* figures and texts of the last status */
    double remaining_high_s, limit_s;
    bool suffices_known, suffices;
    double heard_s; /* strata_clock_s of the last status */
    struct strata_watch_candidate candidate[STRATA_WATCH_CANDIDATES]; /* (n_candidates) by k, then start */
    size_t n_candidates, n_dropped;
    double trace[STRATA_WATCH_TRACE]; /* (n_trace) objective of the leader, thinned out evenly when it is full */
    size_t n_trace, stride, skipped;
    double balance; /* NaN: not told */
    bool has_checkpoint;
    uint64_t checkpoint_iteration, checkpoint_bytes;
    double checkpoint_s;                      /* strata_clock_s when it was told */
    char warning[STRATA_WATCH_WARNINGS][256]; /* the newest first */
    size_t n_warnings;
    char note[400]; /* about the connection; empty: nothing to say */
    bool is_lost;
};

/* The snapshot that a status was made from, as far as it tells. */
struct strata_snapshot strata_snapshot_of(const struct strata_job_view *job);

void strata_watch_init(struct strata_watch *watch);

/* Put what an event tells into the picture. */
void strata_watch_take(struct strata_watch *watch, const struct strata_event *event, double now_s);

/* The picture: at most `rows` lines, each narrower than the terminal; their number. */
size_t strata_watch_picture(const struct strata_watch *watch, const struct strata_terminal *terminal,
                            int rows, double now_s, struct strata_line *line);

/* A sparkline of values (n), the newest last, at most `columns` wide: eighths of blocks, or digits of ASCII. */
void strata_line_spark(struct strata_line *line, const struct strata_terminal *terminal,
                       const double *value, size_t n, int columns);

#endif
