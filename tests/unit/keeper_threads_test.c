/* Checkpoints beside a fit: whatever the keeper's thread has written when the fit is left, at any moment, is a whole
 * state that was there, and the newest at the end.  Runs under the thread sanitizer too. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fit_cases.h"
#include "job/job_impl.h"
#include "strata/checkpoint.h"
#include "strata/file.h"

#define CHECK(condition)                                                                        \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            (void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, err.text); \
            abort();                                                                            \
        }                                                                                       \
    } while (0)

static struct strata_err err;

struct scene {
    struct strata_keeper *keeper;
    uint64_t n_moments, leaves_after;
    bool asks; /* a signal asks for checkpoints all the time */
};

static unsigned give_command(void *context)
{
    const struct scene *scene = context;
    return scene->n_moments + 1 >= scene->leaves_after ? STRATA_FIT_LIMIT : STRATA_FIT_GO;
}

static void take_moment(void *context, const struct strata_fit_moment *moment)
{
    struct scene *scene = context;
    scene->n_moments++;
    strata_keeper_note(scene->keeper, moment, scene->n_moments, strata_fit_is_last(moment));
    if (scene->asks) (void)raise(SIGUSR2);
}

/* The newest checkpoint's section. */
static const struct strata_section *section_of(const char *directory, const char *name,
                                               struct strata_arena *keep)
{
    struct strata_checkpoint checkpoint = {0};
    CHECK(strata_checkpoint_read(directory, keep, &checkpoint, &err) == STRATA_OK);
    CHECK(checkpoint.n_damage == 0);
    const struct strata_section *section = strata_checkpoint_section(&checkpoint, name);
    CHECK(section != NULL);
    return section;
}

/* Leave a fit after so many iterations, and go on from what is on disk. */
static void leave_and_go_on(const struct crowd *crowd, const struct fitted *whole,
                            const struct strata_config *config, const char *directory,
                            uint64_t leaves_after, bool asks)
{
    struct strata_attempt attempt;
    struct strata_arena keep;
    CHECK(strata_arena_init(&keep, (size_t)1 << 28));
    CHECK(strata_attempt_begin(directory, &attempt, &err) == STRATA_OK);
    struct scene scene = {.leaves_after = leaves_after, .asks = asks};
    const struct strata_keeper_options options = {
        .attempt = &attempt, .settings = "s", .inputs = "i", .generation = 1, .interval_s = 0.001};
    CHECK(strata_keeper_start(&options, &keep, &scene.keeper, &err) == STRATA_OK);
    struct strata_fit_watch watch = {
        .context = &scene, .command = give_command, .moment = take_moment};
    struct fitted *part = fit_run(crowd, config, 1, &watch);
    CHECK(part->status == STRATA_E_AGAIN);
    fit_free(part);
    uint64_t n_written = 0, iteration = 0;
    CHECK(strata_keeper_stop(&scene.keeper, true, &n_written, &err) == STRATA_OK);
    CHECK(n_written > 0 && n_written <= scene.n_moments);
    memcpy(&iteration, section_of(directory, "iteration", &keep)->bytes, sizeof iteration);
    CHECK(iteration == scene.n_moments);

    const struct strata_section *state = section_of(directory, "fit", &keep);
    watch = (struct strata_fit_watch){.state = state->bytes, .state_bytes = state->n_bytes};
    struct fitted *rest = fit_run(crowd, config, 2, &watch);
    CHECK(rest->status == STRATA_OK && rest->result.state_hash == whole->result.state_hash &&
          rest->result.iterations_total == whole->result.iterations_total);
    fit_free(rest);
    strata_attempt_end(&attempt);
    strata_arena_finish(&keep);
}

int main(void)
{
    char directory[] = "/tmp/strata-keeper-XXXXXX";
    CHECK(mkdtemp(directory) != NULL);
    strata_job_signals_install();
    struct crowd crowd = crowd_blobs(2000, 4, 4, 1.2, 3);
    struct strata_config config = fit_config("kmeans", 3, 6, 2);
    config.threads = 2;
    struct fitted *whole = fit_run(&crowd, &config, 1, NULL);
    CHECK(whole->result.iterations_total > 8);
    for (uint64_t after = 1; after <= 8; after++)
        leave_and_go_on(&crowd, whole, &config, directory, after, after % 2);
    fit_free(whole);
    crowd_free(&crowd);
    CHECK(strata_directory_remove(directory, &err) == STRATA_OK);
    return EXIT_SUCCESS;
}
