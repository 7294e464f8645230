/* Orders of clients: what takes effect in an iteration, on all ranks alike.
 *
 * An order rides in the head of a reduction, from rank 0, and takes effect before that iteration's decisions.
 * While the fit is paused it rides in small messages, and takes effect at the end of the iteration after which the
 * fit waits.  A list of orders with their iterations, given to all ranks, does the same again without a client. */
#include <stdlib.h>
#include <string.h>

#include "strata/hash.h"
#include "strata/log.h"

#include "cluster/cluster_impl.h"

_Static_assert(STRATA_ORDER_NUMBERS == 5, "kind, k, start, value, number");

void strata_steering_begin(const struct strata_fit *fit, struct strata_steering *steering)
{
    const struct strata_model_options *model = &fit->config->model;
    *steering = (struct strata_steering){
        .tolerance = strata_model_tolerance(model, fit->estimator->soft),
        .max_iter = model->max_iter,
    };
}

uint64_t strata_steering_hash(const struct strata_steering *steering)
{
    uint64_t tolerance = 0;
    memcpy(&tolerance, &steering->tolerance, sizeof tolerance);
    const uint64_t parts[] = {tolerance, steering->max_iter, steering->n_obeyed};
    return strata_hash(parts, sizeof parts);
}

/* --- in a message ---------------------------------------------------------------------- */

void strata_order_pack(const struct strata_fit *fit, int64_t *numbers)
{
    struct strata_order order = {.kind = STRATA_ORDER_NONE};
    memset(numbers, 0, STRATA_ORDER_NUMBERS * sizeof *numbers);
    if (fit->comm->rank != 0 || !fit->watch || !fit->watch->order) return;
    if (!fit->watch->order(fit->watch->context, &order)) return;
    numbers[0] = order.kind;
    numbers[1] = order.k;
    numbers[2] = order.start;
    memcpy(&numbers[3], &order.value, sizeof order.value);
    numbers[4] = (int64_t)order.number;
}

static struct strata_order unpack(const int64_t *numbers, uint64_t iteration)
{
    struct strata_order order = {.kind = (enum strata_order_kind)numbers[0],
                                 .k = (uint32_t)numbers[1],
                                 .start = (uint32_t)numbers[2],
                                 .number = (uint64_t)numbers[4],
                                 .iteration = iteration};
    memcpy(&order.value, &numbers[3], sizeof order.value);
    return order;
}

/* --- candidates ------------------------------------------------------------------------ */

static bool is_dropped_by(const struct strata_order *order,
                          const struct strata_candidate_result *result)
{
    if (order->kind == STRATA_ORDER_FREEZE) return result->k != order->k;
    return result->k == order->k && (order->start == 0 || result->start == order->start - 1);
}

/* It may still be chosen, if nobody drops it. */
static bool remains(const struct strata_candidate_result *result)
{
    return !result->dropped && result->reason != STRATA_STOP_MERGED &&
           result->reason != STRATA_STOP_DROPPED;
}

/* Its k has no other any more: what lost against it is forgotten. */
static bool leads(const struct strata_fit *fit, size_t index)
{
    const struct strata_leader *leader = &fit->leader[fit->out->candidate[index].k - fit->k_from];
    return leader->filled && leader->index == index;
}

/* NULL, or why not. */
static const char *drop(const struct strata_fit *fit, const struct strata_order *order)
{
    struct strata_candidate_result *candidate = fit->out->candidate;
    size_t n_meant = 0, n_left = 0;
    for (size_t i = 0; i < fit->out->n_candidates; i++) {
        if (!remains(&candidate[i])) continue;
        const bool meant = is_dropped_by(order, &candidate[i]);
        if (meant && order->kind == STRATA_ORDER_DROP && order->start != 0 && leads(fit, i))
            return "the candidate is over and leads those with as many segments";
        n_meant += meant;
        n_left += !meant;
    }
    if (order->k < fit->k_from || order->k > fit->k_to)
        return "no candidate of this job has so many segments";
    if (n_left == 0) return "no candidate would be left";
    if (n_meant == 0 && order->kind == STRATA_ORDER_DROP)
        return "there is no such candidate any more";
    for (size_t i = 0; i < fit->out->n_candidates; i++) {
        if (!remains(&candidate[i]) || !is_dropped_by(order, &candidate[i])) continue;
        candidate[i].dropped = true;
        candidate[i].eligible = false;
        if (candidate[i].reason != STRATA_STOP_NONE) strata_fit_tell_over(fit, &candidate[i]);
    }
    return NULL;
}

