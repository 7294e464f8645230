/* The walk from rows to personas: tally, profile, protect, compare, name, write. */
#include <inttypes.h>

#include "strata/clock.h"
#include "strata/fault.h"

#include "persona/persona_impl.h"
#include "persona/portrait_impl.h"
#include "persona/rules_impl.h"

/* Everything that strata_describe needs, taken before the first reduction. */
struct work {
    struct strata_pool *pool;
    struct strata_plan plan;
    struct strata_profile_tally tally;
    struct strata_tally_room room;
    bool *hidden; /* (k + 1, most levels of a feature) */
    struct strata_personas *personas;
};

static bool cells_make(const struct strata_plan *plan, struct strata_arena *keep,
                       struct strata_profile_cell **cell)
{
    *cell = STRATA_NEW(keep, struct strata_profile_cell, plan->n_features);
    if (!*cell) return false;
    for (size_t f = 0; f < plan->n_features; f++) {
        if (plan->as[f] != STRATA_AS_ORDINAL && plan->as[f] != STRATA_AS_NOMINAL) continue;
        (*cell)[f].share = STRATA_NEW(keep, double, plan->n_levels[f]);
        if (!(*cell)[f].share) return false;
    }
    return true;
}

struct strata_personas *strata_personas_make(const struct strata_plan *plan,
                                             struct strata_arena *keep)
{
    struct strata_personas *personas = STRATA_NEW(keep, struct strata_personas, 1);
    if (!personas) return NULL;
    personas->k = plan->k;
    personas->n_features = plan->n_features;
    personas->column = plan->table->column;
    personas->segment = STRATA_NEW(keep, struct strata_persona, plan->k);
    if (!personas->segment || !cells_make(plan, keep, &personas->everybody)) return NULL;
    for (size_t s = 0; s < plan->k; s++) {
        personas->segment[s].marker = STRATA_NEW(keep, struct strata_marker, plan->n_features);
        if (!personas->segment[s].marker || !cells_make(plan, keep, &personas->segment[s].cell))
            return NULL;
    }
    return personas;
}

static uint64_t addresses_needed(const struct strata_config *config,
                                 const struct strata_table *table, bool weighted, size_t k,
                                 int n_ranks)
{
    uint64_t n_numbers = 0;
    uint64_t n_levels = 0;
    for (size_t f = 0; f < config->n_features && f < table->n_columns; f++) {
        if (table->column[f].kind == STRATA_COLUMN_TEXT)
            n_levels += table->column[f].n_levels;
        else if (config->feature[f].type == STRATA_BINARY)
            n_levels += 2;
        else
            n_numbers++;
    }
    const struct strata_describe_extent extent = {.n_rows = table->n_rows,
                                                  .groups = k + 1,
                                                  .n_features = config->n_features,
                                                  .n_numbers = n_numbers,
                                                  .n_levels = n_levels,
                                                  .n_ranks = n_ranks,
                                                  .weighted = weighted};
    return strata_describe_addresses(&extent);
}

static strata_status scratch_make(const struct strata_config *config,
                                  const struct strata_table *table, bool weighted, size_t k,
                                  int n_ranks, struct strata_arena *scratch, struct strata_err *err)
{
    const uint64_t bytes = addresses_needed(config, table, weighted, k, n_ranks);
    if (bytes < SIZE_MAX && strata_arena_init(scratch, (size_t)bytes)) return STRATA_OK;
    return STRATA_FAIL(
        err, STRATA_E_MEMORY,
        "describing %zu segments by %zu features needs %" PRIu64
        " bytes on this rank, more than the system gives; use more ranks or fewer features",
        k, config->n_features, bytes);
}

static strata_status work_make(struct work *work, struct strata_comm *comm,
                               const struct strata_config *config, const struct strata_table *table,
                               const struct strata_rows *rows,
                               const struct strata_clustering *clustering,
                               struct strata_arena *scratch, struct strata_arena *keep,
                               struct strata_err *err)
{
    STRATA_TRY(scratch_make(config, table, rows->weight != NULL, clustering->dims.k, comm->size,
                            scratch, err));
    const int n_threads = strata_pool_size((int)config->threads, comm->n_here);
    STRATA_TRY(strata_pool_start(n_threads, scratch, &work->pool, err));
    struct strata_plan *plan = &work->plan;
    bool fits = strata_plan_make(plan, config, table, rows, clustering, work->pool, scratch) &&
                strata_tally_make(&work->tally, plan, scratch) &&
                strata_tally_room_make(&work->room, plan, comm->size, scratch);
    if (fits) work->hidden = STRATA_NEW(scratch, bool, (plan->k + 1) * plan->n_all_levels);
    if (fits) work->personas = strata_personas_make(plan, keep);
    if (fits && work->hidden && work->personas) return STRATA_OK;
    return STRATA_FAIL(
        err, STRATA_E_MEMORY,
        "no room for the profiles of %zu segments by %zu features; give the job more memory",
        clustering->dims.k, config->n_features);
}

