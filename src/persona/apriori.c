/* A-priori segments: customers whom the job picks by a condition, profiled like segments, each against everybody
 * else, and counted against the segments that were found. */
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"
#include "persona/rules_impl.h"
#include "strata/duck.h"

/* Everything for all conditions together. */
struct picking {
    const struct strata_plan *plan;
    uint16_t *label; /* (n_apriori, n_rows) 0: belongs, 1: does not */
    int64_t *cross;  /* (n_apriori, k, 2) customers and weight that belong */
    size_t n;
};

/* --- who belongs ------------------------------------------------------------------------------ */

static const char *conditions_sql(const struct strata_config *config, struct strata_arena *scratch)
{
    const char *sql = "";
    for (size_t i = 0; i < config->n_apriori && sql; i++)
        sql = strata_arena_print(scratch, "%s, coalesce(CAST((%s\n) AS BOOLEAN), false)", sql,
                                 config->apriori[i].condition);
    return sql;
}

/* The rows that belong; their numbers come along, so their order does not matter. */
static strata_status pick_rows(struct picking *picking, struct strata_sheet *sheet, const char *sql,
                               struct strata_err *err)
{
    struct strata_duck_cursor cursor = {0};
    const struct strata_plan *plan = picking->plan;
    const size_t n_rows = plan->table->n_rows;
    bool more = false;
    STRATA_TRY(strata_duck_query(sheet->duck, &cursor, err,
                                 "SELECT " STRATA_SHEET_ROW "%s FROM " STRATA_SHEET_TABLE, sql));
    strata_status status = strata_duck_next(&cursor, &more, err);
    for (; status == STRATA_OK && more; status = strata_duck_next(&cursor, &more, err)) {
        const int64_t *row = strata_duck_values(&cursor, 0);
        for (size_t i = 0; i < picking->n; i++) {
            const bool *inside = strata_duck_values(&cursor, i + 1);
            for (size_t j = 0; j < cursor.n_rows; j++) {
                picking->label[i * n_rows + (size_t)row[j]] = inside[j] ? 0 : 1;
                if (!inside[j]) continue;
                int64_t *cross = picking->cross + 2 * (i * plan->k + plan->label[row[j]]);
                cross[0]++;
                cross[1] += plan->weight ? (int64_t)plan->weight[row[j]] : 1;
            }
        }
    }
    strata_duck_cursor_finish(&cursor);
    return status;
}

static strata_status pick(struct picking *picking, struct strata_arena scratch,
                          struct strata_err *err)
{
    const struct strata_plan *plan = picking->plan;
    bool *used = STRATA_NEW(&scratch, bool, plan->n_features);
    const char *sql = conditions_sql(plan->config, &scratch);
    if (!used || !sql)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the a-priori segments");
    for (size_t f = 0; f < plan->n_features; f++) used[f] = true;
    struct strata_sheet sheet = {.plan = plan};
    if (plan->table->n_rows == 0) return STRATA_OK;
    strata_status status = strata_sheet_open(&sheet, used, &scratch, err);
    if (status == STRATA_OK) status = pick_rows(picking, &sheet, sql, err);
    strata_sheet_close(&sheet);
    return status;
}

/* --- the cross table -------------------------------------------------------------------------- */

static bool is_few(uint64_t count)
{
    return count > 0 && count < STRATA_MIN_CELL;
}

/* Hidden: few belong or few of the segment do not; and where one is hidden, the next smallest. */
static void hide_cross(const uint64_t *size, size_t k, struct strata_cross *cross)
{
    size_t n_hidden = 0, best = SIZE_MAX;
    for (size_t s = 0; s < k; s++) {
        cross[s].hidden = is_few(cross[s].count) || is_few(size[s] - cross[s].count);
        n_hidden += cross[s].hidden;
        if (cross[s].hidden || cross[s].count == 0) continue;
        if (best == SIZE_MAX || cross[s].count < cross[best].count) best = s;
    }
    if (n_hidden == 1 && best != SIZE_MAX) cross[best].hidden = true;
    if (n_hidden == 1 && best == SIZE_MAX) {
        for (size_t s = 0; s < k; s++) cross[s].hidden = true;
    }
    for (size_t s = 0; s < k; s++) {
        if (cross[s].hidden) cross[s].count = 0;
    }
}

