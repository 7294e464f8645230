/* The board under threads: every copy is whole, sequences never fall, no command is lost or doubled.  A plain program, so
 * that it runs under ThreadSanitizer too. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "strata/board.h"

#define PUBLICATIONS 20000u
#define READERS 3
#define ASKERS 2
#define COMMANDS_EACH 2000u

static struct strata_board board;
static atomic_bool over;

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

/* A snapshot all of whose fields are functions of one number. */
static struct strata_snapshot snapshot_of(uint64_t number)
{
    struct strata_snapshot now = {.state = STRATA_JOB_FITTING,
                                  .iteration = number,
                                  .customers = number * 3,
                                  .k = STRATA_MAX_SEGMENTS,
                                  .objective = (double)number};
    for (size_t i = 0; i < STRATA_MAX_SEGMENTS; i++) now.segment_size[i] = (double)(number + i);
    return now;
}

static void *read_on(void *context)
{
    (void)context;
    uint64_t last_seq = 0;
    while (!atomic_load(&over)) {
        const unsigned char *bytes = NULL;
        size_t n_bytes = 0;
        const struct strata_snapshot now = strata_board_read(&board, &bytes, &n_bytes);
        CHECK(now.seq >= last_seq);
        CHECK(!bytes == !n_bytes);
        last_seq = now.seq;
        if (now.k == 0) continue;
        CHECK(now.customers == now.iteration * 3 && now.objective == (double)now.iteration);
        for (size_t i = 0; i < STRATA_MAX_SEGMENTS; i++)
            CHECK(now.segment_size[i] == (double)(now.iteration + i));
    }
    return NULL;
}

static void *ask_on(void *context)
{
    const uint64_t asker = *(const uint64_t *)context;
    for (uint64_t i = 0; i < COMMANDS_EACH;) {
        const struct strata_command command = {.kind = STRATA_COMMAND_STOP,
                                               .request_id = asker * COMMANDS_EACH + i};
        if (strata_board_ask(&board, command)) i++;
        if (atomic_load(&over)) break;
    }
    return NULL;
}

int main(void)
{
    static unsigned char seen[ASKERS * COMMANDS_EACH];
    static const uint64_t asker[ASKERS] = {0, 1};
    pthread_t thread[READERS + ASKERS];
    strata_board_init(&board);
    for (size_t i = 0; i < READERS; i++)
        CHECK(pthread_create(&thread[i], NULL, read_on, NULL) == 0);
    for (size_t i = 0; i < ASKERS; i++)
        CHECK(pthread_create(&thread[READERS + i], NULL, ask_on, (void *)(uintptr_t)&asker[i]) == 0);
    size_t n_taken = 0;
    uint64_t next[ASKERS] = {0};
    for (uint64_t number = 1; number <= PUBLICATIONS || n_taken < sizeof seen; number++) {
        const struct strata_snapshot now = snapshot_of(number);
        struct strata_command command;
        strata_board_publish(&board, &now);
        if (number == PUBLICATIONS / 2)
            strata_board_publish_result(&board, (const unsigned char *)"r", 1);
        while (strata_board_take(&board, &command)) {
            CHECK(command.request_id < sizeof seen && !seen[command.request_id]);
            CHECK(command.request_id % COMMANDS_EACH == next[command.request_id / COMMANDS_EACH]++);
            seen[command.request_id] = 1;
            n_taken++;
        }
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < READERS + ASKERS; i++) CHECK(pthread_join(thread[i], NULL) == 0);
    strata_board_finish(&board);
    (void)printf("%zu commands, all once and in order\n", n_taken);
    return EXIT_SUCCESS;
}
