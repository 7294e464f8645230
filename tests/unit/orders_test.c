/* Commands in words: what is written is read back, whatever the order; anything else is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "job/job_impl.h"

Test(orders, what_is_written_is_read_back)
{
    static const double values[] = {0, 1e-7, 0.1, 1.0 / 3, 100000};
    for (int kind = STRATA_ORDER_STOP; kind < STRATA_ORDER_COUNT; kind++)
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            struct strata_order order = {.kind = (enum strata_order_kind)kind, .iteration = 7 + i},
                                seen;
            char words[STRATA_ORDER_TEXT_BYTES], line[256];
            if (kind == STRATA_ORDER_TOLERANCE || kind == STRATA_ORDER_MAX_ITER)
                order.value = values[i];
            if (kind == STRATA_ORDER_DROP || kind == STRATA_ORDER_FREEZE) order.k = (uint32_t)i + 1;
            if (kind == STRATA_ORDER_DROP) order.start = (uint32_t)i;
            order.after = i % 2;
            strata_order_print(&order, words);
            (void)snprintf(line, sizeof line, "%s in attempt 3 while FITTING %s iteration %zu",
                           words, order.after ? "after" : "at", 7 + i);
            cr_assert(strata_order_read(line, &seen), "%s", line);
            cr_expect_eq(seen.kind, order.kind, "%s", line);
            cr_expect_eq(seen.k, order.k, "%s", line);
            cr_expect_eq(seen.start, order.start, "%s", line);
            cr_expect_eq(seen.value, order.value, "%s", line);
            cr_expect_eq(seen.iteration, order.iteration, "%s", line);
            cr_expect_eq(seen.after, order.after, "%s", line);
        }
}

Test(orders, other_words_are_no_order)
{
    static const char *const lines[] = {"",
                                        "stop",
                                        "stop at",
                                        "dance at iteration 3",
                                        "stop at iteration ",
                                        "stop at iteration 3x",
                                        "set drop x at iteration 3",
                                        "set tolerance at iteration 3",
                                        "set drop 5/x at iteration 3",
                                        "stopped at iteration 3"};
    struct strata_order order;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_expect_not(strata_order_read(lines[i], &order), "%s", lines[i]);
}
