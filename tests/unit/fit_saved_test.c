/* A fit that was left at the end of any iteration and goes on from its state, on other ranks and threads, has
 * the bits of one that was not. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fit_asserts.h"
#include "fit_cases.h"

#define STATES_MAX 512

/* What a fit's rank 0 was shown. */
struct diary {
    atomic_size_t n;
    size_t n_bytes[STATES_MAX];
    unsigned char *state[STATES_MAX];
    size_t most;      /* bytes that a state may have */
    unsigned command; /* given at the end of iteration `when` */
    size_t when;
};

static void note_state(void *context, const struct strata_fit_moment *moment)
{
    struct diary *diary = context;
    cr_assert_lt(diary->n, (size_t)STATES_MAX);
    const size_t n_bytes = strata_fit_state_bytes(moment);
    cr_assert(n_bytes <= diary->most || diary->most == 0, "%zu bytes, said %zu", n_bytes,
              diary->most);
    unsigned char *bytes = crowd_room(n_bytes, 1);
    strata_fit_state_write(moment, bytes);
    diary->n_bytes[diary->n] = n_bytes;
    diary->state[diary->n++] = bytes;
}

static unsigned give_command(void *context)
{
    const struct diary *diary = context;
    return diary->command && diary->n == diary->when ? diary->command : STRATA_FIT_GO;
}

static void diary_free(struct diary *diary)
{
    for (size_t i = 0; i < diary->n; i++) free(diary->state[i]);
    diary->n = 0;
}

static struct fitted *fit_from(const struct crowd *crowd, const struct strata_config *config,
                               int ranks, const unsigned char *state, size_t n_bytes)
{
    const struct strata_fit_watch watch = {.state = state, .state_bytes = n_bytes};
    return fit_run(crowd, config, ranks, &watch);
}

/* Go on from every step-th state (after a command: those that know of it), each on other ranks and threads. */
static void check_all(const struct crowd *crowd, struct strata_config config, size_t step,
                      struct diary *diary)
{
    static const int ranks[] = {1, 2, 3, 5};
    config.threads = 1;
    const struct strata_fit_watch watch = {
        .context = diary, .command = give_command, .moment = note_state};
    diary->most = strata_fit_state_most(&config, crowd->n, crowd->d);
    struct fitted *whole = fit_run(crowd, &config, 2, &watch);
    cr_assert_eq(whole->status, STRATA_OK, "%s", whole->err.text);
    cr_assert_gt(diary->n, (size_t)0);
    for (size_t i = diary->when; i < diary->n; i += i + step < diary->n ? step : 1) {
        config.threads = (uint32_t)(1 + i % 3);
        (void)setenv("STRATA_PRUNING", i % 2 ? "off" : "on", 1);
        struct fitted *rest =
            fit_from(crowd, &config, ranks[i % 4], diary->state[i], diary->n_bytes[i]);
        cr_assert_eq(rest->status, STRATA_OK, "from iteration %zu: %s", i + 1, rest->err.text);
        assert_same(whole, rest, crowd->n);
        fit_free(rest);
    }
    (void)unsetenv("STRATA_PRUNING");
    fit_free(whole);
    diary_free(diary);
}

static void add_weights(struct crowd *crowd)
{
    crowd->weight = crowd_room(crowd->n, sizeof *crowd->weight);
    for (size_t i = 0; i < crowd->n; i++) crowd->weight[i] = 1 + (uint32_t)(i * 7 % 5);
}

Test(fit_saved, a_range_of_segments_and_starts)
{
    struct crowd crowd = crowd_blobs(2500, 5, 4, 1.5, 9);
    struct diary diary = {0};
    check_all(&crowd, fit_golden_config("kmeans"), 1, &diary);
    crowd_free(&crowd);
}

Test(fit_saved, mixtures)
{
    struct crowd crowd = crowd_blobs(600, 3, 3, 1.5, 9);
    struct diary diary = {0};
    struct strata_config config = fit_config("gmm-diag", 2, 4, 2);
    config.model.max_iter = 30;
    check_all(&crowd, config, 1, &diary);
    add_weights(&crowd);
    check_all(&crowd, config, 2, &diary);
    crowd_free(&crowd);
}

