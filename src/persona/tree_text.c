/* The kept branches as nodes, and the tree as one SQL expression. */
#include "persona/rules_impl.h"

/* What one branch and all below it are written with. */
struct writing {
    const struct strata_search *search;
    struct strata_arena *keep;
    const size_t *place;    /* of each branch among the nodes */
    const char *const *sql; /* of the conditions, by place */
};

/* CASE WHEN ... of a branch: the segment's number, or the leaf's place. */
static const char *case_sql(const struct writing *writing, size_t b, bool leaves)
{
    const struct strata_branch *branch = &writing->search->growth.branch[b];
    if (!branch->split)
        return strata_arena_print(writing->keep, "%zu",
                                  leaves ? writing->place[b] : (size_t)branch->segment + 1);
    const char *yes = case_sql(writing, branch->yes, leaves);
    const char *no = case_sql(writing, branch->no, leaves);
    if (!yes || !no) return NULL;
    return strata_arena_print(writing->keep, "CASE WHEN %s THEN %s ELSE %s END",
                              writing->sql[writing->place[b]], yes, no);
}

static void fill_node(const struct writing *writing, const struct strata_branch *branch,
                      struct strata_tree *tree, struct strata_tree_node *node)
{
    node->yes = branch->split ? writing->place[branch->yes] : 0;
    node->no = branch->split ? writing->place[branch->no] : 0;
    node->segment = branch->segment;
    node->count = branch->hits.count;
    node->depth = branch->depth;
    if (branch->depth > tree->depth) tree->depth = branch->depth;
    tree->n_leaves += !branch->split;
}

bool strata_tree_write(const struct strata_search *search, struct strata_arena *keep,
                       struct strata_tree *out, const char **leaf_sql)
{
    const struct strata_growth *growth = &search->growth;
    size_t *place = STRATA_NEW(keep, size_t, growth->n);
    size_t n = 0;
    if (!place) return false;
    for (size_t b = 0; b < growth->n; b++) {
        place[b] = n;
        n += growth->branch[b].kept;
    }
    const char **sql = STRATA_NEW(keep, const char *, n);
    *out = (struct strata_tree){
        .node = STRATA_NEW(keep, struct strata_tree_node, n), .n_nodes = n, .open = true};
    if (!sql || !out->node) return false;
    const struct writing writing = {search, keep, place, sql};
    for (size_t b = 0; b < growth->n; b++) {
        const struct strata_branch *branch = &growth->branch[b];
        if (!branch->kept) continue;
        struct strata_tree_node *node = &out->node[place[b]];
        fill_node(&writing, branch, out, node);
        out->open &= !branch->split || strata_range_is_open_to_all(&search->axes, &branch->range);
        if (branch->split && !strata_condition_write(&search->axes, &branch->range, keep,
                                                     &node->condition, &sql[place[b]]))
            return false;
    }
    out->sql = case_sql(&writing, 0, false);
    *leaf_sql = case_sql(&writing, 0, true);
    return out->sql && *leaf_sql;
}
