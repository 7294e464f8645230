/* A-priori segments: customers whom the job picks by a condition, profiled like segments, each against everybody
 * else, and counted against the segments that were found. */
#include "persona/disclosure_impl.h"
#include "strata/duck.h"

/* Everything for all conditions together. */
struct picking {
    const struct strata_plan *plan;
    uint16_t *label; /* (n_apriori, n_rows) 0: belongs, 1: does not */
    int64_t *cross;  /* (n_apriori, k, 2) customers and weight that belong */
    uint64_t *mask; /* (n_combinations) of which of the first n_counted customers are, as bits; rising */
    size_t n_combinations, n_counted;
    size_t n;
};

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the a-priori segments");
}

/* --- who belongs ------------------------------------------------------------------------------ */

static const char *conditions_sql(const struct strata_config *config, struct strata_arena *scratch)
{
    const char *sql = "";
    for (size_t i = 0; i < config->n_apriori && sql; i++)
        sql = strata_arena_print(scratch, "%s, coalesce(CAST((%s\n) AS BOOLEAN), false)", sql,
                                 config->apriori[i].condition);
    return sql;
}

/* Which of them a row of the sheet belongs to. */
static void count_row(struct picking *picking, struct strata_duck_cursor *cursor, size_t j,
                      size_t row)
{
    const struct strata_plan *plan = picking->plan;
    for (size_t i = 0; i < picking->n; i++) {
        uint16_t *label = picking->label + i * plan->table->n_rows + row;
        *label = ((const bool *)strata_duck_values(cursor, i + 1))[j] ? 0 : 1;
        if (*label) continue;
        int64_t *cross = picking->cross + 2 * (i * plan->k + plan->label[row]);
        cross[0]++;
        cross[1] += plan->weight ? (int64_t)plan->weight[row] : 1;
    }
}

/* The rows that belong; their numbers come along, so their order does not matter. */
static strata_status pick_rows(struct picking *picking, struct strata_sheet *sheet, const char *sql,
                               struct strata_err *err)
{
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    STRATA_TRY(strata_duck_query(sheet->duck, &cursor, err,
                                 "SELECT " STRATA_SHEET_ROW "%s FROM " STRATA_SHEET_TABLE, sql));
    strata_status status = strata_duck_next(&cursor, &more, err);
    for (; status == STRATA_OK && more; status = strata_duck_next(&cursor, &more, err)) {
        const int64_t *row = strata_duck_values(&cursor, 0);
        for (size_t j = 0; j < cursor.n_rows; j++) count_row(picking, &cursor, j, (size_t)row[j]);
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
    if (!used || !sql) return no_room(err);
    for (size_t f = 0; f < plan->n_features; f++) used[f] = true;
    struct strata_sheet sheet = {.plan = plan};
    if (plan->table->n_rows == 0) return STRATA_OK;
    strata_status status = strata_sheet_open(&sheet, used, &scratch, err);
    if (status == STRATA_OK) status = pick_rows(picking, &sheet, sql, err);
    strata_sheet_close(&sheet);
    return status;
}

/* --- profiles --------------------------------------------------------------------------------- */

#define GROUPS_MAX ((size_t)512) /* of segments by combinations of a-priori segments */

/* As many as are counted beside the segments. */
static size_t most_combinations(const struct strata_plan *plan)
{
    return plan->k < GROUPS_MAX ? GROUPS_MAX / plan->k : 1;
}

/* Which of the first n a customer is of. */
static uint64_t mask_of(const struct picking *picking, size_t n, size_t row)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < n; i++)
        mask |= (uint64_t)!picking->label[i * picking->plan->table->n_rows + row] << i;
    return mask;
}

/* With one more; beyond the limit only their number grows, to one more. */
static void add_mask(uint64_t *mask, uint64_t *n, size_t limit, uint64_t wanted)
{
    if (*n > limit) return;
    const size_t place = strata_below(mask, *n, wanted);
    if (place < *n && mask[place] == wanted) return;
    if (++*n > limit) return;
    memmove(mask + place + 1, mask + place, (*n - 1 - place) * sizeof *mask);
    mask[place] = wanted;
}

