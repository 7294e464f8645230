/* What the files of rules and the tree share.  In the order of the work: axes (where conditions may cut),
 * search (levels of counting, and what is decided after each), tree, prune, write, recount. */
#ifndef STRATA_RULES_IMPL_H
#define STRATA_RULES_IMPL_H

#include "persona/persona_impl.h"
#include "strata/rules.h"

#define STRATA_NO_CODE 255 /* of a row without a value */

/* One feature that conditions may be about.  Its values lie in n bins, and in one more when they are
 * missing; the bins of all axes are the cells.  Rows keep the code of the bin that they lay in before any were
 * merged. */
struct strata_axis {
    size_t feature;
    bool ordered; /* conditions are intervals of bins; else sets of bins, which are levels */
    size_t n;
    size_t n_codes;
    uint8_t bin[256];  /* of each code, rising where ordered; n of STRATA_NO_CODE */
    size_t first;      /* its first cell; n + 1 cells */
    size_t first_tree; /* of the tree, whose bins are coarser: n_tree + 1 */
    size_t n_tree;
    double *edge; /* ordered: (n - 1) rising, then infinity; bin b holds edge[b - 1] <= value < edge[b] */
    double *low, *high; /* (n) least and greatest value of each bin on this rank; infinities: none */
    const bool *shown;  /* levels: (n) may be told of */
    uint8_t *grade;     /* (n - 1) of each edge; when not all can stay, the lowest do */
};

struct strata_axes {
    const struct strata_plan *plan;
    const struct strata_personas *personas; /* what is published */
    struct strata_axis *axis;               /* (n) */
    size_t n;
    size_t n_cells, n_tree_cells;
    size_t n_tree_cells_max; /* after merging */
    size_t coarse;           /* bins of an ordered axis that are one of the tree */
    uint8_t *code; /* (n, n_rows) of each axis, the rows by segment as the plan's groups place them */
    uint32_t *weight; /* (n_rows) in the same order, or NULL */
    uint8_t *table;   /* of each thread, for finding codes */
    size_t planes;    /* 1: customers; 2: and their weight beside them */
};

/* A condition on bins. */
struct strata_range {
    size_t axis;
    size_t from, to; /* ordered: both included */
    uint16_t level[STRATA_RULE_LEVELS];
    size_t n_levels; /* 0 of an ordered axis */
};

/* Customers for whom something is true, and of them those of a segment; and the same by weight in units,
 * which without case weights are the same numbers. */
struct strata_hits {
    uint64_t count, hits;
    uint64_t weight, weight_hits;
};

/* How the last step changed a rule: the one condition that is new, another, or gone. */
struct strata_change {
    size_t axis;  /* of it: what is counted there is as it was */
    size_t place; /* STRATA_RULE_CONDITIONS: gone */
    bool had;
    struct strata_range before;
    bool leaving[2]; /* of the others, of the segment: those whom the rule is no longer true for are counted,
                        because they are fewer than those whom it is true for */
};

/* A rule in the making. */
struct strata_draft {
    struct strata_range range[STRATA_RULE_CONDITIONS];
    size_t n;
    struct strata_change change;
    struct strata_hits hits;
    double cost;  /* what each step makes smaller */
    bool settled; /* no step does */
};

/* A node of the tree in the making. */
struct strata_branch {
    struct strata_range range; /* of one that is split */
    bool split;
    uint32_t parent, yes, no;
    uint32_t segment; /* the one of the greatest weight */
    unsigned depth;
    struct strata_hits hits;
    bool open;      /* in the frontier */
    uint32_t place; /* of its cells then */
    bool kept;      /* after pruning: a node of the tree; a leaf of it unless split */
};

/* Where the rows of a branch go: to `yes` with a code from `from` to `from + width`, else to `no`. */
struct strata_turn {
    const uint8_t *code; /* (n_rows) */
    uint8_t from, width;
    uint16_t yes, no;
};

/* The cut of a branch that has been found best; its range is of bins, not of the tree's. */
struct strata_cut {
    double gain;
    struct strata_range range;
    struct strata_hits yes, no;
    uint32_t yes_segment, no_segment;
};

#define STRATA_NO_SLOT UINT32_MAX
/* Of two siblings the one with fewer customers is counted; the other is what their parent has beside it. */
struct strata_counted {
    uint32_t into; /* place of what is counted, or STRATA_NO_SLOT */
    uint32_t from; /* place of the parent, to become the other's, or STRATA_NO_SLOT */
};

struct strata_growth {
    struct strata_branch *branch; /* (most) a child stands behind its parent */
    struct strata_turn *turn;     /* (most) */
    size_t n, most;
    uint32_t *slot;         /* (most) place among the counted, or STRATA_NO_SLOT */
    uint32_t *frontier;     /* (strata_frontier_max) branches that may be split next */
    struct strata_cut *cut; /* (strata_frontier_max) the best of each */
    size_t n_frontier;
    struct strata_counted *counted; /* (strata_frontier_max) */
    size_t n_counted;
    uint16_t *at;  /* (n_rows) where each row is */
    int64_t *cell; /* (planes, strata_frontier_max, n_tree_cells, k) */
};