static bool profile(struct work *work, struct strata_arena scratch)
{
    const struct strata_plan *plan = &work->plan;
    struct strata_personas *personas = work->personas;
    const uint64_t *weight = work->tally.weight.size;
    const uint64_t all = weight[plan->k];
    personas->weighted = plan->weight != NULL;
    for (size_t s = 0; s < plan->k; s++) {
        personas->segment[s].size = work->tally.count.size[s];
        personas->segment[s].weight = strata_plan_weight(plan, weight[s]);
        personas->segment[s].share = all ? (double)weight[s] / (double)all : 0.0;
        strata_profile_fill(plan, &work->tally, s, personas->segment[s].cell);
    }
    strata_profile_fill(plan, &work->tally, plan->k, personas->everybody);
    if (!strata_disclosure_protect(plan, &work->tally, work->hidden, scratch, personas))
        return false;
    strata_profile_compare(plan, &work->tally, personas);
    for (size_t s = 0; s < plan->k; s++) strata_markers_rank(plan, &personas->segment[s]);
    return strata_effects_fill(plan, &work->tally, personas, scratch);
}

static strata_status find_rules(struct strata_comm *comm, struct work *work,
                                struct strata_arena *keep, struct strata_err *err)
{
    struct strata_personas *personas = work->personas;
    struct strata_rule *rule = NULL;
    STRATA_TRY(strata_rules_find(comm, &work->plan, &work->tally, personas, keep, &rule,
                                 &personas->tree, &personas->cost, err));
    for (size_t s = 0; s < personas->k; s++) personas->segment[s].rule = rule[s];
    return STRATA_OK;
}

static strata_status find_apriori(struct strata_comm *comm, struct work *work,
                                  struct strata_arena *keep, struct strata_err *err)
{
    const uint64_t room = addresses_needed(work->plan.config, work->plan.table,
                                           work->plan.weight != NULL, 2, comm->size);
    return strata_apriori_profile(comm, &work->plan, &work->tally, room, work->personas, keep, err);
}

static strata_status put_into_words(struct work *work, const struct strata_earlier_name *earlier,
                                    struct strata_arena scratch, struct strata_arena *keep,
                                    struct strata_err *err)
{
    STRATA_TRY(strata_names_give(&work->plan, earlier, work->personas, scratch, keep, err));
    for (size_t s = 0; s < work->plan.k; s++) {
        STRATA_TRY(strata_statements_write(&work->plan, &work->tally, work->personas, s, scratch,
                                           keep, err));
    }
    return strata_portraits_draw(&work->plan, &work->tally, work->personas, scratch, keep, err);
}

/* Seconds since then; then is now. */
static double since(double *then_s)
{
    const double now_s = strata_clock_s(), seconds = now_s - *then_s;
    *then_s = now_s;
    return seconds;
}

static strata_status describe(struct work *work, struct strata_comm *comm,
                              const struct strata_config *config, const struct strata_table *table,
                              const struct strata_rows *rows,
                              const struct strata_clustering *clustering,
                              const struct strata_earlier_name *earlier,
                              struct strata_arena *scratch, struct strata_arena *keep,
                              struct strata_personas **out, struct strata_err *err)
{
    const strata_status made =
        work_make(work, comm, config, table, rows, clustering, scratch, keep, err);
    STRATA_TRY(strata_comm_agree(comm, made, err));
    struct strata_describe_cost *cost = &work->personas->cost;
    double since_s = strata_clock_s();
    STRATA_FAULT("describe.tally.before");
    cost->passes = strata_tally_fill(comm, &work->plan, &work->room, &work->tally);
    STRATA_FAULT("describe.tally.after");
    cost->tally_s = since(&since_s);
    strata_status status = STRATA_OK;
    if (!profile(work, *scratch))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no room to compare the profiles");
    STRATA_TRY(strata_comm_agree(comm, status, err));
    cost->profile_s = since(&since_s);
    STRATA_TRY(find_rules(comm, work, keep, err));
    since_s = strata_clock_s();
    STRATA_TRY(find_apriori(comm, work, keep, err));
    cost->apriori_s = since(&since_s);
    STRATA_TRY(strata_comm_agree(comm, put_into_words(work, earlier, *scratch, keep, err), err));
    cost->words_s = since(&since_s);
    *out = work->personas;
    return STRATA_OK;
}

strata_status strata_describe(struct strata_comm *comm, const struct strata_config *config,
                              const struct strata_table *table, const struct strata_rows *rows,
                              const struct strata_clustering *clustering,
                              const struct strata_earlier_name *earlier, struct strata_arena *keep,
                              struct strata_personas **out, struct strata_err *err)
{
    struct strata_arena scratch = {0};
    struct work work = {0};
    const strata_status status =
        describe(&work, comm, config, table, rows, clustering, earlier, &scratch, keep, out, err);
    strata_pool_stop(work.pool);
    strata_arena_finish(&scratch);
    return status;
}