/* The combinations of the first n that there are, into mask; false where they are more than the limit.
 * Collective: one gather into all, (size, 1 + most_combinations). */
static bool find_combinations(struct strata_comm *comm, struct picking *picking, size_t n,
                              uint64_t *all)
{
    const size_t limit = most_combinations(picking->plan), width = 1 + limit;
    uint64_t mine[1 + GROUPS_MAX] = {0}, found = 0;
    for (size_t row = 0; row < picking->plan->table->n_rows; row++)
        add_mask(mine + 1, mine, limit, mask_of(picking, n, row));
    strata_comm_gather_all(comm, mine, width * sizeof *mine, all);
    for (int r = 0; r < comm->size; r++) {
        const uint64_t *theirs = all + (size_t)r * width;
        if (theirs[0] > limit) return false;
        for (size_t i = 1; i <= theirs[0]; i++) add_mask(picking->mask, &found, limit, theirs[i]);
    }
    picking->n_combinations = found;
    picking->n_counted = n;
    return found <= limit;
}

/* Of as many as have few enough.  Collective: at most 7 gathers. */
static void combine(struct strata_comm *comm, struct picking *picking, uint64_t *all)
{
    size_t low = 0, high = picking->n;
    if (find_combinations(comm, picking, high, all)) return;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (find_combinations(comm, picking, middle, all))
            low = middle;
        else
            high = middle;
    }
    (void)find_combinations(comm, picking, low, all);
}

/* Count the combinations in each segment.  Collective. */
static strata_status tally_joint(struct strata_comm *comm, struct picking *picking,
                                 struct strata_arena *scratch, struct strata_profile_tally *tally,
                                 struct strata_err *err)
{
    const struct strata_plan *plan = picking->plan;
    const size_t n_rows = plan->table->n_rows, most = most_combinations(plan);
    uint16_t *label = STRATA_NEW(scratch, uint16_t, n_rows);
    uint64_t *all = STRATA_NEW(scratch, uint64_t, (1 + most) * (size_t)comm->size);
    picking->mask = STRATA_NEW(scratch, uint64_t, GROUPS_MAX);
    bool fits = label && all && picking->mask;
    STRATA_TRY(strata_comm_agree(comm, fits ? STRATA_OK : no_room(err), err));
    combine(comm, picking, all);
    const size_t n = picking->n_combinations;
    const struct strata_clustering groups = {.dims = {.k = plan->k * n}, .label = label};
    const struct strata_rows rows = {0};
    struct strata_plan joint;
    int64_t *wire = NULL;
    fits =
        strata_plan_make(&joint, plan->config, plan->table, &rows, &groups, plan->pool, scratch) &&
        strata_tally_make(tally, &joint, scratch);
    if (fits) wire = STRATA_NEW(scratch, int64_t, strata_counts_wire_count(&joint));
    STRATA_TRY(strata_comm_agree(comm, wire ? STRATA_OK : no_room(err), err));
    for (size_t row = 0; row < n_rows; row++) {
        const uint64_t mask = mask_of(picking, picking->n_counted, row);
        label[row] = (uint16_t)(plan->label[row] * n + strata_below(picking->mask, n, mask));
    }
    strata_tally_count(comm, &joint, wire, tally);
    return STRATA_OK;
}

/* Count one of them against all others.  Collective. */
static strata_status tally_one(struct strata_comm *comm, const struct picking *picking, size_t i,
                               struct strata_arena *scratch, struct strata_pick *pick,
                               struct strata_err *err)
{
    const struct strata_plan *plan = picking->plan;
    const struct strata_clustering groups = {.dims = {.k = 2},
                                             .label = picking->label + i * plan->table->n_rows};
    const struct strata_rows rows = {.weight = plan->weight,
                                     .weight_exponent = plan->weight_exponent};
    struct strata_tally_room room = {0};
    bool fits = strata_plan_make(&pick->plan, plan->config, plan->table, &rows, &groups, plan->pool,
                                 scratch) &&
                strata_tally_make(&pick->tally, &pick->plan, scratch);
    struct strata_arena rooms = *scratch; /* for the next one again */
    fits = fits && strata_tally_room_make(&room, &pick->plan, comm->size, &rooms);
    STRATA_TRY(strata_comm_agree(comm, fits ? STRATA_OK : no_room(err), err));
    (void)strata_tally_fill(comm, &pick->plan, &room, &pick->tally);
    return STRATA_OK;
}