/* Both planes of counts: customers, and weight; the same place without case weights. */
struct strata_planes {
    const int64_t *count, *weight;
};

struct strata_search {
    struct strata_axes axes;
    struct strata_draft *draft; /* (k) */
    struct strata_growth growth;
    const uint64_t *size, *weight; /* (k + 1) of the segments and of everybody */
    struct strata_lists *lists;
    unsigned levels; /* that have been counted */
    /* Of each draft's cells, (planes, k, n_cells, 2): others, and the segment's; of an axis that it has a condition
     * of, those whom all its other conditions are true for. */
    int64_t *cell;
    int64_t *wire; /* what a level counts, a plane after the other: of the drafts, of the counted branches */
    int64_t *first; /* (planes, n_cells, k) everybody's */
};

/* Branches that a level can split. */
static inline uint64_t strata_frontier_max(uint64_t k)
{
    return 2 * k;
}

#define STRATA_RULE_LEVELS_MAX 12 /* of counting: steps of a rule, and the depth of the tree */
static inline unsigned strata_tree_depth(size_t k)
{
    unsigned depth = 4;
    for (size_t n = 1; n < k && depth < STRATA_RULE_LEVELS_MAX; n *= 2) depth++;
    return depth;
}

/* A node's or rule's counts can be told: nobody is one of few. */
static inline bool strata_is_tellable(uint64_t count)
{
    return count == 0 || count >= STRATA_MIN_CELL;
}

/* The tree's cell of a bin. */
static inline size_t strata_tree_cell(const struct strata_axes *axes,
                                      const struct strata_axis *axis, size_t bin)
{
    if (bin == axis->n) return axis->first_tree + axis->n_tree;
    return axis->first_tree + (axis->ordered ? bin / axes->coarse : bin);
}

/* axes.c */
bool strata_axes_make(struct strata_axes *axes, const struct strata_plan *plan,
                      const struct strata_profile_tally *tally,
                      const struct strata_personas *personas, struct strata_arena *arena);
/* Put every row into its bins and count them, (planes, n_cells, k): one pass.  Not collective. */
void strata_axes_fill(struct strata_axes *axes, int64_t *count);
/* The codes of an interval of bins, or of one level. */
void strata_axes_codes(const struct strata_axis *axis, const struct strata_range *range,
                       uint8_t *from, uint8_t *width);
/* Leave out edges with fewer than the minimum count of customers between them, or beyond the last.
 * count is (planes, n_cells, k), of everybody, and is folded likewise. */
void strata_axes_merge(struct strata_axes *axes, int64_t *count);

/* Whether a condition on a range tells nothing of segment s and of everybody that their profiles do not: its levels
 * are published, or all others are.  In the tree, a number is told of whatever is known of it. */
bool strata_range_is_open(const struct strata_axes *axes, const struct strata_range *range,
                          size_t s);
bool strata_range_is_open_to_all(const struct strata_axes *axes, const struct strata_range *range);

/* search.c: a pass and a reduction a level; afterwards drafts and branches are the best found.
 * Collective. */
bool strata_search_make(struct strata_search *search, const struct strata_plan *plan,
                        const struct strata_profile_tally *tally,
                        const struct strata_personas *personas, struct strata_arena *arena);
void strata_search_run(struct strata_comm *comm, struct strata_search *search);

uint64_t strata_lists_bytes(uint64_t n_rows, uint64_t k, size_t n_threads);
/* lists.c: one pass over the rows, which fills the wire.  Not collective. */
struct strata_lists *strata_lists_make(const struct strata_search *search,
                                       struct strata_arena *arena);
void strata_lists_count(struct strata_search *search);
/* Numbers of one plane of the wire. */
size_t strata_draft_numbers(const struct strata_search *search);
size_t strata_branch_numbers(const struct strata_search *search);

/* steps.c: the best step of a draft, given what was counted of its cells: (n_cells, 2). */
void strata_draft_start(const struct strata_search *search, size_t s);
void strata_draft_step(const struct strata_search *search, size_t s, struct strata_planes cell);

/* tree.c */
bool strata_growth_make(struct strata_search *search, struct strata_arena *arena);
/* Split what is worth it, choose the next frontier, and what is to be counted of it. */
void strata_growth_split(struct strata_search *search);
/* Take over what was counted of the branches, (planes) plane_numbers apart. */
void strata_growth_take(struct strata_search *search, const int64_t *count, size_t plane_numbers);

/* Who are wrong, and may be so in one leaf or another: one more in a leaf is one less elsewhere, in two segments. */
#define STRATA_FREE_CUSTOMERS (2 * STRATA_MIN_CELL)

