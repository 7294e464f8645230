/* A rule for each segment and one tree for all: search, round the thresholds, write, count again by DuckDB. */
#include <inttypes.h>

#include "persona/rules_impl.h"
#include "strata/clock.h"

struct rules {
    struct strata_search search;
    struct strata_thresholds thresholds;
    struct strata_recount recount;
    struct strata_rule *rule;
    struct strata_tree tree;
    const char *leaf_sql;
};

#define SPARE_BYTES \
    (UINT64_C(512) << 20) /* addresses for texts, edges and counts beyond the expected */

uint64_t strata_rules_bytes(uint64_t n_rows, size_t n_features, size_t k, int n_threads,
                            bool weighted)
{
    const uint64_t bins = 64; /* of a feature, as a rule */
    const uint64_t most = (UINT64_C(1) << 23) / (k + 1);
    const uint64_t cells = n_features * bins < most ? n_features * bins : most;
    const uint64_t most_of_tree = UINT64_C(1) << 23, branches = strata_frontier_max(k);
    const uint64_t of_tree =
        cells * k * branches < most_of_tree ? cells * k * branches : most_of_tree;
    const uint64_t counts = (weighted ? 2 : 1) * (cells * k * 5 + 2 * of_tree) * sizeof(int64_t) +
                            strata_lists_bytes(n_rows, k, (size_t)n_threads);
    const uint64_t duck = UINT64_C(64) << 20; /* customers as a table, a part at a time */
    uint64_t rows = 0;
    const uint64_t row = n_features + sizeof(uint16_t) + (weighted ? sizeof(uint32_t) : 0);
    if (__builtin_mul_overflow(n_rows, row, &rows) ||
        __builtin_add_overflow(rows, counts + duck, &rows))
        return UINT64_MAX;
    return rows;
}

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY,
                       "no room for the rules of the segments; give the job more memory");
}

/* Of the customers whom a rule is true for, by DuckDB; one that could tell about few is not told. */
static void settle_rule(const struct strata_search *search, size_t s, const int64_t *count,
                        struct strata_rule *rule)
{
    const size_t k = search->axes.plan->k;
    rule->count = (uint64_t)count[0];
    rule->hits = (uint64_t)count[1];
    const uint64_t missed = search->size[s] - rule->hits;
    if (rule->hits < STRATA_MIN_CELL || !strata_is_tellable(rule->count - rule->hits) ||
        !strata_is_tellable(missed) || !strata_is_tellable(search->size[k] - rule->count - missed)) {
        *rule = (struct strata_rule){0};
        return;
    }
    const double share = (double)search->weight[s] / (double)search->weight[k];
    rule->coverage = (double)count[3] / (double)search->weight[s];
    rule->precision = (double)count[3] / (double)count[2];
    rule->lift = rule->precision / share;
}

/* --- the tree's counts ------------------------------------------------------------------------ */

static bool is_leaf(const struct strata_tree_node *node)
{
    return node->yes == 0;
}

static uint64_t wrong_of(const struct strata_tree_node *node)
{
    return node->count - node->hits;
}

/* Several times as many where the hits of other leaves are known. */
#define FREE_BESIDE_HITS (10 * STRATA_MIN_CELL)

/* What is known of the leaves whose hits are not shown, because the hits of all leaves are. */
static bool is_rest_safe(const struct strata_tree *tree)
{
    uint64_t wrong = 0;
    size_t segment = SIZE_MAX;
    bool mixed = false;
    for (size_t i = 0; i < tree->n_nodes; i++) {
        const struct strata_tree_node *node = &tree->node[i];
        if (!is_leaf(node) || node->hits_shown) continue;
        mixed |= segment != SIZE_MAX && segment != node->segment;
        segment = node->segment;
        wrong += wrong_of(node);
    }
    return segment == SIZE_MAX || (mixed && wrong >= FREE_BESIDE_HITS);
}