static bool fill_cells(struct strata_pick *pick, struct strata_arena *keep)
{
    pick->personas = strata_personas_make(&pick->plan, keep);
    if (!pick->personas) return false;
    for (size_t g = 0; g < 2; g++)
        strata_profile_fill(&pick->plan, &pick->tally, g, pick->personas->segment[g].cell);
    strata_profile_fill(&pick->plan, &pick->tally, 2, pick->personas->everybody);
    return true;
}

/* From what is not hidden. */
static bool compare(struct strata_pick *pick, struct strata_arena scratch)
{
    struct strata_personas *personas = pick->personas;
    strata_profile_compare(&pick->plan, &pick->tally, personas);
    strata_markers_rank(&pick->plan, &personas->segment[0]);
    if (!strata_effects_fill(&pick->plan, &pick->tally, personas, scratch)) return false;
    for (size_t f = 0; f < pick->plan.n_features; f++) /* a condition made the difference */
        personas->segment[0].cell[f].p = STRATA_UNKNOWN;
    return true;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void fill_cross(const struct strata_picks *picks, size_t i, struct strata_apriori *out)
{
    const size_t k = picks->plan->k;
    const int64_t *count = picks->cross + 2 * i * k;
    const uint64_t *size = picks->tally->weight.size;
    const double weight = (double)picks->pick[i].tally.weight.size[0];
    for (size_t s = 0; s < k; s++) {
        struct strata_cross *cross = &out->cross[s];
        cross->share = cross->index = STRATA_UNKNOWN;
        if (cross->hidden) continue;
        cross->count = (uint64_t)count[2 * s];
        if (weight > 0.0) cross->share = (double)count[2 * s + 1] / weight;
        cross->index = 100.0 * cross->share / ((double)size[s] / (double)size[k]);
    }
}

static void tell(const struct strata_picks *picks, size_t i, struct strata_apriori *out)
{
    const struct strata_pick *pick = &picks->pick[i];
    const struct strata_counts *count = &pick->tally.count, *weight = &pick->tally.weight;
    if (out->hidden) return;
    out->size = count->size[0];
    out->weight = strata_plan_weight(&pick->plan, weight->size[0]);
    out->share = weight->size[2] ? (double)weight->size[0] / (double)weight->size[2] : 0.0;
    out->cell = pick->personas->segment[0].cell;
    out->marker = pick->personas->segment[0].marker;
    out->n_markers = pick->personas->segment[0].n_markers;
    fill_cross(picks, i, out);
}

static strata_status tell_all(const struct strata_picks *picks, struct strata_arena scratch,
                              struct strata_arena *keep, struct strata_apriori *out,
                              struct strata_err *err)
{
    for (size_t i = 0; i < picks->n; i++) {
        if (!fill_cells(&picks->pick[i], keep)) return no_room(err);
    }
    if (!strata_picks_hide(picks, scratch, out)) return no_room(err);
    for (size_t i = 0; i < picks->n; i++) {
        if (!compare(&picks->pick[i], scratch)) return no_room(err);
        tell(picks, i, &out[i]);
    }
    return STRATA_OK;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Numbers of the cross table, which all ranks add up. */
static size_t sums_of(const struct picking *picking)
{
    return picking->n * 2 * picking->plan->k;
}

static strata_status make(struct picking *picking, struct strata_personas *personas,
                          struct strata_arena *scratch, struct strata_arena *keep,
                          struct strata_err *err)
{
    const struct strata_plan *plan = picking->plan;
    const struct strata_where *where = plan->config->apriori;
    picking->label = STRATA_NEW(scratch, uint16_t, picking->n * plan->table->n_rows);
    picking->cross = STRATA_NEW(scratch, int64_t, sums_of(picking));
    personas->apriori = STRATA_NEW(keep, struct strata_apriori, picking->n);
    if (!picking->label || !picking->cross || !personas->apriori) return no_room(err);
    personas->n_apriori = picking->n;
    for (size_t i = 0; i < picking->n; i++) {
        struct strata_apriori *out = &personas->apriori[i];
        *out = (struct strata_apriori){.name = where[i].name,
                                       .condition = where[i].condition,
                                       .cross = STRATA_NEW(keep, struct strata_cross, plan->k)};
        if (!out->cross) return no_room(err);
    }
    return pick(picking, *scratch, err);
}

static strata_status find(struct strata_comm *comm, struct picking *picking,
                          const struct strata_profile_tally *tally,
                          struct strata_personas *personas, struct strata_arena *scratch,
                          struct strata_arena *keep, struct strata_err *err)
{
    STRATA_TRY(strata_comm_agree(comm, make(picking, personas, scratch, keep, err), err));
    strata_comm_sum(comm, picking->cross, sums_of(picking));
    struct strata_profile_tally joint = {0};
    struct strata_picks picks = {.plan = picking->plan,
                                 .tally = tally,
                                 .personas = personas,
                                 .pick = STRATA_NEW(scratch, struct strata_pick, picking->n),
                                 .n = picking->n,
                                 .cross = picking->cross,
                                 .joint = &joint.count};
    STRATA_TRY(strata_comm_agree(comm, picks.pick ? STRATA_OK : no_room(err), err));
    for (size_t i = 0; i < picks.n; i++)
        STRATA_TRY(tally_one(comm, picking, i, scratch, &picks.pick[i], err));
    STRATA_TRY(tally_joint(comm, picking, scratch, &joint, err));
    picks.mask = picking->mask;
    picks.n_combinations = picking->n_combinations;
    picks.n_counted = picking->n_counted;
    const strata_status status = tell_all(&picks, *scratch, keep, personas->apriori, err);
    return strata_comm_agree(comm, status, err);
}

/* Addresses for n of them: each one's counts stay until all are known; then what is hidden is found. */
static uint64_t room_of(const struct strata_plan *plan, size_t n, int n_ranks, uint64_t room)
{
    const uint64_t each_group = (plan->n_all_levels + 16) * 8 + (uint64_t)n_ranks;
    struct strata_describe_extent extent = {.n_rows = plan->table->n_rows,
                                            .groups = 3,
                                            .n_ranks = 1, /* more are in room */
                                            .n_features = plan->n_features,
                                            .n_numbers = plan->n_numbers,
                                            .n_levels = plan->n_all_levels,
                                            .weighted = plan->weight != NULL};
    const uint64_t each =
        strata_describe_room(&extent) + plan->table->n_rows * sizeof(uint16_t) + (plan->k + n) * 64;
    uint64_t all = 0, sum = 0;
    extent.groups = plan->k * most_combinations(plan) + 1;
    if (__builtin_mul_overflow(each, n + 2, &all) || __builtin_add_overflow(all, room, &sum) ||
        __builtin_add_overflow(sum, strata_describe_room(&extent), &sum) ||
        __builtin_add_overflow(sum, extent.groups * each_group * sizeof(uint64_t), &sum))
        return UINT64_MAX;
    return sum;
}

strata_status strata_apriori_profile(struct strata_comm *comm, const struct strata_plan *plan,
                                     const struct strata_profile_tally *tally, uint64_t room,
                                     struct strata_personas *personas, struct strata_arena *keep,
                                     struct strata_err *err)
{
    struct strata_arena scratch = {0};
    struct picking picking = {.plan = plan, .n = plan->config->n_apriori};
    if (picking.n == 0) return STRATA_OK;
    const uint64_t bytes = room_of(plan, picking.n, comm->size, room);
    strata_status status = STRATA_OK;
    if (bytes > SIZE_MAX - 1 || !strata_arena_init(&scratch, (size_t)bytes)) status = no_room(err);
    status = strata_comm_agree(comm, status, err);
    if (status == STRATA_OK) status = find(comm, &picking, tally, personas, &scratch, keep, err);
    strata_arena_finish(&scratch);
    return status;
}
