/* One customer in a few lines.  The key is not printed: it is the asker's own. */
#include <stdio.h>

#include "terminal.h"

#define READING_COLUMNS 88
#define SHARE_COLUMNS 8 /* "   62%  " */

static void print_head(FILE *stream, const struct strata_terminal *terminal,
                       const struct strata_customer_view *customer, int columns)
{
    char text[1024];
    struct strata_line line = {.width = 0};
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_STRONG));
    strata_line_text(&line, customer->name, columns, terminal->utf8);
    strata_line_code(&line, strata_tint(terminal, STRATA_TINT_NONE));
    (void)fprintf(stream, "%s\n", line.text);
    (void)snprintf(text, sizeof text, "Segment %u; %s", customer->segment,
                   customer->sureness); /* cut is fine */
    strata_print_wrapped(stream, terminal, text, 0, columns);
}

static void print_reason(FILE *stream, const struct strata_terminal *terminal,
                         const struct strata_reason_view *reason, int columns)
{
    char share[32];
    (void)snprintf(share, sizeof share, "%5.0f%%", 100 * reason->share);
    strata_print_hanging(stream, terminal, share, reason->text, SHARE_COLUMNS, columns);
}

void strata_print_customer(FILE *stream, const struct strata_terminal *terminal,
                           const struct strata_customer_view *customer)
{
    const int columns = terminal->columns < READING_COLUMNS ? terminal->columns : READING_COLUMNS;
    char text[1024];
    print_head(stream, terminal, customer, columns);
    if (customer->runner_up == 0) return;
    (void)snprintf(text, sizeof text,
                   customer->n_reasons > 0
                       ? "Why not %s (segment %u), and how much each reason counts"
                       : "No reasons are kept why not %s (segment %u)",
                   customer->runner_up_name, customer->runner_up);
    (void)fprintf(stream, "\n%s", strata_tint(terminal, STRATA_TINT_DIM));
    strata_print_wrapped(stream, terminal, text, 0, columns);
    (void)fputs(strata_tint(terminal, STRATA_TINT_NONE), stream);
    for (size_t i = 0; i < customer->n_reasons; i++)
        print_reason(stream, terminal, &customer->reason[i], columns);
}
