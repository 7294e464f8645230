/* An ingest that is told to end does so on all ranks, in the middle of a statement, and never passes part of the
 * customers for the whole. */
#include "strata/ingest.h"

#include <criterion/criterion.h>
#include <math.h>

#include "ingest_world.h"
#include "strata/clock.h"

enum { RANKS = 3, MOMENTS = 9 };

static struct world world;
static double asked_at_s; /* by the clock: from then on it is to end */

static bool must_end(void *context)
{
    (void)context;
    return strata_clock_s() >= asked_at_s;
}

static const struct strata_ingest_watch asked = {.must_end = must_end};

static void open_world(void)
{
    world_open(&world);
    world.limits = (struct ingest_limits){.unit_bytes = 1 << 14, .round_bytes = 1 << 16};
    world_sql(&world,
              "COPY (SELECT 'c' || (i % 500) AS k, i % 17 AS x FROM range(10000) t(i)) TO '$/s.csv';"
              "COPY (SELECT i AS v FROM range(3000) t(i)) TO '$/lookup.csv'");
}
static void close_world(void)
{
    world_close(&world);
}

TestSuite(ingest_halt, .init = open_world, .fini = close_world);

/* Ranks that are asked: one of them, or all. */
static void ask(int rank)
{
    for (int i = 0; i < RANKS; i++) world.watch[i] = rank < 0 || i == rank ? &asked : NULL;
}

Test(ingest_halt, at_any_moment_all_ranks_have_all_customers_or_none)
{
    size_t n_whole = 0, n_ended = 0;
    world_job(&world, "job: j\nsources: [{name: s, files: s.csv, key: k, columns: {x: integer}}]\n"
                      "customers: select k, sum(x) as x from s group by k\n"
                      "features: [{name: x, type: numeric}]\n");
    const double begun_s = strata_clock_s();
    const char *text = world_run(&world, RANKS);
    cr_assert_not_null(text);
    const char *whole = strata_arena_copy(&world.arena, text, strlen(text));
    const double whole_s = strata_clock_s() - begun_s;
    for (int i = 0; i < MOMENTS; i++) {
        ask(i % 4 - 1);
        asked_at_s = strata_clock_s() + whole_s * i / (MOMENTS - 2);
        if (i == MOMENTS - 1) asked_at_s = HUGE_VAL;
        text = world_run(&world, RANKS);
        for (int rank = 0; rank < RANKS; rank++) {
            cr_assert_eq(world.status[rank], world.status[0]);
            cr_assert(world.status[rank] == STRATA_OK || world.status[rank] == STRATA_E_CANCELLED,
                      "%s", world.err[rank].text);
        }
        if (text) cr_assert_str_eq(text, whole);
        n_whole += text != NULL;
        n_ended += text == NULL;
    }
    cr_assert(n_whole > 0 && n_ended > 0, "%zu whole, %zu ended", n_whole, n_ended);
}

Test(ingest_halt, a_statement_of_hours_ends_at_once)
{
    world_job(&world, "job: j\nsources:\n  - {name: s, files: s.csv, key: k, columns: {x: integer}}\n"
                      "  - {name: a, files: lookup.csv, columns: {v: integer}, lookup: true}\n"
                      "  - {name: b, files: lookup.csv, columns: {v: integer}, lookup: true}\n"
                      "customers: |\n  select k, sum(x * a.v * b.v) as x from s, a, b group by k\n"
                      "features: [{name: x, type: numeric}]\n");
    ask(-1);
    asked_at_s = strata_clock_s() + 1;
    cr_assert_null(world_run(&world, RANKS));
    for (int rank = 0; rank < RANKS; rank++)
        cr_assert_eq(world.status[rank], STRATA_E_CANCELLED, "%s", world.err[rank].text);
    const double late_s = strata_clock_s() - asked_at_s;
    cr_assert(late_s > 0 && late_s < 3, "%.3f s after it was asked", late_s);
    cr_assert_neq(access(world_path(&world, "spill.0"), F_OK), 0, "a folder for spills is left");
}
