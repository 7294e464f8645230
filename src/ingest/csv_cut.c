#include "csv_cut.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES ((size_t)1 << 16)

STRATA_MUST_CHECK static strata_status read_at(int fd, const char *path, uint64_t at, char *bytes,
                                               size_t n, size_t *got, struct strata_err *err)
{
    *got = 0;
    while (*got < n) {
        const ssize_t one = pread(fd, bytes + *got, n - *got, (off_t)(at + *got));
        if (one < 0 && errno == EINTR) continue;
        if (one < 0)
            return STRATA_FAIL(err, STRATA_E_IO, "cannot read %s: %s", path, strerror(errno));
        if (one == 0) break;
        *got += (size_t)one;
    }
    return STRATA_OK;
}

static bool is_border(char c, char delimiter, char quote)
{
    return c == delimiter || c == '\n' || c == '\r' || c == quote;
}

/* One block with a byte of context on either side; '\n' stands for what is beyond the data. */
static void scan_block(const char *bytes, size_t n, char before, char after,
                       const struct ingest_dialect *dialect, int64_t count[CSV_COUNTS])
{
    const char quote = dialect->quote[0];
    const char delimiter = dialect->delimiter[0];
    int64_t lines = 0;
    for (size_t i = 0; i < n; i++) lines += bytes[i] == '\n';
    count[CSV_LINES] += lines;
    if (!quote) return;
    for (const char *at = memchr(bytes, quote, n); at;
         at = memchr(at + 1, quote, n - (size_t)(at + 1 - bytes))) {
        const char left = at == bytes ? before : at[-1];
        const char right = at == bytes + n - 1 ? after : at[1];
        const bool opens_if_outside = (count[CSV_QUOTES] & 1) == 0;
        const bool odd_opening = !is_border(left, delimiter, quote);
        const bool odd_closing = !is_border(right, delimiter, quote);
        count[CSV_ODD_OUTSIDE] += opens_if_outside ? odd_opening : odd_closing;
        count[CSV_ODD_INSIDE] += opens_if_outside ? odd_closing : odd_opening;
        count[CSV_QUOTES]++;
    }
}

strata_status csv_cut_scan(int fd, const char *path, const struct ingest_dialect *dialect,
                           uint64_t data_begin, uint64_t first, uint64_t end,
                           int64_t count[CSV_COUNTS], struct strata_err *err)
{
    char block[BLOCK_BYTES + 2]; /* block[1..n]: the block; either side: its neighbours */
    for (uint64_t at = first; at < end;) {
        const size_t n = end - at < BLOCK_BYTES ? (size_t)(end - at) : BLOCK_BYTES;
        const bool has_before = at > data_begin;
        size_t got = 0;
        block[0] = '\n';
        STRATA_TRY(read_at(fd, path, has_before ? at - 1 : at, has_before ? block : block + 1,
                           n + 1 + has_before, &got, err));
        if (got < n + has_before)
            return STRATA_FAIL(err, STRATA_E_IO, "%s became shorter while it was read", path);
        const char after = got == n + 1 + has_before ? block[n + 1] : '\n';
        scan_block(block + 1, n, block[0], after, dialect, count);
        at += n;
    }
    return STRATA_OK;
}

strata_status csv_cut_find(int fd, const char *path, const struct ingest_dialect *dialect,
                           uint64_t data_begin, uint64_t size, uint64_t at, bool inside,
                           uint64_t *record, uint64_t *lines, struct strata_err *err)
{
    char block[BLOCK_BYTES];
    const char quote = dialect->quote[0];
    *record = at;
    *lines = 0;
    if (at == data_begin || at >= size) return STRATA_OK;
    while (at < size) {
        size_t got = 0;
        STRATA_TRY(read_at(fd, path, at, block, sizeof block, &got, err));
        if (got == 0)
            return STRATA_FAIL(err, STRATA_E_IO, "%s became shorter while it was read", path);
        for (size_t i = 0; i < got; i++) {
            if (quote && block[i] == quote) inside = !inside;
            if (block[i] != '\n') continue;
            ++*lines;
            *record = at + i + 1;
            if (!inside) return STRATA_OK;
        }
        at += got;
    }
    *record = size;
    return STRATA_OK;
}

strata_status csv_cut_count(int fd, const char *path, uint64_t written, struct csv_count *count,
                            struct strata_err *err)
{
    char block[BLOCK_BYTES];
    char out[2];
    while (count->written < written) {
        size_t got = 0;
        const uint64_t left =
            written - count->written; /* the pipe never has more bytes than the file */
        STRATA_TRY(read_at(fd, path, count->byte, block,
                           left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES, &got, err));
        if (got == 0) break;
        for (size_t i = 0; i < got; i++) {
            const size_t n = csv_lines_convert(&count->lines, block + i, 1, out);
            for (size_t j = 0; j < n; j++) count->line += out[j] == '\n';
            count->written += n;
        }
        count->byte += got;
    }
    return STRATA_OK;
}
