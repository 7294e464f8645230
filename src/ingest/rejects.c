#include "rejects.h"

#include <stdlib.h>
#include <string.h>

/* On the wire: number of the source, line, then file, column and reason, each ended by a NUL. */
struct head {
    uint64_t source, line;
};

static size_t packed_bytes(const struct strata_reject *reject)
{
    return sizeof(struct head) + strlen(reject->file) + strlen(reject->column) +
           strlen(reject->reason) + 3;
}

static size_t source_number(const struct ingest_detail *detail, const char *name)
{
    size_t i = 0;
    while (i + 1 < detail->n_sources && strcmp(detail->source[i].config->name, name) != 0) i++;
    return i;
}

static unsigned char *put_text(unsigned char *to, const char *text)
{
    const size_t n = strlen(text) + 1;
    memcpy(to, text, n);
    return to + n;
}

static unsigned char *pack(unsigned char *to, const struct ingest_detail *detail,
                           const struct strata_reject *reject)
{
    const struct head head = {source_number(detail, reject->source), reject->line};
    memcpy(to, &head, sizeof head);
    to = put_text(to + sizeof head, reject->file);
    to = put_text(to, reject->column);
    return put_text(to, reject->reason);
}

static const unsigned char *get_text(const unsigned char *from, struct strata_arena *keep,
                                     const char **text)
{
    const size_t n = strlen((const char *)from);
    *text = strata_arena_copy(keep, (const char *)from, n);
    return from + n + 1;
}

struct found {
    uint64_t source;
    struct strata_reject reject;
};

static int by_place(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    if (x->source != y->source) return x->source < y->source ? -1 : 1;
    const int file = strcmp(x->reject.file, y->reject.file);
    if (file != 0) return file;
    if (x->reject.line != y->reject.line) return x->reject.line < y->reject.line ? -1 : 1;
    const int column = strcmp(x->reject.column, y->reject.column);
    return column != 0 ? column : strcmp(x->reject.reason, y->reject.reason);
}

STRATA_MUST_CHECK static strata_status unpack(const struct ingest_detail *detail,
                                              const unsigned char *all, uint64_t n_bytes,
                                              struct strata_arena *keep, struct found *found,
                                              size_t n, struct strata_err *err)
{
    const unsigned char *from = all;
    for (size_t i = 0; i < n && from < all + n_bytes; i++) {
        struct head head;
        memcpy(&head, from, sizeof head);
        found[i].source = head.source;
        struct strata_reject *reject = &found[i].reject;
        reject->source = detail->source[head.source].config->name;
        reject->line = head.line;
        from = get_text(from + sizeof head, keep, &reject->file);
        from = get_text(from, keep, &reject->column);
        from = get_text(from, keep, &reject->reason);
        if (!reject->file || !reject->column || !reject->reason)
            return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of rejects");
    }
    return STRATA_OK;
}

/* Every rank has the same bytes and does the same work. */
STRATA_MUST_CHECK static strata_status merge(const struct ingest_detail *detail,
                                             const unsigned char *all, uint64_t n_bytes, size_t n,
                                             struct strata_arena *keep, struct strata_arena scratch,
                                             struct strata_quality *quality, struct strata_err *err)
{
    struct found *found = STRATA_NEW(&scratch, struct found, n + 1);
    if (!found) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of rejects");
    STRATA_TRY(unpack(detail, all, n_bytes, keep, found, n, err));
    qsort(found, n, sizeof *found, by_place);
    quality->n_rejects = n < INGEST_REJECTS_MAX ? n : INGEST_REJECTS_MAX;
    quality->reject = STRATA_NEW(keep, struct strata_reject, quality->n_rejects + 1);
    if (!quality->reject)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of rejects");
    for (size_t i = 0; i < quality->n_rejects; i++) quality->reject[i] = found[i].reject;
    return STRATA_OK;
}

strata_status rejects_gather(struct strata_comm *comm, const struct ingest_detail *detail,
                             const struct reader_rejects *mine, struct strata_arena *keep,
                             struct strata_arena scratch, struct strata_quality *quality,
                             struct strata_err *err)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < mine->n; i++) n_bytes += packed_bytes(&mine->item[i]);
    unsigned char *bytes = STRATA_NEW(&scratch, unsigned char, n_bytes + 1);
    unsigned char *all = NULL;
    uint64_t *offset = NULL;
    int64_t n = (int64_t)mine->n;
    strata_status rc =
        bytes ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of rejects");
    unsigned char *to = bytes;
    for (size_t i = 0; bytes && i < mine->n; i++) to = pack(to, detail, &mine->item[i]);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    strata_comm_sum(comm, &n, 1);
    STRATA_TRY(strata_comm_gather_blobs(comm, bytes, n_bytes, &scratch, &all, &offset, err));
    rc = merge(detail, all, offset[comm->size], (size_t)n, keep, scratch, quality, err);
    return strata_comm_agree(comm, rc, err);
}
