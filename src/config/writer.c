/* One growing text, and YAML's ways to write a scalar so that it is read back as it was. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_impl.h"

#define OUTPUT_BYTES_MAX ((size_t)1 << 30) /* of addresses */

bool strata_writer_init(struct writer *writer)
{
    writer->starved = false;
    return strata_arena_init(&writer->arena, OUTPUT_BYTES_MAX);
}

/* In pieces that the arena takes without padding, so that they lie end to end. */
static void put_bytes(struct writer *writer, const char *bytes, size_t n)
{
    while (n > 0 && !writer->starved) {
        const size_t piece = n < 1024 ? n : 1024;
        char *room = strata_arena_take(&writer->arena, 1, 1, piece);
        if (room)
            memcpy(room, bytes, piece);
        else
            writer->starved = true;
        bytes += piece;
        n -= piece;
    }
}

void strata_writer_put(struct writer *writer, const char *format, ...)
{
    char small[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof small)
        writer->starved = true; /* never: short texts */
    else
        put_bytes(writer, small, (size_t)length);
}

/* --- scalars --- */

static bool is_plain(const char *text, size_t length)
{
    static const char *const special[] = {"yes",   "no",   "on", "off", "true",
                                          "false", "null", "y",  "n"};
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+- ";
    if (length == 0 || strspn(text, safe) != length) return false;
    const char first = text[0];
    const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
    if ((!letter && first != '/') || text[length - 1] == ' ') return false;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (strcasecmp(text, special[i]) == 0) return false;
    }
    return true;
}

/* The letter at text and its bytes; the text is valid UTF-8. */
static uint32_t letter_at(const unsigned char *text, size_t *n_bytes)
{
    const unsigned char first = text[0];
    *n_bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    uint32_t letter = *n_bytes == 1 ? first : first & (0x7Fu >> *n_bytes);
    for (size_t i = 1; i < *n_bytes; i++) letter = letter << 6 | (text[i] & 0x3Fu);
    return letter;
}

/* Letters that YAML reads as they are inside a text, and that are no line break to it. */
static bool is_printable(uint32_t letter)
{
    if (letter == 0x2028 || letter == 0x2029 || letter == 0xFEFF) return false;
    return (letter >= 0x20 && letter < 0x7F) || (letter >= 0xA0 && letter < 0xFFFE) ||
           letter > 0xFFFF;
}

static void put_quoted(struct writer *writer, const char *text, size_t length)
{
    put_bytes(writer, "\"", 1);
    for (size_t i = 0, n = 1; i < length; i += n) {
        const uint32_t letter = letter_at((const unsigned char *)text + i, &n);
        if (letter == '"' || letter == '\\')
            strata_writer_put(writer, "\\%c", (int)letter);
        else if (letter == '\n')
            strata_writer_put(writer, "\\n");
        else if (letter == '\t')
            strata_writer_put(writer, "\\t");
        else if (is_printable(letter))
            put_bytes(writer, text + i, n);
        else
            strata_writer_put(writer, "\\u%04X", letter);
    }
    put_bytes(writer, "\"", 1);
}

void strata_writer_scalar(struct writer *writer, const char *text, size_t length)
{
    if (is_plain(text, length))
        put_bytes(writer, text, length);
    else
        put_quoted(writer, text, length);
}

/* A literal block can hold it: no other line breaks and no controls, and a first line that shows the
 * indentation. */
static bool fits_block(const char *text)
{
    const size_t length = strlen(text);
    if (text[0] == ' ' || text[0] == '\n' || text[0] == '\t') return false;
    for (size_t i = 0, n = 1; i < length; i += n) {
        const uint32_t letter = letter_at((const unsigned char *)text + i, &n);
        if (letter != '\n' && letter != '\t' && !is_printable(letter)) return false;
    }
    return true;
}

void strata_writer_block(struct writer *writer, const char *text, int indent)
{
    size_t length = strlen(text);
    if (!fits_block(text)) {
        put_quoted(writer, text, length);
        return;
    }
    size_t breaks = 0;
    while (breaks < length && text[length - 1 - breaks] == '\n') breaks++;
    strata_writer_put(writer, "|%s", breaks == 0 ? "-" : breaks > 1 ? "+" : "");
    if (breaks > 0) length--; /* the caller ends the last line */
    for (size_t at = 0; at <= length;) {
        const char *newline = memchr(text + at, '\n', length - at);
        const size_t n = newline ? (size_t)(newline - text) - at : length - at;
        strata_writer_put(writer, "\n%*s", n > 0 ? indent : 0, "");
        put_bytes(writer, text + at, n);
        at += n + 1;
    }
}

/* The shortest decimal that is read back as the same double. */
void strata_writer_number(struct writer *writer, double number)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    strata_writer_put(writer, "%s", text);
}

strata_status strata_writer_end(struct writer *writer, struct strata_arena *keep, char **text,
                                struct strata_err *err)
{
    const size_t length = strata_arena_used(&writer->arena);
    *text =
        writer->starved ? NULL : strata_arena_copy(keep, (const char *)writer->arena.start, length);
    strata_arena_finish(&writer->arena);
    if (!*text) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to print the job's options");
    return STRATA_OK;
}
