/* The best tree within another: of all that a grown tree can be cut back to with a given number of leaves, the one
 * with the most hits, by dynamic programming from the leaves to the root. */
#include <string.h>

#include "persona/rules_impl.h"

/* best[first[b] + l - 1]: most hits, by weight, of branch b with l leaves, 1 <= l <= n[b]. */
struct pruning {
    const struct strata_growth *growth;
    size_t *first, *n;
    uint64_t *best;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static const uint64_t *best_of(const struct pruning *pruning, size_t branch)
{
    return pruning->best + pruning->first[branch];
}

/* How many leaves the first child has where the branch has l; l >= 2. */
static size_t share_leaves(const struct pruning *pruning, const struct strata_branch *branch,
                           size_t l, uint64_t *most)
{
    const size_t n_yes = pruning->n[branch->yes], n_no = pruning->n[branch->no];
    size_t best = 0;
    *most = 0;
    for (size_t i = l > n_no ? l - n_no : 1; i <= smaller(n_yes, l - 1); i++) {
        const uint64_t hits =
            best_of(pruning, branch->yes)[i - 1] + best_of(pruning, branch->no)[l - i - 1];
        if (best > 0 && hits <= *most) continue;
        *most = hits;
        best = i;
    }
    return best;
}

static bool pruning_make(struct pruning *pruning, const struct strata_growth *growth, size_t limit,
                         struct strata_arena *scratch)
{
    size_t total = 0;
    pruning->growth = growth;
    pruning->first = STRATA_NEW(scratch, size_t, growth->n);
    pruning->n = STRATA_NEW(scratch, size_t, growth->n);
    if (!pruning->first || !pruning->n) return false;
    for (size_t b = growth->n; b-- > 0;) { /* children stand behind their parents */
        const struct strata_branch *branch = &growth->branch[b];
        pruning->n[b] =
            branch->split ? smaller(limit, pruning->n[branch->yes] + pruning->n[branch->no]) : 1;
        pruning->first[b] = total;
        total += pruning->n[b];
    }
    pruning->best = STRATA_NEW(scratch, uint64_t, total);
    return pruning->best != NULL;
}

/* Keep what the tree with l leaves below the branch consists of; the customers that it hits. */
static uint64_t keep(const struct pruning *pruning, struct strata_growth *growth, size_t b, size_t l)
{
    struct strata_branch *branch = &growth->branch[b];
    branch->kept = true;
    if (l < 2) return branch->hits.hits;
    uint64_t most = 0;
    const size_t yes = share_leaves(pruning, branch, l, &most);
    return keep(pruning, growth, branch->yes, yes) + keep(pruning, growth, branch->no, l - yes);
}

/* Inner branches whose children are not kept are leaves. */
static void close_leaves(struct strata_growth *growth)
{
    for (size_t b = 0; b < growth->n; b++) {
        struct strata_branch *branch = &growth->branch[b];
        if (branch->split && !growth->branch[branch->yes].kept) branch->split = false;
    }
}

/* Keep the best tree of those whose misses can be told, if there is one. */
static bool cut_back(struct strata_search *search, struct strata_arena scratch)
{
    struct strata_growth *growth = &search->growth;
    const size_t k = search->axes.plan->k;
    struct pruning pruning;
    for (size_t b = 0; b < growth->n; b++) growth->branch[b].kept = false;
    if (!growth->branch[0].split) return true;
    if (!pruning_make(&pruning, growth, 2 * k, &scratch)) return false;
    for (size_t b = growth->n; b-- > 0;) {
        const struct strata_branch *branch = &growth->branch[b];
        uint64_t *best = pruning.best + pruning.first[b];
        best[0] = branch->hits.weight_hits;
        for (size_t l = 2; l <= pruning.n[b]; l++)
            (void)share_leaves(&pruning, branch, l, &best[l - 1]);
    }
    const uint64_t *root = best_of(&pruning, 0);
    size_t l = 1;
    for (size_t i = 2; i <= pruning.n[0]; i++) {
        if (root[i - 1] > root[l - 1]) l = i;
    }
    for (; l >= 2; l--) { /* fewer leaves, until what is missed is nobody or enough to be told */
        for (size_t b = 0; b < growth->n; b++) growth->branch[b].kept = false;
        if (!strata_is_tellable(search->size[k] - keep(&pruning, growth, 0, l))) continue;
        close_leaves(growth);
        return true;
    }
    for (size_t b = 0; b < growth->n; b++) growth->branch[b].kept = false;
    return true;
}

/* Whether the kept tree cuts at hidden levels, and so few that it misses could be in any leaf that how many it hits
 * tells of these: those of a segment without a leaf are missed for sure. */
static bool tells_levels(const struct strata_search *search)
{
    const struct strata_growth *growth = &search->growth;
    const size_t k = search->axes.plan->k;
    bool has_leaf[STRATA_MAX_SEGMENTS] = {false}, open = true;
    uint64_t missed = 0;
    for (size_t b = 0; b < growth->n; b++) {
        const struct strata_branch *branch = &growth->branch[b];
        if (!branch->kept) continue;
        if (branch->split) {
            open &= strata_range_is_open_to_all(&search->axes, &branch->range);
        } else {
            has_leaf[branch->segment] = true;
            missed += branch->hits.count - branch->hits.hits;
        }
    }
    for (size_t s = 0; s < k; s++) missed -= has_leaf[s] ? 0 : search->size[s];
    return !open && missed < STRATA_FREE_CUSTOMERS;
}

bool strata_growth_prune(struct strata_search *search, struct strata_arena scratch)
{
    struct strata_growth *growth = &search->growth;
    if (growth->n < 2) return true;
    if (!cut_back(search, scratch)) return false;
    if (!tells_levels(search)) return true;
    for (size_t b = 0; b < growth->n; b++) {
        struct strata_branch *branch = &growth->branch[b];
        branch->split = branch->split && strata_range_is_open_to_all(&search->axes, &branch->range);
    }
    return cut_back(search, scratch);
}
