/* Cutting CSV: every cut is a record's start; line ends become one kind; the counts of stripes
 * add up. */
#include "ingest/csv_cut.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/csv_lines.h"

static const struct ingest_dialect dialect = {
    .delimiter = ",", .quote = "\"", .escape = "\"", .header = false};

static int file_of(const char *text)
{
    char name[] = "/tmp/strata-csv-XXXXXX";
    const int fd = mkstemp(name);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(unlink(name), 0);
    return fd;
}

static const char tricky[] =
    "a,\"b\nc\",d\n\"\",\"\"\"\",\"x\"\"\n\"\"y\"\n,,\n\"\n\n\n\",2,3\nlast,\"q,\",\"\"";

/* The starts of records, by the plainest parser. */
static size_t naive_starts(const char *text, bool *start)
{
    size_t n = 0;
    bool inside = false;
    bool at_start = true;
    for (size_t i = 0; text[i]; i++) {
        start[i] = at_start;
        n += at_start;
        if (text[i] == '"') inside = !inside;
        at_start = !inside && text[i] == '\n';
    }
    return n;
}

Test(csv_cut, every_cut_of_any_stripe_is_the_next_record)
{
    const size_t size = strlen(tricky);
    const int fd = file_of(tricky);
    bool start[sizeof tricky] = {false};
    struct strata_err err = {0};
    cr_assert_eq(naive_starts(tricky, start), 5);
    for (size_t stripe = 1; stripe <= size; stripe++) {
        bool inside = false;
        uint64_t line = 1;
        for (size_t at = 0; at < size; at += stripe) {
            const size_t end = at + stripe < size ? at + stripe : size;
            int64_t count[CSV_COUNTS] = {0};
            uint64_t record = 0;
            uint64_t lines = 0;
            cr_assert_eq(csv_cut_scan(fd, "t", &dialect, 0, at, end, count, &err), STRATA_OK);
            cr_assert_eq(count[inside ? CSV_ODD_INSIDE : CSV_ODD_OUTSIDE], 0, "stripe %zu at %zu",
                         stripe, at);
            cr_assert_eq(csv_cut_find(fd, "t", &dialect, 0, size, at, inside, &record, &lines, &err),
                         STRATA_OK);
            size_t expected = at;
            while (expected < size && (!start[expected] || (expected == at && at > 0))) expected++;
            cr_assert_eq(record, expected, "stripe %zu at %zu", stripe, at);
            uint64_t naive_line = 1;
            for (size_t i = 0; i < record; i++) naive_line += tricky[i] == '\n';
            if (record < size) cr_assert_eq(line + lines, naive_line);
            line += (uint64_t)count[CSV_LINES];
            inside ^= (count[CSV_QUOTES] & 1) != 0;
        }
        cr_assert_not(inside);
    }
    (void)close(fd);
}

Test(csv_cut, quotes_where_none_may_be_are_seen)
{
    static const char *const odd[] = {"a,12\" pipe,b\n", "a,\"b\"c,d\n", "a,b\"\n", "x\"y\"z\n"};
    struct strata_err err = {0};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const int fd = file_of(odd[i]);
        int64_t count[CSV_COUNTS] = {0};
        cr_assert_eq(csv_cut_scan(fd, "t", &dialect, 0, 0, strlen(odd[i]), count, &err), STRATA_OK);
        cr_expect(count[CSV_ODD_OUTSIDE] > 0 || count[CSV_QUOTES] % 2 == 1, "%s", odd[i]);
        (void)close(fd);
    }
}

Test(csv_cut, a_file_that_became_shorter_is_told)
{
    struct strata_err err = {0};
    int64_t count[CSV_COUNTS] = {0};
    const int fd = file_of("a,b\n");
    cr_assert_eq(csv_cut_scan(fd, "t", &dialect, 0, 0, 100, count, &err), STRATA_E_IO);
    (void)close(fd);
}

/* Convert in pieces of `step` bytes. */
static const char *convert(const char *in, size_t step, const char *quote, const char *escape)
{
    static char out[256];
    struct csv_lines lines = csv_lines_begin(",", quote, escape);
    const size_t size = strlen(in);
    size_t n = 0;
    for (size_t at = 0; at < size; at += step)
        n += csv_lines_convert(&lines, in + at, size - at < step ? size - at : step, out + n);
    n += csv_lines_end(&lines, out + n);
    out[n] = '\0';
    return out;
}

Test(csv_lines, line_ends_outside_quotes_become_one_kind_in_pieces_of_any_size)
{
    static const struct {
        const char *in, *out, *quote, *escape;
    } cases[] = {
        {"a,b\r\nc,d\r\n", "a,b\nc,d\n", "\"", "\""},
        {"a,b\rc,d\r", "a,b\nc,d\n", "\"", "\""},
        {"a,b\nc,d", "a,b\nc,d", "\"", "\""},
        {"a,\"x\r\ny\"\r\n\"\r\",b\r\n", "a,\"x\r\ny\"\n\"\r\",b\n", "\"", "\""},
        {"\"a\"\"\r\n\"\"\",b\r\n", "\"a\"\"\r\n\"\"\",b\n", "\"", "\""},
        {"12\" pipe,x\r\ny,z\r\n", "12\" pipe,x\ny,z\n", "\"", "\""},
        {"\"a\\\"\r\n\",b\r\n", "\"a\\\"\r\n\",b\n", "\"", "\\"},
        {"\"\"\r\n\"\",\"\"\r\n", "\"\"\n\"\",\"\"\n", "\"", "\""},
        {"\"a\r\n", "\"a\n", "", ""},
        {"a\r\r\nb", "a\n\nb", "\"", "\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step <= 8; step++)
            cr_expect_str_eq(convert(cases[i].in, step, cases[i].quote, cases[i].escape),
                             cases[i].out, "case %zu step %zu", i, step);
}
