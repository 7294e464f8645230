/* Server, board and clients at once: a compute thread that publishes without pause, clients that ask and stop.  A plain
 * program, so that it runs under ThreadSanitizer too. */
#include <pthread.h>
#include <stdatomic.h>

#include "control_world.h"
#include "strata/clock.h"

#define CLIENTS 3
#define QUESTIONS 150
#define STOPS 20

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static struct world world;
static atomic_int n_accepted;
static atomic_int n_clients_left = CLIENTS;

/* One client: asks for status and segments in turn, whose figures must belong together; sometimes stops. */
static void ask_once(struct strata_client *client, int i, uint64_t *last_seq,
                     struct strata_arena scratch)
{
    static const enum strata_question kinds[] = {STRATA_ASK_STATUS, STRATA_ASK_SEGMENTS,
                                                 STRATA_ASK_PERSONAS};
    struct strata_answer answer;
    struct strata_err err = {.text = ""};
    const bool stop = i % (QUESTIONS / STOPS) == 0;
    const strata_status status = strata_client_question(
        client, stop ? STRATA_ASK_STOP : kinds[i % 3], NULL, &scratch, &answer, &err);
    if (stop && status == STRATA_OK) atomic_fetch_add(&n_accepted, 1);
    CHECK(status == STRATA_OK || status == STRATA_E_UNAVAILABLE ||
          (stop && status == STRATA_E_AGAIN));
    CHECK(answer.seq >= *last_seq);
    *last_seq = answer.seq;
    if (status != STRATA_OK || stop || i % 3 != 0) return;
    CHECK(answer.job.elapsed_s == 0.1 * (double)answer.job.iteration);
}

static void *ask_on(void *context)
{
    struct strata_arena memory;
    struct strata_client *client = NULL;
    struct strata_err err = {.text = ""};
    const struct strata_client_options options = {.run = world.directory, .timeout_ms = 20000};
    uint64_t last_seq = 0;
    (void)context;
    CHECK(strata_arena_init(&memory, (size_t)1 << 28));
    CHECK(strata_client_open(&options, &client, &err) == STRATA_OK);
    for (int i = 0; i < QUESTIONS; i++) ask_once(client, i, &last_seq, memory);
    strata_client_close(&client);
    strata_arena_finish(&memory);
    atomic_fetch_sub(&n_clients_left, 1);
    return NULL;
}

static int take_all(void)
{
    int n_taken = 0;
    for (struct strata_command command; strata_board_take(&world.board, &command); n_taken++)
        strata_board_answer(&world.board,
                            (struct strata_outcome_of_command){.number = command.number,
                                                               .effect = STRATA_EFFECT_TAKEN,
                                                               .is_kept = true});
    return n_taken;
}

int main(void)
{
    pthread_t thread[CLIENTS];
    int n_taken = 0;
    double worst_s = 0;
    world_init(&world);
    world_publish(&world, STRATA_JOB_FITTING, 0);
    CHECK(world_start(&world, "ipc") == STRATA_OK);
    for (size_t i = 0; i < CLIENTS; i++) CHECK(pthread_create(&thread[i], NULL, ask_on, NULL) == 0);
    for (uint64_t i = 1; atomic_load(&n_clients_left) > 0; i++) {
        const double begin = strata_clock_s();
        world_publish(&world, STRATA_JOB_FITTING, i);
        const struct strata_notice notice = {.kind = STRATA_NOTICE_CHECKPOINT, .iteration = i};
        if (i % 64 == 0) strata_board_post(&world.board, &notice);
        n_taken += take_all();
        if (strata_clock_s() - begin > worst_s) worst_s = strata_clock_s() - begin;
        if (i == 1000) world_publish_record(&world);
    }
    for (size_t i = 0; i < CLIENTS; i++) CHECK(pthread_join(thread[i], NULL) == 0);
    n_taken += take_all();
    CHECK(n_taken == atomic_load(&n_accepted) && n_taken > 0);
    world_finish(&world);
    (void)printf("%d commands accepted and taken; the longest publication took %.3f ms\n", n_taken,
                 worst_s * 1000);
    return EXIT_SUCCESS;
}
