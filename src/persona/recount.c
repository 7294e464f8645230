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

static void add_row(struct strata_duck_cursor *cursor, size_t row, size_t column, size_t n,
                    int64_t *to)
{
    for (size_t i = 0; i < n; i++) {
        const int64_t *value = strata_duck_values(cursor, column + i);
        to[i] += value[row];
    }
}

/* The four counts of some rules in one query. */
static strata_status count_rules(struct strata_duck *duck, const struct strata_rule *rule,
                                 size_t first, size_t end, int64_t *count,
                                 struct strata_arena scratch, struct strata_err *err)
{
    struct strata_duck_cursor cursor = {0};
    const char *sql = "";
    bool more = false;
    for (size_t s = first; s < end && sql; s++) {
        if (rule[s].n_conditions == 0) continue;
        sql = strata_arena_print(
            &scratch,
            "%s, count(*) FILTER (WHERE %s), count(*) FILTER (WHERE %s AND " STRATA_SHEET_SEGMENT
            " = %zu), coalesce(sum(" STRATA_SHEET_WEIGHT ") FILTER (WHERE %s), 0)::BIGINT, "
            "coalesce(sum(" STRATA_SHEET_WEIGHT ") FILTER (WHERE %s AND " STRATA_SHEET_SEGMENT
            " = %zu), 0)::BIGINT",
            sql, rule[s].sql, rule[s].sql, s + 1, rule[s].sql, rule[s].sql, s + 1);
    }
    if (!sql) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the SQL of the rules");
    if (!*sql) return STRATA_OK;
    STRATA_TRY(strata_duck_query(duck, &cursor, err, "SELECT %s FROM " STRATA_SHEET_TABLE, sql + 2));
    const strata_status status = strata_duck_next(&cursor, &more, err);
    size_t column = 0;
    for (size_t s = first; s < end && status == STRATA_OK && more; s++) {
        if (rule[s].n_conditions == 0) continue;
        add_row(&cursor, 0, column, 4, count + 4 * s);
        column += 4;
    }
    strata_duck_cursor_finish(&cursor);
    return status;
}

/* Customers in each leaf, and those whose segment the tree's own SQL tells. */
static strata_status count_leaves(struct strata_duck *duck, const struct strata_tree *tree,
                                  const char *leaf_sql, int64_t *count, struct strata_err *err)
{
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    STRATA_TRY(strata_duck_query(
        duck, &cursor, err,
        "SELECT (%s)::BIGINT, count(*), count(*) FILTER (WHERE (%s) = " STRATA_SHEET_SEGMENT
        "), sum(" STRATA_SHEET_WEIGHT ")::BIGINT, coalesce(sum(" STRATA_SHEET_WEIGHT
        ") FILTER (WHERE (%s) = " STRATA_SHEET_SEGMENT "), 0)::BIGINT FROM " STRATA_SHEET_TABLE
        " GROUP BY 1",
        leaf_sql, tree->sql, tree->sql));
    strata_status status = strata_duck_next(&cursor, &more, err);
    for (; status == STRATA_OK && more; status = strata_duck_next(&cursor, &more, err)) {
        const int64_t *leaf = strata_duck_values(&cursor, 0);
        for (size_t row = 0; row < cursor.n_rows; row++) {
            STRATA_REQUIRE((size_t)leaf[row] < tree->n_nodes);
            add_row(&cursor, row, 1, 4, count + 4 * leaf[row]);
        }
    }
    strata_duck_cursor_finish(&cursor);
    return status;
}

static strata_status count_all(struct strata_sheet *sheet, const struct strata_rule *rule,
                               const struct strata_tree *tree, const char *leaf_sql,
                               struct strata_recount *recount, struct strata_arena scratch,
                               struct strata_err *err)
{
    const size_t k = sheet->plan->k;
    for (size_t first = 0; first < sheet->plan->table->n_rows;) {
        STRATA_TRY(strata_sheet_fill(sheet, &first, err));
        for (size_t s = 0; s < k; s += RULES_AT_A_TIME) {
            const size_t end = s + RULES_AT_A_TIME < k ? s + RULES_AT_A_TIME : k;
            STRATA_TRY(count_rules(sheet->duck, rule, s, end, recount->rule, scratch, err));
        }
        if (tree->n_nodes)
            STRATA_TRY(count_leaves(sheet->duck, tree, leaf_sql, recount->leaf, err));
    }
    return STRATA_OK;
}

strata_status strata_recount_run(const struct strata_plan *plan, const struct strata_rule *rule,
                                 const struct strata_tree *tree, const char *leaf_sql,
                                 struct strata_recount *recount, struct strata_arena scratch,
                                 struct strata_err *err)
{
    bool *used = STRATA_NEW(&scratch, bool, plan->n_features);
    struct strata_sheet sheet = {.plan = plan, .used = used};
    size_t n_rules = 0;
    if (!used) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to count the customers of rules");
    for (size_t s = 0; s < plan->k; s++) {
        for (size_t c = 0; c < rule[s].n_conditions; c++)
            use_condition(used, &rule[s].condition[c]);
    }
    for (size_t i = 0; i < tree->n_nodes; i++) {
        if (tree->node[i].yes) use_condition(used, &tree->node[i].condition);
    }
    if (plan->table->n_rows == 0 || (n_rules == 0 && tree->n_nodes == 0)) return STRATA_OK;
    strata_status status = strata_sheet_open(&sheet, err);
    if (status == STRATA_OK)
        status = count_all(&sheet, rule, tree, leaf_sql, recount, scratch, err);
    strata_sheet_close(&sheet);
    return status;
}
