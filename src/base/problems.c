#include "strata/problems.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

void strata_problems_add(struct strata_problems *problems, struct strata_place place,
                         strata_status code, const char *format, ...)
{
    problems->total++;
    if (problems->count == STRATA_PROBLEMS_MAX) return;
    struct strata_problem *problem = &problems->item[problems->count++];
    problem->place = place;
    problem->code = code;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
}

static bool comes_before(const struct strata_place *a, const struct strata_place *b)
{
    if (a->line != b->line) return a->line < b->line;
    return a->column < b->column;
}

/* Order of place; problems of one place stay in the order they were found. */
static void order_of_place(const struct strata_problems *problems, size_t order[STRATA_PROBLEMS_MAX])
{
    for (size_t i = 0; i < problems->count; i++) {
        size_t at = i;
        for (;
             at > 0 && comes_before(&problems->item[i].place, &problems->item[order[at - 1]].place);
             at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

static int print_one(char *text, size_t room, const struct strata_problem *problem)
{
    const struct strata_place *place = &problem->place;
    if (!place->file) return snprintf(text, room, "%s", problem->text);
    if (place->line <= 0) return snprintf(text, room, "%s: %s", place->file, problem->text);
    return snprintf(text, room, "%s:%d:%d: %s", place->file, place->line, place->column,
                    problem->text);
}

strata_status strata_problems_status(const struct strata_problems *problems, struct strata_err *err)
{
    if (problems->total == 0) return STRATA_OK;
    size_t order[STRATA_PROBLEMS_MAX] = {0};
    order_of_place(problems, order);
    char text[sizeof err->text];
    const size_t last_words = 64; /* room for "... and 12 more problems" */
    size_t used = 0, told = 0;
    for (; told < problems->count; told++) {
        char line[1024];
        (void)print_one(line, sizeof line, &problems->item[order[told]]);
        const size_t length = strlen(line);
        if (used + length + 1 + last_words > sizeof text) break;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? "\n" : "", line);
    }
    if (told < problems->total)
        (void)snprintf(text + used, sizeof text - used, "%s... and %zu more problems",
                       used ? "\n" : "", problems->total - told);
    return STRATA_FAIL(err, problems->item[order[0]].code, "%s", text);
}

void strata_problems_print(const struct strata_problems *problems, FILE *stream)
{
    size_t order[STRATA_PROBLEMS_MAX] = {0};
    order_of_place(problems, order);
    for (size_t i = 0; i < problems->count; i++) {
        char line[1024];
        (void)print_one(line, sizeof line, &problems->item[order[i]]);
        (void)fprintf(stream, "%s\n", line);
    }
    if (problems->total > problems->count)
        (void)fprintf(stream, "... and %zu more problems\n", problems->total - problems->count);
}

#define WORD_MAX 64

/* Edits (insert, delete, change, swap of neighbours) that turn a into b. */
static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t cost[3][WORD_MAX + 1];
    for (size_t j = 0; j <= n_b; j++) cost[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = cost[i % 3], *above = cost[(i - 1) % 3], *two_above = cost[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && two_above[j - 2] + 1 < best) best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return cost[n_a % 3][n_b];
}

const char *strata_nearest_word(const char *word, const char *const *known, size_t n_known)
{
    const size_t length = strlen(word);
    if (length > WORD_MAX) return NULL;
    const char *nearest = NULL;
    size_t best = length / 3 + 2; /* at most a third of the letters and one more */
    for (size_t i = 0; i < n_known; i++) {
        const size_t n_known_letters = strlen(known[i]);
        if (n_known_letters > WORD_MAX) continue;
        const size_t distance = edit_distance(word, length, known[i], n_known_letters);
        if (distance < best) {
            best = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