static void fill_cross(const struct picking *picking, const struct strata_profile_tally *tally,
                       size_t i, struct strata_apriori *out)
{
    const struct strata_plan *plan = picking->plan;
    const int64_t *count = picking->cross + 2 * i * plan->k;
    const double all = (double)tally->weight.size[plan->k];
    double weight = 0.0;
    for (size_t s = 0; s < plan->k; s++) weight += (double)count[2 * s + 1];
    for (size_t s = 0; s < plan->k; s++) {
        const double here = (double)count[2 * s + 1];
        out->cross[s] = (struct strata_cross){.count = (uint64_t)count[2 * s]};
        out->cross[s].share = weight > 0.0 ? here / weight : STRATA_UNKNOWN;
        out->cross[s].index = 100.0 * out->cross[s].share / ((double)tally->weight.size[s] / all);
    }
    hide_cross(tally->count.size, plan->k, out->cross);
    for (size_t s = 0; s < plan->k; s++) {
        if (out->cross[s].hidden) out->cross[s].share = out->cross[s].index = STRATA_UNKNOWN;
    }
}

/* --- profiles --------------------------------------------------------------------------------- */

struct profiling {
    struct strata_plan plan;
    struct strata_profile_tally tally;
    struct strata_tally_room room;
    struct strata_personas *personas;
    bool *hidden;
};

static strata_status profiling_make(struct profiling *work, const struct picking *picking, size_t i,
                                    int n_ranks, struct strata_arena *scratch,
                                    struct strata_arena *keep, struct strata_err *err)
{
    const struct strata_plan *plan = picking->plan;
    const struct strata_clustering groups = {.dims = {.k = 2},
                                             .label = picking->label + i * plan->table->n_rows};
    const struct strata_rows rows = {.weight = plan->weight,
                                     .weight_exponent = plan->weight_exponent};
    bool fits = strata_plan_make(&work->plan, plan->config, plan->table, &rows, &groups, plan->pool,
                                 scratch) &&
                strata_tally_make(&work->tally, &work->plan, scratch) &&
                strata_tally_room_make(&work->room, &work->plan, n_ranks, scratch);
    if (fits) work->hidden = STRATA_NEW(scratch, bool, 3 * work->plan.n_all_levels);
    if (fits) work->personas = strata_personas_make(&work->plan, keep);
    if (fits && work->hidden && work->personas) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the a-priori segments");
}

static bool profile(struct profiling *work, struct strata_arena scratch)
{
    const struct strata_plan *plan = &work->plan;
    struct strata_personas *personas = work->personas;
    for (size_t g = 0; g < 2; g++)
        strata_profile_fill(plan, &work->tally, g, personas->segment[g].cell);
    strata_profile_fill(plan, &work->tally, 2, personas->everybody);
    strata_disclosure_protect(plan, &work->tally, work->hidden, personas);
    strata_profile_compare(plan, &work->tally, personas);
    strata_markers_rank(plan, &personas->segment[0]);
    if (!strata_effects_fill(plan, &work->tally, personas, scratch)) return false;
    for (size_t f = 0; f < plan->n_features; f++) /* a condition made the difference */
        personas->segment[0].cell[f].p = STRATA_UNKNOWN;
    return true;
}

