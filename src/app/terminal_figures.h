/* What stratactl prints of health, evaluation, quality and manifest. */
#ifndef STRATA_APP_TERMINAL_FIGURES_H
#define STRATA_APP_TERMINAL_FIGURES_H

#include "strata/client.h"

#include "terminal.h"

/* "  Name        text": a fact in a line, cut to the terminal's width. */
void strata_print_fact(FILE *stream, const struct strata_terminal *terminal, const char *name,
                       const char *text);

void strata_print_health(FILE *stream, const struct strata_terminal *terminal,
                         const struct strata_health_view *health);
void strata_print_evaluation(FILE *stream, const struct strata_terminal *terminal,
                             const struct strata_evaluation_view *evaluation);
void strata_print_quality(FILE *stream, const struct strata_terminal *terminal,
                          const struct strata_quality_view *quality);
void strata_print_manifest(FILE *stream, const struct strata_terminal *terminal,
                           const struct strata_manifest_view *manifest);

#endif
