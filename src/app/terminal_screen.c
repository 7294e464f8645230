#include "terminal_screen.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define OTHER_SCREEN "\033[?1049h\033[?25l" /* without cursor */
#define OWN_SCREEN "\033[?25h\033[?1049l"

static struct {
    FILE *stream; /* NULL: the terminal is not taken */
    bool registered;
} screen;

static volatile sig_atomic_t came[STRATA_SIGNAL_COUNT];

void strata_screen_enter(FILE *stream)
{
    screen.stream = stream;
    if (!screen.registered) screen.registered = atexit(strata_screen_leave) == 0;
    (void)fputs(OTHER_SCREEN, stream);
    (void)fflush(stream);
}

void strata_screen_leave(void)
{
    if (!screen.stream) return;
    (void)fputs(OWN_SCREEN, screen.stream);
    (void)fflush(screen.stream);
    screen.stream = NULL;
}

void strata_screen_draw(const struct strata_line *line, size_t n)
{
    if (!screen.stream) return;
    (void)fputs("\033[H", screen.stream);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(screen.stream, "%s\033[K%s", line[i].text, i + 1 < n ? "\r\n" : "");
    (void)fputs("\033[J", screen.stream); /* what is left of a longer picture goes */
    (void)fflush(screen.stream);
}

int strata_screen_rows(void)
{
    struct winsize size = {0};
    if (!screen.stream || ioctl(fileno(screen.stream), TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
        return 24;
    return size.ws_row;
}

/* --- signals ------------------------------------------------------------------------------------ */

static void note(int number)
{
    const enum strata_screen_signal kind = number == SIGWINCH  ? STRATA_SIGNAL_RESIZE
                                           : number == SIGTSTP ? STRATA_SIGNAL_STOP
                                                               : STRATA_SIGNAL_LEAVE;
    came[kind] = 1;
}

void strata_screen_catch_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
    struct sigaction action = {.sa_handler = note};
    (void)sigemptyset(&action.sa_mask); /* cannot fail */
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        (void)sigaction(caught[i], &action, NULL);
}

bool strata_screen_take_signal(enum strata_screen_signal kind)
{
    const bool has_come = came[kind] != 0;
    came[kind] = 0;
    return has_come;
}

void strata_screen_suspend(void)
{
    FILE *stream = screen.stream;
    strata_screen_leave();
    (void)raise(SIGSTOP); /* goes on with SIGCONT */
    if (stream) strata_screen_enter(stream);
}
