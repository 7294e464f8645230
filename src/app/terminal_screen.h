/* The whole terminal for one program, given back on every way out: the other screen of the terminal, no cursor, redrawn in
 * place; and the signals that matter to it. */
#ifndef STRATA_APP_TERMINAL_SCREEN_H
#define STRATA_APP_TERMINAL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "terminal_text.h"

/* Take the terminal behind stream; it is given back by leave, or at the program's end.  One stream a process. */
void strata_screen_enter(FILE *stream);
void strata_screen_leave(void); /* whether or not it was taken */

/* Put lines (n) in the place of what stands there. */
void strata_screen_draw(const struct strata_line *line, size_t n);

/* Lines of the terminal; 24 when it does not say. */
int strata_screen_rows(void);

enum strata_screen_signal {
    STRATA_SIGNAL_LEAVE,  /* INT, TERM, HUP, QUIT */
    STRATA_SIGNAL_RESIZE, /* WINCH */
    STRATA_SIGNAL_STOP,   /* TSTP: Ctrl-Z */
    STRATA_SIGNAL_COUNT
};
void strata_screen_catch_signals(void);

/* Whether such a signal has come since the last time. */
bool strata_screen_take_signal(enum strata_screen_signal kind);

/* Give the terminal back, stand still until the shell lets the program go on, and take it again. */
void strata_screen_suspend(void);

#endif
