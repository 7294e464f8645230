/* DuckDB's reports quote values and whole lines of the data.  This file keeps what is safe: the
 * texts about the statement itself, and for the rest the kind of fault and the type that was
 * wanted. */
#include <ctype.h>
#include <string.h>

#include "duck_impl.h"

enum treatment {
    KEEP,    /* speaks of the statement, not of data: keep the first paragraph */
    GENERIC, /* may quote data: our sentence instead */
    OVERFLOW /* "Overflow in addition of INT32 (2147483647 + 1)!": keep up to the parenthesis */
};

static const struct {
    const char *prefix;
    strata_status status;
    enum treatment treatment;
    const char *sentence;
} classes[] = {
    {"Parser Error: ", STRATA_E_CONFIG, KEEP, ""},
    {"Syntax Error: ", STRATA_E_CONFIG, KEEP, ""},
    {"Binder Error: ", STRATA_E_CONFIG, KEEP, ""},
    {"Catalog Error: ", STRATA_E_CONFIG, KEEP, ""},
    {"Not implemented Error: ", STRATA_E_CONFIG, KEEP, ""},
    {"IO Error: ", STRATA_E_IO, KEEP, ""},
    {"HTTP Error: ", STRATA_E_IO, KEEP, ""},
    {"Permission Error: ", STRATA_E_PERMISSION, KEEP, ""},
    {"Out of Memory Error: ", STRATA_E_MEMORY, GENERIC,
     "DuckDB reached its memory limit; raise `memory:`, use more ranks, or free disk for spills"},
    {"INTERRUPT Error: ", STRATA_E_CANCELLED, GENERIC, "DuckDB was interrupted"},
    {"INTERNAL Error: ", STRATA_E_BUG, GENERIC, "DuckDB reported an internal error"},
    {"FATAL Error: ", STRATA_E_BUG, GENERIC, "DuckDB reported a fatal error"},
    {"Out of Range Error: ", STRATA_E_DATA, OVERFLOW,
     "a value is out of its type's range; cast to a wider type"},
    {"Conversion Error: ", STRATA_E_DATA, GENERIC,
     "a value cannot be converted; use try_cast, or clean it first"},
    {"Mismatch Type Error: ", STRATA_E_DATA, GENERIC, "a value has an unexpected type"},
    {"Divide by Zero Error: ", STRATA_E_DATA, GENERIC, "a division by zero"},
    {"Constraint Error: ", STRATA_E_DATA, GENERIC, "a value breaks a constraint"},
    {"Invalid Input Error: ", STRATA_E_DATA, GENERIC,
     "DuckDB refused the input: a file of another format, or a value that the SQL cannot use"},
};

/* Reports about files as a whole, which quote no data before `end` (NULL: in their first
 * paragraph). */
static const struct {
    const char *start, *end;
} safe_inputs[] = {
    {"Malformed JSON in file ", ": "},
    {"No magic bytes found", NULL},
    {"File '", NULL},
};

static bool fail_safe_input(struct strata_err *err, const char *text, strata_status status)
{
    for (size_t i = 0; i < sizeof safe_inputs / sizeof *safe_inputs; i++) {
        if (strncmp(text, safe_inputs[i].start, strlen(safe_inputs[i].start)) != 0) continue;
        const char *end = safe_inputs[i].end ? strstr(text, safe_inputs[i].end) : strchr(text, '\n');
        const size_t n = end ? (size_t)(end - text) : strlen(text);
        (void)STRATA_FAIL(err, status, "%.*s", n > 500 ? 500 : (int)n,
                          text); /* the caller has the status */
        return true;
    }
    return false;
}

/* Copy the first paragraph of a report, on one line. */
static void first_paragraph(const char *report, char *text, size_t room)
{
    const char *end = strstr(report, "\n\n");
    const char *line = strstr(report, "\nLINE ");
    if (line && (!end || line < end)) end = line;
    size_t n = end ? (size_t)(end - report) : strlen(report);
    if (n >= room) n = room - 1;
    for (size_t i = 0; i < n; i++) text[i] = report[i];
    text[n] = '\0';
    for (size_t i = 0; i < n; i++) text[i] = text[i] == '\n' ? ' ' : text[i];
}

/* The last word after " to " when it is a type: capitals, digits and punctuation of types only. */
static void wanted_type(const char *report, char *text, size_t room)
{
    text[0] = '\0';
    const char *found = NULL;
    for (const char *at = strstr(report, " to "); at; at = strstr(at + 1, " to ")) found = at + 4;
    if (!found) return;
    if (*found == '\'') found++;
    size_t n = 0;
    while (n + 1 < room && (isupper((unsigned char)found[n]) || strchr("(),_", found[n]) ||
                            (n > 0 && isdigit((unsigned char)found[n])))) {
        if (found[n] == '\0') break;
        text[n] = found[n];
        n++;
    }
    text[n] = '\0';
    if (n < 3) text[0] = '\0';
}

static strata_status fail_generic(struct strata_err *err, size_t which, const char *report)
{
    char type[40];
    wanted_type(report, type, sizeof type);
    const strata_status status = classes[which].status;
    if (status == STRATA_E_DATA && type[0])
        return STRATA_FAIL(err, status, "%s (wanted type %s)", classes[which].sentence, type);
    return STRATA_FAIL(err, status, "%s", classes[which].sentence);
}

strata_status duck_fail(const struct strata_duck *duck, struct strata_err *err, const char *report)
{
    /* An interruption shows in many ways, such as a transaction that was given up. */
    if (atomic_load(&duck->interrupted))
        return STRATA_FAIL(err, STRATA_E_CANCELLED, "DuckDB was interrupted");
    if (!report)
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "DuckDB gave no reason, perhaps for lack of memory");
    char text[600];
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const size_t prefix = strlen(classes[i].prefix);
        if (strncmp(report, classes[i].prefix, prefix) != 0) continue;
        const char *rest = report + prefix;
        if (classes[i].treatment == KEEP) {
            first_paragraph(rest, text, sizeof text);
            return STRATA_FAIL(err, classes[i].status, "%s", text);
        }
        if (classes[i].treatment == OVERFLOW && strncmp(rest, "Overflow in ", 12) == 0) {
            first_paragraph(rest, text, sizeof text);
            char *values = strstr(text, " (");
            if (!values) return fail_generic(err, i, report);
            *values = '\0';
            return STRATA_FAIL(err, classes[i].status, "%s: cast to a wider type", text);
        }
        return fail_safe_input(err, rest, classes[i].status) ? classes[i].status
                                                             : fail_generic(err, i, report);
    }
    return STRATA_FAIL(err, STRATA_E_DATA,
                       "DuckDB could not do it, for a reason that may quote data");
}
