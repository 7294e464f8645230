/* One pass over the rows for all rules and the tree.  Rows go by in pieces, a segment's rows each: first the pieces are
 * shared among the threads, and each is sorted into lists of rows that count for something; then the axes are shared,
 * and each counts the lists' codes.  So no two threads count into one cell, and what is counted at a time stays in the
 * cache.
 *
 * A row counts for a rule when it fulfils all its conditions, or all but one, then only on that one's axis, which so knows
 * the counts for any other condition in its place.  Where fewer have left a rule than are in it, those who left are
 * counted. */
#include <string.h>

#include "persona/rules_impl.h"

#define PIECE_ROWS 16384
#define PIECES_AT_A_TIME 8
#define LISTS_BYTES ((uint64_t)1 << 24)
#define OUT ((uint8_t)0x40)                  /* mark of a row that does not count */
#define CLASSES (STRATA_RULE_CONDITIONS + 1) /* fulfils all; but one of them */

/* Rows of one segment, by segment. */
struct piece {
    size_t first;
    uint16_t n, segment;
};

struct strata_lists {
    struct piece *piece;
    size_t n_pieces, at_a_time;
    uint16_t *row;      /* (at_a_time, k, PIECE_ROWS) of each draft, by class */
    uint16_t *end;      /* (at_a_time, k, CLASSES) */
    uint16_t *tree_row; /* (at_a_time, PIECE_ROWS) by slot */
    uint16_t *slot_end; /* (at_a_time, strata_frontier_max) */
};

/* A condition as codes; as levels when there are some. */
struct test {
    const uint8_t *code; /* of a piece's first row */
    uint8_t from, width;
    uint8_t level[STRATA_RULE_LEVELS];
    size_t n_levels;
};

static size_t pieces_at_a_time(uint64_t k, size_t n_threads)
{
    const uint64_t fits = LISTS_BYTES / (k * PIECE_ROWS * sizeof(uint16_t));
    const uint64_t n = fits < PIECES_AT_A_TIME ? fits : PIECES_AT_A_TIME;
    return n < n_threads ? n_threads : (size_t)n;
}

uint64_t strata_lists_bytes(uint64_t n_rows, uint64_t k, size_t n_threads)
{
    const uint64_t each =
        (k + 1) * PIECE_ROWS + k * CLASSES + strata_frontier_max(k); /* of a piece, in lists */
    return (n_rows / PIECE_ROWS + k + 1) * sizeof(struct piece) +
           pieces_at_a_time(k, n_threads) * each * sizeof(uint16_t);
}

struct strata_lists *strata_lists_make(const struct strata_search *search,
                                       struct strata_arena *arena)
{
    const struct strata_plan *plan = search->axes.plan;
    const size_t k = plan->k, most = plan->table->n_rows / PIECE_ROWS + k + 1;
    struct strata_lists *lists = STRATA_NEW(arena, struct strata_lists, 1);
    if (!lists) return NULL;
    lists->at_a_time = pieces_at_a_time(k, (size_t)strata_pool_threads(plan->pool));
    lists->piece = STRATA_NEW(arena, struct piece, most);
    lists->row = STRATA_NEW(arena, uint16_t, lists->at_a_time * k * PIECE_ROWS);
    lists->end = STRATA_NEW(arena, uint16_t, lists->at_a_time * k * CLASSES);
    lists->tree_row = STRATA_NEW(arena, uint16_t, lists->at_a_time * PIECE_ROWS);
    lists->slot_end = STRATA_NEW(arena, uint16_t, lists->at_a_time * strata_frontier_max(k));
    return lists->piece && lists->row && lists->end && lists->tree_row && lists->slot_end ? lists
                                                                                          : NULL;
}

static void cut_pieces(struct strata_lists *lists, const struct strata_groups *groups)
{
    lists->n_pieces = 0;
    for (size_t s = 0; s < groups->k; s++) {
        for (size_t first = groups->first[s]; first < groups->first[s + 1]; first += PIECE_ROWS) {
            const size_t left = groups->first[s + 1] - first;
            lists->piece[lists->n_pieces++] = (struct piece){
                first, (uint16_t)(left < PIECE_ROWS ? left : PIECE_ROWS), (uint16_t)s};
        }
    }
}

