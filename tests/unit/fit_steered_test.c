/* Fits with orders at random moments: every rank obeys in the same iteration, and the same orders given again, on other
 * ranks and threads, from the beginning or from any state on the way, lead to the same bits. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fit_asserts.h"
#include "fit_cases.h"

#define ORDERS_MAX 24
#define STATES_MAX 512

/* What is ordered, at which of the fit's questions, and what came of it. */
struct script {
    struct strata_order order[ORDERS_MAX];
    size_t when[ORDERS_MAX];
    size_t n, next, n_asked; /* rank 0 */
    struct strata_order obeyed[ORDERS_MAX];
    bool is_refused[ORDERS_MAX];
    atomic_size_t n_heard[ORDERS_MAX]; /* ranks */
    atomic_size_t n_turns;             /* paused */
    atomic_bool differs;
    size_t n_states, n_bytes[STATES_MAX];
    unsigned char *state[STATES_MAX];
};

static bool give_order(void *context, struct strata_order *order)
{
    struct script *script = context;
    const size_t i = script->next;
    if (i == script->n || script->n_asked++ < script->when[i]) return false;
    *order = script->order[i];
    order->number = ++script->next;
    return true;
}

/* Who comes first writes it down, the others must have the same. */
static void hear(void *context, const struct strata_order *order, const char *refused)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    struct script *script = context;
    if (order->number == 0) return;
    const size_t i = order->number - 1;
    while (atomic_flag_test_and_set(&busy)) {
    }
    if (atomic_fetch_add(&script->n_heard[i], 1) == 0) {
        script->obeyed[i] = *order;
        script->is_refused[i] = refused != NULL;
    } else if (script->obeyed[i].iteration != order->iteration ||
               script->obeyed[i].after != order->after || script->obeyed[i].kind != order->kind ||
               script->is_refused[i] != (refused != NULL)) {
        atomic_store(&script->differs, true);
    }
    atomic_flag_clear(&busy);
}

static void rest(void *context)
{
    struct script *script = context;
    atomic_fetch_add(&script->n_turns, 1);
}

static void keep_state(void *context, const struct strata_fit_moment *moment)
{
    struct script *script = context;
    cr_assert_lt(script->n_states, (size_t)STATES_MAX);
    const size_t n_bytes = strata_fit_state_bytes(moment);
    unsigned char *bytes = crowd_room(n_bytes, 1);
    strata_fit_state_write(moment, bytes);
    script->n_bytes[script->n_states] = n_bytes;
    script->state[script->n_states++] = bytes;
}

static void script_free(struct script *script)
{
    for (size_t i = 0; i < script->n_states; i++) free(script->state[i]);
    free(script);
}

static void add(struct script *script, size_t when, struct strata_order order)
{
    cr_assert_lt(script->n, (size_t)ORDERS_MAX);
    script->when[script->n] = when;
    script->order[script->n++] = order;
}

static uint64_t draw(uint64_t seed, uint64_t i, uint64_t below)
{
    return strata_random_bits(seed, STRATA_PURPOSE_TEST, i, 77) % below;
}

/* Some orders at rising moments; every pause is ended by a resume. */
static struct script *random_script(const struct strata_config *config, uint64_t seed)
{
    struct script *script = crowd_room(1, sizeof *script);
    const uint32_t n_k = config->model.k_to - config->model.k_from + 1;
    size_t when = draw(seed, 0, 4);
    for (uint64_t i = 1; i <= 8; i++) {
        struct strata_order order = {.kind = STRATA_ORDER_NONE};
        const uint32_t k = config->model.k_from + (uint32_t)draw(seed, 100 + i, n_k);
        switch (draw(seed, 200 + i, 7)) {
        case 0:
            order = (struct strata_order){.kind = STRATA_ORDER_TOLERANCE, .value = 1e-3};
            break;
        case 1:
            order = (struct strata_order){.kind = STRATA_ORDER_MAX_ITER,
                                          .value = (double)(3 + draw(seed, 300 + i, 20))};
            break;
        case 2:
        case 3:
            order = (struct strata_order){.kind = STRATA_ORDER_DROP, .k = k};
            order.start = (uint32_t)draw(seed, 400 + i, config->model.starts + 1);
            break;
        case 4:
            order = (struct strata_order){.kind = STRATA_ORDER_FREEZE, .k = k + (i == 8)};
            break;
        case 5:
            order.kind = STRATA_ORDER_PAUSE;
            break;
        default:
            order.kind = i < 6 ? STRATA_ORDER_CHECKPOINT : STRATA_ORDER_STOP;
        }
        add(script, when, order);
        when += 1 + draw(seed, 500 + i, 3);
        if (draw(seed, 600 + i, 2))
            add(script, when++, (struct strata_order){.kind = STRATA_ORDER_RESUME});
    }
    add(script, when + 1, (struct strata_order){.kind = STRATA_ORDER_RESUME});
    add(script, when + 2, (struct strata_order){.kind = STRATA_ORDER_RESUME});
    return script;
}

