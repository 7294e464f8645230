/* A packed strata.v1.Result made up for tests of the control channel: n_segments of falling size, with names that need
 * care on a terminal, markers and sentences. */
#ifndef STRATA_TESTS_FAKE_RECORD_H
#define STRATA_TESTS_FAKE_RECORD_H

#include <stdint.h>
#include <stdlib.h>

#include "strata/arena.h"
#include "strata/v1/result.pb-c.h"

#define FAKE_JOB "fake-households"
#define FAKE_CUSTOMERS 2377u

static inline Strata__V1__Statement *fake_statement(struct strata_arena *arena, const char *section,
                                                    const char *text)
{
    Strata__V1__Statement *statement = STRATA_NEW(arena, Strata__V1__Statement, 1);
    if (!statement) abort();
    strata__v1__statement__init(statement);
    statement->section = (char *)(uintptr_t)section;
    statement->text = (char *)(uintptr_t)text;
    statement->statistic = (char *)(uintptr_t) "mean";
    statement->count = 120;
    return statement;
}

static inline Strata__V1__Segment *fake_segment(struct strata_arena *arena, uint32_t id,
                                                uint64_t size)
{
    static const char *const names[] = {"Young discount hunters", "High-income loyalists",
                                        "Gro\u00DFe K\u00F6rbe \u8CB4"};
    Strata__V1__Segment *segment = STRATA_NEW(arena, Strata__V1__Segment, 1);
    Strata__V1__Statement **statements = STRATA_NEW(arena, Strata__V1__Statement *, 3);
    Strata__V1__ProfileCell **cells = STRATA_NEW(arena, Strata__V1__ProfileCell *, 1);
    Strata__V1__ProfileCell *cell = STRATA_NEW(arena, Strata__V1__ProfileCell, 1);
    if (!segment || !statements || !cells || !cell) abort();
    strata__v1__segment__init(segment);
    strata__v1__profile_cell__init(cell);
    cell->count = size;
    cells[0] = cell;
    segment->id = id;
    segment->name = id <= 3 ? (char *)(uintptr_t)names[id - 1]
                            : strata_arena_print(arena, "Segment number %u", id);
    segment->definition =
        (char *)(uintptr_t) "They buy often, in small baskets, mostly with coupons, and live near the store.";
    segment->size = size;
    segment->share = (double)size / FAKE_CUSTOMERS;
    statements[0] = fake_statement(arena, "behavioural",
                                   "They spend 1,204 on average, 38 % less than everybody.");
    statements[1] =
        fake_statement(arena, "behavioural", "They redeem 4.2 coupons, against 1.1 for everybody.");
    statements[2] =
        fake_statement(arena, "channel", "They answer mailings twice as often as everybody.");
    segment->statements = statements;
    segment->n_statements = 3;
    segment->cells = cells;
    segment->n_cells = 1;
    return segment;
}

/* Sizes fall; the last takes the rest. */
static inline unsigned char *fake_record(struct strata_arena *arena, uint32_t n_segments,
                                         size_t *n_bytes)
{
    Strata__V1__Result result;
    Strata__V1__Segment **segments = STRATA_NEW(arena, Strata__V1__Segment *, n_segments);
    Strata__V1__Feature feature, *features[] = {&feature};
    if (!segments) abort();
    strata__v1__result__init(&result);
    strata__v1__feature__init(&feature);
    uint64_t left = FAKE_CUSTOMERS;
    for (uint32_t i = 0; i < n_segments; i++) {
        const uint64_t size = i + 1 < n_segments ? left * 2 / 5 : left;
        segments[i] = fake_segment(arena, i + 1, size);
        left -= size;
    }
    feature.name = (char *)(uintptr_t) "spend";
    result.format_version = 1;
    result.job = (char *)(uintptr_t)FAKE_JOB;
    result.customers = FAKE_CUSTOMERS;
    result.columns = 18;
    result.features = features;
    result.n_features = 1;
    result.segments = segments;
    result.n_segments = n_segments;
    result.iterations = 41;
    result.has_objective_case = STRATA__V1__RESULT__HAS_OBJECTIVE_OBJECTIVE;
    result.objective = 1234.5;
    *n_bytes = strata__v1__result__get_packed_size(&result);
    unsigned char *bytes = STRATA_NEW(arena, unsigned char, *n_bytes);
    if (!bytes) abort();
    (void)strata__v1__result__pack(&result, bytes);
    return bytes;
}

#endif
