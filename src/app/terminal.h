/* Drawing for people: how wide the terminal is and what it can show, the progress line, the table of segments.  Shared
 * by strata and stratactl. */
#ifndef STRATA_APP_TERMINAL_H
#define STRATA_APP_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "strata/board.h"
#include "strata/client.h"
#include "strata/status.h"

#include "terminal_text.h"

struct strata_terminal {
    bool drawn;  /* a person looks at it: lines may be redrawn, tables fit its width */
    bool colour; /* drawn, and NO_COLOR is not set */
    bool utf8;   /* the locale says so: blocks and ellipses, else ASCII */
    int columns; /* its width, or 100 when it is none */
};

/* What stream ends in.  Under mpirun and srun, whose pipes and pseudo-terminals say nothing, it is what the launcher
 * put into STRATA_PROGRESS: the columns of the terminal that its pipe ends in. */
struct strata_terminal strata_terminal_of(FILE *stream);

/* Colours; each is empty text when the terminal has none. */
enum strata_tint {
    STRATA_TINT_NONE,
    STRATA_TINT_STRONG,
    STRATA_TINT_DIM,
    STRATA_TINT_BAR,
    STRATA_TINT_BAD
};
const char *strata_tint(const struct strata_terminal *terminal, enum strata_tint tint);

/* Append a bar of `columns` columns, filled to fraction in [0, 1]. */
void strata_line_bar(struct strata_line *line, const struct strata_terminal *terminal,
                     double fraction, int columns);

/* The progress line of a snapshot on a terminal, as it would be drawn now; at most columns - 1 wide. */
void strata_progress_line(struct strata_line *line, const struct strata_terminal *terminal,
                          const struct strata_snapshot *now);

/* Draw progress: on a terminal one line, redrawn in place, gone when the state is final; elsewhere one line for each
 * new stage.  The caller limits the rate.  One stream and one thread a process. */
void strata_progress_draw(FILE *stream, const struct strata_snapshot *now);

/* Erase the line, if one is drawn; call before anything else is printed to the same terminal. */
void strata_progress_end(FILE *stream);

/* The table of segments: number, name, bar, share, customers, definition, as wide as the terminal. */
void strata_print_segment_table(FILE *stream, const struct strata_segments_view *view);

/* The same from a packed strata.v1.Result. */
STRATA_MUST_CHECK strata_status strata_print_segments(FILE *stream, const unsigned char *result,
                                                      size_t n_bytes, struct strata_err *err);

/* Everything that is told of one segment: its parts, each sentence with the number of customers behind it. */
void strata_print_persona(FILE *stream, const struct strata_terminal *terminal,
                          const struct strata_segment_view *persona);

/* Which segment a customer is in, how sure that is, and the reasons with their shares. */
void strata_print_customer(FILE *stream, const struct strata_terminal *terminal,
                           const struct strata_customer_view *customer);

/* text, broken between words so that each line is at most `columns` wide, each line after indent spaces. */
void strata_print_wrapped(FILE *stream, const struct strata_terminal *terminal, const char *text,
                          int indent, int columns);

/* The same with a short lead of ASCII in the place of the first line's spaces. */
void strata_print_hanging(FILE *stream, const struct strata_terminal *terminal, const char *lead,
                          const char *text, int indent, int columns);

#endif
