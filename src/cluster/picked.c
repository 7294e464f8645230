/* Single rows that all ranks must see: the sample and the farthest rows.  Each rank packs its
 * picks, all are gathered, and everyone sorts them by an order in which no two rows are equal. */
#include <stdlib.h>
#include <string.h>

#include "cluster/cluster_impl.h"

/* On the wire: this head, d floats, the key with its NUL, padding to 8 bytes. */
struct packed_head {
    uint64_t order, key_hash, weight, n_bytes; /* n_bytes of the whole record */
};

static size_t packed_size(size_t d, const char *key)
{
    const size_t bytes = sizeof(struct packed_head) + d * sizeof(float) + strlen(key) + 1;
    return (bytes + 7) & ~(size_t)7;
}

static void pack(unsigned char *at, const struct strata_rows *rows, struct strata_pick pick)
{
    const char *key = rows->key[pick.row];
    const uint64_t weight = rows->weight ? rows->weight[pick.row] : 1;
    const struct packed_head head = {pick.order, rows->key_hash[pick.row], weight,
                                     packed_size(rows->d, key)};
    memcpy(at, &head, sizeof head);
    memcpy(at + sizeof head, rows->x + pick.row * rows->d, rows->d * sizeof(float));
    memcpy(at + sizeof head + rows->d * sizeof(float), key, strlen(key) + 1);
}

static int compare(const void *a, const void *b)
{
    const struct strata_picked *one = a, *two = b;
    if (one->order != two->order) return one->order < two->order ? -1 : 1;
    if (one->key_hash != two->key_hash) return one->key_hash < two->key_hash ? -1 : 1;
    return strcmp(one->key, two->key);
}

static size_t packed_step(const unsigned char *at)
{
    struct packed_head head;
    memcpy(&head, at, sizeof head);
    return (size_t)head.n_bytes;
}

/* The key stays where it is; the values go to x (d), because records may start at any address. */
static struct strata_picked unpack(const unsigned char *at, size_t d, float *x)
{
    struct packed_head head;
    memcpy(&head, at, sizeof head);
    memcpy(x, at + sizeof head, d * sizeof *x);
    const unsigned char *key = at + sizeof head + d * sizeof *x;
    return (struct strata_picked){.order = head.order,
                                  .key_hash = head.key_hash,
                                  .weight = head.weight,
                                  .x = x,
                                  .key = (const char *)key};
}

strata_status strata_picked_gather(struct strata_comm *comm, const struct strata_rows *rows,
                                   const struct strata_pick *pick, size_t n_picks,
                                   struct strata_arena *keep, struct strata_picked **out,
                                   size_t *n_out, struct strata_err *err)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < n_picks; i++) n_bytes += packed_size(rows->d, rows->key[pick[i].row]);
    strata_status status = STRATA_OK;
    unsigned char *mine = STRATA_NEW(keep, unsigned char, n_bytes), *all = NULL;
    uint64_t *offset = NULL;
    if (!mine)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu rows that all ranks must see",
                             n_picks);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    for (size_t i = 0, at = 0; i < n_picks; i++) {
        pack(mine + at, rows, pick[i]);
        at += packed_size(rows->d, rows->key[pick[i].row]);
        strata_rows_jump(rows, pick[i].row, i + 1 < n_picks ? pick[i + 1].row : rows->n);
    }
    STRATA_TRY(strata_comm_gather_blobs(comm, mine, n_bytes, keep, &all, &offset, err));

    size_t n = 0;
    for (size_t at = 0; at < offset[comm->size]; at += packed_step(all + at)) n++;
    struct strata_picked *picked = STRATA_NEW(keep, struct strata_picked, n);
    float *x = STRATA_NEW(keep, float, n * rows->d);
    if (!picked || !x)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu rows seen by all ranks", n);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    for (size_t at = 0, i = 0; i < n; at += packed_step(all + at), i++)
        picked[i] = unpack(all + at, rows->d, x + i * rows->d);
    if (n > 1) qsort(picked, n, sizeof *picked, compare); /* keys are unique: a total order */
    *out = picked;
    *n_out = n;
    return STRATA_OK;
}
