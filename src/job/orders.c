/* Commands of clients: from the board into the fit, and into the record of the run.
 *
 * Rank 0 gives the fit one order an iteration; when it has taken effect, all ranks note it, and rank 0 writes it
 * down with its iteration and answers.  What is answered is in a checkpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "strata/clock.h"
#include "strata/log.h"

#include "job/job_impl.h"

#define REST_MS 50
#define KEPT_FOR_STOP 1 /* places in the list of commands */

static const struct {
    enum strata_command_kind command;
    enum strata_order_kind order;
    const char *words;
    bool has_value, has_k, changes_result;
} kinds[] = {
    {STRATA_COMMAND_STOP, STRATA_ORDER_STOP, "stop", false, false, true},
    {STRATA_COMMAND_CHECKPOINT, STRATA_ORDER_CHECKPOINT, "checkpoint", false, false, false},
    {STRATA_COMMAND_PAUSE, STRATA_ORDER_PAUSE, "pause", false, false, false},
    {STRATA_COMMAND_RESUME, STRATA_ORDER_RESUME, "resume", false, false, false},
    {STRATA_COMMAND_TOLERANCE, STRATA_ORDER_TOLERANCE, "set tolerance", true, false, true},
    {STRATA_COMMAND_MAX_ITER, STRATA_ORDER_MAX_ITER, "set max_iter", true, false, true},
    {STRATA_COMMAND_DROP, STRATA_ORDER_DROP, "set drop", false, true, true},
    {STRATA_COMMAND_FREEZE, STRATA_ORDER_FREEZE, "set freeze", false, true, true},
    {STRATA_COMMAND_LOG_LEVEL, STRATA_ORDER_LOG_LEVEL, "set log_level", false, false, false},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

_Static_assert((int)STRATA_ORDER_COUNT == (int)N_KINDS + 1 &&
                   (int)STRATA_COMMAND_COUNT == (int)N_KINDS + 2,
               "every order and every command but cancel has a line");

static size_t find_kind(enum strata_order_kind kind)
{
    size_t i = 0;
    while (i < N_KINDS && kinds[i].order != kind) i++;
    STRATA_REQUIRE(i < N_KINDS);
    return i;
}

bool strata_order_changes_result(enum strata_order_kind kind)
{
    return kinds[find_kind(kind)].changes_result;
}

/* --- in words -------------------------------------------------------------------------- */

void strata_order_print(const struct strata_order *order, char text[STRATA_ORDER_TEXT_BYTES])
{
    const size_t i = find_kind(order->kind), room = STRATA_ORDER_TEXT_BYTES;
    if (order->kind == STRATA_ORDER_LOG_LEVEL)
        (void)snprintf(text, room, "%s %s", kinds[i].words,
                       strata_log_level_word((enum strata_log_level)order->value));
    else if (kinds[i].has_value)
        (void)snprintf(text, room, "%s %.17g", kinds[i].words, order->value);
    else if (kinds[i].has_k && order->start)
        (void)snprintf(text, room, "%s %u/%u", kinds[i].words, order->k, order->start);
    else if (kinds[i].has_k)
        (void)snprintf(text, room, "%s %u", kinds[i].words, order->k);
    else
        (void)snprintf(text, room, "%s", kinds[i].words);
}

/* " at iteration 7" or " after iteration 7" at the end of a line. */
static bool read_moment(const char *line, struct strata_order *order)
{
    static const char at_words[] = " at iteration ", after_words[] = " after iteration ";
    const char *at = strstr(line, at_words), *after = strstr(line, after_words);
    if (!at && !after) return false;
    const char *number = after ? after + strlen(after_words) : at + strlen(at_words);
    char *end = NULL;
    order->iteration = strtoull(number, &end, 10);
    order->after = after != NULL;
    return end != number && *end == '\0';
}

/* "5 in" or "5/2 in". */
static bool read_candidate(const char *text, struct strata_order *order)
{
    char *end = NULL;
    order->k = (uint32_t)strtoul(text, &end, 10);
    if (end == text) return false;
    if (*end == '/') order->start = (uint32_t)strtoul(end + 1, &end, 10);
    return *end == ' ';
}

static bool read_value(const char *text, struct strata_order *order)
{
    char *end = NULL;
    order->value = strtod(text, &end);
    return end != text && *end == ' ';
}

bool strata_order_read(const char *line, struct strata_order *order)
{
    *order = (struct strata_order){.kind = STRATA_ORDER_NONE};
    for (size_t i = 0; i < N_KINDS && order->kind == STRATA_ORDER_NONE; i++) {
        const size_t length = strlen(kinds[i].words);
        if (strncmp(line, kinds[i].words, length) != 0 || line[length] != ' ') continue;
        const char *rest = line + length + 1;
        if (kinds[i].has_value && !read_value(rest, order)) return false;
        if (kinds[i].has_k && !read_candidate(rest, order)) return false;
        order->kind = kinds[i].order;
    }
    return order->kind != STRATA_ORDER_NONE && read_moment(line, order);
}

/* --- the list -------------------------------------------------------------------------- */

static bool may_be_forgotten(const char *command)
{
    struct strata_order order;
    return !strata_order_read(command, &order) || !strata_order_changes_result(order.kind);
}

const char *strata_job_commands(struct strata_job *job)
{
    size_t at = 0;
    job->commands[0] = '\0';
    for (size_t i = 0; i < job->n_commands; i++) /* a line and its end are at most a line's room */
        at += (size_t)snprintf(job->commands + at, sizeof job->commands - at, "%s\n",
                               job->command[i]);
    return job->commands;
}

/* The oldest that changed no result. */
static void forget_one(struct strata_job *job)
{
    size_t i = 0;
    while (i + 1 < job->n_commands && !may_be_forgotten(job->command[i])) i++;
    job->n_commands--;
    memmove(job->command_line[i], job->command_line[i + 1],
            (job->n_commands - i) * sizeof *job->command_line);
}

void strata_job_add_command(struct strata_job *job, const char *command)
{
    if (!command) return;
    if (job->n_commands == STRATA_JOB_COMMANDS_MAX) forget_one(job);
    char *line = job->command_line[job->n_commands];
    (void)snprintf(line, sizeof *job->command_line, "%s", command); /* ours are shorter */
    job->command[job->n_commands++] = line;
}

/* No place for one more that must not be forgotten. */
static bool is_full(const struct strata_job *job, enum strata_order_kind kind)
{
    size_t n = 0;
    if (!strata_order_changes_result(kind)) return false;
    for (size_t i = 0; i < job->n_commands; i++) n += !may_be_forgotten(job->command[i]);
    return n + (kind == STRATA_ORDER_STOP ? 0 : KEPT_FOR_STOP) >= STRATA_JOB_COMMANDS_MAX;
}

/* --- the fit's questions --------------------------------------------------------------- */

bool strata_job_is_cancelled(const struct strata_job *job)
{
    return job->host && job->host->board && strata_board_cancelled(job->host->board) != 0;
}

bool strata_job_next_order(void *context, struct strata_order *order)
{
    const struct strata_job *job = context;
    struct strata_command command;
    if (!job->host || !job->host->board || !strata_board_take(job->host->board, &command))
        return false;
    size_t i = 0;
    while (i < N_KINDS && kinds[i].command != command.kind) i++;
    STRATA_REQUIRE(i < N_KINDS);
    *order = (struct strata_order){.kind = kinds[i].order,
                                   .k = command.k,
                                   .start = command.start,
                                   .value = command.value,
                                   .number = command.number};
    if (!is_full(job, order->kind)) return true;
    const struct strata_outcome_of_command refused = {
        .number = command.number,
        .effect = STRATA_EFFECT_REFUSED,
        .iteration = job->snapshot.iteration,
        .refused = "this run has taken as many commands as its manifest can hold",
        .is_kept = true};
    strata_board_answer(job->host->board, refused);
    return false;
}

/* The job's state follows; who is not rank 0 is behind by what only it is told. */
static void follow(struct strata_job *job, enum strata_order_kind kind)
{
    enum strata_job_event event = STRATA_EVENT_COUNT;
    if (kind == STRATA_ORDER_STOP) event = STRATA_EVENT_STOP;
    if (kind == STRATA_ORDER_PAUSE) event = STRATA_EVENT_PAUSE;
    if (kind == STRATA_ORDER_RESUME) event = STRATA_EVENT_RESUME;
    if (event == STRATA_EVENT_COUNT) return;
    if (strata_job_next(job->snapshot.state, event) != STRATA_JOB_STATE_COUNT)
        strata_job_enter(job, event);
}

/* What comes of it is on disk soon, and so is that it was asked. */
static void note(struct strata_job *job, const struct strata_order *order, const char *words)
{
    char line[STRATA_COMMAND_LINE_BYTES];
    (void)snprintf(line, sizeof line, "%s in attempt %u while %s %s iteration %llu", words,
                   job->attempt.number, strata_job_state_word(job->snapshot.state),
                   order->after ? "after" : "at", (unsigned long long)order->iteration); /* fits */
    strata_job_add_command(job, line);
    strata_keeper_carry(job->keeper, strata_job_commands(job), order->number);
    if (order->kind != STRATA_ORDER_RESUME && order->kind != STRATA_ORDER_LOG_LEVEL)
        strata_keeper_hurry(job->keeper);
}

static void answer(const struct strata_job *job, const struct strata_order *order,
                   const char *refused)
{
    const bool needs_keeping =
        !refused && order->kind != STRATA_ORDER_RESUME && order->kind != STRATA_ORDER_LOG_LEVEL;
    const struct strata_outcome_of_command outcome = {
        .number = order->number,
        .effect = refused ? STRATA_EFFECT_REFUSED : STRATA_EFFECT_TAKEN,
        .iteration = order->iteration,
        .refused = refused,
        .is_checkpoint = order->kind == STRATA_ORDER_CHECKPOINT,
        .is_kept = !needs_keeping || !job->keeper};
    if (job->host->board && order->number) strata_board_answer(job->host->board, outcome);
}

void strata_job_obeyed(void *context, const struct strata_order *order, const char *refused)
{
    struct strata_job *job = context;
    char words[STRATA_ORDER_TEXT_BYTES];
    strata_order_print(order, words);
    for (char *c = words; *c; c++)
        if (*c == ' ') *c = '_'; /* as a value of the log */
    if (order->kind == STRATA_ORDER_LOG_LEVEL && !refused)
        strata_log_level((enum strata_log_level)order->value);
    STRATA_LOG(DEBUG, "fit.obeyed", "order=%s iteration=%llu after=%d refused=%d", words,
               (unsigned long long)order->iteration, order->after, refused != NULL);
    if (!job->host) return;
    STRATA_LOG(INFO, "command", "number=%llu order=%s iteration=%llu after=%d refused=%d",
               (unsigned long long)order->number, words, (unsigned long long)order->iteration,
               order->after, refused != NULL);
    if (job->snapshot.state == STRATA_JOB_SEEDING) strata_job_enter(job, STRATA_EVENT_NEXT);
    if (!refused) {
        strata_order_print(order, words);
        note(job, order, words);
        follow(job, order->kind);
    }
    answer(job, order, refused);
}

/* Alike on all ranks, so that none is alone in the next message for long. */
void strata_job_rest(void *context)
{
    struct strata_job *job = context;
    const struct timespec turn = {.tv_nsec = REST_MS * 1000000L};
    const double begun_s = strata_clock_s();
    (void)nanosleep(&turn, NULL); /* a signal that ends it is looked at the sooner */
    job->paused_s += strata_clock_s() - begun_s;
    job->asked_at_s = 0; /* a pause is not part of an iteration */
}
