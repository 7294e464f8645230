/* The message catalogue looked up and filled in, and numbers as people read them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "persona/persona_impl.h"

#define KEY_TEXT 128

const char *strata_message(const char *key)
{
    for (const struct strata_message *message = strata_messages_en; message->key; message++) {
        if (strcmp(message->key, key) == 0) return message->text;
    }
    return NULL;
}

const char *strata_message_at(const char *first, const char *second, const char *third)
{
    char key[KEY_TEXT];
    const int length = snprintf(key, sizeof key, "%s%s%s%s%s", first, second ? "." : "",
                                second ? second : "", third ? "." : "", third ? third : "");
    return length > 0 && (size_t)length < sizeof key ? strata_message(key) : NULL;
}

/* The slot whose name stands in braces at text; *skip is the length of that with its braces.
 * NULL: plain text. */
static const struct strata_slot *slot_at(const char *text, const struct strata_slot *slot,
                                         size_t n_slots, size_t *skip)
{
    for (size_t i = 0; *text == '{' && i < n_slots; i++) {
        const size_t length = strlen(slot[i].name);
        if (strncmp(text + 1, slot[i].name, length) != 0 || text[1 + length] != '}') continue;
        *skip = length + 2;
        return &slot[i];
    }
    return NULL;
}

/* Writes to out unless it is NULL; the length without the end mark. */
static size_t fill(const char *text, const struct strata_slot *slot, size_t n_slots, char *out)
{
    size_t length = 0;
    while (*text) {
        size_t skip = 1;
        const struct strata_slot *found = slot_at(text, slot, n_slots, &skip);
        const char *piece = found ? found->text : text;
        const size_t n = found ? strlen(found->text) : 1;
        if (out) memcpy(out + length, piece, n);
        length += n;
        text += skip;
    }
    return length;
}

char *strata_message_fill(const char *text, const struct strata_slot *slot, size_t n_slots,
                          struct strata_arena *arena)
{
    if (!text) return NULL;
    char *out = STRATA_NEW(arena, char, fill(text, slot, n_slots, NULL) + 1);
    if (out) (void)fill(text, slot, n_slots, out); /* the length is known */
    return out;
}

void strata_sentence_case(char *text)
{
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = (char)(text[0] - 'a' + 'A');
}

/* Decimals that show about three digits of a magnitude. */
static int decimals_of(double magnitude)
{
    if (magnitude >= 100.0 || magnitude == 0.0) return 0;
    int decimals = 1;
    for (double lead = 10.0; magnitude < lead && decimals < 12; lead /= 10.0) decimals++;
    return decimals;
}

static void strip_zeros(char *text)
{
    if (!strchr(text, '.')) return;
    size_t length = strlen(text);
    while (text[length - 1] == '0') text[--length] = '\0';
    if (text[length - 1] == '.') text[--length] = '\0';
}

/* "-1234567.5" to "-1,234,567.5". */
static void mark_thousands(char text[STRATA_NUMBER_TEXT])
{
    const size_t sign = text[0] == '-';
    const size_t whole = strspn(text + sign, "0123456789");
    for (size_t group = 3; group < whole; group += 3) {
        char *at = text + sign + whole - group;
        memmove(at + 1, at, strlen(at) + 1);
        *at = ',';
    }
}

static void number_text(double number, int decimals, int more, char text[STRATA_NUMBER_TEXT])
{
    const double magnitude = fabs(number);
    if (magnitude >= 1e15 || (magnitude > 0.0 && magnitude < 1e-9)) {
        (void)snprintf(text, STRATA_NUMBER_TEXT, "%.*e", 2 + more, number); /* at most 30 bytes */
        return;
    }
    (void)snprintf(text, STRATA_NUMBER_TEXT, "%.*f", decimals + more,
                   number); /* at most 16 + 1 + 20 bytes */
    strip_zeros(text);
    if (strcmp(text, "-0") == 0) memcpy(text, "0", 2);
    mark_thousands(text);
}

void strata_number_text(double number, int more, char text[STRATA_NUMBER_TEXT])
{
    number_text(number, decimals_of(fabs(number)), more, text);
}

/* A share below 1 must not read as 100 %, one above 0 not as 0 %. */
static int percent_decimals(double percent)
{
    if (percent <= 0.0 || percent >= 100.0) return 0;
    if (percent >= 10.0 && percent <= 99.0) return 0;
    if (percent > 99.0) return percent > 99.9 ? decimals_of(100.0 - percent) - 2 : 1;
    return decimals_of(percent) - 1;
}

static int form_decimals(double number, enum strata_number_form form)
{
    switch (form) {
    case STRATA_FORM_PERCENT:
        return percent_decimals(number);
    case STRATA_FORM_INDEX:
        return 0;
    case STRATA_FORM_NUMBER:
        break;
    }
    return decimals_of(fabs(number));
}

void strata_number_pair(double value, double reference, enum strata_number_form form,
                        char value_text[STRATA_NUMBER_TEXT], char reference_text[STRATA_NUMBER_TEXT])
{
    const double scale = form == STRATA_FORM_PERCENT ? 100.0 : 1.0;
    const double a = value * scale;
    const double b = reference * scale;
    for (int more = 0; more <= 4; more++) { /* five tries: beyond that they are the same to people */
        number_text(a, form_decimals(a, form), more, value_text);
        number_text(b, form_decimals(b, form), more, reference_text);
        if (a == b || strcmp(value_text, reference_text) != 0) break;
    }
    if (form != STRATA_FORM_PERCENT) return;
    memcpy(value_text + strlen(value_text), "%", 2);
    memcpy(reference_text + strlen(reference_text), "%", 2);
}
