#include "strata/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/clock.h"

static const char *const level_word[] = {"error", "warn", "info", "debug"};

static struct {
    pthread_mutex_t lock;
    int file; /* -1: none */
    int rank;
    _Atomic(enum strata_log_level) stderr_level;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .file = -1, .stderr_level = STRATA_LOG_ERROR};

/* A line on its way to the file: 1,024 bytes of pairs fit, whatever they are. */
struct line {
    char text[4096];
    size_t n;
};

void strata_log_init(int rank, enum strata_log_level stderr_level)
{
    log_state.rank = rank;
    log_state.stderr_level = stderr_level;
}

void strata_log_level(enum strata_log_level stderr_level)
{
    log_state.stderr_level = stderr_level;
}

const char *strata_log_level_word(enum strata_log_level level)
{
    return level_word[level];
}

strata_status strata_log_open(const char *path, struct strata_err *err)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: cannot open the log: %s", path,
                           strerror(errno));
    (void)pthread_mutex_lock(&log_state.lock);
    const int before = log_state.file;
    log_state.file = file;
    (void)pthread_mutex_unlock(&log_state.lock);
    if (before >= 0) (void)close(before); /* as below */
    return STRATA_OK;
}

void strata_log_close(void)
{
    (void)pthread_mutex_lock(&log_state.lock);
    if (log_state.file >= 0)
        (void)close(log_state.file); /* a log that cannot be closed is no reason to fail a job */
    log_state.file = -1;
    (void)pthread_mutex_unlock(&log_state.lock);
}

bool strata_log_wants(enum strata_log_level level)
{
    if (level == STRATA_LOG_INFO && log_state.rank != 0) return false;
    return level <= log_state.stderr_level || (log_state.file >= 0 && level <= STRATA_LOG_INFO);
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

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    const size_t room = sizeof line->text - line->n;
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(line->text + line->n, room, format, arguments);
    va_end(arguments);
    if (n > 0) line->n += (size_t)n < room ? (size_t)n : room - 1;
}

/* A whole line or, on a full disk, none: a torn one would spoil the next. */
static void append(int file, const struct line *line)
{
    struct stat before;
    if (fstat(file, &before) != 0) return;
    ssize_t wrote = -1;
    for (int tries = 0; wrote < 0 && tries < 100; tries++) {
        wrote = write(file, line->text, line->n);
        if (wrote < 0 && errno != EINTR) break;
    }
    if (wrote >= 0 && (size_t)wrote < line->n && ftruncate(file, before.st_size) != 0)
        return; /* nothing else can be done about it */
}

/* `iter=12 objective=1e7` as JSON members: numbers stay numbers, the rest becomes text. */
static void add_members(struct line *line, const char *pairs)
{
    while (*pairs) {
        const size_t length = strcspn(pairs, " ");
        const char *equals = memchr(pairs, '=', length);
        if (equals) {
            const char *value = equals + 1;
            const size_t n_value = length - (size_t)(value - pairs);
            const char *quote = is_number(value, n_value) ? "" : "\"";
            add(line, ",\"%.*s\":%s%.*s%s", (int)(equals - pairs), pairs, quote, (int)n_value,
                value, quote);
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
    if (log_state.file >= 0 && level <= STRATA_LOG_INFO) {
        struct line line = {.n = 0};
        add(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"rank\":%d,\"event\":\"%s\"", now,
            level_word[level], log_state.rank, event);
        add_members(&line, pairs);
        add(&line, "}\n");
        append(log_state.file, &line);
    }
    if (level <= log_state.stderr_level)
        (void)fprintf(stderr, "%s %s r%d %s %s\n", now, level_word[level], log_state.rank, event,
                      pairs);
    (void)pthread_mutex_unlock(&log_state.lock);
}
