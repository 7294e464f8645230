/* Text that knows its width on a terminal: pieces are measured in columns, cut with an ellipsis, and cleaned of control
 * characters, since names come from the outside. */
#ifndef STRATA_APP_TERMINAL_TEXT_H
#define STRATA_APP_TERMINAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line under construction.  Overflow is cut at a character's end, never an error. */
struct strata_line {
    char text[4096];
    size_t n_bytes;
    int width; /* columns taken so far; colours take none */
};

/* Columns that text takes when every control character is shown as one '?'. */
int strata_text_width(const char *text);

/* Append text, cleaned and cut to at most columns (the last one an ellipsis when something is cut). */
void strata_line_text(struct strata_line *line, const char *text, int columns, bool utf8);

/* The same, cut between words: "They come more often, spend more …". */
void strata_line_words(struct strata_line *line, const char *text, int columns, bool utf8);

/* As strata_line_text, then spaces up to columns; or spaces first. */
void strata_line_left(struct strata_line *line, const char *text, int columns, bool utf8);
void strata_line_right(struct strata_line *line, const char *text, int columns, bool utf8);

/* Append bytes that take no column: a colour. */
void strata_line_code(struct strata_line *line, const char *code);

/* Append count times the same text of one column. */
void strata_line_repeat(struct strata_line *line, const char *text, int count);

/* 1234567 as "1,234,567". */
void strata_count_text(uint64_t count, char text[32]);

/* 1234567 as "1.2 MiB". */
void strata_bytes_text(uint64_t bytes, char text[32]);

#endif