/* prune.c: keep the branches of the best tree with at most 2 k leaves whose misses can be told, without cuts at
 * hidden levels where it misses few; none when there is no such tree.  False when memory ends. */
bool strata_growth_prune(struct strata_search *search, struct strata_arena scratch);

/* thresholds.c: the edges that conditions use, and the values next to them. */
struct strata_thresholds {
    double **at;  /* (n) into the axes */
    double *mine; /* (n, 2) next value below and above, on this rank */
    double *all;  /* (ranks, n, 2) */
    size_t n;
};
bool strata_thresholds_make(struct strata_search *search, int n_ranks,
                            struct strata_thresholds *used, struct strata_arena *arena);
/* Make them round.  Collective: one gather. */
void strata_thresholds_round(struct strata_comm *comm, struct strata_search *search,
                             struct strata_thresholds *used);
/* The number with the fewest digits above low and not above high; low < high. */
double strata_round_between(double low, double high);

/* rules_text.c: false when memory ends. */
bool strata_condition_write(const struct strata_axes *axes, const struct strata_range *range,
                            struct strata_arena *keep, struct strata_condition *out,
                            const char **sql);
bool strata_rule_write(const struct strata_axes *axes, const struct strata_draft *draft,
                       struct strata_arena *keep, struct strata_rule *out);

/* tree_text.c: the kept branches as a tree of the record; leaf_sql is an expression for the place of a
 * customer's leaf among the nodes. */
bool strata_tree_write(const struct strata_search *search, struct strata_arena *keep,
                       struct strata_tree *out, const char **leaf_sql);

/* sheet.c: some features of this rank's customers as a DuckDB table. */
struct strata_sheet {
    const struct strata_plan *plan;
    struct strata_duck *duck;
};
#define STRATA_SHEET_TABLE "customers()"
#define STRATA_SHEET_LABEL "\"strata label\"" /* of the segment, from 0 */
#define STRATA_SHEET_ROW "\"strata row\""
#define STRATA_SHEET_WEIGHT "\"strata weight\"" /* there are only with case weights */
/* used is (n_features); scratch outlives the sheet. */
STRATA_MUST_CHECK strata_status strata_sheet_open(struct strata_sheet *sheet, const bool *used,
                                                  struct strata_arena *scratch,
                                                  struct strata_err *err);
void strata_sheet_close(struct strata_sheet *sheet);

/* recount.c: what DuckDB counts of the rules and of the tree's leaves on this rank's customers. */
struct strata_recount {
    int64_t *rule;  /* (k, 4) customers, hits, weight, weight of hits */
    int64_t *leaf;  /* (n_nodes, 4) */
    size_t n;       /* of both together, which lie behind each other */
    unsigned scans; /* of all rows */
};
bool strata_recount_make(struct strata_recount *recount, size_t k, const struct strata_tree *tree,
                         struct strata_arena *arena);
STRATA_MUST_CHECK strata_status strata_recount_run(
    const struct strata_plan *plan, const struct strata_rule *rule, const struct strata_tree *tree,
    const char *leaf_sql, struct strata_recount *recount, struct strata_arena scratch,
    struct strata_err *err);

/* apriori.c: the job's a-priori segments into personas.  Collective; for each two passes over the rows,
 * besides one of DuckDB for all of them.  room: addresses that profiling two groups takes.  Same bits for
 * any number of ranks.  Fails on all ranks alike, also where DuckDB refuses a condition at some value. */
STRATA_MUST_CHECK strata_status strata_apriori_profile(
    struct strata_comm *comm, const struct strata_plan *plan,
    const struct strata_profile_tally *tally, uint64_t room, struct strata_personas *personas,
    struct strata_arena *keep, struct strata_err *err);
/* describe.c: empty profiles of a plan's groups, in keep; NULL when memory ends. */
struct strata_personas *strata_personas_make(const struct strata_plan *plan,
                                             struct strata_arena *keep);

/* told.c: a value with its unit, to its last digit. */
const char *strata_exact_tell(const struct strata_feature *feature, double value,
                              struct strata_arena *arena);

/* rules.c: a rule for each segment, and the tree.  Collective.  At most STRATA_RULE_LEVELS_MAX passes over the
 * rows, one reduction each, then one gather and one reduction more.  After disclosure, of what is visible.  rule is
 * (k) in keep.  Same bits for any number of ranks.  Fails for lack of memory, on all ranks alike. */
STRATA_MUST_CHECK strata_status
strata_rules_find(struct strata_comm *comm, const struct strata_plan *plan,
                  const struct strata_profile_tally *tally, const struct strata_personas *personas,
                  struct strata_arena *keep, struct strata_rule **rule, struct strata_tree *tree,
                  struct strata_describe_cost *cost, struct strata_err *err);
/* Bytes that it needs beside its result. */
uint64_t strata_rules_bytes(uint64_t n_rows, size_t n_features, size_t k, int n_threads,
                            bool weighted);

#endif
