#include "csv_lines.h"

#include <string.h>

struct csv_lines csv_lines_begin(const char *delimiter, const char *quote, const char *escape)
{
    const size_t n = strlen(delimiter);
    return (struct csv_lines){.delimiter = n ? delimiter[n - 1] : ',',
                              .quote = quote[0],
                              .escape = escape[0],
                              .before = '\n'};
}

static void step_inside(struct csv_lines *lines, char byte)
{
    if (lines->pair) {
        lines->pair = false; /* whatever was escaped */
    } else if (byte == lines->escape && lines->escape != lines->quote) {
        lines->pair = true;
    } else if (byte == lines->quote) {
        lines->inside = false; /* opened again if the next byte is a quote too */
        lines->pair = lines->escape == lines->quote;
    }
}

static bool opens(const struct csv_lines *lines, char byte)
{
    return lines->quote && byte == lines->quote &&
           (lines->pair || lines->before == lines->delimiter || lines->before == '\n');
}

/* One byte; returns how many were written. */
static size_t step(struct csv_lines *lines, char byte, char *out)
{
    size_t n = 0;
    if (lines->inside) {
        step_inside(lines, byte);
    } else {
        if (lines->return_seen) {
            lines->return_seen = false;
            lines->before = '\n';
            out[n++] = '\n';
            if (byte == '\n') return n;
        }
        lines->inside = opens(lines, byte);
        lines->pair = false;
        if (byte == '\r') {
            lines->return_seen = true;
            return n;
        }
    }
    lines->before = byte;
    out[n++] = byte;
    return n;
}

/* Bytes that change nothing: outside quotes all but quotes and CR, inside all but quotes and
 * escapes. */
static size_t plain_bytes(const struct csv_lines *lines, const char *in, size_t n)
{
    const char stop = lines->inside ? lines->escape : '\r';
    size_t i = 0;
    if (lines->pair || lines->return_seen) return 0;
    while (i < n && in[i] != lines->quote && in[i] != stop) i++;
    return i;
}

size_t csv_lines_convert(struct csv_lines *lines, const char *in, size_t n, char *out)
{
    size_t written = 0;
    for (size_t i = 0; i < n;) {
        const size_t plain = plain_bytes(lines, in + i, n - i);
        if (plain > 0) {
            memcpy(out + written, in + i, plain);
            written += plain;
            i += plain;
            lines->before = in[i - 1];
        } else {
            written += step(lines, in[i++], out + written);
        }
    }
    return written;
}

size_t csv_lines_end(struct csv_lines *lines, char *out)
{
    if (!lines->return_seen) return 0;
    lines->return_seen = false;
    out[0] = '\n';
    return 1;
}