/* Hide the hits of the leaf that tells least: with the fewest customers that it has wrong, but some. */
static bool hide_one(struct strata_tree *tree)
{
    struct strata_tree_node *best = NULL;
    for (size_t i = 0; i < tree->n_nodes; i++) {
        struct strata_tree_node *node = &tree->node[i];
        if (!is_leaf(node) || !node->hits_shown) continue;
        const uint64_t wrong = wrong_of(node) - 1; /* none is the most */
        if (!best || wrong < wrong_of(best) - 1) best = node;
    }
    if (best) best->hits_shown = false;
    return best != NULL;
}

/* Customers of a segment who are not told as hits are nobody or enough to be anywhere; else its smallest leaf that is
 * shown hides its hits.  True when it did. */
static bool protect_segment(const struct strata_search *search, size_t s, struct strata_tree *tree)
{
    uint64_t rest = search->size[s];
    struct strata_tree_node *least = NULL;
    for (size_t i = 0; i < tree->n_nodes; i++) {
        struct strata_tree_node *node = &tree->node[i];
        if (!is_leaf(node) || node->segment != s || !node->hits_shown) continue;
        rest -= node->hits;
        if (!least || node->count < least->count) least = node;
    }
    if (!least || rest == 0 || rest >= FREE_BESIDE_HITS) return false;
    least->hits_shown = false;
    return true;
}

static void protect_leaves(const struct strata_search *search, struct strata_tree *tree)
{
    for (size_t i = 0; i < tree->n_nodes; i++) {
        struct strata_tree_node *node = &tree->node[i];
        node->hits_shown =
            is_leaf(node) && node->hits >= STRATA_MIN_CELL && strata_is_tellable(wrong_of(node));
    }
    for (size_t s = 0; s < search->axes.plan->k;) s += !protect_segment(search, s, tree);
    bool more = true;
    while (more && !is_rest_safe(tree)) more = hide_one(tree);
}

/* Customers who must be in a wrong leaf: of a segment without any leaf all, and, where the leaves' counts are known,
 * of one with more customers than its leaves the difference. */
static uint64_t surely_wrong(const struct strata_search *search, const struct strata_tree *tree,
                             bool counts)
{
    uint64_t wrong = 0;
    for (size_t s = 0; s < search->axes.plan->k; s++) {
        uint64_t room = 0;
        for (size_t i = 0; i < tree->n_nodes; i++) {
            const struct strata_tree_node *node = &tree->node[i];
            if (is_leaf(node) && node->segment == s) room += counts ? node->count : search->size[s];
        }
        if (search->size[s] > room) wrong += search->size[s] - room;
    }
    return wrong;
}

static void hide_counts(struct strata_tree *tree)
{
    for (size_t i = 0; i < tree->n_nodes; i++) {
        tree->node[i].count = 0;
        tree->node[i].hits_shown = false;
    }
}

/* By DuckDB; a tree that could tell about few is not told. */
static void settle_tree(const struct strata_search *search, const int64_t *count,
                        struct strata_tree *tree)
{
    const size_t k = search->axes.plan->k;
    uint64_t weight_hits = 0;
    bool tellable = true;
    for (size_t i = tree->n_nodes; i-- > 0;) { /* children stand behind their parents */
        struct strata_tree_node *node = &tree->node[i];
        node->count = node->yes ? tree->node[node->yes].count + tree->node[node->no].count
                                : (uint64_t)count[4 * i];
        node->hits = (uint64_t)count[4 * i + 1];
        tree->hits += node->hits;
        weight_hits += (uint64_t)count[4 * i + 3];
        tellable &= strata_is_tellable(node->count);
    }
    const uint64_t wrong = search->size[k] - tree->hits;
    if (!tellable || !strata_is_tellable(wrong) ||
        !strata_is_tellable(wrong - surely_wrong(search, tree, false))) {
        *tree = (struct strata_tree){0};
        return;
    }
    tree->fidelity = (double)weight_hits / (double)search->weight[k];
    protect_leaves(search, tree);
    /* Where nearly all that are wrong surely are, sizes tell how many of which segment a leaf has. */
    const bool few = wrong > 0 && wrong - surely_wrong(search, tree, true) < STRATA_FREE_CUSTOMERS;
    if (few || !tree->open) hide_counts(tree);
}

