/* Faults on request.  Compiled for the twins of the libraries only: nothing of it is in a program that users run. */
#include "strata/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FAULTS_MAX 8
#define WORD_BYTES 64

enum action { ACTION_DIE, ACTION_STOP, ACTION_WAIT, ACTION_FAIL, ACTION_FLIP, ACTION_COUNT };
static const char *const action_word[] = {"die", "stop", "wait", "fail", "flip"};

static const struct {
    const char *name;
    int number;
} error_of[] = {{"EIO", EIO},     {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
                {"EINTR", EINTR}, {"ENOMEM", ENOMEM}, {"EACCES", EACCES}};

struct fault {
    enum action action;
    char point[WORD_BYTES];
    int rank; /* -1: each */
    uint64_t count, iteration, bit, ms;
    bool ever;
    int error;
    atomic_uint_fast64_t visits;
};

static struct {
    struct fault fault[FAULTS_MAX];
    size_t n;
    int trace; /* file; -1 none */
    atomic_uint_fast64_t happened;
} faults = {.trace = -1};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int process_rank;
static _Thread_local int thread_rank = -1;

static int here(void)
{
    return thread_rank >= 0 ? thread_rank : atomic_load(&process_rank);
}

void strata_fault_rank(int rank)
{
    thread_rank = rank;
    atomic_store(&process_rank, rank);
}

/* --- the list -------------------------------------------------------------------------------- */

static bool read_error(const char *name, int *number)
{
    for (size_t i = 0; i < sizeof error_of / sizeof *error_of; i++) {
        if (strcmp(name, error_of[i].name) != 0) continue;
        *number = error_of[i].number;
        return true;
    }
    return false;
}

static bool read_setting(const char *key, const char *value, struct fault *fault)
{
    if (strcmp(key, "error") == 0) return read_error(value, &fault->error);
    char *end = NULL;
    const uint64_t number = strtoull(value, &end, 10);
    if (end == value || *end) return false;
    if (strcmp(key, "rank") == 0)
        fault->rank = (int)number;
    else if (strcmp(key, "count") == 0)
        fault->count = number;
    else if (strcmp(key, "iteration") == 0)
        fault->iteration = number;
    else if (strcmp(key, "bit") == 0)
        fault->bit = number;
    else if (strcmp(key, "ms") == 0)
        fault->ms = number;
    else if (strcmp(key, "ever") == 0)
        fault->ever = number != 0;
    else
        return false;
    return true;
}

static bool read_fault(char *text, struct fault *fault)
{
    memset(fault, 0, sizeof *fault);
    fault->rank = -1, fault->count = 1, fault->ms = 1000, fault->error = EIO;
    char *settings = NULL, *word = strtok_r(text, ",", &settings),
         *at = word ? strchr(word, '@') : NULL;
    if (!at) return false;
    *at++ = '\0';
    while (fault->action < ACTION_COUNT && strcmp(action_word[fault->action], word) != 0)
        fault->action++;
    const int length = snprintf(fault->point, sizeof fault->point, "%s", at);
    if (fault->action == ACTION_COUNT || length <= 0 || length >= WORD_BYTES) return false;
    while ((word = strtok_r(NULL, ",", &settings))) {
        char *value = strchr(word, '=');
        if (!value) return false;
        *value++ = '\0';
        if (!read_setting(word, value, fault)) return false;
    }
    return true;
}

bool strata_fault_arm(const char *list)
{
    char text[FAULTS_MAX * 2 * WORD_BYTES], *rest = NULL;
    faults.n = 0;
    atomic_store(&faults.happened, 0);
    const int length = snprintf(text, sizeof text, "%s", list);
    if (length < 0 || (size_t)length >= sizeof text) return false;
    for (char *one = strtok_r(text, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
        if (faults.n == FAULTS_MAX || !read_fault(one, &faults.fault[faults.n])) return false;
        faults.n++;
    }
    return true;
}

static void read_environment(void)
{
    const char *list = getenv("STRATA_FAULT"), *trace = getenv("STRATA_FAULT_TRACE");
    if (list && !strata_fault_arm(list)) {
        (void)fprintf(stderr, "strata: STRATA_FAULT=%s is no list of faults\n", list);
        _exit(64);
    }
    if (trace) faults.trace = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* --- what happens ---------------------------------------------------------------------------- */

static bool names(const char *pattern, const char *point)
{
    const size_t length = strlen(pattern);
    if (pattern[length - 1] == '*') return strncmp(pattern, point, length - 1) == 0;
    return strcmp(pattern, point) == 0;
}

/* Whether this visit is the one. */
static bool is_due(struct fault *fault, const char *point, uint64_t iteration)
{
    if (!names(fault->point, point) || (fault->rank >= 0 && fault->rank != here())) return false;
    if (fault->iteration && fault->iteration != iteration) return false;
    const uint64_t visits = atomic_fetch_add(&fault->visits, 1) + 1;
    if (visits != fault->count && !(fault->ever && visits > fault->count)) return false;
    atomic_fetch_add(&faults.happened, 1);
    return true;
}

static void stand_still(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000),
                                  .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static void trace(const char *point)
{
    if (faults.trace < 0) return;
    char line[WORD_BYTES + 16];
    const int length = snprintf(line, sizeof line, "%d %s\n", here(), point);
    if (length > 0)
        (void)!write(faults.trace, line, (size_t)length); /* one call: lines stay whole */
}

/* True when a call is to fail. */
static bool visit(const char *point, uint64_t iteration, unsigned char *bytes, size_t n_bytes)
{
    bool fails = false;
    (void)pthread_once(&once, read_environment);
    trace(point);
    for (size_t i = 0; i < faults.n; i++) {
        struct fault *fault = &faults.fault[i];
        if (!is_due(fault, point, iteration)) continue;
        if (fault->action == ACTION_DIE) (void)raise(SIGKILL);
        if (fault->action == ACTION_STOP) (void)raise(SIGSTOP);
        if (fault->action == ACTION_WAIT) stand_still(fault->ms);
        if (fault->action == ACTION_FLIP && n_bytes) {
            const uint64_t bit = fault->bit % (8 * (uint64_t)n_bytes);
            bytes[bit / 8] ^= (unsigned char)(1U << (bit % 8));
        }
        if (fault->action == ACTION_FAIL) {
            fails = true;
            errno = fault->error;
        }
    }
    return fails;
}

void strata_fault_visit(const char *point, uint64_t iteration)
{
    (void)visit(point, iteration, NULL, 0); /* nothing here that could fail */
}

void strata_fault_bytes(const char *point, const void *bytes, size_t n_bytes)
{
    (void)visit(point, 0, (unsigned char *)(uintptr_t)bytes, n_bytes);
}

bool strata_fault_call(const char *point)
{
    return visit(point, 0, NULL, 0);
}

uint64_t strata_fault_happened(void)
{
    return atomic_load(&faults.happened);
}
