/* The message catalogue looked up and filled in, and numbers as people read them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "persona/persona_impl.h"

#define KEY_TEXT 128

const char *strata_message(const char *key)
{
    for (const struct strata_message *message = strata_messages; message->key; message++) {
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

bool strata_list_has(const char *list, const char *word, size_t n)
{
    list += strspn(list, " ");
    while (*list) {
        const size_t length = strcspn(list, " ");
        if (length == n && strncmp(list, word, n) == 0) return true;
        list += length;
        list += strspn(list, " ");
    }
    return false;
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

const char *strata_number_said(const char *text, struct strata_arena *arena)
{
    const char *thousands = strata_message("number.thousands");
    const char *point = strata_message("number.point");
    const size_t most = strlen(thousands) + strlen(point);
    char *said = STRATA_NEW(arena, char, strlen(text) * (1 + most) + 1);
    size_t n = 0;
    for (; said && *text; text++) {
        const char one[2] = {*text, '\0'};
        const char *piece = *text == ',' ? thousands : *text == '.' ? point : one;
        memcpy(said + n, piece, strlen(piece));
        n += strlen(piece);
    }
    return said;
}

/* Decimals with which a magnitude does not read as 0. */
static int decimals_to_show(double magnitude)
{
    int decimals = 0;
    for (double least = 0.95; magnitude > 0.0 && magnitude < least && decimals < 12; least /= 10.0)
        decimals++;
    return decimals;
}

/* Two digits of the larger of two numbers, and at least one of the smaller. */
static int pair_decimals(double a, double b)
{
    const double larger = fmax(fabs(a), fabs(b));
    const double smaller = fmin(fabs(a), fabs(b));
    int decimals = 0;
    for (double lead = 10.0; larger > 0.0 && larger < lead && decimals < 12; lead /= 10.0)
        decimals++;
    const int least = decimals_to_show(smaller);
    return decimals > least ? decimals : least;
}

/* A share below 1 must not read as 100 %, one above 0 not as 0 %. */
static int percent_decimals(double a, double b)
{
    const int whole = pair_decimals(a, b);
    const int from_a = decimals_to_show(100.0 - a);
    const int from_b = decimals_to_show(100.0 - b);
    const int rest = from_a > from_b ? from_a : from_b;
    return whole > rest ? whole : rest;
}

static void fixed_text(double number, int decimals, char text[STRATA_NUMBER_TEXT])
{
    const double magnitude = fabs(number);
    if (magnitude >= 1e15 || (magnitude > 0.0 && magnitude < 1e-9)) {
        number_text(number, 0, 0, text);
        return;
    }
    (void)snprintf(text, STRATA_NUMBER_TEXT, "%.*f", decimals,
                   number); /* at most 16 + 1 + 20 bytes */
    if (!strpbrk(text, "123456789")) memcpy(text, "0", 2);
    mark_thousands(text);
}

static bool is_whole(const char *text)
{
    const char *point = strchr(text, '.');
    return !point || strspn(point + 1, "0") == strlen(point + 1);
}

/* Both with the same decimals; none where both are whole. */
static void fixed_pair(double a, double b, int decimals, char a_text[STRATA_NUMBER_TEXT],
                       char b_text[STRATA_NUMBER_TEXT])
{
    fixed_text(a, decimals, a_text);
    fixed_text(b, decimals, b_text);
    if (!is_whole(a_text) || !is_whole(b_text)) return;
    strip_zeros(a_text);
    strip_zeros(b_text);
}

static void index_text(double value, char text[STRATA_NUMBER_TEXT])
{
    const double shown = value < STRATA_INDEX_TIMES ? value : value / 100.0;
    const bool times = value >= STRATA_INDEX_TIMES;
    fixed_text(shown, times && shown < 10.0 ? 1 : decimals_to_show(fabs(shown)), text);
    strip_zeros(text);
}

void strata_number_pair(double value, double reference, enum strata_number_form form,
                        char value_text[STRATA_NUMBER_TEXT], char reference_text[STRATA_NUMBER_TEXT])
{
    const double scale = form == STRATA_FORM_PERCENT ? 100.0 : 1.0;
    const double a = value * scale;
    const double b = reference * scale;
    const int least = form == STRATA_FORM_PERCENT ? percent_decimals(a, b) : pair_decimals(a, b);
    if (form == STRATA_FORM_INDEX) {
        index_text(value, value_text);
        number_text(reference, 0, 0, reference_text);
        return;
    }
    double step = 1.0; /* of the last digit */
    for (int i = 0; i < least; i++) step /= 10.0;
    for (int more = 0; more <= 4; more++) { /* five tries: beyond that they are the same to people */
        int decimals = least + more;
        if (form == STRATA_FORM_MONEY && decimals == 1) decimals = 2;
        fixed_pair(a, b, decimals, value_text, reference_text);
        const bool apart = form == STRATA_FORM_PERCENT || fabs(a - b) >= 1.5 * step;
        if (a == b || (apart && strcmp(value_text, reference_text) != 0)) break;
        step /= 10.0;
    }
    if (form != STRATA_FORM_PERCENT) return;
    memcpy(value_text + strlen(value_text), "%", 2);
    memcpy(reference_text + strlen(reference_text), "%", 2);
}
