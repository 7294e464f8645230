#include "csv_head.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES ((size_t)1 << 20)

STRATA_MUST_CHECK static strata_status read_start(const char *path, char *bytes, size_t *n,
                                                  bool *whole, struct strata_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return STRATA_FAIL(err, STRATA_E_NO_INPUT, "cannot open %s: %s", path, strerror(errno));
    *n = 0;
    ssize_t got = 1;
    while (*n < HEAD_BYTES && got > 0) {
        got = pread(fd, bytes + *n, HEAD_BYTES - *n, (off_t)*n);
        if (got > 0) *n += (size_t)got;
    }
    const int fault = errno;
    (void)close(fd); /* only read from */
    if (got < 0) return STRATA_FAIL(err, STRATA_E_IO, "cannot read %s: %s", path, strerror(fault));
    *whole = *n < HEAD_BYTES;
    return STRATA_OK;
}

struct scan {
    const char *at, *end;
    const struct ingest_dialect *dialect;
    size_t delimiter_bytes;
    char *to; /* where the field's bytes go */
};

static bool at_delimiter(const struct scan *scan)
{
    return (size_t)(scan->end - scan->at) >= scan->delimiter_bytes &&
           memcmp(scan->at, scan->dialect->delimiter, scan->delimiter_bytes) == 0;
}

/* One field, unquoted; false when it does not end in what was read. */
static bool scan_field(struct scan *scan)
{
    const char quote = scan->dialect->quote[0];
    const char escape = scan->dialect->escape[0];
    if (quote && scan->at < scan->end && *scan->at == quote) {
        for (scan->at++; scan->at < scan->end; scan->at++) {
            const bool pair = escape && *scan->at == escape && scan->at + 1 < scan->end &&
                              (scan->at[1] == quote || scan->at[1] == escape);
            if (pair)
                scan->at++;
            else if (*scan->at == quote)
                break;
            *scan->to++ = *scan->at;
        }
        if (scan->at == scan->end) return false;
        scan->at++;
    }
    while (scan->at < scan->end && *scan->at != '\n' && *scan->at != '\r' && !at_delimiter(scan))
        *scan->to++ = *scan->at++;
    *scan->to++ = '\0';
    return true;
}

static void skip_line_end(struct scan *scan)
{
    if (scan->at < scan->end && *scan->at == '\r') scan->at++;
    if (scan->at < scan->end && *scan->at == '\n') scan->at++;
}

STRATA_MUST_CHECK static strata_status scan_record(const char *path, struct scan *scan,
                                                   struct csv_head *head, bool whole,
                                                   struct strata_err *err)
{
    for (bool more = true; more;) {
        if (head->n_fields == STRATA_MAX_COLUMNS)
            return STRATA_FAIL(err, STRATA_E_DATA,
                               "%s: the first line has more than %d columns; is the delimiter right?",
                               path, STRATA_MAX_COLUMNS);
        head->field[head->n_fields++] = scan->to;
        if (!scan_field(scan) || (scan->at == scan->end && !whole))
            return STRATA_FAIL(
                err, STRATA_E_DATA,
                "%s:1: the first line does not end (an unclosed quote?); check `quote` and `delimiter`",
                path);
        more = at_delimiter(scan);
        if (more) scan->at += scan->delimiter_bytes;
    }
    skip_line_end(scan);
    return STRATA_OK;
}

strata_status csv_head_read(const char *path, const struct ingest_dialect *dialect,
                            struct strata_arena *keep, struct csv_head *head, struct strata_err *err)
{
    *head = (struct csv_head){.field = STRATA_NEW(keep, const char *, STRATA_MAX_COLUMNS)};
    char *bytes = STRATA_NEW(keep, char, HEAD_BYTES);
    char *fields = STRATA_NEW(keep, char, HEAD_BYTES + STRATA_MAX_COLUMNS);
    if (!head->field || !bytes || !fields)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the first line of %s", path);
    size_t n = 0;
    bool whole = false;
    STRATA_TRY(read_start(path, bytes, &n, &whole, err));
    if (n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) head->start = 3;
    struct scan scan = {
        .at = bytes + head->start, .end = bytes + n, .dialect = dialect, .to = fields};
    scan.delimiter_bytes = strlen(dialect->delimiter);
    const char *first = scan.at;
    STRATA_TRY(scan_record(path, &scan, head, whole, err));
    for (const char *at = first; at < scan.at; at++) head->lines += *at == '\n';
    head->end = (uint64_t)(scan.at - bytes);
    return STRATA_OK;
}