/* Those of a run that took effect. */
static size_t list_obeyed(const struct script *script, struct strata_order *list)
{
    size_t n = 0;
    for (size_t i = 0; i < script->next; i++) {
        const enum strata_order_kind kind = script->obeyed[i].kind;
        if (script->is_refused[i] || kind == STRATA_ORDER_PAUSE || kind == STRATA_ORDER_RESUME)
            continue;
        list[n] = script->obeyed[i];
        list[n++].number = 0;
    }
    return n;
}

/* The same orders again, and from each step-th state on the way. */
static void replay(const struct crowd *crowd, struct strata_config config, size_t step,
                   const struct script *script, const struct fitted *steered)
{
    static const int ranks[] = {3, 1, 5, 2};
    struct strata_order list[ORDERS_MAX];
    struct script *silent = crowd_room(1, sizeof *silent);
    struct strata_fit_watch watch = {.context = silent,
                                     .obeyed = hear,
                                     .moment = keep_state,
                                     .replay = list,
                                     .n_replay = list_obeyed(script, list)};
    struct fitted *again = fit_run(crowd, &config, 3, &watch);
    assert_same(steered, again, crowd->n);
    fit_free(again);
    watch.moment = NULL;
    for (size_t i = 0; i < silent->n_states; i += step) {
        config.threads = (uint32_t)(1 + i % 2);
        watch.state = silent->state[i];
        watch.state_bytes = silent->n_bytes[i];
        struct fitted *rest_of = fit_run(crowd, &config, ranks[i % 4], &watch);
        cr_assert_eq(rest_of->status, STRATA_OK, "from state %zu: %s", i, rest_of->err.text);
        assert_same(steered, rest_of, crowd->n);
        fit_free(rest_of);
    }
    script_free(silent);
}

/* Fits with so many random scripts; how many orders took effect at the end of an iteration. */
static size_t steer_often(const struct crowd *crowd, struct strata_config config, uint64_t first,
                          uint64_t n_scripts, size_t step)
{
    size_t n_after = 0;
    config.threads = 1;
    for (uint64_t seed = first; seed < first + n_scripts; seed++) {
        struct script *script = random_script(&config, seed);
        const struct strata_fit_watch watch = {
            .context = script, .order = give_order, .obeyed = hear, .rest = rest};
        struct fitted *steered = fit_run(crowd, &config, 4, &watch);
        cr_assert_eq(steered->status, STRATA_OK, "script %llu: %s", (unsigned long long)seed,
                     steered->err.text);
        cr_assert_not(script->differs, "script %llu: ranks obeyed differently",
                      (unsigned long long)seed);
        for (size_t i = 0; i < script->next; i++) {
            cr_assert_eq(script->n_heard[i], (size_t)4, "script %llu, order %zu",
                         (unsigned long long)seed, i);
            n_after += script->obeyed[i].after;
        }
        cr_assert_eq(script->n_turns % 4, (size_t)0, "all ranks wait alike");
        replay(crowd, config, step, script, steered);
        fit_free(steered);
        script_free(script);
    }
    return n_after;
}

Test(fit_steered, kmeans_with_orders_at_any_moment)
{
    struct crowd crowd = crowd_blobs(900, 4, 5, 0.7, 9);
    struct strata_config config = fit_config("kmeans", 3, 7, 3);
    config.model.min_share = 0.05;
    cr_assert_gt(steer_often(&crowd, config, 1, 25, 7), (size_t)20);
    crowd_free(&crowd);
}

Test(fit_steered, mixtures_with_orders_at_any_moment)
{
    struct crowd crowd = crowd_blobs(300, 3, 3, 0.8, 9);
    struct strata_config config = fit_config("gmm-diag", 2, 5, 2);
    config.model.max_iter = 40;
    cr_assert_gt(steer_often(&crowd, config, 100, 15, 11), (size_t)10);
    crowd_free(&crowd);
}

Test(fit_steered, a_race_its_ladder_and_its_finals)
{
    struct crowd crowd = crowd_blobs(263000, 2, 5, 0.7, 9);
    struct strata_config config = fit_config("kmeans", 3, 5, 2);
    config.model.max_iter = 8;
    (void)steer_often(&crowd, config, 200, 3, 9);
    crowd_free(&crowd);
}

/* One order in the third iteration of a fit, and what it leads to. */
static struct fitted *fit_with(const struct crowd *crowd, const struct strata_config *config,
                               struct strata_order order, bool *refused)
{
    struct script *script = crowd_room(1, sizeof *script);
    const struct strata_fit_watch watch = {
        .context = script, .order = give_order, .obeyed = hear, .rest = rest};
    add(script, 2, order);
    struct fitted *fitted = fit_run(crowd, config, 3, &watch);
    cr_assert_eq(fitted->status, STRATA_OK, "%s", fitted->err.text);
    cr_assert_eq(script->next, (size_t)1);
    cr_assert_eq(script->obeyed[0].iteration, (uint64_t)3);
    *refused = script->is_refused[0];
    script_free(script);
    return fitted;
}

