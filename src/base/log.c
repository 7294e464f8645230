#include "strata/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"

static const char *const level_word[] = {"error", "warn", "info", "debug"};

static struct {
    pthread_mutex_t lock;
    FILE *file;
    int rank;
    enum strata_log_level stderr_level;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .stderr_level = STRATA_LOG_ERROR};

void strata_log_init(int rank, enum strata_log_level stderr_level)
{
    log_state.rank = rank;
    log_state.stderr_level = stderr_level;
}

strata_status strata_log_open(const char *path, struct strata_err *err)
{
    strata_log_close();
    FILE *file = fopen(path, "ae");
    if (!file)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: cannot open the log: %s", path,
                           strerror(errno));
    (void)setvbuf(file, NULL, _IOLBF, 0);
    (void)pthread_mutex_lock(&log_state.lock);
    log_state.file = file;
    (void)pthread_mutex_unlock(&log_state.lock);
    return STRATA_OK;
}

void strata_log_close(void)
{
    (void)pthread_mutex_lock(&log_state.lock);
    if (log_state.file)
        (void)fclose(log_state.file); /* a log that cannot be closed is no reason to fail a job */
    log_state.file = NULL;
    (void)pthread_mutex_unlock(&log_state.lock);
}

bool strata_log_wants(enum strata_log_level level)
{
    if (level == STRATA_LOG_INFO && log_state.rank != 0) return false;
    return level <= log_state.stderr_level || (log_state.file && level <= STRATA_LOG_INFO);
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at;
}

/* Whether the text is a number to JSON: not a date, a version, an address, or digits after a leading 0. */
static bool is_number(const char *text, size_t length)
{
    const char *end = text + length, *at = text + (length > 0 && *text == '-');
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1)) return false;
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits) return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        digits = at;
        at = skip_digits(at, end);
        if (at == digits) return false;
    }
    return at == end;
}

/* `iter=12 objective=1e7` as JSON members: numbers stay numbers, the rest becomes text. */
static void print_members(FILE *file, const char *pairs)
{
    while (*pairs) {
        const size_t length = strcspn(pairs, " ");
        const char *equals = memchr(pairs, '=', length);
        if (equals) {
            const char *value = equals + 1;
            const size_t n_value = length - (size_t)(value - pairs);
            (void)fprintf(file, is_number(value, n_value) ? ",\"%.*s\":%.*s" : ",\"%.*s\":\"%.*s\"",
                          (int)(equals - pairs), pairs, (int)n_value, value);
        }
        pairs += length;
        pairs += strspn(pairs, " ");
    }
}

void strata_log_write(enum strata_log_level level, const char *event, const char *format, ...)
{
    char pairs[1024], now[32];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(pairs, sizeof pairs, format, arguments);
    va_end(arguments);
    for (char *c = pairs; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') *c = '_';
    strata_clock_utc(now);
    (void)pthread_mutex_lock(&log_state.lock);
    if (log_state.file && level <= STRATA_LOG_INFO) {
        (void)fprintf(log_state.file,
                      "{\"time\":\"%s\",\"level\":\"%s\",\"rank\":%d,\"event\":\"%s\"", now,
                      level_word[level], log_state.rank, event);
        print_members(log_state.file, pairs);
        (void)fputs("}\n", log_state.file);
    }
    if (level <= log_state.stderr_level)
        (void)fprintf(stderr, "%s %s r%d %s %s\n", now, level_word[level], log_state.rank, event,
                      pairs);
    (void)pthread_mutex_unlock(&log_state.lock);
}