/* --- effects --------------------------------------------------------------------------- */

/* NULL, or why not: a function of the order and of what all ranks have alike. */
static const char *obey(struct strata_fit *fit, const struct strata_order *order)
{
    struct strata_steering *steering = fit->steering;
    switch (order->kind) {
    case STRATA_ORDER_STOP:
        fit->asked_to_stop = true;
        steering->paused = false;
        return NULL;
    case STRATA_ORDER_PAUSE:
        if (fit->asked_to_stop) return "the fit is stopping";
        steering->paused = true;
        return NULL;
    case STRATA_ORDER_RESUME:
        if (!steering->paused) return "the fit is not paused";
        steering->paused = false;
        return NULL;
    case STRATA_ORDER_TOLERANCE:
        steering->tolerance = order->value;
        return NULL;
    case STRATA_ORDER_MAX_ITER:
        steering->max_iter = (uint32_t)order->value;
        return NULL;
    case STRATA_ORDER_DROP:
    case STRATA_ORDER_FREEZE:
        return drop(fit, order);
    case STRATA_ORDER_NONE:
    case STRATA_ORDER_CHECKPOINT:
    case STRATA_ORDER_LOG_LEVEL:
    case STRATA_ORDER_COUNT:
        break;
    }
    return NULL;
}

static void take(struct strata_fit *fit, const struct strata_order *order)
{
    const char *refused = obey(fit, order);
    fit->steering->n_obeyed++;
    if (fit->watch->obeyed) fit->watch->obeyed(fit->watch->context, order, refused);
}

/* Those that have been taken are in the state that a fit goes on from, and counted there. */
static void take_replayed(struct strata_fit *fit, bool at_end)
{
    const struct strata_fit_watch *watch = fit->watch;
    struct strata_steering *steering = fit->steering;
    const uint64_t iteration = fit->out->iterations_total;
    while (watch && steering->n_replayed < watch->n_replay) {
        const struct strata_order *order = &watch->replay[steering->n_replayed];
        if (order->iteration > iteration) return;
        if (order->iteration == iteration && order->after && !at_end) return;
        steering->n_replayed++;
        take(fit, order);
    }
}

void strata_steer(struct strata_fit *fit, const int64_t *numbers)
{
    take_replayed(fit, false);
    if (numbers[0] == STRATA_ORDER_NONE) return;
    const struct strata_order order = unpack(numbers, fit->out->iterations_total);
    take(fit, &order);
}

void strata_steer_at_end(struct strata_fit *fit)
{
    take_replayed(fit, true);
}

/* Of all numbers of a small message but the last. */
static int64_t check_of(const int64_t message[4 + STRATA_ORDER_NUMBERS])
{
    uint64_t total = 0;
    for (size_t i = 0; i < 3 + STRATA_ORDER_NUMBERS; i++) total += (uint64_t)message[i];
    return (int64_t)total;
}

strata_status strata_steer_paused(struct strata_fit *fit, bool *changed, struct strata_err *err)
{
    const struct strata_fit_watch *watch = fit->watch;
    if (watch->rest) watch->rest(watch->context);
    const unsigned command = watch->command ? watch->command(watch->context) : 0;
    int64_t message[4 + STRATA_ORDER_NUMBERS] = {(command & STRATA_FIT_STOP) != 0,
                                                 (command & STRATA_FIT_CANCEL) != 0,
                                                 (command & STRATA_FIT_LIMIT) != 0};
    const int64_t *order_numbers = message + 3;
    strata_order_pack(fit, message + 3);
    message[3 + STRATA_ORDER_NUMBERS] = check_of(message);
    strata_comm_sum(fit->comm, message, sizeof message / sizeof *message);
    if (message[3 + STRATA_ORDER_NUMBERS] != check_of(message))
        return strata_fit_leave(fit, "the ranks' orders changed on their way",
                                strata_steering_hash(fit->steering), err);
    fit->asked_to_stop |= message[0] > 0;
    fit->steering->paused &= message[0] == 0;
    fit->steering->cancelled = message[1] > 0;
    fit->out_of_time = message[2] > 0;
    const bool ordered = order_numbers[0] != STRATA_ORDER_NONE;
    if (ordered) {
        struct strata_order order = unpack(order_numbers, fit->out->iterations_total);
        order.after = true;
        take(fit, &order);
    }
    *changed = ordered || fit->out_of_time;
    return STRATA_OK;
}
