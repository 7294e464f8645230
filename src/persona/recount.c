/* The rules and the tree once more, by the SQL that the report shows, counted by DuckDB over all customers. */
#include <string.h>

#include "persona/rules_impl.h"
#include "strata/duck.h"

#define RULES_AT_A_TIME 32

bool strata_recount_make(struct strata_recount *recount, size_t k, const struct strata_tree *tree,
                         struct strata_arena *arena)
{
    recount->n = 4 * (k + tree->n_nodes);
    recount->rule = STRATA_NEW(arena, int64_t, recount->n);
    recount->leaf = recount->rule ? recount->rule + 4 * k : NULL;
    return recount->rule != NULL;
}

static void use_condition(bool *used, const struct strata_condition *condition)
{
    used[condition->feature] = true;
}

/* One query: some rules, and perhaps the tree. */
struct asking {
    const struct strata_plan *plan;
    const struct strata_rule *rule;
    size_t first, end;
    const char *leaf_sql; /* NULL: not the tree */
    const char *tree_sql;
};

/* Who is where: a row of the answer for each segment, and for each leaf with what the tree tells of it; the rules'
 * counts, and their weights. */
static const char *query_of(const struct asking *asking, struct strata_arena *scratch)
{
    const bool weighted = asking->plan->weight != NULL, tree = asking->leaf_sql != NULL;
    const char *weight = "sum(" STRATA_SHEET_WEIGHT ")";
    const char *sql = strata_arena_print(
        scratch,
        "SELECT " STRATA_SHEET_LABEL "::BIGINT, (%s)::BIGINT, (%s)::BIGINT, count(*), (%s)::BIGINT",
        tree ? asking->leaf_sql : "0", tree ? asking->tree_sql : "0",
        weighted ? weight : "count(*)");
    for (size_t s = asking->first; s < asking->end && sql; s++) {
        const char *rule = asking->rule[s].sql;
        if (asking->rule[s].n_conditions == 0) continue;
        sql = strata_arena_print(scratch, "%s, count(CASE WHEN %s THEN 1 END)", sql, rule);
        if (sql && weighted)
            sql = strata_arena_print(scratch,
                                     "%s, coalesce(sum(CASE WHEN %s THEN " STRATA_SHEET_WEIGHT
                                     " END), 0)::BIGINT",
                                     sql, rule);
    }
    return sql ? strata_arena_print(scratch, "%s FROM " STRATA_SHEET_TABLE " GROUP BY 1, 2, 3", sql)
               : NULL;
}

static int64_t value_of(const struct strata_duck_cursor *cursor, size_t column, size_t row)
{
    const int64_t *value = strata_duck_values(cursor, column);
    return value[row];
}

/* Customers, those of the segment, and the weights of both. */
static void add_to(int64_t *to, int64_t count, int64_t weight, bool own)
{
    to[0] += count;
    to[2] += weight;
    if (!own) return;
    to[1] += count;
    to[3] += weight;
}

static void add_answer(const struct asking *asking, const struct strata_duck_cursor *cursor,
                       size_t row, struct strata_recount *recount)
{
    const int64_t label = value_of(cursor, 0, row);
    size_t column = 5;
    if (asking->leaf_sql)
        add_to(recount->leaf + 4 * value_of(cursor, 1, row), value_of(cursor, 3, row),
               value_of(cursor, 4, row), value_of(cursor, 2, row) == label + 1);
    for (size_t s = asking->first; s < asking->end; s++) {
        if (asking->rule[s].n_conditions == 0) continue;
        const int64_t count = value_of(cursor, column++, row);
        const int64_t weight = asking->plan->weight ? value_of(cursor, column++, row) : count;
        add_to(recount->rule + 4 * s, count, weight, label == (int64_t)s);
    }
}

static strata_status ask(struct strata_duck *duck, const struct asking *asking,
                         struct strata_recount *recount, struct strata_arena scratch,
                         struct strata_err *err)
{
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    const char *sql = query_of(asking, &scratch);
    if (!sql) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the SQL of the rules");
    STRATA_TRY(strata_duck_query(duck, &cursor, err, "%s", sql));
    strata_status status = strata_duck_next(&cursor, &more, err);
    for (; status == STRATA_OK && more; status = strata_duck_next(&cursor, &more, err)) {
        for (size_t row = 0; row < cursor.n_rows; row++) add_answer(asking, &cursor, row, recount);
    }
    strata_duck_cursor_finish(&cursor);
    recount->scans++;
    return status;
}

/* As many rules at a time as are quick to plan; the tree with them where that is all of them. */
static strata_status ask_all(struct strata_sheet *sheet, const struct strata_rule *rule,
                             const struct strata_tree *tree, const char *leaf_sql,
                             struct strata_recount *recount, struct strata_arena scratch,
                             struct strata_err *err)
{
    const size_t k = sheet->plan->k;
    const bool together = k <= RULES_AT_A_TIME;
    struct asking asking = {.plan = sheet->plan, .rule = rule, .tree_sql = tree->sql};
    if (tree->n_nodes > 0) asking.leaf_sql = leaf_sql;
    if (asking.leaf_sql && !together) STRATA_TRY(ask(sheet->duck, &asking, recount, scratch, err));
    if (!together) asking.leaf_sql = NULL;
    for (asking.first = 0; asking.first < k; asking.first = asking.end) {
        const size_t left = k - asking.first;
        asking.end = asking.first + (left < RULES_AT_A_TIME ? left : RULES_AT_A_TIME);
        STRATA_TRY(ask(sheet->duck, &asking, recount, scratch, err));
    }
    return STRATA_OK;
}

strata_status strata_recount_run(const struct strata_plan *plan, const struct strata_rule *rule,
                                 const struct strata_tree *tree, const char *leaf_sql,
                                 struct strata_recount *recount, struct strata_arena scratch,
                                 struct strata_err *err)
{
    bool *used = STRATA_NEW(&scratch, bool, plan->n_features);
    struct strata_sheet sheet = {.plan = plan};
    size_t n_rules = 0;
    if (!used) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to count the customers of rules");
    for (size_t s = 0; s < plan->k; s++) {
        n_rules += rule[s].n_conditions > 0;
        for (size_t c = 0; c < rule[s].n_conditions; c++)
            use_condition(used, &rule[s].condition[c]);
    }
    for (size_t i = 0; i < tree->n_nodes; i++) {
        if (tree->node[i].yes) use_condition(used, &tree->node[i].condition);
    }
    if (plan->table->n_rows == 0 || (n_rules == 0 && tree->n_nodes == 0)) return STRATA_OK;
    strata_status status = strata_sheet_open(&sheet, used, &scratch, err);
    if (status == STRATA_OK) status = ask_all(&sheet, rule, tree, leaf_sql, recount, scratch, err);
    strata_sheet_close(&sheet);
    return status;
}