/* --- lists of rules --------------------------------------------------------------------------- */

static struct test test_of(const struct strata_axes *axes, const struct strata_range *range,
                           size_t first)
{
    struct test test = {.code = axes->code + range->axis * axes->plan->table->n_rows + first,
                        .n_levels = range->n_levels};
    for (size_t l = 0; l < range->n_levels && l < STRATA_RULE_LEVELS; l++)
        test.level[l] = (uint8_t)range->level[l];
    if (range->n_levels == 0)
        strata_axes_codes(&axes->axis[range->axis], range, &test.from, &test.width);
    return test;
}

static void fails(const struct test *test, size_t n, uint8_t *fail)
{
    const uint8_t *code = test->code, from = test->from, width = test->width;
    if (test->n_levels == 0) {
        for (size_t i = 0; i < n; i++) fail[i] = (uint8_t)(code[i] - from) > width;
        return;
    }
    memset(fail, 1, n);
    for (size_t l = 0; l < test->n_levels; l++) {
        const uint8_t level = test->level[l];
        for (size_t i = 0; i < n; i++) fail[i] = fail[i] & (uint8_t)(code[i] != level);
    }
}

static void mark_where(const uint8_t *fail, size_t n, uint8_t bit, uint8_t *mark)
{
    for (size_t i = 0; i < n; i++) mark[i] = (uint8_t)(mark[i] | (fail[i] ? bit : 0));
}

/* Append the rows with a mark; marks are below 128, and OUT up to the next multiple of 8. */
static uint16_t *rows_with(const uint8_t *mark, size_t n, uint8_t wanted, uint16_t *row)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    for (size_t i = 0; i < n; i += 8) {
        uint64_t marks = 0;
        memcpy(&marks, mark + i, sizeof marks);
        uint64_t found = ~((marks ^ (wanted * each)) + 0x7f * each) & (0x80 * each);
        for (; found; found &= found - 1)
            *row++ = (uint16_t)(i + (size_t)__builtin_ctzll(found) / 8);
    }
    return row;
}

/* Which rows of a piece count for a draft: marks have a bit for each condition that fails. */
static void mark_rows(const struct strata_axes *axes, const struct strata_draft *draft,
                      const struct piece *piece, bool leaving, uint8_t *mark)
{
    const struct strata_change *change = &draft->change;
    uint8_t fail[PIECE_ROWS];
    memset(mark, 0, piece->n);
    memset(mark + piece->n, OUT, 8);
    for (size_t c = 0; c < draft->n; c++) {
        const struct test test = test_of(axes, &draft->range[c], piece->first);
        fails(&test, piece->n, fail);
        if (leaving && c == change->place) {
            for (size_t i = 0; i < piece->n; i++) fail[i] ^= 1;
            mark_where(fail, piece->n, OUT, mark);
        } else {
            mark_where(fail, piece->n, (uint8_t)(1u << c), mark);
        }
    }
    if (!leaving || !change->had) return;
    const struct test before = test_of(axes, &change->before, piece->first);
    fails(&before, piece->n, fail);
    mark_where(fail, piece->n, OUT, mark);
}

static void list_draft(const struct strata_search *search, const struct piece *piece, size_t s,
                       uint16_t *row, uint16_t *end)
{
    const struct strata_draft *draft = &search->draft[s];
    uint8_t mark[PIECE_ROWS + 8];
    uint16_t *next = row;
    mark_rows(&search->axes, draft, piece, draft->change.leaving[piece->segment == s], mark);
    next = rows_with(mark, piece->n, 0, next);
    end[0] = (uint16_t)(next - row);
    for (size_t c = 0; c < draft->n; c++) {
        if (draft->range[c].axis != draft->change.axis)
            next = rows_with(mark, piece->n, (uint8_t)(1u << c), next);
        end[c + 1] = (uint16_t)(next - row);
    }
}

/* --- lists of the tree ------------------------------------------------------------------------ */

