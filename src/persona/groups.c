/* The rows of each block by segment, so that what looks at one feature after the other sees one segment at a time. */
#include <string.h>

#include "persona/persona_impl.h"

#define GROUP_ROWS STRATA_GROUP_ROWS

static size_t blocks_of(size_t n_rows)
{
    return (n_rows + GROUP_ROWS - 1) / GROUP_ROWS;
}

uint64_t strata_groups_bytes(uint64_t n_rows, uint64_t k)
{
    const uint64_t n_blocks = n_rows / GROUP_ROWS + 1;
    return n_rows * sizeof(uint16_t) + n_blocks * (k + 1) * (sizeof(uint16_t) + sizeof(size_t)) +
           (k + 1) * sizeof(size_t);
}

bool strata_groups_make(struct strata_groups *groups, size_t n_rows, size_t k,
                        struct strata_arena *scratch)
{
    const size_t n_blocks = blocks_of(n_rows);
    *groups =
        (struct strata_groups){.n_rows = n_rows,
                               .n_blocks = n_blocks,
                               .k = k,
                               .order = STRATA_NEW(scratch, uint16_t, n_rows),
                               .begin = STRATA_NEW(scratch, uint16_t, (n_blocks + 1) * (k + 1)),
                               .to = STRATA_NEW(scratch, size_t, (n_blocks + 1) * (k + 1)),
                               .first = STRATA_NEW(scratch, size_t, k + 1)};
    return groups->order && groups->begin && groups->to && groups->first;
}

size_t strata_groups_block(const struct strata_groups *groups, size_t block)
{
    const size_t left = groups->n_rows - block * GROUP_ROWS;
    return left < GROUP_ROWS ? left : GROUP_ROWS;
}

void strata_groups_sort(struct strata_groups *groups, const uint16_t *label, size_t block)
{
    const size_t n = strata_groups_block(groups, block), k = groups->k;
    uint16_t *begin = groups->begin + block * (k + 1);
    uint16_t *order = groups->order + block * GROUP_ROWS;
    uint16_t next[STRATA_MAX_SEGMENTS + 1];
    label += block * GROUP_ROWS;
    memset(begin, 0, (k + 1) * sizeof *begin);
    for (size_t i = 0; i < n; i++) begin[label[i] + 1]++;
    for (size_t s = 0; s < k; s++) begin[s + 1] = (uint16_t)(begin[s + 1] + begin[s]);
    memcpy(next, begin, k * sizeof *next);
    for (size_t i = 0; i < n; i++) order[next[label[i]]++] = (uint16_t)i;
}

void strata_groups_place(struct strata_groups *groups)
{
    const size_t k = groups->k;
    size_t at = 0;
    for (size_t s = 0; s < k; s++) {
        groups->first[s] = at;
        for (size_t block = 0; block < groups->n_blocks; block++) {
            const uint16_t *begin = groups->begin + block * (k + 1);
            groups->to[block * (k + 1) + s] = at;
            at += (size_t)(begin[s + 1] - begin[s]);
        }
    }
    groups->first[k] = at;
}
