/* The numbers in sentences, and whether their records have them. */
#ifndef PERSONA_SENTENCES_H
#define PERSONA_SENTENCES_H

#include "persona/persona_impl.h"

#include <ctype.h>

#include "persona_world.h"

/* The text with every occurrence of a word blanked. */
static inline void blank(char *text, const char *word)
{
    if (!word || !word[0]) return;
    for (char *at = strstr(text, word); at; at = strstr(at + 1, word))
        memset(at, '#', strlen(word));
}

static inline bool is_shown_as(double number, double shown, double unit)
{
    return !isnan(number) &&
           fabs(number - shown) <= 0.5 * unit * (1.0 + 1e-9) + 1e-12 * fabs(number);
}

/* A number as it stands in the record; a share also in percent, an index also as a multiple. */
static inline bool is_in_record(const struct strata_statement *st, double shown, double unit)
{
    const double number[] = {st->value, st->reference,     (double)st->count,    st->low,
                             st->high,  100.0 * st->value, 100.0 * st->reference};
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
        if (is_shown_as(number[i], shown, unit)) return true;
    }
    return strcmp(st->statistic, "index") == 0 &&
           is_shown_as(st->value / st->reference, shown, unit);
}

/* The next number at or after *at, with the unit of its last digit; false at the end. */
static inline bool next_number(char **at, double *shown, double *unit)
{
    while (**at && !isdigit((unsigned char)**at)) (*at)++;
    if (!**at) return false;
    char digits[400];
    size_t n = 0;
    int decimals = 0;
    bool fraction = false;
    if ((*at)[-1] == '-') digits[n++] = '-';
    for (; isdigit((unsigned char)**at) ||
           ((**at == ',' || **at == '.') && isdigit((unsigned char)(*at)[1]));
         (*at)++) {
        if (**at == ',') continue;
        if (fraction) decimals++;
        fraction |= **at == '.';
        digits[n++] = **at;
    }
    int exponent = 0;
    if (**at == 'e' && ((*at)[1] == '+' || (*at)[1] == '-')) {
        exponent = (int)strtol(*at + 1, at, 10);
    }
    digits[n] = '\0';
    *shown = strtod(digits, NULL) * pow(10.0, exponent);
    *unit = pow(10.0, exponent - decimals);
    return true;
}

static inline char *without_names(const struct world *world, const char *text)
{
    char *copy = malloc(strlen(text) + 2);
    copy[0] = ' ';
    memcpy(copy + 1, text, strlen(text) + 1);
    for (size_t f = 0; f < world->config.n_features; f++) {
        for (size_t l = 0; l < world->column[f].n_levels; l++)
            blank(copy, world->column[f].level[l]);
        blank(copy, world->feature[f].label);
        char capital[200];
        (void)snprintf(capital, sizeof capital, "%s", world->feature[f].label);
        strata_sentence_case(capital);
        blank(copy, capital);
    }
    return copy;
}

/* A statement is finite, of enough customers, and has no number that is not in its record. */
static inline void check_statement(const struct world *world, const struct strata_statement *st)
{
    double shown = 0.0;
    double unit = 0.0;
    cr_assert(isfinite(st->value) && isfinite(st->reference) && isfinite(st->low) &&
                  isfinite(st->high),
              "%s", st->text);
    cr_assert(st->low <= st->value && st->value <= st->high, "%s", st->text);
    cr_assert(st->feature == SIZE_MAX || st->count >= STRATA_MIN_CELL, "%s", st->text);
    cr_assert_null(strchr(st->text, '{'), "%s", st->text);
    char *copy = without_names(world, st->text);
    for (char *at = copy; next_number(&at, &shown, &unit);) {
        cr_assert(is_in_record(st, shown, unit), "%g in: %s", shown, st->text);
    }
    free(copy);
}

#endif