/* Few distinct rows: segments run empty, ties everywhere, candidates meet. */
Test(fit_saved, weights_repairs_and_merges)
{
    struct crowd crowd = crowd_new(700, 2);
    for (size_t i = 0; i < crowd.n * crowd.d; i++)
        crowd.x[i] = (float)(strata_random_bits(3, STRATA_PURPOSE_TEST, i, 0) % 6);
    for (size_t i = 0; i < 12; i++) crowd.x[i] *= 100000.0F;
    add_weights(&crowd);
    struct diary diary = {0};
    struct strata_config config = fit_config("kmeans", 9, 14, 4);
    config.model.choose = STRATA_CHOOSE_SILHOUETTE;
    check_all(&crowd, config, 1, &diary);
    crowd_free(&crowd);
}

Test(fit_saved, a_fit_that_was_asked_to_stop)
{
    struct crowd crowd = crowd_blobs(2000, 5, 4, 1.0, 9);
    struct diary diary = {.command = STRATA_FIT_STOP, .when = 3};
    check_all(&crowd, fit_config("kmeans", 5, 7, 2), 1, &diary);
    crowd_free(&crowd);
}

/* So many candidates with so many figures each that they go in two waves, on few rows. */
Test(fit_saved, waves)
{
    struct crowd crowd = crowd_blobs(40, 512, 3, 1.0, 9);
    struct diary diary = {0};
    struct strata_config config = fit_config("kmeans", 31, 32, 128);
    config.model.max_iter = 3;
    check_all(&crowd, config, 2, &diary);
    crowd_free(&crowd);
}

Test(fit_saved, race_ladder_and_finals)
{
    struct crowd crowd = crowd_blobs(263000, 2, 5, 0.7, 9);
    struct diary diary = {0};
    struct strata_config config = fit_config("kmeans", 3, 5, 2);
    config.model.max_iter = 12;
    check_all(&crowd, config, 3, &diary);
    crowd_free(&crowd);
}

/* What cannot be the state of this fit is refused on all ranks, with a sentence. */
Test(fit_saved, refusals)
{
    struct crowd crowd = crowd_blobs(300, 3, 3, 1.5, 9);
    struct diary diary = {0};
    struct strata_config config = fit_config("kmeans", 2, 4, 2);
    const struct strata_fit_watch watch = {.context = &diary, .moment = note_state};
    fit_free(fit_run(&crowd, &config, 1, &watch));
    const size_t n_bytes = diary.n_bytes[1];
    for (size_t cut = 0; cut < n_bytes; cut += cut < 200 ? 1 : 37) {
        struct fitted *rest = fit_from(&crowd, &config, 1 + (int)(cut % 2), diary.state[1], cut);
        cr_assert_eq(rest->status, STRATA_E_DATA, "cut at %zu", cut);
        cr_assert(strstr(rest->err.text, "--fresh"));
        fit_free(rest);
    }
    unsigned char *longer = crowd_room(n_bytes + 1, 1);
    memcpy(longer, diary.state[1], n_bytes);
    struct fitted *rest = fit_from(&crowd, &config, 2, longer, n_bytes + 1);
    cr_assert_eq(rest->status, STRATA_E_DATA);
    fit_free(rest);
    crowd.x[5] += 1; /* other customers */
    rest = fit_from(&crowd, &config, 2, diary.state[1], n_bytes);
    cr_assert_eq(rest->status, STRATA_E_DATA);
    fit_free(rest);
    crowd.x[5] -= 1;
    config.model.seed++;
    rest = fit_from(&crowd, &config, 2, diary.state[1], n_bytes);
    cr_assert_eq(rest->status, STRATA_E_DATA);
    fit_free(rest);
    free(longer);
    diary_free(&diary);
    crowd_free(&crowd);
}
