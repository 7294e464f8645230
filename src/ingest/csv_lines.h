/* One way to end a line.  DuckDB wants to know how the records of a file end and is misled by line
 * ends inside quotes, so what it is given always ends records by '\n': CR LF and lone CR outside
 * quotes become '\n', and inside quotes everything stays as it is. */
#ifndef STRATA_CSV_LINES_H
#define STRATA_CSV_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct csv_lines {
    char delimiter;     /* its last byte */
    char quote, escape; /* 0: none */
    bool inside;        /* a quoted field */
    bool pair;        /* the byte before, inside quotes, may be the first half of an escaped one */
    bool return_seen; /* the byte before was a CR outside quotes, not yet written */
    char before;      /* the byte before; '\n' at the start of a record */
};

/* At the start of a record. */
struct csv_lines csv_lines_begin(const char *delimiter, const char *quote, const char *escape);

/* Convert n bytes into out, which has room for n + 1; returns how many were written.  Goes on where
 * it stopped. */
size_t csv_lines_convert(struct csv_lines *lines, const char *in, size_t n, char *out);

/* What is still to be written at the end of the input: at most one byte. */
size_t csv_lines_end(struct csv_lines *lines, char *out);

#endif