static void tell(const struct profiling *work, struct strata_apriori *out)
{
    const struct strata_counts *count = &work->tally.count, *weight = &work->tally.weight;
    out->hidden = is_few(count->size[0]) || is_few(count->size[1]);
    if (out->hidden) return;
    out->size = count->size[0];
    out->weight = strata_plan_weight(&work->plan, weight->size[0]);
    out->share = weight->size[2] ? (double)weight->size[0] / (double)weight->size[2] : 0.0;
    out->cell = work->personas->segment[0].cell;
    out->marker = work->personas->segment[0].marker;
    out->n_markers = work->personas->segment[0].n_markers;
}

static strata_status profile_one(struct strata_comm *comm, const struct picking *picking, size_t i,
                                 struct strata_arena scratch, struct strata_arena *keep,
                                 struct strata_apriori *out, struct strata_err *err)
{
    struct profiling work = {0};
    STRATA_TRY(strata_comm_agree(
        comm, profiling_make(&work, picking, i, comm->size, &scratch, keep, err), err));
    (void)strata_tally_fill(comm, &work.plan, &work.room, &work.tally);
    strata_status status = STRATA_OK;
    if (!profile(&work, scratch))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the a-priori segments");
    STRATA_TRY(strata_comm_agree(comm, status, err));
    tell(&work, out);
    return STRATA_OK;
}

/* --- all of them ------------------------------------------------------------------------------ */

static strata_status make(struct picking *picking, struct strata_personas *personas,
                          struct strata_arena *scratch, struct strata_arena *keep,
                          struct strata_err *err)
{
    const struct strata_plan *plan = picking->plan;
    const struct strata_where *where = plan->config->apriori;
    picking->label = STRATA_NEW(scratch, uint16_t, picking->n * plan->table->n_rows);
    picking->cross = STRATA_NEW(scratch, int64_t, picking->n * plan->k * 2);
    personas->apriori = STRATA_NEW(keep, struct strata_apriori, picking->n);
    if (!picking->label || !picking->cross || !personas->apriori)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the a-priori segments");
    personas->n_apriori = picking->n;
    for (size_t i = 0; i < picking->n; i++) {
        struct strata_apriori *out = &personas->apriori[i];
        *out = (struct strata_apriori){.name = where[i].name,
                                       .condition = where[i].condition,
                                       .cross = STRATA_NEW(keep, struct strata_cross, plan->k)};
        if (!out->cross)
            return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the a-priori segments");
    }
    return pick(picking, *scratch, err);
}

static strata_status find(struct strata_comm *comm, struct picking *picking,
                          const struct strata_profile_tally *tally,
                          struct strata_personas *personas, struct strata_arena *scratch,
                          struct strata_arena *keep, struct strata_err *err)
{
    STRATA_TRY(strata_comm_agree(comm, make(picking, personas, scratch, keep, err), err));
    strata_comm_sum(comm, picking->cross, picking->n * picking->plan->k * 2);
    for (size_t i = 0; i < picking->n; i++) {
        STRATA_TRY(profile_one(comm, picking, i, *scratch, keep, &personas->apriori[i], err));
        if (!personas->apriori[i].hidden) fill_cross(picking, tally, i, &personas->apriori[i]);
    }
    return STRATA_OK;
}

strata_status strata_apriori_profile(struct strata_comm *comm, const struct strata_plan *plan,
                                     const struct strata_profile_tally *tally, uint64_t room,
                                     struct strata_personas *personas, struct strata_arena *keep,
                                     struct strata_err *err)
{
    struct strata_arena scratch = {0};
    struct picking picking = {.plan = plan, .n = plan->config->n_apriori};
    if (picking.n == 0) return STRATA_OK;
    const uint64_t labels = (plan->table->n_rows + 1) * picking.n * sizeof(uint16_t);
    strata_status status = STRATA_OK;
    if (room > SIZE_MAX - labels || !strata_arena_init(&scratch, (size_t)(room + labels)))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the a-priori segments");
    status = strata_comm_agree(comm, status, err);
    if (status == STRATA_OK) status = find(comm, &picking, tally, personas, &scratch, keep, err);
    strata_arena_finish(&scratch);
    return status;
}