/* Every row of a piece takes the turn that its branch has become; then those that count, by slot. */
static void list_tree(const struct strata_search *search, const struct piece *piece, uint16_t *row,
                      uint16_t *slot_end)
{
    const struct strata_growth *growth = &search->growth;
    uint16_t *at = growth->at + piece->first;
    uint16_t next[2 * STRATA_MAX_SEGMENTS];
    memset(slot_end, 0, growth->n_counted * sizeof *slot_end);
    for (size_t i = 0; i < piece->n; i++) {
        const struct strata_turn *turn = &growth->turn[at[i]];
        const uint8_t code = turn->code[piece->first + i];
        at[i] = (uint8_t)(code - turn->from) <= turn->width ? turn->yes : turn->no;
        const uint32_t slot = growth->slot[at[i]];
        if (slot != STRATA_NO_SLOT) slot_end[slot]++;
    }
    uint16_t end = 0;
    for (size_t slot = 0; slot < growth->n_counted; slot++) {
        next[slot] = end;
        end = (uint16_t)(end + slot_end[slot]);
        slot_end[slot] = end;
    }
    for (size_t i = 0; end > 0 && i < piece->n; i++) {
        const uint32_t slot = growth->slot[at[i]];
        if (slot != STRATA_NO_SLOT) row[next[slot]++] = (uint16_t)i;
    }
}

/* --- counting --------------------------------------------------------------------------------- */

/* Some pieces of a pass. */
struct counting {
    struct strata_search *search;
    size_t first, n;
};

static void list_share(void *context, int thread)
{
    const struct counting *counting = context;
    struct strata_search *search = counting->search;
    struct strata_lists *lists = search->lists;
    const size_t k = search->axes.plan->k;
    const size_t n_threads = (size_t)strata_pool_threads(search->axes.plan->pool);
    for (size_t p = (size_t)thread; p < counting->n; p += n_threads) {
        const struct piece *piece = &lists->piece[counting->first + p];
        for (size_t s = 0; s < k; s++) {
            if (search->draft[s].settled) continue;
            list_draft(search, piece, s, lists->row + (p * k + s) * PIECE_ROWS,
                       lists->end + (p * k + s) * CLASSES);
        }
        if (search->growth.n_counted > 0)
            list_tree(search, piece, lists->tree_row + p * PIECE_ROWS,
                      lists->slot_end + p * strata_frontier_max(k));
    }
}

/* Cells that rows are counted into: of a code, and its weight beside it. */
struct cells {
    int64_t *count, *weight; /* weight is NULL without case weights */
    const uint32_t *offset;  /* (256) of each code */
    size_t n_codes;
};

#define TABLES 4 /* so that rows with the same code need not wait for each other */

/* Many rows, few codes: by code first. */
static void count_many(const uint8_t *code, const uint16_t *row, size_t n, size_t n_codes,
                       struct cells to)
{
    uint32_t table[TABLES][256];
    for (size_t t = 0; t < TABLES; t++) {
        memset(table[t], 0, n_codes * sizeof **table);
        table[t][STRATA_NO_CODE] = 0;
    }
    size_t i = 0;
    for (; i + TABLES <= n; i += TABLES) {
        for (size_t t = 0; t < TABLES; t++) table[t][code[row[i + t]]]++;
    }
    for (; i < n; i++) table[0][code[row[i]]]++;
    for (size_t c = 0; c <= n_codes; c++) {
        const size_t here = c < n_codes ? c : STRATA_NO_CODE;
        int64_t sum = 0;
        for (size_t t = 0; t < TABLES; t++) sum += table[t][here];
        if (sum > 0) to.count[to.offset[here]] += sum;
    }
}

static void count_rows(const uint8_t *code, const uint32_t *weight, const uint16_t *row, size_t n,
                       struct cells to)
{
    if (n >= 2 * to.n_codes)
        count_many(code, row, n, to.n_codes, to);
    else
        for (size_t i = 0; i < n; i++) to.count[to.offset[code[row[i]]]]++;
    for (size_t i = 0; weight && i < n; i++) to.weight[to.offset[code[row[i]]]] += weight[row[i]];
}

/* One axis of what is counted, and where. */
struct axis_counting {
    struct strata_search *search;
    size_t axis;
    size_t plane; /* numbers of a plane of the wire */
    uint32_t draft[256], branch[256];
};

