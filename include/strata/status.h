/* How a function says that it could not: a status, and one sentence in the caller's strata_err.
 * The sentence is written where the fault is seen, names the thing and what to do, and travels upwards
 * untouched.  Bugs do not come this way: they assert. */
#ifndef STRATA_STATUS_H
#define STRATA_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* code, what `strata` exits with (sysexits), word, who must act */
#define STRATA_STATUS_LIST(X)                                                       \
    X(STRATA_OK, 0, "done", "nobody")                                               \
    X(STRATA_E_USAGE, 64, "usage", "whoever typed the command")                     \
    X(STRATA_E_DATA, 65, "bad data", "the data's owner")                            \
    X(STRATA_E_NO_INPUT, 66, "no input", "the data's owner")                        \
    X(STRATA_E_UNAVAILABLE, 69, "unavailable", "the operator")                      \
    X(STRATA_E_BUG, 70, "bug in strata", "Strata's authors")                        \
    X(STRATA_E_SYSTEM, 71, "system", "the operator")                                \
    X(STRATA_E_MEMORY, 71, "out of memory", "the operator")                         \
    X(STRATA_E_CREATE, 73, "cannot create", "the operator")                         \
    X(STRATA_E_IO, 74, "input/output", "the operator")                              \
    X(STRATA_E_AGAIN, 75, "try again", "the scheduler: run the same command again") \
    X(STRATA_E_PERMISSION, 77, "permission", "the operator")                        \
    X(STRATA_E_CONFIG, 78, "configuration", "the job file's author")                \
    X(STRATA_E_CANCELLED, 130, "cancelled", "nobody")

typedef enum strata_status {
#define STRATA_X(code, exit_code, word, who) code,
    STRATA_STATUS_LIST(STRATA_X)
#undef STRATA_X
        STRATA_STATUS_COUNT
} strata_status;

/* Zero-initialise with {0}.  rank is the rank that saw the fault, filled in by strata_comm_agree. */
struct strata_err {
    strata_status code;
    int rank;
    char text[8192]; /* one line, or several separated by '\n' when problems were collected */
};

#define STRATA_MUST_CHECK __attribute__((warn_unused_result))

/* Write the sentence (unless one is there already) and return code, so that
 * `return STRATA_FAIL(err, STRATA_E_DATA, "...")` is one line.  Not collective. */
strata_status strata_err_fill(struct strata_err *err, strata_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define STRATA_FAIL(err, code, ...) strata_err_fill((err), (code), __VA_ARGS__)

/* Leave the function with the status of an expression that did not succeed. */
#define STRATA_TRY(expression)                                          \
    do {                                                                \
        const strata_status strata_try_status_ = (expression);          \
        if (strata_try_status_ != STRATA_OK) return strata_try_status_; \
    } while (0)

int strata_status_exit_code(strata_status status);
const char *strata_status_word(strata_status status);

/* A condition that only a bug can break; kept in release builds, at module doors.  Aborts with exit code 70. */
#define STRATA_REQUIRE(condition) \
    ((condition) ? (void)0 : strata_require_failed(#condition, __FILE__, __LINE__))
_Noreturn void strata_require_failed(const char *condition, const char *file, int line);

#endif
