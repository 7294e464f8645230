#include "terminal_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct character {
    uint32_t point; /* '?' for what must not reach a terminal */
    size_t n_bytes;
    int width;
};

struct range {
    uint32_t first, last;
};

/* East Asian wide characters and pictures, as terminals draw them (Unicode TR 11, the large blocks). */
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};
/* Marks that are drawn over the character before them. */
static const struct range combining[] = {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x20D0, 0x20FF}};
/* Controls, and those that turn the direction of the rest of the line. */
static const struct range unsafe[] = {
    {0x0000, 0x001F}, {0x007F, 0x009F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}};

static bool is_in(uint32_t point, const struct range *range, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (point >= range[i].first && point <= range[i].last) return true;
    return false;
}
#define IS_IN(point, table) is_in((point), (table), sizeof(table) / sizeof *(table))

/* The character that text (not at its end) begins with; a broken sequence is one '?' of one byte. */
static struct character next_character(const char *text)
{
    const unsigned char first = (unsigned char)text[0];
    const struct character bad = {.point = '?', .n_bytes = 1, .width = 1};
    const size_t n = first < 0x80   ? 1
                     : first < 0xC2 ? 0
                     : first < 0xE0 ? 2
                     : first < 0xF0 ? 3
                     : first < 0xF5 ? 4
                                    : 0;
    if (n == 0) return bad;
    uint32_t point = n == 1 ? first : first & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80) return bad;
        point = point << 6 | ((unsigned char)text[i] & 0x3F);
    }
    if (IS_IN(point, unsafe)) return (struct character){.point = '?', .n_bytes = n, .width = 1};
    const int width = IS_IN(point, combining) ? 0 : IS_IN(point, wide) ? 2 : 1;
    return (struct character){.point = point, .n_bytes = n, .width = width};
}

int strata_text_width(const char *text)
{
    int width = 0;
    while (*text) {
        const struct character c = next_character(text);
        width += c.width;
        text += c.n_bytes;
    }
    return width;
}

static bool append(struct strata_line *line, const char *bytes, size_t n_bytes, int width)
{
    if (n_bytes >= sizeof line->text - line->n_bytes) return false;
    memcpy(line->text + line->n_bytes, bytes, n_bytes);
    line->n_bytes += n_bytes;
    line->text[line->n_bytes] = '\0';
    line->width += width;
    return true;
}

void strata_line_text(struct strata_line *line, const char *text, int columns, bool utf8)
{
    const bool cut = strata_text_width(text) > columns;
    int room = cut ? columns - 1 : columns;
    while (*text) {
        const struct character c = next_character(text);
        if (c.width > room) break;
        const bool plain = c.point != '?' && (utf8 || c.point < 0x80);
        if (!append(line, plain ? text : "??", plain ? c.n_bytes : (size_t)c.width, c.width))
            return;
        room -= c.width;
        text += c.n_bytes;
    }
    if (cut && columns > 0)
        (void)append(line, utf8 ? "\u2026" : "~", utf8 ? 3 : 1, 1); /* a full line stays as it is */
}

void strata_line_words(struct strata_line *line, const char *text, int columns, bool utf8)
{
    char whole_words[1024];
    size_t n_bytes = 0;
    int width = 0;
    if (strata_text_width(text) <= columns) {
        strata_line_text(line, text, columns, utf8);
        return;
    }
    for (const char *at = text; *at;) {
        const struct character c = next_character(at);
        if (*at == ' ') n_bytes = (size_t)(at - text);
        width += c.width;
        if (width > columns - 2) break;
        at += c.n_bytes;
    }
    while (n_bytes > 0 && strchr(",;:( ", text[n_bytes - 1])) n_bytes--;
    if (n_bytes == 0 || n_bytes >= sizeof whole_words) {
        strata_line_text(line, text, columns, utf8);
        return;
    }
    memcpy(whole_words, text, n_bytes);
    whole_words[n_bytes] = '\0';
    strata_line_text(line, whole_words, columns, utf8);
    (void)append(line, utf8 ? " \u2026" : " ~", utf8 ? 4 : 2, 2); /* a full line stays as it is */
}

void strata_line_left(struct strata_line *line, const char *text, int columns, bool utf8)
{
    const int start = line->width;
    strata_line_text(line, text, columns, utf8);
    strata_line_repeat(line, " ", columns - (line->width - start));
}

void strata_line_right(struct strata_line *line, const char *text, int columns, bool utf8)
{
    strata_line_repeat(line, " ", columns - strata_text_width(text));
    strata_line_text(line, text, columns, utf8);
}

void strata_line_code(struct strata_line *line, const char *code)
{
    (void)append(line, code, strlen(code), 0); /* a full line stays as it is */
}

void strata_line_repeat(struct strata_line *line, const char *text, int count)
{
    for (int i = 0; i < count; i++)
        if (!append(line, text, strlen(text), 1)) return;
}

void strata_count_text(uint64_t count, char text[32])
{
    char digits[24];
    const int n = snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t used = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

void strata_bytes_text(uint64_t bytes, char text[32])
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t i = 0;
    while (value >= 1024 && i + 1 < sizeof unit / sizeof *unit) {
        value /= 1024;
        i++;
    }
    (void)snprintf(text, 32, i == 0 ? "%.0f %s" : "%.1f %s", value, unit[i]); /* 32 is ample */
}
