#include "strata/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    int exit_code;
    const char *word;
} statuses[STRATA_STATUS_COUNT] = {
#define STRATA_X(code, exit_code, word, who) {exit_code, word},
    STRATA_STATUS_LIST(STRATA_X)
#undef STRATA_X
};

strata_status strata_err_fill(struct strata_err *err, strata_status code, const char *format, ...)
{
    if (!err || err->code != STRATA_OK) return code;
    err->code = code;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof err->text, format, arguments); /* cut texts are fine */
    va_end(arguments);
    return code;
}

int strata_status_exit_code(strata_status status)
{
    STRATA_REQUIRE(status < STRATA_STATUS_COUNT);
    return statuses[status].exit_code;
}

const char *strata_status_word(strata_status status)
{
    STRATA_REQUIRE(status < STRATA_STATUS_COUNT);
    return statuses[status].word;
}

void strata_require_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "strata: bug: %s does not hold at %s:%d\n", condition, file, line);
    (void)fflush(stderr);
    _Exit(strata_status_exit_code(STRATA_E_BUG));
}