Test(fit_steered, a_frozen_number_of_segments_is_chosen)
{
    bool refused = true;
    struct crowd crowd = crowd_blobs(900, 4, 5, 0.7, 9);
    struct strata_config config = fit_config("kmeans", 3, 7, 3);
    for (uint32_t k = 3; k <= 7; k++) {
        const struct strata_order order = {.kind = STRATA_ORDER_FREEZE, .k = k};
        struct fitted *fitted = fit_with(&crowd, &config, order, &refused);
        cr_assert_not(refused);
        cr_assert_eq(fitted->result.dims.k, (size_t)k);
        cr_assert(strstr(fitted->choice, "dropped by a client"), "%s", fitted->choice);
        cr_assert_eq(fitted->result.n_solutions, (size_t)1, "the others are no solutions");
        fit_free(fitted);
    }
    crowd_free(&crowd);
}

Test(fit_steered, what_is_dropped_is_not_chosen_and_ends)
{
    bool refused = true;
    struct crowd crowd = crowd_blobs(900, 4, 5, 0.7, 9);
    const struct strata_config config = fit_config("kmeans", 3, 7, 3);
    const struct strata_fit_watch nobody = {.context = NULL};
    struct fitted *alone = fit_run(&crowd, &config, 3, &nobody);
    const uint32_t k = (uint32_t)alone->result.dims.k;
    struct fitted *fitted = fit_with(
        &crowd, &config, (struct strata_order){.kind = STRATA_ORDER_DROP, .k = k}, &refused);
    cr_assert_not(refused);
    cr_assert_neq(fitted->result.dims.k, (size_t)k);
    cr_assert_eq(alone->result.n_solutions, (size_t)5);
    cr_assert_eq(fitted->result.n_solutions, (size_t)4);
    for (size_t i = 0; i < fitted->result.n_candidates; i++) {
        const struct strata_candidate_result *c = &fitted->candidate[i];
        cr_expect_eq(c->dropped, c->k == k && c->reason != STRATA_STOP_MERGED);
        if (c->dropped) cr_expect(c->iterations <= 3 && !c->eligible);
    }
    fit_free(fitted);
    fit_free(alone);
    crowd_free(&crowd);
}

Test(fit_steered, an_order_that_cannot_be_changes_nothing)
{
    static const struct strata_order orders[] = {
        {.kind = STRATA_ORDER_DROP, .k = 4},
        {.kind = STRATA_ORDER_DROP, .k = 5},
        {.kind = STRATA_ORDER_DROP, .k = 4, .start = 9},
        {.kind = STRATA_ORDER_FREEZE, .k = 9},
        {.kind = STRATA_ORDER_RESUME},
    };
    struct crowd crowd = crowd_blobs(900, 4, 5, 0.7, 9);
    const struct strata_config config = fit_config("kmeans", 4, 4, 3);
    const struct strata_fit_watch nobody = {.context = NULL};
    struct fitted *alone = fit_run(&crowd, &config, 1, &nobody);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        bool refused = false;
        struct fitted *fitted = fit_with(&crowd, &config, orders[i], &refused);
        cr_assert(refused, "order %zu", i);
        assert_same(alone, fitted, crowd.n);
        fit_free(fitted);
    }
    fit_free(alone);
    crowd_free(&crowd);
}

static unsigned cancel_when_paused(void *context)
{
    struct script *script = context;
    return atomic_load(&script->n_turns) > 8 ? STRATA_FIT_CANCEL : STRATA_FIT_GO;
}

static unsigned interrupt_when_paused(void *context)
{
    struct script *script = context;
    return atomic_load(&script->n_turns) > 8 ? STRATA_FIT_LIMIT : STRATA_FIT_GO;
}

Test(fit_steered, a_pause_ends_by_a_limit_or_a_cancel)
{
    struct crowd crowd = crowd_blobs(900, 4, 5, 0.7, 9);
    const struct strata_config config = fit_config("kmeans", 3, 7, 3);
    for (int i = 0; i < 2; i++) {
        struct script *script = crowd_room(1, sizeof *script);
        const struct strata_fit_watch watch = {.context = script,
                                               .command =
                                                   i ? interrupt_when_paused : cancel_when_paused,
                                               .order = give_order,
                                               .obeyed = hear,
                                               .rest = rest};
        add(script, 2, (struct strata_order){.kind = STRATA_ORDER_PAUSE});
        struct fitted *fitted = fit_run(&crowd, &config, 4, &watch);
        cr_assert_eq(fitted->status, i ? STRATA_E_AGAIN : STRATA_E_CANCELLED);
        fit_free(fitted);
        script_free(script);
    }
    crowd_free(&crowd);
}
