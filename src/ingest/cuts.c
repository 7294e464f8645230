#include "cuts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "csv_cut.h"

STRATA_MUST_CHECK static strata_status open_unit(const struct ingest_detail *detail,
                                                 const struct ingest_unit *unit, int *fd,
                                                 const struct ingest_file **file,
                                                 struct strata_err *err)
{
    *file = &detail->source[unit->source].file[unit->file];
    *fd = open((*file)->path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return STRATA_FAIL(err, STRATA_E_IO, "cannot open %s: %s", (*file)->path, strerror(errno));
    return STRATA_OK;
}

STRATA_MUST_CHECK static strata_status scan_own(const struct ingest_detail *detail, int rank,
                                                struct halt *halt, int64_t *count,
                                                struct strata_err *err)
{
    for (size_t i = 0; i < detail->n_units; i++) {
        const struct ingest_unit *unit = &detail->unit[i];
        if (!unit->stripe || unit->rank != rank) continue;
        const struct ingest_file *file = NULL;
        int fd = -1;
        STRATA_TRY(halt_check(halt, err));
        STRATA_TRY(open_unit(detail, unit, &fd, &file, err));
        const strata_status rc =
            csv_cut_scan(fd, file->path, &detail->source[unit->source].dialect, file->data_begin,
                         unit->first, unit->end, count + i * CSV_COUNTS, err);
        (void)close(fd); /* only read from */
        STRATA_TRY(rc);
    }
    return STRATA_OK;
}

static bool same_file(const struct ingest_unit *a, const struct ingest_unit *b)
{
    return a->source == b->source && a->file == b->file;
}

/* Quotes in order, in pairs, over stripes [i, end)? */
static bool is_safe(const int64_t *count, size_t i, size_t end)
{
    bool inside = false;
    for (; i < end; i++) {
        const int64_t *stripe = count + i * CSV_COUNTS;
        if (stripe[inside ? CSV_ODD_INSIDE : CSV_ODD_OUTSIDE] > 0) return false;
        inside ^= (stripe[CSV_QUOTES] & 1) != 0;
    }
    return !inside;
}

/* The whole file becomes the first stripe's unit; the others become empty. */
static void join(struct ingest_unit *unit, size_t n)
{
    unit[0].end = unit[n - 1].end;
    for (size_t i = 0; i < n; i++) {
        unit[i].stripe = false;
        if (i > 0) unit[i].first = unit[i].end = unit[0].end;
    }
}

/* Move the start of each stripe to the next record; a stripe ends where the next one starts. */
STRATA_MUST_CHECK static strata_status cut(const struct ingest_detail *detail, size_t i, size_t end,
                                           const int64_t *count, int rank, struct strata_err *err)
{
    const struct ingest_file *file = NULL;
    int fd = -1;
    STRATA_TRY(open_unit(detail, &detail->unit[i], &fd, &file, err));
    bool inside = false;
    uint64_t line = detail->unit[i].line;
    strata_status rc = STRATA_OK;
    for (size_t first = i; i < end && rc == STRATA_OK; i++) {
        struct ingest_unit *unit = &detail->unit[i];
        uint64_t lines = 0;
        const bool needed = unit->rank == rank || (i > first && unit[-1].rank == rank);
        if (needed)
            rc = csv_cut_find(fd, file->path, &detail->source[unit->source].dialect,
                              file->data_begin, file->bytes, unit->first, inside, &unit->first,
                              &lines, err);
        unit->line = line + lines;
        if (i > first) unit[-1].end = unit->first;
        line += (uint64_t)count[i * CSV_COUNTS + CSV_LINES];
        inside ^= (count[i * CSV_COUNTS + CSV_QUOTES] & 1) != 0;
        unit->stripe = false;
    }
    (void)close(fd); /* only read from */
    return rc;
}

/* Ranks that read nothing of a file need not see it: files may be on the reader's disk only. */
static bool reads_any(const struct ingest_unit *unit, size_t n, int rank)
{
    for (size_t i = 0; i < n; i++)
        if (unit[i].rank == rank) return true;
    return false;
}

strata_status ingest_cuts(struct strata_comm *comm, struct ingest_detail *detail, struct halt *halt,
                          struct strata_arena scratch, struct strata_err *err)
{
    int64_t *count = STRATA_NEW(&scratch, int64_t, detail->n_units * CSV_COUNTS + 1);
    strata_status rc = STRATA_OK;
    if (!count)
        rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to cut %zu units", detail->n_units);
    if (rc == STRATA_OK) rc = scan_own(detail, comm->rank, halt, count, err);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    strata_comm_sum(comm, count, detail->n_units * CSV_COUNTS);
    for (size_t i = 0; i < detail->n_units && rc == STRATA_OK;) {
        size_t end = i + 1;
        while (end < detail->n_units && same_file(&detail->unit[i], &detail->unit[end])) end++;
        if (detail->unit[i].stripe && !is_safe(count, i, end))
            join(&detail->unit[i], end - i);
        else if (detail->unit[i].stripe && reads_any(&detail->unit[i], end - i, comm->rank))
            rc = cut(detail, i, end, count, comm->rank, err);
        i = end;
    }
    return strata_comm_agree(comm, rc, err);
}
