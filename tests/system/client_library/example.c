/* Shows a job's segments, then follows it to its end: all that a program needs of the client library.
 *     cc example.c $(pkg-config --cflags --libs strata-client) -o example && ./example RUN */
#include <stdio.h>
#include <stdlib.h>

#include <strata/client.h>

static strata_status show_segments(struct strata_client *client, struct strata_arena scratch,
                                   struct strata_err *err)
{
    struct strata_answer answer;
    STRATA_TRY(strata_client_question(client, STRATA_ASK_SEGMENTS, NULL, &scratch, &answer, err));
    for (size_t i = 0; i < answer.segments.n_segments; i++) {
        const struct strata_segment_view *segment = &answer.segments.segment[i];
        printf("%u %llu %s\n", segment->id, (unsigned long long)segment->size, segment->name);
    }
    return STRATA_OK;
}

/* Every event once and in order; a job that is killed and started again is followed on. */
static strata_status follow(struct strata_client *client, struct strata_arena scratch,
                            struct strata_err *err)
{
    struct strata_event event;
    do {
        struct strata_arena memory = scratch; /* an event lives until the next one */
        STRATA_TRY(strata_client_next_event(client, 1000, &memory, &event, err));
        if (event.kind == STRATA_TOLD_STAGE) printf("stage %s\n", event.state);
        if (event.kind == STRATA_TOLD_LOST) printf("lost: %s\n", event.text);
        if (event.kind == STRATA_TOLD_SNAPSHOT)
            printf("%s%s at iteration %llu\n", event.restarted ? "again " : "", event.job.state,
                   (unsigned long long)event.job.iteration);
    } while (!event.job.final && event.kind != STRATA_TOLD_DONE);
    printf("over\n");
    return STRATA_OK;
}

int main(int argc, char **argv)
{
    struct strata_client_options options = {.run = argc > 1 ? argv[1] : "."};
    struct strata_arena memory;
    struct strata_client *client = NULL;
    struct strata_err err = {.text = ""};
    if (!strata_arena_init(&memory, (size_t)1 << 30)) return EXIT_FAILURE; /* of addresses */
    strata_status status = strata_client_open(&options, &client, &err);
    if (status == STRATA_OK) status = show_segments(client, memory, &err);
    if (status == STRATA_OK && !strata_client_is_offline(client))
        status = follow(client, memory, &err);
    if (status != STRATA_OK) fprintf(stderr, "%s\n", err.text);
    strata_client_close(&client);
    strata_arena_finish(&memory);
    return strata_status_exit_code(status);
}
