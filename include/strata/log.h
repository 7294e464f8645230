/* One line, one event: a dotted name and key=value pairs.  Only rank 0 speaks at info; nothing that belongs to a
 * customer ever appears.  Lines go to log.jsonl of the run directory once it is open, and to stderr when verbose. */
#ifndef STRATA_LOG_H
#define STRATA_LOG_H

#include <stdbool.h>

#include "strata/status.h"

enum strata_log_level { STRATA_LOG_ERROR, STRATA_LOG_WARN, STRATA_LOG_INFO, STRATA_LOG_DEBUG };

/* Set who speaks and from which level on stderr shows events.  Called once by main; rank is this process's. */
void strata_log_init(int rank, enum strata_log_level stderr_level);

/* Another level of stderr from now on, on this rank.  Any thread. */
void strata_log_level(enum strata_log_level stderr_level);
/* "error", "warn", "info" or "debug". */
const char *strata_log_level_word(enum strata_log_level level);

/* Append events to path from now on (rank 0 only); close with NULL. */
STRATA_MUST_CHECK strata_status strata_log_open(const char *path, struct strata_err *err);
void strata_log_close(void);

bool strata_log_wants(enum strata_log_level level);

/* `event` is dotted, e.g. "fit.iter"; format makes "key=value key=value" with no spaces or quotes inside values.
 * Thread-safe. */
void strata_log_write(enum strata_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Arguments are not evaluated when filtered. */
#define STRATA_LOG(level, event, ...)                                 \
    (strata_log_wants(STRATA_LOG_##level)                             \
         ? strata_log_write(STRATA_LOG_##level, (event), __VA_ARGS__) \
         : (void)0)

#endif