/* --- the walk --------------------------------------------------------------------------------- */

static strata_status write_all(struct rules *rules, struct strata_arena *scratch,
                               struct strata_arena *keep, struct strata_err *err)
{
    const struct strata_search *search = &rules->search;
    for (size_t s = 0; s < search->axes.plan->k; s++) {
        if (!strata_rule_write(&search->axes, &search->draft[s], keep, &rules->rule[s]))
            return no_room(err);
    }
    if (search->growth.branch[0].kept &&
        !strata_tree_write(search, keep, &rules->tree, &rules->leaf_sql))
        return no_room(err);
    if (!strata_recount_make(&rules->recount, search->axes.plan->k, &rules->tree, scratch))
        return no_room(err);
    return strata_recount_run(search->axes.plan, rules->rule, &rules->tree, rules->leaf_sql,
                              &rules->recount, *scratch, err);
}

static strata_status find(struct strata_comm *comm, struct rules *rules,
                          struct strata_arena *scratch, struct strata_arena *keep,
                          struct strata_describe_cost *cost, struct strata_err *err)
{
    struct strata_search *search = &rules->search;
    const double start_s = strata_clock_s();
    strata_search_run(comm, search);
    cost->levels = search->levels;
    cost->levels_s = strata_clock_s() - start_s;
    strata_status status = STRATA_OK;
    if (!strata_growth_prune(search, *scratch) ||
        !strata_thresholds_make(search, comm->size, &rules->thresholds, scratch))
        status = no_room(err);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    strata_thresholds_round(comm, search, &rules->thresholds);
    const double counted_s = strata_clock_s();
    STRATA_TRY(strata_comm_agree(comm, write_all(rules, scratch, keep, err), err));
    cost->recount_s = strata_clock_s() - counted_s;
    cost->passes += rules->recount.scans;
    strata_comm_sum(comm, rules->recount.rule, rules->recount.n);
    for (size_t s = 0; s < search->axes.plan->k; s++) {
        if (rules->rule[s].n_conditions)
            settle_rule(search, s, rules->recount.rule + 4 * s, &rules->rule[s]);
    }
    if (rules->tree.n_nodes) settle_tree(search, rules->recount.leaf, &rules->tree);
    return STRATA_OK;
}

strata_status strata_rules_find(struct strata_comm *comm, const struct strata_plan *plan,
                                const struct strata_profile_tally *tally,
                                const struct strata_personas *personas, struct strata_arena *keep,
                                struct strata_rule **rule, struct strata_tree *tree,
                                struct strata_describe_cost *cost, struct strata_err *err)
{
    struct strata_arena scratch = {0};
    struct rules rules = {.rule = STRATA_NEW(keep, struct strata_rule, plan->k)};
    const uint64_t bytes =
        strata_rules_bytes(plan->table->n_rows, plan->n_features, plan->k,
                           strata_pool_threads(plan->pool), plan->weight != NULL) +
        SPARE_BYTES;
    strata_status status = STRATA_OK;
    if (!rules.rule || bytes == UINT64_MAX || !strata_arena_init(&scratch, (size_t)bytes) ||
        !strata_search_make(&rules.search, plan, tally, personas, &scratch))
        status = no_room(err);
    status = strata_comm_agree(comm, status, err);
    if (status == STRATA_OK) status = find(comm, &rules, &scratch, keep, cost, err);
    strata_arena_finish(&scratch);
    *rule = rules.rule;
    *tree = rules.tree;
    return status;
}
