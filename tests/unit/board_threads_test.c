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

/* Two threads post: each one's notices come in its order, none twice, and what is missing is counted.  A snapshot that is
 * read after a notice of the publishing thread was taken is not behind it. */
static atomic_bool posted_all;
static uint64_t n_seen, n_lost;

static void post(uint64_t poster, uint64_t number)
{
    const struct strata_notice notice = {.kind = STRATA_NOTICE_CHECKPOINT,
                                         .generation = poster,
                                         .iteration = number,
                                         .bytes = number * 3};
    strata_board_post(&board, &notice);
}

static void *post_on(void *context)
{
    (void)context;
    for (uint64_t number = 1; number <= PUBLICATIONS; number++) post(1, number);
    return NULL;
}

static void *take_notices(void *context)
{
    (void)context;
    uint64_t last[2] = {0};
    for (bool over_now = false; !over_now;) {
        struct strata_notice notice[16];
        uint64_t lost = 0;
        over_now = atomic_load(&posted_all);
        for (size_t n = 16; n == 16;) {
            n = strata_board_notices(&board, notice, 16, &lost);
            const struct strata_snapshot now = strata_board_read(&board, NULL, NULL);
            for (size_t i = 0; i < n; i++) {
                CHECK(notice[i].generation < 2 && notice[i].bytes == notice[i].iteration * 3);
                CHECK(notice[i].iteration > last[notice[i].generation]);
                CHECK(notice[i].generation == 1 || now.iteration >= notice[i].iteration);
                last[notice[i].generation] = notice[i].iteration;
            }
            n_seen += n;
            n_lost += lost;
        }
    }
    return NULL;
}

int main(void)
{
    static unsigned char seen[ASKERS * COMMANDS_EACH];
    static const uint64_t asker[ASKERS] = {0, 1};
    pthread_t thread[READERS + ASKERS], poster, taker;
    strata_board_init(&board);
    for (size_t i = 0; i < READERS; i++)
        CHECK(pthread_create(&thread[i], NULL, read_on, NULL) == 0);
    for (size_t i = 0; i < ASKERS; i++)
        CHECK(pthread_create(&thread[READERS + i], NULL, ask_on, (void *)(uintptr_t)&asker[i]) == 0);
    CHECK(pthread_create(&poster, NULL, post_on, NULL) == 0);
    CHECK(pthread_create(&taker, NULL, take_notices, NULL) == 0);
    size_t n_taken = 0;
    uint64_t n_posted = PUBLICATIONS, next[ASKERS] = {0};
    for (uint64_t number = 1; number <= PUBLICATIONS || n_taken < sizeof seen; number++) {
        const struct strata_snapshot now = snapshot_of(number);
        struct strata_command command;
        strata_board_publish(&board, &now);
        post(0, number);
        n_posted++;
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
    CHECK(pthread_join(poster, NULL) == 0);
    atomic_store(&posted_all, true);
    CHECK(pthread_join(taker, NULL) == 0);
    CHECK(n_seen + n_lost == n_posted);
    for (size_t i = 0; i < READERS + ASKERS; i++) CHECK(pthread_join(thread[i], NULL) == 0);
    strata_board_finish(&board);
    (void)printf("%zu commands, all once and in order; %llu notices seen, %llu counted as lost\n",
                 n_taken, (unsigned long long)n_seen, (unsigned long long)n_lost);
    return EXIT_SUCCESS;
}