static void count_drafts(const struct axis_counting *at, const struct piece *piece, size_t p)
{
    struct strata_search *search = at->search;
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k;
    const uint8_t *code = axes->code + at->axis * axes->plan->table->n_rows + piece->first;
    const uint32_t *weight = axes->weight ? axes->weight + piece->first : NULL;
    for (size_t s = 0; s < k; s++) {
        const struct strata_draft *draft = &search->draft[s];
        if (draft->settled || draft->change.axis == at->axis) continue;
        const uint16_t *row = search->lists->row + (p * k + s) * PIECE_ROWS;
        const uint16_t *end = search->lists->end + (p * k + s) * CLASSES;
        int64_t *count = search->wire + s * axes->n_cells * 2 + (piece->segment == s);
        const struct cells to = {count, weight ? count + at->plane : NULL, at->draft,
                                 axes->axis[at->axis].n_codes};
        count_rows(code, weight, row, end[0], to);
        for (size_t c = 0; c < draft->n; c++) {
            if (draft->range[c].axis == at->axis)
                count_rows(code, weight, row + end[c], (size_t)(end[c + 1] - end[c]), to);
        }
    }
}

static void count_branches(const struct axis_counting *at, const struct piece *piece, size_t p)
{
    struct strata_search *search = at->search;
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k;
    const uint8_t *code = axes->code + at->axis * axes->plan->table->n_rows + piece->first;
    const uint32_t *weight = axes->weight ? axes->weight + piece->first : NULL;
    const uint16_t *row = search->lists->tree_row + p * PIECE_ROWS;
    const uint16_t *end = search->lists->slot_end + p * strata_frontier_max(k);
    int64_t *count = search->wire + strata_draft_numbers(search) + piece->segment;
    size_t begin = 0;
    for (size_t slot = 0; slot < search->growth.n_counted; slot++) {
        const struct cells to = {count, weight ? count + at->plane : NULL, at->branch,
                                 axes->axis[at->axis].n_codes};
        count_rows(code, weight, row + begin, end[slot] - begin, to);
        begin = end[slot];
        count += axes->n_tree_cells * k;
    }
}

static void count_share(void *context, int thread)
{
    const struct counting *counting = context;
    struct strata_search *search = counting->search;
    const struct strata_axes *axes = &search->axes;
    const size_t k = axes->plan->k, n_threads = (size_t)strata_pool_threads(axes->plan->pool);
    struct axis_counting at = {
        .search = search, .plane = strata_draft_numbers(search) + strata_branch_numbers(search)};
    for (at.axis = (size_t)thread; at.axis < axes->n; at.axis += n_threads) {
        const struct strata_axis *axis = &axes->axis[at.axis];
        for (size_t code = 0; code < 256; code++) {
            if (code >= axis->n_codes && code != STRATA_NO_CODE) continue;
            at.draft[code] = (uint32_t)(2 * (axis->first + axis->bin[code]));
            at.branch[code] = (uint32_t)(strata_tree_cell(axes, axis, axis->bin[code]) * k);
        }
        for (size_t p = 0; p < counting->n; p++) {
            const struct piece *piece = &search->lists->piece[counting->first + p];
            count_drafts(&at, piece, p);
            if (search->growth.n_counted > 0) count_branches(&at, piece, p);
        }
    }
}

void strata_lists_count(struct strata_search *search)
{
    const struct strata_axes *axes = &search->axes;
    struct strata_lists *lists = search->lists;
    const size_t plane = strata_draft_numbers(search) + strata_branch_numbers(search);
    memset(search->wire, 0, axes->planes * plane * sizeof *search->wire);
    if (lists->n_pieces == 0) cut_pieces(lists, &axes->plan->groups);
    for (size_t first = 0; first < lists->n_pieces; first += lists->at_a_time) {
        const size_t left = lists->n_pieces - first;
        struct counting counting = {search, first,
                                    left < lists->at_a_time ? left : lists->at_a_time};
        strata_pool_run(axes->plan->pool, list_share, &counting);
        strata_pool_run(axes->plan->pool, count_share, &counting);
    }
}
